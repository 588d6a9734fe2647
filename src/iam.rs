//! How AWS decides: may this principal do this, and who may assume this role?
//!
//! An offline evaluator of IAM policies in three values. [`decide()`] answers one request with the
//! statements that decided it; [`scope`] tells who gets in by a role's trust policy. Whatever is not
//! known (a condition key, a hole in a text, a policy that was not collected) makes an answer
//! conditional, never wrong; whatever AWS does not document never makes an answer *allowed*.
//!
//! Deliberately absent: estates, rules and services' own action lists. Inputs are plain types and
//! policy documents as JSON values.

pub mod base36;
pub mod cases;

pub mod condition;
pub mod context;
pub mod decide;
mod language;
pub mod pattern;
pub mod policy;
pub mod principal;
pub mod trust;

pub use context::ContextValue;
pub use decide::{Because, Decision, Gathered, Kind, Miss, Named, Outcome, Policies, Request, decide};
pub use policy::{Effect, Fault, Policy, Statement};

pub use trust::{Accounts, MissKind, Scope, TrustMiss, Verdict, Wanted, scope};
