//! What may add nodes to a cluster: as pools where it is known what they would be, else as reasons.

use super::super::pool::{self, Daemons};
use super::{Listing, Node, Supply, at};
use aho_corasick::AhoCorasick;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// Tells what may add nodes: as pools where it is known what they would be, else as reasons.
pub(super) fn grow(supply: &mut Supply, listing: &Listing<'_>) {
    let Listing { pods, nodegroups, node_pools, .. } = listing;
    let adders = Adders::of(pods);
    let mut reasons = BTreeSet::new();
    let cluster = listing.cluster.map(|cluster| cluster.get("cluster").unwrap_or(cluster));
    let auto_mode = cluster.and_then(|cluster| at(cluster, &["computeConfig", "enabled"])).and_then(Value::as_bool);
    let computes = |how: &str| {
        let of = |node: &Node| node.labels.get("eks.amazonaws.com/compute-type").is_some_and(|it| it == how);
        supply.nodes.iter().any(of)
    };
    let mut kept_by_eks = Vec::new();
    if node_pools.is_empty() && !listing.node_pools_listed && (auto_mode == Some(true) || computes("auto")) {
        let names = cluster.and_then(|cluster| at(cluster, &["computeConfig", "nodePools"])).and_then(Value::as_array);
        let names = names.into_iter().flatten().filter_map(Value::as_str).collect::<BTreeSet<_>>();
        kept_by_eks.extend(names.into_iter().filter_map(pool::built_in));
        let others = if kept_by_eks.is_empty() { "" } else { "further " };
        reasons.insert(format!("{others}NodePools of EKS Auto Mode, which were not listed"));
    }
    if computes("fargate") && supply.fargate.is_empty() {
        reasons.insert("Fargate, for the pods that a profile selects".to_owned());
    }
    if node_pools.is_empty() && !listing.node_pools_listed && adders.karpenter {
        reasons.insert("Karpenter runs, and its NodePools are not known".to_owned());
    }
    let groups = || nodegroups.iter().copied().map(|group| group.get("nodegroup").unwrap_or(group));
    let size = |group: &Value, name: &str| at(group, &["scalingConfig", name]).and_then(Value::as_u64);
    let desired = groups().filter_map(|group| size(group, "desiredSize")).fold(0, u64::saturating_add);
    if desired > supply.nodes.len() as u64 {
        reasons.insert(format!("the node groups should have {desired} nodes and have {}", supply.nodes.len()));
    }
    let daemons = Daemons::of(&supply.nodes);
    let mut pools = Vec::new();
    if adders.cluster_autoscaler {
        for group in groups() {
            match pool::of_node_group(group, &supply.nodes, daemons, &supply.instance_types) {
                Ok(pool) => pools.extend(pool),
                Err(why) => {
                    reasons.insert(why);
                }
            }
        }
        let managed = |node: &Node| node.labels.contains_key("eks.amazonaws.com/nodegroup");
        if nodegroups.is_empty() || !supply.nodes.iter().all(managed) {
            reasons.insert("a Cluster Autoscaler runs, and not all of its node groups are known".to_owned());
        }
    }
    let all = node_pools.iter().chain(&kept_by_eks);
    pools.extend(all.filter_map(|pool| pool::of_node_pool(pool, daemons, &supply.instance_types)));
    pools.sort_by(|left, right| left.name.cmp(&right.name));
    supply.pools = pools;
    supply.may_grow = (!reasons.is_empty()).then(|| reasons.into_iter().collect::<Vec<_>>().join(", "));
}

/// Which programs that add nodes run in the cluster.
#[derive(Clone, Copy, Debug, Default)]
struct Adders {
    karpenter: bool,
    cluster_autoscaler: bool,
}

impl Adders {
    /// By the names, labels or images of pods that run.
    fn of(pods: &[Value]) -> Self {
        let mut found = Self::default();
        let Ok(programs) = AhoCorasick::new(["karpenter", "cluster-autoscaler"]) else { return found };
        for pod in pods {
            if found.karpenter && found.cluster_autoscaler {
                break;
            }
            let metadata = pod.get("metadata");
            let name = metadata.and_then(|metadata| metadata.get("name"));
            let labels = metadata.and_then(|metadata| metadata.get("labels")).and_then(Value::as_object);
            let containers = at(pod, &["spec", "containers"]).and_then(Value::as_array).into_iter().flatten();
            let images = containers.filter_map(|container| container.get("image"));
            let mut texts = name.into_iter().chain(labels.into_iter().flat_map(Map::values)).chain(images);
            let said = texts.find_map(|text| programs.find(text.as_str()?));
            let Some(program) = said.filter(|_| at(pod, &["status", "phase"]).is_some_and(|phase| phase == "Running"))
            else {
                continue;
            };
            match program.pattern().as_usize() {
                0 => found.karpenter = true,
                _ => found.cluster_autoscaler = true,
            }
        }
        found
    }
}
