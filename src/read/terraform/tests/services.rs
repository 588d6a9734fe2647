//! What the resources of each service become.

use super::*;

/// What one resource declares, with its values as they are written in the tables.
fn lowered(text: &str) -> Vec<String> {
    let (found, gaps) = read_files(&[("main.tf", text)]);
    assert_eq!(gaps, [""; 0], "{text}");
    found.iter().map(|(name, value, _)| format!("{name} {}", short(value))).collect()
}

#[test]
fn attachments_of_every_kind() {
    for (text, expected) in [
        (
            r#"resource "aws_iam_role_policy_attachment" "a" {
              role = "r"
              policy_arn = "arn:aws:iam::aws:policy/AmazonS3FullAccess"
            }"#,
            vec![
                "iam.roles r AttachedManagedPolicies (PolicyArn=arn:aws:iam::aws:policy/AmazonS3FullAccess PolicyName=AmazonS3FullAccess)",
            ],
        ),
        (
            r#"resource "aws_iam_policy_attachment" "a" {
              name = "x"
              users = ["u"]
              policy_arn = "arn:aws:iam::aws:policy/P"
            }"#,
            vec!["iam.users u AttachedManagedPolicies (PolicyArn=arn:aws:iam::aws:policy/P PolicyName=P)"],
        ),
        (
            r#"resource "aws_iam_user_policy" "a" {
              name = "p"
              user = "u"
              policy = "{}"
            }"#,
            vec!["iam.users u UserPolicyList (PolicyDocument=() PolicyName=p)"],
        ),
        (
            r#"resource "aws_iam_instance_profile" "a" {
              name = "i"
              role = aws_iam_role.r.name
            }
            resource "aws_iam_role" "r" {
              name = "r"
              path = "/emr/"
              assume_role_policy = "{}"
            }"#,
            vec![
                "iam.roles (Arn=arn:aws:iam::{account}:role/emr/r AssumeRolePolicyDocument=() AttachedManagedPolicies=[] Path=/emr/ RoleName=r RolePolicyList=[] Tags=[])",
                "iam.instanceProfiles (Arn=arn:aws:iam::{account}:instance-profile/i InstanceProfileName=i Path=/ Roles=[(Arn=arn:aws:iam::{account}:role/emr/r RoleName=r)] Tags=[])",
            ],
        ),
        (
            r#"resource "aws_eks_access_policy_association" "a" {
              cluster_name  = "prod"
              principal_arn = "arn:p"
              policy_arn    = "arn:x"
              access_scope {
                type       = "namespace"
                namespaces = ["jobs"]
              }
            }
            resource "aws_eks_access_entry" "e" {
              cluster_name  = "prod"
              principal_arn = "arn:p"
            }"#,
            vec![
                "eks.accessEntries (accessEntryArn={aws_eks_access_entry.e.access_entry_arn} associatedAccessPolicies=[(accessScope=(namespaces=[jobs] type=namespace) policyArn=arn:x)] clusterName=prod kubernetesGroups=[] principalArn=arn:p tags=() type=STANDARD)",
            ],
        ),
        (
            r#"resource "aws_security_group_rule" "a" {
              type              = "ingress"
              protocol          = "-1"
              from_port         = 0
              to_port           = 0
              cidr_blocks       = ["0.0.0.0/0"]
              security_group_id = aws_security_group.g.id
            }"#,
            vec![
                "ec2.securityGroups ${aws_security_group.g.id} IpPermissions (IpProtocol=-1 IpRanges=[(CidrIp=0.0.0.0/0)] Ipv6Ranges=[] PrefixListIds=[] UserIdGroupPairs=[])",
            ],
        ),
        (
            r#"resource "aws_sfn_state_machine" "s" {
              definition = jsonencode({ States = { run = {
                Type       = "Task"
                Resource   = "arn:aws:states:::emr-serverless:startJobRun.sync"
                Parameters = { ApplicationId = "a", "ExecutionRoleArn.$" = "$.role", JobDriver = { SparkSubmit = { EntryPoint = "s3://b/x.py" } } }
              } } })
            }"#,
            vec![
                "job serverless-start-job-run (applicationId=a executionRoleArn={ExecutionRoleArn of the run: \"$.role\"} jobDriver=(sparkSubmit=(entryPoint=s3://b/x.py)))",
            ],
        ),
        (
            r#"provider "kubernetes" {
              host = data.aws_eks_cluster.c.endpoint
            }
            data "aws_eks_cluster" "c" { name = "prod" }
            resource "kubernetes_role_binding" "b" {
              metadata {
                name      = "b"
                namespace = "jobs"
              }
              role_ref {
                api_group = "rbac.authorization.k8s.io"
                kind      = "Role"
                name      = "r"
              }
              subject {
                kind = "ServiceAccount"
                name = "spark"
              }
            }"#,
            vec![
                "kubernetes.roleBindings in prod (apiVersion=rbac.authorization.k8s.io/v1 kind=RoleBinding metadata=(name=b namespace=jobs) roleRef=(apiGroup=rbac.authorization.k8s.io kind=Role name=r) subjects=[(kind=ServiceAccount name=spark namespace=default)])",
            ],
        ),
        (
            "resource \"kubectl_manifest\" \"m\" {\n  yaml_body = <<-YAML\n    apiVersion: v1\n    kind: ServiceAccount\n    metadata:\n      name: sa-${var.team}\n      namespace: jobs\n  YAML\n}\nvariable \"team\" {}\n",
            vec![
                "kubernetes.serviceAccounts (apiVersion=v1 kind=ServiceAccount metadata=(name=sa-{var.team} namespace=jobs))",
            ],
        ),
        ("resource \"kubernetes_secret\" \"s\" {\n  data = { password = \"hunter2\" }\n}\n", vec![]),
        (
            "resource \"kubernetes_secret_v1\" \"s\" {\n  metadata {\n    name = \"t\"\n  }\n  type = \"kubernetes.io/service-account-token\"\n  data = { token = \"hunter2\" }\n}\n",
            vec![
                "kubernetes.secrets (apiVersion=v1 kind=Secret metadata=(name=t namespace=default) type=kubernetes.io/service-account-token)",
            ],
        ),
        (
            "resource \"aws_vpc\" \"v\" {}\n",
            vec!["ec2.vpcs (EnableDnsHostnames=false EnableDnsSupport=true VpcId={aws_vpc.v.id})"],
        ),
        ("resource \"aws_eip\" \"e\" {}\n", vec![]),
    ] {
        assert_eq!(lowered(text), expected, "{text}");
    }
}

#[test]
fn a_cluster_with_the_defaults_of_its_api() {
    let (found, _) = read_files(&[(
        "main.tf",
        "resource \"aws_eks_cluster\" \"c\" {\n  name = \"c\"\n  vpc_config {\n    subnet_ids = []\n  }\n}\n",
    )]);
    let cluster = value_of(&found, "eks.clusters");
    for (pointer, expected) in [
        ("/resourcesVpcConfig/endpointPublicAccess", json!(true)),
        ("/resourcesVpcConfig/endpointPrivateAccess", json!(false)),
        ("/resourcesVpcConfig/publicAccessCidrs", json!(["0.0.0.0/0"])),
        ("/accessConfig/authenticationMode", json!("CONFIG_MAP")),
        ("/logging/clusterLogging", json!([])),
        ("/version/$unknown", json!("aws_eks_cluster.c.version")),
    ] {
        assert_eq!(cluster.pointer(pointer), Some(&expected), "{pointer}");
    }
}

#[test]
fn a_cluster_on_ec2() {
    let text = r#"
resource "aws_emr_cluster" "c" {
  name          = "c"
  release_label = "emr-7.1.0"
  applications  = ["Spark"]
  service_role  = "arn:aws:iam::1:role/s"
  ec2_attributes {
    subnet_id                         = "subnet-1"
    instance_profile                  = "p"
    additional_master_security_groups = "sg-1,sg-2"
  }
  master_instance_group {
    instance_type = "m5.xlarge"
  }
  auto_termination_policy {
    idle_timeout = "3600"
  }
}
resource "aws_emr_instance_group" "t" {
  cluster_id     = aws_emr_cluster.c.id
  instance_type  = "r5.xlarge"
  instance_count = 2
  bid_price      = "0.3"
}
"#;
    let (found, gaps) = read_files(&[("main.tf", text)]);
    assert_eq!(gaps, [""; 0]);
    let cluster = value_of(&found, "emr.clusters");
    assert_eq!(short(&cluster["Ec2InstanceAttributes"]["AdditionalMasterSecurityGroups"]), "[sg-1 sg-2]");
    assert_eq!(cluster["AutoTerminationPolicy"]["IdleTimeout"], 3600);
    let groups = cluster["InstanceGroups"].as_array().unwrap();
    let groups: Vec<(&str, &str, i64)> = groups
        .iter()
        .map(|group| {
            let text = |name: &str| group[name].as_str().unwrap();
            (text("InstanceGroupType"), text("Market"), group["RequestedInstanceCount"].as_i64().unwrap())
        })
        .collect();
    assert_eq!(groups, [("MASTER", "ON_DEMAND", 1), ("TASK", "SPOT", 2)]);
}

/// A module for callers may be given a price or none.
#[test]
fn a_price_of_the_caller_tells_no_market() {
    let text = r#"
variable "price" { default = null }
resource "aws_emr_cluster" "c" {
  name = "jobs"
  master_instance_group {
    instance_type = "m5.xlarge"
    bid_price     = var.price
  }
}
"#;
    let (found, _) = read_files(&[("main.tf", text)]);
    let market = &value_of(&found, "emr.clusters")["InstanceGroups"][0]["Market"];
    assert!(crate::known::Unknown::of(market).is_some(), "{market}");
}

#[test]
fn modules_of_the_registry() {
    let text = r#"
variable "version_of_the_cluster" { default = "1.33" }
module "eks" {
  source             = "terraform-aws-modules/eks/aws"
  version            = "~> 21.0"
  name               = "prod"
  kubernetes_version = var.version_of_the_cluster
  addons             = { eks-pod-identity-agent = {} }
  access_entries = {
    emr = {
      principal_arn = "arn:p"
      policy_associations = {
        job = { policy_arn = "arn:aws:eks::aws:cluster-access-policy/AmazonEMRJobPolicy", access_scope = { type = "namespace", namespaces = ["jobs"] } }
      }
    }
  }
}
module "virtual_cluster" {
  source                = "terraform-aws-modules/emr/aws//modules/virtual-cluster"
  version               = "~> 3.0"
  eks_cluster_name      = module.eks.cluster_name
  eks_oidc_provider_arn = module.eks.oidc_provider_arn
  name                  = "jobs"
  namespace             = "jobs"
  iam_role_use_name_prefix = false
}
module "irsa" {
  source  = "terraform-aws-modules/iam/aws//modules/iam-role-for-service-accounts-eks"
  version = "~> 5.0"
  role_name = "spark"
  oidc_providers = {
    main = { provider_arn = module.eks.oidc_provider_arn, namespace_service_accounts = ["jobs:spark"] }
  }
}
module "pods" {
  source          = "terraform-aws-modules/eks-pod-identity/aws"
  name            = "pods"
  use_name_prefix = false
  associations    = { a = { cluster_name = module.eks.cluster_name, namespace = "jobs", service_account = "x" } }
}
"#;
    let (found, gaps) = read_files(&[("main.tf", text)]);
    assert_eq!(gaps, [""; 0]);
    let cluster = value_of(&found, "eks.clusters");
    assert_eq!(cluster["resourcesVpcConfig"]["endpointPublicAccess"], false);
    assert_eq!(cluster["accessConfig"]["authenticationMode"], "API_AND_CONFIG_MAP");
    assert_eq!(place_of(&found, "eks.clusters", "/version"), "main.tf: \"1.33\"");
    assert_eq!(place_of(&found, "eks.clusters", "/status"), "main.tf: module \"eks\"");
    let entry = value_of(&found, "eks.accessEntries");
    assert_eq!(short(&entry["associatedAccessPolicies"][0]["accessScope"]), "(namespaces=[jobs] type=namespace)");
    let trust = |name: &str| {
        let role = &found.iter().find(|(_, value, _)| value["RoleName"] == name).unwrap().1;
        short(&role["AssumeRolePolicyDocument"]["Statement"][0])
    };
    let issuer = "OIDC issuer of cluster prod";
    assert_eq!(
        trust("jobs"),
        format!(
            "(Action=sts:AssumeRoleWithWebIdentity Condition=(StringEquals=(${{{issuer}}}:aud=sts.amazonaws.com) StringLike=(${{{issuer}}}:sub=system:serviceaccount:jobs:emr-containers-sa-*-*-{{account}}-*)) Effect=Allow Principal=(Federated=arn:aws:iam::{{account}}:oidc-provider/{{{issuer}}}) Sid=IRSA)"
        )
    );
    assert!(trust("spark").contains("system:serviceaccount:jobs:spark"));
    assert_eq!(
        trust("pods"),
        "(Action=[sts:AssumeRole sts:TagSession] Effect=Allow Principal=(Service=pods.eks.amazonaws.com))"
    );
    let association = value_of(&found, "eks.podIdentityAssociations");
    assert_eq!(short(&association["roleArn"]), "arn:aws:iam::{account}:role/pods");
    assert_eq!(association["clusterName"], "prod");
    let provider = value_of(&found, "emrContainers.virtualClusters");
    assert_eq!(provider["containerProvider"]["id"], "prod");
    let (old, _) = read_files(&[(
        "main.tf",
        "module \"eks\" {\n  source = \"terraform-aws-modules/eks/aws\"\n  version = \"~> 18.0\"\n  cluster_name = \"old\"\n}\n",
    )]);
    assert_eq!(value_of(&old, "eks.clusters")["resourcesVpcConfig"]["endpointPublicAccess"], true);
    assert_eq!(value_of(&old, "eks.clusters")["accessConfig"]["authenticationMode"], "CONFIG_MAP");
}

#[test]
fn buckets_and_keys_with_their_policies() {
    let text = r#"
resource "aws_s3_bucket" "data" { bucket = "otters" }
resource "aws_s3_bucket_policy" "data" {
  bucket = aws_s3_bucket.data.id
  policy = jsonencode({ Statement = [{ Effect = "Deny", Principal = "*", Action = "s3:*", Resource = "${aws_s3_bucket.data.arn}/*" }] })
}
resource "aws_s3_bucket_server_side_encryption_configuration" "data" {
  bucket = aws_s3_bucket.data.bucket
  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = "arn:aws:kms:us-east-1:111122223333:key/abc"
    }
  }
}
resource "aws_s3_bucket_policy" "elsewhere" {
  bucket = "voles"
  policy = jsonencode({ Statement = [] })
}
resource "aws_kms_key_policy" "key" {
  key_id = "arn:aws:kms:us-east-1:111122223333:key/abc"
  policy = jsonencode({ Statement = [{ Effect = "Allow", Principal = "*", Action = "kms:*", Resource = "*" }] })
}
"#;
    let (found, gaps) = read_files(&[("main.tf", text)]);
    assert_eq!(gaps, [""; 0]);
    let buckets: Vec<&Value> = found.iter().filter(|(name, ..)| name == "s3.buckets").map(|(_, it, _)| it).collect();
    assert_eq!(buckets.len(), 2);
    assert_eq!((&buckets[0]["Name"], &buckets[1]["Name"]), (&json!("otters"), &json!("voles")));
    assert_eq!(buckets[0]["Policy"]["Statement"][0]["Resource"], "arn:aws:s3:::otters/*");
    let default = &buckets[0]["ServerSideEncryptionConfiguration"]["Rules"][0]["ApplyServerSideEncryptionByDefault"];
    assert_eq!(default["KMSMasterKeyID"], "arn:aws:kms:us-east-1:111122223333:key/abc");
    let key = value_of(&found, "kms.keys");
    assert_eq!((&key["KeyId"], &key["Policy"]["Statement"][0]["Action"]), (&json!("abc"), &json!("kms:*")));
}

#[test]
fn releases_of_charts_say_what_their_values_say() {
    let text = r#"
variable "team" { default = "ravens" }
resource "helm_release" "operator" {
  name             = "spark-operator"
  namespace        = "operators"
  create_namespace = true
  chart            = "spark-operator"
  values = [<<-YAML
    spark:
      jobNamespaces: [default]
    serviceAccount: {create: true, name: jobs, annotations: {eks.amazonaws.com/role-arn: "arn:x"}}
  YAML
  ]
  set {
    name  = "spark.jobNamespaces"
    value = "{${var.team},moors}"
  }
}
resource "helm_release" "gateway" {
  name  = "bpg"
  chart = "./charts/bpg"
  values = [yamlencode({ plainConfig = { sparkClusters = [{ id = "a" }], sparkImages = [] } })]
}
resource "helm_release" "open" {
  name  = "other"
  chart = "spark-operator"
}
"#;
    let (found, gaps) = read_files(&[("main.tf", text)]);
    assert_eq!(gaps, [""; 0]);
    let names: Vec<&str> = found.iter().map(|(name, ..)| name.as_str()).collect();
    assert_eq!(names.iter().filter(|name| **name == "kubernetes.deployments").count(), 2, "{names:?}");
    let of_operator = |value: &Value| value["metadata"]["name"] == "spark-operator-controller";
    let (_, deployment, _) = found.iter().find(|(_, value, _)| of_operator(value)).unwrap();
    assert_eq!(
        deployment["spec"]["template"]["spec"]["containers"][0]["args"],
        json!(["controller", "start", "--namespaces=ravens,moors"])
    );
    let accounts = found.iter().filter(|(name, ..)| name == "kubernetes.serviceAccounts");
    let accounts: Vec<(&Value, &Value)> =
        accounts.map(|(_, value, _)| (&value["metadata"]["name"], &value["metadata"]["namespace"])).collect();
    let of_drivers = json!("spark-operator-spark");
    assert_eq!(
        accounts,
        [(&of_drivers, &json!("ravens")), (&of_drivers, &json!("moors")), (&json!("jobs"), &json!("operators"))]
    );
    assert_eq!(value_of(&found, "kubernetes.namespaces")["metadata"]["name"], "operators");
    assert!(names.contains(&"gateway"), "{names:?}");
}
