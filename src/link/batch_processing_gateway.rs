//! Rollouts of a Batch Processing Gateway: its configuration, the clusters behind it, what is submitted to it.
//!
//! The gateway routes by its configuration alone: by weight, Spark version and queue. So the
//! configuration is taken apart by what a submission meets on its way: clusters, versions, images,
//! queues. Names are compared as the gateway does, without regard to case.
//!
//! Deliberately absent: the secrets that the configuration refers to. What stands for one is only
//! told apart by its form.

use super::application::{self, KUBEFLOW};
use super::gangs::{self, Route};
use super::reference::{Found, Index, Wanted, lookup, select};
use super::{Draft, emr_on_eks, job, service_account, spark_operator};
use crate::estate::Estate;
use crate::known::{Told, Unknown};
use crate::path::escape;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The account that EMR's chart makes for the operator.
const OPERATOR_ACCOUNT: &str = "emr-containers-sa-spark-operator";
/// The queue of a submission that names none, and whose user has none.
const DEFAULT_QUEUE: &str = "poc";
/// How many executors a queue allows that does not say.
const DEFAULT_EXECUTORS: u64 = 5000;
/// For how long a queue lets applications run that does not say.
const DEFAULT_RUNNING_MILLIS: u64 = 12 * 60 * 60 * 1000;

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
        .map(|(cluster, at)| self::cluster(estate, index, &parts, cluster, &at, &submissions))
        .collect();
    for field in ["region", "account"] {
        if let Some(text) = clusters.iter().find_map(|cluster| cluster.text(field)) {
            draft.set(field, text);
        }
    }
    let submitted: Vec<Draft> = submissions.iter().map(|(job, at)| submission(&parts, job, at)).collect();
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
    draft.set_drafts("images", images(&parts));
    draft.set_drafts("versions", versions(&parts));
    draft.set_drafts("queues", queues(&parts));
    draft.set_drafts("secrets", secrets(&parts));
    draft.set_drafts("submissions", submitted);
    let misplaced = INNER_KEYS.iter().filter(|key| !config[**key].is_null());
    application::set_texts(
        draft,
        "misplacedKeys",
        misplaced.map(|key| ((*key).to_owned(), format!("{at}/{key}"))).collect(),
    );
    numbers(&parts, draft);
    entrances(estate, draft);
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

/// One of the clusters behind the gateway.
fn cluster(
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
    emr_on_eks::cluster(estate, &declaration, at, &mut draft);
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

fn images(parts: &Parts<'_>) -> Vec<Draft> {
    let images = parts.list("sparkImages").map(|(image, at)| {
        let mut draft = Draft::default();
        let name = text(&image["name"]);
        if let Some(spark) = application::spark_of_image(&name) {
            draft.set_at("spark", spark, format!("{at}/name"));
        }
        if let Some(release) = application::release_of_image(&name) {
            draft.set("release", format!("emr-{release}"));
        }
        let version = text(&image["version"]);
        if version.matches('.').count() == 2 {
            draft.set_at("sparkRelease", application::number(&version), format!("{at}/version"));
        }
        let before = parts.list("sparkImages").take_while(|(_, other)| *other != at);
        let mut before = before.filter(|(other, _)| !name.is_empty() && self::text(&other["name"]) == name);
        if let Some((other, _)) = before.find(|(other, _)| minor(&other["version"]) != minor(&image["version"])) {
            let unknown = Unknown::of(&other["version"]).or_else(|| Unknown::of(&image["version"]));
            draft.set("otherVersion", unknown.map_or_else(|| text(&other["version"]).into(), |it| it.to_value()));
        }
        for field in ["name", "version", "types"] {
            if !image[field].is_null() {
                draft.set_at(field, image[field].clone(), format!("{at}/{field}"));
            }
        }
        draft
    });
    images.collect()
}

/// The first two numbers of a version, within which Spark stays compatible.
fn minor(version: &Value) -> Vec<String> {
    text(version).split('.').take(2).map(str::to_owned).collect()
}

/// The Spark versions that clusters offer, and the images for each.
fn versions(parts: &Parts<'_>) -> Vec<Draft> {
    let mut offered: BTreeMap<String, (String, Vec<String>)> = BTreeMap::new();
    for (cluster, at) in parts.list("sparkClusters") {
        for (index, version) in cluster["sparkVersions"].as_array().into_iter().flatten().enumerate() {
            let name = text(version);
            if !name.is_empty() {
                let first = || (format!("{at}/sparkVersions/{index}"), Vec::new());
                offered.entry(name.to_ascii_lowercase()).or_insert_with(first).1.push(text(&cluster["id"]));
            }
        }
    }
    let versions = offered.into_iter().map(|(name, (at, clusters))| {
        let mut draft = Draft::default();
        let image = parts.image(&name, None);
        draft.set_at("name", name, at);
        draft.set("clusters", clusters);
        match (image, Unknown::of(&parts.config["sparkImages"])) {
            (Some((image, at)), _) => draft.set_at("image", image["name"].clone(), format!("{at}/name")),
            (None, Some(unknown)) => draft.set("image", unknown.to_value()),
            (None, None) => {}
        }
        draft
    });
    versions.collect()
}

/// The queues that are defined or served.
fn queues(parts: &Parts<'_>) -> Vec<Draft> {
    let mut named: BTreeMap<String, String> = BTreeMap::new();
    named.insert(DEFAULT_QUEUE.to_owned(), format!("{}/sparkClusters", parts.at));
    for (queue, at) in parts.list("queues") {
        named.insert(text(&queue["name"]).to_ascii_lowercase(), format!("{at}/name"));
    }
    for (cluster, at) in parts.list("sparkClusters") {
        for (index, queue) in cluster["queues"].as_array().into_iter().flatten().enumerate() {
            named.entry(text(queue).to_ascii_lowercase()).or_insert_with(|| format!("{at}/queues/{index}"));
        }
    }
    named.retain(|name, _| !name.is_empty());
    let queues = named.into_iter().map(|(name, at)| {
        let mut draft = Draft::default();
        let parent = name.split('.').next().unwrap_or_default().to_owned();
        let served = parts.ids(&["queues", "weight"], |cluster| takes(cluster) && has(&cluster["queues"], &parent));
        if let Some((queue, at)) = parts.queue(&name) {
            draft.set_at("definition", queue.clone(), at.clone());
            if queue["secure"] == true {
                draft.set_at("secure", true, format!("{at}/secure"));
            }
        } else if let Some(unknown) = Unknown::of(&parts.config["queues"]) {
            draft.set("definition", unknown.to_value());
        }
        draft.set("isDefault", name == DEFAULT_QUEUE);
        draft.set_at("name", name, at);
        draft.set("servedBy", served);
        draft
    });
    queues.collect()
}

/// What the configuration has in place of its secrets.
fn secrets(parts: &Parts<'_>) -> Vec<Draft> {
    let mut list = Vec::new();
    let mut add = |name: String, is_secret: bool, value: &Value, at: &str| {
        let form: Value = match (value.as_str(), Unknown::of(value)) {
            (None | Some(""), None) => return,
            (Some(value), _) => form(value).into(),
            (None, Some(unknown)) => unknown.to_value(),
        };
        let mut draft = Draft::default();
        // The place is what holds the secret: a report that showed the value would spread it.
        let holder = at.rsplit_once('/').map_or(at, |(holder, _)| holder);
        draft.set_at("name", name, holder);
        draft.set("isSecret", is_secret);
        draft.set_at("form", form, holder);
        list.push(draft);
    };
    for (cluster, at) in parts.list("sparkClusters") {
        let id = text(&cluster["id"]);
        for (field, is_secret) in [("caCertDataSOPS", false), ("userTokenSOPS", true)] {
            add(format!("{field} of {id}"), is_secret, &cluster[field], &format!("{at}/{field}"));
        }
    }
    let at = parts.at;
    let password = &parts.config["dbStorageSOPS"]["password"];
    add("dbStorageSOPS.password".into(), true, password, &format!("{at}/dbStorageSOPS/password"));
    let tokens = parts.config["queueTokenSOPS"]["secrets"].as_array();
    for (index, secret) in tokens.into_iter().flatten().enumerate() {
        add(format!("queueTokenSOPS.secrets[{index}]"), true, secret, &format!("{at}/queueTokenSOPS/secrets"));
    }
    list
}

/// The form of what stands for a secret, as the gateway tells it.
fn form(value: &str) -> &'static str {
    if let Some(reference) = value.strip_prefix("k8s:secret:") {
        let parts: Vec<&str> = reference.split(':').collect();
        // Without a namespace it is the gateway's own.
        let whole = matches!(parts.as_slice(), [_, name, key] if !name.is_empty() && !key.is_empty());
        if whole { "a Kubernetes Secret" } else { "malformed" }
    } else if let Some(name) = value.strip_prefix("localhost:env:") {
        if name.is_empty() { "malformed" } else { "an environment variable" }
    } else if value.starts_with("plaintext:") {
        "plain text"
    } else {
        "literal"
    }
}

/// What a submission meets on its way.
fn submission(parts: &Parts<'_>, job: &Value, at: &str) -> Draft {
    let mut draft = Draft::default();
    draft.set_at("request", job.clone(), at);
    draft.set("name", text(&job["applicationName"]));
    let version = text(&job["sparkVersion"]);
    let of_version = |cluster: &Value| has(&cluster["sparkVersions"], &version);
    let given = job["type"].told().filter(|given| !given.is_empty());
    let class = job["mainClass"].told().filter(|class| !class.is_empty());
    let (kind, kind_at) = match (given, class) {
        (Some(given), _) => (given, "type"),
        (None, Some(_)) => ("Java", "mainClass"),
        (None, None) => ("Python", "mainApplicationFile"),
    };
    draft.set_at("type", kind, format!("{at}/{kind_at}"));
    let image = job["image"].told().filter(|image| !image.is_empty());
    match (image, parts.image(&version, Some(kind))) {
        (Some(image), _) => draft.set_at("image", image, format!("{at}/image")),
        (None, Some((image, at))) => draft.set_at("image", image["name"].clone(), format!("{at}/name")),
        (None, None) => {
            if let Some(unknown) = Unknown::of(&parts.config["sparkImages"]) {
                draft.set("image", unknown.to_value());
            }
        }
    }
    let by_id = job["clusterId"].told().filter(|id| !id.is_empty());
    // A submission to one cluster by its id passes over weights and queues.
    let candidates = match by_id {
        Some(id) => parts.ids(&["sparkVersions"], |cluster| cluster["id"].is(id) && of_version(cluster)),
        None => parts.ids(&["sparkVersions", "weight"], |cluster| takes(cluster) && of_version(cluster)),
    };
    draft.set_at("version", version.as_str(), format!("{at}/sparkVersion"));
    let version_served = !candidates.is_empty();
    draft.set("versionServedBy", candidates);
    let queue = job["queue"].told().filter(|queue| !queue.is_empty());
    let users = parts.list("queues").any(|(queue, _)| queue["users"].as_array().is_some_and(|users| !users.is_empty()));
    if by_id.is_some() || !version_served {
        return draft;
    }
    match queue {
        Some(queue) => draft.set_at("queue", queue, format!("{at}/queue")),
        None if users => {
            let why = "the submission names no queue, and some queues have users of their own".into();
            let unknown = Unknown { why, unblock: Some("name the `queue` in the submission".into()) };
            draft.set("queue", unknown.to_value());
            draft.set("servedBy", unknown.to_value());
            return draft;
        }
        None => draft.set_at("queue", DEFAULT_QUEUE, at),
    }
    let queue = queue.unwrap_or(DEFAULT_QUEUE);
    let parent = queue.split('.').next().unwrap_or_default();
    draft.set(
        "servedBy",
        parts.ids(&["sparkVersions", "queues", "weight"], |cluster| {
            takes(cluster) && of_version(cluster) && has(&cluster["queues"], parent)
        }),
    );
    if let Some((definition, queue_at)) = parts.queue(queue) {
        let limit = |field: &str, otherwise: u64| definition[field].as_u64().unwrap_or(otherwise);
        draft.set_at("maxExecutorInstances", limit("maxExecutorInstances", DEFAULT_EXECUTORS), queue_at.clone());
        draft.set_at("maxRunningMillis", limit("maxRunningMillis", DEFAULT_RUNNING_MILLIS), queue_at.clone());
        if definition["secure"] == true {
            draft.set_at("secure", true, format!("{queue_at}/secure"));
        }
    }
    let conf = |key: &str| (&job["sparkConf"][key], format!("{at}/sparkConf/{}", escape(key)));
    let instances = (&job["executor"]["instances"], format!("{at}/executor/instances"));
    let executors = [instances, conf("spark.executor.instances")].into_iter().filter_map(count).collect::<Vec<_>>();
    if let Some((executors, at)) = executors.into_iter().max_by_key(|(count, _)| count.as_u64().unwrap_or(u64::MAX)) {
        draft.set_at("executors", executors, at);
    }
    if let Some((millis, at)) = count(conf("bpg.maxRunningMillis")) {
        draft.set_at("runningMillis", millis, at);
    }
    draft
}

/// A number, also one that is written as a text or not known yet.
fn count((value, at): (&Value, String)) -> Option<(Value, String)> {
    let number = value.as_u64().or_else(|| value.as_str()?.trim().parse().ok());
    Some((number.map(Value::from).or_else(|| Some(Unknown::of(value)?.to_value()))?, at))
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

/// Whether a Deployment is the gateway itself.
fn is_gateway(deployment: &Value) -> bool {
    let name = deployment["metadata"]["name"].told().unwrap_or_default();
    let containers = deployment["spec"]["template"]["spec"]["containers"].as_array();
    let images = containers.into_iter().flatten().filter_map(|container| container["image"].told());
    let own = |text: &str| {
        let name = text.split('@').next().and_then(|text| text.rsplit('/').next()).unwrap_or_default();
        let name = name.split(':').next().unwrap_or_default();
        matches!(name, "bpg" | "batch-processing-gateway")
    };
    !name.contains("helper") && !name.contains("swagger") && (own(name) || images.into_iter().any(own))
}

/// The ways to the gateway from outside its cluster.
fn entrances(estate: &Estate, draft: &mut Draft) {
    let mut list = Vec::new();
    let mut more = None;
    let mut seen = false;
    for group in estate.items("kubernetes") {
        let Some(scope) = group["cluster"].told() else { continue };
        let deployments = Wanted { collection: "kubernetes.deployments", scope, namespace: None };
        let (gateways, _) = select(estate, deployments, is_gateway);
        for (gateway, _) in gateways {
            seen = true;
            let namespace = &gateway["metadata"]["namespace"];
            let within = |collection| Wanted { collection, scope, namespace: namespace.as_str() };
            let labels = &gateway["spec"]["template"]["metadata"]["labels"];
            let (services, services_more) = select(estate, within("kubernetes.services"), |service| {
                let selector = service["spec"]["selector"].as_object().filter(|selector| !selector.is_empty());
                service["metadata"]["namespace"].told() == namespace.told()
                    && selector.is_some_and(|selector| selector.iter().all(|(key, value)| labels[key] == *value))
            });
            let names: Vec<&Value> = services.iter().map(|(service, _)| &service["metadata"]["name"]).collect();
            let (ingresses, ingresses_more) = select(estate, within("kubernetes.ingresses"), |ingress| {
                ingress["metadata"]["namespace"].told() == namespace.told()
                    && backends(ingress).iter().any(|name| names.contains(name))
            });
            for (service, at) in services.iter().filter(|(service, _)| service["spec"]["type"] == "LoadBalancer") {
                list.push(entrance(service, "service", reach_of_service(service), None, at, scope));
            }
            for (ingress, at) in &ingresses {
                list.push(entrance(ingress, "ingress", reach_of_ingress(ingress), login(ingress), at, scope));
            }
            more = more.or(services_more).or(ingresses_more);
        }
    }
    if !seen {
        more = Some(Unknown {
            why: "the cluster in which the gateway runs is not shown".into(),
            unblock: Some("add what `kubectl get deployments,services,ingresses -A -o json` prints for it".into()),
        });
    }
    draft.set_drafts("entrances", list);
    if let (Some(more), Some(Value::Array(list))) = (more, draft.object.get_mut("entrances")) {
        list.push(more.to_value());
    }
}

fn entrance(object: &Value, kind: &str, reach: Value, login: Option<(Value, String)>, at: &str, scope: &str) -> Draft {
    let mut draft = Draft::default();
    let name = object["metadata"]["name"].told().unwrap_or_default();
    draft.set_at("name", format!("{kind}/{name}"), format!("{at}/metadata/name"));
    draft.set("kind", kind);
    draft.set("objectName", name);
    draft.set("namespace", object["metadata"]["namespace"].clone());
    draft.set("clusterArn", scope);
    draft.set("clusterName", scope.rsplit('/').next().unwrap_or(scope));
    let place = if kind == "service" { format!("{at}/spec/type") } else { format!("{at}/metadata/annotations") };
    draft.set_at("reach", reach, place);
    if let Some((login, key)) = login {
        draft.set_at("login", login, format!("{at}/metadata/annotations/{}", escape(&key)));
    }
    draft
}

/// The names of the services behind an ingress.
fn backends(ingress: &Value) -> Vec<&Value> {
    let spec = &ingress["spec"];
    let rules = spec["rules"].as_array().into_iter().flatten();
    let paths = rules.flat_map(|rule| rule["http"]["paths"].as_array().into_iter().flatten());
    paths
        .map(|path| &path["backend"])
        .chain([&spec["defaultBackend"]])
        .map(|backend| &backend["service"]["name"])
        .collect()
}

fn annotation<'v>(object: &'v Value, key: &str) -> Option<&'v str> {
    object["metadata"]["annotations"][key].told()
}

/// Whether ranges of addresses leave the internet out.
fn is_narrow<'v>(ranges: impl Iterator<Item = &'v str>) -> bool {
    let ranges: Vec<&str> = ranges.map(str::trim).filter(|range| !range.is_empty()).collect();
    !ranges.is_empty() && !ranges.iter().any(|range| matches!(*range, "0.0.0.0/0" | "::/0"))
}

/// How far a load balancer of a service reaches: `internet`, `network`, or it cannot be told.
fn reach_of_service(service: &Value) -> Value {
    let key = |name: &str| annotation(service, &format!("service.beta.kubernetes.io/aws-load-balancer-{name}"));
    let ranges = service["spec"]["loadBalancerSourceRanges"].as_array();
    let ranges = ranges
        .into_iter()
        .flatten()
        .filter_map(Told::told)
        .chain(key("source-ranges").into_iter().flat_map(|list| list.split(',')));
    let hosts = service["status"]["loadBalancer"]["ingress"].as_array();
    let is_internal = hosts
        .into_iter()
        .flatten()
        .any(|host| host["hostname"].told().is_some_and(|name| name.starts_with("internal-")));
    let by_controller =
        matches!(key("type"), Some("external" | "nlb-ip")) || service["spec"]["loadBalancerClass"].told().is_some();
    match key("scheme") {
        _ if is_narrow(ranges) => "network".into(),
        Some("internet-facing") => "internet".into(),
        Some(_) => "network".into(),
        None if is_internal || key("internal").is_some_and(|value| value != "false") => "network".into(),
        // The AWS Load Balancer Controller makes internal ones unless it is asked.
        None if by_controller => "network".into(),
        None => Unknown {
            why: "whether the load balancer faces the internet depends on the controller that made it".into(),
            unblock: Some("set the annotation `service.beta.kubernetes.io/aws-load-balancer-scheme`".into()),
        }
        .to_value(),
    }
}

/// The same of an ingress.
fn reach_of_ingress(ingress: &Value) -> Value {
    let key = |name: &str| annotation(ingress, &format!("alb.ingress.kubernetes.io/{name}"));
    let class =
        ingress["spec"]["ingressClassName"].told().or_else(|| annotation(ingress, "kubernetes.io/ingress.class"));
    let hosts = ingress["status"]["loadBalancer"]["ingress"].as_array();
    let is_internal = hosts
        .into_iter()
        .flatten()
        .any(|host| host["hostname"].told().is_some_and(|name| name.starts_with("internal-")));
    match (key("scheme"), class) {
        _ if is_internal || is_narrow(key("inbound-cidrs").into_iter().flat_map(|list| list.split(','))) => {
            "network".into()
        }
        (Some("internet-facing"), _) => "internet".into(),
        (Some(_), _) | (None, Some("alb")) => "network".into(),
        _ => Unknown {
            why: "whether the ingress faces the internet depends on its controller's load balancer".into(),
            unblock: Some("see the scheme of the ingress controller's load balancer".into()),
        }
        .to_value(),
    }
}

/// What makes callers of an ingress log in.
fn login(ingress: &Value) -> Option<(Value, String)> {
    let kinds = [
        ("alb.ingress.kubernetes.io/auth-type", &["oidc", "cognito"][..]),
        ("nginx.ingress.kubernetes.io/auth-type", &[][..]),
        ("nginx.ingress.kubernetes.io/auth-url", &[][..]),
        ("nginx.ingress.kubernetes.io/auth-tls-secret", &[][..]),
        ("alb.ingress.kubernetes.io/mutual-authentication", &[][..]),
    ];
    kinds.into_iter().find_map(|(key, values)| {
        let value = annotation(ingress, key)?;
        (values.is_empty() && value != "none" || values.contains(&value)).then(|| (value.into(), key.to_owned()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_secrets() {
        for (value, expected) in [
            ("k8s:secret:bpg:tokens:a", "a Kubernetes Secret"),
            ("k8s:secret::tokens:a", "a Kubernetes Secret"),
            ("k8s:secret:bpg:tokens", "malformed"),
            ("k8s:secret:bpg:tokens:", "malformed"),
            ("localhost:env:TOKEN", "an environment variable"),
            ("localhost:env:", "malformed"),
            ("plaintext:***", "plain text"),
            ("***", "literal"),
        ] {
            assert_eq!(form(value), expected, "{value}");
        }
    }

    #[test]
    fn how_far_entrances_reach() {
        let service = |annotations: Value, spec: Value| {
            reach_of_service(&json!({"metadata": {"annotations": annotations}, "spec": spec}))
        };
        let scheme = "service.beta.kubernetes.io/aws-load-balancer-scheme";
        assert_eq!(service(json!({scheme: "internet-facing"}), json!({})), "internet");
        assert_eq!(
            service(json!({scheme: "internet-facing"}), json!({"loadBalancerSourceRanges": ["10.0.0.0/8"]})),
            "network"
        );
        assert_eq!(
            service(json!({scheme: "internet-facing"}), json!({"loadBalancerSourceRanges": ["0.0.0.0/0"]})),
            "internet"
        );
        assert_eq!(service(json!({scheme: "internal"}), json!({})), "network");
        assert_eq!(
            service(json!({"service.beta.kubernetes.io/aws-load-balancer-type": "external"}), json!({})),
            "network"
        );
        assert!(Unknown::of(&service(json!({}), json!({}))).is_some());
        let ingress = |annotations: Value, class: &str| {
            reach_of_ingress(&json!({"metadata": {"annotations": annotations}, "spec": {"ingressClassName": class}}))
        };
        assert_eq!(ingress(json!({"alb.ingress.kubernetes.io/scheme": "internet-facing"}), "alb"), "internet");
        assert_eq!(ingress(json!({}), "alb"), "network");
        assert!(Unknown::of(&ingress(json!({}), "nginx")).is_some());
        for (key, value, expected) in [
            ("alb.ingress.kubernetes.io/auth-type", "oidc", true),
            ("alb.ingress.kubernetes.io/auth-type", "none", false),
            ("nginx.ingress.kubernetes.io/auth-url", "https://login.example", true),
            ("nginx.ingress.kubernetes.io/ssl-redirect", "true", false),
        ] {
            assert_eq!(login(&json!({"metadata": {"annotations": {key: value}}})).is_some(), expected, "{key}={value}");
        }
    }

    #[test]
    fn a_submission_meets_what_the_gateway_would_choose() {
        let config = json!({
            "sparkClusters": [
                {"id": "a", "weight": 1, "sparkVersions": ["3.5.6"], "queues": ["Dev"]},
                {"id": "b", "sparkVersions": ["3.5.6", "3.4.1"], "queues": ["poc"]},
            ],
            "sparkImages": [{"name": "i", "types": ["java"], "version": "3.5.6"}],
            "queues": [{"name": "dev", "maxExecutorInstances": 10}],
        });
        let parts = Parts { config: &config, at: "" };
        let meets =
            |job: Value, field: &str| submission(&parts, &job, "").object.get(field).cloned().unwrap_or_default();
        let job = json!({"sparkVersion": "3.5.6", "queue": "dev.team", "mainClass": "X"});
        assert_eq!(meets(job.clone(), "versionServedBy"), json!(["a"]));
        assert_eq!(meets(job.clone(), "servedBy"), json!(["a"]));
        assert_eq!(meets(job, "image"), "i");
        assert_eq!(meets(json!({"sparkVersion": "3.5.6"}), "image"), Value::Null);
        assert_eq!(meets(json!({"sparkVersion": "3.5.6"}), "queue"), "poc");
        assert_eq!(meets(json!({"sparkVersion": "3.5.6"}), "servedBy"), json!([]));
        assert_eq!(meets(json!({"sparkVersion": "3.4.1"}), "versionServedBy"), json!([]));
        assert_eq!(meets(json!({"sparkVersion": "3.4.1", "clusterId": "b"}), "versionServedBy"), json!(["b"]));
        assert_eq!(meets(json!({"sparkVersion": "3.5.6", "queue": "dev"}), "maxExecutorInstances"), 10);
    }
}
