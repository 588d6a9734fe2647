//! Items move into their tables: those of AWS, lists of names, and the objects of clusters.

use super::super::kubernetes;
use super::super::merge::arn_in;
use super::super::shape::{Content, Items, Places};
use super::super::subject;
use super::known::sole;
use super::{Assembly, Statement, scope_of};
use crate::estate::{Origin, Within, collection, identity};
use crate::known::{Told, Unknown};
use crate::path::escape;
use rustc_hash::FxHashSet;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// How an item is called in a message.
pub(super) fn called(item: &Value) -> String {
    ["RoleName", "UserName", "PolicyName", "name", "Name", "clusterName", "Arn", "arn", "id", "Id"]
        .iter()
        .find_map(|key| item.get(*key)?.told())
        .or_else(|| item.pointer("/metadata/name").and_then(Told::told))
        .unwrap_or("an item")
        .to_owned()
}

/// Whether no item is listed twice: a list that changes while its pages are read may say so of one.
fn are_distinct(collection: &str, items: &[Value]) -> bool {
    let mut seen = FxHashSet::default();
    items.iter().filter_map(|item| identity(collection, item)).all(|key| seen.insert(key))
}

/// The pointer of a collection's list in the document.
pub(super) fn pointer_of(collection: &str) -> String {
    format!("/{}", collection.replace('.', "/"))
}

impl Assembly {
    /// Moves the items of an AWS collection in.
    pub(super) fn items(&mut self, source: usize, kind: String, mut items: Items, paged: &BTreeSet<String>) {
        let name = items.collection.clone();
        if name.starts_with("eks.") && name != "eks.clusters" {
            for item in &mut items.items {
                self.add_cluster_arn(&name, item);
            }
        }
        if let Some(listing) = items.listing.take() {
            let within = collection(&name).map_or(Within::Account, |collection| collection.within);
            let shown = || items.items.iter().find_map(|item| scope_of(&name, within, item));
            let scope = self.told(source, within).or_else(shown);
            let keys = if paged.contains(&name) {
                items.items.iter().filter_map(|item| identity(&name, item)).collect()
            } else {
                FxHashSet::default()
            };
            self.statements.push(Statement {
                collection: name.clone(),
                scope,
                namespace: None,
                source,
                kind,
                more: listing.more,
                doubt: listing.doubt,
                told: false,
                keys,
            });
        }
        self.put(&pointer_of(&name), source, items);
    }

    /// Writes into an item the cluster that its own ARN names, or the only one of its cluster's name.
    pub(super) fn add_cluster_arn(&self, name: &str, item: &mut Value) {
        let field = match name {
            "eks.accessEntries" => "accessEntryArn",
            _ => collection(name).map_or("arn", |collection| collection.key),
        };
        let own = arn_in(item, field).and_then(|arn| arn.eks_cluster());
        let cluster = own.or_else(|| {
            let wanted = item.get("clusterName")?.as_str()?;
            sole(&self.known.clusters_called(wanted)).map(|arn| (*arn).clone())
        });
        if let (Some(cluster), Value::Object(map)) = (cluster, item) {
            map.entry("clusterArn").or_insert(Value::String(cluster));
        }
    }

    pub(super) fn put(&mut self, at: &str, source: usize, items: Items) {
        let Items { collection, items, places, opaque, .. } = items;
        let table = self.tables.entry(at.to_owned()).or_default();
        if table.items.is_empty()
            && let Places::List(list) = &places
            && are_distinct(&collection, &items)
        {
            self.ledger.origins.add_run(at, 0, items.len(), source, list, 0);
            for (index, pointer) in opaque {
                let origin = Origin { source, pointer: format!("{}{pointer}", places.of(index)), opaque: true };
                self.ledger.origins.add(format!("{at}/{index}{pointer}"), origin);
            }
            table.items = items;
            return;
        }
        let index = table.index.get_or_insert_with(|| {
            let keys = table.items.iter().enumerate();
            keys.filter_map(|(at, item)| Some((identity(&collection, item)?, at))).collect()
        });
        let mut moved = Vec::with_capacity(items.len());
        for (number, item) in items.into_iter().enumerate() {
            let from = places.of(number);
            let key = identity(&collection, &item);
            let known = key.as_ref().and_then(|key| index.get(key).copied());
            if let Some((position, have)) = known.and_then(|position| Some((position, table.items.get_mut(position)?)))
            {
                let about = called(have);
                self.ledger.merge(&format!("{at}/{position}"), &about, have, item, source, &from);
                moved.push(position);
                continue;
            }
            let position = table.items.len();
            match &places {
                Places::List(list) => self.ledger.origins.add_run(at, position, 1, source, list, number),
                Places::Some(list, indexes) => {
                    let from = indexes.get(number).copied().unwrap_or_default();
                    self.ledger.origins.add_run(at, position, 1, source, list, from);
                }
                Places::One(_) => self.ledger.came(&format!("{at}/{position}"), source, &from),
            }
            if let Some(key) = key {
                index.insert(key, position);
            }
            table.items.push(item);
            moved.push(position);
        }
        for (number, pointer) in opaque {
            let Some(position) = moved.get(number) else { continue };
            let target = format!("{at}/{position}{pointer}");
            let from = format!("{}{pointer}", places.of(number));
            // Only where the policy that stands there now is the one that was a text.
            let here = self.ledger.origins.find(&target);
            if here.is_some_and(|origin| origin.source == source && origin.pointer == from) {
                self.ledger.origins.add(target, Origin { source, pointer: from, opaque: true });
            }
        }
    }

    /// Makes items of a list of names.
    pub(super) fn names(&mut self, source: usize, kind: String, content: Content) {
        let Content::Names { collection: name, field, names, pointer, more } = content else { return };
        let path = self.path(source).to_owned();
        let keys = names.iter().filter_map(Value::as_str).map(str::to_owned).collect();
        let mut statement = Statement {
            collection: name.to_owned(),
            scope: None,
            namespace: None,
            source,
            kind,
            more,
            doubt: None,
            told: false,
            keys,
        };
        let mut items = Vec::new();
        if name == "eks.clusters" {
            statement.scope = self.told(source, Within::Region).or_else(|| self.known.place(&path));
            for value in names {
                let mut item = Map::new();
                if let (Some((account, region)), Some(cluster)) =
                    (statement.scope.as_deref().and_then(|scope| scope.split_once('/')), value.as_str())
                {
                    let partition = self.known.partition(Some(region));
                    let arn = format!("arn:{partition}:eks:{region}:{account}:cluster/{cluster}");
                    item.insert("arn".to_owned(), Value::String(arn));
                }
                item.insert(field.to_owned(), value);
                items.push(Value::Object(item));
            }
        } else {
            statement.scope = self.told(source, Within::Cluster).or_else(|| self.known.cluster(&path));
            if let Some(cluster) = &statement.scope {
                let cluster_name = cluster.rsplit('/').next().unwrap_or_default();
                for value in names {
                    items.push(json!({"clusterName": cluster_name, "clusterArn": cluster, field: value}));
                }
            }
        }
        self.statements.push(statement);
        let items = Items {
            collection: name.to_owned(),
            items,
            places: Places::List(pointer),
            listing: None,
            opaque: Vec::new(),
        };
        self.put(&pointer_of(name), source, items);
    }

    /// Moves Kubernetes objects into the group of their cluster.
    pub(super) fn kubernetes(&mut self, source: usize, kind: String, mut items: Items, paged: &BTreeSet<String>) {
        let path = self.path(source).to_owned();
        let labelled = items.items.iter().take(1).find_map(|item| {
            let labels = item.pointer("/metadata/labels")?;
            labels.get("alpha.eksctl.io/cluster-name").and_then(Value::as_str)
        });
        let labelled = labelled
            .filter(|_| items.collection == "kubernetes.nodes")
            .and_then(|name| sole(&self.known.clusters_called(name)).map(|arn| (*arn).clone()));
        let told = self.told(source, Within::Cluster);
        let cluster = told.clone().or(labelled).or_else(|| self.known.cluster(&path));
        let list = items.collection.strip_prefix("kubernetes.").unwrap_or_default().to_owned();
        let group = match &cluster {
            Some(arn) => Value::String(arn.clone()),
            None => {
                if !self.unplaced.contains(&source) {
                    self.unplaced.push(source);
                }
                Unknown { why: "the export does not say which cluster this is".to_owned(), unblock: None }.to_value()
            }
        };
        let number = self.groups.iter().position(|known| *known == group).unwrap_or_else(|| {
            self.groups.push(group);
            self.groups.len() - 1
        });
        if list == "namespaces" {
            let names = items.items.iter().filter_map(|item| item.pointer("/metadata/name")?.as_str());
            self.known.namespaces.extend(names.map(str::to_owned));
        }
        if let (Some(listing), Some(cluster)) = (items.listing.take(), &cluster) {
            let mut doubt = listing.doubt;
            let mut namespace = self.whose.get(&source).and_then(|whose| whose.namespace.clone());
            if namespace.is_none() && !kubernetes::cluster_wide(&list) {
                let spaces: BTreeSet<&str> =
                    items.items.iter().filter_map(|item| item.pointer("/metadata/namespace")?.as_str()).collect();
                // The name of the cluster in the path is no namespace.
                let short = path.replace(cluster.rsplit('/').next().unwrap_or_default(), "");
                let all = told.is_some() || ["all", "A"].iter().any(|word| subject::mentions(&path, word));
                match (spaces.len(), spaces.first()) {
                    _ if all => {}
                    (1, Some(only)) => namespace = Some((*only).to_owned()),
                    (0, _) => {
                        let known = self.known.namespaces.iter().map(|name| (name.as_str(), name.as_str()));
                        namespace = subject::named(&short, known).ok().flatten().map(str::to_owned);
                        if namespace.is_none() && doubt.is_none() {
                            doubt = Some(format!(
                                "the empty list of {list} does not say whether it is of one namespace or of all; with `all` in its name it counts for all"
                            ));
                        }
                    }
                    _ => {}
                }
            }
            let keys = if paged.contains(&items.collection) {
                items.items.iter().filter_map(|item| identity(&items.collection, item)).collect()
            } else {
                FxHashSet::default()
            };
            self.statements.push(Statement {
                collection: items.collection.clone(),
                scope: Some(cluster.clone()),
                namespace,
                source,
                kind,
                more: listing.more,
                doubt,
                told: false,
                keys,
            });
        }
        self.put(&format!("/kubernetes/{number}/{}", escape(&list)), source, items);
    }
}
