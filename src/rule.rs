//! A rule: where to look, what must hold, what to say, how to mend it, and the proof.
//!
//! A rule is one YAML file and this module is its form. The built-in ones are gathered from `rules/`
//! when the program is built, so the folder is the list; users add theirs with `--rules DIR`, held
//! to the same checks. A mistake in a rule is an error with its line, before anything is checked.
//!
//! Filters in `select` may only ask for what is always known, such as the kind of a thing.
//! A condition that may be unknown belongs into `when`, where an unknown stays an unknown.

mod assertion;
mod load;
mod patch;
mod template;

pub use crate::system::System;
pub use assertion::{Absence, Accounts, Assertion, Gang, Gate, Operand, Outsider, Permission, Question, Trusted};
pub use load::{LoadError, builtin, builtin_examples, builtin_for, parse, read_dir, templates};
pub use patch::{Change, ChangeError, apply};
pub use template::{Fill, Template};

use crate::path::Path;
use serde::{Deserialize, Serialize};
use std::fmt;

/// One rule, as its file states it.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// What is wrong, in kebab-case: reads as English after "ignore". The stem of the file.
    pub id: String,
    /// The same in a few words, said of the rule.
    pub title: String,
    /// How much it matters.
    pub severity: Severity,
    /// How bad it is as a matter of security, 0.1 to 10.0, where it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub security_severity: Option<f32>,
    /// The systems whose rollouts it is about; other rollouts are never looked at.
    pub systems: Vec<System>,
    /// What will happen, for a platform engineer, in whole sentences.
    pub why: String,
    /// What users see afterwards: phrases of error messages, `…` for what differs.
    pub symptoms: Vec<String>,
    /// The failure modes that it sees beforehand, by the ids of `docs/failure-modes.md`.
    #[serde(default)]
    pub covers: Vec<String>,
    /// The pages that say so.
    pub references: Vec<String>,
    /// The subjects: each hit is judged for itself.
    pub select: Path,
    /// The rule speaks only of subjects for which this holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<Assertion>,
    /// What must hold of a subject.
    pub assert: Assertion,
    /// The places to show, most telling first; without it, what the assertion looked at.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub at: Vec<Path>,
    /// *What* is wrong with one subject.
    pub message: Template,
    /// *Because* of what; without it, what the assertion found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub because: Option<Template>,
    /// What to *do*, most advisable first.
    pub fixes: Vec<Fix>,
    /// The rules that are the cause where both fail for the same rollout.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub explained_by: Vec<String>,
    /// The proof; kept apart from the built-in rules until it is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub examples: Option<Examples>,
}

/// How much a finding matters, in SARIF's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// The rollout may fail, or is more open than it needs to be.
    Warning,
    /// The rollout will fail, or is exposed.
    Error,
}

impl Severity {
    /// Its name in rules and reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

/// One way to mend what a rule found.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Fix {
    /// What to do, as an instruction.
    pub say: Template,
    /// The command that does it, filled in with the user's names and quoted for a shell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<Template>,
    /// What it changes in the estate; afterwards the finding is gone and nothing new has come.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub patch: Vec<Change>,
}

/// The proof of a rule: changes to one estate, and the verdict after each.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Examples {
    /// The estate to begin with: a folder of `fixtures/`, or a path beside the user's own rule.
    pub of: String,
    /// Near misses: the rule is silent.
    pub pass: Vec<Example>,
    /// The rule reports.
    pub fail: Vec<Example>,
    /// The rule cannot tell, and says so.
    pub unknown: Vec<Example>,
}

/// One changed estate.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Example {
    /// What is the case, in a few words.
    pub case: String,
    /// The estate to begin with, where it is another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<String>,
    /// How the estate differs from the one to begin with.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub change: Vec<Change>,
}
