//! What the Batch Processing Gateway makes of a submission.
//!
//! A submission names the sizes of driver and executor beside a Spark configuration. The gateway writes a SparkApplication
//! of Kubeflow's operator from it, and lays its own configuration around: defaults below, what is fixed above.

use super::Demand;
use super::application::of_kubeflow;
use super::spark::texts;
use serde_json::{Map, Value, json};

/// The pods of a submission to a Batch Processing Gateway with this configuration, on this one of its clusters.
#[must_use]
pub fn of_bpg_submission(request: &Value, config: &Value, cluster: &Value) -> Demand {
    let mut conf = object(config.get("defaultSparkConf"));
    for layer in [cluster.get("sparkConf"), request.get("sparkConf"), config.get("fixedSparkConf")] {
        conf.extend(object(layer));
    }
    let class = request.get("mainClass").and_then(Value::as_str).is_some_and(|class| !class.is_empty());
    let given = request.get("type").and_then(Value::as_str).filter(|kind| !kind.is_empty());
    let mut spec = json!({
        "type": given.unwrap_or(if class { "Java" } else { "Python" }),
        "sparkVersion": request.get("sparkVersion"),
        "mainApplicationFile": request.get("mainApplicationFile"),
        "sparkConf": conf,
        "volumes": cluster.get("volumes"),
    });
    for side in ["driver", "executor"] {
        let mut part = object(cluster.get(side));
        part.extend(object(request.get(side)));
        spec[side] = part.into();
    }
    let mut demand = of_kubeflow(&spec);
    // Queues choose nodes by label, in ways that depend on the user and on what is free.
    let queue = request.get("queue").and_then(Value::as_str).unwrap_or_default().split('.').next().unwrap_or_default();
    let queues = config.get("queues").and_then(Value::as_array).into_iter().flatten();
    for definition in queues.filter(|it| it.get("name").and_then(Value::as_str) == Some(queue)) {
        let keys = ["driverNodeLabelKey", "executorNodeLabelKey"];
        if let Some(key) = keys.iter().find(|key| definition.get(**key).is_some_and(|key| !key.is_null())) {
            demand.unknown.push(format!("`{key}` of queue `{queue}` chooses nodes, and is not weighed"));
        }
    }
    demand
}

fn object(value: Option<&Value>) -> Map<String, Value> {
    match value {
        // A configuration is text, whatever it was written as.
        Some(Value::Object(object)) if object.values().all(|value| !value.is_object() && !value.is_array()) => {
            texts(value).into_iter().map(|(key, text)| (key, text.into())).collect()
        }
        Some(Value::Object(object)) => object.clone(),
        _ => Map::new(),
    }
}
