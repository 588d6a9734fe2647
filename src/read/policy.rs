//! Policy documents, which AWS prints as objects, as text, or URL-encoded.

use super::{ReadError, file, json};
use crate::estate::{Origin, Source, Syntax};
use crate::known::Unknown;
use percent_encoding::percent_decode_str;
use serde_json::Value;
use std::path::Path;

/// What became of a policy document.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Decoded {
    /// It was an object already.
    Untouched,
    /// It was a text, and is now the object that stood in it.
    FromText,
    /// It could not be read, and is now unknown.
    Unreadable(String),
}

/// Makes a policy document the object that it describes.
///
/// The raw API encodes policies for URLs (RFC 3986); the command line decodes them; what passes
/// through other tools may be encoded once more or left a text.
pub(crate) fn decode(policy: &mut Value) -> Decoded {
    let mut text = match &mut *policy {
        Value::Object(_) => return Decoded::Untouched,
        Value::String(text) => std::mem::take(text),
        other => {
            let kind = match other {
                Value::Null => "null",
                Value::Array(_) => "a list",
                _ => "neither an object nor a text",
            };
            return unreadable(policy, format!("it is {kind}"));
        }
    };
    for _ in 0..2 {
        if text.trim_start().starts_with('{') || !text.contains('%') {
            break;
        }
        match percent_decode_str(&text).decode_utf8() {
            Ok(decoded) => text = decoded.into_owned(),
            Err(_) => return unreadable(policy, "its URL encoding does not hold UTF-8".to_owned()),
        }
    }
    match json::document(&text) {
        Ok(document @ Value::Object(_)) => {
            *policy = document;
            Decoded::FromText
        }
        Ok(_) => unreadable(policy, "its text is JSON, but not an object".to_owned()),
        Err(fault) => unreadable(
            policy,
            format!(
                "its text is not JSON: {} (line {}, column {} of the text)",
                fault.message, fault.line, fault.column
            ),
        ),
    }
}

fn unreadable(policy: &mut Value, why: String) -> Decoded {
    *policy = Unknown { why: format!("the policy could not be read: {why}"), unblock: None }.to_value();
    Decoded::Unreadable(why)
}

/// A file of policies.
#[derive(Clone, Debug)]
pub struct PolicyFile {
    /// The file itself.
    pub source: Source,
    /// Its policies, each with its place in the file; the number of the source is left at 0.
    pub documents: Vec<(Value, Origin)>,
}

/// Where a policy stands in what the commands print that show one.
const AROUND: [&str; 5] =
    ["/PolicyVersion/Document", "/PolicyDocument", "/Policy", "/Role/AssumeRolePolicyDocument", "/Document"];

/// Reads a file of policies: one document, a list of them, or what `aws iam get-policy-version`,
/// `get-role-policy`, `get-role` and `aws s3api get-bucket-policy` print.
///
/// # Errors
/// If the file cannot be read, or is not JSON.
pub fn policies(path: &Path) -> Result<PolicyFile, ReadError> {
    let error = |reason: String| ReadError::Path { path: file::shown(path), reason };
    let bytes = file::bytes(path).map_err(|unreadable| error(unreadable.reason()))?;
    let text = file::text(&bytes).map_err(|unreadable| error(unreadable.reason()))?;
    let whole = json::document(text).map_err(|fault| {
        error(format!("it is not JSON: {} (line {}, column {})", fault.message, fault.line, fault.column))
    })?;
    let source =
        Source { path: file::shown(path), kind: "policy".to_owned(), syntax: Syntax::Json, ..Source::default() };
    let items = match whole {
        Value::Array(items) => items.into_iter().enumerate().map(|(at, item)| (item, format!("/{at}"))).collect(),
        whole => vec![(whole, String::new())],
    };
    let documents = items.into_iter().map(|(item, pointer)| inside(item, pointer));
    Ok(PolicyFile { source, documents: documents.collect() })
}

/// The policy in a value, which may have something around it or be a text.
fn inside(item: Value, mut pointer: String) -> (Value, Origin) {
    let around = AROUND.iter().find_map(|around| Some((around, item.pointer(around)?)));
    let mut document = match around {
        Some((around, policy)) if item.get("Statement").is_none() => {
            pointer.push_str(around);
            policy.clone()
        }
        _ => item,
    };
    let opaque = document.is_string() && decode(&mut document) == Decoded::FromText;
    (document, Origin { source: 0, pointer, opaque })
}

#[cfg(test)]
mod tests {
    use super::*;
    use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
    use serde_json::json;

    #[test]
    fn encoded_never_once_or_twice() {
        let object = json!({"Version": "2012-10-17", "Statement": [{"Resource": "arn:aws:s3:::a%20b/*"}]});
        let plain = object.to_string();
        let once = utf8_percent_encode(&plain, NON_ALPHANUMERIC).to_string();
        let twice = utf8_percent_encode(&once, NON_ALPHANUMERIC).to_string();
        for text in [plain, once, twice] {
            let mut policy = Value::String(text);
            assert_eq!(decode(&mut policy), Decoded::FromText);
            assert_eq!(policy, object);
        }
        let mut untouched = object.clone();
        assert_eq!(decode(&mut untouched), Decoded::Untouched);
    }

    #[test]
    fn what_cannot_be_read_is_unknown() {
        for value in [json!("{\"Statement\": ["), json!("%ff"), json!("[]"), json!(null), json!("")] {
            let mut policy = value.clone();
            assert!(matches!(decode(&mut policy), Decoded::Unreadable(_)), "{value}");
            assert!(Unknown::of(&policy).unwrap().why.starts_with("the policy could not be read: "));
        }
    }
}
