//! The release of a rollout, and what is known of it.

use super::{Draft, draft_alias};
use crate::estate::Estate;
use crate::facts;
use crate::known::{Told, Truth, Unknown};
use serde_json::{Value, json};

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
    let Some((label, at)) = declared.or(from_jobs) else { return };
    set_release(estate, label, at, draft);
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
