//! Capacity from what `kubectl` and `aws` print: nodes that may be added, the command, the live run.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

#[path = "support/story.rs"]
#[allow(dead_code, reason = "other tests use more of it")]
mod story;

#[path = "capacity/auto_mode.rs"]
mod auto_mode;

use serde_json::{Value, json};
use sparkcheck::capacity::demand::{Demand, PodDemand, Role, Toleration};
use sparkcheck::capacity::remedy::Change;
use sparkcheck::capacity::supply::{Listing, of_listing};
use sparkcheck::capacity::{Binding, Outcome, fit};
use sparkcheck::cli::{self, Surroundings};
use sparkcheck::fit as command;
use sparkcheck::link::{Linked, link};
use sparkcheck::read::{self, Input};
use std::ffi::OsString;

fn linked(name: &str) -> Linked {
    let options = read::Options { today: Some(story::TODAY.into()), ..read::Options::default() };
    link(read::read(&[Input::Path(story::folder(name))], &options).unwrap())
}

/// Two t3.large, the job of the runbook, and what a cancelled run has left on them.
#[test]
fn the_live_run_with_the_remedies_of_its_runbook() {
    let answers = command::ask(&linked("the-live-run-as-found"), &command::Question::default());
    let [answer, ..] = answers.as_slice() else { panic!("no answer") };
    let weighed = answer.result.as_ref().unwrap();
    assert_eq!(weighed.fit.outcome, Outcome::Short, "{}", weighed.fit.because);
    assert_eq!(weighed.fit.short.as_ref().unwrap().binding, Binding::Cpu);
    let has = |wanted: fn(&Change) -> bool| weighed.remedies.iter().any(|remedy| wanted(&remedy.change));
    assert!(has(|change| matches!(change, Change::LeftOverPodsAndNodes(_, 2, 1, _))), "{:?}", weighed.remedies);
    assert!(has(|change| matches!(change, Change::MoreNodes(1..=2, _))), "{:?}", weighed.remedies);
    assert!(has(|change| matches!(change, Change::InstanceType(_))), "{:?}", weighed.remedies);
    // Each of them was asked again.
    assert!(weighed.remedies.iter().all(|remedy| remedy.outcome.fits()));
    assert_eq!((weighed.most_executors, weighed.most_concurrent), (None, None));

    let mended = command::ask(&linked("the-live-run-mended"), &command::Question::default());
    let weighed = mended[0].result.as_ref().unwrap();
    assert_eq!(
        (weighed.fit.outcome, weighed.most_executors, weighed.most_concurrent),
        (Outcome::Fits, Some(2), Some(1))
    );
}

fn node(cpu: &str, memory: &str) -> Value {
    json!({
        "metadata": {"name": "a", "labels": {"eks.amazonaws.com/nodegroup": "g", "node.kubernetes.io/instance-type": "m6i.large"}},
        "status": {
            "allocatable": {"cpu": cpu, "memory": memory, "pods": "29"},
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    })
}

fn running(name: &str, owner: &str, cpu: &str) -> Value {
    json!({
        "metadata": {"namespace": "kube-system", "name": name, "ownerReferences": [{"kind": owner}]},
        "spec": {"nodeName": "a", "containers": [{"resources": {"requests": {"cpu": cpu, "memory": "100Mi"}}}]},
        "status": {"phase": "Running"},
    })
}

fn pool(requirements: Value, more: Value) -> Value {
    let mut spec = json!({"template": {"spec": {"requirements": requirements}}});
    for (key, value) in more.as_object().unwrap() {
        spec[key] = value.clone();
    }
    json!({"metadata": {"name": "p"}, "spec": spec, "status": {"resources": {"cpu": "10", "memory": "40Gi", "nodes": "2"}}})
}

fn executors(count: u32, cpu_milli: u64, memory_mib: u64) -> Demand {
    Demand { pods: vec![PodDemand::new(Role::Executor, count, cpu_milli, memory_mib)], ..Demand::default() }
}

#[test]
fn karpenter_adds_what_its_node_pools_allow() {
    let is = |key: &str, operator: &str, values: &[&str]| json!({"key": key, "operator": operator, "values": values});
    let large = || executors(3, 15_000, 50_000);
    let category = is("karpenter.k8s.aws/instance-category", "In", &["c", "m"]);
    let fits = Outcome::Fits;
    let table = [
        ("nothing is said", json!([]), json!({}), large(), fits),
        ("a category has it", json!([category]), json!({}), large(), fits),
        (
            "Auto Mode's own key",
            json!([is("eks.amazonaws.com/instance-category", "In", &["m"])]),
            json!({}),
            large(),
            fits,
        ),
        (
            "sizes are too small",
            json!([is("karpenter.k8s.aws/instance-cpu", "Lt", &["16"])]),
            json!({}),
            large(),
            Outcome::Short,
        ),
        ("just large enough", json!([is("karpenter.k8s.aws/instance-cpu", "Lte", &["16"])]), json!({}), large(), fits),
        (
            "one type, and daemons beside the pod",
            json!([is("node.kubernetes.io/instance-type", "In", &["m6i.4xlarge"])]),
            json!({}),
            executors(1, 15_800, 1000),
            // The daemons of the nodes that are there may keep off the new one.
            Outcome::Unknown,
        ),
        (
            "no such family",
            json!([is("karpenter.k8s.aws/instance-family", "In", &["m99"])]),
            json!({}),
            large(),
            Outcome::Short,
        ),
        (
            "a key that the table does not know",
            json!([is("karpenter.k8s.aws/instance-hypervisor", "In", &["nitro"])]),
            json!({}),
            large(),
            Outcome::Unknown,
        ),
        (
            "the limit is enough for each to have its own",
            json!([category]),
            json!({"limits": {"cpu": "2000"}}),
            large(),
            fits,
        ),
        (
            "the limit is enough",
            json!([category]),
            json!({"limits": {"cpu": "60"}}),
            large(),
            Outcome::FitsIfPackedWell,
        ),
        ("the limit is not", json!([category]), json!({"limits": {"cpu": "40"}}), large(), Outcome::Short),
        ("the limit is used up", json!([category]), json!({"limits": {"cpu": "10"}}), large(), Outcome::Short),
        ("a limit on memory", json!([category]), json!({"limits": {"memory": "100Gi"}}), large(), Outcome::Short),
        ("a limit on nodes", json!([category]), json!({"limits": {"nodes": "3"}}), large(), Outcome::FitsIfPackedWell),
        ("of a fixed size", json!([category]), json!({"replicas": 2}), large(), Outcome::Short),
    ];
    let daemon = running("aws-node", "DaemonSet", "200m");
    for (case, requirements, more, demand, expected) in table {
        let (nodes, pools) = ([node("1930m", "7Gi")], [pool(requirements, more)]);
        let pods = [daemon.clone()];
        let listing = Listing { nodes: &nodes, pods: &pods, node_pools: &pools, ..Listing::default() };
        let answer = fit(&[demand], &of_listing(&listing, |_| true));
        assert_eq!(answer.outcome, expected, "{case}: {}", answer.because);
    }
}

const ZONE: &str = "topology.kubernetes.io/zone";

#[test]
fn pods_must_be_let_onto_the_nodes_of_a_pool() {
    let spot = json!([{"key": "karpenter.sh/capacity-type", "operator": "In", "values": ["spot"]},
                      {"key": "kubernetes.io/arch", "operator": "In", "values": ["arm64"]},
                      {"key": "karpenter.k8s.aws/instance-family", "operator": "In", "values": ["m6g", "m7g"], "minValues": 2}]);
    let select = |key: &str, value: &str| {
        let mut demand = executors(2, 3000, 9000);
        demand.pods[0].node_selector.insert(key.into(), value.into());
        demand
    };
    let fewer =
        json!([{"key": "karpenter.k8s.aws/instance-family", "operator": "In", "values": ["m6g"], "minValues": 2}]);
    let mut tainted = pool(spot.clone(), json!({}));
    tainted["spec"]["template"]["spec"]["taints"] = json!([{"key": "k", "value": "v", "effect": "NoSchedule"}]);
    let mut labelled = pool(spot.clone(), json!({}));
    labelled["spec"]["template"]["metadata"] = json!({"labels": {"team": "data"}});
    let mut not_ready = pool(spot.clone(), json!({}));
    not_ready["status"]["conditions"] = json!([{"type": "Ready", "status": "False"}]);
    let mut tolerant = executors(2, 3000, 9000);
    tolerant.pods[0].tolerations.push(Toleration {
        key: "k".into(),
        operator: "Exists".into(),
        ..Toleration::default()
    });
    let mut in_zones = spot.clone();
    in_zones[2] = json!({"key": ZONE, "operator": "In", "values": ["us-east-1e", "us-east-1f"]});
    let zonal = pool(in_zones, json!({}));
    let open = pool(spot, json!({}));
    let table = [
        ("spot is asked for", open.clone(), select("karpenter.sh/capacity-type", "spot"), Outcome::Fits),
        ("on-demand is not had", open.clone(), select("karpenter.sh/capacity-type", "on-demand"), Outcome::Short),
        ("the architecture", open.clone(), select("kubernetes.io/arch", "arm64"), Outcome::Fits),
        ("another architecture", open.clone(), select("kubernetes.io/arch", "amd64"), Outcome::Short),
        ("a zone that it may not have", open.clone(), select(ZONE, "us-east-1f"), Outcome::Unknown),
        ("a zone that it has", zonal.clone(), select(ZONE, "us-east-1f"), Outcome::Fits),
        ("a zone that it has not", zonal, select(ZONE, "us-east-1a"), Outcome::Short),
        ("a label that nothing has", open.clone(), select("team", "data"), Outcome::Short),
        ("a label of the pool", labelled, select("team", "data"), Outcome::Fits),
        ("the pool by name", open.clone(), select("karpenter.sh/nodepool", "p"), Outcome::Fits),
        ("a taint", tainted.clone(), executors(2, 3000, 9000), Outcome::Short),
        ("a taint that is tolerated", tainted, tolerant, Outcome::Fits),
        ("too few families", pool(fewer, json!({})), executors(2, 3000, 9000), Outcome::Unknown),
        ("a pool that is not ready", not_ready, executors(2, 3000, 9000), Outcome::Short),
    ];
    for (case, pool, demand, expected) in table {
        let (nodes, pods, pools) = ([node("1930m", "7Gi")], [running("x", "ReplicaSet", "100m")], [pool]);
        let listing = Listing { nodes: &nodes, pods: &pods, node_pools: &pools, ..Listing::default() };
        let answer = fit(&[demand], &of_listing(&listing, |_| true));
        assert_eq!(answer.outcome, expected, "{case}: {}", answer.because);
    }
}

#[test]
fn a_cluster_autoscaler_adds_to_its_groups() {
    let group = |fields: Value| {
        let mut group =
            json!({"nodegroupName": "g", "scalingConfig": {"desiredSize": 1, "maxSize": 3}, "status": "ACTIVE"});
        for (key, value) in fields.as_object().unwrap() {
            group[key] = value.clone();
        }
        group
    };
    let empty = json!({"nodegroupName": "z", "scalingConfig": {"desiredSize": 0, "maxSize": 2}});
    let with = |fields: Value| {
        let mut group = empty.clone();
        for (key, value) in fields.as_object().unwrap() {
            group[key] = value.clone();
        }
        group
    };
    let one = group(json!({}));
    let table = [
        ("two more", vec![one.clone()], executors(3, 1500, 1000), Outcome::Fits),
        ("not four", vec![one.clone()], executors(4, 1500, 1000), Outcome::Short),
        (
            "at its maximum",
            vec![group(json!({"scalingConfig": {"desiredSize": 1, "maxSize": 1}}))],
            executors(2, 1500, 1),
            Outcome::Short,
        ),
        ("on its way out", vec![group(json!({"status": "DELETING"}))], executors(2, 1500, 1), Outcome::Short),
        (
            "a group without nodes",
            vec![one.clone(), with(json!({"instanceTypes": ["m6i.2xlarge"]}))],
            executors(2, 7000, 20_000),
            Outcome::Fits,
        ),
        (
            "of types that are not known",
            vec![one.clone(), with(json!({"instanceTypes": ["m99.large"]}))],
            executors(2, 7000, 20_000),
            Outcome::Unknown,
        ),
        (
            "of one type that holds it, and one that does not",
            vec![one.clone(), with(json!({"instanceTypes": ["m6i.2xlarge", "m6i.large"]}))],
            executors(2, 7000, 20_000),
            Outcome::Unknown,
        ),
        (
            "kept for others",
            vec![
                one,
                with(json!({"instanceTypes": ["m6i.2xlarge"], "taints": [{"key": "k", "effect": "NO_SCHEDULE"}]})),
            ],
            executors(2, 7000, 20_000),
            Outcome::Short,
        ),
    ];
    for (case, groups, demand, expected) in table {
        let nodes = [node("1930m", "7Gi")];
        let pods = [running("aws-node", "DaemonSet", "100m"), running("cluster-autoscaler-0", "ReplicaSet", "10m")];
        let listing = Listing { nodes: &nodes, pods: &pods, nodegroups: groups.iter().collect(), ..Listing::default() };
        let answer = fit(&[demand], &of_listing(&listing, |_| true));
        assert_eq!(answer.outcome, expected, "{case}: {}", answer.because);
    }
}

/// Requests are not all that pods need: an address each, room for volumes, and the zone of what they claim.
#[test]
fn addresses_volumes_and_zones_are_weighed_beside_requests() {
    let mut here = node("4", "16Gi");
    here["metadata"]["labels"]["topology.kubernetes.io/zone"] = "us-east-1a".into();
    let nodes = [here];
    let group = json!({"nodegroupName": "g", "scalingConfig": {"desiredSize": 1, "maxSize": 1}, "status": "ACTIVE",
        "subnets": ["subnet-0a"]});
    let subnet = |left: u64| [json!({"SubnetId": "subnet-0a", "AvailableIpAddressCount": left})];
    let csi = |count: u64| {
        let driver = json!({"name": "ebs.csi.aws.com", "allocatable": {"count": count}});
        [json!({"metadata": {"name": "a"}, "spec": {"drivers": [driver]}})]
    };
    let claim = [json!({"metadata": {"namespace": "team", "name": "data"}, "spec": {"volumeName": "v"}})];
    let volume = |zone: &str| {
        let terms =
            json!([{"matchExpressions": [{"key": "topology.kubernetes.io/zone", "operator": "In", "values": [zone]}]}]);
        [json!({"metadata": {"name": "v"}, "spec": {"nodeAffinity": {"required": {"nodeSelectorTerms": terms}}}})]
    };
    let holding = |volumes: u64| {
        let mut demand = executors(2, 1000, 1000);
        demand.pods[0].volumes = volumes;
        demand
    };
    let claiming = || {
        let mut demand = executors(1, 1000, 1000);
        (demand.namespace, demand.pods[0].claims) = (Some("team".into()), vec!["data".into()]);
        demand
    };
    let (few, many, near, far) = (subnet(1), subnet(50), volume("us-east-1a"), volume("us-east-1b"));
    let (roomy, full) = (csi(25), csi(1));
    let pods = [running("proxy", "DaemonSet", "100m")];
    let of = Listing { nodes: &nodes, pods: &pods, nodegroups: vec![&group], ..Listing::default() };
    for (case, listing, demand, expected) in [
        ("addresses", Listing { subnets: &many, ..of.clone() }, executors(2, 1000, 1000), Outcome::Fits),
        ("too few addresses", Listing { subnets: &few, ..of.clone() }, executors(2, 1000, 1000), Outcome::Unknown),
        ("room for volumes", Listing { csi_nodes: &roomy, ..of.clone() }, holding(1), Outcome::Fits),
        ("more volumes than it attaches", Listing { csi_nodes: &full, ..of.clone() }, holding(1), Outcome::Unknown),
        ("a volume in the zone", Listing { claims: &claim, volumes: &near, ..of.clone() }, claiming(), Outcome::Fits),
        ("in another zone", Listing { claims: &claim, volumes: &far, ..of.clone() }, claiming(), Outcome::Short),
        ("a claim that nobody listed", of.clone(), claiming(), Outcome::Unknown),
    ] {
        let found = fit(&[demand], &of_listing(&listing, |_| true));
        assert_eq!(found.outcome, expected, "{case}: {}", found.because);
    }
}

#[test]
fn fargate_takes_pods_off_the_nodes() {
    let profile =
        json!({"fargateProfileName": "f", "selectors": [{"namespace": "team", "labels": {"spark-role": "executor"}}]});
    let of = |namespace: &str, role: &str, cpu: u64| {
        let mut demand = executors(50, cpu, 2000);
        demand.namespace = Some(namespace.into());
        demand.pods[0].labels.insert("spark-role".into(), role.into());
        demand
    };
    for (case, demand, expected) in [
        ("selected", of("team", "executor", 4000), Outcome::Fits),
        ("larger than Fargate is known to be", of("team", "executor", 5000), Outcome::Unknown),
        ("another label", of("team", "driver", 1000), Outcome::Short),
        ("another namespace", of("other", "executor", 1000), Outcome::Short),
    ] {
        let (nodes, pods) = ([node("1930m", "7Gi")], [running("x", "ReplicaSet", "100m")]);
        let listing = Listing { nodes: &nodes, pods: &pods, fargate_profiles: vec![&profile], ..Listing::default() };
        let answer = fit(&[demand], &of_listing(&listing, |_| true));
        assert_eq!(answer.outcome, expected, "{case}: {}", answer.because);
    }
}

fn asked(arguments: &[&str]) -> (u8, String) {
    let surroundings = Surroundings { today: story::TODAY.into(), terminal_width: None, may_colour: false };
    let first = ["sparkcheck", "fit"].map(OsString::from);
    let rest = arguments.iter().map(|argument| match argument.strip_prefix('@') {
        Some(name) => story::folder(name).into_os_string(),
        None => OsString::from(argument),
    });
    match cli::run(first.into_iter().chain(rest), &surroundings).unwrap() {
        Ok(answer) => (answer.code, answer.text),
        Err(error) => (2, cli::complaint(&error, false)),
    }
}

#[test]
fn what_if_is_answered() {
    for (arguments, code, told) in [
        (&["@the-live-run-mended"][..], 0, "at most 2 executors of each job fit"),
        (&["@the-live-run-mended", "--executors", "2"], 0, "fits"),
        (&["@the-live-run-mended", "--executors", "3"], 1, "does not fit"),
        (&["@the-live-run-mended", "--executors", "3", "--nodes", "4"], 0, "as if there were 4 nodes, 3 executors"),
        (&["@the-live-run-mended", "--nodes", "1"], 1, "does not fit"),
        (&["@the-live-run-mended", "--nodes", "0"], 1, "there is no node"),
        (
            &["@the-live-run-mended", "--executors", "20", "--instance-type", "m6i.4xlarge"],
            0,
            "nodes of type m6i.4xlarge",
        ),
        (&["@the-live-run-mended", "--concurrent", "2"], 1, "× 2"),
        (&["@the-live-run-mended", "--together"], 1, " and "),
        (&["@the-live-run-as-found"], 1, "delete the 2 pods that ended job runs have left"),
        (&["@pods-fit-only-if-packed-well"], 0, "fits if packed well"),
        (&["@namespace-quota-too-small"], 1, "`team` does not let them in: the pods ask for 3 pods; it allows 2 pods"),
        (&["@denied-calls"], 3, "unknown"),
        (&["@the-live-run-mended", "--instance-type", "m6i.4xlarg"], 2, "did you mean `m6i.4xlarge`?"),
        (&["@the-live-run-mended", "--rollout-name", "x"], 2, "the rollouts are: sparkpilot-live-1/"),
        (&["@serverless-nightly-mended"], 0, "at most 7 executors of each job fit"),
        (&["@gateway-sjns-mended"], 0, "fit"),
        (&["@variant-auto-mode"], 0, "nodes of EKS Auto Mode NodePool `general-purpose`"),
        (&["@auto-mode-for-the-system-only"], 1, "does not fit"),
    ] {
        let (got, text) = asked(arguments);
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(got == code && text.contains(told), "{arguments:?}: {got}\n{text}");
    }
}

#[test]
fn every_form_says_the_same_and_nothing_that_names_hide() {
    let (_, json) = asked(&["@the-live-run-as-found", "--format", "json"]);
    let value: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(value["answers"][0]["outcome"], "does-not-fit");
    assert_eq!(value["answers"][0]["short"]["binding"], "cpu");
    assert!(value["answers"][0]["nodes"].as_array().is_some_and(|nodes| nodes.len() == 2));
    let (_, markdown) = asked(&["@the-live-run-as-found", "--format", "markdown"]);
    assert!(markdown.contains("**does not fit**") && markdown.contains("```text\n"), "{markdown}");
    let (_, html) = asked(&["@the-live-run-as-found", "--format", "html"]);
    assert!(html.starts_with("<!doctype html>") && html.contains("<svg ") && !html.contains("<script"), "{html}");
    // The same input, the same bytes.
    assert_eq!(html, asked(&["@the-live-run-as-found", "--format", "html"]).1);
    assert_eq!(json, asked(&["@the-live-run-as-found", "--format", "json"]).1);
}

/// Absurd numbers and shapes come to an end, and to an answer.
#[test]
fn hostile_clusters_do_no_harm() {
    let most = u64::MAX;
    let group = json!({"nodegroupName": "g", "scalingConfig": {"desiredSize": 1, "maxSize": most}});
    let pools = [
        pool(json!("none"), json!({"limits": {"cpu": "9e999", "memory": -1, "nodes": "x", "\u{1b}": 1}})),
        pool(json!([{"key": "kubernetes.io/arch", "operator": "In"}, {"operator": 7}, 5]), json!({"limits": []})),
        pool(
            json!([{"key": "karpenter.k8s.aws/instance-cpu", "operator": "Gt", "values": ["99999999999999999999"]}]),
            json!({}),
        ),
        json!({"spec": null}),
    ];
    let nodes = [node("1930m", "7Gi"), json!({"metadata": {"name": "b"}}), json!(7)];
    let pods = [running("cluster-autoscaler", "DaemonSet", "100m"), json!(null), json!({"spec": {"nodeName": "a"}})];
    let profile = json!({"selectors": [{"namespace": "*".repeat(5_000), "labels": 4}]});
    let mut demand = executors(u32::MAX, u64::MAX, u64::MAX);
    demand.namespace = Some("a".repeat(5_000));
    let small = executors(u32::MAX, 0, 0);
    for node_pools in [&pools[..], &[]] {
        let listing = Listing {
            nodes: &nodes[..1],
            pods: &pods,
            nodegroups: vec![&group],
            node_pools,
            fargate_profiles: vec![&profile],
            ..Listing::default()
        };
        let supply = of_listing(&listing, |_| true);
        for demand in [vec![demand.clone()], vec![small.clone(); 3], vec![small.clone(), demand.clone()]] {
            let answer = fit(&demand, &supply);
            assert!(answer.arithmetic.len() < 200 && answer.placed.len() < 20_000);
        }
        assert!(!of_listing(&Listing { nodes: &nodes, ..listing }, |_| true).unknown.is_empty());
    }
}
