//! `sparkcheck fit`: whether jobs find nodes, how many would, and what helps; also of nodes and jobs as they are not.
//!
//! The answers are those of [`crate::capacity`], asked of each job of each rollout: of pods on a cluster, of workers under
//! the maximum capacity of EMR Serverless, of YARN containers on the nodes of EMR on EC2.
//!
//! Deliberately absent: everything else that a rollout may fail of; that is what `sparkcheck check` is for.

mod elsewhere;
mod render;

pub use render::{html, human, markdown, to_value};

use crate::capacity::picture::{Picture, picture};
use crate::capacity::remedy::{Remedy, held_told, remedies};
use crate::capacity::{self, Demand, Fit, Outcome, Role, Supply, quota, what_if};
use crate::check::semantic::capacity as asked;
use crate::facts::instances::{InstanceType, InstanceTypes};
use crate::known::Told;
use crate::link::Linked;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::{self, Write};
use std::rc::Rc;
use std::sync::Arc;

/// More executors than these are not looked for.
const MOST_EXECUTORS: u32 = 100_000;

/// What is asked, beside the estate.
#[derive(Clone, Debug, Default)]
pub struct Question {
    /// Only this rollout.
    pub rollout: Option<String>,
    /// As if there were so many nodes.
    pub nodes: Option<u32>,
    /// As if all nodes were of this type.
    pub instance_type: Option<Arc<InstanceType>>,
    /// As if each job had so many executors.
    pub executors: Option<u32>,
    /// As if so many of each job ran at once.
    pub concurrent: Option<u32>,
    /// All jobs of a rollout at once, in place of each for itself.
    pub together: bool,
}

impl Question {
    /// The instance type of that name, or one that the user may have meant.
    pub fn type_named<'t>(types: &'t InstanceTypes, name: &str) -> Result<Arc<InstanceType>, Option<&'t str>> {
        types.get(name).ok_or_else(|| types.like(name))
    }
}

/// The answer for one job, or for the jobs of a rollout together.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The rollout.
    pub rollout: String,
    /// The job.
    pub job: String,
    /// How many of it run at once.
    pub concurrent: u32,
    /// What was assumed, and is not so.
    pub assumed: Vec<String>,
    /// What it came to, or why it cannot be told.
    pub result: Result<Weighed, String>,
}

/// What asking came to.
#[derive(Clone, Debug)]
pub struct Weighed {
    /// The pods.
    pub demand: Vec<Demand>,
    /// The nodes.
    pub supply: Rc<Supply>,
    /// Whether they fit.
    pub fit: Fit,
    /// What the namespace does not let in.
    pub quota: quota::Answer,
    /// The most executors of each job with which the pods fit, well packed; `None` if not even one does.
    pub most_executors: Option<u32>,
    /// The most of these jobs that fit at once, well packed.
    pub most_concurrent: Option<u32>,
    /// Whether it is not known that one more executor, and one more job, do not fit.
    pub open: (bool, bool),
    /// What is weighed: `pods`, `containers` or `workers`.
    pub of: &'static str,
    /// What helps.
    pub remedies: Vec<Remedy>,
    /// What ended job runs hold, in a phrase.
    pub held: Option<String>,
}

/// The nodes of a cluster and what ended job runs hold of them, or why they are not known.
type Nodes = Result<Rc<(Rc<Supply>, capacity::Held)>, String>;

/// Asks of every job of every rollout, or of the one that is named. Nothing, where no rollout runs pods.
#[must_use]
pub fn ask(linked: &Linked, question: &Question) -> Vec<Answer> {
    let mut answers = Vec::new();
    let mut clusters: BTreeMap<String, Nodes> = BTreeMap::new();
    for rollout in linked.estate.items("rollouts") {
        let name = rollout["name"].told().unwrap_or("?");
        if question.rollout.as_deref().is_some_and(|wanted| wanted != name) {
            continue;
        }
        match rollout["system"].told() {
            Some("emr-serverless") => answers.extend(elsewhere::on_serverless(rollout, question)),
            Some("emr-on-ec2") => answers.extend(elsewhere::on_ec2(rollout, question, &linked.estate.instance_types)),
            _ => {}
        }
        let gangs = rollout["gangs"].as_array().map_or(&[][..], Vec::as_slice);
        // Behind a gateway each of its clusters is asked for itself.
        let arn_of = |gang: &Value| {
            gang["clusterArn"].told().or_else(|| rollout["clusterArn"].told()).unwrap_or_default().to_owned()
        };
        let of = |gang: &Value| asked::demand(gang, Some(rollout));
        let mut jobs: Vec<(String, String, Vec<Demand>)> = Vec::new();
        for gang in gangs {
            let (arn, name) = (arn_of(gang), gang["name"].told().unwrap_or("?"));
            match jobs
                .iter_mut()
                .find(|(known, ..)| (question.together || rollout["together"] == true) && *known == arn)
            {
                Some((_, names, demand)) => {
                    write_to(names, format_args!(" and {name}"));
                    demand.push(of(gang));
                }
                None => jobs.push((arn, name.to_owned(), vec![of(gang)])),
            }
        }
        let concurrent = question.concurrent.unwrap_or_else(|| asked::concurrent(Some(rollout)));
        for (arn, job, demand) in jobs {
            let nodes = clusters
                .entry(arn.clone())
                .or_insert_with(|| {
                    asked::cluster(linked, &arn)
                        .map(|cluster| Rc::new((Rc::new(cluster.supply), cluster.held)))
                        .map_err(|unknown| unknown.why)
                })
                .clone();
            let namespace = demand.first().and_then(|job| job.namespace.clone()).unwrap_or_default();
            let mut answer = Answer {
                rollout: name.to_owned(),
                job,
                concurrent,
                assumed: assumed(question),
                result: Err(String::new()),
            };
            answer.result = nodes.map(|nodes| {
                let (quotas, ranges) = bounds(linked, &arn, &namespace);
                weigh(demand, concurrent, &nodes.0, &nodes.1, question, (&quotas, &ranges))
            });
            // Two files may hold the same job.
            let same = |known: &Answer| {
                let (Ok(left), Ok(right)) = (&known.result, &answer.result) else { return false };
                (&known.rollout, &known.job) == (&answer.rollout, &answer.job)
                    && left.kinds() == right.kinds()
                    && left.because() == right.because()
            };
            if !answers.iter().any(same) {
                answers.push(answer);
            }
        }
    }
    answers
}

fn assumed(question: &Question) -> Vec<String> {
    let mut assumed = Vec::new();
    assumed.extend(question.nodes.map(|nodes| format!("{nodes} nodes")));
    assumed.extend(question.instance_type.as_ref().map(|one| format!("nodes of type {}", one.name)));
    assumed.extend(question.executors.map(|executors| format!("{executors} executors")));
    assumed.extend(question.concurrent.map(|concurrent| format!("{concurrent} at once")));
    assumed
}

/// The quotas and ranges of the rollout's namespace, as far as they were listed.
fn bounds<'l>(linked: &'l Linked, arn: &str, namespace: &str) -> (Vec<&'l Value>, Vec<&'l Value>) {
    let group = linked.estate.kubernetes(arn).map(|(group, _)| group);
    let of = |kind: &str| {
        let objects = group.and_then(|group| group[kind].as_array()).into_iter().flatten();
        objects.filter(|object| object["metadata"]["namespace"].is(namespace)).collect()
    };
    (of("resourceQuotas"), of("limitRanges"))
}

fn weigh(
    mut jobs: Vec<Demand>,
    concurrent: u32,
    nodes: &Rc<Supply>,
    held: &capacity::Held,
    question: &Question,
    (quotas, ranges): (&[&Value], &[&Value]),
) -> Weighed {
    let mut supply = Rc::clone(nodes);
    if let Some(one) = &question.instance_type {
        supply = Rc::new(what_if::of_instance_type(&supply, one));
    }
    if let Some(number) = question.nodes {
        supply = Rc::new(what_if::with_nodes(&supply, number));
    }
    if let Some(number) = question.executors {
        jobs = what_if::with_executors(&jobs, number);
    }
    let fits = |demand: &[Demand]| capacity::fit(demand, &supply).outcome.fits();
    let demand = what_if::at_once(&jobs, concurrent);
    let fit = capacity::fit(&demand, &supply);
    let most_executors =
        what_if::largest_number(MOST_EXECUTORS, |number| fits(&what_if::with_executors(&demand, number)));
    let most_concurrent =
        what_if::largest_number(asked::MOST_CONCURRENT, |number| fits(&what_if::at_once(&jobs, number)));
    let is_open = |demand: &[Demand]| capacity::fit(demand, &supply).outcome == Outcome::Unknown;
    let open = (
        is_open(&what_if::with_executors(&demand, most_executors.unwrap_or(0).saturating_add(1))),
        is_open(&what_if::at_once(&jobs, most_concurrent.unwrap_or(0).saturating_add(1))),
    );
    let remedies =
        if fit.outcome == Outcome::Short { remedies(&demand, &supply, held, fit.nodes_needed) } else { Vec::new() };
    let quota = quota::within(&demand, quotas, ranges);
    let held = held_told(held).filter(|_| fit.outcome == Outcome::Short);
    let of = "pods";
    Weighed { demand, supply, fit, quota, most_executors, most_concurrent, open, of, remedies, held }
}

impl Weighed {
    /// Whether the pods get in and find nodes.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        match self.fit.outcome {
            _ if !self.quota.short.is_empty() => Outcome::Short,
            outcome if outcome.fits() && !self.quota.unknown.is_empty() => Outcome::Unknown,
            outcome => outcome,
        }
    }

    /// Why, in a line.
    #[must_use]
    pub fn because(&self) -> String {
        let quota =
            self.quota.short.iter().map(|short| format!("`{}` does not let them in: {}", short.name, short.because));
        let mut reasons: Vec<String> = quota.collect();
        if reasons.is_empty() && self.fit.outcome.fits() && !self.quota.unknown.is_empty() {
            reasons.extend(self.quota.unknown.iter().cloned());
        } else {
            reasons.push(self.fit.because.clone());
            reasons.extend(self.held.clone());
        }
        reasons.join("; ")
    }

    /// The kinds of pods of one job with their sums.
    fn kinds(&self) -> Vec<(Role, u64, u64, u64, &str)> {
        let mut kinds: Vec<(Role, u64, u64, u64, &str)> = Vec::new();
        for pod in self.demand.iter().flat_map(|job| &job.pods) {
            let same = kinds.iter_mut().find(|kind| {
                (kind.0, kind.2, kind.3, kind.4) == (pod.role, pod.cpu_milli, pod.memory_mib, pod.arithmetic.as_str())
            });
            match same {
                Some(kind) => kind.1 += u64::from(pod.count),
                None => kinds.push((pod.role, pod.count.into(), pod.cpu_milli, pod.memory_mib, &pod.arithmetic)),
            }
        }
        kinds
    }

    fn picture(&self) -> Picture {
        picture(&self.supply, &self.fit)
    }
}

/// 0 if all fit, 1 if something does not, 3 if something cannot be told.
#[must_use]
pub fn exit_code(answers: &[Answer]) -> u8 {
    let is = |wanted: fn(&Weighed) -> bool| answers.iter().any(|answer| answer.result.as_ref().is_ok_and(wanted));
    if is(|weighed| weighed.outcome() == Outcome::Short) {
        1
    } else if is(|weighed| weighed.outcome() == Outcome::Unknown) || answers.iter().any(|it| it.result.is_err()) {
        3
    } else {
        0
    }
}

fn write_to(text: &mut String, arguments: fmt::Arguments<'_>) {
    // Writing to a text does not fail.
    let _ = text.write_fmt(arguments);
}
