//! Secrets of many shapes, planted wherever an API returns what users write, come out nowhere.
#![expect(clippy::unwrap_used, reason = "tests")]

#[path = "secrets/planted.rs"]
mod planted;

use planted::{SECRETS, planted, s};
use serde_json::json;
use sparkcheck::cli::{self, Surroundings};
use std::fs;

const TODAY: &str = "2026-11-20";

fn run(arguments: &[&str]) -> String {
    let surroundings = Surroundings { today: TODAY.into(), terminal_width: Some(120), may_colour: false };
    let arguments = ["sparkcheck"].iter().chain(arguments).map(Into::into);
    match cli::run(arguments, &surroundings).unwrap() {
        Ok(answer) => answer.text,
        Err(error) => cli::complaint(&error, false),
    }
}

#[test]
fn planted_secrets_come_out_nowhere() {
    let mut places = 0;
    for compact in [false, true] {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let at = folder.path().to_str().unwrap();
        for (name, document) in planted() {
            let text = if compact { document.to_string() } else { format!("{document:#}") };
            let held = |secret: &&&str| text.contains(json!(secret).to_string().trim_matches('"'));
            places += SECRETS.iter().filter(held).count();
            fs::write(folder.path().join(name), text).unwrap();
        }
        fs::write(
            folder.path().join("session.env"),
            format!("AWS_REGION=us-east-1\nAWS_SECRET_ACCESS_KEY={}\nSPARKPILOT_API_TOKEN={}\nSPARKPILOT_DATABASE_URL=postgresql://a:{}@h/x\n", s(3), s(35), s(26)),
        )
        .unwrap();
        let snapshot = folder.path().join("../planted.json");
        run(&["snapshot", at, "-o", snapshot.to_str().unwrap()]);
        let mut outputs = vec![("snapshot", fs::read_to_string(&snapshot).unwrap())];
        for format in ["human", "json", "sarif"] {
            let mut arguments = vec![at, "--format", format];
            if format == "human" {
                arguments.push("--verbose");
            }
            outputs.push((format, run(&arguments)));
        }
        outputs.push(("report of the snapshot", run(&[snapshot.to_str().unwrap(), "--verbose"])));
        fs::remove_file(snapshot).unwrap();
        let mut leaks = Vec::new();
        for (output, text) in &outputs {
            assert!(text.len() > 1000, "{output}: {text}");
            leaks.extend(planted::leaks(output, text));
        }
        assert!(leaks.is_empty(), "compact: {compact}, {} leaks\n{}", leaks.len(), leaks.join("\n"));
    }
    assert!(SECRETS.len() >= 50 && places > 400, "{places}");
}
