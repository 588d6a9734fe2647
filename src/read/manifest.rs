//! Kubernetes manifests as people write them, before any cluster has them.
//!
//! One file or many documents, lists, placeholders; the objects are those that `kubectl` would print,
//! without what only a server writes. They say what is declared and never what else there is.
//! Custom resources of the ACK controller for EMR on EKS become the virtual clusters and job runs
//! that the controller makes of them.
//!
//! Deliberately absent: templates. What Helm has still to render is passed over and counted.

use super::code::{Code, Declared, Node};
use super::shape::{Content, Recognised};
use super::written::{self, Written, list, object, text};
use super::{chart, kubernetes, placeholder};
use crate::estate::Syntax;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

/// Reads a file of manifests; `None` if it holds none, or what a cluster printed.
pub(crate) fn read(path: &str, text: &str) -> Option<Code> {
    if !text.contains("apiVersion") || !text.contains("kind") {
        return None;
    }
    if text.trim_start().starts_with('{') {
        if is_printed(text) {
            return None;
        }
        let json = written::json_value(text).ok()?;
        let mut declared = Vec::new();
        let any = is_written(&json.value) && objects(json.value, json.root.to_owned(), &mut declared);
        declared.extend(json.remarks);
        return any.then(|| written::code("manifest", path, json.syntax, declared, None));
    }
    let written = written::yaml_documents(text);
    if written.fault.is_some() && placeholder::is_program(text) {
        return None;
    }
    let ours = |document: &Value| document["apiVersion"].is_string() && document["kind"].is_string();
    if !written.documents.iter().any(ours)
        || !written.documents.iter().filter(|document| ours(document)).all(is_written)
    {
        return None;
    }
    let mut declared = Vec::new();
    let mut any = false;
    for (number, document) in written.documents.into_iter().enumerate() {
        any |= objects(document, format!("/{number}"), &mut declared);
    }
    declared.extend(written.remarks);
    any.then(|| written::code("manifest", path, Syntax::Yaml, declared, written.fault))
}

/// Whether a JSON text has the marks of a server, which is seen without reading it whole.
fn is_printed(text: &str) -> bool {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Printed {
        metadata: Option<Marks>,
        items: Option<Vec<Item>>,
    }
    #[derive(Deserialize)]
    struct Item {
        metadata: Option<Marks>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Marks {
        uid: Option<IgnoredAny>,
        resource_version: Option<IgnoredAny>,
        creation_timestamp: Option<IgnoredAny>,
    }
    let marked = |marks: Option<&Marks>| {
        marks.is_some_and(|marks| {
            marks.uid.is_some() || marks.resource_version.is_some() || marks.creation_timestamp.is_some()
        })
    };
    serde_json::from_str(text).is_ok_and(|printed: Printed| {
        marked(printed.metadata.as_ref()) || printed.items.iter().flatten().any(|item| marked(item.metadata.as_ref()))
    })
}

/// Whether nobody but a person wrote it: no server has left its marks.
fn is_written(document: &Value) -> bool {
    let marks = |object: &Value| {
        let metadata = &object["metadata"];
        ["uid", "resourceVersion", "creationTimestamp", "managedFields", "selfLink"]
            .iter()
            .any(|key| metadata.get(*key).is_some())
    };
    let items = document["items"].as_array().map_or(&[][..], Vec::as_slice);
    !marks(document) && !items.iter().any(marks) && (document["items"].is_null() || !items.is_empty())
}

/// Declares the objects of a document.
fn objects(document: Value, pointer: String, out: &mut Vec<Declared>) -> bool {
    let Value::Object(mut map) = document else { return false };
    if !(map.get("apiVersion").is_some_and(Value::is_string) && map.get("kind").is_some_and(Value::is_string)) {
        return false;
    }
    let text = |key: &str| map.get(key).and_then(Value::as_str).unwrap_or_default();
    if chart::object::is_release(text("apiVersion"), text("kind")) {
        chart::object::read(&Value::Object(map), &pointer, out);
        return true;
    }
    // Spark's pod templates may be of pods without a name.
    if map.get("kind").is_some_and(|kind| kind == "Pod") {
        map.entry("metadata").or_insert_with(|| Value::Object(serde_json::Map::new()));
    }
    let mut found = Recognised::default();
    if !kubernetes::recognise(map, &pointer, &mut found) {
        return false;
    }
    for piece in found.pieces {
        match piece.content {
            Content::Items(items) => {
                let Some(collection) = collection_of(&items.collection) else { continue };
                for (index, item) in items.items.iter().enumerate() {
                    let written = Written::root(item, items.places.of(index));
                    if controlled(&written, out) {
                        continue;
                    }
                    let collection = if is_pod_template(item) { "kubernetes.podTemplates" } else { collection };
                    out.push(Declared::Item { collection, cluster: None, item: written.node() });
                }
            }
            Content::Gateway { config, pointer, opaque } => {
                let config = written::node(&config);
                let at = Written::root(&Value::Null, pointer).at();
                // Nothing below a text has a place of its own.
                let config = if opaque { placed(config, &at) } else { config.written(at) };
                out.push(Declared::Gateway { config });
            }
            _ => {}
        }
    }
    true
}

/// A node with one place for everything in it.
fn placed(mut node: Node, at: &Option<super::code::At>) -> Node {
    use super::code::Form;
    node.form = match node.form {
        Form::List(items) => Form::List(items.into_iter().map(|item| placed(item, at)).collect()),
        Form::Object(fields) => Form::Object(fields.into_iter().map(|(key, value)| (key, placed(value, at))).collect()),
        form => form,
    };
    node.at.clone_from(at);
    node
}

/// The collections to which objects may belong.
const COLLECTIONS: &[&str] = &[
    "kubernetes.pods",
    "kubernetes.namespaces",
    "kubernetes.configMaps",
    "kubernetes.secrets",
    "kubernetes.services",
    "kubernetes.serviceAccounts",
    "kubernetes.resourceQuotas",
    "kubernetes.limitRanges",
    "kubernetes.roles",
    "kubernetes.roleBindings",
    "kubernetes.clusterRoles",
    "kubernetes.clusterRoleBindings",
    "kubernetes.deployments",
    "kubernetes.ingresses",
    "kubernetes.ingressClasses",
    "kubernetes.customResourceDefinitions",
    "kubernetes.sparkApplications",
    "kubernetes.scheduledSparkApplications",
    "kubernetes.sparkClusters",
    "kubernetes.nodePools",
    "kubernetes.ec2NodeClasses",
    "kubernetes.priorityClasses",
    "kubernetes.storageClasses",
    "kubernetes.mutatingWebhookConfigurations",
    "kubernetes.validatingWebhookConfigurations",
    "kubernetes.provisioners",
    "kubernetes.awsNodeTemplates",
    "kubernetes.networkPolicies",
    "kubernetes.podTemplates",
    "kubernetes.jobs",
    "kubernetes.cronJobs",
    "kubernetes.statefulSets",
    "kubernetes.daemonSets",
    "kubernetes.persistentVolumeClaims",
    "kubernetes.persistentVolumes",
    "kubernetes.virtualClusters",
    "kubernetes.jobRuns",
];

fn collection_of(name: &str) -> Option<&'static str> {
    COLLECTIONS.iter().find(|known| **known == name).copied()
}

/// Whether a Pod is a template that Spark takes its pods from: its containers have the names of Spark's.
fn is_pod_template(item: &Value) -> bool {
    const NAMES: [&str; 2] = ["spark-kubernetes-driver", "spark-kubernetes-executor"];
    let containers = item["spec"]["containers"].as_array().map_or(&[][..], Vec::as_slice);
    item["kind"] == "Pod"
        && (item["metadata"]["name"].is_null()
            || containers.iter().any(|container| container["name"].as_str().is_some_and(|name| NAMES.contains(&name))))
}

/// Declares what the ACK controller for EMR on EKS makes of its custom resources.
fn controlled(item: &Written<'_>, out: &mut Vec<Declared>) -> bool {
    let group = item.get("apiVersion").str().and_then(|version| version.split('/').next());
    if group != Some("emrcontainers.services.k8s.aws") {
        return false;
    }
    let spec = item.get("spec");
    let name = if spec.get("name").is_there() { spec.get("name") } else { item.get("metadata").get("name") };
    match item.get("kind").str() {
        Some("VirtualCluster") => {
            let provider = spec.get("containerProvider");
            let namespace = provider.get("info").get("eksInfo").get("namespace");
            let info = object([("eksInfo", object([("namespace", namespace.node())]))]);
            let provider = object([("id", provider.get("id").node()), ("type", Node::text("EKS")), ("info", info)]);
            let item = object([("name", name.node()), ("containerProvider", provider)]).written(name.at());
            out.push(Declared::Item { collection: "emrContainers.virtualClusters", cluster: None, item });
        }
        Some("JobRun") => {
            let driver = spec.get("jobDriver");
            let overrides = spec.get("configurationOverrides");
            let overrides_node = match overrides.str() {
                Some(text) => match super::yaml::documents(text) {
                    (documents, None) if documents.len() == 1 => {
                        placed(documents.first().map_or(Node::text(""), written::node), &overrides.at())
                    }
                    _ => overrides.node(),
                },
                None => overrides.node(),
            };
            let submit = driver.get("sparkSubmitJobDriver");
            let driver = object([(
                "sparkSubmitJobDriver",
                object([
                    ("entryPoint", submit.get("entryPoint").node()),
                    ("entryPointArguments", submit.get("entryPointArguments").node()),
                    ("sparkSubmitParameters", submit.get("sparkSubmitParameters").node()),
                ]),
            )])
            .written(driver.at());
            let id = spec.get("virtualClusterID");
            let id = if id.is_there() {
                id.node()
            } else {
                let reference = spec.get("virtualClusterRef").get("from").get("name");
                match reference.text() {
                    Some(name) => text(crate::known::Text::hole(format!("id of {name}"))).written(reference.at()),
                    None => list(Vec::new()),
                }
            };
            let request = object([
                ("name", name.node()),
                ("virtualClusterId", id),
                ("executionRoleArn", spec.get("executionRoleARN").node()),
                ("releaseLabel", spec.get("releaseLabel").node()),
                ("jobDriver", driver),
                ("configurationOverrides", overrides_node),
            ]);
            out.push(Declared::Job { kind: "emr-containers", request: request.written(name.at()) });
        }
        _ => {}
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn items(code: &Code, wanted: &str) -> Vec<Value> {
        let items = code.declared.iter().filter_map(|declared| match declared {
            Declared::Item { collection, item, .. } if *collection == wanted => Some(item.clone()),
            _ => None,
        });
        items.map(|item| item.into_value(&mut String::new(), &mut |_, _| {})).collect()
    }

    #[test]
    fn objects_of_every_form() {
        let file = "\
# an application
apiVersion: sparkoperator.k8s.io/v1beta2
kind: SparkApplication
metadata: {name: ledger, namespace: ${NS}}
spec:
  image: <REGISTRY_HOST>/spark:3.5.1
  executor: {instances: {COUNT}}
---
apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: Namespace
  metadata: {name: otters}
- apiVersion: v1
  kind: Secret
  metadata: {name: s}
  stringData: {password: hush}
---
apiVersion: v1
kind: Pod
spec: {containers: [{name: spark-kubernetes-executor}]}
---
apiVersion: emrcontainers.services.k8s.aws/v1alpha1
kind: VirtualCluster
metadata: {name: vc}
spec: {name: otters, containerProvider: {id: river, type_: EKS, info: {eksInfo: {namespace: otters}}}}
---
apiVersion: emrcontainers.services.k8s.aws/v1alpha1
kind: JobRun
metadata: {name: run}
spec: {virtualClusterRef: {from: {name: vc}}, releaseLabel: emr-7.5.0-latest, configurationOverrides: \"monitoringConfiguration: {}\"}
";
        let code = read("a.yaml", file).unwrap();
        assert!(code.gaps.is_empty(), "{:?}", code.gaps);
        let application = &items(&code, "kubernetes.sparkApplications")[0];
        assert_eq!(application["metadata"]["namespace"], json!({"$text": [{"$unknown": "NS"}]}));
        assert_eq!(application["spec"]["executor"]["instances"], json!({"$text": [{"$unknown": "COUNT"}]}));
        assert_eq!(items(&code, "kubernetes.namespaces").len(), 1);
        assert_eq!(items(&code, "kubernetes.podTemplates").len(), 1);
        assert_eq!(items(&code, "emrContainers.virtualClusters")[0]["containerProvider"]["id"], "river");
        assert_eq!(items(&code, "files.placeholders").len(), 2);
        assert!(!format!("{code:?}").contains("hush"));
        assert!(
            code.declared.iter().any(|declared| matches!(declared, Declared::Job { kind: "emr-containers", request }
            if request.get("configurationOverrides").unwrap().get("monitoringConfiguration").is_some()))
        );
    }

    #[test]
    fn what_is_not_a_manifest_is_left() {
        for text in [
            "apiVersion: v1\nkind: Pod\nmetadata: {name: a, uid: b}\n",
            "apiVersion: v1\nkind: List\nitems: []\nmetadata: {resourceVersion: ''}\n",
            "apiVersion: v1\nkind: Pod\nmetadata:\n  name: {{ .Values.name }}\n",
            "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [a.yaml]\n",
            "name: apiVersion kind\n",
        ] {
            assert!(read("a.yaml", text).is_none(), "{text}");
        }
        let broken = read("a.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n---\na: [\n").unwrap();
        assert_eq!((broken.gaps.len(), items(&broken, "kubernetes.namespaces").len()), (1, 1));
    }
}
