use super::super::code::Where;
use super::*;
use serde_json::{Value, json};

fn read_all(files: &[(&str, &str)]) -> Vec<Code> {
    let materials: Vec<Material> = files.iter().filter_map(|(path, text)| material(path, text)).collect();
    read(&materials).0
}

/// What the units declare: the collection or the kind, and the value.
fn declared(codes: &[Code]) -> Vec<(String, Value)> {
    let value = |node: &Node| node.clone().into_value(&mut String::new(), &mut |_, _| {});
    let all = codes.iter().flat_map(|code| &code.declared);
    all.map(|one| match one {
        Declared::Item { collection, item, .. } => ((*collection).to_owned(), value(item)),
        Declared::Part { collection, of, field, part, .. } => (format!("{collection} {of} {field}"), value(part)),
        Declared::Job { kind, request } => (format!("job {kind}"), value(request)),
        Declared::Gateway { config } => ("gateway".to_owned(), value(config)),
    })
    .collect()
}

fn one(codes: &[Code], what: &str) -> Value {
    let all = declared(codes);
    let found: Vec<&Value> = all.iter().filter(|(name, _)| name == what).map(|(_, value)| value).collect();
    assert_eq!(found.len(), 1, "{what} in {:?}", all.iter().map(|(name, _)| name).collect::<Vec<_>>());
    found[0].clone()
}

const SUBMIT: &str = r#"#!/bin/bash
RELEASE="emr-7.5.0-latest"
VC=$(aws emr-containers list-virtual-clusters --query "virtualClusters[?name=='otters'].id" --output text)
aws emr-containers start-job-run \
  --virtual-cluster-id $VC --name nightly \
  --execution-role-arn $ROLE_ARN --release-label "$RELEASE" \
  --job-driver '{
    "sparkSubmitJobDriver": {
      "entryPoint": "'"$BUCKET"'/a.py",
      "sparkSubmitParameters": "--conf spark.executor.cores=2"
    }}' \
  --configuration-overrides file://overrides.json
"#;

#[test]
fn a_job_of_a_script() {
    let codes = read_all(&[("s/submit.sh", SUBMIT)]);
    let job = one(&codes, "job emr-containers");
    assert_eq!(job["virtualClusterId"], json!({"$text": [{"$unknown": "id of otters"}]}));
    assert_eq!(job["releaseLabel"], "emr-7.5.0-latest");
    assert_eq!(
        job["jobDriver"]["sparkSubmitJobDriver"]["entryPoint"],
        json!({"$text": [{"$unknown": "BUCKET"}, "/a.py"]})
    );
    assert_eq!(job["configurationOverrides"], json!({"$unknown": "`overrides.json` was not given"}));
    let Declared::Job { request, .. } = &codes[0].declared[0] else { panic!() };
    let label = request.get("releaseLabel").unwrap().at.clone().unwrap();
    let Where::Bytes(start, end) = label.span else { panic!() };
    assert_eq!(&SUBMIT[start as usize..end as usize], "emr-7.5.0-latest");
}

const TRUST: &str = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "elasticmapreduce.amazonaws.com"}, "Action": "sts:AssumeRole"}]}"#;

const ROLES: &str = r#"
aws iam create-role --role-name badger --assume-role-policy-document file://trust.json
cat > policy.json <<END
{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::$BUCKET/*"}]}
END
aws iam put-role-policy --role-name badger --policy-name p --policy-document file://policy.json
aws iam attach-role-policy --role-name badger --policy-arn arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess
aws emr-containers update-role-trust-policy --cluster-name loch --namespace ravens --role-name badger
"#;

#[test]
fn roles_and_policies_of_a_script() {
    let codes = read_all(&[("a/run.sh", ROLES), ("a/trust.json", TRUST), ("b/other.json", TRUST)]);
    let mut roles = declared(&codes);
    roles.retain(|(name, _)| name == "iam.roles");
    assert_eq!(roles.len(), 2);
    assert_eq!(roles[0].1["RoleName"], "badger");
    assert_eq!(roles[0].1["AssumeRolePolicyDocument"]["Statement"][0]["Action"], "sts:AssumeRole");
    assert_eq!(roles[1].1["RoleName"], json!({"$text": [{"$unknown": "name of other"}]}));
    let policy = one(&codes, "iam.roles badger RolePolicyList");
    assert_eq!(
        policy["PolicyDocument"]["Statement"][0]["Resource"],
        json!({"$text": ["arn:aws:s3:::", {"$unknown": "BUCKET"}, "/*"]})
    );
    let statement = one(&codes, "iam.roles badger AssumeRolePolicyDocument/Statement");
    assert!(statement["Condition"]["StringLike"].as_object().unwrap().contains_key("${issuer of loch}:sub"));
    assert_eq!(one(&codes, "iam.roles badger AttachedManagedPolicies")["PolicyName"], "AmazonS3ReadOnlyAccess");
}

const PLATFORM: &str = r#"
export CLUSTER=loch
eksctl create cluster --name "$CLUSTER" --version=1.33 --with-oidc --node-type r6i.xlarge --nodes 3
kubectl create namespace ravens
kubectl apply -f - <<END
apiVersion: v1
kind: ServiceAccount
metadata:
  name: reader
  namespace: ${NS}
END
eksctl create iamidentitymapping --cluster $CLUSTER --namespace ravens --service-name "emr-containers"
aws emr-containers create-virtual-cluster --name otters \
  --container-provider '{"id": "'$CLUSTER'", "type": "EKS", "info": {"eksInfo": {"namespace": "ravens"}}}'
aws emr-containers create-virtual-cluster --name voles --container-provider id=$CLUSTER,type=EKS,info={eksInfo={namespace=moors}}
"#;

#[test]
fn clusters_namespaces_and_mappings() {
    let codes = read_all(&[("up.sh", PLATFORM)]);
    assert_eq!(one(&codes, "eks.clusters")["version"], "1.33");
    assert_eq!(one(&codes, "eks.nodegroups")["scalingConfig"]["maxSize"], 3);
    assert_eq!(one(&codes, "kubernetes.namespaces")["metadata"]["name"], "ravens");
    assert_eq!(
        one(&codes, "kubernetes.serviceAccounts")["metadata"]["namespace"],
        json!({"$text": [{"$unknown": "NS"}]})
    );
    assert_eq!(one(&codes, "kubernetes.roles")["metadata"]["namespace"], "ravens");
    let mut clusters = declared(&codes);
    clusters.retain(|(name, _)| name == "emrContainers.virtualClusters");
    assert_eq!(clusters[0].1["containerProvider"]["id"], "loch");
    assert_eq!(clusters[1].1["containerProvider"]["info"]["eksInfo"]["namespace"], "moors");
    // What a here-document says has its place in the script.
    let name = codes[0].declared.iter().find_map(|one| match one {
        Declared::Item { collection: "kubernetes.serviceAccounts", item, .. } => item.get("metadata")?.get("name"),
        _ => None,
    });
    let Some(At { span: Where::Bytes(start, end), .. }) = name.unwrap().at.clone() else { panic!() };
    assert_eq!(&PLATFORM[start as usize..end as usize], "reader");
}

/// The letters at the place of a node.
fn at<'t>(text: &'t str, node: Option<&Node>) -> &'t str {
    let Some(At { span: Where::Bytes(start, end), .. }) = node.and_then(|node| node.at.clone()) else { panic!() };
    &text[start as usize..end as usize]
}

fn item<'c>(codes: &'c [Code], wanted: &str) -> &'c Node {
    let mut all = codes.iter().flat_map(|code| &code.declared);
    let found = all.find_map(|one| match one {
        Declared::Item { collection, item, .. } if *collection == wanted => Some(item),
        _ => None,
    });
    found.unwrap_or_else(|| panic!("no {wanted}"))
}

const EMBEDDED: &str = "#!/bin/bash
export NAME=loch
version=1.33
nodes=4
eksctl create cluster -f - <<EOF
apiVersion: eksctl.io/v1alpha5
kind: ClusterConfig
metadata: {name: $NAME, region: $REGION, version: \"${version}\"}
managedNodeGroups:
  - name: ${NAME}-workers
    instanceType: <INSTANCE_TYPE>
    desiredCapacity: $nodes
EOF
cat <<-'END' > manifests/jobs.yaml
\tapiVersion: v1
\tkind: Namespace
\tmetadata:
\t  name: ravens
END
cat << EOF | kubectl apply -f -
  apiVersion: v1
  kind: ServiceAccount
  metadata:
    name: reader
    namespace: $(kubectl get ns -o name | head -1)
  ---
  apiVersion: v1
  kind: ServiceAccount
  metadata: {name: writer, namespace: ravens}
EOF
kubectl delete -f - <<EOF
apiVersion: v1
kind: ConfigMap
metadata: {name: gone}
EOF
";

#[test]
fn files_inside_of_a_script() {
    let codes = read_all(&[("up.sh", EMBEDDED)]);
    let cluster = item(&codes, "eks.clusters");
    let value = |node: &Node| node.clone().into_value(&mut String::new(), &mut |_, _| {});
    assert_eq!((&value(cluster)["name"], &value(cluster)["version"]), (&json!("loch"), &json!("1.33")));
    // What a variable says was written where it got its value.
    assert_eq!(at(EMBEDDED, cluster.get("name")), "loch");
    let group = item(&codes, "eks.nodegroups");
    assert_eq!(value(group)["nodegroupName"], "loch-workers");
    assert_eq!(value(group)["scalingConfig"]["desiredSize"], 4);
    assert_eq!(value(group)["instanceTypes"], json!([{"$text": [{"$unknown": "INSTANCE_TYPE"}]}]));
    let types = group.get("instanceTypes").unwrap();
    assert_eq!(at(EMBEDDED, types.items().first()), "<INSTANCE_TYPE>");
    assert_eq!(item(&codes, "files.placeholders").get("text").unwrap().as_str(), Some("<INSTANCE_TYPE>"));
    let namespace = item(&codes, "kubernetes.namespaces");
    assert_eq!(at(EMBEDDED, namespace.get("metadata").unwrap().get("name")), "ravens");
    let accounts: Vec<Value> = declared(&codes)
        .into_iter()
        .filter(|(name, _)| name == "kubernetes.serviceAccounts")
        .map(|(_, it)| it)
        .collect();
    assert_eq!(
        accounts[0]["metadata"]["namespace"],
        json!({"$text": [{"$unknown": "$(kubectl get ns -o name | head -1)"}]})
    );
    assert_eq!(accounts[1]["metadata"]["name"], "writer");
    assert!(!declared(&codes).iter().any(|(name, _)| name == "kubernetes.configMaps"));
}

#[test]
fn a_broken_file_inside_of_a_script_is_a_gap() {
    let script = "kubectl apply -f - <<EOF\napiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n---\na: [b\nEOF\n";
    let codes = read_all(&[("up.sh", script)]);
    let gaps: Vec<&str> = codes.iter().flat_map(|code| &code.gaps).filter_map(|gap| gap.place.as_deref()).collect();
    assert_eq!(gaps.len(), 1);
    assert!(gaps[0].starts_with("up.sh:6:") || gaps[0].starts_with("up.sh:7:"), "{gaps:?}");
}

#[test]
fn steps_of_clusters() {
    let script = "ID=$(aws emr create-cluster --name otters --release-label emr-7.5.0 --query ClusterId --output text)
aws emr add-steps --cluster-id $ID --steps Type=Spark,Name=one,ActionOnFailure=CONTINUE,Args=[--class,org.X,s3://b/x.jar]
aws emr add-steps --cluster-id j-1 --steps '[{\"Name\": \"two\", \"HadoopJarStep\": {\"Jar\": \"command-runner.jar\"}}]'
";
    let codes = read_all(&[("run.sh", script)]);
    let cluster = one(&codes, "job emr");
    assert_eq!(
        cluster["Steps"],
        json!([{"Name": "one", "ActionOnFailure": "CONTINUE", "HadoopJarStep": {
            "Jar": "command-runner.jar", "Args": ["spark-submit", "--class", "org.X", "s3://b/x.jar"],
        }}])
    );
    let elsewhere = one(&codes, "job emr-steps");
    assert_eq!((&elsewhere["JobFlowId"], &elsewhere["Steps"][0]["Name"]), (&json!("j-1"), &json!("two")));
}

#[test]
fn environments_and_jobs_of_sparkpilot() {
    let runbook = "# Run\n\n```powershell\nsparkpilot env-create `\n  --tenant-id <tenant_id> `\n  --customer-role-arn \
                   arn:aws:iam::<account-id>:role/Lite `\n  --eks-cluster-arn \
                   arn:aws:eks:us-east-1:<account-id>:cluster/loch `\n  --eks-namespace ravens\n\nsparkpilot \
                   job-create --name j --artifact-uri local:///x.jar --artifact-digest sha256:placeholder --conf \
                   spark.executor.cores=2 --conf spark.driver.memory=1g\n```\n";
    let codes = read_all(&[("RUNBOOK.md", runbook)]);
    let environment = one(&codes, "job sparkpilot-environment");
    assert_eq!(environment["namespace"], "ravens");
    assert_eq!(
        environment["cluster"],
        json!({"$text": ["arn:aws:eks:us-east-1:", {"$unknown": "account"}, ":cluster/loch"]})
    );
    let job = one(&codes, "job sparkpilot-job");
    assert_eq!(job["spark_conf"], json!({"spark.executor.cores": "2", "spark.driver.memory": "1g"}));
    let body = "{\"provisioning_mode\": \"byoc_lite\", \"eks_cluster_arn\": \"arn:x\", \"eks_namespace\": \"ravens\"}";
    assert_eq!(one(&read_all(&[("env.json", body)]), "job sparkpilot-environment")["namespace"], "ravens");
}

#[test]
fn documents_recipes_and_steps() {
    let call = "aws emr create-cluster --name otters --release-label emr-7.5.0 --use-default-roles --instance-groups \
                InstanceGroupType=MASTER,InstanceCount=1,InstanceType=m5.xlarge --applications Name=Spark --tags a=b";
    let markdown = format!("# Title\n\n```bash\n$ {call}\n```\n\n```python\naws emr create-cluster\n```\n");
    let makefile = format!("up:\n\t@{call}\n");
    let steps = format!(
        "jobs:\n  a:\n    steps:\n      - name: x\n        run: |\n          echo x\n          {call}\n      - run: {call}\n"
    );
    for (path, text, count) in [("README.md", &markdown, 1), ("Makefile", &makefile, 1), ("ci.yml", &steps, 2)] {
        let codes = read_all(&[(path, text)]);
        let all = declared(&codes);
        assert_eq!(all.len(), count, "{path}");
        assert_eq!(all[0].0, "job emr");
        assert_eq!(all[0].1["Instances"]["InstanceGroups"][0]["InstanceRole"], "MASTER");
        assert_eq!(all[0].1["JobFlowRole"], "EMR_EC2_DefaultRole");
        assert_eq!(all[0].1["Applications"], json!([{"Name": "Spark"}]));
        assert_eq!(all[0].1["Tags"], json!([{"Key": "a", "Value": "b"}]));
    }
}

#[test]
fn submissions_and_requests_with_placeholders() {
    let script =
        "curl -X POST http://gw/spark -d '{\"applicationName\": \"a\", \"sparkVersion\": \"3.5\", \"driver\": {}}'\n";
    assert_eq!(one(&read_all(&[("s.sh", script)]), "job bpg-submission")["sparkVersion"], "3.5");
    let here = "curl -X POST http://gw/v1/submissions -d @- <<EOF\n{\"spark_application_type\": \"Python\", \"queue\": \"$QUEUE\"}\nEOF\n";
    let posted = one(&read_all(&[("s.sh", here)]), "job gateway-submission");
    assert_eq!(posted["queue"], json!({"$text": [{"$unknown": "QUEUE"}]}));
    let inside = "curl http://gw -d \"$(cat <<EOF\n{\"applicationName\": \"a\", \"sparkVersion\": \"3.5\", \"driver\": {}}\nEOF\n)\"\n";
    assert_eq!(one(&read_all(&[("s.sh", inside)]), "job bpg-submission")["applicationName"], "a");
    let request = r#"{"virtualClusterId": "${VC_ID}", "jobDriver": {"sparkSubmitJobDriver": {"entryPoint": "x"}}, "n": ${COUNT}}"#;
    let codes = read_all(&[("job.json", request)]);
    assert_eq!(one(&codes, "job start-job-run")["n"], json!({"$text": [{"$unknown": "COUNT"}]}));
}

#[test]
fn shorthand_ends_on_anything() {
    use super::super::code::json::{Piece, PiecePart};
    for text in [
        "l=[}".to_owned(),
        "l=[a}".to_owned(),
        "a={".repeat(10_000),
        "a=[".repeat(10_000),
        "a=b,".repeat(10_000),
        "=".repeat(1000),
        "a='".to_owned(),
    ] {
        let piece = Piece { part: PiecePart::Literal(text.clone()), at: None };
        let word = shell::Word { pieces: vec![piece], span: 0..text.len() };
        let node = arguments::shorthand(&word);
        assert!(node.is_none() || text.starts_with("a=b"), "{text:.10}");
    }
}

const INSTALL: &str = r#"#!/bin/bash
helm repo add spark-operator https://kubeflow.github.io/spark-operator
helm upgrade --install ops spark-operator/spark-operator --version 2.1.0 -n operators --create-namespace \
  -f helm/values.yaml --set spark.serviceAccount.name=jobs,webhook.enable=false --wait
"#;

#[test]
fn releases_of_charts_with_their_values() {
    let values = "spark:\n  jobNamespaces: [otters]\n  rbac: {create: false}\n";
    let file = |path: &str, text: &str| {
        let kind = Kind::Values { beside_chart: false };
        Material { path: path.to_owned(), text: text.into(), kind }
    };
    let script = |text: &str| material("a/run.sh", text).unwrap();
    let arguments = |codes: &[Code]| {
        let all = declared(codes);
        let deployments = all.into_iter().filter(|(name, _)| name == "kubernetes.deployments");
        deployments
            .map(|(_, item)| item["spec"]["template"]["spec"]["containers"][0]["args"].clone())
            .collect::<Vec<_>>()
    };
    let (codes, _) = read(&[script(INSTALL), file("a/helm/values.yaml", values), file("b/values.yaml", "a: b")]);
    assert_eq!(codes.len(), 1);
    assert_eq!(codes[0].files.iter().map(|file| &*file.path).collect::<Vec<_>>(), ["a/run.sh", "a/helm/values.yaml"]);
    assert_eq!(arguments(&codes), [json!(["controller", "start", "--namespaces=otters"])]);
    assert_eq!(one(&codes, "kubernetes.namespaces")["metadata"]["name"], "operators");
    let account = one(&codes, "kubernetes.serviceAccounts");
    assert_eq!(account["metadata"], json!({"name": "jobs", "namespace": "otters"}));
    assert!(!declared(&codes).iter().any(|(name, _)| name == "kubernetes.mutatingWebhookConfigurations"));
    // Values that nobody gave may say anything; a file of another folder is another file.
    let (codes, _) = read(&[script(INSTALL), file("b/values.yaml", values)]);
    assert_eq!(codes.len(), 2);
    assert_eq!(arguments(&codes)[0][2]["$unknown"], "other arguments of the operator");
    // A file that the script writes, and one that it pipes in.
    for given in [
        "cat > /tmp/v.yaml <<EOF\nspark:\n  jobNamespaces: [$TEAM, moors]\nEOF\nhelm install ops spark-operator/spark-operator -f /tmp/v.yaml\n",
        "helm install ops spark-operator/spark-operator -f - <<EOF\nspark:\n  jobNamespaces: [$TEAM, moors]\nEOF\n",
    ] {
        let (codes, _) = read(&[script(given)]);
        let expected = json!({"$text": ["--namespaces=", {"$unknown": "TEAM"}, ",moors"]});
        assert_eq!(arguments(&codes)[0][2], expected, "{given}");
    }
    // What an upgrade does not say stays as it was; what only shows what it would do is nothing.
    for (given, count) in [
        (
            "helm upgrade ops spark-operator/spark-operator --version 2.1.0 --reuse-values --set webhook.enable=true\n",
            1,
        ),
        ("helm upgrade ops spark-operator/spark-operator --version 2.1.0\n", 1),
        ("helm install ops spark-operator/spark-operator --dry-run\n", 0),
        ("helm uninstall ops\n", 0),
    ] {
        let (codes, _) = read(&[script(given)]);
        let arguments = arguments(&codes);
        assert_eq!(arguments.len(), count, "{given}");
        assert!(arguments.iter().all(|arguments| arguments[2]["$unknown"].is_string()), "{given}");
    }
}
