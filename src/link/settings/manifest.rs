//! What an application's manifest gives its pods, and Kubernetes or the operator will not take.
//!
//! Deliberately absent: whether the pods find nodes, which is for [`crate::capacity`].

use super::Setting;
use crate::known::{Told, Unknown};
use crate::path::escape;
use serde_json::Value;

type Found = Vec<(String, String)>;

/// Maps and lists of texts in a specification and in its driver and executor.
const TEXTS: [(&str, &str); 14] = [
    ("", "sparkConf"),
    ("", "hadoopConf"),
    ("", "arguments"),
    ("", "driverArgs"),
    ("", "nodeSelector"),
    ("driver", "nodeSelector"),
    ("executor", "nodeSelector"),
    ("driver", "labels"),
    ("executor", "labels"),
    ("driver", "annotations"),
    ("executor", "annotations"),
    ("driver", "envVars"),
    ("executor", "envVars"),
    ("", "deps/packages"),
];

/// Labels by which nodes of Spot capacity are told from others, and their value.
const SPOT: [(&str, &str); 3] = [
    ("karpenter.sh/capacity-type", "spot"),
    ("eks.amazonaws.com/capacityType", "SPOT"),
    ("node.kubernetes.io/lifecycle", "spot"),
];

/// What sends the driver of an application to Spot nodes and to no others.
pub(in crate::link) fn spot_of_driver(spec: &Value, at: &str) -> Found {
    let mut found = Found::new();
    let mut add = |key: &str, place: String| found.push((key.to_owned(), place));
    let is_spot = |key: &str, value: &Value| SPOT.iter().any(|(label, spot)| *label == key && value == spot);
    let parts = [
        (spec, at.to_owned()),
        (&spec["driver"], format!("{at}/driver")),
        (&spec["driver"]["template"]["spec"], format!("{at}/driver/template/spec")),
        (&spec["driverSpec"]["podTemplateSpec"]["spec"], format!("{at}/driverSpec/podTemplateSpec/spec")),
    ];
    for (part, at) in parts {
        for (key, value) in part["nodeSelector"].as_object().into_iter().flatten() {
            if is_spot(key, value) {
                add(key, format!("{at}/nodeSelector/{}", escape(key)));
            }
        }
        let path = "affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms";
        let terms = part.pointer(&format!("/{path}")).and_then(Value::as_array);
        // Terms are alternatives: of several, another one may let the driver onto other nodes.
        let [term] = terms.map_or(&[][..], Vec::as_slice) else { continue };
        for (number, one) in term["matchExpressions"].as_array().into_iter().flatten().enumerate() {
            let values = one["values"].as_array().map_or(&[][..], Vec::as_slice);
            let key = one["key"].told().unwrap_or_default();
            if one["operator"] == "In" && !values.is_empty() && values.iter().all(|value| is_spot(key, value)) {
                add(key, format!("{at}/{path}/0/matchExpressions/{number}"));
            }
        }
    }
    for (key, value) in spec["sparkConf"].as_object().into_iter().flatten() {
        let selectors = ["spark.kubernetes.driver.node.selector.", "spark.kubernetes.node.selector."];
        if selectors.iter().filter_map(|start| key.strip_prefix(start)).any(|label| is_spot(label, value)) {
            add(key, format!("{at}/sparkConf/{}", escape(key)));
        }
    }
    found
}

/// Numbers and truths where the definition has texts, and a text where it has a list of them.
pub(super) fn not_texts(spec: &Value, at: &str) -> Found {
    let mut found = Vec::new();
    for (part, field) in TEXTS {
        let path = if part.is_empty() { format!("/{field}") } else { format!("/{part}/{field}") };
        let inside = |value: &Value| value.is_number() || value.is_boolean();
        match spec.pointer(&path) {
            Some(Value::Object(map)) if Unknown::of(spec.pointer(&path).unwrap_or(&Value::Null)).is_none() => {
                let wrong = map.iter().filter(|(_, value)| inside(value));
                found.extend(wrong.map(|(key, _)| (key.clone(), format!("{at}{path}/{}", escape(key)))));
            }
            Some(Value::Array(list)) => {
                let wrong = list.iter().enumerate().filter(|(_, value)| inside(value));
                let name = |number: usize| format!("{}[{number}]", path.trim_start_matches('/').replace('/', "."));
                found.extend(wrong.map(|(number, _)| (name(number), format!("{at}{path}/{number}"))));
            }
            Some(Value::String(_)) if field == "arguments" => {
                found.push((field.to_owned(), format!("{at}{path}")));
            }
            _ => {}
        }
    }
    for part in ["driver", "executor"] {
        for (number, variable) in spec[part]["env"].as_array().into_iter().flatten().enumerate() {
            if variable["value"].is_number() || variable["value"].is_boolean() {
                let name = variable["name"].told().unwrap_or("value").to_owned();
                found.push((name, format!("{at}/{part}/env/{number}/value")));
            }
        }
    }
    found
}

/// Values of labels and of node selectors that no label can have.
pub(super) fn malformed_labels(spec: &Value, settings: &[Setting], at: &str) -> Found {
    let mut found = Vec::new();
    for path in
        ["/nodeSelector", "/driver/nodeSelector", "/executor/nodeSelector", "/driver/labels", "/executor/labels"]
    {
        for (key, value) in spec.pointer(path).and_then(Value::as_object).into_iter().flatten() {
            if value.as_str().is_some_and(|text| !is_label_value(text)) {
                found.push((key.clone(), format!("{at}{path}/{}", escape(key))));
            }
        }
    }
    let prefixes =
        ["spark.kubernetes.node.selector.", "spark.kubernetes.driver.label.", "spark.kubernetes.executor.label."];
    let wrong = settings
        .iter()
        .filter(|(key, value, _)| prefixes.iter().any(|prefix| key.starts_with(prefix)) && !is_label_value(value));
    found.extend(wrong.map(|(key, _, at)| (key.clone(), at.clone())));
    found
}

fn is_label_value(text: &str) -> bool {
    // A hole may be filled with anything.
    if text.is_empty() || text.contains(['$', '{', '<', '%']) {
        return true;
    }
    let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    text.len() <= 63
        && edge(text.chars().next())
        && edge(text.chars().next_back())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
}

/// Mounts of volumes that the specification does not define: the operator leaves them out without a word.
pub(super) fn loose_mounts(spec: &Value, at: &str) -> Found {
    let mut found = Vec::new();
    for part in ["driver", "executor"] {
        let own = spec["volumes"].as_array().into_iter().flatten();
        let template = spec[part]["template"]["spec"]["volumes"].as_array().into_iter().flatten();
        let mut undecided = Unknown::of(&spec["volumes"]).is_some();
        let mut names: Vec<&str> = Vec::new();
        for volume in own.chain(template) {
            match volume["name"].as_str() {
                Some(name) => names.push(name),
                None => undecided = true,
            }
        }
        for (number, mount) in spec[part]["volumeMounts"].as_array().into_iter().flatten().enumerate() {
            let Some(name) = mount["name"].as_str().filter(|_| !undecided) else { continue };
            if !names.contains(&name) && !name.contains(['$', '{', '<']) {
                found.push((format!("{part}.{name}"), format!("{at}/{part}/volumeMounts/{number}/name")));
            }
        }
    }
    found
}

/// Images, each with its place.
fn images(spec: &Value, settings: &[Setting], at: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut put = |value: &Value, at: String| {
        if let Some(image) = value.told().filter(|image| !image.is_empty()) {
            found.push((image.to_owned(), at));
        }
    };
    put(&spec["image"], format!("{at}/image"));
    for part in ["driver", "executor", "driverSpec", "executorSpec"] {
        put(&spec[part]["image"], format!("{at}/{part}/image"));
        for (inside, list) in [
            ("", "sidecars"),
            ("", "initContainers"),
            ("/template/spec", "containers"),
            ("/template/spec", "initContainers"),
            ("/podTemplateSpec/spec", "containers"),
            ("/podTemplateSpec/spec", "initContainers"),
        ] {
            let path = format!("/{part}{inside}/{list}");
            for (number, one) in spec.pointer(&path).and_then(Value::as_array).into_iter().flatten().enumerate() {
                put(&one["image"], format!("{at}{path}/{number}/image"));
            }
        }
    }
    let of_conf = settings.iter().filter(|(key, ..)| key.ends_with("container.image"));
    found.extend(of_conf.map(|(_, value, at)| (value.clone(), at.clone())));
    found
}

/// Images whose tag may mean another image tomorrow.
pub(super) fn moving_images(spec: &Value, settings: &[Setting], at: &str) -> Found {
    images(spec, settings, at).into_iter().filter(|(image, _)| super::image_moves(image)).collect()
}

/// Users that EMR's image does not have: it runs as `hadoop`, which is 999.
pub(super) fn unknown_users(spec: &Value, image: &str, at: &str) -> Found {
    if super::release_of_image(image).is_none() {
        return Vec::new();
    }
    let mut found = Vec::new();
    for part in ["driver", "executor"] {
        for context in ["securityContext", "podSecurityContext"] {
            if let Some(user) = spec[part][context]["runAsUser"].as_u64().filter(|user| *user != 999) {
                found.push((user.to_string(), format!("{at}/{part}/{context}/runAsUser")));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn names(found: Found) -> Vec<String> {
        found.into_iter().map(|(name, _)| name).collect()
    }

    #[test]
    fn what_the_definition_refuses() {
        let spec = json!({
            "sparkConf": {"a": 2, "b": "2", "c": true, "d": {"$unknown": "x"}},
            "arguments": ["x", 1000], "driver": {"env": [{"name": "N", "value": 1}], "labels": {"version": 3.5}},
        });
        assert_eq!(names(not_texts(&spec, "")), ["a", "c", "arguments[1]", "version", "N"]);
        assert_eq!(names(not_texts(&json!({"arguments": "--date today"}), "")), ["arguments"]);
        assert!(not_texts(&json!({"sparkConf": {"$unknown": "x"}, "arguments": {"$unknown": "x"}}), "").is_empty());
    }

    #[test]
    fn labels_mounts_images_and_users() {
        let long = "x".repeat(64);
        let spec = json!({
            "nodeSelector": {"a": long, "b": "ok", "c": "${X}"},
            "volumes": [{"name": "v"}],
            "driver": {"volumeMounts": [{"name": "v"}, {"name": "w"}], "securityContext": {"runAsUser": 185}},
            "executor": {"sidecars": [{"image": "busybox"}, {"image": "a/b@sha256:0"}, {"image": "r:5000/b:1"}]},
            "image": "x/spark/emr-7.0.0:latest",
        });
        assert_eq!(names(malformed_labels(&spec, &[], "")), ["a"]);
        assert_eq!(names(loose_mounts(&spec, "")), ["driver.w"]);
        assert_eq!(names(moving_images(&spec, &[], "")), ["x/spark/emr-7.0.0:latest", "busybox"]);
        assert_eq!(names(unknown_users(&spec, "x/spark/emr-7.0.0:latest", "")), ["185"]);
        assert!(unknown_users(&spec, "apache/spark:4.0.0", "").is_empty());
    }
}
