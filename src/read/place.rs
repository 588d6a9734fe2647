//! Places: from a pointer to a line, a column and the lines around.
//!
//! Only for what is shown: the file is read again and searched for all its pointers in one pass. An
//! excerpt shows no secret that stands beside the place.

use super::code::Where;
use super::dispatch::WORTH_THREADS;
use super::{file, place_json, place_yaml, session};
use crate::estate::{Excerpt, Source, Span, Syntax};
use crate::redact;
use rayon::prelude::*;
use regex_lite::Regex;
use rustc_hash::FxHashMap;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::sync::LazyLock;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The places of what stands at pointers in sources, in the order in which they are wanted.
///
/// Each source is read once more, and only those that are wanted. What a pointer names and the source
/// does not have is placed at the nearest part around it. A scalar is placed at its value, a list or an
/// object at its key, and an object in a list at what names it.
#[must_use]
pub fn locate(sources: &[Source], wanted: &[(usize, String)]) -> Vec<Option<Span>> {
    let mut by_source: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (number, (source, _)) in wanted.iter().enumerate() {
        by_source.entry(*source).or_default().push(number);
    }
    let mut spans = vec![None; wanted.len()];
    let search = |(source, numbers): (usize, Vec<usize>)| {
        let pointers: Vec<&str> =
            numbers.iter().filter_map(|number| wanted.get(*number)).map(|(_, pointer)| pointer.as_str()).collect();
        let spans = sources.get(source).map(|source| in_source(source, &pointers)).unwrap_or_default();
        (numbers, spans)
    };
    let size = |source: &usize| {
        sources.get(*source).map_or(0, |source| std::fs::metadata(&source.path).map_or(0, |metadata| metadata.len()))
    };
    let found: Vec<(Vec<usize>, Vec<Option<Span>>)> = if by_source.keys().map(size).sum::<u64>() < WORTH_THREADS {
        by_source.into_iter().map(search).collect()
    } else {
        by_source.into_par_iter().map(search).collect()
    };
    for (numbers, found) in found {
        for (number, span) in numbers.into_iter().zip(found) {
            if let Some(slot) = spans.get_mut(number) {
                *slot = span;
            }
        }
    }
    spans
}

fn in_source(source: &Source, pointers: &[&str]) -> Vec<Option<Span>> {
    if source.syntax == Syntax::Answer {
        return Vec::new();
    }
    let bytes = match &source.held {
        Some(held) => file::unpack(held.to_vec()).ok(),
        None => file::bytes(Path::new(&source.path)).ok(),
    };
    let Some(bytes) = bytes else { return Vec::new() };
    let Ok(text) = file::text(&bytes) else { return Vec::new() };
    in_text(text, source.syntax, pointers)
}

/// The places of pointers in a text.
pub(crate) fn in_text(text: &str, syntax: Syntax, pointers: &[&str]) -> Vec<Option<Span>> {
    let lines = Lines::of(text);
    if syntax == Syntax::Variables {
        return pointers.iter().map(|pointer| variable(&lines, pointer)).collect();
    }
    if pointers.iter().any(|pointer| pointer.starts_with('@')) {
        let each = pointers.iter().map(|pointer| match Where::bytes(pointer) {
            Some(range) => text.get(range.clone()).and_then(|_| lines.span(range)),
            None => in_text(text, syntax, &[pointer]).pop().flatten(),
        });
        return each.collect();
    }
    let mut trie = Trie::default();
    let nodes: Vec<usize> = pointers.iter().map(|pointer| trie.add(pointer)).collect();
    let found = search(text, &lines, syntax, &trie);
    let places: Vec<Option<Found>> = nodes.iter().map(|node| nearest(&trie, &found, *node)).collect();
    // An object in a list is shown by what names it.
    let mut names = Trie::default();
    let mut asked: Vec<Vec<usize>> = Vec::new();
    for (place, pointer) in places.iter().zip(pointers) {
        let unnamed = place.as_ref().is_some_and(|place| place.container && place.key.is_none());
        asked.push(if unnamed {
            NAMES.iter().map(|name| names.add(&format!("{pointer}{name}"))).collect()
        } else {
            Vec::new()
        });
    }
    let named = if asked.iter().all(Vec::is_empty) { Vec::new() } else { search(text, &lines, syntax, &names) };
    // Many findings stand at one place.
    let mut known: FxHashMap<Range<usize>, Option<Span>> = FxHashMap::default();
    let mut spans = Vec::new();
    for (place, asked) in places.iter().zip(&asked) {
        let name = asked.iter().find_map(|node| named.get(*node)?.as_ref().filter(|found| !found.container));
        let range = match (place, name) {
            (_, Some(name)) => Some(name.value.clone()),
            // Of a secret only the name is shown.
            (Some(Found { key: Some(key), container: false, .. }), None)
                if text.get(key.clone()).is_some_and(names_a_secret) =>
            {
                Some(key.clone())
            }
            (Some(place), None) if !place.container => Some(place.value.clone()),
            (Some(Found { key: Some(key), .. }), None) => Some(key.clone()),
            (Some(place), None) => Some(place.value.start..(place.value.start + 1).min(place.value.end)),
            (None, None) => None,
        };
        spans.push(range.and_then(|range| known.entry(range.clone()).or_insert_with(|| lines.span(range)).clone()));
    }
    spans
}

/// What names an object, in the order in which it is looked for.
const NAMES: &[&str] = &[
    "/RoleName",
    "/PolicyName",
    "/UserName",
    "/metadata/name",
    "/name",
    "/Name",
    "/nodegroupName",
    "/addonName",
    "/principalArn",
    "/Sid",
    "/Arn",
    "/arn",
    "/id",
    "/Id",
];

fn search(text: &str, lines: &Lines<'_>, syntax: Syntax, trie: &Trie) -> Vec<Option<Found>> {
    let mut found = vec![None; trie.nodes.len()];
    match syntax {
        Syntax::Json => place_json::find(text, trie, false, &mut found),
        Syntax::JsonStream => place_json::find(text, trie, true, &mut found),
        Syntax::Yaml => place_yaml::find(text, lines, trie, &mut found),
        Syntax::Toml => {
            if let Ok(table) = DeTable::parse(text) {
                in_table(table.get_ref(), trie, Trie::ROOT, &mut found);
            }
        }
        Syntax::Variables | Syntax::Plain | Syntax::Answer => {}
    }
    found
}

fn nearest(trie: &Trie, found: &[Option<Found>], node: usize) -> Option<Found> {
    let mut node = Some(node);
    while let Some(number) = node {
        if let Some(place) = found.get(number).and_then(Option::as_ref) {
            return Some(place.clone());
        }
        node = trie.nodes.get(number).and_then(|node| node.parent);
    }
    None
}

/// The bytes of what these pointers lead to in a YAML text: of a value, or of the key of what holds values.
pub(crate) fn yaml_bytes(text: &str, pointers: &[String]) -> Vec<Option<Range<usize>>> {
    let mut trie = Trie::default();
    let nodes: Vec<usize> = pointers.iter().map(|pointer| trie.add(pointer)).collect();
    let found = search(text, &Lines::of(text), Syntax::Yaml, &trie);
    let place = |node: &usize| {
        let found = found.get(*node)?.as_ref()?;
        Some(if found.container {
            found.key.clone().unwrap_or(found.value.start..found.value.start)
        } else {
            found.value.clone()
        })
    };
    nodes.iter().map(place).collect()
}

/// Where a value stands.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    /// The bytes of the value.
    pub(crate) value: Range<usize>,
    /// The bytes of its key, in an object.
    pub(crate) key: Option<Range<usize>>,
    /// It is a list or an object.
    pub(crate) container: bool,
}

/// Pointers, sharing what they have in common.
#[derive(Debug)]
pub(crate) struct Trie {
    nodes: Vec<Node>,
}

#[derive(Debug, Default)]
struct Node {
    parent: Option<usize>,
    children: BTreeMap<String, usize>,
}

impl Default for Trie {
    fn default() -> Self {
        Self { nodes: vec![Node::default()] }
    }
}

impl Trie {
    /// The node of the whole text.
    pub(crate) const ROOT: usize = 0;

    /// Adds a pointer and gives its node.
    fn add(&mut self, pointer: &str) -> usize {
        let mut node = Self::ROOT;
        for token in pointer.split('/').skip(1) {
            let token = token.replace("~1", "/").replace("~0", "~");
            let next = self.nodes.len();
            let Some(Node { children, .. }) = self.nodes.get_mut(node) else { return node };
            let child = *children.entry(token).or_insert(next);
            if child == next {
                self.nodes.push(Node { parent: Some(node), children: BTreeMap::new() });
            }
            node = child;
        }
        node
    }

    /// Whether pointers lead below a node.
    pub(crate) fn leads_on(&self, node: usize) -> bool {
        self.nodes.get(node).is_some_and(|node| !node.children.is_empty())
    }

    /// The node of a key.
    pub(crate) fn child(&self, node: usize, key: &str) -> Option<usize> {
        self.nodes.get(node)?.children.get(key).copied()
    }

    /// The node of an element of a list.
    pub(crate) fn element(&self, node: usize, number: usize) -> Option<usize> {
        self.child(node, &number.to_string())
    }
}

fn in_table(table: &DeTable<'_>, trie: &Trie, node: usize, found: &mut [Option<Found>]) {
    for (key, value) in table {
        if let Some(child) = trie.child(node, key.get_ref()) {
            in_toml(value, Some(key.span()), trie, child, found);
        }
    }
}

fn in_toml(
    value: &Spanned<DeValue<'_>>,
    key: Option<Range<usize>>,
    trie: &Trie,
    node: usize,
    found: &mut [Option<Found>],
) {
    let container = matches!(value.get_ref(), DeValue::Table(_) | DeValue::Array(_));
    if let Some(slot) = found.get_mut(node) {
        *slot = Some(Found { value: value.span(), key, container });
    }
    match value.get_ref() {
        DeValue::Table(table) => in_table(table, trie, node, found),
        DeValue::Array(list) => {
            for (number, inner) in list.iter().enumerate() {
                if let Some(child) = trie.element(node, number) {
                    in_toml(inner, None, trie, child, found);
                }
            }
        }
        _ => {}
    }
}

/// The line that sets a variable, alone and without what is secret in it.
fn variable(lines: &Lines<'_>, pointer: &str) -> Option<Span> {
    let name = pointer.strip_prefix('/')?;
    let (number, line) = lines
        .iter()
        .enumerate()
        .filter(|(_, line)| session::assignment(line).is_some_and(|(found, ..)| found == name))
        .last()?;
    let start = line.find(name)?;
    let end = line.trim_end().len();
    let chars = |end: usize| line.get(..end).unwrap_or_default().chars().count();
    let shown = session::shown(line);
    let shown_end = shown.trim_end().len();
    let excerpt = cut(&shown, start.min(shown_end)..shown_end, number + 1);
    Some(Span { line: number + 1, column: chars(start) + 1, end_line: number + 1, end_column: chars(end) + 1, excerpt })
}

/// The lines of a text.
pub(crate) struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
    /// How many characters there are before each whole [`STRIDE`] of bytes; a plan is one long line.
    counts: Vec<usize>,
}

/// How many bytes are counted at most to tell a column.
const STRIDE: usize = 4096;

/// The most characters of a line that an excerpt shows.
const WIDTH: usize = 400;
/// How many characters before a place an excerpt shows of a line that is too long.
const LEAD: usize = 80;

impl<'a> Lines<'a> {
    pub(crate) fn of(text: &'a str) -> Self {
        let mut starts = vec![0];
        starts.extend(text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1));
        let mut counts = vec![0];
        for bytes in text.as_bytes().chunks(STRIDE) {
            counts.push(counts.last().unwrap_or(&0) + begun(bytes));
        }
        Self { text, starts, counts }
    }

    /// How many characters begin before a byte.
    fn characters(&self, offset: usize) -> usize {
        let stride = offset / STRIDE;
        let Some(before) = self.counts.get(stride) else { return begun(self.text.as_bytes()) };
        before + begun(self.text.as_bytes().get(stride * STRIDE..offset).unwrap_or_default())
    }

    fn line(&self, number: usize) -> &'a str {
        let Some(start) = self.starts.get(number) else { return "" };
        let end = self.starts.get(number + 1).map_or(self.text.len(), |next| next - 1);
        self.text.get(*start..end).unwrap_or_default().trim_end_matches('\r')
    }

    fn iter(&self) -> impl Iterator<Item = &'a str> {
        (0..self.starts.len()).map(|number| self.line(number))
    }

    /// The byte of a line, from 0, and of a character in it.
    pub(crate) fn offset(&self, line: usize, column: usize) -> usize {
        let Some(start) = self.starts.get(line) else { return self.text.len() };
        let wanted = self.characters(*start).saturating_add(column);
        let stride = self.counts.partition_point(|before| *before <= wanted).saturating_sub(1);
        let Some(before) = self.counts.get(stride) else { return self.text.len() };
        // A stride may begin within a character, which is counted before it.
        let from = (stride * STRIDE..self.text.len()).find(|at| self.text.is_char_boundary(*at)).unwrap_or(*start);
        let rest = self.text.get(from..).unwrap_or_default();
        from + rest.char_indices().nth(wanted - before).map_or(rest.len(), |(at, _)| at)
    }

    fn place(&self, offset: usize) -> (usize, usize) {
        let line = self.starts.partition_point(|start| *start <= offset).saturating_sub(1);
        let start = self.starts.get(line).copied().unwrap_or_default();
        (line, self.characters(offset) - self.characters(start))
    }

    fn span(&self, range: Range<usize>) -> Option<Span> {
        self.text.get(range.clone())?;
        let (line, column) = self.place(range.start);
        let (end_line, end_column) = self.place(range.end);
        let start = self.starts.get(line).copied().unwrap_or_default();
        let content = self.line(line);
        let within = (range.start - start).min(content.len())..(range.end - start).min(content.len());
        let mut excerpt = cut(content, within, line + 1);
        let neighbour = |number: usize| {
            let content = self.line(number);
            let flag = number.checked_sub(1).map(|before| self.line(before).trim());
            let flag = flag.map(|flag| flag.trim_start_matches("- ").trim_matches(['"', '\'', ',']));
            if flag.is_some_and(|flag| flag.starts_with('-') && redact::names_a_secret(flag)) {
                return redact::MARK.to_owned();
            }
            let shown: String = content.chars().take(WIDTH).collect();
            let mark = if shown.len() < content.len() { "…" } else { "" };
            hide(&shown).into_owned() + mark
        };
        if line > 0 {
            let before = neighbour(line - 1) + "\n";
            excerpt.text.insert_str(0, &before);
            excerpt.start += before.len();
            excerpt.end += before.len();
            excerpt.first_line -= 1;
        }
        if line + 1 < self.starts.len() {
            excerpt.text.push('\n');
            excerpt.text.push_str(&neighbour(line + 1));
        }
        Some(Span { line: line + 1, column: column + 1, end_line: end_line + 1, end_column: end_column + 1, excerpt })
    }
}

/// How many characters begin in these bytes of UTF-8.
fn begun(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte & 0xC0 != 0x80).count()
}

/// One line as an excerpt, cut so that the range in it is visible.
fn cut(line: &str, range: Range<usize>, number: usize) -> Excerpt {
    let part = |range: Range<usize>| line.get(range).unwrap_or_default();
    let (head, span, tail) = (part(0..range.start), part(range.clone()), part(range.end..line.len()));
    let tail = if names_a_secret(span) && tail.trim_start().starts_with(':') { ": ***" } else { tail };
    let longer = |text: &str, than: usize| text.chars().nth(than).is_some();
    let long = longer(line, WIDTH);
    let mut text = String::new();
    if long && let Some((from, _)) = head.char_indices().nth_back(LEAD - 1).filter(|(from, _)| *from > 0) {
        text.push('…');
        text.push_str(&hide(head.get(from..).unwrap_or_default()));
    } else {
        text.push_str(&hide(head));
    }
    let start = text.len();
    let shown: String = span.chars().take(WIDTH - LEAD).collect();
    // A text of several lines is a file of its own, of which the place is only a part.
    let shown = if shown.contains(['\n', '\\']) { hide(&shown).into_owned() } else { shown };
    text.push_str(&redact::text(&shown));
    let end = text.len();
    if longer(span, WIDTH - LEAD) {
        text.push('…');
    } else if long {
        text.push_str(&hide(&tail.chars().take(LEAD).collect::<String>()));
        if longer(tail, LEAD) {
            text.push('…');
        }
    } else {
        text.push_str(&hide(tail));
    }
    Excerpt { first_line: number, text, start, end }
}

/// Whether a key is that of a secret.
fn names_a_secret(key: &str) -> bool {
    let key = key.trim_matches(['"', '\'']);
    let words = ["password", "passwd", "secret", "token", "certdata", "credential"];
    !key.contains([' ', '/', ':'])
        && (redact::names_a_secret(key) || words.iter().any(|word| key.to_ascii_lowercase().contains(word)))
}

/// Text beside a place without what may be secret: values of environment variables, credentials.
fn hide(text: &str) -> Cow<'_, str> {
    #[expect(clippy::unwrap_used, reason = "the pattern is constant and tested")]
    static VALUES: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(
            r#"(?x) (?P<key> "--?[\w.-]*(?i:password|passwd|secret|token|credential|api-?key)[\w.-]*"\s*,\s* | (?:"value"|\bvalue|(?i:[\w.-]*(?:password|passwd|secret|token|certdata|credential)[\w.-]*)"?)\s*:\s*) (?:"(?:[^"\\]|\\.)*(?:"|$)|[^\s,\}\]"][^,\}\]]*)
            | (?:AKIA|ASIA)[A-Z0-9]{12,} | -----BEGIN.* | \beyJ[A-Za-z0-9_.-]{8,}
            | [A-Za-z0-9+/=]{60,}"#,
        )
        .unwrap()
    });
    #[expect(clippy::unwrap_used, reason = "the pattern is constant and tested")]
    static PAIRS: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r#"(?P<key>["']?(?P<name>[\w.-]+)["']?\s*[:=]\s*)(?:"(?:[^"\\]|\\.)*(?:"|$)|'[^']*(?:'|$))"#)
            .unwrap()
    });
    let hidden = VALUES.replace_all(text, |captures: &regex_lite::Captures<'_>| {
        captures.name("key").map_or_else(|| "***".to_owned(), |key| format!("{}\"***\"", key.as_str()))
    });
    let hidden = Cow::Owned(
        PAIRS
            .replace_all(&hidden, |captures: &regex_lite::Captures<'_>| {
                let part = |name: &str| captures.name(name).map_or("", |part| part.as_str());
                if redact::names_a_secret(part("name")) {
                    format!("{}\"***\"", part("key"))
                } else {
                    captures.get(0).map_or("", |whole| whole.as_str()).to_owned()
                }
            })
            .into_owned(),
    );
    match redact::text(&hidden) {
        Cow::Owned(more) => Cow::Owned(more),
        Cow::Borrowed(_) => hidden,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str, syntax: Syntax, pointer: &str) -> (usize, usize, String) {
        let span = in_text(text, syntax, &[pointer]).pop().unwrap().unwrap();
        (span.line, span.column, span.excerpt.text[span.excerpt.start..span.excerpt.end].to_owned())
    }

    #[test]
    fn columns_in_long_lines_are_those_of_counting() {
        let text = format!("ä\n{}\n{}", "aé€😀".repeat(STRIDE), "x".repeat(3 * STRIDE));
        let lines = Lines::of(&text);
        for (at, _) in text.char_indices().step_by(509) {
            let line = text[..at].matches('\n').count();
            let column = text[..at].rsplit('\n').next().unwrap().chars().count();
            assert_eq!(lines.place(at), (line, column));
            assert_eq!(lines.offset(line, column), at);
        }
        assert_eq!(lines.offset(9, 9), text.len());
        assert_eq!(lines.offset(2, usize::MAX / 2), text.len());
    }

    #[test]
    fn places_in_every_syntax() {
        let json = "{\n  \"Roles\": [\n    {\"RoleName\": \"é\", \"a~/b\": [1, {\"x\": null}]},\n    {\"q\\u0041\": true}\n  ]\n}";
        let stream = "{\"a\": 1}\n{\"b\": [2, 3]}";
        let yaml =
            "a: 1\n---\nlist:\n- name: x\n  deep: {k: 'v'}\n- plain\ntext: |\n  one\n  two\nal: &x {y: 1}\nas: *x\n";
        let toml = "[[rollout]]\nname = \"one\"\n\n[[rollout]]\nname = \"two\"\njobs = [\"a\", \"b\"]\n";
        for (text, syntax, pointer, line, column, shown) in [
            (json, Syntax::Json, "/Roles", 2, 3, "\"Roles\""),
            (json, Syntax::Json, "/Roles/0", 3, 18, "\"é\""),
            (json, Syntax::Json, "/Roles/0/a~0~1b/0", 3, 32, "1"),
            (json, Syntax::Json, "/Roles/0/a~0~1b/1/x", 3, 41, "null"),
            (json, Syntax::Json, "/Roles/0/missing/below", 3, 5, "{"),
            (json, Syntax::Json, "/Roles/1/qA", 4, 17, "true"),
            (json, Syntax::Json, "/Nope", 1, 1, "{"),
            (stream, Syntax::JsonStream, "/1/b/1", 2, 11, "3"),
            (stream, Syntax::JsonStream, "/0/a", 1, 7, "1"),
            (yaml, Syntax::Yaml, "/0/a", 1, 4, "1"),
            (yaml, Syntax::Yaml, "/1/list", 3, 1, "list"),
            (yaml, Syntax::Yaml, "/1/list/0", 4, 9, "x"),
            (yaml, Syntax::Yaml, "/1/list/0/deep/k", 5, 13, "'v'"),
            (yaml, Syntax::Yaml, "/1/list/1", 6, 3, "plain"),
            (yaml, Syntax::Yaml, "/1/as/y", 11, 5, "*x"),
            (toml, Syntax::Toml, "/rollout/1/jobs/1", 6, 14, "\"b\""),
            (toml, Syntax::Toml, "/rollout/1", 5, 8, "\"two\""),
            (toml, Syntax::Toml, "/rollout/0/cluster", 1, 1, "["),
            ("A=1\nexport B=2\n", Syntax::Variables, "/B", 2, 8, "B=2"),
        ] {
            assert_eq!(at(text, syntax, pointer), (line, column, shown.to_owned()), "{syntax:?} {pointer}");
        }
        let text = in_text(yaml, Syntax::Yaml, &["/1/text"]).pop().unwrap().unwrap();
        assert_eq!((text.line, text.end_line), (8, 9));
    }

    #[test]
    fn broken_texts_have_no_places_or_near_ones() {
        for text in ["", "{", "{\"a\"", "{\"a\":", "{\"a\":[1,", "[[[[", "{]}", "}}}", "\"", "{\"a\\"] {
            for syntax in
                [Syntax::Json, Syntax::JsonStream, Syntax::Yaml, Syntax::Toml, Syntax::Variables, Syntax::Plain]
            {
                in_text(text, syntax, &["/a/0", "/0/a", ""]);
            }
        }
    }

    #[test]
    fn excerpts_are_short_and_keep_secrets() {
        let json = "{\"env\": [\n{\"name\": \"A\",\n\"value\": \"hush\"},\n{\"name\": \"B\"}]}";
        let span = in_text(json, Syntax::Json, &["/env/0/name"]).pop().unwrap().unwrap();
        assert_eq!(span.excerpt.text, "{\"env\": [\n{\"name\": \"A\",\n\"value\": \"***\"},");
        let long = format!(
            "{{\"a\": \"{}\", \"b\": 1, \"value\": \"hush\", \"c\": \"{}\"}}",
            "x".repeat(900),
            "y".repeat(900)
        );
        let span = in_text(&long, Syntax::Json, &["/b"]).pop().unwrap().unwrap();
        assert!(span.excerpt.text.chars().count() < 2 * LEAD + 10);
        assert_eq!(&span.excerpt.text[span.excerpt.start..span.excerpt.end], "1");
        assert!(!span.excerpt.text.contains("hush"));
        let bpg = "clusters:\n- id: a\n  userTokenSOPS: plaintext:hush\n  dbPassword: hush\n  weight: 1\n";
        let spans =
            in_text(bpg, Syntax::Yaml, &["/0/clusters/0/userTokenSOPS", "/0/clusters/0/weight", "/0/clusters/0/id"]);
        let texts: Vec<String> = spans.into_iter().map(|span| span.unwrap().excerpt.text).collect();
        assert_eq!(texts[0], "- id: a\n  userTokenSOPS: ***\n  dbPassword: \"***\"");
        assert!(texts.iter().all(|text| !text.contains("hush")), "{texts:?}");
        let env = "A=x\nSPARKPILOT_DATABASE_URL=postgresql://u:hush@h/d\nSPARKPILOT_TOKEN=hush\n";
        let span = in_text(env, Syntax::Variables, &["/SPARKPILOT_DATABASE_URL"]).pop().unwrap().unwrap();
        assert_eq!(span.excerpt.text, "SPARKPILOT_DATABASE_URL=postgresql://u:***@h/d");
        assert_eq!((span.line, span.end_column), (2, 48));
    }
}
