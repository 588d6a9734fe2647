//! EC2 instance types as nodes: what each has, and what Kubernetes may hand out of it.
//!
//! Sources: the instance type reference of Karpenter (commit 1d927085dd81, 21 August 2026), `instance-info.jsonl` of
//! the EKS AMI (v20260724) and `eni-max-pods.txt` of the VPC CNI (commit b52188387f2e, 20 August 2026). What is
//! allocatable is what Karpenter expects of Amazon Linux 2023: kube-reserved, 100 MiB for eviction, and 7.5 % of the
//! memory for what the hypervisor and the kernel keep. A real node has a little more or less.
//!
//! Deliberately absent: prices, zones and regions. A type that is not in the table may be newer than it.

use std::sync::OnceLock;

/// An instance type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InstanceType {
    /// Its name: `m6g.xlarge`.
    pub name: &'static str,
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

/// Every type in the table, by name.
#[must_use]
pub fn instance_types() -> &'static [InstanceType] {
    static TYPES: OnceLock<Vec<InstanceType>> = OnceLock::new();
    TYPES.get_or_init(|| include_str!("instance-types.csv").lines().skip(1).filter_map(of_line).collect())
}

/// The type of that name, if the table has it.
#[must_use]
pub fn instance_type(name: &str) -> Option<&'static InstanceType> {
    let types = instance_types();
    types.binary_search_by(|known| known.name.cmp(name)).ok().and_then(|at| types.get(at))
}

/// The type that was meant by a name that is no type, if one is much like it.
#[must_use]
pub fn type_like(name: &str) -> Option<&'static str> {
    // Names of types are short; something longer is no slip of the fingers.
    if name.len() >= 64 {
        return None;
    }
    let near = instance_types().iter().map(|one| (strsim::jaro_winkler(name, one.name), one.name));
    let near = near.max_by(|left, right| left.0.total_cmp(&right.0).then_with(|| right.1.cmp(left.1)));
    near.filter(|(likeness, _)| *likeness > 0.8).map(|(_, name)| name)
}

fn of_line(line: &'static str) -> Option<InstanceType> {
    let mut fields = line.split(',');
    let name = fields.next()?;
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

impl InstanceType {
    /// The part of its name before the dot: `m6g`.
    #[must_use]
    pub fn family(&self) -> &'static str {
        self.name.split('.').next().unwrap_or_default()
    }

    /// The part of its name after the dot: `xlarge`.
    #[must_use]
    pub fn size(&self) -> &'static str {
        self.name.split_once('.').map_or("", |(_, size)| size)
    }

    /// The letters that its name begins with: `m`.
    #[must_use]
    pub fn category(&self) -> &'static str {
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

    #[test]
    fn the_table_is_whole_and_in_order() {
        let types = instance_types();
        assert_eq!(types.len(), include_str!("instance-types.csv").lines().count() - 1);
        assert!(types.is_sorted_by_key(|one| one.name));
        assert!(types.iter().all(|one| one.generation().is_some() && one.vcpu > 0 && one.pods > 0));
        // kube-reserved, as the EKS AMI computes it.
        for one in types {
            let share = |from: u64, to: u64, per_mille: u64, of: u64| {
                (one.vcpu * 1000).clamp(from, to).saturating_sub(from) * per_mille / of
            };
            let reserved = share(0, 1000, 60, 1000)
                + share(1000, 2000, 10, 1000)
                + share(2000, 4000, 5, 1000)
                + share(4000, u64::MAX, 25, 10_000);
            assert_eq!(one.allocatable_cpu_milli, one.vcpu * 1000 - reserved, "{}", one.name);
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
            let found = instance_type(name).unwrap();
            assert_eq!((found.family(), found.size(), found.category(), found.generation()), parts);
        }
        assert_eq!(
            instance_type("t3.large").map(|it| (it.allocatable_cpu_milli, it.allocatable_memory_mib)),
            Some((1930, 6837))
        );
        assert!(instance_type("m5.huge").is_none());
        assert_eq!(instance_type("m5.24xlarge").unwrap().pods_in_node_group(), 250);
    }
}
