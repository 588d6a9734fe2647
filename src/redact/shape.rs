//! What is a secret by its shape: keys of clouds and forges, private keys, tokens, passwords in addresses.
//!
//! A text is searched for its shapes only where one begins as it should, with as many characters behind it as
//! it has at least: `task-` is no `sk-`.

use super::{MARK, replaced};
use regex_lite::Regex;
use std::sync::LazyLock;

/// How a shape begins.
pub(super) struct Shape {
    /// What it begins with.
    pub(super) head: &'static str,
    /// No letter, digit or underscore stands before it.
    word: bool,
    /// Of what the rest is.
    of: fn(u8) -> bool,
    /// How much of it there is, in bytes.
    least: usize,
}

/// Whatever [`shapes`] finds begins as one of these.
pub(super) const SHAPES: [Shape; 39] = [
    word("AKIA", capital, 12),
    word("ASIA", capital, 12),
    Shape { head: "PRIVATE KEY", word: false, of: any, least: 0 },
    word("eyJ", dashed, 8),
    word("ghp_", alphanumeric, 20),
    word("gho_", alphanumeric, 20),
    word("ghs_", alphanumeric, 20),
    word("ghu_", alphanumeric, 20),
    word("ghr_", alphanumeric, 20),
    word("github_pat_", dashed, 20),
    word("glpat-", dashed, 16),
    word("xox", dashed, 12),
    word("sk_live_", dashed, 10),
    word("sk_test_", dashed, 10),
    word("rk_live_", dashed, 10),
    word("rk_test_", dashed, 10),
    word("AIza", dashed, 30),
    word("ya29.", dashed, 10),
    word("dapi", alphanumeric, 32),
    word("npm_", alphanumeric, 30),
    word("pypi-", dashed, 16),
    word("hf_", alphanumeric, 20),
    word("sk-", dashed, 24),
    word("SG.", dashed, 16),
    word("hvs.", dashed, 20),
    word("shpat_", alphanumeric, 32),
    word("AGE-SECRET-KEY-1", capital, 20),
    word("dckr_pat_", dashed, 20),
    word("IQoJ", base64, 40),
    word("FwoG", base64, 40),
    word("AQoD", base64, 40),
    word("FQoG", base64, 40),
    hash("$apr1$"),
    hash("$2a$"),
    hash("$2b$"),
    hash("$2y$"),
    hash("$5$"),
    hash("$6$"),
    hash("$argon2"),
];

const fn word(head: &'static str, of: fn(u8) -> bool, least: usize) -> Shape {
    Shape { head, word: true, of, least }
}

const fn hash(head: &'static str) -> Shape {
    Shape { head, word: false, of: any, least: 8 }
}

fn capital(byte: u8) -> bool {
    byte.is_ascii_uppercase() || byte.is_ascii_digit()
}

fn alphanumeric(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
}

fn dashed(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

fn base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'+' | b'=')
}

fn any(_: u8) -> bool {
    true
}

impl Shape {
    /// Whether it may begin here; where this says no, [`shapes`] finds none of it.
    pub(super) fn begins(&self, text: &[u8], at: usize) -> bool {
        let before = at.checked_sub(1).and_then(|before| text.get(before));
        let rest = text.get(at..).and_then(|rest| rest.strip_prefix(self.head.as_bytes()));
        !(self.word && before.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_'))
            && rest.and_then(|rest| rest.get(..self.least)).is_some_and(|rest| rest.iter().all(|byte| (self.of)(*byte)))
    }
}

/// Takes out of a text what looks like a secret, whatever stands before it.
pub(super) fn shapes(text: &str) -> Option<String> {
    #[expect(clippy::unwrap_used, reason = "the pattern is constant and tested")]
    static PATTERN: LazyLock<Regex> = LazyLock::new(|| {
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
    replaced(&PATTERN, text, |_| MARK.to_owned())
}

/// Hides passwords in URLs and in the addresses of databases.
pub(super) fn addresses(text: &str) -> Option<String> {
    #[expect(clippy::unwrap_used, reason = "the pattern is constant and tested")]
    static ADDRESSES: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r#"(?P<head>://[^/\s:@"']*:)(?P<password>[^\s"']*)@|(?P<oracle>jdbc:oracle:\w+:[^/@\s]*/)[^@\s]+@"#)
            .unwrap()
    });
    if !text.contains('@') || !(text.contains("://") || text.contains("jdbc:oracle:")) {
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

/// The length of a secret access key.
const KEY: usize = 40;

/// The secret access keys in a text.
pub(super) fn secret_keys(text: &str) -> Vec<&str> {
    // One that stands alone covers a byte of any forty.
    let bytes = text.as_bytes();
    let of_key = |byte: &u8| class(*byte) != 0;
    let stands = |at: &usize| {
        let (before, rest) = bytes.split_at_checked(*at).unwrap_or_default();
        let before = before.iter().rev().take(KEY).take_while(|byte| of_key(byte)).count();
        let rest = rest.iter().take(KEY + 1).take_while(|byte| of_key(byte)).count();
        rest > 0 && before + rest == KEY
    };
    if !(KEY - 1..bytes.len()).step_by(KEY).any(|at| stands(&at)) {
        return Vec::new();
    }
    let between = |letter: char| letter.is_whitespace() || matches!(letter, '"' | '\'' | '=' | ',' | ';' | '&');
    text.split(between).filter(|part| is_secret_key(part)).collect()
}

/// Of which kind a byte of a secret access key is; 0 where it is of none.
fn class(byte: u8) -> u8 {
    match byte {
        b'A'..=b'Z' => 1,
        b'a'..=b'z' => 2,
        b'0'..=b'9' => 3,
        b'/' | b'+' => 4,
        _ => 0,
    }
}

/// Whether a text looks like a secret access key: forty random letters of base 64.
pub(super) fn is_secret_key(text: &str) -> bool {
    let bytes = text.as_bytes();
    if bytes.len() != KEY || bytes.iter().any(|byte| class(*byte) == 0) {
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

#[cfg(test)]
mod tests {
    use super::*;

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
