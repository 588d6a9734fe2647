//! Capacity, held to exhaustive search: thousands of small clusters and gangs of pods.
//!
//! The oracle here shares nothing with the program: it tries every assignment of every pod, with memory of the states
//! that it has seen, and knows of nodes, pools with a number of nodes, and chosen types only what the words mean.

#![expect(clippy::unwrap_used, reason = "tests")]

#[path = "oracle_fit/across.rs"]
mod across;

use sparkcheck::capacity::affinity::{Apart, NodeTerms, PodSelector};
use sparkcheck::capacity::demand::{Demand, PodDemand, Role, Toleration};
use sparkcheck::capacity::pool::{Pool, Shape, Values};
use sparkcheck::capacity::quota::within;
use sparkcheck::capacity::supply::{Node, Room, Supply, Taint, Taken};
use sparkcheck::capacity::{Outcome, fit, what_if};
use sparkcheck::facts::instances::InstanceTypes;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

/// A generator of our own, so that the cases are the same everywhere and always.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn between(&mut self, least: u64, most: u64) -> u64 {
        least + self.below(most - least + 1)
    }

    fn one_in(&mut self, number: u64) -> bool {
        self.below(number) == 0
    }
}

fn node(name: &str, cpu: u64, memory: u64, pods: u64) -> Node {
    Node {
        name: name.into(),
        cpu_milli: cpu,
        memory_mib: memory,
        pods,
        cpu_free_milli: cpu,
        memory_free_mib: memory,
        pods_free: pods,
        schedulable: true,
        ..Node::default()
    }
}

struct Cluster {
    demand: Vec<Demand>,
    supply: Supply,
}

fn cluster(random: &mut Random) -> Cluster {
    let mut nodes: Vec<Node> = (0..random.between(1, 4))
        .map(|at| {
            let mut node = node(&format!("n{at}"), random.between(2, 14), random.between(2, 14), random.between(1, 8));
            if random.one_in(4) {
                node.labels.insert("disk".into(), "nvme".into());
            }
            if random.one_in(5) {
                node.taints.push(Taint { key: "k".into(), value: "v".into(), effect: "NoSchedule".into() });
            }
            node.schedulable = !random.one_in(10);
            if random.one_in(3) {
                let (cpu_milli, memory_mib) = (random.below(node.cpu_milli), random.below(node.memory_mib));
                let priority = if random.one_in(3) { -1 } else { 0 };
                let namespace = "elsewhere".into();
                let name = format!("other {at}");
                node.taken_by.push(Taken { namespace, name, cpu_milli, memory_mib, priority, ..Taken::default() });
                node.cpu_free_milli -= cpu_milli;
                node.memory_free_mib -= memory_mib;
                node.pods_free -= 1;
            }
            node
        })
        .collect();
    // Equal nodes are the rule on real clusters.
    if random.one_in(2) {
        let first = nodes[0].clone();
        for (at, node) in nodes.iter_mut().enumerate() {
            *node = Node { name: format!("n{at}"), ..first.clone() };
            for pod in &mut node.taken_by {
                pod.name = format!("other {at}");
            }
        }
    }
    let mut supply = Supply { nodes, default_preempts: true, ..Supply::default() };
    supply.priorities_listed = random.one_in(2);
    if random.one_in(3) {
        let model = node("new", random.between(3, 12), random.between(3, 12), random.between(1, 6));
        supply.pools.push(Pool {
            name: "node group `g`".into(),
            most_nodes: Some(random.between(1, 2)),
            least: Some(model.clone()),
            most: Some(model),
            exact: true,
            ..Pool::default()
        });
    }
    let mut demand: Vec<Demand> = (0..random.between(1, 2))
        .map(|job| {
            let mut pods = vec![pod(random, Role::Driver, 1)];
            let number = u32::try_from(random.between(0, 4)).unwrap();
            let mut executor = pod(random, Role::Executor, number);
            for pod in pods.iter_mut().chain([&mut executor]) {
                pod.labels.insert("of".into(), format!("{} {job}", pod.role));
            }
            if random.one_in(5) {
                executor.apart = Some(apart(&format!("executor {job}"), 1, true));
            }
            pods.push(executor);
            Demand { pods, namespace: Some("team".into()), ..Demand::default() }
        })
        .collect();
    // The same job several times at once.
    if random.one_in(3) {
        let first = demand[0].clone();
        demand.push(first);
    }
    Cluster { demand, supply }
}

fn apart(from: &str, most_per_node: u64, exact: bool) -> Apart {
    let selector = serde_json::json!({"matchLabels": {"of": from}});
    Apart { most_per_node, exact, from: PodSelector::read(&selector).unwrap() }
}

fn disk(operator: &str) -> NodeTerms {
    let one = serde_json::json!([
        {"matchExpressions": [{"key": "never", "operator": "Exists"}]},
        {"matchExpressions": [{"key": "disk", "operator": operator, "values": ["nvme", "other"]}]},
    ]);
    NodeTerms::read(&one).unwrap()
}

fn pod(random: &mut Random, role: Role, count: u32) -> PodDemand {
    let mut pod = PodDemand::new(role, count, random.between(0, 4), random.between(0, 4));
    match random.below(12) {
        0 | 1 => drop(pod.node_selector.insert("disk".into(), "nvme".into())),
        2 => pod.affinity.push(disk("In")),
        3 => pod.affinity.push(disk("NotIn")),
        _ => {}
    }
    if random.one_in(3) {
        pod.tolerations.push(Toleration { key: "k".into(), operator: "Exists".into(), ..Toleration::default() });
    }
    pod
}

/// What the oracle knows of a place: CPU, memory, pods; label; taint; how many of each kind that keeps apart are there.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Place {
    free: (u64, u64, u64),
    labelled: bool,
    tainted: bool,
    apart: [u8; 3],
}

/// A pod as the oracle sees it: whether it wants the label or must not have it, whether it puts up with the taint, and
/// of which kind that keeps apart it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Small {
    cpu: u64,
    memory: u64,
    wants: bool,
    avoids: bool,
    tolerates: bool,
    apart: Option<usize>,
}

fn places(supply: &Supply) -> Vec<Place> {
    let of = |node: &Node| Place {
        free: (node.cpu_free_milli, node.memory_free_mib, node.pods_free),
        labelled: node.labels.contains_key("disk"),
        tainted: !node.taints.is_empty(),
        apart: [0; 3],
    };
    let mut places: Vec<Place> = supply.nodes.iter().filter(|node| node.schedulable).map(of).collect();
    for pool in &supply.pools {
        for _ in 0..pool.most_nodes.unwrap_or(0) {
            places.extend(pool.least.as_ref().map(of));
        }
    }
    places
}

fn small(pod: &PodDemand) -> Small {
    Small {
        cpu: pod.cpu_milli,
        memory: pod.memory_mib,
        wants: !pod.node_selector.is_empty() || pod.affinity.contains(&disk("In")),
        avoids: pod.affinity.contains(&disk("NotIn")),
        tolerates: !pod.tolerations.is_empty(),
        apart: pod.apart.as_ref().map(|_| pod.labels["of"].rsplit(' ').next().unwrap().parse().unwrap()),
    }
}

fn placements(pod: Small, places: &[Place]) -> Vec<Vec<Place>> {
    let mut found = BTreeSet::new();
    for (at, place) in places.iter().enumerate() {
        let (cpu, memory, pods) = place.free;
        let room = pod.cpu <= cpu && pod.memory <= memory && pods > 0;
        let suits = (place.labelled || !pod.wants) && !(place.labelled && pod.avoids);
        let alone = pod.apart.is_none_or(|kind| place.apart[kind] == 0);
        if room && suits && alone && (!place.tainted || pod.tolerates) {
            let mut next = places.to_vec();
            next[at].free = (cpu - pod.cpu, memory - pod.memory, pods - 1);
            if let Some(kind) = pod.apart {
                next[at].apart[kind] += 1;
            }
            // Places that are alike are one: the order among them means nothing.
            next.sort();
            found.insert(next);
        }
    }
    found.into_iter().collect()
}

fn can_all_be_placed(pods: &[Small], places: Vec<Place>, seen: &mut HashSet<(usize, Vec<Place>)>) -> bool {
    let Some((first, rest)) = pods.split_first() else { return true };
    if !seen.insert((rest.len(), places.clone())) {
        return false;
    }
    placements(*first, &places).into_iter().any(|next| can_all_be_placed(rest, next, seen))
}

/// Which pods of which jobs are placed, and what is left.
type State = (Vec<(usize, usize)>, Vec<Place>);

/// Whether no order that the jobs allow and no choice of nodes leaves a pod without one.
fn always(
    jobs: &BTreeMap<usize, Vec<(Role, Small)>>,
    places: Vec<Place>,
    seen: &mut HashSet<State>,
    done: &BTreeMap<usize, BTreeSet<usize>>,
) -> bool {
    let state: Vec<(usize, usize)> = done.iter().flat_map(|(job, set)| set.iter().map(|at| (*job, *at))).collect();
    if !seen.insert((state, places.clone())) {
        return true;
    }
    jobs.iter().all(|(job, pods)| {
        let mine = &done[job];
        let open: Vec<usize> = (0..pods.len()).filter(|at| !mine.contains(at)).collect();
        let Some(role) = open.iter().map(|at| pods[*at].0).min() else { return true };
        open.iter().filter(|at| pods[**at].0 == role).all(|at| {
            let next = placements(pods[*at].1, &places);
            let mut done = done.clone();
            done.get_mut(job).unwrap().insert(*at);
            !next.is_empty() && next.into_iter().all(|places| always(jobs, places, seen, &done))
        })
    })
}

fn pods(demand: &[Demand]) -> Vec<Small> {
    let each = demand.iter().flat_map(|job| &job.pods);
    let mut pods: Vec<Small> = each.flat_map(|pod| (0..pod.count).map(|_| small(pod))).collect();
    pods.sort_by_key(|pod| std::cmp::Reverse((pod.cpu + pod.memory, *pod)));
    pods
}

#[test]
fn never_a_wrong_answer_and_hardly_ever_none() {
    let mut random = Random(20_261_120);
    let (mut unknown, mut preempted, mut ended, mut outcomes) = (0, 0, 0, BTreeMap::new());
    const CASES: usize = 6_000;
    for case in 0..CASES {
        let Cluster { demand, supply } = cluster(&mut random);
        let answer = fit(&demand, &supply);
        *outcomes.entry(answer.outcome.to_string()).or_insert(0) += 1;
        let possible = can_all_be_placed(&pods(&demand), places(&supply), &mut HashSet::new());
        match answer.outcome {
            // Where it is not known which pods others may end, nothing is told.
            Outcome::Unknown if answer.because.contains("lower priority") => {
                assert!(!possible, "case {case}: it fits as it is");
                assert!(!supply.priorities_listed, "case {case}: what the pods are worth is known");
                let without = what_if::without_lower(&supply, 0);
                let possible = can_all_be_placed(&pods(&demand), places(&without), &mut HashSet::new());
                assert!(possible, "case {case}: the lower ones do not matter");
                preempted += 1;
            }
            Outcome::FitsIfPackedWell if !answer.evicts.is_empty() => {
                assert!(!possible && supply.priorities_listed, "case {case}: it fits as it is");
                let gone = answer.evicts.iter().map(|(namespace, name)| (namespace.as_str(), name.as_str()));
                let lower = |pod: &Taken| answer.evicts.iter().any(|(_, name)| *name == pod.name) && pod.priority >= 0;
                assert!(
                    !supply.nodes.iter().any(|node| node.taken_by.iter().any(lower)),
                    "case {case}: an equal is ended"
                );
                let without = what_if::without_pods(&supply, &gone.collect());
                let possible = can_all_be_placed(&pods(&demand), places(&without), &mut HashSet::new());
                assert!(possible, "case {case}: a wrong `fits` without {:?}\n{demand:?}\n{supply:?}", answer.evicts);
                ended += 1;
            }
            Outcome::Unknown => unknown += 1,
            Outcome::Short => {
                let most = what_if::without_lower(&supply, 0);
                let possible = can_all_be_placed(&pods(&demand), places(&most), &mut HashSet::new());
                assert!(!possible, "case {case}: a wrong `cannot fit`\n{demand:?}\n{supply:?}");
            }
            Outcome::Fits | Outcome::FitsIfPackedWell => {
                assert!(possible, "case {case}: a wrong `fits`\n{demand:?}\n{supply:?}");
            }
        }
        if answer.outcome == Outcome::Fits && pods(&demand).len() <= 7 {
            let jobs: BTreeMap<usize, Vec<(Role, Small)>> = demand
                .iter()
                .enumerate()
                .map(|(at, job)| {
                    let each = job.pods.iter().flat_map(|pod| (0..pod.count).map(|_| (pod.role, small(pod))));
                    (at, each.collect())
                })
                .collect();
            let done = jobs.keys().map(|job| (*job, BTreeSet::new())).collect();
            assert!(
                always(&jobs, places(&supply), &mut HashSet::new(), &done),
                "case {case}: `fits`, but not in every order\n{demand:?}\n{supply:?}"
            );
        }
        // Whatever is said of where pods go holds.
        if answer.outcome.fits() {
            let placed: u64 = answer.placed.iter().map(|it| it.count).sum();
            assert_eq!(placed, pods(&demand).len() as u64, "case {case}: {:?}", answer.placed);
        }
        if let Some(more) = answer.nodes_needed.filter(|more| *more < 20) {
            let open: Vec<&Node> = supply.nodes.iter().filter(|node| node.schedulable).collect();
            let enough = open.iter().any(|model| {
                let supply = what_if::with_more_nodes(&supply, model, more);
                can_all_be_placed(&pods(&demand), places(&supply), &mut HashSet::new())
            });
            assert!(enough, "case {case}: {more} more nodes are not enough");
        }
    }
    assert!(unknown * 100 <= CASES, "{unknown} of {CASES} unknown");
    assert_eq!(outcomes.len(), 4, "all answers occur: {outcomes:?}");
    assert!(preempted > CASES / 500 && ended > CASES / 500, "{preempted} {ended}: {outcomes:?}");
}

/// In both directions: more room or less asked never makes it short, less room or more asked never makes it fit.
#[test]
fn more_room_or_less_asked_never_makes_it_short() {
    let mut random = Random(7);
    for case in 0..2_000 {
        let Cluster { demand, supply } = cluster(&mut random);
        let before = fit(&demand, &supply).outcome;
        let mut more = supply.clone();
        more.nodes.push(node("more", random.between(0, 9), random.between(0, 9), random.between(0, 4)));
        let mut less = demand.clone();
        let which = usize::try_from(random.below(2)).unwrap();
        let pod = &mut less[0].pods[which];
        (pod.cpu_milli, pod.memory_mib, pod.count) =
            (pod.cpu_milli / 2, pod.memory_mib.saturating_sub(1), pod.count / 2);
        let mut wider = supply.clone();
        if let Some(pool) = wider.pools.first_mut() {
            pool.most_nodes = pool.most_nodes.map(|number| number + 1);
        }
        let mut closer = demand.clone();
        let mut anywhere = demand.clone();
        for (pod, free) in
            closer.iter_mut().zip(&mut anywhere).map(|(one, other)| (&mut one.pods[1], &mut other.pods[1]))
        {
            pod.apart = None;
            (free.affinity, free.node_selector) = (Vec::new(), BTreeMap::new());
        }
        for (what, after) in [
            ("a node more", fit(&demand, &more)),
            ("a smaller request", fit(&less, &supply)),
            ("a larger group", fit(&demand, &wider)),
            ("pods that may be side by side", fit(&closer, &supply)),
            ("pods that may be anywhere", fit(&anywhere, &supply)),
        ] {
            assert!(before == Outcome::Short || after.outcome != Outcome::Short, "case {case}: {what}");
        }
        let mut fewer = supply.clone();
        fewer.nodes.pop();
        let mut greater = demand.clone();
        let pod = &mut greater[0].pods[which];
        (pod.cpu_milli, pod.memory_mib, pod.count) = (pod.cpu_milli + 1, pod.memory_mib * 2, pod.count + 1);
        let mut bounded = supply.clone();
        bounded.pools.clear();
        let mut zonal = demand.clone();
        zonal[0].pods[which].affinity.push(disk("In"));
        for (what, after) in [
            ("a node less", fit(&demand, &fewer)),
            ("a larger request", fit(&greater, &supply)),
            ("no group", fit(&demand, &bounded)),
            ("pods that must be somewhere", fit(&zonal, &supply)),
        ] {
            assert!(before != Outcome::Short || !after.outcome.fits(), "case {case}: {what}\n{demand:?}\n{supply:?}");
        }
    }
}

/// Limits of a NodePool and quotas of a namespace, in both directions.
#[test]
fn higher_limits_never_make_it_short() {
    let mut random = Random(11);
    let one = InstanceTypes::default().get("m6i.xlarge").unwrap();
    let room = Room { cpu: one.allocatable_cpu_milli, memory: one.allocatable_memory_mib, pods: one.pods };
    let quota = |cpu: u64| serde_json::json!({"metadata": {"name": "q"}, "status": {"hard": {"requests.cpu": format!("{cpu}m")}, "used": {"requests.cpu": "0"}}});
    for case in 0..500 {
        let supply = |cores: u64| Supply {
            pools: vec![Pool {
                name: "Karpenter NodePool `p`".into(),
                chooses: true,
                exact: true,
                shapes: vec![Shape { of: Arc::clone(&one), sure: room, most: room }],
                cpu_left_milli: Some(cores * 1000),
                ..Pool::default()
            }],
            ..Supply::default()
        };
        let count = u32::try_from(random.between(1, 12)).unwrap();
        let demand = [Demand {
            pods: vec![PodDemand::new(
                Role::Executor,
                count,
                random.between(1, 40) * 100,
                random.between(1, 12) * 1000,
            )],
            ..Demand::default()
        }];
        let outcomes: Vec<Outcome> = (0..=64).step_by(4).map(|cores| fit(&demand, &supply(cores)).outcome).collect();
        let first_fit = outcomes.iter().position(|outcome| outcome.fits()).unwrap_or(outcomes.len());
        assert!(outcomes[first_fit..].iter().all(|outcome| outcome.fits()), "case {case}: {outcomes:?}");
        assert!(outcomes[..first_fit].iter().all(|outcome| *outcome == Outcome::Short), "case {case}: {outcomes:?}");
        let short = |cpu: u64| !within(&demand, &[&quota(cpu)], &[]).short.is_empty();
        let (less, more) = (random.below(60_000), random.below(20_000));
        assert!(short(less) || !short(less + more), "case {case}: a larger quota");
    }
}

/// Karpenter with limits, against trying every number of every type for the pods that are left.
#[test]
fn limits_of_node_pools_are_never_wrong() {
    let mut random = Random(3);
    let types: Vec<_> = ["m6i.large", "m6i.xlarge", "c6i.xlarge"]
        .iter()
        .map(|name| InstanceTypes::default().get(name).unwrap())
        .collect();
    let (mut outcomes, mut unknown) = (BTreeMap::new(), 0);
    const CASES: usize = 1_500;
    for case in 0..CASES {
        let shapes = types.iter().map(|of| {
            let room = Room { cpu: of.allocatable_cpu_milli, memory: of.allocatable_memory_mib, pods: of.pods };
            Shape { of: Arc::clone(of), sure: room, most: room }
        });
        let cores = random.between(0, 10);
        let pool = Pool {
            name: "Karpenter NodePool `p`".into(),
            chooses: true,
            exact: true,
            shapes: shapes.collect(),
            cpu_left_milli: Some(cores * 1000),
            labels: BTreeMap::from([("karpenter.sh/capacity-type".to_owned(), Values::Any)]),
            ..Pool::default()
        };
        let mut nodes = Vec::new();
        if random.one_in(2) {
            nodes.push(node("n", random.between(0, 3) * 900, 9_000, 9));
        }
        let executors = u32::try_from(random.between(0, 5)).unwrap();
        let demand = Demand {
            pods: vec![
                PodDemand::new(Role::Driver, 1, random.between(1, 4) * 500, random.between(1, 6) * 1000),
                PodDemand::new(Role::Executor, executors, random.between(1, 5) * 700, random.between(1, 9) * 900),
            ],
            ..Demand::default()
        };
        let supply = Supply { nodes, pools: vec![pool], ..Supply::default() };
        let answer = fit(std::slice::from_ref(&demand), &supply);
        *outcomes.entry(answer.outcome.to_string()).or_insert(0) += 1;
        let mut possible = false;
        for large in 0..=cores / 2 {
            for xlarge in 0..=cores / 4 {
                for compute in 0..=cores / 4 {
                    if possible || large * 2 + xlarge * 4 + compute * 4 > cores {
                        continue;
                    }
                    let mut places = places(&Supply { pools: Vec::new(), ..supply.clone() });
                    for (number, of) in [(large, &types[0]), (xlarge, &types[1]), (compute, &types[2])] {
                        for _ in 0..number {
                            let free = (of.allocatable_cpu_milli, of.allocatable_memory_mib, of.pods);
                            places.push(Place { free, labelled: false, tainted: false, apart: [0; 3] });
                        }
                    }
                    places.sort();
                    possible = can_all_be_placed(&pods(std::slice::from_ref(&demand)), places, &mut HashSet::new());
                }
            }
        }
        match answer.outcome {
            Outcome::Unknown => unknown += 1,
            Outcome::Short => {
                assert!(!possible, "case {case}: a wrong `cannot fit`, {cores} cores\n{demand:?}\n{answer:?}")
            }
            Outcome::Fits | Outcome::FitsIfPackedWell => {
                assert!(possible, "case {case}: a wrong `fits`, {cores} cores\n{demand:?}\n{answer:?}");
            }
        }
    }
    assert!(outcomes.len() >= 3, "{outcomes:?}");
    assert!(unknown * 100 <= CASES, "{unknown} of {CASES} unknown");
}
