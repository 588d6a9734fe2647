//! The policies of buckets and keys, as far as the estate holds them.
//!
//! Deliberately absent: policies of other resources, and object ACLs.

use super::{Arn, Linked};
use crate::iam::{Named, Policy};
use crate::known::{Part, Text, Unknown};
use serde_json::Value;
use std::sync::Arc;

/// What is known of a resource that is asked about.
#[derive(Debug, Default)]
pub struct Resource {
    /// Its policy, and the pointer of the policy in the document.
    pub policy: Option<(Named, String)>,
    /// The name of its policy, where it has one that decides and was not collected.
    pub missing: Option<String>,
    /// Its account, where that is certainly not the caller's.
    pub elsewhere: bool,
}

/// An account that is no caller's: that of a bucket which the caller's account does not have.
pub const ELSEWHERE: &str = "000000000000";

/// The bucket or the key that an ARN names; `None` where it names another thing or has a hole there.
#[must_use]
pub fn resource(linked: &Linked, arn: &Text, account: &str) -> Option<Resource> {
    let whole = arn.as_str().is_some();
    let Some(Part::Literal(start)) = arn.parts().first() else { return None };
    let start = Arn::parse(start)?;
    match start.service {
        "s3" => {
            let (name, rest) =
                start.resource.split_once('/').map_or((start.resource, None), |(name, rest)| (name, Some(rest)));
            (!name.is_empty() && (whole || rest.is_some())).then(|| bucket(linked, name, account))
        }
        "kms" if whole => start.resource.strip_prefix("key/").map(|id| key(linked, id, &start)),
        _ => None,
    }
}

fn bucket(linked: &Linked, name: &str, account: &str) -> Resource {
    let buckets = linked.estate.items("s3.buckets");
    let at = buckets.iter().position(|bucket| bucket["Name"] == *name);
    let found = at.and_then(|at| Some((at, buckets.get(at)?)));
    let listed = found.is_some_and(|(_, bucket)| !bucket["CreationDate"].is_null());
    let elsewhere = !listed && linked.estate.incomplete("s3.buckets", account, None).is_none();
    let title = format!("the policy of bucket `{name}`");
    let policy = found.and_then(|(at, bucket)| named(&title, &bucket["Policy"], format!("/s3/buckets/{at}/Policy")));
    let missing = (policy.is_none() && elsewhere)
        .then(|| format!("{title}, which is of another account (`aws s3api get-bucket-policy --bucket {name}`)"));
    Resource { policy, missing, elsewhere }
}

fn key(linked: &Linked, id: &str, arn: &Arn<'_>) -> Resource {
    let keys = linked.estate.items("kms.keys");
    let own = |key: &Value| {
        let known = key["Arn"].as_str().and_then(Arn::parse);
        let same = known.is_none_or(|known| known.account == arn.account && known.region == arn.region);
        same && (key["KeyId"] == *id || known.is_some_and(|known| known.resource.strip_prefix("key/") == Some(id)))
    };
    let title = format!("the policy of key `{id}`");
    let at = keys.iter().position(own);
    let policy = at.and_then(|at| named(&title, &keys.get(at)?["Policy"], format!("/kms/keys/{at}/Policy")));
    let command = format!("aws kms get-key-policy --policy-name default --key-id {id}");
    let missing = policy.is_none().then(|| format!("{title} (`{command}`)"));
    Resource { policy, missing, elsewhere: false }
}

fn named(title: &str, document: &Value, pointer: String) -> Option<(Named, String)> {
    if document.is_null() || Unknown::of(document).is_some() {
        return None;
    }
    Some((Named { name: title.to_owned(), policy: Arc::new(Policy::of(document)) }, pointer))
}

/// The key with which a bucket encrypts by default, as an ARN: one of the account's own or another's, none of
/// AWS's, which everybody may use who may use the bucket.
#[must_use]
pub fn key_of_bucket(linked_buckets: &[Value], name: &str, home: &str) -> Option<String> {
    let bucket = linked_buckets.iter().find(|bucket| bucket["Name"] == *name)?;
    let rules = bucket["ServerSideEncryptionConfiguration"]["Rules"].as_array()?;
    let default = &rules.first()?["ApplyServerSideEncryptionByDefault"];
    if !matches!(default["SSEAlgorithm"].as_str(), Some("aws:kms" | "aws:kms:dsse")) {
        return None;
    }
    let key = default["KMSMasterKeyID"].as_str()?;
    match Arn::parse(key) {
        Some(arn) => arn.resource.starts_with("key/").then(|| key.to_owned()),
        // An id alone is of the bucket's own account and region.
        None => (!key.contains(['/', ':'])).then(|| format!("{home}key/{key}")),
    }
}
