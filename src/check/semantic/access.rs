//! Questions to [`crate::iam`], with the policies that the estate holds.

use super::single;
use crate::check::{Evidence, Inquiry, Spot, Subject, Verdict};
use crate::iam::policy::{Principal, PrincipalKind};
use crate::iam::trust::{self, Caller, MissKind, Wanted, Who};
use crate::iam::{
    self, ContextValue, Decision, Gathered, Kind, Named, Outcome, Policies, Policy, Request, Statement, base36, decide,
};
use crate::known::{Text, Told, Truth, Unknown};
use crate::link::Arn;
use crate::link::organization::{self, Control};
use crate::link::policies::{self, Collected};
use crate::link::resource_policy::{self, ELSEWHERE};
use crate::path::Path;
use crate::rule::{Gate, Outsider, Question, Trusted};
use serde_json::Value;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// One decision for each action of a question.
struct Asked {
    collected: Arc<Collected>,
    principal_at: String,
    decisions: Vec<(String, Decision)>,
    /// The name of the resource's own policy, and its pointer.
    resource: Option<(String, String)>,
}

impl Asked {
    /// The place of something inside a policy, be it the resource's.
    fn spot(&self, policy: &str, pointer: &str) -> Option<Spot> {
        match &self.resource {
            Some((name, at)) if name == policy => Some(Spot { pointer: format!("{at}{pointer}"), note: String::new() }),
            _ => spot(&self.collected, policy, pointer),
        }
    }
}

fn ask(
    question: &Question,
    unknown_present: &BTreeSet<String>,
    subject: &Subject<'_>,
    inquiry: &Inquiry<'_>,
) -> Result<Asked, Verdict> {
    let (principal, pointer) = single(subject, &question.principal)?;
    let Some(arn) = principal["Arn"].told() else {
        return Err(Verdict::Unknown(Evidence::at(pointer, "the principal has no ARN")));
    };
    let none = BTreeMap::new();
    let names = |name: &str| subject.named(name, &none);
    let resource = question.resource.with_holes(&names);
    let account = Arn::parse(arn).map(|arn| arn.account.to_owned());
    let mut context: BTreeMap<String, ContextValue> = question
        .context
        .iter()
        .map(|(key, value)| (key.clone(), ContextValue::One(value.with_holes(&names))))
        .collect();
    context.insert("aws:PrincipalArn".into(), ContextValue::One(Text::shown(arn)));
    if let Some(hole) = account.as_deref().map(Text::shown).filter(|account| account.as_str().is_none()) {
        context.insert("aws:PrincipalAccount".into(), ContextValue::One(hole));
    }
    let shown = resource.to_string();
    let resource_account = Arn::parse(&shown).map(|arn| arn.account.to_owned()).filter(|account| !account.is_empty());
    let resource_account = resource_account.or_else(|| account.clone());
    // An account that is not known yet may be the other one or not.
    let is_told = |account: &Option<String>| account.as_deref().is_none_or(|account| !account.contains("${"));
    let comparable = resource_account == account || (is_told(&resource_account) && is_told(&account));
    let resource_account = resource_account.filter(|_| comparable);
    let collected = inquiry.policies(&pointer, || policies::collect(inquiry.linked, principal, &pointer));
    let own = account.as_deref().unwrap_or_default();
    let mut resource_account = resource_account;
    let mut policies = Cow::Borrowed(&collected.policies);
    match question.only {
        None => {}
        Some(Gate::Organization) => {
            let Policies { scp, rcp, .. } = collected.policies.clone();
            policies = Cow::Owned(Policies { identity: everything(), scp, rcp, ..Policies::default() });
        }
        Some(Gate::Resource) => {
            policies = Cow::Owned(Policies { identity: everything(), ..Policies::default() });
        }
        // In the account of the principal, what it is allowed suffices.
        Some(Gate::Principal) => resource_account = Some(own.to_owned()),
    }
    let mut resource_at = None;
    let alone = matches!(question.only, Some(Gate::Organization | Gate::Principal));
    if let Some(found) = resource_policy::resource(inquiry.linked, &resource, own).filter(|_| !alone) {
        if found.elsewhere {
            resource_account = Some(ELSEWHERE.to_owned());
        }
        if found.policy.is_some() || found.missing.is_some() {
            let policies = policies.to_mut();
            policies.resource_missing = found.missing;
            if let Some((named, pointer)) = found.policy {
                resource_at = Some((named.name.clone(), pointer));
                policies.resource = Some(named);
            }
        }
    }
    if let Some(owner) = resource_account.as_deref().filter(|owner| *owner != own && policies.rcp.is_some()) {
        let above = organization::levels(&inquiry.linked.estate, owner, Control::Resource);
        policies.to_mut().rcp = above.map(|above| above.levels);
    }
    let decisions = question.actions.iter().map(|action| {
        let request = Request {
            principal: arn.to_owned(),
            action: action.clone(),
            resource: resource.clone(),
            resource_account: resource_account.clone(),
            context: context.clone(),
            unknown: BTreeSet::new(),
            unknown_present: unknown_present.clone(),
            open: true,
        };
        (action.clone(), decide(&request, &policies))
    });
    let decisions = decisions.collect();
    drop(policies);
    Ok(Asked { collected, principal_at: pointer, decisions, resource: resource_at })
}

/// Identity policies that allow everything.
fn everything() -> Gathered {
    let document = serde_json::json!({
        "Version": "2012-10-17",
        "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"},
    });
    vec![Named { name: "everything".to_owned(), policy: Arc::new(Policy::of(&document)) }].into()
}

/// Whether IAM lets the principal do all of it.
pub(super) fn allows(question: &Question, subject: &Subject<'_>, inquiry: &Inquiry<'_>) -> Verdict {
    let asked = match ask(question, &BTreeSet::new(), subject, inquiry) {
        Ok(asked) => asked,
        Err(verdict) => return verdict,
    };
    let denied: Vec<&(String, Decision)> =
        asked.decisions.iter().filter(|(_, decision)| matches!(decision.outcome, Outcome::Denied(_))).collect();
    let Some((action, first)) = denied.first() else {
        return Verdict::all(asked.decisions.iter().map(|(action, decision)| match decision.outcome {
            Outcome::Allowed | Outcome::Denied(_) => Verdict::Pass,
            Outcome::Conditional => Verdict::Unknown(conditional(action, decision, &asked)),
        }));
    };
    let because = match (first.outcome, &first.nearest_miss) {
        (Outcome::Denied(Kind::Explicit), _) => match first.because.first() {
            Some(because) if asked.collected.is_boundary(&because.policy) => {
                format!("{}, its permissions boundary, denies it", statement(because))
            }
            Some(because) => format!("{} denies it", statement(because)),
            None => "a policy denies it".to_owned(),
        },
        (_, Some(miss)) if asked.collected.is_boundary(&miss.policy) => {
            let what = miss.statement.map_or_else(String::new, |_| format!(": {}", miss.what));
            format!("its permissions boundary {} does not allow it{what}", miss.policy)
        }
        (_, Some(miss)) if asked.collected.is_control(&miss.policy) => {
            format!("the organization's {} does not allow it", miss.policy)
        }
        (_, Some(miss)) if miss.statement.is_none() => format!("no statement allows `{action}`"),
        (_, Some(miss)) => format!("no statement allows it; the nearest, in {}: {}", miss.policy, miss.what),
        _ => "no statement allows it".to_owned(),
    };
    let miss = first.nearest_miss.as_ref().and_then(|miss| asked.spot(&miss.policy, &miss.pointer));
    let deny = first.because.first().and_then(|because| asked.spot(&because.policy, &because.pointer));
    let spot = deny.or(miss).unwrap_or(Spot { pointer: asked.principal_at.clone(), note: String::new() });
    let actions: Vec<&str> = denied.iter().map(|(action, _)| action.as_str()).collect();
    Verdict::Fail(
        Evidence { because, spots: vec![spot], ..Evidence::default() }
            .fact("actions", actions.join("`, `"))
            .fact("actions_json", format!("\"{}\"", actions.join("\", \""))),
    )
}

/// Whether IAM lets the principal do it only under a condition on one of the keys.
pub(super) fn limits(question: &Question, by: &[String], subject: &Subject<'_>, inquiry: &Inquiry<'_>) -> Verdict {
    let asked = match ask(question, &by.first().cloned().into_iter().collect(), subject, inquiry) {
        Ok(asked) => asked,
        Err(verdict) => return verdict,
    };
    Verdict::all(asked.decisions.iter().map(|(action, decision)| {
        let depends = decision.depends_on.iter().any(|key| by.iter().any(|by| key.eq_ignore_ascii_case(by)));
        match decision.outcome {
            Outcome::Denied(_) => Verdict::Pass,
            Outcome::Conditional if depends => Verdict::Pass,
            Outcome::Conditional => Verdict::Unknown(conditional(action, decision, &asked)),
            Outcome::Allowed => {
                let allowing = decision.because.first();
                let spot = allowing.and_then(|because| asked.spot(&because.policy, &because.pointer));
                let spot = spot.unwrap_or(Spot { pointer: asked.principal_at.clone(), note: String::new() });
                let because = allowing.map_or_else(
                    || "nothing limits it".to_owned(),
                    |because| format!("{} allows it for any `{}`", statement(because), by.join("` and any `")),
                );
                Verdict::Fail(
                    Evidence { because, spots: vec![spot], ..Evidence::default() }.fact("action", action.clone()),
                )
            }
        }
    }))
}

/// Whether IAM keeps the principal from all of it.
pub(super) fn withholds(question: &Question, subject: &Subject<'_>, inquiry: &Inquiry<'_>) -> Verdict {
    let asked = match ask(question, &BTreeSet::new(), subject, inquiry) {
        Ok(asked) => asked,
        Err(verdict) => return verdict,
    };
    Verdict::all(asked.decisions.iter().map(|(action, decision)| match decision.outcome {
        Outcome::Denied(_) => Verdict::Pass,
        Outcome::Conditional => Verdict::Unknown(conditional(action, decision, &asked)),
        Outcome::Allowed => {
            let allowing = decision.because.first();
            // What is granted on, and then what is granted: both are needed to see what is too much.
            let spots = allowing.map(|because| {
                let parts = ["Resource", "Action"].map(|part| format!("{}/{part}", because.pointer));
                parts.iter().filter_map(|part| asked.spot(&because.policy, part)).collect::<Vec<_>>()
            });
            let otherwise = || vec![Spot { pointer: asked.principal_at.clone(), note: String::new() }];
            let spots = spots.filter(|spots| !spots.is_empty()).unwrap_or_else(otherwise);
            let because =
                allowing.map_or_else(|| "it is allowed".to_owned(), |it| format!("{} allows it", statement(it)));
            let evidence = Evidence { because, spots, ..Evidence::default() };
            Verdict::Fail(evidence.fact("action", action.clone()))
        }
    }))
}

/// The place of something inside a policy.
pub(super) fn spot(collected: &Collected, policy: &str, pointer: &str) -> Option<Spot> {
    Some(Spot { pointer: collected.pointer_of(policy, pointer)?, note: String::new() })
}

fn statement(because: &iam::Because) -> String {
    match &because.sid {
        Some(sid) => format!("statement `{sid}` of {}", because.policy),
        None => format!("statement {} of {}", because.statement + 1, because.policy),
    }
}

/// The evidence that a decision depends on what is not known.
fn conditional(action: &str, decision: &Decision, asked: &Asked) -> Evidence {
    let mut evidence = Evidence::at(asked.principal_at.clone(), String::new()).fact("action", action);
    if decision.missing.is_empty() {
        let keys: Vec<String> = decision.depends_on.iter().map(|key| format!("`{key}`")).collect();
        evidence.because = if keys.is_empty() {
            format!("`{action}` depends on what AWS does not document")
        } else {
            format!("`{action}` depends on {}", keys.join(", "))
        };
        evidence
            .unblock
            .extend(keys.first().map(|_| format!("see whether the call meets the condition on {}", keys.join(", "))));
        if let Some(because) = decision.because.first()
            && let Some(spot) = asked.spot(&because.policy, &because.pointer)
        {
            evidence.spots = vec![spot];
        }
    } else {
        evidence.because =
            format!("`{action}` depends on policies that were not collected: {}", decision.missing.join(", "));
        evidence.unblock = unblock(&decision.missing);
    }
    evidence
}

/// What would show the policies that were not collected: the commands that stand in their names.
fn unblock(missing: &[String]) -> Vec<String> {
    let command = |name: &String| {
        let (_, command) = name.strip_suffix("`)")?.rsplit_once("(`")?;
        Some(format!("run `{command}`"))
    };
    let iam = "run `aws iam get-account-authorization-details`";
    let all: BTreeSet<String> = missing.iter().map(|name| command(name).unwrap_or_else(|| iam.to_owned())).collect();
    all.into_iter().collect()
}

/// The trust policy of the role at a path, and its place.
fn trust_policy(subject: &Subject<'_>, role: &Path) -> Result<(Policy, String, Value), Verdict> {
    let (role, pointer) = single(subject, role)?;
    let document = &role["AssumeRolePolicyDocument"];
    let pointer = format!("{pointer}/AssumeRolePolicyDocument");
    if let Some(unknown) = Unknown::of(document) {
        return Err(Verdict::Unknown(Evidence::unknown(pointer, unknown)));
    }
    if document.is_null() {
        let unknown = Unknown {
            why: "the role's trust policy was not collected".into(),
            unblock: Some("run `aws iam get-role`".into()),
        };
        return Err(Verdict::Unknown(Evidence::unknown(pointer, unknown)));
    }
    Ok((Policy::of(document), pointer, role.clone()))
}

/// The service accounts that a role should admit, in the engine's terms.
fn wanted(trusted: &Trusted, role: &Value, subject: &Subject<'_>) -> Result<Option<Wanted>, Verdict> {
    let Some(accounts) = &trusted.service_accounts else { return Ok(None) };
    let text = |path: &Path| -> Result<Text, Verdict> {
        let (value, pointer) = single(subject, path)?;
        Text::of(value).ok_or_else(|| Verdict::Unknown(Evidence::at(pointer, "it is not a text")))
    };
    let issuer = text(&accounts.issuer)?;
    let arn = role["Arn"].told().and_then(Arn::parse);
    let account = arn.map_or_else(|| Text::hole("account"), |arn| Text::shown(arn.account));
    let names = match &accounts.names {
        None => trust::Accounts::EmrOnEks {
            account: account.clone(),
            role_base36: base36::of(&Text::shown(role["RoleName"].told().unwrap_or_default())),
        },
        Some(path) => {
            let selected = subject.find(path);
            if let Some(evidence) = super::blocked(&selected) {
                return Err(Verdict::Unknown(evidence));
            }
            let names = selected.found.iter().filter_map(|(value, _)| value.told().map(str::to_owned));
            trust::Accounts::Named(names.collect())
        }
    };
    let provider =
        arn.map(|arn| Text::shown(&format!("arn:{}:iam::{}:oidc-provider/{issuer}", arn.partition, arn.account)));
    Ok(Some(Wanted { namespace: text(&accounts.namespace)?, issuer, accounts: names, provider_arn: provider }))
}

/// Whether the role may be assumed by all that are wanted.
pub(super) fn trusts(trusted: &Trusted, subject: &Subject<'_>, inquiry: &Inquiry<'_>) -> Verdict {
    let (policy, pointer, role) = match trust_policy(subject, &trusted.role) {
        Ok(found) => found,
        Err(verdict) => return verdict,
    };
    if let Some(service) = &trusted.service {
        return trusts_service(&policy, &pointer, &role, service, &trusted.actions);
    }
    let wanted = match wanted(trusted, &role, subject) {
        Ok(Some(wanted)) => wanted,
        Ok(None) => {
            return Verdict::Unknown(Evidence::at(pointer, "the rule names neither a service nor service accounts"));
        }
        Err(verdict) => return verdict,
    };
    let question = format!("{pointer} {} {} {:?}", wanted.issuer, wanted.namespace, wanted.accounts);
    let scope = inquiry.scope(question, || trust::scope(&policy, &wanted));
    let miss = scope.miss.as_ref();
    let mut evidence = match miss {
        Some(miss) => Evidence {
            facts: miss.facts.clone(),
            ..Evidence::at(format!("{pointer}{}", miss.pointer), miss.what.clone())
        },
        None => Evidence::at(pointer.clone(), "it depends on what is not known of the trust policy"),
    };
    if let Some(statement) = miss.and_then(|miss| miss.pointer.strip_prefix("/Statement/")) {
        let number = statement.split('/').next().unwrap_or_default().to_owned();
        evidence.facts.insert("statement".into(), number);
    }
    if let Some(role) = evidence.facts.get("role").cloned() {
        evidence.facts.insert("role".into(), role.escape_debug().to_string());
    }
    match scope.admitted {
        Truth::True => Verdict::Pass,
        Truth::Unknown => Verdict::Unknown(evidence),
        Truth::False => {
            let kind = miss.map_or(MissKind::Other, |miss| miss.kind);
            let counts = trusted.miss.map_or(!trusted.except.contains(&kind), |only| only == kind);
            if counts { Verdict::Fail(evidence) } else { Verdict::Pass }
        }
    }
}

/// Whether a service may do these things to the role. AWS says for which account it acts, which is the
/// role's own; what else a condition asks for is left open, and one that can be met counts as met.
fn trusts_service(policy: &Policy, pointer: &str, role: &Value, service: &str, actions: &[String]) -> Verdict {
    let assume = ["sts:AssumeRole".to_owned()];
    let actions = if actions.is_empty() { &assume[..] } else { actions };
    let account = role["Arn"].told().and_then(Arn::parse).map(|arn| ContextValue::One(Text::shown(arn.account)));
    let context: BTreeMap<String, ContextValue> =
        account.into_iter().map(|account| ("aws:SourceAccount".to_owned(), account)).collect();
    Verdict::all(actions.iter().map(|action| {
        let decision = trust::service_decision(policy, service, action, &context);
        let (inside, because) = match (&decision.nearest_miss, decision.because.first()) {
            (Some(miss), _) => (miss.pointer.as_str(), miss.what.clone()),
            (None, Some(because)) => (because.pointer.as_str(), format!("{} denies it", statement(because))),
            (None, None) => ("", format!("no statement lets `{service}` do `{action}`")),
        };
        let evidence =
            Evidence::at(format!("{pointer}{inside}"), because).fact("action", action.clone()).fact("service", service);
        match decision.possible {
            Truth::True => Verdict::Pass,
            Truth::False => Verdict::Fail(evidence),
            Truth::Unknown => Verdict::Unknown(evidence),
        }
    }))
}

/// Whether the role may be assumed by nobody beside those that are wanted.
pub(super) fn trusts_only(trusted: &Trusted, subject: &Subject<'_>) -> Verdict {
    let (policy, pointer, role) = match trust_policy(subject, &trusted.role) {
        Ok(found) => found,
        Err(verdict) => return verdict,
    };
    let wanted = match wanted(trusted, &role, subject) {
        Ok(Some(wanted)) => wanted,
        Ok(None) => return Verdict::Unknown(Evidence::at(pointer, "the rule names no service accounts")),
        Err(verdict) => return verdict,
    };
    let policy = without_the_expected(policy, &trusted.expected, &wanted);
    let scope = trust::scope(&policy, &wanted);
    let at = scope.because.first().map_or_else(|| pointer.clone(), |because| format!("{pointer}{}", because.pointer));
    let others = scope.extra.join(", ");
    let evidence = Evidence::at(at, format!("it also admits {others}")).fact("others", others);
    match scope.others {
        Truth::False => Verdict::Pass,
        Truth::True if are_of_other_roles(&scope.extra, subject) => Verdict::Pass,
        Truth::True => Verdict::Fail(evidence),
        Truth::Unknown => {
            Verdict::Unknown(Evidence { because: "who else gets in depends on what is not known".into(), ..evidence })
        }
    }
}

/// Whether all who get in beside the wanted ones are service accounts that EMR makes in the same namespace, for
/// whatever role: Terraform cannot spell the suffix of a role's name, and its modules leave it open.
fn are_of_other_roles(extra: &[String], subject: &Subject<'_>) -> bool {
    let Some(namespace) = subject.rollout.and_then(|(_, rollout)| rollout["namespace"].told()) else { return false };
    let end = format!(" of namespace `{namespace}`");
    let is_theirs = |one: &String| one.starts_with("service accounts like `emr-containers-sa-") && one.ends_with(&end);
    !extra.is_empty() && extra.iter().all(is_theirs)
}

/// The policy without those statements that admit only what nobody wonders about: services that the
/// rule expects, and EMR's service accounts of this very role in other namespaces and clusters, which
/// is how one role serves several of them.
fn without_the_expected(mut policy: Policy, services: &[String], wanted: &Wanted) -> Policy {
    let statements = std::mem::take(&mut policy.statements);
    policy.statements = statements
        .into_iter()
        .filter(|statement| {
            let principals = statement.principals.as_deref().unwrap_or_default();
            let only_services = !principals.is_empty()
                && principals.iter().all(|principal| {
                    principal.kind == PrincipalKind::Service
                        && principal.value.as_str().is_some_and(|name| services.iter().any(|service| service == name))
                });
            !only_services && !is_for_this_role_elsewhere(statement, principals, wanted)
        })
        .collect();
    policy
}

fn is_for_this_role_elsewhere(statement: &Statement, principals: &[Principal], wanted: &Wanted) -> bool {
    let (trust::Accounts::EmrOnEks { .. }, [principal]) = (&wanted.accounts, principals) else { return false };
    let shown = principal.value.to_string();
    let Some(provider) = Arn::parse(&shown) else { return false };
    let own = wanted.provider_arn.as_ref().map(Text::to_string);
    let own = own.as_deref().and_then(Arn::parse);
    let Some(issuer) = provider.resource.strip_prefix("oidc-provider/") else { return false };
    if own.is_none_or(|own| own.account != provider.account || own.partition != provider.partition) {
        return false;
    }
    statement.conditions.iter().flat_map(|condition| &condition.values).any(|value| {
        let Some(namespace) = value.plain().and_then(namespace_of) else { return false };
        let elsewhere = Wanted {
            issuer: Text::shown(issuer),
            namespace: namespace.into(),
            provider_arn: Some(principal.value.clone()),
            ..wanted.clone()
        };
        let alone = Policy { statements: vec![statement.clone()], variables: true, faults: Vec::new() };
        trust::scope(&alone, &elsewhere).others == Truth::False
    })
}

/// The namespace in the subject of a service account, if it is one and no pattern.
fn namespace_of(subject: &str) -> Option<&str> {
    let namespace = subject.strip_prefix("system:serviceaccount:")?.split(':').next()?;
    (!namespace.contains(['*', '?', '$'])).then_some(namespace)
}

/// Whether the service that a role trusts is held to one account or resource.
pub(super) fn trust_scoped(role: &Path, service: &str, subject: &Subject<'_>) -> Verdict {
    let (policy, pointer, _) = match trust_policy(subject, role) {
        Ok(found) => found,
        Err(verdict) => return verdict,
    };
    let answer = trust::service_trust(&policy, service);
    let at = answer.because.first().map_or_else(|| pointer.clone(), |because| format!("{pointer}{}", because.pointer));
    let because = format!("no condition on `aws:SourceAccount` or `aws:SourceArn` limits `{service}`");
    let mut evidence = Evidence::at(at, because).fact("service", service);
    // Where the service is named, which may be far from the head of its statement.
    let named = policy.statements.iter().flat_map(|statement| statement.principals.iter().flatten());
    let named = named.filter(|principal| principal.value.as_str() == Some(service));
    evidence.spots.extend(named.map(|one| Spot { pointer: format!("{pointer}{}", one.pointer), note: String::new() }));
    match (answer.admitted, answer.scoped) {
        // A service that does not get in at all is another rule's business.
        (Truth::False, _) | (_, Truth::True) => Verdict::Pass,
        (Truth::True, Truth::False) => Verdict::Fail(evidence),
        _ => Verdict::Unknown(evidence),
    }
}

/// Whether callers of these kinds are kept out of a role.
pub(super) fn keeps_out(role: &Path, kinds: &[Outsider], subject: &Subject<'_>) -> Verdict {
    let (policy, pointer, role) = match trust_policy(subject, role) {
        Ok(found) => found,
        Err(verdict) => return verdict,
    };
    let account = role["Arn"].told().and_then(Arn::parse).map(|arn| arn.account.to_owned()).unwrap_or_default();
    let callers = trust::callers(&policy, &account);
    Verdict::all(callers.iter().filter(|caller| kinds.iter().any(|kind| is_of(caller, *kind))).map(|caller| {
        let evidence = Evidence::at(format!("{pointer}{}", caller.pointer), format!("it lets in `{}`", caller.name))
            .fact("caller", caller.name.to_string());
        if caller.narrowed { Verdict::Pass } else { Verdict::Fail(evidence) }
    }))
}

fn is_of(caller: &Caller, kind: Outsider) -> bool {
    matches!(
        (caller.who, kind),
        (Who::Anyone, Outsider::Anyone)
            | (Who::OwnAccount, Outsider::OwnAccount)
            | (Who::ForeignAccount, Outsider::OtherAccount)
    )
}
