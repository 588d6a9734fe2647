//! Whether all pods of some jobs find nodes at once, and what is short if they do not.
//!
//! The filters are the scheduler's: ready, not cordoned, taints tolerated, labels selected, room for the pod. Then all
//! pods are packed as one gang. First-fit in several orders finds most packings; where it finds none, sums and slots
//! that any packing must keep prove most shortages, and a bounded exact search settles what is left of the small
//! cases. What none of them decides is unknown.
//!
//! The scheduler places pod by pod and does not pack. So *fits* is said only where no choice of its can leave a pod
//! without a node; where a packing exists but may be missed, the answer is *fits if packed well*.

use super::demand::{Demand, PodDemand, Role};
use super::supply::{Node, Supply, Taint};
use std::collections::BTreeMap;
use std::fmt::{self, Write};

/// Looks at nodes in one exact search, and in all attempts to block a pod together.
const MOST_STEPS: usize = 2_000_000;
/// Pods of one exact search, and so its depth.
const MOST_PODS_SEARCHED: u64 = 64;
/// Sets of constraints that sums are made for one by one.
const MOST_CLASSES: usize = 8;
/// Nodes and pods that the arithmetic names one by one.
const MOST_NODES_TOLD: usize = 50;
const MOST_PODS_TOLD: usize = 6;

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
}

/// What keeps a pod from a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Binding {
    /// CPU.
    Cpu,
    /// Memory.
    Memory,
    /// The number of pods that a node takes.
    Pods,
    /// A taint that the pod does not tolerate.
    Taint,
    /// A label that no node has.
    Selector,
    /// There is no node that is ready and not cordoned.
    NoReadyNode,
}

impl fmt::Display for Binding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Cpu => "cpu",
            Self::Memory => "memory",
            Self::Pods => "pods",
            Self::Taint => "taint",
            Self::Selector => "selector",
            Self::NoReadyNode => "no ready node",
        })
    }
}

/// Whether the pods of all these jobs find nodes at the same time.
#[must_use]
pub fn fit(demand: &[Demand], supply: &Supply) -> Fit {
    let case = Case::of(demand, &supply.nodes);
    let mut fit = Fit {
        outcome: Outcome::Unknown,
        because: String::new(),
        short: None,
        nodes_needed: None,
        arithmetic: arithmetic(demand, supply),
    };
    if !supply.unknown.is_empty() {
        fit.because = supply.unknown.join("; ");
        return fit;
    }
    match case.decide() {
        Decision::Packed => {
            let open = demand.iter().flat_map(|job| &job.pods).filter_map(|pod| pod.template.as_ref());
            let mut open: Vec<_> =
                open.map(|template| format!("the pod template `{template}` was not given")).collect();
            if demand.iter().any(|job| !job.unknown.is_empty()) {
                open = demand.iter().flat_map(|job| job.unknown.clone()).collect();
            }
            open.sort();
            open.dedup();
            let pods = count_of(case.total(), "pod");
            if !open.is_empty() {
                fit.because = open.join("; ");
            } else if case.fits_always() {
                fit.outcome = Outcome::Fits;
                fit.because = format!("{pods} fit {}", count_of(supply.nodes.len() as u64, "node"));
            } else {
                fit.outcome = Outcome::FitsIfPackedWell;
                fit.because = format!("there is a way to place {pods}, but the scheduler may miss it");
            }
        }
        Decision::Short => {
            let (shortage, because) = case.shortage();
            fit.nodes_needed = case.nodes_needed();
            fit.short = shortage;
            if let Some(growth) = &supply.may_grow {
                fit.because = format!("{because}; nodes may be added: {growth}");
            } else {
                fit.outcome = Outcome::Short;
                fit.because = because;
            }
        }
        Decision::Undecided => {
            let pods = count_of(case.total(), "pod");
            fit.because = format!("no way to place {pods} was found, and none was ruled out within bounds");
        }
    }
    fit
}

fn count_of(number: u64, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

enum Decision {
    Packed,
    Short,
    Undecided,
}

/// Room on a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Room {
    cpu: u64,
    memory: u64,
    pods: u64,
}

impl Room {
    /// How many pods of this size it takes.
    fn takes(self, cpu: u64, memory: u64) -> u64 {
        self.pods
            .min(self.cpu.checked_div(cpu).unwrap_or(u64::MAX))
            .min(self.memory.checked_div(memory).unwrap_or(u64::MAX))
    }

    /// What is left when `count` pods of this size are on it; `count` is at most what it takes.
    fn without(self, group: &Group, count: u64) -> Self {
        Self {
            cpu: self.cpu.saturating_sub(group.cpu.saturating_mul(count)),
            memory: self.memory.saturating_sub(group.memory.saturating_mul(count)),
            pods: self.pods.saturating_sub(count),
        }
    }
}

/// Equal pods of one job.
struct Group<'a> {
    job: usize,
    pod: &'a PodDemand,
    count: u64,
    cpu: u64,
    memory: u64,
    /// Index of the pods' constraints in [`Case::may_be_on`].
    class: usize,
}

impl Group<'_> {
    fn fits(&self, room: Room) -> u64 {
        room.takes(self.cpu, self.memory)
    }
}

/// The groups of pods, the nodes that are ready, and which may be on which.
struct Case<'a> {
    groups: Vec<Group<'a>>,
    nodes: &'a [Node],
    /// What is free on each node; nothing on one that takes no new pods.
    free: Vec<Room>,
    /// For each set of constraints, for each node: whether the pods may be there.
    may_be_on: Vec<Vec<bool>>,
}

impl<'a> Case<'a> {
    fn of(demand: &'a [Demand], nodes: &'a [Node]) -> Self {
        let mut classes = BTreeMap::new();
        let mut may_be_on = Vec::new();
        let mut groups = Vec::new();
        for (job, demand) in demand.iter().enumerate() {
            for pod in demand.pods.iter().filter(|pod| pod.count > 0) {
                let constraints = (&pod.node_selector, &pod.tolerations, pod.template.is_some());
                let class = *classes.entry(constraints).or_insert_with(|| {
                    may_be_on.push(nodes.iter().map(|node| may_be_on_node(pod, node)).collect());
                    may_be_on.len() - 1
                });
                let count = u64::from(pod.count);
                groups.push(Group { job, pod, count, cpu: pod.cpu_milli, memory: pod.memory_mib, class });
            }
        }
        groups.sort_by_key(|group| (group.job, group.pod.role));
        let free = |node: &Node| Room { cpu: node.cpu_free_milli, memory: node.memory_free_mib, pods: node.pods_free };
        Self { groups, nodes, free: nodes.iter().map(free).collect(), may_be_on }
    }

    fn total(&self) -> u64 {
        self.groups.iter().map(|group| group.count).sum()
    }

    fn decide(&self) -> Decision {
        if self.orders().iter().any(|(groups, nodes)| self.pack(groups, nodes).left_over().is_none()) {
            Decision::Packed
        } else if self.exceeds() {
            Decision::Short
        } else {
            Search::over(self)
        }
    }

    /// The orders in which first-fit is tried: large pods first, by each measure of large, and pods with few nodes
    /// before pods with many; nodes with little room before those with much, and the other way round.
    fn orders(&self) -> Vec<(Vec<usize>, Vec<usize>)> {
        let sum = |of: fn(&Room) -> u64| self.free.iter().map(|room| u128::from(of(room))).sum::<u128>().max(1);
        let (all_cpu, all_memory) = (sum(|room| room.cpu), sum(|room| room.memory));
        // Shares of the whole are compared multiplied out; the clamp keeps the product in range.
        let clamp = |number: u128| number.min(u128::from(u64::MAX));
        let (all_cpu, all_memory) = (clamp(all_cpu), clamp(all_memory));
        let share = |cpu: u64, memory: u64| (u128::from(cpu) * all_memory).max(u128::from(memory) * all_cpu);
        let choices: Vec<usize> = self.may_be_on.iter().map(|nodes| nodes.iter().filter(|may| **may).count()).collect();
        let mut groups: Vec<Vec<usize>> = Vec::new();
        for measure in 0..3 {
            for choosy_first in [true, false] {
                let mut order: Vec<usize> = (0..self.groups.len()).collect();
                order.sort_by_key(|at| {
                    let group = &self.groups[*at];
                    let size = match measure {
                        0 => share(group.cpu, group.memory),
                        1 => u128::from(group.cpu),
                        _ => u128::from(group.memory),
                    };
                    (if choosy_first { choices[group.class] } else { 0 }, std::cmp::Reverse(size))
                });
                groups.push(order);
            }
        }
        groups.dedup();
        let mut tight: Vec<usize> = (0..self.free.len()).collect();
        tight.sort_by_key(|at| share(self.free[*at].cpu, self.free[*at].memory));
        let wide: Vec<usize> = tight.iter().rev().copied().collect();
        groups.into_iter().flat_map(|order| [(order.clone(), tight.clone()), (order, wide.clone())]).collect()
    }

    /// First-fit, a group at a time.
    fn pack(&self, groups: &[usize], nodes: &[usize]) -> Packing {
        let mut packing = Packing { free: self.free.clone(), left: vec![0; self.groups.len()] };
        for at in groups {
            let group = &self.groups[*at];
            let mut left = group.count;
            for node in nodes {
                if left == 0 {
                    break;
                }
                if self.may_be_on[group.class][*node] {
                    let placed = group.fits(packing.free[*node]).min(left);
                    packing.free[*node] = packing.free[*node].without(group, placed);
                    left -= placed;
                }
            }
            packing.left[*at] = left;
        }
        packing
    }

    /// Whether the pods ask for more than any packing can give: for each size of pod, the pods at least as large ask
    /// for more slots of that size, or for more CPU, memory or pods in all, than their nodes have.
    fn exceeds(&self) -> bool {
        let all: Vec<&Group<'_>> = self.groups.iter().collect();
        let by_class = (0..self.may_be_on.len())
            .map(|class| all.iter().copied().filter(|group| group.class == class).collect::<Vec<_>>());
        let sets: Vec<Vec<&Group<'_>>> = if self.may_be_on.len() > 1 && self.may_be_on.len() <= MOST_CLASSES {
            by_class.chain([all.clone()]).collect()
        } else {
            vec![all.clone()]
        };
        all.iter().any(|group| self.exceed(&[group])) || sets.iter().any(|set| self.set_exceeds(set))
    }

    fn set_exceeds(&self, set: &[&Group<'_>]) -> bool {
        let mut sizes: Vec<(u64, u64)> = set.iter().map(|group| (group.cpu, group.memory)).collect();
        sizes.extend(set.iter().flat_map(|group| [(group.cpu, 0), (0, group.memory)]));
        sizes.sort_unstable();
        sizes.dedup();
        sizes.iter().any(|(cpu, memory)| {
            let large: Vec<_> =
                set.iter().copied().filter(|group| group.cpu >= *cpu && group.memory >= *memory).collect();
            self.exceed(&large)
        })
    }

    /// Whether these groups ask for more than the nodes have on which one of them fits.
    fn exceed(&self, groups: &[&Group<'_>]) -> bool {
        let least = |of: fn(&Group<'_>) -> u64| groups.iter().map(|group| of(group)).min().unwrap_or(0);
        let (cpu, memory) = (least(|group| group.cpu), least(|group| group.memory));
        let mut classes: Vec<usize> = groups.iter().map(|group| group.class).collect();
        classes.sort_unstable();
        classes.dedup();
        let (mut has_cpu, mut has_memory, mut has_slots) = (0_u128, 0_u128, 0_u128);
        for (node, room) in self.free.iter().enumerate() {
            let slots = room.takes(cpu, memory);
            // With many sets of constraints every node counts: that only makes the room look larger.
            if slots > 0 && (classes.len() > MOST_CLASSES || classes.iter().any(|class| self.may_be_on[*class][node])) {
                has_cpu += u128::from(room.cpu);
                has_memory += u128::from(room.memory);
                has_slots += u128::from(slots);
            }
        }
        let asks = |of: fn(&Group<'_>) -> u64| {
            groups.iter().map(|group| u128::from(of(group)) * u128::from(group.count)).sum::<u128>()
        };
        asks(|_| 1) > has_slots || asks(|group| group.cpu) > has_cpu || asks(|group| group.memory) > has_memory
    }

    /// Whether the last pod of every group finds a node wherever the pods that may be placed before it are. Within a
    /// job, submitter, driver and executors are made in this order; pods of other jobs may come at any time.
    fn fits_always(&self) -> bool {
        let mut steps = 0;
        self.groups.iter().enumerate().all(|(at, group)| {
            let nodes = self.free.iter().zip(&self.may_be_on[group.class]);
            let rooms: Vec<Room> =
                nodes.filter(|(room, may)| **may && group.fits(**room) > 0).map(|(room, _)| *room).collect();
            let before: Vec<(&Group<'_>, u64)> = self
                .groups
                .iter()
                .enumerate()
                .filter(|(_, other)| other.job != group.job || other.pod.role <= group.pod.role)
                .map(|(other_at, other)| (other, other.count - u64::from(other_at == at)))
                .collect();
            enough_slots(group, &rooms, &before)
                || not_blocked(group, &rooms, &before)
                || (self.total() <= MOST_PODS_SEARCHED && !Adversary::may_block(self, group, &before, &mut steps))
        })
    }

    /// The first pod without a node, when pods are placed in the order in which they are made, and the sentence.
    fn shortage(&self) -> (Option<Shortage>, String) {
        let impossible = self.groups.iter().position(|group| {
            let nodes = self.free.iter().zip(&self.may_be_on[group.class]);
            nodes.into_iter().all(|(room, may)| !*may || group.fits(*room) == 0)
        });
        let (at, packing) = if let Some(at) = impossible {
            (at, Packing { free: self.free.clone(), left: self.groups.iter().map(|group| group.count).collect() })
        } else {
            let mut tight: Vec<usize> = (0..self.free.len()).collect();
            tight.sort_by_key(|at| (self.free[*at].cpu, self.free[*at].memory));
            let order: Vec<usize> = (0..self.groups.len()).collect();
            let packing = self.pack(&order, &tight);
            let Some(at) = packing.left_over() else { return (None, String::new()) };
            (at, packing)
        };
        let group = &self.groups[at];
        let needs = format!("{}m cpu and {} MiB", group.cpu, group.memory);
        let mut because = match (packing.left[at], group.count) {
            (1, count) if count > 1 => format!("1 of {count} {}s finds no node: it needs {needs}", group.pod.role),
            (_, 1) => format!("{} needs {needs}", group.pod.role),
            (left, count) => format!("{left} of {count} {}s find no node: each needs {needs}", group.pod.role),
        };
        let candidates: Vec<usize> = (0..self.nodes.len()).filter(|node| self.may_be_on[group.class][*node]).collect();
        let nearness = |node: &usize| {
            let room = packing.free[*node];
            let cpu = u128::from(room.cpu) * u128::from(group.memory.max(1));
            (room.pods > 0, cpu.min(u128::from(room.memory) * u128::from(group.cpu.max(1))))
        };
        let mut shortage = Shortage {
            role: group.pod.role,
            cpu_milli: group.cpu,
            memory_mib: group.memory,
            best_node: None,
            best_cpu_free_milli: 0,
            best_memory_free_mib: 0,
            binding: Binding::NoReadyNode,
        };
        // Of equal nodes the first by name, so that the answer does not hang on the order of a listing.
        let Some(best) = candidates.iter().rev().copied().max_by_key(nearness) else {
            let (binding, why) = self.why_no_candidate(group.pod);
            shortage.binding = binding;
            write_to(&mut because, format_args!("; {why}"));
            return (Some(shortage), because);
        };
        let room = packing.free[best];
        shortage.best_node = self.nodes.get(best).map(|node| node.name.clone());
        (shortage.best_cpu_free_milli, shortage.best_memory_free_mib) = (room.cpu, room.memory);
        let cpu = u128::from(room.cpu) * u128::from(group.memory.max(1));
        let memory = u128::from(room.memory) * u128::from(group.cpu.max(1));
        shortage.binding = match (room.cpu < group.cpu, room.memory < group.memory) {
            (true, true) if memory < cpu => Binding::Memory,
            (true, _) => Binding::Cpu,
            (false, true) => Binding::Memory,
            (false, false) => Binding::Pods,
        };
        let others = if impossible.is_none() && at > 0 { "beside the job's other pods " } else { "" };
        let nodes = match candidates.len() {
            1 => "the only node for it".to_owned(),
            number => format!("the best of {number} nodes"),
        };
        let left = match shortage.binding {
            Binding::Pods => "takes no more pods".to_owned(),
            _ => format!("has {}m and {} MiB left", room.cpu, room.memory),
        };
        write_to(&mut because, format_args!("; {others}{nodes} {left}"));
        (Some(shortage), because)
    }

    /// Why a pod may be on none of the nodes.
    fn why_no_candidate(&self, pod: &PodDemand) -> (Binding, String) {
        let ready: Vec<&Node> = self.nodes.iter().filter(|node| node.schedulable).collect();
        if ready.is_empty() {
            let why = match self.nodes.len() {
                0 => "there is no node".to_owned(),
                number => format!("none of {} is ready and not cordoned", count_of(number as u64, "node")),
            };
            return (Binding::NoReadyNode, why);
        }
        let selected: Vec<&&Node> = ready.iter().filter(|node| is_selected(pod, node)).collect();
        if selected.is_empty() {
            let labels: Vec<_> = pod.node_selector.iter().map(|(key, value)| format!("`{key}={value}`")).collect();
            let nodes = count_of(ready.len() as u64, "ready node");
            return (Binding::Selector, format!("none of {nodes} has the label {}", labels.join(" and ")));
        }
        let taint = selected.iter().find_map(|node| not_tolerated(pod, node));
        let taint = taint.map(|it| format!("`{}={}:{}`", it.key, it.value, it.effect)).unwrap_or_default();
        let nodes = count_of(selected.len() as u64, "ready node");
        (Binding::Taint, format!("none of {nodes} is without a taint that it does not tolerate, such as {taint}"))
    }

    /// How many more nodes are enough, each like the largest one that suits all pods that are left over.
    fn nodes_needed(&self) -> Option<u32> {
        let orders = self.orders();
        let needed = orders.iter().filter_map(|(groups, nodes)| {
            let packing = self.pack(groups, nodes);
            let left: Vec<usize> = groups.iter().copied().filter(|at| packing.left[*at] > 0).collect();
            let suits = |node: &usize| left.iter().all(|at| self.may_be_on[self.groups[*at].class][*node]);
            let size = |node: &usize| {
                let empty = empty(&self.nodes[*node]);
                (empty.cpu, empty.memory, empty.pods)
            };
            let model = (0..self.nodes.len()).filter(suits).max_by_key(size)?;
            self.new_nodes(&left, &packing.left, empty(&self.nodes[model]))
        });
        needed.min().and_then(|needed| u32::try_from(needed).ok())
    }

    /// First-fit of what is left onto new nodes, which are kept as numbers of equal ones.
    fn new_nodes(&self, order: &[usize], left: &[u64], empty: Room) -> Option<u64> {
        let mut nodes: Vec<(Room, u64)> = Vec::new();
        for at in order {
            let group = &self.groups[*at];
            let mut left = left[*at];
            let mut next = Vec::new();
            let place = |room: Room, number: u64, left: &mut u64, next: &mut Vec<(Room, u64)>| {
                let takes = group.fits(room);
                let full = left.checked_div(takes).unwrap_or(0).min(number);
                *left -= full * takes;
                let mut same = number - full;
                next.push((room.without(group, takes), full));
                if takes > 0 && same > 0 && *left > 0 {
                    next.push((room.without(group, *left), 1));
                    *left = 0;
                    same -= 1;
                }
                next.push((room, same));
            };
            for (room, number) in nodes {
                place(room, number, &mut left, &mut next);
            }
            if left > 0 {
                let number = left.div_ceil(Some(group.fits(empty)).filter(|takes| *takes > 0)?);
                place(empty, number, &mut left, &mut next);
            }
            next.retain(|(_, number)| *number > 0);
            nodes = next;
        }
        Some(nodes.iter().map(|(_, number)| number).sum())
    }
}

/// A node of this kind as it comes up, with nothing but what every such node runs.
fn empty(node: &Node) -> Room {
    let daemons = || node.taken_by.iter().filter(|pod| pod.daemon);
    Room {
        cpu: daemons().fold(node.cpu_milli, |cpu, pod| cpu.saturating_sub(pod.cpu_milli)),
        memory: daemons().fold(node.memory_mib, |memory, pod| memory.saturating_sub(pod.memory_mib)),
        pods: node.pods.saturating_sub(daemons().count() as u64),
    }
}

/// Every other pod costs the group at most so many of its slots as it is larger, rounded up. What is then left is
/// enough for the group.
fn enough_slots(group: &Group<'_>, rooms: &[Room], before: &[(&Group<'_>, u64)]) -> bool {
    let slots: u128 = rooms.iter().map(|room| u128::from(group.fits(*room))).sum();
    let cost = |other: &Group<'_>| {
        let of = |other: u64, own: u64| if own == 0 { 0 } else { u128::from(other.div_ceil(own)) };
        of(other.cpu, group.cpu).max(of(other.memory, group.memory)).max(1)
    };
    let others: u128 = before.iter().map(|(other, count)| cost(other) * u128::from(*count)).sum();
    others < slots
}

/// To keep a pod from all its nodes, the other pods must use up CPU, memory or places on each. They cannot on all.
fn not_blocked(group: &Group<'_>, rooms: &[Room], before: &[(&Group<'_>, u64)]) -> bool {
    let sum = |of: fn(&Group<'_>) -> u64| {
        before.iter().map(|(other, count)| u128::from(of(other)) * u128::from(*count)).sum::<u128>()
    };
    let blocked = |mut budget: u128, cost: &dyn Fn(&Room) -> u64| {
        let mut costs: Vec<u64> = rooms.iter().map(cost).collect();
        costs.sort_unstable();
        let paid = costs.iter().take_while(|cost| match budget.checked_sub(u128::from(**cost)) {
            Some(left) => {
                budget = left;
                true
            }
            None => false,
        });
        paid.count() as u128
    };
    let others = sum(|_| 1);
    let mut most = blocked(others, &|room| room.pods);
    if group.cpu > 0 {
        most += blocked(sum(|other| other.cpu), &|room| (room.cpu - group.cpu).saturating_add(1));
    }
    if group.memory > 0 {
        most += blocked(sum(|other| other.memory), &|room| (room.memory - group.memory).saturating_add(1));
    }
    most.min(others) < rooms.len() as u128
}

/// What first-fit has left: room on each node, pods of each group.
struct Packing {
    free: Vec<Room>,
    left: Vec<u64>,
}

impl Packing {
    /// The first group that is not placed whole.
    fn left_over(&self) -> Option<usize> {
        self.left.iter().position(|left| *left > 0)
    }
}

/// Tries every way to place a few pods, large ones first, equal nodes and equal pods once.
struct Search<'a> {
    case: &'a Case<'a>,
    pods: Vec<usize>,
    nodes: Vec<usize>,
    free: Vec<Room>,
    steps: usize,
}

impl<'a> Search<'a> {
    fn over(case: &'a Case<'a>) -> Decision {
        if case.total() > MOST_PODS_SEARCHED {
            return Decision::Undecided;
        }
        let Some((order, _)) = case.orders().into_iter().next() else { return Decision::Undecided };
        let pods = order.iter().flat_map(|at| (0..case.groups[*at].count).map(|_| *at)).collect();
        let of_use = |node: &usize| {
            case.groups.iter().any(|group| case.may_be_on[group.class][*node] && group.fits(case.free[*node]) > 0)
        };
        let nodes: Vec<usize> = (0..case.free.len()).filter(of_use).collect();
        let free = nodes.iter().map(|node| case.free[*node]).collect();
        let mut search = Self { case, pods, nodes, free, steps: 0 };
        match search.place(0, 0) {
            _ if search.steps > MOST_STEPS => Decision::Undecided,
            true => Decision::Packed,
            false => Decision::Short,
        }
    }

    /// Places the pods from `at` on; equal pods go to nodes in order, from `first` on.
    fn place(&mut self, at: usize, first: usize) -> bool {
        let Some(group_at) = self.pods.get(at).copied() else { return true };
        let group = &self.case.groups[group_at];
        for node in first..self.nodes.len() {
            self.steps += 1 + node - first;
            if self.steps > MOST_STEPS {
                return false;
            }
            let room = self.free[node];
            if !self.case.may_be_on[group.class][self.nodes[node]]
                || group.fits(room) == 0
                || (first..node).any(|earlier| self.free[earlier] == room && self.are_alike(earlier, node))
            {
                continue;
            }
            self.free[node] = room.without(group, 1);
            let next = if self.pods.get(at + 1) == Some(&group_at) { node } else { 0 };
            if self.place(at + 1, next) {
                return true;
            }
            self.free[node] = room;
        }
        false
    }

    /// Whether two nodes are open to the same pods.
    fn are_alike(&self, left: usize, right: usize) -> bool {
        let (left, right) = (self.nodes[left], self.nodes[right]);
        self.case.may_be_on.iter().all(|nodes| nodes[left] == nodes[right])
    }
}

/// Tries to place other pods so that one more pod of a group finds no node.
struct Adversary<'a> {
    case: &'a Case<'a>,
    target: &'a Group<'a>,
    others: Vec<(&'a Group<'a>, u64)>,
    nodes: Vec<usize>,
    free: Vec<Room>,
    steps: &'a mut usize,
}

impl<'a> Adversary<'a> {
    /// Whether the pods may be blocked; also where it cannot be told within bounds.
    fn may_block(
        case: &'a Case<'a>,
        target: &'a Group<'a>,
        before: &[(&'a Group<'a>, u64)],
        steps: &'a mut usize,
    ) -> bool {
        let mut others: Vec<_> = before.iter().copied().filter(|(_, count)| *count > 0).collect();
        others.sort_by_key(|(group, _)| std::cmp::Reverse((group.cpu, group.memory)));
        let of_use = |node: &usize| case.may_be_on[target.class][*node] && target.fits(case.free[*node]) > 0;
        let nodes: Vec<usize> = (0..case.free.len()).filter(of_use).collect();
        let free = nodes.iter().map(|node| case.free[*node]).collect();
        let left = others.first().map_or(0, |(_, count)| *count);
        Self { case, target, others, nodes, free, steps }.blocks(0, left, 0)
    }

    /// Places `left` pods of the other group at `at`, on nodes from `first` on, and then those of the groups after it.
    /// Any of them may also stay out, even one that would have come first: that errs on the careful side.
    fn blocks(&mut self, at: usize, left: u64, first: usize) -> bool {
        *self.steps += 1 + self.nodes.len();
        let open: Vec<Room> = self.free.iter().copied().filter(|room| self.target.fits(*room) > 0).collect();
        if open.is_empty() || *self.steps > MOST_STEPS {
            return true;
        }
        let Some((other, _)) = self.others.get(at).copied() else { return false };
        let mut remaining = self.others.get(at..).unwrap_or_default().to_vec();
        remaining[0].1 = left;
        if not_blocked(self.target, &open, &remaining) {
            return false;
        }
        for node in first..self.nodes.len() {
            let room = self.free[node];
            let (may, like) = (&self.case.may_be_on[other.class], &self.case.may_be_on);
            let alike = |earlier: usize| {
                self.free[earlier] == room
                    && like.iter().all(|nodes| nodes[self.nodes[earlier]] == nodes[self.nodes[node]])
            };
            let of_use = left > 0 && may[self.nodes[node]] && other.fits(room) > 0 && self.target.fits(room) > 0;
            if !of_use || (first..node).any(alike) {
                continue;
            }
            self.free[node] = room.without(other, 1);
            if self.blocks(at, left - 1, node) {
                return true;
            }
            self.free[node] = room;
        }
        let next = self.others.get(at + 1).map_or(0, |(_, count)| *count);
        self.blocks(at + 1, next, 0)
    }
}

fn may_be_on_node(pod: &PodDemand, node: &Node) -> bool {
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

/// The sum: what is asked for, and what each node has, the one with the most room first.
fn arithmetic(demand: &[Demand], supply: &Supply) -> Vec<String> {
    let mut lines = Vec::new();
    let (mut pods, mut cpu, mut memory) = (0_u128, 0_u128, 0_u128);
    for (job, demand) in demand.iter().enumerate() {
        let of_job = if job > 0 { format!("job {}, ", job + 1) } else { String::new() };
        for pod in &demand.pods {
            let count = u128::from(pod.count);
            pods += count;
            cpu += count * u128::from(pod.cpu_milli);
            memory += count * u128::from(pod.memory_mib);
            let (role, cpu_milli, memory_mib) = (pod.role, pod.cpu_milli, pod.memory_mib);
            lines.push(format!("{of_job}{role} × {count}: {cpu_milli}m, {memory_mib} MiB ({})", pod.arithmetic));
        }
    }
    lines.push(format!("together {pods} pods: {cpu}m, {memory} MiB"));
    let mut nodes: Vec<&Node> = supply.nodes.iter().collect();
    let room = |node: &Node| (node.schedulable, node.cpu_free_milli, node.memory_free_mib);
    nodes.sort_by(|left, right| room(right).cmp(&room(left)).then_with(|| left.name.cmp(&right.name)));
    for node in nodes.iter().take(MOST_NODES_TOLD) {
        let mut line = format!("node `{}`: ", node.name);
        let cpu = node.cpu_milli.saturating_sub(node.cpu_free_milli);
        let memory = node.memory_mib.saturating_sub(node.memory_free_mib);
        write_to(&mut line, format_args!("{}m − {cpu}m = {}m, ", node.cpu_milli, node.cpu_free_milli));
        write_to(&mut line, format_args!("{} − {memory} = {} MiB, ", node.memory_mib, node.memory_free_mib));
        let taken = node.pods.saturating_sub(node.pods_free);
        write_to(&mut line, format_args!("{} − {taken} = {} pods", node.pods, node.pods_free));
        if !node.schedulable {
            line.push_str("; not ready, or cordoned");
        }
        for (at, pod) in node.taken_by.iter().take(MOST_PODS_TOLD).enumerate() {
            line.push_str(if at == 0 { "; taken by " } else { ", " });
            write_to(&mut line, format_args!("{}/{}", pod.namespace, pod.name));
            write_to(&mut line, format_args!(" {}m {} MiB", pod.cpu_milli, pod.memory_mib));
        }
        if node.taken_by.len() > MOST_PODS_TOLD {
            write_to(&mut line, format_args!(" and {} more", node.taken_by.len() - MOST_PODS_TOLD));
        }
        lines.push(line);
    }
    if nodes.len() > MOST_NODES_TOLD {
        lines.push(format!(
            "and {} with no more room than these",
            count_of((nodes.len() - MOST_NODES_TOLD) as u64, "node")
        ));
    }
    if supply.waiting > 0 {
        lines.push(format!("{} already without a node compete for the room", count_of(supply.waiting as u64, "pod")));
    }
    lines
}

fn write_to(text: &mut String, arguments: fmt::Arguments<'_>) {
    // Writing to a text does not fail.
    let _ = text.write_fmt(arguments);
}

#[cfg(test)]
mod tests;
