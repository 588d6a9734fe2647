//! EKS Auto Mode: its own NodePools, its labels, and the instances that it creates.

use super::{executors, node, pool, running};
use serde_json::{Value, json};
use sparkcheck::capacity::demand::{Demand, Toleration};
use sparkcheck::capacity::supply::{Listing, of_listing};
use sparkcheck::capacity::{Outcome, Supply, fit};

fn auto(requirements: Value) -> Value {
    let mut made = pool(requirements, json!({}));
    made["spec"]["template"]["spec"]["nodeClassRef"] =
        json!({"group": "eks.amazonaws.com", "kind": "NodeClass", "name": "default"});
    made
}

fn selecting(key: &str, value: &str) -> Demand {
    let mut demand = executors(2, 3000, 9000);
    demand.pods[0].node_selector.insert(key.into(), value.into());
    demand
}

fn supply(pools: &[Value], cluster: Option<&Value>, listed: bool) -> Supply {
    let (nodes, pods) = ([node("1930m", "7Gi")], [running("x", "ReplicaSet", "100m")]);
    let listing = Listing {
        nodes: &nodes,
        pods: &pods,
        node_pools: pools,
        node_pools_listed: listed,
        cluster,
        ..Listing::default()
    };
    of_listing(&listing, |_| true)
}

/// Only `aws eks describe-cluster` is there: the built-in NodePools are known by their names.
#[test]
fn built_in_node_pools_are_known_by_name() {
    let of = |names: Value| json!({"computeConfig": {"enabled": true, "nodePools": names}});
    let both = of(json!(["general-purpose", "system"]));
    let (system, none) = (of(json!(["system"])), of(json!([])));
    let off = json!({"computeConfig": {"enabled": false, "nodePools": ["general-purpose"]}});
    let mut tolerant = executors(3, 15_000, 50_000);
    tolerant.pods[0].tolerations.push(Toleration {
        key: "CriticalAddonsOnly".into(),
        operator: "Exists".into(),
        ..Toleration::default()
    });
    let large = || executors(3, 15_000, 50_000);
    for (case, cluster, demand, expected) in [
        ("both", &both, large(), Outcome::Fits),
        ("larger than any instance", &both, executors(1, 900_000, 1), Outcome::Unknown),
        ("amd64", &both, selecting("kubernetes.io/arch", "amd64"), Outcome::Fits),
        // The system pool has arm64 behind its taint; others may have it too.
        ("arm64", &both, selecting("kubernetes.io/arch", "arm64"), Outcome::Unknown),
        ("on-demand", &both, selecting("karpenter.sh/capacity-type", "on-demand"), Outcome::Fits),
        ("spot", &both, selecting("karpenter.sh/capacity-type", "spot"), Outcome::Unknown),
        ("for the system only", &system, large(), Outcome::Unknown),
        ("for the system, tolerated", &system, tolerant, Outcome::Fits),
        ("none", &none, large(), Outcome::Unknown),
        ("off", &off, large(), Outcome::Short),
    ] {
        let answer = fit(&[demand], &supply(&[], Some(cluster), false));
        assert_eq!(answer.outcome, expected, "{case}: {}", answer.because);
    }
    let answer = fit(&[large()], &supply(&[], Some(&both), false));
    assert!(answer.because.contains("EKS Auto Mode NodePool `general-purpose`"), "{}", answer.because);
    // Where it is known that there are none, none come.
    assert_eq!(fit(&[large()], &supply(&[], Some(&both), true)).outcome, Outcome::Short);
}

/// The NodePools were exported: their requirements stand under the names of Auto Mode.
#[test]
fn exported_node_pools_are_read_by_their_own_labels() {
    let is = |key: &str, operator: &str, values: &[&str]| json!({"key": key, "operator": operator, "values": values});
    let general = || {
        auto(json!([
            is("karpenter.sh/capacity-type", "In", &["on-demand"]),
            is("eks.amazonaws.com/instance-category", "In", &["c", "m", "r"]),
            is("eks.amazonaws.com/instance-generation", "Gt", &["4"]),
            is("kubernetes.io/arch", "In", &["amd64"]),
        ]))
    };
    let types = |values: &[&str]| auto(json!([is("node.kubernetes.io/instance-type", "In", values)]));
    let karpenter = || {
        let mut made = general();
        made["spec"]["template"]["spec"]["nodeClassRef"]["group"] = json!("karpenter.k8s.aws");
        made["spec"]["template"]["spec"]["requirements"] =
            json!([is("karpenter.k8s.aws/instance-category", "In", &["m"])]);
        made
    };
    let small = || executors(1, 500, 200);
    for (case, pool, demand, expected) in [
        ("the built-in one", general(), executors(3, 15_000, 50_000), Outcome::Fits),
        ("arm64 is not had", general(), selecting("kubernetes.io/arch", "arm64"), Outcome::Short),
        ("spot is not had", general(), selecting("karpenter.sh/capacity-type", "spot"), Outcome::Short),
        ("its label", general(), selecting("eks.amazonaws.com/instance-category", "m"), Outcome::Fits),
        ("a category it has not", general(), selecting("eks.amazonaws.com/instance-category", "g"), Outcome::Short),
        (
            "a type of its category",
            general(),
            selecting("node.kubernetes.io/instance-type", "m6i.xlarge"),
            Outcome::Fits,
        ),
        (
            "of an older generation",
            general(),
            selecting("node.kubernetes.io/instance-type", "m4.xlarge"),
            Outcome::Short,
        ),
        ("a node that it made", general(), selecting("eks.amazonaws.com/compute-type", "auto"), Outcome::Fits),
        ("the pool by name", general(), selecting("karpenter.sh/nodepool", "p"), Outcome::Fits),
        // Auto Mode sets no label of an installed Karpenter, and the other way round.
        ("a label of Karpenter", general(), selecting("karpenter.k8s.aws/instance-category", "m"), Outcome::Short),
        ("its label elsewhere", karpenter(), selecting("eks.amazonaws.com/instance-category", "m"), Outcome::Short),
        (
            "a label of Karpenter there",
            karpenter(),
            selecting("karpenter.k8s.aws/instance-category", "m"),
            Outcome::Fits,
        ),
        // Set by either, with a value that the table of types does not know.
        ("the hypervisor", general(), selecting("eks.amazonaws.com/instance-hypervisor", "nitro"), Outcome::Unknown),
        (
            "the hypervisor there",
            karpenter(),
            selecting("karpenter.k8s.aws/instance-hypervisor", "nitro"),
            Outcome::Unknown,
        ),
        ("a medium instance", types(&["t3.medium"]), executors(5, 1500, 200), Outcome::Fits),
        ("a small one is not created", types(&["t3.small"]), executors(5, 1500, 200), Outcome::Short),
        ("one of a single vCPU is not created", types(&["m6g.medium"]), executors(5, 900, 200), Outcome::Short),
        ("a family that the guide does not name", types(&["h1.8xlarge"]), executors(1, 20_000, 200), Outcome::Unknown),
        // 110 pods are reckoned with: of 4 GiB a little more than 2 are sure.
        ("what is sure of its memory", types(&["t3.medium"]), executors(1, 1900, 2200), Outcome::Fits),
        ("what is not", types(&["t3.medium"]), executors(1, 1900, 2400), Outcome::Unknown),
        ("something small", general(), small(), Outcome::Fits),
    ] {
        let answer = fit(&[demand], &supply(&[pool], None, true));
        assert_eq!(answer.outcome, expected, "{case}: {}", answer.because);
    }
}
