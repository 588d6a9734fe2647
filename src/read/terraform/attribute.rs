//! What is known of a resource beyond what the code says: names, ARNs, issuers.
//!
//! An ARN is put together from the account, the region and the name, so two resources that refer to
//! each other have the same one before either exists. What only the service decides is a hole of the
//! resource's address. The issuer of a cluster is named after the cluster, so that a resource, a data
//! source and a module that mean the same cluster have the same issuer.

use super::value::{Part, Piece, Value};
use super::world::Home;

/// The beginning of the name of a cluster's issuer.
const ISSUER: &str = "OIDC issuer of cluster ";

/// What the code says of an attribute; null if nothing.
pub(super) type Configured<'c> = &'c dyn Fn(&str) -> Value;

/// The texts one after the other.
pub(super) fn joined(parts: &[&Value]) -> Value {
    let mut pieces: Vec<Piece> = Vec::new();
    for part in parts {
        pieces.extend(part.as_pieces().unwrap_or_default().iter().cloned());
    }
    let spot = parts.iter().rev().find_map(|part| part.spot);
    Value::pieces(pieces, spot)
}

/// A text that was written nowhere.
pub(super) fn lit(text: &str) -> Value {
    Value::text(text, None)
}

/// The ARN of something of a service, in its region and account.
pub(super) fn arn(home: &Home, service: &str, resource: &[&Value]) -> Value {
    let start = lit(&format!("arn:{}:{service}:", home.partition));
    let mut parts = vec![&start, &home.region];
    let colon = lit(":");
    parts.extend([&colon, &home.account, &colon]);
    parts.extend(resource);
    joined(&parts)
}

/// The ARN of something of IAM.
pub(super) fn iam_arn(home: &Home, resource: &[&Value]) -> Value {
    let start = lit(&format!("arn:{}:iam::", home.partition));
    let colon = lit(":");
    let mut parts = vec![&start, &home.account, &colon];
    parts.extend(resource);
    joined(&parts)
}

/// The host and path of the issuer of the cluster of that name.
pub(super) fn issuer_host(cluster: &Value, home: &Home) -> Value {
    let name = cluster.as_text().map(|text| text.to_string()).unwrap_or_default();
    let alias = if home.alias.is_empty() { String::new() } else { format!(" of provider aws.{}", home.alias) };
    Value::pieces(vec![Piece { part: Part::Hole(format!("{ISSUER}{name}{alias}").into()), spot: None }], None)
}

/// Whether what fills a hole surely lacks a text.
pub(super) fn lacks(hole: &str, text: &str) -> bool {
    use crate::read::code::{ACCOUNT, PARTITION, REGION};
    if text.is_empty() {
        return false;
    }
    if hole == ACCOUNT {
        return text.bytes().any(|byte| !byte.is_ascii_digit());
    }
    if hole == REGION || hole == PARTITION {
        return text.bytes().any(|byte| !(byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'));
    }
    if hole.starts_with(ISSUER) {
        // `oidc.eks.REGION.amazonaws.com/id/…`, in whatever domain.
        return text.contains(':') || text.contains("//") || text.contains("provider/");
    }
    // Names and ids of AWS.
    (hole.ends_with(".name") || hole.ends_with(".id") || hole.ends_with(" suffix"))
        && (text.contains(':') || text.contains('/'))
}

/// The name: as it is given, a prefix with what is added to it, or a hole.
fn name(configured: Configured<'_>, full: &str, key: &str) -> Value {
    let given = configured(key);
    if !given.is_null() {
        return given;
    }
    let prefix = configured(&format!("{key}_prefix"));
    if prefix.is_null() {
        return Value::unknown(format!("{full}.{key}"), None);
    }
    joined(&[&prefix, &Value::unknown(format!("{full}.{key} suffix"), None)])
}

/// An attribute that follows from others; `None` where only the service knows it.
pub(super) fn of(kind: &str, attr: &str, full: &str, configured: Configured<'_>, home: &Home) -> Option<Value> {
    let hole = |attr: &str| Value::unknown(format!("{full}.{attr}"), None);
    match kind {
        "aws_iam_role" | "aws_iam_user" | "aws_iam_group" | "aws_iam_instance_profile" | "aws_iam_policy" => {
            let what = match kind {
                "aws_iam_role" => "role",
                "aws_iam_user" => "user",
                "aws_iam_group" => "group",
                "aws_iam_policy" => "policy",
                _ => "instance-profile",
            };
            match attr {
                "name" => Some(name(configured, full, "name")),
                "id" if kind != "aws_iam_policy" => Some(name(configured, full, "name")),
                "arn" | "id" => {
                    let path = configured("path");
                    let path = if path.is_null() { lit("/") } else { path };
                    Some(iam_arn(home, &[&lit(what), &path, &name(configured, full, "name")]))
                }
                _ => None,
            }
        }
        "data.aws_iam_role" | "data.aws_iam_user" | "data.aws_iam_instance_profile" => {
            let key = if kind == "data.aws_iam_user" { "user_name" } else { "name" };
            (attr == "id" || attr == "name").then(|| configured(key)).filter(|value| !value.is_null())
        }
        "data.aws_iam_policy" => {
            let given = configured("arn");
            ((attr == "arn" || attr == "id") && !given.is_null()).then_some(given)
        }
        "aws_iam_service_linked_role" => {
            let service = configured("aws_service_name");
            let role = service_linked(service.as_string().as_deref())?;
            match attr {
                "name" => Some(lit(role)),
                "path" => Some(joined(&[&lit("/aws-service-role/"), &service, &lit("/")])),
                "arn" | "id" => Some(iam_arn(home, &[&lit("role/aws-service-role/"), &service, &lit("/"), &lit(role)])),
                _ => None,
            }
        }
        "data.aws_caller_identity" => matches!(attr, "account_id" | "id").then(|| home.account.clone()),
        "data.aws_region" => matches!(attr, "name" | "id" | "region").then(|| home.region.clone()),
        "data.aws_partition" => match attr {
            "partition" | "id" => Some(lit(&home.partition)),
            "dns_suffix" => Some(lit(if home.partition == "aws-cn" { "amazonaws.com.cn" } else { "amazonaws.com" })),
            _ => None,
        },
        "aws_iam_openid_connect_provider" | "data.aws_iam_openid_connect_provider" => {
            let (url, given) = (configured("url"), configured("arn"));
            match attr {
                "arn" | "id" if !given.is_null() => Some(given),
                "arn" | "id" if !url.is_null() => {
                    let host = without(&url, "https://");
                    Some(iam_arn(home, &[&lit("oidc-provider/"), &host]))
                }
                "url" if !given.is_null() => after(&given, "oidc-provider/"),
                _ => None,
            }
        }
        "aws_eks_cluster" | "data.aws_eks_cluster" => {
            let cluster = name(configured, full, "name");
            match attr {
                "name" | "id" | "cluster_name" => Some(cluster),
                "arn" => Some(arn(home, "eks", &[&lit("cluster/"), &cluster])),
                "endpoint" => {
                    let name = cluster.as_text().map(|text| text.to_string()).unwrap_or_default();
                    Some(Value::unknown(format!("{}{name}", super::root::ENDPOINT), None))
                }
                "identity" => {
                    let issuer = joined(&[&lit("https://"), &issuer_host(&cluster, home)]);
                    let oidc = Value::object([("issuer".to_owned(), issuer)].into(), None);
                    let identity = [("oidc".to_owned(), Value::list(vec![oidc], None))];
                    Some(Value::list(vec![Value::object(identity.into(), None)], None))
                }
                _ => None,
            }
        }
        "data.aws_eks_cluster_auth" => (attr == "id").then(|| configured("name")),
        "aws_eks_node_group" => {
            let (cluster, own) = (configured("cluster_name"), name(configured, full, "node_group_name"));
            match attr {
                "arn" => {
                    Some(arn(home, "eks", &[&lit("nodegroup/"), &cluster, &lit("/"), &own, &lit("/"), &hole("id")]))
                }
                "id" => Some(joined(&[&cluster, &lit(":"), &own])),
                "node_group_name" => Some(own),
                _ => None,
            }
        }
        "aws_eks_fargate_profile" => {
            let (cluster, own) = (configured("cluster_name"), configured("fargate_profile_name"));
            let parts = [&lit("fargateprofile/"), &cluster, &lit("/"), &own, &lit("/"), &hole("id")];
            (attr == "arn").then(|| arn(home, "eks", &parts))
        }
        "aws_eks_addon" => {
            let (cluster, own) = (configured("cluster_name"), configured("addon_name"));
            (attr == "arn")
                .then(|| arn(home, "eks", &[&lit("addon/"), &cluster, &lit("/"), &own, &lit("/"), &hole("id")]))
        }
        "aws_emrcontainers_virtual_cluster" => {
            (attr == "arn").then(|| arn(home, "emr-containers", &[&lit("/virtualclusters/"), &hole("id")]))
        }
        "aws_emrcontainers_job_template" => {
            (attr == "arn").then(|| arn(home, "emr-containers", &[&lit("/jobtemplates/"), &hole("id")]))
        }
        "aws_emrserverless_application" => {
            (attr == "arn").then(|| arn(home, "emr-serverless", &[&lit("/applications/"), &hole("id")]))
        }
        "aws_emr_cluster" => (attr == "arn").then(|| arn(home, "elasticmapreduce", &[&lit("cluster/"), &hole("id")])),
        "aws_emr_security_configuration" => matches!(attr, "id" | "name").then(|| name(configured, full, "name")),
        "aws_s3_bucket" | "data.aws_s3_bucket" => {
            let bucket = name(configured, full, "bucket");
            match attr {
                "id" | "bucket" => Some(bucket),
                "arn" => Some(joined(&[&lit(&format!("arn:{}:s3:::", home.partition)), &bucket])),
                _ => None,
            }
        }
        "aws_s3_object" | "aws_s3_bucket_object" => (attr == "id").then(|| configured("key")),
        kind if kind.starts_with("aws_s3_bucket_") => {
            (attr == "id").then(|| configured("bucket")).filter(|value| !value.is_null())
        }
        "aws_cloudwatch_log_group" | "data.aws_cloudwatch_log_group" => {
            let group = name(configured, full, "name");
            match attr {
                "name" | "id" => Some(group),
                "arn" => Some(arn(home, "logs", &[&lit("log-group:"), &group])),
                _ => None,
            }
        }
        "aws_kms_key" => match attr {
            "id" | "key_id" => Some(hole("key_id")),
            "arn" => Some(arn(home, "kms", &[&lit("key/"), &hole("key_id")])),
            _ => None,
        },
        "aws_dynamodb_table" | "aws_sqs_queue" | "aws_sns_topic" | "aws_ecr_repository" | "aws_kinesis_stream" => {
            let (service, before) = match kind {
                "aws_dynamodb_table" => ("dynamodb", "table/"),
                "aws_sqs_queue" => ("sqs", ""),
                "aws_sns_topic" => ("sns", ""),
                "aws_ecr_repository" => ("ecr", "repository/"),
                _ => ("kinesis", "stream/"),
            };
            let own = name(configured, full, "name");
            match attr {
                "name" => Some(own),
                "arn" => Some(arn(home, service, &[&lit(before), &own])),
                "repository_url" => {
                    let suffix = if home.partition == "aws-cn" { ".amazonaws.com.cn/" } else { ".amazonaws.com/" };
                    Some(joined(&[&home.account, &lit(".dkr.ecr."), &home.region, &lit(suffix), &own]))
                }
                _ => None,
            }
        }
        "aws_security_group" | "aws_subnet" | "aws_vpc" => {
            let what = match kind {
                "aws_security_group" => "security-group/",
                "aws_subnet" => "subnet/",
                _ => "vpc/",
            };
            (attr == "arn").then(|| arn(home, "ec2", &[&lit(what), &hole("id")]))
        }
        "helm_release" => match attr {
            "id" => Some(configured("name")),
            "namespace" => Some(lit("default")),
            _ => None,
        },
        kind if kind.starts_with("kubernetes_") && attr == "id" => {
            let metadata = configured("metadata");
            let metadata = metadata.items().first()?;
            let own = metadata.get("name")?;
            match metadata.get("namespace") {
                Some(namespace) => Some(joined(&[namespace, &lit("/"), own])),
                None => Some(own.clone()),
            }
        }
        "terraform_data" => (attr == "output").then(|| configured("input")).filter(|value| !value.is_null()),
        _ => None,
    }
}

/// The name of the role that a service makes for itself.
pub(super) fn service_linked(service: Option<&str>) -> Option<&'static str> {
    Some(match service? {
        "emr-containers.amazonaws.com" => "AWSServiceRoleForAmazonEMRContainers",
        "elasticmapreduce.amazonaws.com" => "AWSServiceRoleForEMRCleanup",
        "ops.emr-serverless.amazonaws.com" => "AWSServiceRoleForAmazonEMRServerless",
        "eks.amazonaws.com" => "AWSServiceRoleForAmazonEKS",
        "eks-nodegroup.amazonaws.com" => "AWSServiceRoleForAmazonEKSNodegroup",
        "eks-fargate.amazonaws.com" => "AWSServiceRoleForAmazonEKSForFargate",
        "spot.amazonaws.com" => "AWSServiceRoleForEC2Spot",
        _ => return None,
    })
}

/// A text without what it begins with.
pub(super) fn without(value: &Value, start: &str) -> Value {
    let Some(pieces) = value.as_pieces() else { return value.clone() };
    let mut pieces = pieces.to_vec();
    match pieces.first_mut() {
        Some(Piece { part: Part::Literal(text), spot }) => {
            let Some(rest) = text.strip_prefix(start) else { return value.clone() };
            let cut = u32::try_from(start.len()).unwrap_or(0);
            if let Some(spot) = spot.as_mut().filter(|spot| (spot.end - spot.start) as usize == text.len()) {
                spot.start += cut;
            }
            let rest = rest.into();
            *text = rest;
            Value::pieces(pieces, value.spot)
        }
        // Of a hole it is not known how it begins.
        Some(Piece { part: Part::Hole(name), .. }) if !lacks(name, start) => {
            Value::unknown(format!("{} without {start}", value.shown()), value.spot)
        }
        _ => value.clone(),
    }
}

/// What follows a text inside another, where that is in one of its literal stretches.
pub(super) fn after(value: &Value, mark: &str) -> Option<Value> {
    let pieces = value.as_pieces()?;
    for (at, piece) in pieces.iter().enumerate() {
        if let Part::Literal(text) = &piece.part
            && let Some((_, rest)) = text.split_once(mark)
        {
            let mut kept = vec![Piece { part: Part::Literal(rest.into()), spot: piece.spot }];
            kept.extend(pieces.iter().skip(at + 1).cloned());
            return Some(Value::pieces(kept, value.spot));
        }
    }
    None
}

/// What follows the last such letter in the literal stretches of a text.
pub(super) fn after_last(value: &Value, mark: char) -> Option<Value> {
    let pieces = value.as_pieces()?;
    let (at, rest) = pieces.iter().enumerate().rev().find_map(|(at, piece)| match &piece.part {
        Part::Literal(text) => text.rsplit_once(mark).map(|(_, rest)| (at, rest)),
        _ => None,
    })?;
    let mut kept = vec![Piece { part: Part::Literal(rest.into()), spot: value.spot }];
    kept.extend(pieces.iter().skip(at + 1).cloned());
    Some(Value::pieces(kept, value.spot))
}
