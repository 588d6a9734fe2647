//! Secrets in texts that set something: `password=…`, `--token …`, `"secret": "…"`.
//!
//! Texts are searched for settings only where a word of [`NAMES`] stands in the name of one: in most, it stands
//! in an ARN or in the name of an action.

use super::name::{is_reference, may_end_a_name, names_a_secret, sets_a_variable};
use super::words::Words;
use super::{MARK, holds_a_name, replaced};
use regex_lite::{Captures, Regex};
use std::sync::LazyLock;

/// Of which a text has one that names a secret somewhere.
pub(super) const NAMES: [&str; 20] = [
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
    "connectionstring",
    "certdata",
    "auth",
    "authorization",
    "bearer ",
    "--user ",
    "-u ",
];

/// The last of them, after which the secret stands without a sign between.
const BARE: usize = 4;

/// Whether the word of this number stands in names, which a sign follows.
pub(super) fn has_a_sign(number: usize) -> bool {
    number < NAMES.len() - BARE
}

/// Whether the word of this number, at this place, may be one of a name that is set; and where its name ends.
/// Where it says no, [`assignments`] changes nothing for its sake.
pub(super) fn may_set(text: &str, at: usize, number: usize) -> (bool, usize) {
    if !has_a_sign(number) {
        return (true, at);
    }
    let bytes = text.as_bytes();
    let of_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'[' | b']' | b'-');
    let before = bytes.get(..at).unwrap_or_default().iter().rev().take_while(|byte| of_name(byte)).count();
    let after = bytes.get(at..).unwrap_or_default().iter().take_while(|byte| of_name(byte)).count();
    let (start, end) = (at - before, at + after);
    let sign = match bytes.get(end) {
        Some(b'=' | b'\\' | b'"' | b'\'' | b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c) => true,
        Some(b':') => bytes.get(end + 1).is_some_and(|byte| byte.is_ascii_whitespace() || *byte == 0x0b),
        _ => false,
    };
    let name = text.get(start..end).unwrap_or_default();
    let variable = name.find("spark.").is_some_and(|from| sets_a_variable(name.get(from..).unwrap_or_default()));
    (sign && (variable || may_end_a_name(name)), end)
}

/// Whether settings may be nested so deeply in a text that a word of [`NAMES`] alone hides the rest of them.
pub(super) fn is_deep(text: &str) -> bool {
    text.bytes().filter(|byte| *byte == b'=').nth(DEPTH).is_some()
}

/// Hides what is set under the name of a secret inside a text: `password=…`, `--token …`, `"secret": "…"`.
pub(super) fn assignments(text: &str) -> Option<String> {
    #[expect(clippy::unwrap_used, reason = "the pattern is constant and tested")]
    static ASSIGNMENTS: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(
            r#"(?x)
            (?P<scheme>(?i:\bbearer|authorization["']?\s*[:=]\s*["']?(?:basic|bearer|token)))\s+[A-Za-z0-9+/=_.~:-]{8,}
            | (?P<before>["'])(?P<quoted>[\w.\[\]-]+)= (?:[^"'\\]|\\.)* (?P<after>["'])
            | (?P<name>[\w.\[\]-]+) (?P<sign>\\?["']?\s*=\s*|\\?["']?\s*:\s+|\\?["']\s*:\s*) (?P<value>\\"(?:[^"\\]|\\[^"])*\\"|"(?:[^"\\]|\\.)*"|'[^']*'|(?:(?i:basic|bearer|digest|token)\s+)?[^\s&;,"'<>}\\]+)
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
            return format!("{}{}{}", before.as_str(), pairs(inner, DEPTH), after.as_str());
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
            let inner = pairs(value.as_str(), DEPTH);
            return format!("{}{}{inner}", name.as_str(), sign.as_str());
        }
        if let Some(flag) = found.name("flag") {
            let login = matches!(flag.as_str(), "-u" | "--user") && whole(found).contains(':');
            return if names_a_secret(flag.as_str()) || login {
                format!("{} {MARK}", flag.as_str())
            } else {
                // What follows may itself be a setting.
                let rest = whole(found).get(flag.as_str().len()..).unwrap_or_default().to_owned();
                let hidden = if may_be_set(&rest) { assignments(&rest) } else { None };
                format!("{}{}", flag.as_str(), hidden.unwrap_or(rest))
            };
        }
        found.name("scheme").map_or_else(|| whole(found), |scheme| format!("{} {MARK}", scheme.as_str()))
    })
}

/// Whether anything in a part of a text may be hidden: without one of these, no name is that of a secret.
fn may_be_set(text: &str) -> bool {
    static ANY: Words = Words::of(&[
        "pass", "pwd", "secret", "token", "cred", "key", "sig", "auth", "cert", "string", "env.", "bearer",
    ]);
    ANY.in_text(text) || text.contains("-u")
}

/// How often a value may be a setting that has a setting as its value.
const DEPTH: usize = 4;

/// Hides the secrets among `name=value` pairs.
fn pairs(text: &str, depth: usize) -> String {
    #[expect(clippy::unwrap_used, reason = "the pattern is constant and tested")]
    static PAIRS: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r#"(?P<name>[\w.\[\]-]+)=(?P<value>[^\s&;,"'<>]+(?:,[^\s=&;,"']+)*)"#).unwrap());
    if !may_be_set(text) {
        return text.to_owned();
    }
    let hidden = replaced(&PAIRS, text, |found| {
        let (name, value) = (
            found.name("name").map_or("", |name| name.as_str()),
            found.name("value").map_or("", |value| value.as_str()),
        );
        if (names_a_secret(name.trim_start_matches("-D")) || sets_a_variable(name)) && !is_reference(value) {
            format!("{name}={MARK}")
        } else if value.contains('=') {
            let inner = match depth.checked_sub(1) {
                Some(depth) => pairs(value, depth),
                None if holds_a_name(value) => MARK.to_owned(),
                None => value.to_owned(),
            };
            format!("{name}={inner}")
        } else {
            format!("{name}={value}")
        }
    });
    hidden.unwrap_or_else(|| text.to_owned())
}
