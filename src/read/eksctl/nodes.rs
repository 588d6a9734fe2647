//! Node groups, managed and not, in the words of the EKS API.

use super::super::code::{Declared, Form, Node};
use super::super::written::{Written, list, object, text};
use super::Config;
use crate::known::Text;

impl Config<'_> {
    pub(super) fn node_group(&self, group: &Written<'_>, managed: bool, out: &mut Vec<Declared>) {
        let name = group.get("name");
        let (one, many, mixed) =
            (group.get("instanceType"), group.get("instanceTypes"), group.get("instancesDistribution"));
        let types = if many.is_there() {
            many.node()
        } else if mixed.get("instanceTypes").is_there() {
            mixed.get("instanceTypes").node()
        } else if group.get("instanceSelector").is_there() {
            Node::unknown("what the instance selector chooses").written(group.get("instanceSelector").at())
        } else if one.is_there() {
            list(vec![one.node()]).written(one.at())
        } else if group.get("launchTemplate").is_there() {
            Node::unknown("the launch template").written(group.get("launchTemplate").at())
        } else {
            list(vec![Node::text("m5.large")]).written(name.at())
        };
        let (desired, least, most) = (group.get("desiredCapacity"), group.get("minSize"), group.get("maxSize"));
        let given = |choices: [&Written<'_>; 3]| {
            choices
                .into_iter()
                .find(|choice| choice.is_there())
                .map_or_else(|| Node::new(Form::Number(2.into())).written(name.at()), Written::node)
        };
        let scaling = object([
            ("desiredSize", given([&desired, &least, &most])),
            ("minSize", given([&least, &desired, &most])),
            ("maxSize", given([&most, &desired, &least])),
        ]);
        let spot = group.get("spot");
        let on_spot = spot.truth() == Some(true)
            || mixed.get("onDemandPercentageAboveBaseCapacity").value.as_u64() == Some(0)
                && mixed.get("onDemandBaseCapacity").value.as_u64().unwrap_or(0) == 0;
        let capacity = match spot.text() {
            Some(text) if text.as_str().is_none() => spot.node(),
            _ => Node::text(if on_spot { "SPOT" } else { "ON_DEMAND" }).written(if spot.is_there() {
                spot.at()
            } else {
                name.at()
            }),
        };
        let ssh = group.get("ssh");
        let open = ssh.get("allow").truth() == Some(true);
        let remote = if open {
            object([
                ("ec2SshKey", Node::text("the key that eksctl imports")),
                ("sourceSecurityGroups", ssh.get("sourceSecurityGroupIds").node()),
            ])
            .written(ssh.get("allow").at())
        } else {
            Node::new(Form::Null)
        };
        let volume = group.get("volumeSize");
        let volume =
            if volume.is_there() { volume.node() } else { Node::new(Form::Number(80.into())).written(name.at()) };
        let private = group.get("privateNetworking");
        let subnets = group.get("subnets");
        let role = group.get("iam").get("instanceRoleARN");
        let role = if role.is_there() {
            role.node()
        } else {
            Node::unknown(format!("the node role of {}", name.text().unwrap_or_default()))
        };
        out.push(
            self.item(
                "eks.nodegroups",
                object([
                    ("nodegroupName", name.node()),
                    ("clusterName", self.cluster_name()),
                    ("instanceTypes", types),
                    ("amiType", ami(group, &one)),
                    ("scalingConfig", scaling),
                    ("capacityType", capacity),
                    ("labels", group.get("labels").node()),
                    ("taints", taints(&group.get("taints"))),
                    ("diskSize", volume),
                    ("nodeRole", role),
                    ("attachPolicyARNs", group.get("iam").get("attachPolicyARNs").node()),
                    ("subnets", if subnets.value.is_array() { subnets.node() } else { Node::new(Form::Null) }),
                    ("privateNetworking", private.node()),
                    ("remoteAccess", remote),
                    ("tags", group.get("tags").node()),
                    ("selfManaged", if managed { Node::new(Form::Null) } else { Node::new(Form::Bool(true)) }),
                ])
                .written(name.at()),
            ),
        );
    }
}

/// The AMI type of a node group whose family of images is written.
fn ami(group: &Written<'_>, instance_type: &Written<'_>) -> Node {
    let family = group.get("amiFamily");
    let arm = instance_type.str().and_then(|name| name.split('.').next()).is_some_and(|name| {
        let digits = name.find(|c: char| c.is_ascii_digit());
        digits.and_then(|at| name.get(at..)).is_some_and(|end| end.contains('g'))
    });
    let ami = match family.str() {
        Some("AmazonLinux2") => {
            if arm {
                "AL2_ARM_64"
            } else {
                "AL2_x86_64"
            }
        }
        Some("AmazonLinux2023") => {
            if arm {
                "AL2023_ARM_64_STANDARD"
            } else {
                "AL2023_x86_64_STANDARD"
            }
        }
        Some("Bottlerocket") => {
            if arm {
                "BOTTLEROCKET_ARM_64"
            } else {
                "BOTTLEROCKET_x86_64"
            }
        }
        _ => return Node::new(Form::Null),
    };
    Node::text(ami).written(family.at())
}

/// Taints in the words of the EKS API, from either form of the file.
fn taints(written: &Written<'_>) -> Node {
    let effect = |effect: Option<Text>| match effect {
        Some(effect) => match effect.as_str() {
            Some("NoSchedule") => Node::text("NO_SCHEDULE"),
            Some("NoExecute") => Node::text("NO_EXECUTE"),
            Some("PreferNoSchedule") => Node::text("PREFER_NO_SCHEDULE"),
            _ => text(effect),
        },
        None => Node::new(Form::Null),
    };
    let mut taints = Vec::new();
    for taint in written.items() {
        taints.push(
            object([
                ("key", taint.get("key").node()),
                ("value", taint.get("value").node()),
                ("effect", effect(taint.get("effect").text())),
            ])
            .written(taint.at()),
        );
    }
    for (key, value) in written.entries() {
        let Some(both) = value.str() else { continue };
        let (of, how) = both.split_once(':').unwrap_or(("", both));
        taints.push(
            object([("key", Node::text(key)), ("value", Node::text(of)), ("effect", effect(Some(how.into())))])
                .written(value.at()),
        );
    }
    if taints.is_empty() { Node::new(Form::Null) } else { list(taints).written(written.at()) }
}
