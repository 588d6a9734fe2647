//! Who may assume a role.

use serde::{Deserialize, Serialize};

/// How a trust policy misses the service accounts that it should admit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum MissKind {
    /// No statement comes near.
    NoStatement,
}
