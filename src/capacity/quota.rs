//! What a namespace lets its pods ask for: ResourceQuotas and LimitRanges.
//!
//! The API server turns a pod away that would take its namespace above a quota, or that asks for more or less than a
//! LimitRange allows; no node helps against that.
//!
//! Follows <https://kubernetes.io/docs/concepts/policy/resource-quotas/> and
//! <https://kubernetes.io/docs/concepts/policy/limit-range/>.
//!
//! Deliberately absent: quotas on storage and on objects other than pods, and the ratio of limit to request.

use super::demand::{Demand, PodDemand};
use super::quantity;
use serde_json::Value;

/// What stands in the way, and what cannot be told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// What the pods go beyond.
    pub short: Vec<Short>,
    /// What cannot be told.
    pub unknown: Vec<String>,
}

/// A bound that the pods go beyond.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Short {
    /// The ResourceQuota or LimitRange.
    pub name: String,
    /// The resource, as the object names it: `requests.cpu`.
    pub resource: String,
    /// Why, in a phrase.
    pub because: String,
}

/// Whether the pods of all these jobs stay within the quotas and ranges of their namespace at the same time.
#[must_use]
pub fn within(demand: &[Demand], quotas: &[&Value], ranges: &[&Value]) -> Answer {
    let mut answer = Answer::default();
    let pods = || demand.iter().flat_map(|job| &job.pods).filter(|pod| pod.count > 0);
    let sum = |of: &dyn Fn(&PodDemand) -> u64| {
        pods().map(|pod| of(pod).saturating_mul(u64::from(pod.count))).fold(0, u64::saturating_add)
    };
    let default_limit = |resource: &str| {
        ranges
            .iter()
            .any(|range| items(range).any(|item| item["type"] == "Container" && !item["default"][resource].is_null()))
    };
    for quota in quotas.iter().filter(|quota| applies(quota)) {
        let name = quota["metadata"]["name"].as_str().unwrap_or_default();
        let hard = quota["status"]["hard"].as_object().or_else(|| quota["spec"]["hard"].as_object());
        for (resource, limit) in hard.into_iter().flatten() {
            // The least that is asked, in the unit in which it is told.
            let (asks, parse, unit): (u64, Parse, &str) = match resource.as_str() {
                "cpu" | "requests.cpu" => (sum(&|pod| pod.cpu_milli), quantity::cpu_milli, "m cpu"),
                "memory" | "requests.memory" => {
                    (sum(&|pod| pod.memory_mib.saturating_sub(pod.doubtful_memory_mib)), mib, " MiB")
                }
                "limits.memory" => (sum(&|pod| pod.container.1), mib, " MiB"),
                "limits.cpu" => (sum(&|pod| pod.cpu_limit_milli.unwrap_or(0)), quantity::cpu_milli, "m cpu"),
                "pods" | "count/pods" => (sum(&|_| 1), quantity::bytes, " pods"),
                _ => continue,
            };
            if resource == "limits.cpu" && !default_limit("cpu") && pods().any(|pod| pod.cpu_limit_milli.is_none()) {
                let because = "it asks every container for a CPU limit, and Spark's containers have none";
                answer.short.push(Short { name: name.into(), resource: resource.clone(), because: because.into() });
                continue;
            }
            let Some(limit) = parse(limit) else {
                answer.unknown.push(format!("`{resource}` of ResourceQuota `{name}` cannot be read"));
                continue;
            };
            let used = &quota["status"]["used"][resource.as_str()];
            let known = parse(used);
            let left = limit.saturating_sub(known.unwrap_or(0));
            if asks > left {
                let taken = known.filter(|used| *used > 0).map(|used| format!(", of which {used}{unit} are used"));
                let because =
                    format!("the pods ask for {asks}{unit}; it allows {limit}{unit}{}", taken.unwrap_or_default());
                answer.short.push(Short { name: name.into(), resource: resource.clone(), because });
            } else if known.is_none() {
                answer.unknown.push(format!("how much of `{resource}` of ResourceQuota `{name}` is used is not told"));
            } else if resource.contains("memory") && sum(&|pod| pod.memory_mib) > left {
                answer.unknown.push(format!(
                    "`{resource}` of ResourceQuota `{name}` is enough only for small logging containers"
                ));
            }
        }
    }
    for range in ranges {
        let name = range["metadata"]["name"].as_str().unwrap_or_default();
        for item in items(range) {
            for pod in pods() {
                let (cpu, memory) = match item["type"].as_str() {
                    Some("Container") if pod.container != (0, 0) => pod.container,
                    Some("Pod") => (pod.cpu_milli, pod.memory_mib.saturating_sub(pod.doubtful_memory_mib)),
                    _ => continue,
                };
                let kind = item["type"].as_str().unwrap_or_default();
                for (resource, asks, parse, unit) in
                    [("cpu", cpu, quantity::cpu_milli as Parse, "m"), ("memory", memory, mib, " MiB")]
                {
                    let mut check = |bound: &str, beyond: fn(u64, u64) -> bool, word: &str| {
                        if let Some(limit) = parse(&item[bound][resource])
                            && beyond(asks, limit)
                        {
                            let of = if kind == "Pod" { "pod" } else { "container" };
                            let because =
                                format!("the {}'s {of} asks for {asks}{unit}; {word} is {limit}{unit}", pod.role);
                            let resource = format!("{bound}.{resource}");
                            answer.short.push(Short { name: name.into(), resource, because });
                        }
                    };
                    check("max", |asks, limit| asks > limit, "the most");
                    // Containers beside Spark's may be what is small of a pod.
                    if kind == "Container" {
                        check("min", |asks, limit| asks < limit, "the least");
                    }
                }
            }
        }
    }
    if answer.short.is_empty()
        && demand.iter().any(|job| !job.unknown.is_empty())
        && !(quotas.is_empty() && ranges.is_empty())
    {
        answer.unknown.extend(demand.iter().flat_map(|job| job.unknown.clone()));
    }
    answer
}

/// How an amount of a resource is read.
type Parse = fn(&Value) -> Option<u64>;

fn mib(value: &Value) -> Option<u64> {
    quantity::bytes(value).map(|bytes| bytes >> 20)
}

fn items(range: &Value) -> impl Iterator<Item = &Value> {
    range["spec"]["limits"].as_array().into_iter().flatten()
}

/// Whether a quota counts pods like those of Spark: with requests, and without an end that is set beforehand.
fn applies(quota: &Value) -> bool {
    let scopes = quota["spec"]["scopes"].as_array().into_iter().flatten();
    let without = scopes.into_iter().all(|scope| scope == "NotBestEffort" || scope == "NotTerminating");
    // A selector is mostly on priority classes, of which Spark's pods have none unless a template gives one.
    without && quota["spec"]["scopeSelector"].is_null()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capacity::demand::Role;
    use serde_json::json;

    fn job(executors: u32) -> Demand {
        let pods =
            vec![PodDemand::new(Role::Driver, 1, 1000, 1408), PodDemand::new(Role::Executor, executors, 2000, 2048)];
        Demand { pods, ..Demand::default() }
    }

    #[test]
    fn a_quota_counts_all_pods() {
        let quota = |hard: Value, used: Value| json!({"metadata": {"name": "team"}, "spec": {"hard": hard}, "status": {"hard": hard, "used": used}});
        for (hard, used, short, unknown) in [
            (json!({"requests.cpu": "7"}), json!({"requests.cpu": "0"}), 0, 0),
            (json!({"requests.cpu": "7"}), json!({"requests.cpu": "1m"}), 1, 0),
            (json!({"cpu": "6999m"}), json!({"cpu": "0"}), 1, 0),
            (json!({"memory": "7552Mi"}), json!({"memory": "0"}), 0, 0),
            (json!({"memory": "7551Mi"}), json!({"memory": "0"}), 1, 0),
            (json!({"pods": "4"}), json!({"pods": "1"}), 1, 0),
            (json!({"pods": "4"}), json!({"pods": "0"}), 0, 0),
            (json!({"pods": "40"}), json!({}), 0, 1),
            (json!({"pods": "3"}), json!({}), 1, 0),
            (json!({"limits.cpu": "100"}), json!({"limits.cpu": "0"}), 1, 0),
            (json!({"services": "0"}), json!({}), 0, 0),
            (json!({"requests.cpu": "many"}), json!({}), 0, 1),
        ] {
            let quota = quota(hard, used);
            let answer = within(&[job(3)], &[&quota], &[]);
            assert_eq!((answer.short.len(), answer.unknown.len()), (short, unknown), "{quota} {answer:?}");
        }
        let mut scoped = quota(json!({"pods": "0"}), json!({"pods": "0"}));
        assert_eq!(within(&[job(1)], &[&scoped], &[]).short[0].because, "the pods ask for 2 pods; it allows 0 pods");
        scoped["spec"]["scopes"] = json!(["BestEffort"]);
        assert_eq!(within(&[job(1)], &[&scoped], &[]), Answer::default());
    }

    #[test]
    fn a_range_bounds_each_pod() {
        let range = |item: Value| json!({"metadata": {"name": "range"}, "spec": {"limits": [item]}});
        for (item, short) in [
            (json!({"type": "Container", "max": {"cpu": "2", "memory": "2Gi"}}), 0),
            (json!({"type": "Container", "max": {"cpu": "1999m"}}), 1),
            (json!({"type": "Container", "max": {"memory": "1Gi"}}), 2),
            (json!({"type": "Pod", "max": {"cpu": "1"}}), 1),
            (json!({"type": "Container", "min": {"memory": "1408Mi"}}), 0),
            (json!({"type": "Container", "min": {"memory": "1409Mi"}}), 1),
            (json!({"type": "PersistentVolumeClaim", "max": {"storage": "1"}}), 0),
        ] {
            let range = range(item);
            assert_eq!(within(&[job(3)], &[], &[&range]).short.len(), short, "{range}");
        }
        let defaults = range(json!({"type": "Container", "default": {"cpu": "2"}}));
        let quota = json!({"metadata": {"name": "q"}, "spec": {"hard": {"limits.cpu": "9"}}, "status": {"used": {"limits.cpu": "0"}}});
        assert_eq!(within(&[job(3)], &[&quota], &[&defaults]).short, []);
    }
}
