//! Secrets of many shapes, in what APIs return.

use serde_json::{Value, json};

/// Secrets by shape. What is arbitrary is planted where its name or its place says that it is secret.
pub(crate) const SECRETS: &[&str] = &[
    // Known by their shape, wherever they stand.
    "AKIAZQ3DUB5HPLANTED1",
    "ASIAZQ3DUB5HPLANTED2",
    "kWcrlUX5JEDGM/LtdaQ9zVj6bhRxt0Qo1pLaNtEd",
    "IQoJb3JpZ2luX2VjEPLANTED04aCXVzLWVhc3QtMSJHMEUCIQDplantedplantedplanted",
    "FwoGZXIvYXdzEPLANTED05yGb0rZxw9aCXVzLWVhc3QtMSJHMEUCIQDplantedplantedpl",
    "eyJhbGciOiJSUzI1NiIsImtpZCI6IlBMQU5URUQwNiJ9.eyJpc3MiOiJwbGFudGVkMDYifQ.c2lnbmF0dXJlcGxhbnRlZDA2",
    "ghp_PLANTED07abcdefghijklmnopqrstuvwx",
    "github_pat_PLANTED08ABCDEFGHIJKLMNOPQ_abcdef",
    "glpat-PLANTED09abcdefghijk",
    "xoxb-110000000010-PLANTED10abcdef",
    "sk_live_PLANTED11abcdefghijklmnop",
    "AIzaSyPLANTED12abcdefghijklmnopqrstuvwx",
    "ya29.PLANTED13abcdefghijklmnop",
    "dapi0123456789abcdef0123456789abcd14",
    "npm_PLANTED15abcdefghijklmnopqrstuvwxyz01",
    "pypi-PLANTED16AgEIcHlwaS5vcmcCJ",
    "hf_PLANTED17abcdefghijklmnopqrstuv",
    "sk-ant-api03-PLANTED18abcdefghijklmnopqrstuvwxyz",
    "SG.PLANTED19abcdefghijk.PLANTED19lmnopqrstuvwxyz",
    "hvs.PLANTED20abcdefghijklmnopqrstuvwx",
    "AGE-SECRET-KEY-1PLANTED21QQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQ",
    "-----BEGIN RSA PRIVATE KEY-----\nMIIEpPLANTED22\nq83vEjRW\n-----END RSA PRIVATE KEY-----",
    "$apr1$PLANTED2$3abcdefghijklmnopq",
    "$2y$10$PLANTED24abcdefghijklmnopqrstuv",
    // Known by what stands before them.
    "hunter25planted",
    "p@ss/w0rd26planted",
    "correct-horse-27-planted",
    "MTpwbGFudGVkMjg6eA28planted",
    "tiger29planted",
    "sig%2F30%2Bplanted",
    "Zm9vYmFy31planted==",
    "plain32planted",
    "plain33planted",
    "plain34planted",
    "plain35planted",
    "plain36planted",
    "plain37planted",
    "plain38planted",
    "plain39planted",
    "plain40planted",
    "plain41planted",
    "plain42planted",
    "plain43planted",
    "plain44planted",
    "plain45planted",
    "plain46planted",
    "plain47planted",
    "plain48planted",
    "plain49planted",
    "plain50planted",
    "plain51planted",
    "plain52planted",
];

/// The secret of a number, counted from 1.
pub(crate) fn s(number: usize) -> &'static str {
    SECRETS[number - 1]
}

pub(crate) const ACCOUNT: &str = "787587782916";
pub(crate) const CLUSTER: &str = "arn:aws:eks:us-east-1:787587782916:cluster/sparkpilot-live-1";

fn every_shape(around: &str) -> Value {
    Value::Array(SECRETS[..24].iter().map(|secret| format!("{around}{secret}").into()).collect())
}

/// What each API returns, with secrets in every field into which a user can write one.
#[expect(clippy::too_many_lines, reason = "one document a collection")]
pub(crate) fn planted() -> Vec<(&'static str, Value)> {
    let tags = |from: usize| {
        let tag = |number: usize| json!({"Key": format!("note-{number}"), "Value": s(number)});
        json!([tag(from), tag(from + 1), {"Key": "db-password", "Value": s(25)}, {"Key": "conn", "Value": format!("postgresql://me:{}@db/x", s(26))}])
    };
    let shapes: serde_json::Map<String, Value> =
        SECRETS[..24].iter().enumerate().map(|(at, secret)| (format!("note-{at}"), (*secret).into())).collect();
    let metadata = |name: &str, namespace: Option<&str>| {
        let mut metadata = json!({
            "name": name, "uid": "1", "resourceVersion": "1", "labels": {"app": "x"},
            "annotations": {
                "kubectl.kubernetes.io/last-applied-configuration": format!("{{\"data\":{{\"x\":\"{}\"}}}}", s(32)),
                "notes": s(6), "example.com/api-token": s(33), "curl": format!("curl -u admin:{} https://x", s(34)),
            },
            "managedFields": [{"manager": s(35)}],
        });
        if let Some(namespace) = namespace {
            metadata["namespace"] = namespace.into();
        }
        metadata
    };
    let container = json!({
        "name": "main", "image": "x", "command": ["sh", "-c", format!("export DB_PASSWORD={} && run --api-key {}", s(36), s(37))],
        "args": ["--token", s(38), format!("--password={}", s(39)), format!("jdbc:mysql://db/x?user=u&password={}&ssl=1", s(40)), s(7)],
        "env": [{"name": "ANY", "value": s(41)}, {"name": "REF", "valueFrom": {"secretKeyRef": {"name": "a", "key": "b"}}}],
    });
    let pod_spec = json!({"serviceAccountName": "spark", "containers": [container], "initContainers": [container]});
    let submit = format!(
        "--class Main --conf spark.hadoop.fs.s3a.secret.key={} --conf spark.executorEnv.ANY={} --conf \"spark.kubernetes.driverEnv.B=x {}\" \
         --conf spark.driver.extraJavaOptions=-Djavax.net.ssl.trustStorePassword={}",
        s(3),
        s(42),
        s(43),
        s(44)
    );
    let conf = json!({
        "spark.hadoop.fs.s3a.access.key": s(1), "spark.hadoop.fs.s3a.secret.key": s(45), "spark.hadoop.fs.s3a.session.token": s(4),
        "spark.hadoop.fs.azure.account.key.x.dfs.core.windows.net": s(31), "spark.authenticate.secret": s(46),
        "spark.yarn.appMasterEnv.ANY": s(47), "spark.emr-serverless.driverEnv.ANY": s(48),
        "spark.executor.extraJavaOptions": format!("-Dapp.password={} -Xss4m", s(49)),
    });
    let list = |kind: &str, version: &str, items: Value| json!({"apiVersion": version, "kind": format!("{kind}List"), "metadata": {"resourceVersion": "1"}, "items": items});
    vec![
        (
            "iam.json",
            json!({"RoleDetailList": [{
            "Arn": format!("arn:aws:iam::{ACCOUNT}:role/Planted"), "RoleName": "Planted", "Path": "/", "RoleId": "AROAPLANTED",
            "Description": format!("uses {} and password={}", s(2), s(27)), "Tags": tags(5),
            "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole",
                "Condition": {"StringEquals": {"aws:Referer": s(8), "sts:ExternalId": s(9)}}}]},
            "RolePolicyList": [{"PolicyName": "p", "PolicyDocument": {"Statement": [{"Sid": "x", "Effect": "Allow", "Action": "s3:*", "Resource": format!("arn:aws:s3:::b/{}", s(10))}]}}],
            "AttachedManagedPolicies": []}],
            "UserDetailList": [{"Arn": format!("arn:aws:iam::{ACCOUNT}:user/u"), "UserName": "u", "Tags": tags(11)}],
            "GroupDetailList": [], "Policies": [{"Arn": format!("arn:aws:iam::{ACCOUNT}:policy/p"), "PolicyName": "p", "Description": s(13)}]}),
        ),
        (
            "cluster.json",
            json!({"cluster": {"arn": CLUSTER, "name": "sparkpilot-live-1", "tags": shapes, "identity": {"oidc": {"issuer": "https://oidc.eks.us-east-1.amazonaws.com/id/5C0D"}}}}),
        ),
        (
            "nodegroup.json",
            json!({"nodegroup": {"nodegroupName": "n", "clusterName": "sparkpilot-live-1",
            "nodegroupArn": format!("arn:aws:eks:us-east-1:{ACCOUNT}:nodegroup/sparkpilot-live-1/n/1"), "tags": shapes, "labels": {"note": s(14)},
            "launchTemplate": {"userData": s(50)}}}),
        ),
        (
            "addon.json",
            json!({"addon": {"addonName": "a", "clusterName": "sparkpilot-live-1", "addonArn": format!("arn:aws:eks:us-east-1:{ACCOUNT}:addon/sparkpilot-live-1/a/1"),
            "configurationValues": format!("{{\"env\":{{\"X\":\"1\"}},\"password\":\"{}\",\"apiToken\": \"{}\"}}", s(51), s(15))}}),
        ),
        (
            "virtual-clusters.json",
            json!({"virtualClusters": [{"id": "vc1", "name": "v", "state": "RUNNING", "arn": format!("arn:aws:emr-containers:us-east-1:{ACCOUNT}:/virtualclusters/vc1"),
            "containerProvider": {"type": "EKS", "id": "sparkpilot-live-1", "info": {"eksInfo": {"namespace": "spark"}}}, "tags": shapes}]}),
        ),
        (
            "job-runs-vc1.json",
            json!({"jobRuns": [{"id": "1", "virtualClusterId": "vc1", "arn": format!("arn:aws:emr-containers:us-east-1:{ACCOUNT}:/virtualclusters/vc1/jobruns/1"),
            "clientToken": s(52), "stateDetails": format!("failed: {}", s(16)), "jobDriver": {"sparkSubmitJobDriver": {"entryPoint": "s3://b/x.py",
                "entryPointArguments": ["--db-password", s(32), format!("token={}", s(33)), s(17)], "sparkSubmitParameters": submit}},
            "configurationOverrides": {"applicationConfiguration": [{"classification": "spark-defaults", "properties": conf},
                {"classification": "spark-env", "configurations": [{"classification": "export", "properties": {"ANY": s(34)}}]}]}, "tags": shapes}]}),
        ),
        (
            "applications.json",
            json!({"application": {"applicationId": "00a", "name": "app", "arn": format!("arn:aws:emr-serverless:us-east-1:{ACCOUNT}:/applications/00a"), "type": "Spark", "state": "STARTED",
            "runtimeConfiguration": [{"classification": "spark-defaults", "properties": conf}], "tags": shapes}}),
        ),
        (
            "emr-cluster.json",
            json!({"Cluster": {"Id": "j-1", "Name": "c", "ClusterArn": format!("arn:aws:elasticmapreduce:us-east-1:{ACCOUNT}:cluster/j-1"),
            "Tags": tags(18), "Configurations": [{"Classification": "hive-site", "Properties": {"javax.jdo.option.ConnectionPassword": s(35), "javax.jdo.option.ConnectionURL": format!("jdbc:oracle:thin:scott/{}@//db:1521/x", s(29))}},
                {"Classification": "hadoop-env", "Configurations": [{"Classification": "export", "Properties": {"ANY": s(36)}}]}],
            "KerberosAttributes": {"Realm": "EC2.INTERNAL", "KdcAdminPassword": s(37), "CrossRealmTrustPrincipalPassword": s(38), "ADDomainJoinPassword": s(39)},
            "MasterPublicDnsName": "x", "BootstrapActions": [{"Name": "b", "Args": ["--secret", s(40), s(20)]}]}}),
        ),
        (
            "list-steps-j-1.json",
            json!({"Steps": [{"Id": "s-1", "Name": "s", "Config": {"Jar": "command-runner.jar", "Args": ["spark-submit", "--conf", format!("spark.ssl.keyPassword={}", s(41)), s(21)],
            "Properties": {"api.token": s(42)}}}]}),
        ),
        (
            "pods.json",
            list(
                "Pod",
                "v1",
                json!([{"metadata": metadata("p", Some("spark")), "spec": pod_spec,
            "status": {"phase": "Failed", "message": format!("Authorization: Bearer {}", s(43)), "containerStatuses": [{"name": "main", "state": {"terminated": {"message": format!("env DB_PASSWORD={} {}", s(44), s(22))}}}]}}]),
            ),
        ),
        (
            "deployments.json",
            list(
                "Deployment",
                "apps/v1",
                json!([{"metadata": metadata("d", Some("spark")), "spec": {"template": {"metadata": metadata("d", None), "spec": pod_spec}}}]),
            ),
        ),
        (
            "configmaps.json",
            list(
                "ConfigMap",
                "v1",
                json!([
                    {"metadata": metadata("c", Some("spark")), "data": {"any": s(45), "more": s(46)}, "binaryData": {"x": s(28)}},
                    {"metadata": metadata("spark-operator", Some("spark")), "data": {"spark-operator.properties": format!("spark.kubernetes.operator.x=1\nspark.hadoop.fs.s3a.secret.key={}\nurl=https://a:{}@h/x", s(47), s(48))}},
                    {"metadata": metadata("aws-auth", Some("kube-system")), "data": {"mapRoles": "- rolearn: arn:aws:iam::787587782916:role/Planted\n  username: u\n", "notes": format!("password: {}", s(49))}},
                    {"metadata": metadata("gateway", Some("spark")), "data": {"bpg.yaml": format!("sparkClusters:\n- id: a\n  userName: u\n  userTokenSOPS: plaintext:{}\n  masterUrl: https://x\nqueues: []\ndbStorageSOPS: {{password: {}, connectionString: 'jdbc:mysql://a:{}@h/x'}}\n", s(50), s(51), s(52))}},
                ]),
            ),
        ),
        (
            "secrets.json",
            list(
                "Secret",
                "v1",
                json!([{"metadata": metadata("s", Some("spark")), "type": "Opaque", "data": {"x": s(28)}, "stringData": {"y": s(25)}}]),
            ),
        ),
        (
            "serviceaccounts.json",
            list(
                "ServiceAccount",
                "v1",
                json!([{"metadata": metadata("spark", Some("spark")), "secrets": [{"name": "spark-token"}]}]),
            ),
        ),
        (
            "namespaces.json",
            list("Namespace", "v1", json!([{"metadata": metadata("spark", None), "status": {"phase": "Active"}}])),
        ),
        (
            "nodes.json",
            list(
                "Node",
                "v1",
                json!([{"metadata": metadata("n", None), "spec": {"providerID": "aws:///us-east-1a/i-0"}, "status": {"conditions": [{"type": "Ready", "message": s(23)}]}}]),
            ),
        ),
        (
            "ingresses.json",
            list(
                "Ingress",
                "networking.k8s.io/v1",
                json!([{"metadata": metadata("i", Some("spark")), "spec": {"rules": [{"host": "h"}]}}]),
            ),
        ),
        (
            "storageclasses.json",
            list(
                "StorageClass",
                "storage.k8s.io/v1",
                json!([{"metadata": metadata("sc", None), "parameters": {"adminPassword": s(26), "note": s(24)}}]),
            ),
        ),
        (
            "sparkapplications.json",
            list(
                "SparkApplication",
                "sparkoperator.k8s.io/v1beta2",
                json!([{"metadata": metadata("a", Some("spark")), "spec": {
            "arguments": ["--password", s(27), every_shape("")[2]], "sparkConf": conf, "hadoopConf": {"fs.s3a.secret.key": s(30)},
            "driver": {"env": [{"name": "ANY", "value": s(31)}], "envVars": {"ANY": s(32)}}, "executor": {"envVars": {"ANY": s(33)}}}}]),
            ),
        ),
        (
            "job-run.json",
            json!({"virtualClusterId": "vc1", "name": "j", "executionRoleArn": format!("arn:aws:iam::{ACCOUNT}:role/Planted"), "releaseLabel": "emr-7.12.0-latest",
            "clientToken": s(34), "jobDriver": {"sparkSubmitJobDriver": {"entryPoint": "s3://b/x.py", "entryPointArguments": every_shape("key "), "sparkSubmitParameters": submit}},
            "configurationOverrides": {"applicationConfiguration": [{"classification": "spark-defaults", "properties": conf}]}}),
        ),
    ]
}

/// Where secrets stand in an output, whole or a line of them.
pub(crate) fn leaks(output: &str, text: &str) -> Vec<String> {
    let unbroken: String = text.chars().filter(|letter| !letter.is_whitespace()).collect();
    let mut leaks = Vec::new();
    for secret in SECRETS {
        let escaped = json!(secret).to_string();
        let escaped = escaped.trim_matches('"');
        let core: String = secret.chars().filter(|letter| !letter.is_whitespace()).collect();
        let of_line = |line: &str| line.contains("PLANTED") && text.contains(line);
        if text.contains(escaped) || unbroken.contains(&core) || secret.lines().any(of_line) {
            let around = text.find(escaped);
            let around = around.and_then(|at| text.get(at.saturating_sub(80)..at + escaped.len()));
            leaks.push(format!("{output}: {secret:?} … {around:?}"));
        }
    }
    leaks
}
