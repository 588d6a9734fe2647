//! EKS clusters and what belongs to them, and virtual clusters of EMR.

use super::shape::{camel, items, list, of_text, tag_map, text, truth};
use super::{Fields, It, Lowered};
use crate::known::Text;
use crate::read::cloudformation::evaluate::text_or;
use crate::read::code::{At, Form, Node};

pub(super) fn cluster(it: &It<'_, '_, '_>, out: &mut Lowered) {
    let mut fields = it.fields();
    fields
        .put("name", Some(it.named(it.reference(), "Name")))
        .put("arn", Some(it.named(it.attribute("Arn"), "Name")))
        .put("version", it.own("Version").map(text))
        .put("roleArn", it.own("RoleArn"))
        .put("resourcesVpcConfig", Some(network(it.own("ResourcesVpcConfig").map(camel))))
        .put("kubernetesNetworkConfig", Some(addresses(it.own("KubernetesNetworkConfig").map(camel))))
        .put("logging", Some(it.get("Logging").map_or_else(|| no_logging(it.at()), logging)))
        .put("identity", Some(identity(it)))
        .put("encryptionConfig", it.own("EncryptionConfig").map(camel))
        .put("accessConfig", Some(access(it.own("AccessConfig").map(camel))))
        .put("upgradePolicy", it.own("UpgradePolicy").map(camel))
        .put("deletionProtection", it.own("DeletionProtection").map(truth))
        .put("computeConfig", it.own("ComputeConfig").map(camel))
        .put("tags", it.own("Tags").map(tag_map));
    out.item("eks.clusters", fields.node());
}

/// The issuer, of which only EKS knows the end.
pub(super) fn identity(it: &It<'_, '_, '_>) -> Node {
    let issuer = of_text(it.attribute("OpenIdConnectIssuerUrl")).written(it.at());
    let oidc = Node::new(Form::Object(vec![("issuer".to_owned(), issuer)]));
    Node::new(Form::Object(vec![("oidc".to_owned(), oidc)]))
}

/// The network of a cluster, with what `CreateCluster` makes of what is left out.
pub(super) fn network(given: Option<Node>) -> Node {
    let (mut fields, at) = match given {
        Some(Node { form: Form::Object(fields), at }) => (fields, at),
        Some(other) => return other,
        None => (Vec::new(), None),
    };
    let public = Node::new(Form::List(vec![Node::text("0.0.0.0/0")]));
    for (key, node) in [
        ("endpointPublicAccess", Node::new(Form::Bool(true))),
        ("endpointPrivateAccess", Node::new(Form::Bool(false))),
        ("publicAccessCidrs", public),
    ] {
        if !fields.iter().any(|(name, node)| name == key && !matches!(node.form, Form::Null)) {
            fields.push((key.to_owned(), node.written(at.clone())));
        }
    }
    Node { form: Form::Object(fields), at }
}

/// The addresses of pods and services: IPv4, unless the template says otherwise.
pub(super) fn addresses(given: Option<Node>) -> Node {
    with_default(given, "ipFamily", "ipv4")
}

/// Who gets into a cluster: by ConfigMap alone, unless the template says otherwise.
pub(super) fn access(given: Option<Node>) -> Node {
    with_default(given, "authenticationMode", "CONFIG_MAP")
}

/// An object with a text under a key that may have been left out.
fn with_default(given: Option<Node>, key: &str, value: &str) -> Node {
    let (mut fields, at) = match given {
        Some(Node { form: Form::Object(fields), at }) => (fields, at),
        Some(other) => return other,
        None => (Vec::new(), None),
    };
    if !fields.iter().any(|(name, node)| name == key && !matches!(node.form, Form::Null)) {
        fields.push((key.to_owned(), Node::text(value).written(at.clone())));
    }
    Node { form: Form::Object(fields), at }
}

/// What the API prints of a cluster for which nobody asked for logs.
pub(super) fn no_logging(at: Option<At>) -> Node {
    logging(&Node { form: Form::Object(Vec::new()), at })
}

/// `EnabledTypes: [{Type: api}]` as the API prints it.
fn logging(node: &Node) -> Node {
    let enabled = node.get("ClusterLogging").and_then(|logging| logging.get("EnabledTypes"));
    let types = enabled.map(items).unwrap_or_default();
    let on: Vec<Node> = types.iter().filter_map(|item| item.get("Type").cloned()).collect();
    let is_on = |name: &str| on.iter().any(|node| node.as_str() == Some(name));
    let known = on.len() == types.len() && on.iter().all(|node| node.as_str().is_some());
    let all = ["api", "audit", "authenticator", "controllerManager", "scheduler"];
    let off: Vec<Node> = all.iter().filter(|name| known && !is_on(name)).map(|name| Node::text(*name)).collect();
    let mut groups = Vec::new();
    for (types, enabled) in [(on, true), (off, false)] {
        if !types.is_empty() {
            let mut fields = Fields::at(node.at.clone());
            fields
                .put("types", Some(list(types, node.at.clone())))
                .put("enabled", Some(Node::new(Form::Bool(enabled))));
            groups.push(fields.node());
        }
    }
    Node { form: Form::Object(vec![("clusterLogging".to_owned(), list(groups, node.at.clone()))]), at: node.at.clone() }
}

pub(super) fn nodegroup(it: &It<'_, '_, '_>, out: &mut Lowered) {
    let mut fields = it.fields();
    let taints = it.get("Taints").map(|node| list(items(node).iter().cloned().map(camel).collect(), node.at.clone()));
    let templated = it.get("LaunchTemplate").is_some();
    // Without a launch template the API fills in the type of instance.
    let types = it
        .own("InstanceTypes")
        .or_else(|| launched(it, out))
        .or_else(|| (!templated).then(|| list(vec![Node::text("t3.medium")], it.at())));
    fields
        .put("nodegroupName", Some(it.named(it.attribute("NodegroupName"), "NodegroupName")))
        .put("nodegroupArn", Some(it.named(it.attribute("Arn"), "NodegroupName")))
        .put("clusterName", it.own("ClusterName"))
        .put("version", it.own("Version").map(text))
        .put("releaseVersion", it.own("ReleaseVersion").map(text))
        .put("capacityType", Some(it.own("CapacityType").unwrap_or_else(|| Node::text("ON_DEMAND"))))
        .put("scalingConfig", it.own("ScalingConfig").map(camel))
        .put("instanceTypes", types)
        .put("subnets", it.own("Subnets"))
        .put("amiType", it.own("AmiType"))
        .put("nodeRole", it.own("NodeRole"))
        .put("labels", it.own("Labels").map(super::shape::texts))
        .put("taints", taints)
        .put("diskSize", it.own("DiskSize").map(super::shape::number))
        .put("remoteAccess", it.own("RemoteAccess").map(camel))
        .put("launchTemplate", it.own("LaunchTemplate").map(camel))
        .put("updateConfig", it.own("UpdateConfig").map(camel))
        .put("tags", it.own("Tags").map(tag_map));
    out.item("eks.nodegroups", fields.node());
}

/// The type of instance that the launch template of a node group gives, where it stands in the template.
fn launched(it: &It<'_, '_, '_>, out: &mut Lowered) -> Option<Node> {
    let id = it.get("LaunchTemplate")?.get("Id")?.as_text()?;
    let (_, template) = out.meant(it.scope, &id)?;
    let kind = it.scope.evaluate(template.properties.get("LaunchTemplateData")?.get("InstanceType")?);
    (!matches!(kind.form, Form::Null)).then(|| list(vec![kind.clone()], kind.at.clone()))
}

pub(super) fn addon(it: &It<'_, '_, '_>, out: &mut Lowered) {
    let mut fields = it.fields();
    fields
        .put("addonName", it.own("AddonName"))
        .put("addonArn", Some(it.named(it.attribute("Arn"), "AddonName")))
        .put("clusterName", it.own("ClusterName"))
        .put("addonVersion", it.own("AddonVersion"))
        .put("serviceAccountRoleArn", it.own("ServiceAccountRoleArn"))
        .put("configurationValues", it.own("ConfigurationValues"))
        .put("tags", it.own("Tags").map(tag_map));
    out.item("eks.addons", fields.node());
}

pub(super) fn access_entry(it: &It<'_, '_, '_>, out: &mut Lowered) {
    let policies =
        it.get("AccessPolicies").map(|node| list(items(node).iter().cloned().map(camel).collect(), node.at.clone()));
    let mut fields = it.fields();
    fields
        .put("clusterName", it.own("ClusterName"))
        .put("principalArn", it.own("PrincipalArn"))
        .put("kubernetesGroups", Some(it.own("KubernetesGroups").unwrap_or_else(|| list(Vec::new(), it.at()))))
        .put("accessEntryArn", Some(of_text(it.attribute("AccessEntryArn")).written(it.at())))
        .put("username", it.own("Username"))
        .put("type", Some(it.own("Type").unwrap_or_else(|| Node::text("STANDARD"))))
        .put("associatedAccessPolicies", policies)
        .put("tags", it.own("Tags").map(tag_map));
    out.item("eks.accessEntries", fields.node());
}

pub(super) fn pod_identity(it: &It<'_, '_, '_>, out: &mut Lowered) {
    let cluster = it.text("ClusterName").unwrap_or_default();
    let id = Text::hole(it.label());
    let arn = it.scope.arn("eks", true, &["podidentityassociation/".into(), cluster, "/".into(), id.clone()]);
    let mut fields = it.fields();
    fields
        .put("clusterName", it.own("ClusterName"))
        .put("namespace", it.own("Namespace"))
        .put("serviceAccount", it.own("ServiceAccount"))
        .put("roleArn", it.own("RoleArn"))
        .put("targetRoleArn", it.own("TargetRoleArn"))
        .put("associationArn", Some(arn.written(it.at())))
        .put("associationId", Some(of_text(id).written(it.at())))
        .put("tags", it.own("Tags").map(tag_map));
    out.item("eks.podIdentityAssociations", fields.node());
}

pub(super) fn fargate_profile(it: &It<'_, '_, '_>, out: &mut Lowered) {
    let selectors = it.get("Selectors").map(|node| {
        let each = items(node).iter().map(|selector| {
            let mut fields = Fields::at(selector.at.clone());
            fields
                .put("namespace", selector.get("Namespace").cloned())
                .put("labels", selector.get("Labels").cloned().map(tag_map));
            fields.node()
        });
        list(each.collect(), node.at.clone())
    });
    let mut fields = it.fields();
    fields
        .put("fargateProfileName", Some(it.named(it.reference(), "FargateProfileName")))
        .put("fargateProfileArn", Some(it.named(it.attribute("Arn"), "FargateProfileName")))
        .put("clusterName", it.own("ClusterName"))
        .put("podExecutionRoleArn", it.own("PodExecutionRoleArn"))
        .put("subnets", it.own("Subnets"))
        .put("selectors", selectors)
        .put("tags", it.own("Tags").map(tag_map));
    out.item("eks.fargateProfiles", fields.node());
}

pub(super) fn virtual_cluster(it: &It<'_, '_, '_>, out: &mut Lowered) {
    let mut fields = it.fields();
    let id = text_or(&it.scope.attribute(it.name, None));
    fields
        .put("id", Some(of_text(id).written(it.at())))
        .put("name", it.own("Name"))
        .put("arn", Some(of_text(it.attribute("Arn")).written(it.at())))
        .put("state", Some(Node::text("RUNNING").written(it.at())))
        .put("containerProvider", it.own("ContainerProvider").map(camel))
        .put("securityConfigurationId", it.own("SecurityConfigurationId"))
        .put("tags", it.own("Tags").map(tag_map));
    out.item("emrContainers.virtualClusters", fields.node());
}
