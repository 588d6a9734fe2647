//! The smallest changes after which pods fit, each proved by asking again.
//!
//! Deliberately absent: what a change costs, and changes of two kinds at once.

use super::demand::{Demand, Role};
use super::fit::{Outcome, fit};
use super::quantity::{SparkUnit, spark_mib};
use super::supply::{Held, Node, Supply};
use super::what_if;
use crate::facts::instances::{InstanceType, InstanceTypes};
use std::collections::BTreeSet;
use std::sync::Arc;

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
    /// The same, and so many nodes like this one are added.
    LeftOverPodsAndNodes(Vec<String>, usize, u32, String),
    /// So many nodes like this one are added.
    MoreNodes(u32, String),
    /// The nodes are of this instance type.
    InstanceType(String),
    /// Executors ask for so many cores.
    CoresPerExecutor(u64),
    /// The job has so many executors.
    Executors(u32),
    /// The limit on CPU of the NodePools is raised by so many cores.
    Limit(u64),
    /// The maximum capacity of the application is so many vCPUs and GB.
    Maximum(u64, u64),
    /// Executors have so much heap, in MiB.
    MemoryPerExecutor(u64),
}

/// The changes that help, those that take away from nobody first.
#[must_use]
pub fn remedies(demand: &[Demand], supply: &Supply, held: &Held, nodes_needed: Option<u32>) -> Vec<Remedy> {
    let mut found = Vec::new();
    let asked = |demand: &[Demand], supply: &Supply| Some(fit(demand, supply).outcome).filter(|it| it.fits());
    let mut add = |change: Change, say: String, outcome: Outcome| found.push(Remedy { change, say, outcome });

    let gone: BTreeSet<(&str, &str)> =
        held.pods.iter().map(|pod| (pod.namespace.as_str(), pod.name.as_str())).collect();
    let model = what_if::largest(supply);
    if !gone.is_empty() {
        let runs: BTreeSet<String> = held.pods.iter().map(|pod| pod.job_id.clone()).collect();
        let runs: Vec<String> = runs.into_iter().collect();
        let say = format!("delete the {} pods that ended job runs have left ({})", gone.len(), runs.join(", "));
        let without = what_if::without_pods(supply, &gone);
        if let Some(outcome) = asked(demand, &without) {
            add(Change::LeftOverPods(runs, gone.len()), say, outcome);
        } else if let Some(model) = model
            && let Some((number, outcome)) = least_nodes(demand, &without, model, fit(demand, &without).nodes_needed)
            && nodes_needed.is_none_or(|needed| number < needed)
        {
            let say = format!("{say}, and {}", more_nodes(number, &model.name));
            add(Change::LeftOverPodsAndNodes(runs, gone.len(), number, model.name.clone()), say, outcome);
        }
    }
    if let Some(model) = model
        && let Some((number, outcome)) = least_nodes(demand, supply, model, nodes_needed)
    {
        add(Change::MoreNodes(number, model.name.clone()), more_nodes(number, &model.name), outcome);
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
    let types = &supply.instance_types;
    if let Some(one) =
        what_if::largest(supply).and_then(|node| types.get(node.labels.get("node.kubernetes.io/instance-type")?))
        && let Some((larger, outcome)) = larger_types(types, &one).into_iter().find_map(|larger| {
            let outcome = asked(demand, &what_if::of_instance_type(supply, &larger))?;
            Some((larger, outcome))
        })
    {
        let say = format!("use nodes of type {} in place of {}", larger.name, one.name);
        add(Change::InstanceType(larger.name.to_string()), say, outcome);
    }
    let executors = || demand.iter().flat_map(|job| &job.pods).filter(|pod| pod.role == Role::Executor);
    let cores = executors().map(|pod| pod.cpu_milli).max().unwrap_or(0) / 1000;
    let fewer = (1..cores.min(MOST_CORES)).rev();
    let mut tried =
        fewer.filter_map(|cores| Some((cores, asked(&what_if::with_executor_cpu(demand, cores * 1000), supply)?)));
    if let Some((cores, outcome)) = tried.next() {
        add(Change::CoresPerExecutor(cores), format!("set `spark.executor.cores` to {cores}"), outcome);
    }
    if let Some((less, heap)) = less_memory(demand, supply)
        && let Some(outcome) = asked(&what_if::with_less_executor_memory(demand, less), supply)
    {
        add(Change::MemoryPerExecutor(heap), format!("set `spark.executor.memory` to {heap}m"), outcome);
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

/// How many more nodes like this one are enough, if they are not many; first-fit may have asked for more than it takes.
fn least_nodes(demand: &[Demand], supply: &Supply, model: &Node, needed: Option<u32>) -> Option<(u32, Outcome)> {
    let needed = needed.filter(|needed| *needed <= MOST_NODES)?;
    let helps = |number: u32| {
        let outcome = fit(demand, &what_if::with_more_nodes(supply, model, number)).outcome;
        outcome.fits().then_some((number, outcome))
    };
    (1..=needed).rev().map_while(helps).take(MOST_TRIED).last()
}

fn more_nodes(number: u32, model: &str) -> String {
    if number == 1 { format!("add one more node like `{model}`") } else { format!("add {number} nodes like `{model}`") }
}

/// What ended job runs still hold, in a phrase.
#[must_use]
pub fn held_told(held: &Held) -> Option<String> {
    let runs: BTreeSet<&str> = held.pods.iter().map(|pod| pod.job_id.as_str()).collect();
    let runs: Vec<String> = runs.iter().take(3).map(|run| format!("`{run}`")).collect();
    let pods = match held.pods.len() {
        0 => return None,
        1 => "1 pod".to_owned(),
        number => format!("{number} pods"),
    };
    Some(format!(
        "{pods} of ended job runs ({}) hold {}m cpu and {} MiB",
        runs.join(", "),
        held.cpu_milli,
        held.memory_mib
    ))
}

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

/// By how much less memory the pods of executors fit, and the heap that it leaves, where all have the same. What is added
/// to a smaller heap is no more than before, so a heap that is smaller by so much makes a pod that is so at least.
fn less_memory(demand: &[Demand], supply: &Supply) -> Option<(u64, u64)> {
    let heap = |job: &Demand| match job.conf.get("spark.executor.memory") {
        Some(text) => spark_mib(text.trim(), SparkUnit::Mib),
        None => Some(1024),
    };
    let with_executors = || demand.iter().filter(|job| job.pods.iter().any(|pod| pod.role == Role::Executor));
    let own = heap(with_executors().next()?)?;
    let steps = own.checked_sub(LEAST_HEAP_MIB)? / HEAP_STEP_MIB;
    let steps =
        u32::try_from(steps).ok().filter(|steps| *steps > 0 && with_executors().all(|job| heap(job) == Some(own)))?;
    let fits = |steps: u32| {
        let less = u64::from(steps).saturating_mul(HEAP_STEP_MIB);
        fit(&what_if::with_less_executor_memory(demand, less), supply).outcome.fits()
    };
    if !fits(steps) {
        return None;
    }
    let short = what_if::largest_number(steps, |steps| !fits(steps)).unwrap_or(0);
    let less = (u64::from(short) + 1).saturating_mul(HEAP_STEP_MIB);
    Some((less, own - less))
}

/// Spark takes no smaller heap than one of 450 MiB.
const LEAST_HEAP_MIB: u64 = 512;
/// Heaps are tried in steps of so much.
const HEAP_STEP_MIB: u64 = 128;

/// A limit is not raised by more.
const MOST_CORES_RAISED: u32 = 100_000;

/// Larger types of the same family, the smallest first.
fn larger_types(types: &InstanceTypes, one: &InstanceType) -> Vec<Arc<InstanceType>> {
    let is_larger = |other: &Arc<InstanceType>| {
        other.family() == one.family()
            && other.vcpu >= one.vcpu
            && other.memory_mib > one.memory_mib
            && !other.size().starts_with("metal")
    };
    let mut larger: Vec<Arc<InstanceType>> = types.all().into_iter().filter(is_larger).collect();
    larger.sort_by(|left, right| {
        let order = |one: &InstanceType| (one.vcpu, one.memory_mib);
        (order(left), &left.name).cmp(&(order(right), &right.name))
    });
    larger
}
