//! Workers of EMR Serverless: which sizes there are, and which one a job asks for.
//!
//! EMR Serverless offers workers of five CPU sizes, each with a range of memory. A job names Spark cores and
//! memory; the worker must hold both, with Spark's memory overhead on top. What lies between two sizes gets the
//! next greater one, and what no size holds cannot run.
//!
//! Follows <https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/app-behavior.html>.
//!
//! Deliberately absent: the sizes that a job gets where it names none, and those of the shuffle-optimised disks.

use super::demand::{Demand, PodDemand, Role, spark_submit_conf};
use super::fit::{Fit, Outcome, count_of, fit};
use super::quantity::{SparkUnit, spark_mib};
use super::supply::{Node, Supply};
use crate::known::Text;
use serde_json::Value;
use std::collections::BTreeMap;

/// A size of worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Worker {
    /// Its vCPUs.
    pub vcpu: u64,
    /// Its memory in GB.
    pub memory_gb: u64,
}

/// The memory that is offered with a number of vCPUs.
struct Size {
    vcpu: u64,
    least_gb: u64,
    most_gb: u64,
    step_gb: u64,
}

const SIZES: [Size; 5] = [
    Size { vcpu: 1, least_gb: 2, most_gb: 8, step_gb: 1 },
    Size { vcpu: 2, least_gb: 4, most_gb: 16, step_gb: 1 },
    Size { vcpu: 4, least_gb: 8, most_gb: 30, step_gb: 1 },
    Size { vcpu: 8, least_gb: 16, most_gb: 60, step_gb: 4 },
    Size { vcpu: 16, least_gb: 32, most_gb: 120, step_gb: 8 },
];

impl Worker {
    /// Whether workers of this size are offered.
    #[must_use]
    pub fn is_offered(self) -> bool {
        Self::holding(self.vcpu, self.memory_gb.saturating_mul(1024)) == Some(self)
    }

    /// The smallest worker that holds so many vCPUs and so much memory, if one does.
    #[must_use]
    pub fn holding(vcpu: u64, memory_mib: u64) -> Option<Self> {
        let memory_gb = memory_mib.div_ceil(1024);
        SIZES.iter().find(|size| size.vcpu >= vcpu && size.most_gb >= memory_gb).map(|size| {
            let steps = memory_gb.saturating_sub(size.least_gb).div_ceil(size.step_gb);
            Self { vcpu: size.vcpu, memory_gb: (size.least_gb + steps * size.step_gb).min(size.most_gb) }
        })
    }
}

/// What a job's configuration asks for one kind of worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// `driver` or `executor`.
    pub role: &'static str,
    /// Its cores, where the job names them.
    pub vcpu: Option<u64>,
    /// Its memory with overhead, where the job names memory.
    pub memory_mib: Option<u64>,
    /// How the memory comes about.
    pub arithmetic: String,
    /// Why cores or memory that the job names could not be understood.
    pub unknown: Option<String>,
}

/// The Spark configuration that a `StartJobRun` request makes, over the application's own.
///
/// `Err` where the request's parameters are not known.
pub fn configuration(request: &Value, application: Option<&Value>) -> Result<BTreeMap<String, String>, String> {
    let mut conf = BTreeMap::new();
    let defaults = application.map(|application| &application["runtimeConfiguration"]);
    let overrides = &request["configurationOverrides"];
    for configurations in [defaults, Some(&overrides["applicationConfiguration"])].into_iter().flatten() {
        for configuration in configurations.as_array().into_iter().flatten() {
            if configuration["classification"] != "spark-defaults" {
                continue;
            }
            let properties = configuration["properties"].as_object().into_iter().flatten();
            conf.extend(properties.filter_map(|(name, value)| Some((name.clone(), Text::of(value)?.to_string()))));
        }
    }
    let parameters = &request["jobDriver"]["sparkSubmit"]["sparkSubmitParameters"];
    match Text::of(parameters) {
        Some(text) => {
            let submitted = spark_submit_conf(&text.to_string());
            if let Some(file) = submitted.properties_file {
                return Err(format!("the properties file `{file}` was not given"));
            }
            if let Some(why) = submitted.unknown.into_iter().next() {
                return Err(why);
            }
            conf.extend(submitted.conf);
        }
        None if parameters.is_null() => {}
        None => return Err("the Spark submit parameters are not known".to_owned()),
    }
    Ok(conf)
}

/// What a job's configuration asks of its workers.
#[must_use]
pub fn asked(conf: &BTreeMap<String, String>) -> Vec<Asked> {
    ["driver", "executor"].iter().map(|role| worker(role, conf)).collect()
}

/// With how many executors a job starts where it does not say.
const INITIAL_EXECUTORS: u64 = 3;

/// With how many executors a job starts, and how many it may have at most, where it bounds them.
#[must_use]
pub fn executors(conf: &BTreeMap<String, String>) -> Option<(u64, u64)> {
    let setting = |name: &str| conf.get(&format!("spark.dynamicAllocation.{name}")).map(|text| text.trim());
    if setting("enabled").is_some_and(|enabled| enabled.eq_ignore_ascii_case("false")) {
        return None;
    }
    let most = setting("maxExecutors")?.parse().ok()?;
    let initial = match setting("initialExecutors") {
        Some(text) => text.parse().ok()?,
        None => INITIAL_EXECUTORS,
    };
    Some((initial, most))
}

/// The workers with which a job runs: a driver, and executors; with dynamic allocation one, the least that runs a task.
#[must_use]
pub fn demand(conf: &BTreeMap<String, String>) -> Demand {
    let mut demand = Demand { conf: conf.clone(), ..Demand::default() };
    let fixed = conf.get("spark.dynamicAllocation.enabled").is_some_and(|on| on.trim().eq_ignore_ascii_case("false"));
    let named = conf.get("spark.executor.instances").and_then(|text| text.trim().parse::<u32>().ok());
    for asked in asked(conf) {
        let (role, count) = match asked.role {
            "driver" => (Role::Driver, 1),
            _ if !fixed => (Role::Executor, 1),
            _ => (Role::Executor, named.unwrap_or(1)),
        };
        if fixed && named.is_none() && role == Role::Executor {
            demand.unknown.push("with how many executors a job runs that names none is not told".to_owned());
        }
        demand.unknown.extend(asked.unknown);
        if asked.vcpu.is_none() || asked.memory_mib.is_none() {
            demand.unknown.push(format!("which worker a {role} gets that does not name cores and memory is not told"));
        }
        // What is not named is at least the smallest worker.
        match Worker::holding(asked.vcpu.unwrap_or(1), asked.memory_mib.unwrap_or(0)) {
            Some(worker) => {
                let memory_mib = worker.memory_gb.saturating_mul(1024);
                let mut pod = PodDemand::new(role, count, worker.vcpu.saturating_mul(1000), memory_mib);
                let sum = if asked.arithmetic.is_empty() { String::new() } else { format!("{}: ", asked.arithmetic) };
                pod.arithmetic = format!("{sum}a worker of {} vCPU and {} GB", worker.vcpu, worker.memory_gb);
                demand.pods.push(pod);
            }
            None => demand.unknown.push(format!("no worker holds the {role}")),
        }
    }
    demand
}

/// Whether workers have room under the maximum capacity of an application and the vCPUs of the account.
#[must_use]
pub fn weigh(demand: &[Demand], maximum: Option<Worker>, quota: Option<u64>) -> (Fit, Supply) {
    let mut supply = Supply::default();
    let by_maximum = maximum.map(|it| (it.vcpu, it.memory_gb));
    let vcpu = by_maximum.map(|it| it.0).into_iter().chain(quota).min();
    match vcpu {
        Some(vcpu) => {
            let name = match maximum {
                Some(maximum) if maximum.vcpu <= vcpu => "maximum capacity of the application",
                _ => "vCPUs of the account",
            };
            let cpu_milli = vcpu.saturating_mul(1000);
            // No worker has more than 8 GB for a vCPU.
            let memory_mib = by_maximum.map_or(vcpu.saturating_mul(8), |it| it.1).saturating_mul(1024);
            let pods = u64::from(u32::MAX);
            supply.nodes.push(Node {
                name: name.to_owned(),
                cpu_milli,
                memory_mib,
                pods,
                cpu_free_milli: cpu_milli,
                memory_free_mib: memory_mib,
                pods_free: pods,
                schedulable: true,
                ..Node::default()
            });
        }
        None => supply.unknown.push(
            "the application has no maximum capacity, and the vCPUs that the account may have at once are not told"
                .to_owned(),
        ),
    }
    let mut answer = fit(demand, &supply);
    if let (Outcome::Fits | Outcome::FitsIfPackedWell, Some(node)) = (answer.outcome, supply.nodes.first()) {
        let workers: u64 = answer.placed.iter().map(|placed| placed.count).sum();
        answer.because = format!("{} fit: {}", count_of(workers, "worker"), node.name);
    }
    if let (Outcome::Short, Some(node)) = (answer.outcome, supply.nodes.first()) {
        let sum = |of: fn(&PodDemand) -> u64| {
            let pods = demand.iter().flat_map(|job| &job.pods);
            pods.map(|pod| of(pod).saturating_mul(pod.count.into())).fold(0, u64::saturating_add)
        };
        let (vcpu, memory) = (sum(|pod| pod.cpu_milli) / 1000, sum(|pod| pod.memory_mib) / 1024);
        let (has, has_memory) = (node.cpu_milli / 1000, node.memory_mib / 1024);
        answer.because =
            format!("the workers take {vcpu} vCPU and {memory} GB; {}: {has} vCPU and {has_memory} GB", node.name);
    }
    (answer, supply)
}

/// The vCPUs that an account may have at once, among the quotas that `list-service-quotas` prints for EMR Serverless.
#[must_use]
pub fn quota(quotas: &[&Value]) -> Option<u64> {
    let is_ours = |quota: &&&Value| {
        quota["ServiceCode"].as_str().is_none_or(|code| code == "emr-serverless")
            && quota["QuotaName"].as_str().is_some_and(|name| name.to_lowercase().contains("concurrent vcpus"))
    };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast saturates")]
    quotas.iter().find(is_ours)?["Value"].as_f64().map(|value| value as u64)
}

/// Spark's least overhead.
const LEAST_OVERHEAD_MIB: u64 = 384;

fn worker(role: &'static str, conf: &BTreeMap<String, String>) -> Asked {
    let setting = |name: &str| conf.get(&format!("spark.{role}.{name}"));
    let mut asked = Asked { role, vcpu: None, memory_mib: None, arithmetic: String::new(), unknown: None };
    if let Some(cores) = setting("cores") {
        match cores.trim().parse() {
            Ok(cores) if cores > 0 => asked.vcpu = Some(cores),
            _ => asked.unknown = Some(format!("`spark.{role}.cores` is `{cores}`")),
        }
    }
    let Some(memory) = setting("memory") else { return asked };
    let changes_the_sum = ["memoryOverheadFactor", "minMemoryOverhead", "pyspark.memory"];
    if let Some(name) = changes_the_sum.iter().find(|name| setting(name).is_some()) {
        asked.unknown = Some(format!("`spark.{role}.{name}` changes the overhead in ways that are not documented"));
        return asked;
    }
    let sizes = [Some(memory), setting("memoryOverhead")].map(|size| size.map(|size| spark_mib(size, SparkUnit::Mib)));
    let [Some(Some(heap)), overhead @ (None | Some(Some(_)))] = sizes else {
        asked.unknown = Some(format!("the memory of the {role} is not a size: `{memory}`"));
        return asked;
    };
    let factor = conf.get("spark.emr-serverless.memoryOverheadFactor").map(|factor| factor.trim().parse::<f64>());
    let overhead = match (overhead.flatten(), factor) {
        (Some(overhead), _) => overhead,
        (None, Some(Ok(factor))) if (0.0..=1.0).contains(&factor) => part(heap, factor).max(LEAST_OVERHEAD_MIB),
        (None, Some(_)) => {
            asked.unknown = Some("`spark.emr-serverless.memoryOverheadFactor` is not a part of one".to_owned());
            return asked;
        }
        (None, None) => (heap / 10).max(LEAST_OVERHEAD_MIB),
    };
    let total = heap.saturating_add(overhead);
    asked.arithmetic = format!("{heap} MiB + {overhead} MiB overhead = {total} MiB");
    asked.memory_mib = Some(total);
    asked
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "rounded down, within the range of sizes"
)]
fn part(heap: u64, factor: f64) -> u64 {
    (heap as f64 * factor) as u64
}

/// An amount such as `2 vCPU` or `8 GB`, in the unit that its kind is counted in.
#[must_use]
pub fn amount(text: &str, unit: &str) -> Option<u64> {
    let text = text.trim();
    let bare = text.len().checked_sub(unit.len()).and_then(|at| text.split_at_checked(at));
    let number = bare.filter(|(_, end)| end.eq_ignore_ascii_case(unit)).map_or(text, |(number, _)| number);
    number.trim_end().parse().ok().filter(|number| *number > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn workers_come_in_the_documented_sizes() {
        for (vcpu, memory_gb, offered) in [
            (1, 1, false),
            (1, 2, true),
            (1, 8, true),
            (1, 9, false),
            (2, 16, true),
            (3, 7, false),
            (4, 30, true),
            (4, 31, false),
            (8, 16, true),
            (8, 18, false),
            (8, 60, true),
            (16, 120, true),
            (16, 36, false),
            (32, 120, false),
        ] {
            assert_eq!(Worker { vcpu, memory_gb }.is_offered(), offered, "{vcpu} vCPU, {memory_gb} GB");
        }
        for (vcpu, memory_mib, holding) in [
            (2, 7884, Some((2, 8))),
            (3, 6758, Some((4, 8))),
            (1, 8193, Some((2, 9))),
            (8, 60 * 1024 + 1, Some((16, 64))),
            (16, 120 * 1024 + 1, None),
            (17, 1, None),
            (1, u64::MAX, None),
        ] {
            let expected = holding.map(|(vcpu, memory_gb)| Worker { vcpu, memory_gb });
            assert_eq!(Worker::holding(vcpu, memory_mib), expected, "{vcpu} vCPU, {memory_mib} MiB");
        }
    }

    #[test]
    fn a_job_asks_for_memory_with_its_overhead() {
        let ask = |parameters: &str| {
            let request = json!({"jobDriver": {"sparkSubmit": {"sparkSubmitParameters": parameters}}});
            configuration(&request, None).map(|conf| asked(&conf)[1].clone())
        };
        for (parameters, vcpu, memory_mib) in [
            ("", None, None),
            ("--conf spark.executor.cores=2 --conf spark.executor.memory=7g", Some(2), Some(7884)),
            ("--executor-cores 4 --executor-memory 1g", Some(4), Some(1408)),
            ("--executor-memory 20g --conf spark.executor.memoryOverhead=4g", None, Some(24576)),
            ("--executor-memory 10g --conf spark.emr-serverless.memoryOverheadFactor=0.4", None, Some(14336)),
        ] {
            let asked = ask(parameters).unwrap();
            assert_eq!((asked.vcpu, asked.memory_mib, asked.unknown), (vcpu, memory_mib, None), "{parameters}");
        }
        for odd in [
            "--executor-memory lots",
            "--conf spark.executor.cores=0",
            "--executor-memory 1g --conf spark.executor.pyspark.memory=1g",
        ] {
            assert!(ask(odd).unwrap().unknown.is_some(), "{odd}");
        }
        assert!(ask("--properties-file x.conf").is_err());
        assert!(
            configuration(&json!({"jobDriver": {"sparkSubmit": {"sparkSubmitParameters": {"$unknown": "x"}}}}), None)
                .is_err()
        );
        let application = json!({"runtimeConfiguration": [{"classification": "spark-defaults", "properties": {"spark.driver.cores": "8"}}]});
        assert_eq!(asked(&configuration(&json!({}), Some(&application)).unwrap())[0].vcpu, Some(8));
    }

    #[test]
    fn workers_are_held_against_maximum_and_quota() {
        let worker = |vcpu, memory_gb| Some(Worker { vcpu, memory_gb });
        let sized = "--driver-cores 4 --driver-memory 14g --executor-cores 4 --executor-memory 14g";
        for (more, at_once, maximum, quota, outcome) in [
            ("", 1, worker(8, 32), None, Outcome::Fits),
            ("", 1, worker(8, 31), None, Outcome::Short),
            ("", 1, worker(7, 60), None, Outcome::Short),
            ("", 2, worker(8, 60), None, Outcome::Short),
            ("", 1, worker(100, 400), Some(7), Outcome::Short),
            ("", 1, None, Some(8), Outcome::Fits),
            ("", 1, None, None, Outcome::Unknown),
            ("--conf spark.dynamicAllocation.enabled=false --num-executors 3", 1, worker(16, 64), None, Outcome::Fits),
            ("--conf spark.dynamicAllocation.enabled=false --num-executors 4", 1, worker(16, 64), None, Outcome::Short),
            ("--conf spark.dynamicAllocation.enabled=false", 1, worker(16, 64), None, Outcome::Unknown),
        ] {
            let request = json!({"jobDriver": {"sparkSubmit": {"sparkSubmitParameters": format!("{sized} {more}")}}});
            let demand = demand(&configuration(&request, None).unwrap());
            let (answer, _) = weigh(&vec![demand; at_once], maximum, quota);
            assert_eq!(answer.outcome, outcome, "{more} {at_once} {maximum:?} {quota:?}: {}", answer.because);
        }
        let bare = demand(&BTreeMap::new());
        // Two of the smallest workers do not fit one vCPU, whatever a job gets that names none.
        assert_eq!(weigh(std::slice::from_ref(&bare), worker(1, 8), None).0.outcome, Outcome::Short);
        assert_eq!(weigh(&[bare], worker(64, 256), None).0.outcome, Outcome::Unknown);
        let quotas =
            json!([{"ServiceCode": "emr-serverless", "QuotaName": "Max concurrent vCPUs per account", "Value": 16.0}]);
        assert_eq!(quota(&[&quotas[0]]), Some(16));
    }

    #[test]
    fn a_job_starts_with_three_executors() {
        let conf = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
            pairs.iter().map(|(name, value)| (format!("spark.dynamicAllocation.{name}"), (*value).to_owned())).collect()
        };
        for (pairs, expected) in [
            (&[][..], None),
            (&[("maxExecutors", "2")][..], Some((3, 2))),
            (&[("maxExecutors", "2"), ("initialExecutors", "1")][..], Some((1, 2))),
            (&[("maxExecutors", "2"), ("enabled", "false")][..], None),
            (&[("maxExecutors", "many")][..], None),
        ] {
            assert_eq!(executors(&conf(pairs)), expected, "{pairs:?}");
        }
    }

    #[test]
    fn amounts_have_units_or_none() {
        for (text, unit, expected) in [
            ("2 vCPU", "vCPU", Some(2)),
            ("2VCPU", "vCPU", Some(2)),
            ("16", "vCPU", Some(16)),
            ("8 GB", "GB", Some(8)),
            ("8gb", "GB", Some(8)),
            ("8 TB", "GB", None),
            ("0 GB", "GB", None),
            ("", "GB", None),
            ("é", "GB", None),
        ] {
            assert_eq!(amount(text, unit), expected, "{text}");
        }
    }
}
