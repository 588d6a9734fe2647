//! Lists: commands that print one under a key of its own.

use super::{Content, Listing, Places, Recognised, add_url, items_of, more, only};
use crate::read::kubernetes;
use crate::read::merge::arn_in;
use serde_json::{Map, Value};

/// A command that prints a list under one key.
struct List {
    key: &'static str,
    collection: &'static str,
    kind: &'static str,
    items: Of,
    /// What the path of an empty list must hold one of, where the key is also another service's.
    hints: &'static [&'static str],
}

/// What a list is of.
enum Of {
    /// Objects that this service names in this field.
    Objects(&'static str, &'static str),
    /// Objects that have this field.
    With(&'static str),
    /// Names, which will be this field of an item.
    Names(&'static str),
}

const LISTS: &[List] = &[
    lists("Roles", "iam.roles", "list-roles", Of::Objects("Arn", "iam"), &[]),
    lists("Users", "iam.users", "list-users", Of::Objects("Arn", "iam"), &["iam", "list-users"]),
    lists("Groups", "iam.groups", "list-groups", Of::Objects("Arn", "iam"), &["iam", "list-groups"]),
    lists("Policies", "iam.policies", "list-policies", Of::Objects("Arn", "iam"), &["iam", "list-policies"]),
    lists(
        "OpenIDConnectProviderList",
        "iam.openIDConnectProviders",
        "list-open-id-connect-providers",
        Of::Objects("Arn", "iam"),
        &[],
    ),
    lists("InstanceProfiles", "iam.instanceProfiles", "list-instance-profiles", Of::Objects("Arn", "iam"), &[]),
    lists("clusters", "eks.clusters", "list-clusters", Of::Names("name"), &[]),
    lists("nodegroups", "eks.nodegroups", "list-nodegroups", Of::Names("nodegroupName"), &[]),
    lists("addons", "eks.addons", "list-addons", Of::Names("addonName"), &[]),
    lists("fargateProfileNames", "eks.fargateProfiles", "list-fargate-profiles", Of::Names("fargateProfileName"), &[]),
    lists("accessEntries", "eks.accessEntries", "list-access-entries", Of::Names("principalArn"), &[]),
    lists(
        "associations",
        "eks.podIdentityAssociations",
        "list-pod-identity-associations",
        Of::Objects("associationArn", "eks"),
        &[],
    ),
    lists(
        "virtualClusters",
        "emrContainers.virtualClusters",
        "list-virtual-clusters",
        Of::Objects("arn", "emr-containers"),
        &[],
    ),
    lists("jobRuns", "emrServerless.jobRuns", "list-job-runs", Of::Objects("arn", "emr-serverless"), &["serverless"]),
    lists("jobRuns", "emrContainers.jobRuns", "list-job-runs", Of::Objects("arn", "emr-containers"), &[]),
    lists(
        "templates",
        "emrContainers.jobTemplates",
        "list-job-templates",
        Of::Objects("arn", "emr-containers"),
        &["job-template", "jobtemplate", "emr"],
    ),
    lists(
        "endpoints",
        "emrContainers.managedEndpoints",
        "list-managed-endpoints",
        Of::Objects("arn", "emr-containers"),
        &["managed-endpoint", "managedendpoint", "emr"],
    ),
    lists(
        "applications",
        "emrServerless.applications",
        "list-applications",
        Of::Objects("arn", "emr-serverless"),
        &["emr", "serverless"],
    ),
    lists("Clusters", "emr.clusters", "list-clusters", Of::Objects("ClusterArn", "elasticmapreduce"), &["emr"]),
    lists("RouteTables", "ec2.routeTables", "describe-route-tables", Of::With("RouteTableId"), &["ec2", "route-table"]),
    lists(
        "SecurityConfigurations",
        "emr.securityConfigurations",
        "list-security-configurations",
        Of::With("Name"),
        &["emr", "security-configurations"],
    ),
    lists(
        "VpcEndpoints",
        "ec2.vpcEndpoints",
        "describe-vpc-endpoints",
        Of::With("VpcEndpointId"),
        &["ec2", "endpoint"],
    ),
    lists("Quotas", "serviceQuotas.quotas", "list-service-quotas", Of::With("QuotaCode"), &["quota"]),
    lists(
        "InstanceTypes",
        "ec2.instanceTypes",
        "describe-instance-types",
        Of::With("InstanceType"),
        &["ec2", "instance-types"],
    ),
    lists("Subnets", "ec2.subnets", "describe-subnets", Of::With("SubnetId"), &["ec2", "subnets"]),
    lists(
        "SecurityGroups",
        "ec2.securityGroups",
        "describe-security-groups",
        Of::With("GroupId"),
        &["ec2", "security-groups"],
    ),
];

/// The collections of which a text that cannot be read would have been, by the first key that it names.
pub(crate) fn meant(head: &str, path: &str) -> Vec<String> {
    let names = |key: &str| head.contains(&format!("\"{key}\""));
    if names("RoleDetailList") {
        return ["iam.roles", "iam.users", "iam.groups", "iam.policies"].map(str::to_owned).to_vec();
    }
    if head.contains("apiVersion") {
        return kubernetes::list_in(path).map(|list| format!("kubernetes.{list}")).into_iter().collect();
    }
    let of = |entry: &&List| match &entry.items {
        Of::Objects(_, service) => head.contains(&format!(":{service}:")) || entry.hints.is_empty(),
        Of::With(_) | Of::Names(_) => true,
    };
    LISTS
        .iter()
        .filter(|entry| names(entry.key))
        .find(of)
        .map(|entry| entry.collection.to_owned())
        .into_iter()
        .collect()
}

const fn lists(
    key: &'static str,
    collection: &'static str,
    kind: &'static str,
    items: Of,
    hints: &'static [&'static str],
) -> List {
    List { key, collection, kind, items, hints }
}

/// Whether a quota is no account's own: `list-aws-default-service-quotas` prints those.
fn is_default(quota: &Value) -> bool {
    arn_in(quota, "QuotaArn").is_some_and(|arn| arn.account.is_empty())
}

pub(super) fn list(map: &mut Map<String, Value>, at: &str, path: &str, out: &mut Recognised) -> bool {
    let more = more(map);
    let mut nameless = None;
    for entry in LISTS {
        let Some(Value::Array(items)) = map.get(entry.key) else { continue };
        if !only(map, entry.key) {
            continue;
        }
        let fits = match (&entry.items, items.first()) {
            (_, None) => entry.hints.is_empty() || entry.hints.iter().any(|hint| path.to_lowercase().contains(hint)),
            (Of::Objects(field, service), Some(first)) => {
                arn_in(first, field).is_some_and(|arn| arn.service == *service)
            }
            (Of::With(field), Some(first)) => first.get(*field).is_some(),
            (Of::Names(_), Some(_)) => items.iter().all(Value::is_string),
        };
        if !fits {
            if items.is_empty() {
                nameless = entry.hints.first().map(|hint| (entry.key, *hint));
            }
            continue;
        }
        let Some(Value::Array(items)) = map.remove(entry.key) else { continue };
        let pointer = format!("{at}/{}", entry.key);
        match entry.items {
            Of::Names(field) => out
                .push(entry.kind, Content::Names { collection: entry.collection, field, names: items, pointer, more }),
            Of::Objects(..) | Of::With(_) => {
                let mut doubt = None;
                if entry.collection == "iam.policies" && !items.is_empty() {
                    let own = |item: &Value| arn_in(item, "Arn").is_some_and(|arn| arn.owner().is_some());
                    doubt = (!items.iter().any(own)).then(|| "only AWS managed policies were listed".to_owned());
                }
                if matches!(entry.collection, "ec2.subnets" | "ec2.securityGroups") {
                    doubt = Some(format!("`{}` shows only what it was asked for", entry.kind));
                }
                if entry.collection == "serviceQuotas.quotas" && items.iter().any(is_default) {
                    doubt = Some("what AWS gives every account is not what this one has".to_owned());
                }
                let mut items = items;
                if entry.collection == "iam.openIDConnectProviders" {
                    items.iter_mut().for_each(add_url);
                }
                // Whose account a type was asked for in says nothing of it, and what is not listed may exist all the same.
                let listing = (entry.collection != "ec2.instanceTypes").then_some(Listing { more, doubt });
                items_of(out, entry.kind, entry.collection, items, Places::List(pointer), listing);
            }
        }
        return true;
    }
    if let Some((key, hint)) = nameless {
        out.push("list", Content::Nameless { key: key.to_owned(), hint });
        return true;
    }
    false
}
