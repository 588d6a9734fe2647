use super::requests::Requests;
use super::*;
use serde_json::json;

fn node(name: &str, cpu: &str, memory: &str, pods: &str) -> Value {
    json!({
        "metadata": {"name": name, "labels": {"eks.amazonaws.com/nodegroup": "ng"}},
        "status": {
            "allocatable": {"cpu": cpu, "memory": memory, "pods": pods},
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    })
}

fn pod(node: &str, name: &str, phase: &str, cpu: &str, memory: &str) -> Value {
    json!({
        "metadata": {"namespace": "ns", "name": name},
        "spec": {"nodeName": node, "containers": [{"resources": {"requests": {"cpu": cpu, "memory": memory}}}]},
        "status": {"phase": phase},
    })
}

#[test]
fn a_pod_asks_for_what_the_scheduler_counts() {
    let container = |cpu: &str, memory: &str| json!({"resources": {"requests": {"cpu": cpu, "memory": memory}}});
    let sidecar = |cpu: &str, memory: &str| {
        let mut sidecar = container(cpu, memory);
        sidecar["restartPolicy"] = json!("Always");
        sidecar
    };
    let mib = 1 << 20;
    let table = [
        (json!({}), (0, 0)),
        (json!({"containers": [container("100m", "1Mi"), container("0.2", "2Mi")]}), (300, 3 * mib)),
        // The larger of running and starting, each resource by itself.
        (json!({"containers": [container("1", "1Mi")], "initContainers": [container("500m", "9Mi")]}), (1000, 9 * mib)),
        // A sidecar stays beside the containers and beside what starts after it, not before.
        (
            json!({
                "containers": [container("1", "1Mi")],
                "initContainers": [container("1200m", "1Mi"), sidecar("300m", "1Mi"), container("900m", "4Mi")],
            }),
            (1300, 5 * mib),
        ),
        (json!({"containers": [container("1", "1Mi")], "overhead": {"cpu": "250m", "memory": "1Mi"}}), (1250, 2 * mib)),
        (json!({"containers": [{"resources": {"limits": {"cpu": "2", "memory": "3Mi"}}}]}), (2000, 3 * mib)),
        (
            json!({"containers": [{"resources": {"requests": {"cpu": "1"}, "limits": {"cpu": "2", "memory": "3Mi"}}}]}),
            (1000, 3 * mib),
        ),
        (
            json!({"containers": [container("1", "1Mi")], "resources": {"requests": {"cpu": "3"}}, "overhead": {"cpu": "1m"}}),
            (3001, mib),
        ),
        (json!({"containers": [container("1m", "1"), container("0.0001", "100m")]}), (2, 2)),
    ];
    for (spec, (cpu_milli, memory_bytes)) in table {
        assert_eq!(requests(&spec, None), Requests { cpu_milli, memory_bytes, unreadable: false }, "{spec}");
    }
    for hostile in ["-1", "NaN", "lots", "9e99"] {
        assert!(requests(&json!({"containers": [container(hostile, "1Mi")]}), None).unreadable, "{hostile}");
    }
}

#[test]
fn free_is_allocatable_less_what_is_bound_and_has_not_ended() {
    let nodes = [node("b", "2", "4Gi", "10"), node("a", "1930m", "7001088Ki", "35")];
    let pods = [
        pod("a", "runs", "Running", "500m", "1Gi"),
        pod("a", "starts", "Pending", "100m", "100M"),
        pod("a", "done", "Succeeded", "1", "1Gi"),
        pod("a", "failed", "Failed", "1", "1Gi"),
        pod("", "waits", "Pending", "1", "1Gi"),
        pod("gone", "elsewhere", "Running", "1", "1Gi"),
        pod("b", "too-much", "Running", "3", "9Gi"),
    ];
    let supply = of_cluster(&nodes, &pods, &[], &[], None);
    assert_eq!((supply.waiting, &supply.unknown, &supply.may_grow), (1, &vec![], &None));
    let [a, b] = supply.nodes.as_slice() else { panic!("two nodes") };
    assert_eq!((a.name.as_str(), a.cpu_milli, a.memory_mib, a.pods), ("a", 1930, 6837, 35));
    // 6837 MiB less 1 GiB less 100 MB, which are 95.4 MiB.
    assert_eq!((a.cpu_free_milli, a.memory_free_mib, a.pods_free), (1330, 5717, 33));
    assert_eq!(a.taken_by.iter().map(|it| it.name.as_str()).collect::<Vec<_>>(), ["runs", "starts"]);
    assert_eq!((b.cpu_free_milli, b.memory_free_mib, b.pods_free), (0, 0, 9));
}

#[test]
fn a_node_that_takes_no_pods_is_told_from_one_that_is_not_known() {
    let with = |pointer: &str, key: &str, value: Value| {
        let mut node = node("a", "2", "4Gi", "10");
        match node.pointer_mut(pointer).and_then(Value::as_object_mut) {
            Some(object) => object.insert(key.to_owned(), value),
            None => panic!("no {pointer}"),
        };
        of_cluster(&[node], &[pod("a", "p", "Running", "0", "0")], &[], &[], None)
    };
    let not_ready = |status: &str| with("/status", "conditions", json!([{"type": "Ready", "status": status}]));
    let closed = [not_ready("False"), not_ready("Unknown"), with("", "spec", json!({"unschedulable": true}))];
    assert!(closed.iter().all(|supply| !supply.nodes[0].schedulable && supply.unknown.is_empty()));
    let open = with("", "spec", json!({"unschedulable": false, "taints": [{"key": "k", "effect": "NoSchedule"}]}));
    assert_eq!((open.nodes[0].schedulable, open.nodes[0].taints.len()), (true, 1));
    let unknown = [
        with("/status", "conditions", json!([])),
        with("/status", "allocatable", json!({"cpu": "2", "memory": "4Gi"})),
        with("/status", "allocatable", json!({"cpu": "-2", "memory": "4Gi", "pods": "10"})),
        with("/metadata", "name", json!(null)),
        of_cluster(&[node("a", "2", "4Gi", "10")], &[], &[], &[], None),
        of_cluster(
            &[node("a", "2", "4Gi", "1"), node("a", "2", "4Gi", "1")],
            &[pod("a", "p", "", "0", "0")],
            &[],
            &[],
            None,
        ),
        of_cluster(&[node("a", "2", "4Gi", "10")], &[pod("a", "p", "Running", "many", "0")], &[], &[], None),
    ];
    for supply in unknown {
        assert_eq!(supply.unknown.len(), 1, "{:?}", supply.unknown);
    }
    assert!(of_cluster(&[], &[], &[], &[], None).unknown.is_empty());
}

#[test]
fn growth_is_seen_where_something_can_add_nodes() {
    let autoscaler = |name: &str, labels: Value, image: &str, phase: &str| {
        let mut pod = pod("a", name, phase, "0", "0");
        pod["metadata"]["labels"] = labels;
        pod["spec"]["containers"][0]["image"] = json!(image);
        pod
    };
    let group = |now: u64, max: u64| json!({"nodegroupName": "ng", "scalingConfig": {"minSize": 0, "desiredSize": now, "maxSize": max}});
    let pool = |spec: Value, used: Value| json!({"metadata": {"name": "default"}, "spec": spec, "status": {"resources": used}});
    let plain = pod("a", "coredns", "Running", "0", "0");
    let runs = autoscaler("ca-1", json!({"app": "cluster-autoscaler"}), "", "Running");
    let grow = Some("node group `ng`, which may grow to 4");
    let karpenter = Some("Karpenter NodePool `default`");
    let table = [
        (vec![plain.clone()], vec![group(1, 4)], vec![], json!({}), None),
        (vec![runs.clone()], vec![group(1, 4)], vec![], json!({}), grow),
        (vec![runs.clone()], vec![json!({"nodegroup": group(1, 4)})], vec![], json!({}), grow),
        (vec![runs.clone()], vec![group(1, 1)], vec![], json!({}), None),
        (
            vec![runs.clone()],
            vec![],
            vec![],
            json!({}),
            Some("a Cluster Autoscaler runs, and not all of its node groups are known"),
        ),
        (
            vec![autoscaler("cluster-autoscaler-x", json!({}), "", "Running")],
            vec![group(1, 4)],
            vec![],
            json!({}),
            grow,
        ),
        (
            vec![autoscaler("x", json!({}), "r/cluster-autoscaler:v1", "Running")],
            vec![group(1, 4)],
            vec![],
            json!({}),
            grow,
        ),
        (
            vec![autoscaler("cluster-autoscaler-x", json!({}), "", "Pending")],
            vec![group(1, 4)],
            vec![],
            json!({}),
            None,
        ),
        (vec![plain.clone()], vec![], vec![pool(json!({}), json!({}))], json!({}), karpenter),
        (
            vec![plain.clone()],
            vec![],
            vec![pool(json!({"limits": {"cpu": "100"}}), json!({"cpu": "99500m"}))],
            json!({}),
            karpenter,
        ),
        (
            vec![plain.clone()],
            vec![],
            vec![pool(json!({"limits": {"cpu": 100}}), json!({"cpu": "100"}))],
            json!({}),
            None,
        ),
        (vec![plain.clone()], vec![], vec![pool(json!({"limits": {"cpu": "0"}}), json!({}))], json!({}), None),
        (vec![plain.clone()], vec![], vec![pool(json!({"replicas": 3}), json!({}))], json!({}), None),
        (
            vec![plain.clone()],
            vec![],
            vec![],
            json!({"cluster": {"computeConfig": {"enabled": true}}}),
            Some("NodePools of EKS Auto Mode, which were not listed"),
        ),
        (
            vec![plain.clone()],
            vec![group(3, 4)],
            vec![],
            json!({}),
            Some("the node groups should have 3 nodes and have 1"),
        ),
        (
            vec![autoscaler("karpenter-7d", json!({}), "", "Running")],
            vec![],
            vec![],
            json!({}),
            Some("Karpenter runs, and its NodePools are not known"),
        ),
        (vec![plain], vec![], vec![], json!({"computeConfig": {"enabled": false}}), None),
    ];
    for (pods, groups, pools, cluster, expected) in table {
        let nodes = [node("a", "2", "4Gi", "10")];
        let supply = of_cluster(&nodes, &pods, &groups, &pools, Some(&cluster));
        assert_eq!(supply.growth().as_deref(), expected, "{pods:?} {groups:?} {pools:?} {cluster}");
    }
    for (kind, reason) in [
        ("auto", "NodePools of EKS Auto Mode, which were not listed"),
        ("fargate", "Fargate, for the pods that a profile selects"),
    ] {
        let mut node = node("a", "2", "4Gi", "10");
        node["metadata"]["labels"]["eks.amazonaws.com/compute-type"] = json!(kind);
        let supply = of_cluster(&[node], &[pod("a", "p", "Running", "0", "0")], &[], &[], None);
        assert_eq!(supply.may_grow.as_deref(), Some(reason));
    }
}
