//! What code declares and no rollout refers to: roles and policies by themselves.
//!
//! A change often brings a role without the cluster that will use it. What it is for is told by whom
//! it trusts and by what it may do, and it is judged like the same role of a rollout, of which nothing
//! else is known: a *fragment*. Its undecided questions are those of a rollout that is not there, and
//! are not asked. A role or policy of any other purpose stands under `declared`, for the rules that
//! are about policies as such.
//!
//! Deliberately absent: fragments of accounts. An account holds what others need for other things.

use super::{Draft, Index};
use crate::estate::Estate;
use crate::known::{Told, Unknown};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// The rollouts that consist of one role, as declarations with their pointers.
pub(super) fn inferred(estate: &Estate, index: &Index, drafts: &[Draft]) -> Vec<(Value, String)> {
    let used = used(drafts);
    let mut found = Vec::new();
    for (role, pointer) in own(estate, "iam.roles") {
        let Some(arn) = role["Arn"].told().filter(|_| !used.contains(&pointer)) else { continue };
        for (system, key) in purposes(estate, index, role) {
            let value = if key == "instance-profile" { profile_of(estate, arn) } else { arn };
            let name = role["RoleName"].told().unwrap_or(arn);
            let mut declaration = json!({"system": system, "fragment": true, "inferred": true, "name": name});
            declaration[key] = value.into();
            found.push((declaration, pointer.clone()));
        }
    }
    found
}

/// Roles, users, groups and policies that are for something else, each with its policies.
pub(super) fn declared(estate: &Estate, index: &Index, drafts: &[Draft]) -> Vec<Draft> {
    let used = used(drafts);
    let mut found = Vec::new();
    for (collection, kind) in [("iam.roles", "role"), ("iam.users", "user"), ("iam.groups", "group")] {
        for (holder, pointer) in own(estate, collection) {
            if !used.contains(&pointer) && (kind != "role" || purposes(estate, index, holder).is_empty()) {
                let mut draft = Draft::default();
                draft.set("kind", kind);
                draft.set_at("holder", holder.clone(), pointer);
                found.push(draft);
            }
        }
    }
    let holders = ["iam.roles", "iam.users", "iam.groups"].into_iter().flat_map(|name| estate.items(name));
    let attached = holders.flat_map(|holder| holder["AttachedManagedPolicies"].as_array().into_iter().flatten());
    let attached: BTreeSet<&str> = attached.filter_map(|entry| entry["PolicyArn"].told()).collect();
    for (policy, pointer) in own(estate, "iam.policies") {
        let arn = policy["Arn"].told().unwrap_or_default();
        let Some((document, at)) = version(policy).filter(|_| !attached.contains(arn)) else { continue };
        let name = &policy["PolicyName"];
        let mut draft = Draft::default();
        draft.set("kind", "policy");
        draft.set_at(
            "holder",
            json!({
                "Arn": policy["Arn"], "PolicyName": name, "AttachedManagedPolicies": [],
                "RolePolicyList": [{"PolicyName": name, "PolicyDocument": document}],
            }),
            pointer.clone(),
        );
        draft.aliases.push(("/holder/RolePolicyList/0/PolicyDocument".to_owned(), format!("{pointer}{at}")));
        found.push(draft);
    }
    found
}

/// The items of a collection that code declares.
fn own<'e>(estate: &'e Estate, collection: &str) -> impl Iterator<Item = (&'e Value, String)> {
    let at = format!("/{}", collection.replace('.', "/"));
    let positions = estate.declared.get(&at).cloned().unwrap_or_default();
    let items = estate.items(collection);
    positions.into_iter().filter_map(move |position| Some((items.get(position)?, format!("{at}/{position}"))))
}

/// What rollouts stand on.
fn used(drafts: &[Draft]) -> BTreeSet<String> {
    drafts.iter().flat_map(|draft| draft.aliases.iter().map(|(_, target)| target.clone())).collect()
}

/// What a role is for: the systems, and what it is in them.
fn purposes(estate: &Estate, index: &Index, role: &Value) -> Vec<(&'static str, &'static str)> {
    let trust = role["AssumeRolePolicyDocument"].to_string();
    let mut purposes = Vec::new();
    if trust.contains("emr-containers") {
        purposes.push(("emr-on-eks", "execution-role"));
    }
    if trust.contains("emr-serverless.amazonaws.com") {
        purposes.push(("emr-serverless", "execution-role"));
    }
    if trust.contains("elasticmapreduce.amazonaws.com") {
        purposes.push(("emr-on-ec2", "service-role"));
    }
    if !purposes.is_empty() {
        return purposes;
    }
    let mut policies: String = role["RolePolicyList"].to_string();
    for entry in role["AttachedManagedPolicies"].as_array().into_iter().flatten() {
        let arn = entry["PolicyArn"].told().unwrap_or_default();
        policies.push_str(arn);
        if let Some((document, _)) = index.policy(estate, arn).and_then(|(policy, _)| version(policy)) {
            policies.push_str(&document.to_string());
        }
    }
    if trust.contains("ec2.amazonaws.com") && policies.contains("AmazonElasticMapReduceforEC2Role") {
        purposes.push(("emr-on-ec2", "instance-profile"));
    }
    for (action, system) in
        [("emr-containers:", "emr-on-eks"), ("emr-serverless:", "emr-serverless"), ("elasticmapreduce:", "emr-on-ec2")]
    {
        let starts = ["*", "StartJobRun", "Start*", "RunJobFlow", "Run*"];
        if starts.iter().any(|start| policies.contains(&format!("\"{action}{start}\""))) {
            purposes.push((system, "submitter"));
        }
    }
    purposes
}

/// The instance profile that holds a role, or the name of the role, which is what it will be called.
fn profile_of<'e>(estate: &'e Estate, role: &'e str) -> &'e str {
    let holds = |profile: &&Value| {
        profile["Roles"].as_array().into_iter().flatten().any(|inside| {
            inside["Arn"].told() == Some(role) || inside["RoleName"].told() == crate::arn::role_name(role)
        })
    };
    let profile = estate.items("iam.instanceProfiles").iter().find(holds);
    let named = profile.and_then(|profile| profile["Arn"].told().or_else(|| profile["InstanceProfileName"].told()));
    named.or_else(|| crate::arn::role_name(role)).unwrap_or(role)
}

/// The text of a policy that counts, and where it stands in it.
fn version(policy: &Value) -> Option<(&Value, String)> {
    let versions = policy["PolicyVersionList"].as_array()?;
    let at = versions.iter().position(|version| version["IsDefaultVersion"] == true)?;
    let document = &versions.get(at)?["Document"];
    (document.is_object() && Unknown::of(document).is_none())
        .then(|| (document, format!("/PolicyVersionList/{at}/Document")))
}

/// Puts what is declared beside the rollouts into the document.
pub(super) fn put(estate: &mut Estate, drafts: Vec<Draft>) {
    let mut list = Vec::new();
    for (at, draft) in drafts.into_iter().enumerate() {
        for (inside, target) in draft.aliases {
            estate.origins.alias(format!("/declared/{at}{inside}"), target);
        }
        list.push(Value::Object(draft.object));
    }
    if !list.is_empty() {
        if !estate.document.is_object() {
            estate.document = Value::Object(Map::new());
        }
        estate.document["declared"] = Value::Array(list);
    }
}
