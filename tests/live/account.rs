//! A large account of which every answer is known, and credentials for servers on this machine.

use crate::server::State;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use serde_json::{Value, json};
use std::time::Duration;

/// Credentials for a server on this machine, with little patience.
pub(crate) fn config(url: &str) -> SdkConfig {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let client = aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    let patience = TimeoutConfig::builder().operation_attempt_timeout(Duration::from_millis(200)).build();
    let retry = RetryConfig::standard().with_max_attempts(2).with_initial_backoff(Duration::from_millis(1));
    runtime.block_on(
        aws_config::defaults(BehaviorVersion::latest())
            .credentials_provider(Credentials::new("AKIDEXAMPLE", "secret", None, None, "test"))
            .region(Region::new("us-east-1"))
            .endpoint_url(url)
            .http_client(client)
            .timeout_config(patience)
            .retry_config(retry)
            .load(),
    )
}

/// An account with many roles, and clusters with three node groups, two virtual clusters and add-ons each.
pub(crate) fn large(roles: usize, clusters: usize) -> State {
    let mut state = State::default();
    let account = "111122223333";
    let own = format!("arn:aws:iam::{account}");
    let role = |number: usize| {
        json!({"Arn": format!("{own}:role/r-{number}"), "RoleName": format!("r-{number}"), "RoleId": "A", "Path": "/",
            "CreateDate": "2026-01-01T00:00:00+00:00", "InstanceProfileList": [], "RolePolicyList": [],
            "AttachedManagedPolicies": [], "Tags": [],
            "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": []}})
    };
    state.put("sts:GetCallerIdentity", "", json!({"UserId": "A", "Account": account, "Arn": format!("{own}:user/me")}));
    state.put(
        "iam:GetAccountAuthorizationDetails",
        "",
        json!({"RoleDetailList": (0..roles).map(role).collect::<Vec<_>>(), "UserDetailList": [], "GroupDetailList": [], "Policies": []}),
    );
    let name = |at: usize| format!("spark-{at}");
    let issuer = |at: usize| format!("oidc.eks.us-east-1.amazonaws.com/id/{at:032X}");
    // Half of the providers are for clusters elsewhere.
    let providers: Vec<Value> =
        (0..clusters * 2).map(|at| json!({"Arn": format!("{own}:oidc-provider/{}", issuer(at))})).collect();
    state.put("iam:ListOpenIDConnectProviders", "", json!({"OpenIDConnectProviderList": providers}));
    state.put("iam:ListInstanceProfiles", "", json!({"InstanceProfiles": []}));
    state.put("eks:ListClusters", "", json!({"clusters": (0..clusters).map(name).collect::<Vec<_>>()}));
    let mut virtual_clusters = Vec::new();
    for at in 0..clusters {
        let (cluster, eks) = (name(at), format!("arn:aws:eks:us-east-1:{account}"));
        let described = json!({"name": cluster, "arn": format!("{eks}:cluster/{cluster}"), "version": "1.33", "status": "ACTIVE",
            "identity": {"oidc": {"issuer": format!("https://{}", issuer(at))}},
            "accessConfig": {"authenticationMode": "API_AND_CONFIG_MAP"}});
        state.put("eks:DescribeCluster", &cluster, json!({"cluster": described}));
        let provider = json!({"Url": issuer(at), "ClientIDList": ["sts.amazonaws.com"], "ThumbprintList": []});
        state.put("iam:GetOpenIDConnectProvider", &issuer(at), provider);
        let groups: Vec<String> = (0..3).map(|number| format!("workers-{number}")).collect();
        for group in &groups {
            let described = json!({"nodegroupName": group, "clusterName": cluster, "status": "ACTIVE",
                "nodegroupArn": format!("{eks}:nodegroup/{cluster}/{group}/x"), "scalingConfig": {"minSize": 1, "maxSize": 3, "desiredSize": 1}});
            state.put("eks:DescribeNodegroup", &format!("{cluster} {group}"), json!({"nodegroup": described}));
        }
        state.put("eks:ListNodegroups", &cluster, json!({"nodegroups": groups}));
        state.put("eks:ListFargateProfiles", &cluster, json!({"fargateProfileNames": ["system"]}));
        let profile = json!({"fargateProfileName": "system", "clusterName": cluster, "selectors": [{"namespace": "kube-system"}],
            "fargateProfileArn": format!("{eks}:fargateprofile/{cluster}/system/x"), "status": "ACTIVE"});
        state.put("eks:DescribeFargateProfile", &format!("{cluster} system"), json!({"fargateProfile": profile}));
        state.put(
            "eks:ListAddons",
            &cluster,
            json!({"addons": ["vpc-cni", "coredns", "kube-proxy", "eks-pod-identity-agent"]}),
        );
        let addon = json!({"addonName": "eks-pod-identity-agent", "clusterName": cluster, "status": "ACTIVE",
            "addonArn": format!("{eks}:addon/{cluster}/eks-pod-identity-agent/x")});
        state.put("eks:DescribeAddon", &format!("{cluster} eks-pod-identity-agent"), json!({"addon": addon}));
        let linked =
            format!("{own}:role/aws-service-role/emr-containers.amazonaws.com/AWSServiceRoleForAmazonEMRContainers");
        let mut entries: Vec<String> = (0..40).map(|number| format!("{own}:role/r-{number}")).collect();
        entries.push(linked.clone());
        state.put("eks:ListAccessEntries", &cluster, json!({"accessEntries": entries}));
        let policies = json!({"clusterName": cluster, "principalArn": linked, "associatedAccessPolicies": []});
        state.put("eks:ListAssociatedAccessPolicies", &format!("{cluster} {linked}"), policies);
        let association = json!({"clusterName": cluster, "namespace": "spark", "serviceAccount": "driver", "associationId": "a-1",
            "associationArn": format!("{eks}:podidentityassociation/{cluster}/a-1")});
        let mut described = association.clone();
        described["roleArn"] = format!("{own}:role/r-1").into();
        state.put("eks:ListPodIdentityAssociations", &cluster, json!({"associations": [association]}));
        state.put("eks:DescribePodIdentityAssociation", &format!("{cluster} a-1"), json!({"association": described}));
        for number in 0..2 {
            let id = format!("{at:012}{number:013}");
            virtual_clusters.push(json!({"id": id, "name": id, "state": "RUNNING",
                "arn": format!("arn:aws:emr-containers:us-east-1:{account}:/virtualclusters/{id}"),
                "containerProvider": {"type": "EKS", "id": cluster, "info": {"eksInfo": {"namespace": format!("team-{number}")}}}}));
        }
    }
    state.put("emr-containers:ListVirtualClusters", "", json!({"virtualClusters": virtual_clusters}));
    state
}

/// The calls that such an account takes at the least: pages of 100, and one description of each thing of
/// which a rule asks more than its name. Per cluster those are itself, its provider, three node groups,
/// a Fargate profile, the agent, one association, one entry's policies, five lists, and the job runs of two virtual clusters.
pub(crate) fn least(roles: usize, clusters: usize) -> usize {
    // The caller, the organization, and subnets, route tables and endpoints of the region.
    let of_account = 1 + 1 + 3 + roles.div_ceil(100) + 1 + clusters.div_ceil(100) + (2 * clusters).div_ceil(100);
    of_account + clusters * (1 + 1 + 3 + 1 + 1 + 1 + 1 + 5 + 2)
}
