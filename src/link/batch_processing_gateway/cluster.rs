//! One of the clusters behind a gateway: what the gateway knows of it, and what stands in the cluster itself.

use super::{Parts, weight};
use crate::estate::Estate;
use crate::known::{Told, Unknown};
use crate::link::application::KUBEFLOW;
use crate::link::reference::{Found, Index, Wanted, lookup};
use crate::link::{Draft, emr_on_eks, service_account, spark_operator};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The account that EMR's chart makes for the operator.
const OPERATOR_ACCOUNT: &str = "emr-containers-sa-spark-operator";

/// One of the clusters behind the gateway.
pub(super) fn link(
    estate: &Estate,
    index: &Index,
    parts: &Parts<'_>,
    cluster: &Value,
    at: &str,
    submissions: &[(Value, String)],
) -> Draft {
    let mut draft = Draft::default();
    // Its name in the estate comes first, so that it can be told from its fellows.
    for field in ["id", "userName", "userTokenSOPS", "sparkServiceAccount", "eksCluster"] {
        if !cluster[field].is_null() {
            draft.set_at(field, cluster[field].clone(), format!("{at}/{field}"));
        }
    }
    match weight(cluster) {
        Some(weight) => {
            let field = if cluster["weight"].is_null() { "id" } else { "weight" };
            draft.set_at("weight", weight, format!("{at}/{field}"));
        }
        None => draft.set_at("weight", cluster["weight"].clone(), format!("{at}/weight")),
    }
    let before = parts.list("sparkClusters").take_while(|(_, other)| other != at);
    let (twins, unclear): (Vec<&Value>, Vec<&Value>) = before
        .map(|(other, _)| &other["id"])
        .filter(|id| **id == cluster["id"] || Unknown::of(id).is_some())
        .partition(|id| id.is_string());
    let unclear = unclear.into_iter().chain([&cluster["id"]]).find_map(Unknown::of);
    match unclear.filter(|_| twins.is_empty()) {
        Some(unknown) => draft.set("earlierTwins", unknown.to_value()),
        None => draft.set("earlierTwins", twins.len()),
    }
    let declaration = json!({"cluster": cluster["eksCluster"], "namespace": cluster["sparkApplicationNamespace"]});
    emr_on_eks::cluster(estate, index, &declaration, at, &mut draft);
    for (_, pointer) in &mut draft.aliases {
        for (from, to) in [("cluster", "eksCluster"), ("namespace", "sparkApplicationNamespace")] {
            if *pointer == format!("{at}/{from}") {
                *pointer = format!("{at}/{to}");
            }
        }
    }
    let fellows = parts.list("sparkClusters").filter(|(other, _)| !other["userName"].is_null());
    draft.set("fellowsSignIn", cluster["userName"].is_null() && fellows.count() > 0);
    let Some(cluster_arn) = draft.text("clusterArn").map(str::to_owned) else {
        draft.set("operatorAccount", OPERATOR_ACCOUNT);
        return draft;
    };
    let namespace = draft.text("namespace").map(str::to_owned);
    let wanted = Wanted { collection: "kubernetes.deployments", scope: &cluster_arn, namespace: None };
    let operator = lookup(estate, wanted, |deployment| spark_operator::group_of(deployment) == Some(KUBEFLOW));
    match &operator {
        Found::At(deployment, pointer) => {
            let account = &deployment["spec"]["template"]["spec"]["serviceAccountName"];
            if account.is_string() {
                let pointer = format!("{pointer}/spec/template/spec/serviceAccountName");
                draft.set_at("operatorAccount", account.clone(), pointer);
            }
        }
        // The account of EMR's own chart, whatever else is known of the cluster.
        Found::Nothing | Found::Unknown(_) => draft.set("operatorAccount", OPERATOR_ACCOUNT),
    }
    draft.set_found("operator", operator);
    let mut names: BTreeMap<String, String> = BTreeMap::new();
    let overrides: Vec<Option<&str>> =
        submissions.iter().map(|(job, _)| job["driver"]["serviceAccount"].told()).collect();
    if (overrides.is_empty() || overrides.contains(&None))
        && let Some(name) = cluster["sparkServiceAccount"].told()
    {
        names.insert(name.to_owned(), format!("{at}/sparkServiceAccount"));
    }
    for ((_, at), name) in submissions.iter().zip(overrides) {
        if let Some(name) = name {
            names.entry(name.to_owned()).or_insert_with(|| format!("{at}/driver/serviceAccount"));
        }
    }
    if let Some(namespace) = namespace {
        let accounts = names.into_iter().map(|(name, at)| {
            let mut account = service_account::link(estate, &cluster_arn, &namespace, &name, at);
            account.set("workloadRole", "edit");
            service_account::credentials(estate, index, &draft, &mut account);
            account
        });
        let accounts = accounts.collect();
        draft.set_drafts("serviceAccounts", accounts);
    }
    draft
}
