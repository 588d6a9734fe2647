//! What a job names in S3 and CloudWatch, which the role that it runs as must be able to reach.
//!
//! Each job gets `code` (its entry point, and what is shipped with it), `data` (S3 URIs among its
//! arguments), `logs`, `logGroup`, `eventLog` (Spark's own) and `catalog` (Glue's, where it is the
//! metastore; `otherCatalog`, where it is another account's), each with the ARN that IAM is asked about. The part of an ARN
//! that only the run decides is a hole, so that IAM is asked about all that could stand there.
//! What is in the image (`local://`) needs nothing.
//!
//! Where the estate shows the bucket, what it is encrypted with and whether its policy is known stand beside.
//!
//! Deliberately absent: what a program reads without being told.

use super::Draft;
use super::resource_policy::key_of_bucket;
use crate::capacity::demand::spark_submit_conf;
use crate::estate::Estate;
use crate::known::{Part, Text, Told, Unknown};
use crate::path::escape;
use serde_json::{Map, Value, json};

/// Gives every job of the rollout the list of what it needs to reach.
pub(super) fn needs(estate: &Estate, draft: &mut Draft) {
    let place = |name| draft.text(name).map_or_else(|| Text::hole(name), Text::shown);
    let home = Home {
        partition: place("partition"),
        region: place("region"),
        account: place("account"),
        buckets: estate.items("s3.buckets"),
    };
    let Some(Value::Array(mut jobs)) = draft.object.remove("jobs") else { return };
    for (at, job) in jobs.iter_mut().enumerate() {
        let request = draft.aliases.iter().find(|(inside, _)| *inside == format!("/jobs/{at}"));
        let request = request.map(|(_, target)| format!("{target}/request")).unwrap_or_default();
        for (name, needs) in home.needs(job) {
            let mut list = Vec::new();
            for (inside, need) in needs {
                let from = format!("/jobs/{at}/{name}/{}", list.len());
                draft.aliases.push((from, format!("{request}{inside}")));
                list.push(need);
            }
            job[name] = list.into();
        }
    }
    draft.set("jobs", jobs);
}

/// What a job needs, each with its pointer inside the request.
type Needs = Vec<(String, Value)>;

/// Where the rollout is.
struct Home<'e> {
    partition: Text,
    region: Text,
    account: Text,
    /// The buckets that the estate shows.
    buckets: &'e [Value],
}

/// The options of `spark-submit`, and the keys, that ship files with a job.
const SHIPPING: [&str; 9] = [
    "spark.archives",
    "spark.files",
    "spark.jars",
    "spark.submit.pyFiles",
    "spark.yarn.dist.archives",
    "spark.yarn.dist.files",
    "spark.yarn.dist.jars",
    "spark.kubernetes.driver.podTemplateFile",
    "spark.kubernetes.executor.podTemplateFile",
];

const EVENT_LOG: &str = "spark.eventLog.enabled";
const EVENT_LOG_DIR: &str = "spark.eventLog.dir";
const METASTORE: &str = "spark.hadoop.hive.metastore.client.factory.class";
const HIVE_METASTORE: &str = "hive.metastore.client.factory.class";

/// The account whose catalog is asked.
const CATALOG_ID: &str = "spark.hadoop.hive.metastore.glue.catalogid";
const HIVE_CATALOG_ID: &str = "hive.metastore.glue.catalogid";

/// The account whose catalog a request names: what is given when submitting goes before what is configured.
fn catalog_id(request: &Value) -> Option<String> {
    let drivers = ["sparkSubmitJobDriver", "sparkSubmit"].iter();
    let mut given = drivers.filter_map(|driver| {
        let parameters = request["jobDriver"][driver]["sparkSubmitParameters"].told()?;
        spark_submit_conf(parameters).conf.get(CATALOG_ID).cloned()
    });
    let configured = || {
        let all = request["configurationOverrides"]["applicationConfiguration"].as_array()?;
        all.iter().find_map(|one| match one["classification"].as_str()? {
            "spark-defaults" => one["properties"][CATALOG_ID].as_str(),
            "spark-hive-site" => one["properties"][HIVE_CATALOG_ID].as_str(),
            _ => None,
        })
    };
    given.next().or_else(|| configured().map(str::to_owned))
}

/// Whether a metastore client is the one for the Glue Data Catalog.
fn is_glue(factory: &str) -> bool {
    factory.contains("AWSGlueDataCatalogHiveClientFactory")
}

impl Home<'_> {
    fn needs(&self, job: &Value) -> Vec<(&'static str, Needs)> {
        let request = &job["request"];
        match job["kind"].told() {
            Some("start-job-run") => self.of_job_run(request, "sparkSubmitJobDriver"),
            Some("serverless-start-job-run") => self.of_job_run(request, "sparkSubmit"),
            Some("sparkpilot-job") => vec![
                ("code", self.code("/artifact_uri", &request["artifact_uri"])),
                ("data", self.data("/args", &request["args"])),
            ],
            Some("run-job-flow") => vec![("logs", self.logs("/LogUri", &request["LogUri"]))],
            _ => Vec::new(),
        }
    }

    fn of_job_run(&self, request: &Value, driver: &str) -> Vec<(&'static str, Needs)> {
        let (submit, inside) = (&request["jobDriver"][driver], format!("/jobDriver/{driver}"));
        let mut code = self.code(&format!("{inside}/entryPoint"), &submit["entryPoint"]);
        let (mut event_log, mut catalog) = self.of_configuration(request);
        if let Some(parameters) = submit["sparkSubmitParameters"].told() {
            let conf = spark_submit_conf(parameters).conf;
            let at = format!("{inside}/sparkSubmitParameters");
            let value = |key: &str| conf.get(key).map(String::as_str);
            // What is given when submitting goes before what is configured.
            if value(EVENT_LOG_DIR).is_some() || value(EVENT_LOG) == Some("false") {
                event_log.clear();
            }
            event_log.extend(self.event_log(value, &at));
            if catalog.is_empty() && value(METASTORE).is_some_and(is_glue) {
                catalog.push((at.clone(), self.default_database()));
            }
            let shipped = SHIPPING.iter().filter_map(|key| conf.get(*key)).flat_map(|files| files.split(','));
            let shipped = shipped.filter_map(|file| self.object(&Text::literal(file.split('#').next()?.trim())));
            code.extend(shipped.map(|need| (format!("{inside}/sparkSubmitParameters"), need)));
        }
        let other = self.of_another_account(request, &mut catalog);
        let monitoring = "/configurationOverrides/monitoringConfiguration";
        let at = |path: &str| follow(request, &format!("{monitoring}{path}"));
        let (log_uri, log_uri_at) = at("/s3MonitoringConfiguration/logUri");
        let (group, group_at) = at("/cloudWatchMonitoringConfiguration/logGroupName");
        let enabled = at("/cloudWatchMonitoringConfiguration/enabled").0;
        let prefix = at("/cloudWatchMonitoringConfiguration/logStreamNamePrefix").0;
        let mut logs = self.logs(&log_uri_at, log_uri);
        // EMR Serverless encrypts logs with this key rather than the bucket's.
        if let Some(key) = at("/s3MonitoringConfiguration/encryptionKeyArn").0.told() {
            logs.iter_mut()
                .filter(|(_, need)| need["bucket"].is_string())
                .for_each(|(_, need)| need["bucketKey"] = key.into());
        }
        vec![
            ("code", code),
            ("data", self.data(&format!("{inside}/entryPointArguments"), &submit["entryPointArguments"])),
            ("logs", logs),
            ("logGroup", if enabled == false { Vec::new() } else { self.log_group(&group_at, group, prefix) }),
            ("eventLog", event_log),
            ("catalog", catalog),
            ("otherCatalog", other),
        ]
    }

    /// Where the event log goes, and the catalog, by the classifications of the request.
    fn of_configuration(&self, request: &Value) -> (Needs, Needs) {
        let (mut event_log, mut catalog) = (Vec::new(), Vec::new());
        let inside = "/configurationOverrides/applicationConfiguration";
        let all = request.pointer(inside).and_then(Value::as_array);
        for (at, classification) in all.into_iter().flatten().enumerate() {
            let properties = &classification["properties"];
            let property = |key: &str| properties[key].as_str();
            let place = |key: &str| format!("{inside}/{at}/properties/{}", escape(key));
            match classification["classification"].as_str() {
                Some("spark-defaults") => {
                    event_log.extend(self.event_log(property, &place(EVENT_LOG_DIR)));
                    if property(METASTORE).is_some_and(is_glue) {
                        catalog.push((place(METASTORE), self.default_database()));
                    }
                }
                Some("spark-hive-site") if property(HIVE_METASTORE).is_some_and(is_glue) => {
                    catalog.push((place(HIVE_METASTORE), self.default_database()));
                }
                _ => {}
            }
        }
        (event_log, catalog)
    }

    /// What the request asks of the catalog of another account, in place of its own account's.
    fn of_another_account(&self, request: &Value, own: &mut Needs) -> Needs {
        let Some(id) = catalog_id(request).filter(|_| !own.is_empty()) else { return Vec::new() };
        let id = id.trim();
        if self.account.as_str().is_some_and(|account| account == id) {
            return Vec::new();
        }
        let is_account = id.len() == 12 && id.bytes().all(|byte| byte.is_ascii_digit());
        let asked = std::mem::take(own);
        if !is_account || self.account.as_str().is_none() {
            return Vec::new();
        }
        let of = |resource: &str| {
            let parts: [&Text; 5] = [
                &"arn:".into(),
                &self.partition,
                &":glue:".into(),
                &self.region,
                &Text::literal(format!(":{id}:{resource}")),
            ];
            document(&joined(parts))
        };
        let need = json!({
            "account": id, "catalogArn": of("catalog"), "databases": of("database/*"), "tables": of("table/*"),
        });
        asked.into_iter().take(1).map(|(at, _)| (at, need.clone())).collect()
    }

    /// Where Spark writes its event log, if it writes one into S3.
    fn event_log<'c>(&self, conf: impl Fn(&str) -> Option<&'c str>, at: &str) -> Option<(String, Value)> {
        let is_on = conf(EVENT_LOG).is_some_and(|on| on.eq_ignore_ascii_case("true"));
        let need = self.object(&Text::literal(conf(EVENT_LOG_DIR).filter(|_| is_on)?))?;
        Some((at.to_owned(), need))
    }

    /// The database that Spark asks Glue for whenever it starts, with the catalog around it.
    fn default_database(&self) -> Value {
        let of = |resource: &str| {
            let parts: [&Text; 6] =
                [&"arn:".into(), &self.partition, &":glue:".into(), &self.region, &":".into(), &self.account];
            document(&joined([&joined(parts), &":".into(), &resource.into()]))
        };
        json!({"catalogArn": of("catalog"), "arn": of("database/default")})
    }

    fn code(&self, inside: &str, value: &Value) -> Needs {
        let Some(text) = told(value) else { return unknown(inside, value) };
        if let Some(Part::Hole(name)) = text.parts().first() {
            return unknown(inside, &json!({"$unknown": format!("where the code is depends on `{name}`")}));
        }
        self.object(&text).map(|need| (inside.to_owned(), need)).into_iter().collect()
    }

    fn data(&self, inside: &str, values: &Value) -> Needs {
        let values = values.as_array().into_iter().flatten().enumerate();
        let needs = values.filter_map(|(at, value)| Some((format!("{inside}/{at}"), self.object(&Text::of(value)?)?)));
        needs.collect()
    }

    /// A place for logs; what has no scheme is one as well, for a rule to speak of it.
    fn logs(&self, inside: &str, value: &Value) -> Needs {
        let Some(text) = told(value) else { return unknown(inside, value) };
        let mut need = self.object(&text).unwrap_or_else(|| json!({}));
        need["uri"] = value.clone();
        vec![(inside.to_owned(), need)]
    }

    fn log_group(&self, inside: &str, value: &Value, prefix: &Value) -> Needs {
        let Some(name) = told(value) else { return unknown(inside, value) };
        let group = joined([
            &"arn:".into(),
            &self.partition,
            &":logs:".into(),
            &self.region,
            &":".into(),
            &self.account,
            &":log-group:".into(),
            &name,
        ]);
        let prefix = Text::of(prefix).unwrap_or_default();
        let stream = joined([&group, &":log-stream:".into(), &prefix, &Text::hole("stream")]);
        let need = json!({"name": value, "arn": document(&group), "streamArn": document(&stream)});
        vec![(inside.to_owned(), need)]
    }

    /// The object, or the prefix, at an S3 URI.
    fn object(&self, uri: &Text) -> Option<Value> {
        let (first, rest) = uri.parts().split_first()?;
        let Part::Literal(first) = first else { return None };
        let path = ["s3://", "s3a://", "s3n://"].iter().find_map(|scheme| first.strip_prefix(scheme))?;
        if path.starts_with("arn:") || path.is_empty() && rest.is_empty() {
            return None;
        }
        let parts = std::iter::once(Part::Literal(path.to_owned())).chain(rest.iter().cloned());
        let path = Text::from_parts(until_wildcard(parts));
        let root = joined([&"arn:".into(), &self.partition, &":s3:::".into()]);
        let own = joined([&root, &path]);
        let has_key = path.to_string().contains('/');
        let is_prefix = !has_key || matches!(path.parts().last(), Some(Part::Literal(end)) if end.ends_with('/'));
        let slash: Text = if is_prefix && has_key { "".into() } else { "/".into() };
        let below = joined([&own, &slash, &Text::hole("object")]);
        let mut need = Map::new();
        need.insert("uri".into(), document(uri));
        if let Some(bucket) = path.as_str().and_then(|path| path.split('/').next()) {
            need.insert("bucket".into(), bucket.into());
            if self.buckets.iter().any(|shown| shown["Name"] == *bucket && shown["Policy"].is_object()) {
                need.insert("bucketPolicy".into(), format!("the policy of bucket `{bucket}`").into());
            }
            let home = [&self.partition, &self.region, &self.account].map(ToString::to_string);
            let home = format!("arn:{}:kms:{}:{}:", home[0], home[1], home[2]);
            if let Some(key) = key_of_bucket(self.buckets, bucket, &home) {
                need.insert("bucketKey".into(), key.into());
            }
        }
        need.insert("arn".into(), document(if is_prefix { &below } else { &own }));
        need.insert("below".into(), document(&below));
        Some(need.into())
    }
}

/// The texts put together.
fn joined<const N: usize>(texts: [&Text; N]) -> Text {
    Text::from_parts(texts.into_iter().flat_map(|text| text.parts().iter().cloned()))
}

/// The text up to where a pattern or a placeholder begins; what follows could be anything.
fn until_wildcard(parts: impl Iterator<Item = Part>) -> Vec<Part> {
    let mut kept = Vec::new();
    for part in parts {
        match part {
            Part::Literal(text) => match text.find(['*', '?', '[', '{', '<', '$']) {
                None => kept.push(Part::Literal(text)),
                Some(at) => {
                    kept.push(Part::Literal(text.get(..at).unwrap_or_default().to_owned()));
                    kept.push(Part::Hole("object".into()));
                    break;
                }
            },
            hole @ Part::Hole(_) => kept.push(hole),
        }
    }
    kept
}

/// How a text stands in a document.
fn document(text: &Text) -> Value {
    match text.as_str() {
        Some(text) => text.into(),
        None => {
            let parts = text.parts().iter().map(|part| match part {
                Part::Literal(text) => Value::from(text.as_str()),
                Part::Hole(name) => json!({"$unknown": name}),
            });
            json!({"$text": parts.collect::<Vec<_>>()})
        }
    }
}

/// The value at a pointer, or the unknown that stands on the way to it; and where that is.
fn follow<'v>(value: &'v Value, pointer: &str) -> (&'v Value, String) {
    let (mut value, mut at) = (value, String::new());
    for name in pointer.split('/').skip(1) {
        if Unknown::of(value).is_some() {
            break;
        }
        value = &value[name];
        at = format!("{at}/{name}");
    }
    (value, at)
}

/// The text, unless nothing of it is known.
fn told(value: &Value) -> Option<Text> {
    Text::of(value).filter(|_| Unknown::of(value).is_none())
}

/// What stands for a need of which nothing is known.
fn unknown(inside: &str, value: &Value) -> Needs {
    Unknown::of(value).map(|unknown| (inside.to_owned(), unknown.to_value())).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn home() -> Home<'static> {
        Home { partition: "aws".into(), region: "us-east-1".into(), account: "787587782916".into(), buckets: &[] }
    }

    #[test]
    fn uris_become_arns() {
        for (uri, bucket, arn, below) in [
            ("s3://b/x.py", "b", "arn:aws:s3:::b/x.py", "arn:aws:s3:::b/x.py/${object}"),
            ("s3a://b/in/", "b", "arn:aws:s3:::b/in/${object}", "arn:aws:s3:::b/in/${object}"),
            ("s3n://b", "b", "arn:aws:s3:::b/${object}", "arn:aws:s3:::b/${object}"),
            ("s3://b/", "b", "arn:aws:s3:::b/${object}", "arn:aws:s3:::b/${object}"),
        ] {
            let need = home().object(&uri.into()).unwrap();
            let text = |name: &str| Text::of(&need[name]).unwrap().to_string();
            assert_eq!((need["bucket"].as_str(), text("arn"), text("below")), (Some(bucket), arn.into(), below.into()));
        }
        for uri in ["local:///x.jar", "s3://", "hdfs:///x", "x", "s3://arn:aws:s3:us-east-1:1:accesspoint/a/x"] {
            assert_eq!(home().object(&uri.into()), None, "{uri}");
        }
    }

    #[test]
    fn what_follows_a_wildcard_could_be_anything() {
        for uri in ["s3://b/in/*.csv", "s3://b/in/${date}", "s3://b/in/{a,b}"] {
            let need = home().object(&uri.into()).unwrap();
            assert_eq!(Text::of(&need["arn"]).unwrap().to_string(), "arn:aws:s3:::b/in/${object}", "{uri}");
        }
        let need = home().object(&"s3://<bucket>/x".into()).unwrap();
        assert!(need.get("bucket").is_none());
    }

    #[test]
    fn event_logs_and_catalogs() {
        let glue = "com.amazonaws.glue.catalog.metastore.AWSGlueDataCatalogHiveClientFactory";
        for (parameters, configured, event_log, catalogs) in [
            ("", json!([]), None, 0),
            ("--conf spark.eventLog.enabled=true --conf spark.eventLog.dir=s3://b/e/", json!([]), Some("s3://b/e/"), 0),
            ("--conf spark.eventLog.dir=s3://b/e/", json!([]), None, 0),
            (
                "--conf spark.eventLog.enabled=false",
                json!([{"classification": "spark-defaults", "properties": {
                    "spark.eventLog.enabled": "true", "spark.eventLog.dir": "s3://b/e/"}}]),
                None,
                0,
            ),
            (
                "",
                json!([{"classification": "spark-hive-site", "properties": {"hive.metastore.client.factory.class": glue}}]),
                None,
                1,
            ),
        ] {
            let job = json!({"kind": "start-job-run", "request": {
                "jobDriver": {"sparkSubmitJobDriver": {"entryPoint": "local:///x.py", "sparkSubmitParameters": parameters}},
                "configurationOverrides": {"applicationConfiguration": configured},
            }});
            let needs: std::collections::BTreeMap<_, _> = home().needs(&job).into_iter().collect();
            let found = needs["eventLog"].first().and_then(|(_, need)| need["uri"].as_str());
            assert_eq!((found, needs["catalog"].len()), (event_log, catalogs), "{parameters} {configured}");
        }
    }

    #[test]
    fn all_that_a_job_run_names() {
        let job = json!({"kind": "start-job-run", "request": {
            "jobDriver": {"sparkSubmitJobDriver": {
                "entryPoint": "local:///x.py",
                "entryPointArguments": ["--in", "s3://b/in"],
                "sparkSubmitParameters": "--py-files s3://b/a.zip,local:///c.zip --conf spark.archives=s3a://b/e.tgz#env",
            }},
            "configurationOverrides": {"monitoringConfiguration": {"$unknown": "known after apply"}},
        }});
        let needs = home().needs(&job);
        let uris: Vec<(&str, &str)> = needs
            .iter()
            .flat_map(|(name, list)| list.iter().map(|(_, need)| (*name, need["uri"].as_str().unwrap_or("?"))))
            .collect();
        let expected = [("code", "s3a://b/e.tgz"), ("code", "s3://b/a.zip"), ("data", "s3://b/in")];
        assert_eq!(uris, [&expected[..], &[("logs", "?"), ("logGroup", "?")]].concat());
    }
}
