//! Kubernetes service accounts, and what they may do in their namespace.
//!
//! An account gets its permissions from RoleBindings of its namespace and from ClusterRoleBindings,
//! by its own name or through the groups that it is in. Bindings that every cluster comes with
//! (`system:…`, `eks:…`) grant nothing that a Spark driver could use, and are left out.

use super::reference::{Found, Wanted, lookup, select};
use super::{Arn, Draft, Index, emr_on_eks};
use crate::estate::Estate;
use crate::known::Told;
use serde_json::Value;

/// The annotation that names an account's role.
pub(super) const ROLE_ARN: &str = "eks.amazonaws.com/role-arn";

/// One account of a namespace: the object, its bindings, and the rules that they grant.
pub(super) fn link(estate: &Estate, cluster_arn: &str, namespace: &str, name: &str, named_at: String) -> Draft {
    let mut draft = Draft::default();
    draft.set_at("name", name, named_at);
    draft.set("namespace", namespace);
    let within = |collection, namespace| Wanted { collection, scope: cluster_arn, namespace };
    let object = lookup(estate, within("kubernetes.serviceAccounts", Some(namespace)), |account| {
        account["metadata"]["name"].is(name) && account["metadata"]["namespace"].is(namespace)
    });
    let binds = |binding: &Value| {
        let own_name = binding["metadata"]["name"].told().unwrap_or_default();
        let comes_with_the_cluster = own_name.starts_with("system:") || own_name.starts_with("eks:");
        let mut subjects = binding["subjects"].as_array().into_iter().flatten();
        !comes_with_the_cluster
            && subjects.any(|subject| is_subject(subject, &binding["metadata"]["namespace"], namespace, name))
    };
    let (mut bindings, more_here) = select(estate, within("kubernetes.roleBindings", Some(namespace)), |binding| {
        binding["metadata"]["namespace"].is(namespace) && binds(binding)
    });
    let (cluster_wide, more_there) = select(estate, within("kubernetes.clusterRoleBindings", None), binds);
    bindings.extend(cluster_wide);
    let mut more = more_here.or(more_there);
    let bindings_more = more.clone();
    let mut rules = Vec::new();
    for (binding, _) in &bindings {
        let reference = &binding["roleRef"];
        let role = if reference["kind"] == "ClusterRole" {
            lookup(estate, within("kubernetes.clusterRoles", None), |role| {
                role["metadata"]["name"] == reference["name"]
            })
        } else {
            lookup(estate, within("kubernetes.roles", Some(namespace)), |role| {
                role["metadata"]["name"] == reference["name"] && role["metadata"]["namespace"].is(namespace)
            })
        };
        match role {
            Found::At(role, pointer) => {
                let list = role["rules"].as_array().into_iter().flatten().enumerate();
                rules.extend(list.map(|(at, rule)| (rule, format!("{pointer}/rules/{at}"))));
            }
            Found::Nothing => {}
            Found::Unknown(unknown) => more = more.or(Some(unknown)),
        }
    }
    draft.set_found("object", object);
    draft.set_list("bindings", bindings, bindings_more);
    draft.set_list("rules", rules, more);
    draft
}

/// The role that pods of the account assume by web identity, and the cluster's OIDC provider for it.
pub(super) fn credentials(estate: &Estate, index: &Index, cluster: &Draft, draft: &mut Draft) {
    for field in ["clusterArn", "clusterName", "partition", "account", "region", "issuer"] {
        if let Some(value) = cluster.object.get(field) {
            draft.set(field, value.clone());
        }
    }
    emr_on_eks::oidc(estate, draft);
    role(estate, index, draft);
}

fn role(estate: &Estate, index: &Index, draft: &mut Draft) {
    let annotation = draft.object.get("object").and_then(|object| object["metadata"]["annotations"][ROLE_ARN].told());
    let Some(arn) = annotation.map(str::to_owned) else { return };
    let at = draft.aliases.iter().find(|(inside, _)| inside == "/object").map(|(_, pointer)| pointer.clone());
    let at = format!("{}/metadata/annotations/{}", at.unwrap_or_default(), crate::path::escape(ROLE_ARN));
    draft.set("roleName", super::role_name(&arn).unwrap_or(&arn));
    if let Some(parsed) = Arn::parse(&arn) {
        draft.set("roleAccount", parsed.account);
    }
    draft.set_found("role", index.principal(estate, &arn));
    draft.set_at("roleArn", arn, at);
}

/// Whether a subject of a binding means this account.
fn is_subject(subject: &Value, binding_namespace: &Value, namespace: &str, name: &str) -> bool {
    let named = subject["name"].told().unwrap_or_default();
    match subject["kind"].told() {
        Some("ServiceAccount") => {
            let of = if subject["namespace"].is_null() { binding_namespace } else { &subject["namespace"] };
            named == name && of == namespace
        }
        Some("User") => named
            .strip_prefix("system:serviceaccount:")
            .is_some_and(|rest| rest.split_once(':') == Some((namespace, name))),
        Some("Group") => {
            matches!(named, "system:serviceaccounts" | "system:authenticated")
                || named.strip_prefix("system:serviceaccounts:") == Some(namespace)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn subjects_by_name_user_and_group() {
        for (subject, binding_namespace, expected) in [
            (json!({"kind": "ServiceAccount", "name": "spark", "namespace": "jobs"}), json!(null), true),
            (json!({"kind": "ServiceAccount", "name": "spark"}), json!("jobs"), true),
            (json!({"kind": "ServiceAccount", "name": "spark", "namespace": "other"}), json!("jobs"), false),
            (json!({"kind": "User", "name": "system:serviceaccount:jobs:spark"}), json!("jobs"), true),
            (json!({"kind": "User", "name": "spark"}), json!("jobs"), false),
            (json!({"kind": "Group", "name": "system:serviceaccounts:jobs"}), json!("jobs"), true),
            (json!({"kind": "Group", "name": "system:serviceaccounts:other"}), json!("jobs"), false),
            (json!({"kind": "Group", "name": "system:serviceaccounts"}), json!("jobs"), true),
            (json!({}), json!("jobs"), false),
        ] {
            assert_eq!(is_subject(&subject, &binding_namespace, "jobs", "spark"), expected, "{subject}");
        }
    }
}
