//! Each call of the table, made through the SDK.

use super::body::Body;
use super::failure::Failure;
use super::nowhere::Nowhere;
use super::plain;
use crate::read::live::calls::{Call, Service};
use aws_config::{Region, SdkConfig};
use aws_sdk_emr::types::ClusterState;

/// Clients of every service for one session in one region.
#[derive(Clone, Debug)]
pub(super) struct Clients {
    config: SdkConfig,
    sts: aws_sdk_sts::Client,
    iam: aws_sdk_iam::Client,
    eks: aws_sdk_eks::Client,
    emr_containers: aws_sdk_emrcontainers::Client,
    emr_serverless: aws_sdk_emrserverless::Client,
    emr: aws_sdk_emr::Client,
}

impl Clients {
    pub(super) fn of(config: &SdkConfig, region: &str) -> Self {
        let config = config.clone().into_builder().region(Region::new(region.to_owned())).build();
        macro_rules! client {
            ($sdk:ident) => {
                $sdk::Client::from_conf($sdk::config::Builder::from(&config).retry_classifier(Nowhere).build())
            };
        }
        Self {
            sts: client!(aws_sdk_sts),
            iam: client!(aws_sdk_iam),
            eks: client!(aws_sdk_eks),
            emr_containers: client!(aws_sdk_emrcontainers),
            emr_serverless: client!(aws_sdk_emrserverless),
            emr: client!(aws_sdk_emr),
            config,
        }
    }

    /// Makes a call for one page, of what is named: the thing around, and the thing itself.
    pub(super) async fn send(
        &self,
        call: &Call,
        around: &str,
        item: &str,
        page: Option<String>,
        body: &Body,
    ) -> Result<(), Failure> {
        macro_rules! send {
            ($request:expr) => {{
                let answer = Box::pin($request.customize().interceptor(body.clone()).send()).await;
                answer.map(drop).map_err(|error| Failure::of(&error))
            }};
        }
        let (eks, containers, serverless) = (&self.eks, &self.emr_containers, &self.emr_serverless);
        match (call.service, call.operation) {
            (Service::Sts, "GetCallerIdentity") => send!(self.sts.get_caller_identity()),
            (Service::Iam, "GetAccountAuthorizationDetails") => {
                send!(self.iam.get_account_authorization_details().max_items(1000).set_marker(page))
            }
            (Service::Iam, "GetRole") => send!(self.iam.get_role().role_name(item)),
            (Service::Iam, "ListRolePolicies") => {
                send!(self.iam.list_role_policies().role_name(item).max_items(1000).set_marker(page))
            }
            (Service::Iam, "GetRolePolicy") => send!(self.iam.get_role_policy().role_name(around).policy_name(item)),
            (Service::Iam, "ListAttachedRolePolicies") => {
                send!(self.iam.list_attached_role_policies().role_name(item).max_items(1000).set_marker(page))
            }
            (Service::Iam, "GetPolicy") => send!(self.iam.get_policy().policy_arn(item)),
            (Service::Iam, "GetPolicyVersion") => {
                send!(self.iam.get_policy_version().policy_arn(around).version_id(item))
            }
            (Service::Iam, "ListInstanceProfiles") => {
                send!(self.iam.list_instance_profiles().max_items(1000).set_marker(page))
            }
            (Service::Iam, "ListOpenIDConnectProviders") => send!(self.iam.list_open_id_connect_providers()),
            (Service::Iam, "GetOpenIDConnectProvider") => {
                send!(self.iam.get_open_id_connect_provider().open_id_connect_provider_arn(item))
            }
            (Service::Eks, "ListClusters") => send!(eks.list_clusters().max_results(100).set_next_token(page)),
            (Service::Eks, "DescribeCluster") => send!(eks.describe_cluster().name(around)),
            (Service::Eks, "ListNodegroups") => {
                send!(eks.list_nodegroups().cluster_name(around).max_results(100).set_next_token(page))
            }
            (Service::Eks, "DescribeNodegroup") => {
                send!(eks.describe_nodegroup().cluster_name(around).nodegroup_name(item))
            }
            (Service::Eks, "ListAddons") => {
                send!(eks.list_addons().cluster_name(around).max_results(100).set_next_token(page))
            }
            (Service::Eks, "DescribeAddon") => send!(eks.describe_addon().cluster_name(around).addon_name(item)),
            (Service::Eks, "ListAccessEntries") => {
                send!(eks.list_access_entries().cluster_name(around).max_results(100).set_next_token(page))
            }
            (Service::Eks, "DescribeAccessEntry") => {
                send!(eks.describe_access_entry().cluster_name(around).principal_arn(item))
            }
            (Service::Eks, "ListAssociatedAccessPolicies") => {
                let request = eks.list_associated_access_policies().cluster_name(around).principal_arn(item);
                send!(request.max_results(100).set_next_token(page))
            }
            (Service::Eks, "ListPodIdentityAssociations") => {
                send!(eks.list_pod_identity_associations().cluster_name(around).max_results(100).set_next_token(page))
            }
            (Service::Eks, "DescribePodIdentityAssociation") => {
                send!(eks.describe_pod_identity_association().cluster_name(around).association_id(item))
            }
            (Service::Eks, "ListFargateProfiles") => {
                send!(eks.list_fargate_profiles().cluster_name(around).max_results(100).set_next_token(page))
            }
            (Service::Eks, "DescribeFargateProfile") => {
                send!(eks.describe_fargate_profile().cluster_name(around).fargate_profile_name(item))
            }
            (Service::EmrContainers, "ListVirtualClusters") => {
                send!(containers.list_virtual_clusters().set_next_token(page))
            }
            (Service::EmrContainers, "ListJobRuns") => {
                send!(containers.list_job_runs().virtual_cluster_id(item).set_next_token(page))
            }
            (Service::EmrContainers, "ListManagedEndpoints") => {
                send!(containers.list_managed_endpoints().virtual_cluster_id(item).set_next_token(page))
            }
            (Service::EmrContainers, "ListJobTemplates") => send!(containers.list_job_templates().set_next_token(page)),
            (Service::EmrServerless, "ListApplications") => {
                send!(serverless.list_applications().max_results(50).set_next_token(page))
            }
            (Service::EmrServerless, "GetApplication") => send!(serverless.get_application().application_id(item)),
            (Service::EmrServerless, "ListJobRuns") => {
                send!(serverless.list_job_runs().application_id(item).max_results(50).set_next_token(page))
            }
            (Service::Emr, "ListClusters") => {
                // Clusters that have ended stay listed for months.
                let alive = [
                    ClusterState::Starting,
                    ClusterState::Bootstrapping,
                    ClusterState::Running,
                    ClusterState::Waiting,
                    ClusterState::Terminating,
                ];
                send!(self.emr.list_clusters().set_cluster_states(Some(alive.to_vec())).set_marker(page))
            }
            (Service::Emr, "DescribeCluster") => send!(self.emr.describe_cluster().cluster_id(item)),
            (Service::Emr, "ListSecurityConfigurations") => {
                send!(self.emr.list_security_configurations().set_marker(page))
            }
            (Service::Emr, "DescribeSecurityConfiguration") => {
                send!(self.emr.describe_security_configuration().name(item))
            }
            (Service::Emr, "GetBlockPublicAccessConfiguration") => {
                send!(self.emr.get_block_public_access_configuration())
            }
            (Service::Ec2 | Service::Organizations | Service::ServiceQuotas, _) => {
                plain::send(&self.config, call, around, item, page, body).await
            }
            _ => Err(Failure::failed("it is not known how to make it".to_owned(), "report this")),
        }
    }
}
