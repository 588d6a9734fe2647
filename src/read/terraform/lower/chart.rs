//! Releases of Helm charts: of them that is known which their values say.
//!
//! The namespace that a release makes for itself, the configuration of a Batch Processing Gateway, a service account,
//! and the namespaces that the operator of Kubeflow is told to watch. Values come from texts in YAML, later ones before
//! earlier ones, and from `set`.
//!
//! Deliberately absent: what a chart does by default, which its version decides.

use super::eks::scoped;
use super::{Kind, Out, Resource, Value, object, or};
use crate::read::code::Declared;
use crate::read::terraform::attribute::lit;
use crate::read::terraform::functions::from_yaml;
use std::collections::BTreeMap;

/// How deep values may be nested.
const DEPTH: usize = 32;

pub(super) fn release(resource: &Resource, out: &mut Out) {
    let namespace = resource.body.get("namespace").cloned().unwrap_or_else(|| lit("default"));
    if resource.body.get("create_namespace").and_then(Value::as_bool) == Some(true)
        && resource.body.get("namespace").is_some()
    {
        let metadata = object(namespace.spot, [("name", namespace.clone())]);
        let item =
            object(resource.spot, [("apiVersion", lit("v1")), ("kind", lit("Namespace")), ("metadata", metadata)]);
        scoped("kubernetes.namespaces", resource, &item, out);
    }
    let values = values(resource);
    if let Some(config) = gateway(&values, 0) {
        let config = out.node(config);
        out.declared.push(Declared::Gateway { config });
    }
    service_account(&values, &namespace, resource, out);
    let chart = resource.get("chart").as_string().unwrap_or_default();
    if chart.rsplit('/').next() == Some("spark-operator") {
        operator(&values, &namespace, resource, out);
    }
}

/// The operator's Deployment, where the values say which namespaces it watches.
fn operator(values: &Value, namespace: &Value, resource: &Resource, out: &mut Out) {
    let Some(watched) = values.get("spark").and_then(|spark| spark.get("jobNamespaces")) else { return };
    if !watched.is_whole() || !matches!(watched.kind, Kind::List(_)) {
        return;
    }
    let names: Option<Vec<String>> = watched.items().iter().map(Value::as_string).collect();
    let Some(names) = names else { return };
    let release = resource.get("name").as_string().unwrap_or_else(|| "spark-operator".to_owned());
    let whole = if release.contains("spark-operator") { release.clone() } else { format!("{release}-spark-operator") };
    let spot = watched.spot.or(resource.spot);
    let argument = Value::text(format!("--namespaces={}", names.join(",")), spot);
    let arguments = Value::list(vec![lit("controller"), lit("start"), argument], spot);
    let container = object(spot, [("name", lit("spark-operator-controller")), ("args", arguments)]);
    let pod = object(spot, [("containers", Value::list(vec![container], spot))]);
    let template = object(spot, [("spec", pod)]);
    let labels = object(None, [("app.kubernetes.io/instance", lit(&release))]);
    let metadata = object(
        resource.spot,
        [("name", lit(&format!("{whole}-controller"))), ("namespace", namespace.clone()), ("labels", labels)],
    );
    let item = object(
        resource.spot,
        [
            ("apiVersion", lit("apps/v1")),
            ("kind", lit("Deployment")),
            ("metadata", metadata),
            ("spec", object(spot, [("template", template)])),
        ],
    );
    scoped("kubernetes.deployments", resource, &item, out);
}

/// The service account that a chart makes under a name of its own.
fn service_account(values: &Value, namespace: &Value, resource: &Resource, out: &mut Out) {
    let Some(account) = values.get("serviceAccount") else { return };
    let made = account.get("create").and_then(Value::as_bool) == Some(true);
    let Some(name) = account.get("name").filter(|name| made && !name.is_null()) else { return };
    let metadata = object(
        account.spot.or(resource.spot),
        [
            ("name", name.clone()),
            ("namespace", namespace.clone()),
            ("annotations", or(account.get("annotations"), Value::NULL)),
        ],
    );
    let fields = [("apiVersion", lit("v1")), ("kind", lit("ServiceAccount")), ("metadata", metadata)];
    scoped("kubernetes.serviceAccounts", resource, &object(resource.spot, fields), out);
}

/// The configuration of a gateway in values.
fn gateway(values: &Value, depth: usize) -> Option<&Value> {
    if values.get("sparkClusters").is_some() && values.get("sparkImages").is_some() {
        return Some(values);
    }
    match &values.kind {
        Kind::Object(fields) if depth < 4 => fields.map.values().find_map(|value| gateway(value, depth + 1)),
        _ => None,
    }
}

/// All values of a release together.
fn values(resource: &Resource) -> Value {
    let mut all = object(resource.spot, []);
    for text in resource.body.get("values").map(Value::items).unwrap_or_default() {
        for document in from_yaml(text).into_iter().flatten() {
            all = laid(&all, &document, 0);
        }
    }
    for block in resource.body.blocks("set") {
        let (Some(name), Some(value)) = (block.get("name").and_then(Value::as_string), block.get("value")) else {
            continue;
        };
        let value = match value.as_string() {
            // `{a,b}` is a list.
            Some(text) if text.starts_with('{') && text.ends_with('}') => {
                let names = text.trim_start_matches('{').trim_end_matches('}').split(',');
                Value::list(names.map(|name| Value::text(name.trim(), value.spot)).collect(), value.spot)
            }
            Some(text) if text == "true" || text == "false" => Value::truth(text == "true", value.spot),
            _ => value.clone(),
        };
        all = laid(&all, &at_path(&path(&name), value), 0);
    }
    for block in resource.body.blocks("set_list") {
        let (Some(name), Some(value)) = (block.get("name").and_then(Value::as_string), block.get("value")) else {
            continue;
        };
        all = laid(&all, &at_path(&path(&name), value.clone()), 0);
    }
    all
}

/// The names in `a.b\.c.d[0]`; an index is a name in brackets.
fn path(text: &str) -> Vec<String> {
    let mut names = vec![String::new()];
    let mut escaped = false;
    for letter in text.chars() {
        match letter {
            '\\' if !escaped => {
                escaped = true;
                continue;
            }
            '.' if !escaped => names.push(String::new()),
            '[' if !escaped => names.push("[".to_owned()),
            letter => names.last_mut().into_iter().for_each(|name| name.push(letter)),
        }
        escaped = false;
    }
    names.truncate(DEPTH);
    names
}

fn at_path(names: &[String], value: Value) -> Value {
    names.iter().rev().fold(value, |inner, name| {
        let spot = inner.spot;
        if name.starts_with('[') {
            Value::list(vec![inner], spot)
        } else {
            Value::object(BTreeMap::from([(name.clone(), inner)]), spot)
        }
    })
}

/// Values with others over them, name by name. Items that are set one by one add up.
fn laid(under: &Value, over: &Value, depth: usize) -> Value {
    match (&under.kind, &over.kind) {
        (Kind::Object(known), Kind::Object(own)) if depth < DEPTH => {
            let mut map = known.map.clone();
            for (name, value) in &own.map {
                let value = match map.get(name) {
                    Some(known) => laid(known, value, depth + 1),
                    None => value.clone(),
                };
                map.insert(name.clone(), value);
            }
            Value::object(map, under.spot.or(over.spot))
        }
        _ => over.clone(),
    }
}
