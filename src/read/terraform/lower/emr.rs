//! EMR: virtual clusters and job templates, Serverless applications, clusters on EC2, state machines that start jobs.

use super::{Kind, Out, Resource, Value, list_of, number, object, or, renamed, shaped, text, truth};
use crate::read::code::Declared;
use crate::read::terraform::attribute::lit;
use crate::read::terraform::functions::decoded;
use std::collections::BTreeMap;

pub(super) fn lower(resource: &Resource, out: &mut Out, shown: &dyn Fn(u32) -> String) {
    match resource.kind.as_str() {
        "aws_emrcontainers_virtual_cluster" => virtual_cluster(resource, out),
        "aws_emrcontainers_job_template" => job_template(resource, out),
        "aws_emrserverless_application" => application(resource, out),
        "aws_emr_cluster" => cluster(resource, out, shown),
        "aws_emr_instance_group" => {
            let group = instance_group(&resource.body, "TASK");
            out.instances.push((resource.get("cluster_id"), "InstanceGroups", group));
        }
        "aws_emr_instance_fleet" => {
            let fleet = instance_fleet(&resource.body, "TASK");
            out.instances.push((resource.get("cluster_id"), "InstanceFleets", fleet));
        }
        "aws_emr_security_configuration" => {
            let document = out.document(resource, "configuration", shown);
            let item = object(resource.spot, [("Name", resource.or_hole("name")), ("SecurityConfiguration", document)]);
            out.item("emr.securityConfigurations", &item);
        }
        _ => {}
    }
}

fn virtual_cluster(resource: &Resource, out: &mut Out) {
    let provider = resource.block("container_provider").unwrap_or(Value::NULL);
    let info = provider.blocks("info").into_iter().next().unwrap_or(Value::NULL);
    let eks = info.blocks("eks_info").into_iter().next().unwrap_or(Value::NULL);
    let eks = shaped(&eks, &[("namespace", "namespace"), ("node_label", "nodeLabel")]);
    let provider = object(
        provider.spot,
        [
            ("type", or(provider.get("type"), lit("EKS"))),
            ("id", or(provider.get("id"), Value::NULL)),
            ("info", object(info.spot, [("eksInfo", eks)])),
        ],
    );
    let item = object(
        resource.spot,
        [
            ("id", resource.or_hole("id")),
            ("name", resource.get("name")),
            ("arn", resource.get("arn")),
            ("state", lit("RUNNING").or_spot(resource.spot)),
            ("containerProvider", provider),
            ("tags", resource.tag_map()),
        ],
    );
    out.item("emrContainers.virtualClusters", &item);
}

/// `{classification, properties, configurations}` in blocks.
fn configurations(block: &Value, name: &str) -> Value {
    list_of(block, name, |block| {
        let mut fields = renamed(block, &[("classification", "classification"), ("properties", "properties")]);
        if block.get("configurations").is_some() {
            fields.push(("configurations".to_owned(), configurations(block, "configurations")));
        }
        Value::object(fields.into_iter().collect(), block.spot)
    })
}

fn job_template(resource: &Resource, out: &mut Out) {
    let data = resource.block("job_template_data").unwrap_or(Value::NULL);
    let first = |of: &Value, name: &str| of.blocks(name).into_iter().next();
    let driver = first(&data, "job_driver").map(|driver| {
        let submit = first(&driver, "spark_submit_job_driver").map(|submit| {
            let names = [
                ("entry_point", "entryPoint"),
                ("entry_point_arguments", "entryPointArguments"),
                ("spark_submit_parameters", "sparkSubmitParameters"),
            ];
            shaped(&submit, &names)
        });
        object(driver.spot, [("sparkSubmitJobDriver", submit.unwrap_or(Value::NULL))])
    });
    let overrides = first(&data, "configuration_overrides").map(|overrides| {
        let monitoring = first(&overrides, "monitoring_configuration").map(|monitoring| {
            let cloud = first(&monitoring, "cloud_watch_monitoring_configuration").map(|block| {
                let names = [("log_group_name", "logGroupName"), ("log_stream_name_prefix", "logStreamNamePrefix")];
                shaped(&block, &names)
            });
            let s3 =
                first(&monitoring, "s3_monitoring_configuration").map(|block| shaped(&block, &[("log_uri", "logUri")]));
            object(
                monitoring.spot,
                [
                    ("persistentAppUI", or(monitoring.get("persistent_app_ui"), Value::NULL)),
                    ("cloudWatchMonitoringConfiguration", cloud.unwrap_or(Value::NULL)),
                    ("s3MonitoringConfiguration", s3.unwrap_or(Value::NULL)),
                ],
            )
        });
        object(
            overrides.spot,
            [
                ("applicationConfiguration", configurations(&overrides, "application_configuration")),
                ("monitoringConfiguration", monitoring.unwrap_or(Value::NULL)),
            ],
        )
    });
    let data = object(
        data.spot,
        [
            ("executionRoleArn", or(data.get("execution_role_arn"), Value::NULL)),
            ("releaseLabel", or(data.get("release_label"), Value::NULL)),
            ("jobTags", or(data.get("job_tags"), Value::NULL)),
            ("jobDriver", driver.unwrap_or(Value::NULL)),
            ("configurationOverrides", overrides.unwrap_or(Value::NULL)),
        ],
    );
    let item = object(
        resource.spot,
        [
            ("id", resource.or_hole("id")),
            ("name", resource.get("name")),
            ("arn", resource.get("arn")),
            ("jobTemplateData", data),
            ("tags", resource.tag_map()),
        ],
    );
    out.item("emrContainers.jobTemplates", &item);
}

/// Sizes of workers or of a whole application.
const SIZES: [(&str, &str); 3] = [("cpu", "cpu"), ("memory", "memory"), ("disk", "disk")];

fn application(resource: &Resource, out: &mut Out) {
    let spot = resource.spot;
    let mut initial = BTreeMap::new();
    let mut initial_spot = spot;
    for block in resource.body.blocks("initial_capacity") {
        let Some(kind) = block.get("initial_capacity_type").and_then(Value::as_string) else { continue };
        // A type without a configuration asks for no workers.
        let Some(config) = block.blocks("initial_capacity_config").into_iter().next() else { continue };
        let worker = config.blocks("worker_configuration").into_iter().next();
        let worker = worker.map(|worker| shaped(&worker, &SIZES));
        let count = config.get("worker_count").map(number);
        initial_spot = block.spot.or(initial_spot);
        let shape = object(
            block.spot,
            [("workerCount", count.unwrap_or(Value::NULL)), ("workerConfiguration", worker.unwrap_or(Value::NULL))],
        );
        initial.insert(kind, shape);
    }
    let initial = match initial.is_empty() {
        true => resource.may_have("initial_capacity").unwrap_or(Value::NULL),
        false => Value::object(initial, initial_spot),
    };
    let maximum = resource.block("maximum_capacity").map(|block| shaped(&block, &SIZES));
    let maximum = maximum.or_else(|| resource.may_have("maximum_capacity"));
    let kind = resource.get("type");
    // The provider takes any case, and the API prints it so.
    let kind = match kind.as_string().map(|kind| kind.to_lowercase()).as_deref() {
        Some("spark") => Value::text("Spark", kind.spot),
        Some("hive") => Value::text("Hive", kind.spot),
        _ => kind,
    };
    let on = |name: &str, more: &[(&str, &str)]| {
        let block = resource.block(name);
        let at = block.as_ref().and_then(|block| block.spot).or(spot);
        let enabled = block.as_ref().and_then(|block| block.get("enabled")).map(truth);
        let mut map: BTreeMap<String, Value> =
            block.iter().flat_map(|block| renamed(block, more)).map(|(name, value)| (name, number(&value))).collect();
        // It is on unless it is turned off.
        map.insert("enabled".to_owned(), enabled.unwrap_or_else(|| Value::truth(true, at)));
        Value::object(map, at)
    };
    let start = on("auto_start_configuration", &[]);
    let stop = on("auto_stop_configuration", &[("idle_timeout_minutes", "idleTimeoutMinutes")]);
    let network = resource
        .block("network_configuration")
        .map(|block| shaped(&block, &[("subnet_ids", "subnetIds"), ("security_group_ids", "securityGroupIds")]));
    let scheduler = resource.block("scheduler_configuration").map(|block| {
        let names = [("max_concurrent_runs", "maxConcurrentRuns"), ("queue_timeout_minutes", "queueTimeoutMinutes")];
        shaped(&block, &names)
    });
    let runtime = list_of(&resource.body, "runtime_configuration", |block| {
        shaped(block, &[("classification", "classification"), ("properties", "properties")])
    });
    let runtime = if runtime.items().is_empty() { Value::NULL } else { runtime };
    let image = resource.block("image_configuration").map(|block| shaped(&block, &[("image_uri", "imageUri")]));
    let item = object(
        spot,
        [
            ("applicationId", resource.or_hole("id")),
            ("name", resource.get("name")),
            ("arn", resource.get("arn")),
            ("releaseLabel", resource.get("release_label")),
            ("type", kind),
            ("state", lit("CREATED").or_spot(spot)),
            ("initialCapacity", initial),
            ("maximumCapacity", maximum.unwrap_or(Value::NULL)),
            ("autoStartConfiguration", start),
            ("autoStopConfiguration", stop),
            ("networkConfiguration", network.unwrap_or(Value::NULL)),
            ("imageConfiguration", image.unwrap_or(Value::NULL)),
            ("schedulerConfiguration", scheduler.unwrap_or(Value::NULL)),
            ("runtimeConfiguration", runtime),
            ("architecture", or(resource.body.get("architecture"), lit("X86_64").or_spot(spot))),
            ("tags", resource.tag_map()),
        ],
    );
    out.item("emrServerless.applications", &item);
}

/// Groups as the API calls what Terraform names after the language of old.
const GROUPS: [(&str, &str); 7] = [
    ("key_name", "Ec2KeyName"),
    ("subnet_id", "Ec2SubnetId"),
    ("subnet_ids", "RequestedEc2SubnetIds"),
    ("emr_managed_master_security_group", "EmrManagedMasterSecurityGroup"),
    ("emr_managed_slave_security_group", "EmrManagedSlaveSecurityGroup"),
    ("service_access_security_group", "ServiceAccessSecurityGroup"),
    ("instance_profile", "IamInstanceProfile"),
];

fn ebs(group: &Value) -> Value {
    let blocks = list_of(group, "ebs_config", |block| {
        let names = [("size", "SizeInGB"), ("type", "VolumeType"), ("iops", "Iops")];
        let volume = shaped(block, &names);
        object(block.spot, [("VolumeSpecification", volume)])
    });
    if blocks.items().is_empty() { Value::NULL } else { blocks }
}

fn instance_group(group: &Value, role: &str) -> Value {
    let bid = group.get("bid_price").filter(|bid| bid.as_string().as_deref() != Some(""));
    let role = group.get("instance_role").cloned().unwrap_or_else(|| lit(role));
    // An empty price and none ask for On-Demand, so that a price which is not known tells neither.
    let market = match bid {
        None => lit("ON_DEMAND"),
        Some(bid) if bid.as_string().is_some() => lit("SPOT").or_spot(bid.spot),
        Some(bid) => Value::unknown(bid.why().unwrap_or("the bid price"), bid.spot),
    };
    object(
        group.spot,
        [
            ("Name", or(group.get("name"), Value::NULL)),
            ("Market", market),
            ("InstanceGroupType", role),
            ("BidPrice", or(bid, Value::NULL)),
            ("InstanceType", or(group.get("instance_type"), Value::NULL)),
            (
                "RequestedInstanceCount",
                group.get("instance_count").map_or_else(|| Value::number(1.0, group.spot), number),
            ),
            ("EbsBlockDevices", ebs(group)),
        ],
    )
}

fn instance_fleet(fleet: &Value, role: &str) -> Value {
    let types = list_of(fleet, "instance_type_configs", |block| {
        let names = [
            ("instance_type", "InstanceType"),
            ("weighted_capacity", "WeightedCapacity"),
            ("bid_price", "BidPrice"),
            ("bid_price_as_percentage_of_on_demand_price", "BidPriceAsPercentageOfOnDemandPrice"),
        ];
        shaped(block, &names)
    });
    object(
        fleet.spot,
        [
            ("Name", or(fleet.get("name"), Value::NULL)),
            ("InstanceFleetType", lit(role)),
            ("TargetOnDemandCapacity", fleet.get("target_on_demand_capacity").map_or(Value::NULL, number)),
            ("TargetSpotCapacity", fleet.get("target_spot_capacity").map_or(Value::NULL, number)),
            ("InstanceTypeSpecifications", types),
        ],
    )
}

fn cluster(resource: &Resource, out: &mut Out, shown: &dyn Fn(u32) -> String) {
    let spot = resource.spot;
    let id = resource.or_hole("id");
    let attributes = resource.block("ec2_attributes");
    let mut ec2 = attributes.as_ref().map(|block| shaped(block, &GROUPS)).unwrap_or_else(|| object(spot, []));
    if let (Kind::Object(fields), Some(block)) = (&ec2.kind, &attributes) {
        let mut fields = (**fields).clone();
        // The provider takes several in one text.
        for (from, to) in [
            ("additional_master_security_groups", "AdditionalMasterSecurityGroups"),
            ("additional_slave_security_groups", "AdditionalSlaveSecurityGroups"),
        ] {
            let Some(groups) = block.get(from) else { continue };
            let list: Vec<Value> = match groups.as_string() {
                Some(text) => text
                    .split(',')
                    .filter(|group| !group.trim().is_empty())
                    .map(|group| Value::text(group.trim(), groups.spot))
                    .collect(),
                None => vec![groups.clone()],
            };
            fields.map.insert(to.to_owned(), Value::list(list, groups.spot));
        }
        ec2 = Value { kind: Kind::Object(std::rc::Rc::new(fields)), spot: ec2.spot };
    }
    let (mut groups, mut fleets) = (Vec::new(), Vec::new());
    for (name, role) in
        [("master_instance_group", "MASTER"), ("core_instance_group", "CORE"), ("instance_group", "TASK")]
    {
        for group in resource.body.blocks(name) {
            match &group.kind {
                Kind::Object(_) => groups.push(instance_group(&group, role)),
                _ => groups.push(crate::read::terraform::eval::more_of(&group.shown())),
            }
        }
    }
    for (name, role) in [("master_instance_fleet", "MASTER"), ("core_instance_fleet", "CORE")] {
        fleets.extend(resource.body.blocks(name).iter().map(|fleet| instance_fleet(fleet, role)));
    }
    for (of, list, item) in std::mem::take(&mut out.instances) {
        if text(&of) == text(&id) {
            if list == "InstanceGroups" { groups.push(item) } else { fleets.push(item) }
        } else {
            out.instances.push((of, list, item));
        }
    }
    let applications = resource.get("applications");
    let applications = match &applications.kind {
        Kind::List(items) => {
            let each = items.iter().map(|name| match &name.kind {
                Kind::More(_) => name.clone(),
                _ => object(name.spot, [("Name", name.clone())]),
            });
            Value::list(each.collect(), applications.spot)
        }
        _ => applications,
    };
    let configurations = match resource.body.get("configurations_json").or(resource.body.get("configurations")) {
        Some(value) if value.why().is_some() => value.clone(),
        // A URL or the name of a file says nothing of what it holds.
        Some(value) if decoded(value).is_err() && resource.body.get("configurations_json").is_none() => {
            Value::unknown(value.shown(), value.spot)
        }
        Some(value) => out.parsed(resource, "configurations_json", value, shown),
        None => Value::NULL,
    };
    let keep = resource.body.get("keep_job_flow_alive_when_no_steps").map(truth);
    let ends = match keep.as_ref().map(|keep| (keep.as_bool(), keep)) {
        Some((Some(keep), at)) => Value::truth(!keep, at.spot),
        Some((None, at)) => at.clone(),
        None => Value::truth(false, spot),
    };
    let idle = resource.block("auto_termination_policy").map(|block| {
        let names = [("idle_timeout", "IdleTimeout")];
        let map = renamed(&block, &names).into_iter().map(|(name, value)| (name, number(&value)));
        Value::object(map.collect(), block.spot)
    });
    let idle = idle.or_else(|| resource.may_have("auto_termination_policy"));
    let bootstrap = list_of(&resource.body, "bootstrap_action", |block| {
        shaped(block, &[("name", "Name"), ("path", "ScriptPath"), ("args", "Args")])
    });
    let some = |list: Vec<Value>| if list.is_empty() { Value::NULL } else { Value::list(list, spot) };
    let collection = if fleets.is_empty() { "INSTANCE_GROUP" } else { "INSTANCE_FLEET" };
    let status = object(spot, [("State", lit("WAITING").or_spot(spot))]);
    let item = object(
        spot,
        [
            ("Id", id),
            ("ClusterArn", resource.get("arn")),
            ("Name", resource.get("name")),
            ("Status", status),
            ("Ec2InstanceAttributes", ec2),
            ("InstanceCollectionType", lit(collection)),
            ("InstanceGroups", some(groups)),
            ("InstanceFleets", some(fleets)),
            ("LogUri", resource.get("log_uri")),
            ("ReleaseLabel", resource.get("release_label")),
            ("ServiceRole", resource.get("service_role")),
            ("AutoScalingRole", resource.get("autoscaling_role")),
            ("Applications", applications),
            ("Configurations", configurations),
            ("SecurityConfiguration", resource.get("security_configuration")),
            ("AutoTerminate", ends),
            ("AutoTerminationPolicy", idle.unwrap_or(Value::NULL)),
            ("TerminationProtected", resource.body.get("termination_protection").map_or(Value::NULL, truth)),
            ("VisibleToAllUsers", resource.body.get("visible_to_all_users").map_or(Value::NULL, truth)),
            ("BootstrapActions", bootstrap),
            ("Tags", resource.tags()),
        ],
    );
    out.item("emr.clusters", &item);
}

/// The tasks of a state machine that start jobs, and what each asks for.
pub(super) fn state_machine(resource: &Resource, out: &mut Out, shown: &dyn Fn(u32) -> String) {
    let definition = out.document(resource, "definition", shown);
    let mut left = 10_000;
    states(&definition, out, &mut left);
}

fn states(value: &Value, out: &mut Out, left: &mut usize) {
    if *left == 0 {
        return;
    }
    *left -= 1;
    match &value.kind {
        Kind::List(items) => items.iter().for_each(|item| states(item, out, left)),
        Kind::Object(fields) => {
            if let Some(task) = fields.map.get("Resource").and_then(Value::as_string)
                && let Some(kind) = job_kind(&task)
                && let Some(request) = value.get("Parameters").or(value.get("Arguments"))
            {
                let request = request_of(request);
                let request = out.node(&request);
                out.declared.push(Declared::Job { kind, request });
                return;
            }
            fields.map.values().for_each(|value| states(value, out, left));
        }
        _ => {}
    }
}

/// What a task of a state machine starts.
fn job_kind(task: &str) -> Option<&'static str> {
    let task = task.rsplit_once(":states:::").map_or(task, |(_, task)| task);
    let task = task.strip_prefix("aws-sdk:").unwrap_or(task).split('.').next().unwrap_or(task);
    match task {
        "emr-containers:startJobRun" | "emrcontainers:startJobRun" => Some("start-job-run"),
        "emr-serverless:startJobRun" | "emrserverless:startJobRun" => Some("serverless-start-job-run"),
        "elasticmapreduce:createCluster" | "emr:runJobFlow" => Some("run-job-flow"),
        _ => None,
    }
}

/// A request of a state machine with the keys of the API: its first letters are capitals, and
/// `Key.$` takes a value from the run.
fn request_of(value: &Value) -> Value {
    match &value.kind {
        Kind::Object(fields) => {
            let map = fields.map.iter().map(|(key, value)| match key.strip_suffix(".$") {
                Some(key) => {
                    (lower_first(key), Value::unknown(format!("{key} of the run: {}", value.shown()), value.spot))
                }
                None if ["Properties", "properties", "Tags", "tags"].contains(&key.as_str()) => {
                    (lower_first(key), value.clone())
                }
                None => (lower_first(key), request_of(value)),
            });
            Value::object(map.collect(), value.spot)
        }
        Kind::List(items) => Value::list(items.iter().map(request_of).collect(), value.spot),
        _ => value.clone(),
    }
}

fn lower_first(key: &str) -> String {
    let mut letters = key.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}
