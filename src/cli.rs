//! The command line: what can be asked, and how an answer becomes an exit code.

mod check;
mod diff;
mod explain;
mod fit;
mod live;
mod simulate;
mod snapshot;
mod whole;

use crate::estate::Estate;
use crate::report::{self, look::Look};
use crate::rule::{self, Rule, Severity};
use crate::simulate::Answers;
use crate::{read, schema};
use clap::{Args, Parser, Subcommand, ValueEnum};
use miette::Diagnostic;
use serde_json::Value;
use std::ffi::OsString;
use std::path::PathBuf;
use thiserror::Error;

/// Will this Spark rollout run, and is it safe?
///
/// Reads accounts and clusters, exported or live, or the code that will make them; checks every
/// rollout against that and says go or no-go, with the fix for each thing that is in the way.
#[derive(Debug, Parser)]
#[command(name = "sparkcheck", version, args_conflicts_with_subcommands = true, max_term_width = 100)]
#[command(after_help = "Exit codes: 0 nothing at or above --fail-on; 1 findings; 2 the run could not be done; \
    3 nothing failed, and something that should have been seen was not, or a rollout is undecided.")]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    check: check::Check,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Check rollouts (what happens without a command)
    Check(check::Check),
    /// Write what the inputs hold into one file, without secrets, for checking later and elsewhere
    Snapshot(snapshot::Snapshot),
    /// What changed between two states, and which findings came and went
    Diff(diff::Diff),
    /// Say what a rule is about, and how to mend what it finds
    Explain(explain::Explain),
    /// List the rules
    Rules(explain::List),
    /// From an error message to the rules behind it
    Why(explain::Why),
    /// May this principal do this? One question, or a file of cases
    Simulate(simulate::Simulate),
    /// Will the pods find nodes? Also: how many executors would, with other nodes, with more jobs at once
    Fit(fit::Fit),
    /// The least IAM policy and Kubernetes RBAC that a live run takes
    Permissions(live::Permissions),
    /// Print a JSON Schema: of the report, a snapshot, a rule, or sparkcheck.toml
    Schema {
        /// What to describe
        #[arg(value_parser = ["report", "snapshot", "rule", "rollouts"])]
        name: String,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ProofFormat {
    /// For reading
    Human,
    /// For programs: one object a line, as for cases
    Json,
}

#[derive(Debug, Args)]
struct LookArgs {
    /// Whether to colour
    #[arg(long, value_enum, value_name = "WHEN", default_value = "auto")]
    color: When,
    /// Show findings in full that a cause explains, and each undecided rule
    #[arg(short, long)]
    verbose: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum When {
    Auto,
    Always,
    Never,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum FailOn {
    Error,
    Warning,
    Note,
    Never,
}

impl FailOn {
    /// The least severity that counts; `None` if none does.
    fn least(self) -> Option<Severity> {
        match self {
            Self::Error => Some(Severity::Error),
            Self::Warning => Some(Severity::Warning),
            Self::Note => Some(Severity::Note),
            Self::Never => None,
        }
    }
}

/// Why a run could not be done.
#[derive(Debug, Error, Diagnostic)]
pub enum CliError {
    /// An input cannot be read.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Read(#[from] read::ReadError),
    /// AWS cannot be read.
    #[cfg(feature = "live")]
    #[error(transparent)]
    #[diagnostic(transparent)]
    Live(#[from] read::live::aws::LiveError),
    /// The program reads files only.
    #[error("this sparkcheck was built without live reading")]
    #[diagnostic(help("build it with the feature `live`, or give it an export"))]
    WithoutLive,
    /// A rule file is broken.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Rules(#[from] rule::LoadError),
    /// There is no such rule.
    #[error("there is no rule `{id}`")]
    #[diagnostic(help("{help}"))]
    NoSuchRule {
        /// What was asked for.
        id: String,
        /// What to do.
        help: String,
    },
    /// `--output` names no known format.
    #[error("`{0}` is no report format")]
    #[diagnostic(help("write human=FILE, json=FILE, sarif=FILE, markdown=FILE or html=FILE"))]
    NoSuchFormat(String),
    /// `--today` is not a date.
    #[error("`{0}` is not a day")]
    #[diagnostic(help("write it as YYYY-MM-DD"))]
    NoSuchDay(String),
    /// What was to be printed cannot be.
    #[error("cannot write to standard output: {why}")]
    #[diagnostic(help("the answer is lost; run it again with room for its output"))]
    Print {
        /// The system's reason.
        why: String,
    },
    /// `--context` has no value.
    #[error("`{0}` is no context key with a value")]
    #[diagnostic(help("write it as KEY=VALUE, such as aws:SourceVpc=vpc-0a1b2c3d"))]
    NoSuchContext(String),
    /// The estate has no such role or user.
    #[error("there is no principal `{0}` in what was read")]
    #[diagnostic(help("give the ARN as `aws iam get-role` prints it, path included"))]
    NoSuchPrincipal(String),
    /// There is no such instance type.
    #[error("`{name}` is no instance type that is known")]
    #[diagnostic(help("{help}"))]
    NoSuchType {
        /// What was asked for.
        name: String,
        /// What to do.
        help: String,
    },
    /// No rollout has pods to be weighed.
    #[error("there is no job to be weighed in what was read")]
    #[diagnostic(help("{0}"))]
    NothingToWeigh(String),
    /// A report cannot be written.
    #[error("cannot write `{path}`: {why}")]
    #[diagnostic(help("give --output a path in a folder that exists and may be written to"))]
    Write {
        /// The file.
        path: String,
        /// The system's reason.
        why: String,
    },
}

/// What a run leaves to be printed, and its exit code.
#[derive(Debug)]
pub struct Answer {
    /// For standard output.
    pub text: String,
    /// More lines for standard output, made as they are asked for.
    pub more: Option<Answers>,
    /// 0, 1 or 3.
    pub code: u8,
}

/// The surroundings of a run, as `main` found them.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// Today, `YYYY-MM-DD`.
    pub today: String,
    /// How wide the terminal is; `None` if standard output is none.
    pub terminal_width: Option<usize>,
    /// Whether the user's settings allow colour (`NO_COLOR`, `TERM`).
    pub may_colour: bool,
}

/// Runs a parsed command line. Arguments that do not parse are clap's error.
pub fn run(
    arguments: impl IntoIterator<Item = OsString>,
    surroundings: &Surroundings,
) -> Result<Result<Answer, CliError>, clap::Error> {
    let cli = Cli::try_parse_from(arguments)?;
    Ok(match cli.command {
        None => check::run(&cli.check, surroundings),
        Some(Command::Check(args)) => check::run(&args, surroundings),
        Some(Command::Snapshot(args)) => snapshot::write(&args, surroundings),
        Some(Command::Diff(args)) => diff::between(&args, surroundings),
        Some(Command::Explain(args)) => explain::rule(&args, surroundings),
        Some(Command::Rules(args)) => explain::list(&args, surroundings),
        Some(Command::Why(args)) => explain::error(&args, surroundings),
        Some(Command::Simulate(args)) => simulate::prove(&args, surroundings),
        Some(Command::Fit(args)) => fit::weigh(&args, surroundings),
        Some(Command::Permissions(args)) => live::permissions(&args),
        Some(Command::Schema { name }) => Ok(said(schema::named(&name).unwrap_or_default().to_owned())),
    })
}

fn said(text: String) -> Answer {
    Answer { text, more: None, code: 0 }
}

fn look(args: &LookArgs, surroundings: &Surroundings) -> Look {
    look_in(args.color, args.verbose, surroundings)
}

fn look_in(color: When, verbose: bool, surroundings: &Surroundings) -> Look {
    let colour = match color {
        When::Always => true,
        When::Never => false,
        When::Auto => surroundings.terminal_width.is_some() && surroundings.may_colour,
    };
    Look { width: surroundings.terminal_width.unwrap_or(80).clamp(40, 120), colour, unicode: true, verbose }
}

/// The built-in rules and those of the user.
fn rules(folders: &[PathBuf]) -> Result<Vec<Rule>, CliError> {
    with_rules_of(folders, rule::builtin())
}

fn with_rules_of(folders: &[PathBuf], mut rules: Vec<Rule>) -> Result<Vec<Rule>, CliError> {
    for folder in folders {
        let more = rule::read_dir(folder, &rules)?;
        rules.extend(more);
    }
    Ok(rules)
}

/// What to read: what was named, else the folder around.
fn inputs(named: &[PathBuf]) -> Result<Vec<read::Input>, CliError> {
    let here = [PathBuf::from(".")];
    let paths = if named.is_empty() { &here[..] } else { named };
    let mut inputs = Vec::new();
    for path in paths {
        inputs.push(if path.as_os_str() == "-" { read::stdin()? } else { read::Input::Path(path.clone()) });
    }
    Ok(inputs)
}

/// The inputs and the job requests that were named beside them.
fn with_jobs(mut inputs: Vec<read::Input>, jobs: &[PathBuf]) -> Vec<read::Input> {
    inputs.extend(jobs.iter().cloned().map(read::Input::Path));
    inputs
}

/// Has every declared rollout run these job requests, all at once.
fn declare_jobs(estate: &mut Estate, jobs: &[PathBuf]) {
    if jobs.is_empty() {
        return;
    }
    let paths: Vec<Value> = jobs.iter().map(|path| path.to_string_lossy().replace('\\', "/").into()).collect();
    if let Some(declarations) = estate.document.get_mut("declarations").and_then(Value::as_array_mut) {
        for declaration in declarations.iter_mut().filter_map(Value::as_object_mut) {
            for key in ["jobs", "job-paths"] {
                declaration.insert(key.to_owned(), paths.clone().into());
            }
            declaration.insert("only-named".to_owned(), true.into());
            declaration.insert("together".to_owned(), (jobs.len() > 1).into());
        }
    }
}

/// A day that was given, if it is one.
fn day(given: Option<&str>) -> Result<Option<String>, CliError> {
    match given {
        Some(day) if day.parse::<jiff::civil::Date>().is_err() => Err(CliError::NoSuchDay(day.to_owned())),
        given => Ok(given.map(str::to_owned)),
    }
}

/// An error as it is shown to the user.
#[must_use]
pub fn complaint(error: &CliError, colour: bool) -> String {
    use miette::{GraphicalReportHandler, GraphicalTheme};
    let drawn = |theme: GraphicalTheme| {
        let mut text = String::new();
        let handler = GraphicalReportHandler::new_themed(theme).with_width(80).with_links(false);
        handler.render_report(&mut text, error).map_or_else(|_| format!("error: {error}"), |()| text)
    };
    // Without colour every escape sequence is the user's, and none may reach a terminal.
    let plain = drawn(GraphicalTheme::unicode_nocolor());
    let harmless = plain.lines().map(report::visible).collect::<Vec<_>>().join("\n");
    let text =
        if colour && harmless == plain.trim_end_matches('\n') { drawn(GraphicalTheme::unicode()) } else { harmless };
    text.trim_end().to_owned()
}
