//! Reading accounts and clusters as they are now.
//!
//! Every answer is brought into the form that `aws … --output json` prints and goes the way of an
//! exported file from there on, so a live run, its snapshot and an export of the same state say the
//! same by construction. What is asked follows from the rules: they name the collections that they
//! touch ([`demand`]), a table says which calls list and describe those ([`calls`]), and the reading,
//! its explanation and the permissions that it takes are three views of that one plan ([`plan`]).
//!
//! A call that fails leaves the run alive: what it would have told is unknown, and says which
//! permission or action would settle it. What is exported beside a live run is read together with it.
//!
//! Deliberately absent: calls that change anything, and calls that return secrets.

#[cfg(feature = "live")]
pub mod aws;
pub mod calls;
pub mod demand;
#[cfg(feature = "live")]
pub mod kubernetes;
pub mod plan;

use super::assemble::Reading;
use crate::system::System;

/// What calls have answered, to be put together with what was read from files.
#[derive(Debug, Default)]
pub struct Answers {
    pub(crate) readings: Vec<Reading>,
    /// The ARNs of what was asked about by name; without any, everything was.
    pub targets: Vec<String>,
}

/// What a run is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// An EKS cluster, by name or ARN.
    Eks(String),
    /// An EMR virtual cluster, by id or ARN.
    VirtualCluster(String),
    /// An EMR Serverless application, by id or ARN.
    Application(String),
    /// An EMR cluster, by id or ARN.
    Emr(String),
}

impl Target {
    /// What a user means by an ARN, an id or a name.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let text = text.to_owned();
        if let Some(arn) = crate::arn::Arn::parse(&text) {
            return match arn.service {
                "emr-containers" => Self::VirtualCluster(text),
                "emr-serverless" => Self::Application(text),
                "elasticmapreduce" => Self::Emr(text),
                _ => Self::Eks(text),
            };
        }
        let plain = text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        if text
            .strip_prefix("j-")
            .is_some_and(|id| id.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit()))
        {
            Self::Emr(text)
        } else if plain && text.starts_with("00") && text.len() == 16 {
            Self::Application(text)
        } else if plain && (25..=26).contains(&text.len()) {
            Self::VirtualCluster(text)
        } else {
            Self::Eks(text)
        }
    }

    /// The systems whose rollouts such a thing carries.
    #[must_use]
    pub fn systems(&self) -> &'static [System] {
        match self {
            Self::Eks(_) | Self::VirtualCluster(_) => {
                &[System::EmrOnEks, System::SparkOperator, System::BatchProcessingGateway]
            }
            Self::Application(_) => &[System::EmrServerless],
            Self::Emr(_) => &[System::EmrOnEc2],
        }
    }

    /// The name, id or ARN itself.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::Eks(text) | Self::VirtualCluster(text) | Self::Application(text) | Self::Emr(text) => text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_tell_what_they_are() {
        for (text, expected) in [
            ("arn:aws:eks:us-east-1:111122223333:cluster/a", "Eks"),
            ("spark-dev", "Eks"),
            ("arn:aws:emr-containers:us-east-1:111122223333:/virtualclusters/abc", "VirtualCluster"),
            ("0b0qvauoy3ch1nqodxxxxxxxx", "VirtualCluster"),
            ("00f1r2s3t4u5v6w7", "Application"),
            ("j-3KVTXXXXXX7UG", "Emr"),
        ] {
            assert!(format!("{:?}", Target::of(text)).starts_with(expected), "{text}");
        }
    }
}
