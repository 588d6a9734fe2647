//! The answer in words: what is short, where pods go, and the whole sum.

use super::super::demand::{Demand, PodDemand};
use super::super::pool::{Pool, as_new};
use super::super::supply::{Node, Room, Supply};
use super::pack::{Case, Packing};
use super::{Absorbed, Added, Binding, Placed, Shortage, is_selected, not_tolerated};
use std::fmt::{self, Write};

/// Nodes and pods that the arithmetic names one by one.
const MOST_NODES_TOLD: usize = 50;
const MOST_PODS_TOLD: usize = 6;
/// Pods that a sentence names.
const MOST_PODS_NAMED: usize = 3;

pub(in crate::capacity) fn count_of(number: u64, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// What of the pods is not told, so that no fit is proved.
pub(super) fn not_told(demand: &[Demand]) -> Vec<String> {
    if demand.iter().any(|job| !job.unknown.is_empty()) {
        return demand.iter().flat_map(|job| job.unknown.clone()).collect();
    }
    let templates = demand.iter().flat_map(|job| &job.pods).filter_map(|pod| pod.template.as_ref());
    templates.map(|template| format!("the pod template `{template}` was not given")).collect()
}

pub(super) fn joined(mut reasons: Vec<String>) -> String {
    reasons.sort();
    reasons.dedup();
    reasons.join("; ")
}

/// That the pods fit, and what has to be added for it.
pub(super) fn fitting(case: &Case<'_>, supply: &Supply, added: &[Added], always: bool) -> String {
    let pods = count_of(case.total(), "pod");
    let nodes = count_of(supply.nodes.len() as u64, "node");
    let grown: Vec<String> = added
        .iter()
        .map(|added| {
            let kind = added.instance_type.as_ref().map(|kind| format!(" of type {kind}")).unwrap_or_default();
            match added.nodes {
                Some(number) => format!("{}{kind} of {}", count_of(number, "node"), added.pool),
                None => format!("nodes of {}", added.pool),
            }
        })
        .collect();
    match (always, grown.is_empty()) {
        (true, true) => format!("{pods} fit {nodes}"),
        (true, false) => format!("{pods} fit {nodes} and {}", grown.join(", ")),
        (false, true) => format!("there is a way to place {pods}, but the scheduler may miss it"),
        (false, false) => {
            format!("there is a way to place {pods} with {}, but it may be missed", grown.join(", "))
        }
    }
}

/// Where a packing has put pods, by node.
pub(super) fn placed(case: &Case<'_>, packing: &Packing<'_>) -> Vec<Placed> {
    let mut sorted: Vec<(usize, usize, u64)> = Vec::new();
    let mut all = packing.placed.clone();
    all.sort_unstable_by_key(|(group, node, _)| (*node, *group));
    for (group, node, count) in all {
        match sorted.last_mut() {
            Some(last) if (last.0, last.1) == (group, node) => last.2 += count,
            _ => sorted.push((group, node, count)),
        }
    }
    let of = |(group, node, count): (usize, usize, u64)| {
        let group = case.groups.get(group)?;
        Some(Placed {
            node: packing.nodes.get(node)?.name.clone(),
            job: group.job,
            role: group.pod.role,
            count,
            cpu_milli: group.cpu,
            memory_mib: group.memory,
        })
    };
    sorted.into_iter().filter_map(of).collect()
}

impl Case<'_> {
    /// The first pod without a node, when pods are placed in the order in which they are made, and the sentence. With
    /// `absorbed`, nodes to come were weighed and do not help.
    pub(super) fn shortage(&self, supply: &Supply, absorbed: Option<&Vec<Absorbed>>) -> (Option<Shortage>, String) {
        let elsewhere =
            |at: usize| absorbed.is_some_and(|all| all.get(at).is_some_and(|it| it.perhaps && !it.only_limited));
        let impossible = self.groups.iter().enumerate().position(|(at, group)| {
            let nodes = self.free.iter().zip(&self.may_be_on[group.class]);
            !elsewhere(at)
                && absorbed.is_none_or(|all| all.get(at).is_none_or(|it| !it.perhaps))
                && nodes.into_iter().all(|(room, may)| !*may || group.fits(*room) == 0)
        });
        let mut packing = self.in_order();
        let at = match impossible {
            Some(at) => {
                packing.free = self.free.to_vec();
                packing.left = self.groups.iter().map(|group| group.count).collect();
                at
            }
            None => {
                let short = (0..self.groups.len()).find(|at| packing.left[*at] > 0 && !elsewhere(*at));
                match short.or_else(|| packing.left_over()) {
                    Some(at) => at,
                    None => return (None, "the pods fit in one order and not in all".to_owned()),
                }
            }
        };
        let group = &self.groups[at];
        let needs = match group.cpu {
            0 => format!("{} MiB", group.memory),
            cpu => format!("{cpu}m cpu and {} MiB", group.memory),
        };
        let mut because = match (packing.left[at], group.count) {
            (1, count) if count > 1 => format!("1 of {count} {}s finds no node: it needs {needs}", group.pod.role),
            (_, 1) => format!("{} needs {needs}", group.pod.role),
            (left, count) => format!("{left} of {count} {}s find no node: each needs {needs}", group.pod.role),
        };
        let candidates: Vec<usize> = (0..self.nodes.len()).filter(|node| self.may_be_on[group.class][*node]).collect();
        let mut shortage = Shortage {
            role: group.pod.role,
            cpu_milli: group.cpu,
            memory_mib: group.memory,
            best_node: None,
            best_cpu_free_milli: 0,
            best_memory_free_mib: 0,
            binding: Binding::NoReadyNode,
            what: String::new(),
        };
        // Of equal nodes the first by name, so that the answer does not hang on the order of a listing.
        let nearest = |room: &dyn Fn(usize) -> Room| {
            let nearness = |node: &usize| {
                let room = room(*node);
                let cpu = u128::from(room.cpu) * u128::from(group.memory.max(1));
                (room.pods > 0, cpu.min(u128::from(room.memory) * u128::from(group.cpu.max(1))))
            };
            candidates.iter().rev().copied().max_by_key(nearness)
        };
        let limited = |shortage: &mut Shortage, because: &mut String| {
            let (pools, limits) = limits_of(group.pod, &supply.pools);
            if absorbed.is_some_and(|all| all.get(at).is_some_and(|it| it.only_limited)) && !pools.is_empty() {
                shortage.binding = Binding::Limits;
                shortage.what = pools.join(", ");
                write_to(because, format_args!("; {limits}"));
            }
        };
        let Some(best) = nearest(&|node| packing.free[node]) else {
            let (binding, what, why) = self.why_no_candidate(group.pod);
            (shortage.binding, shortage.what) = (binding, what);
            write_to(&mut because, format_args!("; {why}"));
            limited(&mut shortage, &mut because);
            return (Some(shortage), because);
        };
        let room = packing.free[best];
        let node = self.nodes[best];
        shortage.best_node = Some(node.name.clone());
        (shortage.best_cpu_free_milli, shortage.best_memory_free_mib) = (room.cpu, room.memory);
        let empty = |node: usize| Room::of(&as_new(self.nodes[node]));
        // What nobody asks for, and what a node does not count, says nothing.
        let counts_cpu = group.cpu > 0 && node.cpu_milli > 0;
        let told = |room: Room| match counts_cpu {
            true => format!("{}m and {} MiB", room.cpu, room.memory),
            false => format!("{} MiB", room.memory),
        };
        let largest = nearest(&empty).filter(|_| candidates.iter().all(|node| group.fits(empty(*node)) == 0));
        let nodes = match candidates.len() {
            1 => "the only node for it".to_owned(),
            number => format!("the best of {number} nodes"),
        };
        if let Some(largest) = largest {
            let room = empty(largest);
            shortage.binding = Binding::Size;
            shortage.what = told(room);
            write_to(
                &mut because,
                format_args!("; {nodes}, `{}`, has {} when empty", self.nodes[largest].name, shortage.what),
            );
            limited(&mut shortage, &mut because);
            return (Some(shortage), because);
        }
        let cpu = u128::from(room.cpu) * u128::from(group.memory.max(1));
        let memory = u128::from(room.memory) * u128::from(group.cpu.max(1));
        shortage.binding = match (room.cpu < group.cpu, room.memory < group.memory) {
            (true, true) if memory < cpu => Binding::Memory,
            (true, _) => Binding::Cpu,
            (false, true) => Binding::Memory,
            (false, false) => Binding::Pods,
        };
        let others = if impossible.is_none() && at > 0 { "beside the job's other pods " } else { "" };
        let left = match shortage.binding {
            Binding::Pods => format!("takes no more than {} pods", node.pods),
            _ => format!("has {} left", told(room)),
        };
        write_to(&mut because, format_args!("; {others}{nodes}, `{}`, {left}", node.name));
        if !node.taken_by.is_empty() && shortage.binding != Binding::Pods {
            write_to(&mut because, format_args!(" after {}", named(node)));
        }
        limited(&mut shortage, &mut because);
        (Some(shortage), because)
    }

    /// Why a pod may be on none of the nodes: what binds, its name, the sentence.
    fn why_no_candidate(&self, pod: &PodDemand) -> (Binding, String, String) {
        let ready: Vec<&Node> = self.nodes.iter().copied().filter(|node| node.schedulable).collect();
        if ready.is_empty() {
            let why = match self.nodes.len() {
                0 => "there is no node".to_owned(),
                number => format!("none of {} is ready and not cordoned", count_of(number as u64, "node")),
            };
            return (Binding::NoReadyNode, String::new(), why);
        }
        let selected: Vec<&&Node> = ready.iter().filter(|node| is_selected(pod, node, false)).collect();
        if selected.is_empty() {
            let labels: Vec<_> = pod.node_selector.iter().map(|(key, value)| format!("`{key}={value}`")).collect();
            let nodes = count_of(ready.len() as u64, "ready node");
            let labels = labels.join(" and ");
            let why = match (labels.is_empty(), pod.affinity.is_empty()) {
                (false, true) => format!("none of {nodes} has the label {labels}"),
                (false, false) => format!("none of {nodes} has the label {labels} and suits its node affinity"),
                (true, _) => format!("none of {nodes} suits its node affinity"),
            };
            let what = if labels.is_empty() { "its node affinity".to_owned() } else { labels };
            return (Binding::Selector, what, why);
        }
        let taint = selected.iter().find_map(|node| not_tolerated(pod, node));
        let taint = taint.map(|it| format!("`{}={}:{}`", it.key, it.value, it.effect)).unwrap_or_default();
        let nodes = count_of(selected.len() as u64, "ready node");
        let why = format!("none of {nodes} is without a taint that it does not tolerate, such as {taint}");
        (Binding::Taint, taint, why)
    }
}

/// The pools whose limits keep them from making a node for the pod, and a phrase that says so.
fn limits_of(pod: &PodDemand, pools: &[Pool]) -> (Vec<String>, String) {
    let limited = pools.iter().filter(|pool| pool.chooses && !pool.is_unlimited() && !pool.shapes_for(pod).is_empty());
    let (mut names, mut phrases) = (Vec::new(), Vec::new());
    for pool in limited {
        let mut left = Vec::new();
        left.extend(pool.cpu_left_milli.map(|cpu| format!("{cpu}m cpu")));
        left.extend(pool.memory_left_mib.map(|memory| format!("{memory} MiB")));
        left.extend(pool.most_nodes.map(|nodes| count_of(nodes, "node")));
        names.push(pool.name.clone());
        phrases.push(format!("{} may add no more than {}", pool.name, left.join(", ")));
    }
    (names, phrases.join("; "))
}

/// The pods on a node, the largest first, for a sentence.
fn named(node: &Node) -> String {
    let mut names: Vec<String> =
        node.taken_by.iter().take(MOST_PODS_NAMED).map(|pod| format!("`{}`", pod.name)).collect();
    let more = node.taken_by.len().saturating_sub(MOST_PODS_NAMED);
    if more > 0 {
        names.push(format!("{more} more"));
    }
    match names.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
        None => String::new(),
    }
}

/// The sum: what is asked for, and what each node has, the one with the most room first.
pub(super) fn arithmetic(demand: &[Demand], supply: &Supply) -> Vec<String> {
    let mut lines = Vec::new();
    let (mut pods, mut cpu, mut memory) = (0_u128, 0_u128, 0_u128);
    let mut alike: Vec<(usize, &Demand, usize)> = Vec::new();
    for (at, job) in demand.iter().enumerate() {
        match alike.iter_mut().find(|(_, known, _)| known.pods == job.pods) {
            Some((_, _, number)) => *number += 1,
            None => alike.push((at, job, 1)),
        }
    }
    for (job, demand, number) in alike {
        let mut of_job = if job > 0 { format!("job {}, ", job + 1) } else { String::new() };
        if number > 1 {
            write_to(&mut of_job, format_args!("{number} times "));
        }
        for pod in &demand.pods {
            let count = u128::from(pod.count);
            pods += count * number as u128;
            cpu += count * number as u128 * u128::from(pod.cpu_milli);
            memory += count * number as u128 * u128::from(pod.memory_mib);
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
