//! Templates made of functions in one another.

use super::{Choices, reader};
use serde_json::{Value, json};

/// Reads a template of functions in one another, with names that meet each other, and links what it declares.
/// With `0xff` first, what follows is the template as it stands.
pub fn template(bytes: &[u8]) {
    let text = if bytes.first() == Some(&0xff) {
        let mut text = b"AWSTemplateFormatVersion: 2010-09-09\n".to_vec();
        text.extend(&bytes[1..]);
        text
    } else {
        let mut choices = Choices(bytes);
        let mut resources = serde_json::Map::new();
        for name in NAMES {
            let kind = choices.pick(KINDS);
            let mut properties = serde_json::Map::new();
            for _ in 0..choices.next() % 6 {
                let key = choices.pick(KEYS);
                properties.insert(key.to_owned(), expression(&mut choices, 0));
            }
            resources.insert((*name).to_owned(), json!({"Type": kind, "Properties": properties}));
        }
        let parameter =
            json!({"Type": choices.pick(&["String", "CommaDelimitedList", "Number"]), "Default": choices.pick(PIECES)});
        let condition = expression(&mut choices, 0);
        json!({
            "AWSTemplateFormatVersion": "2010-09-09",
            "Parameters": {"P": parameter, "Q": {"Type": "String"}},
            "Mappings": {"M": {"aws": {"k": choices.pick(PIECES)}, "x": {"k": [1, 2]}}},
            "Conditions": {"C": condition, "D": {"Fn::Equals": [{"Ref": "Q"}, expression(&mut choices, 0)]}},
            "Resources": resources,
            "Outputs": {"O": {"Value": expression(&mut choices, 0), "Export": {"Name": "e"}}},
        })
        .to_string()
        .into_bytes()
    };
    reader(&text);
}

const NAMES: &[&str] = &["A", "B", "E", "F"];

const KINDS: &[&str] = &[
    "AWS::IAM::Role",
    "AWS::IAM::Policy",
    "AWS::IAM::InstanceProfile",
    "AWS::EKS::Cluster",
    "AWS::EKS::Nodegroup",
    "AWS::EMR::Cluster",
    "AWS::EMR::Step",
    "AWS::EMRServerless::Application",
    "AWS::EMRContainers::VirtualCluster",
    "AWS::StepFunctions::StateMachine",
    "AWS::EC2::SecurityGroup",
    "AWS::Serverless::Function",
    "AWS::CloudFormation::Stack",
    "Custom::AWSCDK-EKS-Cluster",
    "Custom::AWSCDK-EKS-KubernetesResource",
    "Custom::AWSCDK-EKS-HelmChart",
    "Custom::AWSCDKCfnJson",
];

const KEYS: &[&str] = &[
    "RoleName",
    "AssumeRolePolicyDocument",
    "Policies",
    "ManagedPolicyArns",
    "PolicyDocument",
    "Roles",
    "Name",
    "Config",
    "Instances",
    "JobFlowId",
    "DefinitionString",
    "Definition",
    "DefinitionSubstitutions",
    "Manifest",
    "Values",
    "Value",
    "ClusterName",
    "ContainerProvider",
    "InitialCapacity",
    "SecurityGroupIngress",
    "TemplateURL",
    "Tags",
];

const PIECES: &[&str] = &[
    "{\"a\":\"",
    "\"}",
    "[",
    "]",
    "\\",
    "\n",
    "\"",
    "${A}",
    "${A.Arn}",
    "${!x}",
    "${",
    "}",
    "a,b",
    "//",
    "/",
    "https://",
    "{{resolve:ssm:x}}",
    "{{resolve:",
    "é",
    "{\"States\":{\"s\":{\"Resource\":\"arn:aws:states:::emr-serverless:startJobRun\",\"Parameters\":{}}}}",
    "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"aws-auth\"}}",
];

fn expression(choices: &mut Choices<'_>, depth: usize) -> Value {
    if depth > 6 {
        return json!(choices.pick(PIECES));
    }
    let inner = |choices: &mut Choices<'_>| expression(choices, depth + 1);
    match choices.next() % 20 {
        0 => {
            json!({"Ref": choices.pick(&["A", "B", "E", "F", "P", "Q", "AWS::NoValue", "AWS::Partition", "AWS::StackId"])})
        }
        1 => {
            json!({"Fn::GetAtt": [choices.pick(NAMES), choices.pick(&["Arn", "Value", "Outputs.O", "OpenIdConnectIssuerUrl"])]})
        }
        2 => json!({"Fn::Sub": [choices.pick(PIECES), {"x": inner(choices)}]}),
        3 => json!({"Fn::Sub": (0..choices.next() % 5).map(|_| choices.pick(PIECES)).collect::<String>()}),
        4 | 5 => {
            let delimiter = choices.pick(&["", "", "\n", "/"]);
            let items: Vec<Value> = (0..choices.next() % 5).map(|_| inner(choices)).collect();
            json!({"Fn::Join": [delimiter, items]})
        }
        6 => json!({"Fn::Select": [choices.next() % 3, inner(choices)]}),
        7 => json!({"Fn::Split": [choices.pick(&["/", "//", "", ",", ":oidc-provider/"]), inner(choices)]}),
        8 => json!({"Fn::FindInMap": ["M", inner(choices), "k"]}),
        9 => json!({"Fn::If": [choices.pick(&["C", "D", "Z"]), inner(choices), inner(choices)]}),
        10 => json!({"Fn::Not": [{"Condition": choices.pick(&["C", "D"])}]}),
        11 => json!({"Fn::ToJsonString": inner(choices)}),
        12 => json!({"Fn::ImportValue": "e"}),
        13 => json!({"Statement": inner(choices), "Version": inner(choices)}),
        14 => json!([inner(choices), inner(choices)]),
        15 => json!({choices.pick(KEYS): inner(choices), choices.pick(KEYS): inner(choices)}),
        16 => json!({"Fn::Length": inner(choices)}),
        17 => json!(choices.next()),
        18 => json!(null),
        _ => json!(choices.pick(PIECES)),
    }
}
