//! Functions over lists, sets and maps.

use super::Call;
use crate::read::terraform::eval::more_of;
use crate::read::terraform::value::{Fields, Kind, Value, same, shortened};
use std::rc::Rc;

/// The largest collection that a function makes.
const LIMIT: usize = 200_000;

/// What a call gives; `None` if it is another function or cannot tell.
pub(super) fn call(call: &Call<'_, '_>, name: &str) -> Option<Value> {
    match name {
        "concat" | "setunion" => concat(call),
        "list" => call.list(call.arguments.to_vec()),
        "map" => map_of(call),
        "merge" => merge(call),
        "flatten" => flattened(call),
        "distinct" | "toset" => distinct(call, name),
        "tolist" => to_list(call),
        "tomap" => Some(call.argument(0).clone()),
        "compact" => compact(call),
        "coalesce" => coalesce(call),
        "coalescelist" => coalescelist(call),
        "keys" => keys(call),
        "values" => values(call),
        "lookup" => lookup(call),
        "zipmap" => zipmap(call),
        "element" => element(call),
        "slice" => slice(call),
        "chunklist" => chunklist(call),
        "contains" => contains(call),
        "length" => length(call),
        "one" => only(call),
        "sort" => sort(call),
        "reverse" => reverse(call),
        "range" => range(call),
        "sum" => sum(call),
        "index" => index_of(call),
        "matchkeys" => matchkeys(call),
        "setproduct" => setproduct(call),
        "setintersection" | "setsubtract" => of_two_sets(call, name),
        "alltrue" | "anytrue" => all_or_any(call, name),
        _ => None,
    }
}

fn concat(call: &Call<'_, '_>) -> Option<Value> {
    let mut items = Vec::new();
    let mut more = None;
    for argument in call.arguments {
        match &argument.kind {
            Kind::List(inner) => {
                for item in inner.iter() {
                    if let Kind::More(unknown) = &item.kind {
                        more = Some(unknown.why.clone());
                    } else {
                        items.push(item.clone());
                    }
                }
            }
            Kind::Null => {}
            _ => more = Some(argument.shown()),
        }
    }
    if items.len() > LIMIT {
        return too_large(call);
    }
    items.extend(more.map(|why| more_of(&why)));
    call.list(items)
}

fn map_of(call: &Call<'_, '_>) -> Option<Value> {
    let pairs = call.arguments.chunks(2);
    let map = pairs.map(|pair| Some((pair.first()?.as_string()?, pair.get(1)?.clone())));
    Some(Value::object(map.collect::<Option<_>>()?, call.spot))
}

fn merge(call: &Call<'_, '_>) -> Option<Value> {
    let first = call.argument(0);
    let mut fields = Fields::default();
    for argument in call.arguments {
        match &argument.kind {
            Kind::Object(one) => {
                fields.map.extend(one.map.iter().map(|(key, value)| (key.clone(), value.clone())));
                fields.more = one.more.clone().or(fields.more);
            }
            Kind::Null => {}
            // What is not known adds to what is.
            Kind::Unknown(unknown) | Kind::More(unknown) => fields.more = Some(unknown.clone()),
            _ => return None,
        }
    }
    Some(Value { kind: Kind::Object(Rc::new(fields)), spot: first.spot.or(call.spot) })
}

fn flattened(call: &Call<'_, '_>) -> Option<Value> {
    let first = call.argument(0);
    let mut items = Vec::new();
    let mut more = None;
    if flatten(call, first, &mut items, &mut more, 0).is_none() {
        return too_large(call);
    }
    items.extend(more.map(|why| more_of(&why)));
    call.list(items)
}

fn distinct(call: &Call<'_, '_>, name: &str) -> Option<Value> {
    let first = call.argument(0);
    let Kind::List(items) = &first.kind else {
        return if first.is_null() || first.why().is_some() { Some(first.clone()) } else { None };
    };
    let mut seen = std::collections::HashSet::new();
    let mut kept: Vec<Value> = items.iter().filter(|item| seen.insert(item.shown())).cloned().collect();
    if name == "toset" {
        kept.sort_by_cached_key(|item| (matches!(item.kind, Kind::More(_)), item.shown()));
    }
    call.list(kept)
}

fn to_list(call: &Call<'_, '_>) -> Option<Value> {
    let first = call.argument(0);
    match &first.kind {
        Kind::Object(fields) => call.list(fields.map.values().cloned().collect()),
        _ => Some(first.clone()),
    }
}

fn compact(call: &Call<'_, '_>) -> Option<Value> {
    let first = call.argument(0);
    let Kind::List(items) = &first.kind else { return None };
    let empty = |item: &&Value| !item.is_null() && item.as_string().as_deref() != Some("");
    call.list(items.iter().filter(empty).cloned().collect())
}

fn coalesce(call: &Call<'_, '_>) -> Option<Value> {
    for argument in call.arguments {
        match (&argument.kind, argument.as_string().as_deref()) {
            (Kind::Null, _) | (_, Some("")) => {}
            // It may be null or empty, and then the next one counts.
            (Kind::Unknown(_), _) => return None,
            _ => return Some(argument.clone()),
        }
    }
    Some(Value::fault("coalesce()", call.spot))
}

fn coalescelist(call: &Call<'_, '_>) -> Option<Value> {
    for argument in call.arguments {
        match &argument.kind {
            Kind::List(items) if items.is_empty() => {}
            Kind::Null => {}
            Kind::List(_) => return Some(argument.clone()),
            _ => return None,
        }
    }
    call.list(Vec::new())
}

fn keys(call: &Call<'_, '_>) -> Option<Value> {
    let first = call.argument(0);
    let (pairs, more) = call.world.pairs(first);
    let mut keys: Vec<Value> = pairs.into_iter().map(|(key, _)| key).collect();
    keys.extend(more.map(|why| more_of(&shortened(format!("keys({why})")))));
    call.list(keys)
}

fn values(call: &Call<'_, '_>) -> Option<Value> {
    let first = call.argument(0);
    let (pairs, more) = call.world.pairs(first);
    let mut values: Vec<Value> = pairs.into_iter().map(|(_, value)| value).collect();
    values.extend(more.map(|why| more_of(&shortened(format!("values({why})")))));
    call.list(values)
}

fn lookup(call: &Call<'_, '_>) -> Option<Value> {
    let first = call.argument(0);
    match &first.kind {
        Kind::Object(fields) => {
            let key = call.argument(1).as_text()?.to_string();
            match (fields.map.get(&key), call.arguments.get(2)) {
                (Some(value), _) if !value.is_null() || call.arguments.len() < 3 => Some(value.clone()),
                (None, _) if fields.more.is_some() || call.string(1).is_none() => None,
                (_, Some(default)) => Some(default.clone()),
                _ => Some(Value::fault(shortened(format!("lookup({key})")), call.spot)),
            }
        }
        Kind::Handle(_) => Some(call.world.attribute(first, &call.string(1)?)),
        _ => None,
    }
}

fn zipmap(call: &Call<'_, '_>) -> Option<Value> {
    let first = call.argument(0);
    let (keys, values) = (first.items(), call.argument(1).items());
    let is_list = |value: &Value| matches!(value.kind, Kind::List(_));
    if !is_list(first) || !is_list(call.argument(1)) {
        return None;
    }
    let mut fields = Fields::default();
    for (key, value) in keys.iter().zip(values) {
        match (key.why(), key.as_text()) {
            (Some(why), _) if matches!(key.kind, Kind::More(_)) => {
                fields.more = Some(Rc::new(crate::known::Unknown { why: why.to_owned(), unblock: None }));
            }
            (_, Some(key)) => {
                fields.map.insert(key.to_string(), value.clone());
            }
            _ => return None,
        }
    }
    Some(Value { kind: Kind::Object(Rc::new(fields)), spot: first.spot.or(call.spot) })
}

fn element(call: &Call<'_, '_>) -> Option<Value> {
    let first = call.argument(0);
    let items = first.items();
    if items.iter().any(|item| matches!(item.kind, Kind::More(_))) || items.is_empty() {
        return match call.whole(1).and_then(|at| items.get(at)) {
            Some(item) if !matches!(item.kind, Kind::More(_)) => Some(item.clone()),
            _ => None,
        };
    }
    items.get(call.whole(1)? % items.len()).cloned()
}

fn slice(call: &Call<'_, '_>) -> Option<Value> {
    let first = call.argument(0);
    let (start, end) = (call.whole(1)?, call.whole(2)?);
    let Kind::List(items) = &first.kind else { return None };
    match items.get(start..end) {
        Some(part) if !part.iter().any(|item| matches!(item.kind, Kind::More(_))) => call.list(part.to_vec()),
        Some(_) => None,
        None if items.iter().any(|item| matches!(item.kind, Kind::More(_))) => None,
        None => Some(Value::fault("slice()", call.spot)),
    }
}

fn chunklist(call: &Call<'_, '_>) -> Option<Value> {
    let first = call.argument(0);
    let size = call.whole(1).filter(|size| *size > 0)?;
    let Kind::List(items) = &first.kind else { return None };
    call.list(items.chunks(size).map(|chunk| Value::list(chunk.to_vec(), first.spot)).collect())
}

fn contains(call: &Call<'_, '_>) -> Option<Value> {
    let first = call.argument(0);
    let Kind::List(items) = &first.kind else { return None };
    let mut unknown = false;
    for item in items.iter() {
        match same(item, call.argument(1)) {
            Some(true) => return Some(Value::truth(true, call.spot)),
            None => unknown = true,
            Some(false) => {}
        }
    }
    (!unknown).then(|| Value::truth(false, call.spot))
}

fn length(call: &Call<'_, '_>) -> Option<Value> {
    let first = call.argument(0);
    let count = match &first.kind {
        Kind::List(items) if !items.iter().any(|item| matches!(item.kind, Kind::More(_))) => items.len(),
        Kind::Object(fields) if fields.more.is_none() => fields.map.len(),
        Kind::Text(_) => first.as_string()?.chars().count(),
        _ => return None,
    };
    #[expect(clippy::cast_precision_loss, reason = "a collection is not that long")]
    Some(Value::number(count as f64, call.spot))
}

fn only(call: &Call<'_, '_>) -> Option<Value> {
    let first = call.argument(0);
    match &first.kind {
        Kind::List(items) => match items.as_slice() {
            [] => Some(Value::NULL),
            [only] if !matches!(only.kind, Kind::More(_)) => Some(only.clone()),
            _ => None,
        },
        Kind::Handle(_) => Some(first.clone()),
        Kind::Null => Some(Value::NULL),
        _ => None,
    }
}

fn sort(call: &Call<'_, '_>) -> Option<Value> {
    let first = call.argument(0);
    let mut items = first.items().to_vec();
    if !matches!(first.kind, Kind::List(_)) {
        return None;
    }
    items.sort_by_cached_key(|item| (matches!(item.kind, Kind::More(_)), item.as_string(), item.shown()));
    call.list(items)
}

fn reverse(call: &Call<'_, '_>) -> Option<Value> {
    let first = call.argument(0);
    let Kind::List(items) = &first.kind else { return None };
    if items.iter().any(|item| matches!(item.kind, Kind::More(_))) {
        return None;
    }
    call.list(items.iter().rev().cloned().collect())
}

fn range(call: &Call<'_, '_>) -> Option<Value> {
    let (start, end, step) = match call.arguments.len() {
        1 => (0.0, call.number(0)?, 1.0),
        2 => (call.number(0)?, call.number(1)?, 1.0),
        _ => (call.number(0)?, call.number(1)?, call.number(2)?),
    };
    let step = if call.arguments.len() < 3 && end < start { -1.0 } else { step };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is bounded before it is used")]
    let count = ((end - start) / step).ceil().clamp(0.0, 1e6) as usize;
    if step == 0.0 || count > 1024 || !call.world.step(count) {
        return None;
    }
    #[expect(clippy::cast_precision_loss, reason = "it is small")]
    call.list((0..count).map(|at| Value::number(start + step * at as f64, call.spot)).collect())
}

fn sum(call: &Call<'_, '_>) -> Option<Value> {
    let first = call.argument(0);
    let numbers: Option<Vec<f64>> = first.items().iter().map(Value::as_number).collect();
    Some(Value::number(numbers.filter(|_| matches!(first.kind, Kind::List(_)))?.iter().sum(), call.spot))
}

fn index_of(call: &Call<'_, '_>) -> Option<Value> {
    let first = call.argument(0);
    let Kind::List(items) = &first.kind else { return None };
    for (at, item) in items.iter().enumerate() {
        match same(item, call.argument(1)) {
            #[expect(clippy::cast_precision_loss, reason = "it is small")]
            Some(true) => return Some(Value::number(at as f64, call.spot)),
            Some(false) => {}
            None => return None,
        }
    }
    Some(Value::fault("index()", call.spot))
}

fn matchkeys(call: &Call<'_, '_>) -> Option<Value> {
    let first = call.argument(0);
    let (values, keys, wanted) = (first.items(), call.argument(1).items(), call.argument(2).items());
    if !call.world.step(keys.len().saturating_mul(wanted.len())) {
        return None;
    }
    let mut kept = Vec::new();
    for (value, key) in values.iter().zip(keys) {
        let any: Vec<Option<bool>> = wanted.iter().map(|one| same(one, key)).collect();
        if any.contains(&Some(true)) {
            kept.push(value.clone());
        } else if any.contains(&None) {
            return None;
        }
    }
    call.list(kept)
}

fn setproduct(call: &Call<'_, '_>) -> Option<Value> {
    let mut rows: Vec<Vec<Value>> = vec![Vec::new()];
    for argument in call.arguments {
        let Kind::List(items) = &argument.kind else { return None };
        if items.iter().any(|item| matches!(item.kind, Kind::More(_))) {
            return None;
        }
        if rows.len().saturating_mul(items.len()) > LIMIT {
            return too_large(call);
        }
        let step = rows
            .iter()
            .flat_map(|row| items.iter().map(move |item| row.iter().chain([item]).cloned().collect::<Vec<_>>()));
        rows = step.collect();
    }
    if !call.world.step(rows.len()) {
        return None;
    }
    call.list(rows.into_iter().map(|row| Value::list(row, None)).collect())
}

fn of_two_sets(call: &Call<'_, '_>, name: &str) -> Option<Value> {
    let first = call.argument(0);
    let (Kind::List(items), Kind::List(others)) = (&first.kind, &call.argument(1).kind) else { return None };
    if !first.is_whole() || !call.argument(1).is_whole() {
        return None;
    }
    let others: std::collections::HashSet<String> = others.iter().map(Value::shown).collect();
    let wanted = name == "setintersection";
    call.list(items.iter().filter(|item| others.contains(&item.shown()) == wanted).cloned().collect())
}

fn all_or_any(call: &Call<'_, '_>, name: &str) -> Option<Value> {
    let first = call.argument(0);
    let Kind::List(items) = &first.kind else { return None };
    let all = name == "alltrue";
    let truths: Vec<Option<bool>> = items.iter().map(Value::as_bool).collect();
    if truths.contains(&Some(!all)) {
        return Some(Value::truth(!all, call.spot));
    }
    (!truths.contains(&None)).then(|| Value::truth(all, call.spot))
}

/// Says that a collection is not known for its size.
fn too_large(call: &Call<'_, '_>) -> Option<Value> {
    let why = format!("a collection in it has more than {LIMIT} items, and is not known");
    call.world.gap(&call.ctx.module.folder.shown, &why, Some("give a plan: `terraform show -json PLAN`"));
    None
}

fn flatten(
    call: &Call<'_, '_>,
    value: &Value,
    out: &mut Vec<Value>,
    more: &mut Option<String>,
    depth: usize,
) -> Option<()> {
    if out.len() > LIMIT || depth > 100 || !call.world.step(1) {
        return None;
    }
    match &value.kind {
        Kind::List(items) => {
            for item in items.iter() {
                flatten(call, item, out, more, depth + 1)?;
            }
        }
        Kind::More(unknown) => *more = Some(unknown.why.clone()),
        // Whether it is a list is not known.
        Kind::Unknown(_) if depth <= 1 => *more = Some(value.shown()),
        _ => out.push(value.clone()),
    }
    Some(())
}
