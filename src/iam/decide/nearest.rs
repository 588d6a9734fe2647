//! The statement that came closest to allowing what nothing allowed.

use super::{Case, Gathered, Miss, Named, Origin, Weight, resource_matches};
use crate::iam::condition;
use crate::iam::context::{Context, Found};
use crate::iam::policy::{Effect, Statement};
use crate::iam::principal::meant;
use crate::known::Truth;

impl<'a> Case<'a> {
    /// The statement that came closest to allowing the request: in the gate that stayed shut, the one
    /// that failed last.
    pub(super) fn nearest_miss(&self, context: &Context<'a>, weights: &[Weight]) -> Option<Miss> {
        let (origin, policies): (Origin, Vec<&'a Named>) = self.shut_gate(weights)?;
        let mut best: Option<(usize, Miss)> = None;
        for named in &policies {
            for statement in named.policy.statements.iter().filter(|statement| statement.effect == Some(Effect::Allow))
            {
                let (progress, pointer, what) = self.first_failure(origin, statement, context);
                if best.as_ref().is_none_or(|(most, _)| progress > *most) {
                    let (policy, sid) = (named.name.clone(), statement.sid.clone());
                    best = Some((progress, Miss { policy, statement: Some(statement.index), sid, pointer, what }));
                }
            }
        }
        let nothing = policies.first().map(|named| Miss {
            policy: named.name.clone(),
            statement: None,
            sid: None,
            pointer: String::new(),
            what: format!("nothing allows `{}`", self.request.action),
        });
        // A statement about other actions is no near miss.
        best.filter(|(progress, _)| *progress > 0).map(|(_, miss)| miss).or(nothing)
    }

    /// The first kind of policy that does not allow the request though it must.
    fn shut_gate(&self, weights: &[Weight]) -> Option<(Origin, Vec<&'a Named>)> {
        let allows = |origin: Origin| {
            self.lines.iter().zip(weights).any(|(line, weight)| line.origin == origin && weight.allows != Truth::False)
        };
        let gathered = |gathered: &'a Gathered| gathered.policies.iter().collect();
        let resource = || (Origin::Resource, self.policies.resource.iter().collect());
        if !self.caller.has_identity()
            || ((self.resource_rules || self.same_account == Truth::False) && !allows(Origin::Resource))
        {
            return Some(resource());
        }
        if !allows(Origin::Identity) {
            return Some((Origin::Identity, gathered(&self.policies.identity)));
        }
        for (origin, policies) in
            [(Origin::Boundary, &self.policies.boundary), (Origin::Session, &self.policies.session)]
        {
            if let Some(policies) = policies.as_ref().filter(|_| !allows(origin)) {
                return Some((origin, gathered(policies)));
            }
        }
        let mut levels = self.policies.scp.iter().flatten().enumerate();
        levels
            .find(|(level, _)| !allows(Origin::Scp(*level)))
            .map(|(level, policies)| (Origin::Scp(level), gathered(policies)))
    }

    /// How far a statement goes along with the request, and where it stops.
    fn first_failure(&self, origin: Origin, statement: &Statement, context: &Context<'a>) -> (usize, String, String) {
        let element = |name: &str| format!("{}/{name}", statement.pointer);
        if statement.covers(&self.request.action) != Truth::True {
            let name = if statement.actions.is_some() { "Action" } else { "NotAction" };
            return (0, element(name), format!("the action is not `{}`", self.request.action));
        }
        if origin == Origin::Resource
            && meant(statement, &self.caller, self.policies.boundary.is_some()).at_all() == Truth::False
        {
            let name = if statement.not_principals.is_some() { "NotPrincipal" } else { "Principal" };
            return (1, element(name), format!("the principal is not `{}`", self.request.principal));
        }
        if resource_matches(statement, &self.request.resource, context) == Truth::False {
            let name = if statement.not_resources.is_some() { "NotResource" } else { "Resource" };
            return (2, element(name), format!("the resource is not `{}`", self.request.resource));
        }
        for condition in &statement.conditions {
            if condition::holds(condition, context, Effect::Allow) == Truth::False {
                let what = match context.find(&condition.lowered) {
                    Found::Absent => format!("the request has no `{}`", condition.key),
                    Found::One(text) => format!("`{}` is `{text}`", condition.key),
                    Found::Many(_) | Found::Unknown { .. } => {
                        format!("the condition on `{}` does not hold", condition.key)
                    }
                };
                return (3, condition.pointer.clone(), what);
            }
        }
        (4, statement.pointer.clone(), "the statement is malformed or does not apply in this kind of policy".to_owned())
    }
}
