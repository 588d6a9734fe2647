//! Nodes that may be added: by a Cluster Autoscaler to its node groups, by Karpenter from its NodePools.
//!
//! A pool says what one of its nodes may be, how many there may be, and what pods must tolerate or select to get one.
//! What a node to come has is told twice: what it surely has left when its daemons run, and the most that it could
//! have. *Fits* is proved with the first, *short* with the second.
//!
//! Karpenter chooses an instance type for the pods that wait; its requirements are held against the table of
//! [`crate::facts::instances`]. A requirement on something that the table does not know makes the pool inexact: it may
//! still rule pods out, and never proves that they fit.
//!
//! Deliberately absent: prices, whether EC2 has such instances to give, and the zones of volumes.

mod auto_mode;
mod node_pool;

pub(super) use auto_mode::built_in;
pub(super) use node_pool::of_node_pool;

use super::affinity::{Operator, Requirement};
use super::demand::PodDemand;
use super::supply::{Node, Room, Taint};
use crate::facts::instances::{InstanceType, InstanceTypes};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Nodes of one origin that may be added.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pool {
    /// How messages call it: ``Karpenter NodePool `default` ``.
    pub name: String,
    /// Whether whoever adds nodes takes a shape that suits the pods that wait.
    pub chooses: bool,
    /// What one of its nodes may be, by instance type, where it is chosen.
    pub shapes: Vec<Shape>,
    /// What surely is left on one of its nodes, where it is not chosen.
    pub least: Option<Node>,
    /// The most that could be left on one of its nodes, where it is not chosen.
    pub most: Option<Node>,
    /// How many nodes may be added; `None` without a bound.
    pub most_nodes: Option<u64>,
    /// CPU that the nodes may add up to, as their types state it; `None` without a bound.
    pub cpu_left_milli: Option<u64>,
    /// Memory that the nodes may add up to; `None` without a bound.
    pub memory_left_mib: Option<u64>,
    /// Labels that nodes have by the choice of whoever adds them; those of their type stand in the shapes.
    pub labels: BTreeMap<String, Values>,
    /// Taints of its nodes.
    pub taints: Vec<Taint>,
    /// For a key, how many values the types for one pod must have among them.
    pub least_values: BTreeMap<String, u64>,
    /// Whether every shape that is named is really had.
    pub exact: bool,
    /// Who makes the nodes.
    pub maker: Maker,
}

/// Who makes the nodes of a pool, and so under which names its nodes show what follows from their types.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Maker {
    /// Not told.
    #[default]
    Unknown,
    /// A Karpenter that somebody has installed.
    Karpenter,
    /// EKS Auto Mode.
    AutoMode,
}

impl Maker {
    /// Whether nodes have no labels of this name because another maker would set them.
    fn never_sets(self, key: &str) -> bool {
        match self {
            Self::Unknown => false,
            Self::Karpenter => key.starts_with(OF_AUTO_MODE),
            Self::AutoMode => key.starts_with(OF_KARPENTER),
        }
    }
}

/// A node to come, of a chosen type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Its instance type.
    pub of: Arc<InstanceType>,
    /// What is surely left on it.
    pub sure: Room,
    /// The most that could be left on it.
    pub most: Room,
}

/// The values that a label may have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Values {
    /// Any.
    Any,
    /// One of these.
    In(BTreeSet<String>),
    /// Any but these.
    NotIn(BTreeSet<String>),
    /// None: the label is not there.
    Absent,
}

impl Values {
    fn has(&self, value: &str) -> bool {
        match self {
            Self::Any => true,
            Self::In(values) => values.contains(value),
            Self::NotIn(values) => !values.contains(value),
            Self::Absent => false,
        }
    }
}

impl Pool {
    /// The shapes that a pod may be on by its selectors, affinity and tolerations.
    pub fn shapes_for<'p>(&'p self, pod: &PodDemand) -> Vec<&'p Shape> {
        self.shapes_where(pod, |requirement, shape| self.may_hold(requirement, shape))
    }

    /// Those of them on which it surely may be: whoever adds nodes chooses no other value for a label.
    pub fn shapes_surely_for<'p>(&'p self, pod: &PodDemand) -> Vec<&'p Shape> {
        // Two requirements on one label may each be met and not together.
        let asked = pod.affinity.iter().flat_map(|terms| &terms.0).flatten().map(|requirement| &requirement.key);
        let mut keys: Vec<&String> = asked.chain(pod.node_selector.keys()).filter(|key| !is_of_type(key)).collect();
        let number = keys.len();
        keys.sort_unstable();
        keys.dedup();
        if keys.len() < number {
            return Vec::new();
        }
        self.shapes_where(pod, |requirement, shape| self.holds(requirement, shape))
    }

    fn shapes_where<'p>(&'p self, pod: &PodDemand, holds: impl Fn(&Requirement, &'p Shape) -> bool) -> Vec<&'p Shape> {
        let tolerates = pod.template.is_some()
            || self.taints.iter().all(|taint| {
                taint.effect == "PreferNoSchedule" || pod.tolerations.iter().any(|it| it.tolerates(taint))
            });
        if !tolerates {
            return Vec::new();
        }
        let selected = pod.node_selector.iter().map(|(key, value)| Requirement {
            key: key.clone(),
            operator: Operator::In,
            values: BTreeSet::from([value.clone()]),
        });
        let selected: Vec<Requirement> = selected.collect();
        let suits = |shape: &&'p Shape| {
            selected.iter().all(|requirement| holds(requirement, shape))
                && pod.affinity.iter().all(|terms| terms.admit_with(|requirement| holds(requirement, shape)))
        };
        self.shapes.iter().filter(suits).collect()
    }

    /// Whether a node of this shape may satisfy a requirement.
    fn may_hold(&self, requirement: &Requirement, shape: &Shape) -> bool {
        if self.maker.never_sets(&requirement.key) {
            return requirement.holds(None);
        }
        if is_of_type(&requirement.key) {
            return requirement.holds(type_label(&shape.of, &requirement.key).as_deref());
        }
        if is_about_types(&requirement.key) {
            // The node has the label; the table does not know with which value.
            return true;
        }
        match self.labels.get(&requirement.key) {
            None | Some(Values::Absent) => requirement.holds(None),
            Some(Values::Any | Values::NotIn(_)) if requirement.operator != Operator::In => true,
            Some(Values::In(values)) => values.iter().any(|value| requirement.holds(Some(value))),
            Some(values) => requirement.values.iter().any(|value| values.has(value)),
        }
    }

    /// Whether a node of this shape can be made to satisfy a requirement.
    fn holds(&self, requirement: &Requirement, shape: &Shape) -> bool {
        let exact = is_of_type(&requirement.key)
            || self.maker.never_sets(&requirement.key)
            || match self.labels.get(&requirement.key) {
                None if is_about_types(&requirement.key) => false,
                None | Some(Values::In(_) | Values::Absent) => true,
                // Which zones and capacities there are is not said.
                Some(Values::Any | Values::NotIn(_)) => false,
            };
        exact && self.may_hold(requirement, shape)
    }

    /// Whether the shapes have as many values of each key as the pool asks for.
    pub fn is_varied(&self, shapes: &[&Shape]) -> bool {
        self.least_values.iter().all(|(key, least)| {
            let values: BTreeSet<String> = shapes.iter().filter_map(|shape| type_label(&shape.of, key)).collect();
            values.len() as u64 >= *least || !is_of_type(key)
        })
    }

    /// Whether it may make a node for the pod that has this label, and says so.
    #[must_use]
    pub fn may_be(&self, key: &str, value: &str, pod: &PodDemand) -> bool {
        let stated = matches!(self.labels.get(key), Some(Values::In(values)) if values.contains(value));
        stated && pod.node_selector.get(key).is_none_or(|wanted| wanted == value) && !self.shapes_for(pod).is_empty()
    }

    /// Whether its limits are used up.
    #[must_use]
    pub fn is_spent(&self) -> bool {
        [self.cpu_left_milli, self.memory_left_mib, self.most_nodes].contains(&Some(0))
    }

    /// Whether the pod may be on one of its nodes, whatever it asks for.
    #[must_use]
    pub fn may_serve(&self, pod: &PodDemand) -> bool {
        match &self.most {
            Some(node) => super::fit::may_be_on_node(pod, node, false),
            None => !self.shapes_for(pod).is_empty(),
        }
    }

    /// Whether nothing bounds what it may add.
    #[must_use]
    pub fn is_unlimited(&self) -> bool {
        self.most_nodes.is_none() && self.cpu_left_milli.is_none() && self.memory_left_mib.is_none()
    }
}

/// What every node runs of its own, at least and at most, by the nodes that are there.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Daemons {
    most: (u64, u64, u64),
}

impl Daemons {
    pub(super) fn of(nodes: &[Node]) -> Self {
        let mut most = (0, 0, 0);
        for node in nodes {
            let own = daemons(node);
            most = (most.0.max(own.0), most.1.max(own.1), most.2.max(own.2));
        }
        Self { most }
    }
}

/// CPU, memory and number of the pods on a node that every node like it has.
pub(super) fn daemons(node: &Node) -> (u64, u64, u64) {
    node.taken_by.iter().filter(|pod| pod.daemon).fold((0, 0, 0), |(cpu, memory, pods), pod| {
        (u64::saturating_add(cpu, pod.cpu_milli), u64::saturating_add(memory, pod.memory_mib), pods + 1)
    })
}

/// A node of this kind as it comes up, with nothing but what every such node runs.
#[must_use]
pub fn as_new(node: &Node) -> Node {
    let (cpu, memory, pods) = daemons(node);
    let taken_by = node.taken_by.iter().filter(|pod| pod.daemon).cloned().collect();
    Node {
        cpu_free_milli: node.cpu_milli.saturating_sub(cpu),
        memory_free_mib: node.memory_mib.saturating_sub(memory),
        pods_free: node.pods.saturating_sub(pods),
        schedulable: true,
        taken_by,
        ..node.clone()
    }
}

/// A node of an instance type as it comes up in a managed node group.
#[must_use]
pub fn node_of_type(one: &InstanceType, name: &str) -> Node {
    let pods = one.pods_in_node_group();
    let labels = [("node.kubernetes.io/instance-type", one.name.as_ref()), ("kubernetes.io/arch", one.architecture)];
    Node {
        name: name.to_owned(),
        cpu_milli: one.allocatable_cpu_milli,
        memory_mib: one.allocatable_memory_mib,
        pods,
        cpu_free_milli: one.allocatable_cpu_milli,
        memory_free_mib: one.allocatable_memory_mib,
        pods_free: pods,
        labels: labels.map(|(key, value)| (key.to_owned(), value.to_owned())).into(),
        schedulable: true,
        ..Node::default()
    }
}

/// How the names of labels begin that Karpenter sets by the type of a node.
const OF_KARPENTER: &str = "karpenter.k8s.aws/instance-";
/// How they begin on nodes of EKS Auto Mode.
const OF_AUTO_MODE: &str = "eks.amazonaws.com/instance-";
const PREFIXES: [&str; 2] = [OF_KARPENTER, OF_AUTO_MODE];

/// Whether a label follows from the type of a node, also where the table does not know how.
fn is_about_types(key: &str) -> bool {
    PREFIXES.iter().any(|prefix| key.starts_with(prefix))
}

/// The label that follows from a type.
fn type_label(one: &InstanceType, key: &str) -> Option<String> {
    match key {
        "node.kubernetes.io/instance-type" | "beta.kubernetes.io/instance-type" => return Some(one.name.to_string()),
        "kubernetes.io/arch" | "beta.kubernetes.io/arch" => return Some(one.architecture.to_owned()),
        "kubernetes.io/os" | "beta.kubernetes.io/os" => return Some("linux".to_owned()),
        _ => {}
    }
    let name = PREFIXES.iter().find_map(|prefix| key.strip_prefix(prefix))?;
    let some = |number: u64| (number > 0).then(|| number.to_string());
    match name {
        "category" => Some(one.category().to_owned()),
        "family" => Some(one.family().to_owned()),
        "size" => Some(one.size().to_owned()),
        "cpu" => Some(one.vcpu.to_string()),
        "memory" => Some(one.memory_mib.to_string()),
        "generation" => Some(one.generation()?.to_string()),
        "local-nvme" => some(one.local_storage_gb),
        "gpu-count" => some(one.gpus),
        _ => None,
    }
}

/// Keys that the table answers, without their prefix.
const OF_TYPES: [&str; 8] = ["category", "family", "size", "cpu", "memory", "generation", "local-nvme", "gpu-count"];

/// Whether the table of types answers this key.
fn is_of_type(key: &str) -> bool {
    let key_of_every_node = key.strip_prefix("beta.").unwrap_or(key);
    matches!(key_of_every_node, "kubernetes.io/instance-type" | "kubernetes.io/arch" | "kubernetes.io/os")
        || key == "node.kubernetes.io/instance-type"
        || PREFIXES.iter().any(|prefix| key.strip_prefix(prefix).is_some_and(|name| OF_TYPES.contains(&name)))
}

/// Taints as nodes and NodePools write them, or as `describe-nodegroup` does (`NO_SCHEDULE`).
pub(super) fn taints(list: Option<&Value>) -> Vec<Taint> {
    let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let of = |taint: &Value| {
        let effect = match text(taint, "effect").as_str() {
            "NO_SCHEDULE" => "NoSchedule".to_owned(),
            "NO_EXECUTE" => "NoExecute".to_owned(),
            "PREFER_NO_SCHEDULE" => "PreferNoSchedule".to_owned(),
            other => other.to_owned(),
        };
        Taint { key: text(taint, "key"), value: text(taint, "value"), effect }
    };
    list.and_then(Value::as_array).into_iter().flatten().map(of).collect()
}

/// Labels of which a node group does not say beforehand what they will be.
const OPEN: [&str; 3] = ["topology.kubernetes.io/zone", "topology.ebs.csi.aws.com/zone", "topology.k8s.aws/zone-id"];

/// What a Cluster Autoscaler may add to a managed node group: more of what it has, or of its instance types where it
/// has none. `Err` says why it cannot be told; `Ok(None)` that it is as large as it may be.
pub(super) fn of_node_group(
    group: &Value,
    nodes: &[Node],
    daemons: Daemons,
    all: &InstanceTypes,
) -> Result<Option<Pool>, String> {
    let name = group["nodegroupName"].as_str().unwrap_or_default();
    let size = |field: &str| group["scalingConfig"][field].as_u64();
    if matches!(group["status"].as_str(), Some("DELETING" | "CREATE_FAILED" | "DELETE_FAILED")) {
        return Ok(None);
    }
    let Some(max) = size("maxSize") else {
        return Err(format!("node group `{name}` may grow, its maximum is not told"));
    };
    let own: Vec<&Node> = nodes
        .iter()
        .filter(|node| node.labels.get("eks.amazonaws.com/nodegroup").is_some_and(|label| label == name))
        .collect();
    let now = size("desiredSize").unwrap_or(0).max(own.len() as u64);
    if now >= max {
        return Ok(None);
    }
    let mut pool = Pool {
        name: format!("node group `{name}`, which may grow to {max}"),
        most_nodes: Some(max - now),
        exact: true,
        ..Pool::default()
    };
    pool.labels.insert(OPEN[0].to_owned(), Values::Any);
    if let Some(model) = own.iter().min_by_key(|node| (node.cpu_milli, node.memory_mib)) {
        let mut node = as_new(model);
        for key in OPEN.iter().chain(&[super::affinity::HOST]) {
            node.labels.remove(*key);
        }
        node.volumes_free = None;
        node.open_labels = OPEN.map(str::to_owned).into();
        node.name = format!("new of {name}");
        (pool.least, pool.most) = (Some(node.clone()), Some(node));
        return Ok(Some(pool));
    }
    let types = group["instanceTypes"].as_array().map_or(&[][..], Vec::as_slice);
    let known: Option<Vec<_>> = types.iter().map(|name| all.get(name.as_str()?)).collect();
    let Some(known) = known.filter(|known| !known.is_empty()) else {
        return Err(format!("node group `{name}` may grow, of instance types that are not known"));
    };
    let mut labels: BTreeMap<String, String> = group["labels"]
        .as_object()
        .into_iter()
        .flatten()
        .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
        .collect();
    labels.insert("eks.amazonaws.com/nodegroup".to_owned(), name.to_owned());
    if let Some(capacity) = group["capacityType"].as_str() {
        labels.insert("eks.amazonaws.com/capacityType".to_owned(), capacity.to_owned());
    }
    let nodes = |free: fn(&InstanceType, Daemons) -> Room| {
        let of_type = |one: &Arc<InstanceType>| {
            let room = free(one, daemons);
            let mut node = node_of_type(one, &format!("new of {name}"));
            (node.cpu_free_milli, node.memory_free_mib, node.pods_free) = (room.cpu, room.memory, room.pods);
            node.labels.extend(labels.clone());
            node.taints = taints(group.get("taints"));
            node.open_labels = OPEN.map(str::to_owned).into();
            node
        };
        known.iter().map(of_type).collect::<Vec<_>>()
    };
    let room = |node: &Node| (node.cpu_free_milli, node.memory_free_mib, node.pods_free);
    // Of several types none need be the least in everything; then nothing is sure of the node that comes.
    let sure = nodes(|one, daemons| rooms(one, one.pods_in_node_group(), daemons).0);
    pool.least = sure.iter().min_by_key(|node| room(node)).cloned().filter(|least| {
        let least = room(least);
        sure.iter().map(room).all(|room| room.1 >= least.1 && room.2 >= least.2)
    });
    let most = nodes(|one, daemons| rooms(one, one.pods_in_node_group(), daemons).1);
    pool.most = most.iter().max_by_key(|node| room(node)).cloned().map(|mut node| {
        node.memory_free_mib = most.iter().map(|node| node.memory_free_mib).max().unwrap_or(0);
        node.pods_free = most.iter().map(|node| node.pods_free).max().unwrap_or(0);
        node
    });
    Ok(Some(pool))
}

/// What surely is left on a new node of a type, and the most that could be.
fn rooms(one: &InstanceType, pods: u64, daemons: Daemons) -> (Room, Room) {
    let (cpu, memory, number) = daemons.most;
    let sure = Room {
        cpu: one.allocatable_cpu_milli.saturating_sub(cpu),
        memory: one.allocatable_memory_mib.saturating_sub(memory),
        pods: pods.saturating_sub(number),
    };
    (sure, Room { cpu: one.allocatable_cpu_milli, memory: one.memory_mib, pods })
}
