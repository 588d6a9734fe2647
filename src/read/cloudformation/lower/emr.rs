//! EMR: clusters on EC2 in the form of the request for them, and applications of EMR Serverless.

use super::shape::{camel, items, list, number, of_text, tag_list, tag_map, text, texts, truth};
use super::{Fields, It, Lowered};
use crate::read::cloudformation::evaluate::text_or;
use crate::read::code::{Form, Node};

pub(super) fn application(it: &It<'_, '_, '_>, out: &mut Lowered) {
    let id = text_or(&it.scope.attribute(it.name, None));
    let on = |enabled: Option<&Node>| {
        let mut fields = Fields::at(enabled.and_then(|node| node.at.clone()).or_else(|| it.at()));
        fields.put("enabled", Some(Node::new(Form::Bool(true))));
        fields
    };
    let start = it.own("AutoStartConfiguration").map_or_else(|| on(None).node(), camel);
    let stop = it.own("AutoStopConfiguration").map(camel).unwrap_or_else(|| {
        let mut fields = on(None);
        fields.put("idleTimeoutMinutes", Some(Node::new(Form::Number(15.into()))));
        fields.node()
    });
    let mut fields = it.fields();
    fields
        .put("applicationId", Some(of_text(id).written(it.at())))
        .put("name", it.own("Name"))
        .put("arn", Some(of_text(it.attribute("Arn")).written(it.at())))
        .put("releaseLabel", it.own("ReleaseLabel"))
        .put("type", it.own("Type"))
        .put("initialCapacity", it.get("InitialCapacity").map(by_key))
        .put("maximumCapacity", it.own("MaximumCapacity").map(camel))
        .put("tags", it.own("Tags").map(tag_map))
        .put("autoStartConfiguration", Some(start))
        .put("autoStopConfiguration", Some(stop))
        .put("networkConfiguration", it.own("NetworkConfiguration").map(camel))
        .put("architecture", Some(it.own("Architecture").unwrap_or_else(|| Node::text("X86_64"))))
        .put("imageConfiguration", it.own("ImageConfiguration").map(camel))
        .put("workerTypeSpecifications", it.own("WorkerTypeSpecifications").map(inner))
        .put("runtimeConfiguration", it.own("RuntimeConfiguration").map(camel))
        .put("monitoringConfiguration", it.own("MonitoringConfiguration").map(camel))
        .put("interactiveConfiguration", it.own("InteractiveConfiguration").map(camel))
        .put("schedulerConfiguration", it.own("SchedulerConfiguration").map(camel));
    out.item("emrServerless.applications", fields.node());
}

/// A list of keys and values as the map that the API has.
fn by_key(node: &Node) -> Node {
    let Form::List(pairs) = &node.form else { return node.clone() };
    let mut fields = Vec::new();
    for pair in pairs {
        match (pair.get("Key").and_then(Node::as_text), pair.get("Value")) {
            (Some(key), Some(value)) => fields.push((key.to_string(), camel(value.clone()))),
            _ => return Node::unknown("the initial capacity").written(node.at.clone()),
        }
    }
    Node { form: Form::Object(fields), at: node.at.clone() }
}

/// A map whose keys are the user's, and whose values are not.
fn inner(node: Node) -> Node {
    let Form::Object(fields) = node.form else { return node };
    Node { form: Form::Object(fields.into_iter().map(|(key, node)| (key, camel(node))).collect()), at: node.at }
}

const GROUPS: &[&str] = &["Instances", "InstanceGroups"];
const FLEETS: &[&str] = &["Instances", "InstanceFleets"];

pub(super) fn cluster(it: &It<'_, '_, '_>, out: &mut Lowered) {
    let mut fields = it.fields();
    for key in
        ["Name", "LogUri", "LogEncryptionKmsKeyId", "ReleaseLabel", "OSReleaseLabel", "CustomAmiId", "AdditionalInfo"]
    {
        fields.put(key, it.own(key).map(text));
    }
    fields.put("Instances", it.own("Instances").map(|node| instances(node, it)));
    fields.put("Steps", it.own("Steps").map(|node| each(node, a_step)));
    for key in ["BootstrapActions", "Applications", "ManagedScalingPolicy", "PlacementGroupConfigs"] {
        fields.put(key, it.own(key));
    }
    fields
        .put("Configurations", it.own("Configurations").map(configurations))
        .put("VisibleToAllUsers", it.own("VisibleToAllUsers").map(truth))
        .put("JobFlowRole", it.own("JobFlowRole"))
        .put("ServiceRole", it.own("ServiceRole"))
        .put("Tags", it.own("Tags").map(tag_list))
        .put("SecurityConfiguration", it.own("SecurityConfiguration"))
        .put("AutoScalingRole", it.own("AutoScalingRole"))
        .put("ScaleDownBehavior", it.own("ScaleDownBehavior"))
        .put("EbsRootVolumeSize", it.own("EbsRootVolumeSize").map(number))
        .put("StepConcurrencyLevel", it.own("StepConcurrencyLevel").map(number))
        .put("AutoTerminationPolicy", it.own("AutoTerminationPolicy").map(|node| with_number(node, "IdleTimeout")));
    // Passwords stay behind: only that there is Kerberos is of interest.
    if let Some(kerberos) = it.get("KerberosAttributes") {
        let mut realm = Fields::at(kerberos.at.clone());
        realm.put("Realm", kerberos.get("Realm").cloned());
        fields.put("KerberosAttributes", Some(realm.node()));
    }
    out.clusters.push((it.reference(), fields.node()));
}

fn with_number(node: Node, key: &str) -> Node {
    let Form::Object(fields) = node.form else { return node };
    let fields = fields.into_iter().map(|(name, node)| {
        let node = if name == key { number(node) } else { node };
        (name, node)
    });
    Node { form: Form::Object(fields.collect()), at: node.at }
}

/// The instances, with groups and fleets in the lists that the request has.
fn instances(node: Node, it: &It<'_, '_, '_>) -> Node {
    let Form::Object(given) = node.form else { return node };
    let (mut fields, mut groups, mut fleets) = (Fields::at(node.at.clone()), Vec::new(), Vec::new());
    for (key, node) in given {
        match key.as_str() {
            "MasterInstanceGroup" => groups.push(group(node, Some("MASTER"))),
            "CoreInstanceGroup" => groups.push(group(node, Some("CORE"))),
            "TaskInstanceGroups" => groups.extend(items(&node).iter().map(|one| group(one.clone(), Some("TASK")))),
            "MasterInstanceFleet" => fleets.push(fleet(node, Some("MASTER"))),
            "CoreInstanceFleet" => fleets.push(fleet(node, Some("CORE"))),
            "TaskInstanceFleets" => fleets.extend(items(&node).iter().map(|one| fleet(one.clone(), Some("TASK")))),
            "KeepJobFlowAliveWhenNoSteps" | "TerminationProtected" | "UnhealthyNodeReplacement" => {
                fields.put(&key, Some(truth(node)));
            }
            _ => {
                fields.put(&key, Some(node));
            }
        }
    }
    // CloudFormation keeps a cluster without steps alive unless it is told otherwise.
    if !fields.has("KeepJobFlowAliveWhenNoSteps") {
        fields.put("KeepJobFlowAliveWhenNoSteps", Some(Node::new(Form::Bool(true)).written(it.at())));
    }
    if !groups.is_empty() {
        fields.put("InstanceGroups", Some(list(groups, node.at.clone())));
    }
    if !fleets.is_empty() {
        fields.put("InstanceFleets", Some(list(fleets, node.at.clone())));
    }
    fields.node()
}

fn group(node: Node, role: Option<&str>) -> Node {
    let Form::Object(given) = node.form else { return node };
    let mut fields = Fields::at(node.at.clone());
    if let Some(role) = role {
        fields.text("InstanceRole", role);
    }
    for (key, node) in given {
        let node = match key.as_str() {
            "InstanceCount" => number(node),
            "Configurations" => configurations(node),
            "JobFlowId" => continue,
            _ => node,
        };
        fields.put(&key, Some(node));
    }
    if !fields.has("Market") {
        fields.text("Market", "ON_DEMAND");
    }
    fields.node()
}

fn fleet(node: Node, role: Option<&str>) -> Node {
    let Form::Object(given) = node.form else { return node };
    let mut fields = Fields::at(node.at.clone());
    if let Some(role) = role {
        fields.text("InstanceFleetType", role);
    }
    for (key, node) in given {
        let node = match key.as_str() {
            "TargetOnDemandCapacity" | "TargetSpotCapacity" => number(node),
            "ClusterId" => continue,
            _ => node,
        };
        fields.put(&key, Some(node));
    }
    fields.node()
}

/// Configurations, whose properties CloudFormation calls otherwise.
pub(super) fn configurations(node: Node) -> Node {
    each(node, |one| {
        let Form::Object(given) = one.form else { return one };
        let mut fields = Fields::at(one.at.clone());
        for (key, node) in given {
            match key.as_str() {
                "ConfigurationProperties" | "Properties" => fields.put("Properties", Some(texts(node))),
                "Configurations" => fields.put(&key, Some(configurations(node))),
                _ => fields.put(&key, Some(node)),
            };
        }
        fields.node()
    })
}

fn each(node: Node, change: impl Fn(Node) -> Node) -> Node {
    let Form::List(all) = node.form else { return node };
    Node { form: Form::List(all.into_iter().map(change).collect()), at: node.at }
}

fn a_step(node: Node) -> Node {
    let Form::Object(given) = node.form else { return node };
    let mut fields = Fields::at(node.at.clone());
    for (key, node) in given {
        match (key.as_str(), node.form) {
            ("JobFlowId", _) => {}
            ("HadoopJarStep", Form::Object(jar)) => {
                let mut inner = Fields::at(node.at);
                for (key, node) in jar {
                    let key = if key == "StepProperties" { "Properties" } else { &key };
                    inner.put(key, Some(if key == "Args" { texts(node) } else { node }));
                }
                fields.put("HadoopJarStep", Some(inner.node()));
            }
            (key, form) => {
                fields.put(key, Some(Node { form, at: node.at }));
            }
        }
    }
    fields.node()
}

pub(super) fn step(it: &It<'_, '_, '_>, out: &mut Lowered) {
    if let Some(cluster) = it.text("JobFlowId") {
        out.added.push((cluster, &["Steps"], a_step(it.properties.clone()).written(it.at())));
    }
}

pub(super) fn instance_group(it: &It<'_, '_, '_>, out: &mut Lowered) {
    if let Some(cluster) = it.text("JobFlowId") {
        out.added.push((cluster, GROUPS, group(it.properties.clone(), None).written(it.at())));
    }
}

pub(super) fn instance_fleet(it: &It<'_, '_, '_>, out: &mut Lowered) {
    if let Some(cluster) = it.text("ClusterId") {
        out.added.push((cluster, FLEETS, fleet(it.properties.clone(), None).written(it.at())));
    }
}

pub(super) fn security_configuration(it: &It<'_, '_, '_>, out: &mut Lowered) {
    let configuration = it.get("SecurityConfiguration").map(|node| match &node.form {
        // The API prints it as one text of JSON.
        Form::Object(_) => of_text(crate::read::cloudformation::json_text::print(node)).written(node.at.clone()),
        _ => node.clone(),
    });
    let mut fields = it.fields();
    fields.put("Name", Some(it.named(it.reference(), "Name"))).put("SecurityConfiguration", configuration);
    out.item("emr.securityConfigurations", fields.node());
}
