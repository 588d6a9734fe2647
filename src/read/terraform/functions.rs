//! The functions of Terraform's language.
//!
//! Each gives a value, or a name made of its own and its arguments. A function over a text with holes
//! works on the stretches that are known, as long as what fills the holes cannot matter; else the
//! whole is a hole.
//!
//! Deliberately absent: what depends on time, chance or the network. Those are holes.

mod collection;
mod documents;
mod text;

pub(super) use documents::from_yaml;

use super::value::{Kind, Spot, Value, json_pieces, shortened};
use super::world::{Ctx, World, bind};
use crate::read::code::json;
use std::path::Path;
use std::rc::Rc;

/// A call with its arguments; what a function cannot tell is `None`.
pub(super) struct Call<'c, 'w> {
    pub(super) world: &'c World<'w>,
    pub(super) arguments: &'c [Value],
    pub(super) ctx: &'c Ctx,
    pub(super) spot: Option<Spot>,
}

impl Call<'_, '_> {
    /// An argument; null where there is none.
    pub(super) fn argument(&self, at: usize) -> &Value {
        self.arguments.get(at).unwrap_or(&Value::NULL)
    }

    /// A list that stands where the first argument stands, or else the call.
    pub(super) fn list(&self, items: Vec<Value>) -> Option<Value> {
        Some(Value::list(items, self.argument(0).spot.or(self.spot)))
    }

    /// An argument as text without holes.
    pub(super) fn string(&self, at: usize) -> Option<String> {
        self.argument(at).as_string()
    }

    /// An argument as a number.
    pub(super) fn number(&self, at: usize) -> Option<f64> {
        self.argument(at).as_number()
    }

    /// An argument as a small whole number.
    pub(super) fn whole(&self, at: usize) -> Option<usize> {
        let number = self.number(at).filter(|number| (0.0..1e7).contains(number) && number.fract() == 0.0)?;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is a small whole number")]
        Some(number as usize)
    }
}

/// What a call gives.
pub(super) fn call(world: &World<'_>, name: &str, arguments: &[Value], ctx: &Ctx, spot: Option<Spot>) -> Value {
    let call = Call { world, arguments, ctx, spot };
    let known = here(&call, name).or_else(|| text::call(&call, name)).or_else(|| collection::call(&call, name));
    match known {
        Some(Value { kind: Kind::Text(pieces), .. }) if !world.step(super::template::weight(&pieces)) => {
            Value::unknown("larger than what is read", spot)
        }
        Some(value) => value.or_spot(spot),
        None => {
            let arguments: Vec<String> = arguments.iter().map(Value::shown).collect();
            // What is new at each call has a name for each call.
            let place = match (name, spot) {
                ("uuid" | "timestamp" | "plantimestamp" | "bcrypt", Some(spot)) => {
                    format!("@{}:{}", spot.file, spot.start)
                }
                _ => String::new(),
            };
            Value::unknown(shortened(format!("{name}({}){place}", arguments.join(", "))), spot)
        }
    }
}

/// Encodings, files, conversions.
fn here(call: &Call<'_, '_>, name: &str) -> Option<Value> {
    let first = call.argument(0);
    match name {
        "jsonencode" | "yamlencode" => {
            Some(Value { kind: Kind::Json(Rc::new(first.clone())), spot: first.spot.or(call.spot) })
        }
        "jsondecode" => decoded(first).ok(),
        "yamldecode" => match &first.kind {
            Kind::Json(value) => Some((**value).clone()),
            _ => from_yaml(first).and_then(|documents| documents.into_iter().next()),
        },
        "file" | "filebase64" if name == "file" => {
            let (number, text) = named(call, &call.string(0)?)?;
            let end = u32::try_from(text.len()).ok()?;
            Some(Value::text(text, Some(Spot { file: number, start: 0, end })))
        }
        "templatefile" => {
            let (number, text) = named(call, &call.string(0)?)?;
            let (pairs, _) = call.world.pairs(call.argument(1));
            let mut scope = None;
            for (key, value) in pairs {
                scope = bind(&scope, &key.as_string()?, value);
            }
            let pieces = call.world.template_file(number, &text, &call.ctx.with(scope))?;
            Some(Value::pieces(pieces, call.spot))
        }
        "templatestring" => None,
        "fileexists" => {
            let path = call.string(0)?;
            let known = named(call, &path).is_some();
            known.then(|| Value::truth(true, call.spot))
        }
        "tostring" => match &first.kind {
            Kind::Null => Some(Value::NULL),
            Kind::Number(_) | Kind::Bool(_) => Some(Value::text(first.as_string()?, first.spot)),
            Kind::List(_) | Kind::Object(_) => Some(Value::fault("tostring()", call.spot)),
            _ => Some(first.clone()),
        },
        "tonumber" => match &first.kind {
            Kind::Null => Some(Value::NULL),
            Kind::Number(_) => Some(first.clone()),
            _ if first.is_whole() => match first.as_number() {
                Some(number) => Some(Value::number(number, first.spot)),
                None => Some(Value::fault("tonumber()", call.spot)),
            },
            _ => None,
        },
        "tobool" => match &first.kind {
            Kind::Null => Some(Value::NULL),
            Kind::Bool(_) => Some(first.clone()),
            _ if first.is_whole() => match first.as_string().as_deref() {
                Some("true") => Some(Value::truth(true, first.spot)),
                Some("false") => Some(Value::truth(false, first.spot)),
                _ => Some(Value::fault("tobool()", call.spot)),
            },
            _ => None,
        },
        "sensitive" | "nonsensitive" | "ephemeralasnull" => Some(first.clone()),
        "abs" => Some(Value::number(call.number(0)?.abs(), call.spot)),
        "ceil" => Some(Value::number(call.number(0)?.ceil(), call.spot)),
        "floor" => Some(Value::number(call.number(0)?.floor(), call.spot)),
        "signum" => Some(Value::number(call.number(0)?.signum(), call.spot)),
        "pow" => Some(Value::number(call.number(0)?.powf(call.number(1)?), call.spot)),
        "parseint" => {
            let radix = u32::try_from(call.whole(1)?).ok().filter(|radix| (2..=36).contains(radix))?;
            #[expect(clippy::cast_precision_loss, reason = "the language has no larger numbers that matter")]
            Some(Value::number(i64::from_str_radix(&call.string(0)?, radix).ok()? as f64, call.spot))
        }
        "min" | "max" => {
            let mut best: Option<f64> = None;
            for argument in call.arguments {
                let number = argument.as_number()?;
                best =
                    Some(best.map_or(number, |best| if name == "min" { best.min(number) } else { best.max(number) }));
            }
            Some(Value::number(best?, call.spot))
        }
        "abspath" | "pathexpand" => Some(first.clone()),
        "basename" => Some(Value::text(call.string(0)?.rsplit('/').next()?, call.spot)),
        "dirname" => {
            let path = call.string(0)?;
            Some(Value::text(path.rsplit_once('/').map_or(".", |(start, _)| start), call.spot))
        }
        _ => None,
    }
}

/// The text of a file that the code names.
fn named(call: &Call<'_, '_>, path: &str) -> Option<(u32, Rc<str>)> {
    if !call.world.step(1) {
        return None;
    }
    let own = &call.ctx.module.folder.path;
    let root = call.world.module(0)?;
    let path = Path::new(path);
    let from_module = !own.as_os_str().is_empty() && path.starts_with(own);
    let path = if from_module { path.to_owned() } else { root.folder.path.join(path) };
    let found = call.world.loader.named(&path);
    if let Some((number, _)) = &found {
        call.world.touched.borrow_mut().insert(*number);
    }
    found
}

/// The value that a text in JSON spells.
pub(super) fn decoded(value: &Value) -> Result<Value, json::Fault> {
    match &value.kind {
        Kind::Json(value) => Ok((**value).clone()),
        Kind::Unknown(_) | Kind::More(_) | Kind::Fault(_) => Ok(value.clone()),
        _ => {
            let mut left = 1_000_000;
            let pieces = value.as_pieces().unwrap_or_default();
            let node = json::parse(&json_pieces(&pieces, &mut left))?;
            Ok(Value::of_node(&node, value.spot))
        }
    }
}
