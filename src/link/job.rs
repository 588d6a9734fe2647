//! What a rollout is going to submit.

use super::Draft;
use crate::estate::Estate;
use serde_json::Value;

/// The job requests of these kinds: all of them where one rollout is checked, else those that it names.
pub(super) fn jobs(estate: &Estate, declaration: &Value, pointer: &str, kinds: &[&str], draft: &mut Draft) {
    let sole = estate.items("declarations").len() <= 1;
    let named: Vec<&str> = declaration["jobs"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let is_named = |path: &str| {
        named.iter().any(|name| {
            let name = name.trim_start_matches("./");
            path.strip_suffix(name).is_some_and(|head| head.is_empty() || head.ends_with('/'))
        })
    };
    let mut list = Vec::new();
    for (at, job) in estate.items("jobRequests").iter().enumerate() {
        let of_kind = job["kind"].as_str().is_some_and(|kind| kinds.contains(&kind));
        if of_kind && (sole || is_named(job["path"].as_str().unwrap_or_default())) {
            list.push((job, format!("/jobRequests/{at}")));
        }
    }
    draft.set_list("jobs", list, None);
    let _ = pointer;
}
