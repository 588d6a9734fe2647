//! The calls of a run, from the first to the last.

mod organization;
pub(super) mod roles;

use super::body::{self, Body};
use super::failure::Failure;
use super::reading::reading;
use super::send::Clients;
use super::session::{Place, Session};
use super::{Cluster, Live, Options, gap};
use crate::arn::{Arn, partition_of};
use crate::estate::Gap;
use crate::read::live::calls::{Call, Of, Service};
use crate::read::live::plan::Plan;
use crate::read::live::{Answers, Target};
use crate::read::refusal::Outcome;
use indicatif::{MultiProgress, ProgressBar};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

/// Pages that a list may have.
const PAGES: usize = 10_000;

/// One call to be made, of what.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) call: &'static Call,
    pub(super) session: usize,
    pub(super) account: String,
    pub(super) region: String,
    /// The cluster, virtual cluster, application or service around: its ARN and its name. What else a call names
    /// besides the item has no ARN.
    pub(super) inside: Option<(String, String)>,
    /// The id of the item itself.
    pub(super) item: Option<String>,
}

/// What came of it.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) asked: Asked,
    /// All pages that were answered, put together.
    pub(super) document: Option<Map<String, Value>>,
    pub(super) failure: Option<Failure>,
    pub(super) pages: usize,
}

/// A run.
pub(super) struct Run<'r> {
    options: &'r Options,
    plan: &'r Plan,
    sessions: Vec<Session>,
    places: Vec<Place>,
    deadline: Instant,
    clients: BTreeMap<(usize, String), Clients>,
    permits: BTreeMap<(Service, String, String), Arc<Semaphore>>,
    calls: JoinSet<Answer>,
    begun: BTreeSet<(&'static str, &'static str, String, String, String)>,
    answers: Vec<Answer>,
    /// The ARNs of the clusters that the run is about, with the session that reads each.
    clusters: BTreeMap<String, Place>,
    /// The host and path of each cluster's issuer.
    issuers: BTreeSet<String>,
    /// The OIDC providers that were listed.
    providers: Vec<(Asked, String)>,
    /// The roles that something names, and the accounts that tell of each only by itself.
    roles: BTreeSet<String>,
    one_by_one: BTreeMap<String, Place>,
    /// The targets that turned out to be somewhere.
    found: BTreeSet<String>,
    bars: BTreeMap<Service, ProgressBar>,
    progress: MultiProgress,
    gaps: Vec<Gap>,
}

impl<'r> Run<'r> {
    pub(super) fn new(
        options: &'r Options,
        plan: &'r Plan,
        sessions: Vec<Session>,
        places: Vec<Place>,
        deadline: Instant,
    ) -> Self {
        Self {
            options,
            plan,
            sessions,
            places,
            deadline,
            clients: BTreeMap::new(),
            permits: BTreeMap::new(),
            calls: JoinSet::new(),
            begun: BTreeSet::new(),
            answers: Vec::new(),
            clusters: BTreeMap::new(),
            issuers: BTreeSet::new(),
            providers: Vec::new(),
            roles: options.named_roles.iter().cloned().collect(),
            one_by_one: BTreeMap::new(),
            found: BTreeSet::new(),
            bars: BTreeMap::new(),
            progress: MultiProgress::new(),
            gaps: Vec::new(),
        }
    }

    /// Asks what needs no other answer.
    pub(super) fn begin(&mut self) {
        let mut accounts = BTreeSet::new();
        let mut firsts = Vec::new();
        for (number, session) in self.sessions.iter().enumerate() {
            if accounts.insert(session.account.clone()) {
                let place = self.places.iter().find(|place| place.session == number);
                let region = session.region.clone().or_else(|| place.map(|place| place.region.clone()));
                firsts.push(Place { session: number, region: region.unwrap_or_else(|| "us-east-1".to_owned()) });
            }
        }
        for call in &self.plan.calls {
            let places = match call.of {
                Of::Account if call.service != Service::Sts => firsts.clone(),
                // There is one answer in the whole document.
                Of::Region if call.operation == "GetBlockPublicAccessConfiguration" => {
                    self.places.iter().take(1).cloned().collect()
                }
                Of::Region | Of::Service(_) => self.places.clone(),
                _ => Vec::new(),
            };
            for place in places {
                let inside = match call.of {
                    Of::Service(code) => {
                        let (partition, account) = (partition_of(&place.region), self.account(place.session));
                        Some(format!("arn:{partition}:servicequotas:{}:{account}:{code}", place.region))
                            .map(|arn| (arn, code.to_owned()))
                    }
                    _ => None,
                };
                self.ask(call, &place, inside, None);
            }
        }
        for target in &self.options.targets {
            let arn = Arn::parse(target.text());
            if let Some(arn) = &arn
                && !self.sessions.iter().any(|session| session.account == arn.account)
            {
                let why = format!("no session is in account `{}`, where `{}` is", arn.account, target.text());
                let unblock = "add a `--profile` or an `--assume-role` of that account".to_owned();
                self.gaps.push(gap("eks.clusters", arn.account, why, unblock));
                self.found.insert(target.text().to_owned());
                continue;
            }
            let Target::Eks(name) = target else { continue };
            for place in self.places.clone() {
                match &arn {
                    Some(arn) if self.account(place.session) != arn.account || place.region != arn.region => {}
                    Some(_) => self.cluster(&place, name),
                    None => {
                        let arn = self.arn_of_cluster(&place, name);
                        self.cluster(&place, &arn);
                    }
                }
            }
        }
    }

    fn account(&self, session: usize) -> &str {
        self.sessions.get(session).map_or("", |session| session.account.as_str())
    }

    fn arn_of_cluster(&self, place: &Place, name: &str) -> String {
        let partition = partition_of(&place.region);
        format!("arn:{partition}:eks:{}:{}:cluster/{name}", place.region, self.account(place.session))
    }

    /// Asks everything about a cluster.
    fn cluster(&mut self, place: &Place, arn: &str) {
        if self.clusters.insert(arn.to_owned(), place.clone()).is_some() {
            return;
        }
        let name = arn.rsplit('/').next().unwrap_or_default().to_owned();
        for call in self.plan.calls.iter().filter(|call| call.of == Of::Cluster) {
            self.ask(call, place, Some((arn.to_owned(), name.clone())), None);
        }
    }

    /// Makes a call, once.
    fn ask(&mut self, call: &'static Call, place: &Place, inside: Option<(String, String)>, item: Option<String>) {
        let account = self.account(place.session).to_owned();
        let region = if call.service.is_global() { String::new() } else { place.region.clone() };
        let (arn, name) = inside.as_ref().map_or(("", ""), |(arn, name)| (arn.as_str(), name.as_str()));
        let of = format!("{arn}\n{name}\n{}", item.as_deref().unwrap_or_default());
        if !self.begun.insert((call.service.name(), call.operation, account.clone(), region.clone(), of)) {
            return;
        }
        let Some(session) = self.sessions.get(place.session) else { return };
        let key = (place.session, place.region.clone());
        let clients = self.clients.entry(key).or_insert_with(|| Clients::of(&session.config, &place.region)).clone();
        let at_once = if call.service.is_global() { 4 } else { 16 };
        let permits = self.permits.entry((call.service, account.clone(), region));
        let permits = Arc::clone(permits.or_insert_with(|| Arc::new(Semaphore::new(at_once))));
        let asked = Asked { call, session: place.session, account, region: place.region.clone(), inside, item };
        let bar =
            self.bars.entry(call.service).or_insert_with(|| self.progress.add(super::progress(call.service.name(), 0)));
        bar.inc_length(1);
        let deadline = self.deadline;
        self.calls.spawn(async move {
            // The semaphore is never closed, and the deadline holds for waiting, too.
            let permit = timeout_at(deadline, permits.acquire()).await;
            let answer = answer(asked, &clients, deadline).await;
            drop(permit);
            answer
        });
    }

    /// Waits for every answer, and asks what follows from it.
    pub(super) async fn carry_out(&mut self) {
        while let Some(answered) = self.calls.join_next().await {
            let Ok(answer) = answered else {
                let why = "a call ended without an answer".to_owned();
                self.gaps.push(gap("live", "", why, "report this, with `-v`".to_owned()));
                continue;
            };
            if let Some(bar) = self.bars.get(&answer.asked.call.service) {
                bar.inc(1);
            }
            self.follow(&answer);
            self.answers.push(answer);
        }
        for bar in self.bars.values() {
            bar.finish_and_clear();
        }
    }

    /// Asks what an answer makes it possible to ask.
    fn follow(&mut self, answer: &Answer) {
        let asked = &answer.asked;
        self.role_by_role(answer);
        let Some(document) = &answer.document else { return };
        let place = Place { session: asked.session, region: asked.region.clone() };
        let text = |item: &Value, key: &str| item.get(key).and_then(Value::as_str).map(str::to_owned);
        let listed = asked.call.lists.first().and_then(|list| document.get(*list)?.as_array());
        let items = listed.map_or(&[][..], Vec::as_slice);
        match (asked.call.service, asked.call.operation) {
            (Service::Eks, "ListClusters") if self.options.targets.is_empty() => {
                for name in items.iter().filter_map(Value::as_str) {
                    let arn = self.arn_of_cluster(&place, name);
                    self.cluster(&place, &arn);
                }
            }
            (Service::Eks, "DescribeCluster") => {
                let cluster = document.get("cluster").unwrap_or(&Value::Null);
                if let Some((arn, name)) = &asked.inside {
                    self.found.extend([arn.clone(), name.clone()]);
                }
                if let Some(issuer) = cluster.pointer("/identity/oidc/issuer").and_then(Value::as_str) {
                    self.issuers.insert(issuer.strip_prefix("https://").unwrap_or(issuer).to_owned());
                }
                self.providers_of_issuers();
            }
            (Service::Iam, "ListOpenIDConnectProviders") => {
                let arns: Vec<String> = items.iter().filter_map(|item| text(item, "Arn")).collect();
                self.providers.extend(arns.into_iter().map(|arn| (asked.clone(), arn)));
                self.providers_of_issuers();
            }
            (Service::EmrContainers, "ListVirtualClusters") => {
                for item in items {
                    let of_cluster = item.pointer("/containerProvider/id").and_then(Value::as_str);
                    let named = self.options.targets.iter().find(|target| {
                        matches!(target, Target::VirtualCluster(name)
                            if text(item, "id").as_ref() == Some(name) || text(item, "arn").as_ref() == Some(name))
                    });
                    if let (Some(named), Some(cluster)) = (named, of_cluster) {
                        self.found.insert(named.text().to_owned());
                        let arn = self.arn_of_cluster(&place, cluster);
                        self.cluster(&place, &arn);
                    }
                }
            }
            (Service::Organizations, _) => self.organization(answer),
            _ => {}
        }
        let (Some((id, arn)), Some(list)) = (asked.call.names, asked.call.lists.first()) else { return };
        let operation = asked.call.operation;
        let plan = self.plan;
        let next: Vec<&'static Call> = plan
            .calls
            .iter()
            .copied()
            .filter(|call| call.service == asked.call.service && call.of == Of::Each(operation))
            .filter(|call| call.operation != "GetOpenIDConnectProvider")
            .collect();
        for item in document.get(*list).and_then(Value::as_array).into_iter().flatten() {
            let Some(name) = (if id.is_empty() { item.as_str().map(str::to_owned) } else { text(item, id) }) else {
                continue;
            };
            if !self.is_about(asked.call, item, &place) {
                continue;
            }
            let around = match arn {
                _ if asked.call.service == Service::Organizations => None,
                "" => asked.inside.clone(),
                arn => text(item, arn).map(|arn| (arn, name.clone())),
            };
            for call in next.iter().filter(|call| plan.asks(call, &name)) {
                self.ask(call, &place, around.clone(), Some(name.clone()));
            }
        }
    }

    /// Whether the run is about an item that was listed.
    fn is_about(&mut self, call: &Call, item: &Value, place: &Place) -> bool {
        let text = |key: &str| item.get(key).and_then(Value::as_str).unwrap_or_default();
        let targets = &self.options.targets;
        let ended = ["TERMINATED"].contains(&text("state"));
        let is = |name: &str, keys: [&str; 3]| keys.iter().any(|key| text(key) == name);
        match (call.service, call.operation) {
            (Service::Organizations, _) => !organization::FULL_ACCESS.contains(&text("Id")),
            (Service::EmrContainers, "ListVirtualClusters") => {
                let cluster = item.pointer("/containerProvider/id").and_then(Value::as_str).unwrap_or_default();
                let arn = self.arn_of_cluster(place, cluster);
                !ended && (targets.is_empty() || self.clusters.contains_key(&arn))
            }
            (Service::EmrServerless, "ListApplications") => {
                let named = targets
                    .iter()
                    .find(|target| matches!(target, Target::Application(name) if is(name, ["id", "arn", "name"])));
                self.found.extend(named.map(|target| target.text().to_owned()));
                named.is_some() || (!ended && targets.is_empty())
            }
            (Service::Emr, "ListClusters") => {
                let named = targets
                    .iter()
                    .find(|target| matches!(target, Target::Emr(name) if is(name, ["Id", "ClusterArn", "Name"])));
                self.found.extend(named.map(|target| target.text().to_owned()));
                named.is_some() || targets.is_empty()
            }
            _ => true,
        }
    }

    /// Describes the providers that are for the issuer of a cluster that the run is about.
    fn providers_of_issuers(&mut self) {
        let plan = self.plan;
        let Some(call) = plan.calls.iter().find(|call| call.operation == "GetOpenIDConnectProvider") else { return };
        for (asked, arn) in self.providers.clone() {
            let url = arn.split_once(":oidc-provider/").map_or("", |(_, url)| url);
            if self.issuers.contains(url) || plan.demand.whole.contains("iam.openIDConnectProviders") {
                let place = Place { session: asked.session, region: asked.region };
                self.ask(call, &place, None, Some(arn));
            }
        }
    }

    /// Everything that was answered, in an order that does not depend on who was first.
    pub(super) fn finish(mut self, identities: Vec<Answer>) -> Live {
        for target in &self.options.targets {
            if !self.found.contains(target.text()) && !self.answers.iter().any(|answer| self.may_hide(answer, target)) {
                let why = format!("there is no `{}` in the accounts and regions that were read", target.text());
                let unblock = "check its name, `--profile` and `--region`".to_owned();
                self.gaps.push(gap("eks.clusters", "", why, unblock));
            }
        }
        let order = |asked: &Asked| {
            let place = (asked.account.clone(), asked.region.clone());
            let number = self.plan.calls.iter().position(|call| std::ptr::eq(*call, asked.call));
            (place, number, asked.inside.clone(), asked.item.clone())
        };
        let mut answers = std::mem::take(&mut self.answers);
        answers.sort_by_cached_key(|answer| order(&answer.asked));
        let mut calls: BTreeMap<String, usize> = BTreeMap::new();
        for answer in identities.iter().chain(&answers) {
            *calls.entry(answer.asked.call.to_string()).or_default() += answer.pages;
        }
        roles::together(&mut answers);
        let mut clusters = Vec::new();
        for answer in &answers {
            let described = answer.document.as_ref().and_then(|document| document.get("cluster"));
            let text = |pointer: &str| described.and_then(|it| it.pointer(pointer)?.as_str().map(str::to_owned));
            let session = self.sessions.get(answer.asked.session);
            if let (Some(arn), Some(name), Some(endpoint), Some(session)) =
                (text("/arn"), text("/name"), text("/endpoint"), session)
            {
                let certificate_authority = text("/certificateAuthority/data").unwrap_or_default();
                let config = session.config.clone();
                let region = answer.asked.region.clone();
                clusters.push(Cluster { arn, name, region, endpoint, certificate_authority, config });
            }
        }
        let targets =
            self.clusters.keys().cloned().chain(self.found.iter().filter(|name| name.starts_with("arn:")).cloned());
        let targets: BTreeSet<String> = targets.collect();
        let targets = if self.options.targets.is_empty() { Vec::new() } else { targets.into_iter().collect() };
        // The caller of the first session is the caller of the run.
        let answers = identities.into_iter().take(1).chain(answers);
        let mut readings: Vec<_> = answers
            .map(|answer| {
                let suffix = self.sessions.get(answer.asked.session).map_or("", |session| session.suffix.as_str());
                reading(answer, suffix)
            })
            .collect();
        if let Some(first) = readings.first_mut() {
            first.gaps.extend(self.gaps);
        }
        Live { answers: Answers { readings, targets }, clusters, calls: calls.into_iter().collect() }
    }

    /// Whether a call failed that might have shown a target.
    fn may_hide(&self, answer: &Answer, target: &Target) -> bool {
        let shows = match target {
            Target::Eks(_) => {
                answer.asked.call.service == Service::Eks && answer.asked.call.operation == "DescribeCluster"
            }
            Target::VirtualCluster(_) => answer.asked.call.operation == "ListVirtualClusters",
            Target::Application(_) => answer.asked.call.operation == "ListApplications",
            Target::Emr(_) => {
                answer.asked.call.service == Service::Emr && answer.asked.call.operation == "ListClusters"
            }
        };
        shows && answer.failure.as_ref().is_some_and(|failure| failure.outcome != Outcome::Absent)
    }
}

/// Makes a call to its last page.
async fn answer(asked: Asked, clients: &Clients, deadline: Instant) -> Answer {
    let begun = Instant::now();
    let mut document: Option<Map<String, Value>> = None;
    let mut failure = None;
    let mut pages = 0;
    let mut token = None;
    let mut seen = BTreeSet::new();
    loop {
        if pages == PAGES {
            failure = Some(Failure::unreadable("it has more pages than any list"));
            break;
        }
        let around = asked.inside.as_ref().map_or("", |(_, name)| name.as_str());
        let item = asked.item.as_deref().unwrap_or_default();
        let body = Body::default();
        let sent = timeout_at(deadline, clients.send(asked.call, around, item, token, &body)).await;
        pages += 1;
        let page = match sent {
            Err(_) => Err(Failure::late()),
            Ok(Err(failed)) => Err(failed),
            Ok(Ok(())) => body.document(asked.call.service).map_err(|why| Failure::unreadable(&why)),
        };
        let mut page = match page {
            Ok(page) => page,
            Err(failed) => {
                failure = Some(failed);
                break;
            }
        };
        token = body::next_page(&mut page);
        let is_list = asked.call.lists.is_empty()
            || asked.call.lists.iter().any(|list| page.get(*list).is_some_and(Value::is_array));
        if !is_list {
            failure = Some(Failure::unreadable("the list is not in it"));
            break;
        }
        match &mut document {
            None => document = Some(page),
            Some(whole) => {
                for list in asked.call.lists {
                    if let Some(Value::Array(more)) = page.remove(*list) {
                        let have = whole.entry(*list).or_insert_with(|| Value::Array(Vec::new()));
                        have.as_array_mut().into_iter().for_each(|have| have.extend(more.iter().cloned()));
                    }
                }
            }
        }
        match &token {
            None => break,
            Some(next) if !seen.insert(next.clone()) => {
                failure = Some(Failure::unreadable("the same page is named as the next one twice"));
                break;
            }
            Some(_) => {}
        }
    }
    let millis = begun.elapsed().as_millis();
    let outcome = failure.as_ref().map_or("answered", |failure| failure.why.as_str());
    let of = asked.item.as_deref().or(asked.inside.as_ref().map(|(_, name)| name.as_str()));
    let of = of.map(|of| format!(" of {of}")).unwrap_or_default();
    let many = if pages == 1 { "" } else { "s" };
    tracing::debug!(target: "sparkcheck", "{}{of} in {}/{}: {outcome}, {pages} page{many}, {millis} ms", asked.call, asked.account, asked.region);
    Answer { asked, document, failure, pages }
}
