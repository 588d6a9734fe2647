//! The rules themselves, for a reader.
//!
//! `sparkcheck explain RULE` prints one rule: why it matters, how it shows afterwards, what to do, and
//! what its examples say of its limits. `sparkcheck rules` prints all of them in a table.

use super::Look;
use super::human::severity_style;
use super::look::{BOLD, FAINT, count, display, visible};
use crate::rule::{Example, Rule, System};
use std::fmt::Write;

/// All that is to be said of one rule; names that an estate would fill in stand as `<cluster.name>`.
#[must_use]
pub fn render(rule: &Rule, look: &Look) -> String {
    let mut out = String::new();
    let head = format!("{}[{}]", rule.severity, visible(&rule.id));
    let head = look.paint(severity_style(rule.severity), &head);
    look.wrap(&mut out, "", "", &format!("{head}: {}", visible(&rule.title)));
    let mut about = rule.systems.iter().map(|system| system.name()).collect::<Vec<_>>().join(", ");
    if let Some(severity) = rule.security_severity {
        let _ = write!(about, "; security severity {severity:.1}");
    }
    look.wrap(&mut out, "  ", "  ", &about);

    for paragraph in rule.why.split("\n\n") {
        let paragraph = paragraph.split_whitespace().collect::<Vec<_>>().join(" ");
        if !paragraph.is_empty() {
            out.push('\n');
            look.wrap(&mut out, "", "", &visible(&paragraph));
        }
    }
    section(&mut out, "seen afterwards as", rule.symptoms.iter().map(String::as_str), look);
    fixes(&mut out, rule, look);
    if let Some(examples) = &rule.examples {
        section(&mut out, "reported when", cases(&examples.fail), look);
        section(&mut out, "not reported when", cases(&examples.pass), look);
        section(&mut out, "undecided when", cases(&examples.unknown), look);
    }
    section(&mut out, "follows from", rule.explained_by.iter().map(String::as_str), look);
    let covers = rule.covers.join(", ");
    section(&mut out, "covers", Some(covers.as_str()).filter(|covers| !covers.is_empty()).into_iter(), look);
    section(&mut out, "references", rule.references.iter().map(String::as_str), look);
    out
}

fn cases(examples: &[Example]) -> impl Iterator<Item = &str> {
    examples.iter().map(|example| example.case.as_str())
}

fn section<'t>(out: &mut String, title: &str, lines: impl Iterator<Item = &'t str>, look: &Look) {
    for (at, line) in lines.enumerate() {
        if at == 0 {
            out.push('\n');
            look.wrap(out, "", "", &look.paint(BOLD, title));
        }
        look.wrap(out, "  ", "    ", &visible(line.trim()));
    }
}

fn fixes(out: &mut String, rule: &Rule, look: &Look) {
    let nothing = |_: &str| None;
    for (at, fix) in rule.fixes.iter().enumerate() {
        if at == 0 {
            out.push('\n');
            look.wrap(out, "", "", &look.paint(BOLD, "what to do"));
        }
        look.wrap(out, "  ", "    ", &visible(&fix.say.sentence(&nothing)));
        if let Some(run) = &fix.run {
            look.command(out, "    ", "    ", &run.sentence(&nothing));
        }
    }
}

/// Columns that titles need to stand beside the ids.
const TITLE: usize = 48;

/// A table of rules, by system; a rule about several systems stands under each.
#[must_use]
pub fn list(rules: &[&Rule], look: &Look) -> String {
    let mut out = String::new();
    let widest = rules.iter().map(|rule| display(&visible(&rule.id))).max().unwrap_or(0);
    let in_columns = widest + 13 + TITLE <= look.columns();
    for system in System::ALL {
        let mut of_system: Vec<&&Rule> = rules.iter().filter(|rule| rule.systems.contains(&system)).collect();
        if of_system.is_empty() {
            continue;
        }
        of_system.sort_by(|a, b| b.severity.cmp(&a.severity).then_with(|| a.id.cmp(&b.id)));
        look.wrap(&mut out, "", "", &look.paint(BOLD, system.name()));
        for rule in of_system {
            let id = visible(&rule.id);
            let severity = look.paint(severity_style(rule.severity), rule.severity.name());
            let severity_pad = " ".repeat(9usize.saturating_sub(rule.severity.name().len()));
            let first = format!("  {severity}{severity_pad}{id}");
            if in_columns {
                let pad = " ".repeat(widest.saturating_sub(display(&id)) + 2);
                look.wrap(&mut out, &format!("{first}{pad}"), &" ".repeat(widest + 13), &visible(&rule.title));
            } else {
                let _ = writeln!(out, "{first}");
                look.wrap(&mut out, &" ".repeat(11), &" ".repeat(11), &visible(&rule.title));
            }
        }
        out.push('\n');
    }
    look.wrap(
        &mut out,
        "",
        "",
        &look.paint(FAINT, &format!("{}; `sparkcheck explain RULE` tells more", count(rules.len(), "rule"))),
    );
    out
}
