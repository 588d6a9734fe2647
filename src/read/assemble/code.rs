//! What infrastructure code declares moves into the estate.
//!
//! A folder is one change: items that one file declares and parts that another one adds are joined by
//! the texts that name them, holes and all, and Kubernetes objects go to the one cluster of which the
//! change speaks. From there on nothing tells code from an account, but for three things:
//!
//! - Code has no coverage. What it does not declare may exist all the same.
//! - A list *inside* a thing that the code itself defines, such as the policies of a role, is what the
//!   change makes of it, and counts as whole; only a part whose holder is not known could belong to it
//!   too, and then the list ends in an unknown. Of a holder that is declared elsewhere nothing is known
//!   but that part.
//! - The same thing in two units of code is two things: stages and examples repeat themselves, and are
//!   neither merged nor held against each other. A reference finds the first.
//!
//! Laid over what is known of an account, an item takes the place of the one that has its identity: see
//! [`overlay`](super::overlay).

use super::super::code::{Code, Declared, Form, Node, PARTITION};
use super::super::kubernetes;
use super::Assembly;
use super::items::{called, pointer_of};
use super::overlay::overlay;
use crate::estate::{Origin, Source, collection, identity};
use crate::known::{self, Part, Text, Told, Truth, Unknown};
use crate::path::escape;
use rustc_hash::FxHashMap;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The hole that stands for a cluster which nothing names.
const CLUSTER: &str = "cluster";

/// What fills holes: the account of a change, its region and its partition, and what the account has already.
pub(super) type Holes = BTreeMap<String, String>;

/// The items that one unit of code put into a table, by pointer of the table.
type Placed = BTreeMap<String, Vec<usize>>;

/// The items of tables by what they are called, for each key that parts call them by.
type Tables = FxHashMap<(String, &'static str), Names>;

/// The positions of items by the value of a key, or by their ARN.
#[derive(Default)]
struct Names(FxHashMap<String, Vec<usize>>);

impl Names {
    fn add(&mut self, key: &str, item: &Value, position: usize) {
        let (name, arn) = (item[key].told(), item["Arn"].told());
        for text in name.into_iter().chain(arn.filter(|_| arn != name)) {
            self.0.entry(text.to_owned()).or_default().push(position);
        }
    }
}

impl Assembly {
    /// Moves everything that code declares in; `holes` are those that a snapshot fills.
    pub(super) fn code(&mut self, codes: Vec<Code>, holes: &Holes) {
        let mut holes = holes.clone();
        if !holes.contains_key(PARTITION) && only_aws(&codes) {
            holes.insert(PARTITION.to_owned(), "aws".to_owned());
        }
        let mut numbers: FxHashMap<String, usize> = FxHashMap::default();
        let mut read = Vec::new();
        for code in codes {
            let files = code.files.into_iter().map(|file| {
                *numbers.entry(file.path.clone()).or_insert_with(|| {
                    self.sources.push(Source {
                        path: file.path,
                        kind: code.kind.to_owned(),
                        syntax: file.syntax,
                        held: file.held,
                    });
                    self.sources.len() - 1
                })
            });
            let files: Vec<usize> = files.collect();
            self.gaps.extend(code.gaps);
            self.take_away(&Unit::of(files.clone(), &holes), code.gone);
            read.push((files, code.declared));
        }
        self.fill_holes(&read, &mut holes);
        let mut units: Vec<(Unit<'_>, Vec<Declared>)> =
            read.into_iter().map(|(files, declared)| (Unit::of(files, &holes), declared)).collect();
        self.ground = self.tables.iter().map(|(at, table)| (at.clone(), table.items.len())).collect();
        let mut of_clusters = Vec::new();
        let mut rest = Vec::new();
        for (number, (unit, declared)) in units.iter_mut().enumerate() {
            for declared in std::mem::take(declared) {
                match declared {
                    Declared::Item { collection, cluster, item } if collection.starts_with("kubernetes.") => {
                        of_clusters.push((number, collection, cluster, item));
                    }
                    Declared::Item { collection, cluster, item } => {
                        self.item(unit, collection, cluster.as_ref(), item);
                    }
                    other => rest.push((number, other)),
                }
            }
        }
        let sole = self.sole_cluster();
        for (number, collection, cluster, item) in of_clusters {
            let Some((unit, _)) = units.get_mut(number) else { continue };
            let cluster = cluster.map(|cluster| unit.fill(cluster).to_string());
            self.object(unit, collection, cluster.as_deref(), sole.as_deref(), item);
        }
        let mut parts = Vec::new();
        for (number, declared) in rest {
            match declared {
                Declared::Part { collection, key, of, field, part } => {
                    parts.push((number, collection, key, of, field, part));
                }
                Declared::Job { kind, request } => {
                    let Some((unit, _)) = units.get(number) else { continue };
                    self.job(unit, kind, request);
                }
                Declared::Gateway { config } => {
                    let Some((unit, _)) = units.get(number) else { continue };
                    let at = format!("/batchProcessingGateways/{}", self.length("batchProcessingGateways"));
                    let mut config = self.value(unit, config, &at);
                    kubernetes::redact(&mut config, false);
                    self.push("batchProcessingGateways", config);
                }
                Declared::Item { .. } => {}
            }
        }
        let everywhere = everywhere(&units);
        let mut names = Tables::default();
        for (number, collection, key, of, field, part) in parts {
            let Some((unit, _)) = units.get_mut(number) else { continue };
            let of = unit.fill(of);
            self.code_part(unit, &everywhere, &mut names, (collection, key, field), &of, part);
        }
        for (unit, _) in &units {
            self.close(unit);
            for (at, positions) in &unit.placed {
                self.declared.entry(at.clone()).or_default().extend(positions);
            }
        }
    }

    /// An item of an AWS collection.
    fn item(&mut self, unit: &mut Unit<'_>, name: &'static str, cluster: Option<&Text>, item: Node) {
        let at = pointer_of(name);
        let position = self.tables.get(&at).map_or(0, |table| table.items.len());
        let mut value = self.value(unit, item, &format!("{at}/{position}"));
        if let (Some(cluster), Value::Object(map)) = (cluster, &mut value) {
            let cluster = unit.fill(cluster.clone());
            if !map.contains_key("clusterName") && !map.contains_key("clusterArn") {
                map.insert("clusterName".to_owned(), cluster.to_key());
            }
        }
        identify(unit, name, &mut value);
        if name.starts_with("eks.") && name != "eks.clusters" {
            self.name_cluster(&mut value);
        }
        self.place(unit, name, at, position, value);
    }

    /// Puts an item that was made for a position there, or over the one that it is.
    fn place(&mut self, unit: &mut Unit<'_>, name: &str, at: String, position: usize, value: Value) {
        let ground = self.ground.get(&at).copied().unwrap_or(0);
        let table = self.tables.entry(at.clone()).or_default();
        let key = identity(name, &value);
        let under = key.and_then(|key| {
            let mut before = table.items.iter().take(ground);
            before.position(|item| identity(name, item).as_ref() == Some(&key))
        });
        let Some(under) = under else {
            table.items.push(value);
            unit.placed.entry(at).or_default().push(position);
            return;
        };
        if let Some(item) = table.items.get_mut(under) {
            overlay(item, value);
        }
        self.ledger.origins.move_below(&format!("{at}/{position}"), &format!("{at}/{under}"));
        unit.placed.entry(at).or_default().push(under);
    }

    /// A Kubernetes object, in the group of its cluster.
    fn object(
        &mut self,
        unit: &mut Unit<'_>,
        name: &'static str,
        cluster: Option<&str>,
        sole: Option<&str>,
        item: Node,
    ) {
        let file = item.at.as_ref().and_then(|place| unit.files.get(place.file as usize)).or(unit.files.first());
        let by_path = || self.known.cluster(self.path(*file?));
        let arn = cluster.map(|cluster| self.cluster_arn(cluster)).or_else(by_path).or_else(|| sole.map(str::to_owned));
        let arn =
            arn.unwrap_or_else(|| format!("arn:${{partition}}:eks:${{region}}:${{account}}:cluster/${{{CLUSTER}}}"));
        let number = self.groups.iter().position(|group| group.is(&arn)).unwrap_or_else(|| {
            self.groups.push(Text::shown(&arn).to_key());
            self.groups.len() - 1
        });
        let list = name.strip_prefix("kubernetes.").unwrap_or(name);
        let at = format!("/kubernetes/{number}/{}", escape(list));
        let position = self.tables.get(&at).map_or(0, |table| table.items.len());
        let mut value = self.value(unit, item, &format!("{at}/{position}"));
        for field in ["spec", "template"] {
            if let Some(part) = value.get_mut(field) {
                kubernetes::drop_secrets(part);
            }
        }
        self.place(unit, name, at, position, value);
    }

    /// The cluster of which the change speaks, where it speaks of one only.
    fn sole_cluster(&self) -> Option<String> {
        let items = |name: &str| self.tables.get(&pointer_of(name)).map_or(&[][..], |table| table.items.as_slice());
        let declared: BTreeSet<&str> = items("eks.clusters").iter().filter_map(|item| item["arn"].told()).collect();
        match declared.len() {
            0 => {}
            1 => return declared.first().map(|arn| (*arn).to_owned()),
            _ => return None,
        }
        let mut named: BTreeSet<String> = BTreeSet::new();
        for name in ["eks.nodegroups", "eks.accessEntries", "eks.podIdentityAssociations", "eks.addons"] {
            named.extend(items(name).iter().filter_map(|item| item["clusterArn"].told()).map(str::to_owned));
        }
        let virtual_clusters = items("emrContainers.virtualClusters").iter();
        named.extend(
            virtual_clusters.filter_map(|item| Some(self.cluster_arn(item["containerProvider"]["id"].told()?))),
        );
        let mut named = named.into_iter();
        named.next().filter(|_| named.next().is_none())
    }

    /// The ARN of a cluster that is named by its ARN or its name.
    fn cluster_arn(&self, cluster: &str) -> String {
        if cluster.starts_with("arn:") {
            return cluster.to_owned();
        }
        let clusters = self.tables.get("/eks/clusters").map_or(&[][..], |table| table.items.as_slice());
        let known = clusters.iter().find(|item| item["name"].is(cluster)).and_then(|item| item["arn"].told());
        known.map_or_else(|| arn_of("eks", true, &format!("cluster/{cluster}")), str::to_owned)
    }

    /// Writes into an item the ARN of the cluster that it names.
    pub(super) fn name_cluster(&self, item: &mut Value) {
        let Some(name) = item["clusterName"].told() else { return };
        let arn = Text::shown(&self.cluster_arn(name)).to_key();
        if let Value::Object(map) = item {
            map.entry("clusterArn").or_insert(arn);
        }
    }

    fn job(&mut self, unit: &Unit<'_>, kind: &str, request: Node) {
        let at = format!("/jobRequests/{}", self.length("jobRequests"));
        let file = request.at.as_ref().and_then(|place| unit.files.get(place.file as usize));
        let path = file.or(unit.files.first()).map_or_else(String::new, |source| self.path(*source).to_owned());
        let mut request = self.value(unit, request, &format!("{at}/request"));
        kubernetes::drop_secrets(&mut request);
        let kind = match kind {
            "emr-containers" => "start-job-run",
            "emr-serverless" => "serverless-start-job-run",
            "emr" => "run-job-flow",
            "emr-steps" => "add-job-flow-steps",
            "gateway" if !request["applicationName"].is_null() => "bpg-submission",
            "gateway" => "gateway-submission",
            other => other,
        };
        if let Some(origin) = self.ledger.origins.find(&format!("{at}/request")) {
            self.ledger.origins.add(at, origin);
        }
        self.push("jobRequests", json!({"path": path, "kind": kind, "request": request, "code": true}));
    }

    fn length(&self, list: &str) -> usize {
        self.document.get(list).and_then(Value::as_array).map_or(0, Vec::len)
    }

    fn push(&mut self, list: &str, value: Value) {
        if let Value::Array(items) = self.document.entry(list).or_insert_with(|| json!([])) {
            items.push(value);
        }
    }

    /// Joins a part with its item; one whose item is nowhere to be seen is a thing by itself.
    fn code_part(
        &mut self,
        unit: &mut Unit<'_>,
        everywhere: &Placed,
        names: &mut Tables,
        (name, key, field): (&'static str, &'static str, &'static str),
        of: &Text,
        part: Node,
    ) {
        let at = pointer_of(name);
        let shown = of.to_string();
        let ground = self.ground.get(&at).copied().unwrap_or(0);
        let table = self.tables.entry(at.clone()).or_default();
        let known = names.entry((at.clone(), key)).or_insert_with(|| {
            let mut known = Names::default();
            table.items.iter().enumerate().for_each(|(position, item)| known.add(key, item, position));
            known
        });
        let own = unit.placed.get(&at).map_or(&[][..], Vec::as_slice);
        let found = match known.0.get(shown.as_str()).map_or(&[][..], Vec::as_slice) {
            [] => None,
            // What another unit only knows by name is not told to this one.
            [one] => Some(*one).filter(|one| !table.elsewhere.contains(one) || own.contains(one)),
            several => {
                let others = everywhere.get(&at).into_iter().flatten();
                let mut all = own.iter().chain(others).copied().chain((0..ground).rev());
                all.find(|position| several.contains(position))
            }
        };
        let position = found.unwrap_or_else(|| {
            let why = format!("`{shown}` is declared elsewhere");
            let unknown = Unknown { why, unblock: None }.to_value();
            let mut holder = Map::from_iter([(key.to_owned(), of.to_key())]);
            for list in lists(name) {
                holder.insert((*list).to_owned(), json!([unknown]));
            }
            if let Some((outer, inner)) = field.split_once('/') {
                holder.insert(outer.to_owned(), json!({inner: [unknown]}));
            }
            let mut holder = Value::Object(holder);
            identify(unit, name, &mut holder);
            for ((_, key), known) in names.iter_mut().filter(|((of, _), _)| *of == at) {
                known.add(key, &holder, table.items.len());
            }
            table.items.push(holder);
            table.elsewhere.insert(table.items.len() - 1);
            unit.placed.entry(at.clone()).or_default().push(table.items.len() - 1);
            table.items.len() - 1
        });
        // A list inside of a policy may be one statement, and a policy that is not known takes none.
        let (outer, inner) = field.split_once('/').map_or((None, field), |(outer, inner)| (Some(outer), inner));
        if let (Some(outer), Some(item)) = (outer, table.items.get_mut(position)) {
            match item.get_mut(outer) {
                Some(holder) if Unknown::of(holder).is_some() => return,
                Some(Value::Object(holder)) => {
                    if let Some(one @ Value::Object(_)) = holder.get_mut(inner) {
                        *one = json!([one.take()]);
                    }
                }
                _ => item[outer] = json!({}),
            }
        }
        let pointer = format!("/{field}");
        let list = table.items.get(position).and_then(|item| item.pointer(&pointer)).and_then(Value::as_array);
        let known = list.map_or(0, |list| list.iter().take_while(|entry| Unknown::of(entry).is_none()).count());
        let target = format!("{at}/{position}/{field}/{known}");
        if found.is_none()
            && let Some(place) = part.at.clone()
        {
            self.note(unit, &format!("{at}/{position}"), &place);
        }
        let value = self.value(unit, part, &target);
        let item = self.tables.get_mut(&at).and_then(|table| table.items.get_mut(position));
        let holder = match outer {
            Some(outer) => item.and_then(|item| item.get_mut(outer)),
            None => item,
        };
        if let Some(Value::Object(holder)) = holder
            && let Value::Array(list) = holder.entry(inner).or_insert_with(|| json!([]))
        {
            list.insert(known.min(list.len()), value);
        }
        // What is declared under that very name is whose it is.
        if found.is_none() {
            unit.parts.push((at, key, of.clone(), field));
        }
    }

    /// Says of the lists of a unit's own items whether they are whole.
    fn close(&mut self, unit: &Unit<'_>) {
        for (at, positions) in &unit.placed {
            let name = at.trim_start_matches('/').replace('/', ".");
            let ground = self.ground.get(at).copied().unwrap_or(0);
            let Some(table) = self.tables.get_mut(at) else { continue };
            for position in positions {
                let Some(Value::Object(item)) = table.items.get_mut(*position) else { continue };
                if table.elsewhere.contains(position) || *position < ground {
                    continue;
                }
                for list in lists(&name) {
                    item.entry((*list).to_owned()).or_insert_with(|| json!([]));
                }
                let about = called(&Value::Object(item.clone()));
                for (of_table, key, of, field) in &unit.parts {
                    if of_table != at
                        || item.get(*key).and_then(Text::of).map(|own| own.same_as(of)) != Some(Truth::Unknown)
                    {
                        continue;
                    }
                    if let Some(Value::Array(list)) = item.get_mut(*field)
                        && list.iter().all(|entry| Unknown::of(entry).is_none())
                    {
                        let why = format!("what belongs to `{of}` may belong to `{about}`");
                        list.push(Unknown { why, unblock: None }.to_value());
                    }
                }
            }
        }
    }

    /// A node as it stands in the document at `pointer`, its places noted.
    pub(super) fn value(&mut self, unit: &Unit<'_>, node: Node, pointer: &str) -> Value {
        let mut places = Vec::new();
        let node = unit.filled(node);
        let mut value = node.into_value(&mut pointer.to_owned(), &mut |at: &str, place: &super::super::code::At| {
            places.push((at.to_owned(), place.clone()));
        });
        for (at, place) in places {
            self.note(unit, &at, &place);
        }
        known::show(&mut value);
        value
    }

    fn note(&mut self, unit: &Unit<'_>, pointer: &str, place: &super::super::code::At) {
        if let Some(source) = unit.files.get(place.file as usize) {
            let origin = Origin { source: *source, pointer: place.span.pointer(), opaque: false };
            self.ledger.origins.add(pointer, origin);
        }
    }
}

/// A unit of code on its way into the estate.
pub(super) struct Unit<'h> {
    /// The numbers of its files among the sources.
    files: Vec<usize>,
    placed: Placed,
    /// The parts that were joined: table, key, holder, list.
    parts: Vec<(String, &'static str, Text, &'static str)>,
    holes: &'h Holes,
}

impl<'h> Unit<'h> {
    pub(super) fn of(files: Vec<usize>, holes: &'h Holes) -> Self {
        Self { files, placed: Placed::new(), parts: Vec::new(), holes }
    }

    /// The text with those holes filled that are known.
    pub(super) fn fill(&self, text: Text) -> Text {
        if self.holes.is_empty() || text.as_str().is_some() {
            return text;
        }
        Text::from_parts(text.parts().iter().map(|part| match part {
            Part::Hole(name) => match self.holes.get(name.as_str()) {
                Some(filled) => Part::Literal(filled.clone()),
                None => part.clone(),
            },
            Part::Literal(_) => part.clone(),
        }))
    }

    pub(super) fn filled(&self, mut node: Node) -> Node {
        if self.holes.is_empty() {
            return node;
        }
        node.form = match node.form {
            Form::Text(text) => Form::Text(self.fill(text)),
            Form::List(items) => Form::List(items.into_iter().map(|item| self.filled(item)).collect()),
            Form::Object(fields) => {
                Form::Object(fields.into_iter().map(|(key, value)| (self.key(key), self.filled(value))).collect())
            }
            Form::Unknown(unknown) if unknown.unblock.is_none() => match self.holes.get(&unknown.why) {
                Some(filled) => Form::Text(Text::literal(filled.as_str())),
                None => Form::Unknown(unknown),
            },
            form => form,
        };
        node
    }

    /// A key in which holes may stand, as in the conditions of policies.
    fn key(&self, key: String) -> String {
        if key.contains("${") { self.fill(Text::shown(&key)).to_string() } else { key }
    }
}

/// Whether nothing in the code is of another partition than the common one, which then is meant.
fn only_aws(codes: &[Code]) -> bool {
    fn is_other(node: &Node) -> bool {
        match &node.form {
            Form::Text(text) => text.parts().iter().any(|part| match part {
                Part::Literal(text) => {
                    ["cn-north", "aws-cn", "us-gov-", "aws-us-gov"].iter().any(|other| text.contains(other))
                }
                Part::Hole(_) => false,
            }),
            Form::List(items) => items.iter().any(is_other),
            Form::Object(fields) => fields.iter().any(|(_, value)| is_other(value)),
            _ => false,
        }
    }
    !codes.iter().flat_map(|code| &code.declared).any(|declared| match declared {
        Declared::Item { item, .. } => is_other(item),
        Declared::Part { part, .. } => is_other(part),
        Declared::Job { request, .. } => is_other(request),
        Declared::Gateway { .. } => false,
    })
}

/// What all units put into the tables.
fn everywhere<T>(units: &[(Unit<'_>, T)]) -> Placed {
    let mut all = Placed::new();
    for (unit, _) in units {
        for (at, positions) in &unit.placed {
            all.entry(at.clone()).or_default().extend(positions);
        }
    }
    all
}

/// The lists of an item of which other declarations may hold parts.
fn lists(name: &str) -> &'static [&'static str] {
    match name {
        "iam.roles" => &["RolePolicyList", "AttachedManagedPolicies"],
        "iam.users" => &["UserPolicyList", "AttachedManagedPolicies", "GroupList"],
        "iam.groups" => &["GroupPolicyList", "AttachedManagedPolicies"],
        _ => &[],
    }
}

fn arn_of(service: &str, regional: bool, resource: &str) -> String {
    let region = if regional { "${region}" } else { "" };
    format!("arn:${{partition}}:{service}:{region}:${{account}}:{resource}")
}

/// Gives an item the identity that AWS will give it, as far as it follows from what the code says.
pub(super) fn identify(unit: &Unit<'_>, name: &str, item: &mut Value) {
    let Some(about) = collection(name) else { return };
    let key = about.key;
    let Value::Object(map) = item else { return };
    if name == "iam.policies"
        && let Some(Value::Array(versions)) = map.get_mut("PolicyVersionList")
        && let [Value::Object(only)] = versions.as_mut_slice()
    {
        only.entry("IsDefaultVersion").or_insert(Value::Bool(true));
    }
    let text = |map: &Map<String, Value>, field: &str| map.get(field).and_then(Told::told).map(str::to_owned);
    let (service, regional, resource) = match name {
        "iam.roles" | "iam.users" | "iam.policies" | "iam.groups" | "iam.instanceProfiles" => {
            let (kind, field) = match name {
                "iam.roles" => ("role", "RoleName"),
                "iam.users" => ("user", "UserName"),
                "iam.policies" => ("policy", "PolicyName"),
                "iam.groups" => ("group", "GroupName"),
                _ => ("instance-profile", "InstanceProfileName"),
            };
            let path = text(map, "Path").unwrap_or_else(|| "/".to_owned());
            ("iam", false, text(map, field).map(|name| format!("{kind}{path}{name}")))
        }
        "iam.openIDConnectProviders" => {
            // Where only creating the cluster will tell its issuer, the name of that hole is the address.
            let hole = || {
                let unknown = Unknown::of(map.get("Url")?).filter(|unknown| unknown.unblock.is_none())?;
                Some(Text::hole(unknown.why).to_string())
            };
            let url = text(map, "Url").or_else(hole);
            let url = url.map(|url| url.strip_prefix("https://").unwrap_or(&url).to_owned());
            if let Some(url) = &url {
                map.insert("Url".to_owned(), Text::shown(url).to_key());
            }
            ("iam", false, url.map(|url| format!("oidc-provider/{url}")))
        }
        "eks.clusters" => ("eks", true, text(map, "name").map(|name| format!("cluster/{name}"))),
        "emrContainers.virtualClusters" | "emrServerless.applications" => {
            let (service, path, id) = match name {
                "emrServerless.applications" => ("emr-serverless", "/applications/", "applicationId"),
                _ => ("emr-containers", "/virtualclusters/", "id"),
            };
            let called = text(map, "name").unwrap_or_else(|| "?".to_owned());
            let own = Text::hole(format!("id of {}", called.replace(['$', '{', '}'], ""))).to_key();
            if map.get(id).and_then(Told::told).is_none_or(str::is_empty) {
                map.insert(id.to_owned(), own);
            }
            let own = map.get(id).and_then(Told::told).map(str::to_owned);
            (service, true, own.map(|id| format!("{path}{id}")))
        }
        _ => return,
    };
    if map.get(key).and_then(Told::told).is_none()
        && let Some(resource) = resource
    {
        map.insert(key.to_owned(), unit.fill(Text::shown(&arn_of(service, regional, &resource))).to_key());
    }
}
