//! What has a say over an account from above: the way up through its organization.
//!
//! A member may ask which organization it is in. Its levels and their policies are told to the management
//! account and to delegated administrators only, so a session of the management account asks for all
//! accounts, where there is one.

use super::{Answer, Run};
use crate::read::live::aws::session::Place;
use crate::read::live::calls::Call;
use serde_json::Value;

/// The types of policies that cap what is allowed.
const FILTERS: [&str; 2] = ["SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY"];

/// What AWS attaches by itself, and says nothing that is not known.
pub(super) const FULL_ACCESS: [&str; 2] = ["p-FullAWSAccess", "p-RCPFullAWSAccess"];

impl Run<'_> {
    /// Asks what an answer of Organizations makes it possible to ask.
    pub(super) fn organization(&mut self, answer: &Answer) {
        let asked = &answer.asked;
        let Some(document) = &answer.document else { return };
        match asked.call.operation {
            "DescribeOrganization" => {
                let found = document.get("Organization").unwrap_or(&Value::Null);
                let management = found["MasterAccountId"].as_str().unwrap_or_default();
                // Nothing is above the management account, and these policies are a feature.
                if management == asked.account || found["FeatureSet"] == "CONSOLIDATED_BILLING" {
                    return;
                }
                let session = self.sessions.iter().position(|session| session.account == management);
                let place = Place { session: session.unwrap_or(asked.session), region: asked.region.clone() };
                let account = asked.account.clone();
                self.level(&place, &account, true);
            }
            "ListParents" => {
                let place = Place { session: asked.session, region: asked.region.clone() };
                let parents = document.get("Parents").and_then(Value::as_array);
                let parents: Vec<Value> = parents.into_iter().flatten().cloned().collect();
                for parent in parents {
                    if let Some(id) = parent["Id"].as_str() {
                        self.level(&place, id, parent["Type"] != "ROOT");
                    }
                }
            }
            _ => {}
        }
    }

    /// Asks for the policies of a level, and for what is above it.
    fn level(&mut self, place: &Place, id: &str, has_parent: bool) {
        let named = |operation: &str| -> Option<&'static Call> {
            self.plan.calls.iter().copied().find(|call| call.operation == operation)
        };
        let (parents, policies) = (named("ListParents"), named("ListPoliciesForTarget"));
        if let Some(call) = parents.filter(|_| has_parent) {
            self.ask(call, place, None, Some(id.to_owned()));
        }
        for filter in FILTERS {
            if let Some(call) = policies {
                self.ask(call, place, Some((String::new(), filter.to_owned())), Some(id.to_owned()));
            }
        }
    }
}
