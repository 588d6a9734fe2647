//! What `kubectl` is told to make.

use super::super::code::{Code, Declared, Form, Node};
use super::super::manifest;
use super::super::shell::{Command, Word};
use super::super::written::object;
use super::arguments::Arguments;

/// Declares what one command makes.
pub(super) fn declare(arguments: &Arguments, command: &Command, text: &str, out: &mut Vec<Declared>) {
    let words: Vec<Option<String>> = arguments.plain.iter().map(Word::plain).collect();
    let word = |at: usize| words.get(at).and_then(Option::as_deref);
    let cluster = None;
    let namespace = || arguments.node(&["namespace", "n"]);
    let metadata = |name: Node, namespace: Node| object([("name", name), ("namespace", namespace)]);
    match (word(0), word(1)) {
        (Some("apply" | "create" | "replace"), None) => {
            // `-f -` takes what the here-document says.
            if let Some(body) = &command.input {
                out.extend(applied(text, body));
            }
        }
        (Some("create"), Some("namespace" | "ns")) => {
            let Some(name) = arguments.plain.get(2) else { return };
            let item = object([
                ("apiVersion", Node::text("v1")),
                ("kind", Node::text("Namespace")),
                ("metadata", metadata(name.node(), Node::new(Form::Null))),
            ]);
            out.push(Declared::Item { collection: "kubernetes.namespaces", cluster, item: item.written(name.at()) });
        }
        (Some("create"), Some("serviceaccount" | "sa")) => {
            let Some(name) = arguments.plain.get(2) else { return };
            let item = object([
                ("apiVersion", Node::text("v1")),
                ("kind", Node::text("ServiceAccount")),
                ("metadata", metadata(name.node(), namespace())),
            ]);
            out.push(Declared::Item {
                collection: "kubernetes.serviceAccounts",
                cluster,
                item: item.written(name.at()),
            });
        }
        _ => {}
    }
}

/// The objects of a here-document, each with its place in the script.
fn applied(text: &str, body: &Word) -> Vec<Declared> {
    let Some(inside) = text.get(body.span.clone()) else { return Vec::new() };
    // What stands before it becomes blank, so that every place stays where it is.
    let before = text.get(..body.span.start).unwrap_or_default();
    let mut padded = String::with_capacity(body.span.end);
    padded.extend(before.bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }));
    padded.push_str(inside);
    match manifest::read("", &padded) {
        Some(code @ Code { .. }) if code.gaps.is_empty() => super::with_bytes(&padded, code),
        _ => Vec::new(),
    }
}
