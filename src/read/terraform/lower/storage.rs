//! Buckets, keys and repositories of images with the policies that say who may use them.
//!
//! A bucket, its policy and its encryption are resources of their own, and become one item when all are known. A policy
//! of a bucket that is declared elsewhere stands for it.
//!
//! Deliberately absent: access points, and ACLs.

use super::{Out, Resource, Value, object, text};
use crate::known::Text;
use std::collections::BTreeMap;

/// Buckets and keys by what names them, with the fields that are known so far.
#[derive(Debug, Default)]
pub(super) struct Storage {
    items: BTreeMap<(&'static str, Text), Item>,
}

#[derive(Debug)]
struct Item {
    /// Something at the place of the resource that was first.
    first: Value,
    fields: BTreeMap<String, Value>,
}

/// Whether anything comes of a resource of this type.
pub(super) fn wanted(kind: &str) -> bool {
    matches!(
        kind,
        "aws_s3_bucket"
            | "aws_s3_bucket_policy"
            | "aws_s3_bucket_server_side_encryption_configuration"
            | "aws_kms_key"
            | "aws_kms_key_policy"
            | "aws_ecr_repository_policy"
    )
}

pub(super) fn lower(resource: &Resource, out: &mut Out, shown: &dyn Fn(u32) -> String) {
    let policy = out.document(resource, "policy", shown);
    match resource.kind.as_str() {
        "aws_s3_bucket" => {
            let encryption = resource.block("server_side_encryption_configuration");
            let fields = [
                ("Policy", policy),
                ("ServerSideEncryptionConfiguration", encryption.map_or(Value::NULL, |block| encrypted(&block))),
            ];
            out.storage.add("s3.buckets", &resource.get("id"), resource, fields);
        }
        "aws_s3_bucket_policy" => {
            out.storage.add("s3.buckets", &resource.get("bucket"), resource, [("Policy", policy)]);
        }
        "aws_s3_bucket_server_side_encryption_configuration" => {
            let fields = [("ServerSideEncryptionConfiguration", encrypted(&resource.body))];
            out.storage.add("s3.buckets", &resource.get("bucket"), resource, fields);
        }
        "aws_kms_key" => {
            let fields = [("Arn", resource.get("arn")), ("Policy", policy)];
            out.storage.add("kms.keys", &resource.or_hole("key_id"), resource, fields);
        }
        "aws_kms_key_policy" => {
            out.storage.add("kms.keys", &resource.get("key_id"), resource, [("Policy", policy)]);
        }
        "aws_ecr_repository_policy" => {
            out.storage.add("ecr.repositories", &resource.get("repository"), resource, [("Policy", policy)]);
        }
        _ => {}
    }
}

/// The rules by which a bucket encrypts, in the words of the API.
fn encrypted(block: &Value) -> Value {
    let rules = block.blocks("rule").into_iter().map(|rule| {
        let default = rule.blocks("apply_server_side_encryption_by_default").into_iter().next();
        let default = default.map_or(Value::NULL, |default| {
            super::shaped(&default, &[("sse_algorithm", "SSEAlgorithm"), ("kms_master_key_id", "KMSMasterKeyID")])
        });
        object(rule.spot, [("ApplyServerSideEncryptionByDefault", default)])
    });
    object(block.spot, [("Rules", Value::list(rules.collect(), block.spot))])
}

impl Storage {
    fn add<const N: usize>(
        &mut self,
        collection: &'static str,
        name: &Value,
        resource: &Resource,
        fields: [(&str, Value); N],
    ) {
        let key = match collection {
            "s3.buckets" => "Name",
            "ecr.repositories" => "repositoryName",
            _ => "KeyId",
        };
        // A key may be named by its ARN.
        let own = text(name);
        let id = own.as_str().and_then(|text| text.rsplit_once(":key/")).map(|(_, id)| Value::text(id, name.spot));
        let name = id.unwrap_or_else(|| name.clone().or_spot(resource.spot));
        let new = || Item { first: Value::text("", resource.spot), fields: BTreeMap::new() };
        let known = &mut self.items.entry((collection, text(&name))).or_insert_with(new).fields;
        known.insert(key.to_owned(), name);
        known.extend(
            fields.into_iter().filter(|(_, value)| !value.is_null()).map(|(key, value)| (key.to_owned(), value)),
        );
    }

    /// The items, each at the resource that was first.
    pub(super) fn items(&mut self) -> Vec<(&'static str, Value)> {
        let items = std::mem::take(&mut self.items).into_iter();
        items.map(|((collection, _), item)| (collection, Value::object(item.fields, item.first.spot))).collect()
    }
}
