//! Questions to [`crate::capacity`]: nodes, quotas, Spot, architectures.

use super::{blocked, single};
use crate::capacity::picture::picture;
use crate::capacity::remedy::{Change, Remedy, held_told, remedies};
use crate::capacity::{self, Binding, Demand, Fit, Held, Listing, Outcome, Role, Supply, held_by};
use crate::check::{Evidence, Inquiry, Spot, Subject, Verdict};
use crate::known::{Told, Unknown};
use crate::link::Linked;
use crate::path::Path;
use crate::rule::Gang;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt::Write;
use std::sync::Arc;

/// What the nodes of a cluster came to: the nodes with the pods of ended job runs, or why they are not known.
#[derive(Debug)]
pub(crate) struct Cluster {
    /// Nodes and what may be added.
    pub(crate) supply: Supply,
    /// What ended job runs have left.
    pub(crate) held: Held,
}

/// Whether some pods fit, and what helps if they do not.
#[derive(Debug)]
pub(crate) struct Asked {
    fit: Fit,
    remedies: Vec<Remedy>,
}

/// Reads the supply of a cluster from the estate.
pub(crate) fn cluster(linked: &Linked, cluster_arn: &str) -> Result<Cluster, Unknown> {
    let estate = &linked.estate;
    for collection in ["kubernetes.nodes", "kubernetes.pods"] {
        if let Some(unknown) = estate.incomplete(collection, cluster_arn, None) {
            return Err(unknown);
        }
    }
    let Some((group, _)) = estate.kubernetes(cluster_arn) else {
        return Err(Unknown { why: "the nodes of the cluster were not listed".into(), unblock: None });
    };
    let list = |kind: &str| group[kind].as_array().map_or(&[][..], Vec::as_slice);
    let of_cluster = |collection: &str| {
        let is_own = |item: &&Value| {
            let item = item.get("nodegroup").or_else(|| item.get("fargateProfile")).unwrap_or(item);
            let name = item["clusterName"].told().unwrap_or_default();
            let arn = item["nodegroupArn"].told().or_else(|| item["fargateProfileArn"].told());
            let same_account = arn.is_none_or(|arn| {
                arn.split(':').nth(3) == cluster_arn.split(':').nth(3)
                    && arn.split(':').nth(4) == cluster_arn.split(':').nth(4)
            });
            same_account && cluster_arn.strip_suffix(name).is_some_and(|head| head.ends_with(":cluster/"))
        };
        estate.items(collection).iter().filter(is_own).collect::<Vec<_>>()
    };
    let listing = Listing {
        nodes: list("nodes"),
        pods: list("pods"),
        nodegroups: of_cluster("eks.nodegroups"),
        node_pools: list("nodePools"),
        node_pools_listed: estate.incomplete("kubernetes.nodePools", cluster_arn, None).is_none(),
        fargate_profiles: of_cluster("eks.fargateProfiles"),
        cluster: estate.items("eks.clusters").iter().find(|candidate| candidate["arn"].is(cluster_arn)),
        priority_classes: list("priorityClasses"),
        claims: list("persistentVolumeClaims"),
        volumes: list("persistentVolumes"),
        csi_nodes: list("csiNodes"),
        subnets: estate.items("ec2.subnets"),
        instance_types: estate.instance_types.clone(),
    };
    let mut runs = BTreeSet::new();
    for pod in listing.pods {
        if let Some(run) = pod["metadata"]["labels"]["emr-containers.amazonaws.com/job.id"].told()
            && linked.index.has_ended(run)
        {
            runs.insert(run.to_owned());
        }
    }
    Ok(Cluster { supply: capacity::supply::of_listing(&listing, |_| true), held: held_by(listing.pods, &runs) })
}

/// The pods of one job request, whatever form it has, in the namespace of its rollout.
pub(crate) fn demand(job: &Value, rollout: Option<&Value>) -> Demand {
    let spark = rollout.and_then(|rollout| rollout["release"]["spark"].told());
    let request = &job["request"];
    let mut demand = match job["kind"].told() {
        Some("start-job-run") => capacity::demand::of_emr_on_eks(request, spark),
        Some("sparkpilot-job") => capacity::demand::of_emr_on_eks(&as_start_job_run(request), spark),
        Some("bpg-submission") => capacity::demand::of_bpg_submission(request, &job["gateway"], &job["settings"]),
        _ => capacity::demand::of_spark_application(request),
    };
    if let Some(templates) = job["templates"].as_object() {
        demand = demand.with_template_files(|name| templates.get(name));
    }
    let namespace = job["namespace"].told().or_else(|| rollout.and_then(|rollout| rollout["namespace"].told()));
    demand.namespace = namespace.map(str::to_owned);
    demand
}

/// A SparkPilot job as the request that it becomes.
fn as_start_job_run(job: &Value) -> Value {
    let conf: BTreeSet<String> = job["spark_conf"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, value)| {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            format!("--conf '{name}={}'", value.replace('\'', r"'\''"))
        })
        .collect();
    serde_json::json!({
        "jobDriver": {"sparkSubmitJobDriver": {
            "entryPoint": job["artifact_uri"],
            "sparkSubmitParameters": conf.into_iter().collect::<Vec<_>>().join(" "),
        }},
    })
}

/// How many of a rollout's jobs run at once.
pub(crate) fn concurrent(rollout: Option<&Value>) -> u32 {
    let declared = rollout.and_then(|rollout| rollout["concurrent"].as_u64()).unwrap_or(1);
    u32::try_from(declared).unwrap_or(u32::MAX).clamp(1, MOST_CONCURRENT)
}

/// More jobs at once than these are not weighed one by one.
pub(crate) const MOST_CONCURRENT: u32 = 1_000;

/// The jobs that a rule asks about, or the verdict where there are none.
fn jobs<'e>(subject: &Subject<'e>, jobs: &Path) -> Result<Vec<(&'e Value, String)>, Verdict> {
    // A job is its own subject, or the jobs stand below it.
    let jobs = subject.find(jobs);
    if let Some(evidence) = blocked(&jobs) {
        return Err(Verdict::Unknown(evidence));
    }
    if jobs.found.is_empty() {
        let mut evidence = Evidence::at(subject.pointer.clone(), "no job request says which pods will run");
        evidence.unblock.push("add the job's request to `jobs` in `sparkcheck.toml`".into());
        return Err(Verdict::Unknown(evidence));
    }
    Ok(jobs.found)
}

/// The pods of one job, as many times as it runs at once.
struct Job {
    demand: Vec<Demand>,
    pointer: String,
    name: String,
}

impl Job {
    fn evidence(&self, because: impl Into<String>) -> Evidence {
        Evidence::at(self.pointer.clone(), because).fact("job", self.name.clone())
    }
}

/// Each job, as many times as it runs at once; or all together, where the rollout runs them so.
fn demands(subject: &Subject<'_>, path: &Path) -> Result<Vec<Job>, Verdict> {
    let rollout = subject.rollout.map(|(_, rollout)| rollout);
    let number = concurrent(rollout);
    let of = |(job, pointer): (&Value, String)| {
        let demand = capacity::what_if::at_once(std::slice::from_ref(&demand(job, rollout)), number);
        let name = job["name"].told().or_else(|| job["path"].told()).unwrap_or("?").to_owned();
        Job { demand, pointer, name }
    };
    let mut list: Vec<Job> = jobs(subject, path)?.into_iter().map(of).collect();
    if rollout.is_some_and(|rollout| rollout["together"] == true) && list.len() > 1 {
        let rest = list.split_off(1);
        if let Some(first) = list.first_mut() {
            for job in rest {
                first.demand.extend(job.demand);
                let _ = write!(first.name, " and {}", job.name);
            }
        }
    }
    Ok(list)
}

/// The cluster's nodes, read once for all rollouts.
fn nodes(subject: &Subject<'_>, inquiry: &Inquiry<'_>, path: &Path) -> Result<(String, Arc<Cluster>), Verdict> {
    let (arn, _) = single(subject, path)?;
    let arn = arn.told().unwrap_or_default().to_owned();
    let cluster = inquiry.cluster(&arn);
    match &*cluster {
        Ok(cluster) => Ok((arn, Arc::clone(cluster))),
        Err(unknown) => Err(Verdict::Unknown(Evidence::unknown(subject.pointer.clone(), unknown.clone()))),
    }
}

/// Judges [`crate::rule::Assertion::Fits`].
pub(super) fn fits(gang: &Gang, subject: &Subject<'_>, inquiry: &Inquiry<'_>) -> Verdict {
    let (arn, cluster, demands) = match nodes(subject, inquiry, &gang.cluster)
        .and_then(|(arn, cluster)| Ok((arn, cluster, demands(subject, &gang.jobs)?)))
    {
        Ok(found) => found,
        Err(verdict) => return verdict,
    };
    Verdict::all(demands.into_iter().map(|job| {
        let demand = &job.demand;
        let asked = inquiry.asked(&arn, demand, || {
            let fit = capacity::fit(demand, &cluster.supply);
            let remedies = if fit.outcome == Outcome::Short {
                remedies(demand, &cluster.supply, &cluster.held, fit.nodes_needed)
            } else {
                Vec::new()
            };
            Asked { fit, remedies }
        });
        let evidence = || evidence(&asked, &cluster, &job);
        let counts = |binding: Binding, role: Role| {
            (gang.short_of.is_empty() || gang.short_of.contains(&binding))
                && !gang.except.contains(&binding)
                && (gang.roles.is_empty() || gang.roles.contains(&role))
        };
        match asked.fit.outcome {
            Outcome::Fits => Verdict::Pass,
            Outcome::FitsIfPackedWell if gang.sparing || !asked.fit.evicts.is_empty() => {
                if gang.sparing && !asked.fit.evicts.is_empty() { Verdict::Fail(evidence()) } else { Verdict::Pass }
            }
            Outcome::FitsIfPackedWell if gang.surely => Verdict::Fail(evidence()),
            Outcome::Short if gang.surely || gang.sparing => Verdict::Pass,
            Outcome::FitsIfPackedWell => Verdict::Pass,
            Outcome::Short => match &asked.fit.short {
                Some(short) if !counts(short.binding, short.role) => match unlisted_limits(gang, &arn, inquiry) {
                    Some(unknown) => Verdict::Unknown(Evidence::unknown(job.pointer.clone(), unknown)),
                    None => Verdict::Pass,
                },
                None if !gang.short_of.is_empty() => Verdict::Pass,
                _ => Verdict::Fail(evidence()),
            },
            Outcome::Unknown if is_beside(gang, demand, &cluster.supply) => Verdict::Pass,
            Outcome::Unknown => Verdict::Unknown(evidence()),
        }
    }))
}

/// Why it is not known whether limits would bind: the NodePools that could have some were not listed.
fn unlisted_limits(gang: &Gang, cluster_arn: &str, inquiry: &Inquiry<'_>) -> Option<Unknown> {
    let asks = gang.short_of.contains(&Binding::Limits);
    asks.then(|| inquiry.linked.estate.incomplete("kubernetes.nodePools", cluster_arn, None)).flatten()
}

/// Whether what a rule asks of can be ruled out although it is not known whether the pods fit: they all may be on some
/// node, whatever they ask for.
fn is_beside(gang: &Gang, demand: &[Demand], supply: &Supply) -> bool {
    let of_place = |binding: &Binding| matches!(binding, Binding::Taint | Binding::Selector);
    let has_place = |pod: &capacity::PodDemand| {
        capacity::fit::nodes_for(pod, supply).next().is_some() || supply.pools.iter().any(|pool| pool.may_serve(pod))
    };
    let pods = demand.iter().flat_map(|job| &job.pods);
    let of_roles = pods.filter(|pod| gang.roles.is_empty() || gang.roles.contains(&pod.role));
    !gang.short_of.is_empty()
        && gang.short_of.iter().all(of_place)
        && supply.unknown.is_empty()
        && of_roles.into_iter().all(|pod| pod.template.is_none() && has_place(pod))
}

fn evidence(asked: &Asked, cluster: &Cluster, job: &Job) -> Evidence {
    let fit = &asked.fit;
    let held = held_told(&cluster.held).filter(|_| fit.outcome == Outcome::Short);
    let because = [Some(fit.because.clone()), held].into_iter().flatten().collect::<Vec<_>>().join("; ");
    let mut evidence =
        job.evidence(because.clone()).fact("arithmetic", fit.arithmetic.join("\n")).fact("because", because.clone());
    evidence.spots = vec![Spot { pointer: job.pointer.clone(), note: because }];
    evidence.picture = Some(picture(&cluster.supply, fit)).filter(|picture| !picture.bars.is_empty()).map(Box::new);
    if let Some(short) = &fit.short {
        let needs = format!("{}m cpu and {} MiB", short.cpu_milli, short.memory_mib);
        evidence = evidence.fact("role", short.role.to_string()).fact("needs", needs).fact("what", short.what.clone());
    }
    if let Some((namespace, name)) = fit.evicts.first() {
        let more = fit.evicts.len() - 1;
        let others = if more == 0 { String::new() } else { format!(" and {more} more") };
        evidence = evidence.fact("ended", format!("`{namespace}/{name}`{others}"));
    }
    if let Some(nodes) = fit.nodes_needed {
        evidence = evidence
            .fact("nodes", nodes.to_string())
            .fact("total", (cluster.supply.nodes.len() + nodes as usize).to_string());
    }
    for remedy in &asked.remedies {
        let name = match &remedy.change {
            Change::LeftOverPods(..) | Change::LeftOverPodsAndNodes(..) => "left",
            Change::MoreNodes(number, model) => {
                let labels = cluster.supply.nodes.iter().find(|node| node.name == *model).map(|node| &node.labels);
                if let Some(group) = labels.and_then(|labels| labels.get("eks.amazonaws.com/nodegroup")) {
                    evidence = evidence.fact("group", group.clone());
                    let own = cluster.supply.nodes.iter();
                    let own = own.filter(|node| node.labels.get("eks.amazonaws.com/nodegroup") == Some(group)).count();
                    evidence = evidence.fact("total", (own + *number as usize).to_string());
                }
                evidence = evidence.fact("nodes", number.to_string());
                "more"
            }
            Change::InstanceType(name) => {
                evidence = evidence.fact("type", name.clone());
                "larger"
            }
            Change::CoresPerExecutor(_) => "cores",
            Change::Executors(_) => "executors",
            Change::Limit(_) => "limit",
            Change::Maximum(..) => "maximum",
            Change::MemoryPerExecutor(_) => "memory",
        };
        evidence = evidence.fact(name, remedy.say.clone());
    }
    if !asked.remedies.is_empty() {
        let mut all = String::new();
        for (at, remedy) in asked.remedies.iter().enumerate() {
            let _ = write!(all, "{}{}", if at == 0 { "" } else { "; or " }, remedy.say);
        }
        evidence = evidence.fact("remedies", all);
    }
    evidence
}

/// Judges [`crate::rule::Assertion::WithinQuota`].
pub(super) fn within_quota(
    jobs: &Path,
    cluster: &Path,
    namespace: &Path,
    subject: &Subject<'_>,
    inquiry: &Inquiry<'_>,
) -> Verdict {
    let found = single(subject, cluster).and_then(|(arn, _)| Ok((arn, single(subject, namespace)?.0)));
    let (arn, namespace) = match found {
        Ok((arn, namespace)) => (arn.told().unwrap_or_default(), namespace.told().unwrap_or_default()),
        Err(verdict) => return verdict,
    };
    let demands = match demands(subject, jobs) {
        Ok(demands) => demands,
        Err(verdict) => return verdict,
    };
    let estate = &inquiry.linked.estate;
    let mut missing = None;
    let mut objects = |collection: &str, kind: &str| {
        missing = missing.take().or_else(|| estate.incomplete(collection, arn, Some(namespace)));
        let group = estate.kubernetes(arn);
        let of_namespace = |object: &&Value| object["metadata"]["namespace"].is(namespace);
        group.map_or_else(Vec::new, |(group, _)| {
            group[kind].as_array().into_iter().flatten().filter(of_namespace).collect::<Vec<_>>()
        })
    };
    let quotas = objects("kubernetes.resourceQuotas", "resourceQuotas");
    let ranges = objects("kubernetes.limitRanges", "limitRanges");
    Verdict::all(demands.into_iter().map(|job| {
        let answer = capacity::quota::within(&job.demand, &quotas, &ranges);
        if let Some(short) = answer.short.first() {
            let because = answer.short.iter().map(|short| short.because.clone()).collect::<Vec<_>>().join("; ");
            return Verdict::Fail(
                job.evidence(because)
                    .fact("name", short.name.clone())
                    .fact("resource", short.resource.clone())
                    .fact("because", short.because.clone()),
            );
        }
        if let Some(unknown) = &missing {
            return Verdict::Unknown(Evidence::unknown(job.pointer, unknown.clone()));
        }
        if answer.unknown.is_empty() {
            Verdict::Pass
        } else {
            Verdict::Unknown(job.evidence(answer.unknown.join("; ")))
        }
    }))
}

/// Labels that say of a node that it is a Spot instance, with the value.
const SPOT: [(&str, &str); 2] = [("eks.amazonaws.com/capacityType", "SPOT"), ("karpenter.sh/capacity-type", "spot")];

/// Judges [`crate::rule::Assertion::KeepsOffSpot`].
pub(super) fn keeps_off_spot(
    jobs: &Path,
    cluster: &Path,
    roles: &[Role],
    subject: &Subject<'_>,
    inquiry: &Inquiry<'_>,
) -> Verdict {
    let (cluster, demands) =
        match nodes(subject, inquiry, cluster).and_then(|(_, it)| Ok((it, demands(subject, jobs)?))) {
            Ok(found) => found,
            Err(verdict) => return verdict,
        };
    Verdict::all(demands.into_iter().map(|job| {
        let mut unsure = None;
        for pod in job.demand.iter().flat_map(|job| &job.pods).filter(|pod| roles.contains(&pod.role)) {
            let spot = capacity::fit::nodes_for(pod, &cluster.supply)
                .find(|node| SPOT.iter().any(|(key, value)| node.labels.get(*key).is_some_and(|own| own == value)));
            let pool = || cluster.supply.pools.iter().find(|pool| pool.may_be(SPOT[1].0, SPOT[1].1, pod));
            let found = spot
                .map(|node| format!("node `{}` is a Spot instance", node.name))
                .or_else(|| pool().map(|pool| format!("{} may bring Spot instances", pool.name)));
            let Some(because) = found else { continue };
            let evidence = job.evidence(because).fact("role", pod.role.to_string());
            if pod.template.is_none() {
                return Verdict::Fail(evidence);
            }
            unsure = Some(Verdict::Unknown(evidence));
        }
        unsure.unwrap_or(Verdict::Pass)
    }))
}

/// Judges [`crate::rule::Assertion::ArchitectureMatches`].
pub(super) fn architecture_matches(
    jobs: &Path,
    cluster: &Path,
    subject: &Subject<'_>,
    inquiry: &Inquiry<'_>,
) -> Verdict {
    let (cluster, demands) =
        match nodes(subject, inquiry, cluster).and_then(|(_, it)| Ok((it, demands(subject, jobs)?))) {
            Ok(found) => found,
            Err(verdict) => return verdict,
        };
    Verdict::all(demands.into_iter().map(|job| {
        for pod in job.demand.iter().flat_map(|job| &job.pods) {
            let Some((image, own)) = pod.image.as_deref().and_then(|image| Some((image, architecture_of(image)?)))
            else {
                continue;
            };
            let of_node = || {
                capacity::fit::nodes_for(pod, &cluster.supply).find_map(|node| {
                    let arch = node.labels.get("kubernetes.io/arch").filter(|arch| *arch != own)?;
                    Some((format!("node `{}` is {arch}", node.name), arch.clone()))
                })
            };
            let of_pool = || {
                cluster.supply.pools.iter().find_map(|pool| {
                    let arch = pool
                        .shapes_for(pod)
                        .into_iter()
                        .map(|shape| shape.of.architecture)
                        .find(|arch| *arch != own)?;
                    Some((format!("{} may bring nodes that are {arch}", pool.name), arch.to_owned()))
                })
            };
            let Some((because, arch)) = of_node().or_else(of_pool) else { continue };
            let evidence = job
                .evidence(because)
                .fact("role", pod.role.to_string())
                .fact("image", image)
                .fact("own", own)
                .fact("other", arch);
            let verdict = if pod.template.is_none() { Verdict::Fail } else { Verdict::Unknown };
            return verdict(evidence);
        }
        Verdict::Pass
    }))
}

/// The one architecture that an image names itself after.
fn architecture_of(image: &str) -> Option<&'static str> {
    let words = |wanted: &[&str]| {
        image
            .to_ascii_lowercase()
            .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .any(|word| wanted.contains(&word))
    };
    match (words(&["arm64", "aarch64", "graviton", "arm64v8"]), words(&["amd64", "x86_64", "x86"])) {
        (true, false) => Some("arm64"),
        (false, true) => Some("amd64"),
        _ => None,
    }
}
