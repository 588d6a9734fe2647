//! The command line: what can be asked, and how an answer becomes an exit code.

mod diff;
mod snapshot;

use crate::arn::Arn;
use crate::estate::Estate;
use crate::link::{Linked, link};
use crate::read::live::Target;
use crate::read::live::demand::demand;
use crate::read::live::plan::Plan;
use crate::report::look::Look;
use crate::report::sarif::SarifOptions;
use crate::report::{self, Change, Go, Outcome, Report};
use crate::rule::{self, Rule, Severity, System};
use crate::simulate::{self, Answers, Held, Question, Role};
use crate::{fit, read, schema, why};
use clap::{Args, Parser, Subcommand, ValueEnum};
use miette::Diagnostic;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::mem::ManuallyDrop;
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
    check: Check,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Check rollouts (what happens without a command)
    Check(Check),
    /// Write what the inputs hold into one file, without secrets, for checking later and elsewhere
    Snapshot(snapshot::Snapshot),
    /// What changed between two states, and which findings came and went
    Diff(diff::Diff),
    /// Say what a rule is about, and how to mend what it finds
    Explain(Explain),
    /// List the rules
    Rules(List),
    /// From an error message to the rules behind it
    Why(Why),
    /// May this principal do this? One question, or a file of cases
    Simulate(Simulate),
    /// Will the pods find nodes? Also: how many executors would, with other nodes, with more jobs at once
    Fit(Fit),
    /// The least IAM policy and Kubernetes RBAC that a live run takes
    Permissions(Permissions),
    /// Print a JSON Schema: of the report, a snapshot, a rule, or sparkcheck.toml
    Schema {
        /// What to describe
        #[arg(value_parser = ["report", "snapshot", "rule", "rollouts"])]
        name: String,
    },
}

#[derive(Debug, Args)]
struct Check {
    /// Files and folders to read, `-` for standard input; the kind of each is recognised
    #[arg(value_name = "INPUT")]
    inputs: Vec<PathBuf>,
    /// What is going to be rolled out [default: sparkcheck.toml among or beside the inputs]
    #[arg(long, value_name = "FILE")]
    rollout: Option<PathBuf>,
    /// Lay the inputs over a snapshot: the account as it will be after the change
    #[arg(long, value_name = "SNAPSHOT")]
    over: Option<PathBuf>,
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

/// Reading accounts and clusters as they are now.
#[derive(Debug, Args)]
#[command(next_help_heading = "Live")]
struct LiveArgs {
    /// Read AWS and Kubernetes now, beside the inputs, with credentials as the AWS CLI finds them
    #[arg(long)]
    live: bool,
    /// What the run is about: an EKS cluster, virtual cluster, EMR Serverless application or EMR cluster
    /// by ARN, name or id; repeatable [default: what sparkcheck.toml declares, or else everything]
    #[arg(long, value_name = "ARN|NAME", requires = "live")]
    cluster: Vec<String>,
    /// A profile of the AWS configuration; repeatable, one account each
    #[arg(long, value_name = "NAME", requires = "live")]
    profile: Vec<String>,
    /// A region to read; repeatable [default: those of the clusters, or the profile's]
    #[arg(long, value_name = "NAME", requires = "live")]
    region: Vec<String>,
    /// A role to assume with the first profile, and to read as in its place; repeatable
    #[arg(long, value_name = "ARN", requires = "live")]
    assume_role: Vec<String>,
    /// A context of the kubeconfig that leads to a cluster; repeatable [default: the way that EKS tells]
    #[arg(long, value_name = "NAME", requires = "live")]
    context: Vec<String>,
    /// The kubeconfig with these contexts [default: as kubectl finds it]
    #[arg(long, value_name = "FILE", requires = "context")]
    kubeconfig: Option<PathBuf>,
    /// A namespace to read where reading all together is refused; repeatable
    #[arg(long, value_name = "NAME", requires = "live")]
    namespace: Vec<String>,
    /// Ask nothing of the organization, and take it that none of its policies has a say
    #[arg(long, requires = "live")]
    without_organization: bool,
    /// Seconds that all calls together may take
    #[arg(long, value_name = "SECONDS", default_value_t = 300, requires = "live")]
    timeout: u64,
    /// Print what would be called, how often at least, and which permission it takes; call nothing
    #[arg(long, requires = "live")]
    explain_calls: bool,
}

/// The least IAM policy and Kubernetes RBAC that a live run takes.
///
/// Both follow from the rules: what no rule looks at is not read.
#[derive(Debug, Args)]
struct Permissions {
    /// What a run would be about; repeatable [default: everything]
    #[arg(long, value_name = "ARN|NAME")]
    cluster: Vec<String>,
    /// More rules, one YAML file each; repeatable
    #[arg(long, value_name = "DIR")]
    rules: Vec<PathBuf>,
    /// How to print it
    #[arg(long, value_enum, default_value = "human")]
    format: ProofFormat,
}

#[derive(Debug, Args)]
struct Explain {
    /// The rule's id
    rule: String,
    /// More rules, one YAML file each; repeatable
    #[arg(long, value_name = "DIR")]
    rules: Vec<PathBuf>,
    #[command(flatten)]
    look: LookArgs,
}

#[derive(Debug, Args)]
struct List {
    /// More rules, one YAML file each; repeatable
    #[arg(long, value_name = "DIR")]
    rules: Vec<PathBuf>,
    #[command(flatten)]
    look: LookArgs,
}

#[derive(Debug, Args)]
struct Why {
    /// A log, an event or an error message [default: standard input]
    file: Option<PathBuf>,
    /// More rules, one YAML file each; repeatable
    #[arg(long, value_name = "DIR")]
    rules: Vec<PathBuf>,
    #[command(flatten)]
    look: LookArgs,
}

/// May this principal do this? Answers from the policies alone, and says why.
///
/// Policies come from exported account state (INPUT) or from files. A key that is neither given nor
/// listed as unknown is absent from the request; what the estate does not hold makes an answer
/// conditional.
#[derive(Debug, Args)]
#[command(after_help = "Exit codes: 0 allowed, 1 denied, 3 conditional; of several actions the worst. \
    With --cases always 0: each line of the file has its answer, a broken one an `error`. \
    2 the question could not be put.")]
struct Simulate {
    /// Answer a file of cases, one JSON object a line, `-` for standard input
    #[arg(long, value_name = "FILE", exclusive = true)]
    cases: Option<PathBuf>,
    /// Who asks: the ARN of a role, session, user or provider, or the name of a service
    #[arg(long, value_name = "ARN", required_unless_present = "cases")]
    principal: Option<String>,
    /// What is asked, such as `s3:GetObject`; repeatable, each is answered
    #[arg(long, value_name = "ACTION", value_delimiter = ',', required_unless_present = "cases")]
    action: Vec<String>,
    /// On what; `*` for actions without resources
    #[arg(long, value_name = "ARN", default_value = "*")]
    resource: String,
    /// The account that owns the resource, where its ARN does not tell [default: the principal's]
    #[arg(long, value_name = "ID")]
    resource_account: Option<String>,
    /// A condition key of the request; the same key again makes it multivalued
    #[arg(long, value_name = "KEY=VALUE")]
    context: Vec<String>,
    /// A key whose presence and value are not known; `*` for every key that is not given
    #[arg(long, value_name = "KEY")]
    unknown: Vec<String>,
    /// A policy of the principal; repeatable
    #[arg(long, value_name = "FILE")]
    identity: Vec<PathBuf>,
    /// The policy of the resource, a trust policy for `sts:AssumeRole`; `none` if it has none
    #[arg(long, value_name = "FILE")]
    resource_policy: Option<PathBuf>,
    /// The permissions boundary
    #[arg(long, value_name = "FILE")]
    boundary: Option<PathBuf>,
    /// A session policy; repeatable
    #[arg(long, value_name = "FILE")]
    session: Vec<PathBuf>,
    /// The service control policies of one level, a document or a list of them; repeatable, root first
    #[arg(long, value_name = "FILE")]
    scp: Vec<PathBuf>,
    /// How to print the answer
    #[arg(long, value_enum, default_value = "human")]
    format: ProofFormat,
    /// Whether to colour
    #[arg(long, value_enum, value_name = "WHEN", default_value = "auto")]
    color: When,
    /// Exported account state, where policies are not given as files [default: the folder `.`]
    #[arg(value_name = "INPUT")]
    inputs: Vec<PathBuf>,
}

/// Will the pods of a job find nodes? Says what is short, draws the nodes, and finds how many fit.
///
/// Weighs each job of each rollout against the nodes of its cluster and those that may be added. With --nodes,
/// --instance-type, --executors and --concurrent it answers for nodes and jobs that are not there yet.
#[derive(Debug, Args)]
#[command(after_help = "Exit codes: 0 all fit; 1 something does not; 3 something cannot be told. \
    2 the question could not be put.")]
struct Fit {
    /// Exported state with nodes, pods and job requests; `-` for standard input [default: the folder `.`]
    #[arg(value_name = "INPUT")]
    inputs: Vec<PathBuf>,
    /// What is going to be rolled out [default: sparkcheck.toml among or beside the inputs]
    #[arg(long, value_name = "FILE")]
    rollout: Option<PathBuf>,
    /// Only the rollout of this name
    #[arg(long, value_name = "NAME")]
    rollout_name: Option<String>,
    /// As if there were N nodes, the further ones like the largest
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=5000))]
    nodes: Option<u32>,
    /// As if all nodes were of this type
    #[arg(long, value_name = "TYPE")]
    instance_type: Option<String>,
    /// As if each job had N executors
    #[arg(long, value_name = "N")]
    executors: Option<u32>,
    /// As if N of each job ran at once [default: `concurrent` of the rollout, or 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    concurrent: Option<u32>,
    /// All jobs of a rollout at once, in place of each for itself
    #[arg(long)]
    together: bool,
    /// How to print the answer
    #[arg(long, value_enum, default_value = "human")]
    format: FitFormat,
    #[command(flatten)]
    look: LookArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum FitFormat {
    /// For reading
    Human,
    /// For programs
    Json,
    /// For a comment or a page
    Markdown,
    /// A page, with a picture of the nodes
    Html,
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
enum Format {
    /// For reading
    Human,
    /// For programs; `sparkcheck schema report` describes it
    Json,
    /// SARIF 2.1.0, for code scanning
    Sarif,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum FailOn {
    Error,
    Warning,
    Note,
    Never,
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
    #[diagnostic(help("write human=FILE, json=FILE or sarif=FILE"))]
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
        None => check(&cli.check, surroundings),
        Some(Command::Check(check_args)) => check(&check_args, surroundings),
        Some(Command::Diff(args)) => diff::between(&args, surroundings),
        Some(Command::Snapshot(args)) => snapshot::write(&args, surroundings),
        Some(Command::Explain(args)) => explain(&args, surroundings),
        Some(Command::Rules(args)) => rules(&args.rules).map(|rules| {
            let rules: Vec<&Rule> = rules.iter().collect();
            said(report::explain::list(&rules, &look(&args.look, surroundings)))
        }),
        Some(Command::Why(args)) => explain_error(&args, surroundings),
        Some(Command::Simulate(args)) => simulate(&args, surroundings),
        Some(Command::Fit(args)) => fit_jobs(&args, surroundings),
        Some(Command::Permissions(args)) => permissions(&args),
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

/// A day that was given, if it is one.
fn day(given: Option<&str>) -> Result<Option<String>, CliError> {
    match given {
        Some(day) if day.parse::<jiff::civil::Date>().is_err() => Err(CliError::NoSuchDay(day.to_owned())),
        given => Ok(given.map(str::to_owned)),
    }
}

fn check(args: &Check, surroundings: &Surroundings) -> Result<Answer, CliError> {
    let today = day(args.today.as_deref())?;
    // A broken rule file ends the run before anything is read.
    let own = with_rules_of(&args.rules, if args.rules.is_empty() { Vec::new() } else { rule::builtin() })?;
    let options = read::Options {
        today,
        clock: Some(surroundings.today.clone()),
        rollout_file: args.rollout.clone(),
        over: args.over.clone(),
    };
    let before = match &args.over {
        Some(path) => {
            let alone = read::Options { over: None, ..options.clone() };
            Some(link(read::read(&[read::Input::Path(path.clone())], &alone)?))
        }
        None => None,
    };
    let estate = match gather(&args.live, &own, &args.inputs, options, args.look.verbose)? {
        Gathered::Estate(estate) => estate,
        Gathered::Plan(text) => return Ok(said(text)),
    };
    // The process ends soon after; taking a large document apart piece by piece would only delay that.
    let linked = ManuallyDrop::new(link(*estate));
    let systems = linked.systems();
    let rules = if own.is_empty() {
        rule::builtin_for(&systems)
    } else {
        own.into_iter().filter(|rule| rule.systems.iter().any(|system| systems.contains(system))).collect()
    };
    let mut report = crate::examine(&linked, &rules);
    if let Some(before) = before {
        compare(&mut report, &before, &rules);
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
        std::fs::write(path, rendered)
            .map_err(|error| CliError::Write { path: path.to_owned(), why: error.to_string() })?;
    }
    Ok(Answer { text, more: None, code: exit_code(&report, args.fail_on, args.strict, args.new_only) })
}

/// Says of each failure whether the change brings it, and how many it mends.
fn compare(report: &mut Report<'_>, before: &Linked, rules: &[Rule]) {
    let judgements = crate::check::check(rules, before);
    let old = crate::settle::settle(rules, &judgements, before);
    let failures = |report: &Report<'_>| -> BTreeSet<String> {
        let failed = report.findings.iter().filter(|finding| finding.outcome == Outcome::Fail);
        failed.map(|finding| finding.fingerprint.clone()).collect()
    };
    let (old, new) = (failures(&old), failures(report));
    report.mended = Some(old.difference(&new).count());
    for finding in report.findings.iter_mut().filter(|finding| finding.outcome == Outcome::Fail) {
        let was = old.contains(&finding.fingerprint);
        finding.change = Some(if was { Change::Leaves } else { Change::Brings });
    }
}

/// What came of reading.
enum Gathered {
    /// What the inputs hold, and what calls have answered.
    Estate(Box<Estate>),
    /// The calls that would be made, in words.
    Plan(String),
}

/// Reads what was named, and where asked for what AWS and Kubernetes say now; `own` are rules, if not the built-in ones.
fn gather(
    live: &LiveArgs,
    own: &[Rule],
    named: &[PathBuf],
    mut options: read::Options,
    verbose: bool,
) -> Result<Gathered, CliError> {
    let inputs = if live.live && named.is_empty() { Vec::new() } else { inputs(named)? };
    let mut answers = read::Answers::default();
    if live.live {
        let beside = PathBuf::from("sparkcheck.toml");
        if options.rollout_file.is_none() && inputs.is_empty() && beside.is_file() {
            options.rollout_file = Some(beside);
        }
        let builtin = if own.is_empty() { rule::builtin() } else { Vec::new() };
        let rules = if own.is_empty() { &builtin } else { own };
        let (plan, targets) = plan(live, rules, &inputs, &options)?;
        if live.explain_calls {
            let accounts = live.profile.len().saturating_sub(1) + live.assume_role.len().max(1);
            let regions = regions(live, &targets);
            let clusters = targets.iter().filter(|target| matches!(target, Target::Eks(_))).count();
            let text = plan.explain(accounts, regions, (clusters > 0).then_some(clusters));
            return Ok(Gathered::Plan(whom(live) + &text));
        }
        let document = match read::read(&inputs, &options) {
            Ok(estate) => estate.document,
            Err(_) => serde_json::Value::Null,
        };
        answers = ask(live, &plan, targets, &document, verbose)?;
    }
    Ok(Gathered::Estate(Box::new(read::read_with(&inputs, answers, &options)?)))
}

/// What a live run reads for these rules, and what it is about: what was named, or else what is declared.
fn plan(
    args: &LiveArgs,
    rules: &[Rule],
    inputs: &[read::Input],
    options: &read::Options,
) -> Result<(Plan, Vec<Target>), CliError> {
    let mut targets: Vec<Target> = args.cluster.iter().map(|text| Target::of(text)).collect();
    let mut systems: Vec<System> = targets.iter().flat_map(Target::systems).copied().collect();
    if targets.is_empty() {
        let declared = match read::read(inputs, options) {
            Ok(estate) => estate.items("declarations").to_vec(),
            Err(read::ReadError::NothingRecognised { .. }) => Vec::new(),
            Err(error) => return Err(error.into()),
        };
        for rollout in &declared {
            systems.extend(rollout["system"].as_str().and_then(System::named));
            let named = ["cluster", "application"].iter().filter_map(|key| rollout[*key].as_str());
            targets.extend(named.map(Target::of));
        }
        targets.sort();
        targets.dedup();
    }
    if systems.is_empty() {
        systems.extend(System::ALL);
    }
    let plan = Plan::of(demand(rules, &systems));
    Ok((if args.without_organization { plan.without_organization() } else { plan }, targets))
}

/// As whom calls would be made, where that was said.
fn whom(args: &LiveArgs) -> String {
    let first = args.profile.first().map(|name| format!(" with profile `{name}`")).unwrap_or_default();
    let roles = args.assume_role.iter().map(|role| format!("role `{role}`{first}"));
    let skipped = usize::from(!args.assume_role.is_empty());
    let profiles = args.profile.iter().skip(skipped).map(|name| format!("profile `{name}`"));
    let lines: Vec<String> = roles.chain(profiles).map(|who| format!("as {who}\n")).collect();
    if lines.is_empty() { String::new() } else { lines.concat() + "\n" }
}

/// How many regions a run is about, at least.
fn regions(args: &LiveArgs, targets: &[Target]) -> usize {
    let named = args.region.iter().map(String::as_str);
    let of_targets = targets.iter().filter_map(|target| Some(Arn::parse(target.text())?.region));
    named.chain(of_targets).collect::<BTreeSet<_>>().len().max(1)
}

#[cfg(feature = "live")]
fn ask(
    args: &LiveArgs,
    plan: &Plan,
    targets: Vec<Target>,
    document: &serde_json::Value,
    verbose: bool,
) -> Result<read::Answers, CliError> {
    use tracing_subscriber::filter::{LevelFilter, Targets};
    use tracing_subscriber::layer::SubscriberExt as _;
    use tracing_subscriber::util::SubscriberInitExt as _;
    if verbose {
        // Only our own lines: those of the SDK hold what services answer.
        let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(false).without_time();
        let ours = Targets::new().with_target("sparkcheck", LevelFilter::DEBUG);
        let _ = tracing_subscriber::registry().with(lines.with_target(false)).with(ours).try_init();
    }
    let options = read::live::aws::Options {
        profiles: args.profile.clone(),
        roles: args.assume_role.clone(),
        regions: args.region.clone(),
        targets,
        named_roles: read::live::aws::roles_named_in(document),
        timeout: std::time::Duration::from_secs(args.timeout),
        ..read::live::aws::Options::default()
    };
    let mut live = read::live::aws::read(&options, plan)?;
    if !plan.kubernetes.is_empty() {
        let options = read::live::kubernetes::Options {
            timeout: options.timeout,
            namespaces: args.namespace.clone(),
            ..read::live::kubernetes::Options::default()
        };
        let ways = read::live::kubernetes::Ways { kubeconfig: args.kubeconfig.clone(), contexts: args.context.clone() };
        let lists = read::live::kubernetes::of_clusters(&live.clusters, &ways, &plan.kubernetes, &options)?;
        live.answers.readings.extend(lists.answers.readings);
    }
    Ok(live.answers)
}

#[cfg(not(feature = "live"))]
fn ask(_: &LiveArgs, _: &Plan, _: Vec<Target>, _: &serde_json::Value, _: bool) -> Result<read::Answers, CliError> {
    Err(CliError::WithoutLive)
}

fn permissions(args: &Permissions) -> Result<Answer, CliError> {
    let targets: Vec<Target> = args.cluster.iter().map(|text| Target::of(text)).collect();
    let systems: Vec<System> = targets.iter().flat_map(Target::systems).copied().collect();
    let systems = if systems.is_empty() { System::ALL.to_vec() } else { systems };
    let plan = Plan::of(demand(&rules(&args.rules)?, &systems));
    let json = |value: &serde_json::Value| serde_json::to_string_pretty(value).unwrap_or_default();
    Ok(said(match args.format {
        ProofFormat::Json => json(&plan.permissions()) + "\n",
        ProofFormat::Human => format!(
            "The least that a live run takes.\n\nIAM policy:\n\n{}\n\nKubernetes, for `kubectl apply -f -`:\n\n{}\n",
            json(&plan.policy()),
            json(&plan.cluster_role())
        ),
    }))
}

fn render(report: &Report<'_>, format: Format, look: &Look) -> String {
    match format {
        Format::Human => report::human::render(report, look),
        Format::Json => report::json::render(report),
        Format::Sarif => report::sarif::render(report, &SarifOptions::default()),
    }
}

/// 1 for findings at or above the level, else 3 for what was not seen or not decided, else 0.
fn exit_code(report: &Report<'_>, fail_on: FailOn, strict: bool, new_only: bool) -> u8 {
    let least = match fail_on {
        FailOn::Error => Severity::Error,
        FailOn::Warning => Severity::Warning,
        FailOn::Note => Severity::Note,
        FailOn::Never => return 0,
    };
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

fn explain(args: &Explain, surroundings: &Surroundings) -> Result<Answer, CliError> {
    let mut rules = rules(&args.rules)?;
    let Some(at) = rules.iter().position(|rule| rule.id == args.rule) else {
        let near = nearest(&args.rule, rules.iter().map(|rule| rule.id.as_str()));
        let help = near.map_or_else(
            || "`sparkcheck rules` lists them".to_owned(),
            |near| format!("did you mean `{near}`? `sparkcheck rules` lists them all"),
        );
        return Err(CliError::NoSuchRule { id: args.rule.clone(), help });
    };
    let mut rule = rules.swap_remove(at);
    rule.examples = rule.examples.or_else(|| rule::builtin_examples(&rule.id));
    Ok(said(report::explain::render(&rule, &look(&args.look, surroundings))))
}

/// The name that is most like the one that was asked for, if any is.
fn nearest<'n>(asked: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    // Names of rules are short; something longer is no slip of the fingers.
    let asked: String = asked.chars().take(100).collect();
    names
        .map(|name| (strsim::jaro_winkler(&asked, name), name))
        .filter(|(likeness, _)| *likeness > 0.7)
        .max_by(|(left, _), (right, _)| left.total_cmp(right))
        .map(|(_, name)| name)
}

fn simulate(args: &Simulate, surroundings: &Surroundings) -> Result<Answer, CliError> {
    if let Some(path) = &args.cases {
        return Ok(Answer { text: String::new(), more: Some(Answers::of(path)?), code: 0 });
    }
    let mut question = Question {
        principal: args.principal.clone().unwrap_or_default(),
        actions: args.action.clone(),
        resource: args.resource.clone(),
        resource_account: args.resource_account.clone(),
        unknown: args.unknown.iter().cloned().collect(),
        ..Question::default()
    };
    for given in &args.context {
        let (key, value) = given.split_once('=').ok_or_else(|| CliError::NoSuchContext(given.clone()))?;
        question.give(key, value);
    }
    let in_files = !(args.identity.is_empty() && args.session.is_empty() && args.scp.is_empty())
        || args.resource_policy.is_some()
        || args.boundary.is_some();
    let mut held = if args.inputs.is_empty() && in_files {
        Held::default()
    } else {
        let options = read::Options { clock: Some(surroundings.today.clone()), ..read::Options::default() };
        let linked = link(read::read(&inputs(&args.inputs)?, &options)?);
        Held::of(&linked, &question).map_err(CliError::NoSuchPrincipal)?
    };
    let files = [
        (Role::Identity, args.identity.as_slice()),
        (Role::Resource, args.resource_policy.as_slice()),
        (Role::Boundary, args.boundary.as_slice()),
        (Role::Session, &args.session),
        (Role::Scp, &args.scp),
    ];
    for (role, paths) in files {
        for path in paths {
            if role == Role::Resource && path.as_os_str() == "none" {
                held.without_resource_policy();
            } else {
                held.add(role, read::policies(path)?);
            }
        }
    }
    let proofs = simulate::prove(&question, &held);
    let text = match args.format {
        ProofFormat::Human => simulate::render(&proofs, &look_in(args.color, false, surroundings)),
        ProofFormat::Json => proofs.iter().map(|proof| format!("{}\n", proof.to_value())).collect(),
    };
    Ok(Answer { text, more: None, code: simulate::exit_code(&proofs) })
}

fn fit_jobs(args: &Fit, surroundings: &Surroundings) -> Result<Answer, CliError> {
    let named = |name: &String| {
        fit::Question::type_named(name).map_err(|near| CliError::NoSuchType {
            name: name.clone(),
            help: near.map_or_else(
                || "write it as EC2 does, such as m6g.xlarge".to_owned(),
                |near| format!("did you mean `{near}`?"),
            ),
        })
    };
    let question = fit::Question {
        rollout: args.rollout_name.clone(),
        nodes: args.nodes,
        instance_type: args.instance_type.as_ref().map(named).transpose()?,
        executors: args.executors,
        concurrent: args.concurrent,
        together: args.together,
    };
    let options = read::Options {
        clock: Some(surroundings.today.clone()),
        rollout_file: args.rollout.clone(),
        ..read::Options::default()
    };
    let linked = ManuallyDrop::new(link(read::read(&inputs(&args.inputs)?, &options)?));
    let answers = fit::ask(&linked, &question);
    if answers.is_empty() {
        let names: Vec<&str> =
            linked.estate.items("rollouts").iter().filter_map(|rollout| rollout["name"].as_str()).collect();
        return Err(CliError::NothingToWeigh(match args.rollout_name.as_deref() {
            Some(name) if !names.contains(&name) => format!("the rollouts are: {}", names.join(", ")),
            _ => "give a job request, or name it under `jobs` in `sparkcheck.toml`".to_owned(),
        }));
    }
    let text = match args.format {
        FitFormat::Human => fit::human(&answers, &look(&args.look, surroundings)),
        FitFormat::Json => format!("{:#}\n", fit::to_value(&answers)),
        FitFormat::Markdown => fit::markdown(&answers),
        FitFormat::Html => fit::html(&answers),
    };
    Ok(Answer { text, more: None, code: fit::exit_code(&answers) })
}

fn explain_error(args: &Why, surroundings: &Surroundings) -> Result<Answer, CliError> {
    let rules = rules(&args.rules)?;
    let text = read::log_text(args.file.as_deref())?;
    let matches = why::matches(&text, &rules);
    Ok(said(why::render(&matches, &look(&args.look, surroundings))))
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
