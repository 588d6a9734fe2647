//! Everybody else who could assume a role: tried one by one, with full identity permissions.
//!
//! Deliberately absent: tokens of the wanted issuer, which [`scope`](super::scope) walks all at once.

use super::provider::{is_provider, malformed};
use super::subject::{Asked, Audience, Clause, Subjects, admitted};
use super::{AUDIENCE, Accounts, TOKEN_CALL_KEYS, WEB_IDENTITY, Walks, Wanted};
use crate::arn::{Arn, is_account};
use crate::iam::context::ContextValue;
use crate::iam::decide::{Gathered, Named, Policies, Request, decide};
use crate::iam::policy::{Effect, Policy, Principal, PrincipalKind, holes};
use crate::iam::principal::is_service;
use crate::known::{Part, Text, Truth};
use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

/// Accounts and names that stand for any other.
pub(super) const ANY_ACCOUNT: &str = "999900009999";
const ANY_SERVICE: &str = "any-service.amazonaws.com";
const ANY_ISSUER: &str = "any-issuer.example.com";
/// At most so many different callers are tried on one trust policy.
pub(super) const MOST_VISITORS: usize = 256;

/// An identity policy with full permissions.
static EVERYTHING: LazyLock<Arc<Policy>> = LazyLock::new(|| {
    Arc::new(Policy::of(&serde_json::json!({
        "Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}
    })))
});

/// Whether anybody gets in who does not come with a token of the wanted issuer.
pub(super) fn other_callers(trust: &Policy, wanted: &Wanted, extra: &mut BTreeSet<String>) -> Truth {
    let mut others = Truth::False;
    let entrance = Entrance::new(trust, own_account(wanted));
    let mut tried = BTreeSet::new();
    let denies = trust.statements.iter().any(|statement| statement.effect != Some(Effect::Allow));
    for statement in trust.statements.iter().filter(|statement| statement.effect != Some(Effect::Deny)) {
        if statement.unknown.is_some() {
            others = others.or(Truth::Unknown);
            continue;
        }
        if malformed(statement) {
            continue;
        }
        for principal in statement.principals.iter().flatten() {
            if principal.kind == PrincipalKind::Federated {
                match is_provider(&principal.value, wanted) {
                    Truth::True => continue,
                    // It may be another provider, whose tokens nothing here keeps out.
                    Truth::Unknown => {
                        others = others.or(Truth::Unknown);
                        continue;
                    }
                    Truth::False => {}
                }
            }
            for visitor in entrance.visitors(principal) {
                if !tried.insert((visitor.name.clone(), visitor.action)) {
                    continue;
                }
                if tried.len() > MOST_VISITORS {
                    return others.or(Truth::Unknown);
                }
                // Nothing stands in the way of whom a statement without conditions names, unless the name is
                // one that AWS does not document or that has no permissions of its own.
                let plain = principal.kind == PrincipalKind::Anyone || visitor.name != "*";
                let plain = plain && !visitor.name.contains(":federated-user/");
                let open = plain && !denies && statement.conditions.is_empty();
                let gets_in = if open && statement.covers(visitor.action) == Truth::True {
                    Truth::True
                } else {
                    entrance.admits(&visitor)
                };
                let gets_in = match principal.value.as_str().and_then(cluster_of) {
                    Some(issuer) if gets_in != Truth::False => {
                        gets_in.and(any_service_account(trust, issuer, principal))
                    }
                    _ => gets_in,
                };
                others = others.or(gets_in);
                if gets_in != Truth::False {
                    extra.insert(visitor.label);
                }
            }
        }
    }
    others
}

/// The issuer of a provider's ARN, where it is that of an EKS cluster.
fn cluster_of(provider: &str) -> Option<&str> {
    let (_, issuer) = provider.split_once(":oidc-provider/")?;
    issuer.starts_with("oidc.eks.").then_some(issuer)
}

/// Whether some service account of another cluster gets in: the subjects of its tokens have the same
/// four parts, which a pattern for any text need not match.
fn any_service_account(trust: &Policy, issuer: &str, provider: &Principal) -> Truth {
    let key = format!("{issuer}:aud").to_ascii_lowercase();
    let mut conditions = trust.statements.iter().flat_map(|statement| &statement.conditions);
    if conditions.any(|test| test.lowered == key && test.values.iter().any(|value| value.plain() != Some(AUDIENCE))) {
        // Its tokens may be made for another audience.
        return Truth::True;
    }
    let wanted = Wanted {
        issuer: issuer.into(),
        namespace: "any".into(),
        accounts: Accounts::Named(Vec::new()),
        provider_arn: Some(provider.value.clone()),
    };
    let mut subjects = Subjects::new(&wanted);
    let clauses: Vec<Clause<'_>> = trust.statements.iter().map(|statement| subjects.clause(statement)).collect();
    match subjects.walk(&clauses, &Walks::default()) {
        Some(classes) => {
            Truth::any(classes.iter().map(|class| admitted(&clauses, &class.matched, Audience::Sts, Asked::Others)))
        }
        None => Truth::Unknown,
    }
}

/// The account of the role, as far as what is wanted tells it.
fn own_account(wanted: &Wanted) -> Option<String> {
    let by_provider = || Arn::parse(wanted.provider_arn.as_ref()?.as_str()?).map(|arn| arn.account.to_owned());
    match &wanted.accounts {
        Accounts::EmrOnEks { account, .. } => account.as_str().map(str::to_owned).or_else(by_provider),
        Accounts::Named(_) | Accounts::Namespace => by_provider(),
    }
}

/// A role's trust policy, for trying callers with full identity permissions on it.
pub(super) struct Entrance<'a> {
    trust: &'a Policy,
    /// The policies of every request, and the keys that they test.
    asked: OnceCell<(Policies, BTreeSet<String>)>,
    account: Option<String>,
    fillings: BTreeMap<String, String>,
}

/// Somebody who tries to assume the role.
pub(super) struct Visitor {
    label: String,
    pub(super) name: String,
    action: &'static str,
    /// The issuer whose claims the caller brings.
    issuer: Option<String>,
    context: BTreeMap<String, ContextValue>,
}

impl<'a> Entrance<'a> {
    pub(super) fn new(trust: &'a Policy, account: Option<String>) -> Self {
        // Principals with holes are callers too: each hole is filled with an account of its own, the
        // same in every statement.
        let mut fillings: BTreeMap<String, String> = BTreeMap::new();
        for statement in &trust.statements {
            for principal in statement.principals.iter().chain(&statement.not_principals).flatten() {
                for name in holes(&principal.value) {
                    let next = format!("9{:011}", fillings.len());
                    fillings.entry(name.to_owned()).or_insert(next);
                }
            }
        }
        Self { trust, asked: OnceCell::new(), account, fillings }
    }

    fn asked(&self) -> &(Policies, BTreeSet<String>) {
        self.asked.get_or_init(|| {
            let mut trust = self.trust.clone();
            for statement in &mut trust.statements {
                for principal in statement.principals.iter_mut().chain(&mut statement.not_principals).flatten() {
                    principal.value = Text::literal(fill(&principal.value, &self.fillings));
                }
            }
            let keys = trust.keys().map(str::to_owned).collect();
            let named = |policy| Named { name: "trust policy".to_owned(), policy };
            let policies = Policies {
                identity: Gathered::from(vec![named(Arc::clone(&EVERYTHING))]),
                resource: Some(named(Arc::new(trust))),
                ..Policies::default()
            };
            (policies, keys)
        })
    }

    /// Those for whom a principal stands: one for each kind that it lets in.
    pub(super) fn visitors(&self, principal: &Principal) -> Vec<Visitor> {
        let own = self.account.as_deref().unwrap_or("000000000000");
        let shown = principal.value.to_string();
        let text = fill(&principal.value, &self.fillings);
        let aws = |label: String, name: String| Visitor {
            label,
            name,
            action: "sts:AssumeRole",
            issuer: None,
            context: BTreeMap::new(),
        };
        let token = |label: String, name: String, issuer: &str| Visitor {
            label,
            name,
            action: WEB_IDENTITY,
            issuer: Some(issuer.to_ascii_lowercase()),
            context: BTreeMap::new(),
        };
        let saml = |label: String, name: String| Visitor {
            action: "sts:AssumeRoleWithSAML",
            issuer: Some("saml".to_owned()),
            ..aws(label, name)
        };
        match principal.kind {
            PrincipalKind::Anyone => vec![
                aws("everyone in any AWS account".to_owned(), format!("arn:aws:iam::{ANY_ACCOUNT}:user/anyone")),
                aws("everyone in the role's own account".to_owned(), format!("arn:aws:iam::{own}:user/anyone")),
                aws("every AWS service".to_owned(), ANY_SERVICE.to_owned()),
                token(
                    "tokens of every other OIDC provider of the account".to_owned(),
                    format!("arn:aws:iam::{own}:oidc-provider/{ANY_ISSUER}"),
                    ANY_ISSUER,
                ),
                saml(
                    "users of every SAML provider of the account".to_owned(),
                    format!("arn:aws:iam::{own}:saml-provider/any"),
                ),
            ],
            PrincipalKind::Service => vec![aws(format!("service `{shown}`"), text)],
            PrincipalKind::Federated => match Arn::parse(&text) {
                // A provider of another account is nobody here.
                Some(arn)
                    if self.account.as_deref().is_some_and(|own| {
                        is_account(arn.account) && own != arn.account && self.fillings.is_empty()
                    }) =>
                {
                    Vec::new()
                }
                Some(arn) => match arn.resource.split_once('/') {
                    Some(("oidc-provider", issuer)) => vec![token(
                        format!(
                            "tokens of `{}`",
                            shown.split_once("oidc-provider/").map_or(issuer, |(_, issuer)| issuer)
                        ),
                        text.clone(),
                        issuer,
                    )],
                    Some(("saml-provider", _)) => vec![saml(format!("users of `{shown}`"), text.clone())],
                    _ => Vec::new(),
                },
                None if is_service(&text) => Vec::new(),
                None => vec![token(format!("tokens of `{shown}`"), text.clone(), &text)],
            },
            PrincipalKind::Aws => {
                if is_account(&text) {
                    return vec![aws(format!("account `{shown}`"), format!("arn:aws:iam::{text}:user/anyone"))];
                }
                let Some(arn) = Arn::parse(&text) else { return Vec::new() };
                let head = format!("arn:{}", arn.partition);
                if arn.resource == "root" {
                    let label = shown.rsplit("::").next().and_then(|rest| rest.strip_suffix(":root")).unwrap_or(&shown);
                    return vec![aws(format!("account `{label}`"), format!("{head}:iam::{}:user/anyone", arn.account))];
                }
                let name = match arn.resource.strip_prefix("role/").and_then(|path| path.rsplit('/').next()) {
                    Some(role) => format!("{head}:sts::{}:assumed-role/{role}/anyone", arn.account),
                    None => text.clone(),
                };
                let mut visitor = aws(format!("`{shown}`"), name);
                if arn.service == "iam" {
                    visitor
                        .context
                        .insert("aws:PrincipalArn".to_owned(), ContextValue::One(Text::literal(text.clone())));
                }
                let account = Text::literal(arn.account);
                visitor.context.insert("aws:PrincipalAccount".to_owned(), ContextValue::One(account));
                vec![visitor]
            }
            PrincipalKind::CanonicalUser | PrincipalKind::Unknown => Vec::new(),
        }
    }

    /// Whether the visitor can get in, whatever else its request says.
    pub(super) fn admits(&self, visitor: &Visitor) -> Truth {
        let own = self.account.as_deref().unwrap_or("000000000000");
        let service = is_service(&visitor.name);
        let mut request = Request {
            principal: visitor.name.clone(),
            action: visitor.action.to_owned(),
            resource: Text::literal(format!("arn:aws:iam::{own}:role/role")),
            resource_account: Some(own.to_owned()),
            context: visitor.context.clone(),
            ..Request::default()
        };
        let is_service = ContextValue::One(Text::literal(service.to_string()));
        request.context.insert("aws:PrincipalIsAWSService".to_owned(), is_service);
        let (policies, keys) = self.asked();
        for key in keys {
            if request.context.keys().any(|known| known.eq_ignore_ascii_case(key)) {
                continue;
            }
            match claim_of(key) {
                Some((issuer, claim)) => {
                    if visitor.issuer.as_deref() == Some(issuer) {
                        let present = matches!(claim, "sub" | "aud");
                        if present { &mut request.unknown_present } else { &mut request.unknown }.insert(key.clone());
                    }
                }
                None if visitor.issuer.is_some() => {
                    if TOKEN_CALL_KEYS.contains(&key.as_str()) || visitor.issuer.as_deref() == Some("saml") {
                        request.unknown.insert(key.clone());
                    }
                }
                // Only services tell for whom they act.
                None if !service
                    && key.starts_with("aws:source")
                    && matches!(&key[10..], "arn" | "account" | "orgid" | "orgpaths") => {}
                None => drop(request.unknown.insert(key.clone())),
            }
        }
        decide(&request, policies).possible
    }
}

/// The issuer and the claim of a condition key that a token brings.
pub(super) fn claim_of(key: &str) -> Option<(&str, &str)> {
    let (issuer, claim) = key.rsplit_once(':')?;
    (issuer == "saml" || issuer.contains('.') || issuer.contains("${")).then_some((issuer, claim))
}

fn fill(text: &Text, fillings: &BTreeMap<String, String>) -> String {
    text.parts()
        .iter()
        .map(|part| match part {
            Part::Literal(text) => text.as_str(),
            Part::Hole(name) => fillings.get(name).map_or("", String::as_str),
        })
        .collect()
}
