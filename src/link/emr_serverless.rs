//! Rollouts of EMR Serverless: an application, a runtime role, a submitter, jobs, and the workers that they ask for.

use super::access::needs;
use super::gangs::{quotas_unread, service_quotas};
use super::images::images;
use super::job::jobs;
use super::network::{Tenants, ids, network};
use super::reference::{Found, Index, Wanted, lookup};
use super::release::{release, set_release};
use super::role::{execution_role, quotas, submitter};
use super::{Draft, draft_alias};
use crate::arn::{Arn, last_segment, role_name};
use crate::capacity::serverless::{self, Asked, Worker, amount, asked, configuration, executors};
use crate::estate::Estate;
use crate::known::{Told, Unknown};
use serde_json::{Map, Value, json};

/// The kind of the job requests of this system.
const JOB: &str = "serverless-start-job-run";

/// The smallest worker that is offered.
const SMALLEST: Worker = Worker { vcpu: 1, memory_gb: 2 };

/// Links one declared or inferred rollout.
pub(super) fn link(estate: &Estate, index: &Index, declaration: &Value, pointer: &str, draft: &mut Draft) {
    application(estate, declaration, pointer, draft);
    jobs(estate, declaration, &[JOB], draft);
    super::settings::of_jobs(draft);
    if declaration["inferred"] == true {
        keep_jobs_of_application(draft);
    }
    execution_role(estate, index, declaration, pointer, draft);
    submitter(estate, index, declaration, pointer, draft);
    release_of(estate, declaration, pointer, draft);
    workers(draft);
    if let Some(concurrent) = declaration["concurrent"].as_u64() {
        draft.set_at("concurrent", concurrent, format!("{pointer}/concurrent"));
    }
    together(draft);
    images(estate, draft);
    account_quota(estate, draft);
    needs(estate, draft);
    quotas(estate, index, draft);
    let subnets = ids(draft, "application", "/networkConfiguration/subnetIds");
    network(estate, subnets, Tenants::Interfaces, draft);
    let name = draft.text("applicationName").or(draft.text("applicationId")).unwrap_or("?").to_owned();
    draft.set("name", name);
}

/// A rollout for each application of Spark that is not terminated, and for each role that its job runs use.
pub(super) fn inferred(estate: &Estate) -> Vec<(Value, String)> {
    let mut rollouts = Vec::new();
    for (at, application) in estate.items("emrServerless.applications").iter().enumerate() {
        let is_spark = application["type"].told().is_none_or(|kind| kind.eq_ignore_ascii_case("spark"));
        let Some(arn) = application["arn"].told().filter(|_| is_spark && application["state"] != "TERMINATED") else {
            continue;
        };
        let mut roles: Vec<&str> = Vec::new();
        let id = application["applicationId"].told().or_else(|| application["id"].told());
        for run in estate.items("emrServerless.jobRuns") {
            if let Some(role) = run["executionRole"].told()
                && run["applicationId"].told() == id
                && !roles.contains(&role)
            {
                roles.push(role);
            }
        }
        let pointer = format!("/emrServerless/applications/{at}");
        let base = json!({"system": "emr-serverless", "application": arn, "application-at": pointer});
        if roles.is_empty() {
            rollouts.push((base, pointer));
            continue;
        }
        let several = roles.len() > 1;
        for role in roles {
            let mut rollout = base.clone();
            rollout["execution-role"] = role.into();
            if several {
                let name = application["name"].told().or(id).unwrap_or("?");
                rollout["name"] = format!("{name} as {}", role_name(role).unwrap_or(role)).into();
            }
            rollouts.push((rollout, pointer.clone()));
        }
    }
    rollouts
}

/// The application by its ARN, or by an id or name that only one has; with it partition, account and region.
fn application(estate: &Estate, declaration: &Value, pointer: &str, draft: &mut Draft) {
    let declared = declaration["application"].told().unwrap_or_default();
    let by_name = || {
        let called = |item: &&Value| ["applicationId", "id", "name"].iter().any(|key| item[*key] == declared);
        let mut named = estate.items("emrServerless.applications").iter().filter(called);
        named.next().filter(|_| named.next().is_none()).and_then(|application| application["arn"].told())
    };
    let text = if Arn::parse(declared).is_some() { Some(declared) } else { by_name() };
    let Some((text, arn)) = text.and_then(|text| Some((text, Arn::parse(text)?))) else {
        let unknown = Unknown {
            why: "the rollout names no application by its ARN".into(),
            unblock: Some("set `application` to the application's ARN in `sparkcheck.toml`".into()),
        };
        let fields = ["application", "applicationArn", "account", "region", "partition", "autoStart"];
        for name in fields.into_iter().chain(["initialWorkers", "maximum"]) {
            draft.set(name, unknown.to_value());
        }
        return;
    };
    let at = format!("{pointer}/application");
    draft.set_at("applicationArn", text, at.clone());
    draft.set_at("applicationId", last_segment(arn.resource), at.clone());
    for (field, value) in [("partition", arn.partition), ("account", arn.account), ("region", arn.region)] {
        draft.set_at(field, value, at.clone());
    }
    let scope = arn.regional_scope();
    let wanted = Wanted { collection: "emrServerless.applications", scope: &scope, namespace: None };
    // Two files may each have an application of that name.
    let own = declaration["application-at"].told();
    let own = own.and_then(|at| Some(Found::At(estate.document.pointer(at)?, at.to_owned())));
    let found = own.unwrap_or_else(|| lookup(estate, wanted, |application| application["arn"].is(text)));
    match &found {
        Found::At(application, at) => {
            if let Some(name) = application["name"].told() {
                draft.set_at("applicationName", name, format!("{at}/name"));
            }
            // What `list-applications` prints is not the whole of it.
            if application["applicationId"].told().is_some() {
                described(application, at, draft);
            } else {
                let unknown = not_described(text).to_value();
                for name in ["autoStart", "initialWorkers", "maximum"] {
                    draft.set(name, unknown.clone());
                }
            }
        }
        Found::Unknown(_) => {
            let unknown = not_described(text).to_value();
            for name in ["autoStart", "initialWorkers", "maximum"] {
                draft.set(name, unknown.clone());
            }
        }
        Found::Nothing => {}
    }
    draft.set_found("application", found);
}

fn not_described(arn: &str) -> Unknown {
    let id = last_segment(arn);
    Unknown {
        why: format!("application `{id}` was not described"),
        unblock: Some(format!("run `aws emr-serverless get-application --application-id {id}`")),
    }
}

/// What is derived from a description: whether it starts by itself, its initial workers, its bounds.
fn described(application: &Value, at: &str, draft: &mut Draft) {
    let auto_start = &application["autoStartConfiguration"]["enabled"];
    // It is on unless it was turned off.
    let auto_start = if auto_start.is_null() { Value::Bool(true) } else { auto_start.clone() };
    draft.set_at("autoStart", auto_start, format!("{at}/autoStartConfiguration/enabled"));
    let mut workers = Vec::new();
    let mut total = Some((0_u64, 0_u64));
    for (role, capacity) in application["initialCapacity"].as_object().into_iter().flatten() {
        let configuration = &capacity["workerConfiguration"];
        let size = size(configuration);
        let count = capacity["workerCount"].as_u64();
        let inside = format!("/initialWorkers/{}", workers.len());
        draft.aliases.push((inside, format!("{at}/initialCapacity/{}/workerConfiguration", crate::path::escape(role))));
        total = total.zip(size).zip(count).and_then(|(((vcpu, memory), worker), count)| {
            let vcpu = vcpu.checked_add(worker.vcpu.checked_mul(count)?)?;
            Some((vcpu, memory.checked_add(worker.memory_gb.checked_mul(count)?)?))
        });
        let mut item = json!({"role": role, "count": capacity["workerCount"]});
        match size {
            Some(worker) => {
                item["vcpu"] = worker.vcpu.into();
                item["memoryGb"] = worker.memory_gb.into();
                item["offered"] = worker.is_offered().into();
                if let Some(next) = Worker::holding(worker.vcpu, worker.memory_gb.saturating_mul(1024)) {
                    item["next"] = json!({"vcpu": next.vcpu, "memoryGb": next.memory_gb});
                }
            }
            None => item["offered"] = no_size(role).to_value(),
        }
        workers.push(item);
    }
    if !workers.is_empty() {
        let total = match total {
            Some((vcpu, memory_gb)) => json!({"vcpu": vcpu, "memoryGb": memory_gb}),
            None => no_size("initial capacity").to_value(),
        };
        draft.set_at("initialCapacity", total, format!("{at}/initialCapacity"));
    }
    draft.set("initialWorkers", workers);
    let maximum = &application["maximumCapacity"];
    if !maximum.is_null() {
        let value = match size(maximum) {
            Some(bounds) => json!({"vcpu": bounds.vcpu, "memoryGb": bounds.memory_gb}),
            None => no_size("maximum capacity").to_value(),
        };
        // Each vCPU of a worker comes with 2 to 8 GB.
        let reach = size(maximum)
            .map(|bounds| json!({"vcpu": bounds.memory_gb / 2, "memoryGb": bounds.vcpu.saturating_mul(8)}));
        draft.set("reach", reach.unwrap_or_else(|| no_size("maximum capacity").to_value()));
        draft.set_at("maximum", value, format!("{at}/maximumCapacity"));
        draft.aliases.push(("/maximum/vcpu".into(), format!("{at}/maximumCapacity/cpu")));
        draft.aliases.push(("/maximum/memoryGb".into(), format!("{at}/maximumCapacity/memory")));
    }
}

fn size(configuration: &Value) -> Option<Worker> {
    Some(Worker {
        vcpu: amount(configuration["cpu"].told()?, "vCPU")?,
        memory_gb: amount(configuration["memory"].told()?, "GB")?,
    })
}

fn no_size(what: &str) -> Unknown {
    Unknown { why: format!("the size of the {what} cannot be read"), unblock: None }
}

/// An inferred rollout has the jobs that name its application.
fn keep_jobs_of_application(draft: &mut Draft) {
    let Some(id) = draft.text("applicationId").map(str::to_owned) else { return };
    let Some(Value::Array(jobs)) = draft.object.remove("jobs") else { return };
    let old: Vec<String> = (0..jobs.len()).map(|at| draft_alias(draft, &format!("/jobs/{at}"), "")).collect();
    draft.aliases.retain(|(inside, _)| !inside.starts_with("/jobs/"));
    let own = jobs.iter().zip(old).filter(|(job, _)| job["request"]["applicationId"].is(&id)).collect();
    draft.set_list("jobs", own, None);
}

/// The release: that of the application, else as declared.
fn release_of(estate: &Estate, declaration: &Value, pointer: &str, draft: &mut Draft) {
    let label = draft.object.get("application").and_then(|application| application["releaseLabel"].told());
    match label.map(str::to_owned) {
        Some(label) => {
            let at = draft_alias(draft, "/application", "/releaseLabel");
            set_release(estate, label, at, draft);
        }
        None => release(estate, declaration, pointer, draft),
    }
}

/// The workers that the jobs ask for, and what of the maximum capacity they leave.
fn workers(draft: &mut Draft) {
    let application = draft.object.get("application").cloned();
    let jobs = draft.object.get("jobs").and_then(Value::as_array).cloned().unwrap_or_default();
    let (mut list, mut bounds_of_jobs) = (Vec::new(), Vec::new());
    for (at, job) in jobs.iter().enumerate() {
        let request = &job["request"];
        let name = request["name"].told().or_else(|| job["path"].told()).unwrap_or("?");
        let place = draft_alias(draft, &format!("/jobs/{at}"), "/request/jobDriver/sparkSubmit/sparkSubmitParameters");
        match configuration(request, application.as_ref()) {
            Err(why) => {
                draft.aliases.push((format!("/jobWorkers/{}", list.len()), place.clone()));
                let unknown = Unknown { why, unblock: None }.to_value();
                draft.aliases.push((format!("/jobExecutors/{}", bounds_of_jobs.len()), place));
                bounds_of_jobs.push(unknown.clone());
                list.push(unknown);
            }
            Ok(conf) => {
                if let Some((initial, most)) = executors(&conf) {
                    draft.aliases.push((format!("/jobExecutors/{}", bounds_of_jobs.len()), place.clone()));
                    bounds_of_jobs.push(json!({"job": name, "initial": initial, "most": most}));
                }
                for asked in asked(&conf) {
                    draft.aliases.push((format!("/jobWorkers/{}", list.len()), place.clone()));
                    list.push(job_worker(name, &asked));
                }
            }
        }
    }
    draft.set("jobWorkers", list);
    draft.set("jobExecutors", bounds_of_jobs);
    bounds(draft);
}

/// What a driver and an executor of all jobs that run at once take, where it is said how many these are.
fn together(draft: &mut Draft) {
    let times = draft.object.get("concurrent").and_then(Value::as_u64).filter(|times| *times > 1);
    let Some((times, both)) = times.zip(draft.object.get("driverAndExecutor").cloned()) else { return };
    let of = |name: &str| both[name].as_u64().map(|each| each.saturating_mul(times));
    if let (Some(vcpu), Some(memory_gb)) = (of("vcpu"), of("memoryGb")) {
        draft.set("together", json!({"vcpu": vcpu, "memoryGb": memory_gb}));
    }
}

/// The vCPUs that the account may have at once, and what a driver and an executor of all jobs at once take of them.
fn account_quota(estate: &Estate, draft: &mut Draft) {
    let quotas = service_quotas(estate, draft);
    let values: Vec<&Value> = quotas.iter().map(|(quota, _)| *quota).collect();
    let told = serverless::quota(&values).map(Value::from);
    let vcpu = told.or_else(|| Some(quotas_unread(estate, draft, "emr-serverless")?.to_value()));
    let Some(vcpu) = vcpu else { return };
    draft.set("vcpuQuota", vcpu);
    let workers = draft.object.get("jobWorkers").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let open = workers.iter().any(|item| Unknown::of(item).is_some() || Unknown::of(&item["worker"]).is_some());
    let each = draft.object.get("driverAndExecutor").and_then(|both| both["vcpu"].as_u64()).filter(|_| !open);
    let at_once = draft.object.get("concurrent").and_then(Value::as_u64).unwrap_or(1);
    let start = each.map(|each| Value::from(each.saturating_mul(at_once))).unwrap_or_else(|| {
        let why = "which workers the jobs ask for is not told".into();
        Unknown { why, unblock: Some("set cores and memory of driver and executors".into()) }.to_value()
    });
    draft.set("startVcpu", start);
}

fn job_worker(job: &str, asked: &Asked) -> Value {
    let mut item = Map::new();
    item.insert("job".into(), job.into());
    item.insert("role".into(), asked.role.into());
    if let Some(why) = &asked.unknown {
        item.insert("worker".into(), Unknown { why: why.clone(), unblock: None }.to_value());
    } else if asked.vcpu.is_some() || asked.memory_mib.is_some() {
        let worker = Worker::holding(asked.vcpu.unwrap_or(1), asked.memory_mib.unwrap_or(0));
        item.insert("asked".into(), true.into());
        item.insert(
            "worker".into(),
            worker.map_or(Value::Null, |it| json!({"vcpu": it.vcpu, "memoryGb": it.memory_gb})),
        );
        item.retain(|_, value| !value.is_null());
    }
    if let Some(vcpu) = asked.vcpu {
        item.insert("vcpu".into(), vcpu.into());
    }
    if let Some(memory_mib) = asked.memory_mib {
        item.insert("memoryMib".into(), memory_mib.into());
        item.insert("arithmetic".into(), asked.arithmetic.clone().into());
    }
    let of = |number: Option<u64>, unit: &str| number.map(|number| format!("{number} {unit}"));
    let parts = [of(asked.vcpu, "cores"), of(asked.memory_mib, "MiB")];
    let shown: Vec<String> = parts.into_iter().flatten().collect();
    item.insert("shown".into(), shown.join(" and ").into());
    Value::Object(item)
}

/// What the maximum capacity is compared with: the largest worker, a driver with one executor, whole workers.
fn bounds(draft: &mut Draft) {
    let known = |value: &Value| Some(Worker { vcpu: value["vcpu"].as_u64()?, memory_gb: value["memoryGb"].as_u64()? });
    let list = |name: &str| draft.object.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
    let (initial, jobs) = (list("initialWorkers"), list("jobWorkers"));
    let initial = initial.iter().map(|item| (item["role"].told().unwrap_or("?").to_ascii_lowercase(), known(item)));
    let jobs = jobs.iter().filter(|item| item["vcpu"].is_u64() && item["memoryMib"].is_u64());
    let jobs = jobs.map(|item| (item["role"].told().unwrap_or("?").to_owned(), known(&item["worker"])));
    let all: Vec<(String, Worker)> = initial.chain(jobs).filter_map(|(role, worker)| Some((role, worker?))).collect();
    let greatest = |role: Option<&str>| {
        let of_role = || all.iter().filter(|(of, _)| role.is_none_or(|role| role == of)).map(|(_, worker)| worker);
        let vcpu = of_role().map(|worker| worker.vcpu).max()?;
        Some(Worker { vcpu, memory_gb: of_role().map(|worker| worker.memory_gb).max()? })
    };
    let shown = |worker: Worker| json!({"vcpu": worker.vcpu, "memoryGb": worker.memory_gb});
    let (driver, executor) = (greatest(Some("driver")), greatest(Some("executor")));
    let maximum = draft.object.get("maximum").and_then(known);
    if let Some(worker) = greatest(None) {
        draft.set("largestWorker", shown(worker));
    }
    if let (Some(driver), Some(executor)) = (driver, executor) {
        let vcpu = driver.vcpu.saturating_add(executor.vcpu);
        let memory_gb = driver.memory_gb.saturating_add(executor.memory_gb);
        draft.set("driverAndExecutor", json!({"vcpu": vcpu, "memoryGb": memory_gb}));
    } else if all.is_empty() && draft.object.get("maximum").is_some() {
        // Whatever the jobs ask for, it is two of the smallest workers at the least.
        draft.set("driverAndExecutor", json!({"vcpu": 2 * SMALLEST.vcpu, "memoryGb": 2 * SMALLEST.memory_gb}));
    }
    if let Some(unknown) = draft.object.get("maximum").and_then(Unknown::of) {
        draft.set("wholeWorkers", unknown.to_value());
    }
    let mut sizes: Vec<Worker> = all.iter().map(|(_, worker)| *worker).collect();
    sizes.sort();
    sizes.dedup();
    if let (Some(maximum), [only]) = (maximum, sizes.as_slice()) {
        let count = (maximum.vcpu / only.vcpu).min(maximum.memory_gb / only.memory_gb);
        let rest = (maximum.vcpu - count * only.vcpu) + (maximum.memory_gb - count * only.memory_gb);
        draft.set(
            "wholeWorkers",
            json!({"count": count, "vcpu": count * only.vcpu, "memoryGb": count * only.memory_gb, "rest": rest}),
        );
    }
}
