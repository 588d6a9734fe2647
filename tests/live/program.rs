//! The program itself: its reports, its traces, and its end.

use super::*;

/// The program itself, with nothing of this machine's configuration.
fn program(server: &Server, folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sparkcheck"));
    environment(&mut command, server, folder).args(["--live", "--today", story::TODAY, "--format", "json"]);
    command
}

fn environment<'c>(command: &'c mut Command, server: &Server, folder: &Path) -> &'c mut Command {
    command
        .current_dir(folder)
        .env("AWS_ENDPOINT_URL", &server.url)
        .env("AWS_ACCESS_KEY_ID", "AKIDPLANTEDPLANTED")
        .env("AWS_SECRET_ACCESS_KEY", "planted/secret/key")
        .env("AWS_SESSION_TOKEN", "planted-session-token")
        .env("AWS_REGION", "us-east-1")
        .env("AWS_CONFIG_FILE", "/dev/null")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env_remove("AWS_PROFILE")
}

#[test]
fn the_program_reads_live() {
    for (name, code) in [("serverless-nightly-as-found", 1), ("serverless-nightly-mended", 0)] {
        let (folder, state) = state_of(name);
        let server = Server::start(state, 100);
        // Declared rollouts say what the run is about.
        let inputs: Vec<String> = beside(&folder)
            .iter()
            .map(|input| match input {
                Input::Path(path) => path.to_string_lossy().into_owned(),
                Input::Stdin(_) => unreachable!(),
            })
            .collect();
        let run = || program(&server, &folder).args(&inputs).arg("-v").output().unwrap();
        let (one, other) = (run(), run());
        let (out, trace) = (String::from_utf8(one.stdout).unwrap(), String::from_utf8(one.stderr).unwrap());
        assert_eq!(one.status.code(), Some(code), "{name}: {out}{trace}");
        assert_eq!(out, String::from_utf8(other.stdout).unwrap(), "{name}: the same state, other bytes");
        assert!(trace.contains("emr-serverless:GetApplication") && trace.contains(" ms"), "{trace}");
        assert!(!trace.contains("planted") && !trace.contains("AKID") && !trace.contains('{'), "{trace}");
        assert!(!out.contains("planted"), "{out}");
        let report: Value = serde_json::from_str(&out).unwrap();
        assert!(report["inputs"].as_array().unwrap().iter().any(|input| input["kind"] == "get-application"));

        // One refused call: never green, and the permission is named.
        server.fail(Some(("iam:GetAccountAuthorizationDetails", Fault::Denied)));
        let refused = run();
        let out = String::from_utf8(refused.stdout).unwrap();
        assert_ne!(refused.status.code(), Some(0), "{out}");
        assert!(out.contains("grant `iam:GetAccountAuthorizationDetails`"), "{out}");
        assert!(refused.status.code() == Some(3) || code == 1, "{name}: {:?}", refused.status);
    }
}

#[test]
fn without_credentials_the_run_cannot_be_done() {
    let server = Server::start(large(1, 1), 100);
    let mut command = program(&server, Path::new(env!("CARGO_TARGET_TMPDIR")));
    for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"] {
        command.env_remove(name);
    }
    let output = command.args(["--cluster", "spark-0"]).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("AWS cannot be asked") && said.contains("--profile"), "{said}");
    assert_eq!(server.seen().len(), 0);

    let explained = program(&server, Path::new(env!("CARGO_TARGET_TMPDIR")));
    let output = { explained }.args(["--cluster", "spark-0", "--explain-calls"]).output().unwrap();
    assert!(String::from_utf8(output.stdout).unwrap().contains("eks:DescribeNodegroup"));
    assert_eq!(server.seen().len(), 0);
}

/// A snapshot that is ended in mid-flight, politely or not, leaves what was there as it was, and nothing else.
#[cfg(unix)]
#[test]
fn an_ended_snapshot_leaves_no_half_of_a_file() {
    for (signal, code, said) in [("-INT", Some(2), "interrupted"), ("-TERM", None, ""), ("-KILL", None, "")] {
        for before in [None, Some("a snapshot of yesterday")] {
            let server = Server::start(large(20, 2), 100);
            server.fail(Some(("iam:GetAccountAuthorizationDetails", Fault::Silent)));
            let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
            let path = folder.path().join("state.json.gz");
            if let Some(text) = before {
                std::fs::write(&path, text).unwrap();
            }
            let mut command = Command::new(env!("CARGO_BIN_EXE_sparkcheck"));
            let child = environment(&mut command, &server, folder.path())
                .args(["snapshot", "--live", "--cluster", "spark-0", "-o"])
                .arg(&path)
                .stdout(Stdio::null())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap();
            let begun = Instant::now();
            while server.calls() < 3 && begun.elapsed() < Duration::from_secs(20) {
                std::thread::sleep(Duration::from_millis(20));
            }
            Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
            let output = child.wait_with_output().unwrap();
            assert_eq!(output.status.code(), code, "{signal}");
            assert!(String::from_utf8_lossy(&output.stderr).contains(said), "{signal}");
            let names: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
            assert_eq!(names.len(), usize::from(before.is_some()), "{signal}: {names:?}");
            assert_eq!(std::fs::read_to_string(&path).ok().as_deref(), before, "{signal}");
        }
    }
}

#[cfg(unix)]
#[test]
fn an_interrupted_run_ends_and_writes_nothing() {
    let server = Server::start(large(1, 1), 100);
    server.fail(Some(("iam:GetAccountAuthorizationDetails", Fault::Silent)));
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let report = folder.join("interrupted.json");
    let _ = std::fs::remove_file(&report);
    let mut command = program(&server, folder);
    command.args(["--cluster", "00f1r2s3t4u5v6w7", "--output"]).arg(&report);
    let child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let begun = Instant::now();
    while server.seen().is_empty() && begun.elapsed() < Duration::from_secs(20) {
        std::thread::sleep(Duration::from_millis(20));
    }
    Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("interrupted"), "{said}");
    assert!(begun.elapsed() < Duration::from_secs(25));
    assert!(!report.exists());
}
