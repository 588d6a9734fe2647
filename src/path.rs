//! JSONPath, as rules write it.
//!
//! A path starts at the subject (`$.cluster.name`), at the rollout around the subject
//! (`$rollout.region`) or at the whole estate (`$estate.iam.roles[*]`). Paths made of names, indexes
//! and `[*]`, which is nearly all of them, are walked here; everything else is RFC 9535 by
//! `jsonpath-rust`, which is kept behind [`Path`] because it answers some expressions wrongly:
//! nested filters, ill-typed functions, several names after `..`. Those are refused when a rule loads.
//!
//! A walk that meets an unknown value does not call what lies below it absent: it says where it was
//! [blocked](Hits::blocked).

use crate::known::Unknown;
use jsonpath_rust::parser::model::{
    Comparable, Comparison, Filter, FilterAtom, FnArg, JpQuery, Segment, Selector, Test, TestFunction,
};
use jsonpath_rust::parser::parse_json_path;
use jsonpath_rust::query::js_path_process;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use std::fmt;
use std::sync::OnceLock;

/// A JSONPath expression with the place where it starts; compiled when first used.
pub struct Path {
    text: String,
    /// Where it starts.
    pub root: Root,
    form: OnceLock<Form>,
    list: OnceLock<Option<Box<Self>>>,
}

/// Where a path starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Root {
    /// `$`: the subject of the rule, or the whole document where there is no subject.
    Subject,
    /// `$rollout`: the rollout in which the subject stands.
    Rollout,
    /// `$estate`: the whole linked document.
    Estate,
}

/// What a path found.
#[derive(Debug, Default)]
pub struct Hits<'a> {
    /// The values, in document order.
    pub found: Vec<Hit<'a>>,
    /// Unknown values that stand where the path wanted to go on.
    pub blocked: Vec<(String, Unknown)>,
    /// The deepest place that was reached, where nothing was found.
    pub nearest: String,
}

/// A value and its JSON pointer from the root that was searched.
#[derive(Debug, Clone)]
pub struct Hit<'a> {
    /// The value.
    pub value: &'a Value,
    /// Its place.
    pub pointer: String,
}

/// Why an expression is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// It does not start with `$`, `$rollout` or `$estate`.
    #[error("a path starts with `$`, `$rollout` or `$estate`, not `{0}`")]
    Root(String),
    /// It is not RFC 9535.
    #[error("`{path}` is not a JSONPath: {why}")]
    Syntax {
        /// The expression.
        path: String,
        /// The parser's reason, on one line.
        why: String,
    },
    /// It is valid, but the engine would answer it wrongly.
    #[error("`{path}` uses {what}, which cannot be answered reliably")]
    Unreliable {
        /// The expression.
        path: String,
        /// The construct.
        what: &'static str,
    },
}

enum Form {
    Steps(Vec<Step>),
    Query {
        /// The steps before the first construct that needs the full language.
        lead: Vec<Step>,
        /// The whole; parsed where the first steps lead anywhere, and mostly they do not.
        query: OnceLock<Result<JpQuery, PathError>>,
    },
}

#[derive(Debug, PartialEq)]
enum Step {
    Name(String),
    Index(usize),
    Each,
}

impl Path {
    /// A path from its text; only its root is looked at now.
    pub fn new(text: impl Into<String>) -> Result<Self, PathError> {
        let text = text.into();
        let root = if after(&text, "$estate").is_some() {
            Root::Estate
        } else if after(&text, "$rollout").is_some() {
            Root::Rollout
        } else if after(&text, "$").is_some() {
            Root::Subject
        } else {
            return Err(PathError::Root(text));
        };
        Ok(Self { text, root, form: OnceLock::new(), list: OnceLock::new() })
    }

    /// The expression as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Compiles the path, so that a mistake in it is seen before it is used.
    pub fn compile(&self) -> Result<(), PathError> {
        match self.form() {
            Form::Steps(_) => Ok(()),
            Form::Query { query, .. } => self.query(query).map(|_| ()).map_err(Clone::clone),
        }
    }

    /// Every value below `root` that the path selects. A path that does not compile finds nothing;
    /// [`Path::compile`] says why.
    pub fn find<'a>(&self, root: &'a Value) -> Hits<'a> {
        self.find_below(root, "")
    }

    /// The same, with pointers that begin with that of the root.
    pub fn find_below<'a>(&self, root: &'a Value, base: &str) -> Hits<'a> {
        match self.form() {
            Form::Steps(steps) => walk(root, steps, base),
            Form::Query { lead, query } => {
                let led = walk(root, lead, base);
                let mut hits = Hits { blocked: led.blocked, nearest: base.to_owned(), ..Hits::default() };
                if !led.found.is_empty()
                    && let Ok(query) = self.query(query)
                    && let Ok(found) = js_path_process(query, root)
                {
                    hits.found = found
                        .into_iter()
                        .map(|hit| Hit { value: hit.val, pointer: pointer_of_normalized(base, &hit.path) })
                        .collect();
                }
                hits
            }
        }
    }

    /// The path of the list whose items it selects: all before the first `[*]`.
    #[must_use]
    pub fn list(&self) -> Option<&Self> {
        let list = || Self::new(self.text.get(..self.text.find("[*]")?)?).ok().map(Box::new);
        self.list.get_or_init(list).as_deref()
    }

    /// The names with which the path begins, as far as they are plain: `["iam", "roles"]`.
    #[must_use]
    pub fn leading_names(&self) -> Vec<&str> {
        let steps = match self.form() {
            Form::Steps(steps) => steps.as_slice(),
            Form::Query { lead, .. } => lead.as_slice(),
        };
        steps.iter().map_while(|step| if let Step::Name(name) = step { Some(name.as_str()) } else { None }).collect()
    }

    fn form(&self) -> &Form {
        self.form.get_or_init(|| {
            let (lead, left) = steps_of(self.steps());
            if left.is_empty() { Form::Steps(lead) } else { Form::Query { lead, query: OnceLock::new() } }
        })
    }

    /// What follows the root.
    fn steps(&self) -> &str {
        let root = match self.root {
            Root::Subject => "$",
            Root::Rollout => "$rollout",
            Root::Estate => "$estate",
        };
        after(&self.text, root).unwrap_or_default()
    }

    fn query<'q>(&self, query: &'q OnceLock<Result<JpQuery, PathError>>) -> Result<&'q JpQuery, &'q PathError> {
        query.get_or_init(|| parse(&self.text, self.steps())).as_ref()
    }
}

/// The rest of `text` after a root, if what follows continues a path.
fn after<'t>(text: &'t str, root: &str) -> Option<&'t str> {
    text.strip_prefix(root).filter(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

fn parse(text: &str, steps: &str) -> Result<JpQuery, PathError> {
    let query = parse_json_path(&format!("${steps}"))
        .map_err(|error| PathError::Syntax { path: text.to_owned(), why: reason(&error.to_string()) })?;
    match unreliable(&query.segments, false) {
        Some(what) => Err(PathError::Unreliable { path: text.to_owned(), what }),
        None => Ok(query),
    }
}

/// What the parser expected, without its drawing of the place.
fn reason(error: &str) -> String {
    let line = error.lines().rev().find_map(|line| line.trim().strip_prefix("= ")).unwrap_or(error);
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The plain steps at the beginning of `rest`, and what is left after them.
fn steps_of(mut rest: &str) -> (Vec<Step>, &str) {
    let mut steps = Vec::new();
    loop {
        let parsed = if let Some(tail) = rest.strip_prefix('.') {
            let end = tail.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(tail.len());
            let (name, tail) = tail.split_at(end);
            let starts_well = name.starts_with(|c: char| c.is_alphabetic() || c == '_');
            starts_well.then(|| (Step::Name(name.to_owned()), tail))
        } else if let Some(tail) = rest.strip_prefix("[*]") {
            Some((Step::Each, tail))
        } else if let Some((name, tail)) = rest.strip_prefix("['").and_then(|tail| tail.split_once("']")) {
            (!name.contains(['\'', '\\'])).then(|| (Step::Name(name.to_owned()), tail))
        } else {
            rest.strip_prefix('[')
                .and_then(|tail| tail.split_once(']'))
                .and_then(|(digits, tail)| Some((Step::Index(digits.parse().ok()?), tail)))
        };
        match parsed {
            Some((step, tail)) => {
                steps.push(step);
                rest = tail;
            }
            None => return (steps, rest),
        }
    }
}

/// A value that was reached: through which one before it, and by which step. Pointers are written for those
/// that are told, and only for those.
struct Reached<'a> {
    value: &'a Value,
    from: usize,
    token: Token<'a>,
    /// The length of its pointer.
    length: usize,
}

#[derive(Clone, Copy)]
enum Token<'a> {
    Root,
    Name(&'a str),
    Index(usize),
}

impl Token<'_> {
    /// How many bytes it adds to a pointer.
    fn length(self) -> usize {
        match self {
            Self::Root => 0,
            Self::Name(name) => 1 + name.len() + name.bytes().filter(|byte| matches!(byte, b'~' | b'/')).count(),
            Self::Index(index) => 2 + index.checked_ilog10().unwrap_or(0) as usize,
        }
    }
}

fn walk<'a>(root: &'a Value, steps: &[Step], base: &str) -> Hits<'a> {
    let mut reached = vec![Reached { value: root, from: 0, token: Token::Root, length: base.len() }];
    let (mut level, mut nearest) = (0..1, 0);
    let mut blocked = Vec::new();
    for step in steps {
        for from in level.clone() {
            let Some(Reached { value, length, .. }) = reached.get(from) else { continue };
            let (value, length) = (*value, *length);
            if let Some(unknown) = Unknown::of(value) {
                blocked.push((from, unknown));
                continue;
            }
            let before = reached.len();
            let mut reach = |token: Token<'a>, value: &'a Value| {
                reached.push(Reached { value, from, token, length: length + token.length() });
            };
            match (step, value) {
                (Step::Name(name), Value::Object(object)) => {
                    if let Some((name, value)) = object.get_key_value(name) {
                        reach(Token::Name(name), value);
                    }
                }
                (Step::Index(index), Value::Array(items)) => {
                    if let Some(value) = items.get(*index) {
                        reach(Token::Index(*index), value);
                    }
                }
                (Step::Each, Value::Array(items)) => {
                    items.iter().enumerate().for_each(|(index, value)| reach(Token::Index(index), value));
                }
                (Step::Each, Value::Object(object)) => {
                    object.iter().for_each(|(name, value)| reach(Token::Name(name), value));
                }
                _ => {}
            }
            let longest = if nearest == 0 { 0 } else { reached.get(nearest).map_or(0, |nearest| nearest.length) };
            if reached.len() == before && length >= longest {
                nearest = from;
            }
        }
        level = level.end..reached.len();
    }
    let pointer = |of: usize| {
        let mut tokens = Vec::new();
        let (mut at, mut length) = (of, 0);
        while let Some(here) = reached.get(at) {
            length = length.max(here.length);
            if matches!(here.token, Token::Root) {
                break;
            }
            tokens.push(here.token);
            at = here.from;
        }
        let mut pointer = String::with_capacity(length);
        pointer.push_str(base);
        for token in tokens.into_iter().rev() {
            push(&mut pointer, token);
        }
        pointer
    };
    Hits {
        found: level.filter_map(|at| Some(Hit { value: reached.get(at)?.value, pointer: pointer(at) })).collect(),
        blocked: blocked.into_iter().map(|(at, unknown)| (pointer(at), unknown)).collect(),
        nearest: pointer(nearest),
    }
}

fn push(pointer: &mut String, token: Token<'_>) {
    match token {
        Token::Root => {}
        Token::Name(name) => {
            pointer.push('/');
            pointer.push_str(&escape(name));
        }
        Token::Index(index) => {
            pointer.push('/');
            pointer.push_str(&index.to_string());
        }
    }
}

/// A name as a reference token of a JSON pointer (RFC 6901).
#[must_use]
pub fn escape(name: &str) -> String {
    if !name.contains(['~', '/']) {
        return name.to_owned();
    }
    name.replace('~', "~0").replace('/', "~1")
}

/// A reference token of a JSON pointer as the name that it stands for.
#[must_use]
pub fn unescape(token: &str) -> String {
    token.replace("~1", "/").replace("~0", "~")
}

/// `$['a'][0]['b']` as `/a/0/b`, below what stands at the base.
fn pointer_of_normalized(base: &str, path: &str) -> String {
    let mut pointer = base.to_owned();
    let mut rest = path.strip_prefix('$').unwrap_or(path);
    while let Some(tail) = rest.strip_prefix('[') {
        if let Some(quoted) = tail.strip_prefix('\'') {
            let mut name = String::new();
            let mut chars = quoted.char_indices();
            let mut end = quoted.len();
            while let Some((at, c)) = chars.next() {
                match c {
                    '\'' => {
                        end = at + 1;
                        break;
                    }
                    '\\' => match chars.next().map(|(_, c)| c) {
                        Some('n') => name.push('\n'),
                        Some('t') => name.push('\t'),
                        Some('r') => name.push('\r'),
                        Some('b') => name.push('\u{8}'),
                        Some('f') => name.push('\u{c}'),
                        Some('u') => {
                            let code: String = chars.by_ref().take(4).map(|(_, c)| c).collect();
                            name.extend(u32::from_str_radix(&code, 16).ok().and_then(char::from_u32));
                        }
                        Some(other) => name.push(other),
                        None => break,
                    },
                    other => name.push(other),
                }
            }
            pointer.push('/');
            pointer.push_str(&escape(&name));
            rest = quoted.get(end..).unwrap_or_default().strip_prefix(']').unwrap_or_default();
        } else {
            let (index, tail) = tail.split_once(']').unwrap_or((tail, ""));
            pointer.push('/');
            pointer.push_str(index);
            rest = tail;
        }
    }
    pointer
}

/// The first construct in the query that `jsonpath-rust` 1.0 is known to answer wrongly.
fn unreliable(segments: &[Segment], in_filter: bool) -> Option<&'static str> {
    segments.iter().find_map(|segment| match segment {
        Segment::Descendant(inner) => match &**inner {
            Segment::Selectors(_) => Some("several selectors after `..`"),
            other => unreliable(std::slice::from_ref(other), in_filter),
        },
        Segment::Selector(selector) => unreliable_selector(selector, in_filter),
        Segment::Selectors(selectors) => selectors.iter().find_map(|s| unreliable_selector(s, in_filter)),
    })
}

fn unreliable_selector(selector: &Selector, in_filter: bool) -> Option<&'static str> {
    match selector {
        Selector::Filter(_) if in_filter => Some("a filter inside a filter"),
        Selector::Filter(filter) => unreliable_filter(filter),
        _ => None,
    }
}

fn unreliable_filter(filter: &Filter) -> Option<&'static str> {
    match filter {
        Filter::Or(parts) | Filter::And(parts) => parts.iter().find_map(unreliable_filter),
        Filter::Atom(FilterAtom::Filter { expr, .. }) => unreliable_filter(expr),
        Filter::Atom(FilterAtom::Test { expr, .. }) => match &**expr {
            Test::Function(function) if !matches!(**function, TestFunction::Search(..) | TestFunction::Match(..)) => {
                Some("a function as a test that does not answer true or false")
            }
            test => unreliable_test(test),
        },
        Filter::Atom(FilterAtom::Comparison(comparison)) => {
            let (left, right) = match &**comparison {
                Comparison::Eq(l, r)
                | Comparison::Ne(l, r)
                | Comparison::Gt(l, r)
                | Comparison::Gte(l, r)
                | Comparison::Lt(l, r)
                | Comparison::Lte(l, r) => (l, r),
            };
            [left, right].into_iter().find_map(|side| match side {
                Comparable::Function(function) => unreliable_function(function),
                Comparable::Literal(_) | Comparable::SingularQuery(_) => None,
            })
        }
    }
}

fn unreliable_test(test: &Test) -> Option<&'static str> {
    match test {
        Test::RelQuery(segments) => unreliable(segments, true),
        Test::AbsQuery(query) => unreliable(&query.segments, true),
        Test::Function(function) => unreliable_function(function),
    }
}

fn unreliable_function(function: &TestFunction) -> Option<&'static str> {
    let singular = |argument: &FnArg| match argument {
        FnArg::Literal(_) => true,
        FnArg::Filter(_) => false,
        FnArg::Test(test) => match &**test {
            Test::RelQuery(segments) => segments.iter().all(is_singular),
            Test::AbsQuery(query) => query.segments.iter().all(is_singular),
            Test::Function(inner) => inner.is_comparable(),
        },
    };
    let arguments = match function {
        TestFunction::Custom(..) => return Some("a function that RFC 9535 does not know"),
        TestFunction::Length(argument) => {
            if !singular(argument) {
                return Some("`length` of more than one value");
            }
            vec![&**argument]
        }
        TestFunction::Value(argument) | TestFunction::Count(argument) => vec![argument],
        TestFunction::Search(text, pattern) | TestFunction::Match(text, pattern) => {
            if !singular(text) || !singular(pattern) {
                return Some("`match` or `search` of more than one value");
            }
            vec![text, pattern]
        }
    };
    arguments.into_iter().find_map(|argument| match argument {
        FnArg::Test(test) => unreliable_test(test),
        FnArg::Literal(_) | FnArg::Filter(_) => None,
    })
}

fn is_singular(segment: &Segment) -> bool {
    matches!(segment, Segment::Selector(Selector::Name(_) | Selector::Index(_)))
}

impl Clone for Path {
    fn clone(&self) -> Self {
        Self { text: self.text.clone(), root: self.root, form: OnceLock::new(), list: OnceLock::new() }
    }
}

impl fmt::Debug for Path {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Path({:?})", self.text)
    }
}

impl Serialize for Path {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Path {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pointers(path: &str, document: &Value) -> Vec<String> {
        let path = Path::new(path).unwrap();
        path.compile().unwrap();
        path.find(document).found.into_iter().map(|hit| hit.pointer).collect()
    }

    #[test]
    fn finds_values_and_their_pointers() {
        let document =
            json!({"iam": {"roles": [{"Arn": "a", "n": 1}, {"Arn": "b", "n": 2}]}, "a/b": {"~": [true]}, "q'": 1});
        for (path, expected) in [
            ("$", vec![""]),
            ("$estate.iam.roles[*].Arn", vec!["/iam/roles/0/Arn", "/iam/roles/1/Arn"]),
            ("$.iam.roles[1]", vec!["/iam/roles/1"]),
            ("$.iam.roles[-1]", vec!["/iam/roles/1"]),
            ("$.iam.roles[?@.n > 1].Arn", vec!["/iam/roles/1/Arn"]),
            ("$['a/b']['~'][0]", vec!["/a~1b/~0/0"]),
            ("$[?@ == 1]", vec!["/q'"]),
            ("$..Arn", vec!["/iam/roles/0/Arn", "/iam/roles/1/Arn"]),
            ("$.iam.users[*]", vec![]),
        ] {
            assert_eq!(pointers(path, &document), expected, "{path}");
        }
    }

    #[test]
    fn what_lies_below_an_unknown_is_not_absent() {
        let document = json!({"cluster": {"$unknown": "not described"}, "list": [{"$unknown": "x"}, {"a": 1}]});
        let hits = Path::new("$.cluster.name").unwrap().find(&document);
        assert!(hits.found.is_empty());
        assert_eq!(hits.blocked[0].0, "/cluster");
        let hits = Path::new("$.list[*].a").unwrap().find(&document);
        assert_eq!((hits.found.len(), hits.blocked.len()), (1, 1));
        let hits = Path::new("$.cluster.x[?@.a == 1]").unwrap().find(&document);
        assert_eq!(hits.blocked.len(), 1);
    }

    #[test]
    fn refuses_what_would_be_answered_wrongly() {
        for path in [
            "$[?@[?@>1]]",
            "$.a[?@.b[?@.c == 1]]",
            "$..['a','d']",
            "$[?length(@.*)<3]",
            "$[?count(@..*)]",
            "$[?value(@.a)]",
            "$[?length(@.a)]",
            "$[?custom(@.a)]",
        ] {
            assert!(Path::new(path).unwrap().compile().is_err(), "{path}");
        }
        for path in ["a.b", "$x", "", "$estates.a", "$.a[", "$.a[?]", "$.'a'", "$[?@.a ==]"] {
            assert!(Path::new(path).and_then(|path| path.compile()).is_err(), "{path}");
        }
        for path in ["$[?length(@.a)<3]", "$[?count(@.*)>2]", "$[?match(@.a,'x.*')]", "$[?@.a && !@.b]"] {
            assert!(Path::new(path).and_then(|path| path.compile()).is_ok(), "{path}");
        }
    }

    #[test]
    fn deep_expressions_do_not_overflow() {
        let path = format!("${}", "[?(".repeat(10_000));
        assert!(Path::new(path).unwrap().compile().is_err());
    }
}
