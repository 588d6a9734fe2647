//! A change against what it is laid over: the findings that it brings, leaves and mends.
//!
//! Findings are the same by their fingerprints. A failure that the change brings by taking something away says what: it
//! is looked for by putting back, one after the other, what the change destroys, and asking again.
//!
//! Deliberately absent: what else a change does. `diff` tells that.

use crate::check::check;
use crate::estate::{Estate, Gone};
use crate::link::{Linked, link};
use crate::read;
use crate::report::{Change, Finding, Mended, Outcome, Place, Report};
use crate::rule::Rule;
use crate::settle::settle;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// How many destroyed things are put back one by one; of more, all at once.
const ONE_BY_ONE: usize = 12;
/// How many destroyed things a finding names.
const NAMED: usize = 3;

/// Says of each failure whether the change brings it, and which it mends. `after` is the estate as it was read, before
/// it was linked; it is only needed where the change destroys something.
pub fn compare(report: &mut Report<'_>, before: &Linked, after: Option<Estate>, rules: &[Rule]) {
    let judgements = check(rules, before);
    let old = settle(rules, &judgements, before);
    let of = |outcome: Outcome, report: &Report<'_>| -> BTreeSet<String> {
        let all = report.findings.iter().filter(|finding| finding.outcome == outcome);
        all.map(|finding| finding.fingerprint.clone()).collect()
    };
    let (was, open) = (of(Outcome::Fail, &old), of(Outcome::Unknown, report));
    let now = of(Outcome::Fail, report);
    let mended = old.findings.iter().filter(|finding| {
        finding.outcome == Outcome::Fail && !now.contains(&finding.fingerprint) && !open.contains(&finding.fingerprint)
    });
    let mended: BTreeMap<&str, Mended> =
        mended.map(|finding| (finding.fingerprint.as_str(), of_finding(finding))).collect();
    let mut mended: Vec<Mended> = mended.into_values().collect();
    mended.sort_by(|one, other| {
        (other.severity, &one.rule, &one.message).cmp(&(one.severity, &other.rule, &other.message))
    });
    report.mended = Some(mended);
    for finding in report.findings.iter_mut().filter(|finding| finding.outcome == Outcome::Fail) {
        let before = was.contains(&finding.fingerprint);
        finding.change = Some(if before { Change::Leaves } else { Change::Brings });
    }
    if let Some(after) = after {
        follow(report, &after, rules);
    }
}

fn of_finding(finding: &Finding<'_>) -> Mended {
    Mended {
        rule: finding.rule.id.clone(),
        severity: finding.severity,
        rollout: finding.rollout.clone(),
        message: finding.message.clone(),
        fingerprint: finding.fingerprint.clone(),
    }
}

/// Adds to each finding that the change brings what it destroys and would have to be there.
fn follow(report: &mut Report<'_>, after: &Estate, rules: &[Rule]) {
    let brought: BTreeSet<&str> = report
        .findings
        .iter()
        .filter(|finding| finding.change == Some(Change::Brings))
        .map(|finding| finding.rule.id.as_str())
        .collect();
    if brought.is_empty() || after.gone.is_empty() {
        return;
    }
    let asked: Vec<Rule> = rules.iter().filter(|rule| brought.contains(rule.id.as_str())).cloned().collect();
    let failing = |gone: &[&Gone]| -> BTreeSet<String> {
        let mut estate = after.clone();
        gone.iter().for_each(|gone| put_back(&mut estate.document, gone));
        let linked = link(estate);
        let judgements = check(&asked, &linked);
        let settled = settle(&asked, &judgements, &linked);
        let failed = settled.findings.iter().filter(|finding| finding.outcome == Outcome::Fail);
        failed.map(|finding| finding.fingerprint.clone()).collect()
    };
    let gone: Vec<&Gone> = after.gone.iter().collect();
    let mut groups: Vec<Vec<&Gone>> = Vec::new();
    if gone.len() <= ONE_BY_ONE {
        groups.extend(gone.iter().map(|one| vec![*one]));
    }
    // Some need more than one of them.
    groups.push(gone);
    let mut explained: BTreeSet<String> = BTreeSet::new();
    let mut places: Vec<(usize, Place)> = Vec::new();
    for group in groups {
        let still = failing(&group);
        for (at, finding) in report.findings.iter().enumerate() {
            if finding.change != Some(Change::Brings) || still.contains(&finding.fingerprint) {
                continue;
            }
            if !explained.insert(finding.fingerprint.clone()) {
                continue;
            }
            places.extend(group.iter().take(NAMED).map(|gone| (at, place_of(gone, after))));
        }
    }
    let wanted: Vec<(usize, String)> =
        places.iter().map(|(_, place)| place.source.clone().unwrap_or((usize::MAX, String::new()))).collect();
    let spans = read::locate(&after.sources, &wanted);
    for ((at, mut place), span) in places.into_iter().zip(spans) {
        place.span = span;
        if let Some(finding) = report.findings.get_mut(at) {
            finding.places.push(place);
        }
    }
}

fn put_back(document: &mut Value, gone: &Gone) {
    if let Some(Value::Array(list)) = document.pointer_mut(&gone.list) {
        list.push(gone.item.clone());
    }
}

fn place_of(gone: &Gone, after: &Estate) -> Place {
    let does = if gone.replaced { "makes anew" } else { "destroys" };
    let path = gone.place.as_ref().and_then(|(source, _)| after.sources.get(*source)).map(|source| source.path.clone());
    Place {
        pointer: gone.list.clone(),
        source: gone.place.clone(),
        path,
        span: None,
        arn: ["Arn", "arn"].iter().find_map(|key| gone.item[*key].as_str()).map(str::to_owned),
        note: format!("the change {does} `{}`", gone.address),
    }
}
