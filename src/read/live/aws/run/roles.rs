//! Roles one by one, where the account as a whole is not told.
//!
//! Who may not list an account's principals may often read a role whose name is known. What the inputs and
//! the answers name is then asked for by itself, and put into the answer that was refused: as a part of it, so
//! that no absence follows from it.
//!
//! Deliberately absent: users and groups, and roles that nothing names.

use super::{Answer, Run};
use crate::arn::Arn;
use crate::read::live::aws::session::Place;
use crate::read::live::calls::{Call, Of};
use crate::read::refusal::Outcome;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The call that tells of all of them.
const WHOLE: &str = "GetAccountAuthorizationDetails";

/// Roles that are asked for, at most.
const MOST: usize = 100;

/// What names the role of a job, of a service account or of a cluster in an answer.
const KEYS: [&str; 6] =
    ["executionRoleArn", "executionRole", "roleArn", "ServiceRole", "JobFlowRole", "AutoScalingRole"];

/// Every role's ARN in a document.
pub(crate) fn named(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) if is_role(text) => found.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| named(item, found)),
        Value::Object(map) => map.values().for_each(|item| named(item, found)),
        _ => {}
    }
}

fn is_role(text: &str) -> bool {
    let name =
        |arn: &Arn<'_>| arn.resource.strip_prefix("role/").is_some_and(|name| !name.contains(['*', '?', '$', '{']));
    Arn::parse(text).is_some_and(|arn| arn.service == "iam" && crate::arn::is_account(arn.account) && name(&arn))
}

fn under_keys(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| under_keys(item, found)),
        Value::Object(map) => {
            for (key, item) in map {
                match item.as_str().filter(|text| KEYS.contains(&key.as_str()) && is_role(text)) {
                    Some(role) => found.push(role.to_owned()),
                    None => under_keys(item, found),
                }
            }
        }
        _ => {}
    }
}

impl Run<'_> {
    /// Asks for a role that became known, and for what an answer about one names.
    pub(super) fn role_by_role(&mut self, answer: &Answer) {
        let asked = &answer.asked;
        let place = Place { session: asked.session, region: asked.region.clone() };
        if asked.call.operation == WHOLE {
            if answer.failure.as_ref().is_some_and(|failure| failure.outcome == Outcome::Denied) {
                self.one_by_one.insert(asked.account.clone(), place);
                self.ask_for_roles();
            }
            return;
        }
        let Some(document) = &answer.document else { return };
        let (Of::Instead(_), Some(item)) = (asked.call.of, &asked.item) else {
            let (mut found, before) = (Vec::new(), self.roles.len());
            under_keys(&Value::Object(document.clone()), &mut found);
            self.roles.extend(found);
            if self.roles.len() > before {
                self.ask_for_roles();
            }
            return;
        };
        match asked.call.operation {
            "GetRole" => {
                self.instead("ListRolePolicies", &place, None, item);
                self.instead("ListAttachedRolePolicies", &place, None, item);
                let boundary =
                    document.get("Role").and_then(|role| role.pointer("/PermissionsBoundary/PermissionsBoundaryArn"));
                if let Some(arn) = boundary.and_then(Value::as_str) {
                    self.instead("GetPolicy", &place, None, arn);
                }
            }
            "ListRolePolicies" => {
                for name in texts(document, "PolicyNames", "") {
                    self.instead("GetRolePolicy", &place, Some(item), &name);
                }
            }
            "ListAttachedRolePolicies" => {
                for arn in texts(document, "AttachedPolicies", "PolicyArn") {
                    self.instead("GetPolicy", &place, None, &arn);
                }
            }
            "GetPolicy" => {
                if let Some(version) = document.get("Policy").and_then(|policy| policy["DefaultVersionId"].as_str()) {
                    self.instead("GetPolicyVersion", &place, Some(item), version);
                }
            }
            _ => {}
        }
    }

    fn ask_for_roles(&mut self) {
        for arn in self.roles.clone().into_iter().take(MOST) {
            let Some(parsed) = Arn::parse(&arn) else { continue };
            let name = parsed.resource.rsplit('/').next().unwrap_or_default();
            if let Some(place) = self.one_by_one.get(parsed.account).cloned() {
                self.instead("GetRole", &place, None, name);
            }
        }
    }

    fn instead(&mut self, operation: &str, place: &Place, around: Option<&String>, item: &str) {
        let named = |call: &&&'static Call| call.operation == operation && matches!(call.of, Of::Instead(_));
        if let Some(call) = self.plan.calls.iter().find(named).copied() {
            let around = around.map(|name| (String::new(), name.clone()));
            self.ask(call, place, around, Some(item.to_owned()));
        }
    }
}

fn texts(document: &Map<String, Value>, list: &str, key: &str) -> Vec<String> {
    let items = document.get(list).and_then(Value::as_array).into_iter().flatten();
    let texts = items.filter_map(|item| if key.is_empty() { item.as_str() } else { item[key].as_str() });
    texts.map(str::to_owned).collect()
}

/// Puts the answers about single roles into the one that was refused.
pub(super) fn together(answers: &mut Vec<Answer>) {
    let (single, whole): (Vec<Answer>, Vec<Answer>) =
        std::mem::take(answers).into_iter().partition(|answer| matches!(answer.asked.call.of, Of::Instead(_)));
    *answers = whole;
    let mut by_account: BTreeMap<String, Single> = BTreeMap::new();
    for answer in single {
        by_account.entry(answer.asked.account.clone()).or_default().take(answer);
    }
    for (account, single) in by_account {
        let mut refused = answers.iter_mut();
        let refused = refused.find(|answer| answer.asked.call.operation == WHOLE && answer.asked.account == account);
        if let Some(refused) = refused {
            refused.document = Some(single.details());
        }
    }
}

/// What single calls told of one account: by call, and by what it was asked of.
#[derive(Default)]
struct Single {
    told: BTreeMap<(&'static str, String, String), Map<String, Value>>,
}

impl Single {
    fn take(&mut self, answer: Answer) {
        let around = answer.asked.inside.map(|(_, name)| name).unwrap_or_default();
        // A part of the names of policies would look like all of them.
        if let (Some(document), None) = (answer.document, answer.failure) {
            self.told.insert((answer.asked.call.operation, around, answer.asked.item.unwrap_or_default()), document);
        }
    }

    fn of(&self, operation: &'static str, around: &str, item: &str) -> Option<&Map<String, Value>> {
        self.told.get(&(operation, around.to_owned(), item.to_owned()))
    }

    /// In the form of the call that was refused.
    fn details(&self) -> Map<String, Value> {
        let (mut roles, mut policies) = (Vec::new(), Vec::new());
        for ((operation, _, item), document) in &self.told {
            match *operation {
                "GetRole" => {
                    let Some(Value::Object(role)) = document.get("Role") else { continue };
                    let mut role = role.clone();
                    if let Some(inline) = self.inline(item) {
                        role.insert("RolePolicyList".to_owned(), inline);
                    }
                    if let Some(attached) = self.of("ListAttachedRolePolicies", "", item) {
                        let list = attached.get("AttachedPolicies").cloned().unwrap_or_default();
                        role.insert("AttachedManagedPolicies".to_owned(), list);
                    }
                    roles.push(Value::Object(role));
                }
                "GetPolicy" => {
                    let Some(Value::Object(policy)) = document.get("Policy") else { continue };
                    let mut policy = policy.clone();
                    let version = policy.get("DefaultVersionId").and_then(Value::as_str).unwrap_or_default();
                    let version = self.of("GetPolicyVersion", item, version).and_then(|it| it.get("PolicyVersion"));
                    if let Some(version) = version {
                        let list = Value::Array(vec![version.clone()]);
                        policy.insert("PolicyVersionList".to_owned(), list);
                        policies.push(Value::Object(policy));
                    }
                }
                _ => {}
            }
        }
        let document =
            json!({"RoleDetailList": roles, "UserDetailList": [], "GroupDetailList": [], "Policies": policies});
        if let Value::Object(map) = document { map } else { Map::new() }
    }

    /// All inline policies of a role, or nothing.
    fn inline(&self, role: &str) -> Option<Value> {
        let names = texts(self.of("ListRolePolicies", "", role)?, "PolicyNames", "");
        let policy = |name: &String| {
            let found = self.of("GetRolePolicy", role, name)?;
            Some(json!({"PolicyName": name, "PolicyDocument": found.get("PolicyDocument")?}))
        };
        names.iter().map(policy).collect::<Option<Vec<_>>>().map(Value::Array)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_told_from_patterns() {
        let mut found = Vec::new();
        let document = json!({"a": ["arn:aws:iam::111122223333:role/path/x", "arn:aws:iam::111122223333:role/*", "arn:aws:iam::111122223333:user/u"],
            "b": {"c": "arn:aws-cn:iam::111122223333:role/y", "d": "arn:aws:iam::${a}:role/z"}});
        named(&document, &mut found);
        assert_eq!(found, ["arn:aws:iam::111122223333:role/path/x", "arn:aws-cn:iam::111122223333:role/y"]);
    }
}
