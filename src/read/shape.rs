//! What a document is, told by its keys, whatever its file is called.
//!
//! A document is taken apart into [`Piece`]s: items of collections, and parts that belong inside an
//! item. What a list says about its own completeness goes with it. A piece knows whose it is only as
//! far as its content says; the rest is worked out when all pieces are there.

mod lists;
mod policies;

pub(crate) use lists::meant;

use lists::list;

use super::kubernetes;
use super::merge::arn_in;
use super::policy::{self, Decoded};
use crate::estate::Within;
use crate::redact::redact;
use rayon::prelude::*;
use serde_json::{Map, Value};

/// A part of the estate, from one document.
#[derive(Debug)]
pub(crate) struct Piece {
    /// What it was printed by, or what it is: `list-roles`, `pods`.
    pub(crate) kind: String,
    pub(crate) content: Content,
}

#[derive(Debug)]
pub(crate) enum Content {
    /// A whole estate.
    Snapshot { document: Value, pointer: String },
    /// Items of a collection.
    Items(Items),
    /// A list of names alone.
    Names { collection: &'static str, field: &'static str, names: Vec<Value>, pointer: String, more: bool },
    /// A part of a role, user or group.
    Principal {
        subject: Option<(&'static str, String)>,
        field: &'static str,
        value: Value,
        pointer: String,
        more: bool,
    },
    /// One version of a managed policy.
    PolicyVersion { version: Value, pointer: String },
    /// An OIDC provider without its ARN.
    Provider { provider: Value, pointer: String },
    /// Something of which there is one: `sts.callerIdentity`, `emr.blockPublicAccess`.
    Sole { section: &'static str, field: &'static str, value: Value, pointer: String },
    /// The access policies of an access entry.
    AccessPolicies { cluster: String, principal: String, policies: Value, pointer: String },
    /// A part of an EMR cluster.
    EmrPart { field: &'static str, value: Value, pointer: String },
    /// A field of an item of this collection, whose name is in the path.
    Of { collection: &'static str, field: &'static str, value: Value, pointer: String },
    /// Variables of the environment.
    Session(Vec<(String, Value)>),
    /// What somebody is going to submit.
    JobRequest { kind: &'static str, request: Value, pointer: String },
    /// The configuration of a Batch Processing Gateway.
    Gateway { config: Value, pointer: String, opaque: bool },
    /// Calls that failed, from an error text.
    Refusals(Vec<super::refusal::Refusal>),
    /// A file that should have held items of these collections and could not be read.
    Broken { collections: Vec<String>, why: String },
    /// A list that does not say of what it is.
    Nameless { key: String, hint: &'static str },
    /// Whose everything else in the source is: the reader asked for it and need not guess.
    #[cfg_attr(not(feature = "live"), allow(dead_code, reason = "only calls are asked of somebody"))]
    Whose(Whose),
}

/// Whose an answer is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Whose {
    pub(crate) account: String,
    pub(crate) region: Option<String>,
    /// The ARN of the cluster, virtual cluster, application or service in which it was asked for.
    pub(crate) inside: Option<String>,
    /// The one namespace that was asked about.
    pub(crate) namespace: Option<String>,
    /// A part of the answer was lost, so its lists say nothing of what they lack. Why, stands beside it.
    pub(crate) lost: bool,
}

impl Whose {
    /// The scope of a collection that is listed within such.
    pub(crate) fn scope(&self, within: Within) -> Option<String> {
        match within {
            Within::Account => Some(self.account.clone()),
            Within::Region => self.region.as_ref().map(|region| format!("{}/{region}", self.account)),
            Within::Cluster | Within::Parent => self.inside.clone(),
        }
    }
}

/// Items of a collection, and where in the file they stand.
#[derive(Debug)]
pub(crate) struct Items {
    /// The collection; for Kubernetes only `kubernetes.pods`, the cluster comes later.
    pub(crate) collection: String,
    pub(crate) items: Vec<Value>,
    pub(crate) places: Places,
    /// What the list says of its completeness, if it is a list.
    pub(crate) listing: Option<Listing>,
    /// Policies that were texts: the item's number and the pointer in it.
    pub(crate) opaque: Vec<(usize, String)>,
}

/// Where items stand in their file.
#[derive(Debug)]
pub(crate) enum Places {
    /// They are the list at this pointer, one by one.
    List(String),
    /// They are these items of the list at this pointer.
    Some(String, Vec<usize>),
    /// The one item stands here.
    One(String),
}

impl Places {
    /// The pointer of an item.
    pub(crate) fn of(&self, index: usize) -> String {
        match self {
            Self::List(list) => format!("{list}/{index}"),
            Self::Some(list, indexes) => format!("{list}/{}", indexes.get(index).copied().unwrap_or_default()),
            Self::One(pointer) => pointer.clone(),
        }
    }
}

/// What a list says of its completeness.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    /// There are more pages than this one.
    pub(crate) more: bool,
    /// Why the list says nothing of what it lacks, even without a token.
    pub(crate) doubt: Option<String>,
}

/// With fewer items than this, starting threads costs more than it saves.
const WORTH_THREADS: usize = 512;

/// What came of a document.
#[derive(Debug, Default)]
pub(crate) struct Recognised {
    pub(crate) pieces: Vec<Piece>,
    /// Policies that could not be read: pointer in the source, and why.
    pub(crate) faults: Vec<(String, String)>,
}

impl Recognised {
    /// Adds a piece, without the secrets in it.
    pub(crate) fn push(&mut self, kind: impl Into<String>, mut content: Content) {
        match &mut content {
            Content::Items(items) if items.items.len() >= WORTH_THREADS => items.items.par_iter_mut().for_each(redact),
            Content::Items(items) => items.items.iter_mut().for_each(redact),
            Content::Snapshot { document: value, .. }
            | Content::Principal { value, .. }
            | Content::PolicyVersion { version: value, .. }
            | Content::Provider { provider: value, .. }
            | Content::Sole { value, .. }
            | Content::AccessPolicies { policies: value, .. }
            | Content::EmrPart { value, .. }
            | Content::Of { value, .. }
            | Content::JobRequest { request: value, .. }
            | Content::Gateway { config: value, .. } => redact(value),
            Content::Names { .. }
            | Content::Session(_)
            | Content::Refusals(_)
            | Content::Broken { .. }
            | Content::Nameless { .. }
            | Content::Whose(_) => {}
        }
        self.pieces.push(Piece { kind: kind.into(), content });
    }
}

/// Takes a document apart; `false` if it is not for us.
pub(crate) fn recognise(document: Value, at: &str, path: &str, out: &mut Recognised) -> bool {
    match document {
        Value::Object(map) => object(map, at, path, out),
        // `jq -s . *.json` puts whole outputs into one list.
        Value::Array(list) => {
            let mut any = false;
            for (index, inner) in list.into_iter().enumerate() {
                if let Value::Object(map) = inner {
                    any |= object(map, &format!("{at}/{index}"), path, out);
                }
            }
            any
        }
        _ => false,
    }
}

fn object(mut map: Map<String, Value>, at: &str, path: &str, out: &mut Recognised) -> bool {
    if map.get("sparkcheck").is_some_and(|header| header.get("format").is_some()) {
        out.push("snapshot", Content::Snapshot { document: Value::Object(map), pointer: at.to_owned() });
        return true;
    }
    if map.get("apiVersion").is_some_and(Value::is_string) && map.get("kind").is_some_and(Value::is_string) {
        return kubernetes::recognise(map, at, out);
    }
    if let Some(kind) = job_request(&map) {
        let mut request = Value::Object(map);
        kubernetes::drop_secrets(&mut request);
        out.push(kind, Content::JobRequest { kind, request, pointer: at.to_owned() });
        return true;
    }
    if map.contains_key("RoleDetailList") || map.contains_key("UserDetailList") || map.contains_key("GroupDetailList") {
        authorization_details(map, at, out);
        return true;
    }
    if policies::recognise(&mut map, at, path, out)
        || special(&mut map, at, path, out)
        || list(&mut map, at, path, out)
        || single(&mut map, at, out)
    {
        return true;
    }
    kubernetes::gateways(&mut Value::Object(map), at, out)
}

/// What a job request is for.
pub(crate) fn job_request(map: &Map<String, Value>) -> Option<&'static str> {
    let has = |key: &str| map.contains_key(key);
    if has("applicationId") && has("jobDriver") {
        Some("serverless-start-job-run")
    } else if has("jobDriver") && (has("releaseLabel") || has("virtualClusterId")) {
        Some("start-job-run")
    } else if has("artifact_uri") || has("artifact_digest") {
        Some("sparkpilot-job")
    } else if has("Instances") && (has("ServiceRole") || has("JobFlowRole")) {
        Some("run-job-flow")
    } else if has("spark_application_type") || (has("application_name") && has("spark_conf")) {
        Some("gateway-submission")
    } else if has("applicationName") && has("sparkVersion") && (has("driver") || has("executor")) {
        Some("bpg-submission")
    } else {
        None
    }
}

/// Whether an object asks SparkPilot for an environment.
pub(crate) fn is_environment(map: &Map<String, Value>) -> bool {
    map.contains_key("eks_cluster_arn") && map.contains_key("eks_namespace") && !map.contains_key("id")
}

/// `iam get-account-authorization-details`. With a `--filter` it prints the other lists empty, so
/// an empty list says nothing.
fn authorization_details(mut map: Map<String, Value>, at: &str, out: &mut Recognised) {
    let more = more(&map);
    for (key, collection, plural) in [
        ("RoleDetailList", "iam.roles", "roles"),
        ("UserDetailList", "iam.users", "users"),
        ("GroupDetailList", "iam.groups", "groups"),
        ("Policies", "iam.policies", "managed policies"),
    ] {
        let Some(Value::Array(items)) = map.remove(key) else { continue };
        let own = |item: &Value| arn_in(item, "Arn").is_some_and(|arn| arn.owner().is_some());
        let doubt = (!items.iter().any(own)).then(|| {
            format!("the output of `get-account-authorization-details` has no {plural} of the account, as a `--filter` leaves it")
        });
        let listing = Some(Listing { more, doubt });
        if collection == "iam.roles" {
            instance_profiles(&items, &format!("{at}/{key}"), out);
        }
        items_of(
            out,
            "get-account-authorization-details",
            collection,
            items,
            Places::List(format!("{at}/{key}")),
            listing,
        );
    }
}

/// The instance profiles that stand inside roles.
fn instance_profiles(roles: &[Value], at: &str, out: &mut Recognised) {
    for (index, role) in roles.iter().enumerate() {
        let Some(profiles) = role.get("InstanceProfileList").and_then(Value::as_array).filter(|list| !list.is_empty())
        else {
            continue;
        };
        let places = Places::List(format!("{at}/{index}/InstanceProfileList"));
        items_of(out, "get-account-authorization-details", "iam.instanceProfiles", profiles.clone(), places, None);
    }
}

/// Outputs that are neither a list nor one item under a key.
fn special(map: &mut Map<String, Value>, at: &str, path: &str, out: &mut Recognised) -> bool {
    let has = |key: &str| map.contains_key(key);
    let text = |key: &str| map.get(key).and_then(Value::as_str).map(str::to_owned);
    let more = more(map);
    if has("UserId") && has("Account") && has("Arn") {
        let value = Value::Object(std::mem::take(map));
        out.push(
            "get-caller-identity",
            Content::Sole { section: "sts", field: "callerIdentity", value, pointer: at.to_owned() },
        );
        return true;
    }
    if has("BlockPublicAccessConfiguration") {
        let value = Value::Object(std::mem::take(map));
        out.push(
            "get-block-public-access-configuration",
            Content::Sole { section: "emr", field: "blockPublicAccess", value, pointer: at.to_owned() },
        );
        return true;
    }
    if let Some(Value::Array(_)) = map.get("AttachedPolicies") {
        let value = map.remove("AttachedPolicies").unwrap_or_default();
        out.push(
            "list-attached-role-policies",
            Content::Principal {
                subject: None,
                field: "AttachedManagedPolicies",
                value,
                pointer: format!("{at}/AttachedPolicies"),
                more,
            },
        );
        return true;
    }
    if let Some(Value::Array(_)) = map.get("PolicyNames") {
        let value = map.remove("PolicyNames").unwrap_or_default();
        out.push(
            "list-role-policies",
            Content::Principal {
                subject: None,
                field: "PolicyNames",
                value,
                pointer: format!("{at}/PolicyNames"),
                more,
            },
        );
        return true;
    }
    if has("PolicyName") && has("PolicyDocument") {
        for (key, kind, collection) in [
            ("RoleName", "get-role-policy", "iam.roles"),
            ("UserName", "get-user-policy", "iam.users"),
            ("GroupName", "get-group-policy", "iam.groups"),
        ] {
            let Some(name) = text(key) else { continue };
            map.remove(key);
            let mut value = Value::Object(std::mem::take(map));
            if let Some(document) = value.get_mut("PolicyDocument")
                && let Decoded::Unreadable(why) = policy::decode(document)
            {
                out.faults.push((format!("{at}/PolicyDocument"), why));
            }
            out.push(
                kind,
                Content::Principal {
                    subject: Some((collection, name)),
                    field: "PolicyDocument",
                    value,
                    pointer: at.to_owned(),
                    more: false,
                },
            );
            return true;
        }
    }
    if map.get("PolicyVersion").is_some_and(|version| version.get("Document").is_some()) {
        let mut version = map.remove("PolicyVersion").unwrap_or_default();
        let pointer = format!("{at}/PolicyVersion");
        if let Some(document) = version.get_mut("Document")
            && let Decoded::Unreadable(why) = policy::decode(document)
        {
            out.faults.push((format!("{pointer}/Document"), why));
        }
        out.push("get-policy-version", Content::PolicyVersion { version, pointer });
        return true;
    }
    if has("Url") && (has("ClientIDList") || has("ThumbprintList")) {
        let provider = Value::Object(std::mem::take(map));
        out.push("get-open-id-connect-provider", Content::Provider { provider, pointer: at.to_owned() });
        return true;
    }
    if has("associatedAccessPolicies")
        && let (Some(cluster), Some(principal)) = (text("clusterName"), text("principalArn"))
    {
        let policies = map.remove("associatedAccessPolicies").unwrap_or_default();
        let pointer = format!("{at}/associatedAccessPolicies");
        out.push("list-associated-access-policies", Content::AccessPolicies { cluster, principal, policies, pointer });
        return true;
    }
    for (key, kind) in [
        ("InstanceGroups", "list-instance-groups"),
        ("InstanceFleets", "list-instance-fleets"),
        ("Steps", "list-steps"),
    ] {
        if only(map, key) && map.get(key).is_some_and(Value::is_array) {
            let value = map.remove(key).unwrap_or_default();
            out.push(kind, Content::EmrPart { field: key, value, pointer: format!("{at}/{key}") });
            return true;
        }
    }
    if has("Name") && map.get("SecurityConfiguration").is_some_and(Value::is_string) {
        let item = Value::Object(std::mem::take(map));
        let places = Places::One(at.to_owned());
        items_of(out, "describe-security-configuration", "emr.securityConfigurations", vec![item], places, None);
        return true;
    }
    // `list-instance-profiles-for-role` prints the same key as the list of all.
    if has("InstanceProfiles") && path.contains("for-role") && only(map, "InstanceProfiles") {
        if let Some(Value::Array(items)) = map.remove("InstanceProfiles") {
            let places = Places::List(format!("{at}/InstanceProfiles"));
            items_of(out, "list-instance-profiles-for-role", "iam.instanceProfiles", items, places, None);
        }
        return true;
    }
    false
}

/// The URL of an OIDC provider is the end of its ARN.
pub(crate) fn add_url(provider: &mut Value) {
    let url = arn_in(provider, "Arn")
        .and_then(|arn| arn.resource.strip_prefix("oidc-provider/").map(|url| Value::String(url.to_owned())));
    if let (Some(url), Value::Object(map)) = (url, provider) {
        map.entry("Url").or_insert(url);
    }
}

/// Commands that print one item under a key: key, collection, kind, the field with its ARN, its service.
const SINGLES: &[(&str, &str, &str, &str, &str)] = &[
    ("Role", "iam.roles", "get-role", "Arn", "iam"),
    ("User", "iam.users", "get-user", "Arn", "iam"),
    ("Group", "iam.groups", "get-group", "Arn", "iam"),
    ("Policy", "iam.policies", "get-policy", "Arn", "iam"),
    ("InstanceProfile", "iam.instanceProfiles", "get-instance-profile", "Arn", "iam"),
    ("cluster", "eks.clusters", "describe-cluster", "arn", "eks"),
    ("nodegroup", "eks.nodegroups", "describe-nodegroup", "nodegroupArn", "eks"),
    ("addon", "eks.addons", "describe-addon", "addonArn", "eks"),
    ("fargateProfile", "eks.fargateProfiles", "describe-fargate-profile", "fargateProfileArn", "eks"),
    ("accessEntry", "eks.accessEntries", "describe-access-entry", "accessEntryArn", "eks"),
    ("association", "eks.podIdentityAssociations", "describe-pod-identity-association", "associationArn", "eks"),
    ("virtualCluster", "emrContainers.virtualClusters", "describe-virtual-cluster", "arn", "emr-containers"),
    ("jobRun", "emrContainers.jobRuns", "describe-job-run", "arn", "emr-containers"),
    ("jobRun", "emrServerless.jobRuns", "get-job-run", "arn", "emr-serverless"),
    ("jobTemplate", "emrContainers.jobTemplates", "describe-job-template", "arn", "emr-containers"),
    ("endpoint", "emrContainers.managedEndpoints", "describe-managed-endpoint", "arn", "emr-containers"),
    ("application", "emrServerless.applications", "get-application", "arn", "emr-serverless"),
    ("Cluster", "emr.clusters", "describe-cluster", "ClusterArn", "elasticmapreduce"),
];

fn single(map: &mut Map<String, Value>, at: &str, out: &mut Recognised) -> bool {
    for (key, collection, kind, field, service) in SINGLES {
        let Some(item) = map.get(*key) else { continue };
        let named = arn_in(item, field).is_some_and(|arn| arn.service == *service);
        // Older outputs of EKS say of what cluster a thing is, and not its ARN.
        let in_cluster = *service == "eks" && item.get(*field).is_none() && item.get("clusterName").is_some();
        if !(named || in_cluster) {
            continue;
        }
        let Some(item) = map.remove(*key) else { continue };
        items_of(out, kind, collection, vec![item], Places::One(format!("{at}/{key}")), None);
        return true;
    }
    false
}

/// Whether this key is the only one beside what every output may carry.
fn only(map: &Map<String, Value>, key: &str) -> bool {
    const BESIDE: &[&str] =
        &["NextToken", "nextToken", "IsTruncated", "Marker", "ResponseMetadata", "ResultMetadata", "$metadata"];
    map.keys().all(|other| other == key || BESIDE.contains(&other.as_str()))
}

/// Whether the output says that there is a further page.
fn more(map: &Map<String, Value>) -> bool {
    let token = |key: &str| map.get(key).and_then(Value::as_str).is_some_and(|token| !token.is_empty());
    let truncated = map.get("IsTruncated").and_then(Value::as_bool);
    token("NextToken") || token("nextToken") || truncated == Some(true) || (truncated.is_none() && token("Marker"))
}

/// Items with their policies decoded.
pub(crate) fn items_of(
    out: &mut Recognised,
    kind: &str,
    collection: &str,
    mut items: Vec<Value>,
    places: Places,
    listing: Option<Listing>,
) {
    let mut opaque = Vec::new();
    if collection.starts_with("iam.") {
        let decode = |item: &mut Value| {
            let mut told = Vec::new();
            decode_policies(item, &mut |pointer, outcome| told.push((pointer, outcome)));
            told
        };
        let told: Vec<Vec<(String, Decoded)>> = if items.len() >= WORTH_THREADS {
            items.par_iter_mut().map(decode).collect()
        } else {
            items.iter_mut().map(decode).collect()
        };
        for (index, (pointer, outcome)) in told.into_iter().enumerate().flat_map(|(at, told)| {
            told.into_iter().map(move |one| (at, one))
        }) {
            match outcome {
                Decoded::Untouched => {}
                Decoded::FromText => opaque.push((index, pointer)),
                Decoded::Unreadable(why) => {
                    out.faults.push((format!("{}{pointer}", places.of(index)), why));
                }
            }
        }
    }
    out.push(kind, Content::Items(Items { collection: collection.to_owned(), items, places, listing, opaque }));
}

/// Decodes every policy of an IAM item and tells what became of each that was not an object.
fn decode_policies(item: &mut Value, tell: &mut dyn FnMut(String, Decoded)) {
    let Value::Object(map) = item else { return };
    if let Some(trust) = map.get_mut("AssumeRolePolicyDocument") {
        match policy::decode(trust) {
            Decoded::Untouched => {}
            outcome => tell("/AssumeRolePolicyDocument".to_owned(), outcome),
        }
    }
    for (list, field) in [
        ("RolePolicyList", "PolicyDocument"),
        ("UserPolicyList", "PolicyDocument"),
        ("GroupPolicyList", "PolicyDocument"),
        ("PolicyVersionList", "Document"),
    ] {
        let Some(Value::Array(entries)) = map.get_mut(list) else { continue };
        for (index, entry) in entries.iter_mut().enumerate() {
            let Some(document) = entry.get_mut(field) else { continue };
            match policy::decode(document) {
                Decoded::Untouched => {}
                outcome => tell(format!("/{list}/{index}/{field}"), outcome),
            }
        }
    }
    for (list, below) in [("InstanceProfileList", true), ("Roles", false)] {
        let Some(Value::Array(entries)) = map.get_mut(list) else { continue };
        for (index, entry) in entries.iter_mut().enumerate() {
            if below {
                let Some(Value::Array(roles)) = entry.get_mut("Roles") else { continue };
                for (inner, role) in roles.iter_mut().enumerate() {
                    decode_policies(role, &mut |pointer, outcome| {
                        tell(format!("/{list}/{index}/Roles/{inner}{pointer}"), outcome);
                    });
                }
            } else {
                decode_policies(entry, &mut |pointer, outcome| tell(format!("/{list}/{index}{pointer}"), outcome));
            }
        }
    }
}
