//! `sparkcheck fit`: will the pods of a job find nodes, also with other nodes and other jobs.

use super::{Answer, CliError, LookArgs, Surroundings, inputs, look};
use crate::link::link;
use crate::{fit, read};
use clap::{Args, ValueEnum};
use std::mem::ManuallyDrop;
use std::path::PathBuf;

/// Will the pods of a job find nodes? Says what is short, draws the nodes, and finds how many fit.
///
/// Weighs each job of each rollout against the nodes of its cluster and those that may be added. With --nodes,
/// --instance-type, --executors and --concurrent it answers for nodes and jobs that are not there yet.
#[derive(Debug, Args)]
#[command(after_help = "Exit codes: 0 all fit; 1 something does not; 3 something cannot be told. \
    2 the question could not be put.")]
pub(super) struct Fit {
    /// Exported state with nodes, pods and job requests; `-` for standard input [default: the folder `.`]
    #[arg(value_name = "INPUT")]
    inputs: Vec<PathBuf>,
    /// What is going to be rolled out [default: sparkcheck.toml among or beside the inputs]
    #[arg(long, value_name = "FILE")]
    rollout: Option<PathBuf>,
    /// These job requests at once, in place of those of the rollouts; repeatable
    #[arg(long, value_name = "FILE", num_args = 1..)]
    jobs: Vec<PathBuf>,
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

pub(super) fn weigh(args: &Fit, surroundings: &Surroundings) -> Result<Answer, CliError> {
    let options = read::Options {
        clock: Some(surroundings.today.clone()),
        rollout_file: args.rollout.clone(),
        ..read::Options::default()
    };
    let mut estate = read::read(&super::with_jobs(inputs(&args.inputs)?, &args.jobs), &options)?;
    super::declare_jobs(&mut estate, &args.jobs);
    let linked = ManuallyDrop::new(link(estate));
    let named = |name: &String| {
        fit::Question::type_named(&linked.estate.instance_types, name).map_err(|near| CliError::NoSuchType {
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
