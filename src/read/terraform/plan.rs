//! Plans and states in JSON, as `terraform show -json` prints them.
//!
//! Of a plan the planned values are read, and what of them is known after the apply; what data sources
//! said is skipped over. A value that is not known becomes what its
//! reference in the configuration names, so that a policy and its role still belong together. Where
//! the code lies beside the plan, its modules are evaluated with the plan's variables, for the places
//! of everything and for what the plan leaves open.
//!
//! What a plan destroys is told by its values before the apply.
//!
//! Deliberately absent: what a plan reads, and what it changes only in its state.

mod document;
mod open;
mod reference;

use super::attribute;
use super::load::Loader;
use super::lower::{self, Out, Resource};
use super::root;
use super::source::Folder;
use super::template::aligned;
use super::value::{Fields, Kind, Piece, Spot, Value};
use super::world::{Home, World};
use crate::estate::Gap;
use crate::read::code::json::{self, Piece as JsonPiece, PiecePart};
use crate::read::code::{ACCOUNT, At, Code, Gone, REGION, Where};
use crate::read::file::Entry;
use serde_json::Value as Json;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::rc::Rc;

use document::{Change, Configuration, Instance, Module, Plan, Planned, Variable};
use open::{laid_over, opened};

/// How many things that a plan destroys are looked at.
const DESTROYED: usize = 10_000;

/// Lists of a role that, where they are not configured, are what other resources attach to it.
const COMPUTED: [&str; 2] = ["inline_policy", "managed_policy_arns"];

/// Whether a text is a plan or a state: it begins as they do, or a tool has put its keys in another order.
pub(super) fn looks_like_one(text: &str) -> bool {
    let has = |key: &&str| text.contains(*key);
    begins_as_one(text)
        || text.trim_start().starts_with('{')
            && ["\"format_version\"", "\"terraform_version\""].iter().all(has)
            && ["\"planned_values\"", "\"root_module\""].iter().any(has)
}

fn begins_as_one(text: &str) -> bool {
    let mut end = text.len().min(4096);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let head = text.get(..end).unwrap_or_default().trim_start();
    head.starts_with('{')
        && head.contains("\"format_version\"")
        && ["terraform_version", "planned_values", "resource_changes", "root_module"]
            .iter()
            .any(|key| head.contains(key))
}

/// What a plan or a state declares.
pub(super) fn read(path: &str, text: &str, beside: &[Entry]) -> Option<Code> {
    let loader = Loader::of(beside);
    let file = loader.register(path);
    let plan: Plan<'_> = match serde_json::from_str(text) {
        Ok(plan) => plan,
        // It only holds their words.
        Err(_) if !begins_as_one(text) => return None,
        Err(error) => {
            let gap = Gap {
                what: path.to_owned(),
                scope: String::new(),
                why: format!("`{path}` is no whole plan: {error}"),
                unblock: Some("write it again with `terraform show -json PLAN`".to_owned()),
                place: Some(path.to_owned()),
            };
            return Some(Code { kind: "terraform plan", gaps: vec![gap], ..Code::default() });
        }
    };
    let kind = if plan.planned_values.is_some() { "terraform plan" } else { "terraform state" };
    let mut gaps = Vec::new();
    let major = plan.format_version.split('.').next().and_then(|major| major.parse::<u32>().ok());
    if major.is_none_or(|major| major > 1) {
        gaps.push(Gap {
            what: path.to_owned(),
            scope: String::new(),
            why: format!("`{path}` has format {}, and only 0.1 to 1.x are known", plan.format_version),
            unblock: None,
            place: Some(path.to_owned()),
        });
    }
    let values = plan.planned_values.or(plan.values).and_then(|values| values.root_module);
    let mut instances = Vec::new();
    if let Some(root) = values {
        gather(root, &mut instances);
    }
    let unknown: HashMap<&str, &RawValue> = plan
        .resource_changes
        .iter()
        .filter(|change| change.deposed.is_none() && change.kind.as_deref().is_none_or(lower::wanted))
        .filter_map(|change| Some((&*change.address, change.change.as_ref()?.after_unknown?)))
        .collect();
    let by_address: HashMap<&str, usize> =
        instances.iter().enumerate().map(|(at, instance)| (&*instance.address, at)).collect();
    let code = Beside::of(&loader, path, &plan.variables, &instances);
    let mut reader = Reader {
        text,
        file,
        instances: &instances,
        by_address,
        unknown,
        root: plan.configuration.as_ref().and_then(|configuration| configuration.root_module.as_ref()),
        variables: &plan.variables,
        home: Rc::new(usual()),
        code: code.as_ref(),
    };
    reader.home = Rc::new(reader.home(plan.configuration.as_ref()));
    let gone = reader.destroyed(&plan.resource_changes, &loader);
    let (declared, more, touched) = reader.declared(&loader);
    gaps.extend(more);
    let mut touched = touched;
    touched.insert(file);
    gaps.sort();
    gaps.dedup();
    Some(root::finished(kind, (declared, gone), gaps, touched, &loader))
}

fn gather<'a>(module: Planned<'a>, out: &mut Vec<Instance<'a>>) {
    out.extend(module.resources);
    for child in module.child_modules {
        gather(child, out);
    }
}

pub(super) fn usual() -> Home {
    Home {
        account: Value::unknown(ACCOUNT, None),
        region: Value::unknown(REGION, None),
        partition: "aws".to_owned(),
        tags: Value::NULL,
        alias: String::new(),
    }
}

/// The code that lies beside a plan, evaluated with the plan's variables.
struct Beside {
    /// The resources by their address.
    resources: HashMap<String, Resource>,
    /// Where each module is called, by the beginning of addresses in it.
    calls: Vec<(String, Option<Spot>)>,
    touched: BTreeSet<u32>,
}

impl Beside {
    fn of(
        loader: &Loader,
        path: &str,
        variables: &BTreeMap<Cow<'_, str>, Variable<'_>>,
        instances: &[Instance<'_>],
    ) -> Option<Self> {
        let folder = root_of(loader, path, instances)?;
        let world = World::of(loader, folder, "");
        for (name, variable) in variables {
            let value = variable.value.map(|raw| plain(raw.get())).unwrap_or(Value::NULL);
            world.set_variable(name, value);
        }
        let resources = root::resources(&world);
        let mut calls = Vec::new();
        let mut at = 0;
        while let Some(module) = world.module(at) {
            at += 1;
            if let Some(caller) = &module.caller {
                calls.push((module.address.clone(), caller.spot));
            }
        }
        // The innermost call is the nearest.
        calls.sort_by_key(|(address, _)| std::cmp::Reverse(address.len()));
        let resources = resources.into_iter().map(|resource| (resource.address.clone(), resource)).collect();
        let touched = world.touched.borrow().clone();
        Some(Self { resources, calls, touched })
    }

    fn spot(&self, address: &str) -> Option<Spot> {
        let own = self.resources.get(address).and_then(|resource| resource.spot);
        let call =
            || self.calls.iter().find(|(start, _)| address.starts_with(start.as_str())).and_then(|(_, spot)| *spot);
        own.or_else(call)
    }
}

/// The root module of a plan: the folder in which it lies, or the one that declares what it plans.
fn root_of(loader: &Loader, path: &str, instances: &[Instance<'_>]) -> Option<Rc<Folder>> {
    let folders = loader.folders();
    let own = Path::new(path).parent().and_then(super::load::plain).unwrap_or_default();
    let declares = |folder: &Folder| {
        let plain = |address: &str| address.split('[').next().unwrap_or(address).to_owned();
        instances
            .iter()
            .filter(|instance| match instance.address.strip_prefix("module.") {
                Some(rest) => {
                    let call = plain(rest.split('.').next().unwrap_or_default());
                    folder.modules.contains_key(&call)
                }
                None => folder.resources.contains_key(&plain(&instance.address)),
            })
            .count()
    };
    let scored = folders.into_iter().map(|folder| (declares(&folder), folder.path == own, folder));
    let best = scored.filter(|(count, ..)| *count > 0).max_by(|one, other| (one.0, one.1).cmp(&(other.0, other.1)));
    best.map(|(_, _, folder)| folder)
}

/// A value of the plan for which no place is needed.
fn plain(text: &str) -> Value {
    let pieces = [JsonPiece { part: PiecePart::Literal(text.to_owned()), at: None }];
    json::parse(&pieces).map_or(Value::NULL, |node| Value::of_node(&node, None))
}

struct Reader<'p, 'a> {
    text: &'a str,
    file: u32,
    instances: &'p [Instance<'a>],
    by_address: HashMap<&'p str, usize>,
    unknown: HashMap<&'p str, &'a RawValue>,
    root: Option<&'p Module<'a>>,
    variables: &'p BTreeMap<Cow<'a, str>, Variable<'a>>,
    home: Rc<Home>,
    code: Option<&'p Beside>,
}

impl Reader<'_, '_> {
    fn declared(&self, loader: &Loader) -> (Vec<crate::read::code::Declared>, Vec<Gap>, BTreeSet<u32>) {
        let mut order: Vec<usize> = (0..self.instances.len()).collect();
        order.sort_by_key(|at| self.instances.get(*at).map_or(9, |instance| lower::rank(&instance.kind)));
        let mut out = Out::default();
        out.left = lower::NODES.max(self.text.len() / 32);
        let shown = |file: u32| loader.shown(file);
        let mut seen = BTreeSet::new();
        for at in order {
            let Some(instance) = self.instances.get(at) else { continue };
            let managed = instance.mode.as_deref().is_none_or(|mode| mode == "managed");
            if !managed || !lower::wanted(&instance.kind) || !seen.insert(&*instance.address) {
                continue;
            }
            lower::lower(&self.resource(instance), &mut out, &shown);
        }
        out.finish();
        (out.declared, out.gaps, self.code.map(|code| code.touched.clone()).unwrap_or_default())
    }

    /// What the plan takes away, as it was before: resources that it destroys, and those that it makes anew.
    fn destroyed(&self, changes: &[Change<'_>], loader: &Loader) -> Vec<Gone> {
        let mut gone = Vec::new();
        let shown = |file: u32| loader.shown(file);
        for change in changes {
            let (Some(kind), Some(own)) = (change.kind.as_deref(), change.change.as_ref()) else { continue };
            let managed = change.mode.as_deref().is_none_or(|mode| mode == "managed");
            let destroys = own.actions.iter().any(|action| action == "delete");
            let Some(before) = own.before.filter(|_| destroys && managed && change.deposed.is_none()) else { continue };
            if !lower::wanted(kind) || gone.len() >= DESTROYED {
                continue;
            }
            let body = self.value(before);
            let spot = body.spot;
            let resource = Resource {
                kind: kind.to_owned(),
                address: change.address.to_string(),
                body,
                home: self.home.clone(),
                spot,
                cluster: None,
            };
            let mut out = Out::default();
            lower::lower(&resource, &mut out, &shown);
            out.finish();
            let replaced = own.actions.iter().any(|action| action == "create");
            gone.extend(out.declared.into_iter().map(|declared| Gone {
                declared,
                address: change.address.to_string(),
                replaced,
            }));
        }
        gone
    }

    /// A resource with its values: known, open, or what the code says.
    fn resource(&self, instance: &Instance<'_>) -> Resource {
        let planned = instance.values.map(|raw| self.value(raw)).unwrap_or(Value::NULL);
        let code = self.code.and_then(|code| code.resources.get(&*instance.address));
        let unknown: Json = self
            .unknown
            .get(&*instance.address)
            .and_then(|raw| serde_json::from_str(raw.get()).ok())
            .unwrap_or_default();
        let spot = self.code.and_then(|code| code.spot(&instance.address)).or(planned.spot);
        let mut fields = match &planned.kind {
            Kind::Object(fields) => fields.map.clone(),
            _ => BTreeMap::new(),
        };
        if let Some(code) = code {
            for (name, value) in &mut fields {
                if let Some(written) = code.body.get(name) {
                    *value = laid_over(value, written, 0);
                }
            }
        }
        for (name, open) in unknown.as_object().into_iter().flatten() {
            let written = code.and_then(|code| code.body.get(name));
            let value = fields.get(name).cloned().unwrap_or(Value::NULL);
            let why = format!("{}.{name}", instance.address);
            let value = match open {
                Json::Bool(true) => match written {
                    Some(written) => Some(written.clone()),
                    // Providers say of what nobody configured that the apply tells; here the attachments do.
                    None if COMPUTED.contains(&name.as_str()) && self.left_out(&instance.address, name) => None,
                    None => self.referred(&instance.address, name).or_else(|| {
                        // What follows from the rest is better than not known.
                        let given = |name: &str| fields.get(name).cloned().unwrap_or(Value::NULL);
                        let known = attribute::of(&instance.kind, name, &instance.address, &given, &self.home);
                        known.is_none().then(|| Value::unknown(why.as_str(), spot))
                    }),
                },
                open => Some(opened(&value, open, written, &why, 0)),
            };
            match value {
                Some(value) => fields.insert(name.clone(), value),
                None => fields.remove(name),
            };
        }
        let home = code.map_or_else(|| self.home.clone(), |code| code.home.clone());
        Resource {
            kind: instance.kind.to_string(),
            address: instance.address.to_string(),
            // Places of the plan stand for those that the code does not tell.
            body: Value { kind: Kind::Object(Rc::new(Fields { map: fields, more: None })), spot },
            home,
            spot,
            cluster: code.and_then(|code| code.cluster.clone()),
        }
    }

    /// A value with its places in the plan.
    fn value(&self, raw: &RawValue) -> Value {
        let start = (raw.get().as_ptr() as usize).saturating_sub(self.text.as_ptr() as usize);
        let (Ok(start), Ok(length)) = (u32::try_from(start), u32::try_from(raw.get().len())) else {
            return plain(raw.get());
        };
        let at = At { file: self.file, span: Where::Bytes(start, start.saturating_add(length)) };
        let pieces = [JsonPiece { part: PiecePart::Literal(raw.get().to_owned()), at: Some(at) }];
        json::parse(&pieces).map_or(Value::NULL, |node| self.exact(Value::of_node(&node, None)))
    }

    /// The same value; a text that holds another language keeps the place of each of its words.
    fn exact(&self, value: Value) -> Value {
        match &value.kind {
            Kind::List(items) => {
                let items = items.iter().map(|item| self.exact(item.clone())).collect();
                Value { kind: Kind::List(Rc::new(items)), spot: value.spot }
            }
            Kind::Object(fields) => {
                let map = fields.map.iter().map(|(name, item)| (name.clone(), self.exact(item.clone()))).collect();
                Value { kind: Kind::Object(Rc::new(Fields { map, more: None })), spot: value.spot }
            }
            Kind::Text(_) => {
                let (Some(text), Some(spot)) = (value.as_string(), value.spot) else { return value };
                if !text.contains(['{', '\n']) || spot.end < spot.start + 2 {
                    return value;
                }
                let inner = Spot { start: spot.start + 1, end: spot.end - 1, ..spot };
                let raw = self.text.get(inner.start as usize..inner.end as usize).unwrap_or_default();
                let pieces: Vec<Piece> = aligned(&text, raw, inner, true);
                Value::pieces(pieces, value.spot)
            }
            _ => value,
        }
    }

    /// The account and region of the usual provider.
    fn home(&self, configuration: Option<&Configuration<'_>>) -> Home {
        let mut home = usual();
        let expressions = configuration
            .and_then(|configuration| configuration.provider_config.get("aws"))
            .and_then(|provider| provider.expressions)
            .and_then(|raw| serde_json::from_str::<Json>(raw.get()).ok())
            .unwrap_or_default();
        let region = self.expression(&expressions["region"], "", 0);
        if let Some(name) = region.as_ref().and_then(Value::as_string) {
            if name.starts_with("cn-") {
                home.partition = "aws-cn".to_owned();
            } else if name.starts_with("us-gov-") {
                home.partition = "aws-us-gov".to_owned();
            }
            home.region = region.unwrap_or(Value::NULL);
        }
        home
    }
}
