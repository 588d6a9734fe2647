//! What a job asks of the cluster: its pods, with the exact requests that Spark and EMR put on them.
//!
//! One job run on EMR on EKS is a job submitter pod, a driver and its executors; an operator's SparkApplication is a
//! driver and executors. The sums follow Spark's own code (`BasicDriverFeatureStep`, `BasicExecutorFeatureStep`,
//! `ResourceProfile`), rounding included. What a number cannot be had of counts as nothing and is told in
//! [`Demand::unknown`]: so every request here is the least that it can be, and a shortage that it proves is real.
//!
//! The logging container beside driver and executors counts with what EMR documents; as older releases ask for less,
//! the difference is kept apart, and no shortage is told that hangs on it.
//!
//! Deliberately absent: requests of EMR's `job-runner` container, which are not documented.

use super::quantity::{self, SparkUnit, spark_mib};
use super::supply::{Taint, requests};
use crate::known::Text;
use serde_json::{Map, Value, json};
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

/// The pods of an EMR on EKS job run: the input of `StartJobRun`, a `jobRun` of `describe-job-run` or a
/// `jobTemplateData`. `release_spark` is the Apache Spark version of its release label.
#[must_use]
pub fn of_emr_on_eks(request: &Value, release_spark: Option<&str>) -> Demand {
    let mut request = request;
    for wrapper in ["jobRun", "jobTemplate", "jobTemplateData"] {
        request = request.get(wrapper).unwrap_or(request);
    }
    let mut unknown = Vec::new();
    let mut spark_defaults = BTreeMap::new();
    let mut submitter_conf = BTreeMap::new();
    let mut container_conf = BTreeMap::new();
    let overrides = request.get("configurationOverrides");
    if let Some(why) = overrides.and_then(crate::known::Unknown::of) {
        unknown.push(format!("`configurationOverrides` is not known: {}", why.why));
    }
    let configurations = overrides.and_then(|overrides| overrides.get("applicationConfiguration"));
    for configuration in configurations.and_then(Value::as_array).into_iter().flatten() {
        let into = match configuration.get("classification").and_then(Value::as_str) {
            Some("spark-defaults") => &mut spark_defaults,
            Some("emr-job-submitter") => &mut submitter_conf,
            Some("emr-containers-defaults") => &mut container_conf,
            _ => continue,
        };
        into.extend(texts(configuration.get("properties")));
    }

    let mut pods = vec![submitter(&submitter_conf, &mut unknown)];
    let driver = request.get("jobDriver");
    let submit = driver.and_then(|driver| driver.get("sparkSubmitJobDriver"));
    let sql = driver.and_then(|driver| driver.get("sparkSqlJobDriver"));
    let (parameters, entry_point) = match (submit, sql) {
        (Some(submit), _) => (submit.get("sparkSubmitParameters"), submit.get("entryPoint")),
        (None, Some(sql)) => (sql.get("sparkSqlParameters"), None),
        (None, None) => {
            let template = request.get("jobTemplateId").and_then(Value::as_str);
            unknown.push(template.map_or_else(
                || "the job names no job driver".to_owned(),
                |template| format!("the job template `{template}` was not given, and the job driver is in it"),
            ));
            return Demand { pods, unknown, ..Demand::default() };
        }
    };
    let mut conf = spark_defaults;
    if let Some(parameters) = parameters.and_then(Text::of) {
        let submitted = spark_submit_conf(&parameters.to_string());
        unknown.extend(submitted.unknown);
        conf.extend(submitted.conf);
        if let Some(file) = submitted.properties_file {
            unknown.push(format!("the properties file `{file}` was not given"));
            for key in KEYS_OF_REQUESTS {
                conf.entry((*key).to_owned()).or_insert_with(|| format!("${{{file}}}"));
            }
        }
    } else if parameters.is_some_and(|parameters| !parameters.is_null()) {
        unknown.push("the Spark submit parameters are not a text".to_owned());
    }
    let entry_point = entry_point.and_then(Text::of).map(|text| text.to_string()).unwrap_or_default();
    if entry_point.ends_with('}') && entry_point.contains("${") {
        unknown.push(format!("the entry point `{entry_point}` is not known, nor whether it is Python"));
    }

    let mut demand = of_spark_conf(&conf, Language::of_file(&entry_point), release_spark);
    let logs = overrides.and_then(|overrides| overrides.get("monitoringConfiguration"));
    let ships = ["s3MonitoringConfiguration", "cloudWatchMonitoringConfiguration"]
        .iter()
        .any(|way| logs.and_then(|logs| logs.get(way)).is_some_and(|way| !way.is_null()));
    for pod in &mut demand.pods {
        let component = if pod.role == Role::Driver { "driver" } else { "executor" };
        label(pod, component);
        if pod.role == Role::Executor && is_disabled(&container_conf, "executor.logging") {
            continue;
        }
        let mut reading = Reading { conf: &container_conf, unknown: &mut unknown };
        let cpu_milli = reading.cpu("logging.request.cores").unwrap_or_default();
        let stated = reading.memory("logging.request.memory");
        let memory_mib = stated.unwrap_or(LOGGING_MIB);
        if stated.is_none() {
            pod.doubtful_memory_mib = if ships { LOGGING_MIB - LEAST_LOGGING_MIB } else { LOGGING_MIB };
        }
        pod.cpu_milli = pod.cpu_milli.saturating_add(cpu_milli);
        pod.memory_mib = pod.memory_mib.saturating_add(memory_mib);
        pod.arithmetic.push_str(&format!("; logging container {cpu_milli}m, {memory_mib} MiB"));
        if stated.is_none() {
            pod.arithmetic.push_str(" by default");
        }
        pod.arithmetic.push_str(&format!(" = {}m, {} MiB", pod.cpu_milli, pod.memory_mib));
    }
    pods.append(&mut demand.pods);
    unknown.append(&mut demand.unknown);
    unknown.sort();
    unknown.dedup();
    Demand { pods, unknown, ..demand }
}

/// What the logging container beside driver and executors asks for by default, as EMR documents it.
const LOGGING_MIB: u64 = 512;
/// What it has been seen to ask for in older releases.
const LEAST_LOGGING_MIB: u64 = 200;

/// Puts on a pod the labels that EMR gives it.
fn label(pod: &mut PodDemand, component: &str) {
    for (key, value) in [("component", component), ("resource.type", "job.run")] {
        pod.labels.insert(format!("emr-containers.amazonaws.com/{key}"), value.to_owned());
    }
}

/// All that a properties file may set of what is computed here.
const KEYS_OF_REQUESTS: &[&str] = &[
    "spark.driver.cores",
    "spark.driver.memory",
    "spark.driver.memoryOverhead",
    "spark.executor.cores",
    "spark.executor.instances",
    "spark.executor.memory",
    "spark.executor.memoryOverhead",
    "spark.kubernetes.driver.podTemplateFile",
    "spark.kubernetes.driver.request.cores",
    "spark.kubernetes.executor.podTemplateFile",
    "spark.kubernetes.executor.request.cores",
];

/// EMR's job submitter pod. Of its containers only the logging one has documented requests.
fn submitter(conf: &BTreeMap<String, String>, unknown: &mut Vec<String>) -> PodDemand {
    let (mut cpu_milli, mut memory_mib) = (0, 0);
    let logging = !is_disabled(conf, "jobsubmitter.logging");
    if logging {
        let mut reading = Reading { conf, unknown };
        cpu_milli = reading.cpu("jobsubmitter.logging.request.cores").unwrap_or(100);
        memory_mib = reading.memory("jobsubmitter.logging.request.memory").unwrap_or(200);
    }
    let tolerations = conf.iter().filter_map(|(name, value)| {
        let key = name.strip_prefix("jobsubmitter.node.toleration.")?;
        if [".effect", ".tolerationSeconds"].iter().any(|part| {
            key.strip_suffix(part).is_some_and(|of| conf.contains_key(&format!("jobsubmitter.node.toleration.{of}")))
        }) {
            return None;
        }
        let effect = conf.get(&format!("{name}.effect")).cloned().unwrap_or_default();
        let operator = if value.is_empty() { "Exists" } else { "Equal" }.to_owned();
        Some(Toleration { key: key.to_owned(), operator, value: value.clone(), effect })
    });
    let tolerations: Vec<_> = tolerations.collect();
    let node_selector = selectors(conf, &["jobsubmitter.node.selector."], unknown);
    let counted =
        if logging { format!("logging container {cpu_milli}m, {memory_mib} MiB") } else { "0m, 0 MiB".into() };
    let open = tolerations.iter().any(|it| it.value.contains("${") || it.effect.contains("${"));
    let mut pod = PodDemand {
        node_selector,
        tolerations,
        labels: with_prefix(conf, "jobsubmitter.label."),
        image: conf.get("jobsubmitter.container.image").cloned(),
        template: open.then(|| {
            unknown.push("a toleration of the job submitter is not known".to_owned());
            "jobsubmitter.node.toleration".to_owned()
        }),
        arithmetic: format!("{counted}; the requests of its `job-runner` container are not documented and not counted"),
        ..PodDemand::new(Role::Submitter, 1, cpu_milli, memory_mib)
    };
    label(&mut pod, "job.submitter");
    pod
}

fn is_disabled(conf: &BTreeMap<String, String>, key: &str) -> bool {
    conf.get(key).is_some_and(|value| value == "DISABLED")
}

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
        reading.unknown.push(format!("the {side}'s pod template `{template}` was not given"));
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
    let mut labels = with_prefix(reading.conf, &format!("spark.kubernetes.{side}.label."));
    labels.insert("spark-role".to_owned(), side.to_owned());
    let image = [format!("spark.kubernetes.{side}.container.image"), "spark.kubernetes.container.image".to_owned()];
    PodDemand {
        node_selector,
        labels,
        image: image.iter().find_map(|key| reading.conf.get(key)).cloned(),
        template,
        cpu_limit_milli,
        arithmetic: format!("{memory} = {memory_mib} MiB, {cpu}"),
        ..PodDemand::new(role, 1, cpu_milli, memory_mib)
    }
}

/// The entries whose names begin so, without the prefix.
fn with_prefix(conf: &BTreeMap<String, String>, prefix: &str) -> BTreeMap<String, String> {
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
struct Reading<'a> {
    conf: &'a BTreeMap<String, String>,
    unknown: &'a mut Vec<String>,
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

    fn cpu(&mut self, key: &str) -> Option<u64> {
        let cpu = |text: &str| quantity::milli(text).and_then(|milli| u64::try_from(milli).ok());
        Some(self.read(key, "a quantity of CPU", cpu)?.unwrap_or(0))
    }

    fn memory(&mut self, key: &str) -> Option<u64> {
        let memory = |text: &str| quantity::mib(text).and_then(|mib| u64::try_from(mib).ok());
        Some(self.read(key, "a quantity of memory", memory)?.unwrap_or(0))
    }
}

/// The node selectors under these prefixes, a later prefix over an earlier one.
fn selectors(
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

fn select(into: &mut BTreeMap<String, String>, key: &str, value: &str, unknown: &mut Vec<String>) {
    if value.contains("${") {
        unknown.push(format!("the node selector `{key}` is `{value}`, which is not known"));
        into.remove(key);
    } else {
        into.insert(key.to_owned(), value.to_owned());
    }
}

/// The pods of a SparkApplication, of either operator: `sparkoperator.k8s.io` or `spark.apache.org`.
#[must_use]
pub fn of_spark_application(manifest: &Value) -> Demand {
    let api = manifest.get("apiVersion").and_then(Value::as_str).unwrap_or_default();
    let mut spec = manifest.get("spec").unwrap_or(&Value::Null);
    if manifest.get("kind").and_then(Value::as_str) == Some("ScheduledSparkApplication") {
        spec = spec.get("template").unwrap_or(&Value::Null);
    }
    match api.split('/').next() {
        Some("sparkoperator.k8s.io") => of_kubeflow(spec),
        Some("spark.apache.org") => of_apache(spec),
        _ => Demand { unknown: vec![format!("`{api}` is not an API of SparkApplications")], ..Demand::default() },
    }
}

/// kubeflow/spark-operator: its fields become configuration, over what `sparkConf` says.
fn of_kubeflow(spec: &Value) -> Demand {
    let mut conf = texts(spec.get("sparkConf"));
    let mut set = |key: &str, value: Option<&Value>| {
        if let Some(text) = value.and_then(Text::of) {
            conf.insert(key.to_owned(), text.to_string());
        }
    };
    set("spark.kubernetes.memoryOverheadFactor", spec.get("memoryOverheadFactor"));
    for side in ["driver", "executor"] {
        let field = |name: &str| spec.get(side).and_then(|part| part.get(name));
        set(&format!("spark.{side}.cores"), field("cores"));
        set(&format!("spark.{side}.memory"), field("memory"));
        set(&format!("spark.{side}.memoryOverhead"), field("memoryOverhead"));
        set(&format!("spark.kubernetes.{side}.request.cores"), field("coreRequest"));
        set(&format!("spark.kubernetes.{side}.limit.cores"), field("coreLimit"));
    }
    set("spark.executor.instances", spec.pointer("/executor/instances"));
    if spec.pointer("/dynamicAllocation/enabled").and_then(Value::as_bool) == Some(true) {
        for name in ["enabled", "initialExecutors", "minExecutors", "maxExecutors"] {
            set(&format!("spark.dynamicAllocation.{name}"), spec.get("dynamicAllocation").and_then(|it| it.get(name)));
        }
    }
    for (key, value) in texts(spec.get("nodeSelector")) {
        conf.insert(format!("spark.kubernetes.node.selector.{key}"), value);
    }
    let language = match spec.get("type").and_then(Value::as_str) {
        Some("Python") => Language::Python,
        Some("R") => Language::R,
        Some(_) => Language::Jvm,
        None => Language::of_file(spec.get("mainApplicationFile").and_then(Value::as_str).unwrap_or_default()),
    };
    let inline = ["driver", "executor"].map(|side| {
        if spec.pointer(&format!("/{side}/template/spec")).is_some() {
            // A template in the manifest is used instead of a file.
            conf.remove(&format!("spark.kubernetes.{side}.podTemplateFile"));
        }
        let mut template = spec.pointer(&format!("/{side}/template/spec")).cloned().unwrap_or_else(|| json!({}));
        let part = spec.get(side).unwrap_or(&Value::Null);
        let list = |value: Option<&Value>| value.and_then(Value::as_array).cloned().unwrap_or_default();
        let mut containers = list(template.get("containers"));
        if containers.is_empty() {
            containers.push(json!({}));
        }
        containers.extend(list(part.get("sidecars")));
        let add = |name: &str| [list(template.get(name)), list(part.get(name))].concat();
        let (init, tolerations) = (add("initContainers"), add("tolerations"));
        if let Some(object) = template.as_object_mut() {
            object.insert("containers".into(), containers.into());
            object.insert("initContainers".into(), init.into());
            object.insert("tolerations".into(), tolerations.into());
            let selector = object.entry("nodeSelector").or_insert_with(|| json!({}));
            if let (Some(into), Some(own)) =
                (selector.as_object_mut(), part.get("nodeSelector").and_then(Value::as_object))
            {
                into.extend(own.clone());
            }
            for name in ["affinity", "gpu"] {
                if let Some(value) = part.get(name) {
                    object.insert(name.into(), value.clone());
                }
            }
        }
        template
    });
    let version = spec.get("sparkVersion").and_then(Value::as_str);
    with_templates(&conf, language, version, inline.each_ref().map(Some))
}

/// apache/spark-kubernetes-operator: all is configuration, but for the pod templates.
fn of_apache(spec: &Value) -> Demand {
    let mut conf = texts(spec.get("sparkConf"));
    let given = |name: &str| spec.get(name).and_then(Value::as_str).is_some_and(|files| !files.is_empty());
    let language = match (given("jars"), given("pyFiles"), given("sparkRFiles")) {
        (false, true, _) => Language::Python,
        (false, false, true) => Language::R,
        _ => Language::Jvm,
    };
    let version = spec.pointer("/runtimeVersions/sparkVersion").and_then(Value::as_str);
    let templates = ["driver", "executor"].map(|side| {
        let template = spec.pointer(&format!("/{side}Spec/podTemplateSpec/spec"))?;
        // A template in the manifest is used instead of a file.
        conf.remove(&format!("spark.kubernetes.{side}.podTemplateFile"));
        Some(template)
    });
    with_templates(&conf, language, version, templates)
}

/// The pods of a configuration, with the pod templates of driver and executors laid under them.
fn with_templates(
    conf: &BTreeMap<String, String>,
    language: Language,
    version: Option<&str>,
    templates: [Option<&Value>; 2],
) -> Demand {
    let mut demand = of_spark_conf(conf, language, version);
    for (pod, template) in demand.pods.iter_mut().zip(templates) {
        if let Some(template) = template {
            let side = if pod.role == Role::Driver { "driver" } else { "executor" };
            let container = conf.get(&format!("spark.kubernetes.{side}.podTemplateContainerName"));
            lay_over_template(pod, template, container.map(String::as_str), &mut demand.unknown);
        }
    }
    demand
}

/// Adds to a Spark pod what its template has beside Spark's own container.
fn lay_over_template(pod: &mut PodDemand, spec: &Value, container: Option<&str>, unknown: &mut Vec<String>) {
    let role = pod.role;
    let containers = spec.get("containers").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let named = |name| containers.iter().position(|it| it.get("name").and_then(Value::as_str) == Some(name));
    let own = container.and_then(named).unwrap_or(0);
    let whole = requests(spec, Some((own, pod.cpu_milli, pod.memory_mib.saturating_mul(1 << 20))));
    if whole.unreadable {
        unknown.push(format!("a request in the {role}'s pod template cannot be read"));
    }
    let memory_mib = whole.memory_bytes.div_ceil(1 << 20);
    if (whole.cpu_milli, memory_mib) != (pod.cpu_milli, pod.memory_mib) {
        (pod.cpu_milli, pod.memory_mib) = (whole.cpu_milli, memory_mib);
        pod.arithmetic.push_str(&format!("; with its other containers {}m, {memory_mib} MiB", pod.cpu_milli));
    }
    let by_conf = std::mem::take(&mut pod.node_selector);
    for (key, value) in texts(spec.get("nodeSelector")).into_iter().chain(by_conf) {
        select(&mut pod.node_selector, &key, &value, unknown);
    }
    pod.tolerations =
        spec.get("tolerations").and_then(Value::as_array).into_iter().flatten().map(Toleration::of).collect();
    let has = |name: &str| {
        spec.get(name).is_some_and(|it| !matches!(it, Value::Null) && *it != json!({}) && *it != json!([]))
    };
    for (name, what) in [("affinity", "affinity"), ("topologySpreadConstraints", "topology spread"), ("gpu", "GPU")] {
        if has(name) {
            unknown.push(format!("the {role}'s {what} is not weighed"));
        }
    }
}

/// The entries of an object whose values are texts, numbers or truths; a value that is not known becomes `${why}`.
fn texts(object: Option<&Value>) -> BTreeMap<String, String> {
    let entries = object.and_then(Value::as_object).into_iter().flat_map(Map::iter);
    entries.filter_map(|(key, value)| Some((key.clone(), Text::of(value)?.to_string()))).collect()
}

/// What `spark-submit` understands of its parameters.
pub(crate) struct Submitted {
    pub(crate) conf: BTreeMap<String, String>,
    pub(super) properties_file: Option<String>,
    pub(super) unknown: Vec<String>,
}

/// The configuration that submit parameters make. An option of its own (`--driver-memory`) wins over `--conf`.
pub(crate) fn spark_submit_conf(parameters: &str) -> Submitted {
    let mut submitted = Submitted { conf: BTreeMap::new(), properties_file: None, unknown: Vec::new() };
    let mut options = BTreeMap::new();
    let words = words(parameters);
    let mut words = words.iter().peekable();
    while let Some(word) = words.next() {
        if !word.starts_with('-') {
            if word.contains("${") {
                submitted.unknown.push(format!("the submit parameters have `{word}`, which is not known"));
            }
            continue;
        }
        if ["--verbose", "-v", "--supervise", "--help", "-h", "--usage-error", "--version"].contains(&word.as_str()) {
            continue;
        }
        let (option, value) = match word.split_once('=') {
            Some((option, value)) if option.starts_with("--") => (option, value.to_owned()),
            _ => match words.next_if(|next| !next.starts_with("--")) {
                Some(value) => (word.as_str(), value.clone()),
                None => continue,
            },
        };
        let key = match option {
            "--conf" | "-c" => {
                if let Some((key, value)) = value.split_once('=') {
                    submitted.conf.insert(key.trim().to_owned(), value.to_owned());
                } else if value.contains("${") {
                    submitted.unknown.push(format!("the submit parameters have `{value}`, which is not known"));
                }
                continue;
            }
            "--properties-file" => {
                submitted.properties_file = Some(value);
                continue;
            }
            "--driver-memory" => "spark.driver.memory",
            "--driver-cores" => "spark.driver.cores",
            "--executor-memory" => "spark.executor.memory",
            "--executor-cores" => "spark.executor.cores",
            "--num-executors" => "spark.executor.instances",
            "--py-files" => "spark.submit.pyFiles",
            "--jars" => "spark.jars",
            "--files" => "spark.files",
            "--archives" => "spark.archives",
            _ => continue,
        };
        options.insert(key.to_owned(), value);
    }
    submitted.conf.extend(options);
    submitted
}

/// Splits parameters into words as a shell would: blanks part, quotes and backslashes hold together.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '"' | '\'') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None | Some('"'), '\\') => word.get_or_insert_default().extend(chars.next()),
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

#[cfg(test)]
mod tests;
