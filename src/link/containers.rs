//! What a request of EMR on EC2 asks for: vCPUs of the account's quotas, and containers that its nodes must hold.

use super::gangs::{quotas_unread, service_quotas};
use super::{Draft, draft_alias};
use crate::capacity::emr_on_ec2;
use crate::estate::Estate;
use crate::known::{Told, Unknown};
use serde_json::Value;
use std::collections::BTreeMap;

/// What the request asks of EC2 against the account's quotas, and its steps' containers against its largest node.
pub(super) fn instances(estate: &Estate, declaration: &Value, draft: &mut Draft) {
    if let Some(concurrent) = declaration["concurrent"].as_u64() {
        draft.set("concurrent", concurrent);
    }
    let Some(request) = draft.object.get("request").filter(|request| Unknown::of(request).is_none()).cloned() else {
        return;
    };
    let at = draft_alias(draft, "/request", "");
    let cluster = emr_on_ec2::cluster(&request, &estate.instance_types);
    let quotas = service_quotas(estate, draft);
    let values: Vec<&Value> = quotas.iter().map(|(quota, _)| *quota).collect();
    let unread = quotas_unread(estate, draft, "ec2");
    let mut list = Vec::new();
    for (market, spot, asked) in [("On-Demand", false, &cluster.on_demand_vcpu), ("Spot", true, &cluster.spot_vcpu)] {
        // Families that share a quota share it together.
        let mut by_quota: BTreeMap<String, (Option<u64>, u64)> = BTreeMap::new();
        let mut untold = 0;
        for (family, vcpu) in asked {
            match emr_on_ec2::quota(&values, family, spot) {
                Some((name, quota)) => by_quota.entry(name).or_insert((quota, 0)).1 += vcpu,
                None => untold += vcpu,
            }
        }
        if let Some(unread) = unread.as_ref().filter(|_| untold > 0) {
            let mut entry = Draft::default();
            entry.set_at("asked", untold, format!("{at}/Instances"));
            entry.set("quota", unread.to_value());
            entry.set("quotaName", format!("the quota of {market} vCPUs"));
            entry.set("market", market);
            list.push(entry);
        }
        for (name, (quota, asked)) in by_quota {
            let mut entry = Draft::default();
            entry.set_at("asked", asked, format!("{at}/Instances"));
            let place = quotas.iter().find(|(one, _)| one["QuotaName"].is(&name)).map(|(_, place)| place.clone());
            let quota = quota.map(Value::from).unwrap_or_else(|| {
                let unblock = Some("run `aws service-quotas list-service-quotas --service-code ec2`".into());
                Unknown { why: format!("the value of `{name}` is not told"), unblock }.to_value()
            });
            entry.set_at("quota", quota, format!("{}/Value", place.unwrap_or_default()));
            entry.set("quotaName", name);
            entry.set("market", market);
            list.push(entry);
        }
    }
    draft.set_drafts("vcpuQuotas", list);
    let node = cluster.nodes.iter().max_by_key(|node| node.memory_mib);
    let mut containers = Vec::new();
    for (step, demand) in emr_on_ec2::steps(&request) {
        for pod in &demand.pods {
            let mut entry = Draft::default();
            entry.set_at("step", step.as_str(), format!("{at}/Steps"));
            entry.set("role", pod.role.to_string());
            entry.set("memoryMib", pod.memory_mib);
            entry.set("sum", pod.arithmetic.as_str());
            match node.filter(|_| cluster.unknown.is_empty()) {
                Some(node) => {
                    entry.set("nodeMib", node.memory_mib);
                    let kind = node.labels.get("node.kubernetes.io/instance-type");
                    entry.set("nodeType", kind.map_or("?", String::as_str));
                }
                None => {
                    let why = cluster.unknown.first().cloned().unwrap_or_default();
                    entry.set("nodeMib", Unknown { why, unblock: None }.to_value());
                }
            }
            containers.push(entry);
        }
    }
    draft.set_drafts("containers", containers);
}
