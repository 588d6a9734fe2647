//! The report for a reader.
//!
//! The verdicts come first, with what to do about them; then each cause at its place, with what it
//! explains; then what could not be decided, by what would settle it; then what was not seen, and
//! the counts. Nothing is wider than the window but a word that cannot be broken.

use super::group::{Families, Groups, questions};
use super::look::{BAD, BOLD, CALM, DOUBTFUL, FAINT, GOOD, count, cut, display, visible};
use super::unseen::{assumed, gaps};
use super::{Change, Finding, Go, Look, Place, Report, RolloutVerdict, window};
use crate::estate::{Source, Syntax};
use crate::rule::Severity;
use anstyle::Style;
use rustc_hash::FxHashMap;
use std::fmt::Write;

/// Up to so many causes need no list of what to do before them.
const FEW: usize = 3;

/// So many places are shown beside the primary one.
const MORE_PLACES: usize = 3;

/// So many nodes are drawn below a finding.
const FEW_NODES: usize = 4;

/// Kinds of input that are not the output of a command, so that a folder with them is no export.
const SOURCES_OF_THEIR_OWN: [&str; 7] =
    ["terraform", "terraform-plan", "cloudformation", "eksctl", "manifest", "snapshot", "live"];

/// Kinds of input that stand beside others and do not say what the others are.
const COMPANIONS: [&str; 3] = ["session", "rollouts", "declarations"];

/// The report as text for a terminal or a log.
#[must_use]
pub fn render(report: &Report<'_>, look: &Look) -> String {
    let mut out = String::new();
    let families = Families::of(report);
    let groups = Groups::of(report, &families);
    heading(&mut out, report, look);
    verdicts(&mut out, report, &groups, look);
    for (at, roots) in groups.by_rollout.iter().enumerate() {
        let several = report.rollouts.len() > 1 || !groups.elsewhere.is_empty();
        if let Some(rollout) = report.rollouts.get(at).filter(|_| several && !roots.is_empty()) {
            out.push('\n');
            look.wrap(&mut out, "", "", &look.paint(BOLD, &visible(&rollout.name)));
        }
        details(&mut out, report, roots, &families, look);
    }
    if !groups.elsewhere.is_empty() {
        if !report.rollouts.is_empty() {
            out.push('\n');
            look.wrap(&mut out, "", "", &look.paint(BOLD, "outside any rollout"));
        }
        details(&mut out, report, &groups.elsewhere, &families, look);
    }
    undecided(&mut out, report, look);
    gaps(&mut out, report, look);
    assumed(&mut out, report, look);
    tally(&mut out, report, &families, look);
    out
}

fn heading(out: &mut String, report: &Report<'_>, look: &Look) {
    let mut parts = vec![format!("{} {}", env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION")), inputs(&report.inputs)];
    parts.push(count(report.rollouts.len(), "rollout"));
    parts.push(count(report.rules.len(), "rule"));
    parts.retain(|part| !part.is_empty());
    look.wrap(out, "", "  ", &parts.join(look.either(" · ", " - ")));
    passed_over(out, report, look);
}

/// What was passed over, and with `-v` where and what would make it read.
fn passed_over(out: &mut String, report: &Report<'_>, look: &Look) {
    let files: usize = report.passed_over.iter().map(|kind| kind.count).sum();
    if files == 0 {
        return;
    }
    let kinds: Vec<String> = report.passed_over.iter().map(|kind| format!("{} ({})", kind.what, kind.count)).collect();
    look.wrap(out, "", "  ", &format!("{} passed over: {}", count(files, "file"), kinds.join(", ")));
    for kind in report.passed_over.iter().filter(|_| look.verbose) {
        let more = if kind.count > kind.paths.len() { look.either(" …", " ...") } else { "" };
        let paths: Vec<String> = kind.paths.iter().map(|path| visible(path)).collect();
        look.wrap(out, "  ", "    ", &format!("{}: {}{more}", kind.what, paths.join(", ")));
        if let Some(unblock) = &kind.unblock {
            look.wrap(out, &format!("    {}", look.either("→ ", "> ")), "      ", &visible(unblock));
        }
    }
}

/// What was read, in a few words: a file and its kind, the folder that all share, or how many they are.
fn inputs(sources: &[Source]) -> String {
    let answers = sources.iter().filter(|source| source.syntax == Syntax::Answer).count();
    if answers > 0 {
        let files = sources.len() - answers;
        let beside = if files == 0 { String::new() } else { format!(" and {}", count(files, "file")) };
        return format!("live, {}{beside}", count(answers, "answer"));
    }
    match sources {
        [] => return "no input".into(),
        [source] if source.path == "-" => return format!("{} from standard input", visible(&source.kind)),
        [source] => return format!("{} {}", visible(&source.kind), visible(&source.path)),
        _ => {}
    }
    let code = ["terraform", "terraform plan", "cloudformation", "cdk", "eksctl", "manifest", "policy"];
    if sources.iter().any(|source| code.contains(&source.kind.as_str())) {
        let mut by_kind: std::collections::BTreeMap<&str, usize> = std::collections::BTreeMap::new();
        for source in sources {
            *by_kind.entry(source.kind.as_str()).or_default() += 1;
        }
        let kinds = by_kind.iter().map(|(kind, number)| format!("{} ({})", visible(kind), count(*number, "file")));
        let kinds = kinds.collect::<Vec<_>>().join(", ");
        return match common_folder(sources) {
            Some(folder) => format!("{kinds} in {}", visible(&folder)),
            None => kinds,
        };
    }
    let mut kinds: Vec<&str> = sources.iter().map(|source| source.kind.as_str()).collect();
    kinds.sort_unstable();
    kinds.dedup();
    if kinds.len() > 1 {
        kinds.retain(|kind| !COMPANIONS.contains(kind));
    }
    let kind = match kinds.as_slice() {
        [kind] => visible(kind),
        kinds if kinds.iter().any(|kind| SOURCES_OF_THEIR_OWN.contains(kind)) => count(sources.len(), "file"),
        _ => "export".into(),
    };
    match common_folder(sources) {
        Some(folder) if kind.ends_with("files") => format!("{kind} of {}", visible(&folder)),
        Some(folder) => format!("{kind} {}", visible(&folder)),
        None => count(sources.len(), "file"),
    }
}

fn common_folder(sources: &[Source]) -> Option<String> {
    let mut paths = sources.iter().map(|source| source.path.as_str());
    let mut common = paths.next()?.rsplit_once('/')?.0.to_owned();
    for path in paths {
        while !path.strip_prefix(common.as_str()).is_some_and(|rest| rest.starts_with('/')) {
            common.truncate(common.rfind('/')?);
        }
    }
    Some(common + "/")
}

fn verdicts(out: &mut String, report: &Report<'_>, groups: &Groups, look: &Look) {
    if !report.rollouts.is_empty() {
        out.push('\n');
    }
    let causes = groups.by_rollout.iter().map(Vec::len).sum::<usize>() + groups.elsewhere.len();
    let mut listed = false;
    for (rollout, roots) in report.rollouts.iter().zip(&groups.by_rollout) {
        if listed {
            out.push('\n');
        }
        listed = causes > FEW && !roots.is_empty();
        verdict(out, report, rollout, look);
        if listed {
            to_do(out, report, roots, look);
        }
    }
}

/// One line for a rollout, its verdict at the right; two where its name is long.
fn verdict(out: &mut String, report: &Report<'_>, rollout: &RolloutVerdict, look: &Look) {
    let region = |rollout: &RolloutVerdict| cut(&rollout.region.as_deref().map(visible).unwrap_or_default(), 16, look);
    let systems = report.rollouts.iter().map(|rollout| rollout.system.name().len()).max().unwrap_or(0);
    let regions = report.rollouts.iter().map(|rollout| display(&region(rollout))).max().unwrap_or(0);
    let (word, style) = match rollout.verdict {
        Go::Go => ("GO", GOOD),
        Go::NoGo => ("NO-GO", BAD),
        Go::Undecided => ("UNDECIDED", DOUBTFUL),
    };
    let region = region(rollout);
    let region_pad = " ".repeat(regions.saturating_sub(display(&region)));
    let right = format!("{:<systems$}  {region}{region_pad}  {word:>9}", rollout.system.name());
    let name = visible(&rollout.name);
    let room = look.columns().saturating_sub(display(&right));
    let painted = format!("{}{}", right.strip_suffix(word).unwrap_or(&right), look.paint(style, word));
    if display(&name) + 2 <= room {
        let gap = " ".repeat(room - display(&name));
        let _ = writeln!(out, "{}{gap}{painted}", look.paint(BOLD, &name));
    } else {
        look.wrap(out, "", "  ", &look.paint(BOLD, &name));
        let _ = writeln!(out, "{}{painted}", " ".repeat(room));
    }
}

/// The causes in order, each with what to do about it.
fn to_do(out: &mut String, report: &Report<'_>, roots: &[usize], look: &Look) {
    let notes = |at: &&usize| report.findings.get(**at).is_some_and(|finding| finding.severity == Severity::Note);
    let listed: Vec<usize> = roots.iter().filter(|at| !notes(at)).copied().collect();
    let digits = listed.len().to_string().len();
    let listed: Vec<&Finding<'_>> = listed.iter().filter_map(|at| report.findings.get(*at)).collect();
    for (number, finding) in listed.iter().enumerate() {
        let first = format!("  {:>digits$}. {:<8}", number + 1, finding.severity.name());
        let rest = " ".repeat(first.len());
        let message = visible(&finding.message);
        let painted = format!("  {:>digits$}. {}", number + 1, severity_column(finding.severity, look));
        look.wrap(out, &painted, &rest, &message);
        // What mends neighbours alike is said once, below the last of them.
        let next = listed.get(number + 1).and_then(|next| next.fixes.first());
        if let Some(fix) = finding.fixes.first().filter(|fix| next != Some(fix)) {
            let arrow = format!("{rest}{}", look.either("→ ", "> "));
            look.wrap(out, &arrow, &format!("{rest}  "), &visible(&fix.say));
        }
    }
}

fn severity_column(severity: Severity, look: &Look) -> String {
    let name = severity.name();
    format!("{}{}", look.paint(severity_style(severity), name), " ".repeat(8usize.saturating_sub(name.len())))
}

pub(super) fn severity_style(severity: Severity) -> Style {
    match severity {
        Severity::Error => BAD,
        Severity::Warning => DOUBTFUL,
        Severity::Note => CALM,
    }
}

fn details(out: &mut String, report: &Report<'_>, roots: &[usize], families: &Families, look: &Look) {
    for at in roots {
        let Some(finding) = report.findings.get(*at) else { continue };
        out.push('\n');
        detail(out, finding, look);
        let explained: Vec<&Finding<'_>> = families
            .explained
            .get(*at)
            .into_iter()
            .flatten()
            .filter_map(|explained| report.findings.get(*explained))
            .collect();
        if explained.is_empty() {
            continue;
        }
        let lead = format!("explains {} more:", explained.len());
        if look.verbose {
            look.wrap(out, "  ", "  ", &lead);
            for finding in explained {
                out.push('\n');
                detail(out, finding, look);
            }
        } else {
            let ids = tallied(explained.iter().map(|finding| finding.rule.id.as_str()), look);
            look.wrap(out, "  ", "    ", &format!("{lead} {ids}"));
        }
    }
}

/// One finding: what, where and because, and what to do.
fn detail(out: &mut String, finding: &Finding<'_>, look: &Look) {
    look.wrap(out, "", "", &title(finding, look));
    match finding.change {
        Some(Change::Brings) => look.wrap(out, "  ", "    ", "the change brings it"),
        Some(Change::Leaves) => look.wrap(out, "  ", "    ", "the change leaves it as it was"),
        None => {}
    }
    let mut drawn = Vec::new();
    if let Some((primary, others)) = finding.places.split_first() {
        match window::draw(primary, &finding.because, others, finding.severity, look) {
            Some((text, others)) => {
                out.push_str(&text);
                drawn = others;
            }
            None => pointed(out, primary, &finding.because, look),
        }
        let left: Vec<&Place> =
            others.iter().enumerate().filter(|(at, _)| !drawn.contains(at)).map(|(_, place)| place).collect();
        let shown = if look.verbose || left.len() <= MORE_PLACES + 1 { left.len() } else { MORE_PLACES };
        for place in left.iter().take(shown) {
            pointed(out, place, &place.note, look);
        }
        if shown < left.len() {
            look.wrap(out, "  ", "    ", &format!("and at {}", count(left.len() - shown, "more place")));
        }
    } else if !finding.because.is_empty() {
        look.wrap(out, "  ", "    ", &format!("because: {}", visible(&finding.because)));
    }
    if let Some(picture) = &finding.picture {
        let most = if look.verbose { usize::MAX } else { FEW_NODES };
        for line in picture.first(most).text(look.columns().saturating_sub(4), look.unicode).lines() {
            let _ = writeln!(out, "    {line}");
        }
    }
    for (at, fix) in finding.fixes.iter().enumerate() {
        let lead = if at == 0 { "  fix: " } else { "   or: " };
        let say = visible(&fix.say);
        match fix.run.as_deref().filter(|run| !run.trim().is_empty()) {
            None => look.wrap(out, &paint_lead(lead, look), "       ", &say),
            Some(run) if at == 0 && !look.verbose => look.command(out, &paint_lead(lead, look), "       ", run),
            Some(run) => {
                look.wrap(out, &paint_lead(lead, look), "       ", &say);
                look.command(out, "       ", "       ", run);
            }
        }
    }
}

fn title(finding: &Finding<'_>, look: &Look) -> String {
    let head = format!("{}[{}]", finding.severity.name(), visible(&finding.rule.id));
    format!("{}: {}", look.paint(severity_style(finding.severity), &head), visible(&finding.message))
}

fn paint_lead(lead: &str, look: &Look) -> String {
    format!("{}{}", look.paint(GOOD, lead.trim_end()), " ")
}

/// A place without a look at it.
fn pointed(out: &mut String, place: &Place, note: &str, look: &Look) {
    let mut spot = match (&place.path, &place.span, &place.arn) {
        (Some(path), Some(span), _) => format!("{}:{}:{}", visible(path), span.line, span.column),
        (Some(path), None, _) => visible(path),
        (None, _, Some(arn)) => visible(arn),
        (None, _, None) => String::new(),
    };
    let pointer = match (&place.path, &place.source) {
        (Some(_), Some((_, pointer))) => pointer,
        _ => &place.pointer,
    };
    if (place.span.is_none() || look.verbose || spot.is_empty()) && !pointer.is_empty() {
        spot.push_str(if spot.is_empty() { "" } else { " " });
        spot.push_str(&visible(pointer));
    }
    let text = match (spot.is_empty(), note.is_empty()) {
        (true, true) => return,
        (true, false) => return look.wrap(out, "  ", "    ", &format!("because: {}", visible(note))),
        (false, true) => spot,
        (false, false) => format!("{spot}: {}", visible(note)),
    };
    look.wrap(out, "  at ", "    ", &text);
}

/// The names in order of appearance, each once, with how often it appeared.
fn tallied<'t>(names: impl Iterator<Item = &'t str>, look: &Look) -> String {
    let mut seen: Vec<(&str, usize)> = Vec::new();
    let mut numbers = FxHashMap::default();
    for name in names {
        let at = *numbers.entry(name).or_insert(seen.len());
        match seen.get_mut(at) {
            Some((_, count)) => *count += 1,
            None => seen.push((name, 1)),
        }
    }
    let times = look.either("×", "x");
    let text = |(name, number): &(&str, usize)| {
        if *number == 1 { visible(name) } else { format!("{} {times}{number}", visible(name)) }
    };
    seen.iter().map(text).collect::<Vec<_>>().join(", ")
}

/// What could not be decided, by the first thing that would help to settle it; what helps most comes first.
fn undecided(out: &mut String, report: &Report<'_>, look: &Look) {
    let open = report.questions().count();
    if report.of_code && report.mended.is_none() && !look.verbose {
        if open > 0 {
            let lead = format!("{open} undecided");
            let text =
                "code does not say what else there is; lay it over a snapshot with `--over`, or see them with `-v`";
            out.push('\n');
            look.wrap(out, "", "  ", &format!("{}: {text}", look.paint(DOUBTFUL, &lead)));
        }
        return;
    }
    let groups = questions(report);
    for (at, (unblock, findings)) in groups.iter().enumerate() {
        if at == 0 || look.verbose {
            out.push('\n');
        }
        let lead = format!("{} undecided", findings.len());
        let unblock = if unblock.is_empty() { "nothing that was given can settle it".into() } else { visible(unblock) };
        look.wrap(out, "", "  ", &format!("{}: {unblock}", look.paint(DOUBTFUL, &lead)));
        if look.verbose {
            for finding in findings {
                look.wrap(out, "  ", "    ", &title(finding, look));
                if !finding.because.is_empty() {
                    look.wrap(out, "    ", "      ", &format!("because: {}", visible(&finding.because)));
                }
            }
        } else {
            // What needs more than this one thing stands behind the others.
            let (simple, further): (Vec<&Finding<'_>>, Vec<&Finding<'_>>) =
                findings.iter().partition(|finding| finding.unblock.len() < 2);
            let mut ids: Vec<String> = Vec::new();
            if !simple.is_empty() {
                ids.push(tallied(simple.iter().map(|finding| finding.rule.id.as_str()), look));
            }
            ids.extend(further.iter().map(|finding| {
                let more = finding.unblock.iter().skip(1).map(|step| visible(step)).collect::<Vec<_>>().join(", ");
                format!("{} (then {more})", visible(&finding.rule.id))
            }));
            ids.dedup();
            look.wrap(out, "  ", "  ", &ids.join(", "));
        }
    }
}

/// The last line: how much of everything there is.
fn tally(out: &mut String, report: &Report<'_>, families: &Families, look: &Look) {
    let summary = report.summary();
    let failures: Vec<String> = [(summary.error, "error"), (summary.warning, "warning"), (summary.note, "note")]
        .into_iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, word)| count(number, word))
        .collect();
    let mut text = failures.join(", ");
    match families.parents.iter().flatten().count() {
        0 => {}
        1 => text.push_str(", one explained by another"),
        explained => {
            let _ = write!(text, ", {explained} explained by others");
        }
    }
    let open = report.questions().count();
    if open > 0 {
        let settle = settled_by(report);
        let more = format!("{open} undecided{settle}");
        text = if text.is_empty() { more } else { format!("{text}; {more}") };
    }
    if text.is_empty() {
        text = match (report.rollouts.is_empty(), report.gaps.len()) {
            (true, 0) => "no rollout was found, so nothing was said about one".into(),
            (true, _) => "no rollout could be checked".into(),
            (false, 0) => format!("nothing found: {} hold", count(summary.rules, "rule")),
            (false, gaps) => format!("nothing found in what was seen; {} not seen", count(gaps, "thing")),
        };
    }
    if let Some(mended) = report.mended.as_ref().filter(|mended| !mended.is_empty()) {
        let ids = tallied(mended.iter().map(|one| one.rule.as_str()), look);
        let _ = write!(text, "; the change mends {}: {ids}", mended.len());
    }
    if summary.suppressed > 0 {
        let _ = write!(text, "; {} suppressed", summary.suppressed);
    }
    let style = match (summary.error, summary.warning + summary.unknown + report.gaps.len()) {
        (0, 0) if report.rollouts.is_empty() => FAINT,
        (0, 0) => GOOD,
        (0, _) => DOUBTFUL,
        _ => BAD,
    };
    out.push('\n');
    let mut line = String::new();
    Look { colour: false, ..*look }.wrap(&mut line, "", "  ", &text);
    for line in line.lines() {
        let _ = writeln!(out, "{}", look.paint(style, line));
    }
}

/// What settles everything that is undecided, where that is one thing.
fn settled_by(report: &Report<'_>) -> String {
    let mut ways = report.questions().map(|finding| finding.unblock.as_slice());
    match ways.next() {
        Some([only]) if ways.all(|way| matches!(way, [way] if way == only)) => {
            format!(": {} to settle them", visible(only))
        }
        _ => String::new(),
    }
}
