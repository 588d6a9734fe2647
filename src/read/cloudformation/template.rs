//! A template as it is written: its sections, not yet evaluated.

use crate::estate::Gap;
use crate::read::code::json::{self, Piece, PiecePart};
use crate::read::code::yaml;
use crate::read::code::{At, Form, Node, Where};
use crate::read::file::Entry;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

/// The largest text that is read as a template. CloudFormation takes 1 MB.
const LARGEST: usize = 16 << 20;

/// How many keys that stand twice are told.
const FAULTS: usize = 50;

/// A template.
#[derive(Debug)]
pub(super) struct Template {
    /// Where it is.
    pub(super) path: PathBuf,
    /// Its path as it is shown.
    pub(super) shown: String,
    /// Its text.
    pub(super) text: Arc<str>,
    /// The number of its file among all that are read.
    pub(super) file: u32,
    /// The sections that are looked things up in, by name.
    pub(super) parameters: BTreeMap<String, Node>,
    pub(super) mappings: BTreeMap<String, Node>,
    pub(super) conditions: BTreeMap<String, Node>,
    pub(super) outputs: BTreeMap<String, Node>,
    /// The resources, in the order in which they stand.
    pub(super) resources: Vec<(String, Resource)>,
    /// The number of each resource.
    pub(super) numbers: BTreeMap<String, usize>,
    /// `Globals` of SAM.
    pub(super) globals: Option<Node>,
    /// What could not be read of it.
    pub(super) gaps: Vec<Gap>,
}

/// A resource as it is written.
#[derive(Clone, Debug)]
pub(super) struct Resource {
    /// `AWS::IAM::Role`; empty where it is missing.
    pub(super) kind: String,
    /// `Properties`, an empty object without them.
    pub(super) properties: Node,
    /// The name of its condition.
    pub(super) condition: Option<String>,
    /// `aws:cdk:path` of its metadata, without what only the CDK put at its end.
    pub(super) path: Option<String>,
    /// `aws:asset:path`: the file of a nested stack.
    pub(super) asset: Option<String>,
    /// Where its name stands.
    pub(super) at: Option<At>,
}

impl Template {
    /// The template in a file; what is broken in it is a gap.
    pub(super) fn read(entry: &Entry, text: &Arc<str>, file: u32) -> Self {
        let mut template = Self {
            path: entry.path.clone(),
            shown: entry.shown.clone(),
            text: Arc::clone(text),
            file,
            parameters: BTreeMap::new(),
            mappings: BTreeMap::new(),
            conditions: BTreeMap::new(),
            outputs: BTreeMap::new(),
            resources: Vec::new(),
            numbers: BTreeMap::new(),
            globals: None,
            gaps: Vec::new(),
        };
        if text.len() > LARGEST {
            let why = format!("it has {} MiB, and CloudFormation takes templates of 1 MB", text.len() >> 20);
            template.gap(why, None);
            return template;
        }
        let Some(root) = template.parse() else { return template };
        let root = super::loops::unroll(root);
        let Form::Object(sections) = root.form else {
            template.gap("it is not an object".to_owned(), None);
            return template;
        };
        for (name, node) in sections {
            match name.as_str() {
                "Parameters" => template.parameters = fields(node).collect(),
                "Mappings" => template.mappings = fields(node).collect(),
                "Conditions" => template.conditions = fields(node).collect(),
                "Outputs" => template.outputs = fields(node).collect(),
                "Resources" => template.add_resources(node, file),
                "Globals" => template.globals = Some(node),
                "Transform" => template.macros(&node),
                _ => {}
            }
        }
        template
    }

    fn gap(&mut self, why: String, at: Option<(usize, usize)>) {
        self.gaps.push(Gap {
            what: self.shown.clone(),
            scope: String::new(),
            why,
            unblock: Some("mend the template, or leave it out".to_owned()),
            place: Some(match at {
                Some((line, column)) => format!("{}:{line}:{column}", self.shown),
                None => self.shown.clone(),
            }),
        });
    }

    fn parse(&mut self) -> Option<Node> {
        let text = Arc::clone(&self.text);
        let is_json = text.trim_start_matches('\u{feff}').trim_start().starts_with('{');
        let mut found = yaml::documents(&text, self.file, &key_of_tag);
        if let Some(fault) = found.fault {
            // What is JSON and no YAML, such as halves of characters, or tabs.
            let whole = is_json.then(|| {
                let span = Where::Bytes(0, u32::try_from(text.len()).unwrap_or(u32::MAX));
                let at = Some(At { file: self.file, span });
                json::parse(&[Piece { part: PiecePart::Literal(text.to_string()), at }]).ok()
            });
            if let Some(Some(mut root)) = whole {
                shorten(&mut root, &text);
                return Some(root);
            }
            let language = if is_json { "JSON" } else { "YAML" };
            self.gap(format!("the template is no {language}: {}", fault.message), Some((fault.line, fault.column)));
            return None;
        }
        for twice in found.twice.into_iter().take(FAULTS) {
            self.gap(twice.message, Some((twice.line, twice.column)));
        }
        if found.documents.len() > 1 {
            self.gap("the file holds several documents, and a template is one".to_owned(), None);
        }
        found.documents.drain(..).next()
    }

    fn add_resources(&mut self, node: Node, file: u32) {
        let text = Arc::clone(&self.text);
        for (name, node) in fields(node) {
            // The place is the name, which may be quoted; a short resource stands on one line with it.
            let at = node.at.clone().map(|at| key_before(&text, &at, &name, file));
            let text = |key: &str| node.get(key).and_then(Node::as_str).map(str::to_owned);
            let metadata = |key: &str| Some(node.get("Metadata")?.get(key)?.as_str()?.to_owned());
            let resource = Resource {
                kind: text("Type").unwrap_or_default(),
                properties: node.get("Properties").cloned().unwrap_or_else(|| Node::new(Form::Object(Vec::new()))),
                condition: text("Condition"),
                path: metadata("aws:cdk:path").map(|path| {
                    let path =
                        path.strip_suffix("/Resource").or_else(|| path.strip_suffix("/Default")).unwrap_or(&path);
                    path.to_owned()
                }),
                asset: metadata("aws:asset:path"),
                at,
            };
            self.numbers.insert(name.clone(), self.resources.len());
            self.resources.push((name, resource));
        }
    }

    /// Macros may change anything, and only CloudFormation runs them.
    fn macros(&mut self, transform: &Node) {
        let one = std::slice::from_ref(transform);
        let list = if matches!(transform.form, Form::List(_)) { transform.items() } else { one };
        for node in list {
            let name = node.as_str().or_else(|| node.get("Name").and_then(Node::as_str)).unwrap_or("?");
            let harmless = ["AWS::Serverless", "AWS::LanguageExtensions", "AWS::CodeDeploy", "AWS::SecretsManager"];
            if harmless.iter().any(|known| name.starts_with(known)) {
                continue;
            }
            let start = match node.at.as_ref().map(|at| &at.span) {
                Some(Where::Bytes(start, _)) => Some(line_and_column(&self.text, *start as usize)),
                _ => None,
            };
            self.gaps.push(Gap {
                what: self.shown.clone(),
                scope: String::new(),
                why: format!("macro `{name}` may change the template, and was not run"),
                unblock: Some(
                    "give the processed template: `aws cloudformation get-template --template-stage Processed`"
                        .to_owned(),
                ),
                place: Some(match start {
                    Some((line, column)) => format!("{}:{line}:{column}", self.shown),
                    None => self.shown.clone(),
                }),
            });
        }
    }

    /// The resource of a logical name.
    pub(super) fn resource(&self, name: &str) -> Option<&Resource> {
        self.resources.get(*self.numbers.get(name)?).map(|(_, resource)| resource)
    }

    /// Whether the CDK made it.
    pub(super) fn is_cdk(&self) -> bool {
        self.resources.iter().any(|(_, resource)| {
            resource.path.is_some()
                || resource.kind == "AWS::CDK::Metadata"
                || resource.kind.starts_with("Custom::AWSCDK")
        })
    }
}

/// The fields of an object; none of anything else.
pub(super) fn fields(node: Node) -> impl Iterator<Item = (String, Node)> {
    match node.form {
        Form::Object(fields) => fields.into_iter(),
        _ => Vec::new().into_iter(),
    }
}

/// The key under which the value of a short tag stands.
fn key_of_tag(suffix: &str) -> Option<String> {
    match suffix {
        "" => None,
        "Ref" | "Condition" => Some(suffix.to_owned()),
        _ => Some(format!("Fn::{suffix}")),
    }
}

/// The place of the key whose value stands at a place, or that place.
fn key_before(text: &str, at: &At, name: &str, file: u32) -> At {
    let Where::Bytes(start, end) = at.span else { return at.clone() };
    let own = text.get(start as usize..end as usize).unwrap_or_default();
    if own.trim_matches(['"', '\'']) == name {
        return at.clone();
    }
    let before = text.get(..start as usize).unwrap_or_default();
    // Only what stands right before: `"Name": ` or `Name: `.
    let head = before.trim_end().strip_suffix(':').map(str::trim_end).unwrap_or_default();
    let head = head.trim_end_matches(['"', '\'']);
    if !head.ends_with(name) {
        return at.clone();
    }
    let byte = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    At { file, span: Where::Bytes(byte(head.len() - name.len()), byte(head.len())) }
}

/// Makes the places of lists and objects short enough to be shown.
pub(super) fn shorten(node: &mut Node, text: &str) {
    if let Form::List(_) | Form::Object(_) = node.form
        && let Some(At { span: Where::Bytes(start, end), .. }) = &mut node.at
    {
        let whole = text.get(*start as usize..*end as usize).unwrap_or_default();
        if whole.len() > 160 || whole.contains('\n') {
            *end = *start + 1;
        }
    }
    match &mut node.form {
        Form::List(items) => items.iter_mut().for_each(|item| shorten(item, text)),
        Form::Object(fields) => fields.iter_mut().for_each(|(_, node)| shorten(node, text)),
        _ => {}
    }
}

/// Line and column of a byte, from 1.
pub(super) fn line_and_column(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let last = before.rsplit('\n').next().unwrap_or_default();
    (line, last.chars().count() + 1)
}
