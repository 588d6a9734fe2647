//! What YARN has on a node, and whether it counts vcores.
//!
//! EMR gives YARN a part of each instance's memory, and its release guide lists how much for each type. Those figures
//! follow from the memory by two rules, one for older families and one for newer ones; they are told here only for
//! types that the guide lists. HBase takes a part of them, and a bootstrap action may change them.
//!
//! EMR's scheduler compares memory alone, as Hadoop does where nothing else is configured. Vcores are counted where
//! the configuration names `DominantResourceCalculator` or the fair scheduler. How many a node then has EMR does not
//! document: for some types it is not the number of vCPUs.
//!
//! Follows <https://docs.aws.amazon.com/emr/latest/ReleaseGuide/emr-hadoop-task-config.html>.

use super::configuration;
use crate::facts::instances::InstanceType;
use serde_json::Value;
use std::collections::BTreeMap;

/// Families whose YARN has three quarters of the memory, or all but 8 GiB where that is more.
const OLDER: [&str; 16] =
    ["c5", "c5d", "c5n", "d2", "g4dn", "i3", "i3en", "m4", "m5", "m5a", "m5d", "r4", "r5", "r5a", "r5d", "z1d"];
/// Families for which the same holds of what is left when 3 GiB of every 64 are kept back.
const NEWER: [&str; 13] =
    ["c5a", "c5ad", "c6g", "c6gd", "c6gn", "d3", "d3en", "m6g", "m6gd", "r5b", "r5dn", "r6g", "r6gd"];
/// Sizes of these families that the guide does not list.
const NOT_LISTED: [&str; 2] = ["c5d.12xlarge", "c5d.24xlarge"];
/// Types that the guide lists with another figure than the rule gives.
const OTHERWISE: [(&str, u64); 3] = [("c5a.12xlarge", 90_112), ("m6g.12xlarge", 181_248), ("m6gd.12xlarge", 181_248)];
/// The least allocation for all types of these families.
pub(super) const LEAST_ALLOCATION_MIB: u64 = 32;

/// The memory that EMR gives YARN on a node of this type, where the release guide lists it.
#[must_use]
pub fn documented_memory_mib(one: &InstanceType) -> Option<u64> {
    if let Some((_, memory_mib)) = OTHERWISE.iter().find(|(name, _)| *name == one.name) {
        return Some(*memory_mib);
    }
    let is_listed = one.size().ends_with("xlarge") || one.name == "m4.large";
    let memory_mib = match one.family() {
        _ if !is_listed || NOT_LISTED.contains(&&*one.name) => return None,
        family if OLDER.contains(&family) => one.memory_mib,
        family if NEWER.contains(&family) && one.memory_mib == 8192 => return Some(5632),
        family if NEWER.contains(&family) => one.memory_mib / 64 * 61,
        _ => return None,
    };
    Some((memory_mib / 4 * 3).max(memory_mib.saturating_sub(8192)))
}

/// What a request says of YARN, for all of its nodes or for one group of them.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Settings {
    /// Memory for containers on a node, where it is configured.
    pub(super) memory_mib: Option<u64>,
    /// Vcores for containers on a node, where they are configured.
    pub(super) vcores: Option<u64>,
    /// What requests are rounded up to multiples of, where it is configured.
    pub(super) least_mib: Option<u64>,
    /// The largest container, where it is configured.
    pub(super) largest_mib: Option<u64>,
    /// Whether vcores are counted.
    pub(super) counts_vcores: bool,
    /// Whether something takes away from what is documented, or may change it.
    pub(super) is_altered: bool,
}

impl Settings {
    /// The settings of the request, with those of a group over them.
    pub(super) fn of(request: &Value, group: Option<&Value>) -> Self {
        let over = |classification: &str| -> BTreeMap<String, String> {
            let mut all = configuration(request, classification);
            all.extend(group.map(|group| configuration(group, classification)).into_iter().flatten());
            all
        };
        let yarn = over("yarn-site");
        let number = |key: &str| yarn.get(key).and_then(|text| text.trim().parse::<u64>().ok());
        let calculator = configuration(request, "capacity-scheduler");
        let calculator = calculator.get("yarn.scheduler.capacity.resource-calculator");
        let scheduler = yarn.get("yarn.resourcemanager.scheduler.class");
        let named = |text: Option<&String>, name: &str| text.is_some_and(|text| text.trim().ends_with(name));
        let has = |list: &str, name: Option<&str>| {
            let entries = request[list].as_array().into_iter().flatten();
            entries.into_iter().any(|entry| name.is_none_or(|name| entry["Name"] == name))
        };
        Self {
            memory_mib: number("yarn.nodemanager.resource.memory-mb"),
            vcores: number("yarn.nodemanager.resource.cpu-vcores"),
            least_mib: number("yarn.scheduler.minimum-allocation-mb"),
            largest_mib: number("yarn.scheduler.maximum-allocation-mb"),
            counts_vcores: named(calculator, "DominantResourceCalculator") || named(scheduler, "FairScheduler"),
            is_altered: has("Applications", Some("HBase")) || has("BootstrapActions", None),
        }
    }

    /// The memory that YARN has on a node of this type, where it is known.
    pub(super) fn memory_on(&self, one: &InstanceType) -> Option<u64> {
        let documented = || documented_memory_mib(one).filter(|_| !self.is_altered);
        Some(self.memory_mib.or_else(documented)?.min(one.memory_mib))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::instances::InstanceTypes;

    /// Figures of the release guide.
    #[test]
    fn yarn_has_what_the_release_guide_lists() {
        let types = InstanceTypes::default();
        for (name, expected) in [
            ("m4.large", Some(6144)),
            ("m5.xlarge", Some(12_288)),
            ("m5.4xlarge", Some(57_344)),
            ("m5.24xlarge", Some(385_024)),
            ("r5.2xlarge", Some(57_344)),
            ("c5.xlarge", Some(6144)),
            ("c5n.xlarge", Some(8064)),
            ("i3.xlarge", Some(23_424)),
            ("i3.2xlarge", Some(54_272)),
            ("g4dn.xlarge", Some(12_288)),
            ("m6g.xlarge", Some(11_712)),
            ("m6g.12xlarge", Some(181_248)),
            ("r6g.16xlarge", Some(491_520)),
            ("c6g.xlarge", Some(5632)),
            ("c6g.12xlarge", Some(85_504)),
            ("r5b.24xlarge", Some(741_376)),
            ("m5.large", None),
            ("m5.metal", None),
            ("c5d.24xlarge", None),
            ("m7i.xlarge", None),
        ] {
            assert_eq!(documented_memory_mib(&types.get(name).unwrap()), expected, "{name}");
        }
        assert!(types.all().iter().all(|one| documented_memory_mib(one).is_none_or(|yarn| yarn < one.memory_mib)));
    }
}
