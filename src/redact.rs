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

use crate::known::Unknown;
use aho_corasick::{AhoCorasick, AhoCorasickKind};
use regex_lite::{Captures, Regex};
use serde_json::Value;
use std::borrow::Cow;
use std::sync::LazyLock;

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
    let mut hidden = shapeless(text);
    if text.contains('@') && text.contains(':') {
        hidden = addresses(&hidden).map_or(hidden, Cow::Owned);
    }
    if text.contains(['=', ':', ' ']) && NAMES.is_match(text) {
        hidden = assignments(&hidden).map_or(hidden, Cow::Owned);
    }
    hidden
}

/// Takes out of a text what looks like a secret, whatever stands before it.
fn shapeless(text: &str) -> Cow<'_, str> {
    if text.len() < SHAPE || !MARKS.is_match(text) {
        return Cow::Borrowed(text);
    }
    shapes(text).map_or(Cow::Borrowed(text), Cow::Owned)
}

/// Shorter texts hold nothing: a password is known by the name before it.
const SHORTEST: usize = 6;

/// No shape is shorter.
const SHAPE: usize = 11;

/// Fields that hold a policy.
const POLICIES: &[&str] = &["AssumeRolePolicyDocument", "PolicyDocument", "Document", "policy"];

/// Fields that nobody but the one who wrote them needs, and that may repeat what is left out elsewhere.
const DROPPED: &[&str] = &["userData", "UserData", "managedFields", "kubectl.kubernetes.io/last-applied-configuration"];

fn walk(value: &mut Value) {
    match value {
        Value::Object(map) => {
            if map.contains_key("$unknown") {
                return;
            }
            map.retain(|key, _| !DROPPED.contains(&key.as_str()));
            let named = ["name", "Name", "key", "Key"].iter().find_map(|key| map.get(*key)?.as_str());
            let named_secret = named.is_some_and(names_a_secret);
            // What EMR exports to the environment of its daemons.
            let classification = map.get("Classification").or_else(|| map.get("classification"));
            let exported = classification.is_some_and(|name| name == "export");
            for (key, inner) in map.iter_mut() {
                match (key.as_str(), inner) {
                    (key, inner) if POLICIES.contains(&key) => policy(inner),
                    (_, Value::String(text)) => {
                        let valued = matches!(key.as_str(), "value" | "Value" | "default");
                        if names_a_secret(key) || (named_secret && valued) {
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
                    ("Properties" | "properties", Value::Object(variables)) if exported => forget(variables),
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

/// Of what a policy says, only shapes are no part of it.
fn policy(value: &mut Value) {
    match value {
        Value::Object(map) => map.values_mut().for_each(policy),
        Value::Array(list) => list.iter_mut().for_each(policy),
        Value::String(text) => {
            if let Cow::Owned(hidden) = shapeless(text) {
                *text = hidden;
            }
        }
        _ => {}
    }
}

/// Forgets the values of an object and keeps its keys.
fn forget(values: &mut serde_json::Map<String, Value>) {
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
    if may_hold_keys && value.len() >= 40 {
        let between = |letter: char| letter.is_whitespace() || matches!(letter, '"' | '\'' | '=' | ',' | ';' | '&');
        let keys: Vec<&str> = value.split(between).filter(|part| is_secret_key(part)).collect();
        if !keys.is_empty() {
            *value = keys.iter().fold(value.clone(), |text, key| text.replace(key, MARK));
        }
    }
    if let Cow::Owned(hidden) = text(value) {
        *value = hidden;
    }
}

/// Whether a field, an argument or a setting of this name holds a secret.
#[must_use]
pub fn names_a_secret(name: &str) -> bool {
    const WORDS: &[&str] = &[
        "password",
        "passwd",
        "passphrase",
        "secret",
        "token",
        "credential",
        "privatekey",
        "accesskey",
        "apikey",
        "accountkey",
        "sharedkey",
        "signingkey",
        "encryptionkey",
        "masterkey",
        "connectionstring",
        "keydata",
        "certdata",
        "signature",
    ];
    // What such words stand in that is no secret itself.
    const HARMLESS: &[&str] = &[
        "name",
        "names",
        "ref",
        "arn",
        "id",
        "file",
        "path",
        "dir",
        "location",
        "type",
        "url",
        "uri",
        "namespace",
        "expiration",
        "seconds",
        "ttl",
        "enabled",
        "required",
        "provider",
        "providers",
        "version",
        "class",
        "audience",
        "method",
        "mode",
        "algorithm",
        "policy",
        "resource",
        "key.name",
        "httptokens",
        "renewer",
        "factory",
        "servicename",
        "format",
        "count",
        "limit",
        "interval",
        "tokenkey",
        "length",
    ];
    // The longest names of settings are not longer; texts are no names.
    if !MAY_NAME.is_match(name)
        || name.len() > 200
        || name.contains([' ', '/', '*']) && !name.contains("://") && name.contains(' ')
    {
        return false;
    }
    let letters: String =
        name.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase()).collect();
    let whole = matches!(letters.as_str(), "credentials" | "secrets" | "tokens" | "auth" | "pwd" | "sig" | "pass");
    if whole {
        return !matches!(letters.as_str(), "credentials" | "secrets" | "tokens");
    }
    (WORDS.iter().any(|word| letters.contains(word)) || letters.ends_with("pwd") || letters.ends_with("pass"))
        && !HARMLESS.iter().any(|end| letters.ends_with(end))
        && !letters.contains("secretkeyref")
}

/// Whether a setting of Spark sets a variable of an environment.
fn sets_a_variable(name: &str) -> bool {
    name.starts_with("spark.") && (name.contains("Env.") || name.contains("env."))
}

/// Whether a text is no secret but says where one is, or stands for one that was taken out.
fn is_reference(text: &str) -> bool {
    const PREFIXES: &[&str] = &[
        "k8s:secret:",
        "localhost:env:",
        "arn:aws",
        "{{",
        "$(",
        "${",
        "vault:",
        "ssm:",
        "EMR.secret@",
        "secretsmanager:",
        "file:",
        "env:",
    ];
    const WORDS: &[&str] =
        &["", "true", "false", "none", "null", "required", "optional", "enabled", "disabled", "default"];
    text == MARK
        || text.ends_with(":***")
        || WORDS.contains(&text)
        || PREFIXES.iter().any(|prefix| text.starts_with(prefix))
}

/// Whether a text looks like a secret access key: forty random letters of base 64.
fn is_secret_key(text: &str) -> bool {
    let class = |byte: u8| match byte {
        b'A'..=b'Z' => 1,
        b'a'..=b'z' => 2,
        b'0'..=b'9' => 3,
        b'/' | b'+' => 4,
        _ => 0,
    };
    let bytes = text.as_bytes();
    if bytes.len() != 40 || bytes.iter().any(|byte| class(*byte) == 0) {
        return false;
    }
    // A capital before small letters begins a word, as in names.
    let turns = |pair: &&[u8]| match pair {
        [one, other] => class(*one) != class(*other) && (class(*one), class(*other)) != (1, 2),
        _ => false,
    };
    let changes = bytes.windows(2).filter(turns).count();
    changes >= 11 && [1, 2, 3].iter().all(|wanted| bytes.iter().any(|byte| class(*byte) == *wanted))
}

fn any_of<const N: usize>(parts: [&str; N]) -> AhoCorasick {
    #[expect(clippy::unwrap_used, reason = "the parts are constant and tested")]
    AhoCorasick::builder().ascii_case_insensitive(true).kind(Some(AhoCorasickKind::DFA)).build(parts).unwrap()
}

/// Parts of names that may be those of a secret.
static MAY_NAME: LazyLock<AhoCorasick> =
    LazyLock::new(|| any_of(["pass", "pwd", "secret", "token", "cred", "key", "sig", "auth", "cert", "string"]));

/// Of which a text has one that names a secret somewhere.
static NAMES: LazyLock<AhoCorasick> = LazyLock::new(|| {
    any_of([
        "pass",
        "pwd",
        "secret",
        "token",
        "key=",
        "key:",
        "key\"",
        "-key ",
        "key'",
        "credential",
        "signature",
        "sig=",
        "env.",
        "authorization",
        "bearer ",
        "--user ",
        "-u ",
        "connectionstring",
        "certdata",
        "auth=",
        "auth\"",
    ])
});

/// Of which a text has one that looks like a secret somewhere.
static MARKS: LazyLock<AhoCorasick> = LazyLock::new(|| {
    any_of([
        "akia",
        "asia",
        "private key",
        "eyj",
        "ghp_",
        "gho_",
        "ghs_",
        "ghu_",
        "ghr_",
        "github_pat_",
        "glpat-",
        "xox",
        "sk_",
        "rk_",
        "aiza",
        "ya29.",
        "dapi",
        "npm_",
        "pypi-",
        "hf_",
        "sk-",
        "sg.",
        "hvs.",
        "shpat_",
        "age-secret-key-",
        "dckr_pat_",
        "iqoj",
        "fwog",
        "aqod",
        "fqog",
        "$apr1$",
        "$2a$",
        "$2b$",
        "$2y$",
        "$5$",
        "$6$",
        "$argon2",
    ])
});

fn shapes(text: &str) -> Option<String> {
    #[expect(clippy::unwrap_used, reason = "the pattern is constant and tested")]
    static SHAPES: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(
            r"(?x) \b(?:AKIA|ASIA)[A-Z0-9]{12,}
            | (?s:-----BEGIN\ [A-Z\ ]*PRIVATE\ KEY(?:\ BLOCK)?-----.*?(?:-----END\ [A-Z\ ]*PRIVATE\ KEY(?:\ BLOCK)?-----|$))
            | \beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]*)?
            | \bgh[opsur]_[A-Za-z0-9]{20,} | \bgithub_pat_\w{20,} | \bglpat-[\w-]{16,} | \bxox[abeoprs]-[\w-]{10,}
            | \b[rs]k_(?:live|test)_\w{10,} | \bAIza[\w-]{30,} | \bya29\.[\w-]{10,} | \bdapi[0-9a-f]{32}\b
            | \bnpm_[A-Za-z0-9]{30,} | \bpypi-[\w-]{16,} | \bhf_[A-Za-z0-9]{20,} | \bsk-[\w-]{24,}
            | \bSG\.[\w-]{16,}\.[\w-]{16,} | \bhvs\.[\w-]{20,} | \bshpat_[0-9a-f]{32} | \bAGE-SECRET-KEY-1[0-9A-Z]{20,}
            | \bdckr_pat_[\w-]{20,} | \b(?:IQoJ|FwoG|AQoD|FQoG)[A-Za-z0-9/+=]{40,}
            | \$(?:apr1|2[aby]|5|6|argon2id?)\$[^\s:]{8,}",
        )
        .unwrap()
    });
    replaced(&SHAPES, text, |_| MARK.to_owned())
}

/// Hides passwords in URLs and in the addresses of databases.
fn addresses(text: &str) -> Option<String> {
    #[expect(clippy::unwrap_used, reason = "the pattern is constant and tested")]
    static ADDRESSES: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r#"(?P<head>://[^/\s:@"']*:)(?P<password>[^\s"']*)@|(?P<oracle>jdbc:oracle:\w+:[^/@\s]*/)[^@\s]+@"#)
            .unwrap()
    });
    if !text.contains('@') {
        return None;
    }
    replaced(&ADDRESSES, text, |found| match (found.name("oracle"), found.name("head"), found.name("password")) {
        (Some(oracle), ..) => format!("{}{MARK}@", oracle.as_str()),
        (_, Some(head), Some(password)) => {
            // A port, and an `@` somewhere in the path behind it.
            let rest = password.as_str().trim_start_matches(|letter: char| letter.is_ascii_digit());
            if rest.starts_with(['/', '?', ',']) && rest.len() < password.as_str().len() {
                return found.get(0).map_or("", |whole| whole.as_str()).to_owned();
            }
            format!("{}{MARK}@", head.as_str())
        }
        _ => MARK.to_owned(),
    })
}

/// Hides what is set under the name of a secret inside a text: `password=…`, `--token …`, `"secret": "…"`.
fn assignments(text: &str) -> Option<String> {
    #[expect(clippy::unwrap_used, reason = "the pattern is constant and tested")]
    static ASSIGNMENTS: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(
            r#"(?x)
            (?P<scheme>(?i:\bbearer|authorization["']?\s*[:=]\s*["']?(?:basic|bearer|token)))\s+[A-Za-z0-9+/=_.~:-]{8,}
            | (?P<before>["'])(?P<quoted>[\w.\[\]-]+)= (?:[^"'\\]|\\.)* (?P<after>["'])
            | (?P<name>[\w.\[\]-]+) (?P<sign>\\?["']?\s*=\s*|\\?["']?\s*:\s+|\\?["']\s*:\s*) (?P<value>\\"(?:[^"\\]|\\[^"])*\\"|"(?:[^"\\]|\\.)*"|'[^']*'|[^\s&;,"'<>}\\]+)
            | (?P<flag>--?[\w.-]+)\s+ (?:"[^"]*"|'[^']*'|[^\s"'-][^\s"']*)"#,
        )
        .unwrap()
    });
    let secret =
        |name: &str| names_a_secret(name.trim_start_matches("-D")) || sets_a_variable(name.trim_start_matches('-'));
    let whole = |found: &Captures<'_>| found.get(0).map_or("", |whole| whole.as_str()).to_owned();
    replaced(&ASSIGNMENTS, text, |found| {
        if let (Some(name), Some(before), Some(after)) =
            (found.name("quoted"), found.name("before"), found.name("after"))
        {
            if secret(name.as_str()) {
                return format!("{}{}={MARK}{}", before.as_str(), name.as_str(), after.as_str());
            }
            // A quoted text of several settings, as a connection string is.
            let inside = found.get(0).map_or("", |whole| whole.as_str());
            let inner = inside.get(1..inside.len() - 1).unwrap_or_default();
            return format!("{}{}{}", before.as_str(), pairs(inner), after.as_str());
        }
        if let (Some(name), Some(sign), Some(value)) = (found.name("name"), found.name("sign"), found.name("value")) {
            let bare = value.as_str().trim_matches(['"', '\'', '\\']);
            if secret(name.as_str()) && !is_reference(bare) {
                let quote: &str = if value.as_str().starts_with("\\\"") {
                    "\\\""
                } else if value.as_str().starts_with('"') {
                    "\""
                } else {
                    ""
                };
                return format!("{}{}{quote}{MARK}{quote}", name.as_str(), sign.as_str());
            }
            // A setting whose value is a setting: `--conf=spark.x.password=…`, `value=password=…`.
            let inner = pairs(value.as_str());
            return format!("{}{}{inner}", name.as_str(), sign.as_str());
        }
        if let Some(flag) = found.name("flag") {
            let login = matches!(flag.as_str(), "-u" | "--user") && whole(found).contains(':');
            return if names_a_secret(flag.as_str()) || login {
                format!("{} {MARK}", flag.as_str())
            } else {
                // What follows may itself be a setting.
                let rest = whole(found).get(flag.as_str().len()..).unwrap_or_default().to_owned();
                format!("{}{}", flag.as_str(), assignments(&rest).unwrap_or(rest))
            };
        }
        found.name("scheme").map_or_else(|| whole(found), |scheme| format!("{} {MARK}", scheme.as_str()))
    })
}

/// Hides the secrets among `name=value` pairs.
fn pairs(text: &str) -> String {
    #[expect(clippy::unwrap_used, reason = "the pattern is constant and tested")]
    static PAIRS: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r#"(?P<name>[\w.\[\]-]+)=(?P<value>[^\s&;,"'<>]+(?:,[^\s=&;,"']+)*)"#).unwrap());
    let hidden = replaced(&PAIRS, text, |found| {
        let (name, value) = (
            found.name("name").map_or("", |name| name.as_str()),
            found.name("value").map_or("", |value| value.as_str()),
        );
        if (names_a_secret(name.trim_start_matches("-D")) || sets_a_variable(name)) && !is_reference(value) {
            format!("{name}={MARK}")
        } else if value.contains('=') {
            format!("{name}={}", if value.len() < text.len() { pairs(value) } else { value.to_owned() })
        } else {
            format!("{name}={value}")
        }
    });
    hidden.unwrap_or_else(|| text.to_owned())
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
    use serde_json::json;

    #[test]
    fn names_tell_secrets_from_what_is_about_them() {
        for (name, expected) in [
            ("password", true),
            ("dbPassword", true),
            ("spark.hadoop.fs.s3a.secret.key", true),
            ("spark.hadoop.fs.s3a.access.key", true),
            ("fs.azure.account.key.x.dfs.core.windows.net", true),
            ("javax.jdo.option.ConnectionPassword", true),
            ("--api-key", true),
            ("X-Amz-Security-Token", true),
            ("X-Amz-Signature", true),
            ("userTokenSOPS", true),
            ("KdcAdminPassword", true),
            ("secretName", false),
            ("credentials", false),
            ("tokenExpirationSeconds", false),
            ("eks.amazonaws.com/token-expiration", false),
            ("spark.hadoop.fs.s3a.aws.credentials.provider", false),
            ("HttpTokens", false),
            ("RoleName", false),
            ("spark.kubernetes.driver.secretKeyRef.DB", false),
            ("key", false),
            ("SecretId", false),
            ("a sentence about a password", false),
        ] {
            assert_eq!(names_a_secret(name), expected, "{name}");
        }
    }

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
    fn policies_keep_their_conditions() {
        let policy = json!({"AssumeRolePolicyDocument": {"Statement": [{"Condition": {
            "StringEquals": {"token.actions.githubusercontent.com:aud": "sts.amazonaws.com", "secretsmanager:ResourceTag/secret": "x"}}}]}});
        let mut redacted = policy.clone();
        redact(&mut redacted);
        assert_eq!(redacted, policy);
    }

    #[test]
    fn names_and_hashes_are_no_keys() {
        for name in [
            "SparkPilotEmrExecutionRoleForAnalytics01",
            "9e99a48a9960b14926bb7f3b02e22da2b0ab7280",
            "arn:aws:iam::787587782916:role/some-role",
        ] {
            assert!(!is_secret_key(name), "{name}");
        }
        assert!(is_secret_key("wJalrXUtnFEMI/K7MDENG/bPxRfiCYzEXAMPLEKE"));
    }
}
