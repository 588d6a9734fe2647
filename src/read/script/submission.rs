//! What is submitted to gateways over HTTP, and what the command line of SparkPilot asks for.
//!
//! Deliberately absent: whether the gateway is there. Its address may be anybody's.

use super::super::code::{Declared, Form, Node};
use super::super::shape;
use super::super::shell::{Command, Word};
use super::super::written::{list, object};
use super::arguments::{self, Arguments};
use super::files::Files;

/// A submission to a gateway by its REST interface.
pub(super) fn posted(arguments: &Arguments, command: &Command, files: &Files<'_>, out: &mut Vec<Declared>) {
    let Some(body) = arguments.word(&["data", "data-raw", "data-binary", "json", "d"]) else { return };
    let request = match (&command.input, body.plain().as_deref()) {
        // `-d @-` takes what the here-document says.
        (Some(input), Some("@-" | "@/dev/stdin")) => arguments::value(input, files),
        _ if body.begins("@") => files.node(&body.after(1).text(), body.at()),
        _ => arguments::value(body, files),
    };
    let plain = request.clone().into_value(&mut String::new(), &mut |_, _| {});
    let Some(map) = plain.as_object() else { return };
    if let Some(kind @ ("gateway-submission" | "bpg-submission" | "sparkpilot-job")) = shape::job_request(map) {
        out.push(Declared::Job { kind, request });
    } else if shape::is_environment(map) {
        out.push(environment(|key| request.get(key).cloned(), &request));
    }
}

/// `sparkpilot env-create` and `sparkpilot job-create`.
pub(super) fn sparkpilot(arguments: &Arguments, out: &mut Vec<Declared>) {
    let plain = arguments.plain.first().and_then(Word::plain);
    match plain.as_deref() {
        Some("env-create") => {
            let whole = Node::new(Form::Null).written(arguments.word(&["eks-cluster-arn"]).and_then(Word::at));
            let get = |key: &str| arguments.word(&[key.replace('_', "-").as_str()]).map(Word::node);
            if get("eks_cluster_arn").is_some() {
                out.push(environment(get, &whole));
            }
        }
        Some("job-create") => {
            let all = |option: &str| arguments.options.get(option).into_iter().flatten();
            let settings = all("conf").filter_map(|word| {
                let text = word.text().to_string();
                let (key, _) = text.split_once('=')?;
                // A key with a hole in it is nobody's setting.
                word.begins(key).then(|| (key.to_owned(), word.after(key.len() + 1).node()))
            });
            let request = object([
                ("name", arguments.node(&["name"])),
                ("artifact_uri", arguments.node(&["artifact-uri"])),
                ("artifact_digest", arguments.node(&["artifact-digest"])),
                ("entrypoint", arguments.node(&["entrypoint"])),
                ("args", list(all("arg").map(Word::node).collect())),
                ("spark_conf", Node::new(Form::Object(settings.collect()))),
            ]);
            let at = arguments.word(&["name", "artifact-uri"]).and_then(Word::at);
            out.push(Declared::Job { kind: "sparkpilot-job", request: request.written(at) });
        }
        _ => {}
    }
}

/// An environment that SparkPilot is to make: a cluster, a namespace and the role that it acts as.
pub(in crate::read) fn environment(get: impl Fn(&str) -> Option<Node>, whole: &Node) -> Declared {
    let of = |key: &str| get(key).unwrap_or_else(|| Node::new(Form::Null));
    let request = object([
        ("cluster", of("eks_cluster_arn")),
        ("namespace", of("eks_namespace")),
        ("submitter", of("customer_role_arn")),
        ("region", of("region")),
    ]);
    Declared::Job { kind: "sparkpilot-environment", request: request.written(whole.at.clone()) }
}
