//! Whether the scheduler can place pods so that one of them finds no node.

use super::super::supply::Room;
use super::pack::{Case, Group};
use super::search::MOST_PODS_SEARCHED;

/// Looks at nodes in all attempts to block a pod together.
const MOST_STEPS: usize = 2_000_000;

impl Case<'_> {
    /// Whether the last pod of every group finds a node wherever the pods that may be placed before it are. Within a
    /// job, submitter, driver and executors are made in this order; pods of other jobs may come at any time. Groups that
    /// are spared find a node in any case.
    pub(super) fn fits_always(&self, spared: &dyn Fn(usize) -> bool) -> bool {
        let mut steps = 0;
        self.groups.iter().enumerate().filter(|(at, _)| !spared(*at)).all(|(at, group)| {
            let nodes = self.free.iter().zip(&self.may_be_on[group.class]);
            let rooms: Vec<Room> =
                nodes.filter(|(room, may)| **may && group.fits(**room) > 0).map(|(room, _)| *room).collect();
            let before: Vec<(&Group<'_>, u64)> = self
                .groups
                .iter()
                .enumerate()
                .map(|(other_at, other)| {
                    // Of the pod's own job only what is made before it or with it; of its likes all.
                    let is_later = other.job == group.job && other.pod.role > group.pod.role;
                    let own = if is_later { other.count / other.jobs.max(1) } else { u64::from(other_at == at) };
                    (other, other.count - own)
                })
                .filter(|(_, count)| *count > 0)
                .collect();
            enough_slots(group, &rooms, &before)
                // Pods that keep apart block each other in ways that the rest does not look at.
                || (group.most_per_node == u64::MAX && not_blocked(group, &rooms, &before))
                || (group.most_per_node == u64::MAX && self.total() <= MOST_PODS_SEARCHED && !Adversary::may_block(self, group, &before, &mut steps))
        })
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

/// Tries to place other pods so that one more pod of a group finds no node.
struct Adversary<'a, 'b> {
    case: &'a Case<'b>,
    target: &'a Group<'b>,
    others: Vec<(&'a Group<'b>, u64)>,
    nodes: Vec<usize>,
    free: Vec<Room>,
    steps: &'a mut usize,
}

impl<'a, 'b> Adversary<'a, 'b> {
    /// Whether the pods may be blocked; also where it cannot be told within bounds.
    fn may_block(
        case: &'a Case<'b>,
        target: &'a Group<'b>,
        before: &[(&'a Group<'b>, u64)],
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
            self.free[node] = other.in_room(room, 1);
            if self.blocks(at, left - 1, node) {
                return true;
            }
            self.free[node] = room;
        }
        let next = self.others.get(at + 1).map_or(0, |(_, count)| *count);
        self.blocks(at + 1, next, 0)
    }
}
