//! Two outputs about one thing become one item, field by field.
//!
//! A list and a describe of the same role add up. Where they say different things, neither is
//! believed: the field becomes unknown, and a gap names both files. Times and counters, which move
//! between two calls, are no disagreement.

use crate::arn::Arn;
use crate::estate::{Gap, Origin, Origins, Source};
use crate::known::Unknown;
use crate::path::escape;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The parts of the ARN in a field.
pub(crate) fn arn_in<'a>(item: &'a Value, field: &str) -> Option<Arn<'a>> {
    Arn::parse(item.get(field)?.as_str()?)
}

/// What merging leaves behind beside the merged items.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    pub(crate) origins: Origins,
    contradicted: BTreeSet<String>,
    disagreements: BTreeMap<String, Disagreement>,
}

#[derive(Debug, Default)]
struct Disagreement {
    about: String,
    files: BTreeSet<usize>,
    fields: Vec<String>,
}

/// Lists of which two outputs may each show a part, and the field that identifies an entry.
const KEYED: &[(&str, &str)] = &[("PolicyVersionList", "VersionId")];

impl Ledger {
    /// Merges what `source` says at `from` into what is known at `at`; `about` is how the item is called.
    pub(crate) fn merge(&mut self, at: &str, about: &str, have: &mut Value, new: Value, source: usize, from: &str) {
        self.field(at, at, about, have, new, source, from);
    }

    #[expect(clippy::too_many_arguments, reason = "two trees are walked at once, each with its place")]
    fn field(&mut self, item: &str, at: &str, about: &str, have: &mut Value, new: Value, source: usize, from: &str) {
        if Unknown::of(&new).is_some() || self.contradicted.contains(at) {
            return;
        }
        if Unknown::of(have).is_some() {
            *have = new;
            self.came(at, source, from);
            return;
        }
        match (have, new) {
            (Value::Object(have), Value::Object(new)) => {
                for (key, value) in new {
                    let (at, from) = (format!("{at}/{}", escape(&key)), format!("{from}/{}", escape(&key)));
                    match have.get_mut(&key) {
                        Some(_) if moves(&key) => {}
                        Some(known) => match KEYED.iter().find(|(list, _)| *list == key) {
                            Some((_, field)) => self.entries(item, &at, about, known, value, field, source, &from),
                            None => self.field(item, &at, about, known, value, source, &from),
                        },
                        None => {
                            have.insert(key, value);
                            self.came(&at, source, &from);
                        }
                    }
                }
            }
            (have, new) => {
                if !same(have, &new) {
                    self.disagree(item, at, about, have, source);
                }
            }
        }
    }

    /// Merges lists entry by entry.
    #[expect(clippy::too_many_arguments, reason = "two trees are walked at once, each with its place")]
    fn entries(
        &mut self,
        item: &str,
        at: &str,
        about: &str,
        have: &mut Value,
        new: Value,
        key: &str,
        source: usize,
        from: &str,
    ) {
        let (Value::Array(have), Value::Array(new)) = (have, new) else { return };
        for (index, entry) in new.into_iter().enumerate() {
            let from = format!("{from}/{index}");
            self.entry(item, at, about, have, entry, key, source, &from);
        }
    }

    /// Merges one entry into a list whose entries a field identifies.
    #[expect(clippy::too_many_arguments, reason = "two trees are walked at once, each with its place")]
    pub(crate) fn entry(
        &mut self,
        item: &str,
        at: &str,
        about: &str,
        have: &mut Vec<Value>,
        entry: Value,
        key: &str,
        source: usize,
        from: &str,
    ) {
        let known = have.iter().position(|known| known.get(key).is_some() && known.get(key) == entry.get(key));
        match known.and_then(|index| Some((index, have.get_mut(index)?))) {
            Some((index, known)) => self.field(item, &format!("{at}/{index}"), about, known, entry, source, from),
            None => {
                self.came(&format!("{at}/{}", have.len()), source, from);
                have.push(entry);
            }
        }
    }

    /// Says that what stands at `at` came from there.
    pub(crate) fn came(&mut self, at: &str, source: usize, from: &str) {
        self.origins.add(at, Origin { source, pointer: from.to_owned(), opaque: false });
    }

    fn disagree(&mut self, item: &str, at: &str, about: &str, have: &mut Value, source: usize) {
        let first = self.origins.find(at).map_or(source, |origin| origin.source);
        *have = Unknown {
            why: "the files of the export disagree about it".to_owned(),
            unblock: Some("export again, or remove the older file".to_owned()),
        }
        .to_value();
        self.contradicted.insert(at.to_owned());
        let disagreement = self.disagreements.entry(item.to_owned()).or_default();
        disagreement.about = about.to_owned();
        disagreement.files.extend([first, source]);
        let field = at.get(item.len()..).unwrap_or_default().trim_start_matches('/').replace('/', ".");
        disagreement.fields.push(field);
    }

    /// The gaps that disagreements leave.
    pub(crate) fn gaps(&self, sources: &[Source]) -> Vec<Gap> {
        let gap = |(item, disagreement): (&String, &Disagreement)| {
            let paths: Vec<&str> = disagreement
                .files
                .iter()
                .filter_map(|file| sources.get(*file))
                .map(|source| source.path.as_str())
                .collect();
            let who = match paths.as_slice() {
                [one] => format!("`{one}` contradicts itself"),
                paths => paths.iter().map(|path| format!("`{path}`")).collect::<Vec<_>>().join(" and ") + " disagree",
            };
            let shown = disagreement.fields.iter().take(3).map(|field| format!("`{field}`")).collect::<Vec<_>>();
            let more = match disagreement.fields.len() {
                0..=3 => String::new(),
                count => format!(" and {} more", count - 3),
            };
            let collection = item.trim_start_matches('/').split('/').filter(|part| part.parse::<usize>().is_err());
            Gap {
                what: collection.take(2).collect::<Vec<_>>().join("."),
                scope: disagreement.about.clone(),
                why: format!("contradictory: {who} about {}{more}", shown.join(", ")),
                unblock: Some("export again, or remove the older file".to_owned()),
                place: paths.last().map(|path| (*path).to_owned()),
            }
        };
        self.disagreements.iter().map(gap).collect()
    }
}

/// Whether a field changes from call to call without anybody's doing.
pub(crate) fn moves(key: &str) -> bool {
    const MOVING: &[&str] = &[
        "RoleLastUsed",
        "PasswordLastUsed",
        "resourceVersion",
        "managedFields",
        "generation",
        "observedGeneration",
        "NormalizedInstanceHours",
        "AttachmentCount",
        "lastHeartbeatTime",
        "lastTransitionTime",
        "lastProbeTime",
        "totalExecutionDurationSeconds",
        "totalResourceUtilization",
        "billedResourceUtilization",
    ];
    MOVING.contains(&key) || ["Date", "At", "DateTime", "Timestamp"].iter().any(|end| key.ends_with(end))
}

/// Whether two values are the same, lists compared without their order.
fn same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Array(left), Value::Array(right)) => {
            if left.len() != right.len() {
                return false;
            }
            left == right || {
                let sorted = |list: &[Value]| {
                    let mut texts: Vec<String> = list.iter().map(Value::to_string).collect();
                    texts.sort_unstable();
                    texts
                };
                sorted(left) == sorted(right)
            }
        }
        _ => left == right,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::estate::Syntax;
    use serde_json::json;

    fn source(path: &str) -> Source {
        Source { path: path.into(), kind: "list-roles".into(), syntax: Syntax::Json, held: None }
    }

    #[test]
    fn adds_up_and_disagrees() {
        let mut ledger = Ledger::default();
        ledger.origins.add_run("/iam/roles", 0, 1, 0, "/Roles", 0);
        let mut have = json!({"Arn": "r", "Path": "/", "Tags": [1, 2], "CreateDate": "1", "Doc": {"$unknown": "x"}});
        let new = json!({"Arn": "r", "Path": "/x/", "Tags": [2, 1], "CreateDate": "2", "Doc": {"a": 1}, "New": true});
        ledger.merge("/iam/roles/0", "r", &mut have, new, 1, "/Role");
        assert_eq!(have["Tags"], json!([1, 2]));
        assert_eq!((&have["Doc"], &have["New"]), (&json!({"a": 1}), &json!(true)));
        assert!(Unknown::of(&have["Path"]).is_some());
        // A third opinion does not settle it.
        ledger.merge("/iam/roles/0", "r", &mut have, json!({"Path": "/"}), 2, "/Role");
        assert!(Unknown::of(&have["Path"]).is_some());
        let origin = ledger.origins.find("/iam/roles/0/Doc/a").unwrap();
        assert_eq!((origin.source, origin.pointer.as_str()), (1, "/Role/Doc/a"));
        let gaps = ledger.gaps(&[source("a.json"), source("b.json"), source("c.json")]);
        assert_eq!(gaps.len(), 1);
        assert_eq!(gaps[0].what, "iam.roles");
        assert_eq!(gaps[0].why, "contradictory: `a.json` and `b.json` disagree about `Path`");
    }
}
