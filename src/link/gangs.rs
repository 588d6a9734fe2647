//! What of a rollout needs nodes, and what the cluster says of them.
//!
//! Each job that becomes pods stands here once, whatever brings it: a job request, or a SparkApplication. Beside them
//! stand the limits of NodePools with what is used of them, the instance types that node groups and NodePools name,
//! and the quotas of the namespace, where they were listed.

use super::application::{ordinal, set_texts};
use super::{Draft, draft_alias};
use crate::arn::Arn;
use crate::capacity::Demand;
use crate::capacity::quantity;
use crate::check::semantic::capacity::demand;
use crate::estate::Estate;
use crate::facts::instances::InstanceTypes;
use crate::known::{Told, Unknown};
use serde_json::{Map, Value, json};

/// Puts in the jobs that become pods, and what bounds them.
pub(super) fn gangs(estate: &Estate, declaration: &Value, pointer: &str, draft: &mut Draft) {
    if let Some(concurrent) = declaration["concurrent"].as_u64() {
        draft.set_at("concurrent", concurrent, format!("{pointer}/concurrent"));
    }
    if declaration["together"] == true {
        draft.set_at("together", true, format!("{pointer}/together"));
    }
    let rollout = json!({"release": draft.object.get("release"), "namespace": draft.object.get("namespace")});
    let mut list = Vec::new();
    for field in ["jobs", "applications"] {
        let items = draft.object.get(field).and_then(Value::as_array).cloned().unwrap_or_default();
        for (at, item) in items.iter().enumerate() {
            // What a gateway makes of a submission stands among the applications.
            if item["kind"] == "gateway-submission"
                || !item["request"]["status"].is_null()
                || Unknown::of(item).is_some()
            {
                continue;
            }
            let place = draft_alias(draft, &format!("/{field}/{at}"), "");
            let place =
                if place.is_empty() { draft_alias(draft, &format!("/{field}/{at}/request"), "") } else { place };
            list.push(gang(estate, item, &rollout, &place));
        }
    }
    draft.set_drafts("gangs", list);
    let Some((group, at)) = draft.text("clusterArn").and_then(|arn| estate.kubernetes(arn)) else { return };
    let (mut limits, mut types, mut spot) = (Vec::new(), Vec::new(), Vec::new());
    for (number, pool) in group["nodePools"].as_array().into_iter().flatten().enumerate() {
        let at = format!("{at}/nodePools/{number}");
        limits.extend(limits_of(pool, &at));
        let name = format!("NodePool `{}`", pool["metadata"]["name"].told().unwrap_or("?"));
        let requirements = pool.pointer("/spec/template/spec/requirements").and_then(Value::as_array);
        for (number, requirement) in requirements.into_iter().flatten().enumerate() {
            if requirement["key"] == "karpenter.sh/capacity-type"
                && requirement["operator"] == "In"
                && requirement["values"].as_array().is_some_and(|values| values.iter().any(|value| value == "spot"))
            {
                let pool = pool["metadata"]["name"].told().unwrap_or("?").to_owned();
                spot.push((pool, format!("{at}/spec/template/spec/requirements/{number}")));
            }
            if requirement["key"] == "node.kubernetes.io/instance-type" && requirement["operator"] == "In" {
                let at = format!("{at}/spec/template/spec/requirements/{number}/values");
                types.extend(named_types(&estate.instance_types, &requirement["values"], &name, &at));
            }
        }
    }
    let arn = draft.text("clusterArn").unwrap_or_default();
    for (number, nodegroup) in estate.items("eks.nodegroups").iter().enumerate() {
        let own = nodegroup["clusterName"].told().is_some_and(|name| arn.ends_with(&format!(":cluster/{name}")));
        if own {
            let name = format!("node group `{}`", nodegroup["nodegroupName"].told().unwrap_or("?"));
            let at = format!("/eks/nodegroups/{number}/instanceTypes");
            types.extend(named_types(&estate.instance_types, &nodegroup["instanceTypes"], &name, &at));
        }
    }
    let mut bounds = Vec::new();
    for kind in ["resourceQuotas", "limitRanges"] {
        for (number, object) in group[kind].as_array().into_iter().flatten().enumerate() {
            if object["metadata"]["namespace"].told() == draft.text("namespace") {
                let mut bound = Draft::default();
                bound.set_at("name", object["metadata"]["name"].clone(), format!("{at}/{kind}/{number}/metadata/name"));
                bounds.push(bound);
            }
        }
    }
    set_texts(draft, "spotPools", spot);
    draft.set_drafts("poolLimits", limits);
    draft.set_drafts("instanceTypes", types);
    draft.set_drafts("bounds", bounds);
}

/// A submission to a gateway, and one of the clusters to which it may be sent.
pub(super) struct Route<'r> {
    /// The submission, and where it stands.
    pub(super) job: &'r Value,
    pub(super) at: &'r str,
    /// What the gateway says of the cluster.
    pub(super) settings: &'r Value,
    /// What the estate has of it.
    pub(super) cluster: &'r Draft,
}

/// Puts in what a Batch Processing Gateway makes of submissions, once for each cluster to which it may send them.
pub(super) fn behind_gateway(config: &Value, declaration: &Value, routes: &[Route<'_>], draft: &mut Draft) {
    if let Some(concurrent) = declaration["concurrent"].as_u64() {
        draft.set("concurrent", concurrent);
    }
    let of = |route: &Route<'_>| {
        let mut gang = Draft::default();
        gang.aliases.push((String::new(), route.at.to_owned()));
        let id = route.settings["id"].told().unwrap_or("?");
        let name = route.job["applicationName"].told().unwrap_or("?");
        gang.set("name", format!("{name} on {id}"));
        gang.set("kind", "bpg-submission");
        gang.set_at("request", route.job.clone(), route.at);
        let part = |from: &Value, names: &[&str]| -> Value {
            names.iter().map(|name| ((*name).to_owned(), from[*name].clone())).collect::<Map<_, _>>().into()
        };
        let config = part(config, &["defaultSparkConf", "fixedSparkConf", "queues"]);
        gang.set("gateway", config);
        gang.set("settings", part(route.settings, &["sparkConf", "driver", "executor", "volumes"]));
        for name in ["clusterArn", "clusterName", "region", "namespace"] {
            if let Some(value) = route.cluster.object.get(name) {
                gang.set(name, value.clone());
            }
        }
        gang
    };
    draft.set_drafts("gangs", routes.iter().map(of).collect());
}

/// The service quotas of the rollout's account and region, as far as they were read, each with its place. What AWS
/// gives every account by default is not what this one has, and does not count.
pub(super) fn service_quotas<'e>(estate: &'e Estate, draft: &Draft) -> Vec<(&'e Value, String)> {
    let quotas = estate.items("serviceQuotas.quotas").iter().enumerate();
    let here = |quota: &Value| {
        let arn = quota["QuotaArn"].told().and_then(Arn::parse);
        arn.is_none_or(|arn| !arn.account.is_empty() && is_here(draft, &arn))
    };
    quotas.filter(|(_, quota)| here(quota)).map(|(at, quota)| (quota, format!("/serviceQuotas/quotas/{at}"))).collect()
}

/// Why the quotas of a service are not known for the rollout's account and region, where somebody asked for them and
/// was not told all. Where nobody asked, nothing is said of them.
pub(super) fn quotas_unread(estate: &Estate, draft: &Draft, service: &str) -> Option<Unknown> {
    let entries = estate.coverage.entries().iter().filter(|entry| entry.collection == "serviceQuotas.quotas");
    let mut here = entries
        .filter(|entry| Arn::parse(&entry.scope).is_some_and(|arn| arn.resource == service && is_here(draft, &arn)));
    let first = here.next()?;
    estate.incomplete("serviceQuotas.quotas", &first.scope, None)
}

/// Whether something stands in the rollout's account and region, as far as those are known.
fn is_here(draft: &Draft, arn: &Arn<'_>) -> bool {
    let same = |name: &str, own: &str| draft.text(name).is_none_or(|text| text == own || own.is_empty());
    same("region", arn.region) && same("account", arn.account)
}

/// The pod templates that the configuration of a job names and that were given, by name.
fn templates(estate: &Estate, demand: &Demand) -> Map<String, Value> {
    let mut found = Map::new();
    for name in demand.pods.iter().filter_map(|pod| pod.template.as_deref()) {
        if let Some(template) = template_named(estate, name) {
            found.insert(name.to_owned(), template.clone());
        }
    }
    found
}

/// The one pod template that was read from a file of this name. What is kept elsewhere (`s3://…`) may be another one.
fn template_named<'e>(estate: &'e Estate, name: &str) -> Option<&'e Value> {
    let name = name.strip_prefix("file://").unwrap_or(name);
    let name = name.trim_start_matches("./").trim_start_matches('/');
    if name.is_empty() || name.contains("://") || name.contains("${") {
        return None;
    }
    let mut found = None;
    for (at, group) in estate.items("kubernetes").iter().enumerate() {
        for (number, template) in group["podTemplates"].as_array().into_iter().flatten().enumerate() {
            let origin = estate.origins.find(&format!("/kubernetes/{at}/podTemplates/{number}"));
            let source = origin.and_then(|origin| estate.sources.get(origin.source));
            let is_named = source
                .and_then(|source| source.path.strip_suffix(name))
                .is_some_and(|head| head.is_empty() || head.ends_with('/'));
            if is_named && found.replace(template).is_some() {
                // Two files have the name.
                return None;
            }
        }
    }
    found
}

/// A job with what its configuration says of executors.
fn gang(estate: &Estate, item: &Value, rollout: &Value, place: &str) -> Draft {
    let mut gang = Draft::default();
    gang.aliases.push((String::new(), place.to_owned()));
    for field in ["kind", "name", "path"] {
        if !item[field].is_null() {
            gang.set(field, item[field].clone());
        }
    }
    let request = &item["request"];
    let name = request["name"].told().or_else(|| item["name"].told()).or_else(|| item["path"].told());
    gang.set("name", name.unwrap_or("?"));
    let inside = if item["kind"] == "spark-application" { place.to_owned() } else { format!("{place}/request") };
    gang.set_at("request", request.clone(), inside);
    let demand = demand(item, Some(rollout));
    let templates = templates(estate, &demand);
    if !templates.is_empty() {
        gang.set("templates", templates);
    }
    allocation(&demand, item, rollout, &mut gang);
    gang
}

/// Dynamic allocation: whether it is on, its bounds, and what keeps shuffle data.
fn allocation(demand: &Demand, item: &Value, rollout: &Value, gang: &mut Draft) {
    let setting = |name: &str| demand.conf.get(name).map(|text| text.trim());
    let on = |name: &str| setting(name).is_some_and(|text| text.eq_ignore_ascii_case("true"));
    // What is not stated may stand in a file that was not given.
    let missing = demand.unknown.first().map(|why| Unknown { why: why.clone(), unblock: None }.to_value());
    match (setting("spark.dynamicAllocation.enabled"), &missing) {
        (None, Some(unknown)) => gang.set("dynamicAllocation", unknown.clone()),
        _ => gang.set("dynamicAllocation", on("spark.dynamicAllocation.enabled")),
    }
    let mut bounds = Vec::new();
    for (field, name) in [("leastExecutors", "minExecutors"), ("mostExecutors", "maxExecutors")] {
        let text = setting(&format!("spark.dynamicAllocation.{name}"));
        match (text.map(str::parse::<u64>), &missing) {
            // Spark's own default, written out.
            (Some(Ok(number)), _) if number >= i32::MAX as u64 => {}
            (Some(Ok(number)), _) => {
                gang.set(field, number);
                bounds.push(number);
            }
            (Some(Err(_)), _) => {
                let why = format!("`spark.dynamicAllocation.{name}` is `{}`", text.unwrap_or_default());
                gang.set(field, Unknown { why, unblock: None }.to_value());
            }
            (None, Some(unknown)) => gang.set(field, unknown.clone()),
            (None, None) => {}
        }
    }
    if let [least, most] = bounds.as_slice() {
        gang.set("boundsInOrder", least <= most);
    }
    let version = rollout["release"]["spark"].told().or_else(|| item["sparkVersion"].told());
    let off = setting("spark.dynamicAllocation.shuffleTracking.enabled")
        .is_some_and(|text| text.eq_ignore_ascii_case("false"));
    let kept: Value = if on("spark.dynamicAllocation.shuffleTracking.enabled") {
        "tracking".into()
    } else if on("spark.shuffle.service.enabled") {
        "shuffle service".into()
    } else if on("spark.decommission.enabled") && on("spark.storage.decommission.shuffleBlocks.enabled") {
        "decommissioning".into()
    } else if setting("spark.shuffle.sort.io.plugin.class").is_some() || setting("spark.shuffle.manager").is_some() {
        "a shuffle plugin".into()
    } else if let Some(unknown) = missing {
        unknown
    } else if off {
        "nothing".into()
    } else {
        match version.and_then(ordinal) {
            // Since Spark 3.4 shuffles are tracked unless somebody turns it off.
            Some(number) if number >= 3004 => "tracking".into(),
            Some(_) => "nothing".into(),
            None => {
                let why = "the Spark version is not known, and tracking shuffles is a default since 3.4".into();
                let unblock = Some("set `spark.dynamicAllocation.shuffleTracking.enabled`".into());
                Unknown { why, unblock }.to_value()
            }
        }
    };
    gang.set("shuffleKeptBy", kept);
}

/// What is used of the limits of a NodePool, in percent.
fn limits_of(pool: &Value, at: &str) -> Vec<Draft> {
    let name = pool["metadata"]["name"].told().unwrap_or("?");
    let mut list = Vec::new();
    for (resource, limit) in pool["spec"]["limits"].as_object().into_iter().flatten() {
        let used = &pool["status"]["resources"][resource.as_str()];
        let number = |value: &Value| quantity::amount(value).filter(|amount| *amount >= 0);
        let mut entry = Draft::default();
        entry.set_at("limit", limit.clone(), format!("{at}/spec/limits/{}", crate::path::escape(resource)));
        entry.set("pool", name);
        entry.set("resource", resource.as_str());
        entry.set("used", used.clone());
        let percent = match (number(limit), number(used)) {
            (Some(0), _) => json!(100),
            (Some(limit), Some(used)) => {
                json!(i64::try_from(used.saturating_mul(100) / limit).unwrap_or(i64::MAX))
            }
            _ => {
                let why = format!("how much NodePool `{name}` uses of its limit on {resource} is not told");
                let unblock = Some("run `kubectl get nodepools -o json`".into());
                Unknown { why, unblock }.to_value()
            }
        };
        entry.set("percent", percent);
        list.push(entry);
    }
    list
}

/// The instance types in a list, with whether they are known.
fn named_types(types: &InstanceTypes, list: &Value, of: &str, at: &str) -> Vec<Draft> {
    let entries = list.as_array().into_iter().flatten().enumerate();
    let entry = |(number, value): (usize, &Value)| {
        let mut entry = Draft::default();
        entry.set_at("type", value.clone(), format!("{at}/{number}"));
        entry.set("of", of);
        match value.as_str() {
            // A text with a hole is no name yet, and no text either.
            Some(name) => {
                let known = types.exists(name);
                entry.set("known", known);
                if let Some(near) = if known { None } else { types.like(name) } {
                    entry.set("near", near);
                }
            }
            None => {
                let why = || Unknown { why: "the type is not filled in".to_owned(), unblock: None };
                entry.set("known", Unknown::of(value).unwrap_or_else(why).to_value());
            }
        }
        entry
    };
    entries.map(entry).collect()
}
