//! Policy documents, read once and never refused.
//!
//! Whatever stands where a policy should stand becomes a [`Policy`]; what AWS would not accept is
//! told as faults with their places, and a malformed statement neither grants anything nor lets its
//! denial be ruled out. Holes may stand wherever a text may, and an unknown wherever anything may.
//!
//! Deliberately absent: which kind of policy it is. The document does not say; who evaluates it knows.

mod reader;

use super::condition::Condition;
use super::pattern::{Template, compare_action};
use crate::known::{Part, Text, Truth, Unknown};
use reader::Reader;
use serde::Serialize;
use serde_json::Value;

/// A policy document.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Policy {
    /// Its statements, in order.
    pub statements: Vec<Statement>,
    /// Whether it has policy variables, which only version `2012-10-17` has.
    pub variables: bool,
    /// What AWS would refuse or will not do what it seems to say.
    pub faults: Vec<Fault>,
}

/// Something wrong in a policy document.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    /// Where: a JSON pointer inside the document.
    pub pointer: String,
    /// What, lowercase and without a period.
    pub what: String,
}

/// What a statement does to the requests that it matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// It lets them through.
    Allow,
    /// It refuses them, whatever else allows them.
    Deny,
}

/// A statement of a policy. An element that the document lacks is `None`, one that is empty is empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Its number among the statements, from 0.
    pub index: usize,
    /// Where it stands: a JSON pointer inside the document, `/Statement/0`.
    pub pointer: String,
    /// Its name.
    pub sid: Option<String>,
    /// What it does; `None` where the document does not tell.
    pub effect: Option<Effect>,
    /// AWS refuses it.
    pub malformed: bool,
    /// Why nothing is known of it, where nothing is.
    pub unknown: Option<String>,
    /// `Principal`
    pub principals: Option<Vec<Principal>>,
    /// `NotPrincipal`
    pub not_principals: Option<Vec<Principal>>,
    /// `Action`
    pub actions: Option<Vec<Entry>>,
    /// `NotAction`
    pub not_actions: Option<Vec<Entry>>,
    /// `Resource`
    pub resources: Option<Vec<Entry>>,
    /// `NotResource`
    pub not_resources: Option<Vec<Entry>>,
    /// `Condition`, one for each key of each operator.
    pub conditions: Vec<Condition>,
}

/// An action or a resource of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The pattern.
    pub template: Template,
    /// The text as it stands.
    pub text: Text,
    /// Where it stands: a JSON pointer inside the document.
    pub pointer: String,
    /// AWS does not say what such a pattern matches, so a match of it is not certain.
    pub doubtful: bool,
}

/// A principal of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// Under which key it stands.
    pub kind: PrincipalKind,
    /// The text as it stands.
    pub value: Text,
    /// Where it stands: a JSON pointer inside the document.
    pub pointer: String,
}

/// The key under which a principal stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PrincipalKind {
    /// `"*"` or `{"AWS": "*"}`
    Anyone,
    /// `AWS`: accounts, users, roles and sessions
    Aws,
    /// `Service`
    Service,
    /// `Federated`: OIDC and SAML providers
    Federated,
    /// `CanonicalUser`
    CanonicalUser,
    /// Not known.
    Unknown,
}

impl Policy {
    /// Reads a policy document. It never fails: what is no policy has faults.
    #[must_use]
    pub fn of(document: &Value) -> Self {
        let mut reader = Reader::default();
        if let Some(unknown) = Unknown::of(document) {
            reader.policy.statements.push(Statement::not_known(0, String::new(), unknown.why));
            return reader.policy;
        }
        let Some(object) = document.as_object() else {
            reader.fault("", "a policy document must be an object");
            return reader.policy;
        };
        reader.policy.variables = match object.get("Version") {
            None => false,
            Some(Value::String(version)) if version == "2012-10-17" => true,
            Some(Value::String(version)) if version == "2008-10-17" => false,
            Some(_) => {
                reader.fault("/Version", "the version must be `2012-10-17` or `2008-10-17`");
                false
            }
        };
        for key in object.keys().filter(|key| !matches!(key.as_str(), "Version" | "Id" | "Statement")) {
            reader.fault(&child("", key), &format!("a policy has no element `{key}`"));
        }
        match object.get("Statement") {
            None => reader.fault("", "the policy has no `Statement`"),
            Some(Value::Array(statements)) => {
                if statements.is_empty() {
                    reader.fault("/Statement", "the policy has no statement");
                }
                for (index, statement) in statements.iter().enumerate() {
                    reader.statement(index, format!("/Statement/{index}"), statement);
                }
            }
            Some(statement) => reader.statement(0, "/Statement".to_owned(), statement),
        }
        reader.policy
    }

    /// The lowercase keys that its conditions test and its variables name.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.statements.iter().flat_map(Statement::keys)
    }
}

/// The number of characters of a document that count towards IAM's size quotas: all but white space.
#[must_use]
pub fn size(document: &Value) -> usize {
    // White space inside strings is written as it is, so it is dropped as well, as IAM does.
    document.to_string().chars().filter(|c| !c.is_whitespace()).count()
}

/// The number of those characters that a document has at least, whatever its holes stand for, and whether it has none.
#[must_use]
pub fn least_size(document: &Value) -> (usize, bool) {
    let mut whole = true;
    let known = known_part(document, &mut whole);
    (size(&known), whole)
}

/// The document with nothing in its holes.
fn known_part(value: &Value, whole: &mut bool) -> Value {
    if crate::known::Unknown::of(value).is_some() {
        *whole = false;
        return Value::String(String::new());
    }
    match value {
        Value::Array(items) => items.iter().map(|item| known_part(item, whole)).collect(),
        Value::Object(fields) => match crate::known::Text::of(value) {
            Some(text) => {
                *whole = false;
                let literals = text.parts().iter().filter_map(|part| match part {
                    crate::known::Part::Literal(text) => Some(text.as_str()),
                    crate::known::Part::Hole(_) => None,
                });
                Value::String(literals.collect())
            }
            None => Value::Object(fields.iter().map(|(key, item)| (key.clone(), known_part(item, whole))).collect()),
        },
        other => other.clone(),
    }
}

impl Statement {
    fn not_known(index: usize, pointer: String, why: String) -> Self {
        Self { unknown: Some(why), ..Self::empty(index, pointer) }
    }

    fn empty(index: usize, pointer: String) -> Self {
        Self {
            index,
            pointer,
            sid: None,
            effect: None,
            malformed: false,
            unknown: None,
            principals: None,
            not_principals: None,
            actions: None,
            not_actions: None,
            resources: None,
            not_resources: None,
            conditions: Vec::new(),
        }
    }

    /// Whether its actions cover this one.
    #[must_use]
    pub fn covers(&self, action: &str) -> Truth {
        let any = |entries: &[Entry]| {
            Truth::any(entries.iter().map(|entry| {
                let matched = compare_action(&entry.template, action);
                if entry.doubtful { matched.and(Truth::Unknown) } else { matched }
            }))
        };
        match (&self.actions, &self.not_actions) {
            (Some(actions), _) => any(actions),
            (None, Some(actions)) => !any(actions),
            (None, None) => Truth::False,
        }
    }

    /// The lowercase keys that its conditions test and its variables name.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        let resources = self.resources.iter().chain(&self.not_resources).flatten();
        let tested = self.conditions.iter().map(|condition| condition.lowered.as_str());
        let values = self.conditions.iter().flat_map(|condition| &condition.values);
        tested.chain(resources.map(|entry| &entry.template).chain(values).flat_map(Template::variables))
    }

    /// The names of the holes in it.
    pub fn holes(&self) -> impl Iterator<Item = &str> {
        let entries = [&self.actions, &self.not_actions, &self.resources, &self.not_resources];
        let templates = entries.into_iter().flatten().flatten().map(|entry| &entry.template);
        let values = self.conditions.iter().flat_map(|condition| &condition.values);
        let principals = self.principals.iter().chain(&self.not_principals).flatten().map(|principal| &principal.value);
        let keys = self.conditions.iter().map(|condition| &condition.key);
        templates.chain(values).flat_map(Template::holes).chain(principals.chain(keys).flat_map(holes))
    }
}

/// The names of a text's holes.
pub(crate) fn holes(text: &Text) -> impl Iterator<Item = &str> {
    text.parts().iter().filter_map(|part| match part {
        Part::Hole(name) => Some(name.as_str()),
        Part::Literal(_) => None,
    })
}

/// The pointer of a member.
pub(crate) fn child(pointer: &str, key: &str) -> String {
    format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"))
}

/// Whether a text is the unique id of a user or role, which IAM shows when the name is gone.
pub(crate) fn is_unique_id(text: &str) -> bool {
    text.len() >= 16
        && ["AROA", "AIDA", "AGPA", "AIPA"].iter().any(|prefix| text.starts_with(prefix))
        && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}
