//! Verdicts → the report: places, causes, order, and one word for each rollout.
//!
//! One cause is one finding: where a rule fails and a rule that explains it fails for the same
//! rollout, the finding is shown under its cause. Fingerprints are made of names, never of positions,
//! so that they survive moved lines and reordered lists.

use crate::capacity::picture::Picture;
use crate::check::{Evidence, Judgement, Subject, Verdict};
use crate::estate::Syntax;
use crate::known::{Text, Told};
use crate::link::organization::{self, Control};
use crate::link::{Arn, Linked};
use crate::path::unescape;
use crate::report::{Assumed, Finding, Go, Outcome, Place, Remedy, Report, RolloutVerdict};
use crate::rule::{Rule, Severity, System, Template};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// Places that a finding shows at most.
const PLACES: usize = 20;

/// The report of a run. Its places have no lines yet: those are looked up in the sources, which is
/// not for this module.
#[must_use]
pub fn settle<'r>(rules: &'r [Rule], judgements: &[Judgement<'r, '_>], linked: &Linked) -> Report<'r> {
    let mut findings: Vec<(Option<usize>, Finding<'r>)> = Vec::new();
    let rollouts = linked.estate.items("rollouts");
    let mut verdicts = vec![Go::Go; rollouts.len()];
    for judgement in judgements {
        let number = judgement.subject.rollout.map(|(number, _)| number);
        // Of a rollout that is not there, what is not known is no question.
        let fragment = judgement.subject.rollout.is_some_and(|(_, rollout)| rollout["fragment"] == true)
            || ["/declared/", "/statements/", "/attachments/", "/files/"]
                .iter()
                .any(|section| judgement.subject.pointer.starts_with(section));
        if fragment && matches!(judgement.verdict, Verdict::Unknown(_)) {
            continue;
        }
        let (outcome, evidence) = match &judgement.verdict {
            Verdict::Pass => continue,
            Verdict::Fail(evidence) => (Outcome::Fail, evidence),
            Verdict::Unknown(evidence) => (Outcome::Unknown, evidence),
        };
        if judgement.rule.severity == Severity::Error
            && let Some(verdict) = number.and_then(|number| verdicts.get_mut(number))
        {
            *verdict = match (outcome, *verdict) {
                (Outcome::Fail, _) | (_, Go::NoGo) => Go::NoGo,
                (Outcome::Unknown, _) => Go::Undecided,
            };
        }
        findings.push((number, finding(judgement.rule, &judgement.subject, outcome, evidence, linked)));
    }
    explain(&mut findings);
    findings.sort_by(|(left_rollout, left), (right_rollout, right)| {
        let order = |rollout: &Option<usize>, finding: &Finding<'_>| {
            (
                rollout.unwrap_or(usize::MAX),
                finding.outcome,
                !finding.explained_by.is_empty(),
                std::cmp::Reverse(finding.severity),
            )
        };
        order(left_rollout, left)
            .cmp(&order(right_rollout, right))
            .then_with(|| left.rule.id.cmp(&right.rule.id))
            .then_with(|| left.message.cmp(&right.message))
            .then_with(|| left.fingerprint.cmp(&right.fingerprint))
    });
    // Several fragments may lead to one thing, which is told once.
    let mut told = BTreeSet::new();
    findings.retain(|(_, finding)| {
        let place = finding.places.first().map(|place| place.source.clone());
        finding.rollout.is_some() || told.insert((finding.fingerprint.clone(), finding.message.clone(), place))
    });
    // Rules that divide the ways of being short among them have one picture.
    let mut drawn: Vec<Picture> = Vec::new();
    for (_, finding) in &mut findings {
        match finding.picture.take() {
            Some(picture) if !drawn.contains(&picture) => {
                drawn.push(picture.clone());
                finding.picture = Some(picture);
            }
            _ => {}
        }
    }
    let text = |rollout: &Value, name: &str| rollout[name].told().map(str::to_owned);
    let whole = rollouts.iter().zip(verdicts).filter(|(rollout, _)| rollout["fragment"] != true);
    let rollouts = whole.filter_map(|(rollout, verdict)| {
        Some(RolloutVerdict {
            name: text(rollout, "name")?,
            system: System::named(rollout["system"].told()?)?,
            region: text(rollout, "region"),
            account: text(rollout, "account"),
            verdict,
        })
    });
    Report {
        inputs: linked.estate.sources.clone(),
        passed_over: linked.estate.passed_over.clone(),
        rollouts: rollouts.collect(),
        rules: rules.iter().collect(),
        findings: findings.into_iter().map(|(_, finding)| finding).collect(),
        gaps: linked.estate.gaps.clone(),
        assumed: assumed(linked),
        of_code: !linked.estate.declared.is_empty(),
        mended: None,
    }
}

/// What the verdicts take for granted: that control policies which nobody read deny nothing.
fn assumed(linked: &Linked) -> Vec<Assumed> {
    let whole = linked.estate.items("rollouts").iter().filter(|rollout| rollout["fragment"] != true);
    let fields = whole.flat_map(|rollout| rollout.as_object().into_iter().flat_map(|fields| fields.values()));
    let principals = fields.filter_map(|field| Arn::parse(field.get("Arn")?.told()?));
    let accounts: BTreeSet<String> =
        principals.filter(|arn| arn.service == "iam").filter_map(|arn| arn.owner()).collect();
    let of_account = |account: String| {
        let (kinds, command) = match organization::unread(&linked.estate, &account).as_slice() {
            [] => return None,
            [Control::Resource] => {
                ("resource control policy", "list-policies-for-target --filter RESOURCE_CONTROL_POLICY")
            }
            _ => ("policy", "describe-organization"),
        };
        Some(Assumed {
            what: format!("no {kinds} of an organization denies anything in account {account}"),
            scope: account,
            unblock: format!("add the output of `aws organizations {command}`"),
        })
    };
    accounts.into_iter().filter_map(of_account).collect()
}

fn finding<'r>(
    rule: &'r Rule,
    subject: &Subject<'_>,
    outcome: Outcome,
    evidence: &Evidence,
    linked: &Linked,
) -> Finding<'r> {
    let names = |name: &str| subject.named(name, &evidence.facts);
    let sentence = |template: &Template| template.sentence(&names);
    let rollout = subject.rollout.map(|(_, rollout)| rollout);
    let because = match (&rule.because, outcome) {
        (Some(because), Outcome::Fail) => sentence(because),
        _ => evidence.because.clone(),
    };
    let (message, fixes) = match outcome {
        Outcome::Fail => (sentence(&rule.message), remedies(rule, &names)),
        Outcome::Unknown => (format!("cannot tell whether {}", rule.title), Vec::new()),
    };
    Finding {
        rule,
        outcome,
        severity: rule.severity,
        system: subject.system(),
        rollout: rollout
            .filter(|rollout| rollout["fragment"] != true)
            .and_then(|rollout| rollout["name"].told())
            .map(str::to_owned),
        message,
        places: places(rule, subject, evidence, &because, linked),
        because,
        unblock: evidence.unblock.clone(),
        fixes,
        fingerprint: fingerprint(&rule.id, &stable(subject.document, &subject.pointer)),
        explained_by: Vec::new(),
        change: None,
        picture: evidence.picture.as_deref().cloned(),
    }
}

fn remedies(rule: &Rule, names: &impl Fn(&str) -> Option<Text>) -> Vec<Remedy> {
    let fixes = rule.fixes.iter();
    fixes
        .map(|fix| Remedy { say: fix.say.sentence(names), run: fix.run.as_ref().map(|run| run.command(names)) })
        .collect()
}

/// The places of a finding: those that the rule names, then those of the evidence.
fn places(rule: &Rule, subject: &Subject<'_>, evidence: &Evidence, because: &str, linked: &Linked) -> Vec<Place> {
    let mut places: Vec<Place> = Vec::new();
    let named = rule.at.iter().flat_map(|path| subject.find(path).found).map(|(_, pointer)| (pointer, String::new()));
    let spots = evidence.spots.iter().map(|spot| (spot.pointer.clone(), spot.note.clone()));
    for (pointer, note) in named.chain(spots).chain([(subject.pointer.clone(), String::new())]) {
        let place = place(pointer, note, linked);
        // The subject itself is only a place where there is no better one.
        let is_last_resort = place.pointer == linked.estate.origins.resolve(&subject.pointer) && !places.is_empty();
        if is_last_resort || places.iter().any(|known| known.pointer == place.pointer) {
            continue;
        }
        places.push(place);
        if places.len() == PLACES {
            break;
        }
    }
    if let Some(primary) = places.first_mut()
        && primary.note.is_empty()
    {
        because.clone_into(&mut primary.note);
    }
    // What is true of several places is said at the first.
    if let Some((first, others)) = places.split_first_mut() {
        others.iter_mut().filter(|place| place.note == first.note).for_each(|place| place.note.clear());
    }
    places
}

fn place(pointer: String, note: String, linked: &Linked) -> Place {
    let origins = &linked.estate.origins;
    let source = origins.find(&pointer).map(|origin| (origin.source, origin.pointer));
    let pointer = origins.resolve(&pointer);
    let from = source.as_ref().and_then(|(number, _)| linked.estate.sources.get(*number));
    let path = from.filter(|source| source.syntax != Syntax::Answer).map(|source| source.path.clone());
    Place { arn: arn_around(&linked.estate.document, &pointer), path, source, pointer, span: None, note }
}

/// The ARN of the innermost thing around a pointer that has one.
fn arn_around(document: &Value, pointer: &str) -> Option<String> {
    let mut value = document;
    let mut arn = None;
    for token in pointer.split('/').skip(1) {
        let Some(inner) = step(value, token) else { break };
        value = inner;
        let keys = [
            "Arn",
            "arn",
            "ClusterArn",
            "nodegroupArn",
            "addonArn",
            "associationArn",
            "accessEntryArn",
            "applicationArn",
        ];
        if let Some(found) = keys.iter().find_map(|key| value.get(key)?.told()) {
            arn = Some(found.to_owned());
        }
    }
    arn
}

fn step<'v>(value: &'v Value, token: &str) -> Option<&'v Value> {
    match value {
        Value::Array(items) => items.get(token.parse::<usize>().ok()?),
        _ => value.get(unescape(token)),
    }
}

/// The name of a file without its folders, which differ from machine to machine; the whole path where
/// another item has a file of the same name.
fn file_name<'p>(path: &'p str, items: &[Value]) -> &'p str {
    let last = |path: &'_ str| path.rfind('/').map_or(0, |slash| slash + 1);
    let name = path.get(last(path)..).unwrap_or(path);
    let alike = items.iter().filter_map(|item| item["path"].told());
    if alike.filter(|other| other.get(last(other)..) == Some(name)).count() > 1 { path } else { name }
}

/// A pointer with what identifies an item in place of its position.
fn stable(document: &Value, pointer: &str) -> String {
    let mut value = Some(document);
    let mut text = String::new();
    for token in pointer.split('/').skip(1) {
        let inner = value.and_then(|value| step(value, token));
        let is_item = value.is_some_and(Value::is_array);
        let identity = inner.filter(|_| is_item).and_then(|item| {
            let keys = ["Arn", "arn", "name", "id", "path", "RoleName", "PolicyName", "Sid", "principalArn", "cluster"];
            if let Some((key, found)) = keys.iter().find_map(|key| Some((*key, item[*key].told()?))) {
                let items = value.and_then(Value::as_array).filter(|_| key == "path");
                return Some(items.map_or(found, |items| file_name(found, items)).to_owned());
            }
            let metadata = &item["metadata"];
            Some(format!("{}:{}", metadata["namespace"].told().unwrap_or_default(), metadata["name"].told()?))
        });
        text.push('/');
        text.push_str(identity.as_deref().unwrap_or(token));
        value = inner;
    }
    text
}

fn fingerprint(rule: &str, subject: &str) -> String {
    let digest = Sha256::new().chain_update(rule).chain_update([0]).chain_update(subject).finalize();
    digest.iter().take(16).fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Says of each failure which failures are its cause: those of the same rollout, and for what belongs to
/// no rollout, those that stand at the same place.
fn explain(findings: &mut [(Option<usize>, Finding<'_>)]) {
    let mut failed: BTreeMap<(Option<usize>, &str), Vec<&str>> = BTreeMap::new();
    let mut shown: BTreeMap<(&str, &str), BTreeSet<&str>> = BTreeMap::new();
    for (rollout, finding) in findings.iter().filter(|(_, finding)| finding.outcome == Outcome::Fail) {
        let (rule, fingerprint) = (finding.rule.id.as_str(), finding.fingerprint.as_str());
        failed.entry((*rollout, rule)).or_default().push(fingerprint);
        for place in finding.places.iter().filter(|_| rollout.is_some()) {
            shown.entry((rule, place.pointer.as_str())).or_default().insert(fingerprint);
        }
    }
    let causes: Vec<Vec<String>> = findings
        .iter()
        .map(|(rollout, finding)| {
            let rules = finding.rule.explained_by.iter().map(String::as_str);
            let mut causes: Vec<&str> =
                rules.clone().filter_map(|rule| failed.get(&(*rollout, rule))).flatten().copied().collect();
            for place in finding.places.iter().filter(|_| rollout.is_none()) {
                let around = around(&place.pointer);
                let found = rules.clone().flat_map(|rule| around.clone().map(move |at| (rule, at)));
                causes.extend(found.filter_map(|at| shown.get(&at)).flatten());
            }
            let mut seen = BTreeSet::new();
            causes.into_iter().filter(|cause| seen.insert(*cause)).map(str::to_owned).collect()
        })
        .collect();
    for ((_, finding), causes) in findings.iter_mut().zip(causes) {
        finding.explained_by = causes;
    }
}

/// The pointer itself and those of everything that it stands in.
fn around(pointer: &str) -> impl Iterator<Item = &str> + Clone {
    let outer = pointer.rmatch_indices('/').filter_map(|(at, _)| pointer.get(..at)).filter(|outer| !outer.is_empty());
    std::iter::once(pointer).chain(outer)
}
