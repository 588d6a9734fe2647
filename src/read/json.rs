//! JSON, as strict as the commands that print it.
//!
//! An object that names a key twice means one thing to one reader and another to the next, so it
//! is refused. Everything else is what `serde_json` makes of it, its limit on nesting included.
//! A text may hold several documents one after the other, as `aws … >> all.json` leaves them.

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::map::Entry;
use serde_json::{Map, Number, Value};
use std::fmt;

/// Why a text could not be read, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    /// What is wrong, lowercase and without a period.
    pub(crate) message: String,
    /// The line, from 1.
    pub(crate) line: usize,
    /// The column in it, from 1.
    pub(crate) column: usize,
}

/// How many values a text may hold, about: a small text can be very many small values.
const VALUES: usize = 50_000_000;

/// The documents of a text, up to the first fault.
pub(crate) fn documents(text: &str) -> (Vec<Value>, Option<Fault>) {
    let mut documents = Vec::new();
    if text.len() > VALUES && text.bytes().filter(|byte| *byte == b',').count() > VALUES {
        return (documents, Some(Fault { message: format!("more than {VALUES} values"), line: 1, column: 1 }));
    }
    for document in serde_json::Deserializer::from_str(text).into_iter::<Strict>() {
        match document {
            Ok(Strict(value)) => documents.push(value),
            Err(error) => return (documents, Some(fault(text, &error))),
        }
    }
    (documents, None)
}

/// The one document of a text.
pub(crate) fn document(text: &str) -> Result<Value, Fault> {
    serde_json::from_str::<Strict>(text).map(|strict| strict.0).map_err(|error| fault(text, &error))
}

fn fault(text: &str, error: &serde_json::Error) -> Fault {
    let whole = error.to_string();
    let message = whole.rsplit_once(" at line ").map_or(whole.as_str(), |(message, _)| message);
    let message = match error.classify() {
        serde_json::error::Category::Eof => "the text ends in the middle: the file was cut off".to_owned(),
        _ if message == "recursion limit exceeded" => "nested more than 128 deep".to_owned(),
        _ => message.to_owned(),
    };
    let line = error.line().max(1);
    let column = match text.lines().nth(line - 1) {
        // serde_json counts bytes; people and editors count characters.
        Some(content) => {
            let bytes = error.column().saturating_sub(1).min(content.len());
            content.char_indices().take_while(|(at, _)| *at < bytes).count() + 1
        }
        None => 1,
    };
    Fault { message, line, column }
}

/// A value in which no object names a key twice.
struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Build).map(Strict)
    }
}

struct Build;

impl<'de> Visitor<'de> for Build {
    type Value = Value;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(Strict(value)) = access.next_element()? {
            list.push(value);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = access.next_key::<String>()? {
            match map.entry(key) {
                Entry::Vacant(vacant) => {
                    let Strict(value) = access.next_value()?;
                    vacant.insert(value);
                }
                Entry::Occupied(occupied) => {
                    return Err(Error::custom(format_args!("the key `{}` stands here a second time", occupied.key())));
                }
            }
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn says_what_is_wrong_and_where() {
        let deep = "[".repeat(10_000);
        for (text, message, line, column) in [
            ("{\"a\": 1,\n \"é\": 2, \"a\": 3}", "the key `a` stands here a second time", 2, 12),
            ("{\"a\": [1,", "the text ends in the middle: the file was cut off", 1, 9),
            ("{\"a\": nope}", "expected ident", 1, 8),
            (deep.as_str(), "nested more than 128 deep", 1, 128),
        ] {
            let (_, fault) = documents(text);
            let fault = fault.unwrap();
            assert_eq!((fault.message.as_str(), fault.line, fault.column), (message, line, column), "{text:.40}");
        }
    }

    #[test]
    fn reads_documents_one_after_the_other() {
        assert_eq!(documents("{\"a\":1}\n[2] 3"), (vec![json!({"a": 1}), json!([2]), json!(3)], None));
        assert_eq!(documents("  \n"), (vec![], None));
    }

    proptest! {
        #[test]
        fn agrees_with_serde_json(text in r#"[\[\]{}:,"a1e.\\ \-tru]{0,40}"#) {
            let ours = document(&text).ok();
            let theirs = serde_json::from_str::<Value>(&text).ok();
            if let Some(ours) = ours {
                prop_assert_eq!(Some(ours), theirs);
            } else if let Some(theirs) = theirs {
                // Only a key written twice is refused beyond what serde_json refuses.
                prop_assert!(theirs.to_string().matches('"').count() < text.matches('"').count());
            }
        }
    }
}
