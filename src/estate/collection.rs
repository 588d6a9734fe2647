//! The collections of an estate: their names, what identifies an item, how they are listed.

use crate::known::Told;
use serde_json::Value;

/// A list of things of one kind.
#[derive(Debug, PartialEq, Eq)]
pub struct Collection {
    /// Section and list: `iam.roles`.
    pub name: &'static str,
    /// What its items are called together: `roles`.
    pub plural: &'static str,
    /// The field that identifies an item.
    pub key: &'static str,
    /// What one listing of it covers.
    pub within: Within,
    /// The permission that listing it takes; for Kubernetes, verb and resource.
    pub action: &'static str,
    /// The command that lists it.
    pub command: &'static str,
}

/// What one listing covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Within {
    /// An account, in all regions.
    Account,
    /// An account in one region.
    Region,
    /// One EKS cluster.
    Cluster,
    /// One parent of another kind, named by its ARN: the virtual cluster of job runs, the service of quotas.
    Parent,
}

/// The collection of that name, if it is one that the program knows.
#[must_use]
pub fn collection(name: &str) -> Option<&'static Collection> {
    COLLECTIONS.iter().find(|collection| collection.name == name)
}

/// What identifies an item within its list; `None` where the item does not say it.
#[must_use]
pub fn identity(name: &str, item: &Value) -> Option<String> {
    let text = |key: &str| item.get(key).and_then(Told::told);
    let in_cluster =
        |key: &str| Some(format!("{}\n{}", text("clusterArn").or_else(|| text("clusterName"))?, text(key)?));
    match name {
        "eks.nodegroups" => in_cluster("nodegroupName"),
        "eks.addons" => in_cluster("addonName"),
        "eks.fargateProfiles" => in_cluster("fargateProfileName"),
        "eks.accessEntries" => in_cluster("principalArn"),
        _ if name.starts_with("kubernetes.") => {
            let metadata = item.get("metadata")?;
            let part = |key: &str| metadata.get(key).and_then(Told::told);
            Some(format!("{}\n{}", part("namespace").unwrap_or_default(), part("name")?))
        }
        _ => {
            let key = collection(name).map_or("Arn", |collection| collection.key);
            text(key).map(str::to_owned)
        }
    }
}

macro_rules! collections {
    ($($name:literal $plural:literal $key:literal $within:ident $action:literal $command:literal;)*) => {
        /// Every collection that the program knows, by section.
        pub const COLLECTIONS: &[Collection] = &[$(Collection {
            name: $name, plural: $plural, key: $key, within: Within::$within, action: $action, command: $command,
        },)*];
    };
}

collections! {
    "iam.roles" "roles" "Arn" Account "iam:GetAccountAuthorizationDetails" "aws iam get-account-authorization-details";
    "iam.policies" "managed policies" "Arn" Account "iam:GetAccountAuthorizationDetails" "aws iam get-account-authorization-details";
    "iam.users" "users" "Arn" Account "iam:GetAccountAuthorizationDetails" "aws iam get-account-authorization-details";
    "iam.groups" "groups" "Arn" Account "iam:GetAccountAuthorizationDetails" "aws iam get-account-authorization-details";
    "iam.openIDConnectProviders" "OIDC providers" "Arn" Account "iam:ListOpenIDConnectProviders" "aws iam list-open-id-connect-providers";
    "iam.instanceProfiles" "instance profiles" "Arn" Account "iam:ListInstanceProfiles" "aws iam list-instance-profiles";
    "organizations.policies" "organization policies" "Id" Account "organizations:ListPolicies" "aws organizations list-policies --filter SERVICE_CONTROL_POLICY";
    "organizations.targets" "policies of accounts and organizational units" "TargetId" Account "organizations:ListPoliciesForTarget" "aws organizations list-policies-for-target --filter SERVICE_CONTROL_POLICY";
    "kms.keys" "KMS keys" "KeyId" Region "kms:ListKeys" "aws kms list-keys";
    "s3.buckets" "buckets" "Name" Account "s3:ListAllMyBuckets" "aws s3api list-buckets";
    "eks.clusters" "EKS clusters" "arn" Region "eks:ListClusters" "aws eks list-clusters";
    "eks.nodegroups" "node groups" "nodegroupArn" Cluster "eks:ListNodegroups" "aws eks list-nodegroups";
    "eks.addons" "add-ons" "addonArn" Cluster "eks:ListAddons" "aws eks list-addons";
    "eks.accessEntries" "access entries" "principalArn" Cluster "eks:ListAccessEntries" "aws eks list-access-entries";
    "eks.podIdentityAssociations" "Pod Identity associations" "associationArn" Cluster "eks:ListPodIdentityAssociations" "aws eks list-pod-identity-associations";
    "eks.fargateProfiles" "Fargate profiles" "fargateProfileArn" Cluster "eks:ListFargateProfiles" "aws eks list-fargate-profiles";
    "emrContainers.virtualClusters" "virtual clusters" "arn" Region "emr-containers:ListVirtualClusters" "aws emr-containers list-virtual-clusters";
    "emrContainers.jobRuns" "job runs" "arn" Parent "emr-containers:ListJobRuns" "aws emr-containers list-job-runs";
    "emrContainers.jobTemplates" "job templates" "arn" Region "emr-containers:ListJobTemplates" "aws emr-containers list-job-templates";
    "emrContainers.managedEndpoints" "managed endpoints" "arn" Parent "emr-containers:ListManagedEndpoints" "aws emr-containers list-managed-endpoints";
    "emrServerless.applications" "EMR Serverless applications" "arn" Region "emr-serverless:ListApplications" "aws emr-serverless list-applications";
    "emrServerless.jobRuns" "job runs" "arn" Parent "emr-serverless:ListJobRuns" "aws emr-serverless list-job-runs";
    "emr.clusters" "EMR clusters" "ClusterArn" Region "elasticmapreduce:ListClusters" "aws emr list-clusters";
    "emr.securityConfigurations" "EMR security configurations" "Name" Region "elasticmapreduce:ListSecurityConfigurations" "aws emr list-security-configurations";
    "ec2.subnets" "subnets" "SubnetId" Region "ec2:DescribeSubnets" "aws ec2 describe-subnets";
    "ec2.securityGroups" "security groups" "GroupId" Region "ec2:DescribeSecurityGroups" "aws ec2 describe-security-groups";
    "ec2.routeTables" "route tables" "RouteTableId" Region "ec2:DescribeRouteTables" "aws ec2 describe-route-tables";
    "ec2.vpcEndpoints" "VPC endpoints" "VpcEndpointId" Region "ec2:DescribeVpcEndpoints" "aws ec2 describe-vpc-endpoints";
    "ec2.instanceTypes" "instance types" "InstanceType" Region "ec2:DescribeInstanceTypes" "aws ec2 describe-instance-types";
    "serviceQuotas.quotas" "service quotas" "QuotaArn" Parent "servicequotas:ListServiceQuotas" "aws service-quotas list-service-quotas --service-code ec2";
    "kubernetes.nodes" "nodes" "metadata.name" Cluster "list nodes" "kubectl get nodes -o json";
    "kubernetes.pods" "pods" "metadata.name" Cluster "list pods" "kubectl get pods -A -o json";
    "kubernetes.namespaces" "namespaces" "metadata.name" Cluster "list namespaces" "kubectl get namespaces -o json";
    "kubernetes.configMaps" "ConfigMaps" "metadata.name" Cluster "list configmaps" "kubectl get configmaps -A -o json";
    "kubernetes.serviceAccounts" "service accounts" "metadata.name" Cluster "list serviceaccounts" "kubectl get serviceaccounts -A -o json";
    "kubernetes.roles" "Roles" "metadata.name" Cluster "list roles.rbac.authorization.k8s.io" "kubectl get roles -A -o json";
    "kubernetes.roleBindings" "RoleBindings" "metadata.name" Cluster "list rolebindings.rbac.authorization.k8s.io" "kubectl get rolebindings -A -o json";
    "kubernetes.clusterRoles" "ClusterRoles" "metadata.name" Cluster "list clusterroles.rbac.authorization.k8s.io" "kubectl get clusterroles -o json";
    "kubernetes.clusterRoleBindings" "ClusterRoleBindings" "metadata.name" Cluster "list clusterrolebindings.rbac.authorization.k8s.io" "kubectl get clusterrolebindings -o json";
    "kubernetes.deployments" "Deployments" "metadata.name" Cluster "list deployments.apps" "kubectl get deployments -A -o json";
    "kubernetes.services" "Services" "metadata.name" Cluster "list services" "kubectl get services -A -o json";
    "kubernetes.ingresses" "Ingresses" "metadata.name" Cluster "list ingresses.networking.k8s.io" "kubectl get ingresses -A -o json";
    "kubernetes.customResourceDefinitions" "CustomResourceDefinitions" "metadata.name" Cluster "list customresourcedefinitions.apiextensions.k8s.io" "kubectl get crd -o json";
    "kubernetes.sparkApplications" "SparkApplications" "metadata.name" Cluster "list sparkapplications" "kubectl get sparkapplications -A -o json";
    "kubernetes.scheduledSparkApplications" "ScheduledSparkApplications" "metadata.name" Cluster "list scheduledsparkapplications" "kubectl get scheduledsparkapplications -A -o json";
    "kubernetes.sparkClusters" "SparkClusters" "metadata.name" Cluster "list sparkclusters" "kubectl get sparkclusters -A -o json";
    "kubernetes.nodePools" "Karpenter NodePools" "metadata.name" Cluster "list nodepools.karpenter.sh" "kubectl get nodepools -o json";
    "kubernetes.resourceQuotas" "ResourceQuotas" "metadata.name" Cluster "list resourcequotas" "kubectl get resourcequotas -A -o json";
    "kubernetes.limitRanges" "LimitRanges" "metadata.name" Cluster "list limitranges" "kubectl get limitranges -A -o json";
    "kubernetes.priorityClasses" "PriorityClasses" "metadata.name" Cluster "list priorityclasses.scheduling.k8s.io" "kubectl get priorityclasses -o json";
    "kubernetes.storageClasses" "StorageClasses" "metadata.name" Cluster "list storageclasses.storage.k8s.io" "kubectl get storageclasses -o json";
    "kubernetes.mutatingWebhookConfigurations" "MutatingWebhookConfigurations" "metadata.name" Cluster "list mutatingwebhookconfigurations.admissionregistration.k8s.io" "kubectl get mutatingwebhookconfigurations -o json";
}
