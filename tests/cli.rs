//! The command line as users meet it: one file a transcript, and the exit code of every story.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

#[path = "support/story.rs"]
mod story;

use sparkcheck::cli::{self, Surroundings};
use sparkcheck::rule::{self, System};
use std::ffi::OsString;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

/// `TRYCMD=overwrite cargo test --test cli` writes down what the program says now.
#[test]
fn transcripts() {
    // So that a new rule changes no transcript but its own.
    let rules = format!("{} rules", rule::builtin_for(&[System::EmrOnEks]).len());
    trycmd::TestCases::new()
        .insert_var("[VERSION]", env!("CARGO_PKG_VERSION"))
        .unwrap()
        .insert_var("[RULES]", rules)
        .unwrap()
        .case("tests/cli/*.toml");
}

#[test]
fn each_story_has_its_exit_code() {
    let surroundings = Surroundings { today: story::TODAY.into(), terminal_width: None, may_colour: false };
    let mut codes = String::new();
    for name in story::names() {
        let arguments =
            ["sparkcheck".into(), story::folder(&name).into_os_string(), "--today".into(), story::TODAY.into()];
        let answer = cli::run(arguments.map(OsString::from), &surroundings).unwrap();
        let answer = answer.unwrap_or_else(|error| panic!("{name}: {}", cli::complaint(&error, false)));
        writeln!(codes, "{} {name}", answer.code).unwrap();
    }
    insta::assert_snapshot!("exit-codes", codes);
}

/// The report of some inputs, as JSON.
fn report(inputs: &[&Path]) -> String {
    let surroundings = Surroundings { today: story::TODAY.into(), terminal_width: None, may_colour: false };
    let mut arguments: Vec<OsString> = vec!["sparkcheck".into()];
    arguments.extend(inputs.iter().map(|input| input.as_os_str().to_owned()));
    arguments.extend(["--today", story::TODAY, "--format", "json"].map(OsString::from));
    cli::run(arguments, &surroundings).unwrap().unwrap_or_else(|error| panic!("{}", cli::complaint(&error, false))).text
}

#[test]
fn the_order_of_inputs_does_not_matter() {
    let folder = story::folder("the-live-run-as-found");
    let mut inputs: Vec<PathBuf> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    inputs.sort();
    assert!(inputs.len() > 2);
    let forwards: Vec<&Path> = inputs.iter().map(PathBuf::as_path).collect();
    let backwards: Vec<&Path> = inputs.iter().rev().map(PathBuf::as_path).collect();
    assert_eq!(report(&forwards), report(&backwards));
}

#[test]
fn the_name_of_the_folder_stands_only_in_paths() {
    let folder = story::folder("the-live-run-as-found");
    let elsewhere = tempfile::TempDir::new().unwrap();
    let moved = elsewhere.path().join("another-name");
    story::copy(&folder, &moved);
    let neutral = |report: &str, folder: &Path| {
        let here = std::env::current_dir().unwrap();
        let shown = folder.strip_prefix(&here).unwrap_or(folder).display().to_string();
        assert!(report.contains(&shown), "{shown}");
        report.replace(&shown, "EXPORT")
    };
    assert_eq!(neutral(&report(&[&folder]), &folder), neutral(&report(&[&moved]), &moved));
}

#[test]
fn the_number_of_threads_does_not_matter() {
    let run = |threads: &str| {
        let program = std::process::Command::new(env!("CARGO_BIN_EXE_sparkcheck"))
            .arg(story::folder("the-live-run-as-found"))
            .args(["--today", story::TODAY, "--format", "json"])
            .env("RAYON_NUM_THREADS", threads)
            .output();
        let output = program.unwrap();
        assert_eq!(output.status.code(), Some(1));
        output.stdout
    };
    let one = run("1");
    assert!(one == run("2") && one == run("8"));
}

#[test]
fn errors_hold_no_escape_sequences_of_others() {
    let surroundings = Surroundings { today: story::TODAY.into(), terminal_width: None, may_colour: false };
    let folder = tempfile::TempDir::new().unwrap();
    let bad = "\u{1b}[31m\u{1b}]0;title\u{7}\u{202e}\u{9b}2J";
    fs::write(folder.path().join("own.yaml"), format!("id: own\n  title: {bad}\n")).unwrap();
    let rules = folder.path().to_string_lossy().into_owned();
    for arguments in [["rules", "--rules", &rules], ["explain", bad, "--verbose"], ["check", bad, "--strict"]] {
        let arguments = ["sparkcheck"].into_iter().chain(arguments).map(OsString::from);
        let error = cli::run(arguments, &surroundings).unwrap().unwrap_err();
        for colour in [false, true] {
            let text = cli::complaint(&error, colour);
            let harmful = |letter: char| (letter.is_control() && letter != '\n') || letter == '\u{202e}';
            assert!(!text.contains(harmful), "{text:?}");
            assert!(text.contains("\\u{1b}"), "{text}");
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_report_that_nobody_got_is_no_success() {
    let run = |stdout: std::process::Stdio| {
        let mut program = std::process::Command::new(env!("CARGO_BIN_EXE_sparkcheck"));
        program.arg(story::folder("the-live-run-mended")).args(["--today", story::TODAY]);
        program.stdout(stdout).stderr(std::process::Stdio::piped()).spawn().unwrap()
    };
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = run(full.into()).wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("standard output"));
    // A reader that goes away is another matter.
    let mut gone = run(std::process::Stdio::piped());
    drop(gone.stdout.take());
    assert_eq!(gone.wait().unwrap().code(), Some(0));
}
