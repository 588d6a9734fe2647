//! The calls to AWS that reading may make, one row each.
//!
//! A row says what it asks for, how often, what comes of it and which permission it takes. Everything
//! that is said or done about calls follows from here.
//!
//! Deliberately absent: policies of buckets and keys, which take a call for each and come from exports; and the
//! quotas that AWS gives every account by default, which say nothing of what an account has.

use std::fmt;

/// A call.
#[derive(Debug)]
pub struct Call {
    /// The service.
    pub service: Service,
    /// The operation, as the API calls it.
    pub operation: &'static str,
    /// The permission that it takes; `sts:GetCallerIdentity` takes none.
    pub action: &'static str,
    /// The collections that it lists, or of which it describes an item.
    pub collections: &'static [&'static str],
    /// How often it is made.
    pub of: Of,
    /// The options of the command that name what it is asked of: first the thing around, then the thing.
    pub options: &'static [&'static str],
    /// The lists in its answer, over all pages.
    pub lists: &'static [&'static str],
    /// Where its items stand for further calls: their id, and their ARN.
    pub names: Option<(&'static str, &'static str)>,
    /// Of which items it is asked.
    pub only: Only,
}

/// Of which of the items that another call lists a call is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Only {
    /// Of each.
    All,
    /// Of those whose name ends so; of each where a rule looks at the collection itself.
    Ending(&'static str),
    /// Of none, except where a rule looks at the collection itself.
    Named,
}

/// A service, and the name of its endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Service {
    /// `sts`.
    Sts,
    /// `iam`.
    Iam,
    /// `eks`.
    Eks,
    /// `emr-containers`.
    EmrContainers,
    /// `emr-serverless`.
    EmrServerless,
    /// `emr`.
    Emr,
    /// `ec2`.
    Ec2,
    /// `organizations`.
    Organizations,
    /// `service-quotas`.
    ServiceQuotas,
}

impl Service {
    /// Its name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Sts => "sts",
            Self::Iam => "iam",
            Self::Eks => "eks",
            Self::EmrContainers => "emr-containers",
            Self::EmrServerless => "emr-serverless",
            Self::Emr => "emr",
            Self::Ec2 => "ec2",
            Self::Organizations => "organizations",
            Self::ServiceQuotas => "service-quotas",
        }
    }

    /// Its name in host names, permissions and signatures.
    #[must_use]
    pub fn endpoint(self) -> &'static str {
        match self {
            Self::ServiceQuotas => "servicequotas",
            Self::Emr => "elasticmapreduce",
            other => other.name(),
        }
    }

    /// Whether its answers are the same in every region.
    #[must_use]
    pub fn is_global(self) -> bool {
        matches!(self, Self::Sts | Self::Iam | Self::Organizations)
    }
}

/// How often a call is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// Once for each account.
    Account,
    /// Once for each account and region.
    Region,
    /// Once for each account and region, of the quotas of this service, where a rule looks at those.
    Service(&'static str),
    /// Once for each EKS cluster that the run is about.
    Cluster,
    /// Once for each account, and for each level above it in its organization.
    Level,
    /// Once for each item that this call lists, and that the run is about.
    Each(&'static str),
    /// Where this call is refused: once for each role that the run names, or for each policy of one.
    Instead(&'static str),
}

impl Call {
    /// Whether it lists a collection, rather than describing an item of one.
    #[must_use]
    pub fn is_list(&self) -> bool {
        !self.lists.is_empty() && self.operation != "ListAssociatedAccessPolicies"
    }

    /// Whether its failure leaves open what its collections hold.
    #[must_use]
    pub fn tells_of_all(&self) -> bool {
        // Without an organization there are no levels of it.
        self.is_list() || self.operation == "DescribeOrganization"
    }

    /// The command that makes the same call, without what it is asked of: `aws eks list-nodegroups`.
    #[must_use]
    pub fn command(&self) -> String {
        format!("aws {} {}", self.service.name(), kebab(self.operation))
    }
}

impl fmt::Display for Call {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}", self.service.name(), self.operation)
    }
}

/// `ListOpenIDConnectProviders` is `list-open-id-connect-providers`.
fn kebab(operation: &str) -> String {
    let letters: Vec<char> = operation.chars().collect();
    let mut out = String::new();
    for (at, letter) in letters.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|at| letters.get(at));
        let after = letters.get(at + 1);
        let begins = letter.is_ascii_uppercase()
            && before.is_some_and(|before| {
                before.is_ascii_lowercase() || after.is_some_and(|after| after.is_ascii_lowercase())
            });
        if begins {
            out.push('-');
        }
        out.push(letter.to_ascii_lowercase());
    }
    out
}

macro_rules! only {
    () => {
        Only::All
    };
    ($only:expr) => {
        $only
    };
}

macro_rules! calls {
    ($($service:ident $operation:literal $action:literal [$($collection:literal)*] $of:expr, [$($option:literal)*] [$($list:literal)*] $names:expr $(, $only:expr)?;)*) => {
        /// Every call, in the order in which a run makes them.
        pub const CALLS: &[Call] = &[$(Call {
            service: Service::$service,
            operation: $operation,
            action: $action,
            collections: &[$($collection),*],
            of: $of,
            options: &[$($option),*],
            lists: &[$($list),*],
            names: $names,
            only: only!($($only)?),
        },)*];
    };
}

calls! {
    Sts "GetCallerIdentity" "" [] Of::Account, [] [] None;

    Iam "GetAccountAuthorizationDetails" "iam:GetAccountAuthorizationDetails" ["iam.roles" "iam.users" "iam.groups" "iam.policies"]
        Of::Account, [] ["UserDetailList" "GroupDetailList" "RoleDetailList" "Policies"] None;
    Iam "GetRole" "iam:GetRole" ["iam.roles"] Of::Instead("GetAccountAuthorizationDetails"), ["" "--role-name"] [] None;
    Iam "ListRolePolicies" "iam:ListRolePolicies" ["iam.roles"]
        Of::Instead("GetAccountAuthorizationDetails"), ["" "--role-name"] ["PolicyNames"] None;
    Iam "GetRolePolicy" "iam:GetRolePolicy" ["iam.roles"]
        Of::Instead("GetAccountAuthorizationDetails"), ["--role-name" "--policy-name"] [] None;
    Iam "ListAttachedRolePolicies" "iam:ListAttachedRolePolicies" ["iam.roles"]
        Of::Instead("GetAccountAuthorizationDetails"), ["" "--role-name"] ["AttachedPolicies"] None;
    Iam "GetPolicy" "iam:GetPolicy" ["iam.policies"] Of::Instead("GetAccountAuthorizationDetails"), ["" "--policy-arn"] [] None;
    Iam "GetPolicyVersion" "iam:GetPolicyVersion" ["iam.policies"]
        Of::Instead("GetAccountAuthorizationDetails"), ["--policy-arn" "--version-id"] [] None;
    Iam "ListInstanceProfiles" "iam:ListInstanceProfiles" ["iam.instanceProfiles"] Of::Account, [] ["InstanceProfiles"] None;
    Iam "ListOpenIDConnectProviders" "iam:ListOpenIDConnectProviders" ["iam.openIDConnectProviders"]
        Of::Account, [] ["OpenIDConnectProviderList"] Some(("Arn", ""));
    Iam "GetOpenIDConnectProvider" "iam:GetOpenIDConnectProvider" ["iam.openIDConnectProviders"]
        Of::Each("ListOpenIDConnectProviders"), ["" "--open-id-connect-provider-arn"] [] None;

    Eks "ListClusters" "eks:ListClusters" ["eks.clusters"] Of::Region, [] ["clusters"] None;
    Eks "DescribeCluster" "eks:DescribeCluster" ["eks.clusters"] Of::Cluster, ["--name"] [] None;
    Eks "ListNodegroups" "eks:ListNodegroups" ["eks.nodegroups"] Of::Cluster, ["--cluster-name"] ["nodegroups"] Some(("", ""));
    Eks "DescribeNodegroup" "eks:DescribeNodegroup" ["eks.nodegroups"]
        Of::Each("ListNodegroups"), ["--cluster-name" "--nodegroup-name"] [] None;
    Eks "ListAddons" "eks:ListAddons" ["eks.addons"] Of::Cluster, ["--cluster-name"] ["addons"] Some(("", ""));
    Eks "DescribeAddon" "eks:DescribeAddon" ["eks.addons"]
        Of::Each("ListAddons"), ["--cluster-name" "--addon-name"] [] None,
        Only::Ending("eks-pod-identity-agent");
    Eks "ListAccessEntries" "eks:ListAccessEntries" ["eks.accessEntries"]
        Of::Cluster, ["--cluster-name"] ["accessEntries"] Some(("", ""));
    Eks "DescribeAccessEntry" "eks:DescribeAccessEntry" ["eks.accessEntries"]
        Of::Each("ListAccessEntries"), ["--cluster-name" "--principal-arn"] [] None, Only::Named;
    Eks "ListAssociatedAccessPolicies" "eks:ListAssociatedAccessPolicies" ["eks.accessEntries"]
        Of::Each("ListAccessEntries"), ["--cluster-name" "--principal-arn"] ["associatedAccessPolicies"] None,
        Only::Ending("/AWSServiceRoleForAmazonEMRContainers");
    Eks "ListPodIdentityAssociations" "eks:ListPodIdentityAssociations" ["eks.podIdentityAssociations"]
        Of::Cluster, ["--cluster-name"] ["associations"] Some(("associationId", ""));
    Eks "DescribePodIdentityAssociation" "eks:DescribePodIdentityAssociation" ["eks.podIdentityAssociations"]
        Of::Each("ListPodIdentityAssociations"), ["--cluster-name" "--association-id"] [] None;
    Eks "ListFargateProfiles" "eks:ListFargateProfiles" ["eks.fargateProfiles"]
        Of::Cluster, ["--cluster-name"] ["fargateProfileNames"] Some(("", ""));
    Eks "DescribeFargateProfile" "eks:DescribeFargateProfile" ["eks.fargateProfiles"]
        Of::Each("ListFargateProfiles"), ["--cluster-name" "--fargate-profile-name"] [] None;

    EmrContainers "ListVirtualClusters" "emr-containers:ListVirtualClusters" ["emrContainers.virtualClusters"]
        Of::Region, [] ["virtualClusters"] Some(("id", "arn"));
    EmrContainers "ListJobRuns" "emr-containers:ListJobRuns" ["emrContainers.jobRuns"]
        Of::Each("ListVirtualClusters"), ["" "--virtual-cluster-id"] ["jobRuns"] None;
    EmrContainers "ListManagedEndpoints" "emr-containers:ListManagedEndpoints" ["emrContainers.managedEndpoints"]
        Of::Each("ListVirtualClusters"), ["" "--virtual-cluster-id"] ["endpoints"] None;
    EmrContainers "ListJobTemplates" "emr-containers:ListJobTemplates" ["emrContainers.jobTemplates"]
        Of::Region, [] ["templates"] None;

    EmrServerless "ListApplications" "emr-serverless:ListApplications" ["emrServerless.applications"]
        Of::Region, [] ["applications"] Some(("id", "arn"));
    EmrServerless "GetApplication" "emr-serverless:GetApplication" ["emrServerless.applications"]
        Of::Each("ListApplications"), ["" "--application-id"] [] None;
    EmrServerless "ListJobRuns" "emr-serverless:ListJobRuns" ["emrServerless.jobRuns"]
        Of::Each("ListApplications"), ["" "--application-id"] ["jobRuns"] None;

    Emr "ListClusters" "elasticmapreduce:ListClusters" ["emr.clusters"] Of::Region, [] ["Clusters"] Some(("Id", "ClusterArn"));
    Emr "DescribeCluster" "elasticmapreduce:DescribeCluster" ["emr.clusters"] Of::Each("ListClusters"), ["" "--cluster-id"] [] None;
    Emr "ListSecurityConfigurations" "elasticmapreduce:ListSecurityConfigurations" ["emr.securityConfigurations"]
        Of::Region, [] ["SecurityConfigurations"] Some(("Name", ""));
    Emr "DescribeSecurityConfiguration" "elasticmapreduce:DescribeSecurityConfiguration" ["emr.securityConfigurations"]
        Of::Each("ListSecurityConfigurations"), ["" "--name"] [] None;
    Emr "GetBlockPublicAccessConfiguration" "elasticmapreduce:GetBlockPublicAccessConfiguration" ["emr.blockPublicAccess"]
        Of::Region, [] [] None;

    Ec2 "DescribeSubnets" "ec2:DescribeSubnets" ["ec2.subnets"] Of::Region, [] ["Subnets"] None;
    Ec2 "DescribeRouteTables" "ec2:DescribeRouteTables" ["ec2.routeTables"] Of::Region, [] ["RouteTables"] None;
    Ec2 "DescribeVpcEndpoints" "ec2:DescribeVpcEndpoints" ["ec2.vpcEndpoints"] Of::Region, [] ["VpcEndpoints"] None;
    Ec2 "DescribeSecurityGroups" "ec2:DescribeSecurityGroups" ["ec2.securityGroups"] Of::Region, [] ["SecurityGroups"] None;

    Organizations "DescribeOrganization" "organizations:DescribeOrganization" ["organizations.organization" "organizations.targets"]
        Of::Account, [] [] None;
    Organizations "ListParents" "organizations:ListParents" ["organizations.targets"] Of::Level, ["" "--child-id"] ["Parents"] None;
    Organizations "ListPoliciesForTarget" "organizations:ListPoliciesForTarget" ["organizations.targets"]
        Of::Level, ["--filter" "--target-id"] ["Policies"] Some(("Id", ""));
    Organizations "DescribePolicy" "organizations:DescribePolicy" ["organizations.policies"]
        Of::Each("ListPoliciesForTarget"), ["" "--policy-id"] [] None;

    ServiceQuotas "ListServiceQuotas" "servicequotas:ListServiceQuotas" ["serviceQuotas.quotas"]
        Of::Service("ec2"), ["--service-code"] ["Quotas"] None;
    ServiceQuotas "ListServiceQuotas" "servicequotas:ListServiceQuotas" ["serviceQuotas.quotas"]
        Of::Service("emr-serverless"), ["--service-code"] ["Quotas"] None;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::estate::{COLLECTIONS, collection};

    #[test]
    fn the_table_fits_the_collections() {
        for call in CALLS {
            assert!(call.action.is_empty() || call.action.ends_with(&format!(":{}", call.operation)), "{call}");
            for name in call.collections {
                let sole = ["emr.blockPublicAccess", "organizations.organization"].contains(name);
                assert!(collection(name).is_some() || sole, "{call}: {name}");
            }
            if let Of::Each(parent) = call.of {
                let parent = CALLS.iter().find(|other| other.service == call.service && other.operation == parent);
                assert!(parent.is_some_and(|parent| parent.names.is_some()), "{call}");
            }
        }
        // The collection names the permission and the command that the table has, too. What is read from exports alone
        // has no call.
        let of_exports = ["kubernetes.", "organizations.", "s3.", "kms.", "ec2.instanceTypes"];
        let is_called = |name: &str| !of_exports.iter().any(|section| name.starts_with(section));
        for collection in COLLECTIONS.iter().filter(|one| is_called(one.name)) {
            let call = CALLS.iter().find(|call| call.action == collection.action);
            let call = call.unwrap_or_else(|| panic!("nothing lists {}", collection.name));
            assert!(call.collections.contains(&collection.name) && call.is_list(), "{}", collection.name);
            let of = if matches!(call.of, Of::Service(_)) { " --service-code ec2" } else { "" };
            assert_eq!(call.command() + of, collection.command);
        }
    }
}
