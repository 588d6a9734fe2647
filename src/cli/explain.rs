//! `sparkcheck explain`, `rules` and `why`: what the rules say of themselves.

use super::{Answer, CliError, LookArgs, Surroundings, look, rules, said};
use crate::rule::Rule;
use crate::{read, report, why};
use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(super) struct Explain {
    /// The rule's id
    rule: String,
    /// More rules, one YAML file each; repeatable
    #[arg(long, value_name = "DIR")]
    rules: Vec<PathBuf>,
    #[command(flatten)]
    look: LookArgs,
}

#[derive(Debug, Args)]
pub(super) struct List {
    /// More rules, one YAML file each; repeatable
    #[arg(long, value_name = "DIR")]
    rules: Vec<PathBuf>,
    #[command(flatten)]
    look: LookArgs,
}

#[derive(Debug, Args)]
pub(super) struct Why {
    /// A log, an event or an error message [default: standard input]
    file: Option<PathBuf>,
    /// More rules, one YAML file each; repeatable
    #[arg(long, value_name = "DIR")]
    rules: Vec<PathBuf>,
    #[command(flatten)]
    look: LookArgs,
}

pub(super) fn rule(args: &Explain, surroundings: &Surroundings) -> Result<Answer, CliError> {
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
    rule.examples = rule.examples.or_else(|| crate::rule::builtin_examples(&rule.id));
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

pub(super) fn error(args: &Why, surroundings: &Surroundings) -> Result<Answer, CliError> {
    let rules = rules(&args.rules)?;
    let text = read::log_text(args.file.as_deref())?;
    let matches = why::matches(&text, &rules);
    Ok(said(why::render(&matches, &look(&args.look, surroundings))))
}

pub(super) fn list(args: &List, surroundings: &Surroundings) -> Result<Answer, CliError> {
    let rules = rules(&args.rules)?;
    let rules: Vec<&Rule> = rules.iter().collect();
    Ok(said(report::explain::list(&rules, &look(&args.look, surroundings))))
}
