//! Policy documents, read once and never refused.
//!
//! Whatever stands where a policy should stand becomes a [`Policy`]; what AWS would not accept is
//! told as faults with their places, and a malformed statement neither grants anything nor lets its
//! denial be ruled out. Holes may stand wherever a text may, and an unknown wherever anything may.
//!
//! Deliberately absent: which kind of policy it is. The document does not say; who evaluates it knows.

use super::condition;
use super::condition::{Condition, Operator, Test};
use super::pattern::{Piece, Template};
use crate::arn::{Arn, is_account};
use crate::known::{Part, Text, Truth, Unknown};
use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

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
        super::decide::action_matches(self, action)
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

#[derive(Default)]
struct Reader {
    policy: Policy,
    sids: BTreeSet<String>,
    /// AWS refuses what was read since this was last lowered.
    refused: bool,
}

impl Reader {
    /// AWS refuses this.
    fn fault(&mut self, pointer: &str, what: &str) {
        self.refused = true;
        self.note(pointer, what);
    }

    /// AWS takes this, but it does not do what it seems to say.
    fn note(&mut self, pointer: &str, what: &str) {
        self.policy.faults.push(Fault { pointer: pointer.to_owned(), what: what.to_owned() });
    }

    fn statement(&mut self, index: usize, pointer: String, value: &Value) {
        if let Some(unknown) = Unknown::of(value) {
            self.policy.statements.push(Statement::not_known(index, pointer, unknown.why));
            return;
        }
        let mut statement = Statement::empty(index, pointer);
        let at = statement.pointer.clone();
        self.refused = false;
        let Some(object) = value.as_object() else {
            self.fault(&at, "a statement must be an object");
            statement.malformed = true;
            self.policy.statements.push(statement);
            return;
        };
        for key in object.keys() {
            let known =
                ["Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource"];
            if !known.contains(&key.as_str()) && key != "Condition" {
                self.fault(&child(&at, key), &format!("a statement has no element `{key}`"));
            }
        }
        statement.effect = self.effect(&at, object.get("Effect"));
        statement.principals = object.get("Principal").map(|value| self.principals(&child(&at, "Principal"), value));
        statement.not_principals =
            object.get("NotPrincipal").map(|value| self.principals(&child(&at, "NotPrincipal"), value));
        statement.actions = self.entries(&at, object, "Action", Self::check_action);
        statement.not_actions = self.entries(&at, object, "NotAction", Self::check_action);
        statement.resources = self.entries(&at, object, "Resource", Self::check_resource);
        statement.not_resources = self.entries(&at, object, "NotResource", Self::check_resource);
        match (&statement.actions, &statement.not_actions) {
            (None, None) => self.fault(&at, "the statement has neither `Action` nor `NotAction`"),
            (Some(_), Some(_)) => self.fault(&at, "the statement has both `Action` and `NotAction`"),
            _ => {}
        }
        if statement.resources.is_some() && statement.not_resources.is_some() {
            self.fault(&at, "the statement has both `Resource` and `NotResource`");
        }
        if statement.principals.is_some() && statement.not_principals.is_some() {
            self.fault(&at, "the statement has both `Principal` and `NotPrincipal`");
        }
        if let Some(condition) = object.get("Condition") {
            self.conditions(&child(&at, "Condition"), condition, &mut statement.conditions);
        }
        statement.malformed = self.refused;
        self.sid(&mut statement, object.get("Sid"));
        self.notes(&statement);
        self.policy.statements.push(statement);
    }

    /// What is wrong with a name does not change what the statement does.
    fn sid(&mut self, statement: &mut Statement, value: Option<&Value>) {
        let pointer = child(&statement.pointer, "Sid");
        match value {
            None => {}
            Some(Value::String(sid)) => {
                if !sid.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
                    self.fault(&pointer, "a `Sid` has letters and digits only");
                }
                if !sid.is_empty() && !self.sids.insert(sid.clone()) {
                    self.fault(&pointer, &format!("the `Sid` `{sid}` is used twice"));
                }
                statement.sid = Some(sid.clone());
            }
            Some(other) if Text::of(other).is_some_and(|text| text.as_str().is_none()) => {}
            Some(_) => self.fault(&pointer, "a `Sid` must be a text"),
        }
    }

    fn effect(&mut self, at: &str, value: Option<&Value>) -> Option<Effect> {
        let pointer = child(at, "Effect");
        let text = value.and_then(Text::of);
        match text.as_ref().map(|text| text.as_str()) {
            Some(Some("Allow")) => Some(Effect::Allow),
            Some(Some("Deny")) => Some(Effect::Deny),
            Some(None) => None,
            Some(Some(other)) => {
                self.fault(&pointer, &format!("the effect must be `Allow` or `Deny`, not `{other}`"));
                if other.eq_ignore_ascii_case("allow") {
                    Some(Effect::Allow)
                } else if other.eq_ignore_ascii_case("deny") {
                    Some(Effect::Deny)
                } else {
                    None
                }
            }
            None => {
                let at = if value.is_some() { &pointer } else { at };
                self.fault(at, "the statement has no `Effect`");
                None
            }
        }
    }

    fn entries(
        &mut self,
        at: &str,
        object: &Map<String, Value>,
        key: &str,
        check: fn(&mut Self, &mut Entry),
    ) -> Option<Vec<Entry>> {
        let value = object.get(key)?;
        let pointer = child(at, key);
        let mut entries = Vec::new();
        for (pointer, text, _) in self.texts(&pointer, value) {
            // Actions hold no variables: `${` in them is a fault that the check tells.
            let variables = self.policy.variables && key.ends_with("Resource");
            let (template, fault) = Template::of(&text, variables);
            if let Some(fault) = fault {
                self.fault(&pointer, &fault);
            }
            let mut entry = Entry { template, text, pointer, doubtful: false };
            check(self, &mut entry);
            entries.push(entry);
        }
        Some(entries)
    }

    /// The texts of a value that may be one or a list, each with its pointer and its number.
    fn texts(&mut self, pointer: &str, value: &Value) -> Vec<(String, Text, usize)> {
        match value {
            Value::Array(values) => {
                let mut texts = Vec::new();
                for (index, value) in values.iter().enumerate() {
                    let pointer = format!("{pointer}/{index}");
                    match Text::of(value) {
                        Some(text) => texts.push((pointer, text, index)),
                        None => self.fault(&pointer, "a text must stand here"),
                    }
                }
                if values.is_empty() {
                    self.fault(pointer, "the list is empty");
                }
                texts
            }
            value => match Text::of(value) {
                Some(text) => vec![(pointer.to_owned(), text, 0)],
                None => {
                    self.fault(pointer, "a text or a list of texts must stand here");
                    Vec::new()
                }
            },
        }
    }

    fn check_action(&mut self, entry: &mut Entry) {
        let Some(text) = entry.template.plain() else { return };
        if text == "*" {
            return;
        }
        let fault = match text.split_once(':') {
            None => Some("an action is `service:name` or `*`"),
            Some((service, _)) if service.contains(['*', '?']) => Some("an action has no wildcard before its colon"),
            Some((service, name)) if service.is_empty() || name.is_empty() => {
                Some("an action is `service:name` or `*`")
            }
            Some(_) => None,
        };
        if let Some(fault) = fault {
            let what = format!("{fault}, not `{text}`");
            // What these match is not documented where they have wildcards; `*:*` is accepted.
            entry.doubtful = text.contains(['*', '?']);
            if entry.doubtful { self.note(&entry.pointer, &what) } else { self.fault(&entry.pointer, &what) }
        }
    }

    fn check_resource(&mut self, entry: &mut Entry) {
        let shape: String = entry
            .template
            .pieces
            .iter()
            .map(|piece| match piece {
                Piece::Text(text) => text.as_str(),
                Piece::Escaped(_) => "_",
                Piece::Variable { .. } => "\u{1}",
                Piece::Hole(_) => "\u{2}",
            })
            .collect();
        if shape.bytes().all(|byte| byte == b'*') && !shape.is_empty() {
            return;
        }
        let parts: Vec<&str> = shape.splitn(6, ':').collect();
        let before = if parts.len() == 6 { &parts[..5] } else { &parts[..] };
        let what = if parts.len() < 6 && !shape.contains('\u{2}') && !shape.ends_with('*') {
            "a resource is an ARN of six parts, `*`, or ends in `*`"
        } else if parts.get(2).is_some_and(|service| service.contains(['*', '?']))
            || (parts.len() < 3 && shape.ends_with('*') && !shape.contains('\u{2}'))
        {
            "an ARN has no wildcard in its service part"
        } else if before.iter().any(|part| part.contains('\u{1}')) {
            "a policy variable stands only in the last part of an ARN"
        } else if parts.len() == 6 && parts[2] == "iam" && wild_type(parts[5]) {
            "an ARN has no wildcard in its resource type"
        } else {
            return;
        };
        entry.doubtful = true;
        self.note(&entry.pointer, what);
    }

    fn principals(&mut self, pointer: &str, value: &Value) -> Vec<Principal> {
        let unknown = |value: &Value, pointer: &str| {
            let text = Text::of(value).filter(|text| text.as_str().is_none())?;
            Some(Principal { kind: PrincipalKind::Unknown, value: text, pointer: pointer.to_owned() })
        };
        if let Some(principal) = unknown(value, pointer) {
            return vec![principal];
        }
        let Some(object) = value.as_object() else {
            if value.as_str() == Some("*") {
                return vec![Principal { kind: PrincipalKind::Anyone, value: "*".into(), pointer: pointer.to_owned() }];
            }
            self.fault(pointer, "a principal is `*` or an object such as `{\"Service\": …}`");
            return Vec::new();
        };
        let mut principals = Vec::new();
        for (key, value) in object {
            let pointer = child(pointer, key);
            let kind = match key.as_str() {
                "AWS" => PrincipalKind::Aws,
                "Service" => PrincipalKind::Service,
                "Federated" => PrincipalKind::Federated,
                "CanonicalUser" => PrincipalKind::CanonicalUser,
                _ => {
                    self.fault(&pointer, &format!("there is no principal of kind `{key}`"));
                    continue;
                }
            };
            for (pointer, value, _) in self.texts(&pointer, value) {
                let mut kind = kind;
                match value.as_str() {
                    Some("*") if kind == PrincipalKind::Aws => kind = PrincipalKind::Anyone,
                    Some(text) if text != "*" && text.contains(['*', '?']) => {
                        self.fault(&pointer, "a principal has no wildcards beside `*` alone");
                    }
                    Some(text) if kind == PrincipalKind::Aws && !is_aws_principal(text) => {
                        self.fault(&pointer, "this is no account, user, role or session");
                    }
                    _ => {}
                }
                principals.push(Principal { kind, value, pointer });
            }
        }
        principals
    }

    fn conditions(&mut self, at: &str, value: &Value, into: &mut Vec<Condition>) {
        if let Some(unknown) = Unknown::of(value) {
            into.push(Condition {
                operator: None,
                key: Text::hole(unknown.why),
                lowered: String::new(),
                values: Vec::new(),
                pointer: at.to_owned(),
                listed: false,
            });
            return;
        }
        let Some(operators) = value.as_object() else {
            self.fault(at, "a condition must be an object");
            return;
        };
        for (name, keys) in operators {
            let pointer = child(at, name);
            let operator = Operator::of(name);
            if operator.is_none() {
                self.fault(&pointer, &format!("there is no condition operator `{name}`"));
            }
            let Some(keys) = keys.as_object() else {
                self.fault(&pointer, "condition keys with their values must stand here");
                continue;
            };
            for (key, values) in keys {
                let pointer = child(&pointer, key);
                let key = text_of_key(key);
                let lowered = key.to_string().to_ascii_lowercase();
                let listed = values.is_array();
                let typed = operator.is_some_and(|operator| !has_variables(operator.test));
                let mut templates = Vec::new();
                for (pointer, text, _) in self.texts(&pointer, values) {
                    let (template, fault) = Template::of(&text, self.policy.variables && !typed);
                    if let Some(fault) = fault {
                        self.fault(&pointer, &fault);
                    }
                    if let (Some(operator), Some(text)) = (operator, template.plain())
                        && let Some(what) = wrong_value(operator.test, text)
                    {
                        // AWS is not said to refuse it; it matches nothing.
                        self.note(&pointer, what);
                    }
                    templates.push(template);
                }
                into.push(Condition { operator, key, lowered, values: templates, pointer, listed });
            }
        }
    }

    /// What AWS accepts but does not do what it seems to say.
    fn notes(&mut self, statement: &Statement) {
        let principals = statement.principals.iter().chain(&statement.not_principals).flatten();
        let dangling: Vec<String> = principals
            .filter(|principal| principal.kind == PrincipalKind::Aws)
            .filter(|principal| principal.value.as_str().is_some_and(is_unique_id))
            .map(|principal| principal.pointer.clone())
            .collect();
        for pointer in dangling {
            self.note(&pointer, "the principal was deleted: an id that belongs to nobody is left of it");
        }
    }
}

/// Whether the type word of an IAM resource has wildcards.
fn wild_type(resource: &str) -> bool {
    let word = resource.split('/').next().unwrap_or_default();
    resource != "*" && word.contains(['*', '?'])
}

fn is_aws_principal(text: &str) -> bool {
    is_account(text) || is_unique_id(text) || Arn::parse(text).is_some_and(|arn| matches!(arn.service, "iam" | "sts"))
}

/// Whether a text is the unique id of a user or role, which IAM shows when the name is gone.
pub(crate) fn is_unique_id(text: &str) -> bool {
    text.len() >= 16
        && ["AROA", "AIDA", "AGPA", "AIPA"].iter().any(|prefix| text.starts_with(prefix))
        && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

/// A condition key; readers of infrastructure code write a hole in it as `${…}`.
fn text_of_key(key: &str) -> Text {
    let mut parts = Vec::new();
    let mut rest = key;
    while let Some((before, after)) = rest.split_once("${") {
        let Some((name, after)) = after.split_once('}') else { break };
        parts.push(Part::Literal(before.to_owned()));
        parts.push(Part::Hole(name.to_owned()));
        rest = after;
    }
    parts.push(Part::Literal(rest.to_owned()));
    Text::from_parts(parts)
}

fn has_variables(test: Test) -> bool {
    matches!(test, Test::StringEquals | Test::StringEqualsIgnoreCase | Test::StringLike | Test::Arn | Test::Bool)
}

fn wrong_value(test: Test, text: &str) -> Option<&'static str> {
    match test {
        Test::Numeric(_) if condition::compare_numbers(text, "0").is_none() => Some("a number must stand here"),
        Test::Date(_) if condition::instant(text).is_none() => Some("a date or epoch seconds must stand here"),
        Test::IpAddress if condition::network(text).is_none() => Some("an address or a network must stand here"),
        Test::Null | Test::Bool if !condition::is_bool(text) => Some("`true` or `false` must stand here"),
        _ => None,
    }
}
