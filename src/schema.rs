//! T.
/// T.
#[must_use]
pub fn named(_name: &str) -> Option<&'static str> {
    None
}
