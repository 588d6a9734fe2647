//! Placeholders: the places in written files that something else will fill.
//!
//! People write `${VAR}` for envsubst, `<ACCOUNT_ID>` and `{REGION}` for sed or for the reader,
//! `{{ name }}` for Jinja and its like, `%NAME%` for older scripts. Each is a hole with a name. Three
//! things look alike and are none: the templates of Helm, which are programs and not texts; tokens
//! that Spark, its operators or EKS replace at run time; and expansions of a shell inside a text.
//!
//! Two steps, because a placeholder may stop a text from parsing: [`set_aside`] changes the braces
//! around placeholders to characters that mean nothing, one for one, so that every line and column
//! stays where it was; [`holes`] finds the placeholders in the strings that come out.
//!
//! Deliberately absent: values. Nothing is looked up in an environment.

#![allow(dead_code, reason = "dispatch comes with the assembly of code")]

use super::code::{ACCOUNT, PARTITION, REGION};
use crate::known::{Part, Text};
use std::borrow::Cow;
use std::collections::BTreeSet;

/// How a placeholder is written, which tells who is going to fill it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Dialect {
    /// `${NAME}` and `$NAME`: envsubst, or the script around it.
    Shell,
    /// `{{ name }}`: a program that renders templates.
    Double,
    /// `<NAME>`, `{NAME}`, `%NAME%`, `YOUR_NAME`: sed, or whoever reads it.
    Hand,
}

/// A placeholder in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Placeholder<'t> {
    /// Where it begins, in bytes.
    pub(crate) start: usize,
    /// Where it ends.
    pub(crate) end: usize,
    /// Its name.
    pub(crate) name: &'t str,
    /// How it is written.
    pub(crate) dialect: Dialect,
}

/// The longest name of a placeholder.
const LONGEST: usize = 80;

/// What stands for the characters of placeholders that mean something to YAML.
const ASIDE: [(char, char); 5] =
    [('{', '\u{e000}'), ('}', '\u{e001}'), ('%', '\u{e002}'), ('\t', '\u{e003}'), ('@', '\u{e004}')];

/// Tokens that Spark, its operators, Karpenter or EKS fill at run time.
const AT_RUN_TIME: &[&str] = &[
    "SPARK_VERSION",
    "APP_ID",
    "EXECUTOR_ID",
    "SPARK_EXECUTOR_ID",
    "SPARK_APPLICATION_ID",
    "EC2PrivateDNSName",
    "SessionName",
    "SessionNameRaw",
    "AccountID",
    "AccessKeyID",
];

/// Whether the text is a template of Helm or of another language with actions, which only its own
/// program can read.
pub(crate) fn is_program(text: &str) -> bool {
    if text.contains("{%") && text.contains("%}") {
        return true;
    }
    text.match_indices("{{").any(|(at, _)| {
        let inside = text.get(at + 2..).unwrap_or_default().trim_start_matches('-').trim_start();
        let word = inside.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
        inside.starts_with(['.', '$', '/', '(', '"'])
            || matches!(
                word,
                "if" | "range"
                    | "with"
                    | "end"
                    | "else"
                    | "include"
                    | "template"
                    | "define"
                    | "block"
                    | "toYaml"
                    | "tpl"
                    | "required"
                    | "default"
                    | "quote"
                    | "printf"
                    | "lookup"
                    | "fail"
            )
    })
}

/// The text with the braces around placeholders replaced, character by character.
pub(crate) fn set_aside(text: &str) -> Cow<'_, str> {
    let json = text.trim_start().starts_with(['{', '[']) && text.contains("\n\t");
    if !json && !text.contains(['{', '%', '@']) {
        return Cow::Borrowed(text);
    }
    let mut out: Option<String> = None;
    let mut done = 0;
    for found in scan(text) {
        let Some(raw) = text.get(found.start..found.end) else { continue };
        if !raw.contains(['{', '%', '@']) {
            continue;
        }
        let out = out.get_or_insert_with(|| String::with_capacity(text.len() + 64));
        out.push_str(text.get(done..found.start).unwrap_or_default());
        out.extend(raw.chars().map(|c| ASIDE.iter().find(|(from, _)| *from == c).map_or(c, |(_, to)| *to)));
        done = found.end;
    }
    let mut out = match out {
        Some(mut out) => {
            out.push_str(text.get(done..).unwrap_or_default());
            Cow::Owned(out)
        }
        None => Cow::Borrowed(text),
    };
    if json {
        out = Cow::Owned(out.replace('\t', " "));
    }
    out
}

/// What was set aside, as it was written.
pub(crate) fn restore(text: &str) -> Cow<'_, str> {
    // All of them begin with this byte.
    if !text.as_bytes().contains(&0xee) || !text.contains(|c: char| ('\u{e000}'..='\u{e004}').contains(&c)) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().map(|c| ASIDE.iter().find(|(_, to)| *to == c).map_or(c, |(from, _)| *from)).collect())
}

/// The placeholders of a text, in order and without overlap.
pub(crate) fn scan(text: &str) -> Vec<Placeholder<'_>> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    // What is closed again is an element of XML.
    let closed: BTreeSet<&str> = if bytes.contains(&b'<') {
        text.split("</").skip(1).filter_map(|tail| tail.split_once('>').map(|(name, _)| name.trim())).collect()
    } else {
        BTreeSet::new()
    };
    while let Some(byte) = bytes.get(at) {
        let one = match byte {
            b'$' => shell(text, at),
            b'{' if bytes.get(at + 1) == Some(&b'{') => {
                let double = double(text, at);
                if double.is_none() {
                    // What is in double braces and no placeholder is passed over whole.
                    at += text.get(at..).and_then(|rest| rest.get(..LONGEST.min(rest.len()))?.find("}}")).unwrap_or(1);
                }
                double
            }
            // `\${NAME}` and `$${NAME}` are for a shell that comes later.
            b'{' if at > 0 && bytes.get(at - 1) == Some(&b'$') => None,
            b'{' => enclosed(text, at, '}', is_capitals),
            b'<' if at == 0 || bytes.get(at - 1) != Some(&b'<') => {
                enclosed(text, at, '>', is_angle_name).filter(|one| !closed.contains(one.name))
            }
            b'%' => {
                enclosed(text, at, '%', is_percent_name).filter(|one| is_capitals(one.name) || stands_free(text, one))
            }
            b'Y' | b'y' | b'R' | b'C' | b'x' | b'X' if !follows_word(bytes, at) => word(text, at),
            _ => None,
        };
        match one {
            Some(one) => {
                at = one.end.max(at + 1);
                found.push(one);
            }
            None => at += 1,
        }
    }
    found
}

fn follows_word(bytes: &[u8], at: usize) -> bool {
    at.checked_sub(1)
        .and_then(|before| bytes.get(before))
        .is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
}

/// `${NAME}`, `${NAME:-default}`, `$NAME`.
fn shell(text: &str, at: usize) -> Option<Placeholder<'_>> {
    let bytes = text.as_bytes();
    if at > 0 && matches!(bytes.get(at - 1), Some(b'$' | b'\\')) {
        return None;
    }
    let rest = text.get(at + 1..)?;
    if let Some(inside) = rest.strip_prefix('{') {
        let name = identifier(inside);
        let after = inside.get(name.len()..)?;
        let end = after.char_indices().take(LONGEST).find(|(_, c)| matches!(c, '}' | '{' | '\n'))?;
        let plain =
            after.starts_with('}') || after.starts_with(":-") || after.starts_with(":=") || after.starts_with('-');
        if name.is_empty() || name.len() > LONGEST || end.1 != '}' || !plain {
            return None;
        }
        let end = at + 2 + name.len() + end.0 + 1;
        return Some(Placeholder { start: at, end, name, dialect: Dialect::Shell });
    }
    let name = identifier(rest);
    // `$1`, `$request`, `$host`: of nginx, of regular expressions, of programs inside texts.
    let capitals = name.len() > 1
        && name.len() <= LONGEST
        && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
    capitals.then(|| Placeholder { start: at, end: at + 1 + name.len(), name, dialect: Dialect::Shell })
}

fn identifier(text: &str) -> &str {
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(text.len());
    let name = text.get(..end).unwrap_or_default();
    if name.starts_with(|c: char| c.is_ascii_digit()) { "" } else { name }
}

/// `{{ name }}`.
fn double(text: &str, at: usize) -> Option<Placeholder<'_>> {
    let inside = text.get(at + 2..)?;
    let close = inside.char_indices().take(LONGEST).find(|(_, c)| matches!(c, '}' | '{' | '\n'))?;
    if close.1 != '}' || !inside.get(close.0..)?.starts_with("}}") {
        return None;
    }
    let name = inside.get(..close.0)?.trim();
    let is_name = !name.is_empty()
        && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'));
    if !is_name || AT_RUN_TIME.contains(&name) || name == "num" {
        return None;
    }
    Some(Placeholder { start: at, end: at + 2 + close.0 + 2, name, dialect: Dialect::Double })
}

/// A name between two characters.
fn enclosed(text: &str, at: usize, close: char, is_name: fn(&str) -> bool) -> Option<Placeholder<'_>> {
    let inside = text.get(at + 1..)?;
    let end = inside.char_indices().take(LONGEST).find(|(_, c)| matches!(c, '}' | '>' | '%' | '<' | '{' | '\n'))?;
    let name = inside.get(..end.0)?;
    if end.1 != close || !is_name(name) {
        return None;
    }
    Some(Placeholder { start: at, end: at + 1 + end.0 + 1, name, dialect: Dialect::Hand })
}

/// Where the placeholder ends that begins with this angle bracket.
pub(crate) fn angle(text: &str, at: usize) -> Option<usize> {
    enclosed(text, at, '>', is_angle_name).map(|found| found.end)
}

fn is_capitals(name: &str) -> bool {
    name.len() >= 3
        && name.starts_with(|c: char| c.is_ascii_uppercase())
        && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
        && !AT_RUN_TIME.contains(&name)
}

/// A name of older scripts, also in small letters.
fn is_percent_name(name: &str) -> bool {
    is_capitals(name)
        || (name.len() >= 3
            && name.starts_with(|c: char| c.is_ascii_alphabetic())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'))
}

/// Whether percent signs enclose a name, and are not those of a pattern of SQL or of a logger's layout.
fn stands_free(text: &str, one: &Placeholder<'_>) -> bool {
    let bytes = text.as_bytes();
    // No more than the word before, however long the line is.
    let before = bytes.get(one.start.saturating_sub(8)..one.start).unwrap_or_default();
    let quotes = before.iter().rev().take_while(|byte| matches!(byte, b' ' | b'\'' | b'"' | b'\\')).count();
    let before = before.get(..before.len() - quotes).unwrap_or_default();
    let like = before.len().checked_sub(4).and_then(|at| before.get(at..));
    !follows_word(bytes, one.start)
        && bytes.get(one.end).is_none_or(|byte| !byte.is_ascii_alphanumeric() && !matches!(byte, b'_' | b'%'))
        && !like.is_some_and(|word| word.eq_ignore_ascii_case(b"like"))
}

/// Words that stand alone between angle brackets for a thing, and not for a tag of HTML.
const THINGS: &[&str] = &[
    "account",
    "accountid",
    "region",
    "bucket",
    "cluster",
    "namespace",
    "role",
    "name",
    "id",
    "user",
    "version",
    "virtualclusterid",
    "rolearn",
    "partition",
    "prefix",
    "value",
    "yourbucket",
    "bucketname",
    "clustername",
    "path",
];

fn is_angle_name(name: &str) -> bool {
    let shape = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | ' ' | '.'))
        && !name.ends_with(' ');
    shape
        && (name.contains(['_', '-'])
            || name.contains(' ') && name.split(' ').all(|word| word.chars().all(|c| c.is_ascii_alphanumeric()))
            || (name.len() >= 2 && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit()))
            || THINGS.contains(&name.to_ascii_lowercase().as_str()))
}

/// `YOUR_BUCKET`, `your-account-id`, `REPLACE_ME`, `CHANGEME`, `xxxxxxxxxxxx`.
fn word(text: &str, at: usize) -> Option<Placeholder<'_>> {
    let rest = text.get(at..)?;
    let end = rest
        .char_indices()
        .take(LONGEST + 1)
        .find(|(_, c)| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-')))
        .map_or(rest.len(), |(end, _)| end);
    let name = rest.get(..end).filter(|name| name.len() <= LONGEST)?;
    let is = ["YOUR_", "YOUR-", "your-", "your_", "REPLACE_", "REPLACE-", "CHANGE_ME", "CHANGEME", "REPLACEME"]
        .iter()
        .any(|start| name.starts_with(start))
        || (name.len() >= 6 && (name.bytes().all(|byte| byte == b'x') || name.bytes().all(|byte| byte == b'X')));
    is.then_some(Placeholder { start: at, end: at + end, name, dialect: Dialect::Hand })
}

/// Domains that are kept for documentation, and belong to nobody (RFC 2606).
const NOBODYS: [&str; 3] = ["example.com", "example.org", "example.net"];

/// A host in a text that nobody can reach: one of documentation, or the imitation of AWS in tests.
pub(crate) fn stand_in(text: &str) -> Option<&str> {
    if text.len() > LONGEST * 5 || text.contains('\n') || !(text.contains("example.") || text.contains("localstack")) {
        return None;
    }
    let of_host = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    let whole = |domain: &str| {
        let start = text.find(domain)?;
        let end = start + domain.len();
        let (before, after) = (text.get(..start)?, text.get(end..)?);
        // `example.com/team` without a scheme is a key of Kubernetes.
        let ends = !after.starts_with(of_host) && (!after.starts_with('/') || before.contains("://"));
        let first = before.trim_end_matches(of_host).len();
        let host = text.get(first..end)?;
        (ends && (host == domain || host.ends_with(&format!(".{domain}")))).then_some(host)
    };
    NOBODYS.iter().find_map(|domain| whole(domain)).or_else(|| {
        let (_, host) = text.split_once("://")?;
        host.get(.."localstack".len()).filter(|host| *host == "localstack")
    })
}

/// The text with its placeholders as holes; `None` where it has none.
pub(crate) fn holes(text: &str) -> Option<Text> {
    let found = scan(text);
    if found.is_empty() {
        return None;
    }
    let mut parts = Vec::with_capacity(found.len() * 2 + 1);
    let mut done = 0;
    for one in found {
        parts.push(Part::Literal(text.get(done..one.start).unwrap_or_default().to_owned()));
        parts.push(Part::Hole(hole_name(one.name).to_owned()));
        done = one.end;
    }
    parts.push(Part::Literal(text.get(done..).unwrap_or_default().to_owned()));
    Some(Text::from_parts(parts))
}

/// The name of a hole: that of the change's account, region and partition, however a file calls them.
pub(crate) fn hole_name(name: &str) -> &str {
    let plain: String = name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    let plain = plain.strip_prefix("your").unwrap_or(&plain);
    match plain.strip_prefix("aws").unwrap_or(plain) {
        "account" | "accountid" | "accountnumber" | "accountno" => ACCOUNT,
        "region" | "defaultregion" | "regionname" => REGION,
        "partition" => PARTITION,
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dialects_and_what_looks_alike() {
        for (text, expected) in [
            ("arn:aws:iam::${ACCOUNT_ID}:role/x", "arn:aws:iam::${account}:role/x"),
            ("s3://$BUCKET_NAME/logs", "s3://${BUCKET_NAME}/logs"),
            ("${STAGE:-dev}-jobs", "${STAGE}-jobs"),
            ("<ECR_ACCOUNT>.dkr.ecr.<AWS_REGION>.amazonaws.com", "${ECR_ACCOUNT}.dkr.ecr.${region}.amazonaws.com"),
            ("s3://<your-bucket>/x", "s3://${your-bucket}/x"),
            ("arn:aws:iam::{ACCOUNT_ID}:policy/p", "arn:aws:iam::${account}:policy/p"),
            ("{{ namespace }}-{{ROLE}}", "${namespace}-${ROLE}"),
            ("%CLUSTER%", "${CLUSTER}"),
            ("%clustername%", "${clustername}"),
            ("%public_az_0%:", "${public_az_0}:"),
            ("arn:aws:iam::%account%:role/%role_name%", "arn:aws:iam::${account}:role/${role_name}"),
            ("s3://YOUR_BUCKET/x", "s3://${YOUR_BUCKET}/x"),
            ("arn:aws:iam::xxxxxxxxxxxx:role/r", "arn:aws:iam::${xxxxxxxxxxxx}:role/r"),
        ] {
            assert_eq!(holes(text).unwrap().to_string(), expected, "{text}");
        }
        for text in [
            "apache/spark:{{SPARK_VERSION}}-scala",
            "{spark-application-resource-name}",
            "sub_filter '/{{num}}/jobs/' '/jobs/';",
            "sub_filter '<head>' '<head> <base href=\"/x/\">'",
            "system:node:{{EC2PrivateDNSName}}",
            "secret$$$1",
            "http://$host/$2",
            "for DEV in /dev/nvme[1-9]n1;do echo $((IDX + 1)); done",
            "100% of 5% x",
            "SELECT * FROM t WHERE name LIKE '%error%'",
            "%d %level%msg%n",
            "%d{HH:mm} %-5level %logger%n",
            "List<String>",
            "<name>fs.s3.impl</name> <value></value>",
            "a < b and c > d",
        ] {
            assert_eq!(holes(text), None, "{text}");
        }
    }

    #[test]
    fn hosts_that_nobody_reaches() {
        for (text, expected) in [
            ("bpg.values.example.com", Some("bpg.values.example.com")),
            ("https://example.org/path", Some("example.org")),
            ("thrift://hive.example.net:9083", Some("hive.example.net")),
            ("http://localstack:4566", Some("localstack")),
            ("example.com/dedicated", None),
            ("https://counterexample.com", None),
            ("https://example.com.evil.io", None),
            ("https://gateway.mysparks.io", None),
        ] {
            assert_eq!(stand_in(text), expected, "{text}");
        }
    }

    #[test]
    fn programs_are_told_apart() {
        for (text, expected) in [
            ("name: {{ .Values.name }}", true),
            ("{{- if .x }}", true),
            ("{{ include \"a\" . }}", true),
            ("{% for x in y %}{% endfor %}", true),
            ("name: {{ name }}", false),
            ("image: a:{{SPARK_VERSION}}", false),
        ] {
            assert_eq!(is_program(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_set_aside_keeps_its_place() {
        let text = "zones: [{REGION}\"a\", ${B}]\nname: {{ cluster }}\nn: %COUNT%\n";
        let aside = set_aside(text);
        assert_eq!(aside.chars().count(), text.chars().count());
        assert_eq!(restore(&aside), text);
        let (documents, fault) = crate::read::yaml::documents(&aside);
        assert_eq!(fault, None);
        assert_eq!(restore(documents[0]["zones"][0].as_str().unwrap()), "{REGION}\"a\"");
        assert_eq!(restore(documents[0]["name"].as_str().unwrap()), "{{ cluster }}");
        assert!(matches!(set_aside("a: {b: c}"), Cow::Borrowed(_)));
    }

    #[test]
    fn long_and_broken_texts_end() {
        for text in ["${", "{{", "<", "%", "{{{{{{", "${A", "<A", "%A", "%abc% ", "%abc%%"] {
            let long = text.repeat(50_000);
            assert!(scan(&long).len() <= 50_000);
            assert_eq!(restore(&set_aside(&long)), long.as_str());
        }
    }
}
