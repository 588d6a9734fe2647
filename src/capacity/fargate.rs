//! Pods that Fargate takes.
//!
//! A Fargate profile takes every pod of the namespaces and labels that it selects; such a pod gets a machine of its
//! own, of the smallest size that holds its requests and 256 MiB for Kubernetes, and never runs on a node.
//!
//! Follows <https://docs.aws.amazon.com/eks/latest/userguide/fargate-pod-configuration.html>.
//!
//! Deliberately absent: machines above 4 vCPUs, of which no table says since when they exist.

use super::demand::PodDemand;
use serde_json::Value;
use std::collections::BTreeMap;

/// A Fargate profile.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    /// Its name.
    pub name: String,
    /// Which pods it takes: those that one of these selects.
    pub selectors: Vec<Selector>,
}

/// A namespace, in which `*` and `?` may stand, and labels that a pod must have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selector {
    /// The namespace.
    pub namespace: String,
    /// The labels.
    pub labels: BTreeMap<String, String>,
}

/// What Fargate makes of a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken {
    /// No profile selects it.
    No,
    /// This profile takes it, onto a machine of this size: vCPU in thousandths, memory in MiB.
    By {
        /// The profile.
        profile: String,
        /// The size.
        size: (u64, u64),
    },
    /// It cannot be told.
    Unknown(String),
}

/// The profiles that `describe-fargate-profile` prints, those that are being deleted left out.
#[must_use]
pub fn profiles<'v>(list: impl IntoIterator<Item = &'v Value>) -> Vec<Profile> {
    let live = |profile: &&Value| !matches!(profile["status"].as_str(), Some("DELETING" | "CREATE_FAILED"));
    let of = |profile: &Value| Profile {
        name: profile["fargateProfileName"].as_str().unwrap_or_default().to_owned(),
        selectors: profile["selectors"].as_array().into_iter().flatten().map(selector).collect(),
    };
    list.into_iter().map(|it| it.get("fargateProfile").unwrap_or(it)).filter(live).map(of).collect()
}

fn selector(selector: &Value) -> Selector {
    let labels = selector["labels"].as_object().into_iter().flatten();
    Selector {
        namespace: selector["namespace"].as_str().unwrap_or_default().to_owned(),
        labels: labels.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect(),
    }
}

/// Whether one of the profiles takes the pod.
#[must_use]
pub fn takes(profiles: &[Profile], namespace: Option<&str>, pod: &PodDemand) -> Taken {
    if profiles.is_empty() {
        return Taken::No;
    }
    let Some(namespace) = namespace else {
        return Taken::Unknown("the namespace is not known, by which Fargate profiles select".to_owned());
    };
    for profile in profiles {
        for selector in profile.selectors.iter().filter(|selector| matches(&selector.namespace, namespace)) {
            let has = |(key, value): (&String, &String)| pod.labels.get(key).is_some_and(|own| matches(value, own));
            if selector.labels.iter().all(has) {
                return match size(pod.cpu_milli, pod.memory_mib) {
                    Some(size) => Taken::By { profile: profile.name.clone(), size },
                    None => Taken::Unknown(format!(
                        "Fargate profile `{}` takes the {}, which needs more than 4 vCPUs or 30 GB",
                        profile.name, pod.role
                    )),
                };
            }
            if pod.template.is_some() {
                return Taken::Unknown(format!(
                    "the {}'s pod template may hold the labels that Fargate profile `{}` selects",
                    pod.role, profile.name
                ));
            }
        }
    }
    Taken::No
}

/// The profile that takes every pod of a namespace, whatever its labels.
#[must_use]
pub fn takes_all<'p>(profiles: &'p [Profile], namespace: &str) -> Option<&'p str> {
    let all = |selector: &Selector| selector.labels.is_empty() && matches(&selector.namespace, namespace);
    profiles.iter().find(|profile| profile.selectors.iter().any(all)).map(|profile| profile.name.as_str())
}

/// Sizes of machines: vCPU in thousandths; least, most and step of memory in MiB.
const SIZES: [(u64, u64, u64, u64); 5] = [
    (250, 512, 2048, 512),
    (500, 1024, 4096, 1024),
    (1000, 2048, 8192, 1024),
    (2000, 4096, 16384, 1024),
    (4000, 8192, 30720, 1024),
];

/// The smallest machine for a pod with these requests.
#[must_use]
pub fn size(cpu_milli: u64, memory_mib: u64) -> Option<(u64, u64)> {
    let memory = memory_mib.checked_add(256)?;
    SIZES.iter().find(|(cpu, _, most, _)| *cpu >= cpu_milli && *most >= memory).map(|(cpu, least, most, step)| {
        let rounded = memory.max(*least).div_ceil(*step) * step;
        // 0.25 vCPU comes with 0.5, 1 or 2 GB.
        let rounded = if *cpu == 250 && rounded == 1536 { 2048 } else { rounded };
        (*cpu, rounded.min(*most))
    })
}

/// Whether a text matches a pattern with `*` and `?`, in time proportional to their product.
fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut at, mut in_text, mut star) = (0, 0, None);
    while in_text < text.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, in_text));
                at += 1;
            }
            Some(c) if *c == '?' || Some(c) == text.get(in_text) => {
                at += 1;
                in_text += 1;
            }
            _ => match star {
                Some((back, from)) => {
                    star = Some((back, from + 1));
                    at = back + 1;
                    in_text = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern.iter().skip(at).all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capacity::demand::Role;
    use serde_json::json;

    #[test]
    fn machines_come_in_sizes() {
        for (cpu, memory, expected) in [
            (100, 100, Some((250, 512))),
            (250, 1200, Some((250, 2048))),
            (1000, 1408, Some((1000, 2048))),
            (1000, 1793, Some((1000, 3072))),
            (1001, 1408, Some((2000, 4096))),
            (4000, 30 * 1024 - 256, Some((4000, 30 * 1024))),
            (4000, 30 * 1024, None),
            (4001, 1, None),
            (1, u64::MAX, None),
        ] {
            assert_eq!(size(cpu, memory), expected, "{cpu} {memory}");
        }
    }

    #[test]
    fn a_profile_takes_what_it_selects() {
        let profile = |selectors: Value| profiles([&json!({"fargateProfileName": "spark", "selectors": selectors})]);
        let mut pod = PodDemand::new(Role::Driver, 1, 1000, 1408);
        pod.labels.insert("spark-role".into(), "driver".into());
        let by = Taken::By { profile: "spark".into(), size: (1000, 2048) };
        for (selectors, expected) in [
            (json!([{"namespace": "team"}]), by.clone()),
            (json!([{"namespace": "te*"}]), by.clone()),
            (json!([{"namespace": "te?m", "labels": {"spark-role": "driver"}}]), by),
            (json!([{"namespace": "team", "labels": {"spark-role": "executor"}}]), Taken::No),
            (json!([{"namespace": "other"}]), Taken::No),
            (json!([]), Taken::No),
        ] {
            assert_eq!(takes(&profile(selectors.clone()), Some("team"), &pod), expected, "{selectors}");
        }
        assert!(matches!(takes(&profile(json!([])), None, &pod), Taken::Unknown(_)));
        pod.template = Some("s3://b/t.yaml".into());
        let open = profile(json!([{"namespace": "team", "labels": {"x": "y"}}]));
        assert!(matches!(takes(&open, Some("team"), &pod), Taken::Unknown(_)));
    }
}
