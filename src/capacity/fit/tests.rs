use super::*;
use crate::capacity::demand::{Role, Toleration, of_emr_on_eks};
use crate::capacity::supply::{Taken, held_by, of_cluster};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// A t3.large as EKS shows it.
fn t3_large(name: &str) -> Value {
    json!({
        "metadata": {"name": name, "labels": {"eks.amazonaws.com/nodegroup": "ng-1", "kubernetes.io/arch": "amd64"}},
        "spec": {"providerID": "aws:///us-east-1a/i-1"},
        "status": {
            "allocatable": {"cpu": "1930m", "memory": "7001088Ki", "pods": "35"},
            "conditions": [{"type": "MemoryPressure", "status": "False"}, {"type": "Ready", "status": "True"}],
        },
    })
}

fn pod(node: &str, namespace: &str, name: &str, owner: &str, cpu: &str, memory: &str) -> Value {
    json!({
        "metadata": {"namespace": namespace, "name": name, "ownerReferences": [{"kind": owner}]},
        "spec": {"nodeName": node, "containers": [{"resources": {"requests": {"cpu": cpu, "memory": memory}}}]},
        "status": {"phase": "Running"},
    })
}

fn system_pods() -> Vec<Value> {
    let mut pods = Vec::new();
    for node in ["a", "b"] {
        pods.push(pod(node, "kube-system", &format!("aws-node-{node}"), "DaemonSet", "50m", "0"));
        pods.push(pod(node, "kube-system", &format!("kube-proxy-{node}"), "DaemonSet", "100m", "0"));
        pods.push(pod(node, "kube-system", &format!("coredns-{node}"), "ReplicaSet", "100m", "70Mi"));
    }
    pods
}

fn left_over_pods() -> Vec<Value> {
    [("a", "spark-1-driver", "driver"), ("b", "spark-1-exec-1", "executor")]
        .map(|(node, name, component)| {
            let mut pod = pod(node, "sparkpilot-team-234100", name, "Job", "1", "1408Mi");
            pod["metadata"]["labels"] = json!({
                "emr-containers.amazonaws.com/job.id": "0000000374cancelled",
                "emr-containers.amazonaws.com/component": component,
            });
            pod
        })
        .into()
}

/// The job of the runbook.
fn word_count() -> Demand {
    let request = json!({
        "releaseLabel": "emr-7.9.0-latest",
        "jobDriver": {"sparkSubmitJobDriver": {
            "entryPoint": "local:///usr/lib/spark/examples/jars/spark-examples.jar",
            "sparkSubmitParameters": "--class org.apache.spark.examples.JavaWordCount \
                --conf spark.executor.instances=1 --conf spark.executor.memory=1g --conf spark.driver.memory=1g",
        }},
    });
    of_emr_on_eks(&request, Some("3.5.5"))
}

#[test]
fn the_live_run_is_short_of_cpu_because_of_left_over_pods() {
    let nodes = [t3_large("a"), t3_large("b")];
    let pods = [system_pods(), left_over_pods()].concat();
    let group = json!({"nodegroup": {"nodegroupName": "ng-1", "scalingConfig": {"desiredSize": 2, "maxSize": 4}}});
    let supply = of_cluster(&nodes, &pods, std::slice::from_ref(&group), &[], None);
    // A maximum above the size is no growth where no autoscaler runs.
    assert_eq!(supply.growth(), None);
    let short = fit(&[word_count()], &supply);
    assert_eq!(short.outcome, Outcome::Short);
    assert_eq!(
        short.because,
        "driver needs 1000m cpu and 1920 MiB; the best of 2 nodes, `a`, has 680m and 5359 MiB left after \
         `spark-1-driver`, `coredns-a`, `kube-proxy-a` and 1 more"
    );
    let shortage = short.short.unwrap();
    assert_eq!((shortage.role, shortage.binding, shortage.best_cpu_free_milli), (Role::Driver, Binding::Cpu, 680));
    assert_eq!(short.nodes_needed, Some(2));
    insta::assert_snapshot!(short.arithmetic.join("\n"), @r"
    job submitter × 1: 100m, 200 MiB (logging container 100m, 200 MiB; the requests of its `job-runner` container are not documented and not counted)
    driver × 1: 1000m, 1920 MiB (1g + max(384, 10 %) = 1408 MiB, 1 core; logging container 0m, 512 MiB by default = 1000m, 1920 MiB)
    executor × 1: 1000m, 1920 MiB (1g + max(384, 10 %) = 1408 MiB, 1 core; logging container 0m, 512 MiB by default = 1000m, 1920 MiB)
    together 3 pods: 2100m, 4040 MiB
    node `a`: 1930m − 1250m = 680m, 6837 − 1478 = 5359 MiB, 35 − 4 = 31 pods; taken by sparkpilot-team-234100/spark-1-driver 1000m 1408 MiB, kube-system/coredns-a 100m 70 MiB, kube-system/kube-proxy-a 100m 0 MiB, kube-system/aws-node-a 50m 0 MiB
    node `b`: 1930m − 1250m = 680m, 6837 − 1478 = 5359 MiB, 35 − 4 = 31 pods; taken by sparkpilot-team-234100/spark-1-exec-1 1000m 1408 MiB, kube-system/coredns-b 100m 70 MiB, kube-system/kube-proxy-b 100m 0 MiB, kube-system/aws-node-b 50m 0 MiB
    ");

    let ended = BTreeSet::from(["0000000374cancelled".to_owned()]);
    let held = held_by(&pods, &ended);
    assert_eq!((held.pods.len(), held.cpu_milli, held.memory_mib), (2, 2000, 2816));
    assert!(held_by(&pods, &BTreeSet::from(["another".to_owned()])).pods.is_empty());

    let mended = fit(&[word_count()], &of_cluster(&nodes, &system_pods(), std::slice::from_ref(&group), &[], None));
    assert_eq!((mended.outcome, mended.because.as_str()), (Outcome::Fits, "3 pods fit 2 nodes"));

    let mut autoscaler = pod("a", "kube-system", "cluster-autoscaler-0", "ReplicaSet", "0", "0");
    autoscaler["metadata"]["labels"] = json!({"app.kubernetes.io/name": "aws-cluster-autoscaler"});
    let growing = of_cluster(&nodes, &[pods, vec![autoscaler]].concat(), &[group], &[], None);
    let grown = fit(&[word_count()], &growing);
    assert_eq!(grown.outcome, Outcome::Fits);
    assert_eq!(grown.because, "3 pods fit 2 nodes and 2 nodes of node group `ng-1`, which may grow to 4");
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

fn asks(role: Role, count: u32, cpu_milli: u64, memory_mib: u64) -> PodDemand {
    PodDemand::new(role, count, cpu_milli, memory_mib)
}

fn job(pods: Vec<PodDemand>) -> Demand {
    Demand { pods, ..Demand::default() }
}

fn of_nodes(nodes: Vec<Node>) -> Supply {
    Supply { nodes, ..Supply::default() }
}

#[test]
fn what_binds_is_named() {
    let taint = |mut node: Node| {
        node.taints = vec![Taint { key: "spark".into(), value: "yes".into(), effect: "NoSchedule".into() }];
        node
    };
    let cordoned = |mut node: Node| {
        node.schedulable = false;
        node
    };
    let selecting = |mut pod: PodDemand| {
        pod.node_selector.insert("disk".into(), "nvme".into());
        pod
    };
    let full = |mut node: Node| {
        node.pods_free = 0;
        node.taken_by = vec![Taken { name: "other".into(), ..Taken::default() }];
        node
    };
    let busy = |mut node: Node, cpu_milli: u64, memory_mib: u64| {
        node.cpu_free_milli -= cpu_milli;
        node.memory_free_mib -= memory_mib;
        node.taken_by = vec![Taken { name: "other".into(), cpu_milli, memory_mib, ..Taken::default() }];
        node
    };
    let driver = || asks(Role::Driver, 1, 1000, 1000);
    let table = [
        (vec![], driver(), Binding::NoReadyNode, "driver needs 1000m cpu and 1000 MiB; there is no node"),
        (
            vec![cordoned(node("a", 9000, 9000, 9))],
            driver(),
            Binding::NoReadyNode,
            "driver needs 1000m cpu and 1000 MiB; none of 1 node is ready and not cordoned",
        ),
        (
            vec![taint(node("a", 9000, 9000, 9)), cordoned(node("b", 9000, 9000, 9))],
            driver(),
            Binding::Taint,
            "driver needs 1000m cpu and 1000 MiB; none of 1 ready node is without a taint that it does not tolerate, \
             such as `spark=yes:NoSchedule`",
        ),
        (
            vec![node("a", 9000, 9000, 9)],
            selecting(driver()),
            Binding::Selector,
            "driver needs 1000m cpu and 1000 MiB; none of 1 ready node has the label `disk=nvme`",
        ),
        (
            vec![node("a", 999, 9000, 9), node("b", 10, 9000, 9)],
            driver(),
            Binding::Size,
            "driver needs 1000m cpu and 1000 MiB; the best of 2 nodes, `a`, has 999m and 9000 MiB when empty",
        ),
        (
            vec![node("a", 9000, 999, 9), node("b", 9000, 999, 9)],
            driver(),
            Binding::Size,
            "driver needs 1000m cpu and 1000 MiB; the best of 2 nodes, `a`, has 9000m and 999 MiB when empty",
        ),
        (
            vec![full(node("a", 9000, 9000, 2))],
            driver(),
            Binding::Pods,
            "driver needs 1000m cpu and 1000 MiB; the only node for it, `a`, takes no more than 2 pods",
        ),
        (
            vec![busy(node("a", 9000, 9000, 9), 8500, 0)],
            driver(),
            Binding::Cpu,
            "driver needs 1000m cpu and 1000 MiB; the only node for it, `a`, has 500m and 9000 MiB left after `other`",
        ),
        (
            vec![busy(node("a", 9000, 9000, 9), 0, 8500)],
            driver(),
            Binding::Memory,
            "driver needs 1000m cpu and 1000 MiB; the only node for it, `a`, has 9000m and 500 MiB left after `other`",
        ),
        (
            vec![node("a", 2500, 9000, 9), node("b", 1500, 9000, 9)],
            asks(Role::Executor, 4, 1000, 1000),
            Binding::Cpu,
            "1 of 4 executors finds no node: it needs 1000m cpu and 1000 MiB; \
             the best of 2 nodes, `a`, has 500m and 7000 MiB left",
        ),
    ];
    for (nodes, pod, binding, because) in table {
        let fit = fit(&[job(vec![pod])], &of_nodes(nodes));
        assert_eq!((fit.outcome, fit.because.as_str()), (Outcome::Short, because));
        assert_eq!(fit.short.unwrap().binding, binding, "{because}");
    }
}

#[test]
fn tolerations_follow_kubernetes() {
    let taint = |effect: &str| Taint { key: "k".into(), value: "v".into(), effect: effect.into() };
    let toleration = |key: &str, operator: &str, value: &str, effect: &str| {
        let (key, operator, value, effect) = (key.into(), operator.into(), value.into(), effect.into());
        Toleration { key, operator, value, effect }
    };
    let table = [
        (vec![], "NoSchedule", Outcome::Short),
        (vec![], "NoExecute", Outcome::Short),
        (vec![], "PreferNoSchedule", Outcome::Fits),
        (vec![toleration("k", "Equal", "v", "NoSchedule")], "NoSchedule", Outcome::Fits),
        (vec![toleration("k", "", "v", "")], "NoSchedule", Outcome::Fits),
        (vec![toleration("k", "Equal", "w", "")], "NoSchedule", Outcome::Short),
        (vec![toleration("k", "Exists", "", "")], "NoExecute", Outcome::Fits),
        (vec![toleration("k", "Exists", "", "NoSchedule")], "NoExecute", Outcome::Short),
        (vec![toleration("", "Exists", "", "")], "NoExecute", Outcome::Fits),
        (vec![toleration("", "Equal", "v", "")], "NoExecute", Outcome::Short),
        (vec![toleration("k", "Sometimes", "v", "")], "NoSchedule", Outcome::Short),
    ];
    for (tolerations, effect, outcome) in table {
        let mut place = node("a", 9000, 9000, 9);
        place.taints = vec![taint(effect)];
        let mut pod = asks(Role::Driver, 1, 1, 1);
        pod.tolerations = tolerations;
        let fit = fit(&[job(vec![pod.clone()])], &of_nodes(vec![place]));
        assert_eq!(fit.outcome, outcome, "{effect} {pod:?}");
    }
}

#[test]
fn an_unknown_never_fits_but_a_shortage_that_holds_anyway_is_told() {
    let mut template = asks(Role::Driver, 1, 1000, 1000);
    template.template = Some("s3://bucket/driver.yaml".into());
    let mut tainted = node("a", 2000, 2000, 9);
    tainted.taints = vec![Taint { key: "k".into(), value: String::new(), effect: "NoSchedule".into() }];
    let told = |pod: &PodDemand, node: &Node| fit(&[job(vec![pod.clone()])], &of_nodes(vec![node.clone()]));
    let fit_of_template = told(&template, &tainted);
    assert_eq!(
        (fit_of_template.outcome, fit_of_template.because.as_str()),
        (Outcome::Unknown, "the pod template `s3://bucket/driver.yaml` was not given")
    );
    template.cpu_milli = 3000;
    assert_eq!(told(&template, &tainted).outcome, Outcome::Short);

    let unknown = vec!["`spark.driver.memory` is not known".to_owned()];
    let open = Demand { pods: vec![asks(Role::Driver, 1, 1000, 0)], unknown, ..Demand::default() };
    let nodes = of_nodes(vec![node("a", 2000, 2000, 9)]);
    assert_eq!(fit(std::slice::from_ref(&open), &nodes).outcome, Outcome::Unknown);
    assert_eq!(fit(&[open], &of_nodes(vec![node("a", 20, 2000, 9)])).outcome, Outcome::Short);

    let mut unlisted = of_nodes(vec![]);
    unlisted.unknown.push("the nodes were not listed".into());
    let fit = fit(&[job(vec![asks(Role::Driver, 1, 1, 1)])], &unlisted);
    assert_eq!((fit.outcome, fit.because.as_str()), (Outcome::Unknown, "the nodes were not listed"));
}

#[test]
fn packing_is_told_from_luck() {
    // The small executor may take the driver's only node.
    let pods = |first, then| job(vec![asks(Role::Driver, 1, first, 1), asks(Role::Executor, 1, then, 1)]);
    let nodes = || of_nodes(vec![node("a", 3000, 9, 9), node("b", 1000, 9, 9)]);
    assert_eq!(fit(&[pods(1000, 3000)], &nodes()).outcome, Outcome::FitsIfPackedWell);
    assert_eq!(fit(&[pods(3000, 1000)], &nodes()).outcome, Outcome::Fits, "the driver comes first");
    // Ten executors on twelve slots, of which submitter and driver cost one each.
    let pods = vec![
        asks(Role::Submitter, 1, 100, 200),
        asks(Role::Driver, 1, 1000, 1408),
        asks(Role::Executor, 10, 1000, 1408),
    ];
    let nodes = (0..4).map(|at| node(&at.to_string(), 3000, 9000, 20)).collect();
    assert_eq!(fit(&[job(pods)], &of_nodes(nodes)).outcome, Outcome::Fits);
}

#[test]
fn the_exact_search_finds_what_first_fit_misses_and_proves_what_sums_do_not() {
    // 6+4, 5+5, and no other way: first-fit by size finds it only by luck, so several such sets are tried.
    let sets: [(&[u64], &[u64], Outcome); 3] = [
        (&[7, 6, 5, 4, 4, 4], &[15, 15], Outcome::FitsIfPackedWell),
        (&[6, 6, 6, 6], &[11, 11, 11], Outcome::Short),
        (&[9, 8, 7, 6, 5, 5], &[20, 20], Outcome::FitsIfPackedWell),
    ];
    for (pods, nodes, outcome) in sets {
        let pods = pods.iter().map(|cpu| asks(Role::Executor, 1, *cpu, 0)).collect();
        let nodes = nodes.iter().enumerate().map(|(at, cpu)| node(&at.to_string(), *cpu, 0, 9)).collect();
        assert_eq!(fit(&[job(pods)], &of_nodes(nodes)).outcome, outcome);
    }
}

#[test]
fn absurd_numbers_end() {
    let pods = vec![
        asks(Role::Driver, u32::MAX, u64::MAX, u64::MAX),
        asks(Role::Executor, u32::MAX, 0, 0),
        asks(Role::Executor, u32::MAX, 1, u64::MAX),
    ];
    let nodes = || vec![node("a", u64::MAX, u64::MAX, u64::MAX), node("b", u64::MAX, 0, u64::MAX)];
    let twice = [job(pods.clone()), job(pods)];
    assert_eq!(fit(&twice, &of_nodes(nodes())).outcome, Outcome::Short);
    let many = fit(&[job(vec![asks(Role::Executor, u32::MAX, 1, 1)])], &of_nodes(vec![node("a", 3, 3, 2)]));
    assert_eq!((many.outcome, many.nodes_needed), (Outcome::Short, Some(2_147_483_647)));
    assert_eq!(fit(&[], &Supply::default()).outcome, Outcome::Fits);
}

/// Few nodes and pods, small numbers, so that every kind of conflict is common.
fn instances() -> impl Strategy<Value = (Vec<Demand>, Vec<Node>)> {
    let node = (0_u64..9, 0_u64..9, 0_u64..4, any::<bool>(), any::<bool>(), prop::bool::weighted(0.9)).prop_map(
        |(cpu, memory, pods, tainted, labelled, schedulable)| {
            let mut node = node("", cpu, memory, pods);
            if tainted {
                node.taints.push(Taint { key: "k".into(), value: String::new(), effect: "NoSchedule".into() });
            }
            if labelled {
                node.labels.insert("l".into(), "1".into());
            }
            node.schedulable = schedulable;
            node
        },
    );
    let nodes = prop::collection::vec(node, 0..5).prop_map(|mut nodes| {
        for (at, node) in nodes.iter_mut().enumerate() {
            node.name = format!("n{at}");
        }
        nodes
    });
    let pod = |role: Role, most: u32| {
        (0..=most, 0_u64..6, 0_u64..6, any::<bool>(), prop::bool::weighted(0.3)).prop_map(
            move |(count, cpu, memory, tolerates, selects)| {
                let mut pod = asks(role, count, cpu, memory);
                if tolerates {
                    pod.tolerations.push(Toleration { operator: "Exists".into(), ..Toleration::default() });
                }
                if selects {
                    pod.node_selector.insert("l".into(), "1".into());
                }
                pod
            },
        )
    };
    let job = (pod(Role::Submitter, 1), pod(Role::Driver, 1), pod(Role::Executor, 2))
        .prop_map(|(submitter, driver, executors)| job(vec![submitter, driver, executors]));
    let jobs = prop::collection::vec(job, 1..3).prop_filter("at most six pods", |jobs| {
        jobs.iter().flat_map(|job| &job.pods).map(|pod| pod.count).sum::<u32>() <= 6
    });
    (jobs, nodes)
}

/// The pods one by one, with their job.
fn one_by_one(demand: &[Demand]) -> Vec<(usize, PodDemand)> {
    let pods = demand.iter().enumerate().flat_map(|(job, it)| it.pods.iter().map(move |pod| (job, pod)));
    pods.flat_map(|(job, pod)| (0..pod.count).map(move |_| (job, pod.clone()))).collect()
}

/// Every node of `nodes` that takes the pod, with the pod on it.
fn placements(pod: &PodDemand, nodes: &[Node]) -> Vec<Vec<Node>> {
    (0..nodes.len())
        .filter_map(|at| {
            let node = &nodes[at];
            let labelled = pod.node_selector.iter().all(|(key, value)| node.labels.get(key) == Some(value));
            let room =
                node.pods_free > 0 && node.cpu_free_milli >= pod.cpu_milli && node.memory_free_mib >= pod.memory_mib;
            if !node.schedulable || !labelled || !room || (!node.taints.is_empty() && pod.tolerations.is_empty()) {
                return None;
            }
            let mut nodes = nodes.to_vec();
            nodes[at].cpu_free_milli -= pod.cpu_milli;
            nodes[at].memory_free_mib -= pod.memory_mib;
            nodes[at].pods_free -= 1;
            Some(nodes)
        })
        .collect()
}

fn can_fit(pods: &[(usize, PodDemand)], nodes: &[Node]) -> bool {
    let Some(((_, pod), rest)) = pods.split_first() else { return true };
    placements(pod, nodes).iter().any(|nodes| can_fit(rest, nodes))
}

/// Whether every order that jobs allow, with every choice of nodes, places every pod.
fn always_fits(pods: &[(usize, PodDemand)], nodes: &[Node]) -> bool {
    (0..pods.len()).all(|at| {
        let (job, pod) = &pods[at];
        if pods.iter().any(|(other_job, other)| other_job == job && other.role < pod.role) {
            return true;
        }
        let mut rest = pods.to_vec();
        rest.remove(at);
        let placements = placements(pod, nodes);
        !placements.is_empty() && placements.iter().all(|nodes| always_fits(&rest, nodes))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, ..ProptestConfig::default() })]

    #[test]
    fn never_wrong_against_trying_everything((demand, nodes) in instances()) {
        let pods = one_by_one(&demand);
        let outcome = fit(&demand, &of_nodes(nodes.clone())).outcome;
        let possible = can_fit(&pods, &nodes);
        prop_assert_eq!(possible, outcome != Outcome::Short);
        prop_assert_ne!(outcome, Outcome::Unknown);
        // The other way round it may be too careful: it lets pods stay out that would have come first.
        if outcome == Outcome::Fits {
            prop_assert!(always_fits(&pods, &nodes));
        }
    }

    #[test]
    fn sums_that_exceed_are_a_proof((demand, nodes) in instances()) {
        let nodes_given: Vec<&Node> = nodes.iter().collect();
        if Case::of(&demand, &nodes_given, true, &|_, _| true).exceeds() {
            prop_assert!(!can_fit(&one_by_one(&demand), &nodes));
        }
    }

    #[test]
    fn one_more_node_or_a_smaller_request_does_not_make_it_short(
        (demand, nodes) in instances(),
        (cpu, memory, pods) in (0_u64..9, 0_u64..9, 0_u64..4),
        smaller in any::<prop::sample::Index>(),
    ) {
        let before = fit(&demand, &of_nodes(nodes.clone())).outcome;
        let more = [nodes.clone(), vec![node("more", cpu, memory, pods)]].concat();
        let mut less = demand.clone();
        let of = smaller.index(less[0].pods.len());
        let pod = &mut less[0].pods[of];
        (pod.cpu_milli, pod.memory_mib, pod.count) = (pod.cpu_milli / 2, pod.memory_mib.saturating_sub(1), pod.count / 2);
        for after in [fit(&demand, &of_nodes(more)), fit(&less, &of_nodes(nodes))] {
            prop_assert!(before == Outcome::Short || after.outcome != Outcome::Short);
        }
    }

    #[test]
    fn the_nodes_that_are_needed_are_enough((demand, nodes) in instances()) {
        let before = fit(&demand, &of_nodes(nodes.clone()));
        if let Some(needed) = before.nodes_needed {
            prop_assert_eq!(before.outcome, Outcome::Short);
            let pods = one_by_one(&demand);
            let enough = nodes.iter().any(|like| {
                let new = (0..needed).map(|_| like.clone());
                can_fit(&pods, &nodes.iter().cloned().chain(new).collect::<Vec<_>>())
            });
            prop_assert!(enough, "{needed}");
        }
    }
}

#[test]
fn less_memory_is_a_remedy_that_is_proved() {
    use crate::capacity::remedy::{Change, remedies};
    let parameters = "--conf spark.executor.memory=8g --conf spark.driver.memory=1g --conf spark.executor.instances=1";
    let request = serde_json::json!({"releaseLabel": "emr-7.12.0-latest", "jobDriver": {"sparkSubmitJobDriver": {"entryPoint": "s3://b/x.jar", "sparkSubmitParameters": parameters}}});
    let demand = [of_emr_on_eks(&request, Some("3.5.6"))];
    let node = Node {
        name: "n".into(),
        cpu_milli: 8000,
        memory_mib: 10_000,
        pods: 20,
        cpu_free_milli: 8000,
        memory_free_mib: 10_000,
        pods_free: 20,
        schedulable: true,
        ..Node::default()
    };
    let supply = Supply { nodes: vec![node], ..Supply::default() };
    assert_eq!(fit(&demand, &supply).outcome, Outcome::Short);
    let found = remedies(&demand, &supply, &crate::capacity::Held::default(), None);
    let heap =
        found.iter().find_map(|it| if let Change::MemoryPerExecutor(heap) = it.change { Some(heap) } else { None });
    let heap = heap.unwrap();
    let with = |heap: u64| {
        let request =
            request.to_string().replace("spark.executor.memory=8g", &format!("spark.executor.memory={heap}m"));
        fit(&[of_emr_on_eks(&serde_json::from_str(&request).unwrap(), Some("3.5.6"))], &supply).outcome
    };
    assert!(with(heap).fits() && !with(heap + 512).fits(), "{heap}");
}
