//! Whom a trust policy lets in, in words.

use super::SUBJECT;
use super::subject::{Asked, Audience, Clause};
use crate::iam::condition::Condition;
use crate::iam::pattern::{Piece, glob};
use crate::iam::policy::Effect;
use crate::known::Truth;
use std::collections::BTreeSet;

/// Says whom the statements let in that match these languages.
pub(super) fn describe(clauses: &[Clause<'_>], matched: &[usize], extra: &mut BTreeSet<String>) {
    for clause in clauses.iter().filter(|clause| clause.effect == Effect::Allow) {
        if clause.holds(matched, Audience::Sts, Asked::Others) == Truth::False {
            continue;
        }
        let Some(test) = clause.tests.iter().find(|test| !test.negated) else {
            extra.insert("every service account of the cluster".to_owned());
            continue;
        };
        for (at, value) in test.values.iter().enumerate() {
            if value.matches(matched, true) != Truth::False {
                extra.insert(described(&value_text(test.condition, at)));
            }
        }
    }
}

/// A value of a condition as the document writes it, holes as `${name}`.
pub(super) fn value_text(condition: &Condition, at: usize) -> String {
    let pieces = condition.values.get(at).map(|value| value.pieces.as_slice()).unwrap_or_default();
    pieces
        .iter()
        .map(|piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Escaped(c) => c.to_string(),
            Piece::Variable { key, .. } => format!("${{{key}}}"),
            Piece::Hole(name) => format!("${{{name}}}"),
        })
        .collect()
}

/// The service accounts of a subject pattern, in words.
fn described(pattern: &str) -> String {
    let all = "every service account of the cluster".to_owned();
    let Some((namespace, name)) = pattern.strip_prefix(SUBJECT).and_then(|rest| rest.split_once(':')) else {
        let whole = glob(pattern, "system:serviceaccount:x:y") && glob(pattern, "system:serviceaccount:yy:xx");
        return if whole { all } else { format!("service accounts like `{pattern}`") };
    };
    let wild = |text: &str| text.contains(['*', '?']);
    let of = match namespace {
        "*" => "of every namespace".to_owned(),
        namespace if wild(namespace) => format!("of namespaces like `{namespace}`"),
        namespace => format!("of namespace `{namespace}`"),
    };
    match name {
        "*" if namespace == "*" => all,
        "*" => format!("every service account {of}"),
        name if wild(name) => format!("service accounts like `{name}` {of}"),
        name if wild(namespace) => format!("service account `{name}` {of}"),
        name => format!("service account `{namespace}/{name}`"),
    }
}
