//! Snapshots: an estate as one file that may leave the house.
//!
//! The same state gives the same bytes: what AWS and Kubernetes return in any order is ordered by what
//! identifies it. Secrets are taken out once more, whoever read the estate. A day stands for the time
//! at which it was captured, so that two snapshots of a day differ only where the state does.
//!
//! Deliberately absent: rollouts, which are worked out from the rest, and where the parts were read.

mod pseudonym;

pub use pseudonym::rename;

use crate::estate::{Estate, identity};
use crate::redact::redact;
use flate2::{Compression, write::GzEncoder};
use serde_json::Value;
use std::io::Write;

/// The snapshot of an estate, without secrets and in order.
#[must_use]
pub fn of(estate: &Estate) -> Value {
    let mut document = estate.to_snapshot();
    if document["sparkcheck"]["captured"].is_null() {
        document["sparkcheck"]["captured"] = estate.document["sparkcheck"]["today"].clone();
    }
    if let Value::Object(document) = &mut document {
        document.remove("rollouts");
    }
    redact(&mut document);
    order(&mut document);
    document
}

/// The bytes of a snapshot in a file of this name: JSON, compressed where the name ends in `.gz`.
///
/// # Errors
/// If it cannot be compressed.
pub fn bytes(snapshot: &Value, name: &str) -> std::io::Result<Vec<u8>> {
    let mut text = serde_json::to_vec_pretty(snapshot)?;
    text.push(b'\n');
    if !name.to_ascii_lowercase().ends_with(".gz") {
        return Ok(text);
    }
    // Neither a time nor a name goes into the head of the file.
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(&text)?;
    encoder.finish()
}

/// Lists whose order says nothing, beside those of collections.
const SETS: &[&str] = &[
    "Tags",
    "AttachedManagedPolicies",
    "RolePolicyList",
    "UserPolicyList",
    "GroupPolicyList",
    "PolicyVersionList",
    "InstanceProfileList",
    "GroupList",
    "ClientIDList",
    "ThumbprintList",
    "associatedAccessPolicies",
    "kubernetesGroups",
    "subnetIds",
    "securityGroupIds",
    "podIdentityAssociations",
];

/// Puts lists into an order that does not depend on who was asked first.
fn order(document: &mut Value) {
    let Value::Object(sections) = document else { return };
    for (section, content) in sections {
        match content {
            Value::Object(lists) => lists.iter_mut().for_each(|(list, items)| collection(section, list, items)),
            Value::Array(groups) if section == "kubernetes" => {
                for group in groups.iter_mut().filter_map(Value::as_object_mut) {
                    group.iter_mut().for_each(|(list, items)| collection("kubernetes", list, items));
                }
                groups.sort_by_cached_key(|group| group["cluster"].to_string());
            }
            _ => {}
        }
    }
}

fn collection(section: &str, list: &str, items: &mut Value) {
    if section == "sparkcheck" {
        return;
    }
    let name = format!("{section}.{list}");
    if let Value::Array(items) = items {
        items.iter_mut().for_each(sets);
        items.sort_by_cached_key(|item| (identity(&name, item), item.to_string()));
    } else {
        sets(items);
    }
}

fn sets(value: &mut Value) {
    match value {
        Value::Object(map) => {
            for (key, inner) in map {
                sets(inner);
                if let (true, Value::Array(list)) = (SETS.contains(&key.as_str()), inner) {
                    list.sort_by_cached_key(Value::to_string);
                }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(sets),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_order_of_answers_leaves_no_trace() {
        let state = |roles: Value, tags: Value, groups: Value| {
            let mut roles = roles;
            roles[0]["Tags"] = tags;
            let document =
                json!({"iam": {"roles": roles}, "kubernetes": groups, "sparkcheck": {"today": "2026-11-20"}});
            bytes(&of(&Estate { document, ..Estate::default() }), "x.json.gz").unwrap()
        };
        let (a, b) = (json!({"Arn": "a"}), json!({"Arn": "b"}));
        let (one, two) = (json!({"cluster": "1", "pods": []}), json!({"cluster": "2"}));
        let first = state(json!([a, b]), json!([{"Key": "x"}, {"Key": "y"}]), json!([one, two]));
        assert_eq!(first.get(..2), Some(&[0x1f, 0x8b][..]));
        let mut other = json!({"iam": {"roles": [b, {"Arn": "a", "Tags": [{"Key": "y"}, {"Key": "x"}]}]},
            "kubernetes": [two, one], "sparkcheck": {"today": "2026-11-20"}});
        other["rollouts"] = json!([{"system": "emr-on-eks"}]);
        let other = bytes(&of(&Estate { document: other, ..Estate::default() }), "y.GZ").unwrap();
        assert_eq!(first, other);
    }
}
