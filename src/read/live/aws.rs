//! AWS as it is now: sessions, their calls, and what came of each.
//!
//! A run begins with what is known (accounts, regions, named clusters) and goes on with what the answers
//! name, until nothing is left to ask or the time is up. Nothing waits for anything that it does not need.
//!
//! EC2, Organizations and Service Quotas are asked without their SDK crates (`plain`).
//!
//! Deliberately absent: instance types, which stand in a table (`facts::instances`); an export of
//! `aws ec2 describe-instance-types` beside the answers adds to it.

mod body;
mod failure;
mod nowhere;
mod plain;
mod reading;
mod run;
mod send;
mod session;

use super::plan::Plan;
use super::{Answers, Target};
use crate::estate::Gap;
use aws_config::SdkConfig;
use miette::Diagnostic;
use std::time::Duration;
use thiserror::Error;

/// What to read, and as whom.
#[derive(Clone, Debug)]
pub struct Options {
    /// Profiles of the AWS configuration; each is a session of its own. Without any, the default credentials.
    pub profiles: Vec<String>,
    /// Roles to assume with the first profile; each is a session in place of that one.
    pub roles: Vec<String>,
    /// Regions to read; without any, those of the targets, or else the session's own.
    pub regions: Vec<String>,
    /// What the run is about; without any, everything in the regions.
    pub targets: Vec<Target>,
    /// ARNs of roles that the inputs name; they are asked for one by one where all together are refused.
    pub named_roles: Vec<String>,
    /// How long all calls together may take.
    pub timeout: Duration,
    /// How long one attempt of a call may take.
    pub attempt: Duration,
    /// How often a call is attempted.
    pub attempts: u32,
    /// How long a first repetition waits, at most.
    pub backoff: Duration,
    /// Credentials, region and client to use instead of the environment's.
    pub base: Option<SdkConfig>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            profiles: Vec::new(),
            roles: Vec::new(),
            regions: Vec::new(),
            targets: Vec::new(),
            named_roles: Vec::new(),
            timeout: Duration::from_secs(300),
            attempt: Duration::from_secs(30),
            attempts: 8,
            backoff: Duration::from_secs(1),
            base: None,
        }
    }
}

/// Why nothing was read.
#[derive(Debug, Error, Diagnostic)]
pub enum LiveError {
    /// No session has credentials that AWS accepts.
    #[error("AWS cannot be asked: {why}")]
    #[diagnostic(help("{unblock}"))]
    NoAccess {
        /// What happened.
        why: String,
        /// What to do.
        unblock: String,
    },
    /// Nothing names a region.
    #[error("nothing says which region to read")]
    #[diagnostic(help("name it with `--region`, give clusters by their ARN, or set one in the profile"))]
    NoRegion,
    /// The user ended the run.
    #[error("interrupted")]
    #[diagnostic(help("nothing was written"))]
    Interrupted,
    /// The program cannot wait for answers on this machine.
    #[error("calls cannot be made: {0}")]
    #[diagnostic(help("run it where a process may open sockets and start threads"))]
    Runtime(std::io::Error),
}

/// A cluster that was described, and how its API is reached.
#[derive(Clone, Debug)]
pub struct Cluster {
    /// Its ARN.
    pub arn: String,
    /// Its name.
    pub name: String,
    /// Its region.
    pub region: String,
    /// The URL of its API server.
    pub endpoint: String,
    /// The certificate of the authority that signs the server's, base64 of PEM.
    pub certificate_authority: String,
    /// The credentials with which it was described; its token is signed with them.
    pub config: SdkConfig,
}

/// What AWS has answered.
#[derive(Debug, Default)]
pub struct Live {
    /// The answers.
    pub answers: Answers,
    /// The clusters that the run is about.
    pub clusters: Vec<Cluster>,
    /// How often each operation was called, pages counted one by one; attempts that were repeated are not.
    pub calls: Vec<(String, usize)>,
}

/// The ARNs of the roles that a document names, each once.
#[must_use]
pub fn roles_named_in(document: &serde_json::Value) -> Vec<String> {
    let mut found = Vec::new();
    run::roles::named(document, &mut found);
    found.sort();
    found.dedup();
    found
}

/// Makes the calls of a plan.
///
/// # Errors
/// If there is nobody to ask as, or nothing to ask about; everything else that goes wrong is a gap.
pub fn read(options: &Options, plan: &Plan) -> Result<Live, LiveError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(LiveError::Runtime)?;
    let live = runtime.block_on(async {
        tokio::select! {
            live = whole(options, plan) => live,
            _ = tokio::signal::ctrl_c() => Err(LiveError::Interrupted),
        }
    });
    // A call that hangs must not keep the process.
    runtime.shutdown_background();
    live
}

async fn whole(options: &Options, plan: &Plan) -> Result<Live, LiveError> {
    let deadline = tokio::time::Instant::now() + options.timeout;
    let (sessions, identities, lost) = session::begin(options, deadline).await?;
    let places = session::places(options, &sessions)?;
    let mut run = run::Run::new(options, plan, sessions, places, deadline);
    run.begin();
    run.carry_out().await;
    let mut live = run.finish(identities);
    if let Some(reading) = live.answers.readings.first_mut() {
        reading.gaps.extend(lost);
    } else if let Some(gap) = lost.first() {
        return Err(LiveError::NoAccess { why: gap.why.clone(), unblock: gap.unblock.clone().unwrap_or_default() });
    }
    Ok(live)
}

/// A bar on a terminal, and nothing elsewhere.
pub(super) fn progress(name: &'static str, length: usize) -> indicatif::ProgressBar {
    let bar = indicatif::ProgressBar::new(length as u64);
    if let Ok(style) = indicatif::ProgressStyle::with_template("{prefix:>15} {wide_bar} {pos}/{len}") {
        bar.set_style(style);
    }
    bar.with_prefix(name)
}

/// A gap that concerns a whole session or target.
fn gap(what: &str, scope: &str, why: String, unblock: String) -> Gap {
    Gap { what: what.to_owned(), scope: scope.to_owned(), why, unblock: Some(unblock), place: None }
}
