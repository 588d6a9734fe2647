//! EKS: clusters, node groups, add-ons, access entries, Pod Identity, Fargate profiles.

use super::{Kind, Out, Resource, Value, list_of, number, object, or, renamed, shaped, text, truth};
use crate::read::code::Declared;
use crate::read::terraform::attribute::{arn, lit};
use std::collections::BTreeMap;

pub(super) fn lower(resource: &Resource, out: &mut Out) {
    match resource.kind.as_str() {
        "aws_eks_cluster" => cluster(resource, out),
        "aws_eks_node_group" => node_group(resource, out),
        "aws_eks_addon" => {
            let item = object(
                resource.spot,
                [
                    ("addonName", resource.get("addon_name")),
                    ("clusterName", resource.get("cluster_name")),
                    ("addonArn", resource.get("arn")),
                    ("addonVersion", resource.get("addon_version")),
                    ("serviceAccountRoleArn", resource.get("service_account_role_arn")),
                    ("configurationValues", resource.get("configuration_values")),
                    ("status", lit("ACTIVE").or_spot(resource.spot)),
                    ("tags", resource.tag_map()),
                ],
            );
            out.item("eks.addons", &item);
        }
        "aws_eks_access_entry" => {
            let item = object(
                resource.spot,
                [
                    ("clusterName", resource.get("cluster_name")),
                    ("principalArn", resource.get("principal_arn")),
                    ("kubernetesGroups", or(resource.body.get("kubernetes_groups"), Value::list(Vec::new(), None))),
                    ("accessEntryArn", resource.hole("access_entry_arn")),
                    ("username", resource.get("user_name")),
                    ("type", or(resource.body.get("type"), lit("STANDARD"))),
                    ("tags", resource.tag_map()),
                ],
            );
            out.entry(&item);
        }
        "aws_eks_access_policy_association" => {
            let scope = resource.block("access_scope").map(|block| {
                Value::object(
                    renamed(&block, &[("type", "type"), ("namespaces", "namespaces")]).into_iter().collect(),
                    block.spot,
                )
            });
            let part = object(
                resource.spot,
                [("policyArn", resource.get("policy_arn")), ("accessScope", scope.unwrap_or(Value::NULL))],
            );
            out.associations.push((resource.get("cluster_name"), resource.get("principal_arn"), part));
        }
        "aws_eks_pod_identity_association" => {
            let home = &resource.home;
            let id = resource.hole("association_id");
            let parts = [&lit("podidentityassociation/"), &resource.get("cluster_name"), &lit("/"), &id];
            let item = object(
                resource.spot,
                [
                    ("clusterName", resource.get("cluster_name")),
                    ("namespace", resource.get("namespace")),
                    ("serviceAccount", resource.get("service_account")),
                    ("roleArn", resource.get("role_arn")),
                    ("targetRoleArn", resource.get("target_role_arn")),
                    ("associationArn", arn(home, "eks", &parts).or_spot(resource.spot)),
                    ("associationId", id),
                    ("tags", resource.tag_map()),
                ],
            );
            out.item("eks.podIdentityAssociations", &item);
        }
        "aws_eks_fargate_profile" => {
            let selectors = list_of(&resource.body, "selector", |block| {
                shaped(block, &[("namespace", "namespace"), ("labels", "labels")])
            });
            let item = object(
                resource.spot,
                [
                    ("fargateProfileName", resource.get("fargate_profile_name")),
                    ("fargateProfileArn", resource.get("arn")),
                    ("clusterName", resource.get("cluster_name")),
                    ("podExecutionRoleArn", resource.get("pod_execution_role_arn")),
                    ("subnets", resource.get("subnet_ids")),
                    ("selectors", selectors),
                    ("status", lit("ACTIVE").or_spot(resource.spot)),
                    ("tags", resource.tag_map()),
                ],
            );
            out.item("eks.fargateProfiles", &item);
        }
        _ => {}
    }
}

fn cluster(resource: &Resource, out: &mut Out) {
    let spot = resource.spot;
    let mut network = BTreeMap::new();
    if let Some(config) = resource.block("vpc_config") {
        let names = [("subnet_ids", "subnetIds"), ("security_group_ids", "securityGroupIds"), ("vpc_id", "vpcId")];
        network.extend(renamed(&config, &names));
        // The defaults of the API: public, open to everybody, and not private.
        let public = config.get("endpoint_public_access").map_or_else(|| Value::truth(true, config.spot), truth);
        let private = config.get("endpoint_private_access").map_or_else(|| Value::truth(false, config.spot), truth);
        let everybody = || Value::list(vec![Value::text("0.0.0.0/0", config.spot)], config.spot);
        let cidrs = config.get("public_access_cidrs").cloned();
        // A list without anything in it is as if it was not given.
        let cidrs = cidrs.filter(|cidrs| !matches!(&cidrs.kind, Kind::List(items) if items.is_empty()));
        if public.as_bool() != Some(false) {
            network.insert("publicAccessCidrs".to_owned(), cidrs.unwrap_or_else(everybody));
        }
        network.insert("endpointPublicAccess".to_owned(), public);
        network.insert("endpointPrivateAccess".to_owned(), private);
    }
    network.entry("clusterSecurityGroupId".to_owned()).or_insert_with(|| resource.hole("cluster_security_group_id"));
    let types = or(resource.body.get("enabled_cluster_log_types"), Value::list(Vec::new(), spot));
    let logs = object(types.spot.or(spot), [("types", types.clone()), ("enabled", Value::truth(true, types.spot))]);
    let logs = match &types.kind {
        Kind::List(items) if items.is_empty() => Vec::new(),
        _ => vec![logs],
    };
    let access = resource.block("access_config");
    let mode = access.as_ref().and_then(|block| block.get("authentication_mode")).cloned();
    let access_spot = access.as_ref().and_then(|block| block.spot).or(spot);
    let access = object(
        access_spot,
        [
            ("authenticationMode", mode.unwrap_or_else(|| Value::text("CONFIG_MAP", access_spot))),
            (
                "bootstrapClusterCreatorAdminPermissions",
                or(
                    access.as_ref().and_then(|block| block.get("bootstrap_cluster_creator_admin_permissions")),
                    Value::NULL,
                ),
            ),
        ],
    );
    let ip = resource.block("kubernetes_network_config");
    let ip = object(
        ip.as_ref().and_then(|block| block.spot).or(spot),
        [
            ("ipFamily", or(ip.as_ref().and_then(|block| block.get("ip_family")), lit("ipv4").or_spot(spot))),
            ("serviceIpv4Cidr", or(ip.as_ref().and_then(|block| block.get("service_ipv4_cidr")), Value::NULL)),
        ],
    );
    let encryption = list_of(&resource.body, "encryption_config", |block| {
        let key = block.blocks("provider").first().and_then(|provider| provider.get("key_arn")).cloned();
        let provider = object(block.spot, [("keyArn", key.unwrap_or(Value::NULL))]);
        object(block.spot, [("resources", or(block.get("resources"), Value::NULL)), ("provider", provider)])
    });
    let identity = resource.get("identity");
    let oidc = identity
        .items()
        .first()
        .and_then(|identity| identity.get("oidc"))
        .and_then(|oidc| oidc.items().first())
        .cloned();
    let identity = object(spot, [("oidc", oidc.unwrap_or(Value::NULL).or_spot(spot))]);
    let support = resource.block("upgrade_policy").map(|block| shaped(&block, &[("support_type", "supportType")]));
    let compute = [("enabled", "enabled"), ("node_pools", "nodePools"), ("node_role_arn", "nodeRoleArn")];
    let compute = resource.block("compute_config").map(|block| shaped(&block, &compute));
    let item = object(
        spot,
        [
            ("name", resource.get("name")),
            ("arn", resource.get("arn")),
            ("version", resource.or_hole("version")),
            ("roleArn", resource.get("role_arn")),
            ("resourcesVpcConfig", Value::object(network, spot)),
            ("kubernetesNetworkConfig", ip),
            ("logging", object(spot, [("clusterLogging", Value::list(logs, spot))])),
            ("identity", identity),
            ("status", lit("ACTIVE").or_spot(spot)),
            ("encryptionConfig", encryption),
            ("accessConfig", access),
            ("upgradePolicy", support.unwrap_or(Value::NULL)),
            ("computeConfig", compute.unwrap_or(Value::NULL)),
            ("tags", resource.tag_map()),
        ],
    );
    out.item("eks.clusters", &item);
}

fn node_group(resource: &Resource, out: &mut Out) {
    let spot = resource.spot;
    let scaling = resource.block("scaling_config").map(|block| {
        let names = [("min_size", "minSize"), ("max_size", "maxSize"), ("desired_size", "desiredSize")];
        let map = renamed(&block, &names).into_iter().map(|(name, value)| (name, number(&value)));
        Value::object(map.collect(), block.spot)
    });
    let template = resource.block("launch_template");
    let given = resource.body.get("instance_types").cloned();
    let given = given.filter(|types| !matches!(&types.kind, Kind::List(items) if items.is_empty()));
    // Without a launch template that names one, the API takes this one.
    let types = given.or_else(|| template.is_none().then(|| Value::list(vec![Value::text("t3.medium", spot)], spot)));
    let taints = list_of(&resource.body, "taint", |block| {
        shaped(block, &[("key", "key"), ("value", "value"), ("effect", "effect")])
    });
    let template = template.map(|block| shaped(&block, &[("id", "id"), ("name", "name"), ("version", "version")]));
    let item = object(
        spot,
        [
            ("nodegroupName", resource.get("node_group_name")),
            ("nodegroupArn", resource.get("arn")),
            ("clusterName", resource.get("cluster_name")),
            ("version", resource.get("version")),
            ("releaseVersion", resource.get("release_version")),
            ("status", lit("ACTIVE").or_spot(spot)),
            ("capacityType", or(resource.body.get("capacity_type"), lit("ON_DEMAND"))),
            ("scalingConfig", scaling.unwrap_or(Value::NULL)),
            ("instanceTypes", types.unwrap_or(Value::NULL)),
            ("subnets", resource.get("subnet_ids")),
            ("amiType", resource.get("ami_type")),
            ("nodeRole", resource.get("node_role_arn")),
            ("labels", resource.get("labels")),
            ("taints", taints),
            ("diskSize", resource.get("disk_size")),
            ("launchTemplate", template.unwrap_or(Value::NULL)),
            ("tags", resource.tag_map()),
        ],
    );
    out.item("eks.nodegroups", &item);
}

/// The cluster of a Kubernetes object that is declared with it.
pub(super) fn scoped(collection: &'static str, resource: &Resource, item: &Value, out: &mut Out) {
    let cluster = resource.cluster.as_ref().map(text);
    let item = out.node(item);
    out.declared.push(Declared::Item { collection, cluster, item });
}
