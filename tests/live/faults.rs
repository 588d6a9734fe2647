//! What goes wrong with one call, and what nobody needs, change no verdict for the better.

use super::organizations::member;
use super::*;

/// Each call × each way of failing: the run ends in time, and nothing is called good or bad that a full
/// answer would not have called so.
#[test]
fn no_fault_makes_anything_look_better() {
    let (mut tally, mut problems): (BTreeMap<String, usize>, Vec<String>) = Default::default();
    let mut met: BTreeSet<String> = BTreeSet::new();
    for (name, systems, targets) in [
        ("the-live-run-as-found", &ON_EKS[..], vec![]),
        ("the-live-run-mended", &ON_EKS[..], vec!["arn:aws:eks:us-east-1:787587782916:cluster/sparkpilot-live-1"]),
        ("variant-pod-identity", &ON_EKS[..], vec!["sparkpilot-live-1"]),
        ("variant-access-entries", &ON_EKS[..], vec!["arn:aws:eks:us-east-1:787587782916:cluster/sparkpilot-live-1"]),
        ("serverless-nightly-as-found", &[System::EmrServerless][..], vec![]),
        ("brioche-as-found", &[System::EmrOnEc2][..], vec![]),
        ("role by role", &ON_EKS[..], vec![]),
        ("large", &ON_EKS[..], vec![]),
    ] {
        let of_fixture = if name == "role by role" { "the-live-run-mended" } else { name };
        let (folder, mut state) = match name {
            "large" => (PathBuf::new(), large(3, 1)),
            _ => state_of(of_fixture),
        };
        if name == "the-live-run-mended" {
            state = member(name, "sagemaker:*");
        }
        let mut named_roles = Vec::new();
        let others = if name == "large" { Vec::new() } else { beside(&folder) };
        if name == "role by role" {
            state.role_by_role();
            named_roles = aws::roles_named_in(&estate(&others, Answers::default()).document);
        }
        let page = if name == "large" { 100 } else { 1 };
        let (server, plan) = (Server::start(state, page), plan(systems));
        if name == "role by role" {
            server.refuse("iam:GetAccountAuthorizationDetails");
        }
        let regions = vec![region_of(name)];
        let timeout = Duration::from_secs(3);
        // Each run has a client of its own: one that outlives its run keeps connections that nobody serves.
        let own = || {
            let (regions, named_roles) = (regions.clone(), named_roles.clone());
            aws::Options { timeout, regions, named_roles, ..options(&server, &targets) }
        };
        let whole = link(estate(&others, live(&own(), &plan).answers));
        let (said, (whole_go, _)) = (verdicts(&whole), go(&whole));
        let operations: BTreeSet<String> = server.seen().into_keys().map(|(operation, _)| operation).collect();
        met.extend(operations.iter().cloned());
        for operation in &operations {
            for fault in FAULTS {
                server.fail(Some((operation, fault)));
                let case = format!("{name}: {operation} {fault:?}");
                let begun = Instant::now();
                let outcome = aws::read(&own(), &plan);
                assert!(begun.elapsed() < Duration::from_secs(6), "{case}: {:?}", begun.elapsed());
                *tally.entry("runs".to_owned()).or_default() += 1;
                *tally.entry(format!("runs with {fault:?}")).or_default() += 1;
                let live = match outcome {
                    Ok(live) => live,
                    Err(_) if operation == "sts:GetCallerIdentity" => {
                        *tally.entry("could not begin".to_owned()).or_default() += 1;
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
                    let what = if kept { "verdicts kept" } else { "verdicts undecided" };
                    *tally.entry(what.to_owned()).or_default() += 1;
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
    let all: BTreeSet<String> = plan(&System::ALL).calls.iter().map(ToString::to_string).collect();
    eprintln!("fault matrix: {} calls of {}, {tally:?}", met.len(), all.len());
    // Every call is in it that the rules give reason for.
    let missed: BTreeSet<&String> = all.difference(&met).collect();
    assert_eq!(missed, BTreeSet::new(), "{met:?}");
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
