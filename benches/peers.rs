//! Infrastructure code, beside other checkers on the same trees, and large plans by themselves.
//!
//! checkov, cfn-lint and cfn-guard are installed under `target/peers`, pinned, the first time. They ask
//! other things than we do; the ratios say whether a pipeline that runs them would notice one more. A
//! plan's cost is told as a multiple of parsing it with `serde_json`, and its memory as one of its size.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a bench, like a test, has nobody to report to")]

use serde_json::{Value, json};
use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

fn main() {
    // `cargo test --benches` only wants to see that it starts.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let alone = std::env::args().any(|argument| argument == "plans");
    if !alone {
        beside_peers();
    }
    plans();
}

fn fixture(form: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/code").join(format!("the-live-run-as-found.{form}"))
}

fn mended_plan() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/code/the-live-run-mended.plan/plan.json")
}

/// Every checker over every tree that it reads; theirs as a multiple of ours.
fn beside_peers() {
    let peers = Peers::installed();
    let trees = tempfile::tempdir().unwrap();
    println!("tree                     files  KB      sparkcheck ms  checkov  cfn-lint  cfn-guard");
    for (form, copies) in [("cloudformation", 1), ("cloudformation", 40), ("hcl", 1), ("hcl", 40), ("plan", 1)] {
        let tree = trees.path().join(format!("{form}-{copies}"));
        for copy in 0..copies {
            copy_all(&fixture(form), &tree.join(format!("stage-{copy:02}")));
        }
        let files = files(&tree);
        let ours = time(15, || sparkcheck(&tree));
        let templates: Vec<&PathBuf> = files.iter().filter(|file| file.ends_with("template.yaml")).collect();
        let checkov = time(1, || {
            let mut command = peers.python("checkov");
            command.args(["--quiet", "--compact", "--skip-download", "-d"]).arg(&tree);
            command
        });
        let of_templates = |command: &dyn Fn() -> Command| {
            let time = (!templates.is_empty()).then(|| time(1, command));
            time.map_or_else(|| "-".to_owned(), |time| ratio(time, ours))
        };
        let cfn_lint = of_templates(&|| {
            let mut command = peers.python("cfn-lint");
            command.args(&templates);
            command
        });
        let cfn_guard = of_templates(&|| {
            let mut command = Command::new(peers.0.join("bin/cfn-guard"));
            command.args(["validate", "--rules"]).arg(peers.0.join("roles.guard")).arg("--data").args(&templates);
            command
        });
        println!(
            "{:<23}  {:<5}  {:<6}  {:<13.1}  {:<7}  {cfn_lint:<8}  {cfn_guard}",
            format!("{form} x {copies}"),
            files.len(),
            files.iter().map(|file| file.metadata().unwrap().len()).sum::<u64>() / 1000,
            ours.as_secs_f64() * 1e3,
            ratio(checkov, ours),
        );
    }
}

/// Plans of several sizes: the time as a multiple of parsing, the most memory as one of the plan's size.
fn plans() {
    let plan: Value = serde_json::from_slice(&fs::read(mended_plan()).unwrap()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    println!("\nplan MB  modules  parse ms  time  memory");
    for modules in [15, 60, 240] {
        let path = folder.path().join("plan.json");
        let text = serde_json::to_vec(&repeated(&plan, modules)).unwrap();
        fs::write(&path, &text).unwrap();
        let parse = (0..3).map(|_| {
            let start = Instant::now();
            let value = black_box(serde_json::from_slice::<Value>(&text).unwrap());
            let time = start.elapsed();
            drop(value);
            time
        });
        let parse = parse.min().unwrap();
        let ours = time(2, || sparkcheck(&path));
        println!(
            "{:<7.1}  {modules:<7}  {:<8.0}  {:<4}  {:.2}",
            text.len() as f64 / 1e6,
            parse.as_secs_f64() * 1e3,
            ratio(ours, parse),
            most_memory(&mut sparkcheck(&path)) / text.len() as f64,
        );
    }
}

/// An update of as many modules like the plan's root, each with as much of other trades beside it as a
/// platform has: ten resources for one of ours.
fn repeated(plan: &Value, modules: usize) -> Value {
    let mut whole = plan.clone();
    let planned = plan["planned_values"]["root_module"]["resources"].as_array().unwrap();
    let changes = plan["resource_changes"].as_array().unwrap();
    let called: Vec<Value> = (0..modules)
        .map(|module| {
            let ours = planned.iter().map(|resource| of_module(resource, module));
            let resources: Vec<Value> =
                ours.chain((0..10 * planned.len()).map(|number| record(module, number))).collect();
            json!({"address": format!("module.stage_{module}"), "resources": resources})
        })
        .collect();
    let mut changed: Vec<Value> = Vec::new();
    for module in 0..modules {
        for change in changes {
            let mut change = of_module(change, module);
            change["change"]["before"] = change["change"]["after"].clone();
            changed.push(change);
        }
        for number in 0..10 * planned.len() {
            let mut record = record(module, number);
            let values = record["values"].take();
            record["change"] = json!({"actions": ["update"], "before": values, "after": values, "after_unknown": {}});
            changed.push(record);
        }
    }
    let root = json!({"child_modules": called});
    whole["prior_state"] = json!({"format_version": "1.0", "values": {"root_module": root}});
    whole["planned_values"]["root_module"] = root;
    whole["resource_changes"] = changed.into();
    let calls = (0..modules).map(|module| {
        let call = json!({"source": "./stage", "module": plan["configuration"]["root_module"]});
        (format!("stage_{module}"), call)
    });
    whole["configuration"]["root_module"] = json!({"module_calls": calls.collect::<Value>()});
    whole
}

/// A resource or a change of the root module as one of a called module, with names of its own.
fn of_module(resource: &Value, module: usize) -> Value {
    let mut resource = resource.clone();
    resource["address"] = format!("module.stage_{module}.{}", resource["address"].as_str().unwrap()).into();
    for values in ["/values", "/change/after"] {
        for key in ["name", "cluster_name", "role"] {
            if let Some(Value::String(name)) = resource.pointer_mut(&format!("{values}/{key}")) {
                name.push_str(&format!("-{module}"));
            }
        }
    }
    resource
}

/// A resource of another trade.
fn record(module: usize, number: usize) -> Value {
    json!({
        "address": format!("module.stage_{module}.aws_route53_record.host[{number}]"),
        "mode": "managed", "type": "aws_route53_record", "name": "host", "index": number,
        "provider_name": "registry.terraform.io/hashicorp/aws", "schema_version": 2,
        "values": {
            "name": format!("host-{number}.stage-{module}.example.com"), "type": "A", "ttl": 300, "zone_id": "Z0ABCDEFGHIJKL",
            "records": (0..10).map(|last| format!("10.{}.{}.{last}", module % 256, number % 256)).collect::<Vec<_>>(),
            "alias": [], "health_check_id": null, "set_identifier": null, "geolocation_routing_policy": [],
        },
        "sensitive_values": {"alias": [], "records": [false, false, false, false, false]},
    })
}

fn sparkcheck(input: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sparkcheck"));
    command.args(["--today", "2026-03-01"]).arg(input);
    command
}

/// The shortest of several runs; whatever else the machine does only ever adds to one.
fn time(runs: usize, command: impl Fn() -> Command) -> Duration {
    let run = |_| {
        let start = Instant::now();
        command().stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
        start.elapsed()
    };
    (0..runs).map(run).min().unwrap()
}

/// The most bytes that a program held at once, as Linux counts them.
fn most_memory(command: &mut Command) -> f64 {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut most = 0.0_f64;
    while child.try_wait().unwrap().is_none() {
        let text = fs::read_to_string(&status).unwrap_or_default();
        let high = text.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB"));
        most = most.max(high.and_then(|high| high.parse::<f64>().ok()).unwrap_or_default() * 1024.0);
        std::thread::sleep(Duration::from_millis(2));
    }
    most
}

fn ratio(theirs: Duration, ours: Duration) -> String {
    let ratio = theirs.as_secs_f64() / ours.as_secs_f64();
    if ratio < 10.0 { format!("{ratio:.1}") } else { format!("{ratio:.0}") }
}

fn copy_all(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_all(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// The folder under `target` with the other checkers.
struct Peers(PathBuf);

impl Peers {
    fn installed() -> Self {
        let home = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/peers");
        let venv = home.join("python");
        if !venv.join("bin/cfn-lint").exists() {
            done(Command::new("python3").args(["-m", "venv"]).arg(&venv));
            let mut pip = Command::new(venv.join("bin/pip"));
            done(pip.args(["install", "--quiet", "checkov==3.3.30", "cfn-lint==1.58.0"]));
        }
        if !home.join("bin/cfn-guard").exists() {
            let mut cargo = Command::new(env!("CARGO"));
            cargo.args(["install", "--quiet", "--locked", "cfn-guard@3.1.2", "--root"]).arg(&home);
            done(cargo.arg("--target-dir").arg(home.join("build")));
        }
        fs::write(home.join("roles.guard"), ROLES).unwrap();
        Self(home)
    }

    fn python(&self, name: &str) -> Command {
        Command::new(self.0.join("python/bin").join(name))
    }
}

/// Something for cfn-guard to ask, which comes without rules.
const ROLES: &str = r#"
rule roles_say_who_may_assume_them {
    Resources.*[ Type == 'AWS::IAM::Role' ] {
        Properties.AssumeRolePolicyDocument.Statement[*] {
            Effect exists
            Principal exists
            Principal != '*'
        }
    }
}
rule clusters_keep_logs {
    Resources.*[ Type == 'AWS::EKS::Cluster' ] { Properties.Logging exists }
}
"#;

fn done(command: &mut Command) {
    assert!(command.status().unwrap().success(), "{command:?}");
}
