//! A job run of EMR on EKS: job submitter, driver and executors, with the containers that EMR puts beside Spark's.

use super::spark::{Reading, of_spark_conf, selectors, texts, with_prefix};
use super::submit::spark_submit_conf;
use super::{Demand, Language, PodDemand, Role, Toleration};
use crate::known::Text;
use serde_json::Value;
use std::collections::BTreeMap;

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
