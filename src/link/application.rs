//! Spark applications: what is going to run, whatever form asks for it.
//!
//! A SparkApplication of either operator and the body of a submission to a gateway become one form,
//! in which each answer stands under one name and leads to the place that gave it. The two operators
//! are told apart by the API group of their SparkApplication: [`APACHE`] and [`KUBEFLOW`].

use super::Draft;
use crate::facts;
use crate::known::{Told, Unknown};
use crate::path::escape;
use serde_json::{Map, Value, json};

/// The API group of `apache/spark-kubernetes-operator`.
pub(super) const APACHE: &str = "spark.apache.org";
/// The API group of `kubeflow/spark-operator`, also as EMR ships it.
pub(super) const KUBEFLOW: &str = "sparkoperator.k8s.io";

/// The fields of the specification that Apache's definition knows.
const APACHE_FIELDS: &[&str] = &[
    "mainClass",
    "runtimeVersions",
    "jars",
    "pyFiles",
    "sparkRFiles",
    "files",
    "deploymentMode",
    "proxyUser",
    "driverArgs",
    "sparkConf",
    "applicationTolerations",
    "driverSpec",
    "executorSpec",
    "driverServiceIngressList",
    "driverHttpRouteList",
    "driverGrpcRouteList",
    "configMapSpecs",
];
/// The same, of its `applicationTolerations`.
const APACHE_TOLERATIONS: &[&str] = &[
    "restartConfig",
    "applicationTimeoutConfig",
    "instanceConfig",
    "resourceRetainPolicy",
    "resourceRetainDurationMillis",
    "ttlAfterStopMillis",
];

/// A value of an application, and where it was given.
type Given<'v> = (&'v Value, String);

/// A SparkApplication or ScheduledSparkApplication.
pub(super) fn of_manifest(manifest: &Value, pointer: &str) -> Draft {
    let api = manifest["apiVersion"].told().unwrap_or_default();
    let (group, version) = api.split_once('/').unwrap_or((api, ""));
    let mut draft = Draft::default();
    draft.set("kind", "spark-application");
    draft.set_at("request", manifest.clone(), pointer);
    draft.set("group", group);
    draft.set("version", version);
    for field in ["name", "namespace"] {
        named(&mut draft, field, &manifest["metadata"][field], format!("{pointer}/metadata/{field}"));
    }
    let scheduled = manifest["kind"] == "ScheduledSparkApplication";
    // The schedule adds a hyphen and a time of 19 digits to the name of each run.
    length(&mut draft, if scheduled { 20 } else { 0 });
    let (spec, at) = if scheduled {
        (&manifest["spec"]["template"], format!("{pointer}/spec/template"))
    } else {
        (&manifest["spec"], format!("{pointer}/spec"))
    };
    let at = at.as_str();
    let conf = |key: &str| text_at(&spec["sparkConf"], at, "sparkConf", key);
    let kubeflow = group == KUBEFLOW;
    let version =
        if kubeflow { direct(spec, at, "sparkVersion") } else { nested(spec, at, "runtimeVersions", "sparkVersion") };
    let image = conf("spark.kubernetes.driver.container.image").or_else(|| conf("spark.kubernetes.container.image"));
    let image = if kubeflow {
        nested(spec, at, "driver", "image").or_else(|| direct(spec, at, "image")).or(image)
    } else {
        image
    };
    let account = conf("spark.kubernetes.authenticate.driver.serviceAccountName");
    let account = if kubeflow {
        let template =
            nested(&spec["driver"]["template"], &format!("{at}/driver/template"), "spec", "serviceAccountName");
        nested(spec, at, "driver", "serviceAccount").or(account).or(template)
    } else {
        account
    };
    let dynamic = kubeflow.then(|| nested(spec, at, "dynamicAllocation", "enabled")).flatten();
    let dynamic = dynamic.filter(|(value, _)| **value == true);
    let tracking = match &dynamic {
        Some((_, at)) => nested(
            spec,
            at.trim_end_matches("/dynamicAllocation/enabled"),
            "dynamicAllocation",
            "shuffleTrackingEnabled",
        )
        .or_else(|| Some((&Value::Bool(true), at.clone()))),
        None => conf("spark.dynamicAllocation.shuffleTracking.enabled"),
    };
    let dynamic = dynamic.or_else(|| conf("spark.dynamicAllocation.enabled"));
    let executor = conf("spark.kubernetes.authenticate.executor.serviceAccountName");
    let executor =
        if kubeflow { nested(spec, at, "executor", "serviceAccount").or(executor) } else { executor };
    if let Some((account, place)) = executor {
        named(&mut draft, "executorAccount", account, place);
    }
    runtime(&mut draft, version, image);
    let driver = format!("{at}/driver");
    account_of(&mut draft, account, if spec["driver"].is_object() { &driver } else { at });
    allocation(&mut draft, dynamic, tracking, &conf, at);
    volumes(&mut draft, &spec["sparkConf"], at);
    super::settings::of_application(&mut draft, spec, "sparkConf", at);
    restarts(&mut draft, spec, at, kubeflow && !scheduled, group == APACHE);
    if kubeflow {
        super::settings::missing_fields(&mut draft, spec, &format!("{pointer}/kind"));
        set_texts(&mut draft, "webhookFields", webhook_fields(spec, at));
    }
    if group == APACHE {
        let tolerations = format!("{at}/applicationTolerations");
        unknown_fields(
            &mut draft,
            &[(spec, APACHE_FIELDS, at.to_owned()), (&spec["applicationTolerations"], APACHE_TOLERATIONS, tolerations)],
        );
    }
    draft
}

/// Whether the driver asks for Spot nodes, and what happens when it is gone. A schedule starts it again by itself.
fn restarts(draft: &mut Draft, spec: &Value, at: &str, kubeflow: bool, apache: bool) {
    set_texts(draft, "driverOnSpot", super::settings::spot_of_driver(spec, at));
    let tolerations = &spec["applicationTolerations"];
    let policy = match (kubeflow, apache) {
        (true, _) => Some((&spec["restartPolicy"], &spec["restartPolicy"]["type"])),
        (_, true) => Some((tolerations, &tolerations["restartConfig"]["restartPolicy"])),
        _ => None,
    };
    let Some((around, policy)) = policy else { return };
    let value = match (Unknown::of(spec).or_else(|| Unknown::of(around)), policy) {
        (Some(unknown), _) => unknown.to_value(),
        // Both operators leave a driver that is gone to itself.
        (None, Value::Null) => "Never".into(),
        (None, policy) => policy.clone(),
    };
    draft.set("restartPolicy", value);
}

/// The fields that Spark itself does not know, so that only the operator's webhook puts them on pods.
const WEBHOOK_FIELDS: [&str; 19] = [
    "affinity",
    "configMaps",
    "dnsConfig",
    "env",
    "envFrom",
    "gpu",
    "hostAliases",
    "hostNetwork",
    "initContainers",
    "lifecycle",
    "ports",
    "podSecurityContext",
    "priorityClassName",
    "schedulerName",
    "securityContext",
    "sidecars",
    "terminationGracePeriodSeconds",
    "tolerations",
    "volumeMounts",
];

/// Those of them that an application sets, as `driver.tolerations`, each with its place.
fn webhook_fields(spec: &Value, at: &str) -> Vec<(String, String)> {
    let is_set = |value: &Value| match value {
        Value::Null | Value::Bool(false) => false,
        Value::Array(list) => !list.is_empty(),
        Value::Object(object) => !object.is_empty(),
        _ => true,
    };
    let of_role = |role: &'static str| {
        let fields = WEBHOOK_FIELDS.iter().filter(move |field| is_set(&spec[role][**field]));
        fields.map(move |field| (format!("{role}.{field}"), format!("{at}/{role}/{field}")))
    };
    let own = is_set(&spec["volumes"]).then(|| ("volumes".to_owned(), format!("{at}/volumes")));
    own.into_iter().chain(of_role("driver")).chain(of_role("executor")).collect()
}

/// The body of a submission to a Spark Gateway, which writes `spark.apache.org/v1`.
pub(super) fn of_gateway(body: &Value, pointer: &str) -> Draft {
    let mut draft = Draft::default();
    draft.set("kind", "spark-application");
    draft.set("group", APACHE);
    draft.set("version", "v1");
    for (field, from) in [("name", "application_name"), ("namespace", "namespace")] {
        named(&mut draft, field, &body[from], format!("{pointer}/{from}"));
    }
    length(&mut draft, 0);
    draft.set_at("request", as_manifest(body), pointer);
    let conf = |key: &str| text_at(&body["spark_conf"], pointer, "spark_conf", key);
    let image = conf("spark.kubernetes.driver.container.image")
        .or_else(|| conf("spark.kubernetes.container.image"))
        .or_else(|| direct(body, pointer, "image"));
    let account = conf("spark.kubernetes.authenticate.driver.serviceAccountName")
        .or_else(|| nested(body, pointer, "driver", "service_account"));
    runtime(&mut draft, nested(body, pointer, "runtime_versions", "spark_version"), image);
    account_of(&mut draft, account, pointer);
    let tracking = conf("spark.dynamicAllocation.shuffleTracking.enabled");
    allocation(&mut draft, conf("spark.dynamicAllocation.enabled"), tracking, &conf, pointer);
    volumes(&mut draft, &body["spark_conf"], pointer);
    super::settings::of_application(&mut draft, body, "spark_conf", pointer);
    let known: Vec<&str> = vec![
        "restart_config",
        "application_timeout_config",
        "instance_config",
        "resource_retain_policy",
        "resource_retain_duration_millis",
        "ttl_after_stop_millis",
    ];
    // The service may also be given names as the definition has them.
    let known = [known, APACHE_TOLERATIONS.to_vec()].concat();
    let at = format!("{pointer}/application_tolerations");
    unknown_fields(&mut draft, &[(&body["application_tolerations"], &known, at)]);
    draft
}

/// Whether an application has run to its end, so that nothing of it is still to come.
pub(super) fn has_ended(manifest: &Value) -> bool {
    let kubeflow = manifest["status"]["applicationState"]["state"].told();
    let apache = manifest["status"]["currentState"]["currentStateSummary"].told();
    // What a test of an operator waits for has a state and nothing to run.
    manifest["spec"].is_null() && manifest["status"].is_object()
        || matches!(kubeflow, Some("COMPLETED" | "FAILED"))
        || matches!(apache, Some("Succeeded" | "Failed" | "ResourceReleased" | "TerminatedWithoutReleaseResources"))
}

/// The Spark version in an image's name, where it says one: `apache/spark:4.1.0-python3`, or the release of
/// EMR's images.
pub(super) fn spark_of_image(image: &str) -> Option<String> {
    let image = image.split('@').next().unwrap_or_default();
    let (path, name) = image.rsplit_once('/').unwrap_or(("", image));
    let (name, tag) = name.split_once(':').unwrap_or((name, ""));
    if let Some(release) = name.strip_prefix("emr-") {
        return facts::emr_release(&number(release)).and_then(|release| release.spark.map(number));
    }
    // `spark3.5.3-scala2.12-ubuntu`: somebody's own, that says what is in it.
    if let Some(version) = name.strip_prefix("spark").map(number).filter(|version| version.matches('.').count() == 2) {
        return Some(version);
    }
    let of_apache = path.is_empty() || path.ends_with("apache");
    // A number after `spark:` may be that of somebody's own build, but not beside what Apache names its images by.
    let like_apache = ["scala", "hadoop", "python3", "java"].iter().any(|part| tag.contains(part));
    let is_spark = matches!(name, "spark" | "spark-py" | "spark-r") && (of_apache || like_apache);
    let version = number(tag.strip_prefix('v').unwrap_or(tag));
    (is_spark && version.matches('.').count() == 2).then_some(version)
}

/// The release in the name of one of EMR's images: `7.12.0` of `…/spark/emr-7.12.0:latest`.
pub(super) fn release_of_image(image: &str) -> Option<String> {
    let name = image.split('@').next()?.rsplit('/').next()?;
    let release = number(name.split(':').next()?.strip_prefix("emr-")?);
    (release.matches('.').count() == 2).then_some(release)
}

/// The digits and dots with which a version begins.
pub(super) fn number(version: &str) -> String {
    let end = version.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(version.len());
    version.get(..end).unwrap_or_default().trim_end_matches('.').to_owned()
}

/// Major and minor of a version as one number that can be compared: 3005 for 3.5.
pub(super) fn ordinal(version: &str) -> Option<u64> {
    let mut parts = version.split('.').map(|part| part.parse::<u64>().ok());
    Some(parts.next()??.checked_mul(1000)?.saturating_add(parts.next()??))
}

/// Puts in texts that stand at places of their own.
pub(super) fn set_texts(draft: &mut Draft, name: &str, texts: Vec<(String, String)>) {
    let mut list = Vec::new();
    for (at, (text, pointer)) in texts.into_iter().enumerate() {
        list.push(Value::String(text));
        draft.aliases.push((format!("/{name}/{at}"), pointer));
    }
    draft.set(name, list);
}

/// Puts a name in, also one that is not known yet.
fn named(draft: &mut Draft, field: &str, name: &Value, at: String) {
    if name.is_string() || Unknown::of(name).is_some() {
        draft.set_at(field, name.clone(), at);
    }
}

/// How long the label is that is made of the name.
fn length(draft: &mut Draft, suffix: usize) {
    if let Some(unknown) = draft.object.get("name").and_then(Unknown::of) {
        draft.set("nameLength", unknown.to_value());
    }
    let Some(length) = draft.text("name").map(|name| name.chars().count() + suffix) else { return };
    draft.set("nameLength", length);
}

fn runtime(draft: &mut Draft, version: Option<Given<'_>>, image: Option<Given<'_>>) {
    let mut spark = None;
    if let Some((image, at)) = image {
        spark = image.told().and_then(spark_of_image);
        if let Some(version) = &spark {
            draft.set_at("imageSpark", version.as_str(), at.clone());
        }
        draft.set_at("image", image.clone(), at);
    }
    if let Some((version, at)) = version {
        if let Some(text) = version.as_str() {
            let plain = number(text);
            if plain.matches('.').count() == 2 {
                draft.set_at("sparkRelease", plain.as_str(), at.clone());
            }
            spark = Some(plain);
        }
        draft.set_at("sparkVersion", version.clone(), at);
    }
    if let Some(ordinal) = spark.as_deref().and_then(ordinal) {
        draft.set("sparkNumber", ordinal);
    }
}

fn account_of(draft: &mut Draft, account: Option<Given<'_>>, otherwise: &str) {
    match account {
        Some((account, at)) => {
            draft.set_at("driverAccount", account.clone(), at.clone());
            draft.set_at("runsAs", account.clone(), at);
        }
        None => draft.set_at("runsAs", "default", otherwise),
    }
}

/// Dynamic allocation, and what keeps shuffle data when an executor goes.
fn allocation<'v>(
    draft: &mut Draft,
    dynamic: Option<Given<'v>>,
    tracking: Option<Given<'v>>,
    conf: &impl Fn(&str) -> Option<Given<'v>>,
    otherwise: &str,
) {
    let is =
        |given: &Option<Given<'_>>, wanted: bool| given.as_ref().is_some_and(|(value, _)| truth(value) == Some(wanted));
    let on = |key: &str| is(&conf(key), true);
    let at = dynamic.as_ref().map_or_else(|| otherwise.to_owned(), |(_, at)| at.clone());
    draft.set_at("dynamicAllocation", is(&dynamic, true), at.clone());
    let kept: Value = if is(&tracking, true) {
        "tracking".into()
    } else if on("spark.shuffle.service.enabled") {
        "shuffle service".into()
    } else if on("spark.decommission.enabled") && on("spark.storage.decommission.shuffleBlocks.enabled") {
        "decommissioning".into()
    } else if conf("spark.shuffle.sort.io.plugin.class").is_some() || conf("spark.shuffle.manager").is_some() {
        "a shuffle plugin".into()
    } else if is(&tracking, false) {
        "nothing".into()
    } else {
        match draft.object.get("sparkNumber").and_then(Value::as_u64) {
            // Since Spark 3.4 shuffles are tracked unless somebody turns it off.
            Some(number) if number >= 3004 => "tracking".into(),
            Some(_) => "nothing".into(),
            None => Unknown {
                why: "the Spark version of the application is not known, and tracking shuffles is a default since 3.4"
                    .into(),
                unblock: Some("set `spark.dynamicAllocation.shuffleTracking.enabled`".into()),
            }
            .to_value(),
        }
    };
    let at = tracking.map_or(at, |(_, at)| at);
    draft.set_at("shuffleKeptBy", kept, at);
}

/// The volumes that Spark itself is to claim for executors.
fn volumes(draft: &mut Draft, conf: &Value, at: &str) {
    let Some(conf) = conf.as_object() else { return };
    let claims = conf.iter().find(|(key, value)| {
        key.contains(".volumes.persistentVolumeClaim.") && key.ends_with(".options.claimName") && *value == "OnDemand"
    });
    if let Some((key, value)) = claims {
        draft.set_at("claimsVolumes", value.clone(), format!("{at}/sparkConf/{}", escape(key)));
    }
}

/// The fields of objects that are not among the known ones; an object that is not known may have any.
fn unknown_fields(draft: &mut Draft, objects: &[(&Value, &[&str], String)]) {
    let mut unknown = Vec::new();
    let mut more = None;
    for (object, known, at) in objects {
        more = more.or_else(|| Unknown::of(object));
        let names = object.as_object().into_iter().flatten().map(|(name, _)| name);
        let names = names.filter(|name| !known.contains(&name.as_str()) && !name.starts_with('$'));
        unknown.extend(names.map(|name| (name.clone(), format!("{at}/{}", escape(name)))));
    }
    set_texts(draft, "unknownFields", unknown);
    if let (Some(more), Some(Value::Array(list))) = (more, draft.object.get_mut("unknownFields")) {
        list.push(more.to_value());
    }
}

/// The SparkApplication that a gateway makes of a submission.
fn as_manifest(body: &Value) -> Value {
    let mut conf: Map<String, Value> = body["spark_conf"].as_object().cloned().unwrap_or_default();
    for (key, value) in [
        ("spark.driver.cores", &body["driver"]["cores"]),
        ("spark.driver.memory", &body["driver"]["memory"]),
        ("spark.executor.instances", &body["executor"]["instances"]),
        ("spark.executor.cores", &body["executor"]["cores"]),
        ("spark.executor.memory", &body["executor"]["memory"]),
        ("spark.kubernetes.container.image", &body["image"]),
    ] {
        if !value.is_null() {
            conf.entry(key).or_insert_with(|| value.clone());
        }
    }
    let files = |name: &str| {
        let list = body[name].as_array().into_iter().flatten().filter_map(Told::told).collect::<Vec<_>>();
        if list.is_empty() { body[name].clone() } else { list.join(",").into() }
    };
    let mut spec =
        json!({"sparkConf": conf, "runtimeVersions": {"sparkVersion": body["runtime_versions"]["spark_version"]}});
    for (field, from) in [("pyFiles", "py_files"), ("jars", "jars"), ("sparkRFiles", "spark_r_files")] {
        let files = files(from);
        if !files.is_null() {
            spec[field] = files;
        }
    }
    json!({
        "apiVersion": "spark.apache.org/v1",
        "kind": "SparkApplication",
        "metadata": {"name": body["application_name"], "namespace": body["namespace"]},
        "spec": spec,
    })
}

fn direct<'v>(object: &'v Value, at: &str, name: &str) -> Option<Given<'v>> {
    Some((object.get(name)?, format!("{at}/{name}"))).filter(|(value, _)| !value.is_null())
}

fn nested<'v>(object: &'v Value, at: &str, outer: &str, inner: &str) -> Option<Given<'v>> {
    direct(object.get(outer)?, &format!("{at}/{outer}"), inner)
}

fn text_at<'v>(conf: &'v Value, at: &str, name: &str, key: &str) -> Option<Given<'v>> {
    Some((conf.get(key)?, format!("{at}/{name}/{}", escape(key)))).filter(|(value, _)| !value.is_null())
}

fn truth(value: &Value) -> Option<bool> {
    value.as_bool().or_else(|| value.as_str()?.trim().to_ascii_lowercase().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spark_versions_in_image_names() {
        for (image, expected) in [
            ("apache/spark:4.1.0-python3", Some("4.1.0")),
            ("docker.io/apache/spark:3.5.6@sha256:00", Some("3.5.6")),
            ("spark:3.5.6-scala2.12-java17-ubuntu", Some("3.5.6")),
            ("895885662937.dkr.ecr.us-west-2.amazonaws.com/spark/emr-7.1.0:latest", Some("3.5.0")),
            ("apache/spark:latest", None),
            ("apache/spark:{{SPARK_VERSION}}-scala", None),
            ("registry.example:5000/team/spark:1.2.3", None),
            ("registry.example:5000/team/spark:3.5.3-scala2.12-java17-python3-ubuntu", Some("3.5.3")),
            ("public.ecr.aws/team/spark3.3.1-hadoop3.2-aws-java-sdk-bundle-1.12.647:latest", Some("3.3.1")),
            ("apache/spark-py:v3.4.0", Some("3.4.0")),
            ("team/sparkling:3.4.0", None),
            ("team/spark3-jobs:1.0.0", None),
            ("registry.example:5000/team/job:3.5.6", None),
            ("spark/emr-99.0.0:latest", None),
            ("", None),
        ] {
            assert_eq!(spark_of_image(image).as_deref(), expected, "{image}");
        }
        assert_eq!(release_of_image("x/spark/emr-7.12.0-java17:latest").as_deref(), Some("7.12.0"));
        assert_eq!((ordinal("3.5.6"), ordinal("3"), ordinal("x.1")), (Some(3005), None, None));
    }

    #[test]
    fn what_keeps_shuffle_data() {
        for (conf, version, expected) in [
            (json!({}), json!("4.1.0"), json!("tracking")),
            (json!({}), json!("3.3.4"), json!("nothing")),
            (json!({"spark.dynamicAllocation.shuffleTracking.enabled": "false"}), json!("4.1.0"), json!("nothing")),
            (json!({"spark.dynamicAllocation.shuffleTracking.enabled": "TRUE"}), json!("3.3.4"), json!("tracking")),
            (json!({"spark.shuffle.service.enabled": "true"}), json!("3.3.4"), json!("shuffle service")),
            (
                json!({"spark.decommission.enabled": "true", "spark.storage.decommission.shuffleBlocks.enabled": "true"}),
                json!("3.3.4"),
                json!("decommissioning"),
            ),
        ] {
            let manifest = json!({"apiVersion": "spark.apache.org/v1", "metadata": {"name": "a"},
                "spec": {"sparkConf": conf, "runtimeVersions": {"sparkVersion": version}}});
            assert_eq!(of_manifest(&manifest, "/x").object["shuffleKeptBy"], expected, "{manifest}");
        }
        let no_version = json!({"apiVersion": "spark.apache.org/v1", "spec": {}});
        assert!(Unknown::of(&of_manifest(&no_version, "").object["shuffleKeptBy"]).is_some());
        let kubeflow = |dynamic: Value| {
            let spec = json!({"sparkVersion": "3.3.0", "dynamicAllocation": dynamic});
            let draft = of_manifest(&json!({"apiVersion": "sparkoperator.k8s.io/v1beta2", "spec": spec}), "/x");
            (draft.object["dynamicAllocation"].clone(), draft.object["shuffleKeptBy"].clone())
        };
        assert_eq!(kubeflow(json!({"enabled": true})), (json!(true), json!("tracking")));
        assert_eq!(
            kubeflow(json!({"enabled": true, "shuffleTrackingEnabled": false})),
            (json!(true), json!("nothing"))
        );
        assert_eq!(kubeflow(json!({"enabled": false})).0, json!(false));
    }

    #[test]
    fn fields_that_the_definition_does_not_know() {
        let manifest = json!({"apiVersion": "spark.apache.org/v1", "spec": {
            "image": "x", "sparkConf": {}, "applicationTolerations": {"resourceRetentionPolicy": "Always", "ttlAfterStopMillis": 1},
        }});
        let draft = of_manifest(&manifest, "/x");
        assert_eq!(draft.object["unknownFields"], json!(["image", "resourceRetentionPolicy"]));
        assert!(
            draft.aliases.contains(&(
                "/unknownFields/1".into(),
                "/x/spec/applicationTolerations/resourceRetentionPolicy".into()
            ))
        );
        let body =
            json!({"application_tolerations": {"resource_retain_policy": "Never", "resource_retention_policy": "x"}});
        assert_eq!(of_gateway(&body, "").object["unknownFields"], json!(["resource_retention_policy"]));
    }
}
