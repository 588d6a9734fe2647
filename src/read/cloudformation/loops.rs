//! `Fn::ForEach`: loops over what a template itself says, unrolled when it is read.
//!
//! A loop is `Fn::ForEach::NAME: [IDENTIFIER, LIST, {KEY: VALUE}]`. The list may be written out or be a
//! parameter with a default; a loop over anything else stays as it is, and what it makes is not known.

use super::template::fields;
use crate::known::Text;
use crate::read::code::{Form, Node};
use std::collections::BTreeMap;

/// How many rounds all loops of a template may take.
const ROUNDS: usize = 10_000;
/// How much text and how many values they may write.
const WRITTEN: usize = 16 << 20;

/// Unrolls the loops in the sections of a template.
pub(super) fn unroll(root: Node) -> Node {
    if !contains(&root) {
        return root;
    }
    let defaults = root.get("Parameters").cloned().map(lists).unwrap_or_default();
    let mut left = Left { rounds: ROUNDS, written: WRITTEN };
    walk(root, &defaults, &mut left)
}

struct Left {
    rounds: usize,
    written: usize,
}

/// Whether there is any loop.
fn contains(node: &Node) -> bool {
    match &node.form {
        Form::List(items) => items.iter().any(contains),
        Form::Object(fields) => fields.iter().any(|(key, node)| key.starts_with("Fn::ForEach::") || contains(node)),
        _ => false,
    }
}

/// The parameters that are lists, as far as they have defaults.
fn lists(parameters: Node) -> BTreeMap<String, Vec<String>> {
    let default = |(name, node): (String, Node)| {
        let text = node.get("Default")?.as_text()?.as_str()?.to_owned();
        Some((name, text.split(',').map(|item| item.trim().to_owned()).collect()))
    };
    fields(parameters).filter_map(default).collect()
}

fn walk(node: Node, defaults: &BTreeMap<String, Vec<String>>, left: &mut Left) -> Node {
    let form = match node.form {
        Form::List(items) => Form::List(items.into_iter().map(|item| walk(item, defaults, left)).collect()),
        Form::Object(given) => {
            let mut out = Vec::with_capacity(given.len());
            for (key, node) in given {
                match rounds(&key, &node, defaults) {
                    Some(values) => unrolled(&node, &values, defaults, left, &mut out),
                    None => out.push((key, walk(node, defaults, left))),
                }
            }
            Form::Object(out)
        }
        form => form,
    };
    Node { form, at: node.at }
}

/// What a loop goes over, where that is known.
fn rounds(key: &str, node: &Node, defaults: &BTreeMap<String, Vec<String>>) -> Option<Vec<String>> {
    key.strip_prefix("Fn::ForEach::")?;
    let [_, list, _] = node.items() else { return None };
    if let Some(name) = list.get("Ref").and_then(Node::as_str) {
        return defaults.get(name).cloned();
    }
    let Form::List(items) = &list.form else { return None };
    items.iter().map(|item| item.as_text()?.as_str().map(str::to_owned)).collect()
}

fn unrolled(
    node: &Node,
    values: &[String],
    defaults: &BTreeMap<String, Vec<String>>,
    left: &mut Left,
    out: &mut Vec<(String, Node)>,
) {
    let [identifier, _, body] = node.items() else { return };
    let (Some(identifier), Form::Object(body)) = (identifier.as_str(), &body.form) else { return };
    for value in values {
        if left.rounds == 0 {
            return;
        }
        left.rounds -= 1;
        for (key, node) in body {
            if left.written == 0 {
                return;
            }
            let inner = replaced(node, identifier, value, left);
            let key =
                key.replace(&format!("${{{identifier}}}"), value).replace(&format!("&{{{identifier}}}"), &plain(value));
            match rounds(&key, &inner, defaults) {
                Some(values) => unrolled(&inner, &values, defaults, left, out),
                None => out.push((key, walk(inner, defaults, left))),
            }
        }
    }
}

/// A value with letters and digits alone, as logical names want it.
fn plain(value: &str) -> String {
    value.chars().filter(char::is_ascii_alphanumeric).collect()
}

/// A value in which the identifier of a loop stands for what it is in one round.
fn replaced(node: &Node, identifier: &str, value: &str, left: &mut Left) -> Node {
    left.written = left.written.saturating_sub(16);
    if left.written == 0 {
        return Node::unknown("more than is evaluated");
    }
    let form = match &node.form {
        Form::List(items) => Form::List(items.iter().map(|item| replaced(item, identifier, value, left)).collect()),
        Form::Object(given) => match given.as_slice() {
            [(key, name)] if key == "Ref" && name.as_str() == Some(identifier) => Form::Text(Text::literal(value)),
            _ => {
                let each = given.iter().map(|(key, node)| {
                    let key = key.replace(&format!("${{{identifier}}}"), value);
                    (key, replaced(node, identifier, value, left))
                });
                Form::Object(each.collect())
            }
        },
        Form::Text(text) => match text.as_str() {
            Some(text) => {
                let text = text.replace(&format!("${{{identifier}}}"), value);
                let text = text.replace(&format!("&{{{identifier}}}"), &plain(value));
                left.written = left.written.saturating_sub(text.len());
                Form::Text(Text::literal(text))
            }
            None => node.form.clone(),
        },
        form => form.clone(),
    };
    Node { form, at: node.at.clone() }
}
