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
        ("!Ref Ssm", json!("${resolve:ssm:/a/b}")),
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
        ("!Select [1, !Split ['//', !Ref Plain]]", json!("${Plain without `https://`}")),
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

/// Prints what is declared in a folder; for looking, not for judging.
#[test]
#[ignore]
fn dump() {
    let Ok(folder) = std::env::var("DUMP") else { return };
    let mut all = Vec::new();
    let mut open = vec![std::path::PathBuf::from(folder)];
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        } else if let Ok(text) = std::fs::read_to_string(&path)
            && is_template(&text)
        {
            let shown = path.display().to_string();
            all.push((Entry { path, shown, named: false }, Arc::from(text)));
        }
    }
    all.sort_by(|a: &(Entry, Arc<str>), b| a.0.shown.cmp(&b.0.shown));
    let start = std::time::Instant::now();
    let codes = read(&all);
    println!("## {} files in {:?}", all.len(), start.elapsed());
    for code in codes {
        println!("# {} {:?}", code.kind, code.files.iter().map(|f| f.path.as_str()).collect::<Vec<_>>());
        for gap in &code.gaps {
            println!("GAP {} {:?}", gap.why, gap.place);
        }
        for one in code.declared {
            let (name, value) = value_of(one, &mut |_, _| {});
            println!("{name} {value}");
        }
    }
}
