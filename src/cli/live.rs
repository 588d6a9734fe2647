//! `--live` and `sparkcheck permissions`: what is read from accounts and clusters as they are now.

use super::{Answer, CliError, ProofFormat, inputs, rules, said, with_jobs};
use crate::arn::Arn;
use crate::estate::Estate;
use crate::read;
use crate::read::live::Target;
use crate::read::live::demand::demand;
use crate::read::live::plan::Plan;
use crate::rule::{self, Rule, System};
use clap::Args;
use std::collections::BTreeSet;
use std::path::PathBuf;

/// Reading accounts and clusters as they are now.
#[derive(Debug, Args)]
#[command(next_help_heading = "Live")]
pub(super) struct LiveArgs {
    /// Read AWS and Kubernetes now, beside the inputs, with credentials as the AWS CLI finds them
    #[arg(long)]
    pub(super) live: bool,
    /// What the run is about: an EKS cluster, virtual cluster, EMR Serverless application or EMR cluster
    /// by ARN, name or id; repeatable [default: what sparkcheck.toml declares, or else everything]
    #[arg(long, value_name = "ARN|NAME", requires = "live")]
    pub(super) cluster: Vec<String>,
    /// A profile of the AWS configuration; repeatable, one account each
    #[arg(long, value_name = "NAME", requires = "live")]
    pub(super) profile: Vec<String>,
    /// A region to read; repeatable [default: those of the clusters, or the profile's]
    #[arg(long, value_name = "NAME", requires = "live")]
    pub(super) region: Vec<String>,
    /// A role to assume with the first profile, and to read as in its place; repeatable
    #[arg(long, value_name = "ARN", requires = "live")]
    pub(super) assume_role: Vec<String>,
    /// A context of the kubeconfig that leads to a cluster; repeatable [default: the way that EKS tells]
    #[arg(long, value_name = "NAME", requires = "live")]
    pub(super) context: Vec<String>,
    /// The kubeconfig with these contexts [default: as kubectl finds it]
    #[arg(long, value_name = "FILE", requires = "context")]
    pub(super) kubeconfig: Option<PathBuf>,
    /// A namespace to read where reading all together is refused; repeatable
    #[arg(long, value_name = "NAME", requires = "live")]
    pub(super) namespace: Vec<String>,
    /// Ask nothing of the organization, and take it that none of its policies has a say
    #[arg(long, requires = "live")]
    pub(super) without_organization: bool,
    /// Seconds that all calls together may take
    #[arg(long, value_name = "SECONDS", default_value_t = 300, requires = "live")]
    pub(super) timeout: u64,
    /// Print what would be called, how often at least, and which permission it takes; call nothing
    #[arg(long, requires = "live")]
    pub(super) explain_calls: bool,
}

/// The least IAM policy and Kubernetes RBAC that a live run takes.
///
/// Both follow from the rules: what no rule looks at is not read.
#[derive(Debug, Args)]
pub(super) struct Permissions {
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

/// What came of reading.
pub(super) enum Gathered {
    /// What the inputs hold, and what calls have answered.
    Estate(Box<Estate>),
    /// The calls that would be made, in words.
    Plan(String),
}

/// Reads what was named, and where asked for what AWS and Kubernetes say now; `own` are rules, if not the built-in ones.
pub(super) fn gather(
    live: &LiveArgs,
    own: &[Rule],
    (named, jobs): (&[PathBuf], &[PathBuf]),
    mut options: read::Options,
    verbose: bool,
) -> Result<Gathered, CliError> {
    let inputs = if live.live && named.is_empty() { Vec::new() } else { inputs(named)? };
    let inputs = with_jobs(inputs, jobs);
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
            // What it is, is said when it is read beside the answers.
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

pub(super) fn permissions(args: &Permissions) -> Result<Answer, CliError> {
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
