//! `sparkcheck simulate`: may this principal do this?

use super::{Answer, CliError, ProofFormat, Surroundings, When, inputs, look_in};
use crate::link::link;
use crate::read;
use crate::simulate::{self, Answers, Held, Question, Role};
use clap::Args;
use std::path::PathBuf;

/// May this principal do this? Answers from the policies alone, and says why.
///
/// Policies come from exported account state (INPUT) or from files. A key that is neither given nor
/// listed as unknown is absent from the request; what the estate does not hold makes an answer
/// conditional.
#[derive(Debug, Args)]
#[command(after_help = "Exit codes: 0 allowed, 1 denied, 3 conditional; of several actions the worst. \
    With --cases always 0: each line of the file has its answer, a broken one an `error`. \
    2 the question could not be put.")]
pub(super) struct Simulate {
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

pub(super) fn prove(args: &Simulate, surroundings: &Surroundings) -> Result<Answer, CliError> {
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
