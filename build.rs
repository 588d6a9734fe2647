//! Gathers the rule files.

fn main() {}
