//! `sparkcheck snapshot`: the estate as a file.

use super::live::{Gathered, LiveArgs, gather};
use super::whole::{Readers, whole};
use super::{Answer, CliError, Surroundings, day, said};
use crate::link::link;
use crate::report::Outcome;
use crate::{examine, read, rule, snapshot};
use clap::Args;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Write what the inputs hold into one file, without secrets, for checking later and elsewhere.
///
/// Values of environments, contents of Secrets and of most ConfigMaps, user data, passwords, tokens
/// and keys are left out. The same state gives the same bytes.
#[derive(Debug, Args)]
pub(super) struct Snapshot {
    /// Files and folders to read, `-` for standard input; the kind of each is recognised
    #[arg(value_name = "INPUT")]
    inputs: Vec<PathBuf>,
    /// The file to write, compressed if its name ends in `.gz`; `-` for standard output
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// What is going to be rolled out [default: sparkcheck.toml among or beside the inputs]
    #[arg(long, value_name = "FILE")]
    rollout: Option<PathBuf>,
    /// The day on which the state was captured [default: that of a snapshot among the inputs, or today]
    #[arg(long, value_name = "YYYY-MM-DD")]
    today: Option<String>,
    /// Give accounts, principals, clusters, namespaces, buckets and hosts other names; verdicts stay the same
    #[arg(long)]
    redact_accounts: bool,
    /// With the same text, snapshots give the same things the same other names [default: drawn from the state]
    #[arg(long, value_name = "TEXT", requires = "redact_accounts")]
    redact_key: Option<String>,
    /// Trace the calls of a live run
    #[arg(short, long)]
    verbose: bool,
    #[command(flatten)]
    live: LiveArgs,
}

pub(super) fn write(args: &Snapshot, surroundings: &Surroundings) -> Result<Answer, CliError> {
    let options = read::Options {
        today: day(args.today.as_deref())?,
        clock: Some(surroundings.today.clone()),
        rollout_file: args.rollout.clone(),
        render: false,
        over: None,
    };
    let estate = match gather(&args.live, &[], (&args.inputs, &[]), options, args.verbose)? {
        Gathered::Estate(estate) => estate,
        Gathered::Plan(text) => return Ok(said(text)),
    };
    let mut document = snapshot::of(&estate);
    let mut note = String::new();
    if args.redact_accounts {
        let renamed = snapshot::rename(&document, args.redact_key.as_deref());
        note = differing(&document, &renamed)?;
        document = renamed;
    }
    let shown = args.output.to_string_lossy().into_owned();
    let failed = |error: std::io::Error| CliError::Write { path: shown.clone(), why: error.to_string() };
    let bytes = snapshot::bytes(&document, &shown).map_err(failed)?;
    if shown == "-" {
        return Ok(said(String::from_utf8_lossy(&bytes).into_owned()));
    }
    whole(&args.output, &bytes, Readers::Owner).map_err(failed)?;
    let gaps = match estate.gaps.len() {
        0 => String::new(),
        1 => "; 1 thing is missing in it, and says so".to_owned(),
        count => format!("; {count} things are missing in it, and say so"),
    };
    Ok(said(format!("wrote `{shown}`{gaps}{note}\n")))
}

/// Which rules say other things of a state under other names; nothing, if the names were well chosen.
fn differing(document: &Value, renamed: &Value) -> Result<String, CliError> {
    let rules = rule::builtin();
    let outcomes = |document: &Value| -> Result<BTreeMap<(String, Outcome), usize>, CliError> {
        let bytes = serde_json::to_vec(document).unwrap_or_default();
        let estate = read::read(&[read::Input::Stdin(bytes)], &read::Options::default())?;
        let mut counts = BTreeMap::new();
        for finding in examine(&link(estate), &rules).findings {
            *counts.entry((finding.rule.id.clone(), finding.outcome)).or_default() += 1;
        }
        Ok(counts)
    };
    let (before, after) = (outcomes(document)?, outcomes(renamed)?);
    let mut rules: Vec<String> = before
        .keys()
        .chain(after.keys())
        .filter(|key| before.get(*key) != after.get(*key))
        .map(|(rule, _)| format!("`{rule}`"))
        .collect();
    rules.sort();
    rules.dedup();
    if rules.is_empty() {
        return Ok(String::new());
    }
    Ok(format!("; under the other names these rules say other things: {}", rules.join(", ")))
}
