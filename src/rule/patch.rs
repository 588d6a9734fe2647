//! Changes to an estate: what a fix mends, and how an example differs from its fixture.
//!
//! Places are JSONPaths rather than indexes, so that a change reads as what it does and survives a
//! fixture that grows.

use crate::path::{Path, PathError, unescape};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One change to a document.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(untagged, deny_unknown_fields)]
pub enum Change {
    /// The value at a path becomes this one; the last name of the path may be new.
    Set {
        /// Where.
        set: String,
        /// The new value.
        to: Value,
    },
    /// Every value at a path is taken out.
    Remove {
        /// Where.
        remove: String,
    },
    /// A value is added to the end of the list at a path; the list may be new.
    Append {
        /// Which list.
        append: String,
        /// The value.
        value: Value,
    },
}

/// Why a change cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChangeError {
    /// The path is none.
    #[error(transparent)]
    Path(#[from] PathError),
    /// There is nothing at the path.
    #[error("there is nothing at `{0}` to change")]
    Nothing(String),
}

/// Makes the changes, one after the other.
pub fn apply(document: &mut Value, changes: &[Change]) -> Result<(), ChangeError> {
    changes.iter().try_for_each(|change| match change {
        Change::Set { set, to } => {
            let mut hit = false;
            for (parent, last) in parents(document, set)? {
                match document.pointer_mut(&parent) {
                    Some(Value::Object(object)) => {
                        object.insert(last, to.clone());
                        hit = true;
                    }
                    Some(Value::Array(items)) => {
                        if let Some(item) = last.parse::<usize>().ok().and_then(|index| items.get_mut(index)) {
                            *item = to.clone();
                            hit = true;
                        }
                    }
                    _ => {}
                }
            }
            if hit { Ok(()) } else { Err(ChangeError::Nothing(set.clone())) }
        }
        Change::Remove { remove } => {
            let path = Path::new(remove.as_str())?;
            path.compile()?;
            let mut pointers: Vec<String> = path.find(document).found.into_iter().map(|hit| hit.pointer).collect();
            if pointers.is_empty() {
                return Err(ChangeError::Nothing(remove.clone()));
            }
            pointers.reverse();
            for pointer in pointers {
                let Some((parent, last)) = pointer.rsplit_once('/') else { continue };
                match document.pointer_mut(parent) {
                    Some(Value::Object(object)) => {
                        object.remove(&unescape(last));
                    }
                    Some(Value::Array(items)) => {
                        if let Some(index) = last.parse().ok().filter(|index| *index < items.len()) {
                            items.remove(index);
                        }
                    }
                    _ => {}
                }
            }
            Ok(())
        }
        Change::Append { append, value } => {
            let mut hit = false;
            for (parent, last) in parents(document, append)? {
                if let Some(Value::Object(object)) = document.pointer_mut(&parent)
                    && let Value::Array(items) = object.entry(last).or_insert_with(|| Value::Array(Vec::new()))
                {
                    items.push(value.clone());
                    hit = true;
                }
            }
            if hit { Ok(()) } else { Err(ChangeError::Nothing(append.clone())) }
        }
    })
}

/// For each place that the path names, the pointer of what holds it and its last name there.
///
/// Where the path ends in a plain name, that name need not exist yet.
fn parents(document: &Value, text: &str) -> Result<Vec<(String, String)>, ChangeError> {
    let path = Path::new(text)?;
    path.compile()?;
    let plain_end = |at: usize, name: &str| {
        (!name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_')).then(|| (at, name.to_owned()))
    };
    let quoted = text
        .strip_suffix("']")
        .and_then(|head| head.rsplit_once("['"))
        .map(|(head, name)| (head.len(), name.to_owned()));
    let new_name = quoted.or_else(|| text.rsplit_once('.').and_then(|(head, name)| plain_end(head.len(), name)));
    let Some((at, name)) = new_name else {
        return Ok(path
            .find(document)
            .found
            .into_iter()
            .filter_map(|hit| hit.pointer.rsplit_once('/').map(|(parent, last)| (parent.to_owned(), unescape(last))))
            .collect());
    };
    let holder = Path::new(text.get(..at).unwrap_or_default())?;
    holder.compile()?;
    Ok(holder.find(document).found.into_iter().map(|hit| (hit.pointer, name.clone())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn changes_say_what_they_do() {
        let mut document =
            json!({"iam": {"roles": [{"RoleName": "a", "x.y": 1}, {"RoleName": "b"}, {"RoleName": "c"}]}});
        let changes: Vec<Change> = serde_json::from_value(json!([
            {"set": "$.iam.roles[?@.RoleName=='b'].Path", "to": "/spark/"},
            {"set": "$.iam.roles[0]['x.y']", "to": 2},
            {"remove": "$.iam.roles[?@.RoleName=='c']"},
            {"append": "$.iam.users", "value": {"UserName": "u"}},
            {"append": "$.iam.roles", "value": {"RoleName": "d"}},
        ]))
        .unwrap();
        apply(&mut document, &changes).unwrap();
        assert_eq!(
            document,
            json!({"iam": {
                "roles": [{"RoleName": "a", "x.y": 2}, {"RoleName": "b", "Path": "/spark/"}, {"RoleName": "d"}],
                "users": [{"UserName": "u"}],
            }})
        );
    }

    #[test]
    fn a_change_of_nothing_is_an_error() {
        for change in
            [json!({"remove": "$.a[0]"}), json!({"set": "$.b.c.d", "to": 1}), json!({"append": "$.b.c.d", "value": 1})]
        {
            let change: Change = serde_json::from_value(change).unwrap();
            assert!(apply(&mut json!({"a": []}), &[change]).is_err());
        }
    }
}
