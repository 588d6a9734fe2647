//! EC2 instance types as nodes: what each has, and what Kubernetes may hand out of it.
//!
//! Sources: the instance type reference of Karpenter (commit 1d927085dd81, 21 August 2026), `instance-info.jsonl` of
//! the EKS AMI (v20260724) and `eni-max-pods.txt` of the VPC CNI (commit b52188387f2e, 20 August 2026). What is
//! allocatable is what Karpenter expects of Amazon Linux 2023: kube-reserved, 100 MiB for eviction, and 7.5 % of the
//! memory for what the hypervisor and the kernel keep. A real node has a little more or less.
//!
//! What `aws ec2 describe-instance-types` shows stands above the table: it adds types that are newer than the table,
//! and corrects what the table says of the others. What is allocatable of them is worked out in the same way.
//!
//! Deliberately absent: prices, zones and regions.

use serde_json::Value;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

/// An instance type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstanceType {
    /// Its name: `m6g.xlarge`.
    pub name: Cow<'static, str>,
    /// Its vCPUs.
    pub vcpu: u64,
    /// Its memory as EC2 states it.
    pub memory_mib: u64,
    /// `amd64` or `arm64`.
    pub architecture: &'static str,
    /// Pods that get an address with secondary addresses.
    pub pods: u64,
    /// CPU that is expected to be allocatable.
    pub allocatable_cpu_milli: u64,
    /// Memory that is expected to be allocatable.
    pub allocatable_memory_mib: u64,
    /// Storage that comes with the instance; 0 for none.
    pub local_storage_gb: u64,
    /// Its GPUs.
    pub gpus: u64,
}

/// The instance types that are known: those of the table, and above them what was shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InstanceTypes {
    /// What was shown, by name; nothing where it exists and too little was shown of it to be a node.
    shown: Arc<BTreeMap<String, Option<Arc<InstanceType>>>>,
}

impl InstanceTypes {
    /// The table, with what `aws ec2 describe-instance-types` printed under `InstanceTypes` above it.
    #[must_use]
    pub fn with(shown: &[Value]) -> Self {
        let of = |item: &Value| {
            let name = item["InstanceType"].as_str()?;
            Some((name.to_owned(), described(name, item).map(Arc::new)))
        };
        Self { shown: Arc::new(shown.iter().filter_map(of).collect()) }
    }

    /// The type of that name, if it is known and what it has is, too.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Arc<InstanceType>> {
        match self.shown.get(name) {
            Some(shown) => shown.clone(),
            None => of_table(name).cloned(),
        }
    }

    /// Whether there is a type of that name.
    #[must_use]
    pub fn exists(&self, name: &str) -> bool {
        self.shown.contains_key(name) || of_table(name).is_some()
    }

    /// Every type of which is known what it has, by name.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<InstanceType>> {
        if self.shown.is_empty() {
            return table().to_vec();
        }
        let mut all: BTreeMap<&str, Option<&Arc<InstanceType>>> =
            table().iter().map(|one| (one.name.as_ref(), Some(one))).collect();
        all.extend(self.shown.iter().map(|(name, one)| (name.as_str(), one.as_ref())));
        all.into_values().flatten().cloned().collect()
    }

    /// The type that was meant by a name that is no type, if one is much like it.
    #[must_use]
    pub fn like(&self, name: &str) -> Option<&str> {
        // Names of types are short; something longer is no slip of the fingers.
        if name.len() >= 64 {
            return None;
        }
        let names = table().iter().map(|one| one.name.as_ref());
        let names = names.chain(self.shown.keys().map(String::as_str).filter(|name| name.len() < 64));
        let near = names.map(|known| (strsim::jaro_winkler(name, known), known));
        let near = near.max_by(|left, right| left.0.total_cmp(&right.0).then_with(|| right.1.cmp(left.1)));
        near.filter(|(likeness, _)| *likeness > 0.8).map(|(_, name)| name)
    }
}

/// Every type in the table, by name.
fn table() -> &'static [Arc<InstanceType>] {
    static TYPES: OnceLock<Vec<Arc<InstanceType>>> = OnceLock::new();
    let lines = || include_str!("instance-types.csv").lines().skip(1);
    TYPES.get_or_init(|| lines().filter_map(of_line).map(Arc::new).collect())
}

fn of_table(name: &str) -> Option<&'static Arc<InstanceType>> {
    table().binary_search_by(|known| known.name.as_ref().cmp(name)).ok().and_then(|at| table().get(at))
}

fn of_line(line: &'static str) -> Option<InstanceType> {
    let mut fields = line.split(',');
    let name = Cow::Borrowed(fields.next()?);
    let number = |fields: &mut std::str::Split<'static, char>| match fields.next()? {
        "" => Some(0),
        text => text.parse().ok(),
    };
    let (vcpu, memory_mib) = (number(&mut fields)?, number(&mut fields)?);
    let architecture = fields.next()?;
    Some(InstanceType {
        name,
        vcpu,
        memory_mib,
        architecture,
        pods: number(&mut fields)?,
        allocatable_cpu_milli: number(&mut fields)?,
        allocatable_memory_mib: number(&mut fields)?,
        local_storage_gb: number(&mut fields)?,
        gpus: number(&mut fields)?,
    })
}

/// More than any instance has, of anything.
const MOST: u64 = 1 << 40;

/// What EC2 says of a type; what it leaves out is as in the table.
///
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_InstanceTypeInfo.html>
fn described(name: &str, item: &Value) -> Option<InstanceType> {
    let known = of_table(name);
    let number = |pointer: &str| item.pointer(pointer).and_then(Value::as_u64).filter(|number| *number < MOST);
    let told = |pointer: &str, of: fn(&InstanceType) -> u64| number(pointer).or_else(|| known.map(|one| of(one)));
    let vcpu = told("/VCpuInfo/DefaultVCpus", |one| one.vcpu)?;
    let memory_mib = told("/MemoryInfo/SizeInMiB", |one| one.memory_mib)?;
    let architectures = item.pointer("/ProcessorInfo/SupportedArchitectures").and_then(Value::as_array);
    let architecture = match architectures {
        Some(list) if list.iter().any(|one| one == "arm64") => "arm64",
        Some(list) if list.iter().any(|one| one == "x86_64") => "amd64",
        // Macs are no nodes.
        Some(_) => return None,
        None => known?.architecture,
    };
    let card = number("/NetworkInfo/DefaultNetworkCardIndex").unwrap_or(0);
    let interfaces = number(&format!("/NetworkInfo/NetworkCards/{card}/MaximumNetworkInterfaces"));
    let interfaces = interfaces.or_else(|| number("/NetworkInfo/MaximumNetworkInterfaces"));
    let addresses = number("/NetworkInfo/Ipv4AddressesPerInterface");
    // What the VPC CNI computes: one address of each interface is its own, and two pods have the node's.
    let pods = interfaces.zip(addresses).map(|(interfaces, each)| (interfaces * (each.max(1) - 1)).min(MOST) + 2);
    let pods = pods.or_else(|| known.map(|one| one.pods))?;
    let gpus = item.pointer("/GpuInfo/Gpus").and_then(Value::as_array);
    let gpus = gpus.map(|gpus| gpus.iter().filter_map(|gpu| gpu["Count"].as_u64()).fold(0, u64::saturating_add));
    Some(InstanceType {
        name: Cow::Owned(name.to_owned()),
        vcpu,
        memory_mib,
        architecture,
        pods,
        allocatable_cpu_milli: allocatable_cpu_milli(vcpu),
        allocatable_memory_mib: allocatable_memory_mib(memory_mib, architecture, pods),
        local_storage_gb: number("/InstanceStorageInfo/TotalSizeInGB").unwrap_or(0),
        gpus: gpus.unwrap_or(0).min(MOST),
    })
}

/// The CPU that kube-reserved leaves, as the EKS AMI computes it.
fn allocatable_cpu_milli(vcpu: u64) -> u64 {
    let all = vcpu.saturating_mul(1000);
    let share = |from: u64, to: u64, per_ten_thousand: u64| {
        all.clamp(from, to).saturating_sub(from).saturating_mul(per_ten_thousand) / 10_000
    };
    let reserved = share(0, 1000, 600) + share(1000, 2000, 100) + share(2000, 4000, 50) + share(4000, u64::MAX, 25);
    all.saturating_sub(reserved)
}

/// The memory that the hypervisor, the kernel, kube-reserved and eviction leave, as Karpenter expects it. Arm kernels
/// keep 64 MiB more for devices.
fn allocatable_memory_mib(memory_mib: u64, architecture: &str, pods: u64) -> u64 {
    let devices = if architecture == "arm64" { 64 } else { 0 };
    let seen = memory_mib.saturating_sub(devices).saturating_mul(925) / 1000;
    seen.saturating_sub(pods.saturating_mul(11).saturating_add(255)).saturating_sub(100)
}

impl InstanceType {
    /// The part of its name before the dot: `m6g`.
    #[must_use]
    pub fn family(&self) -> &str {
        self.name.split('.').next().unwrap_or_default()
    }

    /// The part of its name after the dot: `xlarge`.
    #[must_use]
    pub fn size(&self) -> &str {
        self.name.split_once('.').map_or("", |(_, size)| size)
    }

    /// The letters that its name begins with: `m`.
    #[must_use]
    pub fn category(&self) -> &str {
        let end = self.name.find(|c: char| !c.is_ascii_lowercase()).unwrap_or(self.name.len());
        self.name.get(..end).unwrap_or_default()
    }

    /// The number in the name of its family: 6 of `m6g`.
    #[must_use]
    pub fn generation(&self) -> Option<u64> {
        let rest = self.family().get(self.category().len()..)?;
        // High-memory types name their terabytes first: `u-3tb1`.
        let rest = rest.split_once("tb").filter(|_| rest.starts_with('-')).map_or(rest, |(_, after)| after);
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        rest.get(..end)?.parse().ok()
    }

    /// The pods that a managed node group lets a node of this type run.
    #[must_use]
    pub fn pods_in_node_group(&self) -> u64 {
        self.pods.min(if self.vcpu < 30 { 110 } else { 250 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_table_is_whole_and_in_order() {
        let types = table();
        assert_eq!(types.len(), include_str!("instance-types.csv").lines().count() - 1);
        assert!(types.is_sorted_by_key(|one| one.name.clone()));
        assert!(types.iter().all(|one| one.generation().is_some() && one.vcpu > 0 && one.pods > 0));
        for one in types {
            assert_eq!(one.allocatable_cpu_milli, allocatable_cpu_milli(one.vcpu), "{}", one.name);
            let memory = allocatable_memory_mib(one.memory_mib, one.architecture, one.pods);
            assert!(memory.abs_diff(one.allocatable_memory_mib) <= 1, "{}: {memory} {one:?}", one.name);
        }
    }

    #[test]
    fn names_have_parts() {
        for (name, parts) in [
            ("m6g.xlarge", ("m6g", "xlarge", "m", Some(6))),
            ("u-3tb1.56xlarge", ("u-3tb1", "56xlarge", "u", Some(1))),
            ("im4gn.large", ("im4gn", "large", "im", Some(4))),
            ("c7i-flex.large", ("c7i-flex", "large", "c", Some(7))),
        ] {
            let found = InstanceTypes::default().get(name).unwrap();
            assert_eq!((found.family(), found.size(), found.category(), found.generation()), parts);
        }
        let known = InstanceTypes::default();
        assert_eq!(
            known.get("t3.large").map(|it| (it.allocatable_cpu_milli, it.allocatable_memory_mib)),
            Some((1930, 6837))
        );
        assert!(known.get("m5.huge").is_none() && !known.exists("m5.huge"));
        assert_eq!(known.get("m5.24xlarge").unwrap().pods_in_node_group(), 250);
        assert_eq!(known.like("m5.xlrage"), Some("m5.xlarge"));
        assert_eq!(known.like("nothing of the kind"), None);
    }

    /// What EC2 describes stands above the table, and what it leaves out is as in the table.
    #[test]
    fn what_is_shown_adds_and_corrects() {
        let whole = |name: &str, architecture: &str| {
            json!({"InstanceType": name, "VCpuInfo": {"DefaultVCpus": 4}, "MemoryInfo": {"SizeInMiB": 16384},
                "ProcessorInfo": {"SupportedArchitectures": [architecture]},
                "NetworkInfo": {"DefaultNetworkCardIndex": 0, "Ipv4AddressesPerInterface": 15, "MaximumNetworkInterfaces": 8,
                    "NetworkCards": [{"MaximumNetworkInterfaces": 4}]},
                "InstanceStorageInfo": {"TotalSizeInGB": 237}, "GpuInfo": {"Gpus": [{"Count": 1}, {"Count": 1}]}})
        };
        let shown = [
            whole("m99g.xlarge", "arm64"),
            whole("mac9.metal", "arm64_mac"),
            json!({"InstanceType": "m98.xlarge"}),
            json!({"InstanceType": "t3.large", "MemoryInfo": {"SizeInMiB": 16384}}),
            json!({"InstanceType": 7}),
            json!({"InstanceType": "x.huge", "VCpuInfo": {"DefaultVCpus": u64::MAX}, "MemoryInfo": {"SizeInMiB": u64::MAX}}),
            Value::Null,
        ];
        let types = InstanceTypes::with(&shown);
        let new = types.get("m99g.xlarge").unwrap();
        // As the table has `m6g.xlarge`, which is of that size.
        let like = types.get("m6gd.xlarge").unwrap();
        assert_eq!((new.pods, new.gpus, new.local_storage_gb), (58, 2, 237));
        assert_eq!(
            (new.allocatable_cpu_milli, new.allocatable_memory_mib, new.pods, new.architecture),
            (like.allocatable_cpu_milli, like.allocatable_memory_mib, like.pods, like.architecture)
        );
        for (name, exists, measured) in [
            ("m99g.xlarge", true, true),
            ("mac9.metal", true, false),
            ("m98.xlarge", true, false),
            ("x.huge", true, false),
            ("t3.large", true, true),
            ("m97.xlarge", false, false),
        ] {
            assert_eq!((types.exists(name), types.get(name).is_some()), (exists, measured), "{name}");
        }
        let (before, now) = (InstanceTypes::default().get("t3.large").unwrap(), types.get("t3.large").unwrap());
        assert_eq!((now.vcpu, now.pods, now.memory_mib), (before.vcpu, before.pods, 16384));
        assert_eq!(now.allocatable_memory_mib, 16384 * 925 / 1000 - 11 * before.pods - 355);
        assert_eq!(types.all().len(), table().len() + 1);
        assert!(types.all().is_sorted_by_key(|one| one.name.clone()));
        assert_eq!(types.like("m99g.xlrage"), Some("m99g.xlarge"));
    }
}
