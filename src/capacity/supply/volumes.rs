//! Volumes: where those are that claims name, and how many more a node takes.
//!
//! An EBS volume is in one zone, and its pods with it. How many a node attaches is told by the CSI driver; where that
//! was not exported, it is not weighed.

use super::super::affinity::NodeTerms;
use super::{Counting, at, names};
use rustc_hash::FxHashMap;
use serde_json::Value;
use std::collections::BTreeMap;

/// The driver of EBS volumes.
const DRIVER: &str = "ebs.csi.aws.com";

/// What nodes must be for each claim, by namespace and name.
pub(super) fn claims(claims: &[Value], volumes: &[Value]) -> BTreeMap<(String, String), Option<NodeTerms>> {
    let mut bound = FxHashMap::default();
    for volume in volumes {
        if let Some(name) = at(volume, &["metadata", "name"]).and_then(Value::as_str) {
            bound.insert(name, at(volume, &["spec", "nodeAffinity", "required", "nodeSelectorTerms"]));
        }
    }
    let mut found = BTreeMap::new();
    for claim in claims {
        match at(claim, &["spec", "volumeName"]).and_then(Value::as_str).filter(|name| !name.is_empty()) {
            // What is not bound yet goes where its first pod goes.
            None => drop(found.insert(names(claim), None)),
            Some(volume) => match bound.get(volume) {
                Some(None) => drop(found.insert(names(claim), None)),
                Some(Some(terms)) => {
                    if let Some(terms) = NodeTerms::read(terms) {
                        found.insert(names(claim), Some(terms));
                    }
                }
                None => {}
            },
        }
    }
    found
}

/// How many volumes a pod holds.
pub(super) fn mounted(spec: &Value) -> u64 {
    let volumes = spec.get("volumes").and_then(Value::as_array).into_iter().flatten();
    let attached = |volume: &&Value| {
        ["persistentVolumeClaim", "ephemeral"].iter().any(|kind| volume.get(*kind).is_some_and(|it| !it.is_null()))
    };
    volumes.filter(attached).count() as u64
}

/// Sets how many volumes each node takes in all, as its CSI driver says.
pub(super) fn attachable(csi_nodes: &[Value], index: &FxHashMap<String, usize>, room: &mut [Counting]) {
    for node in csi_nodes {
        let name = at(node, &["metadata", "name"]).and_then(Value::as_str).unwrap_or_default();
        let drivers = at(node, &["spec", "drivers"]).and_then(Value::as_array).into_iter().flatten();
        let most = drivers
            .filter(|driver| driver.get("name").and_then(Value::as_str) == Some(DRIVER))
            .find_map(|driver| at(driver, &["allocatable", "count"]).and_then(Value::as_u64));
        if let (Some(most), Some(room)) = (most, index.get(name).and_then(|at| room.get_mut(*at))) {
            room.node.volumes_free = Some(most);
        }
    }
}
