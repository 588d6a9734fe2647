//! Shapes: from the names and habits of CloudFormation to those of the services.

use crate::known::Text;
use crate::read::code::{At, Form, Node};
use serde_json::Number;

/// The fields of an object that is being put together.
#[derive(Clone, Debug, Default)]
pub(super) struct Fields {
    fields: Vec<(String, Node)>,
    at: Option<At>,
}

impl Fields {
    /// No fields yet, at a place.
    pub(super) fn at(at: Option<At>) -> Self {
        Self { fields: Vec::new(), at }
    }

    /// Adds a field, if there is one.
    pub(super) fn put(&mut self, key: &str, node: Option<Node>) -> &mut Self {
        if let Some(node) = node.filter(|node| !matches!(node.form, Form::Null)) {
            self.fields.push((key.to_owned(), node));
        }
        self
    }

    /// Adds a text.
    pub(super) fn text(&mut self, key: &str, text: &str) -> &mut Self {
        self.put(key, Some(Node::text(text)))
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.fields.iter().any(|(name, _)| name == key)
    }

    /// The object.
    pub(super) fn node(self) -> Node {
        Node { form: Form::Object(self.fields), at: self.at }
    }
}

/// A list that stands where another value stands.
pub(super) fn list(items: Vec<Node>, at: Option<At>) -> Node {
    Node { form: Form::List(items), at }
}

/// The items of a list, or the one value that stands for a list.
pub(super) fn items(node: &Node) -> &[Node] {
    match &node.form {
        Form::List(items) => items,
        Form::Null => &[],
        _ => std::slice::from_ref(node),
    }
}

/// A number that may have been written as text.
pub(super) fn number(node: Node) -> Node {
    let parsed = node.as_str().and_then(|text| text.trim().parse::<i64>().ok());
    match parsed {
        Some(number) => Node { form: Form::Number(Number::from(number)), at: node.at },
        None => node,
    }
}

/// A truth that may have been written as text.
pub(super) fn truth(node: Node) -> Node {
    let parsed = match node.as_str() {
        Some(text) if text.eq_ignore_ascii_case("true") => Some(true),
        Some(text) if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    };
    match parsed {
        Some(truth) => Node { form: Form::Bool(truth), at: node.at },
        None => node,
    }
}

/// A number or a truth as the text that it was; anything else as it is.
pub(super) fn text(node: Node) -> Node {
    match node.form {
        Form::Number(_) | Form::Bool(_) => {
            let text = node.as_text().unwrap_or_default();
            Node { form: Form::Text(text), at: node.at }
        }
        _ => node,
    }
}

/// Everything in a value that is a number or a truth, as text.
pub(super) fn texts(node: Node) -> Node {
    let form = match node.form {
        Form::List(items) => Form::List(items.into_iter().map(texts).collect()),
        Form::Object(fields) => Form::Object(fields.into_iter().map(|(key, node)| (key, texts(node))).collect()),
        form => return text(Node { form, at: node.at }),
    };
    Node { form, at: node.at }
}

/// Fields whose keys are the user's own.
const OPEN: &[&str] = &["Properties", "ConfigurationProperties", "Labels", "Tags", "LaunchTemplateOverrides"];

/// Fields that hold numbers and truths, which a template may write as texts.
const NUMBERS: &[&str] =
    &["WorkerCount", "IdleTimeoutMinutes", "MinSize", "MaxSize", "DesiredSize", "DiskSize", "MaxUnavailable"];
const TRUTHS: &[&str] =
    &["Enabled", "EndpointPublicAccess", "EndpointPrivateAccess", "LivyEndpointEnabled", "StudioEnabled"];

/// A value in the names of a service that begins its fields with small letters.
pub(super) fn camel(node: Node) -> Node {
    let form = match node.form {
        Form::List(items) => Form::List(items.into_iter().map(camel).collect()),
        Form::Object(fields) => Form::Object(
            fields
                .into_iter()
                .map(|(key, node)| {
                    let node = match key.as_str() {
                        open if OPEN.contains(&open) => texts(node),
                        key if NUMBERS.contains(&key) => number(node),
                        key if TRUTHS.contains(&key) => truth(node),
                        _ => camel(node),
                    };
                    (small(&key), node)
                })
                .collect(),
        ),
        form => form,
    };
    Node { form, at: node.at }
}

/// A name with a small first letter.
pub(super) fn small(key: &str) -> String {
    let mut letters = key.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

/// Tags as a map, from a list of keys and values or from a map.
pub(super) fn tag_map(node: Node) -> Node {
    let Form::List(items) = node.form else { return texts(node) };
    let mut fields = Vec::new();
    for item in items {
        if let (Some(key), Some(value)) = (item.get("Key").and_then(Node::as_text), item.get("Value")) {
            fields.push((key.to_string(), text(value.clone())));
        }
    }
    Node { form: Form::Object(fields), at: node.at }
}

/// Tags as a list, whose values are texts.
pub(super) fn tag_list(node: Node) -> Node {
    match node.form {
        Form::Object(fields) => {
            let items = fields.into_iter().map(|(key, value)| {
                let at = value.at.clone();
                let pair = vec![("Key".to_owned(), Node::text(key)), ("Value".to_owned(), text(value))];
                Node { form: Form::Object(pair), at }
            });
            Node { form: Form::List(items.collect()), at: node.at }
        }
        form => texts(Node { form, at: node.at }),
    }
}

/// Adds an item to the list at a path in an object, and makes what is missing of the path.
pub(super) fn push(node: &mut Node, path: &[&str], item: Node) {
    let Some((first, rest)) = path.split_first() else {
        if let Form::List(items) = &mut node.form {
            items.push(item);
        }
        return;
    };
    let Form::Object(fields) = &mut node.form else { return };
    let at = match fields.iter().position(|(key, _)| key == first) {
        Some(at) => at,
        None => {
            let empty = if rest.is_empty() { Form::List(Vec::new()) } else { Form::Object(Vec::new()) };
            fields.push(((*first).to_owned(), Node::new(empty)));
            fields.len() - 1
        }
    };
    if let Some((_, inner)) = fields.get_mut(at) {
        push(inner, rest, item);
    }
}

/// A text as a node.
pub(super) fn of_text(text: Text) -> Node {
    crate::read::cloudformation::text::node(text)
}
