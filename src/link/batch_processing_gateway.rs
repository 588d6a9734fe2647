//! Rollouts of a Batch Processing Gateway: its configuration, the clusters behind it, what is submitted to it.
//!
//! The gateway routes by its configuration alone: by weight, Spark version and queue. So the
//! configuration is taken apart by what a submission meets on its way: clusters, versions, images,
//! queues. Names are compared as the gateway does, without regard to case.
//!
//! Deliberately absent: the secrets that the configuration refers to. What stands for one is only
//! told apart by its form.

mod cluster;
mod entrance;
mod offer;
mod submission;

use super::gangs::{self, Route};
use super::reference::Index;
use super::{Draft, application, job};
use crate::estate::Estate;
use crate::known::{Told, Unknown};
use serde_json::{Value, json};

/// The queue of a submission that names none, and whose user has none.
const DEFAULT_QUEUE: &str = "poc";

/// Keys of queues and of clusters, which mean nothing at the top of the configuration.
const INNER_KEYS: &[&str] = &[
    "maxRunningMillis",
    "maxExecutorInstances",
    "secure",
    "driverNodeLabelKey",
    "driverNodeLabelValues",
    "executorNodeLabelKey",
    "executorNodeLabelValues",
    "executorSpotNodeLabelValues",
    "allowedZones",
    "zonePickerName",
    "weight",
    "masterUrl",
    "caCertDataSOPS",
    "userName",
    "userTokenSOPS",
    "timeoutMillis",
    "sparkApplicationNamespace",
    "sparkServiceAccount",
    "batchScheduler",
    "sparkVersions",
    "ttlSeconds",
];

/// Links one declared or inferred rollout.
pub(super) fn link(estate: &Estate, index: &Index, declaration: &Value, draft: &mut Draft) {
    job::jobs(estate, declaration, &["bpg-submission", "start-job-run"], draft);
    let (config, at) = match config(estate, declaration) {
        Ok(found) => found,
        Err(unknown) => {
            for name in ["config", "routable", "misplacedKeys", "numericVersions"] {
                draft.set(name, unknown.to_value());
            }
            submissions(draft);
            draft.set("name", "batch-processing-gateway");
            return;
        }
    };
    draft.set_at("config", config.clone(), at.clone());
    let submissions = submissions(draft);
    let parts = Parts { config, at: at.as_str() };
    let clusters: Vec<Draft> = parts
        .list("sparkClusters")
        .map(|(cluster, at)| cluster::link(estate, index, &parts, cluster, &at, &submissions))
        .collect();
    for field in ["region", "account"] {
        if let Some(text) = clusters.iter().find_map(|cluster| cluster.text(field)) {
            draft.set(field, text);
        }
    }
    let submitted: Vec<Draft> = submissions.iter().map(|(job, at)| submission::link(&parts, job, at)).collect();
    let mut routes = Vec::new();
    for ((job, at), submitted) in submissions.iter().zip(&submitted) {
        let by_id = job["clusterId"].told().is_some_and(|id| !id.is_empty());
        let ids = submitted.object.get(if by_id { "versionServedBy" } else { "servedBy" });
        let served = ids.and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        for ((settings, _), cluster) in parts.list("sparkClusters").zip(&clusters) {
            if served.contains(&Value::from(text(&settings["id"]))) {
                routes.push(Route { job, at: at.as_str(), settings, cluster });
            }
        }
    }
    gangs::behind_gateway(config, declaration, &routes, draft);
    let routable = parts.list("sparkClusters").filter(|(cluster, _)| takes(cluster));
    let routable = routable.map(|(cluster, at)| (text(&cluster["id"]), format!("{at}/id"))).collect();
    application::set_texts(draft, "routable", routable);
    draft.set_drafts("clusters", clusters);
    draft.set_drafts("images", offer::images(&parts));
    draft.set_drafts("versions", offer::versions(&parts));
    draft.set_drafts("queues", offer::queues(&parts));
    draft.set_drafts("secrets", offer::secrets(&parts));
    draft.set_drafts("submissions", submitted);
    let misplaced = INNER_KEYS.iter().filter(|key| !config[**key].is_null());
    application::set_texts(
        draft,
        "misplacedKeys",
        misplaced.map(|key| ((*key).to_owned(), format!("{at}/{key}"))).collect(),
    );
    numbers(&parts, draft);
    entrance::entrances(estate, draft);
    let name = estate.origins.find(&at).and_then(|origin| estate.sources.get(origin.source));
    let name = name.and_then(|source| source.path.rsplit(['/', '\\']).next());
    draft.set(
        "name",
        name.filter(|_| declaration["config"].told().is_none())
            .or(declaration["config"].told())
            .unwrap_or("batch-processing-gateway"),
    );
}

/// A rollout for each gateway's configuration.
pub(super) fn inferred(estate: &Estate) -> Vec<(Value, String)> {
    let gateways = estate.items("batchProcessingGateways").iter().enumerate();
    gateways
        .map(|(at, _)| {
            (json!({"system": "batch-processing-gateway", "gateway": at}), format!("/batchProcessingGateways/{at}"))
        })
        .collect()
}

/// The configuration that the rollout names: by its file, or the only one.
fn config<'e>(estate: &'e Estate, declaration: &Value) -> Result<(&'e Value, String), Unknown> {
    let all = estate.items("batchProcessingGateways");
    let place = |at: usize| format!("/batchProcessingGateways/{at}");
    let is_named = |at: usize| {
        let path = estate.origins.find(&place(at)).and_then(|origin| estate.sources.get(origin.source));
        let wanted = declaration["config"].told().unwrap_or_default().trim_start_matches("./");
        path.and_then(|source| source.path.strip_suffix(wanted))
            .is_some_and(|head| !wanted.is_empty() && (head.is_empty() || head.ends_with('/')))
    };
    let number = declaration["gateway"].as_u64().and_then(|at| usize::try_from(at).ok());
    let number = number.or_else(|| (0..all.len()).find(|at| is_named(*at))).or_else(|| (all.len() == 1).then_some(0));
    number.and_then(|at| Some((all.get(at)?, place(at)))).ok_or_else(|| Unknown {
        why: "the gateway's configuration was not given".into(),
        unblock: Some("set `config` to the gateway's Helm values in `sparkcheck.toml`".into()),
    })
}

/// The bodies of the submissions, with their places.
fn submissions(draft: &mut Draft) -> Vec<(Value, String)> {
    let jobs = draft.object.get("jobs").and_then(Value::as_array).cloned().unwrap_or_default();
    let place = |at: usize| {
        let inside = format!("/jobs/{at}");
        draft
            .aliases
            .iter()
            .find(|(from, _)| *from == inside)
            .map(|(_, to)| format!("{to}/request"))
            .unwrap_or_default()
    };
    let mut list = Vec::new();
    let mut native = Vec::new();
    for (at, job) in jobs.iter().enumerate() {
        if job["kind"] == "bpg-submission" {
            list.push((job["request"].clone(), place(at)));
        } else {
            native.push((text(&job["path"]), place(at)));
        }
    }
    application::set_texts(draft, "nativeJobRuns", native);
    list
}

/// The configuration and where it stands.
struct Parts<'c> {
    config: &'c Value,
    at: &'c str,
}

impl<'c> Parts<'c> {
    /// The items of one of its lists, with their places.
    fn list(&self, name: &'static str) -> impl Iterator<Item = (&'c Value, String)> + use<'c> {
        let at = format!("{}/{name}", self.at);
        let items = self.config[name].as_array().into_iter().flatten().enumerate();
        items.map(move |(index, item)| (item, format!("{at}/{index}")))
    }

    /// The ids of the clusters for which something holds; an unknown at the end where one of the fields
    /// that decide it is not known.
    fn ids(&self, fields: &[&str], is_one: impl Fn(&Value) -> bool) -> Vec<Value> {
        let mut ids = Vec::new();
        let mut more = Unknown::of(&self.config["sparkClusters"]);
        for (cluster, _) in self.list("sparkClusters") {
            if is_one(cluster) {
                ids.push(text(&cluster["id"]).into());
            }
            more = more.or_else(|| fields.iter().find_map(|field| Unknown::of(&cluster[*field])));
        }
        ids.extend(more.map(|unknown| unknown.to_value()));
        ids
    }

    /// The definition of a queue.
    fn queue(&self, name: &str) -> Option<(&'c Value, String)> {
        self.list("queues").find(|(queue, _)| same(&text(&queue["name"]), name))
    }

    /// The first image of a version, and of a type if one is asked for.
    fn image(&self, version: &str, kind: Option<&str>) -> Option<(&'c Value, String)> {
        self.list("sparkImages").find(|(image, _)| {
            same(&text(&image["version"]), version) && kind.is_none_or(|kind| has(&image["types"], kind))
        })
    }
}

/// A text, or a number as the gateway reads it; nothing for anything else.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    }
}

fn same(left: &str, right: &str) -> bool {
    left.eq_ignore_ascii_case(right)
}

/// Whether a list has a text.
fn has(list: &Value, wanted: &str) -> bool {
    list.as_array().into_iter().flatten().any(|item| same(&text(item), wanted))
}

/// The weight of a cluster, 0 where none is set; nothing where it is not known.
fn weight(cluster: &Value) -> Option<i64> {
    match &cluster["weight"] {
        Value::Null => Some(0),
        Value::String(text) => text.trim().parse().ok(),
        weight => weight.as_i64().or_else(|| Unknown::of(weight).is_none().then_some(0)),
    }
}

/// Whether applications may be sent to a cluster: not known counts as yes, so that nothing is said of it.
fn takes(cluster: &Value) -> bool {
    weight(cluster).is_none_or(|weight| weight > 0)
}

/// Spark versions that YAML read as numbers.
fn numbers(parts: &Parts<'_>, draft: &mut Draft) {
    let mut numbers = Vec::new();
    for (cluster, at) in parts.list("sparkClusters") {
        for (index, version) in cluster["sparkVersions"].as_array().into_iter().flatten().enumerate() {
            if version.is_number() {
                numbers.push((text(version), format!("{at}/sparkVersions/{index}")));
            }
        }
    }
    for (image, at) in parts.list("sparkImages") {
        if image["version"].is_number() {
            numbers.push((text(&image["version"]), format!("{at}/version")));
        }
    }
    application::set_texts(draft, "numericVersions", numbers);
}
