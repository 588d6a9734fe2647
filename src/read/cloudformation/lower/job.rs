//! Job runs that state machines start.
//!
//! A task of Step Functions names its parameters as the service's API does, with capitals. What a
//! path or an expression will give when the machine runs is a hole with that path as its name.

use super::shape::{items, of_text, small, texts};
use super::{Fields, It, Lowered};
use crate::known::{Part, Text, Unknown};
use crate::read::cloudformation::evaluate::Variables;
use crate::read::cloudformation::json_text;
use crate::read::cloudformation::template::fields;
use crate::read::cloudformation::text::name;
use crate::read::code::{Declared, Form, Node};

/// How deep maps and parallel branches may be nested.
const DEPTH: usize = 16;

pub(super) fn state_machine(it: &It<'_, '_, '_>, out: &mut Lowered) {
    let variables: Variables = it.own("DefinitionSubstitutions").map(|node| fields(node).collect()).unwrap_or_default();
    for key in ["DefinitionString", "Definition"] {
        let Some(written) = it.resource.properties.get(key) else { continue };
        let written = if key == "Definition" && !variables.is_empty() {
            // Substitutions are made in the text that the object becomes.
            of_text(json_text::print(&it.scope.evaluate(written)))
        } else {
            written.clone()
        };
        match json_text::parse_with(it.scope, &written, &variables) {
            Ok(definition) => states(&definition, 0, out),
            Err(fault) => out.fault(it, "definition", fault),
        }
    }
}

/// Declares the job runs of a machine, or of a branch of one.
pub(super) fn states(machine: &Node, depth: usize, out: &mut Lowered) {
    let Some(Form::Object(states)) = machine.get("States").map(|states| &states.form) else { return };
    for (state_name, state) in states {
        if depth < DEPTH {
            for inner in ["Iterator", "ItemProcessor"].iter().filter_map(|key| state.get(key)) {
                self::states(inner, depth + 1, out);
            }
            for branch in state.get("Branches").map(items).unwrap_or_default() {
                self::states(branch, depth + 1, out);
            }
        }
        let Some(resource) = state.get("Resource").and_then(Node::as_text) else { continue };
        let Some(Part::Literal(task)) = resource.parts().last() else { continue };
        let task = task.rsplit(":states:::").next().unwrap_or_default();
        let task = task.split('.').next().unwrap_or_default();
        let Some(parameters) = state.get("Parameters").or_else(|| state.get("Arguments")) else { continue };
        let kind = match task {
            "emr-containers:startJobRun" | "aws-sdk:emrcontainers:startJobRun" => "start-job-run",
            "emr-serverless:startJobRun" | "aws-sdk:emrserverless:startJobRun" => "serverless-start-job-run",
            "elasticmapreduce:createCluster" | "aws-sdk:emr:runJobFlow" => "run-job-flow",
            _ => continue,
        };
        let request = if kind == "run-job-flow" { plain(parameters) } else { camel(parameters) };
        let request = with_name(request, kind, state_name).written(parameters.at.clone());
        out.declared.push(Declared::Job { kind, request });
    }
}

/// A request without a name is known by its state.
fn with_name(request: Node, kind: &str, state: &str) -> Node {
    let key = if kind == "run-job-flow" { "Name" } else { "name" };
    let Form::Object(mut given) = request.form else { return request };
    if !given.iter().any(|(name, _)| name == key) {
        given.insert(0, (key.to_owned(), Node::text(state)));
    }
    Node { form: Form::Object(given), at: request.at }
}

/// What a path or an expression gives when the machine runs.
fn at_runtime(node: &Node) -> Node {
    let text = node.as_text().map(|text| text.to_string()).unwrap_or_default();
    Node { form: Form::Unknown(Unknown { why: name(&text), unblock: None }), at: node.at.clone() }
}

fn is_expression(text: &Text) -> bool {
    matches!(text.parts().first(), Some(Part::Literal(first)) if first.trim_start().starts_with("{%"))
}

/// Parameters as they are, with what only a run knows as holes.
fn plain(node: &Node) -> Node {
    let form = match &node.form {
        Form::Object(given) => {
            let mut fields = Fields::at(node.at.clone());
            for (key, node) in given {
                match key.strip_suffix(".$") {
                    Some(key) => fields.put(key, Some(at_runtime(node))),
                    None => fields.put(key, Some(plain(node))),
                };
            }
            return fields.node();
        }
        Form::List(items) => Form::List(items.iter().map(plain).collect()),
        Form::Text(text) if is_expression(text) => return at_runtime(node),
        form => form.clone(),
    };
    Node { form, at: node.at.clone() }
}

/// The same in the names of a service that begins its fields with small letters.
fn camel(node: &Node) -> Node {
    let form = match &node.form {
        Form::Object(given) => {
            let mut fields = Fields::at(node.at.clone());
            for (key, node) in given {
                let (key, value) = match key.strip_suffix(".$") {
                    Some(key) => (key, at_runtime(node)),
                    None if matches!(key.as_str(), "Properties" | "Tags") => (key.as_str(), texts(plain(node))),
                    None => (key.as_str(), camel(node)),
                };
                fields.put(&small(key), Some(value));
            }
            return fields.node();
        }
        Form::List(items) => Form::List(items.iter().map(camel).collect()),
        Form::Text(text) if is_expression(text) => return at_runtime(node),
        form => form.clone(),
    };
    Node { form, at: node.at.clone() }
}
