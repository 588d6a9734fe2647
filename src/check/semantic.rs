//! The verdict on questions of the domain: access, trust, Kubernetes permissions, capacity.
//!
//! This is where documents become the plain types of [`crate::iam`] and [`crate::capacity`], and
//! their answers become verdicts with evidence.

use super::{Evidence, Inquiry, Spot, Subject, Verdict, blocked};
use crate::capacity;
use crate::known::{Told, Unknown};
use crate::path::Path;
use crate::rule::{Assertion, Permission};
use serde_json::Value;
use std::collections::BTreeSet;

mod access;
mod policies;

/// Judges a semantic assertion on a subject.
pub(super) fn judge(assertion: &Assertion, subject: &Subject<'_>, inquiry: &Inquiry<'_>) -> Verdict {
    match assertion {
        Assertion::Permits { rules, to } => permits(subject, rules, to),
        Assertion::Fits { jobs, cluster } => fits(subject, inquiry, jobs, cluster),
        Assertion::Allows(question) => access::allows(question, subject, inquiry),
        Assertion::Limits { question, by } => access::limits(question, by, subject, inquiry),
        Assertion::Withholds(question) => access::withholds(question, subject, inquiry),
        Assertion::NamesActions { principals } => policies::names_actions(principals, subject, inquiry),
        Assertion::GrantsSomething { principals } => policies::grants_something(principals, subject, inquiry),
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

fn fits(subject: &Subject<'_>, inquiry: &Inquiry<'_>, jobs: &Path, cluster: &Path) -> Verdict {
    let (cluster_arn, _) = match single(subject, cluster) {
        Ok(found) => found,
        Err(verdict) => return verdict,
    };
    let jobs = subject.find(jobs);
    if let Some(evidence) = blocked(&jobs) {
        return Verdict::Unknown(evidence);
    }
    if jobs.found.is_empty() {
        let because = "no job request says which pods will run";
        let mut evidence = Evidence::at(subject.pointer.clone(), because);
        evidence.unblock.push("add the job's request to `jobs` in `sparkcheck.toml`".into());
        return Verdict::Unknown(evidence);
    }
    let cluster_arn = cluster_arn.told().unwrap_or_default();
    let estate = &inquiry.linked.estate;
    for collection in ["kubernetes.nodes", "kubernetes.pods"] {
        if let Some(unknown) = estate.incomplete(collection, cluster_arn, None) {
            return Verdict::Unknown(Evidence::unknown(subject.pointer.clone(), unknown));
        }
    }
    let Some((group, group_pointer)) = estate.kubernetes(cluster_arn) else {
        let why = "the nodes of the cluster were not listed".into();
        return Verdict::Unknown(Evidence::unknown(subject.pointer.clone(), Unknown { why, unblock: None }));
    };
    let list = |kind: &str| group[kind].as_array().map_or(&[][..], Vec::as_slice);
    let nodegroups: Vec<Value> = estate
        .items("eks.nodegroups")
        .iter()
        .filter(|nodegroup| {
            cluster_arn.ends_with(&format!("cluster/{}", nodegroup["clusterName"].told().unwrap_or_default()))
        })
        .cloned()
        .collect();
    let described = estate.items("eks.clusters").iter().find(|candidate| candidate["arn"].is(cluster_arn));
    let supply = capacity::supply::of_cluster(list("nodes"), list("pods"), &nodegroups, list("nodePools"), described);
    let spark = subject.rollout.and_then(|(_, rollout)| rollout["release"]["spark"].told());
    Verdict::all(jobs.found.iter().map(|(job, pointer)| {
        let demand = demand(job, spark);
        let fit = capacity::fit::fit(std::slice::from_ref(&demand), &supply);
        let mut evidence = Evidence::at(format!("{group_pointer}/nodes"), fit.because.clone())
            .fact("arithmetic", fit.arithmetic.join("\n"))
            .fact("because", fit.because.clone());
        if let Some(nodes) = fit.nodes_needed {
            evidence = evidence
                .fact("nodes", nodes.to_string())
                .fact("total", (supply.nodes.len() + nodes as usize).to_string());
        }
        evidence.spots.insert(0, Spot { pointer: pointer.clone(), note: fit.because.clone() });
        evidence.spots.truncate(1);
        match fit.outcome {
            capacity::fit::Outcome::Fits | capacity::fit::Outcome::FitsIfPackedWell => Verdict::Pass,
            capacity::fit::Outcome::Short => Verdict::Fail(evidence),
            capacity::fit::Outcome::Unknown => Verdict::Unknown(evidence),
        }
    }))
}

/// The pods of one job request, whatever form it has.
fn demand(job: &Value, spark: Option<&str>) -> capacity::demand::Demand {
    let request = &job["request"];
    match job["kind"].told() {
        Some("start-job-run") => capacity::demand::of_emr_on_eks(request, spark),
        Some("sparkpilot-job") => capacity::demand::of_emr_on_eks(&as_start_job_run(request), spark),
        _ => capacity::demand::of_spark_application(request),
    }
}

/// A SparkPilot job as the request that it becomes.
fn as_start_job_run(job: &Value) -> Value {
    let conf: BTreeSet<String> = job["spark_conf"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, value)| {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            format!("--conf '{name}={}'", value.replace('\'', r"'\''"))
        })
        .collect();
    serde_json::json!({
        "jobDriver": {"sparkSubmitJobDriver": {
            "entryPoint": job["artifact_uri"],
            "sparkSubmitParameters": conf.into_iter().collect::<Vec<_>>().join(" "),
        }},
    })
}
