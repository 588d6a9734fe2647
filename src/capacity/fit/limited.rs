//! Every way to place a few pods onto nodes and onto what NodePools may add within their limits.
//!
//! Karpenter chooses a type for each node that it makes; here each type is tried that is not worse in everything than
//! another one. Equal pods and equal nodes are tried once.

use super::super::pool::Pool;
use super::super::supply::Room;
use super::Added;
use super::pack::{Case, Packing};
use std::collections::BTreeMap;
use std::rc::Rc;

/// Looks at nodes in one search.
const MOST_STEPS: usize = 400_000;
/// Pods of one search, and so its depth.
const MOST_PODS: u64 = 64;

/// What was found.
pub(super) struct Found<'a> {
    /// The pods on nodes that are there.
    pub(super) packing: Packing<'a>,
    /// The nodes for the others.
    pub(super) added: Vec<Added>,
    /// Whether the packing is of the groups alone that no unlimited pool takes.
    pub(super) of_kept: bool,
}

/// A way to place the groups that are kept, where there surely is one.
pub(super) fn place<'a>(case: &Case<'a>, kept: &dyn Fn(usize) -> bool, pools: &[Pool]) -> Option<Found<'a>> {
    let usable = |pool: &&Pool| pool.exact && pool.least_values.is_empty();
    let mut search = Search::of(case, kept, pools.iter().filter(usable).collect(), true)?;
    if !search.place(0, 0, 0) {
        return None;
    }
    let mut left: Vec<u64> = case.groups.iter().map(|_| 0).collect();
    let mut free = case.free.to_vec();
    let mut placed = Vec::new();
    let mut added: BTreeMap<(String, &str), u64> = BTreeMap::new();
    for (group, at) in &search.placed {
        match search.on.get(*at) {
            Some(On::Node(node)) => {
                placed.push((*group, *node, 1));
                free[*node] = search.rooms[*at];
            }
            _ => left[*group] += 1,
        }
    }
    for on in &search.on {
        if let On::New(kind) = on {
            let kind = &search.kinds[*kind];
            *added.entry((search.pools[kind.pool].name.clone(), kind.name)).or_default() += 1;
        }
    }
    let added = added.into_iter().map(|((pool, name), nodes)| Added {
        pool,
        instance_type: Some(name.to_owned()),
        nodes: Some(nodes),
    });
    let of_kept = false;
    Some(Found {
        added: added.collect(),
        of_kept,
        packing: Packing { free, left, placed, nodes: Rc::clone(&case.nodes) },
    })
}

/// Whether it is proved that the groups that are kept cannot be placed, with every node as large as it could be.
pub(super) fn cannot_place(case: &Case<'_>, kept: &dyn Fn(usize) -> bool, pools: &[Pool]) -> bool {
    let Some(mut search) = Search::of(case, kept, pools.iter().collect(), false) else { return false };
    !search.place(0, 0, 0) && search.steps <= MOST_STEPS
}

/// A type of node that a pool may add.
struct Kind<'p> {
    pool: usize,
    name: &'p str,
    room: Room,
    cost: (u64, u64),
    /// For each group whether its pods may be on it.
    takes: Vec<bool>,
}

impl Kind<'_> {
    /// Whether it is at least as good in everything.
    fn is_as_good_as(&self, other: &Self) -> bool {
        self.pool == other.pool
            && self.cost.0 <= other.cost.0
            && self.cost.1 <= other.cost.1
            && (self.room.cpu >= other.room.cpu && self.room.memory >= other.room.memory)
            && self.room.pods >= other.room.pods
            && self.takes.iter().zip(&other.takes).all(|(own, other)| *own || !other)
    }
}

/// What a pool may still add.
#[derive(Clone, Copy)]
struct Budget {
    cpu: Option<u64>,
    memory: Option<u64>,
    nodes: Option<u64>,
}

impl Budget {
    fn without(self, (cpu, memory): (u64, u64)) -> Option<Self> {
        let less = |left: Option<u64>, by: u64| match left {
            Some(left) => left.checked_sub(by).map(Some),
            None => Some(None),
        };
        Some(Self { cpu: less(self.cpu, cpu)?, memory: less(self.memory, memory)?, nodes: less(self.nodes, 1)? })
    }
}

/// What a position in the search is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum On {
    Node(usize),
    New(usize),
}

struct Search<'c, 'a, 'p> {
    case: &'c Case<'a>,
    pools: Vec<&'p Pool>,
    kinds: Vec<Kind<'p>>,
    budgets: Vec<Budget>,
    pods: Vec<usize>,
    /// CPU and memory of the pods from each position on.
    rest: Vec<(u128, u128)>,
    on: Vec<On>,
    rooms: Vec<Room>,
    placed: Vec<(usize, usize)>,
    steps: usize,
}

impl<'c, 'a, 'p> Search<'c, 'a, 'p> {
    fn of(case: &'c Case<'a>, kept: &dyn Fn(usize) -> bool, pools: Vec<&'p Pool>, surely: bool) -> Option<Self> {
        let pools: Vec<&Pool> = pools.into_iter().filter(|pool| pool.chooses && !pool.is_unlimited()).collect();
        let (order, _) = case.orders().into_iter().next()?;
        let order: Vec<usize> = order.into_iter().filter(|at| kept(*at)).collect();
        let number: u64 = order.iter().map(|at| case.groups[*at].count).fold(0, u64::saturating_add);
        if pools.is_empty() || number > MOST_PODS {
            return None;
        }
        let budgets: Vec<Budget> = pools
            .iter()
            .map(|pool| Budget { cpu: pool.cpu_left_milli, memory: pool.memory_left_mib, nodes: pool.most_nodes })
            .collect();
        let mut kinds: Vec<Kind> = Vec::new();
        for (at, pool) in pools.iter().enumerate() {
            let mut takes: BTreeMap<&str, Vec<bool>> = BTreeMap::new();
            for group in &order {
                let pod = case.groups[*group].pod;
                let shapes = if surely { pool.shapes_surely_for(pod) } else { pool.shapes_for(pod) };
                for shape in shapes {
                    let takes = takes.entry(shape.of.name.as_ref()).or_insert_with(|| vec![false; case.groups.len()]);
                    let room = if surely { shape.sure } else { shape.most };
                    takes[*group] = case.groups[*group].fits(room) > 0;
                }
            }
            for shape in &pool.shapes {
                let room = if surely { shape.sure } else { shape.most };
                let cost = (shape.of.vcpu.saturating_mul(1000), shape.of.memory_mib);
                let Some(takes) = takes.remove(shape.of.name.as_ref()).filter(|takes| takes.contains(&true)) else {
                    continue;
                };
                let kind = Kind { pool: at, name: shape.of.name.as_ref(), room, cost, takes };
                if budgets[at].without(cost).is_none() || kinds.iter().any(|known| known.is_as_good_as(&kind)) {
                    continue;
                }
                kinds.retain(|known| !kind.is_as_good_as(known));
                kinds.push(kind);
            }
        }
        kinds.sort_by_key(|kind| (kind.cost, kind.name));
        let pods: Vec<usize> = order.iter().flat_map(|at| (0..case.groups[*at].count).map(|_| *at)).collect();
        let mut rest = vec![(0, 0)];
        for at in pods.iter().rev() {
            let (cpu, memory) = rest.last().copied().unwrap_or_default();
            let group = &case.groups[*at];
            rest.push((cpu + u128::from(group.cpu), memory + u128::from(group.memory)));
        }
        rest.reverse();
        let of_use = |node: &usize| {
            order.iter().any(|at| {
                let group = &case.groups[*at];
                case.may_be_on[group.class][*node] && group.fits(case.free[*node]) > 0
            })
        };
        let nodes: Vec<usize> = (0..case.free.len()).filter(of_use).collect();
        let rooms = nodes.iter().map(|node| case.free[*node]).collect();
        let on = nodes.into_iter().map(On::Node).collect();
        Some(Self { case, pools, kinds, budgets, pods, rest, on, rooms, placed: Vec::new(), steps: 0 })
    }

    /// Places the pods from `at` on; equal pods go to positions in order, from `first` on, and make nodes of kinds in
    /// order, from `kind` on.
    fn place(&mut self, at: usize, first: usize, kind: usize) -> bool {
        let Some(group_at) = self.pods.get(at).copied() else { return true };
        let group = &self.case.groups[group_at];
        self.steps += 1 + self.rooms.len() + self.kinds.len();
        if self.steps > MOST_STEPS || self.is_hopeless(at) {
            return false;
        }
        let goes_on = self.pods.get(at + 1) == Some(&group_at);
        for position in first..self.rooms.len() {
            let room = self.rooms[position];
            let fellows = self.placed.iter().rev().take_while(|placed| **placed == (group_at, position)).count();
            let from = if group.most_per_node == u64::MAX { first } else { first + 1 };
            if !self.is_open(group_at, position)
                || group.fits(room) == 0
                || fellows as u64 >= group.most_per_node
                || (from..position).any(|earlier| self.rooms[earlier] == room && self.are_alike(earlier, position))
            {
                continue;
            }
            self.rooms[position] = group.in_room(room, 1);
            self.placed.push((group_at, position));
            if self.place(at + 1, if goes_on { position } else { 0 }, if goes_on { kind } else { 0 }) {
                return true;
            }
            self.placed.pop();
            self.rooms[position] = room;
        }
        for kind in kind..self.kinds.len() {
            let (pool, room) = (self.kinds[kind].pool, self.kinds[kind].room);
            let before = self.budgets[pool];
            let Some(budget) = before.without(self.kinds[kind].cost).filter(|_| self.kinds[kind].takes[group_at])
            else {
                continue;
            };
            self.budgets[pool] = budget;
            let position = self.rooms.len();
            self.on.push(On::New(kind));
            self.rooms.push(group.in_room(room, 1));
            self.placed.push((group_at, position));
            if self.place(at + 1, if goes_on { position } else { 0 }, if goes_on { kind } else { 0 }) {
                return true;
            }
            self.placed.pop();
            self.rooms.pop();
            self.on.pop();
            self.budgets[pool] = before;
        }
        false
    }

    fn is_open(&self, group: usize, position: usize) -> bool {
        match self.on[position] {
            On::Node(node) => self.case.may_be_on[self.case.groups[group].class][node],
            On::New(kind) => self.kinds[kind].takes[group],
        }
    }

    /// Whether two positions are open to the same pods.
    fn are_alike(&self, left: usize, right: usize) -> bool {
        match (self.on[left], self.on[right]) {
            (On::Node(left), On::Node(right)) => self.case.may_be_on.iter().all(|nodes| nodes[left] == nodes[right]),
            (left, right) => left == right,
        }
    }

    /// Whether the pods that are left ask for more than there can be.
    fn is_hopeless(&self, at: usize) -> bool {
        let (cpu, memory) = self.rest[at];
        let mut cpu_there: u128 = self.rooms.iter().map(|room| u128::from(room.cpu)).sum();
        let mut memory_there: u128 = self.rooms.iter().map(|room| u128::from(room.memory)).sum();
        for budget in &self.budgets {
            cpu_there += budget.cpu.map_or(u128::MAX >> 8, u128::from);
            memory_there += budget.memory.map_or(u128::MAX >> 8, u128::from);
        }
        cpu > cpu_there || memory > memory_there
    }
}
