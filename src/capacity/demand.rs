//! What a job asks of the cluster: its pods, with the exact requests that Spark and EMR put on them.
//!
//! One job run on EMR on EKS is a job submitter pod, a driver and its executors; an operator's SparkApplication is a
//! driver and executors, and so is what a gateway makes one of. The sums follow Spark's own code
//! (`BasicDriverFeatureStep`, `BasicExecutorFeatureStep`, `ResourceProfile`), rounding included. What a number cannot
//! be had of counts as nothing and is told in [`Demand::unknown`]: so every request here is the least that it can be,
//! and a shortage that it proves is real.
//!
//! The logging container beside driver and executors counts with what EMR documents; as older releases ask for less,
//! the difference is kept apart, and no shortage is told that hangs on it.
//!
//! Deliberately absent: requests of EMR's `job-runner` container, which are not documented.

mod application;
mod emr_on_eks;
mod gateway;
mod spark;
mod submit;
mod template;

pub use application::of_spark_application;
pub use emr_on_eks::of_emr_on_eks;
pub use gateway::of_bpg_submission;
pub use spark::of_spark_conf;
pub(crate) use submit::spark_submit_conf;

use super::affinity::{Across, Apart, NodeTerms};
use super::supply::Taint;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;

/// All pods of one job.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Demand {
    /// The pods, in the order in which they are made: submitter, driver, executors.
    pub pods: Vec<PodDemand>,
    /// What could not be told and may ask for more or for other nodes, each with its reason.
    pub unknown: Vec<String>,
    /// The range of executors, where dynamic allocation is on.
    pub dynamic: Option<Dynamic>,
    /// The namespace of the pods, where it is known.
    pub namespace: Option<String>,
    /// The Spark configuration that the pods follow, as far as it is known.
    pub conf: BTreeMap<String, String>,
}

/// How many executors dynamic allocation may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dynamic {
    /// Never fewer than this.
    pub min: u32,
    /// At the start: the largest of minimum, initial and `spark.executor.instances`.
    pub initial: u32,
    /// Never more than this; `None` without a bound.
    pub max: Option<u32>,
}

/// Equal pods of one job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodDemand {
    /// What the pods are for.
    pub role: Role,
    /// How many.
    pub count: u32,
    /// CPU request of each, in thousandths of a core.
    pub cpu_milli: u64,
    /// Memory request of each.
    pub memory_mib: u64,
    /// Labels that a node must have.
    pub node_selector: BTreeMap<String, String>,
    /// Taints that the pods put up with.
    pub tolerations: Vec<Toleration>,
    /// Labels of the pods, as far as they are known.
    pub labels: BTreeMap<String, String>,
    /// The image of Spark's container, where the configuration names one.
    pub image: Option<String>,
    /// A pod template that was not given; it may add containers, selectors and tolerations.
    pub template: Option<String>,
    /// What nodes must be by required affinity: each of these.
    pub affinity: Vec<NodeTerms>,
    /// That they keep away from each other on nodes.
    pub apart: Option<Apart>,
    /// How they stand to each other over zones, or over the values of another label.
    pub across: Option<Across>,
    /// Claims of volumes that are there before the pods, by name.
    pub claims: Vec<String>,
    /// EBS volumes that each of them mounts.
    pub volumes: u64,
    /// The name of their priority class.
    pub priority_class: Option<String>,
    /// What Spark's own container asks for, without those beside it: CPU in thousandths, memory in MiB.
    pub container: (u64, u64),
    /// The limit on the CPU of Spark's own container, where one is set.
    pub cpu_limit_milli: Option<u64>,
    /// The part of the memory that is documented and has been seen to be less in some releases.
    pub doubtful_memory_mib: u64,
    /// The sum in short: `1g + max(384, 10 %) = 1408 MiB, 1 core`.
    pub arithmetic: String,
}

impl PodDemand {
    /// Pods that ask for this and may be anywhere.
    #[must_use]
    pub fn new(role: Role, count: u32, cpu_milli: u64, memory_mib: u64) -> Self {
        Self {
            role,
            count,
            cpu_milli,
            memory_mib,
            node_selector: BTreeMap::new(),
            tolerations: Vec::new(),
            labels: BTreeMap::new(),
            image: None,
            template: None,
            affinity: Vec::new(),
            apart: None,
            across: None,
            claims: Vec::new(),
            volumes: 0,
            priority_class: None,
            container: (cpu_milli, memory_mib),
            cpu_limit_milli: None,
            doubtful_memory_mib: 0,
            arithmetic: String::new(),
        }
    }
}

/// What a pod of a job is for, in the order in which they are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// EMR's job submitter, also called job-runner.
    Submitter,
    /// The Spark driver.
    Driver,
    /// A Spark executor.
    Executor,
}

impl fmt::Display for Role {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Submitter => "job submitter",
            Self::Driver => "driver",
            Self::Executor => "executor",
        })
    }
}

/// A toleration, as it stands in a pod; an empty text means *any*.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Toleration {
    /// The taint's key; empty with `Exists` tolerates every taint.
    pub key: String,
    /// `Equal` (also where empty) or `Exists`.
    pub operator: String,
    /// The taint's value, for `Equal`.
    pub value: String,
    /// The taint's effect; empty for all.
    pub effect: String,
}

impl Toleration {
    /// The toleration that stands in `value`.
    #[must_use]
    pub fn of(value: &Value) -> Self {
        let text = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        Self { key: text("key"), operator: text("operator"), value: text("value"), effect: text("effect") }
    }

    /// Whether a pod with this toleration puts up with `taint`.
    #[must_use]
    pub fn tolerates(&self, taint: &Taint) -> bool {
        let effect = self.effect.is_empty() || self.effect == taint.effect;
        let value = match self.operator.as_str() {
            "Exists" => self.key.is_empty() || self.key == taint.key,
            "" | "Equal" => self.key == taint.key && self.value == taint.value,
            _ => false,
        };
        effect && value
    }
}

/// What the main resource of a job is written in; it decides how much memory is set aside beside the heap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// Java, Scala, or SQL.
    Jvm,
    /// Python.
    Python,
    /// R.
    R,
}

impl Language {
    /// The language of a main resource, from the end of its name, as `spark-submit` decides.
    #[must_use]
    pub fn of_file(name: &str) -> Self {
        if name.ends_with(".py") {
            Self::Python
        } else if name.ends_with(".R") {
            Self::R
        } else {
            Self::Jvm
        }
    }

    fn overhead_factor(self) -> f64 {
        if self == Self::Jvm { 0.1 } else { 0.4 }
    }
}

#[cfg(test)]
mod tests;
