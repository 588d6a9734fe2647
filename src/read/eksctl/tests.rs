use super::*;
use serde_json::json;

const FILE: &str = r#"
apiVersion: eksctl.io/v1alpha5
kind: ClusterConfig
metadata: {name: loch, region: "${AWS_REGION}", version: "1.33"}
iam:
  withOIDC: true
  serviceAccounts:
    - metadata: {name: reader, namespace: ravens}
      attachPolicyARNs: ["arn:aws:iam::<ACCOUNT_ID>:policy/read"]
      roleName: raven-reader
  podIdentityAssociations:
    - {namespace: ravens, serviceAccountName: writer, roleARN: "arn:aws:iam::111122223333:role/w"}
iamIdentityMappings:
  - serviceName: emr-containers
    namespace: ravens
managedNodeGroups:
  - name: plain
    desiredCapacity: 3
    instanceTypes: [m7g.xlarge]
    taints: {pool: "spark:NoSchedule"}
  - name: spot
    instanceType: r6i.large
    maxSize: <MAX_NODES>
    spot: true
fargateProfiles:
  - name: light
    selectors: [{namespace: ravens, labels: {tier: light}}]
addons:
  - name: eks-pod-identity-agent
"#;

/// The items of a collection, as values with their places.
fn items(code: &Code, wanted: &str) -> Vec<Value> {
    let items = code.declared.iter().filter_map(|declared| match declared {
        Declared::Item { collection, item, .. } if *collection == wanted => Some(item.clone()),
        _ => None,
    });
    items.map(|item| item.into_value(&mut String::new(), &mut |_, _| {})).collect()
}

#[test]
fn a_file_that_may_add_to_a_cluster_says_nothing_of_it() {
    for (rest, known) in [
        ("managedNodeGroups: [{name: more}]", false),
        ("nodeGroups: [{name: more}]", false),
        ("iam: {withOIDC: true, serviceAccounts: [{metadata: {name: reader}}]}", false),
        ("iam: {withOIDC: true}\nmanagedNodeGroups: [{name: first}]", true),
        ("availabilityZones: [a, b]\nmanagedNodeGroups: [{name: first}]", true),
        ("cloudWatch: {clusterLogging: {enableTypes: [audit]}}\nmanagedNodeGroups: [{name: first}]", true),
        ("", true),
    ] {
        let head = "apiVersion: eksctl.io/v1alpha5\nkind: ClusterConfig\nmetadata: {name: loch, region: eu-west-1}\n";
        let code = read("loch.yaml", &format!("{head}{rest}\n")).unwrap();
        let clusters = items(&code, "eks.clusters");
        let [cluster] = clusters.as_slice() else { panic!("{rest}") };
        assert_eq!(cluster["resourcesVpcConfig"]["endpointPublicAccess"] == true, known, "{rest}");
        assert_eq!(cluster["logging"]["clusterLogging"].is_array(), known, "{rest}");
    }
}

#[test]
fn everything_is_lowered_to_what_the_apis_print() {
    let code = read("cluster.yaml", FILE).unwrap();
    assert!(code.gaps.is_empty(), "{:?}", code.gaps);
    let cluster = &items(&code, "eks.clusters")[0];
    assert_eq!(
        cluster["arn"],
        json!({"$text": ["arn:", {"$unknown": "partition"}, ":eks:", {"$unknown": "region"}, ":", {"$unknown": "account"}, ":cluster/loch"]})
    );
    assert_eq!(cluster["resourcesVpcConfig"]["endpointPublicAccess"], true);
    assert_eq!(cluster["accessConfig"]["authenticationMode"], "API_AND_CONFIG_MAP");
    assert_eq!(items(&code, "iam.openIDConnectProviders").len(), 1);
    let role = &items(&code, "iam.roles")[0];
    assert_eq!(role["RoleName"], "raven-reader");
    let statement = &role["AssumeRolePolicyDocument"]["Statement"][0];
    assert_eq!(statement["Condition"]["StringEquals"]["${issuer of loch}:sub"], "system:serviceaccount:ravens:reader");
    assert_eq!(
        role["AttachedManagedPolicies"][0]["PolicyArn"],
        json!({"$text": ["arn:aws:iam::", {"$unknown": "account"}, ":policy/read"]})
    );
    let groups = items(&code, "eks.nodegroups");
    assert_eq!(groups[0]["scalingConfig"], json!({"desiredSize": 3, "minSize": 3, "maxSize": 3}));
    assert_eq!(groups[0]["taints"], json!([{"key": "pool", "value": "spark", "effect": "NO_SCHEDULE"}]));
    assert_eq!(groups[1]["capacityType"], "SPOT");
    assert_eq!(groups[1]["scalingConfig"]["maxSize"], json!({"$text": [{"$unknown": "MAX_NODES"}]}));
    assert_eq!(items(&code, "kubernetes.identityMappings")[0]["username"], "emr-containers");
    assert_eq!(items(&code, "kubernetes.roleBindings")[0]["metadata"]["namespace"], "ravens");
    assert_eq!(items(&code, "eks.podIdentityAssociations")[0]["serviceAccount"], "writer");
    assert_eq!(items(&code, "eks.fargateProfiles")[0]["selectors"][0]["namespace"], "ravens");
    assert_eq!(items(&code, "eks.addons")[0]["clusterName"], "loch");
}

#[test]
fn what_is_not_eksctls_is_left() {
    assert!(read("a.yaml", "apiVersion: v1\nkind: Pod\n").is_none());
    assert!(read("a.yaml", "# eksctl.io/ ClusterConfig\nkind: x\n").is_none());
    assert!(read("t.yaml", "apiVersion: eksctl.io/v1alpha5\nkind: ClusterConfig\n{{- if .x }}\n").is_none());
    let broken = read("b.yaml", "apiVersion: eksctl.io/v1alpha5\nkind: ClusterConfig\na: [\n").unwrap();
    assert_eq!(broken.gaps.len(), 1);
}

#[test]
fn every_value_has_a_place_in_the_file() {
    let code = read("cluster.yaml", FILE).unwrap();
    let mut places = Vec::new();
    for declared in code.declared {
        if let Declared::Item { item, .. } = declared {
            assert!(item.at.is_some());
            item.into_value(&mut String::new(), &mut |_, at| places.push(at.span.pointer()));
        }
    }
    let pointers: Vec<&str> = places.iter().map(String::as_str).collect();
    let spans = super::super::place::in_text(FILE, Syntax::Yaml, &pointers);
    assert!(spans.iter().all(Option::is_some));
}
