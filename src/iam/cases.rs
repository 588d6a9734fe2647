//! IAM questions as JSON, one object each, and their answers.
//!
//! Deliberately absent: reading files and printing. A case that is not understood is answered by
//! saying so.

use super::context::ContextValue;
use super::decide::{Decision, Gathered, Kind, Named, Outcome, Policies, Request, decide};
use super::policy::Policy;
use super::trust::{Accounts, Scope, Wanted, scope};
use crate::known::Text;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Answers one case: a request with policies, or a trust policy with the accounts that are wanted.
///
/// A request is answered with `decision`, `kind`, `because` and `depends_on`; a trust scope with
/// `verdict`, `audiencePinnedForWanted` and `extra`; anything else with `error`. The case's `id` comes
/// back in every answer.
#[must_use]
pub fn answer(case: &Value) -> Value {
    let answer = match (case.get("wanted"), case.get("request")) {
        (_, Some(request)) => request_of(request).map(|request| {
            let policies = policies_of(case.get("policies").unwrap_or(&Value::Null));
            decision_to_value(&decide(&request, &policies))
        }),
        (Some(wanted), None) => wanted_of(wanted)
            .map(|wanted| scope_to_value(&scope(&Policy::of(case.get("trust").unwrap_or(&Value::Null)), &wanted))),
        (None, None) => Err("a case has a `request` or is `wanted`".to_owned()),
    };
    let mut fields = answer.unwrap_or_else(|error| Map::from_iter([("error".to_owned(), Value::String(error))]));
    fields.insert("id".to_owned(), case.get("id").cloned().unwrap_or_default());
    Value::Object(fields)
}

/// A decision as an answer shows it.
#[must_use]
pub fn decision_to_value(decision: &Decision) -> Map<String, Value> {
    let (word, kind) = match decision.outcome {
        Outcome::Allowed => ("allowed", Value::Null),
        Outcome::Denied(Kind::Explicit) => ("denied", "explicit".into()),
        Outcome::Denied(Kind::Implicit) => ("denied", "implicit".into()),
        Outcome::Conditional => ("conditional", Value::Null),
    };
    let because: Vec<Value> = decision
        .because
        .iter()
        .map(|because| {
            let mut shown = json!({"policy": because.policy, "statement": because.statement, "effect": because.effect});
            if let Some(sid) = &because.sid {
                shown["sid"] = sid.clone().into();
            }
            shown
        })
        .collect();
    let mut fields = Map::new();
    fields.insert("decision".to_owned(), word.into());
    fields.insert("kind".to_owned(), kind);
    fields.insert("because".to_owned(), because.into());
    fields.insert("depends_on".to_owned(), decision.depends_on.clone().into());
    if !decision.missing.is_empty() {
        fields.insert("missing".to_owned(), decision.missing.clone().into());
    }
    if let Some(miss) = &decision.nearest_miss {
        let mut shown =
            json!({"policy": miss.policy, "statement": miss.statement, "pointer": miss.pointer, "what": miss.what});
        if let Some(sid) = &miss.sid {
            shown["sid"] = sid.clone().into();
        }
        fields.insert("nearest_miss".to_owned(), shown);
    }
    fields
}

/// A trust scope as an answer shows it.
#[must_use]
pub fn scope_to_value(scope: &Scope) -> Map<String, Value> {
    let mut fields = Map::new();
    fields.insert("verdict".to_owned(), serde_json::to_value(scope.verdict).unwrap_or_default());
    fields.insert("audiencePinnedForWanted".to_owned(), scope.audience_pinned.into());
    fields.insert("extra".to_owned(), scope.extra.clone().into());
    if let Some(miss) = &scope.miss {
        fields.insert(
            "miss".to_owned(),
            json!({"kind": miss.kind, "pointer": miss.pointer, "what": miss.what, "facts": miss.facts}),
        );
    }
    fields
}

/// What is wanted, in the form that cases have.
///
/// # Errors
///
/// Says which member is missing or is not of its type.
pub fn wanted_of(value: &Value) -> Result<Wanted, String> {
    let text = |key: &str| value.get(key).and_then(Text::of).ok_or_else(|| format!("`wanted.{key}` must be a text"));
    let accounts = match value.get("kind").and_then(Value::as_str) {
        Some("emr-on-eks") => Accounts::EmrOnEks { account: text("account")?, role_base36: text("roleBase36")? },
        Some("namespace") => Accounts::Namespace,
        Some("service-accounts") => {
            let names = value.get("serviceAccounts").cloned().unwrap_or_default();
            let names =
                serde_json::from_value(names).map_err(|_| "`wanted.serviceAccounts` must be a list of texts")?;
            Accounts::Named(names)
        }
        _ => return Err("`wanted.kind` must be `emr-on-eks`, `service-accounts` or `namespace`".to_owned()),
    };
    let provider_arn = value.get("providerArn").and_then(Text::of);
    Ok(Wanted { issuer: text("issuer")?, namespace: text("namespace")?, accounts, provider_arn })
}

/// A request in the form that cases have.
///
/// # Errors
///
/// Says which member is missing or is not of its type.
pub fn request_of(value: &Value) -> Result<Request, String> {
    let word = |key: &str| match value.get(key) {
        Some(Value::String(text)) => Ok(text.clone()),
        _ => Err(format!("`request.{key}` must be a text")),
    };
    let keys = |key: &str| match value.get(key) {
        None | Some(Value::Null) => Ok(BTreeSet::new()),
        Some(list) => {
            serde_json::from_value(list.clone()).map_err(|_| format!("`request.{key}` must be a list of texts"))
        }
    };
    let mut request = Request {
        principal: word("principal")?,
        action: word("action")?,
        resource: value.get("resource").and_then(Text::of).ok_or("`request.resource` must be a text")?,
        resource_account: value.get("resourceAccount").and_then(Value::as_str).map(str::to_owned),
        unknown: keys("unknown")?,
        unknown_present: keys("unknownPresent")?,
        open: value.get("open").and_then(Value::as_bool).unwrap_or(false),
        ..Request::default()
    };
    for (key, found) in value.get("context").and_then(Value::as_object).into_iter().flatten() {
        let found = match found {
            Value::Array(values) => values.iter().map(Text::of).collect::<Option<Vec<Text>>>().map(ContextValue::Many),
            value => Text::of(value).map(ContextValue::One),
        };
        let found = found.ok_or_else(|| format!("`request.context` has no text or list of texts at `{key}`"))?;
        request.context.insert(key.clone(), found);
    }
    Ok(request)
}

/// The policies in the form that cases have.
#[must_use]
pub fn policies_of(value: &Value) -> Policies {
    let given = |key: &str| value.get(key).filter(|value| !value.is_null());
    let levels = |key: &str| {
        let levels = given(key)?.as_array()?;
        let level = |(at, level): (usize, &Value)| gathered(&format!("{key} level {at}"), level);
        Some(levels.iter().enumerate().map(level).collect())
    };
    Policies {
        identity: given("identity").map(|value| gathered("identity", value)).unwrap_or_default(),
        resource: given("resource").map(|value| named("resource".to_owned(), value)),
        boundary: given("boundary").map(|value| gathered("boundary", value)),
        session: given("session").map(|value| gathered("session", value)),
        scp: levels("scp"),
        rcp: levels("rcp"),
        ..Policies::default()
    }
}

fn gathered(name: &str, value: &Value) -> Gathered {
    let policies = match value {
        Value::Array(values) => {
            values.iter().enumerate().map(|(at, value)| named(format!("{name} {at}"), value)).collect()
        }
        value => vec![named(name.to_owned(), value)],
    };
    Gathered { policies, missing: Vec::new() }
}

fn named(name: String, value: &Value) -> Named {
    Named { name, policy: Arc::new(Policy::of(value)) }
}
