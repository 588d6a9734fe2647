//! Reading AWS as it is: the same verdicts as from an export, few calls, and no good word about what was not seen.

#![cfg(feature = "live")]
#![expect(clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "tests")]

#[path = "live/account.rs"]
mod account;
#[path = "live/moto.rs"]
mod moto;
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
    let state = State::of_export(if aws.is_dir() { &aws } else { &folder });
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

/// Each call × each way of failing: the run ends in time, and nothing is called good or bad that a full
/// answer would not have called so.
#[test]
fn no_fault_makes_anything_look_better() {
    let (mut tally, mut problems): (BTreeMap<&str, usize>, Vec<String>) = Default::default();
    for (name, systems, targets) in [
        ("the-live-run-as-found", &ON_EKS[..], vec![]),
        ("the-live-run-mended", &ON_EKS[..], vec!["arn:aws:eks:us-east-1:787587782916:cluster/sparkpilot-live-1"]),
        ("variant-pod-identity", &ON_EKS[..], vec!["sparkpilot-live-1"]),
        ("variant-access-entries", &ON_EKS[..], vec!["arn:aws:eks:us-east-1:787587782916:cluster/sparkpilot-live-1"]),
        ("serverless-nightly-as-found", &[System::EmrServerless][..], vec![]),
        ("brioche-as-found", &[System::EmrOnEc2][..], vec![]),
    ] {
        let (folder, mut state) = state_of(name);
        if name == "the-live-run-mended" {
            state = member(name, "sagemaker:*");
        }
        let (server, plan, others) = (Server::start(state, 1), plan(systems), beside(&folder));
        let regions = vec![region_of(name)];
        let options = aws::Options { timeout: Duration::from_secs(3), regions, ..options(&server, &targets) };
        let whole = link(estate(&others, live(&options, &plan).answers));
        let (said, (whole_go, _)) = (verdicts(&whole), go(&whole));
        let operations: BTreeSet<String> = server.seen().into_keys().map(|(operation, _)| operation).collect();
        for operation in &operations {
            for fault in FAULTS {
                server.fail(Some((operation, fault)));
                let case = format!("{name}: {operation} {fault:?}");
                let begun = Instant::now();
                let outcome = aws::read(&options, &plan);
                assert!(begun.elapsed() < Duration::from_secs(6), "{case}: {:?}", begun.elapsed());
                *tally.entry("runs").or_default() += 1;
                let live = match outcome {
                    Ok(live) => live,
                    Err(_) if operation == "sts:GetCallerIdentity" => {
                        *tally.entry("could not begin").or_default() += 1;
                        continue;
                    }
                    Err(error) => panic!("{case}: {error:?}"),
                };
                let linked = link(estate(&others, live.answers));
                let now = verdicts(&linked);
                let (words, nothing_missed) = go(&linked);
                for (key, full) in &said {
                    let verdict = now.get(key).copied();
                    let kept = verdict == Some(*full);
                    *tally.entry(if kept { "verdicts kept" } else { "verdicts undecided" }).or_default() += 1;
                    // A rule that does not speak of a subject holds nothing against it.
                    let may = verdict == Some("unknown") || (*full == "pass" && verdict.is_none());
                    // A part of a thing that was not described is no subject; the rollout is then undecided at best.
                    let may = may || (verdict.is_none() && !words.contains(&Go::Go) && !nothing_missed);
                    if !kept && !may {
                        problems.push(format!("{case}: {key:?} {full} became {verdict:?}"));
                    }
                }
                for (key, verdict) in &now {
                    if *verdict == "fail" && said.get(key) != Some(verdict) {
                        problems.push(format!("{case}: {key:?} became fail"));
                    }
                }
                // Whatever was not answered is told, unless nothing was lost: who one is has no pages, and a list
                // may have one page only.
                let lost = match fault {
                    Fault::PageLost => false,
                    Fault::EmptyPageWithToken | Fault::TokenRepeats => {
                        !["sts:GetCallerIdentity", "organizations:DescribeOrganization"].contains(&operation.as_str())
                    }
                    _ => true,
                };
                if nothing_missed && now != said {
                    problems.push(format!("{case}: verdicts changed and nothing was told"));
                }
                if nothing_missed && lost {
                    problems.push(format!("{case}: nothing was told"));
                }
                let green = nothing_missed && words.iter().all(|word| *word == Go::Go);
                assert!(!green || whole_go.iter().all(|word| *word == Go::Go), "{case}: it looks green");
            }
        }
        server.fail(None);
    }
    eprintln!("fault matrix: {tally:?}");
    assert!(problems.is_empty(), "{} problems\n{}", problems.len(), problems.join("\n"));
    assert!(tally["runs"] > 300, "{tally:?}");
}

/// What no rule needs is not read: with the rest of the estate taken away, each rule says the same.
#[test]
fn rules_need_nothing_beyond_their_demand() {
    let (mut stripped, mut problems) = (0, BTreeSet::new());
    let demanded: BTreeMap<&str, Vec<&str>> = rules()
        .iter()
        .map(|rule| {
            let needed = demand(std::slice::from_ref(rule), &System::ALL).collections;
            (rule.id.as_str(), needed.into_iter().collect())
        })
        .collect();
    let say = |linked: &Linked, of: &[Rule]| -> BTreeMap<(String, usize), String> {
        let judgements = check(of, linked).into_iter();
        judgements
            .map(|one| {
                let verdict = format!("{:?}", one.verdict);
                let verdict = verdict.split('(').next().unwrap_or_default().to_owned();
                ((one.rule.id.clone(), one.subject.rollout.map_or(0, |(number, _)| number)), verdict)
            })
            .collect()
    };
    for name in story::names() {
        let inputs = [Input::Path(story::folder(&name))];
        let Ok(whole) = read::read(&inputs, &read_options()) else { continue };
        let snapshot = whole.to_snapshot();
        let said = say(&link(whole), rules());
        let mut by_demand: BTreeMap<&[&str], Vec<Rule>> = BTreeMap::new();
        for rule in rules().iter().filter(|rule| said.keys().any(|(id, _)| *id == rule.id)) {
            by_demand.entry(&demanded[rule.id.as_str()]).or_default().push(rule.clone());
        }
        for (needed, of) in by_demand {
            let mut less = snapshot.clone();
            strip(&mut less, needed);
            if less == snapshot {
                continue;
            }
            stripped += 1;
            let less = link(estate(&[Input::Stdin(serde_json::to_vec(&less).unwrap())], Answers::default()));
            let says = say(&less, &of);
            for (key, verdict) in said.iter().filter(|((id, _), _)| of.iter().any(|rule| rule.id == *id)) {
                if says.get(key) != Some(verdict) {
                    problems.insert(format!("{}: {name}: {verdict} became {:?}", key.0, says.get(key)));
                }
            }
        }
    }
    let list = problems.iter().cloned().collect::<Vec<_>>().join("\n");
    assert!(problems.is_empty(), "{} problems\n{list}", problems.len());
    assert!(stripped > 100, "{stripped}");
}

/// Takes every collection that is not needed out of a snapshot, with its coverage.
fn strip(snapshot: &mut Value, needed: &[&str]) {
    let kept = |name: &str| needed.contains(&name);
    let coverage = snapshot["sparkcheck"]["coverage"].as_array_mut().unwrap();
    coverage.retain(|entry| kept(entry["collection"].as_str().unwrap()));
    for collection in sparkcheck::estate::COLLECTIONS.iter().filter(|one| !kept(one.name)) {
        let (section, list) = collection.name.split_once('.').unwrap();
        if section == "kubernetes" {
            for group in snapshot["kubernetes"].as_array_mut().into_iter().flatten() {
                group.as_object_mut().unwrap().remove(list);
            }
        } else if let Some(section) = snapshot.get_mut(section).and_then(Value::as_object_mut) {
            section.remove(list);
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

/// The live run's account as a member of an organization, one of whose units denies something.
fn member(name: &str, denies: &str) -> State {
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
        let asked = server.seen().into_keys().filter(|(operation, _)| operation.starts_with("organizations:")).count();
        // The organization, two parents, two kinds of policies of three levels, one policy that is not AWS's own.
        assert!(fault.is_some() || asked == 1 + 2 + 6 + 1, "{asked}");
    }
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

/// The program itself, with nothing of this machine's configuration.
fn program(server: &Server, folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sparkcheck"));
    environment(&mut command, server, folder).args(["--live", "--today", story::TODAY, "--format", "json"]);
    command
}

fn environment<'c>(command: &'c mut Command, server: &Server, folder: &Path) -> &'c mut Command {
    command
        .current_dir(folder)
        .env("AWS_ENDPOINT_URL", &server.url)
        .env("AWS_ACCESS_KEY_ID", "AKIDPLANTEDPLANTED")
        .env("AWS_SECRET_ACCESS_KEY", "planted/secret/key")
        .env("AWS_SESSION_TOKEN", "planted-session-token")
        .env("AWS_REGION", "us-east-1")
        .env("AWS_CONFIG_FILE", "/dev/null")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env_remove("AWS_PROFILE")
}

#[test]
fn the_program_reads_live() {
    for (name, code) in [("serverless-nightly-as-found", 1), ("serverless-nightly-mended", 0)] {
        let (folder, state) = state_of(name);
        let server = Server::start(state, 100);
        // Declared rollouts say what the run is about.
        let inputs: Vec<String> = beside(&folder)
            .iter()
            .map(|input| match input {
                Input::Path(path) => path.to_string_lossy().into_owned(),
                Input::Stdin(_) => unreachable!(),
            })
            .collect();
        let run = || program(&server, &folder).args(&inputs).arg("-v").output().unwrap();
        let (one, other) = (run(), run());
        let (out, trace) = (String::from_utf8(one.stdout).unwrap(), String::from_utf8(one.stderr).unwrap());
        assert_eq!(one.status.code(), Some(code), "{name}: {out}{trace}");
        assert_eq!(out, String::from_utf8(other.stdout).unwrap(), "{name}: the same state, other bytes");
        assert!(trace.contains("emr-serverless:GetApplication") && trace.contains(" ms"), "{trace}");
        assert!(!trace.contains("planted") && !trace.contains("AKID") && !trace.contains('{'), "{trace}");
        assert!(!out.contains("planted"), "{out}");
        let report: Value = serde_json::from_str(&out).unwrap();
        assert!(report["inputs"].as_array().unwrap().iter().any(|input| input["kind"] == "get-application"));

        // One refused call: never green, and the permission is named.
        server.fail(Some(("iam:GetAccountAuthorizationDetails", Fault::Denied)));
        let refused = run();
        let out = String::from_utf8(refused.stdout).unwrap();
        assert_ne!(refused.status.code(), Some(0), "{out}");
        assert!(out.contains("grant `iam:GetAccountAuthorizationDetails`"), "{out}");
        assert!(refused.status.code() == Some(3) || code == 1, "{name}: {:?}", refused.status);
    }
}

#[test]
fn without_credentials_the_run_cannot_be_done() {
    let server = Server::start(large(1, 1), 100);
    let mut command = program(&server, Path::new(env!("CARGO_TARGET_TMPDIR")));
    for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"] {
        command.env_remove(name);
    }
    let output = command.args(["--cluster", "spark-0"]).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("AWS cannot be asked") && said.contains("--profile"), "{said}");
    assert_eq!(server.seen().len(), 0);

    let explained = program(&server, Path::new(env!("CARGO_TARGET_TMPDIR")));
    let output = { explained }.args(["--cluster", "spark-0", "--explain-calls"]).output().unwrap();
    assert!(String::from_utf8(output.stdout).unwrap().contains("eks:DescribeNodegroup"));
    assert_eq!(server.seen().len(), 0);
}

/// A snapshot that is ended in mid-flight, politely or not, leaves what was there as it was, and nothing else.
#[cfg(unix)]
#[test]
fn an_ended_snapshot_leaves_no_half_of_a_file() {
    for (signal, code, said) in [("-INT", Some(2), "interrupted"), ("-TERM", None, ""), ("-KILL", None, "")] {
        for before in [None, Some("a snapshot of yesterday")] {
            let server = Server::start(large(20, 2), 100);
            server.fail(Some(("iam:GetAccountAuthorizationDetails", Fault::Silent)));
            let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
            let path = folder.path().join("state.json.gz");
            if let Some(text) = before {
                std::fs::write(&path, text).unwrap();
            }
            let mut command = Command::new(env!("CARGO_BIN_EXE_sparkcheck"));
            let child = environment(&mut command, &server, folder.path())
                .args(["snapshot", "--live", "--cluster", "spark-0", "-o"])
                .arg(&path)
                .stdout(Stdio::null())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap();
            let begun = Instant::now();
            while server.calls() < 3 && begun.elapsed() < Duration::from_secs(20) {
                std::thread::sleep(Duration::from_millis(20));
            }
            Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
            let output = child.wait_with_output().unwrap();
            assert_eq!(output.status.code(), code, "{signal}");
            assert!(String::from_utf8_lossy(&output.stderr).contains(said), "{signal}");
            let names: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
            assert_eq!(names.len(), usize::from(before.is_some()), "{signal}: {names:?}");
            assert_eq!(std::fs::read_to_string(&path).ok().as_deref(), before, "{signal}");
        }
    }
}

#[cfg(unix)]
#[test]
fn an_interrupted_run_ends_and_writes_nothing() {
    let server = Server::start(large(1, 1), 100);
    server.fail(Some(("iam:GetAccountAuthorizationDetails", Fault::Silent)));
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let report = folder.join("interrupted.json");
    let _ = std::fs::remove_file(&report);
    let mut command = program(&server, folder);
    command.args(["--cluster", "00f1r2s3t4u5v6w7", "--output"]).arg(&report);
    let child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let begun = Instant::now();
    while server.seen().is_empty() && begun.elapsed() < Duration::from_secs(20) {
        std::thread::sleep(Duration::from_millis(20));
    }
    Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("interrupted"), "{said}");
    assert!(begun.elapsed() < Duration::from_secs(25));
    assert!(!report.exists());
}
