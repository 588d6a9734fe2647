//! The rules: their form, their proof, and what each says of every fixture.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

#[path = "support/story.rs"]
mod story;

use rayon::prelude::*;
use serde_json::Value;
use sparkcheck::check::{Verdict, check};
use sparkcheck::estate::{COLLECTIONS, Collection};
use sparkcheck::proof;
use sparkcheck::read::{self, Input};
use sparkcheck::report::Outcome;
use sparkcheck::rule::{self, Rule};
use sparkcheck::{estate::Estate, examine, link::link};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::Path;
use std::sync::{Mutex, OnceLock};

fn rules() -> &'static [Rule] {
    static RULES: OnceLock<Vec<Rule>> = OnceLock::new();
    RULES.get_or_init(rule::builtin)
}

fn estate(name: &str) -> Estate {
    let options = read::Options { today: Some(story::TODAY.into()), ..read::Options::default() };
    read::read(&[Input::Path(story::folder(name))], &options).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The snapshot of a fixture, read once.
fn snapshot(name: &str) -> Result<serde_json::Value, String> {
    static SNAPSHOTS: Mutex<BTreeMap<String, serde_json::Value>> = Mutex::new(BTreeMap::new());
    if let Some(known) = SNAPSHOTS.lock().unwrap().get(name) {
        return Ok(known.clone());
    }
    let snapshot = estate(name).to_snapshot();
    SNAPSHOTS.lock().unwrap().insert(name.to_owned(), snapshot.clone());
    Ok(snapshot)
}

/// Every rule file, read as strictly as those of users are.
#[test]
fn every_rule_file_is_a_rule() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("rules");
    let read = rule::read_dir(&folder, &[]).unwrap_or_else(|error| panic!("{:?}", miette::Report::new(error)));
    let ids: Vec<&str> = read.iter().map(|rule| rule.id.as_str()).collect();
    assert_eq!(ids, rules().iter().map(|rule| rule.id.as_str()).collect::<Vec<_>>());
    insta::assert_snapshot!("ids", ids.join("\n"));
}

#[test]
fn rules_keep_to_the_house_style() {
    let ids: BTreeSet<&str> = rules().iter().map(|rule| rule.id.as_str()).collect();
    let mut problems = Vec::new();
    for rule in rules() {
        let mut say = |problem: &str| problems.push(format!("{}: {problem}", rule.id));
        let sentence_like = |text: &str| {
            let first = text.split(' ').next().unwrap_or_default();
            let is_acronym = first.len() > 1 && !first.contains(char::is_lowercase);
            let starts_well = is_acronym || !text.starts_with(char::is_uppercase);
            !text.ends_with('.') && starts_well && text.trim() == text
        };
        if !sentence_like(&rule.title) {
            say("the title is no phrase: lowercase first letter, no final period");
        }
        for (pointer, template) in rule::templates(rule) {
            if pointer.ends_with("/run") {
                continue;
            }
            let text = template.as_str();
            let first_is_name = text.starts_with(['`', '{']);
            if !first_is_name && !sentence_like(text) || text.ends_with('.') {
                say(&format!("{pointer} is no phrase: lowercase first letter, no final period"));
            }
        }
        if !rule.why.trim_end().ends_with('.') {
            say("why is not in whole sentences");
        }
        if rule.fixes.is_empty() {
            say("there is no fix");
        }
        if rule.references.is_empty() || rule.references.iter().any(|page| !page.starts_with("https://")) {
            say("references must be pages");
        }
        for mode in &rule.covers {
            let (kind, number) = mode.split_at(1);
            if !"EISCKABPDN".contains(kind) || number.len() != 2 || number.parse::<u8>().is_err() {
                say(&format!("`{mode}` is no failure mode"));
            }
        }
        if rule.symptoms.is_empty()
            && rule.covers.iter().any(|mode| !mode.is_empty())
            && rule.security_severity.is_none()
        {
            say("a failure that users see has symptoms");
        }
        for cause in &rule.explained_by {
            if !ids.contains(cause.as_str()) {
                say(&format!("explained by `{cause}`, which is no rule"));
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn every_example_and_every_fix_holds() {
    let mut problems = Vec::new();
    for rule in rules() {
        match rule::builtin_examples(&rule.id) {
            None => problems.push(format!("`{}` has no examples", rule.id)),
            Some(examples) => {
                problems.extend(proof::problems(rule, &examples, rules(), story::TODAY, &|name| snapshot(name)));
            }
        }
    }
    assert!(problems.is_empty(), "{} problems\n{}", problems.len(), problems.join("\n"));
}

/// A new rule's false alarm shows as a line of this snapshot, and so does a story that nothing finds.
#[test]
fn every_rule_meets_every_fixture() {
    let mut table = String::new();
    for name in story::names() {
        let estate = estate(&name);
        let report = examine(&link(estate), rules());
        let _ = write!(table, "{name}:");
        for rollout in &report.rollouts {
            let _ = write!(table, " {:?}", rollout.verdict);
        }
        table.push('\n');
        for finding in &report.findings {
            let outcome = match finding.outcome {
                Outcome::Fail => finding.severity.name(),
                Outcome::Unknown => "unknown",
            };
            let explained = if finding.explained_by.is_empty() { "" } else { " (explained)" };
            let _ = writeln!(table, "  {outcome} {}{explained}", finding.rule.id);
        }
        for gap in &report.gaps {
            let what = &gap.what;
            let _ = writeln!(table, "  gap {what} {}", gap.scope);
        }
    }
    insta::assert_snapshot!("fixtures", table);
}

/// A story has one fault, so it has one cause; what else is found is explained by it.
#[test]
fn a_story_with_one_fault_has_one_cause() {
    let mut problems = Vec::new();
    for name in story::stories() {
        let report = examine(&link(estate(&name)), rules());
        let causes: Vec<&str> = report
            .findings
            .iter()
            .filter(|finding| finding.explained_by.is_empty())
            .map(|finding| finding.rule.id.as_str())
            .collect();
        let expected = usize::from(!name.starts_with("variant-"));
        if causes.len() != expected {
            problems.push(format!("{name}: {causes:?}"));
        }
    }
    assert!(problems.is_empty(), "{} stories\n{}", problems.len(), problems.join("\n"));
}

/// The page of failure modes and the rules name the same modes, in both directions.
#[test]
fn failure_modes_are_told_as_the_rules_have_them() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/failure-modes.md")).unwrap();
    let mut told: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for row in
        page.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| mode") && !line.starts_with("| ---"))
    {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        assert_eq!(cells.len(), 3, "{row}");
        told.insert(cells[0], cells[2].split(", ").map(|id| id.trim_matches('`')).collect());
    }
    let mut known: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for rule in rules() {
        for mode in &rule.covers {
            known.entry(mode).or_default().push(&rule.id);
        }
    }
    assert_eq!(told, known);
}

/// What was not collected is never a pass: a failing example without a section of its estate, or without one
/// collection of a section that it turns on, and without what says how complete that is, may be undecided or say
/// nothing, but does not pass.
#[test]
fn what_was_not_collected_is_no_pass() {
    let problems: Vec<String> = rules()
        .par_iter()
        .flat_map_iter(|rule| {
            let examples = rule::builtin_examples(&rule.id).unwrap();
            let failing = examples.fail.iter().take(1);
            failing
                .flat_map(|example| without_each(rule, example.of.as_deref().unwrap_or(&examples.of), example))
                .collect::<Vec<_>>()
        })
        .collect();
    assert!(problems.is_empty(), "{} problems\n{}", problems.len(), problems.join("\n"));
}

fn without_each(rule: &Rule, of: &str, example: &rule::Example) -> Vec<String> {
    let mut document = snapshot(of).unwrap();
    rule::apply(&mut document, &example.change).unwrap();
    let whole = verdicts(rule, &document);
    let mut problems = Vec::new();
    let mut judge = |names: &[Collection], what: &str| {
        let mut less = document.clone();
        if !names.iter().fold(false, |removed, collection| take(&mut less, collection.name) | removed) {
            return false;
        }
        let left = verdicts(rule, &less);
        for (subject, passed) in &whole {
            if !passed && left.get(subject) == Some(&true) {
                problems.push(format!("`{}` passes `{subject}` without `{what}`", rule.id));
            }
        }
        left != whole
    };
    // Sections on which nothing turns are not taken apart: it would take minutes.
    for names in COLLECTIONS.chunk_by(|a, b| section(a.name) == section(b.name)) {
        if judge(names, section(names[0].name)) {
            for one in names {
                judge(std::slice::from_ref(one), one.name);
            }
        }
    }
    problems
}

/// Whether each subject passes, and does not fail; those that are undecided are left out.
fn verdicts(rule: &Rule, document: &Value) -> BTreeMap<String, bool> {
    let options = read::Options { today: Some(story::TODAY.into()), ..read::Options::default() };
    let bytes = serde_json::to_vec(document).unwrap();
    let linked = link(read::read(&[Input::Stdin(bytes)], &options).unwrap());
    let judgements = check(std::slice::from_ref(rule), &linked);
    let decided = judgements.iter().filter_map(|judgement| {
        let passed = match judgement.verdict {
            Verdict::Pass => true,
            Verdict::Fail(_) => false,
            Verdict::Unknown(_) => return None,
        };
        Some((judgement.subject.pointer.clone(), passed))
    });
    decided.collect()
}

fn section(name: &str) -> &str {
    name.split('.').next().unwrap()
}

/// Takes a collection out of a document, and what says how complete it is; tells whether it was there.
fn take(document: &mut Value, name: &str) -> bool {
    let (section, list) = name.split_once('.').unwrap();
    let removed = match document.get_mut(section) {
        Some(Value::Array(groups)) => {
            groups.iter_mut().filter_map(|group| group.as_object_mut()?.remove(list)).count() > 0
        }
        Some(Value::Object(lists)) => lists.remove(list).is_some(),
        _ => false,
    };
    if let Some(entries) = document["sparkcheck"]["coverage"].as_array_mut() {
        entries.retain(|entry| entry["collection"] != *name);
    }
    removed
}
