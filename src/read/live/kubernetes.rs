//! Kubernetes as it is now: the lists of a cluster, asked of its API server.
//!
//! Only kinds that the rules need are listed, in pages, and what comes back goes the way of an exported
//! list: the same secrets stay behind, the same completeness is claimed, and only where the last page
//! was seen. What an API server refuses, loses or does not know is told for each kind; a server that
//! cannot be reached at all is told once.
//!
//! Deliberately absent: watches, single objects, and Secrets, which are never asked for.

pub mod access;
mod answer;
mod failure;
mod list;

pub use access::Access;
pub use failure::Failure;
pub(in crate::read::live) use failure::innermost;

use super::Answers;
use super::aws::{Cluster, LiveError, progress};
use crate::estate::Collection;
use crate::read::assemble::Reading;
use aws_credential_types::provider::ProvideCredentials;
use failure::Kind;
use indicatif::ProgressBar;
use list::{Listed, Lister};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::task::JoinSet;
use tokio::time::Instant;

/// How to ask.
#[derive(Clone, Debug)]
pub struct Options {
    /// How long everything together may take.
    pub timeout: Duration,
    /// How long one request may take.
    pub attempt: Duration,
    /// How often a request is attempted that a server is too busy for.
    pub attempts: u32,
    /// How long a first repetition waits, where the server does not say it.
    pub backoff: Duration,
    /// How many objects a page has, at most.
    pub page: usize,
    /// How many requests one API server has to answer at a time.
    pub in_flight: usize,
    /// The namespaces that matter: they are listed one by one where all together are refused.
    pub namespaces: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(300),
            attempt: Duration::from_secs(30),
            attempts: 4,
            backoff: Duration::from_millis(500),
            page: 500,
            in_flight: 4,
            namespaces: Vec::new(),
        }
    }
}

/// What API servers have answered.
#[derive(Debug, Default)]
pub struct Live {
    /// The answers.
    pub answers: Answers,
    /// How many requests were made of each resource, pages and repetitions included.
    pub calls: BTreeMap<String, usize>,
}

/// Lists these collections in each cluster.
///
/// # Errors
/// If the program cannot wait for answers on this machine; everything else that goes wrong is a gap.
pub fn read(clusters: &[Access], collections: &[&'static Collection], options: &Options) -> std::io::Result<Live> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let live = runtime.block_on(whole(clusters, collections, options));
    // A request that hangs must not keep the process.
    runtime.shutdown_background();
    Ok(live)
}

/// Ways to clusters beside those that EKS tells.
#[derive(Clone, Debug, Default)]
pub struct Ways {
    /// The kubeconfig; as kubectl finds it without.
    pub kubeconfig: Option<PathBuf>,
    /// Contexts of it.
    pub contexts: Vec<String>,
}

/// Lists these collections in clusters that EKS described, as whoever described them, or by contexts.
///
/// # Errors
/// If the program cannot wait for answers on this machine, or the user ended the run; everything else
/// that goes wrong is a gap.
pub fn of_clusters(
    clusters: &[Cluster],
    ways: &Ways,
    collections: &[&'static Collection],
    options: &Options,
) -> Result<Live, LiveError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(LiveError::Runtime)?;
    let live = runtime.block_on(async {
        let read = async {
            let accesses = accesses(clusters, ways).await;
            whole(&accesses, collections, options).await
        };
        tokio::select! {
            live = read => Ok(live),
            _ = tokio::signal::ctrl_c() => Err(LiveError::Interrupted),
        }
    });
    // A request that hangs must not keep the process.
    runtime.shutdown_background();
    live
}

async fn accesses(clusters: &[Cluster], ways: &Ways) -> Vec<Access> {
    let mut accesses: Vec<Access> = Vec::new();
    for context in &ways.contexts {
        let file = ways.kubeconfig.as_deref();
        let sole = match clusters {
            [one] => Some(one.arn.as_str()),
            _ => None,
        };
        let mut access = Access::of_context(file, Some(context), None).await;
        if access.is_err() && sole.is_some() {
            access = Access::of_context(file, Some(context), sole).await;
        }
        accesses.push(access.unwrap_or_else(|failure| {
            let cluster = sole.unwrap_or(context);
            Access::none(cluster, &format!("context `{context}`: {}", failure.why), &failure.unblock)
        }));
    }
    for cluster in clusters {
        if accesses.iter().any(|access| access.cluster == cluster.arn) {
            continue;
        }
        let credentials = match cluster.config.credentials_provider() {
            Some(provider) => provider.provide_credentials().await.map_err(|error| failure::innermost(&error)),
            None => Err("there are none".to_owned()),
        };
        let described = access::Described {
            arn: &cluster.arn,
            name: &cluster.name,
            region: &cluster.region,
            endpoint: &cluster.endpoint,
            certificate_authority: &cluster.certificate_authority,
        };
        accesses.push(match credentials {
            Ok(credentials) => Access::of_cluster(&described, &credentials, SystemTime::now()),
            Err(why) => {
                let failure = Failure::credentials(&why);
                Access::none(&cluster.arn, &failure.why, &failure.unblock)
            }
        });
    }
    accesses
}

/// Lists these collections in each cluster, where something waits for answers already.
pub async fn whole(clusters: &[Access], collections: &[&'static Collection], options: &Options) -> Live {
    let deadline = Instant::now() + options.timeout;
    let bar = progress("kubernetes", clusters.len() * collections.len());
    let mut all = JoinSet::new();
    for (number, access) in clusters.iter().enumerate() {
        let (access, collections, options) = (access.clone(), collections.to_vec(), options.clone());
        let bar = bar.clone();
        all.spawn(async move { (number, cluster(access, collections, options, deadline, &bar).await) });
    }
    let mut done = BTreeMap::new();
    while let Some(finished) = all.join_next().await {
        if let Ok((number, outcome)) = finished {
            done.insert(number, outcome);
        }
    }
    bar.finish_and_clear();
    let mut live = Live::default();
    for (number, access) in clusters.iter().enumerate() {
        let (readings, calls) = done.remove(&number).unwrap_or_else(|| {
            let lost =
                Failure::of(Kind::Lost, "the reading of the cluster ended early".to_owned(), "run it again".to_owned());
            (vec![answer::nothing(&access.cluster, collections, &lost)], BTreeMap::new())
        });
        live.answers.readings.extend(readings);
        for (resource, count) in calls {
            *live.calls.entry(resource).or_default() += count;
        }
    }
    live
}

type Outcome = (Vec<Reading>, BTreeMap<String, usize>);

async fn cluster(
    access: Access,
    collections: Vec<&'static Collection>,
    options: Options,
    deadline: Instant,
    bar: &ProgressBar,
) -> Outcome {
    let client = match access.client() {
        Ok(client) => client,
        Err(failure) => return (vec![answer::nothing(&access.cluster, &collections, &failure)], BTreeMap::new()),
    };
    let lister = Arc::new(Lister::new(client, access.server(), options, deadline));
    let mut tasks = JoinSet::new();
    for (number, collection) in collections.iter().enumerate() {
        let (lister, collection) = (Arc::clone(&lister), *collection);
        tasks.spawn(async move { (number, lister.list(collection).await) });
    }
    let mut lists: BTreeMap<usize, Vec<Listed>> = BTreeMap::new();
    while let Some(finished) = tasks.join_next().await {
        bar.inc(1);
        if let Ok((number, listed)) = finished {
            lists.insert(number, listed);
        }
    }
    let mut readings = Vec::new();
    // What keeps every list from being read is told once.
    let mut common: BTreeMap<Failure, Vec<&'static Collection>> = BTreeMap::new();
    for (number, collection) in collections.iter().enumerate() {
        let lost = || {
            vec![Listed::lost(Failure::of(Kind::Lost, "the list was given up".to_owned(), "run it again".to_owned()))]
        };
        for listed in lists.remove(&number).unwrap_or_else(lost) {
            match &listed.failure {
                Some(failure) if failure.kind.is_common() && listed.items.is_empty() => {
                    common.entry(failure.clone()).or_default().push(collection);
                }
                _ => readings.push(answer::reading(&access.cluster, collection, listed)),
            }
        }
    }
    for (failure, mut collections) in common {
        collections.dedup();
        readings.push(answer::nothing(&access.cluster, &collections, &failure));
    }
    (readings, lister.calls())
}
