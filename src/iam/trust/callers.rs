//! Who may assume a role at all, and whether a service or EKS Pod Identity may.
//!
//! Deliberately absent: what the callers' own policies say.

use super::provider::malformed;
use super::visitors::{ANY_ACCOUNT, Entrance, MOST_VISITORS, claim_of};
use crate::arn::{Arn, is_account};
use crate::iam::context::ContextValue;
use crate::iam::decide::{Because, Decision, Named, Outcome, Policies, Request, decide};
use crate::iam::policy::{Effect, Policy, Principal, PrincipalKind, is_unique_id};
use crate::known::{Text, Truth};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Whether EKS Pod Identity can use a role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodIdentity {
    /// Whether `pods.eks.amazonaws.com` may `sts:AssumeRole`.
    pub assume: Truth,
    /// Whether it may `sts:TagSession`, without which every association fails.
    pub tag: Truth,
    /// The statements that decided.
    pub because: Vec<Because>,
    /// What is wrong, where one of the two is refused: a JSON pointer inside the document, and what.
    pub miss: Option<(String, String)>,
}

/// Whether `pods.eks.amazonaws.com` may assume a role and tag its session, with these condition keys;
/// keys that are not given are unknown.
/// <https://docs.aws.amazon.com/eks/latest/userguide/pod-id-role.html>
#[must_use]
pub fn pod_identity(trust: &Policy, context: &BTreeMap<String, ContextValue>) -> PodIdentity {
    let ask = |action: &str| service_decision(trust, "pods.eks.amazonaws.com", action, context);
    let (assume, tag) = (ask("sts:AssumeRole"), ask("sts:TagSession"));
    let refused = [&assume, &tag].into_iter().find(|decision| matches!(decision.outcome, Outcome::Denied(_)));
    let miss = refused.map(refusal);
    let mut because: Vec<Because> = assume.because.iter().chain(&tag.because).cloned().collect();
    because.sort();
    because.dedup();
    PodIdentity { assume: truth_of(assume.outcome), tag: truth_of(tag.outcome), because, miss }
}

/// Whether an AWS service can assume a role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceTrust {
    /// Whether some request of the service gets in.
    pub admitted: Truth,
    /// Whether only requests for certain accounts or resources get in, by `aws:SourceAccount`,
    /// `aws:SourceArn` or their organisation's kin.
    pub scoped: Truth,
    /// The statements that decided.
    pub because: Vec<Because>,
    /// What is wrong, where the service is refused: a JSON pointer inside the document, and what.
    pub miss: Option<(String, String)>,
}

/// Whether a service may assume a role, and whether only on behalf of certain accounts.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html>
#[must_use]
pub fn service_trust(trust: &Policy, service: &str) -> ServiceTrust {
    let decision = service_decision(trust, service, "sts:AssumeRole", &BTreeMap::new());
    let one = |text: &str| ContextValue::One(Text::literal(text));
    let mut stranger = BTreeMap::from([
        ("aws:SourceAccount".to_owned(), one(ANY_ACCOUNT)),
        ("aws:SourceArn".to_owned(), one(&format!("arn:aws:any:any-region-1:{ANY_ACCOUNT}:any"))),
        ("aws:SourceOrgID".to_owned(), one("o-9999999999")),
        ("aws:SourceOrgPaths".to_owned(), ContextValue::Many(vec![Text::literal("o-9999999999/r-9999/")])),
    ]);
    if service.starts_with("pods.eks.") {
        // What EKS Pod Identity asks for is told by the tags of the session.
        let tags = [
            ("eks-cluster-arn", "arn:aws:eks:any-region-1:999900009999:cluster/any"),
            ("eks-cluster-name", "any-cluster-9999"),
            ("kubernetes-namespace", "any-namespace-9999"),
            ("kubernetes-service-account", "any-account-9999"),
            ("kubernetes-pod-name", "any-pod-9999"),
            ("kubernetes-pod-uid", "99999999-9999-9999-9999-999999999999"),
        ];
        stranger.extend(tags.map(|(tag, value)| (format!("aws:RequestTag/{tag}"), one(value))));
    }
    let scoped = !service_decision(trust, service, "sts:AssumeRole", &stranger).possible;
    let miss = matches!(decision.outcome, Outcome::Denied(_)).then(|| refusal(&decision));
    ServiceTrust { admitted: decision.possible, scoped, because: decision.because, miss }
}

/// Whether a service may do something to a role by its trust policy: `sts:AssumeRole`, `sts:TagSession`.
/// Keys that are not given are unknown.
#[must_use]
pub fn service_decision(
    trust: &Policy,
    service: &str,
    action: &str,
    context: &BTreeMap<String, ContextValue>,
) -> Decision {
    let mut request = Request {
        principal: service.to_owned(),
        action: action.to_owned(),
        resource: "arn:aws:iam::000000000000:role/role".into(),
        resource_account: Some("000000000000".to_owned()),
        context: context.clone(),
        ..Request::default()
    };
    let given = |key: &str| context.keys().any(|known| known.eq_ignore_ascii_case(key));
    request.context.insert("aws:PrincipalIsAWSService".to_owned(), ContextValue::One("true".into()));
    request.unknown = trust
        .keys()
        .filter(|key| claim_of(key).is_none() && !given(key) && *key != "aws:principalisawsservice")
        .map(str::to_owned)
        .collect();
    let resource = Some(Named { name: "trust policy".to_owned(), policy: Arc::new(trust.clone()) });
    decide(&request, &Policies { resource, ..Policies::default() })
}

fn truth_of(outcome: Outcome) -> Truth {
    match outcome {
        Outcome::Allowed => Truth::True,
        Outcome::Denied(_) => Truth::False,
        Outcome::Conditional => Truth::Unknown,
    }
}

fn refusal(decision: &Decision) -> (String, String) {
    match (&decision.nearest_miss, decision.because.first()) {
        (Some(miss), _) => (miss.pointer.clone(), miss.what.clone()),
        (None, Some(because)) => (because.pointer.clone(), "this statement denies it".to_owned()),
        (None, None) => (String::new(), "nothing allows it".to_owned()),
    }
}

/// Somebody whom a trust policy names and lets in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// What it is.
    pub who: Who,
    /// As the document names it.
    pub name: Text,
    /// The statement's number, from 0.
    pub statement: usize,
    /// Where it stands: a JSON pointer inside the document.
    pub pointer: String,
    /// A condition of the statement narrows it.
    pub narrowed: bool,
}

/// What a principal of a trust policy is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Who {
    /// Everyone there is.
    Anyone,
    /// All that the role's own account lets.
    OwnAccount,
    /// All that another account lets.
    ForeignAccount,
    /// A user, role or session of the role's own account.
    OwnPrincipal,
    /// A user, role or session of another account.
    ForeignPrincipal,
    /// An AWS service.
    Service,
    /// Tokens of an identity provider.
    Federated,
    /// Nobody any more: the principal was deleted and its unique id is left.
    Deleted,
    /// It cannot be told.
    Unknown,
}

/// Who may assume a role at all, statement by statement. Whoever a denial keeps out for certain is
/// left out.
#[must_use]
pub fn callers(trust: &Policy, own_account: &str) -> Vec<Caller> {
    let entrance = Entrance::new(trust, Some(own_account.to_owned()));
    let mut callers = Vec::new();
    let mut tried = 0;
    for statement in trust.statements.iter().filter(|statement| statement.effect == Some(Effect::Allow)) {
        if malformed(statement) {
            continue;
        }
        for principal in statement.principals.iter().flatten() {
            let who = who(principal, own_account);
            let visitors = entrance.visitors(principal);
            tried += visitors.len();
            let kept_out = tried <= MOST_VISITORS
                && !visitors.is_empty()
                && visitors.iter().all(|visitor| entrance.admits(visitor) == Truth::False);
            if kept_out {
                continue;
            }
            callers.push(Caller {
                who,
                name: principal.value.clone(),
                statement: statement.index,
                pointer: principal.pointer.clone(),
                narrowed: !statement.conditions.is_empty(),
            });
        }
    }
    callers
}

fn who(principal: &Principal, own_account: &str) -> Who {
    let of_account = |account: &str, own, foreign| match account {
        account if account == own_account => own,
        account if is_account(account) && !own_account.contains("${") => foreign,
        _ => Who::Unknown,
    };
    match (principal.kind, principal.value.as_str()) {
        (PrincipalKind::Anyone, _) => Who::Anyone,
        (PrincipalKind::Service, _) => Who::Service,
        (PrincipalKind::Federated, _) => Who::Federated,
        (PrincipalKind::Aws, Some(text)) if is_unique_id(text) => Who::Deleted,
        (PrincipalKind::Aws, Some(text)) if is_account(text) => of_account(text, Who::OwnAccount, Who::ForeignAccount),
        (PrincipalKind::Aws, Some(text)) => match Arn::parse(text) {
            Some(arn) if arn.resource == "root" => of_account(arn.account, Who::OwnAccount, Who::ForeignAccount),
            Some(arn) => of_account(arn.account, Who::OwnPrincipal, Who::ForeignPrincipal),
            None => Who::Unknown,
        },
        (PrincipalKind::Aws, None) => {
            let shown = principal.value.to_string();
            match Arn::parse(&shown) {
                _ if shown == own_account => Who::OwnAccount,
                Some(arn) if arn.account == own_account && arn.resource == "root" => Who::OwnAccount,
                Some(arn) if arn.account == own_account => Who::OwnPrincipal,
                _ => Who::Unknown,
            }
        }
        (PrincipalKind::CanonicalUser | PrincipalKind::Unknown, _) => Who::Unknown,
    }
}
