//! Modules of the registry that make half of all roles for workloads, as far as a rollout depends on them.
//!
//! Their code is not in the tree, and nothing is fetched. For each there is a file of Terraform with
//! its variables and their defaults, what it declares that matters here, and its outputs; it is
//! evaluated like a module that was there. `local.major` is the major version that the call asks for,
//! since defaults differ between them.
//!
//! Deliberately absent: everything that these modules make and no rule asks for.

/// The newest major version of a module for calls that name none, and the file that stands for it.
struct Interface {
    source: &'static str,
    newest: u32,
    text: &'static str,
}

macro_rules! interfaces {
    ($($source:literal $newest:literal $file:literal;)*) => {
        const INTERFACES: &[Interface] = &[$(Interface { source: $source, newest: $newest, text: include_str!(concat!("registry/", $file)) },)*];
    };
}

interfaces! {
    "terraform-aws-modules/eks/aws" 21 "eks.tf";
    "terraform-aws-modules/eks/aws//modules/karpenter" 21 "eks-karpenter.tf";
    "terraform-aws-modules/eks/aws//modules/aws-auth" 20 "eks-aws-auth.tf";
    "terraform-aws-modules/s3-bucket/aws" 5 "s3-bucket.tf";
    "terraform-aws-modules/eks-pod-identity/aws" 2 "eks-pod-identity.tf";
    "terraform-aws-modules/emr/aws" 3 "emr.tf";
    "terraform-aws-modules/emr/aws//modules/virtual-cluster" 3 "emr-virtual-cluster.tf";
    "terraform-aws-modules/emr/aws//modules/serverless" 3 "emr-serverless.tf";
    "terraform-aws-modules/iam/aws//modules/iam-role-for-service-accounts" 6 "iam-role-for-service-accounts.tf";
    "terraform-aws-modules/iam/aws//modules/iam-role-for-service-accounts-eks" 5 "iam-role-for-service-accounts.tf";
    "terraform-aws-modules/iam/aws//modules/iam-assumable-role-with-oidc" 5 "iam-assumable-role-with-oidc.tf";
    "aws-ia/eks-blueprints/aws" 4 "eks-blueprints.tf";
    "KubedAI/emr-containers/aws" 0 "emr-containers.tf";
    "aws-ia/eks-data-addons/aws" 1 "eks-data-addons.tf";
    "aws-ia/eks-blueprints-addon/aws" 1 "eks-blueprints-addon.tf";
    "aws-ia/eks-blueprints-addons/aws" 1 "eks-blueprints-addons.tf";
}

/// What stands for a module, if it is one of these.
pub(super) fn interface(source: &str, version: Option<&str>) -> Option<String> {
    let source = source.strip_prefix("registry.terraform.io/").unwrap_or(source);
    let source = source.strip_prefix("registry.opentofu.org/").unwrap_or(source).trim_end_matches('/');
    let (source, reference) = from_git(source);
    let interface = INTERFACES.iter().find(|interface| interface.source == source)?;
    let major = version.or(reference.as_deref()).and_then(major).unwrap_or(interface.newest);
    Some(format!("locals {{\n  major = {major}\n}}\n{}", interface.text))
}

/// What stands for a module that an example calls by its path, when only the example is here: the modules of EMR
/// by the folder and by arguments that no other module has.
pub(super) fn beside(source: &str, has: impl Fn(&str) -> bool) -> Option<String> {
    let path = source.strip_prefix("../")?.trim_end_matches('/');
    let has_any = |names: &[&str]| names.iter().any(|name| has(name));
    let groups = ["master_instance_group", "core_instance_group", "master_instance_fleet", "core_instance_fleet"];
    let named = if path.ends_with("modules/virtual-cluster") && has_any(&["eks_cluster_id", "eks_cluster_name"]) {
        "terraform-aws-modules/emr/aws//modules/virtual-cluster"
    } else if path.ends_with("modules/serverless") && has_any(&["initial_capacity", "maximum_capacity"]) {
        "terraform-aws-modules/emr/aws//modules/serverless"
    } else if path.split('/').all(|part| part == "..") && has("ec2_attributes") && has_any(&groups) {
        "terraform-aws-modules/emr/aws"
    } else {
        return None;
    };
    interface(named, None)
}

/// The name in the registry of a module that is called by its repository, and the tag that is asked for.
fn from_git(source: &str) -> (String, Option<String>) {
    let Some((_, rest)) = source.split_once("github.com/").or_else(|| source.split_once("github.com:")) else {
        return (source.to_owned(), None);
    };
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let reference = query.split('&').find_map(|part| part.strip_prefix("ref=")).map(str::to_owned);
    let (repository, inner) = path.split_once("//").unwrap_or((path, ""));
    let named = repository.trim_end_matches(".git").split_once('/').and_then(|(owner, name)| {
        let (provider, module) = name.strip_prefix("terraform-")?.split_once('-')?;
        Some(format!("{owner}/{module}/{provider}"))
    });
    let Some(named) = named else { return (source.to_owned(), None) };
    (if inner.is_empty() { named } else { format!("{named}//{inner}") }, reference)
}

/// The first number in a constraint: `~> 20.33`, `>= 19.0, < 20`, `v5.1.0`.
fn major(version: &str) -> Option<u32> {
    let start = version.find(|letter: char| letter.is_ascii_digit())?;
    let digits: String = version.get(start..)?.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_a_module_by_its_names() {
        for (source, version, expected) in [
            ("terraform-aws-modules/eks/aws", Some("~> 20.33"), Some(20)),
            ("terraform-aws-modules/eks/aws", None, Some(21)),
            ("registry.terraform.io/terraform-aws-modules/eks/aws", Some(">= 19.0, < 20"), Some(19)),
            ("git::https://github.com/terraform-aws-modules/terraform-aws-eks.git?ref=v18.2.0", None, Some(18)),
            ("github.com/terraform-aws-modules/terraform-aws-emr//modules/virtual-cluster?ref=2.4.2", None, Some(2)),
            ("somebody/eks/aws", Some("1.0"), None),
            ("./modules/eks", None, None),
        ] {
            let found = interface(source, version);
            let major = expected.map(|major| format!("locals {{\n  major = {major}\n}}"));
            assert_eq!(
                found.as_deref().map(|text| text.starts_with(&major.clone().unwrap_or_default())),
                major.as_ref().map(|_| true),
                "{source}"
            );
        }
    }

    #[test]
    fn every_file_is_terraform() {
        for interface in INTERFACES {
            let (body, mistakes) = super::super::source::hcl(interface.text, None);
            assert!(mistakes.is_empty(), "{}: {mistakes:?}", interface.source);
            assert!(!body.blocks.is_empty(), "{}", interface.source);
        }
    }
}
