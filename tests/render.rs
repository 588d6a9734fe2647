//! `--render`: charts and kustomizations by the user's own tools, which here are small scripts.
#![cfg(unix)]
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use serde_json::Value;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

const ACCOUNTS: &str = "apiVersion: v1\nkind: Namespace\nmetadata: {name: ravens}\n---\napiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: jobs, namespace: ravens}\nrules:\n  - {apiGroups: [\"\"], resources: [pods], verbs: [get]}\n";

fn write(folder: &Path, files: &[(&str, &str)]) {
    for (name, text) in files {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
}

fn tool(folder: &Path, name: &str, script: &str) {
    write(folder, &[(name, &format!("#!/bin/sh\n{script}\n"))]);
    std::fs::set_permissions(folder.join(name), std::fs::Permissions::from_mode(0o755)).unwrap();
}

fn run(folder: &Path, tools: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sparkcheck"))
        .args(["--format", "json"])
        .args(arguments)
        .arg(".")
        .current_dir(folder)
        .env("PATH", format!("{}:/usr/bin:/bin", tools.display()))
        .output()
        .unwrap()
}

fn report(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)))
}

fn kinds(report: &Value) -> Vec<(&str, &str)> {
    report["inputs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["path"].as_str().unwrap(), one["kind"].as_str().unwrap()))
        .collect()
}

const KUSTOMIZATION: &[(&str, &str)] = &[
    ("base/kustomization.yaml", "resources: [namespace.yaml]\n"),
    ("base/namespace.yaml", ACCOUNTS),
    ("overlay/kustomization.yaml", "resources: [../base]\nnamePrefix: prod-\n"),
    ("apart.yaml", ACCOUNTS),
];

#[test]
fn a_kustomization_is_built_once_from_its_end() {
    let (folder, tools) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write(folder.path(), KUSTOMIZATION);
    tool(
        tools.path(),
        "kustomize",
        &format!(
            "[ \"$1\" = build ] || exit 9\necho \"$2\" >> {}/asked\ncat <<'END'\n{ACCOUNTS}END",
            tools.path().display()
        ),
    );
    let output = run(folder.path(), tools.path(), &["--render"]);
    let report = report(&output);
    assert_eq!(std::fs::read_to_string(tools.path().join("asked")).unwrap(), "overlay\n");
    assert_eq!(
        kinds(&report),
        [
            ("apart.yaml", "manifest"),
            ("overlay/kustomization.yaml", "kustomization"),
            ("base/kustomization.yaml", "kustomization"),
            ("base/namespace.yaml", "kustomization"),
        ]
    );
    // Without being asked, nothing runs; what is not built is said.
    std::fs::remove_file(tools.path().join("asked")).unwrap();
    let output = run(folder.path(), tools.path(), &[]);
    assert!(!tools.path().join("asked").exists());
    let passed = crate::report(&output)["passed_over"].clone();
    assert_eq!((&passed[0]["what"], &passed[0]["count"]), (&"kustomizations that are not built".into(), &2.into()));
    assert!(passed[0]["unblock"].as_str().unwrap().contains("--render"));
}

const APPLICATION: &str = "apiVersion: sparkoperator.k8s.io/v1beta2\nkind: SparkApplication\nmetadata: {name: pi, namespace: ravens}\nspec: {type: Nonsense, mode: cluster, mainApplicationFile: local:///x.py, driver: {}, executor: {}}\n";

const CHART: &[(&str, &str)] = &[
    ("chart/Chart.yaml", "apiVersion: v2\nname: pi\nversion: 0.1.0\n"),
    ("chart/values.yaml", "name: pi\n"),
    ("chart/templates/application.yaml", "kind: SparkApplication\nmetadata:\n  name: {{ .Values.name }}\n"),
    ("chart/charts/lib/Chart.yaml", "apiVersion: v2\nname: lib\ntype: library\n"),
];

#[test]
fn a_chart_is_rendered_and_its_templates_are_the_places() {
    let (folder, tools) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write(folder.path(), CHART);
    let output = run(folder.path(), tools.path(), &["--render"]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.contains("chart/Chart.yaml") && told.contains("install Helm"), "{told}");
    tool(
        tools.path(),
        "helm",
        &format!(
            "[ \"$1 $3\" = 'template chart' ] || exit 9\ncat <<'END'\n---\n# Source: pi/templates/application.yaml\n{APPLICATION}END"
        ),
    );
    let output = run(folder.path(), tools.path(), &["--render"]);
    let report = report(&output);
    assert!(kinds(&report).iter().all(|(_, kind)| *kind == "helm chart"), "{report:#}");
    let findings = report["findings"].as_array().unwrap();
    assert!(!findings.is_empty());
    for finding in findings.iter().filter(|finding| finding["verdict"] == "fail") {
        assert_eq!(finding["places"][0]["path"], "chart/templates/application.yaml", "{finding:#}");
    }
}

#[test]
fn a_tool_that_fails_leaves_a_gap() {
    let (folder, tools) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write(folder.path(), KUSTOMIZATION);
    tool(tools.path(), "kustomize", "echo 'Error: no such base' >&2; exit 1");
    let output = run(folder.path(), tools.path(), &["--render"]);
    let report = report(&output);
    let gap = &report["gaps"][0];
    assert_eq!(gap["why"], "`overlay/kustomization.yaml` cannot be rendered: Error: no such base");
    assert_eq!(output.status.code(), Some(3));
    assert!(kinds(&report).contains(&("base/namespace.yaml", "manifest")));
}
