//! What `helm` is told to install.
//!
//! Files of values beside the script, those that it writes itself and those that it pipes in are laid one over the
//! other, settings over them. `helm template` counts as well: what it prints is there to be applied.
//!
//! Of repositories only those are told that are not there any more.
//!
//! Deliberately absent: what earlier releases were given.

use super::super::chart::values::Values;
use super::super::chart::{self, Chart, Release, file};
use super::super::code::{Declared, Form, Node, gone_repository};
use super::super::shell::{Command, Word};
use super::arguments::option;
use super::files::Files;
use crate::known::Text;

/// Options that take a value.
const VALUED: &[&str] = &[
    "namespace",
    "n",
    "values",
    "f",
    "set",
    "set-string",
    "set-json",
    "set-file",
    "set-literal",
    "version",
    "repo",
    "name",
    "kube-context",
    "kubeconfig",
    "timeout",
    "description",
    "output",
    "o",
    "post-renderer",
    "post-renderer-args",
    "username",
    "password",
    "ca-file",
    "cert-file",
    "key-file",
    "keyring",
    "labels",
    "l",
    "history-max",
    "name-template",
    "registry-config",
    "repository-cache",
    "repository-config",
    "kube-apiserver",
    "kube-token",
    "kube-as-user",
    "kube-as-group",
    "kube-ca-file",
    "kube-tls-server-name",
    "api-versions",
    "a",
    "show-only",
    "s",
    "output-dir",
    "kube-version",
];

/// Declares the release that one command installs.
pub(super) fn declare(command: &Command, files: &Files<'_>, out: &mut Vec<Declared>) {
    let (plain, options) = sorted(command.words.get(1..).unwrap_or_default());
    let verb = plain.first().and_then(|word| word.plain()).unwrap_or_default();
    let has = |names: &[&str]| options.iter().any(|(name, _)| names.contains(&name.as_str()));
    let address = match verb.as_str() {
        "repo" if plain.get(1).and_then(|word| word.plain()).as_deref() == Some("add") => plain.get(3).copied(),
        _ => options.iter().find(|(name, _)| name == "repo").and_then(|(_, word)| word.as_ref()),
    };
    out.extend(address.and_then(|word| gone_repository(&word.plain()?, word.at())));
    if !matches!(verb.as_str(), "install" | "upgrade" | "template") || has(&["dry-run"]) {
        return;
    }
    let given = |names: &[&str]| {
        let found = options.iter().rev().find(|(name, _)| names.contains(&name.as_str()));
        found.and_then(|(_, word)| word.as_ref())
    };
    // The second version of Helm has the name in an option, and who has it made up gives none.
    let (name, chart) = match (plain.get(1), plain.get(2)) {
        (Some(name), Some(chart)) => (Some(*name), *chart),
        (Some(chart), None) => (given(&["name"]), *chart),
        _ => return,
    };
    let chart_name = chart.text().to_string();
    let local = chart_name.starts_with(['.', '/', '$']) || chart_name.ends_with(".tgz");
    let mut values = Values::default();
    values.said.at = chart.at();
    if local {
        // What stands in a folder may be a chart with other defaults.
        match files.values(&Text::literal(format!("{}/values.yaml", chart_name.trim_end_matches('/')))) {
            Some(defaults) => values.lay(defaults),
            None => values.whole = false,
        }
    }
    lay(command, &options, files, &mut values);
    let says_something = has(&["values", "f", "set", "set-string", "set-json", "set-file", "set-literal"]);
    // Without values of its own, an upgrade keeps those of the release.
    if verb == "upgrade"
        && (!says_something && !has(&["reset-values"]) || has(&["reuse-values", "reset-then-reuse-values"]))
    {
        values.whole = false;
    }
    let version = given(&["version"]).and_then(Word::plain).filter(|version| is_version(version));
    let repository = given(&["repo"]).map(|word| word.text().to_string()).unwrap_or_default();
    let unknown = || Node::new(Form::Text(Text::hole("name of the release"))).written(chart.at());
    let namespace = given(&["namespace", "n"]);
    let release = Release {
        name: name.map_or_else(unknown, Word::node),
        namespace: namespace.map_or_else(|| Node::text("default").written(chart.at()), Word::node),
        creates_namespace: has(&["create-namespace"]) && namespace.is_some(),
        chart: Chart::named(&chart_name, &repository, version.as_deref(), &values),
        version,
        values,
        cluster: None,
        at: name.unwrap_or(chart).at(),
    };
    chart::declare(&release, out);
}

/// Whether it is one version, and not a range of them.
fn is_version(text: &str) -> bool {
    let text = text.trim_start_matches('v');
    text.starts_with(|c: char| c.is_ascii_digit()) && !text.contains(['x', '*', ' ', '<', '>'])
}

/// Lays the files over each other, and then the settings over them.
fn lay(command: &Command, options: &[(String, Option<Word>)], files: &Files<'_>, values: &mut Values) {
    let of = |names: &'static [&'static str]| {
        options.iter().filter(move |(name, _)| names.contains(&name.as_str())).map(|(name, word)| (name, word))
    };
    for (_, word) in of(&["values", "f"]) {
        let Some(word) = word else { continue };
        let path = word.text();
        let found = match (path.as_str(), &command.input) {
            (Some("-"), Some(input)) => files.in_here_document(input),
            (Some(paths), _) => {
                for path in paths.split(',') {
                    match files.values(&Text::literal(path)) {
                        Some(layer) => values.lay(layer),
                        None => values.forget(),
                    }
                }
                continue;
            }
            _ => files.values(&path),
        };
        match found {
            Some(layer) => values.lay(layer),
            None => values.forget(),
        }
    }
    for (name, word) in of(&["set", "set-string", "set-json", "set-file", "set-literal"]) {
        let Some(word) = word else { continue };
        match name.as_str() {
            "set" | "set-string" => values.set(&word.text(), word.at().as_ref(), name == "set-string"),
            _ => match word.text().as_str().and_then(|text| text.split_once('=')) {
                Some((path, text)) => {
                    let value = match name.as_str() {
                        "set-json" => file::values_of_json(text, word.at()),
                        "set-literal" => Node::text(text),
                        _ => Node::unknown("what a file says"),
                    };
                    values.set_node(path, value.written(word.at()));
                }
                None => values.forget(),
            },
        }
    }
}

/// The words that are no options, and the options with their values.
fn sorted(words: &[Word]) -> (Vec<&Word>, Vec<(String, Option<Word>)>) {
    let (mut plain, mut options) = (Vec::new(), Vec::new());
    let mut rest = words.iter();
    while let Some(word) = rest.next() {
        match option(word) {
            Some((name, Some(value))) => options.push((name, Some(value))),
            Some((name, None)) if VALUED.contains(&name.as_str()) => options.push((name, rest.next().cloned())),
            Some((name, None)) => options.push((name, None)),
            None => plain.push(word),
        }
    }
    (plain, options)
}
