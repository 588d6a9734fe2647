//! Policy documents, which AWS prints as objects, as text, or URL-encoded.

use super::json;
use crate::known::Unknown;
use percent_encoding::percent_decode_str;
use serde_json::Value;

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
