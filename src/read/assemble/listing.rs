//! What lists say of themselves becomes coverage, and what calls that failed say, too.

use super::super::merge::arn_in;
use super::super::refusal::{Outcome, Refusal};
use super::super::shape::{Content, Piece};
use super::super::subject;
use super::Assembly;
use crate::arn::{Arn, partition_of};
use crate::estate::{Completeness, Entry, Gap, Within, collection, unblock};
use rustc_hash::FxHashSet;
use serde::Deserialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What one list says of its completeness.
pub(super) struct Statement {
    pub(super) collection: String,
    pub(super) scope: Option<String>,
    pub(super) namespace: Option<String>,
    pub(super) source: usize,
    pub(super) kind: String,
    pub(super) more: bool,
    pub(super) doubt: Option<String>,
    /// Its file has a gap of its own already.
    pub(super) told: bool,
    /// What identifies its items, where pages must be told apart.
    pub(super) keys: FxHashSet<String>,
}

impl Assembly {
    /// Turns what the lists say of themselves into coverage.
    pub(super) fn state(&mut self) {
        let mut groups: BTreeMap<(String, String, Option<String>, String), Vec<Statement>> = BTreeMap::new();
        for mut statement in std::mem::take(&mut self.statements) {
            // Of an answer that was lost in part, the refusal beside it tells.
            if self.whose.get(&statement.source).is_some_and(|whose| whose.lost) {
                continue;
            }
            if statement.scope.is_none() {
                statement.scope = self.scope(&mut statement.collection, statement.source);
            }
            let Some(scope) = statement.scope.clone() else {
                if !statement.told {
                    self.nowhere(&statement);
                }
                continue;
            };
            let key = (statement.collection.clone(), scope, statement.namespace.clone(), statement.kind.clone());
            groups.entry(key).or_default().push(statement);
        }
        let mut partial = Vec::new();
        for ((name, scope, namespace, _), statements) in groups {
            let complete = statements.iter().any(|last| {
                !last.more
                    && last.doubt.is_none()
                    && (statements.iter().filter(|page| page.more).all(|page| page.keys.is_subset(&last.keys))
                        || statements.iter().filter(|page| page.more).all(|page| page.keys.is_disjoint(&last.keys)))
            });
            if complete {
                self.coverage.push(Entry {
                    collection: name,
                    scope,
                    namespace,
                    state: Completeness::Complete,
                    why: None,
                    unblock: None,
                });
            } else {
                partial.push((name, scope, namespace, statements));
            }
        }
        for (name, scope, namespace, statements) in partial {
            let whole = |entry: &Entry| {
                entry.collection == name
                    && entry.scope == scope
                    && entry.state == Completeness::Complete
                    && (entry.namespace.is_none() || entry.namespace == namespace)
            };
            if self.coverage.iter().any(whole) {
                continue;
            }
            let page = statements.iter().find(|statement| statement.more);
            let about = collection(&name);
            let why = match page {
                Some(page) => {
                    let path = self.path(page.source);
                    format!("`{path}` is one page of several, and the last is not there")
                }
                None => statements.iter().find_map(|statement| statement.doubt.clone()).unwrap_or_default(),
            };
            let unblock = about.map(|about| unblock(about, Completeness::Partial));
            if let Some(page) = page {
                let place = Some(self.path(page.source).to_owned());
                // One file, one gap, however many collections it has a page of.
                match self.gaps.iter_mut().find(|gap| gap.why == why && gap.scope == scope) {
                    Some(gap) => gap.what = format!("{}, {name}", gap.what),
                    None => self.gaps.push(Gap {
                        what: name.clone(),
                        scope: scope.clone(),
                        why: why.clone(),
                        unblock: unblock.clone(),
                        place,
                    }),
                }
            }
            self.coverage.push(Entry {
                collection: name,
                scope,
                namespace,
                state: Completeness::Partial,
                why: Some(why),
                unblock,
            });
        }
    }

    /// The scope of a list that does not show it. An empty list of job runs may turn out to be of
    /// EMR Serverless, which prints the same.
    pub(super) fn scope(&self, name: &mut String, source: usize) -> Option<String> {
        let (within, path) = (collection(name)?.within, self.path(source));
        if let Some(told) = self.told(source, within) {
            return Some(told);
        }
        match within {
            Within::Account => self.known.account(path),
            Within::Region => self.known.place(path),
            Within::Cluster => self.known.cluster(path),
            Within::Parent if name == "serviceQuotas.quotas" => {
                let place = self.known.place(path)?;
                let (account, region) = place.split_once('/')?;
                let service = if path.contains("serverless") { "emr-serverless" } else { "ec2" };
                Some(format!("arn:{}:servicequotas:{region}:{account}:{service}", partition_of(region)))
            }
            Within::Parent => {
                let names = self.known.parents.iter().map(|(name, arn)| (name.as_str(), arn.as_str()));
                let parent = subject::named(path, names).ok().flatten()?;
                if name == "emrContainers.jobRuns" && Arn::parse(parent)?.service == "emr-serverless" {
                    "emrServerless.jobRuns".clone_into(name);
                }
                Some(parent.to_owned())
            }
        }
    }

    /// A list that nobody can be said to own.
    pub(super) fn nowhere(&mut self, statement: &Statement) {
        let path = self.path(statement.source).to_owned();
        let Some(about) = collection(&statement.collection) else { return };
        let (whose, unblock) = match about.within {
            _ if about.name == "serviceQuotas.quotas" => {
                ("account and region", "put the account id and the region into the file's name")
            }
            Within::Account => ("account", "put the account id into the file's name"),
            Within::Region => ("account and region", "put the account id and the region into the file's name"),
            Within::Cluster => ("cluster", "put the cluster's name into the file's name, and describe the cluster"),
            Within::Parent => ("virtual cluster or application", "put its id into the file's name"),
        };
        let why = format!("`{path}` does not say of which {whose} it lists the {}", about.plural);
        self.gap(statement.source, about.name, why, unblock);
    }

    /// Turns a failed call into coverage and a gap.
    pub(super) fn refused(&mut self, source: usize, refusal: Refusal) {
        let path = self.path(source).to_owned();
        let mut scopes = BTreeSet::new();
        let mut settled = !refusal.collections.is_empty();
        for name in &refusal.collections {
            let Some(about) = collection(name) else { continue };
            let arn = refusal.arn.as_deref().and_then(Arn::parse);
            let named = arn.and_then(|arn| match about.within {
                Within::Account => arn.owner(),
                Within::Region => arn.place(),
                Within::Cluster => arn.eks_cluster().filter(|cluster| !cluster.contains('*')),
                Within::Parent => {
                    let parent =
                        arn.resource.starts_with("/virtualclusters/") || arn.resource.starts_with("/applications/");
                    refusal.arn.clone().filter(|_| parent && !arn.resource.contains('*'))
                }
            });
            let told = self.told(source, about.within);
            let scope = told.or(named).or_else(|| self.scope(&mut name.clone(), source));
            let Some(scope) = scope else {
                settled = false;
                continue;
            };
            scopes.insert(scope.clone());
            let state = match refusal.outcome {
                Outcome::Denied => Completeness::Denied,
                Outcome::Failed => Completeness::Partial,
                Outcome::Absent => Completeness::Complete,
            };
            let complete = state == Completeness::Complete;
            let known = self.coverage.iter().any(|entry| {
                entry.collection == *name
                    && entry.scope == scope
                    && entry.state == Completeness::Complete
                    && (entry.namespace.is_none() || entry.namespace == refusal.namespace)
            });
            settled &= known || complete;
            self.coverage.push(Entry {
                collection: name.clone(),
                scope,
                namespace: refusal.namespace.clone(),
                state,
                why: (!complete).then(|| refusal.why.clone()),
                unblock: (!complete).then(|| refusal.unblock.clone()),
            });
        }
        if settled || refusal.outcome == Outcome::Absent {
            return;
        }
        let what = if refusal.collections.is_empty() { refusal.call } else { refusal.collections.join(", ") };
        let scope = scopes.into_iter().collect::<Vec<_>>().join(", ");
        let place = if self.whose.contains_key(&source) { path } else { format!("{path}:{}", refusal.line) };
        let place = Some(place);
        self.gaps.push(Gap { what, scope, why: refusal.why, unblock: Some(refusal.unblock), place });
    }
}

/// The statements of a snapshot's coverage, or `None` where they cannot be read.
pub(super) fn statements(value: Option<&Value>) -> Option<Vec<Entry>> {
    match value {
        None | Some(Value::Null) => Some(Vec::new()),
        Some(value) => Vec::deserialize(value).ok(),
    }
}

/// The collection of a list that has more pages.
pub(super) fn paged(piece: &Piece) -> Option<String> {
    match &piece.content {
        Content::Items(items) if items.listing.as_ref().is_some_and(|listing| listing.more) => {
            Some(items.collection.clone())
        }
        _ => None,
    }
}

/// Why an empty list that kubectl printed proves nothing.
pub(super) const EMPTY_LIST: &str =
    "kubectl prints an empty list when it is refused, too; with `kubectl get --raw` the list itself tells";

/// The scope that an item shows.
pub(super) fn scope_of(name: &str, within: Within, item: &Value) -> Option<String> {
    let key = match name {
        "ec2.subnets" => "SubnetArn",
        "ec2.securityGroups" => "SecurityGroupArn",
        _ => collection(name).map_or("Arn", |collection| collection.key),
    };
    let arn = arn_in(item, key)?;
    match within {
        Within::Account => arn.owner(),
        Within::Region => arn.place(),
        Within::Cluster => arn.eks_cluster(),
        Within::Parent => arn.parent(),
    }
}
