//! Terraform and OpenTofu: directories of HCL, and plans.
//!
//! A root module is evaluated to values or symbols, never to errors: what only an apply will know
//! stays a hole named by its address, and two uses of the same name are equal. What its resources
//! declare is lowered to the shapes that AWS and Kubernetes print.
//!
//! Deliberately absent: fetching modules or providers, and running anything.

use super::code::Code;
use super::file::Entry;

/// What the root modules among the files declare.
#[allow(dead_code, reason = "called where files are told apart")]
pub(crate) fn read(files: &[Entry]) -> Vec<Code> {
    let _ = files;
    Vec::new()
}

/// What a plan or a state in JSON declares; `None` if the text is neither.
#[allow(dead_code, reason = "called where files are told apart")]
pub(crate) fn plan(path: &str, text: &str, beside: &[Entry]) -> Option<Code> {
    let _ = (path, text, beside);
    None
}
