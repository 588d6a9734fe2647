//! `aws_iam_policy_document`: statements in blocks become the policy that they spell.
//!
//! Sources come first, then its own statements, then overrides; a statement with the `Sid` of an
//! earlier one takes its place. Each statement keeps the place of its block. A source that is not
//! known leaves the list open at its end.

use super::attribute::lit;
use super::eval::more_of;
use super::functions::decoded;
use super::source::Block;
use super::value::{Kind, Part, Piece, Value};
use super::world::{Ctx, World};
use std::collections::BTreeMap;
use std::rc::Rc;

/// Keys of a statement in blocks and in the policy.
const FIELDS: [(&str, &str); 4] =
    [("actions", "Action"), ("not_actions", "NotAction"), ("resources", "Resource"), ("not_resources", "NotResource")];

impl World<'_> {
    /// The policy as text in JSON.
    pub(super) fn policy_document(&self, block: &Block, ctx: &Ctx) -> Value {
        let body = self.body(block, ctx);
        let mut statements: Vec<Value> = Vec::new();
        let mut more = None;
        let documents = |keys: [&str; 2]| {
            let mut documents = body.get(keys[0]).map(|list| list.items().to_vec()).unwrap_or_default();
            documents.extend(body.get(keys[1]).cloned());
            if let Some(whole) = body.get(keys[0]).filter(|list| list.why().is_some()) {
                documents.push(whole.clone());
            }
            documents
        };
        for document in documents(["source_policy_documents", "source_json"]) {
            more = add(&document, &mut statements).or(more);
        }
        let own = body.get("statement").map(|list| list.items().to_vec()).unwrap_or_default();
        for statement in own {
            match statement.why() {
                Some(why) => more = Some(why.to_owned()),
                None => put(of(&statement), &mut statements),
            }
        }
        for document in documents(["override_policy_documents", "override_json"]) {
            more = add(&document, &mut statements).or(more);
        }
        statements.extend(more.map(|why| more_of(&why)));
        let mut policy = BTreeMap::new();
        policy.insert("Version".to_owned(), body.get("version").cloned().unwrap_or_else(|| lit("2012-10-17")));
        policy.extend(body.get("policy_id").map(|id| ("Id".to_owned(), id.clone())));
        policy.insert("Statement".to_owned(), Value::list(statements, block.spot));
        let policy = Value::object(policy, block.spot.or(ctx.spot(None)));
        Value { spot: policy.spot, kind: Kind::Json(Rc::new(policy)) }
    }
}

/// Adds the statements of a document; the name of what is not known of it.
fn add(document: &Value, statements: &mut Vec<Value>) -> Option<String> {
    match decoded(document) {
        Ok(policy) if policy.why().is_none() => {
            for statement in policy.blocks("Statement") {
                if let Kind::More(more) = &statement.kind {
                    return Some(more.why.clone());
                }
                put(statement, statements);
            }
            None
        }
        // An empty text adds nothing.
        _ if document.as_string().is_some_and(|text| text.trim().is_empty()) => None,
        _ => Some(document.shown()),
    }
}

/// Puts a statement in the place of the one with its `Sid`, or at the end.
fn put(statement: Value, statements: &mut Vec<Value>) {
    let sid = |statement: &Value| statement.get("Sid").and_then(Value::as_string).filter(|sid| !sid.is_empty());
    let own = sid(&statement);
    match statements.iter_mut().find(|known| own.is_some() && sid(known) == own) {
        Some(known) => *known = statement,
        None => statements.push(statement),
    }
}

fn of(block: &Value) -> Value {
    let mut statement = BTreeMap::new();
    if let Some(sid) = block.get("sid").filter(|sid| sid.as_string().as_deref() != Some("")) {
        statement.insert("Sid".to_owned(), sid.clone());
    }
    statement.insert("Effect".to_owned(), block.get("effect").cloned().unwrap_or_else(|| lit("Allow")));
    for (key, name) in FIELDS {
        statement.extend(block.get(key).map(|value| (name.to_owned(), texts(value))));
    }
    for (key, name) in [("principals", "Principal"), ("not_principals", "NotPrincipal")] {
        let blocks = block.blocks(key);
        if !blocks.is_empty() {
            statement.insert(name.to_owned(), principals(&blocks));
        }
    }
    let conditions = block.blocks("condition");
    if !conditions.is_empty() {
        statement.insert("Condition".to_owned(), condition(&conditions));
    }
    Value::object(statement, block.spot)
}

fn principals(blocks: &[Value]) -> Value {
    let mut by_type: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for block in blocks {
        if let Some(why) = block.why() {
            return Value::unknown(why, block.spot);
        }
        let kind = block.get("type").and_then(Value::as_text).map(|text| text.to_string()).unwrap_or_default();
        let identifiers = block.get("identifiers").map(texts).unwrap_or(Value::NULL);
        if kind == "*" {
            return lit("*").or_spot(identifiers.spot.or(block.spot));
        }
        let list = by_type.entry(kind).or_default();
        match &identifiers.kind {
            Kind::List(items) => list.extend(items.iter().cloned()),
            Kind::Null => {}
            _ => list.push(identifiers.clone()),
        }
    }
    let spot = blocks.first().and_then(|block| block.spot);
    let map = by_type.into_iter().map(|(kind, list)| (kind, one_or_all(list, spot)));
    Value::object(map.collect(), spot)
}

fn condition(blocks: &[Value]) -> Value {
    let mut tests: BTreeMap<String, BTreeMap<String, Vec<Value>>> = BTreeMap::new();
    for block in blocks {
        // Which conditions there are is not known, and so nothing that they would allow.
        if let Some(why) = block.why() {
            return Value::unknown(why, block.spot);
        }
        let text = |key: &str| block.get(key).and_then(Value::as_text).map(|text| text.to_string()).unwrap_or_default();
        let values = block.get("values").map(texts).unwrap_or(Value::NULL);
        let list = tests.entry(text("test")).or_default().entry(text("variable")).or_default();
        match &values.kind {
            Kind::List(items) => list.extend(items.iter().cloned().map(|item| item.or_spot(block.spot))),
            Kind::Null => {}
            _ => list.push(values.or_spot(block.spot)),
        }
    }
    let spot = blocks.first().and_then(|block| block.spot);
    let map = tests.into_iter().map(|(test, variables)| {
        let variables = variables.into_iter().map(|(variable, values)| {
            let at = values.first().and_then(|value| value.spot).or(spot);
            (variable, one_or_all(values, at))
        });
        (test, Value::object(variables.collect(), spot))
    });
    Value::object(map.collect(), spot)
}

/// The only one, or the list.
fn one_or_all(mut list: Vec<Value>, spot: Option<super::value::Spot>) -> Value {
    let only = list.len() == 1 && !matches!(list.first().map(|one| &one.kind), Some(Kind::More(_)));
    match if only { list.pop() } else { None } {
        Some(only) => only.or_spot(spot),
        None => Value::list(list, spot),
    }
}

/// A text, or the only one of a list, or the list: with `&{…}` as the `${…}` that policies mean by it.
fn texts(value: &Value) -> Value {
    match &value.kind {
        Kind::List(items) => {
            let items: Vec<Value> = items.iter().map(texts).collect();
            one_or_all(items, value.spot)
        }
        Kind::Text(pieces) => {
            let pieces = pieces.iter().map(|piece| match &piece.part {
                Part::Literal(text) if text.contains("&{") => {
                    Piece { part: Part::Literal(text.replace("&{", "${").into()), spot: piece.spot }
                }
                _ => piece.clone(),
            });
            Value::pieces(pieces.collect(), value.spot)
        }
        _ => value.clone(),
    }
}
