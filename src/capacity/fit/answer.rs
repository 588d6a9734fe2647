//! What is answered.

use super::super::demand::Role;
use std::fmt;

/// Whether the pods find nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fit {
    /// The answer.
    pub outcome: Outcome,
    /// Why, in a line.
    pub because: String,
    /// What is short now, if that is proved. Also where the outcome is unknown only because nodes may be added.
    pub short: Option<Shortage>,
    /// With so many more nodes like the largest one that suits them, all pods fit; `None` where no number would do.
    pub nodes_needed: Option<u32>,
    /// Where the pods go in one way of placing them; where they are short, those that find a node.
    pub placed: Vec<Placed>,
    /// Nodes that have to be added for it, by pool and instance type.
    pub added: Vec<Added>,
    /// Pods of a lower priority that are ended for it, by namespace and name.
    pub evicts: Vec<(String, String)>,
    /// The whole sum, a line for each kind of pod and each node.
    pub arithmetic: Vec<String>,
}

/// The answers to whether pods fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Every pod finds a node, whichever nodes the scheduler chooses.
    Fits,
    /// All pods can be placed, but a bad choice may leave one without a node.
    FitsIfPackedWell,
    /// The pods cannot all be placed.
    Short,
    /// It cannot be told.
    Unknown,
}

impl Outcome {
    /// Whether the pods can all be placed.
    #[must_use]
    pub fn fits(self) -> bool {
        matches!(self, Self::Fits | Self::FitsIfPackedWell)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Fits => "fits",
            Self::FitsIfPackedWell => "fits if packed well",
            Self::Short => "does not fit",
            Self::Unknown => "unknown",
        })
    }
}

/// Pods on a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    /// The node, or what a node to be added is called.
    pub node: String,
    /// The number of the job.
    pub job: usize,
    /// What the pods are for.
    pub role: Role,
    /// How many.
    pub count: u64,
    /// CPU of each.
    pub cpu_milli: u64,
    /// Memory of each.
    pub memory_mib: u64,
}

/// Nodes to be added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Added {
    /// The pool.
    pub pool: String,
    /// The instance type, where it is known.
    pub instance_type: Option<String>,
    /// How many; `None` where it depends on what whoever adds them chooses.
    pub nodes: Option<u64>,
}

/// A pod that finds no node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shortage {
    /// What the pod is for.
    pub role: Role,
    /// CPU that it requests.
    pub cpu_milli: u64,
    /// Memory that it requests.
    pub memory_mib: u64,
    /// The node that comes nearest, of those that it may be on.
    pub best_node: Option<String>,
    /// CPU left there when the pods before this one are placed.
    pub best_cpu_free_milli: u64,
    /// Memory left there when the pods before this one are placed.
    pub best_memory_free_mib: u64,
    /// What is in the way.
    pub binding: Binding,
    /// What stands in the way, named: the taint, the labels, the limits.
    pub what: String,
}

/// What keeps a pod from a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Binding {
    /// CPU that other pods have taken.
    Cpu,
    /// Memory that other pods have taken.
    Memory,
    /// The number of pods that a node takes.
    Pods,
    /// The pod is larger than any node would be if it were empty.
    Size,
    /// A taint that the pod does not tolerate.
    Taint,
    /// A label that no node has.
    Selector,
    /// There is no node that is ready and not cordoned.
    NoReadyNode,
    /// The limits of whatever adds nodes.
    Limits,
}

impl fmt::Display for Binding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Cpu => "cpu",
            Self::Memory => "memory",
            Self::Pods => "pods",
            Self::Size => "size",
            Self::Taint => "taint",
            Self::Selector => "selector",
            Self::NoReadyNode => "no ready node",
            Self::Limits => "limits",
        })
    }
}
