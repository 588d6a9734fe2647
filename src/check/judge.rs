//! The verdict on one assertion: the attribute kinds; the semantic ones are [`super::semantic`]'s.

use super::{Evidence, Inquiry, Selected, Spot, Subject, Verdict, blocked, semantic};
use crate::estate::{Within, collection};
use crate::known::{Part, Text, Told, Truth};
use crate::link::Arn;
use crate::path::{Path, Root};
use crate::rule::{Absence, Assertion, Operand};
use regex_lite::Regex;
use serde_json::Value;
use std::cell::RefCell;
use std::cmp::Ordering;
use std::collections::HashMap;

/// Judges an assertion on a subject.
#[must_use]
pub fn judge(assertion: &Assertion, subject: &Subject<'_>, inquiry: &Inquiry<'_>) -> Verdict {
    match assertion {
        Assertion::All(parts) => Verdict::all(parts.iter().map(|part| judge(part, subject, inquiry))),
        Assertion::Any(parts) => Verdict::any(parts.iter().map(|part| judge(part, subject, inquiry))),
        Assertion::Present { value } => present(&subject.find(value)),
        Assertion::Absent { value } => absent(subject.find(value)),
        Assertion::Equals { value, to, when_absent } => {
            each(subject, value, *when_absent, |found| one_of(found, &operand(subject, to), true))
        }
        Assertion::Differs { value, from, when_absent } => {
            each(subject, value, *when_absent, |found| one_of(found, &operand(subject, from), false))
        }
        Assertion::OneOf { value, of, when_absent } => {
            each(subject, value, *when_absent, |found| one_of(found, &literals(of), true))
        }
        Assertion::NoneOf { value, of, when_absent } => {
            each(subject, value, *when_absent, |found| one_of(found, &literals(of), false))
        }
        Assertion::Matches { value, pattern, when_absent } => {
            each(subject, value, *when_absent, |found| matches(found, pattern))
        }
        Assertion::MatchesNot { value, pattern, when_absent } => {
            each(subject, value, *when_absent, |found| !matches(found, pattern))
        }
        Assertion::AtLeast { value, bound, when_absent } => {
            each(subject, value, *when_absent, |found| compare(subject, found, bound, Ordering::is_ge))
        }
        Assertion::AtMost { value, bound, when_absent } => {
            each(subject, value, *when_absent, |found| compare(subject, found, bound, Ordering::is_le))
        }
        Assertion::LaterThan { value, than, when_absent } => {
            each(subject, value, *when_absent, |found| compare(subject, found, than, Ordering::is_gt))
        }
        Assertion::Listed { value, r#in } => listed(subject, inquiry, value, r#in),
        Assertion::FilledIn { value, when_absent } => filled_in(subject, value, *when_absent),
        semantic => semantic::judge(semantic, subject, inquiry),
    }
}

fn present(selected: &Selected<'_>) -> Verdict {
    if !selected.found.is_empty() {
        return Verdict::Pass;
    }
    match blocked(selected) {
        Some(evidence) => Verdict::Unknown(evidence),
        None => Verdict::Fail(Evidence::at(selected.nearest.clone(), "there is none")),
    }
}

fn absent(selected: Selected<'_>) -> Verdict {
    if selected.found.is_empty() {
        return blocked(&selected).map_or(Verdict::Pass, Verdict::Unknown);
    }
    let spots =
        selected.found.into_iter().map(|(_, pointer)| Spot { pointer, note: String::new() }).collect::<Vec<_>>();
    let because = if spots.len() == 1 { "there is one".to_owned() } else { format!("there are {}", spots.len()) };
    let count = spots.len().to_string();
    Verdict::Fail(Evidence { because, spots, ..Evidence::default() }.fact("count", count))
}

/// Judges every value at a path by itself; all must hold.
fn each(subject: &Subject<'_>, path: &Path, when_absent: Absence, holds: impl Fn(&Value) -> Truth) -> Verdict {
    let selected = subject.find(path);
    if selected.found.is_empty() && selected.blocked.is_empty() {
        // Of an empty list everything is true; of a list that is not there, nothing is known.
        if is_an_empty_list(subject, path) {
            return Verdict::Pass;
        }
        let nothing = Evidence::at(selected.nearest, format!("`{}` is not set", last_name(path)));
        return match when_absent {
            Absence::Pass => Verdict::Pass,
            Absence::Fail => Verdict::Fail(nothing),
            Absence::Unknown => Verdict::Unknown(nothing),
        };
    }
    let judged = selected.found.iter().map(|(value, pointer)| {
        let shown = || Text::of(value).map_or_else(|| value.to_string(), |text| text.to_string());
        match holds(value) {
            Truth::True => Verdict::Pass,
            Truth::False => {
                let shown = shown();
                Verdict::Fail(Evidence::at(pointer.clone(), format!("it is `{shown}`")).fact("value", shown))
            }
            Truth::Unknown => {
                let shown = shown();
                let because = format!("`{shown}` is not known in full");
                Verdict::Unknown(Evidence::at(pointer.clone(), because).fact("value", shown))
            }
        }
    });
    Verdict::all(judged.chain(blocked(&selected).map(Verdict::Unknown)))
}

fn last_name(path: &Path) -> &str {
    path.as_str().rsplit(['.', '$']).next().unwrap_or_default()
}

/// The values of an operand, and whether there may be more of them.
struct Values<'v> {
    known: Vec<&'v Value>,
    more: bool,
}

fn operand<'v>(subject: &Subject<'v>, operand: &'v Operand) -> Values<'v> {
    match operand {
        Operand::Is(value) => Values { known: vec![value], more: false },
        Operand::At(path) => {
            let selected = subject.find(path);
            let more = !selected.blocked.is_empty() || selected.found.is_empty();
            Values { known: selected.found.into_iter().map(|(value, _)| value).collect(), more }
        }
    }
}

fn literals(values: &[Value]) -> Values<'_> {
    Values { known: values.iter().collect(), more: false }
}

/// Whether the value is (or, negated, is not) among those.
fn one_of(found: &Value, values: &Values<'_>, wanted: bool) -> Truth {
    let among = Truth::any(values.known.iter().map(|value| same(found, value)));
    let among = if values.more { among.or(Truth::Unknown) } else { among };
    if wanted { among } else { !among }
}

fn same(left: &Value, right: &Value) -> Truth {
    if let (Value::String(left), Value::String(right)) = (left, right) {
        return Truth::from(left == right);
    }
    match (Text::of(left), Text::of(right)) {
        (Some(left), Some(right)) => left.same_as(&right),
        _ => Truth::from(left == right),
    }
}

fn matches(found: &Value, pattern: &str) -> Truth {
    let Some(text) = Text::of(found) else { return Truth::False };
    let Some(text) = text.as_str() else { return Truth::Unknown };
    thread_local! {
        static COMPILED: RefCell<HashMap<String, Option<Regex>>> = RefCell::default();
    }
    COMPILED.with_borrow_mut(|compiled| {
        if !compiled.contains_key(pattern) {
            compiled.insert(pattern.to_owned(), Regex::new(&anchored(pattern)).ok());
        }
        let regex = compiled.get(pattern).and_then(Option::as_ref);
        regex.map_or(Truth::Unknown, |regex| regex.is_match(text).into())
    })
}

/// The pattern as it is compiled: for the whole text.
#[must_use]
pub(crate) fn anchored(pattern: &str) -> String {
    format!("^(?s:{pattern})$")
}

fn compare(subject: &Subject<'_>, found: &Value, bound: &Operand, holds: fn(Ordering) -> bool) -> Truth {
    let bounds = operand(subject, bound);
    if bounds.more {
        return Truth::Unknown;
    }
    Truth::all(bounds.known.iter().map(|bound| match order(found, bound) {
        Some(order) => holds(order).into(),
        None => Truth::Unknown,
    }))
}

/// The order of two numbers, or of two texts such as dates in the form of ISO 8601.
fn order(left: &Value, right: &Value) -> Option<Ordering> {
    let number = |value: &Value| match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse::<f64>().ok().filter(|number| number.is_finite()),
        _ => None,
    };
    match (number(left), number(right)) {
        (Some(left), Some(right)) => left.partial_cmp(&right),
        _ => Some(left.as_str()?.cmp(right.as_str()?)),
    }
}

fn listed(subject: &Subject<'_>, inquiry: &Inquiry<'_>, value: &Operand, within: &Path) -> Verdict {
    let list = subject.find(within);
    let wanted: Vec<(Value, String)> = match value {
        Operand::Is(value) => vec![(value.clone(), list.nearest.clone())],
        Operand::At(path) => {
            let selected = subject.find(path);
            if let Some(evidence) = blocked(&selected) {
                return Verdict::Unknown(evidence);
            }
            if selected.found.is_empty() {
                let because = format!("`{}` is not set", last_name(path));
                return Verdict::Unknown(Evidence::at(selected.nearest, because));
            }
            selected.found.into_iter().map(|(value, pointer)| (value.clone(), pointer)).collect()
        }
    };
    let uncovered = uncovered(subject, inquiry, within, &list);
    Verdict::all(wanted.into_iter().map(|(value, pointer)| {
        let among = Truth::any(list.found.iter().map(|(candidate, _)| same(&value, candidate)));
        let shown = Text::of(&value).map_or_else(|| value.to_string(), |text| text.to_string());
        match (among, &uncovered) {
            (Truth::True, _) => Verdict::Pass,
            (Truth::False, None) => {
                let because = match list.found.len() {
                    0 => "the list is empty".to_owned(),
                    1 => format!("`{shown}` is not the one listed"),
                    count => format!("`{shown}` is none of the {count} listed"),
                };
                let count = list.found.len().to_string();
                Verdict::Fail(Evidence::at(pointer, because).fact("value", shown).fact("count", count))
            }
            (Truth::Unknown, None) => {
                let because = format!("`{shown}` is not known in full");
                Verdict::Unknown(Evidence::at(pointer, because).fact("value", shown))
            }
            (_, Some(evidence)) => {
                let mut evidence = evidence.clone().fact("value", shown);
                if evidence.spots.is_empty() {
                    evidence.spots.push(Spot { pointer, note: String::new() });
                }
                Verdict::Unknown(evidence)
            }
        }
    }))
}

/// Why the list at a path may be longer than what was found.
fn uncovered(subject: &Subject<'_>, inquiry: &Inquiry<'_>, path: &Path, list: &Selected<'_>) -> Option<Evidence> {
    if let Some(evidence) = blocked(list) {
        return Some(evidence);
    }
    let names = path.leading_names();
    if path.root == Root::Estate
        && let [section, name, ..] = names.as_slice()
    {
        let name = format!("{section}.{name}");
        let scope = scope(subject, collection(&name).map(|about| about.within))?;
        return inquiry
            .linked
            .estate
            .incomplete(&name, &scope, None)
            .map(|unknown| Evidence::unknown(subject.pointer.clone(), unknown));
    }
    // A list inside a thing is whole where it is printed at all.
    let is_there = !list.found.is_empty() || !subject.find(path.list()?).found.is_empty();
    (!is_there).then(|| Evidence::at(list.nearest.clone(), format!("`{}` was not printed", last_name(path))))
}

/// Whether the path goes through a list that is there, and empty.
fn is_an_empty_list(subject: &Subject<'_>, path: &Path) -> bool {
    let Some(list) = path.list() else { return false };
    let lists = subject.find(list).found;
    !lists.is_empty() && lists.iter().all(|(list, _)| list.as_array().is_some_and(Vec::is_empty))
}

/// The scope in which a collection must be complete for a subject.
fn scope(subject: &Subject<'_>, within: Option<Within>) -> Option<String> {
    let text = |name: &str| {
        let holders = [Some(subject.value), subject.rollout.map(|(_, rollout)| rollout)];
        holders.into_iter().flatten().find_map(|holder| holder[name].told())
    };
    let arn = ["arn", "Arn", "clusterArn"].into_iter().find_map(text).and_then(Arn::parse);
    let account = text("account").or_else(|| arn.map(|arn| arn.account)).unwrap_or_default();
    let region = text("region").or_else(|| arn.map(|arn| arn.region)).unwrap_or_default();
    Some(match within? {
        Within::Account => account.to_owned(),
        Within::Region => format!("{account}/{region}"),
        Within::Cluster => text("clusterArn").unwrap_or_default().to_owned(),
        Within::Parent => text("arn").unwrap_or_default().to_owned(),
    })
}

fn filled_in(subject: &Subject<'_>, path: &Path, when_absent: Absence) -> Verdict {
    let selected = subject.find(path);
    if selected.found.is_empty() && selected.blocked.is_empty() {
        return each(subject, path, when_absent, |_| Truth::True);
    }
    let mut spots = Vec::new();
    let mut first = None;
    for (value, pointer) in &selected.found {
        placeholders(value, pointer, &mut |placeholder, pointer| {
            first.get_or_insert_with(|| placeholder.to_owned());
            spots.push(Spot { pointer, note: format!("`{placeholder}` is a placeholder") });
        });
    }
    match first {
        Some(placeholder) => Verdict::Fail(
            Evidence { because: format!("`{placeholder}` is a placeholder"), spots, ..Evidence::default() }
                .fact("placeholder", placeholder),
        ),
        None => blocked(&selected).map_or(Verdict::Pass, Verdict::Unknown),
    }
}

/// Calls `found` with every placeholder in the texts of a value.
fn placeholders(value: &Value, pointer: &str, found: &mut impl FnMut(&str, String)) {
    match value {
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                placeholders(item, &format!("{pointer}/{at}"), found);
            }
        }
        Value::Object(object) if Text::of(value).is_none() => {
            for (name, item) in object {
                placeholders(item, &format!("{pointer}/{}", crate::path::escape(name)), found);
            }
        }
        _ => {
            for part in Text::of(value).iter().flat_map(Text::parts) {
                if let Part::Literal(text) = part
                    && let Some(placeholder) = placeholder(text)
                {
                    found(placeholder, pointer.to_owned());
                }
            }
        }
    }
}

/// The first stretch of a text that documentation writes in place of a real value: account ids made
/// of one digit or the ones of AWS's own examples, `<NAME>`, `YOUR_…`, `REPLACE_ME`, `xxxx…`,
/// `placeholder`.
fn placeholder(text: &str) -> Option<&str> {
    thread_local! {
        static PATTERN: Option<Regex> = Regex::new(
            r"(?x)
            \b(?:0{12}|1{12}|2{12}|3{12}|4{12}|5{12}|6{12}|7{12}|8{12}|9{12}|111122223333|444455556666|123456789012)\b
            | <[A-Za-z][A-Za-z0-9_\ -]*>
            | \b(?i:your)[-_][A-Za-z0-9_-]+ | \b(?i:replace[-_]?me|change[-_]?me|placeholder|to-?do)\b
            | \b[xX]{8,}\b",
        ).ok();
    }
    PATTERN.with(|pattern| Some(pattern.as_ref()?.find(text)?.range())).and_then(|range| text.get(range))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_and_look_alikes() {
        for (text, expected) in [
            ("arn:aws:iam::111111111111:role/x", Some("111111111111")),
            ("arn:aws:iam::<ACCOUNT_ID>:policy/x", Some("<ACCOUNT_ID>")),
            ("sha256:placeholder", Some("placeholder")),
            ("s3://YOUR_BUCKET/x", Some("YOUR_BUCKET")),
            ("s3://your-bucket/x", Some("your-bucket")),
            ("arn:aws:iam::123456789012:role/x", Some("123456789012")),
            ("arn:aws:iam::787587782916:role/x", None),
            ("arn:aws:iam::1111111111112:role/x", None),
            ("a < b and b > c", None),
            ("s3://toy-yours/xxx", None),
            ("${aws:PrincipalTag/team}", None),
        ] {
            assert_eq!(placeholder(text), expected, "{text}");
        }
    }
}
