//! The policies of principals by themselves: what in them has no effect, or is refused.
//!
//! Policies of AWS are left out: nobody can mend them. So are those that were not collected, which
//! make the answer unknown where nothing else is wrong.

use super::access::spot;
use crate::check::{Evidence, Inquiry, Spot, Subject, Verdict};
use crate::facts::actions::{self, Reach, Resource, Symbol};
use crate::iam::condition::{Quantifier, Test};
use crate::iam::pattern::{self, Piece, Template};
use crate::iam::policy::{Entry, is_unique_id};
use crate::iam::{Effect, Named, Policy, Statement};
use crate::known::Told;
use crate::link::policies::{Collected, collect};
use crate::path::Path;
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Something that is wrong in a policy.
struct Slip {
    /// What, by itself: the name of an action, or how a statement is called.
    what: String,
    /// Why it is wrong.
    why: String,
    /// Where: a JSON pointer inside the policy.
    pointer: String,
}

/// Whether every action that the policies name exists.
pub(super) fn names_actions(principals: &[Path], subject: &Subject<'_>, inquiry: &Inquiry<'_>) -> Verdict {
    each_policy(principals, subject, inquiry, |named, _| {
        let statements = named.policy.statements.iter();
        let named = statements.flat_map(|statement| [&statement.actions, &statement.not_actions]).flatten().flatten();
        let unknown = named.filter_map(|entry| {
            let action = entry.template.plain()?;
            (actions::reach(action, &[]) == Reach::NoSuchAction).then(|| {
                let service = action.split(':').next().unwrap_or_default();
                let why = format!("`{service}` has no action of that name");
                Slip { what: format!("`{action}`"), why, pointer: entry.pointer.clone() }
            })
        });
        unknown.collect()
    })
}

/// Whether every statement that allows something lets some request through.
pub(super) fn grants_something(principals: &[Path], subject: &Subject<'_>, inquiry: &Inquiry<'_>) -> Verdict {
    each_policy(principals, subject, inquiry, |named, _| {
        let statements = named.policy.statements.iter().filter(|statement| statement.effect == Some(Effect::Allow));
        statements
            .filter_map(|statement| {
                let (why, pointer) = grants_nothing(statement)?;
                Some(Slip { what: called(statement, &named.name), why, pointer })
            })
            .collect()
    })
}

/// Whether the denials beside each statement that allows something leave some of it allowed.
pub(super) fn outlives_denials(principals: &[Path], subject: &Subject<'_>, inquiry: &Inquiry<'_>) -> Verdict {
    each_policy(principals, subject, inquiry, |named, collected| {
        let denials = denials(collected);
        let allows = named.policy.statements.iter().filter(|statement| statement.effect == Some(Effect::Allow));
        allows
            .filter_map(|statement| {
                let (policy, denial) = denials.iter().find(|(_, denial)| undoes(denial, statement))?;
                let why = format!("{} denies all of it", called(denial, policy));
                Some(Slip { what: called(statement, &named.name), why, pointer: statement.pointer.clone() })
            })
            .collect()
    })
}

/// The statements that deny something whatever else a request says, from all policies over a principal.
fn denials(collected: &Collected) -> Vec<(&str, &Statement)> {
    let policies = &collected.policies;
    let gathered = std::iter::once(&policies.identity).chain(&policies.boundary).chain(policies.scp.iter().flatten());
    let named = gathered.flat_map(|gathered| &gathered.policies);
    named
        .flat_map(|named| named.policy.statements.iter().map(move |statement| (named.name.as_str(), statement)))
        .filter(|(_, statement)| {
            let plain = !statement.malformed && statement.unknown.is_none() && statement.conditions.is_empty();
            plain && statement.effect == Some(Effect::Deny)
        })
        .collect()
}

/// Whether a denial covers everything that a statement allows.
fn undoes(denial: &Statement, allow: &Statement) -> bool {
    if allow.malformed || allow.unknown.is_some() {
        return false;
    }
    let covered =
        |entries: &Option<Vec<Entry>>, by: &Option<Vec<Entry>>, includes: fn(&Template, &Template) -> bool| {
            let (Some(entries), Some(by)) = (entries, by) else { return false };
            !entries.is_empty()
                && entries.iter().all(|entry| {
                    by.iter().any(|wide| !wide.doubtful && !entry.doubtful && includes(&wide.template, &entry.template))
                })
        };
    covered(&allow.actions, &denial.actions, pattern::includes_action)
        && covered(&allow.resources, &denial.resources, pattern::includes_resource)
}

/// Whether AWS accepts the policies and they do what they seem to say.
pub(super) fn well_formed(principals: &[Path], subject: &Subject<'_>, inquiry: &Inquiry<'_>) -> Verdict {
    let own = each_policy(principals, subject, inquiry, |named, _| {
        let faults = named.policy.faults.iter().map(|fault| Slip {
            what: named.name.clone(),
            why: fault.what.clone(),
            pointer: fault.pointer.clone(),
        });
        let of_principals = named.policy.statements.iter().filter(|statement| {
            statement.unknown.is_none() && (statement.principals.is_some() || statement.not_principals.is_some())
        });
        let of_principals = of_principals.map(|statement| Slip {
            what: named.name.clone(),
            why: "a policy of a role or user names no principal: it is about its holder".to_owned(),
            pointer: statement.pointer.clone(),
        });
        let literal = named.policy.statements.iter().filter(|_| !named.policy.variables).flat_map(variables);
        let literal = literal.map(|(variable, pointer)| Slip {
            what: named.name.clone(),
            why: format!("`{variable}` is taken literally: only version `2012-10-17` has policy variables"),
            pointer,
        });
        faults.chain(of_principals).chain(literal).collect()
    });
    let trust = principals.iter().flat_map(|path| subject.find(path).found);
    let trust = trust.filter(|(role, _)| role["AssumeRolePolicyDocument"].is_object());
    Verdict::all(std::iter::once(own).chain(trust.flat_map(|(role, pointer)| trust_policy(role, &pointer))))
}

/// What is wrong in the form of a role's trust policy. Principals that were deleted are told by themselves.
fn trust_policy(role: &Value, pointer: &str) -> Vec<Verdict> {
    let policy = Policy::of(&role["AssumeRolePolicyDocument"]);
    let arn = role["Arn"].told().unwrap_or("?");
    let principals = policy.statements.iter().flat_map(|statement| statement.principals.iter().flatten());
    let deleted: Vec<&str> = principals
        .filter(|principal| principal.value.as_str().is_some_and(is_unique_id))
        .map(|principal| principal.pointer.as_str())
        .collect();
    let faults = policy.faults.iter().filter(|fault| !deleted.contains(&fault.pointer.as_str()));
    let mut slips: Vec<(&str, String)> = faults.map(|fault| (fault.pointer.as_str(), fault.what.clone())).collect();
    for statement in &policy.statements {
        let at = statement.pointer.as_str();
        if statement.resources.is_some() || statement.not_resources.is_some() {
            slips.push((at, "a trust policy has no `Resource`: it is about its own role".to_owned()));
        }
        if statement.not_principals.is_some() {
            slips.push((at, "a trust policy has no `NotPrincipal`".to_owned()));
        }
        if statement.unknown.is_none() && statement.principals.is_none() && statement.not_principals.is_none() {
            slips.push((at, "a trust policy names a principal in every statement".to_owned()));
        }
    }
    let verdict = |(inside, why): (&str, String)| {
        let evidence = Evidence::at(format!("{pointer}/AssumeRolePolicyDocument{inside}"), why);
        let evidence = evidence.fact("holder", crate::link::role_name(arn).unwrap_or(arn));
        Verdict::Fail(evidence.fact("what", "the trust policy").fact("policy", "the trust policy"))
    };
    slips.into_iter().map(verdict).collect()
}

/// The verdict on all policies of some principals, which may be mended, each looked at by itself.
fn each_policy(
    principals: &[Path],
    subject: &Subject<'_>,
    inquiry: &Inquiry<'_>,
    slips: impl Fn(&Named, &Collected) -> Vec<Slip>,
) -> Verdict {
    let mut verdicts = Vec::new();
    for path in principals {
        let selected = subject.find(path);
        if let Some(evidence) = super::blocked(&selected) {
            verdicts.push(Verdict::Unknown(evidence));
        }
        for (principal, pointer) in &selected.found {
            let collected: Arc<Collected> = inquiry.policies(pointer, || collect(inquiry.linked, principal, pointer));
            verdicts.extend(of_principal(principal, pointer, &collected, &slips));
        }
    }
    let what: BTreeSet<String> = verdicts
        .iter()
        .filter_map(|verdict| match verdict {
            Verdict::Fail(evidence) => evidence.facts.get("what").cloned(),
            Verdict::Pass | Verdict::Unknown(_) => None,
        })
        .collect();
    match Verdict::all(verdicts) {
        Verdict::Fail(mut evidence) => {
            let all: Vec<String> = what.into_iter().collect();
            evidence.facts.insert("what".into(), all.join(" and "));
            Verdict::Fail(evidence)
        }
        verdict => verdict,
    }
}

fn of_principal(
    principal: &Value,
    pointer: &str,
    collected: &Collected,
    slips: &impl Fn(&Named, &Collected) -> Vec<Slip>,
) -> Vec<Verdict> {
    let arn = principal["Arn"].told().unwrap_or("?");
    let holder = crate::link::role_name(arn).unwrap_or(arn);
    let gathered = [Some(&collected.policies.identity), collected.policies.boundary.as_ref()];
    let mut verdicts = Vec::new();
    for gathered in gathered.into_iter().flatten() {
        for named in gathered.policies.iter().filter(|named| !is_of_aws(&named.name)) {
            for slip in slips(named, collected) {
                let spot = spot(collected, &named.name, &slip.pointer);
                let spot = spot.unwrap_or(Spot { pointer: pointer.to_owned(), note: String::new() });
                let evidence = Evidence { because: slip.why, spots: vec![spot], ..Evidence::default() };
                let evidence =
                    evidence.fact("what", slip.what).fact("holder", holder).fact("policy", named.name.clone());
                verdicts.push(Verdict::Fail(evidence));
            }
        }
        let missing: Vec<&str> = gathered.missing.iter().map(String::as_str).filter(|name| !is_of_aws(name)).collect();
        if !missing.is_empty() {
            let because = format!("these were not collected: {}", missing.join(", "));
            let mut evidence = Evidence::at(pointer, because);
            evidence.unblock.push("run `aws iam get-account-authorization-details`".into());
            verdicts.push(Verdict::Unknown(evidence));
        }
    }
    verdicts
}

/// Whether a policy is one of AWS's own.
fn is_of_aws(name: &str) -> bool {
    name.split(':').nth(4) == Some("aws")
}

fn called(statement: &Statement, policy: &str) -> String {
    match &statement.sid {
        Some(sid) => format!("statement `{sid}` of {policy}"),
        None => format!("statement {} of {policy}", statement.index + 1),
    }
}

/// Why no request meets the statement, and where it stops.
fn grants_nothing(statement: &Statement) -> Option<(String, String)> {
    if statement.malformed || statement.unknown.is_some() {
        return None;
    }
    let needed = statement.conditions.iter().filter(|condition| {
        condition.operator.is_some_and(|operator| {
            let fails_without = operator.set != Some(Quantifier::ForAllValues) && !operator.if_exists;
            fails_without && !operator.negated && operator.test != Test::Null
        })
    });
    for condition in needed {
        let Some(key) = condition.key.as_str() else { continue };
        if actions::is_no_key(key) {
            return Some((format!("no request has the key `{key}`"), condition.pointer.clone()));
        }
        let never = |entry: &Entry| entry.template.plain().is_some_and(|action| actions::is_never_sent(key, action));
        if let Some(entries) = statement.actions.as_ref().filter(|entries| entries.iter().all(never)) {
            let named: Vec<String> = entries.iter().map(|entry| format!("`{}`", entry.text)).collect();
            return Some((
                format!("no request for {} has the key `{key}`", named.join(" or ")),
                condition.pointer.clone(),
            ));
        }
    }
    let (actions, entries) = (statement.actions.as_ref()?, statement.resources.as_ref()?);
    let resources: Vec<Resource> = entries.iter().map(symbols).collect();
    let mut reasons = Vec::new();
    for entry in actions {
        match actions::reach(entry.template.plain()?, &resources) {
            // That there is no such action is told by itself.
            Reach::NoSuchAction => {}
            Reach::Some => return None,
            Reach::Nothing(asked_of) => reasons.push(format!("`{}` is asked of {asked_of}", entry.text)),
        }
    }
    let first = reasons.first()?;
    let more = match reasons.len() {
        1 => String::new(),
        count => format!(", and {} more likewise", count - 1),
    };
    let named: Vec<String> = entries.iter().map(|entry| format!("`{}`", entry.text)).collect();
    Some((format!("{first}, never of {}{more}", named.join(" or ")), entries.first()?.pointer.clone()))
}

/// The resource of a statement; what is not known of it may be anything.
fn symbols(entry: &Entry) -> Resource {
    let mut symbols = Vec::new();
    for piece in &entry.template.pieces {
        match piece {
            Piece::Text(text) => symbols.extend(text.chars().map(|c| match c {
                '*' => Symbol::Any,
                '?' => Symbol::One,
                c => Symbol::Char(c),
            })),
            Piece::Escaped(c) => symbols.push(Symbol::Char(*c)),
            Piece::Variable { .. } | Piece::Hole(_) => symbols.push(Symbol::Hole),
        }
    }
    symbols
}

/// What looks like policy variables in a statement whose policy has none, with their places.
fn variables(statement: &Statement) -> Vec<(String, String)> {
    let entries = statement.resources.iter().chain(&statement.not_resources).flatten();
    let entries = entries.map(|entry| (&entry.template, &entry.pointer));
    let values = statement.conditions.iter();
    let values = values.flat_map(|condition| condition.values.iter().map(|value| (value, &condition.pointer)));
    let named = |(template, pointer): (&Template, &String)| {
        let text = template.plain()?;
        let inside = text.split_once("${")?.1.split_once('}')?.0;
        inside.contains(':').then(|| (format!("${{{inside}}}"), pointer.clone()))
    };
    entries.chain(values).filter_map(named).collect()
}
