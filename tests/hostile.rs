//! Bad input, from the disk to the estate: each kind is a clear gap or a clear error, and never a panic.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use serde_json::json;
use sparkcheck::estate::Estate;
use sparkcheck::read::{Input, Options, ReadError, locate, read};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use tempfile::TempDir;

const ROLES: &str = r#"{"Roles": [{"RoleName": "good", "Arn": "arn:aws:iam::111122223333:role/good", "AssumeRolePolicyDocument": {}}]}"#;

/// A folder with these files and one good one.
fn folder(files: &[(&str, &[u8])]) -> TempDir {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("good.json"), ROLES).unwrap();
    for (name, content) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    folder
}

fn estate(path: &Path) -> Estate {
    read(&[Input::Path(path.to_owned())], &Options::default()).unwrap()
}

/// The only gap that a file beside a good one leaves: why, its place without the folder, what to do.
fn gap(name: &str, content: &[u8]) -> (String, String, Option<String>) {
    let folder = folder(&[(name, content)]);
    let estate = estate(folder.path());
    assert_eq!(estate.items("iam.roles").len(), 1, "the good file is read all the same");
    let [gap] = estate.gaps.as_slice() else { panic!("{name}: {:?}", estate.gaps) };
    let base = format!("{}/", folder.path().display());
    (gap.why.replace(&base, ""), gap.place.clone().unwrap().replace(&base, ""), gap.unblock.clone())
}

#[test]
fn what_is_ours_and_cannot_be_read_is_a_gap() {
    let deep = format!("{{\"apiVersion\": {}", "[".repeat(10_000));
    let deep_yaml = format!("apiVersion: v1\na: {}", "[".repeat(10_000));
    let block_yaml = (0..300).fold("apiVersion: v1\n".to_owned(), |mut text, level| {
        writeln!(text, "{}a:", " ".repeat(level)).unwrap();
        text
    });
    let mut bomb = "apiVersion: v1\na0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
        writeln!(bomb, "a{level}: &a{level} [{aliases}]").unwrap();
    }
    let cut = &ROLES[..90];
    let double = r#"{"Roles": [], "Roles": [{"Arn": "arn:aws:iam::111122223333:role/x"}]}"#;
    let utf16: Vec<u8> = format!("\u{feff}{ROLES}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut nul = ROLES.as_bytes().to_vec();
    nul.insert(20, 0);
    let mut not_utf8 = ROLES.as_bytes().to_vec();
    not_utf8.insert(13, 0xff);
    let cases: &[(&str, &[u8], &str, &str)] = &[
        ("x.json", b"{\"Roles\": [\"arn:aws:iam\", nope]}", "expected ident", "x.json:1:"),
        ("x.json", cut.as_bytes(), "the text ends in the middle: the file was cut off", "x.json:1:"),
        ("x.json", deep.as_bytes(), "nested more than 128 deep", "x.json:1:"),
        ("x.yaml", deep_yaml.as_bytes(), "nested more than 128 deep", "x.yaml:2:"),
        ("x.yaml", block_yaml.as_bytes(), "nested more than 128 deep", "x.yaml:130:"),
        ("x.yaml", bomb.as_bytes(), "the aliases expand to more than 100000 values", "x.yaml:"),
        ("x.json", double.as_bytes(), "the key `Roles` stands here a second time", "x.json:1:21"),
        ("x.json", &utf16, "it is UTF-16, as PowerShell's redirection writes", "x.json"),
        ("x.json", &nul, "it holds a NUL byte at line 1, column 21", "x.json"),
        ("x.json", &not_utf8, "it is not UTF-8 at line 1, column 14", "x.json"),
        ("x.json.gz", &[0x1f, 0x8b, 8, 0, 1, 2], "it cannot be unpacked", "x.json.gz"),
    ];
    for (name, content, why, place) in cases {
        let (found, found_place, unblock) = gap(name, content);
        assert!(found.starts_with(&format!("`{name}` cannot be read: {why}")), "{found}");
        assert!(found_place.starts_with(place), "{found_place} {why}");
        assert!(unblock.is_some(), "{why}");
    }
    let (_, _, unblock) = gap("x.json", &utf16);
    assert_eq!(unblock.as_deref(), Some("export again with `| Out-File -Encoding utf8 FILE`"));
}

#[test]
fn broken_code_is_told_of() {
    let role = "resource \"aws_iam_role\" \"job\" {\n  name = \"job\"\n";
    let plan = r#"{"format_version": "1.2", "terraform_version": "1.9.0", "planned_values": {"root_module": {"#;
    for (name, content, place) in [("main.tf", role, "main.tf:"), ("plan.json", plan, "plan.json")] {
        let folder = folder(&[(name, content.as_bytes())]);
        let gaps = estate(folder.path()).gaps;
        assert!(gaps.iter().any(|gap| gap.place.as_deref().is_some_and(|at| at.contains(place))), "{name}: {gaps:?}");
    }
}

#[test]
fn a_script_with_a_manifest_in_it_is_a_script() {
    let script = "#!/bin/bash\nif [ -n \"$X\" ]; then\n  echo x\nfi\ncat <<EOF > cluster.yaml\napiVersion: eksctl.io/v1alpha5\nkind: \
                  ClusterConfig\nmetadata: {name: spark, region: eu-west-1, version: \"1.34\"}\nEOF\neksctl create cluster -f cluster.yaml\n";
    let estate = estate(folder(&[("set-up.sh", script.as_bytes())]).path());
    assert_eq!(estate.gaps, []);
}

#[test]
fn what_is_not_ours_is_passed_over_and_counted() {
    let folder = folder(&[
        ("package.json", b"{\"name\": \"x\", \"dependencies\": {}}"),
        ("broken.json", b"{\"name\": "),
        ("values.yaml", b"a: {{ .Values.a }}\napiVersion: {{ .Values.b }}\n"),
        ("main.go", b"package main"),
        ("photo.json", b"\x89PNG\x00\x01"),
        ("notes.txt", b"remember the milk"),
        ("kubeconfig.yaml", b"apiVersion: v1\nkind: Config\nusers: [{user: {token: hush}}]\n"),
        (".git/x.json", ROLES.as_bytes()),
        ("node_modules/x.json", b"{\"Roles\": ["),
        ("empty.json", b""),
    ]);
    let estate = estate(folder.path());
    assert_eq!(estate.gaps, []);
    assert_eq!(estate.passed_over.iter().map(|kind| kind.count).sum::<usize>(), 8);
    let kinds: Vec<&str> = estate.passed_over.iter().map(|kind| kind.what.as_str()).collect();
    assert!(kinds.contains(&"templates that are not rendered") && kinds.contains(&"empty files"), "{kinds:?}");
    assert!(!format!("{estate:?}").contains("hush"));
}

#[test]
fn a_byte_order_mark_is_no_fault() {
    let who = b"\xef\xbb\xbf{\"UserId\": \"A\", \"Account\": \"111122223333\", \"Arn\": \"arn:aws:iam::111122223333:user/a\"}";
    let folder = folder(&[("who.json", who)]);
    let estate = estate(folder.path());
    assert_eq!(estate.document["sts"]["callerIdentity"]["UserId"], "A");
    assert_eq!(estate.gaps, []);
}

#[test]
fn names_keep_their_control_characters() {
    let role = b"{\"Role\": {\"RoleName\": \"a\\u001b[31m\\u202e\", \"Arn\": \"arn:aws:iam::111122223333:role/a\"}}";
    let folder = folder(&[("x.json", role)]);
    assert_eq!(estate(folder.path()).items("iam.roles")[1]["RoleName"], "a\u{1b}[31m\u{202e}");
}

#[test]
fn an_unreadable_policy_is_unknown_and_the_rest_is_known() {
    let folder = folder(&[(
        "x.json",
        b"{\"Role\":\n{\"RoleName\": \"x\", \"Arn\": \"arn:aws:iam::111122223333:role/x\",\n \"AssumeRolePolicyDocument\": \"{\\\"Statement\\\": [\"}}",
    )]);
    let estate = estate(folder.path());
    let role = &estate.items("iam.roles")[1];
    assert_eq!(role["RoleName"], "x");
    let unknown = role["AssumeRolePolicyDocument"]["$unknown"].as_str().unwrap();
    assert!(unknown.starts_with("the policy could not be read: "), "{unknown}");
    let [gap] = estate.gaps.as_slice() else { panic!("{:?}", estate.gaps) };
    assert!(gap.place.as_ref().unwrap().ends_with("x.json:3:30"), "{gap:?}");
    assert!(gap.why.starts_with("the policy at `/Role/AssumeRolePolicyDocument` could not be read: "), "{gap:?}");
}

#[test]
fn nothing_at_all_is_an_error_that_says_what_was_tried() {
    let empty = TempDir::new().unwrap();
    let missing = empty.path().join("missing");
    for (path, expected) in [(empty.path(), "nothing was recognised in"), (missing.as_path(), "cannot be read: ")] {
        let error = read(&[Input::Path(path.to_owned())], &Options::default()).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
        assert!(miette::Diagnostic::help(&error).is_some());
    }
    let cut = empty.path().join("roles.json");
    fs::write(&cut, "{\"Roles\": [").unwrap();
    let error = read(&[Input::Path(cut)], &Options::default()).unwrap_err();
    let ReadError::NothingRecognised { help, .. } = error else { panic!("{error}") };
    assert!(help.contains("the file was cut off"), "{help}");
    let error = read(&[Input::Stdin(b"hello".to_vec())], &Options::default()).unwrap_err();
    assert_eq!(error.to_string(), "nothing was recognised in standard input");
}

#[cfg(unix)]
#[test]
fn giants_loops_and_devices_cost_nothing() {
    use std::os::unix::fs::symlink;
    let outside = TempDir::new().unwrap();
    fs::write(outside.path().join("other.json"), ROLES.replace("good", "outside")).unwrap();
    let folder = folder(&[]);
    let at = |name: &str| folder.path().join(name);
    fs::File::create(at("sparse.json")).unwrap().set_len(1 << 30).unwrap();
    symlink(folder.path(), at("loop")).unwrap();
    symlink("b.json", at("a.json")).unwrap();
    symlink("a.json", at("b.json")).unwrap();
    symlink(outside.path(), at("out")).unwrap();
    symlink(outside.path().join("other.json"), at("out.json")).unwrap();
    let fifo = std::process::Command::new("mkfifo").arg(at("fifo.json")).status().unwrap();
    assert!(fifo.success());
    let estate = estate(folder.path());
    assert_eq!(estate.items("iam.roles").len(), 1);
    let [gap] = estate.gaps.as_slice() else { panic!("{:?}", estate.gaps) };
    assert!(gap.why.ends_with("cannot be read: it has 1024 MiB; files above 512 MiB are not read"), "{gap:?}");
    let error = read(&[Input::Path(at("fifo.json"))], &Options::default()).unwrap_err();
    assert!(error.to_string().ends_with("it is neither a file nor a folder"), "{error}");
}

#[test]
fn a_declaration_may_not_lead_out_of_its_folder() {
    let outside = TempDir::new().unwrap();
    let job = outside.path().join("job.json");
    fs::write(&job, "{\"jobDriver\": {}, \"releaseLabel\": \"emr-7.10.0-latest\"}").unwrap();
    for (path, expected) in [
        (job.to_str().unwrap(), "is outside of this file's folder"),
        ("missing.json", "cannot be read"),
        ("good.json", "is not a job request"),
    ] {
        let text = format!("[[rollout]]\njobs = ['{path}']\n");
        let folder = folder(&[("sparkcheck.toml", text.as_bytes())]);
        let error = read(&[Input::Path(folder.path().to_owned())], &Options::default()).unwrap_err();
        let ReadError::Declaration(mistake) = error else { panic!("{error}") };
        assert!(mistake.message.contains(expected), "{}", mistake.message);
        assert_eq!(text[mistake.span.offset()..][..mistake.span.len()], format!("'{path}'"));
    }
}

#[test]
fn documents_of_the_wrong_shape_do_no_harm() {
    let values = [
        json!(null),
        json!(1),
        json!("x"),
        json!([]),
        json!({}),
        json!([[]]),
        json!([null]),
        json!({"a": {}}),
        json!({"Arn": "arn:aws:iam::111122223333:role/x"}),
        json!({"$unknown": "x"}),
    ];
    let keys = "Roles Role RoleDetailList Policies AttachedPolicies PolicyNames PolicyVersion clusters accessEntries \
        accessEntry associations virtualClusters jobRuns jobRun Clusters Cluster InstanceGroups Steps \
        OpenIDConnectProviderList sparkcheck iam kubernetes items BlockPublicAccessConfiguration sparkClusters \
        jobDriver artifact_uri Subnets session declarations jobRequests batchProcessingGateways";
    for key in keys.split_whitespace() {
        for value in &values {
            for more in [
                json!({}),
                json!({"sparkcheck": {"format": 1, "coverage": value, "gaps": value}}),
                json!({"apiVersion": "v1", "kind": "List", "metadata": value}),
                json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "aws-auth"}, "data": value}),
                json!({"queues": [], "releaseLabel": "x", "IsTruncated": true, "Marker": "m"}),
            ] {
                let mut document = more;
                document[key] = value.clone();
                let request = br#"{"jobDriver": {}, "releaseLabel": "x"}"#;
                let folder = folder(&[
                    ("a.json", document.to_string().as_bytes()),
                    ("b.json", request),
                    (".env", b"SPARKPILOT_X=1"),
                    ("c.json", b"{\"apiVersion\": \"v1\", \"kind\": \"Pod\", \"metadata\": {\"name\": \"x\"}}"),
                    ("d.json", b"{\"sparkClusters\": [], \"queues\": []}"),
                ]);
                let estate = estate(folder.path());
                let pointers = estate.origins.find("/iam/roles/0/Arn").map(|origin| (origin.source, origin.pointer));
                let spans = locate(&estate.sources, &pointers.into_iter().collect::<Vec<_>>());
                assert!(spans.iter().all(Option::is_some), "{document}");
                assert!(estate.to_snapshot().is_object());
            }
        }
    }
}
