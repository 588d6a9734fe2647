//! Pods that must stand apart, evenly or together over zones: every way in which they may, one after the other.
//!
//! A way says how many pods are where: so many executors in each zone, or all of a job in one. With the pods held to
//! their zones the question is one that [`super::decide`] answers. If one of the ways fits, the pods fit if packed well;
//! if all ways are known and none fits, they do not.
//!
//! Spread is looked at as it is when all pods are placed. Pods are only ever added, so that a spread can be reached one
//! by one if and only if it holds at the end. Every value counts that a node has on which the pods may be by their
//! selectors, whatever taints it has and whatever room: a zone without room holds up all others. That is also why one
//! more node can make things worse, where it opens a zone.
//!
//! Deliberately absent: pods that run already and may be counted with them, pods of other jobs that may be, and nodes
//! that may be added where the zones of all of them matter.

use super::super::affinity::{Across, HOST, How, NodeTerms, Operator, Requirement};
use super::super::demand::{Demand, PodDemand};
use super::super::supply::{Node, Room, Supply};
use super::{Fit, Outcome, is_selected, may_be_on_node};
use crate::known::Truth;
use std::collections::{BTreeMap, BTreeSet};

/// Ways that are tried.
const MOST_WAYS: usize = 40;
/// Values that are told from each other, and so the depth of sharing among them.
const MOST_VALUES: usize = 64;
/// Looks at shares.
const MOST_SHARES: usize = 20_000;
/// Nodes times ways that are looked at.
const MOST_NODES_IN_ALL: usize = 40_000;

/// The ways in which pods may stand to each other.
struct Ways {
    each: Vec<Vec<Demand>>,
    /// There are no others.
    all: bool,
    /// New nodes change which ways there are.
    as_it_is: bool,
}

/// The answer where pods stand to each other over zones; else that of [`super::decide`].
pub(super) fn decide(demand: &[Demand], supply: &Supply) -> Fit {
    let pods = || demand.iter().flat_map(|job| &job.pods);
    if pods().all(|pod| pod.count == 0 || pod.across.is_none()) {
        return super::decide(demand, supply);
    }
    let mut free = demand.to_vec();
    for pod in free.iter_mut().flat_map(|job| &mut job.pods) {
        pod.across = None;
    }
    // If there is no room at all, it does not matter where.
    let answer = super::decide(&free, supply);
    if !answer.outcome.fits() {
        return answer;
    }
    let unknown = |because: String| Fit { outcome: Outcome::Unknown, because, ..answer.clone() };
    let ways = match ways(demand, supply) {
        Ok(ways) => ways,
        Err(because) => return unknown(because),
    };
    let grows = supply.growth().is_some();
    let mut still = None;
    if grows && ways.as_it_is {
        still = Some(Supply { pools: Vec::new(), may_grow: None, ..supply.clone() });
    }
    let supply = still.as_ref().unwrap_or(supply);
    let how = how(demand);
    let mut short: Option<Fit> = None;
    let mut all_short = ways.all && !(grows && ways.as_it_is);
    for way in &ways.each {
        let mut fit = super::decide(way, supply);
        match fit.outcome {
            Outcome::Fits | Outcome::FitsIfPackedWell => {
                // Pods that others must stand beside may go where these find no room.
                let beside = pods().any(|pod| pod.across.as_ref().is_some_and(|across| across.how == How::Beside));
                if ways.each.len() > 1 || !ways.all || still.is_some() || beside {
                    fit.outcome = Outcome::FitsIfPackedWell;
                }
                fit.arithmetic = answer.arithmetic;
                return fit;
            }
            Outcome::Short => {
                let nearer = |known: &Fit| fit.nodes_needed.is_some() && known.nodes_needed > fit.nodes_needed;
                if short.as_ref().is_none_or(nearer) {
                    short = Some(fit);
                }
            }
            Outcome::Unknown => all_short = false,
        }
    }
    match short {
        Some(fit) if all_short => {
            Fit { because: format!("{how}: {}", fit.because), arithmetic: answer.arithmetic, ..fit }
        }
        None if all_short => {
            let because = format!("{how}, and where they may be there is no room for that");
            let (placed, added) = (Vec::new(), Vec::new());
            Fit { outcome: Outcome::Short, because, placed, added, ..answer }
        }
        _ => unknown(format!("{how}, and no way to place them so was found")),
    }
}

/// What is asked, in words.
fn how(demand: &[Demand]) -> String {
    let pods = demand.iter().flat_map(|job| &job.pods).filter(|pod| pod.count > 0);
    let told = pods.filter_map(|pod| {
        let across = pod.across.as_ref()?;
        let key = &across.key;
        Some(match across.how {
            How::Apart => format!("no two {}s may be at the same `{key}`", pod.role),
            How::Even(skew) => format!("{}s must be spread over `{key}`, {skew} apart at most", pod.role),
            How::Beside => format!("{}s must be at the `{key}` of other pods", pod.role),
        })
    });
    told.collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>().join(", and ")
}

/// The values of a label with the nodes on which a pod may be by its selectors.
fn places<'s>(pod: &PodDemand, key: &str, supply: &'s Supply) -> BTreeMap<&'s str, Vec<&'s Node>> {
    let mut places: BTreeMap<&str, Vec<&Node>> = BTreeMap::new();
    for node in supply.nodes.iter().filter(|node| is_selected(pod, node, false)) {
        if let Some(value) = node.labels.get(key) {
            places.entry(value).or_default().push(node);
        }
    }
    places
}

/// How many of the pods there is room for on these nodes, if nothing else were placed.
fn room_for(pod: &PodDemand, nodes: &[&Node]) -> u64 {
    let open = nodes.iter().filter(|node| may_be_on_node(pod, node, false));
    let most = pod.apart.as_ref().filter(|apart| apart.exact).map_or(u64::MAX, |apart| apart.most_per_node);
    open.map(|node| Room::of(node).takes(pod.cpu_milli, pod.memory_mib).min(most)).fold(0, u64::saturating_add)
}

/// Whether two kinds of pods are held to different values of one label, and so to different nodes.
pub(super) fn are_elsewhere(left: &PodDemand, right: &PodDemand) -> bool {
    let one = |terms: &NodeTerms| match terms.0.as_slice() {
        [term] => match term.as_slice() {
            [only] if matches!(only.operator, Operator::In | Operator::DoesNotExist) => Some(only.clone()),
            _ => None,
        },
        _ => None,
    };
    left.affinity.iter().filter_map(one).any(|left| {
        right.affinity.iter().filter_map(one).any(|right| {
            left.key == right.key
                && left.values.is_disjoint(&right.values)
                && !(left.operator == Operator::DoesNotExist && right.operator == Operator::DoesNotExist)
        })
    })
}

fn held_to(pod: &PodDemand, count: u64, operator: Operator, key: &str, value: Option<&str>) -> PodDemand {
    let values = value.map(str::to_owned).into_iter().collect();
    let mut held = pod.clone();
    held.across = None;
    held.count = u32::try_from(count).unwrap_or(u32::MAX);
    held.affinity.push(NodeTerms(vec![vec![Requirement { key: key.to_owned(), operator, values }]]));
    held
}

fn ways(demand: &[Demand], supply: &Supply) -> Result<Ways, String> {
    let mut ways = Ways { each: vec![demand.to_vec()], all: true, as_it_is: false };
    let most = MOST_WAYS.min(MOST_NODES_IN_ALL / supply.nodes.len().max(1)).max(1);
    for (at, job) in demand.iter().enumerate() {
        for (which, pod) in job.pods.iter().enumerate() {
            let Some(across) = pod.across.as_ref().filter(|_| pod.count > 0) else { continue };
            let ran = supply.nodes.iter().any(|node| {
                node.taken_by.iter().any(|pod| job.namespace.as_ref().is_none_or(|own| *own == pod.namespace))
            });
            if ran {
                return Err(format!("{}, and pods of the namespace that run already may count", how(demand)));
            }
            let next = match across.how {
                How::Beside => beside(demand, (at, which), across, supply, most, &mut ways)?,
                How::Apart | How::Even(_) => {
                    // What is alike is placed with the first of its kind.
                    if demand[..at].iter().any(|known| is_alike(known, job)) {
                        continue;
                    }
                    shares(demand, (at, which), across, supply, most, &mut ways)?
                }
            };
            let mut each = Vec::new();
            for way in &ways.each {
                for step in &next {
                    if each.len() >= most {
                        ways.all = false;
                        break;
                    }
                    let mut way = way.clone();
                    step.take(&mut way, at, which, pod.role, demand);
                    each.push(way);
                }
            }
            ways.each = each;
        }
    }
    for pod in ways.each.iter_mut().flatten().flat_map(|job| &mut job.pods) {
        pod.across = None;
    }
    Ok(ways)
}

fn is_alike(left: &Demand, right: &Demand) -> bool {
    left.pods == right.pods && left.namespace == right.namespace
}

/// One way for the pods of one kind.
enum Step {
    /// So many pods at each value; without a value, where the label is not there.
    Shares(String, Vec<(Option<String>, u64)>),
    /// The pods and these others of their job are all at this value.
    At(String, String, Vec<usize>),
}

impl Step {
    fn take(&self, way: &mut [Demand], job: usize, which: usize, role: super::super::Role, demand: &[Demand]) {
        match self {
            Self::Shares(key, shares) => {
                let Some(pod) = demand[job].pods.get(which) else { return };
                for (at, one) in way.iter_mut().enumerate() {
                    if at == job || (at > job && is_alike(&demand[at], &demand[job])) {
                        let same = |own: &&mut PodDemand| own.role == role && own.across == pod.across;
                        for own in one.pods.iter_mut().filter(same) {
                            own.count = 0;
                        }
                    }
                }
                let held = shares.iter().filter(|(_, count)| *count > 0).map(|(value, count)| {
                    let operator = if value.is_some() { Operator::In } else { Operator::DoesNotExist };
                    held_to(pod, *count, operator, key, value.as_deref())
                });
                way[job].pods.extend(held);
            }
            Self::At(key, value, all) => {
                for which in all {
                    if let Some(pod) = way[job].pods.get_mut(*which) {
                        let held = held_to(pod, pod.count.into(), Operator::In, key, Some(value));
                        *pod = PodDemand { across: pod.across.clone(), ..held };
                    }
                }
            }
        }
    }
}

/// The ways to share pods among the values of a label.
fn shares(
    demand: &[Demand],
    (at, which): (usize, usize),
    across: &Across,
    supply: &Supply,
    most: usize,
    ways: &mut Ways,
) -> Result<Vec<Step>, String> {
    let job = &demand[at];
    let pod = &job.pods[which];
    for (other_at, other_job) in demand.iter().enumerate() {
        let same_kind = |other: usize| other == which && is_alike(other_job, job);
        for (other_which, other) in other_job.pods.iter().enumerate().filter(|(_, other)| other.count > 0) {
            let apart_from =
                job.namespace.is_some() && other_job.namespace.is_some() && job.namespace != other_job.namespace;
            if same_kind(other_which) || apart_from || (other_at == at && other_which == which) {
                continue;
            }
            if other.template.is_some() || across.among.means(&other.labels) != Truth::False {
                return Err(format!(
                    "{}, and the {} may count with them, which is not weighed",
                    how(demand),
                    other.role
                ));
            }
        }
    }
    let alike = demand.iter().filter(|other| is_alike(other, job)).count() as u64;
    let count = u64::from(pod.count).saturating_mul(alike);
    let places = places(pod, &across.key, supply);
    let room: Vec<(&str, u64)> = places.iter().map(|(value, nodes)| (*value, room_for(pod, nodes))).collect();
    if room.len() > MOST_VALUES {
        return Err(format!("{}, of which there are more than {MOST_VALUES}", how(demand)));
    }
    let mut found = Vec::new();
    let mut steps = 0;
    // Nodes to come have room of their own.
    let grows = supply.growth().is_some();
    match across.how {
        How::Even(skew) => {
            ways.as_it_is = true;
            let least = room.iter().map(|(_, room)| *room).min().unwrap_or(0);
            let number = (room.len() as u64).max(1);
            for low in (count.saturating_sub(skew.saturating_mul(number)) / number..=least.min(count / number)).rev() {
                let bounds: Vec<(u64, u64)> =
                    room.iter().map(|(_, room)| (low, low.saturating_add(skew).min(*room))).collect();
                if !share(count, &bounds, Some(low), &mut Vec::new(), &mut found, (most + 1, &mut steps)) {
                    break;
                }
            }
        }
        How::Apart | How::Beside => {
            let one = |room: u64| if grows { 1 } else { room.min(1) };
            let mut bounds: Vec<(u64, u64)> = room.iter().map(|(_, room)| (0, one(*room))).collect();
            // Where the label is not there, nothing keeps them apart.
            bounds.push((
                0,
                if supply.nodes.iter().any(|node| !node.labels.contains_key(&across.key)) { count } else { 0 },
            ));
            share(count, &bounds, None, &mut Vec::new(), &mut found, (most + 1, &mut steps));
            ways.all &= !grows;
        }
    }
    ways.all &= steps <= MOST_SHARES;
    if found.len() > most {
        found.truncate(most);
        ways.all = false;
    }
    let values: Vec<Option<String>> = room.iter().map(|(value, _)| Some((*value).to_owned())).chain([None]).collect();
    let step = |counts: Vec<u64>| Step::Shares(across.key.clone(), values.iter().cloned().zip(counts).collect());
    Ok(found.into_iter().map(step).collect())
}

/// All ways to share a number within bounds, of which one share is the least that is named; `false` where there are
/// too many.
fn share(
    left: u64,
    bounds: &[(u64, u64)],
    least: Option<u64>,
    taken: &mut Vec<u64>,
    found: &mut Vec<Vec<u64>>,
    (most, steps): (usize, &mut usize),
) -> bool {
    *steps += 1;
    if *steps > MOST_SHARES {
        return false;
    }
    let Some(((low, high), rest)) = bounds.split_first() else {
        if left == 0 && least.is_none_or(|least| taken.is_empty() || taken.contains(&least)) {
            found.push(taken.clone());
        }
        return found.len() < most;
    };
    let sum = |of: fn(&(u64, u64)) -> u64| rest.iter().map(of).fold(0, u64::saturating_add);
    let (after_least, after_most) = (sum(|bound| bound.0), sum(|bound| bound.1));
    let from = left.saturating_sub(after_most).max(*low);
    let Some(to) = left.checked_sub(after_least).map(|to| to.min(*high)) else { return true };
    for own in (from..=to).rev() {
        taken.push(own);
        let goes_on = share(left - own, rest, least, taken, found, (most, &mut *steps));
        taken.pop();
        if !goes_on {
            return false;
        }
    }
    true
}

/// The ways to stand beside others of the same job.
fn beside(
    demand: &[Demand],
    (at, which): (usize, usize),
    across: &Across,
    supply: &Supply,
    most: usize,
    ways: &mut Ways,
) -> Result<Vec<Step>, String> {
    let job = &demand[at];
    let pod = &job.pods[which];
    let not_weighed = |why: &str| Err(format!("{}, {why}", how(demand)));
    let mut with = vec![which];
    for (other_which, other) in job.pods.iter().enumerate().filter(|(at, other)| *at != which && other.count > 0) {
        match across.among.means(&other.labels) {
            _ if other.template.is_some() => return not_weighed("and which these are is not told"),
            Truth::Unknown => return not_weighed("and which these are is not told"),
            // What comes later does not count; what came before is where they must be.
            Truth::True if other.role < pod.role => with.push(other_which),
            Truth::True | Truth::False => {}
        }
    }
    let itself = across.among.means(&pod.labels);
    if itself == Truth::Unknown || (itself == Truth::False && with.len() == 1) {
        return not_weighed("and whether there are any is not known");
    }
    if with.len() == 1 && demand.len() > 1 {
        return not_weighed("and pods of several jobs may count");
    }
    if with.len() > 2 {
        return not_weighed("and these may be at several");
    }
    // Pods of other jobs may count as well.
    ways.all &= demand.len() == 1 && supply.growth().is_none();
    let mut values: Vec<(u64, &str)> = Vec::new();
    for (value, nodes) in places(pod, &across.key, supply) {
        if across.key == HOST && nodes.len() > 1 {
            return not_weighed("and several nodes have the same");
        }
        let enough = with
            .iter()
            .filter_map(|which| job.pods.get(*which))
            .all(|pod| room_for(pod, &nodes) >= u64::from(pod.count));
        // Nodes to come in the same place have room as well.
        if enough || supply.growth().is_some() {
            values.push((room_for(pod, &nodes), value));
        }
    }
    values.sort_by_key(|(room, value)| (std::cmp::Reverse(*room), *value));
    if values.len() > most {
        values.truncate(most);
        ways.all = false;
    }
    Ok(values.into_iter().map(|(_, value)| Step::At(across.key.clone(), value.to_owned(), with.clone())).collect())
}
