//! T.
use super::look::Look;
use crate::rule::Rule;
/// T.
#[must_use]
pub fn render(_rule: &Rule, _look: &Look) -> String {
    String::new()
}
/// T.
#[must_use]
pub fn list(_rules: &[&Rule], _look: &Look) -> String {
    String::new()
}
