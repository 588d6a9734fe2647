//! What the cluster has left: its nodes, and what the pods on them have taken.
//!
//! Free is allocatable less the requests of all bound pods that have not ended, counted as the scheduler counts them:
//! init containers, sidecars, pod-level requests and overhead included. Beside the nodes stands whether others may
//! come: a Cluster Autoscaler with room in a node group, a Karpenter NodePool below its limits, EKS Auto Mode.
//!
//! The lists must be whole. A caller that saw only a part says so in [`Supply::unknown`].
//!
//! Deliberately absent: what such new nodes would be, and pods that wait for a node. Waiting pods hold nothing; they
//! are counted, because they compete.

use super::quantity;
use rustc_hash::FxHashMap;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The nodes of a cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Supply {
    /// By name.
    pub nodes: Vec<Node>,
    /// Why nodes may be added, if they may: ``Karpenter NodePool `default` ``.
    pub may_grow: Option<String>,
    /// What could not be told; with anything here, neither *fits* nor *short* is proved.
    pub unknown: Vec<String>,
    /// Pods that have no node yet and compete for the room.
    pub waiting: usize,
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

/// The nodes with what is left on them. `nodes`, `pods` and `node_pools` are Kubernetes objects, `nodegroups` what
/// `describe-nodegroup` prints, `cluster` what `describe-cluster` prints, each with or without its wrapper.
#[must_use]
pub fn of_cluster(
    nodes: &[Value],
    pods: &[Value],
    nodegroups: &[Value],
    node_pools: &[Value],
    cluster: Option<&Value>,
) -> Supply {
    let mut supply = Supply::default();
    let mut room: Vec<Room> = nodes.iter().filter_map(|node| Room::of(node, &mut supply.unknown)).collect();
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
    for pod in pods.iter().filter(|pod| !has_ended(pod)) {
        let Some(on) = node_of(pod) else {
            supply.waiting += 1;
            continue;
        };
        // A pod on a node that is not listed takes nothing from those that are.
        let Some(room) = index.get(on).and_then(|at| room.get_mut(*at)) else { continue };
        let requests = requests(pod.get("spec").unwrap_or(&Value::Null), None);
        let (namespace, name) = names(pod);
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
        });
    }
    if !nodes.is_empty() && pods.is_empty() {
        supply.unknown.push("no pods are listed, so what the nodes already hold is not known".to_owned());
    }
    supply.may_grow = may_grow(&room, pods, nodegroups, node_pools, cluster);
    supply.nodes = room.into_iter().map(Room::settled).collect();
    supply.unknown.sort();
    supply.unknown.dedup();
    supply
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
struct Room {
    node: Node,
    bytes: u64,
    cpu_taken: u64,
    bytes_taken: u64,
}

impl Room {
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
        let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let taints = at(value, &["spec", "taints"]).and_then(Value::as_array).into_iter().flatten();
        let labels = at(value, &["metadata", "labels"]).and_then(Value::as_object).into_iter().flatten();
        let cordoned = at(value, &["spec", "unschedulable"]).and_then(Value::as_bool) == Some(true);
        let node = Node {
            name: name.to_owned(),
            cpu_milli,
            memory_mib: bytes >> 20,
            pods,
            labels: labels.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect(),
            taints: taints
                .map(|it| Taint { key: text(it, "key"), value: text(it, "value"), effect: text(it, "effect") })
                .collect(),
            schedulable: ready == Some("True") && !cordoned,
            ..Node::default()
        };
        Some(Self { node, bytes, cpu_taken: 0, bytes_taken: 0 })
    }

    fn settled(self) -> Node {
        let mut node = self.node;
        node.cpu_free_milli = node.cpu_milli.saturating_sub(self.cpu_taken);
        node.memory_free_mib = self.bytes.saturating_sub(self.bytes_taken) >> 20;
        node.pods_free = node.pods.saturating_sub(node.taken_by.len() as u64);
        node.taken_by.sort_by(|left, right| {
            let size = (right.cpu_milli, right.memory_mib).cmp(&(left.cpu_milli, left.memory_mib));
            size.then_with(|| (&left.namespace, &left.name).cmp(&(&right.namespace, &right.name)))
        });
        node
    }
}

/// What the scheduler counts for a pod.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Requests {
    /// Thousandths of a core.
    pub(super) cpu_milli: u64,
    /// Bytes.
    pub(super) memory_bytes: u64,
    /// Some request is there but cannot be read; it counts as nothing.
    pub(super) unreadable: bool,
}

impl Requests {
    fn and(self, other: Self) -> Self {
        Self {
            cpu_milli: self.cpu_milli.saturating_add(other.cpu_milli),
            memory_bytes: self.memory_bytes.saturating_add(other.memory_bytes),
            unreadable: self.unreadable || other.unreadable,
        }
    }

    fn or(self, other: Self) -> Self {
        Self {
            cpu_milli: self.cpu_milli.max(other.cpu_milli),
            memory_bytes: self.memory_bytes.max(other.memory_bytes),
            unreadable: self.unreadable || other.unreadable,
        }
    }
}

/// The requests of a pod: the larger of its containers together and of its init containers one by one, where
/// sidecars (init containers that restart) stay beside all that come after; plus overhead. `instead` puts other
/// numbers (CPU in thousandths, memory in bytes) in the place of one container's, by its position.
pub(super) fn requests(spec: &Value, instead: Option<(usize, u64, u64)>) -> Requests {
    let list = |name: &str| spec.get(name).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let mut running = Requests::default();
    let containers = list("containers");
    for (at, container) in containers.iter().enumerate() {
        running = running.and(match instead {
            Some((other, cpu_milli, memory_bytes)) if other == at => {
                Requests { cpu_milli, memory_bytes, unreadable: false }
            }
            _ => stated(container.get("resources")),
        });
    }
    if let Some((_, cpu_milli, memory_bytes)) = instead.filter(|(at, ..)| *at >= containers.len()) {
        running = running.and(Requests { cpu_milli, memory_bytes, unreadable: false });
    }
    let mut sidecars = Requests::default();
    let mut starting = Requests::default();
    for container in list("initContainers") {
        let own = stated(container.get("resources"));
        if container.get("restartPolicy").and_then(Value::as_str) == Some("Always") {
            sidecars = sidecars.and(own);
            starting = starting.or(sidecars);
        } else {
            starting = starting.or(sidecars.and(own));
        }
    }
    let mut all = running.and(sidecars).or(starting);
    // Requests of the pod as a whole stand in place of its containers'.
    if let Some(whole) = at(spec, &["resources", "requests"]) {
        let stated = amounts(Some(whole), None);
        all.cpu_milli = if whole.get("cpu").is_some() { stated.cpu_milli } else { all.cpu_milli };
        all.memory_bytes = if whole.get("memory").is_some() { stated.memory_bytes } else { all.memory_bytes };
        all.unreadable |= stated.unreadable;
    }
    all.and(amounts(spec.get("overhead"), None))
}

/// The requests of one container; where only a limit stands, the limit is the request.
fn stated(resources: Option<&Value>) -> Requests {
    let part = |name: &str| resources.and_then(|resources| resources.get(name));
    amounts(part("requests"), part("limits"))
}

fn amounts(requests: Option<&Value>, limits: Option<&Value>) -> Requests {
    let mut unreadable = false;
    let given = |name: &str| {
        [requests, limits].into_iter().flatten().find_map(|from| from.get(name).filter(|amount| !amount.is_null()))
    };
    let mut read = |amount: Option<&Value>, parse: fn(&Value) -> Option<u64>| {
        let parsed = amount.map_or(Some(0), parse);
        unreadable |= parsed.is_none();
        parsed.unwrap_or(0)
    };
    let cpu_milli = read(given("cpu"), quantity::cpu_milli);
    let memory_bytes = read(given("memory"), quantity::bytes);
    Requests { cpu_milli, memory_bytes, unreadable }
}

/// The value under these names; unlike a JSON pointer it costs no allocation, and there are many pods.
fn at<'v>(value: &'v Value, path: &[&str]) -> Option<&'v Value> {
    path.iter().try_fold(value, |value, name| value.get(name))
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

fn may_grow(
    room: &[Room],
    pods: &[Value],
    nodegroups: &[Value],
    node_pools: &[Value],
    cluster: Option<&Value>,
) -> Option<String> {
    let mut reasons = BTreeSet::new();
    let cluster = cluster.map(|cluster| cluster.get("cluster").unwrap_or(cluster));
    let auto_mode = cluster.and_then(|cluster| at(cluster, &["computeConfig", "enabled"])).and_then(Value::as_bool);
    let computes = |how: &str| {
        let of = |room: &Room| room.node.labels.get("eks.amazonaws.com/compute-type").is_some_and(|it| it == how);
        room.iter().any(of)
    };
    if auto_mode == Some(true) || computes("auto") {
        reasons.insert("EKS Auto Mode".to_owned());
    }
    if computes("fargate") {
        reasons.insert("Fargate, for the pods that a profile selects".to_owned());
    }
    for pool in node_pools.iter().filter(|pool| pool_may_grow(pool)) {
        let name = at(pool, &["metadata", "name"]).and_then(Value::as_str).unwrap_or_default();
        reasons.insert(format!("Karpenter NodePool `{name}`"));
    }
    if node_pools.is_empty() && pods.iter().any(|pod| runs(pod, "karpenter")) {
        reasons.insert("Karpenter runs, and its NodePools are not known".to_owned());
    }
    let groups = || nodegroups.iter().map(|group| group.get("nodegroup").unwrap_or(group));
    let size = |group: &Value, name: &str| at(group, &["scalingConfig", name]).and_then(Value::as_u64);
    let desired = groups().filter_map(|group| size(group, "desiredSize")).fold(0, u64::saturating_add);
    if desired > room.len() as u64 {
        reasons.insert(format!("the node groups should have {desired} nodes and have {}", room.len()));
    }
    if pods.iter().any(|pod| runs(pod, "cluster-autoscaler")) {
        for group in groups() {
            let name = group.get("nodegroupName").and_then(Value::as_str).unwrap_or_default();
            match (size(group, "desiredSize"), size(group, "maxSize")) {
                (Some(now), Some(max)) if now >= max => {}
                (_, Some(max)) => {
                    reasons.insert(format!("node group `{name}` may grow to {max}"));
                }
                (_, None) => {
                    reasons.insert(format!("node group `{name}` may grow, its maximum is not told"));
                }
            }
        }
        let managed = |room: &Room| room.node.labels.contains_key("eks.amazonaws.com/nodegroup");
        if nodegroups.is_empty() || !room.iter().all(managed) {
            reasons.insert("a Cluster Autoscaler runs, and not all of its node groups are known".to_owned());
        }
    }
    (!reasons.is_empty()).then(|| reasons.into_iter().collect::<Vec<_>>().join(", "))
}

/// Whether a Karpenter NodePool can add a node: not of a fixed size, and below each of its limits.
fn pool_may_grow(pool: &Value) -> bool {
    let fixed = at(pool, &["spec", "replicas"]).is_some_and(|replicas| !replicas.is_null());
    let limits = at(pool, &["spec", "limits"]).and_then(Value::as_object).into_iter().flatten();
    let used =
        |what: &str| at(pool, &["status", "resources"]).and_then(|used| used.get(what)).and_then(quantity::amount);
    let mut limits = limits.filter_map(|(what, most)| Some((used(what).unwrap_or(0), quantity::amount(most)?)));
    !fixed && limits.all(|(used, most)| used < most)
}

/// Whether this pod runs a program of that name, by the pod's name, labels or images.
fn runs(pod: &Value, program: &str) -> bool {
    let says = |value: &Value| value.as_str().is_some_and(|text| text.contains(program));
    let containers = || at(pod, &["spec", "containers"]).and_then(Value::as_array).into_iter().flatten();
    at(pod, &["status", "phase"]).and_then(Value::as_str) == Some("Running")
        && (at(pod, &["metadata", "name"]).is_some_and(says)
            || at(pod, &["metadata", "labels"]).and_then(Value::as_object).is_some_and(|it| it.values().any(says))
            || containers().any(|container| container.get("image").is_some_and(says)))
}

#[cfg(test)]
mod tests;
