//! Snapshots: what is written is what was read, without secrets and in one order.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

#[path = "support/story.rs"]
mod story;

use serde_json::Value;
use sparkcheck::cli::{self, Surroundings};
use sparkcheck::estate::Estate;
use sparkcheck::link::link;
use sparkcheck::read::{self, Input};
use sparkcheck::rule::{self, Rule};
use sparkcheck::{examine, snapshot};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

fn rules() -> &'static [Rule] {
    static RULES: OnceLock<Vec<Rule>> = OnceLock::new();
    RULES.get_or_init(rule::builtin)
}

fn read(paths: &[PathBuf], rollout_file: Option<PathBuf>) -> Estate {
    let inputs: Vec<Input> = paths.iter().cloned().map(Input::Path).collect();
    let options = read::Options { today: Some(story::TODAY.into()), rollout_file, ..read::Options::default() };
    read::read(&inputs, &options).unwrap()
}

fn again(document: &Value) -> Estate {
    let options = read::Options { today: Some(story::TODAY.into()), ..read::Options::default() };
    read::read(&[Input::Stdin(snapshot::bytes(document, "x.json.gz").unwrap())], &options).unwrap()
}

/// What was decided, and about what: rule, outcome, rollout, fingerprint; and what every rollout is.
fn verdicts(estate: Estate) -> Vec<String> {
    let report = examine(&link(estate), rules());
    let mut said: Vec<String> = report
        .findings
        .iter()
        .map(|finding| {
            format!("{:?} {} {:?} {}", finding.outcome, finding.rule.id, finding.rollout, finding.fingerprint)
        })
        .collect();
    said.sort();
    said.extend(report.rollouts.iter().map(|rollout| format!("{} {:?}", rollout.name, rollout.verdict)));
    said.extend(report.gaps.iter().map(|gap| format!("gap {} {}", gap.what, gap.why)));
    said
}

#[test]
fn a_snapshot_says_what_its_export_says() {
    let mut problems = Vec::new();
    for name in story::names() {
        let folder = story::folder(&name);
        let document = snapshot::of(&read(std::slice::from_ref(&folder), None));
        let (export, back) = (verdicts(read(&[folder], None)), verdicts(again(&document)));
        if export != back {
            let only = |one: &[String], other: &[String]| {
                one.iter().filter(|line| !other.contains(line)).cloned().collect::<Vec<_>>().join("\n    ")
            };
            problems.push(format!("{name}\n  lost {}\n  new {}", only(&export, &back), only(&back, &export)));
        }
        assert_eq!(snapshot::of(&again(&document)), document, "{name}: a snapshot of a snapshot is the same");
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// How often each rule fails and is undecided, and what every rollout is.
fn outcomes(estate: Estate) -> Vec<String> {
    let linked = link(estate);
    let rules = rule::builtin_for(&linked.systems());
    let report = examine(&linked, &rules);
    let mut said: Vec<String> =
        report.findings.iter().map(|finding| format!("{:?} {}", finding.outcome, finding.rule.id)).collect();
    said.extend(report.rollouts.iter().map(|rollout| format!("{:?}", rollout.verdict)));
    said.sort();
    said
}

#[test]
fn other_names_change_no_verdict_and_none_stays() {
    let mut problems = Vec::new();
    for name in story::names() {
        let document = snapshot::of(&read(&[story::folder(&name)], None));
        let before = outcomes(again(&document));
        // Which names stand in for which must not matter either.
        let keys = if name.len() % 4 == 0 { vec![None, Some("a key")] } else { vec![None] };
        for key in keys {
            let renamed = snapshot::rename(&document, key);
            let after = outcomes(again(&renamed));
            if before != after {
                let only = |one: &[String], other: &[String]| {
                    one.iter().filter(|line| !other.contains(line)).cloned().collect::<Vec<_>>().join(", ")
                };
                problems.push(format!(
                    "{name}, {key:?}: lost {}; new {}",
                    only(&before, &after),
                    only(&after, &before)
                ));
            }
            let text = renamed.to_string();
            for gone in [
                "787587782916",
                "529183640477",
                "318274965019",
                "604912778351",
                "sparkpilot-live-1",
                "SparkPilotEmrExecutionRole",
                "lake-usw2",
            ] {
                if text.contains(gone) {
                    problems.push(format!("{name}: `{gone}` is still there"));
                }
            }
        }
    }
    assert!(problems.is_empty(), "{} problems\n{}", problems.len(), problems.join("\n"));
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files(&path, found) } else { found.push(path) }
    }
}

#[test]
fn the_same_state_gives_the_same_bytes() {
    for name in ["the-live-run-as-found", "gateway-sjns-mended", "brioche-as-found"] {
        let folder = story::folder(name);
        let mut paths = Vec::new();
        files(&folder, &mut paths);
        paths.retain(|path| !path.ends_with("sparkcheck.toml"));
        paths.sort();
        let declared = Some(folder.join("sparkcheck.toml"));
        let bytes = |paths: &[PathBuf]| snapshot::bytes(&snapshot::of(&read(paths, declared.clone())), "x.gz").unwrap();
        let first = bytes(&paths);
        paths.reverse();
        assert!(first == bytes(&paths), "{name}: reversed");
        // What a listing returns in another order is the same state.
        let turned = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        story::copy(&folder, turned.path());
        let mut copies = Vec::new();
        files(turned.path(), &mut copies);
        for path in copies.iter().filter(|path| path.extension().is_some_and(|end| end == "json")) {
            let mut document: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
            for list in
                ["items", "RoleDetailList", "Policies", "OpenIDConnectProviderList", "virtualClusters", "nodegroups"]
            {
                if let Some(Value::Array(list)) = document.get_mut(list) {
                    list.reverse();
                }
            }
            fs::write(path, document.to_string()).unwrap();
        }
        let plain = |folder: &Path| {
            let text = snapshot::of(&read(&[folder.to_owned()], None)).to_string();
            text.replace(&*folder.to_string_lossy(), "").replace(&*shown(folder), "")
        };
        assert!(plain(&folder) == plain(turned.path()), "{name}: lists in another order");
    }
}

/// A folder as paths in it are shown: relative to the package, where it is in it.
fn shown(folder: &Path) -> String {
    folder.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap_or(folder).to_string_lossy().into_owned()
}

/// A snapshot that an earlier version wrote: whatever changes, this one stays readable.
#[test]
fn format_1_stays_readable() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/snapshot-format-1.json.gz");
    let export = verdicts(read(&[story::folder("the-live-run-as-found")], None));
    let pinned = verdicts(read(&[path], None));
    assert_eq!(
        pinned.iter().filter(|line| line.starts_with("Fail")).collect::<Vec<_>>(),
        export.iter().filter(|line| line.starts_with("Fail")).collect::<Vec<_>>()
    );
}

fn run(arguments: &[&str]) -> (Option<u8>, String) {
    let surroundings = Surroundings { today: story::TODAY.into(), terminal_width: None, may_colour: false };
    let arguments = ["sparkcheck"].iter().chain(arguments).map(Into::into);
    match cli::run(arguments, &surroundings).unwrap() {
        Ok(answer) => (Some(answer.code), answer.text),
        Err(error) => (None, cli::complaint(&error, false)),
    }
}

#[test]
fn a_snapshot_is_written_whole_or_not_at_all() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let at = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    let export = story::folder("the-live-run-mended");
    let export = export.to_str().unwrap();
    let names = || {
        let mut names: Vec<String> = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    };
    assert_eq!(run(&["snapshot", export, "-o", &at("a.json.gz")]).0, Some(0));
    assert_eq!(names(), ["a.json.gz"]);
    let first = fs::read(at("a.json.gz")).unwrap();
    // What cannot be written leaves nothing behind, and what was there stays.
    fs::create_dir(at("b.json")).unwrap();
    fs::write(at("b.json/x"), "").unwrap();
    for target in [at("b.json"), at("none/c.json")] {
        let (code, text) = run(&["snapshot", export, "-o", &target]);
        assert!(code.is_none() && text.contains("cannot write"), "{target}: {text}");
    }
    assert!(run(&["snapshot", &at("nowhere"), "-o", &at("a.json.gz")]).0.is_none());
    assert_eq!(
        (names(), fs::read(at("a.json.gz")).unwrap()),
        (vec!["a.json.gz".to_owned(), "b.json".to_owned()], first)
    );
    // Over an older one, and to standard output.
    assert_eq!(
        run(&["snapshot", export, "-o", &at("a.json.gz"), "--redact-accounts"]),
        (Some(0), format!("wrote `{}`\n", at("a.json.gz")))
    );
    let (_, text) = run(&["snapshot", export, "-o", "-"]);
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap()["sparkcheck"]["captured"], story::TODAY);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(at("a.json.gz")).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

/// A program that is ended in the middle of writing, by a signal or by a disk that is full, leaves what was there as
/// it was: a file may here have no more than a few hundred bytes, and is ended there or told so.
#[cfg(unix)]
#[test]
fn what_is_cut_off_in_writing_never_has_the_name() {
    let export = story::folder("the-live-run-as-found");
    let program = env!("CARGO_BIN_EXE_sparkcheck");
    for (how, limit, is_ended) in [
        ("ended by a signal", "ulimit -f 1; exec \"$@\"", true),
        ("told that there is no room", "ulimit -f 1; trap '' XFSZ; exec \"$@\"", false),
    ] {
        for before in [None, Some("the state of yesterday")] {
            for arguments in [&["snapshot"][..], &["--format", "json"], &["--format", "html"]] {
                let case = format!("{how}, {before:?}, {arguments:?}");
                let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
                let path = folder.path().join("state.json");
                if let Some(text) = before {
                    fs::write(&path, text).unwrap();
                }
                let mut command = std::process::Command::new("sh");
                command.args(["-c", limit, "sh", program]).args(arguments).arg(&export);
                command.args(["--today", story::TODAY]).arg("--output").arg(&path);
                let output = command.output().unwrap();
                let told = String::from_utf8_lossy(&output.stderr).into_owned();
                match is_ended {
                    true => assert_eq!(output.status.code(), None, "{case}: {told}"),
                    false => assert_eq!(
                        (output.status.code(), told.contains("cannot write")),
                        (Some(2), true),
                        "{case}: {told}"
                    ),
                }
                assert_eq!(fs::read_to_string(&path).ok().as_deref(), before, "{case}");
                let beside = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
                let mut beside: Vec<String> = beside.map(|name| name.into_string().unwrap()).collect();
                beside.retain(|name| name != "state.json");
                // What a signal leaves is hidden, is read by nobody, and says that it was begun.
                assert_eq!(beside.len(), usize::from(is_ended), "{case}: {beside:?}");
                assert!(beside.iter().all(|name| name.starts_with(".state.json.")), "{case}: {beside:?}");
            }
        }
    }
}

/// A device is written to, and stays what it is; a link stays a link.
#[cfg(unix)]
#[test]
fn devices_and_links_stay_what_they_are() {
    use std::os::unix::fs::{FileTypeExt, MetadataExt};
    let export = story::folder("the-live-run-mended");
    let export = export.to_str().unwrap();
    let node = || fs::metadata("/dev/null").map(|there| (there.file_type().is_char_device(), there.ino())).unwrap();
    let before = node();
    assert_eq!(run(&["snapshot", export, "-o", "/dev/null"]).0, Some(0));
    assert_eq!(run(&[export, "--output", "json=/dev/null"]).0, Some(0));
    assert_eq!(node(), before);
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let (file, link) = (folder.path().join("real.json"), folder.path().join("link.json"));
    fs::write(&file, "old").unwrap();
    std::os::unix::fs::symlink(&file, &link).unwrap();
    assert_eq!(run(&["snapshot", export, "-o", link.to_str().unwrap()]).0, Some(0));
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert!(fs::read_to_string(&file).unwrap().contains("\"sparkcheck\""));
}

#[test]
fn a_difference_has_its_exit_code() {
    let folder = |name: &str| story::folder(name).to_string_lossy().into_owned();
    let (found, mended) = (folder("the-live-run-as-found"), folder("the-live-run-mended"));
    for (arguments, code, said) in [
        (vec![&*mended, &*found], 1, "GO → NO-GO"),
        (vec![&*found, &*mended], 0, "NO-GO → "),
        (vec![&*found, &*found], 0, "no difference"),
        (vec![&*mended, &*found, "--fail-on", "never"], 0, "oidc-provider-missing"),
        (vec![&*mended, &*found, "--format", "json"], 1, "\"new\": ["),
    ] {
        let (got, text) = run(&[&["diff"], arguments.as_slice()].concat());
        assert_eq!(got, Some(code), "{arguments:?}: {text}");
        assert!(text.contains(said), "{arguments:?}: {text}");
    }
}
