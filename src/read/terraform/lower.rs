//! Lowering: what resources declare, in the shapes that AWS and Kubernetes print.
//!
//! One function a type, one file a service. All of them work on values alone, so that a plan and
//! HCL are lowered by the same code; and what a resource calls itself comes from `attribute`, as do
//! references to it. What an API would print as a default is filled in where AWS documents it; all
//! else that is not written stays away.
//!
//! Deliberately absent: resources that say nothing about a rollout. They are passed over.

mod chart;
mod eks;
mod emr;
mod iam;
mod kubernetes;
mod network;
mod storage;

use super::attribute;
use super::functions::decoded;
use super::value::{Kind, Spot, Value};
use super::world::Home;
use crate::estate::Gap;
use crate::known::Text;
use crate::read::code::{Declared, Node};
use std::collections::BTreeMap;
use std::rc::Rc;

/// How many values the resources of one root may come to; those of a large plan may be more.
pub(super) const NODES: usize = 1_000_000;

/// A resource with what the code says of it.
#[derive(Debug)]
pub(super) struct Resource {
    /// Its type.
    pub(super) kind: String,
    /// Its address, from the root.
    pub(super) address: String,
    /// Its attributes; blocks are lists.
    pub(super) body: Value,
    /// Where its provider talks to.
    pub(super) home: Rc<Home>,
    /// Where its header stands.
    pub(super) spot: Option<Spot>,
    /// The cluster of its provider, if it is one of Kubernetes.
    pub(super) cluster: Option<Value>,
}

impl Resource {
    /// An attribute, as the code says or as it follows; null if neither.
    pub(super) fn get(&self, name: &str) -> Value {
        if let Some(value) = self.body.get(name) {
            return value.clone();
        }
        let configured = |name: &str| self.body.get(name).cloned().unwrap_or(Value::NULL);
        let known = attribute::of(&self.kind, name, &self.address, &configured, &self.home);
        known.unwrap_or(Value::NULL).or_spot(self.spot)
    }

    /// An attribute, or a hole of its address.
    fn or_hole(&self, name: &str) -> Value {
        let value = self.get(name);
        if value.is_null() { self.hole(name) } else { value }
    }

    /// What only the service knows.
    fn hole(&self, name: &str) -> Value {
        Value::unknown(format!("{}.{name}", self.address), self.spot)
    }

    /// The first block of a type; an object without fields where there is none.
    fn block(&self, name: &str) -> Option<Value> {
        self.body.blocks(name).into_iter().find(|block| matches!(block.kind, Kind::Object(_)))
    }

    /// The name of what decides whether there is a block of a type, where that is not known.
    fn may_have(&self, name: &str) -> Option<Value> {
        self.body.blocks(name).into_iter().find_map(|block| match &block.kind {
            Kind::More(unknown) | Kind::Unknown(unknown) => Some(Value::unknown(unknown.why.clone(), block.spot)),
            _ => None,
        })
    }

    /// Its tags with those of its provider: a list of keys and values.
    fn tags(&self) -> Value {
        let mut map: BTreeMap<String, Value> = BTreeMap::new();
        let mut more = None;
        for tags in [Some(&self.home.tags), self.body.get("tags")].into_iter().flatten() {
            match &tags.kind {
                Kind::Object(fields) => {
                    map.extend(fields.map.iter().map(|(key, value)| (key.clone(), value.clone())));
                    more = fields.more.as_ref().map(|more| more.why.clone()).or(more);
                }
                Kind::List(items) => {
                    // `tags { … }` of the first version of the language.
                    for item in items.iter() {
                        if let Kind::Object(fields) = &item.kind {
                            map.extend(fields.map.iter().map(|(key, value)| (key.clone(), value.clone())));
                        }
                    }
                }
                Kind::Null => {}
                _ => more = Some(tags.shown()),
            }
        }
        let tag = |(key, value): (String, Value)| {
            let spot = value.spot;
            object(spot, [("Key", Value::text(key, spot)), ("Value", as_text(value))])
        };
        let mut tags: Vec<Value> = map.into_iter().filter(|(_, value)| !value.is_null()).map(tag).collect();
        tags.extend(more.map(|why| super::eval::more_of(&why)));
        Value::list(tags, self.spot)
    }

    /// Its tags as a map, as newer services print them.
    fn tag_map(&self) -> Value {
        match self.body.get("tags") {
            Some(tags) if matches!(tags.kind, Kind::Object(_)) => tags.clone(),
            Some(tags) if tags.why().is_some() => tags.clone(),
            _ => Value::object(BTreeMap::new(), self.spot),
        }
    }
}

/// What came of lowering.
#[derive(Debug)]
pub(super) struct Out {
    pub(super) declared: Vec<Declared>,
    pub(super) gaps: Vec<Gap>,
    /// The ARN of each role by its name.
    roles: BTreeMap<String, Value>,
    /// Access policies with the cluster and the principal that they are associated with.
    associations: Vec<(Value, Value, Value)>,
    /// Groups and fleets of instances with the cluster that they belong to.
    instances: Vec<(Value, &'static str, Value)>,
    /// Buckets and keys.
    storage: storage::Storage,
    pub(super) left: usize,
}

/// The place of a type among the others: what others need to know of comes first.
pub(super) fn rank(kind: &str) -> u8 {
    match kind {
        "aws_iam_role" | "aws_eks_access_policy_association" | "aws_emr_instance_group" | "aws_emr_instance_fleet" => 0,
        _ => 1,
    }
}

impl Default for Out {
    fn default() -> Self {
        Self {
            declared: Vec::new(),
            gaps: Vec::new(),
            roles: BTreeMap::new(),
            associations: Vec::new(),
            instances: Vec::new(),
            storage: storage::Storage::default(),
            left: NODES,
        }
    }
}

impl Out {
    fn node(&mut self, value: &Value) -> Node {
        value.node(&mut self.left)
    }

    fn item(&mut self, collection: &'static str, value: &Value) {
        let item = self.node(value);
        self.declared.push(Declared::Item { collection, cluster: None, item });
    }

    /// An access entry with the policies that are associated with it.
    fn entry(&mut self, item: &Value) {
        let Kind::Object(fields) = &item.kind else { return };
        let same = |name: &str, value: &Value| fields.map.get(name).map(text) == Some(text(value));
        let (own, others): (Vec<_>, Vec<_>) = std::mem::take(&mut self.associations)
            .into_iter()
            .partition(|(cluster, principal, _)| same("clusterName", cluster) && same("principalArn", principal));
        self.associations = others;
        let mut fields = (**fields).clone();
        let policies = own.into_iter().map(|(_, _, policy)| policy).collect();
        fields.map.insert("associatedAccessPolicies".to_owned(), Value::list(policies, item.spot));
        self.item("eks.accessEntries", &Value { kind: Kind::Object(Rc::new(fields)), spot: item.spot });
    }

    /// What is associated with something that is declared elsewhere.
    pub(super) fn finish(&mut self) {
        while let Some((cluster, principal, policy)) = self.associations.first().cloned() {
            let spot = policy.spot;
            self.entry(&object(spot, [("clusterName", cluster), ("principalArn", principal)]));
        }
        for (collection, item) in self.storage.items() {
            self.item(collection, &item);
        }
    }

    fn part(&mut self, collection: &'static str, key: &'static str, of: &Value, field: &'static str, value: &Value) {
        let Some(of) = of.as_text() else { return };
        let part = self.node(value);
        self.declared.push(Declared::Part { collection, key, of, field, part });
    }

    /// A document of JSON in an attribute. What does not parse is a gap, and unknown.
    fn document(&mut self, resource: &Resource, name: &str, shown: &dyn Fn(u32) -> String) -> Value {
        let Some(value) = resource.body.get(name) else { return Value::NULL };
        self.parsed(resource, name, value, shown)
    }

    fn parsed(&mut self, resource: &Resource, name: &str, value: &Value, shown: &dyn Fn(u32) -> String) -> Value {
        match decoded(value) {
            Ok(document) => {
                let spot = document.spot.or(value.spot);
                document.or_spot(spot)
            }
            Err(fault) => {
                let place = fault.at.as_ref().map(|at| shown(at.file)).or(value.spot.map(|spot| shown(spot.file)));
                let what = place.unwrap_or_else(|| resource.address.clone());
                self.gaps.push(Gap {
                    what: what.clone(),
                    scope: String::new(),
                    why: format!("`{name}` of `{}` is no JSON: {}", resource.address, fault.message),
                    unblock: Some("write it with `jsonencode`".to_owned()),
                    place: Some(what),
                });
                Value::unknown(format!("`{name}` of `{}` is no JSON", resource.address), value.spot)
            }
        }
    }
}

/// Lowers a resource; nothing comes of types that say nothing about a rollout.
pub(super) fn lower(resource: &Resource, out: &mut Out, shown: &dyn Fn(u32) -> String) {
    match resource.kind.as_str() {
        kind if kind.starts_with("aws_iam_") => iam::lower(resource, out, shown),
        kind if kind.starts_with("aws_eks_") => eks::lower(resource, out),
        kind if kind.starts_with("aws_emr") => emr::lower(resource, out, shown),
        "aws_sfn_state_machine" => emr::state_machine(resource, out, shown),
        kind if kind.starts_with("kubernetes_") || kind.starts_with("kubectl_") => kubernetes::lower(resource, out),
        "helm_release" => chart::release(resource, out),
        kind if storage::wanted(kind) => storage::lower(resource, out, shown),
        _ => network::lower(resource, out),
    }
}

/// Whether anything comes of a resource of this type.
pub(super) fn wanted(kind: &str) -> bool {
    ["aws_iam_", "aws_eks_", "aws_emr", "kubernetes_", "kubectl_"].iter().any(|start| kind.starts_with(start))
        || matches!(kind, "aws_sfn_state_machine" | "helm_release")
        || network::wanted(kind)
        || storage::wanted(kind)
}

/// An object of what is not null.
fn object<'k>(spot: Option<Spot>, fields: impl IntoIterator<Item = (&'k str, Value)>) -> Value {
    let map = fields.into_iter().filter(|(_, value)| !value.is_null());
    Value::object(map.map(|(key, value)| (key.to_owned(), value)).collect(), spot)
}

/// The attributes of a block under other names.
fn renamed(block: &Value, names: &[(&str, &str)]) -> Vec<(String, Value)> {
    let each = names.iter().filter_map(|(from, to)| Some(((*to).to_owned(), block.get(from)?.clone())));
    each.collect()
}

/// An object of attributes under other names.
fn shaped(block: &Value, names: &[(&str, &str)]) -> Value {
    Value::object(renamed(block, names).into_iter().collect(), block.spot)
}

/// The blocks of a type, each under other names; what may be more stays at the end.
fn list_of(body: &Value, name: &str, shape: impl Fn(&Value) -> Value) -> Value {
    let blocks = body.blocks(name);
    let spot = blocks.first().and_then(|block| block.spot);
    let items = blocks.iter().map(|block| match &block.kind {
        Kind::Unknown(unknown) => super::eval::more_of(&unknown.why),
        Kind::More(_) => block.clone(),
        _ => shape(block),
    });
    Value::list(items.collect(), spot)
}

/// A value of a map of texts: what was written as a truth or a number is made one.
fn as_text(value: Value) -> Value {
    match &value.kind {
        Kind::Bool(truth) => Value::text(truth.to_string(), value.spot),
        Kind::Number(number) => Value::text(number.to_string(), value.spot),
        _ => value,
    }
}

/// A truth that may have been written as text.
fn truth(value: &Value) -> Value {
    match value.as_bool() {
        Some(truth) => Value::truth(truth, value.spot),
        None => value.clone(),
    }
}

/// A number that may have been written as text.
fn number(value: &Value) -> Value {
    match value.as_number() {
        Some(number) => Value::number(number, value.spot),
        None => value.clone(),
    }
}

fn or(value: Option<&Value>, default: Value) -> Value {
    value.cloned().unwrap_or(default)
}

fn text(value: &Value) -> Text {
    value.as_text().unwrap_or_default()
}
