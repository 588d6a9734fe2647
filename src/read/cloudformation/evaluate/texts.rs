//! Functions of texts: `Fn::Sub`, `Fn::Join`, `Fn::Select` and `Fn::Split`.

use super::super::text;
use super::{Scope, Variables, dynamic, shown, weight};
use crate::known::{Part, Text};
use crate::read::code::{Form, Node};

impl Scope<'_, '_> {
    pub(super) fn sub(&self, argument: &Node) -> Node {
        let (template, variables) = match &argument.form {
            Form::List(items) => match items.as_slice() {
                [template, map, ..] => {
                    let variables = super::super::template::fields(map.clone());
                    (template, variables.map(|(name, node)| (name, self.evaluate(&node))).collect())
                }
                [template] => (template, Variables::new()),
                [] => return self.unknown("Sub of nothing"),
            },
            _ => (argument, Variables::new()),
        };
        let Some(text) = template.as_str() else { return self.unknown("Sub of what is not known") };
        let pieces = substitutions(text).into_iter().map(|piece| match piece {
            Piece::Literal(literal) => Text::literal(literal),
            Piece::Name(name) => {
                let value = self.substitute(name, &variables);
                self.text_of(&value)
            }
        });
        let mut parts = Vec::new();
        for piece in pieces {
            if !self.world.spend(weight(&piece)) {
                return Node::unknown("more than is evaluated");
            }
            parts.extend(piece.parts().iter().cloned());
        }
        Node { form: dynamic(&Text::from_parts(parts)).form, at: template.at.clone() }
    }

    /// What a name in a `Fn::Sub` stands for.
    pub(in crate::read::cloudformation) fn substitute(&self, name: &str, variables: &Variables) -> Node {
        match (variables.get(name), name.split_once('.')) {
            (Some(value), _) => value.clone(),
            (None, Some((resource, attribute))) => self.attribute(resource, Some(attribute)),
            (None, None) => self.reference(name),
        }
    }

    /// A value as text; a hole where it is none.
    pub(in crate::read::cloudformation) fn text_of(&self, value: &Node) -> Text {
        match (&value.form, value.as_text()) {
            (_, Some(text)) => text,
            (Form::Null, None) => Text::default(),
            // A list of texts in a text is joined with commas.
            (Form::List(items), None) if items.iter().all(|item| item.as_text().is_some()) => {
                let mut parts = Vec::new();
                for (number, item) in items.iter().enumerate() {
                    if number > 0 {
                        parts.push(Part::Literal(",".into()));
                    }
                    parts.extend(item.as_text().iter().flat_map(|text| text.parts().iter().cloned()));
                }
                Text::from_parts(parts)
            }
            _ => Text::hole(self.hole(&text::name(&shown(value)))),
        }
    }

    pub(super) fn join(&self, argument: &Node) -> Node {
        let [delimiter, list] = argument.items() else { return self.unknown("Join of what is not known") };
        let delimiter = self.evaluate(delimiter).as_text().unwrap_or_default();
        let list = self.evaluate(list);
        let items = match &list.form {
            Form::List(items) => items,
            Form::Unknown(unknown) => {
                return text::hole(&format!("{} joined with `{delimiter}`", unknown.why));
            }
            _ => std::slice::from_ref(&list),
        };
        let mut parts: Vec<Part> = Vec::new();
        for (number, item) in items.iter().enumerate() {
            let item = self.text_of(item);
            if !self.world.spend(weight(&item) + weight(&delimiter)) {
                return Node::unknown("more than is evaluated");
            }
            if number > 0 {
                parts.extend(delimiter.parts().iter().cloned());
            }
            parts.extend(item.parts().iter().cloned());
        }
        dynamic(&Text::from_parts(parts))
    }

    pub(super) fn select(&self, argument: &Node) -> Node {
        let [index, list] = argument.items() else { return self.unknown("Select of what is not known") };
        let index = self.evaluate(index);
        let list = self.evaluate(list);
        let number: Option<usize> = index.as_text().as_ref().and_then(Text::as_str).and_then(|text| text.parse().ok());
        match (&list.form, number) {
            (Form::List(items), Some(number)) => {
                // What stands for the rest of a list is at its end.
                let rest = items.last().and_then(|last| match &last.form {
                    Form::Unknown(unknown) if unknown.why.contains(" split at `") => Some(&unknown.why),
                    _ => None,
                });
                match (items.get(number), rest) {
                    (Some(item), None) => item.clone(),
                    (Some(item), Some(_)) if number + 1 < items.len() => item.clone(),
                    (_, Some(rest)) => self.after(rest, number),
                    (None, None) => self.unknown(&format!("item {number} of a list of {}", items.len())),
                }
            }
            (Form::Unknown(unknown), Some(number)) => text::hole(&format!("{}[{number}]", unknown.why)),
            _ => self.unknown(&format!("item {} of {}", shown(&index), shown(&list))),
        }
    }

    /// What a list that is known in part has where it is not known.
    pub(super) fn after(&self, rest: &str, number: usize) -> Node {
        // An address without its scheme is the same, however it was taken off.
        for scheme in ["||", "scheme", ":||"] {
            if let Some(whole) = rest.strip_suffix(&format!(" split at `{scheme}`"))
                && number == 1
                && let Some(hole) = whole.strip_prefix("${").and_then(|hole| hole.strip_suffix('}'))
                && !hole.contains("${")
            {
                return text::hole(&format!("{hole} without its scheme"));
            }
        }
        text::hole(&format!("{rest}[{number}]"))
    }

    pub(super) fn split(&self, argument: &Node) -> Node {
        let [delimiter, whole] = argument.items() else { return self.unknown("Split of what is not known") };
        let (delimiter, whole) = (self.evaluate(delimiter), self.evaluate(whole));
        let (Some(delimiter), Some(whole)) = (delimiter.as_str(), whole.as_text()) else {
            return self.unknown("Split of what is not known");
        };
        let (pieces, rest) = text::split(&whole, delimiter, |hole| self.world.class(hole));
        self.world.spend(pieces.len());
        let mut items: Vec<Node> = pieces.into_iter().map(text::node).collect();
        items.extend(rest.map(Node::unknown));
        Node::new(Form::List(items))
    }
}

/// A stretch of the text of a `Fn::Sub`.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::read::cloudformation) enum Piece<'t> {
    Literal(&'t str),
    Name(&'t str),
}

/// The stretches of the text of a `Fn::Sub`; `${!x}` is the literal `${x}`.
pub(in crate::read::cloudformation) fn substitutions(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    let is_name = |letter: char| {
        letter.is_ascii_alphanumeric() || matches!(letter, ':' | '.' | '_' | '-' | ' ' | '&' | '{' | '}')
    };
    while let Some(at) = rest.find("${") {
        let (before, from) = rest.split_at(at);
        let inside = from.get(2..).unwrap_or_default();
        let Some(end) = inside.find('}') else { break };
        let (name, after) = (inside.get(..end).unwrap_or_default(), inside.get(end + 1..).unwrap_or_default());
        pieces.push(Piece::Literal(before));
        match name.strip_prefix('!') {
            Some(_) => {
                pieces.push(Piece::Literal("${"));
                pieces.push(Piece::Literal(from.get(3..end + 3).unwrap_or_default()));
            }
            None if !name.trim().is_empty() && name.chars().all(is_name) => pieces.push(Piece::Name(name.trim())),
            None => pieces.push(Piece::Literal(from.get(..end + 3).unwrap_or_default())),
        }
        rest = after;
    }
    pieces.push(Piece::Literal(rest));
    pieces
}
