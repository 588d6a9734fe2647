//! Kubernetes: namespaces, accounts, roles and bindings, ConfigMaps, quotas, manifests.
//!
//! Deliberately absent: what is in Secrets, and what a chart installs.

use super::eks::scoped;
use super::{Kind, Out, Resource, Value, list_of, object, or, shaped};
use crate::read::terraform::attribute::lit;
use crate::read::terraform::functions::from_yaml;

/// Kinds of objects: kind, version, collection.
const KINDS: [(&str, &str, &str); 22] = [
    ("Namespace", "v1", "kubernetes.namespaces"),
    ("ServiceAccount", "v1", "kubernetes.serviceAccounts"),
    ("ConfigMap", "v1", "kubernetes.configMaps"),
    ("Secret", "v1", "kubernetes.secrets"),
    ("ResourceQuota", "v1", "kubernetes.resourceQuotas"),
    ("LimitRange", "v1", "kubernetes.limitRanges"),
    ("Service", "v1", "kubernetes.services"),
    ("Role", "rbac.authorization.k8s.io/v1", "kubernetes.roles"),
    ("RoleBinding", "rbac.authorization.k8s.io/v1", "kubernetes.roleBindings"),
    ("ClusterRole", "rbac.authorization.k8s.io/v1", "kubernetes.clusterRoles"),
    ("ClusterRoleBinding", "rbac.authorization.k8s.io/v1", "kubernetes.clusterRoleBindings"),
    ("PriorityClass", "scheduling.k8s.io/v1", "kubernetes.priorityClasses"),
    ("StorageClass", "storage.k8s.io/v1", "kubernetes.storageClasses"),
    ("Deployment", "apps/v1", "kubernetes.deployments"),
    ("Ingress", "networking.k8s.io/v1", "kubernetes.ingresses"),
    ("SparkApplication", "", "kubernetes.sparkApplications"),
    ("ScheduledSparkApplication", "", "kubernetes.scheduledSparkApplications"),
    ("SparkCluster", "", "kubernetes.sparkClusters"),
    ("NodePool", "karpenter.sh/v1", "kubernetes.nodePools"),
    ("EC2NodeClass", "karpenter.k8s.aws/v1", "kubernetes.ec2NodeClasses"),
    ("Pod", "v1", "kubernetes.pods"),
    ("CustomResourceDefinition", "apiextensions.k8s.io/v1", "kubernetes.customResourceDefinitions"),
];

pub(super) fn lower(resource: &Resource, out: &mut Out) {
    let kind = resource.kind.as_str();
    let kind = kind.strip_prefix("kubernetes_").unwrap_or(kind);
    let kind = match kind {
        "config_map_v1_data" => "config_map_data",
        kind => kind.strip_suffix("_v1").unwrap_or(kind),
    };
    match kind {
        "manifest" => {
            if let Some(manifest) = resource.body.get("manifest") {
                manifest_of(manifest, resource, out);
            }
        }
        "kubectl_manifest" => {
            let Some(body) = resource.body.get("yaml_body") else { return };
            for document in from_yaml(body).unwrap_or_default() {
                manifest_of(&document, resource, out);
            }
        }
        "namespace" => typed("Namespace", resource, Vec::new(), out),
        "service_account" => typed("ServiceAccount", resource, Vec::new(), out),
        "config_map" | "config_map_data" => {
            let data = resource.get("data");
            typed("ConfigMap", resource, vec![("data", data)], out);
        }
        // Of what type it is, and nothing of what it holds.
        "secret" if resource.body.get("type").is_some() => {
            let type_of = resource.get("type");
            typed("Secret", resource, vec![("type", type_of)], out);
        }
        "role" | "cluster_role" => {
            let rules = list_of(&resource.body, "rule", |rule| {
                let names = [
                    ("api_groups", "apiGroups"),
                    ("resources", "resources"),
                    ("verbs", "verbs"),
                    ("resource_names", "resourceNames"),
                    ("non_resource_urls", "nonResourceURLs"),
                ];
                shaped(rule, &names)
            });
            typed(if kind == "role" { "Role" } else { "ClusterRole" }, resource, vec![("rules", rules)], out);
        }
        "role_binding" | "cluster_role_binding" => {
            let reference = resource
                .block("role_ref")
                .map(|block| shaped(&block, &[("api_group", "apiGroup"), ("kind", "kind"), ("name", "name")]));
            let subjects = list_of(&resource.body, "subject", |block| {
                let account = block.get("kind").and_then(Value::as_string).as_deref() == Some("ServiceAccount");
                // The provider puts accounts without a namespace into this one.
                let namespace = block.get("namespace").cloned().filter(|_| account);
                let namespace = namespace.unwrap_or_else(|| if account { lit("default") } else { Value::NULL });
                object(
                    block.spot,
                    [
                        ("kind", or(block.get("kind"), Value::NULL)),
                        ("name", or(block.get("name"), Value::NULL)),
                        ("namespace", namespace),
                        ("apiGroup", or(block.get("api_group").filter(|_| !account), Value::NULL)),
                    ],
                )
            });
            let fields = vec![("roleRef", reference.unwrap_or(Value::NULL)), ("subjects", subjects)];
            typed(if kind == "role_binding" { "RoleBinding" } else { "ClusterRoleBinding" }, resource, fields, out);
        }
        "resource_quota" => {
            let spec = resource.block("spec").map(|block| shaped(&block, &[("hard", "hard"), ("scopes", "scopes")]));
            typed("ResourceQuota", resource, vec![("spec", spec.unwrap_or(Value::NULL))], out);
        }
        "limit_range" => {
            let spec = resource.block("spec").map(|block| {
                let limits = list_of(&block, "limit", |limit| {
                    let names = [
                        ("type", "type"),
                        ("max", "max"),
                        ("min", "min"),
                        ("default", "default"),
                        ("default_request", "defaultRequest"),
                        ("max_limit_request_ratio", "maxLimitRequestRatio"),
                    ];
                    shaped(limit, &names)
                });
                object(block.spot, [("limits", limits)])
            });
            typed("LimitRange", resource, vec![("spec", spec.unwrap_or(Value::NULL))], out);
        }
        "priority_class" => {
            let fields = vec![
                ("value", resource.get("value")),
                ("globalDefault", resource.get("global_default")),
                ("preemptionPolicy", resource.get("preemption_policy")),
            ];
            typed("PriorityClass", resource, fields, out);
        }
        _ => {}
    }
}

/// An object of a kind that the provider has a resource for.
fn typed(kind: &'static str, resource: &Resource, fields: Vec<(&'static str, Value)>, out: &mut Out) {
    let Some((_, version, collection)) = KINDS.iter().find(|(known, ..)| *known == kind) else { return };
    let block = resource.block("metadata").unwrap_or_else(|| object(resource.spot, []));
    let cluster_wide =
        matches!(kind, "Namespace" | "ClusterRole" | "ClusterRoleBinding" | "PriorityClass" | "StorageClass");
    let name = block.get("name").cloned().unwrap_or_else(|| resource.hole("metadata[0].name"));
    let namespace = if cluster_wide { Value::NULL } else { or(block.get("namespace"), lit("default")) };
    let metadata = object(
        block.spot,
        [
            ("name", name),
            ("namespace", namespace),
            ("labels", or(block.get("labels"), Value::NULL)),
            ("annotations", or(block.get("annotations"), Value::NULL)),
        ],
    );
    let fixed = [("apiVersion", lit(version)), ("kind", lit(kind)), ("metadata", metadata)];
    let item = object(resource.spot, fixed.into_iter().chain(fields));
    scoped(collection, resource, &item, out);
}

/// An object that stands as a whole.
fn manifest_of(manifest: &Value, resource: &Resource, out: &mut Out) {
    let Kind::Object(fields) = &manifest.kind else { return };
    let Some(kind) = manifest.get("kind").and_then(Value::as_string) else { return };
    if kind == "List" {
        for item in manifest.blocks("items") {
            manifest_of(&item, resource, out);
        }
        return;
    }
    let Some((_, _, collection)) = KINDS.iter().find(|(known, ..)| *known == kind) else { return };
    let mut fields = (**fields).clone();
    if kind == "Secret" {
        fields.map.retain(|key, _| ["apiVersion", "kind", "type", "metadata"].contains(&key.as_str()));
    }
    if let Some(Value { kind: Kind::Object(metadata), spot }) = fields.map.get("metadata").cloned() {
        let cluster_wide = matches!(
            kind.as_str(),
            "Namespace"
                | "ClusterRole"
                | "ClusterRoleBinding"
                | "PriorityClass"
                | "StorageClass"
                | "NodePool"
                | "EC2NodeClass"
                | "CustomResourceDefinition"
        );
        if !cluster_wide && !metadata.map.contains_key("namespace") {
            let mut metadata = (*metadata).clone();
            let given = resource.body.get("override_namespace").cloned().unwrap_or_else(|| lit("default"));
            metadata.map.insert("namespace".to_owned(), given);
            fields.map.insert("metadata".to_owned(), Value { kind: Kind::Object(std::rc::Rc::new(metadata)), spot });
        }
    }
    let item = Value { kind: Kind::Object(std::rc::Rc::new(fields)), spot: manifest.spot.or(resource.spot) };
    scoped(collection, resource, &item, out);
}
