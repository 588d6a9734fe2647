//! One story, every form: infrastructure code and the account that comes of it get the same verdicts.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

#[path = "support/story.rs"]
#[expect(dead_code, reason = "the names of the stories are asked elsewhere")]
mod story;

use serde::Deserialize;
use serde_json::Value;
use sparkcheck::known::{Text, Truth};
use sparkcheck::link::link;
use sparkcheck::read::{Input, Options, read, yaml};
use sparkcheck::report::{Change, Outcome, Report};
use sparkcheck::rule::{self, Rule};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

static RULES: LazyLock<Vec<Rule>> = LazyLock::new(rule::builtin);

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

fn report(path: &Path, over: Option<PathBuf>) -> Report<'static> {
    let options = Options { today: Some(story::TODAY.into()), over, ..Options::default() };
    let estate = read(&[Input::Path(path.to_owned())], &options).unwrap();
    sparkcheck::examine(&link(estate), &RULES)
}

/// What fails, with the words in which it is told.
fn failures(report: &Report<'_>) -> BTreeMap<String, Vec<String>> {
    let mut failures: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for finding in report.findings.iter().filter(|finding| finding.outcome == Outcome::Fail) {
        failures.entry(finding.rule.id.clone()).or_default().push(finding.message.clone());
    }
    failures
}

/// The stories that are also told as code, with the folder of each form.
fn forms() -> Vec<(String, PathBuf)> {
    let mut forms: Vec<(String, PathBuf)> = std::fs::read_dir(fixtures().join("code"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter_map(|path| Some((path.file_name()?.to_str()?.split_once('.')?.0.to_owned(), path)))
        .filter(|(story, _)| fixtures().join(story).is_dir())
        .collect();
    forms.sort();
    forms
}

/// What the live run failed on that day and no code can tell: these stay undecided, in every form.
const UNDECIDED: [&str; 6] = [
    "emr-role-binding-missing",
    "emr-role-missing",
    "execution-role-may-govern-buckets",
    "nodes-too-small",
    "oidc-provider-missing",
    "pods-of-ended-runs",
];

/// What only the session and SparkPilot's own request tell, which lie beside no code.
const NOT_ASKED: [&str; 4] = [
    "artifact-digest-placeholder",
    "session-in-dry-run",
    "session-without-database-url",
    "session-without-execution-role",
];

/// What one form cannot say beyond that: the template knows nothing inside the cluster, and a plan does not know
/// aws-auth before the ARN of the nodes' role.
const FORMS: [(&str, &[&str]); 5] = [
    ("cdk", &[]),
    ("cloudformation", &["aws-auth-mapping-missing"]),
    ("eksctl", &[]),
    ("hcl", &[]),
    ("plan", &["aws-auth-mapping-missing"]),
];

#[test]
fn what_a_form_cannot_say_is_undecided() {
    let account = failures(&report(&fixtures().join("the-live-run-as-found"), None));
    for (form, more) in FORMS {
        let report = report(&fixtures().join(format!("code/the-live-run-as-found.{form}")), None);
        let code = failures(&report);
        let missed: BTreeSet<&str> = account.keys().filter(|id| !code.contains_key(*id)).map(String::as_str).collect();
        let expected: BTreeSet<&str> = UNDECIDED.iter().chain(&NOT_ASKED).chain(more).copied().collect();
        assert_eq!(missed, expected, "{form}");
        for id in UNDECIDED.iter().chain(more) {
            let is_open = report.findings.iter().any(|it| it.rule.id == *id && it.outcome == Outcome::Unknown);
            assert!(is_open, "{id} in {form}");
        }
    }
}

/// A fault of one story, and how it is written in each form.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fault {
    story: String,
    /// Edits that all forms have.
    #[serde(default)]
    every: Vec<Value>,
    /// Edits by form.
    #[serde(default)]
    edits: BTreeMap<String, Vec<Value>>,
    /// Which forms cannot say it, and why.
    #[serde(default)]
    undecided: BTreeMap<String, String>,
    /// In which forms the account keeps what it has.
    #[serde(default)]
    stays: Vec<String>,
}

/// The edits of a list in which lists may stand.
fn flat(edits: &[Value]) -> Vec<story::Edit> {
    let one = |edit: &Value| match edit {
        Value::Array(inner) => flat(inner),
        edit => vec![serde_json::from_value(edit.clone()).unwrap_or_else(|error| panic!("{edit}: {error}"))],
    };
    edits.iter().flat_map(one).collect()
}

/// Whether the messages are the same but for what only an apply will tell.
fn alike(ones: &[String], others: &[String]) -> bool {
    let same =
        |(one, other): (&String, &String)| Text::shown(one).same_as(&Text::literal(other.as_str())) != Truth::False;
    // Two jobs may fail with the same words.
    let (mut ones, mut others) = (ones.to_vec(), others.to_vec());
    ones.dedup();
    others.dedup();
    ones.len() == others.len() && ones.iter().zip(&others).all(same)
}

#[test]
fn a_fault_is_the_same_in_every_form() {
    let text = std::fs::read_to_string(fixtures().join("code/faults.yaml")).unwrap();
    let (mut documents, fault) = yaml::documents(&text);
    assert!(fault.is_none(), "{fault:?}");
    let faults: Vec<Fault> = serde_json::from_value(documents.remove(0)).unwrap();
    let none = BTreeMap::new();
    let mut problems = Vec::new();
    for fault in &faults {
        let account = failures(&report(&story::folder(&fault.story), None));
        assert!(!account.is_empty(), "{} fails nothing", fault.story);
        for (form, _) in FORMS {
            let folder = tempfile::tempdir().unwrap();
            story::copy(&fixtures().join(format!("code/the-live-run-mended.{form}")), folder.path());
            let own = fault.edits.get(form).map_or(&[][..], Vec::as_slice);
            for edit in flat(&fault.every).into_iter().chain(flat(own)) {
                story::make(folder.path(), edit, &fault.story);
            }
            let report = report(folder.path(), None);
            let code = failures(&report);
            let mut say = |what: String| problems.push(format!("{} as {form}: {what}", fault.story));
            for (rule, messages) in &code {
                match account.get(rule) {
                    Some(others) if alike(messages, others) => {}
                    others => say(format!("{rule} fails with {messages:?}, in the account with {others:?}")),
                }
            }
            for rule in account.keys() {
                let outcome = match (code.contains_key(rule), report.findings.iter().any(|it| it.rule.id == *rule)) {
                    (true, _) => "fails",
                    (false, true) => "is undecided",
                    (false, false) => "passes",
                };
                let expected = if fault.undecided.contains_key(form) { "is undecided" } else { "fails" };
                if outcome != expected {
                    say(format!("{rule} {outcome}"));
                }
            }
            for gap in &report.gaps {
                say(gap.why.clone());
            }
            let over = crate::report(folder.path(), Some(fixtures().join("the-live-run-mended")));
            let expected = if fault.stays.iter().any(|stays| stays == form) { &none } else { &account };
            let after = failures(&over);
            if !after.keys().eq(expected.keys())
                || !after.iter().all(|(rule, messages)| alike(messages, &expected[rule]))
            {
                say(format!("over the account: {after:?}, and not {expected:?}"));
            }
            let open = over.findings.iter().filter(|it| it.outcome == Outcome::Unknown && it.explained_by.is_empty());
            open.for_each(|finding| say(format!("over the account: {} is undecided", finding.rule.id)));
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn code_fails_the_rules_that_its_account_fails() {
    let forms = forms();
    assert_eq!(forms.len(), 2 * FORMS.len(), "{forms:?}");
    for (story, form) in forms {
        let account = failures(&report(&fixtures().join(&story), None));
        let report = report(&form, None);
        let code = failures(&report);
        for (rule, messages) in &code {
            // An id that only an apply will give stands as a hole in the message.
            let others = account.get(rule).unwrap_or_else(|| panic!("{rule} in {}: {messages:?}", form.display()));
            assert!(alike(messages, others), "{rule} in {}: {messages:?}, {others:?}", form.display());
        }
        assert_eq!(code.is_empty(), account.is_empty(), "{}", form.display());
        assert_eq!(report.gaps, [], "{}", form.display());
        for finding in report.findings.iter().filter(|finding| finding.outcome == Outcome::Fail) {
            let place = finding.places.first().unwrap_or_else(|| panic!("{} has no place", finding.rule.id));
            assert!(place.path.is_some() && place.span.is_some(), "{}: {place:?}", finding.rule.id);
        }
    }
}

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

const ROLE: &str = r#"
resource "aws_iam_role" "jobs" {
  name = "jobs"
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "emr-serverless.amazonaws.com" } }]
  })
}

resource "aws_iam_role_policy" "jobs" {
  role   = aws_iam_role.jobs.name
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = ["iam:PassRole"], Resource = "*" }]
  })
}
"#;

#[test]
fn a_role_alone_is_judged_and_asks_nothing() {
    let folder = folder(&[("main.tf", ROLE)]);
    let report = report(folder.path(), None);
    let failed: Vec<String> = failures(&report).into_keys().collect();
    assert_eq!(failed, ["runtime-role-trust-unscoped", "statement-passes-any-role"]);
    assert!(report.findings.iter().all(|finding| finding.outcome == Outcome::Fail));
    assert!(report.rollouts.is_empty() && report.gaps.is_empty());
}

#[test]
fn a_statement_is_explained_by_what_its_role_may_do() {
    let grant = |statement: &str| ROLE.replace(r#"Action = ["iam:PassRole"]"#, statement);
    for (statement, found, cause) in [
        (r#"Action = ["s3:GetObject"]"#, "statement-covers-every-bucket", Some("execution-role-reaches-every-bucket")),
        // Of deleting alone the role's rule does not speak.
        (r#"Action = ["s3:DeleteObject"]"#, "statement-covers-every-bucket", None),
        (r#"Action = ["ec2:*"]"#, "statement-opens-security-groups", Some("execution-role-may-change-networks")),
    ] {
        let folder = folder(&[("main.tf", &grant(statement))]);
        let report = report(folder.path(), None);
        let of_rule = |id: &str| report.findings.iter().find(|finding| finding.rule.id == id);
        let causes = cause.and_then(of_rule).map(|cause| vec![cause.fingerprint.clone()]);
        let explained = of_rule(found).map(|finding| finding.explained_by.clone());
        assert_eq!(explained, Some(causes.unwrap_or_default()), "{statement}");
        assert_eq!(cause.is_some(), cause.and_then(of_rule).is_some(), "{statement}");
    }
}

#[test]
fn what_code_does_not_declare_may_exist() {
    let pods = "apiVersion: sparkoperator.k8s.io/v1beta2\nkind: SparkApplication\nmetadata: {name: a, namespace: jobs}\n\
                spec: {type: Scala, mode: cluster, sparkVersion: 3.5.0, mainApplicationFile: local:///x.jar, \
                driver: {serviceAccount: spark}, executor: {}}\n";
    let folder = folder(&[("a.yaml", pods)]);
    let failed = failures(&report(folder.path(), None));
    assert!(
        !failed.contains_key("driver-account-missing") && !failed.contains_key("spark-operator-missing"),
        "{failed:?}"
    );
}

#[test]
fn laid_over_an_account_code_takes_the_place_of_what_is_there() {
    let account = fixtures().join("the-live-run-as-found");
    let before = failures(&report(&account, None));
    let mended = report(&fixtures().join("code/the-live-run-mended.cloudformation"), Some(account));
    let after = failures(&mended);
    assert!(before.contains_key("trust-policy-stops-at-emr-service"));
    assert!(!after.contains_key("trust-policy-stops-at-emr-service"), "{after:?}");
    // Nobody has compared it with anything yet.
    assert!(mended.findings.iter().all(|finding| finding.change != Some(Change::Brings)));
}
