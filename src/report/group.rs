//! Which findings are shown together: by rollout, under the cause that explains them, by what would settle them.

use super::{Finding, Outcome, Report};
use rustc_hash::FxHashMap;

/// Which failures are shown under which: the causes, and what each explains.
pub(super) struct Families {
    /// For each finding the one under which it is shown.
    pub(super) parents: Vec<Option<usize>>,
    /// For each finding those that are shown under it.
    pub(super) explained: Vec<Vec<usize>>,
}

impl Families {
    /// A cause stands before what it explains, so a circle among causes cannot hide a finding.
    pub(super) fn of(report: &Report<'_>) -> Self {
        let mut by_fingerprint = FxHashMap::default();
        let mut parents: Vec<Option<usize>> = Vec::new();
        let mut explained = vec![Vec::new(); report.findings.len()];
        for (at, finding) in report.findings.iter().enumerate() {
            let cause = (finding.outcome == Outcome::Fail)
                .then(|| finding.explained_by.iter().find_map(|cause| by_fingerprint.get(cause.as_str()).copied()))
                .flatten();
            let root = cause.map(|cause: usize| parents.get(cause).copied().flatten().unwrap_or(cause));
            if let Some(list) = root.and_then(|root| explained.get_mut(root)) {
                list.push(at);
            }
            parents.push(root);
            if finding.outcome == Outcome::Fail {
                by_fingerprint.entry(finding.fingerprint.as_str()).or_insert(at);
            }
        }
        Self { parents, explained }
    }
}

/// The causes by rollout.
pub(super) struct Groups {
    pub(super) by_rollout: Vec<Vec<usize>>,
    pub(super) elsewhere: Vec<usize>,
}

impl Groups {
    pub(super) fn of(report: &Report<'_>, families: &Families) -> Self {
        let mut numbers: FxHashMap<(&str, _), usize> = FxHashMap::default();
        for (at, rollout) in report.rollouts.iter().enumerate() {
            numbers.entry((rollout.name.as_str(), Some(rollout.system))).or_insert(at);
            numbers.entry((rollout.name.as_str(), None)).or_insert(at);
        }
        let mut groups = Self { by_rollout: vec![Vec::new(); report.rollouts.len()], elsewhere: Vec::new() };
        for (at, finding) in report.findings.iter().enumerate() {
            let shown_elsewhere = families.parents.get(at).copied().flatten().is_some();
            if finding.outcome != Outcome::Fail || shown_elsewhere {
                continue;
            }
            let number = finding.rollout.as_deref().and_then(|name| numbers.get(&(name, finding.system)));
            match number.and_then(|number| groups.by_rollout.get_mut(*number)) {
                Some(group) => group.push(at),
                None => groups.elsewhere.push(at),
            }
        }
        groups
    }
}

/// What could not be decided, by the first thing that would help to settle it; what helps most comes first.
pub(super) fn questions<'r>(report: &'r Report<'r>) -> Vec<(&'r str, Vec<&'r Finding<'r>>)> {
    let mut groups: Vec<(&str, Vec<&Finding<'r>>)> = Vec::new();
    let mut numbers = FxHashMap::default();
    for finding in report.questions() {
        let key = finding.unblock.first().map_or("", String::as_str);
        let at = *numbers.entry(key).or_insert(groups.len());
        match groups.get_mut(at) {
            Some((_, findings)) => findings.push(finding),
            None => groups.push((key, vec![finding])),
        }
    }
    groups.sort_by_key(|(_, findings)| std::cmp::Reverse(findings.len()));
    groups
}
