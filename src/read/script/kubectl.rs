//! What `kubectl` is told to make.

use super::super::code::{Declared, Form, Node};
use super::super::shell::Word;
use super::super::written::object;
use super::arguments::Arguments;

/// Declares what one command makes.
pub(super) fn declare(arguments: &Arguments, out: &mut Vec<Declared>) {
    let words: Vec<Option<String>> = arguments.plain.iter().map(Word::plain).collect();
    let word = |at: usize| words.get(at).and_then(Option::as_deref);
    let cluster = None;
    let namespace = || arguments.node(&["namespace", "n"]);
    let metadata = |name: Node, namespace: Node| object([("name", name), ("namespace", namespace)]);
    match (word(0), word(1)) {
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
