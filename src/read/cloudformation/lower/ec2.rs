//! Subnets, security groups and route tables, as far as clusters stand in them.

use super::shape::{items, list, number, of_text, tag_list, text, truth};
use super::{Fields, It, Lowered};
use crate::known::Text;
use crate::read::code::{Declared, Form, Node};

pub(super) fn subnet(it: &It<'_, '_, '_>, out: &mut Lowered) {
    let public = it.own("MapPublicIpOnLaunch").map_or_else(|| Node::new(Form::Bool(false)).written(it.at()), truth);
    let mut fields = it.fields();
    fields
        .put("SubnetId", Some(of_text(it.reference()).written(it.at())))
        .put("VpcId", it.own("VpcId"))
        .put("CidrBlock", it.own("CidrBlock"))
        .put("AvailabilityZone", it.own("AvailabilityZone"))
        .put("MapPublicIpOnLaunch", Some(public))
        .put("Tags", Some(it.own("Tags").map_or_else(|| list(Vec::new(), it.at()), tag_list)));
    out.item("ec2.subnets", fields.node());
}

pub(super) fn vpc(it: &It<'_, '_, '_>, out: &mut Lowered) {
    let on = |key: &str, otherwise: bool| {
        it.own(key).map_or_else(|| Node::new(Form::Bool(otherwise)).written(it.at()), truth)
    };
    let mut fields = it.fields();
    fields
        .put("VpcId", Some(of_text(it.reference()).written(it.at())))
        .put("EnableDnsSupport", Some(on("EnableDnsSupport", true)))
        .put("EnableDnsHostnames", Some(on("EnableDnsHostnames", false)));
    out.item("ec2.vpcs", fields.node());
}

pub(super) fn security_group(it: &It<'_, '_, '_>, out: &mut Lowered) {
    let rules = it.get("SecurityGroupIngress").map(items).unwrap_or_default().iter().map(rule);
    let mut fields = it.fields();
    fields
        .put("GroupId", Some(of_text(it.attribute("GroupId")).written(it.at())))
        .put("GroupName", it.own("GroupName"))
        .put("Description", it.own("GroupDescription"))
        .put("VpcId", it.own("VpcId"))
        .put(
            "IpPermissions",
            Some(list(rules.collect(), it.get("SecurityGroupIngress").and_then(|node| node.at.clone()))),
        )
        .put("Tags", Some(it.own("Tags").map_or_else(|| list(Vec::new(), it.at()), tag_list)));
    out.item("ec2.securityGroups", fields.node());
}

pub(super) fn ingress(it: &It<'_, '_, '_>, out: &mut Lowered) {
    if let Some(group) = it.text("GroupId") {
        let part = rule(&it.properties).written(it.at());
        out.part("ec2.securityGroups", "GroupId", group, "IpPermissions", part);
    }
}

/// A rule as the API prints it: ranges in lists.
fn rule(given: &Node) -> Node {
    if !matches!(given.form, Form::Object(_)) {
        return given.clone();
    }
    let own = |key: &str| given.get(key).filter(|node| !matches!(node.form, Form::Null)).cloned();
    let ranges = |key: &str| {
        let all = own(key).map(|node| {
            let mut fields = Fields::at(node.at.clone());
            fields.put(key, Some(node)).put("Description", own("Description"));
            fields.node()
        });
        list(all.into_iter().collect(), None)
    };
    let pairs = own("SourceSecurityGroupId").map(|node| {
        let mut fields = Fields::at(node.at.clone());
        fields.put("GroupId", Some(node));
        fields.node()
    });
    let mut fields = Fields::at(given.at.clone());
    fields
        .put("IpProtocol", own("IpProtocol").map(text))
        .put("FromPort", own("FromPort").map(number))
        .put("ToPort", own("ToPort").map(number))
        .put("IpRanges", Some(ranges("CidrIp")))
        .put("Ipv6Ranges", Some(ranges("CidrIpv6")))
        .put("UserIdGroupPairs", Some(list(pairs.into_iter().collect(), None)));
    fields.node()
}

pub(super) fn route_table(it: &It<'_, '_, '_>, out: &mut Lowered) {
    let mut fields = it.fields();
    fields
        .put("RouteTableId", Some(of_text(it.reference()).written(it.at())))
        .put("VpcId", it.own("VpcId"))
        .put("Tags", it.own("Tags").map(tag_list));
    out.item("ec2.routeTables", fields.node());
}

pub(super) fn route(it: &It<'_, '_, '_>, out: &mut Lowered) {
    let Some(table) = it.text("RouteTableId") else { return };
    let mut fields = it.fields();
    for key in ["DestinationCidrBlock", "DestinationIpv6CidrBlock", "GatewayId", "NatGatewayId", "TransitGatewayId"] {
        fields.put(key, it.own(key));
    }
    out.tables.entry(table).or_default().0.push(fields.node());
}

pub(super) fn association(it: &It<'_, '_, '_>, out: &mut Lowered) {
    let Some(table) = it.text("RouteTableId") else { return };
    let mut fields = it.fields();
    fields.put("SubnetId", it.own("SubnetId")).put("Main", Some(Node::new(Form::Bool(false))));
    out.tables.entry(table).or_default().1.push(fields.node());
}

/// Puts routes and associations into the tables that are declared.
pub(super) fn tables(out: &mut Lowered) {
    let mut tables = std::mem::take(&mut out.tables);
    for declared in &mut out.declared {
        let Declared::Item { collection: "ec2.routeTables", item, .. } = declared else { continue };
        let id: Option<Text> = item.get("RouteTableId").and_then(Node::as_text);
        let (routes, associations) = id.and_then(|id| tables.remove(&id)).unwrap_or_default();
        if let Form::Object(fields) = &mut item.form {
            fields.push(("Routes".to_owned(), Node::new(Form::List(routes))));
            fields.push(("Associations".to_owned(), Node::new(Form::List(associations))));
        }
    }
    for (table, (routes, associations)) in tables {
        for (field, parts) in [("Routes", routes), ("Associations", associations)] {
            for part in parts {
                out.part("ec2.routeTables", "RouteTableId", table.clone(), field, part);
            }
        }
    }
}
