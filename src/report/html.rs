//! The report as a page: one file, no scripts, nothing loaded from elsewhere.
//!
//! The same as for a reader at a terminal, with the nodes as SVG. Whatever an input says stands in it as text.
//!
//! Deliberately absent: sorting, filtering, and everything else that would need a script.

use super::group::{Families, Groups, questions};
use super::markdown::{places, shown, spot, tally, word};
use super::unseen::folded;
use super::{Finding, Go, Report, visible};
use crate::capacity::picture::escaped;
use crate::rule::Severity;
use std::fmt::Write;

pub(crate) const STYLE: &str = "\
:root{color-scheme:light dark;--ink:#1f2328;--soft:#59636e;--line:#d1d9e0;--ground:#fff;--code:#f6f8fa;\
--bad:#cf222e;--doubt:#9a6700;--good:#1a7f37;--calm:#0969da}\
@media(prefers-color-scheme:dark){:root{--ink:#e6edf3;--soft:#9198a1;--line:#3d444d;--ground:#0d1117;--code:#161b22;\
--bad:#f85149;--doubt:#d29922;--good:#3fb950;--calm:#4493f8}}\
body{font:15px/1.55 system-ui,sans-serif;color:var(--ink);background:var(--ground);max-width:56rem;\
margin:2.5rem auto;padding:0 1.25rem;overflow-wrap:anywhere}\
h1{font-size:1.3rem;margin:0}h2{font-size:1.1rem;margin:2.5rem 0 0}.soft{color:var(--soft)}\
table{border-collapse:collapse;width:100%;margin:1.5rem 0}td,th{text-align:left;padding:.55rem .75rem .55rem 0;border-top:1px solid var(--line)}\
table.verdicts td:last-child{text-align:right;font-weight:700;white-space:nowrap;padding-right:0}\
.bad{color:var(--bad)}.doubt{color:var(--doubt)}.good{color:var(--good)}.calm{color:var(--calm)}\
article{border-left:3px solid currentColor;padding:.1rem 0 .1rem 1rem;margin:1.75rem 0}article>*{color:var(--ink)}\
article>h3{font-size:1rem;margin:0}h3 small{font-weight:400;color:var(--soft)}p{margin:.5rem 0}\
pre{background:var(--code);border-radius:6px;padding:.75rem;overflow-x:auto;overflow-wrap:normal;margin:.5rem 0}\
pre,code{font:13px/1.45 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}svg{width:100%;max-width:720px;margin:.75rem 0}\
ul{margin:.4rem 0;padding-left:1.2rem}summary{cursor:pointer}details{margin:1.5rem 0}";

/// The report as HTML.
#[must_use]
pub fn render(report: &Report<'_>) -> String {
    let families = Families::of(report);
    let groups = Groups::of(report, &families);
    let mut out = String::from("<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n");
    out.push_str("<meta name=\"viewport\" content=\"width=device-width\">\n<title>sparkcheck</title>\n");
    let _ = writeln!(out, "<style>{STYLE}</style>");
    let _ = writeln!(out, "<h1>sparkcheck</h1>\n<p class=\"soft\">{}</p>", escaped(&tally(report)));
    if !report.rollouts.is_empty() {
        out.push_str("<table class=\"verdicts\">\n");
        for rollout in &report.rollouts {
            let class = match rollout.verdict {
                Go::Go => "good",
                Go::NoGo => "bad",
                Go::Undecided => "doubt",
            };
            let region = escaped(rollout.region.as_deref().unwrap_or_default());
            let (name, system, word) = (escaped(&rollout.name), rollout.system.name(), word(rollout.verdict));
            let _ = write!(out, "<tr><td><b>{name}</b></td><td class=\"soft\">{system}</td>");
            let _ = writeln!(out, "<td class=\"soft\">{region}</td><td class=\"{class}\">{word}</td></tr>");
        }
        out.push_str("</table>\n");
    }
    let several = report.rollouts.len() > 1 || !groups.elsewhere.is_empty();
    for (rollout, roots) in report.rollouts.iter().zip(&groups.by_rollout) {
        if several && !roots.is_empty() {
            let _ = writeln!(out, "<h2>{}</h2>", escaped(&rollout.name));
        }
        for at in roots {
            finding(&mut out, report, *at, &families);
        }
    }
    if !groups.elsewhere.is_empty() && !report.rollouts.is_empty() {
        out.push_str("<h2>outside any rollout</h2>\n");
    }
    for at in &groups.elsewhere {
        finding(&mut out, report, *at, &families);
    }
    undecided(&mut out, report);
    if !report.gaps.is_empty() {
        out.push_str("<h2>not seen</h2>\n<ul>\n");
        for gap in &folded(&report.gaps) {
            let scope = if gap.scope.is_empty() { String::new() } else { format!(" of {}", escaped(&gap.scope)) };
            let unblock = gap.unblock.as_deref().map(|unblock| format!("; {}", text(unblock))).unwrap_or_default();
            let _ = writeln!(out, "<li>{}{scope}: {}{unblock}</li>", escaped(&gap.what), text(&gap.why));
        }
        out.push_str("</ul>\n");
    }
    if !report.assumed.is_empty() {
        out.push_str("<h2>taken for granted</h2>\n<ul>\n");
        for assumed in &report.assumed {
            let _ = writeln!(out, "<li>{}; {}</li>", text(&assumed.what), text(&assumed.unblock));
        }
        out.push_str("</ul>\n");
    }
    out.push_str("</html>\n");
    out
}

fn finding(out: &mut String, report: &Report<'_>, at: usize, families: &Families) {
    let Some(finding) = report.findings.get(at) else { return };
    let class = match finding.severity {
        Severity::Error => "bad",
        Severity::Warning => "doubt",
        Severity::Note => "calm",
    };
    let (severity, rule) = (finding.severity.name(), escaped(&finding.rule.id));
    let _ = writeln!(out, "<article class=\"{class}\">\n<h3>{}</h3>", text(&finding.message));
    let _ = writeln!(out, "<p class=\"soft\">{severity} · {rule}</p>");
    let shown = shown(finding);
    match &shown {
        Some((drawn, _)) => pre(out, drawn),
        None if finding.because.is_empty() => {}
        None => {
            let _ = writeln!(out, "<p>{}</p>", text(&finding.because));
        }
    }
    let places: Vec<String> = places(finding, shown.as_ref())
        .map(|place| {
            let note = if place.note.is_empty() { String::new() } else { format!(": {}", text(&place.note)) };
            format!("<li><code>{}</code>{note}</li>\n", escaped(&spot(place)))
        })
        .collect();
    list(out, &places);
    if let Some(picture) = &finding.picture {
        out.push_str(&picture.svg());
    }
    for (at, fix) in finding.fixes.iter().enumerate() {
        let _ = writeln!(out, "<p><b>{}</b> {}</p>", if at == 0 { "fix:" } else { "or:" }, text(&fix.say));
        if let Some(run) = fix.run.as_deref().filter(|run| !run.trim().is_empty()) {
            pre(out, run);
        }
    }
    let explained = families.explained.get(at).into_iter().flatten().filter_map(|at| report.findings.get(*at));
    let explained: Vec<String> = explained.map(said).collect();
    if !explained.is_empty() {
        let _ = writeln!(out, "<details><summary>explains {} more</summary>", explained.len());
        list(out, &explained);
        out.push_str("</details>\n");
    }
    out.push_str("</article>\n");
}

fn said(finding: &Finding<'_>) -> String {
    format!("<li>{} <small class=\"soft\">{}</small></li>\n", text(&finding.message), escaped(&finding.rule.id))
}

fn undecided(out: &mut String, report: &Report<'_>) {
    let questions = questions(report);
    if questions.is_empty() {
        return;
    }
    let number: usize = questions.iter().map(|(_, findings)| findings.len()).sum();
    let _ = writeln!(out, "<details><summary>{number} undecided</summary>\n<ul>");
    for (unblock, findings) in questions {
        let settle = if unblock.is_empty() { "nothing that was given can settle it".to_owned() } else { text(unblock) };
        let _ = writeln!(out, "<li>{settle}");
        let each: Vec<String> = findings
            .iter()
            .map(|finding| format!("<li><code>{}</code> {}</li>\n", escaped(&finding.rule.id), text(&finding.because)))
            .collect();
        list(out, &each);
        out.push_str("</li>\n");
    }
    out.push_str("</ul></details>\n");
}

fn list(out: &mut String, items: &[String]) {
    if !items.is_empty() {
        let _ = writeln!(out, "<ul>\n{}</ul>", items.concat());
    }
}

fn pre(out: &mut String, block: &str) {
    let lines: Vec<String> = block.lines().map(|line| escaped(line).trim_end().to_owned()).collect();
    let _ = writeln!(out, "<pre>{}</pre>", lines.join("\n"));
}

/// A sentence in which backticks hold names.
pub(crate) fn text(sentence: &str) -> String {
    let sentence = visible(sentence);
    let parts: Vec<&str> = sentence.split('`').collect();
    let last = parts.len() - 1;
    let mut out = String::new();
    for (at, part) in parts.into_iter().enumerate() {
        match at % 2 {
            1 if at < last => {
                let _ = write!(out, "<code>{}</code>", escaped(part));
            }
            1 => {
                let _ = write!(out, "`{}", escaped(part));
            }
            _ => out.push_str(&escaped(part)),
        }
    }
    out
}
