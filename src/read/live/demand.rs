//! Which collections the rules need.
//!
//! A rule names what it looks at in its paths and templates. A path into the estate names a
//! collection itself; a field of a rollout was put there by the linker, which looked it up in the
//! collections that stand beside it in [`FIELDS`]. What finds the rollouts in the first place is needed
//! for each system ([`SYSTEMS`]). The answer is a superset: a test strips the estate of every example
//! of every rule down to it and finds the same verdicts.

use crate::estate::COLLECTIONS;
use crate::rule::{Rule, System};
use serde_json::Value;
use std::collections::BTreeSet;

/// The policies of a principal: one call lists all four.
const IAM: &[&str] = &["iam.roles", "iam.users", "iam.groups", "iam.policies"];

/// What decides whether something is allowed: policies of the principal, of its organization and of the resource.
const ACCESS: &[&str] = &[
    "iam.roles",
    "iam.users",
    "iam.groups",
    "iam.policies",
    "organizations.organization",
    "organizations.parents",
    "organizations.policies",
    "organizations.targets",
    "s3.buckets",
    "kms.keys",
];

/// What decides which pods find which nodes.
const CAPACITY: &[&str] = &[
    "ec2.instanceTypes",
    "eks.clusters",
    "eks.nodegroups",
    "eks.fargateProfiles",
    "kubernetes.nodes",
    "kubernetes.pods",
    "kubernetes.nodePools",
    "kubernetes.resourceQuotas",
    "kubernetes.limitRanges",
    "kubernetes.priorityClasses",
    "kubernetes.namespaces",
];

/// What finds the rollouts of a system and names their parts.
pub const SYSTEMS: &[(System, &[&str])] = &[
    (
        System::EmrOnEks,
        &[
            "eks.clusters",
            "emrContainers.virtualClusters",
            "emrContainers.jobRuns",
            "iam.roles",
            "iam.users",
            "iam.policies",
        ],
    ),
    (
        System::EmrServerless,
        &["emrServerless.applications", "emrServerless.jobRuns", "iam.roles", "iam.users", "iam.policies"],
    ),
    (System::EmrOnEc2, &["emr.clusters", "iam.roles", "iam.users", "iam.policies"]),
    (
        System::SparkOperator,
        &[
            "eks.clusters",
            "iam.roles",
            "kubernetes.sparkApplications",
            "kubernetes.scheduledSparkApplications",
            "kubernetes.sparkClusters",
            "kubernetes.deployments",
            "kubernetes.configMaps",
            "kubernetes.customResourceDefinitions",
            "kubernetes.namespaces",
            "kubernetes.serviceAccounts",
            "kubernetes.roles",
            "kubernetes.roleBindings",
            "kubernetes.clusterRoles",
            "kubernetes.clusterRoleBindings",
        ],
    ),
    (
        System::BatchProcessingGateway,
        &[
            "eks.clusters",
            "iam.roles",
            "kubernetes.sparkApplications",
            "kubernetes.configMaps",
            "kubernetes.deployments",
            "kubernetes.services",
            "kubernetes.ingresses",
            "kubernetes.customResourceDefinitions",
            "kubernetes.namespaces",
            "kubernetes.serviceAccounts",
            "kubernetes.roles",
            "kubernetes.roleBindings",
            "kubernetes.clusterRoles",
            "kubernetes.clusterRoleBindings",
        ],
    ),
];

/// Where the linker looks up a field of a rollout, and where the semantic kinds of assertions look.
pub const FIELDS: &[(&str, &[&str])] = &[
    ("executionRole", IAM),
    ("submitter", IAM),
    ("serviceRole", IAM),
    ("serviceLinkedRole", IAM),
    ("policyQuotas", IAM),
    ("trustPolicySize", IAM),
    ("usesServicePolicyV2", IAM),
    ("workloadRole", IAM),
    ("driverAccount", IAM),
    ("oidcProvider", &["iam.openIDConnectProviders"]),
    ("oidcProvidersElsewhere", &["iam.openIDConnectProviders"]),
    ("credentials", &["eks.podIdentityAssociations", "iam.roles"]),
    ("podIdentityAssociations", &["eks.podIdentityAssociations"]),
    ("podIdentityAgent", &["eks.addons"]),
    ("fargateTakers", &["eks.fargateProfiles"]),
    ("executorRole", &["kubernetes.serviceAccounts", "eks.podIdentityAssociations"]),
    ("accessBy", &["eks.accessEntries", "kubernetes.configMaps"]),
    ("accessEntry", &["eks.accessEntries"]),
    ("awsAuth", &["kubernetes.configMaps"]),
    ("awsAuthMapping", &["kubernetes.configMaps"]),
    ("emrRole", &["kubernetes.roleBindings", "kubernetes.roles", "kubernetes.clusterRoles", "kubernetes.configMaps"]),
    (
        "emrRoleBinding",
        &["kubernetes.roleBindings", "kubernetes.roles", "kubernetes.clusterRoles", "kubernetes.configMaps"],
    ),
    ("namespaceObject", &["kubernetes.namespaces"]),
    ("endedRunPods", &["kubernetes.pods"]),
    ("endedRuns", &["kubernetes.pods"]),
    ("instanceRole", &["iam.instanceProfiles", "iam.roles", "iam.users", "iam.groups", "iam.policies"]),
    ("instanceProfile", &["iam.instanceProfiles"]),
    ("instanceRoleArn", &["iam.instanceProfiles"]),
    ("instanceRoleName", &["iam.instanceProfiles"]),
    ("network", &["ec2.subnets", "ec2.routeTables", "ec2.vpcEndpoints", "eks.nodegroups"]),
    ("configMaps", &["kubernetes.configMaps"]),
    ("storageClasses", &["kubernetes.storageClasses"]),
    ("webhook", &["kubernetes.mutatingWebhookConfigurations"]),
    ("publicSubnet", &["ec2.subnets", "ec2.routeTables"]),
    ("publicRules", &["ec2.securityGroups", "emr.blockPublicAccess"]),
    ("untaggedSecurityGroups", &["ec2.securityGroups"]),
    ("subnet", &["ec2.subnets"]),
    ("vcpuQuotas", &["serviceQuotas.quotas", "ec2.instanceTypes"]),
    ("vcpuQuota", &["serviceQuotas.quotas"]),
    ("startVcpu", &["serviceQuotas.quotas"]),
    ("blocksPublicAccess", &["emr.blockPublicAccess"]),
    ("allows", ACCESS),
    ("limits", ACCESS),
    ("withholds", ACCESS),
    ("names_actions", IAM),
    ("grants_something", IAM),
    ("outlives_denials", ACCESS),
    ("well_formed", IAM),
    ("trusts", &["iam.openIDConnectProviders"]),
    ("trusts_only", &["iam.openIDConnectProviders"]),
    ("keeps_out", &["iam.openIDConnectProviders"]),
    ("nodePools", &["kubernetes.nodePools"]),
    ("bucketPolicy", &["s3.buckets"]),
    ("bucketKey", &["s3.buckets", "kms.keys"]),
    ("instanceTypes", CAPACITY),
    ("poolLimits", CAPACITY),
    ("fits", CAPACITY),
    ("within_quota", CAPACITY),
    ("keeps_off_spot", CAPACITY),
    ("architecture_matches", CAPACITY),
];

/// What rules need.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Demand {
    /// The collections; `emr.blockPublicAccess`, of which there is one, counts as a collection.
    pub collections: BTreeSet<&'static str>,
    /// Those of them at which a rule looks itself, so that each of their items matters.
    pub whole: BTreeSet<&'static str>,
    /// The services whose quotas matter, by their codes.
    pub quotas: BTreeSet<&'static str>,
}

/// What these rules need for rollouts of these systems.
#[must_use]
pub fn demand(rules: &[Rule], systems: &[System]) -> Demand {
    let mut demand = Demand::default();
    for rule in rules {
        let of: Vec<System> = rule.systems.iter().copied().filter(|system| systems.contains(system)).collect();
        if of.is_empty() {
            continue;
        }
        let base = SYSTEMS.iter().filter(|(known, _)| of.contains(known));
        demand.collections.extend(base.flat_map(|(_, names)| names.iter().copied()));
        of_rule(rule, &of, &mut demand);
    }
    demand
}

/// Whether rollouts of a system are linked to such a collection at all.
fn has(system: System, collection: &str) -> bool {
    let begins = |sections: &[&str]| sections.iter().any(|section| collection.starts_with(section));
    match system {
        _ if begins(&["iam.roles", "iam.users", "iam.groups", "iam.policies", "organizations.", "s3.", "kms."]) => true,
        System::EmrOnEks => begins(&["iam.openID", "eks.", "emrContainers.", "ec2.", "kubernetes."]),
        System::EmrServerless => begins(&["emrServerless.", "ec2.", "serviceQuotas."]),
        System::EmrOnEc2 => begins(&["iam.instanceProfiles", "emr.", "ec2.", "serviceQuotas."]),
        System::SparkOperator | System::BatchProcessingGateway => begins(&["iam.openID", "eks.", "kubernetes."]),
    }
}

/// The services whose quotas bound rollouts of a system.
fn services(system: System) -> &'static [&'static str] {
    match system {
        System::EmrServerless => &["emr-serverless"],
        System::EmrOnEc2 => &["ec2"],
        System::EmrOnEks | System::SparkOperator | System::BatchProcessingGateway => &[],
    }
}

/// Adds what one rule touches beyond what finds its rollouts of these systems.
fn of_rule(rule: &Rule, systems: &[System], demand: &mut Demand) {
    let mut words = BTreeSet::new();
    let mut whole = serde_json::to_value(rule).unwrap_or_default();
    if let Value::Object(map) = &mut whole {
        for fix in map.get_mut("fixes").and_then(Value::as_array_mut).into_iter().flatten() {
            if let Value::Object(fix) = fix {
                fix.remove("patch");
            }
        }
        for prose in ["examples", "why", "references", "symptoms", "covers", "title", "explained_by"] {
            map.remove(prose);
        }
    }
    gather(&whole, &mut words);
    for (field, names) in FIELDS {
        if words.contains(*field) {
            let linked = names.iter().copied().filter(|name| systems.iter().any(|system| has(*system, name)));
            demand.collections.extend(linked);
            if names.contains(&"serviceQuotas.quotas") {
                demand.quotas.extend(systems.iter().flat_map(|system| services(*system)));
            }
        }
    }
    for collection in COLLECTIONS {
        // `$estate.iam.roles[*]`, `$.kubernetes[*].pods[*]`.
        let inside = collection.name.strip_prefix("kubernetes.").map(|list| format!("kubernetes[*].{list}"));
        if words.iter().any(|path| {
            path.contains(collection.name) || inside.as_ref().is_some_and(|inside| path.contains(inside.as_str()))
        }) {
            demand.collections.insert(collection.name);
            demand.whole.insert(collection.name);
            if collection.name == "serviceQuotas.quotas" {
                demand.quotas.extend(["ec2", "emr-serverless"]);
            }
        }
    }
}

/// The words of paths and templates, and the kinds of assertions.
fn gather(value: &Value, words: &mut BTreeSet<String>) {
    match value {
        Value::String(text) if text.starts_with('$') || text.contains('{') => {
            let parts = text.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'));
            words.extend(parts.filter(|part| !part.is_empty()).map(str::to_owned));
            words.insert(text.clone());
        }
        Value::Array(list) => list.iter().for_each(|item| gather(item, words)),
        Value::Object(map) => {
            for (key, value) in map {
                words.insert(key.clone());
                gather(value, words);
            }
        }
        _ => {}
    }
}
