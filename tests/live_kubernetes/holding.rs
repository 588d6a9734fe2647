//! What an API server holds: the lists of a group of an estate.

use crate::server::State;
use serde_json::Value;
use sparkcheck::estate::{COLLECTIONS, Collection};

/// The lists of a server that has a group's objects.
pub(crate) fn state(group: &Value) -> State {
    let mut state = State::default();
    for collection in collections() {
        let list = collection.name.trim_start_matches("kubernetes.");
        let (kind, version) = KINDS
            .iter()
            .find(|(of, ..)| *of == list)
            .map(|(_, kind, version)| (*kind, *version))
            .unwrap_or_else(|| panic!("{list}"));
        let objects = group[list].as_array().cloned().unwrap_or_default();
        let installed = !version.contains("spark") && !version.contains("karpenter") && !version.contains("kubeflow");
        if installed || !objects.is_empty() {
            let version =
                objects.first().and_then(|object| object["apiVersion"].as_str()).unwrap_or(version).to_owned();
            state.lists.insert(resource(collection), (kind.to_owned(), version, objects));
        }
    }
    state
}

/// List, kind, API version.
pub(crate) const KINDS: &[(&str, &str, &str)] = &[
    ("nodes", "Node", "v1"),
    ("pods", "Pod", "v1"),
    ("namespaces", "Namespace", "v1"),
    ("configMaps", "ConfigMap", "v1"),
    ("serviceAccounts", "ServiceAccount", "v1"),
    ("roles", "Role", "rbac.authorization.k8s.io/v1"),
    ("roleBindings", "RoleBinding", "rbac.authorization.k8s.io/v1"),
    ("clusterRoles", "ClusterRole", "rbac.authorization.k8s.io/v1"),
    ("clusterRoleBindings", "ClusterRoleBinding", "rbac.authorization.k8s.io/v1"),
    ("deployments", "Deployment", "apps/v1"),
    ("services", "Service", "v1"),
    ("ingresses", "Ingress", "networking.k8s.io/v1"),
    ("customResourceDefinitions", "CustomResourceDefinition", "apiextensions.k8s.io/v1"),
    ("sparkApplications", "SparkApplication", "spark.apache.org/v1"),
    ("scheduledSparkApplications", "ScheduledSparkApplication", "sparkoperator.k8s.io/v1beta2"),
    ("sparkClusters", "SparkCluster", "spark.apache.org/v1"),
    ("nodePools", "NodePool", "karpenter.sh/v1"),
    ("resourceQuotas", "ResourceQuota", "v1"),
    ("limitRanges", "LimitRange", "v1"),
    ("priorityClasses", "PriorityClass", "scheduling.k8s.io/v1"),
    ("storageClasses", "StorageClass", "storage.k8s.io/v1"),
    ("mutatingWebhookConfigurations", "MutatingWebhookConfiguration", "admissionregistration.k8s.io/v1"),
    ("validatingWebhookConfigurations", "ValidatingWebhookConfiguration", "admissionregistration.k8s.io/v1"),
];

pub(crate) fn collections() -> Vec<&'static Collection> {
    COLLECTIONS.iter().filter(|collection| collection.name.starts_with("kubernetes.")).collect()
}

pub(crate) fn resource(collection: &Collection) -> String {
    collection.action.trim_start_matches("list ").split('.').next().unwrap().to_owned()
}
