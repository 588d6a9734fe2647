use super::super::supply::requests;
use super::submit::words;
use super::*;
use proptest::prelude::*;
use serde_json::json;

fn conf(entries: &[(&str, &str)]) -> BTreeMap<String, String> {
    entries.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn requests_are_what_spark_computes() {
    use Language::{Jvm, Python, R};
    // Configuration, language, version; driver cpu and memory, executor cpu and memory.
    type Row<'a> = (&'a [(&'a str, &'a str)], Language, &'a str, [u64; 4]);
    let table: &[Row<'_>] = &[
        (&[], Jvm, "3.5.5", [1000, 1408, 1000, 1408]),
        (&[], Python, "3.5.5", [1000, 1433, 1000, 1433]),
        (&[], R, "3.5.5", [1000, 1433, 1000, 1433]),
        (&[("spark.driver.memory", "20g")], Jvm, "3.5.5", [1000, 22528, 1000, 1408]),
        (&[("spark.executor.memory", "8g")], Python, "3.5.5", [1000, 1433, 1000, 11468]),
        (&[("spark.executor.memory", "8192")], Python, "3.5.5", [1000, 1433, 1000, 11468]),
        (&[("spark.executor.memory", "8G")], Jvm, "3.5.5", [1000, 1408, 1000, 9011]),
        (&[("spark.driver.cores", "2"), ("spark.executor.cores", "4")], Jvm, "3.5.5", [2000, 1408, 4000, 1408]),
        (
            &[("spark.kubernetes.driver.request.cores", "500m"), ("spark.kubernetes.executor.request.cores", "0.25")],
            Jvm,
            "3.5.5",
            [500, 1408, 250, 1408],
        ),
        // Explicit overheads take the place of the share and of the least.
        (
            &[("spark.driver.memoryOverhead", "100m"), ("spark.executor.memoryOverhead", "2g")],
            Python,
            "3.5.5",
            [1000, 1124, 1000, 3072],
        ),
        // The driver's own factor is the driver's alone; the default factor is for both.
        (&[("spark.driver.memoryOverheadFactor", "0.8")], Jvm, "3.5.5", [1000, 1843, 1000, 1408]),
        (&[("spark.driver.memoryOverheadFactor", "0.8")], Python, "3.5.5", [1000, 1843, 1000, 1433]),
        (&[("spark.executor.memoryOverheadFactor", "0.8")], Python, "3.5.5", [1000, 1433, 1000, 1843]),
        (&[("spark.kubernetes.memoryOverheadFactor", "0.8")], Python, "3.5.5", [1000, 1843, 1000, 1843]),
        (&[("spark.driver.memoryOverheadFactor", "0.8")], Jvm, "3.2.1-amzn-0", [1000, 1408, 1000, 1408]),
        (
            &[("spark.memory.offHeap.enabled", "true"), ("spark.memory.offHeap.size", "1g")],
            Jvm,
            "3.5.5",
            [1000, 1408, 1000, 2432],
        ),
        (&[("spark.memory.offHeap.size", "1g")], Jvm, "3.5.5", [1000, 1408, 1000, 1408]),
        (
            &[("spark.memory.offHeap.enabled", "TRUE"), ("spark.memory.offHeap.size", "1073741824")],
            Jvm,
            "3.5.5",
            [1000, 1408, 1000, 2432],
        ),
        (&[("spark.executor.pyspark.memory", "1g")], Python, "3.5.5", [1000, 1433, 1000, 2457]),
        (&[("spark.executor.pyspark.memory", "1g")], R, "3.5.5", [1000, 1433, 1000, 1433]),
        (&[("spark.executor.pyspark.memory", "1g")], Jvm, "3.5.5", [1000, 1408, 1000, 1408]),
        // The least overhead can be set from Spark 4 on.
        (
            &[("spark.driver.minMemoryOverhead", "512m"), ("spark.executor.minMemoryOverhead", "100m")],
            Jvm,
            "4.0.0",
            [1000, 1536, 1000, 1126],
        ),
        (&[("spark.driver.minMemoryOverhead", "512m")], Jvm, "3.5.6", [1000, 1408, 1000, 1408]),
    ];
    for (entries, language, spark, [driver_cpu, driver_memory, executor_cpu, executor_memory]) in table {
        let demand = of_spark_conf(&conf(entries), *language, Some(spark));
        let [driver, executor] = demand.pods.as_slice() else { panic!("a driver and executors") };
        assert_eq!((driver.cpu_milli, driver.memory_mib), (*driver_cpu, *driver_memory), "driver of {entries:?}");
        assert_eq!((executor.cpu_milli, executor.memory_mib), (*executor_cpu, *executor_memory), "of {entries:?}");
        assert_eq!((driver.count, executor.count, &demand.unknown), (1, 2, &vec![]), "{entries:?}");
    }
}

#[test]
fn the_sum_is_told_in_words() {
    let entries = [
        ("spark.driver.memoryOverhead", "512m"),
        ("spark.driver.cores", "2"),
        ("spark.executor.memory", "8g"),
        ("spark.executor.pyspark.memory", "2g"),
        ("spark.kubernetes.executor.request.cores", "1500m"),
    ];
    let demand = of_spark_conf(&conf(&entries), Language::Python, Some("3.5.5"));
    let sums: Vec<_> = demand.pods.iter().map(|pod| pod.arithmetic.as_str()).collect();
    assert_eq!(sums, ["1g + 512m = 1536 MiB, 2 cores", "8g + max(384, 40 %) + 2048 for Python = 13516 MiB, 1500m cpu"]);
}

#[test]
fn executors_are_counted_as_spark_starts_them() {
    let on = ("spark.dynamicAllocation.enabled", "true");
    let (instances, initial) = ("spark.executor.instances", "spark.dynamicAllocation.initialExecutors");
    let (min, max) = ("spark.dynamicAllocation.minExecutors", "spark.dynamicAllocation.maxExecutors");
    type Row<'a> = (&'a [(&'a str, &'a str)], u32, Option<(u32, u32, Option<u32>)>);
    let table: &[Row<'_>] = &[
        (&[], 2, None),
        (&[(instances, "7")], 7, None),
        (&[(min, "7")], 2, None),
        (&[on], 1, Some((0, 0, None))),
        (&[on, (min, "3")], 3, Some((3, 3, None))),
        (&[on, (min, "3"), (initial, "5"), (max, "9")], 5, Some((3, 5, Some(9)))),
        (&[on, (min, "3"), (initial, "1"), (instances, "4")], 4, Some((3, 4, None))),
    ];
    for (entries, count, dynamic) in table {
        let demand = of_spark_conf(&conf(entries), Language::Jvm, Some("3.5.5"));
        let dynamic = dynamic.map(|(min, initial, max)| Dynamic { min, initial, max });
        assert_eq!((demand.pods[1].count, demand.dynamic), (*count, dynamic), "{entries:?}");
    }
}

#[test]
fn what_cannot_be_read_counts_as_nothing_and_is_told() {
    let table: &[(&str, &str, &str)] = &[
        ("spark.driver.memory", "1.5g", "`spark.driver.memory` is `1.5g`, which is not a size as Spark writes it"),
        ("spark.executor.memory", "${m}", "`spark.executor.memory` is `${m}`, which is not a size as Spark writes it"),
        ("spark.executor.instances", "-1", "`spark.executor.instances` is `-1`, which is not a whole number"),
        ("spark.driver.cores", "two", "`spark.driver.cores` is `two`, which is not a whole number"),
        (
            "spark.kubernetes.driver.request.cores",
            "-1",
            "`spark.kubernetes.driver.request.cores` is `-1`, which is not a quantity of CPU",
        ),
        (
            "spark.kubernetes.memoryOverheadFactor",
            "NaN",
            "`spark.kubernetes.memoryOverheadFactor` is `NaN`, which is not a factor",
        ),
        ("spark.kubernetes.node.selector.pool", "${pool}", "the node selector `pool` is `${pool}`, which is not known"),
        (
            "spark.kubernetes.driver.podTemplateFile",
            "s3://b/driver.yaml",
            "the driver's pod template `s3://b/driver.yaml` was not given",
        ),
        (
            "spark.executor.resource.gpu.amount",
            "1",
            "`spark.executor.resource.gpu.amount` asks for devices, which are not counted",
        ),
        (
            "spark.kubernetes.scheduler.name",
            "volcano",
            "the pods are placed by `volcano`, whose queues are not weighed",
        ),
    ];
    let usual = of_spark_conf(&BTreeMap::new(), Language::Jvm, Some("3.5.5"));
    for (key, value, unknown) in table {
        let demand = of_spark_conf(&conf(&[(key, value)]), Language::Jvm, Some("3.5.5"));
        assert_eq!(demand.unknown, [*unknown]);
        for (pod, usual) in demand.pods.iter().zip(&usual.pods) {
            assert!(pod.cpu_milli <= usual.cpu_milli && pod.memory_mib <= usual.memory_mib && pod.count <= usual.count);
        }
    }
    let without_version = |key| of_spark_conf(&conf(&[(key, "0.9")]), Language::Jvm, None).unknown.len();
    assert_eq!(without_version("spark.driver.memoryOverheadFactor"), 1);
    assert_eq!(of_spark_conf(&BTreeMap::new(), Language::Jvm, None).unknown, Vec::<String>::new());
}

#[test]
fn words_are_split_as_a_shell_does() {
    let table: &[(&str, &[&str])] = &[
        ("", &[]),
        ("  a\tb\nc ", &["a", "b", "c"]),
        (r#"--conf "a=b c" d"#, &["--conf", "a=b c", "d"]),
        (r#"--conf 'a="b" c'"#, &["--conf", r#"a="b" c"#]),
        (r#"--conf a="b c"d"#, &["--conf", "a=b cd"]),
        (r#"a\ b "c\"d" 'e\f'"#, &["a b", r#"c"d"#, r"e\f"]),
        (r#""" ''"#, &["", ""]),
        (r#""open end"#, &["open end"]),
        ("end\\", &["end"]),
    ];
    for (text, expected) in table {
        assert_eq!(words(text), *expected, "{text:?}");
    }
}

#[test]
fn options_win_over_conf_and_conf_over_defaults() {
    let request = json!({
        "jobDriver": {"sparkSubmitJobDriver": {
            "entryPoint": "s3://bucket/job.py",
            "sparkSubmitParameters": "--class X --verbose --driver-memory 2g --conf spark.driver.memory=9g \
                --conf \"spark.driver.extraJavaOptions=-Da=b -Dc\" --executor-cores=2 -c spark.executor.memory=4g \
                --num-executors 3 --py-files s3://bucket/a.zip",
        }},
        "configurationOverrides": {"applicationConfiguration": [
            {"classification": "spark-defaults", "properties": {
                "spark.executor.memory": "1g",
                "spark.executor.cores": "7",
                "spark.kubernetes.node.selector.pool": "batch",
                "spark.kubernetes.executor.node.selector.pool": "spot",
            }},
            {"classification": "spark-log4j", "properties": {"spark.driver.memory": "never"}},
        ]},
    });
    for request in [request.clone(), json!({"jobRun": request}), json!({"jobTemplate": {"jobTemplateData": request}})] {
        let demand = of_emr_on_eks(&request, Some("3.5.5"));
        assert_eq!(demand.unknown, Vec::<String>::new());
        let [submitter, driver, executor] = demand.pods.as_slice() else { panic!("three kinds of pods") };
        assert_eq!((submitter.role, submitter.cpu_milli, submitter.memory_mib), (Role::Submitter, 100, 200));
        assert!(submitter.node_selector.is_empty());
        assert_eq!((driver.container, driver.count), ((1000, 2048 + 819), 1));
        assert_eq!((executor.container, executor.count), ((2000, 4096 + 1638), 3));
        assert_eq!(driver.memory_mib, driver.container.1 + 512, "with the logging container");
        assert_eq!(driver.node_selector, conf(&[("pool", "batch")]));
        assert_eq!(executor.node_selector, conf(&[("pool", "spot")]));
    }
}

#[test]
fn emr_classifications_shape_submitter_and_logging() {
    let request = json!({
        "jobDriver": {"sparkSubmitJobDriver": {"entryPoint": "local:///a.jar"}},
        "configurationOverrides": {"applicationConfiguration": [
            {"classification": "emr-job-submitter", "properties": {
                "jobsubmitter.logging.request.cores": "0.5",
                "jobsubmitter.logging.request.memory": "1Gi",
                "jobsubmitter.node.selector.eks.amazonaws.com/capacityType": "ON_DEMAND",
                "jobsubmitter.node.toleration.dedicated": "graviton",
                "jobsubmitter.node.toleration.dedicated.effect": "NoExecute",
                "jobsubmitter.node.toleration.dedicated.tolerationSeconds": "60",
                "jobsubmitter.node.toleration.any": "",
                "jobsubmitter.node.toleration.any.effect": "NoSchedule",
            }},
            {"classification": "emr-containers-defaults", "properties": {
                "executor.logging": "DISABLED",
                "logging.request.cores": "50m",
                "logging.request.memory": "200Mi",
            }},
        ]},
    });
    let demand = of_emr_on_eks(&request, Some("3.5.5"));
    let [submitter, driver, executor] = demand.pods.as_slice() else { panic!("three kinds of pods") };
    assert_eq!((submitter.cpu_milli, submitter.memory_mib), (500, 1024));
    assert_eq!(submitter.node_selector, conf(&[("eks.amazonaws.com/capacityType", "ON_DEMAND")]));
    let toleration = |key: &str, operator: &str, value: &str, effect: &str| {
        let (key, operator, value, effect) = (key.into(), operator.into(), value.into(), effect.into());
        Toleration { key, operator, value, effect }
    };
    assert_eq!(
        submitter.tolerations,
        [toleration("any", "Exists", "", "NoSchedule"), toleration("dedicated", "Equal", "graviton", "NoExecute")]
    );
    assert_eq!((driver.cpu_milli, driver.memory_mib), (1050, 1608));
    assert_eq!((executor.cpu_milli, executor.memory_mib), (1000, 1408));

    let disabled = json!({
        "jobDriver": {"sparkSubmitJobDriver": {"entryPoint": "local:///a.jar"}},
        "configurationOverrides": {"applicationConfiguration": [
            {"classification": "emr-job-submitter", "properties": {"jobsubmitter.logging": "DISABLED"}},
        ]},
    });
    let submitter = &of_emr_on_eks(&disabled, None).pods[0];
    assert_eq!((submitter.count, submitter.cpu_milli, submitter.memory_mib), (1, 0, 0));
}

#[test]
fn a_job_that_is_not_told_whole_is_unknown() {
    let submit =
        |parameters: Value| json!({"jobDriver": {"sparkSubmitJobDriver": {"sparkSubmitParameters": parameters}}});
    let hole = json!({"$text": ["--conf spark.executor.memory=", {"$unknown": "var.memory"}, " --conf a=b"]});
    let table = [
        (json!({"jobTemplateId": "t-1"}), "the job template `t-1` was not given, and the job driver is in it"),
        (json!(null), "the job names no job driver"),
        (submit(json!("--properties-file s3://b/p")), "the properties file `s3://b/p` was not given"),
        (submit(json!({"$unknown": "var.conf"})), "the submit parameters have `${var.conf}`, which is not known"),
        (submit(json!(["--conf"])), "the Spark submit parameters are not a text"),
        (submit(hole), "`spark.executor.memory` is `${var.memory}`, which is not a size as Spark writes it"),
        (
            json!({"jobDriver": {"sparkSubmitJobDriver": {"entryPoint": {"$unknown": "file"}}}}),
            "the entry point `${file}` is not known, nor whether it is Python",
        ),
    ];
    for (request, unknown) in table {
        let demand = of_emr_on_eks(&request, Some("3.5.5"));
        assert!(demand.unknown.iter().any(|it| it == unknown), "{:?}", demand.unknown);
    }
    let file = of_emr_on_eks(&submit(json!("--properties-file p --driver-memory 3g")), Some("3.5.5"));
    assert_eq!(file.pods[1].container, (0, 3072), "only what is stated counts");
}

#[test]
fn spark_applications_of_both_operators() {
    let kubeflow = json!({
        "apiVersion": "sparkoperator.k8s.io/v1beta2", "kind": "SparkApplication",
        "spec": {
            "type": "Python", "sparkVersion": "3.5.5", "memoryOverheadFactor": "0.2",
            "nodeSelector": {"pool": "batch"},
            "sparkConf": {"spark.driver.memory": "9g", "spark.kubernetes.driver.podTemplateFile": "/in/the/image"},
            "driver": {
                "cores": 2, "coreRequest": "700m", "memory": "2g",
                "template": {"spec": {
                    "containers": [{"name": "own", "resources": {"requests": {"cpu": "9"}}}, {"resources": {"limits": {"cpu": "100m", "memory": "64Mi"}}}],
                    "initContainers": [{"resources": {"requests": {"cpu": "750m", "memory": "1Mi"}}}],
                    "nodeSelector": {"arch": "arm64"},
                }},
                "tolerations": [{"key": "spark", "operator": "Exists"}],
            },
            "executor": {
                "instances": 4, "cores": 3, "memory": "4g", "memoryOverhead": "1g",
                "sidecars": [{"resources": {"requests": {"memory": "100Mi"}}}],
                "affinity": {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{"topologyKey": "kubernetes.io/hostname"}]}},
            },
        },
    });
    let scheduled = json!({
        "apiVersion": "sparkoperator.k8s.io/v1beta2", "kind": "ScheduledSparkApplication",
        "spec": {"schedule": "@daily", "template": kubeflow["spec"]},
    });
    for manifest in [kubeflow, scheduled] {
        let demand = of_spark_application(&manifest);
        assert_eq!(demand.unknown, ["the executor's affinity to other pods is not weighed"]);
        let [driver, executor] = demand.pods.as_slice() else { panic!("a driver and executors") };
        assert_eq!((driver.cpu_milli, driver.memory_mib, driver.count), (800, 2048 + 409 + 64, 1));
        assert_eq!((executor.cpu_milli, executor.memory_mib, executor.count), (3000, 4096 + 1024 + 100, 4));
        assert_eq!(driver.node_selector, conf(&[("arch", "arm64"), ("pool", "batch")]));
        assert_eq!((driver.tolerations.len(), executor.tolerations.len(), &driver.template), (1, 0, &None));
    }

    let apache = json!({
        "apiVersion": "spark.apache.org/v1", "kind": "SparkApplication",
        "spec": {
            "pyFiles": "local:///job.py", "runtimeVersions": {"sparkVersion": "4.0.0"},
            "sparkConf": {
                "spark.dynamicAllocation.enabled": "true", "spark.dynamicAllocation.minExecutors": 3,
                "spark.driver.minMemoryOverhead": "1g",
            },
            "executorSpec": {"podTemplateSpec": {"spec": {"tolerations": [{"operator": "Exists"}]}}},
        },
    });
    let demand = of_spark_application(&apache);
    assert_eq!((&demand.unknown, demand.dynamic.map(|it| it.min)), (&vec![], Some(3)));
    assert_eq!((demand.pods[0].memory_mib, demand.pods[1].memory_mib, demand.pods[1].count), (2048, 1433, 3));
    assert_eq!(demand.pods[1].tolerations.len(), 1);

    let other = of_spark_application(&json!({"apiVersion": "apps/v1"}));
    assert_eq!((other.pods.len(), other.unknown.len()), (0, 1));
}

/// Documents of hostile values under the names that are read.
fn hostile() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(|it| json!(it)),
        any::<i64>().prop_map(|it| json!(it)),
        any::<f64>().prop_map(|it| json!(it)),
        "[-0-9eEgGmMiK.${}\" ]{0,24}".prop_map(|it| json!(it)),
        Just(json!({"$unknown": "x"})),
    ];
    let name = prop::sample::select(vec![
        "spec",
        "driver",
        "executor",
        "template",
        "containers",
        "initContainers",
        "resources",
        "requests",
        "limits",
        "cpu",
        "memory",
        "sparkConf",
        "spark.driver.memory",
        "spark.executor.instances",
        "spark.executor.memory",
        "spark.kubernetes.memoryOverheadFactor",
        "nodeSelector",
        "tolerations",
        "overhead",
        "restartPolicy",
        "jobDriver",
        "sparkSubmitJobDriver",
        "sparkSubmitParameters",
        "configurationOverrides",
        "applicationConfiguration",
        "properties",
        "driverSpec",
        "podTemplateSpec",
        "instances",
        "coreRequest",
    ]);
    leaf.prop_recursive(6, 60, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((name.clone(), inner), 0..6)
                .prop_map(|entries| Value::Object(entries.into_iter().map(|(key, it)| (key.to_owned(), it)).collect())),
        ]
    })
}

proptest! {
    #[test]
    fn hostile_documents_do_no_harm(mut document in hostile(), parameters in "(--conf |spark\\.|[a-z=\"'\\\\$ -]){0,20}") {
        let _ = of_emr_on_eks(&document, None);
        let submit = json!({"sparkSubmitJobDriver": {"sparkSubmitParameters": parameters, "entryPoint": document}});
        let _ = of_emr_on_eks(&json!({"jobDriver": submit}), Some("4"));
        let _ = requests(&document, Some((usize::MAX, u64::MAX, u64::MAX)));
        for api in ["sparkoperator.k8s.io/v1beta2", "spark.apache.org/v1"] {
            if let Some(object) = document.as_object_mut() {
                object.insert("apiVersion".into(), api.into());
            }
            let _ = of_spark_application(&document);
        }
    }
}
