//! Pods and nodes as a packing problem: first-fit, and what any packing must keep.

use super::super::affinity::{HOST, Repelling};
use super::super::demand::{Demand, PodDemand};
use super::super::pool::as_new;
use super::super::supply::{Node, Room};
use super::may_be_on_node;
use super::search::Search;
use rustc_hash::FxHashMap;
use std::collections::BTreeSet;
use std::rc::Rc;

/// Sets of constraints that sums are made for one by one.
const MOST_CLASSES: usize = 8;

/// What a packing came to.
pub(super) enum Decision<'a> {
    /// All pods are placed so.
    Packed(Packing<'a>),
    /// No packing places all of them.
    Short,
    /// Neither was found.
    Undecided,
}

impl Decision<'_> {
    pub(super) fn is_short(&self) -> bool {
        matches!(self, Self::Short)
    }
}

/// Equal pods of one job, or of several jobs that are alike.
#[derive(Clone)]
pub(super) struct Group<'a> {
    /// The first of the jobs.
    pub(super) job: usize,
    /// How many jobs are alike.
    pub(super) jobs: u64,
    pub(super) pod: &'a PodDemand,
    pub(super) count: u64,
    pub(super) cpu: u64,
    pub(super) memory: u64,
    /// Index of the pods' constraints in [`Case::may_be_on`].
    pub(super) class: usize,
    /// The pods of all jobs together.
    pub(super) of_all: u64,
    /// So many of them at most are on one node.
    pub(super) most_per_node: u64,
}

impl Group<'_> {
    pub(super) fn fits(&self, room: Room) -> u64 {
        room.takes(self.cpu, self.memory).min(self.most_per_node)
    }

    /// What is left of room when `count` of these pods are in it; `count` is at most what it takes.
    pub(super) fn in_room(&self, room: Room, count: u64) -> Room {
        Room {
            cpu: room.cpu.saturating_sub(self.cpu.saturating_mul(count)),
            memory: room.memory.saturating_sub(self.memory.saturating_mul(count)),
            pods: room.pods.saturating_sub(count),
        }
    }
}

/// The groups of pods, the nodes, and which may be on which.
#[derive(Clone)]
pub(super) struct Case<'a> {
    pub(super) groups: Vec<Group<'a>>,
    pub(super) nodes: Rc<[&'a Node]>,
    /// What is free on each node.
    pub(super) free: Rc<[Room]>,
    /// For each set of constraints, for each node: whether the pods may be there.
    pub(super) may_be_on: Rc<[Vec<bool>]>,
}

/// What first-fit has left: room on each node, pods of each group; and where it put how many.
pub(super) struct Packing<'a> {
    pub(super) free: Vec<Room>,
    pub(super) left: Vec<u64>,
    /// Group, node, number.
    pub(super) placed: Vec<(usize, usize, u64)>,
    pub(super) nodes: Rc<[&'a Node]>,
}

impl Packing<'_> {
    /// The first group that is not placed whole.
    pub(super) fn left_over(&self) -> Option<usize> {
        self.left.iter().position(|left| *left > 0)
    }
}

/// What pods that are there keep away.
struct Closed<'n> {
    repelling: Vec<(&'n Node, &'n Repelling)>,
}

impl<'n> Closed<'n> {
    fn of(nodes: impl Iterator<Item = &'n Node>) -> Self {
        Self { repelling: nodes.flat_map(|node| node.repelling.iter().map(move |it| (node, it))).collect() }
    }

    /// The nodes that may be closed to a pod, by label and value.
    fn to(&self, job: &Demand, pod: &PodDemand) -> BTreeSet<(&'n str, &'n str)> {
        let labels = if pod.template.is_some() { None } else { Some(&pod.labels) };
        let may = |it: &Repelling| {
            // A template that was not given may hold any label.
            labels.is_none_or(|labels| it.may_repel(job.namespace.as_deref(), labels))
        };
        let near = self.repelling.iter().filter(|(_, it)| may(it));
        near.filter_map(|(node, it)| Some((it.topology_key.as_str(), topology(node, &it.topology_key)?))).collect()
    }
}

/// The value by which a node is told from others.
fn topology<'n>(node: &'n Node, key: &str) -> Option<&'n str> {
    if key == HOST { Some(&node.name) } else { node.labels.get(key).map(String::as_str) }
}

/// Whether pods of the same namespace are on a node, of which some may be meant by what keeps pods apart.
fn has_fellows(node: &Node, job: &Demand) -> bool {
    let namespace = job.namespace.as_deref();
    node.taken_by.iter().any(|pod| namespace.is_none_or(|namespace| namespace == pod.namespace))
}

impl<'a> Case<'a> {
    /// With `surely`, pods are only where nothing can keep them away; else wherever they might be.
    pub(super) fn of(
        demand: &'a [Demand],
        nodes: &[&'a Node],
        surely: bool,
        counts: &dyn Fn(&Demand, &PodDemand) -> bool,
    ) -> Self {
        let closed = Closed::of(nodes.iter().copied().filter(|_| surely));
        let mut classes = FxHashMap::default();
        let mut may_be_on: Vec<Vec<bool>> = Vec::new();
        let mut groups = Vec::new();
        let mut kinds: Vec<(usize, &'a Demand, u64)> = Vec::new();
        for (at, job) in demand.iter().enumerate() {
            match kinds.iter_mut().find(|(_, known, _)| known.pods == job.pods && known.namespace == job.namespace) {
                Some((_, _, number)) => *number += 1,
                None => kinds.push((at, job, 1)),
            }
        }
        for (job, demand, jobs) in kinds {
            for pod in demand.pods.iter().filter(|pod| pod.count > 0 && counts(demand, pod)) {
                // Whose pods they are matters only where there are pods that keep others away.
                let near = surely && (pod.apart.is_some() || !closed.repelling.is_empty());
                let of_pod = near.then_some((&demand.namespace, &pod.labels, pod.apart.is_some()));
                let constraints = (&pod.node_selector, &pod.tolerations, pod.template.is_some(), &pod.affinity, of_pod);
                let class = *classes.entry(constraints).or_insert_with(|| {
                    let off = if near { closed.to(demand, pod) } else { BTreeSet::new() };
                    let may = |node: &&Node| {
                        may_be_on_node(pod, node, surely)
                            && off.iter().all(|(key, value)| topology(node, key) != Some(value))
                            && !(near && pod.apart.is_some() && has_fellows(node, demand))
                    };
                    may_be_on.push(nodes.iter().map(may).collect());
                    may_be_on.len() - 1
                });
                let apart = pod.apart.as_ref().filter(|apart| surely || apart.exact);
                let most_per_node = apart.map_or(u64::MAX, |apart| apart.most_per_node);
                let count = u64::from(pod.count).saturating_mul(jobs);
                let (cpu, memory) = (pod.cpu_milli, pod.memory_mib);
                groups.push(Group { job, jobs, pod, count, cpu, memory, class, of_all: 0, most_per_node });
            }
        }
        groups.sort_by_key(|group| (group.job, group.pod.role));
        let of_all = groups.iter().map(|group| group.count).sum();
        for group in &mut groups {
            group.of_all = of_all;
        }
        let free = nodes.iter().map(|node| Room::of(node)).collect();
        Self { groups, nodes: nodes.into(), free, may_be_on: may_be_on.into() }
    }

    /// The same nodes, and only the groups at these places.
    pub(super) fn only(&self, keep: impl Fn(usize) -> bool) -> Self {
        let kept = self.groups.iter().enumerate().filter(|(at, _)| keep(*at)).map(|(_, group)| group.clone());
        Self { groups: kept.collect(), ..self.clone() }
    }

    pub(super) fn total(&self) -> u64 {
        self.groups.iter().map(|group| group.count).sum()
    }

    pub(super) fn decide(&self) -> Decision<'a> {
        for (groups, nodes) in self.orders() {
            let packing = self.pack(&groups, &nodes);
            if packing.left_over().is_none() {
                return Decision::Packed(packing);
            }
        }
        if self.exceeds() { Decision::Short } else { Search::over(self) }
    }

    /// The orders in which first-fit is tried: large pods first, by each measure of large, and pods with few nodes
    /// before pods with many; nodes with little room before those with much, and the other way round.
    pub(super) fn orders(&self) -> Vec<(Vec<usize>, Vec<usize>)> {
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
                if !groups.contains(&order) {
                    groups.push(order);
                }
            }
        }
        let mut tight: Vec<usize> = (0..self.free.len()).collect();
        tight.sort_by_key(|at| share(self.free[*at].cpu, self.free[*at].memory));
        let wide: Vec<usize> = tight.iter().rev().copied().collect();
        groups.into_iter().flat_map(|order| [(order.clone(), tight.clone()), (order, wide.clone())]).collect()
    }

    /// First-fit, a group at a time.
    pub(super) fn pack(&self, groups: &[usize], nodes: &[usize]) -> Packing<'a> {
        let left = self.groups.iter().map(|group| group.count).collect();
        let mut packing = Packing { free: self.free.to_vec(), left, placed: Vec::new(), nodes: Rc::clone(&self.nodes) };
        // Nodes that have no room even for the smallest pod are not looked at again.
        let least = |of: fn(&Group<'_>) -> u64| self.groups.iter().map(of).min().unwrap_or(0);
        let (cpu, memory) = (least(|group| group.cpu), least(|group| group.memory));
        let mut open: Vec<usize> = nodes.to_vec();
        for at in groups {
            let group = &self.groups[*at];
            let mut left = group.count;
            for node in &open {
                if left == 0 {
                    break;
                }
                if self.may_be_on[group.class][*node] {
                    let placed = group.fits(packing.free[*node]).min(left);
                    if placed > 0 {
                        packing.free[*node] = group.in_room(packing.free[*node], placed);
                        packing.placed.push((*at, *node, placed));
                        left -= placed;
                    }
                }
            }
            packing.left[*at] = left;
            open.retain(|node| packing.free[*node].takes(cpu, memory) > 0);
        }
        packing
    }

    /// First-fit in the order in which the pods are made, onto the fullest nodes first.
    pub(super) fn in_order(&self) -> Packing<'a> {
        let mut tight: Vec<usize> = (0..self.free.len()).collect();
        tight.sort_by_key(|at| (self.free[*at].cpu, self.free[*at].memory));
        let order: Vec<usize> = (0..self.groups.len()).collect();
        self.pack(&order, &tight)
    }

    /// Whether the pods ask for more than any packing can give: for each size of pod, the pods at least as large ask
    /// for more slots of that size, or for more CPU, memory or pods in all, than their nodes have.
    pub(super) fn exceeds(&self) -> bool {
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
            let slots = match groups {
                [only] => only.fits(*room),
                _ => room.takes(cpu, memory),
            };
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

    /// How many more nodes are enough, each like the largest one that suits all pods that are left over.
    pub(super) fn nodes_needed(&self) -> Option<u32> {
        let orders = self.orders();
        let needed = orders.iter().filter_map(|(groups, nodes)| {
            let packing = self.pack(groups, nodes);
            let left: Vec<usize> = groups.iter().copied().filter(|at| packing.left[*at] > 0).collect();
            let suits = |node: &usize| left.iter().all(|at| self.may_be_on[self.groups[*at].class][*node]);
            let size = |node: &usize| {
                let empty = Room::of(&as_new(self.nodes[*node]));
                (empty.cpu, empty.memory, empty.pods)
            };
            let model = (0..self.nodes.len()).filter(suits).max_by_key(size)?;
            self.new_nodes(&left, &packing.left, Room::of(&as_new(self.nodes[model])))
        });
        needed.min().and_then(|needed| u32::try_from(needed).ok())
    }

    /// First-fit of what is left onto new nodes, which are kept as numbers of equal ones.
    pub(super) fn new_nodes(&self, order: &[usize], left: &[u64], empty: Room) -> Option<u64> {
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
                next.push((group.in_room(room, takes), full));
                if takes > 0 && same > 0 && *left > 0 {
                    next.push((group.in_room(room, *left), 1));
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
