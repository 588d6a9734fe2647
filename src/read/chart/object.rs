//! Releases that stand as objects of Kubernetes: a HelmRelease of Flux, an Application of Argo CD.
//!
//! <https://fluxcd.io/flux/components/helm/helmreleases/>, <https://argo-cd.readthedocs.io/en/stable/user-guide/helm/>
//!
//! Deliberately absent: values that come from elsewhere, such as a ConfigMap or another repository.

use super::values::Values;
use super::{Chart, Release, declare, file};
use crate::known::Text;
use crate::read::code::{Declared, Form, Node};
use crate::read::written::{Written, join};
use serde_json::Value;

/// Whether an object may be a release, by its version and kind.
pub(crate) fn is_release(version: &str, kind: &str) -> bool {
    let group = version.split('/').next().unwrap_or_default();
    matches!((group, kind), ("helm.toolkit.fluxcd.io", "HelmRelease") | ("argoproj.io", "Application"))
}

/// Declares what a release makes, of a chart that is known.
pub(crate) fn read(object: &Value, pointer: &str, out: &mut Vec<Declared>) {
    let object = Written::root(object, pointer);
    let release = if object.get("kind").str() == Some("HelmRelease") { flux(&object) } else { argo(&object) };
    if let Some(release) = release.filter(|release| release.chart != Chart::Other) {
        declare(&release, out);
    }
}

fn flux(object: &Written<'_>) -> Option<Release> {
    let spec = object.get("spec");
    let chart = spec.get("chart").get("spec");
    let mut values = Values::default();
    values.said.at = spec.at();
    // What is to be taken from elsewhere comes first.
    values.whole = !spec.get("valuesFrom").is_there();
    values.lay(file::placed(&spec.get("values")));
    let (own, target) = (object.get("metadata"), spec.get("targetNamespace"));
    let namespace = if target.is_there() { target.node() } else { own.get("namespace").node() };
    let name = match (spec.get("releaseName"), own.get("name"), target.text()) {
        (name, ..) if name.is_there() => name.node(),
        (_, name, Some(target)) => {
            let text = join([target, "-".into(), name.text()?]);
            Node::new(Form::Text(text)).written(name.at())
        }
        (_, name, None) => name.node(),
    };
    let creates = spec.get("install").get("createNamespace").truth() == Some(true);
    release((name, namespace), (chart.get("chart"), chart.get("sourceRef").get("name"), chart.get("version")), values)
        .map(|release| Release { creates_namespace: creates, at: own.get("name").at(), ..release })
}

fn argo(object: &Written<'_>) -> Option<Release> {
    let spec = object.get("spec");
    let mut sources = spec.get("sources").items();
    sources.push(spec.get("source"));
    let source = sources.into_iter().find(|source| source.get("chart").is_there())?;
    let helm = source.get("helm");
    let mut values = Values::default();
    values.said.at = source.at();
    values.whole = helm.get("valueFiles").items().is_empty();
    match helm.get("values").value {
        Value::String(text) => match file::values(text, 0) {
            // Nothing in a text has a place of its own.
            Some(said) => values.lay(at_one_place(said, &helm.get("values").node())),
            None => values.forget(),
        },
        Value::Null => {}
        _ => values.forget(),
    }
    values.lay(file::placed(&helm.get("valuesObject")));
    for parameter in helm.get("parameters").items() {
        match (parameter.get("name").str(), parameter.get("value").text()) {
            (Some(name), Some(value)) => {
                let literal = parameter.get("forceString").truth() == Some(true);
                let setting = join([name.into(), "=".into(), value]);
                values.set(&setting, parameter.get("value").at().as_ref(), literal);
            }
            _ => values.forget(),
        }
    }
    let own = object.get("metadata").get("name");
    let named = helm.get("releaseName");
    let name = if named.is_there() { named.node() } else { own.node() };
    let namespace = spec.get("destination").get("namespace").node();
    let options = spec.get("syncPolicy").get("syncOptions").items();
    let creates = options.iter().any(|option| option.str() == Some("CreateNamespace=true"));
    release((name, namespace), (source.get("chart"), source.get("repoURL"), source.get("targetRevision")), values)
        .map(|release| Release { creates_namespace: creates, at: own.at(), ..release })
}

fn release(
    (name, namespace): (Node, Node),
    (chart, repository, version): (Written<'_>, Written<'_>, Written<'_>),
    values: Values,
) -> Option<Release> {
    let or_default = |node: Node, what: &str| match node.form {
        Form::Null => Node::new(Form::Text(Text::hole(what))),
        _ => node,
    };
    // A range of versions is none.
    let is_one = |version: &&str| version.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-+".contains(&byte));
    let version = version.str().filter(is_one).map(str::to_owned);
    let repository = repository.text().unwrap_or_default().to_string();
    Some(Release {
        name: or_default(name, "name of the release"),
        namespace: or_default(namespace, "namespace of the release"),
        creates_namespace: false,
        chart: Chart::named(chart.str()?, &repository, version.as_deref(), &values),
        version,
        values,
        cluster: None,
        at: None,
    })
}

/// A value of which every part stands where the whole does.
fn at_one_place(mut node: Node, whole: &Node) -> Node {
    node.form = match node.form {
        Form::List(items) => Form::List(items.into_iter().map(|item| at_one_place(item, whole)).collect()),
        Form::Object(fields) => {
            Form::Object(fields.into_iter().map(|(key, value)| (key, at_one_place(value, whole))).collect())
        }
        form => form,
    };
    node.at.clone_from(&whole.at);
    node
}
