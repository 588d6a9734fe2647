//! Service quotas as they are: what they bound is decided by them, and undecided where they were not told.

use super::*;

/// What one rule says of a rollout of a system with a quota of so many vCPUs, and what is missing.
fn say(name: &str, system: System, code: &str, vcpus: f64, fault: Option<Fault>) -> (Vec<&'static str>, Vec<String>) {
    let (folder, mut state) = state_of(name);
    let service = if system == System::EmrOnEc2 { "ec2" } else { "emr-serverless" };
    state.change("service-quotas:ListServiceQuotas", service, |output| {
        for quota in output["Quotas"].as_array_mut().unwrap() {
            if quota["QuotaCode"] == code {
                quota["Value"] = vcpus.into();
            }
        }
    });
    // Each quota stands on a page of its own.
    let server = Server::start(state, 1);
    server.fail(fault.map(|fault| ("service-quotas:ListServiceQuotas", fault)));
    let options = aws::Options { regions: vec![region_of(name)], ..options(&server, &[]) };
    let estate = estate(&beside(&folder), live(&options, &plan(&[system])).answers);
    let asked: BTreeSet<String> = server
        .seen()
        .into_keys()
        .filter(|(operation, _)| operation == "service-quotas:ListServiceQuotas")
        .map(|(_, of)| of)
        .collect();
    assert_eq!(asked.into_iter().collect::<Vec<_>>(), [service], "{name}: of no other service");
    let missing = estate.gaps.iter().map(|gap| format!("{}: {:?}", gap.what, gap.unblock)).collect();
    let said = verdicts(&link(estate));
    let rule = if service == "ec2" { "vcpu-quota-too-small" } else { "account-vcpus-hold-no-executor" };
    (said.iter().filter(|((id, _), _)| id == rule).map(|(_, verdict)| *verdict).collect(), missing)
}

#[test]
fn quotas_are_read_of_the_services_that_rules_look_at() {
    let grant = r#"serviceQuotas.quotas: Some("grant `servicequotas:ListServiceQuotas`")"#;
    for (name, system, code, vcpus, fault, verdict, missing) in [
        ("brioche-mended", System::EmrOnEc2, "L-1216C47A", 512.0, None, "pass", None),
        ("brioche-mended", System::EmrOnEc2, "L-1216C47A", 7.0, None, "fail", None),
        ("brioche-mended", System::EmrOnEc2, "L-1216C47A", 7.0, Some(Fault::Denied), "unknown", Some(grant)),
        // The first page has it, and what the others have is not needed.
        ("brioche-mended", System::EmrOnEc2, "L-1216C47A", 7.0, Some(Fault::PageLost), "fail", Some("")),
        ("brioche-mended", System::EmrOnEc2, "L-1216C47A", 7.0, Some(Fault::EmptyPageWithToken), "unknown", Some("")),
        ("serverless-nightly-mended", System::EmrServerless, "L-D05C8A75", 512.0, None, "pass", None),
        ("serverless-nightly-mended", System::EmrServerless, "L-D05C8A75", 1.0, None, "fail", None),
        (
            "serverless-nightly-mended",
            System::EmrServerless,
            "L-D05C8A75",
            1.0,
            Some(Fault::Denied),
            "unknown",
            Some(grant),
        ),
    ] {
        let case = format!("{name} {vcpus} {fault:?}");
        let (said, gaps) = say(name, system, code, vcpus, fault);
        assert_eq!(said, [verdict], "{case}");
        let of_quotas: Vec<&String> = gaps.iter().filter(|gap| gap.starts_with("serviceQuotas.quotas")).collect();
        match missing {
            None => assert_eq!(gaps, Vec::<String>::new(), "{case}"),
            Some(missing) => assert!(of_quotas.len() == 1 && of_quotas[0].contains(missing), "{case}: {gaps:?}"),
        }
    }
}

/// What AWS gives every account is not taken for what this one has.
#[test]
fn default_quotas_decide_nothing() {
    let (folder, _) = state_of("brioche-mended");
    let export = tempfile::tempdir().unwrap();
    let quota = |account: &str| {
        json!({"Quotas": [{"ServiceCode": "ec2", "QuotaCode": "L-1216C47A", "Value": 5.0,
            "QuotaName": "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances",
            "QuotaArn": format!("arn:aws:servicequotas:us-east-2:{account}:ec2/L-1216C47A")}]})
    };
    let whole = estate(&[Input::Path(folder.clone())], Answers::default());
    let account = whole.document["sts"]["callerIdentity"]["Account"].as_str().unwrap().to_owned();
    for (account, expected) in [("", Some("unknown")), (account.as_str(), Some("fail"))] {
        std::fs::write(export.path().join("list-service-quotas.json"), quota(account).to_string()).unwrap();
        let inputs = [Input::Path(folder.clone()), Input::Path(export.path().to_path_buf())];
        let said = verdicts(&link(estate(&inputs, Answers::default())));
        let found = said.iter().find(|((id, _), _)| id == "vcpu-quota-too-small").map(|(_, verdict)| *verdict);
        assert_eq!(found, expected, "of account `{account}`");
    }
}
