//! The report for code scanning: SARIF 2.1.0 as GitHub accepts it.
//!
//! Only failures are results. What could not be decided or seen is no alert on a line of somebody's
//! pull request; it stands among the notifications of the run. GitHub needs a file for every result,
//! so what has none is shown at the first line of [`SarifOptions::anchor`].
//!
//! Deliberately absent: fixes as edits of files, since ours are commands; absolute paths.

use super::json::text;
use super::{Finding, Outcome, Place, Report};
use crate::rule::{Fix, Rule, Severity};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use rustc_hash::FxHashMap;
use serde::Serialize;
use std::collections::BTreeMap;

/// What a report cannot know.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SarifOptions {
    /// Tells this analysis apart from others of the same commit.
    pub category: Option<String>,
    /// The relative path of an input, for findings that have no file of their own.
    pub anchor: String,
}

/// GitHub takes so many results, and rejects a file with more.
const MOST_RESULTS: usize = 25_000;
/// Locations of one result that GitHub shows.
const MOST_LOCATIONS: usize = 100;
/// Tags of one rule that GitHub shows.
const MOST_TAGS: usize = 10;
/// Characters of a rule's descriptions that GitHub takes.
const LONGEST_DESCRIPTION: usize = 1024;
/// Characters of a rule's name that GitHub takes.
const LONGEST_NAME: usize = 255;
/// A bound of our own: names come from inputs, and a file may have 10 MB when compressed.
const LONGEST_MESSAGE: usize = 4000;
/// A bound of our own.
const MOST_NOTIFICATIONS: usize = 1000;

const SCHEMA: &str = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// The report as SARIF.
#[must_use]
pub fn render(report: &Report<'_>, options: &SarifOptions) -> String {
    let anchor = anchor(report, options);
    let mut rules: Vec<&Rule> = report.rules.clone();
    let mut numbers: FxHashMap<&str, usize> = FxHashMap::default();
    for (at, rule) in rules.iter().enumerate() {
        numbers.entry(rule.id.as_str()).or_insert(at);
    }
    for finding in &report.findings {
        numbers.entry(finding.rule.id.as_str()).or_insert_with(|| {
            rules.push(finding.rule);
            rules.len() - 1
        });
    }
    let mut causes: FxHashMap<&str, &str> = FxHashMap::default();
    for finding in report.findings.iter().filter(|finding| finding.outcome == Outcome::Fail) {
        causes.entry(finding.fingerprint.as_str()).or_insert(finding.rule.id.as_str());
    }
    let (failures, left_out) = worst_first(report);
    let results = failures
        .into_iter()
        .map(|finding| result(finding, &anchor, numbers.get(finding.rule.id.as_str()).copied(), &causes))
        .collect();
    let run = Run {
        tool: Tool {
            driver: Driver {
                name: env!("CARGO_PKG_NAME"),
                version: env!("CARGO_PKG_VERSION"),
                semantic_version: env!("CARGO_PKG_VERSION"),
                rules: rules.into_iter().map(descriptor).collect(),
            },
        },
        invocations: [Invocation {
            execution_successful: true,
            tool_execution_notifications: notifications(report, left_out, &numbers),
        }],
        column_kind: "unicodeCodePoints",
        automation_details: options
            .category
            .as_deref()
            .map(|category| category.trim_end_matches('/'))
            .filter(|category| !category.is_empty())
            .map(|category| AutomationDetails { id: format!("{category}/") }),
        results,
    };
    text(&Log { schema: SCHEMA, version: "2.1.0", runs: [run] })
}

#[derive(Serialize)]
struct Log {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Run {
    tool: Tool,
    invocations: [Invocation; 1],
    column_kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    automation_details: Option<AutomationDetails>,
    results: Vec<ResultOfRule>,
}

#[derive(Serialize)]
struct AutomationDetails {
    id: String,
}

#[derive(Serialize)]
struct Tool {
    driver: Driver,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Driver {
    name: &'static str,
    version: &'static str,
    semantic_version: &'static str,
    rules: Vec<Descriptor>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    id: String,
    name: String,
    short_description: Message,
    full_description: Message,
    help: Help,
    #[serde(skip_serializing_if = "Option::is_none")]
    help_uri: Option<String>,
    default_configuration: Configuration,
    properties: BTreeMap<&'static str, Property>,
}

#[derive(Serialize)]
struct Help {
    text: String,
    markdown: String,
}

#[derive(Serialize)]
struct Configuration {
    level: Severity,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Property {
    Word(String),
    Words(Vec<String>),
}

#[derive(Serialize)]
struct Message {
    text: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Invocation {
    execution_successful: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_execution_notifications: Vec<Notification>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Notification {
    level: Severity,
    message: Message,
    #[serde(skip_serializing_if = "Option::is_none")]
    associated_rule: Option<RuleReference>,
}

#[derive(Serialize)]
struct RuleReference {
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<usize>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ResultOfRule {
    rule_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule_index: Option<usize>,
    level: Severity,
    message: Message,
    locations: [Location; 1],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    related_locations: Vec<Location>,
    partial_fingerprints: BTreeMap<&'static str, String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Location {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<usize>,
    physical_location: PhysicalLocation,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    logical_locations: Vec<LogicalLocation>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<Message>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PhysicalLocation {
    artifact_location: ArtifactLocation,
    region: Region,
}

#[derive(Serialize)]
struct ArtifactLocation {
    uri: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Region {
    start_line: usize,
    start_column: usize,
    end_line: usize,
    end_column: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LogicalLocation {
    fully_qualified_name: String,
    kind: &'static str,
}

/// The failures in the order of the report, as many as may be shown; the mildest are left out.
fn worst_first<'r, 'f>(report: &'r Report<'f>) -> (Vec<&'r Finding<'f>>, usize) {
    let failures: Vec<&Finding<'_>> =
        report.findings.iter().filter(|finding| finding.outcome == Outcome::Fail).collect();
    let left_out = failures.len().saturating_sub(MOST_RESULTS);
    if left_out == 0 {
        return (failures, 0);
    }
    let mut order: Vec<usize> = (0..failures.len()).collect();
    order.sort_by_key(|at| (std::cmp::Reverse(failures.get(*at).map(|finding| finding.severity)), *at));
    order.truncate(MOST_RESULTS);
    order.sort_unstable();
    (order.into_iter().filter_map(|at| failures.get(at).copied()).collect(), left_out)
}

fn result(
    finding: &Finding<'_>,
    anchor: &str,
    rule_index: Option<usize>,
    causes: &FxHashMap<&str, &str>,
) -> ResultOfRule {
    let mut places = finding.places.iter();
    let primary = places.next();
    let related = places.filter_map(|place| Some((place, relative(place.path.as_deref()?)?)));
    let related_locations = related
        .take(MOST_LOCATIONS)
        .enumerate()
        .map(|(at, (place, uri))| {
            let note = if place.note.is_empty() { place.pointer.as_str() } else { place.note.as_str() };
            let message = Some(note).filter(|note| !note.trim().is_empty()).map(message);
            Location { id: Some(at + 1), message, ..location(uri, place) }
        })
        .collect();
    let uri = primary.and_then(|place| relative(place.path.as_deref()?));
    let location = match (uri, primary) {
        (Some(uri), Some(place)) => location(uri, place),
        (None, Some(place)) => location(anchor.to_owned(), &Place { span: None, ..place.clone() }),
        (_, None) => location(anchor.to_owned(), &Place::default()),
    };
    ResultOfRule {
        rule_id: finding.rule.id.clone(),
        rule_index,
        level: finding.severity,
        message: message(&sentences(finding, primary, causes)),
        locations: [location],
        related_locations,
        partial_fingerprints: BTreeMap::from([("primaryLocationLineHash", format!("{}:1", finding.fingerprint))]),
    }
}

/// *What*, *because* and *do*, in one text: GitHub shows only this beside the line.
fn sentences(finding: &Finding<'_>, primary: Option<&Place>, causes: &FxHashMap<&str, &str>) -> String {
    let mut text = finding.message.clone();
    if !finding.because.is_empty() {
        text = format!("{text}: {}", finding.because);
    }
    if let Some(rollout) = &finding.rollout {
        text = format!("{text} (rollout {rollout})");
    }
    if let Some(arn) = primary.filter(|place| place.path.is_none()).and_then(|place| place.arn.as_ref()) {
        text = format!("{text}, at {arn}");
    }
    let cause = finding.explained_by.iter().find_map(|cause| causes.get(cause.as_str()));
    if let Some(cause) = cause {
        text = format!("{text}; follows from {cause}");
    }
    if let Some(fix) = finding.fixes.first() {
        text = match &fix.run {
            Some(run) => format!("{text}; fix: {}: {run}", fix.say),
            None => format!("{text}; fix: {}", fix.say),
        };
    }
    text
}

/// A message; what would be read as a link in it is not one, since its words may be anybody's.
fn message(text: &str) -> Message {
    let text = shortened(text.trim(), LONGEST_MESSAGE).replace("](", "] (");
    Message { text: if text.is_empty() { "no details".into() } else { text } }
}

fn location(uri: String, place: &Place) -> Location {
    let region = match &place.span {
        Some(span) => {
            let (start_line, start_column) = (span.line.max(1), span.column.max(1));
            let end_line = span.end_line.max(start_line);
            let least = if end_line == start_line { start_column } else { 1 };
            Region { start_line, start_column, end_line, end_column: span.end_column.max(least) }
        }
        None => Region { start_line: 1, start_column: 1, end_line: 1, end_column: 1 },
    };
    let arn = place.arn.as_deref().filter(|arn| !arn.is_empty());
    Location {
        id: None,
        physical_location: PhysicalLocation { artifact_location: ArtifactLocation { uri }, region },
        logical_locations: arn
            .map(|arn| LogicalLocation { fully_qualified_name: shortened(arn, LONGEST_MESSAGE), kind: "resource" })
            .into_iter()
            .collect(),
        message: None,
    }
}

/// The path of a file for findings without one: as given, or the first input that can be named.
fn anchor(report: &Report<'_>, options: &SarifOptions) -> String {
    relative(&options.anchor)
        .or_else(|| report.inputs.iter().find_map(|source| relative(&source.path)))
        .unwrap_or_else(|| "sparkcheck.toml".into())
}

/// What may stand in a path of a URI as it is.
const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

/// The path as a relative URI; `None` where it leads out of the folder or is no path at all.
fn relative(path: &str) -> Option<String> {
    let path = if cfg!(windows) { path.replace('\\', "/") } else { path.to_owned() };
    let drive = path.as_bytes().get(1) == Some(&b':') && cfg!(windows);
    if path.starts_with('/') || path == "-" || drive {
        return None;
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    let path = parts.join("/");
    (!path.is_empty()).then(|| utf8_percent_encode(&path, PATH).to_string())
}

fn descriptor(rule: &Rule) -> Descriptor {
    let (text, markdown) = help(rule);
    let mut tags = vec!["spark".to_owned()];
    tags.extend(rule.security_severity.map(|_| "security".to_owned()));
    tags.extend(rule.systems.iter().map(|system| system.name().to_owned()));
    tags.truncate(MOST_TAGS);
    let mut properties = BTreeMap::from([
        ("tags", Property::Words(tags)),
        ("precision", Property::Word("high".into())),
        (
            "problem.severity",
            Property::Word(
                match rule.severity {
                    Severity::Error => "error",
                    Severity::Warning => "warning",
                    Severity::Note => "recommendation",
                }
                .into(),
            ),
        ),
    ]);
    if let Some(severity) = rule.security_severity {
        properties.insert("security-severity", Property::Word(format!("{severity:.1}")));
    }
    Descriptor {
        id: rule.id.clone(),
        name: shortened(&pascal_case(&rule.id), LONGEST_NAME),
        short_description: described(&rule.title, &rule.id),
        full_description: described(&first_paragraph(&rule.why), &rule.title),
        help: Help { text, markdown },
        help_uri: rule.references.iter().find(|page| page.starts_with("https://")).cloned(),
        default_configuration: Configuration { level: rule.severity },
        properties,
    }
}

/// A description that is never empty, and a sentence, as SARIF asks for.
fn described(text: &str, otherwise: &str) -> Message {
    let text = text.trim();
    let text = if text.is_empty() { otherwise } else { text };
    let text = shortened(text, LONGEST_DESCRIPTION - 1);
    Message { text: if text.ends_with(['.', '…', '!', '?']) { text } else { text + "." } }
}

fn first_paragraph(text: &str) -> String {
    let paragraph = text.trim().split("\n\n").next().unwrap_or_default();
    paragraph.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Why it matters, what is seen of it and what to do: once as plain text and once as Markdown.
fn help(rule: &Rule) -> (String, String) {
    let why = if rule.why.trim().is_empty() { rule.title.trim() } else { rule.why.trim() };
    let (mut text, mut markdown) = (why.to_owned(), why.to_owned());
    if !rule.symptoms.is_empty() {
        text.push_str("\n\nSeen afterwards as:\n");
        markdown.push_str("\n\n## Seen afterwards as\n\n");
        for symptom in &rule.symptoms {
            text.push_str(&format!("- {symptom}\n"));
            markdown.push_str(&format!("- {}\n", code(symptom)));
        }
    }
    if !rule.fixes.is_empty() {
        text.push_str("\n\nWhat to do:\n");
        markdown.push_str("\n\n## What to do\n\n");
        for Fix { say, run, .. } in &rule.fixes {
            let nothing = |_: &str| None;
            let say = say.sentence(&nothing);
            text.push_str(&format!("- {say}\n"));
            markdown.push_str(&format!("- {}\n", outside_code(&say, |text| text.replace('<', "\\<"))));
            if let Some(run) = run {
                let run = run.sentence(&nothing);
                text.push_str(&format!("  {run}\n"));
                let fence = "`".repeat(longest_ticks(&run).max(2) + 1);
                let indented = run.trim_end().replace('\n', "\n  ");
                markdown.push_str(&format!("\n  {fence}sh\n  {indented}\n  {fence}\n"));
            }
        }
    }
    if !rule.references.is_empty() {
        text.push_str("\n\nReferences:\n");
        markdown.push_str("\n\n## References\n\n");
        for page in &rule.references {
            text.push_str(&format!("- {page}\n"));
            markdown.push_str(&format!(
                "- {}\n",
                if page.starts_with("https://") { format!("<{page}>") } else { code(page) }
            ));
        }
    }
    (text.trim_end().to_owned(), markdown.trim_end().to_owned() + "\n")
}

/// The text as a code span.
fn code(text: &str) -> String {
    let ticks = "`".repeat(longest_ticks(text) + 1);
    let space = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{ticks}{space}{text}{space}{ticks}")
}

fn longest_ticks(text: &str) -> usize {
    text.split(|character| character != '`').map(str::len).max().unwrap_or(0)
}

/// Changes what stands outside backticks.
fn outside_code(text: &str, change: impl Fn(&str) -> String) -> String {
    let parts = text.split('`').enumerate();
    parts.map(|(at, part)| if at % 2 == 0 { change(part) } else { part.to_owned() }).collect::<Vec<_>>().join("`")
}

/// `oidc-provider-missing` as `OidcProviderMissing`; a word of one letter would make it look like an acronym.
fn pascal_case(id: &str) -> String {
    let words = || id.split(|character: char| !character.is_alphanumeric()).filter(|word| !word.is_empty());
    let mut name = String::new();
    for word in words().filter(|word| word.chars().count() > 1 || words().count() == 1) {
        let mut characters = word.chars();
        name.extend(characters.next().into_iter().flat_map(char::to_uppercase));
        name.push_str(characters.as_str());
    }
    if name.is_empty() { id.to_owned() } else { name }
}

/// The text, or its beginning with an ellipsis, in at most `most` characters.
fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

/// What the run could not do: findings that are undecided, gaps, and results that were left out.
fn notifications(report: &Report<'_>, left_out: usize, numbers: &FxHashMap<&str, usize>) -> Vec<Notification> {
    let mut all = Vec::new();
    if left_out > 0 {
        let text =
            format!("{left_out} of the mildest results are left out, because code scanning takes {MOST_RESULTS}");
        all.push(Notification { level: Severity::Warning, message: message(&text), associated_rule: None });
    }
    for gap in &report.gaps {
        let scope = if gap.scope.is_empty() { String::new() } else { format!(" of {}", gap.scope) };
        let unblock = gap.unblock.as_deref().map(|unblock| format!("; {unblock}")).unwrap_or_default();
        let text = format!("{}{scope} could not be seen: {}{unblock}", gap.what, gap.why);
        all.push(Notification { level: Severity::Warning, message: message(&text), associated_rule: None });
    }
    for assumed in &report.assumed {
        let text = format!("taken for granted: {}; {}", assumed.what, assumed.unblock);
        all.push(Notification { level: Severity::Note, message: message(&text), associated_rule: None });
    }
    for finding in report.findings.iter().filter(|finding| finding.outcome == Outcome::Unknown) {
        let because = if finding.because.is_empty() { String::new() } else { format!(": {}", finding.because) };
        let unblock =
            if finding.unblock.is_empty() { String::new() } else { format!("; {}", finding.unblock.join(", ")) };
        let text = format!("could not be decided: {}{because}{unblock}", finding.message);
        let level = if finding.severity == Severity::Error { Severity::Warning } else { Severity::Note };
        let index = numbers.get(finding.rule.id.as_str()).copied();
        let associated_rule = Some(RuleReference { id: finding.rule.id.clone(), index });
        all.push(Notification { level, message: message(&text), associated_rule });
    }
    let more = all.len().saturating_sub(MOST_NOTIFICATIONS);
    if more > 0 {
        all.truncate(MOST_NOTIFICATIONS);
        let text = format!("{more} more notifications are left out");
        all.push(Notification { level: Severity::Warning, message: message(&text), associated_rule: None });
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_below_the_root() {
        for (path, expected) in [
            ("a/b.json", Some("a/b.json")),
            ("./a/./b.json", Some("a/b.json")),
            ("a/../b.json", Some("b.json")),
            ("dir with space/ä#?%.json", Some("dir%20with%20space/%C3%A4%23%3F%25.json")),
            ("c:d", Some("c%3Ad")),
            ("a//b/", Some("a/b")),
            ("/etc/passwd", None),
            ("../b.json", None),
            ("a/../../b.json", None),
            ("-", None),
            (".", None),
            ("", None),
        ] {
            assert_eq!(relative(path).as_deref(), expected, "{path}");
        }
    }

    #[test]
    fn texts_keep_their_limits_and_stay_texts() {
        assert_eq!(shortened("äöü", 3), "äöü");
        assert_eq!(shortened("äöüx", 3), "äö…");
        assert_eq!(described("", "other").text, "other.");
        assert_eq!(described(&"x".repeat(5000), "").text.chars().count(), LONGEST_DESCRIPTION - 1);
        assert_eq!(message("see [this](https://evil.example)").text, "see [this] (https://evil.example)");
        assert_eq!(pascal_case("oidc-provider-missing"), "OidcProviderMissing");
        assert_eq!(pascal_case("trust-policy-federates-a-service"), "TrustPolicyFederatesService");
        assert_eq!(code("a `b`"), "`` a `b` ``");
        assert_eq!(outside_code("<a> `<b>`", |text| text.replace('<', "\\<")), "\\<a> `<b>`");
    }
}
