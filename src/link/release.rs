//! The release of a rollout, and what is known of it.

use super::{Draft, draft_alias};
use crate::estate::Estate;
use crate::facts;
use crate::known::{Told, Truth, Unknown};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The release label, taken apart, and what is known of the release.
pub(super) fn release(estate: &Estate, declaration: &Value, pointer: &str, draft: &mut Draft) {
    let jobs = draft.object.get("jobs").and_then(Value::as_array).cloned().unwrap_or_default();
    let from_jobs = jobs.iter().enumerate().find_map(|(at, job)| {
        Some((
            job["request"]["releaseLabel"].told()?.to_owned(),
            draft_alias(draft, &format!("/jobs/{at}"), "/request/releaseLabel"),
        ))
    });
    if Unknown::of(&declaration["release-label"]).is_some() {
        draft.set_at("releaseLabel", declaration["release-label"].clone(), format!("{pointer}/release-label"));
        return;
    }
    let declared =
        declaration["release-label"].told().map(|label| (label.to_owned(), format!("{pointer}/release-label")));
    let Some((label, mut at)) = declared.or(from_jobs) else { return };
    // What was inferred from jobs stands where they say it.
    let mut places = jobs_with(&jobs, &label, draft);
    if declaration["inferred"] == true
        && let Some(place) = places.first()
    {
        at.clone_from(place);
    }
    places.retain(|place| *place != at);
    let labels = vec![Value::from(label.as_str()); places.len()];
    for (number, place) in places.into_iter().enumerate() {
        draft.aliases.push((format!("/releaseLabels/{number}"), place));
    }
    if !labels.is_empty() {
        draft.set("releaseLabels", labels);
    }
    set_release(estate, label, at, draft);
}

/// Where jobs ask for a release.
fn jobs_with(jobs: &[Value], label: &str, draft: &Draft) -> Vec<String> {
    let asking = jobs.iter().enumerate().filter(|(_, job)| job["request"]["releaseLabel"].is(label));
    asking.map(|(at, _)| draft_alias(draft, &format!("/jobs/{at}"), "/request/releaseLabel")).collect()
}

/// What else code asks a release for, beside its rollouts: further jobs, managed endpoints, job templates.
pub(super) fn others(estate: &Estate, drafts: &[Draft]) -> Vec<Draft> {
    let told: BTreeSet<&str> = drafts
        .iter()
        .flat_map(|draft| &draft.aliases)
        .filter(|(inside, _)| inside == "/releaseLabel" || inside.starts_with("/releaseLabels/"))
        .map(|(_, target)| target.as_str())
        .collect();
    let mut asked = Vec::new();
    for (at, job) in estate.items("jobRequests").iter().enumerate() {
        let steps = job["kind"] == "add-job-flow-steps";
        let key = if job["kind"] == "run-job-flow" { "ReleaseLabel" } else { "releaseLabel" };
        let own = job["code"] == true && !steps;
        asked.extend(own.then(|| (&job["request"][key], format!("/jobRequests/{at}/request/{key}"))));
    }
    for (collection, inside) in [
        ("emrContainers.managedEndpoints", "/releaseLabel"),
        ("emrContainers.jobTemplates", "/jobTemplateData/releaseLabel"),
    ] {
        let table = format!("/{}", collection.replace('.', "/"));
        for position in estate.declared.get(&table).into_iter().flatten() {
            let at = format!("{table}/{position}{inside}");
            asked.extend(estate.document.pointer(&at).map(|label| (label, at)));
        }
    }
    let mut found = Vec::new();
    for (label, at) in asked {
        if let Some(label) = label.told().filter(|_| !told.contains(at.as_str())) {
            let mut draft = Draft::default();
            draft.set("kind", "release");
            set_release(estate, label.to_owned(), at, &mut draft);
            found.push(draft);
        }
    }
    found
}

/// Puts a release label in, and what is known of the release that it names.
pub(super) fn set_release(estate: &Estate, label: String, at: String, draft: &mut Draft) {
    let version: String = label
        .rsplit('/')
        .next()
        .and_then(|label| label.strip_prefix("emr-"))
        .map(|rest| rest.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect())
        .unwrap_or_default();
    let today = estate.document["sparkcheck"]["today"].told();
    let supported = today.map(|today| facts::emr_supported(&version, today));
    let known = facts::emr_release(&version);
    if known.is_some() || supported == Some(Truth::False) {
        let support = match supported {
            Some(Truth::True) => json!("standard"),
            Some(Truth::False) => json!(if is_alive(&version, today) { "past" } else { "ended" }),
            Some(Truth::Unknown) => {
                Unknown { why: format!("no page states when support of emr-{version} ends"), unblock: None }.to_value()
            }
            None => no_day().to_value(),
        };
        let numbers: Vec<u64> = version.split('.').filter_map(|number| number.parse().ok()).collect();
        let patch = if numbers.len() == 2 { ".0" } else { "" };
        let mut facts = json!({"version": version.clone() + patch, "support": support});
        if let Some(spark) = known.and_then(|release| release.spark) {
            facts["spark"] = spark.into();
        }
        if let [major, minor, ..] = numbers.as_slice() {
            facts["number"] = (major * 1000 + minor).into();
        }
        draft.set_at("release", facts, at.clone());
    }
    draft.set_at("releaseLabel", label, at);
}

/// Whether a release without standard support may still be used for a while. Of the first releases of EMR 7 no page
/// states the end, and those that came after them are alive.
fn is_alive(version: &str, today: Option<&str>) -> bool {
    match today.map(|today| facts::emr_alive(version, today)) {
        Some(Truth::True) => true,
        Some(Truth::Unknown) => version.starts_with("7."),
        Some(Truth::False) | None => false,
    }
}

/// Why nothing can be said of dates.
pub(super) fn no_day() -> Unknown {
    Unknown { why: "the day of the check is not known".into(), unblock: Some("give `--today YYYY-MM-DD`".into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_that_no_rollout_has() {
        let job = |kind: &str, key: &str, label: &str| json!({"kind": kind, "code": true, "request": {key: label}});
        let document = json!({"jobRequests": [
            job("start-job-run", "releaseLabel", "emr-6.2.0-latest"),
            job("start-job-run", "releaseLabel", "emr-6.5.0-latest"),
            job("run-job-flow", "ReleaseLabel", "emr-5.30.0"),
            job("add-job-flow-steps", "releaseLabel", "emr-5.31.0"),
            {"kind": "start-job-run", "request": {"releaseLabel": "emr-6.9.0-latest"}},
        ]});
        let estate = Estate { document, ..Estate::default() };
        let mut told = Draft::default();
        told.aliases.push(("/releaseLabel".to_owned(), "/jobRequests/0/request/releaseLabel".to_owned()));
        let found = others(&estate, &[told]);
        let labels: Vec<&str> = found.iter().filter_map(|draft| draft.text("releaseLabel")).collect();
        assert_eq!(labels, ["emr-6.5.0-latest", "emr-5.30.0"]);
    }
}
