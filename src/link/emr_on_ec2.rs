//! Rollouts of EMR on EC2: a cluster that will be asked for or that runs, its two roles, its network, its launcher.
//!
//! Both are shown in the form of the request: `RunJobFlow` names everything, and a described cluster is put
//! into the same names.

use super::access::needs;
use super::containers::instances;
use super::job::jobs;
use super::network::{Tenants, ids};
use super::reference::{Found, Index, Wanted, lookup};
use super::release::{release, set_release};
use super::role::{quotas, submitter};
use super::{Draft, draft_alias};
use crate::arn::{Arn, last_segment, role_name};
use crate::estate::Estate;
use crate::known::{Told, Unknown};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The tag by which the managed service policy tells what it may use.
const TAG: &str = "for-use-with-amazon-emr-managed-policies";

/// The states of a cluster that is there.
const ALIVE: [&str; 4] = ["STARTING", "BOOTSTRAPPING", "RUNNING", "WAITING"];

/// Links one declared or inferred rollout.
pub(super) fn link(estate: &Estate, index: &Index, declaration: &Value, pointer: &str, draft: &mut Draft) {
    home(estate, declaration, pointer, draft);
    jobs(estate, declaration, &["run-job-flow"], draft);
    super::settings::of_jobs(draft);
    request(estate, declaration, draft);
    service_role(estate, index, declaration, pointer, draft);
    instance_profile(estate, index, declaration, pointer, draft);
    submitter(estate, index, declaration, pointer, draft);
    network(estate, draft);
    subnets(estate, draft);
    policies(estate, index, draft);
    instances(estate, declaration, draft);
    needs(estate, draft);
    quotas(estate, index, draft);
    let label = draft.object.get("request").and_then(|request| request["ReleaseLabel"].told()).map(str::to_owned);
    match label.filter(|_| declaration["release-label"].is_null()) {
        Some(label) => {
            let at = draft_alias(draft, "/request", "/ReleaseLabel");
            set_release(estate, label, at, draft);
        }
        None => release(estate, declaration, pointer, draft),
    }
    let name = draft.object.get("request").and_then(|request| request["Name"].told());
    let name = name.or(draft.text("instanceProfileName")).unwrap_or("?").to_owned();
    draft.set("name", name);
}

/// A rollout for each cluster that is there, or else for each request that is given.
pub(super) fn inferred(estate: &Estate) -> Vec<(Value, String)> {
    let clusters = estate.items("emr.clusters").iter().enumerate();
    let alive = clusters.filter(|(_, cluster)| {
        cluster["Status"]["State"].told().is_some_and(|state| ALIVE.contains(&state))
            && cluster["ClusterArn"].told().is_some()
    });
    let mut rollouts: Vec<(Value, String)> = alive
        .map(|(at, cluster)| {
            let declaration = json!({"system": "emr-on-ec2", "cluster": cluster["ClusterArn"]});
            (declaration, format!("/emr/clusters/{at}"))
        })
        .collect();
    if rollouts.is_empty() {
        let requests = estate.items("jobRequests").iter().enumerate();
        rollouts.extend(requests.filter(|(_, request)| request["kind"] == "run-job-flow").map(|(at, request)| {
            let declaration = json!({"system": "emr-on-ec2", "jobs": [request["path"]]});
            (declaration, format!("/jobRequests/{at}"))
        }));
    }
    rollouts
}

/// Account, region and partition: as declared, as an ARN of the declaration says, else the caller's.
fn home(estate: &Estate, declaration: &Value, pointer: &str, draft: &mut Draft) {
    let arns = ["cluster", "service-role", "submitter", "instance-profile"];
    let arns: Vec<(&str, Arn<'_>)> =
        arns.iter().filter_map(|key| Some((*key, declaration[*key].told().and_then(Arn::parse)?))).collect();
    let caller = estate.document["sts"]["callerIdentity"]["Account"].told();
    let first = |field: fn(&Arn<'_>) -> String| {
        arns.iter()
            .find_map(|(key, arn)| Some((field(arn), format!("{pointer}/{key}"))).filter(|(it, _)| !it.is_empty()))
    };
    let declared = |key: &str| declaration[key].told().map(|it| (it.to_owned(), format!("{pointer}/{key}")));
    let account = declared("account")
        .or_else(|| first(|arn| arn.account.to_owned()))
        .or_else(|| caller.map(|account| (account.to_owned(), "/sts/callerIdentity/Account".to_owned())));
    let region = declared("region").or_else(|| first(|arn| arn.region.to_owned()));
    // Code that names no account is for the one in which it will be applied.
    let hole = |name: &str| (!estate.declared.is_empty()).then(|| (format!("${{{name}}}"), pointer.to_owned()));
    let (account, region) = (account.or_else(|| hole("account")), region.or_else(|| hole("region")));
    let partition = match region.as_ref().map(|(region, _)| region.as_str()) {
        Some(region) if region.starts_with("cn-") => "aws-cn",
        Some(region) if region.starts_with("us-gov-") => "aws-us-gov",
        Some(_) => "aws",
        None => arns.first().map_or("aws", |(_, arn)| arn.partition),
    };
    draft.set("partition", partition);
    for (name, value) in [("account", account), ("region", region)] {
        match value {
            Some((value, at)) => draft.set_at(name, value, at),
            None => {
                let unblock = Some(format!("set `{name}` in `sparkcheck.toml`"));
                draft.set(name, Unknown { why: format!("nothing names the {name}"), unblock }.to_value());
            }
        }
    }
}

/// What the cluster will be, or is, in the names of the request.
fn request(estate: &Estate, declaration: &Value, draft: &mut Draft) {
    if let Some(cluster) = declaration["cluster"].told() {
        let found = estate
            .items("emr.clusters")
            .iter()
            .position(|item| ["ClusterArn", "Id", "Name"].iter().any(|key| item[*key].is(cluster)));
        if let Some((at, item)) = found.and_then(|at| Some((at, estate.items("emr.clusters").get(at)?))) {
            draft.set_at("cluster", item.clone(), format!("/emr/clusters/{at}"));
            as_request(item, &format!("/emr/clusters/{at}"), draft);
            return;
        }
    }
    let first = draft.object.get("jobs").and_then(|jobs| jobs.get(0)).map(|job| job["request"].clone());
    match first.filter(|request| !request.is_null()) {
        Some(request) => {
            let at = draft_alias(draft, "/jobs/0", "/request");
            draft.set_at("request", request, at);
        }
        None => {
            let unblock = Some("add the request to `jobs` in `sparkcheck.toml`, or describe the cluster".into());
            draft.set(
                "request",
                Unknown { why: "nothing says which cluster will be asked for".into(), unblock }.to_value(),
            );
        }
    }
}

fn as_request(cluster: &Value, at: &str, draft: &mut Draft) {
    let attributes = &cluster["Ec2InstanceAttributes"];
    if attributes.is_null() {
        let id = cluster["Id"].told().unwrap_or("ID");
        let unblock = Some(format!("run `aws emr describe-cluster --cluster-id {id}`"));
        let unknown = Unknown { why: format!("cluster `{id}` was not described"), unblock };
        draft.set("request", unknown.to_value());
        return;
    }
    let mut request = json!({"Instances": {}});
    let fields = ["Name", "ReleaseLabel", "LogUri", "ServiceRole", "Tags", "Applications", "Configurations"];
    for field in fields.into_iter().chain(["AutoTerminationPolicy", "SecurityConfiguration", "BootstrapActions"]) {
        if !cluster[field].is_null() {
            request[field] = cluster[field].clone();
            draft.aliases.push((format!("/request/{field}"), format!("{at}/{field}")));
        }
    }
    if let Some(profile) = attributes["IamInstanceProfile"].told() {
        request["JobFlowRole"] = profile.into();
        let target = format!("{at}/Ec2InstanceAttributes/IamInstanceProfile");
        draft.aliases.push(("/request/JobFlowRole".into(), target));
    }
    let instances = ["Ec2SubnetId", "EmrManagedMasterSecurityGroup", "EmrManagedSlaveSecurityGroup"];
    for field in instances.into_iter().chain(["ServiceAccessSecurityGroup"]).chain(MORE_GROUPS) {
        if !attributes[field].is_null() {
            request["Instances"][field] = attributes[field].clone();
            draft.aliases.push((format!("/request/Instances/{field}"), format!("{at}/Ec2InstanceAttributes/{field}")));
        }
    }
    // Where the code refers to groups, which themselves stand elsewhere.
    draft.set_at("namesInstances", true, format!("{at}/Ec2InstanceAttributes"));
    instances_of(cluster, at, &mut request["Instances"], draft);
    draft.set_at("request", request, at);
}

/// The instance groups or fleets of a described cluster, and how it ends, in the names of the request.
fn instances_of(cluster: &Value, at: &str, instances: &mut Value, draft: &mut Draft) {
    for (list, names) in [
        ("InstanceGroups", [("InstanceGroupType", "InstanceRole"), ("RequestedInstanceCount", "InstanceCount")]),
        ("InstanceFleets", [("InstanceTypeSpecifications", "InstanceTypeConfigs"), ("", "")]),
    ] {
        let Some(described) = cluster[list].as_array() else { continue };
        let mut asked = Vec::new();
        for (number, item) in described.iter().enumerate() {
            let mut item = item.clone();
            for (from, to) in names.iter().filter(|(from, _)| !from.is_empty()) {
                let Some(value) = item.as_object_mut().and_then(|item| item.remove(*from)) else { continue };
                item[*to] = value;
                let inside = format!("/request/Instances/{list}/{number}");
                draft.aliases.push((format!("{inside}/{to}"), format!("{at}/{list}/{number}/{from}")));
            }
            draft.aliases.push((format!("/request/Instances/{list}/{number}"), format!("{at}/{list}/{number}")));
            asked.push(item);
        }
        instances[list] = asked.into();
    }
    if let Some(ends) = cluster["AutoTerminate"].as_bool() {
        instances["KeepJobFlowAliveWhenNoSteps"] = (!ends).into();
        let inside = "/request/Instances/KeepJobFlowAliveWhenNoSteps";
        draft.aliases.push((inside.into(), format!("{at}/AutoTerminate")));
    }
}

/// The service role, and whether the managed service policy is attached to it.
fn service_role(estate: &Estate, index: &Index, declaration: &Value, pointer: &str, draft: &mut Draft) {
    let from_request = draft.object.get("request").and_then(|request| request["ServiceRole"].told());
    let declared = declaration["service-role"].told().map(|it| (it.to_owned(), format!("{pointer}/service-role")));
    let from_request = from_request.map(|it| (it.to_owned(), draft_alias(draft, "/request", "/ServiceRole")));
    let Some((text, at)) = declared.or(from_request) else {
        let unblock = Some("set `service-role` in `sparkcheck.toml`".into());
        let unknown = Unknown { why: "nothing names the service role".into(), unblock }.to_value();
        for name in ["serviceRole", "serviceRoleArn", "usesServicePolicyV2"] {
            draft.set(name, unknown.clone());
        }
        return;
    };
    let found = role(estate, index, &text, draft);
    let name = role_name(&text).unwrap_or(&text).to_owned();
    let arn = found.value().and_then(|role| role["Arn"].told()).map_or_else(|| arn_of(&text, draft), str::to_owned);
    let v2 = match &found {
        Found::At(role, _) => match role["AttachedManagedPolicies"].as_array() {
            Some(attached) => Value::Bool(attached.iter().any(|policy| {
                policy["PolicyArn"]
                    .told()
                    .is_some_and(|arn| arn.ends_with(":policy/service-role/AmazonEMRServicePolicy_v2"))
            })),
            None => {
                let unblock = Some(format!("run `aws iam list-attached-role-policies --role-name {name}`"));
                Unknown { why: format!("the policies of `{name}` were not collected"), unblock }.to_value()
            }
        },
        Found::Nothing => Value::Bool(false),
        Found::Unknown(unknown) => unknown.to_value(),
    };
    draft.set("usesServicePolicyV2", v2);
    draft.set_at("serviceRoleName", name, at.clone());
    draft.set_at("serviceRoleArn", arn, at);
    draft.set_found("serviceRole", found);
}

/// A role by its ARN, or by its name in the rollout's account.
fn role<'e>(estate: &'e Estate, index: &Index, text: &str, draft: &Draft) -> Found<'e> {
    if Arn::parse(text).is_some() {
        return index.principal(estate, text);
    }
    match draft.text("account") {
        Some(account) => index.role_named(estate, account, text),
        None => Found::Unknown(Unknown { why: "the account is not known".into(), unblock: None }),
    }
}

fn arn_of(text: &str, draft: &Draft) -> String {
    if Arn::parse(text).is_some() {
        return text.to_owned();
    }
    let part = |name: &str| draft.text(name).unwrap_or("?").to_owned();
    format!("arn:{}:iam::{}:role/{text}", part("partition"), part("account"))
}

/// The instance profile, and the role in it; where there is none in it, the role of its name, which was meant.
fn instance_profile(estate: &Estate, index: &Index, declaration: &Value, pointer: &str, draft: &mut Draft) {
    let from_request = draft.object.get("request").and_then(|request| request["JobFlowRole"].told());
    let key = "instance-profile";
    let declared = declaration[key].told().map(|it| (it.to_owned(), format!("{pointer}/{key}")));
    let from_request = from_request.map(|it| (it.to_owned(), draft_alias(draft, "/request", "/JobFlowRole")));
    let Some((text, at)) = declared.or(from_request) else {
        let unblock = Some("set `instance-profile` in `sparkcheck.toml`".into());
        let unknown = Unknown { why: "nothing names the instance profile".into(), unblock }.to_value();
        for name in ["instanceProfile", "instanceProfileName", "instanceRole"] {
            draft.set(name, unknown.clone());
        }
        return;
    };
    let name = Arn::parse(&text).map_or(text.as_str(), |arn| last_segment(arn.resource)).to_owned();
    let account = draft.text("account").unwrap_or_default().to_owned();
    let wanted = Wanted { collection: "iam.instanceProfiles", scope: &account, namespace: None };
    let found = lookup(estate, wanted, |profile| {
        profile["InstanceProfileName"].is(&name)
            && profile["Arn"].told().and_then(Arn::parse).is_none_or(|arn| arn.account == account)
    });
    let inside = found.value().map(|profile| &profile["Roles"]);
    let role = match inside.and_then(|roles| roles.get(0)).and_then(|role| role["Arn"].told()) {
        Some(arn) => index.principal(estate, arn),
        None => index.role_named(estate, &account, &name),
    };
    let role_called = role.value().and_then(|role| role["RoleName"].told()).unwrap_or(&name).to_owned();
    draft.set("instanceRoleName", role_called);
    if let Some(arn) = role.value().and_then(|role| role["Arn"].told()) {
        draft.set("instanceRoleArn", arn);
    }
    draft.set_at("instanceProfileName", name, at);
    draft.set_found("instanceProfile", found);
    draft.set_found("instanceRole", role);
}

const MORE_GROUPS: [&str; 2] = ["AdditionalMasterSecurityGroups", "AdditionalSlaveSecurityGroups"];

/// Subnets and security groups, whether the subnets are public, and what the groups open to everybody.
fn network(estate: &Estate, draft: &mut Draft) {
    let Some(instances) = draft.object.get("request").map(|request| request["Instances"].clone()) else { return };
    if let Some(unknown) = draft.object.get("request").and_then(Unknown::of) {
        for name in ["subnets", "securityGroups", "untaggedSecurityGroups", "publicSubnet", "publicRules"] {
            draft.set(name, if name.starts_with("public") { unknown.to_value() } else { json!([unknown.to_value()]) });
        }
        return;
    }
    let part = |name: &str| draft.text(name).unwrap_or_default().to_owned();
    let scope = format!("{}/{}", part("account"), part("region"));
    let texts = |field: &str| match &instances[field] {
        Value::Array(list) => list.iter().filter_map(Told::told).map(str::to_owned).collect(),
        one => one.told().map(str::to_owned).into_iter().collect::<Vec<_>>(),
    };
    let collect = |fields: &[&str], collection: &'static str, key: &str| {
        let ids: BTreeSet<String> = fields.iter().flat_map(|field| texts(field)).collect();
        let find = |id: String| {
            let wanted = Wanted { collection, scope: &scope, namespace: None };
            let found = lookup(estate, wanted, |item| item[key].is(&id));
            (id, found)
        };
        ids.into_iter().map(find).collect::<Vec<_>>()
    };
    let subnets = collect(&["Ec2SubnetId", "Ec2SubnetIds"], "ec2.subnets", "SubnetId");
    let managed = ["EmrManagedMasterSecurityGroup", "EmrManagedSlaveSecurityGroup", "ServiceAccessSecurityGroup"];
    let groups: Vec<&str> = managed.into_iter().chain(MORE_GROUPS).collect();
    let groups = collect(&groups, "ec2.securityGroups", "GroupId");
    let untagged: Vec<Value> = groups
        .iter()
        .filter_map(|(id, found)| match found {
            Found::At(group, _) => (!is_tagged(group)).then(|| id.as_str().into()),
            Found::Nothing => None,
            Found::Unknown(unknown) => Some(unknown.to_value()),
        })
        .collect();
    let (public_rules, ranges) = public_rules(estate, &groups);
    draft.aliases.extend(ranges);
    for (id, found) in &groups {
        let Found::At(_, at) = found else { continue };
        let own = |item: &Value| item.is(id) || item["group"].is(id);
        for (name, list) in [("untaggedSecurityGroups", &untagged), ("publicRules", &public_rules)] {
            let places = list.iter().enumerate().filter(|(_, item)| own(item));
            draft.aliases.extend(places.map(|(number, _)| (format!("/{name}/{number}"), format!("{at}/GroupId"))));
        }
    }
    draft.set("untaggedSecurityGroups", untagged);
    draft.set("publicSubnet", is_public(estate, &subnets));
    draft.set("publicRules", public_rules);
    let block = &estate.document["emr"]["blockPublicAccess"];
    let on = &block["BlockPublicAccessConfiguration"]["BlockPublicSecurityGroupRules"];
    if on.is_null() {
        let unblock = Some("run `aws emr get-block-public-access-configuration`".into());
        let why = "whether EMR blocks public access was not asked".into();
        draft.set("blocksPublicAccess", Unknown { why, unblock }.to_value());
    } else {
        let at = "/emr/blockPublicAccess/BlockPublicAccessConfiguration/BlockPublicSecurityGroupRules";
        draft.set_at("blocksPublicAccess", on.clone(), at);
    }
    for (name, list) in [("subnets", subnets), ("securityGroups", groups)] {
        let mut items = Vec::new();
        for (_, found) in list {
            match found {
                Found::At(value, at) => {
                    draft.aliases.push((format!("/{name}/{}", items.len()), at));
                    items.push(value.clone());
                }
                Found::Nothing => {}
                Found::Unknown(unknown) => items.push(unknown.to_value()),
            }
        }
        draft.set(name, items);
    }
}

/// What can be reached from the subnets of the request. Of several, EMR chooses one, so all of them count.
fn subnets(estate: &Estate, draft: &mut Draft) {
    let mut all = ids(draft, "request", "/Instances/Ec2SubnetIds");
    let one = draft.object.get("request").and_then(|request| request["Instances"]["Ec2SubnetId"].as_str());
    all.extend(one.map(|id| (id.to_owned(), draft_alias(draft, "/request", "/Instances/Ec2SubnetId"))));
    super::network::network(estate, all, Tenants::Cluster, draft);
}

fn is_tagged(item: &Value) -> bool {
    let mut tags = item["Tags"].as_array().into_iter().flatten();
    tags.any(|tag| tag["Key"] == TAG && tag["Value"] == "true")
}

/// Whether instances will be in a public subnet: one whose routes lead to an internet gateway. Where the
/// route tables are not there, a subnet that gives out public addresses was meant to be one.
fn is_public(estate: &Estate, subnets: &[(String, Found<'_>)]) -> Value {
    let unblock = Some("run `aws ec2 describe-route-tables`".to_owned());
    let unknown = Unknown { why: "it is not known whether the subnet is public".into(), unblock };
    let tables = estate.items("ec2.routeTables");
    let leads_out = |table: &Value| {
        table["Routes"].as_array().into_iter().flatten().any(|route| {
            let gateway = route["GatewayId"].told().is_some_and(|id| id.starts_with("igw-"));
            gateway && (route["DestinationCidrBlock"] == "0.0.0.0/0" || route["DestinationIpv6CidrBlock"] == "::/0")
        })
    };
    let of_subnet = |subnet: &Value| {
        let associated = |table: &&Value, is: &dyn Fn(&Value) -> bool| {
            table["Associations"].as_array().into_iter().flatten().any(is)
        };
        let own = tables.iter().find(|table| associated(table, &|it| it["SubnetId"] == subnet["SubnetId"]));
        let main = || {
            tables.iter().find(|table| table["VpcId"] == subnet["VpcId"] && associated(table, &|it| it["Main"] == true))
        };
        match own.or_else(main) {
            Some(table) => Some(leads_out(table)),
            None => (subnet["MapPublicIpOnLaunch"] == true).then_some(true),
        }
    };
    let all: Option<BTreeSet<bool>> = subnets.iter().map(|(_, found)| found.value().and_then(of_subnet)).collect();
    match all.map(|all| all.into_iter().collect::<Vec<_>>()).as_deref() {
        Some([only]) => (*only).into(),
        _ => unknown.to_value(),
    }
}

/// The inbound rules that let everybody in on other ports than those that the account permits.
fn public_rules(estate: &Estate, groups: &[(String, Found<'_>)]) -> (Vec<Value>, Vec<(String, String)>) {
    let permitted = &estate.document["emr"]["blockPublicAccess"]["BlockPublicAccessConfiguration"];
    let permitted = permitted["PermittedPublicSecurityGroupRuleRanges"].as_array();
    let is_permitted = |from: i64, to: i64| {
        permitted.into_iter().flatten().any(|range| {
            let least = range["MinRange"].as_i64().unwrap_or(i64::MAX);
            least <= from && to <= range["MaxRange"].as_i64().unwrap_or(least)
        })
    };
    let (mut rules, mut aliases) = (Vec::new(), Vec::new());
    for (id, found) in groups {
        let (group, at) = match found {
            Found::At(group, at) => (group, at),
            Found::Nothing => continue,
            Found::Unknown(unknown) => {
                rules.push(unknown.to_value());
                continue;
            }
        };
        for (number, rule) in group["IpPermissions"].as_array().into_iter().flatten().enumerate() {
            let open = |list: &str, field: &str, all: &'static str| {
                let place = rule[list].as_array()?.iter().position(|range| range[field] == all)?;
                Some((all, format!("{at}/IpPermissions/{number}/{list}/{place}/{field}")))
            };
            let open = open("IpRanges", "CidrIp", "0.0.0.0/0").or_else(|| open("Ipv6Ranges", "CidrIpv6", "::/0"));
            let Some((range, place)) = open else { continue };
            let (from, to) = (rule["FromPort"].as_i64().unwrap_or(0), rule["ToPort"].as_i64().unwrap_or(65535));
            if !is_permitted(from, to) {
                let ports = if from == to { format!("port {from}") } else { format!("ports {from} to {to}") };
                aliases.push((format!("/publicRules/{}/range", rules.len()), place));
                rules.push(json!({"group": id, "ports": ports, "range": range}));
            }
        }
    }
    (rules, aliases)
}

/// The policies that the account wrote for the two roles.
fn policies(estate: &Estate, index: &Index, draft: &mut Draft) {
    let mut list: Vec<Value> = Vec::new();
    let mut seen = BTreeSet::new();
    for holder in ["serviceRole", "instanceRole"] {
        let Some(role) = draft.object.get(holder).cloned() else { continue };
        if let Some(unknown) = Unknown::of(&role) {
            list.push(unknown.to_value());
            continue;
        }
        let name = role["RoleName"].told().unwrap_or("?");
        let at = draft_alias(draft, &format!("/{holder}"), "");
        for (number, inline) in role["RolePolicyList"].as_array().into_iter().flatten().enumerate() {
            let place = format!("{at}/RolePolicyList/{number}/PolicyDocument");
            draft.aliases.push((format!("/policies/{}/document", list.len()), place));
            list.push(json!({"name": inline["PolicyName"], "role": name, "document": inline["PolicyDocument"]}));
        }
        for attached in role["AttachedManagedPolicies"].as_array().into_iter().flatten() {
            let Some(arn) = attached["PolicyArn"].told() else { continue };
            if Arn::parse(arn).is_none_or(|arn| arn.account == "aws") || !seen.insert(arn.to_owned()) {
                continue;
            }
            let mut item = json!({"name": attached["PolicyName"], "role": name, "arn": arn});
            let version = index.policy(estate, arn).and_then(|(policy, pointer)| {
                let versions = policy["PolicyVersionList"].as_array()?;
                let at = versions.iter().position(|version| version["IsDefaultVersion"] == true)?;
                Some((versions.get(at)?["Document"].clone(), format!("{pointer}/PolicyVersionList/{at}/Document")))
            });
            match version {
                Some((document, place)) => {
                    draft.aliases.push((format!("/policies/{}/document", list.len()), place));
                    item["document"] = document;
                }
                None => {
                    let unblock = Some("run `aws iam get-account-authorization-details`".into());
                    item["document"] =
                        Unknown { why: format!("the text of `{arn}` was not collected"), unblock }.to_value();
                }
            }
            list.push(item);
        }
    }
    draft.set("policies", list);
}
