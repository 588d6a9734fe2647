//! The command line as users meet it: one file a transcript, and the exit code of every story.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

#[path = "support/story.rs"]
mod story;

use sparkcheck::cli::{self, Surroundings};
use std::ffi::OsString;
use std::fmt::Write;

/// `TRYCMD=overwrite cargo test --test cli` writes down what the program says now.
#[test]
fn transcripts() {
    trycmd::TestCases::new().insert_var("[VERSION]", env!("CARGO_PKG_VERSION")).unwrap().case("tests/cli/*.toml");
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
