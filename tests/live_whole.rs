//! The whole of a live run: the program, AWS as moto plays it, and a Kubernetes API over TLS.
//!
//! What moto lacks of EKS (access entries, add-ons, Pod Identity) is answered from recordings, which also
//! say where the cluster's API is.

#![cfg(feature = "live")]
#![expect(clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "tests")]
#![allow(dead_code, reason = "the servers can do more than is asked of them here")]

#[path = "live_whole/account.rs"]
mod account;
#[path = "live/server.rs"]
mod aws;
#[path = "live_whole/front.rs"]
mod front;
#[path = "live_kubernetes/holding.rs"]
mod holding;
#[path = "live/moto.rs"]
mod moto;
#[path = "secrets/planted.rs"]
mod planted;
#[path = "live_kubernetes/server.rs"]
mod server;
#[path = "support/story.rs"]
mod story;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use serde_json::{Value, json};
use sparkcheck::read::{self, Input};
use sparkcheck::snapshot;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const ACCOUNT: &str = "787587782916";
const CLUSTER: &str = "sparkpilot-live-1";

fn config(url: &str, region: &str, credentials: Credentials) -> SdkConfig {
    let client = aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    let loader = aws_config::defaults(BehaviorVersion::latest()).http_client(client).endpoint_url(url);
    moto::on_a_runtime(loader.region(Region::new(region.to_owned())).credentials_provider(credentials).load())
}

fn credentials() -> Credentials {
    Credentials::new("AKIDPLANTEDPLANTED", "planted/secret/key", None, None, "test")
}

/// The program, with nothing of this machine's configuration.
fn program(url: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sparkcheck"));
    command
        .current_dir(env!("CARGO_TARGET_TMPDIR"))
        .env("AWS_ENDPOINT_URL", url)
        .env("AWS_ACCESS_KEY_ID", "AKIDPLANTEDPLANTED")
        .env("AWS_SECRET_ACCESS_KEY", "planted/secret/key")
        .env("AWS_CONFIG_FILE", "/dev/null")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("KUBECONFIG", "/dev/null");
    for name in ["AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_SESSION_TOKEN"] {
        command.env_remove(name);
    }
    command
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// What was said of what, without what is named otherwise in another run.
fn findings(output: &Output) -> BTreeSet<(String, String, String)> {
    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", text(&output.stderr)));
    let list = report["findings"].as_array().unwrap().iter();
    list.map(|one| {
        let [rule, verdict, fingerprint] = ["rule", "verdict", "fingerprint"].map(|key| one[key].as_str().unwrap());
        (rule.to_owned(), verdict.to_owned(), fingerprint.to_owned())
    })
    .collect()
}

/// What is beside the exports in a fixture's folder.
fn beside(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<PathBuf> = entries.filter(|path| path.is_file()).collect();
    paths.sort();
    paths
}

#[test]
fn one_run_reads_aws_and_kubernetes() {
    for (name, code, word) in [("the-live-run-as-found", 1, "no-go"), ("the-live-run-mended", 0, "go")] {
        let Some(moto) = moto::start_as(ACCOUNT) else { return };
        let folder = story::folder(name);
        moto::on_a_runtime(account::make(&config(&moto.url, "us-east-1", credentials()), &folder.join("aws")));

        let options = read::Options { today: Some(story::TODAY.into()), ..read::Options::default() };
        let fixture = read::read(&[Input::Path(folder.clone())], &options).unwrap();
        let group = snapshot::of(&fixture)["kubernetes"][0].clone();
        let mut held = holding::state(&group);
        held.takes_tokens_of = Some(CLUSTER.to_owned());
        let kubernetes = server::Server::start(held);

        let mut recorded = aws::State::of_export(&folder.join("aws"), "us-east-1");
        recorded.change("eks:DescribeCluster", CLUSTER, |answer| {
            answer["cluster"]["endpoint"] = kubernetes.endpoint.clone().into();
            answer["cluster"]["certificateAuthority"] = json!({"data": kubernetes.authority});
        });
        let eks = aws::Server::start(recorded, 2);
        let url = front::start(&eks.url, &moto.url);

        let run = |arguments: &[&str]| {
            let mut command = program(&url);
            command.args(arguments).args(["--today", story::TODAY]).args(beside(&folder)).arg("-v");
            command.output().unwrap()
        };
        let live = run(&["--live", "--format", "json"]);
        let (out, trace) = (text(&live.stdout), text(&live.stderr));
        assert_eq!(live.status.code(), Some(code), "{name}: {out}{trace}");
        let report: Value = serde_json::from_str(&out).unwrap();
        assert_eq!(report["rollouts"][0]["verdict"], word, "{name}: {out}");
        assert_eq!(report["gaps"], json!([]), "{name}");
        assert!(trace.contains("iam:GetAccountAuthorizationDetails") && trace.contains("/api/v1/pods"), "{trace}");
        for secret in ["planted", "k8s-aws-v1", "AKIDPLANTED", "X-Amz-Signature", "Bearer"] {
            assert!(!trace.contains(secret) && !out.contains(secret), "{name}: {secret}\n{trace}");
        }
        assert!(kubernetes.state.lock().unwrap().asked.iter().any(|path| path.contains("/api/v1/pods")));

        // Its snapshot says the same to somebody without credentials.
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("whole-{name}.json.gz"));
        let mut command = program(&url);
        command.args(["snapshot", "--live", "--today", story::TODAY, "-o"]).arg(&path).args(beside(&folder));
        let written = command.output().unwrap();
        assert_eq!(written.status.code(), Some(0), "{}", text(&written.stderr));
        let mut command = program("http://127.0.0.1:9");
        let of_snapshot = command.args(["--format", "json"]).arg(&path).output().unwrap();
        assert_eq!(of_snapshot.status.code(), Some(code), "{name}");
        assert_eq!(findings(&live), findings(&of_snapshot), "{name}: the snapshot");

        // The fixture is an export of the same state, which saw less: what it decides is decided the same way.
        let mut command = program("http://127.0.0.1:9");
        let of_export = command.args(["--format", "json", "--today", story::TODAY]).arg(&folder).output().unwrap();
        assert_eq!(of_export.status.code(), Some(code), "{name}");
        // The runs that ended before are not in moto.
        let failures = |output: &Output| -> BTreeSet<String> {
            let failed = findings(output).into_iter().filter(|(_, verdict, _)| verdict == "fail");
            failed.map(|(rule, ..)| rule).filter(|rule| rule != "pods-of-ended-runs").collect()
        };
        assert_eq!(failures(&live), failures(&of_export), "{name}: the export");
        eprintln!("{name}: {} findings live, {} in the export", findings(&live).len(), findings(&of_export).len());
    }
}

/// What APIs return with secrets in every field, and what they say of failures, comes out of no report, no
/// snapshot and no trace.
#[test]
fn planted_secrets_come_out_of_no_live_run() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let mut held = server::State::default();
    held.takes_tokens_of = Some(CLUSTER.to_owned());
    for (name, document) in planted::planted() {
        if let Some(items) = document["items"].as_array() {
            let kind = document["kind"].as_str().unwrap().trim_end_matches("List").to_owned();
            let version = document["apiVersion"].as_str().unwrap().to_owned();
            let end = if kind.ends_with("ss") { "es" } else { "s" };
            held.lists.insert(kind.to_lowercase() + end, (kind, version, items.clone()));
        } else if name != "job-run.json" {
            std::fs::write(folder.path().join(name), document.to_string()).unwrap();
        }
    }
    assert!(held.lists.len() > 8 && held.lists.contains_key("pods") && held.lists.contains_key("ingresses"));
    held.fault = Some(("namespaces".to_owned(), server::Fault::Talkative));
    let kubernetes = server::Server::start(held);
    let mut recorded = aws::State::of_export(folder.path(), "us-east-1");
    let caller = format!("arn:aws:iam::{ACCOUNT}:user/me");
    recorded.put("sts:GetCallerIdentity", "", json!({"UserId": "A", "Account": ACCOUNT, "Arn": caller}));
    recorded.change("eks:DescribeCluster", CLUSTER, |answer| {
        answer["cluster"]["endpoint"] = kubernetes.endpoint.clone().into();
        answer["cluster"]["certificateAuthority"] = json!({"data": kubernetes.authority});
    });
    let server = aws::Server::start(recorded, 100);
    let mut leaks = Vec::new();
    let mut asked = BTreeSet::new();
    for fault in [None, Some("eks:ListAddons"), Some("ec2:DescribeSubnets"), Some("iam:ListOpenIDConnectProviders")] {
        server.fail(fault.map(|operation| (operation, aws::Fault::Talkative)));
        for arguments in [
            &["--live", "-v"][..],
            &["--live", "-v", "--format", "json"],
            &["--live", "-v", "--format", "sarif"],
            &["snapshot", "--live", "-v", "-o", "-"],
        ] {
            if fault.is_some() && arguments.contains(&"--format") {
                continue;
            }
            let mut command = program(&server.url);
            command
                .current_dir(folder.path())
                .env("AWS_REGION", "us-east-1")
                .env("RUST_LOG", "trace")
                .env("RUST_BACKTRACE", "1");
            let output = command.args(arguments).args(["--timeout", "60"]).output().unwrap();
            let (out, trace) = (text(&output.stdout), text(&output.stderr));
            assert!(out.len() > 1000 && trace.contains("/api/v1/pods"), "{arguments:?}: {out}{trace}");
            assert!(fault.is_none_or(|_| out.contains("ValidationException")), "{arguments:?}: {out}");
            for secret in ["planted/secret/key", "k8s-aws-v1", "AKIDPLANTED", "X-Amz-Signature"] {
                assert!(!trace.contains(secret) && !out.contains(secret), "{arguments:?}: {secret}");
            }
            assert!(!trace.contains("Bearer"), "{trace}");
            leaks.extend(planted::leaks(&format!("{fault:?} {arguments:?} out"), &out));
            leaks.extend(planted::leaks(&format!("{fault:?} {arguments:?} trace"), &trace));
        }
        // Once is enough; the server would be asked again and again.
        kubernetes.state.lock().unwrap().fault = None;
        asked.extend(server.seen().into_keys().map(|(operation, _)| operation));
    }
    assert!(leaks.is_empty(), "{} leaks\n{}", leaks.len(), leaks.join("\n"));
    // The secrets were really asked for: nothing of it would be shown if nothing were read.
    for operation in [
        "eks:DescribeNodegroup",
        "emr-serverless:GetApplication",
        "emr:DescribeCluster",
        "iam:GetAccountAuthorizationDetails",
    ] {
        assert!(asked.contains(operation), "{asked:?}");
    }
}

/// Clusters in two accounts and two regions.
fn two_accounts(moto: &moto::Moto) -> Vec<String> {
    let own = config(&moto.url, "us-east-1", credentials());
    let mut clusters = Vec::new();
    for (account, region, name) in [
        ("111111111111", "us-east-1", "one"),
        ("222222222222", "eu-west-1", "two"),
        ("222222222222", "us-east-1", "three"),
    ] {
        let config = config(
            &moto.url,
            region,
            moto::on_a_runtime(async {
                let sts = aws_sdk_sts::Client::new(&own);
                let role = format!("arn:aws:iam::{account}:role/Reader");
                let assumed = sts.assume_role().role_arn(role).role_session_name("make").send().await.unwrap();
                let given = assumed.credentials().unwrap();
                let (id, secret) = (given.access_key_id(), given.secret_access_key());
                Credentials::new(id, secret, Some(given.session_token().to_owned()), None, "test")
            }),
        );
        moto::on_a_runtime(async {
            let vpc = aws_sdk_eks::types::VpcConfigRequest::builder().subnet_ids("subnet-1").build();
            let request = aws_sdk_eks::Client::new(&config).create_cluster().name(name).resources_vpc_config(vpc);
            request.role_arn(format!("arn:aws:iam::{account}:role/Eks")).send().await.unwrap();
            let nobody = json!({"Version": "2012-10-17", "Statement": []}).to_string();
            let request = aws_sdk_iam::Client::new(&config).create_role().role_name(format!("in-{name}"));
            request.assume_role_policy_document(nobody).send().await.unwrap();
        });
        clusters.push(format!("arn:aws:eks:{region}:{account}:cluster/{name}"));
    }
    clusters.sort();
    clusters
}

#[test]
fn several_accounts_and_regions_are_one_run() {
    let Some(moto) = moto::start() else { return };
    let clusters = two_accounts(&moto);
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let secrets = file(
        "credentials",
        "[base]\naws_access_key_id = AKIDPLANTEDPLANTED\naws_secret_access_key = planted/secret/key\n",
    );
    let profiles = file(
        "config",
        "[profile base]\nregion = us-east-1\n\
        [profile first]\nrole_arn = arn:aws:iam::111111111111:role/Reader\nsource_profile = base\nregion = us-east-1\n\
        [profile second]\nrole_arn = arn:aws:iam::222222222222:role/Reader\nsource_profile = base\nregion = eu-west-1\n",
    );
    let run = |arguments: &[&str]| {
        let mut command = program(&moto.url);
        command.env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY");
        command.env("AWS_CONFIG_FILE", &profiles).env("AWS_SHARED_CREDENTIALS_FILE", &secrets);
        command.args(arguments).output().unwrap()
    };
    let roles = ["arn:aws:iam::111111111111:role/Reader", "arn:aws:iam::222222222222:role/Reader"];
    let by_roles = ["--profile", "base", "--assume-role", roles[0], "--assume-role", roles[1]];
    let regions = ["--region", "us-east-1", "--region", "eu-west-1"];
    let whole = clusters.clone();
    let own: Vec<String> = clusters.iter().filter(|arn| !arn.ends_with("three")).cloned().collect();
    for (name, who, expected, scopes) in [
        // Each profile in its own region.
        ("profiles", ["--profile", "first", "--profile", "second"].to_vec(), &own, 2),
        ("profiles and regions", [&["--profile", "first", "--profile", "second"][..], &regions].concat(), &whole, 4),
        ("roles and regions", [&by_roles[..], &regions].concat(), &whole, 4),
    ] {
        let arguments = [&["snapshot", "--live", "-o", "-"][..], &who].concat();
        let output = run(&arguments);
        assert_eq!(output.status.code(), Some(0), "{name}: {}", text(&output.stderr));
        let state: Value = serde_json::from_slice(&output.stdout).unwrap();
        let found: Vec<&str> =
            state["eks"]["clusters"].as_array().unwrap().iter().map(|one| one["arn"].as_str().unwrap()).collect();
        assert_eq!(found, *expected, "{name}");
        let coverage = state["sparkcheck"]["coverage"].as_array().unwrap();
        let of = |collection: &str| -> BTreeMap<String, String> {
            let entries = coverage.iter().filter(|entry| entry["collection"] == collection);
            entries.map(|entry| (entry["scope"].to_string(), entry["state"].to_string())).collect()
        };
        assert_eq!(of("eks.clusters").len(), scopes, "{name}: {:?}", of("eks.clusters"));
        assert_eq!(of("iam.roles").into_keys().collect::<Vec<_>>(), ["\"111111111111\"", "\"222222222222\""], "{name}");
        let roles: BTreeSet<&str> =
            state["iam"]["roles"].as_array().unwrap().iter().map(|role| role["RoleName"].as_str().unwrap()).collect();
        assert_eq!(roles, ["in-one", "in-three", "in-two"].into(), "{name}");
        // A cluster whose API cannot be reached is told of with what to do.
        let gap = |gap: &&Value| gap["what"].as_str().is_some_and(|what| what.starts_with("kubernetes."));
        assert!(
            state["sparkcheck"]["gaps"]
                .as_array()
                .into_iter()
                .flatten()
                .filter(gap)
                .all(|gap| gap["unblock"].is_string())
        );
        assert!(!text(&output.stdout).contains("planted"));
    }
    // One that does not exist does not keep the others from being read; where there is none at all, nothing is.
    let output = run(&["snapshot", "--live", "-o", "-", "--profile", "first", "--profile", "nobody"]);
    let state: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", text(&output.stderr)));
    assert_eq!(state["eks"]["clusters"].as_array().unwrap().len(), 1);
    assert!(text(&output.stdout).contains("profile `nobody`"), "{}", text(&output.stdout));
    let output = run(&["--live", "--profile", "nobody", "--region", "us-east-1"]);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("profile `nobody`"), "{}", text(&output.stderr));

    let explained = text(&run(&[&["--live", "--explain-calls"][..], &by_roles, &regions].concat()).stdout);
    for line in ["    2+  sts:GetCallerIdentity (takes no permission)", "    4+  eks:ListClusters"] {
        assert!(explained.contains(line), "{line}: {explained}");
    }
    for role in roles {
        assert!(explained.contains(role), "{explained}");
    }
}
