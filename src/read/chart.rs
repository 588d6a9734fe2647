//! Releases of Helm charts: what their values make of them.
//!
//! A chart is a program, and its values are the arguments. Of the charts that rollouts stand on it is known what those
//! arguments do, from their templates: the operators of Kubeflow and of Apache, the one that Amazon EMR ships, and the
//! Batch Processing Gateway. Whoever meets a release brings its values here, from Terraform, a stack, a command line or
//! a file, and gets the objects that the chart would make of them.
//!
//! What values do not say is the chart's default, where all values of the release are known and every version of the
//! chart has that default; else it is unknown. Values that stand beside their own chart are its defaults, and say
//! nothing of any release.
//!
//! Deliberately absent: rendering. `--render` asks Helm itself.

mod apache;
pub(crate) mod file;
mod kubeflow;
pub(crate) mod object;
pub(crate) mod values;

use super::code::{At, Declared, Form, Node};
use super::written::{object, text};
use crate::known::Text;
use values::{Said, Values};

/// A release of a chart, as far as it is told.
#[derive(Clone, Debug)]
pub(crate) struct Release {
    /// Its name.
    pub(crate) name: Node,
    /// The namespace into which it is installed.
    pub(crate) namespace: Node,
    /// Whether that namespace is made with it.
    pub(crate) creates_namespace: bool,
    /// The chart.
    pub(crate) chart: Chart,
    /// The version of the chart, where it is said.
    pub(crate) version: Option<String>,
    /// All values that are known.
    pub(crate) values: Values,
    /// The cluster, where it is said.
    pub(crate) cluster: Option<Text>,
    /// Where the release is told.
    pub(crate) at: Option<At>,
}

/// The charts of which it is known what their values do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Chart {
    /// Kubeflow's operator, and which of its two generations, where that can be told.
    Kubeflow(Option<Generation>),
    /// The operator that Amazon EMR ships: a chart of Kubeflow's first generation with names of its own.
    Emr,
    /// Apache's operator.
    Apache,
    /// Any other chart.
    Other,
}

/// The charts of Kubeflow's operator before and since version 2, which have different values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Generation {
    /// `sparkJobNamespace`, `serviceAccounts.spark`; the webhook is off by default.
    One,
    /// `spark.jobNamespaces`, `spark.serviceAccount`; the webhook is on by default.
    Two,
}

impl Chart {
    /// The chart that is meant by a name, a path or an address, the repository beside it, a version and values.
    pub(crate) fn named(name: &str, repository: &str, version: Option<&str>, values: &Values) -> Self {
        let last = name.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
        let last = last.split_once(".tgz").map_or(last, |(last, _)| last);
        // An archive has its version in its name.
        let of = |chart: &str| {
            let rest = last.strip_prefix(chart).map(|rest| rest.strip_prefix("-chart").unwrap_or(rest));
            rest.is_some_and(|rest| {
                rest.is_empty() || rest.starts_with('-') && rest.as_bytes().get(1).is_some_and(u8::is_ascii_digit)
            })
        };
        if of("spark-kubernetes-operator") {
            return Self::Apache;
        }
        if !of("spark-operator") {
            return Self::Other;
        }
        let from = format!("{repository} {name}");
        if from.contains(".dkr.ecr.") || from.contains("emr-on-eks") || values.get(&["emrContainers"]).is_told() {
            return Self::Emr;
        }
        let major = version.and_then(|version| version.trim_start_matches('v').split(['.', '-']).next()?.parse().ok());
        Self::Kubeflow(match major {
            Some(0 | 1) => Some(Generation::One),
            Some(2..=9_u32) => Some(Generation::Two),
            _ => kubeflow::generation(values),
        })
    }
}

/// Declares what a release makes, but for the configuration of a gateway.
pub(crate) fn declare(release: &Release, out: &mut Vec<Declared>) {
    if release.creates_namespace {
        let metadata = object([("name", release.namespace.clone())]).written(release.namespace.at.clone());
        let item =
            object([("apiVersion", Node::text("v1")), ("kind", Node::text("Namespace")), ("metadata", metadata)]);
        release.put("kubernetes.namespaces", item.written(release.at.clone()), out);
    }
    match release.chart {
        Chart::Kubeflow(generation) => kubeflow::declare(release, generation, out),
        Chart::Emr => kubeflow::declare(release, Some(Generation::One), out),
        Chart::Apache => apache::declare(release, out),
        Chart::Other => {}
    }
    account(release, out);
}

impl Release {
    fn put(&self, collection: &'static str, item: Node, out: &mut Vec<Declared>) {
        out.push(Declared::Item { collection, cluster: self.cluster.clone(), item });
    }

    /// An object of Kubernetes.
    fn object<'k>(
        &self,
        (version, kind): (&str, &str),
        metadata: Node,
        fields: impl IntoIterator<Item = (&'k str, Node)>,
        at: Option<At>,
    ) -> Node {
        let head = [("apiVersion", Node::text(version)), ("kind", Node::text(kind)), ("metadata", metadata)];
        object(head.into_iter().chain(fields)).written(at.or_else(|| self.at.clone()))
    }

    /// The service account of drivers in a namespace, with the annotations that values give it.
    fn driver_account(&self, name: &Node, namespace: &Node, annotations: Said<'_>, out: &mut Vec<Declared>) {
        let annotations = annotations.value().cloned().unwrap_or_else(|| Node::new(Form::Null));
        let metadata = object([("name", name.clone()), ("namespace", namespace.clone()), ("annotations", annotations)]);
        let at = name.at.clone().or_else(|| namespace.at.clone());
        let item = self.object(("v1", "ServiceAccount"), metadata.written(at.clone()), [], at);
        self.put("kubernetes.serviceAccounts", item, out);
    }

    /// What a Role may do in a namespace, and the account that it is bound to.
    fn binding(&self, role: (&str, &Node), binding: &Node, account: &Node, namespace: &Node, out: &mut Vec<Declared>) {
        let (kind, name) = role;
        let reference = object([
            ("apiGroup", Node::text("rbac.authorization.k8s.io")),
            ("kind", Node::text(kind)),
            ("name", name.clone()),
        ]);
        let subject = object([
            ("kind", Node::text("ServiceAccount")),
            ("name", account.clone()),
            ("namespace", namespace.clone()),
        ]);
        let subjects = Node::new(Form::List(vec![subject]));
        let metadata = object([("name", binding.clone()), ("namespace", namespace.clone())]);
        let item = self.object(
            ("rbac.authorization.k8s.io/v1", "RoleBinding"),
            metadata,
            [("roleRef", reference), ("subjects", subjects)],
            namespace.at.clone(),
        );
        self.put("kubernetes.roleBindings", item, out);
    }

    /// A Role, of a namespace or of the whole cluster.
    fn role(&self, name: &Node, namespace: Option<&Node>, rules: &[Rule], out: &mut Vec<Declared>) {
        let texts = |texts: &[&str]| Node::new(Form::List(texts.iter().map(|text| Node::text(*text)).collect()));
        let rules = rules.iter().map(|(group, resources, verbs)| {
            object([("apiGroups", texts(&[*group])), ("resources", texts(resources)), ("verbs", texts(verbs))])
        });
        let rules = Node::new(Form::List(rules.collect()));
        let null = || Node::new(Form::Null);
        let metadata = object([("name", name.clone()), ("namespace", namespace.cloned().unwrap_or_else(null))]);
        let at = namespace.and_then(|namespace| namespace.at.clone());
        let (kind, collection) = match namespace {
            Some(_) => ("Role", "kubernetes.roles"),
            None => ("ClusterRole", "kubernetes.clusterRoles"),
        };
        let item = self.object(("rbac.authorization.k8s.io/v1", kind), metadata, [("rules", rules)], at);
        self.put(collection, item, out);
    }
}

/// One rule of a Role: the API group, the resources, the verbs.
type Rule = (&'static str, &'static [&'static str], &'static [&'static str]);

/// The service account that a chart makes under a name of its own, as charts commonly let one say it.
fn account(release: &Release, out: &mut Vec<Declared>) {
    let values = &release.values;
    let made = values.get(&["serviceAccount", "create"]).truth() == Some(true);
    let Some(name) = values.get(&["serviceAccount", "name"]).name().filter(|_| made) else { return };
    release.driver_account(&name, &release.namespace, values.get(&["serviceAccount", "annotations"]), out);
}

/// The configuration of a Batch Processing Gateway in values.
pub(crate) fn gateway(values: &Node) -> Option<&Node> {
    fn search(values: &Node, depth: usize) -> Option<&Node> {
        if values.get("sparkClusters").is_some() && values.get("sparkImages").is_some() {
            return Some(values);
        }
        match &values.form {
            Form::Object(fields) if depth < 4 => fields.iter().find_map(|(_, node)| search(node, depth + 1)),
            _ => None,
        }
    }
    search(values, 0)
}

/// Texts one after the other, at the place of the first that has one.
fn joined(nodes: &[&Node]) -> Node {
    let parts = nodes.iter().filter_map(|node| node.as_text());
    text(super::written::join(parts)).written(nodes.iter().find_map(|node| node.at.clone()))
}

#[cfg(test)]
mod tests;
