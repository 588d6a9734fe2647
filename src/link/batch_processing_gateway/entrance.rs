//! The ways to a gateway from outside its cluster: how far they reach, and whether one has to log in.

use crate::estate::Estate;
use crate::known::{Told, Unknown};
use crate::link::Draft;
use crate::link::reference::{Wanted, select};
use crate::path::escape;
use serde_json::Value;

/// Whether a Deployment is the gateway itself.
fn is_gateway(deployment: &Value) -> bool {
    let name = deployment["metadata"]["name"].told().unwrap_or_default();
    let containers = deployment["spec"]["template"]["spec"]["containers"].as_array();
    let images = containers.into_iter().flatten().filter_map(|container| container["image"].told());
    let own = |text: &str| {
        let name = text.split('@').next().and_then(|text| text.rsplit('/').next()).unwrap_or_default();
        let name = name.split(':').next().unwrap_or_default();
        matches!(name, "bpg" | "batch-processing-gateway")
    };
    !name.contains("helper") && !name.contains("swagger") && (own(name) || images.into_iter().any(own))
}

/// The ways to the gateway from outside its cluster.
pub(super) fn entrances(estate: &Estate, draft: &mut Draft) {
    let mut list = Vec::new();
    let mut more = None;
    let mut seen = false;
    for group in estate.items("kubernetes") {
        let Some(scope) = group["cluster"].told() else { continue };
        let deployments = Wanted { collection: "kubernetes.deployments", scope, namespace: None };
        let (gateways, _) = select(estate, deployments, is_gateway);
        for (gateway, _) in gateways {
            seen = true;
            let namespace = &gateway["metadata"]["namespace"];
            let within = |collection| Wanted { collection, scope, namespace: namespace.as_str() };
            let labels = &gateway["spec"]["template"]["metadata"]["labels"];
            let (services, services_more) = select(estate, within("kubernetes.services"), |service| {
                let selector = service["spec"]["selector"].as_object().filter(|selector| !selector.is_empty());
                service["metadata"]["namespace"].told() == namespace.told()
                    && selector.is_some_and(|selector| selector.iter().all(|(key, value)| labels[key] == *value))
            });
            let names: Vec<&Value> = services.iter().map(|(service, _)| &service["metadata"]["name"]).collect();
            let (ingresses, ingresses_more) = select(estate, within("kubernetes.ingresses"), |ingress| {
                ingress["metadata"]["namespace"].told() == namespace.told()
                    && backends(ingress).iter().any(|name| names.contains(name))
            });
            for (service, at) in services.iter().filter(|(service, _)| service["spec"]["type"] == "LoadBalancer") {
                list.push(entrance(service, "service", reach_of_service(service), None, at, scope));
            }
            for (ingress, at) in &ingresses {
                list.push(entrance(ingress, "ingress", reach_of_ingress(ingress), login(ingress), at, scope));
            }
            more = more.or(services_more).or(ingresses_more);
        }
    }
    if !seen {
        more = Some(Unknown {
            why: "the cluster in which the gateway runs is not shown".into(),
            unblock: Some("add what `kubectl get deployments,services,ingresses -A -o json` prints for it".into()),
        });
    }
    draft.set_drafts("entrances", list);
    if let (Some(more), Some(Value::Array(list))) = (more, draft.object.get_mut("entrances")) {
        list.push(more.to_value());
    }
}

fn entrance(object: &Value, kind: &str, reach: Value, login: Option<(Value, String)>, at: &str, scope: &str) -> Draft {
    let mut draft = Draft::default();
    let name = object["metadata"]["name"].told().unwrap_or_default();
    draft.set_at("name", format!("{kind}/{name}"), format!("{at}/metadata/name"));
    draft.set("kind", kind);
    draft.set("objectName", name);
    draft.set("namespace", object["metadata"]["namespace"].clone());
    draft.set("clusterArn", scope);
    draft.set("clusterName", scope.rsplit('/').next().unwrap_or(scope));
    let place = if kind == "service" { format!("{at}/spec/type") } else { format!("{at}/metadata/annotations") };
    draft.set_at("reach", reach, place);
    if let Some((login, key)) = login {
        draft.set_at("login", login, format!("{at}/metadata/annotations/{}", escape(&key)));
    }
    draft
}

/// The names of the services behind an ingress.
fn backends(ingress: &Value) -> Vec<&Value> {
    let spec = &ingress["spec"];
    let rules = spec["rules"].as_array().into_iter().flatten();
    let paths = rules.flat_map(|rule| rule["http"]["paths"].as_array().into_iter().flatten());
    paths
        .map(|path| &path["backend"])
        .chain([&spec["defaultBackend"]])
        .map(|backend| &backend["service"]["name"])
        .collect()
}

fn annotation<'v>(object: &'v Value, key: &str) -> Option<&'v str> {
    object["metadata"]["annotations"][key].told()
}

/// Whether ranges of addresses leave the internet out.
fn is_narrow<'v>(ranges: impl Iterator<Item = &'v str>) -> bool {
    let ranges: Vec<&str> = ranges.map(str::trim).filter(|range| !range.is_empty()).collect();
    !ranges.is_empty() && !ranges.iter().any(|range| matches!(*range, "0.0.0.0/0" | "::/0"))
}

/// How far a load balancer of a service reaches: `internet`, `network`, or it cannot be told.
fn reach_of_service(service: &Value) -> Value {
    let key = |name: &str| annotation(service, &format!("service.beta.kubernetes.io/aws-load-balancer-{name}"));
    let ranges = service["spec"]["loadBalancerSourceRanges"].as_array();
    let ranges = ranges
        .into_iter()
        .flatten()
        .filter_map(Told::told)
        .chain(key("source-ranges").into_iter().flat_map(|list| list.split(',')));
    let hosts = service["status"]["loadBalancer"]["ingress"].as_array();
    let is_internal = hosts
        .into_iter()
        .flatten()
        .any(|host| host["hostname"].told().is_some_and(|name| name.starts_with("internal-")));
    let by_controller =
        matches!(key("type"), Some("external" | "nlb-ip")) || service["spec"]["loadBalancerClass"].told().is_some();
    match key("scheme") {
        _ if is_narrow(ranges) => "network".into(),
        Some("internet-facing") => "internet".into(),
        Some(_) => "network".into(),
        None if is_internal || key("internal").is_some_and(|value| value != "false") => "network".into(),
        // The AWS Load Balancer Controller makes internal ones unless it is asked.
        None if by_controller => "network".into(),
        None => Unknown {
            why: "whether the load balancer faces the internet depends on the controller that made it".into(),
            unblock: Some("set the annotation `service.beta.kubernetes.io/aws-load-balancer-scheme`".into()),
        }
        .to_value(),
    }
}

/// The same of an ingress.
fn reach_of_ingress(ingress: &Value) -> Value {
    let key = |name: &str| annotation(ingress, &format!("alb.ingress.kubernetes.io/{name}"));
    let class =
        ingress["spec"]["ingressClassName"].told().or_else(|| annotation(ingress, "kubernetes.io/ingress.class"));
    let hosts = ingress["status"]["loadBalancer"]["ingress"].as_array();
    let is_internal = hosts
        .into_iter()
        .flatten()
        .any(|host| host["hostname"].told().is_some_and(|name| name.starts_with("internal-")));
    match (key("scheme"), class) {
        _ if is_internal || is_narrow(key("inbound-cidrs").into_iter().flat_map(|list| list.split(','))) => {
            "network".into()
        }
        (Some("internet-facing"), _) => "internet".into(),
        (Some(_), _) | (None, Some("alb")) => "network".into(),
        _ => Unknown {
            why: "whether the ingress faces the internet depends on its controller's load balancer".into(),
            unblock: Some("see the scheme of the ingress controller's load balancer".into()),
        }
        .to_value(),
    }
}

/// What makes callers of an ingress log in.
fn login(ingress: &Value) -> Option<(Value, String)> {
    let kinds = [
        ("alb.ingress.kubernetes.io/auth-type", &["oidc", "cognito"][..]),
        ("nginx.ingress.kubernetes.io/auth-type", &[][..]),
        ("nginx.ingress.kubernetes.io/auth-url", &[][..]),
        ("nginx.ingress.kubernetes.io/auth-tls-secret", &[][..]),
        ("alb.ingress.kubernetes.io/mutual-authentication", &[][..]),
    ];
    kinds.into_iter().find_map(|(key, values)| {
        let value = annotation(ingress, key)?;
        (values.is_empty() && value != "none" || values.contains(&value)).then(|| (value.into(), key.to_owned()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn how_far_entrances_reach() {
        let service = |annotations: Value, spec: Value| {
            reach_of_service(&json!({"metadata": {"annotations": annotations}, "spec": spec}))
        };
        let scheme = "service.beta.kubernetes.io/aws-load-balancer-scheme";
        assert_eq!(service(json!({scheme: "internet-facing"}), json!({})), "internet");
        assert_eq!(
            service(json!({scheme: "internet-facing"}), json!({"loadBalancerSourceRanges": ["10.0.0.0/8"]})),
            "network"
        );
        assert_eq!(
            service(json!({scheme: "internet-facing"}), json!({"loadBalancerSourceRanges": ["0.0.0.0/0"]})),
            "internet"
        );
        assert_eq!(service(json!({scheme: "internal"}), json!({})), "network");
        assert_eq!(
            service(json!({"service.beta.kubernetes.io/aws-load-balancer-type": "external"}), json!({})),
            "network"
        );
        assert!(Unknown::of(&service(json!({}), json!({}))).is_some());
        let ingress = |annotations: Value, class: &str| {
            reach_of_ingress(&json!({"metadata": {"annotations": annotations}, "spec": {"ingressClassName": class}}))
        };
        assert_eq!(ingress(json!({"alb.ingress.kubernetes.io/scheme": "internet-facing"}), "alb"), "internet");
        assert_eq!(ingress(json!({}), "alb"), "network");
        assert!(Unknown::of(&ingress(json!({}), "nginx")).is_some());
        for (key, value, expected) in [
            ("alb.ingress.kubernetes.io/auth-type", "oidc", true),
            ("alb.ingress.kubernetes.io/auth-type", "none", false),
            ("nginx.ingress.kubernetes.io/auth-url", "https://login.example", true),
            ("nginx.ingress.kubernetes.io/ssl-redirect", "true", false),
        ] {
            assert_eq!(login(&json!({"metadata": {"annotations": {key: value}}})).is_some(), expected, "{key}={value}");
        }
    }
}
