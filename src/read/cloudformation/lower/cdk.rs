//! What the CDK makes of its own: clusters, manifests and charts as custom resources.

use super::eks::{access, addresses, identity, network, no_logging};
use super::shape::{items, of_text, text};
use super::{It, Lowered};
use crate::estate;
use crate::known::Text;
use crate::read::chart::values::Values;
use crate::read::chart::{self, Chart, Release};
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
    let known = estate::collection(&format!("kubernetes.{list}")).map(|collection| collection.name);
    let Some(collection) = known.or((list == "ec2NodeClasses").then_some("kubernetes.ec2NodeClasses")) else { return };
    let name = object.get("metadata").and_then(|metadata| metadata.get("name"));
    let at = name.and_then(|name| name.at.clone()).or_else(|| object.at.clone());
    let mut item = object.clone();
    item.at = at;
    out.declared.push(Declared::Item { collection, cluster, item });
}

/// The release of a chart.
pub(super) fn chart(it: &It<'_, '_, '_>, out: &mut Lowered) {
    let mut values = Values::default();
    if let Some(written) = it.resource.properties.get("Values") {
        match json_text::parse(it.scope, written) {
            Ok(node) => values.lay(node),
            Err(fault) => {
                out.fault(it, "values", fault);
                return;
            }
        }
    }
    if let Some(config) = chart::gateway(&values.said) {
        out.declared.push(Declared::Gateway { config: config.clone() });
    }
    let said = |key: &str| it.text(key).and_then(|text| text.as_str().map(str::to_owned));
    let version = said("Version");
    let unknown = |what: &str| Node::new(Form::Text(Text::hole(format!("{what} of {}", it.label()))));
    let name = said("Chart").unwrap_or_default();
    let release = Release {
        name: it.own("Release").unwrap_or_else(|| unknown("release")),
        namespace: it.own("Namespace").unwrap_or_else(|| Node::text("default")),
        creates_namespace: false,
        chart: Chart::named(&name, &said("Repository").unwrap_or_default(), version.as_deref(), &values),
        version,
        values,
        cluster: it.text("ClusterName"),
        at: it.at(),
    };
    chart::declare(&release, &mut out.declared);
}
