//! The roles of a rollout: the one that its jobs run as, and whoever submits them.

use super::reference::Index;
use super::{Draft, draft_alias};
use crate::arn::{Arn, role_name};
use crate::estate::Estate;
use crate::iam::policy;
use crate::known::{Told, Unknown};
use serde_json::Value;

/// The execution role: as declared, else as the jobs or the session name it.
pub(super) fn execution_role(estate: &Estate, index: &Index, declaration: &Value, pointer: &str, draft: &mut Draft) {
    let jobs = draft.object.get("jobs").and_then(Value::as_array).cloned().unwrap_or_default();
    let from_jobs = jobs.iter().enumerate().find_map(|(at, job)| {
        Some((
            job["request"]["executionRoleArn"].told()?.to_owned(),
            draft_alias(draft, &format!("/jobs/{at}"), "/request/executionRoleArn"),
        ))
    });
    let from_session = || {
        let name = "SPARKPILOT_EMR_EXECUTION_ROLE_ARN";
        let arn = draft.object.get("session")?.get(name)?.told()?;
        Some((arn.to_owned(), format!("/session/environment/{name}")))
    };
    if let Some(unknown) = Unknown::of(&declaration["execution-role"]) {
        draft.set_at("executionRoleArn", unknown.to_value(), format!("{pointer}/execution-role"));
        draft.set("executionRole", unknown.to_value());
        return;
    }
    let declared =
        declaration["execution-role"].told().map(|arn| (arn.to_owned(), format!("{pointer}/execution-role")));
    let Some((arn, at)) = declared.or(from_jobs).or_else(from_session) else {
        let unknown = Unknown {
            why: "nothing names the execution role".into(),
            unblock: Some("set `execution-role` in `sparkcheck.toml`".into()),
        };
        draft.set("executionRoleArn", unknown.to_value());
        draft.set("executionRole", unknown.to_value());
        return;
    };
    if Arn::parse(&arn).is_none() && arn.contains("${") {
        let unknown = Unknown { why: format!("of the execution role only `{arn}` is known"), unblock: None };
        draft.set_at("executionRoleArn", arn, at);
        draft.set("executionRole", unknown.to_value());
        return;
    }
    draft.set("executionRoleName", role_name(&arn).unwrap_or(&arn));
    if let Some(parsed) = Arn::parse(&arn) {
        draft.set_at("executionRoleAccount", parsed.account, at.clone());
        draft.set_at("executionRolePartition", parsed.partition, at.clone());
    }
    let role = index.principal(estate, &arn);
    if let Some(trust) = role.value().map(|role| &role["AssumeRolePolicyDocument"]) {
        let size = match Unknown::of(trust) {
            Some(unknown) => unknown.to_value(),
            None if trust.is_null() => Unknown {
                why: "the role's trust policy was not collected".into(),
                unblock: Some("run `aws iam get-role`".into()),
            }
            .to_value(),
            None => policy::size(trust).into(),
        };
        draft.set("trustPolicySize", size);
    }
    draft.set_found("executionRole", role);
    draft.set_at("executionRoleArn", arn, at);
}

/// Who will submit.
pub(super) fn submitter(estate: &Estate, index: &Index, declaration: &Value, pointer: &str, draft: &mut Draft) {
    let Some(arn) = declaration["submitter"].told() else {
        let unknown = Unknown {
            why: "nothing names the submitter".into(),
            unblock: Some("set `submitter` in `sparkcheck.toml`".into()),
        };
        draft.set("submitterArn", unknown.to_value());
        draft.set("submitter", unknown.to_value());
        return;
    };
    draft.set("submitterName", role_name(arn).unwrap_or(arn));
    if let Some(parsed) = Arn::parse(arn) {
        draft.set_at("submitterAccount", parsed.account, format!("{pointer}/submitter"));
    }
    draft.set_found("submitter", index.principal(estate, arn));
    draft.set_at("submitterArn", arn, format!("{pointer}/submitter"));
}

/// How much of IAM's quotas the roles of the rollout use. White space does not count.
pub(super) fn quotas(estate: &Estate, index: &Index, draft: &mut Draft) {
    let mut used = Vec::new();
    for name in ["executionRole", "submitter", "serviceRole", "instanceRole"] {
        let Some(role) = draft.object.get(name).filter(|role| role["RoleName"].told().is_some()) else { continue };
        let mut one = Draft::default();
        one.set("role", role["RoleName"].clone());
        let inline = role["RolePolicyList"].as_array().map(|list| {
            let documents = list.iter().map(|entry| &entry["PolicyDocument"]);
            let documents = documents.filter(|document| Unknown::of(document).is_none()).map(policy::least_size);
            documents.fold((0, true), |(sum, whole), (size, exact)| (sum + size, whole && exact))
        });
        let inline = inline.map(|(size, exact)| measured(size, exact, 9728));
        one.set("inline", inline.unwrap_or_else(|| not_collected("inline").to_value()));
        let attached = role["AttachedManagedPolicies"].as_array();
        one.set("attached", attached.map_or_else(|| not_collected("attached").to_value(), |list| list.len().into()));
        let own = attached.into_iter().flatten().filter_map(|entry| {
            let arn =
                entry["PolicyArn"].told().filter(|arn| Arn::parse(arn).is_some_and(|arn| arn.account != "aws"))?;
            let (policy, _) = index.policy(estate, arn)?;
            let version = policy["PolicyVersionList"].as_array()?.iter().find(|one| one["IsDefaultVersion"] == true)?;
            Some(policy::least_size(&version["Document"]))
        });
        let (largest, exact) = own.fold((0, true), |(most, whole), (size, exact)| (most.max(size), whole && exact));
        one.set("largest", measured(largest, exact, 5836));
        let at = draft_alias(draft, &format!("/{name}"), "");
        for (from, to) in [
            ("inline", "RolePolicyList"),
            ("attached", "AttachedManagedPolicies"),
            ("largest", "AttachedManagedPolicies"),
        ] {
            one.aliases.push((format!("/{from}"), format!("{at}/{to}")));
        }
        used.push(one);
    }
    draft.set_drafts("policyQuotas", used);
}

/// A size, where its holes do not matter.
fn measured(least: usize, exact: bool, bound: usize) -> Value {
    if exact || least > bound {
        return least.into();
    }
    Unknown { why: "how long its policies are is known after an apply".into(), unblock: None }.to_value()
}

fn not_collected(which: &str) -> Unknown {
    Unknown {
        why: format!("the {which} policies of the role were not collected"),
        unblock: Some("run `aws iam get-account-authorization-details`".into()),
    }
}
