//! The account of a fixture, made in moto through the SDK.

use aws_config::SdkConfig;
use aws_sdk_emrcontainers::types::{ContainerInfo, ContainerProvider, ContainerProviderType, EksInfo};
use serde_json::Value;
use std::path::Path;

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or_default()
}

fn items<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}

/// Roles, users, their policies, OIDC providers and virtual clusters.
pub(crate) async fn make(config: &SdkConfig, folder: &Path) {
    let read = |name: &str| -> Value { serde_json::from_slice(&std::fs::read(folder.join(name)).unwrap()).unwrap() };
    let iam = aws_sdk_iam::Client::new(config);
    let details = read("iam-account-authorization-details.json");
    for policy in items(&details, "Policies").iter().filter(|policy| !text(policy, "Arn").contains("::aws:")) {
        let version = items(policy, "PolicyVersionList").iter().find(|version| version["IsDefaultVersion"] == true);
        let document = version.unwrap()["Document"].to_string();
        let request = iam.create_policy().policy_name(text(policy, "PolicyName")).path(text(policy, "Path"));
        request.policy_document(document).send().await.unwrap();
    }
    for user in items(&details, "UserDetailList") {
        let name = text(user, "UserName");
        iam.create_user().user_name(name).path(text(user, "Path")).send().await.unwrap();
        for policy in items(user, "UserPolicyList") {
            let request = iam.put_user_policy().user_name(name).policy_name(text(policy, "PolicyName"));
            request.policy_document(policy["PolicyDocument"].to_string()).send().await.unwrap();
        }
    }
    for role in items(&details, "RoleDetailList") {
        let name = text(role, "RoleName");
        let boundary = role["PermissionsBoundary"]["PermissionsBoundaryArn"].as_str().map(str::to_owned);
        let request = iam.create_role().role_name(name).path(text(role, "Path")).set_permissions_boundary(boundary);
        request.assume_role_policy_document(role["AssumeRolePolicyDocument"].to_string()).send().await.unwrap();
        for policy in items(role, "RolePolicyList") {
            let request = iam.put_role_policy().role_name(name).policy_name(text(policy, "PolicyName"));
            request.policy_document(policy["PolicyDocument"].to_string()).send().await.unwrap();
        }
        for policy in items(role, "AttachedManagedPolicies") {
            // Some are newer than what moto has.
            let _ = iam.attach_role_policy().role_name(name).policy_arn(text(policy, "PolicyArn")).send().await;
        }
    }
    for file in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        if name.starts_with("iam-open-id-connect-provider-") {
            let provider = read(&name);
            let request = iam.create_open_id_connect_provider().url(format!("https://{}", text(&provider, "Url")));
            let audiences = items(&provider, "ClientIDList").iter().filter_map(Value::as_str).map(str::to_owned);
            let request = request.set_client_id_list(Some(audiences.collect()));
            request.thumbprint_list("0123456789012345678901234567890123456789").send().await.unwrap();
        }
    }
    let containers = aws_sdk_emrcontainers::Client::new(config);
    for one in items(&read("emr-containers-virtual-clusters.json"), "virtualClusters") {
        let provider = &one["containerProvider"];
        let namespace = provider["info"]["eksInfo"]["namespace"].as_str().unwrap();
        let info = ContainerInfo::EksInfo(EksInfo::builder().namespace(namespace).build());
        let of = ContainerProvider::builder().id(text(provider, "id")).r#type(ContainerProviderType::Eks).info(info);
        let request = containers.create_virtual_cluster().name(text(one, "name"));
        let made = request.container_provider(of.build().unwrap()).send().await.unwrap();
        if one["state"] == "TERMINATED" {
            containers.delete_virtual_cluster().id(made.id().unwrap()).send().await.unwrap();
        }
    }
}
