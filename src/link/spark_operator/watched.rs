//! The namespaces that a Spark operator watches.

use super::operators;
use crate::estate::Estate;
use crate::known::{Told, Unknown};
use crate::link::Draft;
use crate::link::application::{self, APACHE, KUBEFLOW};
use crate::link::reference::{Found, Wanted, lookup};
use serde_json::Value;
use std::collections::BTreeMap;

/// Where the configuration of Apache's operator stands in its ConfigMap.
const PROPERTIES: &str = "spark-operator.properties";
/// The property that names the namespaces it watches.
const WATCHED: &str = "spark.kubernetes.operator.watchedNamespaces";

/// Puts in the namespaces that the operator watches; `*` for all.
///
/// Where nothing says which operator the rollout is for, and there are several, one that watches the namespace is enough.
pub(super) fn link(estate: &Estate, declaration: &Value, draft: &mut Draft) {
    let Some(cluster_arn) = draft.text("clusterArn").map(str::to_owned) else { return };
    let own = match draft.object.get("operatorDeployment") {
        None => return,
        Some(deployment) => deployment.clone(),
    };
    if let Some(unknown) = Unknown::of(&own) {
        draft.set("watchedNamespaces", unknown.to_value());
        return;
    }
    let is_first = draft.text("group") == Some(KUBEFLOW);
    let at = draft.aliases.iter().find(|(inside, _)| inside == "/operatorDeployment").map(|(_, at)| at.clone());
    let at = at.unwrap_or_default();
    let of = |deployment: &Value, at: &str| {
        if is_first { by_arguments(deployment, at) } else { by_configuration(estate, &cluster_arn, deployment) }
    };
    if !is_first {
        draft.set_found("operatorConfig", configuration(estate, &cluster_arn, &own));
    }
    let mut all = of(&own, &at);
    let namespace = draft.text("namespace").unwrap_or_default().to_owned();
    if declaration["operator-namespace"].is_null() {
        for (other, place) in operators(estate, &cluster_arn, if is_first { KUBEFLOW } else { APACHE }) {
            if place == at
                || all.as_ref().is_ok_and(|all| all.iter().any(|(name, _)| name == &namespace || name == "*"))
            {
                continue;
            }
            match (of(other, &place), &mut all) {
                (Ok(more), Ok(all)) => all.extend(more),
                (Ok(more), Err(_)) if more.iter().any(|(name, _)| name == &namespace || name == "*") => all = Ok(more),
                (Err(unknown), Ok(_)) => all = Err(unknown),
                (_, Err(_)) => {}
            }
        }
    }
    match all {
        Ok(texts) => application::set_texts(draft, "watchedNamespaces", texts),
        Err(unknown) => draft.set("watchedNamespaces", unknown.to_value()),
    }
}

/// Namespaces, each with the place where it is named.
type Namespaces = Result<Vec<(String, String)>, Unknown>;

/// Kubeflow's operator is told by its arguments.
fn by_arguments(deployment: &Value, at: &str) -> Namespaces {
    let at = format!("{at}/spec/template/spec/containers/0/args");
    match of_arguments(deployment) {
        Some(namespaces) => Ok(namespaces.into_iter().map(|namespace| (namespace, at.clone())).collect()),
        None => {
            let why = "the arguments of the operator do not say which namespaces it watches".into();
            let unblock = Some("see the operator's `jobNamespaces` with `helm get values`".into());
            Err(Unknown { why, unblock })
        }
    }
}

/// The ConfigMap with the configuration of one of Apache's operators.
fn configuration<'e>(estate: &'e Estate, cluster_arn: &str, deployment: &Value) -> Found<'e> {
    let namespace = deployment["metadata"]["namespace"].told().unwrap_or_default();
    let wanted = Wanted { collection: "kubernetes.configMaps", scope: cluster_arn, namespace: Some(namespace) };
    lookup(estate, wanted, |map| map["metadata"]["namespace"].is(namespace) && !map["data"][PROPERTIES].is_null())
}

/// Apache's operator is told by its configuration.
fn by_configuration(estate: &Estate, cluster_arn: &str, deployment: &Value) -> Namespaces {
    let namespace = deployment["metadata"]["namespace"].told().unwrap_or_default();
    let (map, at) = match configuration(estate, cluster_arn, deployment) {
        Found::At(map, at) => (map, format!("{at}/data/{PROPERTIES}")),
        Found::Nothing => {
            let why = format!("no ConfigMap in `{namespace}` holds `{PROPERTIES}`");
            let unblock = Some(format!("see which ConfigMap the operator's Deployment in `{namespace}` mounts"));
            return Err(Unknown { why, unblock });
        }
        Found::Unknown(unknown) => return Err(unknown),
    };
    let data = &map["data"];
    let Some(text) = data[PROPERTIES].told() else {
        let why = "the operator's configuration is not a text".into();
        return Err(Unknown::of(&data[PROPERTIES]).unwrap_or(Unknown { why, unblock: None }));
    };
    let properties = properties(text);
    let is_dynamic = properties.get("spark.kubernetes.operator.dynamicConfig.enabled") == Some(&"true");
    // A ConfigMap that is read while the operator runs has the last word.
    let wanted = Wanted { collection: "kubernetes.configMaps", scope: cluster_arn, namespace: Some(namespace) };
    let later = is_dynamic
        .then(|| {
            lookup(estate, wanted, |map| {
                map["metadata"]["namespace"].is(namespace) && map["data"][WATCHED].told().is_some()
            })
        })
        .and_then(|found| match found {
            Found::At(map, at) => Some((map["data"][WATCHED].told()?, format!("{at}/data/{WATCHED}"))),
            Found::Nothing | Found::Unknown(_) => None,
        });
    let (value, at) = later.unwrap_or((properties.get(WATCHED).copied().unwrap_or("default"), at));
    Ok(namespaces(value).into_iter().map(|namespace| (namespace, at.clone())).collect())
}

/// The entries of a Java properties file, the last of a name counting.
fn properties(text: &str) -> BTreeMap<&str, &str> {
    let lines = text.lines().map(str::trim).filter(|line| !line.starts_with(['#', '!']));
    lines.filter_map(|line| line.split_once('=')).map(|(name, value)| (name.trim(), value.trim())).collect()
}

fn namespaces(list: &str) -> Vec<String> {
    let names: Vec<String> =
        list.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect();
    if names.is_empty() { vec!["*".to_owned()] } else { names }
}

/// The namespaces in the arguments of Kubeflow's operator: all of them where none are named.
fn of_arguments(deployment: &Value) -> Option<Vec<String>> {
    let container = &deployment["spec"]["template"]["spec"]["containers"][0];
    let all = container["args"].as_array()?;
    let arguments: Vec<&str> = all.iter().filter_map(Told::told).collect();
    let mut named = None;
    for (at, argument) in arguments.iter().enumerate() {
        let flag = argument.trim_start_matches('-');
        let (flag, value) = flag.split_once('=').map_or((flag, None), |(flag, value)| (flag, Some(value)));
        if flag == "namespace-selector" {
            return None;
        }
        if argument.starts_with('-') && matches!(flag, "namespace" | "namespaces") {
            named = value.or_else(|| arguments.get(at + 1).copied());
        }
    }
    // Among arguments that are not known may be one that names them.
    if named.is_none() && arguments.len() < all.len() {
        return None;
    }
    let list = named.unwrap_or_default().trim_matches('"');
    let names: Vec<&str> = list.split(',').map(str::trim).collect();
    Some(if names.iter().any(|name| name.is_empty()) {
        vec!["*".to_owned()]
    } else {
        names.into_iter().map(str::to_owned).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn namespaces_that_are_watched() {
        let text = "# comment\n spark.kubernetes.operator.watchedNamespaces = a, b ,\n!x=y\n";
        assert_eq!(namespaces(properties(text)[WATCHED]), ["a", "b"]);
        assert_eq!(namespaces("*"), ["*"]);
        assert_eq!(namespaces(" "), ["*"]);
        let arguments = |arguments: &[&str]| {
            of_arguments(&json!({"spec": {"template": {"spec": {"containers": [{"args": arguments}]}}}}))
        };
        for (given, expected) in [
            (&["controller", "start", "--namespaces=a,b"][..], Some(vec!["a", "b"])),
            (&["controller", "start", "--namespaces=\"\""], Some(vec!["*"])),
            (&["-namespace", "a"], Some(vec!["a"])),
            (&["-v=2"], Some(vec!["*"])),
            (&["--namespaces=a", "--namespace-selector=team=x"], None),
        ] {
            let expected = expected.map(|names: Vec<&str>| names.into_iter().map(str::to_owned).collect::<Vec<_>>());
            assert_eq!(arguments(given), expected, "{given:?}");
        }
        assert_eq!(of_arguments(&json!({})), None);
    }
}
