//! Values of Terraform's language: what is known of them, what is not, and where they were written.
//!
//! Values are shared, not copied, so an expression that doubles a list thirty times costs nothing
//! until somebody looks at all of it. A text is a list of pieces, so that a policy in a heredoc keeps
//! the place of every word; a text that `jsonencode` made keeps the value that it encodes.

use crate::known::{self, Text, Unknown};
use crate::read::code::json::{Piece as JsonPiece, PiecePart};
use crate::read::code::{At, Form, Node, Where};
use serde_json::Number;
use std::collections::BTreeMap;
use std::rc::Rc;

/// A range of bytes in a file of the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Spot {
    /// The number of the file.
    pub(super) file: u32,
    /// The first byte.
    pub(super) start: u32,
    /// The byte after the last.
    pub(super) end: u32,
}

impl Spot {
    /// The place as front ends give it.
    pub(super) fn at(self) -> At {
        At { file: self.file, span: Where::Bytes(self.start, self.end) }
    }
}

/// A value, and where it was written.
#[derive(Clone, Debug)]
pub(super) struct Value {
    /// What it is.
    pub(super) kind: Kind,
    /// Where it was written.
    pub(super) spot: Option<Spot>,
}

/// What a value is.
#[derive(Clone, Debug)]
pub(super) enum Kind {
    /// Null: the same as not written.
    Null,
    /// A truth.
    Bool(bool),
    /// A number.
    Number(Number),
    /// A text, in pieces.
    Text(Rc<[Piece]>),
    /// The text that encodes this value.
    Json(Rc<Value>),
    /// A list, a tuple or a set.
    List(Rc<Vec<Value>>),
    /// An object or a map.
    Object(Rc<Fields>),
    /// Nothing is known but what will fill it.
    Unknown(Rc<Unknown>),
    /// At the end of a list: there may be more items.
    More(Rc<Unknown>),
    /// What Terraform would refuse: an item that is not there. Everywhere but in `try` it is not known.
    Fault(Rc<Unknown>),
    /// An instance of a resource, a data source or a module: its attributes are looked up when they are asked for.
    Handle(Handle),
}

/// An instance of something that is declared in a module.
#[derive(Clone, Debug)]
pub(super) struct Handle {
    /// The number of the module instance in which it is declared.
    pub(super) module: usize,
    /// Its address in that module: `aws_iam_role.x`, `data.aws_region.current`, `module.eks`.
    pub(super) name: Rc<str>,
    /// Which of its instances.
    pub(super) instance: Instance,
}

/// Which of the instances of something with `count` or `for_each`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Instance {
    /// It has neither.
    One,
    /// By number.
    Index(usize),
    /// By key.
    Key(Rc<str>),
    /// How many there are is not known; this stands for each of them.
    Any,
}

impl Instance {
    /// As it stands in an address: `[0]`, `["a"]`.
    pub(super) fn suffix(&self) -> String {
        match self {
            Self::One => String::new(),
            Self::Index(index) => format!("[{index}]"),
            Self::Key(key) => format!("[{key:?}]"),
            Self::Any => "[*]".to_owned(),
        }
    }
}

/// The fields of an object.
#[derive(Clone, Debug, Default)]
pub(super) struct Fields {
    /// By name; a name with holes stands as it is shown.
    pub(super) map: BTreeMap<String, Value>,
    /// There may be fields that are not known.
    pub(super) more: Option<Rc<Unknown>>,
}

/// A stretch of a text.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    /// What stands there.
    pub(super) part: Part,
    /// Where it was written.
    pub(super) spot: Option<Spot>,
}

/// What a stretch of a text is.
#[derive(Clone, Debug)]
pub(super) enum Part {
    /// These characters.
    Literal(Rc<str>),
    /// Any characters, the same wherever this name stands.
    Hole(Rc<str>),
    /// The JSON of this value.
    Json(Value),
}

/// How much of a value is shown in the name of a hole.
const SHOWN: usize = 160;
/// How many values are looked at to tell something of one; a small expression can hold very many.
const LOOKED_AT: usize = 100_000;
/// How deep a value may be nested when it leaves the front end.
const DEPTH: usize = 100;

impl From<Kind> for Value {
    fn from(kind: Kind) -> Self {
        Self { kind, spot: None }
    }
}

impl Value {
    /// Null that was written nowhere.
    pub(super) const NULL: Self = Self { kind: Kind::Null, spot: None };

    /// A text without holes.
    pub(super) fn text(text: impl Into<Rc<str>>, spot: Option<Spot>) -> Self {
        let pieces = [Piece { part: Part::Literal(text.into()), spot }];
        Self { kind: Kind::Text(Rc::from(pieces)), spot }
    }

    /// A text in pieces.
    pub(super) fn pieces(pieces: Vec<Piece>, spot: Option<Spot>) -> Self {
        Self { kind: Kind::Text(pieces.into()), spot }
    }

    /// A text that may have holes.
    pub(super) fn of_text(text: &Text, spot: Option<Spot>) -> Self {
        let pieces = text.parts().iter().map(|part| Piece {
            part: match part {
                known::Part::Literal(text) => Part::Literal(text.as_str().into()),
                known::Part::Hole(name) => Part::Hole(name.as_str().into()),
            },
            spot,
        });
        Self::pieces(pieces.collect(), spot)
    }

    /// A value that only has a name.
    pub(super) fn unknown(why: impl Into<String>, spot: Option<Spot>) -> Self {
        Self { kind: Kind::Unknown(Rc::new(Unknown { why: why.into(), unblock: None })), spot }
    }

    /// What Terraform would refuse.
    pub(super) fn fault(why: impl Into<String>, spot: Option<Spot>) -> Self {
        Self { kind: Kind::Fault(Rc::new(Unknown { why: why.into(), unblock: None })), spot }
    }

    /// A list.
    pub(super) fn list(items: Vec<Self>, spot: Option<Spot>) -> Self {
        Self { kind: Kind::List(Rc::new(items)), spot }
    }

    /// An object of which all fields are known.
    pub(super) fn object(map: BTreeMap<String, Self>, spot: Option<Spot>) -> Self {
        Self { kind: Kind::Object(Rc::new(Fields { map, more: None })), spot }
    }

    /// A truth.
    pub(super) fn truth(truth: bool, spot: Option<Spot>) -> Self {
        Self { kind: Kind::Bool(truth), spot }
    }

    /// A number; null, if it is none.
    pub(super) fn number(number: f64, spot: Option<Spot>) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "the number is whole and small")]
        let number = if number.fract() == 0.0 && number.abs() < 9e15 {
            Some(Number::from(number as i64))
        } else {
            Number::from_f64(number)
        };
        Self { kind: number.map_or(Kind::Null, Kind::Number), spot }
    }

    /// The same value, written here unless it says where.
    #[must_use]
    pub(super) fn or_spot(mut self, spot: Option<Spot>) -> Self {
        self.spot = self.spot.or(spot);
        self
    }

    pub(super) fn is_null(&self) -> bool {
        matches!(self.kind, Kind::Null)
    }

    /// Whether it says nothing: an empty text, list or object.
    pub(super) fn is_empty(&self) -> bool {
        match &self.kind {
            Kind::Text(pieces) => {
                pieces.iter().all(|piece| matches!(&piece.part, Part::Literal(text) if text.is_empty()))
            }
            Kind::List(items) => items.is_empty(),
            Kind::Object(fields) => fields.map.is_empty() && fields.more.is_none(),
            _ => false,
        }
    }

    /// The name of what is not known, if nothing is known.
    pub(super) fn why(&self) -> Option<&str> {
        match &self.kind {
            Kind::Unknown(unknown) | Kind::More(unknown) | Kind::Fault(unknown) => Some(&unknown.why),
            _ => None,
        }
    }

    /// The pieces of a text, a number, a truth or an unknown; `None` of null, lists and objects.
    pub(super) fn as_pieces(&self) -> Option<Rc<[Piece]>> {
        let one = |part| Some(Rc::from([Piece { part, spot: self.spot }]));
        match &self.kind {
            Kind::Text(pieces) => Some(pieces.clone()),
            Kind::Json(value) => one(Part::Json((**value).clone())),
            Kind::Number(number) => one(Part::Literal(number.to_string().into())),
            Kind::Bool(truth) => one(Part::Literal(truth.to_string().into())),
            Kind::Unknown(unknown) | Kind::More(unknown) | Kind::Fault(unknown) => {
                one(Part::Hole(unknown.why.as_str().into()))
            }
            Kind::Null | Kind::List(_) | Kind::Object(_) | Kind::Handle(_) => None,
        }
    }

    /// The text with its holes; encoded values are spelled out.
    pub(super) fn as_text(&self) -> Option<Text> {
        Some(text_of(&self.as_pieces()?))
    }

    /// The text, if it has no holes.
    pub(super) fn as_string(&self) -> Option<String> {
        match &self.kind {
            Kind::Text(pieces) => match &**pieces {
                [Piece { part: Part::Literal(text), .. }] => Some(text.to_string()),
                [] => Some(String::new()),
                pieces => text_of(pieces).as_str().map(str::to_owned),
            },
            Kind::Number(number) => Some(number.to_string()),
            Kind::Bool(truth) => Some(truth.to_string()),
            Kind::Json(_) => self.as_text()?.as_str().map(str::to_owned),
            _ => None,
        }
    }

    /// The number, or the one that the text spells.
    pub(super) fn as_number(&self) -> Option<f64> {
        match &self.kind {
            Kind::Number(number) => number.as_f64(),
            Kind::Text(_) => self.as_string()?.trim().parse().ok(),
            _ => None,
        }
    }

    /// The truth, or the one that the text spells.
    pub(super) fn as_bool(&self) -> Option<bool> {
        match &self.kind {
            Kind::Bool(truth) => Some(*truth),
            Kind::Text(_) => match self.as_string()?.as_str() {
                "true" | "1" => Some(true),
                "false" | "0" => Some(false),
                _ => None,
            },
            _ => None,
        }
    }

    /// The items of a list; none of anything else.
    pub(super) fn items(&self) -> &[Self] {
        if let Kind::List(items) = &self.kind { items } else { &[] }
    }

    /// What an object has under a name; null is nothing.
    pub(super) fn get(&self, name: &str) -> Option<&Self> {
        match &self.kind {
            Kind::Object(fields) => fields.map.get(name).filter(|value| !value.is_null()),
            _ => None,
        }
    }

    /// The blocks of this type in a body: a block may be a list, as plans have it, or an object.
    pub(super) fn blocks(&self, name: &str) -> Vec<Self> {
        match self.get(name) {
            None => Vec::new(),
            Some(value) => match &value.kind {
                Kind::List(items) => items.iter().filter(|item| !item.is_null()).cloned().collect(),
                _ => vec![value.clone()],
            },
        }
    }

    /// Whether nothing at all in it is unknown; not, if it is too large to tell.
    pub(super) fn is_whole(&self) -> bool {
        self.is_whole_within(&mut LOOKED_AT.max(1))
    }

    fn is_whole_within(&self, left: &mut usize) -> bool {
        if *left == 0 {
            return false;
        }
        *left -= 1;
        match &self.kind {
            Kind::Null | Kind::Bool(_) | Kind::Number(_) => true,
            Kind::Text(pieces) => pieces.iter().all(|piece| match &piece.part {
                Part::Literal(_) => true,
                Part::Hole(_) => false,
                Part::Json(value) => value.is_whole_within(left),
            }),
            Kind::Json(value) => value.is_whole_within(left),
            Kind::List(items) => items.iter().all(|item| item.is_whole_within(left)),
            Kind::Object(fields) => {
                fields.more.is_none() && fields.map.values().all(|value| value.is_whole_within(left))
            }
            Kind::Unknown(_) | Kind::More(_) | Kind::Fault(_) | Kind::Handle(_) => false,
        }
    }

    /// The value in a few words, for the name of a hole that depends on it. Different values have different words.
    pub(super) fn shown(&self) -> String {
        let mut out = String::new();
        let mut left = 20_000;
        self.show(&mut out, &mut left, 0);
        shortened(out)
    }

    fn show(&self, out: &mut String, left: &mut usize, depth: usize) {
        if *left == 0 || depth > DEPTH {
            out.push('…');
            return;
        }
        *left -= 1;
        match &self.kind {
            Kind::Null => out.push_str("null"),
            Kind::Bool(truth) => out.push_str(&truth.to_string()),
            Kind::Number(number) => out.push_str(&number.to_string()),
            Kind::Text(pieces) => {
                if let [Piece { part: Part::Hole(name), .. }] = &**pieces {
                    out.push_str(name);
                } else {
                    out.push('"');
                    for piece in &**pieces {
                        match &piece.part {
                            Part::Literal(text) => out.push_str(text),
                            Part::Hole(name) => {
                                out.push_str("${");
                                out.push_str(name);
                                out.push('}');
                            }
                            Part::Json(value) => value.show(out, left, depth + 1),
                        }
                    }
                    out.push('"');
                }
            }
            Kind::Json(value) => {
                out.push_str("jsonencode(");
                value.show(out, left, depth + 1);
                out.push(')');
            }
            Kind::List(items) => {
                out.push('[');
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        out.push_str(", ");
                    }
                    item.show(out, left, depth + 1);
                }
                out.push(']');
            }
            Kind::Object(fields) => {
                out.push('{');
                for (index, (name, value)) in fields.map.iter().enumerate() {
                    if index > 0 {
                        out.push_str(", ");
                    }
                    out.push_str(name);
                    out.push_str(" = ");
                    value.show(out, left, depth + 1);
                }
                if let Some(more) = &fields.more {
                    out.push_str("; ");
                    out.push_str(&more.why);
                }
                out.push('}');
            }
            Kind::Unknown(unknown) | Kind::Fault(unknown) => out.push_str(&unknown.why),
            Kind::More(unknown) => {
                out.push_str("...");
                out.push_str(&unknown.why);
            }
            Kind::Handle(handle) => {
                out.push_str(&format!("{}{}#{}", handle.name, handle.instance.suffix(), handle.module));
            }
        }
    }

    /// The value as front ends give it. What `left` does not allow any more becomes unknown.
    pub(super) fn node(&self, left: &mut usize) -> Node {
        self.node_within(left, 0)
    }

    fn node_within(&self, left: &mut usize, depth: usize) -> Node {
        let at = self.spot.map(Spot::at);
        if *left == 0 || depth > DEPTH {
            return Node::unknown("larger than what is read").written(at);
        }
        *left -= 1;
        let form = match &self.kind {
            Kind::Null => Form::Null,
            Kind::Bool(truth) => Form::Bool(*truth),
            Kind::Number(number) => Form::Number(number.clone()),
            Kind::Text(_) | Kind::Json(_) => {
                let text = self.as_text().unwrap_or_default();
                *left = left.saturating_sub(text.to_string().len() / 64);
                match text.parts() {
                    // Of a text that is nothing but a hole not even the kind is known.
                    [known::Part::Hole(name)] => Form::Unknown(Unknown { why: name.clone(), unblock: None }),
                    _ => Form::Text(text),
                }
            }
            Kind::List(items) => {
                let mut nodes = Vec::with_capacity(items.len().min(1 << 16));
                for item in items.iter() {
                    if *left == 0 {
                        nodes.push(Node::unknown("larger than what is read"));
                        break;
                    }
                    let node = match &item.kind {
                        // An unknown at the end of a list would say that there may be more of them.
                        Kind::Unknown(unknown) | Kind::Fault(unknown) => {
                            Node::new(Form::Text(Text::hole(unknown.why.clone()))).written(item.spot.map(Spot::at))
                        }
                        Kind::Text(pieces) if matches!(&**pieces, [Piece { part: Part::Hole(_), .. }]) => {
                            Node::new(Form::Text(text_of(pieces))).written(item.spot.map(Spot::at))
                        }
                        _ => item.node_within(left, depth + 1),
                    };
                    nodes.push(node);
                }
                Form::List(nodes)
            }
            Kind::Object(fields) => {
                let mut nodes = Vec::new();
                for (name, value) in &fields.map {
                    if *left == 0 {
                        break;
                    }
                    nodes.push((name.clone(), value.node_within(left, depth + 1)));
                }
                Form::Object(nodes)
            }
            Kind::Unknown(unknown) | Kind::More(unknown) | Kind::Fault(unknown) => Form::Unknown((**unknown).clone()),
            Kind::Handle(handle) => {
                let why = format!("{}{}", handle.name, handle.instance.suffix());
                Form::Unknown(Unknown { why, unblock: None })
            }
        };
        Node { form, at }
    }

    /// A value that a JSON text spelled.
    pub(super) fn of_node(node: &Node, spot: Option<Spot>) -> Self {
        let own = node.at.as_ref().and_then(|at| match at.span {
            Where::Bytes(start, end) => Some(Spot { file: at.file, start, end }),
            Where::Pointer(_) => None,
        });
        let spot = own.or(spot);
        let kind = match &node.form {
            Form::Null => Kind::Null,
            Form::Bool(truth) => Kind::Bool(*truth),
            Form::Number(number) => Kind::Number(number.clone()),
            Form::Text(text) => return Self::of_text(text, spot),
            Form::Unknown(unknown) => Kind::Unknown(Rc::new(unknown.clone())),
            Form::List(items) => Kind::List(Rc::new(items.iter().map(|item| Self::of_node(item, spot)).collect())),
            Form::Object(fields) => {
                let map = fields.iter().map(|(name, node)| (name.clone(), Self::of_node(node, spot))).collect();
                Kind::Object(Rc::new(Fields { map, more: None }))
            }
        };
        Self { kind, spot }
    }
}

/// Cut to a length, with a fingerprint of what was cut off.
pub(super) fn shortened(text: String) -> String {
    if text.len() <= SHOWN {
        return text;
    }
    use sha2::Digest;
    let digest = sha2::Sha256::digest(text.as_bytes());
    let mut end = SHOWN - 20;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let mark: String = digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    format!("{}…#{mark}", text.get(..end).unwrap_or_default())
}

/// The pieces as one text; encoded values are spelled out.
pub(super) fn text_of(pieces: &[Piece]) -> Text {
    let mut parts = Vec::new();
    for piece in pieces {
        match &piece.part {
            Part::Literal(text) => parts.push(known::Part::Literal(text.to_string())),
            Part::Hole(name) => parts.push(known::Part::Hole(name.to_string())),
            Part::Json(value) => {
                let mut left = 200_000;
                spell(value, &mut parts, &mut left, 0);
            }
        }
    }
    Text::from_parts(parts)
}

/// The JSON of a value, as `jsonencode` prints it.
fn spell(value: &Value, out: &mut Vec<known::Part>, left: &mut usize, depth: usize) {
    let mut say = |text: &str| match out.last_mut() {
        Some(known::Part::Literal(last)) => last.push_str(text),
        _ => out.push(known::Part::Literal(text.to_owned())),
    };
    if *left == 0 || depth > DEPTH {
        out.push(known::Part::Hole("larger than what is read".to_owned()));
        return;
    }
    *left -= 1;
    match &value.kind {
        Kind::Null => say("null"),
        Kind::Bool(truth) => say(&truth.to_string()),
        Kind::Number(number) => say(&number.to_string()),
        Kind::Text(_) | Kind::Json(_) => {
            say("\"");
            for part in value.as_text().unwrap_or_default().parts() {
                match part {
                    known::Part::Literal(text) => {
                        let quoted = serde_json::Value::String(text.clone()).to_string();
                        let inner = quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default().to_owned();
                        out.push(known::Part::Literal(inner));
                    }
                    hole @ known::Part::Hole(_) => out.push(hole.clone()),
                }
            }
            out.push(known::Part::Literal("\"".to_owned()));
        }
        Kind::Unknown(unknown) | Kind::More(unknown) | Kind::Fault(unknown) => {
            out.push(known::Part::Hole(unknown.why.clone()));
        }
        Kind::Handle(handle) => out.push(known::Part::Hole(handle.name.to_string())),
        Kind::List(items) => {
            say("[");
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(known::Part::Literal(",".to_owned()));
                }
                spell(item, out, left, depth + 1);
                if *left == 0 {
                    break;
                }
            }
            out.push(known::Part::Literal("]".to_owned()));
        }
        Kind::Object(fields) => {
            say("{");
            for (index, (name, value)) in fields.map.iter().enumerate() {
                let comma = if index > 0 { "," } else { "" };
                let quoted = serde_json::Value::String(name.clone());
                out.push(known::Part::Literal(format!("{comma}{quoted}:")));
                spell(value, out, left, depth + 1);
                if *left == 0 {
                    break;
                }
            }
            out.push(known::Part::Literal("}".to_owned()));
        }
    }
}

/// The pieces as the parser of JSON takes them.
pub(super) fn json_pieces(pieces: &[Piece], left: &mut usize) -> Vec<JsonPiece> {
    let each = pieces.iter().map(|piece| JsonPiece {
        part: match &piece.part {
            Part::Literal(text) => PiecePart::Literal(text.to_string()),
            Part::Hole(name) => PiecePart::Hole(name.to_string()),
            Part::Json(value) => PiecePart::Value(value.node(left)),
        },
        at: piece.spot.map(Spot::at),
    });
    each.collect()
}

/// Whether two values are the same; `None` if that depends on what is not known.
pub(super) fn same(one: &Value, other: &Value) -> Option<bool> {
    same_within(one, other, &mut LOOKED_AT.max(1), 0)
}

fn same_within(one: &Value, other: &Value, left: &mut usize, depth: usize) -> Option<bool> {
    if depth > DEPTH || *left == 0 {
        return None;
    }
    *left -= 1;
    match (&one.kind, &other.kind) {
        (Kind::Null, Kind::Null) => Some(true),
        (Kind::Bool(one), Kind::Bool(other)) => Some(one == other),
        (Kind::Number(_), Kind::Number(_)) => Some(one.as_number() == other.as_number()),
        (Kind::Unknown(one), Kind::Unknown(other)) if one.why == other.why => Some(true),
        (Kind::Unknown(_) | Kind::More(_) | Kind::Fault(_) | Kind::Handle(_), _)
        | (_, Kind::Unknown(_) | Kind::More(_) | Kind::Fault(_) | Kind::Handle(_)) => {
            match (one.as_text(), other.as_text()) {
                (Some(left), Some(right)) if left == right => Some(true),
                _ => None,
            }
        }
        (Kind::List(ours), Kind::List(theirs)) => {
            if Rc::ptr_eq(ours, theirs) && one.is_whole() {
                return Some(true);
            }
            if ours.len() != theirs.len() {
                let more = ours.iter().chain(theirs.iter()).any(|item| matches!(item.kind, Kind::More(_)));
                return if more { None } else { Some(false) };
            }
            all(ours.iter().zip(theirs.iter()).map(|(one, other)| same_within(one, other, left, depth + 1)))
        }
        (Kind::Object(ours), Kind::Object(theirs)) => {
            if ours.more.is_some() || theirs.more.is_some() {
                return None;
            }
            if !ours.map.keys().eq(theirs.map.keys()) {
                return Some(false);
            }
            all(ours.map.values().zip(theirs.map.values()).map(|(one, other)| same_within(one, other, left, depth + 1)))
        }
        (Kind::Null | Kind::List(_) | Kind::Object(_), _) | (_, Kind::Null | Kind::List(_) | Kind::Object(_)) => {
            Some(false)
        }
        _ => match (one.as_text(), other.as_text()) {
            (Some(left), Some(right)) => match left.same_as(&right) {
                known::Truth::True => Some(true),
                known::Truth::False => Some(false),
                known::Truth::Unknown => None,
            },
            _ => None,
        },
    }
}

fn all(truths: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let mut known = Some(true);
    for truth in truths {
        match truth {
            Some(false) => return Some(false),
            None => known = None,
            Some(true) => {}
        }
    }
    known
}
