//! What a plan leaves open: values that only the apply tells, and the code that says more of them.

use super::super::functions::decoded;
use super::super::value::{Kind, Value, same};
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::rc::Rc;

/// A value of the plan with what of it is not known.
pub(super) fn opened(value: &Value, open: &Json, written: Option<&Value>, why: &str, depth: usize) -> Value {
    if depth > 50 {
        return value.clone();
    }
    match open {
        Json::Bool(true) => written.cloned().unwrap_or_else(|| Value::unknown(why, value.spot)),
        Json::Object(map) => {
            let mut fields = match &value.kind {
                Kind::Object(fields) => fields.map.clone(),
                _ => BTreeMap::new(),
            };
            for (name, open) in map {
                let inner = fields.get(name).cloned().unwrap_or(Value::NULL);
                let written = written.and_then(|written| written.get(name));
                fields.insert(name.clone(), opened(&inner, open, written, &format!("{why}.{name}"), depth + 1));
            }
            Value::object(fields, value.spot)
        }
        Json::Array(list) => {
            let mut items = value.items().to_vec();
            for (at, open) in list.iter().enumerate() {
                let inner = items.get(at).cloned().unwrap_or(Value::NULL);
                let written = written.and_then(|written| written.items().get(at));
                let inner = opened(&inner, open, written, &format!("{why}[{at}]"), depth + 1);
                match items.get_mut(at) {
                    Some(item) => *item = inner,
                    None => items.push(inner),
                }
            }
            Value::list(items, value.spot)
        }
        _ => value.clone(),
    }
}

/// What is planned, at the places where the code says it.
pub(super) fn laid_over(planned: &Value, written: &Value, depth: usize) -> Value {
    let spot = written.spot.or(planned.spot);
    if depth > 50 {
        return planned.clone();
    }
    match (&planned.kind, &written.kind) {
        (Kind::List(items), Kind::List(others)) => {
            let each = items.iter().enumerate().map(|(at, item)| match others.get(at) {
                Some(other) if items.len() == others.len() => laid_over(item, other, depth + 1),
                // A set has another order; what is the same is found.
                _ => match others.iter().find(|other| same(item, other) == Some(true)) {
                    Some(other) => laid_over(item, other, depth + 1),
                    None => Value { spot: spot.or(item.spot), ..item.clone() },
                },
            });
            Value::list(each.collect(), spot)
        }
        (Kind::Object(fields), Kind::Object(others)) => {
            let each = fields.map.iter().map(|(name, item)| match others.map.get(name) {
                Some(other) => (name.clone(), laid_over(item, other, depth + 1)),
                None => (name.clone(), Value { spot: spot.or(item.spot), ..item.clone() }),
            });
            Value::object(each.collect(), spot)
        }
        (Kind::Text(_), Kind::Text(_) | Kind::Json(_))
            if planned.as_string().is_some_and(|text| text.trim_start().starts_with(['{', '['])) =>
        {
            let both = (decoded(planned), decoded(written));
            match both {
                (Ok(planned), Ok(written)) if written.why().is_none() => {
                    let inner = laid_over(&planned, &written, depth + 1);
                    Value { kind: Kind::Json(Rc::new(inner)), spot }
                }
                _ => Value { spot, ..planned.clone() },
            }
        }
        _ => Value { spot, ..planned.clone() },
    }
}
