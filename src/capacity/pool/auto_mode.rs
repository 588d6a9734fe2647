//! EKS Auto Mode: the NodePools that EKS keeps of its own, and the instances that it creates.
//!
//! The two built-in NodePools cannot be changed, so that their names alone say what they are: `describe-cluster` prints
//! them where nobody has exported the NodePools. Auto Mode has fewer types than Karpenter. Those that its user guide
//! names are surely had; a type of another family, newer than the guide, may be.
//!
//! Follows <https://docs.aws.amazon.com/eks/latest/userguide/set-builtin-node-pools.html> and
//! <https://docs.aws.amazon.com/eks/latest/userguide/automode-learn-instances.html>, as of September 2026.
//!
//! Deliberately absent: what its system services take of a node, which is not documented. The kubelet's share is
//! reckoned for 110 pods, whatever the type.

use super::super::supply::Room;
use super::{Daemons, Shape, rooms};
use crate::facts::instances::InstanceType;
use serde_json::{Value, json};
use std::sync::Arc;

/// Pods of a node, whatever its type.
const PODS: u64 = 110;

/// Families that the user guide names.
const FAMILIES: &str = "\
    c4 c5 c5a c5ad c5d c5n c6a c6g c6gd c6gn c6i c6id c6in c7a c7g c7gd c7gn c7i c7i-flex c8a c8g c8gb c8gd c8gn c8i \
    c8i-flex c8id c9g m4 m5 m5a m5ad m5d m5dn m5n m5zn m6a m6g m6gd m6i m6id m6idn m6in m7a m7g m7gd m7i m7i-flex m8a \
    m8azn m8g m8gb m8gd m8gn m8i m8i-flex m8id m9gd r4 r5 r5a r5ad r5b r5d r5dn r5n r6a r6g r6gd r6i r6id r6idn r6in \
    r7a r7g r7gd r7i r7iz r8a r8g r8gb r8gd r8gn r8i r8i-flex r8id t2 t3 t3a t4g x2gd x2idn x2iedn x2iezn x8aedz x8g \
    x8i z1d d3 d3en i3 i3en i4g i4i i7i i7ie i8g i8ge im4gn is4gen g4ad g4dn g5 g5g g6 g6e g7e gr6 hpc8a inf1 inf2 p3 \
    p3dn p4d p4de p5 p5e p5en trn1 trn1n trn2";

/// What a node of this type has left, if Auto Mode may create one.
pub(super) fn shape(of: Arc<InstanceType>, daemons: Daemons) -> Option<Shape> {
    if of.vcpu <= 1 || matches!(of.size(), "nano" | "micro" | "small") {
        return None;
    }
    let (mut sure, mut most) = rooms(&of, PODS, daemons);
    most.pods = PODS;
    // The kubelet keeps 255 MiB, 11 MiB for each pod and 100 MiB for eviction, of what the hypervisor leaves.
    let left = (of.memory_mib.saturating_mul(925) / 1000).saturating_sub(255 + 11 * PODS + 100);
    let taken = of.allocatable_memory_mib.saturating_sub(sure.memory);
    sure.memory = sure.memory.min(left.saturating_sub(taken));
    sure.pods = sure.pods.min(of.pods);
    let is_named = FAMILIES.split_ascii_whitespace().any(|family| family == of.family());
    if !is_named || of.size().starts_with("metal") {
        sure = Room::default();
    }
    Some(Shape { of, sure, most })
}

/// A NodePool that EKS keeps, as `kubectl get nodepools` would print it.
pub(in crate::capacity) fn built_in(name: &str) -> Option<Value> {
    let (architectures, taints) = match name {
        "general-purpose" => (json!(["amd64"]), json!([])),
        "system" => (json!(["amd64", "arm64"]), json!([{"key": "CriticalAddonsOnly", "effect": "NoSchedule"}])),
        _ => return None,
    };
    let requirements = json!([
        {"key": "karpenter.sh/capacity-type", "operator": "In", "values": ["on-demand"]},
        {"key": "eks.amazonaws.com/instance-category", "operator": "In", "values": ["c", "m", "r"]},
        {"key": "eks.amazonaws.com/instance-generation", "operator": "Gt", "values": ["4"]},
        {"key": "kubernetes.io/arch", "operator": "In", "values": architectures},
        {"key": "kubernetes.io/os", "operator": "In", "values": ["linux"]},
    ]);
    Some(json!({
        "metadata": {"name": name},
        "spec": {"template": {"spec": {
            "nodeClassRef": {"group": "eks.amazonaws.com", "kind": "NodeClass", "name": "default"},
            "requirements": requirements,
            "taints": taints,
        }}},
    }))
}
