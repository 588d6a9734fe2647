//! Reading AWS as it is: the same verdicts as from an export, few calls, and no good word about what was not seen.

#![cfg(feature = "live")]
#![expect(clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "tests")]

#[path = "live/account.rs"]
mod account;
#[path = "live/faults.rs"]
mod faults;
#[path = "live/moto.rs"]
mod moto;
#[path = "live/organizations.rs"]
mod organizations;
#[path = "live/program.rs"]
mod program;
#[path = "live/quotas.rs"]
mod quotas;
#[path = "live/server.rs"]
mod server;
#[path = "support/story.rs"]
mod story;

use account::{config, large, least};
use aws_config::timeout::TimeoutConfig;
use serde_json::{Value, json};
use server::{FAULTS, Fault, Server, State};
use sparkcheck::check::{Verdict, check};
use sparkcheck::estate::Estate;
use sparkcheck::link::{Linked, link};
use sparkcheck::read::live::aws::{self, Live};
use sparkcheck::read::live::calls::{CALLS, Service};
use sparkcheck::read::live::demand::demand;
use sparkcheck::read::live::plan::Plan;
use sparkcheck::read::live::{Answers, Target};
use sparkcheck::read::{self, Input};
use sparkcheck::report::Go;
use sparkcheck::rule::{self, Rule, System};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

fn rules() -> &'static [Rule] {
    static RULES: OnceLock<Vec<Rule>> = OnceLock::new();
    RULES.get_or_init(rule::builtin)
}

fn options(server: &Server, targets: &[&str]) -> aws::Options {
    aws::Options {
        base: Some(config(&server.url)),
        targets: targets.iter().map(|text| Target::of(text)).collect(),
        timeout: Duration::from_secs(20),
        ..aws::Options::default()
    }
}

fn plan(systems: &[System]) -> Plan {
    Plan::of(demand(rules(), systems))
}

const ON_EKS: [System; 3] = [System::EmrOnEks, System::SparkOperator, System::BatchProcessingGateway];

/// Everything of a fixture that is not AWS's.
fn beside(folder: &Path) -> Vec<Input> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.file_name().is_some_and(|name| name != "aws"));
    paths.sort();
    paths.into_iter().map(Input::Path).collect()
}

fn read_options() -> read::Options {
    read::Options { today: Some(story::TODAY.into()), ..read::Options::default() }
}

fn estate(inputs: &[Input], answers: Answers) -> Estate {
    read::read_with(inputs, answers, &read_options()).unwrap_or_else(|error| panic!("{error:?}"))
}

/// What each rule says of each subject.
fn verdicts(linked: &Linked) -> BTreeMap<(String, String), &'static str> {
    let said = check(rules(), linked).into_iter().map(|judgement| {
        let name = match judgement.verdict {
            Verdict::Pass => "pass",
            Verdict::Fail(_) => "fail",
            Verdict::Unknown(_) => "unknown",
        };
        ((judgement.rule.id.clone(), judgement.subject.pointer.clone()), name)
    });
    said.collect()
}

/// What one says and the other does not.
fn differing(
    one: &BTreeMap<(String, String), &'static str>,
    other: &BTreeMap<(String, String), &'static str>,
) -> Vec<String> {
    let keys: BTreeSet<_> = one.keys().chain(other.keys()).collect();
    let differ = keys.into_iter().filter(|key| one.get(*key) != other.get(*key));
    differ.map(|key| format!("{key:?}: {:?} and {:?}", one.get(key), other.get(key))).collect()
}

/// The words for the rollouts, and whether anything was not seen.
fn go(linked: &Linked) -> (Vec<Go>, bool) {
    let report = sparkcheck::examine(linked, rules());
    (report.rollouts.iter().map(|rollout| rollout.verdict).collect(), report.gaps.is_empty())
}

fn live(options: &aws::Options, plan: &Plan) -> Live {
    aws::read(options, plan).unwrap_or_else(|error| panic!("{error:?}"))
}

/// The fixtures whose AWS side is an export, with the systems that they are about.
const FIXTURES: [(&str, &[System]); 8] = [
    ("the-live-run-as-found", &ON_EKS),
    ("the-live-run-mended", &ON_EKS),
    ("variant-pod-identity", &ON_EKS),
    ("variant-access-entries", &ON_EKS),
    ("serverless-nightly-as-found", &[System::EmrServerless]),
    ("serverless-nightly-mended", &[System::EmrServerless]),
    ("brioche-as-found", &[System::EmrOnEc2]),
    ("brioche-mended", &[System::EmrOnEc2]),
];

/// Where the things of a fixture are.
fn region_of(name: &str) -> String {
    match name.split('-').next() {
        Some("serverless") => "eu-west-1".to_owned(),
        Some("brioche") => "us-east-2".to_owned(),
        _ => "us-east-1".to_owned(),
    }
}

fn state_of(name: &str) -> (PathBuf, State) {
    let folder = story::folder(name);
    let aws = folder.join("aws");
    let state = State::of_export(if aws.is_dir() { &aws } else { &folder }, &region_of(name));
    (folder, state)
}

#[test]
fn live_snapshot_and_export_say_the_same() {
    for (name, systems) in FIXTURES {
        let (folder, state) = state_of(name);
        for page in [2, 1000] {
            let server = Server::start(state.clone(), page);
            let plan = plan(systems);
            let live = live(&aws::Options { regions: vec![region_of(name)], ..options(&server, &[]) }, &plan);
            let others = beside(&folder);
            let from_live = estate(&others, live.answers);
            let snapshot = serde_json::to_vec(&from_live.to_snapshot()).unwrap();
            let gaps = from_live.gaps.clone();
            let from_live = link(from_live);
            let of_live = verdicts(&from_live);
            assert_eq!(gaps, [], "{name}");
            assert!(of_live.len() > 20, "{name}: {}", of_live.len());

            // An export of the same calls.
            let export = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("export-{name}-{page}"));
            state.write_export(&export, &server.seen());
            let inputs: Vec<Input> = others.iter().cloned().chain([Input::Path(export)]).collect();
            let from_export = link(estate(&inputs, Answers::default()));
            assert_eq!(differing(&of_live, &verdicts(&from_export)), Vec::<String>::new(), "{name}: live and export");

            let from_snapshot = link(estate(&[Input::Stdin(snapshot)], Answers::default()));
            assert_eq!(
                differing(&of_live, &verdicts(&from_snapshot)),
                Vec::<String>::new(),
                "{name}: live and snapshot"
            );

            // The fixture itself may have seen less; what it decided is decided the same way.
            let from_fixture = link(estate(&[Input::Path(folder.clone())], Answers::default()));
            for (key, verdict) in verdicts(&from_fixture) {
                let also = of_live.get(&key).copied();
                assert!(verdict == "unknown" || also == Some(verdict), "{name}: {key:?} {verdict} {also:?}");
            }
        }
    }
}

#[test]
fn calls_are_few() {
    let (roles, clusters) = (1000, 20);
    let server = Server::start(large(roles, clusters), 100);
    let live = live(&options(&server, &[]), &plan(&[System::EmrOnEks]));
    let made: usize = server.seen().values().sum();
    let least = least(roles, clusters);
    eprintln!("{roles} roles, {clusters} clusters: {made} calls, {least} at the least");
    assert_eq!(live.calls.iter().map(|(_, count)| count).sum::<usize>(), made);
    assert!(made >= least && made * 10 <= least * 11, "{made} calls, {least} at the least");

    // Of one cluster, nothing is asked about the others.
    let one = aws::read(&options(&server, &["spark-7"]), &plan(&[System::EmrOnEks])).unwrap();
    let of_others = |(operation, of): &(String, String)| {
        operation.starts_with("eks:") && !of.is_empty() && of.split(' ').next() != Some("spark-7")
    };
    assert_eq!(server.seen().into_keys().filter(of_others).collect::<Vec<_>>(), []);
    assert_eq!(one.clusters.iter().map(|cluster| cluster.name.as_str()).collect::<Vec<_>>(), Vec::<&str>::new());
}

#[test]
fn permissions_are_the_calls_that_are_made() {
    let mut made = BTreeSet::new();
    let mut state = large(3, 1);
    let (_, serverless) = state_of("serverless-nightly-mended");
    let (_, brioche) = state_of("brioche-mended");
    let organization = json!({"Organization": {"Id": "o-1", "FeatureSet": "ALL", "MasterAccountId": "444455556666"}});
    state.put("organizations:DescribeOrganization", "", organization);
    state.put("organizations:ListParents", "111122223333", json!({"Parents": [{"Id": "r-ab12", "Type": "ROOT"}]}));
    let attached = json!({"Policies": [{"Id": "p-12345678", "Name": "x", "Type": "SERVICE_CONTROL_POLICY",
        "Arn": "arn:aws:organizations::444455556666:policy/o-1/service_control_policy/p-12345678"}]});
    state.put("organizations:ListPoliciesForTarget", "SERVICE_CONTROL_POLICY r-ab12", attached);
    for server in
        [Server::start(std::mem::take(&mut state), 100), Server::start(serverless, 100), Server::start(brioche, 100)]
    {
        live(&options(&server, &[]), &plan(&System::ALL));
        made.extend(server.seen().into_keys().map(|(operation, _)| operation));
    }
    let action = |operation: &String| {
        let call = CALLS.iter().find(|call| call.to_string() == *operation);
        call.unwrap_or_else(|| panic!("{operation} is in no table")).action.to_owned()
    };
    let made: BTreeSet<String> = made.iter().map(action).filter(|action| !action.is_empty()).collect();
    let policy = plan(&System::ALL).policy();
    let actions = policy["Statement"].as_array().unwrap().iter().flat_map(|one| one["Action"].as_array().unwrap());
    let granted: BTreeSet<String> = actions.map(|action| action.as_str().unwrap().to_owned()).collect();
    assert_eq!(made, granted);
    assert!(CALLS.iter().all(|call| call.service == Service::Sts || !call.action.is_empty()));
}

/// Who may not read the whole account may read roles whose names are known.
#[test]
fn roles_are_read_one_by_one_where_all_together_are_refused() {
    for (name, found) in [("the-live-run-as-found", "submitter-without-pass-role"), ("the-live-run-mended", "")] {
        let (folder, mut state) = state_of(name);
        state.role_by_role();
        let server = Server::start(state, 100);
        let say = |roles: &[String]| {
            let options = aws::Options { named_roles: roles.to_vec(), ..options(&server, &[]) };
            let estate = estate(&beside(&folder), live(&options, &plan(&ON_EKS)).answers);
            let told = estate.gaps.iter().any(|gap| {
                gap.unblock.as_deref().is_some_and(|unblock| unblock.contains("iam:GetAccountAuthorizationDetails"))
            });
            (verdicts(&link(estate)), told)
        };
        let own = estate(&beside(&folder), Answers::default());
        let roles = aws::roles_named_in(&own.document);
        assert!(roles.len() >= 2, "{roles:?}");
        let (whole, told) = say(&roles);
        assert!(!told && server.seen().keys().all(|(operation, _)| operation != "iam:GetRole"));
        server.fail(Some(("iam:GetAccountAuthorizationDetails", Fault::Denied)));
        let (nothing, _) = say(&[]);
        let (single, told) = say(&roles);
        assert!(told, "{name}: that all together were refused is told");
        let asked: BTreeMap<String, usize> = server
            .seen()
            .into_iter()
            .filter(|((call, _), _)| call == "iam:GetRole")
            .map(|((_, of), n)| (of, n))
            .collect();
        assert!(asked.len() >= roles.len(), "{asked:?}");
        let decided = |said: &BTreeMap<_, &'static str>| said.values().filter(|verdict| **verdict != "unknown").count();
        assert!(decided(&single) > decided(&nothing), "{} and {}", decided(&single), decided(&nothing));
        for (key, verdict) in &single {
            let full = whole.get(key);
            assert!(*verdict == "unknown" || full == Some(verdict), "{name}: {key:?} {verdict} {full:?}");
        }
        let fails = |said: &BTreeMap<(String, String), &'static str>| {
            said.iter().any(|((rule, _), verdict)| rule == found && *verdict == "fail")
        };
        assert!(found.is_empty() || (fails(&single) && !fails(&nothing)), "{name}: {found}");
        eprintln!(
            "{name}: {} decided of the account, {} of roles, {} of none",
            decided(&whole),
            decided(&single),
            decided(&nothing)
        );

        // A role of which a part is refused is no less unknown for it.
        server.fail(Some(("iam:GetRolePolicy", Fault::Denied)));
        let (full, _) = say(&roles);
        assert_eq!(differing(&full, &whole), Vec::<String>::new());
    }
}

#[test]
fn what_is_not_there_or_not_ours_is_said() {
    let server = Server::start(large(3, 1), 100);
    for (target, words) in [
        ("spark-99", "there is no `spark-99`"),
        ("arn:aws:eks:us-east-1:444455556666:cluster/other", "no session is in account `444455556666`"),
        ("00f1r2s3t4u5v6w7", "there is no `00f1r2s3t4u5v6w7`"),
    ] {
        let systems = Target::of(target).systems();
        let live = live(&options(&server, &[target]), &plan(systems));
        let estate = estate(&[], live.answers);
        assert!(estate.gaps.iter().any(|gap| gap.why.contains(words)), "{target}: {:?}", estate.gaps);
    }
    server.fail(Some(("sts:GetCallerIdentity", Fault::Denied)));
    assert!(aws::read(&options(&server, &["spark-0"]), &plan(&ON_EKS)).is_err());
    // The cluster's ARN says what the caller may not ask.
    let arn = "arn:aws:eks:us-east-1:111122223333:cluster/spark-0";
    let live = live(&options(&server, &[arn]), &plan(&ON_EKS));
    assert!(live.calls.iter().any(|(call, _)| call == "eks:DescribeCluster"));
}

#[test]
fn moto_as_found_and_mended() {
    let Some(moto) = moto::start() else { return };
    moto.scenario(config(&moto.url));
    let run = || {
        let patience = TimeoutConfig::builder().operation_attempt_timeout(Duration::from_secs(20)).build();
        let base = config(&moto.url).into_builder().timeout_config(patience).build();
        let options = aws::Options {
            base: Some(base),
            targets: vec![Target::of("spark-live")],
            timeout: Duration::from_secs(60),
            ..aws::Options::default()
        };
        let live = live(&options, &plan(&ON_EKS));
        let declaration = json!([{"system": "emr-on-eks", "cluster": moto::CLUSTER, "namespace": "team-0",
            "execution-role": moto::EXECUTION_ROLE, "submitter": moto::SUBMITTER, "release-label": "emr-7.12.0-latest"}]);
        let toml = format!(
            "[[rollout]]\nsystem = \"emr-on-eks\"\ncluster = {}\nnamespace = \"team-0\"\nexecution-role = {}\nsubmitter = {}\nrelease-label = \"emr-7.12.0-latest\"\n",
            declaration[0]["cluster"], declaration[0]["execution-role"], declaration[0]["submitter"]
        );
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("moto-sparkcheck.toml");
        std::fs::write(&path, toml).unwrap();
        let options = read::Options { rollout_file: Some(path), ..read_options() };
        let estate = read::read_with(&[], live.answers, &options).unwrap();
        assert_eq!(estate.items("iam.roles").len(), 303);
        assert_eq!(estate.items("emrContainers.virtualClusters").len(), 40);
        assert_eq!(estate.items("eks.nodegroups").len(), 1);
        // What moto does not have is unknown, and told.
        let missing: BTreeSet<&str> = estate.gaps.iter().map(|gap| gap.what.as_str()).collect();
        for collection in ["eks.accessEntries", "eks.podIdentityAssociations"] {
            assert!(missing.contains(collection), "{missing:?}");
        }
        verdicts(&link(estate))
    };
    let of = |said: &BTreeMap<(String, String), &'static str>, rule: &str| {
        said.iter().find(|((id, _), _)| id == rule).map(|(_, verdict)| *verdict)
    };
    let found = run();
    assert_eq!(of(&found, "oidc-provider-missing"), Some("fail"));
    assert_eq!(of(&found, "submitter-without-pass-role"), Some("fail"));
    moto.mend(config(&moto.url));
    let mended = run();
    assert_eq!(of(&mended, "oidc-provider-missing"), Some("pass"));
    assert_eq!(of(&mended, "submitter-without-pass-role"), Some("pass"));
}
