//! YAML as JSON values, within limits.
//!
//! Plain scalars are read by the core schema of YAML 1.2 (`on` and `no` are words, `0o17` is a
//! number), merge keys are followed, unknown tags are ignored, keys written twice are refused. A
//! number that a JSON number would not keep to its last digit stays the text that it was.
//!
//! Deliberately absent: places. They are looked up afterwards, for the few that are shown.

use saphyr_parser::{Event, Parser, ScalarStyle, Span, Tag};
use serde_json::{Map, Number, Value};
use std::collections::BTreeMap;

/// How deep a document may be nested.
pub const DEPTH: usize = 128;
/// How many values a text may hold, those of expanded aliases included.
pub const NODES: usize = 2_000_000;
/// How many values the aliases of a text may expand to.
pub const ALIAS_NODES: usize = 100_000;

/// Why a text could not be read, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct YamlFault {
    /// What is wrong, lowercase and without a period.
    pub message: String,
    /// The line, from 1.
    pub line: usize,
    /// The column in it, from 1.
    pub column: usize,
}

/// The documents of a text, up to the first fault.
pub fn documents(text: &str) -> (Vec<Value>, Option<YamlFault>) {
    let mut builder = Builder::default();
    let fault = builder.run(text).err();
    (builder.documents, fault)
}

/// A key that stands a second time in its mapping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Repeated {
    /// The key.
    pub(crate) key: String,
    /// The line of the second one, from 1.
    pub(crate) line: usize,
    /// The column in it, from 1.
    pub(crate) column: usize,
}

/// The documents of a text that somebody wrote: of keys that stand twice the last counts, as it does
/// for most programs, and they are told.
pub(crate) fn lenient(text: &str) -> (Vec<Value>, Vec<Repeated>, Option<YamlFault>) {
    let mut builder = Builder { repeated: Some(Vec::new()), ..Builder::default() };
    let fault = builder.run(text).err();
    (builder.documents, builder.repeated.unwrap_or_default(), fault)
}

/// How many keys that stand twice are told of a text.
const REPEATED: usize = 100;

#[derive(Default)]
struct Builder {
    documents: Vec<Value>,
    open: Vec<Open>,
    anchors: BTreeMap<usize, (Value, usize)>,
    nodes: usize,
    alias_nodes: usize,
    /// How many values are held for aliases.
    anchored: usize,
    /// Where keys that stand twice are no fault, those that do.
    repeated: Option<Vec<Repeated>>,
}

/// A collection that is not finished yet.
struct Open {
    anchor: usize,
    /// How many values were counted before it began.
    before: usize,
    place: Span,
    content: Content,
}

enum Content {
    List(Vec<Value>),
    Map { map: Map<String, Value>, key: Option<String>, merged: Vec<Value> },
}

impl Builder {
    fn run(&mut self, text: &str) -> Result<(), YamlFault> {
        for event in events(text) {
            let (event, span) = event?;
            match event {
                Event::DocumentStart(_) => self.anchors.clear(),
                Event::DocumentEnd | Event::StreamStart | Event::StreamEnd | Event::Nothing => {}
                Event::Alias(anchor) => {
                    let Some((value, nodes)) = self.anchors.get(&anchor) else {
                        return Err(fault(&span, "an alias stands inside the value that it names"));
                    };
                    self.alias_nodes += nodes;
                    self.nodes += nodes;
                    if self.alias_nodes > ALIAS_NODES {
                        return Err(fault(&span, format!("the aliases expand to more than {ALIAS_NODES} values")));
                    }
                    let value = value.clone();
                    if self.open.len() + depth(&value) > DEPTH {
                        return Err(fault(&span, format!("nested more than {DEPTH} deep")));
                    }
                    self.add(value, &span, true)?;
                }
                Event::Scalar(text, style, anchor, tag) => {
                    self.nodes += 1;
                    let plain = is_plain(style, tag.as_deref());
                    let value = if plain { scalar(&text) } else { Value::String(text.into_owned()) };
                    if anchor != 0 {
                        self.anchors.insert(anchor, (value.clone(), 1));
                    }
                    self.add(value, &span, plain)?;
                }
                Event::SequenceStart(anchor, _) => self.open(anchor, span, Content::List(Vec::new()))?,
                Event::MappingStart(anchor, _) => {
                    self.open(anchor, span, Content::Map { map: Map::new(), key: None, merged: Vec::new() })?;
                }
                Event::SequenceEnd | Event::MappingEnd => self.close()?,
            }
            if self.nodes > NODES {
                return Err(fault(&span, format!("more than {NODES} values")));
            }
        }
        Ok(())
    }

    fn open(&mut self, anchor: usize, place: Span, content: Content) -> Result<(), YamlFault> {
        if self.open.len() >= DEPTH {
            return Err(fault(&place, format!("nested more than {DEPTH} deep")));
        }
        if let Some(Open { content: Content::Map { key: None, .. }, .. }) = self.open.last() {
            return Err(fault(&place, "a list or a mapping is used as a key"));
        }
        self.open.push(Open { anchor, before: self.nodes, place, content });
        self.nodes += 1;
        Ok(())
    }

    fn close(&mut self) -> Result<(), YamlFault> {
        let Some(open) = self.open.pop() else { return Ok(()) };
        let value = match open.content {
            Content::List(list) => Value::Array(list),
            Content::Map { mut map, merged, .. } => {
                for source in merged {
                    let sources = match source {
                        Value::Array(sources) => sources,
                        other => vec![other],
                    };
                    for source in sources {
                        let Value::Object(source) = source else {
                            return Err(fault(&open.place, "`<<` takes a mapping or a list of mappings"));
                        };
                        for (key, value) in source {
                            map.entry(key).or_insert(value);
                        }
                    }
                }
                Value::Object(map)
            }
        };
        if open.anchor != 0 {
            let nodes = self.nodes - open.before;
            self.anchored += nodes;
            if self.anchored > NODES {
                return Err(fault(&open.place, format!("the anchors name more than {NODES} values")));
            }
            self.anchors.insert(open.anchor, (value.clone(), nodes));
        }
        self.add(value, &open.place, true)
    }

    fn add(&mut self, value: Value, place: &Span, plain: bool) -> Result<(), YamlFault> {
        match self.open.last_mut().map(|open| &mut open.content) {
            None => self.documents.push(value),
            Some(Content::List(list)) => list.push(value),
            Some(Content::Map { map, key, merged }) => match key.take() {
                Some(key) if key == "\u{0}<<" => merged.push(value),
                Some(key) => {
                    map.insert(key, value);
                }
                None => {
                    let text = match value {
                        Value::String(text) if plain && text == "<<" => "\u{0}<<".to_owned(),
                        Value::String(text) => text,
                        Value::Null => "null".to_owned(),
                        Value::Bool(truth) => truth.to_string(),
                        Value::Number(number) => number.to_string(),
                        Value::Array(_) | Value::Object(_) => {
                            return Err(fault(place, "a list or a mapping is used as a key"));
                        }
                    };
                    if map.contains_key(&text) {
                        let twice = fault(place, format!("the key `{text}` stands here a second time"));
                        match &mut self.repeated {
                            None => return Err(twice),
                            Some(repeated) if repeated.len() < REPEATED => {
                                let (line, column) = (twice.line, twice.column);
                                repeated.push(Repeated { key: text.clone(), line, column });
                            }
                            Some(_) => {}
                        }
                    }
                    *key = Some(text);
                }
            },
        }
        Ok(())
    }
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(list) => 1 + list.iter().map(depth).max().unwrap_or(0),
        Value::Object(map) => 1 + map.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

/// What stands in a text, one after the other, with the parser's own limits told in our words.
pub(crate) fn events(text: &str) -> impl Iterator<Item = Result<(Event<'_>, Span), YamlFault>> {
    Parser::new_from_str(text).map(|event| {
        event.map_err(|error| YamlFault {
            message: match error.info() {
                "recursion limit exceeded" => format!("nested more than {DEPTH} deep"),
                other => other.to_owned(),
            },
            line: error.marker().line().max(1),
            column: error.marker().col() + 1,
        })
    })
}

/// Whether a scalar may be anything else than a text.
pub(crate) fn is_plain(style: ScalarStyle, tag: Option<&Tag>) -> bool {
    style == ScalarStyle::Plain && !tag.is_some_and(|tag| tag.is_yaml_core_schema() && tag.suffix == "str")
}

/// A fault at the beginning of a stretch.
pub(crate) fn fault(span: &Span, message: impl Into<String>) -> YamlFault {
    YamlFault { message: message.into(), line: span.start.line().max(1), column: span.start.col() + 1 }
}

/// A plain scalar by the core schema.
pub(crate) fn scalar(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        _ => {}
    }
    let literal = || Value::String(text.to_owned());
    for (prefix, radix) in [("0o", 8), ("0x", 16)] {
        if let Some(digits) = text.strip_prefix(prefix) {
            let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
            return match u64::from_str_radix(digits, radix) {
                Ok(number) if plain => Value::Number(number.into()),
                _ => literal(),
            };
        }
    }
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        // Leading zeros are allowed by the schema, but a number loses them: account ids.
        if digits.len() > 1 && digits.starts_with('0') {
            return literal();
        }
        let unsigned = text.strip_prefix('+').unwrap_or(text);
        if let Ok(number) = unsigned.parse::<i64>() {
            return Value::Number(number.into());
        }
        return unsigned.parse::<u64>().map_or_else(|_| literal(), |number| Value::Number(number.into()));
    }
    let shape = digits.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'+' | b'-'));
    let starts = digits.starts_with(|first: char| first.is_ascii_digit())
        || digits.strip_prefix('.').is_some_and(|rest| rest.starts_with(|next: char| next.is_ascii_digit()));
    if !shape || !starts {
        return literal();
    }
    match text.parse::<f64>().ok().filter(|number| keeps(digits, *number)).and_then(Number::from_f64) {
        Some(number) => Value::Number(number),
        None => literal(),
    }
}

/// Whether the number can be written as the digits that stood in the text.
fn keeps(digits: &str, number: f64) -> bool {
    let mantissa = digits.split(['e', 'E']).next().unwrap_or_default();
    let significant = mantissa.bytes().filter(u8::is_ascii_digit).skip_while(|byte| *byte == b'0').count();
    number.is_finite() && significant <= 15
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn core_schema() {
        for (text, expected) in [
            ("a: ~\nb: yes\nc: on\nd: True", json!({"a": null, "b": "yes", "c": "on", "d": true})),
            ("[1, -2, +3, 0x1F, 0o17, 1_000]", json!([1, -2, 3, 31, 15, "1_000"])),
            ("[3.10, 3.5.1, 1e3, .5, .inf, 1., e3]", json!([3.1, "3.5.1", 1000.0, 0.5, ".inf", 1.0, "e3"])),
            ("[012345678901, '1', \"true\", !!str 1]", json!(["012345678901", "1", "true", "1"])),
            ("[18446744073709551615, 99999999999999999999]", json!([u64::MAX, "99999999999999999999"])),
            ("a: 0.1234567890123456789", json!({"a": "0.1234567890123456789"})),
            ("1: a\ntrue: b", json!({"1": "a", "true": "b"})),
            ("a: !Ref x", json!({"a": "x"})),
            (
                "base: &b {x: 1, y: 1}\nmore: {<<: *b, y: 2}",
                json!({"base": {"x": 1, "y": 1}, "more": {"x": 1, "y": 2}}),
            ),
            ("a: |\n  x\n  y\n", json!({"a": "x\ny\n"})),
        ] {
            assert_eq!(documents(text), (vec![expected], None), "{text}");
        }
    }

    #[test]
    fn streams() {
        assert_eq!(documents("a: 1\n---\nb: 2\n...\n").0, vec![json!({"a": 1}), json!({"b": 2})]);
        assert_eq!(documents("").0, Vec::<Value>::new());
    }

    #[test]
    fn refuses_what_is_wrong_or_too_much() {
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..12 {
            let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
            bomb.push_str(&format!("a{level}: &a{level} [{aliases}]\n"));
        }
        let deep = "[".repeat(10_000);
        let block: String = (0..300).map(|level| format!("{}a:\n", " ".repeat(level))).collect();
        let cases = [
            ("a: 1\nb: 2\na: 3", "the key `a` stands here a second time", 3, 1),
            (bomb.as_str(), "the aliases expand to more than 100000 values", 6, 10),
            (deep.as_str(), "nested more than 128 deep", 1, 256),
            (block.as_str(), "nested more than 128 deep", 129, 129),
            ("? [a]\n: b", "a list or a mapping is used as a key", 1, 3),
            ("<<: 1", "`<<` takes a mapping or a list of mappings", 1, 1),
            ("a: &a [*a]", "an alias stands inside the value that it names", 1, 8),
        ];
        for (text, message, line, column) in cases {
            let fault = documents(text).1.unwrap();
            assert_eq!(fault.message, message, "{text:.60}");
            if line != 6 {
                assert_eq!((fault.line, fault.column), (line, column), "{text:.60}");
            }
        }
        for text in ["{{ .Values.x }}", "a: [", "a: b: c", "a: *nope"] {
            assert!(documents(text).1.is_some(), "{text}");
        }
    }
}
