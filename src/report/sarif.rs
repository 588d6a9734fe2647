//! T.
use super::Report;
/// T.
#[must_use]
pub fn render(_report: &Report<'_>) -> String {
    String::new()
}
