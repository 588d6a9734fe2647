//! Kubernetes objects, single, in lists and in streams, without the secrets in them.

use super::refusal;
use super::shape::{Content, Items, Listing, Places, Recognised};
use super::yaml;
use crate::estate::Collection;
use crate::known::Unknown;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Kinds whose lists have a name of their own: kind, API groups, list, whether it is the cluster's and not a namespace's.
const KINDS: &[(&str, &[&str], &str, bool)] = &[
    ("Node", &[""], "nodes", true),
    ("Pod", &[""], "pods", false),
    ("Namespace", &[""], "namespaces", true),
    ("ConfigMap", &[""], "configMaps", false),
    ("Secret", &[""], "secrets", false),
    ("Service", &[""], "services", false),
    ("ServiceAccount", &[""], "serviceAccounts", false),
    ("ResourceQuota", &[""], "resourceQuotas", false),
    ("LimitRange", &[""], "limitRanges", false),
    ("Endpoints", &[""], "endpoints", false),
    ("PersistentVolume", &[""], "persistentVolumes", true),
    ("Role", &["rbac.authorization.k8s.io"], "roles", false),
    ("RoleBinding", &["rbac.authorization.k8s.io"], "roleBindings", false),
    ("ClusterRole", &["rbac.authorization.k8s.io"], "clusterRoles", true),
    ("ClusterRoleBinding", &["rbac.authorization.k8s.io"], "clusterRoleBindings", true),
    ("Deployment", &["apps"], "deployments", false),
    ("Ingress", &["networking.k8s.io", "extensions"], "ingresses", false),
    ("IngressClass", &["networking.k8s.io"], "ingressClasses", true),
    ("CustomResourceDefinition", &["apiextensions.k8s.io"], "customResourceDefinitions", true),
    ("SparkApplication", &["sparkoperator.k8s.io", "spark.apache.org"], "sparkApplications", false),
    ("ScheduledSparkApplication", &["sparkoperator.k8s.io"], "scheduledSparkApplications", false),
    ("SparkCluster", &["spark.apache.org"], "sparkClusters", false),
    ("NodePool", &["karpenter.sh"], "nodePools", true),
    ("NodeClaim", &["karpenter.sh"], "nodeClaims", true),
    ("EC2NodeClass", &["karpenter.k8s.aws"], "ec2NodeClasses", true),
    ("Provisioner", &["karpenter.sh"], "provisioners", true),
    ("AWSNodeTemplate", &["karpenter.k8s.aws"], "awsNodeTemplates", true),
    ("PriorityClass", &["scheduling.k8s.io"], "priorityClasses", true),
    ("StorageClass", &["storage.k8s.io"], "storageClasses", true),
    ("CSINode", &["storage.k8s.io"], "csiNodes", true),
    ("MutatingWebhookConfiguration", &["admissionregistration.k8s.io"], "mutatingWebhookConfigurations", true),
    ("ValidatingWebhookConfiguration", &["admissionregistration.k8s.io"], "validatingWebhookConfigurations", true),
];

/// API groups whose documents look like Kubernetes objects but are for a program on somebody's machine.
const NOT_OBJECTS: &[&str] =
    &["eksctl.io", "kustomize.config.k8s.io", "kind.x-k8s.io", "skaffold", "client.authentication.k8s.io"];

/// The list of a kind.
pub(crate) fn list_name(kind: &str, api_version: &str) -> String {
    let group = api_version.split_once('/').map_or("", |(group, _)| group);
    if let Some((_, groups, list, _)) = KINDS.iter().find(|(name, ..)| *name == kind) {
        return if groups.contains(&group) { (*list).to_owned() } else { format!("{list}.{group}") };
    }
    let ends = |end: &str| kind.ends_with(end);
    let plural = if ends("s") || ends("x") || ends("ch") || ends("sh") {
        format!("{kind}es")
    } else if ends("y") && !["ay", "ey", "oy", "uy"].iter().any(|end| ends(end)) {
        format!("{}ies", kind.strip_suffix('y').unwrap_or(kind))
    } else {
        format!("{kind}s")
    };
    let mut letters = plural.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

/// Whether a list is of things of the whole cluster, which have no namespace.
pub(crate) fn cluster_wide(list: &str) -> bool {
    KINDS.iter().any(|(_, _, name, wide)| *name == list && *wide)
}

/// The kind of the objects in a list, and the API groups that have it.
pub(crate) fn kind_of(list: &str) -> Option<(&'static str, &'static [&'static str])> {
    KINDS.iter().find(|(_, _, name, _)| *name == list).map(|(kind, groups, ..)| (*kind, *groups))
}

/// The resource of a collection, and the API groups in which it is listed.
pub(crate) fn resource(collection: &'static Collection) -> (&'static str, Vec<&'static str>) {
    let name = collection.action.strip_prefix("list ").unwrap_or(collection.action);
    match name.split_once('.') {
        Some((resource, group)) => (resource, vec![group]),
        None => (
            name,
            kind_of(collection.name.trim_start_matches("kubernetes.")).map_or(vec![""], |(_, groups)| groups.to_vec()),
        ),
    }
}

/// Takes an object, or a list of objects, apart.
pub(crate) fn recognise(mut map: Map<String, Value>, at: &str, out: &mut Recognised) -> bool {
    let text = |key: &str| map.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (kind, version) = (text("kind"), text("apiVersion"));
    if NOT_OBJECTS.iter().any(|group| version.starts_with(group)) || kind == "Config" || kind == "Kustomization" {
        return false;
    }
    if kind == "Status" {
        let refusals = refusal::find(&text("message"));
        let any = !refusals.is_empty();
        if any {
            out.push("error", Content::Refusals(refusals));
        }
        return any;
    }
    let Some(of) = kind.strip_suffix("List").filter(|_| map.get("items").is_some_and(Value::is_array)) else {
        if map.get("metadata").is_none_or(|metadata| !metadata.is_object()) {
            return false;
        }
        let list = list_name(&kind, &version);
        let mut object = Value::Object(map);
        clean(&mut object, &kind, at, out);
        push(out, &list, vec![object], Places::One(at.to_owned()), None);
        return true;
    };
    let Some(Value::Array(items)) = map.remove("items") else { return false };
    let metadata = map.get("metadata");
    let more = metadata
        .and_then(|metadata| metadata.get("continue"))
        .and_then(Value::as_str)
        .is_some_and(|token| !token.is_empty());
    // A server says which state of the cluster it listed; a list that somebody wrote says nothing of the cluster.
    let printed = metadata.is_some_and(|metadata| metadata.get("resourceVersion").is_some())
        || items.iter().take(1).any(|item| {
            item.get("metadata").is_some_and(|metadata| {
                ["uid", "resourceVersion", "creationTimestamp"].iter().any(|key| metadata.get(*key).is_some())
            })
        });
    let listing = |doubt: Option<String>| Some(Listing { more, doubt });
    let doubt = (!printed).then(|| "the list does not look printed by a cluster".to_owned());
    let pointer = format!("{at}/items");
    if items.is_empty() {
        if of.is_empty() {
            // `kubectl get pods` prints an empty `List` whatever it was asked for; the path may say.
            out.push("List", Content::Nameless { key: "items".to_owned(), hint: "pods" });
        } else {
            push(out, &list_name(of, &version), items, Places::List(pointer), listing(None));
        }
        return true;
    }
    let mut by_list: BTreeMap<String, (Vec<usize>, Vec<Value>)> = BTreeMap::new();
    for (index, mut item) in items.into_iter().enumerate() {
        let field = |key: &str| item.get(key).and_then(Value::as_str).map(str::to_owned);
        let kind = field("kind").unwrap_or_else(|| of.to_owned());
        let version = field("apiVersion").unwrap_or_else(|| version.clone());
        if kind.is_empty() || item.get("metadata").is_none() {
            continue;
        }
        let list = list_name(&kind, &version);
        clean(&mut item, &kind, &format!("{pointer}/{index}"), out);
        let (indexes, objects) = by_list.entry(list).or_default();
        indexes.push(index);
        objects.push(item);
    }
    for (list, (indexes, objects)) in by_list {
        push(out, &list, objects, Places::Some(pointer.clone(), indexes), listing(doubt.clone()));
    }
    true
}

fn push(out: &mut Recognised, list: &str, items: Vec<Value>, places: Places, listing: Option<Listing>) {
    let collection = format!("kubernetes.{list}");
    out.push(list, Content::Items(Items { collection, items, places, listing, opaque: Vec::new() }));
}

/// Takes out of an object what nobody may keep.
fn clean(object: &mut Value, kind: &str, at: &str, out: &mut Recognised) {
    if let Some(Value::Object(annotations)) = object.pointer_mut("/metadata/annotations") {
        annotations.remove("kubectl.kubernetes.io/last-applied-configuration");
    }
    match kind {
        "Secret" => {
            for field in ["data", "stringData"] {
                forget_values(object.get_mut(field), |_| false);
            }
        }
        "ConfigMap" => config_map(object, at, out),
        _ => {
            for field in ["spec", "template"] {
                if let Some(part) = object.get_mut(field) {
                    drop_secrets(part);
                }
            }
        }
    }
}

/// Replaces every value that is not to be kept.
fn forget_values(data: Option<&mut Value>, keep: impl Fn(&str) -> bool) {
    let Some(Value::Object(data)) = data else { return };
    for (key, value) in data.iter_mut() {
        if !keep(key) {
            *value = Unknown { why: "not read".to_owned(), unblock: None }.to_value();
        }
    }
}

/// Keeps of a ConfigMap the content that rules are about: who may enter the cluster, and how the
/// operator and the gateway are set up.
fn config_map(map: &mut Value, at: &str, out: &mut Recognised) {
    let name = map.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default().to_owned();
    let namespace = map.pointer("/metadata/namespace").and_then(Value::as_str).unwrap_or_default().to_owned();
    forget_values(map.get_mut("binaryData"), |_| false);
    if name == "aws-auth" && (namespace == "kube-system" || namespace.is_empty()) {
        return;
    }
    let operator = name.contains("spark-operator")
        || name.contains("spark-kubernetes-operator")
        || map.pointer("/data/spark-operator.properties").is_some();
    let mut gateways = Vec::new();
    if let Some(Value::Object(data)) = map.get_mut("data") {
        for (key, value) in data.iter_mut() {
            let Some(text) = value.as_str().filter(|text| text.contains("sparkClusters")) else { continue };
            let (mut documents, fault) = yaml::documents(text);
            if fault.is_some() || documents.len() != 1 {
                continue;
            }
            let Some(config) = documents.pop().filter(is_gateway) else { continue };
            let mut config = config;
            redact(&mut config, false);
            *value = Value::String(config.to_string());
            gateways.push((key.clone(), config));
        }
    }
    let holds: Vec<&String> = gateways.iter().map(|(key, _)| key).collect();
    forget_values(map.get_mut("data"), |key| operator || holds.iter().any(|held| *held == key));
    for (key, config) in gateways {
        let pointer = format!("{at}/data/{}", crate::path::escape(&key));
        out.push("batch-processing-gateway", Content::Gateway { config, pointer, opaque: true });
    }
}

/// Finds the configurations of Batch Processing Gateways in Helm values and the like.
pub(crate) fn gateways(value: &mut Value, at: &str, out: &mut Recognised) -> bool {
    fn search(value: &mut Value, at: &str, depth: usize, out: &mut Recognised) -> bool {
        if is_gateway(value) {
            let mut config = value.take();
            redact(&mut config, false);
            out.push("batch-processing-gateway", Content::Gateway { config, pointer: at.to_owned(), opaque: false });
            return true;
        }
        match value {
            Value::Object(map) if depth > 0 => {
                let mut any = false;
                for (key, inner) in map {
                    any |= search(inner, &format!("{at}/{}", crate::path::escape(key)), depth - 1, out);
                }
                any
            }
            Value::String(text) if text.contains("sparkClusters") => {
                let (mut documents, fault) = yaml::documents(text);
                let Some(mut config) = documents.pop().filter(|config| fault.is_none() && is_gateway(config)) else {
                    return false;
                };
                redact(&mut config, false);
                out.push("batch-processing-gateway", Content::Gateway { config, pointer: at.to_owned(), opaque: true });
                true
            }
            _ => false,
        }
    }
    search(value, at, 4, out)
}

fn is_gateway(value: &Value) -> bool {
    let has = |key: &str| value.get(key).is_some();
    value.get("sparkClusters").is_some_and(Value::is_array) && (has("sparkImages") || has("queues"))
}

/// Replaces the secrets of a gateway's configuration and keeps what only says where one is.
pub(crate) fn redact(value: &mut Value, secret: bool) {
    match value {
        Value::Object(map) => {
            for (key, inner) in map {
                let key = key.to_ascii_lowercase();
                let is_secret = ["password", "token", "secret", "certdata"].iter().any(|word| key.contains(word));
                redact(inner, secret || is_secret);
            }
        }
        Value::Array(list) => list.iter_mut().for_each(|inner| redact(inner, secret)),
        Value::String(text) if secret => {
            let reference = text.starts_with("k8s:secret:") || text.starts_with("localhost:env:");
            if !reference && !text.is_empty() {
                *text = if text.starts_with("plaintext:") { "plaintext:***".to_owned() } else { "***".to_owned() };
            }
        }
        _ => {}
    }
}

/// Drops the values of environment variables, user data and the like from a specification.
pub(crate) fn drop_secrets(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.remove("userData");
            map.remove("UserData");
            for (key, inner) in map.iter_mut() {
                match (key.as_str(), inner) {
                    ("env", Value::Array(variables)) => {
                        for variable in variables {
                            if let Value::Object(variable) = variable {
                                variable.remove("value");
                            }
                        }
                    }
                    ("queueToken", token @ Value::String(_)) => *token = "***".into(),
                    ("envVars", variables @ Value::Object(_)) => forget_values(Some(variables), |_| false),
                    (_, inner) => drop_secrets(inner),
                }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(drop_secrets),
        _ => {}
    }
}

/// The list of which a path speaks: the longest of the known lists that is a word in it.
pub(crate) fn list_in(path: &str) -> Option<&'static str> {
    let path = path.to_ascii_lowercase();
    let aliases = [("crds", "customResourceDefinitions"), ("crd", "customResourceDefinitions"), ("ns", "namespaces")];
    KINDS
        .iter()
        .map(|(_, _, list, _)| (list.to_ascii_lowercase(), *list))
        .chain(aliases.iter().map(|(word, list)| ((*word).to_owned(), *list)))
        .filter(|(word, _)| super::subject::mentions(&path, word))
        .max_by_key(|(word, _)| word.len())
        .map(|(_, list)| list)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn recognised(value: Value) -> Recognised {
        let mut out = Recognised::default();
        let Value::Object(map) = value else { panic!("an object") };
        recognise(map, "", &mut out);
        out
    }

    fn only_item(out: &Recognised) -> &Value {
        match &out.pieces.last().unwrap().content {
            Content::Items(items) => &items.items[0],
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn lists_have_names() {
        for (kind, version, list) in [
            ("Pod", "v1", "pods"),
            ("SparkApplication", "spark.apache.org/v1", "sparkApplications"),
            ("Service", "serving.knative.dev/v1", "services.serving.knative.dev"),
            ("NetworkPolicy", "networking.k8s.io/v1", "networkPolicies"),
            ("Gateway", "gateway.networking.k8s.io/v1", "gateways"),
            ("RuntimeClass", "node.k8s.io/v1", "runtimeClasses"),
        ] {
            assert_eq!(list_name(kind, version), list);
        }
    }

    #[test]
    fn secrets_stay_behind() {
        let secret = recognised(json!({
            "apiVersion": "v1", "kind": "Secret", "type": "Opaque",
            "metadata": {"name": "s", "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "hush", "a": "b"}},
            "data": {"token": "hush"}, "stringData": {"password": "hush"},
        }));
        let pod = recognised(json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"},
            "spec": {"containers": [{"env": [{"name": "A", "value": "hush"}, {"name": "B", "valueFrom": {"x": 1}}]}]},
        }));
        let map = recognised(json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "namespace": "n"},
            "data": {"a": "hush", "bpg.yaml": "sparkClusters: [{id: a, userTokenSOPS: hush, userName: u}]\nqueues: []"},
        }));
        for out in [&secret, &pod, &map] {
            assert!(!format!("{out:?}").contains("hush"), "{out:?}");
        }
        assert_eq!(only_item(&secret)["data"], json!({"token": {"$unknown": "not read"}}));
        assert_eq!(
            only_item(&pod)["spec"]["containers"][0]["env"],
            json!([{"name": "A"}, {"name": "B", "valueFrom": {"x": 1}}])
        );
        assert!(matches!(&map.pieces[0].content, Content::Gateway { config, opaque: true, .. }
            if config["sparkClusters"][0] == json!({"id": "a", "userTokenSOPS": "***", "userName": "u"})));
        let auth = recognised(json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "aws-auth", "namespace": "kube-system"},
            "data": {"mapRoles": "- rolearn: x"},
        }));
        assert_eq!(only_item(&auth)["data"]["mapRoles"], "- rolearn: x");
    }
}
