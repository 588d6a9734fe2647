//! The policies that an estate holds for a principal.
//!
//! Inline policies stand inside the principal, managed ones are named by ARN and looked up; the ones
//! that AWS writes are known where the estate leaves them out. What is attached and was not collected
//! is named as missing, so that no answer rests on its absence.
//!
//! Deliberately absent: policies of resources.

use super::organization::{self, Control};
use super::{Arn, Linked};
use crate::facts;
use crate::iam::{Gathered, Named, Policies, Policy};
use crate::known::{Told, Unknown};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The policies of a principal, and where each stands in the document.
#[derive(Debug, Default)]
pub struct Collected {
    /// The policies themselves; those that the estate lacks are named in them.
    pub policies: Policies,
    /// The pointer of each policy's document, by the name that it has here.
    pub pointers: BTreeMap<String, String>,
}

/// The policies of a role or user that stands at `pointer` in the document.
#[must_use]
pub fn collect(linked: &Linked, principal: &Value, pointer: &str) -> Collected {
    let mut collected = Collected::default();
    let name = principal["Arn"].told().unwrap_or("the principal");
    collected.identity_of(principal, pointer, name, linked);
    if principal["UserName"].told().is_some() {
        match principal["GroupList"].as_array() {
            None => collected.policies.identity.missing.push(format!("the groups of {name}")),
            Some(groups) => {
                for group in groups {
                    let items = linked.estate.items("iam.groups");
                    match items.iter().position(|item| item["GroupName"] == *group) {
                        Some(at) => {
                            let pointer = format!("/iam/groups/{at}");
                            collected.identity_of(items.get(at).unwrap_or(&Value::Null), &pointer, name, linked);
                        }
                        None => collected.policies.identity.missing.push(format!("the policies of group {group}")),
                    }
                }
            }
        }
    }
    if let Some(arn) = principal["PermissionsBoundary"]["PermissionsBoundaryArn"].told() {
        let mut boundary = Gathered::default();
        collected.managed(arn, &mut boundary, linked);
        collected.policies.boundary = Some(boundary);
    }
    if let Some(account) = principal["Arn"].as_str().and_then(Arn::parse).map(|arn| arn.account) {
        collected.policies.scp = collected.above(linked, account, Control::Service);
        collected.policies.rcp = collected.above(linked, account, Control::Resource);
    }
    collected
}

/// Policies of AWS whose text never changes and that every export may leave out.
const ADMINISTRATOR_ACCESS: &str = "policy/AdministratorAccess";

impl Collected {
    /// Whether that policy is the principal's permissions boundary, and nothing else of it.
    #[must_use]
    pub fn is_boundary(&self, policy: &str) -> bool {
        let has = |gathered: &Gathered| gathered.policies.iter().any(|named| named.name == policy);
        self.policies.boundary.as_ref().is_some_and(has) && !has(&self.policies.identity)
    }

    /// The control policies above an account, level by level.
    fn above(&mut self, linked: &Linked, account: &str, control: Control) -> Option<Vec<Gathered>> {
        let found = organization::levels(&linked.estate, account, control)?;
        self.pointers.extend(found.pointers);
        Some(found.levels)
    }

    /// Whether that policy is one of the organization's service control policies.
    #[must_use]
    pub fn is_control(&self, policy: &str) -> bool {
        let levels = self.policies.scp.iter().flatten();
        levels.flat_map(|level| &level.policies).any(|named| named.name == policy)
    }

    /// Adds the inline and the attached policies of a role, user or group.
    fn identity_of(&mut self, holder: &Value, pointer: &str, name: &str, linked: &Linked) {
        let inline = ["RolePolicyList", "UserPolicyList", "GroupPolicyList"];
        match inline.iter().find_map(|field| Some((field, holder[*field].as_array()?))) {
            None => self.policies.identity.missing.push(format!("the inline policies of {name}")),
            Some((field, list)) => {
                for (at, entry) in list.iter().enumerate() {
                    if Unknown::of(entry).is_some() {
                        self.policies.identity.missing.push(format!("more inline policies of {name}"));
                        continue;
                    }
                    let policy = format!("inline `{}`", entry["PolicyName"].told().unwrap_or("?"));
                    match Unknown::of(&entry["PolicyDocument"]) {
                        Some(_) => self.policies.identity.missing.push(policy),
                        None => {
                            let pointer = format!("{pointer}/{field}/{at}/PolicyDocument");
                            self.add(policy, &entry["PolicyDocument"], pointer);
                        }
                    }
                }
            }
        }
        match holder["AttachedManagedPolicies"].as_array() {
            None => self.policies.identity.missing.push(format!("the attached policies of {name}")),
            Some(list) => {
                let mut gathered = std::mem::take(&mut self.policies.identity);
                for entry in list {
                    self.managed(entry["PolicyArn"].told().unwrap_or("?"), &mut gathered, linked);
                }
                self.policies.identity = gathered;
            }
        }
    }

    fn managed(&mut self, arn: &str, into: &mut Gathered, linked: &Linked) {
        let found = linked.index.policy(&linked.estate, arn);
        let version = found.as_ref().and_then(|(policy, pointer)| {
            let versions = policy["PolicyVersionList"].as_array()?;
            let at = versions.iter().position(|version| version["IsDefaultVersion"] == true)?;
            let document = &versions.get(at)?["Document"];
            Unknown::of(document)
                .is_none()
                .then(|| (document.clone(), format!("{pointer}/PolicyVersionList/{at}/Document")))
        });
        let version = version.filter(|(document, _)| !document.is_null()).or_else(|| {
            let known = Arn::parse(arn).filter(|arn| arn.account == "aws")?;
            if known.resource == ADMINISTRATOR_ACCESS {
                let everything = serde_json::json!({
                    "Version": "2012-10-17",
                    "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
                });
                return Some((everything, String::new()));
            }
            let text = facts::managed_policy(known.resource)?;
            Some((serde_json::from_str(text).ok()?, String::new()))
        });
        match version {
            None => into.missing.push(arn.to_owned()),
            Some((document, pointer)) => {
                into.policies.push(Named { name: arn.to_owned(), policy: Arc::new(Policy::of(&document)) });
                if !pointer.is_empty() {
                    self.pointers.insert(arn.to_owned(), pointer);
                }
            }
        }
    }

    fn add(&mut self, name: String, document: &Value, pointer: String) {
        let policy = Arc::new(Policy::of(document));
        self.policies.identity.policies.push(Named { name: name.clone(), policy });
        self.pointers.insert(name, pointer);
    }

    /// The pointer of something inside a policy.
    #[must_use]
    pub fn pointer_of(&self, policy: &str, inside: &str) -> Option<String> {
        Some(format!("{}{inside}", self.pointers.get(policy)?))
    }
}
