//! Why a wanted account does not get in: what is wrong in the statement that comes closest.
//!
//! Deliberately absent: the decision itself. What is told here only explains it.

use super::provider::{is_provider, malformed};
use super::subject::{Asked, Audience, Clause};
use super::words::value_text;
use super::{AUDIENCE, Accounts, MissKind, SUBJECT, TrustMiss, WEB_IDENTITY, Wanted};
use crate::arn::Arn;
use crate::iam::base36;
use crate::iam::condition::{Condition, Test};
use crate::iam::pattern::glob;
use crate::iam::policy::{Effect, Policy, Principal, PrincipalKind};
use crate::iam::principal::is_service;
use crate::known::{Text, Truth};
use std::collections::BTreeMap;

/// What is wrong in the statement that comes closest to letting a wanted account in.
pub(super) fn miss(trust: &Policy, wanted: &Wanted, clauses: &[Clause<'_>], matched: &[usize]) -> TrustMiss {
    let holds = |clause: &&Clause<'_>, effect| {
        clause.effect == effect && clause.holds(matched, Audience::Sts, Asked::Wanted) == Truth::True
    };
    if clauses.iter().any(|clause| holds(&clause, Effect::Allow))
        && let Some(denial) = clauses.iter().find(|clause| holds(clause, Effect::Deny))
    {
        let pointer = denial.statement.pointer.clone();
        return TrustMiss::new(MissKind::Denied, pointer, "this statement denies what another allows".to_owned());
    }
    let allows = clauses.iter().filter(|clause| clause.effect == Effect::Allow);
    let found = allows.map(|clause| closest(trust, wanted, clause));
    // The first of the closest: several statements may be as wrong.
    let best = found.reduce(|best, next| if next.0 > best.0 { next } else { best });
    match best {
        Some((closeness, miss)) if closeness > 0 => miss,
        _ => {
            let what = "no statement lets the cluster's service accounts in".to_owned();
            TrustMiss::new(MissKind::NoStatement, "/Statement".to_owned(), what)
        }
    }
}

impl TrustMiss {
    fn new(kind: MissKind, pointer: String, what: String) -> Self {
        Self { kind, pointer, what, facts: BTreeMap::new() }
    }

    fn with(mut self, fact: &str, value: impl Into<String>) -> Self {
        self.facts.insert(fact.to_owned(), value.into());
        self
    }
}

/// How close a statement comes, and what is wrong in it.
fn closest(trust: &Policy, wanted: &Wanted, clause: &Clause<'_>) -> (u32, TrustMiss) {
    let statement = clause.statement;
    let principals = || statement.principals.iter().flatten();
    let federated: Vec<&Principal> =
        principals().filter(|principal| principal.kind == PrincipalKind::Federated).collect();
    for principal in &federated {
        if let Some(service) = principal.value.as_str().filter(|text| is_service(text)) {
            let what = format!("the service `{service}` stands under `Federated`");
            return (
                20,
                TrustMiss::new(MissKind::FederatedService, principal.pointer.clone(), what).with("service", service),
            );
        }
    }
    if malformed(statement) {
        let within = |pointer: &str| {
            pointer.strip_prefix(&statement.pointer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let fault = trust.faults.iter().find(|fault| within(&fault.pointer));
        let (pointer, what) = match fault.filter(|_| statement.malformed) {
            Some(fault) => (fault.pointer.clone(), fault.what.clone()),
            None if statement.not_principals.is_some() => {
                (format!("{}/NotPrincipal", statement.pointer), "a trust policy has no `NotPrincipal`".to_owned())
            }
            None if statement.principals.is_none() => {
                (statement.pointer.clone(), "a statement of a trust policy needs a `Principal`".to_owned())
            }
            None => {
                let name = if statement.resources.is_some() { "Resource" } else { "NotResource" };
                (format!("{}/{name}", statement.pointer), format!("a trust policy has no `{name}`"))
            }
        };
        return (10, TrustMiss::new(MissKind::Malformed, pointer, what));
    }
    let anyone = principals().any(|principal| matches!(principal.kind, PrincipalKind::Anyone | PrincipalKind::Unknown));
    if federated.is_empty() && !anyone {
        let service = principals().find(|principal| principal.kind == PrincipalKind::Service);
        return match service {
            Some(principal) => {
                let what = format!("only the service `{}` is let in", principal.value);
                let miss = TrustMiss::new(MissKind::ServiceOnly, principal.pointer.clone(), what);
                (5, miss.with("service", principal.value.to_string()))
            }
            None => (0, TrustMiss::new(MissKind::NoStatement, statement.pointer.clone(), String::new())),
        };
    }
    if !anyone && let Some(miss) = wrong_provider(&federated, wanted) {
        return miss;
    }
    if statement.covers(WEB_IDENTITY) == Truth::False {
        let element = if statement.actions.is_some() { "Action" } else { "NotAction" };
        let what = format!("a token assumes a role by `{WEB_IDENTITY}`, which this statement does not allow");
        return (50, TrustMiss::new(MissKind::Action, format!("{}/{element}", statement.pointer), what));
    }
    let found = statement.conditions.iter().filter_map(|condition| wrong_condition(condition, wanted));
    found.max_by_key(|(closeness, _)| *closeness).unwrap_or_else(|| {
        (
            40,
            TrustMiss::new(
                MissKind::Other,
                statement.pointer.clone(),
                "the statement's conditions do not hold".to_owned(),
            ),
        )
    })
}

/// What is wrong with federated principals of which none is the wanted provider.
fn wrong_provider(federated: &[&Principal], wanted: &Wanted) -> Option<(u32, TrustMiss)> {
    if federated.iter().any(|principal| is_provider(&principal.value, wanted) != Truth::False) {
        return None;
    }
    let principal = federated.first()?;
    let miss = |kind, what| TrustMiss::new(kind, principal.pointer.clone(), what);
    let Some(arn) = principal.value.as_str().and_then(Arn::parse) else {
        return Some((
            30,
            miss(MissKind::OtherIssuer, format!("`{}` is not the cluster's provider", principal.value))
                .with("issuer", principal.value.to_string()),
        ));
    };
    let issuer = arn.resource.strip_prefix("oidc-provider/").unwrap_or(arn.resource);
    if Text::literal(issuer).same_as(&wanted.issuer) == Truth::False {
        return Some((
            30,
            miss(MissKind::OtherIssuer, format!("the provider is of the issuer `{issuer}`")).with("issuer", issuer),
        ));
    }
    let expected = wanted.provider_arn.as_ref().and_then(Text::as_str).and_then(Arn::parse);
    if let Some(expected) = expected.filter(|expected| expected.partition != arn.partition) {
        let what = format!(
            "the provider is of the partition `{}`, the cluster's is of `{}`",
            arn.partition, expected.partition
        );
        return Some((60, miss(MissKind::OtherPartition, what).with("partition", arn.partition)));
    }
    let what = format!("the provider is of the account `{}`", arn.account);
    Some((60, miss(MissKind::OtherAccount, what).with("account", arn.account)))
}

/// What is wrong with a condition, as far as it keeps a wanted account out.
fn wrong_condition(condition: &Condition, wanted: &Wanted) -> Option<(u32, TrustMiss)> {
    let operator = condition.operator?;
    let key = condition.key.to_string();
    let (issuer, claim) = key.rsplit_once(':').unwrap_or(("", &key));
    let ours = issuer.eq_ignore_ascii_case(&wanted.issuer.to_string());
    let about_token = claim.eq_ignore_ascii_case("sub") || claim.eq_ignore_ascii_case("aud");
    if about_token && !ours {
        if operator.negated || operator.if_exists {
            return None;
        }
        let miss = TrustMiss::new(
            MissKind::OtherIssuer,
            condition.pointer.clone(),
            format!("the key is of the issuer `{issuer}`"),
        );
        return Some((65, miss.with("issuer", issuer)));
    }
    let subjects = wanted_subjects(wanted);
    if about_token && claim.eq_ignore_ascii_case("aud") {
        let values: Vec<String> = (0..condition.values.len()).map(|at| value_text(condition, at)).collect();
        let fits =
            |value: &String| if operator.test == Test::StringLike { glob(value, AUDIENCE) } else { value == AUDIENCE };
        if values.iter().any(fits) != operator.negated {
            return None;
        }
        if let Some(at) = values.iter().position(|value| value.starts_with("system:serviceaccount")) {
            let what = "the audience is compared with a service account, which is the subject".to_owned();
            return Some((70, TrustMiss::new(MissKind::AudienceAsSubject, condition.pointer_of(at), what)));
        }
        let found = values.first().cloned().unwrap_or_default();
        let what = format!("the audience of the tokens is `{AUDIENCE}`, not `{found}`");
        return Some((
            80,
            TrustMiss::new(MissKind::WrongAudience, condition.pointer_of(0), what).with("audience", found),
        ));
    }
    if !about_token {
        return None;
    }
    if operator.negated {
        let hit = (0..condition.values.len()).find(|at| {
            let value = value_text(condition, *at);
            subjects.iter().any(|subject| glob(&value, subject))
        })?;
        let what = format!("the subject must not be `{}`", value_text(condition, hit));
        return Some((105, TrustMiss::new(MissKind::Other, condition.pointer_of(hit), what)));
    }
    let wild = operator.test == Test::StringLike;
    let values = (0..condition.values.len())
        .map(|at| wrong_subject(&value_text(condition, at), condition.pointer_of(at), wild, wanted, &subjects));
    values.reduce(|best, next| if next.0 > best.0 { next } else { best })
}

/// Subjects that are wanted, one at least, holes as `${name}`.
fn wanted_subjects(wanted: &Wanted) -> Vec<String> {
    let head = format!("{SUBJECT}{}:", wanted.namespace);
    match &wanted.accounts {
        Accounts::EmrOnEks { account, role_base36 } => ["client", "driver", "executor"]
            .iter()
            .map(|component| format!("{head}emr-containers-sa-spark-{component}-{account}-{role_base36}"))
            .collect(),
        Accounts::Named(names) => names.iter().map(|name| format!("{head}{name}")).collect(),
        Accounts::Namespace => vec![format!("{head}any")],
    }
}

/// What is wrong with a subject that is compared with the wanted ones.
fn wrong_subject(value: &str, pointer: String, wild: bool, wanted: &Wanted, subjects: &[String]) -> (u32, TrustMiss) {
    let miss = |kind, what: String| TrustMiss::new(kind, pointer.clone(), what);
    let fits = |pattern: &str, text: &str| glob(pattern, text);
    if !wild && value.contains(['*', '?']) && subjects.iter().any(|subject| fits(value, subject)) {
        let what = format!("`StringEquals` takes the `*` in `{value}` for a character");
        return (200, miss(MissKind::LiteralWildcard, what));
    }
    let other = || format!("the subject is not `{value}`");
    let Some((namespace, name)) = value.strip_prefix(SUBJECT).and_then(|rest| rest.split_once(':')) else {
        return (105, miss(MissKind::Other, other()));
    };
    let in_namespace = fits(namespace, &wanted.namespace.to_string());
    let (closeness, found) = match &wanted.accounts {
        Accounts::EmrOnEks { account, role_base36 } => {
            let (account, suffix) = (account.to_string(), role_base36.to_string());
            wrong_emr_name(name, &account, &suffix, &miss)
        }
        Accounts::Named(_) | Accounts::Namespace => {
            let known = subjects.iter().any(|subject| fits(name, subject.rsplit(':').next().unwrap_or_default()));
            (if known { 9 } else { 5 }, (!known).then(|| miss(MissKind::Other, other())))
        }
    };
    if !in_namespace {
        let what = format!("the subject is of the namespace `{namespace}`, not `{}`", wanted.namespace);
        return (110 + closeness, miss(MissKind::OtherNamespace, what).with("namespace", namespace));
    }
    (150 + closeness, found.unwrap_or_else(|| miss(MissKind::Other, other())))
}

/// What is wrong with the account's name in a subject, where EMR's accounts are wanted.
fn wrong_emr_name(
    name: &str,
    account: &str,
    suffix: &str,
    miss: &dyn Fn(MissKind, String) -> TrustMiss,
) -> (u32, Option<TrustMiss>) {
    let mut from_end = name.rsplitn(3, '-');
    let (found_suffix, found_account) = (from_end.next().unwrap_or_default(), from_end.next().unwrap_or_default());
    let of_emr = name.starts_with("emr-containers-sa-");
    let same_account = glob(found_account, account);
    if glob(found_suffix, suffix) {
        if same_account || !of_emr {
            return (9, None);
        }
        let what = format!("the account id in the subject is `{found_account}`, not `{account}`");
        return (7, Some(miss(MissKind::OtherAccount, what).with("account", found_account)));
    }
    if !of_emr {
        return (3, Some(miss(MissKind::Other, format!("`{name}` is no service account of EMR"))));
    }
    let closeness = if same_account { 8 } else { 4 };
    let shown =
        |role: &String| role.chars().all(|c| c.is_ascii_graphic() || c.is_ascii_whitespace()) && !role.is_empty();
    let found = match base36::decode(found_suffix).filter(shown) {
        Some(role) if role != role.trim_end() => {
            let what =
                format!("the suffix `{found_suffix}` was made for `{}` with white space after it", role.trim_end());
            miss(MissKind::OtherRole, what).with("role", role)
        }
        Some(role) => miss(MissKind::OtherRole, format!("the suffix `{found_suffix}` was made for the role `{role}`"))
            .with("role", role),
        None => miss(MissKind::OtherRole, format!("the suffix `{found_suffix}` is not that of this role")),
    };
    (closeness, Some(found.with("suffix", found_suffix)))
}
