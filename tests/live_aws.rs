//! Reading AWS as it is: the same verdicts as from an export, few calls, and no good word about what was not seen.

#![cfg(feature = "live")]
#![expect(clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "tests")]

#[path = "live/moto.rs"]
mod moto;
#[path = "live/server.rs"]
mod server;
#[path = "support/story.rs"]
mod story;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
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
use std::sync::OnceLock;
use std::time::Duration;

fn rules() -> &'static [Rule] {
    static RULES: OnceLock<Vec<Rule>> = OnceLock::new();
    RULES.get_or_init(rule::builtin)
}

/// Credentials for a server on this machine, with little patience.
fn config(url: &str) -> SdkConfig {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let client = aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    let patience = TimeoutConfig::builder().operation_attempt_timeout(Duration::from_millis(200)).build();
    let retry = RetryConfig::standard().with_max_attempts(2).with_initial_backoff(Duration::from_millis(1));
    runtime.block_on(
        aws_config::defaults(BehaviorVersion::latest())
            .credentials_provider(Credentials::new("AKIDEXAMPLE", "secret", None, None, "test"))
            .region(Region::new("us-east-1"))
            .endpoint_url(url)
            .http_client(client)
            .timeout_config(patience)
            .retry_config(retry)
            .load(),
    )
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
    // Subnets and the like are not read live.
    let of_ec2 = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        ["subnets", "security-groups", "route-tables"].iter().any(|what| name.contains(what))
    };
    if let Ok(aws) = std::fs::read_dir(folder.join("aws")) {
        paths.extend(aws.map(|entry| entry.unwrap().path()).filter(of_ec2));
    }
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
            let live = live(&options(&server, &[]), &plan);
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
            assert_eq!(of_live, verdicts(&from_export), "{name}: live and export");

            let from_snapshot = link(estate(&[Input::Stdin(snapshot)], Answers::default()));
            assert_eq!(of_live, verdicts(&from_snapshot), "{name}: live and snapshot");

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
        ("variant-pod-identity", &ON_EKS[..], vec!["sparkpilot-live-1"]),
        ("variant-access-entries", &ON_EKS[..], vec!["arn:aws:eks:us-east-1:787587782916:cluster/sparkpilot-live-1"]),
        ("serverless-nightly-as-found", &[System::EmrServerless][..], vec![]),
        ("brioche-as-found", &[System::EmrOnEc2][..], vec![]),
    ] {
        let (folder, state) = state_of(name);
        let (server, plan, others) = (Server::start(state, 1), plan(systems), beside(&folder));
        let options = aws::Options { timeout: Duration::from_secs(3), ..options(&server, &targets) };
        let whole = link(estate(&others, live(&options, &plan).answers));
        let (said, (whole_go, _)) = (verdicts(&whole), go(&whole));
        let operations: BTreeSet<String> = server.seen().into_keys().map(|(operation, _)| operation).collect();
        for operation in &operations {
            for fault in FAULTS {
                server.fail(Some((operation, fault)));
                let case = format!("{name}: {operation} {fault:?}");
                let begun = std::time::Instant::now();
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
                    Fault::EmptyPageWithToken | Fault::TokenRepeats => operation != "sts:GetCallerIdentity",
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

/// An account with many roles, and clusters with three node groups, two virtual clusters and add-ons each.
fn large(roles: usize, clusters: usize) -> State {
    let mut state = State::default();
    let account = "111122223333";
    let own = format!("arn:aws:iam::{account}");
    let role = |number: usize| {
        json!({"Arn": format!("{own}:role/r-{number}"), "RoleName": format!("r-{number}"), "RoleId": "A", "Path": "/",
            "CreateDate": "2026-01-01T00:00:00+00:00", "InstanceProfileList": [], "RolePolicyList": [],
            "AttachedManagedPolicies": [], "Tags": [],
            "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": []}})
    };
    state.put("sts:GetCallerIdentity", "", json!({"UserId": "A", "Account": account, "Arn": format!("{own}:user/me")}));
    state.put(
        "iam:GetAccountAuthorizationDetails",
        "",
        json!({"RoleDetailList": (0..roles).map(role).collect::<Vec<_>>(), "UserDetailList": [], "GroupDetailList": [], "Policies": []}),
    );
    let name = |at: usize| format!("spark-{at}");
    let issuer = |at: usize| format!("oidc.eks.us-east-1.amazonaws.com/id/{at:032X}");
    // Half of the providers are for clusters elsewhere.
    let providers: Vec<Value> =
        (0..clusters * 2).map(|at| json!({"Arn": format!("{own}:oidc-provider/{}", issuer(at))})).collect();
    state.put("iam:ListOpenIDConnectProviders", "", json!({"OpenIDConnectProviderList": providers}));
    state.put("iam:ListInstanceProfiles", "", json!({"InstanceProfiles": []}));
    state.put("eks:ListClusters", "", json!({"clusters": (0..clusters).map(name).collect::<Vec<_>>()}));
    let mut virtual_clusters = Vec::new();
    for at in 0..clusters {
        let (cluster, eks) = (name(at), format!("arn:aws:eks:us-east-1:{account}"));
        let described = json!({"name": cluster, "arn": format!("{eks}:cluster/{cluster}"), "version": "1.33", "status": "ACTIVE",
            "identity": {"oidc": {"issuer": format!("https://{}", issuer(at))}},
            "accessConfig": {"authenticationMode": "API_AND_CONFIG_MAP"}});
        state.put("eks:DescribeCluster", &cluster, json!({"cluster": described}));
        let provider = json!({"Url": issuer(at), "ClientIDList": ["sts.amazonaws.com"], "ThumbprintList": []});
        state.put("iam:GetOpenIDConnectProvider", &issuer(at), provider);
        let groups: Vec<String> = (0..3).map(|number| format!("workers-{number}")).collect();
        for group in &groups {
            let described = json!({"nodegroupName": group, "clusterName": cluster, "status": "ACTIVE",
                "nodegroupArn": format!("{eks}:nodegroup/{cluster}/{group}/x"), "scalingConfig": {"minSize": 1, "maxSize": 3, "desiredSize": 1}});
            state.put("eks:DescribeNodegroup", &format!("{cluster} {group}"), json!({"nodegroup": described}));
        }
        state.put("eks:ListNodegroups", &cluster, json!({"nodegroups": groups}));
        state.put(
            "eks:ListAddons",
            &cluster,
            json!({"addons": ["vpc-cni", "coredns", "kube-proxy", "eks-pod-identity-agent"]}),
        );
        let addon = json!({"addonName": "eks-pod-identity-agent", "clusterName": cluster, "status": "ACTIVE",
            "addonArn": format!("{eks}:addon/{cluster}/eks-pod-identity-agent/x")});
        state.put("eks:DescribeAddon", &format!("{cluster} eks-pod-identity-agent"), json!({"addon": addon}));
        let linked =
            format!("{own}:role/aws-service-role/emr-containers.amazonaws.com/AWSServiceRoleForAmazonEMRContainers");
        let mut entries: Vec<String> = (0..40).map(|number| format!("{own}:role/r-{number}")).collect();
        entries.push(linked.clone());
        state.put("eks:ListAccessEntries", &cluster, json!({"accessEntries": entries}));
        let policies = json!({"clusterName": cluster, "principalArn": linked, "associatedAccessPolicies": []});
        state.put("eks:ListAssociatedAccessPolicies", &format!("{cluster} {linked}"), policies);
        let association = json!({"clusterName": cluster, "namespace": "spark", "serviceAccount": "driver", "associationId": "a-1",
            "associationArn": format!("{eks}:podidentityassociation/{cluster}/a-1")});
        let mut described = association.clone();
        described["roleArn"] = format!("{own}:role/r-1").into();
        state.put("eks:ListPodIdentityAssociations", &cluster, json!({"associations": [association]}));
        state.put("eks:DescribePodIdentityAssociation", &format!("{cluster} a-1"), json!({"association": described}));
        for number in 0..2 {
            let id = format!("{at:012}{number:013}");
            virtual_clusters.push(json!({"id": id, "name": id, "state": "RUNNING",
                "arn": format!("arn:aws:emr-containers:us-east-1:{account}:/virtualclusters/{id}"),
                "containerProvider": {"type": "EKS", "id": cluster, "info": {"eksInfo": {"namespace": format!("team-{number}")}}}}));
        }
    }
    state.put("emr-containers:ListVirtualClusters", "", json!({"virtualClusters": virtual_clusters}));
    state
}

#[test]
fn calls_are_few() {
    let (roles, clusters) = (1000, 20);
    let server = Server::start(large(roles, clusters), 100);
    let live = live(&options(&server, &[]), &plan(&[System::EmrOnEks]));
    let made: usize = server.seen().values().sum();
    // Pages of 100 that the lists have, and one description of each thing of which a rule asks more
    // than its name: per cluster itself, its provider, three node groups, the agent, one association,
    // one entry's policies, the job runs of two virtual clusters; and five lists.
    let least = 1 + roles / 100 + 1 + 1 + clusters * (1 + 1 + 3 + 1 + 1 + 1 + 2 + 4) + 1;
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
