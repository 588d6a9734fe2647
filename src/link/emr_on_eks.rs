//! Rollouts of EMR on EKS: a cluster, a namespace, an execution role, a submitter, jobs.

use super::access::needs;
use super::gangs::gangs;
use super::job::jobs;
use super::network::{Tenants, network};
use super::reference::{Found, Index, Wanted, is_role, lookup, select};
use super::release::{no_day, release};
use super::role::{execution_role, quotas, submitter};
use super::{Draft, draft_alias};
use crate::arn::{Arn, role_name};
use crate::estate::Estate;
use crate::facts;
use crate::iam::base36;
use crate::known::{Text, Told, Unknown};
use crate::read::yaml;
use rustc_hash::{FxHashMap, FxHashSet};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The role that the EMR containers service uses in the account.
const SERVICE_LINKED_ROLE: &str = "AWSServiceRoleForAmazonEMRContainers";

/// Links one declared or inferred rollout.
pub(super) fn link(estate: &Estate, index: &Index, declaration: &Value, pointer: &str, draft: &mut Draft) {
    cluster(estate, index, declaration, pointer, draft);
    jobs(estate, declaration, &["start-job-run", "sparkpilot-job"], draft);
    super::settings::of_jobs(draft);
    session(estate, declaration, draft);
    execution_role(estate, index, declaration, pointer, draft);
    submitter(estate, index, declaration, pointer, draft);
    virtual_clusters(estate, declaration, draft);
    oidc(estate, draft);
    pod_identity(estate, draft);
    credentials(declaration, pointer, draft);
    fargate(estate, draft);
    access(estate, index, draft);
    release(estate, declaration, pointer, draft);
    ended_run_pods(estate, index, draft);
    gangs(estate, declaration, pointer, draft);
    needs(estate, draft);
    quotas(estate, index, draft);
    let named = [draft.text("clusterName"), draft.text("namespace")].map(|name| name.unwrap_or("?").to_owned());
    draft.set("name", named.join("/"));
}

/// A rollout for each virtual cluster that runs, and for each role that its job runs use.
pub(super) fn inferred(estate: &Estate) -> Vec<(Value, String)> {
    let mut runs: FxHashMap<&str, Vec<&Value>> = FxHashMap::default();
    for run in estate.items("emrContainers.jobRuns") {
        if let Some(virtual_cluster) = run["virtualClusterId"].told() {
            runs.entry(virtual_cluster).or_default().push(run);
        }
    }
    let mut rollouts = Vec::new();
    for (at, virtual_cluster) in estate.items("emrContainers.virtualClusters").iter().enumerate() {
        let Some(arn) = virtual_cluster["arn"].told().and_then(Arn::parse) else { continue };
        let provider = &virtual_cluster["containerProvider"];
        let Some(cluster) = provider["id"]
            .told()
            .filter(|_| virtual_cluster["state"].is_null() || virtual_cluster["state"] == "RUNNING")
        else {
            continue;
        };
        let mut roles: Vec<(&str, &Value)> = Vec::new();
        for run in virtual_cluster["id"].told().and_then(|id| runs.get(id)).into_iter().flatten() {
            if let Some(role) = run["executionRoleArn"].told()
                && roles.iter().all(|(known, _)| *known != role)
            {
                roles.push((role, &run["releaseLabel"]));
            }
        }
        // A request of a script says as much as a run that was made.
        for job in estate.items("jobRequests") {
            let request = &job["request"];
            if let (Some(id), Some(role)) = (request["virtualClusterId"].told(), request["executionRoleArn"].told())
                && virtual_cluster["id"].told() == Some(id)
                && roles.iter().all(|(known, _)| *known != role)
            {
                roles.push((role, &request["releaseLabel"]));
            }
        }
        let base = json!({
            "system": "emr-on-eks",
            "cluster": format!("arn:{}:eks:{}:{}:cluster/{cluster}", arn.partition, arn.region, arn.account),
            "namespace": namespace_of(provider),
            "virtual-cluster": virtual_cluster["id"],
        });
        let pointer = format!("/emrContainers/virtualClusters/{at}");
        if roles.is_empty() {
            rollouts.push((base, pointer));
            continue;
        }
        let several = roles.len() > 1;
        for (role, release_label) in roles {
            let mut rollout = base.clone();
            rollout["execution-role"] = role.into();
            rollout["release-label"] = release_label.clone();
            if several {
                let namespace = rollout["namespace"].told().unwrap_or("?");
                let name = role_name(role).unwrap_or(role);
                rollout["name"] = format!("{cluster}/{namespace} as {name}").into();
            }
            rollouts.push((rollout, pointer.clone()));
        }
    }
    // An environment of SparkPilot names the cluster, the namespace and the role that submits.
    for (at, job) in estate.items("jobRequests").iter().enumerate().filter(|(_, job)| {
        job["kind"] == "sparkpilot-environment" && job["request"]["cluster"].told().and_then(Arn::parse).is_some()
    }) {
        let request = &job["request"];
        let mut rollout = json!({"system": "emr-on-eks", "job-paths": [job["path"]]});
        for key in ["cluster", "namespace", "submitter"] {
            if !request[key].is_null() {
                rollout[key] = request[key].clone();
            }
        }
        rollouts.push((rollout, format!("/jobRequests/{at}/request")));
    }
    rollouts
}

/// The namespace of a virtual cluster, or that it is not said.
fn namespace_of(provider: &Value) -> Value {
    let namespace = &provider["info"]["eksInfo"]["namespace"];
    if namespace.told().is_some_and(|name| !name.is_empty()) || Unknown::of(namespace).is_some() {
        return namespace.clone();
    }
    Unknown { why: "the virtual cluster does not say its namespace".into(), unblock: None }.to_value()
}

/// The cluster by its ARN, and with it partition, account and region.
pub(super) fn cluster(estate: &Estate, index: &Index, declaration: &Value, pointer: &str, draft: &mut Draft) {
    let declared = declaration["cluster"].told().unwrap_or_default();
    let by_name = || {
        let mut named = estate.items("eks.clusters").iter().filter(|cluster| cluster["name"].is(declared));
        named.next().filter(|_| named.next().is_none()).and_then(|cluster| cluster["arn"].told())
    };
    let text = if Arn::parse(declared).is_some() { Some(declared) } else { by_name() };
    let parts = text.and_then(|text| Some((text, Arn::parse(text)?)));
    let Some((text, arn)) = parts else {
        let unknown = Unknown {
            why: "the rollout names no cluster by its ARN".into(),
            unblock: Some("set `cluster` to the cluster's ARN in `sparkcheck.toml`".into()),
        };
        for name in ["cluster", "clusterArn", "issuer", "account", "region", "partition"] {
            draft.set(name, unknown.to_value());
        }
        return;
    };
    let name = arn.resource.strip_prefix("cluster/").unwrap_or(arn.resource);
    draft.set_at("clusterArn", text, format!("{pointer}/cluster"));
    draft.set_at("clusterName", name, format!("{pointer}/cluster"));
    for (field, value) in [("partition", arn.partition), ("account", arn.account), ("region", arn.region)] {
        draft.set_at(field, value, format!("{pointer}/cluster"));
    }
    let scope = arn.regional_scope();
    // Two files may each have a cluster of that name.
    let own =
        declaration["cluster-at"].told().and_then(|at| Some(Found::At(estate.document.pointer(at)?, at.to_owned())));
    let found = own.unwrap_or_else(|| index.cluster(estate, text, &scope));
    match &found {
        Found::At(cluster, at) => {
            match cluster["identity"]["oidc"]["issuer"].told() {
                Some(issuer) => {
                    let host_and_path = issuer.strip_prefix("https://").unwrap_or(issuer);
                    draft.set_at("issuer", host_and_path, format!("{at}/identity/oidc/issuer"));
                }
                None => draft.set("issuer", not_described(name).to_value()),
            }
            if let Some(version) = cluster["version"].told() {
                // The table begins with a version whose extended support has ended.
                let older = version
                    .strip_prefix("1.")
                    .and_then(|minor| minor.parse::<u32>().ok())
                    .is_some_and(|minor| minor < 28);
                match facts::eks_version(version) {
                    Some(version) => draft.set("kubernetesSupport", kubernetes_support(estate, &version)),
                    None if older && estate.document["sparkcheck"]["today"].is_string() => {
                        draft.set("kubernetesSupport", "ended");
                    }
                    None => {}
                }
            }
        }
        Found::Nothing | Found::Unknown(_) => draft.set("issuer", not_described(name).to_value()),
    }
    draft.set_found("cluster", found);
    if Unknown::of(&declaration["namespace"]).is_some() {
        draft.set_at("namespace", declaration["namespace"].clone(), format!("{pointer}/namespace"));
    }
    if let Some(namespace) = declaration["namespace"].told() {
        draft.set_at("namespace", namespace, format!("{pointer}/namespace"));
        let wanted = Wanted { collection: "kubernetes.namespaces", scope: text, namespace: None };
        draft.set_found("namespaceObject", lookup(estate, wanted, |object| object["metadata"]["name"].is(namespace)));
    }
    network(estate, node_subnets(estate, draft), Tenants::Instances, draft);
}

/// The subnets of the cluster's node groups, as far as they were described.
fn node_subnets(estate: &Estate, draft: &Draft) -> Vec<(String, String)> {
    let Some(cluster) = draft.text("clusterArn").and_then(Arn::parse) else { return Vec::new() };
    let name = cluster.resource.strip_prefix("cluster/").unwrap_or(cluster.resource);
    let mut subnets: Vec<(String, String)> = Vec::new();
    for (at, group) in estate.items("eks.nodegroups").iter().enumerate() {
        let arn = group["nodegroupArn"].as_str().and_then(Arn::parse);
        let is_here = group["clusterName"] == name
            && arn.is_some_and(|arn| arn.account == cluster.account && arn.region == cluster.region);
        for (number, id) in group["subnets"].as_array().into_iter().flatten().enumerate().filter(|_| is_here) {
            if let Some(id) = id.as_str().filter(|id| subnets.iter().all(|(known, _)| known != id)) {
                subnets.push((id.to_owned(), format!("/eks/nodegroups/{at}/subnets/{number}")));
            }
        }
    }
    subnets
}

fn not_described(cluster: &str) -> Unknown {
    Unknown {
        why: format!("cluster `{cluster}` was not described"),
        unblock: Some(format!("run `aws eks describe-cluster --name {cluster}`")),
    }
}

/// `standard`, `extended` or `ended`, on the day of the check.
fn kubernetes_support(estate: &Estate, version: &facts::EksVersion) -> Value {
    match estate.document["sparkcheck"]["today"].told() {
        None => no_day().to_value(),
        Some(today) if today <= version.standard_support_until => "standard".into(),
        Some(today) if today <= version.extended_support_until => "extended".into(),
        Some(_) => "ended".into(),
    }
}

/// The variables of a SparkPilot session, where the estate holds one. Nothing says that a rollout
/// which was only inferred is run from it.
fn session(estate: &Estate, declaration: &Value, draft: &mut Draft) {
    let environment = &estate.document["session"]["environment"];
    let is_sparkpilot = declaration["inferred"] != true
        && environment
            .as_object()
            .is_some_and(|variables| variables.keys().any(|name| name.starts_with("SPARKPILOT_")));
    if is_sparkpilot {
        draft.set_at("session", environment.clone(), "/session/environment");
    }
}

/// How many virtual clusters in one state are named that hold a namespace.
const HOLDERS: usize = 10;

/// The rollout's own virtual cluster, and those of others that hold its namespace.
fn virtual_clusters(estate: &Estate, declaration: &Value, draft: &mut Draft) {
    let (Some(cluster_arn), Some(namespace)) = (draft.text("clusterArn"), draft.text("namespace")) else { return };
    let Some(cluster) = Arn::parse(cluster_arn) else { return };
    let name = cluster.resource.strip_prefix("cluster/").unwrap_or(cluster.resource);
    let own = declaration["virtual-cluster"].told();
    let scope = cluster.regional_scope();
    let wanted = Wanted { collection: "emrContainers.virtualClusters", scope: &scope, namespace: None };
    let is_own = |virtual_cluster: &Value| {
        own.is_some_and(|own| ["id", "name", "arn"].iter().any(|key| virtual_cluster[*key].is(own)))
    };
    let in_account = |virtual_cluster: &Value| {
        virtual_cluster["arn"]
            .told()
            .and_then(Arn::parse)
            .is_some_and(|arn| arn.account == cluster.account && arn.region == cluster.region)
    };
    let (mut holders, more) = select(estate, wanted, |virtual_cluster| {
        let provider = &virtual_cluster["containerProvider"];
        provider["id"].is(name)
            && provider["info"]["eksInfo"]["namespace"].is(namespace)
            && in_account(virtual_cluster)
            && virtual_cluster["state"] != "TERMINATED"
            && !is_own(virtual_cluster)
    });
    // A namespace has one; of a change that gives it to hundreds, each would stand in all the others.
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    holders.retain(|(virtual_cluster, _)| {
        let count = counts.entry(virtual_cluster["state"].told().unwrap_or_default()).or_default();
        *count += 1;
        *count <= HOLDERS
    });
    let own_found = own.map(|_| lookup(estate, wanted, |candidate| is_own(candidate) && in_account(candidate)));
    let own_id = own_found.as_ref().and_then(|found| found.value()?["id"].told().map(str::to_owned));
    draft.set_list("namespaceHolders", holders, more);
    if let Some(own) = own {
        draft.set("virtualClusterDeclared", own);
    }
    if let Some(found) = own_found {
        draft.set_found("virtualCluster", found);
    }
    if let Some(id) = own_id {
        draft.set("virtualClusterId", id);
    }
}

/// The account's OIDC provider for the cluster's issuer, and providers for it elsewhere.
pub(super) fn oidc(estate: &Estate, draft: &mut Draft) {
    let (Some(issuer), Some(account), Some(partition)) =
        (draft.text("issuer"), draft.text("account"), draft.text("partition"))
    else {
        if let Some(unknown) = draft.object.get("issuer").and_then(Unknown::of) {
            draft.set("oidcProvider", unknown.to_value());
            draft.set_list("oidcProvidersElsewhere", Vec::new(), Some(unknown));
        }
        return;
    };
    let is_for_issuer = |provider: &Value| {
        let url = provider["Url"].told().unwrap_or_default();
        url.strip_prefix("https://").unwrap_or(url) == issuer
    };
    let is_here = |provider: &Value| {
        let arn = provider["Arn"].told().and_then(Arn::parse);
        arn.is_none_or(|arn| arn.account == account && arn.partition == partition)
    };
    let wanted = Wanted { collection: "iam.openIDConnectProviders", scope: account, namespace: None };
    let here = lookup(estate, wanted, |provider| is_for_issuer(provider) && is_here(provider));
    let (elsewhere, more) = select(estate, wanted, |provider| is_for_issuer(provider) && !is_here(provider));
    draft.set_found("oidcProvider", here);
    draft.set_list("oidcProvidersElsewhere", elsewhere, more);
}

/// The service accounts that EMR makes for the role, and their Pod Identity associations.
fn pod_identity(estate: &Estate, draft: &mut Draft) {
    let (Some(cluster_arn), Some(account), Some(namespace), Some(role)) =
        (draft.text("clusterArn"), draft.text("account"), draft.text("namespace"), draft.text("executionRoleName"))
    else {
        return;
    };
    let (role_arn, suffix) =
        (draft.text("executionRoleArn").unwrap_or_default(), base36::of(&Text::shown(role)).to_string());
    let accounts: Vec<Value> = ["client", "driver", "executor"]
        .iter()
        .map(|component| format!("emr-containers-sa-spark-{component}-{account}-{suffix}").into())
        .collect();
    let wanted = Wanted { collection: "eks.podIdentityAssociations", scope: cluster_arn, namespace: None };
    let (associations, more) = select(estate, wanted, |association| {
        let is_in_cluster = association["associationArn"].told().and_then(Arn::parse).is_none_or(|arn| {
            cluster_arn.ends_with(&format!(
                ":{}:cluster/{}",
                arn.account,
                association["clusterName"].told().unwrap_or_default()
            ))
        });
        is_in_cluster
            && association["namespace"].is(namespace)
            && (association["roleArn"].is(role_arn) || accounts.contains(&association["serviceAccount"]))
    });
    let agent = Wanted { collection: "eks.addons", scope: cluster_arn, namespace: None };
    let agent = lookup(estate, agent, |addon| {
        addon["addonName"] == "eks-pod-identity-agent"
            && draft.text("clusterName").is_none_or(|name| addon["clusterName"].is(name))
    });
    draft.set("roleSuffix", suffix);
    draft.set("serviceAccounts", accounts);
    draft.set_list("podIdentityAssociations", associations, more);
    draft.set_found("podIdentityAgent", agent);
}

/// How job pods get the role's credentials: `irsa` or `pod-identity`.
fn credentials(declaration: &Value, pointer: &str, draft: &mut Draft) {
    if let Some(declared) = declaration["credentials"].told() {
        draft.set_at("credentials", declared, format!("{pointer}/credentials"));
        return;
    }
    let associations = draft.object.get("podIdentityAssociations").and_then(Value::as_array);
    let (some, unknown) = associations.map_or((false, None), |list| {
        (list.iter().any(|one| Unknown::of(one).is_none()), list.iter().find_map(Unknown::of))
    });
    let trust = draft.object.get("executionRole").and_then(|role| role.get("AssumeRolePolicyDocument"));
    let trusts_pods = trust.is_some_and(|trust| trust.to_string().contains("pods.eks.amazonaws.com"));
    let value = match unknown {
        _ if some => "pod-identity".into(),
        None => "irsa".into(),
        Some(_) if trust.is_some() && !trusts_pods => "irsa".into(),
        Some(unknown) => unknown.to_value(),
    };
    draft.set("credentials", value);
}

/// The Fargate profile onto which every pod of the namespace comes, where pods are to have Pod Identity.
fn fargate(estate: &Estate, draft: &mut Draft) {
    if draft.text("credentials") != Some("pod-identity") {
        return;
    }
    let (Some(cluster), Some(name), Some(namespace)) =
        (draft.text("clusterArn"), draft.text("clusterName"), draft.text("namespace"))
    else {
        return;
    };
    let wanted = Wanted { collection: "eks.fargateProfiles", scope: cluster, namespace: None };
    let here = |profile: &Value| profile["clusterName"].is(name);
    let open = estate.items("eks.fargateProfiles").iter().filter(|profile| here(profile));
    let open = open.filter_map(|profile| Unknown::of(&profile["selectors"])).next();
    let (own, _) = select(estate, wanted, |profile| {
        let profiles = crate::capacity::fargate::profiles([profile]);
        here(profile) && crate::capacity::fargate::takes_all(&profiles, namespace).is_some()
    });
    draft.set_list("fargateTakers", own, open);
}

/// How the EMR service gets into the cluster, and what it may do in the namespace.
fn access(estate: &Estate, index: &Index, draft: &mut Draft) {
    let (Some(cluster_arn), Some(account), Some(partition), Some(namespace)) = (
        draft.text("clusterArn").map(str::to_owned),
        draft.text("account").map(str::to_owned),
        draft.text("partition").map(str::to_owned),
        draft.text("namespace").map(str::to_owned),
    ) else {
        let unknown = ["clusterArn", "namespace"].iter().find_map(|name| Unknown::of(draft.object.get(*name)?));
        for name in ["serviceLinkedRole", "accessBy", "accessEntry", "emrRoleBinding", "emrRole", "namespaceObject"] {
            if let Some(unknown) = &unknown {
                draft.set(name, unknown.to_value());
            }
        }
        return;
    };
    let in_cluster = |collection| Wanted { collection, scope: &cluster_arn, namespace: Some(&namespace) };

    draft.set_found("serviceLinkedRole", index.role_named(estate, &account, SERVICE_LINKED_ROLE));
    draft.set("mappedRoleArn", format!("arn:{partition}:iam::{account}:role/{SERVICE_LINKED_ROLE}"));

    let entry =
        lookup(estate, Wanted { collection: "eks.accessEntries", scope: &cluster_arn, namespace: None }, |entry| {
            is_role(&entry["principalArn"], &account, SERVICE_LINKED_ROLE)
                && draft
                    .text("clusterName")
                    .is_none_or(|name| entry["clusterName"].is_null() || entry["clusterName"].is(name))
        });
    let system = Wanted { collection: "kubernetes.configMaps", scope: &cluster_arn, namespace: Some("kube-system") };
    let config_map = lookup(estate, system, |map| {
        map["metadata"]["name"] == "aws-auth" && map["metadata"]["namespace"] == "kube-system"
    });
    // eksctl makes entries one by one, whatever else the ConfigMap holds.
    let single = select(estate, in_cluster("kubernetes.identityMappings"), |entry| {
        entry["rolearn"].told().and_then(role_name) == Some(SERVICE_LINKED_ROLE)
    });
    let mapping = match (mapping(&config_map), single.0.into_iter().next()) {
        (whole @ Mapping::At(..), _) | (whole, None) => whole,
        (_, Some((entry, pointer))) => Mapping::At(entry.clone(), pointer),
    };

    let cluster = draft.object.get("cluster");
    let mode = cluster.and_then(|cluster| match &cluster["accessConfig"]["authenticationMode"] {
        Value::String(mode) => Some(mode.clone()),
        // A cluster that was described without an access configuration is older than access entries.
        // One that was only listed says nothing.
        Value::Null => (cluster["name"].told().is_some()
            && (!cluster["version"].is_null() || !cluster["identity"].is_null()))
        .then(|| "CONFIG_MAP".to_owned()),
        _ => None,
    });
    let way = match (mode.as_deref(), &entry, &mapping) {
        (Some("CONFIG_MAP"), _, _) => json!("aws-auth"),
        (Some("API"), _, _) | (Some(_), Found::At(..), _) => json!("access-entry"),
        (Some(_), _, Mapping::At(..)) => json!("aws-auth"),
        (Some(_), Found::Unknown(unknown), _) => unknown.to_value(),
        (Some(_), _, Mapping::Unknown(unknown)) => unknown.to_value(),
        // EMR makes the entry itself when it creates the virtual cluster.
        (Some(_), Found::Nothing, Mapping::Nothing) if !draft.object.contains_key("virtualClusterDeclared") => {
            json!("created-with-virtual-cluster")
        }
        (Some(_), Found::Nothing, Mapping::Nothing) => json!("access-entry"),
        (None, _, _) => not_described(draft.text("clusterName").unwrap_or("?")).to_value(),
    };
    draft.set("accessBy", way);
    if let Some(mode) = mode {
        let at = draft_alias(draft, "/cluster", "/accessConfig/authenticationMode");
        draft.set_at("authenticationMode", mode, at);
    }
    draft.set_found("accessEntry", entry);
    match mapping {
        Mapping::At(value, pointer) => draft.set_at("awsAuthMapping", value, pointer),
        Mapping::Nothing => {}
        Mapping::Unknown(unknown) => draft.set("awsAuthMapping", unknown.to_value()),
    }
    draft.set_found("awsAuth", config_map);

    let user = draft
        .object
        .get("awsAuthMapping")
        .and_then(|mapping| mapping["username"].told())
        .unwrap_or("emr-containers")
        .to_owned();
    let in_namespace = |object: &Value| object["metadata"]["namespace"].is(&namespace);
    let binding = lookup(estate, in_cluster("kubernetes.roleBindings"), |binding| {
        in_namespace(binding)
            && binding["subjects"].as_array().is_some_and(|subjects| {
                subjects.iter().any(|subject| {
                    subject["kind"] == "User" && (subject["name"].is(&user) || subject["name"] == "emr-containers")
                })
            })
    });
    let bound = binding.value().map(|binding| &binding["roleRef"]);
    let role = match bound {
        Some(reference) if reference["kind"] == "ClusterRole" => {
            lookup(estate, in_cluster("kubernetes.clusterRoles"), |role| role["metadata"]["name"] == reference["name"])
        }
        Some(reference) => lookup(estate, in_cluster("kubernetes.roles"), |role| {
            in_namespace(role) && role["metadata"]["name"] == reference["name"]
        }),
        None => lookup(estate, in_cluster("kubernetes.roles"), |role| {
            in_namespace(role) && role["metadata"]["name"] == "emr-containers"
        }),
    };
    draft.set_found("emrRoleBinding", binding);
    draft.set_found("emrRole", role);
}

enum Mapping {
    At(Value, String),
    Nothing,
    Unknown(Unknown),
}

/// The entry of `mapRoles` for the service-linked role, by its name: path and account may be wrong.
fn mapping(config_map: &Found<'_>) -> Mapping {
    let (map, pointer) = match config_map {
        Found::At(map, pointer) => (map, pointer),
        Found::Nothing => return Mapping::Nothing,
        Found::Unknown(unknown) => return Mapping::Unknown(unknown.clone()),
    };
    let Some(text) = map["data"]["mapRoles"].told() else {
        return match Unknown::of(&map["data"]).or_else(|| Unknown::of(&map["data"]["mapRoles"])) {
            Some(unknown) => Mapping::Unknown(unknown),
            None => Mapping::Nothing,
        };
    };
    let pointer = format!("{pointer}/data/mapRoles");
    let entries = match yaml::documents(text) {
        (mut documents, None) if documents.len() == 1 => documents.swap_remove(0),
        (documents, None) if documents.is_empty() => Value::Null,
        _ => json!("broken"),
    };
    let entries = match entries {
        Value::Array(entries) => entries,
        Value::Null => Vec::new(),
        _ => {
            let why = "the `mapRoles` of ConfigMap `aws-auth` are not a YAML list".into();
            return Mapping::Unknown(Unknown { why, unblock: Some("mend `mapRoles`, or nobody gets in by it".into()) });
        }
    };
    let ours =
        entries.into_iter().find(|entry| entry["rolearn"].told().and_then(role_name) == Some(SERVICE_LINKED_ROLE));
    ours.map_or(Mapping::Nothing, |entry| Mapping::At(entry, pointer))
}

/// Pods that are left of job runs that have ended, and still hold resources.
fn ended_run_pods(estate: &Estate, index: &Index, draft: &mut Draft) {
    let (Some(cluster_arn), Some(namespace)) = (draft.text("clusterArn"), draft.text("namespace")) else { return };
    let wanted = Wanted { collection: "kubernetes.pods", scope: cluster_arn, namespace: Some(namespace) };
    let run_of = |pod: &Value| {
        let run = pod["metadata"]["labels"]["emr-containers.amazonaws.com/job.id"].told();
        run.filter(|_| !matches!(pod["status"]["phase"].told(), Some("Succeeded" | "Failed"))).map(str::to_owned)
    };
    let (pods, more) = select(estate, wanted, |pod| run_of(pod).is_some_and(|run| index.has_ended(&run)));
    // Whether a run that was not read has ended, nobody knows.
    let unread = || {
        let (own, _) = select(estate, wanted, |pod| {
            pod["metadata"]["namespace"] == namespace && run_of(pod).is_some_and(|run| !index.knows_run(&run))
        });
        let run = run_of(own.first()?.0)?;
        let unblock = Some("run `aws emr-containers list-job-runs` for the namespace's virtual cluster".into());
        Some(Unknown { why: format!("the state of job run `{run}` was not read"), unblock })
    };
    let more = more.or_else(unread);
    let runs: BTreeSet<&str> = pods
        .iter()
        .filter_map(|(pod, _)| pod["metadata"]["labels"]["emr-containers.amazonaws.com/job.id"].told())
        .collect();
    let more = more.or_else(|| unread_run(estate, wanted));
    draft.set("endedRuns", runs.into_iter().collect::<Vec<_>>());
    draft.set_list("endedRunPods", pods, more);
}

/// That a pod belongs to a job run of which nothing was read, so that it may have ended.
fn unread_run(estate: &Estate, wanted: Wanted<'_>) -> Option<Unknown> {
    let known: FxHashSet<&str> =
        estate.items("emrContainers.jobRuns").iter().filter_map(|run| run["id"].told()).collect();
    let run = |pod: &Value| pod["metadata"]["labels"]["emr-containers.amazonaws.com/job.id"].told().map(str::to_owned);
    let (pods, _) = select(estate, wanted, |pod| run(pod).is_some_and(|run| !known.contains(run.as_str())));
    let run = pods.first().and_then(|(pod, _)| run(pod))?;
    Some(Unknown {
        why: format!("job run `{run}`, to which pods belong, was not read"),
        unblock: Some("run `aws emr-containers list-job-runs`".into()),
    })
}
