//! Reading: files, folders and standard input become one estate.
//!
//! Whatever a file is called, its content says what it is: the output of an `aws` or `kubectl`
//! command, a snapshot, a job request, an environment. Files are read in parallel, each once, taken
//! apart into pieces, and put together into one document; secrets stay behind. What is for us and
//! cannot be read is a gap; what is not for us is passed over and counted.
//!
//! Deliberately absent: judgement. An estate says what is and what is not known, never what is wrong.

mod aside;
mod assemble;
mod chart;
mod cloudformation;
mod code;
mod declaration;
mod dispatch;
mod eksctl;
mod file;
mod helm_values;
mod json;
mod kubernetes;
mod lines;
pub mod live;
mod manifest;
mod merge;
mod place;
mod place_json;
mod place_yaml;
mod placeholder;
mod policy;
mod policy_file;
mod refusal;
mod render;
mod script;
mod session;
mod shape;
mod shell;
mod subject;
mod terraform;
mod written;
pub mod yaml;

pub use lines::{Line, Lines};
pub use live::Answers;
pub(crate) use merge::moves;
pub use place::locate;
pub use policy::{PolicyFile, policies};

use crate::estate::{Estate, Gap, Syntax};
use aside::Aside;
use code::Code;
use declaration::Declarations;
use dispatch::{Outcome, read_file, read_files, read_stdin};
use file::{Entry, Unreadable};
use miette::{Diagnostic, NamedSource, SourceSpan};
use rustc_hash::FxHashMap;
use serde_json::{Value, json};
use shape::Content;
use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// How to read.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The day on which to judge, `YYYY-MM-DD`; it goes into the document as `sparkcheck.today`.
    /// Without it, the day on which a snapshot was taken counts, and then [`Options::clock`].
    pub today: Option<String>,
    /// The day on which the run takes place.
    pub clock: Option<String>,
    /// The file that declares the rollouts; without it, `sparkcheck.toml` in or beside the inputs.
    pub rollout_file: Option<PathBuf>,
    /// Whether charts and kustomizations are rendered, by the tools that the user has.
    pub render: bool,
    /// The snapshot over which the inputs are laid: what they say of a thing takes the place of what it says.
    pub over: Option<PathBuf>,
}

/// Something to read.
#[derive(Clone, Debug)]
pub enum Input {
    /// A file or a folder.
    Path(PathBuf),
    /// What came from standard input.
    Stdin(Vec<u8>),
}

/// Why nothing could be read.
#[derive(Debug, Error, Diagnostic)]
pub enum ReadError {
    /// A path that the user named cannot be read.
    #[error("`{path}` cannot be read: {reason}")]
    #[diagnostic(help("name a file or folder that exists and that you may read, or `-` for standard input"))]
    Path {
        /// The path as it was given.
        path: String,
        /// What the system says.
        reason: String,
    },
    /// Standard input cannot be read.
    #[error("standard input cannot be read: {reason}")]
    #[diagnostic(help("pipe one file into sparkcheck, or name the files and folders"))]
    Stdin {
        /// What the system says, or what the limit is.
        reason: String,
    },
    /// Something is to be rendered, and nothing is there to do it.
    #[error("`{path}` cannot be rendered: there is no tool for it")]
    #[diagnostic(help("{help}"))]
    NoRenderer {
        /// What is to be rendered.
        path: String,
        /// What to install.
        help: String,
    },
    /// None of the inputs is anything that this program knows.
    #[error("nothing was recognised in {inputs}")]
    NothingRecognised {
        /// What was named, each in backticks.
        inputs: String,
        /// What was tried and why it was not for us.
        #[help]
        help: String,
    },
    /// The declaration of rollouts has a mistake.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Declaration(Box<DeclarationError>),
}

/// A mistake in `sparkcheck.toml`.
#[derive(Debug, Error, Diagnostic)]
#[error("{message}")]
pub struct DeclarationError {
    /// What is wrong.
    pub message: String,
    /// The file.
    #[source_code]
    pub text: NamedSource<String>,
    /// Where it is wrong.
    #[label("{label}")]
    pub span: SourceSpan,
    /// What stands at the place.
    pub label: String,
    /// What to write instead.
    #[help]
    pub help: Option<String>,
}

/// Standard input, whole.
///
/// # Errors
/// If it cannot be read, or is larger than any export.
pub fn stdin() -> Result<Input, ReadError> {
    let mut bytes = Vec::new();
    let error = |reason: String| ReadError::Stdin { reason };
    let stdin = std::io::stdin().lock();
    stdin.take(file::FILE_LIMIT + 1).read_to_end(&mut bytes).map_err(|failure| error(failure.to_string()))?;
    if bytes.len() as u64 > file::FILE_LIMIT {
        return Err(error(format!("it is larger than {} MiB", file::FILE_LIMIT >> 20)));
    }
    Ok(Input::Stdin(bytes))
}

/// Reads the inputs into one estate.
///
/// # Errors
/// If a path that was named cannot be read, if nothing at all is recognised, or if the declaration of
/// rollouts has a mistake. Everything else that goes wrong is a gap of the estate.
pub fn read(inputs: &[Input], options: &Options) -> Result<Estate, ReadError> {
    read_with(inputs, Answers::default(), options)
}

/// Reads the inputs, and what calls have answered, into one estate.
///
/// # Errors
/// As [`read`] has them; with answers, nothing need be recognised in the inputs.
pub fn read_with(inputs: &[Input], answers: Answers, options: &Options) -> Result<Estate, ReadError> {
    let Found { mut entries, folders, others, mut gaps, stdin } = find(inputs, options)?;
    // The same files say the same, in whatever order they were named.
    entries.sort_by(|one, other| one.shown.cmp(&other.shown));
    let mut declarations = Vec::new();
    let (tomls, mut entries): (Vec<Entry>, Vec<Entry>) =
        entries.into_iter().partition(|entry| is_declaration(&entry.path));
    // Those of the account before those of the change that is laid over it.
    let mut paths = declaration_paths(tomls, &entries, options);
    paths.sort_by_key(|(path, _)| !options.over.as_deref().is_some_and(|over| path.starts_with(over)));
    for (path, shown) in paths {
        declarations.push(declare(&path, shown, &folders, &mut entries)?);
    }

    let rendered = if options.render { render::render(&mut entries)? } else { render::Rendered::default() };
    gaps.extend(rendered.gaps);
    let (terraform, entries): (Vec<Entry>, Vec<Entry>) =
        entries.into_iter().partition(|entry| file::is_terraform(&entry.shown));
    let mut outcomes = read_files(&entries, &terraform);
    if let Some(bytes) = stdin {
        outcomes.push(read_stdin(bytes, &terraform));
    }
    let mut codes = Vec::new();
    let mut templates = Vec::new();
    let mut materials = Vec::new();
    let mut readings = answers.readings;
    let mut asides: Vec<Aside> = Vec::new();
    let mut values: Vec<Aside> = Vec::new();
    for outcome in outcomes {
        match outcome {
            Outcome::Read(reading) => readings.push(reading),
            Outcome::Code(code) => codes.push(code),
            Outcome::Template(entry, text) => templates.push((entry, text)),
            Outcome::Material(material) => materials.push(material),
            Outcome::Values(material, aside) => {
                materials.push(material);
                values.push(aside);
            }
            Outcome::PassedOver(aside) => asides.push(aside),
        }
    }
    let (scripts, quiet) = script::read(&materials);
    codes.extend(scripts);
    asides.extend(quiet.into_iter().map(|path| Aside {
        why: format!("`{path}` holds no request that sparkcheck knows"),
        kind: if path.ends_with(".json") { aside::Kind::Data } else { aside::Kind::Script },
        path,
    }));
    codes.extend(rendered.codes);
    let mut codes = together(codes, cloudformation::read(&templates), terraform::read(&terraform));
    let replaced = script::replaced(&materials);
    if !replaced.is_empty() {
        for code in &mut codes {
            code.declared.retain(|one| one.placeholder().is_none_or(|text| !replaced.contains(&text)));
        }
    }
    let templates =
        templates.iter().map(|(entry, _)| aside::unused(&entry.shown, aside::Kind::Stack, "CloudFormation"));
    let modules = terraform.iter().map(|entry| aside::unused(&entry.shown, aside::Kind::Terraform, "Terraform"));
    asides.extend(silent(&codes, modules.chain(templates).chain(values)));
    let passed_over = aside::tally(&asides, others);
    if declarations.is_empty() && codes.is_empty() && readings.iter().all(|reading| !reading.has_content()) {
        let count = passed_over.iter().map(|of_kind| of_kind.count).sum();
        let reasons = asides.into_iter().map(|aside| aside.why).collect();
        let faults = readings.iter().flat_map(|reading| &reading.gaps).map(in_words).collect();
        return Err(nothing(inputs, faults, reasons, count));
    }
    let mut estate = assemble::assemble(readings, codes, declarations, options);
    if !answers.targets.is_empty() {
        estate.document["targets"] = answers.targets.into();
    }
    estate.gaps.extend(gaps);
    estate.gaps.sort();
    estate.passed_over = passed_over;
    Ok(estate)
}

/// What there is to be read.
struct Found<'i> {
    /// The files, in the order in which they were found.
    entries: Vec<Entry>,
    /// The folders that were named.
    folders: Vec<PathBuf>,
    /// How many other files there are, and the first of them.
    others: (usize, Vec<String>),
    /// What could not be looked into.
    gaps: Vec<Gap>,
    stdin: Option<&'i [u8]>,
}

/// Finds the files of the inputs, and of what they are laid over, each once.
fn find<'i>(inputs: &'i [Input], options: &Options) -> Result<Found<'i>, ReadError> {
    let mut all =
        Found { entries: Vec::new(), folders: Vec::new(), others: (0, Vec::new()), gaps: Vec::new(), stdin: None };
    let mut seen: BTreeSet<PathBuf> = BTreeSet::new();
    let mut paths: Vec<&Path> = Vec::new();
    for input in inputs {
        match input {
            Input::Path(path) => paths.push(path),
            Input::Stdin(bytes) => all.stdin = Some(bytes),
        }
    }
    paths.extend(options.over.as_deref());
    let is_only = paths.len() == 1;
    for path in paths {
        let error = |reason: String| ReadError::Path { path: file::shown(path), reason };
        let metadata = std::fs::metadata(path).map_err(|failure| error(failure.to_string()))?;
        let found = if metadata.is_dir() {
            std::fs::read_dir(path).map_err(|failure| error(failure.to_string()))?;
            all.folders.push(path.to_owned());
            let walked = file::walk(path);
            all.others.0 += walked.others.0;
            all.others.1.extend(walked.others.1);
            all.gaps.extend(walked.unreadable.into_iter().map(|(path, why)| Gap {
                what: path.clone(),
                scope: String::new(),
                why: format!("a part of `{path}` cannot be read: {why}"),
                unblock: Some("allow reading it".to_owned()),
                place: Some(path),
            }));
            walked.entries
        } else if metadata.is_file() {
            vec![Entry { path: path.to_owned(), shown: file::shown(path), named: true }]
        } else {
            return Err(error("it is neither a file nor a folder".to_owned()));
        };
        for entry in found {
            // One folder without links holds nothing twice; two inputs may.
            if is_only || seen.insert(entry.path.canonicalize().unwrap_or_else(|_| entry.path.clone())) {
                all.entries.push(entry);
            }
        }
    }
    Ok(all)
}

/// Those of which nothing came and nothing is to be said: they were understood, and are about something else.
fn silent(codes: &[Code], candidates: impl Iterator<Item = Aside>) -> Vec<Aside> {
    let read: BTreeSet<&str> = codes.iter().flat_map(|code| code.files.iter().map(|file| file.path.as_str())).collect();
    let troubled = |path: &str| {
        let mut places = codes.iter().flat_map(|code| &code.gaps).filter_map(|gap| gap.place.as_deref());
        places.any(|place| place.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with(':')))
    };
    candidates.filter(|aside| !read.contains(aside.path.as_str()) && !troubled(&aside.path)).collect()
}

/// The units of code in order, each thing read once: a plan says what its configuration says and more, and
/// a file that a module reads is a part of it.
fn together(single: Vec<Code>, templates: Vec<Code>, modules: Vec<Code>) -> Vec<Code> {
    let paths = |codes: &[Code]| -> BTreeSet<String> {
        codes.iter().flat_map(|code| code.files.iter().map(|file| file.path.clone())).collect()
    };
    // Of single files only a plan says what a root says; others are parts of a root that reads them.
    let plans = single.iter().filter(|code| code.files.iter().any(|file| file::is_terraform(&file.path)));
    let planned: BTreeSet<&str> = plans.flat_map(|code| code.files.iter().map(|file| file.path.as_str())).collect();
    let mut codes = modules;
    codes.retain(|code| !code.files.iter().any(|file| planned.contains(file.path.as_str())));
    let taken = paths(&codes);
    codes.extend(templates);
    let is_new = |code: &Code| code.files.is_empty() || code.files.iter().any(|file| !taken.contains(&file.path));
    codes.extend(single.into_iter().filter(is_new));
    codes.retain(|code| !(code.declared.is_empty() && code.gone.is_empty() && code.gaps.is_empty()));
    codes
}

/// A gap as a reason why nothing was recognised.
fn in_words(gap: &Gap) -> String {
    match &gap.place {
        // The place says the path, and more.
        Some(place) => match gap.why.strip_prefix(&format!("`{}` ", gap.what)) {
            Some(why) => format!("`{place}` {why}"),
            None => format!("`{place}`: {}", gap.why),
        },
        None => gap.why.clone(),
    }
}

/// Up to so many files are named one by one.
const FEW: usize = 5;

fn nothing(inputs: &[Input], faults: Vec<String>, others: Vec<String>, passed_over: usize) -> ReadError {
    let named = inputs.iter().map(|input| match input {
        Input::Path(path) => format!("`{}`", file::shown(path)),
        Input::Stdin(_) => "standard input".to_owned(),
    });
    let mut help = String::new();
    for fault in faults.iter().take(FEW) {
        help.push_str(fault);
        help.push('\n');
    }
    if faults.len() > FEW {
        help.push_str(&format!("and {} more that cannot be read\n", faults.len() - FEW));
    }
    let passed_over = passed_over.max(others.len());
    if others.len() == passed_over && passed_over <= FEW {
        help.extend(others.iter().map(|reason| format!("{reason}\n")));
    } else if passed_over > 0 {
        let other = if faults.is_empty() { "" } else { "other " };
        help.push_str(&format!("none of the {passed_over} {other}files is anything that sparkcheck knows\n"));
    }
    help.push_str(
        "give a folder or files with what `aws … --output json` and `kubectl … -o json` print, or a snapshot; \
         `aws iam get-account-authorization-details` and `aws eks describe-cluster` are a good start; \
         or a folder of infrastructure code: Terraform and its plans, CloudFormation, eksctl, manifests",
    );
    ReadError::NothingRecognised { inputs: named.collect::<Vec<_>>().join(", "), help }
}

fn is_declaration(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.eq_ignore_ascii_case("sparkcheck.toml"))
}

/// The files that declare rollouts: the one that was named, or those in and beside the inputs.
fn declaration_paths(tomls: Vec<Entry>, entries: &[Entry], options: &Options) -> Vec<(PathBuf, String)> {
    if let Some(path) = &options.rollout_file {
        return vec![(path.clone(), file::shown(path))];
    }
    let mut paths: Vec<(PathBuf, String)> = tomls.into_iter().map(|entry| (entry.path, entry.shown)).collect();
    for entry in entries.iter().filter(|entry| entry.named) {
        let beside = entry.path.with_file_name("sparkcheck.toml");
        if beside.is_file() && !paths.iter().any(|(known, _)| *known == beside) {
            let shown = file::shown(&beside);
            paths.push((beside, shown));
        }
    }
    paths
}

/// Reads a declaration and adds the files that it names to those to be read.
fn declare(
    path: &Path,
    shown: String,
    folders: &[PathBuf],
    entries: &mut Vec<Entry>,
) -> Result<Declarations, ReadError> {
    let error = |reason: String| ReadError::Path { path: shown.clone(), reason };
    let bytes = file::bytes(path).map_err(|failure| error(describe(&failure)))?;
    let text = file::text(&bytes).map_err(|failure| error(describe(&failure)))?;
    let mut declarations = declaration::parse(&shown, text)?;
    let home = path.parent().unwrap_or(Path::new(""));
    let mut roots: Vec<PathBuf> = folders.iter().filter_map(|folder| folder.canonicalize().ok()).collect();
    roots.extend(if home.as_os_str().is_empty() { Path::new(".") } else { home }.canonicalize().ok());
    let mut known: FxHashMap<PathBuf, usize> =
        entries.iter().enumerate().map(|(at, entry)| (entry.path.clone(), at)).collect();
    for named in &declarations.files {
        let mistake = |message: String, label: &str, help: &str| {
            declaration::mistake(&shown, text, named.span, message, label, Some(help.to_owned()))
        };
        let target = home.join(&named.path);
        let canonical = target.canonicalize().map_err(|failure| {
            mistake(
                format!("`{}` cannot be read: {failure}", named.path),
                "named here",
                "paths start at this file's folder",
            )
        })?;
        if !roots.iter().any(|root| canonical.starts_with(root)) {
            let message = format!("`{}` is outside of this file's folder", named.path);
            return Err(mistake(message, "leads out", "name the folder that holds it as an input too"));
        }
        let elsewhere = || {
            let mut named_alike =
                entries.iter().enumerate().filter(|(_, entry)| entry.path.file_name() == target.file_name());
            named_alike
                .find(|(_, entry)| entry.path.canonicalize().is_ok_and(|path| path == canonical))
                .map(|(at, _)| at)
        };
        let at = known.get(&target).copied().or_else(elsewhere).unwrap_or_else(|| {
            known.insert(target.clone(), entries.len());
            entries.push(Entry { shown: file::shown(&target), path: target, named: true });
            entries.len() - 1
        });
        let entry = entries.get(at);
        let file_shown = entry.map(|entry| entry.shown.clone()).unwrap_or_default();
        let reading = match entry.map(|entry| read_file(entry, &[])) {
            Some(Outcome::Read(reading)) => Some(reading),
            _ => None,
        };
        let wanted = |content: &Content| match named.key {
            "jobs" => matches!(content, Content::JobRequest { .. }) || is_application(content),
            _ => matches!(content, Content::Gateway { .. }),
        };
        if !reading.is_some_and(|reading| reading.pieces.iter().any(|piece| wanted(&piece.content))) {
            let (what, help) = match named.key {
                "jobs" => (
                    "a job request",
                    "a job request is the input of `start-job-run` as JSON, or what the gateway is sent",
                ),
                _ => ("the configuration of a gateway", "it has the keys `sparkClusters` and `sparkImages`"),
            };
            return Err(mistake(format!("`{}` is not {what}", named.path), "named here", help));
        }
        if let Some(Value::Object(rollout)) = declarations.rollouts.get_mut(named.rollout) {
            match named.key {
                "jobs" => {
                    if let Value::Array(paths) = rollout.entry("job-paths").or_insert_with(|| json!([])) {
                        paths.push(Value::String(file_shown));
                    }
                }
                _ => {
                    rollout.insert("config-path".to_owned(), Value::String(file_shown));
                }
            }
        }
    }
    Ok(declarations)
}

/// Whether a piece is a job as a Kubernetes object.
fn is_application(content: &Content) -> bool {
    matches!(content, Content::Items(items)
        if matches!(items.collection.as_str(), "kubernetes.sparkApplications" | "kubernetes.scheduledSparkApplications"))
}

fn describe(failure: &Unreadable) -> String {
    match failure {
        Unreadable::System(why) | Unreadable::TooLarge(why) | Unreadable::NotText { why, .. } => why.clone(),
        Unreadable::Utf16 { .. } => "it is UTF-16, as PowerShell's redirection writes".to_owned(),
    }
}

/// The byte range of what stands at a pointer in a YAML text; pointers begin with the document's number.
pub(crate) fn locate_yaml(text: &str, pointer: &str) -> Option<(usize, usize)> {
    let span = place::in_text(text, Syntax::Yaml, &[pointer]).pop()??;
    let lines = place::Lines::of(text);
    let offset = |line: usize, column: usize| lines.offset(line.saturating_sub(1), column.saturating_sub(1));
    Some((offset(span.line, span.column), offset(span.end_line, span.end_column)))
}

/// The rule files below a folder with their texts, in order.
///
/// # Errors
/// If the folder or one of its files cannot be read.
pub fn rule_files(folder: &Path) -> std::io::Result<Vec<(String, String)>> {
    let mut files = Vec::new();
    let mut entries = std::fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
    entries.sort_by_key(std::fs::DirEntry::path);
    for entry in entries {
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            files.extend(rule_files(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml") {
            files.push((file::shown(&path), std::fs::read_to_string(&path)?));
        }
    }
    Ok(files)
}

/// The text of a log, or of standard input without a path; bytes that are no UTF-8 are replaced.
///
/// # Errors
/// If it cannot be read.
pub fn log_text(path: Option<&Path>) -> Result<String, ReadError> {
    let bytes = match path {
        Some(path) => {
            file::bytes(path).map_err(|error| ReadError::Path { path: file::shown(path), reason: error.reason() })?
        }
        None => match stdin()? {
            Input::Stdin(bytes) => bytes,
            Input::Path(_) => Vec::new(),
        },
    };
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
