//! What a submission meets on its way: a version, a queue, a cluster, and the limits of these.

use super::{DEFAULT_QUEUE, Parts, has, takes, text};
use crate::known::{Told, Unknown};
use crate::link::Draft;
use crate::path::escape;
use serde_json::Value;

/// How many executors a queue allows that does not say.
const DEFAULT_EXECUTORS: u64 = 5000;
/// For how long a queue lets applications run that does not say.
const DEFAULT_RUNNING_MILLIS: u64 = 12 * 60 * 60 * 1000;

/// What a submission meets on its way.
pub(super) fn link(parts: &Parts<'_>, job: &Value, at: &str) -> Draft {
    let mut draft = Draft::default();
    draft.set_at("request", job.clone(), at);
    draft.set("name", text(&job["applicationName"]));
    let version = text(&job["sparkVersion"]);
    let of_version = |cluster: &Value| has(&cluster["sparkVersions"], &version);
    let given = job["type"].told().filter(|given| !given.is_empty());
    let class = job["mainClass"].told().filter(|class| !class.is_empty());
    let (kind, kind_at) = match (given, class) {
        (Some(given), _) => (given, "type"),
        (None, Some(_)) => ("Java", "mainClass"),
        (None, None) => ("Python", "mainApplicationFile"),
    };
    draft.set_at("type", kind, format!("{at}/{kind_at}"));
    let image = job["image"].told().filter(|image| !image.is_empty());
    match (image, parts.image(&version, Some(kind))) {
        (Some(image), _) => draft.set_at("image", image, format!("{at}/image")),
        (None, Some((image, at))) => draft.set_at("image", image["name"].clone(), format!("{at}/name")),
        (None, None) => {
            if let Some(unknown) = Unknown::of(&parts.config["sparkImages"]) {
                draft.set("image", unknown.to_value());
            }
        }
    }
    let by_id = job["clusterId"].told().filter(|id| !id.is_empty());
    // A submission to one cluster by its id passes over weights and queues.
    let candidates = match by_id {
        Some(id) => parts.ids(&["sparkVersions"], |cluster| cluster["id"].is(id) && of_version(cluster)),
        None => parts.ids(&["sparkVersions", "weight"], |cluster| takes(cluster) && of_version(cluster)),
    };
    draft.set_at("version", version.as_str(), format!("{at}/sparkVersion"));
    let version_served = !candidates.is_empty();
    draft.set("versionServedBy", candidates);
    let queue = job["queue"].told().filter(|queue| !queue.is_empty());
    let users = parts.list("queues").any(|(queue, _)| queue["users"].as_array().is_some_and(|users| !users.is_empty()));
    if by_id.is_some() || !version_served {
        return draft;
    }
    match queue {
        Some(queue) => draft.set_at("queue", queue, format!("{at}/queue")),
        None if users => {
            let why = "the submission names no queue, and some queues have users of their own".into();
            let unknown = Unknown { why, unblock: Some("name the `queue` in the submission".into()) };
            draft.set("queue", unknown.to_value());
            draft.set("servedBy", unknown.to_value());
            return draft;
        }
        None => draft.set_at("queue", DEFAULT_QUEUE, at),
    }
    let queue = queue.unwrap_or(DEFAULT_QUEUE);
    let parent = queue.split('.').next().unwrap_or_default();
    draft.set(
        "servedBy",
        parts.ids(&["sparkVersions", "queues", "weight"], |cluster| {
            takes(cluster) && of_version(cluster) && has(&cluster["queues"], parent)
        }),
    );
    if let Some((definition, queue_at)) = parts.queue(queue) {
        let limit = |field: &str, otherwise: u64| definition[field].as_u64().unwrap_or(otherwise);
        draft.set_at("maxExecutorInstances", limit("maxExecutorInstances", DEFAULT_EXECUTORS), queue_at.clone());
        draft.set_at("maxRunningMillis", limit("maxRunningMillis", DEFAULT_RUNNING_MILLIS), queue_at.clone());
        if definition["secure"] == true {
            draft.set_at("secure", true, format!("{queue_at}/secure"));
        }
    }
    let conf = |key: &str| (&job["sparkConf"][key], format!("{at}/sparkConf/{}", escape(key)));
    let instances = (&job["executor"]["instances"], format!("{at}/executor/instances"));
    let executors = [instances, conf("spark.executor.instances")].into_iter().filter_map(count).collect::<Vec<_>>();
    if let Some((executors, at)) = executors.into_iter().max_by_key(|(count, _)| count.as_u64().unwrap_or(u64::MAX)) {
        draft.set_at("executors", executors, at);
    }
    if let Some((millis, at)) = count(conf("bpg.maxRunningMillis")) {
        draft.set_at("runningMillis", millis, at);
    }
    draft
}

/// A number, also one that is written as a text or not known yet.
fn count((value, at): (&Value, String)) -> Option<(Value, String)> {
    let number = value.as_u64().or_else(|| value.as_str()?.trim().parse().ok());
    Some((number.map(Value::from).or_else(|| Some(Unknown::of(value)?.to_value()))?, at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_submission_meets_what_the_gateway_would_choose() {
        let config = json!({
            "sparkClusters": [
                {"id": "a", "weight": 1, "sparkVersions": ["3.5.6"], "queues": ["Dev"]},
                {"id": "b", "sparkVersions": ["3.5.6", "3.4.1"], "queues": ["poc"]},
            ],
            "sparkImages": [{"name": "i", "types": ["java"], "version": "3.5.6"}],
            "queues": [{"name": "dev", "maxExecutorInstances": 10}],
        });
        let parts = Parts { config: &config, at: "" };
        let meets = |job: Value, field: &str| link(&parts, &job, "").object.get(field).cloned().unwrap_or_default();
        let job = json!({"sparkVersion": "3.5.6", "queue": "dev.team", "mainClass": "X"});
        assert_eq!(meets(job.clone(), "versionServedBy"), json!(["a"]));
        assert_eq!(meets(job.clone(), "servedBy"), json!(["a"]));
        assert_eq!(meets(job, "image"), "i");
        assert_eq!(meets(json!({"sparkVersion": "3.5.6"}), "image"), Value::Null);
        assert_eq!(meets(json!({"sparkVersion": "3.5.6"}), "queue"), "poc");
        assert_eq!(meets(json!({"sparkVersion": "3.5.6"}), "servedBy"), json!([]));
        assert_eq!(meets(json!({"sparkVersion": "3.4.1"}), "versionServedBy"), json!([]));
        assert_eq!(meets(json!({"sparkVersion": "3.4.1", "clusterId": "b"}), "versionServedBy"), json!(["b"]));
        assert_eq!(meets(json!({"sparkVersion": "3.5.6", "queue": "dev"}), "maxExecutorInstances"), 10);
    }
}
