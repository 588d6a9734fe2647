//! What a rule is judged on.

use super::Selected;
use crate::known::{Text, Told, Unknown};
use crate::link::Linked;
use crate::path::{Path, Root};
use crate::rule::System;
use serde_json::Value;
use std::collections::BTreeMap;

/// A value in the linked document, its place and the rollout around it.
#[derive(Clone, Debug)]
pub struct Subject<'e> {
    /// The value.
    pub value: &'e Value,
    /// Its JSON pointer in the document.
    pub pointer: String,
    /// The rollout in which it stands, with its number.
    pub rollout: Option<(usize, &'e Value)>,
    /// The whole document.
    pub document: &'e Value,
}

/// The subjects that a path selects.
pub(super) fn select<'e>(linked: &'e Linked, path: &Path) -> Vec<Subject<'e>> {
    let document = &linked.estate.document;
    let found = path.find(document).found.into_iter();
    found
        .map(|hit| Subject {
            value: hit.value,
            rollout: rollout_around(document, &hit.pointer),
            pointer: hit.pointer,
            document,
        })
        .collect()
}

fn rollout_around<'e>(document: &'e Value, pointer: &str) -> Option<(usize, &'e Value)> {
    let number = pointer.strip_prefix("/rollouts/")?.split('/').next()?.parse().ok()?;
    Some((number, document["rollouts"].get(number)?))
}

impl<'e> Subject<'e> {
    /// The system of the rollout around it.
    #[must_use]
    pub fn system(&self) -> Option<System> {
        System::named(self.rollout?.1["system"].told()?)
    }

    /// The values at a path, with pointers in the document. Values that are unknown count as
    /// blocked, not as found.
    pub(crate) fn find(&self, path: &Path) -> Selected<'e> {
        let of_rollout;
        let (root, base) = match path.root {
            Root::Subject => (self.value, self.pointer.as_str()),
            Root::Estate => (self.document, ""),
            Root::Rollout => match self.rollout {
                Some((number, rollout)) => {
                    of_rollout = format!("/rollouts/{number}");
                    (rollout, of_rollout.as_str())
                }
                None => return Selected { found: Vec::new(), blocked: Vec::new(), nearest: self.pointer.clone() },
            },
        };
        let hits = path.find_below(root, base);
        let mut blocked = hits.blocked;
        let mut found = Vec::with_capacity(hits.found.len());
        for hit in hits.found {
            match Unknown::of(hit.value) {
                Some(unknown) => blocked.push((hit.pointer, unknown)),
                None => found.push((hit.value, hit.pointer)),
            }
        }
        Selected { found, blocked, nearest: hits.nearest }
    }

    /// What a name in a template stands for: a fact, or the text at a path. Several texts are listed.
    #[must_use]
    pub fn named(&self, name: &str, facts: &BTreeMap<String, String>) -> Option<Text> {
        if let Some(fact) = name.strip_prefix("found.") {
            return facts.get(fact).map(|text| Text::literal(text.as_str()));
        }
        let path = match name.strip_prefix("rollout.") {
            Some(rest) => format!("$rollout.{rest}"),
            None => match name.strip_prefix("estate.") {
                Some(rest) => format!("$estate.{rest}"),
                None => format!("$.{name}"),
            },
        };
        let found = self.find(&Path::new(path).ok()?).found;
        let texts: Vec<Text> = found.iter().filter_map(|(value, _)| Text::of(value)).collect();
        match texts.as_slice() {
            [] => None,
            [text] => Some(text.clone()),
            several => Some(Text::literal(several.iter().map(Text::to_string).collect::<Vec<_>>().join(", "))),
        }
    }
}
