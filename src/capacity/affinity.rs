//! Where pods must be: node affinity, and how near to each other or how far apart they must stand.
//!
//! Only what is required counts; preferences keep no pod pending. A volume that is bound to a zone says where its pods
//! must be in the same terms as node affinity, and is read by the same code.
//!
//! Follows <https://kubernetes.io/docs/concepts/scheduling-eviction/assign-pod-node/>.
//!
//! What stands between pods is weighed where it is about pods of the same gang: apart on nodes ([`Apart`]), and apart,
//! evenly spread or together over the values of another label ([`Across`]).
//!
//! Deliberately absent: pods of other namespaces, several such terms on one pod, and the options of spread that change
//! which nodes count. Where a pod asks for one, it is told as unknown.

use crate::known::{Text, Truth};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// Labels by name.
type Labels = BTreeMap<String, String>;

/// Terms of which one must hold; of each term every requirement.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeTerms(pub Vec<Vec<Requirement>>);

/// What a label must be.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Requirement {
    /// The label.
    pub key: String,
    /// How it is compared.
    pub operator: Operator,
    /// With what.
    pub values: BTreeSet<String>,
}

/// How a label is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operator {
    /// It is one of the values.
    In,
    /// It is none of the values, or not there.
    NotIn,
    /// It is there.
    Exists,
    /// It is not there.
    DoesNotExist,
    /// It is a number above the value.
    Gt,
    /// It is a number below the value.
    Lt,
}

impl NodeTerms {
    /// Reads `nodeSelectorTerms`; `None` where they hold something that cannot be read.
    #[must_use]
    pub fn read(terms: &Value) -> Option<Self> {
        let terms = terms.as_array()?.iter().map(|term| {
            if term.get("matchFields").is_some_and(|fields| *fields != Value::Null) {
                return None;
            }
            let expressions = term.get("matchExpressions").and_then(Value::as_array)?;
            expressions.iter().map(Requirement::read).collect::<Option<Vec<_>>>()
        });
        terms.collect::<Option<Vec<_>>>().map(Self)
    }

    /// Whether a node with these labels will do. A term without requirements matches nothing.
    #[must_use]
    pub fn admit(&self, labels: &Labels) -> bool {
        self.admit_with(|requirement| requirement.holds(labels.get(&requirement.key).map(String::as_str)))
    }

    /// The same, where `holds` judges each requirement.
    pub fn admit_with(&self, holds: impl Fn(&Requirement) -> bool) -> bool {
        self.0.iter().any(|term| !term.is_empty() && term.iter().all(&holds))
    }
}

impl Requirement {
    fn read(value: &Value) -> Option<Self> {
        let operator = match value.get("operator")?.as_str()? {
            "In" => Operator::In,
            "NotIn" => Operator::NotIn,
            "Exists" => Operator::Exists,
            "DoesNotExist" => Operator::DoesNotExist,
            "Gt" => Operator::Gt,
            "Lt" => Operator::Lt,
            _ => return None,
        };
        let values = value.get("values").and_then(Value::as_array).into_iter().flatten();
        let values = values.map(whole).collect::<Option<BTreeSet<_>>>()?;
        let needs = matches!(operator, Operator::In | Operator::NotIn | Operator::Gt | Operator::Lt);
        let key = value.get("key")?.as_str()?.to_owned();
        (!needs || !values.is_empty()).then_some(Self { key, operator, values })
    }

    /// Whether a label with this value, or its absence, satisfies it.
    #[must_use]
    pub fn holds(&self, value: Option<&str>) -> bool {
        let compared = |holds: fn(i64, i64) -> bool| {
            let bound = self.values.first().and_then(|bound| bound.parse().ok());
            value.and_then(|value| value.parse().ok()).zip(bound).is_some_and(|(value, bound)| holds(value, bound))
        };
        let listed = || value.is_some_and(|value| self.values.contains(value));
        match self.operator {
            Operator::In => listed(),
            Operator::NotIn => !listed(),
            Operator::Exists => value.is_some(),
            Operator::DoesNotExist => value.is_none(),
            Operator::Gt => compared(|value, bound| value > bound),
            Operator::Lt => compared(|value, bound| value < bound),
        }
    }
}

/// A text without holes.
fn whole(value: &Value) -> Option<String> {
    let text = Text::of(value)?.to_string();
    (!text.contains("${")).then_some(text)
}

/// Which pods are meant, by their labels. Nothing at all means every pod.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PodSelector(pub Vec<Requirement>);

impl PodSelector {
    /// Reads a label selector; `None` where it cannot be read, or is not there, which means no pod.
    #[must_use]
    pub fn read(selector: &Value) -> Option<Self> {
        let selector = selector.as_object()?;
        let labels = selector.get("matchLabels").and_then(Value::as_object).into_iter().flat_map(Map::iter);
        let labels = labels.map(|(key, value)| {
            Some(Requirement { key: key.clone(), operator: Operator::In, values: BTreeSet::from([whole(value)?]) })
        });
        let expressions = selector.get("matchExpressions").and_then(Value::as_array).into_iter().flatten();
        labels.chain(expressions.map(Requirement::read)).collect::<Option<Vec<_>>>().map(Self)
    }

    /// Whether it means a pod with these labels and those that Spark, EMR and operators add.
    #[must_use]
    pub fn means(&self, labels: &Labels) -> Truth {
        Truth::all(self.0.iter().map(|requirement| match labels.get(&requirement.key) {
            None if ADDED.iter().any(|prefix| requirement.key.starts_with(prefix)) => Truth::Unknown,
            value => Truth::from(requirement.holds(value.map(String::as_str))),
        }))
    }
}

/// Beginnings of labels that are added when a job runs.
const ADDED: [&str; 6] = [
    "spark-",
    "spark.apache.org/",
    "sparkoperator.k8s.io/",
    "emr-containers.amazonaws.com/",
    "eks-subscription.amazonaws.com/",
    "batch-processing-gateway",
];

/// That pods keep away from each other on nodes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Apart {
    /// So many of them may surely be on one node, where no others that are meant are there.
    pub most_per_node: u64,
    /// Whether more may never be; else it depends on where the others are.
    pub exact: bool,
    /// From which pods they keep away, themselves among them.
    pub from: PodSelector,
}

/// How pods of a gang stand to each other over the values of a label of their nodes: its zones, most often.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Across {
    /// The label.
    pub key: String,
    /// What is asked.
    pub how: How,
    /// Which pods count.
    pub among: PodSelector,
}

/// What is asked of pods over the values of a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum How {
    /// No two of them where the value is the same.
    Apart,
    /// At no value more than this above the least of all values.
    Even(u64),
    /// Only where there is one of those that count.
    Beside,
}

/// What a pod's `affinity` and `topologySpreadConstraints` ask for, of a pod with these labels.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) nodes: Vec<NodeTerms>,
    pub(super) apart: Option<Apart>,
    pub(super) across: Option<Across>,
    /// What of it is not weighed, each with a few words.
    pub(super) open: Vec<&'static str>,
}

/// Reads what is required of places.
pub(super) fn wanted(spec: &Value, labels: &Labels) -> Wanted {
    let mut wanted = Wanted::default();
    let required = |kind: &str| {
        let value = spec.get("affinity")?.get(kind)?.get("requiredDuringSchedulingIgnoredDuringExecution")?;
        (!value.is_null()).then_some(value)
    };
    if spec.get("affinity").is_some_and(|affinity| !affinity.is_object() && !affinity.is_null()) {
        wanted.open.push("affinity");
    }
    if let Some(node) = required("nodeAffinity") {
        match node.get("nodeSelectorTerms").and_then(NodeTerms::read) {
            Some(terms) => wanted.nodes.push(terms),
            None => wanted.open.push("node affinity"),
        }
    }
    for term in required("podAffinity").and_then(Value::as_array).into_iter().flatten() {
        wanted.add(term, How::Beside, labels, "affinity to other pods");
    }
    for term in required("podAntiAffinity").and_then(Value::as_array).into_iter().flatten() {
        wanted.add(term, How::Apart, labels, "anti-affinity to other pods");
    }
    for term in spec.get("topologySpreadConstraints").and_then(Value::as_array).into_iter().flatten() {
        if term.get("whenUnsatisfiable").and_then(Value::as_str) != Some("ScheduleAnyway") {
            let skew = term.get("maxSkew").and_then(Value::as_u64).unwrap_or(1).max(1);
            wanted.add(term, How::Even(skew), labels, "topology spread");
        }
    }
    wanted
}

impl Wanted {
    fn add(&mut self, term: &Value, how: How, labels: &Labels, what: &'static str) {
        let is_absent = |name: &str, usual: &str| {
            term.get(name).is_none_or(|it| it.is_null() || *it == Value::Array(vec![]) || it == usual)
        };
        let plain = ["namespaces", "namespaceSelector", "matchLabelKeys", "mismatchLabelKeys", "minDomains"];
        let is_plain = plain.iter().all(|name| is_absent(name, ""))
            && is_absent("nodeAffinityPolicy", "Honor")
            && is_absent("nodeTaintsPolicy", "Ignore");
        let key = term.get("topologyKey").and_then(Value::as_str).filter(|key| !key.is_empty());
        let among = term.get("labelSelector").and_then(PodSelector::read);
        let (Some(key), Some(among), true) = (key, among, is_plain) else {
            self.open.push(what);
            return;
        };
        // Those that keep away, or spread, must be among those that they count.
        let counts_itself = among.means(labels) == Truth::True;
        match how {
            How::Apart | How::Even(_) if !counts_itself => self.open.push(what),
            How::Apart if key == HOST && self.apart.is_none() => {
                self.apart = Some(Apart { most_per_node: 1, exact: true, from: among });
            }
            How::Even(skew) if key == HOST && self.apart.is_none() => {
                self.apart = Some(Apart { most_per_node: skew, exact: false, from: among });
            }
            _ if self.across.is_none() && (key != HOST || how == How::Beside) => {
                self.across = Some(Across { key: key.to_owned(), how, among });
            }
            _ => self.open.push(what),
        }
    }
}

/// The label by which nodes differ.
pub(super) const HOST: &str = "kubernetes.io/hostname";

/// Pods that are there and let no others near that are meant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Repelling {
    /// The namespaces of the pods that are meant; none named means any.
    pub namespaces: Vec<String>,
    /// Which pods are kept away; `None` where it cannot be read.
    pub from: Option<PodSelector>,
    /// The label whose value the nodes share that are closed.
    pub topology_key: String,
}

impl Repelling {
    /// What a pod that is there keeps away by required anti-affinity.
    pub(super) fn of(namespace: &str, spec: &Value) -> Vec<Self> {
        let terms = ["affinity", "podAntiAffinity", "requiredDuringSchedulingIgnoredDuringExecution"];
        let terms = terms.iter().try_fold(spec, |value, name| value.get(name)).and_then(Value::as_array);
        let of = |term: &Value| {
            let any = term.get("namespaceSelector").is_some_and(|it| !it.is_null());
            let named = term.get("namespaces").and_then(Value::as_array).into_iter().flatten();
            let named: Vec<String> = named.filter_map(|name| Some(name.as_str()?.to_owned())).collect();
            let namespaces = match (any, named.is_empty()) {
                (true, _) => Vec::new(),
                (false, true) => vec![namespace.to_owned()],
                (false, false) => named,
            };
            let topology_key = term.get("topologyKey").and_then(Value::as_str).unwrap_or_default().to_owned();
            Self { namespaces, from: term.get("labelSelector").and_then(PodSelector::read), topology_key }
        };
        terms.into_iter().flatten().map(of).collect()
    }

    /// Whether it may keep away a pod of this namespace with these labels.
    pub(super) fn may_repel(&self, namespace: Option<&str>, labels: &Labels) -> bool {
        let here = self.namespaces.is_empty()
            || namespace.is_none_or(|namespace| self.namespaces.iter().any(|known| known == namespace));
        here && self.from.as_ref().is_none_or(|from| from.means(labels) != Truth::False)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn terms_admit_nodes_as_the_scheduler_does() {
        let node = labels(&[("zone", "a"), ("cpu", "8")]);
        for (terms, admitted) in [
            (json!([{"matchExpressions": [{"key": "zone", "operator": "In", "values": ["a", "b"]}]}]), true),
            (json!([{"matchExpressions": [{"key": "zone", "operator": "In", "values": ["b"]}]}]), false),
            (json!([{"matchExpressions": [{"key": "zone", "operator": "NotIn", "values": ["b"]}]}]), true),
            (json!([{"matchExpressions": [{"key": "disk", "operator": "NotIn", "values": ["b"]}]}]), true),
            (json!([{"matchExpressions": [{"key": "disk", "operator": "Exists"}]}]), false),
            (json!([{"matchExpressions": [{"key": "disk", "operator": "DoesNotExist"}]}]), true),
            (json!([{"matchExpressions": [{"key": "cpu", "operator": "Gt", "values": ["7"]}]}]), true),
            (json!([{"matchExpressions": [{"key": "cpu", "operator": "Lt", "values": ["8"]}]}]), false),
            // One of the terms, all of a term.
            (
                json!([{"matchExpressions": [{"key": "x", "operator": "Exists"}]}, {"matchExpressions": [{"key": "zone", "operator": "Exists"}]}]),
                true,
            ),
            (
                json!([{"matchExpressions": [{"key": "x", "operator": "Exists"}, {"key": "zone", "operator": "Exists"}]}]),
                false,
            ),
            (json!([]), false),
            (json!([{"matchExpressions": []}]), false),
        ] {
            assert_eq!(NodeTerms::read(&terms).unwrap().admit(&node), admitted, "{terms}");
        }
        for unreadable in [
            json!({}),
            json!([{"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n"]}]}]),
            json!([{"matchExpressions": [{"key": "a", "operator": "Like", "values": ["n"]}]}]),
            json!([{"matchExpressions": [{"key": "a", "operator": "In", "values": []}]}]),
            json!([{"matchExpressions": [{"key": "a", "operator": "In", "values": [{"$unknown": "x"}]}]}]),
        ] {
            assert_eq!(NodeTerms::read(&unreadable), None, "{unreadable}");
        }
    }

    #[test]
    fn what_is_required_of_other_pods() {
        let own = labels(&[("spark-role", "executor")]);
        let anti = |term: Value| json!({"affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}});
        let same = json!({"matchLabels": {"spark-role": "executor"}});
        let zone = "topology.kubernetes.io/zone";
        let spread = |skew: u64, more: Value| {
            let mut term = json!({"maxSkew": skew, "topologyKey": zone, "whenUnsatisfiable": "DoNotSchedule", "labelSelector": same});
            term.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            json!({"topologySpreadConstraints": [term]})
        };
        let beside = |key: &str, selector: &Value| {
            json!({"affinity": {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [
                {"topologyKey": key, "labelSelector": selector},
            ]}}})
        };
        let driver = json!({"matchLabels": {"spark-role": "driver"}});
        for (spec, expected) in [
            (anti(json!({"topologyKey": zone, "labelSelector": same})), Some(How::Apart)),
            (anti(json!({"topologyKey": zone, "labelSelector": driver})), None),
            (spread(2, json!({})), Some(How::Even(2))),
            (spread(2, json!({"nodeAffinityPolicy": "Honor", "nodeTaintsPolicy": "Ignore"})), Some(How::Even(2))),
            (spread(2, json!({"nodeTaintsPolicy": "Honor"})), None),
            (spread(2, json!({"minDomains": 3})), None),
            (spread(2, json!({"matchLabelKeys": ["spark-app-selector"]})), None),
            (beside(zone, &driver), Some(How::Beside)),
            (beside(HOST, &driver), Some(How::Beside)),
        ] {
            let found = wanted(&spec, &own);
            assert_eq!(found.across.as_ref().map(|across| across.how), expected, "{spec}");
            assert_eq!(found.open.len(), usize::from(expected.is_none()), "{spec}");
        }
        for (spec, apart, open) in [
            (json!({}), None, 0),
            (anti(json!({"topologyKey": HOST, "labelSelector": same})), Some((1, true)), 0),
            (anti(json!({"topologyKey": HOST, "labelSelector": {}})), Some((1, true)), 0),
            (anti(json!({"topologyKey": "topology.kubernetes.io/zone", "labelSelector": same})), None, 0),
            (
                anti(json!({"topologyKey": HOST, "labelSelector": {"matchLabels": {"spark-app-selector": "x"}}})),
                None,
                1,
            ),
            (anti(json!({"topologyKey": HOST, "labelSelector": {"matchLabels": {"app": "other"}}})), None, 1),
            (anti(json!({"topologyKey": HOST})), None, 1),
            (
                json!({"topologySpreadConstraints": [{"maxSkew": 2, "topologyKey": HOST, "whenUnsatisfiable": "DoNotSchedule", "labelSelector": same}]}),
                Some((2, false)),
                0,
            ),
            (
                json!({"topologySpreadConstraints": [{"maxSkew": 2, "topologyKey": HOST, "whenUnsatisfiable": "ScheduleAnyway", "labelSelector": same}]}),
                None,
                0,
            ),
            (
                json!({"affinity": {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [{}]}}}),
                None,
                0,
            ),
            (json!({"affinity": {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{}]}}}), None, 1),
            (json!({"affinity": "x"}), None, 1),
        ] {
            let wanted = wanted(&spec, &own);
            let found = wanted.apart.map(|apart| (apart.most_per_node, apart.exact));
            assert_eq!((found, wanted.open.len()), (apart, open), "{spec}");
        }
    }

    #[test]
    fn pods_that_are_there_keep_others_away() {
        let spec = |term: Value| json!({"affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}});
        let driver = labels(&[("spark-role", "driver")]);
        for (term, repelled) in [
            (json!({"topologyKey": HOST, "labelSelector": {"matchLabels": {"app": "db"}}}), false),
            (json!({"topologyKey": HOST, "labelSelector": {}}), true),
            (json!({"topologyKey": HOST, "labelSelector": {}, "namespaces": ["elsewhere"]}), false),
            (json!({"topologyKey": HOST, "labelSelector": {}, "namespaceSelector": {}}), true),
            (
                json!({"topologyKey": HOST, "labelSelector": {"matchExpressions": [{"key": "spark-app-selector", "operator": "Exists"}]}}),
                true,
            ),
            (
                json!({"topologyKey": HOST, "labelSelector": {"matchExpressions": [{"key": "a", "operator": "?"}]}}),
                true,
            ),
        ] {
            let found = Repelling::of("team", &spec(term.clone()));
            assert_eq!(found[0].may_repel(Some("team"), &driver), repelled, "{term}");
        }
    }
}
