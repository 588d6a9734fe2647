//! Terraform and OpenTofu: directories of HCL, and plans.
//!
//! A root module is evaluated to values or symbols, never to errors: what only an apply will know
//! stays a hole named by its address, and two uses of the same name are equal. What its resources
//! declare is lowered to the shapes that AWS and Kubernetes print.
//!
//! A directory that another one calls is no root of its own. One that nobody calls is evaluated
//! alone, with its variables as holes or defaults.
//!
//! Deliberately absent: fetching modules or providers, and running anything.

mod attribute;
mod eval;
mod functions;
mod left;
mod load;
mod lower;
mod plan;
mod policy_document;
mod registry;
mod resolve;
mod root;
mod source;
mod state;
mod template;
mod value;
mod world;

use super::code::Code;
use super::file::Entry;

/// How much stack an evaluation has; deep references need more than a thread has by itself.
const STACK: usize = 512 << 20;

/// What the root modules among the files declare.
pub(crate) fn read(files: &[Entry]) -> Vec<Code> {
    if files.is_empty() {
        return Vec::new();
    }
    on_a_deep_stack(|| root::read(files)).unwrap_or_default()
}

/// What a plan or a state in JSON declares; `None` if the text is neither.
pub(crate) fn plan(path: &str, text: &str, beside: &[Entry]) -> Option<Code> {
    if !plan::looks_like_one(text) {
        return None;
    }
    on_a_deep_stack(|| plan::read(path, text, beside)).flatten()
}

/// Runs something where it may call itself often; `None` if there is no such place.
fn on_a_deep_stack<T: Send>(work: impl FnOnce() -> T + Send) -> Option<T> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, work).ok()?;
        thread.join().ok()
    })
}

#[cfg(test)]
mod tests;
