//! The same jobs and nodes with one thing changed.
//!
//! Each of these answers "what if": fewer executors, one more node, another instance type, pods that are gone. A
//! question that is asked again of what they return is the proof that a change helps.

use super::affinity::HOST;
use super::demand::{Demand, Role};
use super::pool::{as_new, daemons, node_of_type};
use super::supply::{Node, Supply, Taken};
use crate::facts::instances::InstanceType;
use std::collections::BTreeSet;

/// Counts what is free on a node anew, from the pods that are on it.
fn recounted(mut node: Node) -> Node {
    let sum = |of: fn(&Taken) -> u64| node.taken_by.iter().map(of).fold(0_u64, u64::saturating_add);
    let (cpu, memory) = (sum(|pod| pod.cpu_milli), sum(|pod| pod.memory_mib));
    node.cpu_free_milli = node.cpu_milli.saturating_sub(cpu);
    node.memory_free_mib = node.memory_mib.saturating_sub(memory);
    node.pods_free = node.pods.saturating_sub(node.taken_by.len() as u64);
    node
}

/// Without these pods, by namespace and name.
#[must_use]
pub fn without_pods(supply: &Supply, gone: &BTreeSet<(&str, &str)>) -> Supply {
    let mut changed = supply.clone();
    for node in &mut changed.nodes {
        let before = node.taken_by.len();
        node.taken_by.retain(|pod| !gone.contains(&(pod.namespace.as_str(), pod.name.as_str())));
        if node.taken_by.len() != before {
            *node = recounted(std::mem::take(node));
        }
    }
    changed
}

/// Without pods that are worth less than this; others may take their place.
#[must_use]
pub fn without_lower(supply: &Supply, priority: i64) -> Supply {
    let mut changed = supply.clone();
    for node in &mut changed.nodes {
        let before = node.taken_by.len();
        node.taken_by.retain(|pod| pod.priority >= priority);
        if node.taken_by.len() != before {
            *node = recounted(std::mem::take(node));
        }
    }
    changed
}

/// The node that a group would have more of: the largest that takes pods.
#[must_use]
pub fn largest(supply: &Supply) -> Option<&Node> {
    let size = |node: &&Node| (node.cpu_milli, node.memory_mib, std::cmp::Reverse(node.name.clone()));
    let open = || supply.nodes.iter().filter(|node| node.schedulable);
    // A node that nothing but its own daemons may use is no model, unless there is no other.
    let free = open().filter(|node| !node.taints.iter().any(|taint| taint.effect != "PreferNoSchedule"));
    free.max_by_key(size).or_else(|| open().max_by_key(size))
}

/// With so many more nodes like this one, as they come up.
#[must_use]
pub fn with_more_nodes(supply: &Supply, model: &Node, number: u32) -> Supply {
    let mut changed = supply.clone();
    changed.nodes.extend((1..=number).map(|at| {
        let mut node = Node { name: format!("new node {at}"), ..as_new(model) };
        if let Some(host) = node.labels.get_mut(HOST) {
            host.clone_from(&node.name);
        }
        node
    }));
    changed
}

/// With so many nodes in all: more like the largest, or without those that hold the least.
#[must_use]
pub fn with_nodes(supply: &Supply, number: u32) -> Supply {
    let now = u32::try_from(supply.nodes.len()).unwrap_or(u32::MAX);
    if number >= now {
        return match largest(supply) {
            Some(model) => with_more_nodes(supply, &model.clone(), number - now),
            None => supply.clone(),
        };
    }
    let mut changed = supply.clone();
    changed.nodes.sort_by_key(|node| {
        let (cpu, memory, _) = daemons(node);
        let own = (node.cpu_milli - node.cpu_free_milli.min(node.cpu_milli)).saturating_sub(cpu);
        let own_memory = (node.memory_mib - node.memory_free_mib.min(node.memory_mib)).saturating_sub(memory);
        (std::cmp::Reverse((node.schedulable, own, own_memory)), node.name.clone())
    });
    changed.nodes.truncate(number as usize);
    changed.nodes.sort_by(|left, right| left.name.cmp(&right.name));
    changed
}

/// With every node of this type, and the pods that are on it still there. Where there is no node, one comes.
#[must_use]
pub fn of_instance_type(supply: &Supply, one: &InstanceType) -> Supply {
    let mut changed = supply.clone();
    if changed.nodes.is_empty() {
        changed.nodes.push(node_of_type(one, "new node 1"));
    }
    for node in &mut changed.nodes {
        let fresh = node_of_type(one, &node.name);
        let mut turned = std::mem::take(node);
        (turned.cpu_milli, turned.memory_mib, turned.pods) = (fresh.cpu_milli, fresh.memory_mib, fresh.pods);
        turned.labels.extend(fresh.labels);
        *node = recounted(turned);
    }
    changed
}

/// With limits of NodePools that are higher by so many cores, and by 16 GiB and a node for each of them.
#[must_use]
pub fn with_limits_raised(supply: &Supply, cores: u64) -> Supply {
    let mut changed = supply.clone();
    for pool in changed.pools.iter_mut().filter(|pool| pool.chooses) {
        let raise = |left: &mut Option<u64>, by: u64| {
            if let Some(left) = left {
                *left = left.saturating_add(cores.saturating_mul(by));
            }
        };
        raise(&mut pool.cpu_left_milli, 1000);
        raise(&mut pool.memory_left_mib, 16 << 10);
        raise(&mut pool.most_nodes, 1);
    }
    changed
}

/// With so many executors in each job.
#[must_use]
pub fn with_executors(demand: &[Demand], number: u32) -> Vec<Demand> {
    let mut changed = demand.to_vec();
    for pod in changed.iter_mut().flat_map(|job| &mut job.pods).filter(|pod| pod.role == Role::Executor) {
        pod.count = number;
    }
    changed
}

/// With executors that ask for so much CPU.
#[must_use]
pub fn with_executor_cpu(demand: &[Demand], cpu_milli: u64) -> Vec<Demand> {
    let mut changed = demand.to_vec();
    for pod in changed.iter_mut().flat_map(|job| &mut job.pods).filter(|pod| pod.role == Role::Executor) {
        pod.cpu_milli = cpu_milli;
    }
    changed
}

/// With executors that ask for so much less memory.
#[must_use]
pub fn with_less_executor_memory(demand: &[Demand], mib: u64) -> Vec<Demand> {
    let mut changed = demand.to_vec();
    for pod in changed.iter_mut().flat_map(|job| &mut job.pods).filter(|pod| pod.role == Role::Executor) {
        pod.memory_mib = pod.memory_mib.saturating_sub(mib);
    }
    changed
}

/// So many of these jobs at once.
#[must_use]
pub fn at_once(demand: &[Demand], number: u32) -> Vec<Demand> {
    (0..number).flat_map(|_| demand.iter().cloned()).collect()
}

/// The largest number up to `most` of which `holds` is true, where it is true of all smaller ones; `None` if of none.
#[must_use]
pub fn largest_number(most: u32, mut holds: impl FnMut(u32) -> bool) -> Option<u32> {
    if most == 0 || !holds(1) {
        return None;
    }
    // Doubling first: answers are small more often than large.
    let (mut good, mut bad) = (1, most.saturating_add(1));
    while good < most {
        let next = good.saturating_mul(2).min(most);
        if holds(next) {
            good = next;
        } else {
            bad = next;
            break;
        }
    }
    while bad - good > 1 {
        let middle = good + (bad - good) / 2;
        if holds(middle) { good = middle } else { bad = middle }
    }
    Some(good)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_number_is_found() {
        for (most, bound, expected) in [
            (0, 9, None),
            (9, 0, None),
            (9, 1, Some(1)),
            (9, 9, Some(9)),
            (9, 50, Some(9)),
            (1000, 777, Some(777)),
            (u32::MAX, u32::MAX, Some(u32::MAX)),
        ] {
            assert_eq!(largest_number(most, |number| number <= bound), expected, "{most} {bound}");
        }
    }
}
