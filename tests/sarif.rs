//! SARIF, held to its schema and to what GitHub accepts.
//!
//! Two validators, because each misses what the other finds: the JSON Schema of SARIF 2.1.0 knows
//! the types, Microsoft's multitool knows the rules of GitHub's code scanning. The multitool comes
//! from npm, once, into `target/`; without a network set `SPARKCHECK_OFFLINE=1`, except in CI.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "tests")]

#[path = "report/sample.rs"]
mod sample;

use serde_json::{Value, json};
use sparkcheck::report::sarif::{self, SarifOptions};
use sparkcheck::report::{Outcome, Report};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

const PACKAGE: &str = "@microsoft/sarif-multitool-linux";
const VERSION: &str = "5.7.0";
const INTEGRITY: &str =
    "sha512-NxUbpq6ISCWoTQ/NfOYEwEDKq1Heka/rMoJ5R5LMydcAZQX/X7g5mWHcgxDub+0M07LC96tZ5LZHvF1Qy3gjTA==";

/// What the multitool may say of a file that is as it should be, and why it is.
const ACCEPTED: [(&str, &str); 7] = [
    ("SARIF2002", "messages are whole texts; GitHub does not put arguments into them"),
    ("SARIF2003", "the program does not look into the repository around its inputs"),
    ("SARIF2005", "the program has no page of its own"),
    ("SARIF2006", "says which links cannot be reached, and so depends on the network"),
    ("SARIF2009", "ids are words by design"),
    ("SARIF2010", "what inputs say stays out of what is uploaded"),
    ("SARIF2011", "what inputs say stays out of what is uploaded"),
];

fn options() -> SarifOptions {
    SarifOptions { category: Some("preflight/live".into()), anchor: "the-live-run-as-found/cluster.json".into() }
}

#[test]
fn snapshots() {
    for (name, report) in [("many", sample::many()), ("clean", sample::clean())] {
        let text = sarif::render(&report, &options()).replace(env!("CARGO_PKG_VERSION"), "[version]");
        insta::assert_snapshot!(format!("sarif-{name}"), text);
    }
}

#[test]
fn both_validators_are_content() {
    for (name, report) in sample::all() {
        for options in [options(), SarifOptions::default()] {
            let text = sarif::render(&report, &options);
            assert_eq!(against_schema(&text), Vec::<String>::new(), "{name}: {text}");
            if let Some(said) = multitool(&text) {
                assert_eq!(said, Vec::<String>::new(), "{name}: {text}");
            }
        }
    }
}

#[test]
fn real_runs_are_accepted_too() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut fixtures: Vec<_> =
        std::fs::read_dir(root.join("fixtures")).unwrap().map(|entry| entry.unwrap().path()).collect();
    fixtures.retain(|path| path.is_dir() && !path.ends_with("stories") && !path.ends_with("code"));
    fixtures.sort();
    assert!(fixtures.len() > 2);
    for path in fixtures {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let run = Command::new(env!("CARGO_BIN_EXE_sparkcheck"))
            .current_dir(root)
            .args(["check", &format!("fixtures/{name}"), "--format", "sarif"])
            .output()
            .unwrap();
        let text = String::from_utf8(run.stdout).unwrap();
        assert_eq!(against_schema(&text), Vec::<String>::new(), "{name}");
        // The multitool tries every link of every rule, so a run of it takes seconds.
        if matches!(name.as_str(), "the-live-run-as-found" | "denied-calls") {
            assert_eq!(multitool(&text).unwrap_or_default(), Vec::<String>::new(), "{name}");
        }
    }
}

/// A finding over code stands in one file and names the other one.
#[test]
fn findings_over_code_name_the_other_file() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (form, primary, other) in [
        ("hcl", "namespace.tf", "cluster.tf"),
        ("eksctl", "manifests/aws-auth.yaml", "cluster.yaml"),
        ("cdk", "cdk.out/SparkPilotLive.template.json", "sparkcheck.toml"),
    ] {
        let folder = format!("fixtures/code/the-live-run-as-found.{form}");
        let run = Command::new(env!("CARGO_BIN_EXE_sparkcheck"))
            .current_dir(root)
            .args(["check", &folder, "--format", "sarif"])
            .output()
            .unwrap();
        let text = String::from_utf8(run.stdout).unwrap();
        assert_eq!(against_schema(&text), Vec::<String>::new(), "{form}");
        let report: Value = serde_json::from_str(&text).unwrap();
        let results = report["runs"][0]["results"].as_array().unwrap();
        let result = results.iter().find(|result| result["ruleId"] == "aws-auth-mapping-missing").unwrap();
        let files = |list: &Value| -> Vec<String> {
            let places = list.as_array().into_iter().flatten().map(|place| &place["physicalLocation"]);
            places.map(|place| place["artifactLocation"]["uri"].as_str().unwrap().to_owned()).collect()
        };
        assert_eq!(files(&result["locations"]), [format!("{folder}/{primary}")], "{form}");
        let related = files(&result["relatedLocations"]);
        assert!(related.contains(&format!("{folder}/{other}")), "{form}: {related:?}");
        assert!(result["locations"][0]["physicalLocation"]["region"]["startLine"].is_u64(), "{form}");
    }
}

#[test]
fn both_validators_bite() {
    let good: Value = serde_json::from_str(&sarif::render(&sample::many(), &options())).unwrap();
    let result = "/runs/0/results/0";
    let wrong_types =
        [("level", json!("fatal")), ("rank", json!("high")), ("rulId", json!("x")), ("ruleIndex", json!("0"))];
    for (field, value) in wrong_types {
        let mut broken = good.clone();
        broken.pointer_mut(result).unwrap()[field] = value;
        assert_ne!(against_schema(&broken.to_string()), Vec::<String>::new(), "{field} passed the schema");
    }
    let place = |uri: &str, end_line: u32| {
        json!([{"physicalLocation": {
            "artifactLocation": {"uri": uri},
            "region": {"startLine": 7, "startColumn": 1, "endLine": end_line, "endColumn": 2}
        }}])
    };
    for (at, value, id) in [
        ("/runs/0/results/0/locations", json!([]), "GH1015 Error_EmptyLocationsArray"),
        ("/runs/0/results/0/message/text", json!(""), "GH1015 Error_MissingMessageText"),
        ("/runs/0/tool/driver/rules/0/help", Value::Null, "GH2012 Error_MissingHelp"),
        ("/runs/0/results/0/locations", place("a b.json", 7), "SARIF1002"),
        ("/runs/0/results/0/locations", place("file:///etc/passwd", 7), "SARIF2016"),
        ("/runs/0/results/0/locations", place("a.json", 6), "SARIF1007"),
    ] {
        let mut broken = good.clone();
        *broken.pointer_mut(at).unwrap() = value;
        if let Some(said) = multitool(&broken.to_string()) {
            assert!(said.iter().any(|line| line.starts_with(id)), "{id} passed the multitool: {said:?}");
        }
    }
}

#[test]
fn every_result_has_what_github_needs() {
    for (name, report) in sample::all() {
        let log: Value = serde_json::from_str(&sarif::render(&report, &options())).unwrap();
        let run = &log["runs"][0];
        let failures = report.findings.iter().filter(|finding| finding.outcome == Outcome::Fail).count();
        let results = run["results"].as_array().unwrap();
        assert_eq!(results.len(), failures, "{name}");
        for result in results {
            let rule = &run["tool"]["driver"]["rules"][result["ruleIndex"].as_u64().unwrap() as usize];
            assert_eq!(rule["id"], result["ruleId"]);
            let location = &result["locations"][0]["physicalLocation"];
            let uri = location["artifactLocation"]["uri"].as_str().unwrap();
            assert!(!uri.starts_with('/') && !uri.contains("..") && !uri.contains(' ') && uri.is_ascii(), "{uri}");
            assert!(location["region"]["startLine"].as_u64() >= Some(1));
            assert!(result["partialFingerprints"]["primaryLocationLineHash"].as_str().unwrap().ends_with(":1"));
        }
        no_empty_text(&log, name);
    }
}

fn no_empty_text(value: &Value, at: &str) {
    match value {
        Value::String(text) => assert!(!text.trim().is_empty(), "an empty text at {at}"),
        Value::Array(items) => items.iter().for_each(|item| no_empty_text(item, at)),
        Value::Object(fields) => fields.iter().for_each(|(name, value)| no_empty_text(value, &format!("{at}/{name}"))),
        _ => {}
    }
}

#[test]
fn the_worst_results_stay_when_there_are_too_many() {
    let rules: Vec<_> = sample::severities()
        .into_iter()
        .enumerate()
        .map(|(at, severity)| {
            sample::rule(json!({"id": format!("rule-{at}"), "title": "a rule", "severity": severity.name()}))
        })
        .collect();
    let mut report: Report<'_> = sample::clean();
    report.findings =
        (0..30_000).map(|at| sample::finding(rules[at % 3], &format!("finding {at}"), &format!("f-{at}"))).collect();
    report.rules = rules;
    let log: Value = serde_json::from_str(&sarif::render(&report, &options())).unwrap();
    let results = log["runs"][0]["results"].as_array().unwrap();
    assert_eq!(results.len(), 25_000);
    let level = |name: &str| results.iter().filter(|result| result["level"] == name).count();
    assert_eq!((level("error"), level("warning"), level("note")), (10_000, 10_000, 5_000));
    let said = log["runs"][0]["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"].as_str().unwrap();
    assert!(said.contains("5000 of the mildest results"), "{said}");
}

/// What the JSON Schema of SARIF 2.1.0 says against a text.
fn against_schema(text: &str) -> Vec<String> {
    static VALIDATOR: OnceLock<jsonschema::Validator> = OnceLock::new();
    let validator = VALIDATOR.get_or_init(|| {
        let schema = serde_json::from_str(include_str!("data/sarif-schema-2.1.0.json")).unwrap();
        jsonschema::validator_for(&schema).unwrap()
    });
    let log: Value = serde_json::from_str(text).unwrap();
    validator.iter_errors(&log).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

/// What the multitool says against a text; `None` where it was said that there is no network.
fn multitool(text: &str) -> Option<Vec<String>> {
    let program = installed()?;
    let folder = tempfile::tempdir().unwrap();
    let (input, output) = (folder.path().join("report.sarif"), folder.path().join("said.sarif"));
    std::fs::write(&input, text).unwrap();
    let run = Command::new(program)
        .arg("validate")
        .arg(&input)
        .args(["--rule-kind", "Sarif;Ghas", "--level", "Error;Warning;Note", "--log", "ForceOverwrite", "--output"])
        .arg(&output)
        .env("DOTNET_SYSTEM_GLOBALIZATION_INVARIANT", "1")
        .output()
        .unwrap();
    // It ends well also where it complains, and says nothing at all where it could not read.
    let said = std::fs::read_to_string(&output).unwrap_or_else(|error| {
        panic!("the multitool wrote nothing ({error}): {}", String::from_utf8_lossy(&run.stdout))
    });
    let said: Value = serde_json::from_str(said.trim_start_matches('\u{feff}')).unwrap();
    let run = &said["runs"][0];
    assert!(run["tool"]["driver"]["name"].is_string(), "the multitool did not run: {said}");
    let failed = run["invocations"][0]["toolExecutionNotifications"].as_array().cloned().unwrap_or_default();
    let failed = failed.iter().map(|notification| format!("notification {}", notification["message"]["text"]));
    let results = run["results"].as_array().cloned().unwrap_or_default();
    let results = results.iter().map(|result| {
        let text = |value: &Value| value.as_str().unwrap_or("?").to_owned();
        let message = &result["message"];
        format!("{} {} {}", text(&result["ruleId"]), text(&message["id"]), message["arguments"])
    });
    let accepted = |line: &String| ACCEPTED.iter().any(|(id, _)| line.starts_with(id));
    Some(failed.chain(results).filter(|line| !accepted(line)).collect())
}

fn installed() -> Option<&'static Path> {
    static INSTALLED: OnceLock<Option<PathBuf>> = OnceLock::new();
    INSTALLED.get_or_init(install).as_deref()
}

fn install() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("target/tools/sarif-multitool-{VERSION}"));
    let program = folder.join("node_modules").join(PACKAGE).join("Sarif.Multitool");
    let said = if program.exists() {
        String::new()
    } else {
        if std::env::var_os("SPARKCHECK_OFFLINE").is_some_and(|value| value == "1") && std::env::var_os("CI").is_none()
        {
            eprintln!("SPARKCHECK_OFFLINE=1: SARIF is held to its schema only, not to the rules of GitHub");
            return None;
        }
        std::fs::create_dir_all(&folder).unwrap();
        let npm = Command::new("npm")
            .args(["install", "--no-save", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix"])
            .arg(&folder)
            .arg(format!("{PACKAGE}@{VERSION}"))
            .output();
        match npm {
            Ok(output) => String::from_utf8_lossy(&output.stderr).into_owned(),
            Err(error) => error.to_string(),
        }
    };
    assert!(
        program.exists(),
        "{PACKAGE} {VERSION} is needed and npm could not install it; set SPARKCHECK_OFFLINE=1 to do without, outside CI: {said}"
    );
    let lock = std::fs::read_to_string(folder.join("node_modules/.package-lock.json")).unwrap();
    assert!(lock.contains(INTEGRITY), "{PACKAGE} is not the one that is expected");
    // The package says of no file that it is a program.
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    Some(program)
}
