//! Tests of the front end for Terraform: text in, values and places out.

use super::*;
use crate::read::code::{At, Declared};
use serde_json::{Value, json};
use std::fmt::Write as _;

/// What is declared: name, value, and the places in it as `file:text`.
type Dump = Vec<(String, Value, Vec<(String, String)>)>;

/// What the files of a folder declare, and the gaps.
fn read_files(files: &[(&str, &str)]) -> (Dump, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let entries = write(folder.path(), files);
    let (mut all, mut gaps) = (Vec::new(), Vec::new());
    for code in read(&entries) {
        gaps.extend(code.gaps.iter().map(|gap| gap.why.clone()));
        all.extend(dump(code, folder.path()));
    }
    let root = folder.path().to_string_lossy().into_owned();
    gaps.iter_mut().for_each(|gap| *gap = gap.replace(&root, "."));
    (all, gaps)
}

fn write(folder: &std::path::Path, files: &[(&str, &str)]) -> Vec<Entry> {
    let mut entries = Vec::new();
    for (name, text) in files {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        if crate::read::file::is_terraform(name) {
            entries.push(Entry { shown: path.to_string_lossy().into_owned(), path, named: false });
        }
    }
    entries
}

fn dump(code: Code, folder: &std::path::Path) -> Dump {
    let texts: Vec<(String, String)> = code
        .files
        .iter()
        .map(|file| {
            let name = file.path.strip_prefix(&*folder.to_string_lossy()).unwrap_or(&file.path);
            (name.trim_start_matches('/').to_owned(), std::fs::read_to_string(&file.path).unwrap_or_default())
        })
        .collect();
    let mut out = Vec::new();
    for declared in code.declared {
        let mut places = Vec::new();
        let mut place = |pointer: &str, at: &At| {
            let (file, text) = &texts[at.file as usize];
            let range = crate::read::code::Where::bytes(&at.span.pointer()).unwrap();
            places.push((pointer.to_owned(), format!("{file}: {}", &text[range])));
        };
        let (name, node) = match declared {
            Declared::Item { collection, cluster, item } => {
                let cluster = cluster.map(|cluster| format!(" in {cluster}")).unwrap_or_default();
                (format!("{collection}{cluster}"), item)
            }
            Declared::Part { collection, of, field, part, .. } => (format!("{collection} {of} {field}"), part),
            Declared::Job { kind, request } => (format!("job {kind}"), request),
            Declared::Gateway { config } => ("gateway".to_owned(), config),
        };
        let value = node.into_value(&mut String::new(), &mut place);
        out.push((name, value, places));
    }
    out
}

fn value_of<'d>(dump: &'d Dump, name: &str) -> &'d Value {
    &dump.iter().find(|(own, ..)| own == name).unwrap_or_else(|| panic!("no {name} in {dump:#?}")).1
}

fn place_of<'d>(dump: &'d Dump, name: &str, pointer: &str) -> &'d str {
    let (_, _, places) = dump.iter().find(|(own, ..)| own == name).unwrap();
    places.iter().find(|(own, _)| own == pointer).map_or("nowhere", |(_, place)| place.as_str())
}

/// What an expression is, in a module with a few names in it.
fn evaluated(expression: &str) -> Value {
    let text = format!(
        r#"
variable "unset" {{}}
variable "set" {{ default = "value" }}
variable "numbers" {{ default = [3, 1, 2] }}
variable "things" {{ default = {{ b = {{ size = 2 }}, a = {{ size = 1 }} }} }}
variable "shaped" {{
  type    = list(object({{ name = string, on = optional(bool, true), note = optional(string) }}))
  default = [{{ name = "x" }}]
}}
data "aws_caller_identity" "me" {{}}
data "aws_region" "here" {{}}
data "aws_partition" "p" {{ count = 1 }}
resource "aws_s3_bucket" "b" {{ bucket = "data" }}
resource "aws_eks_cluster" "c" {{ name = "prod" }}
resource "aws_x" "counted" {{ count = 2 }}
resource "aws_x" "none" {{ count = 0 }}
resource "aws_x" "maybe" {{ count = var.unset ? 1 : 0 }}
locals {{
  name  = "n-${{var.set}}"
  circle = local.other
  other  = local.circle
}}
resource "aws_emr_security_configuration" "probe" {{
  name          = "probe"
  configuration = jsonencode({{ it = {expression} }})
}}
"#
    );
    let (found, gaps) = read_files(&[("main.tf", &text)]);
    assert_eq!(gaps, [""; 0], "{expression}");
    let value = value_of(&found, "emr.securityConfigurations");
    value["SecurityConfiguration"].get("it").cloned().unwrap_or_default()
}

/// A value as it is written in the tables: holes in braces.
fn short(value: &Value) -> String {
    match value {
        Value::Object(map) if map.contains_key("$unknown") => format!("{{{}}}", value["$unknown"].as_str().unwrap()),
        Value::Object(map) if map.contains_key("$text") => {
            let parts = value["$text"].as_array().unwrap().iter();
            parts.map(|part| part.as_str().map_or_else(|| short(part), str::to_owned)).collect()
        }
        Value::String(text) => text.clone(),
        Value::Array(items) => format!("[{}]", items.iter().map(short).collect::<Vec<_>>().join(" ")),
        Value::Object(map) => {
            let fields: Vec<String> = map.iter().map(|(key, value)| format!("{key}={}", short(value))).collect();
            format!("({})", fields.join(" "))
        }
        other => other.to_string(),
    }
}

#[test]
fn expressions() {
    let mut wrong = String::new();
    for (expression, expected) in [
        // Literals and operators.
        (r#""a\n\"b\"""#, "a\n\"b\""),
        ("1 + 2 * 3", "7"),
        ("(1 + 2) * 3 == 9 && !false", "true"),
        ("10 / 4", "2.5"),
        ("-5 % 3", "-2"),
        ("null", "null"),
        // Names.
        ("var.set", "value"),
        ("var.unset", "{var.unset}"),
        ("local.name", "n-value"),
        ("local.circle", "{local.circle}"),
        ("local.nowhere", "{local.nowhere}"),
        (r#""${var.set}""#, "value"),
        (r#""a-${var.unset}-b""#, "a-{var.unset}-b"),
        ("aws_nowhere.x.id", "{aws_nowhere.x.id}"),
        ("module.nowhere.x", "{module.nowhere.x}"),
        ("terraform.workspace", "{terraform.workspace}"),
        ("data.aws_caller_identity.me.account_id", "{account}"),
        ("data.aws_region.here.name", "{region}"),
        ("data.aws_region.here.id", "{region}"),
        ("data.aws_partition.p[0].partition", "aws"),
        ("aws_s3_bucket.b.arn", "arn:aws:s3:::data"),
        ("aws_s3_bucket.b.region", "{aws_s3_bucket.b.region}"),
        ("aws_eks_cluster.c.arn", "arn:aws:eks:{region}:{account}:cluster/prod"),
        // Instances.
        ("aws_x.counted[1].id", "{aws_x.counted[1].id}"),
        ("aws_x.counted[*].id", "[{aws_x.counted[0].id} {aws_x.counted[1].id}]"),
        ("aws_x.counted.*.id[0]", "{aws_x.counted[0].id}"),
        ("length(aws_x.counted)", "2"),
        ("one(aws_x.none[*].id)", "null"),
        ("try(aws_x.none[0].id, \"none\")", "none"),
        (r#"join("", aws_x.maybe.*.id)"#, "{aws_x.maybe[*].id}"),
        ("aws_x.maybe[0].id", "{aws_x.maybe[*].id}"),
        // Choices.
        (r#"var.set == "value" ? "yes" : "no""#, "yes"),
        (r#"var.unset ? "same" : "same""#, "same"),
        (r#"var.unset ? "yes" : "no""#, "{var.unset ? \"yes\" : \"no\"}"),
        ("var.unset && false", "false"),
        ("var.unset || true", "true"),
        // Collections.
        ("[for n in var.numbers : n * 2]", "[6 2 4]"),
        ("[for n in var.numbers : n if n > 1]", "[3 2]"),
        ("{ for k, v in var.things : upper(k) => v.size }", "(A=1 B=2)"),
        ("{ for n in [\"a\", \"b\", \"a\"] : n => 1... }", "(a=[1 1] b=[1])"),
        ("[for x in var.unset : \"p-${x}\"]", "[{for \"p-${var.unset[*]}\"}]"),
        ("var.things[\"a\"].size", "1"),
        ("var.things.b[\"size\"]", "2"),
        ("values(var.things)[*].size", "[1 2]"),
        ("var.shaped", "[(name=x on=true)]"),
        // Texts.
        (r#"replace("https://x/y", "https://", "")"#, "x/y"),
        (r#"replace("arn:a:provider/x/y", "/^(.*provider/)/", "")"#, "x/y"),
        (r#"replace("a-b-a", "/a(.?)/", "<$1>")"#, "<->b-<>"),
        (r#"replace(var.unset, "a", "b")"#, "{replace(var.unset, \"a\", \"b\")}"),
        (r#"split("/", "a/b/c")[1]"#, "b"),
        (r#"split(":", "arn:x:${var.unset}")[0]"#, "arn"),
        (r#"join(",", ["a", var.unset])"#, "a,{var.unset}"),
        (r#"trimprefix("https://x", "https://")"#, "x"),
        (r#"trimsuffix("x.git", ".git")"#, "x"),
        (r#"format("%s-%03d-%t", "a", 7, true)"#, "a-007-true"),
        (r#"format("%s/%s", var.unset, "x")"#, "{var.unset}/x"),
        (r#"formatlist("arn:%s/*", ["a", "b"])"#, "[arn:a/* arn:b/*]"),
        (r#"substr("100.64.0.0", 0, 4)"#, "100."),
        (r#"upper("a-${var.unset}")"#, "A-{upper(var.unset)}"),
        (r#"title("ab cd")"#, "Ab Cd"),
        (r#"startswith("abc${var.unset}", "ab")"#, "true"),
        (r#"regex("^(\\w+)-(\\d+)$", "ab-12")"#, "[ab 12]"),
        (r#"regexall("[a-z]", "a1b")"#, "[a b]"),
        (r#"can(regex("^x", "y"))"#, "false"),
        (r#"base64decode(base64encode("hello"))"#, "hello"),
        (r#"trimspace("  a  ")"#, "a"),
        (r#"md5("x")"#, "{md5(\"x\")}"),
        (r#"cidrsubnet("10.0.0.0/16", 8, 1)"#, "{cidrsubnet(\"10.0.0.0/16\", 8, 1)}"),
        // Functions over collections.
        ("concat([1], [2, 3])", "[1 2 3]"),
        ("concat([1], var.unset)", "[1 {var.unset}]"),
        ("merge({ a = 1, b = 1 }, { b = 2 })", "(a=1 b=2)"),
        ("flatten([[1, [2]], [3]])", "[1 2 3]"),
        ("distinct([1, 2, 1])", "[1 2]"),
        ("compact([\"a\", \"\", null])", "[a]"),
        ("coalesce(null, \"\", \"x\")", "x"),
        ("coalescelist([], [1])", "[1]"),
        ("lookup({ a = 1 }, \"b\", 2)", "2"),
        ("keys(var.things)", "[a b]"),
        ("zipmap([\"a\", \"b\"], [1, 2])", "(a=1 b=2)"),
        ("element([1, 2, 3], 4)", "2"),
        ("slice([1, 2, 3], 1, 3)", "[2 3]"),
        ("contains([\"a\", \"b\"], \"b\")", "true"),
        ("contains([\"a\", var.unset], \"b\")", "{contains([\"a\", var.unset], \"b\")}"),
        ("sort([\"b\", \"a\"])", "[a b]"),
        ("range(3)", "[0 1 2]"),
        ("setproduct([\"a\"], [1, 2])", "[[a 1] [a 2]]"),
        ("tolist(toset([\"b\", \"a\", \"b\"]))", "[a b]"),
        ("max(var.numbers...)", "3"),
        ("length(var.unset)", "{length(var.unset)}"),
        ("tonumber(\"3\") + 1", "4"),
        ("list(\"a\", \"b\")", "[a b]"),
        ("map(\"a\", 1)", "(a=1)"),
        // Encodings.
        (r#"jsondecode("{\"a\": [1, \"${var.unset}\"]}").a[1]"#, "{var.unset}"),
        ("jsondecode(jsonencode({ a = 1 })).a", "1"),
        (r#"yamldecode("a:\n  - b: ${var.unset}\n").a[0].b"#, "{var.unset}"),
        ("try(var.things.c.size, var.things.a.size)", "1"),
        ("can(var.things.c)", "false"),
        ("provider::x::y(1)", "{y(1)}"),
    ] {
        let found = short(&evaluated(expression));
        if found != expected {
            writeln!(wrong, "{expression}\n   is {found}\n   not {expected}").unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn templates() {
    let mut wrong = String::new();
    for (text, expected) in [
        ("\"%{ if true }yes%{ else }no%{ endif }\"", "yes"),
        ("\"%{ for n in [1, 2] }${n};%{ endfor }\"", "1;2;"),
        ("\"a %{~ if false ~} b %{~ endif ~} c\"", "ac"),
        ("\"$${literal}\"", "${literal}"),
        ("<<EOF\nline ${var.set}\nEOF\n", "line value\n"),
        ("<<-EOF\n    one\n      two\n    EOF\n", "one\n  two\n"),
        ("\"%{ if var.unset }a%{ else }b%{ endif }\"", "{var.unset ? \"a\" : \"b\"}"),
    ] {
        let found = short(&evaluated(text));
        if found != expected {
            writeln!(wrong, "{text}\n   is {found:?}\n   not {expected:?}").unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// The ways in which a trust policy names a cluster's issuer all come to the same.
#[test]
fn every_way_to_an_issuer_is_the_same() {
    let expected = "OIDC issuer of cluster prod";
    for (host, arn) in [
        (
            r#"replace(aws_eks_cluster.c.identity[0].oidc[0].issuer, "https://", "")"#,
            "aws_iam_openid_connect_provider.p.arn",
        ),
        (
            r#"trimprefix(data.aws_eks_cluster.d.identity.0.oidc.0.issuer, "https://")"#,
            "aws_iam_openid_connect_provider.p.id",
        ),
        (r#"split("//", aws_iam_openid_connect_provider.p.url)[1]"#, "data.aws_iam_openid_connect_provider.q.arn"),
        (
            r#"replace(aws_iam_openid_connect_provider.p.arn, "/^(.*provider/)/", "")"#,
            r#""arn:aws:iam::${data.aws_caller_identity.i.account_id}:oidc-provider/${local.host}""#,
        ),
        (r#"element(split("oidc-provider/", aws_iam_openid_connect_provider.p.arn), 1)"#, "local.arn"),
        ("module.eks.oidc_provider", "module.eks.oidc_provider_arn"),
        (r#"replace(module.eks.cluster_oidc_issuer_url, "https://", "")"#, "module.eks.oidc_provider_arn"),
    ] {
        let text = format!(
            r#"
module "eks" {{
  source       = "terraform-aws-modules/eks/aws"
  version      = "~> 20.0"
  cluster_name = "prod"
}}
data "aws_caller_identity" "i" {{}}
resource "aws_eks_cluster" "c" {{ name = "prod" }}
data "aws_eks_cluster" "d" {{ name = aws_eks_cluster.c.name }}
resource "aws_iam_openid_connect_provider" "p" {{
  url             = aws_eks_cluster.c.identity[0].oidc[0].issuer
  client_id_list  = ["sts.amazonaws.com"]
}}
data "aws_iam_openid_connect_provider" "q" {{ url = aws_eks_cluster.c.identity[0].oidc[0].issuer }}
locals {{
  arn  = format("arn:aws:iam::%s:oidc-provider/%s", data.aws_caller_identity.i.account_id, local.host)
  host = replace(aws_eks_cluster.c.identity[0].oidc[0].issuer, "https://", "")
}}
resource "aws_iam_role" "job" {{
  name = "job"
  assume_role_policy = jsonencode({{
    Statement = [{{
      Principal = {{ Federated = {arn} }}
      Condition = {{ StringLike = {{ "${{{host}}}:sub" = "x" }} }}
    }}]
  }})
}}
"#
        );
        let (found, gaps) = read_files(&[("main.tf", &text)]);
        assert_eq!(gaps, [""; 0]);
        let role = &found.iter().find(|(_, value, _)| value["RoleName"] == "job").unwrap().1;
        let statement = &role["AssumeRolePolicyDocument"]["Statement"][0];
        let key = statement["Condition"]["StringLike"].as_object().unwrap().keys().next().unwrap();
        assert_eq!(key, &format!("${{{expected}}}:sub"), "{host}");
        let federated = short(&statement["Principal"]["Federated"]);
        assert_eq!(federated, format!("arn:aws:iam::{{account}}:oidc-provider/{{{expected}}}"), "{arn}");
        let provider = value_of(&found, "iam.openIDConnectProviders");
        assert_eq!(short(&provider["Arn"]), federated);
        assert_eq!(short(&provider["Url"]), format!("{{{expected}}}"));
    }
}

#[test]
fn policies_keep_the_places_of_their_words() {
    let statement = r#"{"Statement": [{"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": "${RES}"}]}"#;
    let hcl = statement.replace("${RES}", "arn:aws:s3:::${var.bucket}/*");
    let cases = [
        ("a heredoc", format!("<<EOF\n{hcl}\nEOF\n"), "main.tf: \"s3:GetObject\""),
        ("an indented heredoc", format!("<<-EOF\n    {hcl}\n    EOF\n"), "main.tf: \"s3:GetObject\""),
        ("a string", format!("{:?}", hcl), "main.tf: \\\"s3:GetObject\\\""),
        (
            "jsonencode",
            r#"jsonencode({ Statement = [{ Effect = "Allow", Action = ["s3:GetObject"], Resource = "arn:aws:s3:::${var.bucket}/*" }] })"#
                .to_owned(),
            "main.tf: \"s3:GetObject\"",
        ),
        ("a local", "local.policy".to_owned(), "main.tf: \"s3:GetObject\""),
        ("a data source", "data.aws_iam_policy_document.d.json".to_owned(), "main.tf: \"s3:GetObject\""),
        ("a file", r#"file("${path.module}/policy.json")"#.to_owned(), "policy.json: \"s3:GetObject\""),
        (
            "a template",
            r#"templatefile("${path.module}/policy.tpl", { RES = "arn:aws:s3:::${var.bucket}/*" })"#.to_owned(),
            "policy.tpl: \"s3:GetObject\"",
        ),
    ];
    for (what, expression, place) in cases {
        let text = format!(
            r#"
variable "bucket" {{}}
locals {{
  policy = <<EOF
{hcl}
EOF
}}
data "aws_iam_policy_document" "d" {{
  statement {{
    actions   = ["s3:GetObject"]
    resources = ["arn:aws:s3:::${{var.bucket}}/*"]
  }}
}}
resource "aws_iam_role_policy" "p" {{
  name   = "read"
  role   = "job"
  policy = {expression}
}}
"#
        );
        let file = statement.replace("${RES}", "arn:aws:s3:::x/*");
        let files = [("main.tf", text.as_str()), ("policy.json", &file), ("policy.tpl", statement)];
        let (found, gaps) = read_files(&files);
        assert_eq!(gaps, [""; 0], "{what}");
        let name = "iam.roles job RolePolicyList";
        let document = &value_of(&found, name)["PolicyDocument"];
        let resource = short(&document["Statement"][0]["Resource"]);
        let expected = if what == "a file" { "arn:aws:s3:::x/*" } else { "arn:aws:s3:::{var.bucket}/*" };
        assert_eq!(resource, expected, "{what}");
        let action = &document["Statement"][0]["Action"];
        let pointer = "/PolicyDocument/Statement/0/Action";
        let pointer = if action.is_array() { format!("{pointer}/0") } else { pointer.to_owned() };
        assert_eq!(place_of(&found, name, &pointer), place, "{what}");
    }
}

#[test]
fn policy_documents() {
    let text = r#"
variable "unset" {}
data "aws_iam_policy_document" "base" {
  statement {
    sid       = "one"
    actions   = ["s3:GetObject"]
    resources = ["arn:aws:s3:::a/&{aws:username}"]
  }
  statement {
    sid    = "two"
    effect = "Deny"
    not_actions = ["s3:*"]
    resources   = ["*"]
  }
}
data "aws_iam_policy_document" "all" {
  source_policy_documents   = [data.aws_iam_policy_document.base.json]
  override_policy_documents = [jsonencode({ Statement = [{ Sid = "two", Effect = "Allow", Action = "x:y", Resource = "*" }] })]
  statement {
    principals {
      type        = "AWS"
      identifiers = ["a", "b"]
    }
    principals {
      type        = "Service"
      identifiers = ["s"]
    }
    actions = ["sts:AssumeRole"]
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = ["1"]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:x"
      values   = ["2", "3"]
    }
  }
}
data "aws_iam_policy_document" "open" {
  source_policy_documents = [var.unset]
}
resource "aws_iam_role" "a" {
  name = "a"
  assume_role_policy = data.aws_iam_policy_document.all.json
}
resource "aws_iam_role" "b" {
  name = "b"
  assume_role_policy = data.aws_iam_policy_document.open.json
}
"#;
    let (found, _) = read_files(&[("main.tf", text)]);
    let role = |name: &str| {
        let (_, value, _) = found.iter().find(|(_, value, _)| value["RoleName"] == name).unwrap();
        value["AssumeRolePolicyDocument"].clone()
    };
    let expected = json!({"Version": "2012-10-17", "Statement": [
        {"Sid": "one", "Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::a/${aws:username}"},
        {"Sid": "two", "Effect": "Allow", "Action": "x:y", "Resource": "*"},
        {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": ["a", "b"], "Service": "s"},
         "Condition": {"StringEquals": {"aws:SourceAccount": "1", "aws:x": ["2", "3"]}}},
    ]});
    assert_eq!(role("a"), expected);
    assert_eq!(short(&role("b")["Statement"]), "[{var.unset}]");
}

#[test]
fn modules_and_their_arguments() {
    let module = r#"
variable "name" { default = "default" }
variable "tags" { default = {} }
resource "aws_iam_role" "r" {
  for_each = toset(["x", "y"])
  name     = "${var.name}-${each.key}"
  tags     = var.tags
  assume_role_policy = "{}"
}
output "arns" { value = { for k, r in aws_iam_role.r : k => r.arn } }
"#;
    let main = r#"
variable "stage" {}
provider "aws" {
  region              = "eu-west-1"
  allowed_account_ids = ["111122223333"]
}
module "roles" {
  source = "./modules/roles"
  name   = "job-${var.stage}"
}
module "bare" {
  source = "./modules/roles"
  count  = 0
}
resource "aws_iam_role_policy_attachment" "a" {
  role       = "other"
  policy_arn = module.roles.arns["x"]
}
"#;
    let files = [("main.tf", main), ("modules/roles/main.tf", module), ("terraform.tfvars", "stage = \"dev\"\n")];
    let (found, gaps) = read_files(&files);
    assert_eq!(gaps, [""; 0]);
    let roles: Vec<&str> = found
        .iter()
        .filter(|(name, ..)| name == "iam.roles")
        .map(|(_, role, _)| role["RoleName"].as_str().unwrap())
        .collect();
    assert_eq!(roles, ["job-dev-x", "job-dev-y"]);
    let attached = value_of(&found, "iam.roles other AttachedManagedPolicies");
    assert_eq!(attached["PolicyArn"], "arn:aws:iam::111122223333:role/job-dev-x");
    // Nobody calls it in a tree of its own, so it is looked at alone.
    let (alone, _) = read_files(&[("modules/roles/main.tf", module)]);
    assert_eq!(alone[0].1["RoleName"], "default-x");
}

#[test]
fn what_was_written_shows_where() {
    let main = r#"
module "app" {
  source  = "./app"
  release = "emr-7.1.0"
}
"#;
    let app = r#"
variable "release" { default = "emr-6.6.0" }
variable "size" { default = "1 vCPU" }
resource "aws_emrserverless_application" "a" {
  name          = "nightly"
  type          = "spark"
  release_label = var.release
  maximum_capacity {
    cpu    = var.size
    memory = "4 GB"
  }
}
"#;
    let (found, _) = read_files(&[("main.tf", main), ("app/main.tf", app)]);
    let name = "emrServerless.applications";
    for (pointer, place) in [
        ("", "app/main.tf: resource \"aws_emrserverless_application\" \"a\""),
        ("/releaseLabel", "main.tf: \"emr-7.1.0\""),
        ("/maximumCapacity/cpu", "app/main.tf: \"1 vCPU\""),
        ("/maximumCapacity", "app/main.tf: maximum_capacity"),
        ("/type", "app/main.tf: \"spark\""),
        ("/architecture", "app/main.tf: resource \"aws_emrserverless_application\" \"a\""),
    ] {
        assert_eq!(place_of(&found, name, pointer), place, "{pointer}");
    }
}

#[test]
fn the_first_version_of_the_language_and_json() {
    let old = r#"
variable "name" { type = "string" }
data "template_file" "policy" {
  template = "${file("policy.tpl")}"
  vars {
    bucket = "data"
  }
}
resource "aws_iam_role_policy" "p" {
  name   = "${var.name}-p"
  role   = "job"
  policy = "${data.template_file.policy.rendered}"
}
resource "aws_security_group" "g" {
  name = "g"
  tags {
    Name = "${var.name}"
  }
}
"#;
    let template = r#"{"Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::${bucket}"}]}"#;
    let (found, gaps) = read_files(&[("main.tf", old), ("policy.tpl", template)]);
    assert_eq!(gaps, [""; 0]);
    let policy = value_of(&found, "iam.roles job RolePolicyList");
    assert_eq!(policy["PolicyDocument"]["Statement"][0]["Resource"], "arn:aws:s3:::data");
    assert_eq!(short(&value_of(&found, "ec2.securityGroups")["Tags"]), "[(Key=Name Value={var.name})]");

    let json = r#"{
  "variable": {"env": {"default": "dev"}},
  "locals": {"ns": "spark-${var.env}"},
  "resource": {
    "aws_emrcontainers_virtual_cluster": {"v": {
      "name": "${local.ns}",
      "container_provider": {"id": "prod", "type": "EKS", "info": [{"eks_info": [{"namespace": "${local.ns}"}]}]}
    }}
  }
}"#;
    let (found, gaps) = read_files(&[("main.tf.json", json)]);
    assert_eq!(gaps, [""; 0]);
    let cluster = value_of(&found, "emrContainers.virtualClusters");
    assert_eq!(cluster["name"], "spark-dev");
    assert_eq!(cluster["containerProvider"]["info"]["eksInfo"]["namespace"], "spark-dev");
}

#[test]
fn dynamic_blocks() {
    let text = r#"
variable "unset" {}
resource "aws_eks_fargate_profile" "p" {
  cluster_name         = "prod"
  fargate_profile_name = "spark"
  dynamic "selector" {
    for_each = { a = "one", b = "two" }
    iterator = s
    content {
      namespace = "${s.key}-${s.value}"
    }
  }
}
resource "aws_eks_fargate_profile" "q" {
  cluster_name         = "prod"
  fargate_profile_name = "open"
  selector {
    namespace = "known"
  }
  dynamic "selector" {
    for_each = var.unset
    content {
      namespace = selector.value
    }
  }
}
"#;
    let (found, _) = read_files(&[("main.tf", text)]);
    let profiles: Vec<String> = found.iter().map(|(_, profile, _)| short(&profile["selectors"])).collect();
    assert_eq!(profiles, ["[(namespace=a-one) (namespace=b-two)]", "[(namespace=known) {var.unset}]"]);
}

#[test]
fn dynamic_blocks_in_json() {
    let text = r#"{"resource": {"aws_eks_fargate_profile": {"p": {
  "cluster_name": "prod",
  "fargate_profile_name": "spark",
  "selector": {"namespace": "known"},
  "dynamic": {"selector": {"for_each": ["one", "two"], "iterator": "s", "content": {"namespace": "n-${s.value}"}}}
}}}}"#;
    let (found, gaps) = read_files(&[("main.tf.json", text)]);
    assert_eq!(gaps, [""; 0]);
    assert_eq!(
        short(&value_of(&found, "eks.fargateProfiles")["selectors"]),
        "[(namespace=known) (namespace=n-one) (namespace=n-two)]"
    );
}

#[test]
fn overrides_come_last() {
    let main = r#"
locals { stage = "dev" }
variable "namespace" { default = "one" }
resource "aws_eks_fargate_profile" "p" {
  cluster_name         = "prod-${local.stage}"
  fargate_profile_name = "spark"
  selector { namespace = var.namespace }
  selector { namespace = "other" }
}
"#;
    let first = "locals { stage = \"test\" }\nresource \"aws_eks_fargate_profile\" \"p\" {\n  selector { namespace = \"${var.namespace}-x\" }\n}\n";
    let second = r#"{"variable": {"namespace": {"default": "two"}}}"#;
    let (found, gaps) = read_files(&[("a_override.tf", first), ("main.tf", main), ("override.tf.json", second)]);
    assert_eq!(gaps, [""; 0]);
    let profile = value_of(&found, "eks.fargateProfiles");
    assert_eq!(
        (&profile["clusterName"], short(&profile["selectors"])),
        (&json!("prod-test"), "[(namespace=two-x)]".to_owned())
    );
    assert_eq!(profile["fargateProfileName"], "spark");
}

mod hostile;
mod planned;
mod services;
