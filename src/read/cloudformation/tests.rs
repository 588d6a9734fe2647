//! Whole templates, and what is declared by them.

use super::*;
use crate::read::code::Where;
use serde_json::{Value, json};

fn files(files: &[(&str, &str)]) -> Vec<(Entry, Arc<str>)> {
    let entry = |path: &str| Entry { path: path.into(), shown: path.to_owned(), named: false };
    files.iter().map(|(path, text)| (entry(path), Arc::from(*text))).collect()
}

/// What is declared, as `[collection, value]`, with texts as they are shown.
fn declared(templates: &[(&str, &str)]) -> Vec<(String, Value)> {
    let codes = read(&files(templates));
    codes.into_iter().flat_map(|code| code.declared).map(|one| value_of(one, &mut |_, _| {})).collect()
}

fn value_of(declared: Declared, place: &mut dyn FnMut(&str, &At)) -> (String, Value) {
    let mut own = String::new();
    match declared {
        Declared::Item { collection, item, cluster } => {
            let cluster = cluster.map(|cluster| format!("{cluster}/")).unwrap_or_default();
            (format!("{cluster}{collection}"), shown(item.into_value(&mut own, &mut |at, span| place(at, span))))
        }
        Declared::Part { collection, key, of, field, part } => (
            format!("{collection} {key}={of} {field}"),
            shown(part.into_value(&mut own, &mut |at, span| place(at, span))),
        ),
        Declared::Job { kind, request } => {
            (kind.to_owned(), shown(request.into_value(&mut own, &mut |at, span| place(at, span))))
        }
        Declared::Gateway { config } => {
            ("gateway".to_owned(), shown(config.into_value(&mut own, &mut |at, span| place(at, span))))
        }
    }
}

/// Texts with holes as `${name}`.
fn shown(value: Value) -> Value {
    if let Some(text) = crate::known::Text::of(&value).filter(|_| value.is_object()) {
        return Value::String(text.to_string());
    }
    match value {
        Value::Array(items) => items.into_iter().map(shown).collect(),
        Value::Object(fields) => fields.into_iter().map(|(key, value)| (key, shown(value))).collect(),
        other => other,
    }
}

#[test]
fn what_is_left_in_a_default_and_what_a_cluster_logs_by_itself() {
    let template = "AWSTemplateFormatVersion: '2010-09-09'\nParameters:\n  Code: {Type: String, Default: 's3://YOUR_BUCKET/jobs'}\n  \
        Name: {Type: String, Default: loch}\nResources:\n  Cluster:\n    Type: AWS::EKS::Cluster\n    Properties: {Name: !Ref Name}\n";
    let declared = declared(&[("t.yaml", template)]);
    let of =
        |wanted: &str| declared.iter().filter(|(kind, _)| kind == wanted).map(|(_, value)| value).collect::<Vec<_>>();
    assert_eq!(of("files.placeholders"), [&json!({"text": "YOUR_BUCKET", "places": ["YOUR_BUCKET"]})]);
    let logging = &of("eks.clusters")[0]["logging"]["clusterLogging"];
    assert_eq!(logging[0]["enabled"], false, "{logging}");
}

/// One value: what the property of a custom-made group of a role is evaluated to.
fn evaluated(sections: &str, expression: &str) -> Value {
    let template = format!(
        "{sections}\nResources:\n  Role: {{Type: AWS::IAM::Role, Properties: {{RoleName: r}}}}\n  Auto: {{Type: AWS::IAM::Role}}\n  Key: {{Type: AWS::KMS::Key}}\n  Bucket: {{Type: AWS::S3::Bucket}}\n  Cluster: {{Type: AWS::EKS::Cluster, Properties: {{Name: c}}}}\n  Other: {{Type: AWS::X::Y}}\n  It:\n    Type: AWS::EMRServerless::Application\n    Properties:\n      Name: {expression}\n"
    );
    let all = declared(&[("t.yaml", &template)]);
    let (_, application) = all.into_iter().find(|(name, _)| name == "emrServerless.applications").unwrap();
    application["name"].clone()
}

#[test]
fn intrinsics() {
    let sections = "
Parameters:
  Plain: {Type: String}
  Given: {Type: String, Default: x}
  Number: {Type: Number, Default: 3}
  Only: {Type: String, AllowedValues: [one]}
  Hidden: {Type: String, Default: hush, NoEcho: true}
  Some: {Type: CommaDelimitedList, Default: 'a, b,c'}
  Stage: {Type: String, AllowedValues: [dev, prod]}
  Ssm: {Type: 'AWS::SSM::Parameter::Value<String>', Default: /a/b}
Mappings:
  Map: {aws: {k: v, l: v}, x: {k: w, list: [1, 2]}}
Conditions:
  Yes: !Equals [!Ref Given, x]
  No: !Not [Condition: Yes]
  Open: !Equals [!Ref Plain, x]
  Prod: !Equals [!Ref Stage, prod]
  Never: !Equals [!Ref Stage, test]
  Both: !And [Condition: Yes, Condition: Open]
  Either: !Or [Condition: Yes, Condition: Open]
  Round: !Not [Condition: Round]";
    for (expression, expected) in [
        ("!Ref Plain", json!("${Plain}")),
        ("!Ref Given", json!("x")),
        ("!Ref Number", json!(3)),
        ("!Ref Only", json!("one")),
        ("!Ref Hidden", json!("${Hidden}")),
        ("!Ref Some", json!(["a", "b", "c"])),
        ("!Ref Ssm", json!("${resolve:ssm:|a|b}")),
        ("!Ref AWS::AccountId", json!("${account}")),
        ("!Ref AWS::URLSuffix", json!("amazonaws.com")),
        ("!Ref AWS::StackName", json!("${AWS::StackName}")),
        ("!Ref AWS::NoValue", json!(null)),
        ("!Ref Nothing", json!("${Nothing}")),
        ("!Ref Role", json!("r")),
        ("!Ref Auto", json!("${Auto}")),
        ("!GetAtt Role.Arn", json!("arn:${partition}:iam::${account}:role/r")),
        ("!GetAtt [Auto, Arn]", json!("arn:${partition}:iam::${account}:role/${Auto}")),
        ("!GetAtt Key.Arn", json!("arn:${partition}:kms:${region}:${account}:key/${Key}")),
        ("!GetAtt Bucket.Arn", json!("arn:${partition}:s3:::${Bucket}")),
        ("!GetAtt Other.What.Ever", json!("${Other.What.Ever}")),
        (
            "!Sub 'a-${Given}-${!Given}-${AWS::Region}-${Role.Arn}'",
            json!("a-x-${Given}-${region}-arn:${partition}:iam::${account}:role/r"),
        ),
        ("!Sub ['${a}${Plain}', {a: !Ref Number}]", json!("3${Plain}")),
        ("!Sub '${unfinished'", json!("${unfinished")),
        ("!Join [':', [a, !Ref Given, !Ref Plain]]", json!("a:x:${Plain}")),
        ("!Join ['/', !Ref Some]", json!("a/b/c")),
        ("!Select [1, !Ref Some]", json!("b")),
        ("!Select ['2', [a, b, c]]", json!("c")),
        ("!Select [1, !Split ['/', 'a/b/c']]", json!("b")),
        ("!Select [5, !Split ['/', !GetAtt Role.Arn]]", json!("${item 5 of a list of 2}")),
        ("!Select [1, !Split ['/', !GetAtt Auto.Arn]]", json!("${Auto}")),
        ("!Select [1, !Split ['//', !GetAtt Cluster.OpenIdConnectIssuerUrl]]", json!("${Cluster.OpenIdConnectIssuer}")),
        ("!Select [1, !Split ['//', !Ref Plain]]", json!("${Plain without its scheme}")),
        ("!Select [0, !Split ['-', !Ref Plain]]", json!("${${Plain} split at `-`[0]}")),
        ("!Select [0, !GetAZs '']", json!("${availability zones of ${region}[0]}")),
        ("!FindInMap [Map, x, k]", json!("w")),
        ("!FindInMap [Map, x, list]", json!([1, 2])),
        ("!FindInMap [Map, !Ref AWS::Partition, k]", json!("v")),
        ("!FindInMap [Map, !Ref Plain, k]", json!("${Map.Plain.k}")),
        ("!FindInMap [Map, none, k, {DefaultValue: d}]", json!("d")),
        ("!If [Yes, a, b]", json!("a")),
        ("!If [No, a, b]", json!("b")),
        ("!If [Open, a, a]", json!("a")),
        ("!If [Open, a, b]", json!("${a if `Open`, else b}")),
        ("!If [Prod, a, b]", json!("${a if `Prod`, else b}")),
        ("!If [Never, a, b]", json!("b")),
        ("!If [Both, a, b]", json!("${a if `Both`, else b}")),
        ("!If [Either, a, b]", json!("a")),
        ("!If [Round, a, b]", json!("${a if `Round`, else b}")),
        (
            "[x, !If [No, a, !Ref AWS::NoValue], !If [Open, a, !Ref AWS::NoValue], y]",
            json!(["x", "y", "${a if `Open`}"]),
        ),
        ("!ImportValue other", json!("${import other}")),
        ("!Length [a, b]", json!(2)),
        ("!ToJsonString {a: !Ref Plain, b: [1, x]}", json!("{\"a\":\"${Plain}\",\"b\":[1,\"x\"]}")),
        ("!Base64 x", json!("${base64 of x}")),
        ("'a{{resolve:secretsmanager:s:SecretString:p}}b'", json!("a${resolve:secretsmanager:s:SecretString:p}b")),
        ("!Transform {Name: m, Parameters: {}}", json!("${what macro `m` makes}")),
    ] {
        assert_eq!(evaluated(sections, expression), expected, "{expression}");
    }
}

#[test]
fn a_role_is_one_thing_under_all_its_names() {
    let template = r#"
Resources:
  Cluster: {Type: AWS::EKS::Cluster, Properties: {Name: spark, AccessConfig: {AuthenticationMode: API}}}
  Provider:
    Type: AWS::IAM::OIDCProvider
    Properties: {Url: !GetAtt Cluster.OpenIdConnectIssuerUrl, ClientIdList: [sts.amazonaws.com]}
  Role:
    Type: AWS::IAM::Role
    Properties:
      Path: /team/
      RoleName: exec
      AssumeRolePolicyDocument: !Sub
        - |
          {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRoleWithWebIdentity",
           "Principal": {"Federated": "${Provider}"},
           "Condition": {"StringLike": {"${issuer}:sub": "system:serviceaccount:ns:*"}}}]}
        - issuer: !Select [1, !Split ['//', !GetAtt Cluster.OpenIdConnectIssuerUrl]]
      ManagedPolicyArns: [!Ref Policy, 'arn:aws:iam::aws:policy/service-role/X']
  Policy:
    Type: AWS::IAM::ManagedPolicy
    Properties: {PolicyDocument: {Version: 2012-10-17, Statement: []}, Roles: [!Ref Role]}
  Inline:
    Type: AWS::IAM::Policy
    Properties:
      PolicyName: p
      Roles: [!Ref Role]
      PolicyDocument: {Statement: [{Effect: Allow, Action: iam:PassRole, Resource: !GetAtt Role.Arn}]}
"#;
    let all = declared(&[("t.yaml", template)]);
    let item = |name: &str| &all.iter().find(|(known, _)| known == name).unwrap().1;
    let issuer = "${Cluster.OpenIdConnectIssuer}";
    assert_eq!(item("eks.clusters")["identity"]["oidc"]["issuer"], json!(format!("https://{issuer}")));
    let provider = format!("arn:${{partition}}:iam::${{account}}:oidc-provider/{issuer}");
    assert_eq!(item("iam.openIDConnectProviders")["Arn"], json!(provider));
    assert_eq!(item("iam.openIDConnectProviders")["Url"], json!(issuer));
    let role = item("iam.roles");
    let statement = &role["AssumeRolePolicyDocument"]["Statement"][0];
    assert_eq!(statement["Principal"]["Federated"], json!(provider));
    assert_eq!(statement["Condition"]["StringLike"], json!({format!("{issuer}:sub"): "system:serviceaccount:ns:*"}));
    assert_eq!(role["Arn"], json!("arn:${partition}:iam::${account}:role/team/exec"));
    assert_eq!(role["AttachedManagedPolicies"][0]["PolicyArn"], item("iam.policies")["Arn"]);
    assert_eq!(role["AttachedManagedPolicies"][1]["PolicyName"], json!("X"));
    let inline = item("iam.roles RoleName=exec RolePolicyList");
    assert_eq!(inline["PolicyDocument"]["Statement"][0]["Resource"], role["Arn"]);
    assert_eq!(item("iam.roles RoleName=exec AttachedManagedPolicies")["PolicyArn"], item("iam.policies")["Arn"]);
}

#[test]
fn places_are_the_smallest_text() {
    let template = "Parameters:\n  Label: {Type: String, Default: emr-6.6.0}\nResources:\n  App:\n    Type: AWS::EMRServerless::Application\n    Properties:\n      Name: !Sub 'a-${AWS::Region}'\n      ReleaseLabel: !Ref Label\n      MaximumCapacity:\n        Cpu: 200 vCPU\n  Role:\n    Type: AWS::IAM::Role\n    Properties:\n      AssumeRolePolicyDocument: |\n        {\n          \"Statement\": [{\"Effect\": \"Allow\", \"Action\": \"sts:AssumeRole\"}]\n        }\n      Policies:\n        - PolicyName: p\n          PolicyDocument:\n            Statement:\n              - Effect: Allow\n                Action: ['s3:*']\n";
    let mut places = Vec::new();
    for one in read(&files(&[("t.yaml", template)])).into_iter().flat_map(|code| code.declared) {
        let mut own = Vec::new();
        let (name, _) = value_of(one, &mut |pointer, at| {
            let Where::Bytes(start, end) = at.span else { return };
            own.push((pointer.to_owned(), template[start as usize..end as usize].to_owned()));
        });
        places.extend(own.into_iter().map(|(pointer, text)| (format!("{name}{pointer}"), text)));
    }
    let at = |pointer: &str| places.iter().find(|(known, _)| known == pointer).map(|(_, text)| text.as_str());
    for (pointer, expected) in [
        ("emrServerless.applications", "App"),
        ("emrServerless.applications/name", "'a-${AWS::Region}'"),
        ("emrServerless.applications/releaseLabel", "emr-6.6.0"),
        ("emrServerless.applications/maximumCapacity", "MaximumCapacity"),
        ("emrServerless.applications/maximumCapacity/cpu", "200 vCPU"),
        ("emrServerless.applications/autoStopConfiguration", "App"),
        ("iam.roles", "Role"),
        ("iam.roles/AssumeRolePolicyDocument/Statement/0/Action", "\"sts:AssumeRole\""),
        ("iam.roles/AssumeRolePolicyDocument/Statement/0", "{\"Effect\": \"Allow\", \"Action\": \"sts:AssumeRole\"}"),
        ("iam.roles/RolePolicyList/0/PolicyDocument/Statement/0", "Effect: Allow"),
        ("iam.roles/RolePolicyList/0/PolicyDocument/Statement/0/Action", "['s3:*']"),
        ("iam.roles/RolePolicyList/0/PolicyDocument/Statement/0/Action/0", "'s3:*'"),
    ] {
        assert_eq!(at(pointer), Some(expected), "{pointer}");
    }
}

/// A template of two sections that are given as JSON.
fn json_template(resources: &Value, outputs: &Value) -> String {
    json!({"Resources": resources, "Outputs": outputs}).to_string()
}

#[test]
fn nested_stacks_have_what_their_parents_hand_them() {
    let parent = json_template(
        &json!({
            "Role": {"Type": "AWS::IAM::Role", "Properties": {"RoleName": "exec"}},
            "ByPath": {"Type": "AWS::CloudFormation::Stack", "Properties": {
                "TemplateURL": "./inner/child.yaml",
                "Parameters": {"RoleArn": {"Fn::GetAtt": ["Role", "Arn"]}, "Names": "a,b"}}},
            "ByAsset": {"Type": "AWS::CloudFormation::Stack",
                "Metadata": {"aws:asset:path": "inner/child.yaml"},
                "Properties": {"TemplateURL": {"Fn::Sub": "https://x/${AWS::Region}/0123.json"}, "Parameters": {"Names": "c"}}},
            "ByName": {"Type": "AWS::CloudFormation::Stack", "Properties": {
                "TemplateURL": {"Fn::Join": ["", ["https://x.s3.", {"Ref": "AWS::URLSuffix"}, "/other.template"]]},
                "Parameters": {"In": {"Fn::GetAtt": ["ByPath", "Outputs.Out"]}}}},
        }),
        &json!({}),
    );
    let child = "Parameters: {RoleArn: {Type: String}, Names: {Type: CommaDelimitedList}}\nResources:\n  Entry: {Type: AWS::EKS::AccessEntry, Properties: {ClusterName: c, PrincipalArn: !Ref RoleArn, KubernetesGroups: !Ref Names}}\n  Own: {Type: AWS::IAM::Role}\nOutputs: {Out: {Value: !GetAtt Own.Arn}}\n";
    let other = "Parameters: {In: {Type: String}}\nResources:\n  Entry: {Type: AWS::EKS::AccessEntry, Properties: {ClusterName: c, PrincipalArn: !Ref In}}\n";
    let templates = [("a/main.json", parent.as_str()), ("a/inner/child.yaml", child), ("b/other.template", other)];
    let codes = read(&files(&templates));
    assert_eq!(codes.len(), 1);
    let paths: Vec<&str> = codes[0].files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(paths, ["a/main.json", "a/inner/child.yaml", "b/other.template"]);
    // In the order of the logical names.
    let entries: Vec<Value> = declared(&templates)
        .into_iter()
        .filter(|(name, _)| name == "eks.accessEntries")
        .map(|(_, entry)| json!([entry["principalArn"], entry["kubernetesGroups"]]))
        .collect();
    assert_eq!(
        entries,
        [
            json!(["${ByAsset.RoleArn}", ["c"]]),
            json!(["arn:${partition}:iam::${account}:role/${ByPath.Own}", []]),
            json!(["arn:${partition}:iam::${account}:role/exec", ["a", "b"]]),
        ]
    );
}

#[test]
fn a_synthesised_app_says_where_its_stacks_will_be() {
    let main = json_template(
        &json!({
            "Role1": {"Type": "AWS::IAM::Role", "Metadata": {"aws:cdk:path": "App/Exec/Resource"}},
            "Inner": {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": {"Fn::Join": ["", [
                "https://s3.", {"Ref": "AWS::Region"}, ".", {"Ref": "AWS::URLSuffix"}, "/", {"Fn::Sub": "assets-${AWS::AccountId}"}, "/77ab.json"]]},
                "Parameters": {"Role": {"Ref": "Role1"}}}},
        }),
        &json!({}),
    );
    let nested = r#"{"Parameters": {"Role": {"Type": "String"}}, "Resources": {"Policy": {"Type": "AWS::IAM::Policy",
        "Properties": {"PolicyName": "p", "Roles": [{"Ref": "Role"}],
        "PolicyDocument": {"Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": {"Fn::Sub": "arn:${AWS::Partition}:s3:::b-${AWS::AccountId}/*"}}]}}}}}"#;
    let manifest = r#"{"version": "36.0.0", "artifacts": {"App": {"type": "aws:cloudformation:stack",
        "environment": "aws://111122223333/eu-west-1", "properties": {"templateFile": "App.template.json", "stackName": "live"}}}}"#;
    let assets = r#"{"version": "36.0.0", "files": {"77ab": {"source": {"path": "AppInner.nested.template.json", "packaging": "file"},
        "destinations": {"current_account-current_region": {"bucketName": "assets", "objectKey": "77ab.json"}}}}, "dockerImages": {}}"#;
    let all = declared(&[
        ("cdk.out/App.template.json", &main),
        ("cdk.out/App.assets.json", assets),
        ("cdk.out/AppInner.nested.template.json", nested),
        ("cdk.out/manifest.json", manifest),
    ]);
    assert_eq!(all[1].1["Arn"], json!("arn:aws:iam::111122223333:role/${App.Exec}"));
    assert_eq!(all[0].0, "iam.roles RoleName=${App.Exec} RolePolicyList");
    assert_eq!(all[0].1["PolicyDocument"]["Statement"][0]["Resource"], json!("arn:aws:s3:::b-111122223333/*"));
}

#[test]
fn what_the_cdk_makes() {
    let join = |parts: Value| json!({"Fn::Join": ["", parts]});
    let provider = json!({"Fn::Select": [1, {"Fn::Split": [":oidc-provider/", {"Ref": "Provider"}]}]});
    let template = json_template(
        &json!({
            "Cluster": {"Type": "Custom::AWSCDK-EKS-Cluster", "Properties": {"Config": {"name": "spark", "version": "1.33", "accessConfig": {}}}},
            "Provider": {"Type": "Custom::AWSCDKOpenIdConnectProvider", "Properties": {
                "ClientIDList": ["sts.amazonaws.com"], "Url": {"Fn::GetAtt": ["Cluster", "OpenIdConnectIssuerUrl"]}}},
            "Json": {"Type": "Custom::AWSCDKCfnJson", "Properties": {"Value": join(json!(["{\"", provider, ":aud\":\"sts.amazonaws.com\"}"]))}},
            "Role": {"Type": "AWS::IAM::Role", "Properties": {"RoleName": "exec", "AssumeRolePolicyDocument": {"Statement": [{
                "Effect": "Allow", "Action": "sts:AssumeRoleWithWebIdentity", "Principal": {"Federated": {"Ref": "Provider"}},
                "Condition": {"StringEquals": {"Fn::GetAtt": ["Json", "Value"]}}}]}}},
            "Auth": {"Type": "Custom::AWSCDK-EKS-KubernetesResource", "Properties": {"ClusterName": {"Ref": "Cluster"}, "Manifest": join(json!([
                "[{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"aws-auth\",\"namespace\":\"kube-system\"},\"data\":{\"mapRoles\":\"[{\\\"rolearn\\\":\\\"",
                {"Fn::GetAtt": ["Role", "Arn"]}, "\\\"}]\"}}]"]))}},
            "Chart": {"Type": "Custom::AWSCDK-EKS-HelmChart", "Properties": {"ClusterName": {"Ref": "Cluster"}, "Namespace": "spark",
                "Values": "{\"serviceAccount\":{\"create\":true,\"name\":\"op\"},\"bpg\":{\"sparkClusters\":[],\"sparkImages\":[]}}"}},
        }),
        &json!({}),
    );
    let all = declared(&[("App.template.json", &template)]);
    let item = |name: &str| match all.iter().find(|(known, _)| known == name) {
        Some((_, value)) => value,
        None => panic!("no {name} in {all:?}"),
    };
    let issuer = "${Cluster.OpenIdConnectIssuer}";
    assert_eq!(item("eks.clusters")["accessConfig"], json!({"authenticationMode": "CONFIG_MAP"}));
    assert_eq!(item("iam.openIDConnectProviders")["Url"], json!(issuer));
    assert_eq!(
        item("iam.roles")["AssumeRolePolicyDocument"]["Statement"][0]["Condition"]["StringEquals"],
        json!({format!("{issuer}:aud"): "sts.amazonaws.com"})
    );
    assert_eq!(
        item("spark/kubernetes.configMaps")["data"]["mapRoles"],
        json!("[{\"rolearn\":\"arn:${partition}:iam::${account}:role/exec\"}]")
    );
    assert_eq!(item("spark/kubernetes.serviceAccounts")["metadata"], json!({"name": "op", "namespace": "spark"}));
    assert_eq!(item("gateway")["sparkClusters"], json!([]));
}

#[test]
fn job_runs_of_state_machines() {
    let template = r#"
Resources:
  App: {Type: AWS::EMRServerless::Application, Properties: {Name: a, ReleaseLabel: emr-7.12.0, Type: Spark}}
  Machine:
    Type: AWS::StepFunctions::StateMachine
    Properties:
      DefinitionSubstitutions: {role: !Sub 'arn:aws:iam::${AWS::AccountId}:role/r', app: !Ref App}
      DefinitionString: |
        {"StartAt": "Both", "States": {"Both": {"Type": "Parallel", "End": true, "Branches": [
          {"StartAt": "Nightly", "States": {"Nightly": {"Type": "Task", "Resource": "arn:aws:states:::emr-serverless:startJobRun.sync",
            "Parameters": {"ApplicationId": "${app}", "ExecutionRoleArn": "${role}", "Name.$": "$.name",
              "JobDriver": {"SparkSubmit": {"EntryPoint": "s3://b/x.py", "SparkSubmitParameters": "--conf a=b"}},
              "ConfigurationOverrides": {"ApplicationConfiguration": [{"Classification": "spark-defaults", "Properties": {"spark.Some": "1"}}]}}}}},
          {"StartAt": "Eks", "States": {"Eks": {"Type": "Task", "Resource": "arn:aws:states:::emr-containers:startJobRun",
            "Parameters": {"VirtualClusterId": "v", "ReleaseLabel": "emr-7.12.0-latest", "ExecutionRoleArn": "${role}", "JobDriver": {}}}}},
          {"StartAt": "Ec2", "States": {"Ec2": {"Type": "Task", "Resource": "arn:aws:states:::elasticmapreduce:createCluster.sync",
            "Parameters": {"Name": "n", "ServiceRole": "s", "JobFlowRole": "j", "Instances": {}}}}}
        ]}}}
"#;
    let all = declared(&[("t.yaml", template)]);
    let job = |kind: &str| &all.iter().find(|(known, _)| known == kind).unwrap().1;
    assert_eq!(
        *job("serverless-start-job-run"),
        json!({"applicationId": "${App}", "executionRoleArn": "arn:aws:iam::${account}:role/r", "name": "${$.name}",
            "jobDriver": {"sparkSubmit": {"entryPoint": "s3://b/x.py", "sparkSubmitParameters": "--conf a=b"}},
            "configurationOverrides": {"applicationConfiguration": [{"classification": "spark-defaults", "properties": {"spark.Some": "1"}}]}})
    );
    assert_eq!(job("start-job-run")["name"], json!("Eks"));
    assert_eq!(job("run-job-flow")["JobFlowRole"], json!("j"));
}

#[test]
fn clusters_on_ec2_become_requests() {
    let template = r#"
Resources:
  Cluster:
    Type: AWS::EMR::Cluster
    Properties:
      Name: c
      ReleaseLabel: emr-7.12.0
      ServiceRole: s
      JobFlowRole: !Ref Profile
      Instances:
        MasterInstanceGroup: {InstanceCount: '1', InstanceType: m5.xlarge}
        CoreInstanceGroup: {InstanceCount: 2, InstanceType: m5.xlarge, Market: SPOT}
        Ec2SubnetId: !Ref Subnet
      Configurations: [{Classification: spark, ConfigurationProperties: {maximizeResourceAllocation: true}}]
  Task: {Type: AWS::EMR::InstanceGroupConfig, Properties: {JobFlowId: !Ref Cluster, InstanceRole: TASK, InstanceCount: 3, InstanceType: m5.xlarge}}
  Step: {Type: AWS::EMR::Step, Properties: {JobFlowId: !Ref Cluster, Name: s, ActionOnFailure: CONTINUE, HadoopJarStep: {Jar: command-runner.jar, Args: [spark-submit, 1]}}}
  Profile: {Type: AWS::IAM::InstanceProfile, Properties: {Roles: [!Ref Role]}}
  Role: {Type: AWS::IAM::Role, Properties: {Path: /x/}}
  Subnet: {Type: AWS::EC2::Subnet, Properties: {VpcId: v, MapPublicIpOnLaunch: 'true'}}
  Table: {Type: AWS::EC2::RouteTable, Properties: {VpcId: v}}
  Gateway: {Type: AWS::EC2::InternetGateway}
  Route: {Type: AWS::EC2::Route, Properties: {RouteTableId: !Ref Table, DestinationCidrBlock: 0.0.0.0/0, GatewayId: !Ref Gateway}}
  In: {Type: AWS::EC2::SubnetRouteTableAssociation, Properties: {RouteTableId: !Ref Table, SubnetId: !Ref Subnet}}
  Group: {Type: AWS::EC2::SecurityGroup, Properties: {GroupDescription: d, SecurityGroupIngress: [{IpProtocol: tcp, FromPort: '22', ToPort: 22, CidrIp: 0.0.0.0/0}]}}
"#;
    let all = declared(&[("t.yaml", template)]);
    let item = |name: &str| &all.iter().find(|(known, _)| known == name).unwrap().1;
    let request = item("run-job-flow");
    let roles: Vec<&Value> =
        request["Instances"]["InstanceGroups"].as_array().unwrap().iter().map(|it| &it["InstanceRole"]).collect();
    assert_eq!(roles, ["MASTER", "CORE", "TASK"]);
    assert_eq!(request["Instances"]["InstanceGroups"][0]["InstanceCount"], json!(1));
    assert_eq!(request["Configurations"][0]["Properties"]["maximizeResourceAllocation"], json!("true"));
    assert_eq!(request["Steps"][0]["HadoopJarStep"]["Args"], json!(["spark-submit", "1"]));
    assert_eq!(request["JobFlowRole"], item("iam.instanceProfiles")["InstanceProfileName"]);
    assert_eq!(item("iam.instanceProfiles")["Roles"][0]["Arn"], item("iam.roles")["Arn"]);
    assert_eq!(request["Instances"]["Ec2SubnetId"], item("ec2.subnets")["SubnetId"]);
    let table = item("ec2.routeTables");
    assert_eq!(
        (&table["Routes"][0]["GatewayId"], &table["Associations"][0]["SubnetId"]),
        (&json!("igw-${Gateway}"), &json!("subnet-${Subnet}"))
    );
    assert_eq!(item("ec2.securityGroups")["IpPermissions"][0]["FromPort"], json!(22));
}

#[test]
fn buckets_and_keys_with_their_policies() {
    let template = r#"
Resources:
  Data:
    Type: AWS::S3::Bucket
    Properties:
      BucketName: otters
      BucketEncryption:
        ServerSideEncryptionConfiguration:
          - ServerSideEncryptionByDefault: {SSEAlgorithm: aws:kms, KMSMasterKeyID: !GetAtt Key.Arn}
  Policy:
    Type: AWS::S3::BucketPolicy
    Properties:
      Bucket: !Ref Data
      PolicyDocument: {Statement: [{Effect: Deny, Principal: '*', Action: s3:*, Resource: !Sub '${Data.Arn}/*'}]}
  Key: {Type: AWS::KMS::Key, Properties: {KeyPolicy: {Statement: []}}}
"#;
    let all = declared(&[("t.yaml", template)]);
    let item = |name: &str| &all.iter().find(|(known, _)| known == name).unwrap().1;
    let bucket = item("s3.buckets");
    assert_eq!((&bucket["Name"], &bucket["Policy"]["Statement"][0]["Effect"]), (&json!("otters"), &json!("Deny")));
    let default = &bucket["ServerSideEncryptionConfiguration"]["Rules"][0]["ApplyServerSideEncryptionByDefault"];
    assert_eq!(default["KMSMasterKeyID"], item("kms.keys")["Arn"]);
    assert_eq!(item("kms.keys")["Policy"]["Statement"], json!([]));
}

#[test]
fn roles_of_the_serverless_model() {
    let template = "
Transform: AWS::Serverless-2016-10-31
Resources:
  Submit:
    Type: AWS::Serverless::Function
    Properties:
      Policies:
        - AmazonS3ReadOnlyAccess
        - Statement: [{Effect: Allow, Action: emr-containers:StartJobRun, Resource: '*'}]
        - SQSPollerPolicy: {QueueName: q}
  Entry: {Type: AWS::EKS::AccessEntry, Properties: {ClusterName: c, PrincipalArn: !GetAtt SubmitRole.Arn}}
";
    let all = declared(&[("t.yaml", template)]);
    let role = &all[0].1;
    assert_eq!(role["Arn"], all[1].1["principalArn"]);
    assert_eq!(role["RolePolicyList"][0]["PolicyDocument"]["Statement"][0]["Resource"], json!("*"));
    assert_eq!(role["RolePolicyList"][1]["PolicyDocument"], json!("${policy template SQSPollerPolicy}"));
    assert_eq!(role["AttachedManagedPolicies"].as_array().unwrap().len(), 2);
}

#[test]
fn loops_are_unrolled() {
    let template = "
Transform: AWS::LanguageExtensions
Parameters: {Teams: {Type: CommaDelimitedList, Default: 'a, b-c'}}
Resources:
  Fn::ForEach::Roles:
    - Team
    - !Ref Teams
    - Role&{Team}:
        Type: AWS::IAM::Role
        Properties:
          RoleName: !Sub 'exec-${Team}'
          Path: !Sub
            - '/${x}/'
            - x: !Ref Team
";
    let all = declared(&[("t.yaml", template)]);
    let arns: Vec<&Value> = all.iter().map(|(_, role)| &role["Arn"]).collect();
    assert_eq!(
        arns,
        ["arn:${partition}:iam::${account}:role/a/exec-a", "arn:${partition}:iam::${account}:role/b-c/exec-b-c"]
    );
    let nested = |depth: usize| {
        let open: String =
            (0..depth).map(|at| format!("Fn::ForEach::L{at}: [I{at}, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9], {{")).collect();
        format!("Resources: {{{open}'R': {{Type: AWS::IAM::Role}}{}}}", "}]".repeat(depth))
    };
    read(&files(&[("t.yaml", &nested(12))]));
}

#[test]
fn exports_are_of_all_and_names_of_each_template() {
    let network = "Parameters: {Name: {Type: String}}\nResources: {Role: {Type: AWS::IAM::Role, Properties: {RoleName: !Ref Name}}}\nOutputs: {Arn: {Value: !GetAtt Role.Arn, Export: {Name: role-arn}}}\n";
    let user = "Parameters: {Name: {Type: String}}\nResources: {Entry: {Type: AWS::EKS::AccessEntry, Properties: {ClusterName: !Ref Name, PrincipalArn: !ImportValue role-arn}}}\n";
    let all = declared(&[("one.yaml", network), ("two.yaml", user)]);
    assert_eq!(all[1].1["principalArn"], all[0].1["Arn"]);
    assert_eq!(all[0].1["RoleName"], json!("${one.Name}"));
    assert_eq!(all[1].1["clusterName"], json!("${two.Name}"));
}

#[test]
fn what_is_broken_is_a_gap_with_its_place() {
    for (text, place, why) in [
        ("AWSTemplateFormatVersion: x\nResources: [", "t.yaml:3:1", "the template is no YAML"),
        ("{\"AWSTemplateFormatVersion\": \"x\",\n \"Resources\": {]", "t.yaml:2:", "the template is no JSON"),
        ("AWSTemplateFormatVersion: x\nA: 1\nA: 2\n", "t.yaml:3:1", "the key `A` stands here a second time"),
        ("AWSTemplateFormatVersion: x\nTransform: Own\n", "t.yaml:2:12", "macro `Own` may change the template"),
        (
            "Resources:\n  R:\n    Type: AWS::IAM::Role\n    Properties:\n      AssumeRolePolicyDocument: |\n        {\"a\": nope}\n",
            "t.yaml:6:15",
            "the policy document of `R` is no JSON",
        ),
    ] {
        let codes = read(&files(&[("t.yaml", text)]));
        let gap = codes[0].gaps.first().unwrap_or_else(|| panic!("{text}"));
        assert!(gap.why.starts_with(why), "{}", gap.why);
        assert!(gap.place.as_deref().unwrap().starts_with(place), "{:?}", gap.place);
    }
    // What is JSON and no YAML is read all the same.
    let halves = "{\"Resources\": {\"R\": {\"Type\": \"AWS::IAM::Role\", \"Properties\": {\"RoleName\": \"r\", \"Description\": \"\\ud83d\\ude00\"}}}}";
    assert_eq!(declared(&[("t.json", halves)])[0].1["RoleName"], json!("r"));
}

#[test]
fn hostile_templates_end() {
    let role =
        |name: &str, value: &str| format!("  {name}: {{Type: AWS::IAM::Role, Properties: {{RoleName: {value}}}}}\n");
    let mut doubling = "Resources:\n  A0: {Type: AWS::IAM::Role, Properties: {RoleName: xxxxxxxxxx}}\n".to_owned();
    for level in 1..60 {
        doubling += &role(&format!("A{level}"), &format!("!Sub '${{A{}}}${{A{}}}'", level - 1, level - 1));
    }
    let mut chain = "Resources:\n".to_owned();
    for level in 0..3000 {
        chain += &role(&format!("A{level}"), &format!("!Ref A{}", level + 1));
    }
    let round = format!("Resources:\n{}{}", role("A", "!Ref B"), role("B", "!GetAtt A.Arn"));
    let deep =
        format!("Resources:\n{}", role("A", &format!("{}x{}", "{'Fn::Sub': [a, {b: ".repeat(40), "}]}".repeat(40))));
    let open = format!("Resources:\n{}", role("A", &format!("!Sub '{}'", "${a".repeat(20_000))));
    let escapes = json_template(
        &json!({"A": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": format!("[\"{}\"]", "\\\"${".repeat(20_000))}}}),
        &json!({}),
    );
    let line = json_template(
        &json!({"A": {"Type": "AWS::IAM::Role", "Properties": {"Tags": vec![json!({"Key": "k", "Value": "v"}); 50_000]}}}),
        &json!({}),
    );
    let machine = |depth: usize| "{\"States\":{\"a\":{\"Iterator\":".repeat(depth) + "{}" + &"}}}".repeat(depth);
    let states = json_template(
        &json!({"A": {"Type": "AWS::StepFunctions::StateMachine", "Properties": {"DefinitionString": machine(40)}}}),
        &json!({}),
    );
    let giant = format!("AWSTemplateFormatVersion: x\nDescription: {}", "x".repeat(17 << 20));
    for text in [&doubling, &chain, &round, &deep, &open, &escapes, &line, &states, &giant] {
        read(&files(&[("t.yaml", text)]));
    }
    // Each of ten levels nests the next one ten times.
    let level = |next: usize| {
        let stacks: serde_json::Map<String, Value> = (0..10)
            .map(|number| {
                let url = format!("t{next}.json");
                (
                    format!("S{number}"),
                    json!({"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": url}}),
                )
            })
            .collect();
        json_template(&Value::Object(stacks), &json!({}))
    };
    let levels: Vec<(String, String)> = (0..10).map(|at| (format!("t{at}.json"), level(at + 1))).collect();
    let levels: Vec<(&str, &str)> = levels.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    read(&files(&levels));
    // Two that nest each other, one that nests itself, exports that import one another.
    let nests = |path: &str| {
        format!(
            "Resources:\n  S: {{Type: AWS::CloudFormation::Stack, Properties: {{TemplateURL: {path}}}}}\n  R: {{Type: AWS::IAM::Role}}\n"
        )
    };
    let (a, b, own) = (nests("b.yaml"), nests("a.yaml"), nests("own.yaml"));
    assert_eq!(read(&files(&[("a.yaml", &a), ("b.yaml", &b), ("own.yaml", &own)])).len(), 2);
    let exports = |name: &str, other: &str| {
        format!(
            "Resources: {{R: {{Type: AWS::IAM::Role, Properties: {{RoleName: !ImportValue {other}}}}}}}\nOutputs: {{O: {{Value: !ImportValue {other}, Export: {{Name: {name}}}}}}}\n"
        )
    };
    let (one, two) = (exports("x", "y"), exports("y", "x"));
    assert_eq!(declared(&[("1.yaml", &one), ("2.yaml", &two)]).len(), 2);
}
