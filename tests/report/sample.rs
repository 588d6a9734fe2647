//! Reports as a run makes them, put together by hand.

#![allow(dead_code, reason = "each test uses a part of it")]

use serde_json::{Value, json};
use sparkcheck::estate::{Gap, PassedOver, Source};
use sparkcheck::report::{Excerpt, Finding, Go, Outcome, Place, Remedy, Report, RolloutVerdict, Span};
use sparkcheck::rule::{Rule, Severity, System};

pub(crate) const ROLLOUT: &str = "sparkpilot-live-1/sparkpilot-team-234100";

const CLUSTER: &str = r#"{
    "cluster": {
        "name": "sparkpilot-live-1",
        "arn": "arn:aws:eks:us-east-1:787587782916:cluster/sparkpilot-live-1",
        "identity": {
            "oidc": {
                "issuer": "https://oidc.eks.us-east-1.amazonaws.com/id/5C0D5C0D5C0D5C0D5C0D5C0D5C0D5C0D"
            }
        },
        "status": "ACTIVE"
    }
}
"#;

const ROLE: &str = r#"{
  "Role": {
    "RoleName": "SparkPilotEmrExecutionRole",
    "AssumeRolePolicyDocument": {
      "Version": "2012-10-17",
      "Statement": [
        {
          "Effect": "Allow",
          "Principal": {"Federated": "arn:aws:iam::787587782916:oidc-provider/oidc.eks.us-east-1.amazonaws.com/id/5C0D5C0D5C0D5C0D5C0D5C0D5C0D5C0D"},
          "Action": "sts:AssumeRoleWithWebIdentity",
          "Condition": {
            "StringEquals": {
              "oidc.eks.us-east-1.amazonaws.com/id/5C0D5C0D5C0D5C0D5C0D5C0D5C0D5C0D:sub": "system:serviceaccount:sparkpilot-team-234100:emr-containers-sa-*-*-787587782916-abc"
            }
          }
        }
      ]
    }
  }
}
"#;

/// A rule with these fields over those that a test does not care about.
pub(crate) fn rule(fields: Value) -> &'static Rule {
    let mut rule = json!({
        "severity": "error",
        "systems": ["emr-on-eks"],
        "why": "The job will not run.",
        "symptoms": [],
        "references": ["https://docs.aws.amazon.com/emr/latest/EMR-on-EKS-DevelopmentGuide/"],
        "select": "$.rollouts[*]",
        "assert": {"present": {"value": "$.cluster"}},
        "message": "something is wrong",
        "fixes": []
    });
    for (name, value) in fields.as_object().unwrap() {
        rule[name] = value.clone();
    }
    Box::leak(Box::new(serde_json::from_value(rule).unwrap()))
}

pub(crate) fn oidc_provider_missing() -> &'static Rule {
    rule(json!({
        "id": "oidc-provider-missing",
        "title": "the cluster's OIDC issuer has no IAM identity provider",
        "why": "Job pods trade a service-account token for the execution role's credentials. Without an IAM OIDC provider for the cluster's issuer, STS refuses the token, and the job fails after it was accepted.\n\nThe provider belongs into the account of the role.",
        "symptoms": ["InvalidIdentityToken: No OpenIDConnect provider found in your account for https://…"],
        "covers": ["E01"],
        "references": [
            "https://docs.aws.amazon.com/emr/latest/EMR-on-EKS-DevelopmentGuide/setting-up-enable-IAM.html",
            "https://docs.aws.amazon.com/eks/latest/userguide/enable-iam-roles-for-service-accounts.html"
        ],
        "fixes": [{
            "say": "Associate the provider with cluster `{cluster.name}`",
            "run": "eksctl utils associate-iam-oidc-provider --cluster {cluster.name} --region {cluster.region} --approve"
        }],
        "examples": {
            "of": "the-live-run-mended",
            "pass": [{"case": "the issuer is listed with another case of letters"}],
            "fail": [{"case": "no provider at all"}, {"case": "a provider of another cluster"}],
            "unknown": [{"case": "listing providers was denied"}]
        }
    }))
}

pub(crate) fn trust_misses_namespace() -> &'static Rule {
    rule(json!({
        "id": "trust-misses-namespace",
        "title": "the execution role does not trust EMR's service accounts of the namespace",
        "security_severity": 6.5,
        "why": "STS compares the token's subject with the trust policy.",
        "symptoms": ["not authorized to perform: sts:AssumeRoleWithWebIdentity"],
        "explained_by": ["oidc-provider-missing"],
        "fixes": [{"say": "Update the trust policy of `{role}`", "run": "aws emr-containers update-role-trust-policy --cluster-name {cluster.name} --namespace {namespace} --role-name {role}"}]
    }))
}

/// A finding with nothing but what every finding has.
pub(crate) fn finding(rule: &'static Rule, message: &str, fingerprint: &str) -> Finding<'static> {
    Finding {
        rule,
        outcome: Outcome::Fail,
        severity: rule.severity,
        system: Some(System::EmrOnEks),
        rollout: Some(ROLLOUT.into()),
        message: message.into(),
        because: String::new(),
        places: Vec::new(),
        unblock: Vec::new(),
        fixes: Vec::new(),
        fingerprint: fingerprint.into(),
        explained_by: Vec::new(),
        change: None,
        picture: None,
    }
}

/// The place of the first `needle` in a source, with two lines around it.
pub(crate) fn place(path: &str, pointer: &str, source: &str, needle: &str, note: &str) -> Place {
    let start = source.find(needle).unwrap_or_else(|| panic!("{needle} is not in {path}"));
    let end = start + needle.len();
    let spot = |at: usize| {
        let before = &source[..at];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
    };
    let ((line, column), (end_line, end_column)) = (spot(start), spot(end));
    let first_line = line.saturating_sub(2).max(1);
    let lines: Vec<&str> = source.lines().collect();
    let last = (end_line + 2).min(lines.len());
    let shown_from: usize = lines[..first_line - 1].iter().map(|line| line.len() + 1).sum();
    Place {
        pointer: pointer.into(),
        source: Some((0, pointer.into())),
        path: Some(path.into()),
        span: Some(Span {
            line,
            column,
            end_line,
            end_column,
            excerpt: Excerpt {
                first_line,
                text: lines[first_line - 1..last].join("\n"),
                start: start - shown_from,
                end: end - shown_from,
            },
        }),
        arn: None,
        note: note.into(),
    }
}

fn verdict(name: &str, system: System, verdict: Go) -> RolloutVerdict {
    RolloutVerdict {
        name: name.into(),
        system,
        region: Some("us-east-1".into()),
        account: Some("787587782916".into()),
        verdict,
    }
}

fn source(path: &str, kind: &str) -> Source {
    Source { path: path.into(), kind: kind.into(), ..Source::default() }
}

/// A run that found one cause with what it explains.
pub(crate) fn one_cause() -> Report<'static> {
    let oidc = oidc_provider_missing();
    let trust = trust_misses_namespace();
    let mut cause = finding(oidc, "cluster `sparkpilot-live-1` has no IAM OIDC provider for its issuer", "cause-1");
    cause.because = "none of the account's 2 providers".into();
    cause.places = vec![
        place(
            "the-live-run-as-found/cluster.json",
            "/eks/clusters/0/identity/oidc/issuer",
            CLUSTER,
            "\"https://oidc.eks.us-east-1.amazonaws.com/id/5C0D5C0D5C0D5C0D5C0D5C0D5C0D5C0D\"",
            "",
        ),
        Place {
            pointer: "/iam/openIDConnectProviders".into(),
            path: Some("the-live-run-as-found/providers.json".into()),
            note: "listed completely".into(),
            ..Place::default()
        },
    ];
    cause.fixes = vec![Remedy {
        say: "Associate the provider with cluster `sparkpilot-live-1`".into(),
        run: Some(
            "eksctl utils associate-iam-oidc-provider --cluster sparkpilot-live-1 --region us-east-1 --approve".into(),
        ),
    }];
    let mut consequence = finding(
        trust,
        "role `SparkPilotEmrExecutionRole` does not trust the service accounts of `sparkpilot-team-234100`",
        "consequence-1",
    );
    consequence.because = "`StringEquals` takes `*` literally".into();
    consequence.explained_by = vec!["cause-1".into()];
    consequence.places = vec![
        place(
            "the-live-run-as-found/role.json",
            "/iam/roles/0/AssumeRolePolicyDocument/Statement/0/Condition/StringEquals",
            ROLE,
            "\"system:serviceaccount:sparkpilot-team-234100:emr-containers-sa-*-*-787587782916-abc\"",
            "",
        ),
        place("the-live-run-as-found/role.json", "/x", ROLE, "\"StringEquals\"", "compares whole texts"),
    ];
    consequence.fixes = vec![Remedy {
        say: "Update the trust policy".into(),
        run: Some("aws emr-containers update-role-trust-policy --cluster-name sparkpilot-live-1 --namespace sparkpilot-team-234100 --role-name SparkPilotEmrExecutionRole".into()),
    }];
    Report {
        of_code: false,
        mended: None,
        inputs: vec![
            source("the-live-run-as-found/cluster.json", "describe-cluster"),
            source("the-live-run-as-found/iam/role.json", "get-role"),
            source("the-live-run-as-found/session.env", "session"),
        ],
        passed_over: Vec::new(),
        rollouts: vec![verdict(ROLLOUT, System::EmrOnEks, Go::NoGo)],
        rules: vec![oidc, trust],
        findings: vec![cause, consequence],
        gaps: Vec::new(),
        assumed: Vec::new(),
    }
}

/// A run with many findings of every kind over several rollouts.
pub(crate) fn many() -> Report<'static> {
    let mut report = one_cause();
    let placeholder = rule(json!({
        "id": "execution-role-placeholder",
        "title": "the execution role is a placeholder",
        "why": "The job is accepted and fails without a word.",
        "symptoms": ["failed with no clear error"]
    }));
    let passrole = rule(
        json!({"id": "submitter-pass-role-missing", "title": "the submitter may not pass the role", "severity": "note"}),
    );
    let broad = rule(json!({
        "id": "trust-too-broad",
        "title": "the execution role trusts more than it needs to",
        "severity": "warning",
        "security_severity": 7.5,
        "systems": ["emr-on-eks", "emr-serverless"]
    }));
    let fits = rule(json!({"id": "pods-do-not-fit", "title": "the job's pods do not fit the nodes"}));
    let addon = rule(json!({"id": "pod-identity-agent-missing", "title": "the Pod Identity agent is not installed"}));
    let entry =
        rule(json!({"id": "access-entry-missing", "title": "EMR has no access entry", "systems": ["emr-on-eks"]}));

    let mut more = Vec::new();
    let mut one = finding(
        placeholder,
        "execution role `arn:aws:iam::111111111111:role/SparkExecutionRole` is a placeholder",
        "f-3",
    );
    one.because = "account `111111111111` is the one that documentation uses".into();
    one.places = vec![Place {
        pointer: "/emrContainers/jobRuns/0/executionRoleArn".into(),
        arn: Some("arn:aws:emr-containers:us-east-1:787587782916:/virtualclusters/abc123def456ghi789/jobruns/00000003abcdefghijk".into()),
        ..Place::default()
    }];
    one.fixes = vec![
        Remedy { say: "Name the real execution role in the job request".into(), run: None },
        Remedy {
            say: "Create the role".into(),
            run: Some("aws iam create-role --role-name SparkExecutionRole --assume-role-policy-document '{\"Version\": \"2012-10-17\", \"Statement\": [{\"Effect\": \"Allow\", \"Action\": \"sts:AssumeRole\"}]}'".into()),
        },
    ];
    more.push(one);

    let mut two = finding(fits, "driver of `job-run.json` needs 4 vCPU and 16 GiB; no node has so much", "f-4");
    two.because = "the largest node has 1.93 vCPU and 6.9 GiB free".into();
    let nodes = "apiVersion: v1\nkind: Node\nmetadata:\n  name: ip-10-0-1-17.ec2.internal\nstatus:\n\tallocatable:\n    cpu: 1930m\n    memory: 7134Mi\n    ephemeral-storage: \"18242267924\"\n    pods: \"17\"\n  capacity:\n    cpu: \"2\"\n    memory: 8Gi\n";
    two.places = vec![
        place(
            "nodes.yaml",
            "/kubernetes/0/nodes/0/status/allocatable",
            nodes,
            "cpu: 1930m\n    memory: 7134Mi\n    ephemeral-storage: \"18242267924\"",
            "",
        ),
        Place {
            pointer: "/emrContainers/requests/0".into(),
            path: Some("job-run.json".into()),
            note: "asks for it".into(),
            ..Place::default()
        },
    ];
    two.fixes = vec![Remedy { say: "Add a node group with `m5.2xlarge` or larger".into(), run: None }];
    more.push(two);

    let mut three =
        finding(broad, "role `SparkPilotEmrExecutionRole` can be assumed by every pod of the cluster", "f-5");
    three.because = "no condition on `:sub`".into();
    three.places = vec![place(
        "role.json",
        "/iam/roles/0",
        ROLE,
        "arn:aws:iam::787587782916:oidc-provider/oidc.eks.us-east-1.amazonaws.com/id/5C0D5C0D5C0D5C0D5C0D5C0D5C0D5C0D",
        "",
    )];
    more.push(three);

    let mut four =
        finding(passrole, "submitter `SparkPilotByocLiteRoleAdmin` has no `iam:PassRole` on the execution role", "f-6");
    four.because = "not needed with IRSA, but some callers ask for it".into();
    more.push(four);

    for (at, (rule, unblock)) in [
        (addon, vec!["grant `eks:ListAddons`"]),
        (addon, vec!["grant `eks:ListAddons`"]),
        (entry, vec!["grant `eks:ListAccessEntries`", "run `aws eks list-access-entries --cluster-name sparkpilot-live-1 --output json > access-entries.json`"]),
        (entry, vec![]),
    ]
    .into_iter()
    .enumerate()
    {
        let mut open = finding(rule, &format!("add-ons of cluster number {at} could not be seen"), &format!("u-{at}"));
        open.outcome = Outcome::Unknown;
        open.because = "listing add-ons was denied".into();
        open.unblock = unblock.into_iter().map(str::to_owned).collect();
        more.push(open);
    }

    let mut outside = finding(broad, "role `Admin` trusts the whole account", "f-9");
    outside.rollout = None;
    outside.system = None;
    outside.because = "principal is `*`".into();
    outside.places = vec![Place {
        pointer: "/iam/roles/7".into(),
        arn: Some("arn:aws:iam::787587782916:role/Admin".into()),
        ..Place::default()
    }];
    more.push(outside);

    report.findings.extend(more);
    report.rules.extend([placeholder, passrole, broad, fits, addon, entry]);
    report.rollouts.push(verdict("spark-serverless-nightly", System::EmrServerless, Go::Undecided));
    report.rollouts.push(verdict(
        "a-cluster-with-a-name-that-goes-on-and-on-and-on/and-a-namespace-that-does-so-too-without-end",
        System::SparkOperator,
        Go::Go,
    ));
    let passed = |what: &str, count, paths: &[&str], unblock: Option<&str>| PassedOver {
        what: what.into(),
        count,
        paths: paths.iter().map(|path| (*path).into()).collect(),
        unblock: unblock.map(str::to_owned),
    };
    report.passed_over = vec![
        passed(
            "templates that are not rendered",
            2,
            &["chart/templates/deployment.yaml", "chart/templates/role.yaml"],
            Some("render it with `--render`, or give the output of `helm template`"),
        ),
        passed("JSON and YAML of other trades", 12, &["docker-compose.yaml", "package.json", "tsconfig.json"], None),
    ];
    report.gaps = vec![
        Gap {
            what: "eks.addons".into(),
            scope: "787587782916/us-east-1".into(),
            why: "AccessDeniedException: User: arn:aws:sts::787587782916:assumed-role/ReadOnly/me is not authorized to perform: eks:ListAddons".into(),
            unblock: Some("grant `eks:ListAddons`".into()),
            place: None,
        },
        Gap {
            what: "pods.json".into(),
            scope: String::new(),
            why: "the file ends in the middle of a value".into(),
            unblock: None,
            place: Some("pods.json:1041".into()),
        },
    ];
    report
}

/// A run that found nothing.
pub(crate) fn clean() -> Report<'static> {
    let mut report = one_cause();
    report.findings.clear();
    report.rollouts[0].verdict = Go::Go;
    report
}

/// A run whose every text was chosen by somebody who means harm.
pub(crate) fn hostile() -> Report<'static> {
    let evil = "x\u{1b}[2J\u{1b}]0;owned\u{7}\u{9b}31m\u{202e}drawkcab\u{2066}\r\nGO\tall fine\u{0}\u{7f}\u{200b}";
    let mut report = one_cause();
    let source = format!("line one\n\t\"{evil}\"\u{85}漢字 [click](https://evil.example) <b>\nline three\n");
    let mut one = finding(report.rules[0], &format!("cluster `{evil}` [click](https://evil.example)"), "h-1");
    one.because = evil.into();
    one.places = vec![
        place(&format!("dir {evil}/ä ö.json"), "/a~1b", &source, evil.split('\r').next().unwrap(), evil),
        place(&format!("dir {evil}/ä ö.json"), "/a", &source, "漢字", evil),
        Place {
            pointer: evil.into(),
            arn: Some(format!("arn:aws:iam::1:role/{evil}")),
            note: evil.into(),
            ..Place::default()
        },
        Place { pointer: "/p".into(), path: Some("/etc/passwd".into()), note: "absolute".into(), ..Place::default() },
        Place { pointer: "/p".into(), path: Some("../../up.json".into()), note: "above".into(), ..Place::default() },
    ];
    one.fixes = vec![
        Remedy { say: evil.into(), run: Some(format!("aws --name '{evil}'")) },
        Remedy { say: evil.into(), run: None },
    ];
    let mut two = finding(report.rules[1], evil, "h-2");
    two.outcome = Outcome::Unknown;
    two.unblock = vec![evil.into()];
    two.because = evil.into();
    two.rollout = Some(evil.into());
    report.findings = vec![one, two];
    report.rollouts[0].name = evil.into();
    report.rollouts[0].region = Some(evil.into());
    report.findings[0].rollout = Some(evil.into());
    report.inputs[0].path = format!("{evil}/a.json");
    report.inputs[0].kind = evil.into();
    report.gaps = vec![Gap {
        what: evil.into(),
        scope: evil.into(),
        why: evil.into(),
        unblock: Some(evil.into()),
        place: Some(evil.into()),
    }];
    report
}

/// Every report there is.
pub(crate) fn all() -> Vec<(&'static str, Report<'static>)> {
    let mut circle = one_cause();
    circle.findings[0].explained_by = vec!["consequence-1".into(), "cause-1".into()];
    let mut empty = clean();
    empty.rollouts.clear();
    empty.inputs.clear();
    vec![
        ("one-cause", one_cause()),
        ("many", many()),
        ("clean", clean()),
        ("hostile", hostile()),
        ("circle", circle),
        ("empty", empty),
    ]
}

pub(crate) fn severities() -> [Severity; 3] {
    [Severity::Note, Severity::Warning, Severity::Error]
}
