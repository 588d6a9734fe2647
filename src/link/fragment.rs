//! What code declares and no rollout refers to: roles, policies, clusters and requests by themselves.
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
    for (cluster, pointer) in own(estate, "eks.clusters") {
        let Some(arn) = cluster["arn"].told().filter(|_| !used.contains(&pointer)) else { continue };
        let name = cluster["name"].told().unwrap_or(arn);
        let declaration = json!({"system": "emr-on-eks", "fragment": true, "inferred": true, "name": name, "cluster": arn, "cluster-at": pointer});
        found.push((declaration, pointer));
    }
    found.extend(requests(estate, &used));
    found
}

/// Says of what a cluster or a request by itself does not name that it is not known.
pub(super) fn leave_open(declaration: &Value, draft: &mut Draft) {
    if declaration["cluster"].is_null() && declaration["job-paths"].is_null() {
        return;
    }
    const OPEN: [&str; 12] = [
        "cluster",
        "namespace",
        "namespaceObject",
        "serviceLinkedRole",
        "executionRole",
        "submitter",
        "emrRole",
        "emrRoleBinding",
        "oidcProvider",
        "application",
        "serviceRole",
        "instanceProfile",
    ];
    let why = || Unknown { why: "nothing says where it is going to be used".to_owned(), unblock: None };
    for name in OPEN {
        if !draft.object.contains_key(name) {
            draft.set(name, why().to_value());
        }
    }
}

/// The requests of each file that no rollout has: of where they will run nothing is known.
fn requests(estate: &Estate, used: &BTreeSet<String>) -> Vec<(Value, String)> {
    let mut files: BTreeSet<(&str, &str)> = BTreeSet::new();
    let mut found = Vec::new();
    for (at, job) in estate.items("jobRequests").iter().enumerate() {
        let pointer = format!("/jobRequests/{at}");
        let system = match job["kind"].told() {
            Some("start-job-run") => "emr-on-eks",
            Some("serverless-start-job-run") => "emr-serverless",
            Some("run-job-flow") => "emr-on-ec2",
            _ => continue,
        };
        let Some(path) = job["path"].told().filter(|_| !used.contains(&pointer)) else { continue };
        if files.insert((path, system)) {
            let name = path.rsplit('/').next().unwrap_or(path);
            let declaration =
                json!({"system": system, "fragment": true, "inferred": true, "name": name, "job-paths": [path]});
            found.push((declaration, pointer));
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
                if kind == "role" && runs_jobs_as_a_service(estate, index, holder) {
                    draft.set_at("runsJobs", "as a service", format!("{pointer}/AssumeRolePolicyDocument"));
                }
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

/// What the policies that code declares allow, statement by statement, and the policies of AWS that it attaches.
pub(super) fn grants(estate: &Estate, drafts: &[Draft]) -> (Vec<Draft>, Vec<Draft>) {
    let used = used(drafts);
    let (mut statements, mut attachments) = (Vec::new(), Vec::new());
    let mut read = BTreeSet::new();
    for (collection, list) in
        [("iam.roles", "RolePolicyList"), ("iam.users", "UserPolicyList"), ("iam.groups", "GroupPolicyList")]
    {
        for (holder, pointer) in own(estate, collection) {
            let keys = ["RoleName", "UserName", "GroupName"];
            let name = keys.iter().find_map(|key| holder[*key].told()).unwrap_or("?");
            for (at, entry) in holder[list].as_array().into_iter().flatten().enumerate() {
                let at = format!("{pointer}/{list}/{at}/PolicyDocument");
                // One file may be the policy of several roles.
                let origin = estate.origins.find(&at).map(|origin| (origin.source, origin.pointer));
                if origin.is_none_or(|origin| read.insert((origin, entry["PolicyDocument"].to_string()))) {
                    statements_of(&entry["PolicyDocument"], name, &at, &mut statements);
                }
            }
            for (at, entry) in holder["AttachedManagedPolicies"].as_array().into_iter().flatten().enumerate() {
                let Some(arn) = entry["PolicyArn"].told() else { continue };
                let mut draft = Draft::default();
                draft.set("holder", name);
                draft.set("used", used.contains(&pointer));
                draft.set_at("arn", arn, format!("{pointer}/AttachedManagedPolicies/{at}"));
                attachments.push(draft);
            }
        }
    }
    for (policy, pointer) in own(estate, "iam.policies") {
        if let Some((document, at)) = version(policy) {
            let name = policy["PolicyName"].told().or_else(|| policy["Arn"].told()).unwrap_or("?");
            statements_of(document, name, &format!("{pointer}{at}"), &mut statements);
        }
    }
    (statements, attachments)
}

fn statements_of(document: &Value, holder: &str, at: &str, out: &mut Vec<Draft>) {
    let list = &document["Statement"];
    let several = list.is_array();
    let of_load_balancers = document.to_string().contains("\"elasticloadbalancing:Create");
    let each = list.as_array().map_or_else(|| std::slice::from_ref(list), Vec::as_slice);
    for (number, statement) in each.iter().enumerate().filter(|(_, statement)| statement["Effect"] == "Allow") {
        let at = if several { format!("{at}/Statement/{number}") } else { format!("{at}/Statement") };
        let mut draft = Draft::default();
        draft.set("holder", holder);
        if of_load_balancers {
            draft.set("ofLoadBalancers", true);
        }
        draft.aliases.push((String::new(), at.clone()));
        for (name, field) in [("actions", "Action"), ("resources", "Resource")] {
            let value = &statement[field];
            let items = value.as_array().map_or_else(|| std::slice::from_ref(value), Vec::as_slice);
            let mut texts = Vec::new();
            for (place, item) in items.iter().enumerate().filter(|(_, item)| !item.is_null()) {
                let inside = if value.is_array() { format!("{at}/{field}/{place}") } else { format!("{at}/{field}") };
                draft.aliases.push((format!("/{name}/{}", texts.len()), inside));
                let action = item.as_str().filter(|_| field == "Action").map(str::to_ascii_lowercase);
                texts.push(action.map_or_else(|| item.clone(), Value::String));
            }
            draft.set(name, texts);
        }
        let conditions = statement["Condition"].as_object().into_iter().flatten();
        let keys = conditions.flat_map(|(_, keys)| keys.as_object().into_iter().flatten());
        let keys: BTreeSet<String> = keys.map(|(key, _)| key.to_ascii_lowercase()).collect();
        draft.set("conditions", keys.into_iter().collect::<Vec<_>>());
        out.push(draft);
    }
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
    if !purposes.is_empty() {
        return purposes;
    }
    let policies = policies_of(estate, index, role);
    // Whatever else trusts EMR by its name is a role that nobody launches clusters with.
    let launches = ["AmazonElasticMapReduceRole", "AmazonEMRServicePolicy_v2", "ec2:RunInstances"];
    if trust.contains("elasticmapreduce.amazonaws.com") && launches.iter().any(|sign| policies.contains(sign)) {
        return vec![("emr-on-ec2", "service-role")];
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

/// The policies of a role as one text.
fn policies_of(estate: &Estate, index: &Index, role: &Value) -> String {
    let mut policies: String = role["RolePolicyList"].to_string();
    for entry in role["AttachedManagedPolicies"].as_array().into_iter().flatten() {
        let arn = entry["PolicyArn"].told().unwrap_or_default();
        policies.push_str(arn);
        if let Some((document, _)) = index.policy(estate, arn).and_then(|(policy, _)| version(policy)) {
            policies.push_str(&document.to_string());
        }
    }
    policies
}

/// Whether a role may do what jobs do with data and logs, and nothing that EMR does itself, and trusts EMR alone.
fn runs_jobs_as_a_service(estate: &Estate, index: &Index, role: &Value) -> bool {
    let statements = &role["AssumeRolePolicyDocument"]["Statement"];
    let each = statements.as_array().map_or_else(|| std::slice::from_ref(statements), Vec::as_slice);
    let trusts_emr = |statement: &Value| {
        let principal = &statement["Principal"];
        let services = &principal["Service"];
        let only = services.as_array().map_or_else(|| std::slice::from_ref(services), Vec::as_slice);
        principal.as_object().is_some_and(|kinds| kinds.len() == 1)
            && !only.is_empty()
            && only.iter().all(|service| service == "elasticmapreduce.amazonaws.com")
    };
    if each.is_empty() || !each.iter().all(trusts_emr) {
        return false;
    }
    let policies = policies_of(estate, index, role);
    let may = |sign: &str| policies.contains(sign);
    let of_jobs = may("\"s3:GetObject") && may("\"s3:PutObject") && may("\"logs:PutLogEvents\"");
    // EMR Studio and its notebooks make network interfaces and clusters.
    of_jobs && !["ec2:CreateNetworkInterface", "elasticmapreduce:", "ec2:RunInstances"].iter().any(|sign| may(sign))
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
pub(super) fn put(estate: &mut Estate, section: &str, drafts: Vec<Draft>) {
    let mut list = Vec::new();
    for (at, draft) in drafts.into_iter().enumerate() {
        for (inside, target) in draft.aliases {
            estate.origins.alias(format!("/{section}/{at}{inside}"), target);
        }
        list.push(Value::Object(draft.object));
    }
    if !list.is_empty() {
        if !estate.document.is_object() {
            estate.document = Value::Object(Map::new());
        }
        estate.document[section] = Value::Array(list);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_that_wait_for_pods() {
        const EMR: &str = "elasticmapreduce.amazonaws.com";
        let emr = json!({"Statement": [{"Principal": {"Service": EMR}}]});
        let both = json!({"Statement": [{"Principal": {"Service": [EMR, "lambda.amazonaws.com"]}}]});
        let pods = json!({"Statement": [
            {"Principal": {"Service": EMR}}, {"Principal": {"Federated": "arn:aws:iam::1:oidc-provider/x"}}
        ]});
        let of_jobs = ["s3:GetObject", "s3:PutObject", "logs:PutLogEvents"];
        let studio = ["s3:GetObject", "s3:PutObject", "logs:PutLogEvents", "ec2:CreateNetworkInterface"];
        for (trust, actions, waits) in [
            (&emr, &of_jobs[..], true),
            (&pods, &of_jobs, false),
            (&both, &of_jobs, false),
            (&emr, &studio, false),
            (&emr, &["cloudwatch:DescribeAlarms"], false),
        ] {
            let role = json!({"AssumeRolePolicyDocument": trust,
                "RolePolicyList": [{"PolicyDocument": {"Statement": [{"Action": actions}]}}]});
            let estate = Estate::default();
            assert_eq!(runs_jobs_as_a_service(&estate, &Index::of(&estate), &role), waits, "{role}");
        }
    }
}
