//! Whether all pods of some jobs find nodes at once, and what is short if they do not.
//!
//! The filters are the scheduler's: ready, not cordoned, taints tolerated, labels selected, room for the pod. Then all
//! pods are packed as one gang, onto the nodes that are there and onto those that may be added. First-fit in several
//! orders finds most packings ([`pack`]); where it finds none, sums and slots that any packing must keep prove most
//! shortages, and a bounded exact [`search`] settles what is left of the small cases. What none of them decides is
//! unknown.
//!
//! The scheduler places pod by pod and does not pack. So *fits* is said only where no choice of its can leave a pod
//! without a node ([`luck`]); where a packing exists but may be missed, the answer is *fits if packed well*.
//!
//! What is not known works one way only: a pool of which a part is not known proves no fit and rules nothing out.

mod explain;
mod luck;
mod pack;
mod search;

use super::demand::{Demand, PodDemand, Role};
use super::fargate::{Taken, takes};
use super::pool::{Pool, Shape};
use super::supply::{Node, Room, Supply, Taint};
use pack::{Case, Decision, Group, Packing};
use rustc_hash::FxHashSet;
use std::fmt;

/// So many types Karpenter offers to EC2 for one node.
const TYPES_OFFERED: usize = 60;
/// Nodes that are tried of all pools together.
const MOST_NEW_NODES: u64 = 5_000;

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

/// Whether the pods of all these jobs find nodes at the same time.
#[must_use]
pub fn fit(demand: &[Demand], supply: &Supply) -> Fit {
    let fit = decide(demand, supply);
    let doubtful = demand.iter().flat_map(|job| &job.pods).any(|pod| pod.doubtful_memory_mib > 0);
    if fit.outcome != Outcome::Short || !doubtful {
        return fit;
    }
    // A shortage is told only if it does not hang on a request that may be smaller.
    let mut least = demand.to_vec();
    for pod in least.iter_mut().flat_map(|job| &mut job.pods) {
        pod.memory_mib = pod.memory_mib.saturating_sub(pod.doubtful_memory_mib);
    }
    if decide(&least, supply).outcome == Outcome::Short {
        return fit;
    }
    let because = format!("{}; with a logging container as small as in older releases it would fit", fit.because);
    Fit { outcome: Outcome::Unknown, because, ..fit }
}

fn decide(demand: &[Demand], supply: &Supply) -> Fit {
    let mut fit = Fit {
        outcome: Outcome::Unknown,
        because: String::new(),
        short: None,
        nodes_needed: None,
        placed: Vec::new(),
        added: Vec::new(),
        arithmetic: explain::arithmetic(demand, supply),
    };
    if !supply.unknown.is_empty() {
        fit.because = supply.unknown.join("; ");
        return fit;
    }
    let mut open = explain::not_told(demand);
    let mut perhaps_on_fargate = Vec::new();
    let on_fargate = |job: &Demand, pod: &PodDemand| match takes(&supply.fargate, job.namespace.as_deref(), pod) {
        Taken::No => false,
        Taken::By { .. } => true,
        Taken::Unknown(_) => false,
    };
    for (job, pod) in demand.iter().flat_map(|job| job.pods.iter().map(move |pod| (job, pod))) {
        if let Taken::Unknown(why) = takes(&supply.fargate, job.namespace.as_deref(), pod) {
            perhaps_on_fargate.push(why);
        }
    }
    open.extend(perhaps_on_fargate.iter().cloned());
    let new = NewNodes::of(demand, supply);
    let is_there = |job: &Demand, pod: &PodDemand| !on_fargate(job, pod);
    let case = Case::of(demand, &new.sure, &is_there);
    let absorbed: Vec<Absorbed> = case.groups.iter().map(|group| absorbed(group, &supply.pools)).collect();
    let kept = case.only(|at| !absorbed[at].surely);

    let exact = open.is_empty();
    let packing = match kept.decide() {
        Decision::Packed(packing) => Some(packing),
        Decision::Short | Decision::Undecided => None,
    };
    if packing.is_some() || within_limits(&case, &absorbed, &supply.pools).is_some() {
        let placing = placing(&case, &absorbed, supply);
        (fit.placed, fit.added) = (explain::placed(&case, &placing.packing), placing.added);
        if fit.added.is_empty()
            && let Some(packing) = packing.filter(|_| placing.packing.left_over().is_some())
        {
            fit.placed = explain::placed(&kept, &packing);
        }
        if !exact {
            fit.because = explain::joined(open);
            return fit;
        }
        let lucky = |at: usize| absorbed[at].surely || absorbed[at].amply;
        let always = case.fits_always(&lucky);
        fit.outcome = if always { Outcome::Fits } else { Outcome::FitsIfPackedWell };
        fit.because = explain::fitting(&case, supply, &fit.added, always);
        return fit;
    }

    if !perhaps_on_fargate.is_empty() {
        fit.because = explain::joined(perhaps_on_fargate);
        return fit;
    }
    // What is short: with every node that may come as large as it could be, and without what may go elsewhere.
    let most = Case::of(demand, &new.most, &is_there);
    let ruled_out = most.only(|at| !absorbed[at].perhaps);
    let by_limits = exceeds_limits(&most, &absorbed, &supply.pools);
    let now = Case::of(demand, &supply.nodes.iter().collect::<Vec<_>>(), &is_there);
    let is_short = by_limits || ruled_out.decide().is_short();
    if is_short || now.decide().is_short() {
        let (shortage, because) = now.shortage(supply, is_short.then_some(&absorbed));
        fit.nodes_needed = now.nodes_needed();
        fit.short = shortage;
        fit.placed = explain::placed(&now, &now.in_order());
        let proved = is_short && supply.may_grow.is_none() && !new.cut;
        if proved {
            fit.outcome = Outcome::Short;
            fit.because = because;
            return fit;
        }
        let growth = supply.growth().unwrap_or_default();
        fit.because = format!("{because}; nodes may be added: {growth}");
        return fit;
    }
    let pods = explain::count_of(case.total(), "pod");
    fit.because = format!("no way to place {pods} was found, and none was ruled out within bounds");
    fit
}

/// The nodes that are there and those that node groups may add, with what is surely left and with the most.
struct NewNodes<'a> {
    sure: Vec<&'a Node>,
    most: Vec<&'a Node>,
    /// Not all that may come are in it.
    cut: bool,
}

impl<'a> NewNodes<'a> {
    fn of(demand: &[Demand], supply: &'a Supply) -> Self {
        let mut made = Self { sure: supply.nodes.iter().collect(), most: supply.nodes.iter().collect(), cut: false };
        // No more nodes are of use than there are pods.
        let pods: u64 = demand.iter().flat_map(|job| &job.pods).map(|pod| u64::from(pod.count)).sum();
        let mut left = MOST_NEW_NODES;
        for pool in supply.pools.iter().filter(|pool| !pool.chooses) {
            let wanted = pool.most_nodes.unwrap_or(u64::MAX).min(pods);
            let number = wanted.min(left);
            made.cut |= number < wanted;
            left -= number;
            made.cut |= pool.most.is_none();
            for _ in 0..number {
                made.sure.extend(&pool.least);
                made.most.extend(&pool.most);
            }
        }
        made
    }
}

/// What may become of a group of pods on nodes that Karpenter chooses.
#[derive(Clone, Copy, Debug, Default)]
struct Absorbed {
    /// An unlimited pool surely makes a node for each of its pods.
    surely: bool,
    /// A limited pool would do so even if every pod of the gang got a node of its own, and not the smallest.
    amply: bool,
    /// Some pool might.
    perhaps: bool,
    /// Some pool might, and all that might are limited.
    only_limited: bool,
}

fn absorbed(group: &Group<'_>, pools: &[Pool]) -> Absorbed {
    let mut made = Absorbed { only_limited: true, ..Absorbed::default() };
    for pool in pools.iter().filter(|pool| pool.chooses) {
        let shapes = pool.shapes_for(group.pod);
        let holds = |room: Room| group.fits(room) > 0;
        let fitting: Vec<&Shape> = shapes.iter().copied().filter(|shape| holds(shape.sure)).collect();
        let surely = pool.exact && !fitting.is_empty() && pool.is_varied(&fitting);
        made.surely |= surely && pool.is_unlimited();
        if surely && !pool.is_unlimited() {
            // Karpenter launches the cheapest of the types that fit, or one of the sixty cheapest.
            let mut sizes: Vec<(u64, u64)> = fitting.iter().map(|shape| (shape.of.vcpu, shape.of.memory_mib)).collect();
            sizes.sort_unstable();
            sizes.truncate(TYPES_OFFERED);
            let largest = |of: fn(&(u64, u64)) -> u64| sizes.iter().map(of).max().unwrap_or(0);
            let pods = group.of_all;
            let within = |left: Option<u64>, each: u64| left.is_none_or(|left| each.saturating_mul(pods) <= left);
            made.amply |= within(pool.cpu_left_milli, largest(|size| size.0.saturating_mul(1000)))
                && within(pool.memory_left_mib, largest(|size| size.1))
                && within(pool.most_nodes, 1);
        }
        // An inexact pool has at most the shapes that are named.
        if shapes.iter().any(|shape| holds(shape.most)) {
            made.perhaps = true;
            made.only_limited &= !pool.is_unlimited();
        }
    }
    made.only_limited &= made.perhaps;
    made
}

/// A way to place all pods, with nodes of limited pools for those that find no other.
struct Placing<'a> {
    packing: Packing<'a>,
    added: Vec<Added>,
}

/// First-fit onto nodes, and the rest onto pools.
fn placing<'a>(case: &Case<'a>, absorbed: &[Absorbed], supply: &'a Supply) -> Placing<'a> {
    let mut best: Option<Packing<'a>> = None;
    for (groups, nodes) in case.orders() {
        let packing = case.pack(&groups, &nodes);
        let left = |packing: &Packing<'_>| packing.left.iter().sum::<u64>();
        if best.as_ref().is_none_or(|best| left(&packing) < left(best)) {
            best = Some(packing);
        }
    }
    let packing = best.unwrap_or_else(|| case.in_order());
    let mut added = Vec::new();
    let there = supply.nodes.len();
    let mut of_groups: Vec<(&str, u64)> = Vec::new();
    for (at, node) in case.nodes.iter().enumerate().skip(there) {
        if packing.free[at] != Room::of(node) {
            match of_groups.last_mut().filter(|(name, _)| *name == node.name) {
                Some((_, number)) => *number += 1,
                None => of_groups.push((&node.name, 1)),
            }
        }
    }
    for (name, number) in of_groups {
        let of_pool = |pool: &&Pool| pool.least.as_ref().is_some_and(|node| node.name == name);
        let pool = supply.pools.iter().find(of_pool);
        let model = pool.and_then(|pool| pool.least.as_ref());
        added.push(Added {
            pool: pool.map_or_else(|| name.to_owned(), |pool| pool.name.clone()),
            instance_type: model.and_then(|node| node.labels.get("node.kubernetes.io/instance-type")).cloned(),
            nodes: Some(number),
        });
    }
    let is_left = |at: usize| packing.left[at] > 0;
    if (0..case.groups.len()).any(is_left) {
        if (0..case.groups.len()).filter(|at| is_left(*at)).all(|at| absorbed[at].surely) {
            let makes = |pool: &&Pool| {
                pool.chooses
                    && pool.is_unlimited()
                    && (0..case.groups.len())
                        .any(|at| is_left(at) && self::absorbed(&case.groups[at], std::slice::from_ref(pool)).surely)
            };
            added.extend(supply.pools.iter().filter(makes).map(|pool| Added {
                pool: pool.name.clone(),
                instance_type: None,
                nodes: None,
            }));
        } else if let Some(limited) = within_limits(case, absorbed, &supply.pools) {
            added.extend(limited);
        }
    }
    Placing { packing, added }
}

/// Nodes of limited pools, within their limits, for what first-fit leaves over; `None` where none were found.
fn within_limits(case: &Case<'_>, absorbed: &[Absorbed], pools: &[Pool]) -> Option<Vec<Added>> {
    let limited: Vec<&Pool> = pools.iter().filter(|pool| pool.chooses && pool.exact && !pool.is_unlimited()).collect();
    if limited.is_empty() {
        return None;
    }
    let kept = |at: &usize| !absorbed[*at].surely;
    let mut best: Option<(u64, Added)> = None;
    for (groups, nodes) in case.orders() {
        let groups: Vec<usize> = groups.into_iter().filter(kept).collect();
        let packing = case.pack(&groups, &nodes);
        let left: Vec<usize> = groups.into_iter().filter(|at| packing.left[*at] > 0).collect();
        for pool in &limited {
            let mut shapes: Option<Vec<&Shape>> = None;
            for at in &left {
                let of_group = pool.shapes_for(case.groups[*at].pod);
                shapes = Some(match shapes {
                    None => of_group,
                    Some(known) => {
                        let names: FxHashSet<&str> = of_group.iter().map(|shape| shape.of.name).collect();
                        known.into_iter().filter(|shape| names.contains(shape.of.name)).collect()
                    }
                });
            }
            let shapes = shapes.unwrap_or_default();
            let holding: Vec<&Shape> = shapes
                .into_iter()
                .filter(|shape| left.iter().all(|at| case.groups[*at].fits(shape.sure) > 0))
                .collect();
            if !pool.is_varied(&holding) {
                continue;
            }
            for shape in holding {
                let Some(number) = case.new_nodes(&left, &packing.left, shape.sure) else { continue };
                let within = |left: Option<u64>, each: u64| left.is_none_or(|left| each.saturating_mul(number) <= left);
                let cpu_milli = shape.of.vcpu.saturating_mul(1000);
                let cost = cpu_milli.saturating_mul(number);
                if within(pool.cpu_left_milli, cpu_milli)
                    && within(pool.memory_left_mib, shape.of.memory_mib)
                    && within(pool.most_nodes, 1)
                    && best.as_ref().is_none_or(|(least, _)| cost < *least)
                {
                    let instance_type = Some(shape.of.name.to_owned());
                    best = Some((cost, Added { pool: pool.name.clone(), instance_type, nodes: Some(number) }));
                }
            }
        }
    }
    best.map(|(_, added)| vec![added])
}

/// Whether the pods that limited pools alone could take ask for more than the nodes and those limits have together.
fn exceeds_limits(case: &Case<'_>, absorbed: &[Absorbed], pools: &[Pool]) -> bool {
    let held = |at: usize| !absorbed[at].perhaps || absorbed[at].only_limited;
    let groups: Vec<&Group<'_>> =
        case.groups.iter().enumerate().filter(|(at, _)| held(*at)).map(|(_, group)| group).collect();
    if !(0..case.groups.len()).any(|at| absorbed[at].only_limited) {
        return false;
    }
    let total = |of: fn(&Room) -> u64| case.free.iter().map(|room| u128::from(of(room))).sum::<u128>();
    let asks = |of: fn(&Group<'_>) -> u64| {
        groups.iter().map(|group| u128::from(of(group)) * u128::from(group.count)).sum::<u128>()
    };
    let choosing = || pools.iter().filter(|pool| pool.chooses && !pool.is_unlimited());
    let left =
        |of: fn(&Pool) -> Option<u64>| choosing().map(of).try_fold(0_u128, |sum, left| Some(sum + u128::from(left?)));
    let above = |asks: u128, there: u128, left: Option<u128>| left.is_some_and(|left| asks > there + left);
    above(asks(|group| group.cpu), total(|room| room.cpu), left(|pool| pool.cpu_left_milli))
        || above(asks(|group| group.memory), total(|room| room.memory), left(|pool| pool.memory_left_mib))
        || groups.iter().any(|group| {
            let slots: u128 = (0..case.free.len())
                .filter(|node| case.may_be_on[group.class][*node])
                .map(|node| u128::from(group.fits(case.free[node])))
                .sum();
            let more = |left: Option<u128>, each: u64| {
                left.map(|left| if each == 0 { u128::MAX } else { left / u128::from(each) })
            };
            let by_cpu = more(left(|pool| pool.cpu_left_milli), group.cpu);
            let by_memory = more(left(|pool| pool.memory_left_mib), group.memory);
            [by_cpu, by_memory]
                .into_iter()
                .flatten()
                .min()
                .is_some_and(|more| u128::from(group.count) > slots.saturating_add(more))
        })
}

/// The nodes that are there and on which the pod may be, whatever room they have.
pub fn nodes_for<'s>(pod: &'s PodDemand, supply: &'s Supply) -> impl Iterator<Item = &'s Node> {
    supply.nodes.iter().filter(|node| may_be_on_node(pod, node))
}

pub(super) fn may_be_on_node(pod: &PodDemand, node: &Node) -> bool {
    // A template that was not given may hold any toleration.
    node.schedulable && is_selected(pod, node) && (pod.template.is_some() || not_tolerated(pod, node).is_none())
}

fn is_selected(pod: &PodDemand, node: &Node) -> bool {
    pod.node_selector.iter().all(|(key, value)| node.labels.get(key) == Some(value))
}

/// The first taint that keeps the pod from the node.
fn not_tolerated<'n>(pod: &PodDemand, node: &'n Node) -> Option<&'n Taint> {
    let keeps_away = |taint: &&Taint| matches!(taint.effect.as_str(), "NoSchedule" | "NoExecute");
    node.taints.iter().filter(keeps_away).find(|taint| !pod.tolerations.iter().any(|it| it.tolerates(taint)))
}

#[cfg(test)]
mod tests;
