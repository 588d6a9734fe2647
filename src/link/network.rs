//! What can be reached from a subnet: by its route table, and by the endpoints of its VPC.
//!
//! The subnets in which workers or nodes will run become items of `network`, those of one route table
//! together: how the default route leads out, how S3 is reached, and which services have an interface
//! endpoint with a private name. A subnet that was not exported is left out where nobody named it for
//! this rollout, and unknown where the rollout itself names it.
//!
//! Deliberately absent: security groups and network ACLs, which may close what a route opens.

use super::reference::{Found, Wanted, lookup};
use super::{Draft, draft_alias};
use crate::estate::Estate;
use crate::known::Unknown;
use serde_json::Value;
use std::collections::BTreeSet;

/// Who is going to be in the subnets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tenants {
    /// Interfaces that never have a public address: workers of EMR Serverless.
    Interfaces,
    /// Instances, which have one where the subnet gives it.
    Instances,
    /// Instances that EMR launches, with a public address wherever a route leads to an internet gateway.
    Cluster,
}

/// Puts in `network`: the subnets of these ids, each with the pointer of where it is named.
pub(super) fn network(estate: &Estate, ids: Vec<(String, String)>, tenants: Tenants, draft: &mut Draft) {
    let (Some(account), Some(region)) = (draft.text("account"), draft.text("region")) else { return };
    let scope = format!("{account}/{region}");
    let mut list: Vec<Draft> = Vec::new();
    for (id, named_at) in ids {
        let wanted = Wanted { collection: "ec2.subnets", scope: &scope, namespace: None };
        let mut item = Draft::default();
        match lookup(estate, wanted, |subnet| subnet["SubnetId"] == id.as_str()) {
            Found::At(subnet, at) => {
                item.set_at("SubnetId", id.as_str(), format!("{at}/SubnetId"));
                item.set("VpcId", subnet["VpcId"].clone());
                if !subnet["AvailableIpAddressCount"].is_null() {
                    item.set("AvailableIpAddressCount", subnet["AvailableIpAddressCount"].clone());
                }
                reach(estate, &scope, subnet, tenants, &mut item);
                // Whoever exported no route tables did not ask what can be reached.
                if tenants == Tenants::Cluster && item.object.get("wayOut").and_then(Unknown::of).is_some() {
                    continue;
                }
            }
            // That a subnet does not exist is for AWS to say: its id is given, never chosen.
            Found::Nothing => continue,
            Found::Unknown(unknown) if tenants == Tenants::Interfaces => {
                item.set_at("SubnetId", id.as_str(), named_at);
                for name in ["wayOut", "wayToS3"] {
                    item.set(name, unknown.to_value());
                }
            }
            Found::Unknown(_) => continue,
        }
        let alike = |known: &&mut Draft| {
            ["RouteTableId", "VpcId", "wayOut", "wayToS3"]
                .iter()
                .all(|name| known.object.get(*name) == item.object.get(*name))
        };
        if let Some(known) = list.iter_mut().find(alike) {
            let subnets = format!("{}, `{id}`", known.text("subnets").unwrap_or_default());
            known.set("subnets", subnets);
            // Of subnets that are alike, the one with the fewest addresses speaks for them.
            let left = |item: &Draft| item.object.get("AvailableIpAddressCount").and_then(Value::as_u64);
            if left(&item).is_some_and(|count| left(known).is_some_and(|least| count < least)) {
                let at = draft_alias(&item, "/SubnetId", "");
                known.set_at("SubnetId", id.as_str(), at);
                known.set("AvailableIpAddressCount", left(&item).unwrap_or_default());
            }
        } else {
            item.set("subnets", format!("`{id}`"));
            list.push(item);
        }
    }
    draft.set_drafts("network", list);
}

/// The ids in a list of texts at a pointer inside something that was put into the draft.
pub(super) fn ids(draft: &Draft, inside: &str, below: &str) -> Vec<(String, String)> {
    let list = draft.object.get(inside).and_then(|value| value.pointer(below)).and_then(Value::as_array);
    let texts = list.into_iter().flatten().enumerate().filter_map(|(at, id)| Some((at, id.as_str()?.to_owned())));
    texts.map(|(at, id)| (id, draft_alias(draft, &format!("/{inside}"), &format!("{below}/{at}")))).collect()
}

fn reach(estate: &Estate, scope: &str, subnet: &Value, tenants: Tenants, item: &mut Draft) {
    let endpoints = endpoints(estate, scope, subnet);
    let table = match table(estate, scope, subnet) {
        Ok(table) => table,
        Err(unknown) => {
            for name in ["wayOut", "wayToS3"] {
                item.set(name, unknown.to_value());
            }
            return;
        }
    };
    item.set("RouteTableId", table["RouteTableId"].clone());
    let public = match tenants {
        Tenants::Interfaces => false,
        Tenants::Instances => subnet["MapPublicIpOnLaunch"] == true,
        Tenants::Cluster => true,
    };
    let way_out = way_out(table, public);
    item.set("wayOut", way_out);
    let gateway = |endpoint: &&Value| {
        let tables = endpoint["RouteTableIds"].as_array();
        is_of(endpoint, "s3") && tables.into_iter().flatten().any(|id| *id == table["RouteTableId"])
    };
    let to_s3 = if way_out != "none" {
        way_out.into()
    } else if endpoints.known.iter().any(|endpoint| gateway(endpoint) || is_of(endpoint, "s3") && is_private(endpoint))
    {
        "endpoint".into()
    } else {
        endpoints.more.as_ref().map_or_else(|| "none".into(), Unknown::to_value)
    };
    item.set("wayToS3", to_s3);
    let services = endpoints.known.iter().filter(|endpoint| is_private(endpoint)).filter_map(|it| service(it));
    let services: Vec<Value> = services.map(Value::from).chain(endpoints.more.map(|more| more.to_value())).collect();
    item.set("endpoints", services);
}

/// The route table of a subnet: its own, or else its VPC's main one.
fn table<'e>(estate: &'e Estate, scope: &str, subnet: &Value) -> Result<&'e Value, Unknown> {
    let tables = estate.items("ec2.routeTables");
    let has =
        |table: &Value, is: &dyn Fn(&Value) -> bool| table["Associations"].as_array().into_iter().flatten().any(is);
    let own = tables.iter().find(|table| has(table, &|it| it["SubnetId"] == subnet["SubnetId"]));
    // Only when all tables are there is it certain that none is the subnet's own.
    match (own, estate.incomplete("ec2.routeTables", scope, None)) {
        (Some(table), _) => Ok(table),
        (None, Some(unknown)) => Err(unknown),
        (None, None) => {
            let main =
                tables.iter().find(|table| table["VpcId"] == subnet["VpcId"] && has(table, &|it| it["Main"] == true));
            main.ok_or_else(|| Unknown { why: "the VPC's main route table was not listed".into(), unblock: None })
        }
    }
}

/// Where the default route of IPv4 leads.
fn way_out(table: &Value, public: bool) -> &'static str {
    let routes = table["Routes"].as_array().into_iter().flatten();
    let default = routes.filter(|route| route["DestinationCidrBlock"] == "0.0.0.0/0" && route["State"] != "blackhole");
    let lead = |route: &Value| match route["GatewayId"].as_str() {
        Some(id) if id.starts_with("igw-") => {
            if public {
                "an internet gateway"
            } else {
                "none"
            }
        }
        _ if route["NatGatewayId"].is_string() => "a NAT gateway",
        // A transit gateway, a peering or an appliance may lead on to anywhere.
        _ => "another network",
    };
    default.map(lead).find(|lead| *lead != "none").unwrap_or("none")
}

/// The endpoints of a VPC that work, and why there may be more.
struct Endpoints<'e> {
    known: Vec<&'e Value>,
    more: Option<Unknown>,
}

fn endpoints<'e>(estate: &'e Estate, scope: &str, subnet: &Value) -> Endpoints<'e> {
    let works = |endpoint: &&Value| {
        let state = endpoint["State"].as_str().unwrap_or("available");
        endpoint["VpcId"] == subnet["VpcId"] && state.eq_ignore_ascii_case("available")
    };
    let all = estate.items("ec2.vpcEndpoints");
    let known = all.iter().filter(works).collect();
    let mut more = estate.incomplete("ec2.vpcEndpoints", scope, None);
    // A list that was asked for by VPC looks like a whole one, and shows only that VPC.
    let vpcs: BTreeSet<Option<&str>> = all.iter().map(|endpoint| endpoint["VpcId"].as_str()).collect();
    if vpcs.len() == 1 && !vpcs.contains(&subnet["VpcId"].as_str()) {
        more = Some(Unknown {
            why: "only the endpoints of another VPC were listed".into(),
            unblock: Some("run `aws ec2 describe-vpc-endpoints` without a filter".into()),
        });
    }
    Endpoints { known, more }
}

/// The service of an endpoint without what comes before it: `ecr.api` of `com.amazonaws.eu-west-1.ecr.api`.
fn service(endpoint: &Value) -> Option<&str> {
    let name = endpoint["ServiceName"].as_str()?;
    name.strip_prefix("cn.").unwrap_or(name).strip_prefix("com.amazonaws.")?.split_once('.').map(|(_, name)| name)
}

fn is_of(endpoint: &Value, name: &str) -> bool {
    service(endpoint) == Some(name)
}

/// Whether programs reach the endpoint by the service's usual name.
fn is_private(endpoint: &Value) -> bool {
    endpoint["VpcEndpointType"] == "Interface" && endpoint["PrivateDnsEnabled"] == true
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn default_routes_lead_out_or_not() {
        let to = |key: &str, value: &str| json!({"Routes": [{"DestinationCidrBlock": "0.0.0.0/0", key: value}]});
        for (table, public, expected) in [
            (json!({"Routes": [{"DestinationCidrBlock": "10.0.0.0/16", "GatewayId": "local"}]}), true, "none"),
            (to("GatewayId", "igw-1"), true, "an internet gateway"),
            (to("GatewayId", "igw-1"), false, "none"),
            (to("NatGatewayId", "nat-1"), false, "a NAT gateway"),
            (to("TransitGatewayId", "tgw-1"), false, "another network"),
            (to("GatewayId", "vgw-1"), false, "another network"),
            (
                json!({"Routes": [{"DestinationCidrBlock": "0.0.0.0/0", "NatGatewayId": "nat-1", "State": "blackhole"}]}),
                false,
                "none",
            ),
            (json!({}), false, "none"),
        ] {
            assert_eq!(way_out(&table, public), expected, "{table}");
        }
    }

    #[test]
    fn services_of_endpoints() {
        for (name, expected) in [
            ("com.amazonaws.eu-west-1.ecr.api", Some("ecr.api")),
            ("cn.com.amazonaws.cn-north-1.sts", Some("sts")),
            ("com.amazonaws.vpce.eu-west-1.vpce-svc-0", Some("eu-west-1.vpce-svc-0")),
            ("aws.sagemaker.eu-west-1.notebook", None),
        ] {
            assert_eq!(service(&json!({"ServiceName": name})), expected, "{name}");
        }
    }
}
