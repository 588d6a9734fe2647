//! A change laid over an account: what code says of a thing takes the place of what a snapshot says of it.
//!
//! What the code says counts, lists of policies add up, and what only an apply will tell stays as the account has it:
//! a hole in what the account has already is filled with what it has there, wherever else the code names it.
//! What a plan destroys leaves the account; what it makes anew leaves it first, so that nothing of the old thing is
//! taken for a part of the new one.
//!
//! Deliberately absent: which findings follow from that. They are compared when all is judged.

use super::Assembly;
use super::code::{Holes, Unit, identify};
use super::items::pointer_of;
use crate::estate::{Gone, identity};
use crate::known::{self, Part, Text, Told, Unknown};
use crate::path::escape;
use crate::read::code::{self, Declared};
use serde_json::Value;

/// How often what was filled may fill more.
const FILLINGS: usize = 4;

impl Assembly {
    /// Fills the holes of code with what the account has in their places.
    pub(super) fn fill_holes(&self, read: &[(Vec<usize>, Vec<Declared>)], holes: &mut Holes) {
        if self.tables.values().all(|table| table.items.is_empty()) {
            return;
        }
        // What one thing tells may say which another one is.
        for _ in 0..FILLINGS {
            let known = holes.clone();
            let unit = Unit::of(Vec::new(), &known);
            for declared in read.iter().flat_map(|(_, declared)| declared) {
                let Declared::Item { collection, cluster, item } = declared else { continue };
                let Some(table) = self.tables.get(&pointer_of(collection)).filter(|table| !table.items.is_empty())
                else {
                    continue;
                };
                let mut value = unit.filled(item.clone()).into_value(&mut String::new(), &mut |_, _| {});
                known::show(&mut value);
                if let (Some(cluster), Value::Object(map)) = (cluster, &mut value)
                    && !map.contains_key("clusterName")
                {
                    map.insert("clusterName".to_owned(), unit.fill(cluster.clone()).to_key());
                }
                identify(&unit, collection, &mut value);
                if collection.starts_with("eks.") && *collection != "eks.clusters" {
                    self.name_cluster(&mut value);
                }
                let Some(own) = identity(collection, &value) else { continue };
                let has = table.items.iter().find(|item| identity(collection, item).as_ref() == Some(&own));
                has.into_iter().for_each(|has| bind(&value, has, holes));
            }
            if holes.len() == known.len() {
                break;
            }
        }
    }

    /// Takes what a change destroys out of the account. What the account never had is gone already.
    pub(super) fn take_away(&mut self, unit: &Unit<'_>, gone: Vec<code::Gone>) {
        let (parts, items): (Vec<_>, Vec<_>) =
            gone.into_iter().partition(|gone| matches!(gone.declared, Declared::Part { .. }));
        // The parts of a thing before the thing itself.
        for (number, code::Gone { declared, address, replaced }) in parts.into_iter().chain(items).enumerate() {
            let scratch = format!("/gone/{number}");
            match declared {
                Declared::Part { collection, key, of, field, part } => {
                    let of = unit.fill(of).to_string();
                    let value = self.value(unit, part, &scratch);
                    let at = pointer_of(collection);
                    let holder = self
                        .tables
                        .get(&at)
                        .and_then(|table| table.items.iter().position(|item| item[key].is(&of) || item["Arn"].is(&of)));
                    let Some(holder) = holder else { continue };
                    let list = format!("{at}/{holder}/{field}");
                    let own = named_by(field).and_then(|name| value[name].told());
                    let entries = self.tables.get(&at).and_then(|table| table.items.get(holder)?[field].as_array());
                    let entries = entries.map_or(&[][..], Vec::as_slice);
                    let named = |entry: &Value| named_by(field).and_then(|name| entry[name].told()) == own;
                    let position =
                        entries.iter().position(|entry| if own.is_some() { named(entry) } else { *entry == value });
                    let Some(position) = position else { continue };
                    let count = entries.len();
                    self.ledger.origins.take_out(&list, position, count);
                    let item = self.tables.get_mut(&at).and_then(|table| table.items.get_mut(holder));
                    if let Some(Value::Array(entries)) = item.and_then(|item| item.get_mut(field)) {
                        let item = entries.remove(position);
                        self.went(list, item, address, replaced, &scratch);
                    }
                }
                Declared::Item { collection, item, .. } => {
                    let mut value = self.value(unit, item, &scratch);
                    identify(unit, collection, &mut value);
                    if collection.starts_with("eks.") && collection != "eks.clusters" {
                        self.name_cluster(&mut value);
                    }
                    let Some(own) = identity(collection, &value) else { continue };
                    let lists = match collection.strip_prefix("kubernetes.") {
                        Some(list) => {
                            (0..self.groups.len()).map(|at| format!("/kubernetes/{at}/{}", escape(list))).collect()
                        }
                        None => vec![pointer_of(collection)],
                    };
                    let mut found = lists.into_iter().filter_map(|at| {
                        let items = &self.tables.get(&at)?.items;
                        let position =
                            items.iter().position(|item| identity(collection, item).as_ref() == Some(&own))?;
                        Some((at, position))
                    });
                    let (Some((at, position)), None) = (found.next(), found.next()) else { continue };
                    let Some(table) = self.tables.get_mut(&at) else { continue };
                    let count = table.items.len();
                    let item = table.items.remove(position);
                    table.index = None;
                    self.ledger.origins.take_out(&at, position, count);
                    self.moved(&at, position);
                    self.went(at, item, address, replaced, &scratch);
                }
                Declared::Job { .. } | Declared::Gateway { .. } => {}
            }
        }
    }

    fn went(&mut self, list: String, item: Value, address: String, replaced: bool, scratch: &str) {
        let place = self.ledger.origins.find(scratch).map(|origin| (origin.source, origin.pointer));
        self.gone.push(Gone { list, item, address, replaced, place });
    }

    /// What was taken out of things that now stand one place further ahead; of what is gone itself nothing is told.
    fn moved(&mut self, at: &str, position: usize) {
        self.gone.retain_mut(|gone| {
            let Some(inside) = gone.list.strip_prefix(at).and_then(|rest| rest.strip_prefix('/')) else { return true };
            let (index, rest) = inside.split_once('/').unwrap_or((inside, ""));
            match index.parse::<usize>() {
                Ok(index) if index == position => false,
                Ok(index) if index > position => {
                    gone.list = format!("{at}/{}/{rest}", index - 1);
                    true
                }
                _ => true,
            }
        });
    }
}

/// Notes what fills the holes in a value, from what stands in their places.
fn bind(value: &Value, has: &Value, holes: &mut Holes) {
    if let Some(text) = has.as_str() {
        let unknown =
            Unknown::of(value).filter(|unknown| unknown.unblock.is_none()).map(|unknown| Text::hole(unknown.why));
        let Some(own) = unknown.or_else(|| Text::of(value)) else { return };
        let (before, hole, after) = match own.parts() {
            [Part::Hole(hole)] => ("", hole, ""),
            [Part::Literal(before), Part::Hole(hole)] => (before.as_str(), hole, ""),
            [Part::Hole(hole), Part::Literal(after)] => ("", hole, after.as_str()),
            [Part::Literal(before), Part::Hole(hole), Part::Literal(after)] => (before.as_str(), hole, after.as_str()),
            _ => return,
        };
        let inside =
            text.strip_prefix(before).and_then(|rest| rest.strip_suffix(after)).filter(|inside| !inside.is_empty());
        if let Some(inside) = inside
            && !holes.contains_key(hole)
        {
            holes.insert(hole.clone(), inside.to_owned());
        }
    } else if let (Value::Object(own), Value::Object(has)) = (value, has) {
        for (key, value) in own {
            has.get(key).into_iter().for_each(|has| bind(value, has, holes));
        }
    }
}

/// Lays what code says of a thing over what a snapshot says of it.
pub(super) fn overlay(have: &mut Value, new: Value) {
    if Unknown::of(&new).is_some() || (new.get("$text").is_some() && have.is_string()) {
        return;
    }
    match (have, new) {
        (Value::Object(have), Value::Object(new)) if !new.contains_key("Statement") && !new.contains_key("$text") => {
            for (key, value) in new {
                match (have.get_mut(&key), named_by(&key)) {
                    (Some(Value::Array(list)), Some(name)) => {
                        for entry in value.as_array().cloned().unwrap_or_default() {
                            let same = list.iter_mut().find(|known| known[name].told() == entry[name].told());
                            match same.filter(|_| entry[name].told().is_some()) {
                                Some(known) => overlay(known, entry),
                                None if Unknown::of(&entry).is_none() => list.push(entry),
                                None => {}
                            }
                        }
                    }
                    (Some(known), _) => overlay(known, value),
                    (None, _) => {
                        have.insert(key, value);
                    }
                }
            }
        }
        (have, new) => *have = new,
    }
}

/// What tells apart the entries of a list to which declarations add.
pub(super) fn named_by(list: &str) -> Option<&'static str> {
    Some(match list {
        "RolePolicyList" | "UserPolicyList" | "GroupPolicyList" => "PolicyName",
        "AttachedManagedPolicies" => "PolicyArn",
        "associatedAccessPolicies" => "policyArn",
        "Tags" => "Key",
        _ => return None,
    })
}
