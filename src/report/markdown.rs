//! The report for a comment on a pull request, or a page that shows Markdown.
//!
//! The same as for a reader at a terminal: verdicts, what to do, each cause at its place, what is undecided. Whatever
//! an input says stands in it as text: no name becomes a link, an image, a mention or HTML.
//!
//! Deliberately absent: the nodes as SVG. GitHub and others strip it from Markdown, so they are drawn with characters.

use super::group::{Families, Groups, questions};
use super::look::count;
use super::unseen::folded;
use super::{Assumed, Finding, Go, Look, Place, Report, visible, window};
use crate::estate::Gap;
use std::fmt::Write;

/// Columns of what is drawn with characters.
pub(super) const COLUMNS: usize = 88;

/// The report as Markdown.
#[must_use]
pub fn render(report: &Report<'_>) -> String {
    let families = Families::of(report);
    let groups = Groups::of(report, &families);
    let mut out = String::from("## sparkcheck\n\n");
    if !report.rollouts.is_empty() {
        out.push_str("| rollout | platform | region | verdict |\n| --- | --- | --- | --- |\n");
        for rollout in &report.rollouts {
            let region = rollout.region.as_deref().unwrap_or_default();
            let (name, region, system) = (plain(&rollout.name), plain(region), rollout.system.name());
            let _ = writeln!(out, "| {name} | {system} | {region} | **{}** |", word(rollout.verdict));
        }
        out.push('\n');
    }
    let _ = writeln!(out, "{}\n", tally(report));
    let several = report.rollouts.len() > 1 || !groups.elsewhere.is_empty();
    for (rollout, roots) in report.rollouts.iter().zip(&groups.by_rollout) {
        if several && !roots.is_empty() {
            let _ = writeln!(out, "### {}\n", plain(&rollout.name));
        }
        for at in roots {
            finding(&mut out, report, *at, &families);
        }
    }
    if !groups.elsewhere.is_empty() && !report.rollouts.is_empty() {
        out.push_str("### outside any rollout\n\n");
    }
    for at in &groups.elsewhere {
        finding(&mut out, report, *at, &families);
    }
    undecided(&mut out, report);
    gaps(&mut out, &report.gaps);
    assumed(&mut out, &report.assumed);
    while out.ends_with("\n\n") {
        out.pop();
    }
    out
}

/// The verdict in one word.
pub(super) fn word(verdict: Go) -> &'static str {
    match verdict {
        Go::Go => "GO",
        Go::NoGo => "NO-GO",
        Go::Undecided => "UNDECIDED",
    }
}

/// How much of everything there is.
pub(super) fn tally(report: &Report<'_>) -> String {
    let summary = report.summary();
    let kinds = [(summary.error, "error"), (summary.warning, "warning"), (summary.note, "note")];
    let mut parts: Vec<String> =
        kinds.into_iter().filter(|(number, _)| *number > 0).map(|(number, word)| count(number, word)).collect();
    let open = report.questions().count();
    if open > 0 {
        parts.push(format!("{open} undecided"));
    }
    if let Some(mended) = report.mended.as_ref().filter(|mended| !mended.is_empty()) {
        parts.push(format!("{} mended by the change", mended.len()));
    }
    if parts.is_empty() {
        parts.push("nothing found".to_owned());
    }
    if !report.gaps.is_empty() {
        parts.push(format!("{} not seen", count(report.gaps.len(), "thing")));
    }
    format!("{}; {}", parts.join(", "), count(summary.rules, "rule"))
}

fn finding(out: &mut String, report: &Report<'_>, at: usize, families: &Families) {
    let Some(finding) = report.findings.get(at) else { return };
    let (severity, rule) = (finding.severity.name(), coded(&finding.rule.id));
    let _ = writeln!(out, "#### {severity} {rule}: {}\n", text(&finding.message));
    let shown = shown(finding);
    if let Some((drawn, _)) = &shown {
        fence(out, "text", drawn);
    } else if !finding.because.is_empty() {
        let _ = writeln!(out, "{}\n", text(&finding.because));
    }
    let places: Vec<String> = places(finding, shown.as_ref()).map(|place| format!("- at {}", located(place))).collect();
    if !places.is_empty() {
        let _ = writeln!(out, "{}\n", places.join("\n"));
    }
    if let Some(picture) = &finding.picture {
        fence(out, "text", &picture.text(COLUMNS, true));
    }
    for (at, fix) in finding.fixes.iter().enumerate() {
        let _ = writeln!(out, "**{}** {}\n", if at == 0 { "fix:" } else { "or:" }, text(&fix.say));
        if let Some(run) = fix.run.as_deref().filter(|run| !run.trim().is_empty()) {
            fence(out, "sh", run);
        }
    }
    let explained = families.explained.get(at).into_iter().flatten().filter_map(|at| report.findings.get(*at));
    let explained: Vec<String> =
        explained.map(|finding| format!("- {}: {}", coded(&finding.rule.id), text(&finding.message))).collect();
    if !explained.is_empty() {
        let _ = writeln!(out, "explains {} more:\n\n{}\n", explained.len(), explained.join("\n"));
    }
}

/// The primary place as it is drawn, and which of the others are drawn with it.
pub(super) fn shown(finding: &Finding<'_>) -> Option<(String, Vec<usize>)> {
    let look = Look { width: COLUMNS, colour: false, unicode: true, verbose: false };
    let (primary, others) = finding.places.split_first()?;
    window::draw(primary, &finding.because, others, finding.severity, &look)
}

/// The places that are not drawn.
pub(super) fn places<'f>(
    finding: &'f Finding<'_>,
    shown: Option<&'f (String, Vec<usize>)>,
) -> impl Iterator<Item = &'f Place> {
    let drawn = move |at: usize| {
        shown.is_some_and(|(_, others)| at == 0 || at.checked_sub(1).is_some_and(|at| others.contains(&at)))
    };
    finding.places.iter().enumerate().filter(move |(at, _)| !drawn(*at)).map(|(_, place)| place)
}

/// Where a place is: a file and line, an ARN, or a pointer.
pub(super) fn spot(place: &Place) -> String {
    match (&place.path, &place.span, &place.arn) {
        (Some(path), Some(span), _) => format!("{path}:{}:{}", span.line, span.column),
        (Some(path), None, _) => format!("{path} {}", place.pointer),
        (None, _, Some(arn)) => arn.clone(),
        (None, _, None) => place.pointer.clone(),
    }
}

fn located(place: &Place) -> String {
    let note = if place.note.is_empty() { String::new() } else { format!(": {}", text(&place.note)) };
    format!("{}{note}", coded(&spot(place)))
}

fn undecided(out: &mut String, report: &Report<'_>) {
    let questions = questions(report);
    if questions.is_empty() {
        return;
    }
    let number: usize = questions.iter().map(|(_, findings)| findings.len()).sum();
    let _ = writeln!(out, "<details><summary>{number} undecided</summary>\n");
    for (unblock, findings) in questions {
        let settle = if unblock.is_empty() { "nothing that was given can settle it".to_owned() } else { text(unblock) };
        let _ = writeln!(out, "- {settle}");
        for finding in findings {
            let because = if finding.because.is_empty() { "" } else { ": " };
            let _ = writeln!(out, "  - {}{because}{}", coded(&finding.rule.id), text(&finding.because));
        }
    }
    out.push_str("\n</details>\n\n");
}

fn gaps(out: &mut String, gaps: &[Gap]) {
    if !gaps.is_empty() {
        out.push_str("**not seen**\n\n");
    }
    for gap in &folded(gaps) {
        let scope = if gap.scope.is_empty() { String::new() } else { format!(" of {}", coded(&gap.scope)) };
        let unblock = gap.unblock.as_deref().map(|unblock| format!("; {}", text(unblock))).unwrap_or_default();
        let _ = writeln!(out, "- {}{scope}: {}{unblock}", coded(&gap.what), text(&gap.why));
    }
    if !gaps.is_empty() {
        out.push('\n');
    }
}

fn assumed(out: &mut String, assumed: &[Assumed]) {
    if !assumed.is_empty() {
        out.push_str("**taken for granted**\n\n");
    }
    for one in assumed {
        let _ = writeln!(out, "- {}; {}", text(&one.what), text(&one.unblock));
    }
    if !assumed.is_empty() {
        out.push('\n');
    }
}

/// A block of text as it is, whatever stands in it.
fn fence(out: &mut String, language: &str, block: &str) {
    let runs = block.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(runs.max(2) + 1);
    let lines: String = block.lines().map(|line| visible(line).trim_end().to_owned() + "\n").collect();
    let _ = writeln!(out, "{fence}{language}\n{lines}{fence}\n");
}

/// One name as code.
fn coded(name: &str) -> String {
    let name = visible(name);
    if name.contains('`') || name.trim().is_empty() { plain(&name) } else { format!("`{name}`") }
}

/// A sentence in which backticks hold names. Each stretch between two of them becomes code, the rest means nothing but
/// itself; a backtick without another one, and two at one place, stay backticks.
pub(crate) fn text(sentence: &str) -> String {
    let sentence = visible(sentence);
    let mut parts = sentence.split('`').peekable();
    let mut out = plain(parts.next().unwrap_or_default());
    while let Some(code) = parts.next() {
        match parts.next() {
            Some(rest) if !code.trim().is_empty() => {
                // Two backticks side by side would be another kind of mark.
                let apart = if out.ends_with('`') && !out.ends_with("\\`") { " " } else { "" };
                let _ = write!(out, "{apart}`{code}`{}", plain(rest));
            }
            Some(rest) => {
                let _ = write!(out, "\\`{}\\`{}", plain(code), plain(rest));
            }
            None => {
                let _ = write!(out, "\\`{}", plain(code));
            }
        }
    }
    out
}

/// Text that means nothing but itself, also in a cell of a table.
pub(crate) fn plain(text: &str) -> String {
    let text = visible(text);
    let mut out = String::new();
    let mut before = ' ';
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        let next = characters.peek().copied().unwrap_or(' ');
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            // Addresses, mentions and numbers of issues become links without any mark.
            ':' if next == '/' => out.push_str("&#58;"),
            '.' if matches!(before, 'w' | 'W') => out.push_str("&#46;"),
            '@' | '#' if next.is_alphanumeric() => {
                let _ = write!(out, "\\{c}<!-- -->");
            }
            '*' | '_' | '[' | ']' | '|' | '\\' | '#' | '!' | '`' | '~' | '$' => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
        before = c;
    }
    out
}
