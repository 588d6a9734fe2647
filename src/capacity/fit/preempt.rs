//! Pods of a lower priority, which the scheduler ends to make room for those that wait.
//!
//! A pod that finds no node gets one where it fits once pods of a lower priority are gone; the scheduler ends no more
//! of them than it must. So pods that fit nodes without all lower ones fit them if packed well, and which have to go
//! follows from where they are put. Budgets of disruption do not keep a pod from being ended for this: the scheduler
//! prefers those that have none, and goes on without.
//!
//! It is decided where the priority of every pod of the gang is known, and that it may end others. Else a shortage that
//! hangs on pods of a lower priority stays unknown.
//!
//! Follows <https://kubernetes.io/docs/concepts/scheduling-eviction/pod-priority-preemption/>.
//!
//! Deliberately absent: where the pods that are ended go afterwards.

use super::super::demand::{Demand, PodDemand};
use super::super::supply::{Node, Room, Supply, Taken};
use super::super::what_if;
use super::{Fit, Outcome, across};
use std::collections::BTreeMap;

/// Priorities of the classes that every cluster has.
const OF_THE_SYSTEM: [(&str, i64); 2] =
    [("system-cluster-critical", 2_000_000_000), ("system-node-critical", 2_000_001_000)];
/// Pods that a sentence names.
const MOST_NAMED: usize = 3;

/// What a pod is worth, where it is known that it may take the place of others.
fn worth(pod: &PodDemand, supply: &Supply) -> Option<i64> {
    let Some(class) = pod.priority_class.as_deref() else {
        let is_known = pod.template.is_none() && supply.priorities_listed;
        return (is_known && supply.default_preempts).then_some(supply.default_priority);
    };
    let of_the_system = OF_THE_SYSTEM.iter().find(|(name, _)| *name == class).map(|(_, value)| *value);
    let known = of_the_system.or_else(|| supply.priorities.get(class).copied());
    known.filter(|_| pod.template.is_none() && !supply.patient.contains(class))
}

/// The most that a pod may be worth: one whose priority is not known may be worth anything.
pub(super) fn worth_at_most(pod: &PodDemand, supply: &Supply) -> i64 {
    match pod.priority_class.as_deref() {
        _ if pod.template.is_some() => i64::MAX,
        None => supply.default_priority,
        Some(class) => {
            let of_the_system = OF_THE_SYSTEM.iter().find(|(name, _)| *name == class).map(|(_, value)| *value);
            of_the_system.or_else(|| supply.priorities.get(class).copied()).unwrap_or(i64::MAX)
        }
    }
}

/// The answer if pods of a lower priority are ended for these, where that surely is done and is enough.
pub(super) fn making_room(demand: &[Demand], supply: &Supply) -> Option<Fit> {
    let pods = demand.iter().flat_map(|job| &job.pods).filter(|pod| pod.count > 0);
    let worth = pods.map(|pod| worth(pod, supply)).try_fold(i64::MAX, |least, worth| Some(least.min(worth?)))?;
    let is_lower = |pod: &Taken| pod.priority < worth;
    if !supply.nodes.iter().any(|node| node.taken_by.iter().any(is_lower)) {
        return None;
    }
    let without = what_if::without_lower(supply, worth);
    let mut fit = across::decide(demand, &without);
    if !fit.outcome.fits() {
        return None;
    }
    let mut on: BTreeMap<&str, (u64, u64, u64)> = BTreeMap::new();
    for placed in &fit.placed {
        let sum = on.entry(&placed.node).or_default();
        sum.0 = sum.0.saturating_add(placed.cpu_milli.saturating_mul(placed.count));
        sum.1 = sum.1.saturating_add(placed.memory_mib.saturating_mul(placed.count));
        sum.2 = sum.2.saturating_add(placed.count);
    }
    for (node, empty) in supply.nodes.iter().zip(&without.nodes) {
        if let Some(taken) = on.get(node.name.as_str()) {
            fit.evicts.extend(ended(node, Room::of(empty), *taken, &is_lower));
        }
    }
    fit.outcome = Outcome::FitsIfPackedWell;
    let mut named: Vec<String> = fit.evicts.iter().map(|(namespace, name)| format!("`{namespace}/{name}`")).collect();
    let more = named.len().saturating_sub(MOST_NAMED);
    named.truncate(MOST_NAMED);
    let named = named.join(", ");
    let and = if more > 0 { format!(" and {more} more") } else { String::new() };
    fit.because = format!("{}; pods of a lower priority are ended to make room: {named}{and}", fit.because);
    Some(fit)
}

/// The pods of a node that are ended for what is put there: those of the highest priority stay if they can.
fn ended(
    node: &Node,
    empty: Room,
    (cpu, memory, pods): (u64, u64, u64),
    is_lower: &dyn Fn(&Taken) -> bool,
) -> Vec<(String, String)> {
    let mut left = Room {
        cpu: empty.cpu.saturating_sub(cpu),
        memory: empty.memory.saturating_sub(memory),
        pods: empty.pods.saturating_sub(pods),
    };
    let mut lower: Vec<&Taken> = node.taken_by.iter().filter(|pod| is_lower(pod)).collect();
    lower.sort_by_key(|pod| (std::cmp::Reverse(pod.priority), &pod.namespace, &pod.name));
    let mut ended = Vec::new();
    for pod in lower {
        if left.pods > 0 && pod.cpu_milli <= left.cpu && pod.memory_mib <= left.memory {
            left = Room { cpu: left.cpu - pod.cpu_milli, memory: left.memory - pod.memory_mib, pods: left.pods - 1 };
        } else {
            ended.push((pod.namespace.clone(), pod.name.clone()));
        }
    }
    ended
}
