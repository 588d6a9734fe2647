//! What changed between two states, and which findings came and went.
//!
//! Things are matched by what identifies them, findings by their fingerprints; neither order nor place
//! counts. Times and counters, which move without anybody's doing, are no change.
//!
//! Deliberately absent: what a change means. That is what the findings say.

use crate::estate::identity;
use crate::read::moves;
use crate::report::{Go, Outcome, Report, visible};
use crate::rule::Severity;
use serde::Serialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// The version of the form of a difference.
pub const FORMAT: u32 = 1;

/// Fields that are told of one thing at most.
const FIELDS: usize = 20;
/// Things that are told of one collection at most.
const THINGS: usize = 100;
/// Letters of a value that are shown.
const LETTERS: usize = 60;

/// The difference between two states.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The version of this form.
    pub format: u32,
    /// Rollouts whose word changed.
    pub rollouts: Vec<Word>,
    /// Findings that fail now and did not before.
    pub new: Vec<Finding>,
    /// Findings that failed before and are no more.
    pub gone: Vec<Finding>,
    /// Findings that can no longer be decided.
    pub undecided: Vec<Finding>,
    /// What changed, by collection.
    pub collections: Vec<Collection>,
}

/// A rollout and what is said of it.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Word {
    /// Its name.
    pub name: String,
    /// What was said before; nothing, where it was not there.
    pub before: Option<Go>,
    /// What is said now.
    pub after: Option<Go>,
}

/// A finding that came or went.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The rule.
    pub rule: String,
    /// How much it matters.
    pub severity: Severity,
    /// The rollout.
    pub rollout: Option<String>,
    /// What is wrong.
    pub message: String,
    /// What tells it apart.
    pub fingerprint: String,
}

/// The changes of one collection.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Collection {
    /// Its name, for Kubernetes with the cluster.
    pub name: String,
    /// What is there now, at most a hundred.
    pub added: Vec<String>,
    /// What is no longer there, at most a hundred.
    pub removed: Vec<String>,
    /// What is different, at most a hundred.
    pub changed: Vec<Changed>,
    /// How many more were added, removed or changed than are told.
    #[serde(skip_serializing_if = "is_zero")]
    pub more: usize,
}

/// One thing that is different.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Changed {
    /// What identifies it.
    pub name: String,
    /// Its fields that differ, at most twenty.
    pub fields: Vec<Field>,
    /// How many more fields differ.
    #[serde(skip_serializing_if = "is_zero")]
    pub more: usize,
}

/// One field that differs; a side that lacks it says nothing.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Field {
    /// Its pointer in the thing.
    pub pointer: String,
    /// What stood there, cut where it is long.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// What stands there now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// One of two states: its snapshot and its report.
#[derive(Clone, Copy, Debug)]
pub struct State<'s> {
    /// The snapshot, in order.
    pub snapshot: &'s Value,
    /// What was found in it.
    pub report: &'s Report<'s>,
}

/// The difference from one state to another.
#[must_use]
pub fn diff(before: State<'_>, after: State<'_>) -> Difference {
    let mut difference = Difference { format: FORMAT, ..Difference::default() };
    rollouts(before.report, after.report, &mut difference);
    findings(before.report, after.report, &mut difference);
    let (old, new) = (lists(before.snapshot), lists(after.snapshot));
    let names: BTreeSet<&(String, String)> = old.keys().chain(new.keys()).collect();
    let nothing = Vec::new();
    for name in names {
        let (old, new) = (old.get(name).unwrap_or(&nothing), new.get(name).unwrap_or(&nothing));
        let changes = collection(name, old, new);
        if !(changes.added.is_empty() && changes.removed.is_empty() && changes.changed.is_empty()) {
            difference.collections.push(changes);
        }
    }
    difference
}

fn rollouts(before: &Report<'_>, after: &Report<'_>, difference: &mut Difference) {
    let words = |report: &Report<'_>| -> BTreeMap<String, Go> {
        report.rollouts.iter().map(|rollout| (rollout.name.clone(), rollout.verdict)).collect()
    };
    let (old, new) = (words(before), words(after));
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    for name in names {
        let (before, after) = (old.get(name).copied(), new.get(name).copied());
        if before != after {
            difference.rollouts.push(Word { name: name.clone(), before, after });
        }
    }
}

fn findings(before: &Report<'_>, after: &Report<'_>, difference: &mut Difference) {
    type Key<'k> = (&'k str, Option<&'k str>);
    fn known<'r>(report: &'r Report<'_>) -> BTreeMap<Key<'r>, Outcome> {
        let of = |finding: &'r crate::report::Finding<'_>| {
            ((finding.fingerprint.as_str(), finding.rollout.as_deref()), finding.outcome)
        };
        report.findings.iter().map(of).collect()
    }
    let (old, new) = (known(before), known(after));
    let told = |finding: &crate::report::Finding<'_>| Finding {
        rule: finding.rule.id.clone(),
        severity: finding.severity,
        rollout: finding.rollout.clone(),
        message: finding.message.clone(),
        fingerprint: finding.fingerprint.clone(),
    };
    for finding in &after.findings {
        let was = old.get(&(finding.fingerprint.as_str(), finding.rollout.as_deref()));
        match (finding.outcome, was) {
            (Outcome::Fail, Some(Outcome::Fail)) | (Outcome::Unknown, Some(Outcome::Unknown)) => {}
            (Outcome::Fail, _) => difference.new.push(told(finding)),
            (Outcome::Unknown, _) => difference.undecided.push(told(finding)),
        }
    }
    for finding in before.findings.iter().filter(|finding| finding.outcome == Outcome::Fail) {
        if !new.contains_key(&(finding.fingerprint.as_str(), finding.rollout.as_deref())) {
            difference.gone.push(told(finding));
        }
    }
}

/// The lists of a snapshot: collection and cluster, and items.
fn lists(snapshot: &Value) -> BTreeMap<(String, String), Vec<&Value>> {
    let mut lists: BTreeMap<(String, String), Vec<&Value>> = BTreeMap::new();
    for (section, content) in snapshot.as_object().into_iter().flatten() {
        match content {
            _ if section == "sparkcheck" => {}
            Value::Array(groups) if section == "kubernetes" => {
                for group in groups {
                    let cluster = group["cluster"].as_str().unwrap_or("an unknown cluster");
                    for (list, items) in group.as_object().into_iter().flatten() {
                        let items = items.as_array().into_iter().flatten();
                        lists.entry((format!("kubernetes.{list}"), cluster.to_owned())).or_default().extend(items);
                    }
                }
            }
            Value::Array(items) => lists.entry((section.clone(), String::new())).or_default().extend(items),
            Value::Object(fields) => {
                for (list, items) in fields {
                    let entry = lists.entry((format!("{section}.{list}"), String::new())).or_default();
                    match items {
                        Value::Array(items) => entry.extend(items),
                        one => entry.push(one),
                    }
                }
            }
            _ => {}
        }
    }
    lists
}

fn collection(name: &(String, String), old: &[&Value], new: &[&Value]) -> Collection {
    let (name, cluster) = name;
    let by_name = |items: &[&Value]| -> BTreeMap<String, Value> {
        let mut known = BTreeMap::new();
        for (number, item) in items.iter().enumerate() {
            let own = ["path", "name", "id"].iter().find_map(|key| item.get(*key)?.as_str().map(str::to_owned));
            let label = identity(name, item).map(|name| name.trim_start_matches('\n').replace('\n', "/")).or(own);
            let label = label.unwrap_or_else(|| if items.len() == 1 { name.clone() } else { format!("{number}") });
            known.insert(label, (*item).clone());
        }
        known
    };
    let (old, new) = (by_name(old), by_name(new));
    let mut changes = Collection {
        name: if cluster.is_empty() { name.clone() } else { format!("{name} of {cluster}") },
        ..Collection::default()
    };
    let full = |list: usize| list >= THINGS;
    for (label, item) in &new {
        match old.get(label) {
            None if full(changes.added.len()) => changes.more += 1,
            None => changes.added.push(label.clone()),
            Some(before) => {
                let mut changed = Changed { name: label.clone(), fields: Vec::new(), more: 0 };
                compare(before, item, "", &mut changed);
                if changed.fields.is_empty() {
                    continue;
                }
                if full(changes.changed.len()) {
                    changes.more += 1;
                } else {
                    changes.changed.push(changed);
                }
            }
        }
    }
    for label in old.keys().filter(|label| !new.contains_key(*label)) {
        if full(changes.removed.len()) {
            changes.more += 1;
        } else {
            changes.removed.push(label.clone());
        }
    }
    changes
}

impl Changed {
    fn differs(&mut self, pointer: String, before: Option<&Value>, after: Option<&Value>) {
        if self.fields.len() < FIELDS {
            self.fields.push(Field { pointer, before: before.map(short), after: after.map(short) });
        } else {
            self.more += 1;
        }
    }
}

/// Goes down both sides to where they differ. Documents are not deeper than their reader allows.
fn compare(before: &Value, after: &Value, pointer: &str, changed: &mut Changed) {
    if before == after {
        return;
    }
    match (before, after) {
        (Value::Object(old), Value::Object(new)) => {
            let keys: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
            for key in keys.into_iter().filter(|key| !moves(key)) {
                let pointer = format!("{pointer}/{}", crate::path::escape(key));
                match (old.get(key), new.get(key)) {
                    (Some(old), Some(new)) => compare(old, new, &pointer, changed),
                    (old, new) => changed.differs(pointer, old, new),
                }
            }
        }
        (Value::Array(old), Value::Array(new)) if old.len() == new.len() => {
            for (number, (old, new)) in old.iter().zip(new).enumerate() {
                compare(old, new, &format!("{pointer}/{number}"), changed);
            }
        }
        _ => changed.differs(pointer.to_owned(), Some(before), Some(after)),
    }
}

/// A value in a few letters.
fn short(value: &Value) -> String {
    let whole = match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let mut text: String = whole.chars().take(LETTERS).collect();
    if text.len() < whole.len() {
        text.push('…');
    }
    text
}

/// The difference as JSON.
#[must_use]
pub fn json(difference: &Difference) -> String {
    serde_json::to_string_pretty(difference).unwrap_or_default() + "\n"
}

/// The difference for reading.
#[must_use]
pub fn human(difference: &Difference) -> String {
    let mut out = String::new();
    let word = |go: Option<Go>| match go {
        Some(Go::Go) => "GO",
        Some(Go::NoGo) => "NO-GO",
        Some(Go::Undecided) => "UNDECIDED",
        None => "not there",
    };
    for rollout in &difference.rollouts {
        let _ = writeln!(out, "{}: {} → {}", visible(&rollout.name), word(rollout.before), word(rollout.after));
    }
    for (title, findings) in
        [("new", &difference.new), ("gone", &difference.gone), ("undecided now", &difference.undecided)]
    {
        if findings.is_empty() {
            continue;
        }
        if !out.is_empty() {
            out.push('\n');
        }
        let _ = writeln!(out, "{title}:");
        for finding in findings {
            let _ = writeln!(out, "  {}[{}]: {}", finding.severity.name(), finding.rule, visible(&finding.message));
        }
    }
    for changes in &difference.collections {
        if !out.is_empty() {
            out.push('\n');
        }
        let _ = writeln!(out, "{}:", visible(&changes.name));
        for name in &changes.added {
            let _ = writeln!(out, "  + {}", visible(name));
        }
        for name in &changes.removed {
            let _ = writeln!(out, "  - {}", visible(name));
        }
        for changed in &changes.changed {
            let _ = writeln!(out, "  ~ {}", visible(&changed.name));
            for field in &changed.fields {
                let side = |value: &Option<String>| value.as_deref().map_or_else(|| "(nothing)".to_owned(), visible);
                let _ = writeln!(
                    out,
                    "      {}: {} → {}",
                    visible(&field.pointer),
                    side(&field.before),
                    side(&field.after)
                );
            }
            if changed.more > 0 {
                let _ = writeln!(out, "      and {} more fields", changed.more);
            }
        }
        if changes.more > 0 {
            let _ = writeln!(out, "  and {} more", changes.more);
        }
    }
    if out.is_empty() {
        out.push_str("no difference\n");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn report() -> Report<'static> {
        Report {
            inputs: Vec::new(),
            passed_over: Vec::new(),
            rollouts: Vec::new(),
            rules: Vec::new(),
            findings: Vec::new(),
            gaps: Vec::new(),
            assumed: Vec::new(),
            of_code: false,
            mended: None,
        }
    }

    #[test]
    fn things_are_matched_by_what_identifies_them() {
        let many: Vec<Value> = (0..150).map(|number| json!({"Arn": format!("n{number:03}")})).collect();
        let old = json!({"iam": {"roles": [{"Arn": "a", "Path": "/", "RoleLastUsed": 1}, {"Arn": "b"}], "users": []},
            "kubernetes": [{"cluster": "c", "pods": [{"metadata": {"name": "p", "namespace": "n"}, "status": {"phase": "Running"}}]}]});
        let new = json!({"iam": {"roles": [{"Arn": "d"}, {"Arn": "a", "Path": "/x/", "RoleLastUsed": 2, "New": [1]}], "users": many},
            "kubernetes": [{"cluster": "c", "pods": [{"metadata": {"name": "p", "namespace": "n"}, "status": {"phase": "\u{1b}Failed"}}]}]});
        let report = report();
        let difference = diff(State { snapshot: &old, report: &report }, State { snapshot: &new, report: &report });
        let [roles, users, pods] = difference.collections.as_slice() else { panic!("{difference:?}") };
        assert_eq!((roles.added.as_slice(), roles.removed.as_slice()), (&["d".to_owned()][..], &["b".to_owned()][..]));
        let fields: Vec<_> = roles.changed[0]
            .fields
            .iter()
            .map(|field| (field.pointer.as_str(), field.before.as_deref(), field.after.as_deref()))
            .collect();
        assert_eq!(fields, [("/New", None, Some("[1]")), ("/Path", Some("/"), Some("/x/"))]);
        assert_eq!((users.added.len(), users.more), (THINGS, 50));
        assert_eq!((pods.name.as_str(), pods.changed[0].name.as_str()), ("kubernetes.pods of c", "n/p"));
        let text = human(&difference);
        assert!(!text.contains('\u{1b}') && text.contains("/status/phase: Running →"), "{text}");
        let same = diff(State { snapshot: &old, report: &report }, State { snapshot: &old, report: &report });
        assert_eq!(human(&same), "no difference\n");
    }
}
