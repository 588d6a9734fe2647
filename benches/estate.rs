//! Exports of any size, the same bytes each time.
//!
//! They have the shape of what `aws … --output json` and `kubectl … -o json` print: an account with
//! many roles, most of which have nothing to do with Spark, and clusters on which teams run jobs by
//! EMR on EKS. Every tenth cluster lacks its OIDC provider, so that there is something to find.

use serde::Serialize;
use serde_json::{Value, json};
use sparkcheck::iam::base36;
use sparkcheck::report::Look;
use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// How a report looks in a pipe.
pub(crate) const LOOK: Look = Look { width: 80, colour: false, unicode: true, verbose: false };

/// How large an export is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    /// Roles of the account.
    pub(crate) roles: usize,
    /// EKS clusters in it, each with a running virtual cluster.
    pub(crate) clusters: usize,
    /// Whether the rollouts are declared, with submitter and job requests, or left to be inferred.
    pub(crate) declared: bool,
}

const ACCOUNT: &str = "318274659021";
const REGION: &str = "us-east-1";
const NODES: usize = 6;
const PODS: usize = 60;
const JOB_RUNS: usize = 10;

/// Writes an export into a folder and says how many bytes it has.
pub(crate) fn write(folder: &Path, size: Size) -> io::Result<u64> {
    fs::create_dir_all(folder)?;
    let mut bytes = authorization_details(&folder.join("account-authorization-details.json"), size)?;
    let mut put = |name: String, value: &Value| -> io::Result<()> {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap_or(folder))?;
        let text = printed(value)?;
        bytes += text.len() as u64;
        fs::write(path, text)
    };
    put(
        "caller-identity.json".into(),
        &json!({
            "UserId": "AROAW75WSJKTLTDZ33FXJ:preflight", "Account": ACCOUNT,
            "Arn": format!("arn:aws:sts::{ACCOUNT}:assumed-role/PlatformReader/preflight"),
        }),
    )?;
    let clusters = 0..size.clusters;
    let with_provider = clusters.clone().filter(|at| at % 10 != 9);
    let providers: Vec<Value> = with_provider.clone().map(|at| json!({"Arn": provider_arn(at)})).collect();
    put("open-id-connect-providers.json".into(), &json!({"OpenIDConnectProviderList": providers}))?;
    let virtual_clusters: Vec<Value> =
        clusters.clone().flat_map(|at| [virtual_cluster(at, "RUNNING"), virtual_cluster(at, "TERMINATED")]).collect();
    put("virtual-clusters.json".into(), &json!({"virtualClusters": virtual_clusters}))?;
    let names: Vec<String> = clusters.clone().map(cluster_name).collect();
    put("clusters.json".into(), &json!({"clusters": names}))?;
    for at in with_provider {
        let provider = json!({
            "Url": issuer(at), "ClientIDList": ["sts.amazonaws.com"],
            "ThumbprintList": ["06b25927c42a721631c1efd9431e648fa62e1e39"],
            "CreateDate": "2026-02-24T19:18:29+00:00", "Tags": [],
        });
        put(format!("{}/open-id-connect-provider.json", cluster_name(at)), &provider)?;
    }
    for at in clusters.clone() {
        for (name, value) in cluster_files(at) {
            put(format!("{}/{name}.json", cluster_name(at)), &value)?;
        }
    }
    if size.declared {
        let mut declarations = String::new();
        for at in clusters {
            let (name, namespace) = (cluster_name(at), namespace(at));
            put(format!("{name}/job.json"), &job_request(at))?;
            declarations.push_str(&format!(
                "[[rollout]]\nsystem = \"emr-on-eks\"\ncluster = \"{}\"\nnamespace = \"{namespace}\"\n\
                 virtual-cluster = \"{}\"\nsubmitter = \"{}\"\nexecution-role = \"{}\"\n\
                 release-label = \"emr-7.12.0-latest\"\njobs = [\"{name}/job.json\"]\n\n",
                cluster_arn(at),
                virtual_cluster_id(at, "RUNNING"),
                role_arn(&submitter(at)),
                role_arn(&execution_role(at)),
            ));
        }
        fs::write(folder.join("sparkcheck.toml"), declarations)?;
    }
    Ok(bytes)
}

/// As the command line of AWS prints it.
fn printed(value: &Value) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    let formatter = serde_json::ser::PrettyFormatter::with_indent(b"    ");
    value.serialize(&mut serde_json::Serializer::with_formatter(&mut text, formatter))?;
    Ok(text)
}

/// `get-account-authorization-details`, written item by item.
fn authorization_details(path: &Path, size: Size) -> io::Result<u64> {
    let mut out = BufWriter::new(fs::File::create(path)?);
    let mut first = true;
    let mut list = |key: &str, items: &mut dyn Iterator<Item = Value>| -> io::Result<()> {
        write!(out, "{}\"{key}\": [", if std::mem::take(&mut first) { "{" } else { "],\n" })?;
        for (number, item) in items.enumerate() {
            out.write_all(if number == 0 { b"\n" } else { b",\n" })?;
            out.write_all(&printed(&item)?)?;
        }
        Ok(())
    };
    let policies = size.roles / 10 + 1;
    list("UserDetailList", &mut (0..size.roles / 50 + 1).map(user))?;
    list("GroupDetailList", &mut (0..3).map(group))?;
    let of_clusters = (0..size.clusters).flat_map(|at| [execution_role_detail(at), submitter_detail(at)]);
    let others = (0..size.roles.saturating_sub(2 * size.clusters + 1)).map(|number| role(number, policies));
    list("RoleDetailList", &mut others.chain(of_clusters).chain([service_linked_role()]))?;
    list("Policies", &mut (0..policies).map(managed_policy).chain([administrator_access()]))?;
    out.write_all(b"]}\n")?;
    out.flush()?;
    fs::metadata(path).map(|metadata| metadata.len())
}

fn cluster_name(at: usize) -> String {
    format!("analytics-{at:03}")
}

fn cluster_arn(at: usize) -> String {
    format!("arn:aws:eks:{REGION}:{ACCOUNT}:cluster/{}", cluster_name(at))
}

fn namespace(at: usize) -> String {
    format!("team-{at:03}")
}

fn issuer(at: usize) -> String {
    format!("oidc.eks.{REGION}.amazonaws.com/id/5C0D3A1B9E8F47261A0B3C4D5E6F{at:04X}")
}

fn provider_arn(at: usize) -> String {
    format!("arn:aws:iam::{ACCOUNT}:oidc-provider/{}", issuer(at))
}

fn role_arn(name: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:role/{name}")
}

fn execution_role(at: usize) -> String {
    format!("Team{at:03}EmrExecutionRole")
}

fn submitter(at: usize) -> String {
    format!("Team{at:03}SubmitterRole")
}

fn virtual_cluster_id(at: usize, state: &str) -> String {
    format!("{}{at:03}m0c8x5kd2v6hr3ns", if state == "RUNNING" { "p4t9z1" } else { "q7w2b5" })
}

fn virtual_cluster_arn(at: usize) -> String {
    format!("arn:aws:emr-containers:{REGION}:{ACCOUNT}:/virtualclusters/{}", virtual_cluster_id(at, "RUNNING"))
}

fn virtual_cluster(at: usize, state: &str) -> Value {
    let id = virtual_cluster_id(at, state);
    json!({
        "id": id, "name": namespace(at),
        "arn": format!("arn:aws:emr-containers:{REGION}:{ACCOUNT}:/virtualclusters/{id}"),
        "state": state,
        "containerProvider": {
            "type": "EKS", "id": cluster_name(at), "info": {"eksInfo": {"namespace": namespace(at)}},
        },
        "createdAt": "2026-02-24T20:09:14+00:00", "tags": {},
    })
}

fn statement(actions: &[&str], resource: &str) -> Value {
    json!({"Effect": "Allow", "Action": actions, "Resource": [resource, format!("{resource}/*")]})
}

fn detail(name: &str, trust: Value, inline: Value, attached: Value) -> Value {
    json!({
        "Path": "/", "RoleName": name, "RoleId": format!("AROA{name:A<17}"), "Arn": role_arn(name),
        "CreateDate": "2026-02-24T19:24:10+00:00",
        "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trust]},
        "InstanceProfileList": [], "RolePolicyList": inline, "AttachedManagedPolicies": attached,
        "Tags": [{"Key": "team", "Value": "platform"}, {"Key": "cost-centre", "Value": "4711"}],
        "RoleLastUsed": {"LastUsedDate": "2026-02-24T20:12:30+00:00", "Region": REGION},
    })
}

/// A role that has nothing to do with Spark.
fn role(number: usize, policies: usize) -> Value {
    let name = format!("service-{number:06}-role");
    let trust = match number % 3 {
        0 => json!({"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}),
        1 => json!({
            "Effect": "Allow", "Principal": {"AWS": format!("arn:aws:iam::{ACCOUNT}:root")}, "Action": "sts:AssumeRole",
            "Condition": {"StringEquals": {"sts:ExternalId": format!("external-{number}")}},
        }),
        _ => json!({
            "Effect": "Allow", "Principal": {"Federated": provider_arn(0)}, "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {"StringEquals": {
                format!("{}:sub", issuer(0)): format!("system:serviceaccount:apps:service-{number:06}"),
            }},
        }),
    };
    let bucket = format!("arn:aws:s3:::service-{number:06}-data");
    let inline = json!([{"PolicyName": "data", "PolicyDocument": {"Version": "2012-10-17", "Statement": [
        statement(&["s3:GetObject", "s3:ListBucket", "s3:PutObject"], &bucket),
        statement(&["logs:CreateLogStream", "logs:PutLogEvents"], &format!("arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/service/{number}")),
    ]}}]);
    let attached = policy_name(number % policies);
    detail(&name, trust, inline, json!([{"PolicyName": attached, "PolicyArn": policy_arn(&attached)}]))
}

fn execution_role_detail(at: usize) -> Value {
    let name = execution_role(at);
    let account =
        format!("system:serviceaccount:{}:emr-containers-sa-*-*-{ACCOUNT}-{}", namespace(at), base36::encode(&name));
    let trust = json!({
        "Effect": "Allow", "Principal": {"Federated": provider_arn(at)}, "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringLike": {format!("{}:sub", issuer(at)): account}},
    });
    let bucket = format!("arn:aws:s3:::{}-data", namespace(at));
    let inline = json!([{"PolicyName": "data", "PolicyDocument": {"Version": "2012-10-17", "Statement": [
        statement(&["s3:GetObject", "s3:ListBucket", "s3:PutObject"], &bucket),
    ]}}]);
    detail(&name, trust, inline, json!([]))
}

fn submitter_detail(at: usize) -> Value {
    let trust = json!({
        "Effect": "Allow", "Principal": {"AWS": format!("arn:aws:iam::{ACCOUNT}:user/user-00000")},
        "Action": "sts:AssumeRole",
    });
    let virtual_cluster = virtual_cluster_arn(at);
    let inline = json!([{"PolicyName": "submit", "PolicyDocument": {"Version": "2012-10-17", "Statement": [
        {
            "Sid": "Start", "Effect": "Allow", "Action": "emr-containers:StartJobRun", "Resource": virtual_cluster,
            "Condition": {"ArnEquals": {"emr-containers:ExecutionRoleArn": role_arn(&execution_role(at))}},
        },
        {
            "Sid": "Follow", "Effect": "Allow",
            "Action": ["emr-containers:CancelJobRun", "emr-containers:DescribeJobRun"],
            "Resource": format!("{virtual_cluster}/jobruns/*"),
        },
    ]}}]);
    detail(&submitter(at), trust, inline, json!([]))
}

fn service_linked_role() -> Value {
    let mut role = detail(
        "AWSServiceRoleForAmazonEMRContainers",
        json!({
            "Effect": "Allow", "Principal": {"Service": "emr-containers.amazonaws.com"}, "Action": "sts:AssumeRole",
        }),
        json!([]),
        json!([]),
    );
    role["Path"] = "/aws-service-role/emr-containers.amazonaws.com/".into();
    role["Arn"] = role_arn("aws-service-role/emr-containers.amazonaws.com/AWSServiceRoleForAmazonEMRContainers").into();
    role
}

fn user(number: usize) -> Value {
    let name = format!("user-{number:05}");
    json!({
        "Path": "/", "UserName": name, "UserId": format!("AIDA{number:017}"),
        "Arn": format!("arn:aws:iam::{ACCOUNT}:user/{name}"), "CreateDate": "2025-11-03T09:12:44+00:00",
        "GroupList": ["engineers"], "AttachedManagedPolicies": [], "Tags": [],
        "UserPolicyList": [],
    })
}

fn group(number: usize) -> Value {
    let name = ["engineers", "operators", "auditors"][number % 3];
    json!({
        "Path": "/", "GroupName": name, "GroupId": format!("AGPA{number:017}"),
        "Arn": format!("arn:aws:iam::{ACCOUNT}:group/{name}"), "CreateDate": "2025-11-03T09:12:44+00:00",
        "GroupPolicyList": [], "AttachedManagedPolicies": [],
    })
}

fn policy_name(number: usize) -> String {
    format!("shared-{number:05}")
}

fn policy_arn(name: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:policy/{name}")
}

fn managed_policy(number: usize) -> Value {
    let name = policy_name(number);
    let version = |version: usize| {
        json!({
            "Document": {"Version": "2012-10-17", "Statement": [
                statement(&["dynamodb:GetItem", "dynamodb:Query"], &format!("arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{name}")),
                statement(&["sqs:SendMessage", "sqs:ReceiveMessage"], &format!("arn:aws:sqs:{REGION}:{ACCOUNT}:{name}")),
            ]},
            "VersionId": format!("v{version}"), "IsDefaultVersion": version == 2,
            "CreateDate": "2024-10-04T16:58:49+00:00",
        })
    };
    policy(&name, &policy_arn(&name), json!([version(2), version(1)]))
}

fn administrator_access() -> Value {
    let versions = json!([{
        "Document": {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]},
        "VersionId": "v1", "IsDefaultVersion": true, "CreateDate": "2015-02-06T18:39:46+00:00",
    }]);
    policy("AdministratorAccess", "arn:aws:iam::aws:policy/AdministratorAccess", versions)
}

fn policy(name: &str, arn: &str, versions: Value) -> Value {
    json!({
        "PolicyName": name, "PolicyId": format!("ANPA{name:A<17}"), "Arn": arn, "Path": "/",
        "DefaultVersionId": "v2", "AttachmentCount": 10, "PermissionsBoundaryUsageCount": 0, "IsAttachable": true,
        "CreateDate": "2024-10-04T16:58:49+00:00", "UpdateDate": "2024-10-04T16:58:49+00:00",
        "PolicyVersionList": versions,
    })
}

fn cluster_files(at: usize) -> Vec<(&'static str, Value)> {
    let (name, namespace) = (cluster_name(at), namespace(at));
    let cluster = json!({"cluster": {
        "name": name, "arn": cluster_arn(at), "createdAt": "2026-02-24T18:52:31.184000+00:00", "version": "1.34",
        "endpoint": format!("https://5C0D3A1B9E8F47261A0B3C4D5E6F{at:04X}.gr7.{REGION}.eks.amazonaws.com"),
        "roleArn": role_arn("eks-cluster"),
        "resourcesVpcConfig": {
            "subnetIds": ["subnet-0a3d91c27be45f608", "subnet-07c5e2b18d4f6a903"],
            "clusterSecurityGroupId": "sg-03f8a1c6d5b7e2940", "vpcId": "vpc-0c94e7a5b2d318f60",
            "endpointPublicAccess": true, "endpointPrivateAccess": false, "publicAccessCidrs": ["0.0.0.0/0"],
        },
        "identity": {"oidc": {"issuer": format!("https://{}", issuer(at))}}, "status": "ACTIVE",
        "accessConfig": {"authenticationMode": "CONFIG_MAP"}, "tags": {},
    }});
    let nodegroup = json!({"nodegroup": {
        "nodegroupName": "workers",
        "nodegroupArn": format!("arn:aws:eks:{REGION}:{ACCOUNT}:nodegroup/{name}/workers/b4ce5d0a-71f3-2c96-8e15-9a0d3f6b7c24"),
        "clusterName": name, "version": "1.34", "status": "ACTIVE", "capacityType": "ON_DEMAND",
        "scalingConfig": {"minSize": NODES, "maxSize": NODES, "desiredSize": NODES},
        "instanceTypes": ["m6i.2xlarge"], "amiType": "AL2023_x86_64_STANDARD", "labels": {}, "tags": {},
    }});
    let runs: Vec<Value> = (0..JOB_RUNS).map(|number| job_run(at, number)).collect();
    let list = |items: Vec<Value>| json!({"apiVersion": "v1", "items": items, "kind": "List", "metadata": {"resourceVersion": ""}});
    let object = |api: &str, kind: &str, namespace: Option<&str>, name: &str| {
        let mut object = json!({
            "apiVersion": api, "kind": kind,
            "metadata": {
                "creationTimestamp": "2026-02-24T19:23:37Z", "name": name,
                "uid": "851f834f-b608-4cbc-a253-c64bf09aad47",
            },
        });
        if let Some(namespace) = namespace {
            object["metadata"]["namespace"] = namespace.into();
        }
        object
    };
    let namespaces = ["default", "kube-system", namespace.as_str()].map(|name| {
        let mut object = object("v1", "Namespace", None, name);
        object["status"] = json!({"phase": "Active"});
        object
    });
    let mut aws_auth = object("v1", "ConfigMap", Some("kube-system"), "aws-auth");
    aws_auth["data"]["mapRoles"] =
        format!("- rolearn: {}\n  username: emr-containers\n", role_arn("AWSServiceRoleForAmazonEMRContainers")).into();
    let rbac = "rbac.authorization.k8s.io/v1";
    let mut binding = object(rbac, "RoleBinding", Some(&namespace), "emr-containers");
    binding["roleRef"] = json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "emr-containers"});
    binding["subjects"] = json!([{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "emr-containers"}]);
    let mut role = object(rbac, "Role", Some(&namespace), "emr-containers");
    role["rules"] = json!([{"apiGroups": ["", "apps", "batch", "extensions", "networking.k8s.io", rbac.trim_end_matches("/v1")],
        "resources": ["*"], "verbs": ["*"]}]);
    let pods = (0..PODS).map(|number| {
        let mut pod = object("v1", "Pod", Some(if number % 4 == 0 { &namespace } else { "default" }), &format!("web-{number:03}"));
        pod["metadata"]["labels"] = json!({"app": "web", "pod-template-hash": "5b7fd6c9d8"});
        pod["spec"] = json!({
            "containers": [{
                "image": format!("{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/web:2026.02.3"), "name": "web",
                "imagePullPolicy": "IfNotPresent",
                "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "256Mi"}},
            }],
            "nodeName": node_name(number % NODES), "restartPolicy": "Always", "schedulerName": "default-scheduler",
            "serviceAccountName": "default", "tolerations": [
                {"effect": "NoExecute", "key": "node.kubernetes.io/not-ready", "operator": "Exists", "tolerationSeconds": 300},
            ],
        });
        pod["status"] = json!({
            "conditions": [
                {"lastTransitionTime": "2026-02-24T19:11:20Z", "status": "True", "type": "PodScheduled"},
                {"lastTransitionTime": "2026-02-24T19:11:20Z", "status": "True", "type": "Ready"},
            ],
            "phase": "Running", "podIP": "192.168.41.126", "qosClass": "Burstable", "startTime": "2026-02-24T19:11:20Z",
        });
        pod
    });
    let nodes = (0..NODES).map(|number| {
        let mut node = object("v1", "Node", None, &node_name(number));
        node["metadata"]["labels"] = json!({
            "eks.amazonaws.com/nodegroup": "workers", "kubernetes.io/arch": "amd64", "kubernetes.io/os": "linux",
            "node.kubernetes.io/instance-type": "m6i.2xlarge", "topology.kubernetes.io/zone": "us-east-1a",
        });
        node["spec"] = json!({"providerID": format!("aws:///us-east-1a/i-{number:017x}")});
        node["status"] = json!({
            "allocatable": {"cpu": "7910m", "ephemeral-storage": "76224326324", "memory": "31482880Ki", "pods": "58"},
            "capacity": {"cpu": "8", "ephemeral-storage": "83873772Ki", "memory": "32499712Ki", "pods": "58"},
            "conditions": [{"reason": "KubeletReady", "status": "True", "type": "Ready"}],
        });
        node
    });
    vec![
        ("cluster", cluster),
        ("nodegroup", nodegroup),
        ("nodegroups", json!({"nodegroups": ["workers"]})),
        ("addons", json!({"addons": ["coredns", "kube-proxy", "vpc-cni"]})),
        ("access-entries", json!({"accessEntries": []})),
        ("pod-identity-associations", json!({"associations": []})),
        ("job-runs", json!({"jobRuns": runs})),
        ("namespaces", list(namespaces.to_vec())),
        ("configmaps", list(vec![aws_auth])),
        ("roles", list(vec![role])),
        ("rolebindings", list(vec![binding])),
        ("pods", list(pods.collect())),
        ("nodes", list(nodes.collect())),
    ]
}

fn node_name(number: usize) -> String {
    format!("ip-192-168-14-{number}.ec2.internal")
}

fn job_run(at: usize, number: usize) -> Value {
    let id = format!("00000003{at:03}c2n6q{number:03}");
    json!({
        "id": id, "name": "daily-orders", "virtualClusterId": virtual_cluster_id(at, "RUNNING"),
        "arn": format!("{}/jobruns/{id}", virtual_cluster_arn(at)), "state": "COMPLETED",
        "executionRoleArn": role_arn(&execution_role(at)), "releaseLabel": "emr-7.12.0-latest",
        "jobDriver": job_driver(at), "createdAt": "2026-02-24T20:09:14+00:00",
        "stateDetails": "JobRun completed successfully. It ran for 2 Minutes 41 Seconds", "tags": {},
    })
}

fn job_driver(at: usize) -> Value {
    json!({"sparkSubmitJobDriver": {
        "entryPoint": format!("s3://{}-data/jobs/daily-orders.py", namespace(at)),
        "entryPointArguments": ["--day", "2026-02-23"],
        "sparkSubmitParameters": "--conf spark.executor.instances=4 --conf spark.executor.memory=4g --conf spark.driver.memory=2g",
    }})
}

fn job_request(at: usize) -> Value {
    json!({
        "name": "daily-orders", "virtualClusterId": virtual_cluster_id(at, "RUNNING"),
        "executionRoleArn": role_arn(&execution_role(at)), "releaseLabel": "emr-7.12.0-latest",
        "jobDriver": job_driver(at),
        "configurationOverrides": {"monitoringConfiguration": {
            "persistentAppUI": "ENABLED",
            "s3MonitoringConfiguration": {"logUri": format!("s3://{}-data/logs/", namespace(at))},
        }},
    })
}
