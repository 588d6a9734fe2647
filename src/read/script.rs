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
mod embedded;
mod emr;
mod files;
mod helm;
mod kubectl;
mod ranges;
pub(in crate::read) mod submission;

use super::code::{At, Code, CodeFile, Declared, Node};
use super::shell::{self, Command};
use super::{chart, policy_file, shape, written};
use crate::estate::Syntax;
use files::Files;
use serde::de::IgnoredAny;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
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
    /// What it is to others.
    pub(crate) kind: Kind,
}

/// What a file is that means something together with others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It holds command lines.
    Script,
    /// A policy or a request, in JSON.
    Request,
    /// Values of a release.
    Values {
        /// Whether its chart stands beside it.
        beside_chart: bool,
    },
}

/// What a file is to scripts; `None` if it is nothing to them.
pub(crate) fn material(path: &str, text: &str) -> Option<Material> {
    if text.len() > LARGEST {
        return None;
    }
    let material = |kind| Some(Material { path: path.to_owned(), text: text.into(), kind });
    if text.trim_start().starts_with(['{', '[']) {
        let marks = [
            "\"Statement\"",
            "\"jobDriver\"",
            "\"Classification\"",
            "\"classification\"",
            "sparkSubmitJobDriver",
            "\"spark_conf\"",
            "\"spark_application_type\"",
            "\"sparkVersion\"",
            "\"eks_cluster_arn\"",
            "\"HadoopJarStep\"",
        ];
        let small = text.len() <= LARGEST / 4;
        return if small && marks.iter().any(|mark| text.contains(mark)) && is_request(text) {
            material(Kind::Request)
        } else {
            None
        };
    }
    let commands =
        ["aws ", "eksctl ", "kubectl ", "curl ", "sparkpilot ", "helm "].iter().any(|command| text.contains(command))
            || text.contains("<<") && text.contains("apiVersion");
    if !commands || ranges::of(path, text).is_empty() {
        return None;
    }
    material(Kind::Script)
}

/// Whether a JSON text is a policy, or a request or a part of one with placeholders.
fn is_request(text: &str) -> bool {
    // Most files with such words are exports, which their outermost keys tell without being read whole.
    let keys: Result<BTreeMap<String, IgnoredAny>, _> = serde_json::from_str(text);
    if let Ok(keys) = keys {
        let keys: Map<String, Value> = keys.into_keys().map(|key| (key, Value::Null)).collect();
        let known =
            ["Statement", "sparkSubmitJobDriver", "sparkSubmit", OVERRIDES].iter().any(|key| keys.contains_key(*key));
        if !known && shape::job_request(&keys).is_none() && !shape::is_environment(&keys) {
            return false;
        }
    }
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
        || object.is_some_and(shape::is_environment)
        || json.value.as_array().is_some_and(|list| list.iter().any(is_step))
        || object.is_some_and(|map| {
            ["sparkSubmitJobDriver", "sparkSubmit", OVERRIDES].iter().any(|key| map.contains_key(*key))
        })
        || json.value.as_array().is_some_and(|list| {
            !list.is_empty()
                && list.iter().all(|item| item.get("Classification").is_some() || item.get("classification").is_some())
        })
}

/// What the part of a request is called by that `--configuration-overrides` names.
const OVERRIDES: &str = "applicationConfiguration";

/// Whether a value is a step of EMR on EC2, as the API and the command line write it.
fn is_step(value: &Value) -> bool {
    value.get("HadoopJarStep").is_some()
}

/// Reads the materials of all inputs together; with each unit comes what it declares. The paths of
/// those that hold nothing are given beside.
pub(crate) fn read(materials: &[Material]) -> (Vec<Code>, Vec<String>) {
    let mut codes = Vec::new();
    let mut empty = Vec::new();
    let mut consumed = std::collections::BTreeSet::new();
    for material in materials.iter().filter(|material| material.kind == Kind::Script) {
        let files = Files::of(material, materials);
        files.used.borrow_mut().push(CodeFile { path: material.path.clone(), syntax: Syntax::Plain, held: None });
        let ranges = ranges::of(&material.path, &material.text);
        let text = ranges::as_shell(&material.path, &material.text);
        let commands = shell::commands(&text, &ranges, &aws::printed);
        let (mut declared, mut gaps) = (Vec::new(), Vec::new());
        for command in &commands {
            keep_written(command, &files);
        }
        for command in &commands {
            if let Some((embedded, unread)) = embedded::read(command, &material.path, &material.text) {
                declared.extend(embedded);
                gaps.extend(unread);
            }
            declare(command, &files, &mut declared);
        }
        consumed.extend(files.consumed.borrow().iter().copied());
        if declared.is_empty() && gaps.is_empty() {
            empty.push(material.path.clone());
            continue;
        }
        let used = files.used.into_inner();
        codes.push(Code { kind: "script", files: used, declared, gaps, ..Code::default() });
    }
    for (number, material) in materials.iter().enumerate().filter(|(_, material)| material.kind == Kind::Request) {
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
            } else if json.value.as_object().is_some_and(shape::is_environment) {
                let get = |key: &str| root.value.get(key).map(|_| root.get(key).node());
                declared.push(submission::environment(get, &root.node()));
            } else if !consumed.contains(&number) && json.value.as_array().is_some_and(|list| list.iter().any(is_step))
            {
                let request = written::object([("Steps", root.node())]).written(root.at());
                declared.push(Declared::Job { kind: "emr-steps", request });
            }
            "job request"
        };
        if declared.is_empty() && !consumed.contains(&number) && json.value.get(OVERRIDES).is_none() {
            empty.push(material.path.clone());
        }
        codes.push(written::code(kind, &material.path, json.syntax, declared, None));
    }
    for (_, material) in materials.iter().enumerate().filter(|(number, _)| !consumed.contains(number)) {
        if let Kind::Values { beside_chart } = material.kind {
            codes.extend(chart::file::read(&material.path, &material.text, beside_chart));
        }
    }
    (codes, empty)
}

/// The placeholders that a line with `sed` fills in, in any script.
pub(crate) fn replaced(materials: &[Material]) -> std::collections::BTreeSet<String> {
    let scripts = materials.iter().filter(|material| material.kind == Kind::Script);
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
fn declare(command: &Command, files: &Files<'_>, out: &mut Vec<Declared>) {
    let Some(name) = command.words.first().and_then(shell::Word::plain) else { return };
    let arguments = arguments::Arguments::of(command.words.get(1..).unwrap_or_default());
    match name.rsplit('/').next().unwrap_or_default() {
        "aws" => aws::declare(&arguments, files, out),
        "eksctl" => eksctl::declare(&arguments, out),
        "helm" => helm::declare(command, files, out),
        "kubectl" | "oc" => kubectl::declare(&arguments, out),
        "sparkpilot" => submission::sparkpilot(&arguments, out),
        "curl" | "http" | "https" => submission::posted(&arguments, command, files, out),
        _ => {}
    }
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
