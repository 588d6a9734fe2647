//! Rollouts of a Spark operator: a cluster, a namespace, an operator, perhaps a gateway before it, applications.
//!
//! There are two operators, and a SparkApplication of one means nothing to the other. Which one a
//! rollout needs is told by its applications; a gateway writes those of Apache's.

mod watched;
mod webhook;

use super::application::{self, APACHE, KUBEFLOW};
use super::gangs::gangs;
use super::mounted::mounted;
use super::reference::{Found, Index, Wanted, lookup};
use super::{Draft, emr_on_eks, job, service_account};
use crate::arn::role_name;
use crate::estate::Estate;
use crate::known::{Told, Unknown};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Links one declared or inferred rollout.
pub(super) fn link(estate: &Estate, index: &Index, declaration: &Value, pointer: &str, draft: &mut Draft) {
    job::jobs(estate, declaration, &["gateway-submission"], draft);
    let mut declaration = declaration.clone();
    let submitted = estate.items("jobRequests").iter().enumerate().find_map(|(at, job)| {
        let namespace = job["request"]["namespace"].told().filter(|_| job["kind"] == "gateway-submission")?;
        Some((namespace.to_owned(), format!("/jobRequests/{at}/request/namespace")))
    });
    let from_job = submitted.filter(|_| declaration["namespace"].is_null());
    if let Some((namespace, _)) = &from_job {
        declaration["namespace"] = namespace.as_str().into();
    }
    emr_on_eks::cluster(estate, index, &declaration, pointer, draft);
    if let Some((namespace, at)) = from_job {
        draft.set_at("namespace", namespace, at);
    }
    let group = applications(estate, &declaration, draft);
    gateway(estate, &declaration, pointer, draft);
    operator(estate, &declaration, group, draft);
    watched::link(estate, &declaration, draft);
    if let Some(list) = draft.object.get("watchedNamespaces").and_then(Value::as_array) {
        let text = list.iter().filter_map(Told::told).collect::<Vec<_>>().join(",");
        draft.set("watchedText", text);
    }
    definition(estate, draft);
    webhook::link(estate, draft);
    accounts(estate, index, &declaration, pointer, draft);
    gangs(estate, &declaration, pointer, draft);
    let named = [draft.text("clusterName"), draft.text("namespace")].map(|name| name.unwrap_or("?").to_owned());
    draft.set("name", named.join("/"));
}

/// A rollout for each namespace with SparkApplications, and for what is to be submitted to a gateway.
pub(super) fn inferred(estate: &Estate) -> Vec<(Value, String)> {
    let mut found: BTreeMap<(String, String, String), String> = BTreeMap::new();
    let groups = estate.items("kubernetes");
    for (at, group) in groups.iter().enumerate() {
        let Some(cluster) = group["cluster"].told() else { continue };
        for list in ["sparkApplications", "scheduledSparkApplications"] {
            for (position, manifest) in group[list].as_array().into_iter().flatten().enumerate() {
                let api = manifest["apiVersion"].told().unwrap_or_default().split('/').next().unwrap_or_default();
                let namespace = manifest["metadata"]["namespace"].told().unwrap_or("default");
                found
                    .entry((cluster.to_owned(), namespace.to_owned(), api.to_owned()))
                    .or_insert_with(|| format!("/kubernetes/{at}/{list}/{position}"));
            }
        }
    }
    let mut clusters = groups.iter().filter_map(|group| group["cluster"].told());
    if let Some(cluster) = clusters.next().filter(|_| clusters.next().is_none()) {
        for (at, job) in estate.items("jobRequests").iter().enumerate() {
            if let Some(namespace) = job["request"]["namespace"].told().filter(|_| job["kind"] == "gateway-submission")
            {
                found
                    .entry((cluster.to_owned(), namespace.to_owned(), APACHE.to_owned()))
                    .or_insert_with(|| format!("/jobRequests/{at}"));
            }
        }
    }
    let several: BTreeSet<(String, String)> = {
        let mut seen = BTreeSet::new();
        found
            .keys()
            .map(|(cluster, namespace, _)| (cluster.clone(), namespace.clone()))
            .filter(|one| !seen.insert(one.clone()))
            .collect()
    };
    let rollouts = found.into_iter().map(|((cluster, namespace, group), pointer)| {
        let mut rollout =
            json!({"system": "spark-operator", "cluster": cluster, "namespace": namespace, "group": group});
        if several.contains(&(cluster.clone(), namespace.clone())) {
            let name = cluster.rsplit('/').next().unwrap_or_default();
            rollout["name"] = format!("{name}/{namespace} of {group}").into();
        }
        (rollout, pointer)
    });
    rollouts.collect()
}

/// What is to run in the namespace, and with it the operator's API group, where that is certain.
fn applications(estate: &Estate, declaration: &Value, draft: &mut Draft) -> Option<String> {
    let namespace = draft.text("namespace").unwrap_or_default().to_owned();
    let wanted = declaration["group"].told();
    let mut list = Vec::new();
    if wanted.is_none_or(|group| group == APACHE) {
        let jobs = draft.object.get("jobs").and_then(Value::as_array).cloned().unwrap_or_default();
        for (at, job) in jobs.iter().enumerate() {
            let is_here = job["request"]["namespace"].told().is_none_or(|of| of == namespace);
            let place = draft.aliases.iter().find(|(inside, _)| *inside == format!("/jobs/{at}"));
            if let Some((_, place)) = place.filter(|_| is_here) {
                list.push(application::of_gateway(&job["request"], &format!("{place}/request")));
            }
        }
    }
    if let Some((group, pointer)) = draft.text("clusterArn").and_then(|arn| estate.kubernetes(arn)) {
        for kind in ["sparkApplications", "scheduledSparkApplications"] {
            for (at, manifest) in group[kind].as_array().into_iter().flatten().enumerate() {
                let api = manifest["apiVersion"].told().unwrap_or_default().split('/').next().unwrap_or_default();
                let is_here = manifest["metadata"]["namespace"].told().unwrap_or("default") == namespace;
                if is_here && wanted.is_none_or(|group| group == api) && !application::has_ended(manifest) {
                    list.push(application::of_manifest(manifest, &format!("{pointer}/{kind}/{at}")));
                }
            }
        }
    }
    let group = list.first().and_then(|application| application.text("group")).or(wanted).map(str::to_owned);
    if let Some(cluster) = draft.text("clusterArn") {
        for application in &mut list {
            mounted(estate, cluster, &namespace, application);
        }
    }
    let of_group = |application: &&Draft| application.text("group") == group.as_deref();
    let versions: BTreeSet<String> =
        list.iter().filter(of_group).filter_map(|application| application.text("version").map(str::to_owned)).collect();
    draft.set("versions", versions.into_iter().collect::<Vec<_>>());
    draft.set_drafts("applications", list);
    group
}

/// The gateway's Deployment, where the rollout goes through one.
fn gateway(estate: &Estate, declaration: &Value, pointer: &str, draft: &mut Draft) {
    let has_submissions = draft.object.get("jobs").and_then(Value::as_array).is_some_and(|jobs| !jobs.is_empty());
    let namespace = match declaration["gateway-namespace"].told() {
        Some(namespace) => {
            draft.set_at("gatewayNamespace", namespace, format!("{pointer}/gateway-namespace"));
            namespace
        }
        None if has_submissions => {
            draft.set("gatewayNamespace", "spark-gateway");
            "spark-gateway"
        }
        None => return,
    };
    let Some(cluster_arn) = draft.text("clusterArn").map(str::to_owned) else { return };
    let wanted = Wanted { collection: "kubernetes.deployments", scope: &cluster_arn, namespace: Some(namespace) };
    let is_here = |deployment: &Value| deployment["metadata"]["namespace"].is(namespace);
    let is_gateway = |deployment: &Value| {
        is_here(deployment) && deployment["metadata"]["name"].told().is_some_and(|name| name.contains("gateway"))
    };
    let found = match lookup(estate, wanted, is_gateway) {
        // Whatever its name is, what runs in the gateway's own namespace is the gateway.
        Found::Nothing => lookup(estate, wanted, is_here),
        found => found,
    };
    ready(&found, "gatewayReadyReplicas", draft);
    if let Some(name) = found.value().and_then(|deployment| deployment["metadata"]["name"].told()) {
        draft.set("gatewayName", name);
    }
    draft.set_found("gateway", found);
}

/// The API group of the operator that a Deployment runs, by its image or name.
pub(super) fn group_of(deployment: &Value) -> Option<&'static str> {
    let name = deployment["metadata"]["name"].told().unwrap_or_default();
    if name.ends_with("-webhook") {
        return None;
    }
    let containers = deployment["spec"]["template"]["spec"]["containers"].as_array();
    let images = containers.into_iter().flatten().filter_map(|container| container["image"].told());
    images.chain([name]).find_map(|text| {
        if text.contains("spark-kubernetes-operator") {
            Some(APACHE)
        } else if text.contains("spark-operator") {
            Some(KUBEFLOW)
        } else {
            None
        }
    })
}

/// The Deployments of operators for an API group.
pub(super) fn operators<'e>(
    estate: &'e Estate,
    cluster_arn: &str,
    group: &'static str,
) -> impl Iterator<Item = (&'e Value, String)> + use<'e> {
    let of_cluster = estate.kubernetes(cluster_arn);
    let all = of_cluster.into_iter().flat_map(|(objects, pointer)| {
        let list = objects["deployments"].as_array().map_or(&[][..], Vec::as_slice);
        list.iter().enumerate().map(move |(at, deployment)| (deployment, format!("{pointer}/deployments/{at}")))
    });
    all.filter(move |(deployment, _)| group_of(deployment) == Some(group))
}

/// The operator's Deployment.
fn operator(estate: &Estate, declaration: &Value, group: Option<String>, draft: &mut Draft) {
    let Some(cluster_arn) = draft.text("clusterArn").map(str::to_owned) else { return };
    let namespace = declaration["operator-namespace"].told();
    let wanted = Wanted { collection: "kubernetes.deployments", scope: &cluster_arn, namespace };
    let is_here =
        |deployment: &Value| namespace.is_none_or(|namespace| deployment["metadata"]["namespace"].is(namespace));
    let any = || lookup(estate, wanted, |deployment| is_here(deployment) && group_of(deployment).is_some());
    let behind_gateway = draft.object.contains_key("gatewayNamespace");
    let group = group
        .or_else(|| behind_gateway.then(|| APACHE.to_owned()))
        .or_else(|| any().value().and_then(group_of).map(str::to_owned));
    let found = match &group {
        Some(group) => {
            lookup(estate, wanted, |deployment| is_here(deployment) && group_of(deployment) == Some(group.as_str()))
        }
        None => any(),
    };
    if behind_gateway && draft.object.get("versions").and_then(Value::as_array).is_none_or(Vec::is_empty) {
        draft.set("versions", vec!["v1"]);
    }
    match group {
        Some(group) => {
            // What the charts of the two operators call their things, for the commands of fixes.
            let (chart, setting, role) = if group == APACHE {
                ("spark/spark-kubernetes-operator", "workloadResources.namespaces.data", "spark-workload-clusterrole")
            } else {
                ("spark-operator/spark-operator", "spark.jobNamespaces", "edit")
            };
            draft.set("operatorChart", chart);
            draft.set("operatorWatchSetting", setting);
            draft.set("workloadRole", role);
            draft.set("group", group);
        }
        None => {
            let why = "nothing says which Spark operator the applications are for".into();
            let unblock = Some("add the SparkApplications, or what `kubectl get deployments -A -o json` prints".into());
            let unknown = Unknown { why, unblock };
            draft.set("group", unknown.to_value());
        }
    }
    ready(&found, "operatorReadyReplicas", draft);
    if let Some(deployment) = found.value() {
        for field in ["name", "namespace"] {
            let title = if field == "name" { "operatorName" } else { "operatorNamespace" };
            draft.set(title, deployment["metadata"][field].clone());
        }
        let metadata = &deployment["metadata"];
        let release = [
            &metadata["annotations"]["meta.helm.sh/release-name"],
            &metadata["labels"]["app.kubernetes.io/instance"],
            &metadata["name"],
        ];
        draft.set("operatorRelease", release.into_iter().find(|name| name.is_string()).cloned().unwrap_or_default());
        let image = deployment["spec"]["template"]["spec"]["containers"][0]["image"].told().unwrap_or_default();
        let tag = image
            .split('@')
            .next()
            .and_then(|image| image.rsplit('/').next()?.split_once(':'))
            .map_or("", |(_, tag)| tag);
        if let Some(ordinal) = application::ordinal(tag.trim_start_matches('v')) {
            draft.set("operatorVersion", tag);
            draft.set("operatorNumber", ordinal);
        }
    } else if let Some(namespace) = namespace {
        draft.set("operatorNamespace", namespace);
    }
    draft.set_found("operatorDeployment", found);
}

/// How many replicas of a Deployment are ready, where its status was printed.
fn ready(deployment: &Found<'_>, name: &str, draft: &mut Draft) {
    match deployment {
        Found::At(deployment, pointer) if deployment["status"].is_object() => {
            let ready = deployment["status"]["readyReplicas"].as_u64().unwrap_or(0);
            let field = if deployment["spec"]["replicas"] == 0 { "spec/replicas" } else { "status" };
            draft.set_at(name, ready, format!("{pointer}/{field}"));
        }
        Found::At(..) => {
            let why = "the status of the Deployment was not printed".into();
            let unknown = Unknown { why, unblock: Some("run `kubectl get deployments -A -o json`".into()) };
            draft.set(name, unknown.to_value());
        }
        Found::Nothing => {}
        Found::Unknown(unknown) => draft.set(name, unknown.to_value()),
    }
}

/// The definition of the operator's SparkApplication, the versions that it serves, and the other operator's.
fn definition(estate: &Estate, draft: &mut Draft) {
    let Some(cluster_arn) = draft.text("clusterArn").map(str::to_owned) else { return };
    let wanted = Wanted { collection: "kubernetes.customResourceDefinitions", scope: &cluster_arn, namespace: None };
    let of = |group: &str| {
        let name = format!("sparkapplications.{group}");
        lookup(estate, wanted, move |definition| definition["metadata"]["name"].is(&name))
    };
    let Some(group) = draft.text("group") else {
        let group = draft.object.get("group").cloned().unwrap_or_default();
        draft.set("definition", group);
        return;
    };
    let other = if group == APACHE { KUBEFLOW } else { APACHE };
    let (own, other_found) = (of(group), of(other));
    if let Found::At(definition, pointer) = &own {
        let versions = definition["spec"]["versions"].as_array().into_iter().flatten().enumerate();
        let served = versions.filter(|(_, version)| version["served"] == true).filter_map(|(at, version)| {
            Some((version["name"].told()?.to_owned(), format!("{pointer}/spec/versions/{at}/name")))
        });
        application::set_texts(draft, "servedVersions", served.collect());
    }
    draft.set("otherGroup", other);
    draft.set_found("definition", own);
    draft.set_found("otherDefinition", other_found);
}

/// The service accounts that drivers will run as.
fn accounts(estate: &Estate, index: &Index, declaration: &Value, pointer: &str, draft: &mut Draft) {
    let (Some(cluster_arn), Some(namespace)) = (draft.text("clusterArn"), draft.text("namespace")) else { return };
    let mut named: BTreeMap<String, String> = BTreeMap::new();
    let applications = draft.object.get("applications").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    for (at, application) in applications.iter().enumerate() {
        let Some(name) = application["runsAs"].told() else { continue };
        let inside = format!("/applications/{at}/runsAs");
        let place = draft.aliases.iter().find(|(from, _)| *from == inside).map(|(_, to)| to.clone());
        named.entry(name.to_owned()).or_insert_with(|| place.unwrap_or_default());
    }
    if let Some(name) = declaration["service-account"].told() {
        named.entry(name.to_owned()).or_insert_with(|| format!("{pointer}/service-account"));
    }
    let roles: Vec<Option<(String, Value)>> = applications
        .iter()
        .map(|application| executor_role(estate, cluster_arn, namespace, application))
        .collect();
    let accounts = named.into_iter().map(|(name, at)| {
        let mut account = service_account::link(estate, cluster_arn, namespace, &name, at);
        account.set("workloadRole", draft.object.get("workloadRole").cloned().unwrap_or("edit".into()));
        service_account::credentials(estate, index, draft, &mut account);
        account
    });
    let accounts = accounts.collect();
    draft.set_drafts("serviceAccounts", accounts);
    let applications = draft.object.get_mut("applications").and_then(Value::as_array_mut);
    for (application, found) in applications.into_iter().flatten().zip(roles) {
        if let Some((driver, executor)) = found {
            application["driverRole"] = driver.into();
            application["executorRole"] = executor;
        }
    }
}

/// The role of an application's driver, and whether its executors, which are to run as another account, have one.
fn executor_role(estate: &Estate, cluster: &str, namespace: &str, application: &Value) -> Option<(String, Value)> {
    let (driver, executor) = (application["runsAs"].told()?, application["executorAccount"].told()?);
    if driver == executor {
        return None;
    }
    let wanted = Wanted { collection: "kubernetes.serviceAccounts", scope: cluster, namespace: Some(namespace) };
    let account = |name: &str| {
        lookup(estate, wanted, |one| one["metadata"]["name"].is(name) && one["metadata"]["namespace"].is(namespace))
    };
    let role = |object: &Value| object["metadata"]["annotations"][service_account::ROLE_ARN].told().map(str::to_owned);
    let of_driver = account(driver).value().and_then(role)?;
    let associated = estate.items("eks.podIdentityAssociations").iter().any(|association| {
        association["namespace"].is(namespace) && association["serviceAccount"].is(executor)
    });
    let of_executor = match account(executor) {
        // That the account does not exist is for another rule.
        Found::Nothing => return None,
        Found::Unknown(unknown) => unknown.to_value(),
        Found::At(object, _) => match Unknown::of(&object["metadata"]["annotations"]) {
            Some(unknown) => unknown.to_value(),
            None if associated => "associated".into(),
            None => role(object).map_or_else(|| "none".into(), Value::from),
        },
    };
    Some((role_name(&of_driver).unwrap_or(&of_driver).to_owned(), of_executor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operators_by_image_and_name() {
        for (name, image, expected) in [
            ("spark-kubernetes-operator", "apache/spark-kubernetes-operator:0.5.0", Some(APACHE)),
            ("operator", "registry.example/mirror/spark-kubernetes-operator:1.0.0", Some(APACHE)),
            ("spark-operator-controller", "ghcr.io/kubeflow/spark-operator/controller:2.1.0", Some(KUBEFLOW)),
            ("spark-operator-webhook", "ghcr.io/kubeflow/spark-operator/controller:2.1.0", None),
            ("spark-operator-demo", "1.dkr.ecr.us-west-2.amazonaws.com/spark-operator:7.12.0", Some(KUBEFLOW)),
            ("coredns", "eks/coredns:1", None),
        ] {
            let deployment = json!({"metadata": {"name": name},
                "spec": {"template": {"spec": {"containers": [{"image": image}]}}}});
            assert_eq!(group_of(&deployment), expected, "{name}");
        }
    }
}
