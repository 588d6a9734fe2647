//! sparkcheck: will this Spark rollout run, and is it safe?

pub mod capacity;
pub mod iam;
pub mod known;
