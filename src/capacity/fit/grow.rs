//! Nodes that may be added: what becomes of pods on them, and how far limits reach.

use super::super::demand::Demand;
use super::super::pool::{Pool, Shape};
use super::super::supply::{Node, Room, Supply};
use super::Added;
use super::limited::{self, Found};
use super::pack::{Case, Group, Packing};
use rustc_hash::FxHashSet;

/// So many types Karpenter offers to EC2 for one node.
const TYPES_OFFERED: usize = 60;
/// Nodes that are tried of all pools together.
const MOST_NEW_NODES: u64 = 5_000;

/// The nodes that are there and those that node groups may add, with what is surely left and with the most.
pub(super) struct NewNodes<'a> {
    pub(super) sure: Vec<&'a Node>,
    pub(super) most: Vec<&'a Node>,
    /// Not all that may come are in it.
    pub(super) cut: bool,
}

impl<'a> NewNodes<'a> {
    pub(super) fn of(demand: &[Demand], supply: &'a Supply) -> Self {
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
pub(super) struct Absorbed {
    /// An unlimited pool surely makes a node for each of its pods.
    pub(super) surely: bool,
    /// A limited pool would do so even if every pod of the gang got a node of its own, and not the smallest.
    pub(super) amply: bool,
    /// Some pool might.
    pub(super) perhaps: bool,
    /// Some pool might, and all that might are limited.
    pub(super) only_limited: bool,
}

pub(super) fn absorbed(group: &Group<'_>, pools: &[Pool]) -> Absorbed {
    let mut made = Absorbed { only_limited: true, ..Absorbed::default() };
    for pool in pools.iter().filter(|pool| pool.chooses) {
        let shapes = pool.shapes_for(group.pod);
        let holds = |room: Room| group.fits(room) > 0;
        let fitting: Vec<&Shape> =
            pool.shapes_surely_for(group.pod).into_iter().filter(|shape| holds(shape.sure)).collect();
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

/// A way to place all pods with nodes of limited pools, where first-fit alone finds no nodes for them.
pub(super) fn with_limited<'a>(case: &Case<'a>, absorbed: &[Absorbed], supply: &Supply) -> Option<Found<'a>> {
    if within_limits(case, absorbed, &supply.pools).is_some() {
        return Some(placing(case, absorbed, supply));
    }
    let mut found = limited::place(case, &|at| !absorbed[at].surely, &supply.pools)?;
    let surely: Vec<usize> = (0..case.groups.len()).filter(|at| absorbed[*at].surely).collect();
    found.added.extend(unlimited(case, &surely, &supply.pools));
    Some(found)
}

/// The nodes of node groups that a packing uses.
pub(super) fn of_groups(case: &Case<'_>, packing: &Packing<'_>, supply: &Supply) -> Vec<Added> {
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
    added
}

/// The unlimited pools that make nodes for these groups.
pub(super) fn unlimited(case: &Case<'_>, groups: &[usize], pools: &[Pool]) -> Vec<Added> {
    let makes = |pool: &&Pool| {
        pool.chooses
            && pool.is_unlimited()
            && groups.iter().any(|at| absorbed(&case.groups[*at], std::slice::from_ref(pool)).surely)
    };
    let makers = pools.iter().filter(makes);
    makers.map(|pool| Added { pool: pool.name.clone(), instance_type: None, nodes: None }).collect()
}

/// First-fit onto nodes, and the rest onto pools.
pub(super) fn placing<'a>(case: &Case<'a>, absorbed: &[Absorbed], supply: &Supply) -> Found<'a> {
    let mut best: Option<Packing<'a>> = None;
    for (groups, nodes) in case.orders() {
        let packing = case.pack(&groups, &nodes);
        let left = |packing: &Packing<'_>| packing.left.iter().sum::<u64>();
        if best.as_ref().is_none_or(|best| left(&packing) < left(best)) {
            best = Some(packing);
        }
    }
    let packing = best.unwrap_or_else(|| case.in_order());
    let mut added = of_groups(case, &packing, supply);
    let left: Vec<usize> = (0..case.groups.len()).filter(|at| packing.left[*at] > 0).collect();
    if left.iter().all(|at| absorbed[*at].surely) {
        added.extend(unlimited(case, &left, &supply.pools));
    } else if let Some(limited) = within_limits(case, absorbed, &supply.pools) {
        added.extend(limited);
    }
    Found { packing, added, of_kept: false }
}

/// Nodes of limited pools, within their limits, for what first-fit leaves over; `None` where none were found.
pub(super) fn within_limits(case: &Case<'_>, absorbed: &[Absorbed], pools: &[Pool]) -> Option<Vec<Added>> {
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
                let of_group = pool.shapes_surely_for(case.groups[*at].pod);
                shapes = Some(match shapes {
                    None => of_group,
                    Some(known) => {
                        let names: FxHashSet<&str> = of_group.iter().map(|shape| shape.of.name.as_ref()).collect();
                        known.into_iter().filter(|shape| names.contains(shape.of.name.as_ref())).collect()
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
                    let instance_type = Some(shape.of.name.to_string());
                    best = Some((cost, Added { pool: pool.name.clone(), instance_type, nodes: Some(number) }));
                }
            }
        }
    }
    best.map(|(_, added)| vec![added])
}

/// Whether the pods that limited pools alone could take ask for more than the nodes and those limits have together.
pub(super) fn exceeds_limits(case: &Case<'_>, absorbed: &[Absorbed], pools: &[Pool]) -> bool {
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
