//! What the cluster has left: its nodes, and what the pods on them have taken.
//!
//! Free is allocatable less the requests of all bound pods that have not ended, counted as the scheduler counts them:
//! init containers, sidecars, pod-level requests and overhead included. Beside the nodes stand those that may come
//! ([`super::pool`]): a Cluster Autoscaler with room in a node group, a Karpenter NodePool below its limits. Where
//! something may add nodes and it is not known which, that is told.
//!
//! The lists must be whole. A caller that saw only a part says so in [`Supply::unknown`].
//!
//! Deliberately absent: pods that wait for a node. They hold nothing, and are counted because they compete.

mod growth;
mod requests;
mod volumes;

pub(super) use requests::requests;

use super::affinity::{NodeTerms, Repelling};
use super::fargate::{self, Profile};
use super::pool::{self, Pool};
use super::quantity;
use crate::facts::instances::InstanceTypes;
use growth::grow;
use rustc_hash::FxHashMap;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The nodes of a cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Supply {
    /// By name.
    pub nodes: Vec<Node>,
    /// Nodes that may be added, as far as it is known what they would be.
    pub pools: Vec<Pool>,
    /// Why other nodes may be added, of which nothing is known: `EKS Auto Mode`.
    pub may_grow: Option<String>,
    /// Which pods Fargate takes.
    pub fargate: Vec<Profile>,
    /// What could not be told; with anything here, neither *fits* nor *short* is proved.
    pub unknown: Vec<String>,
    /// Pods that have no node yet and compete for the room.
    pub waiting: usize,
    /// Where claims of volumes are, by namespace and name: what a node must be for them; nothing where any will do.
    pub claims: BTreeMap<(String, String), Option<NodeTerms>>,
    /// What priority classes are worth, by name.
    pub priorities: BTreeMap<String, i64>,
    /// Whether these are all classes that there are.
    pub priorities_listed: bool,
    /// Classes whose pods end no others.
    pub patient: BTreeSet<String>,
    /// What pods without a class are worth.
    pub default_priority: i64,
    /// Whether pods without a class may end others.
    pub default_preempts: bool,
    /// Addresses that the subnets of the nodes have left, where all of them are known.
    pub addresses: Option<u64>,
    /// The instance types that nodes may be of.
    pub instance_types: InstanceTypes,
}

/// A node and what is left on it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Node {
    /// Its name.
    pub name: String,
    /// Allocatable CPU in thousandths of a core.
    pub cpu_milli: u64,
    /// Allocatable memory.
    pub memory_mib: u64,
    /// Allocatable number of pods.
    pub pods: u64,
    /// CPU that no pod has requested.
    pub cpu_free_milli: u64,
    /// Memory that no pod has requested, in whole MiB.
    pub memory_free_mib: u64,
    /// How many more pods it takes.
    pub pods_free: u64,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its taints.
    pub taints: Vec<Taint>,
    /// Ready and not cordoned.
    pub schedulable: bool,
    /// The pods on it, the largest first.
    pub taken_by: Vec<Taken>,
    /// Labels that a node to come gets with a value that is not known yet.
    pub open_labels: Vec<String>,
    /// What pods on it keep away.
    pub repelling: Vec<Repelling>,
    /// How many more EBS volumes it takes, where it is known.
    pub volumes_free: Option<u64>,
}

/// Room on a node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Room {
    /// CPU in thousandths of a core.
    pub cpu: u64,
    /// Memory in MiB.
    pub memory: u64,
    /// How many pods.
    pub pods: u64,
}

impl Room {
    /// What is free on a node; nothing is taken off one that takes no new pods.
    #[must_use]
    pub fn of(node: &Node) -> Self {
        Self { cpu: node.cpu_free_milli, memory: node.memory_free_mib, pods: node.pods_free }
    }

    /// How many pods of this size it takes.
    #[must_use]
    pub fn takes(self, cpu: u64, memory: u64) -> u64 {
        self.pods
            .min(self.cpu.checked_div(cpu).unwrap_or(u64::MAX))
            .min(self.memory.checked_div(memory).unwrap_or(u64::MAX))
    }
}

impl Supply {
    /// What may add nodes, named: ``Karpenter NodePool `default` ``.
    #[must_use]
    pub fn growth(&self) -> Option<String> {
        let names: Vec<&str> = self
            .pools
            .iter()
            .filter(|pool| !pool.is_spent())
            .map(|pool| pool.name.as_str())
            .chain(self.may_grow.as_deref())
            .collect();
        (!names.is_empty()).then(|| names.join(", "))
    }
}

/// A taint of a node.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Taint {
    /// Its key.
    pub key: String,
    /// Its value, often empty.
    pub value: String,
    /// `NoSchedule`, `NoExecute` or `PreferNoSchedule`.
    pub effect: String,
}

/// A pod that holds a part of a node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// CPU that it requests.
    pub cpu_milli: u64,
    /// Memory that it requests, rounded up.
    pub memory_mib: u64,
    /// Whether every node of its kind has one: made by a DaemonSet.
    pub daemon: bool,
    /// What it is worth: pods of a higher priority may take its place.
    pub priority: i64,
}

/// The pods that ended job runs have left behind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// The pods, by namespace and name.
    pub pods: Vec<HeldPod>,
    /// CPU requested by those that are on a node.
    pub cpu_milli: u64,
    /// Memory requested by those that are on a node.
    pub memory_mib: u64,
}

/// A pod left behind by an ended job run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldPod {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The node that it is on, if any.
    pub node: Option<String>,
    /// The job run that it belongs to.
    pub job_id: String,
    /// CPU that it requests.
    pub cpu_milli: u64,
    /// Memory that it requests, rounded up.
    pub memory_mib: u64,
}

/// What the supply is read from: Kubernetes objects, and what `aws eks describe-…` prints, with or without wrapper.
#[derive(Clone, Debug, Default)]
pub struct Listing<'v> {
    /// All nodes.
    pub nodes: &'v [Value],
    /// All pods.
    pub pods: &'v [Value],
    /// The managed node groups.
    pub nodegroups: Vec<&'v Value>,
    /// Karpenter's NodePools.
    pub node_pools: &'v [Value],
    /// The Fargate profiles.
    pub fargate_profiles: Vec<&'v Value>,
    /// Whether the NodePools are all that there are; else an empty list says nothing.
    pub node_pools_listed: bool,
    /// The cluster itself.
    pub cluster: Option<&'v Value>,
    /// The priority classes.
    pub priority_classes: &'v [Value],
    /// Claims of volumes.
    pub claims: &'v [Value],
    /// Volumes.
    pub volumes: &'v [Value],
    /// What the drivers of volumes say of nodes.
    pub csi_nodes: &'v [Value],
    /// Subnets, as EC2 describes them.
    pub subnets: &'v [Value],
    /// The instance types that are known.
    pub instance_types: InstanceTypes,
}

/// The nodes with what is left on them, of a cluster without Fargate profiles.
#[must_use]
pub fn of_cluster(
    nodes: &[Value],
    pods: &[Value],
    nodegroups: &[Value],
    node_pools: &[Value],
    cluster: Option<&Value>,
) -> Supply {
    let nodegroups = nodegroups.iter().collect();
    of_listing(&Listing { nodes, pods, nodegroups, node_pools, cluster, ..Listing::default() }, |_| true)
}

/// The nodes with what is left on them. A pod of which `counts` says no is left out, as if it were deleted.
#[must_use]
pub fn of_listing(listing: &Listing<'_>, counts: impl Fn(&Value) -> bool) -> Supply {
    let Listing { nodes, pods, .. } = listing;
    let mut supply = Supply { instance_types: listing.instance_types.clone(), ..Supply::default() };
    let mut room: Vec<Counting> = nodes.iter().filter_map(|node| Counting::of(node, &mut supply.unknown)).collect();
    room.sort_by(|left, right| left.node.name.cmp(&right.node.name));
    room.dedup_by(|later, earlier| {
        let same = later.node.name == earlier.node.name;
        if same {
            supply.unknown.push(format!("the node `{}` is listed twice", later.node.name));
        }
        same
    });
    let index: FxHashMap<String, usize> =
        room.iter().enumerate().map(|(at, room)| (room.node.name.clone(), at)).collect();
    for pod in pods.iter().filter(|pod| !has_ended(pod) && counts(pod)) {
        let Some(on) = node_of(pod) else {
            supply.waiting += 1;
            continue;
        };
        // A pod on a node that is not listed takes nothing from those that are.
        let Some(room) = index.get(on).and_then(|at| room.get_mut(*at)) else { continue };
        let spec = pod.get("spec").unwrap_or(&Value::Null);
        let requests = requests(spec, None);
        let (namespace, name) = names(pod);
        if spec.get("affinity").is_some() {
            room.node.repelling.extend(Repelling::of(&namespace, spec));
        }
        if spec.get("volumes").is_some() && !listing.csi_nodes.is_empty() {
            room.volumes_taken += volumes::mounted(spec);
        }
        if requests.unreadable {
            supply.unknown.push(format!("the requests of the pod `{namespace}/{name}` cannot be read"));
        }
        room.cpu_taken = room.cpu_taken.saturating_add(requests.cpu_milli);
        room.bytes_taken = room.bytes_taken.saturating_add(requests.memory_bytes);
        room.node.taken_by.push(Taken {
            namespace,
            name,
            cpu_milli: requests.cpu_milli,
            memory_mib: requests.memory_bytes.div_ceil(1 << 20),
            daemon: is_daemon(pod),
            priority: spec.get("priority").and_then(Value::as_i64).unwrap_or(0),
        });
    }
    if !nodes.is_empty() && pods.is_empty() {
        supply.unknown.push("no pods are listed, so what the nodes already hold is not known".to_owned());
    }
    volumes::attachable(listing.csi_nodes, &index, &mut room);
    supply.nodes = room.into_iter().map(Counting::settled).collect();
    supply.claims = volumes::claims(listing.claims, listing.volumes);
    supply.addresses = addresses(listing);
    classes(listing.priority_classes, &mut supply);
    supply.fargate = fargate::profiles(listing.fargate_profiles.iter().copied());
    grow(&mut supply, listing);
    supply.unknown.sort();
    supply.unknown.dedup();
    supply
}

/// What priority classes are worth. Every cluster has those of the system, so that an empty list is none at all.
fn classes(classes: &[Value], supply: &mut Supply) {
    supply.priorities_listed = !classes.is_empty();
    supply.default_preempts = true;
    for class in classes {
        let name = at(class, &["metadata", "name"]).and_then(Value::as_str);
        if let (Some(name), Some(value)) = (name, class.get("value").and_then(Value::as_i64)) {
            supply.priorities.insert(name.to_owned(), value);
            let is_patient = class.get("preemptionPolicy").is_some_and(|policy| policy == "Never");
            if is_patient {
                supply.patient.insert(name.to_owned());
            }
            if class.get("globalDefault").and_then(Value::as_bool) == Some(true) {
                supply.default_priority = supply.default_priority.max(value);
                supply.default_preempts &= !is_patient;
            }
        }
    }
}

/// The pods of these job runs that have not ended, though the runs have. EMR labels each pod with its job run.
#[must_use]
pub fn held_by(pods: &[Value], job_ids: &BTreeSet<String>) -> Held {
    let mut held = Held::default();
    for pod in pods.iter().filter(|pod| !has_ended(pod)) {
        let labels = at(pod, &["metadata", "labels"]);
        let job_id =
            labels.and_then(|labels| labels.get("emr-containers.amazonaws.com/job.id")).and_then(Value::as_str);
        let Some(job_id) = job_id.filter(|job_id| job_ids.contains(*job_id)) else { continue };
        let requests = requests(pod.get("spec").unwrap_or(&Value::Null), None);
        let memory_mib = requests.memory_bytes.div_ceil(1 << 20);
        let node = node_of(pod).map(str::to_owned);
        if node.is_some() {
            held.cpu_milli = held.cpu_milli.saturating_add(requests.cpu_milli);
            held.memory_mib = held.memory_mib.saturating_add(memory_mib);
        }
        let (namespace, name) = names(pod);
        let (job_id, cpu_milli) = (job_id.to_owned(), requests.cpu_milli);
        held.pods.push(HeldPod { namespace, name, node, job_id, cpu_milli, memory_mib });
    }
    held.pods.sort_by(|left, right| (&left.namespace, &left.name).cmp(&(&right.namespace, &right.name)));
    held
}

/// A node while its pods are being counted; memory in bytes, so that nothing is rounded twice.
struct Counting {
    node: Node,
    bytes: u64,
    cpu_taken: u64,
    bytes_taken: u64,
    volumes_taken: u64,
}

impl Counting {
    fn of(value: &Value, unknown: &mut Vec<String>) -> Option<Self> {
        let Some(name) = at(value, &["metadata", "name"]).and_then(Value::as_str) else {
            unknown.push("a node has no name".to_owned());
            return None;
        };
        let allocatable = |what: &str| at(value, &["status", "allocatable"]).and_then(|it| it.get(what));
        let ready = at(value, &["status", "conditions"])
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .find(|condition| condition.get("type").and_then(Value::as_str) == Some("Ready"))
            .and_then(|condition| condition.get("status").and_then(Value::as_str));
        if ready.is_none() {
            unknown.push(format!("whether the node `{name}` is ready is not told"));
        }
        let pods = allocatable("pods").and_then(quantity::bytes);
        let (Some(cpu_milli), Some(bytes), Some(pods)) =
            (allocatable("cpu").and_then(quantity::cpu_milli), allocatable("memory").and_then(quantity::bytes), pods)
        else {
            unknown.push(format!("what is allocatable on the node `{name}` is not told"));
            return None;
        };
        let labels = at(value, &["metadata", "labels"]).and_then(Value::as_object).into_iter().flatten();
        let cordoned = at(value, &["spec", "unschedulable"]).and_then(Value::as_bool) == Some(true);
        let node = Node {
            name: name.to_owned(),
            cpu_milli,
            memory_mib: bytes >> 20,
            pods,
            labels: labels.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect(),
            taints: pool::taints(at(value, &["spec", "taints"])),
            schedulable: ready == Some("True") && !cordoned,
            ..Node::default()
        };
        Some(Self { node, bytes, cpu_taken: 0, bytes_taken: 0, volumes_taken: 0 })
    }

    fn settled(self) -> Node {
        let mut node = self.node;
        node.cpu_free_milli = node.cpu_milli.saturating_sub(self.cpu_taken);
        node.memory_free_mib = self.bytes.saturating_sub(self.bytes_taken) >> 20;
        node.pods_free = node.pods.saturating_sub(node.taken_by.len() as u64);
        node.volumes_free = node.volumes_free.map(|most| most.saturating_sub(self.volumes_taken));
        node.repelling.sort();
        node.repelling.dedup();
        node.taken_by.sort_by(|left, right| {
            let size = (right.cpu_milli, right.memory_mib).cmp(&(left.cpu_milli, left.memory_mib));
            size.then_with(|| (&left.namespace, &left.name).cmp(&(&right.namespace, &right.name)))
        });
        node
    }
}

/// The value under these names; unlike a JSON pointer it costs no allocation, and there are many pods.
fn at<'v>(value: &'v Value, path: &[&str]) -> Option<&'v Value> {
    path.iter().try_fold(value, |value, name| value.get(name))
}

/// The addresses that the subnets of the node groups have left; nothing where other nodes may come, or not all subnets
/// are known.
fn addresses(listing: &Listing<'_>) -> Option<u64> {
    let groups = listing.nodegroups.iter().map(|group| group.get("nodegroup").unwrap_or(group));
    let wanted: BTreeSet<&str> =
        groups.filter_map(|group| group.get("subnets")?.as_array()).flatten().filter_map(Value::as_str).collect();
    if wanted.is_empty() || !listing.node_pools.is_empty() {
        return None;
    }
    let left = wanted.iter().map(|id| {
        let known =
            listing.subnets.iter().find(|subnet| subnet.get("SubnetId").and_then(Value::as_str) == Some(*id))?;
        known.get("AvailableIpAddressCount").and_then(Value::as_u64)
    });
    left.sum()
}

fn has_ended(pod: &Value) -> bool {
    matches!(at(pod, &["status", "phase"]).and_then(Value::as_str), Some("Succeeded" | "Failed"))
}

fn node_of(pod: &Value) -> Option<&str> {
    at(pod, &["spec", "nodeName"]).and_then(Value::as_str).filter(|name| !name.is_empty())
}

fn names(pod: &Value) -> (String, String) {
    let text = |key: &str| at(pod, &["metadata", key]).and_then(Value::as_str).unwrap_or_default().to_owned();
    (text("namespace"), text("name"))
}

fn is_daemon(pod: &Value) -> bool {
    let owners = at(pod, &["metadata", "ownerReferences"]).and_then(Value::as_array).into_iter().flatten();
    owners.into_iter().any(|owner| owner.get("kind").and_then(Value::as_str) == Some("DaemonSet"))
}

#[cfg(test)]
mod tests;
