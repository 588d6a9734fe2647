//! The chart of Kubeflow's Spark operator, in its two generations, and Amazon EMR's, which is of the first.
//!
//! <https://github.com/kubeflow/spark-operator/tree/master/charts/spark-operator-chart>; versions 1.1.6 to 1.4.6 and
//! 2.0.0 to 2.5.2 have the defaults that are given here.

use super::values::{Said, Values};
use super::{Chart, Declared, Generation, Node, Release, Rule, joined};
use crate::known::Text;
use crate::read::code::{At, Form};
use crate::read::written::{list, object, text};

/// What drivers may do, by the Role of the second generation.
const DRIVERS: &[Rule] = &[(
    "",
    &["pods", "configmaps", "persistentvolumeclaims", "services"],
    &["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"],
)];
/// The same of the first.
const DRIVERS_BEFORE: &[Rule] = &[("", &["pods", "services", "configmaps", "persistentvolumeclaims"], &["*"])];

/// The generation of a chart that takes these values, where they tell it.
pub(super) fn generation(values: &Values) -> Option<Generation> {
    let has = |path: &[&str]| values.get(path).is_told();
    let first = has(&["sparkJobNamespace"])
        || has(&["sparkJobNamespaces"])
        || has(&["serviceAccounts", "spark"])
        || has(&["serviceAccounts", "sparkoperator"])
        || has(&["controllerThreads"]);
    let second = has(&["spark", "jobNamespaces"])
        || has(&["spark", "serviceAccount"])
        || has(&["spark", "rbac"])
        || has(&["spark", "jobNamespaceSelector"])
        || has(&["controller"]);
    match (first, second) {
        (true, false) => Some(Generation::One),
        (false, true) => Some(Generation::Two),
        _ => None,
    }
}

/// The namespaces in which applications may be.
enum Namespaces {
    /// These; an empty name means all.
    These(Vec<Node>, Option<At>),
    /// All of them.
    All(Option<At>),
    /// It cannot be told.
    Unknown,
}

pub(super) fn declare(release: &Release, generation: Option<Generation>, out: &mut Vec<Declared>) {
    let namespaces = match generation {
        Some(Generation::Two) => watched(&release.values),
        Some(Generation::One) => watched_before(release),
        None => Namespaces::Unknown,
    };
    let full = full_name(release);
    let webhook = release.values.get(&["webhook", "enable"]);
    deployment(release, generation, &namespaces, &full, webhook, out);
    match generation {
        Some(Generation::Two) => {
            accounts(release, &namespaces, &full, out);
            if webhook.truth_or(true) == Some(true) {
                webhooks(release, &namespaces, &joined(&[&full, &Node::text("-webhook")]), out);
            }
        }
        Some(Generation::One) => {
            accounts_before(release, &namespaces, out);
            if webhook.truth() == Some(true) {
                // The operator makes it when it starts.
                webhooks_before(release, &joined(&[&full, &Node::text("-webhook-config")]), out);
            }
        }
        None => {}
    }
}

/// The name that the chart puts before those of its things.
fn full_name(release: &Release) -> Node {
    if let Some(name) = release.values.get(&["fullnameOverride"]).name() {
        return name;
    }
    let chart = release.values.get(&["nameOverride"]).name().unwrap_or_else(|| Node::text("spark-operator"));
    let (own, of_chart) = (release.name.as_text().unwrap_or_default(), chart.as_text().unwrap_or_default());
    let holds = |part: &str| own.to_string().contains(part);
    if of_chart.as_str().is_some_and(holds) {
        return release.name.clone();
    }
    joined(&[&release.name, &Node::text("-"), &chart])
}

/// The namespaces in `spark.jobNamespaces`.
fn watched(values: &Values) -> Namespaces {
    match values.get(&["spark", "jobNamespaces"]) {
        Said::Told(node) => match &node.form {
            Form::List(items) if items.is_empty() => Namespaces::All(node.at.clone()),
            Form::List(items) => these(items, node),
            Form::Null => Namespaces::All(node.at.clone()),
            _ => Namespaces::Unknown,
        },
        Said::Default => Namespaces::These(vec![Node::text("default")], None),
        Said::Unknown => Namespaces::Unknown,
    }
}

fn these(items: &[Node], list: &Node) -> Namespaces {
    // What is not known may be the empty name.
    if items.iter().any(|item| !matches!(item.form, Form::Text(_) | Form::Number(_))) {
        return Namespaces::Unknown;
    }
    if items.iter().any(|item| item.as_str() == Some("")) {
        return Namespaces::All(list.at.clone());
    }
    Namespaces::These(items.to_vec(), list.at.clone())
}

/// The namespaces of a chart before version 2: one, or else all.
fn watched_before(release: &Release) -> Namespaces {
    let minor = release.version.as_deref().and_then(|version| {
        let mut numbers = version.trim_start_matches('v').split('.');
        numbers.next().filter(|major| *major == "1")?;
        numbers.next()?.parse::<u32>().ok()
    });
    let (one, several) = (release.values.get(&["sparkJobNamespace"]), release.values.get(&["sparkJobNamespaces"]));
    // Since 1.2, there are several; before, and in Amazon EMR's, one.
    let takes_several = match (release.chart, minor) {
        (Chart::Emr, _) => false,
        (_, Some(minor)) => minor >= 2,
        (_, None) => several.is_told() || !one.is_told(),
    };
    let said = if takes_several { several } else { one };
    match said {
        Said::Told(node) => match &node.form {
            Form::List(items) => match these(items, node) {
                // Of several, the operator is told none, and takes those of all.
                Namespaces::These(names, at) if names.len() > 1 => Namespaces::All(at),
                Namespaces::These(names, at) if names.is_empty() => Namespaces::All(at),
                namespaces => namespaces,
            },
            Form::Text(name) if name.as_str() == Some("") => Namespaces::All(node.at.clone()),
            Form::Text(_) => Namespaces::These(vec![node.clone()], node.at.clone()),
            Form::Null => Namespaces::All(node.at.clone()),
            _ => Namespaces::Unknown,
        },
        Said::Default => Namespaces::All(None),
        Said::Unknown => Namespaces::Unknown,
    }
}

/// The operator's Deployment, with those of its arguments that say what it is there for.
fn deployment(
    release: &Release,
    generation: Option<Generation>,
    namespaces: &Namespaces,
    full: &Node,
    webhook: Said<'_>,
    out: &mut Vec<Declared>,
) {
    let is_second = generation == Some(Generation::Two);
    let mut arguments = if is_second { vec![Node::text("controller"), Node::text("start")] } else { Vec::new() };
    let flag = if is_second { "--namespaces=" } else { "-namespace=" };
    let (at, told) = match namespaces {
        Namespaces::These(names, at) => {
            let mut all = vec![Text::literal(flag)];
            for (number, name) in names.iter().enumerate() {
                if number > 0 {
                    all.push(",".into());
                }
                all.extend(name.as_text());
            }
            arguments.push(text(super::super::written::join(all)).written(at.clone()));
            (at.clone(), true)
        }
        Namespaces::All(at) => {
            arguments.push(Node::text(flag).written(at.clone()));
            (at.clone(), true)
        }
        Namespaces::Unknown => (None, false),
    };
    let selector = release.values.get(&["spark", "jobNamespaceSelector"]).name().filter(|_| is_second);
    if let Some(selector) = selector {
        arguments.push(joined(&[&Node::text("--namespace-selector="), &selector]));
    }
    let mut complete = told;
    if generation == Some(Generation::One) {
        // In the first generation, the operator and its webhook are one process.
        match (webhook, webhook.truth()) {
            (Said::Told(node), Some(true)) => {
                arguments.push(Node::text("-enable-webhook=true").written(node.at.clone()));
            }
            (Said::Told(_), Some(false)) | (Said::Default, _) => {}
            _ => complete = false,
        }
    }
    if !complete {
        arguments.push(Node::unknown("other arguments of the operator"));
    }
    let place = at.clone().or_else(|| release.values.said.at.clone()).or_else(|| release.at.clone());
    let container_name = if is_second { "spark-operator-controller" } else { "spark-operator" };
    let container = object([
        ("name", Node::text(container_name)),
        ("image", image(release)),
        ("args", list(arguments).written(at)),
    ]);
    let pod = object([("containers", list(vec![container.written(place.clone())]))]);
    let name = if is_second { joined(&[full, &Node::text("-controller")]) } else { full.clone() };
    let labels = object([("app.kubernetes.io/instance", release.name.clone())]);
    let metadata = object([("name", name), ("namespace", release.namespace.clone()), ("labels", labels)]);
    let spec = object([("template", object([("spec", pod)]))]);
    let item = release.object(("apps/v1", "Deployment"), metadata, [("spec", spec)], release.at.clone().or(place));
    release.put("kubernetes.deployments", item, out);
}

/// The operator's image, as far as it tells which operator it is.
fn image(release: &Release) -> Node {
    let values = &release.values;
    let repository = values.get(&["image", "repository"]).name();
    let own = |default: &str| repository.clone().unwrap_or_else(|| Node::text(default));
    let repository = match release.chart {
        Chart::Emr => own("spark-operator"),
        Chart::Kubeflow(Some(Generation::One)) => own("kubeflow/spark-operator"),
        _ => own("kubeflow/spark-operator/controller"),
    };
    match values.get(&["image", "tag"]).name() {
        Some(tag) => joined(&[&repository, &Node::text(":"), &tag]),
        None => repository,
    }
}

/// The accounts of drivers, and their Roles, in the namespaces that are named.
fn accounts(release: &Release, namespaces: &Namespaces, full: &Node, out: &mut Vec<Declared>) {
    let Namespaces::These(names, _) = namespaces else { return };
    let said = |path: &[&str]| release.values.get(&[&["spark"], path].concat());
    let made = said(&["serviceAccount", "create"]).truth_or(true);
    let name = match (said(&["serviceAccount", "name"]), made) {
        (named, _) if named.name().is_some() => named.name(),
        (Said::Unknown, _) => None,
        (_, Some(true)) => Some(joined(&[full, &Node::text("-spark")])),
        (_, Some(false)) => Some(Node::text("default")),
        (_, None) => None,
    };
    let Some(name) = name else { return };
    for namespace in names {
        if made == Some(true) {
            release.driver_account(&name, namespace, said(&["serviceAccount", "annotations"]), out);
        }
        if said(&["rbac", "create"]).truth_or(true) == Some(true) {
            release.role(&name, Some(namespace), DRIVERS, out);
            release.binding(("Role", &name), &name, &name, namespace, out);
        }
    }
}

/// The same in the first generation, where they fall back to the namespace of the release.
fn accounts_before(release: &Release, namespaces: &Namespaces, out: &mut Vec<Declared>) {
    let said = |path: &[&str]| release.values.get(path);
    let made = said(&["serviceAccounts", "spark", "create"]).truth_or(true) == Some(true);
    let named = said(&["serviceAccounts", "spark", "name"]);
    let name = match (named.name(), release.chart) {
        (Some(name), _) => Some(name),
        (None, Chart::Emr) => Some(Node::text("emr-containers-sa-spark")),
        (None, _) if matches!(named, Said::Unknown) => None,
        (None, _) => Some(joined(&[&release.name, &Node::text("-spark")])),
    };
    let Some(name) = name.filter(|_| made) else { return };
    let several = said(&["sparkJobNamespaces"]).value().map_or(&[][..], Node::items);
    let several: Vec<&Node> = several.iter().filter(|name| name.as_str() != Some("")).collect();
    let names: Vec<&Node> = match namespaces {
        Namespaces::These(names, _) => names.iter().collect(),
        Namespaces::All(_) if !several.is_empty() => several,
        Namespaces::All(_) => vec![&release.namespace],
        Namespaces::Unknown => return,
    };
    let rules = [&["rbac", "create"][..], &["rbac", "createRole"]];
    let bound = rules.iter().any(|path| said(path).truth_or(*path == rules[1]) == Some(true));
    for namespace in names {
        release.driver_account(&name, namespace, said(&["serviceAccounts", "spark", "annotations"]), out);
        // Of the Roles of Amazon EMR's chart nothing is known.
        if bound && release.chart != Chart::Emr {
            let (role, binding) = (Node::text("spark-role"), Node::text("spark"));
            release.role(&role, Some(namespace), DRIVERS_BEFORE, out);
            release.binding(("Role", &role), &binding, &name, namespace, out);
        }
    }
}

/// The webhook of the second generation, for pods.
fn webhooks(release: &Release, namespaces: &Namespaces, name: &Node, out: &mut Vec<Declared>) {
    let selector = match namespaces {
        Namespaces::These(names, at) => {
            let expression = object([
                ("key", Node::text("kubernetes.io/metadata.name")),
                ("operator", Node::text("In")),
                ("values", list(names.clone())),
            ]);
            object([("matchExpressions", list(vec![expression]))]).written(at.clone())
        }
        Namespaces::All(_) => Node::new(Form::Null),
        Namespaces::Unknown => return,
    };
    webhook(release, name, selector, out);
}

/// The webhook that an operator of the first generation registers.
fn webhooks_before(release: &Release, name: &Node, out: &mut Vec<Declared>) {
    let selector = match release.values.get(&["webhook", "namespaceSelector"]).name() {
        None => Node::new(Form::Null),
        Some(node) => {
            let Some(pairs) = node.as_str() else { return };
            let pairs = pairs.split(',').filter_map(|pair| pair.split_once('='));
            let labels = pairs.map(|(key, value)| (key.to_owned(), Node::text(value))).collect();
            object([("matchLabels", Node::new(Form::Object(labels)))]).written(node.at)
        }
    };
    webhook(release, name, selector, out);
}

fn webhook(release: &Release, name: &Node, selector: Node, out: &mut Vec<Declared>) {
    let texts = |texts: &[&str]| list(texts.iter().map(|text| Node::text(*text)).collect());
    let service = object([("name", name.clone()), ("namespace", release.namespace.clone())]);
    let certificate = Node::unknown("the certificate that the operator fills in when it starts");
    let rule = object([
        ("apiGroups", texts(&[""])),
        ("apiVersions", texts(&["v1"])),
        ("resources", texts(&["pods"])),
        ("operations", texts(&["CREATE"])),
    ]);
    let hook = object([
        ("name", Node::text("mutate--v1-pod.sparkoperator.k8s.io")),
        ("clientConfig", object([("service", service), ("caBundle", certificate)])),
        ("namespaceSelector", selector),
        ("rules", list(vec![rule])),
    ]);
    let at = release.values.get(&["webhook"]).value().and_then(|node| node.at.clone());
    let item = release.object(
        ("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration"),
        object([("name", name.clone())]),
        [("webhooks", list(vec![hook]))],
        at,
    );
    release.put("kubernetes.mutatingWebhookConfigurations", item, out);
}
