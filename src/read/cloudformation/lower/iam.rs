//! Roles, policies, users, groups, instance profiles and identity providers.

use super::shape::{items, list, number, of_text, tag_list, text, texts};
use super::{It, Lowered};
use crate::known::Text;
use crate::read::cloudformation::json_text;
use crate::read::cloudformation::text::{last_segment, without_scheme};
use crate::read::code::{Form, Node, Where};
use rustc_hash::FxHashMap;

pub(super) fn role(it: &It<'_, '_, '_>, out: &mut Lowered) {
    let mut fields = it.fields();
    fields
        .put("Path", Some(it.own("Path").unwrap_or_else(|| Node::text("/"))))
        .put("RoleName", Some(it.named(it.reference(), "RoleName")))
        .put("Arn", Some(it.named(it.attribute("Arn"), "RoleName")))
        .put("AssumeRolePolicyDocument", document(it, "AssumeRolePolicyDocument", out))
        .put("Description", it.own("Description"))
        .put("MaxSessionDuration", it.own("MaxSessionDuration").map(number))
        .put("RolePolicyList", Some(inline(it, out)))
        .put("AttachedManagedPolicies", Some(attached(it.get("ManagedPolicyArns"))))
        .put("PermissionsBoundary", boundary(it))
        .put("Tags", it.own("Tags").map(tag_list));
    out.item("iam.roles", fields.node());
}

pub(super) fn user(it: &It<'_, '_, '_>, out: &mut Lowered) {
    let mut fields = it.fields();
    fields
        .put("Path", Some(it.own("Path").unwrap_or_else(|| Node::text("/"))))
        .put("UserName", Some(it.named(it.reference(), "UserName")))
        .put("Arn", Some(it.named(it.attribute("Arn"), "UserName")))
        .put("UserPolicyList", Some(inline(it, out)))
        .put("GroupList", Some(it.own("Groups").unwrap_or_else(|| list(Vec::new(), None))))
        .put("AttachedManagedPolicies", Some(attached(it.get("ManagedPolicyArns"))))
        .put("PermissionsBoundary", boundary(it))
        .put("Tags", it.own("Tags").map(tag_list));
    out.item("iam.users", fields.node());
}

pub(super) fn group(it: &It<'_, '_, '_>, out: &mut Lowered) {
    let mut fields = it.fields();
    fields
        .put("Path", Some(it.own("Path").unwrap_or_else(|| Node::text("/"))))
        .put("GroupName", Some(it.named(it.reference(), "GroupName")))
        .put("Arn", Some(it.named(it.attribute("Arn"), "GroupName")))
        .put("GroupPolicyList", Some(inline(it, out)))
        .put("AttachedManagedPolicies", Some(attached(it.get("ManagedPolicyArns"))));
    out.item("iam.groups", fields.node());
}

pub(super) fn group_members(it: &It<'_, '_, '_>, out: &mut Lowered) {
    let Some(group) = it.own("GroupName") else { return };
    for user in it.get("Users").map(items).unwrap_or_default() {
        if let Some(name) = user.as_text() {
            out.part("iam.users", "UserName", name, "GroupList", group.clone());
        }
    }
}

/// An inline policy that stands beside its roles, users and groups.
pub(super) fn policy(it: &It<'_, '_, '_>, out: &mut Lowered) {
    let mut fields = it.fields();
    let name = it.own("PolicyName").unwrap_or_else(|| Node::text(it.name));
    fields.put("PolicyName", Some(name)).put("PolicyDocument", document(it, "PolicyDocument", out));
    let part = fields.node();
    for (many, one, collection, key, field) in [
        ("Roles", "RoleName", "iam.roles", "RoleName", "RolePolicyList"),
        ("Users", "UserName", "iam.users", "UserName", "UserPolicyList"),
        ("Groups", "GroupName", "iam.groups", "GroupName", "GroupPolicyList"),
    ] {
        for holder in [many, one].iter().filter_map(|key| it.get(key)).flat_map(items) {
            if let Some(name) = holder.as_text() {
                out.part(collection, key, name, field, part.clone());
            }
        }
    }
}

pub(super) fn managed_policy(it: &It<'_, '_, '_>, out: &mut Lowered) {
    let arn = it.reference();
    let name = last_segment(&arn);
    let mut version = it.fields();
    version
        .text("VersionId", "v1")
        .put("IsDefaultVersion", Some(Node::new(Form::Bool(true))))
        .put("Document", document(it, "PolicyDocument", out));
    let mut fields = it.fields();
    fields
        .put("PolicyName", Some(it.named(name.clone(), "ManagedPolicyName")))
        .put("Arn", Some(it.named(arn.clone(), "ManagedPolicyName")))
        .put("Path", Some(it.own("Path").unwrap_or_else(|| Node::text("/"))))
        .put("DefaultVersionId", Some(Node::text("v1")))
        .put("Description", it.own("Description"))
        .put("PolicyVersionList", Some(list(vec![version.node()], it.at())));
    out.item("iam.policies", fields.node());
    for (many, collection, key) in
        [("Roles", "iam.roles", "RoleName"), ("Users", "iam.users", "UserName"), ("Groups", "iam.groups", "GroupName")]
    {
        for holder in it.get(many).map(items).unwrap_or_default() {
            if let Some(of) = holder.as_text() {
                let part = attachment(of_text(arn.clone()).written(holder.at.clone()));
                out.part(collection, key, of, "AttachedManagedPolicies", part);
            }
        }
    }
}

pub(super) fn instance_profile(it: &It<'_, '_, '_>, out: &mut Lowered) {
    let roles: Vec<Node> = it
        .get("Roles")
        .map(items)
        .unwrap_or_default()
        .iter()
        .map(|role| match role.as_text() {
            Some(name) => {
                let mut fields = super::Fields::at(role.at.clone());
                // The role may stand elsewhere, or have a path: only its own ARN says so.
                let arn = role_arn(it, &name, out);
                fields.put("RoleName", Some(of_text(name).written(role.at.clone()))).put("Arn", Some(arn));
                fields.node()
            }
            None => role.clone(),
        })
        .collect();
    let mut fields = it.fields();
    fields
        .put("Path", Some(it.own("Path").unwrap_or_else(|| Node::text("/"))))
        .put("InstanceProfileName", Some(it.named(it.reference(), "InstanceProfileName")))
        .put("Arn", Some(it.named(it.attribute("Arn"), "InstanceProfileName")))
        .put("Roles", Some(list(roles, it.get("Roles").and_then(|node| node.at.clone()))));
    out.item("iam.instanceProfiles", fields.node());
}

/// The ARN of a role of this stack by its name, else the one that a role without a path has.
fn role_arn(it: &It<'_, '_, '_>, name: &Text, out: &mut Lowered) -> Node {
    match out.meant(it.scope, name) {
        Some((logical, _)) => it.scope.attribute(&logical, Some("Arn")),
        None => it.scope.arn("iam", false, &["role/".into(), name.clone()]),
    }
}

pub(super) fn provider(it: &It<'_, '_, '_>, out: &mut Lowered) {
    let url = it.get("Url");
    let mut fields = it.fields();
    fields
        .put("Arn", Some(it.named(it.reference(), "Url")))
        // IAM prints it without the scheme.
        .put("Url", url.and_then(|node| Some(of_text(without_scheme(&node.as_text()?)).written(node.at.clone()))))
        .put(
            "ClientIDList",
            Some(
                ["ClientIdList", "ClientIDList"]
                    .iter()
                    .find_map(|key| it.own(key))
                    .unwrap_or_else(|| list(Vec::new(), None)),
            ),
        )
        .put("ThumbprintList", it.own("ThumbprintList"))
        .put("Tags", it.own("Tags").map(tag_list));
    out.item("iam.openIDConnectProviders", fields.node());
}

pub(super) fn service_linked_role(it: &It<'_, '_, '_>, out: &mut Lowered) {
    let service = it.text("AWSServiceName").unwrap_or_default();
    let mut fields = it.fields();
    let path = crate::read::cloudformation::text::parts([&"/aws-service-role/".into(), &service, &"/".into()]);
    let statement = Form::Object(vec![
        ("Effect".to_owned(), Node::text("Allow")),
        ("Principal".to_owned(), Node::new(Form::Object(vec![("Service".to_owned(), of_text(service))]))),
        ("Action".to_owned(), Node::text("sts:AssumeRole")),
    ]);
    let trust = Form::Object(vec![
        ("Version".to_owned(), Node::text("2012-10-17")),
        ("Statement".to_owned(), Node::new(Form::List(vec![Node::new(statement)]))),
    ]);
    fields
        .put("Path", Some(of_text(path)))
        .put("RoleName", Some(it.named(it.reference(), "AWSServiceName")))
        .put("Arn", Some(it.named(it.attribute("Arn"), "AWSServiceName")))
        .put("AssumeRolePolicyDocument", Some(Node::new(trust)))
        .put("RolePolicyList", Some(list(Vec::new(), None)));
    out.item("iam.roles", fields.node());
}

/// The inline policies that stand inside a role, user or group.
fn inline(it: &It<'_, '_, '_>, out: &mut Lowered) -> Node {
    let Some(policies) = it.get("Policies") else { return list(Vec::new(), it.at()) };
    let Form::List(all) = &policies.form else { return policies.clone() };
    let written = it.resource.properties.get("Policies").map(Node::items).unwrap_or_default();
    let documents = written.iter().filter_map(|one| one.get("PolicyDocument"));
    let written: FxHashMap<u32, &Node> = documents.filter_map(|node| Some((start(node)?, node))).collect();
    let all = all.iter().map(|policy| {
        let Form::Object(given) = &policy.form else { return policy.clone() };
        let mut fields = super::Fields::at(policy.at.clone());
        for (key, node) in given {
            let node = match (key.as_str(), &node.form) {
                // A document that is a text is JSON; what is written says where.
                ("PolicyDocument", Form::Text(_)) => {
                    let source = start(node).and_then(|start| written.get(&start).copied());
                    parsed(it, source.unwrap_or(node), "policy document", out)
                }
                ("PolicyDocument", _) => texts(node.clone()),
                _ => text(node.clone()),
            };
            fields.put(key, Some(node));
        }
        fields.node()
    });
    list(all.collect(), policies.at.clone())
}

/// Where a value stands in its file.
fn start(node: &Node) -> Option<u32> {
    match node.at.as_ref()?.span {
        Where::Bytes(start, _) => Some(start),
        Where::Pointer(_) => None,
    }
}

/// A policy, which may be an object or JSON in a text.
pub(super) fn document(it: &It<'_, '_, '_>, key: &str, out: &mut Lowered) -> Option<Node> {
    let node = it.get(key)?;
    Some(match node.form {
        Form::Text(_) => match it.resource.properties.get(key) {
            Some(written) => parsed(it, written, "policy document", out),
            None => node.clone(),
        },
        _ => texts(node.clone()),
    })
}

/// JSON in a text; what is none is a gap and not known.
pub(super) fn parsed(it: &It<'_, '_, '_>, written: &Node, what: &str, out: &mut Lowered) -> Node {
    match json_text::parse(it.scope, written) {
        Ok(node) => texts(node).written(written.at.clone()),
        Err(fault) => {
            out.fault(it, what, fault);
            Node::unknown(format!("the {what} of {}", it.label())).written(written.at.clone())
        }
    }
}

/// Attached policies from their ARNs.
pub(super) fn attached(arns: Option<&Node>) -> Node {
    match arns {
        None => list(Vec::new(), None),
        Some(node) => match &node.form {
            Form::List(all) => list(all.iter().cloned().map(attachment).collect(), node.at.clone()),
            _ => node.clone(),
        },
    }
}

pub(super) fn attachment(arn: Node) -> Node {
    let Some(text) = arn.as_text().filter(|_| !matches!(arn.form, Form::Unknown(_))) else { return arn };
    let mut fields = super::Fields::at(arn.at.clone());
    fields.put("PolicyName", Some(of_text(last_segment(&text)))).put("PolicyArn", Some(arn));
    fields.node()
}

pub(super) fn boundary(it: &It<'_, '_, '_>) -> Option<Node> {
    let arn = it.own("PermissionsBoundary")?;
    let mut fields = super::Fields::at(arn.at.clone());
    fields.text("PermissionsBoundaryType", "Policy").put("PermissionsBoundaryArn", Some(arn));
    Some(fields.node())
}
