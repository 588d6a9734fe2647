//! Policies of resources and of organizations, which most commands print without saying whose.
//!
//! A bucket's policy names the bucket in its statements; a key's id, an organizational unit and a policy's id
//! stand in the file's path. What cannot be attributed is told with the name that the file should have.
//!
//! Deliberately absent: the policies of queues, topics and functions, of which no job is known to depend.

use super::{Content, Decoded, Listing, Places, Recognised, items_of, more, only, policy};
use regex_lite::Regex;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::sync::LazyLock;

macro_rules! pattern {
    ($name:ident, $text:literal) => {
        static $name: LazyLock<Regex> = LazyLock::new(|| Regex::new($text).unwrap());
    };
}

pattern!(KEY_ID, r"(?:mrk-[0-9a-f]{32}|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})");
pattern!(TARGET_ID, r"ou-[0-9a-z]{4,32}-[0-9a-z]{8,32}|(?:^|[^0-9a-z])(r-[0-9a-z]{4,32})(?:$|[^0-9a-z])");
pattern!(ACCOUNT_ID, r"(?:^|[^0-9])([0-9]{12})(?:$|[^0-9])");
pattern!(POLICY_ID, r"p-[0-9a-zA-Z]{8,128}");

/// Takes such an output apart; `false` if it is none.
pub(super) fn recognise(map: &mut Map<String, Value>, at: &str, path: &str, out: &mut Recognised) -> bool {
    let has = |map: &Map<String, Value>, key: &str| map.contains_key(key);
    let texts = |map: &Map<String, Value>, key: &str| map.get(key).is_some_and(Value::is_string);
    if texts(map, "Policy") && !has(map, "RevisionId") {
        return of_resource(map, at, path, out);
    }
    if texts(map, "policyText") && texts(map, "repositoryName") {
        let mut value = map.remove("policyText").unwrap_or_default();
        if let Decoded::Unreadable(why) = policy::decode(&mut value) {
            out.faults.push((format!("{at}/policyText"), why));
            return true;
        }
        let item = json!({"repositoryName": map.get("repositoryName"), "Policy": value});
        let items = super::Items {
            collection: "ecr.repositories".to_owned(),
            items: vec![item],
            places: Places::One(at.to_owned()),
            listing: None,
            opaque: vec![(0, "/Policy".to_owned())],
        };
        out.push("get-repository-policy", Content::Items(items));
        return true;
    }
    if has(map, "ServerSideEncryptionConfiguration") && only(map, "ServerSideEncryptionConfiguration") {
        let value = map.remove("ServerSideEncryptionConfiguration").unwrap_or_default();
        let pointer = format!("{at}/ServerSideEncryptionConfiguration");
        let field = "ServerSideEncryptionConfiguration";
        out.push("get-bucket-encryption", Content::Of { collection: "s3.buckets", field, value, pointer });
        return true;
    }
    if map.get("KeyMetadata").is_some_and(|key| key.get("KeyId").is_some()) {
        let key = map.remove("KeyMetadata").unwrap_or_default();
        items_of(out, "describe-key", "kms.keys", vec![key], Places::One(format!("{at}/KeyMetadata")), None);
        return true;
    }
    if let Some(Value::Array(keys)) = map.get("Keys")
        && keys.iter().all(|key| key.get("KeyId").is_some() && key.get("KeyArn").is_some())
        && !keys.is_empty()
    {
        let listing = Some(Listing { more: more(map) || map.get("Truncated") == Some(&json!(true)), doubt: None });
        let Some(Value::Array(mut keys)) = map.remove("Keys") else { return false };
        for key in keys.iter_mut().filter_map(Value::as_object_mut) {
            // The other commands call it so.
            let arn = key.remove("KeyArn").unwrap_or_default();
            key.insert("Arn".to_owned(), arn);
        }
        items_of(out, "list-keys", "kms.keys", keys, Places::List(format!("{at}/Keys")), listing);
        return true;
    }
    if let Some(Value::Array(buckets)) = map.get("Buckets")
        && buckets.iter().all(|bucket| bucket.get("Name").is_some() && bucket.get("CreationDate").is_some())
        && (has(map, "Owner") || !buckets.is_empty())
    {
        let truncated = more(map) || texts(map, "ContinuationToken");
        let Some(Value::Array(buckets)) = map.remove("Buckets") else { return false };
        let doubt = texts(map, "Prefix").then(|| "`list-buckets` shows only what it was asked for".to_owned());
        let listing = Some(Listing { more: truncated, doubt });
        items_of(out, "list-buckets", "s3.buckets", buckets, Places::List(format!("{at}/Buckets")), listing);
        return true;
    }
    organization(map, at, path, out)
}

/// `get-key-policy` and `get-bucket-policy`, which print the same key.
fn of_resource(map: &mut Map<String, Value>, at: &str, path: &str, out: &mut Recognised) -> bool {
    let mut value = map.get("Policy").cloned().unwrap_or_default();
    let decoded = policy::decode(&mut value);
    let pointer = format!("{at}/Policy");
    let opaque = vec![(0, "/Policy".to_owned())];
    if let Decoded::Unreadable(why) = decoded {
        let named = map.contains_key("PolicyName") || path.contains("bucket-policy");
        if named {
            out.faults.push((pointer, why));
        }
        return named;
    }
    let buckets = buckets_of(&value);
    let (kind, collection, item) = match buckets.iter().next() {
        Some(bucket) if buckets.len() == 1 => {
            ("get-bucket-policy", "s3.buckets", json!({"Name": bucket, "Policy": value}))
        }
        Some(_) => return false,
        None if map.contains_key("PolicyName") || path.contains("key-policy") => match KEY_ID.find(path) {
            Some(id) => ("get-key-policy", "kms.keys", json!({"KeyId": id.as_str(), "Policy": value})),
            None => {
                out.push("get-key-policy", Content::Of { collection: "kms.keys", field: "Policy", value, pointer });
                return true;
            }
        },
        None => return false,
    };
    out.push(
        kind,
        Content::Items(super::Items {
            collection: collection.to_owned(),
            items: vec![item],
            places: Places::One(at.to_owned()),
            listing: None,
            opaque,
        }),
    );
    true
}

/// The buckets that a bucket policy's statements are about.
fn buckets_of(policy: &Value) -> BTreeSet<String> {
    let statements = match &policy["Statement"] {
        Value::Array(statements) => statements.as_slice(),
        statement => std::slice::from_ref(statement),
    };
    let resources = statements.iter().flat_map(|statement| [&statement["Resource"], &statement["NotResource"]]);
    let texts = resources.flat_map(|resource| match resource {
        Value::Array(texts) => texts.as_slice(),
        text => std::slice::from_ref(text),
    });
    let names = texts.filter_map(|text| {
        let name = text.as_str()?.split_once(":s3:::")?.1.split('/').next()?;
        (!name.is_empty() && !name.contains(['*', '?', '$'])).then(|| name.to_owned())
    });
    names.collect()
}

/// What `aws organizations` prints.
fn organization(map: &mut Map<String, Value>, at: &str, path: &str, out: &mut Recognised) -> bool {
    if map.get("Organization").is_some_and(|found| found.get("MasterAccountId").is_some()) {
        let mut value = map.remove("Organization").unwrap_or_default();
        if let Some(fields) = value.as_object_mut() {
            // Whose address it is, is nobody's business here.
            fields.remove("MasterAccountEmail");
        }
        let pointer = format!("{at}/Organization");
        let content = Content::Sole { section: "organizations", field: "organization", value, pointer };
        out.push("describe-organization", content);
        return true;
    }
    if map.get("Policy").is_some_and(|found| found.pointer("/PolicySummary/Id").is_some()) {
        let Some(Value::Object(mut found)) = map.remove("Policy") else { return false };
        let Some(Value::Object(mut item)) = found.remove("PolicySummary") else { return false };
        let mut content = found.remove("Content").unwrap_or_default();
        if let Decoded::Unreadable(why) = policy::decode(&mut content) {
            out.faults.push((format!("{at}/Policy/Content"), why));
        }
        item.insert("Content".to_owned(), content);
        let items = super::Items {
            collection: "organizations.policies".to_owned(),
            items: vec![Value::Object(item)],
            places: Places::One(format!("{at}/Policy")),
            listing: None,
            opaque: vec![(0, "/Content".to_owned())],
        };
        out.push("describe-policy", Content::Items(items));
        return true;
    }
    let entries = |map: &mut Map<String, Value>, key: &str, with: &[&str]| -> Option<Value> {
        let list = map.get(key)?.as_array()?;
        let fits = only(map, key) && list.iter().all(|entry| with.iter().all(|field| entry.get(*field).is_some()));
        // An empty list is one of these only where its path says so.
        let told = !list.is_empty() || path.contains("for-target") || path.contains("organization");
        if fits && told { map.remove(key) } else { None }
    };
    let target = |path: &str| {
        let unit = TARGET_ID.captures(path).and_then(|found| found.get(1).or(found.get(0)));
        let account = || ACCOUNT_ID.captures_iter(path).last().and_then(|found| found.get(1));
        unit.or_else(account).map(|id| id.as_str().to_owned())
    };
    let put = |out: &mut Recognised, kind: &str, collection: &str, item: Value| {
        items_of(out, kind, collection, vec![item], Places::One(at.to_owned()), None);
    };
    if let Some(parents) = entries(map, "Parents", &["Id", "Type"]) {
        match target(path) {
            Some(id) => put(out, "list-parents", "organizations.targets", json!({"TargetId": id, "Parents": parents})),
            None => out.push("list-parents", nameless("Parents", "list-parents-123456789012.json")),
        }
        return true;
    }
    if let Some(targets) = entries(map, "Targets", &["TargetId", "Type"]) {
        match POLICY_ID.find(path) {
            Some(id) => {
                let item = json!({"Id": id.as_str(), "Targets": targets});
                put(out, "list-targets-for-policy", "organizations.policies", item);
            }
            None => out.push("list-targets-for-policy", nameless("Targets", "list-targets-for-policy-p-12345678.json")),
        }
        return true;
    }
    let of_organization = |policies: &Value| {
        let of = |entry: &Value| entry["Arn"].as_str().is_some_and(|arn| arn.contains(":organizations:"));
        policies.as_array().is_some_and(|list| list.iter().all(of))
    };
    if !map.get("Policies").is_some_and(of_organization) {
        return false;
    }
    let Some(policies) = entries(map, "Policies", &["Id", "Type"]) else { return false };
    let first = policies.pointer("/0/Type").and_then(Value::as_str).unwrap_or_default();
    let resource = first == "RESOURCE_CONTROL_POLICY" || (first.is_empty() && path.to_lowercase().contains("resource"));
    if path.contains("for-target") {
        let field = if resource { "ResourceControlPolicies" } else { "ServiceControlPolicies" };
        match target(path) {
            Some(id) => {
                put(out, "list-policies-for-target", "organizations.targets", json!({"TargetId": id, field: policies}))
            }
            None => {
                out.push("list-policies-for-target", nameless("Policies", "list-policies-for-target-123456789012.json"))
            }
        }
        return true;
    }
    let Value::Array(policies) = policies else { return false };
    let places = Places::List(format!("{at}/Policies"));
    let doubt = Some("`list-policies` shows one type of policies".to_owned());
    let listing = Some(Listing { more: more(map), doubt });
    items_of(out, "list-policies", "organizations.policies", policies, places, listing);
    true
}

fn nameless(key: &str, hint: &'static str) -> Content {
    Content::Nameless { key: key.to_owned(), hint }
}
