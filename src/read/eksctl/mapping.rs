//! Identity mappings: entries of `aws-auth`, and what eksctl makes with them for the service of EMR.
//!
//! Deliberately absent: mappings of other services, which need nothing in the cluster that a rule asks for.

use super::super::code::{ACCOUNT, At, Declared, Node};
use super::super::written::{join, list, object, text};
use crate::known::Text;

/// What an identity mapping of eksctl is for.
pub(crate) enum Mapping {
    /// An AWS service by its name, in a namespace.
    Service {
        /// `emr-containers`.
        name: Text,
        /// The namespace that it may work in.
        namespace: Option<Text>,
        /// Where it is said.
        at: Option<At>,
    },
    /// A role or user by its ARN.
    Arn {
        /// The ARN.
        arn: Node,
        /// The Kubernetes user.
        username: Node,
        /// The Kubernetes groups.
        groups: Node,
        /// Where it is said.
        at: Option<At>,
    },
}

/// The verbs that eksctl's own Role for EMR gives, by API group and resources.
const EMR_RULES: &[(&str, &[&str], &[&str])] = &[
    ("", &["namespaces"], &["get"]),
    (
        "",
        &["serviceaccounts", "services", "configmaps", "events", "pods", "pods/log"],
        &["get", "list", "watch", "create", "delete", "deletecollection", "patch"],
    ),
    ("", &["secrets"], &["create", "patch", "delete", "watch"]),
    ("apps", &["statefulsets", "deployments"], &["get", "list", "watch", "create", "delete", "patch"]),
    ("batch", &["jobs"], &["get", "list", "watch", "create", "delete", "patch"]),
    ("extensions", &["ingresses"], &["get", "list", "watch", "create", "delete", "patch"]),
    ("networking.k8s.io", &["ingresses"], &["get", "list", "watch", "create", "delete", "patch"]),
    (
        "rbac.authorization.k8s.io",
        &["roles", "rolebindings"],
        &["get", "list", "watch", "create", "delete", "deletecollection", "patch"],
    ),
    ("", &["persistentvolumeclaims"], &["get", "list", "watch", "create", "delete", "deletecollection", "patch"]),
];

/// Declares an identity mapping: an entry of `aws-auth`, and for a service the Role and RoleBinding
/// that eksctl makes with it.
pub(crate) fn identity_mapping(cluster: &Text, partition: &Text, mapping: Mapping, out: &mut Vec<Declared>) {
    let item = |collection, item| Declared::Item { collection, cluster: Some(cluster.clone()), item };
    match mapping {
        Mapping::Arn { arn, username, groups, at } => {
            let entry = object([("rolearn", arn), ("username", username), ("groups", groups)]);
            out.push(item("kubernetes.identityMappings", entry.written(at)));
        }
        Mapping::Service { name, namespace, at } => {
            if name.as_str() != Some("emr-containers") {
                return;
            }
            let arn = join([
                "arn:".into(),
                partition.clone(),
                ":iam::".into(),
                Text::hole(ACCOUNT),
                ":role/AWSServiceRoleForAmazonEMRContainers".into(),
            ]);
            let entry = object([("rolearn", text(arn)), ("username", Node::text("emr-containers"))]);
            out.push(item("kubernetes.identityMappings", entry.written(at.clone())));
            let Some(namespace) = namespace else { return };
            let texts = |texts: &[&str]| list(texts.iter().map(|text| Node::text(*text)).collect());
            let rules = EMR_RULES.iter().map(|(group, resources, verbs)| {
                object([("apiGroups", texts(&[*group])), ("resources", texts(resources)), ("verbs", texts(verbs))])
            });
            let metadata = || object([("name", Node::text("emr-containers")), ("namespace", text(namespace.clone()))]);
            let role = object([
                ("apiVersion", Node::text("rbac.authorization.k8s.io/v1")),
                ("kind", Node::text("Role")),
                ("metadata", metadata()),
                ("rules", list(rules.collect())),
            ]);
            out.push(item("kubernetes.roles", role.written(at.clone())));
            let group = || Node::text("rbac.authorization.k8s.io");
            let subject =
                object([("kind", Node::text("User")), ("name", Node::text("emr-containers")), ("apiGroup", group())]);
            let role_ref =
                object([("kind", Node::text("Role")), ("name", Node::text("emr-containers")), ("apiGroup", group())]);
            let binding = object([
                ("apiVersion", Node::text("rbac.authorization.k8s.io/v1")),
                ("kind", Node::text("RoleBinding")),
                ("metadata", metadata()),
                ("subjects", list(vec![subject])),
                ("roleRef", role_ref),
            ]);
            out.push(item("kubernetes.roleBindings", binding.written(at)));
        }
    }
}
