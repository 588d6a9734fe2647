//! The plan of a run: which calls it makes, what they are for, and what they take.
//!
//! Printed as an explanation or as the least permissions, or carried out; the plan is the same.

use super::calls::{CALLS, Call, Of, Only};
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
                && (call.only != Only::Named || call.collections.iter().any(|name| demand.whole.contains(name)))
        };
        let mut operations: BTreeSet<(&str, &str)> = BTreeSet::new();
        for call in CALLS.iter().filter(|call| call.collections.is_empty() || wanted(call)) {
            operations.insert((call.service.name(), call.operation));
            if let Of::Each(parent) = call.of {
                operations.insert((call.service.name(), parent));
            }
        }
        let calls = CALLS.iter().filter(|call| operations.contains(&(call.service.name(), call.operation))).collect();
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
        for call in &self.calls {
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

    /// What the plan calls how often at least, and which permission each call takes: a line each.
    #[must_use]
    pub fn explain(&self, accounts: usize, regions: usize, clusters: Option<usize>) -> String {
        let mut rows = vec![["call", "pages", "how often", "permission"].map(str::to_owned)];
        for call in &self.calls {
            let (times, least) = match call.of {
                Of::Account => ("once an account".to_owned(), Some(accounts)),
                Of::Region => ("once a region".to_owned(), Some(accounts * regions)),
                Of::Cluster => ("once a cluster".to_owned(), clusters),
                Of::Each(parent) => {
                    let of = self.calls.iter().find(|other| other.service == call.service && other.operation == parent);
                    let what = of.map_or(parent.to_owned(), |of| format!("`{}`", kebab_of(of)));
                    let which = match call.only {
                        Only::Ending(end) if !call.collections.iter().any(|name| self.demand.whole.contains(name)) => {
                            format!("of {what} if it lists `{}`", end.trim_start_matches('/'))
                        }
                        _ => format!("for each of {what}"),
                    };
                    (which, None)
                }
            };
            let permission = if call.action.is_empty() { "no permission" } else { call.action };
            rows.push([call.command(), at_least(least), times, permission.to_owned()]);
        }
        for collection in &self.kubernetes {
            let times = "once a cluster".to_owned();
            rows.push([collection.command.to_owned(), at_least(clusters), times, collection.action.to_owned()]);
        }
        let mut widths = [0; 4];
        for row in &rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = cell.len().max(*width);
            }
        }
        let mut out = String::new();
        for row in rows {
            let line: String = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}  ")).collect();
            out.push_str(line.trim_end());
            out.push('\n');
        }
        out
    }

    /// The least permissions: of AWS and of Kubernetes, as JSON.
    #[must_use]
    pub fn permissions(&self) -> Value {
        json!({"iam": self.policy(), "kubernetes": self.cluster_role()})
    }
}

fn kebab_of(call: &Call) -> String {
    call.command().rsplit(' ').next().unwrap_or_default().to_owned()
}

fn at_least(least: Option<usize>) -> String {
    format!("{}+", least.unwrap_or(0))
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_ascii_uppercase().to_string() + letters.as_str()).unwrap_or_default()
}
