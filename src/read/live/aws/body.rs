//! What a service wrote becomes what the AWS CLI prints.
//!
//! The SDK makes types of an answer that cannot be turned back, so its text is taken on the way. The
//! services that speak JSON write the CLI's own names; only points in time differ. IAM and STS write
//! XML, where lists, numbers and truths must be told from texts.

mod ec2;

use super::super::calls::Service;
use crate::read::json;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::AfterDeserializationInterceptorContextRef;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use serde_json::{Map, Value};
use std::sync::{Arc, Mutex};

/// The text of the last answer to a call.
#[derive(Clone, Debug, Default)]
pub(super) struct Body(Arc<Mutex<Vec<u8>>>);

impl Intercept for Body {
    fn name(&self) -> &'static str {
        "Body"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let (Some(bytes), Ok(mut body)) = (context.response().body().bytes(), self.0.lock()) {
            bytes.clone_into(&mut body);
        }
        Ok(())
    }
}

impl Body {
    /// The answer as the CLI prints it.
    ///
    /// # Errors
    /// If it is not what this service writes.
    pub(super) fn document(&self, service: Service) -> Result<Map<String, Value>, String> {
        let bytes = self.0.lock().map(|mut body| std::mem::take(&mut *body)).unwrap_or_default();
        let text = String::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())?;
        let document = match service {
            Service::Sts | Service::Iam => of_xml(&text)?,
            Service::Ec2 => ec2::of_xml(&text)?,
            _ => {
                let mut document = json::document(&text).map_err(|fault| fault.message)?;
                times(&mut document);
                document
            }
        };
        match document {
            Value::Object(map) => Ok(map),
            _ => Err("it is not an object".to_owned()),
        }
    }
}

/// The token of the next page, taken out of a page.
pub(super) fn next_page(page: &mut Map<String, Value>) -> Option<String> {
    let truncated = page.remove("IsTruncated");
    let tokens = ["nextToken", "NextToken", "Marker"].map(|key| page.remove(key));
    let token = tokens.into_iter().flatten().find_map(|token| match token {
        Value::String(token) if !token.is_empty() => Some(token),
        _ => None,
    });
    token.filter(|_| truncated != Some(Value::Bool(false)))
}

/// Lists in the answers of IAM; their items stand in elements called `member`.
const LISTS: [&str; 20] = [
    "AttachedManagedPolicies",
    "AttachedPolicies",
    "ClientIDList",
    "GroupDetailList",
    "GroupList",
    "GroupPolicyList",
    "InstanceProfileList",
    "InstanceProfiles",
    "OpenIDConnectProviderList",
    "Policies",
    "PolicyNames",
    "PolicyVersionList",
    "RoleDetailList",
    "RolePolicyList",
    "Roles",
    "Tags",
    "ThumbprintList",
    "UserDetailList",
    "UserPolicyList",
    "Users",
];

const TRUTHS: [&str; 3] = ["IsTruncated", "IsAttachable", "IsDefaultVersion"];
const NUMBERS: [&str; 3] = ["AttachmentCount", "PermissionsBoundaryUsageCount", "MaxSessionDuration"];

/// Elements inside elements that an answer may hold.
const DEPTH: usize = 64;

/// The result in an answer of a query service.
fn of_xml(text: &str) -> Result<Value, String> {
    let document = parsed(text)?;
    let mut parts = document.root_element().children().filter(roxmltree::Node::is_element);
    let result = parts.find(|part| part.tag_name().name().ends_with("Result"));
    Ok(value(result.ok_or("it has no result")?))
}

fn parsed(text: &str) -> Result<roxmltree::Document<'_>, String> {
    if deeper_than(text, DEPTH) {
        return Err(format!("it is nested more than {DEPTH} deep"));
    }
    roxmltree::Document::parse(text).map_err(|error| error.to_string())
}

fn value(node: roxmltree::Node<'_, '_>) -> Value {
    let name = node.tag_name().name();
    let inner = || node.children().filter(roxmltree::Node::is_element);
    if LISTS.contains(&name) {
        return inner().map(value).collect();
    }
    if inner().next().is_some() || name.ends_with("Result") {
        return inner().map(|part| (part.tag_name().name().to_owned(), value(part))).collect::<Map<_, _>>().into();
    }
    let text: String = node.children().filter_map(|part| part.text()).collect();
    match text.as_str() {
        "true" if TRUTHS.contains(&name) => true.into(),
        "false" if TRUTHS.contains(&name) => false.into(),
        digits if NUMBERS.contains(&name) => digits.parse::<i64>().map_or(text.clone().into(), Value::from),
        _ => text.into(),
    }
}

/// Whether elements stand in each other more than so many deep.
fn deeper_than(text: &str, limit: usize) -> bool {
    let mut depth = 0_usize;
    for part in text.split('<').skip(1) {
        if part.starts_with('/') {
            depth = depth.saturating_sub(1);
        } else if !part.starts_with(['?', '!']) && !part.split('>').next().is_some_and(|tag| tag.ends_with('/')) {
            depth += 1;
        }
        if depth > limit {
            return true;
        }
    }
    false
}

/// Writes points in time, which the services count in seconds, as the CLI prints them.
fn times(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(times),
        Value::Object(map) => {
            for (key, value) in map {
                let is_time = ["At", "Date", "DateTime", "Timestamp"].iter().any(|end| key.ends_with(end));
                match value.as_f64().filter(|seconds| is_time && (1e8..1e11).contains(seconds)) {
                    Some(seconds) => {
                        if let Some(text) = time(seconds) {
                            *value = text.into();
                        }
                    }
                    None => times(value),
                }
            }
        }
        _ => {}
    }
}

fn time(seconds: f64) -> Option<String> {
    #[expect(clippy::cast_possible_truncation, reason = "the caller keeps it below 10^11 seconds")]
    let millis = (seconds * 1000.0).round() as i64;
    let time = jiff::Timestamp::from_millisecond(millis).ok()?;
    let zoned = time.to_zoned(jiff::tz::TimeZone::UTC);
    let form = if millis % 1000 == 0 { "%Y-%m-%dT%H:%M:%S+00:00" } else { "%Y-%m-%dT%H:%M:%S%.6f+00:00" };
    Some(zoned.strftime(form).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn body(text: &str) -> Body {
        Body(Arc::new(Mutex::new(text.as_bytes().to_vec())))
    }

    #[test]
    fn xml_is_what_the_cli_prints() {
        let text = r#"<?xml version="1.0"?><X xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><GetAccountAuthorizationDetailsResult>
            <IsTruncated>true</IsTruncated><Marker>abc</Marker><UserDetailList/>
            <RoleDetailList><member><Arn>arn:aws:iam::1:role/a&amp;b</Arn><RolePolicyList/><Tags><member><Key>k</Key><Value/></member></Tags>
            <AssumeRolePolicyDocument>%7B%7D</AssumeRolePolicyDocument></member></RoleDetailList>
            <Policies><member><AttachmentCount>2</AttachmentCount><IsAttachable>true</IsAttachable></member></Policies>
            </GetAccountAuthorizationDetailsResult><ResponseMetadata/></X>"#;
        let mut page = body(text).document(Service::Iam).unwrap();
        assert_eq!(next_page(&mut page).as_deref(), Some("abc"));
        assert_eq!(
            Value::Object(page),
            json!({
                "UserDetailList": [],
                "RoleDetailList": [{"Arn": "arn:aws:iam::1:role/a&b", "RolePolicyList": [], "Tags": [{"Key": "k", "Value": ""}],
                    "AssumeRolePolicyDocument": "%7B%7D"}],
                "Policies": [{"AttachmentCount": 2, "IsAttachable": true}],
            })
        );
    }

    #[test]
    fn what_is_no_answer_is_refused() {
        for text in ["", "<a>", "<a></a>", "no", "<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>", &"<a>".repeat(100_000)] {
            assert!(body(text).document(Service::Iam).is_err(), "{text:.40}");
        }
        for text in ["", "[]", "{", "{\"a\": 1, \"a\": 2}", "null", &"[".repeat(100_000)] {
            assert!(body(text).document(Service::Eks).is_err(), "{text:.40}");
        }
    }

    #[test]
    fn seconds_become_times() {
        let mut answer = json!({"createdAt": 1740429422.5, "CreationDateTime": 1740429422, "at": [{"modifiedAt": 1.7e9}],
            "idleTimeoutMinutes": 1740429422, "createdAtText": "x", "count": 3});
        times(&mut answer);
        assert_eq!(
            answer,
            json!({"createdAt": "2025-02-24T20:37:02.500000+00:00", "CreationDateTime": "2025-02-24T20:37:02+00:00",
                "at": [{"modifiedAt": "2023-11-14T22:13:20+00:00"}], "idleTimeoutMinutes": 1740429422, "createdAtText": "x", "count": 3})
        );
    }

    #[test]
    fn pages_end_where_they_say() {
        for (page, token) in [
            (json!({"nextToken": "a"}), Some("a")),
            (json!({"nextToken": null}), None),
            (json!({"nextToken": ""}), None),
            (json!({"IsTruncated": false, "Marker": "a"}), None),
            (json!({"IsTruncated": true, "Marker": "a"}), Some("a")),
            (json!({"Marker": "a"}), Some("a")),
        ] {
            let Value::Object(mut map) = page.clone() else { unreachable!() };
            assert_eq!(next_page(&mut map).as_deref(), token, "{page}");
            assert!(map.is_empty());
        }
    }
}
