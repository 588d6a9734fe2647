//! Calls of services whose SDK crate would cost more than it gives.
//!
//! EC2's takes longer to build than all of sparkcheck, of Organizations four calls are needed and of Service Quotas
//! one. What stands below every SDK crate makes them as well: with the same credentials, signatures, repetitions, deadlines and
//! client. Their answers are taken as text, like those of the others.
//!
//! Deliberately absent: services whose answers are not one page of text, such as S3.

use super::body::Body;
use super::failure::Failure;
use super::nowhere::Nowhere;
use crate::read::live::calls::{Call, Service};
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_runtime::auth::sigv4::{SCHEME_ID, SigV4AuthScheme};
use aws_runtime::auth::{SigV4OperationSigningConfig, SigningOptions};
use aws_runtime::retries::classifiers::AwsErrorCodeClassifier;
use aws_smithy_runtime::client::identity::IdentityCache;
use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime::client::retries::classifiers::{HttpStatusCodeClassifier, TransientErrorClassifier};
use aws_smithy_runtime_api::client::auth::static_resolver::StaticAuthSchemeOptionResolver;
use aws_smithy_runtime_api::client::auth::{AuthSchemeOptionResolverParams, SharedAuthScheme};
use aws_smithy_runtime_api::client::identity::SharedIdentityResolver;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponentsBuilder;
use aws_smithy_runtime_api::client::runtime_plugin::StaticRuntimePlugin;
use aws_smithy_runtime_api::shared::IntoShared;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::Layer;
use aws_smithy_types::error::metadata::ErrorMetadata;
use aws_types::SigningName;
use aws_types::region::SigningRegion;
use aws_types::service_config::ServiceConfigKey;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

const AGENT: &str = concat!("sparkcheck/", env!("CARGO_PKG_VERSION"));

/// What is asked: headers beside the usual ones, and the text.
#[derive(Clone, Debug)]
struct Question {
    headers: Vec<(&'static str, String)>,
    text: String,
}

/// Makes a call for one page.
pub(super) async fn send(
    config: &SdkConfig,
    call: &Call,
    around: &str,
    item: &str,
    page: Option<String>,
    body: &Body,
) -> Result<(), Failure> {
    let question = match call.service {
        Service::Ec2 => of_ec2(call, page),
        Service::ServiceQuotas => of_service_quotas(call, around, page),
        _ => of_organizations(call, around, item, page),
    };
    let region = config.region().map(|region| region.as_ref().to_owned()).unwrap_or_default();
    let (url, region) = endpoint(config, call.service, &region);
    let name = call.service.endpoint();
    let Some(client) = config.http_client() else { return Err(Failure::failed("there is no client".to_owned(), "")) };
    let mut components = RuntimeComponentsBuilder::new("plain")
        .with_auth_scheme_option_resolver(Some(StaticAuthSchemeOptionResolver::new(vec![SCHEME_ID])))
        .with_auth_scheme(SharedAuthScheme::new(SigV4AuthScheme::new()))
        .with_identity_cache(Some(config.identity_cache().unwrap_or_else(|| IdentityCache::no_cache().into_shared())));
    if let Some(credentials) = config.credentials_provider() {
        components = components.with_identity_resolver(SCHEME_ID, SharedIdentityResolver::new(credentials));
    }
    let mut layer = Layer::new("plain");
    layer.store_put(AuthSchemeOptionResolverParams::new(()));
    layer.store_put(SigV4OperationSigningConfig {
        region: Some(SigningRegion::from(Region::new(region))),
        name: Some(SigningName::from_static(name)),
        signing_options: SigningOptions::default(),
        ..SigV4OperationSigningConfig::default()
    });
    let mut operation = Operation::builder()
        .service_name(name)
        .operation_name(call.operation)
        .behavior_version(BehaviorVersion::latest())
        .http_client(client)
        .endpoint_url(&url)
        .standard_retry(&config.retry_config().cloned().unwrap_or_else(RetryConfig::standard))
        .timeout_config(config.timeout_config().cloned().unwrap_or_else(TimeoutConfig::disabled))
        .retry_classifier(TransientErrorClassifier::<ErrorMetadata>::new())
        .retry_classifier(AwsErrorCodeClassifier::<ErrorMetadata>::new())
        .retry_classifier(HttpStatusCodeClassifier::default())
        .retry_classifier(Nowhere)
        .interceptor(body.clone())
        .runtime_plugin(StaticRuntimePlugin::new().with_config(layer.freeze()).with_runtime_components(components));
    if let Some(sleep) = config.sleep_impl() {
        operation = operation.sleep_impl(sleep);
    }
    if let Some(clock) = config.time_source() {
        operation = operation.time_source(clock);
    }
    let operation = operation.serializer(request).deserializer(answered).build();
    Box::pin(operation.invoke(question)).await.map_err(|error| Failure::of(&error))
}

fn of_ec2(call: &Call, page: Option<String>) -> Question {
    // Route tables are the largest things and have the smallest pages.
    let most = if call.operation == "DescribeRouteTables" { 100 } else { 1000 };
    let mut text = format!("Action={}&Version=2016-11-15&MaxResults={most}", call.operation);
    if let Some(token) = page {
        text.push_str(&format!("&NextToken={}", utf8_percent_encode(&token, NON_ALPHANUMERIC)));
    }
    Question { headers: vec![("content-type", "application/x-www-form-urlencoded".to_owned())], text }
}

fn of_organizations(call: &Call, around: &str, item: &str, page: Option<String>) -> Question {
    let mut input = match call.operation {
        "ListParents" => json!({"ChildId": item}),
        "ListPoliciesForTarget" => json!({"TargetId": item, "Filter": around}),
        "DescribePolicy" => json!({"PolicyId": item}),
        _ => json!({}),
    };
    if let Some(token) = page {
        input["NextToken"] = token.into();
    }
    in_json(format!("AWSOrganizationsV20161128.{}", call.operation), &input)
}

fn of_service_quotas(call: &Call, code: &str, page: Option<String>) -> Question {
    let mut input = json!({"ServiceCode": code, "MaxResults": 100});
    if let Some(token) = page {
        input["NextToken"] = token.into();
    }
    in_json(format!("ServiceQuotasV20190624.{}", call.operation), &input)
}

fn in_json(target: String, input: &Value) -> Question {
    let headers = vec![("content-type", "application/x-amz-json-1.1".to_owned()), ("x-amz-target", target)];
    Question { headers, text: input.to_string() }
}

fn request(question: Question) -> Result<HttpRequest, aws_smithy_runtime_api::box_error::BoxError> {
    let mut request = http::Request::builder().method("POST").uri("/").header("user-agent", AGENT);
    for (name, value) in question.headers {
        request = request.header(name, value);
    }
    Ok(HttpRequest::try_from(request.body(SdkBody::from(question.text))?)?)
}

/// An answer that is none is an error with the service's own code.
fn answered(response: &HttpResponse) -> Result<(), OrchestratorError<ErrorMetadata>> {
    if response.status().is_success() {
        return Ok(());
    }
    let text = response.body().bytes().map(String::from_utf8_lossy).unwrap_or_default();
    let mut error = ErrorMetadata::builder();
    if let Some((code, message)) = of_json(&text).or_else(|| of_xml(&text)) {
        error = error.code(code).message(message);
    }
    Err(OrchestratorError::operation(error.build()))
}

fn of_json(text: &str) -> Option<(String, String)> {
    let error = crate::read::json::document(text).ok()?;
    let code = error.get("__type")?.as_str()?;
    let message = ["message", "Message"].iter().find_map(|key| error.get(*key)?.as_str());
    Some((code.rsplit('#').next().unwrap_or(code).to_owned(), message.unwrap_or_default().to_owned()))
}

fn of_xml(text: &str) -> Option<(String, String)> {
    let inner = |name: &str| {
        let (_, after) = text.split_once(&format!("<{name}>"))?;
        Some(after.split_once('<')?.0.to_owned())
    };
    Some((inner("Code")?, inner("Message").unwrap_or_default()))
}

/// Where a service is asked in a region, and for which region the question is signed.
fn endpoint(config: &SdkConfig, service: Service, region: &str) -> (String, String) {
    let (domain, home) = match region {
        region if region.starts_with("cn-") => ("amazonaws.com.cn", "cn-northwest-1"),
        region if region.starts_with("us-gov-") => ("amazonaws.com", "us-gov-west-1"),
        _ => ("amazonaws.com", "us-east-1"),
    };
    let (id, region) = match service {
        Service::Organizations => ("Organizations", home),
        Service::ServiceQuotas => ("Service Quotas", region),
        _ => ("EC2", region),
    };
    let key = ServiceConfigKey::builder().service_id(id).env("AWS_ENDPOINT_URL").profile("endpoint_url").build();
    let own = key.ok().and_then(|key| config.service_config()?.load_config(key));
    let given = own.or_else(|| config.endpoint_url().map(str::to_owned));
    let fips = if config.use_fips() == Some(true) { "-fips" } else { "" };
    let url = given.unwrap_or_else(|| format!("https://{}{fips}.{region}.{domain}", service.endpoint()));
    (url, region.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_have_the_code_of_the_service() {
        for (text, code, message) in [
            (
                r#"{"__type":"com.amazonaws.organizations#AccessDeniedException","Message":"no"}"#,
                "AccessDeniedException",
                "no",
            ),
            (r#"{"__type":"AWSOrganizationsNotInUseException"}"#, "AWSOrganizationsNotInUseException", ""),
            (
                "<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>You are not</Message></Error></Errors></Response>",
                "UnauthorizedOperation",
                "You are not",
            ),
        ] {
            assert_eq!(of_json(text).or_else(|| of_xml(text)), Some((code.to_owned(), message.to_owned())));
        }
        assert_eq!(of_json("<html>").or_else(|| of_xml("<html>")), None);
    }

    #[test]
    fn organizations_are_asked_in_one_place() {
        let config = SdkConfig::builder().build();
        for (service, region, url) in [
            (Service::Ec2, "eu-west-1", "https://ec2.eu-west-1.amazonaws.com"),
            (Service::Ec2, "cn-north-1", "https://ec2.cn-north-1.amazonaws.com.cn"),
            (Service::Organizations, "eu-west-1", "https://organizations.us-east-1.amazonaws.com"),
            (Service::ServiceQuotas, "eu-west-1", "https://servicequotas.eu-west-1.amazonaws.com"),
            (Service::Organizations, "us-gov-east-1", "https://organizations.us-gov-west-1.amazonaws.com"),
        ] {
            assert_eq!(endpoint(&config, service, region).0, url);
        }
        let given = SdkConfig::builder().endpoint_url("http://localhost:1").build();
        assert_eq!(endpoint(&given, Service::Ec2, "eu-west-1").0, "http://localhost:1");
    }
}
