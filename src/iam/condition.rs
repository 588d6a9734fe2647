//! Conditions: operators, keys and values, in three values.
//!
//! All operators and all keys of a statement must hold, one of a key's values is enough, and none
//! may match under a negated operator. A key that is missing satisfies negated operators and
//! `…IfExists`, and nothing else.
//!
//! Deliberately absent: guesses. A multivalued key without a set operator, and `ForAnyValue:…IfExists`
//! on a missing key, have no documented answer and stay unknown.

use super::context::{Context, Found};
use super::pattern::{Reading, Subject, Template, compare};
use super::policy::Effect;
use crate::known::{Text, Truth};
use ipnet::IpNet;
use std::cmp::Ordering;
use std::net::IpAddr;

/// One key under one operator, with its values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// The operator; `None` where the document names none that exists, or a hole.
    pub operator: Option<Operator>,
    /// The key as the document writes it, `${…}` in it being holes.
    pub key: Text,
    /// The key in lowercase, for looking it up.
    pub lowered: String,
    /// What it is compared with.
    pub values: Vec<Template>,
    /// Where the values stand: a JSON pointer inside the document.
    pub pointer: String,
    /// Whether they stand in a list, so that each has a pointer of its own.
    pub listed: bool,
}

impl Condition {
    /// Where one of the values stands.
    #[must_use]
    pub fn pointer_of(&self, value: usize) -> String {
        if self.listed { format!("{}/{value}", self.pointer) } else { self.pointer.clone() }
    }
}

/// A condition operator with its prefix and suffix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operator {
    /// What it compares.
    pub test: Test,
    /// `…Not…`: none of the values may match.
    pub negated: bool,
    /// `…IfExists`: a missing key satisfies it.
    pub if_exists: bool,
    /// `ForAllValues:` or `ForAnyValue:`.
    pub set: Option<Quantifier>,
}

/// What an operator compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Test {
    /// `StringEquals`
    StringEquals,
    /// `StringEqualsIgnoreCase`
    StringEqualsIgnoreCase,
    /// `StringLike`
    StringLike,
    /// `NumericEquals` and its kin
    Numeric(Relation),
    /// `DateEquals` and its kin
    Date(Relation),
    /// `Bool`
    Bool,
    /// `BinaryEquals`
    Binary,
    /// `IpAddress`
    IpAddress,
    /// `ArnEquals` and `ArnLike`, which are the same
    Arn,
    /// `Null`
    Null,
}

/// How a request's number or instant must lie to the policy's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// The same.
    Equals,
    /// Smaller.
    LessThan,
    /// Smaller or the same.
    LessThanEquals,
    /// Greater.
    GreaterThan,
    /// Greater or the same.
    GreaterThanEquals,
}

impl Relation {
    fn holds(self, found: Ordering) -> bool {
        match self {
            Self::Equals => found.is_eq(),
            Self::LessThan => found.is_lt(),
            Self::LessThanEquals => found.is_le(),
            Self::GreaterThan => found.is_gt(),
            Self::GreaterThanEquals => found.is_ge(),
        }
    }
}

/// Which of a multivalued key's values must match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantifier {
    /// Every one; also none at all.
    ForAllValues,
    /// At least one.
    ForAnyValue,
}

impl Operator {
    /// The operator of this name, in any case; `None` if there is none.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        let (set, rest) = match name.split_once(':') {
            None => (None, name.as_str()),
            Some(("forallvalues", rest)) => (Some(Quantifier::ForAllValues), rest),
            Some(("foranyvalue", rest)) => (Some(Quantifier::ForAnyValue), rest),
            Some(_) => return None,
        };
        let (rest, if_exists) = rest.strip_suffix("ifexists").map_or((rest, false), |rest| (rest, true));
        let (test, negated) = match rest {
            "stringequals" => (Test::StringEquals, false),
            "stringnotequals" => (Test::StringEquals, true),
            "stringequalsignorecase" => (Test::StringEqualsIgnoreCase, false),
            "stringnotequalsignorecase" => (Test::StringEqualsIgnoreCase, true),
            "stringlike" => (Test::StringLike, false),
            "stringnotlike" => (Test::StringLike, true),
            "arnequals" | "arnlike" => (Test::Arn, false),
            "arnnotequals" | "arnnotlike" => (Test::Arn, true),
            "bool" => (Test::Bool, false),
            "binaryequals" => (Test::Binary, false),
            "ipaddress" => (Test::IpAddress, false),
            "notipaddress" => (Test::IpAddress, true),
            "null" if !if_exists => (Test::Null, false),
            _ => {
                let (kind, relation): (fn(Relation) -> Test, _) = match rest.strip_prefix("numeric") {
                    Some(relation) => (Test::Numeric, relation),
                    None => (Test::Date, rest.strip_prefix("date")?),
                };
                match relation {
                    "equals" => (kind(Relation::Equals), false),
                    "notequals" => (kind(Relation::Equals), true),
                    "lessthan" => (kind(Relation::LessThan), false),
                    "lessthanequals" => (kind(Relation::LessThanEquals), false),
                    "greaterthan" => (kind(Relation::GreaterThan), false),
                    "greaterthanequals" => (kind(Relation::GreaterThanEquals), false),
                    _ => return None,
                }
            }
        };
        Some(Self { test, negated, if_exists, set })
    }
}

/// Which way an undocumented answer must lean: against the caller, whatever the statement's effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Doubt {
    /// A match helps the caller, so a match is put in doubt; otherwise it harms, and its absence is.
    helps: bool,
    /// The operator is negated.
    negated: bool,
}

impl Doubt {
    pub(crate) fn new(effect: Effect, negated: bool) -> Self {
        Self { helps: (effect == Effect::Deny) == negated, negated }
    }

    /// The answer, made unknown where it would favour the caller.
    pub(crate) fn about(self, answer: Truth) -> Truth {
        if self.helps { answer.and(Truth::Unknown) } else { answer.or(Truth::Unknown) }
    }

    /// The answer where a value is not of the operator's type. It matches nothing; what a negated
    /// operator makes of that is not documented, nor whether texts that are `alike` would match.
    pub(crate) fn about_type(self, alike: bool) -> Truth {
        if self.negated || alike { self.about(Truth::False) } else { Truth::False }
    }
}

/// Whether a condition holds in a request.
pub(crate) fn holds(condition: &Condition, context: &Context<'_>, effect: Effect) -> Truth {
    if condition.key.as_str().is_none() {
        return Truth::Unknown;
    }
    holds_with(condition, context.find(&condition.lowered), context, effect)
}

/// The same, with what is known of the key told beside.
pub(crate) fn holds_with(condition: &Condition, found: Found<'_>, context: &Context<'_>, effect: Effect) -> Truth {
    let Some(operator) = condition.operator else { return Truth::Unknown };
    if operator.test == Test::Null {
        return null(condition, found, operator);
    }
    let doubt = Doubt::new(effect, operator.negated);
    let one = |subject: Subject<'_>| {
        let any =
            Truth::any(condition.values.iter().map(|value| matches(operator.test, value, subject, context, doubt)));
        if operator.negated { !any } else { any }
    };
    match found {
        Found::Absent => absent(operator),
        Found::One(text) => one(Subject::Text(text)),
        Found::Many(texts) => match operator.set {
            None => Truth::Unknown,
            Some(Quantifier::ForAllValues) => Truth::all(texts.iter().map(|text| one(Subject::Text(text)))),
            Some(Quantifier::ForAnyValue) => Truth::any(texts.iter().map(|text| one(Subject::Text(text)))),
        },
        Found::Unknown { present } => {
            let there = one(Subject::Key(&condition.lowered));
            if present || there == absent(operator) { there } else { Truth::Unknown }
        }
    }
}

/// What an operator says to a key that is not in the request.
fn absent(operator: Operator) -> Truth {
    match operator.set {
        Some(Quantifier::ForAllValues) => Truth::True,
        // Two documented sentences contradict each other here.
        Some(Quantifier::ForAnyValue) if operator.if_exists => Truth::Unknown,
        Some(Quantifier::ForAnyValue) => Truth::False,
        None => Truth::from(operator.if_exists || operator.negated),
    }
}

fn null(condition: &Condition, found: Found<'_>, operator: Operator) -> Truth {
    let is_null = match found {
        Found::Absent => Truth::True,
        Found::One(_) | Found::Unknown { present: true } => Truth::False,
        Found::Many(texts) if !texts.is_empty() => Truth::False,
        // Whether an empty list counts as missing is not documented.
        Found::Many(_) | Found::Unknown { present: false } => Truth::Unknown,
    };
    let answer = Truth::any(condition.values.iter().map(|value| match value.plain() {
        Some(text) if text.eq_ignore_ascii_case("true") => is_null,
        Some(text) if text.eq_ignore_ascii_case("false") => !is_null,
        // Neither is any other word documented.
        Some(_) | None => Truth::Unknown,
    }));
    // A set operator before `Null` has no documented meaning.
    if operator.set.is_some() { Truth::Unknown } else { answer }
}

/// Whether one value of the request matches one value of the policy.
pub(crate) fn matches(
    test: Test,
    value: &Template,
    subject: Subject<'_>,
    context: &Context<'_>,
    doubt: Doubt,
) -> Truth {
    let reading = match test {
        Test::StringEquals => Reading::Literal,
        Test::StringEqualsIgnoreCase | Test::Bool => Reading::IgnoringCase,
        Test::StringLike => Reading::Glob,
        Test::Arn => Reading::Arn,
        Test::Numeric(_) | Test::Date(_) | Test::IpAddress | Test::Binary | Test::Null => {
            let (Some(policy), Subject::Text(text)) = (value.plain(), subject) else { return Truth::Unknown };
            let Some(request) = text.as_str() else { return Truth::Unknown };
            return typed(test, policy, request).map_or_else(|| doubt.about_type(policy == request), Truth::from);
        }
    };
    let matched = compare(value, subject, context, reading, doubt);
    if test == Test::Bool && matched != Truth::False && value.plain().is_some_and(|text| !is_bool(text)) {
        return doubt.about(Truth::False);
    }
    matched
}

pub(crate) fn is_bool(text: &str) -> bool {
    text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("false")
}

fn typed(test: Test, policy: &str, request: &str) -> Option<bool> {
    Some(match test {
        Test::Numeric(relation) => relation.holds(compare_numbers(request, policy)?),
        Test::Date(relation) => relation.holds(instant(request)?.cmp(&instant(policy)?)),
        Test::IpAddress => network(policy)?.contains(&request.trim().parse::<IpAddr>().ok()?),
        Test::Binary => policy.trim_end_matches('=') == request.trim_end_matches('='),
        _ => return None,
    })
}

/// An address or a network in CIDR notation.
pub(crate) fn network(text: &str) -> Option<IpNet> {
    let text = text.trim();
    text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

/// Compares decimal numbers of any length, exactly.
pub(crate) fn compare_numbers(left: &str, right: &str) -> Option<Ordering> {
    let (left, right) = (Decimal::of(left)?, Decimal::of(right)?);
    let magnitudes =
        (left.whole.len(), left.whole, left.fraction).cmp(&(right.whole.len(), right.whole, right.fraction));
    Some(match (left.negative, right.negative) {
        (false, false) => magnitudes,
        (true, true) => magnitudes.reverse(),
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
    })
}

/// A number's digits, without the zeros that say nothing.
struct Decimal<'a> {
    negative: bool,
    whole: &'a str,
    fraction: &'a str,
}

impl<'a> Decimal<'a> {
    fn of(text: &'a str) -> Option<Self> {
        let text = text.trim();
        let (digits, negative) = match text.strip_prefix('-') {
            Some(digits) => (digits, true),
            None => (text.strip_prefix('+').unwrap_or(text), false),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        if (whole.is_empty() && fraction.is_empty())
            || !whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit())
        {
            return None;
        }
        let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
        Some(Self { negative: negative && !(whole.is_empty() && fraction.is_empty()), whole, fraction })
    }
}

/// An instant in nanoseconds since 1970: ISO 8601 with an offset, a date alone, or epoch seconds.
pub(crate) fn instant(text: &str) -> Option<i128> {
    const SECOND: i128 = 1_000_000_000;
    let text = text.trim();
    if let Some(digits) = Decimal::of(text) {
        let whole: i128 = if digits.whole.is_empty() { 0 } else { digits.whole.parse().ok()? };
        let fraction: i128 = format!("{:0<9.9}", digits.fraction).parse().ok()?;
        let nanoseconds = whole.checked_mul(SECOND)?.checked_add(fraction)?;
        return Some(if digits.negative { -nanoseconds } else { nanoseconds });
    }
    if let Ok(timestamp) = text.parse::<jiff::Timestamp>() {
        return Some(timestamp.as_nanosecond());
    }
    let utc = jiff::tz::TimeZone::UTC;
    if let Ok(moment) = text.parse::<jiff::civil::DateTime>() {
        return Some(moment.to_zoned(utc).ok()?.timestamp().as_nanosecond());
    }
    // `2026-02` is a date as well.
    let date: jiff::civil::Date = format!("{text}-01").parse().ok()?;
    Some(date.to_zoned(utc).ok()?.timestamp().as_nanosecond())
}
