//! Telling files apart: what each of them is, by its name and its text.
//!
//! Infrastructure code is looked for first, because a template or a plan may hold what looks like
//! output of a command; what a command printed tells itself by its keys.
//!
//! Deliberately absent: what the pieces mean together.

use super::aside::{Aside, Kind, kind_of};
use super::assemble::Reading;
use super::code::Code;
use super::file::{self, Entry, Unreadable};
use super::script::Material;
use super::shape::{self, Content, Recognised};
use super::{
    chart, cloudformation, describe, eksctl, helm_values, json, manifest, place, placeholder, refusal, script, session,
    terraform, yaml,
};
use crate::estate::{Gap, Syntax};
use rayon::prelude::*;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// With fewer bytes than this, starting threads costs more than it saves.
pub(super) const WORTH_THREADS: u64 = 1 << 20;

/// What came of a file.
pub(super) enum Outcome {
    /// Output of a command, a snapshot, a request: pieces of an estate.
    Read(Reading),
    /// Infrastructure code that is complete in itself.
    Code(Code),
    /// A template of CloudFormation, which may be nested in another one.
    Template(Entry, Arc<str>),
    /// A script, or what scripts name: policies and requests.
    Material(Material),
    /// Values of a release, and what is said of them if nothing gives them a meaning.
    Values(Material, Aside),
    /// It is not for us, and why.
    PassedOver(Aside),
}

/// Reads files, in order. The largest, which nothing can divide, begins at once and stays on this
/// thread: the memory that it takes comes cheaper here than on threads that are started for it.
pub(super) fn read_files(entries: &[Entry], terraform: &[Entry]) -> Vec<Outcome> {
    let read_file = |entry: &Entry| read_file(entry, terraform);
    let sizes = entries.iter().map(|entry| std::fs::metadata(&entry.path).map_or(0, |metadata| metadata.len()));
    let sizes: Vec<u64> = sizes.collect();
    let largest = sizes.iter().enumerate().max_by_key(|(_, size)| **size).map(|(at, _)| at);
    let (Some(largest), true) = (largest, sizes.iter().sum::<u64>() >= WORTH_THREADS) else {
        return entries.iter().map(read_file).collect();
    };
    let (before, from) = entries.split_at(largest);
    let (mut outcomes, mut own, mut rest) = (Vec::new(), None, Vec::new());
    rayon::in_place_scope(|scope| {
        scope.spawn(|_| {
            outcomes = before.par_iter().map(read_file).collect();
            rest = from.par_iter().skip(1).map(read_file).collect();
        });
        own = from.first().map(read_file);
    });
    outcomes.extend(own);
    outcomes.append(&mut rest);
    outcomes
}

pub(super) fn read_file(entry: &Entry, terraform: &[Entry]) -> Outcome {
    match file::bytes(&entry.path) {
        Ok(bytes) => read_bytes(entry, &bytes, None, terraform),
        Err(failure) => {
            let why = format!("`{}` cannot be read: {}", entry.shown, describe(&failure));
            Outcome::Read(fault(&entry.shown, why, "make it readable, or remove it", entry.shown.clone()))
        }
    }
}

/// Reads what came from standard input, also compressed.
pub(super) fn read_stdin(bytes: &[u8], terraform: &[Entry]) -> Outcome {
    let entry = Entry { path: PathBuf::from("-"), shown: "-".to_owned(), named: true };
    let unpacked = if bytes.starts_with(&[0x1f, 0x8b]) { file::unpack(bytes.to_vec()) } else { Ok(Vec::new()) };
    match unpacked {
        Ok(unpacked) => {
            let content = if unpacked.is_empty() { bytes } else { &unpacked };
            read_bytes(&entry, content, Some(bytes.into()), terraform)
        }
        Err(failure) => {
            let why = format!("standard input cannot be read: {}", describe(&failure));
            Outcome::Read(fault("-", why, "pipe it in again", "-".to_owned()))
        }
    }
}

/// A reading of which nothing came but a gap.
fn fault(path: &str, why: String, unblock: &str, place: String) -> Reading {
    Reading {
        path: path.to_owned(),
        syntax: Syntax::Plain,
        held: None,
        pieces: Vec::new(),
        gaps: vec![Gap {
            what: path.to_owned(),
            scope: String::new(),
            why,
            unblock: Some(unblock.to_owned()),
            place: Some(place),
        }],
    }
}

fn read_bytes(entry: &Entry, bytes: &[u8], held: Option<Arc<[u8]>>, terraform: &[Entry]) -> Outcome {
    let (path, named) = (entry.shown.as_str(), entry.named);
    let text = match file::text(bytes) {
        Ok(text) => text,
        Err(failure) => {
            let why = format!("`{path}` cannot be read: {}", describe(&failure));
            let (ours, unblock) = match &failure {
                Unreadable::Utf16 { ours } => (*ours, "export again with `| Out-File -Encoding utf8 FILE`"),
                Unreadable::NotText { ours, .. } => (*ours, "export it again, or remove it"),
                _ => (true, "export it again, or remove it"),
            };
            return if ours || named {
                Outcome::Read(fault(path, why, unblock, path.to_owned()))
            } else {
                Outcome::PassedOver(Aside { path: path.to_owned(), kind: Kind::Binary, why })
            };
        }
    };
    let mut outcome = match code(entry, text, terraform) {
        Some(outcome) => outcome,
        None if is_prose(path) => aside(path, text, false, format!("`{path}` holds no request that sparkcheck knows")),
        None => read_text(path, text, named),
    };
    match &mut outcome {
        Outcome::Read(reading) => reading.held = held,
        Outcome::Code(code) => {
            if let Some(file) = code.files.first_mut() {
                file.held = held;
            }
        }
        Outcome::Template(..) | Outcome::Material(_) | Outcome::Values(..) | Outcome::PassedOver(_) => {}
    }
    match outcome {
        Outcome::PassedOver(aside) if chart::file::is_values(path, text) => {
            let kind = script::Kind::Values { beside_chart: is_of_a_chart(entry) };
            Outcome::Values(Material { path: path.to_owned(), text: text.into(), kind }, aside)
        }
        outcome => outcome,
    }
}

/// Whether a file of values is a chart's own: its defaults, or what its tests set.
fn is_of_a_chart(entry: &Entry) -> bool {
    let home = entry.path.parent().unwrap_or(Path::new(""));
    let is_default = entry.path.file_stem().is_some_and(|name| name == "values");
    let beside = |folder: &Path| folder.join("Chart.yaml").is_file();
    is_default && beside(home) || home.file_name().is_some_and(|name| name == "ci") && home.parent().is_some_and(beside)
}

/// What infrastructure code makes of a text, if that is what it is.
fn code(entry: &Entry, text: &str, terraform: &[Entry]) -> Option<Outcome> {
    let path = entry.shown.as_str();
    if is_prose(path) {
        // A manifest in a here-document or a fenced block is the script's to tell.
        return script::material(path, text).map(Outcome::Material);
    }
    let begins_as_json = text.trim_start().starts_with(['{', '[']);
    if begins_as_json && let Some(code) = terraform::plan(path, text, terraform) {
        return Some(Outcome::Code(code));
    }
    if cloudformation::is_template(text) {
        return Some(Outcome::Template(entry.clone(), text.into()));
    }
    let code = eksctl::read(path, text).or_else(|| manifest::read(path, text));
    if let Some(code) = code.or_else(|| helm_values::read(path, text)) {
        return Some(Outcome::Code(code));
    }
    script::material(path, text).map(Outcome::Material)
}

/// Whether a file is a script or a document, of which only command lines are for us.
fn is_prose(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase();
    [".sh", ".bash", ".md"].iter().any(|end| name.ends_with(end))
}

fn read_text(path: &str, text: &str, named: bool) -> Outcome {
    let name = path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase();
    let ends = |ends: &[&str]| ends.iter().any(|end| name.ends_with(end));
    let begins_as_json = text.trim_start().starts_with(['{', '[']);
    if ends(&[".yaml", ".yml"]) {
        return read_yaml(path, text, named);
    }
    if begins_as_json {
        return read_json(path, text, named);
    }
    if text.len() <= file::HEAD {
        let refusals = refusal::find(text);
        if !refusals.is_empty() {
            let mut recognised = Recognised::default();
            recognised.push("error", Content::Refusals(refusals));
            return Outcome::Read(reading(path, text, Syntax::Plain, recognised, Vec::new()));
        }
    }
    let environment = name.starts_with(".env") || ends(&[".env", ".ps1"]);
    if let Some(variables) = session::variables(text, environment) {
        let mut recognised = Recognised::default();
        recognised.push("session", Content::Session(variables));
        return Outcome::Read(reading(path, text, Syntax::Variables, recognised, Vec::new()));
    }
    if !environment && file::looks_ours(text) {
        return if ends(&[".json", ".json.gz"]) { read_json(path, text, named) } else { read_yaml(path, text, named) };
    }
    let why = if text.trim().is_empty() { "is empty" } else { "is nothing that sparkcheck knows" };
    aside(path, text, false, format!("`{path}` {why}"))
}

fn aside(path: &str, text: &str, broken: bool, why: String) -> Outcome {
    Outcome::PassedOver(Aside { path: path.to_owned(), kind: kind_of(path, text, broken), why })
}

fn reading(path: &str, text: &str, syntax: Syntax, recognised: Recognised, mut gaps: Vec<Gap>) -> Reading {
    let pointers: Vec<&str> = recognised.faults.iter().map(|(pointer, _)| pointer.as_str()).collect();
    let spans = if pointers.is_empty() { Vec::new() } else { place::in_text(text, syntax, &pointers) };
    for ((pointer, why), span) in recognised.faults.iter().zip(spans) {
        let place = span.map_or_else(|| path.to_owned(), |span| format!("{path}:{}:{}", span.line, span.column));
        gaps.push(Gap {
            what: path.to_owned(),
            scope: String::new(),
            why: format!("the policy at `{pointer}` could not be read: {why}"),
            unblock: Some("export it again".to_owned()),
            place: Some(place),
        });
    }
    Reading { path: path.to_owned(), syntax, held: None, pieces: recognised.pieces, gaps }
}

fn read_json(path: &str, text: &str, named: bool) -> Outcome {
    let (documents, fault) = json::documents(text);
    let fault = fault.map(|fault| (fault.message, fault.line, fault.column));
    let stream = documents.len() > 1;
    let syntax = if stream { Syntax::JsonStream } else { Syntax::Json };
    read_documents(path, text, named, syntax, documents, fault)
}

fn read_yaml(path: &str, text: &str, named: bool) -> Outcome {
    let (documents, fault) = yaml::documents(text);
    let fault = fault.map(|fault| (fault.message, fault.line, fault.column));
    read_documents(path, text, named, Syntax::Yaml, documents, fault)
}

fn read_documents(
    path: &str,
    text: &str,
    named: bool,
    syntax: Syntax,
    documents: Vec<Value>,
    fault: Option<(String, usize, usize)>,
) -> Outcome {
    let mut recognised = Recognised::default();
    let count = documents.len();
    for (number, document) in documents.into_iter().enumerate() {
        let at = if syntax == Syntax::Json { String::new() } else { format!("/{number}") };
        shape::recognise(document, &at, path, &mut recognised);
    }
    let mut gaps = Vec::new();
    let mut broken = None;
    if let Some((message, line, column)) = fault {
        // An unrendered template is somebody else's to read.
        let template = syntax == Syntax::Yaml && text.contains("{{");
        let (skipped, end) = tail(text);
        let mut refusals = refusal::find(end);
        for refusal in &mut refusals {
            refusal.line += skipped;
        }
        if !refusals.is_empty() {
            recognised.push("error", Content::Refusals(refusals));
        } else if !template && (named || !recognised.pieces.is_empty() || file::looks_ours(text)) {
            let why = format!("`{path}` cannot be read: {message}");
            if recognised.pieces.is_empty() {
                let collections = shape::meant(head(text), path);
                recognised.push("unreadable", Content::Broken { collections, why: why.clone() });
            }
            gaps.push(Gap {
                what: path.to_owned(),
                scope: String::new(),
                why,
                unblock: Some("export it again, or remove it".to_owned()),
                place: Some(format!("{path}:{line}:{column}")),
            });
        } else {
            let language = if syntax == Syntax::Yaml { "YAML" } else { "JSON" };
            broken = Some(match syntax {
                Syntax::Yaml if placeholder::is_program(text) => format!("`{path}` is a template that is not rendered"),
                _ => format!("`{path}:{line}:{column}` is no {language}: {message}"),
            });
        }
    }
    if recognised.pieces.is_empty() && recognised.faults.is_empty() && gaps.is_empty() {
        let why = if count == 0 { "holds nothing" } else { "is nothing that sparkcheck knows" };
        let is_broken = broken.is_some();
        return aside(path, text, is_broken, broken.unwrap_or_else(|| format!("`{path}` {why}")));
    }
    Outcome::Read(reading(path, text, syntax, recognised, gaps))
}

/// The beginning of a text, which tells what it was to be.
pub(super) fn head(text: &str) -> &str {
    let mut end = text.len().min(file::HEAD);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

/// The end of a text, where the message of a call that failed stands, and how many lines are before it.
fn tail(text: &str) -> (usize, &str) {
    let mut start = text.len().saturating_sub(file::HEAD);
    while !text.is_char_boundary(start) {
        start += 1;
    }
    let (before, end) = text.split_at_checked(start).unwrap_or_default();
    (before.matches('\n').count(), end)
}
