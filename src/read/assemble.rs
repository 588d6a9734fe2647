//! The pieces of all files become one estate.
//!
//! Items move in first, because they say whose they are. From them follows which accounts, regions
//! and clusters there are, and so to whom the lists belong that do not say it: by the names in their
//! path, or because there is only one account, region or cluster. What cannot be attributed is a gap.

mod code;
mod items;
mod known;
mod listing;
mod overlay;
mod parts;

use super::code::Code;
use super::declaration::Declarations;
use super::merge::{Ledger, arn_in};
use super::shape::{Content, Items, Piece, Places, Whose};
use super::{Options, kubernetes, subject};
use crate::arn::Arn;
use crate::estate::{COLLECTIONS, Coverage, Entry, Estate, FORMAT, Gap, Gone, Origin, Source, Syntax, Within};
use crate::facts::instances::InstanceTypes;
use crate::path::escape;
use items::pointer_of;
use known::{Acquaintance, Known};
use listing::{EMPTY_LIST, Statement, paged, scope_of, statements};
use rustc_hash::FxHashMap;
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
pub(crate) fn assemble(
    readings: Vec<Reading>,
    codes: Vec<Code>,
    declarations: Vec<Declarations>,
    options: &Options,
) -> Estate {
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
    assembly.run(pieces, codes, declarations);
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
    /// What code declares, by list.
    declared: BTreeMap<String, BTreeSet<usize>>,
    /// What a change takes away.
    gone: Vec<Gone>,
    /// How many items of each table were there before those of code.
    ground: BTreeMap<String, usize>,
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
    /// Items that are declared elsewhere, and of which only parts are known.
    elsewhere: BTreeSet<usize>,
}

impl Assembly {
    fn run(&mut self, pieces: Vec<(usize, Piece)>, codes: Vec<Code>, declarations: Vec<Declarations>) {
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
        let holes = self.known.home();
        self.code(codes, &holes);
        self.state();
        for (source, content) in refusals {
            if let Content::Refusals(refusals) = content {
                for refusal in refusals {
                    self.refused(source, refusal);
                }
            }
        }
    }

    /// The scope that a source states, of a collection that is listed within such.
    fn told(&self, source: usize, within: Within) -> Option<String> {
        self.whose.get(&source)?.scope(within)
    }

    fn path(&self, source: usize) -> &str {
        self.sources.get(source).map_or("", |source| source.path.as_str())
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
                self.tables.insert(pointer_of(collection.name), Table { items, ..Table::default() });
            }
        }
        if let Some(Value::Array(groups)) = document.remove("kubernetes") {
            for (index, group) in groups.into_iter().enumerate() {
                let Value::Object(group) = group else { continue };
                self.groups.push(group.get("cluster").cloned().unwrap_or_default());
                for (list, items) in group {
                    if let Value::Array(items) = items {
                        self.tables.insert(
                            format!("/kubernetes/{index}/{}", escape(&list)),
                            Table { items, ..Table::default() },
                        );
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
        // What is said of a rollout later takes the place of what was said of it.
        let key = |rollout: &Value| {
            ["system", "cluster", "application", "namespace", "name"].map(|key| rollout.get(key).cloned())
        };
        for rollout in &declarations.rollouts {
            while let Some(at) = list.iter().position(|known| key(known) == key(rollout)) {
                self.ledger.origins.take_out("/declarations", at, list.len());
                list.remove(at);
            }
        }
        let (first, count) = (list.len(), declarations.rollouts.len());
        self.ledger.origins.add_run("/declarations", first, count, source, "/rollout", 0);
        list.extend(declarations.rollouts);
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
            passed_over: Vec::new(),
            declared: self.declared,
            gone: self.gone,
            instance_types: InstanceTypes::default(),
        }
    }
}
