//! A SparkApplication of either operator.

use super::spark::{of_spark_conf, texts};
use super::template::{container_name, lay_over};
use super::{Demand, Language};
use crate::known::Text;
use serde_json::{Value, json};
use std::collections::BTreeMap;

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
pub(super) fn of_kubeflow(spec: &Value) -> Demand {
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
        let given = spec.pointer(&format!("/{side}/template"));
        if given.and_then(|template| template.get("spec")).is_some() {
            // A template in the manifest is used instead of a file.
            conf.remove(&format!("spark.kubernetes.{side}.podTemplateFile"));
        }
        let mut template = given.and_then(|template| template.get("spec")).cloned().unwrap_or_else(|| json!({}));
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
            for name in ["affinity", "gpu", "priorityClassName"] {
                if let Some(value) = part.get(name).filter(|value| !value.is_null()) {
                    object.insert(name.into(), value.clone());
                }
            }
            if let Some(class) = spec.pointer("/batchSchedulerOptions/priorityClassName") {
                object.entry("priorityClassName").or_insert_with(|| class.clone());
            }
            // Volumes of the application are those of the pods that mount them.
            let mounts = list(part.get("volumeMounts"));
            let mounted = |volume: &Value| mounts.iter().any(|mount| mount.get("name") == volume.get("name"));
            let volumes = list(spec.get("volumes")).into_iter().filter(mounted);
            let volumes: Vec<Value> = list(object.get("volumes")).into_iter().chain(volumes).collect();
            object.insert("volumes".into(), volumes.into());
        }
        let mut labels = given
            .and_then(|template| template.pointer("/metadata/labels"))
            .and_then(Value::as_object)
            .cloned()
            .unwrap_or_default();
        labels.extend(part.get("labels").and_then(Value::as_object).cloned().unwrap_or_default());
        json!({"metadata": {"labels": labels}, "spec": template})
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
        let template = spec.pointer(&format!("/{side}Spec/podTemplateSpec"))?;
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
            lay_over(pod, template, container_name(conf, pod.role), &mut demand.unknown);
        }
    }
    demand
}
