//! JSON inside texts of templates: read with the place of every value, and written.
//!
//! A policy, a manifest or a state machine may be one text, or put together by `Fn::Join` and
//! `Fn::Sub`. Its pieces keep where they stand, letter by letter, so that what is inside has places.

use super::evaluate::{Piece as Substitution, Scope, Variables, substitutions};
use super::template::fields;
use crate::known::{Part, Text};
use crate::read::code::json::{self, Fault, Piece, PiecePart};
use crate::read::code::{At, Form, Node, Where};

/// The longest text of which every letter has its own place.
const FOLLOWED: usize = 256 << 10;

/// The value that an expression spells as JSON. What is an object or a list already is evaluated.
pub(super) fn parse(scope: &Scope<'_, '_>, expression: &Node) -> Result<Node, Fault> {
    parse_with(scope, expression, &Variables::new())
}

/// The same, with variables that stand in the text as `${name}`.
pub(super) fn parse_with(scope: &Scope<'_, '_>, expression: &Node, variables: &Variables) -> Result<Node, Fault> {
    let mut pieces = Vec::new();
    if !collect(scope, expression, &mut pieces) {
        return Ok(scope.evaluate(expression));
    }
    if !variables.is_empty() {
        pieces = pieces.into_iter().flat_map(|piece| replace(piece, variables)).collect();
    }
    let mut node = json::parse(&pieces)?;
    super::template::shorten(&mut node, &scope.template().text);
    Ok(node)
}

/// The pieces of a text; `false` if the expression is no text.
fn collect(scope: &Scope<'_, '_>, expression: &Node, pieces: &mut Vec<Piece>) -> bool {
    let Form::Object(fields) = &expression.form else {
        if !matches!(expression.form, Form::Text(_)) {
            return false;
        }
        literal(scope, expression, pieces);
        return true;
    };
    match fields.as_slice() {
        [(key, argument)] if key == "Fn::Join" => {
            let [delimiter, list] = argument.items() else { return false };
            if delimiter.as_str() != Some("") && delimiter.as_str() != Some("\n") || list.items().is_empty() {
                return evaluated(scope, expression, pieces);
            }
            for (number, item) in list.items().iter().enumerate() {
                if number > 0 && delimiter.as_str() != Some("") {
                    pieces.push(Piece { part: PiecePart::Literal("\n".into()), at: None });
                }
                if !(is_text(item) && collect(scope, item, pieces)) {
                    evaluated(scope, item, pieces);
                }
            }
            true
        }
        [(key, argument)] if key == "Fn::Sub" => {
            let (template, variables) = match argument.items() {
                [template, map, ..] => (template, map.clone()),
                [template] => (template, Node::new(Form::Null)),
                [] => (argument, Node::new(Form::Null)),
            };
            if template.as_str().is_none() {
                return evaluated(scope, expression, pieces);
            }
            let variables = self::fields(variables).map(|(name, node)| (name, scope.evaluate(&node))).collect();
            let mut own = Vec::new();
            literal(scope, template, &mut own);
            for piece in joined(own) {
                pieces.extend(substitute(scope, piece, &variables));
            }
            true
        }
        [(key, _)] if super::evaluate::is_intrinsic(key) => evaluated(scope, expression, pieces),
        _ => false,
    }
}

fn is_text(node: &Node) -> bool {
    match &node.form {
        Form::Text(_) => true,
        Form::Object(fields) => matches!(fields.as_slice(), [(key, _)] if key == "Fn::Join" || key == "Fn::Sub"),
        _ => false,
    }
}

/// The pieces of what an expression is evaluated to; `false` if that is no text.
fn evaluated(scope: &Scope<'_, '_>, expression: &Node, pieces: &mut Vec<Piece>) -> bool {
    let value = scope.evaluate(expression);
    let Some(text) = value.as_text() else { return false };
    spell(&text, value.at.as_ref(), pieces);
    true
}

/// A text of which the inner places are not known.
fn spell(text: &Text, at: Option<&At>, pieces: &mut Vec<Piece>) {
    for part in text.parts() {
        let part = match part {
            Part::Literal(literal) => PiecePart::Literal(literal.clone()),
            Part::Hole(hole) => PiecePart::Hole(hole.clone()),
        };
        pieces.push(Piece { part, at: at.cloned() });
    }
}

/// A text as it stands in the template: stretches that stand there letter by letter, and those
/// that are written otherwise.
fn literal(scope: &Scope<'_, '_>, node: &Node, pieces: &mut Vec<Piece>) {
    let Form::Text(text) = &node.form else { return };
    let (Some(content), Some(At { file, span: Where::Bytes(start, end) })) = (text.as_str(), &node.at) else {
        spell(text, node.at.as_ref(), pieces);
        return;
    };
    let template = scope.world.templates.get(*file as usize).filter(|template| template.file == *file);
    let source = template.and_then(|template| template.text.get(*start as usize..*end as usize)).unwrap_or_default();
    // A long text is not followed letter by letter.
    if content.len() > FOLLOWED {
        spell(text, node.at.as_ref(), pieces);
        return;
    }
    let mut at = 0;
    let mut rest = content;
    let place = |from: usize, to: usize| {
        let byte = |offset: usize| start.saturating_add(u32::try_from(offset).unwrap_or(u32::MAX));
        Some(At { file: *file, span: Where::Bytes(byte(from), byte(to)) })
    };
    let mut found = Vec::new();
    // Content and source agree except for quotes, escapes, indentation and folded lines: where
    // they part, the next stretch is looked for a little further on.
    while !rest.is_empty() {
        let from = source.get(at..).unwrap_or_default();
        let same = agreement(rest, from);
        if same > 0 {
            found.push(Piece { part: PiecePart::Literal(rest[..same].to_owned()), at: place(at, at + same) });
            at += same;
            rest = &rest[same..];
            continue;
        }
        let Some((taken, skipped)) = resume(rest, from) else {
            found.push(Piece { part: PiecePart::Literal(rest.to_owned()), at: node.at.clone() });
            break;
        };
        if taken > 0 {
            found.push(Piece { part: PiecePart::Literal(rest[..taken].to_owned()), at: place(at, at + skipped) });
            rest = &rest[taken..];
        }
        at += skipped;
    }
    pieces.extend(found);
}

/// How many bytes the texts begin with alike. A backslash of the source is an escape.
fn agreement(content: &str, source: &str) -> usize {
    let alike = |(a, b): &(char, char)| a == b && *b != '\\';
    content.chars().zip(source.chars()).take_while(alike).map(|(letter, _)| letter.len_utf8()).sum()
}

/// Where content and source meet again: how much of each lies before.
fn resume(content: &str, source: &str) -> Option<(usize, usize)> {
    let first = content.chars().next()?;
    let mut letters = source.char_indices();
    let (_, skipped) = letters.next()?;
    let after = |count: usize| source.char_indices().nth(count).map_or(source.len(), |(at, _)| at);
    match skipped {
        // An escape of a string in double quotes: `\"`, `\n`, `\u0041`, or a folded line.
        '\\' => {
            let letter = source.chars().nth(1)?;
            Some(match letter {
                'u' => (first.len_utf8(), after(6)),
                'U' => (first.len_utf8(), after(10)),
                'x' => (first.len_utf8(), after(4)),
                '\n' | '\r' => (0, source.len() - source.get(1..)?.trim_start().len()),
                _ => (first.len_utf8(), after(2)),
            })
        }
        // A quote that is doubled, or the quote at the beginning.
        '\'' if first == '\'' => Some((1, 2)),
        '"' | '\'' => Some((0, 1)),
        // The head of a block: everything up to its first line.
        '|' | '>' => {
            let line = source.find('\n')? + 1;
            let indent = source.get(line..)?.len() - source.get(line..)?.trim_start_matches([' ', '\n', '\r']).len();
            Some((0, line + indent))
        }
        // Indentation, or lines that were folded into one.
        ' ' | '\n' | '\r' | '\t' => {
            let skipped = source.len() - source.trim_start().len();
            let taken = if first == ' ' || first == '\n' { first.len_utf8() } else { 0 };
            Some((taken, skipped.max(1)))
        }
        _ => None,
    }
}

/// Neighbouring stretches of a text as one, for `${…}` that begins in one and ends in the next.
fn joined(pieces: Vec<Piece>) -> Vec<Piece> {
    let mut out: Vec<Piece> = Vec::with_capacity(pieces.len());
    let mut open = false;
    for piece in pieces {
        let PiecePart::Literal(tail) = &piece.part else {
            open = false;
            out.push(piece);
            continue;
        };
        let was_open = open;
        let rest = tail.rfind('}').map_or(tail.as_str(), |end| tail.get(end..).unwrap_or_default());
        let closes = tail.contains('}');
        open = was_open && !closes || rest.contains("${") || rest.ends_with('$');
        match out.last_mut() {
            Some(Piece { part: PiecePart::Literal(head), at }) if was_open => {
                head.push_str(tail);
                if let (Some(At { span: Where::Bytes(_, end), .. }), Some(At { span: Where::Bytes(_, to), .. })) =
                    (at, &piece.at)
                {
                    *end = *to;
                }
            }
            _ => out.push(piece),
        }
    }
    out
}

/// A stretch of the text of a `Fn::Sub`, with what stands for its names.
fn substitute(scope: &Scope<'_, '_>, piece: Piece, variables: &Variables) -> Vec<Piece> {
    let PiecePart::Literal(text) = &piece.part else { return vec![piece] };
    let mut out = Vec::new();
    for stretch in substitutions(text) {
        match stretch {
            Substitution::Literal("") => {}
            Substitution::Literal(literal) => {
                out.push(Piece { part: PiecePart::Literal(literal.to_owned()), at: inside(&piece, literal) });
            }
            Substitution::Name(name) => {
                let value = scope.substitute(name, variables);
                spell(&scope.text_of(&value), inside(&piece, name).as_ref(), &mut out);
            }
        }
    }
    out
}

/// A stretch in which `${name}` stands for variables, and for nothing else.
fn replace(piece: Piece, variables: &Variables) -> Vec<Piece> {
    let PiecePart::Literal(text) = &piece.part else { return vec![piece] };
    let mut out = Vec::new();
    let mut rest = text.as_str();
    while let Some(at) = rest.find("${") {
        let (before, from) = rest.split_at(at);
        let Some(end) = from.find('}') else { break };
        let (name, after) = (from.get(2..end).unwrap_or_default(), from.get(end + 1..).unwrap_or_default());
        out.push(Piece { part: PiecePart::Literal(before.to_owned()), at: inside(&piece, before) });
        match variables.get(name) {
            Some(value) => spell(&super::evaluate::text_or(value), inside(&piece, name).as_ref(), &mut out),
            None => {
                let whole = from.get(..=end).unwrap_or_default();
                out.push(Piece { part: PiecePart::Literal(whole.to_owned()), at: inside(&piece, whole) });
            }
        }
        rest = after;
    }
    out.push(Piece { part: PiecePart::Literal(rest.to_owned()), at: inside(&piece, rest) });
    out
}

/// The place of a part of a piece, which must be a slice of its text.
fn inside(piece: &Piece, part: &str) -> Option<At> {
    let at = piece.at.as_ref()?;
    let (PiecePart::Literal(text), Where::Bytes(start, end)) = (&piece.part, &at.span) else { return Some(at.clone()) };
    let offset = (part.as_ptr() as usize).checked_sub(text.as_ptr() as usize);
    match offset.and_then(|offset| u32::try_from(offset).ok()) {
        Some(offset) if text.len() == (end - start) as usize && offset as usize + part.len() <= text.len() => {
            let from = start + offset;
            let to = from + u32::try_from(part.len()).unwrap_or_default();
            Some(At { file: at.file, span: Where::Bytes(from, to) })
        }
        _ => Some(at.clone()),
    }
}

/// A value as JSON; what is not known is a hole.
pub(super) fn print(node: &Node) -> Text {
    let mut parts = Vec::new();
    write(node, &mut parts);
    Text::from_parts(parts)
}

fn write(node: &Node, out: &mut Vec<Part>) {
    let mut push = |text: &str| out.push(Part::Literal(text.to_owned()));
    match &node.form {
        Form::Null => push("null"),
        Form::Bool(truth) => push(&truth.to_string()),
        Form::Number(number) => push(&number.to_string()),
        // What CloudFormation puts in is a text.
        Form::Unknown(unknown) => {
            push("\"");
            out.push(Part::Hole(unknown.why.clone()));
            out.push(Part::Literal("\"".into()));
        }
        Form::Text(text) => {
            push("\"");
            for part in text.parts() {
                match part {
                    Part::Literal(literal) => {
                        let quoted = serde_json::Value::from(literal.as_str()).to_string();
                        let inner = quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default();
                        out.push(Part::Literal(inner.to_owned()));
                    }
                    hole @ Part::Hole(_) => out.push(hole.clone()),
                }
            }
            out.push(Part::Literal("\"".into()));
        }
        Form::List(items) => {
            push("[");
            for (number, item) in items.iter().enumerate() {
                if number > 0 {
                    out.push(Part::Literal(",".into()));
                }
                write(item, out);
            }
            out.push(Part::Literal("]".into()));
        }
        Form::Object(fields) => {
            push("{");
            let fields = fields.iter().filter(|(_, node)| !matches!(node.form, Form::Null));
            for (number, (key, node)) in fields.enumerate() {
                if number > 0 {
                    out.push(Part::Literal(",".into()));
                }
                out.push(Part::Literal(format!("{}:", serde_json::Value::from(key.as_str()))));
                write(node, out);
            }
            out.push(Part::Literal("}".into()));
        }
    }
}
