//! `sparkcheck check`: reads, links, checks, settles and renders.

use super::live::{Gathered, LiveArgs, gather};
use super::whole::{Readers, whole};
use super::{Answer, CliError, FailOn, Look, LookArgs, Surroundings, day, look, said, with_rules_of};
use crate::link::link;
use crate::report::sarif::SarifOptions;
use crate::report::{self, Change, Go, Outcome, Report};
use crate::rule;
use crate::{examine, read};
use clap::{Args, ValueEnum};
use std::mem::ManuallyDrop;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(super) struct Check {
    /// Files and folders to read, `-` for standard input; the kind of each is recognised
    #[arg(value_name = "INPUT")]
    inputs: Vec<PathBuf>,
    /// What is going to be rolled out [default: sparkcheck.toml among or beside the inputs]
    #[arg(long, value_name = "FILE")]
    rollout: Option<PathBuf>,
    /// These job requests at once, in place of those that the rollouts name; repeatable
    #[arg(long, value_name = "FILE", num_args = 1..)]
    jobs: Vec<PathBuf>,
    /// Lay the inputs over a snapshot: the account as it will be after the change
    #[arg(long, value_name = "SNAPSHOT")]
    over: Option<PathBuf>,
    /// Render charts and kustomizations first, with `helm` and `kustomize` or `kubectl` as they are installed
    #[arg(long)]
    render: bool,
    /// Only what the change brings makes the exit code 1
    #[arg(long, requires = "over")]
    new_only: bool,
    /// More rules, one YAML file each; repeatable
    #[arg(long, value_name = "DIR")]
    rules: Vec<PathBuf>,
    /// How to print the report
    #[arg(long, value_enum, default_value = "human")]
    format: Format,
    /// Write a report to a file; repeatable, FORMAT=FILE for another format than --format
    #[arg(long, value_name = "FILE")]
    output: Vec<String>,
    /// The least severity that makes the exit code 1
    #[arg(long, value_enum, value_name = "LEVEL", default_value = "error")]
    fail_on: FailOn,
    /// Treat what could not be decided like what failed
    #[arg(long)]
    strict: bool,
    /// Judge support dates as of this day [default: the day of the snapshot, or today]
    #[arg(long, value_name = "YYYY-MM-DD")]
    today: Option<String>,
    #[command(flatten)]
    live: LiveArgs,
    #[command(flatten)]
    look: LookArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For reading
    Human,
    /// For programs; `sparkcheck schema report` describes it
    Json,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// For a comment on a pull request
    Markdown,
    /// A page in one file, with pictures of the nodes
    Html,
}

pub(super) fn run(args: &Check, surroundings: &Surroundings) -> Result<Answer, CliError> {
    let today = day(args.today.as_deref())?;
    // A broken rule file ends the run before anything is read.
    let own = with_rules_of(&args.rules, if args.rules.is_empty() { Vec::new() } else { rule::builtin() })?;
    let options = read::Options {
        today,
        clock: Some(surroundings.today.clone()),
        rollout_file: args.rollout.clone(),
        over: args.over.clone(),
        render: args.render,
    };
    let before = match &args.over {
        Some(path) => {
            let alone = read::Options { over: None, ..options.clone() };
            Some(link(read::read(&[read::Input::Path(path.clone())], &alone)?))
        }
        None => None,
    };
    let mut estate = match gather(&args.live, &own, (&args.inputs, &args.jobs), options, args.look.verbose)? {
        Gathered::Estate(estate) => estate,
        Gathered::Plan(text) => return Ok(said(text)),
    };
    super::declare_jobs(&mut estate, &args.jobs);
    let unlinked = (before.is_some() && !estate.gone.is_empty()).then(|| (*estate).clone());
    // The process ends soon after; taking a large document apart piece by piece would only delay that.
    let linked = ManuallyDrop::new(link(*estate));
    let systems = linked.systems();
    let rules = ManuallyDrop::new(if own.is_empty() {
        rule::builtin_for(&systems)
    } else {
        own.into_iter().filter(|rule| rule.systems.iter().any(|system| systems.contains(system))).collect()
    });
    let mut report = ManuallyDrop::new(examine(&linked, &rules));
    if let Some(before) = before {
        crate::change::compare(&mut report, &before, unlinked, &rules);
    }
    let look = look(&args.look, surroundings);
    let mut text = if args.output.iter().any(|output| !output.contains('=')) {
        String::new()
    } else {
        render(&report, args.format, &look)
    };
    for output in &args.output {
        let (format, path) = match output.split_once('=') {
            None => (args.format, output.as_str()),
            Some((name, path)) => {
                (Format::from_str(name, true).map_err(|_| CliError::NoSuchFormat(name.to_owned()))?, path)
            }
        };
        let plain = Look { colour: false, ..look };
        let rendered = render(&report, format, &plain);
        if path == "-" {
            text = rendered;
            continue;
        }
        whole(std::path::Path::new(path), rendered.as_bytes(), Readers::Usual)
            .map_err(|error| CliError::Write { path: path.to_owned(), why: error.to_string() })?;
    }
    Ok(Answer { text, more: None, code: exit_code(&report, args.fail_on, args.strict, args.new_only) })
}

fn render(report: &Report<'_>, format: Format, look: &Look) -> String {
    match format {
        Format::Human => report::human::render(report, look),
        Format::Json => report::json::render(report),
        Format::Sarif => report::sarif::render(report, &SarifOptions::default()),
        Format::Markdown => report::markdown::render(report),
        Format::Html => report::html::render(report),
    }
}

/// 1 for findings at or above the level, else 3 for what was not seen or not decided, else 0.
fn exit_code(report: &Report<'_>, fail_on: FailOn, strict: bool, new_only: bool) -> u8 {
    let Some(least) = fail_on.least() else { return 0 };
    let counts = |outcome: Outcome| outcome == Outcome::Fail || strict;
    let is_ours = |change: Option<Change>| !new_only || change != Some(Change::Leaves);
    let mut findings = report.findings.iter().filter(|finding| is_ours(finding.change));
    // What only an apply settles is no gap of code.
    let open = report.of_code && report.mended.is_none();
    if findings.any(|finding| counts(finding.outcome) && finding.severity >= least) {
        1
    } else if report.gaps.is_empty() && (open || report.rollouts.iter().all(|rollout| rollout.verdict != Go::Undecided))
    {
        0
    } else {
        3
    }
}
