//! sparkcheck: will this Spark rollout run, and is it safe?

pub mod capacity;
pub mod estate;
pub mod iam;
pub mod known;
pub mod path;
pub mod report;
pub mod rule;
pub mod why;
