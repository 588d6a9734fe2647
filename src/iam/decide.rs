//! May this principal do this?
//!
//! [`decide()`] weighs every statement that could apply in Kleene's logic and puts the policy types
//! together as AWS does: a denial anywhere ends it, within an account the identity policy or the
//! resource policy suffices, across accounts both must allow, boundaries, session policies and SCPs
//! cap. Where that leaves the answer open, each unknown key is tried with one value of every kind
//! that the policies can tell apart, so that tests of the same key are not mistaken for independent.
//!
//! Deliberately absent: which context keys a service sends, and refusals that no policy expresses.

mod applies;
mod nearest;
mod split;

use super::condition;
use super::context::{Context, ContextValue};
use super::policy::{Effect, Policy, Statement};
use super::principal::{Caller, CallerKind, Meant, meant};
use crate::arn::{Arn, is_account};
use crate::known::{Text, Truth};
use applies::{RCP_SERVICES, has_rcp, is_of, is_reserved, is_trust, resource_entries, resource_matches};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// One request to AWS.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Request {
    /// Who asks: the ARN of a user, role or session, a service's name, or a provider's ARN or name.
    pub principal: String,
    /// What is asked: `s3:GetObject`.
    pub action: String,
    /// On what: an ARN, or `*` for actions without resource types.
    pub resource: Text,
    /// The account that owns the resource, where it is known and the ARN does not tell.
    pub resource_account: Option<String>,
    /// The condition keys of the request; names compare without regard to case.
    pub context: BTreeMap<String, ContextValue>,
    /// Keys that may be absent or have any value.
    pub unknown: BTreeSet<String>,
    /// Keys that are there with any value.
    pub unknown_present: BTreeSet<String>,
    /// Every key that is listed nowhere is unknown, rather than absent.
    pub open: bool,
}

/// The policies that apply to a request.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Policies {
    /// Those of the principal; for a session, of its role.
    pub identity: Gathered,
    /// That of the resource; for `sts:AssumeRole…`, the role's trust policy.
    pub resource: Option<Named>,
    /// The name of the resource's policy, where it has or may have one that was not collected.
    pub resource_missing: Option<String>,
    /// The permissions boundary.
    pub boundary: Option<Gathered>,
    /// The session policies.
    pub session: Option<Gathered>,
    /// The SCPs by level, root first; `None` where no SCP applies.
    pub scp: Option<Vec<Gathered>>,
    /// The RCPs by level; `RCPFullAWSAccess` is implied at each.
    pub rcp: Option<Vec<Gathered>>,
}

/// A policy and the name by which reasons call it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// An ARN, or such as ``inline `EMR` ``.
    pub name: String,
    /// What it says.
    pub policy: Arc<Policy>,
}

/// Policies of one kind, as far as they were collected.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Gathered {
    /// Those whose text is known.
    pub policies: Vec<Named>,
    /// The names of those that are attached but were not collected. They could allow or deny.
    pub missing: Vec<String>,
}

impl From<Vec<Named>> for Gathered {
    fn from(policies: Vec<Named>) -> Self {
        Self { policies, missing: Vec::new() }
    }
}

/// The answer to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is let through, whatever the unknown turns out to be.
    Allowed,
    /// It is refused, whatever the unknown turns out to be.
    Denied(Kind),
    /// It depends on what is not known.
    Conditional,
}

/// How a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A statement denies it.
    Explicit,
    /// Nothing allows it.
    Implicit,
}

/// An answer with its reasons.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The answer.
    pub outcome: Outcome,
    /// The statements that decided; for a conditional answer, those that may.
    pub because: Vec<Because>,
    /// What a conditional answer depends on: keys, and holes as `${name}`, sorted.
    pub depends_on: Vec<String>,
    /// The policies that were not collected and could change the answer.
    pub missing: Vec<String>,
    /// For a refusal that no statement makes: the statement that came closest to allowing it.
    pub nearest_miss: Option<Miss>,
    /// Whether some completion of what is not known is allowed; true of `Allowed`, false of `Denied`.
    pub possible: Truth,
}

/// A statement that decided.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Because {
    /// The name of its policy.
    pub policy: String,
    /// Its number in the policy, from 0.
    pub statement: usize,
    /// Its name.
    pub sid: Option<String>,
    /// Where it stands: a JSON pointer inside the document.
    pub pointer: String,
    /// What it does.
    pub effect: Effect,
}

/// The first test that failed in a statement that otherwise would have allowed the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Miss {
    /// The name of its policy.
    pub policy: String,
    /// Its number in the policy, from 0; `None` where the whole policy lacks such a statement.
    pub statement: Option<usize>,
    /// Its name.
    pub sid: Option<String>,
    /// Where the element stands that failed: a JSON pointer inside the document.
    pub pointer: String,
    /// What failed, lowercase and without a period.
    pub what: String,
}

/// At most so many combinations of values are tried for unknown keys.
const MOST_TRIED: usize = 4096;
/// At most so many statements are weighed while they are tried.
const MOST_WEIGHED: usize = 1 << 20;
/// At most so many places of patterns are looked at to find the values of one key.
const MOST_WALKED: usize = 1 << 20;

/// Decides a request.
#[must_use]
pub fn decide(request: &Request, policies: &Policies) -> Decision {
    if request.action.eq_ignore_ascii_case("sts:GetCallerIdentity") {
        // No policy can refuse this call.
        return Decision::plain(Outcome::Allowed, Truth::True);
    }
    let caller = Caller::of(&request.principal, &request.action);
    let context = Context::new(&request.context, &request.unknown, &request.unknown_present, request.open);
    let case = Case::new(request, policies, caller, &context);
    let weights = case.weigh(&context);
    let verdict = case.verdict(&weights);
    let mut decision = Decision::plain(verdict.outcome(), Truth::Unknown);
    let mut explicit_only = verdict.deny == Truth::True;
    if decision.outcome == Outcome::Conditional {
        let split = case.split(&context, &weights);
        explicit_only = split.explicit_only;
        decision.outcome = split.outcome;
        decision.possible = split.possible;
        decision.depends_on = split.depends_on;
    }
    match decision.outcome {
        Outcome::Allowed => decision.possible = Truth::True,
        Outcome::Denied(_) => {
            decision.possible = Truth::False;
            decision.outcome = Outcome::Denied(if explicit_only { Kind::Explicit } else { Kind::Implicit });
        }
        Outcome::Conditional => {
            decision.missing = case.missing();
            decision.depends_on.extend(case.holes(&weights));
            if request.resource.as_str().is_none() {
                decision.depends_on.extend(super::policy::holes(&request.resource).map(|name| format!("${{{name}}}")));
            }
            if case.same_account == Truth::Unknown {
                decision.depends_on.push("aws:ResourceAccount".to_owned());
            }
            decision.depends_on.sort();
            decision.depends_on.dedup();
        }
    }
    decision.because = case.because(&weights, decision.outcome);
    if decision.outcome == Outcome::Denied(Kind::Implicit) {
        decision.nearest_miss = case.nearest_miss(&context, &weights);
    }
    decision
}

impl Decision {
    fn plain(outcome: Outcome, possible: Truth) -> Self {
        Self { outcome, because: Vec::new(), depends_on: Vec::new(), missing: Vec::new(), nearest_miss: None, possible }
    }
}

/// The kind of a policy, and the level for those that come in levels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin {
    Identity,
    Resource,
    Boundary,
    Session,
    Scp(usize),
    Rcp,
}

/// A statement that could apply, with what does not depend on the unknown keys.
struct Line<'a> {
    origin: Origin,
    name: &'a str,
    statement: &'a Statement,
    /// Whether principal, action and, unless it has variables, resource match.
    fixed: Truth,
    meant: Meant,
    resource_varies: bool,
}

/// Whether a statement allows and whether it denies.
#[derive(Clone, Copy)]
struct Weight {
    allows: Truth,
    denies: Truth,
}

impl Weight {
    fn is_open(&self) -> bool {
        self.allows == Truth::Unknown || self.denies == Truth::Unknown
    }
}

struct Verdict {
    allow: Truth,
    deny: Truth,
}

impl Verdict {
    fn outcome(&self) -> Outcome {
        match (self.allow, self.deny) {
            (_, Truth::True) => Outcome::Denied(Kind::Explicit),
            (Truth::False, _) => Outcome::Denied(Kind::Implicit),
            (Truth::True, Truth::False) => Outcome::Allowed,
            _ => Outcome::Conditional,
        }
    }
}

/// A request with the statements that could apply to it.
struct Case<'a> {
    request: &'a Request,
    policies: &'a Policies,
    caller: Caller<'a>,
    lines: Vec<Line<'a>>,
    /// The resource policy must itself allow: a role's trust policy or a KMS key policy.
    resource_rules: bool,
    same_account: Truth,
}

impl<'a> Case<'a> {
    fn new(request: &'a Request, policies: &'a Policies, caller: Caller<'a>, context: &Context<'a>) -> Self {
        let arn = request.resource.as_str().and_then(Arn::parse);
        let service = request.action.split(':').next().unwrap_or_default();
        let trust = is_trust(&request.action, &request.resource);
        let key = service.eq_ignore_ascii_case("kms")
            && arn.is_none_or(|arn| arn.service == "kms" && arn.resource.starts_with("key/"))
            && request.resource.as_str() != Some("*");
        let owner =
            request.resource_account.as_deref().or_else(|| arn.map(|arn| arn.account).filter(|id| is_account(id)));
        let same_account = match (owner, caller.account) {
            (Some(owner), Some(own)) => Truth::from(owner == own),
            (None, Some(_)) if request.resource.as_str() == Some("*") => Truth::True,
            (None, Some(_)) => Truth::Unknown,
            (_, None) => Truth::False,
        };
        let mut case =
            Self { request, policies, caller, lines: Vec::new(), resource_rules: trust || key, same_account };
        let linked = caller.is_service_linked();
        if caller.has_identity() {
            let session = policies.session.iter().flat_map(|gathered| &gathered.policies);
            // The root user has neither identity policies nor a boundary.
            if caller.kind != CallerKind::Root {
                case.add(Origin::Identity, &policies.identity.policies, context);
                let boundary = policies.boundary.iter().flat_map(|gathered| &gathered.policies);
                case.add(Origin::Boundary, boundary, context);
            }
            case.add(Origin::Session, session, context);
            if !linked {
                for (level, gathered) in policies.scp.iter().flatten().enumerate() {
                    case.add(Origin::Scp(level), &gathered.policies, context);
                }
            }
        }
        case.add(Origin::Resource, &policies.resource, context);
        if !linked && has_rcp(&request.action) {
            case.add(Origin::Rcp, policies.rcp.iter().flatten().flat_map(|gathered| &gathered.policies), context);
        }
        case
    }

    fn add(&mut self, origin: Origin, policies: impl IntoIterator<Item = &'a Named>, context: &Context<'a>) {
        for named in policies {
            for statement in &named.policy.statements {
                if let Some(line) = self.line(origin, named, statement, context) {
                    self.lines.push(line);
                }
            }
        }
    }

    fn line(
        &self,
        origin: Origin,
        named: &'a Named,
        statement: &'a Statement,
        context: &Context<'a>,
    ) -> Option<Line<'a>> {
        let line = |fixed, meant, resource_varies| Line {
            origin,
            name: &named.name,
            statement,
            fixed,
            meant,
            resource_varies,
        };
        if statement.unknown.is_some() {
            return Some(line(Truth::Unknown, Meant::all(Truth::Unknown), false));
        }
        let mut fixed = statement.covers(&self.request.action);
        if fixed == Truth::False {
            return None;
        }
        let matched = resource_matches(statement, &self.request.resource, context);
        // What is decided with its variables unknown stays so whatever they turn out to be.
        let varies = matched == Truth::Unknown
            && resource_entries(statement).any(|entry| entry.template.variables().next().is_some());
        if !varies {
            fixed = fixed.and(matched);
        }
        let meant = match origin {
            Origin::Resource | Origin::Rcp => meant(statement, &self.caller, self.policies.boundary.is_some()),
            _ => Meant { directly: Truth::True, ..Meant::NOT },
        };
        fixed = fixed.and(meant.at_all());
        (fixed != Truth::False).then(|| line(fixed, meant, varies))
    }

    fn weigh(&self, context: &Context<'a>) -> Vec<Weight> {
        self.lines.iter().map(|line| self.weight(line, context)).collect()
    }

    fn weight(&self, line: &Line<'a>, context: &Context<'a>) -> Weight {
        let statement = line.statement;
        let mut applies = line.fixed;
        if line.resource_varies {
            applies = applies.and(resource_matches(statement, &self.request.resource, context));
        }
        let effect = statement.effect.unwrap_or(Effect::Deny);
        for condition in &statement.conditions {
            if applies == Truth::False {
                break;
            }
            applies = applies.and(condition::holds(condition, context, effect));
        }
        let mut weight = match statement.effect {
            Some(Effect::Allow) => Weight { allows: applies, denies: Truth::False },
            Some(Effect::Deny) => Weight { allows: Truth::False, denies: applies },
            None => Weight { allows: applies.and(Truth::Unknown), denies: applies.and(Truth::Unknown) },
        };
        if line.origin == Origin::Rcp && !is_of(&self.request.action, &RCP_SERVICES) {
            weight.denies = weight.denies.and(Truth::Unknown);
        }
        if self.malformed(line) {
            // AWS refuses the document: it grants nothing, and what it would deny cannot be relied on.
            weight = Weight { allows: Truth::False, denies: weight.denies.and(Truth::Unknown) };
        }
        weight
    }

    /// Whether AWS refuses such a statement in a policy of this kind.
    fn malformed(&self, line: &Line<'a>) -> bool {
        let statement = line.statement;
        let principals = statement.principals.is_some() || statement.not_principals.is_some();
        let resources = statement.resources.is_some() || statement.not_resources.is_some();
        let trust = || is_trust(&self.request.action, &self.request.resource);
        statement.malformed
            || statement.unknown.is_none()
                && match line.origin {
                    Origin::Resource if trust() => resources || statement.not_principals.is_some(),
                    Origin::Resource => !resources && self.needs_resources(),
                    Origin::Rcp => false,
                    _ => principals || !resources,
                }
    }

    /// Whether a policy of the asked service's resources must name them in each statement; those of
    /// some others, such as ECR's, cannot.
    fn needs_resources(&self) -> bool {
        is_of(&self.request.action, &["s3", "kms", "sqs", "sns", "secretsmanager"])
    }

    /// What the weights come to, policy types put together.
    fn verdict(&self, weights: &[Weight]) -> Verdict {
        let allows = |origin: Origin| {
            let lines = self.lines.iter().zip(weights).filter(|(line, _)| line.origin == origin);
            Truth::any(lines.map(|(_, weight)| weight.allows))
        };
        let open = |gathered: &Gathered, truth: Truth| {
            if gathered.missing.is_empty() { truth } else { truth.or(Truth::Unknown) }
        };
        let mut deny = Truth::any(weights.iter().map(|weight| weight.denies));
        if !self.missing().is_empty() {
            deny = deny.or(Truth::Unknown);
        }
        let mut granted = Meant::NOT;
        for (line, weight) in self.lines.iter().zip(weights).filter(|(line, _)| line.origin == Origin::Resource) {
            let meant = line.meant.and(weight.allows);
            granted = granted.or(meant);
        }
        if self.policies.resource_missing.is_some() {
            granted = granted.or(Meant::all(Truth::Unknown));
        }
        if !self.caller.has_identity() {
            return Verdict { allow: granted.directly, deny };
        }
        let root = self.caller.kind == CallerKind::Root;
        let identity = if root { Truth::True } else { open(&self.policies.identity, allows(Origin::Identity)) };
        let boundary = match &self.policies.boundary {
            Some(gathered) if !root => open(gathered, allows(Origin::Boundary)),
            _ => Truth::True,
        };
        let session = match &self.policies.session {
            Some(gathered) => open(gathered, allows(Origin::Session)),
            // Without a session policy, such a session has no permissions of its own.
            None if self.caller.kind == CallerKind::FederatedUser => Truth::False,
            None => Truth::True,
        };
        let capped = boundary.and(session);
        let identity = identity.and(capped);
        let resource = granted.directly.or(granted.by_user.and(session)).or(granted.by_role.and(capped));
        let within =
            if self.resource_rules { resource.or(granted.at_all().and(identity)) } else { resource.or(identity) };
        let across = granted.at_all().and(identity);
        let mut allow = match self.same_account {
            Truth::True => within,
            Truth::False => across,
            Truth::Unknown if within == across => within,
            Truth::Unknown => Truth::Unknown,
        };
        if !self.caller.is_service_linked() {
            for (level, gathered) in self.policies.scp.iter().flatten().enumerate() {
                allow = allow.and(open(gathered, allows(Origin::Scp(level))));
            }
        }
        if is_reserved(&self.request.action, &self.request.resource) {
            allow = allow.and(Truth::Unknown);
        }
        Verdict { allow, deny }
    }

    /// The policies that were not collected, of all kinds that apply.
    fn missing(&self) -> Vec<String> {
        let own = self.caller.has_identity();
        let identity = own.then_some(&self.policies.identity).into_iter();
        let caps = self.policies.boundary.iter().chain(&self.policies.session).filter(|_| own);
        let linked = self.caller.is_service_linked();
        let scp = self.policies.scp.iter().flatten().filter(|_| own && !linked);
        let rcp = self.policies.rcp.iter().flatten().filter(|_| !linked && has_rcp(&self.request.action));
        let mut missing: Vec<String> =
            identity.chain(caps).chain(scp).chain(rcp).flat_map(|gathered| gathered.missing.iter().cloned()).collect();
        missing.extend(self.policies.resource_missing.clone());
        missing.sort();
        missing.dedup();
        missing
    }

    /// The holes in statements that are undecided.
    fn holes(&self, weights: &[Weight]) -> Vec<String> {
        let open = self.lines.iter().zip(weights).filter(|(_, weight)| weight.is_open());
        open.flat_map(|(line, _)| line.statement.holes().chain(line.statement.unknown.as_deref()))
            .map(|name| format!("${{{name}}}"))
            .collect()
    }

    fn because(&self, weights: &[Weight], outcome: Outcome) -> Vec<Because> {
        let decided = |weight: &Weight| match outcome {
            Outcome::Denied(Kind::Explicit) => weight.denies != Truth::False,
            Outcome::Denied(Kind::Implicit) => false,
            Outcome::Allowed => weight.allows != Truth::False,
            Outcome::Conditional => weight.allows != Truth::False || weight.denies != Truth::False,
        };
        let certain = |weight: &Weight| weight.allows == Truth::True || weight.denies == Truth::True;
        let mut chosen: Vec<(&Line<'_>, &Weight)> =
            self.lines.iter().zip(weights).filter(|(_, weight)| decided(weight)).collect();
        if self.verdict(weights).outcome() == outcome && outcome != Outcome::Conditional {
            // Decided without trying anything: the statements that certainly apply suffice.
            chosen.retain(|(_, weight)| certain(weight));
        }
        chosen
            .into_iter()
            .map(|(line, weight)| Because {
                policy: line.name.to_owned(),
                statement: line.statement.index,
                sid: line.statement.sid.clone(),
                pointer: line.statement.pointer.clone(),
                effect: if weight.denies == Truth::False { Effect::Allow } else { Effect::Deny },
            })
            .collect()
    }
}
