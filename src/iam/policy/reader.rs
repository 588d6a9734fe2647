//! Statements and what stands in them, taken from a document with what AWS would not accept of it.

use super::{Effect, Entry, Fault, Policy, Principal, PrincipalKind, Statement, child, is_unique_id};
use crate::arn::{Arn, is_account};
use crate::iam::condition::{self, Condition, Operator, Test};
use crate::iam::pattern::{Piece, Template};
use crate::known::{Part, Text, Unknown};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

#[derive(Default)]
pub(super) struct Reader {
    pub(super) policy: Policy,
    sids: BTreeSet<String>,
    /// AWS refuses what was read since this was last lowered.
    refused: bool,
}

impl Reader {
    /// AWS refuses this.
    pub(super) fn fault(&mut self, pointer: &str, what: &str) {
        self.refused = true;
        self.note(pointer, what);
    }

    /// AWS takes this, but it does not do what it seems to say.
    fn note(&mut self, pointer: &str, what: &str) {
        self.policy.faults.push(Fault { pointer: pointer.to_owned(), what: what.to_owned() });
    }

    pub(super) fn statement(&mut self, index: usize, pointer: String, value: &Value) {
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
