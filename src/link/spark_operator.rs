//! Rollouts of a Spark operator: a cluster, a namespace, an operator, perhaps a gateway before it, applications.
//!
//! There are two operators, and a SparkApplication of one means nothing to the other. Which one a
//! rollout needs is told by its applications; a gateway writes those of Apache's.

use super::application::{self, APACHE, KUBEFLOW};
use super::gangs::gangs;
use super::mounted::mounted;
use super::reference::{Found, Index, Wanted, lookup};
use super::{Draft, emr_on_eks, job, service_account};
use crate::estate::Estate;
use crate::known::{Told, Unknown};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Where the configuration of Apache's operator stands in its ConfigMap.
const PROPERTIES: &str = "spark-operator.properties";
/// The property that names the namespaces it watches.
const WATCHED: &str = "spark.kubernetes.operator.watchedNamespaces";

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
    emr_on_eks::cluster(estate, &declaration, pointer, draft);
    if let Some((namespace, at)) = from_job {
        draft.set_at("namespace", namespace, at);
    }
    let group = applications(estate, &declaration, draft);
    gateway(estate, &declaration, pointer, draft);
    operator(estate, &declaration, group, draft);
    watched(estate, draft);
    if let Some(list) = draft.object.get("watchedNamespaces").and_then(Value::as_array) {
        let text = list.iter().filter_map(Told::told).collect::<Vec<_>>().join(",");
        draft.set("watchedText", text);
    }
    definition(estate, draft);
    webhook(estate, draft);
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

/// The operator's mutating webhook, whether it can be called, and whether it is called for the namespace.
fn webhook(estate: &Estate, draft: &mut Draft) {
    let Some(cluster_arn) = draft.text("clusterArn").map(str::to_owned) else { return };
    if draft.text("group") != Some(KUBEFLOW) {
        return;
    }
    let wanted =
        Wanted { collection: "kubernetes.mutatingWebhookConfigurations", scope: &cluster_arn, namespace: None };
    let of_operator = |webhook: &Value| {
        let service = webhook["clientConfig"]["service"]["name"].as_str().unwrap_or_default();
        let name = webhook["name"].as_str().unwrap_or_default();
        let for_pods = webhook["rules"]
            .as_array()
            .into_iter()
            .flatten()
            .any(|rule| rule["resources"].as_array().into_iter().flatten().any(|resource| resource == "pods"));
        for_pods && (service.contains("spark") || name.contains("sparkoperator"))
    };
    let found = lookup(estate, wanted, |configuration| {
        configuration["webhooks"].as_array().into_iter().flatten().any(of_operator)
    });
    if let Found::At(configuration, at) = &found {
        let webhooks = configuration["webhooks"].as_array();
        if let Some((number, webhook)) =
            webhooks.into_iter().flatten().enumerate().find(|(_, webhook)| of_operator(webhook))
        {
            let at = format!("{at}/webhooks/{number}");
            draft.set_at(
                "webhookCertificate",
                webhook["clientConfig"]["caBundle"].clone(),
                format!("{at}/clientConfig"),
            );
            let object = draft.object.get("namespaceObject").filter(|object| Unknown::of(object).is_none());
            let labels = object.map(|object| &object["metadata"]["labels"]);
            draft.set_at(
                "webhookSelects",
                selects(&webhook["namespaceSelector"], labels),
                format!("{at}/namespaceSelector"),
            );
        }
    }
    draft.set_found("webhook", found);
}

/// Whether a label selector selects an object with these labels; unknown where the labels are.
fn selects(selector: &Value, labels: Option<&Value>) -> Value {
    let equal = selector["matchLabels"].as_object().into_iter().flatten();
    let equal = equal.map(|(key, value)| (key.as_str(), "In", std::slice::from_ref(value)));
    let expressions = selector["matchExpressions"].as_array().into_iter().flatten().map(|expression| {
        let values = expression["values"].as_array().map_or(&[] as &[Value], Vec::as_slice);
        (expression["key"].as_str().unwrap_or_default(), expression["operator"].as_str().unwrap_or_default(), values)
    });
    let mut demands = equal.chain(expressions).peekable();
    if demands.peek().is_none() {
        return true.into();
    }
    let Some(labels) = labels else {
        let unblock = Some("run `kubectl get namespaces -o json`".into());
        return Unknown { why: "the labels of the namespace were not listed".into(), unblock }.to_value();
    };
    let holds = demands.all(|(key, operator, values)| {
        let label = labels.get(key);
        let is_among = label.is_some_and(|label| values.contains(label));
        match operator {
            "In" => is_among,
            "NotIn" => !is_among,
            "Exists" => label.is_some(),
            "DoesNotExist" => label.is_none(),
            _ => true,
        }
    });
    holds.into()
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

/// The namespaces that the operator watches; `*` for all.
fn watched(estate: &Estate, draft: &mut Draft) {
    let Some(cluster_arn) = draft.text("clusterArn").map(str::to_owned) else { return };
    let deployment = match draft.object.get("operatorDeployment") {
        None => return,
        Some(deployment) => deployment.clone(),
    };
    if let Some(unknown) = Unknown::of(&deployment) {
        draft.set("watchedNamespaces", unknown.to_value());
        return;
    }
    if draft.text("group") == Some(KUBEFLOW) {
        let at = draft.aliases.iter().find(|(inside, _)| inside == "/operatorDeployment").map(|(_, at)| at.clone());
        match of_arguments(&deployment) {
            Some(namespaces) => {
                let at = format!("{}/spec/template/spec/containers/0/args", at.unwrap_or_default());
                let texts = namespaces.into_iter().map(|namespace| (namespace, at.clone())).collect();
                application::set_texts(draft, "watchedNamespaces", texts);
            }
            None => {
                let why = "the arguments of the operator do not say which namespaces it watches".into();
                let unblock = Some("see the operator's `jobNamespaces` with `helm get values`".into());
                draft.set("watchedNamespaces", Unknown { why, unblock }.to_value());
            }
        }
        return;
    }
    let namespace = draft.text("operatorNamespace").unwrap_or_default().to_owned();
    let wanted = Wanted { collection: "kubernetes.configMaps", scope: &cluster_arn, namespace: Some(&namespace) };
    let in_namespace = |map: &Value| map["metadata"]["namespace"].is(&namespace);
    let config = lookup(estate, wanted, |map| in_namespace(map) && !map["data"][PROPERTIES].is_null());
    match &config {
        Found::At(map, at) => {
            let data = &map["data"];
            let at = format!("{at}/data/{PROPERTIES}");
            match (data[PROPERTIES].told(), Unknown::of(&data[PROPERTIES])) {
                (Some(text), _) => {
                    let properties = properties(text);
                    let is_dynamic = properties.get("spark.kubernetes.operator.dynamicConfig.enabled") == Some(&"true");
                    // A ConfigMap that is read while the operator runs has the last word.
                    let later = is_dynamic
                        .then(|| {
                            lookup(estate, wanted, |map| in_namespace(map) && map["data"][WATCHED].told().is_some())
                        })
                        .and_then(|found| match found {
                            Found::At(map, at) => Some((map["data"][WATCHED].told()?, format!("{at}/data/{WATCHED}"))),
                            Found::Nothing | Found::Unknown(_) => None,
                        });
                    let (value, at) = later.unwrap_or((properties.get(WATCHED).copied().unwrap_or("default"), at));
                    let texts = namespaces(value).into_iter().map(|namespace| (namespace, at.clone())).collect();
                    application::set_texts(draft, "watchedNamespaces", texts);
                }
                (None, unknown) => {
                    let why = "the operator's configuration is not a text".into();
                    let unknown = unknown.unwrap_or(Unknown { why, unblock: None });
                    draft.set("watchedNamespaces", unknown.to_value());
                }
            }
        }
        Found::Nothing => {
            let why = format!("no ConfigMap in `{namespace}` holds `{PROPERTIES}`");
            let unblock = Some(format!("see which ConfigMap the operator's Deployment in `{namespace}` mounts"));
            draft.set("watchedNamespaces", Unknown { why, unblock }.to_value());
        }
        Found::Unknown(unknown) => draft.set("watchedNamespaces", unknown.to_value()),
    }
    draft.set_found("operatorConfig", config);
}

/// The entries of a Java properties file, the last of a name counting.
fn properties(text: &str) -> BTreeMap<&str, &str> {
    let lines = text.lines().map(str::trim).filter(|line| !line.starts_with(['#', '!']));
    lines.filter_map(|line| line.split_once('=')).map(|(name, value)| (name.trim(), value.trim())).collect()
}

fn namespaces(list: &str) -> Vec<String> {
    let names: Vec<String> =
        list.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect();
    if names.is_empty() { vec!["*".to_owned()] } else { names }
}

/// The namespaces in the arguments of Kubeflow's operator: all of them where none are named.
fn of_arguments(deployment: &Value) -> Option<Vec<String>> {
    let container = &deployment["spec"]["template"]["spec"]["containers"][0];
    let arguments: Vec<&str> = container["args"].as_array()?.iter().filter_map(Told::told).collect();
    let mut named = None;
    for (at, argument) in arguments.iter().enumerate() {
        let flag = argument.trim_start_matches('-');
        let (flag, value) = flag.split_once('=').map_or((flag, None), |(flag, value)| (flag, Some(value)));
        if flag == "namespace-selector" {
            return None;
        }
        if argument.starts_with('-') && matches!(flag, "namespace" | "namespaces") {
            named = value.or_else(|| arguments.get(at + 1).copied());
        }
    }
    let list = named.unwrap_or_default().trim_matches('"');
    let names: Vec<&str> = list.split(',').map(str::trim).collect();
    Some(if names.iter().any(|name| name.is_empty()) {
        vec!["*".to_owned()]
    } else {
        names.into_iter().map(str::to_owned).collect()
    })
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
    let accounts = named.into_iter().map(|(name, at)| {
        let mut account = service_account::link(estate, cluster_arn, namespace, &name, at);
        account.set("workloadRole", draft.object.get("workloadRole").cloned().unwrap_or("edit".into()));
        service_account::credentials(estate, index, draft, &mut account);
        account
    });
    let accounts = accounts.collect();
    draft.set_drafts("serviceAccounts", accounts);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn namespaces_that_are_watched() {
        let text = "# comment\n spark.kubernetes.operator.watchedNamespaces = a, b ,\n!x=y\n";
        assert_eq!(namespaces(properties(text)[WATCHED]), ["a", "b"]);
        assert_eq!(namespaces("*"), ["*"]);
        assert_eq!(namespaces(" "), ["*"]);
        let arguments = |arguments: &[&str]| {
            of_arguments(&json!({"spec": {"template": {"spec": {"containers": [{"args": arguments}]}}}}))
        };
        for (given, expected) in [
            (&["controller", "start", "--namespaces=a,b"][..], Some(vec!["a", "b"])),
            (&["controller", "start", "--namespaces=\"\""], Some(vec!["*"])),
            (&["-namespace", "a"], Some(vec!["a"])),
            (&["-v=2"], Some(vec!["*"])),
            (&["--namespaces=a", "--namespace-selector=team=x"], None),
        ] {
            let expected = expected.map(|names: Vec<&str>| names.into_iter().map(str::to_owned).collect::<Vec<_>>());
            assert_eq!(arguments(given), expected, "{given:?}");
        }
        assert_eq!(of_arguments(&json!({})), None);
    }

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
