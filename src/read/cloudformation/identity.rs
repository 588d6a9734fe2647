//! What resources are called: what `Ref` and `Fn::GetAtt` give.
//!
//! A name that the template gives is in the ARN; one that CloudFormation will make up is a hole,
//! the same wherever the resource is meant. So a reference, an ARN that is put together from names
//! and the identity of the thing itself are one text.

use super::evaluate::{Scope, text_or};
use super::template::Resource;
use super::text::{self, Class, without_scheme};
use crate::known::Text;
use crate::read::code::{ACCOUNT, Form, Node, REGION};

/// How things of a kind are called.
struct Kind {
    kind: &'static str,
    /// The property that names it; empty where AWS makes an id.
    name: &'static str,
    /// Service, whether the ARN has a region, and what stands before the name in it.
    arn: (&'static str, bool, &'static str),
    /// What stands before every id of the kind.
    prefix: &'static str,
    /// Whether `Ref` gives the ARN, and not the name.
    by_arn: bool,
}

const fn kind(
    kind: &'static str,
    name: &'static str,
    arn: (&'static str, bool, &'static str),
    prefix: &'static str,
    by_arn: bool,
) -> Kind {
    Kind { kind, name, arn, prefix, by_arn }
}

const KINDS: &[Kind] = &[
    kind("AWS::EKS::Cluster", "Name", ("eks", true, "cluster/"), "", false),
    kind("AWS::EMRContainers::VirtualCluster", "", ("emr-containers", true, "/virtualclusters/"), "", false),
    kind("AWS::EMRServerless::Application", "", ("emr-serverless", true, "/applications/"), "", false),
    kind("AWS::EMR::Cluster", "", ("elasticmapreduce", true, "cluster/"), "j-", false),
    kind("AWS::EMR::SecurityConfiguration", "Name", ("", false, ""), "", false),
    kind("AWS::EMR::Studio", "", ("elasticmapreduce", true, "studio/"), "es-", false),
    kind("AWS::KMS::Key", "", ("kms", true, "key/"), "", false),
    kind("AWS::KMS::Alias", "AliasName", ("kms", true, ""), "", false),
    kind("AWS::Lambda::Function", "FunctionName", ("lambda", true, "function:"), "", false),
    kind("AWS::Serverless::Function", "FunctionName", ("lambda", true, "function:"), "", false),
    kind("AWS::StepFunctions::StateMachine", "StateMachineName", ("states", true, "stateMachine:"), "", true),
    kind("AWS::Serverless::StateMachine", "Name", ("states", true, "stateMachine:"), "", true),
    kind("AWS::SNS::Topic", "TopicName", ("sns", true, ""), "", true),
    kind("AWS::SQS::Queue", "QueueName", ("sqs", true, ""), "", false),
    kind("AWS::DynamoDB::Table", "TableName", ("dynamodb", true, "table/"), "", false),
    kind("AWS::SSM::Parameter", "Name", ("ssm", true, "parameter/"), "", false),
    kind("AWS::ECR::Repository", "RepositoryName", ("ecr", true, "repository/"), "", false),
    kind("AWS::Events::Rule", "Name", ("events", true, "rule/"), "", false),
    kind("AWS::Kinesis::Stream", "Name", ("kinesis", true, "stream/"), "", false),
    kind("AWS::EC2::VPC", "", ("ec2", true, "vpc/"), "vpc-", false),
    kind("AWS::EC2::Subnet", "", ("ec2", true, "subnet/"), "subnet-", false),
    kind("AWS::EC2::SecurityGroup", "", ("ec2", true, "security-group/"), "sg-", false),
    kind("AWS::EC2::RouteTable", "", ("ec2", true, "route-table/"), "rtb-", false),
    kind("AWS::EC2::InternetGateway", "", ("ec2", true, "internet-gateway/"), "igw-", false),
    kind("AWS::EC2::NatGateway", "", ("ec2", true, "natgateway/"), "nat-", false),
    kind("AWS::EC2::LaunchTemplate", "", ("ec2", true, "launch-template/"), "lt-", false),
];

/// The service-linked roles of the services that matter here.
const LINKED: &[(&str, &str)] = &[
    ("emr-containers.amazonaws.com", "AWSServiceRoleForAmazonEMRContainers"),
    ("ops.emr-serverless.amazonaws.com", "AWSServiceRoleForAmazonEMRServerless"),
    ("elasticmapreduce.amazonaws.com", "AWSServiceRoleForEMRCleanup"),
    ("eks.amazonaws.com", "AWSServiceRoleForAmazonEKS"),
    ("eks-nodegroup.amazonaws.com", "AWSServiceRoleForAmazonEKSNodegroup"),
    ("eks-fargate.amazonaws.com", "AWSServiceRoleForAmazonEKSForFargate"),
    ("spot.amazonaws.com", "AWSServiceRoleForEC2Spot"),
];

/// What `Ref`, or `Fn::GetAtt` with that attribute, gives for a resource.
pub(super) fn of(scope: &Scope<'_, '_>, name: &str, resource: &Resource, attribute: Option<&str>) -> Node {
    let it = Identity { scope, name, resource };
    if let Some(node) = it.special(attribute) {
        return node;
    }
    let Some(kind) = KINDS.iter().find(|kind| kind.kind == resource.kind) else { return it.other(attribute) };
    let own = || it.own_name(kind.name, kind.prefix);
    let arn = || {
        let (service, regional, prefix) = kind.arn;
        scope.arn(service, regional, &[prefix.into(), own()])
    };
    match attribute {
        None if kind.by_arn => arn(),
        None => text::node(own()),
        Some("Arn" | "TopicArn") if !kind.arn.0.is_empty() => arn(),
        Some(
            "Id" | "ApplicationId" | "KeyId" | "VpcId" | "SubnetId" | "GroupId" | "RouteTableId" | "InternetGatewayId",
        ) if kind.name.is_empty() && resource_id(kind.kind, attribute) => text::node(own()),
        Some(attribute) if attribute == kind.name || attribute == "Name" && !kind.name.is_empty() => text::node(own()),
        Some("Value") if resource.kind == "AWS::SSM::Parameter" => {
            it.property("Value").unwrap_or_else(|| it.other(attribute))
        }
        Some("OpenIdConnectIssuerUrl") => it.issuer(true),
        _ => it.other(attribute),
    }
}

/// A role that the serverless model makes for a function or a state machine: `FunctionRole` of `Function`.
pub(super) fn implied(scope: &Scope<'_, '_>, name: &str, attribute: Option<&str>) -> Option<Node> {
    let resource = scope.template().resource(name.strip_suffix("Role")?)?;
    if !matches!(resource.kind.as_str(), "AWS::Serverless::Function" | "AWS::Serverless::StateMachine") {
        return None;
    }
    let role = scope.named(name, Class::Name);
    match attribute {
        None => Some(role),
        Some("Arn") => Some(scope.arn("iam", false, &["role/".into(), text_or(&role)])),
        Some(_) => None,
    }
}

/// Whether an attribute of a kind is its own id, and not that of something around it.
fn resource_id(kind: &str, attribute: Option<&str>) -> bool {
    match attribute {
        Some("VpcId") => kind == "AWS::EC2::VPC",
        Some("SubnetId") => kind == "AWS::EC2::Subnet",
        Some("GroupId") => kind == "AWS::EC2::SecurityGroup",
        Some("RouteTableId") => kind == "AWS::EC2::RouteTable",
        _ => true,
    }
}

struct Identity<'i, 'w, 't> {
    scope: &'i Scope<'w, 't>,
    name: &'i str,
    resource: &'i Resource,
}

impl Identity<'_, '_, '_> {
    /// The name under which people know the resource.
    fn label(&self) -> String {
        label(self.scope, self.name, self.resource)
    }

    fn property(&self, name: &str) -> Option<Node> {
        let node = self.scope.evaluate(self.resource.properties.get(name)?);
        (!matches!(node.form, Form::Null)).then_some(node)
    }

    /// The name that the template gives, or a hole for the one that will be made up.
    fn own_name(&self, property: &str, prefix: &str) -> Text {
        if let Some(text) = self.property(property).and_then(|node| node.as_text()) {
            return text;
        }
        let hole = self.label();
        self.scope.world.classify(&hole, Class::Name);
        text::parts([&prefix.into(), &Text::hole(hole)])
    }

    /// An attribute of which nothing is known.
    fn other(&self, attribute: Option<&str>) -> Node {
        match attribute {
            Some(attribute) => text::hole(&format!("{}.{attribute}", self.label())),
            None => text::node(self.own_name("", "")),
        }
    }

    /// A thing of IAM, with its path.
    fn iam(&self, word: &str, name: &str, by_arn: bool, attribute: Option<&str>) -> Node {
        let own = || self.own_name(name, "");
        let arn = || {
            let path = self.property("Path").and_then(|node| node.as_text()).unwrap_or_else(|| "/".into());
            self.scope.arn("iam", false, &[word.into(), path, own()])
        };
        match attribute {
            None if by_arn => arn(),
            None => text::node(own()),
            Some("Arn" | "PolicyArn") => arn(),
            Some(attribute) if attribute == name => text::node(own()),
            _ => self.other(attribute),
        }
    }

    /// The issuer of a cluster: an address that only EKS knows.
    fn issuer(&self, with_scheme: bool) -> Node {
        let hole = format!("{}.OpenIdConnectIssuer", self.label());
        self.scope.world.classify(&hole, Class::Path);
        let scheme: Text = if with_scheme { "https://".into() } else { Text::default() };
        text::node(text::parts([&scheme, &Text::hole(hole)]))
    }

    /// Kinds whose names have rules of their own.
    fn special(&self, attribute: Option<&str>) -> Option<Node> {
        let scope = self.scope;
        Some(match self.resource.kind.as_str() {
            "AWS::IAM::Role" => self.iam("role", "RoleName", false, attribute),
            "AWS::IAM::User" => self.iam("user", "UserName", false, attribute),
            "AWS::IAM::Group" => self.iam("group", "GroupName", false, attribute),
            "AWS::IAM::InstanceProfile" => self.iam("instance-profile", "InstanceProfileName", false, attribute),
            "AWS::IAM::ManagedPolicy" => self.iam("policy", "ManagedPolicyName", true, attribute),
            "AWS::IAM::OIDCProvider" | "Custom::AWSCDKOpenIdConnectProvider"
                if matches!(attribute, None | Some("Arn")) =>
            {
                let url = self.property("Url").map(|url| without_scheme(&text_or(&url)));
                let url = url.unwrap_or_else(|| Text::hole(format!("{}.Url", self.label())));
                scope.arn("iam", false, &["oidc-provider/".into(), url])
            }
            "AWS::IAM::ServiceLinkedRole" => {
                let service = self.property("AWSServiceName").and_then(|node| node.as_text()).unwrap_or_default();
                let known = LINKED.iter().find(|(name, _)| service.as_str() == Some(name)).map(|(_, role)| *role);
                let suffix = self.property("CustomSuffix").and_then(|node| node.as_text());
                let role = match (known, suffix) {
                    (Some(role), None) => role.into(),
                    (Some(role), Some(suffix)) => text::parts([&role.into(), &"_".into(), &suffix]),
                    (None, _) => self.own_name("", ""),
                };
                match attribute {
                    Some("Arn") => {
                        scope.arn("iam", false, &["role/aws-service-role/".into(), service, "/".into(), role])
                    }
                    _ => text::node(role),
                }
            }
            "AWS::S3::Bucket" => {
                let own = self.own_name("BucketName", "");
                match attribute {
                    None => text::node(own),
                    Some("Arn") => {
                        text::node(text::parts([&"arn:".into(), &scope.stack.home.partition, &":s3:::".into(), &own]))
                    }
                    Some("DomainName") => text::node(text::parts([&own, &".s3.amazonaws.com".into()])),
                    _ => self.other(attribute),
                }
            }
            "AWS::Logs::LogGroup" => {
                let own = self.own_name("LogGroupName", "");
                match attribute {
                    Some("Arn") => scope.arn("logs", true, &["log-group:".into(), own, ":*".into()]),
                    None => text::node(own),
                    _ => self.other(attribute),
                }
            }
            "AWS::SecretsManager::Secret" => {
                let own = self.own_name("Name", "");
                let suffix = Text::hole(format!("{}.Suffix", self.label()));
                match attribute {
                    None | Some("Id") => {
                        scope.arn("secretsmanager", true, &["secret:".into(), own, "-".into(), suffix])
                    }
                    _ => self.other(attribute),
                }
            }
            "AWS::EKS::Nodegroup" | "AWS::EKS::FargateProfile" | "AWS::EKS::Addon" => {
                let (word, name) = match self.resource.kind.as_str() {
                    "AWS::EKS::Nodegroup" => ("nodegroup/", "NodegroupName"),
                    "AWS::EKS::Addon" => ("addon/", "AddonName"),
                    _ => ("fargateprofile/", "FargateProfileName"),
                };
                let cluster = self.property("ClusterName").map(|node| text_or(&node)).unwrap_or_default();
                let own = self.own_name(name, "");
                match attribute {
                    Some("Arn") => {
                        let id = Text::hole(format!("{}.Id", self.label()));
                        scope.arn("eks", true, &[word.into(), cluster, "/".into(), own, "/".into(), id])
                    }
                    Some("ClusterName") => text::node(cluster),
                    None if word == "fargateprofile/" => text::node(own),
                    None if word == "addon/" => text::node(text::parts([&cluster, &"|".into(), &own])),
                    None => text::node(text::parts([&cluster, &"/".into(), &own])),
                    Some(attribute) if attribute == name => text::node(own),
                    _ => self.other(attribute),
                }
            }
            "Custom::AWSCDK-EKS-Cluster" => {
                let config = self.property("Config");
                let named = config.as_ref().and_then(|config| config.get("name")).and_then(Node::as_text);
                let own = named.unwrap_or_else(|| self.own_name("", ""));
                match attribute {
                    None | Some("Name") => text::node(own),
                    Some("Arn") => scope.arn("eks", true, &["cluster/".into(), own]),
                    Some("OpenIdConnectIssuerUrl") => self.issuer(true),
                    Some("OpenIdConnectIssuer") => self.issuer(false),
                    _ => self.other(attribute),
                }
            }
            "Custom::AWSCDK-EKS-FargateProfile" => {
                let config = self.property("Config");
                let named = config.as_ref().and_then(|config| config.get("fargateProfileName")).and_then(Node::as_text);
                text::node(named.unwrap_or_else(|| self.own_name("", "")))
            }
            "Custom::AWSCDKCfnJson" if attribute == Some("Value") => {
                let value = self.resource.properties.get("Value")?;
                match super::json_text::parse(scope, value) {
                    Ok(node) => node,
                    Err(_) => Node::unknown(format!("{}.Value", self.label())),
                }
            }
            "AWS::CloudFormation::Stack" => match attribute.and_then(|attribute| attribute.strip_prefix("Outputs.")) {
                Some(output) => match scope.child(self.name) {
                    Some(child) => child.output(output),
                    None => self.other(attribute),
                },
                None if attribute.is_none() => {
                    let id = Text::hole(format!("{}.StackId", self.label()));
                    scope.arn("cloudformation", true, &["stack/".into(), self.own_name("", ""), "/".into(), id])
                }
                None => self.other(attribute),
            },
            "AWS::ECR::Repository" if attribute == Some("RepositoryUri") => {
                let own = self.own_name("RepositoryName", "");
                let (account, region) = (Text::hole(ACCOUNT), Text::hole(REGION));
                text::node(text::parts([&account, &".dkr.ecr.".into(), &region, &".amazonaws.com/".into(), &own]))
            }
            "AWS::Glue::Database" if attribute.is_none() => {
                let input = self.property("DatabaseInput");
                match input.as_ref().and_then(|input| input.get("Name")).and_then(Node::as_text) {
                    Some(name) => text::node(name),
                    None => self.other(None),
                }
            }
            _ => return None,
        })
    }
}

/// The name under which people know a resource: the CDK's path, or the logical name.
pub(super) fn label(scope: &Scope<'_, '_>, name: &str, resource: &Resource) -> String {
    match &resource.path {
        // A slash would look like one of an ARN.
        Some(path) => path.replace('/', "."),
        None => scope.hole(name),
    }
}
