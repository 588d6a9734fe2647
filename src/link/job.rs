//! What a rollout is going to submit.

use super::Draft;
use crate::estate::Estate;
use crate::known::Told;
use serde_json::Value;

/// The job requests of these kinds: those that the rollout names, or all of them where it is the only
/// one that is declared. An inferred rollout has those that name what it runs on.
pub(super) fn jobs(estate: &Estate, declaration: &Value, kinds: &[&str], draft: &mut Draft) {
    let inferred = declaration["inferred"] == true;
    let sole = !inferred && estate.items("declarations").len() == 1 && declaration["only-named"] != true;
    let named: Vec<&str> = ["job-paths", "jobs"]
        .iter()
        .find_map(|key| declaration[*key].as_array())
        .into_iter()
        .flatten()
        .filter_map(Told::told)
        .collect();
    let is_named = |path: &str| {
        named.iter().any(|name| {
            let name = name.trim_start_matches("./");
            path.strip_suffix(name).is_some_and(|head| head.is_empty() || head.ends_with('/'))
        })
    };
    let runs_here = |request: &Value| {
        if declaration["job"].is_u64() {
            return true;
        }
        let ids = [("virtualClusterId", "virtual-cluster"), ("applicationId", "application")];
        ids.iter().any(|(field, key)| {
            let id = request[*field].told();
            id.is_some_and(|id| {
                declaration[*key].told().is_some_and(|own| own == id || own.ends_with(&format!("/{id}")))
            })
        })
    };
    let mut list = Vec::new();
    for (at, job) in estate.items("jobRequests").iter().enumerate() {
        if declaration["job"].as_u64().is_some_and(|only| only != at as u64) {
            continue;
        }
        let of_kind = job["kind"].told().is_some_and(|kind| kinds.contains(&kind));
        let ours = sole || is_named(job["path"].told().unwrap_or_default()) || inferred && runs_here(&job["request"]);
        if of_kind && ours {
            list.push((job, format!("/jobRequests/{at}")));
        }
    }
    draft.set_list("jobs", list, None);
}
