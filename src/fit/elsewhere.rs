//! Jobs without pods: workers of EMR Serverless, containers of EMR on EC2.

use super::{Answer, MOST_EXECUTORS, Question, Weighed, assumed};
use crate::capacity::remedy::{Change, Remedy, remedies};
use crate::capacity::serverless::{self, Worker};
use crate::capacity::{Demand, Fit, Held, Outcome, Role, Supply, emr_on_ec2, quota, what_if};
use crate::check::semantic::capacity::{MOST_CONCURRENT, concurrent};
use crate::facts::instances::InstanceTypes;
use crate::known::Told;
use serde_json::Value;
use std::rc::Rc;

/// What answers whether a gang finds room, and with what it was compared.
type Judge<'j> = dyn Fn(&[Demand]) -> (Fit, Supply) + 'j;

/// Asks of every job of a rollout of EMR Serverless.
pub(super) fn on_serverless(rollout: &Value, question: &Question) -> Vec<Answer> {
    let maximum = &rollout["maximum"];
    let maximum =
        maximum["vcpu"].as_u64().zip(maximum["memoryGb"].as_u64()).map(|(vcpu, memory_gb)| Worker { vcpu, memory_gb });
    let quota = rollout["vcpuQuota"].as_u64();
    let application = Some(&rollout["application"]).filter(|application| application.is_object());
    let jobs = rollout["jobs"].as_array().into_iter().flatten();
    let demands = jobs.map(|job| {
        let name = job["request"]["name"].told().or_else(|| job["path"].told()).unwrap_or("?").to_owned();
        (name, serverless::configuration(&job["request"], application).map(|conf| serverless::demand(&conf)))
    });
    let judge = |demand: &[Demand]| serverless::weigh(demand, maximum, quota);
    answers(rollout, question, demands.collect(), |demand, number| {
        if question.nodes.is_some() || question.instance_type.is_some() {
            return Err("EMR Serverless has workers in place of nodes; ask with `--executors` or `--concurrent`".into());
        }
        let mut weighed = weigh(demand, number, question, &judge, "workers");
        if weighed.fit.outcome == Outcome::Short {
            let sum = |of: fn(u64, u64) -> u64| {
                let pods = weighed.demand.iter().flat_map(|job| &job.pods);
                pods.map(|pod| of(pod.cpu_milli / 1000, pod.memory_mib / 1024).saturating_mul(pod.count.into()))
                    .fold(0, u64::saturating_add)
            };
            let (vcpu, memory_gb) = (sum(|vcpu, _| vcpu), sum(|_, memory| memory));
            let enough = maximum.map(|it| Worker { vcpu: it.vcpu.max(vcpu), memory_gb: it.memory_gb.max(memory_gb) });
            let outcome = serverless::weigh(&weighed.demand, enough, quota).0.outcome;
            if let Some(Worker { vcpu, memory_gb }) = enough.filter(|_| outcome.fits()) {
                let say = format!("raise the maximum capacity to {vcpu} vCPU and {memory_gb} GB");
                weighed.remedies.insert(0, Remedy { change: Change::Maximum(vcpu, memory_gb), say, outcome });
            }
        }
        Ok(weighed)
    })
}

/// Asks of every step of the cluster that a rollout of EMR on EC2 asks for.
pub(super) fn on_ec2(rollout: &Value, question: &Question, types: &InstanceTypes) -> Vec<Answer> {
    let request = &rollout["request"];
    let mut cluster = emr_on_ec2::cluster(request, types);
    if let Some(one) = &question.instance_type {
        cluster = cluster.of_type(request, one);
    }
    if let Some(number) = question.nodes {
        let supply = Supply { nodes: cluster.nodes, ..Supply::default() };
        cluster.nodes = what_if::with_nodes(&supply, number).nodes;
    }
    let steps = emr_on_ec2::steps(request).into_iter().map(|(name, demand)| (name, Ok(demand))).collect();
    let judge = |demand: &[Demand]| emr_on_ec2::weigh(demand, &cluster);
    answers(rollout, question, steps, |demand, number| {
        let mut weighed = weigh(demand, number, question, &judge, "containers");
        if weighed.fit.outcome == Outcome::Short && cluster.inexact.is_none() {
            let all = remedies(&weighed.demand, &weighed.supply, &Held::default(), weighed.fit.nodes_needed);
            // What YARN has on other types is not told.
            weighed.remedies = all.into_iter().filter(|it| !matches!(it.change, Change::InstanceType(_))).collect();
        }
        Ok(weighed)
    })
}

/// An answer for each job, or one for all of them together.
fn answers(
    rollout: &Value,
    question: &Question,
    jobs: Vec<(String, Result<Demand, String>)>,
    weigh: impl Fn(Vec<Demand>, u32) -> Result<Weighed, String>,
) -> Vec<Answer> {
    let number = question.concurrent.unwrap_or_else(|| concurrent(Some(rollout)));
    let mut gangs: Vec<(String, Result<Vec<Demand>, String>)> = Vec::new();
    for (name, demand) in jobs {
        match gangs.first_mut().filter(|_| question.together || rollout["together"] == true) {
            Some((names, all)) => {
                names.push_str(" and ");
                names.push_str(&name);
                match (all.as_mut(), demand) {
                    (Ok(all), Ok(demand)) => all.push(demand),
                    (_, Err(why)) => *all = Err(why),
                    (Err(_), Ok(_)) => {}
                }
            }
            None => gangs.push((name, demand.map(|demand| vec![demand]))),
        }
    }
    let of = |(job, demand): (String, Result<Vec<Demand>, String>)| Answer {
        rollout: rollout["name"].told().unwrap_or("?").to_owned(),
        job,
        concurrent: number,
        assumed: assumed(question),
        result: demand.and_then(|demand| weigh(demand, number)),
    };
    gangs.into_iter().map(of).collect()
}

fn weigh(mut jobs: Vec<Demand>, number: u32, question: &Question, judge: &Judge<'_>, of: &'static str) -> Weighed {
    if let Some(executors) = question.executors {
        jobs = what_if::with_executors(&jobs, executors);
    }
    let fits = |demand: &[Demand]| judge(demand).0.outcome.fits();
    let demand = what_if::at_once(&jobs, number);
    let (fit, supply) = judge(&demand);
    let most_executors =
        what_if::largest_number(MOST_EXECUTORS, |number| fits(&what_if::with_executors(&demand, number)));
    let most_concurrent = what_if::largest_number(MOST_CONCURRENT, |number| fits(&what_if::at_once(&jobs, number)));
    let asked = demand.iter().flat_map(|job| &job.pods).filter(|pod| pod.role == Role::Executor).map(|pod| pod.count);
    let mut remedies = Vec::new();
    if let Some(most) = most_executors.filter(|most| fit.outcome == Outcome::Short && asked.max() > Some(*most)) {
        let outcome = judge(&what_if::with_executors(&demand, most)).0.outcome;
        let say = format!("set `spark.executor.instances` to {most}");
        remedies.push(Remedy { change: Change::Executors(most), say, outcome });
    }
    let is_open = |demand: &[Demand]| judge(demand).0.outcome == Outcome::Unknown;
    let open = (
        is_open(&what_if::with_executors(&demand, most_executors.unwrap_or(0).saturating_add(1))),
        is_open(&what_if::at_once(&jobs, most_concurrent.unwrap_or(0).saturating_add(1))),
    );
    let (quota, supply, held) = (quota::Answer::default(), Rc::new(supply), None);
    Weighed { demand, supply, fit, quota, most_executors, most_concurrent, open, of, remedies, held }
}
