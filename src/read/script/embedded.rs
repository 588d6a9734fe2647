//! Files that stand inside of a script: here-documents that hold manifests or a configuration of eksctl.
//!
//! They are read as what they are, whatever the command does with them: `kubectl apply -f -` applies them, `cat` writes
//! them into a file that a later line applies. Variables that the script sets stand for their values; everything keeps
//! its place in the script.
//!
//! Deliberately absent: what a command takes away.

use super::super::code::json::PiecePart;
use super::super::code::{At, Code, Declared, Form, Node, Where};
use super::super::shell::{Command, Word};
use super::super::{chart, eksctl, helm_values, manifest, place, placeholder, written};
use super::{each, spread, visit};
use crate::estate::{Gap, Syntax};
use crate::known::{Part, Text};
use std::collections::BTreeMap;
use std::ops::Range;

/// What a here-document of a command holds, if that is anything that is read.
pub(super) fn read(command: &Command, path: &str, text: &str) -> Option<(Vec<Declared>, Vec<Gap>)> {
    let name = command.words.first().and_then(Word::plain)?;
    let takes_away = command.words.get(1).and_then(Word::plain).is_some_and(|verb| {
        matches!(verb.as_str(), "delete" | "get" | "diff") || verb == "upgrade" && name.ends_with("eksctl")
    });
    if takes_away {
        return None;
    }
    let body = command.input.as_ref()?;
    let document = Document::of(body, text);
    // Values are told by the name of their file.
    let target = command.output.as_ref().and_then(Word::plain).unwrap_or_default();
    let code = eksctl::read(&target, &document.text)
        .or_else(|| manifest::read(&target, &document.text))
        .or_else(|| helm_values::read(&target, &document.text))
        .or_else(|| broken(&document.text))?;
    let gaps = code.gaps.iter().map(|gap| document.gap(gap, path, text)).collect();
    Some((document.placed(code), gaps))
}

/// The values of a release in a here-document.
pub(super) fn values(body: &Word, text: &str) -> Option<Node> {
    let document = Document::of(body, text);
    let config = chart::file::values(&document.text, 0)?;
    let code = written::code("", "", Syntax::Yaml, vec![Declared::Gateway { config }], None);
    document.placed(code).into_iter().find_map(|declared| match declared {
        Declared::Gateway { config } => Some(config),
        _ => None,
    })
}

/// A file of Kubernetes that cannot be read at all.
fn broken(text: &str) -> Option<Code> {
    if !text.contains("apiVersion:") || !text.contains("kind:") || placeholder::is_program(text) {
        return None;
    }
    let fault = written::yaml_documents(text).fault?;
    Some(written::code("manifest", "", Syntax::Yaml, Vec::new(), Some(fault)))
}

/// The text of a here-document as the command gets it, and where each stretch of it was written.
struct Document {
    text: String,
    stretches: Vec<Stretch>,
    /// Names that stand in the text for holes that no file could name.
    holes: BTreeMap<String, String>,
}

/// A stretch of a text.
struct Stretch {
    /// The bytes in the text.
    range: Range<usize>,
    /// Where it begins in the script, if it stands there letter by letter.
    written: Option<usize>,
    /// Where the script comes to at its end.
    until: usize,
    /// Where its value was written, if that is elsewhere.
    at: Option<At>,
}

impl Document {
    fn of(body: &Word, script: &str) -> Self {
        let raw = script.get(body.span.clone()).unwrap_or_default();
        let mut document =
            Self { text: String::with_capacity(raw.len()), stretches: Vec::new(), holes: BTreeMap::new() };
        let indent = indent(raw);
        let mut until = body.span.start;
        for piece in &body.pieces {
            let here = match &piece.at {
                Some(At { span: Where::Bytes(start, end), .. }) => Some(*start as usize..*end as usize),
                _ => None,
            };
            let here = here.filter(|range| body.span.start <= range.start && range.end <= body.span.end);
            let source = here.clone().and_then(|range| script.get(range));
            match (&piece.part, here, source) {
                (PiecePart::Literal(literal), Some(range), Some(source)) if literal.len() == source.len() => {
                    until = range.end;
                    document.verbatim(literal, range.start, indent);
                }
                (PiecePart::Literal(literal), here, _) => {
                    until = here.map_or(until, |range| range.end);
                    document.push(literal, None, until, piece.at.clone());
                }
                // What is to be filled in by hand is told apart by its brackets.
                (PiecePart::Hole(_), Some(range), Some(source)) if !source.starts_with(['$', '`']) => {
                    until = range.end;
                    document.push(source, Some(range.start), until, None);
                }
                (PiecePart::Hole(name), here, _) => {
                    until = here.map_or(until, |range| range.end);
                    let name = document.named(name);
                    document.push(&format!("${{{name}}}"), None, until, piece.at.clone());
                }
                (PiecePart::Value(_), here, _) => {
                    until = here.map_or(until, |range| range.end);
                    document.push("${VALUE}", None, until, piece.at.clone());
                }
            }
        }
        document
    }

    /// A name for a hole, such as a placeholder has.
    fn named(&mut self, hole: &str) -> String {
        let written = format!("${{{hole}}}");
        if placeholder::scan(&written).iter().any(|found| found.name == hole && found.end == written.len()) {
            return hole.to_owned();
        }
        let name = format!("HOLE_{}_OF_THE_SCRIPT", self.holes.len());
        self.holes.insert(name.clone(), hole.to_owned());
        name
    }

    /// Adds what stands in the script, without the indentation that all of it has.
    fn verbatim(&mut self, literal: &str, from: usize, indent: Indent) {
        let mut at = from;
        for line in literal.split_inclusive('\n') {
            let blanks = line.len() - line.trim_start_matches([' ', '\t']).len();
            let cut = if self.text.is_empty() || self.text.ends_with('\n') {
                match indent {
                    Indent::Tabs => line.len() - line.trim_start_matches('\t').len(),
                    Indent::Blanks(count) => count.min(blanks),
                }
            } else {
                0
            };
            self.push(line.get(cut..).unwrap_or_default(), Some(at + cut), at + line.len(), None);
            at += line.len();
        }
    }

    fn push(&mut self, text: &str, written: Option<usize>, until: usize, at: Option<At>) {
        let start = self.text.len();
        self.text.push_str(text);
        self.stretches.push(Stretch { range: start..self.text.len(), written, until, at });
    }

    /// Where in the script a range of the text was written.
    fn place(&self, range: Range<usize>) -> At {
        let at = |byte: usize| {
            let number = self.stretches.partition_point(|stretch| stretch.range.end <= byte);
            self.stretches.get(number).or(self.stretches.last())
        };
        let first = at(range.start);
        if let Some(Stretch { range: whole, written: None, at: Some(place), .. }) = first
            && range.end <= whole.end
        {
            return place.clone();
        }
        let start = first.map_or(0, |stretch| match stretch.written {
            Some(written) => written + range.start.saturating_sub(stretch.range.start),
            None => stretch.until,
        });
        let end = at(range.end.saturating_sub(1)).map_or(start, |stretch| match stretch.written {
            Some(written) => written + range.end.saturating_sub(stretch.range.start),
            None => stretch.until,
        });
        let byte = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        At { file: 0, span: Where::Bytes(byte(start), byte(end.max(start))) }
    }

    /// What was declared, with its places in the script and the names of its holes.
    fn placed(&self, code: Code) -> Vec<Declared> {
        let syntax = code.files.first().map_or(Syntax::Yaml, |file| file.syntax);
        let mut declared = code.declared;
        let mut pointers: Vec<String> = Vec::new();
        for one in &mut declared {
            each(one, &mut |node| {
                spread(node, None);
                visit(node, &mut |at| {
                    if let Where::Pointer(pointer) = &at.span {
                        pointers.push(pointer.clone());
                    }
                });
            });
        }
        pointers.sort();
        pointers.dedup();
        let asked: Vec<&str> = pointers.iter().map(String::as_str).collect();
        let spans = place::in_text(&self.text, syntax, &asked);
        let lines = place::Lines::of(&self.text);
        let offset = |line: usize, column: usize| lines.offset(line.saturating_sub(1), column.saturating_sub(1));
        for one in &mut declared {
            self.rename_texts(one);
            each(one, &mut |node| {
                visit(node, &mut |at| {
                    let range = match &at.span {
                        Where::Bytes(start, end) => *start as usize..*end as usize,
                        Where::Pointer(pointer) => {
                            let found = pointers.binary_search(pointer).ok().and_then(|at| spans.get(at)?.clone());
                            found.map_or(0..0, |span| {
                                offset(span.line, span.column)..offset(span.end_line, span.end_column)
                            })
                        }
                    };
                    *at = self.place(range);
                });
                self.rename(node);
            });
        }
        declared
    }

    fn rename_texts(&self, declared: &mut Declared) {
        match declared {
            Declared::Item { cluster: Some(text), .. } | Declared::Part { of: text, .. } => *text = self.renamed(text),
            _ => {}
        }
    }

    fn renamed(&self, text: &Text) -> Text {
        if self.holes.is_empty() || text.as_str().is_some() {
            return text.clone();
        }
        Text::from_parts(text.parts().iter().map(|part| match part {
            Part::Hole(name) => Part::Hole(self.key(name)),
            literal => literal.clone(),
        }))
    }

    /// A text in which names of holes stand, such as a key.
    fn key(&self, text: &str) -> String {
        if !text.contains("_OF_THE_SCRIPT") {
            return text.to_owned();
        }
        self.holes.iter().fold(text.to_owned(), |text, (name, hole)| text.replace(name, hole))
    }

    fn rename(&self, node: &mut Node) {
        if self.holes.is_empty() {
            return;
        }
        match &mut node.form {
            Form::Text(text) => *text = self.renamed(text),
            Form::Unknown(unknown) => unknown.why = self.key(&unknown.why),
            Form::List(items) => items.iter_mut().for_each(|item| self.rename(item)),
            Form::Object(fields) => fields.iter_mut().for_each(|(key, value)| {
                *key = self.key(key);
                self.rename(value);
            }),
            Form::Null | Form::Bool(_) | Form::Number(_) => {}
        }
    }

    /// What of the here-document could not be read.
    fn gap(&self, gap: &Gap, path: &str, script: &str) -> Gap {
        let mut numbers = gap.place.as_deref().unwrap_or_default().rsplit(':').map(str::parse::<usize>);
        let (column, line) = (numbers.next().and_then(Result::ok), numbers.next().and_then(Result::ok));
        let lines = place::Lines::of(&self.text);
        let byte = lines.offset(line.unwrap_or(1).saturating_sub(1), column.unwrap_or(1).saturating_sub(1));
        let Where::Bytes(start, _) = self.place(byte..byte).span else { return gap.clone() };
        let before = script.get(..start as usize).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        let why = gap.why.split_once(": ").map_or(gap.why.as_str(), |(_, why)| why);
        Gap {
            what: path.to_owned(),
            scope: gap.scope.clone(),
            why: format!("a here-document in `{path}` cannot be read: {why}"),
            unblock: Some("mend it, or render it first".to_owned()),
            place: Some(format!("{path}:{line}:{column}")),
        }
    }
}

/// What all lines begin with.
#[derive(Clone, Copy)]
enum Indent {
    /// Tabs, which `<<-` takes away.
    Tabs,
    /// So many blanks.
    Blanks(usize),
}

fn indent(raw: &str) -> Indent {
    let mut lines = raw.lines().filter(|line| !line.trim().is_empty()).peekable();
    if lines.peek().is_some_and(|line| line.starts_with('\t')) {
        return Indent::Tabs;
    }
    Indent::Blanks(lines.map(|line| line.len() - line.trim_start_matches(' ').len()).min().unwrap_or(0))
}
