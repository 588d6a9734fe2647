//! Every way to place a few pods, large ones first, equal nodes and equal pods once.

use super::super::supply::Room;
use super::pack::{Case, Decision, Packing};
use std::rc::Rc;

/// Looks at nodes in one exact search.
const MOST_STEPS: usize = 2_000_000;
/// Pods of one exact search, and so its depth.
pub(super) const MOST_PODS_SEARCHED: u64 = 64;

/// A search under way.
pub(super) struct Search<'c, 'a> {
    case: &'c Case<'a>,
    pods: Vec<usize>,
    nodes: Vec<usize>,
    free: Vec<Room>,
    placed: Vec<(usize, usize, u64)>,
    steps: usize,
}

impl<'a> Search<'_, 'a> {
    /// A packing, the proof that there is none, or neither within bounds.
    pub(super) fn over(case: &Case<'a>) -> Decision<'a> {
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
        let mut search = Search { case, pods, nodes, free, placed: Vec::new(), steps: 0 };
        match search.place(0, 0) {
            _ if search.steps > MOST_STEPS => Decision::Undecided,
            false => Decision::Short,
            true => {
                let mut all = case.free.to_vec();
                for (node, room) in search.nodes.iter().zip(&search.free) {
                    all[*node] = *room;
                }
                let left = vec![0; case.groups.len()];
                Decision::Packed(Packing { free: all, left, placed: search.placed, nodes: Rc::clone(&case.nodes) })
            }
        }
    }

    /// Places the pods from `at` on; equal pods go to nodes in order, from `first` on.
    fn place(&mut self, at: usize, first: usize) -> bool {
        let Some(group_at) = self.pods.get(at).copied() else { return true };
        let group = &self.case.groups[group_at];
        // A node that is full of equal pods is like no other.
        let from = if group.most_per_node == u64::MAX { first } else { first + 1 };
        for node in first..self.nodes.len() {
            self.steps += 1 + node - first;
            if self.steps > MOST_STEPS {
                return false;
            }
            let room = self.free[node];
            let on = (group_at, self.nodes[node], 1);
            let fellows = self.placed.iter().rev().take_while(|placed| **placed == on).count() as u64;
            if !self.case.may_be_on[group.class][self.nodes[node]]
                || group.fits(room) == 0
                || fellows >= group.most_per_node
                || (from..node).any(|earlier| self.free[earlier] == room && self.are_alike(earlier, node))
            {
                continue;
            }
            self.free[node] = group.in_room(room, 1);
            self.placed.push(on);
            let next = if self.pods.get(at + 1) == Some(&group_at) { node } else { 0 };
            if self.place(at + 1, next) {
                return true;
            }
            self.placed.pop();
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
