//! What an API server answered, in the form of an export.

use super::failure::{Failure, Kind};
use super::list::Listed;
use crate::estate::{Collection, Syntax};
use crate::read::assemble::Reading;
use crate::read::kubernetes;
use crate::read::refusal::{Outcome, Refusal};
use crate::read::shape::{Content, Recognised, Whose};
use serde_json::{Map, Value, json};

/// A list, and what kept it from being whole.
pub(super) fn reading(cluster: &str, collection: &'static Collection, listed: Listed) -> Reading {
    let mut recognised = Recognised::default();
    let whole = listed.failure.is_none();
    if whole || !listed.items.is_empty() {
        // kubectl prints with each item what the server says of the list only.
        let kind = listed.kind.strip_suffix("List").unwrap_or(&listed.kind).to_owned();
        let mut items = listed.items;
        for item in items.iter_mut().filter_map(Value::as_object_mut) {
            item.entry("apiVersion").or_insert_with(|| listed.version.as_str().into());
            item.entry("kind").or_insert_with(|| kind.as_str().into());
        }
        let mut list = Map::new();
        list.insert("apiVersion".to_owned(), listed.version.into());
        list.insert("kind".to_owned(), listed.kind.into());
        list.insert("metadata".to_owned(), json!({"resourceVersion": listed.resource_version}));
        list.insert("items".to_owned(), Value::Array(items));
        kubernetes::recognise(list, "", &mut recognised);
    }
    if let Some(failure) = &listed.failure {
        recognised.push("error", Content::Refusals(vec![refusal(&[collection], failure, listed.namespace.clone())]));
    }
    of(cluster, collection.command, recognised, listed.namespace, !whole)
}

/// Lists of which there is nothing, for one reason.
pub(super) fn nothing(cluster: &str, collections: &[&'static Collection], failure: &Failure) -> Reading {
    let mut recognised = Recognised::default();
    recognised.push("error", Content::Refusals(vec![refusal(collections, failure, None)]));
    let command = collections.first().map_or("kubectl get --raw /version", |collection| collection.command);
    of(cluster, command, recognised, None, true)
}

fn refusal(collections: &[&'static Collection], failure: &Failure, namespace: Option<String>) -> Refusal {
    Refusal {
        collections: collections.iter().map(|collection| collection.name.to_owned()).collect(),
        call: "kubectl get".to_owned(),
        why: failure.why.clone(),
        unblock: failure.unblock.clone(),
        arn: None,
        namespace,
        outcome: if failure.kind == Kind::Denied { Outcome::Denied } else { Outcome::Failed },
        line: 1,
    }
}

fn of(cluster: &str, command: &str, mut recognised: Recognised, namespace: Option<String>, lost: bool) -> Reading {
    let name = cluster.rsplit('/').next().unwrap_or(cluster);
    let mut parts = cluster.split(':').skip(3);
    let (region, account) = (parts.next().map(str::to_owned), parts.next().unwrap_or_default().to_owned());
    let whose = Whose { account, region, inside: Some(cluster.to_owned()), namespace, lost };
    recognised.push("answer", Content::Whose(whose));
    Reading {
        path: format!("{command} --context {name}"),
        syntax: Syntax::Answer,
        held: None,
        pieces: recognised.pieces,
        gaps: Vec::new(),
    }
}
