//! The accounts, regions and clusters of which the items speak, and whose a file is by its path.

use super::super::subject;
use crate::arn::{Arn, last_segment};
use std::collections::{BTreeMap, BTreeSet};

/// The accounts, regions and clusters that the items name.
#[derive(Default)]
pub(super) struct Known {
    pub(super) accounts: BTreeSet<String>,
    /// `ACCOUNT/REGION`.
    pub(super) places: BTreeSet<String>,
    pub(super) partitions: BTreeSet<String>,
    /// ARN to name and how well it is known.
    pub(super) clusters: BTreeMap<String, (String, Acquaintance)>,
    /// ARN to id, and ARN to name, of virtual clusters and applications.
    pub(super) parents: Vec<(String, String)>,
    pub(super) namespaces: BTreeSet<String>,
}

/// How the export speaks of a cluster. A list without a cluster's name is of the only one that is
/// known best: accounts have old clusters that lists and virtual clusters still name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Acquaintance {
    /// Its description, something in it, or a declared rollout is there.
    Described,
    /// A virtual cluster is in it.
    Mentioned,
    /// A list names it.
    Listed,
}

impl Known {
    pub(super) fn cluster_is(&mut self, arn: String, how: Acquaintance) {
        let name = last_segment(&arn).to_owned();
        let known = self.clusters.entry(arn).or_insert((name, how));
        known.1 = known.1.min(how);
    }

    /// The clusters of a name.
    pub(super) fn clusters_called(&self, name: &str) -> BTreeSet<&String> {
        self.clusters.iter().filter(|(_, (known, _))| known == name).map(|(arn, _)| arn).collect()
    }

    pub(super) fn note(&mut self, arn: Arn<'_>, how: Acquaintance) {
        // What belongs to an organization names the account that manages it, of which nothing else is here.
        if arn.owner().is_none() || arn.service == "organizations" {
            return;
        }
        self.accounts.extend(arn.owner());
        self.places.extend(arn.place());
        self.partitions.insert(arn.partition.to_owned());
        if let Some(cluster) = arn.eks_cluster() {
            self.cluster_is(cluster, how);
        }
    }

    /// The account, region and partition of a change, where all that is known speaks of one.
    pub(super) fn home(&self) -> super::code::Holes {
        let place = sole(&self.places).and_then(|place| place.split_once('/'));
        let account = sole(&self.accounts).filter(|account| place.is_none_or(|(of, _)| of == account.as_str()));
        let mut home = super::code::Holes::new();
        if let Some(account) = account {
            home.insert(crate::read::code::ACCOUNT.to_owned(), account.clone());
            home.extend(place.map(|(_, region)| (crate::read::code::REGION.to_owned(), region.to_owned())));
            home.extend(
                sole(&self.partitions).map(|partition| (crate::read::code::PARTITION.to_owned(), partition.clone())),
            );
        }
        home
    }

    pub(super) fn account(&self, path: &str) -> Option<String> {
        subject::account(path).or_else(|| sole(&self.accounts).cloned())
    }

    pub(super) fn place(&self, path: &str) -> Option<String> {
        let region = subject::region(path);
        let account = subject::account(path);
        let fits = |place: &&String| {
            place.split_once('/').is_some_and(|(of, at)| {
                account.as_deref().is_none_or(|account| account == of)
                    && region.as_deref().is_none_or(|region| region == at)
            })
        };
        let places: BTreeSet<&String> = self.places.iter().filter(fits).collect();
        match (sole(&places), region) {
            (Some(place), _) => Some((*place).clone()),
            (None, Some(region)) if places.is_empty() => Some(format!("{}/{region}", self.account(path)?)),
            _ => None,
        }
    }

    pub(super) fn cluster(&self, path: &str) -> Option<String> {
        let (account, region) = (subject::account(path), subject::region(path));
        let clusters: Vec<(&str, &str, Acquaintance)> = self
            .clusters
            .iter()
            .filter(|(arn, _)| {
                (account.is_none() && region.is_none())
                    || Arn::parse(arn).is_some_and(|arn| {
                        account.as_deref().is_none_or(|account| account == arn.account)
                            && region.as_deref().is_none_or(|region| region == arn.region)
                    })
            })
            .map(|(arn, (name, how))| (name.as_str(), arn.as_str(), *how))
            .collect();
        match subject::named(path, clusters.iter().map(|(name, arn, _)| (*name, *arn))) {
            Ok(Some(arn)) => Some(arn.to_owned()),
            Ok(None) => {
                let best = self.clusters.values().map(|(_, how)| *how).min()?;
                let known: BTreeSet<&String> =
                    self.clusters.iter().filter(|(_, (_, how))| *how == best).map(|(arn, _)| arn).collect();
                sole(&known).map(|arn| (*arn).clone())
            }
            Err(_) => None,
        }
    }

    pub(super) fn partition(&self, region: Option<&str>) -> String {
        match region {
            Some(region) if region.starts_with("cn-") => "aws-cn".to_owned(),
            Some(region) if region.starts_with("us-gov-") => "aws-us-gov".to_owned(),
            Some(_) => "aws".to_owned(),
            None => sole(&self.partitions).cloned().unwrap_or_else(|| "aws".to_owned()),
        }
    }
}

pub(super) fn sole<T: Ord>(set: &BTreeSet<T>) -> Option<&T> {
    set.first().filter(|_| set.len() == 1)
}
