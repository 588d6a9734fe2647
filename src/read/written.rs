//! What somebody wrote: a value, where it stands in its file, and holes where placeholders are.
//!
//! Deliberately absent: what the values mean. That is for the front end that walks over them.

#![allow(dead_code, reason = "dispatch comes with the assembly of code")]

use super::code::{At, Code, CodeFile, Declared, Form, Node, Where};
use super::place::Lines;
use super::{json, placeholder, yaml};
use crate::estate::{Gap, Syntax};
use crate::known::{Text, Unknown};
use crate::path::escape;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

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

/// The documents of a written YAML file, with placeholders as holes; pointers into it begin with the
/// number of the document. What came before a fault is returned with it.
#[derive(Debug, Default)]
pub(crate) struct Documents {
    /// The documents.
    pub(crate) documents: Vec<Value>,
    /// What is left to be filled in by hand, and keys that stand twice, as items of collections.
    pub(crate) remarks: Vec<Declared>,
    /// Why the rest could not be read.
    pub(crate) fault: Option<yaml::YamlFault>,
}

/// Reads a YAML text that somebody wrote.
pub(crate) fn yaml_documents(text: &str) -> Documents {
    let aside = placeholder::set_aside(text);
    let (mut documents, repeated, fault) = yaml::lenient(&aside);
    let mut remarks = Vec::new();
    let lines = Lines::of(text);
    for one in repeated {
        let start = lines.offset(one.line - 1, one.column - 1);
        let span = Where::Bytes(start as u32, (start + one.key.len()) as u32);
        let at = Some(At { file: 0, span });
        let key = Node::text(placeholder::restore(&one.key).into_owned());
        let item = object([("key", key), ("line", Node::new(Form::Number(one.line.into())))]).written(at);
        remarks.push(Declared::Item { collection: "files.repeatedKeys", cluster: None, item });
    }
    let mut left = Left::default();
    for (number, document) in documents.iter_mut().enumerate() {
        left.look(document, &mut format!("/{number}"));
        fill(document);
    }
    remarks.extend(left.remarks());
    Documents { documents, remarks, fault }
}

/// What is left to be filled in by hand, and the pointers where.
#[derive(Default)]
struct Left {
    found: BTreeMap<String, Vec<String>>,
}

/// How many different placeholders of a file are told, and how many places of each.
const TOLD: (usize, usize) = (50, 5);

/// Hosts that a process has for itself alone.
const LOCAL: [&str; 2] = ["://localhost", "://127.0.0.1"];

impl Left {
    fn look(&mut self, value: &Value, pointer: &mut String) {
        match value {
            Value::String(text) => {
                let text = placeholder::restore(text);
                if let Some(host) = placeholder::stand_in(&text) {
                    self.tell(host, pointer);
                }
                for one in placeholder::scan(&text) {
                    let raw = text.get(one.start..one.end).unwrap_or_default();
                    if one.dialect == placeholder::Dialect::Hand {
                        self.tell(raw, pointer);
                    }
                }
            }
            Value::Array(list) => {
                let length = pointer.len();
                for (index, inner) in list.iter().enumerate() {
                    pointer.push('/');
                    pointer.push_str(&index.to_string());
                    self.look(inner, pointer);
                    pointer.truncate(length);
                }
            }
            Value::Object(map) => {
                self.connection(map, pointer);
                let length = pointer.len();
                for (key, inner) in map {
                    pointer.push('/');
                    pointer.push_str(&escape(&key_text(key)));
                    self.look(inner, pointer);
                    pointer.truncate(length);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn tell(&mut self, raw: &str, pointer: &str) {
        if self.found.len() >= TOLD.0 && !self.found.contains_key(raw) {
            return;
        }
        let places = self.found.entry(raw.to_owned()).or_default();
        if places.len() < TOLD.1 && places.last().map(String::as_str) != Some(pointer) {
            places.push(pointer.to_owned());
        }
    }

    /// What a gateway's configuration needs to reach a cluster or its database, and is not there yet.
    fn connection(&mut self, map: &Map<String, Value>, pointer: &str) {
        let is_cluster = map.contains_key("sparkVersions") || map.contains_key("sparkServiceAccount");
        let is_database = map.contains_key("connectionString") && map.contains_key("dbName");
        let needed: &[&str] = match (is_cluster, is_database) {
            (true, _) => &["masterUrl", "caCertDataSOPS", "userTokenSOPS"],
            (_, true) => &["connectionString", "user", "password", "dbName"],
            _ => return,
        };
        for (key, value) in needed.iter().filter_map(|key| Some((*key, map.get(*key)?))) {
            let left = match value {
                Value::Null => true,
                Value::String(text) => match key {
                    // A certificate has some hundred characters and more.
                    "caCertDataSOPS" => text.len() < 64 && text.bytes().all(|byte| byte.is_ascii_alphanumeric()),
                    // In the gateway's pod, that is the pod itself.
                    "connectionString" => text.is_empty() || LOCAL.iter().any(|host| text.contains(host)),
                    _ => text.is_empty(),
                },
                _ => false,
            };
            if left {
                self.tell(key, &format!("{pointer}/{key}"));
            }
        }
    }

    fn remarks(self) -> impl Iterator<Item = Declared> {
        self.found.into_iter().map(|(raw, pointers)| {
            let at = |pointer: String| Some(At { file: 0, span: Where::Pointer(pointer) });
            let first = pointers.first().cloned().and_then(at);
            let places = pointers.into_iter().map(|pointer| Node::text(raw.clone()).written(at(pointer)));
            let places = list(places.collect());
            let item = object([("text", Node::text(raw.clone())), ("places", places)]).written(first);
            Declared::Item { collection: "files.placeholders", cluster: None, item }
        })
    }
}

/// A JSON text that somebody wrote.
#[derive(Debug)]
pub(crate) struct Json {
    /// Its value, with placeholders as holes.
    pub(crate) value: Value,
    /// How its pointers are looked up: as YAML where a placeholder outside of quotes makes it no JSON.
    pub(crate) syntax: Syntax,
    /// The pointer of the value.
    pub(crate) root: &'static str,
    /// What is left to be filled in by hand.
    pub(crate) remarks: Vec<Declared>,
}

/// Reads a JSON text that somebody wrote.
///
/// What JSON refuses is tried as YAML, of which JSON is a part: it takes a placeholder without quotes.
pub(crate) fn json_value(text: &str) -> Result<Json, json::Fault> {
    match json::document(text) {
        Ok(mut value) => {
            let mut left = Left::default();
            left.look(&value, &mut String::new());
            fill(&mut value);
            Ok(Json { value, syntax: Syntax::Json, root: "", remarks: left.remarks().collect() })
        }
        Err(fault) => {
            if placeholder::scan(text).is_empty() {
                return Err(fault);
            }
            let Documents { mut documents, remarks, fault: broken } = yaml_documents(text);
            match documents.pop() {
                Some(value) if broken.is_none() && documents.is_empty() && (value.is_object() || value.is_array()) => {
                    Ok(Json { value, syntax: Syntax::Yaml, root: "/0", remarks })
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
                map.keys().any(|key| placeholder::restore(key) != key.as_str() || !placeholder::scan(key).is_empty());
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

/// One file of code.
pub(crate) fn code(
    kind: &'static str,
    path: &str,
    syntax: Syntax,
    declared: Vec<Declared>,
    fault: Option<yaml::YamlFault>,
) -> Code {
    let gaps = fault.map(|fault| Gap {
        what: path.to_owned(),
        scope: String::new(),
        why: format!("`{path}` cannot be read: {}", fault.message),
        unblock: Some("mend it, or render it first".to_owned()),
        place: Some(format!("{path}:{}:{}", fault.line, fault.column)),
    });
    let files = vec![CodeFile { path: path.to_owned(), syntax, held: None }];
    Code { kind, files, declared, gaps: gaps.into_iter().collect(), ..Code::default() }
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
        let Documents { documents, fault, remarks } =
            yaml_documents("a: [{REGION}\"a\", \"${X}b\"]\n\"<OIDC_URL>:sub\": {{ n }}\ncount: <SIZE>\n");
        assert_eq!(fault, None);
        assert_eq!(remarks.len(), 2);
        assert_eq!(
            documents,
            [json!({
                "a": [{"$text": [{"$unknown": "region"}, "\"a\""]}, {"$text": [{"$unknown": "X"}, "b"]}],
                "${OIDC_URL}:sub": {"$text": [{"$unknown": "n"}]},
                "count": {"$text": [{"$unknown": "SIZE"}]},
            })]
        );
        let json = json_value("{\n\t\"n\": ${COUNT},\n\t\"a\": \"${ARN}\"\n}").unwrap();
        assert_eq!(json.root, "/0");
        assert_eq!(json.value["n"], json!({"$text": [{"$unknown": "COUNT"}]}));
        assert!(json_value("{\"a\": }").is_err());
        let twice = yaml_documents("a: 1\nb: {c: 1, c: 2}\na: 3\n");
        assert_eq!(twice.documents, [json!({"a": 3, "b": {"c": 2}})]);
        assert_eq!(twice.remarks.len(), 2);
    }
}
