//! The session: variables of an environment, from `.env` files, the output of `env`, and PowerShell.
//!
//! Only names that rules read keep their values; names and values that look secret never do.

use crate::known::{Part, Text, Unknown};
use regex_lite::Regex;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// The variables that a text sets, and how many lines of it do something else.
fn assignments(text: &str) -> (Vec<(&str, &str, bool)>, usize) {
    let mut found = Vec::new();
    let mut others = 0;
    for line in text.lines() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        match assignment(line) {
            Some(variable) => found.push(variable),
            None => others += 1,
        }
    }
    (found, others)
}

/// Name, value as written, and whether PowerShell wrote it.
pub(crate) fn assignment(line: &str) -> Option<(&str, &str, bool)> {
    let line = line.trim();
    let shell = line.get(..5).filter(|head| head.eq_ignore_ascii_case("$env:")).and_then(|_| line.get(5..));
    let plain = line.strip_prefix("export ").or_else(|| line.strip_prefix("set ")).unwrap_or(line);
    let (name, value) = shell.unwrap_or(plain).split_once('=')?;
    let name = name.trim();
    let fits = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
    fits.then_some((name, value.trim(), shell.is_some()))
}

/// A line as it may be shown: without its password, and without its value where that is a secret.
pub(crate) fn shown(line: &str) -> String {
    let Some((_, value, _)) = assignment(line) else { return line.to_owned() };
    let open = if looks_secret(value) { "***".to_owned() } else { mask(value) };
    let head = line.trim_end().strip_suffix(value).unwrap_or_default();
    format!("{head}{open}")
}

/// The variables to keep, if the text is an environment at all; `certain` if its name says that it is.
pub(crate) fn variables(text: &str, certain: bool) -> Option<Vec<(String, Value)>> {
    let (found, others) = assignments(text);
    let ours = found.iter().any(|(name, ..)| kept(name) || name.starts_with("AWS_"));
    if !ours || (!certain && others > found.len() / 4) {
        return None;
    }
    let mut variables: BTreeMap<String, Value> = BTreeMap::new();
    for (name, value, powershell) in found {
        // The last assignment is the one that counts.
        if kept(name) {
            variables.insert(name.to_owned(), read(value, powershell));
        }
    }
    Some(variables.into_iter().collect())
}

/// Whether rules read a variable of this name.
fn kept(name: &str) -> bool {
    if matches!(name, "AWS_REGION" | "AWS_DEFAULT_REGION" | "AWS_PROFILE") {
        return true;
    }
    let secret = ["TOKEN", "SECRET", "PASSWORD", "PASSWD", "KEY", "CREDENTIAL"];
    name.starts_with("SPARKPILOT_") && !secret.iter().any(|word| name.contains(word))
}

/// The value that an assignment gives: quotes off, passwords out, references to other variables as holes.
fn read(written: &str, powershell: bool) -> Value {
    let quote = written.chars().next().filter(|first| matches!(first, '"' | '\''));
    let (inner, literal) = match quote {
        Some(quote) => {
            let rest = written.get(1..).unwrap_or_default();
            (rest.split(quote).next().unwrap_or_default(), quote == '\'')
        }
        // A comment after an unquoted value begins with a blank.
        None => (written.split(" #").next().unwrap_or_default().trim_end(), false),
    };
    if looks_secret(inner) {
        let why = "it looks like a secret and was not kept".to_owned();
        return Unknown { why, unblock: None }.to_value();
    }
    let masked = mask(inner);
    if literal || !masked.contains(['$', '`']) {
        return Value::String(masked);
    }
    holes(&masked, powershell).to_value()
}

/// Whether a value is a credential, whatever its name.
fn looks_secret(value: &str) -> bool {
    #[expect(clippy::unwrap_used, reason = "the pattern is constant and tested")]
    static SECRET: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"\b(?:AKIA|ASIA)[A-Z0-9]{12,}|-----BEGIN|\beyJ[A-Za-z0-9_-]{8,}\.").unwrap());
    SECRET.is_match(value)
}

/// A URL without its password.
fn mask(value: &str) -> String {
    let Some((scheme, rest)) = value.split_once("://") else { return value.to_owned() };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    // A password may hold any of these marks unescaped; the last `@` before a host ends it.
    let authority = rest.get(..end).filter(|authority| authority.contains('@')).unwrap_or(rest);
    let Some((user, _)) = authority.rsplit_once('@') else { return value.to_owned() };
    let Some((name, _)) = user.split_once(':') else { return value.to_owned() };
    let host = rest.get(user.len() + 1..).unwrap_or_default();
    format!("{scheme}://{name}:***@{host}")
}

/// The text with a hole for each variable that stands in it.
fn holes(text: &str, powershell: bool) -> Text {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(['$', '`']) {
        let (head, tail) = rest.split_at(at);
        parts.push(Part::Literal(head.to_owned()));
        if tail.starts_with('`') && powershell {
            // PowerShell's escape: the next character is meant as it is.
            let mut letters = tail.chars();
            letters.next();
            parts.push(Part::Literal(letters.next().map(String::from).unwrap_or_default()));
            rest = letters.as_str();
            continue;
        }
        let (name, length) = reference(tail);
        if length == 0 {
            parts.push(Part::Literal(tail.chars().take(1).collect()));
            rest = tail.get(1..).unwrap_or_default();
        } else {
            parts.push(Part::Hole(name));
            rest = tail.get(length..).unwrap_or_default();
        }
    }
    parts.push(Part::Literal(rest.to_owned()));
    Text::from_parts(parts)
}

/// The variable or command that a text begins with, and how many bytes it takes.
fn reference(text: &str) -> (String, usize) {
    for (open, close) in [("${", '}'), ("$(", ')'), ("`", '`')] {
        if let Some(inner) = text.strip_prefix(open) {
            return match inner.find(close) {
                Some(end) => {
                    let name = inner.get(..end).unwrap_or_default();
                    (name.trim_start_matches("env:").to_owned(), open.len() + end + 1)
                }
                None => (inner.to_owned(), text.len()),
            };
        }
    }
    let inner = text.get(1..).unwrap_or_default();
    let name = inner.strip_prefix("env:").unwrap_or(inner);
    let end = name.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_').unwrap_or(name.len());
    match name.get(..end) {
        Some(word) if !word.is_empty() => (word.to_owned(), 1 + inner.len() - name.len() + end),
        _ => (String::new(), 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn one(text: &str) -> Value {
        variables(text, true).unwrap().pop().unwrap().1
    }

    #[test]
    fn reads_the_ways_in_which_variables_are_set() {
        for (text, expected) in [
            ("SPARKPILOT_DRY_RUN_MODE=true", json!("true")),
            ("export SPARKPILOT_DRY_RUN_MODE=\"true\" # comment", json!("true")),
            ("$env:SPARKPILOT_DRY_RUN_MODE = 'true'", json!("true")),
            ("$Env:SPARKPILOT_X=\"a\"", json!("a")),
            ("SPARKPILOT_X=a#b # c", json!("a#b")),
            ("SPARKPILOT_X=", json!("")),
            ("SPARKPILOT_X='a$b'", json!("a$b")),
            (
                "SPARKPILOT_X=arn:aws:iam::${ACCOUNT}:role/x",
                json!({"$text": ["arn:aws:iam::", {"$unknown": "ACCOUNT"}, ":role/x"]}),
            ),
            (
                "$env:SPARKPILOT_X=\"a-$env:B-$(date)\"",
                json!({"$text": ["a-", {"$unknown": "B"}, "-", {"$unknown": "date"}]}),
            ),
            ("SPARKPILOT_DATABASE_URL=postgresql://me:p@ss$w@db:5432/x", json!("postgresql://me:***@db:5432/x")),
            ("SPARKPILOT_DATABASE_URL=postgresql+psycopg://me:a/b@db/x", json!("postgresql+psycopg://me:***@db/x")),
            ("SPARKPILOT_DATABASE_URL=sqlite:///./sparkpilot.db", json!("sqlite:///./sparkpilot.db")),
            ("SPARKPILOT_X=ASIAABCDEFGHIJKLMNOP", json!({"$unknown": "it looks like a secret and was not kept"})),
            ("AWS_REGION=us-east-1\nAWS_REGION=eu-west-1", json!("eu-west-1")),
        ] {
            assert_eq!(one(text), expected, "{text}");
        }
    }

    #[test]
    fn keeps_only_what_rules_read() {
        let text = "HOME=/root\nSPARKPILOT_API_TOKEN=t\nAWS_SECRET_ACCESS_KEY=s\nSPARKPILOT_ENVIRONMENT=dev\n";
        assert_eq!(variables(text, false), Some(vec![("SPARKPILOT_ENVIRONMENT".into(), json!("dev"))]));
        assert_eq!(variables("A=1\nB=2", true), None);
        assert_eq!(variables("SPARKPILOT_X=1\nsome\nprose\nhere", false), None);
    }
}
