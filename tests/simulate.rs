//! `sparkcheck simulate` as it is called: questions to exports and to policy files, and files of cases.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use serde_json::{Value, json};
use sparkcheck::cli::{self, Answer, Surroundings};
use std::ffi::OsString;
use std::io::Write;
use std::path::Path;

const SUBMITTER: &str = "arn:aws:iam::111122223333:role/Submitter";

/// An export with one role, which may do everything.
fn export(folder: &Path) -> String {
    let role = json!({
        "RoleName": "Submitter", "RoleId": "AROAEXAMPLEEXAMPLE123", "Arn": SUBMITTER, "Path": "/",
        "AssumeRolePolicyDocument": policy("Allow", "sts:AssumeRole", "*", json!({})),
        "RolePolicyList": [{"PolicyName": "All", "PolicyDocument": policy("Allow", "*", "*", json!({}))}],
        "AttachedManagedPolicies": [], "InstanceProfileList": [], "Tags": [],
    });
    let details = json!({"UserDetailList": [], "GroupDetailList": [], "RoleDetailList": [role], "Policies": []});
    file(folder, "account.json", &details)
}

fn run(arguments: &[&str]) -> Answer {
    let arguments = ["sparkcheck", "simulate"].iter().chain(arguments).map(OsString::from);
    let surroundings = Surroundings { today: "2026-03-01".into(), terminal_width: None, may_colour: false };
    cli::run(arguments, &surroundings).expect("the arguments are right").expect("the run can be done")
}

fn objects(answer: Answer) -> Vec<Value> {
    let lines = answer.text.lines().map(|line| serde_json::from_str(line).unwrap());
    lines.chain(answer.more.into_iter().flatten()).collect()
}

fn file(folder: &Path, name: &str, content: &Value) -> String {
    let path = folder.join(name);
    std::fs::write(&path, serde_json::to_string_pretty(content).unwrap()).unwrap();
    path.to_str().unwrap().to_owned()
}

fn policy(effect: &str, action: &str, resource: &str, condition: Value) -> Value {
    json!({"Version": "2012-10-17", "Statement": [
        {"Sid": "Only", "Effect": effect, "Action": action, "Resource": resource, "Condition": condition},
    ]})
}

#[test]
fn an_export_is_asked_and_tells_the_line() {
    let folder = tempfile::tempdir().unwrap();
    let export = export(folder.path());
    let question = ["--principal", SUBMITTER, "--action", "emr-containers:StartJobRun"];
    let answer = run(&[&question[..], &["--format", "json", &export]].concat());
    assert_eq!(answer.code, 0);
    let proof = &objects(answer)[0];
    assert_eq!(proof["decision"], "allowed");
    assert_eq!(proof["unseen"], json!(["service control policies"]));
    let because = &proof["because"][0];
    assert_eq!(because["path"], json!(export));
    let line = because["line"].as_u64().unwrap() as usize;
    // The statement of the inline policy is told by its name; the trust policy has the same one.
    let text = std::fs::read_to_string(&export).unwrap();
    let named = |wanted: &str| text.lines().take(line).filter(|found| found.contains(wanted)).count();
    assert_eq!((named("\"PolicyDocument\""), named("\"Sid\": \"Only\"")), (1, 2), "line {line} of {text}");
    let human = run(&[&question[..], &[&export]].concat()).text;
    assert!(human.starts_with("ALLOWED  emr-containers:StartJobRun\n"), "{human}");
    assert!(human.contains(&format!("account.json:{line}:")), "{human}");
}

#[test]
fn a_resource_policy_that_was_not_read_leaves_it_open() {
    let folder = tempfile::tempdir().unwrap();
    let export = export(folder.path());
    let question = |more: &[&str]| {
        let asked = ["--principal", SUBMITTER, "--action", "s3:GetObject,iam:PassRole", "--format", "json"];
        let on = ["--resource", "arn:aws:s3:::lake/k", &export];
        let answer = run(&[&asked[..], &on, more].concat());
        let code = answer.code;
        let decisions: Vec<Value> = objects(answer).iter().map(|proof| proof["decision"].clone()).collect();
        (code, decisions)
    };
    assert_eq!(question(&[]), (3, vec![json!("conditional"), json!("allowed")]));
    assert_eq!(question(&["--resource-policy", "none"]), (0, vec![json!("allowed"), json!("allowed")]));
}

#[test]
fn policies_in_files_are_put_together() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str, content: &Value| file(folder.path(), name, content);
    let vpc = json!({"StringEquals": {"aws:SourceVpc": "vpc-1"}});
    let allow = at("allow.json", &json!({"PolicyVersion": {"Document": policy("Allow", "s3:*", "*", vpc)}}));
    let boundary = at("boundary.json", &policy("Allow", "s3:Get*", "*", json!({})));
    let scp = at("scp.json", &json!([policy("Allow", "*", "*", json!({})), policy("Deny", "s3:*Acl", "*", json!({}))]));
    let ask = |action: &str, more: &[&str]| {
        let asked = ["--principal", "arn:aws:iam::111122223333:user/kim", "--action", action, "--format", "json"];
        let on = ["--resource", "arn:aws:s3:::lake/k", "--identity", &allow, "--boundary", &boundary, "--scp", &scp];
        let answer = run(&[&asked[..], &on, more].concat());
        (answer.code, objects(answer).remove(0))
    };
    let inside = ["--context", "aws:SourceVpc=vpc-1"];
    assert_eq!(ask("s3:GetObject", &inside).0, 0);
    let (code, proof) = ask("s3:PutObject", &inside);
    assert_eq!((code, &proof["kind"]), (1, &json!("implicit")));
    let (code, proof) = ask("s3:GetObjectAcl", &inside);
    assert_eq!((code, &proof["kind"]), (1, &json!("explicit")));
    assert_eq!(proof["because"][0]["path"], json!(scp));
    assert!(proof["because"][0]["line"].as_u64().unwrap() > 10, "{proof}");
    let (code, proof) = ask("s3:GetObject", &["--unknown", "aws:sourcevpc"]);
    assert_eq!((code, &proof["depends_on"]), (3, &json!(["aws:sourcevpc"])));
    assert_eq!(ask("s3:GetObject", &["--unknown", "*"]).0, 3);
    let (code, proof) = ask("s3:GetObject", &[]);
    assert_eq!((code, &proof["absent"]), (1, &json!(["aws:SourceVpc"])));
    let asked = ["--principal", "arn:aws:iam::111122223333:user/kim", "--action", "s3:PutObject", "--boundary"];
    let human = run(&[&asked[..], &[&boundary, "--identity", &allow, "--unknown", "aws:SourceVpc"]].concat()).text;
    let human = human.replace(folder.path().to_str().unwrap(), "…");
    let words: Vec<&str> = human.split_whitespace().collect();
    let expected = "DENIED s3:PutObject who arn:aws:iam::111122223333:user/kim on * because no statement allows it \
nearest …/boundary.json: nothing allows `s3:PutObject`";
    assert_eq!(words.join(" "), expected);
}

#[test]
fn a_proof_is_short() {
    let folder = tempfile::tempdir().unwrap();
    let condition = json!({"ArnLike": {"emr-containers:ExecutionRoleArn": "arn:aws:iam::111122223333:role/jobs-*"}});
    let mut policy = policy("Allow", "emr-containers:StartJobRun", "*", condition);
    policy["Statement"][0]["Sid"] = "Start".into();
    let identity = file(folder.path(), "p.json", &policy);
    let asked = ["--principal", "arn:aws:iam::111122223333:user/kim", "--action", "emr-containers:StartJobRun"];
    let human = run(&[&asked[..], &["--identity", &identity]].concat()).text;
    let human = human.replace(folder.path().to_str().unwrap(), "…");
    let expected = "\
DENIED  emr-containers:StartJobRun
  who        arn:aws:iam::111122223333:user/kim
  on         *
  because    no statement allows it
  nearest    statement `Start` of …/p.json would, but the request has no `emr-containers:ExecutionRoleArn`
             …/p.json:LINE
  assumed    the request has no `emr-containers:ExecutionRoleArn`
";
    let place = regex_lite::Regex::new(r"p\.json:\d+:\d+").unwrap();
    let human = place.replace_all(&human, "p.json:LINE");
    // Where lines break follows the length of the folder's name.
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(words(&human), words(expected));
    let labels: Vec<&str> =
        human.lines().filter_map(|line| line.get(..13)).map(str::trim).filter(|label| !label.is_empty()).collect();
    assert_eq!(&labels[1..], ["who", "on", "because", "nearest", "assumed"], "{human}");
}

#[test]
fn a_case_that_is_broken_is_answered_in_its_turn() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cases.jsonl");
    let mut out = std::fs::File::create(&path).unwrap();
    let request = json!({"principal": "arn:aws:iam::111122223333:user/kim", "action": "s3:GetObject", "resource": "*"});
    for line in [
        json!({"id": "a", "request": request}).to_string(),
        "{\"id\": \"b\", ".to_owned(),
        String::new(),
        json!({"id": "c", "request": 7, "policies": []}).to_string(),
        json!({"id": "d", "wanted": {"kind": "pods"}}).to_string(),
        "[".repeat(100_000),
        json!({"id": "e", "request": request, "policies": {"identity": [policy("Allow", "*", "*", json!(3))], "scp": 1}}).to_string(),
    ] {
        writeln!(out, "{line}").unwrap();
    }
    let answer = run(&["--cases", path.to_str().unwrap()]);
    assert_eq!(answer.code, 0);
    let answers = objects(answer);
    let shown: Vec<(Value, bool)> =
        answers.iter().map(|answer| (answer["id"].clone(), answer.get("error").is_some())).collect();
    let expected = [("a", false), ("", true), ("c", true), ("d", true), ("", true), ("e", false)];
    let expected = expected.map(|(id, error)| (if id.is_empty() { Value::Null } else { json!(id) }, error));
    assert_eq!(shown, expected);
    for (answer, line) in [(1, "line 2: "), (2, "line 4: "), (3, "line 5: "), (4, "line 6: ")] {
        assert!(answers[answer]["error"].as_str().unwrap().starts_with(line), "{}", answers[answer]);
    }
}
