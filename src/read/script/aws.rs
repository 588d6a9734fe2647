//! What `aws` is told to make or to run, and what it prints where that can be told.

use super::super::code::json::{Piece, PiecePart};
use super::super::code::{ACCOUNT, Declared, Form, Node, PARTITION, REGION};
use super::super::policy_file;
use super::super::shell::{Command, Word};
use super::super::written::{list, object, text};
use super::arguments::{Arguments, Case};
use super::emr;
use super::files::Files;
use crate::known::{Part, Text};

/// Declares what one command makes.
pub(super) fn declare(arguments: &Arguments, files: &Files<'_>, out: &mut Vec<Declared>) {
    let word = |at: usize| arguments.plain.get(at).and_then(Word::plain).unwrap_or_default();
    match (word(0).as_str(), word(1).as_str()) {
        ("emr-containers", call) => emr_containers(call, arguments, files, out),
        ("emr-serverless", call) => emr_serverless(call, arguments, files, out),
        ("emr", "create-cluster") => emr::create_cluster(arguments, files, out),
        ("emr", "add-steps") => emr::add_steps(arguments, files, out),
        ("eks", call) => eks(call, arguments, files, out),
        ("iam", call) => iam(call, arguments, files, out),
        ("s3api", "put-bucket-policy") => resource_policy("s3.buckets", ("Name", "bucket"), arguments, files, out),
        ("ecr", "set-repository-policy") => {
            resource_policy("ecr.repositories", ("repositoryName", "repository-name"), arguments, files, out);
        }
        ("kms", "put-key-policy") => resource_policy("kms.keys", ("KeyId", "key-id"), arguments, files, out),
        _ => {}
    }
}

/// The policy that a bucket, a key or a repository is given.
fn resource_policy(
    collection: &'static str,
    (key, option): (&str, &str),
    arguments: &Arguments,
    files: &Files<'_>,
    out: &mut Vec<Declared>,
) {
    let (Some(name), Some(policy)) = (arguments.word(&[option]), arguments.word(&["policy", "policy-text"])) else {
        return;
    };
    let policy = super::arguments::value(policy, files);
    out.push(item(collection, None, object([(key, name.node()), ("Policy", policy)]).written(name.at())));
}

fn item(collection: &'static str, cluster: Option<Text>, item: Node) -> Declared {
    Declared::Item { collection, cluster, item }
}

fn emr_containers(call: &str, arguments: &Arguments, files: &Files<'_>, out: &mut Vec<Declared>) {
    let named = |names: &[&str]| arguments.word(names).and_then(Word::at);
    match call {
        "start-job-run" => {
            let request = arguments.request(Case::Camel, files);
            // A request that stands in a file whole is read there.
            let own = arguments
                .options
                .keys()
                .any(|name| matches!(name.as_str(), "job-driver" | "virtual-cluster-id" | "release-label"));
            let at = request.at.clone().or_else(|| named(&["name", "virtual-cluster-id", "job-driver"]));
            if own || request.get("jobDriver").is_some() {
                out.push(Declared::Job { kind: "emr-containers", request: request.written(at) });
            }
        }
        "create-virtual-cluster" => {
            let mut request = arguments.request(Case::Camel, files);
            let at = named(&["name"]);
            if let Form::Object(fields) = &mut request.form {
                fields.push(("state".to_owned(), Node::text("RUNNING").written(at.clone())));
            }
            out.push(item("emrContainers.virtualClusters", None, request.written(at)));
        }
        "create-managed-endpoint" => {
            let request = arguments.request(Case::Camel, files);
            out.push(item("emrContainers.managedEndpoints", None, request.written(named(&["name"]))));
        }
        "create-job-template" => {
            let request = arguments.request(Case::Camel, files);
            out.push(item("emrContainers.jobTemplates", None, request.written(named(&["name"]))));
        }
        "update-role-trust-policy" => {
            let (Some(cluster), Some(namespace), Some(role)) =
                (arguments.word(&["cluster-name"]), arguments.word(&["namespace"]), arguments.word(&["role-name"]))
            else {
                return;
            };
            let part = trust_statement(cluster, namespace, role);
            out.push(Declared::Part {
                collection: "iam.roles",
                key: "RoleName",
                of: role.text(),
                field: "AssumeRolePolicyDocument/Statement",
                part,
            });
        }
        _ => {}
    }
}

/// The statement that `update-role-trust-policy` adds.
fn trust_statement(cluster: &Word, namespace: &Word, role: &Word) -> Node {
    let issuer = Text::hole(format!("issuer of {}", cluster.text()));
    let suffix = match role.plain() {
        Some(name) => Text::literal(crate::iam::base36::encode(&name)),
        None => Text::hole(format!("base36 of {}", role.text())),
    };
    let joined = |parts: Vec<Text>| Text::from_parts(parts.iter().flat_map(|text| text.parts().to_vec()));
    let federated = joined(vec![
        "arn:".into(),
        Text::hole(PARTITION),
        ":iam::".into(),
        Text::hole(ACCOUNT),
        ":oidc-provider/".into(),
        issuer.clone(),
    ]);
    let subject = joined(vec![
        "system:serviceaccount:".into(),
        namespace.text(),
        ":emr-containers-sa-*-*-".into(),
        Text::hole(ACCOUNT),
        "-".into(),
        suffix,
    ]);
    let key = format!("{issuer}:sub");
    let condition = Node::new(Form::Object(vec![(key, text(subject).written(namespace.at()))]));
    object([
        ("Effect", Node::text("Allow")),
        ("Principal", object([("Federated", text(federated).written(cluster.at()))])),
        ("Action", Node::text("sts:AssumeRoleWithWebIdentity")),
        ("Condition", object([("StringLike", condition)])),
    ])
    .written(namespace.at())
}

fn emr_serverless(call: &str, arguments: &Arguments, files: &Files<'_>, out: &mut Vec<Declared>) {
    let at = arguments.word(&["name", "application-id", "release-label", "type"]).and_then(Word::at);
    match call {
        "start-job-run" => {
            let request = arguments.request(Case::Camel, files);
            if request.get("jobDriver").is_some() {
                out.push(Declared::Job { kind: "emr-serverless", request: request.written(at) });
            }
        }
        "create-application" => {
            let mut request = arguments.request(Case::Camel, files);
            // The service prints the kind of application with a capital.
            if let Form::Object(fields) = &mut request.form {
                for (name, node) in fields.iter_mut().filter(|(name, _)| name == "type") {
                    let _ = name;
                    if node.as_str().is_some_and(|kind| kind.eq_ignore_ascii_case("spark")) {
                        node.form = Form::Text("Spark".into());
                    }
                }
            }
            out.push(item("emrServerless.applications", None, request.written(at)));
        }
        _ => {}
    }
}

fn eks(call: &str, arguments: &Arguments, files: &Files<'_>, out: &mut Vec<Declared>) {
    let cluster = arguments.text(&["cluster-name", "name"]);
    let at = |names: &[&str]| arguments.word(names).and_then(Word::at);
    let mut request = arguments.request(Case::Camel, files);
    let collection = match call {
        "create-cluster" => {
            if let Form::Object(fields) = &mut request.form {
                for (name, _) in fields.iter_mut().filter(|(name, _)| name == "kubernetesVersion") {
                    *name = "version".to_owned();
                }
                let name = cluster.clone().unwrap_or_default();
                let url = Text::from_parts([Part::Literal("https://".into()), Part::Hole(format!("issuer of {name}"))]);
                let issuer = object([("oidc", object([("issuer", text(url))]))]);
                fields.push(("identity".to_owned(), issuer));
                // The API's own default.
                if !fields.iter().any(|(name, _)| name == "accessConfig") {
                    let mode = object([("authenticationMode", Node::text("CONFIG_MAP"))]);
                    fields.push(("accessConfig".to_owned(), mode));
                }
            }
            "eks.clusters"
        }
        "create-nodegroup" => "eks.nodegroups",
        "create-addon" => "eks.addons",
        "create-access-entry" => "eks.accessEntries",
        "create-pod-identity-association" => "eks.podIdentityAssociations",
        "create-fargate-profile" => "eks.fargateProfiles",
        "associate-access-policy" => {
            let (Some(principal), Some(policy)) = (arguments.word(&["principal-arn"]), arguments.word(&["policy-arn"]))
            else {
                return;
            };
            let scope = request.get("accessScope").cloned().unwrap_or_else(|| Node::new(Form::Null));
            let part = object([("policyArn", policy.node()), ("accessScope", scope)]).written(policy.at());
            out.push(Declared::Part {
                collection: "eks.accessEntries",
                key: "principalArn",
                of: principal.text(),
                field: "associatedAccessPolicies",
                part,
            });
            return;
        }
        _ => return,
    };
    let place = at(&[
        "nodegroup-name",
        "addon-name",
        "principal-arn",
        "service-account",
        "fargate-profile-name",
        "name",
        "cluster-name",
    ]);
    out.push(item(collection, cluster, request.written(place)));
}

fn iam(call: &str, arguments: &Arguments, files: &Files<'_>, out: &mut Vec<Declared>) {
    let role = arguments.word(&["role-name"]);
    let document = |option: &str| arguments.word(&[option]).map(|word| super::arguments::value(word, files));
    match call {
        "create-role" => {
            let Some(role) = role else { return };
            let boundary = arguments.word(&["permissions-boundary"]).map_or_else(
                || Node::new(Form::Null),
                |arn| {
                    object([("PermissionsBoundaryType", Node::text("Policy")), ("PermissionsBoundaryArn", arn.node())])
                },
            );
            let role_item = object([
                ("RoleName", role.node()),
                ("Path", arguments.node(&["path"])),
                (
                    "AssumeRolePolicyDocument",
                    document("assume-role-policy-document").unwrap_or_else(|| Node::new(Form::Null)),
                ),
                ("PermissionsBoundary", boundary),
            ]);
            out.push(item("iam.roles", None, role_item.written(role.at())));
        }
        "put-role-policy" => {
            let (Some(role), Some(policy)) = (role, document("policy-document")) else { return };
            let at = policy.at.clone();
            let part = object([("PolicyName", arguments.node(&["policy-name"])), ("PolicyDocument", policy)]);
            out.push(Declared::Part {
                collection: "iam.roles",
                key: "RoleName",
                of: role.text(),
                field: "RolePolicyList",
                part: part.written(at),
            });
        }
        "attach-role-policy" => {
            let (Some(role), Some(arn)) = (role, arguments.word(&["policy-arn"])) else { return };
            let name = arn.plain().and_then(|arn| arn.rsplit('/').next().map(Node::text));
            let part = object([("PolicyArn", arn.node()), ("PolicyName", name.unwrap_or(Node::new(Form::Null)))]);
            out.push(Declared::Part {
                collection: "iam.roles",
                key: "RoleName",
                of: role.text(),
                field: "AttachedManagedPolicies",
                part: part.written(arn.at()),
            });
        }
        "create-policy" => {
            let Some(policy) = document("policy-document") else { return };
            let mut managed = policy_file::managed(arguments.node(&["policy-name"]), policy);
            if let Declared::Item { item, .. } = &mut managed {
                item.at = arguments.word(&["policy-name"]).and_then(Word::at).or_else(|| item.at.clone());
            }
            out.push(managed);
        }
        "create-service-linked-role" => {
            let service = arguments.word(&["aws-service-name"]);
            if service.and_then(Word::plain).as_deref() == Some("emr-containers.amazonaws.com") {
                let role = object([
                    ("RoleName", Node::text("AWSServiceRoleForAmazonEMRContainers")),
                    ("Path", Node::text("/aws-service-role/emr-containers.amazonaws.com/")),
                    ("AttachedManagedPolicies", list(vec![Node::unknown("the policy of the service-linked role")])),
                ]);
                out.push(item("iam.roles", None, role.written(service.and_then(Word::at))));
            }
        }
        "create-open-id-connect-provider" => {
            let Some(url) = arguments.word(&["url"]) else { return };
            let clients = arguments.options.get("client-id-list").into_iter().flatten().map(Word::node);
            let provider = object([("Url", url.node()), ("ClientIDList", list(clients.collect()))]);
            out.push(item("iam.openIDConnectProviders", None, provider.written(url.at())));
        }
        "create-instance-profile" => {
            let Some(name) = arguments.word(&["instance-profile-name"]) else { return };
            let profile = object([("InstanceProfileName", name.node())]);
            out.push(item("iam.instanceProfiles", None, profile.written(name.at())));
        }
        "add-role-to-instance-profile" => {
            let (Some(role), Some(profile)) = (role, arguments.word(&["instance-profile-name"])) else { return };
            out.push(Declared::Part {
                collection: "iam.instanceProfiles",
                key: "InstanceProfileName",
                of: profile.text(),
                field: "Roles",
                part: object([("RoleName", role.node())]).written(role.at()),
            });
        }
        _ => {}
    }
}

/// What the commands inside of `$(…)` print, where that can be told.
pub(super) fn printed(commands: &[Command]) -> Option<Vec<Piece>> {
    let command = commands.first()?;
    match command.words.first()?.plain()?.as_str() {
        "aws" => {}
        // `$(cat <<EOF` is what follows.
        "cat" if commands.len() == 1 && command.words.len() == 1 => {
            return Some(command.input.as_ref()?.pieces.clone());
        }
        _ => return None,
    }
    let arguments = Arguments::of(command.words.get(1..)?);
    let word = |at: usize| arguments.plain.get(at).and_then(Word::plain).unwrap_or_default();
    let query = arguments.text(&["query"]).map(|text| text.to_string()).unwrap_or_default();
    let hole = |name: String| vec![Piece { part: PiecePart::Hole(name), at: None }];
    let literal = |text: &str| Piece { part: PiecePart::Literal(text.to_owned()), at: None };
    let role_arn = || -> Option<Vec<Piece>> {
        let mut pieces = vec![literal("arn:"), Piece { part: PiecePart::Hole(PARTITION.to_owned()), at: None }];
        pieces.push(literal(":iam::"));
        pieces.push(Piece { part: PiecePart::Hole(ACCOUNT.to_owned()), at: None });
        pieces.push(literal(":role/"));
        pieces.extend(arguments.word(&["role-name"])?.pieces.iter().cloned());
        Some(pieces)
    };
    match (word(0).as_str(), word(1).as_str()) {
        ("sts", "get-caller-identity") if query.contains("Account") => Some(hole(ACCOUNT.to_owned())),
        ("configure", "get") if word(2) == "region" => Some(hole(REGION.to_owned())),
        ("iam", "get-role" | "create-role") if query.ends_with("Arn") => role_arn(),
        ("eks", "describe-cluster") if query.contains("issuer") => {
            let name = arguments.text(&["name"])?;
            // Whoever cuts the scheme off does it with one of these.
            let cut = commands.iter().skip(1).any(|command| {
                command
                    .words
                    .first()
                    .and_then(Word::plain)
                    .is_some_and(|name| matches!(name.as_str(), "sed" | "cut" | "awk" | "tr"))
            });
            let mut pieces = if cut { Vec::new() } else { vec![literal("https://")] };
            pieces.extend(hole(format!("issuer of {name}")));
            Some(pieces)
        }
        ("emr-containers", "create-virtual-cluster")
        | ("emr-serverless", "create-application")
        | ("emr", "create-cluster")
            if query.to_ascii_lowercase().ends_with("id") =>
        {
            Some(hole(format!("id of {}", arguments.text(&["name"])?)))
        }
        ("emr-containers", "list-virtual-clusters") | ("emr-serverless", "list-applications") => {
            let (_, after) = query.split_once("name==").or_else(|| query.split_once("name =="))?;
            let after = after.trim_start().trim_start_matches(['\'', '"', '`', '\\']);
            let name: String =
                after.chars().take_while(|c| !matches!(c, '\'' | '"' | '`' | ']' | '\\' | ' ')).collect();
            (!name.is_empty()).then(|| hole(format!("id of {name}")))
        }
        _ => None,
    }
}
