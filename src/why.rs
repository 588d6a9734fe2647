//! T.
use crate::report::look::Look;
use crate::rule::Rule;
/// T.
#[must_use]
pub fn matches(_text: &str, _rules: &[Rule]) -> Vec<()> {
    Vec::new()
}
/// T.
#[must_use]
pub fn render(_m: &[()], _look: &Look) -> String {
    String::new()
}
