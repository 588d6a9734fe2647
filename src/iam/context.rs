//! What a request says beside its principal, action and resource.
//!
//! A key is absent, has one value, has many, or is not known; and a key that is not known may be
//! known to be there. Names compare without regard to case.
//!
//! Deliberately absent: keys that AWS would add by itself. What matters is given.

use crate::known::Text;
use std::collections::{BTreeMap, BTreeSet};

/// The value of a condition key in a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ContextValue {
    /// A single-valued key.
    One(Text),
    /// A multivalued key.
    Many(Vec<Text>),
}

/// What is known of a key.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Found<'a> {
    /// It is not in the request.
    Absent,
    /// It has this value.
    One(&'a Text),
    /// It has these values.
    Many(&'a [Text]),
    /// Its value is not known, nor whether it is there unless it is said to be.
    Unknown {
        /// It is known to be there.
        present: bool,
    },
}

/// The keys of one request, for looking up by lowercase name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Context<'a> {
    known: BTreeMap<String, &'a ContextValue>,
    unknown: BTreeSet<String>,
    unknown_present: BTreeSet<String>,
    open: bool,
    /// Values tried for unknown keys, stronger than all above; `None` tries the absence.
    pub(crate) tried: Vec<(&'a str, Option<&'a ContextValue>)>,
}

impl<'a> Context<'a> {
    pub(crate) fn new(
        known: &'a BTreeMap<String, ContextValue>,
        unknown: &BTreeSet<String>,
        unknown_present: &BTreeSet<String>,
        open: bool,
    ) -> Self {
        let lowered = |keys: &BTreeSet<String>| keys.iter().map(|key| key.to_ascii_lowercase()).collect();
        Self {
            known: known.iter().map(|(key, value)| (key.to_ascii_lowercase(), value)).collect(),
            unknown: lowered(unknown),
            unknown_present: lowered(unknown_present),
            open,
            tried: Vec::new(),
        }
    }

    /// What is known of the key with this lowercase name.
    pub(crate) fn find(&self, key: &str) -> Found<'a> {
        let found = match self.tried.iter().find(|(name, _)| *name == key) {
            Some((_, value)) => *value,
            None if self.unknown_present.contains(key) => return Found::Unknown { present: true },
            None if self.unknown.contains(key) => return Found::Unknown { present: false },
            None => match self.known.get(key) {
                None if self.open => return Found::Unknown { present: false },
                found => found.copied(),
            },
        };
        match found {
            None => Found::Absent,
            Some(ContextValue::One(text)) => Found::One(text),
            Some(ContextValue::Many(texts)) => Found::Many(texts),
        }
    }
}
