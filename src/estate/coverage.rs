//! How complete each collection is, for each account, region, cluster or namespace.
//!
//! An absence is a finding only where the source says that it listed everything. Only a list
//! without a next token says so; a single object says nothing about the others.

use super::collection::{Collection, collection};
use crate::known::Unknown;
use serde::{Deserialize, Serialize};

/// What is known of the completeness of collections.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Coverage {
    entries: Vec<Entry>,
}

/// One statement about one collection in one scope.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Entry {
    /// The collection: `iam.roles`, `kubernetes.pods`.
    pub collection: String,
    /// The account (`787587782916`), account and region (`787587782916/us-east-1`), cluster ARN or
    /// parent ARN for which it was listed.
    pub scope: String,
    /// The one namespace that was listed; all of them without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// How far the listing went.
    pub state: Completeness,
    /// Why it is not complete.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// What would complete it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unblock: Option<String>,
}

/// How far a listing went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Completeness {
    /// Everything there is was listed.
    Complete,
    /// Some was listed; there may be more.
    Partial,
    /// The call was refused.
    Denied,
}

impl Coverage {
    /// Coverage from its statements.
    #[must_use]
    pub fn new(mut entries: Vec<Entry>) -> Self {
        entries.sort();
        entries.dedup();
        Self { entries }
    }

    /// Adds a statement.
    pub fn add(&mut self, entry: Entry) {
        if let Err(at) = self.entries.binary_search(&entry) {
            self.entries.insert(at, entry);
        }
    }

    /// All statements, in order.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Why nothing follows from an absence in `name` at `scope`, or `None` if the list is complete.
    ///
    /// A complete list counts even if another attempt at it failed. Without a namespace, only a
    /// list over all namespaces is complete.
    #[must_use]
    pub fn incomplete(&self, name: &str, scope: &str, namespace: Option<&str>) -> Option<Unknown> {
        let mut worst: Option<&Entry> = None;
        let before = |entry: &Entry| (entry.collection.as_str(), entry.scope.as_str()) < (name, scope);
        let first = self.entries.partition_point(before);
        for entry in self.entries.iter().skip(first) {
            if entry.collection != name || entry.scope != scope {
                break;
            }
            if entry.namespace.is_some() && entry.namespace.as_deref() != namespace {
                continue;
            }
            if entry.state == Completeness::Complete {
                return None;
            }
            worst = Some(entry);
        }
        let about = collection(name);
        Some(match worst {
            Some(entry) => Unknown {
                why: entry.why.clone().unwrap_or_else(|| format!("`{name}` of {scope} was listed only in part")),
                unblock: entry.unblock.clone().or_else(|| about.map(|about| unblock(about, entry.state))),
            },
            None => Unknown {
                why: match about {
                    Some(about) => format!("the {} of {scope} were not listed", about.plural),
                    None => format!("`{name}` of {scope} was not listed"),
                },
                unblock: about.map(|about| format!("run `{}`", about.command)),
            },
        })
    }
}

/// What to do about a listing that is not complete.
#[must_use]
pub fn unblock(collection: &Collection, state: Completeness) -> String {
    match state {
        Completeness::Denied => format!("grant `{}`", collection.action),
        Completeness::Partial | Completeness::Complete => format!("run `{}` to its last page", collection.command),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(state: Completeness, scope: &str, namespace: Option<&str>) -> Entry {
        Entry {
            collection: "kubernetes.pods".into(),
            scope: scope.into(),
            namespace: namespace.map(str::to_owned),
            state,
            why: None,
            unblock: None,
        }
    }

    #[test]
    fn absence_counts_only_under_a_complete_list() {
        let coverage = Coverage::new(vec![
            entry(Completeness::Complete, "a", None),
            entry(Completeness::Complete, "b", Some("spark")),
            entry(Completeness::Denied, "c", None),
            entry(Completeness::Denied, "d", None),
            entry(Completeness::Complete, "d", None),
        ]);
        for (scope, namespace, complete) in [
            ("a", None, true),
            ("a", Some("spark"), true),
            ("b", Some("spark"), true),
            ("b", Some("other"), false),
            ("b", None, false),
            ("c", None, false),
            ("d", None, true),
            ("e", None, false),
        ] {
            assert_eq!(
                coverage.incomplete("kubernetes.pods", scope, namespace).is_none(),
                complete,
                "{scope} {namespace:?}"
            );
        }
        let unknown = coverage.incomplete("kubernetes.pods", "e", None).unwrap();
        assert!(unknown.unblock.unwrap().contains("kubectl get pods"));
    }
}
