//! moto's server: an AWS that somebody else wrote.
//!
//! It comes from PyPI into a virtual environment under `target/`, once; without a network set
//! `SPARKCHECK_OFFLINE=1`, except in CI. It listens on this machine only, and ends with the test.

use aws_config::SdkConfig;
use aws_sdk_eks::types::{NodegroupScalingConfig, VpcConfigRequest};
use aws_sdk_emrcontainers::types::{ContainerInfo, ContainerProvider, ContainerProviderType, EksInfo};
use serde_json::json;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const PACKAGE: &str = "moto[server]==5.2.5";

const ACCOUNT: &str = "123456789012";
pub(crate) const CLUSTER: &str = "arn:aws:eks:us-east-1:123456789012:cluster/spark-live";
pub(crate) const EXECUTION_ROLE: &str = "arn:aws:iam::123456789012:role/SparkExecution";
pub(crate) const SUBMITTER: &str = "arn:aws:iam::123456789012:role/SparkSubmitter";

/// A running server.
pub(crate) struct Moto {
    pub(crate) url: String,
    child: Child,
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The server, or nothing where the user said that there is no network.
pub(crate) fn start() -> Option<Moto> {
    start_as(ACCOUNT)
}

/// The server of an account that has the policies of AWS.
pub(crate) fn start_as(account: &str) -> Option<Moto> {
    if std::env::var_os("SPARKCHECK_OFFLINE").is_some() && std::env::var_os("CI").is_none() {
        eprintln!("moto is left out, because SPARKCHECK_OFFLINE is set");
        return None;
    }
    let home = installed();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut command = Command::new(home.join("bin/moto_server"));
    if account != ACCOUNT {
        // Who has assumed a role of another account is then in this one, too.
        command.env("MOTO_ACCOUNT_ID", account);
    }
    let child = command
        .args(["-H", "127.0.0.1", "-p", &port.to_string()])
        .env("MOTO_IAM_LOAD_MANAGED_POLICIES", "true")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let moto = Moto { url: format!("http://127.0.0.1:{port}"), child };
    let begun = Instant::now();
    while !answers(port) {
        assert!(begun.elapsed() < Duration::from_secs(60), "moto does not answer");
        std::thread::sleep(Duration::from_millis(50));
    }
    Some(moto)
}

fn answers(port: u16) -> bool {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else { return false };
    let asked = stream.write_all(b"GET /moto-api/ HTTP/1.0\r\nHost: localhost\r\n\r\n");
    let mut text = String::new();
    asked.is_ok() && stream.read_to_string(&mut text).is_ok() && text.starts_with("HTTP/1")
}

/// The virtual environment, made if it is not there.
fn installed() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().to_path_buf();
    let home = target.join(format!("moto-{}", PACKAGE.rsplit('=').next().unwrap()));
    if home.join("bin/moto_server").is_file() {
        return home;
    }
    let run = |command: &mut Command| {
        let output = command.output().unwrap_or_else(|error| panic!("python3 is needed for moto: {error}"));
        assert!(output.status.success(), "moto cannot be installed: {}", String::from_utf8_lossy(&output.stderr));
    };
    run(Command::new("python3").args(["-m", "venv"]).arg(&home));
    run(Command::new(home.join("bin/pip")).args(["install", "--quiet", "--disable-pip-version-check", PACKAGE]));
    home
}

pub(crate) fn on_a_runtime<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

impl Moto {
    /// A cluster with a node group and 40 virtual clusters, 303 roles, a submitter that may not pass the
    /// execution role, and no OIDC provider.
    pub(crate) fn scenario(&self, config: SdkConfig) {
        on_a_runtime(async {
            let patience =
                aws_config::timeout::TimeoutConfig::builder().operation_attempt_timeout(Duration::from_secs(20));
            let config = config.into_builder().timeout_config(patience.build()).build();
            let iam = aws_sdk_iam::Client::new(&config);
            let nobody = json!({"Version": "2012-10-17", "Statement": []}).to_string();
            let names = (0..300).map(|at| format!("role-{at}"));
            for name in names.chain(["SparkExecution", "SparkSubmitter", "EksCluster"].map(str::to_owned)) {
                iam.create_role().role_name(name).assume_role_policy_document(&nobody).send().await.unwrap();
            }
            let start = json!({"Version": "2012-10-17", "Statement": [
                {"Effect": "Allow", "Action": ["emr-containers:StartJobRun"], "Resource": "*"}]});
            iam.put_role_policy()
                .role_name("SparkSubmitter")
                .policy_name("start")
                .policy_document(start.to_string())
                .send()
                .await
                .unwrap();
            let eks = aws_sdk_eks::Client::new(&config);
            let role = "arn:aws:iam::123456789012:role/EksCluster";
            eks.create_cluster()
                .name("spark-live")
                .role_arn(role)
                .resources_vpc_config(VpcConfigRequest::builder().subnet_ids("subnet-1").build())
                .send()
                .await
                .unwrap();
            eks.create_nodegroup()
                .cluster_name("spark-live")
                .nodegroup_name("workers")
                .node_role(role)
                .subnets("subnet-1")
                .scaling_config(NodegroupScalingConfig::builder().min_size(1).max_size(3).desired_size(2).build())
                .send()
                .await
                .unwrap();
            let containers = aws_sdk_emrcontainers::Client::new(&config);
            for at in 0..40 {
                let info = EksInfo::builder().namespace(format!("team-{at}")).build();
                let provider = ContainerProvider::builder()
                    .id("spark-live")
                    .r#type(ContainerProviderType::Eks)
                    .info(ContainerInfo::EksInfo(info))
                    .build()
                    .unwrap();
                containers
                    .create_virtual_cluster()
                    .name(format!("team-{at}"))
                    .container_provider(provider)
                    .send()
                    .await
                    .unwrap();
            }
        });
    }

    /// The OIDC provider of the cluster, and leave to pass the execution role.
    pub(crate) fn mend(&self, config: SdkConfig) {
        on_a_runtime(async {
            let (eks, iam) = (aws_sdk_eks::Client::new(&config), aws_sdk_iam::Client::new(&config));
            let cluster = eks.describe_cluster().name("spark-live").send().await.unwrap();
            let identity = cluster.cluster().unwrap().identity().unwrap().oidc().unwrap();
            iam.create_open_id_connect_provider()
                .url(identity.issuer().unwrap())
                .client_id_list("sts.amazonaws.com")
                .thumbprint_list("0123456789012345678901234567890123456789")
                .send()
                .await
                .unwrap();
            let pass = json!({"Version": "2012-10-17", "Statement": [
                {"Effect": "Allow", "Action": ["iam:PassRole"], "Resource": EXECUTION_ROLE}]});
            iam.put_role_policy()
                .role_name("SparkSubmitter")
                .policy_name("pass")
                .policy_document(pass.to_string())
                .send()
                .await
                .unwrap();
        });
    }
}
