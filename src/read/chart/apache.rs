//! The chart of Apache's operator.
//!
//! <https://github.com/apache/spark-kubernetes-operator/tree/main/build-tools/helm/spark-kubernetes-operator>; versions
//! 1.0.0 to 1.8.0 have the defaults that are given here.
//!
//! Deliberately absent: what the operator itself may do, and its sentinels.

use super::values::Said;
use super::{Declared, Node, Release, Rule, joined};
use crate::known::Text;
use crate::read::code::Form;
use crate::read::written::{join, list, object, text};

const VERBS: &[&str] = &["get", "list", "watch", "create", "update", "patch", "delete"];
/// What drivers may do.
const WORKLOADS: &[Rule] =
    &[("", &["pods", "services", "configmaps", "persistentvolumeclaims"], VERBS), ("apps", &["statefulsets"], VERBS)];

/// The operator that each version of the chart installs.
const OPERATORS: [(&str, &str); 9] = [
    ("1.0.0", "0.2.0"),
    ("1.1.0", "0.3.0"),
    ("1.2.0", "0.4.0"),
    ("1.3.0", "0.5.0"),
    ("1.4.0", "0.6.0"),
    ("1.5.0", "0.7.0"),
    ("1.6.0", "0.8.0"),
    ("1.7.0", "0.9.0"),
    ("1.8.0", "1.0.0"),
];

/// The name of the operator's configuration.
const CONFIGURATION: &str = "spark-kubernetes-operator-configuration";

pub(super) fn declare(release: &Release, out: &mut Vec<Declared>) {
    let values = &release.values;
    let data = values.get(&["workloadResources", "namespaces", "data"]);
    let listed = data.value().map_or(&[][..], Node::items);
    let is_known = listed.iter().all(|item| matches!(item.form, Form::Text(_) | Form::Number(_)));
    // Without a list, workloads are in the namespace of the release.
    let own = std::slice::from_ref(&release.namespace);
    let names: Option<&[Node]> = match data {
        Said::Told(Node { form: Form::List(items), .. }) if !items.is_empty() => is_known.then_some(listed),
        Said::Told(Node { form: Form::List(_) | Form::Null, .. }) | Said::Default => Some(own),
        Said::Told(_) | Said::Unknown => None,
    };
    deployment(release, out);
    configuration(release, names, data, out);
    for namespace in names.unwrap_or_default() {
        workloads(release, namespace, !listed.is_empty(), out);
    }
    let role = ["workloadResources", "clusterRole"];
    if names.is_some() && values.get(&[&role[..], &["create"]].concat()).truth_or(true) == Some(true) {
        release.role(&named(release, "clusterRole", "spark-workload-clusterrole"), None, WORKLOADS, out);
    }
}

/// The name of a resource for workloads.
fn named(release: &Release, resource: &str, default: &str) -> Node {
    release.values.get(&["workloadResources", resource, "name"]).name().unwrap_or_else(|| Node::text(default))
}

/// What the chart makes in a namespace of workloads.
fn workloads(release: &Release, namespace: &Node, is_listed: bool, out: &mut Vec<Declared>) {
    let makes = |resource: &str, default: bool| {
        release.values.get(&["workloadResources", resource, "create"]).truth_or(default) == Some(true)
    };
    if is_listed && makes("namespaces", true) {
        let metadata = object([("name", namespace.clone())]).written(namespace.at.clone());
        let item = release.object(("v1", "Namespace"), metadata, [], namespace.at.clone());
        release.put("kubernetes.namespaces", item, out);
    }
    let account = named(release, "serviceAccount", "spark");
    if makes("serviceAccount", true) {
        release.driver_account(&account, namespace, Said::Default, out);
    }
    let role = named(release, "role", "spark-workload-role");
    if makes("role", false) {
        release.role(&role, Some(namespace), WORKLOADS, out);
    }
    if makes("roleBinding", true) {
        let of_cluster = named(release, "clusterRole", "spark-workload-clusterrole");
        let role = if makes("clusterRole", true) { ("ClusterRole", &of_cluster) } else { ("Role", &role) };
        let binding = named(release, "roleBinding", "spark-workload-rolebinding");
        release.binding(role, &binding, &account, namespace, out);
    }
}

/// The operator's Deployment.
fn deployment(release: &Release, out: &mut Vec<Declared>) {
    let values = &release.values;
    let name = values.get(&["nameOverride"]).name().unwrap_or_else(|| Node::text("spark-kubernetes-operator"));
    let default = || Node::text("apache/spark-kubernetes-operator");
    let repository = values.get(&["image", "repository"]).name().unwrap_or_else(default);
    let of_chart = || {
        let version = release.version.as_deref()?;
        let (_, operator) = OPERATORS.iter().find(|(chart, _)| *chart == version)?;
        Some(Node::text(*operator)).filter(|_| values.whole)
    };
    let image = match values.get(&["image", "tag"]).name().or_else(of_chart) {
        Some(tag) => joined(&[&repository, &Node::text(":"), &tag]),
        None => repository,
    };
    let container = object([("name", Node::text("spark-kubernetes-operator")), ("image", image)]);
    let pod = object([("containers", list(vec![container]))]);
    let labels = object([("app.kubernetes.io/instance", release.name.clone())]);
    let metadata = object([("name", name), ("namespace", release.namespace.clone()), ("labels", labels)]);
    let at = release.at.clone().or_else(|| values.said.at.clone());
    let spec = object([("template", object([("spec", pod)]))]);
    release.put(
        "kubernetes.deployments",
        release.object(("apps/v1", "Deployment"), metadata, [("spec", spec)], at),
        out,
    );
}

/// The operator's configuration: the namespaces that it watches, and what is set beside them.
fn configuration(release: &Release, names: Option<&[Node]>, data: Said<'_>, out: &mut Vec<Declared>) {
    let values = &release.values;
    let of = |path: &[&str]| values.get(&[&["operatorConfiguration"], path].concat());
    let own = of(&["spark-operator.properties"]);
    let follows = values.get(&["workloadResources", "namespaces", "overrideWatchedNamespaces"]).truth_or(true);
    let dynamic = of(&["dynamicConfig", "enable"]).truth_or(false);
    let watched = match (follows, names) {
        (Some(true), Some(names)) => {
            let mut all: Vec<Text> = vec!["spark.kubernetes.operator.watchedNamespaces=".into()];
            for (number, name) in names.iter().enumerate() {
                if number > 0 {
                    all.push(",".into());
                }
                all.extend(name.as_text());
            }
            all.push("\n".into());
            Some(join(all))
        }
        (Some(false), _) => Some(Text::default()),
        _ => None,
    };
    let rest = match own {
        Said::Told(node) => match &node.form {
            Form::Null => Some(Text::default()),
            _ => node.as_text(),
        },
        Said::Default => Some(Text::default()),
        // Nobody says it twice, in a setting and in a list.
        Said::Unknown if data.is_told() => Some(Text::default()),
        Said::Unknown => None,
    };
    let at = data.value().or_else(|| own.value()).and_then(|node| node.at.clone());
    let properties = match (watched, rest, dynamic) {
        (Some(watched), Some(rest), Some(dynamic)) => {
            let dynamic = Text::literal(format!("spark.kubernetes.operator.dynamicConfig.enabled={dynamic}\n"));
            text(join([dynamic, watched, rest]))
        }
        _ => Node::unknown("the values that say which namespaces the operator watches"),
    };
    let put = |name: &str, data: Node, out: &mut Vec<Declared>| {
        let metadata = object([("name", Node::text(name)), ("namespace", release.namespace.clone())]);
        let item = release.object(("v1", "ConfigMap"), metadata, [("data", data)], at.clone());
        release.put("kubernetes.configMaps", item, out);
    };
    put(CONFIGURATION, object([("spark-operator.properties", properties.written(at.clone()))]), out);
    if dynamic == Some(true)
        && of(&["dynamicConfig", "create"]).truth() == Some(true)
        && let Some(data) = of(&["dynamicConfig", "data"]).value()
    {
        put("spark-kubernetes-operator-dynamic-configuration", data.clone(), out);
    }
}
