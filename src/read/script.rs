//! Scripts and documents: the command lines that set a platform up and submit jobs to it.
//!
//! Shell scripts, fenced blocks of Markdown, recipes of Makefiles and steps of CI files are read for
//! calls of `aws`, `eksctl`, `kubectl` and `curl`. What a call makes is declared as if it had been
//! made; files that it names are read with it, so that a policy in JSON gets the role it is for. A
//! policy or a request that no script names stands for itself.
//!
//! Deliberately absent: order. A script is read as what it leaves behind.

mod arguments;
mod aws;
mod eksctl;
mod files;
mod kubectl;
mod ranges;

use super::code::{At, Code, CodeFile, Declared, Node, Where};
use super::shell::{self, Command};
use super::{policy_file, shape, written};
use crate::estate::Syntax;
use files::Files;
use std::sync::Arc;

/// The largest script that is read.
const LARGEST: usize = 4 << 20;

/// A file that means something together with others: a script, a document, a policy, a request.
#[derive(Debug)]
pub(crate) struct Material {
    /// Its path as it is shown.
    pub(crate) path: String,
    /// Its text.
    pub(crate) text: Arc<str>,
    /// Whether it holds command lines, and not JSON.
    pub(crate) script: bool,
}

/// What a file is to scripts; `None` if it is nothing to them.
pub(crate) fn material(path: &str, text: &str) -> Option<Material> {
    if text.len() > LARGEST {
        return None;
    }
    let material = |script| Some(Material { path: path.to_owned(), text: text.into(), script });
    if text.trim_start().starts_with(['{', '[']) {
        let marks =
            ["\"Statement\"", "\"jobDriver\"", "\"Classification\"", "\"classification\"", "sparkSubmitJobDriver"];
        let small = text.len() <= LARGEST / 4;
        return if small && marks.iter().any(|mark| text.contains(mark)) && is_request(text) {
            material(false)
        } else {
            None
        };
    }
    let commands = ["aws ", "eksctl ", "kubectl ", "curl "].iter().any(|command| text.contains(command));
    if !commands || ranges::of(path, text).is_empty() {
        return None;
    }
    material(true)
}

/// Whether a JSON text is a policy, or a request or a part of one with placeholders.
fn is_request(text: &str) -> bool {
    let Ok(json) = written::json_value(text) else { return false };
    if policy_file::is_policy(&json.value) {
        return true;
    }
    // What JSON can say is read as the export of a request has always been.
    let object = json.value.as_object();
    let has_holes =
        super::placeholder::scan(text).iter().any(|found| found.dialect != super::placeholder::Dialect::Hand)
            || json.syntax == Syntax::Yaml;
    object.and_then(shape::job_request).is_some() && has_holes
        || object.is_some_and(|map| map.contains_key("sparkSubmitJobDriver") || map.contains_key("sparkSubmit"))
        || json.value.as_array().is_some_and(|list| {
            !list.is_empty()
                && list.iter().all(|item| item.get("Classification").is_some() || item.get("classification").is_some())
        })
}

/// Reads the materials of all inputs together; with each unit comes what it declares. The paths of
/// those that hold nothing are given beside.
pub(crate) fn read(materials: &[Material]) -> (Vec<Code>, Vec<String>) {
    let mut codes = Vec::new();
    let mut empty = Vec::new();
    let mut consumed = std::collections::BTreeSet::new();
    for material in materials.iter().filter(|material| material.script) {
        let files = Files::of(&material.path, materials);
        files.used.borrow_mut().push(CodeFile { path: material.path.clone(), syntax: Syntax::Plain, held: None });
        let ranges = ranges::of(&material.path, &material.text);
        let commands = shell::commands(&material.text, &ranges, &aws::printed);
        let mut declared = Vec::new();
        for command in &commands {
            keep_written(command, &files);
        }
        for command in &commands {
            declare(command, &material.text, &files, &mut declared);
        }
        consumed.extend(files.consumed.borrow().iter().copied());
        if declared.is_empty() {
            empty.push(material.path.clone());
            continue;
        }
        let used = files.used.into_inner();
        codes.push(Code { kind: "script", files: used, declared, gaps: Vec::new() });
    }
    for (number, material) in materials.iter().enumerate().filter(|(_, material)| !material.script) {
        let Ok(json) = written::json_value(&material.text) else { continue };
        let root = written::Written::root(&json.value, json.root);
        let mut declared = json.remarks;
        let kind = if policy_file::is_policy(&json.value) {
            if !consumed.contains(&number) {
                declared.extend(policy_file::declared(&material.path, &root));
            }
            "policy"
        } else {
            if let Some(kind) = json.value.as_object().and_then(shape::job_request) {
                declared.push(Declared::Job { kind, request: root.node() });
            }
            "job request"
        };
        if declared.is_empty() && !consumed.contains(&number) {
            empty.push(material.path.clone());
        }
        codes.push(written::code(kind, &material.path, json.syntax, declared, None));
    }
    (codes, empty)
}

/// The placeholders that a line with `sed` fills in, in any script.
pub(crate) fn replaced(materials: &[Material]) -> std::collections::BTreeSet<String> {
    let scripts = materials.iter().filter(|material| material.script);
    let lines = scripts.flat_map(|script| script.text.lines()).filter(|line| line.contains("sed "));
    lines
        .flat_map(|line| {
            let found = super::placeholder::scan(line).into_iter();
            let by_hand = found.filter(|one| one.dialect == super::placeholder::Dialect::Hand);
            by_hand.filter_map(|one| line.get(one.start..one.end)).map(str::to_owned).collect::<Vec<_>>()
        })
        .collect()
}

/// Keeps what a command writes into a file: `cat <<EOF > trust.json`, `echo '{…}' > trust.json`, `tee`.
fn keep_written(command: &Command, files: &Files<'_>) {
    let name = command.words.first().and_then(shell::Word::plain).unwrap_or_default();
    let target = match (&command.output, name.as_str()) {
        (Some(output), _) => Some(output),
        (None, "tee") => command.words.iter().skip(1).find(|word| !word.begins("-")),
        _ => None,
    };
    let content = match name.as_str() {
        "echo" | "printf" => command.words.iter().skip(1).find(|word| !word.begins("-")),
        _ => command.input.as_ref(),
    };
    if let (Some(target), Some(content)) = (target, content)
        && let Some(name) = files::file_name(&target.text())
    {
        files.written.borrow_mut().insert(name, content.clone());
    }
}

/// Declares what a command makes.
fn declare(command: &Command, text: &str, files: &Files<'_>, out: &mut Vec<Declared>) {
    let Some(name) = command.words.first().and_then(shell::Word::plain) else { return };
    let arguments = arguments::Arguments::of(command.words.get(1..).unwrap_or_default());
    match name.rsplit('/').next().unwrap_or_default() {
        "aws" => aws::declare(&arguments, files, out),
        "eksctl" => eksctl::declare(&arguments, out),
        "kubectl" | "oc" => kubectl::declare(&arguments, command, text, out),
        "curl" | "http" => submission(&arguments, files, out),
        _ => {}
    }
}

/// A submission to a gateway by its REST interface.
fn submission(arguments: &arguments::Arguments, files: &Files<'_>, out: &mut Vec<Declared>) {
    let Some(body) = arguments.word(&["data", "data-raw", "data-binary", "json", "d"]) else { return };
    let request =
        if body.begins("@") { files.node(&body.after(1).text(), body.at()) } else { arguments::value(body, files) };
    let mut nothing = String::new();
    let plain = request.clone().into_value(&mut nothing, &mut |_, _| {});
    if let Some(kind @ ("gateway-submission" | "bpg-submission")) = plain.as_object().and_then(shape::job_request) {
        out.push(Declared::Job { kind, request });
    }
}

/// Gives everything in a node that was read of a padded text its bytes there.
fn with_bytes(text: &str, code: Code) -> Vec<Declared> {
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
    let spans = super::place::in_text(text, Syntax::Yaml, &asked);
    let lines = super::place::Lines::of(text);
    for one in &mut declared {
        each(one, &mut |node| {
            visit(node, &mut |at| {
                let Where::Pointer(pointer) = &at.span else { return };
                let found = pointers.binary_search(pointer).ok().and_then(|number| spans.get(number)?.clone());
                let span = found.map_or(Where::Bytes(0, 0), |span| {
                    let byte = |line: usize, column: usize| {
                        lines.offset(line.saturating_sub(1), column.saturating_sub(1)) as u32
                    };
                    Where::Bytes(byte(span.line, span.column), byte(span.end_line, span.end_column))
                });
                at.span = span;
            });
        });
    }
    declared
}

fn each(declared: &mut Declared, tell: &mut dyn FnMut(&mut Node)) {
    match declared {
        Declared::Item { item: node, .. }
        | Declared::Part { part: node, .. }
        | Declared::Job { request: node, .. }
        | Declared::Gateway { config: node } => tell(node),
    }
}

/// Gives all that stands below a pointer a pointer of its own.
fn spread(node: &mut Node, above: Option<At>) {
    use super::code::Form;
    if node.at.is_none() {
        node.at = above;
    }
    let at = node.at.clone();
    match &mut node.form {
        Form::List(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                spread(item, arguments::below_of(&at, &index.to_string()));
            }
        }
        Form::Object(fields) => {
            for (key, value) in fields {
                let below = arguments::below_of(&at, key);
                spread(value, below);
            }
        }
        _ => {}
    }
}

fn visit(node: &mut Node, tell: &mut dyn FnMut(&mut At)) {
    use super::code::Form;
    if let Some(at) = &mut node.at {
        tell(at);
    }
    match &mut node.form {
        Form::List(items) => items.iter_mut().for_each(|item| visit(item, tell)),
        Form::Object(fields) => fields.iter_mut().for_each(|(_, value)| visit(value, tell)),
        _ => {}
    }
}

#[cfg(test)]
mod tests;
