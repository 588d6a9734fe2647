//! Whether a rule's examples come out as it says, and whether its fixes mend.

use crate::check::{Verdict, check};
use crate::known::Text;
use crate::link::{Linked, link};
use crate::read;
use crate::report::Outcome;
use crate::rule::{Change, Examples, Rule, Severity, Template, apply};
use crate::settle::settle;
use serde_json::Value;
use std::collections::BTreeSet;

/// What an example should come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    Pass,
    Fail,
    Unknown,
}

/// What is wrong with the proof of a rule, a line each; nothing where it holds.
///
/// `load` brings the snapshot that an example begins with. Fixes are held to all of `rules`: after
/// the patch the finding is gone, and no other has come.
pub fn problems(
    rule: &Rule,
    examples: &Examples,
    rules: &[Rule],
    today: &str,
    load: &dyn Fn(&str) -> Result<Value, String>,
) -> Vec<String> {
    let mut problems = Vec::new();
    let kinds =
        [(Expected::Pass, &examples.pass), (Expected::Fail, &examples.fail), (Expected::Unknown, &examples.unknown)];
    for (expected, list) in kinds {
        if list.is_empty() {
            problems.push(format!("`{}` has no example of {expected:?}", rule.id));
        }
        for example in list {
            let told = |what: String| format!("`{}`, {expected:?}, {}: {what}", rule.id, example.case);
            let mut document = match load(example.of.as_deref().unwrap_or(&examples.of)) {
                Ok(document) => document,
                Err(error) => {
                    problems.push(told(error));
                    continue;
                }
            };
            if let Err(error) = apply(&mut document, &example.change) {
                problems.push(told(error.to_string()));
                continue;
            }
            let got = match verdicts(rule, &document, today) {
                Ok(got) => got,
                Err(error) => {
                    problems.push(told(error));
                    continue;
                }
            };
            let is_so = match expected {
                Expected::Pass => !got.contains(&Outcome::Fail) && !got.contains(&Outcome::Unknown),
                Expected::Fail => got.contains(&Outcome::Fail),
                Expected::Unknown => got.contains(&Outcome::Unknown) && !got.contains(&Outcome::Fail),
            };
            if !is_so {
                problems.push(told(format!("it came to {got:?}")));
            } else if expected == Expected::Fail {
                problems.extend(fixes(rule, rules, &document, today).into_iter().map(told));
            }
        }
    }
    problems
}

/// What the rule says of an estate that is given as a snapshot.
fn verdicts(rule: &Rule, document: &Value, today: &str) -> Result<Vec<Outcome>, String> {
    let linked = linked(document, today)?;
    let judgements = check(std::slice::from_ref(rule), &linked);
    let outcomes = judgements.iter().filter_map(|judgement| match judgement.verdict {
        Verdict::Pass => None,
        Verdict::Fail(_) => Some(Outcome::Fail),
        Verdict::Unknown(_) => Some(Outcome::Unknown),
    });
    Ok(outcomes.collect())
}

fn linked(document: &Value, today: &str) -> Result<Linked, String> {
    let options = read::Options { today: Some(today.to_owned()), ..read::Options::default() };
    let bytes = serde_json::to_vec(document).map_err(|error| error.to_string())?;
    let estate = read::read(&[read::Input::Stdin(bytes)], &options).map_err(|error| error.to_string())?;
    Ok(link(estate))
}

/// What is wrong with the patches of the fixes, each tried on its own.
fn fixes(rule: &Rule, rules: &[Rule], document: &Value, today: &str) -> Vec<String> {
    let mut problems = Vec::new();
    let Ok(linked_before) = linked(document, today) else { return problems };
    let before = failing(rules, &linked_before);
    for fix in rule.fixes.iter().filter(|fix| !fix.patch.is_empty()) {
        let own = check(std::slice::from_ref(rule), &linked_before);
        let mut mended = document.clone();
        for judgement in &own {
            let Verdict::Fail(evidence) = &judgement.verdict else { continue };
            let changes = fix
                .patch
                .iter()
                .map(|change| filled(change, &|name: &str| judgement.subject.named(name, &evidence.facts)));
            match changes.collect::<Result<Vec<Change>, String>>() {
                Ok(changes) => {
                    if let Err(error) = apply(&mut mended, &changes) {
                        problems.push(format!("its fix cannot be made: {error}"));
                    }
                }
                Err(error) => problems.push(format!("its fix has a broken template: {error}")),
            }
        }
        match linked(&mended, today) {
            Ok(linked_after) => {
                let after = failing(rules, &linked_after);
                if after.iter().any(|(id, _)| *id == rule.id) {
                    problems.push("its fix leaves the finding".to_owned());
                }
                problems.extend(after.difference(&before).map(|(id, _)| format!("its fix brings `{id}`")));
            }
            Err(error) => problems.push(format!("its fix leaves no estate: {error}")),
        }
    }
    problems
}

/// The failures of an estate, by rule and fingerprint.
fn failing(rules: &[Rule], linked: &Linked) -> BTreeSet<(String, String)> {
    let judgements = check(rules, linked);
    let report = settle(rules, &judgements, linked);
    let failed = report.findings.iter().filter(|finding| finding.outcome == Outcome::Fail);
    failed
        .filter(|finding| finding.severity > Severity::Note)
        .map(|finding| (finding.rule.id.clone(), finding.fingerprint.clone()))
        .collect()
}

/// A change with the user's names in every text of it.
fn filled(change: &Change, names: &dyn Fn(&str) -> Option<Text>) -> Result<Change, String> {
    let text = |text: &str| Ok::<_, String>(Template::new(text)?.sentence(&|name: &str| names(name)));
    Ok(match change {
        Change::Set { set, to } => Change::Set { set: text(set)?, to: filled_value(to, &text)? },
        Change::Remove { remove } => Change::Remove { remove: text(remove)? },
        Change::Append { append, value } => {
            Change::Append { append: text(append)?, value: filled_value(value, &text)? }
        }
    })
}

fn filled_value(value: &Value, text: &impl Fn(&str) -> Result<String, String>) -> Result<Value, String> {
    Ok(match value {
        Value::String(template) => Value::String(text(template)?),
        Value::Array(items) => {
            Value::Array(items.iter().map(|item| filled_value(item, text)).collect::<Result<_, _>>()?)
        }
        Value::Object(object) => Value::Object(
            object
                .iter()
                .map(|(name, value)| Ok((text(name)?, filled_value(value, text)?)))
                .collect::<Result<_, String>>()?,
        ),
        other => other.clone(),
    })
}
