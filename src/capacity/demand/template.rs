//! Pod templates: what they put beside Spark's own container, and where they want the pods.
//!
//! A template may stand in a manifest or in a file that the configuration names. What of it Spark sets itself (the
//! requests of its own container) is not taken from it.

use super::super::affinity::wanted;
use super::super::supply::requests;
use super::spark::{select, texts};
use super::{Demand, PodDemand, Role, Toleration};
use serde_json::{Value, json};
use std::collections::BTreeMap;

impl Demand {
    /// The same pods, with templates laid under them that `given` has by the name that the configuration names.
    #[must_use]
    pub fn with_template_files<'v>(mut self, given: impl Fn(&str) -> Option<&'v Value>) -> Self {
        for pod in &mut self.pods {
            let Some((name, template)) = pod.template.as_ref().and_then(|name| Some((name.clone(), given(name)?)))
            else {
                continue;
            };
            pod.template = None;
            let reason = not_given(pod.role, &name);
            self.unknown.retain(|why| *why != reason);
            lay_over(pod, template, container_name(&self.conf, pod.role), &mut self.unknown);
        }
        self.unknown.sort();
        self.unknown.dedup();
        self
    }
}

/// What is told of a template of which only the name is known.
pub(super) fn not_given(role: Role, name: &str) -> String {
    format!("the {role}'s pod template `{name}` was not given")
}

/// The container of a template that the configuration says is Spark's.
pub(super) fn container_name(conf: &BTreeMap<String, String>, role: Role) -> Option<&str> {
    let side = if role == Role::Driver { "driver" } else { "executor" };
    conf.get(&format!("spark.kubernetes.{side}.podTemplateContainerName")).map(String::as_str)
}

/// Adds to a Spark pod what its template has beside Spark's own container.
pub(super) fn lay_over(pod: &mut PodDemand, template: &Value, container: Option<&str>, unknown: &mut Vec<String>) {
    let role = pod.role;
    let spec = template.get("spec").unwrap_or(&Value::Null);
    let containers = spec.get("containers").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let named = |name: &str| containers.iter().position(|it| it.get("name").and_then(Value::as_str) == Some(name));
    let usual = if role == Role::Driver { "spark-kubernetes-driver" } else { "spark-kubernetes-executor" };
    let own = container.and_then(named).or_else(|| named(usual)).unwrap_or(0);
    let whole = requests(spec, Some((own, pod.cpu_milli, pod.memory_mib.saturating_mul(1 << 20))));
    if whole.unreadable {
        unknown.push(format!("a request in the {role}'s pod template cannot be read"));
    }
    let memory_mib = whole.memory_bytes.div_ceil(1 << 20);
    if (whole.cpu_milli, memory_mib) != (pod.cpu_milli, pod.memory_mib) {
        (pod.cpu_milli, pod.memory_mib) = (whole.cpu_milli, memory_mib);
        pod.arithmetic.push_str(&format!("; with its other containers {}m, {memory_mib} MiB", pod.cpu_milli));
    }
    // What the configuration sets wins over the template.
    let by_conf = std::mem::take(&mut pod.node_selector);
    for (key, value) in texts(spec.get("nodeSelector")).into_iter().chain(by_conf) {
        select(&mut pod.node_selector, &key, &value, unknown);
    }
    let by_conf = std::mem::take(&mut pod.labels);
    pod.labels = texts(template.pointer("/metadata/labels")).into_iter().chain(by_conf).collect();
    pod.tolerations =
        spec.get("tolerations").and_then(Value::as_array).into_iter().flatten().map(Toleration::of).collect();
    let places = wanted(spec, &pod.labels);
    pod.affinity.extend(places.nodes);
    (pod.apart, pod.across) = (places.apart, places.across);
    unknown.extend(places.open.iter().map(|what| format!("the {role}'s {what} is not weighed")));
    let has = |name: &str| {
        spec.get(name).is_some_and(|it| !matches!(it, Value::Null) && *it != json!({}) && *it != json!([]))
    };
    if has("gpu") {
        unknown.push(format!("the {role}'s GPU is not weighed"));
    }
    if let Some(class) = spec.get("priorityClassName").filter(|class| !class.is_null()) {
        pod.priority_class = Some(class.as_str().unwrap_or_default().to_owned());
    }
    for volume in spec.get("volumes").and_then(Value::as_array).into_iter().flatten() {
        if let Some(claim) = volume.pointer("/persistentVolumeClaim/claimName") {
            pod.claims.push(claim.as_str().unwrap_or("?").to_owned());
            pod.volumes += 1;
        } else if volume.get("ephemeral").is_some_and(|it| !it.is_null()) {
            pod.volumes += 1;
        }
    }
}
