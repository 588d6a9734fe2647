//! Files of values by themselves, when nothing says which release they are for.
//!
//! What they say is read as what it is; which release it is for, and what other values it has, is not known.
//!
//! Deliberately absent: the defaults of a chart, which stand beside its `Chart.yaml` and are a template for others.

use super::values::Values;
use super::{Chart, Generation, Release, declare, kubeflow};
use crate::estate::Syntax;
use crate::known::Text;
use crate::read::code::{At, Code, Form, Node, Where};
use crate::read::{placeholder, written};
use serde_json::Value;

/// The largest file of values.
const LARGEST: usize = 1 << 20;

/// Whether a file may hold the values of a release, by its name and its text.
pub(crate) fn is_values(path: &str, text: &str) -> bool {
    let path = path.to_ascii_lowercase();
    let name = path.rsplit('/').next().unwrap_or_default();
    (name.ends_with(".yaml") || name.ends_with(".yml"))
        && (name.contains("values") || path.contains("helm") || path.contains("operator"))
        && text.len() <= LARGEST
        && !text.lines().any(|line| line.starts_with("apiVersion:"))
        && !placeholder::is_program(text)
}

/// The values in a text, each with its place in the file of this number; `None` if it has none or cannot be read.
pub(crate) fn values(text: &str, file: u32) -> Option<Node> {
    let mut found = written::yaml_documents(text);
    if found.fault.is_some() || found.documents.len() > 1 {
        return None;
    }
    // A file of comments says nothing.
    let document = found.documents.pop().unwrap_or_default();
    if !document.is_object() {
        return document.is_null().then(|| Node::new(Form::Null));
    }
    let root = written::Written { value: &document, pointer: "/0".to_owned(), file };
    Some(placed(&root))
}

/// The value of a setting in JSON; unknown where it is none.
pub(crate) fn values_of_json(text: &str, at: Option<At>) -> Node {
    match written::json_value(text) {
        Ok(json) => written::node(&json.value).written(at),
        Err(_) => Node::unknown("a setting that is no JSON").written(at),
    }
}

/// A value of which every part has its place.
pub(super) fn placed(written: &written::Written<'_>) -> Node {
    let form = match written.value {
        Value::Object(map) if !map.contains_key("$unknown") && !map.contains_key("$text") => {
            let fields = map.keys().map(|key| (key.clone(), placed(&written.get(key))));
            Form::Object(fields.collect())
        }
        Value::Array(_) => Form::List(written.items().iter().map(placed).collect()),
        _ => written.node().form,
    };
    Node { form, at: written.is_there().then(|| written.at()).flatten() }
}

/// What a file of values says of a chart that it is recognisably for. Those of a chart's own folder may say it of the
/// charts that it consists of.
pub(crate) fn read(path: &str, text: &str, beside_chart: bool) -> Option<Code> {
    let said = values(text, 0)?;
    let mut declared = Vec::new();
    let mut all: Vec<(Node, Option<&str>)> = Vec::new();
    for name in ["spark-operator", "spark-kubernetes-operator"] {
        if let Some(inner) = said.get(name).filter(|inner| matches!(inner.form, Form::Object(_))) {
            all.push((inner.clone(), Some(name)));
        }
    }
    if all.is_empty() && !beside_chart {
        all.push((said, None));
    }
    for (said, name) in all {
        let values = Values { said, whole: false };
        let Some(chart) = chart(&values, name) else { continue };
        let of = |what: &str| {
            let file = path.rsplit('/').next().unwrap_or(path);
            Node::new(Form::Text(Text::hole(format!("{what} of {file}"))))
        };
        let release = Release {
            name: of("release"),
            namespace: of("namespace"),
            creates_namespace: false,
            chart,
            version: None,
            at: Some(At { file: 0, span: Where::Pointer("/0".to_owned()) }),
            values,
            cluster: None,
        };
        declare(&release, &mut declared);
    }
    (!declared.is_empty()).then(|| written::code("helm values", path, Syntax::Yaml, declared, None))
}

/// The chart that values are for, by what they say, or by the name under which they stand.
fn chart(values: &Values, name: Option<&str>) -> Option<Chart> {
    let has = |path: &[&str]| values.get(path).is_told();
    if name == Some("spark-kubernetes-operator")
        || has(&["workloadResources", "namespaces"])
        || has(&["operatorDeployment"]) && (has(&["operatorConfiguration"]) || has(&["operatorRbac"]))
    {
        return Some(Chart::Apache);
    }
    let operates = has(&["webhook"]) || has(&["batchScheduler"]) || has(&["serviceAccounts"]);
    if has(&["emrContainers", "awsRegion"]) && operates {
        return Some(Chart::Emr);
    }
    let generation = kubeflow::generation(values);
    let is_own = match generation {
        Some(Generation::Two) => {
            has(&["spark", "jobNamespaces"]) || has(&["controller"]) && has(&["webhook"]) && has(&["spark"])
        }
        Some(Generation::One) => {
            has(&["sparkJobNamespace"])
                || has(&["sparkJobNamespaces"])
                || has(&["serviceAccounts", "spark"])
                || has(&["serviceAccounts", "sparkoperator"])
                || has(&["controllerThreads"]) && operates
        }
        None => false,
    };
    if is_own || name == Some("spark-operator") { Some(Chart::Kubeflow(generation)) } else { None }
}
