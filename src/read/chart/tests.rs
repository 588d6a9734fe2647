use super::*;
use crate::known::Part;
use serde_json::{Value, json};

/// What a release of a chart makes of values, by collection.
fn made(chart: &str, version: Option<&str>, values: &str, whole: bool) -> Vec<(&'static str, Value)> {
    let mut said = Values::default();
    said.lay(file::values(values, 0).expect("values"));
    said.whole = whole;
    let release = Release {
        name: Node::text("ops"),
        namespace: Node::text("operators"),
        creates_namespace: false,
        chart: Chart::named(chart, "", version, &said),
        version: version.map(str::to_owned),
        values: said,
        cluster: None,
        at: None,
    };
    let mut declared = Vec::new();
    declare(&release, &mut declared);
    values_of(declared)
}

fn values_of(declared: Vec<Declared>) -> Vec<(&'static str, Value)> {
    let all = declared.into_iter().map(|declared| match declared {
        Declared::Item { collection, item, .. } => {
            (collection, item.into_value(&mut String::new(), &mut |_: &str, _: &At| {}))
        }
        other => panic!("{other:?}"),
    });
    all.collect()
}

/// The objects of a collection as `namespace/name`.
fn names(all: &[(&str, Value)], collection: &str) -> Vec<String> {
    let of = all.iter().filter(|(name, _)| *name == collection).map(|(_, item)| &item["metadata"]);
    of.map(|metadata| {
        let text = |value: &Value| value.as_str().map_or_else(|| "?".to_owned(), str::to_owned);
        format!("{}/{}", text(&metadata["namespace"]), text(&metadata["name"]))
    })
    .collect()
}

fn arguments(all: &[(&str, Value)]) -> Value {
    let deployment = all.iter().find(|(name, _)| *name == "kubernetes.deployments").expect("a Deployment");
    deployment.1["spec"]["template"]["spec"]["containers"][0]["args"].clone()
}

#[test]
fn charts_by_name_and_version() {
    let none = Values::default();
    for (name, repository, version, expected) in [
        (
            "spark-operator",
            "https://kubeflow.github.io/spark-operator",
            Some("2.1.0"),
            Chart::Kubeflow(Some(Generation::Two)),
        ),
        ("spark-operator/spark-operator", "", Some("v1.4.6"), Chart::Kubeflow(Some(Generation::One))),
        ("spark-operator/spark-operator", "", None, Chart::Kubeflow(None)),
        ("./spark-operator-2.1.0.tgz", "", None, Chart::Kubeflow(None)),
        ("./charts/spark-operator-chart/", "", None, Chart::Kubeflow(None)),
        ("oci://1.dkr.ecr.us-west-2.amazonaws.com/spark-operator", "", Some("7.0.0"), Chart::Emr),
        ("spark/spark-kubernetes-operator", "", None, Chart::Apache),
        ("stable/spark-operators", "", None, Chart::Other),
        ("bitnami/spark", "", None, Chart::Other),
    ] {
        assert_eq!(Chart::named(name, repository, version, &none), expected, "{name}");
    }
}

#[test]
fn kubeflow_since_version_2() {
    let values = "spark: {jobNamespaces: [otters, moors], serviceAccount: {annotations: {a: b}}}\n";
    let all = made("spark-operator", Some("2.1.0"), values, true);
    assert_eq!(arguments(&all), json!(["controller", "start", "--namespaces=otters,moors"]));
    let accounts = ["otters/ops-spark-operator-spark", "moors/ops-spark-operator-spark"];
    for collection in ["kubernetes.serviceAccounts", "kubernetes.roles", "kubernetes.roleBindings"] {
        assert_eq!(names(&all, collection), accounts, "{collection}");
    }
    let webhook = all.iter().find(|(name, _)| *name == "kubernetes.mutatingWebhookConfigurations").unwrap();
    let selector = &webhook.1["webhooks"][0]["namespaceSelector"]["matchExpressions"][0];
    assert_eq!(selector["values"], json!(["otters", "moors"]));
    // What is not said is the default, where nothing else can say it.
    assert_eq!(arguments(&made("spark-operator", Some("2.1.0"), "", true))[2], "--namespaces=default");
    let open = made("spark-operator", Some("2.1.0"), "webhook: {enable: false}", false);
    assert!(arguments(&open)[2]["$unknown"].is_string(), "{open:?}");
    assert_eq!(open.len(), 1, "{open:?}");
    // Before version 2 others said so, and it takes no notice of them.
    assert_eq!(
        arguments(&made("spark-operator", Some("2.0.0"), "sparkJobNamespaces: [otters]", true))[2],
        "--namespaces=default"
    );
    for all_of_them in ["spark: {jobNamespaces: ['']}", "spark: {jobNamespaces: []}", "spark: {jobNamespaces: }"] {
        let all = made("spark-operator", None, all_of_them, true);
        assert_eq!(arguments(&all)[2], "--namespaces=", "{all_of_them}");
        assert_eq!(names(&all, "kubernetes.serviceAccounts"), [""; 0]);
    }
    let own = "spark: {jobNamespaces: [a], serviceAccount: {create: false, name: mine}, rbac: {create: false}}";
    let all = made("spark-operator", None, own, true);
    assert_eq!((names(&all, "kubernetes.serviceAccounts").len(), names(&all, "kubernetes.roles").len()), (0, 0));
}

#[test]
fn kubeflow_before_version_2() {
    let one = made("spark-operator", Some("1.1.27"), "sparkJobNamespace: otters", true);
    assert_eq!(arguments(&one), json!(["-namespace=otters"]));
    assert_eq!(names(&one, "kubernetes.serviceAccounts"), ["otters/ops-spark"]);
    assert_eq!(names(&one, "kubernetes.roles"), ["otters/spark-role"]);
    let hooked = made("spark-operator", Some("1.4.6"), "sparkJobNamespaces: [a, b]\nwebhook: {enable: true}", true);
    assert_eq!(arguments(&hooked), json!(["-namespace=", "-enable-webhook=true"]));
    assert_eq!(names(&hooked, "kubernetes.serviceAccounts"), ["a/ops-spark", "b/ops-spark"]);
    assert_eq!(names(&hooked, "kubernetes.mutatingWebhookConfigurations"), ["?/ops-spark-operator-webhook-config"]);
    // Since 1.2 it has another name.
    assert_eq!(arguments(&made("spark-operator", Some("1.2.0"), "sparkJobNamespace: a", true)), json!(["-namespace="]));
    let emr = "emrContainers: {awsRegion: eu-west-1}\nsparkJobNamespace: jobs";
    let emr = made("spark-operator", Some("7.0.0"), emr, true);
    assert_eq!(names(&emr, "kubernetes.serviceAccounts"), ["jobs/emr-containers-sa-spark"]);
    assert_eq!(names(&emr, "kubernetes.roles"), [""; 0]);
}

#[test]
fn apache() {
    let values = "workloadResources: {namespaces: {data: [otters, moors]}}\nimage: {tag: 0.5.0}\n";
    let all = made("spark-kubernetes-operator", None, values, false);
    let config = &all.iter().find(|(name, _)| *name == "kubernetes.configMaps").unwrap().1;
    assert!(config["data"]["spark-operator.properties"].as_str().unwrap().contains("watchedNamespaces=otters,moors\n"));
    assert_eq!(names(&all, "kubernetes.namespaces"), ["?/otters", "?/moors"]);
    assert_eq!(names(&all, "kubernetes.roleBindings").len(), 2);
    assert_eq!(names(&all, "kubernetes.clusterRoles"), ["?/spark-workload-clusterrole"]);
    let image = |all: &[(&str, Value)]| all[0].1["spec"]["template"]["spec"]["containers"][0]["image"].clone();
    assert_eq!(image(&all), "apache/spark-kubernetes-operator:0.5.0");
    // Without a list, it is the namespace of the release, where nothing else can name one.
    let own = made("spark-kubernetes-operator", Some("1.8.0"), "", true);
    assert_eq!(names(&own, "kubernetes.serviceAccounts"), ["operators/spark"]);
    assert_eq!(
        (names(&own, "kubernetes.namespaces").len(), image(&own)),
        (0, json!("apache/spark-kubernetes-operator:1.0.0"))
    );
    let open = made("spark-kubernetes-operator", Some("1.8.0"), "", false);
    assert_eq!(names(&open, "kubernetes.serviceAccounts"), [""; 0]);
    assert!(open[1].1["data"]["spark-operator.properties"]["$unknown"].is_string(), "{open:?}");
    let apart = "workloadResources: {namespaces: {overrideWatchedNamespaces: false, data: [a]}}\noperatorConfiguration:\n  spark-operator.properties: |\n    spark.kubernetes.operator.watchedNamespaces=b\n";
    let apart = made("spark-kubernetes-operator", None, apart, true);
    let properties = apart[1].1["data"]["spark-operator.properties"].as_str().unwrap();
    assert!(properties.contains("watchedNamespaces=b") && !properties.contains("=a"), "{properties}");
}

#[test]
fn settings_as_helm_takes_them() {
    for (settings, expected) in [
        ("a.b=c,d=true", json!({"a": {"b": "c"}, "d": true})),
        ("a={b,c},d=e", json!({"a": ["b", "c"], "d": "e"})),
        ("a={}", json!({"a": []})),
        ("a={\"\"}", json!({"a": [""]})),
        ("a=b\\,c", json!({"a": "b,c"})),
        ("a\\.b/c=d", json!({"a.b/c": "d"})),
        ("a[1].b=2,a[0]=x", json!({"a": ["x", {"b": 2}]})),
        ("a=007,b=1.5,c=null", json!({"a": "007", "b": "1.5"})),
        ("a=", json!({"a": ""})),
        ("a", json!({})),
        ("", json!({})),
    ] {
        let mut values = Values::default();
        values.set(&Text::literal(settings), None, false);
        let said = values.said.into_value(&mut String::new(), &mut |_: &str, _: &At| {});
        assert_eq!(said, expected, "{settings}");
    }
    let mut values = Values::default();
    let holes = Text::from_parts([Part::Literal("a={x-".into()), Part::Hole("S".into()), Part::Literal(",y}".into())]);
    values.set(&holes, None, false);
    let said = values.said.clone().into_value(&mut String::new(), &mut |_: &str, _: &At| {});
    assert_eq!(said, json!({"a": [{"$text": ["x-", {"$unknown": "S"}]}, "y"]}));
    // A path that is not known may be any.
    values.set(&Text::from_parts([Part::Hole("P".into()), Part::Literal("=1".into())]), None, false);
    assert!(!values.whole && !values.get(&["a"]).is_told());
}

#[test]
fn hostile_settings_and_values_end() {
    let mut values = Values::default();
    for settings in [
        "a.".repeat(10_000) + "b=1",
        "a[999999999]=1".to_owned(),
        "a={".to_owned() + &"x,".repeat(50_000),
        "[[[[=".repeat(1000),
    ] {
        values.set(&Text::literal(settings), None, false);
    }
    assert!(!values.whole);
    let deep = "{a: ".repeat(2000) + "1" + &"}".repeat(2000);
    assert!(file::values(&deep, 0).is_none());
    assert!(file::read("values.yaml", "spark: [jobNamespaces]\nsparkJobNamespace: {a: b}\n", false).is_some());
}

#[test]
fn files_by_themselves() {
    for (text, collections) in [
        ("spark:\n  jobNamespaces: [otters]\n  serviceAccount: {name: jobs}\n", 5),
        ("sparkJobNamespace: otters\nserviceAccounts: {spark: {name: jobs}}\n", 4),
        ("controllerThreads: 10\nwebhook: {enable: true}\n", 2),
        ("emrContainers: {awsRegion: a}\nwebhook: {enable: true}\n", 2),
        ("workloadResources: {namespaces: {data: [otters]}}\n", 6),
        (
            "spark-operator:\n  spark: {jobNamespaces: [otters], serviceAccount: {create: false}, rbac: {create: false}}\n",
            2,
        ),
        // Of other charts.
        ("spark: {enabled: true}\nwebhook: {enable: true}\n", 0),
        ("controller: {replicas: 2}\nwebhook: {enable: true}\n", 0),
        ("webhook: {enable: true}\n", 0),
        ("- a\n", 0),
        ("", 0),
    ] {
        let found = file::read("helm/values.yaml", text, false).map_or(Vec::new(), |code| values_of(code.declared));
        assert_eq!(found.len(), collections, "{text}: {found:?}");
    }
    let defaults = "spark: {jobNamespaces: [default]}\n";
    assert!(file::read("values.yaml", defaults, true).is_none());
    let umbrella = "spark-operator: {spark: {jobNamespaces: [default]}}\n";
    assert!(file::read("values.yaml", umbrella, true).is_some());
}

#[test]
fn releases_that_stand_as_objects() {
    let flux = json!({"apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease",
        "metadata": {"name": "ops", "namespace": "flux-system"},
        "spec": {"targetNamespace": "operators", "install": {"createNamespace": true},
            "chart": {"spec": {"chart": "spark-operator", "version": "2.1.0"}},
            "values": {"spark": {"jobNamespaces": ["otters"]}, "webhook": {"enable": false}}}});
    let argo = json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "metadata": {"name": "ops"},
        "spec": {"destination": {"namespace": "operators"}, "syncPolicy": {"syncOptions": ["CreateNamespace=true"]},
            "sources": [{"ref": "values", "repoURL": "x"}, {"chart": "spark-operator", "targetRevision": "2.1.0",
                "helm": {"values": "spark: {jobNamespaces: [ravens]}\nwebhook: {enable: false}\n",
                    "parameters": [{"name": "spark.jobNamespaces[0]", "value": "otters"}]}}]}});
    for (object, account) in
        [(&flux, "otters/operators-ops-spark-operator-spark"), (&argo, "otters/ops-spark-operator-spark")]
    {
        let mut declared = Vec::new();
        object::read(object, "/0", &mut declared);
        let all = values_of(declared);
        assert_eq!(names(&all, "kubernetes.namespaces"), ["?/operators"], "{object}");
        assert_eq!(arguments(&all)[2], "--namespaces=otters");
        assert_eq!(names(&all, "kubernetes.serviceAccounts"), [account]);
    }
    let mut range = flux.clone();
    range["spec"]["chart"]["spec"]["version"] = json!(">=1.0.0");
    range["spec"]["values"] = json!(null);
    range["spec"]["valuesFrom"] = json!([{"kind": "ConfigMap", "name": "values"}]);
    let mut other = argo.clone();
    other["spec"]["sources"][1]["chart"] = json!("prometheus");
    for (object, count) in [(range, 2), (other, 0)] {
        let mut declared = Vec::new();
        object::read(&object, "/0", &mut declared);
        assert_eq!(declared.len(), count, "{declared:?}");
    }
}
