//! Look-ups by ARN and name.

use crate::arn::{Arn, role_name};
use crate::estate::Estate;
use crate::known::{Told, Unknown};
use rustc_hash::FxHashMap;
use serde_json::Value;

/// What a reference was resolved to.
#[derive(Clone, Debug)]
pub enum Found<'e> {
    /// This thing, and its pointer in the document.
    At(&'e Value, String),
    /// There is no such thing: its collection was listed completely.
    Nothing,
    /// It cannot be told.
    Unknown(Unknown),
}

impl<'e> Found<'e> {
    /// The thing, where it was found.
    #[must_use]
    pub fn value(&self) -> Option<&'e Value> {
        if let Self::At(value, _) = self { Some(value) } else { None }
    }
}

/// Look-ups that would otherwise go through whole collections.
#[derive(Debug, Default)]
pub struct Index {
    principals: FxHashMap<Box<str>, Principal>,
    /// Roles by account and name, `787587782916/name`, whatever their paths.
    roles: FxHashMap<Box<str>, usize>,
    policies: FxHashMap<Box<str>, usize>,
    /// The ids of EMR containers job runs, and whether each has ended.
    runs: FxHashMap<Box<str>, bool>,
    /// The first cluster of each ARN.
    clusters: FxHashMap<Box<str>, usize>,
}

#[derive(Clone, Copy, Debug)]
enum Principal {
    Role(usize),
    User(usize),
}

/// What is looked for in a collection.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'w> {
    /// The collection: `eks.clusters`.
    pub collection: &'w str,
    /// The scope in which an absence must be covered.
    pub scope: &'w str,
    /// The namespace, for namespaced Kubernetes objects.
    pub namespace: Option<&'w str>,
}

impl Index {
    /// The index of an estate.
    #[must_use]
    pub fn of(estate: &Estate) -> Self {
        let mut index = Self::default();
        let (roles, users) = (estate.items("iam.roles"), estate.items("iam.users"));
        index.principals.reserve(roles.len() + users.len());
        for (at, role) in roles.iter().enumerate() {
            if let Some(arn) = role["Arn"].told() {
                index.principals.insert(arn.into(), Principal::Role(at));
                if let (Some(name), Some(parsed)) = (role_name(arn), Arn::parse(arn)) {
                    index.roles.entry(format!("{}/{name}", parsed.account).into()).or_insert(at);
                }
            }
        }
        for (at, user) in users.iter().enumerate() {
            if let Some(arn) = user["Arn"].told() {
                index.principals.insert(arn.into(), Principal::User(at));
            }
        }
        for (at, policy) in estate.items("iam.policies").iter().enumerate() {
            if let Some(arn) = policy["Arn"].told() {
                index.policies.insert(arn.into(), at);
            }
        }
        for (at, cluster) in estate.items("eks.clusters").iter().enumerate() {
            if let Some(arn) = cluster["arn"].told() {
                index.clusters.entry(arn.into()).or_insert(at);
            }
        }
        for run in estate.items("emrContainers.jobRuns") {
            if let (Some(state), Some(id)) = (run["state"].told(), run["id"].told()) {
                index.runs.insert(id.into(), matches!(state, "CANCELLED" | "FAILED" | "COMPLETED"));
            }
        }
        index
    }

    /// Whether the EMR containers job run of that id has ended.
    #[must_use]
    pub fn has_ended(&self, job_run: &str) -> bool {
        self.runs.get(job_run) == Some(&true)
    }

    /// Whether the state of the EMR containers job run of that id is known.
    #[must_use]
    pub fn knows_run(&self, job_run: &str) -> bool {
        self.runs.contains_key(job_run)
    }

    /// The role or user of that ARN. The ARN of a session stands for its role.
    #[must_use]
    pub fn principal<'e>(&self, estate: &'e Estate, arn: &str) -> Found<'e> {
        match self.principals.get(arn) {
            Some(Principal::Role(at)) => found(estate, "iam.roles", *at),
            Some(Principal::User(at)) => found(estate, "iam.users", *at),
            None => {
                let Some(parsed) = Arn::parse(arn) else {
                    return Found::Unknown(Unknown { why: format!("`{arn}` is not an ARN"), unblock: None });
                };
                if let Some(role) = session_role(&parsed) {
                    return self.role_named(estate, parsed.account, role);
                }
                let collection = if parsed.resource.starts_with("user/") { "iam.users" } else { "iam.roles" };
                match estate.incomplete(collection, parsed.account, None) {
                    None => Found::Nothing,
                    Some(unknown) => Found::Unknown(unknown),
                }
            }
        }
    }

    /// The role of that name in an account, whatever its path.
    #[must_use]
    pub fn role_named<'e>(&self, estate: &'e Estate, account: &str, name: &str) -> Found<'e> {
        match (self.roles.get(format!("{account}/{name}").as_str()), estate.incomplete("iam.roles", account, None)) {
            (Some(at), _) => found(estate, "iam.roles", *at),
            (None, None) => Found::Nothing,
            (None, Some(unknown)) => Found::Unknown(unknown),
        }
    }

    /// The cluster of that ARN, in the scope of its account and region.
    #[must_use]
    pub fn cluster<'e>(&self, estate: &'e Estate, arn: &str, scope: &str) -> Found<'e> {
        match (self.clusters.get(arn), estate.incomplete("eks.clusters", scope, None)) {
            (Some(at), _) => found(estate, "eks.clusters", *at),
            (None, None) => Found::Nothing,
            (None, Some(unknown)) => Found::Unknown(unknown),
        }
    }

    /// The managed policy of that ARN.
    #[must_use]
    pub fn policy<'e>(&self, estate: &'e Estate, arn: &str) -> Option<(&'e Value, String)> {
        match found(estate, "iam.policies", *self.policies.get(arn)?) {
            Found::At(value, pointer) => Some((value, pointer)),
            Found::Nothing | Found::Unknown(_) => None,
        }
    }
}

/// The role name in the ARN of an assumed-role session.
fn session_role<'t>(arn: &Arn<'t>) -> Option<&'t str> {
    (arn.service == "sts").then(|| arn.resource.strip_prefix("assumed-role/")?.split('/').next()).flatten()
}

fn found<'e>(estate: &'e Estate, collection: &str, at: usize) -> Found<'e> {
    match estate.items(collection).get(at) {
        Some(value) => Found::At(value, format!("/{}/{at}", collection.replace('.', "/"))),
        None => Found::Nothing,
    }
}

/// The first item of a collection that is the one.
pub(super) fn lookup<'e>(estate: &'e Estate, wanted: Wanted<'_>, is_it: impl Fn(&Value) -> bool) -> Found<'e> {
    let (items, pointer) = listing(estate, wanted);
    if let Some((at, value)) = items.iter().enumerate().find(|(_, value)| is_it(value)) {
        return Found::At(value, format!("{pointer}/{at}"));
    }
    match estate.incomplete(wanted.collection, wanted.scope, wanted.namespace) {
        None => Found::Nothing,
        Some(unknown) => Found::Unknown(unknown),
    }
}

/// All items of a collection that are among those, and why there may be more.
pub(super) fn select<'e>(
    estate: &'e Estate,
    wanted: Wanted<'_>,
    is_one: impl Fn(&Value) -> bool,
) -> (Vec<(&'e Value, String)>, Option<Unknown>) {
    let (items, pointer) = listing(estate, wanted);
    let some = items.iter().enumerate().filter(|(_, value)| is_one(value));
    let some = some.map(|(at, value)| (value, format!("{pointer}/{at}"))).collect();
    (some, estate.incomplete(wanted.collection, wanted.scope, wanted.namespace))
}

/// The items of a collection; those of a Kubernetes collection belong to the cluster in its scope.
fn listing<'e>(estate: &'e Estate, wanted: Wanted<'_>) -> (&'e [Value], String) {
    match wanted.collection.strip_prefix("kubernetes.") {
        None => (estate.items(wanted.collection), format!("/{}", wanted.collection.replace('.', "/"))),
        Some(kind) => match estate.kubernetes(wanted.scope) {
            Some((group, pointer)) => (group[kind].as_array().map_or(&[], Vec::as_slice), format!("{pointer}/{kind}")),
            None => (&[], String::new()),
        },
    }
}

/// Whether an ARN is of that role, by account and name.
#[must_use]
pub(super) fn is_role(arn: &Value, account: &str, name: &str) -> bool {
    arn.told().is_some_and(|arn| {
        role_name(arn) == Some(name) && Arn::parse(arn).is_some_and(|parsed| parsed.account == account)
    })
}
