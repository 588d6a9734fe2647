//! Arguments of the AWS command line: options, JSON, the shorthand syntax, files.
//!
//! <https://docs.aws.amazon.com/cli/latest/userguide/cli-usage-parameters.html>

use super::super::code::json::{self, Piece, PiecePart};
use super::super::code::{At, Form, Node, Where};
use super::super::shell::{Word, part_of};
use super::files::Files;
use crate::known::{Part, Text};
use std::collections::BTreeMap;

/// How deep the shorthand syntax may be nested.
const DEPTH: usize = 16;

/// The arguments of one command.
#[derive(Debug, Default)]
pub(super) struct Arguments {
    /// The words before and between the options.
    pub(super) plain: Vec<Word>,
    /// The values of each option, without its hyphens.
    pub(super) options: BTreeMap<String, Vec<Word>>,
}

/// How the fields of a request are written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Case {
    /// `releaseLabel`.
    Camel,
    /// `ReleaseLabel`.
    Pascal,
}

/// Options that are no fields of a request.
const GLOBAL: &[&str] = &[
    "region",
    "profile",
    "output",
    "query",
    "endpoint-url",
    "no-cli-pager",
    "debug",
    "no-paginate",
    "no-verify-ssl",
    "cli-input-json",
    "cli-input-yaml",
    "generate-cli-skeleton",
    "cli-binary-format",
    "color",
    "no-sign-request",
    "cli-read-timeout",
    "cli-connect-timeout",
    "approve",
    "override-existing-serviceaccounts",
];

/// Options whose values are objects, or lists of them.
const STRUCTURES: &[&str] = &[
    "job-driver",
    "configuration-overrides",
    "container-provider",
    "tags",
    "retry-policy-configuration",
    "retry-policy",
    "job-template-data",
    "scaling-config",
    "resources-vpc-config",
    "access-config",
    "logging",
    "encryption-config",
    "initial-capacity",
    "maximum-capacity",
    "auto-start-configuration",
    "auto-stop-configuration",
    "network-configuration",
    "labels",
    "taints",
    "selectors",
    "access-scope",
    "ec2-attributes",
    "instance-groups",
    "instance-fleets",
    "applications",
    "steps",
    "configurations",
    "bootstrap-actions",
    "auto-termination-policy",
    "managed-scaling-policy",
    "image-configuration",
    "worker-type-specifications",
    "runtime-configuration",
    "monitoring-configuration",
    "update-config",
    "remote-access",
    "job-template-parameters",
    "interactive-configuration",
];

/// Options that take several values, of which one is a list too.
const LISTS: &[&str] = &[
    "instance-types",
    "subnets",
    "security-group-ids",
    "applications",
    "steps",
    "instance-groups",
    "instance-fleets",
    "taints",
    "selectors",
    "client-id-list",
    "thumbprint-list",
    "kubernetes-groups",
    "bootstrap-actions",
    "encryption-config",
];

impl Arguments {
    /// Sorts the words of a command.
    pub(super) fn of(words: &[Word]) -> Self {
        let mut found = Self::default();
        let mut open: Option<String> = None;
        for word in words {
            if let Some((name, value)) = option(word) {
                let values = found.options.entry(name.clone()).or_default();
                match value {
                    Some(value) => {
                        values.push(value);
                        open = None;
                    }
                    None => open = Some(name),
                }
                continue;
            }
            match open.as_ref().and_then(|open| found.options.get_mut(open)) {
                Some(values) => values.push(word.clone()),
                None => found.plain.push(word.clone()),
            }
        }
        found
    }

    /// The value of an option, by any of its names.
    pub(super) fn word(&self, names: &[&str]) -> Option<&Word> {
        names.iter().find_map(|name| self.options.get(*name)?.first())
    }

    /// The value of an option as a text.
    pub(super) fn text(&self, names: &[&str]) -> Option<Text> {
        self.word(names).map(Word::text)
    }

    /// The value of an option with its place; null where it is not given.
    pub(super) fn node(&self, names: &[&str]) -> Node {
        self.word(names).map_or_else(|| Node::new(Form::Null), Word::node)
    }

    /// Whether an option is there that takes no value, and is not taken back.
    pub(super) fn flag(&self, name: &str) -> bool {
        self.options
            .get(name)
            .is_some_and(|values| values.first().is_none_or(|value| value.plain().as_deref() != Some("false")))
    }

    /// All options as the fields of a request, over what a file of input has.
    pub(super) fn request(&self, case: Case, files: &Files<'_>) -> Node {
        let mut fields: Vec<(String, Node)> = Vec::new();
        let mut at = None;
        if let Some(word) = self.word(&["cli-input-json", "cli-input-yaml"]) {
            let input = value(word, files);
            at.clone_from(&input.at);
            let below = input.at.clone();
            if let Form::Object(own) = input.form {
                fields = own
                    .into_iter()
                    .map(|(key, node)| {
                        let place = node.at.clone().or_else(|| below_of(&below, &key));
                        (key, node.written(place))
                    })
                    .collect();
            }
        }
        for (name, words) in &self.options {
            if GLOBAL.contains(&name.as_str()) {
                continue;
            }
            let Some(node) = self.field(name, words, files) else { continue };
            let field = field_name(name, case);
            fields.retain(|(key, _)| *key != field);
            fields.push((field, node));
        }
        Node::new(Form::Object(fields)).written(at)
    }

    fn field(&self, name: &str, words: &[Word], files: &Files<'_>) -> Option<Node> {
        let structure = STRUCTURES.contains(&name);
        let one = |word: &Word| if structure { value(word, files) } else { scalar(word, files) };
        match words {
            [] => None,
            [word] => {
                let node = one(word);
                let is_list = LISTS.contains(&name) && !matches!(node.form, Form::List(_) | Form::Unknown(_));
                Some(if is_list { Node::new(Form::List(vec![node])) } else { node })
            }
            // `--tags a=1 b=2` is one object, a list of values is a list.
            several if matches!(name, "tags" | "labels") => {
                let mut all = Vec::new();
                for word in several {
                    if let Form::Object(fields) = one(word).form {
                        all.extend(fields);
                    }
                }
                Some(Node::new(Form::Object(all)))
            }
            several => Some(Node::new(Form::List(several.iter().map(one).collect()))),
        }
    }
}

/// The place of what stands below one that is told by a pointer.
pub(super) fn below_of(at: &Option<At>, key: &str) -> Option<At> {
    match at {
        Some(At { file, span: Where::Pointer(pointer) }) => {
            Some(At { file: *file, span: Where::Pointer(format!("{pointer}/{}", crate::path::escape(key))) })
        }
        other => other.clone(),
    }
}

/// The name of an option, and its value where it follows an equals sign.
pub(super) fn option(word: &Word) -> Option<(String, Option<Word>)> {
    let PiecePart::Literal(first) = &word.pieces.first()?.part else { return None };
    let body = first.strip_prefix("--").or_else(|| first.strip_prefix('-').filter(|rest| rest.len() == 1))?;
    let hyphens = first.len() - body.len();
    let name = body.split('=').next().unwrap_or_default();
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if !is_name {
        return None;
    }
    let has_value = body.len() > name.len() || word.pieces.len() > 1;
    if has_value && body.len() == name.len() {
        return None;
    }
    let value = has_value.then(|| word.after(hyphens + name.len() + 1));
    Some((name.to_owned(), value))
}

/// The field of a request that an option sets.
fn field_name(option: &str, case: Case) -> String {
    let mut name = String::new();
    for (index, part) in option.split('-').enumerate() {
        let mut letters = part.chars();
        match letters.next() {
            Some(first) if index > 0 || case == Case::Pascal => {
                name.extend(first.to_uppercase());
                name.push_str(letters.as_str());
            }
            Some(_) => name.push_str(part),
            None => {}
        }
    }
    name
}

/// A value that is a text, also where it is in a file.
fn scalar(word: &Word, files: &Files<'_>) -> Node {
    if word.begins("file://")
        || word.begins("fileb://")
        || opens(word).is_some_and(|first| first == '[' || first == '{')
    {
        value(word, files)
    } else {
        word.node()
    }
}

/// The first letter that is not blank.
fn opens(word: &Word) -> Option<char> {
    match &word.pieces.first()?.part {
        PiecePart::Literal(literal) => literal.trim_start().chars().next(),
        _ => None,
    }
}

/// The value of an argument: a file, JSON, or the shorthand syntax.
pub(super) fn value(word: &Word, files: &Files<'_>) -> Node {
    for scheme in ["file://", "fileb://"] {
        if word.begins(scheme) {
            return files.node(&word.after(scheme.len()).text(), word.at());
        }
    }
    if matches!(opens(word), Some('{' | '[')) {
        return match json::parse(&word.pieces) {
            Ok(node) => node.written(word.at()),
            Err(_) => Node::unknown("an argument that is no JSON").written(word.at()),
        };
    }
    let text = word.text();
    let is_pair = text.parts().iter().any(|part| matches!(part, Part::Literal(text) if text.contains('=')));
    if is_pair { shorthand(word).unwrap_or_else(|| word.node()) } else { word.node() }
}

/// The shorthand syntax: `key=value,key={key=value},key=[value,value]`.
pub(super) fn shorthand(word: &Word) -> Option<Node> {
    let mut symbols = Vec::new();
    for piece in &word.pieces {
        match &piece.part {
            PiecePart::Literal(literal) => {
                for (at, letter) in literal.char_indices() {
                    symbols.push(Symbol { letter: Some(letter), piece: part_of(piece, at..at + letter.len_utf8())? });
                }
            }
            _ => symbols.push(Symbol { letter: None, piece: piece.clone() }),
        }
    }
    let mut parser = Shorthand { symbols, at: 0 };
    let node = parser.pairs(None, 0)?;
    (parser.at == parser.symbols.len()).then(|| node.written(word.at()))
}

struct Symbol {
    letter: Option<char>,
    piece: Piece,
}

struct Shorthand {
    symbols: Vec<Symbol>,
    at: usize,
}

impl Shorthand {
    fn peek(&self) -> Option<char> {
        self.symbols.get(self.at).and_then(|symbol| symbol.letter)
    }

    fn ended(&self) -> bool {
        self.at >= self.symbols.len()
    }

    fn blanks(&mut self) {
        while self.peek().is_some_and(char::is_whitespace) {
            self.at += 1;
        }
    }

    fn pairs(&mut self, close: Option<char>, depth: usize) -> Option<Node> {
        if depth > DEPTH {
            return None;
        }
        let mut fields: Vec<(String, Node)> = Vec::new();
        loop {
            self.blanks();
            if close.is_some() && self.peek() == close {
                self.at += 1;
                return Some(Node::new(Form::Object(fields)));
            }
            if self.ended() {
                return close.is_none().then(|| Node::new(Form::Object(fields)));
            }
            let key = self.key()?;
            let node = self.value(depth)?;
            let mut values = vec![node];
            // `key=a,b` is a list: what follows a comma and is no pair belongs to the value before it.
            loop {
                self.blanks();
                if self.peek() == Some(',') && !self.pair_follows() {
                    self.at += 1;
                    values.push(self.value(depth)?);
                } else {
                    break;
                }
            }
            let node = if values.len() == 1 { values.pop()? } else { Node::new(Form::List(values)) };
            fields.push((key, node));
            if self.peek() == Some(',') {
                self.at += 1;
            } else if !(self.ended() || close.is_some() && self.peek() == close) {
                return None;
            }
        }
    }

    /// Whether a key and an equals sign follow the comma, or nothing does.
    fn pair_follows(&self) -> bool {
        let mut at = self.at + 1;
        let letter = |at: usize| self.symbols.get(at).and_then(|symbol| symbol.letter);
        while letter(at).is_some_and(char::is_whitespace) {
            at += 1;
        }
        let start = at;
        while letter(at).is_some_and(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ':' | '/')) {
            at += 1;
        }
        (at > start && letter(at) == Some('=')) || at >= self.symbols.len() && at == start
    }

    fn key(&mut self) -> Option<String> {
        let mut key = String::new();
        while let Some(letter) = self.peek() {
            if letter == '=' {
                self.at += 1;
                return (!key.is_empty()).then(|| key.trim().to_owned());
            }
            if matches!(letter, '{' | '}' | '[' | ']' | ',') {
                return None;
            }
            key.push(letter);
            self.at += 1;
        }
        None
    }

    fn value(&mut self, depth: usize) -> Option<Node> {
        if depth > DEPTH {
            return None;
        }
        self.blanks();
        match self.peek() {
            Some('{') => {
                self.at += 1;
                self.pairs(Some('}'), depth + 1)
            }
            Some('[') => {
                self.at += 1;
                let mut items = Vec::new();
                loop {
                    self.blanks();
                    match self.peek() {
                        Some(']') => {
                            self.at += 1;
                            return Some(Node::new(Form::List(items)));
                        }
                        Some(',') => self.at += 1,
                        // A brace closes no list, and no value begins with one.
                        Some('}') => return None,
                        None if self.ended() => return None,
                        _ => items.push(self.value(depth + 1)?),
                    }
                }
            }
            Some(quote @ ('"' | '\'')) => {
                self.at += 1;
                let mut pieces = Vec::new();
                while let Some(symbol) = self.symbols.get(self.at) {
                    self.at += 1;
                    if symbol.letter == Some(quote) {
                        return Some(joined(pieces).node());
                    }
                    if symbol.letter == Some('\\') && self.peek().is_some_and(|next| next == quote || next == '\\') {
                        continue;
                    }
                    pieces.push(symbol.piece.clone());
                }
                None
            }
            _ => {
                let mut pieces = Vec::new();
                while let Some(symbol) = self.symbols.get(self.at) {
                    if matches!(symbol.letter, Some(',' | '}' | ']')) {
                        break;
                    }
                    pieces.push(symbol.piece.clone());
                    self.at += 1;
                }
                let word = joined(pieces);
                let node = word.node();
                // Counts are numbers to whoever reads them.
                let number = word.plain().filter(|text| {
                    !text.is_empty()
                        && text.len() < 10
                        && text.bytes().all(|byte| byte.is_ascii_digit())
                        && (text == "0" || !text.starts_with('0'))
                });
                Some(match number.and_then(|text| text.parse::<u64>().ok()) {
                    Some(number) => Node::new(Form::Number(number.into())).written(node.at),
                    None => node,
                })
            }
        }
    }
}

/// Pieces of single letters as a word.
fn joined(pieces: Vec<Piece>) -> Word {
    let mut word = Word::default();
    for piece in pieces {
        match (word.pieces.last_mut(), &piece.part, &piece.at) {
            (
                Some(Piece { part: PiecePart::Literal(text), at: Some(At { span: Where::Bytes(_, to), .. }) }),
                PiecePart::Literal(letter),
                Some(At { span: Where::Bytes(start, end), .. }),
            ) if to == start => {
                text.push_str(letter);
                *to = *end;
            }
            _ => word.pieces.push(piece),
        }
    }
    let ends = word.pieces.iter().filter_map(|piece| match &piece.at {
        Some(At { span: Where::Bytes(start, end), .. }) => Some((*start as usize, *end as usize)),
        _ => None,
    });
    let range = ends.reduce(|one, other| (one.0.min(other.0), one.1.max(other.1)));
    word.span = range.map_or(0..0, |(start, end)| start..end);
    word
}
