//! Rollouts of this system.

use super::{Draft, Index};
use crate::estate::Estate;
use serde_json::Value;

/// Links one.
pub(super) fn link(_estate: &Estate, _index: &Index, _declaration: &Value, _pointer: &str, _draft: &mut Draft) {}

/// Infers them.
pub(super) fn inferred(_estate: &Estate) -> Vec<(Value, String)> {
    Vec::new()
}
