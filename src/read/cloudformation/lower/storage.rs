//! Buckets, keys and repositories of images with the policies that say who may use them.
//!
//! A bucket and its policy are two resources, and become one item when all are known.
//!
//! Deliberately absent: access points, and ACLs.

use super::iam::document;
use super::shape::{items, list};
use super::{Fields, It, Lowered};
use crate::known::Text;
use crate::read::code::{Form, Node};

pub(super) fn bucket(it: &It<'_, '_, '_>, out: &mut Lowered) {
    let given = it.get("BucketEncryption").and_then(|node| node.get("ServerSideEncryptionConfiguration"));
    let encryption = given.map(|given| {
        let rules = items(given).iter().map(|rule| {
            let mut fields = Fields::at(rule.at.clone());
            fields.put("ApplyServerSideEncryptionByDefault", rule.get("ServerSideEncryptionByDefault").cloned());
            fields.node()
        });
        let mut fields = Fields::at(given.at.clone());
        fields.put("Rules", Some(list(rules.collect(), given.at.clone())));
        fields.node()
    });
    let name = it.named(it.reference(), "BucketName");
    add(
        out,
        "s3.buckets",
        it.reference(),
        it,
        [("Name", Some(name)), ("ServerSideEncryptionConfiguration", encryption)],
    );
}

pub(super) fn bucket_policy(it: &It<'_, '_, '_>, out: &mut Lowered) {
    let Some(bucket) = it.text("Bucket") else { return };
    let policy = document(it, "PolicyDocument", out);
    add(out, "s3.buckets", bucket, it, [("Name", it.own("Bucket")), ("Policy", policy)]);
}

pub(super) fn key(it: &It<'_, '_, '_>, out: &mut Lowered) {
    let policy = document(it, "KeyPolicy", out);
    let (id, arn) = (super::super::text::node(it.reference()), super::super::text::node(it.attribute("Arn")));
    let fields = [("KeyId", Some(id.written(it.at()))), ("Arn", Some(arn.written(it.at()))), ("Policy", policy)];
    add(out, "kms.keys", it.reference(), it, fields);
}

pub(super) fn repository(it: &It<'_, '_, '_>, out: &mut Lowered) {
    let policy = document(it, "RepositoryPolicyText", out);
    let name = it.named(it.reference(), "RepositoryName");
    add(out, "ecr.repositories", it.reference(), it, [("repositoryName", Some(name)), ("Policy", policy)]);
}

fn add<const N: usize>(
    out: &mut Lowered,
    collection: &'static str,
    name: Text,
    it: &It<'_, '_, '_>,
    fields: [(&str, Option<Node>); N],
) {
    let node = out.storage.entry((collection, name)).or_insert_with(|| Fields::at(it.at()).node());
    let Form::Object(known) = &mut node.form else { return };
    for (key, value) in fields {
        let Some(value) = value.filter(|value| !matches!(value.form, Form::Null)) else { continue };
        if !known.iter().any(|(name, _)| name == key) {
            known.push((key.to_owned(), value));
        }
    }
}
