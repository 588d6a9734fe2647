//! Clusters of EMR on EC2 and their steps, as the command line takes them.
//!
//! The options of `create-cluster` differ from the fields of `RunJobFlow`, which are what everything else knows.
//! <https://docs.aws.amazon.com/cli/latest/reference/emr/create-cluster.html>

use super::super::code::json::PiecePart;
use super::super::code::{Declared, Form, Node};
use super::super::shell::Word;
use super::super::written::{list, object};
use super::arguments::{Arguments, Case};
use super::files::Files;

/// Declares the cluster that `create-cluster` asks for, in the form of `RunJobFlow`.
pub(super) fn create_cluster(arguments: &Arguments, files: &Files<'_>, out: &mut Vec<Declared>) {
    let request = arguments.request(Case::Pascal, files);
    let of = |node: Option<&Node>, key: &str| node.and_then(|node| node.get(key)).cloned();
    let null = || Node::new(Form::Null);
    let get = |key: &str| request.get(key).cloned().unwrap_or_else(null);
    let ec2 = request.get("Ec2Attributes");
    let use_defaults = arguments.flag("use-default-roles");
    let service_role = match request.get("ServiceRole") {
        Some(role) => role.clone(),
        None if use_defaults => Node::text("EMR_DefaultRole"),
        None => null(),
    };
    let profile = match of(ec2, "InstanceProfile") {
        Some(profile) => profile,
        None if use_defaults => Node::text("EMR_EC2_DefaultRole"),
        None => null(),
    };
    let mut groups = Vec::new();
    let listed = request.get("InstanceGroups").cloned();
    let listed = listed.iter().flat_map(|node| match &node.form {
        Form::List(items) => items.clone(),
        Form::Object(_) => vec![node.clone()],
        _ => Vec::new(),
    });
    for group in listed {
        let Form::Object(fields) = group.form else { continue };
        let renamed = fields.into_iter().map(|(key, node)| match key.as_str() {
            "InstanceGroupType" => ("InstanceRole".to_owned(), node),
            _ => (key, node),
        });
        groups.push(Node::new(Form::Object(renamed.collect())).written(group.at));
    }
    let or_null = |node: Option<Node>| node.unwrap_or_else(null);
    let instances = object([
        ("Ec2SubnetId", or_null(of(ec2, "SubnetId"))),
        ("Ec2SubnetIds", or_null(of(ec2, "SubnetIds"))),
        ("Ec2KeyName", or_null(of(ec2, "KeyName"))),
        ("EmrManagedMasterSecurityGroup", or_null(of(ec2, "EmrManagedMasterSecurityGroup"))),
        ("EmrManagedSlaveSecurityGroup", or_null(of(ec2, "EmrManagedSlaveSecurityGroup"))),
        ("ServiceAccessSecurityGroup", or_null(of(ec2, "ServiceAccessSecurityGroup"))),
        ("AdditionalMasterSecurityGroups", or_null(of(ec2, "AdditionalMasterSecurityGroups"))),
        ("AdditionalSlaveSecurityGroups", or_null(of(ec2, "AdditionalSlaveSecurityGroups"))),
        ("InstanceGroups", if groups.is_empty() { null() } else { list(groups) }),
        ("InstanceFleets", get("InstanceFleets")),
        ("MasterInstanceType", get("InstanceType")),
        ("SlaveInstanceType", get("InstanceType")),
        ("InstanceCount", get("InstanceCount")),
        ("KeepJobFlowAliveWhenNoSteps", Node::new(Form::Bool(!arguments.flag("auto-terminate")))),
        ("TerminationProtected", Node::new(Form::Bool(arguments.flag("termination-protected")))),
    ]);
    let tags = arguments.options.get("tags").into_iter().flatten().filter_map(|word| {
        let plain = word.text();
        let (key, value) = match plain.as_str() {
            Some(text) => {
                let (key, value) = text.split_once('=').unwrap_or((text, ""));
                (Node::text(key), Node::text(value))
            }
            None => return None,
        };
        Some(object([("Key", key), ("Value", value)]).written(word.at()))
    });
    let place = arguments.word(&["name", "release-label"]).and_then(Word::at);
    let request = object([
        ("Name", get("Name")),
        ("LogUri", get("LogUri")),
        ("ReleaseLabel", get("ReleaseLabel")),
        ("ServiceRole", service_role),
        ("JobFlowRole", profile),
        ("AutoScalingRole", get("AutoScalingRole")),
        ("SecurityConfiguration", get("SecurityConfiguration")),
        ("Applications", get("Applications")),
        ("Configurations", get("Configurations")),
        ("AutoTerminationPolicy", get("AutoTerminationPolicy")),
        ("ManagedScalingPolicy", get("ManagedScalingPolicy")),
        ("BootstrapActions", get("BootstrapActions")),
        ("Steps", request.get("Steps").map_or_else(null, steps)),
        ("Instances", instances.written(place.clone())),
        ("Tags", list(tags.collect())),
    ]);
    out.push(Declared::Job { kind: "emr", request: request.written(place) });
}

/// Adds steps to the cluster that the script has made; steps of another cluster stand for themselves.
pub(super) fn add_steps(arguments: &Arguments, files: &Files<'_>, out: &mut Vec<Declared>) {
    let request = arguments.request(Case::Pascal, files);
    let Some(added) = request.get("Steps").map(steps) else { return };
    let cluster = arguments.word(&["cluster-id"]);
    let made = cluster.and_then(|word| match word.pieces.as_slice() {
        [only] => match &only.part {
            PiecePart::Hole(name) => name.strip_prefix("id of ").map(str::to_owned),
            _ => None,
        },
        _ => None,
    });
    let own = made.and_then(|name| {
        out.iter_mut().rev().find_map(|one| match one {
            Declared::Job { kind: "emr", request } => {
                let is_it = request.get("Name").and_then(Node::as_text).is_some_and(|own| own.to_string() == name);
                is_it.then_some(request)
            }
            _ => None,
        })
    });
    if let Some(Node { form: Form::Object(fields), .. }) = own {
        if let Some(role) = arguments.word(&["execution-role-arn"]) {
            fields.push(("ExecutionRoleArn".to_owned(), role.node().written(role.at())));
        }
        match fields.iter_mut().find(|(key, _)| key == "Steps") {
            Some((_, Node { form: Form::List(known), .. })) => known.extend(added.items().iter().cloned()),
            _ => fields.push(("Steps".to_owned(), added)),
        }
        return;
    }
    let at = cluster.and_then(Word::at);
    let request = object([("JobFlowId", cluster.map_or_else(|| Node::new(Form::Null), Word::node)), ("Steps", added)]);
    out.push(Declared::Job { kind: "emr-steps", request: request.written(at) });
}

/// Steps in the form of the API.
fn steps(given: &Node) -> Node {
    let each = match &given.form {
        Form::List(items) => items.iter().map(step).collect(),
        Form::Object(_) => vec![step(given)],
        _ => return given.clone(),
    };
    list(each).written(given.at.clone())
}

/// One step; the command line knows types of steps, the API a jar and its arguments.
fn step(given: &Node) -> Node {
    if given.get("HadoopJarStep").is_some() || !matches!(given.form, Form::Object(_)) {
        return given.clone();
    }
    let get = |key: &str| given.get(key).cloned().unwrap_or_else(|| Node::new(Form::Null));
    let kind = given.get("Type").and_then(Node::as_str).unwrap_or("CUSTOM_JAR").to_ascii_lowercase();
    let before: &[&str] = match kind.as_str() {
        "spark" => &["spark-submit"],
        "hive" => &["hive-script", "--run-hive-script", "--args"],
        "pig" => &["pig-script", "--run-pig-script", "--args"],
        "streaming" => &["hadoop-streaming"],
        _ => &[],
    };
    let own = match given.get("Args") {
        Some(Node { form: Form::List(items), .. }) => items.clone(),
        Some(Node { form: Form::Null, .. }) | None => Vec::new(),
        Some(one) => vec![one.clone()],
    };
    let arguments = before.iter().map(|word| Node::text(*word)).chain(own).collect();
    let jar = if before.is_empty() { get("Jar") } else { Node::text("command-runner.jar") };
    let jar_step = object([("Jar", jar), ("MainClass", get("MainClass")), ("Args", list(arguments))]);
    object([("Name", get("Name")), ("ActionOnFailure", get("ActionOnFailure")), ("HadoopJarStep", jar_step)])
        .written(given.at.clone())
}
