//! What somebody wrote: a value, where it stands in its file, and holes where placeholders are.
//!
//! Deliberately absent: what the values mean. That is for the front end that walks over them.

#![allow(dead_code, reason = "dispatch comes with the assembly of code")]

use super::code::{At, Form, Node, Where};
use super::{json, placeholder, yaml};
use crate::known::{Text, Unknown};
use crate::path::escape;
use serde_json::{Map, Value};

/// A value of a file, and its pointer there.
#[derive(Clone, Debug)]
pub(crate) struct Written<'v> {
    /// The value; null where there is none.
    pub(crate) value: &'v Value,
    /// Its pointer in the file.
    pub(crate) pointer: String,
    /// The number of the file in the code.
    pub(crate) file: u32,
}

static NULL: Value = Value::Null;

/// The documents of a written file, with placeholders as holes; pointers into it begin with the
/// number of the document. What came before a fault is returned with it.
pub(crate) fn documents(text: &str) -> (Vec<Value>, Option<yaml::YamlFault>) {
    let aside = placeholder::set_aside(text);
    let (mut documents, fault) = yaml::documents(&aside);
    documents.iter_mut().for_each(fill);
    (documents, fault)
}

/// The value of a JSON text with placeholders, also outside of strings, and the pointer of its root.
///
/// What JSON refuses is tried as YAML, of which JSON is a part: it takes a placeholder without quotes.
pub(crate) fn json_value(text: &str) -> Result<(Value, bool), (String, usize, usize)> {
    match json::document(text) {
        Ok(mut value) => {
            fill(&mut value);
            Ok((value, false))
        }
        Err(fault) => {
            let fault = (fault.message, fault.line, fault.column);
            if placeholder::scan(text).is_empty() {
                return Err(fault);
            }
            let (mut documents, broken) = documents(text);
            match documents.pop() {
                Some(value) if broken.is_none() && documents.is_empty() && (value.is_object() || value.is_array()) => {
                    Ok((value, true))
                }
                _ => Err(fault),
            }
        }
    }
}

/// Makes holes of the placeholders in all texts and keys of a value.
pub(crate) fn fill(value: &mut Value) {
    match value {
        Value::String(text) => {
            let restored = placeholder::restore(text);
            match placeholder::holes(&restored) {
                Some(holes) => *value = holes.to_value(),
                None => {
                    if let std::borrow::Cow::Owned(restored) = restored {
                        *text = restored;
                    }
                }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(fill),
        Value::Object(map) => {
            let odd =
                map.keys().any(|key| placeholder::restore(key) != key.as_str() || placeholder::holes(key).is_some());
            if odd {
                *map = std::mem::take(map).into_iter().map(|(key, value)| (key_text(&key), value)).collect();
            }
            map.values_mut().for_each(fill);
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// A key with its holes as `${name}`, the way in which conditions of policies write them.
pub(crate) fn key_text(key: &str) -> String {
    let key = placeholder::restore(key);
    placeholder::holes(&key).map_or_else(|| key.clone().into_owned(), |text| text.to_string())
}

impl<'v> Written<'v> {
    /// The root of a document.
    pub(crate) fn root(value: &'v Value, pointer: impl Into<String>) -> Self {
        Self { value, pointer: pointer.into(), file: 0 }
    }

    /// What stands under a key; null at this place if nothing does.
    pub(crate) fn get(&self, key: &str) -> Self {
        match self.value.get(key) {
            Some(value) => Self { value, pointer: format!("{}/{}", self.pointer, escape(key)), file: self.file },
            None => Self { value: &NULL, pointer: self.pointer.clone(), file: self.file },
        }
    }

    /// Whether anything stands here.
    pub(crate) fn is_there(&self) -> bool {
        !self.value.is_null()
    }

    /// The items of a list.
    pub(crate) fn items(&self) -> Vec<Self> {
        let items = self.value.as_array().into_iter().flatten().enumerate();
        items
            .map(|(index, value)| Self { value, pointer: format!("{}/{index}", self.pointer), file: self.file })
            .collect()
    }

    /// The entries of an object.
    pub(crate) fn entries(&self) -> Vec<(&'v str, Self)> {
        let entries = self.value.as_object().filter(|map| !is_symbol(map)).into_iter().flatten();
        entries.map(|(key, _)| (key.as_str(), self.get(key))).collect()
    }

    /// The text, number or truth here, with its holes.
    pub(crate) fn text(&self) -> Option<Text> {
        Text::of(self.value)
    }

    /// The text here, if it has no holes.
    pub(crate) fn str(&self) -> Option<&'v str> {
        self.value.as_str()
    }

    /// The truth here, also where it is a text.
    pub(crate) fn truth(&self) -> Option<bool> {
        match self.value {
            Value::Bool(truth) => Some(*truth),
            Value::String(text) => text.parse().ok(),
            _ => None,
        }
    }

    /// The place.
    pub(crate) fn at(&self) -> Option<At> {
        Some(At { file: self.file, span: Where::Pointer(self.pointer.clone()) })
    }

    /// The value as it stands here; null if there is none.
    pub(crate) fn node(&self) -> Node {
        node(self.value).written(self.is_there().then(|| self.at()).flatten())
    }
}

fn is_symbol(map: &Map<String, Value>) -> bool {
    map.contains_key("$unknown") || map.contains_key("$text")
}

/// A value as a node that was written nowhere.
pub(crate) fn node(value: &Value) -> Node {
    Node::new(match value {
        Value::Null => Form::Null,
        Value::Bool(truth) => Form::Bool(*truth),
        Value::Number(number) => Form::Number(number.clone()),
        Value::String(text) => Form::Text(Text::literal(text.as_str())),
        Value::Array(items) => Form::List(items.iter().map(node).collect()),
        Value::Object(map) if map.contains_key("$unknown") => {
            Form::Unknown(Unknown::of(value).unwrap_or(Unknown { why: "unknown".to_owned(), unblock: None }))
        }
        Value::Object(map) if map.contains_key("$text") => Form::Text(Text::of(value).unwrap_or_default()),
        Value::Object(map) => Form::Object(map.iter().map(|(key, value)| (key.clone(), node(value))).collect()),
    })
}

/// An object of those fields that say something.
pub(crate) fn object<'k>(fields: impl IntoIterator<Item = (&'k str, Node)>) -> Node {
    let fields = fields.into_iter().filter(|(_, node)| !matches!(node.form, Form::Null));
    Node::new(Form::Object(fields.map(|(key, node)| (key.to_owned(), node)).collect()))
}

/// A list.
pub(crate) fn list(items: Vec<Node>) -> Node {
    Node::new(Form::List(items))
}

/// A text with holes that was written nowhere.
pub(crate) fn text(text: Text) -> Node {
    Node::new(Form::Text(text))
}

/// Texts one after the other.
pub(crate) fn join(parts: impl IntoIterator<Item = Text>) -> Text {
    Text::from_parts(parts.into_iter().flat_map(|text| text.parts().to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn placeholders_become_holes_wherever_they_stand() {
        let (documents, fault) =
            documents("a: [{REGION}\"a\", \"${X}b\"]\n\"<OIDC_URL>:sub\": {{ n }}\ncount: <SIZE>\n");
        assert_eq!(fault, None);
        assert_eq!(
            documents,
            [json!({
                "a": [{"$text": [{"$unknown": "region"}, "\"a\""]}, {"$text": [{"$unknown": "X"}, "b"]}],
                "${OIDC_URL}:sub": {"$text": [{"$unknown": "n"}]},
                "count": {"$text": [{"$unknown": "SIZE"}]},
            })]
        );
        let (value, as_yaml) = json_value("{\n\t\"n\": ${COUNT},\n\t\"a\": \"${ARN}\"\n}").unwrap();
        assert!(as_yaml);
        assert_eq!(value["n"], json!({"$text": [{"$unknown": "COUNT"}]}));
        assert!(json_value("{\"a\": }").is_err());
    }
}
