//! Exports, from the disk to the estate: what is recognised, to whom it belongs, how complete it is.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use serde_json::{Value, json};
use sparkcheck::estate::{Completeness, Estate};
use sparkcheck::iam::Gathered;
use sparkcheck::link::organization::{Control, levels};
use sparkcheck::read::{Input, Options, locate, read};
use std::fs;
use tempfile::TempDir;

const CLUSTER: &str = "arn:aws:eks:us-east-1:111122223333:cluster/spark-dev";

fn folder(files: &[(&str, Value)]) -> TempDir {
    let folder = TempDir::new().unwrap();
    for (name, content) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let text = match content {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        fs::write(path, text).unwrap();
    }
    folder
}

fn estate(files: &[(&str, Value)]) -> Estate {
    let folder = folder(files);
    let options = Options { today: Some("2026-02-24".into()), ..Options::default() };
    read(&[Input::Path(folder.path().to_owned())], &options).unwrap()
}

fn role(name: &str) -> Value {
    let arn = format!("arn:aws:iam::111122223333:role/{name}");
    json!({"RoleName": name, "Arn": arn, "AssumeRolePolicyDocument": {"Version": "2012-10-17"}})
}

fn cluster() -> (&'static str, Value) {
    ("a-cluster.json", json!({"cluster": {"name": "spark-dev", "arn": CLUSTER, "status": "ACTIVE"}}))
}

fn pod(namespace: &str, name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": namespace}})
}

fn list(items: &[Value]) -> Value {
    json!({"apiVersion": "v1", "kind": "List", "metadata": {"resourceVersion": ""}, "items": items})
}

fn complete(estate: &Estate, collection: &str, scope: &str, namespace: Option<&str>) -> bool {
    estate.incomplete(collection, scope, namespace).is_none()
}

fn whys(estate: &Estate) -> Vec<&str> {
    estate.gaps.iter().map(|gap| gap.why.as_str()).collect()
}

#[test]
fn every_output_finds_its_collection() {
    let arn = |service: &str, rest: &str| format!("arn:aws:{service}:us-east-1:111122223333:{rest}");
    let iam = |rest: &str| json!({"Arn": format!("arn:aws:iam::111122223333:{rest}")});
    let with = |field: &str, service: &str, rest: &str| json!({field: arn(service, rest), "principalArn": "p"});
    let run = |service: &str, parent: &str| json!({"id": "j", "arn": arn(service, &format!("/{parent}/p/jobruns/j"))});
    let endpoint = with("arn", "emr-containers", "/virtualclusters/v/endpoints/e");
    let cases = [
        (json!({"Roles": [role("x")]}), "iam.roles"),
        (json!({"Role": role("x")}), "iam.roles"),
        (json!({"RoleDetailList": [role("x")], "UserDetailList": [], "Policies": []}), "iam.roles"),
        (json!([{"Role": role("x")}]), "iam.roles"),
        (json!({"Users": [iam("user/x")]}), "iam.users"),
        (json!({"Policies": [iam("policy/x")]}), "iam.policies"),
        (json!({"Policy": iam("policy/x")}), "iam.policies"),
        (json!({"OpenIDConnectProviderList": [iam("oidc-provider/x")]}), "iam.openIDConnectProviders"),
        (json!({"Url": "x", "ClientIDList": []}), "iam.openIDConnectProviders"),
        (json!({"InstanceProfiles": [iam("instance-profile/x")]}), "iam.instanceProfiles"),
        (json!({"cluster": {"arn": CLUSTER}}), "eks.clusters"),
        (json!({"nodegroup": with("nodegroupArn", "eks", "nodegroup/spark-dev/n/1")}), "eks.nodegroups"),
        (json!({"addon": with("addonArn", "eks", "addon/spark-dev/n/1")}), "eks.addons"),
        (json!({"fargateProfile": with("fargateProfileArn", "eks", "fargateprofile/c/n/1")}), "eks.fargateProfiles"),
        (json!({"accessEntry": with("accessEntryArn", "eks", "access-entry/c/role/1/n/1")}), "eks.accessEntries"),
        (
            json!({"associations": [with("associationArn", "eks", "podidentityassociation/c/a")]}),
            "eks.podIdentityAssociations",
        ),
        (
            json!({"association": with("associationArn", "eks", "podidentityassociation/c/a")}),
            "eks.podIdentityAssociations",
        ),
        (
            json!({"virtualClusters": [with("arn", "emr-containers", "/virtualclusters/v")]}),
            "emrContainers.virtualClusters",
        ),
        (
            json!({"virtualCluster": with("arn", "emr-containers", "/virtualclusters/v")}),
            "emrContainers.virtualClusters",
        ),
        (json!({"jobRuns": [run("emr-containers", "virtualclusters")]}), "emrContainers.jobRuns"),
        (json!({"jobRun": run("emr-containers", "virtualclusters")}), "emrContainers.jobRuns"),
        (json!({"jobRuns": [run("emr-serverless", "applications")]}), "emrServerless.jobRuns"),
        (json!({"jobRun": run("emr-serverless", "applications")}), "emrServerless.jobRuns"),
        (json!({"applications": [with("arn", "emr-serverless", "/applications/a")]}), "emrServerless.applications"),
        (json!({"application": with("arn", "emr-serverless", "/applications/a")}), "emrServerless.applications"),
        (json!({"templates": [with("arn", "emr-containers", "/jobtemplates/t")]}), "emrContainers.jobTemplates"),
        (json!({"endpoints": [endpoint]}), "emrContainers.managedEndpoints"),
        (json!({"Clusters": [with("ClusterArn", "elasticmapreduce", "cluster/j-1")]}), "emr.clusters"),
        (json!({"Cluster": with("ClusterArn", "elasticmapreduce", "cluster/j-1")}), "emr.clusters"),
        (json!({"Name": "s", "SecurityConfiguration": "{}"}), "emr.securityConfigurations"),
        (json!({"Subnets": [{"SubnetId": "subnet-1"}]}), "ec2.subnets"),
        (json!({"SecurityGroups": [{"GroupId": "sg-1"}]}), "ec2.securityGroups"),
        (json!({"jobDriver": {}, "releaseLabel": "x"}), "jobRequests"),
        (json!({"sparkClusters": [], "sparkImages": []}), "batchProcessingGateways"),
        (json!("bpg:\n  appConfig:\n    sparkClusters: []\n    queues: []\n"), "batchProcessingGateways"),
        (list(&[pod("a", "b")]), "kubernetes"),
        (
            json!(
                "---\napiVersion: v1\nkind: Pod\nmetadata: {name: a}\n---\n---\napiVersion: v1\nkind: Node\nmetadata: {name: b}\n"
            ),
            "kubernetes",
        ),
    ];
    for (document, collection) in cases {
        let name = if document.is_string() { "anything.yaml" } else { "anything.json" };
        let estate = estate(&[(name, document.clone())]);
        assert_eq!(estate.items(collection).len(), 1, "{document} {:?}", estate.gaps);
        let pointer = format!("/{}/0", collection.replace('.', "/"));
        if collection != "kubernetes" {
            assert!(estate.origins.find(&pointer).is_some(), "{pointer}");
        }
    }
}

#[test]
fn job_requests_are_told_apart() {
    for (request, kind) in [
        (json!({"virtualClusterId": "v", "jobDriver": {}}), "start-job-run"),
        (json!({"applicationId": "a", "jobDriver": {}}), "serverless-start-job-run"),
        (json!({"artifact_uri": "s3://x", "env": [{"name": "A", "value": "hush"}]}), "sparkpilot-job"),
        (json!({"Instances": {}, "ServiceRole": "x"}), "run-job-flow"),
        (json!({"application_name": "x", "spark_conf": {}}), "gateway-submission"),
        (json!({"applicationName": "x", "sparkVersion": "3.5.0", "driver": {}}), "bpg-submission"),
    ] {
        let estate = estate(&[("jobs/run.json", request)]);
        let item = &estate.items("jobRequests")[0];
        assert_eq!(item["kind"], kind);
        assert!(item["path"].as_str().unwrap().ends_with("/jobs/run.json"));
        assert!(!item.to_string().contains("hush"));
    }
}

#[test]
fn outputs_about_one_thing_add_up() {
    let policy = json!({"Version": "2012-10-17", "Statement": []});
    let encoded = "%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%5B%5D%7D";
    let details = json!({"RoleName": "exec", "Arn": "arn:aws:iam::111122223333:role/exec", "MaxSessionDuration": 3600});
    let attached = json!([{"PolicyName": "p1", "PolicyArn": "arn:aws:iam::111122223333:policy/p1"}]);
    let estate = estate(&[
        ("a-roles.json", json!({"Roles": [role("exec"), role("exec-2")]})),
        ("b-role.json", json!({"Role": details})),
        ("c/list-attached-role-policies-exec.json", json!({"AttachedPolicies": attached})),
        ("c/exec-2/attached.json", json!({"AttachedPolicies": []})),
        ("c/list-role-policies-exec.json", json!({"PolicyNames": ["one", "two"]})),
        ("c/inline.json", json!({"RoleName": "exec", "PolicyName": "two", "PolicyDocument": encoded})),
        ("c/other.json", json!({"RoleName": "exec-2", "PolicyName": "only", "PolicyDocument": policy})),
        ("d/p1.json", json!({"PolicyVersion": {"Document": policy, "VersionId": "v3", "IsDefaultVersion": true}})),
    ]);
    assert_eq!(whys(&estate), [] as [&str; 0]);
    let roles = estate.items("iam.roles");
    assert_eq!(roles[0]["MaxSessionDuration"], 3600);
    assert_eq!(roles[0]["AttachedManagedPolicies"][0]["PolicyName"], "p1");
    assert_eq!(roles[1]["AttachedManagedPolicies"], json!([]));
    let inline = &roles[0]["RolePolicyList"];
    assert_eq!(inline[0], json!({"PolicyName": "two", "PolicyDocument": policy}));
    assert_eq!(inline[1]["PolicyName"], "one");
    assert!(inline[1]["PolicyDocument"]["$unknown"].is_string());
    // Of the second role only one inline policy was shown, and nothing says that it is the only one.
    assert_eq!(roles[1]["RolePolicyList"][0]["PolicyName"], "only");
    let rest = &roles[1]["RolePolicyList"][1]["$unknown"];
    assert_eq!(rest, "the other inline policies of `exec-2` were not listed");
    let managed = &estate.items("iam.policies")[0];
    assert_eq!((&managed["DefaultVersionId"], &managed["PolicyVersionList"][0]["Document"]), (&json!("v3"), &policy));
    let origin = estate.origins.find("/iam/roles/0/RolePolicyList/0/PolicyDocument/Statement").unwrap();
    assert!(estate.sources[origin.source].path.ends_with("c/inline.json"), "{origin:?}");
    let origin = estate.origins.find("/iam/roles/0/MaxSessionDuration").unwrap();
    assert_eq!(origin.pointer, "/Role/MaxSessionDuration");
}

#[test]
fn disagreement_is_a_gap_and_an_unknown() {
    let mut other = role("x");
    other["Path"] = json!("/b/");
    let mut first = role("x");
    first["Path"] = json!("/a/");
    let estate = estate(&[("a.json", json!({"Role": first})), ("b.json", json!({"Role": other}))]);
    assert!(estate.items("iam.roles")[0]["Path"]["$unknown"].is_string());
    let [gap] = estate.gaps.as_slice() else { panic!("{:?}", estate.gaps) };
    assert!(gap.why.starts_with("contradictory: `") && gap.why.ends_with("b.json` disagree about `Path`"), "{gap:?}");
}

#[test]
fn lists_belong_to_the_only_one_or_to_the_one_in_their_path() {
    let other = "arn:aws:eks:us-east-1:111122223333:cluster/spark";
    let entry = "arn:aws:iam::111122223333:role/x";
    let alone = estate(&[
        cluster(),
        ("entries.json", json!({"accessEntries": [entry]})),
        ("list.json", json!({"clusters": ["spark-dev", "other"]})),
        ("oidc.json", json!({"OpenIDConnectProviderList": []})),
        ("emr-clusters.json", json!({"Clusters": []})),
    ]);
    assert_eq!(whys(&alone), [] as [&str; 0]);
    assert!(complete(&alone, "eks.accessEntries", CLUSTER, None), "only one cluster is described");
    assert!(complete(&alone, "iam.openIDConnectProviders", "111122223333", None));
    assert!(complete(&alone, "emr.clusters", "111122223333/us-east-1", None));
    assert!(complete(&alone, "eks.clusters", "111122223333/us-east-1", None));
    assert_eq!(alone.items("eks.clusters").len(), 2);
    let two = estate(&[
        cluster(),
        ("b-cluster.json", json!({"cluster": {"name": "spark", "arn": other, "status": "ACTIVE"}})),
        ("spark/entries.json", json!({"accessEntries": [entry]})),
        ("spark/nodes.json", list(&[json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n"}})])),
        ("spark-dev/addons.json", json!({"addons": ["vpc-cni"]})),
        ("spark-dev/pods.json", list(&[pod("a", "p"), pod("b", "p")])),
        ("addons.json", json!({"addons": []})),
        ("pods.json", list(&[pod("c", "p")])),
    ]);
    assert!(complete(&two, "eks.accessEntries", other, None));
    assert!(complete(&two, "eks.addons", CLUSTER, None));
    assert!(!complete(&two, "eks.addons", other, None));
    let read = &two.items("eks.accessEntries")[0];
    assert_eq!(read, &json!({"clusterName": "spark", "clusterArn": other, "principalArn": entry}));
    assert_eq!(two.kubernetes(CLUSTER).unwrap().0["pods"].as_array().unwrap().len(), 2);
    assert_eq!(two.kubernetes(other).unwrap().0["nodes"].as_array().unwrap().len(), 1);
    assert_eq!(two.gaps.len(), 2, "{:?}", two.gaps);
    assert!(two.gaps.iter().all(|gap| gap.why.contains("not say of which cluster")), "{:?}", two.gaps);
}

#[test]
fn pages_count_only_together() {
    let page = |name: &str| json!({"Roles": [role(name)], "IsTruncated": true, "Marker": "m"});
    let last = |names: &[&str]| json!({"Roles": names.iter().map(|name| role(name)).collect::<Vec<_>>()});
    let mut two = last(&["a", "b"]);
    two["NextToken"] = json!("t");
    for (files, whole) in [
        (vec![("a.json", last(&["a"]))], true),
        (vec![("a.json", page("a"))], false),
        (vec![("a.json", page("a")), ("b.json", last(&["b"]))], true),
        (vec![("a.json", page("a")), ("b.json", page("b"))], false),
        (vec![("a.json", page("a")), ("b.json", last(&["a", "b"]))], true),
        (vec![("a.json", two), ("b.json", last(&["b", "c"]))], false),
        (vec![("a.json", json!({"Role": role("a")}))], false),
        (vec![("a.json", json!({"RoleDetailList": [role("a")], "UserDetailList": [], "Policies": []}))], true),
    ] {
        let estate = estate(&files);
        assert_eq!(complete(&estate, "iam.roles", "111122223333", None), whole, "{files:?}");
        assert!(!complete(&estate, "iam.users", "111122223333", None), "an empty list beside others may be filtered");
        let cut = files.iter().any(|(_, file)| file.get("Marker").is_some() || file.get("NextToken").is_some());
        assert_eq!(estate.gaps.len(), usize::from(cut && !whole), "{:?}", estate.gaps);
    }
}

#[test]
fn lists_of_kubernetes_tell_how_far_they_go() {
    let typed = |metadata: Value, items: &[Value]| json!({"apiVersion": "v1", "kind": "PodList", "metadata": metadata, "items": items});
    let written = json!(
        "kind: List\napiVersion: v1\nitems:\n- {kind: Pod, apiVersion: v1, metadata: {name: x, namespace: a}}\n\
         - {kind: Pod, apiVersion: v1, metadata: {name: x, namespace: b}}\n"
    );
    for (name, document, namespace, whole) in [
        ("pods.json", list(&[pod("a", "x"), pod("b", "x")]), None, true),
        ("pods.json", list(&[pod("a", "x"), pod("a", "y")]), None, false),
        ("pods.json", list(&[pod("a", "x"), pod("a", "y")]), Some("a"), true),
        ("pods.json", list(&[pod("a", "x")]), Some("b"), false),
        ("pods-all.json", list(&[pod("a", "x")]), Some("b"), true),
        // kubectl prints this when it is refused, too.
        ("pods-all.json", list(&[]), Some("b"), false),
        ("pods.json", typed(json!({"resourceVersion": "7"}), &[]), None, false),
        ("all/pods.json", typed(json!({"resourceVersion": "7"}), &[]), None, true),
        ("pods.json", typed(json!({"continue": "t"}), &[pod("a", "x"), pod("b", "x")]), None, false),
        ("pods.json", pod("a", "x"), Some("a"), false),
        ("pods.yaml", written, None, false),
    ] {
        let estate = estate(&[cluster(), (name, document.clone())]);
        assert_eq!(complete(&estate, "kubernetes.pods", CLUSTER, namespace), whole, "{name} {document} {namespace:?}");
    }
}

#[test]
fn failed_calls_are_coverage_and_gaps() {
    let refused = "An error occurred (AccessDenied) when calling the ListOpenIDConnectProviders operation: User: \
        arn:aws:sts::111122223333:assumed-role/a/b is not authorized to perform: iam:ListOpenIDConnectProviders on \
        resource: arn:aws:iam::111122223333:oidc-provider/*";
    let forbidden = "Error from server (Forbidden): nodes is forbidden: User \"me\" cannot list resource \"nodes\" in \
        API group \"\" at the cluster scope";
    let missing = "An error occurred (NoSuchEntity) when calling the GetRole operation: The role cannot be found.";
    let estate = estate(&[
        cluster(),
        ("oidc.json", json!(refused)),
        ("nodes.json", json!(format!("{}\n{forbidden}", list(&[])))),
        ("sparkapplications.err", json!("error: the server doesn't have a resource type \"sparkapplications\"")),
        ("missing.json", json!(missing)),
        ("pods.json", json!("{\"apiVersion\": \"v1\", \"kind\": \"List\", \"items\": [")),
    ]);
    let denied = estate.incomplete("iam.openIDConnectProviders", "111122223333", None).unwrap();
    assert_eq!(denied.unblock.as_deref(), Some("grant `iam:ListOpenIDConnectProviders`"));
    let denied = estate.incomplete("kubernetes.nodes", CLUSTER, None).unwrap();
    assert_eq!(denied.unblock.as_deref(), Some("grant `list` on `nodes` in the whole cluster"));
    let cut = estate.incomplete("kubernetes.pods", CLUSTER, None).unwrap();
    assert!(cut.why.ends_with("the file was cut off"), "{cut:?}");
    assert!(complete(&estate, "kubernetes.sparkApplications", CLUSTER, None));
    assert_eq!(estate.gaps.len(), 3, "{:?}", estate.gaps);
    assert!(estate.coverage.entries().iter().any(|entry| entry.state == Completeness::Denied));
}

#[test]
fn snapshots_come_back_as_they_were() {
    let before = estate(&[
        cluster(),
        ("roles.json", json!({"Roles": [role("x")], "NextToken": "more"})),
        ("pods-all.json", list(&[pod("a", "x")])),
        (".env", json!("SPARKPILOT_ENVIRONMENT=dev\n")),
    ]);
    let snapshot = before.to_snapshot();
    let after = estate(&[("snapshot.json", snapshot.clone())]);
    for section in ["iam", "kubernetes", "session"] {
        assert_eq!(after.document[section], before.document[section]);
    }
    assert_eq!(after.coverage, before.coverage);
    assert_eq!(after.gaps, before.gaps);
    assert_eq!(after.to_snapshot(), snapshot);
    let origin = after.origins.find("/iam/roles/0/Arn").unwrap();
    assert_eq!(origin.pointer, "/iam/roles/0/Arn");
    // What is given beside a snapshot is laid over it.
    let both = estate(&[("a-snapshot.json", snapshot), ("b.json", json!({"Role": role("y")}))]);
    assert_eq!(both.items("iam.roles").len(), 2);
    let newer = estate(&[cluster(), ("snapshot.json", json!({"sparkcheck": {"format": 99}}))]);
    assert!(whys(&newer)[0].contains("is a snapshot of format 99; this program reads 1"), "{:?}", newer.gaps);
}

#[test]
fn declared_jobs_are_read_once_and_placed() {
    let toml = format!("[[rollout]]\nname = \"a\"\njobs = [\"jobs/run.json\"]\ncluster = \"{CLUSTER}\"\n");
    let folder = folder(&[
        ("sparkcheck.toml", json!(toml)),
        ("jobs/run.json", json!({"jobDriver": {}, "releaseLabel": "emr-7.10.0-latest"})),
        ("pods-all.json", list(&[pod("a", "x")])),
    ]);
    let estate = read(&[Input::Path(folder.path().to_owned())], &Options::default()).unwrap();
    let declared = &estate.items("declarations")[0];
    let requests = estate.items("jobRequests");
    assert_eq!(requests.len(), 1);
    assert_eq!(declared["jobs"], json!(["jobs/run.json"]));
    assert_eq!(declared["job-paths"][0], requests[0]["path"]);
    assert!(complete(&estate, "kubernetes.pods", CLUSTER, None), "the declared cluster is the only one");
    let wanted: Vec<(usize, String)> = ["/declarations/0/cluster", "/jobRequests/0/request/releaseLabel"]
        .iter()
        .map(|pointer| estate.origins.find(pointer).map(|origin| (origin.source, origin.pointer)).unwrap())
        .collect();
    let spans = locate(&estate.sources, &wanted);
    let lines: Vec<usize> = spans.iter().map(|span| span.as_ref().unwrap().line).collect();
    assert_eq!(lines, [4, 1]);
    let stdin = read(&[Input::Stdin(b"{\"Roles\": []}".to_vec())], &Options::default()).unwrap();
    assert!(locate(&stdin.sources, &[(0, "/Roles".into())])[0].is_some());
}

/// What AWS prints of policies holds them as texts.
fn written(statement: Value) -> Value {
    json!({"Version": "2012-10-17", "Statement": [statement]}).to_string().into()
}

fn attached(ids: &[&str], kind: &str) -> Value {
    let policy = |id: &&str| {
        let arn = format!("arn:aws:organizations::999988887777:policy/o-4k2v9x7q1m/{}/{id}", kind.to_lowercase());
        json!({"Id": id, "Arn": arn, "Name": id, "Type": kind, "AwsManaged": false})
    };
    json!({"Policies": ids.iter().map(policy).collect::<Vec<_>>()})
}

fn control(id: &str, kind: &str, statement: Value) -> Value {
    json!({"Policy": {"PolicySummary": {"Id": id, "Name": id, "Type": kind}, "Content": written(statement)}})
}

#[test]
fn control_policies_stand_level_by_level() {
    const SCP: &str = "SERVICE_CONTROL_POLICY";
    const RCP: &str = "RESOURCE_CONTROL_POLICY";
    let deny = json!({"Effect": "Deny", "Action": "emr-containers:*", "Resource": "*"});
    let outside = json!({"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*"});
    let unit = "ou-7hq2-3n8w5t0c";
    let organization = json!({"Id": "o-4k2v9x7q1m", "MasterAccountId": "999988887777", "MasterAccountEmail": "a@b.c"});
    let estate = estate(&[
        cluster(),
        ("o/describe-organization.json", json!({"Organization": organization})),
        ("o/list-parents-111122223333.json", json!({"Parents": [{"Id": unit, "Type": "ORGANIZATIONAL_UNIT"}]})),
        (&format!("o/list-parents-{unit}.json"), json!({"Parents": [{"Id": "r-7hq2", "Type": "ROOT"}]})),
        ("o/list-policies-for-target-111122223333.json", attached(&["p-FullAWSAccess"], SCP)),
        (&format!("o/list-policies-for-target-{unit}.json"), attached(&["p-FullAWSAccess", "p-0denyemr1"], SCP)),
        ("o/list-policies-for-target-r-7hq2.json", attached(&["p-FullAWSAccess"], SCP)),
        (&format!("o/resource/list-policies-for-target-{unit}.json"), attached(&["p-0outside1"], RCP)),
        ("o/describe-policy-1.json", control("p-0denyemr1", SCP, deny)),
        ("o/describe-policy-2.json", control("p-0outside1", RCP, outside)),
    ]);
    assert_eq!(whys(&estate), [] as [&str; 0]);
    let shown = &estate.document["organizations"]["organization"];
    assert!(shown["MasterAccountId"].is_string() && shown["MasterAccountEmail"].is_null(), "{shown}");
    let names = |control| -> Vec<(Vec<String>, usize)> {
        let levels = levels(&estate, "111122223333", control).unwrap().levels;
        let names = |level: &Gathered| level.policies.iter().map(|named| named.name.clone()).collect();
        levels.iter().map(|level| (names(level), level.missing.len())).collect()
    };
    let level = |names: &[&str], missing| (names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>(), missing);
    let full = "service control policy `p-FullAWSAccess`";
    let denied = "service control policy `p-0denyemr1`";
    assert_eq!(names(Control::Service), [level(&[full], 0), level(&[full, denied], 0), level(&[full], 0)]);
    // Of the root and of the account nobody asked for resource control policies.
    let outside = "resource control policy `p-0outside1`";
    assert_eq!(names(Control::Resource), [level(&[], 1), level(&[outside], 0), level(&[], 1)]);
    assert!(levels(&estate, "999988887777", Control::Service).is_none(), "none apply to the management account");
}

#[test]
fn a_level_that_was_not_read_is_missing() {
    const SCP: &str = "SERVICE_CONTROL_POLICY";
    let parents = json!({"Parents": [{"Id": "r-7hq2", "Type": "ROOT"}]});
    let own = attached(&["p-0nowhere1"], SCP);
    let estate = estate(&[
        cluster(),
        ("list-parents-111122223333.json", parents.clone()),
        ("list-policies-for-target-111122223333.json", own),
        ("parents.json", parents),
    ]);
    let levels = levels(&estate, "111122223333", Control::Service).unwrap().levels;
    let missing: Vec<usize> = levels.iter().map(|level| level.missing.len()).collect();
    assert_eq!(missing, [1, 1], "what the root has, and what the account's policy says");
    let [gap] = estate.gaps.as_slice() else { panic!("{:?}", estate.gaps) };
    assert!(gap.why.ends_with("parents.json` holds a list `Parents` and does not say of what"), "{gap:?}");
    assert!(gap.unblock.as_deref().unwrap().contains("list-parents-123456789012.json"), "{gap:?}");
}

#[test]
fn policies_of_buckets_and_keys_find_what_they_are_of() {
    let about = |resource: Value| json!({"Policy": written(json!({"Effect": "Deny", "Principal": "*", "Action": "*", "Resource": resource}))});
    let of_key = |mut policy: Value| {
        policy["PolicyName"] = "default".into();
        policy
    };
    let key = "7c1e0b52-3f4d-4a86-9d21-5be8f06a9c37";
    let arn = format!("arn:aws:kms:us-east-1:111122223333:key/{key}");
    let bucket = |name: &str| json!({"Name": name, "CreationDate": "2024-03-11T09:20:14+00:00"});
    let algorithm = json!({"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": arn}});
    let estate = estate(&[
        cluster(),
        ("buckets.json", json!({"Buckets": [bucket("data"), bucket("logs")], "Owner": {"ID": "x"}})),
        ("a.json", about(json!(["arn:aws:s3:::data", "arn:aws:s3:::data/*"]))),
        ("encryption-logs.json", json!({"ServerSideEncryptionConfiguration": {"Rules": [algorithm]}})),
        ("key.json", json!({"KeyMetadata": {"KeyId": key, "Arn": arn, "KeyManager": "CUSTOMER"}})),
        (&format!("get-key-policy-{key}.json"), of_key(about(json!("*")))),
        ("mrk/get-key-policy-mrk-0123456789abcdef0123456789abcdef.json", of_key(about(json!("*")))),
        ("two-buckets.json", about(json!(["arn:aws:s3:::data/*", "arn:aws:s3:::logs/*"]))),
        ("get-bucket-policy-broken.json", json!({"Policy": "{\"Statement\": [", "PolicyName": "x"})),
    ]);
    let buckets = estate.items("s3.buckets");
    assert_eq!(buckets.len(), 2);
    assert_eq!(buckets[0]["Policy"]["Statement"][0]["Effect"], "Deny");
    assert!(buckets[1]["Policy"].is_null(), "{}", buckets[1]);
    assert!(buckets[1]["ServerSideEncryptionConfiguration"]["Rules"].is_array(), "the path names the bucket");
    let keys = estate.items("kms.keys");
    assert_eq!((keys.len(), &keys[0]["KeyManager"]), (2, &json!("CUSTOMER")));
    assert!(keys.iter().all(|key| key["Policy"]["Statement"].is_array()), "{keys:?}");
    let origin = estate.origins.find("/s3/buckets/0/Policy/Statement/0").unwrap();
    assert!(estate.sources[origin.source].path.ends_with("a.json"), "{origin:?}");
    let [gap] = estate.gaps.as_slice() else { panic!("{:?}", estate.gaps) };
    assert!(gap.what.ends_with("get-bucket-policy-broken.json") && gap.why.contains("not JSON"), "{gap:?}");
}

/// A type that is newer than the table counts as EC2 describes it.
#[test]
fn instance_types_that_are_shown_stand_above_the_table() {
    let described = json!({"InstanceTypes": [
        {"InstanceType": "m99g.12xlarge", "VCpuInfo": {"DefaultVCpus": 48}, "MemoryInfo": {"SizeInMiB": 196_608},
            "ProcessorInfo": {"SupportedArchitectures": ["arm64"]},
            "NetworkInfo": {"MaximumNetworkInterfaces": 8, "Ipv4AddressesPerInterface": 30}},
    ], "NextToken": "more"});
    let quotas = json!({"Quotas": [{"ServiceCode": "ec2", "QuotaCode": "L-1216C47A", "Value": 90.0,
        "QuotaName": "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances",
        "QuotaArn": "arn:aws:servicequotas:us-east-1:111122223333:ec2/L-1216C47A"}]});
    let group = |role: &str| json!({"InstanceRole": role, "InstanceType": "m99g.12xlarge", "InstanceCount": 1});
    let request = json!({"Name": "new", "ReleaseLabel": "emr-7.12.0", "JobFlowRole": "r", "ServiceRole": "s",
        "Instances": {"InstanceGroups": [group("MASTER"), group("CORE")]}});
    let toml = "[[rollout]]\nsystem = \"emr-on-ec2\"\nname = \"new\"\njobs = [\"run-job-flow.json\"]\n";
    let files = [
        ("run-job-flow.json", request),
        ("list-service-quotas.json", quotas),
        ("sparkcheck.toml", Value::from(toml)),
        ("describe-instance-types.json", described),
    ];
    for (shown, asked) in [(true, json!(96)), (false, Value::Null)] {
        let linked = sparkcheck::link::link(estate(&files[..if shown { 4 } else { 3 }]));
        assert_eq!(whys(&linked.estate), Vec::<&str>::new());
        let rollout = &linked.estate.items("rollouts")[0];
        assert_eq!(rollout["vcpuQuotas"][0]["asked"], asked, "{shown}: {rollout}");
    }
}

/// A list that changed while its pages were read may name something twice; there is one of it.
#[test]
fn what_is_listed_twice_is_there_once() {
    let one = |id: &str| {
        let arn = format!("arn:aws:emr-containers:us-east-1:111122223333:/virtualclusters/{id}");
        json!({"id": id, "name": id, "arn": arn, "state": "RUNNING"})
    };
    let estate = estate(&[
        cluster(),
        ("virtual-clusters.json", json!({"virtualClusters": [one("a"), one("b"), one("a")]})),
        ("pods.json", list(&[pod("spark", "x"), pod("spark", "y"), pod("other", "x"), pod("spark", "x")])),
    ]);
    let names: Vec<&Value> = estate.items("emrContainers.virtualClusters").iter().map(|item| &item["id"]).collect();
    assert_eq!(names, ["a", "b"]);
    assert_eq!(estate.kubernetes(CLUSTER).unwrap().0["pods"].as_array().unwrap().len(), 3);
    assert_eq!(whys(&estate), Vec::<&str>::new());
}
