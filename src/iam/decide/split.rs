//! Unknown keys, tried with one value of every kind that the policies can tell apart.
//!
//! For texts the kinds are found by walking all patterns on a key at once, for numbers, dates and
//! addresses they lie at and between the boundaries. So the answer over the tried values is the
//! answer over all values.
//!
//! A key that stands in a pattern as a variable is tried with every text that makes the pattern match
//! ([`filling`]).
//!
//! Deliberately absent: variables of two unknown keys in one pattern, or of one in a test of another.
//! They are tried, but what is found is not taken for everything.

mod filling;

use super::{Case, Kind, Line, MOST_TRIED, MOST_WALKED, MOST_WEIGHED, Outcome, Weight, resource_entries};
use crate::iam::condition::{self, Condition, Test};
use crate::iam::context::{Context, ContextValue, Found};
use crate::iam::language::{self, Form, Language, Letter, Symbol};
use crate::iam::pattern::{Reading, Sym, Template};
use crate::iam::policy::Effect;
use crate::known::{Text, Truth};
use std::collections::BTreeSet;

/// What trying values for the unknown keys found.
pub(super) struct Split {
    pub(super) outcome: Outcome,
    pub(super) possible: Truth,
    pub(super) explicit_only: bool,
    pub(super) depends_on: Vec<String>,
}

/// An unknown key and the values to try for it, one of each kind that the policies can tell apart.
struct Choices<'a> {
    key: &'a str,
    values: Vec<Option<ContextValue>>,
    /// No other value could make a difference.
    exact: bool,
}

impl<'a> Case<'a> {
    /// Tries the unknown keys with every combination of values that matter.
    pub(super) fn split(&self, context: &Context<'a>, weights: &[Weight]) -> Split {
        // A statement that is decided stays so whatever its keys turn out to be.
        let open: Vec<&Line<'a>> =
            self.lines.iter().zip(weights).filter(|(_, weight)| weight.is_open()).map(|(line, _)| line).collect();
        let mut keys: Vec<&'a str> = open.iter().flat_map(|line| line.statement.keys()).collect();
        keys.sort_unstable();
        keys.dedup();
        keys.retain(|key| matches!(context.find(key), Found::Unknown { .. }));
        let mut undecided = Split {
            outcome: Outcome::Conditional,
            possible: Truth::Unknown,
            explicit_only: false,
            depends_on: keys.iter().map(|key| self.spelling(key)).collect(),
        };
        let choices: Vec<Choices<'a>> =
            keys.iter().map(|key| choices(key, &open, &self.request.resource, context)).collect();
        let total = choices.iter().try_fold(1usize, |total, choice| total.checked_mul(choice.values.len()));
        let few = |total: &usize| *total <= MOST_TRIED && *total * (self.lines.len() + 1) <= MOST_WEIGHED;
        let Some(total) = total.filter(few) else { return undecided };
        let exact = choices.iter().all(|choice| choice.exact);
        let mut outcomes = Vec::with_capacity(total);
        for number in 0..total {
            let mut rest = number;
            let mut tried = Vec::with_capacity(choices.len());
            for choice in &choices {
                tried.push((choice.key, choice.values[rest % choice.values.len()].as_ref()));
                rest /= choice.values.len();
            }
            outcomes.push(self.outcome_with(context, tried));
        }
        undecided.explicit_only = outcomes.iter().all(|outcome| *outcome == Outcome::Denied(Kind::Explicit));
        let allowed = outcomes.iter().filter(|outcome| **outcome == Outcome::Allowed).count();
        let conditional = outcomes.iter().filter(|outcome| **outcome == Outcome::Conditional).count();
        if allowed > 0 {
            undecided.possible = Truth::True;
        } else if exact && conditional == 0 {
            undecided.possible = Truth::False;
        }
        if exact && conditional == 0 && (allowed == 0 || allowed == total) {
            undecided.outcome = if allowed == 0 { Outcome::Denied(Kind::Implicit) } else { Outcome::Allowed };
        }
        // A key matters if changing it alone changes the answer.
        let answer = |number: usize| match outcomes[number] {
            Outcome::Denied(_) => Outcome::Denied(Kind::Implicit),
            other => other,
        };
        let mut stride = 1;
        let mut matter = Vec::new();
        for choice in &choices {
            let count = choice.values.len();
            let matters = (0..total).any(|number| {
                let value = number / stride % count;
                value > 0 && answer(number) != answer(number - value * stride)
            });
            if matters {
                matter.push(self.spelling(choice.key));
            }
            stride *= count;
        }
        // What was not tried in full may matter as well.
        matter.extend(choices.iter().filter(|choice| !choice.exact).map(|choice| self.spelling(choice.key)));
        undecided.depends_on = matter;
        undecided
    }

    fn outcome_with<'v>(&self, context: &Context<'a>, tried: Vec<(&'a str, Option<&'v ContextValue>)>) -> Outcome
    where
        'a: 'v,
    {
        let mut context: Context<'v> = context.clone();
        context.tried = tried;
        let weights: Vec<Weight> = self.lines.iter().map(|line| self.weight(line, &context)).collect();
        self.verdict(&weights).outcome()
    }

    /// The key as the request or the first condition spells it.
    fn spelling(&self, key: &str) -> String {
        let given = self.request.unknown.iter().chain(&self.request.unknown_present);
        let given = given.into_iter().find(|given| given.eq_ignore_ascii_case(key)).cloned();
        let conditions = self.lines.iter().flat_map(|line| &line.statement.conditions);
        let mut tested = conditions.filter(|condition| condition.lowered == key);
        given.or_else(|| tested.next().map(|condition| condition.key.to_string())).unwrap_or_else(|| key.to_owned())
    }
}

/// What to try for an unknown key, as far as the undecided statements tell its values apart.
fn choices<'a>(key: &'a str, open: &[&Line<'a>], resource: &Text, context: &Context<'a>) -> Choices<'a> {
    let conditions: Vec<&Condition> =
        open.iter().flat_map(|line| &line.statement.conditions).filter(|condition| condition.lowered == key).collect();
    let mut fillings: Vec<Language> = Vec::new();
    let filled = open.iter().try_for_each(|line| fillings_of(line, key, resource, context, &mut fillings));
    let (samples, complete) = samples(&conditions, fillings, context);
    let mut exact = filled.is_some() && complete;
    let plural = conditions.iter().any(|condition| condition.operator.is_some_and(|operator| operator.set.is_some()));
    let singular = conditions.iter().any(|condition| {
        condition.operator.is_some_and(|operator| operator.set.is_none() && operator.test != Test::Null)
    });
    let mut values: Vec<Option<ContextValue>> = Vec::new();
    if matches!(context.find(key), Found::Unknown { present: false }) {
        values.push(None);
    }
    if plural && (!singular || is_multivalued(key)) {
        let few = samples.len() <= MOST_MEMBERS;
        exact &= few;
        if few {
            for set in 1..1usize << samples.len() {
                let members = samples.iter().enumerate().filter(|(at, _)| set >> at & 1 == 1);
                values.push(Some(ContextValue::Many(members.map(|(_, text)| text.clone()).collect())));
            }
        } else {
            values.extend(samples.iter().map(|text| Some(ContextValue::Many(vec![text.clone()]))));
            values.push(Some(ContextValue::Many(samples)));
        }
    } else {
        values.extend(samples.into_iter().map(|text| Some(ContextValue::One(text))));
    }
    Choices { key, values, exact }
}

/// The values of an unknown key for which the patterns of a statement match that name it as a
/// variable; `None` where they cannot be told.
fn fillings_of(
    line: &Line<'_>,
    key: &str,
    resource: &Text,
    context: &Context<'_>,
    into: &mut Vec<Language>,
) -> Option<()> {
    let effect = line.statement.effect.unwrap_or(Effect::Deny);
    let mut fill = |template: &Template, subject: &Text, reading| {
        for filling in filling::fillings(template, key, subject.as_str()?, context, reading, effect)? {
            if !into.contains(&filling) {
                into.push(filling);
            }
        }
        (into.len() <= MOST_FILLINGS).then_some(())
    };
    let names = |template: &&Template| template.variables().any(|variable| variable == key);
    for template in resource_entries(line.statement).map(|entry| &entry.template).filter(names) {
        if line.resource_varies {
            fill(template, resource, Reading::Resource)?;
        }
    }
    for condition in &line.statement.conditions {
        for template in condition.values.iter().filter(names) {
            let reading = match condition.operator?.test {
                Test::StringEquals => Reading::Literal,
                Test::StringEqualsIgnoreCase | Test::Bool => Reading::IgnoringCase,
                Test::StringLike => Reading::Glob,
                Test::Arn => Reading::Arn,
                _ => continue,
            };
            match context.find(&condition.lowered) {
                Found::Absent => {}
                Found::One(text) => fill(template, text, reading)?,
                Found::Many(texts) => texts.iter().try_for_each(|text| fill(template, text, reading))?,
                Found::Unknown { .. } => return None,
            }
        }
    }
    Some(())
}

/// At most so many values are tried for what one key stands for as a variable.
const MOST_FILLINGS: usize = 64;

/// At most so many kinds of values are tried in every combination for a multivalued key.
const MOST_MEMBERS: usize = 8;

/// Keys that AWS documents as multivalued.
fn is_multivalued(key: &str) -> bool {
    matches!(
        key,
        "aws:tagkeys"
            | "aws:calledvia"
            | "aws:principalorgpaths"
            | "aws:resourceorgpaths"
            | "aws:sourceorgpaths"
            | "aws:principalservicenameslist"
            | "aws:sourcevpcarns"
            | "dynamodb:attributes"
            | "dynamodb:leadingkeys"
            | "sts:transitivetagkeys"
    )
}

/// One value of each kind that these conditions on one key can tell apart, and whether none is left
/// out.
fn samples(conditions: &[&Condition], fillings: Vec<Language>, context: &Context<'_>) -> (Vec<Text>, bool) {
    let mut families = BTreeSet::new();
    if !fillings.is_empty() {
        families.insert("text");
    }
    let mut languages = fillings;
    let mut literals: BTreeSet<String> = BTreeSet::new();
    let mut exact = true;
    for condition in conditions {
        let Some(operator) = condition.operator else {
            exact = false;
            continue;
        };
        let reading = match operator.test {
            Test::Null => continue,
            Test::StringEquals => Reading::Literal,
            Test::StringEqualsIgnoreCase => Reading::IgnoringCase,
            Test::StringLike => Reading::Glob,
            Test::Arn => Reading::Arn,
            Test::Bool => {
                families.insert("bool");
                exact &= condition.values.iter().all(|value| value.plain().is_some());
                literals.extend(["true".to_owned(), "false".to_owned()]);
                continue;
            }
            Test::Numeric(_) | Test::Date(_) | Test::IpAddress | Test::Binary => {
                families.insert(match operator.test {
                    Test::Numeric(_) => "number",
                    Test::Date(_) => "date",
                    Test::IpAddress => "address",
                    _ => "binary",
                });
                literals.extend(condition.values.iter().filter_map(Template::plain).map(str::to_owned));
                exact &= condition.values.iter().all(|value| value.plain().is_some());
                continue;
            }
        };
        families.insert("text");
        for value in &condition.values {
            match language_of(value, context, reading) {
                Some(language) if !languages.contains(&language) => languages.push(language),
                Some(_) => {}
                None => exact = false,
            }
        }
    }
    let mut texts: BTreeSet<String> = BTreeSet::new();
    // A condition on the type of a value beside one on its text: their kinds are not combined.
    exact &= families.len() <= 1;
    for family in &families {
        match *family {
            "number" => texts.extend(around_numbers(&literals)),
            "date" => texts.extend(around_dates(&literals)),
            "address" => texts.extend(around_addresses(&literals)),
            "binary" => texts.extend(literals.iter().cloned().chain(["c3Bhcms=".to_owned()])),
            "bool" => texts.extend(["true".to_owned(), "false".to_owned()]),
            _ => match language::classes(Form::Any, &languages, 0, MOST_WALKED) {
                Some(classes) => texts.extend(classes.iter().map(|class| text_of(&class.example))),
                None => exact = false,
            },
        }
    }
    if texts.is_empty() {
        texts.insert("spark".to_owned());
    }
    (texts.into_iter().map(Text::literal).collect(), exact)
}

fn text_of(symbols: &[Symbol]) -> String {
    symbols
        .iter()
        .map(|symbol| match symbol {
            Symbol::Char(c) => *c,
            Symbol::Atom(_) | Symbol::Stranger => '\u{fffd}',
        })
        .collect()
}

/// The language of a template, where nothing in it is unknown.
fn language_of(template: &Template, context: &Context<'_>, reading: Reading) -> Option<Language> {
    let symbols = template.symbols(context, reading);
    if symbols.undocumented || symbols.null == Truth::Unknown {
        return None;
    }
    if symbols.null == Truth::True {
        return Some(Language { letters: vec![Letter::Never], lenient: false });
    }
    let mut colons = 0;
    let mut letters = Vec::with_capacity(symbols.syms.len());
    for sym in &symbols.syms {
        let in_part = reading == Reading::Arn && colons < 5;
        letters.push(match sym {
            Sym::Char(c) => {
                colons += usize::from(*c == ':');
                if reading == Reading::IgnoringCase { Letter::Folded(*c) } else { Letter::Char(*c) }
            }
            Sym::One if in_part => Letter::OneInPart,
            Sym::One => Letter::One,
            Sym::Star if in_part => Letter::StarInPart,
            Sym::Star => Letter::Star,
            Sym::Hole(_) | Sym::Key(_) => return None,
        });
    }
    if reading == Reading::Arn && colons < 5 {
        letters = vec![Letter::Never];
    }
    Some(Language { letters, lenient: false })
}

/// The numbers themselves, and one before, between and after them.
fn around_numbers(literals: &BTreeSet<String>) -> Vec<String> {
    let mut numbers: Vec<&str> =
        literals.iter().map(String::as_str).filter(|text| condition::compare_numbers(text, "0").is_some()).collect();
    numbers.sort_by(|a, b| condition::compare_numbers(a, b).unwrap_or(std::cmp::Ordering::Equal));
    let mut found: Vec<String> = numbers.iter().map(|text| (*text).to_owned()).collect();
    for number in &numbers {
        // A little more than each, smaller than any distance that the digits of the policies show.
        let (sign, digits) = number.strip_prefix('-').map_or(("", *number), |digits| ("-", digits));
        let longest = numbers.iter().map(|text| text.len()).max().unwrap_or_default();
        let point = if digits.contains('.') { "" } else { "." };
        let outward = format!("{sign}{digits}{point}{}1", "0".repeat(longest));
        found.push(outward);
    }
    if let (Some(first), Some(last)) = (numbers.first(), numbers.last()) {
        let wide = "9".repeat(first.len().max(last.len()) + 1);
        found.extend([format!("-{wide}"), wide]);
    }
    // Between a negative number and the next, what lies outward of the next one is missing.
    found.push("0".to_owned());
    let longest = numbers.iter().map(|text| text.len()).max().unwrap_or_default();
    let small = format!("0.{}1", "0".repeat(longest));
    found.extend([format!("-{small}"), small]);
    found
}

/// The instants themselves, and one second before and after each.
fn around_dates(literals: &BTreeSet<String>) -> Vec<String> {
    const SECOND: i128 = 1_000_000_000;
    let seconds = |nanoseconds: i128| {
        let (whole, fraction) = (nanoseconds.div_euclid(SECOND), nanoseconds.rem_euclid(SECOND));
        if fraction == 0 || whole < 0 { whole.to_string() } else { format!("{whole}.{fraction:09}") }
    };
    let instants = literals.iter().filter_map(|text| condition::instant(text));
    instants.flat_map(|instant| [instant - SECOND, instant, instant + SECOND]).map(seconds).collect()
}

/// The ends of the networks and their outer neighbours, and an address of each family.
fn around_addresses(literals: &BTreeSet<String>) -> Vec<String> {
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
    let mut found: Vec<IpAddr> = Vec::new();
    for network in literals.iter().filter_map(|text| condition::network(text)) {
        match (network.network(), network.broadcast()) {
            (IpAddr::V4(first), IpAddr::V4(last)) => {
                let (before, after) = (u32::from(first).checked_sub(1), u32::from(last).checked_add(1));
                found.extend([first, last].map(IpAddr::V4));
                found.extend([before, after].into_iter().flatten().map(|bits| IpAddr::V4(Ipv4Addr::from(bits))));
            }
            (IpAddr::V6(first), IpAddr::V6(last)) => {
                let (before, after) = (u128::from(first).checked_sub(1), u128::from(last).checked_add(1));
                found.extend([first, last].map(IpAddr::V6));
                found.extend([before, after].into_iter().flatten().map(|bits| IpAddr::V6(Ipv6Addr::from(bits))));
            }
            _ => {}
        }
    }
    found.extend([IpAddr::V4(Ipv4Addr::UNSPECIFIED), IpAddr::V6(Ipv6Addr::UNSPECIFIED)]);
    found.extend([IpAddr::V4(Ipv4Addr::BROADCAST), IpAddr::V6(Ipv6Addr::from(u128::MAX))]);
    found.into_iter().map(|address| address.to_string()).collect()
}
