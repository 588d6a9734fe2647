//! The serverless application model, as far as it makes roles and starts jobs.
//!
//! A function or a state machine without a role gets one, with the policies that stand beside it. A
//! policy template of the model is a policy whose text only the model knows.

use super::iam::{attached, attachment, boundary};
use super::shape::{items, list, of_text, texts};
use super::{Fields, It, Lowered, job};
use crate::known::Text;
use crate::read::code::{Form, Node};

/// Lowers a resource of the model.
pub(super) fn resource(it: &It<'_, '_, '_>, out: &mut Lowered) {
    let service = match it.resource.kind.as_str() {
        "AWS::Serverless::Function" => "lambda.amazonaws.com",
        "AWS::Serverless::StateMachine" => {
            job::state_machine(it, out);
            "states.amazonaws.com"
        }
        _ => return,
    };
    if it.get("Role").is_none() {
        role(it, service, out);
    }
}

fn role(it: &It<'_, '_, '_>, service: &str, out: &mut Lowered) {
    let name = format!("{}Role", it.name);
    let of = |attribute: Option<&str>| it.scope.attribute(&name, attribute).written(it.at());
    let statement = Form::Object(vec![
        ("Effect".to_owned(), Node::text("Allow")),
        ("Principal".to_owned(), Node::new(Form::Object(vec![("Service".to_owned(), Node::text(service))]))),
        ("Action".to_owned(), Node::text("sts:AssumeRole")),
    ]);
    let trust = Form::Object(vec![
        ("Version".to_owned(), Node::text("2012-10-17")),
        ("Statement".to_owned(), Node::new(Form::List(vec![Node::new(statement)]))),
    ]);
    let (mut inline, mut managed) = (Vec::new(), Vec::new());
    if service == "lambda.amazonaws.com" {
        let arn: [Text; 3] = [
            "arn:".into(),
            it.scope.stack.home.partition.clone(),
            ":iam::aws:policy/service-role/AWSLambdaBasicExecutionRole".into(),
        ];
        managed.push(attachment(of_text(crate::read::cloudformation::text::join(&arn)).written(it.at())));
    }
    for policy in it.get("Policies").map(items).unwrap_or_default() {
        match &policy.form {
            Form::Text(arn) if arn.to_string().starts_with("arn:") => managed.push(attachment(policy.clone())),
            Form::Text(name) => {
                let head: [Text; 4] =
                    ["arn:".into(), it.scope.stack.home.partition.clone(), ":iam::aws:policy/".into(), name.clone()];
                let arn = of_text(crate::read::cloudformation::text::join(&head));
                managed.push(attachment(arn.written(policy.at.clone())));
            }
            Form::Object(fields) => {
                let mut entry = Fields::at(policy.at.clone());
                let own = format!("{name}Policy{}", inline.len());
                let document = if policy.get("Statement").is_some() {
                    texts(policy.clone())
                } else {
                    let template = fields.first().map_or("?", |(name, _)| name.as_str());
                    Node::unknown(format!("policy template {template}")).written(policy.at.clone())
                };
                entry.put("PolicyName", Some(Node::text(own))).put("PolicyDocument", Some(document));
                inline.push(entry.node());
            }
            _ => managed.push(policy.clone()),
        }
    }
    let mut fields = it.fields();
    fields
        .put("Path", Some(it.own("RolePath").unwrap_or_else(|| Node::text("/"))))
        .put("RoleName", Some(of(None)))
        .put("Arn", Some(of(Some("Arn"))))
        .put("AssumeRolePolicyDocument", Some(it.own("AssumeRolePolicyDocument").unwrap_or_else(|| Node::new(trust))))
        .put("RolePolicyList", Some(list(inline, it.at())))
        .put("AttachedManagedPolicies", Some(if managed.is_empty() { attached(None) } else { list(managed, it.at()) }))
        .put("PermissionsBoundary", boundary(it));
    out.item("iam.roles", fields.node());
}
