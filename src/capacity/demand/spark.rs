//! A Spark configuration: what its driver and executors ask for, as Spark itself computes it.

use super::super::quantity::{self, SparkUnit, spark_mib};
use super::template::not_given;
use super::{Demand, Dynamic, Language, PodDemand, Role};
use crate::known::Text;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The driver and the executors that a Spark configuration makes on Kubernetes. `spark` is the version of Spark.
#[must_use]
pub fn of_spark_conf(conf: &BTreeMap<String, String>, language: Language, spark: Option<&str>) -> Demand {
    let mut unknown = Vec::new();
    let mut reading = Reading { conf, unknown: &mut unknown };
    let factor =
        reading.factor("spark.kubernetes.memoryOverheadFactor").unwrap_or_else(|| Some(language.overhead_factor()));
    let version = spark.and_then(version);
    let driver_memory = memory(&mut reading, "driver", factor, version, None);
    let executor_memory = memory(&mut reading, "executor", factor, version, Some(language));
    let driver = pod(&mut reading, Role::Driver, driver_memory);
    let mut executor = pod(&mut reading, Role::Executor, executor_memory);
    let dynamic = executors(&mut reading, &mut executor);
    if let Some(scheduler) = conf.get("spark.kubernetes.scheduler.name").filter(|name| *name != "default-scheduler") {
        unknown.push(format!("the pods are placed by `{scheduler}`, whose queues are not weighed"));
    }
    unknown.sort();
    unknown.dedup();
    Demand { pods: vec![driver, executor], unknown, dynamic, namespace: None, conf: conf.clone() }
}

/// Sets the number of executors, and tells the range that they may have.
fn executors(reading: &mut Reading<'_>, executor: &mut PodDemand) -> Option<Dynamic> {
    let instances = reading.number("spark.executor.instances");
    if !reading.conf.get("spark.dynamicAllocation.enabled").is_some_and(|on| on.trim().eq_ignore_ascii_case("true")) {
        executor.count = instances.unwrap_or(2);
        return None;
    }
    let min = reading.number("spark.dynamicAllocation.minExecutors").unwrap_or(0);
    let max = reading.number("spark.dynamicAllocation.maxExecutors");
    let initial = reading.number("spark.dynamicAllocation.initialExecutors").unwrap_or(min);
    let initial = initial.max(min).max(instances.unwrap_or(0));
    // Without one executor no task ever runs, so one is the least that the job needs.
    executor.count = initial.max(1);
    let from = if initial == 0 { ", the least that runs a task" } else { "" };
    executor.arithmetic.push_str(&format!("; dynamic allocation, counted with {}{from}", executor.count));
    Some(Dynamic { min, initial, max })
}

/// One of the two kinds of Spark pods, without its number.
fn pod(reading: &mut Reading<'_>, role: Role, (memory_mib, memory): (u64, String)) -> PodDemand {
    let side = if role == Role::Driver { "driver" } else { "executor" };
    let requested = reading.cpu(&format!("spark.kubernetes.{side}.request.cores"));
    let cpu_milli = match requested {
        Some(cpu_milli) => cpu_milli,
        None => reading.number(&format!("spark.{side}.cores")).map_or(1000, |cores| u64::from(cores) * 1000),
    };
    let cpu_limit_milli = reading.cpu(&format!("spark.kubernetes.{side}.limit.cores"));
    let selector = format!("spark.kubernetes.{side}.node.selector.");
    let node_selector = selectors(reading.conf, &["spark.kubernetes.node.selector.", &selector], reading.unknown);
    let template = reading.conf.get(&format!("spark.kubernetes.{side}.podTemplateFile")).cloned();
    if let Some(template) = &template {
        reading.unknown.push(not_given(role, template));
    }
    let resource = format!("spark.{side}.resource.");
    if let Some((key, _)) = reading.conf.iter().find(|(key, _)| key.starts_with(&resource) && key.ends_with(".amount"))
    {
        reading.unknown.push(format!("`{key}` asks for devices, which are not counted"));
    }
    let cpu = match cpu_milli {
        1000 => "1 core".to_owned(),
        whole if whole % 1000 == 0 => format!("{} cores", whole / 1000),
        part => format!("{part}m cpu"),
    };
    let (claims, volumes) = claims(reading.conf, side);
    let mut labels = with_prefix(reading.conf, &format!("spark.kubernetes.{side}.label."));
    labels.insert("spark-role".to_owned(), side.to_owned());
    let image = [format!("spark.kubernetes.{side}.container.image"), "spark.kubernetes.container.image".to_owned()];
    PodDemand {
        node_selector,
        labels,
        image: image.iter().find_map(|key| reading.conf.get(key)).cloned(),
        template,
        claims,
        volumes,
        cpu_limit_milli,
        arithmetic: format!("{memory} = {memory_mib} MiB, {cpu}"),
        ..PodDemand::new(role, 1, cpu_milli, memory_mib)
    }
}

/// The claims of volumes that are there before the pods, and how many volumes each pod mounts in all.
fn claims(conf: &BTreeMap<String, String>, side: &str) -> (Vec<String>, u64) {
    let all = with_prefix(conf, &format!("spark.kubernetes.{side}.volumes.persistentVolumeClaim."));
    let named = all.iter().filter(|(key, _)| key.ends_with(".options.claimName")).map(|(_, claim)| claim);
    let volumes = named.clone().count() as u64;
    // Spark makes the claim itself where it says `OnDemand`, or names it after the executor.
    let there = named.filter(|claim| *claim != "OnDemand" && !claim.contains("SPARK_EXECUTOR_ID"));
    (there.cloned().collect(), volumes)
}

/// The entries whose names begin so, without the prefix.
pub(super) fn with_prefix(conf: &BTreeMap<String, String>, prefix: &str) -> BTreeMap<String, String> {
    let from = conf.range(prefix.to_owned()..);
    from.map_while(|(name, value)| Some((name.strip_prefix(prefix)?.to_owned(), value.clone()))).collect()
}

/// The memory request of a driver or executor in MiB, and its sum in words. `language` is given for executors, whose
/// pods also hold off-heap and Python memory.
fn memory(
    reading: &mut Reading<'_>,
    side: &str,
    default_factor: Option<f64>,
    version: Option<(u32, u32)>,
    language: Option<Language>,
) -> (u64, String) {
    let written = |reading: &Reading<'_>, key: &str, default: &str| {
        reading.conf.get(key).map_or_else(|| default.to_owned(), |text| text.trim().to_owned())
    };
    let heap_key = format!("spark.{side}.memory");
    let heap = reading.size(&heap_key, SparkUnit::Mib).unwrap_or(1024);
    let mut sum = written(reading, &heap_key, "1g");
    let overhead_key = format!("spark.{side}.memoryOverhead");
    let overhead = match reading.size(&overhead_key, SparkUnit::Mib) {
        Some(overhead) => {
            sum.push_str(&format!(" + {}", written(reading, &overhead_key, "")));
            overhead
        }
        None => {
            let factor = own_factor(reading, side, version).unwrap_or(default_factor);
            let least = least_overhead(reading, side, version);
            match factor {
                Some(factor) => {
                    sum.push_str(&format!(" + max({least}, {} %)", percent(factor)));
                    // As Spark: a double, cut to a 32-bit integer.
                    #[expect(
                        clippy::cast_possible_truncation,
                        clippy::cast_sign_loss,
                        clippy::cast_precision_loss,
                        reason = "the cast saturates, and the factor is not negative"
                    )]
                    let share = ((factor * heap as f64) as u64).min(i32::MAX as u64);
                    share.max(least)
                }
                None => {
                    sum.push_str(&format!(" + {least}"));
                    least
                }
            }
        }
    };
    let mut total = heap.saturating_add(overhead);
    if let Some(language) = language {
        if reading.conf.get("spark.memory.offHeap.enabled").is_some_and(|on| on.trim().eq_ignore_ascii_case("true")) {
            let off_heap = reading.size("spark.memory.offHeap.size", SparkUnit::Byte).unwrap_or(0);
            sum.push_str(&format!(" + {off_heap} off-heap"));
            total = total.saturating_add(off_heap);
        }
        if language == Language::Python
            && let Some(python) = reading.size("spark.executor.pyspark.memory", SparkUnit::Mib)
        {
            sum.push_str(&format!(" + {python} for Python"));
            total = total.saturating_add(python);
        }
    }
    (total, sum)
}

/// `spark.driver.memoryOverheadFactor` or the executor's, which Spark knows since 3.3. The outer `None`: not set.
fn own_factor(reading: &mut Reading<'_>, side: &str, version: Option<(u32, u32)>) -> Option<Option<f64>> {
    let key = format!("spark.{side}.memoryOverheadFactor");
    let factor = reading.factor(&key)?;
    match version {
        Some(version) if version < (3, 3) => None,
        Some(_) => Some(factor),
        None => {
            reading.unknown.push(format!("whether `{key}` counts depends on the Spark version, which is not known"));
            Some(None)
        }
    }
}

/// The least overhead in MiB: 384, which Spark 4 lets one configure.
fn least_overhead(reading: &mut Reading<'_>, side: &str, version: Option<(u32, u32)>) -> u64 {
    let key = format!("spark.{side}.minMemoryOverhead");
    match version {
        Some(version) if version < (4, 0) => 384,
        Some(_) => reading.size(&key, SparkUnit::Mib).unwrap_or(384),
        None if reading.conf.contains_key(&key) => {
            reading.unknown.push(format!("whether `{key}` counts depends on the Spark version, which is not known"));
            reading.size(&key, SparkUnit::Mib).unwrap_or(384).min(384)
        }
        None => 384,
    }
}

/// Major and minor of a version like `3.5.5` or `3.5.6-amzn-1`.
fn version(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.trim().split(['.', '-']);
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

fn percent(factor: f64) -> String {
    let text = format!("{:.2}", factor * 100.0);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Reads a configuration. What is set but cannot be read is told in `unknown` and counts as nothing.
pub(super) struct Reading<'a> {
    pub(super) conf: &'a BTreeMap<String, String>,
    pub(super) unknown: &'a mut Vec<String>,
}

impl Reading<'_> {
    fn read<T>(&mut self, key: &str, what: &str, parse: impl FnOnce(&str) -> Option<T>) -> Option<Option<T>> {
        let text = self.conf.get(key)?;
        let value = parse(text.trim());
        if value.is_none() {
            self.unknown.push(format!("`{key}` is `{text}`, which is not {what}"));
        }
        Some(value)
    }

    fn size(&mut self, key: &str, unit: SparkUnit) -> Option<u64> {
        Some(self.read(key, "a size as Spark writes it", |text| spark_mib(text, unit))?.unwrap_or(0))
    }

    fn number(&mut self, key: &str) -> Option<u32> {
        let number = |text: &str| text.parse::<i32>().ok().and_then(|number| u32::try_from(number).ok());
        Some(self.read(key, "a whole number", number)?.unwrap_or(0))
    }

    fn factor(&mut self, key: &str) -> Option<Option<f64>> {
        let factor = |text: &str| text.parse::<f64>().ok().filter(|factor| factor.is_finite() && *factor >= 0.0);
        self.read(key, "a factor", factor)
    }

    pub(super) fn cpu(&mut self, key: &str) -> Option<u64> {
        let cpu = |text: &str| quantity::milli(text).and_then(|milli| u64::try_from(milli).ok());
        Some(self.read(key, "a quantity of CPU", cpu)?.unwrap_or(0))
    }

    pub(super) fn memory(&mut self, key: &str) -> Option<u64> {
        let memory = |text: &str| quantity::mib(text).and_then(|mib| u64::try_from(mib).ok());
        Some(self.read(key, "a quantity of memory", memory)?.unwrap_or(0))
    }
}

/// The node selectors under these prefixes, a later prefix over an earlier one.
pub(super) fn selectors(
    conf: &BTreeMap<String, String>,
    prefixes: &[&str],
    unknown: &mut Vec<String>,
) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for prefix in prefixes {
        for (name, value) in conf.range((*prefix).to_owned()..) {
            let Some(key) = name.strip_prefix(prefix) else { break };
            select(&mut found, key, value, unknown);
        }
    }
    found
}

pub(super) fn select(into: &mut BTreeMap<String, String>, key: &str, value: &str, unknown: &mut Vec<String>) {
    if value.contains("${") {
        unknown.push(format!("the node selector `{key}` is `{value}`, which is not known"));
        into.remove(key);
    } else {
        into.insert(key.to_owned(), value.to_owned());
    }
}

/// The entries of an object whose values are texts, numbers or truths; a value that is not known becomes `${why}`.
pub(super) fn texts(object: Option<&Value>) -> BTreeMap<String, String> {
    let entries = object.and_then(Value::as_object).into_iter().flat_map(Map::iter);
    entries.filter_map(|(key, value)| Some((key.clone(), Text::of(value)?.to_string()))).collect()
}
