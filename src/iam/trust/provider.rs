//! Whether a statement is about tokens of an issuer at all.

use super::{Accounts, Wanted};
use crate::iam::pattern::{Sym, truth};
use crate::iam::policy::{PrincipalKind, Statement};
use crate::known::{Part, Text, Truth};

/// Whether a trust policy with such a statement is refused by AWS.
pub(super) fn malformed(statement: &Statement) -> bool {
    let resources = statement.resources.is_some() || statement.not_resources.is_some();
    statement.malformed || resources || statement.not_principals.is_some() || statement.principals.is_none()
}

/// Whether the statement's principals mean tokens of the wanted issuer.
pub(super) fn provider_matches(statement: &Statement, wanted: &Wanted) -> Truth {
    let principals = statement.principals.iter().flatten();
    Truth::any(principals.map(|principal| match principal.kind {
        PrincipalKind::Anyone => Truth::True,
        PrincipalKind::Unknown => Truth::Unknown,
        PrincipalKind::Federated => is_provider(&principal.value, wanted),
        PrincipalKind::Aws | PrincipalKind::Service | PrincipalKind::CanonicalUser => Truth::False,
    }))
}

/// Whether a federated principal is the wanted issuer's provider.
pub(super) fn is_provider(value: &Text, wanted: &Wanted) -> Truth {
    if value.as_str() == Some("*") {
        return Truth::Unknown;
    }
    if let Some(arn) = &wanted.provider_arn {
        return value.same_as(arn);
    }
    let account = match &wanted.accounts {
        Accounts::EmrOnEks { account, .. } => Some(account.as_str()),
        Accounts::Named(_) | Accounts::Namespace => None,
    };
    if let (Some(value), Some(issuer)) = (value.as_str(), wanted.issuer.as_str())
        && account != Some(None)
    {
        let head = value.strip_prefix("arn:").and_then(|rest| rest.strip_suffix(issuer));
        let head = head.and_then(|rest| rest.strip_suffix(":oidc-provider/"));
        return Truth::from(head.is_some_and(|head| match account.flatten() {
            Some(account) => head.strip_suffix(account).is_some_and(|head| head.ends_with(":iam::")),
            None => head.contains(":iam::"),
        }));
    }
    fn push<'s>(syms: &mut Vec<Sym<'s>>, text: &'s Text) {
        for part in text.parts() {
            match part {
                Part::Literal(text) => syms.extend(text.chars().map(Sym::Char)),
                Part::Hole(name) => syms.push(Sym::Hole(name)),
            }
        }
    }
    let mut pattern: Vec<Sym<'_>> = "arn:".chars().map(Sym::Char).collect();
    pattern.push(Sym::Star);
    pattern.extend(":iam::".chars().map(Sym::Char));
    match &wanted.accounts {
        Accounts::EmrOnEks { account, .. } => push(&mut pattern, account),
        Accounts::Named(_) | Accounts::Namespace => pattern.push(Sym::Star),
    }
    pattern.extend(":oidc-provider/".chars().map(Sym::Char));
    push(&mut pattern, &wanted.issuer);
    let mut found = Vec::new();
    push(&mut found, value);
    truth(&pattern, &found)
}
