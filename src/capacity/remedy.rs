//! The smallest changes after which pods fit, each proved by asking again.
//!
//! Deliberately absent: what a change costs, and changes of two kinds at once.

use super::demand::{Demand, Role};
use super::fit::{Outcome, fit};
use super::supply::{Held, Supply};
use super::what_if;
use crate::facts::instances::{InstanceType, instance_type, instance_types};
use std::collections::BTreeSet;

/// A change after which the pods fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remedy {
    /// What is changed.
    pub change: Change,
    /// The same, as an instruction.
    pub say: String,
    /// How the pods then fit.
    pub outcome: Outcome,
}

/// What is changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Pods that ended job runs have left are deleted: the runs, and the number of pods.
    LeftOverPods(Vec<String>, usize),
    /// So many nodes like this one are added.
    MoreNodes(u32, String),
    /// The nodes are of this instance type.
    InstanceType(&'static str),
    /// Executors ask for so many cores.
    CoresPerExecutor(u64),
    /// The job has so many executors.
    Executors(u32),
    /// The limit on CPU of the NodePools is raised by so many cores.
    Limit(u64),
}

/// The changes that help, those that take away from nobody first.
#[must_use]
pub fn remedies(demand: &[Demand], supply: &Supply, held: &Held, nodes_needed: Option<u32>) -> Vec<Remedy> {
    let mut found = Vec::new();
    let asked = |demand: &[Demand], supply: &Supply| Some(fit(demand, supply).outcome).filter(|it| it.fits());
    let mut add = |change: Change, say: String, outcome: Outcome| found.push(Remedy { change, say, outcome });

    let gone: BTreeSet<(&str, &str)> =
        held.pods.iter().map(|pod| (pod.namespace.as_str(), pod.name.as_str())).collect();
    if !gone.is_empty()
        && let Some(outcome) = asked(demand, &what_if::without_pods(supply, &gone))
    {
        let runs: BTreeSet<String> = held.pods.iter().map(|pod| pod.job_id.clone()).collect();
        let runs: Vec<String> = runs.into_iter().collect();
        let say = format!("delete the {} pods that ended job runs have left: {}", gone.len(), runs.join(", "));
        add(Change::LeftOverPods(runs, gone.len()), say, outcome);
    }
    if let Some(model) = what_if::largest(supply)
        && let Some(needed) = nodes_needed.filter(|needed| *needed <= MOST_NODES)
    {
        let helps = |number: u32| asked(demand, &what_if::with_more_nodes(supply, model, number));
        // First-fit may ask for more nodes than it takes.
        let least = (1..=needed).rev().take_while(|number| helps(*number).is_some()).take(MOST_TRIED).last();
        if let Some((least, outcome)) = least.and_then(|least| Some((least, helps(least)?))) {
            let nodes = if least == 1 { "node".to_owned() } else { format!("{least} nodes") };
            let say = match least {
                1 => format!("add one more node like `{}`", model.name),
                _ => format!("add {nodes} like `{}`", model.name),
            };
            add(Change::MoreNodes(least, model.name.clone()), say, outcome);
        }
    }
    if let Some(cores) = cores_over_limits(demand, supply) {
        let outcome = asked(demand, &what_if::with_limits_raised(supply, cores)).unwrap_or(Outcome::Unknown);
        let pools: Vec<&str> = supply
            .pools
            .iter()
            .filter(|pool| pool.chooses && !pool.is_unlimited())
            .map(|it| it.name.as_str())
            .collect();
        let say =
            format!("raise the `cpu` limit of {} by {cores} cores, and its other limits with it", pools.join(", "));
        add(Change::Limit(cores), say, outcome);
    }
    if let Some(one) =
        what_if::largest(supply).and_then(|node| instance_type(node.labels.get("node.kubernetes.io/instance-type")?))
        && let Some((larger, outcome)) = larger_types(one)
            .into_iter()
            .find_map(|larger| Some((larger, asked(demand, &what_if::of_instance_type(supply, larger))?)))
    {
        let say = format!("use nodes of type {} in place of {}", larger.name, one.name);
        add(Change::InstanceType(larger.name), say, outcome);
    }
    let executors = || demand.iter().flat_map(|job| &job.pods).filter(|pod| pod.role == Role::Executor);
    let cores = executors().map(|pod| pod.cpu_milli).max().unwrap_or(0) / 1000;
    let fewer = (1..cores.min(MOST_CORES)).rev();
    let mut tried =
        fewer.filter_map(|cores| Some((cores, asked(&what_if::with_executor_cpu(demand, cores * 1000), supply)?)));
    if let Some((cores, outcome)) = tried.next() {
        add(Change::CoresPerExecutor(cores), format!("set `spark.executor.cores` to {cores}"), outcome);
    }
    let number = executors().map(|pod| pod.count).max().unwrap_or(0);
    if number > 1 {
        let holds = |number: u32| asked(&what_if::with_executors(demand, number), supply).is_some();
        if let Some(most) = what_if::largest_number(number - 1, holds)
            && let Some(outcome) = asked(&what_if::with_executors(demand, most), supply)
        {
            add(Change::Executors(most), format!("set `spark.executor.instances` to {most}"), outcome);
        }
    }
    found
}

/// More nodes than these are no small change.
const MOST_NODES: u32 = 1_000;
/// Numbers of nodes that are tried below what first-fit asks for.
const MOST_TRIED: usize = 4;
/// More cores than any node has.
const MOST_CORES: u64 = 512;

/// By how many cores the limits of NodePools must be raised, where that alone helps.
fn cores_over_limits(demand: &[Demand], supply: &Supply) -> Option<u64> {
    if supply.pools.iter().all(|pool| !pool.chooses || pool.is_unlimited()) {
        return None;
    }
    let helps = |cores: u32| fit(demand, &what_if::with_limits_raised(supply, u64::from(cores))).outcome.fits();
    // The least that helps is one more than the most that does not.
    let short = what_if::largest_number(MOST_CORES_RAISED, |cores| !helps(cores)).unwrap_or(0);
    (short < MOST_CORES_RAISED).then(|| u64::from(short) + 1)
}

/// A limit is not raised by more.
const MOST_CORES_RAISED: u32 = 100_000;

/// Larger types of the same family, the smallest first.
fn larger_types(one: &'static InstanceType) -> Vec<&'static InstanceType> {
    let is_larger = |other: &&InstanceType| {
        other.family() == one.family()
            && other.vcpu >= one.vcpu
            && other.memory_mib > one.memory_mib
            && !other.size().starts_with("metal")
    };
    let mut larger: Vec<&InstanceType> = instance_types().iter().filter(is_larger).collect();
    larger.sort_by_key(|other| (other.vcpu, other.memory_mib, other.name));
    larger
}
