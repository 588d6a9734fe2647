//! Images of one's own for EMR Serverless, and whether their repositories let the service pull them.
//!
//! The service pulls an image by itself, before any role of the job is assumed, so that the policy of the repository
//! alone decides.
//!
//! Deliberately absent: conditions of that policy. Who names the service in it meant to let it in.

use super::{Draft, draft_alias};
use crate::estate::Estate;
use crate::iam::policy::{Effect, Policy, PrincipalKind};
use crate::known::{Told, Truth, Unknown};
use serde_json::{Value, json};

const SERVICE: &str = "emr-serverless.amazonaws.com";

/// What the service does with an image before it starts workers from it.
const PULLS: [&str; 3] = ["ecr:BatchGetImage", "ecr:DescribeImages", "ecr:GetDownloadUrlForLayer"];

/// Puts in `images`: each with its repository, and whether that admits the service.
pub(super) fn images(estate: &Estate, draft: &mut Draft) {
    let application = draft.object.get("application").cloned().unwrap_or_default();
    let at = draft_alias(draft, "/application", "");
    let mut named = vec![(application["imageConfiguration"]["imageUri"].clone(), format!("{at}/imageConfiguration"))];
    for (kind, worker) in application["workerTypeSpecifications"].as_object().into_iter().flatten() {
        let place = format!("{at}/workerTypeSpecifications/{}/imageConfiguration", crate::path::escape(kind));
        named.push((worker["imageConfiguration"]["imageUri"].clone(), place));
    }
    let mut list = Vec::new();
    for (uri, place) in named {
        let Some((uri, repository)) = uri.told().and_then(|uri| Some((uri, repository(uri)?))) else { continue };
        draft.aliases.push((format!("/images/{}", list.len()), format!("{place}/imageUri")));
        let mut policies = estate.items("ecr.repositories").iter().filter(|one| one["repositoryName"].is(repository));
        let admits = match policies.find_map(|one| one.get("Policy")) {
            Some(policy) => match admits(policy) {
                Truth::True => true.into(),
                Truth::False => false.into(),
                Truth::Unknown => not_read(repository).to_value(),
            },
            None => not_read(repository).to_value(),
        };
        list.push(json!({"uri": uri, "repository": repository, "admits": admits}));
    }
    draft.set("images", list);
}

/// The repository in the address of an image of ECR.
fn repository(uri: &str) -> Option<&str> {
    let (_, path) = uri.split_once(".dkr.ecr.")?.1.split_once('/')?;
    let path = path.split('@').next().unwrap_or(path);
    let name = path.rsplit_once(':').map_or(path, |(name, _)| name);
    (!name.is_empty()).then_some(name)
}

fn not_read(repository: &str) -> Unknown {
    Unknown {
        why: format!("the policy of repository `{repository}` was not read"),
        unblock: Some(format!("run `aws ecr get-repository-policy --repository-name {repository}`")),
    }
}

/// Whether the policy of a repository lets the service pull.
fn admits(policy: &Value) -> Truth {
    if Unknown::of(policy).is_some() {
        return Truth::Unknown;
    }
    let policy = Policy::of(policy);
    Truth::all(PULLS.iter().map(|action| {
        Truth::any(policy.statements.iter().filter(|one| one.effect != Some(Effect::Deny)).map(|statement| {
            if statement.unknown.is_some() || statement.not_principals.is_some() {
                return Truth::Unknown;
            }
            let service = Truth::any(statement.principals.iter().flatten().map(|principal| match principal.kind {
                PrincipalKind::Anyone => Truth::True,
                PrincipalKind::Service => principal.value.same_as(&SERVICE.into()),
                PrincipalKind::Unknown => Truth::Unknown,
                _ => Truth::False,
            }));
            service.and(statement.covers(action))
        }))
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repositories_in_addresses() {
        for (uri, name) in [
            ("604912778351.dkr.ecr.eu-west-1.amazonaws.com/team/spark:7.5", Some("team/spark")),
            ("604912778351.dkr.ecr.eu-west-1.amazonaws.com/spark@sha256:00", Some("spark")),
            ("${account}.dkr.ecr.${region}.amazonaws.com/${Repo}:1", Some("${Repo}")),
            ("public.ecr.aws/emr-serverless/spark/emr-7.5.0", None),
            ("604912778351.dkr.ecr.eu-west-1.amazonaws.com", None),
            ("", None),
        ] {
            assert_eq!(repository(uri), name, "{uri}");
        }
    }

    #[test]
    fn policies_that_admit() {
        let of = |principal: Value, actions: Value| json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": principal, "Action": actions}]});
        let service = json!({"Service": SERVICE});
        for (policy, expected) in [
            (of(service.clone(), json!(PULLS)), Truth::True),
            (of(service.clone(), json!("ecr:*")), Truth::True),
            (of(json!({"Service": ["lambda.amazonaws.com", SERVICE]}), json!(PULLS)), Truth::True),
            (of(json!("*"), json!(PULLS)), Truth::True),
            (of(service.clone(), json!(["ecr:BatchGetImage"])), Truth::False),
            (of(json!({"Service": "lambda.amazonaws.com"}), json!("ecr:*")), Truth::False),
            (of(json!({"AWS": "arn:aws:iam::604912778351:root"}), json!("ecr:*")), Truth::False),
            (json!({"Statement": []}), Truth::False),
            (json!({"$unknown": "known after apply"}), Truth::Unknown),
        ] {
            assert_eq!(admits(&policy), expected, "{policy}");
        }
    }
}
