//! What the pods of an application mount by name, as the cluster has it: ConfigMaps and storage classes.
//!
//! Deliberately absent: Secrets, which are never read.

use super::Draft;
use super::reference::{Found, Wanted, lookup};
use crate::estate::Estate;
use crate::path::escape;
use serde_json::{Map, Value};

/// Puts `configMaps` and `storageClasses` into an application: each a name, and what bears it.
pub(super) fn mounted(estate: &Estate, cluster: &str, namespace: &str, application: &mut Draft) {
    let Some(Value::Object(request)) = application.object.get("request").cloned() else { return };
    let base = application.aliases.iter().find(|(inside, _)| inside == "/request").map(|(_, to)| to.clone());
    let base = base.unwrap_or_default();
    let scheduled = request.get("kind").is_some_and(|kind| kind == "ScheduledSparkApplication");
    let (spec, at) = if scheduled { ("/spec/template", "/spec/template") } else { ("/spec", "/spec") };
    let request = Value::Object(request);
    let Some(spec) = request.pointer(spec) else { return };
    let at = format!("{base}{at}");
    let of_namespace =
        |object: &Value, name: &str| object["metadata"]["namespace"] == namespace && object["metadata"]["name"] == name;
    let maps = config_maps(spec, &at).into_iter().map(|(name, at)| {
        let wanted = Wanted { collection: "kubernetes.configMaps", scope: cluster, namespace: Some(namespace) };
        let found = lookup(estate, wanted, |object| of_namespace(object, &name));
        item(name, at, &["exists"], found, |_, _| true.into())
    });
    application.set_drafts("configMaps", maps.collect());
    let classes = storage_classes(spec, &at).into_iter().map(|(name, at)| {
        let wanted = Wanted { collection: "kubernetes.storageClasses", scope: cluster, namespace: None };
        let found = lookup(estate, wanted, |object| object["metadata"]["name"] == name.as_str());
        // Kubernetes binds at once unless the class says otherwise.
        let of = |class: &Value, field: &str| match field {
            "bindingMode" => class.get("volumeBindingMode").cloned().unwrap_or_else(|| "Immediate".into()),
            field => class[field].clone(),
        };
        item(name, at, &["bindingMode", "provisioner"], found, of)
    });
    application.set_drafts("storageClasses", classes.collect());
}

fn item(name: String, at: String, fields: &[&str], found: Found<'_>, of: impl Fn(&Value, &str) -> Value) -> Draft {
    let mut item = Draft::default();
    item.set_at("name", name, at);
    for field in fields {
        let value = match &found {
            Found::At(object, _) => of(object, field),
            Found::Nothing => continue,
            Found::Unknown(unknown) => unknown.to_value(),
        };
        if !value.is_null() {
            item.set(field, value);
        }
    }
    item
}

/// The ConfigMaps that must be there before a pod starts, each with the place that names it.
fn config_maps(spec: &Value, at: &str) -> Vec<(String, String)> {
    let mut names: Vec<(&Value, String)> = Vec::new();
    for field in ["sparkConfigMap", "hadoopConfigMap"] {
        names.push((&spec[field], format!("{at}/{field}")));
    }
    for (number, volume) in spec["volumes"].as_array().into_iter().flatten().enumerate() {
        if volume["configMap"]["optional"] != true {
            names.push((&volume["configMap"]["name"], format!("{at}/volumes/{number}/configMap/name")));
        }
    }
    for role in ["driver", "executor"] {
        for (number, map) in spec[role]["configMaps"].as_array().into_iter().flatten().enumerate() {
            names.push((&map["name"], format!("{at}/{role}/configMaps/{number}/name")));
        }
    }
    names.into_iter().filter_map(|(name, at)| Some((name.as_str()?.to_owned(), at))).collect()
}

/// The storage classes of volumes that Spark is to claim for each executor.
fn storage_classes(spec: &Value, at: &str) -> Vec<(String, String)> {
    let empty = Map::new();
    let conf = spec["sparkConf"].as_object().unwrap_or(&empty);
    let classes = conf.iter().filter_map(|(key, class)| {
        let volume = key.strip_suffix(".options.storageClass")?;
        let claim = conf.get(&format!("{volume}.options.claimName"))?;
        let is_ours = volume.contains(".volumes.persistentVolumeClaim.") && *claim == "OnDemand";
        Some((class.as_str().filter(|_| is_ours)?.to_owned(), format!("{at}/sparkConf/{}", escape(key))))
    });
    classes.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn names_what_pods_mount() {
        let spec = json!({
            "sparkConfigMap": "conf",
            "volumes": [
                {"name": "a", "configMap": {"name": "files"}},
                {"name": "b", "configMap": {"name": "maybe", "optional": true}},
                {"name": "c", "emptyDir": {}},
            ],
            "executor": {"configMaps": [{"name": "extra", "path": "/etc/extra"}]},
            "sparkConf": {
                "spark.kubernetes.executor.volumes.persistentVolumeClaim.spark-local-dir-1.options.claimName": "OnDemand",
                "spark.kubernetes.executor.volumes.persistentVolumeClaim.spark-local-dir-1.options.storageClass": "gp3",
                "spark.kubernetes.executor.volumes.persistentVolumeClaim.other.options.storageClass": "io2",
            },
        });
        let names = |list: Vec<(String, String)>| list.into_iter().map(|(name, _)| name).collect::<Vec<_>>();
        assert_eq!(names(config_maps(&spec, "")), ["conf", "files", "extra"]);
        assert_eq!(names(storage_classes(&spec, "")), ["gp3"]);
    }
}
