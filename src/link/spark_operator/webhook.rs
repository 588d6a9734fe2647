//! The mutating webhook of Kubeflow's operator: whether it is there, can be called, and is called for the namespace.

use super::operators;
use crate::estate::Estate;
use crate::known::{Told, Unknown};
use crate::link::Draft;
use crate::link::application::KUBEFLOW;
use crate::link::reference::{Found, Wanted, lookup};
use serde_json::Value;

/// The operator's mutating webhook, whether it can be called, and whether it is called for the namespace.
pub(super) fn link(estate: &Estate, draft: &mut Draft) {
    let Some(cluster_arn) = draft.text("clusterArn").map(str::to_owned) else { return };
    if draft.text("group") != Some(KUBEFLOW) {
        return;
    }
    let wanted =
        Wanted { collection: "kubernetes.mutatingWebhookConfigurations", scope: &cluster_arn, namespace: None };
    let of_operator = |webhook: &Value| {
        let service = webhook["clientConfig"]["service"]["name"].as_str().unwrap_or_default();
        let name = webhook["name"].as_str().unwrap_or_default();
        let for_pods = webhook["rules"]
            .as_array()
            .into_iter()
            .flatten()
            .any(|rule| rule["resources"].as_array().into_iter().flatten().any(|resource| resource == "pods"));
        for_pods && (service.contains("spark") || name.contains("sparkoperator"))
    };
    let found = lookup(estate, wanted, |configuration| {
        configuration["webhooks"].as_array().into_iter().flatten().any(of_operator)
    });
    if let Found::At(configuration, at) = &found {
        let webhooks = configuration["webhooks"].as_array();
        if let Some((number, webhook)) =
            webhooks.into_iter().flatten().enumerate().find(|(_, webhook)| of_operator(webhook))
        {
            let at = format!("{at}/webhooks/{number}");
            draft.set_at(
                "webhookCertificate",
                webhook["clientConfig"]["caBundle"].clone(),
                format!("{at}/clientConfig"),
            );
            let object = draft.object.get("namespaceObject").filter(|object| Unknown::of(object).is_none());
            let labels = object.map(|object| &object["metadata"]["labels"]);
            draft.set_at(
                "webhookSelects",
                selects(&webhook["namespaceSelector"], draft.text("namespace"), labels),
                format!("{at}/namespaceSelector"),
            );
        }
    }
    let is_off = matches!(found, Found::Unknown(_)) && {
        let mut operators = operators(estate, &cluster_arn, KUBEFLOW).peekable();
        operators.peek().is_some() && operators.all(|(operator, _)| runs_without_webhook(operator))
    };
    draft.set_found("webhook", if is_off { Found::Nothing } else { found });
}

/// Whether an operator of the first generation, which is its own webhook, was not told to be it.
fn runs_without_webhook(deployment: &Value) -> bool {
    let Some(arguments) = arguments(deployment) else { return false };
    let is_first = arguments.first().is_some_and(|first| first.starts_with('-'));
    let turns_on = |argument: &&str| argument.trim_start_matches('-').starts_with("enable-webhook");
    is_first && !arguments.iter().any(turns_on)
}

/// The label in which the server itself writes the name of a namespace.
const NAME: &str = "kubernetes.io/metadata.name";

/// Whether a label selector selects a namespace of this name with these labels; unknown where the labels are.
fn selects(selector: &Value, name: Option<&str>, labels: Option<&Value>) -> Value {
    let equal = selector["matchLabels"].as_object().into_iter().flatten();
    let equal = equal.map(|(key, value)| (key.as_str(), "In", std::slice::from_ref(value)));
    let expressions = selector["matchExpressions"].as_array().into_iter().flatten().map(|expression| {
        let values = expression["values"].as_array().map_or(&[] as &[Value], Vec::as_slice);
        (expression["key"].as_str().unwrap_or_default(), expression["operator"].as_str().unwrap_or_default(), values)
    });
    let mut demands = equal.chain(expressions).peekable();
    if demands.peek().is_none() {
        return true.into();
    }
    let demands: Vec<_> = demands.collect();
    if labels.is_none() && demands.iter().any(|(key, ..)| *key != NAME) {
        let unblock = Some("run `kubectl get namespaces -o json`".into());
        return Unknown { why: "the labels of the namespace were not listed".into(), unblock }.to_value();
    }
    let own = name.map(Value::from);
    let mut open = false;
    let holds = demands.into_iter().all(|(key, operator, values)| {
        let label = if key == NAME { own.as_ref() } else { labels.and_then(|labels| labels.get(key)) };
        let is_among =
            label.is_some_and(|label| values.iter().any(|value| label.as_str().is_some_and(|text| value.is(text))));
        // A value with holes may be any.
        open |= !is_among && values.iter().any(|value| !value.is_string());
        match operator {
            "In" => is_among,
            "NotIn" => !is_among,
            "Exists" => label.is_some(),
            "DoesNotExist" => label.is_none(),
            _ => true,
        }
    });
    if open {
        return Unknown { why: "the webhook's selector has values that are not known".into(), unblock: None }
            .to_value();
    }
    holds.into()
}

/// The arguments of an operator, where all of them are known.
fn arguments(deployment: &Value) -> Option<Vec<&str>> {
    let arguments = deployment["spec"]["template"]["spec"]["containers"][0]["args"].as_array()?;
    arguments.iter().map(Told::told).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn selectors_know_the_name_that_the_server_writes() {
        let named = |name: Value| json!({"matchExpressions": [{"key": NAME, "operator": "In", "values": [name]}]});
        let holes = crate::known::Text::hole("stage").to_key();
        let by_team = json!({"matchLabels": {"team": "otters"}});
        let labels = json!({"team": "otters"});
        for (selector, labels, expected) in [
            (json!({}), None, json!(true)),
            (named(json!("jobs")), None, json!(true)),
            (named(json!("jobs")), Some(&json!(null)), json!(true)),
            (named(json!("other")), Some(&labels), json!(false)),
            (by_team.clone(), Some(&labels), json!(true)),
            (by_team.clone(), Some(&json!(null)), json!(false)),
        ] {
            assert_eq!(selects(&selector, Some("jobs"), labels), expected, "{selector}");
        }
        for (selector, labels) in [(by_team, None), (named(holes), Some(&labels))] {
            assert!(Unknown::of(&selects(&selector, Some("jobs"), labels)).is_some(), "{selector}");
        }
    }

    #[test]
    fn operators_of_the_first_generation_are_their_own_webhooks() {
        for (arguments, expected) in [
            (json!(["-v=2", "-namespace=jobs"]), true),
            (json!(["-v=2", "-enable-webhook=true"]), false),
            (json!(["-namespace=jobs", {"$unknown": "more"}]), false),
            (json!(["controller", "start"]), false),
            (json!([]), false),
            (json!(null), false),
        ] {
            let operator = json!({"spec": {"template": {"spec": {"containers": [{"args": arguments}]}}}});
            assert_eq!(runs_without_webhook(&operator), expected, "{arguments}");
        }
    }
}
