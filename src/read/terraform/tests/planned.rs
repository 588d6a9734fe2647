//! Plans and states: text in, what is declared out.

use super::*;

const MAIN: &str = r#"variable "namespace" {}
resource "aws_eks_cluster" "c" {
  name = "prod"
  vpc_config {
    subnet_ids = ["a"]
  }
}
resource "aws_iam_role" "job" {
  name               = "job"
  assume_role_policy = <<EOF
{"Statement": [{"Effect": "Allow", "Action": "sts:AssumeRoleWithWebIdentity",
  "Principal": {"Federated": "${aws_eks_cluster.c.identity[0].oidc[0].issuer}"}}]}
EOF
}
resource "aws_iam_role_policy" "p" {
  name   = "read"
  role   = aws_iam_role.job.id
  policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "s3:GetObject", Resource = "*" }] })
}
module "vc" {
  source    = "./vc"
  namespace = var.namespace
}
"#;

const CHILD: &str = r#"variable "namespace" {}
resource "aws_emrcontainers_virtual_cluster" "v" {
  name = "v"
  container_provider {
    id   = "prod"
    type = "EKS"
    info {
      eks_info {
        namespace = var.namespace
      }
    }
  }
}
"#;

/// The plan of `MAIN`, as Terraform prints it.
fn text() -> String {
    let policy = r#"{"Statement":[{"Action":"s3:GetObject","Effect":"Allow","Resource":"*"}]}"#;
    let provider = json!([{"id": "prod", "type": "EKS", "info": [{"eks_info": [{"namespace": "jobs"}]}]}]);
    let resource = |address: &str, values: Value| {
        let own = address.rsplit_once("v.").map_or(address, |(_, own)| own);
        let kind = address.split('.').find(|part| part.starts_with("aws_")).unwrap_or_default();
        json!({"address": address, "mode": "managed", "type": kind, "name": own, "values": values})
    };
    let vc = "module.vc.aws_emrcontainers_virtual_cluster.v";
    let change = |address: &str, unknown: Value| {
        let kind = address.split('.').find(|part| part.starts_with("aws_")).unwrap_or_default();
        json!({"address": address, "type": kind, "change": {"actions": ["create"], "before": null, "after": {"big": [1, 2]}, "after_unknown": unknown}})
    };
    let plan = json!({
        "format_version": "1.2",
        "terraform_version": "1.9.0",
        "variables": {"namespace": {"value": "jobs"}},
        "planned_values": {"root_module": {
            "resources": [
                resource("aws_eks_cluster.c", json!({"name": "prod", "vpc_config": [{"subnet_ids": ["a"], "endpoint_public_access": true}]})),
                resource("aws_iam_role.job", json!({"name": "job", "path": "/"})),
                resource("aws_iam_role_policy.p", json!({"name": "read", "policy": policy})),
            ],
            "child_modules": [{"address": "module.vc", "resources": [resource(vc, json!({"name": "v", "container_provider": provider}))]}],
        }},
        "resource_changes": [
            change("aws_eks_cluster.c", json!({"arn": true, "identity": true, "vpc_config": [{"subnet_ids": [false], "vpc_id": true}]})),
            change("aws_iam_role.job", json!({"arn": true, "assume_role_policy": true})),
            change("aws_iam_role_policy.p", json!({"role": true})),
            change(vc, json!({"id": true, "arn": true})),
        ],
        "prior_state": {"values": {"root_module": {"resources": [resource("aws_iam_role.old", json!({"name": "old"}))]}}},
        "configuration": {
            "provider_config": {"aws": {"name": "aws", "expressions": {"region": {"constant_value": "eu-west-1"}}}},
            "root_module": {"resources": [
                {"address": "aws_iam_role_policy.p", "expressions": {"role": {"references": ["aws_iam_role.job.id", "aws_iam_role.job"]}}},
                {"address": "aws_iam_role.job", "expressions": {"assume_role_policy": {"references": ["aws_eks_cluster.c.identity"]}}},
            ]},
        },
    });
    serde_json::to_string_pretty(&plan).unwrap()
}

fn planned(files: &[(&str, &str)], name: &str, text: &str) -> (Dump, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let entries = write(folder.path(), files);
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    let code = plan(&path.to_string_lossy(), text, &entries).unwrap();
    let gaps = code.gaps.iter().map(|gap| gap.why.clone()).collect();
    (dump(code, folder.path()), gaps)
}

#[test]
fn a_plan_alone() {
    let (found, gaps) = planned(&[], "plan.json", &text());
    assert_eq!(gaps, [""; 0]);
    let names: Vec<&str> = found.iter().map(|(name, ..)| name.as_str()).collect();
    assert_eq!(names, ["iam.roles", "eks.clusters", "iam.roles job RolePolicyList", "emrContainers.virtualClusters"]);
    let role = value_of(&found, "iam.roles");
    assert_eq!(short(&role["Arn"]), "arn:aws:iam::{account}:role/job");
    // A document is more than what it refers to.
    assert_eq!(short(&role["AssumeRolePolicyDocument"]), "{aws_iam_role.job.assume_role_policy}");
    let cluster = value_of(&found, "eks.clusters");
    assert_eq!(short(&cluster["arn"]), "arn:aws:eks:eu-west-1:{account}:cluster/prod");
    assert_eq!(short(&cluster["identity"]["oidc"]["issuer"]), "https://{OIDC issuer of cluster prod}");
    assert_eq!(short(&cluster["resourcesVpcConfig"]["vpcId"]), "{aws_eks_cluster.c.vpc_config[0].vpc_id}");
    let inline = "iam.roles job RolePolicyList";
    assert_eq!(value_of(&found, inline)["PolicyDocument"]["Statement"][0]["Action"], "s3:GetObject");
    let place = place_of(&found, inline, "/PolicyDocument/Statement/0/Action");
    assert_eq!(place, r#"plan.json: \"s3:GetObject\""#);
}

#[test]
fn a_plan_beside_its_code() {
    let (found, gaps) = planned(&[("main.tf", MAIN), ("vc/main.tf", CHILD)], "plan.json", &text());
    assert_eq!(gaps, [""; 0]);
    let role = value_of(&found, "iam.roles");
    let principal = short(&role["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]["Federated"]);
    assert_eq!(principal, "https://{OIDC issuer of cluster prod}");
    for (name, pointer, place) in [
        ("iam.roles", "", "main.tf: resource \"aws_iam_role\" \"job\""),
        ("iam.roles", "/AssumeRolePolicyDocument/Statement/0/Action", "main.tf: \"sts:AssumeRoleWithWebIdentity\""),
        ("iam.roles job RolePolicyList", "/PolicyDocument/Statement/0/Action", "main.tf: \"s3:GetObject\""),
        ("emrContainers.virtualClusters", "/name", "vc/main.tf: \"v\""),
        ("emrContainers.virtualClusters", "", "vc/main.tf: resource \"aws_emrcontainers_virtual_cluster\" \"v\""),
    ] {
        assert_eq!(place_of(&found, name, pointer), place, "{name}{pointer}");
    }
    let namespace =
        &value_of(&found, "emrContainers.virtualClusters")["containerProvider"]["info"]["eksInfo"]["namespace"];
    assert_eq!(namespace, "jobs");
}

#[test]
fn a_state() {
    let state = json!({"format_version": "1.0", "terraform_version": "1.9.0", "values": {"root_module": {"resources": [
        {"address": "aws_iam_role.r", "mode": "managed", "type": "aws_iam_role", "values": {
            "name": "r", "arn": "arn:aws:iam::1:role/r", "assume_role_policy": "{}"}},
        {"address": "data.aws_iam_role.d", "mode": "data", "type": "aws_iam_role", "values": {"name": "d"}},
    ]}}});
    let (found, _) = planned(&[], "state.json", &state.to_string());
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].1["Arn"], "arn:aws:iam::1:role/r");
}

#[test]
fn what_is_no_plan() {
    for text in ["{}", "[]", "{\"format_version\": 3}", "{\"version\": 4, \"terraform_version\": \"1\"}"] {
        assert!(plan("x.json", text, &[]).is_none(), "{text}");
    }
    let whole = text();
    let cut = &whole[..whole.len() / 2];
    let code = plan("x.json", cut, &[]).unwrap();
    assert!(code.gaps[0].why.contains("is no whole plan"), "{:?}", code.gaps);
    let later = whole.replace("\"format_version\": \"1.2\"", "\"format_version\": \"2.0\"");
    assert!(plan("x.json", &later, &[]).unwrap().gaps[0].why.contains("format 2.0"));
    let deep = format!(
        "{{\"format_version\": \"1.0\", \"planned_values\": {}",
        "{\"root_module\": {\"child_modules\": [".repeat(2000)
    );
    assert!(!plan("x.json", &deep, &[]).unwrap().gaps.is_empty());
}

#[test]
fn a_plan_follows_references_into_attributes_and_takes_what_nobody_configured_as_absent() {
    let issuer = "aws_eks_cluster.c.identity[0].oidc[0].issuer";
    let plan = |expressions: Value| {
        json!({
            "format_version": "1.2",
            "planned_values": {"root_module": {"resources": [
                {"address": "aws_eks_cluster.c", "mode": "managed", "type": "aws_eks_cluster", "values": {"name": "prod"}},
                {"address": "aws_iam_openid_connect_provider.p", "mode": "managed",
                 "type": "aws_iam_openid_connect_provider", "values": {"client_id_list": ["sts.amazonaws.com"]}},
                {"address": "aws_iam_role.r", "mode": "managed", "type": "aws_iam_role", "values": {"name": "r"}},
            ]}},
            "resource_changes": [
                {"address": "aws_iam_openid_connect_provider.p", "type": "aws_iam_openid_connect_provider",
                 "change": {"after_unknown": {"arn": true, "url": true}}},
                {"address": "aws_iam_role.r", "type": "aws_iam_role",
                 "change": {"after_unknown": {"inline_policy": true, "managed_policy_arns": true}}},
            ],
            "configuration": {"root_module": {"resources": [
                {"address": "aws_iam_openid_connect_provider.p", "expressions": {"url": {"references": [issuer]}}},
                {"address": "aws_iam_role.r", "expressions": expressions},
            ]}},
        })
        .to_string()
    };
    for (expressions, attached) in [
        (json!({"name": {"constant_value": "r"}}), json!([])),
        (
            json!({"managed_policy_arns": {"references": ["aws_iam_policy.a"]}}),
            json!([{"$unknown": "aws_iam_role.r.managed_policy_arns"}]),
        ),
    ] {
        let (found, gaps) = planned(&[], "plan.json", &plan(expressions));
        assert_eq!(gaps, [""; 0]);
        let role = value_of(&found, "iam.roles");
        assert_eq!(role.get("AttachedManagedPolicies").cloned().unwrap_or(json!([])), attached);
        let provider = value_of(&found, "iam.openIDConnectProviders");
        assert_eq!(short(&provider["Url"]), "{OIDC issuer of cluster prod}");
    }
}

/// Of several references none is the value; what is null or a truth is no part of it.
#[test]
fn several_references_are_a_hole() {
    let plan_of = |references: serde_json::Value| {
        json!({
            "format_version": "1.2", "terraform_version": "1.9.0",
            "variables": {"create": {"value": true}, "arn": {"value": null}, "name": {"value": "x"}},
            "planned_values": {"root_module": {"resources": [
                {"address": "aws_iam_role.a", "mode": "managed", "type": "aws_iam_role", "values": {"name": "a"}},
                {"address": "aws_iam_role.b", "mode": "managed", "type": "aws_iam_role", "values": {"name": "b"}},
                {"address": "aws_emr_cluster.c", "mode": "managed", "type": "aws_emr_cluster", "values": {"name": "c"}},
            ]}},
            "resource_changes": [
                {"address": "aws_emr_cluster.c", "type": "aws_emr_cluster", "change": {"after_unknown": {"service_role": true}}},
            ],
            "configuration": {"root_module": {"resources": [
                {"address": "aws_emr_cluster.c", "expressions": {"service_role": {"references": references}}},
            ]}},
        })
        .to_string()
    };
    let role = |references: serde_json::Value| {
        let (found, _) = planned(&[], "plan.json", &plan_of(references));
        short(&value_of(&found, "emr.clusters")["ServiceRole"])
    };
    let (a, b) = (["aws_iam_role.a.arn", "aws_iam_role.a"], ["aws_iam_role.b.arn", "aws_iam_role.b"]);
    assert_eq!(role(json!(a)), "arn:aws:iam::{account}:role/a");
    assert_eq!(role(json!(["var.create", "var.arn", a[0], a[1]])), "arn:aws:iam::{account}:role/a");
    for references in [json!([a[0], a[1], b[0], b[1]]), json!(["var.name", a[0], a[1]]), json!(["local.x", a[0], a[1]])]
    {
        assert_eq!(role(references.clone()), "{aws_emr_cluster.c.service_role}", "{references}");
    }
}
