//! The service and resource control policies above an account, level by level.
//!
//! A level is the root, an organizational unit or the account itself. What is attached to it stands in
//! `organizations.targets`, what it says in `organizations.policies`. A level that was not read, or a
//! policy whose text was not, is named as missing, so that no answer rests on it.
//!
//! Three things are told apart. What was asked and refused is unknown: a live run always asks, and a member is
//! always refused the levels above it, so its verdicts stay open until somebody who may read them does, or until
//! the user takes it on himself with `--without-organization`. What was answered counts, and so does the answer that
//! the account is in no organization. What nobody asked decides nothing, because most exports have nothing of it and
//! would all be undecided; but it is taken for granted that it denies nothing, and the report says so ([`unread`]).
//! An export without a word of organizations and a live run without them are in the same case and say the same; so do
//! a live run that was refused, its snapshot, and an export that holds the refusal.
//!
//! Deliberately absent: guesses about accounts of which no output says that they are in an organization.

use crate::estate::{Completeness, Estate};
use crate::iam::{Gathered, Named, Policy};
use crate::known::Unknown;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Which control policies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control {
    /// Those that cap what an account's principals may do.
    Service,
    /// Those that cap what may be done to an account's resources.
    Resource,
}

/// The control policies of one kind above an account.
#[derive(Debug, Default)]
pub struct Levels {
    /// Level by level, the root first.
    pub levels: Vec<Gathered>,
    /// The pointer of each policy's document, by the name that it has here.
    pub pointers: BTreeMap<String, String>,
}

/// An organization is at most five units deep; a longer chain of parents is no tree.
const DEEPEST: usize = 12;

impl Control {
    fn field(self) -> &'static str {
        match self {
            Self::Service => "ServiceControlPolicies",
            Self::Resource => "ResourceControlPolicies",
        }
    }

    fn code(self) -> &'static str {
        match self {
            Self::Service => "SERVICE_CONTROL_POLICY",
            Self::Resource => "RESOURCE_CONTROL_POLICY",
        }
    }

    /// What AWS attaches by itself, and allows everything.
    fn full_access(self) -> &'static str {
        match self {
            Self::Service => "p-FullAWSAccess",
            Self::Resource => "p-RCPFullAWSAccess",
        }
    }

    /// What such a policy is called in reasons.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Service => "service control policy",
            Self::Resource => "resource control policy",
        }
    }
}

/// The control policies above an account; `None` where none apply to it, or none are known of.
#[must_use]
pub fn levels(estate: &Estate, account: &str, control: Control) -> Option<Levels> {
    let organization = estate.document.pointer("/organizations/organization");
    let management = organization.and_then(|organization| organization["MasterAccountId"].as_str());
    let without = organization.is_some_and(|organization| organization["FeatureSet"] == "CONSOLIDATED_BILLING");
    if management == Some(account) || without || asked(estate, account) == Some(Completeness::Complete) {
        return None;
    }
    let targets = estate.items("organizations.targets");
    let policies = estate.items("organizations.policies");
    let shown = is_shown(estate, control);
    let mut found = Levels::default();
    if !shown {
        // A member has service control policies, be it only the one that allows everything; whether an account is
        // a member may be what could not be asked.
        if control == Control::Resource || (management.is_none() && asked(estate, account).is_none()) {
            return None;
        }
        found.levels.push(missing(vec![missing_of(control, account)]));
        return Some(found);
    }
    let mut node = account.to_owned();
    let mut chain = Vec::new();
    for _ in 0..DEEPEST {
        let target = targets.iter().find(|target| target["TargetId"] == *node);
        let parent = target.and_then(|target| target.pointer("/Parents/0/Id")).and_then(Value::as_str);
        chain.push(node.clone());
        match parent {
            Some(parent) => parent.clone_into(&mut node),
            None => break,
        }
    }
    let top = chain.last().map_or("", String::as_str);
    if !top.starts_with("r-") {
        let command = format!("aws organizations list-parents --child-id {top}");
        found.levels.push(missing(vec![format!("what is above {top} in the organization (`{command}`)")]));
    }
    // Where they are in force, AWS keeps one attached at every level.
    let none = |node: &String| {
        let target = targets.iter().find(|target| target["TargetId"] == **node);
        target.is_some_and(|target| target[control.field()].as_array().is_some_and(Vec::is_empty))
    };
    if top.starts_with("r-") && chain.iter().all(none) {
        return None;
    }
    for node in chain.iter().rev() {
        let level = found.level(node, control, targets, policies);
        found.levels.push(level);
    }
    Some(found)
}

/// The kinds of control policies above an account that nobody read and nobody was refused: of these it is taken for
/// granted that they deny nothing.
#[must_use]
pub fn unread(estate: &Estate, account: &str) -> Vec<Control> {
    let organization = estate.document.pointer("/organizations/organization");
    let management = organization.and_then(|organization| organization["MasterAccountId"].as_str());
    let without = organization.is_some_and(|organization| organization["FeatureSet"] == "CONSOLIDATED_BILLING");
    if management == Some(account) || without || asked(estate, account).is_some() {
        return Vec::new();
    }
    // Of a member whose service control policies are missing that is said already.
    let of_service = is_shown(estate, Control::Service);
    let open = |control: Control| match control {
        Control::Service => !of_service && management.is_none(),
        Control::Resource => !is_shown(estate, control) && (of_service || management.is_none()),
    };
    [Control::Service, Control::Resource].into_iter().filter(|control| open(*control)).collect()
}

/// Whether policies of this kind were read at all.
fn is_shown(estate: &Estate, control: Control) -> bool {
    let mut targets = estate.items("organizations.targets").iter();
    let mut policies = estate.items("organizations.policies").iter();
    targets.any(|target| !target[control.field()].is_null())
        || policies.any(|policy| policy["Type"] == control.code() && policy["Targets"].is_array())
}

/// What came of asking what is above an account, where it was not told: that nothing is, or a refusal.
fn asked(estate: &Estate, account: &str) -> Option<Completeness> {
    let entries = estate.coverage.entries().iter();
    let entries = entries.filter(|entry| entry.collection == "organizations.targets" && entry.scope == account);
    entries.map(|entry| entry.state).min()
}

fn missing(missing: Vec<String>) -> Gathered {
    Gathered { policies: Vec::new(), missing }
}

fn missing_of(control: Control, node: &str) -> String {
    let command = format!("aws organizations list-policies-for-target --target-id {node} --filter {}", control.code());
    format!("the {} of {node} (`{command}`)", plural(control))
}

fn plural(control: Control) -> &'static str {
    match control {
        Control::Service => "service control policies",
        Control::Resource => "resource control policies",
    }
}

impl Levels {
    fn level(&mut self, node: &str, control: Control, targets: &[Value], policies: &[Value]) -> Gathered {
        let target = targets.iter().find(|target| target["TargetId"] == *node);
        let mut gathered = Gathered::default();
        let mut ids: Vec<&str> = Vec::new();
        match target.and_then(|target| target[control.field()].as_array()) {
            Some(attached) => ids.extend(attached.iter().filter_map(|policy| policy["Id"].as_str())),
            None => {
                // What was asked policy by policy may leave some out.
                let of_kind = policies.iter().filter(|policy| policy["Type"] == control.code());
                let attached = of_kind.filter(|policy| {
                    policy["Targets"].as_array().is_some_and(|list| list.iter().any(|entry| entry["TargetId"] == *node))
                });
                ids.extend(attached.filter_map(|policy| policy["Id"].as_str()));
                gathered.missing.push(missing_of(control, node));
            }
        }
        for id in ids {
            self.policy(id, control, policies, &mut gathered);
        }
        gathered
    }

    fn policy(&mut self, id: &str, control: Control, policies: &[Value], into: &mut Gathered) {
        let at = policies.iter().position(|policy| policy["Id"] == *id);
        let policy = at.and_then(|at| policies.get(at));
        let name = policy.and_then(|policy| policy["Name"].as_str()).unwrap_or(id);
        let name = format!("{} `{name}`", control.word());
        let content = policy.map(|policy| &policy["Content"]).filter(|content| content.is_object());
        match content.filter(|content| Unknown::of(content).is_none()) {
            Some(content) => {
                into.policies.push(Named { name: name.clone(), policy: Arc::new(Policy::of(content)) });
                let pointer = at.map(|at| format!("/organizations/policies/{at}/Content"));
                self.pointers.extend(pointer.map(|pointer| (name, pointer)));
            }
            None if id == control.full_access() => {
                let everything =
                    json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}});
                if control == Control::Service {
                    into.policies.push(Named { name, policy: Arc::new(Policy::of(&everything)) });
                }
            }
            None => {
                into.missing.push(format!("{name} (`aws organizations describe-policy --policy-id {id}`)"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::iam::{Kind, Outcome, Policies, Request, decide};

    fn estate(organizations: Value) -> Estate {
        Estate { document: json!({"organizations": organizations}), ..Estate::default() }
    }

    fn outcome(estate: &Estate, account: &str) -> (Outcome, Vec<String>) {
        let everything =
            json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}});
        let identity = vec![Named { name: "own".into(), policy: Arc::new(Policy::of(&everything)) }];
        let policies = Policies {
            identity: identity.into(),
            scp: levels(estate, account, Control::Service).map(|found| found.levels),
            ..Policies::default()
        };
        let request = Request {
            principal: format!("arn:aws:iam::{account}:role/r"),
            action: "emr-containers:StartJobRun".into(),
            resource: "*".into(),
            ..Request::default()
        };
        let decision = decide(&request, &policies);
        (decision.outcome, decision.missing)
    }

    #[test]
    fn levels_are_joined_from_the_root_down() {
        let full = json!({"Id": "p-FullAWSAccess", "Name": "FullAWSAccess"});
        let target = |id: &str, parent: Value, attached: Value| json!({"TargetId": id, "Parents": parent, "ServiceControlPolicies": attached});
        let tree = |of_unit: Value| {
            json!({
                "organization": {"Id": "o-1", "MasterAccountId": "111111111111"},
                "targets": [
                    target("222222222222", json!([{"Id": "ou-ab12-11111111", "Type": "ORGANIZATIONAL_UNIT"}]), json!([full])),
                    target("ou-ab12-11111111", json!([{"Id": "r-ab12", "Type": "ROOT"}]), of_unit),
                    {"TargetId": "r-ab12", "ServiceControlPolicies": [full]},
                ],
                "policies": [
                    {"Id": "p-0000000a", "Name": "NoEmr", "Type": "SERVICE_CONTROL_POLICY", "Content":
                        {"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Action": "emr-containers:*", "Resource": "*"}}},
                    {"Id": "p-0000000b", "Name": "OnlyS3", "Type": "SERVICE_CONTROL_POLICY", "Content":
                        {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}}},
                ],
            })
        };
        let denied = |kind| Outcome::Denied(kind);
        let cases = [
            (tree(json!([full])), Outcome::Allowed),
            (tree(json!([full, {"Id": "p-0000000a"}])), denied(Kind::Explicit)),
            (tree(json!([{"Id": "p-0000000b"}])), denied(Kind::Implicit)),
            (tree(json!([])), denied(Kind::Implicit)),
            (tree(json!([full, {"Id": "p-0000000c"}])), Outcome::Conditional),
            (tree(Value::Null), Outcome::Conditional),
            (json!({}), Outcome::Allowed),
            (json!({"organization": {"MasterAccountId": "111111111111"}}), Outcome::Conditional),
            (json!({"organization": {"MasterAccountId": "222222222222"}}), Outcome::Allowed),
        ];
        for (organizations, expected) in cases {
            assert_eq!(outcome(&estate(organizations.clone()), "222222222222").0, expected, "{organizations}");
        }
        let (_, missing) = outcome(&estate(tree(json!([full, {"Id": "p-0000000c"}]))), "222222222222");
        assert_eq!(
            missing,
            ["service control policy `p-0000000c` (`aws organizations describe-policy --policy-id p-0000000c`)"]
        );
    }

    /// What nobody asked is taken for granted, and nothing else.
    #[test]
    fn what_nobody_asked_is_told_apart() {
        use crate::estate::{Coverage, Entry};
        let entry = |state| Entry {
            collection: "organizations.targets".into(),
            scope: "222222222222".into(),
            namespace: None,
            state,
            why: None,
            unblock: None,
        };
        let full = json!({"Id": "p-FullAWSAccess", "Name": "FullAWSAccess"});
        let root = json!({"targets": [{"TargetId": "222222222222", "Parents": [{"Id": "r-ab12", "Type": "ROOT"}],
            "ServiceControlPolicies": [full]}, {"TargetId": "r-ab12", "ServiceControlPolicies": [full]}]});
        let both = vec![Control::Service, Control::Resource];
        for (organizations, state, taken, expected) in [
            (json!({}), None, both.clone(), Outcome::Allowed),
            (json!({}), Some(Completeness::Denied), vec![], Outcome::Conditional),
            (json!({}), Some(Completeness::Partial), vec![], Outcome::Conditional),
            (json!({}), Some(Completeness::Complete), vec![], Outcome::Allowed),
            (json!({"organization": {"MasterAccountId": "111111111111"}}), None, vec![], Outcome::Conditional),
            (json!({"organization": {"MasterAccountId": "222222222222"}}), None, vec![], Outcome::Allowed),
            (root, None, vec![Control::Resource], Outcome::Allowed),
        ] {
            let mut estate = estate(organizations.clone());
            estate.coverage = Coverage::new(state.into_iter().map(entry).collect());
            assert_eq!(unread(&estate, "222222222222"), taken, "{organizations} {state:?}");
            assert_eq!(outcome(&estate, "222222222222").0, expected, "{organizations} {state:?}");
        }
    }

    #[test]
    fn parents_that_run_in_a_circle_come_to_an_end() {
        let round = json!({"targets": [
            {"TargetId": "222222222222", "Parents": [{"Id": "222222222222"}], "ServiceControlPolicies": []}
        ]});
        assert_eq!(outcome(&estate(round), "222222222222").0, Outcome::Denied(Kind::Implicit));
    }
}
