//! Who asks, and whether a statement's principals mean them.
//!
//! A caller can be meant directly (its session ARN, `*`, a service, a provider), by its user, by its
//! role, or by its account. The difference decides what else must allow the request: an account that
//! is named only delegates to its own identity policies, a role that is named is still capped by its
//! boundary and its session's policy, a user by the latter alone.
//!
//! Deliberately absent: resolving unique ids. IAM shows them where the principal is gone, so they
//! mean nobody.

use super::pattern::{Sym, truth};
use super::policy::{Effect, Principal, PrincipalKind, Statement};
use crate::arn::{Arn, is_account};
use crate::known::{Part, Text, Truth};

/// Who makes a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caller<'a> {
    /// What it is.
    pub kind: CallerKind<'a>,
    /// The caller as the request names it.
    pub name: &'a str,
    /// The account that it belongs to, where it has one.
    pub account: Option<&'a str>,
    partition: &'a str,
}

/// What a caller is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallerKind<'a> {
    /// An IAM user.
    User,
    /// A session of the role with this name; the session's own name may not be known.
    Role {
        /// The role's name without its path.
        name: &'a str,
        /// Whether the caller is named by its session.
        session: bool,
    },
    /// A session made by `GetFederationToken`.
    FederatedUser,
    /// The root user of an account.
    Root,
    /// An AWS service.
    Service,
    /// A token of an OIDC or SAML provider, by the provider's ARN or its bare name.
    Provider,
    /// Nobody in particular: a request without credentials.
    Anonymous,
}

/// Providers that AWS knows without an ARN.
const WEB_PROVIDERS: [&str; 4] =
    ["accounts.google.com", "cognito-identity.amazonaws.com", "graph.facebook.com", "www.amazon.com"];

impl<'a> Caller<'a> {
    /// The caller of this ARN or name, asking for `action`.
    #[must_use]
    pub fn of(name: &'a str, action: &str) -> Self {
        let caller = |kind, account, partition| Self { kind, name, account, partition };
        let Some(arn) = Arn::parse(name) else {
            let federated = action.to_ascii_lowercase().starts_with("sts:assumerolewith") && !is_service(name);
            let kind = if name == "*" || name.is_empty() || name.eq_ignore_ascii_case("anonymous") {
                CallerKind::Anonymous
            } else if WEB_PROVIDERS.contains(&name) || federated {
                CallerKind::Provider
            } else {
                CallerKind::Service
            };
            return caller(kind, None, "");
        };
        let last = arn.resource.rsplit('/').next().unwrap_or_default();
        let kind = match (arn.service, arn.resource.split(['/', ':']).next().unwrap_or_default()) {
            (_, "root") => CallerKind::Root,
            ("sts", "assumed-role") => {
                let name = arn.resource.split('/').nth(1).unwrap_or_default();
                CallerKind::Role { name, session: arn.resource.matches('/').count() >= 2 }
            }
            ("sts", "federated-user") => CallerKind::FederatedUser,
            ("iam", "role") => CallerKind::Role { name: last, session: false },
            ("iam", "oidc-provider" | "saml-provider") => CallerKind::Provider,
            _ => CallerKind::User,
        };
        caller(kind, Some(arn.account), arn.partition)
    }

    /// Whether it belongs to an account whose policies are asked.
    pub(crate) fn has_identity(&self) -> bool {
        !matches!(self.kind, CallerKind::Service | CallerKind::Provider | CallerKind::Anonymous)
    }

    /// Whether it is a session of a service-linked role, which SCPs and RCPs leave alone.
    pub(crate) fn is_service_linked(&self) -> bool {
        matches!(self.kind, CallerKind::Role { name, .. } if name.starts_with("AWSServiceRoleFor"))
    }
}

/// Whether a name is that of an AWS service.
pub(crate) fn is_service(name: &str) -> bool {
    !WEB_PROVIDERS.contains(&name) && (name.ends_with(".amazonaws.com") || name.ends_with(".amazonaws.com.cn"))
}

/// In which ways a statement means a caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Meant {
    pub(crate) directly: Truth,
    pub(crate) by_user: Truth,
    pub(crate) by_role: Truth,
    pub(crate) by_account: Truth,
}

impl Meant {
    pub(crate) const NOT: Self = Self::all(Truth::False);

    /// The same truth for every way.
    pub(crate) const fn all(truth: Truth) -> Self {
        Self { directly: truth, by_user: truth, by_role: truth, by_account: truth }
    }

    pub(crate) fn at_all(self) -> Truth {
        self.directly.or(self.by_user).or(self.by_role).or(self.by_account)
    }

    pub(crate) fn or(self, other: Self) -> Self {
        Self {
            directly: self.directly.or(other.directly),
            by_user: self.by_user.or(other.by_user),
            by_role: self.by_role.or(other.by_role),
            by_account: self.by_account.or(other.by_account),
        }
    }

    /// The same ways, as far as `truth` goes.
    pub(crate) fn and(self, truth: Truth) -> Self {
        Self {
            directly: self.directly.and(truth),
            by_user: self.by_user.and(truth),
            by_role: self.by_role.and(truth),
            by_account: self.by_account.and(truth),
        }
    }
}

/// In which ways the principals of a statement mean the caller. `bounded` tells whether the caller
/// has a permissions boundary, which no `NotPrincipal` of a denial spares.
pub(crate) fn meant(statement: &Statement, caller: &Caller<'_>, bounded: bool) -> Meant {
    let listed = |principals: &[Principal]| {
        principals.iter().map(|principal| means(principal, caller)).fold(Meant::NOT, Meant::or)
    };
    match (&statement.principals, &statement.not_principals) {
        (Some(principals), _) => listed(principals),
        (None, Some(principals)) => {
            let spared = listed(principals);
            let others = if statement.effect == Some(Effect::Deny) {
                // A caller is spared only if its account is listed as well as the role and the session.
                let full = match caller.kind {
                    CallerKind::Role { .. } => spared.directly.and(spared.by_role).and(spared.by_account),
                    CallerKind::User | CallerKind::FederatedUser => {
                        spared.directly.or(spared.by_user).and(spared.by_account)
                    }
                    CallerKind::Root => spared.by_account,
                    CallerKind::Service | CallerKind::Provider | CallerKind::Anonymous => spared.directly,
                };
                let everyone = principals.iter().any(|principal| principal.kind == PrincipalKind::Anyone);
                let full = if everyone { Truth::True } else { full };
                if bounded { Truth::True } else { !full }
            } else {
                !spared.at_all()
            };
            Meant { directly: others, ..Meant::NOT }
        }
        // AWS refuses a resource policy's statement without principals; it grants nothing, and that it
        // denies nothing cannot be relied on.
        (None, None) if statement.effect == Some(Effect::Deny) => Meant { directly: Truth::Unknown, ..Meant::NOT },
        (None, None) => Meant::NOT,
    }
}

/// In which ways one principal means the caller.
pub(crate) fn means(principal: &Principal, caller: &Caller<'_>) -> Meant {
    let directly = |truth| Meant { directly: truth, ..Meant::NOT };
    match principal.kind {
        PrincipalKind::Anyone => directly(Truth::True),
        PrincipalKind::Unknown => Meant::all(Truth::Unknown),
        PrincipalKind::Service if caller.kind == CallerKind::Service => directly(named(&principal.value, caller.name)),
        PrincipalKind::Federated if caller.kind == CallerKind::Provider => {
            directly(named(&principal.value, caller.name))
        }
        PrincipalKind::Service | PrincipalKind::Federated => Meant::NOT,
        _ if !caller.has_identity() => Meant::NOT,
        // Which account a canonical id belongs to cannot be told from it.
        PrincipalKind::CanonicalUser => Meant { by_account: Truth::Unknown, ..Meant::NOT },
        PrincipalKind::Aws => match principal.value.as_str() {
            Some(text) => aws(text, caller),
            None => aws_with_holes(&principal.value, caller),
        },
    }
}

/// A service or provider by its name; what `*` alone would mean there is not documented.
fn named(value: &Text, name: &str) -> Truth {
    if value.as_str() == Some("*") { Truth::Unknown } else { value.same_as(&name.into()) }
}

fn aws(text: &str, caller: &Caller<'_>) -> Meant {
    let Some(account) = caller.account else { return Meant::NOT };
    if is_account(text) {
        return Meant { by_account: Truth::from(text == account), ..Meant::NOT };
    }
    let Some(arn) = Arn::parse(text).filter(|arn| arn.account == account && arn.partition == caller.partition) else {
        return Meant::NOT;
    };
    if arn.service == "iam" && arn.resource == "root" {
        return Meant { by_account: Truth::True, ..Meant::NOT };
    }
    if let CallerKind::Role { name, session } = caller.kind {
        if arn.service == "iam"
            && arn.resource.strip_prefix("role/").is_some_and(|path| path.rsplit('/').next() == Some(name))
        {
            return Meant { by_role: Truth::True, ..Meant::NOT };
        }
        // One session of the role may be meant, and which session asks is not known.
        if !session
            && arn.service == "sts"
            && arn.resource.strip_prefix("assumed-role/").is_some_and(|rest| rest.split('/').next() == Some(name))
        {
            return Meant { directly: Truth::Unknown, ..Meant::NOT };
        }
        return Meant { directly: Truth::from(session && text == caller.name), ..Meant::NOT };
    }
    let named = Truth::from(text == caller.name);
    match caller.kind {
        CallerKind::User => Meant { by_user: named, ..Meant::NOT },
        _ => Meant { directly: named, ..Meant::NOT },
    }
}

fn aws_with_holes(value: &Text, caller: &Caller<'_>) -> Meant {
    let Some(account) = caller.account else { return Meant::NOT };
    let mut syms = Vec::new();
    for part in value.parts() {
        match part {
            Part::Literal(text) => syms.extend(text.chars().map(Sym::Char)),
            Part::Hole(name) => syms.push(Sym::Hole(name)),
        }
    }
    let like = |pieces: &[&str]| {
        let pattern: Vec<Sym<'_>> = pieces
            .iter()
            .flat_map(|piece| piece.chars().map(|c| if c == '\u{0}' { Sym::Star } else { Sym::Char(c) }))
            .collect();
        truth(&pattern, &syms)
    };
    let head = format!("arn:{}:iam::{account}:", caller.partition);
    let by_role = match caller.kind {
        CallerKind::Role { name, .. } => like(&[&head, "role/", name]).or(like(&[&head, "role/\u{0}/", name])),
        _ => Truth::False,
    };
    let directly = match caller.kind {
        CallerKind::Role { session: false, name } => {
            let head = format!("arn:{}:sts::{account}:assumed-role/", caller.partition);
            like(&[&head, name, "/\u{0}"]).and(Truth::Unknown)
        }
        _ => like(&[caller.name]),
    };
    let by_account = like(&[account]).or(like(&[&head, "root"]));
    match caller.kind {
        CallerKind::User => Meant { directly: Truth::False, by_user: directly, by_role, by_account },
        _ => Meant { directly, by_user: Truth::False, by_role, by_account },
    }
}
