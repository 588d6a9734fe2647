//! eksctl's ClusterConfig: the cluster, its nodes and its roles that `eksctl create cluster -f` makes.
//!
//! Every part is lowered to what the AWS and Kubernetes APIs will print of it. What eksctl makes up
//! itself (names of roles, the issuer) is a hole. Defaults are filled in only where the schema of the
//! file documents them. <https://eksctl.io/usage/schema/>
//!
//! Deliberately absent: node roles and networks that eksctl makes, which no rule asks for.

mod mapping;
mod nodes;

pub(crate) use mapping::{Mapping, identity_mapping};

use super::code::{ACCOUNT, Code, Declared, Form, Node, PARTITION, REGION};
use super::placeholder;
use super::written::{self, Written, join, list, object, text};
use crate::estate::Syntax;
use crate::known::Text;
use serde_json::Value;

/// Reads a file of eksctl; `None` if it is none.
pub(crate) fn read(path: &str, text: &str) -> Option<Code> {
    if !text.contains("eksctl.io/") || !text.contains("ClusterConfig") {
        return None;
    }
    let written = written::yaml_documents(text);
    if written.fault.is_some() && placeholder::is_program(text) {
        return None;
    }
    let mut declared = Vec::new();
    let mut any = written.fault.is_some();
    for (number, document) in written.documents.iter().enumerate() {
        if is_config(document) {
            any = true;
            Config::of(&Written::root(document, format!("/{number}"))).declare(&mut declared);
        }
    }
    declared.extend(written.remarks);
    any.then(|| written::code("eksctl", path, Syntax::Yaml, declared, written.fault))
}

fn is_config(document: &Value) -> bool {
    document["apiVersion"].as_str().is_some_and(|version| version.starts_with("eksctl.io/"))
        && document["kind"] == "ClusterConfig"
}

/// Why nothing is known of a cluster of which a file names only nodes or service accounts.
const MAY_ADD_PARTS: &str = "the file may add to a cluster that there is";

/// A ClusterConfig, and what all its parts are named by.
struct Config<'v> {
    root: Written<'v>,
    name: Text,
    region: Text,
    partition: Text,
}

impl<'v> Config<'v> {
    fn of(root: &Written<'v>) -> Self {
        let metadata = root.get("metadata");
        let region = metadata.get("region").text().unwrap_or_else(|| Text::hole(REGION));
        let partition = match region.as_str() {
            Some(region) if region.starts_with("cn-") => Text::literal("aws-cn"),
            Some(region) if region.starts_with("us-gov-") => Text::literal("aws-us-gov"),
            Some(_) => Text::literal("aws"),
            None => Text::hole(PARTITION),
        };
        let name = metadata.get("name").text().unwrap_or_else(|| Text::hole("metadata.name"));
        Self { root: root.clone(), name, region, partition }
    }

    fn declare(&self, out: &mut Vec<Declared>) {
        self.cluster(out);
        self.provider(out);
        for account in self.root.get("iam").get("serviceAccounts").items() {
            self.service_account(&account, out);
        }
        for association in self.root.get("iam").get("podIdentityAssociations").items() {
            self.pod_identity(&association, "", out);
        }
        for mapping in self.root.get("iamIdentityMappings").items() {
            self.identity_mapping(&mapping, out);
        }
        for entry in self.root.get("accessConfig").get("accessEntries").items() {
            self.access_entry(&entry, out);
        }
        for group in self.root.get("managedNodeGroups").items() {
            self.node_group(&group, true, out);
        }
        for group in self.root.get("nodeGroups").items() {
            self.node_group(&group, false, out);
        }
        for profile in self.root.get("fargateProfiles").items() {
            self.fargate_profile(&profile, out);
        }
        for addon in self.root.get("addons").items() {
            self.addon(&addon, out);
        }
    }

    fn item(&self, collection: &'static str, item: Node) -> Declared {
        Declared::Item { collection, cluster: Some(self.name.clone()), item }
    }

    fn arn(&self, service: &str, resource: Text) -> Text {
        let region = if service == "iam" { Text::default() } else { self.region.clone() };
        join([
            "arn:".into(),
            self.partition.clone(),
            Text::literal(format!(":{service}:")),
            region,
            ":".into(),
            Text::hole(ACCOUNT),
            ":".into(),
            resource,
        ])
    }

    fn cluster_name(&self) -> Node {
        text(self.name.clone()).written(self.root.get("metadata").get("name").at())
    }

    /// Whether the file may as well be for `eksctl create nodegroup` or `iamserviceaccount`: it says nothing of a
    /// cluster but its name.
    fn may_add_parts(&self) -> bool {
        const OF_PARTS: [&str; 6] = ["apiVersion", "kind", "metadata", "managedNodeGroups", "nodeGroups", "iam"];
        const OF_ANY: [&str; 3] = ["name", "region", "tags"];
        let named = |key: &str, accounts: bool| OF_ANY.contains(&key) || key == "version" && accounts;
        let iam = self.root.get("iam");
        let accounts = iam.get("serviceAccounts").is_there();
        let nodes = ["managedNodeGroups", "nodeGroups"].iter().any(|groups| self.root.get(groups).is_there());
        self.root.entries().iter().all(|(key, _)| OF_PARTS.contains(key))
            && self.root.get("metadata").entries().iter().all(|(key, _)| named(key, accounts && !nodes))
            && (nodes && !iam.is_there() || accounts && !nodes)
    }

    /// The issuer without its scheme, which only creating the cluster fills.
    fn issuer(&self) -> Text {
        Text::hole(format!("issuer of {}", self.name))
    }

    fn provider_arn(&self) -> Text {
        self.arn("iam", join([Text::literal("oidc-provider/"), self.issuer()]))
    }

    fn cluster(&self, out: &mut Vec<Declared>) {
        let root = &self.root;
        let metadata = root.get("metadata");
        let arn = self.arn("eks", join([Text::literal("cluster/"), self.name.clone()]));
        let vpc = root.get("vpc");
        let endpoints = vpc.get("clusterEndpoints");
        let or = |written: Written<'_>, default: Node| if written.is_there() { written.node() } else { default };
        // A fully private cluster has its private endpoint alone, whatever else is written.
        let fully_private = root.get("privateCluster").get("enabled");
        let is_private = fully_private.truth() == Some(true);
        let otherwise = |truth| Node::new(Form::Bool(truth)).written(endpoints.at());
        let public = or(endpoints.get("publicAccess"), otherwise(true));
        let public = if is_private { Node::new(Form::Bool(false)).written(fully_private.at()) } else { public };
        let public = if self.may_add_parts() { Node::unknown(MAY_ADD_PARTS).written(metadata.at()) } else { public };
        let private = or(endpoints.get("privateAccess"), otherwise(is_private));
        let from = or(vpc.get("publicAccessCIDRs"), list(vec![Node::text("0.0.0.0/0")]).written(public.at.clone()));
        let mut subnets = Vec::new();
        for kind in ["private", "public"] {
            for (_, subnet) in vpc.get("subnets").get(kind).entries() {
                if subnet.get("id").is_there() {
                    subnets.push(subnet.get("id").node());
                }
            }
        }
        let network = object([
            ("endpointPublicAccess", public),
            ("endpointPrivateAccess", private),
            ("publicAccessCidrs", from),
            ("vpcId", vpc.get("id").node()),
            ("subnetIds", if subnets.is_empty() { Node::new(Form::Null) } else { list(subnets) }),
        ])
        .written(vpc.at());
        let family = root.get("kubernetesNetworkConfig").get("ipFamily");
        let family = match family.str() {
            Some(given) => Node::text(given.to_lowercase()).written(family.at()),
            None => or(family, Node::text("ipv4").written(root.get("kubernetesNetworkConfig").at())),
        };
        let access = root.get("accessConfig");
        let with = root.get("iam").get("withOIDC");
        let oidc = if with.is_there() { with.node() } else { Node::new(Form::Bool(false)) };
        let mode = or(access.get("authenticationMode"), Node::text("API_AND_CONFIG_MAP").written(access.at()));
        let issuer = join([Text::literal("https://"), self.issuer()]);
        let issuer = text(issuer).written(root.get("iam").at());
        out.push(
            self.item(
                "eks.clusters",
                object([
                    ("name", self.cluster_name()),
                    ("arn", text(arn).written(metadata.get("name").at())),
                    ("version", version(&metadata.get("version"))),
                    ("resourcesVpcConfig", network),
                    ("kubernetesNetworkConfig", object([("ipFamily", family)])),
                    ("identity", object([("oidc", object([("issuer", issuer)]))])),
                    ("accessConfig", object([("authenticationMode", mode)])),
                    ("withOIDC", oidc),
                    ("logging", if self.may_add_parts() { Node::unknown(MAY_ADD_PARTS) } else { logging(root) }),
                    ("encryptionConfig", encryption(root)),
                    ("tags", metadata.get("tags").node()),
                ])
                .written(metadata.get("name").at()),
            ),
        );
    }

    /// With `withOIDC`, eksctl makes the provider with the audience of STS.
    fn provider(&self, out: &mut Vec<Declared>) {
        let with = self.root.get("iam").get("withOIDC");
        if with.truth() != Some(true) {
            return;
        }
        let provider = object([
            ("Arn", text(self.provider_arn())),
            ("Url", text(self.issuer())),
            ("ClientIDList", list(vec![Node::text("sts.amazonaws.com")])),
        ]);
        out.push(self.item("iam.openIDConnectProviders", provider.written(with.at())));
    }

    fn service_account(&self, account: &Written<'_>, out: &mut Vec<Declared>) {
        let metadata = account.get("metadata");
        let name = metadata.get("name").text().unwrap_or_else(|| Text::hole("metadata.name"));
        let namespace = metadata.get("namespace").text().unwrap_or_else(|| "default".into());
        let attached = account.get("attachRoleARN");
        let role_arn = match attached.text() {
            Some(arn) => text(arn).written(attached.at()),
            None => {
                let role_name = self.role_name(account, &format!("addon-iamserviceaccount-{namespace}-{name}"));
                let subject = join(["system:serviceaccount:".into(), namespace.clone(), ":".into(), name.clone()]);
                let issuer = self.issuer().to_string();
                let condition = object([(
                    "StringEquals",
                    Node::new(Form::Object(vec![
                        (format!("${{{}}}:sub", strip(&issuer)), text(subject).written(metadata.get("name").at())),
                        (format!("${{{}}}:aud", strip(&issuer)), Node::text("sts.amazonaws.com")),
                    ])),
                )]);
                let statement = object([
                    ("Effect", Node::text("Allow")),
                    ("Principal", object([("Federated", text(self.provider_arn()))])),
                    ("Action", Node::text("sts:AssumeRoleWithWebIdentity")),
                    ("Condition", condition),
                ]);
                self.role(account, &role_name, statement, out)
            }
        };
        if account.get("roleOnly").truth() == Some(true) {
            return;
        }
        let mut annotations = vec![("eks.amazonaws.com/role-arn".to_owned(), role_arn)];
        for (key, value) in metadata.get("annotations").entries() {
            annotations.push((key.to_owned(), value.node()));
        }
        let object = object([
            ("apiVersion", Node::text("v1")),
            ("kind", Node::text("ServiceAccount")),
            (
                "metadata",
                object([
                    ("name", text(name).written(metadata.get("name").at())),
                    ("namespace", text(namespace).written(metadata.get("namespace").at())),
                    ("labels", metadata.get("labels").node()),
                    ("annotations", Node::new(Form::Object(annotations))),
                ]),
            ),
        ]);
        out.push(self.item("kubernetes.serviceAccounts", object.written(metadata.at())));
    }

    /// The name of a role that eksctl makes: the one it is told, or one with an end that CloudFormation makes up.
    fn role_name(&self, of: &Written<'_>, what: &str) -> Text {
        of.get("roleName").text().unwrap_or_else(|| {
            join([
                "eksctl-".into(),
                self.name.clone(),
                Text::literal(format!("-{what}-Role1-")),
                Text::hole(format!("suffix of {what}")),
            ])
        })
    }

    /// Declares a role that trusts by one statement, and gives its ARN.
    fn role(&self, of: &Written<'_>, name: &Text, statement: Node, out: &mut Vec<Declared>) -> Node {
        let at = if of.get("roleName").is_there() { of.get("roleName").at() } else { of.at() };
        let arn = self.arn("iam", join(["role/".into(), name.clone()]));
        let mut attached = Vec::new();
        for key in ["attachPolicyARNs", "permissionPolicyARNs"] {
            for policy in of.get(key).items() {
                let name = policy.str().and_then(|arn| arn.rsplit('/').next()).map(Node::text);
                attached.push(
                    object([("PolicyArn", policy.node()), ("PolicyName", name.unwrap_or(Node::new(Form::Null)))])
                        .written(policy.at()),
                );
            }
        }
        let mut inline = Vec::new();
        for key in ["attachPolicy", "permissionPolicy"] {
            let policy = of.get(key);
            if policy.is_there() {
                inline.push(
                    object([("PolicyName", Node::text("Policy1")), ("PolicyDocument", policy.node())])
                        .written(policy.at()),
                );
            }
        }
        for (policy, on) in of.get("wellKnownPolicies").entries() {
            if on.truth() != Some(false) {
                let why = format!("the statements of eksctl's well-known policy `{policy}`");
                inline.push(
                    object([("PolicyName", Node::text(policy)), ("PolicyDocument", Node::unknown(why))])
                        .written(on.at()),
                );
            }
        }
        let boundary = of.get("permissionsBoundary");
        let boundary = if boundary.is_there() {
            object([("PermissionsBoundaryType", Node::text("Policy")), ("PermissionsBoundaryArn", boundary.node())])
                .written(boundary.at())
        } else {
            of.get("permissionsBoundaryARN").node()
        };
        let trust = object([("Version", Node::text("2012-10-17")), ("Statement", list(vec![statement]))]);
        out.push(
            self.item(
                "iam.roles",
                object([
                    ("RoleName", text(name.clone()).written(at.clone())),
                    ("Arn", text(arn.clone()).written(at.clone())),
                    ("AssumeRolePolicyDocument", trust.written(at.clone())),
                    ("AttachedManagedPolicies", list(attached)),
                    ("RolePolicyList", list(inline)),
                    ("PermissionsBoundary", boundary),
                ])
                .written(at.clone()),
            ),
        );
        text(arn).written(at)
    }

    fn pod_identity(&self, association: &Written<'_>, namespace: &'static str, out: &mut Vec<Declared>) {
        let space = association.get("namespace");
        let namespace = space.text().unwrap_or_else(|| namespace.into());
        let account = association.get("serviceAccountName");
        let Some(name) = account.text() else { return };
        let given = association.get("roleARN");
        let role = match given.text() {
            Some(arn) => text(arn).written(given.at()),
            None => {
                let what = format!("podidentityrole-{namespace}-{name}");
                let statement = object([
                    ("Effect", Node::text("Allow")),
                    ("Principal", object([("Service", Node::text("pods.eks.amazonaws.com"))])),
                    ("Action", list(vec![Node::text("sts:AssumeRole"), Node::text("sts:TagSession")])),
                ]);
                self.role(association, &self.role_name(association, &what), statement, out)
            }
        };
        out.push(
            self.item(
                "eks.podIdentityAssociations",
                object([
                    ("clusterName", self.cluster_name()),
                    ("namespace", text(namespace.clone()).written(space.at())),
                    ("serviceAccount", text(name.clone()).written(account.at())),
                    ("roleArn", role),
                ])
                .written(association.at()),
            ),
        );
        if association.get("createServiceAccount").truth() == Some(true) {
            let metadata = object([("name", text(name)), ("namespace", text(namespace))]);
            let object = object([
                ("apiVersion", Node::text("v1")),
                ("kind", Node::text("ServiceAccount")),
                ("metadata", metadata),
            ]);
            out.push(self.item("kubernetes.serviceAccounts", object.written(account.at())));
        }
    }

    fn identity_mapping(&self, mapping: &Written<'_>, out: &mut Vec<Declared>) {
        let service = mapping.get("serviceName");
        let namespace = mapping.get("namespace");
        let account = mapping.get("account");
        let mapped = if service.is_there() {
            Mapping::Service { name: service.text().unwrap_or_default(), namespace: namespace.text(), at: service.at() }
        } else if account.is_there() {
            return;
        } else {
            Mapping::Arn {
                arn: mapping.get("arn").node(),
                username: mapping.get("username").node(),
                groups: mapping.get("groups").node(),
                at: mapping.at(),
            }
        };
        identity_mapping(&self.name, &self.partition, mapped, out);
    }

    fn access_entry(&self, entry: &Written<'_>, out: &mut Vec<Declared>) {
        let principal = entry.get("principalARN");
        let policies = entry.get("accessPolicies").items().into_iter().map(|policy| {
            object([("policyArn", policy.get("policyARN").node()), ("accessScope", policy.get("accessScope").node())])
                .written(policy.at())
        });
        out.push(
            self.item(
                "eks.accessEntries",
                object([
                    ("clusterName", self.cluster_name()),
                    ("principalArn", principal.node()),
                    ("type", entry.get("type").node()),
                    ("kubernetesGroups", entry.get("kubernetesGroups").node()),
                    ("username", entry.get("kubernetesUsername").node()),
                    ("associatedAccessPolicies", list(policies.collect())),
                ])
                .written(principal.at()),
            ),
        );
    }

    fn fargate_profile(&self, profile: &Written<'_>, out: &mut Vec<Declared>) {
        let role = profile.get("podExecutionRoleARN");
        let role =
            if role.is_there() { role.node() } else { Node::unknown("the pod execution role that eksctl makes") };
        out.push(
            self.item(
                "eks.fargateProfiles",
                object([
                    ("fargateProfileName", profile.get("name").node()),
                    ("clusterName", self.cluster_name()),
                    ("selectors", profile.get("selectors").node()),
                    ("subnets", profile.get("subnets").node()),
                    ("podExecutionRoleArn", role),
                    ("tags", profile.get("tags").node()),
                ])
                .written(profile.get("name").at()),
            ),
        );
    }

    fn addon(&self, addon: &Written<'_>, out: &mut Vec<Declared>) {
        out.push(
            self.item(
                "eks.addons",
                object([
                    ("addonName", addon.get("name").node()),
                    ("clusterName", self.cluster_name()),
                    ("addonVersion", addon.get("version").node()),
                    ("serviceAccountRoleArn", addon.get("serviceAccountRoleARN").node()),
                    ("configurationValues", addon.get("configurationValues").node()),
                ])
                .written(addon.get("name").at()),
            ),
        );
        for association in addon.get("podIdentityAssociations").items() {
            self.pod_identity(&association, "kube-system", out);
        }
    }
}

fn strip(hole: &str) -> &str {
    hole.strip_prefix("${").and_then(|hole| hole.strip_suffix('}')).unwrap_or(hole)
}

/// A version as the text that the API prints; YAML may have read `1.3` of an unquoted `1.30`.
fn version(written: &Written<'_>) -> Node {
    match written.text() {
        Some(version) => text(version).written(written.at()),
        None => Node::new(Form::Null),
    }
}

fn logging(root: &Written<'_>) -> Node {
    let types = root.get("cloudWatch").get("clusterLogging").get("enableTypes");
    const ALL: [&str; 5] = ["api", "audit", "authenticator", "controllerManager", "scheduler"];
    let asked: Vec<&str> = types.items().iter().filter_map(Written::str).collect();
    let all = asked.iter().any(|kind| matches!(*kind, "*" | "all"));
    let on: Vec<&str> = ALL.into_iter().filter(|kind| all || asked.contains(kind)).collect();
    let off: Vec<&str> = ALL.into_iter().filter(|kind| !on.contains(kind)).collect();
    let entries = [(on, true), (off, false)].into_iter().filter(|(types, _)| !types.is_empty());
    let entries = entries.map(|(types, enabled)| {
        object([
            ("types", list(types.into_iter().map(Node::text).collect())),
            ("enabled", Node::new(Form::Bool(enabled))),
        ])
    });
    object([("clusterLogging", list(entries.collect()))]).written(types.at())
}

fn encryption(root: &Written<'_>) -> Node {
    let key = root.get("secretsEncryption").get("keyARN");
    if !key.is_there() {
        return Node::new(Form::Null);
    }
    let entry =
        object([("resources", list(vec![Node::text("secrets")])), ("provider", object([("keyArn", key.node())]))]);
    list(vec![entry]).written(key.at())
}

#[cfg(test)]
mod tests;
