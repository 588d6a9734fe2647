//! The verdict on questions of the domain: access, trust, Kubernetes permissions, capacity.
//!
//! This is where documents become the plain types of [`crate::iam`] and [`crate::capacity`], and
//! their answers become verdicts with evidence.

use super::{Evidence, Inquiry, Subject, Verdict, blocked};
use crate::path::Path;
use crate::rule::{Assertion, Permission};
use serde_json::Value;

mod access;
pub(crate) mod capacity;
mod policies;

/// Judges a semantic assertion on a subject.
pub(super) fn judge(assertion: &Assertion, subject: &Subject<'_>, inquiry: &Inquiry<'_>) -> Verdict {
    match assertion {
        Assertion::Permits { rules, to } => permits(subject, rules, to),
        Assertion::Fits(gang) => capacity::fits(gang, subject, inquiry),
        Assertion::WithinQuota { jobs, cluster, namespace } => {
            capacity::within_quota(jobs, cluster, namespace, subject, inquiry)
        }
        Assertion::KeepsOffSpot { jobs, cluster, roles } => {
            capacity::keeps_off_spot(jobs, cluster, roles, subject, inquiry)
        }
        Assertion::ArchitectureMatches { jobs, cluster } => {
            capacity::architecture_matches(jobs, cluster, subject, inquiry)
        }
        Assertion::Allows(question) => access::allows(question, subject, inquiry),
        Assertion::Limits { question, by } => access::limits(question, by, subject, inquiry),
        Assertion::Withholds(question) => access::withholds(question, subject, inquiry),
        Assertion::NamesActions { principals } => policies::names_actions(principals, subject, inquiry),
        Assertion::GrantsSomething { principals } => policies::grants_something(principals, subject, inquiry),
        Assertion::OutlivesDenials { principals } => policies::outlives_denials(principals, subject, inquiry),
        Assertion::WellFormed { principals } => policies::well_formed(principals, subject, inquiry),
        Assertion::Trusts(trusted) => access::trusts(trusted, subject, inquiry),
        Assertion::TrustsOnly(trusted) => access::trusts_only(trusted, subject),
        Assertion::TrustScoped { role, service } => access::trust_scoped(role, service, subject),
        Assertion::KeepsOut { role, callers } => access::keeps_out(role, callers, subject),
        // The attribute kinds were judged before.
        _ => Verdict::Unknown(Evidence::at(subject.pointer.clone(), "it is not a question of the domain")),
    }
}

/// The single value at a path, or the verdict where there is none.
fn single<'e>(subject: &Subject<'e>, path: &Path) -> Result<(&'e Value, String), Verdict> {
    let mut selected = subject.find(path);
    if let Some(evidence) = blocked(&selected) {
        return Err(Verdict::Unknown(evidence));
    }
    if selected.found.is_empty() {
        let because = format!("there is no `{}`", path.as_str().trim_start_matches("$."));
        return Err(Verdict::Unknown(Evidence::at(selected.nearest, because)));
    }
    Ok(selected.found.swap_remove(0))
}

/// Verbs that AWS's documentation lists and Kubernetes does not know; nobody can be short of them.
const NOT_VERBS: [&str; 4] = ["describe", "edit", "annotate", "label"];

fn permits(subject: &Subject<'_>, rules: &Path, wanted: &[Permission]) -> Verdict {
    let selected = subject.find(rules);
    let allowed = |group: &str, resource: &str, verb: &str| {
        selected.found.iter().any(|(rule, _)| {
            let has = |field: &str, wanted: &str| {
                rule[field].as_array().is_some_and(|list| list.iter().any(|item| item == wanted || item == "*"))
            };
            rule["resourceNames"].as_array().is_none_or(Vec::is_empty)
                && has("apiGroups", group)
                && has("resources", resource)
                && has("verbs", verb)
        })
    };
    let mut short = Vec::new();
    for permission in wanted {
        for group in &permission.api_groups {
            for resource in &permission.resources {
                let verbs: Vec<&str> = permission
                    .verbs
                    .iter()
                    .map(String::as_str)
                    .filter(|verb| !NOT_VERBS.contains(verb) && !allowed(group, resource, verb))
                    .collect();
                if !verbs.is_empty() {
                    let resource: String =
                        if group.is_empty() { (*resource).clone() } else { format!("{resource}.{group}") };
                    short.push(format!("{} on {resource}", verbs.join(", ")));
                }
            }
        }
    }
    if short.is_empty() {
        return Verdict::Pass;
    }
    // What is not known may still permit the rest; it never takes away.
    if let Some(evidence) = blocked(&selected) {
        return Verdict::Unknown(evidence);
    }
    let pointer = selected.found.first().map_or(selected.nearest, |(_, pointer)| {
        pointer.rsplit_once('/').map_or_else(|| pointer.clone(), |(list, _)| list.to_owned())
    });
    let short = short.join("; ");
    Verdict::Fail(Evidence::at(pointer, format!("it lacks {short}")).fact("short", short))
}
