//! Secrets are taken out of what was read, and leave a mark where they stood.
//!
//! What a field is called says most: values of environments, passwords, tokens, user data. Arguments
//! and configuration hold the same under the same names inside texts. What is called nothing telling
//! is known by its shape: keys of clouds and forges, private keys, signed tokens, passwords in URLs.
//! Names of secrets and references to where they are kept stay, because rules are about them.
//!
//! Policies keep everything but shapes: their conditions speak of tokens and decide who may enter.
//!
//! Deliberately absent: guesses. A word that nothing around it calls a secret is one of the user's words.

mod name;
mod setting;
mod shape;
mod words;

pub use name::names_a_secret;

use crate::known::Unknown;
use name::{is_reference, sets_a_variable};
use regex_lite::{Captures, Regex};
use serde_json::{Map, Value};
use setting::NAMES;
use shape::SHAPES;
use std::borrow::Cow;
use words::Words;

/// What stands where a secret stood.
pub const MARK: &str = "***";

/// Takes the secrets out of a value, whatever it is of.
pub fn redact(value: &mut Value) {
    walk(value);
}

/// Takes the secrets out of a text.
#[must_use]
pub fn text(text: &str) -> Cow<'_, str> {
    // Most texts hold nothing and are asked nothing more.
    if text.len() < SHORTEST {
        return Cow::Borrowed(text);
    }
    let Signs { shape, name } = signs(text);
    let mut hidden = Cow::Borrowed(text);
    if shape {
        hidden = shape::shapes(text).map_or(hidden, Cow::Owned);
    }
    if text.contains('@') && text.contains(':') {
        hidden = shape::addresses(&hidden).map_or(hidden, Cow::Owned);
    }
    if name {
        hidden = setting::assignments(&hidden).map_or(hidden, Cow::Owned);
    }
    hidden
}

/// Shorter texts hold nothing: a password is known by the name before it.
const SHORTEST: usize = 6;

/// What a text may hold, seen in one pass.
struct Signs {
    /// What looks like a secret.
    shape: bool,
    /// What is set under the name of one.
    name: bool,
}

fn signs(text: &str) -> Signs {
    let mut signs = Signs { shape: false, name: false };
    // A name is looked at once, however many words it has.
    let mut looked_at = 0;
    PARTS.any(text.as_bytes(), |at, number| {
        match SHAPES.get(number) {
            Some(shape) => signs.shape = signs.shape || shape.begins(text.as_bytes(), at),
            None if signs.name || at < looked_at && setting::has_a_sign(number - SHAPES.len()) => {}
            // It is asked once, at the first word.
            None if looked_at == 0 && setting::is_deep(text) => signs.name = true,
            None => (signs.name, looked_at) = setting::may_set(text, at, number - SHAPES.len()),
        }
        signs.shape && signs.name
    });
    signs
}

/// Whether the name of a secret stands in a text, set or not.
fn holds_a_name(text: &str) -> bool {
    PARTS.any(text.as_bytes(), |_, number| number >= SHAPES.len())
}

/// How shapes begin, and then what names of secrets have in them.
static PARTS: Words = Words::of(&HEADS_AND_NAMES);

const HEADS_AND_NAMES: [&str; SHAPES.len() + NAMES.len()] = {
    let mut parts = [""; SHAPES.len() + NAMES.len()];
    let mut at = 0;
    while at < parts.len() {
        parts[at] = if at < SHAPES.len() { SHAPES[at].head } else { NAMES[at - SHAPES.len()] };
        at += 1;
    }
    parts
};

/// Fields that hold a policy.
const POLICIES: &[&str] = &["AssumeRolePolicyDocument", "PolicyDocument", "Document", "policy"];

/// Fields that nobody but the one who wrote them needs, and that may repeat what is left out elsewhere.
const DROPPED: &[&str] = &["userData", "UserData", "managedFields", "kubectl.kubernetes.io/last-applied-configuration"];

fn walk(value: &mut Value) {
    match value {
        Value::Object(map) => {
            let Some(about) = About::of(map) else { return };
            if about.drops {
                map.retain(|key, _| !DROPPED.contains(&key.as_str()));
            }
            for (key, inner) in map.iter_mut() {
                match (key.as_str(), inner) {
                    (key, inner) if POLICIES.contains(&key) => policy(inner),
                    (_, Value::String(text)) => {
                        let valued = VALUES.contains(&key.as_str());
                        if names_a_secret(key) || (valued && about.secret) {
                            mark(text);
                        } else if sets_a_variable(key) {
                            MARK.clone_into(text);
                        } else {
                            scrub(text, !key.ends_with("ame") && !key.ends_with("rn") && !key.ends_with('d'));
                        }
                    }
                    ("env", Value::Array(variables)) => variables.iter_mut().for_each(|variable| {
                        if let Value::Object(variable) = variable {
                            variable.remove("value");
                        }
                    }),
                    ("envVars" | "environmentVariables", Value::Object(variables)) => forget(variables),
                    ("Properties" | "properties", Value::Object(variables)) if about.exported => forget(variables),
                    (key, Value::Array(list)) if names_a_secret(key) => list.iter_mut().for_each(|inner| match inner {
                        Value::String(text) => mark(text),
                        inner => walk(inner),
                    }),
                    (_, inner) => walk(inner),
                }
            }
        }
        Value::Array(list) => {
            let mut follows = false;
            for inner in list.iter_mut() {
                let Value::String(text) = inner else {
                    follows = false;
                    walk(inner);
                    continue;
                };
                let login = text == "-u" || text == "--user";
                let flag = text.starts_with('-') && !text.contains('=') && (names_a_secret(text) || login);
                if follows && !text.starts_with("--") {
                    mark(text);
                } else if !flag {
                    scrub(text, true);
                }
                follows = flag;
            }
        }
        Value::String(text) => scrub(text, true),
        _ => {}
    }
}

/// Fields whose value another field names.
const VALUES: &[&str] = &["value", "Value", "default"];

/// Fields that name it, the first of which counts.
const NAMED: &[&str] = &["name", "Name", "key", "Key"];

/// What an object says of itself that decides what is hidden in it.
struct About {
    /// It has fields that are dropped.
    drops: bool,
    /// It has a value, whose name is that of a secret.
    secret: bool,
    /// It is what EMR exports to the environment of its daemons.
    exported: bool,
}

impl About {
    /// One look at all fields; `None` for an object that stands for what is not known.
    fn of(map: &Map<String, Value>) -> Option<Self> {
        let (mut drops, mut valued) = (false, false);
        let (mut names, mut class) = ([None; NAMED.len()], None);
        for (key, value) in map {
            match key.as_str() {
                "$unknown" => return None,
                "Classification" | "classification" => class = class.or(Some(value)),
                key if VALUES.contains(&key) => valued = true,
                key if DROPPED.contains(&key) => drops = true,
                key => {
                    if let Some(slot) = NAMED.iter().position(|name| *name == key).and_then(|at| names.get_mut(at)) {
                        *slot = value.as_str();
                    }
                }
            }
        }
        let secret = valued && names.into_iter().flatten().next().is_some_and(names_a_secret);
        Some(Self { drops, secret, exported: class.is_some_and(|class| class == "export") })
    }
}

/// Of what a policy says, only shapes are no part of it.
fn policy(value: &mut Value) {
    match value {
        Value::Object(map) => map.values_mut().for_each(policy),
        Value::Array(list) => list.iter_mut().for_each(policy),
        Value::String(text) => {
            if signs(text).shape
                && let Some(hidden) = shape::shapes(text)
            {
                *text = hidden;
            }
        }
        _ => {}
    }
}

/// Forgets the values of an object and keeps its keys.
fn forget(values: &mut Map<String, Value>) {
    for value in values.values_mut() {
        if Unknown::of(value).is_none() {
            *value = Unknown { why: "not read".to_owned(), unblock: None }.to_value();
        }
    }
}

/// Hides a text that is a secret as a whole, unless it only says where the secret is kept.
fn mark(text: &mut String) {
    if !is_reference(text) {
        MARK.clone_into(text);
    }
}

fn scrub(value: &mut String, may_hold_keys: bool) {
    if may_hold_keys {
        let keys = shape::secret_keys(value);
        if !keys.is_empty() {
            *value = keys.iter().fold(value.clone(), |text, key| text.replace(key, MARK));
        }
    }
    if let Cow::Owned(hidden) = text(value) {
        *value = hidden;
    }
}

/// The text with every match replaced, or `None` where nothing changed.
fn replaced(pattern: &Regex, text: &str, with: impl Fn(&Captures<'_>) -> String) -> Option<String> {
    match pattern.replace_all(text, |found: &Captures<'_>| with(found)) {
        Cow::Owned(new) if new != text => Some(new),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn texts_keep_everything_but_secrets() {
        for (written, expected) in [
            (
                "arn:aws:secretsmanager:us-east-1:787587782916:secret:db-AbCdEf",
                "arn:aws:secretsmanager:us-east-1:787587782916:secret:db-AbCdEf",
            ),
            ("k8s:secret:ns:name:token", "k8s:secret:ns:name:token"),
            (
                "system:serviceaccount:spark:emr-containers-sa-spark-driver-787587782916-u70qubg4l",
                "system:serviceaccount:spark:emr-containers-sa-spark-driver-787587782916-u70qubg4l",
            ),
            ("spark://host:7077,other:7077", "spark://host:7077,other:7077"),
            ("https://h:8443/path@x", "https://h:8443/path@x"),
            ("s3://bucket/a:b@c", "s3://bucket/a:b@c"),
            (
                "--conf spark.executor.cores=4 --conf spark.driver.memory=2g",
                "--conf spark.executor.cores=4 --conf spark.driver.memory=2g",
            ),
            ("--class Main --name secrets-etl", "--class Main --name secrets-etl"),
            ("jdbc:postgresql://me:hush@db:5432/x", "jdbc:postgresql://me:***@db:5432/x"),
            ("jdbc:mysql://db/x?user=me&password=hush&ssl=true", "jdbc:mysql://db/x?user=me&password=***&ssl=true"),
            ("jdbc:oracle:thin:scott/hush@//db:1521/x", "jdbc:oracle:thin:scott/***@//db:1521/x"),
            ("--conf spark.executorEnv.X=hush --conf a=b", "--conf spark.executorEnv.X=*** --conf a=b"),
            (
                "--conf \"spark.kubernetes.driverEnv.X=hush hush\" --conf a=b",
                "--conf \"spark.kubernetes.driverEnv.X=***\" --conf a=b",
            ),
            ("--db-password hush --x y", "--db-password *** --x y"),
            ("{\"user\":\"me\",\"password\":\"hush\"}", "{\"user\":\"me\",\"password\":\"***\"}"),
            ("{\\\"password\\\":\\\"hush\\\"}", "{\\\"password\\\":\\\"***\\\"}"),
            ("password: hush\nuser: me", "password: ***\nuser: me"),
            ("curl -u me:hush https://x", "curl -u *** https://x"),
            ("Authorization: Bearer abcdefghij", "Authorization: Bearer ***"),
            ("AccountName=x;AccountKey=hush==;EndpointSuffix=y", "AccountName=x;AccountKey=***;EndpointSuffix=y"),
            ("-Djavax.net.ssl.trustStorePassword=hush -Xmx1g", "-Djavax.net.ssl.trustStorePassword=*** -Xmx1g"),
        ] {
            assert_eq!(text(written), expected, "{written}");
        }
    }

    #[test]
    fn shapes_at_every_boundary() {
        let (key, forge) = (["AKIA", "IOSFODNN7EXAMPLE"].concat(), format!("ghp_{}", "a1B2".repeat(9)));
        for (written, expected) in [
            ("{}", "***"),
            ("x-{}", "x-***"),
            ("x.{}/y", "x.***/y"),
            ("'{}'", "'***'"),
            ("https://h/p?k={}&x=1", "https://h/p?k=***&x=1"),
            ("s3://b/{}/o", "s3://b/***/o"),
            ("é{}", "é***"),
            ("x_{}", ""),
            ("x{}", ""),
            ("7{}", ""),
        ] {
            for secret in [&key, &forge] {
                let written = written.replace("{}", secret);
                let expected = if expected.is_empty() { written.as_str() } else { expected };
                assert_eq!(text(&written), expected);
            }
        }
        for (written, expected) in [
            (key.to_lowercase(), None),
            (forge.to_uppercase(), None),
            (format!("task-{}", "a".repeat(40)), None),
            (format!("sk-{}", "a".repeat(23)), None),
            (format!("sk-{}", "a".repeat(24)), Some("***")),
            (format!("disk-sk-{}", "a".repeat(24)), Some("disk-***")),
            (format!("hvs.{} x", "-a_b".repeat(5)), Some("*** x")),
            (format!("x$6${}", "a".repeat(8)), Some("x***")),
            (format!("xoxb-{}", "1-".repeat(5)), Some("***")),
            (format!("sk_live_{}", "a".repeat(10)), Some("***")),
            (format!("rk_test_{}", "a".repeat(9)), None),
            ("-----BEGIN RSA PRIVATE KEY-----\nabc".to_owned(), Some("***")),
            (format!("a\u{a0}{}", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYzEXAMPLEKE"), None),
        ] {
            assert_eq!(text(&written), expected.unwrap_or(&written));
        }
        let mut beside = json!("id\u{a0}wJalrXUtnFEMI/K7MDENG/bPxRfiCYzEXAMPLEKE, more");
        redact(&mut beside);
        assert_eq!(beside, "id\u{a0}***, more");
    }

    #[test]
    fn names_at_every_boundary() {
        for (written, expected) in [
            ("PASSWORD=hush", "PASSWORD=***"),
            ("x_password=hush", "x_password=***"),
            ("x.token = hush", "x.token = ***"),
            ("a-api-key=hush", "a-api-key=***"),
            ("x[token]=hush", "x[token]=***"),
            ("(password=hush)", "(password=***"),
            ("a,token=hush", "a,token=***"),
            ("https://h/x?sig=hush&a=b", "https://h/x?sig=***&a=b"),
            ("https://h/x?X-Amz-Signature=hush", "https://h/x?X-Amz-Signature=***"),
            ("SECRET\u{b}= hush", "SECRET\u{b}= ***"),
            ("token:\thush", "token:\t***"),
            ("--x-token\nhush", "--x-token ***"),
            ("x-httptokens -ptokens hush", "x-httptokens -ptokens ***"),
            ("aws:ResourceTag/secret:x", "aws:ResourceTag/secret:x"),
            ("secretsmanager:GetSecretValue", "secretsmanager:GetSecretValue"),
            ("Allow iam:PassRole on this", "Allow iam:PassRole on this"),
            ("a secret: hush", "a secret: ***"),
            ("auth: hush", "auth: ***"),
            ("an author: somebody", "an author: somebody"),
            ("x-secret-authorization: Basic aHVzaA==", "x-secret-authorization: ***"),
            ("env.Bearer abcdefgh", "env.Bearer ***"),
            ("x Authorization: Basic abcdefgh", "x Authorization: Basic ***"),
            ("token-expiration=86400", "token-expiration=86400"),
        ] {
            assert_eq!(text(written), expected, "{written}");
        }
    }

    proptest! {
        #[test]
        fn looking_first_loses_nothing(text in r#"((AKIA|eyJ|sk-|xoxb-|\$6\$|ghp_|password|x-token|env\.|spark\.|Auth|key|-u |Bearer |secretname)|[-_.=:"'\\ a0Z@/\[]|[a-zA-Z0-9]{8,44}){0,9}"#) {
            let shaped = shape::shapes(&text);
            prop_assert!(shaped.is_none() || signs(&text).shape);
            let set = setting::assignments(&text);
            prop_assert!(set.is_none() || !holds_a_name(&text) || signs(&text).name);
        }
    }

    #[test]
    fn hostile_texts_end() {
        for part in ["a=", "password=", "--token ", "-a ", "://a:", "\"a=", "eyJ", "a.env.b=", "Bearer ", "\\\""] {
            let long = part.repeat(20_000);
            let _ = text(&long);
            let mut list: Value = vec![long.clone(); 3].into();
            redact(&mut list);
        }
        assert!(!text("a=b=c=d=e=f=g=password=hush").contains("hush"));
    }

    #[test]
    fn policies_keep_their_conditions() {
        let policy = json!({"AssumeRolePolicyDocument": {"Statement": [{"Condition": {
            "StringEquals": {"token.actions.githubusercontent.com:aud": "sts.amazonaws.com", "secretsmanager:ResourceTag/secret": "x"}}}]}});
        let mut redacted = policy.clone();
        redact(&mut redacted);
        assert_eq!(redacted, policy);
    }
}
