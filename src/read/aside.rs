//! Files that are passed over: what they are, and what would make them read.
//!
//! A folder of a repository holds much that is not for this program. That is no gap, but it is said: how many files of
//! which kind were passed over, and why, so that nobody takes for checked what was not.
//!
//! Deliberately absent: files in hidden folders, `node_modules` and `target`, which nobody would ask for.

use super::placeholder;
use crate::estate::PassedOver;
use std::collections::BTreeMap;

/// How many files of a kind are named.
const NAMED: usize = 3;

/// A file that is passed over.
#[derive(Clone, Debug)]
pub(crate) struct Aside {
    pub(crate) path: String,
    pub(crate) kind: Kind,
    /// Why, as a phrase about the file.
    pub(crate) why: String,
}

/// A file of code that declares nothing that is read.
pub(crate) fn unused(path: &str, kind: Kind, language: &str) -> Aside {
    let why = format!("`{path}` declares nothing that sparkcheck looks at, as {language}");
    Aside { path: path.to_owned(), kind, why }
}

/// What a file is that is passed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// A template of Helm, Jinja and the like.
    Template,
    /// `Chart.yaml`.
    Chart,
    /// `kustomization.yaml`.
    Kustomization,
    /// Values of a chart that only its templates give a meaning.
    Values,
    /// Kubernetes objects that say nothing about a rollout.
    Objects,
    /// Terraform that declares nothing that is read.
    Terraform,
    /// A template of CloudFormation that declares nothing that is read.
    Stack,
    /// A script or a document without a call that is read.
    Script,
    /// JSON and YAML of other trades.
    Data,
    /// What is neither JSON nor YAML, though its name says so.
    Broken,
    /// Nothing is in it.
    Empty,
    /// It is no text.
    Binary,
    /// Its name says that it is something else.
    Other,
}

impl Kind {
    /// What the files of the kind are, in the plural.
    fn what(self) -> &'static str {
        match self {
            Self::Template => "templates that are not rendered",
            Self::Chart => "charts that are not rendered",
            Self::Kustomization => "kustomizations that are not built",
            Self::Values => "values of other charts",
            Self::Objects => "Kubernetes objects of other trades",
            Self::Terraform => "Terraform files that declare nothing for Spark",
            Self::Stack => "CloudFormation templates that declare nothing for Spark",
            Self::Script => "scripts and documents without a call that is read",
            Self::Data => "JSON and YAML of other trades",
            Self::Broken => "files that are no JSON and no YAML",
            Self::Empty => "empty files",
            Self::Binary => "files that are no text",
            Self::Other => "files of other kinds",
        }
    }

    fn unblock(self) -> Option<&'static str> {
        match self {
            Self::Template | Self::Chart => Some("render it with `--render`, or give the output of `helm template`"),
            Self::Kustomization => Some("build it with `--render`, or give the output of `kustomize build`"),
            _ => None,
        }
    }
}

/// What a text is of which nothing was read.
pub(crate) fn kind_of(path: &str, text: &str, broken: bool) -> Kind {
    let name = path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase();
    let is_yaml = name.ends_with(".yaml") || name.ends_with(".yml");
    if text.trim().is_empty() {
        return Kind::Empty;
    }
    if name.starts_with("kustomization.y") {
        return Kind::Kustomization;
    }
    if name.starts_with("chart.y") {
        return Kind::Chart;
    }
    if placeholder::is_program(text) {
        return Kind::Template;
    }
    if [".sh", ".bash", ".md", ".ps1"].iter().any(|end| name.ends_with(end)) {
        return Kind::Script;
    }
    if broken {
        return Kind::Broken;
    }
    if is_yaml && name.starts_with("values") {
        return Kind::Values;
    }
    let starts = |key: &str| text.lines().any(|line| line.starts_with(key));
    if is_yaml && starts("apiVersion:") && starts("kind:") {
        return Kind::Objects;
    }
    Kind::Data
}

/// What was passed over, by kind. `others` are files whose names say that they are something else, of which some are named.
pub(crate) fn tally(asides: &[Aside], others: (usize, Vec<String>)) -> Vec<PassedOver> {
    let mut kinds: BTreeMap<Kind, (usize, Vec<String>)> = BTreeMap::new();
    for aside in asides {
        let (count, paths) = kinds.entry(aside.kind).or_default();
        *count += 1;
        paths.push(aside.path.clone());
    }
    if others.0 > 0 {
        kinds.insert(Kind::Other, others);
    }
    let tallied = kinds.into_iter().map(|(kind, (count, mut paths))| {
        paths.sort();
        paths.truncate(NAMED);
        PassedOver { what: kind.what().to_owned(), count, paths, unblock: kind.unblock().map(str::to_owned) }
    });
    tallied.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_told_by_name_and_text() {
        for (path, text, broken, expected) in [
            ("chart/templates/a.yaml", "name: {{ .Values.x }}\n", true, Kind::Template),
            ("chart/Chart.yaml", "name: x\n", false, Kind::Chart),
            ("kustomization.yml", "resources: []\n", false, Kind::Kustomization),
            ("values-dev.yaml", "image: x\n", false, Kind::Values),
            ("a.yaml", "apiVersion: v1\nkind: Endpoints\n", false, Kind::Objects),
            ("a.yaml", "services: {}\n", false, Kind::Data),
            ("a.yaml", "a: [\n", true, Kind::Broken),
            ("a.sh", "echo\n", false, Kind::Script),
            ("a.json", " \n", false, Kind::Empty),
        ] {
            assert_eq!(kind_of(path, text, broken), expected, "{path}");
        }
    }
}
