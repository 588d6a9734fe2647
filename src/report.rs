//! What a run has to say, ready to be printed.
//!
//! The report is plain data and rendering it is pure: every line and column is already looked up.
//! A renderer neither reads nor decides.

pub mod explain;
mod group;
pub mod html;
pub mod human;
pub mod json;
pub mod look;
pub mod markdown;
pub mod sarif;
mod unseen;
mod window;

pub use look::{Look, visible};

pub use crate::estate::{Excerpt, Span};

use crate::capacity::picture::Picture;
use crate::estate::{Gap, PassedOver, Source};
use crate::rule::{Rule, Severity, System};
use rustc_hash::FxHashSet;
use serde::Serialize;

/// The result of a run.
#[derive(Clone, Debug)]
pub struct Report<'r> {
    /// What was read, as what.
    pub inputs: Vec<Source>,
    /// What was passed over because it is not for this program, by why.
    pub passed_over: Vec<PassedOver>,
    /// The rollouts and what is said of each.
    pub rollouts: Vec<RolloutVerdict>,
    /// The rules that were run, by id.
    pub rules: Vec<&'r Rule>,
    /// What was found: by rollout; failures before what is undecided, causes before what they
    /// explain, the worst first.
    pub findings: Vec<Finding<'r>>,
    /// What should have been seen and was not.
    pub gaps: Vec<Gap>,
    /// What nobody asked, and the verdicts take for granted.
    pub assumed: Vec<Assumed>,
    /// Whether infrastructure code was read: then much is only settled by an apply.
    pub of_code: bool,
    /// The failures of what the change is laid over that hold after it; `None` where it is laid over nothing.
    pub mended: Option<Vec<Mended>>,
}

/// Something that was not read and that verdicts take for granted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Assumed {
    /// What is taken for granted.
    pub what: String,
    /// The account for which it is.
    pub scope: String,
    /// What would settle it, as an instruction.
    pub unblock: String,
}

/// What a change has to do with a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// It was not there before.
    Brings,
    /// It was there before.
    Leaves,
}

/// A failure that a change mends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mended {
    /// The rule.
    pub rule: String,
    /// How much it mattered.
    pub severity: Severity,
    /// The rollout.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rollout: Option<String>,
    /// What was wrong.
    pub message: String,
    /// What told it apart.
    pub fingerprint: String,
}

/// What is said of one rollout.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RolloutVerdict {
    /// Its name: cluster and namespace, application, or as it was declared.
    pub name: String,
    /// Its kind of platform.
    pub system: System,
    /// Its region, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Its account, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Whether to go ahead.
    pub verdict: Go,
}

/// Whether to go ahead with a rollout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Go {
    /// Every error-level rule was decided and holds.
    Go,
    /// At least one error-level rule fails.
    NoGo,
    /// None fails, and some could not be decided.
    Undecided,
}

/// What a rule says of one subject.
#[derive(Clone, Debug)]
pub struct Finding<'r> {
    /// The rule.
    pub rule: &'r Rule,
    /// Whether it fails or could not be decided.
    pub outcome: Outcome,
    /// How much it matters.
    pub severity: Severity,
    /// The kind of platform, where the subject belongs to a rollout.
    pub system: Option<System>,
    /// The name of the rollout to which the subject belongs.
    pub rollout: Option<String>,
    /// *What*: one line with the user's own names.
    pub message: String,
    /// *Because*: one line, the label of the primary place.
    pub because: String,
    /// Where; the first is the primary one.
    pub places: Vec<Place>,
    /// What would decide it, as instructions, where it is undecided.
    pub unblock: Vec<String>,
    /// What to *do*.
    pub fixes: Vec<Remedy>,
    /// The same on every machine and after lines have moved; tells findings apart.
    pub fingerprint: String,
    /// The fingerprints of the findings that are its cause.
    pub explained_by: Vec<String>,
    /// What the change has to do with it, where a change is laid over a snapshot.
    pub change: Option<Change>,
    /// The nodes with what the job adds to them, where it is about room.
    pub picture: Option<Picture>,
}

/// How a finding ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It does not hold.
    Fail,
    /// It cannot be told from what is known.
    Unknown,
}

/// Something to do about a finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Remedy {
    /// The instruction.
    pub say: String,
    /// The command, ready to be pasted into a shell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
}

/// A place in an input, or in AWS where there is no file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The pointer in the estate's document.
    pub pointer: String,
    /// The number of the source, and the pointer in it.
    pub source: Option<(usize, String)>,
    /// The path of the source as it is shown.
    pub path: Option<String>,
    /// Lines and columns, where the source is a text.
    pub span: Option<Span>,
    /// The ARN of the thing, or of the thing around it.
    pub arn: Option<String>,
    /// What is to be seen there, in a few words; the label. Empty if the place speaks for itself.
    pub note: String,
}

/// How many findings of each kind there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Failures at level error.
    pub error: usize,
    /// Failures at level warning.
    pub warning: usize,
    /// Failures at level note.
    pub note: usize,
    /// What could not be decided.
    pub unknown: usize,
    /// Findings that were suppressed.
    pub suppressed: usize,
    /// Rules that were run.
    pub rules: usize,
    /// Rollouts that were checked.
    pub rollouts: usize,
}

impl<'r> Report<'r> {
    /// What could not be decided, but for what the mending of a failure has to come before.
    pub(crate) fn questions(&self) -> impl Iterator<Item = &Finding<'r>> {
        let failed = self.findings.iter().filter(|finding| finding.outcome == Outcome::Fail);
        let failed: FxHashSet<&str> = failed.map(|finding| finding.fingerprint.as_str()).collect();
        self.findings.iter().filter(move |finding| {
            finding.outcome == Outcome::Unknown
                && !finding.explained_by.iter().any(|cause| failed.contains(cause.as_str()))
        })
    }

    /// The counts.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let mut summary = Summary { rules: self.rules.len(), rollouts: self.rollouts.len(), ..Summary::default() };
        for finding in &self.findings {
            match (finding.outcome, finding.severity) {
                (Outcome::Unknown, _) => summary.unknown += 1,
                (Outcome::Fail, Severity::Error) => summary.error += 1,
                (Outcome::Fail, Severity::Warning) => summary.warning += 1,
                (Outcome::Fail, Severity::Note) => summary.note += 1,
            }
        }
        summary
    }

    /// The worst severity among failures.
    #[must_use]
    pub fn worst(&self) -> Option<Severity> {
        self.findings.iter().filter(|finding| finding.outcome == Outcome::Fail).map(|finding| finding.severity).max()
    }
}
