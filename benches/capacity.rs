//! What capacity costs, as a multiple of parsing the same objects.
//!
//! `parse` is `serde_json::from_slice::<Value>` of the lists of nodes and pods. `supply` reads what is left on the
//! nodes; `one job` and `all jobs` ask whether jobs of a submitter, a driver and 500 executors fit, one of them and all
//! at once. The first table grows the nodes, thirty pods each, for one job; the second has 100 jobs.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a bench, like a test, has nobody to report to")]

use serde_json::{Value, json};
use sparkcheck::capacity::demand::{Demand, PodDemand, Role};
use sparkcheck::capacity::remedy::remedies;
use sparkcheck::capacity::{Held, fit, supply, what_if};
use std::hint::black_box;
use std::time::{Duration, Instant};

const PODS_A_NODE: usize = 30;

fn main() {
    // `cargo test --benches` only wants to see that it starts.
    let only_start = std::env::args().any(|argument| argument == "--test");
    println!("nodes  pods    MB     parse ms  supply  + one job  + remedies  + 100 jobs  answer");
    let sizes: &[usize] = if only_start { &[10] } else { &[625, 1_250, 2_500, 5_000] };
    for nodes in sizes {
        row(*nodes, 32_000, only_start);
    }
    println!("\nthe same with nodes that are nearly full");
    for nodes in sizes {
        row(*nodes, 9_000, only_start);
    }
    sweep(only_start);
}

/// A hundred rollouts of one cluster, each with a job of its own, as `check` and `fit` ask of them.
fn sweep(only_start: bool) {
    let number = if only_start { 10 } else { 1_000 };
    let (nodes, pods) = (nodes(number, 32_000), pods(number));
    let texts = [serde_json::to_vec(&nodes).unwrap(), serde_json::to_vec(&pods).unwrap()];
    let runs = if only_start { 1 } else { 3 };
    let parse = best(runs, || texts.each_ref().map(|text| serde_json::from_slice::<Value>(text).unwrap()));
    let there = supply::of_cluster(nodes.as_array().unwrap(), pods.as_array().unwrap(), &[], &[], None);
    let mut seed = 20_261_121_u64;
    let mut next = |bound: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % bound
    };
    let rollouts: Vec<Vec<Demand>> = (0..100)
        .map(|_| {
            let mut job = job();
            for pod in &mut job.pods {
                pod.cpu_milli = 500 + next(8) * 500;
                pod.memory_mib = 1024 + next(16) * 1024;
                pod.count = pod.count.min(1 + u32::try_from(next(2_000)).unwrap());
            }
            what_if::at_once(&[job], 1 + u32::try_from(next(20)).unwrap())
        })
        .collect();
    let asking = best(runs, || rollouts.iter().filter(|rollout| fit(rollout, &there).outcome.fits()).count());
    let fitting = rollouts.iter().filter(|rollout| fit(rollout, &there).outcome.fits()).count();
    println!(
        "\na sweep of {} rollouts over {number} nodes: {:.3} of parsing them; {fitting} fit",
        rollouts.len(),
        asking.as_secs_f64() / parse.as_secs_f64()
    );
}

fn row(number: usize, cpu_milli: usize, only_start: bool) {
    let (nodes, pods) = (nodes(number, cpu_milli), pods(number));
    let texts = [serde_json::to_vec(&nodes).unwrap(), serde_json::to_vec(&pods).unwrap()];
    drop((nodes, pods));
    let bytes: usize = texts.iter().map(Vec::len).sum();
    let runs = if only_start { 1 } else { 3 };
    let parse = best(runs, || texts.each_ref().map(|text| serde_json::from_slice::<Value>(text).unwrap()));
    let [nodes, pods] = texts.each_ref().map(|text| serde_json::from_slice::<Value>(text).unwrap());
    drop(texts);
    let read = || supply::of_cluster(nodes.as_array().unwrap(), pods.as_array().unwrap(), &[], &[], None);
    let supplying = best(runs, read);
    let there = read();
    let one = [job()];
    let asking = best(runs, || fit(&one, &there));
    let answer = fit(&one, &there);
    let mending =
        best(runs, || (!answer.outcome.fits()).then(|| remedies(&one, &there, &Held::default(), answer.nodes_needed)));
    let hundred = what_if::at_once(&one, 100);
    let asking_all = best(runs, || fit(&hundred, &there));
    let ratio = |time: Duration| time.as_secs_f64() / parse.as_secs_f64();
    println!(
        "{number:<6} {:<7} {:<6.1} {:<9.1} {:<7.3} {:<10.3} {:<11.3} {:<11.3} {}; {}",
        number * PODS_A_NODE,
        bytes as f64 / 1e6,
        parse.as_secs_f64() * 1e3,
        ratio(supplying),
        ratio(supplying + asking),
        ratio(supplying + asking + mending),
        ratio(supplying + asking + asking_all),
        answer.outcome,
        fit(&hundred, &there).outcome,
    );
}

/// A job of 502 pods.
fn job() -> Demand {
    let pods = vec![
        PodDemand::new(Role::Submitter, 1, 100, 200),
        PodDemand::new(Role::Driver, 1, 2000, 4505),
        PodDemand::new(Role::Executor, 500, 2000, 9523),
    ];
    Demand { pods, ..Demand::default() }
}

/// Nodes as `kubectl get nodes -o json` prints them.
fn nodes(number: usize, cpu_milli: usize) -> Value {
    let node = |at: usize| {
        json!({
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {
                "name": format!("ip-10-{}-{}-{}.ec2.internal", at / 65_536, at / 256 % 256, at % 256),
                "uid": format!("{at:032x}"),
                "creationTimestamp": "2026-02-24T19:59:11Z",
                "labels": {
                    "eks.amazonaws.com/nodegroup": "spark", "kubernetes.io/arch": "amd64", "kubernetes.io/os": "linux",
                    "node.kubernetes.io/instance-type": "m6i.8xlarge", "topology.kubernetes.io/zone": "us-east-1a",
                },
            },
            "spec": {"providerID": format!("aws:///us-east-1a/i-{at:017x}")},
            "status": {
                "allocatable": {"cpu": format!("{cpu_milli}m"), "memory": "126000000Ki", "pods": "234"},
                "capacity": {"cpu": "32", "memory": "130000000Ki", "pods": "234"},
                "conditions": [{"type": "MemoryPressure", "status": "False"}, {"type": "Ready", "status": "True"}],
            },
        })
    };
    (0..number).map(node).collect()
}

/// Pods as `kubectl get pods -A -o json` prints them, thirty a node.
fn pods(nodes: usize) -> Value {
    let pod = |at: usize| {
        let node = at / PODS_A_NODE;
        json!({
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": format!("service-{}-{at:08x}", at % 97),
                "namespace": format!("team-{}", at % 40),
                "uid": format!("{at:032x}"),
                "creationTimestamp": "2026-02-24T19:59:11Z",
                "labels": {"app": format!("service-{}", at % 97), "pod-template-hash": "6c8d7f9b54"},
                "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": format!("service-{}", at % 97)}],
            },
            "spec": {
                "nodeName": format!("ip-10-{}-{}-{}.ec2.internal", node / 65_536, node / 256 % 256, node % 256),
                "containers": [
                    {
                        "name": "main",
                        "image": "787587782916.dkr.ecr.us-east-1.amazonaws.com/service:1.4",
                        "resources": {"requests": {"cpu": "250m", "memory": "512Mi"}, "limits": {"memory": "1Gi"}},
                        "env": [{"name": "REGION", "value": "us-east-1"}],
                    },
                ],
                "serviceAccountName": "service",
                "tolerations": [{"effect": "NoExecute", "key": "node.kubernetes.io/not-ready", "operator": "Exists"}],
            },
            "status": {"phase": "Running", "podIP": "10.0.0.1", "conditions": [{"type": "Ready", "status": "True"}]},
        })
    };
    (0..nodes * PODS_A_NODE).map(pod).collect()
}

/// The shortest of several runs, without the time for taking the result apart.
fn best<T>(runs: usize, mut work: impl FnMut() -> T) -> Duration {
    let times = (0..runs).map(|_| {
        let start = Instant::now();
        let done = black_box(work());
        let time = start.elapsed();
        drop(done);
        time
    });
    times.min().unwrap_or_default()
}
