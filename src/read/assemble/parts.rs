//! What belongs inside an item, or is alone of its kind, finds its place.

use super::super::merge::arn_in;
use super::super::shape::{Content, Items, Places};
use super::super::subject;
use super::items::{called, pointer_of};
use super::known::sole;
use super::{Assembly, Statement};
use crate::arn::Arn;
use crate::estate::{Origin, Within, identity};
use crate::known::Unknown;
use crate::path::escape;
use rustc_hash::FxHashSet;
use serde_json::{Value, json};
use std::collections::BTreeSet;

impl Assembly {
    /// Puts in what belongs inside an item, or is alone of its kind.
    pub(super) fn part(&mut self, source: usize, content: Content) {
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
            Content::Of { collection, field, value, pointer } => {
                let at = pointer_of(collection);
                let items = self.tables.get(&at).map_or(&[][..], |table| table.items.as_slice());
                let names =
                    items.iter().enumerate().filter_map(|(index, item)| Some((identity(collection, item)?, index)));
                let names: Vec<(String, usize)> = names.collect();
                let position = match subject::named(&path, names.iter().map(|(name, index)| (name.as_str(), *index))) {
                    Ok(Some(position)) => Some(position),
                    Ok(None) if names.len() == 1 => Some(0),
                    _ => None,
                };
                let Some(position) = position else {
                    let plural = crate::estate::collection(collection).map_or(collection, |about| about.plural);
                    let why = format!("`{path}` does not say of which of the {plural} its `{field}` is");
                    self.gap(source, collection, why, "put the name into the file's name".to_owned());
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
                let why = format!("`{path}` holds a list `{key}` and does not say of what");
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
    pub(super) fn enrich(&mut self, at: &str, position: usize, field: &str, value: Value, source: usize, from: &str) {
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
    pub(super) fn principals(&self) -> subject::Names<(&'static str, usize)> {
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
    pub(super) fn principal(
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
    pub(super) fn close_inline(&mut self) {
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

    pub(super) fn policy_version(&mut self, source: usize, path: &str, version: Value, pointer: &str) {
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
    pub(super) fn policies(&self) -> subject::Names<String> {
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
    pub(super) fn index(&mut self, at: &str, collection: &str) {
        let table = self.tables.entry(at.to_owned()).or_default();
        if table.index.is_none() {
            let items = table.items.iter().enumerate();
            table.index = Some(items.filter_map(|(at, item)| Some((identity(collection, item)?, at))).collect());
        }
    }

    pub(super) fn provider(&mut self, source: usize, path: &str, mut provider: Value, pointer: String) {
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

    pub(super) fn session(&mut self, source: usize, variables: Vec<(String, Value)>) {
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
}

fn singular(collection: &str) -> &'static str {
    match collection {
        "iam.users" => "user",
        "iam.groups" => "group",
        _ => "role",
    }
}
