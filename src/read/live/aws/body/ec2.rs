//! The answers of EC2, as the AWS CLI prints them.
//!
//! EC2 writes `<subnetSet><item>…` where the CLI prints `"Subnets": [{…}]`: names begin with a capital, and
//! lists, whose items are all called `item`, have names of their own ([`LISTS`]).
//!
//! Deliberately absent: what other calls than those of the table answer.

use super::{parsed, time};
use serde_json::{Map, Value};

/// Lists, and what the CLI calls them where that is not their name with a capital.
const LISTS: [(&str, &str); 24] = [
    ("subnetSet", "Subnets"),
    ("ipv6CidrBlockAssociationSet", ""),
    ("tagSet", "Tags"),
    ("routeTableSet", "RouteTables"),
    ("associationSet", "Associations"),
    ("routeSet", "Routes"),
    ("propagatingVgwSet", "PropagatingVgws"),
    ("vpcEndpointSet", "VpcEndpoints"),
    ("routeTableIdSet", "RouteTableIds"),
    ("subnetIdSet", "SubnetIds"),
    ("groupSet", "Groups"),
    ("networkInterfaceIdSet", "NetworkInterfaceIds"),
    ("dnsEntrySet", "DnsEntries"),
    ("ipv4PrefixSet", "Ipv4Prefixes"),
    ("ipv6PrefixSet", "Ipv6Prefixes"),
    ("securityGroupInfo", "SecurityGroups"),
    ("ipPermissions", ""),
    ("ipPermissionsEgress", ""),
    ("groups", "UserIdGroupPairs"),
    ("ipRanges", ""),
    ("ipv6Ranges", ""),
    ("prefixListIds", ""),
    ("privateDnsSpecifiedDomainSet", "PrivateDnsSpecifiedDomains"),
    ("subnetConfigurationSet", "SubnetConfigurations"),
];

/// Single things that the CLI calls otherwise.
const OTHERS: [(&str, &str); 1] = [("groupDescription", "Description")];

const NUMBERS: [&str; 4] = ["availableIpAddressCount", "enableLniAtDeviceIndex", "fromPort", "toPort"];

/// What people write, which may read like a truth.
const TEXTS: [&str; 4] = ["key", "value", "description", "groupDescription"];

/// The answer itself, without the id of the request.
pub(super) fn of_xml(text: &str) -> Result<Value, String> {
    let document = parsed(text)?;
    let root = document.root_element();
    if !root.tag_name().name().ends_with("Response") {
        return Err("it is no response".to_owned());
    }
    let Value::Object(mut map) = object(root) else { return Err("it is not an object".to_owned()) };
    map.remove("RequestId");
    Ok(map.into())
}

fn object(node: roxmltree::Node<'_, '_>) -> Value {
    let parts = node.children().filter(roxmltree::Node::is_element);
    parts.map(|part| (name(part.tag_name().name()), value(part))).collect::<Map<_, _>>().into()
}

fn value(node: roxmltree::Node<'_, '_>) -> Value {
    let name = node.tag_name().name();
    let mut parts = node.children().filter(roxmltree::Node::is_element).peekable();
    if LISTS.iter().any(|(list, _)| *list == name) {
        return parts.map(value).collect();
    }
    if parts.peek().is_some() {
        return match parts.clone().all(|part| part.has_tag_name((part.tag_name().namespace().unwrap_or(""), "item"))) {
            true if name != "item" => parts.map(value).collect(),
            _ => object(node),
        };
    }
    let text: String = node.children().filter_map(|part| part.text()).collect();
    match text.as_str() {
        _ if TEXTS.contains(&name) => text.into(),
        "true" => true.into(),
        "false" => false.into(),
        digits if NUMBERS.contains(&name) => digits.parse::<i64>().map_or_else(|_| text.clone().into(), Value::from),
        moment if name.ends_with("Timestamp") || name.ends_with("Time") => point(moment).unwrap_or(text).into(),
        _ => text.into(),
    }
}

fn name(element: &str) -> String {
    let other = LISTS.iter().chain(&OTHERS).find(|(known, other)| *known == element && !other.is_empty());
    if let Some((_, other)) = other {
        return (*other).to_owned();
    }
    let mut letters = element.chars();
    letters.next().map(|first| first.to_ascii_uppercase().to_string() + letters.as_str()).unwrap_or_default()
}

/// A point in time as the CLI prints it.
fn point(text: &str) -> Option<String> {
    let moment: jiff::Timestamp = text.parse().ok()?;
    time(moment.as_duration().as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn lists_truths_and_numbers_are_told_from_texts() {
        let text = r#"<DescribeSecurityGroupsResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>r</requestId>
            <nextToken>t</nextToken><securityGroupInfo><item><groupId>sg-1</groupId><groupDescription>true</groupDescription>
            <ipPermissions><item><fromPort>443</fromPort><ipRanges/><groups><item><groupId>sg-2</groupId></item></groups></item></ipPermissions>
            <ipPermissionsEgress/><tagSet><item><key>for-use-with</key><value>true</value></item></tagSet></item></securityGroupInfo>
            </DescribeSecurityGroupsResponse>"#;
        assert_eq!(
            of_xml(text).unwrap(),
            json!({"NextToken": "t", "SecurityGroups": [{"GroupId": "sg-1", "Description": "true",
                "IpPermissions": [{"FromPort": 443, "IpRanges": [], "UserIdGroupPairs": [{"GroupId": "sg-2"}]}],
                "IpPermissionsEgress": [], "Tags": [{"Key": "for-use-with", "Value": "true"}]}]})
        );
        assert_eq!(
            of_xml("<R2Response><vpcEndpointSet><item><creationTimestamp>2026-01-02T03:04:05.000Z</creationTimestamp><privateDnsEnabled>true</privateDnsEnabled></item></vpcEndpointSet></R2Response>").unwrap(),
            json!({"VpcEndpoints": [{"CreationTimestamp": "2026-01-02T03:04:05+00:00", "PrivateDnsEnabled": true}]})
        );
        for text in ["", "<a>", "<a/>", "no", &"<a>".repeat(100_000)] {
            assert!(of_xml(text).is_err(), "{text:.40}");
        }
    }
}
