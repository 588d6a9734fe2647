//! What code declares for any purpose, each thing under the name of its collection, with what it says of others.
//!
//! A node class is held against the pools that use it, a Fargate profile against the jobs of the same change, a
//! ClusterRoleBinding against the role that it binds. A list is empty where nothing is wrong.
//!
//! Deliberately absent: roles and policies, which are for [`super::fragment`].

use super::Draft;
use super::application::set_texts;
use super::settings::{image_moves, is_filled_later, secrets};
use crate::capacity::demand::{PodDemand, of_emr_on_eks};
use crate::estate::Estate;
use crate::known::{Part, Text, Told, Unknown};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

type Found = Vec<(String, String)>;

/// Everything else that code declares, each under the name of its collection.
pub(super) fn things(estate: &Estate) -> Vec<Draft> {
    let mut found = Vec::new();
    for (at, positions) in &estate.declared {
        let mut names = at.trim_start_matches('/').split('/');
        let kind = match (names.next(), names.next(), names.next()) {
            (Some("iam"), ..) | (None, ..) => continue,
            (Some(section), _, Some(list)) | (Some(section), Some(list), None) => format!("{section}.{list}"),
            (Some(_), None, _) => continue,
        };
        for position in positions {
            let pointer = format!("{at}/{position}");
            if let Some(item) = estate.document.pointer(&pointer) {
                let mut draft = Draft::default();
                draft.set("kind", kind.as_str());
                look(estate, &kind, item, &pointer, &mut draft);
                draft.set_at("it", item.clone(), pointer);
                found.push(draft);
            }
        }
    }
    found.extend(long_names(estate));
    for (at, job) in estate.items("jobRequests").iter().enumerate() {
        if job["kind"] == "run-job-flow" && job["code"] == true {
            found.push(as_cluster(estate, &job["request"], &format!("/jobRequests/{at}/request")));
        }
    }
    found
}

/// The cluster that a request asks for, in the shape of a described one.
fn as_cluster(estate: &Estate, request: &Value, pointer: &str) -> Draft {
    let instances = &request["Instances"];
    let mut it = request.clone();
    it["InstanceGroups"] = instances["InstanceGroups"].clone();
    it["Ec2InstanceAttributes"] = instances.clone();
    it["AutoTerminate"] = (instances["KeepJobFlowAliveWhenNoSteps"] == false).into();
    if let Value::Object(fields) = &mut it {
        fields.retain(|_, value| !value.is_null());
    }
    let mut draft = Draft::default();
    draft.set("kind", "emr.clusters");
    set_texts(&mut draft, "defaultRoles", default_roles(estate, request, pointer));
    draft.set_at("it", it, pointer);
    for (inside, to) in [("InstanceGroups", "Instances/InstanceGroups"), ("Ec2InstanceAttributes", "Instances")] {
        draft.aliases.push((format!("/it/{inside}"), format!("{pointer}/{to}")));
    }
    draft
}

/// Puts in what a thing says of others.
fn look(estate: &Estate, kind: &str, item: &Value, at: &str, draft: &mut Draft) {
    match kind {
        "kubernetes.podTemplates" => {
            set_texts(draft, "looseMounts", loose_mounts(&item["spec"], &format!("{at}/spec")));
            set_texts(draft, "movingImages", moving_images(&item["spec"], &format!("{at}/spec")));
        }
        "kubernetes.ec2NodeClasses" => {
            set_texts(draft, "disklessFamilies", diskless_families(estate, item, at));
        }
        "kubernetes.clusterRoleBindings" => {
            set_texts(draft, "accountsEverywhere", accounts_everywhere(estate, item, at));
        }
        "kubernetes.sparkClusters" => {
            set_texts(draft, "secretsInSettings", secrets(&item["spec"]["sparkConf"], &format!("{at}/spec/sparkConf")));
        }
        "ec2.securityGroups" => set_texts(draft, "opensWorkersTo", opens_workers_to(estate, item, at)),
        "ec2.vpcs" => draft.set("hosts", hosts(estate, item)),
        "eks.fargateProfiles" => set_texts(draft, "unmetLabels", unmet_labels(estate, item, at)),
        "eks.clusters" => set_texts(draft, "withoutProvider", without_provider(estate, item, at)),
        "eks.nodegroups" => {
            set_texts(draft, "tooSmallFor", too_small_for(estate, item, at));
            set_texts(draft, "publicSubnets", public_subnets(estate, item, at));
            set_texts(draft, "missingPolicies", missing_policies(item, at));
        }
        _ => {}
    }
}

/// Roles whose names are longer than IAM takes, holes not counted. What Terraform adds to a prefix has 26 letters.
fn long_names(estate: &Estate) -> Vec<Draft> {
    let positions = estate.declared.get("/iam/roles").into_iter().flatten();
    let roles = positions.filter_map(|position| Some((estate.items("iam.roles").get(*position)?, *position)));
    let mut found = Vec::new();
    for (role, position) in roles {
        let Some(name) = Text::of(&role["RoleName"]) else { continue };
        let (mut length, mut prefix) = (0, false);
        for part in name.parts() {
            match part {
                Part::Literal(text) => length += text.chars().count(),
                Part::Hole(hole) => prefix |= hole.ends_with(".name suffix"),
            }
        }
        let most = if prefix { 38 } else { 64 };
        if length > most {
            let mut draft = Draft::default();
            draft.set("kind", "role-name");
            draft.set("most", most);
            draft.set("what", if prefix { "prefix" } else { "name" });
            let pointer = format!("/iam/roles/{position}/RoleName");
            draft.set_at("name", role["RoleName"].clone(), pointer.clone());
            draft.set_at("length", length, pointer);
            found.push(draft);
        }
    }
    found
}

/// The clusters of the same change that stand in a VPC.
fn hosts(estate: &Estate, vpc: &Value) -> Vec<String> {
    let Some(id) = vpc["VpcId"].told() else { return Vec::new() };
    let subnets = estate.items("ec2.subnets").iter().filter(|subnet| subnet["VpcId"].is(id));
    let subnets: BTreeSet<&str> = subnets.filter_map(|subnet| subnet["SubnetId"].told()).collect();
    let here = |value: &Value| {
        let list = value.as_array().map_or_else(|| std::slice::from_ref(value), Vec::as_slice);
        list.iter().filter_map(Told::told).any(|subnet| subnets.contains(subnet))
    };
    let mut names = BTreeSet::new();
    for cluster in estate.items("eks.clusters").iter().filter(|one| here(&one["resourcesVpcConfig"]["subnetIds"])) {
        names.insert(cluster["name"].told().unwrap_or("?").to_owned());
    }
    for group in estate.items("eks.nodegroups").iter().filter(|group| here(&group["subnets"])) {
        names.insert(group["clusterName"].told().unwrap_or("?").to_owned());
    }
    for cluster in estate.items("emr.clusters") {
        let attributes = &cluster["Ec2InstanceAttributes"];
        if here(&attributes["Ec2SubnetId"]) || here(&attributes["RequestedEc2SubnetIds"]) {
            names.insert(cluster["Name"].told().unwrap_or("?").to_owned());
        }
    }
    for job in estate.items("jobRequests").iter().filter(|job| job["kind"] == "run-job-flow") {
        let instances = &job["request"]["Instances"];
        if here(&instances["Ec2SubnetId"]) || here(&instances["Ec2SubnetIds"]) {
            names.insert(job["request"]["Name"].told().unwrap_or("?").to_owned());
        }
    }
    names.into_iter().collect()
}

/// Containers and init containers of a pod, with their places.
fn containers<'v>(spec: &'v Value, at: &str) -> Vec<(&'v Value, String)> {
    let of = |list: &'static str| {
        let items = spec[list].as_array().into_iter().flatten().enumerate();
        items.map(move |(number, one)| (one, format!("{at}/{list}/{number}")))
    };
    of("containers").chain(of("initContainers")).collect()
}

/// Mounts of volumes that a pod template does not define, and neither EMR nor Spark adds.
fn loose_mounts(spec: &Value, at: &str) -> Found {
    let volumes = spec["volumes"].as_array().map_or(&[][..], Vec::as_slice);
    if Unknown::of(&spec["volumes"]).is_some() || volumes.iter().any(|volume| volume["name"].as_str().is_none()) {
        return Vec::new();
    }
    let mut found = Vec::new();
    for (container, at) in containers(spec, at) {
        for (number, mount) in container["volumeMounts"].as_array().into_iter().flatten().enumerate() {
            let Some(name) = mount["name"].as_str() else { continue };
            let added = ["emr-container", "spark-local-dir", "spark-conf", "hadoop-", "aws-"];
            if !volumes.iter().any(|volume| volume["name"] == name)
                && !added.iter().any(|start| name.starts_with(start))
                && !is_filled_later(name)
            {
                found.push((name.to_owned(), format!("{at}/volumeMounts/{number}/name")));
            }
        }
    }
    found
}

fn moving_images(spec: &Value, at: &str) -> Found {
    let images = containers(spec, at).into_iter();
    let moving = images.filter(|(one, _)| one["image"].as_str().is_some_and(image_moves));
    moving.map(|(one, at)| (one["image"].as_str().unwrap_or_default().to_owned(), format!("{at}/image"))).collect()
}

/// Instance families without a disk of their own that are all that the pools of a node class take, where the class
/// wants to join the disks of its instances.
fn diskless_families(estate: &Estate, class: &Value, at: &str) -> Found {
    if class["spec"]["instanceStorePolicy"] != "RAID0" {
        return Vec::new();
    }
    let Some(group) = at.split("/ec2NodeClasses").next().and_then(|at| estate.document.pointer(at)) else {
        return Vec::new();
    };
    let mut families = BTreeSet::new();
    for pool in group["nodePools"].as_array().into_iter().flatten() {
        let template = &pool["spec"]["template"]["spec"];
        if template["nodeClassRef"]["name"] != class["metadata"]["name"] {
            continue;
        }
        let wanted = template["requirements"].as_array().into_iter().flatten().find(|requirement| {
            requirement["key"] == "karpenter.k8s.aws/instance-family" && requirement["operator"] == "In"
        });
        let Some(values) = wanted.and_then(|requirement| requirement["values"].as_array()) else { return Vec::new() };
        for value in values {
            match value.as_str().filter(|family| has_no_disk(family)) {
                Some(family) => families.insert(family.to_owned()),
                None => return Vec::new(),
            };
        }
    }
    families.into_iter().map(|family| (family, format!("{at}/spec/instanceStorePolicy"))).collect()
}

/// Whether a family of the general, compute or memory kind has no `d` among the letters after its generation.
fn has_no_disk(family: &str) -> bool {
    let Some(rest) = family.strip_prefix(['c', 'm', 'r', 't']) else { return false };
    let generation = rest.trim_start_matches(|c: char| c.is_ascii_digit());
    generation.len() < rest.len()
        && generation.chars().all(|c| c.is_ascii_lowercase() && c != 'd')
        && !matches!(family, "m1" | "m2" | "m3" | "c1" | "c3" | "r3")
}

/// Accounts of Spark's drivers that may make pods in every namespace.
fn accounts_everywhere(estate: &Estate, binding: &Value, at: &str) -> Found {
    let Some(group) = at.split("/clusterRoleBindings").next().and_then(|at| estate.document.pointer(at)) else {
        return Vec::new();
    };
    let named = |value: &Value| value.as_str().map(str::to_ascii_lowercase).unwrap_or_default();
    let (name, role) = (named(&binding["metadata"]["name"]), named(&binding["roleRef"]["name"]));
    let of_program =
        |text: &str| ["operator", "controller", "webhook", "system:"].iter().any(|word| text.contains(word));
    if binding["roleRef"]["kind"] != "ClusterRole" || of_program(&name) || of_program(&role) {
        return Vec::new();
    }
    let roles = group["clusterRoles"].as_array().into_iter().flatten();
    let writes = |rule: &Value| {
        let has = |list: &str, any: &[&str]| {
            rule[list].as_array().into_iter().flatten().any(|one| any.iter().any(|it| *one == **it))
        };
        has("resources", &["pods", "*"]) && has("verbs", &["create", "*"])
    };
    let bound = roles.into_iter().find(|candidate| candidate["metadata"]["name"] == binding["roleRef"]["name"]);
    let may_write = match bound {
        Some(role) => role["rules"].as_array().into_iter().flatten().any(writes),
        // Those that every cluster has.
        None => matches!(role.as_str(), "edit" | "admin" | "cluster-admin"),
    };
    if !may_write {
        return Vec::new();
    }
    let of_spark = |text: &str| text.contains("spark") && !of_program(text);
    let subjects = binding["subjects"].as_array().into_iter().flatten().enumerate();
    let wide = subjects.filter(|(_, subject)| {
        let account = named(&subject["name"]);
        subject["kind"] == "ServiceAccount"
            && !of_program(&account)
            && (of_spark(&account) || of_spark(&named(&subject["namespace"])) || of_spark(&name) || of_spark(&role))
    });
    wide.map(|(number, subject)| {
        (subject["name"].told().unwrap_or("?").to_owned(), format!("{at}/subjects/{number}/name"))
    })
    .collect()
}

/// Labels that a Fargate profile for Spark asks for, and that no job of the same change sets.
fn unmet_labels(estate: &Estate, profile: &Value, at: &str) -> Found {
    let named = |value: &Value| value.as_str().map(str::to_ascii_lowercase).unwrap_or_default();
    let of_spark = |text: &str| text.contains("emr") || text.contains("spark");
    let mut settings = Vec::new();
    for job in estate.items("jobRequests").iter().filter(|job| job["kind"] == "start-job-run") {
        let demand = of_emr_on_eks(&job["request"], None);
        if !demand.unknown.is_empty() || demand.conf.keys().any(|key| key.to_ascii_lowercase().contains("podtemplate"))
        {
            return Vec::new();
        }
        settings.push(demand.conf);
    }
    if settings.is_empty() {
        return Vec::new();
    }
    let mut found = Vec::new();
    for (number, selector) in profile["selectors"].as_array().into_iter().flatten().enumerate() {
        let is_theirs = of_spark(&named(&profile["fargateProfileName"])) || of_spark(&named(&selector["namespace"]));
        for (key, value) in selector["labels"].as_object().into_iter().flatten().filter(|_| is_theirs) {
            let Some(value) = value.as_str() else { continue };
            // Labels that Spark and EMR set by themselves.
            if key.starts_with("spark-") || key.contains("emr-containers.amazonaws.com") {
                continue;
            }
            let sets = |conf: &std::collections::BTreeMap<String, String>| {
                ["driver", "executor"].iter().any(|part| {
                    conf.get(&format!("spark.kubernetes.{part}.label.{key}")).map(String::as_str) == Some(value)
                })
            };
            if !settings.iter().any(sets) {
                let pointer = format!("{at}/selectors/{number}/labels/{}", crate::path::escape(key));
                found.push((format!("{key}={value}"), pointer));
            }
        }
    }
    found
}

/// Pods of jobs of the same change that are larger than a node of any group of the one cluster.
fn too_small_for(estate: &Estate, group: &Value, at: &str) -> Found {
    let [cluster] = estate.items("eks.clusters") else { return Vec::new() };
    let others = ["nodePools", "provisioners"];
    let grows = estate
        .items("kubernetes")
        .iter()
        .any(|objects| others.iter().any(|kind| objects[*kind].as_array().is_some_and(|list| !list.is_empty())));
    let automatic = !cluster["computeConfig"].is_null() && cluster["computeConfig"]["enabled"] != false;
    if grows || automatic || group["clusterName"] != cluster["name"] {
        return Vec::new();
    }
    let (mut cpu, mut memory) = (0, 0);
    for one in estate.items("eks.nodegroups") {
        let Some(types) = one["instanceTypes"].as_array().filter(|types| !types.is_empty()) else { return Vec::new() };
        for name in types {
            let Some(known) = name.as_str().and_then(|name| estate.instance_types.get(name)) else { return Vec::new() };
            cpu = cpu.max(known.allocatable_cpu_milli);
            memory = memory.max(known.allocatable_memory_mib);
        }
    }
    let profiles = estate.items("eks.fargateProfiles").iter();
    let mut selectors = profiles.flat_map(|profile| profile["selectors"].as_array().into_iter().flatten());
    // A profile that asks for no labels may take the pods, whatever their namespace turns out to be.
    let of_the_system = |selector: &Value| matches!(selector["namespace"].as_str(), Some("default" | "kube-system"));
    if selectors.any(|selector| selector["labels"].as_object().is_none_or(Map::is_empty) && !of_the_system(selector)) {
        return Vec::new();
    }
    let mut found = Found::new();
    for job in estate.items("jobRequests").iter().filter(|job| job["kind"] == "start-job-run") {
        let demand = of_emr_on_eks(&job["request"], None);
        let large = |pod: &&PodDemand| pod.template.is_none() && (pod.cpu_milli > cpu || pod.memory_mib > memory);
        if let Some(pod) = demand.pods.iter().find(large) {
            let name = job["request"]["name"].told().unwrap_or("a job");
            let told = format!("{} of `{name}` asks for {}m cpu and {} MiB", pod.role, pod.cpu_milli, pod.memory_mib);
            if !found.iter().any(|(known, _)| *known == told) {
                found.push((told, format!("{at}/instanceTypes/0")));
            }
        }
    }
    found
}

/// The ranges of every address from which a group admits, where workers of EMR Serverless are in it.
fn opens_workers_to(estate: &Estate, group: &Value, at: &str) -> Found {
    let Some(id) = group["GroupId"].told() else { return Vec::new() };
    let of_workers = estate.items("emrServerless.applications").iter().any(|application| {
        let groups = application["networkConfiguration"]["securityGroupIds"].as_array();
        groups.into_iter().flatten().any(|group| group.is(id))
    });
    if !of_workers {
        return Vec::new();
    }
    let mut found = Found::new();
    for (number, rule) in group["IpPermissions"].as_array().into_iter().flatten().enumerate() {
        for (list, key, all) in [("IpRanges", "CidrIp", "0.0.0.0/0"), ("Ipv6Ranges", "CidrIpv6", "::/0")] {
            let place = rule[list].as_array().and_then(|ranges| ranges.iter().position(|range| range[key] == all));
            if let Some(place) = place {
                found.push((all.to_owned(), format!("{at}/IpPermissions/{number}/{list}/{place}/{key}")));
            }
        }
    }
    found
}

/// The name of a cluster of which eksctl makes no provider, where roles or jobs of the same change need one.
fn without_provider(estate: &Estate, cluster: &Value, at: &str) -> Found {
    let named = || vec![(cluster["name"].told().unwrap_or("?").to_owned(), format!("{at}/name"))];
    let needs = !estate.items("emrContainers.virtualClusters").is_empty()
        || estate.items("jobRequests").iter().any(|job| job["kind"] == "start-job-run");
    let has = !estate.items("iam.openIDConnectProviders").is_empty()
        || !estate.items("eks.podIdentityAssociations").is_empty();
    if cluster["withOIDC"] == false && needs && !has { named() } else { Vec::new() }
}

/// Subnets of a node group in which instances get public addresses.
fn public_subnets(estate: &Estate, group: &Value, at: &str) -> Found {
    let subnets = estate.items("ec2.subnets");
    let named = group["subnets"].as_array().into_iter().flatten().enumerate();
    let public = named.filter_map(|(number, id)| {
        let id = id.told()?;
        let subnet = subnets.iter().find(|subnet| subnet["SubnetId"].told() == Some(id))?;
        (subnet["MapPublicIpOnLaunch"] == true).then(|| (id.to_owned(), format!("{at}/subnets/{number}")))
    });
    public.collect()
}

/// Policies without which nodes cannot join or pull images, where a node group names its policies itself.
fn missing_policies(group: &Value, at: &str) -> Found {
    let Some(policies) = group["attachPolicyARNs"].as_array() else { return Vec::new() };
    if policies.iter().any(|policy| Unknown::of(policy).is_some()) {
        return Vec::new();
    }
    let has = |part: &str| policies.iter().any(|policy| policy.told().is_some_and(|arn| arn.contains(part)));
    let needed = [
        ("AmazonEKSWorkerNode", "AmazonEKSWorkerNodePolicy"),
        ("ContainerRegistry", "AmazonEC2ContainerRegistryPullOnly"),
    ];
    let missing = needed.iter().filter(|(part, _)| !has(part));
    missing.map(|(_, name)| ((*name).to_owned(), format!("{at}/attachPolicyARNs"))).collect()
}

/// Roles that `aws emr create-default-roles` makes once for an account, and that this change does not.
fn default_roles(estate: &Estate, request: &Value, at: &str) -> Found {
    let defaults = ["EMR_DefaultRole", "EMR_DefaultRole_V2", "EMR_EC2_DefaultRole", "EMR_AutoScaling_DefaultRole"];
    let keys = ["ServiceRole", "JobFlowRole", "AutoScalingRole"];
    let made = |name: &str| {
        let roles = estate.items("iam.roles").iter().any(|role| role["RoleName"].told() == Some(name));
        roles || estate.items("iam.instanceProfiles").iter().any(|one| one["InstanceProfileName"].told() == Some(name))
    };
    let named = keys.iter().filter_map(|key| Some((*key, request[*key].as_str()?)));
    let missing = named.filter(|(_, name)| defaults.contains(name) && !made(name));
    missing.map(|(key, name)| (name.to_owned(), format!("{at}/{key}"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn names(found: Found) -> Vec<String> {
        found.into_iter().map(|(name, _)| name).collect()
    }

    fn estate(document: Value) -> Estate {
        Estate { document, ..Estate::default() }
    }

    #[test]
    fn families_and_their_disks() {
        for (family, none) in [
            ("m5", true),
            ("r6g", true),
            ("c7gn", true),
            ("m5d", false),
            ("r5dn", false),
            ("i4i", false),
            ("m3", false),
            ("m", false),
        ] {
            assert_eq!(has_no_disk(family), none, "{family}");
        }
        let pool = |families: Value| {
            json!({"spec": {"template": {"spec": {"nodeClassRef": {"name": "n"}, "requirements": [
                {"key": "karpenter.k8s.aws/instance-family", "operator": "In", "values": families}]}}}})
        };
        let class = json!({"metadata": {"name": "n"}, "spec": {"instanceStorePolicy": "RAID0"}});
        for (families, found) in [(json!(["m5", "r5"]), 2), (json!(["m5", "r5d"]), 0), (json!({"$unknown": "x"}), 0)] {
            let estate = estate(json!({"kubernetes": [{"nodePools": [pool(families)]}]}));
            assert_eq!(diskless_families(&estate, &class, "/kubernetes/0/ec2NodeClasses/0").len(), found);
        }
    }

    #[test]
    fn mounts_policies_and_roles() {
        let spec = json!({"volumes": [{"name": "a"}], "containers": [{"image": "x:latest", "volumeMounts":
            [{"name": "a"}, {"name": "b"}, {"name": "emr-container-communicate"}, {"name": "${c}"}]}]});
        assert_eq!(names(loose_mounts(&spec, "")), ["b"]);
        assert_eq!(names(moving_images(&spec, "")), ["x:latest"]);
        let group = json!({"attachPolicyARNs": ["arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy"]});
        assert_eq!(names(missing_policies(&group, "")), ["AmazonEC2ContainerRegistryPullOnly"]);
        assert!(missing_policies(&json!({}), "").is_empty());
        let request = json!({"ServiceRole": "EMR_DefaultRole", "JobFlowRole": "own"});
        assert_eq!(names(default_roles(&estate(json!({})), &request, "")), ["EMR_DefaultRole"]);
        let made = estate(json!({"iam": {"roles": [{"RoleName": "EMR_DefaultRole"}]}}));
        assert!(default_roles(&made, &request, "").is_empty());
    }

    #[test]
    fn names_of_roles() {
        let long = "x".repeat(65);
        let hole = |start: &str, hole: &str| json!({"$text": [start, {"$unknown": hole}]});
        for (name, found) in [
            (json!(long), 1),
            (json!("x".repeat(64)), 0),
            (hole(&"x".repeat(64), "var.stage"), 0),
            (hole(&long, "var.stage"), 1),
            (hole(&"x".repeat(38), "aws_iam_role.jobs.name suffix"), 0),
            (hole(&"x".repeat(39), "aws_iam_role.jobs.name suffix"), 1),
            (json!({"$unknown": "var.name"}), 0),
        ] {
            let mut estate = estate(json!({"iam": {"roles": [{"RoleName": name}]}}));
            estate.declared.insert("/iam/roles".into(), [0].into());
            assert_eq!(long_names(&estate).len(), found, "{name}");
        }
    }

    #[test]
    fn clusters_in_a_vpc() {
        let estate = estate(json!({
            "ec2": {"subnets": [{"SubnetId": "a", "VpcId": "v"}, {"SubnetId": "b", "VpcId": "w"}]},
            "eks": {"clusters": [{"name": "c", "resourcesVpcConfig": {"subnetIds": ["a", {"$unknown": "x"}]}}]},
            "jobRequests": [{"kind": "run-job-flow", "request": {"Name": "d", "Instances": {"Ec2SubnetId": "b"}}}],
        }));
        for (vpc, found) in [("v", vec!["c"]), ("w", vec!["d"]), ("x", vec![])] {
            assert_eq!(hosts(&estate, &json!({"VpcId": vpc})), found);
        }
    }

    #[test]
    fn jobs_against_the_groups_of_the_change() {
        let at = "/eks/nodegroups/0";
        let of = |instance: Value, cores: u32, more: Value| {
            let parameters = format!("--conf spark.executor.cores={cores} --conf spark.executor.memory=1g");
            let mut document = json!({
                "eks": {"clusters": [{"name": "c", "withOIDC": false}], "nodegroups": [{"clusterName": "c", "instanceTypes": [instance]}]},
                "jobRequests": [{"kind": "start-job-run", "request": {"name": "j", "jobDriver": {"sparkSubmitJobDriver": {"sparkSubmitParameters": parameters}}}}],
            });
            document.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            estate(document)
        };
        for (instance, cores, more, found) in [
            (json!("t4g.large"), 2, json!({}), 1),
            (json!("t4g.large"), 1, json!({}), 0),
            (json!("m5.2xlarge"), 2, json!({}), 0),
            (json!({"$unknown": "x"}), 2, json!({}), 0),
            (json!("t4g.large"), 2, json!({"kubernetes": [{"nodePools": [{}]}]}), 0),
        ] {
            let estate = of(instance.clone(), cores, more);
            let group = &estate.items("eks.nodegroups")[0];
            assert_eq!(too_small_for(&estate, group, at).len(), found, "{instance} {cores}");
            assert_eq!(without_provider(&estate, &estate.items("eks.clusters")[0], "").len(), 1);
        }
        let with = of(json!("m5.large"), 1, json!({"iam": {"openIDConnectProviders": [{}]}}));
        assert!(without_provider(&with, &with.items("eks.clusters")[0], "").is_empty());
    }

    #[test]
    fn accounts_and_profiles() {
        let binding = |role: &str, account: &str| {
            json!({"metadata": {"name": "b"}, "roleRef": {"kind": "ClusterRole", "name": role},
                "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": "team"}]})
        };
        let at = "/kubernetes/0/clusterRoleBindings/0";
        let rule = json!([{"resources": ["pods"], "verbs": ["create"]}]);
        let estate = estate(json!({
            "kubernetes": [{"clusterRoles": [{"metadata": {"name": "spark-role"}, "rules": rule}, {"metadata": {"name": "reader"}, "rules": []}]}],
            "jobRequests": [{"kind": "start-job-run", "request": {"jobDriver": {"sparkSubmitJobDriver":
                {"sparkSubmitParameters": "--conf spark.kubernetes.driver.label.env=dev"}}}}],
        }));
        for (role, account, found) in [
            ("spark-role", "team-a", 1),
            ("edit", "spark", 1),
            ("edit", "team-a", 0),
            ("reader", "spark", 0),
            ("spark-role", "spark-operator", 0),
            ("view", "spark", 0),
        ] {
            assert_eq!(accounts_everywhere(&estate, &binding(role, account), at).len(), found, "{role} {account}");
        }
        let profile = json!({"fargateProfileName": "emr", "selectors": [{"namespace": "x", "labels": {"env": "dev", "checks": "passed"}}]});
        assert_eq!(names(unmet_labels(&estate, &profile, "")), ["checks=passed"]);
        let own = json!({"fargateProfileName": "emr", "selectors": [{"namespace": "x", "labels": {"spark-role": "executor"}}]});
        assert!(unmet_labels(&estate, &own, "").is_empty());
        let other = json!({"fargateProfileName": "dns", "selectors": [{"namespace": "kube-system", "labels": {"k8s-app": "kube-dns"}}]});
        assert!(unmet_labels(&estate, &other, "").is_empty());
    }
}
