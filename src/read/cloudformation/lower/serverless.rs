//! The serverless application model, as far as it makes roles and starts jobs.

use super::{It, Lowered};

/// Lowers a resource of the model.
pub(super) fn resource(_it: &It<'_, '_, '_>, _out: &mut Lowered) {}
