//! The kinds of platform that rollouts run on.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A kind of platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum System {
    /// Amazon EMR on EKS: virtual clusters and job runs.
    EmrOnEks,
    /// Amazon EMR Serverless: applications and job runs.
    EmrServerless,
    /// Amazon EMR on EC2: clusters and steps.
    EmrOnEc2,
    /// A Spark operator, also behind a Spark Gateway.
    SparkOperator,
    /// The Batch Processing Gateway over several clusters.
    BatchProcessingGateway,
}

impl System {
    /// Every system.
    pub const ALL: [Self; 5] =
        [Self::EmrOnEks, Self::EmrServerless, Self::EmrOnEc2, Self::SparkOperator, Self::BatchProcessingGateway];

    /// Its name in rules, configuration and reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::EmrOnEks => "emr-on-eks",
            Self::EmrServerless => "emr-serverless",
            Self::EmrOnEc2 => "emr-on-ec2",
            Self::SparkOperator => "spark-operator",
            Self::BatchProcessingGateway => "batch-processing-gateway",
        }
    }

    /// The system of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|system| system.name() == name)
    }
}

impl fmt::Display for System {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}
