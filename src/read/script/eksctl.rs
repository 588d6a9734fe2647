//! What `eksctl` is told to make by its arguments.

use super::super::code::{ACCOUNT, At, Declared, Form, Node, PARTITION};
use super::super::eksctl::{Mapping, identity_mapping};
use super::super::shell::Word;
use super::super::written::{join, list, object, text};
use super::arguments::Arguments;
use crate::known::Text;

/// Declares what one command makes.
pub(super) fn declare(arguments: &Arguments, out: &mut Vec<Declared>) {
    let words: Vec<Option<String>> = arguments.plain.iter().map(Word::plain).collect();
    let word = |at: usize| words.get(at).and_then(Option::as_deref);
    let cluster = arguments.text(&["cluster", "c"]);
    let from_file = arguments.word(&["config-file", "f"]).is_some();
    match (word(0), word(1)) {
        (Some("create"), Some("cluster")) if !from_file => create_cluster(arguments, out),
        (Some("create"), Some("iamidentitymapping")) => {
            let service = arguments.word(&["service-name"]);
            let mapping = match service {
                Some(name) => Mapping::Service {
                    name: name.text(),
                    namespace: arguments.text(&["namespace", "n"]),
                    at: name.at(),
                },
                None => Mapping::Arn {
                    arn: arguments.node(&["arn"]),
                    username: arguments.node(&["username"]),
                    groups: match arguments.word(&["group"]) {
                        Some(group) => list(vec![group.node()]),
                        None => Node::new(Form::Null),
                    },
                    at: arguments.word(&["arn"]).and_then(Word::at),
                },
            };
            let cluster = cluster.unwrap_or_else(|| Text::hole("cluster"));
            identity_mapping(&cluster, &Text::hole(PARTITION), mapping, out);
        }
        (Some("utils"), Some("associate-iam-oidc-provider")) => {
            let Some(cluster) = cluster else { return };
            let at = arguments.word(&["cluster", "c"]).and_then(Word::at);
            out.push(provider(&cluster, at));
        }
        (Some("create"), Some("iamserviceaccount")) => service_account(arguments, out),
        (Some("create"), Some("podidentityassociation")) => {
            let Some(cluster) = arguments.word(&["cluster"]) else { return };
            let item = object([
                ("clusterName", cluster.node()),
                ("namespace", arguments.node(&["namespace"])),
                ("serviceAccount", arguments.node(&["service-account-name"])),
                ("roleArn", arguments.node(&["role-arn"])),
            ]);
            let at = arguments.word(&["service-account-name"]).and_then(Word::at);
            let item = item.written(at);
            out.push(Declared::Item { collection: "eks.podIdentityAssociations", cluster: Some(cluster.text()), item });
        }
        (Some("create"), Some("fargateprofile")) => {
            let Some(cluster) = arguments.word(&["cluster"]) else { return };
            let selector = object([("namespace", arguments.node(&["namespace"]))]);
            let item = object([
                ("fargateProfileName", arguments.node(&["name"])),
                ("clusterName", cluster.node()),
                ("selectors", list(vec![selector])),
            ]);
            let item = item.written(arguments.word(&["namespace"]).and_then(Word::at));
            out.push(Declared::Item { collection: "eks.fargateProfiles", cluster: Some(cluster.text()), item });
        }
        (Some("create"), Some("addon")) if !from_file => {
            let Some(cluster) = arguments.word(&["cluster"]) else { return };
            let item = object([
                ("addonName", arguments.node(&["name"])),
                ("clusterName", cluster.node()),
                ("addonVersion", arguments.node(&["version"])),
            ]);
            let item = item.written(arguments.word(&["name"]).and_then(Word::at));
            out.push(Declared::Item { collection: "eks.addons", cluster: Some(cluster.text()), item });
        }
        (Some("create"), Some("nodegroup")) if !from_file => {
            let Some(cluster) = arguments.word(&["cluster"]) else { return };
            node_group(arguments, &cluster.node(), out);
        }
        _ => {}
    }
}

/// The issuer of a cluster, without its scheme.
fn issuer(cluster: &Text) -> Text {
    Text::hole(format!("issuer of {cluster}"))
}

fn provider(cluster: &Text, at: Option<At>) -> Declared {
    let arn = join([
        "arn:".into(),
        Text::hole(PARTITION),
        ":iam::".into(),
        Text::hole(ACCOUNT),
        ":oidc-provider/".into(),
        issuer(cluster),
    ]);
    let item = object([
        ("Arn", text(arn)),
        ("Url", text(issuer(cluster))),
        ("ClientIDList", list(vec![Node::text("sts.amazonaws.com")])),
    ]);
    Declared::Item { collection: "iam.openIDConnectProviders", cluster: None, item: item.written(at) }
}

fn create_cluster(arguments: &Arguments, out: &mut Vec<Declared>) {
    let name = arguments.word(&["name"]).or_else(|| arguments.plain.get(2));
    let Some(name) = name else { return };
    let subnets: Vec<Node> = ["vpc-private-subnets", "vpc-public-subnets"]
        .iter()
        .filter_map(|option| arguments.options.get(*option))
        .flatten()
        .map(Word::node)
        .collect();
    let network = object([
        ("endpointPublicAccess", Node::new(Form::Bool(true)).written(name.at())),
        ("endpointPrivateAccess", Node::new(Form::Bool(false)).written(name.at())),
        ("publicAccessCidrs", list(vec![Node::text("0.0.0.0/0").written(name.at())])),
        ("subnetIds", if subnets.is_empty() { Node::new(Form::Null) } else { list(subnets) }),
    ]);
    let issuer_url = text(join(["https://".into(), issuer(&name.text())]));
    let item = object([
        ("name", name.node()),
        ("version", arguments.node(&["version"])),
        ("resourcesVpcConfig", network),
        ("identity", object([("oidc", object([("issuer", issuer_url.written(name.at()))]))])),
        ("accessConfig", object([("authenticationMode", Node::text("API_AND_CONFIG_MAP").written(name.at()))])),
    ]);
    out.push(Declared::Item { collection: "eks.clusters", cluster: Some(name.text()), item: item.written(name.at()) });
    if arguments.flag("with-oidc") {
        out.push(provider(&name.text(), name.at()));
    }
    if !arguments.flag("without-nodegroup") && !arguments.flag("fargate") {
        node_group(arguments, &name.node(), out);
    }
}

/// The node group that a command makes with its own arguments, and eksctl's documented defaults.
fn node_group(arguments: &Arguments, cluster: &Node, out: &mut Vec<Declared>) {
    let number = |names: &[&str]| -> Option<Node> {
        let word = arguments.word(names)?;
        let node = word.node();
        Some(match word.plain().and_then(|text| text.parse::<u64>().ok()) {
            Some(number) => Node::new(Form::Number(number.into())).written(node.at),
            None => node,
        })
    };
    let (nodes, least, most) = (number(&["nodes", "N"]), number(&["nodes-min", "m"]), number(&["nodes-max", "M"]));
    let given = |choices: [&Option<Node>; 3]| {
        choices.into_iter().flatten().next().cloned().unwrap_or_else(|| Node::new(Form::Number(2.into())))
    };
    let scaling = object([
        ("desiredSize", given([&nodes, &least, &most])),
        ("minSize", given([&least, &nodes, &most])),
        ("maxSize", given([&most, &nodes, &least])),
    ]);
    let types = match arguments.word(&["node-type", "instance-types", "t"]) {
        Some(word) => {
            let each = word.plain().map(|text| text.split(',').map(|one| Node::text(one).written(word.at())).collect());
            list(each.unwrap_or_else(|| vec![word.node()]))
        }
        None => list(vec![Node::text("m5.large")]),
    };
    let at = arguments.word(&["nodegroup-name", "node-type", "name"]).and_then(Word::at).or_else(|| cluster.at.clone());
    let made_up = || text(Text::hole("node group"));
    let name = arguments.word(&["nodegroup-name"]).map_or_else(made_up, Word::node);
    let ssh = if arguments.flag("ssh-access") {
        object([("ec2SshKey", Node::text("the key that eksctl imports"))])
            .written(arguments.word(&["ssh-public-key"]).and_then(Word::at))
    } else {
        Node::new(Form::Null)
    };
    let cluster_name = cluster.as_text().unwrap_or_default();
    let item = object([
        ("nodegroupName", name),
        ("clusterName", cluster.clone()),
        ("instanceTypes", types),
        ("scalingConfig", scaling),
        ("capacityType", Node::text(if arguments.flag("spot") { "SPOT" } else { "ON_DEMAND" })),
        ("remoteAccess", ssh),
    ]);
    out.push(Declared::Item { collection: "eks.nodegroups", cluster: Some(cluster_name), item: item.written(at) });
}

fn service_account(arguments: &Arguments, out: &mut Vec<Declared>) {
    let (Some(cluster), Some(name)) = (arguments.word(&["cluster"]), arguments.word(&["name"])) else { return };
    let namespace = arguments.word(&["namespace", "n"]);
    let namespace_text = namespace.map_or_else(|| "default".into(), Word::text);
    let given = arguments.word(&["attach-role-arn"]);
    let role_arn = match given {
        Some(arn) => arn.node(),
        None => {
            let role_name = arguments.text(&["role-name"]).unwrap_or_else(|| {
                join([
                    "eksctl-".into(),
                    cluster.text(),
                    Text::literal(format!("-addon-iamserviceaccount-{namespace_text}-{}-Role1-", name.text())),
                    Text::hole(format!("suffix of {}", name.text())),
                ])
            });
            let issuer_key = issuer(&cluster.text()).to_string();
            let subject = join(["system:serviceaccount:".into(), namespace_text.clone(), ":".into(), name.text()]);
            let condition = object([(
                "StringEquals",
                Node::new(Form::Object(vec![
                    (format!("{issuer_key}:sub"), text(subject)),
                    (format!("{issuer_key}:aud"), Node::text("sts.amazonaws.com")),
                ])),
            )]);
            let federated = join([
                "arn:".into(),
                Text::hole(PARTITION),
                ":iam::".into(),
                Text::hole(ACCOUNT),
                ":oidc-provider/".into(),
                issuer(&cluster.text()),
            ]);
            let statement = object([
                ("Effect", Node::text("Allow")),
                ("Principal", object([("Federated", text(federated))])),
                ("Action", Node::text("sts:AssumeRoleWithWebIdentity")),
                ("Condition", condition),
            ]);
            let trust = object([("Version", Node::text("2012-10-17")), ("Statement", list(vec![statement]))]);
            let attached = arguments.options.get("attach-policy-arn").into_iter().flatten();
            let attached = attached.map(|arn| object([("PolicyArn", arn.node())]).written(arn.at()));
            let arn = join([
                "arn:".into(),
                Text::hole(PARTITION),
                ":iam::".into(),
                Text::hole(ACCOUNT),
                ":role/".into(),
                role_name.clone(),
            ]);
            let role_at = arguments.word(&["role-name"]).unwrap_or(name).at();
            let item = object([
                ("RoleName", text(role_name).written(role_at.clone())),
                ("AssumeRolePolicyDocument", trust),
                ("AttachedManagedPolicies", list(attached.collect())),
            ]);
            out.push(Declared::Item { collection: "iam.roles", cluster: None, item: item.written(role_at) });
            text(arn).written(name.at())
        }
    };
    if arguments.flag("role-only") {
        return;
    }
    let annotations = Node::new(Form::Object(vec![("eks.amazonaws.com/role-arn".to_owned(), role_arn)]));
    let namespace = namespace.map_or_else(|| Node::text("default"), Word::node);
    let metadata = object([("name", name.node()), ("namespace", namespace), ("annotations", annotations)]);
    let item =
        object([("apiVersion", Node::text("v1")), ("kind", Node::text("ServiceAccount")), ("metadata", metadata)]);
    let item = item.written(name.at());
    out.push(Declared::Item { collection: "kubernetes.serviceAccounts", cluster: Some(cluster.text()), item });
}
