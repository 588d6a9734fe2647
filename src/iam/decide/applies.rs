//! Whether a statement or a kind of policy has a say in a request: by its action and its resource.

use crate::arn::Arn;
use crate::iam::condition::Doubt;
use crate::iam::context::Context;
use crate::iam::pattern::{Reading, Subject, compare};
use crate::iam::policy::{Effect, Entry, Statement};
use crate::known::{Part, Text, Truth};

/// Services that resource control policies have covered since January 2026 or before.
/// <https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_rcps.html>
pub(super) const RCP_SERVICES: [&str; 10] =
    ["s3", "sts", "kms", "sqs", "secretsmanager", "ecr", "aoss", "cognito-idp", "cognito-identity", "logs"];

/// Services that came to that list later and can stand beside Spark. Whether a denial reaches their
/// resources is left open, so that nobody relies on either answer.
const LATER_RCP_SERVICES: [&str; 9] = [
    "cloudfront",
    "codeartifact",
    "codebuild",
    "dsql",
    "dynamodb",
    "events",
    "firehose",
    "opensearch",
    "resource-groups",
];

/// Whether resource control policies cover the action's service, or may.
pub(super) fn has_rcp(action: &str) -> bool {
    is_of(action, &RCP_SERVICES) || is_of(action, &LATER_RCP_SERVICES)
}

/// Whether the action is of one of these services.
pub(super) fn is_of(action: &str, services: &[&str]) -> bool {
    let service = action.split(':').next().unwrap_or_default();
    services.iter().any(|covered| covered.eq_ignore_ascii_case(service))
}

/// Whether the request asks a role's trust policy.
pub(super) fn is_trust(action: &str, resource: &Text) -> bool {
    let sts = action.get(..4).is_some_and(|service| service.eq_ignore_ascii_case("sts:"));
    // A role's name may still have holes, what it is has not.
    let role = match resource.as_str() {
        Some(text) => Arn::parse(text).is_some_and(|arn| arn.service == "iam" && arn.resource.starts_with("role/")),
        None => resource.parts().iter().any(|part| matches!(part, Part::Literal(text) if text.contains(":role/"))),
    };
    sts && role
}

/// Whether AWS is seen to refuse such a call whatever the policies say: writing its own policies,
/// changing or passing its reserved roles, changing its key aliases. It is not documented.
pub(super) fn is_reserved(action: &str, resource: &Text) -> bool {
    let Some((service, name)) = action.split_once(':') else { return false };
    let Some(arn) = resource.as_str().and_then(Arn::parse) else { return false };
    let begins = |with: &&str| name.get(..with.len()).is_some_and(|start| start.eq_ignore_ascii_case(with));
    let reads = ["Get", "List", "Describe", "Generate", "Simulate"].iter().any(begins);
    let reserved = match arn.service {
        "iam" => {
            (arn.account == "aws" && arn.resource.starts_with("policy/"))
                || arn.resource.starts_with("role/aws-reserved/")
        }
        "kms" => arn.resource.starts_with("alias/aws/"),
        _ => false,
    };
    reserved && !reads && service.eq_ignore_ascii_case(arn.service)
}

pub(super) fn resource_entries(statement: &Statement) -> impl Iterator<Item = &Entry> {
    statement.resources.iter().chain(&statement.not_resources).flatten()
}

/// Whether the statement's resources cover this one. A statement without resources covers what its
/// policy is attached to.
pub(super) fn resource_matches(statement: &Statement, resource: &Text, context: &Context<'_>) -> Truth {
    let any = |entries: &[Entry], negated: bool| {
        let doubt = Doubt::new(statement.effect.unwrap_or(Effect::Deny), negated);
        Truth::any(entries.iter().map(|entry| {
            let matched = compare(&entry.template, Subject::Text(resource), context, Reading::Resource, doubt);
            if entry.doubtful { matched.and(Truth::Unknown) } else { matched }
        }))
    };
    match (&statement.resources, &statement.not_resources) {
        (Some(resources), _) => any(resources, false),
        (None, Some(resources)) => !any(resources, true),
        (None, None) => Truth::True,
    }
}
