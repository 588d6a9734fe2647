//! References become what they name, and rollouts take shape.
//!
//! A rollout is declared in `sparkcheck.toml`, or else inferred from what the estate shows. Every
//! reference in it is resolved by ARN or name, with account, region and partition: to the thing,
//! which then stands inside the rollout as if it belonged there; to nothing, where the collection was
//! listed completely; or to an unknown that says what would settle it. What stands inside a rollout
//! is a copy, and an [alias](crate::estate::Origins::alias) leads from it to the place of the thing.
//!
//! A list that may be longer than what was seen ends in an unknown, so that "none of them" can only
//! be said of a complete one.
//!
//! Deliberately absent: judgement. Nothing here says that something is wrong.

mod access;
mod application;
mod batch_processing_gateway;
mod containers;
mod emr_on_ec2;
mod emr_on_eks;
mod emr_serverless;
mod fragment;
mod gangs;
mod images;
mod job;
mod mounted;
mod network;
pub mod organization;
pub mod policies;
mod reference;
mod release;
pub mod resource_policy;
mod role;
mod service_account;
mod settings;
mod spark_operator;
mod things;

pub use crate::arn::{Arn, role_name};
pub use reference::{Found, Index, Wanted};

use crate::estate::{Estate, Gap};
use crate::facts::instances::InstanceTypes;
use crate::known::{self, Text, Told, Unknown};
use crate::system::System;
use serde_json::{Map, Value, json};

/// An estate with its rollouts, and indexes over it.
#[derive(Debug)]
pub struct Linked {
    /// The estate; its document now has `rollouts`, and its origins know their aliases.
    pub estate: Estate,
    /// Look-ups by ARN.
    pub index: Index,
}

impl Linked {
    /// The systems of its rollouts.
    #[must_use]
    pub fn systems(&self) -> Vec<System> {
        // What code declares may be for any of them.
        if !self.estate.declared.is_empty() {
            return System::ALL.to_vec();
        }
        let rollouts = self.estate.items("rollouts").iter();
        let mut systems: Vec<System> =
            rollouts.filter_map(|rollout| System::named(rollout["system"].told()?)).collect();
        // Objects of a cluster may be declared without anything that runs there.
        let declares = |what: &str| self.estate.declared.keys().any(|table| table.starts_with(what));
        if declares("/kubernetes/") || declares("/files/") {
            systems.extend([System::EmrOnEks, System::SparkOperator]);
        }
        systems.sort();
        systems.dedup();
        systems
    }
}

/// A rollout under construction: an object, and what stands for what in it.
#[derive(Debug, Default)]
pub struct Draft {
    /// The rollout as it will stand in the document.
    pub object: Map<String, Value>,
    /// From a pointer inside the rollout to the pointer of the thing itself.
    pub aliases: Vec<(String, String)>,
}

impl Draft {
    /// Puts a value in, without a place of its own.
    pub fn set(&mut self, name: &str, value: impl Into<Value>) {
        let mut value = value.into();
        keyed(&mut value);
        self.object.insert(name.to_owned(), value);
    }

    /// Puts a value in that stands elsewhere in the document.
    pub fn set_at(&mut self, name: &str, value: impl Into<Value>, pointer: impl Into<String>) {
        self.set(name, value);
        self.aliases.push((format!("/{name}"), pointer.into()));
    }

    /// Puts in what a reference was resolved to; nothing, where there is no such thing.
    pub fn set_found(&mut self, name: &str, found: Found<'_>) {
        match found {
            Found::At(value, pointer) => self.set_at(name, value.clone(), pointer),
            Found::Nothing => {}
            Found::Unknown(unknown) => self.set(name, unknown.to_value()),
        }
    }

    /// Puts in a list of things that stand elsewhere; an unknown at its end says that there may be more.
    pub fn set_list(&mut self, name: &str, items: Vec<(&Value, String)>, more: Option<Unknown>) {
        let mut list = Vec::new();
        for (index, (value, pointer)) in items.into_iter().enumerate() {
            list.push(value.clone());
            self.aliases.push((format!("/{name}/{index}"), pointer));
        }
        list.extend(more.map(|unknown| unknown.to_value()));
        self.set(name, list);
    }

    /// Puts in parts that were built by themselves; what they stand for is kept.
    pub fn set_drafts(&mut self, name: &str, parts: Vec<Self>) {
        let mut list = Vec::new();
        for (index, part) in parts.into_iter().enumerate() {
            list.push(Value::Object(part.object));
            self.aliases.extend(part.aliases.into_iter().map(|(inside, to)| (format!("/{name}/{index}{inside}"), to)));
        }
        self.set(name, list);
    }

    /// A text that was put in before.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.object.get(name)?.told()
    }
}

/// Gives a text, or the texts of a list, that were put together here the form of texts with holes.
fn keyed(value: &mut Value) {
    match value {
        Value::String(text) if text.contains("${") => *value = Text::shown(text).to_key(),
        Value::Array(list) => list.iter_mut().filter(|item| item.is_string()).for_each(keyed),
        _ => {}
    }
}

/// The pointer of what stands at `below` inside something that was put in at `inside`.
fn draft_alias(draft: &Draft, inside: &str, below: &str) -> String {
    let target = draft.aliases.iter().find(|(from, _)| from == inside).map(|(_, to)| to.as_str());
    format!("{}{below}", target.unwrap_or_default())
}

/// Resolves the estate's references and puts its rollouts into the document.
#[must_use]
pub fn link(mut estate: Estate) -> Linked {
    if let Some(declarations) = estate.document.get_mut("declarations") {
        known::show(declarations);
    }
    estate.instance_types = InstanceTypes::with(estate.items("ec2.instanceTypes"));
    let index = Index::of(&estate);
    let mut drafts = Vec::new();
    for (at, declaration) in estate.items("declarations").iter().enumerate() {
        let pointer = format!("/declarations/{at}");
        drafts.extend(draft(&estate, &index, declaration, &pointer));
    }
    if drafts.is_empty() {
        for (declaration, pointer) in inferred(&estate) {
            drafts.extend(draft(&estate, &index, &declaration, &pointer));
        }
        let fragments = fragment::inferred(&estate, &index, &drafts);
        for (declaration, pointer) in fragments {
            if let Some(mut draft) = draft(&estate, &index, &declaration, &pointer) {
                draft.set("fragment", true);
                fragment::leave_open(&declaration, &mut draft);
                drafts.push(draft);
            }
        }
        let mut declared = fragment::declared(&estate, &index, &drafts);
        declared.extend(things::things(&estate));
        declared.extend(release::others(&estate, &drafts));
        let (statements, attachments) = fragment::grants(&estate, &drafts);
        for (section, drafts) in [("declared", declared), ("statements", statements), ("attachments", attachments)] {
            fragment::put(&mut estate, section, drafts);
        }
    }
    if drafts.is_empty() && estate.declared.is_empty() && !estate.sources.is_empty() {
        estate.gaps.push(Gap {
            what: "rollouts".into(),
            scope: String::new(),
            why: "no rollout is declared, and none can be inferred from the input".into(),
            unblock: Some("declare one in `sparkcheck.toml`: system, cluster, namespace and roles".into()),
            place: None,
        });
    }
    let mut rollouts = Vec::new();
    for (at, draft) in drafts.into_iter().enumerate() {
        for (inside, target) in draft.aliases {
            estate.origins.alias(format!("/rollouts/{at}{inside}"), target);
        }
        rollouts.push(Value::Object(draft.object));
    }
    if !estate.document.is_object() {
        estate.document = json!({});
    }
    estate.document["rollouts"] = Value::Array(rollouts);
    estate.gaps.sort();
    estate.gaps.dedup();
    Linked { estate, index }
}

fn draft(estate: &Estate, index: &Index, declaration: &Value, pointer: &str) -> Option<Draft> {
    let system = declaration["system"].told().and_then(System::named)?;
    let mut draft = Draft::default();
    draft.set("system", system.name());
    draft.set("declared", declaration["inferred"] != true && declaration["fragment"] != true);
    draft.aliases.push((String::new(), pointer.to_owned()));
    match system {
        System::EmrOnEks => emr_on_eks::link(estate, index, declaration, pointer, &mut draft),
        System::EmrServerless => emr_serverless::link(estate, index, declaration, pointer, &mut draft),
        System::EmrOnEc2 => emr_on_ec2::link(estate, index, declaration, pointer, &mut draft),
        System::SparkOperator => spark_operator::link(estate, index, declaration, pointer, &mut draft),
        System::BatchProcessingGateway => {
            batch_processing_gateway::link(estate, index, declaration, &mut draft);
        }
    }
    if let Some(name) = declaration["name"].told() {
        draft.set("name", name);
    }
    Some(draft)
}

/// Rollouts that nobody declared but that the estate shows, as declarations with their pointers.
fn inferred(estate: &Estate) -> Vec<(Value, String)> {
    let mut found = Vec::new();
    found.extend(emr_on_eks::inferred(estate));
    found.extend(emr_serverless::inferred(estate));
    found.extend(emr_on_ec2::inferred(estate));
    found.extend(spark_operator::inferred(estate));
    found.extend(batch_processing_gateway::inferred(estate));
    // Of a run about a few clusters, nothing is said of the others that lists name.
    let targets = estate.items("targets");
    if !targets.is_empty() {
        let of =
            |declaration: &Value| ["cluster", "application"].iter().any(|key| targets.contains(&declaration[*key]));
        found.retain(|(declaration, _)| {
            declaration["system"] == System::BatchProcessingGateway.name() || of(declaration)
        });
    }
    for (declaration, _) in &mut found {
        declaration["inferred"] = true.into();
    }
    found
}
