//! The plan of a run: which calls it makes, what they are for, and what they take.
//!
//! Printed as an explanation or as the least permissions, or carried out; the plan is the same.

use super::calls::{CALLS, Call, Of, Only, Service};
use super::demand::Demand;
use crate::estate::{COLLECTIONS, Collection};
use crate::read::kubernetes;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// What will be read.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What the rules need.
    pub demand: Demand,
    /// The calls to AWS, in the order of the table.
    pub calls: Vec<&'static Call>,
    /// The lists that each cluster is asked for.
    pub kubernetes: Vec<&'static Collection>,
}

impl Plan {
    /// The plan that meets a demand.
    #[must_use]
    pub fn of(mut demand: Demand) -> Self {
        // What is inside clusters is found through them.
        if demand.collections.iter().any(|name| name.starts_with("eks.") || name.starts_with("kubernetes.")) {
            demand.collections.insert("eks.clusters");
        }
        let wanted = |call: &Call| {
            call.collections.iter().any(|name| demand.collections.contains(name))
                && !matches!(call.of, Of::Service(code) if !demand.quotas.contains(code))
                && (call.only != Only::Named || call.collections.iter().any(|name| demand.whole.contains(name)))
        };
        let is_wanted = |call: &&Call| call.collections.is_empty() || wanted(call);
        // What an item is asked for takes the list of the items.
        let parents: BTreeSet<(&str, &str)> = CALLS
            .iter()
            .filter(is_wanted)
            .filter_map(|call| match call.of {
                Of::Each(parent) => Some((call.service.name(), parent)),
                _ => None,
            })
            .collect();
        let calls = CALLS
            .iter()
            .filter(|call| is_wanted(call) || parents.contains(&(call.service.name(), call.operation)))
            .collect();
        let kubernetes = COLLECTIONS
            .iter()
            .filter(|one| one.name.starts_with("kubernetes.") && demand.collections.contains(one.name))
            .collect();
        Self { demand, calls, kubernetes }
    }

    /// Whether a call is asked of an item of that name.
    #[must_use]
    pub fn asks(&self, call: &Call, name: &str) -> bool {
        match call.only {
            Only::All => true,
            _ if call.collections.iter().any(|collection| self.demand.whole.contains(collection)) => true,
            Only::Ending(end) => name.ends_with(end),
            Only::Named => false,
        }
    }

    /// The IAM policy that permits these calls and nothing else.
    #[must_use]
    pub fn policy(&self) -> Value {
        let mut by_service: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for call in self.calls.iter().filter(|call| !matches!(call.of, Of::Instead(_))) {
            if let Some((service, _)) = call.action.split_once(':') {
                by_service.entry(service).or_default().insert(call.action);
            }
        }
        let statements: Vec<Value> = by_service
            .into_iter()
            .map(|(service, actions)| {
                let sid: String = service.split('-').map(capitalised).collect();
                json!({"Sid": format!("Read{sid}"), "Effect": "Allow", "Action": actions, "Resource": "*"})
            })
            .collect();
        json!({"Version": "2012-10-17", "Statement": statements})
    }

    /// The cluster role that permits the lists and nothing else.
    #[must_use]
    pub fn cluster_role(&self) -> Value {
        let mut by_group: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for collection in &self.kubernetes {
            let (resource, groups) = kubernetes::resource(collection);
            for group in groups {
                by_group.entry(group).or_default().insert(resource);
            }
        }
        let rules: Vec<Value> = by_group
            .into_iter()
            .map(|(group, resources)| json!({"apiGroups": [group], "resources": resources, "verbs": ["list"]}))
            .collect();
        json!({
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRole",
            "metadata": {"name": "sparkcheck-reader"},
            "rules": rules,
        })
    }

    /// The plan without what is asked of the organization: none of its policies is taken to have a say.
    #[must_use]
    pub fn without_organization(mut self) -> Self {
        self.demand.collections.retain(|name| !name.starts_with("organizations."));
        self.calls.retain(|call| call.service != Service::Organizations);
        self
    }

    /// What the plan calls how often at least: a line for each call, which is named as the permission that
    /// it takes, under what it is made of.
    #[must_use]
    pub fn explain(&self, accounts: usize, regions: usize, clusters: Option<usize>) -> String {
        let mut groups: Vec<(String, Vec<(usize, String)>)> = Vec::new();
        let mut add = |heading: String, least: usize, line: String| match groups
            .iter_mut()
            .find(|(known, _)| *known == heading)
        {
            Some((_, lines)) => lines.push((least, line)),
            None => groups.push((heading, vec![(least, line)])),
        };
        for call in &self.calls {
            let (heading, least) = match call.of {
                Of::Account => ("once an account".to_owned(), accounts),
                Of::Region => ("once a region".to_owned(), accounts * regions),
                Of::Service(code) => (format!("once a region, of the quotas of `{code}`"), accounts * regions),
                Of::Cluster => ("once a cluster".to_owned(), clusters.unwrap_or(0)),
                Of::Level => ("for an account, and each level above it in its organization".to_owned(), 0),
                Of::Instead(other) => {
                    let of = self.calls.iter().find(|call| call.operation == other);
                    let other = of.map_or(other, |of| of.action);
                    (format!("for each role that is named, if `{other}` is refused"), 0)
                }
                Of::Each(parent) => {
                    let of = self.calls.iter().find(|other| other.service == call.service && other.operation == parent);
                    let lister = of.map_or(parent, |of| of.action);
                    let named = !call.collections.iter().any(|name| self.demand.whole.contains(name));
                    let heading = match call.only {
                        Only::Ending(end) if named => {
                            format!("for `{}` if `{lister}` shows it", end.trim_start_matches('/'))
                        }
                        _ => format!("for each that `{lister}` shows"),
                    };
                    (heading, 0)
                }
            };
            let line = if call.action.is_empty() {
                format!("{}:{} (takes no permission)", call.service.name(), call.operation)
            } else {
                call.action.to_owned()
            };
            add(heading, least, line);
        }
        for collection in &self.kubernetes {
            add("once a cluster, of its API server".to_owned(), clusters.unwrap_or(0), collection.action.to_owned());
        }
        let mut out = String::from("pages of each call at least, by the permission that it takes\n");
        for (heading, lines) in groups {
            out.push_str(&format!("\n{heading}:\n"));
            for (least, line) in lines {
                out.push_str(&format!("{:>6}  {line}\n", format!("{least}+")));
            }
        }
        out
    }

    /// The least permissions: of AWS and of Kubernetes, as JSON.
    #[must_use]
    pub fn permissions(&self) -> Value {
        json!({"iam": self.policy(), "kubernetes": self.cluster_role()})
    }
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_ascii_uppercase().to_string() + letters.as_str()).unwrap_or_default()
}
