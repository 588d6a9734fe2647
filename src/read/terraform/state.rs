//! The state beside a root module: what it manages and the code declares no more, an apply destroys.
//!
//! <https://developer.hashicorp.com/terraform/language/state>; version 4 of its format, which stays on disk where no
//! backend keeps it.
//!
//! Deliberately absent: instances. As long as a block is there, nothing of it is taken for destroyed, however many of
//! them it comes to. What a module holds that is not here is not known either.

use super::load::Loader;
use super::lower::{self, Out, Resource};
use super::resolve::reference;
use super::value::Value;
use super::world::{Home, World};
use crate::read::code::json::{self, Piece, PiecePart};
use crate::read::code::{At, Gone, Where};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::rc::Rc;

/// How many things that are destroyed are looked at.
const DESTROYED: usize = 10_000;

#[derive(Deserialize)]
struct State<'a> {
    version: u32,
    #[serde(borrow, default)]
    resources: Vec<Managed<'a>>,
}

#[derive(Deserialize)]
struct Managed<'a> {
    #[serde(borrow, default)]
    module: Cow<'a, str>,
    #[serde(borrow)]
    mode: Cow<'a, str>,
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow, default)]
    instances: Vec<Instance<'a>>,
}

#[derive(Deserialize)]
struct Instance<'a> {
    #[serde(borrow)]
    attributes: Option<&'a RawValue>,
    #[serde(borrow)]
    deposed: Option<Cow<'a, str>>,
}

/// What an apply destroys, and the number of the state's file. `root` begins the addresses of the root module.
pub(super) fn destroyed(loader: &Loader, world: &World<'_>, root: &str, home: &Rc<Home>) -> Option<(Vec<Gone>, u32)> {
    // Where a backend keeps the state, what lies here is of another time.
    let folder = world.module(0)?.folder.clone();
    if folder.keeps_state {
        return None;
    }
    let (file, text) = loader.named(&folder.path.join("terraform.tfstate"))?;
    let refused = |why: String| {
        let unblock = "give a plan, `terraform show -json PLAN`, or what `terraform state pull` prints";
        world.gap(&loader.shown(file), &format!("it cannot be read: {why}"), Some(unblock));
    };
    let state: State<'_> = match serde_json::from_str(&text) {
        Ok(State { version: 4, resources }) => State { version: 4, resources },
        Ok(state) => {
            refused(format!("it is of version {}, and only 4 is known", state.version));
            return None;
        }
        Err(error) => {
            refused(error.to_string());
            return None;
        }
    };
    let known = Known::of(world, root)?;
    let mut gone = Vec::new();
    for managed in state.resources.iter().filter(|one| one.mode == "managed" && lower::wanted(&one.kind)) {
        let mut address = without_indices(&managed.module);
        if !address.is_empty() {
            address.push('.');
        }
        address.push_str(&format!("{}.{}", managed.kind, managed.name));
        if known.stays(&address) {
            continue;
        }
        for instance in managed.instances.iter().filter(|instance| instance.deposed.is_none()) {
            let Some(body) = instance.attributes.and_then(|raw| value(raw, &text, file)) else { continue };
            let spot = body.spot;
            let kind = managed.kind.to_string();
            let resource = Resource { kind, address: address.clone(), body, home: home.clone(), spot, cluster: None };
            let mut out = Out::default();
            lower::lower(&resource, &mut out, &|file| loader.shown(file));
            out.finish();
            let one = |declared| Gone { declared, address: address.clone(), replaced: false };
            gone.extend(out.declared.into_iter().map(one));
        }
        if gone.len() >= DESTROYED {
            break;
        }
    }
    (!gone.is_empty()).then_some((gone, file))
}

/// What the code has, by addresses without indices.
struct Known {
    resources: BTreeSet<String>,
    /// Modules whose code is not here, and what was moved or is only to be forgotten.
    open: BTreeSet<String>,
}

impl Known {
    /// `None` where something is moved and it cannot be told what.
    fn of(world: &World<'_>, root: &str) -> Option<Self> {
        let mut known = Self { resources: BTreeSet::new(), open: BTreeSet::new() };
        let mut modules = BTreeSet::new();
        let mut calls = BTreeSet::new();
        let mut at = 0;
        while let Some(module) = world.module(at) {
            at += 1;
            let address = without_indices(module.address.strip_prefix(root).unwrap_or(&module.address));
            let folder = &module.folder;
            if module.interface {
                known.open.insert(address.trim_end_matches('.').to_owned());
            }
            known.resources.extend(folder.resources.keys().map(|name| format!("{address}{name}")));
            calls.extend(folder.modules.keys().map(|name| format!("{address}module.{name}")));
            for block in &folder.moves {
                let only_forgotten = block.body.blocks("lifecycle").next().is_some();
                if block.kind == "moved" || only_forgotten {
                    let from: String = reference(block.body.attr("from")?).split_whitespace().collect();
                    if !from.contains('.') {
                        return None;
                    }
                    known.open.insert(format!("{address}{from}"));
                }
            }
            modules.insert(address.trim_end_matches('.').to_owned());
        }
        known.open.extend(calls.into_iter().filter(|call| !modules.contains(call)));
        Some(known)
    }

    fn stays(&self, address: &str) -> bool {
        let is_open = |open: &String| {
            address.strip_prefix(open.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        self.resources.contains(address) || self.open.iter().any(is_open)
    }
}

/// An address without what is in brackets; keys may hold anything.
fn without_indices(address: &str) -> String {
    let (mut plain, mut quoted, mut escaped, mut inside) = (String::new(), false, false, false);
    for letter in address.chars() {
        match letter {
            '"' if inside && !escaped => quoted = !quoted,
            '[' if !inside => inside = true,
            ']' if inside && !quoted => {
                inside = false;
                continue;
            }
            _ => {}
        }
        if !inside {
            plain.push(letter);
        }
        escaped = letter == '\\' && !escaped;
    }
    plain
}

fn value(raw: &RawValue, text: &str, file: u32) -> Option<Value> {
    let start = (raw.get().as_ptr() as usize).checked_sub(text.as_ptr() as usize)?;
    let (start, length) = (u32::try_from(start).ok()?, u32::try_from(raw.get().len()).ok()?);
    let at = At { file, span: Where::Bytes(start, start.saturating_add(length)) };
    let pieces = [Piece { part: PiecePart::Literal(raw.get().to_owned()), at: Some(at) }];
    json::parse(&pieces).ok().map(|node| Value::of_node(&node, None))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_lose_their_indices() {
        for (address, plain) in [
            ("", ""),
            ("module.a[0].module.b", "module.a.module.b"),
            (r#"module.a["x.y]\"z"].aws_iam_role.b[1]"#, "module.a.aws_iam_role.b"),
            ("module.a[", "module.a"),
        ] {
            assert_eq!(without_indices(address), plain, "{address}");
        }
    }
}
