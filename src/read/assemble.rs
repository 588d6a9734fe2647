//! The pieces of all files become one estate.
//!
//! Items move in first, because they say whose they are. From them follows which accounts, regions
//! and clusters there are, and so to whom the lists belong that do not say it: by the names in their
//! path, or because there is only one account, region or cluster. What cannot be attributed is a gap.

use super::declaration::Declarations;
use super::kubernetes;
use super::merge::Ledger;
use super::merge::arn_in;
use super::refusal::{Outcome, Refusal};
use super::shape::{Content, Items, Piece, Places, Whose};
use super::{Options, subject};
use crate::arn::Arn;
use crate::estate::{
    COLLECTIONS, Completeness, Coverage, Entry, Estate, FORMAT, Gap, Origin, Source, Syntax, Within, collection,
    unblock,
};
use crate::known::Unknown;
use crate::path::escape;
use rustc_hash::{FxHashMap, FxHashSet};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What was read from one file.
#[derive(Debug)]
pub(crate) struct Reading {
    pub(crate) path: String,
    pub(crate) syntax: Syntax,
    /// The bytes, where they cannot be read again.
    pub(crate) held: Option<Arc<[u8]>>,
    pub(crate) pieces: Vec<Piece>,
    pub(crate) gaps: Vec<Gap>,
}

impl Reading {
    /// Whether anything was recognised, be it only that a call failed.
    pub(crate) fn has_content(&self) -> bool {
        self.pieces.iter().any(|piece| !matches!(piece.content, Content::Broken { .. }))
    }
}

/// Puts the estate together.
pub(crate) fn assemble(readings: Vec<Reading>, declarations: Vec<Declarations>, options: &Options) -> Estate {
    let mut assembly = Assembly::default();
    let mut pieces = Vec::new();
    for reading in readings {
        let source = assembly.sources.len();
        let mut kinds: Vec<&str> = Vec::new();
        for piece in &reading.pieces {
            if let Content::Whose(whose) = &piece.content {
                assembly.whose.insert(source, whose.clone());
            } else if !kinds.contains(&piece.kind.as_str()) {
                kinds.push(&piece.kind);
            }
        }
        assembly.sources.push(Source {
            path: reading.path,
            kind: kinds.join(", "),
            syntax: reading.syntax,
            held: reading.held,
        });
        assembly.gaps.extend(reading.gaps);
        pieces.extend(reading.pieces.into_iter().map(|piece| (source, piece)));
    }
    assembly.run(pieces, declarations);
    assembly.finish(options)
}

#[derive(Default)]
struct Assembly {
    document: Map<String, Value>,
    tables: BTreeMap<String, Table>,
    /// The clusters of the groups in `kubernetes`.
    groups: Vec<Value>,
    ledger: Ledger,
    statements: Vec<Statement>,
    coverage: Vec<Entry>,
    gaps: Vec<Gap>,
    sources: Vec<Source>,
    known: Known,
    /// Inline policies of which only some were shown: pointer of the list, and whether all names are known.
    inline: BTreeMap<String, bool>,
    unplaced: Vec<usize>,
    /// By source, whose it is, where that need not be guessed.
    whose: FxHashMap<usize, Whose>,
    /// Names, looked up only if pieces need it, when all items are in.
    principals: Option<subject::Names<(&'static str, usize)>>,
    policies: Option<subject::Names<String>>,
}

/// The items of one list of the document.
#[derive(Default)]
struct Table {
    items: Vec<Value>,
    index: Option<FxHashMap<String, usize>>,
}

/// What one list says of its completeness.
struct Statement {
    collection: String,
    scope: Option<String>,
    namespace: Option<String>,
    source: usize,
    kind: String,
    more: bool,
    doubt: Option<String>,
    /// Its file has a gap of its own already.
    told: bool,
    /// What identifies its items, where pages must be told apart.
    keys: FxHashSet<String>,
}

/// The accounts, regions and clusters that the items name.
#[derive(Default)]
struct Known {
    accounts: BTreeSet<String>,
    /// `ACCOUNT/REGION`.
    places: BTreeSet<String>,
    partitions: BTreeSet<String>,
    /// ARN to name and how well it is known.
    clusters: BTreeMap<String, (String, Acquaintance)>,
    /// ARN to id, and ARN to name, of virtual clusters and applications.
    parents: Vec<(String, String)>,
    namespaces: BTreeSet<String>,
}

/// How the export speaks of a cluster. A list without a cluster's name is of the only one that is
/// known best: accounts have old clusters that lists and virtual clusters still name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Acquaintance {
    /// Its description, something in it, or a declared rollout is there.
    Described,
    /// A virtual cluster is in it.
    Mentioned,
    /// A list names it.
    Listed,
}

impl Known {
    fn cluster_is(&mut self, arn: String, how: Acquaintance) {
        let name = arn.rsplit('/').next().unwrap_or_default().to_owned();
        let known = self.clusters.entry(arn).or_insert((name, how));
        known.1 = known.1.min(how);
    }

    /// The clusters of a name.
    fn clusters_called(&self, name: &str) -> BTreeSet<&String> {
        self.clusters.iter().filter(|(_, (known, _))| known == name).map(|(arn, _)| arn).collect()
    }

    fn note(&mut self, arn: Arn<'_>, how: Acquaintance) {
        if arn.owner().is_none() {
            return;
        }
        self.accounts.extend(arn.owner());
        self.places.extend(arn.place());
        self.partitions.insert(arn.partition.to_owned());
        if let Some(cluster) = arn.eks_cluster() {
            self.cluster_is(cluster, how);
        }
    }

    fn account(&self, path: &str) -> Option<String> {
        subject::account(path).or_else(|| sole(&self.accounts).cloned())
    }

    fn place(&self, path: &str) -> Option<String> {
        let region = subject::region(path);
        let account = subject::account(path);
        let fits = |place: &&String| {
            place.split_once('/').is_some_and(|(of, at)| {
                account.as_deref().is_none_or(|account| account == of)
                    && region.as_deref().is_none_or(|region| region == at)
            })
        };
        let places: BTreeSet<&String> = self.places.iter().filter(fits).collect();
        match (sole(&places), region) {
            (Some(place), _) => Some((*place).clone()),
            (None, Some(region)) if places.is_empty() => Some(format!("{}/{region}", self.account(path)?)),
            _ => None,
        }
    }

    fn cluster(&self, path: &str) -> Option<String> {
        let (account, region) = (subject::account(path), subject::region(path));
        let clusters: Vec<(&str, &str, Acquaintance)> = self
            .clusters
            .iter()
            .filter(|(arn, _)| {
                (account.is_none() && region.is_none())
                    || Arn::parse(arn).is_some_and(|arn| {
                        account.as_deref().is_none_or(|account| account == arn.account)
                            && region.as_deref().is_none_or(|region| region == arn.region)
                    })
            })
            .map(|(arn, (name, how))| (name.as_str(), arn.as_str(), *how))
            .collect();
        match subject::named(path, clusters.iter().map(|(name, arn, _)| (*name, *arn))) {
            Ok(Some(arn)) => Some(arn.to_owned()),
            Ok(None) => {
                let best = self.clusters.values().map(|(_, how)| *how).min()?;
                let known: BTreeSet<&String> =
                    self.clusters.iter().filter(|(_, (_, how))| *how == best).map(|(arn, _)| arn).collect();
                sole(&known).map(|arn| (*arn).clone())
            }
            Err(_) => None,
        }
    }

    fn partition(&self, region: Option<&str>) -> String {
        match region {
            Some(region) if region.starts_with("cn-") => "aws-cn".to_owned(),
            Some(region) if region.starts_with("us-gov-") => "aws-us-gov".to_owned(),
            Some(_) => "aws".to_owned(),
            None => sole(&self.partitions).cloned().unwrap_or_else(|| "aws".to_owned()),
        }
    }
}

fn sole<T: Ord>(set: &BTreeSet<T>) -> Option<&T> {
    set.first().filter(|_| set.len() == 1)
}

/// What identifies an item within its list.
fn identity(collection: &str, item: &Value) -> Option<String> {
    let text = |key: &str| item.get(key).and_then(Value::as_str);
    let in_cluster =
        |key: &str| Some(format!("{}\n{}", text("clusterArn").or_else(|| text("clusterName"))?, text(key)?));
    match collection {
        "eks.nodegroups" => in_cluster("nodegroupName"),
        "eks.addons" => in_cluster("addonName"),
        "eks.fargateProfiles" => in_cluster("fargateProfileName"),
        "eks.accessEntries" => in_cluster("principalArn"),
        _ if collection.starts_with("kubernetes.") => {
            let metadata = item.get("metadata")?;
            let part = |key: &str| metadata.get(key).and_then(Value::as_str);
            Some(format!("{}\n{}", part("namespace").unwrap_or_default(), part("name")?))
        }
        _ => {
            let key = self::collection(collection).map_or("Arn", |collection| collection.key);
            text(key).map(str::to_owned)
        }
    }
}

/// How an item is called in a message.
fn called(item: &Value) -> String {
    ["RoleName", "UserName", "PolicyName", "name", "Name", "clusterName", "Arn", "arn", "id", "Id"]
        .iter()
        .find_map(|key| item.get(*key)?.as_str())
        .or_else(|| item.pointer("/metadata/name").and_then(Value::as_str))
        .unwrap_or("an item")
        .to_owned()
}

/// The pointer of a collection's list in the document.
fn pointer_of(collection: &str) -> String {
    format!("/{}", collection.replace('.', "/"))
}

impl Assembly {
    fn run(&mut self, pieces: Vec<(usize, Piece)>, declarations: Vec<Declarations>) {
        let paged: BTreeSet<String> = pieces.iter().filter_map(|(_, piece)| paged(piece)).collect();
        let mut objects = Vec::new();
        let mut names = Vec::new();
        let mut parts = Vec::new();
        let mut of_clusters = Vec::new();
        for (source, Piece { kind, content }) in pieces {
            match content {
                Content::Snapshot { document, pointer } => self.snapshot(document, source, &pointer),
                Content::Items(items) if items.collection.starts_with("kubernetes.") => {
                    of_clusters.push((source, kind, items))
                }
                Content::Items(items) => objects.push((source, kind, items)),
                content @ Content::Names { .. } => names.push((source, kind, content)),
                content => parts.push((source, content)),
            }
        }
        self.learn();
        for (source, kind, items) in objects {
            self.items(source, kind, items, &paged);
        }
        self.learn();
        for declarations in declarations {
            self.declare(declarations);
        }
        for (_, content) in &parts {
            if let Content::Sole { value, .. } = content
                && let Some(arn) = arn_in(value, "Arn")
            {
                self.known.note(arn, Acquaintance::Described);
            }
        }
        // Clusters before what is in them.
        let (clusters, inside): (Vec<_>, Vec<_>) = names
            .into_iter()
            .partition(|(_, _, content)| matches!(content, Content::Names { collection: "eks.clusters", .. }));
        for (source, kind, content) in clusters {
            self.names(source, kind, content);
        }
        self.learn();
        for (source, kind, content) in inside {
            self.names(source, kind, content);
        }
        self.learn();
        let (refusals, parts): (Vec<_>, Vec<_>) =
            parts.into_iter().partition(|(_, content)| matches!(content, Content::Refusals(_)));
        // An empty list of Kubernetes objects may be named by its path.
        let mut rest = Vec::new();
        for (source, content) in parts {
            let path = self.path(source).to_owned();
            match content {
                Content::Nameless { key, .. } if key == "items" && kubernetes::list_in(&path).is_some() => {
                    let list = kubernetes::list_in(&path).unwrap_or_default();
                    let items = Items {
                        collection: format!("kubernetes.{list}"),
                        items: Vec::new(),
                        places: Places::List("/items".to_owned()),
                        listing: Some(super::shape::Listing { more: false, doubt: Some(EMPTY_LIST.to_owned()) }),
                        opaque: Vec::new(),
                    };
                    if let Some(known) = self.sources.get_mut(source) {
                        known.kind = known.kind.replace("List", list);
                    }
                    of_clusters.push((source, list.to_owned(), items));
                }
                // What an empty list of nobody knows what would have held is no loss.
                Content::Nameless { key, .. } if key == "items" => {}
                content => rest.push((source, content)),
            }
        }
        // Namespaces first: they tell whether a word in a path is one.
        of_clusters.sort_by_key(|(source, _, items)| (items.collection != "kubernetes.namespaces", *source));
        for (source, kind, items) in of_clusters {
            self.kubernetes(source, kind, items, &paged);
        }
        // What is attached to whom before the versions of policies, which are named by it.
        rest.sort_by_key(|(_, content)| matches!(content, Content::PolicyVersion { .. }));
        for (source, content) in rest {
            self.part(source, content);
        }
        self.close_inline();
        self.state();
        for (source, content) in refusals {
            if let Content::Refusals(refusals) = content {
                for refusal in refusals {
                    self.refused(source, refusal);
                }
            }
        }
    }

    fn path(&self, source: usize) -> &str {
        self.sources.get(source).map_or("", |source| source.path.as_str())
    }

    /// The scope that a source states, of a collection that is listed within such.
    fn told(&self, source: usize, within: Within) -> Option<String> {
        self.whose.get(&source)?.scope(within)
    }

    fn gap(&mut self, source: usize, what: &str, why: impl Into<String>, unblock: impl Into<String>) {
        let place = Some(self.path(source).to_owned());
        let gap =
            Gap { what: what.to_owned(), scope: String::new(), why: why.into(), unblock: Some(unblock.into()), place };
        self.gaps.push(gap);
    }

    /// Takes a snapshot as the ground on which the rest is laid.
    fn snapshot(&mut self, document: Value, source: usize, pointer: &str) {
        let path = self.path(source).to_owned();
        let Value::Object(mut document) = document else { return };
        if !self.document.is_empty() {
            self.gap(source, "snapshot", format!("`{path}` is a second snapshot"), "name one snapshot alone");
            return;
        }
        let header = document.get("sparkcheck").cloned().unwrap_or_default();
        let format = header.get("format").and_then(Value::as_u64);
        if format.is_none_or(|format| format > FORMAT) {
            let why = format!("`{path}` is a snapshot of format {}; this program reads {FORMAT}", header["format"]);
            self.gap(source, "snapshot", why, "read it with the version of sparkcheck that wrote it");
            return;
        }
        match statements(header.get("coverage")) {
            Some(entries) => self.coverage.extend(entries),
            None => self.gap(
                source,
                "snapshot",
                format!("the coverage in `{path}` cannot be read"),
                "take the snapshot again",
            ),
        }
        for gap in header.get("gaps").and_then(Value::as_array).into_iter().flatten() {
            let text = |key: &str| gap.get(key).and_then(Value::as_str).map(str::to_owned);
            self.gaps.push(Gap {
                what: text("what").unwrap_or_default(),
                scope: text("scope").unwrap_or_default(),
                why: text("why").unwrap_or_default(),
                unblock: text("unblock"),
                place: text("place"),
            });
        }
        if let Some(Value::Object(header)) = document.get_mut("sparkcheck") {
            header.remove("coverage");
            header.remove("gaps");
        }
        self.ledger.origins.add("", Origin { source, pointer: pointer.to_owned(), opaque: false });
        for collection in COLLECTIONS.iter().filter(|collection| !collection.name.starts_with("kubernetes.")) {
            let Some((section, list)) = collection.name.split_once('.') else { continue };
            let items =
                document.get_mut(section).and_then(|section| section.get_mut(list)).and_then(Value::as_array_mut);
            if let Some(items) = items {
                let items = std::mem::take(items);
                self.tables.insert(pointer_of(collection.name), Table { items, index: None });
            }
        }
        if let Some(Value::Array(groups)) = document.remove("kubernetes") {
            for (index, group) in groups.into_iter().enumerate() {
                let Value::Object(group) = group else { continue };
                self.groups.push(group.get("cluster").cloned().unwrap_or_default());
                for (list, items) in group {
                    if let Value::Array(items) = items {
                        self.tables
                            .insert(format!("/kubernetes/{index}/{}", escape(&list)), Table { items, index: None });
                    }
                }
            }
        }
        self.document = document;
    }

    /// Notes which accounts, regions and clusters the items name.
    fn learn(&mut self) {
        let mut known = std::mem::take(&mut self.known);
        for collection in COLLECTIONS {
            let Some(table) = self.tables.get(&pointer_of(collection.name)) else { continue };
            let field = match collection.name {
                "eks.accessEntries" => "clusterArn",
                "emr.securityConfigurations" => continue,
                _ => collection.key,
            };
            // An account with very many items names itself in the first of them.
            for item in table.items.iter().take(10_000) {
                if let Some(arn) = arn_in(item, field) {
                    let listed =
                        collection.name == "eks.clusters" && item.as_object().is_some_and(|item| item.len() <= 2);
                    known.note(arn, if listed { Acquaintance::Listed } else { Acquaintance::Described });
                }
                match collection.name {
                    "emrContainers.virtualClusters" => {
                        if let (Some(arn), Some(cluster)) =
                            (arn_in(item, "arn"), item.pointer("/containerProvider/id").and_then(Value::as_str))
                        {
                            let of =
                                format!("arn:{}:eks:{}:{}:cluster/{cluster}", arn.partition, arn.region, arn.account);
                            known.cluster_is(of, Acquaintance::Mentioned);
                        }
                        let namespace =
                            item.pointer("/containerProvider/info/eksInfo/namespace").and_then(Value::as_str);
                        known.namespaces.extend(namespace.map(str::to_owned));
                    }
                    "emrServerless.applications" => {}
                    _ => continue,
                }
                let text = |key: &str| item.get(key).and_then(Value::as_str).map(str::to_owned);
                if let Some(arn) = text("arn") {
                    for key in ["id", "applicationId", "name"] {
                        known.parents.extend(text(key).map(|name| (name, arn.clone())));
                    }
                }
            }
        }
        for cluster in &self.groups {
            if let Some(arn) = cluster.as_str().and_then(Arn::parse) {
                known.note(arn, Acquaintance::Described);
            }
        }
        known.parents.sort();
        known.parents.dedup();
        self.known = known;
    }

    fn declare(&mut self, declarations: Declarations) {
        let source = self.sources.len();
        self.sources.push(Source {
            path: declarations.path,
            kind: "rollouts".to_owned(),
            syntax: Syntax::Toml,
            held: None,
        });
        for rollout in &declarations.rollouts {
            if let Some(arn) = arn_in(rollout, "cluster") {
                self.known.note(arn, Acquaintance::Described);
            }
            if let Some(namespace) = rollout.get("namespace").and_then(Value::as_str) {
                self.known.namespaces.insert(namespace.to_owned());
            }
        }
        let list = self.document.entry("declarations").or_insert_with(|| json!([]));
        let Value::Array(list) = list else { return };
        let (first, count) = (list.len(), declarations.rollouts.len());
        self.ledger.origins.add_run("/declarations", first, count, source, "/rollout", 0);
        list.extend(declarations.rollouts);
    }

    /// Moves the items of an AWS collection in.
    fn items(&mut self, source: usize, kind: String, mut items: Items, paged: &BTreeSet<String>) {
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
    fn add_cluster_arn(&self, name: &str, item: &mut Value) {
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

    fn put(&mut self, at: &str, source: usize, items: Items) {
        let Items { collection, items, places, opaque, .. } = items;
        let table = self.tables.entry(at.to_owned()).or_default();
        if table.items.is_empty() && matches!(places, Places::List(_)) {
            if let Places::List(list) = &places {
                self.ledger.origins.add_run(at, 0, items.len(), source, list, 0);
            }
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
    fn names(&mut self, source: usize, kind: String, content: Content) {
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
    fn kubernetes(&mut self, source: usize, kind: String, mut items: Items, paged: &BTreeSet<String>) {
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
            let mut namespace = None;
            if !kubernetes::cluster_wide(&list) {
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

    /// Puts in what belongs inside an item, or is alone of its kind.
    fn part(&mut self, source: usize, content: Content) {
        let path = self.path(source).to_owned();
        match content {
            Content::Principal { subject, field, value, pointer, more } => {
                self.principal(source, &path, subject, field, value, &pointer, more);
            }
            Content::PolicyVersion { version, pointer } => self.policy_version(source, &path, version, &pointer),
            Content::Provider { provider, pointer } => self.provider(source, &path, provider, pointer),
            Content::Sole { section, field, value, pointer } => {
                let at = format!("/{section}/{field}");
                let section = self.document.entry(section).or_insert_with(|| json!({}));
                if !section.is_object() {
                    *section = json!({});
                }
                match section.get_mut(field) {
                    Some(have) => self.ledger.merge(&at, field, have, value, source, &pointer),
                    None => {
                        if let Value::Object(section) = section {
                            section.insert(field.to_owned(), value);
                        }
                        self.ledger.came(&at, source, &pointer);
                    }
                }
            }
            Content::AccessPolicies { cluster, principal, policies, pointer } => {
                let mut item =
                    json!({"clusterName": cluster, "principalArn": principal, "associatedAccessPolicies": policies});
                if let Some(cluster) = self.told(source, Within::Cluster) {
                    item["clusterArn"] = cluster.into();
                }
                self.add_cluster_arn("eks.accessEntries", &mut item);
                let at = pointer.rsplit_once('/').map_or("", |(at, _)| at).to_owned();
                let items = Items {
                    collection: "eks.accessEntries".to_owned(),
                    items: vec![item],
                    places: Places::One(at),
                    listing: None,
                    opaque: Vec::new(),
                };
                self.put(&pointer_of("eks.accessEntries"), source, items);
            }
            Content::EmrPart { field, value, pointer } => {
                let at = pointer_of("emr.clusters");
                let clusters = self.tables.get(&at).map_or(&[][..], |table| table.items.as_slice());
                let text =
                    |item: &Value, key: &str| item.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
                let names: Vec<(String, usize)> = clusters
                    .iter()
                    .enumerate()
                    .flat_map(|(index, item)| [(text(item, "Id"), index), (text(item, "Name"), index)])
                    .collect();
                let told = self.told(source, Within::Parent);
                let told = told
                    .and_then(|arn| clusters.iter().position(|item| item["ClusterArn"].as_str() == Some(arn.as_str())));
                let position = match subject::named(&path, names.iter().map(|(name, index)| (name.as_str(), *index))) {
                    _ if told.is_some() => told,
                    Ok(Some(position)) => Some(position),
                    Ok(None) if clusters.len() == 1 => Some(0),
                    _ => None,
                };
                let Some(position) = position else {
                    let why = format!("`{path}` does not say of which EMR cluster its `{field}` are");
                    self.gap(
                        source,
                        "emr.clusters",
                        why,
                        format!("name the file after the cluster, such as `{field}-j-ABC.json`"),
                    );
                    return;
                };
                self.enrich(&at, position, field, value, source, &pointer);
            }
            Content::Session(variables) => self.session(source, variables),
            Content::JobRequest { kind, request, pointer } => {
                let list = self.document.entry("jobRequests").or_insert_with(|| json!([]));
                let Value::Array(list) = list else { return };
                let at = format!("/jobRequests/{}", list.len());
                list.push(json!({"path": path, "kind": kind, "request": request}));
                self.ledger.came(&at, source, &pointer);
                self.ledger.came(&format!("{at}/request"), source, &pointer);
            }
            Content::Gateway { config, pointer, opaque } => {
                let list = self.document.entry("batchProcessingGateways").or_insert_with(|| json!([]));
                let Value::Array(list) = list else { return };
                let at = format!("/batchProcessingGateways/{}", list.len());
                list.push(config);
                self.ledger.origins.add(at, Origin { source, pointer, opaque });
            }
            Content::Broken { collections, why } => {
                for collection in collections {
                    self.statements.push(Statement {
                        collection,
                        scope: None,
                        namespace: None,
                        source,
                        kind: "unreadable".to_owned(),
                        more: false,
                        doubt: Some(why.clone()),
                        told: true,
                        keys: FxHashSet::default(),
                    });
                }
            }
            Content::Nameless { key, hint } => {
                let why = format!("`{path}` holds an empty list `{key}` and does not say of what");
                self.gap(source, &path, why, format!("put what it lists into the file's name, such as `{hint}`"));
            }
            Content::Snapshot { .. }
            | Content::Items(_)
            | Content::Names { .. }
            | Content::Refusals(_)
            | Content::Whose(_) => {}
        }
    }

    /// Adds a field to an item, or merges it with the one that is there.
    fn enrich(&mut self, at: &str, position: usize, field: &str, value: Value, source: usize, from: &str) {
        let item = self.tables.get_mut(at).and_then(|table| table.items.get_mut(position));
        let Some(item) = item else { return };
        let about = called(item);
        let pointer = format!("{at}/{position}/{}", escape(field));
        let Value::Object(map) = item else { return };
        match map.get_mut(field) {
            Some(have) => self.ledger.merge(&pointer, &about, have, value, source, from),
            None => {
                map.insert(field.to_owned(), value);
                self.ledger.came(&pointer, source, from);
            }
        }
    }

    /// The roles, users and groups by name.
    fn principals(&self) -> subject::Names<(&'static str, usize)> {
        let mut names = Vec::new();
        for (collection, key) in [("iam.roles", "RoleName"), ("iam.users", "UserName"), ("iam.groups", "GroupName")] {
            let items = self.tables.get(&pointer_of(collection)).map_or(&[][..], |table| table.items.as_slice());
            let named =
                |(index, item): (usize, &Value)| Some((item.get(key)?.as_str()?.to_owned(), (collection, index)));
            names.extend(items.iter().enumerate().filter_map(named));
        }
        subject::Names::new(names)
    }

    #[expect(clippy::too_many_arguments, reason = "the fields of the piece, taken apart")]
    fn principal(
        &mut self,
        source: usize,
        path: &str,
        subject: Option<(&'static str, String)>,
        field: &'static str,
        value: Value,
        pointer: &str,
        more: bool,
    ) {
        let names = match self.principals.take() {
            Some(names) => names,
            None => self.principals(),
        };
        let holders = match &subject {
            Some((collection, name)) => {
                let of = names.get(name).iter().filter(|(of, _)| of == collection);
                Some((*collection, name.clone(), of.map(|(_, index)| *index).collect::<Vec<_>>()))
            }
            None => names.in_path(path).and_then(|(name, holders)| {
                let (collection, _) = holders.first()?;
                let of = holders.iter().filter(|(of, _)| of == collection);
                Some((*collection, name.to_owned(), of.map(|(_, index)| *index).collect()))
            }),
        };
        self.principals = Some(names);
        let Some((collection, name, mut found)) = holders else {
            let why = format!("`{path}` does not say whose policies it lists");
            let example = if field == "PolicyNames" { "list-role-policies" } else { "list-attached-role-policies" };
            let unblock = format!("name the file after a role that was read, such as `{example}-ROLE.json`");
            self.gap(source, "iam.roles", why, unblock);
            return;
        };
        if let (Some(account), Some(table)) = (subject::account(path), self.tables.get(&pointer_of(collection))) {
            found.retain(|index| {
                let item = table.items.get(*index);
                item.and_then(|item| arn_in(item, "Arn")).is_none_or(|arn| arn.account == account)
            });
        }
        let [position] = found.as_slice() else {
            let (why, unblock) = if found.is_empty() {
                let why = format!("`{path}` is about `{name}`, which was not read");
                (why, format!("run `aws iam get-{} --{}-name {name}`", singular(collection), singular(collection)))
            } else {
                let why = format!("`{path}` is about `{name}`, and several accounts have one");
                (why, "put the account id into the file's name".to_owned())
            };
            self.gap(source, collection, why, unblock);
            return;
        };
        let at = pointer_of(collection);
        let rest = |what: &str| {
            Unknown { why: format!("the other {what} policies of `{name}` were not listed"), unblock: None }.to_value()
        };
        if field == "AttachedManagedPolicies" {
            let mut value = value;
            if let (true, Value::Array(list)) = (more, &mut value) {
                list.push(rest("attached"));
                self.gap(source, collection, format!("`{path}` is one page of several"), "export it to its last page");
            }
            self.enrich(&at, *position, field, value, source, pointer);
            return;
        }
        let list = match collection {
            "iam.roles" => "RolePolicyList",
            "iam.users" => "UserPolicyList",
            _ => "GroupPolicyList",
        };
        let target = format!("{at}/{position}");
        let Some(Value::Object(item)) = self.tables.get_mut(&at).and_then(|table| table.items.get_mut(*position))
        else {
            return;
        };
        let at = format!("{target}/{list}");
        // A list that came with the role itself has all of them.
        let complete = self.inline.entry(at.clone()).or_insert_with(|| item.contains_key(list));
        let have = item.entry(list).or_insert_with(|| json!([]));
        let Value::Array(have) = have else { return };
        let entries = if field == "PolicyNames" {
            *complete |= !more;
            let names = value.as_array().cloned().unwrap_or_default();
            let unread = |name: Value| {
                let role = singular(collection);
                let unblock = Some(format!("run `aws iam get-{role}-policy` for it"));
                let document = Unknown { why: "the policy was listed but not read".to_owned(), unblock }.to_value();
                json!({"PolicyName": name, "PolicyDocument": document})
            };
            names.into_iter().enumerate().map(|(index, name)| (unread(name), format!("{pointer}/{index}"))).collect()
        } else {
            vec![(value, pointer.to_owned())]
        };
        for (entry, from) in entries {
            self.ledger.entry(&target, &at, &name, have, entry, "PolicyName", source, &from);
        }
    }

    /// Marks the inline policies of which there may be more than were shown.
    fn close_inline(&mut self) {
        for (at, complete) in std::mem::take(&mut self.inline) {
            if complete {
                continue;
            }
            let mut parts = at.rsplitn(3, '/');
            let (Some(list), Some(position), Some(table)) = (parts.next(), parts.next(), parts.next()) else {
                continue;
            };
            let Some(item) =
                position.parse::<usize>().ok().and_then(|position| self.tables.get_mut(table)?.items.get_mut(position))
            else {
                continue;
            };
            let name = called(item);
            let of = table.rsplit('/').next().unwrap_or_default().trim_end_matches('s').to_owned();
            if let Some(Value::Array(entries)) = item.get_mut(list) {
                let unblock = Some(format!("run `aws iam list-{of}-policies --{of}-name {name}`"));
                let why = format!("the other inline policies of `{name}` were not listed");
                entries.push(Unknown { why, unblock }.to_value());
            }
        }
    }

    fn policy_version(&mut self, source: usize, path: &str, version: Value, pointer: &str) {
        let at = pointer_of("iam.policies");
        let names = match self.policies.take() {
            Some(names) => names,
            None => self.policies(),
        };
        let account = subject::account(path);
        let found = names.in_path(path).map(|(name, arns)| {
            let fits = |arn: &&String| {
                account.as_deref().is_none_or(|account| Arn::parse(arn).is_none_or(|arn| arn.account == account))
            };
            (name.to_owned(), arns.iter().filter(fits).cloned().collect::<Vec<_>>())
        });
        self.policies = Some(names);
        let Some((name, [arn])) = found.as_ref().map(|(name, arns)| (name.clone(), arns.as_slice())) else {
            let why = format!("`{path}` does not say of which managed policy it is a version");
            let unblock = "name the file after a policy that was read, such as `get-policy-version-POLICY.json`";
            self.gap(source, "iam.policies", why, unblock);
            return;
        };
        let mut item = json!({"Arn": arn, "PolicyName": name, "PolicyVersionList": []});
        if version.get("IsDefaultVersion").and_then(Value::as_bool) == Some(true) {
            item["DefaultVersionId"] = version.get("VersionId").cloned().unwrap_or_default();
        }
        let items = Items {
            collection: "iam.policies".to_owned(),
            items: vec![item],
            places: Places::One(pointer.to_owned()),
            listing: None,
            opaque: Vec::new(),
        };
        // Items that came in as a whole list are not indexed yet.
        self.index(&at, "iam.policies");
        self.put(&at, source, items);
        let Some(table) = self.tables.get_mut(&at) else { return };
        let Some(position) = table.index.as_ref().and_then(|index| index.get(arn.as_str())).copied() else { return };
        let Some(Value::Object(item)) = table.items.get_mut(position) else { return };
        let target = format!("{at}/{position}");
        if let Value::Array(have) = item.entry("PolicyVersionList").or_insert_with(|| json!([])) {
            let list = format!("{target}/PolicyVersionList");
            self.ledger.entry(&target, &list, &name, have, version, "VersionId", source, pointer);
        }
    }

    /// The managed policies by name, those that were only seen attached included.
    fn policies(&self) -> subject::Names<String> {
        let mut names = Vec::new();
        let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
        for table in ["iam.policies", "iam.roles", "iam.users", "iam.groups"] {
            for item in self.tables.get(&pointer_of(table)).map_or(&[][..], |table| table.items.as_slice()) {
                if table == "iam.policies" {
                    names.extend(text(item, "PolicyName").zip(text(item, "Arn")));
                }
                let attached = item.get("AttachedManagedPolicies").and_then(Value::as_array).into_iter().flatten();
                names.extend(attached.filter_map(|policy| text(policy, "PolicyName").zip(text(policy, "PolicyArn"))));
            }
        }
        names.sort();
        names.dedup();
        subject::Names::new(names)
    }

    /// Makes sure that items are found by what identifies them.
    fn index(&mut self, at: &str, collection: &str) {
        let table = self.tables.entry(at.to_owned()).or_default();
        if table.index.is_none() {
            let items = table.items.iter().enumerate();
            table.index = Some(items.filter_map(|(at, item)| Some((identity(collection, item)?, at))).collect());
        }
    }

    fn provider(&mut self, source: usize, path: &str, mut provider: Value, pointer: String) {
        let url = provider.get("Url").and_then(Value::as_str).unwrap_or_default();
        let url = url.strip_prefix("https://").unwrap_or(url).to_owned();
        let at = pointer_of("iam.openIDConnectProviders");
        let account = self.told(source, Within::Account).or_else(|| subject::account(path));
        let listed: BTreeSet<String> = self
            .tables
            .get(&at)
            .map_or(&[][..], |table| table.items.as_slice())
            .iter()
            .filter(|item| item.get("Url").and_then(Value::as_str) == Some(&url))
            .filter(|item| {
                account.as_deref().is_none_or(|account| arn_in(item, "Arn").is_some_and(|arn| arn.account == account))
            })
            .filter_map(|item| item.get("Arn")?.as_str().map(str::to_owned))
            .collect();
        let arn = sole(&listed).cloned().or_else(|| {
            let account = account.clone().or_else(|| self.known.account(path))?;
            Some(format!("arn:{}:iam::{account}:oidc-provider/{url}", self.known.partition(None)))
        });
        if let Value::Object(map) = &mut provider {
            map.insert("Url".to_owned(), Value::String(url));
            if let Some(arn) = &arn {
                map.insert("Arn".to_owned(), Value::String(arn.clone()));
            }
        }
        if arn.is_none() {
            let why = format!("`{path}` does not say in which account its OIDC provider is");
            self.gap(source, "iam.openIDConnectProviders", why, "put the account id into the file's name");
        }
        let items = Items {
            collection: "iam.openIDConnectProviders".to_owned(),
            items: vec![provider],
            places: Places::One(pointer),
            listing: None,
            opaque: Vec::new(),
        };
        self.put(&at, source, items);
    }

    fn session(&mut self, source: usize, variables: Vec<(String, Value)>) {
        let session = self.document.entry("session").or_insert_with(|| json!({}));
        if !session.is_object() {
            *session = json!({});
        }
        let Value::Object(session) = session else { return };
        let Value::Object(environment) = session.entry("environment").or_insert_with(|| json!({})) else { return };
        for (name, value) in variables {
            let at = format!("/session/environment/{}", escape(&name));
            let from = format!("/{}", escape(&name));
            match environment.get_mut(&name) {
                Some(have) => self.ledger.merge(&at, &name, have, value, source, &from),
                None => {
                    environment.insert(name, value);
                    self.ledger.came(&at, source, &from);
                }
            }
        }
    }

    /// Turns what the lists say of themselves into coverage.
    fn state(&mut self) {
        let mut groups: BTreeMap<(String, String, Option<String>, String), Vec<Statement>> = BTreeMap::new();
        for mut statement in std::mem::take(&mut self.statements) {
            if self.whose.get(&statement.source).is_some_and(|whose| whose.lost) {
                continue;
            }
            if statement.scope.is_none() {
                statement.scope = self.scope(&mut statement.collection, statement.source);
            }
            let Some(scope) = statement.scope.clone() else {
                if !statement.told {
                    self.nowhere(&statement);
                }
                continue;
            };
            let key = (statement.collection.clone(), scope, statement.namespace.clone(), statement.kind.clone());
            groups.entry(key).or_default().push(statement);
        }
        let mut partial = Vec::new();
        for ((name, scope, namespace, _), statements) in groups {
            let complete = statements.iter().any(|last| {
                !last.more
                    && last.doubt.is_none()
                    && (statements.iter().filter(|page| page.more).all(|page| page.keys.is_subset(&last.keys))
                        || statements.iter().filter(|page| page.more).all(|page| page.keys.is_disjoint(&last.keys)))
            });
            if complete {
                self.coverage.push(Entry {
                    collection: name,
                    scope,
                    namespace,
                    state: Completeness::Complete,
                    why: None,
                    unblock: None,
                });
            } else {
                partial.push((name, scope, namespace, statements));
            }
        }
        for (name, scope, namespace, statements) in partial {
            let whole = |entry: &Entry| {
                entry.collection == name
                    && entry.scope == scope
                    && entry.state == Completeness::Complete
                    && (entry.namespace.is_none() || entry.namespace == namespace)
            };
            if self.coverage.iter().any(whole) {
                continue;
            }
            let page = statements.iter().find(|statement| statement.more);
            let about = collection(&name);
            let why = match page {
                Some(page) => {
                    let path = self.path(page.source);
                    format!("`{path}` is one page of several, and the last is not there")
                }
                None => statements.iter().find_map(|statement| statement.doubt.clone()).unwrap_or_default(),
            };
            let unblock = about.map(|about| unblock(about, Completeness::Partial));
            if let Some(page) = page {
                let place = Some(self.path(page.source).to_owned());
                // One file, one gap, however many collections it has a page of.
                match self.gaps.iter_mut().find(|gap| gap.why == why && gap.scope == scope) {
                    Some(gap) => gap.what = format!("{}, {name}", gap.what),
                    None => self.gaps.push(Gap {
                        what: name.clone(),
                        scope: scope.clone(),
                        why: why.clone(),
                        unblock: unblock.clone(),
                        place,
                    }),
                }
            }
            self.coverage.push(Entry {
                collection: name,
                scope,
                namespace,
                state: Completeness::Partial,
                why: Some(why),
                unblock,
            });
        }
    }

    /// The scope of a list that does not show it. An empty list of job runs may turn out to be of
    /// EMR Serverless, which prints the same.
    fn scope(&self, name: &mut String, source: usize) -> Option<String> {
        let (within, path) = (collection(name)?.within, self.path(source));
        if let Some(told) = self.told(source, within) {
            return Some(told);
        }
        match within {
            Within::Account => self.known.account(path),
            Within::Region => self.known.place(path),
            Within::Cluster => self.known.cluster(path),
            Within::Parent => {
                let names = self.known.parents.iter().map(|(name, arn)| (name.as_str(), arn.as_str()));
                let parent = subject::named(path, names).ok().flatten()?;
                if name == "emrContainers.jobRuns" && Arn::parse(parent)?.service == "emr-serverless" {
                    "emrServerless.jobRuns".clone_into(name);
                }
                Some(parent.to_owned())
            }
        }
    }

    /// A list that nobody can be said to own.
    fn nowhere(&mut self, statement: &Statement) {
        let path = self.path(statement.source).to_owned();
        let Some(about) = collection(&statement.collection) else { return };
        let (whose, unblock) = match about.within {
            Within::Account => ("account", "put the account id into the file's name"),
            Within::Region => ("account and region", "put the account id and the region into the file's name"),
            Within::Cluster => ("cluster", "put the cluster's name into the file's name, and describe the cluster"),
            Within::Parent => ("virtual cluster or application", "put its id into the file's name"),
        };
        let why = format!("`{path}` does not say of which {whose} it lists the {}", about.plural);
        self.gap(statement.source, about.name, why, unblock);
    }

    /// Turns a failed call into coverage and a gap.
    fn refused(&mut self, source: usize, refusal: Refusal) {
        let path = self.path(source).to_owned();
        let mut scopes = BTreeSet::new();
        let mut settled = !refusal.collections.is_empty();
        for name in &refusal.collections {
            let Some(about) = collection(name) else { continue };
            let arn = refusal.arn.as_deref().and_then(Arn::parse);
            let named = arn.and_then(|arn| match about.within {
                Within::Account => arn.owner(),
                Within::Region => arn.place(),
                Within::Cluster => arn.eks_cluster().filter(|cluster| !cluster.contains('*')),
                Within::Parent => {
                    let parent =
                        arn.resource.starts_with("/virtualclusters/") || arn.resource.starts_with("/applications/");
                    refusal.arn.clone().filter(|_| parent && !arn.resource.contains('*'))
                }
            });
            let told = self.told(source, about.within);
            let scope = told.or(named).or_else(|| self.scope(&mut name.clone(), source));
            let Some(scope) = scope else {
                settled = false;
                continue;
            };
            scopes.insert(scope.clone());
            let state = match refusal.outcome {
                Outcome::Denied => Completeness::Denied,
                Outcome::Failed => Completeness::Partial,
                Outcome::Absent => Completeness::Complete,
            };
            let complete = state == Completeness::Complete;
            let known = self.coverage.iter().any(|entry| {
                entry.collection == *name
                    && entry.scope == scope
                    && entry.state == Completeness::Complete
                    && (entry.namespace.is_none() || entry.namespace == refusal.namespace)
            });
            settled &= known || complete;
            self.coverage.push(Entry {
                collection: name.clone(),
                scope,
                namespace: refusal.namespace.clone(),
                state,
                why: (!complete).then(|| refusal.why.clone()),
                unblock: (!complete).then(|| refusal.unblock.clone()),
            });
        }
        if settled || refusal.outcome == Outcome::Absent {
            return;
        }
        let what = if refusal.collections.is_empty() { refusal.call } else { refusal.collections.join(", ") };
        let scope = scopes.into_iter().collect::<Vec<_>>().join(", ");
        let place = if self.whose.contains_key(&source) { path } else { format!("{path}:{}", refusal.line) };
        let place = Some(place);
        self.gaps.push(Gap { what, scope, why: refusal.why, unblock: Some(refusal.unblock), place });
    }

    fn finish(mut self, options: &Options) -> Estate {
        if !self.unplaced.is_empty() {
            let paths: Vec<String> = self.unplaced.iter().map(|source| format!("`{}`", self.path(*source))).collect();
            let shown = paths.iter().take(3).cloned().collect::<Vec<_>>().join(", ");
            let more = if paths.len() > 3 { format!(" and {} more", paths.len() - 3) } else { String::new() };
            let unblock = match self.known.clusters.values().next() {
                Some((name, _)) => {
                    format!("put them into a folder that is named after their cluster, such as `{name}/`")
                }
                None => "add the output of `aws eks describe-cluster --name NAME`".to_owned(),
            };
            let source = self.unplaced.first().copied().unwrap_or_default();
            let say = if paths.len() == 1 {
                "does not say of which cluster it is"
            } else {
                "do not say of which cluster they are"
            };
            self.gap(source, "kubernetes", format!("{shown}{more} {say}"), unblock);
        }
        self.gaps.extend(self.ledger.gaps(&self.sources));
        let mut document = self.document;
        let mut groups: Vec<Map<String, Value>> =
            self.groups.into_iter().map(|cluster| Map::from_iter([("cluster".to_owned(), cluster)])).collect();
        for (at, table) in self.tables {
            let mut parts = at.trim_start_matches('/').splitn(3, '/');
            let (Some(section), Some(second)) = (parts.next(), parts.next()) else { continue };
            if let Some(list) = parts.next() {
                if let Some(group) = second.parse::<usize>().ok().and_then(|index| groups.get_mut(index)) {
                    group.insert(list.replace("~1", "/").replace("~0", "~"), Value::Array(table.items));
                }
                continue;
            }
            let section = document.entry(section).or_insert_with(|| json!({}));
            if !section.is_object() {
                *section = json!({});
            }
            if let Value::Object(section) = section {
                section.insert(second.to_owned(), Value::Array(table.items));
            }
        }
        if !groups.is_empty() {
            document.insert("kubernetes".to_owned(), groups.into_iter().map(Value::Object).collect());
        }
        let header = document.entry("sparkcheck").or_insert_with(|| json!({}));
        if let Value::Object(header) = header {
            header.insert("format".to_owned(), FORMAT.into());
            let captured = header.get("captured").and_then(Value::as_str).and_then(|day| day.get(..10));
            let today = options.today.as_deref().or(captured).or(options.clock.as_deref()).map(str::to_owned);
            if let Some(today) = today {
                header.insert("today".to_owned(), today.into());
            }
        }
        let mut gaps = self.gaps;
        gaps.sort();
        gaps.dedup();
        Estate {
            document: Value::Object(document),
            origins: self.ledger.origins,
            coverage: Coverage::new(self.coverage),
            sources: self.sources,
            gaps,
            passed_over: 0,
        }
    }
}

/// The statements of a snapshot's coverage, or `None` where they cannot be read.
fn statements(value: Option<&Value>) -> Option<Vec<Entry>> {
    match value {
        None | Some(Value::Null) => Some(Vec::new()),
        Some(value) => Vec::deserialize(value).ok(),
    }
}

/// The collection of a list that has more pages.
fn paged(piece: &Piece) -> Option<String> {
    match &piece.content {
        Content::Items(items) if items.listing.as_ref().is_some_and(|listing| listing.more) => {
            Some(items.collection.clone())
        }
        _ => None,
    }
}

/// Why an empty list that kubectl printed proves nothing.
const EMPTY_LIST: &str =
    "kubectl prints an empty list when it is refused, too; with `kubectl get --raw` the list itself tells";

fn singular(collection: &str) -> &'static str {
    match collection {
        "iam.users" => "user",
        "iam.groups" => "group",
        _ => "role",
    }
}

/// The scope that an item shows.
fn scope_of(name: &str, within: Within, item: &Value) -> Option<String> {
    let key = match name {
        "ec2.subnets" => "SubnetArn",
        "ec2.securityGroups" => "SecurityGroupArn",
        _ => collection(name).map_or("Arn", |collection| collection.key),
    };
    let arn = arn_in(item, key)?;
    match within {
        Within::Account => arn.owner(),
        Within::Region => arn.place(),
        Within::Cluster => arn.eks_cluster(),
        Within::Parent => arn.parent(),
    }
}
