//! How services write what the AWS CLI prints: points in time as seconds, and the XML of IAM and EC2.

use serde_json::Value;

/// Points in time as seconds.
pub(super) fn seconds(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(seconds),
        Value::Object(map) => {
            for (key, value) in map {
                let is_time = ["At", "Date", "DateTime"].iter().any(|end| key.ends_with(end));
                match value.as_str().filter(|_| is_time).and_then(|text| text.parse::<jiff::Timestamp>().ok()) {
                    #[expect(clippy::cast_precision_loss, reason = "milliseconds of this century are exact")]
                    Some(time) => *value = (time.as_millisecond() as f64 / 1000.0).into(),
                    None => seconds(value),
                }
            }
        }
        _ => {}
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// An output of IAM as the API writes it: policies are encoded for URLs.
pub(super) fn xml(value: &Value, out: &mut String) {
    let Value::Object(map) = value else {
        match value {
            Value::String(text) => out.push_str(&escaped(text)),
            other => out.push_str(&other.to_string()),
        }
        return;
    };
    for (key, value) in map {
        out.push_str(&format!("<{key}>"));
        if ["AssumeRolePolicyDocument", "PolicyDocument", "Document"].contains(&key.as_str()) {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            out.push_str(&percent_encoding::utf8_percent_encode(&text, percent_encoding::NON_ALPHANUMERIC).to_string());
        } else if let Value::Array(items) = value {
            for item in items {
                out.push_str("<member>");
                xml(item, out);
                out.push_str("</member>");
            }
        } else {
            xml(value, out);
        }
        out.push_str(&format!("</{key}>"));
    }
}

/// Lists of EC2, whose elements are called otherwise; the rest begins with a small letter.
const SETS: [(&str, &str); 9] = [
    ("Subnets", "subnetSet"),
    ("RouteTables", "routeTableSet"),
    ("VpcEndpoints", "vpcEndpointSet"),
    ("SecurityGroups", "securityGroupInfo"),
    ("Associations", "associationSet"),
    ("Routes", "routeSet"),
    ("Tags", "tagSet"),
    ("UserIdGroupPairs", "groups"),
    ("RouteTableIds", "routeTableIdSet"),
];

/// An output of EC2 as the API writes it.
pub(super) fn ec2(value: &Value, out: &mut String) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                let set = SETS.iter().find(|(list, _)| list == key).map(|(_, set)| (*set).to_owned());
                let small = || key[..1].to_lowercase() + &key[1..];
                let name = match key.as_str() {
                    "Description" => "groupDescription".to_owned(),
                    _ => set.unwrap_or_else(small),
                };
                out.push_str(&format!("<{name}>"));
                ec2(value, out);
                out.push_str(&format!("</{name}>"));
            }
        }
        Value::Array(items) => {
            for item in items {
                out.push_str("<item>");
                ec2(item, out);
                out.push_str("</item>");
            }
        }
        Value::String(text) => out.push_str(&escaped(text)),
        other => out.push_str(&other.to_string()),
    }
}
