//! Values: how much they weigh, how they are shown in names, and whether two are the same.

use super::super::text;
use crate::known::{Part, Text, Unknown};
use crate::read::code::{Form, Node};

/// What a value costs beside its text.
pub(super) const NODE: usize = 16;

/// How much a text weighs.
pub(in crate::read::cloudformation) fn weight(text: &Text) -> usize {
    let of = |part: &Part| match part {
        Part::Literal(text) | Part::Hole(text) => text.len() + 8,
    };
    text.parts().iter().map(of).sum::<usize>() + 1
}

/// How much a value weighs.
pub(super) fn size(node: &Node) -> usize {
    match &node.form {
        Form::List(items) => items.iter().map(size).sum::<usize>() + NODE,
        Form::Object(fields) => fields.iter().map(|(key, node)| key.len() + size(node)).sum::<usize>() + NODE,
        Form::Text(text) => weight(text) + NODE,
        _ => NODE,
    }
}

/// A text, or what stands for it.
pub(in crate::read::cloudformation) fn text_or(node: &Node) -> Text {
    node.as_text().unwrap_or_else(|| Text::hole("?"))
}

/// A value in the name of a hole.
pub(in crate::read::cloudformation) fn shown(node: &Node) -> String {
    fn write(node: &Node, out: &mut String) {
        if out.len() > 2_000 {
            return;
        }
        match &node.form {
            Form::Null => out.push_str("nothing"),
            Form::List(items) => {
                out.push('[');
                for (number, item) in items.iter().enumerate() {
                    if number > 0 {
                        out.push_str(", ");
                    }
                    write(item, out);
                }
                out.push(']');
            }
            Form::Object(fields) => {
                out.push('{');
                for (number, (key, node)) in fields.iter().enumerate() {
                    if number > 0 {
                        out.push_str(", ");
                    }
                    out.push_str(key);
                    out.push_str(": ");
                    write(node, out);
                }
                out.push('}');
            }
            _ => out.push_str(&node.as_text().map(|text| text::text_of(&text)).unwrap_or_default()),
        }
    }
    let mut out = String::new();
    write(node, &mut out);
    out
}

/// Whether two values are the same, wherever they were written.
pub(in crate::read::cloudformation) fn same(one: &Node, other: &Node) -> bool {
    match (&one.form, &other.form) {
        (Form::List(a), Form::List(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Form::Object(a), Form::Object(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|((ka, a), (kb, b))| ka == kb && same(a, b))
        }
        (Form::Null, Form::Null) => true,
        (Form::Null | Form::List(_) | Form::Object(_), _) | (_, Form::Null | Form::List(_) | Form::Object(_)) => false,
        (Form::Unknown(Unknown { why: a, .. }), Form::Unknown(Unknown { why: b, .. })) => a == b,
        _ => one.as_text() == other.as_text(),
    }
}
