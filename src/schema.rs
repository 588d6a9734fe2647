//! The forms that others write or read, as JSON Schema (2020-12).
//!
//! The report's is strict, because programs rely on it; so are those of a rule and of
//! `sparkcheck.toml`, because a misspelt key there is a mistake. A snapshot may hold anything that
//! AWS and Kubernetes print, so its schema describes only the frame.

/// The names of the forms.
pub const NAMES: [&str; 4] = ["report", "snapshot", "rule", "rollouts"];

/// The schema of a form: of the `report`, a `snapshot`, a `rule`, or `rollouts` for `sparkcheck.toml`.
#[must_use]
pub fn named(name: &str) -> Option<&'static str> {
    match name {
        "report" => Some(include_str!("schema/report.json")),
        "snapshot" => Some(include_str!("schema/snapshot.json")),
        "rule" => Some(include_str!("schema/rule.json")),
        "rollouts" => Some(include_str!("schema/rollouts.json")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::estate::{Estate, Gap};
    use crate::rule::{Assertion, builtin};
    use serde_json::{Value, json};

    fn schema(name: &str) -> Value {
        serde_json::from_str(named(name).unwrap()).unwrap()
    }

    fn mistakes(name: &str, value: &Value) -> Vec<String> {
        let validator = jsonschema::options().with_draft(jsonschema::Draft::Draft202012).build(&schema(name)).unwrap();
        validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect()
    }

    #[test]
    fn every_schema_is_one() {
        for name in NAMES {
            assert!(jsonschema::meta::is_valid(&schema(name)), "{name}");
            assert_eq!(schema(name)["$schema"], "https://json-schema.org/draft/2020-12/schema");
        }
        assert_eq!(named("nothing"), None);
    }

    #[test]
    fn the_rules_keep_theirs() {
        let rules = builtin();
        assert!(!rules.is_empty());
        for rule in &rules {
            let value = serde_json::to_value(rule).unwrap();
            assert_eq!(mistakes("rule", &value), Vec::<String>::new(), "{}", rule.id);
        }
        let good = serde_json::to_value(&rules[0]).unwrap();
        for (at, broken) in [
            ("/severity", json!("fatal")),
            ("/id", json!("Not Kebab")),
            ("/select", json!("rollouts[*]")),
            ("/systems", json!([])),
            ("/assert", json!({"prezent": {"value": "$.x"}})),
            ("/assert", json!({"present": {"value": "$.x"}, "absent": {"value": "$.x"}})),
            ("/fixes", json!([{"run": "x"}])),
        ] {
            let mut rule = good.clone();
            *rule.pointer_mut(at).unwrap() = broken;
            assert_ne!(mistakes("rule", &rule), Vec::<String>::new(), "{at}");
        }
    }

    /// The least value that a schema allows, made of what it requires.
    fn least(schema: &Value, root: &Value) -> Value {
        if let Some(target) = schema["$ref"].as_str() {
            return least(root.pointer(target.trim_start_matches('#')).unwrap(), root);
        }
        if let Some(first) = schema["enum"].get(0).or(schema["anyOf"].get(0)) {
            return if first.is_object() { least(first, root) } else { first.clone() };
        }
        match schema["type"].as_str() {
            Some("array") => json!([]),
            Some("string") if schema["pattern"].is_string() => json!("$.x"),
            Some("string") => json!("x"),
            Some("object") => {
                let required = schema["required"].as_array().cloned().unwrap_or_default();
                let field = |name: &Value| {
                    (name.as_str().unwrap().to_owned(), least(&schema["properties"][name.as_str().unwrap()], root))
                };
                Value::Object(required.iter().map(field).collect())
            }
            _ => json!(1),
        }
    }

    #[test]
    fn each_kind_of_assertion_is_one_and_none_is_forgotten() {
        let schema = schema("rule");
        let kinds = schema["$defs"]["assertion"]["properties"].as_object().unwrap();
        for (kind, form) in kinds {
            let value = json!({ kind: least(form, &schema) });
            assert!(serde_json::from_value::<Assertion>(value.clone()).is_ok(), "{value}");
            // Where the parser refuses a field, it names those that it knows.
            let error =
                serde_json::from_value::<Assertion>(json!({ kind: {"no_such_field": 1} })).unwrap_err().to_string();
            let form = form["$ref"].as_str().map_or(form, |target| schema.pointer(&target[1..]).unwrap());
            for field in error.split('`').skip(3).step_by(2).filter(|_| error.starts_with("unknown field")) {
                assert!(form["properties"][field].is_object(), "`{field}` of `{kind}` is not in the schema");
            }
        }
        // The parser names every kind that it knows when it meets one that it does not.
        let error = serde_json::from_value::<Assertion>(json!({"no_such_kind": {}})).unwrap_err().to_string();
        let known: Vec<&str> = error.split('`').skip(3).step_by(2).collect();
        assert!(known.len() > 20, "{error}");
        for kind in known {
            assert!(kinds.contains_key(kind), "{kind} is not in the schema");
        }
    }

    #[test]
    fn a_snapshot_keeps_its_own() {
        let mut estate =
            Estate { document: json!({"iam": {"roles": [{"RoleName": "x"}]}, "other": 1}), ..Estate::default() };
        estate.gaps.push(Gap {
            what: "pods.json".into(),
            scope: String::new(),
            why: "cut off".into(),
            unblock: None,
            place: None,
        });
        assert_eq!(mistakes("snapshot", &estate.to_snapshot()), Vec::<String>::new());
        assert_ne!(mistakes("snapshot", &json!({"iam": {}})), Vec::<String>::new());
        assert_ne!(mistakes("snapshot", &json!({"sparkcheck": {"format": 2}})), Vec::<String>::new());
    }

    #[test]
    fn declarations_keep_theirs() {
        for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures")).unwrap() {
            let path = entry.unwrap().path().join("sparkcheck.toml");
            if let Ok(text) = std::fs::read_to_string(&path) {
                let value: Value = toml::from_str(&text).unwrap();
                assert_eq!(mistakes("rollouts", &value), Vec::<String>::new(), "{}", path.display());
            }
        }
        for broken in [
            json!({"rollouts": []}),
            json!({"rollout": [{"sytem": "emr-on-eks"}]}),
            json!({"rollout": [{"system": "emr"}]}),
        ] {
            assert_ne!(mistakes("rollouts", &broken), Vec::<String>::new(), "{broken}");
        }
    }
}
