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
//! Pods that must be spread over zones, or stand together, are placed in every way that this allows ([`across`]).
//!
//! What is not known works one way only: a pool of which a part is not known proves no fit and rules nothing out.

mod across;
mod answer;
mod explain;
mod grow;
mod limited;
mod luck;
mod pack;
mod preempt;
mod search;

pub(super) use explain::count_of;

pub use answer::{Added, Binding, Fit, Outcome, Placed, Shortage};

use super::affinity::{Apart, Requirement};
use super::demand::{Demand, PodDemand};
use super::fargate::{Taken, takes};
use super::supply::{Node, Supply, Taint};
use super::what_if;
use crate::known::Truth;
use grow::{Absorbed, NewNodes, absorbed, exceeds_limits, of_groups, placing, unlimited, with_limited};
use pack::{Case, Decision};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Whether the pods of all these jobs find nodes at the same time.
#[must_use]
pub fn fit(demand: &[Demand], supply: &Supply) -> Fit {
    let demand = &*where_volumes_are(demand, supply);
    let fit = across::decide(demand, supply);
    if fit.outcome != Outcome::Short {
        return fit;
    }
    if let Some(fit) = preempt::making_room(demand, supply) {
        return fit;
    }
    // A shortage is told only if it does not hang on a request that may be smaller, or on pods that may have to go.
    let doubtful = demand.iter().flat_map(|job| &job.pods).any(|pod| pod.doubtful_memory_mib > 0);
    let mut least = Cow::Borrowed(demand);
    if doubtful {
        for pod in least.to_mut().iter_mut().flat_map(|job| &mut job.pods) {
            pod.memory_mib = pod.memory_mib.saturating_sub(pod.doubtful_memory_mib);
        }
        if across::decide(&least, supply).outcome != Outcome::Short {
            let because =
                format!("{}; with a logging container as small as in older releases it would fit", fit.because);
            return Fit { outcome: Outcome::Unknown, because, ..fit };
        }
    }
    let worth = demand
        .iter()
        .flat_map(|job| &job.pods)
        .map(|pod| preempt::worth_at_most(pod, supply))
        .max()
        .unwrap_or(i64::MIN);
    let lower = |node: &Node| node.taken_by.iter().any(|pod| pod.priority < worth);
    if supply.nodes.iter().any(lower)
        && across::decide(&least, &what_if::without_lower(supply, worth)).outcome != Outcome::Short
    {
        let because = format!("{}; pods of a lower priority may have to make room for it", fit.because);
        return Fit { outcome: Outcome::Unknown, because, ..fit };
    }
    fit
}

/// The same pods where the volumes are that they claim.
fn where_volumes_are<'d>(demand: &'d [Demand], supply: &Supply) -> Cow<'d, [Demand]> {
    let mut demand = Cow::Borrowed(demand);
    if demand.iter().flat_map(|job| &job.pods).all(|pod| pod.claims.is_empty()) {
        return demand;
    }
    for job in demand.to_mut() {
        let namespace = job.namespace.clone().unwrap_or_default();
        for pod in &mut job.pods {
            for claim in &pod.claims {
                match supply.claims.get(&(namespace.clone(), claim.clone())) {
                    Some(terms) => pod.affinity.extend(terms.clone()),
                    None => job.unknown.push(format!("where the volume of claim `{claim}` is was not told")),
                }
            }
        }
    }
    demand
}

/// Pods that must keep away from others of the gang in ways that are not weighed.
fn too_near(demand: &[Demand]) -> Option<String> {
    let pods = || demand.iter().flat_map(|job| job.pods.iter().map(move |pod| (job, pod)));
    let apart = pods().filter(|(_, pod)| pod.count > 0).filter_map(|(job, pod)| Some((job, pod, pod.apart.as_ref()?)));
    let mut seen: Vec<(&Option<String>, &PodDemand)> = Vec::new();
    for (job, pod, apart) in apart {
        if seen.contains(&(&job.namespace, pod)) {
            continue;
        }
        seen.push((&job.namespace, pod));
        let meant = |apart: &Apart, other: &PodDemand| {
            other.count > 0 && (other.template.is_some() || apart.from.means(&other.labels) != Truth::False)
        };
        // Equal pods of jobs that are alike are counted with these.
        let alike =
            |at: &Demand, other: &PodDemand| other == pod && at.pods == job.pods && at.namespace == job.namespace;
        let near = |at: &Demand, other: &PodDemand| !alike(at, other) && !across::are_elsewhere(pod, other);
        if let Some((_, other)) = pods().find(|(at, other)| near(at, other) && meant(apart, other)) {
            return Some(format!("the {} keeps away from the {}, which is not weighed", pod.role, other.role));
        }
    }
    None
}

/// Why pods that fit by their requests may still not come up: addresses, and volumes of a node.
fn beside_requests(demand: &[Demand], supply: &Supply, fit: &Fit) -> Option<String> {
    let pods: u64 = fit.placed.iter().map(|placed| placed.count).sum();
    let nodes: u64 = fit.added.iter().filter_map(|added| added.nodes).sum();
    if let Some(left) = supply.addresses.filter(|left| *left < pods.saturating_add(nodes)) {
        return Some(format!(
            "the subnets have {left} addresses left for {pods} pods, beside those that nodes hold in reserve"
        ));
    }
    let mut volumes: BTreeMap<&str, u64> = BTreeMap::new();
    for placed in &fit.placed {
        let job = demand.get(placed.job).map_or(&[][..], |job| &job.pods);
        let each = job.iter().find(|pod| pod.role == placed.role).map_or(0, |pod| pod.volumes);
        *volumes.entry(&placed.node).or_default() += each.saturating_mul(placed.count);
    }
    supply.nodes.iter().find_map(|node| {
        let (left, asked) = (node.volumes_free?, volumes.get(node.name.as_str()).copied()?);
        (asked > left).then(|| format!("node `{}` attaches {left} more volumes, and {asked} are asked for", node.name))
    })
}

fn decide(demand: &[Demand], supply: &Supply) -> Fit {
    let mut fit = Fit {
        outcome: Outcome::Unknown,
        because: String::new(),
        short: None,
        nodes_needed: None,
        placed: Vec::new(),
        added: Vec::new(),
        evicts: Vec::new(),
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
    open.extend(too_near(demand));
    let new = NewNodes::of(demand, supply);
    let is_there = |job: &Demand, pod: &PodDemand| !on_fargate(job, pod);
    let case = Case::of(demand, &new.sure, true, &is_there);
    let absorbed: Vec<Absorbed> = case.groups.iter().map(|group| absorbed(group, &supply.pools)).collect();
    let kept = case.only(|at| !absorbed[at].surely);

    let exact = open.is_empty();
    let packing = match kept.decide() {
        Decision::Packed(packing) => Some(packing),
        Decision::Short | Decision::Undecided => None,
    };
    let found = match packing {
        Some(packing) => {
            let mut found = placing(&case, &absorbed, supply);
            if (0..case.groups.len()).any(|at| found.packing.left[at] > 0 && !absorbed[at].surely) {
                // First-fit has missed what the search found.
                let surely: Vec<usize> = (0..case.groups.len()).filter(|at| absorbed[*at].surely).collect();
                found.added = of_groups(&kept, &packing, supply);
                found.added.extend(unlimited(&case, &surely, &supply.pools));
                (found.packing, found.of_kept) = (packing, true);
            }
            Some(found)
        }
        None => with_limited(&case, &absorbed, supply),
    };
    if let Some(found) = found {
        let of = if found.of_kept { &kept } else { &case };
        (fit.placed, fit.added) = (explain::placed(of, &found.packing), found.added);
        if !exact {
            fit.because = explain::joined(open);
            return fit;
        }
        let lucky = |at: usize| absorbed[at].surely || absorbed[at].amply;
        let uneven = case.groups.iter().any(|group| group.pod.apart.as_ref().is_some_and(|apart| !apart.exact));
        let always = !uneven && case.fits_always(&lucky);
        if let Some(why) = beside_requests(demand, supply, &fit) {
            fit.because = why;
            return fit;
        }
        fit.outcome = if always { Outcome::Fits } else { Outcome::FitsIfPackedWell };
        fit.because = explain::fitting(&case, supply, &fit.added, always);
        return fit;
    }

    if !perhaps_on_fargate.is_empty() {
        fit.because = explain::joined(perhaps_on_fargate);
        return fit;
    }
    // What is short: with every node that may come as large as it could be, and without what may go elsewhere.
    let most = Case::of(demand, &new.most, false, &is_there);
    let ruled_out = most.only(|at| !absorbed[at].perhaps);
    let now = Case::of(demand, &supply.nodes.iter().collect::<Vec<_>>(), false, &is_there);
    let held = |at: usize| !absorbed[at].perhaps || absorbed[at].only_limited;
    let is_short = exceeds_limits(&most, &absorbed, &supply.pools)
        || ruled_out.decide().is_short()
        || limited::cannot_place(&most, &held, &supply.pools);
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

/// The nodes that are there and on which the pod may be, whatever room they have.
pub fn nodes_for<'s>(pod: &'s PodDemand, supply: &'s Supply) -> impl Iterator<Item = &'s Node> {
    supply.nodes.iter().filter(|node| may_be_on_node(pod, node, false))
}

/// With `surely`, a label of a node to come that is not known yet does not count as the one that is asked for.
pub(super) fn may_be_on_node(pod: &PodDemand, node: &Node, surely: bool) -> bool {
    // A template that was not given may hold any toleration.
    node.schedulable && is_selected(pod, node, surely) && (pod.template.is_some() || not_tolerated(pod, node).is_none())
}

fn is_selected(pod: &PodDemand, node: &Node, surely: bool) -> bool {
    let open = |key: &String| !surely && node.open_labels.contains(key);
    let selected = pod.node_selector.iter().all(|(key, value)| node.labels.get(key) == Some(value) || open(key));
    let suits = |requirement: &Requirement| {
        open(&requirement.key)
            || (!(surely && node.open_labels.contains(&requirement.key))
                && requirement.holds(node.labels.get(&requirement.key).map(String::as_str)))
    };
    selected && pod.affinity.iter().all(|terms| terms.admit_with(suits))
}

/// The first taint that keeps the pod from the node.
fn not_tolerated<'n>(pod: &PodDemand, node: &'n Node) -> Option<&'n Taint> {
    let keeps_away = |taint: &&Taint| matches!(taint.effect.as_str(), "NoSchedule" | "NoExecute");
    node.taints.iter().filter(keeps_away).find(|taint| !pod.tolerations.iter().any(|it| it.tolerates(taint)))
}

#[cfg(test)]
mod tests;
