//! Who gets in by a role's trust policy: the accounts that are wanted, and who else.
//!
//! A token of an EKS cluster names its service account as `system:serviceaccount:NAMESPACE:NAME`.
//! [`scope`] turns the tests of that subject into languages and walks them all at once, so that its
//! answer covers every service account that could exist. Denials are subtracted, statements are
//! joined, and every other way in is tried as a request with full identity permissions. Holes that
//! the wanted accounts share with the policy are unknown names, equal only to themselves.
//!
//! Deliberately absent: whether the identity provider exists, and what the role may do.

mod callers;
mod miss;
mod provider;
mod subject;
mod visitors;
mod words;

pub use super::language::Walks;
pub use callers::{Caller, PodIdentity, ServiceTrust, Who, callers, pod_identity, service_decision, service_trust};

use super::decide::Because;
use super::language::{self, Class};
use super::policy::Policy;
use crate::known::{Text, Truth};
use miss::miss;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use subject::{Asked, Audience, Clause, Subjects, admitted};
use visitors::other_callers;
use words::describe;

/// The service accounts that a role is meant for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The cluster's OIDC issuer: host and path, without `https://`.
    pub issuer: Text,
    /// The Kubernetes namespace.
    pub namespace: Text,
    /// Which of its accounts.
    pub accounts: Accounts,
    /// The ARN of the issuer's IAM provider, where it is known.
    pub provider_arn: Option<Text>,
}

/// Which service accounts of a namespace are wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Accounts {
    /// Those that EMR on EKS makes for a role: client, driver and executor.
    EmrOnEks {
        /// The account id in their names.
        account: Text,
        /// The role's name as [`base36::encode`](super::base36::encode) writes it.
        role_base36: Text,
    },
    /// These.
    Named(Vec<String>),
    /// All of them.
    Namespace,
}

/// How those who get in compare with those who are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The wanted accounts and nobody else.
    Exact,
    /// The wanted accounts, and others.
    TooBroad,
    /// Some of the wanted accounts and nobody else.
    TooNarrow,
    /// Not all of the wanted accounts, and others.
    Mismatch,
    /// Nobody.
    None,
    /// It cannot be told from what is known.
    Unknown,
}

/// Who gets in by a trust policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// The comparison in one word.
    pub verdict: Verdict,
    /// Whether all wanted accounts get in.
    pub admitted: Truth,
    /// Whether anybody else gets in.
    pub others: Truth,
    /// Who else gets in or may get in, sorted.
    pub extra: Vec<String>,
    /// A subject that gets in and is not wanted, where it is a service account of the cluster.
    pub example: Option<String>,
    /// No wanted account gets in with a token for another audience than `sts.amazonaws.com`.
    pub audience_pinned: bool,
    /// Why a wanted account does not get in, where it certainly does not.
    pub miss: Option<TrustMiss>,
    /// The statements that let the wanted accounts in or keep them out.
    pub because: Vec<Because>,
}

/// Why the wanted accounts do not get in: what is wrong in the statement that comes closest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustMiss {
    /// What is wrong.
    pub kind: MissKind,
    /// Where: a JSON pointer inside the document to the smallest element that is wrong.
    pub pointer: String,
    /// What is wrong, lowercase and without a period.
    pub what: String,
    /// What was found instead: `role`, `suffix`, `issuer`, `namespace`, `account`, `partition`,
    /// `service`, `audience`.
    pub facts: BTreeMap<String, String>,
}

/// What keeps wanted accounts out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MissKind {
    /// No statement is about service accounts.
    NoStatement,
    /// The suffix in the subject was made for another role's name.
    OtherRole,
    /// A pattern stands under an operator that takes `*` for a character.
    LiteralWildcard,
    /// The provider or the condition key is another cluster's.
    OtherIssuer,
    /// The subject is of another namespace.
    OtherNamespace,
    /// The account id in the subject or the provider is another one.
    OtherAccount,
    /// The provider is of another partition.
    OtherPartition,
    /// `:aud` is tested where `:sub` is meant.
    AudienceAsSubject,
    /// Only AWS services are let in.
    ServiceOnly,
    /// A service stands under `Federated`.
    FederatedService,
    /// The audience is another one than `sts.amazonaws.com`.
    WrongAudience,
    /// The action is not `sts:AssumeRoleWithWebIdentity`.
    Action,
    /// A statement denies what another allows.
    Denied,
    /// AWS refuses the statement.
    Malformed,
    /// Another test fails.
    Other,
}

const WEB_IDENTITY: &str = "sts:AssumeRoleWithWebIdentity";
const AUDIENCE: &str = "sts.amazonaws.com";
const SUBJECT: &str = "system:serviceaccount:";

/// Keys that a call with a web identity token carries, with values that a policy's reader cannot know.
const TOKEN_CALL_KEYS: [&str; 12] = [
    "aws:sourceip",
    "aws:sourcevpc",
    "aws:sourcevpce",
    "aws:vpcsourceip",
    "aws:sourcevpcarn",
    "aws:useragent",
    "aws:currenttime",
    "aws:epochtime",
    "aws:securetransport",
    "aws:requestedregion",
    "aws:federatedprovider",
    "sts:rolesessionname",
];

/// Compares those whom a trust policy lets in with those who are wanted.
#[must_use]
pub fn scope(trust: &Policy, wanted: &Wanted) -> Scope {
    scope_with(trust, wanted, &Walks::default())
}

/// The same, for many policies: what is found of a pattern is kept in `walks`.
#[must_use]
pub fn scope_with(trust: &Policy, wanted: &Wanted, walks: &Walks) -> Scope {
    let mut subjects = Subjects::new(wanted);
    let clauses: Vec<Clause<'_>> = trust.statements.iter().map(|statement| subjects.clause(statement)).collect();
    let walked = subjects.walk(&clauses, walks);
    let walked = walked.as_deref();
    let names: Vec<Vec<usize>> =
        subjects.names.iter().map(|name| language::matched(&subjects.languages, name)).collect();

    let in_namespace = |class: &&Class| subjects.wants(&class.matched) == Truth::True;
    let over_wanted = |audience: Audience| -> Vec<Truth> {
        if subjects.names.is_empty() {
            match walked {
                Some(classes) => classes
                    .iter()
                    .filter(in_namespace)
                    .map(|class| admitted(&clauses, &class.matched, audience, Asked::Wanted))
                    .collect(),
                None => vec![Truth::Unknown],
            }
        } else {
            names.iter().map(|matched| admitted(&clauses, matched, audience, Asked::Wanted)).collect()
        }
    };
    let each = over_wanted(Audience::Sts);
    let (all, any) = (Truth::all(each.iter().copied()), Truth::any(each.iter().copied()));
    let audience_pinned = Truth::any(over_wanted(Audience::Other)) == Truth::False;

    let mut others = Truth::False;
    let mut extra = BTreeSet::new();
    let mut example: Option<(usize, String)> = None;
    match walked {
        Some(classes) => {
            for class in classes {
                let gets_in = admitted(&clauses, &class.matched, Audience::Sts, Asked::Others)
                    .and(!subjects.wants(&class.matched));
                others = others.or(gets_in);
                if gets_in != Truth::False {
                    describe(&clauses, &class.matched, &mut extra);
                    let shorter = example.as_ref().is_none_or(|(length, _)| class.example.len() < *length);
                    if shorter && gets_in == Truth::True {
                        example = Some((class.example.len(), subjects.spell(&class.example)));
                    }
                }
            }
        }
        None => others = Truth::Unknown,
    }
    others = others.or(other_callers(trust, wanted, &mut extra));

    let verdict = match (all, others) {
        (Truth::True, Truth::False) => Verdict::Exact,
        (Truth::True, Truth::True) => Verdict::TooBroad,
        (Truth::False, Truth::True) => Verdict::Mismatch,
        (Truth::False, Truth::False) => match any {
            Truth::True => Verdict::TooNarrow,
            Truth::False => Verdict::None,
            Truth::Unknown => Verdict::Unknown,
        },
        _ => Verdict::Unknown,
    };
    let left_out = match (walked, subjects.names.is_empty()) {
        (_, false) => {
            names.iter().zip(&each).find(|(_, truth)| **truth == Truth::False).map(|(matched, _)| matched.clone())
        }
        (Some(classes), true) => classes
            .iter()
            .filter(in_namespace)
            .find(|class| admitted(&clauses, &class.matched, Audience::Sts, Asked::Wanted) == Truth::False)
            .map(|class| class.matched.clone()),
        (None, true) => None,
    };
    let miss = left_out.as_ref().filter(|_| all == Truth::False).map(|matched| miss(trust, wanted, &clauses, matched));
    let deciding = names.first().or(left_out.as_ref()).cloned().unwrap_or_default();
    let because = clauses
        .iter()
        .filter(|clause| clause.holds(&deciding, Audience::Sts, Asked::Wanted) != Truth::False)
        .map(|clause| clause.because())
        .collect();
    Scope {
        verdict,
        admitted: all,
        others,
        extra: extra.into_iter().collect(),
        example: example.map(|(_, text)| text),
        audience_pinned,
        miss,
        because,
    }
}
