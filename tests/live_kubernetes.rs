//! Kubernetes as it is now: an API server that can go wrong in every way is read as an export is.
#![cfg(feature = "live")]
#![expect(clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "tests")]

#[path = "live_kubernetes/holding.rs"]
mod holding;
#[path = "live_kubernetes/server.rs"]
mod server;
#[path = "support/story.rs"]
#[expect(dead_code, reason = "of the stories, only some are looked at here")]
mod story;

use holding::{KINDS, collections, resource, state};
use serde_json::Value;
use server::{Fault, Server, State, TOKEN};
use sparkcheck::estate::{Completeness, Estate};
use sparkcheck::link::link;
use sparkcheck::read::live::demand::demand;
use sparkcheck::read::live::kubernetes::{self, Access, Options};
use sparkcheck::read::live::plan::Plan;
use sparkcheck::read::{self, Input};
use sparkcheck::report::Outcome;
use sparkcheck::rule::{self, Rule, System};
use sparkcheck::{examine, snapshot};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

fn rules() -> &'static [Rule] {
    static RULES: OnceLock<Vec<Rule>> = OnceLock::new();
    RULES.get_or_init(rule::builtin)
}

fn options() -> Options {
    Options {
        timeout: Duration::from_secs(60),
        attempt: Duration::from_secs(20),
        backoff: Duration::from_millis(1),
        attempts: 3,
        page: 3,
        ..Options::default()
    }
}

/// An estate without its Kubernetes, and what an API server would hold of it.
fn divided(name: &str) -> (Estate, Value, String) {
    let whole = snapshot::of(&read_files(&[story::folder(name)]));
    let mut rest = whole.clone();
    let groups = rest.as_object_mut().unwrap().remove("kubernetes").unwrap();
    let coverage = rest["sparkcheck"]["coverage"].as_array_mut().unwrap();
    coverage.retain(|entry| !entry["collection"].as_str().unwrap().starts_with("kubernetes."));
    let group = groups[0].clone();
    let cluster = group["cluster"].as_str().unwrap().to_owned();
    (again(&rest), group, cluster)
}

fn read_files(paths: &[PathBuf]) -> Estate {
    let inputs: Vec<Input> = paths.iter().cloned().map(Input::Path).collect();
    let options = read::Options { today: Some(story::TODAY.into()), ..read::Options::default() };
    read::read(&inputs, &options).unwrap()
}

fn again(document: &Value) -> Estate {
    with(document, read::Answers::default())
}

fn with(document: &Value, answers: read::Answers) -> Estate {
    let options = read::Options { today: Some(story::TODAY.into()), ..read::Options::default() };
    let bytes = snapshot::bytes(document, "x.json").unwrap();
    read::read_with(&[Input::Stdin(bytes)], answers, &options).unwrap()
}

fn ask(server: &Server, cluster: &str, options: &Options) -> kubernetes::Live {
    let access = Access::of_token(cluster, &server.endpoint, &server.authority, TOKEN);
    kubernetes::read(&[access], &collections(), options).unwrap()
}

/// By rule and fingerprint, what was found.
fn outcomes(estate: Estate) -> BTreeMap<(String, String), Outcome> {
    let linked = link(estate);
    let systems = linked.systems();
    let rules: Vec<Rule> =
        rules().iter().filter(|rule| rule.systems.iter().any(|of| systems.contains(of))).cloned().collect();
    let report = examine(&linked, &rules);
    report
        .findings
        .iter()
        .map(|finding| ((finding.rule.id.clone(), finding.fingerprint.clone()), finding.outcome))
        .collect()
}

const FIXTURES: [&str; 3] = ["the-live-run-as-found", "the-live-run-mended", "gateway-sjns-as-found"];

#[test]
fn an_api_server_says_what_its_export_says() {
    for name in FIXTURES {
        let (rest, group, cluster) = divided(name);
        let server = Server::start(state(&group));
        let live = ask(&server, &cluster, &options());
        let estate = with(&snapshot::of(&rest), live.answers);
        let incomplete: Vec<_> = collections()
            .into_iter()
            .filter_map(|collection| {
                estate.incomplete(collection.name, &cluster, None).map(|unknown| (collection.name, unknown.why))
            })
            .collect();
        assert_eq!(incomplete, [], "{name}");
        let snapshot = snapshot::of(&estate);
        // A full export says as much; what a fixture leaves out of its export is only decided here.
        let (from_live, from_snapshot) = (outcomes(estate), outcomes(again(&snapshot)));
        assert_eq!(from_live, from_snapshot, "{name}: the snapshot of the live run");
        let mut exported = snapshot::of(&read_files(&[story::folder(name)]));
        exported["sparkcheck"]["coverage"] = snapshot["sparkcheck"]["coverage"].clone();
        let from_export = outcomes(again(&exported));
        assert_eq!(from_live, from_export, "{name}: an export of the same objects");
        // Each list was asked for page by page, and nothing that has secrets.
        let state = server.state.lock().unwrap();
        assert!(state.asked.iter().all(|path| !path.contains("secrets")), "{:?}", state.asked);
        assert!(state.asked.iter().any(|path| path.contains("continue=")));
        let accounts = state.asked.iter().position(|path| path.contains("serviceaccounts")).unwrap();
        assert!(state.accepted[accounts].contains("PartialObjectMetadataList"), "{:?}", state.accepted[accounts]);
    }
}

/// What a fault may make of a list.
fn expected(fault: Fault, installed: bool) -> &'static [Completeness] {
    use Completeness::{Complete, Denied, Partial};
    match fault {
        Fault::Forbidden | Fault::ForbiddenTogether => &[Denied],
        Fault::NotInstalled if !installed => &[Complete],
        // What expires page by page is had in one piece.
        Fault::Gone(_) | Fault::Throttled(1) | Fault::EmptyPage => &[Complete],
        // A list of one page has no second.
        Fault::SecondBroken => &[Complete, Partial],
        Fault::SecondRefused => &[Complete, Denied],
        _ => &[Partial],
    }
}

#[test]
fn no_fault_of_a_list_makes_a_verdict_that_the_whole_list_would_not_make() {
    let (rest, group, cluster) = divided("gateway-sjns-as-found");
    let rest = snapshot::of(&rest);
    let whole = {
        let server = Server::start(state(&group));
        outcomes(with(&rest, ask(&server, &cluster, &options()).answers))
    };
    let slow = options();
    let faults = [
        Fault::Forbidden,
        Fault::ForbiddenTogether,
        Fault::Unauthorized,
        Fault::NotInstalled,
        Fault::NotFoundElsewhere,
        Fault::Gone(1),
        Fault::Gone(99),
        Fault::Throttled(1),
        Fault::Throttled(99),
        Fault::Broken,
        Fault::Malformed,
        Fault::NoList,
        Fault::Nameless,
        Fault::CutOff,
        Fault::EmptyPage,
        Fault::EmptyForEver,
        Fault::EmptyOnAndOn,
        Fault::Circle,
        Fault::SecondRefused,
        Fault::SecondBroken,
        Fault::GoneForEver,
        Fault::Talkative,
        Fault::Silent,
    ];
    let (mut runs, mut undecided) = (0, 0);
    let mut counts: BTreeMap<String, BTreeMap<String, usize>> = BTreeMap::new();
    let mut problems = Vec::new();
    for collection in collections() {
        for fault in faults {
            let resource = resource(collection);
            let mut state = state(&group);
            let installed = state.lists.contains_key(&resource);
            let list = collection.name.trim_start_matches("kubernetes.");
            let built_in = KINDS
                .iter()
                .any(|(of, _, version)| *of == list && (!version.contains('.') || version.contains(".k8s.io/")));
            // A kind that is not installed is never listed, so nothing can go wrong with that.
            if !installed && fault != Fault::NotInstalled {
                continue;
            }
            if fault == Fault::NotInstalled && installed && built_in {
                continue;
            }
            state.fault = Some((resource.clone(), fault));
            if fault == Fault::NotInstalled {
                state.lists.remove(&resource);
            }
            let server = Server::start(state);
            // One answer that does not come, or pages without end, take the time of the run; so it has little.
            let short =
                Options { attempt: Duration::from_millis(150), timeout: Duration::from_millis(700), ..options() };
            let endless = matches!(fault, Fault::Silent | Fault::EmptyOnAndOn);
            let begun = Instant::now();
            let live = ask(&server, &cluster, if endless { &short } else { &slow });
            assert!(
                begun.elapsed() < Duration::from_secs(20),
                "{} × {fault:?}: {:?}",
                collection.name,
                begun.elapsed()
            );
            let estate = with(&rest, live.answers);
            runs += 1;
            let entries = estate
                .coverage
                .entries()
                .iter()
                .filter(|entry| entry.collection == collection.name && entry.scope == cluster);
            let states: BTreeSet<Completeness> = entries.map(|entry| entry.state).collect();
            let wanted =
                if fault == Fault::NotInstalled { &[Completeness::Complete][..] } else { expected(fault, installed) };
            let mut say = |what: String| problems.push(format!("{} × {fault:?}: {what}", collection.name));
            if states.len() != 1 || !states.iter().all(|state| wanted.contains(state)) {
                say(format!("{states:?}, not {wanted:?}"));
            }
            let incomplete = states.iter().any(|state| *state != Completeness::Complete);
            let gap = estate.gaps.iter().find(|gap| gap.what.contains(collection.name));
            if incomplete
                && gap.is_none_or(|gap| gap.unblock.as_deref().unwrap_or_default().is_empty() || gap.scope != cluster)
            {
                say(format!("no gap that says what to do: {:?}", estate.gaps));
            }
            *counts.entry(format!("{fault:?}")).or_default().entry(format!("{states:?}")).or_default() += 1;
            // What the whole list finds is found, or undecided; what it does not find, is not.
            let told = !estate.gaps.is_empty();
            let now = outcomes(estate);
            undecided += now.values().filter(|outcome| **outcome == Outcome::Unknown).count();
            for (about, outcome) in &now {
                if *outcome == Outcome::Fail && whole.get(about) != Some(&Outcome::Fail) {
                    say(format!("{} fails, and should not", about.0));
                }
            }
            if !incomplete && !told && now != whole {
                say("the list looks whole, and says something else".to_owned());
            }
            if whole.values().any(|outcome| *outcome == Outcome::Fail) && now.is_empty() && !told {
                say("it looks green".to_owned());
            }
        }
    }
    for (fault, states) in &counts {
        eprintln!("{fault:24} {states:?}");
    }
    eprintln!("{runs} runs, {undecided} verdicts undecided");
    assert!(runs > 350, "{runs}");
    assert!(problems.is_empty(), "{} problems\n{}", problems.len(), problems.join("\n"));
}

#[test]
fn no_fault_turns_a_failure_into_a_pass() {
    let (rest, group, cluster) = divided("the-live-run-as-found");
    let rest = snapshot::of(&rest);
    let whole = {
        let server = Server::start(state(&group));
        outcomes(with(&rest, ask(&server, &cluster, &options()).answers))
    };
    let mut problems = Vec::new();
    for fault in [
        Fault::Forbidden,
        Fault::Broken,
        Fault::Malformed,
        Fault::Circle,
        Fault::SecondRefused,
        Fault::SecondBroken,
        Fault::Gone(99),
        Fault::GoneForEver,
        Fault::Throttled(9999),
        Fault::CutOff,
        Fault::NoList,
        Fault::NotFoundElsewhere,
        Fault::EmptyForEver,
        Fault::Unauthorized,
    ] {
        let mut state = state(&group);
        state.fault = Some(("*".to_owned(), fault));
        let server = Server::start(state);
        let found = outcomes(with(&rest, ask(&server, &cluster, &options()).answers));
        let rules_found: BTreeSet<&str> = found.keys().map(|(rule, _)| rule.as_str()).collect();
        for ((rule, _), outcome) in &whole {
            if *outcome == Outcome::Fail && !rules_found.contains(rule.as_str()) {
                problems.push(format!("{fault:?}: {rule} is no longer found"));
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// What keeps everything from being read is told once, says what to do, and takes no longer than it must.
#[test]
fn a_cluster_that_cannot_be_read_is_one_gap() {
    let (rest, group, cluster) = divided("the-live-run-as-found");
    let rest = snapshot::of(&rest);
    let silent = Options { attempt: Duration::from_millis(300), ..options() };
    let mut state_silent = state(&group);
    state_silent.fault = Some(("*".to_owned(), Fault::Silent));
    let (good, mute) = (Server::start(state(&group)), Server::start(state_silent));
    let other = Server::start(State::default());
    let closed = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("https://{}", listener.local_addr().unwrap())
    };
    let cases = [
        (
            "an expired token",
            Access::of_token(&cluster, &good.endpoint, &good.authority, "expired"),
            "401",
            "sign in again",
        ),
        ("nobody there", Access::of_token(&cluster, &closed, &good.authority, TOKEN), "cannot be reached", "VPC"),
        (
            "another authority",
            Access::of_token(&cluster, &good.endpoint, &other.authority, TOKEN),
            "cannot be reached",
            "",
        ),
        ("no answer", Access::of_token(&cluster, &mute.endpoint, &mute.authority, TOKEN), "no answer within", "VPC"),
        ("no authority", Access::of_token(&cluster, &good.endpoint, "", TOKEN), "authority", ""),
        (
            "no way",
            Access::none(&cluster, "the cluster was not described", "grant `eks:DescribeCluster`"),
            "described",
            "grant",
        ),
    ];
    for (case, access, why, unblock) in cases {
        let live = kubernetes::read(&[access], &collections(), &silent).unwrap();
        let estate = with(&rest, live.answers);
        let gaps: Vec<_> = estate.gaps.iter().filter(|gap| gap.what.contains("kubernetes.")).collect();
        let [gap] = gaps.as_slice() else { panic!("{case}: {gaps:?}") };
        assert!(gap.why.contains(why), "{case}: {gap:?}");
        assert!(gap.unblock.as_deref().unwrap().contains(unblock), "{case}: {gap:?}");
        for collection in collections() {
            assert!(estate.incomplete(collection.name, &cluster, None).is_some(), "{case}: {}", collection.name);
        }
        assert!(!format!("{:?}", estate.gaps).contains(TOKEN));
    }
}

#[test]
fn namespaces_are_listed_one_by_one_where_all_together_are_refused() {
    let (rest, group, cluster) = divided("gateway-sjns-as-found");
    let mut state = state(&group);
    state.fault = Some(("pods".to_owned(), Fault::ForbiddenTogether));
    let server = Server::start(state);
    let options = Options { namespaces: vec!["sjns-data-control".to_owned(), "no/such".to_owned()], ..options() };
    let estate = with(&snapshot::of(&rest), ask(&server, &cluster, &options).answers);
    assert!(estate.incomplete("kubernetes.pods", &cluster, Some("sjns-data-control")).is_none());
    assert!(estate.incomplete("kubernetes.pods", &cluster, Some("other")).is_some());
    assert!(estate.incomplete("kubernetes.pods", &cluster, None).is_some());
}

#[test]
fn a_kubeconfig_leads_to_its_cluster() {
    let (rest, group, cluster) = divided("the-live-run-as-found");
    let server = Server::start(state(&group));
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let file = folder.path().join("config");
    let config = |name: &str| {
        format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: {name}\nclusters:\n- name: {name}\n  cluster: {{server: '{}', certificate-authority-data: {}}}\n\
             contexts:\n- name: {name}\n  context: {{cluster: '{name}', user: me}}\nusers:\n- name: me\n  user: {{token: {TOKEN}}}\n",
            server.endpoint, server.authority
        )
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let of = |file: &Path, context: Option<&str>, arn: Option<&str>| {
        runtime.block_on(Access::of_context(Some(file), context, arn))
    };
    fs::write(&file, config(&cluster)).unwrap();
    let access = of(&file, None, None).unwrap();
    assert_eq!(access.cluster, cluster);
    let live = kubernetes::read(&[access], &collections(), &options()).unwrap();
    let estate = with(&snapshot::of(&rest), live.answers);
    assert!(estate.incomplete("kubernetes.pods", &cluster, None).is_none(), "{:?}", estate.gaps);
    fs::write(&file, config("mine")).unwrap();
    assert!(of(&file, None, None).unwrap_err().unblock.contains("--cluster"));
    assert_eq!(of(&file, Some("mine"), Some(&cluster)).unwrap().cluster, cluster);
    for (context, at) in [(Some("other"), file.clone()), (None, folder.path().join("none"))] {
        assert!(of(&at, context, Some(&cluster)).is_err());
    }
}

/// What `sparkcheck permissions` grants is what a run asks for, and nothing else.
#[test]
fn the_cluster_role_grants_what_is_asked() {
    let plan = Plan::of(demand(rules(), &System::ALL));
    let role = plan.cluster_role();
    let mut granted = BTreeSet::new();
    for rule in role["rules"].as_array().unwrap() {
        assert_eq!(rule["verbs"], serde_json::json!(["list"]));
        for group in rule["apiGroups"].as_array().unwrap() {
            for resource in rule["resources"].as_array().unwrap() {
                granted.insert((group.as_str().unwrap().to_owned(), resource.as_str().unwrap().to_owned()));
            }
        }
    }
    // A server on which everything is installed is asked for everything.
    let mut state = State::default();
    for (group, resource) in &granted {
        let version = if group.is_empty() { "v1".to_owned() } else { format!("{group}/v1") };
        state.lists.insert(resource.clone(), ("Any".to_owned(), version, Vec::new()));
        state.groups.insert(group.clone());
    }
    let server = Server::start(state);
    let access =
        Access::of_token("arn:aws:eks:us-east-1:111122223333:cluster/a", &server.endpoint, &server.authority, TOKEN);
    kubernetes::read(&[access], &plan.kubernetes, &options()).unwrap();
    let asked: BTreeSet<(String, String)> = server
        .state
        .lock()
        .unwrap()
        .asked
        .iter()
        .filter_map(|path| {
            let path = path.split('?').next()?;
            let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
            match parts.as_slice() {
                ["api", _, resource] => Some((String::new(), (*resource).to_owned())),
                ["apis", group, _, resource] => Some(((*group).to_owned(), (*resource).to_owned())),
                _ => None,
            }
        })
        .collect();
    assert_eq!(asked, granted);
    assert!(!granted.iter().any(|(_, resource)| resource == "secrets"));
}
