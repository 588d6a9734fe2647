//! IAM: roles, users, policies and what is attached to whom, profiles, OIDC providers.

use super::{Kind, Out, Resource, Value, list_of, object, text};
use crate::read::terraform::attribute::{iam_arn, lit, service_linked, without};
use std::collections::BTreeMap;

/// A kind of principal: collection, key, inline list, and the attribute that names it.
struct Principal {
    collection: &'static str,
    key: &'static str,
    inline: &'static str,
    attribute: &'static str,
}

const PRINCIPALS: [(&str, Principal); 3] = [
    ("role", Principal { collection: "iam.roles", key: "RoleName", inline: "RolePolicyList", attribute: "role" }),
    ("user", Principal { collection: "iam.users", key: "UserName", inline: "UserPolicyList", attribute: "user" }),
    ("group", Principal { collection: "iam.groups", key: "GroupName", inline: "GroupPolicyList", attribute: "group" }),
];

const ATTACHED: &str = "AttachedManagedPolicies";

pub(super) fn lower(resource: &Resource, out: &mut Out, shown: &dyn Fn(u32) -> String) {
    match resource.kind.as_str() {
        "aws_iam_role" => role(resource, out, shown),
        "aws_iam_user" => {
            let item = object(
                resource.spot,
                [
                    ("Path", or_root(&resource.get("path"))),
                    ("UserName", resource.get("name")),
                    ("Arn", resource.get("arn")),
                    ("UserPolicyList", Value::list(Vec::new(), resource.spot)),
                    ("GroupList", Value::list(Vec::new(), resource.spot)),
                    (ATTACHED, Value::list(Vec::new(), resource.spot)),
                    ("PermissionsBoundary", boundary(resource)),
                    ("Tags", resource.tags()),
                ],
            );
            out.item("iam.users", &item);
        }
        "aws_iam_group" => {
            let item = object(
                resource.spot,
                [
                    ("Path", or_root(&resource.get("path"))),
                    ("GroupName", resource.get("name")),
                    ("Arn", resource.get("arn")),
                    ("GroupPolicyList", Value::list(Vec::new(), resource.spot)),
                    (ATTACHED, Value::list(Vec::new(), resource.spot)),
                ],
            );
            out.item("iam.groups", &item);
        }
        "aws_iam_policy" => {
            let version = object(
                resource.spot,
                [
                    ("Document", out.document(resource, "policy", shown)),
                    ("VersionId", lit("v1")),
                    ("IsDefaultVersion", Value::truth(true, None)),
                ],
            );
            let item = object(
                resource.spot,
                [
                    ("PolicyName", resource.get("name")),
                    ("Arn", resource.get("arn")),
                    ("Path", or_root(&resource.get("path"))),
                    ("DefaultVersionId", lit("v1")),
                    ("PolicyVersionList", Value::list(vec![version], resource.spot)),
                ],
            );
            out.item("iam.policies", &item);
        }
        "aws_iam_instance_profile" => {
            let role = resource.body.get("role").cloned();
            let old = resource.body.get("roles").map(|roles| roles.items().to_vec()).unwrap_or_default();
            let roles = role.into_iter().chain(old).map(|role| {
                let name = text(&role).to_string();
                let known = out.roles.get(&name).cloned();
                let arn = known.unwrap_or_else(|| iam_arn(&resource.home, &[&lit("role/"), &role]));
                object(role.spot, [("RoleName", role.clone()), ("Arn", arn)])
            });
            let roles = Value::list(roles.collect(), resource.spot);
            let item = object(
                resource.spot,
                [
                    ("Path", or_root(&resource.get("path"))),
                    ("InstanceProfileName", resource.get("name")),
                    ("Arn", resource.get("arn")),
                    ("Roles", roles),
                    ("Tags", resource.tags()),
                ],
            );
            out.item("iam.instanceProfiles", &item);
        }
        "aws_iam_openid_connect_provider" => {
            let item = object(
                resource.spot,
                [
                    ("Arn", resource.or_hole("arn")),
                    ("Url", without(&resource.or_hole("url"), "https://")),
                    ("ClientIDList", resource.get("client_id_list")),
                    ("ThumbprintList", resource.get("thumbprint_list")),
                    ("Tags", resource.tags()),
                ],
            );
            out.item("iam.openIDConnectProviders", &item);
        }
        "aws_iam_service_linked_role" => service_linked_role(resource, out),
        "aws_iam_policy_attachment" => {
            for (_, principal) in &PRINCIPALS {
                let names = resource.get(&format!("{}s", principal.attribute));
                for name in names.items() {
                    attach(principal, name, &resource.get("policy_arn"), resource, out);
                }
            }
        }
        "aws_iam_role_policy_attachments_exclusive" => {
            let arns = resource.get("policy_arns");
            for (_, principal) in PRINCIPALS.iter().take(1) {
                for arn in arns.items() {
                    attach(principal, &resource.get("role_name"), arn, resource, out);
                }
            }
        }
        "aws_iam_user_group_membership" => {
            for group in resource.get("groups").items() {
                out.part("iam.users", "UserName", &resource.get("user"), "GroupList", group);
            }
        }
        "aws_iam_group_membership" => {
            let group = resource.get("group");
            for user in resource.get("users").items() {
                out.part("iam.users", "UserName", user, "GroupList", &group);
            }
        }
        kind => {
            let Some(rest) = kind.strip_prefix("aws_iam_") else { return };
            for (start, principal) in &PRINCIPALS {
                match rest.strip_prefix(start) {
                    Some("_policy") => {
                        let name = resource.get("name");
                        let name = if name.is_null() { resource.hole("name") } else { name };
                        let policy = object(
                            resource.spot,
                            [("PolicyName", name), ("PolicyDocument", out.document(resource, "policy", shown))],
                        );
                        let of = resource.get(principal.attribute);
                        out.part(principal.collection, principal.key, &of, principal.inline, &policy);
                    }
                    Some("_policy_attachment") => {
                        let of = resource.get(principal.attribute);
                        attach(principal, &of, &resource.get("policy_arn"), resource, out);
                    }
                    _ => {}
                }
            }
        }
    }
}

fn attach(principal: &Principal, of: &Value, arn: &Value, resource: &Resource, out: &mut Out) {
    let spot = arn.spot.or(resource.spot);
    let part = attached(arn).or_spot(spot);
    out.part(principal.collection, principal.key, of, ATTACHED, &part);
}

/// A managed policy as a principal shows it.
fn attached(arn: &Value) -> Value {
    let name = crate::read::terraform::attribute::after_last(arn, '/');
    object(arn.spot, [("PolicyName", name.unwrap_or_else(|| arn.clone())), ("PolicyArn", arn.clone())])
}

fn or_root(path: &Value) -> Value {
    if path.is_null() { lit("/") } else { path.clone() }
}

fn boundary(resource: &Resource) -> Value {
    match resource.body.get("permissions_boundary") {
        Some(arn) => {
            object(arn.spot, [("PermissionsBoundaryType", lit("Policy")), ("PermissionsBoundaryArn", arn.clone())])
        }
        None => Value::NULL,
    }
}

fn role(resource: &Resource, out: &mut Out, shown: &dyn Fn(u32) -> String) {
    let (name, arn) = (resource.get("name"), resource.get("arn"));
    out.roles.insert(text(&name).to_string(), arn.clone());
    let mut inline = Vec::new();
    for block in resource.body.blocks("inline_policy") {
        match &block.kind {
            Kind::Object(_) => {
                let Some(policy) = block.get("policy") else { continue };
                let document = out.parsed(resource, "inline_policy", policy, shown);
                let name = block.get("name").cloned().unwrap_or_else(|| resource.hole("inline_policy"));
                inline.push(object(block.spot, [("PolicyName", name), ("PolicyDocument", document)]));
            }
            _ => inline.push(crate::read::terraform::eval::more_of(&block.shown())),
        }
    }
    let managed = resource.body.get("managed_policy_arns");
    let managed = match managed.map(|arns| (&arns.kind, arns)) {
        Some((Kind::List(items), arns)) => {
            let each = items.iter().map(|arn| match &arn.kind {
                Kind::More(_) => arn.clone(),
                _ => attached(arn),
            });
            Value::list(each.collect(), arns.spot)
        }
        Some((Kind::Unknown(unknown), arns)) => {
            Value::list(vec![crate::read::terraform::eval::more_of(&unknown.why)], arns.spot)
        }
        _ => Value::list(Vec::new(), resource.spot),
    };
    let trust = out.document(resource, "assume_role_policy", shown);
    let item = object(
        resource.spot,
        [
            ("Path", or_root(&resource.get("path"))),
            ("RoleName", name),
            ("Arn", arn),
            ("AssumeRolePolicyDocument", trust),
            ("Description", resource.get("description")),
            ("MaxSessionDuration", resource.get("max_session_duration")),
            ("RolePolicyList", Value::list(inline, resource.spot)),
            (ATTACHED, managed),
            ("PermissionsBoundary", boundary(resource)),
            ("Tags", resource.tags()),
        ],
    );
    out.item("iam.roles", &item);
}

fn service_linked_role(resource: &Resource, out: &mut Out) {
    let service = resource.get("aws_service_name");
    let known = service.as_string();
    let name = match service_linked(known.as_deref()) {
        Some(name) => lit(name),
        None => resource.hole("name"),
    };
    let path = match &known {
        Some(service) => lit(&format!("/aws-service-role/{service}/")),
        None => resource.hole("path"),
    };
    let principal = object(service.spot, [("Service", service.clone())]);
    let statement =
        object(resource.spot, [("Effect", lit("Allow")), ("Principal", principal), ("Action", lit("sts:AssumeRole"))]);
    let trust = object(
        resource.spot,
        [("Version", lit("2012-10-17")), ("Statement", Value::list(vec![statement], resource.spot))],
    );
    let item = object(
        resource.spot,
        [
            ("Path", path.clone()),
            ("RoleName", name.clone().or_spot(resource.spot)),
            ("Arn", iam_arn(&resource.home, &[&lit("role"), &path, &name]).or_spot(resource.spot)),
            ("AssumeRolePolicyDocument", trust),
            ("RolePolicyList", Value::list(Vec::new(), resource.spot)),
            // What AWS attaches to its own roles is not in the code.
            ("Tags", list_of(&Value::object(BTreeMap::new(), None), "none", Clone::clone)),
        ],
    );
    out.item("iam.roles", &item);
}
