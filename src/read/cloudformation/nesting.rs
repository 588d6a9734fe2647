//! Which template a nested stack is, and where stacks will be: what a synthesised app says of itself.
//!
//! A nested stack names its template by a path beside the parent, by an asset of the app, or by an
//! address whose last part is the name of one of the templates. Nothing is fetched.

use super::stack::Home;
use super::template::Template;
use crate::known::Text;
use crate::read::code::{Form, Node};
use crate::read::file::Entry;
use crate::read::json;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

/// What the manifests of synthesised apps say.
#[derive(Default)]
pub(super) struct Assembly {
    /// The file of an asset, by the name under which it is uploaded.
    assets: BTreeMap<String, PathBuf>,
    /// Where the stack of a template will be.
    homes: BTreeMap<PathBuf, Home>,
}

impl Assembly {
    pub(super) fn of(manifests: &[&(Entry, Arc<str>)]) -> Self {
        let mut assembly = Self::default();
        for (entry, text) in manifests {
            let Ok(document) = json::document(text.trim_start_matches('\u{feff}')) else { continue };
            let folder = entry.path.parent().unwrap_or(Path::new(""));
            for file in document["files"].as_object().into_iter().flat_map(|files| files.values()) {
                let Some(path) = file["source"]["path"].as_str() else { continue };
                for destination in file["destinations"].as_object().into_iter().flat_map(|all| all.values()) {
                    if let Some(key) = destination["objectKey"].as_str() {
                        assembly.assets.insert(last(key).to_owned(), plain(&folder.join(path)));
                    }
                }
            }
            for (name, artifact) in document["artifacts"].as_object().into_iter().flatten() {
                let Some(file) = artifact["properties"]["templateFile"].as_str() else { continue };
                assembly.homes.insert(plain(&folder.join(file)), home(name, artifact));
            }
        }
        assembly
    }

    /// The template of each nested stack, by its parent and its logical name.
    pub(super) fn nested(&self, templates: &[Template]) -> BTreeMap<(usize, String), usize> {
        let paths: BTreeMap<PathBuf, usize> =
            templates.iter().enumerate().map(|(number, template)| (plain(&template.path), number)).collect();
        let mut names: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (number, template) in templates.iter().enumerate() {
            let name = template.path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            names.entry(name).or_default().push(number);
        }
        let mut nested = BTreeMap::new();
        for (number, template) in templates.iter().enumerate() {
            let folder = template.path.parent().unwrap_or(Path::new(""));
            let beside = |path: &str| paths.get(&plain(&folder.join(path))).copied();
            for (name, resource) in &template.resources {
                if resource.kind != "AWS::CloudFormation::Stack" && resource.kind != "AWS::Serverless::Application" {
                    continue;
                }
                let url = resource.properties.get("TemplateURL").or_else(|| resource.properties.get("Location"));
                let whole = url.and_then(Node::as_str).filter(|url| !url.contains("://"));
                let end = url.and_then(|url| ending(url, 0)).unwrap_or_default();
                let by_name = || match names.get(last(&end)).map(Vec::as_slice) {
                    Some([only]) => Some(*only),
                    _ => None,
                };
                let found = resource
                    .asset
                    .as_deref()
                    .and_then(beside)
                    .or_else(|| whole.and_then(beside))
                    .or_else(|| paths.get(self.assets.get(last(&end))?).copied())
                    .or_else(by_name)
                    .filter(|found| *found != number);
                if let Some(found) = found {
                    nested.insert((number, name.clone()), found);
                }
            }
        }
        nested
    }

    /// Where the stacks of the templates will be.
    pub(super) fn homes(&self, templates: &[Template]) -> BTreeMap<usize, Home> {
        let homes = templates.iter().enumerate();
        homes.filter_map(|(number, template)| Some((number, self.homes.get(&plain(&template.path))?.clone()))).collect()
    }
}

/// `aws://ACCOUNT/REGION` of a stack, as far as it is known.
fn home(name: &str, artifact: &Value) -> Home {
    let mut home = Home::default();
    let environment = artifact["environment"].as_str().and_then(|environment| environment.strip_prefix("aws://"));
    if let Some((account, region)) = environment.and_then(|environment| environment.split_once('/')) {
        if crate::arn::is_account(account) {
            home.account = Text::literal(account);
        }
        if region.contains('-') && !region.starts_with("unknown") {
            home.region = Text::literal(region);
            home.partition = Text::literal(match region {
                china if china.starts_with("cn-") => "aws-cn",
                gov if gov.starts_with("us-gov-") => "aws-us-gov",
                _ => "aws",
            });
        }
    }
    home.name = Some(artifact["properties"]["stackName"].as_str().unwrap_or(name).to_owned());
    home
}

/// The literal end of an expression.
fn ending(node: &Node, depth: usize) -> Option<String> {
    if depth > 8 {
        return None;
    }
    match &node.form {
        Form::Text(text) => text.as_str().map(str::to_owned),
        Form::Object(fields) => match fields.as_slice() {
            [(key, argument)] if key == "Fn::Sub" => ending(argument.items().first().unwrap_or(argument), depth + 1),
            [(key, argument)] if key == "Fn::Join" => ending(argument.items().get(1)?.items().last()?, depth + 1),
            [(key, argument)] if key == "Fn::If" => ending(argument.items().last()?, depth + 1),
            _ => None,
        },
        _ => None,
    }
}

/// What follows the last slash, without a query.
fn last(path: &str) -> &str {
    let path = path.split(['?', '#']).next().unwrap_or(path);
    path.rsplit('/').next().unwrap_or(path)
}

/// A path without `.` and `..`, for comparing.
fn plain(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir if out.file_name().is_some() => {
                out.pop();
            }
            other => out.push(other),
        }
    }
    out
}
