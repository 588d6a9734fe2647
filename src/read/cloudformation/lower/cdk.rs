//! What the CDK makes of its own: clusters, manifests and charts as custom resources.

use super::eks::{access, addresses, identity, network, no_logging};
use super::shape::{items, of_text, text};
use super::{Fields, It, Lowered};
use crate::estate;
use crate::known::Text;
use crate::read::cloudformation::json_text;
use crate::read::code::{Declared, Form, Node};
use crate::read::kubernetes;

/// The configuration of the API, as it is handed on.
pub(super) fn cluster(it: &It<'_, '_, '_>, out: &mut Lowered) {
    let empty = Node::new(Form::Object(Vec::new()));
    let config = it.get("Config").unwrap_or(&empty);
    let own = |key: &str| config.get(key).filter(|node| !matches!(node.form, Form::Null)).cloned();
    let at = own("name").and_then(|node| node.at).or_else(|| it.at());
    let mut fields = it.fields();
    fields
        .put("name", Some(of_text(it.reference()).written(at.clone())))
        .put("arn", Some(of_text(it.attribute("Arn")).written(at)))
        .put("version", own("version").map(text))
        .put("roleArn", own("roleArn"))
        .put("resourcesVpcConfig", Some(network(own("resourcesVpcConfig"))))
        .put("kubernetesNetworkConfig", Some(addresses(own("kubernetesNetworkConfig"))))
        .put("logging", Some(own("logging").unwrap_or_else(|| no_logging(it.at()))))
        .put("identity", Some(identity(it)))
        .put("encryptionConfig", own("encryptionConfig"))
        .put("accessConfig", Some(access(own("accessConfig"))))
        .put("tags", own("tags"));
    out.item("eks.clusters", fields.node());
}

pub(super) fn fargate_profile(it: &It<'_, '_, '_>, out: &mut Lowered) {
    let Some(config) = it.get("Config") else { return };
    let own = |key: &str| config.get(key).cloned();
    let cluster = own("clusterName").and_then(|node| node.as_text()).unwrap_or_default();
    let id = Text::hole(format!("{}.Id", it.label()));
    let arn =
        it.scope.arn("eks", true, &["fargateprofile/".into(), cluster, "/".into(), it.reference(), "/".into(), id]);
    let mut fields = it.fields();
    fields
        .put("fargateProfileName", Some(of_text(it.reference()).written(it.at())))
        .put("fargateProfileArn", Some(arn.written(it.at())));
    for key in ["clusterName", "podExecutionRoleArn", "subnets", "selectors", "tags"] {
        fields.put(key, own(key));
    }
    out.item("eks.fargateProfiles", fields.node());
}

/// Kubernetes objects, which stand as JSON in one text.
pub(super) fn manifest(it: &It<'_, '_, '_>, out: &mut Lowered) {
    let Some(written) = it.resource.properties.get("Manifest") else { return };
    let objects = match json_text::parse(it.scope, written) {
        Ok(node) => node,
        Err(fault) => {
            out.fault(it, "manifest", fault);
            return;
        }
    };
    let cluster = it.text("ClusterName");
    for object in items(&objects) {
        let inside = object.get("items").filter(|_| object.get("kind").and_then(Node::as_str) == Some("List"));
        for object in inside.map_or(std::slice::from_ref(object), items) {
            kubernetes_object(object, cluster.clone(), out);
        }
    }
}

/// Declares one object, if it is of a kind that the program knows.
fn kubernetes_object(object: &Node, cluster: Option<Text>, out: &mut Lowered) {
    let field = |key: &str| object.get(key).and_then(Node::as_str).unwrap_or_default();
    let list = kubernetes::list_name(field("kind"), field("apiVersion"));
    let Some(collection) = estate::collection(&format!("kubernetes.{list}")) else { return };
    let name = object.get("metadata").and_then(|metadata| metadata.get("name"));
    let at = name.and_then(|name| name.at.clone()).or_else(|| object.at.clone());
    let mut item = object.clone();
    item.at = at;
    out.declared.push(Declared::Item { collection: collection.name, cluster, item });
}

/// The values of a chart: those of a Batch Processing Gateway hold its configuration.
pub(super) fn chart(it: &It<'_, '_, '_>, out: &mut Lowered) {
    let Some(written) = it.resource.properties.get("Values") else { return };
    let values = match json_text::parse(it.scope, written) {
        Ok(values) => values,
        Err(fault) => {
            out.fault(it, "values", fault);
            return;
        }
    };
    if let Some(config) = gateway(&values, 0) {
        out.declared.push(Declared::Gateway { config: config.clone() });
    }
    // The service account of a chart is one of the cluster.
    let (Some(account), Some(namespace)) = (values.get("serviceAccount"), it.own("Namespace")) else { return };
    let made = account.get("create").is_some_and(|create| matches!(create.form, Form::Bool(true)));
    let Some(name) = account.get("name").filter(|_| made) else { return };
    let mut metadata = Fields::at(account.at.clone());
    metadata
        .put("name", Some(name.clone()))
        .put("namespace", Some(namespace))
        .put("annotations", account.get("annotations").cloned());
    let mut object = Fields::at(account.at.clone());
    object.text("apiVersion", "v1").text("kind", "ServiceAccount").put("metadata", Some(metadata.node()));
    out.declared.push(Declared::Item {
        collection: "kubernetes.serviceAccounts",
        cluster: it.text("ClusterName"),
        item: object.node(),
    });
}

/// The configuration of a gateway in values.
fn gateway(values: &Node, depth: usize) -> Option<&Node> {
    if values.get("sparkClusters").is_some() && values.get("sparkImages").is_some() {
        return Some(values);
    }
    match &values.form {
        Form::Object(fields) if depth < 4 => fields.iter().find_map(|(_, node)| gateway(node, depth + 1)),
        _ => None,
    }
}
