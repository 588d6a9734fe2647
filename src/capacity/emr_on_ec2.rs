//! EMR on EC2: YARN containers against the nodes of instance groups and fleets, and vCPUs against the account's quotas.
//!
//! A step's driver and executors are YARN containers: heap and overhead, rounded up to the scheduler's least
//! allocation. Core and task nodes hold them. How much memory YARN has on a node is configured, or documented for the
//! type ([`yarn`]); where it is neither, it is less than the instance has, which proves that a container is too large
//! and never that containers fit.
//!
//! Deliberately absent: applications that run already, queues, and what managed scaling adds.

mod yarn;

pub use yarn::documented_memory_mib;

use super::demand::{Demand, PodDemand, Role, spark_submit_conf};
use super::fit::{Fit, Outcome, count_of, fit};
use super::pool::node_of_type;
use super::quantity::{SparkUnit, spark_mib};
use super::supply::{Node, Supply};
use crate::facts::instances::{InstanceType, InstanceTypes};
use crate::known::Text;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use yarn::Settings;

/// Spark's least overhead, in MiB.
const LEAST_OVERHEAD_MIB: u64 = 384;
/// What an application master asks for beside a driver that is not on YARN, with its overhead.
const APPLICATION_MASTER_MIB: u64 = 512 + 384;
/// Nodes that are weighed one by one.
const MOST_NODES: u64 = 5_000;

/// The nodes of a `RunJobFlow` request that run containers, at least those that it asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cluster {
    /// The core and task nodes.
    pub nodes: Vec<Node>,
    /// Why what YARN has on them is not known, but only the most that it could be.
    pub inexact: Option<&'static str>,
    /// The largest container that YARN grants, where it is configured.
    pub largest_mib: Option<u64>,
    /// vCPUs of On-Demand instances that the request asks for at the least, by the first letters of their families.
    pub on_demand_vcpu: BTreeMap<String, u64>,
    /// The same of Spot instances.
    pub spot_vcpu: BTreeMap<String, u64>,
    /// What cannot be told.
    pub unknown: Vec<String>,
}

/// What the request asks of EC2.
#[must_use]
pub fn cluster(request: &Value, types: &InstanceTypes) -> Cluster {
    let instance_type = |name: &str| types.get(name);
    let of_all = Settings::of(request, None);
    let mut made = Cluster { largest_mib: of_all.largest_mib, ..Cluster::default() };
    let instances = &request["Instances"];
    for group in instances["InstanceGroups"].as_array().into_iter().flatten() {
        let role = group["InstanceRole"].as_str().unwrap_or_default();
        let spot = group["Market"].as_str() == Some("SPOT");
        let named = group["InstanceType"].as_str();
        let settings = Settings::of(request, Some(group));
        match (named.and_then(instance_type), group["InstanceCount"].as_u64()) {
            (Some(one), Some(count)) => made.add(role, &[(one, 1)], count, spot, settings),
            _ => made.unknown.push(format!("which instances the {} group has is not told", role.to_ascii_lowercase())),
        }
    }
    for fleet in instances["InstanceFleets"].as_array().into_iter().flatten() {
        let role = fleet["InstanceFleetType"].as_str().unwrap_or_default();
        let types: Vec<(Arc<InstanceType>, u64)> = fleet["InstanceTypeConfigs"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|one| {
                let weight = one["WeightedCapacity"].as_u64().unwrap_or(1).max(1);
                Some((instance_type(one["InstanceType"].as_str()?)?, weight))
            })
            .collect();
        if types.is_empty() {
            made.unknown.push(format!("which instances the {} fleet has is not told", role.to_ascii_lowercase()));
        }
        for (target, spot) in [("TargetOnDemandCapacity", false), ("TargetSpotCapacity", true)] {
            let target = fleet[target].as_u64().unwrap_or(0);
            if target > 0 && !types.is_empty() {
                made.add(role, &types, target, spot, of_all);
            }
        }
    }
    if let (Some(count), Some(one)) =
        (instances["InstanceCount"].as_u64(), instances["SlaveInstanceType"].as_str().and_then(instance_type))
    {
        made.add("CORE", &[(one, 1)], count.saturating_sub(1), false, of_all);
        if let Some(one) = instances["MasterInstanceType"].as_str().and_then(instance_type) {
            made.add("MASTER", &[(one, 1)], 1, false, of_all);
        }
    }
    if made.nodes.is_empty() && made.unknown.is_empty() {
        made.unknown.push("the request names no core instances".to_owned());
    }
    made
}

impl Cluster {
    /// Instances of one of these types, each with its weight, up to a capacity.
    fn add(&mut self, role: &str, types: &[(Arc<InstanceType>, u64)], capacity: u64, spot: bool, yarn: Settings) {
        let number = |weight: u64| capacity.div_ceil(weight);
        let least =
            types.iter().min_by_key(|(one, weight)| (one.vcpu.saturating_mul(number(*weight)), one.name.clone()));
        if let Some((one, weight)) = least {
            let class: String = one.name.chars().take_while(char::is_ascii_lowercase).collect();
            let into = if spot { &mut self.spot_vcpu } else { &mut self.on_demand_vcpu };
            let sum = into.entry(class).or_default();
            *sum = sum.saturating_add(one.vcpu.saturating_mul(number(*weight)));
        }
        if role == "MASTER" {
            return;
        }
        // With several types EMR chooses: the most that there could be of the largest.
        let most = types.iter().map(|(_, weight)| number(*weight)).max().unwrap_or(0);
        let Some((largest, _)) = types.iter().max_by_key(|(one, _)| (one.memory_mib, one.name.clone())) else { return };
        if types.len() > 1 {
            self.inexact = Some("which of its instance types the fleet gets is not told");
        }
        let left = MOST_NODES.saturating_sub(self.nodes.len() as u64);
        if most > left {
            self.unknown.push(format!("more than {MOST_NODES} nodes are not weighed"));
        }
        let kind = role.to_ascii_lowercase();
        for at in 1..=most.min(left) {
            let mut node = node_of_type(largest, &format!("{kind} {at}"));
            self.hold(&mut node, largest, yarn);
            self.nodes.push(node);
        }
    }

    /// Sets what YARN has on a node of this type.
    fn hold(&mut self, node: &mut Node, one: &InstanceType, yarn: Settings) {
        let memory = yarn.memory_on(one);
        node.memory_mib = memory.unwrap_or(one.memory_mib);
        // What is not counted, or not known, keeps no container away.
        let vcores = yarn.vcores.filter(|_| yarn.counts_vcores).map(|vcores| vcores.saturating_mul(1000));
        node.cpu_milli = vcores.unwrap_or(0);
        if yarn.counts_vcores && yarn.vcores.is_none() {
            self.inexact = Some(
                "how many vcores YARN has on a node is not told: `yarn.nodemanager.resource.cpu-vcores` is not set",
            );
        }
        if memory.is_none() {
            self.inexact = Some(
                "how much memory YARN has on a node is not told: less than the instance has, and \
                 `yarn.nodemanager.resource.memory-mb` is not set",
            );
        }
        (node.cpu_free_milli, node.memory_free_mib) = (vcores.unwrap_or(u64::from(u32::MAX)), node.memory_mib);
        (node.pods, node.pods_free) = (u64::from(u32::MAX), u64::from(u32::MAX));
    }

    /// The same, if all nodes were of this type.
    #[must_use]
    pub fn of_type(mut self, request: &Value, one: &InstanceType) -> Self {
        let yarn = Settings::of(request, None);
        self.inexact = None;
        for mut node in std::mem::take(&mut self.nodes) {
            node = node_of_type(one, &node.name);
            self.hold(&mut node, one, yarn);
            self.nodes.push(node);
        }
        self
    }
}

/// The containers of each step of the request that submits a Spark application, with the step's name.
#[must_use]
pub fn steps(request: &Value) -> Vec<(String, Demand)> {
    let defaults = configuration(request, "spark-defaults");
    let yarn = Settings::of(request, None);
    let least = yarn.least_mib.or_else(|| documented_least(request)).unwrap_or(1);
    let mut found = Vec::new();
    for step in request["Steps"].as_array().into_iter().flatten() {
        let args: Vec<String> = step["HadoopJarStep"]["Args"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|arg| Text::of(arg).map(|text| text.to_string()).unwrap_or_default())
            .collect();
        if args.first().is_none_or(|first| !first.ends_with("spark-submit")) {
            continue;
        }
        let quoted: Vec<String> = args.iter().skip(1).map(|arg| format!("'{}'", arg.replace('\'', r"'\''"))).collect();
        let submitted = spark_submit_conf(&quoted.join(" "));
        let mut conf = defaults.clone();
        conf.extend(submitted.conf);
        let cluster_mode = args.windows(2).any(|pair| pair == ["--deploy-mode", "cluster"])
            || conf.get("spark.submit.deployMode").is_some_and(|mode| mode == "cluster");
        let mut demand = containers(&conf, least, cluster_mode, yarn.counts_vcores);
        demand.unknown.extend(submitted.unknown);
        if let Some(file) = submitted.properties_file {
            demand.unknown.push(format!("the properties file `{file}` was not given"));
        }
        found.push((step["Name"].as_str().unwrap_or("step").to_owned(), demand));
    }
    found
}

/// What EMR rounds requests up to, by the type of the primary node, where it is documented.
fn documented_least(request: &Value) -> Option<u64> {
    let instances = &request["Instances"];
    let primary = |list: &str, role: &str| {
        let groups = instances[list].as_array().into_iter().flatten();
        groups.into_iter().find(|group| group[role].as_str() == Some("MASTER"))
    };
    let of_group = primary("InstanceGroups", "InstanceRole").and_then(|group| group["InstanceType"].as_str());
    let of_fleet =
        || match primary("InstanceFleets", "InstanceFleetType")?["InstanceTypeConfigs"].as_array()?.as_slice() {
            [only] => only["InstanceType"].as_str(),
            _ => None,
        };
    let named = of_group.or_else(of_fleet).or_else(|| instances["MasterInstanceType"].as_str());
    documented_memory_mib(&*InstanceTypes::default().get(named?)?).map(|_| yarn::LEAST_ALLOCATION_MIB)
}

/// The containers of an application: heap and overhead, in multiples of the least allocation.
fn containers(conf: &BTreeMap<String, String>, least: u64, cluster_mode: bool, counts_vcores: bool) -> Demand {
    let mut demand = Demand { conf: conf.clone(), ..Demand::default() };
    let container = |demand: &mut Demand, side: &str, role: Role, count: u32| {
        let Some(heap_text) = conf.get(&format!("spark.{side}.memory")) else {
            demand.unknown.push(format!("how much memory EMR gives a {role} that names none is not told"));
            return;
        };
        let overhead = conf.get(&format!("spark.{side}.memoryOverhead")).map(|text| spark_mib(text, SparkUnit::Mib));
        let (Some(heap), false) = (spark_mib(heap_text, SparkUnit::Mib), overhead == Some(None)) else {
            demand.unknown.push(format!("the memory of the {role} is not a size: `{heap_text}`"));
            return;
        };
        // What is added where nothing is configured is the least that Spark adds; EMR may add more.
        let factor = conf.keys().any(|key| key.ends_with("emoryOverheadFactor"));
        if overhead.is_none() {
            demand
                .unknown
                .push(format!("how much EMR adds to the heap is not told: `spark.{side}.memoryOverhead` is not set"));
        }
        let overhead = overhead.flatten().unwrap_or(if factor { 0 } else { (heap / 10).max(LEAST_OVERHEAD_MIB) });
        let sum = heap.saturating_add(overhead);
        let memory = sum.div_ceil(least.max(1)).saturating_mul(least.max(1));
        let cores = conf.get(&format!("spark.{side}.cores")).and_then(|text| text.trim().parse::<u32>().ok());
        if counts_vcores && cores.is_none() && role == Role::Executor {
            demand.unknown.push("how many cores EMR gives an executor that names none is not told".to_owned());
        }
        let vcores = if counts_vcores { u64::from(cores.unwrap_or(1)) } else { 0 };
        let mut pod = PodDemand::new(role, count, vcores.saturating_mul(1000), memory);
        pod.arithmetic = format!("{heap} + {overhead} MiB in multiples of {least} MiB = {memory} MiB");
        if counts_vcores {
            pod.arithmetic.push_str(&format!(", {vcores} vcores"));
        }
        demand.pods.push(pod);
    };
    let number = |key: &str| conf.get(key).and_then(|text| text.trim().parse::<u32>().ok());
    let dynamic = conf.get("spark.dynamicAllocation.enabled").is_none_or(|on| on.trim().eq_ignore_ascii_case("true"));
    if cluster_mode {
        container(&mut demand, "driver", Role::Driver, 1);
    } else {
        // The driver is on the primary node, and its application master in a container.
        let memory = APPLICATION_MASTER_MIB.div_ceil(least.max(1)).saturating_mul(least.max(1));
        let vcores = conf.get("spark.yarn.am.cores").and_then(|text| text.trim().parse::<u32>().ok()).unwrap_or(1);
        let cpu_milli = if counts_vcores { u64::from(vcores) * 1000 } else { 0 };
        let mut master = PodDemand::new(Role::Driver, 1, cpu_milli, memory);
        master.arithmetic = format!("the application master, {memory} MiB; the driver itself is on the primary node");
        demand.pods.push(master);
    }
    // Dynamic allocation is on by default; one executor is the least that runs a task.
    let least_executors = number("spark.dynamicAllocation.minExecutors").unwrap_or(1).max(1);
    let executors = if dynamic { least_executors } else { number("spark.executor.instances").unwrap_or(2) };
    container(&mut demand, "executor", Role::Executor, executors);
    demand
}

/// Whether the containers find room on the nodes, and the nodes as they were weighed.
#[must_use]
pub fn weigh(demand: &[Demand], cluster: &Cluster) -> (Fit, Supply) {
    let supply = Supply { nodes: cluster.nodes.clone(), ..Supply::default() };
    let mut answer = fit(demand, &supply);
    let too_large = |pod: &&PodDemand| cluster.largest_mib.is_some_and(|largest| pod.memory_mib > largest);
    if let Some(pod) = demand.iter().flat_map(|job| &job.pods).filter(|pod| pod.count > 0).find(too_large) {
        let largest = cluster.largest_mib.unwrap_or(0);
        answer.outcome = Outcome::Short;
        answer.because = format!(
            "{} needs {} MiB; the largest container is {largest} MiB by `yarn.scheduler.maximum-allocation-mb`",
            pod.role, pod.memory_mib
        );
        (answer.short, answer.nodes_needed) = (None, None);
        return (answer, supply);
    }
    let all: u64 = answer.placed.iter().map(|placed| placed.count).sum();
    let (containers, nodes) = (count_of(all, "container"), count_of(cluster.nodes.len() as u64, "node"));
    match answer.outcome {
        Outcome::Fits => answer.because = format!("{containers} fit {nodes}"),
        Outcome::FitsIfPackedWell => {
            answer.because = format!("there is a way to place {containers} on {nodes}, but YARN may miss it");
        }
        Outcome::Short | Outcome::Unknown => {}
    }
    let open = if cluster.unknown.is_empty() { None } else { Some(cluster.unknown.join("; ")) };
    let open = open.or_else(|| cluster.inexact.filter(|_| answer.outcome.fits()).map(str::to_owned));
    if let Some(why) = open {
        (answer.outcome, answer.because) = (Outcome::Unknown, why);
    }
    (answer, supply)
}

/// The properties of a classification of the request's configuration.
fn configuration(request: &Value, classification: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for entry in request["Configurations"].as_array().into_iter().flatten() {
        if entry["Classification"] == classification {
            let properties = entry["Properties"].as_object().into_iter().flatten();
            found.extend(properties.filter_map(|(key, value)| Some((key.clone(), Text::of(value)?.to_string()))));
        }
    }
    found
}

/// The quota for a family of instances among those that `list-service-quotas --service-code ec2` prints: its name, and
/// its vCPUs, where they are told.
#[must_use]
pub fn quota(quotas: &[&Value], family: &str, spot: bool) -> Option<(String, Option<u64>)> {
    let applies = |name: &str| {
        let kind = if spot { "Spot Instance Requests" } else { "Running On-Demand" };
        let listed = name.split_once('(').and_then(|(_, rest)| rest.split_once(')')).map(|(listed, _)| listed);
        let own = |one: &str| one.trim().eq_ignore_ascii_case(family);
        name.contains(kind)
            && match listed {
                Some(listed) => listed.split(',').any(own),
                None => name.split_whitespace().any(own),
            }
    };
    let of_name = quotas.iter().find(|quota| quota["QuotaName"].as_str().is_some_and(applies))?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast saturates")]
    let vcpu = of_name["Value"].as_f64().map(|value| value as u64);
    Some((of_name["QuotaName"].as_str()?.to_owned(), vcpu))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn request(steps: &[&str], yarn: Option<u64>) -> Value {
        let mut request = json!({
            "Instances": {"InstanceGroups": [
                {"InstanceRole": "MASTER", "InstanceType": "m5.xlarge", "InstanceCount": 1},
                {"InstanceRole": "CORE", "InstanceType": "m5.xlarge", "InstanceCount": 2, "Market": "SPOT"},
            ]},
            "Steps": steps.iter().map(|args| json!({"Name": "s", "HadoopJarStep": {"Jar": "command-runner.jar", "Args": args.split(' ').collect::<Vec<_>>()}})).collect::<Vec<_>>(),
        });
        if let Some(yarn) = yarn {
            request["Configurations"] = json!([{"Classification": "yarn-site", "Properties": {
                "yarn.nodemanager.resource.memory-mb": yarn.to_string(), "yarn.scheduler.minimum-allocation-mb": "512",
            }}]);
        }
        request
    }

    #[test]
    fn containers_are_held_against_what_yarn_has() {
        let fixed = "--conf spark.executor.memoryOverhead=1g --conf spark.dynamicAllocation.enabled=false";
        let two = format!("{fixed} --num-executors 2 --executor-memory");
        for (args, yarn, outcome) in [
            // Of the 16 GiB of an m5.xlarge YARN has 12, as is documented; the application master is beside one.
            (&*format!("{two} 11g"), None, Outcome::Short),
            (&*format!("{two} 10g"), None, Outcome::Fits),
            (&*format!("{two} 12g"), None, Outcome::Short),
            // 16 GiB of the instance hold no container of 16 GiB and overhead.
            ("--executor-memory 16g", None, Outcome::Short),
            ("--executor-memory 4g", None, Outcome::Unknown),
            ("--executor-memory 4g", Some(12288), Outcome::Unknown),
            ("--executor-memory 4g --conf spark.executor.memoryOverhead=1g", Some(12288), Outcome::Fits),
            ("--executor-memory 12g", Some(12288), Outcome::Short),
            // 10 GiB and 1 GiB, to the next 512 MiB.
            ("--executor-memory 10g", Some(11263), Outcome::Short),
            ("--executor-memory 10g --conf spark.executor.memoryOverhead=1g", Some(11264), Outcome::Fits),
            (
                "--conf spark.dynamicAllocation.enabled=false --num-executors 3 --executor-memory 8g",
                Some(12288),
                Outcome::Short,
            ),
            (
                "--conf spark.dynamicAllocation.enabled=false --num-executors 2 --executor-memory 8g --conf spark.executor.memoryOverhead=1g",
                Some(12288),
                Outcome::Fits,
            ),
            (
                "--deploy-mode cluster --driver-memory 8g --conf spark.dynamicAllocation.enabled=false --num-executors 2 --executor-memory 8g",
                Some(12288),
                Outcome::Short,
            ),
            ("--executor-cores 2", Some(12288), Outcome::Unknown),
            ("--executor-memory much", Some(12288), Outcome::Unknown),
        ] {
            let request = request(&[&format!("spark-submit {args} s3://b/job.py")], yarn);
            let [(_, demand)] = steps(&request).try_into().unwrap();
            let (answer, _) = weigh(&[demand], &cluster(&request, &InstanceTypes::default()));
            assert_eq!(answer.outcome, outcome, "{args} {yarn:?}: {}", answer.because);
        }
        assert!(steps(&request(&["hadoop-streaming -files x"], None)).is_empty());
    }

    /// Vcores are counted only where the configuration says so, and then on nodes and in containers alike.
    #[test]
    fn vcores_count_where_they_are_configured() {
        let dominant = json!({"Classification": "capacity-scheduler", "Properties": {
            "yarn.scheduler.capacity.resource-calculator": "org.apache.hadoop.yarn.util.resource.DominantResourceCalculator",
        }});
        let yarn = |properties: Value| json!({"Classification": "yarn-site", "Properties": properties});
        let vcores = yarn(json!({"yarn.nodemanager.resource.cpu-vcores": "4"}));
        let fair = yarn(json!({
            "yarn.resourcemanager.scheduler.class": "org.apache.hadoop.yarn.server.resourcemanager.scheduler.fair.FairScheduler",
            "yarn.nodemanager.resource.cpu-vcores": "4",
        }));
        let largest = yarn(json!({"yarn.scheduler.maximum-allocation-mb": "3072"}));
        let fixed =
            "--conf spark.executor.memoryOverhead=1g --conf spark.dynamicAllocation.enabled=false --executor-memory 3g";
        for (args, configurations, outcome) in [
            // Six vcores on nodes of four: memory alone is compared.
            ("--num-executors 2 --executor-cores 6", json!([]), Outcome::Fits),
            ("--num-executors 2 --executor-cores 6", json!([vcores]), Outcome::Fits),
            ("--num-executors 2 --executor-cores 6", json!([dominant, vcores]), Outcome::Short),
            ("--num-executors 2 --executor-cores 6", json!([fair]), Outcome::Short),
            ("--num-executors 2 --executor-cores 3", json!([dominant, vcores]), Outcome::Fits),
            ("--num-executors 3 --executor-cores 2", json!([dominant, vcores]), Outcome::Fits),
            // With the application master eight vcores are not enough for nine.
            ("--num-executors 4 --executor-cores 2", json!([dominant, vcores]), Outcome::Short),
            ("--num-executors 2", json!([dominant, vcores]), Outcome::Unknown),
            ("--num-executors 2 --executor-cores 2", json!([dominant]), Outcome::Unknown),
            ("--num-executors 9 --executor-cores 2", json!([dominant]), Outcome::Short),
            ("--num-executors 1 --executor-cores 2", json!([largest]), Outcome::Short),
        ] {
            let mut request = request(&[&format!("spark-submit {args} {fixed} s3://b/job.py")], None);
            request["Configurations"] = configurations.clone();
            let [(_, demand)] = steps(&request).try_into().unwrap();
            let (answer, _) = weigh(&[demand], &cluster(&request, &InstanceTypes::default()));
            assert_eq!(answer.outcome, outcome, "{args} {configurations}: {}", answer.because);
        }
        // HBase takes a part of what is documented, and nobody documents what a bootstrap action does.
        let plain = "spark-submit --num-executors 1 --conf spark.executor.memoryOverhead=1g --executor-memory 3g x.py";
        for (list, entry) in [("Applications", json!({"Name": "HBase"})), ("BootstrapActions", json!({"Name": "b"}))] {
            let mut request = request(&[plain], None);
            request[list] = json!([entry]);
            let [(_, demand)] = steps(&request).try_into().unwrap();
            assert_eq!(
                weigh(&[demand], &cluster(&request, &InstanceTypes::default())).0.outcome,
                Outcome::Unknown,
                "{list}"
            );
        }
    }

    #[test]
    fn quotas_are_in_vcpus() {
        let made = cluster(&request(&[], None), &InstanceTypes::default());
        assert_eq!((made.on_demand_vcpu["m"], made.spot_vcpu["m"], made.nodes.len()), (4, 8, 2));
        let fleet = json!({"Instances": {"InstanceFleets": [{
            "InstanceFleetType": "CORE", "TargetOnDemandCapacity": 8,
            "InstanceTypeConfigs": [{"InstanceType": "m5.2xlarge", "WeightedCapacity": 4}, {"InstanceType": "m5.xlarge"}],
        }]}});
        // Two of the larger have fewer vCPUs than eight of the smaller.
        assert_eq!(cluster(&fleet, &InstanceTypes::default()).on_demand_vcpu["m"], 16);
        let quotas = json!([
            {"QuotaName": "All G and VT Spot Instance Requests", "Value": 3.0},
            {"QuotaName": "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances", "Value": 5.0},
            {"QuotaName": "All Standard (A, C, D, H, I, M, R, T, Z) Spot Instance Requests", "Value": 7.0},
        ]);
        let quotas: Vec<&Value> = quotas.as_array().unwrap().iter().collect();
        for (family, spot, expected) in
            [("m", false, Some(5)), ("r", true, Some(7)), ("g", true, Some(3)), ("g", false, None), ("u", false, None)]
        {
            assert_eq!(quota(&quotas, family, spot).and_then(|it| it.1), expected, "{family} {spot}");
        }
    }
}
