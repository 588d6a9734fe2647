//! JSON that was put together from pieces of text, with the place of every value.
//!
//! Policies, state machines and manifests often stand as JSON inside a string of another language:
//! in a heredoc, a `Fn::Join`, a plan. Such a text comes here as pieces, each with where it was
//! written: literal stretches, holes, and values that another function had encoded. A hole inside a
//! string is a hole of that string; a hole where a value belongs is a value that is not known.
//!
//! Deliberately absent: leniency. What `serde_json` refuses is refused here, and a key written twice.

use super::{At, Form, Node, Where};
use crate::known::{Part, Text, Unknown};
use serde_json::Number;

/// How deep a text may be nested.
const DEPTH: usize = 128;

/// A stretch of a text.
#[derive(Clone, Debug)]
pub(crate) struct Piece {
    /// What stands there.
    pub(crate) part: PiecePart,
    /// Where it was written. A literal as long as its range of bytes stands there letter by letter.
    pub(crate) at: Option<At>,
}

/// What a stretch of a text is.
#[derive(Clone, Debug)]
pub(crate) enum PiecePart {
    /// These characters.
    Literal(String),
    /// Any characters, the same wherever this name stands.
    Hole(String),
    /// The JSON of this value.
    Value(Node),
}

/// Why a text is no JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// What is wrong, lowercase and without a period.
    pub(crate) message: String,
    /// Where.
    pub(crate) at: Option<At>,
}

/// The value that the pieces spell.
pub(crate) fn parse(pieces: &[Piece]) -> Result<Node, Fault> {
    let mut parser = Parser::of(pieces);
    parser.blank();
    let node = parser.value(0)?;
    parser.blank();
    if parser.at < parser.text.len() {
        return Err(parser.fault("something follows the end of the value"));
    }
    Ok(node)
}

/// Stands in the rendered text for whatever is no literal; which one it is, its offset tells.
const STAND_IN: char = '\u{f8ff}';

struct Parser<'p> {
    pieces: &'p [Piece],
    text: String,
    /// Where in the rendered text each piece begins.
    starts: Vec<usize>,
    at: usize,
}

impl<'p> Parser<'p> {
    fn of(pieces: &'p [Piece]) -> Self {
        let mut text = String::new();
        let mut starts = Vec::with_capacity(pieces.len());
        for piece in pieces {
            starts.push(text.len());
            match &piece.part {
                PiecePart::Literal(literal) => text.push_str(literal),
                PiecePart::Hole(_) | PiecePart::Value(_) => text.push(STAND_IN),
            }
        }
        Self { pieces, text, starts, at: 0 }
    }

    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn blank(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn fault(&self, message: impl Into<String>) -> Fault {
        Fault { message: message.into(), at: self.place(self.at, self.at + 1) }
    }

    /// The number of the piece that holds an offset of the rendered text, skipping empty ones.
    fn piece(&self, offset: usize) -> Option<usize> {
        self.starts.partition_point(|start| *start <= offset).checked_sub(1)
    }

    /// The place of an offset, and whether it is exact.
    fn source(&self, offset: usize) -> Option<(u32, u32, u32)> {
        let index = self.piece(offset)?;
        let (piece, start) = (self.pieces.get(index)?, *self.starts.get(index)?);
        let at = piece.at.as_ref()?;
        let Where::Bytes(from, to) = at.span else { return None };
        if let PiecePart::Literal(literal) = &piece.part
            && literal.len() == (to.saturating_sub(from)) as usize
        {
            let here = from + u32::try_from(offset - start).ok()?;
            return Some((at.file, here, here + 1));
        }
        Some((at.file, from, to))
    }

    /// The place of a stretch of the rendered text; of its beginning, where it spans several files.
    fn place(&self, start: usize, end: usize) -> Option<At> {
        let last = end.min(self.text.len()).saturating_sub(1).max(start);
        match (self.source(start), self.source(last)) {
            (Some((file, from, _)), Some((other, _, to))) if file == other && to > from => {
                Some(At { file, span: Where::Bytes(from, to) })
            }
            (Some((file, from, to)), _) | (None, Some((file, from, to))) => {
                Some(At { file, span: Where::Bytes(from, to) })
            }
            (None, None) => {
                let piece = self.pieces.get(self.piece(start.min(self.text.len().saturating_sub(1)))?)?;
                piece.at.clone()
            }
        }
    }

    /// The piece that is no literal and stands at the current offset.
    fn stand_in(&self) -> Option<&'p Piece> {
        if !self.rest().starts_with(STAND_IN) {
            return None;
        }
        let piece = self.pieces.get(self.piece(self.at)?)?;
        (!matches!(piece.part, PiecePart::Literal(_))).then_some(piece)
    }

    fn value(&mut self, depth: usize) -> Result<Node, Fault> {
        if depth > DEPTH {
            return Err(self.fault(format!("nested more than {DEPTH} deep")));
        }
        let start = self.at;
        if let Some(piece) = self.stand_in() {
            self.at += STAND_IN.len_utf8();
            let node = match &piece.part {
                PiecePart::Value(node) => node.clone(),
                PiecePart::Hole(name) => Node::unknown(name.clone()),
                PiecePart::Literal(_) => Node::new(Form::Null),
            };
            // A number of which only a part is known, or a list of which the items were joined.
            if matches!(self.peek(), Some(b'0'..=b'9' | b'.')) {
                self.word();
            }
            let at = node.at.clone().or_else(|| self.place(start, self.at));
            return Ok(node.written(at));
        }
        let form = match self.peek() {
            Some(b'{') => self.object(depth)?,
            Some(b'[') => self.list(depth)?,
            Some(b'"') => Form::Text(self.string()?),
            Some(b't') if self.word() == "true" => Form::Bool(true),
            Some(b'f') if self.word() == "false" => Form::Bool(false),
            Some(b'n') if self.word() == "null" => Form::Null,
            Some(b'-' | b'0'..=b'9') => self.number()?,
            Some(_) => {
                self.at = start;
                return Err(self.fault("a value is expected here"));
            }
            None => return Err(self.fault("the text ends in the middle")),
        };
        Ok(Node { form, at: self.place(start, self.at) })
    }

    /// Letters, digits and signs up to what ends a word.
    fn word(&mut self) -> &str {
        let start = self.at;
        while matches!(self.peek(), Some(b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'+' | b'-')) {
            self.at += 1;
        }
        self.text.get(start..self.at).unwrap_or_default()
    }

    fn number(&mut self) -> Result<Form, Fault> {
        let start = self.at;
        let word = self.word().to_owned();
        if let Some(piece) = self.stand_in()
            && let PiecePart::Hole(name) = &piece.part
        {
            self.at += STAND_IN.len_utf8();
            self.word();
            return Ok(Form::Unknown(Unknown { why: name.clone(), unblock: None }));
        }
        match serde_json::from_str::<Number>(&word) {
            Ok(number) => Ok(Form::Number(number)),
            Err(_) => {
                self.at = start;
                Err(self.fault("this is no number"))
            }
        }
    }

    fn list(&mut self, depth: usize) -> Result<Form, Fault> {
        self.at += 1;
        let mut items = Vec::new();
        self.blank();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Form::List(items));
        }
        loop {
            self.blank();
            items.push(self.value(depth + 1)?);
            self.blank();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    return Ok(Form::List(items));
                }
                None => return Err(self.fault("the text ends in the middle")),
                Some(_) => return Err(self.fault("`,` or `]` is expected here")),
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<Form, Fault> {
        self.at += 1;
        let mut fields: Vec<(String, Node)> = Vec::new();
        let mut seen = std::collections::HashSet::new();
        self.blank();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Form::Object(fields));
        }
        loop {
            self.blank();
            let start = self.at;
            if self.peek() != Some(b'"') {
                let what = if self.peek().is_none() { "the text ends in the middle" } else { "a key is expected here" };
                return Err(self.fault(what));
            }
            let key = self.string()?.to_string();
            if !seen.insert(key.clone()) {
                self.at = start;
                return Err(self.fault(format!("the key `{key}` stands here a second time")));
            }
            self.blank();
            if self.peek() != Some(b':') {
                return Err(self.fault("`:` is expected here"));
            }
            self.at += 1;
            self.blank();
            fields.push((key, self.value(depth + 1)?));
            self.blank();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Ok(Form::Object(fields));
                }
                None => return Err(self.fault("the text ends in the middle")),
                Some(_) => return Err(self.fault("`,` or `}` is expected here")),
            }
        }
    }

    fn string(&mut self) -> Result<Text, Fault> {
        self.at += 1;
        let mut parts = Vec::new();
        let mut literal = String::new();
        loop {
            let run = self.rest().find(['"', '\\', STAND_IN]).unwrap_or(self.rest().len());
            let plain = self.rest().get(..run).unwrap_or_default();
            if let Some(bad) = plain.find(|letter: char| letter < ' ') {
                self.at += bad;
                return Err(self.fault("a line break or a control character stands inside a string"));
            }
            literal.push_str(plain);
            self.at += run;
            match self.peek() {
                None => return Err(self.fault("the text ends in the middle of a string")),
                Some(b'"') => {
                    self.at += 1;
                    parts.push(Part::Literal(literal));
                    return Ok(Text::from_parts(parts));
                }
                Some(b'\\') => literal.push(self.escape()?),
                Some(_) => match self.stand_in().map(|piece| &piece.part) {
                    Some(PiecePart::Hole(name)) => {
                        parts.push(Part::Literal(std::mem::take(&mut literal)));
                        parts.push(Part::Hole(name.clone()));
                        self.at += STAND_IN.len_utf8();
                    }
                    Some(_) => return Err(self.fault("an encoded value stands inside a string")),
                    None => {
                        literal.push(STAND_IN);
                        self.at += STAND_IN.len_utf8();
                    }
                },
            }
        }
    }

    fn escape(&mut self) -> Result<char, Fault> {
        let start = self.at;
        self.at += 1;
        let letter = match self.peek() {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                self.at += 1;
                let unit = self.unit(start)?;
                if (0xd800..0xdc00).contains(&unit) && self.rest().starts_with("\\u") {
                    self.at += 2;
                    let low = self.unit(start)?;
                    let both = char::decode_utf16([unit, low]).next().and_then(Result::ok);
                    return both.ok_or_else(|| self.fault("half of a character"));
                }
                return char::from_u32(u32::from(unit)).ok_or_else(|| self.fault("half of a character"));
            }
            _ => {
                self.at = start;
                return Err(self.fault("`\\` is followed by what it does not escape"));
            }
        };
        self.at += 1;
        Ok(letter)
    }

    fn unit(&mut self, start: usize) -> Result<u16, Fault> {
        let digits = self.rest().get(..4).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        match digits.and_then(|digits| u16::from_str_radix(digits, 16).ok()) {
            Some(unit) => {
                self.at += 4;
                Ok(unit)
            }
            None => {
                self.at = start;
                Err(self.fault("`\\u` takes four hexadecimal digits"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn literal(text: &str, from: u32) -> Piece {
        let to = from + u32::try_from(text.len()).unwrap();
        Piece { part: PiecePart::Literal(text.into()), at: Some(At { file: 0, span: Where::Bytes(from, to) }) }
    }

    fn hole(name: &str, from: u32, to: u32) -> Piece {
        Piece { part: PiecePart::Hole(name.into()), at: Some(At { file: 0, span: Where::Bytes(from, to) }) }
    }

    fn value(node: Node) -> (Value, Vec<(String, String)>) {
        let mut places = Vec::new();
        let value = node.into_value(&mut String::new(), &mut |pointer: &str, at: &At| {
            places.push((pointer.to_owned(), at.span.pointer()));
        });
        (value, places)
    }

    #[test]
    fn holes_and_places() {
        let pieces = [
            literal("{\"a\": \"x", 100),
            hole("var.y", 108, 116),
            literal("z\", \"b\": ", 116),
            hole("var.b", 125, 133),
            literal("}", 133),
        ];
        let (found, places) = value(parse(&pieces).unwrap());
        assert_eq!(found, json!({"a": {"$text": ["x", {"$unknown": "var.y"}, "z"]}, "b": {"$unknown": "var.b"}}));
        let at = |pointer: &str| places.iter().find(|(at, _)| at == pointer).map(|(_, place)| place.as_str());
        assert_eq!((at(""), at("/a"), at("/b")), (Some("@100-134"), Some("@106-118"), Some("@125-133")));
    }

    #[test]
    fn encoded_values_stand_where_they_were_spliced_in() {
        let inner = Node::new(Form::List(vec![Node::text("q")]));
        let pieces = [literal("{\"a\":", 0), Piece { part: PiecePart::Value(inner), at: None }, literal("}", 20)];
        assert_eq!(value(parse(&pieces).unwrap()).0, json!({"a": ["q"]}));
    }

    #[test]
    fn faults_say_what_and_where() {
        let deep = "[".repeat(1000);
        for (text, message, at) in [
            ("{\"a\": 1,}", "a key is expected here", 8),
            ("{\"a\": 1, \"a\": 2}", "the key `a` stands here a second time", 9),
            ("[1", "the text ends in the middle", 2),
            ("tru", "a value is expected here", 0),
            ("\"a\nb\"", "a line break or a control character stands inside a string", 2),
            (deep.as_str(), "nested more than 128 deep", 129),
        ] {
            let fault = parse(&[literal(text, 0)]).unwrap_err();
            assert_eq!(fault.message, message, "{text:.30}");
            let Some(Where::Bytes(from, _)) = fault.at.map(|at| at.span) else { panic!("no place for {text:.30}") };
            assert_eq!(from as usize, at.min(text.len()), "{text:.30}");
        }
    }

    proptest! {
        #[test]
        fn agrees_with_serde_json(text in r#"[\[\]{}:,"a1eu.\\ \-tr0]{0,40}"#) {
            let ours = parse(&[literal(&text, 0)]).ok().map(|node| value(node).0);
            let theirs = serde_json::from_str::<Value>(&text).ok();
            match (ours, theirs) {
                (Some(ours), Some(theirs)) => {
                    let without_nulls = theirs.to_string().replace("null", "");
                    let shown = ours.to_string();
                    prop_assert!(theirs.to_string().contains("null") || shown == without_nulls);
                }
                (Some(ours), None) => prop_assert!(false, "only we accept {text:?} as {ours}"),
                (None, Some(theirs)) => prop_assert!(theirs.to_string().matches('"').count() < text.matches('"').count()),
                (None, None) => {}
            }
        }
    }
}
