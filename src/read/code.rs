//! Infrastructure code: what its front ends make of it, in one form.
//!
//! Terraform, CloudFormation, eksctl, manifests and command lines are evaluated by their own front
//! end, each in its own file. What they declare is lowered to the shapes that AWS and Kubernetes
//! print, so that everything after reading is the same for code and for accounts. A value that
//! only an apply will fill is a hole with a name, and every value knows where it was written.
//!
//! The account, region and partition of a change are holes called [`ACCOUNT`], [`REGION`] and
//! [`PARTITION`] in every language, so that an ARN that one file puts together is the ARN that
//! another one names.
//!
//! Deliberately absent: completeness. Code says what it declares and never what else there is.

#![allow(dead_code, reason = "the front ends that build these come one by one")]

pub(crate) mod json;
pub(crate) mod yaml;

use crate::estate::{Gap, Syntax};
use crate::known::{Text, Unknown};
use serde_json::{Map, Number, Value};
use std::sync::Arc;

/// The hole that stands for the account of the change.
pub(crate) const ACCOUNT: &str = "account";
/// The hole that stands for the region of the change.
pub(crate) const REGION: &str = "region";
/// The hole that stands for the partition of the change.
pub(crate) const PARTITION: &str = "partition";

/// What one unit of code declares: a Terraform root module, a template, a manifest.
#[derive(Debug, Default)]
pub(crate) struct Code {
    /// What it was read as: `terraform`, `terraform plan`, `cloudformation`, `cdk`, `eksctl`.
    pub(crate) kind: &'static str,
    /// Every file that was read for it; [`At::file`] counts in this list.
    pub(crate) files: Vec<CodeFile>,
    /// What it declares.
    pub(crate) declared: Vec<Declared>,
    /// What it takes away.
    pub(crate) gone: Vec<Gone>,
    /// What could not be read.
    pub(crate) gaps: Vec<Gap>,
}

/// A file of code.
#[derive(Debug)]
pub(crate) struct CodeFile {
    /// Its path as it is shown.
    pub(crate) path: String,
    /// How a pointer in it becomes a line; ranges of bytes need none.
    pub(crate) syntax: Syntax,
    /// Its bytes, where they cannot be read again.
    pub(crate) held: Option<Arc<[u8]>>,
}

/// Something that code declares.
#[derive(Debug)]
pub(crate) enum Declared {
    /// An item of a collection, in the shape that the service prints.
    Item {
        /// The collection: `iam.roles`, `eks.clusters`, `kubernetes.serviceAccounts`.
        collection: &'static str,
        /// The cluster of a Kubernetes object, by name or ARN, where the code says it.
        cluster: Option<Text>,
        /// The item.
        item: Node,
    },
    /// A part of an item that is declared apart from it: a policy of a role, the versions of a policy.
    Part {
        /// The collection of the item.
        collection: &'static str,
        /// What identifies the item: `RoleName`, `Arn`.
        key: &'static str,
        /// The item's value of that key.
        of: Text,
        /// The list of the item in which the part belongs: `RolePolicyList`.
        field: &'static str,
        /// The part.
        part: Node,
    },
    /// What is going to be submitted, in the form of `kind`: the names that the reader of job requests uses.
    Job {
        /// `emr-containers`, `emr-serverless`, `emr`, `gateway`, …
        kind: &'static str,
        /// The request.
        request: Node,
    },
    /// The configuration of a Batch Processing Gateway.
    Gateway {
        /// The configuration.
        config: Node,
    },
}

/// Something that a change takes away.
#[derive(Debug)]
pub(crate) struct Gone {
    /// What it is, as it was before the change.
    pub(crate) declared: Declared,
    /// What the change calls it: `aws_iam_role.jobs`.
    pub(crate) address: String,
    /// Whether the change makes it anew.
    pub(crate) replaced: bool,
}

/// What tells that a parameter or a variable has a thing of one network as its default; `None` where it has none.
pub(crate) fn default_of_a_network(parameter: &str, default: &str, at: Option<At>) -> Option<Declared> {
    let is_id = |text: &str| {
        let digits = ["subnet-", "vpc-", "sg-"].iter().find_map(|kind| text.strip_prefix(kind));
        // What is written to show the form of an id has few different digits, or counts up.
        digits.is_some_and(|digits| {
            let kinds: std::collections::BTreeSet<char> = digits.chars().collect();
            matches!(digits.len(), 8 | 17)
                && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
                && kinds.len() > 3
                && !"0123456789abcdef0123456789abcdef".contains(digits)
                && !"1234567890abcdef1234567890abcdef0".contains(digits)
        })
    };
    // Who names several has described a network of their own.
    if !is_id(default.trim()) {
        return None;
    }
    let text = Node { form: Form::Text(Text::literal(default)), at };
    let name = Node { form: Form::Text(Text::literal(parameter)), at: None };
    let item =
        Node { at: text.at.clone(), form: Form::Object(vec![("text".into(), text), ("parameter".into(), name)]) };
    Some(Declared::Item { collection: "files.defaults", cluster: None, item })
}

/// What tells that a chart is to come from a repository that is not there any more; `None` of all others.
pub(crate) fn gone_repository(address: &str, at: Option<At>) -> Option<Declared> {
    // The project moved in 2024, and left nothing behind.
    if !address.to_ascii_lowercase().contains("googlecloudplatform.github.io/spark-on-k8s-operator") {
        return None;
    }
    let text = Node { form: Form::Text(Text::literal(address)), at };
    let item = Node { at: text.at.clone(), form: Form::Object(vec![("text".into(), text)]) };
    Some(Declared::Item { collection: "files.goneRepositories", cluster: None, item })
}

/// What tells that a parameter or a variable has one bucket as its default; `None` where it has none.
pub(crate) fn default_of_a_bucket(parameter: &str, default: &str, at: Option<At>) -> Option<Declared> {
    let is_name = |name: &str| {
        (3..=63).contains(&name.len())
            && name
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.'))
            && name.starts_with(|c: char| c.is_ascii_alphanumeric())
    };
    let text = default.trim();
    let bucket = match text.split_once("://") {
        Some(("s3" | "s3n" | "s3a", rest)) => rest.split('/').next()?,
        Some(_) => return None,
        None => Some(text).filter(|_| {
            let name = parameter.to_ascii_lowercase();
            name.ends_with("bucket") || name.ends_with("bucket_name") || name.ends_with("bucketname")
        })?,
    };
    // The samples of EMR are there for everybody.
    let of_aws = bucket.ends_with("elasticmapreduce") || bucket.starts_with("aws-") || bucket.starts_with("amazon");
    // A name with an account id in it is that account's own.
    let of_an_account = bucket.split(|c: char| !c.is_ascii_digit()).any(crate::arn::is_account);
    if !is_name(bucket) || of_aws || of_an_account {
        return None;
    }
    let text = Node { form: Form::Text(Text::literal(default)), at };
    let name = Node { form: Form::Text(Text::literal(parameter)), at: None };
    let item =
        Node { at: text.at.clone(), form: Form::Object(vec![("text".into(), text), ("parameter".into(), name)]) };
    Some(Declared::Item { collection: "files.buckets", cluster: None, item })
}

impl Declared {
    /// The text that somebody is still to fill in, where that is what is told.
    pub(crate) fn placeholder(&self) -> Option<String> {
        match self {
            Self::Item { collection: "files.placeholders", item: Node { form: Form::Object(fields), .. }, .. } => {
                let text = fields.iter().find(|(key, _)| key == "text");
                text.and_then(|(_, node)| match &node.form {
                    Form::Text(text) => text.as_str().map(str::to_owned),
                    _ => None,
                })
            }
            _ => None,
        }
    }
}

/// A value, and where it was written.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    /// The value.
    pub(crate) form: Form,
    /// Where it was written; where the nearest value around it was, if it does not say.
    pub(crate) at: Option<At>,
}

/// What a value is.
#[derive(Clone, Debug)]
pub(crate) enum Form {
    /// Null; left out of objects when the node becomes a value.
    Null,
    /// A truth.
    Bool(bool),
    /// A number.
    Number(Number),
    /// A text, with or without holes.
    Text(Text),
    /// A list. An [`Form::Unknown`] at its end says that there may be more.
    List(Vec<Node>),
    /// An object, in the order in which it was written.
    Object(Vec<(String, Node)>),
    /// A value of which nothing is known, not even its kind, but what would fill it.
    Unknown(Unknown),
}

/// A place in a file of the [`Code`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct At {
    /// The number of the file in [`Code::files`].
    pub(crate) file: u32,
    /// Where in the file.
    pub(crate) span: Where,
}

/// Where in a file something stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Where {
    /// From this byte to before that one.
    Bytes(u32, u32),
    /// At this pointer, in the file's syntax.
    Pointer(String),
}

impl Node {
    /// A value that was written nowhere.
    pub(crate) fn new(form: Form) -> Self {
        Self { form, at: None }
    }

    /// A text without holes that was written nowhere.
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self::new(Form::Text(Text::literal(text)))
    }

    /// A value that is not known, and why.
    pub(crate) fn unknown(why: impl Into<String>) -> Self {
        Self::new(Form::Unknown(Unknown { why: why.into(), unblock: None }))
    }

    /// The same value, written at a place.
    #[must_use]
    pub(crate) fn written(mut self, at: Option<At>) -> Self {
        self.at = at.or(self.at);
        self
    }

    /// What an object has under a key.
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        match &self.form {
            Form::Object(fields) => fields.iter().find(|(name, _)| name == key).map(|(_, node)| node),
            _ => None,
        }
    }

    /// The text, a number or a truth as text; an unknown is one hole.
    pub(crate) fn as_text(&self) -> Option<Text> {
        match &self.form {
            Form::Text(text) => Some(text.clone()),
            Form::Number(number) => Some(Text::literal(number.to_string())),
            Form::Bool(truth) => Some(Text::literal(truth.to_string())),
            Form::Unknown(unknown) => Some(Text::hole(unknown.why.clone())),
            Form::Null | Form::List(_) | Form::Object(_) => None,
        }
    }

    /// The text, where it has no holes.
    pub(crate) fn as_str(&self) -> Option<&str> {
        if let Form::Text(text) = &self.form { text.as_str() } else { None }
    }

    /// The items of a list; none of anything else.
    pub(crate) fn items(&self) -> &[Self] {
        if let Form::List(items) = &self.form { items } else { &[] }
    }

    /// The value as it stands in a document. `place` is told of every part that says where it was written.
    pub(crate) fn into_value(self, pointer: &mut String, place: &mut impl FnMut(&str, &At)) -> Value {
        if let Some(at) = &self.at {
            place(pointer, at);
        }
        let length = pointer.len();
        match self.form {
            Form::Null => Value::Null,
            Form::Bool(truth) => Value::Bool(truth),
            Form::Number(number) => Value::Number(number),
            Form::Text(text) => text.to_value(),
            Form::Unknown(unknown) => unknown.to_value(),
            Form::List(items) => {
                let items = items.into_iter().enumerate().map(|(index, item)| {
                    pointer.push_str(&format!("/{index}"));
                    let value = item.into_value(pointer, place);
                    pointer.truncate(length);
                    value
                });
                Value::Array(items.collect())
            }
            Form::Object(fields) => {
                let mut object = Map::new();
                for (key, node) in fields {
                    if matches!(node.form, Form::Null) {
                        continue;
                    }
                    pointer.push('/');
                    pointer.push_str(&crate::path::escape(&key));
                    let value = node.into_value(pointer, place);
                    pointer.truncate(length);
                    object.insert(key, value);
                }
                Value::Object(object)
            }
        }
    }
}

impl Where {
    /// The place as an origin's pointer: `@START-END` for bytes.
    pub(crate) fn pointer(&self) -> String {
        match self {
            Self::Bytes(start, end) => format!("@{start}-{end}"),
            Self::Pointer(pointer) => pointer.clone(),
        }
    }

    /// The bytes in an origin's pointer that says so, whatever was looked for below.
    pub(crate) fn bytes(pointer: &str) -> Option<std::ops::Range<usize>> {
        let range = pointer.strip_prefix('@')?;
        let (start, end) = range.split('/').next()?.split_once('-')?;
        Some(start.parse().ok()?..end.parse().ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_keep_their_holes_and_places() {
        let at = |start| Some(At { file: 0, span: Where::Bytes(start, start + 3) });
        let name = Text::from_parts([
            crate::known::Part::Literal("role-".into()),
            crate::known::Part::Hole("var.stage".into()),
        ]);
        let node = Node::new(Form::Object(vec![
            ("RoleName".into(), Node::new(Form::Text(name)).written(at(7))),
            ("Path".into(), Node::new(Form::Null)),
            ("List".into(), Node::new(Form::List(vec![Node::text("a"), Node::unknown("var.more").written(at(20))]))),
        ]));
        let mut places = Vec::new();
        let value = node.into_value(&mut "/iam/roles/0".to_owned(), &mut |pointer: &str, at: &At| {
            places.push((pointer.to_owned(), at.span.pointer()));
        });
        assert_eq!(
            value,
            json!({"RoleName": {"$text": ["role-", {"$unknown": "var.stage"}]}, "List": ["a", {"$unknown": "var.more"}]})
        );
        assert_eq!(
            places,
            [
                ("/iam/roles/0/RoleName".to_owned(), "@7-10".to_owned()),
                ("/iam/roles/0/List/1".to_owned(), "@20-23".to_owned())
            ]
        );
        assert_eq!(Where::bytes("@7-10/Statement/0"), Some(7..10));
        assert_eq!(Where::bytes("/RoleName"), None);
    }
}
