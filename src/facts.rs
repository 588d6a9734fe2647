//! Facts with dates: which releases exist, what they contain, how long they are supported; managed policies.
//!
//! Sources: the release pages of the Amazon EMR Release Guide, the EMR on EKS Development Guide
//! (`emr-eks-releases.html`) and the Amazon EKS User Guide (`kubernetes-versions.html`), November 2026;
//! managed policies from <https://github.com/iann0036/iam-dataset>, 22 August 2026.
//! A day that no page states is empty in the tables. Support of a release never ends before that of an
//! older one, so its neighbours bound it, and an answer is given only where the bounds agree.

pub mod actions;
pub mod instances;

use crate::known::Truth;

/// An EMR release.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Release {
    /// Its version: `7.10.0`.
    pub version: &'static str,
    /// The Apache version of its Spark, where it is known.
    pub spark: Option<&'static str>,
    /// The last day of standard support, where it is known.
    pub standard_support_until: Option<&'static str>,
    /// The last day of its life, where it is known.
    pub end_of_life: Option<&'static str>,
    /// Whether EMR on EKS has it.
    pub on_eks: Truth,
}

/// A Kubernetes version of Amazon EKS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EksVersion {
    /// The version: `1.34`.
    pub version: &'static str,
    /// The last day of standard support.
    pub standard_support_until: &'static str,
    /// The last day of extended support.
    pub extended_support_until: &'static str,
}

/// The release of that version, if the table has it.
#[must_use]
pub fn emr_release(version: &str) -> Option<Release> {
    releases().find(|release| release.version == version)
}

/// Every release in the table, the oldest first.
fn releases() -> impl Iterator<Item = Release> {
    include_str!("facts/emr-releases.csv").lines().skip(1).filter_map(|line| {
        let mut fields = line.split(',').map(|field| (!field.is_empty()).then_some(field));
        let version = fields.next()??;
        let spark = fields.next()?;
        let (_released, standard_support_until, end_of_life) = (fields.next()?, fields.next()?, fields.next()?);
        let on_eks = match fields.next()? {
            Some("yes") => Truth::True,
            Some(_) => Truth::False,
            None => Truth::Unknown,
        };
        Some(Release { version, spark, standard_support_until, end_of_life, on_eks })
    })
}

/// Whether standard support of the EMR release goes on beyond the day `today` (`YYYY-MM-DD`).
#[must_use]
pub fn emr_supported(version: &str, today: &str) -> Truth {
    not_after(version, today, |release| release.standard_support_until)
}

/// Whether the EMR release is not past the end of its life on the day `today` (`YYYY-MM-DD`).
#[must_use]
pub fn emr_alive(version: &str, today: &str) -> Truth {
    not_after(version, today, |release| release.end_of_life)
}

/// Whether a day of a release is still to come, where what is stated of it and of its neighbours tells.
fn not_after(version: &str, today: &str, day: impl Fn(&Release) -> Option<&'static str>) -> Truth {
    let all: Vec<Release> = releases().collect();
    let Some(number) = numbers(version) else { return Truth::Unknown };
    // One that the table lacks stands between those that it has; what comes after all of them is not known.
    let at = all.partition_point(|release| numbers(release.version) < Some(number));
    match all.get(at) {
        None => return Truth::Unknown,
        Some(release) if release.version == version => {
            if let Some(until) = day(release) {
                return Truth::from(today <= until);
            }
        }
        Some(_) => {}
    }
    let at_least = all.iter().take(at).rev().find_map(&day);
    let at_most = all.iter().skip(at).find_map(&day);
    if at_least.is_some_and(|until| today <= until) {
        Truth::True
    } else if at_most.is_some_and(|until| today > until) {
        Truth::False
    } else {
        Truth::Unknown
    }
}

/// The parts of a version as numbers that can be compared; the last may be missing.
fn numbers(version: &str) -> Option<(u32, u32, u32)> {
    let mut parts = version.split('.').map(|part| part.parse::<u32>().ok());
    Some((parts.next()??, parts.next()??, parts.next().unwrap_or(Some(0))?))
}

/// The Kubernetes version; the oldest of the table stands for all before it.
#[must_use]
pub fn eks_version(version: &str) -> Option<EksVersion> {
    let wanted = numbers(version)?;
    let all = include_str!("facts/eks-versions.csv").lines().skip(1).filter_map(|line| {
        let mut fields = line.split(',');
        let version = fields.next()?;
        let (_released, standard, extended) = (fields.next()?, fields.next()?, fields.next()?);
        Some(EksVersion { version, standard_support_until: standard, extended_support_until: extended })
    });
    let mut all = all.peekable();
    let oldest = all.peek().copied().filter(|oldest| numbers(oldest.version) > Some(wanted));
    oldest.or_else(|| all.find(|known| numbers(known.version) == Some(wanted)))
}

/// A managed policy of AWS, as of a version.
struct ManagedPolicy {
    /// The resource in its ARN: `policy/service-role/AmazonEMRServicePolicy_v2`.
    resource: &'static str,
    /// The version and the day on which it was made.
    #[cfg_attr(not(test), expect(dead_code, reason = "for the reader of the table"))]
    version: (&'static str, &'static str),
    document: &'static str,
}

/// The managed policies of EMR in their default versions of August 2026, for exports that leave them out.
const MANAGED_POLICIES: &[ManagedPolicy] = &[
    ManagedPolicy {
        resource: "policy/service-role/AmazonEMRServicePolicy_v2",
        version: ("v6", "2026-02-12"),
        document: include_str!("facts/managed-policies/AmazonEMRServicePolicy_v2.json"),
    },
    ManagedPolicy {
        resource: "policy/AmazonEMRFullAccessPolicy_v2",
        version: ("v7", "2026-02-12"),
        document: include_str!("facts/managed-policies/AmazonEMRFullAccessPolicy_v2.json"),
    },
    ManagedPolicy {
        resource: "policy/AmazonEMRReadOnlyAccessPolicy_v2",
        version: ("v3", "2023-08-02"),
        document: include_str!("facts/managed-policies/AmazonEMRReadOnlyAccessPolicy_v2.json"),
    },
    ManagedPolicy {
        resource: "policy/service-role/AmazonElasticMapReduceRole",
        version: ("v10", "2020-06-24"),
        document: include_str!("facts/managed-policies/AmazonElasticMapReduceRole.json"),
    },
    ManagedPolicy {
        resource: "policy/service-role/AmazonElasticMapReduceforEC2Role",
        version: ("v3", "2017-08-11"),
        document: include_str!("facts/managed-policies/AmazonElasticMapReduceforEC2Role.json"),
    },
    ManagedPolicy {
        resource: "policy/service-role/AmazonElasticMapReduceforAutoScalingRole",
        version: ("v1", "2016-11-18"),
        document: include_str!("facts/managed-policies/AmazonElasticMapReduceforAutoScalingRole.json"),
    },
    ManagedPolicy {
        resource: "policy/AmazonElasticMapReduceFullAccess",
        version: ("v7", "2019-10-11"),
        document: include_str!("facts/managed-policies/AmazonElasticMapReduceFullAccess.json"),
    },
    ManagedPolicy {
        resource: "policy/AmazonElasticMapReduceReadOnlyAccess",
        version: ("v3", "2020-07-29"),
        document: include_str!("facts/managed-policies/AmazonElasticMapReduceReadOnlyAccess.json"),
    },
];

/// The text of a managed policy of AWS for EMR, by the resource in its ARN.
#[must_use]
pub fn managed_policy(resource: &str) -> Option<&'static str> {
    MANAGED_POLICIES.iter().find(|policy| policy.resource == resource).map(|policy| policy.document)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_whole_and_in_order() {
        assert_eq!(releases().count(), include_str!("facts/emr-releases.csv").lines().count() - 1);
        let number =
            |release: &Release| -> Vec<u32> { release.version.split('.').map(|n| n.parse().unwrap()).collect() };
        let all: Vec<Release> = releases().collect();
        assert!(all.is_sorted_by_key(number));
        let until: Vec<_> = all.iter().filter_map(|release| release.standard_support_until).collect();
        assert!(until.is_sorted());
    }

    #[test]
    fn managed_policies_are_documents() {
        for policy in MANAGED_POLICIES {
            let document: serde_json::Value = serde_json::from_str(policy.document).unwrap();
            assert!(document["Statement"].as_array().is_some_and(|list| !list.is_empty()), "{}", policy.resource);
            assert!(policy.version.0.starts_with('v') && policy.version.1.len() == 10, "{}", policy.resource);
        }
        assert!(managed_policy("policy/service-role/AmazonEMRServicePolicy_v2").is_some());
        assert!(managed_policy("policy/AmazonEMRServicePolicy_v2").is_none());
    }

    #[test]
    fn neighbours_bound_a_day_that_no_page_states() {
        for (version, today, supported) in [
            ("7.10.0", "2027-08-15", Truth::True),
            ("7.10.0", "2027-08-16", Truth::False),
            ("7.12.0", "2026-11-20", Truth::True),
            ("6.5.0", "2026-11-20", Truth::False),
            ("6.5.0", "2026-02-24", Truth::Unknown),
            ("7.8.0", "2026-11-20", Truth::True),
            ("7.8.0", "2027-01-01", Truth::Unknown),
            ("9.9.9", "2026-11-20", Truth::Unknown),
            ("5.7.0", "2026-11-20", Truth::False),
            ("5.30.1", "2026-11-20", Truth::False),
            ("7.3.1", "2026-11-20", Truth::False),
            ("5.x", "2026-11-20", Truth::Unknown),
        ] {
            assert_eq!(emr_supported(version, today), supported, "{version} on {today}");
        }
        assert_eq!(eks_version("1.34").unwrap().standard_support_until, "2026-12-02");
        assert_eq!(eks_version("1.21").unwrap().extended_support_until, "2024-10-11");
        assert_eq!((eks_version("1.99"), eks_version("latest")), (None, None));
        assert_eq!(emr_release("7.12.0").unwrap().spark, Some("3.5.6"));
    }
}
