//! Settings that stop Spark, or expose it, wherever it runs: of applications and of job requests.
//!
//! Each is a list of texts with their places, empty where nothing is wrong; a list ends in an unknown
//! where what it would be read from is not known.
//!
//! Deliberately absent: what depends on a cluster.

mod conf;
mod manifest;

use super::application::{KUBEFLOW, number, ordinal, release_of_image, set_texts};
use super::{Draft, draft_alias};
use crate::capacity::demand::spark_submit_conf;
use crate::facts;
use crate::known::{Told, Unknown};
use crate::path::escape;
use conf::Runs;
pub(super) use manifest::spot_of_driver;
use serde_json::{Map, Value};

/// A setting: its key, its value, and where it stands.
type Setting = (String, String, String);

/// Virtual machine options, and the Java version from which on they keep it from starting.
const REMOVED: &[(&str, u32)] = &[
    ("PrintGCDateStamps", 10),
    ("PrintGCTimeStamps", 10),
    ("PrintGCApplicationStoppedTime", 10),
    ("PrintGCApplicationConcurrentTime", 10),
    ("PrintTenuringDistribution", 10),
    ("PrintHeapAtGC", 10),
    ("PrintAdaptiveSizePolicy", 10),
    ("PrintReferenceGC", 10),
    ("UseGCLogFileRotation", 10),
    ("NumberOfGCLogFiles", 10),
    ("GCLogFileSize", 10),
    ("UseParNewGC", 10),
    ("UseConcMarkSweepGC", 15),
    ("CMSInitiatingOccupancyFraction", 15),
    ("UseCMSInitiatingOccupancyOnly", 15),
    ("CMSClassUnloadingEnabled", 15),
    ("CMSParallelRemarkEnabled", 15),
    ("CMSScavengeBeforeRemark", 15),
    ("UseParallelOldGC", 16),
];

/// Settings of virtual machines.
const JAVA_OPTIONS: &[&str] = &[
    "spark.driver.extraJavaOptions",
    "spark.executor.extraJavaOptions",
    "spark.driver.defaultJavaOptions",
    "spark.executor.defaultJavaOptions",
];

/// Directories of a node that its own programs live by.
const OF_THE_NODE: &[&str] = &["tmp", "var", "etc", "root", "home", "run", "proc", "sys", "dev", "usr", "boot", "lib"];

/// Looks at the settings of an application: its specification stands at `at`.
pub(super) fn of_application(draft: &mut Draft, spec: &Value, conf: &str, at: &str) {
    let (settings, more) = settings(&spec[conf], &format!("{at}/{conf}"));
    let more = more.or_else(|| Unknown::of(spec));
    let image = draft.object.get("image").and_then(Told::told).unwrap_or_default().to_owned();
    let spark = draft.object.get("sparkNumber").and_then(Value::as_u64);
    let java = java_of(&image, release_of_image(&image).as_deref(), spark);
    let mut options: Vec<Setting> =
        settings.iter().filter(|(key, ..)| JAVA_OPTIONS.contains(&key.as_str())).cloned().collect();
    for part in ["driver", "executor"] {
        if let Some(text) = spec[part]["javaOptions"].told() {
            options.push((format!("{part}.javaOptions"), text.to_owned(), format!("{at}/{part}/javaOptions")));
        }
    }
    put(draft, "removedOptions", removed(&options, java), &more);
    let runs = Runs { spark, emr: release_of_image(&image).is_some(), image: &image };
    let mut all = settings;
    for part in ["driver", "executor"] {
        if let Some(memory) = spec[part]["memory"].told() {
            all.push((format!("{part}.memory"), memory.to_owned(), format!("{at}/{part}/memory")));
        }
        for field in ["cores", "coreRequest"] {
            let value = &spec[part][field];
            if let Some(text) = value.told().map(str::to_owned).or_else(|| value.as_u64().map(|it| it.to_string())) {
                all.push((format!("{part}.{field}"), text, format!("{at}/{part}/{field}")));
            }
        }
    }
    for (number, package) in spec["deps"]["packages"].as_array().into_iter().flatten().enumerate() {
        if let Some(package) = package.told() {
            all.push(("deps.packages".to_owned(), package.to_owned(), format!("{at}/deps/packages/{number}")));
        }
    }
    of_conf(draft, &all, &more, runs);
    put(draft, "homelessPackages", conf::homeless_packages(&conf::packages(&all), &all, runs), &more);
    if conf == "sparkConf" {
        put(draft, "notTexts", manifest::not_texts(spec, at), &more);
    }
    put(draft, "malformedLabels", manifest::malformed_labels(spec, &all, at), &more);
    put(draft, "looseMounts", manifest::loose_mounts(spec, at), &more);
    put(draft, "movingImages", manifest::moving_images(spec, &all, at), &more);
    put(draft, "unknownUsers", manifest::unknown_users(spec, &image, at), &more);
    if draft.text("group") == Some(KUBEFLOW) {
        let namespace = draft.text("namespace").map(str::to_owned);
        put(draft, "refusedSettings", conf::refused(&all, namespace.as_deref()), &more);
    }
    pods(draft, spec, at, &more);
}

/// Whether somebody is still to fill in a part of a text.
pub(super) fn is_filled_later(text: &str) -> bool {
    text.contains(['$', '{', '<', '%'])
}

/// Whether the tag of an image may mean another image tomorrow.
pub(super) fn image_moves(image: &str) -> bool {
    let Some(name) = image.rsplit('/').next().filter(|name| !image.contains('@') && !is_filled_later(name)) else {
        return false;
    };
    name.split_once(':').is_none_or(|(_, tag)| tag == "latest")
}

/// Looks at the settings of the jobs that a rollout submits to EMR.
pub(super) fn of_jobs(draft: &mut Draft) {
    let jobs = draft.object.get("jobs").and_then(Value::as_array).cloned().unwrap_or_default();
    let mut drafts = Vec::new();
    for (number, job) in jobs.iter().enumerate() {
        let at = format!("{}/request", draft_alias(draft, &format!("/jobs/{number}"), ""));
        let own = draft.object.get("release").and_then(|release| release["spark"].told()).map(str::to_owned);
        drafts.push(of_job(&job["request"], own.as_deref(), &at));
    }
    draft.set_drafts("jobSettings", drafts);
}

fn of_job(request: &Value, spark: Option<&str>, at: &str) -> Draft {
    let mut draft = Draft::default();
    draft.set_at("request", request.clone(), at);
    let mut more = Unknown::of(request).or_else(|| Unknown::of(&request["configurationOverrides"]));
    let mut all = Vec::new();
    for driver in ["sparkSubmitJobDriver", "sparkSubmit"] {
        let submit = &request["jobDriver"][driver]["sparkSubmitParameters"];
        if let Some(parameters) = submit.told() {
            let place = format!("{at}/jobDriver/{driver}/sparkSubmitParameters");
            let conf = spark_submit_conf(parameters).conf;
            all.extend(conf.iter().map(|(key, value)| (key.clone(), value.clone(), place.clone())));
        }
        more = more.or_else(|| Unknown::of(submit));
    }
    let configured = [
        (
            &request["configurationOverrides"]["applicationConfiguration"],
            "classification",
            "properties",
            "/configurationOverrides/applicationConfiguration",
        ),
        (&request["Configurations"], "Classification", "Properties", "/Configurations"),
    ];
    for (list, classification, properties, pointer) in configured {
        for (number, entry) in list.as_array().into_iter().flatten().enumerate() {
            if entry[classification] == "spark-defaults" {
                let (own, unknown) = settings(&entry[properties], &format!("{at}{pointer}/{number}/{properties}"));
                all.extend(own);
                more = more.or(unknown);
            }
        }
        more = more.or_else(|| Unknown::of(list));
    }
    let label = ["releaseLabel", "ReleaseLabel"].iter().find_map(|key| request[*key].told());
    let release = label.and_then(|label| label.strip_prefix("emr-"));
    let options: Vec<Setting> = all.iter().filter(|(key, ..)| JAVA_OPTIONS.contains(&key.as_str())).cloned().collect();
    put(&mut draft, "removedOptions", removed(&options, java_of(label.unwrap_or_default(), release, None)), &more);
    let named = release.and_then(|release| facts::emr_release(&number(release)));
    let spark = named.and_then(|release| release.spark).or(spark).and_then(ordinal);
    of_conf(&mut draft, &all, &more, Runs { spark, emr: true, image: "" });
    put(&mut draft, "fixedNames", conf::fixed_names(&all), &more);
    put(&mut draft, "movingImages", manifest::moving_images(&Value::Null, &all, at), &more);
    put(&mut draft, "malformedLabels", manifest::malformed_labels(&Value::Null, &all, at), &more);
    put(&mut draft, "imagesOfOtherReleases", conf::images_of_other_releases(&all, release), &more);
    draft
}

/// The settings of a Spark configuration, and why there may be more.
fn settings(conf: &Value, at: &str) -> (Vec<Setting>, Option<Unknown>) {
    if let Some(unknown) = Unknown::of(conf) {
        return (Vec::new(), Some(unknown));
    }
    let entries = conf.as_object().into_iter().flatten();
    let texts = entries.filter_map(|(key, value)| {
        let text = match value {
            Value::Bool(truth) => truth.to_string(),
            Value::Number(number) => number.to_string(),
            other => other.told()?.to_owned(),
        };
        Some((key.clone(), text, format!("{at}/{}", escape(key))))
    });
    (texts.collect(), None)
}

/// The settings of a Spark configuration that are secrets in plain text.
pub(super) fn secrets(conf: &Value, at: &str) -> Vec<(String, String)> {
    let (settings, _) = settings(conf, at);
    settings.into_iter().filter(|(key, value, _)| is_secret(key, value)).map(|(key, _, at)| (key, at)).collect()
}

/// The Java version that runs Spark, where the release says it.
fn java_of(image: &str, release: Option<&str>, spark: Option<u64>) -> Option<u32> {
    if image.contains("java8") {
        return Some(8);
    }
    if image.contains("java11") {
        return Some(11);
    }
    match release.and_then(|release| release.split('.').next()).and_then(|major| major.parse::<u32>().ok()) {
        // EMR runs Spark on Java 17 from 7.0 on, and Spark itself takes nothing older from 4.0 on.
        Some(major) if major >= 7 => Some(17),
        Some(_) => None,
        None => spark.filter(|number| *number >= 4000).map(|_| 17),
    }
}

/// The options that the virtual machine does not know any more.
fn removed(options: &[Setting], java: Option<u32>) -> Vec<(String, String)> {
    let Some(java) = java else { return Vec::new() };
    let mut found = Vec::new();
    for (_, text, at) in options {
        if text.contains("IgnoreUnrecognizedVMOptions") {
            continue;
        }
        for word in text.split_whitespace() {
            let Some(name) = word.strip_prefix("-XX:") else { continue };
            let name = name.trim_start_matches(['+', '-']).split('=').next().unwrap_or_default();
            if REMOVED.iter().any(|(removed, since)| *removed == name && java >= *since) {
                found.push((word.to_owned(), at.clone()));
            }
        }
    }
    found
}

fn of_conf(draft: &mut Draft, settings: &[Setting], more: &Option<Unknown>, runs: Runs<'_>) {
    let keys = |wanted: &dyn Fn(&str, &str) -> bool| -> Vec<(String, String)> {
        let some = settings.iter().filter(|(key, value, _)| wanted(key, value));
        some.map(|(key, _, at)| (key.clone(), at.clone())).collect()
    };
    put(draft, "testingSettings", keys(&|key, value| key.starts_with("spark.testing") && value != "false"), more);
    put(draft, "secretsInSettings", keys(&is_secret), more);
    put(draft, "smallHeaps", conf::small_heaps(settings), more);
    put(draft, "packagesOfOthers", conf::packages_of_others(&conf::packages(settings), runs), more);
    put(draft, "nodeCredentials", conf::node_credentials(settings), more);
    put(draft, "smallRequests", conf::small_requests(settings), more);
    put(draft, "longSessions", conf::long_sessions(settings), more);
}

/// Whether a setting holds a secret itself, and not the way to one.
fn is_secret(key: &str, value: &str) -> bool {
    let key = key.to_ascii_lowercase();
    let names =
        ["secret.key", "session.token", ".password", "secretkey", "accountkey", "account.key", "secretaccesskey"];
    let is_reference = value.is_empty()
        || value.contains("${")
        || value.contains("{{")
        || value.starts_with('<')
        || value.starts_with('/')
        || value.starts_with("file:");
    // A reader has replaced the secret itself by stars. Where a password is looked up says nothing of the password.
    let of_a_store = key.ends_with("password.file") || key.contains("passwordfile") || key.contains("secretkeyref");
    names.iter().any(|name| key.contains(name)) && !is_reference && !of_a_store
}

/// What pods of the application are given.
fn pods(draft: &mut Draft, spec: &Value, at: &str, more: &Option<Unknown>) {
    let mut tolerations = Vec::new();
    let mut hosts = Vec::new();
    let mut overhead = Vec::new();
    let mut parts: Vec<(&Value, String)> = vec![(spec, at.to_owned())];
    for part in ["driver", "executor", "driverSpec", "executorSpec"] {
        parts.push((&spec[part], format!("{at}/{part}")));
        for template in ["template", "podTemplateSpec"] {
            parts.push((&spec[part][template]["spec"], format!("{at}/{part}/{template}/spec")));
        }
    }
    for (part, at) in parts {
        for (number, toleration) in part["tolerations"].as_array().into_iter().flatten().enumerate() {
            if let Some(key) = toleration["key"].told().filter(|key| !is_qualified(key)) {
                tolerations.push((key.to_owned(), format!("{at}/tolerations/{number}/key")));
            }
        }
        for (number, volume) in part["volumes"].as_array().into_iter().flatten().enumerate() {
            let Some(path) = volume["hostPath"]["path"].told() else { continue };
            let first = path.trim_start_matches('/').split('/').next().unwrap_or_default();
            if path.starts_with('/') && (first.is_empty() || OF_THE_NODE.contains(&first)) {
                hosts.push((path.to_owned(), format!("{at}/volumes/{number}/hostPath/path")));
            }
        }
        let none = |value: &Value| match value {
            Value::Number(number) => number.as_u64() == Some(0),
            other => other.told().is_some_and(|text| {
                let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
                digits == "0"
            }),
        };
        if none(&part["memoryOverhead"]) {
            overhead.push(("memoryOverhead".to_owned(), format!("{at}/memoryOverhead")));
        }
    }
    put(draft, "malformedTolerations", tolerations, more);
    put(draft, "hostPaths", hosts, more);
    put(draft, "withoutOverhead", overhead, more);
}

/// Whether Kubernetes takes a text as the key of a taint or a label: a name, perhaps behind a domain.
fn is_qualified(key: &str) -> bool {
    // A hole may be filled with anything.
    if key.contains("${") || key.is_empty() {
        return true;
    }
    let (domain, name) = key.rsplit_once('/').unwrap_or(("", key));
    let alphanumeric = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    name.len() <= 63
        && alphanumeric(name.chars().next())
        && alphanumeric(name.chars().next_back())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
        && domain.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.'))
}

/// Puts a list in, with an unknown at its end where there may be more.
fn put(draft: &mut Draft, name: &str, found: Vec<(String, String)>, more: &Option<Unknown>) {
    set_texts(draft, name, found);
    if let (Some(more), Some(Value::Array(list))) = (more, draft.object.get_mut(name)) {
        list.push(more.to_value());
    }
}

/// The fields that Kubeflow's definition requires and an application lacks.
pub(super) fn missing_fields(draft: &mut Draft, spec: &Value, at: &str) {
    const REQUIRED: [&str; 5] = ["type", "sparkVersion", "mainApplicationFile", "driver", "executor"];
    let more = Unknown::of(spec);
    let empty = Map::new();
    let fields = spec.as_object().unwrap_or(&empty);
    let missing = REQUIRED.iter().filter(|name| more.is_none() && fields.get(**name).is_none_or(Value::is_null));
    let missing: Vec<(String, String)> = missing.map(|name| ((*name).to_owned(), at.to_owned())).collect();
    put(draft, "missingFields", missing, &more);
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn list(draft: &Draft, name: &str) -> Value {
        draft.object.get(name).cloned().unwrap_or_default()
    }

    #[test]
    fn options_that_java_does_not_know_any_more() {
        for (image, conf, expected) in [
            ("x/emr-7.5.0:latest", "-XX:+PrintGCDateStamps -XX:+PrintGCDetails", json!(["-XX:+PrintGCDateStamps"])),
            ("x/emr-6.15.0:latest", "-XX:+PrintGCDateStamps", json!([])),
            ("x/emr-7.5.0-java8:latest", "-XX:+PrintGCDateStamps", json!([])),
            ("x/emr-7.5.0-java11:latest", "-XX:+UseConcMarkSweepGC", json!([])),
            ("x/emr-7.5.0:latest", "-XX:+IgnoreUnrecognizedVMOptions -XX:+PrintGCDateStamps", json!([])),
            (
                "x/emr-7.5.0:latest",
                "-XX:CMSInitiatingOccupancyFraction=70",
                json!(["-XX:CMSInitiatingOccupancyFraction=70"]),
            ),
            ("x/own:1", "-XX:+PrintGCDateStamps", json!([])),
        ] {
            let mut draft = Draft::default();
            draft.set("image", image);
            let spec = json!({"sparkConf": {"spark.executor.extraJavaOptions": conf}});
            of_application(&mut draft, &spec, "sparkConf", "/spec");
            assert_eq!(list(&draft, "removedOptions"), expected, "{image} {conf}");
        }
    }

    #[test]
    fn what_pods_are_given() {
        let spec = json!({
            "volumes": [{"hostPath": {"path": "/tmp"}}, {"hostPath": {"path": "/mnt/k8s-disks/0"}}],
            "driver": {"tolerations": [{"key": "pool\""}, {"key": "example.com/pool"}, {"operator": "Exists"}]},
            "executor": {"memoryOverhead": "0m", "template": {"spec": {"tolerations": [{"key": "-a"}]}}},
            "sparkConf": {"spark.testing.reservedMemory": "1", "spark.hadoop.fs.s3a.secret.key": "hush", "a.password": "${X}"},
        });
        let mut draft = Draft::default();
        of_application(&mut draft, &spec, "sparkConf", "/spec");
        assert_eq!(list(&draft, "malformedTolerations"), json!(["pool\"", "-a"]));
        assert_eq!(list(&draft, "hostPaths"), json!(["/tmp"]));
        assert_eq!(list(&draft, "withoutOverhead"), json!(["memoryOverhead"]));
        assert_eq!(list(&draft, "testingSettings"), json!(["spark.testing.reservedMemory"]));
        assert_eq!(list(&draft, "secretsInSettings"), json!(["spark.hadoop.fs.s3a.secret.key"]));
        assert!(!format!("{:?}", draft.object.get("secretsInSettings")).contains("hush"));
    }

    #[test]
    fn what_is_not_known_may_hold_more() {
        let mut draft = Draft::default();
        of_application(&mut draft, &json!({"sparkConf": {"$unknown": "x"}}), "sparkConf", "/spec");
        assert!(Unknown::of(&list(&draft, "testingSettings")[0]).is_some());
        missing_fields(
            &mut draft,
            &json!({"type": "Scala", "driver": {}, "executor": {}, "sparkVersion": "3.5.1"}),
            "/spec",
        );
        assert_eq!(list(&draft, "missingFields"), json!(["mainApplicationFile"]));
    }
}
