//! The list protocol: pages, tokens that expire, servers that are busy, kinds that are not installed.
//!
//! A list that was begun is read to its end or given up with what is known of it; it never looks whole
//! without its last page.

use super::Options;
use super::failure::{Failure, Kind, innermost};
use crate::estate::Collection;
use crate::read::kubernetes;
use crate::redact;
use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Limited};
use kube::client::{Body, Client};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, timeout, timeout_at};

/// The most bytes that a page may have.
const PAGE_LIMIT: usize = 256 << 20;
/// The most pages of one list.
const PAGES: usize = 20_000;
/// How often a list is begun because its token expired, the last time in one piece.
const BEGINNINGS: usize = 3;

/// API groups that come with Kubernetes, and their version.
const VERSIONS: &[(&str, &str)] = &[
    ("", "v1"),
    ("apps", "v1"),
    ("rbac.authorization.k8s.io", "v1"),
    ("networking.k8s.io", "v1"),
    ("apiextensions.k8s.io", "v1"),
    ("scheduling.k8s.io", "v1"),
    ("storage.k8s.io", "v1"),
    ("admissionregistration.k8s.io", "v1"),
];

/// Kinds of which the rules need no more than the metadata: collection, kind.
const METADATA_ONLY: &[(&str, &str)] = &[("kubernetes.serviceAccounts", "ServiceAccountList")];

/// What came of a list.
#[derive(Debug)]
pub(super) struct Listed {
    /// `v1`, `apps/v1`.
    pub(super) version: String,
    /// `PodList`.
    pub(super) kind: String,
    /// The state of the cluster that was listed.
    pub(super) resource_version: String,
    pub(super) items: Vec<Value>,
    /// The one namespace that was listed.
    pub(super) namespace: Option<String>,
    /// Why it is not whole.
    pub(super) failure: Option<Failure>,
}

impl Listed {
    /// A list of which there is nothing.
    pub(super) fn lost(failure: Failure) -> Self {
        Self { failure: Some(failure), ..Self::empty("", "") }
    }

    fn empty(version: &str, kind: &str) -> Self {
        Self {
            version: version.to_owned(),
            kind: kind.to_owned(),
            resource_version: String::new(),
            items: Vec::new(),
            namespace: None,
            failure: None,
        }
    }
}

/// What a server said to a request.
enum Said {
    /// An object.
    Object(Value),
    /// There is no such kind.
    NoSuchKind,
    /// The token of the page is too old.
    Expired,
}

/// Asks one API server.
pub(super) struct Lister {
    client: Client,
    /// Its host, as it is shown.
    server: String,
    options: Options,
    deadline: Instant,
    in_flight: Semaphore,
    calls: Mutex<BTreeMap<String, usize>>,
    /// How many answers came, of whatever kind.
    answered: AtomicUsize,
    /// What keeps everything from being read, once it is known.
    hopeless: OnceLock<Failure>,
}

impl Lister {
    pub(super) fn new(client: Client, server: String, options: Options, deadline: Instant) -> Self {
        let in_flight = Semaphore::new(options.in_flight.max(1));
        Self {
            client,
            server,
            options,
            deadline,
            in_flight,
            calls: Mutex::new(BTreeMap::new()),
            answered: AtomicUsize::new(0),
            hopeless: OnceLock::new(),
        }
    }

    /// How many requests were made of each resource.
    pub(super) fn calls(&self) -> BTreeMap<String, usize> {
        self.calls.lock().map(|calls| calls.clone()).unwrap_or_default()
    }

    /// Lists a collection: one list for each group that has it, or for each namespace that may be listed.
    pub(super) async fn list(&self, collection: &'static Collection) -> Vec<Listed> {
        let (resource, groups) = kubernetes::resource(collection);
        let mut lists = Vec::new();
        let mut absent = 0;
        for group in &groups {
            let found = self.of_group(collection, resource, group).await;
            absent += usize::from(found.is_empty());
            lists.extend(found);
        }
        if absent == groups.len() {
            // No kind of that name is installed: the list is whole, and empty.
            let kind = kind_of(collection);
            lists.push(Listed {
                resource_version: "0".to_owned(),
                ..Listed::empty(&format!("{}/v1", groups.first().unwrap_or(&"")), &kind)
            });
        }
        lists
    }

    /// The lists of a group; none, if the group has no such kind.
    async fn of_group(&self, collection: &'static Collection, resource: &str, group: &str) -> Vec<Listed> {
        let versions = match VERSIONS.iter().find(|(known, _)| *known == group) {
            Some((_, version)) => vec![(*version).to_owned()],
            None => match self.versions(group).await {
                Ok(versions) => versions,
                Err(failure) => return vec![Listed::lost(failure)],
            },
        };
        let built_in = VERSIONS.iter().any(|(known, _)| *known == group);
        for version in versions {
            let base = if group.is_empty() { format!("/api/{version}") } else { format!("/apis/{group}/{version}") };
            let Some(listed) = self.pages(collection, &format!("{base}/{resource}"), resource).await else { continue };
            let denied = listed.failure.as_ref().is_some_and(|failure| failure.kind == Kind::Denied);
            if !denied || self.options.namespaces.is_empty() || cluster_wide(collection) {
                return vec![listed];
            }
            // All together are refused; those that matter may be permitted one by one.
            let mut lists = vec![listed];
            for namespace in self.options.namespaces.iter().filter(|name| plain(name)) {
                let path = format!("{base}/namespaces/{namespace}/{resource}");
                if let Some(of_one) = self.pages(collection, &path, resource).await
                    && of_one.failure.is_none()
                {
                    lists.push(Listed { namespace: Some(namespace.clone()), ..of_one });
                }
            }
            return lists;
        }
        if built_in {
            let why = format!("the API server does not know `{resource}`");
            let unblock = "see that the endpoint is the cluster's own".to_owned();
            return vec![Listed::lost(Failure::of(Kind::Lost, why, unblock))];
        }
        Vec::new()
    }

    /// The versions of a group, the preferred one first; none, if the group is not installed.
    async fn versions(&self, group: &str) -> Result<Vec<String>, Failure> {
        let answer = match self.get(&format!("/apis/{group}"), "application/json", group).await? {
            Said::Object(answer) => answer,
            Said::NoSuchKind | Said::Expired => return Ok(Vec::new()),
        };
        let named = |version: &Value| version.get("version").and_then(Value::as_str).map(str::to_owned);
        let mut versions: Vec<String> = answer.get("preferredVersion").and_then(named).into_iter().collect();
        for version in answer.get("versions").and_then(Value::as_array).into_iter().flatten().filter_map(named).take(20)
        {
            if !versions.contains(&version) && plain(&version) {
                versions.push(version);
            }
        }
        versions.retain(|version| plain(version));
        if versions.is_empty() {
            return Err(unreadable(&format!("/apis/{group}"), "it names no version"));
        }
        Ok(versions)
    }

    /// All pages of a list; `None` if there is no such kind.
    async fn pages(&self, collection: &'static Collection, path: &str, resource: &str) -> Option<Listed> {
        let metadata_only = METADATA_ONLY.iter().find(|(name, _)| *name == collection.name);
        let accept = match metadata_only {
            Some(_) => "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1, application/json",
            None => "application/json",
        };
        let mut listed = Listed::empty("v1", &kind_of(collection));
        for beginning in 1..=BEGINNINGS {
            listed = Listed::empty("v1", &kind_of(collection));
            let mut tokens = BTreeSet::new();
            let mut token = String::new();
            let restart = loop {
                // What changes faster than its pages can be read is asked for in one piece.
                let mut uri = match beginning {
                    BEGINNINGS => path.to_owned(),
                    _ => format!("{path}?limit={}", self.options.page),
                };
                if !token.is_empty() {
                    let encoded = percent_encoding::utf8_percent_encode(&token, percent_encoding::NON_ALPHANUMERIC);
                    let joint = if uri.contains('?') { '&' } else { '?' };
                    uri.push_str(&format!("{joint}continue={encoded}"));
                }
                let page = match self.get(&uri, accept, resource).await {
                    Ok(Said::Object(page)) => page,
                    Ok(Said::NoSuchKind) if token.is_empty() => return None,
                    Ok(Said::NoSuchKind) => break false,
                    Ok(Said::Expired) => break true,
                    Err(failure) => {
                        listed.failure = Some(failure.about(collection));
                        return Some(listed);
                    }
                };
                let next = match take(page, &mut listed, metadata_only.map(|(_, kind)| *kind)) {
                    Ok(next) => next,
                    Err(why) => {
                        listed.failure = Some(unreadable(path, why));
                        return Some(listed);
                    }
                };
                if next.is_empty() {
                    return Some(listed);
                }
                if tokens.len() >= PAGES || !tokens.insert(next.clone()) {
                    let why = format!("the pages of `{resource}` go around in a circle");
                    listed.failure = Some(Failure::of(Kind::Lost, why, format!("run `{}`", collection.command)));
                    return Some(listed);
                }
                token = next;
            };
            if !restart {
                break;
            }
        }
        let why = format!(
            "the list of `{resource}` changes faster than it can be read: its pages expired {BEGINNINGS} times"
        );
        listed.failure = Some(Failure::of(Kind::Lost, why, format!("run `{}`", collection.command)));
        Some(listed)
    }

    /// One request, repeated while the server is busy and there is time.
    async fn get(&self, uri: &str, accept: &str, resource: &str) -> Result<Said, Failure> {
        let mut wait = self.options.backoff;
        let mut last = None;
        for attempt in 0..self.options.attempts.max(1) {
            if let Some(failure) = self.hopeless.get() {
                return Err(failure.clone());
            }
            if attempt > 0 && timeout_at(self.deadline, sleep(wait)).await.is_err() {
                break;
            }
            let Ok(Ok(_permit)) = timeout_at(self.deadline, self.in_flight.acquire()).await else { break };
            if let Ok(mut calls) = self.calls.lock() {
                *calls.entry(resource.to_owned()).or_default() += 1;
            }
            let began = Instant::now();
            let answer = timeout_at(self.deadline, timeout(self.options.attempt, self.once(uri, accept))).await;
            let came = match &answer {
                Ok(Ok(Ok((status, body, _)))) => format!("{}, {} bytes", status.as_u16(), body.len()),
                Ok(Ok(Err(failure))) => failure.why.clone(),
                _ => "no answer in time".to_owned(),
            };
            let (of, millis) = (uri.split('?').next().unwrap_or(uri), began.elapsed().as_millis());
            tracing::debug!(target: "sparkcheck", "GET {of} of {}: {came}, {millis} ms", self.server);
            match answer {
                Ok(Ok(Ok((StatusCode::TOO_MANY_REQUESTS, _, after)))) => {
                    last = Some(busy("it is asked too often (429)"));
                    wait = after.unwrap_or(wait * 2);
                }
                Ok(Ok(Ok((status, body, after)))) if status.is_server_error() => {
                    let said = message(&body).map(|message| format!(": {message}")).unwrap_or_default();
                    last = Some(busy(&format!("it fails ({}){said}", status.as_u16())));
                    wait = after.unwrap_or(wait * 2);
                }
                Ok(Ok(Ok((status, body, _)))) => return self.said(uri, status, &body),
                Ok(Ok(Err(failure))) => {
                    // A server that has answered before may do so again.
                    let lost = failure.kind == Kind::Lost || self.answered() > 0;
                    if failure.kind == Kind::Unknown || !lost {
                        return Err(self.hopeless.get_or_init(|| failure).clone());
                    }
                    last = Some(Failure { kind: Kind::Lost, ..failure });
                    wait *= 2;
                }
                Ok(Err(_)) => {
                    let why = format!("no answer within {} s", self.options.attempt.as_secs_f32());
                    let failure = Failure::unreachable(&self.server, &why);
                    // Nobody has answered yet: nobody will.
                    if self.answered() == 0 {
                        return Err(self.hopeless.get_or_init(|| failure).clone());
                    }
                    last = Some(Failure { kind: Kind::Lost, ..failure });
                    wait *= 2;
                }
                Err(_) => break,
            }
        }
        Err(last.unwrap_or_else(|| {
            let why = format!("the cluster was not read within {} s", self.options.timeout.as_secs_f32());
            Failure::of(Kind::Lost, why, "run it again with more time".to_owned())
        }))
    }

    fn answered(&self) -> usize {
        self.answered.load(Ordering::Relaxed)
    }

    /// One request and its whole answer: status, body, and how long the server wants to be left alone.
    async fn once(&self, uri: &str, accept: &str) -> Result<(StatusCode, Bytes, Option<Duration>), Failure> {
        let request = Request::builder().method(Method::GET).uri(uri).header(header::ACCEPT, accept);
        let request = request.body(Body::empty()).map_err(|error| unreadable(uri, &error.to_string()))?;
        let response = self.client.send(request).await.map_err(|error| Failure::of_client(&self.server, &error))?;
        self.answered.fetch_add(1, Ordering::Relaxed);
        let status = response.status();
        let after = response.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        let body = Limited::new(response.into_body(), PAGE_LIMIT).collect().await;
        let body = body.map_err(|error| unreadable(uri, &format!("it ended early: {}", innermost(error.as_ref()))))?;
        Ok((status, body.to_bytes(), after.map(Duration::from_secs)))
    }

    /// What an answer means that the server will not change its mind about.
    fn said(&self, uri: &str, status: StatusCode, body: &[u8]) -> Result<Said, Failure> {
        match status {
            StatusCode::OK => match serde_json::from_slice(body) {
                Ok(object @ Value::Object(_)) => Ok(Said::Object(object)),
                Ok(_) => Err(unreadable(uri, "it is no object")),
                Err(error) => Err(unreadable(uri, &error.to_string())),
            },
            StatusCode::UNAUTHORIZED => Err(self.hopeless.get_or_init(Failure::unauthenticated).clone()),
            StatusCode::FORBIDDEN => {
                let why = message(body).unwrap_or_else(|| "the cluster refuses it (403 Forbidden)".to_owned());
                Err(Failure::of(Kind::Denied, why, String::new()))
            }
            StatusCode::GONE => Ok(Said::Expired),
            // Only an API server says it like this; others may stand in its place and know nothing at all.
            StatusCode::NOT_FOUND if body.trim_ascii() == b"404 page not found" || is_status(body) => {
                Ok(Said::NoSuchKind)
            }
            status => {
                let said = message(body).map(|message| format!(": {message}")).unwrap_or_default();
                Err(unreadable(uri, &format!("it is {}{said}", status.as_u16())))
            }
        }
    }
}

/// Moves the items of a page to the others, and gives the token of the next page.
fn take(mut page: Value, listed: &mut Listed, metadata_only: Option<&str>) -> Result<String, &'static str> {
    let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (kind, version) = (text(&page, "kind"), text(&page, "apiVersion"));
    if !kind.ends_with("List") || version.is_empty() {
        return Err("it is no list");
    }
    let metadata = page.get("metadata").cloned().unwrap_or_default();
    let items = match page.get_mut("items").map(Value::take) {
        Some(Value::Array(items)) => items,
        // An empty list of a custom kind may have none.
        Some(Value::Null) => Vec::new(),
        _ => return Err("it has no items"),
    };
    let partial = metadata_only.filter(|_| kind == "PartialObjectMetadataList");
    for mut item in items {
        if item.get("metadata").and_then(|metadata| metadata.get("name")).is_none_or(|name| !name.is_string()) {
            return Err("one of its items has no name");
        }
        if let (Some(_), Value::Object(item)) = (partial, &mut item) {
            item.remove("kind");
            item.remove("apiVersion");
        }
        listed.items.push(item);
    }
    match partial {
        Some(of) => of.clone_into(&mut listed.kind),
        None => (listed.kind, listed.version) = (kind, version),
    }
    listed.resource_version = text(&metadata, "resourceVersion");
    Ok(text(&metadata, "continue"))
}

/// The kind of a collection's list, for one that nobody printed.
fn kind_of(collection: &'static Collection) -> String {
    kubernetes::kind_of(collection.name.trim_start_matches("kubernetes."))
        .map_or_else(String::new, |(kind, _)| format!("{kind}List"))
}

fn cluster_wide(collection: &'static Collection) -> bool {
    kubernetes::cluster_wide(collection.name.trim_start_matches("kubernetes."))
}

/// Whether a name can stand in a path as it is.
fn plain(name: &str) -> bool {
    !name.is_empty()
        && name.len() < 254
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.'))
}

fn is_status(body: &[u8]) -> bool {
    serde_json::from_slice::<Value>(body).is_ok_and(|status| status["kind"] == "Status" && status["code"] == 404)
}

/// What a server says beside a status; it may quote what it was asked, and so is kept short.
fn message(body: &[u8]) -> Option<String> {
    let status: Value = serde_json::from_slice(body.get(..body.len().min(1 << 16))?).ok()?;
    let message: String = status.get("message")?.as_str()?.chars().take(300).collect();
    Some(redact::text(&message).into_owned())
}

fn busy(why: &str) -> Failure {
    Failure::of(Kind::Lost, format!("the API server gives no answer: {why}"), "run it again later".to_owned())
}

fn unreadable(uri: &str, why: &str) -> Failure {
    let path = uri.split('?').next().unwrap_or(uri);
    let unblock = format!("see what `kubectl get --raw '{path}'` prints, and run it again");
    Failure::of(Kind::Lost, format!("the answer to `{path}` cannot be read: {why}"), unblock)
}
