//! Rules from files.
//!
//! The built-in rules are turned into one JSON text when the program is built, so that starting it
//! reads nothing from disk and parses no YAML; their examples stay apart until they are asked for.

use super::{Examples, Rule, System, Template};
use crate::path::Path;
use crate::read::{self, yaml};
use miette::{Diagnostic, NamedSource, SourceSpan};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path as FilePath;
use thiserror::Error;

/// Why rules cannot be used.
#[derive(Debug, Error, Diagnostic)]
pub enum LoadError {
    /// The folder cannot be read.
    #[error("cannot read the rules of `{folder}`: {why}")]
    #[diagnostic(help("--rules takes a folder of rule files, one YAML file each"))]
    Folder {
        /// The folder.
        folder: String,
        /// The system's reason.
        why: String,
    },
    /// A rule file is not a rule.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Rule(Box<BrokenRule>),
}

/// A file that is not a rule, and where.
#[derive(Debug, Error, Diagnostic)]
#[error("{message}")]
#[diagnostic(help("{help}"))]
pub struct BrokenRule {
    /// What is wrong.
    message: String,
    /// What to do.
    help: String,
    /// The file.
    #[source_code]
    source_code: NamedSource<String>,
    /// Where.
    #[label("here")]
    span: Option<SourceSpan>,
}

/// The built-in rules, by id, without their examples.
#[must_use]
pub fn builtin() -> Vec<Rule> {
    builtin_where(|_| true)
}

/// The built-in rules that are about one of these systems, by id. The others are not even parsed.
#[must_use]
pub fn builtin_for(systems: &[System]) -> Vec<Rule> {
    let names: Vec<String> = systems.iter().map(|system| format!("\"{}\"", system.name())).collect();
    builtin_where(|of| names.iter().any(|name| of.contains(name)))
}

/// The built-in rules, with the systems that each is about, in JSON.
const BUILTIN: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/rules.rs"));

fn builtin_where(wanted: impl Fn(&str) -> bool) -> Vec<Rule> {
    let wanted: Vec<&str> = BUILTIN.iter().filter(|(systems, _)| wanted(systems)).map(|(_, rule)| *rule).collect();
    // Rules are large, and a list that grows is moved each time.
    let mut rules = Vec::with_capacity(wanted.len());
    rules.extend(wanted.into_iter().filter_map(|rule| serde_json::from_str::<Rule>(rule).ok()));
    rules
}

/// The examples of a built-in rule.
#[must_use]
pub fn builtin_examples(id: &str) -> Option<Examples> {
    let mut all: BTreeMap<String, Examples> =
        serde_json::from_str(include_str!(concat!(env!("OUT_DIR"), "/examples.json"))).ok()?;
    all.remove(id)
}

/// The rules of a folder, by id. Their ids must differ from those of the rules that are known already.
pub fn read_dir(folder: &FilePath, known: &[Rule]) -> Result<Vec<Rule>, LoadError> {
    let files = read::rule_files(folder)
        .map_err(|error| LoadError::Folder { folder: folder.display().to_string(), why: error.to_string() })?;
    let mut rules: Vec<Rule> = Vec::new();
    for (path, text) in files {
        let stem = path.rsplit('/').next().and_then(|name| name.rsplit_once('.')).map_or("", |(stem, _)| stem);
        let rule = parse(&path, &text)?;
        let taken = known.iter().chain(&rules).any(|other| other.id == rule.id);
        if rule.id != stem || taken {
            let (message, help) = if taken {
                (format!("there is another rule `{}`", rule.id), "give it an id of its own".to_owned())
            } else {
                (
                    format!("the rule `{}` stands in the file `{stem}`", rule.id),
                    "name the file after the rule".to_owned(),
                )
            };
            return Err(broken(&path, &text, "/id", message, help));
        }
        rules.push(rule);
    }
    rules.sort_by(|left, right| left.id.cmp(&right.id));
    Ok(rules)
}

/// One rule from the text of its file.
pub fn parse(path: &str, text: &str) -> Result<Rule, LoadError> {
    let (mut documents, fault) = yaml::documents(text);
    if let Some(fault) = fault {
        let message = format!("the rule is not YAML: {}", fault.message);
        let at = offset(text, fault.line, fault.column);
        return Err(LoadError::Rule(Box::new(BrokenRule {
            message,
            help: "mend the file at the mark".into(),
            source_code: NamedSource::new(path, text.to_owned()),
            span: Some((at, 1.min(text.len().saturating_sub(at))).into()),
        })));
    }
    if documents.len() != 1 {
        let message = format!("a rule file holds one document, not {}", documents.len());
        return Err(broken(path, text, "", message, "write one file for each rule".into()));
    }
    let document = documents.swap_remove(0);
    let rule: Rule = serde_path_to_error::deserialize(&document).map_err(|error| {
        let pointer = pointer_of(error.path());
        let help = "`sparkcheck schema rule` describes the form of a rule".to_owned();
        broken(path, text, &pointer, sentence(&error.inner().to_string()), help)
    })?;
    if let Some((pointer, problem)) = problems(&rule).into_iter().next() {
        return Err(broken(
            path,
            text,
            &pointer,
            problem,
            "`sparkcheck schema rule` describes the form of a rule".into(),
        ));
    }
    Ok(rule)
}

/// What is wrong with a rule that has the right form, each with the pointer of the key.
fn problems(rule: &Rule) -> Vec<(String, String)> {
    let mut problems = Vec::new();
    let kebab = |id: &str| {
        !id.is_empty()
            && id
                .split('-')
                .all(|word| !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit()))
    };
    if !kebab(&rule.id) {
        problems.push(("/id".into(), format!("`{}` is not in kebab-case", rule.id)));
    }
    if rule.systems.is_empty() {
        problems.push(("/systems".into(), "the rule names no system".into()));
    }
    let document = serde_json::to_value(rule).unwrap_or_default();
    let mut path_problem = |pointer: &str, path: &Path| {
        if let Err(error) = path.compile() {
            problems.push((pointer.to_owned(), error.to_string()));
        }
    };
    path_problem("/select", &rule.select);
    for (at, path) in rule.at.iter().enumerate() {
        path_problem(&format!("/at/{at}"), path);
    }
    for (pointer, template) in templates(rule) {
        problems.extend(template.compile().err().map(|why| (pointer, why)));
    }
    for (name, assertion) in [("/assert", Some(&rule.assert)), ("/when", rule.when.as_ref())] {
        if assertion.is_some() {
            walk_assertion(&document, name, &mut problems);
        }
    }
    problems
}

/// Compiles every path and pattern that stands in an assertion.
fn walk_assertion(document: &Value, pointer: &str, problems: &mut Vec<(String, String)>) {
    let Some(value) = document.pointer(pointer) else { return };
    match value {
        Value::Object(object) => {
            for name in object.keys() {
                walk_assertion(document, &format!("{pointer}/{}", crate::path::escape(name)), problems);
            }
            let texts =
                object.get("context").and_then(Value::as_object).into_iter().flat_map(|context| context.values());
            for text in texts.chain(object.get("resource")).filter_map(Value::as_str) {
                problems.extend(Template::new(text).err().map(|why| (format!("{pointer}/resource"), why)));
            }
            if let Some(pattern) = object.get("pattern").and_then(Value::as_str)
                && let Err(error) = regex_lite::Regex::new(&crate::check::anchored(pattern))
            {
                let why = error.to_string().lines().last().unwrap_or_default().trim().to_owned();
                problems
                    .push((format!("{pointer}/pattern"), format!("`{pattern}` is not a regular expression: {why}")));
            }
        }
        Value::Array(items) => {
            for at in 0..items.len() {
                walk_assertion(document, &format!("{pointer}/{at}"), problems);
            }
        }
        Value::String(text) if text.starts_with('$') => {
            if let Err(error) = Path::new(text.as_str()).and_then(|path| path.compile()) {
                problems.push((pointer.to_owned(), error.to_string()));
            }
        }
        _ => {}
    }
}

fn broken(path: &str, text: &str, pointer: &str, message: String, help: String) -> LoadError {
    let span = read::locate_yaml(text, &format!("/0{pointer}"));
    LoadError::Rule(Box::new(BrokenRule {
        message,
        help,
        span: span.map(|(start, end)| (start, end - start).into()),
        source_code: NamedSource::new(path, text.to_owned()),
    }))
}

/// The byte at a line and column, both counted from 1.
fn offset(text: &str, line: usize, column: usize) -> usize {
    let start: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let rest = text.get(start..).unwrap_or_default();
    start + rest.char_indices().nth(column.saturating_sub(1)).map_or(rest.trim_end().len(), |(at, _)| at)
}

fn pointer_of(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    path.iter().fold(String::new(), |pointer, segment| match segment {
        Segment::Seq { index } => format!("{pointer}/{index}"),
        Segment::Map { key } => format!("{pointer}/{}", crate::path::escape(key)),
        Segment::Enum { variant } => format!("{pointer}/{variant}"),
        Segment::Unknown => pointer,
    })
}

/// An error of serde as a sentence of ours: lowercase, without positions.
fn sentence(error: &str) -> String {
    let mut text = error.to_owned();
    if let Some(first) = text.get(..1) {
        let lower = first.to_lowercase();
        text.replace_range(..1, &lower);
    }
    text
}

/// The templates of a rule with the pointers of their keys.
#[must_use]
pub fn templates(rule: &Rule) -> Vec<(String, &Template)> {
    let mut all = vec![("/message".to_owned(), &rule.message)];
    all.extend(rule.because.as_ref().map(|because| ("/because".to_owned(), because)));
    for (at, fix) in rule.fixes.iter().enumerate() {
        all.push((format!("/fixes/{at}/say"), &fix.say));
        all.extend(fix.run.as_ref().map(|run| (format!("/fixes/{at}/run"), run)));
    }
    all
}
