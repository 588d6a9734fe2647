//! YAML as nodes: every value with the bytes at which it was written, short tags as objects.
//!
//! Scalars mean what [`yaml`](crate::read::yaml) makes of them, with one difference: a number that
//! would not be printed as it was written stays the text that it was, so that `1.30` is a version and
//! keeps its zero. A key that is written twice is noted and its last value stands, as for whoever
//! deploys such a file. The limits are those of [`yaml`](crate::read::yaml) as well.
//!
//! Deliberately absent: what tags mean. The caller names the key under which a tagged value stands.

use super::{At, Form, Node, Where};
use crate::known::Text;
use crate::read::yaml::{ALIAS_NODES, DEPTH, NODES, YamlFault, events, fault, is_plain, scalar};
use rustc_hash::{FxHashMap, FxHashSet};
use saphyr_parser::{Event, Marker, ScalarStyle, Span, Tag};
use serde_json::Value;

/// The longest stretch of one line that is a place for a list or an object.
const SHORT: usize = 160;

/// What a text holds.
#[derive(Debug, Default)]
pub(crate) struct Documents {
    /// The documents of the text, up to the first fault.
    pub(crate) documents: Vec<Node>,
    /// Keys that stand twice in one mapping.
    pub(crate) twice: Vec<YamlFault>,
    /// What is wrong with the text.
    pub(crate) fault: Option<YamlFault>,
}

/// Reads a text. `tag` says under which key the value of a tag stands: `Fn::Sub` for `Sub`.
pub(crate) fn documents(text: &str, file: u32, tag: &dyn Fn(&str) -> Option<String>) -> Documents {
    let found = parsed(text, text, file, tag);
    match &found.fault {
        Some(fault) if fault.message.contains("cannot start with '-'") => parsed(text, &with_dashes(text), file, tag),
        _ => found,
    }
}

/// Stands for a dash that is a scalar by itself: `[-, x]`, which YAML 1.1 takes and 1.2 does not.
const DASH: char = '\u{e02d}';

/// The text with another letter for each dash that stands alone in a list, letter for letter.
fn with_dashes(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    // The last letter that is no blank, and whether a dash followed it.
    let (mut before, mut dash) = (' ', None);
    for letter in text.chars() {
        if let Some(at) = dash.take() {
            if matches!(letter, ',' | ']') {
                let blanks = out.split_off(at + 1);
                out.pop();
                out.push(DASH);
                out.push_str(&blanks);
            } else if letter == ' ' {
                dash = Some(at);
            }
        }
        if letter == '-' && matches!(before, '[' | ',') {
            dash = Some(out.len());
        }
        if !letter.is_whitespace() {
            before = letter;
        }
        out.push(letter);
    }
    out
}

/// Reads what stands for a text letter by letter.
fn parsed(text: &str, read: &str, file: u32, tag: &dyn Fn(&str) -> Option<String>) -> Documents {
    let mut builder = Builder {
        read,
        offsets: Offsets::of(text),
        file,
        tag,
        found: Documents::default(),
        open: Vec::new(),
        anchors: FxHashMap::default(),
        nodes: 0,
        alias_nodes: 0,
        anchored: 0,
    };
    builder.found.fault = builder.run().err();
    builder.found
}

struct Builder<'t> {
    read: &'t str,
    offsets: Offsets<'t>,
    file: u32,
    tag: &'t dyn Fn(&str) -> Option<String>,
    found: Documents,
    open: Vec<Open>,
    anchors: FxHashMap<usize, (Node, usize)>,
    nodes: usize,
    alias_nodes: usize,
    /// How many values are held for aliases.
    anchored: usize,
}

/// A collection that is not finished yet.
struct Open {
    anchor: usize,
    /// How many values were counted before it began.
    before: usize,
    span: Span,
    tag: Option<String>,
    content: Content,
}

enum Content {
    List(Vec<Node>),
    Map { fields: Vec<(String, Node)>, keys: FxHashSet<String>, key: Option<Key>, first: Option<At>, merged: Vec<Node> },
}

struct Key {
    name: String,
    at: At,
    merge: bool,
}

impl Builder<'_> {
    fn run(&mut self) -> Result<(), YamlFault> {
        for event in events(self.read) {
            let (event, span) = event?;
            match event {
                Event::DocumentStart(_) => self.anchors.clear(),
                Event::DocumentEnd | Event::StreamStart | Event::StreamEnd | Event::Nothing => {}
                Event::Alias(anchor) => self.alias(anchor, &span)?,
                Event::Scalar(text, style, anchor, tag) => {
                    self.nodes += 1;
                    let plain = is_plain(style, tag.as_deref());
                    let text = if text.contains(DASH) && !self.offsets.text.contains(DASH) {
                        text.replace(DASH, "-").into()
                    } else {
                        text
                    };
                    let form = if plain { plain_scalar(&text) } else { Form::Text(Text::literal(text)) };
                    let mut end = self.offsets.byte(&span.end);
                    let start = self.content(self.offsets.byte(&span.start), tag.is_some(), anchor != 0);
                    if matches!(style, ScalarStyle::Literal | ScalarStyle::Folded) {
                        let block = self.offsets.text.get(start..end).unwrap_or_default();
                        end = start + block.trim_end().len();
                    }
                    let node = Node { form, at: Some(self.at(start, end)) };
                    let node = self.tagged(node, self.key_of(tag.as_deref()));
                    if anchor != 0 {
                        self.anchors.insert(anchor, (node.clone(), 1));
                    }
                    self.add(node, Some(&span), plain)?;
                }
                Event::SequenceStart(anchor, tag) => {
                    let tag = self.key_of(tag.as_deref());
                    self.open(anchor, span, tag, Content::List(Vec::new()))?;
                }
                Event::MappingStart(anchor, tag) => {
                    let content = Content::Map {
                        fields: Vec::new(),
                        keys: FxHashSet::default(),
                        key: None,
                        first: None,
                        merged: Vec::new(),
                    };
                    let tag = self.key_of(tag.as_deref());
                    self.open(anchor, span, tag, content)?;
                }
                Event::SequenceEnd | Event::MappingEnd => self.close(&span)?,
            }
            if self.nodes > NODES {
                return Err(fault(&span, format!("more than {NODES} values")));
            }
        }
        Ok(())
    }

    fn alias(&mut self, anchor: usize, span: &Span) -> Result<(), YamlFault> {
        let Some((node, nodes)) = self.anchors.get(&anchor) else {
            return Err(fault(span, "an alias stands inside the value that it names"));
        };
        self.alias_nodes += nodes;
        self.nodes += nodes;
        if self.alias_nodes > ALIAS_NODES {
            return Err(fault(span, format!("the aliases expand to more than {ALIAS_NODES} values")));
        }
        let node = node.clone();
        if self.open.len() + depth(&node) > DEPTH {
            return Err(fault(span, format!("nested more than {DEPTH} deep")));
        }
        self.add(node, Some(span), true)
    }

    fn open(&mut self, anchor: usize, span: Span, tag: Option<String>, content: Content) -> Result<(), YamlFault> {
        if self.open.len() >= DEPTH {
            return Err(fault(&span, format!("nested more than {DEPTH} deep")));
        }
        if let Some(Open { content: Content::Map { key: None, .. }, .. }) = self.open.last() {
            return Err(fault(&span, "a list or a mapping is used as a key"));
        }
        self.open.push(Open { anchor, before: self.nodes, span, tag, content });
        self.nodes += 1;
        Ok(())
    }

    fn close(&mut self, end: &Span) -> Result<(), YamlFault> {
        let Some(open) = self.open.pop() else { return Ok(()) };
        let mut at = self.container(&open.span, end);
        let form = match open.content {
            Content::List(list) => Form::List(list),
            Content::Map { mut fields, mut keys, merged, first, .. } => {
                // An object of many lines begins with its first field, wherever its brace stands.
                if let Some(first) = first.filter(|_| !self.offsets.is_short(Some(&at))) {
                    at = self.first_field(first, fields.first().map(|(_, node)| node));
                }
                for source in merged {
                    let sources = match source.form {
                        Form::List(sources) => sources,
                        _ => vec![source],
                    };
                    for source in sources {
                        let Form::Object(source) = source.form else {
                            return Err(fault(&open.span, "`<<` takes a mapping or a list of mappings"));
                        };
                        for (key, node) in source {
                            if keys.insert(key.clone()) {
                                fields.push((key, node));
                            }
                        }
                    }
                }
                Form::Object(fields)
            }
        };
        let node = self.tagged(Node { form, at: Some(at) }, open.tag);
        if open.anchor != 0 {
            let nodes = self.nodes - open.before;
            self.anchored += nodes;
            if self.anchored > NODES {
                return Err(fault(&open.span, format!("the anchors name more than {NODES} values")));
            }
            self.anchors.insert(open.anchor, (node.clone(), nodes));
        }
        self.add(node, None, false)
    }

    /// `span` is that of a scalar or an alias.
    fn add(&mut self, mut node: Node, span: Option<&Span>, plain: bool) -> Result<(), YamlFault> {
        let at = node.at.clone();
        match self.open.last_mut().map(|open| &mut open.content) {
            None => self.found.documents.push(node),
            Some(Content::List(list)) => list.push(node),
            Some(Content::Map { fields, keys, key, first, merged }) => match key.take() {
                Some(key) if key.merge => merged.push(node),
                Some(Key { name, at, .. }) => {
                    // Of what takes many lines, the key is the place.
                    if span.is_none() && !self.offsets.is_short(node.at.as_ref()) {
                        node.at = Some(at);
                    }
                    if keys.insert(name.clone()) {
                        fields.push((name, node));
                    } else if let Some(field) = fields.iter_mut().find(|(field, _)| *field == name) {
                        field.1 = node;
                    }
                }
                None => {
                    let wrong = |message: String| match span {
                        Some(span) => fault(span, message),
                        None => YamlFault { message, line: 1, column: 1 },
                    };
                    let merge = plain && node.as_str() == Some("<<");
                    let name = match &node.form {
                        Form::Null => "null".to_owned(),
                        _ => match node.as_text().as_ref().and_then(Text::as_str) {
                            Some(name) => name.to_owned(),
                            None => return Err(wrong("a list or a mapping is used as a key".to_owned())),
                        },
                    };
                    if keys.contains(&name) {
                        self.found.twice.push(wrong(format!("the key `{name}` stands here a second time")));
                    }
                    if first.is_none() {
                        first.clone_from(&at);
                    }
                    *key =
                        Some(Key { name, at: at.unwrap_or(At { file: self.file, span: Where::Bytes(0, 0) }), merge });
                }
            },
        }
        Ok(())
    }

    /// Where a scalar begins, after its tag and its anchor.
    fn content(&self, start: usize, tagged: bool, anchored: bool) -> usize {
        let mut rest = self.offsets.text.get(start..).unwrap_or_default();
        let before = rest.len();
        while tagged && rest.starts_with('!') || anchored && rest.starts_with('&') {
            let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
            rest = rest.get(end..).unwrap_or_default().trim_start_matches([' ', '\t']);
        }
        start + (before - rest.len())
    }

    /// The key under which a value with this tag stands.
    fn key_of(&self, tag: Option<&Tag>) -> Option<String> {
        let tag = tag.filter(|tag| !tag.is_yaml_core_schema())?;
        (self.tag)(&tag.suffix)
    }

    fn tagged(&self, node: Node, key: Option<String>) -> Node {
        match key {
            Some(key) => {
                let at = node.at.clone();
                Node { form: Form::Object(vec![(key, node)]), at }
            }
            None => node,
        }
    }

    fn at(&self, start: usize, end: usize) -> At {
        let byte = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        At { file: self.file, span: Where::Bytes(byte(start), byte(end.max(start))) }
    }

    /// The place of a field: its key, and its value where that stands on the same line.
    fn first_field(&self, key: At, value: Option<&Node>) -> At {
        let (Where::Bytes(from, _), Some(At { span: Where::Bytes(_, to), .. })) =
            (&key.span, value.and_then(|node| node.at.as_ref()))
        else {
            return key;
        };
        let whole = self.offsets.text.get(*from as usize..*to as usize).unwrap_or_default();
        if whole.is_empty() || whole.len() > SHORT || whole.contains('\n') {
            return key;
        }
        self.at(*from as usize, *to as usize)
    }

    /// The place of a collection: all of it where that is short, else its first line.
    fn container(&self, start: &Span, end: &Span) -> At {
        let from = self.offsets.byte(&start.start);
        let to = self.offsets.byte(&end.end).max(from);
        let whole = self.offsets.text.get(from..to).unwrap_or_default().trim_end();
        let first = whole.lines().next().unwrap_or_default();
        let shown = if first.len() <= SHORT { first.trim_end().len() } else { 1 };
        self.at(from, from + shown.max(usize::from(to > from)))
    }
}

fn plain_scalar(text: &str) -> Form {
    match scalar(text) {
        Value::Null => Form::Null,
        Value::Bool(truth) => Form::Bool(truth),
        Value::Number(number) if number.to_string() == text => Form::Number(number),
        _ => Form::Text(Text::literal(text)),
    }
}

fn depth(node: &Node) -> usize {
    match &node.form {
        Form::List(list) => 1 + list.iter().map(depth).max().unwrap_or(0),
        Form::Object(fields) => 1 + fields.iter().map(|(_, node)| depth(node)).max().unwrap_or(0),
        _ => 0,
    }
}

/// From characters, in which the parser counts, to bytes.
struct Offsets<'t> {
    text: &'t str,
    /// The byte of every 64th character; empty where a character is a byte.
    marks: Vec<usize>,
}

const STEP: usize = 64;

impl<'t> Offsets<'t> {
    fn of(text: &'t str) -> Self {
        let marks = if text.is_ascii() {
            Vec::new()
        } else {
            text.char_indices().step_by(STEP).map(|(byte, _)| byte).collect()
        };
        Self { text, marks }
    }

    fn byte(&self, marker: &Marker) -> usize {
        let index = marker.index();
        if self.marks.is_empty() {
            return index.min(self.text.len());
        }
        let Some(mark) = self.marks.get(index / STEP) else { return self.text.len() };
        let rest = self.text.get(*mark..).unwrap_or_default();
        mark + rest.char_indices().nth(index % STEP).map_or(rest.len(), |(byte, _)| byte)
    }

    /// Whether a place is on one line, all of it.
    fn is_short(&self, at: Option<&At>) -> bool {
        let Some(At { span: Where::Bytes(start, end), .. }) = at else { return false };
        let place = self.text.get(*start as usize..*end as usize).unwrap_or_default();
        place.starts_with(['{', '[']) && place.ends_with(['}', ']'])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn tag(suffix: &str) -> Option<String> {
        Some(if suffix == "Ref" { "Ref".to_owned() } else { format!("Fn::{suffix}") })
    }

    fn read(text: &str) -> (Value, Vec<(String, String)>) {
        let mut found = documents(text, 0, &tag);
        assert_eq!(found.fault, None, "{text}");
        let mut places = Vec::new();
        let node = found.documents.pop().unwrap();
        let value = node.into_value(&mut String::new(), &mut |pointer: &str, at: &At| {
            let Where::Bytes(start, end) = at.span else { return };
            places.push((pointer.to_owned(), text[start as usize..end as usize].to_owned()));
        });
        (value, places)
    }

    #[test]
    fn values_and_tags() {
        for (text, expected) in [
            (
                "a: 1.30\nb: 3\nc: 2012-10-17\nd: 0123\ne: yes\nf: true",
                json!({"a": "1.30", "b": 3, "c": "2012-10-17", "d": "0123", "e": "yes", "f": true}),
            ),
            ("a: !Ref b", json!({"a": {"Ref": "b"}})),
            ("a: !Join ['', [x, !GetAtt b.Arn]]", json!({"a": {"Fn::Join": ["", ["x", {"Fn::GetAtt": "b.Arn"}]]}})),
            (
                "a: !If\n  - c\n  - x: 1\n  - !Ref AWS::NoValue",
                json!({"a": {"Fn::If": ["c", {"x": 1}, {"Ref": "AWS::NoValue"}]}}),
            ),
            ("a: &b {x: 1}\nc: *b\nd: {<<: *b, y: 2}", json!({"a": {"x": 1}, "c": {"x": 1}, "d": {"x": 1, "y": 2}})),
            (
                "a: !Split [-, !Select [ - , '[-, x]']]",
                json!({"a": {"Fn::Split": ["-", {"Fn::Select": ["-", "[-, x]"]}]}}),
            ),
            ("{\"a\": [1, \"x\\ny\", null]}", json!({"a": [1, "x\ny", null]})),
            ("a: 1\nb: 2\na: 3", json!({"a": 3, "b": 2})),
        ] {
            assert_eq!(read(text).0, expected, "{text}");
        }
        assert_eq!(documents("a: 1\na: 2", 0, &tag).twice.len(), 1);
    }

    #[test]
    fn places_are_bytes() {
        let text = "é: ü\r\nb:\r\n  - x: 'q'\r\n    y: 2\r\n  - {k: v}\r\ns: !Sub |\r\n  one\r\n  two\r\n\r\nt: end\r\nj: [\r\n {\r\n  \"k\": \"v\",\r\n  \"l\": 1}]\r\n";
        let (_, places) = read(text);
        let at = |pointer: &str| places.iter().find(|(known, _)| known == pointer).unwrap().1.as_str();
        for (pointer, expected) in [
            ("/é", "ü"),
            ("/b", "b"),
            ("/b/0", "x: 'q'"),
            ("/b/0/x", "'q'"),
            ("/b/0/y", "2"),
            ("/b/1", "{k: v}"),
            ("/j/0", "\"k\": \"v\""),
            ("/b/1/k", "v"),
            ("/t", "end"),
        ] {
            assert_eq!(at(pointer), expected, "{pointer}");
        }
        assert!(at("/s").ends_with("two"), "{:?}", at("/s"));
    }

    #[test]
    fn refuses_what_is_too_much() {
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..12 {
            let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
            bomb.push_str(&format!("a{level}: &a{level} [{aliases}]\n"));
        }
        let deep = "[".repeat(10_000);
        let tags = format!("a: {}x", "!Ref ".repeat(10_000));
        for text in [bomb.as_str(), deep.as_str(), tags.as_str(), "? [a]\n: b", "<<: 1", "a: &a [*a]", "a: *b"] {
            assert!(documents(text, 0, &tag).fault.is_some(), "{text:.40}");
        }
    }
}
