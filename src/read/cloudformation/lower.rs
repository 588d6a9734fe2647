//! Lowering: what the resources of a stack will be, in the shapes that the services print.
//!
//! One file a service. A property that the template does not give stays absent, unless AWS
//! documents what it will be and prints it. A resource whose condition is undecided is declared,
//! for it may come to be.

mod cdk;
mod ec2;
mod eks;
mod emr;
mod iam;
mod job;
mod serverless;
mod shape;
mod storage;

use super::evaluate::{Scope, text_or};
use super::identity;
use super::template::{Resource, line_and_column};
use crate::estate::Gap;
use crate::known::{Text, Truth};
use crate::read::code::json::Fault;
use crate::read::code::{At, Declared, Form, Node, Where};
use rustc_hash::FxHashMap;
use shape::Fields;
use std::collections::{BTreeMap, BTreeSet};

/// How many faults inside one stack are told.
const FAULTS: usize = 50;

/// What came of the resources.
#[derive(Default)]
pub(super) struct Lowered {
    pub(super) declared: Vec<Declared>,
    pub(super) gaps: Vec<Gap>,
    /// EMR clusters by the text of their id, until everything that is added to them is known.
    clusters: Vec<(Text, Node)>,
    /// The names of roles and launch templates, by stack and by what refers to them.
    known: FxHashMap<(usize, Text), String>,
    /// The stacks whose names are known.
    indexed: BTreeSet<usize>,
    /// What is added to EMR clusters: the id, the list and the item.
    added: Vec<(Text, &'static [&'static str], Node)>,
    /// Buckets and keys by what names them, until their policies are known.
    storage: BTreeMap<(&'static str, Text), Node>,
    /// The routes and associations of route tables, by the table's id.
    tables: BTreeMap<Text, (Vec<Node>, Vec<Node>)>,
}

/// A resource with its properties evaluated.
pub(super) struct It<'i, 'w, 't> {
    pub(super) scope: &'i Scope<'w, 't>,
    pub(super) name: &'i str,
    pub(super) resource: &'i Resource,
    pub(super) properties: Node,
}

impl Lowered {
    /// Lowers a stack and all that are nested in it.
    pub(super) fn stack(&mut self, scope: &Scope<'_, '_>) {
        for (name, resource) in &scope.template().resources {
            if scope.world.is_spent() {
                return;
            }
            let holds = resource.condition.as_deref().map_or(Truth::True, |condition| scope.condition(condition));
            if holds == Truth::False {
                continue;
            }
            if resource.kind == "AWS::CloudFormation::Stack" {
                if let Some(child) = scope.child(name) {
                    self.stack(&child);
                }
                continue;
            }
            if !is_ours(&resource.kind) {
                continue;
            }
            let it = It { scope, name, resource, properties: scope.evaluate(&resource.properties) };
            self.resource(&it);
        }
    }

    fn resource(&mut self, it: &It<'_, '_, '_>) {
        match it.resource.kind.as_str() {
            "AWS::IAM::Role" => iam::role(it, self),
            "AWS::IAM::User" => iam::user(it, self),
            "AWS::IAM::Group" => iam::group(it, self),
            "AWS::IAM::Policy" | "AWS::IAM::RolePolicy" | "AWS::IAM::UserPolicy" | "AWS::IAM::GroupPolicy" => {
                iam::policy(it, self);
            }
            "AWS::IAM::ManagedPolicy" => iam::managed_policy(it, self),
            "AWS::IAM::InstanceProfile" => iam::instance_profile(it, self),
            "AWS::IAM::UserToGroupAddition" => iam::group_members(it, self),
            "AWS::IAM::OIDCProvider" | "Custom::AWSCDKOpenIdConnectProvider" => iam::provider(it, self),
            "AWS::IAM::ServiceLinkedRole" => iam::service_linked_role(it, self),
            "AWS::EKS::Cluster" => eks::cluster(it, self),
            "AWS::EKS::Nodegroup" => eks::nodegroup(it, self),
            "AWS::EKS::Addon" => eks::addon(it, self),
            "AWS::EKS::AccessEntry" => eks::access_entry(it, self),
            "AWS::EKS::PodIdentityAssociation" => eks::pod_identity(it, self),
            "AWS::EKS::FargateProfile" => eks::fargate_profile(it, self),
            "Custom::AWSCDK-EKS-Cluster" => cdk::cluster(it, self),
            "Custom::AWSCDK-EKS-FargateProfile" => cdk::fargate_profile(it, self),
            "Custom::AWSCDK-EKS-KubernetesResource" | "Custom::AWSCDK-EKS-KubernetesPatch" => cdk::manifest(it, self),
            "Custom::AWSCDK-EKS-HelmChart" => cdk::chart(it, self),
            "AWS::EMRContainers::VirtualCluster" => eks::virtual_cluster(it, self),
            "AWS::EMRServerless::Application" => emr::application(it, self),
            "AWS::EMR::Cluster" => emr::cluster(it, self),
            "AWS::EMR::InstanceGroupConfig" => emr::instance_group(it, self),
            "AWS::EMR::InstanceFleetConfig" => emr::instance_fleet(it, self),
            "AWS::EMR::Step" => emr::step(it, self),
            "AWS::EMR::SecurityConfiguration" => emr::security_configuration(it, self),
            "AWS::EC2::SecurityGroup" => ec2::security_group(it, self),
            "AWS::EC2::SecurityGroupIngress" => ec2::ingress(it, self),
            "AWS::EC2::Subnet" => ec2::subnet(it, self),
            "AWS::EC2::RouteTable" => ec2::route_table(it, self),
            "AWS::EC2::Route" => ec2::route(it, self),
            "AWS::EC2::SubnetRouteTableAssociation" => ec2::association(it, self),
            "AWS::S3::Bucket" => storage::bucket(it, self),
            "AWS::S3::BucketPolicy" => storage::bucket_policy(it, self),
            "AWS::KMS::Key" => storage::key(it, self),
            "AWS::ECR::Repository" => storage::repository(it, self),
            "AWS::EC2::VPC" => ec2::vpc(it, self),
            "AWS::StepFunctions::StateMachine" => job::state_machine(it, self),
            kind if kind.starts_with("AWS::Serverless::") => serverless::resource(it, self),
            _ => {}
        }
    }

    /// Puts together what several resources make.
    pub(super) fn finish(&mut self) {
        let numbers: FxHashMap<Text, usize> =
            self.clusters.iter().enumerate().map(|(number, (id, _))| (id.clone(), number)).collect();
        for (id, list, item) in std::mem::take(&mut self.added) {
            if let Some((_, request)) = numbers.get(&id).and_then(|number| self.clusters.get_mut(*number)) {
                shape::push(request, list, item);
            }
        }
        for (_, request) in std::mem::take(&mut self.clusters) {
            self.declared.push(Declared::Job { kind: "run-job-flow", request });
        }
        ec2::tables(self);
        for ((collection, _), item) in std::mem::take(&mut self.storage) {
            self.item(collection, item);
        }
    }

    fn item(&mut self, collection: &'static str, item: Node) {
        self.declared.push(Declared::Item { collection, cluster: None, item });
    }

    fn part(&mut self, collection: &'static str, key: &'static str, of: Text, field: &'static str, part: Node) {
        self.declared.push(Declared::Part { collection, key, of, field, part });
    }

    /// The resource of the same stack that a reference means, if it is a role or a launch template.
    fn meant<'t>(&mut self, scope: &Scope<'_, 't>, reference: &Text) -> Option<(String, &'t Resource)> {
        let stack = scope.stack.number;
        if self.indexed.insert(stack) {
            for (name, resource) in &scope.template().resources {
                if matches!(resource.kind.as_str(), "AWS::IAM::Role" | "AWS::EC2::LaunchTemplate")
                    && let Some(own) = scope.attribute(name, None).as_text()
                {
                    self.known.insert((stack, own), name.clone());
                }
            }
        }
        let name = self.known.get(&(stack, reference.clone()))?;
        Some((name.clone(), scope.template().resource(name)?))
    }

    /// What stands in a template as JSON and is none.
    fn fault(&mut self, it: &It<'_, '_, '_>, what: &str, fault: Fault) {
        // One of many says enough.
        if self.gaps.len() >= FAULTS {
            return;
        }
        let template = it.scope.template();
        let at = fault.at.or_else(|| it.resource.at.clone());
        let place = match at.map(|at| at.span) {
            Some(Where::Bytes(start, _)) => {
                let (line, column) = line_and_column(&template.text, start as usize);
                format!("{}:{line}:{column}", template.shown)
            }
            _ => template.shown.clone(),
        };
        self.gaps.push(Gap {
            what: template.shown.clone(),
            scope: String::new(),
            why: format!("the {what} of `{}` is no JSON: {}", it.name, fault.message),
            unblock: Some("mend it".to_owned()),
            place: Some(place),
        });
    }
}

impl It<'_, '_, '_> {
    /// A property that is there.
    pub(super) fn get(&self, key: &str) -> Option<&Node> {
        self.properties.get(key).filter(|node| !matches!(node.form, Form::Null))
    }

    /// A property as text.
    pub(super) fn text(&self, key: &str) -> Option<Text> {
        self.get(key)?.as_text()
    }

    /// A property as it is, to be put somewhere else.
    pub(super) fn own(&self, key: &str) -> Option<Node> {
        self.get(key).cloned()
    }

    /// The name under which people know the resource.
    pub(super) fn label(&self) -> String {
        identity::label(self.scope, self.name, self.resource)
    }

    /// What `Ref` gives.
    pub(super) fn reference(&self) -> Text {
        text_or(&self.scope.attribute(self.name, None))
    }

    /// What `Fn::GetAtt` gives.
    pub(super) fn attribute(&self, attribute: &str) -> Text {
        text_or(&self.scope.attribute(self.name, Some(attribute)))
    }

    /// Where the resource's name stands.
    pub(super) fn at(&self) -> Option<At> {
        self.resource.at.clone()
    }

    /// A text that names the resource: at the property that gives the name, else at the resource.
    pub(super) fn named(&self, text: Text, property: &str) -> Node {
        let at = self.get(property).and_then(|node| node.at.clone()).or_else(|| self.at());
        super::text::node(text).written(at)
    }

    /// The fields of an item that stands at the resource.
    fn fields(&self) -> Fields {
        Fields::at(self.at())
    }
}

/// Whether anything is made of a kind of resource.
fn is_ours(kind: &str) -> bool {
    [
        "AWS::IAM::",
        "AWS::EKS::",
        "AWS::EMR",
        "AWS::EC2::",
        "AWS::StepFunctions::",
        "AWS::S3::Bucket",
        "AWS::KMS::Key",
        "AWS::ECR::Repository",
        "AWS::Serverless::",
        "Custom::AWSCDK",
    ]
    .iter()
    .any(|prefix| kind.starts_with(prefix))
}
