//! Files: which of a folder are looked at, and their text.
//!
//! Links are not followed out of a folder, or at all: what a link inside it points to is seen by its
//! own name. Sizes are checked before anything is read, so a sparse or a compressed giant costs nothing.

use flate2::read::MultiGzDecoder;
use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

/// The largest file that is read.
pub(crate) const FILE_LIMIT: u64 = 512 << 20;
/// The most that a compressed file may unpack to.
pub(crate) const UNPACKED_LIMIT: u64 = 1 << 30;
/// How much of a file is looked at to tell whether it is for us.
pub(crate) const HEAD: usize = 64 << 10;
/// The largest file without an extension that is looked at.
const NAMELESS_LIMIT: u64 = 1 << 20;

/// How many files of other kinds are named.
const OTHERS: usize = 10;

/// A file of the inputs.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    /// Where it is.
    pub(crate) path: PathBuf,
    /// Its path as it is shown.
    pub(crate) shown: String,
    /// The user named this very file, so it is expected to be for us.
    pub(crate) named: bool,
}

/// What a folder holds.
#[derive(Default)]
pub(crate) struct Walked {
    /// What is for us, in the order of paths.
    pub(crate) entries: Vec<Entry>,
    /// How many other files there are, and the first of them.
    pub(crate) others: (usize, Vec<String>),
    /// What could not be entered, and why.
    pub(crate) unreadable: Vec<(String, String)>,
}

/// Goes through a folder.
pub(crate) fn walk(folder: &Path) -> Walked {
    let mut walked = Walked::default();
    let walk = ignore::WalkBuilder::new(folder)
        .standard_filters(false)
        .follow_links(false)
        .sort_by_file_path(Path::cmp)
        .filter_entry(|entry| {
            let name = entry.file_name().to_string_lossy();
            let is_folder = entry.file_type().is_some_and(|kind| kind.is_dir());
            entry.depth() == 0 || !is_folder || !(name.starts_with('.') || name == "target" || name == "node_modules")
        })
        .build();
    for entry in walk {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                walked.unreadable.push((shown(folder), reason(&error)));
                continue;
            }
        };
        if !entry.file_type().is_some_and(|kind| kind.is_file()) {
            continue;
        }
        let size = entry.metadata().map_or(0, |metadata| metadata.len());
        if considered(&entry.file_name().to_string_lossy(), size) {
            let path = entry.into_path();
            walked.entries.push(Entry { shown: shown(&path), path, named: false });
        } else {
            walked.others.0 += 1;
            if walked.others.1.len() < OTHERS {
                walked.others.1.push(shown(&entry.into_path()));
            }
        }
    }
    walked
}

fn reason(error: &ignore::Error) -> String {
    match error.io_error() {
        Some(error) => error.to_string(),
        None => error.to_string(),
    }
}

/// A path as it is shown: relative where it can be, with `/` on every system. Code scanning wants
/// places relative to the repository, in which such a run usually starts.
pub(crate) fn shown(path: &Path) -> String {
    static HERE: LazyLock<Option<PathBuf>> = LazyLock::new(|| std::env::current_dir().ok());
    let inside = HERE.as_deref().filter(|_| path.is_absolute()).and_then(|here| path.strip_prefix(here).ok());
    let path = inside.filter(|inside| !inside.as_os_str().is_empty()).unwrap_or(path);
    let text = path.to_string_lossy();
    let text = text.strip_prefix("./").filter(|rest| !rest.is_empty()).unwrap_or(&text);
    if std::path::MAIN_SEPARATOR == '/' { text.to_owned() } else { text.replace(std::path::MAIN_SEPARATOR, "/") }
}

/// Whether a file of this name may be for us.
fn considered(name: &str, size: u64) -> bool {
    let lower = name.to_ascii_lowercase();
    if lower.starts_with(".env") {
        return !["example", "sample", "template", "dist"].iter().any(|end| lower.ends_with(end));
    }
    if lower.starts_with('.') {
        return false;
    }
    match lower.rsplit_once('.') {
        Some((_, "json" | "yaml" | "yml" | "env" | "ps1" | "txt" | "err")) => true,
        Some((_, "tf" | "tofu" | "tfvars" | "template" | "sh" | "bash" | "md")) => true,
        Some((stem, "gz")) => stem.ends_with(".json"),
        Some((_, "toml")) => lower == "sparkcheck.toml",
        Some(_) => false,
        None => size <= NAMELESS_LIMIT,
    }
}

/// Whether a file is a part of a Terraform or OpenTofu module, by its name.
pub(crate) fn is_terraform(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase();
    let ends = [".tf", ".tofu", ".tf.json", ".tofu.json", ".tfvars", ".tfvars.json"];
    ends.iter().any(|end| name.ends_with(end))
}

/// Why the bytes of a file are not a text for us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unreadable {
    /// The system refuses it, or it is no regular file.
    System(String),
    /// It is larger than any export.
    TooLarge(String),
    /// It is UTF-16, and holds what looks like ours or not.
    Utf16 {
        /// Whether its beginning looks like output of AWS or Kubernetes.
        ours: bool,
    },
    /// It is not text.
    NotText {
        /// What is wrong with it.
        why: String,
        /// Whether its beginning looks like output of AWS or Kubernetes.
        ours: bool,
    },
}

impl Unreadable {
    /// The reason in words.
    pub(crate) fn reason(&self) -> String {
        match self {
            Self::System(why) | Self::TooLarge(why) | Self::NotText { why, .. } => why.clone(),
            Self::Utf16 { .. } => "it is UTF-16".to_owned(),
        }
    }
}

/// The bytes of a file, unpacked.
pub(crate) fn bytes(path: &Path) -> Result<Vec<u8>, Unreadable> {
    let system = |error: io::Error| Unreadable::System(error.to_string());
    let metadata = std::fs::metadata(path).map_err(system)?;
    if !metadata.is_file() {
        return Err(Unreadable::System("it is not a regular file".to_owned()));
    }
    if metadata.len() > FILE_LIMIT {
        return Err(Unreadable::TooLarge(format!(
            "it has {} MiB; files above {} MiB are not read",
            metadata.len() >> 20,
            FILE_LIMIT >> 20
        )));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or(0) + 1);
    // A file may grow while it is read.
    File::open(path).map_err(system)?.take(FILE_LIMIT + 1).read_to_end(&mut bytes).map_err(system)?;
    unpack(bytes)
}

/// The bytes themselves, or what they unpack to.
pub(crate) fn unpack(bytes: Vec<u8>) -> Result<Vec<u8>, Unreadable> {
    unpack_within(bytes, UNPACKED_LIMIT)
}

fn unpack_within(bytes: Vec<u8>, limit: u64) -> Result<Vec<u8>, Unreadable> {
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return Ok(bytes);
    }
    let mut unpacked = Vec::new();
    let broken = |error: io::Error| Unreadable::System(format!("it cannot be unpacked: {error}"));
    let mut decoder = MultiGzDecoder::new(bytes.as_slice());
    // What does not begin as text is not unpacked to its end.
    decoder.by_ref().take(HEAD as u64).read_to_end(&mut unpacked).map_err(broken)?;
    if unpacked.contains(&0) && !unpacked.starts_with(&[0xff, 0xfe]) && !unpacked.starts_with(&[0xfe, 0xff]) {
        return Ok(unpacked);
    }
    decoder.take((limit + 1).saturating_sub(unpacked.len() as u64)).read_to_end(&mut unpacked).map_err(broken)?;
    if unpacked.len() as u64 > limit {
        return Err(Unreadable::TooLarge(format!("it unpacks to more than {} MiB", limit >> 20)));
    }
    Ok(unpacked)
}

/// The bytes as text, without a byte order mark.
pub(crate) fn text(bytes: &[u8]) -> Result<&str, Unreadable> {
    let bytes = bytes.strip_prefix(&[0xef, 0xbb, 0xbf]).unwrap_or(bytes);
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err(Unreadable::Utf16 { ours: looks_ours(&ascii(bytes)) });
    }
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let (line, column) = line_and_column(bytes, error.valid_up_to());
            let why = format!("it is not UTF-8 at line {line}, column {column}");
            return Err(Unreadable::NotText { why, ours: looks_ours(&ascii(bytes)) });
        }
    };
    // Asking first is much faster than searching, and the answer is nearly always no.
    if bytes.contains(&0) {
        let at = bytes.iter().position(|byte| *byte == 0).unwrap_or_default();
        let (line, column) = line_and_column(bytes, at);
        let why = format!("it holds a NUL byte at line {line}, column {column}");
        return Err(Unreadable::NotText { why, ours: looks_ours(&ascii(bytes)) });
    }
    Ok(text)
}

/// The beginning of bytes in an unknown encoding, with only its ASCII left.
fn ascii(bytes: &[u8]) -> Cow<'static, str> {
    let head = bytes.get(..HEAD.min(bytes.len())).unwrap_or_default();
    head.iter().filter(|byte| byte.is_ascii() && **byte != 0).map(|byte| char::from(*byte)).collect::<String>().into()
}

fn line_and_column(bytes: &[u8], at: usize) -> (usize, usize) {
    let before = bytes.get(..at).unwrap_or_default();
    let line = before.split(|byte| *byte == b'\n').count();
    let last = before.rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
    (line, String::from_utf8_lossy(last).chars().count() + 1)
}

/// Whether a text looks like output of AWS or Kubernetes, even if it does not parse.
pub(crate) fn looks_ours(text: &str) -> bool {
    const MARKS: &[&str] = &[
        "\"RoleDetailList\"",
        "\"AssumeRolePolicyDocument\"",
        "\"AttachedPolicies\"",
        "\"PolicyNames\"",
        "\"PolicyDocument\"",
        "\"PolicyVersion\"",
        "\"OpenIDConnectProviderList\"",
        "\"ClientIDList\"",
        "\"InstanceProfiles\"",
        "\"UserId\"",
        "\"accessEntries\"",
        "\"nodegroups\"",
        "\"addons\"",
        "\"associations\"",
        "\"fargateProfileNames\"",
        "\"applications\"",
        "\"Clusters\"",
        "\"Roles\"",
        "\"Account\"",
        "\"virtualClusters\"",
        "\"virtualCluster\"",
        "\"jobRuns\"",
        "\"jobRun\"",
        "\"apiVersion\"",
        "\"arn:aws",
        "\"sparkcheck\"",
        "\"releaseLabel\"",
        "\"virtualClusterId\"",
        "\"InstanceTypes\"",
        "\"Subnets\"",
        "\"RouteTables\"",
        "\"VpcEndpoints\"",
        "\"SecurityGroups\"",
        "\"Vpcs\"",
        "\"Quotas\"",
    ];
    let head = super::dispatch::head(text);
    let kind = head.lines().find_map(|line| line.strip_prefix("apiVersion:"));
    let manifest = kind.is_some_and(|kind| !kind.contains("eksctl.io")) && !head.contains("{{");
    // What the marks are taken from is JSON; a template in YAML may hold the same words.
    let json = head.trim_start_matches('\u{feff}').trim_start().starts_with(['{', '[']);
    manifest || (json && MARKS.iter().any(|mark| head.contains(mark)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn considers_by_name() {
        for (name, expected) in [
            ("roles.json", true),
            ("snapshot.json.gz", true),
            ("backup.tar.gz", false),
            ("Pods.YAML", true),
            ("sparkcheck.toml", true),
            ("Cargo.toml", false),
            (".env", true),
            (".env.example", false),
            (".hidden.json", false),
            ("roles", true),
            ("main.rs", false),
        ] {
            assert_eq!(considered(name, 10), expected, "{name}");
        }
        assert!(!considered("core", 1 << 30));
    }

    #[test]
    fn what_unpacks_to_a_giant_is_refused() {
        use flate2::{Compression, write::GzEncoder};
        use std::io::Write;
        let pack = |bytes: &[u8]| {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        };
        assert_eq!(unpack(pack(b"{}")), Ok(b"{}".to_vec()));
        let spaces = vec![b' '; 3 << 20];
        let limit = 2 << 20;
        let refused = Err(Unreadable::TooLarge("it unpacks to more than 2 MiB".to_owned()));
        assert_eq!(unpack_within(pack(&spaces), limit), refused);
        assert_eq!(unpack_within(pack(&spaces[..2 << 20]), limit).unwrap().len(), 2 << 20);
        assert_eq!(unpack(pack(&vec![0; 3 << 20])).unwrap().len(), HEAD);
        let mut cut = pack(b"{\"a\": 1}");
        cut.truncate(15);
        assert!(matches!(unpack(cut), Err(Unreadable::System(_))));
    }

    #[test]
    fn text_of_bytes() {
        assert_eq!(text(b"\xef\xbb\xbf{}"), Ok("{}"));
        let utf16: Vec<u8> = "\u{feff}{\"apiVersion\": 1}".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(text(&utf16), Err(Unreadable::Utf16 { ours: true }));
        let why = |line: usize, what: &str| format!("it {what} at line {line}, column 2");
        assert_eq!(text(b"a\nb\xffc"), Err(Unreadable::NotText { why: why(2, "is not UTF-8"), ours: false }));
        assert_eq!(text(b"a\0"), Err(Unreadable::NotText { why: why(1, "holds a NUL byte"), ours: false }));
    }
}
