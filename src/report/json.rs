//! The report for other programs.
//!
//! A contract: its fields and their order are those of `DESIGN.md`, and `sparkcheck schema report`
//! prints the schema that it keeps. What is absent is left out; lists are never left out.

use super::look::obeyed;
use super::{Assumed, Finding, Mended, Outcome, Place, Remedy, Report, RolloutVerdict, Summary};
use crate::estate::{Gap, PassedOver, Source};
use crate::rule::{Severity, System};
use serde::Serialize;

/// The version of the report's form.
pub const FORMAT: u32 = 1;

/// The report as JSON.
#[must_use]
pub fn render(report: &Report<'_>) -> String {
    text(&Document {
        tool: Tool { name: env!("CARGO_PKG_NAME"), version: env!("CARGO_PKG_VERSION") },
        format: FORMAT,
        inputs: &report.inputs,
        rollouts: &report.rollouts,
        summary: report.summary(),
        findings: report.findings.iter().map(finding).collect(),
        gaps: &report.gaps,
        assumed: &report.assumed,
        passed_over: &report.passed_over,
        mended: report.mended.as_deref(),
    })
}

#[derive(Serialize)]
struct Document<'r> {
    tool: Tool,
    format: u32,
    inputs: &'r [Source],
    rollouts: &'r [RolloutVerdict],
    summary: Summary,
    findings: Vec<Entry<'r>>,
    gaps: &'r [Gap],
    assumed: &'r [Assumed],
    passed_over: &'r [PassedOver],
    #[serde(skip_serializing_if = "Option::is_none")]
    mended: Option<&'r [Mended]>,
}

#[derive(Serialize)]
struct Tool {
    name: &'static str,
    version: &'static str,
}

#[derive(Serialize)]
struct Entry<'r> {
    rule: &'r str,
    verdict: Outcome,
    severity: Severity,
    #[serde(skip_serializing_if = "Option::is_none")]
    system: Option<System>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rollout: Option<&'r str>,
    message: &'r str,
    because: &'r str,
    places: Vec<Spot<'r>>,
    explained_by: &'r [String],
    unblock: &'r [String],
    fixes: &'r [Remedy],
    fingerprint: &'r str,
    #[serde(skip_serializing_if = "Option::is_none")]
    change: Option<super::Change>,
}

#[derive(Serialize)]
struct Spot<'r> {
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<&'r str>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    lines: Option<Lines>,
    pointer: &'r str,
    #[serde(skip_serializing_if = "Option::is_none")]
    arn: Option<&'r str>,
    #[serde(skip_serializing_if = "str::is_empty")]
    note: &'r str,
}

#[derive(Serialize)]
struct Lines {
    line: usize,
    column: usize,
    end_line: usize,
    end_column: usize,
}

fn finding<'r>(finding: &'r Finding<'_>) -> Entry<'r> {
    Entry {
        rule: &finding.rule.id,
        verdict: finding.outcome,
        severity: finding.severity,
        system: finding.system,
        rollout: finding.rollout.as_deref(),
        message: &finding.message,
        because: &finding.because,
        places: finding.places.iter().map(place).collect(),
        explained_by: &finding.explained_by,
        unblock: &finding.unblock,
        fixes: &finding.fixes,
        fingerprint: &finding.fingerprint,
        change: finding.change,
    }
}

fn place(place: &Place) -> Spot<'_> {
    Spot {
        path: place.path.as_deref(),
        lines: place.span.as_ref().map(|span| Lines {
            line: span.line,
            column: span.column,
            end_line: span.end_line,
            end_column: span.end_column,
        }),
        pointer: &place.pointer,
        arn: place.arn.as_deref(),
        note: &place.note,
    }
}

/// JSON on lines of its own. Characters that a terminal obeys are escaped, also those that JSON lets pass.
pub(super) fn text(document: &impl Serialize) -> String {
    // Structures of texts, numbers and lists always have a form in JSON.
    let json = serde_json::to_string_pretty(document).unwrap_or_default();
    let mut out = String::with_capacity(json.len() + 1);
    for character in json.chars() {
        if character != '\n' && obeyed(character) {
            for unit in character.encode_utf16(&mut [0; 2]) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            out.push(character);
        }
    }
    out.push('\n');
    out
}
