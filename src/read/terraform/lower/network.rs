//! The network that clusters stand in: security groups with their rules, subnets; and who EMR lets in.

use super::{Kind, Out, Resource, Value, number, object, or, text, truth};

/// Whether anything comes of a resource of this type.
pub(super) fn wanted(kind: &str) -> bool {
    matches!(
        kind,
        "aws_security_group"
            | "aws_default_security_group"
            | "aws_security_group_rule"
            | "aws_vpc_security_group_ingress_rule"
            | "aws_vpc_security_group_egress_rule"
            | "aws_subnet"
            | "aws_vpc"
    )
}

pub(super) fn lower(resource: &Resource, out: &mut Out) {
    match resource.kind.as_str() {
        "aws_security_group" | "aws_default_security_group" => {
            let item = object(
                resource.spot,
                [
                    ("GroupId", resource.or_hole("id")),
                    ("GroupName", resource.get("name")),
                    ("VpcId", resource.get("vpc_id")),
                    ("IpPermissions", rules(resource, "ingress")),
                    ("IpPermissionsEgress", rules(resource, "egress")),
                    ("Tags", resource.tags()),
                ],
            );
            out.item("ec2.securityGroups", &item);
        }
        "aws_security_group_rule" => {
            let field = match resource.get("type").as_string().as_deref() {
                Some("ingress") => "IpPermissions",
                Some("egress") => "IpPermissionsEgress",
                _ => return,
            };
            let rule = rule(&resource.body, &resource.get("security_group_id"));
            out.part("ec2.securityGroups", "GroupId", &resource.get("security_group_id"), field, &rule);
        }
        "aws_vpc_security_group_ingress_rule" | "aws_vpc_security_group_egress_rule" => {
            let ingress = resource.kind.contains("ingress");
            let field = if ingress { "IpPermissions" } else { "IpPermissionsEgress" };
            let body = &resource.body;
            let one = |name: &str, key: &'static str| {
                let list = body.get(name).map(|value| object(value.spot, [(key, value.clone())]));
                Value::list(list.into_iter().collect(), resource.spot)
            };
            let rule = object(
                resource.spot,
                [
                    ("IpProtocol", or(body.get("ip_protocol"), Value::NULL)),
                    ("FromPort", body.get("from_port").map_or(Value::NULL, number)),
                    ("ToPort", body.get("to_port").map_or(Value::NULL, number)),
                    ("IpRanges", one("cidr_ipv4", "CidrIp")),
                    ("Ipv6Ranges", one("cidr_ipv6", "CidrIpv6")),
                    ("UserIdGroupPairs", one("referenced_security_group_id", "GroupId")),
                ],
            );
            out.part("ec2.securityGroups", "GroupId", &resource.get("security_group_id"), field, &rule);
        }
        "aws_vpc" => {
            let on = |name: &str, otherwise: bool| {
                resource.body.get(name).map_or_else(|| Value::truth(otherwise, resource.spot), truth)
            };
            let item = object(
                resource.spot,
                [
                    ("VpcId", resource.or_hole("id")),
                    ("EnableDnsSupport", on("enable_dns_support", true)),
                    ("EnableDnsHostnames", on("enable_dns_hostnames", false)),
                ],
            );
            out.item("ec2.vpcs", &item);
        }
        "aws_subnet" => {
            let item = object(
                resource.spot,
                [
                    ("SubnetId", resource.or_hole("id")),
                    ("VpcId", resource.get("vpc_id")),
                    ("CidrBlock", resource.get("cidr_block")),
                    ("AvailabilityZone", resource.get("availability_zone")),
                    (
                        "MapPublicIpOnLaunch",
                        resource
                            .body
                            .get("map_public_ip_on_launch")
                            .map_or_else(|| Value::truth(false, resource.spot), truth),
                    ),
                    ("Tags", resource.tags()),
                ],
            );
            out.item("ec2.subnets", &item);
        }
        _ => {}
    }
}

fn rules(resource: &Resource, name: &str) -> Value {
    let own = resource.or_hole("id");
    let blocks = resource.body.blocks(name);
    let spot = blocks.first().and_then(|block| block.spot).or(resource.spot);
    let rules = blocks.iter().map(|block| match &block.kind {
        Kind::Object(_) => rule(block, &own),
        _ => crate::read::terraform::eval::more_of(&block.shown()),
    });
    Value::list(rules.collect(), spot)
}

/// A rule in a block as the API prints it.
fn rule(block: &Value, own: &Value) -> Value {
    let each = |names: &[&str], key: &'static str| {
        let mut list = Vec::new();
        for name in names {
            let Some(value) = block.get(name) else { continue };
            match &value.kind {
                Kind::List(items) => list.extend(items.iter().map(|item| match &item.kind {
                    Kind::More(_) => item.clone(),
                    _ => object(item.spot, [(key, item.clone())]),
                })),
                // Which of them there are is not known.
                _ if value.why().is_some() && !name.ends_with("_id") => {
                    list.push(crate::read::terraform::eval::more_of(&value.shown()));
                }
                _ => list.push(object(value.spot, [(key, value.clone())])),
            }
        }
        list
    };
    let mut groups = each(&["security_groups", "source_security_group_id"], "GroupId");
    if block.get("self").and_then(Value::as_bool) == Some(true) {
        groups.push(object(block.spot, [("GroupId", own.clone())]));
    }
    let protocol = or(block.get("protocol"), Value::NULL);
    // The number of a protocol and the word for all of them mean the same.
    let protocol = if text(&protocol).as_str() == Some("all") { Value::text("-1", protocol.spot) } else { protocol };
    let every = protocol.as_string().as_deref() == Some("-1");
    let port = |name: &str| if every { Value::NULL } else { block.get(name).map_or(Value::NULL, number) };
    object(
        block.spot,
        [
            ("IpProtocol", protocol),
            ("FromPort", port("from_port")),
            ("ToPort", port("to_port")),
            ("IpRanges", Value::list(each(&["cidr_blocks"], "CidrIp"), block.spot)),
            ("Ipv6Ranges", Value::list(each(&["ipv6_cidr_blocks"], "CidrIpv6"), block.spot)),
            ("PrefixListIds", Value::list(each(&["prefix_list_ids"], "PrefixListId"), block.spot)),
            ("UserIdGroupPairs", Value::list(groups, block.spot)),
        ],
    )
}
