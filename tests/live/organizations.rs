//! Organizations: what has a say over an account from above, and what is said where that is not told.

use super::*;

/// The live run's account as a member of an organization, one of whose units denies something.
pub(super) fn member(name: &str, denies: &str) -> State {
    let (account, unit, root) = ("787587782916", "ou-7hq2-5c0vd8tn", "r-7hq2");
    let policy = |id: &str, name: &str, of: &str| {
        json!({"Id": id, "Name": name, "Type": "SERVICE_CONTROL_POLICY", "AwsManaged": of == "aws",
            "Arn": format!("arn:aws:organizations::{of}:policy/service_control_policy/{id}")})
    };
    let full = policy("p-FullAWSAccess", "FullAWSAccess", "aws");
    let summary = policy("p-3n8w5t0c", "Sandbox", "300411209876");
    let (_, mut state) = state_of(name);
    let organization = json!({"Id": "o-4k2v9x7q1m", "FeatureSet": "ALL", "MasterAccountId": "300411209876"});
    state.put("organizations:DescribeOrganization", "", json!({"Organization": organization}));
    state.put("organizations:ListParents", account, json!({"Parents": [{"Id": unit, "Type": "ORGANIZATIONAL_UNIT"}]}));
    state.put("organizations:ListParents", unit, json!({"Parents": [{"Id": root, "Type": "ROOT"}]}));
    for target in [account, unit, root] {
        let attached = if target == unit { json!([full, summary]) } else { json!([full]) };
        let of = format!("SERVICE_CONTROL_POLICY {target}");
        state.put("organizations:ListPoliciesForTarget", &of, json!({"Policies": attached}));
    }
    let content = json!({"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Action": denies, "Resource": "*"}});
    let policy = json!({"Policy": {"PolicySummary": summary, "Content": content.to_string()}});
    state.put("organizations:DescribePolicy", "p-3n8w5t0c", policy);
    state
}

/// The levels above an account: as in an export, unknown where they are not told, and asked by the management
/// account where there is a session of it.
#[test]
fn an_organization_has_its_say() {
    let folder = story::folder("the-live-run-mended");
    let alone = link(estate(&[Input::Path(folder.clone())], Answers::default()));
    assert_eq!(go(&alone).0, [Go::Go]);
    for (denies, fault, plan, word, what) in [
        ("sagemaker:*", None, plan(&ON_EKS), Go::Go, ""),
        ("emr-containers:Start*", None, plan(&ON_EKS), Go::NoGo, "Sandbox"),
        ("sagemaker:*", Some("ListPoliciesForTarget"), plan(&ON_EKS), Go::Undecided, "management account"),
        ("sagemaker:*", Some("ListParents"), plan(&ON_EKS), Go::Undecided, "management account"),
        ("sagemaker:*", Some("DescribePolicy"), plan(&ON_EKS), Go::Undecided, "describe-policy"),
        (
            "sagemaker:*",
            Some("DescribeOrganization"),
            plan(&ON_EKS),
            Go::Undecided,
            "organizations:DescribeOrganization",
        ),
        ("emr-containers:Start*", Some("DescribeOrganization"), plan(&ON_EKS).without_organization(), Go::Go, ""),
    ] {
        let server = Server::start(member("the-live-run-mended", denies), 100);
        let operation = fault.map(|name| format!("organizations:{name}"));
        server.fail(operation.as_deref().map(|operation| (operation, Fault::Denied)));
        let estate = estate(&beside(&folder), live(&options(&server, &[]), &plan).answers);
        let snapshot = serde_json::to_vec(&sparkcheck::snapshot::of(&estate)).unwrap();
        let linked = link(estate);
        let report = sparkcheck::examine(&linked, rules());
        let said: Vec<Go> = report.rollouts.iter().map(|rollout| rollout.verdict).collect();
        let text = sparkcheck::report::json::render(&report);
        assert_eq!(said, [word], "{denies} {fault:?}: {:?}", report.gaps);
        assert!(text.contains(what), "{denies} {fault:?}: {text}");
        let again = link(self::estate(&[Input::Stdin(snapshot)], Answers::default()));
        assert_eq!(verdicts(&again), verdicts(&linked), "{denies} {fault:?}: the snapshot");
        // What was not asked is said, and nothing else.
        let left_out = !plan.calls.iter().any(|call| call.service == Service::Organizations);
        assert_eq!(!report.assumed.is_empty(), left_out, "{denies} {fault:?}: {:?}", report.assumed);
        let asked = server.seen().into_keys().filter(|(operation, _)| operation.starts_with("organizations:")).count();
        // The organization, two parents, two kinds of policies of three levels, one policy that is not AWS's own.
        assert!(fault.is_some() || asked == 1 + 2 + 6 + 1, "{asked}");
    }
}

/// An export of the same state says the same, whether the levels were told, refused, left out or are not there.
#[test]
fn an_export_says_the_same_of_an_organization() {
    let folder = story::folder("the-live-run-mended");
    let refusal = |code: &str, operation: &str| {
        format!("\nAn error occurred ({code}) when calling the {operation} operation: You don't have permissions.\n")
    };
    let organization = json!({"Id": "o-4k2v9x7q1m", "FeatureSet": "ALL", "MasterAccountId": "300411209876"});
    let organization = json!({"Organization": organization}).to_string();
    let denied = "AccessDeniedException";
    let (whole, without) = (plan(&ON_EKS), plan(&ON_EKS).without_organization());
    let alone = state_of("the-live-run-mended").1;
    let member = || member("the-live-run-mended", "sagemaker:*");
    let describe = "DescribeOrganization";
    for (case, state, fault, plan, files, word, taken) in [
        ("left out", member(), None, &without, vec![], Go::Go, true),
        ("refused", member(), Some(describe), &whole, vec![refusal(denied, describe)], Go::Undecided, false),
        (
            "a member that is not told the levels",
            member(),
            Some("ListPoliciesForTarget"),
            &whole,
            vec![organization, refusal(denied, "ListPoliciesForTarget")],
            Go::Undecided,
            false,
        ),
        ("alone", alone, None, &whole, vec![refusal("AWSOrganizationsNotInUseException", describe)], Go::Go, false),
    ] {
        let server = Server::start(state, 100);
        let operation = fault.map(|name| format!("organizations:{name}"));
        server.fail(operation.as_deref().map(|operation| (operation, Fault::Denied)));
        let from_live = link(estate(&beside(&folder), live(&options(&server, &[]), plan).answers));
        let export = tempfile::tempdir().unwrap();
        for (number, text) in files.iter().enumerate() {
            std::fs::write(export.path().join(format!("organizations-787587782916-{number}.json")), text).unwrap();
        }
        let mut inputs = vec![Input::Path(folder.clone())];
        inputs.extend((!files.is_empty()).then(|| Input::Path(export.path().to_path_buf())));
        let from_export = link(estate(&inputs, Answers::default()));
        for (of, linked) in [("live", &from_live), ("the export", &from_export)] {
            let report = sparkcheck::examine(linked, rules());
            let words: Vec<Go> = report.rollouts.iter().map(|rollout| rollout.verdict).collect();
            assert_eq!(words, [word], "{case}, {of}: {:?}", report.gaps);
            assert_eq!(!report.assumed.is_empty(), taken, "{case}, {of}: {:?}", report.assumed);
            assert_eq!(report.gaps.is_empty(), word == Go::Go, "{case}, {of}: {:?}", report.gaps);
        }
        let of_export = verdicts(&from_export);
        for (key, verdict) in verdicts(&from_live) {
            let same = of_export.get(&key).is_none_or(|other| *other == verdict || *other == "unknown");
            assert!(same, "{case}: {key:?} {verdict} {:?}", of_export.get(&key));
        }
    }
}
