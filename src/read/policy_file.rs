//! IAM policies in files of their own.
//!
//! Whose policy it is stands in a script or nowhere. One that says who may assume a role is the trust
//! policy of a role without a name; any other one is a managed policy without a name.

use super::code::{Declared, Form, Node};
use super::written::{Written, list, object, text};
use crate::known::Text;
use serde_json::Value;

/// Whether a JSON value is a policy document.
pub(crate) fn is_policy(value: &Value) -> bool {
    let statements = match &value["Statement"] {
        Value::Array(statements) => statements.as_slice(),
        one @ Value::Object(_) => std::slice::from_ref(one),
        _ => return false,
    };
    let is_statement = |statement: &Value| {
        statement.get("Effect").is_some() && (statement.get("Action").is_some() || statement.get("NotAction").is_some())
    };
    !statements.is_empty() && statements.iter().all(is_statement) && value.get("AWSTemplateFormatVersion").is_none()
}

/// Whether a policy says who may assume a role.
fn is_trust(value: &Value) -> bool {
    let statements = match &value["Statement"] {
        Value::Array(statements) => statements.as_slice(),
        one => std::slice::from_ref(one),
    };
    statements.iter().any(|statement| {
        let actions = match &statement["Action"] {
            Value::Array(actions) => actions.as_slice(),
            one => std::slice::from_ref(one),
        };
        statement.get("Principal").is_some()
            && actions.iter().any(|action| action.as_str().is_some_and(|action| action.starts_with("sts:")))
    })
}

/// What a policy in a file declares by itself; nothing if it is the policy of a bucket, a key or the like.
pub(crate) fn declared(path: &str, document: &Written<'_>) -> Option<Declared> {
    let stem = path.rsplit('/').next().unwrap_or(path);
    let stem = stem.rsplit_once('.').map_or(stem, |(stem, _)| stem);
    let name = || text(Text::hole(format!("name of {stem}")));
    if is_trust(document.value) {
        let item = object([
            ("RoleName", name()),
            ("AssumeRolePolicyDocument", document.node()),
            ("RolePolicyList", list(vec![Node::unknown(format!("`{stem}` is the trust policy alone"))])),
            ("AttachedManagedPolicies", list(vec![Node::unknown(format!("`{stem}` is the trust policy alone"))])),
        ]);
        return Some(Declared::Item { collection: "iam.roles", cluster: None, item: item.written(document.at()) });
    }
    let statements = document.get("Statement");
    if statements.items().iter().any(|statement| statement.get("Principal").is_there())
        || statements.get("Principal").is_there()
    {
        return None;
    }
    Some(managed(name(), document.node()))
}

/// A managed policy with one document.
pub(crate) fn managed(name: Node, document: Node) -> Declared {
    let at = document.at.clone();
    let version = object([
        ("VersionId", Node::text("v1")),
        ("IsDefaultVersion", Node::new(Form::Bool(true))),
        ("Document", document),
    ]);
    let item = object([
        ("PolicyName", name),
        ("DefaultVersionId", Node::text("v1")),
        ("PolicyVersionList", list(vec![version.written(at.clone())])),
    ]);
    Declared::Item { collection: "iam.policies", cluster: None, item: item.written(at) }
}
