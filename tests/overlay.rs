//! Changes laid over an account: what they destroy and make anew, what they bring, leave and mend.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

#[path = "support/story.rs"]
#[expect(dead_code, reason = "the names of the stories are asked elsewhere")]
mod story;

use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;

/// A plan of changes: address, type, actions, before, after.
fn plan(changes: &[(&str, &str, &[&str], Value, Value)]) -> String {
    let all = changes.iter().map(|(address, kind, actions, before, after)| {
        json!({"address": address, "mode": "managed", "type": kind, "name": "x",
               "change": {"actions": actions, "before": before, "after": after, "after_unknown": {}}})
    });
    let planned = changes.iter().filter(|(.., after)| !after.is_null()).map(|(address, kind, _, _, after)| {
        json!({"address": address, "mode": "managed", "type": kind, "name": "x", "values": after})
    });
    json!({
        "format_version": "1.2",
        "terraform_version": "1.13.4",
        "planned_values": {"root_module": {"resources": planned.collect::<Vec<_>>()}},
        "resource_changes": all.collect::<Vec<_>>(),
        "configuration": {"root_module": {}},
    })
    .to_string()
}

/// The report of a change over an account, and with which code the program ended.
fn over(account: &str, change: &str, arguments: &[&str]) -> (Value, i32) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("plan.json"), change).unwrap();
    run(folder.path(), account, arguments)
}

fn run(change: &Path, account: &str, arguments: &[&str]) -> (Value, i32) {
    let account = story::folder(account);
    let output = Command::new(env!("CARGO_BIN_EXE_sparkcheck"))
        .args(["--format", "json", "--today", story::TODAY, "--over"])
        .arg(&account)
        .args(["--rollout".as_ref(), account.join("sparkcheck.toml").as_os_str()])
        .args(arguments)
        .arg(change)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let report = serde_json::from_str(&text)
        .unwrap_or_else(|error| panic!("{error}: {text}{}", String::from_utf8_lossy(&output.stderr)));
    (report, output.status.code().unwrap())
}

/// The failures: rule, what the change has to do with it, and what its places say of the change.
fn failures(report: &Value) -> Vec<(String, String, Vec<String>)> {
    let failed = report["findings"].as_array().unwrap().iter().filter(|finding| finding["verdict"] == "fail");
    let one = |finding: &Value| {
        let notes = finding["places"].as_array().unwrap().iter().filter_map(|place| place["note"].as_str());
        let notes = notes.filter(|note| note.starts_with("the change")).map(str::to_owned).collect();
        let text = |key: &str| finding[key].as_str().unwrap_or_default().to_owned();
        (text("rule"), text("change"), notes)
    };
    failed.map(one).collect()
}

fn mended(report: &Value) -> Vec<&str> {
    report["mended"].as_array().unwrap().iter().map(|one| one["rule"].as_str().unwrap()).collect()
}

const PROVIDER: &str =
    "arn:aws:iam::787587782916:oidc-provider/oidc.eks.us-east-1.amazonaws.com/id/5C0D3A1B9E8F47261A0B3C4D5E6F7A8B";

#[test]
fn what_a_plan_destroys_is_gone() {
    let provider = json!({
        "arn": PROVIDER, "url": PROVIDER.split_once('/').unwrap().1, "client_id_list": ["sts.amazonaws.com"],
    });
    let policy = json!({"name": "submit-spark-jobs", "role": "SparkPilotByocLiteRole", "policy": "{}"});
    let attachment = json!({
        "role": "SparkPilotEmrExecutionRole", "policy_arn": "arn:aws:iam::aws:policy/CloudWatchLogsFullAccess",
    });
    let change = plan(&[
        (
            "aws_iam_openid_connect_provider.cluster",
            "aws_iam_openid_connect_provider",
            &["delete"],
            provider,
            Value::Null,
        ),
        ("aws_iam_role_policy.submit", "aws_iam_role_policy", &["delete"], policy, Value::Null),
        ("aws_iam_role_policy_attachment.logs", "aws_iam_role_policy_attachment", &["delete"], attachment, Value::Null),
    ]);
    let (report, code) = over("the-live-run-mended", &change, &[]);
    let failed = failures(&report);
    for (rule, address) in [
        ("oidc-provider-missing", "aws_iam_openid_connect_provider.cluster"),
        ("submitter-cannot-start-job-runs", "aws_iam_role_policy.submit"),
        ("execution-role-cannot-write-log-streams", "aws_iam_role_policy_attachment.logs"),
    ] {
        let found = failed.iter().find(|(id, ..)| id == rule).unwrap_or_else(|| panic!("{rule} in {failed:?}"));
        assert_eq!(
            (found.1.as_str(), &found.2),
            ("brings", &vec![format!("the change destroys `{address}`")]),
            "{rule}"
        );
    }
    assert_eq!((code, mended(&report).len()), (1, 0));
    let places = report["findings"][0]["places"].as_array().unwrap();
    let place =
        places.iter().find(|place| place["note"].as_str().unwrap_or_default().starts_with("the change")).unwrap();
    assert!(place["path"].as_str().unwrap().ends_with("plan.json") && place["line"].is_u64(), "{place}");
}

#[test]
fn what_a_state_has_and_the_code_no_more_is_gone() {
    let policy = json!({"name": "submit-spark-jobs", "role": "SparkPilotByocLiteRole", "policy": "{}"});
    let resource = |name: &str| {
        json!({"mode": "managed", "type": "aws_iam_role_policy", "name": name, "provider": "aws",
               "instances": [{"schema_version": 0, "attributes": policy}]})
    };
    let moved = "moved {\n  from = aws_iam_role_policy.submit\n  to   = module.away.aws_iam_role_policy.submit\n}\n";
    let kept = "resource \"aws_iam_role_policy\" \"submit\" {\n  count = 0\n  role = \"a\"\n  policy = \"{}\"\n}\n";
    let backend = "terraform {\n  backend \"s3\" {}\n}\n";
    for (code, gone) in [("", true), (moved, false), (kept, false), (backend, false)] {
        let folder = tempfile::tempdir().unwrap();
        let state = json!({"version": 4, "serial": 3, "lineage": "x", "resources": [resource("submit")]});
        let other = "resource \"aws_iam_role\" \"otter\" {\n  name = \"otter\"\n  assume_role_policy = \"{}\"\n}\n";
        std::fs::write(folder.path().join("main.tf"), format!("{other}{code}")).unwrap();
        std::fs::write(folder.path().join("terraform.tfstate"), state.to_string()).unwrap();
        let (report, _) = run(folder.path(), "the-live-run-mended", &[]);
        let failed = failures(&report);
        let found = failed.iter().find(|(id, ..)| id == "submitter-cannot-start-job-runs");
        let notes = vec!["the change destroys `aws_iam_role_policy.submit`".to_owned()];
        assert_eq!(found.map(|found| (found.1.as_str(), &found.2)), gone.then_some(("brings", &notes)), "{code}");
    }
}

#[test]
fn a_state_that_cannot_be_read_is_told() {
    let whole = json!({"version": 3, "modules": []}).to_string();
    for (state, told) in [(r#"{"version": 4, "resources": [{"mode"#, "line 1 column"), (&whole, "version 3")] {
        let folder = tempfile::tempdir().unwrap();
        let role = "resource \"aws_iam_role\" \"otter\" {\n  name = \"otter\"\n  assume_role_policy = \"{}\"\n}\n";
        std::fs::write(folder.path().join("main.tf"), role).unwrap();
        std::fs::write(folder.path().join("terraform.tfstate"), state).unwrap();
        let (report, code) = run(folder.path(), "the-live-run-mended", &[]);
        let why = report["gaps"][0]["why"].as_str().unwrap_or_default();
        assert!(code == 3 && why.contains("terraform.tfstate") && why.contains(told), "{code} {report}");
    }
}

#[test]
fn what_was_never_there_cannot_be_destroyed() {
    let role = json!({"name": "otter", "arn": "arn:aws:iam::787587782916:role/otter", "path": "/"});
    let change = plan(&[("aws_iam_role.otter", "aws_iam_role", &["delete"], role, Value::Null)]);
    let (report, code) = over("the-live-run-mended", &change, &[]);
    assert_eq!((failures(&report), code), (vec![], 0));
}

#[test]
fn what_a_plan_makes_anew_keeps_nothing_of_the_old() {
    let role = |trust: &str| {
        json!({
            "name": "SparkPilotEmrExecutionRole", "path": "/",
            "arn": "arn:aws:iam::787587782916:role/SparkPilotEmrExecutionRole",
            "assume_role_policy": trust,
        })
    };
    let trust = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"elasticmapreduce.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
    let change = plan(&[("aws_iam_role.execution", "aws_iam_role", &["delete", "create"], role("{}"), role(trust))]);
    let (report, _) = over("the-live-run-mended", &change, &[]);
    let failed: Vec<String> = failures(&report).into_iter().map(|(rule, ..)| rule).collect();
    assert!(failed.contains(&"trust-policy-stops-at-emr-service".to_owned()), "{failed:?}");
    // The policies of the old role went with it.
    assert!(failed.contains(&"execution-role-cannot-write-log-streams".to_owned()), "{failed:?}");
    let kept = plan(&[("aws_iam_role.execution", "aws_iam_role", &["update"], role("{}"), role(trust))]);
    let (report, _) = over("the-live-run-mended", &kept, &[]);
    let failed: Vec<String> = failures(&report).into_iter().map(|(rule, ..)| rule).collect();
    assert_eq!(failed, ["trust-policy-stops-at-emr-service"]);
}

#[test]
fn what_a_change_mends_is_told() {
    let holder = json!({
        "id": "3mw8r5tq0x7y2k6n9c1v4jbzd", "name": "by-hand",
        "arn": "arn:aws:emr-containers:us-east-1:787587782916:/virtualclusters/3mw8r5tq0x7y2k6n9c1v4jbzd",
        "container_provider": [{"id": "sparkpilot-live-1", "type": "EKS",
                                "info": [{"eks_info": [{"namespace": "sparkpilot-team-234100"}]}]}],
    });
    let change = plan(&[(
        "aws_emrcontainers_virtual_cluster.x",
        "aws_emrcontainers_virtual_cluster",
        &["delete"],
        holder,
        Value::Null,
    )]);
    let (report, code) = over("namespace-taken", &change, &[]);
    assert_eq!((failures(&report), mended(&report), code), (vec![], vec!["namespace-taken"], 0));
}

/// `--new-only` gates on what the change brings, and on nothing that was there before.
#[test]
fn only_what_is_new_counts_where_that_is_asked() {
    let nothing = plan(&[(
        "aws_iam_role.otter",
        "aws_iam_role",
        &["create"],
        Value::Null,
        json!({"name": "otter", "path": "/", "assume_role_policy": "{\"Version\":\"2012-10-17\",\"Statement\":[]}"}),
    )]);
    let attached = plan(&[(
        "aws_iam_role_policy_attachment.all",
        "aws_iam_role_policy_attachment",
        &["create"],
        Value::Null,
        json!({"role": "SparkPilotByocLiteRole", "policy_arn": "arn:aws:iam::aws:policy/AdministratorAccess"}),
    )]);
    let story = "trust-for-another-namespace";
    let ends = |change: &str, arguments: &[&str]| over(story, change, arguments).1;
    assert_eq!(ends(&nothing, &[]), 1);
    assert_eq!(ends(&nothing, &["--new-only"]), 0);
    assert_eq!(ends(&attached, &["--new-only", "--fail-on", "warning"]), 1);
    let (report, _) = over(story, &attached, &["--new-only"]);
    let failed = failures(&report);
    let of = |rule: &str| failed.iter().find(|(id, ..)| id == rule).map(|(_, change, _)| change.as_str());
    assert_eq!(
        (of("trust-policy-lacks-namespace"), of("submitter-is-administrator")),
        (Some("leaves"), Some("brings"))
    );
}
