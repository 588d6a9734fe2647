//! The requests of a pod, as the scheduler counts them.

use super::super::quantity;
use super::at;
use serde_json::Value;

/// What the scheduler counts for a pod.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::capacity) struct Requests {
    /// Thousandths of a core.
    pub(in crate::capacity) cpu_milli: u64,
    /// Bytes.
    pub(in crate::capacity) memory_bytes: u64,
    /// Some request is there but cannot be read; it counts as nothing.
    pub(in crate::capacity) unreadable: bool,
}

impl Requests {
    fn and(self, other: Self) -> Self {
        Self {
            cpu_milli: self.cpu_milli.saturating_add(other.cpu_milli),
            memory_bytes: self.memory_bytes.saturating_add(other.memory_bytes),
            unreadable: self.unreadable || other.unreadable,
        }
    }

    fn or(self, other: Self) -> Self {
        Self {
            cpu_milli: self.cpu_milli.max(other.cpu_milli),
            memory_bytes: self.memory_bytes.max(other.memory_bytes),
            unreadable: self.unreadable || other.unreadable,
        }
    }
}

/// The requests of a pod: the larger of its containers together and of its init containers one by one, where
/// sidecars (init containers that restart) stay beside all that come after; plus overhead. `instead` puts other
/// numbers (CPU in thousandths, memory in bytes) in the place of one container's, by its position.
pub(in crate::capacity) fn requests(spec: &Value, instead: Option<(usize, u64, u64)>) -> Requests {
    let list = |name: &str| spec.get(name).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let mut running = Requests::default();
    let containers = list("containers");
    for (at, container) in containers.iter().enumerate() {
        running = running.and(match instead {
            Some((other, cpu_milli, memory_bytes)) if other == at => {
                Requests { cpu_milli, memory_bytes, unreadable: false }
            }
            _ => stated(container.get("resources")),
        });
    }
    if let Some((_, cpu_milli, memory_bytes)) = instead.filter(|(at, ..)| *at >= containers.len()) {
        running = running.and(Requests { cpu_milli, memory_bytes, unreadable: false });
    }
    let mut sidecars = Requests::default();
    let mut starting = Requests::default();
    for container in list("initContainers") {
        let own = stated(container.get("resources"));
        if container.get("restartPolicy").and_then(Value::as_str) == Some("Always") {
            sidecars = sidecars.and(own);
            starting = starting.or(sidecars);
        } else {
            starting = starting.or(sidecars.and(own));
        }
    }
    let mut all = running.and(sidecars).or(starting);
    // Requests of the pod as a whole stand in place of its containers'.
    if let Some(whole) = at(spec, &["resources", "requests"]) {
        let stated = amounts(Some(whole), None);
        all.cpu_milli = if whole.get("cpu").is_some() { stated.cpu_milli } else { all.cpu_milli };
        all.memory_bytes = if whole.get("memory").is_some() { stated.memory_bytes } else { all.memory_bytes };
        all.unreadable |= stated.unreadable;
    }
    all.and(amounts(spec.get("overhead"), None))
}

/// The requests of one container; where only a limit stands, the limit is the request.
fn stated(resources: Option<&Value>) -> Requests {
    let part = |name: &str| resources.and_then(|resources| resources.get(name));
    amounts(part("requests"), part("limits"))
}

fn amounts(requests: Option<&Value>, limits: Option<&Value>) -> Requests {
    let mut unreadable = false;
    let given = |name: &str| {
        [requests, limits].into_iter().flatten().find_map(|from| from.get(name).filter(|amount| !amount.is_null()))
    };
    let mut read = |amount: Option<&Value>, parse: fn(&Value) -> Option<u64>| {
        let parsed = amount.map_or(Some(0), parse);
        unreadable |= parsed.is_none();
        parsed.unwrap_or(0)
    };
    let cpu_milli = read(given("cpu"), quantity::cpu_milli);
    let memory_bytes = read(given("memory"), quantity::bytes);
    Requests { cpu_milli, memory_bytes, unreadable }
}
