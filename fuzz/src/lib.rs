//! What the fuzz targets do with their bytes.
//!
//! `cargo +nightly fuzz run policy` (or `pattern`, `trust`, `reader`, `script`, `placeholders`,
//! `template`). The IAM targets take bytes for
//! choices among the words that policies are made of, because random JSON is never a policy; the first
//! byte of `policy` and `trust` decides whether the rest is taken for JSON as it stands.

mod template;

pub use template::template;

use serde_json::{Value, json};
use sparkcheck::iam::cases::answer;
use sparkcheck::iam::pattern::glob;
use sparkcheck::read::{Input, Options, read};

/// Bytes as a row of choices; after their end every choice is the first.
struct Choices<'b>(&'b [u8]);

impl Choices<'_> {
    fn next(&mut self) -> usize {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        usize::from(*first)
    }

    fn pick<'t>(&mut self, from: &[&'t str]) -> &'t str {
        from[self.next() % from.len()]
    }

    /// A text of up to seven words.
    fn text(&mut self, words: &[&str]) -> String {
        (0..self.next() % 8).map(|_| self.pick(words)).collect()
    }

    fn value(&mut self, words: &[&str]) -> Value {
        match self.next() % 8 {
            0 => json!([self.text(words), self.text(words)]),
            1 => json!({"$text": [self.text(words), {"$unknown": self.pick(&["h", "i"])}, self.text(words)]}),
            2 => json!({"$unknown": "h"}),
            3 => json!(self.next()),
            4 => json!(self.next() % 2 == 0),
            5 => json!([]),
            _ => json!(self.text(words)),
        }
    }
}

const WORDS: &[&str] = &[
    "*",
    "?",
    "a",
    "b",
    ":",
    "/",
    "arn:aws:s3:::",
    "arn:aws:iam::111122223333:",
    "role/",
    "user/",
    "${",
    "}",
    "${k}",
    "${k, 'a'}",
    "${*}",
    "${$}",
    "é",
    "\u{0}",
    "root",
    "s3:",
    "sts:",
    "AssumeRole",
    "WithWebIdentity",
    "Get",
    "111122223333",
    "10.0.0.0",
    "/8",
    "2026-01-01",
    "T00:00:00Z",
    "-",
    ".",
    "9",
    "true",
    "AROAEXAMPLEEXAMPLE123",
    "ec2.amazonaws.com",
    "system:serviceaccount:",
    "emr-containers-sa-",
    "oidc-provider/",
    "oidc.x/id/A",
];
const OPERATORS: &[&str] = &[
    "StringEquals",
    "StringNotEquals",
    "StringLike",
    "StringNotLike",
    "StringEqualsIgnoreCase",
    "ArnLike",
    "ArnNotLike",
    "NumericLessThan",
    "NumericNotEquals",
    "DateGreaterThan",
    "Bool",
    "IpAddress",
    "NotIpAddress",
    "Null",
    "BinaryEquals",
    "ForAnyValue:StringLike",
    "ForAllValues:StringNotLike",
    "ForAnyValue:ArnLikeIfExists",
    "StringLikeIfExists",
    "Nonsense",
];
const KEYS: &[&str] = &["k", "l", "aws:TagKeys", "aws:SourceArn", "oidc.x/id/A:sub", "oidc.x/id/A:aud", "${h}:sub"];

fn document(choices: &mut Choices<'_>) -> Value {
    let statements: Vec<Value> = (0..choices.next() % 4)
        .map(|_| {
            let mut statement = json!({"Effect": choices.pick(&["Allow", "Deny", "Allow", "deny"])});
            for (one, other) in [("Action", "NotAction"), ("Resource", "NotResource"), ("Principal", "NotPrincipal")] {
                let kind = choices.next();
                let name = if kind & 1 == 0 { one } else { other };
                let value = if one == "Principal" {
                    json!({choices.pick(&["AWS", "Service", "Federated", "CanonicalUser", "X"]): choices.value(WORDS)})
                } else {
                    choices.value(WORDS)
                };
                if kind & 6 != 0 {
                    statement[name] = if kind & 8 == 0 { json!("*") } else { value };
                }
            }
            for _ in 0..choices.next() % 4 {
                let (operator, key) = (choices.pick(OPERATORS), choices.pick(KEYS));
                statement["Condition"][operator][key] = choices.value(WORDS);
            }
            statement
        })
        .collect();
    json!({"Version": choices.pick(&["2012-10-17", "2008-10-17", "x"]), "Statement": statements})
}

/// Decides a request made of the bytes; the answer must exist, and a denial more must not allow.
pub fn policy(bytes: &[u8]) {
    if bytes.first() == Some(&0xff) {
        if let Ok(case) = serde_json::from_slice::<Value>(&bytes[1..]) {
            let _ = answer(&case);
        }
        return;
    }
    let mut choices = Choices(bytes);
    let principals = [
        "arn:aws:iam::111122223333:user/a",
        "arn:aws:sts::111122223333:assumed-role/a/b",
        "ec2.amazonaws.com",
        "arn:aws:iam::111122223333:oidc-provider/oidc.x/id/A",
        "arn:aws:iam::111122223333:root",
        "*",
    ];
    let mut case = json!({
        "request": {
            "principal": choices.pick(&principals),
            "action": choices.pick(&["s3:GetObject", "sts:AssumeRole", "sts:AssumeRoleWithWebIdentity", "kms:Decrypt"]),
            "resource": choices.pick(&["arn:aws:s3:::a/b", "*", "arn:aws:iam::111122223333:role/a", "x", "arn:aws:kms:::key/a"]),
            "resourceAccount": choices.pick(&["111122223333", "444455556666"]),
            "unknown": [choices.pick(KEYS)],
            "unknownPresent": [choices.pick(KEYS)],
            "context": {choices.pick(KEYS): choices.value(WORDS), choices.pick(KEYS): choices.text(WORDS)},
            "open": choices.next() % 4 == 0,
        },
        "policies": {"identity": [document(&mut choices), document(&mut choices)]},
    });
    for (bit, kind) in ["resource", "boundary", "session"].iter().enumerate() {
        if choices.next() >> bit & 1 == 1 {
            case["policies"][kind] = document(&mut choices);
        }
    }
    if choices.next() % 4 == 1 {
        case["policies"]["scp"] = json!([[document(&mut choices)], [document(&mut choices)]]);
    }
    let before = answer(&case);
    if !before["error"].is_null() {
        return;
    }
    let denial = json!({"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Action": "*", "Resource": "*",
        "Condition": {choices.pick(OPERATORS): {choices.pick(KEYS): choices.value(WORDS)}}}});
    if let Some(identity) = case["policies"]["identity"].as_array_mut() {
        identity.push(denial);
    }
    let after = answer(&case);
    let (before, after) = (&before["decision"], &after["decision"]);
    assert!(after != "allowed" || before != "denied", "a denial more allowed: {case}");
}

/// Matches one half of the bytes against the other, also by the table that nobody gets wrong.
pub fn pattern(bytes: &[u8]) {
    let Some((at, rest)) = bytes.split_first() else { return };
    let (pattern, text) = rest.split_at(usize::from(*at).min(rest.len()));
    let (pattern, text) = (String::from_utf8_lossy(pattern), String::from_utf8_lossy(text));
    let (wanted, found): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let mut row = vec![false; found.len() + 1];
    row[0] = true;
    for mark in &wanted {
        let mut next = vec![false; found.len() + 1];
        next[0] = row[0] && *mark == '*';
        for (at, c) in found.iter().enumerate() {
            next[at + 1] = match mark {
                '*' => row[at + 1] || next[at],
                '?' => row[at],
                mark => row[at] && mark == c,
            };
        }
        row = next;
    }
    assert_eq!(glob(&pattern, &text), row[found.len()], "{pattern:?} {text:?}");
}

/// Compares those whom a trust policy lets in with those who are wanted.
pub fn trust(bytes: &[u8]) {
    if bytes.first() == Some(&0xff) {
        if let Ok(trust) = serde_json::from_slice::<Value>(&bytes[1..]) {
            let wanted = json!({"kind": "namespace", "issuer": "oidc.x/id/A", "namespace": "a"});
            let _ = answer(&json!({"wanted": wanted, "trust": trust}));
        }
        return;
    }
    let mut choices = Choices(bytes);
    let words =
        [WORDS, &["system:serviceaccount:a:", "system:serviceaccount:", "emr-containers-sa-*-*-111122223333-x"]]
            .concat();
    let mut statements = Vec::new();
    for _ in 0..1 + choices.next() % 3 {
        let mut statement = json!({
            "Effect": choices.pick(&["Allow", "Allow", "Deny"]),
            "Principal": {"Federated": "arn:aws:iam::111122223333:oidc-provider/oidc.x/id/A"},
            "Action": choices.pick(&["sts:AssumeRoleWithWebIdentity", "sts:*"]),
        });
        if choices.next() % 4 == 0 {
            statement["Principal"] = json!({choices.pick(&["AWS", "Service", "Federated"]): choices.value(WORDS)});
        }
        for _ in 0..choices.next() % 3 {
            let (operator, key) = (
                choices.pick(OPERATORS),
                choices.pick(&["oidc.x/id/A:sub", "oidc.x/id/A:sub", "oidc.x/id/A:aud", "k"]),
            );
            statement["Condition"][operator][key] = json!([choices.text(&words), choices.value(&words)]);
        }
        statements.push(statement);
    }
    let wanted = match choices.next() % 3 {
        0 => json!({"kind": "namespace", "issuer": "oidc.x/id/A", "namespace": "a"}),
        1 => {
            json!({"kind": "service-accounts", "issuer": "oidc.x/id/A", "namespace": "a", "serviceAccounts": ["b", choices.text(&words)]})
        }
        _ => {
            json!({"kind": "emr-on-eks", "issuer": "oidc.x/id/A", "namespace": choices.value(&["a", "b"]), "account": "111122223333", "roleBase36": "x"})
        }
    };
    let trust = json!({"Version": "2012-10-17", "Statement": statements});
    let _ = answer(&json!({"wanted": wanted, "trust": trust}));
}

/// Reads the bytes as whatever they look like.
pub fn reader(bytes: &[u8]) {
    if let Ok(estate) = read(&[Input::Stdin(bytes.to_vec())], &Options::default()) {
        let _ = sparkcheck::link::link(estate);
    }
}

/// Reads bytes as a shell script: its words, the AWS command line's shorthand, JSON in arguments.
pub fn script(bytes: &[u8]) {
    reader(&[b"#!/bin/sh\naws emr-containers start-job-run --job-driver ".as_slice(), bytes].concat());
}

/// Reads bytes as what follows in a file of eksctl, with placeholders of every dialect.
pub fn placeholders(bytes: &[u8]) {
    reader(&[b"apiVersion: eksctl.io/v1alpha5\nkind: ClusterConfig\nmetadata: {name: ${A}}\n".as_slice(), bytes].concat());
}

/// A directory of Terraform with these bytes as its one file, or a plan of them; neither may stop the program.
pub fn terraform(bytes: &[u8]) {
    let Some((first, rest)) = bytes.split_first() else { return };
    if first % 2 == 0 {
        let mut plan = br#"{"format_version": "1.2", "terraform_version": "1", "planned_values": "#.to_vec();
        plan.extend_from_slice(rest);
        plan.push(b'}');
        let _ = read(&[Input::Stdin(plan)], &Options::default());
        return;
    }
    let folder = std::env::temp_dir().join(format!("sparkcheck-fuzz-{}", std::process::id()));
    let file = folder.join("main.tf");
    if std::fs::create_dir_all(&folder).is_ok() && std::fs::write(&file, rest).is_ok() {
        let _ = read(&[Input::Path(file)], &Options::default());
    }
}
