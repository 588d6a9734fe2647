//! `sparkcheck diff`: what changed between two states.

use super::{Answer, CliError, FailOn, ProofFormat, Surroundings, day, inputs};
use crate::diff::{self, State};
use crate::link::link;
use crate::report::Go;
use crate::{examine, read, snapshot};
use clap::Args;
use std::path::{Path, PathBuf};

/// What changed between two states, and which findings came and went.
///
/// Each is a snapshot, or a folder or file with an export. Things are matched by what identifies them.
#[derive(Debug, Args)]
#[command(after_help = "Exit codes: 0 nothing new at or above --fail-on; 1 a new finding; 2 it could not be done; \
    3 nothing new fails, and something that was decided no longer is.")]
pub(super) struct Diff {
    /// The state before
    #[arg(value_name = "BEFORE")]
    before: PathBuf,
    /// The state after
    #[arg(value_name = "AFTER")]
    after: PathBuf,
    /// More rules, one YAML file each; repeatable
    #[arg(long, value_name = "DIR")]
    rules: Vec<PathBuf>,
    /// How to print the difference
    #[arg(long, value_enum, default_value = "human")]
    format: ProofFormat,
    /// The least severity of a new finding that makes the exit code 1
    #[arg(long, value_enum, value_name = "LEVEL", default_value = "error")]
    fail_on: FailOn,
    /// Judge support dates as of this day [default: the day of each snapshot, or today]
    #[arg(long, value_name = "YYYY-MM-DD")]
    today: Option<String>,
}

pub(super) fn between(args: &Diff, surroundings: &Surroundings) -> Result<Answer, CliError> {
    let rules = super::rules(&args.rules)?;
    let options = read::Options {
        today: day(args.today.as_deref())?,
        clock: Some(surroundings.today.clone()),
        ..read::Options::default()
    };
    let state = |path: &Path| -> Result<_, CliError> {
        let estate = read::read(&inputs(&[path.to_owned()])?, &options)?;
        let document = snapshot::of(&estate);
        Ok((document, link(estate)))
    };
    let (before, after) = (state(&args.before)?, state(&args.after)?);
    let reports = (examine(&before.1, &rules), examine(&after.1, &rules));
    let difference =
        diff::diff(State { snapshot: &before.0, report: &reports.0 }, State { snapshot: &after.0, report: &reports.1 });
    let undecided = |word: &diff::Word| word.after == Some(Go::Undecided) && word.before.is_some();
    let code = match args.fail_on.least() {
        Some(least) if difference.new.iter().any(|finding| finding.severity >= least) => 1,
        Some(_) if difference.rollouts.iter().any(undecided) => 3,
        _ => 0,
    };
    let text = match args.format {
        ProofFormat::Human => diff::human(&difference),
        ProofFormat::Json => diff::json(&difference),
    };
    Ok(Answer { text, more: None, code })
}
