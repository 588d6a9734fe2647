//! Rules from files.

use super::Rule;

/// The built-in rules.
#[must_use]
pub fn builtin() -> Vec<Rule> {
    Vec::new()
}
/// a
pub fn builtin_examples() {}
/// b
pub fn read_dir() {}
/// c
#[derive(Debug)]
pub struct LoadError;
