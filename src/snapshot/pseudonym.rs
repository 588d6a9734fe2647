//! Other names for accounts, principals, clusters, namespaces, buckets and hosts.
//!
//! Rules compare names, match them with patterns and decode them, so another name keeps what that goes
//! by: its length, its words and its kinds of letters. Two names that begin alike still do, word by
//! word; `team-*` matches what it matched. A suffix that EMR makes of a role's name is made anew of the
//! other name.
//!
//! Letters are exchanged under a key. Without one, the key is drawn from the state itself, which nobody
//! has who has only the snapshot: the same state gives the same names, another state others. With a
//! key, two snapshots name the same things alike.
//!
//! Deliberately absent: names that mean the same everywhere (`default`, `kube-system`, names that AWS
//! gives), images, versions, and what users say in prose.

use super::order;
use crate::iam::base36;
use crate::rule;
use aho_corasick::{AhoCorasick, MatchKind};
use regex_lite::{Captures, Regex};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

/// Gives what a snapshot names other names; `key` makes them the same in each snapshot.
#[must_use]
pub fn rename(snapshot: &Value, key: Option<&str>) -> Value {
    let key = match key {
        Some(key) => Sha256::digest(key.as_bytes()),
        None => Sha256::digest(snapshot.to_string().as_bytes()),
    };
    let key = Key(key.into());
    let mut names = Names::default();
    gather(snapshot, &[], &mut names);
    let names = names.known(&vocabulary());
    let mut renamed = Renaming::new(&key, &names).value(snapshot);
    if let Value::Object(header) = &mut renamed["sparkcheck"] {
        header.insert("renamed".to_owned(), true.into());
    }
    order(&mut renamed);
    renamed
}

/// What letters are exchanged under.
struct Key([u8; 32]);

impl Key {
    /// Another number for a place in a text, from all that stands before it.
    fn draw(&self, before: &str, kind: u8) -> u8 {
        let digest = Sha256::new().chain_update(self.0).chain_update([kind]).chain_update(before).finalize();
        digest.first().copied().unwrap_or_default()
    }

    /// Another name of the same form.
    ///
    /// Each letter moves within its kind by what the word has before it: so other words, and words that
    /// begin alike, stay what they are to each other.
    fn name(&self, name: &str) -> String {
        let hexadecimal = name.len() >= 16 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
        let upper = hexadecimal && !name.bytes().any(|byte| byte.is_ascii_lowercase());
        let letters = if hexadecimal { 6 } else { 26 };
        let mut out = String::new();
        let mut word = String::new();
        let mut last = ' ';
        for letter in name.chars() {
            let begins = !letter.is_ascii_alphanumeric()
                || !hexadecimal && last.is_ascii_lowercase() && letter.is_ascii_uppercase();
            if begins {
                word.clear();
            }
            let turn = |first: u8, count: u8, kind: u8| {
                let moved = (letter as u8 - first + self.draw(&word, kind) % count) % count;
                char::from(first + moved)
            };
            out.push(match letter {
                '0'..='9' => turn(b'0', 10, 0),
                'a'..='z' if !upper => turn(b'a', letters, 1),
                'A'..='Z' => turn(b'A', letters, 2),
                other => other,
            });
            if letter.is_ascii_alphanumeric() {
                word.push(letter);
            }
            last = letter;
        }
        out
    }

    /// Another account: twelve digits that are no placeholder.
    fn account(&self, account: &str) -> String {
        let mut digest = Sha256::new().chain_update(self.0).chain_update([3]).chain_update(account).finalize();
        loop {
            let mut number = [0; 8];
            number.iter_mut().zip(digest.iter()).for_each(|(to, from)| *to = *from);
            let text = format!("{:012}", u64::from_le_bytes(number) % 1_000_000_000_000);
            if !is_placeholder(&text) {
                return text;
            }
            digest = Sha256::digest(digest);
        }
    }
}

/// Accounts that stand in examples and are nobody's.
fn is_placeholder(account: &str) -> bool {
    let first = account.chars().next().unwrap_or('0');
    account == "123456789012" || account.chars().all(|digit| digit == first)
}

/// What a snapshot names.
#[derive(Debug, Default)]
struct Names {
    accounts: BTreeSet<String>,
    names: BTreeSet<String>,
    buckets: BTreeSet<String>,
}

impl Names {
    fn add(&mut self, name: &str) {
        self.names.insert(name.to_owned());
    }

    /// Without what means the same everywhere.
    fn known(mut self, vocabulary: &BTreeSet<String>) -> Self {
        self.accounts.retain(|account| !is_placeholder(account));
        self.names.extend(std::mem::take(&mut self.buckets));
        self.names.retain(|name| {
            let own = name.starts_with("aws-")
                || name.starts_with("eks-")
                || name.starts_with("AWS")
                || name.starts_with("Amazon");
            let fixed = name.starts_with("kube-")
                || name.starts_with("system:")
                || name.starts_with("eks:")
                || name.starts_with("EMR_");
            let made = name.starts_with("emr-containers-sa-");
            let plain = name.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_.+=@,".contains(letter));
            let letters = name.chars().filter(char::is_ascii_alphanumeric).count();
            plain
                && letters >= 3
                && !name.chars().all(|letter| letter.is_ascii_digit())
                && !own
                && !fixed
                && !made
                && !vocabulary.contains(name.as_str())
        });
        self
    }
}

/// Words that rules, linking and the services themselves know, and that so must stay.
fn vocabulary() -> BTreeSet<String> {
    let mut words: BTreeSet<String> = FIXED.iter().map(|word| (*word).to_owned()).collect();
    for rule in rule::builtin() {
        let mut told = serde_json::to_value(&rule).unwrap_or_default();
        if let Value::Object(told) = &mut told {
            for prose in ["examples", "why", "references", "symptoms", "covers", "title", "explained_by"] {
                told.remove(prose);
            }
        }
        let text = told.to_string();
        let between = |letter: char| !(letter.is_ascii_alphanumeric() || "-_.".contains(letter));
        words.extend(text.split(between).flat_map(|word| [word.to_owned(), word.trim_matches('.').to_owned()]));
    }
    words
}

/// Names that everybody has.
const FIXED: &[&str] = &[
    "default",
    "kube-system",
    "kube-public",
    "kube-node-lease",
    "spark",
    "spark-operator",
    "spark-kubernetes-operator",
    "spark-gateway",
    "emr",
    "emr-containers",
    "emr-serverless",
    "emr-cli",
    "eks",
    "root",
    "admin",
    "cluster-admin",
    "edit",
    "view",
    "aws-auth",
    "karpenter",
    "kubeflow",
    "batch-processing-gateway",
    "bpg",
    "driver",
    "executor",
    "client",
    "job",
    "jobs",
    "data",
    "team",
    "dev",
    "test",
    "prod",
    "production",
    "staging",
    "main",
    "role",
    "user",
    "users",
    "group",
    "cluster",
    "nodes",
    "node",
    "logs",
    "log",
    "the",
    "all",
    "none",
    "true",
    "false",
    "elasticmapreduce",
    "amazonaws",
    "kubernetes",
    "coredns",
    "kube-proxy",
    "vpc-cni",
    "metrics-server",
    "eks-pod-identity-agent",
    "cluster.local",
    "svc",
    "local",
    "localhost",
    "com",
    "org",
    "net",
    "www",
    "https",
    "http",
    "api",
    "sts",
    "oidc",
    "s3",
    "iam",
    "ec2",
    "ecr",
    "dkr",
    "gr7",
    "sk1",
    "yl4",
    "id",
    "internal",
    "compute",
    "rds",
    "elb",
];

/// Fields whose values are words of the form itself.
const FORM: &[&str] = &["kind", "apiVersion", "collection", "state", "system", "credentials", "captured", "format"];

/// Finds what is named where it is named.
fn gather(value: &Value, around: &[&str], names: &mut Names) {
    match value {
        Value::Object(map) => {
            for (key, inner) in map {
                let path: Vec<&str> = around.iter().copied().chain([key.as_str()]).collect();
                text(key, names);
                if let Value::String(name) = inner {
                    field(key, name, around, map, names);
                }
                gather(inner, &path, names);
            }
        }
        Value::Array(list) => list.iter().for_each(|inner| gather(inner, around, names)),
        Value::String(found) => text(found, names),
        _ => {}
    }
}

/// A field that holds a name.
fn field(key: &str, name: &str, around: &[&str], item: &Map<String, Value>, names: &mut Names) {
    let section = around.first().copied().unwrap_or_default();
    let list = around.get(1).copied().unwrap_or_default();
    let inside = around.len() <= 2;
    let names_it = match (section, key) {
        ("iam", "RoleName" | "UserName" | "GroupName" | "InstanceProfileName") => true,
        // What AWS manages has a name that everybody knows.
        ("iam", "PolicyName") => {
            let arn = item.get("PolicyArn").or(item.get("Arn")).and_then(Value::as_str).unwrap_or_default();
            !arn.contains(":iam::aws:")
        }
        ("eks", "name" | "clusterName") => key == "clusterName" || (inside && list == "clusters"),
        ("eks", "nodegroupName" | "fargateProfileName") => true,
        ("emrContainers" | "emrServerless", "name") => inside,
        ("emr", "Name") => inside,
        (
            "declarations",
            "namespace" | "instance-profile" | "application" | "name" | "service-account" | "virtual-cluster",
        ) => true,
        ("declarations" | "jobRequests", "cluster" | "execution-role" | "submitter" | "service-role") => {
            !name.contains([':', '/'])
        }
        (_, "namespace" | "serviceAccountName") => true,
        ("kubernetes", "name") => {
            around.last() == Some(&"metadata") && matches!(list, "nodes" | "namespaces" | "serviceAccounts")
        }
        ("kubernetes", "host" | "hostname") => true,
        _ => false,
    };
    if names_it {
        names.add(name);
    }
}

macro_rules! pattern {
    ($name:ident, $text:literal) => {
        static $name: LazyLock<Regex> = LazyLock::new(|| Regex::new($text).unwrap());
    };
}

pattern!(ACCOUNT, r"(?:arn:[a-z-]*:[a-z0-9-]*:[a-z0-9-]*:|^|/)(\d{12})(?:[:./]|$)|(\d{12})\.dkr\.ecr\.");
pattern!(
    IAM,
    r"arn:[a-z-]*:(?:iam|sts)::\d{12}:(?:role|user|group|policy|instance-profile|assumed-role)/([\w+=,.@/*?-]+)"
);
pattern!(
    CLUSTER,
    r"arn:[a-z-]*:eks:[a-z0-9-]*:\d{12}:(?:cluster|nodegroup|fargateprofile|addon|access-entry|podidentityassociation)/([\w.-]+)"
);
pattern!(BUCKET, r"(?:arn:[a-z-]*:s3:::|s3[an]?://)([a-z0-9][a-z0-9.-]{2,62})");
pattern!(ISSUER, r"oidc\.eks\.[a-z0-9-]+\.amazonaws\.com(?:\.cn)?/id/([A-Za-z0-9]+)");
pattern!(ENDPOINT, r"https://([A-Z0-9]{16,})\.[a-z0-9]+\.[a-z0-9-]+\.eks\.amazonaws\.com");
pattern!(HOST, r"://(?:[^/@\s]*@)?([a-zA-Z0-9][a-zA-Z0-9.-]*[a-zA-Z0-9])");
pattern!(SUBJECT, r"system:serviceaccount:([a-z0-9-]+):([a-z0-9.-]+)");
pattern!(SUFFIX, r"(emr-containers-sa-[a-z*?-]+-\d{12}-)([0-9a-z]+)");

/// What texts name by their form.
fn text(text: &str, names: &mut Names) {
    if !text.contains([':', '/', '.']) && text.len() != 12 {
        return;
    }
    let each = |pattern: &Regex, names: &mut Names, add: &dyn Fn(&mut Names, &str)| {
        for found in pattern.captures_iter(text) {
            for group in found.iter().skip(1).flatten() {
                add(names, group.as_str());
            }
        }
    };
    each(&ACCOUNT, names, &|names, account| {
        names.accounts.insert(account.to_owned());
    });
    each(&IAM, names, &|names, path| {
        if !path.starts_with("aws-service-role/") {
            for part in path.split(['/', '*', '?']).filter(|part| !part.is_empty()) {
                names.add(part);
            }
        }
    });
    for pattern in [&CLUSTER, &ISSUER, &ENDPOINT, &SUBJECT] {
        each(pattern, names, &Names::add);
    }
    each(&BUCKET, names, &|names, bucket| {
        let bucket = bucket.trim_end_matches(['.', '-']);
        if !bucket.contains("elasticmapreduce") && !bucket.contains("amazonaws") {
            names.buckets.insert(bucket.to_owned());
        }
    });
    each(&HOST, names, &|names, host| {
        let labels: Vec<&str> = host.split('.').collect();
        let known = host.ends_with(".amazonaws.com") || host.ends_with(".amazonaws.com.cn") || host.contains(".svc");
        if labels.len() > 2 && !known && !host.chars().all(|letter| letter.is_ascii_digit() || letter == '.') {
            // What a registrar sells is the last but one.
            for label in labels.iter().take(labels.len() - 1) {
                names.add(label);
            }
        } else if host.ends_with(".rds.amazonaws.com") {
            names.add(labels.first().copied().unwrap_or_default());
        }
    });
}

/// The exchange of names in texts.
struct Renaming<'k> {
    key: &'k Key,
    finder: Option<AhoCorasick>,
    found: Vec<String>,
    other: BTreeMap<String, String>,
}

impl<'k> Renaming<'k> {
    fn new(key: &'k Key, names: &Names) -> Self {
        let mut other: BTreeMap<String, String> =
            names.names.iter().map(|name| (name.clone(), key.name(name))).collect();
        other.extend(names.accounts.iter().map(|account| (account.clone(), key.account(account))));
        let found: Vec<String> = other.keys().cloned().collect();
        let finder = AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(&found).ok();
        Self { key, finder, found, other }
    }

    fn value(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(text)),
            Value::Array(list) => list.iter().map(|inner| self.value(inner)).collect(),
            Value::Object(map) => {
                let field = |(key, inner): (&String, &Value)| {
                    // Words of the form, and of those who made it, name nobody.
                    let key = if key.contains([':', '/', '.']) { self.text(key) } else { key.clone() };
                    let fixed = FORM.contains(&key.as_str());
                    (key, if fixed { inner.clone() } else { self.value(inner) })
                };
                map.iter().map(field).collect()
            }
            other => other.clone(),
        }
    }

    fn text(&self, text: &str) -> String {
        // A suffix that encodes a role's name is made of the other name; its account follows below.
        let text = SUFFIX.replace_all(text, |found: &Captures<'_>| {
            let (head, suffix) =
                (found.get(1).map_or("", |head| head.as_str()), found.get(2).map_or("", |suffix| suffix.as_str()));
            match base36::decode(suffix) {
                Some(role)
                    if !role.is_empty() && role.chars().all(|letter| letter.is_ascii_graphic() || letter == '\n') =>
                {
                    format!("{head}{}", base36::encode(&self.named(&role)))
                }
                _ => format!("{head}{suffix}"),
            }
        });
        let Some(finder) = &self.finder else { return text.into_owned() };
        let mut out = String::with_capacity(text.len());
        let mut at = 0;
        let beside = |letter: Option<char>| letter.is_some_and(|letter| letter.is_ascii_alphanumeric());
        for found in finder.find_iter(&*text) {
            let before = text.get(..found.start()).and_then(|before| before.chars().next_back());
            let after = text.get(found.end()..).and_then(|after| after.chars().next());
            if beside(before) || beside(after) || found.start() < at {
                continue;
            }
            out.push_str(text.get(at..found.start()).unwrap_or_default());
            let name = self.found.get(found.pattern().as_usize()).map_or("", String::as_str);
            out.push_str(self.other.get(name).map_or(name, String::as_str));
            at = found.end();
        }
        out.push_str(text.get(at..).unwrap_or_default());
        out
    }

    /// The other name of a role, whether it is known or not.
    fn named(&self, role: &str) -> String {
        self.other.get(role).cloned().unwrap_or_else(|| self.key.name(role))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn key() -> Key {
        Key(Sha256::digest("a key").into())
    }

    #[test]
    fn names_keep_their_form_and_what_they_have_in_common() {
        let key = key();
        let other = key.name("SparkPilotEmrExecutionRole-2");
        assert_ne!(other, "SparkPilotEmrExecutionRole-2");
        let form = |text: &str| {
            text.chars()
                .map(|letter| match letter {
                    'a'..='z' => 'a',
                    'A'..='Z' => 'A',
                    '0'..='9' => '0',
                    other => other,
                })
                .collect::<String>()
        };
        assert_eq!(form(&other), form("SparkPilotEmrExecutionRole-2"));
        assert!(other.starts_with(&key.name("SparkPil")));
        assert!(other.ends_with(&key.name("Role-2")));
        let issuer = key.name("5C0D0A1B2C3D4E5F60718293A4B5C6D7");
        assert!(issuer.bytes().all(|byte| byte.is_ascii_digit() || (b'A'..=b'F').contains(&byte)), "{issuer}");
        assert!(!is_placeholder(&key.account("787587782916")));
    }

    #[test]
    fn what_belongs_together_still_does() {
        let suffix = base36::encode("TeamRole");
        let snapshot = json!({
            "sparkcheck": {"format": 1, "coverage": [{"collection": "iam.roles", "scope": "787587782916", "state": "complete"}]},
            "iam": {"roles": [{"RoleName": "TeamRole", "Arn": "arn:aws:iam::787587782916:role/TeamRole", "Subject":
                format!("system:serviceaccount:fraud:emr-containers-sa-*-*-787587782916-{suffix}"), "Pattern": "arn:aws:iam::787587782916:role/Team*"}]},
            "session": {"environment": {"SPARKPILOT_X": "arn:aws:iam::111111111111:role/TeamRole"}},
        });
        let renamed = rename(&snapshot, Some("k"));
        let text = renamed.to_string();
        for gone in ["787587782916", "Team", "fraud", suffix.as_str()] {
            assert!(!text.contains(gone), "{gone}: {text}");
        }
        let role = &renamed["iam"]["roles"][0];
        let name = role["RoleName"].as_str().unwrap();
        let account = renamed["sparkcheck"]["coverage"][0]["scope"].as_str().unwrap();
        assert_eq!(role["Arn"], format!("arn:aws:iam::{account}:role/{name}"));
        assert!(role["Subject"].as_str().unwrap().ends_with(&format!("-{account}-{}", base36::encode(name))));
        let pattern = role["Pattern"].as_str().unwrap().trim_end_matches('*').to_owned();
        assert!(role["Arn"].as_str().unwrap().starts_with(&pattern));
        // A placeholder is what it is.
        assert_eq!(renamed["session"]["environment"]["SPARKPILOT_X"], format!("arn:aws:iam::111111111111:role/{name}"));
        assert_eq!(renamed, rename(&snapshot, Some("k")));
        assert_ne!(rename(&snapshot, None), rename(&snapshot, Some("k")));
    }

    proptest! {
        #[test]
        fn two_names_never_become_one(one in "[A-Za-z0-9_.-]{1,12}", other in "[A-Za-z0-9_.-]{1,12}") {
            let key = key();
            prop_assert_eq!(one == other, key.name(&one) == key.name(&other));
        }
    }
}
