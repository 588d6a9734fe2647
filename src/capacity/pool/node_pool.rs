//! NodePools of Karpenter and of EKS Auto Mode.

use super::super::quantity;
use super::{Daemons, Maker, Pool, Shape, Values, auto_mode, is_about_types, is_of_type, rooms, taints, type_label};
use crate::facts::instances::{InstanceType, InstanceTypes};
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Labels that every node gets whatever a pool says, with values that are not chosen beforehand.
const OF_EVERY_NODE: [&str; 6] = [
    "topology.kubernetes.io/zone",
    "topology.ebs.csi.aws.com/zone",
    "failure-domain.beta.kubernetes.io/zone",
    "topology.kubernetes.io/region",
    "karpenter.sh/capacity-type",
    "topology.k8s.aws/zone-id",
];

/// A NodePool of Karpenter or EKS Auto Mode. `None` where it adds no nodes: of a fixed size, or not ready.
pub(in crate::capacity) fn of_node_pool(pool: &Value, daemons: Daemons, types: &InstanceTypes) -> Option<Pool> {
    let name = pool.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
    if pool.pointer("/spec/replicas").is_some_and(|replicas| !replicas.is_null()) {
        return None;
    }
    let conditions = pool.pointer("/status/conditions").and_then(Value::as_array).into_iter().flatten();
    if conditions.into_iter().any(|condition| condition["type"] == "Ready" && condition["status"] == "False") {
        return None;
    }
    let class = pool.pointer("/spec/template/spec/nodeClassRef");
    let maker = match class.and_then(|class| class.get("group")?.as_str()) {
        Some("eks.amazonaws.com") => Maker::AutoMode,
        Some("karpenter.k8s.aws") => Maker::Karpenter,
        _ => Maker::Unknown,
    };
    let whose = if maker == Maker::AutoMode { "EKS Auto Mode" } else { "Karpenter" };
    let name_told = format!("{whose} NodePool `{name}`");
    let mut made = Pool { name: name_told, chooses: true, exact: true, maker, ..Pool::default() };
    for (resource, limit) in pool.pointer("/spec/limits").and_then(Value::as_object).into_iter().flatten() {
        let used = pool.pointer("/status/resources").and_then(|used| used.get(resource));
        let left = |parse: fn(&Value) -> Option<u64>| {
            let used = used.map_or(Some(0), parse)?;
            Some(parse(limit)?.saturating_sub(used))
        };
        match resource.as_str() {
            "cpu" => made.cpu_left_milli = Some(left(quantity::cpu_milli)?),
            "memory" => made.memory_left_mib = Some(left(quantity::bytes)? >> 20),
            "nodes" => made.most_nodes = Some(left(quantity::bytes)?),
            _ => made.exact = false,
        }
    }
    let template = pool.pointer("/spec/template");
    let spec = template.and_then(|template| template.get("spec")).unwrap_or(&Value::Null);
    made.taints = taints(spec.get("taints"));
    for key in OF_EVERY_NODE {
        made.labels.insert(key.to_owned(), Values::Any);
    }
    for (key, value) in template
        .and_then(|template| template.pointer("/metadata/labels"))
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        match value.as_str() {
            Some(value) => drop(made.labels.insert(key.clone(), Values::In(BTreeSet::from([value.to_owned()])))),
            None => made.exact = false,
        }
    }
    let one = |value: &str| Values::In(BTreeSet::from([value.to_owned()]));
    made.labels.insert("karpenter.sh/nodepool".to_owned(), one(name));
    if maker == Maker::AutoMode {
        made.labels.insert("eks.amazonaws.com/compute-type".to_owned(), one("auto"));
        made.labels.insert("eks.amazonaws.com/nodeclass".to_owned(), Values::Any);
    } else {
        made.labels.insert("karpenter.k8s.aws/ec2nodeclass".to_owned(), Values::Any);
    }
    let requirements = spec.get("requirements").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    for requirement in requirements {
        let key = requirement["key"].as_str().unwrap_or_default();
        if let Some(least) = requirement["minValues"].as_u64() {
            made.least_values.insert(key.to_owned(), least);
        }
        if is_of_type(key) && !maker.never_sets(key) {
            continue;
        }
        match values_of(requirement) {
            Some(values) if !is_about_types(key) => drop(made.labels.insert(key.to_owned(), values)),
            _ => made.exact = false,
        }
    }
    let unreadable = requirements
        .iter()
        .any(|requirement| is_of_type(requirement["key"].as_str().unwrap_or_default()) && !is_readable(requirement));
    made.exact &= !unreadable;
    let suits = |one: &Arc<InstanceType>| {
        requirements.iter().all(|requirement| {
            let key = requirement["key"].as_str().unwrap_or_default();
            !is_of_type(key)
                || maker.never_sets(key)
                || !is_readable(requirement)
                || admits(requirement, type_label(one, key).as_deref())
        })
    };
    made.shapes = types
        .all()
        .into_iter()
        .filter(suits)
        .filter_map(|of| match maker {
            Maker::AutoMode => auto_mode::shape(of, daemons),
            Maker::Karpenter | Maker::Unknown => {
                let (sure, most) = rooms(&of, of.pods, daemons);
                Some(Shape { of, sure, most })
            }
        })
        .collect();
    Some(made)
}

fn listed(requirement: &Value) -> Option<BTreeSet<String>> {
    requirement["values"].as_array()?.iter().map(|value| value.as_str().map(str::to_owned)).collect()
}

/// What a requirement on a label that is free to choose leaves of its values.
fn values_of(requirement: &Value) -> Option<Values> {
    Some(match requirement["operator"].as_str()? {
        "In" => Values::In(listed(requirement)?),
        "NotIn" => Values::NotIn(listed(requirement)?),
        "Exists" => Values::Any,
        "DoesNotExist" => Values::Absent,
        _ => return None,
    })
}

fn is_readable(requirement: &Value) -> bool {
    match requirement["operator"].as_str() {
        Some("In" | "NotIn") => listed(requirement).is_some(),
        Some("Exists" | "DoesNotExist") => true,
        Some("Gt" | "Lt" | "Gte" | "Lte") => bound(requirement).is_some(),
        _ => false,
    }
}

fn bound(requirement: &Value) -> Option<u64> {
    requirement["values"].as_array()?.first()?.as_str()?.parse().ok()
}

/// Whether a label of a type satisfies a requirement.
fn admits(requirement: &Value, value: Option<&str>) -> bool {
    let in_list = || listed(requirement).is_some_and(|values| value.is_some_and(|value| values.contains(value)));
    let compared = |holds: fn(u64, u64) -> bool| {
        let number = value.and_then(|value| value.parse().ok());
        number.zip(bound(requirement)).is_some_and(|(number, bound)| holds(number, bound))
    };
    match requirement["operator"].as_str() {
        Some("In") => in_list(),
        Some("NotIn") => !in_list(),
        Some("Exists") => value.is_some(),
        Some("DoesNotExist") => value.is_none(),
        Some("Gt") => compared(|number, bound| number > bound),
        Some("Lt") => compared(|number, bound| number < bound),
        Some("Gte") => compared(|number, bound| number >= bound),
        Some("Lte") => compared(|number, bound| number <= bound),
        _ => false,
    }
}
