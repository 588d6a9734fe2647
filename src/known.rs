//! What is known of a value: truth with three answers, values that may be missing, texts with holes.
//!
//! Infrastructure is read before it exists and by people who may not see all of it. So a fact is
//! true, false or *unknown*; a text may have holes that only an apply will fill; and nothing here
//! ever turns an unknown into a yes or a no. In a document an unknown value stands as
//! `{"$unknown": "why"}`, and a text with holes as `{"$text": ["arn:aws:iam::", {"$unknown": "AWS::AccountId"}, ":role/x"]}`.
//!
//! Deliberately absent: a conversion from [`Truth`] to `bool`.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use std::fmt;
use std::ops::Not;

/// Kleene's three truth values, ordered so that *and* is the minimum and *or* the maximum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Truth {
    /// It does not hold.
    False,
    /// It cannot be told from what is known.
    Unknown,
    /// It holds.
    True,
}

impl Truth {
    /// Both hold.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        self.min(other)
    }

    /// At least one holds.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        self.max(other)
    }

    /// All of them hold; true of none at all.
    pub fn all(truths: impl IntoIterator<Item = Self>) -> Self {
        truths.into_iter().min().unwrap_or(Self::True)
    }

    /// At least one of them holds; false of none at all.
    pub fn any(truths: impl IntoIterator<Item = Self>) -> Self {
        truths.into_iter().max().unwrap_or(Self::False)
    }
}

impl Not for Truth {
    type Output = Self;

    fn not(self) -> Self {
        match self {
            Self::True => Self::False,
            Self::False => Self::True,
            Self::Unknown => Self::Unknown,
        }
    }
}

impl From<bool> for Truth {
    fn from(holds: bool) -> Self {
        if holds { Self::True } else { Self::False }
    }
}

/// Why a value is not known, and what would make it known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unknown {
    /// The reason, lowercase and without a period: `the roles of 111122223333 were not listed`.
    pub why: String,
    /// What settles it, as an instruction: ``grant `iam:ListRoles` ``.
    pub unblock: Option<String>,
}

impl Unknown {
    /// The unknown that stands in `value`, if one does.
    #[must_use]
    pub fn of(value: &Value) -> Option<Self> {
        let why = value.get("$unknown")?.as_str().unwrap_or("unknown").to_owned();
        let unblock = value.get("$unblock").and_then(Value::as_str).map(str::to_owned);
        Some(Self { why, unblock })
    }

    /// The form in which an unknown stands in a document.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let mut object = serde_json::Map::new();
        object.insert("$unknown".into(), self.why.clone().into());
        if let Some(unblock) = &self.unblock {
            object.insert("$unblock".into(), unblock.clone().into());
        }
        Value::Object(object)
    }
}

/// A value, or why it is not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Known<T> {
    /// It is this.
    Known(T),
    /// It cannot be told.
    Unknown(Unknown),
}

impl<T> Known<T> {
    /// The value, where it is known.
    pub fn known(self) -> Option<T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Unknown(_) => None,
        }
    }

    /// Applies `f` to a known value.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Known<U> {
        match self {
            Self::Known(value) => Known::Known(f(value)),
            Self::Unknown(unknown) => Known::Unknown(unknown),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Known<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Form<T> {
            Unknown {
                #[serde(rename = "$unknown")]
                why: String,
                #[serde(rename = "$unblock")]
                unblock: Option<String>,
            },
            Known(T),
        }
        Ok(match Form::deserialize(deserializer)? {
            Form::Unknown { why, unblock } => Self::Unknown(Unknown { why, unblock }),
            Form::Known(value) => Self::Known(value),
        })
    }
}

/// A text that may have holes: parts that will be filled later, each with a name.
///
/// Two holes of the same name are filled with the same text. Adjacent literals are always joined
/// and empty ones dropped, so equal texts are equal values.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Text {
    parts: Vec<Part>,
}

/// A stretch of a [`Text`].
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Part {
    /// These characters.
    Literal(String),
    /// Any characters, the same wherever this name stands.
    Hole(String),
}

impl Text {
    /// A text without holes.
    pub fn literal(text: impl Into<String>) -> Self {
        Self::from_parts([Part::Literal(text.into())])
    }

    /// A text of which nothing is known but a name.
    pub fn hole(name: impl Into<String>) -> Self {
        Self::from_parts([Part::Hole(name.into())])
    }

    /// A text put together from its parts.
    pub fn from_parts(parts: impl IntoIterator<Item = Part>) -> Self {
        let mut text = Self::default();
        for part in parts {
            match (part, text.parts.last_mut()) {
                (Part::Literal(more), _) if more.is_empty() => {}
                (Part::Literal(more), Some(Part::Literal(last))) => last.push_str(&more),
                (part, _) => text.parts.push(part),
            }
        }
        text
    }

    /// The text that stands in `value`: a string, a number, a boolean, a text with holes or an
    /// unknown. `None` for lists, objects and null.
    #[must_use]
    pub fn of(value: &Value) -> Option<Self> {
        match value {
            Value::String(text) => Some(Self::literal(text.as_str())),
            Value::Number(number) => Some(Self::literal(number.to_string())),
            Value::Bool(truth) => Some(Self::literal(truth.to_string())),
            Value::Object(object) => {
                if let Some(unknown) = Unknown::of(value) {
                    return Some(Self::hole(unknown.why));
                }
                let parts = object.get("$text")?.as_array()?;
                Some(Self::from_parts(parts.iter().map(|part| match part {
                    Value::String(text) => Part::Literal(text.clone()),
                    other => Part::Hole(Unknown::of(other).map_or_else(|| "unknown".into(), |u| u.why)),
                })))
            }
            Value::Null | Value::Array(_) => None,
        }
    }

    /// The form in which the text stands in a document.
    #[must_use]
    pub fn to_value(&self) -> Value {
        if let Some(text) = self.as_str() {
            return Value::String(text.to_owned());
        }
        let parts = self.parts.iter().map(|part| match part {
            Part::Literal(text) => Value::String(text.clone()),
            Part::Hole(name) => Unknown { why: name.clone(), unblock: None }.to_value(),
        });
        Value::Object(serde_json::Map::from_iter([("$text".to_owned(), parts.collect())]))
    }

    /// The text that is [displayed](fmt::Display) so: holes are written `${name}`.
    #[must_use]
    pub fn shown(text: &str) -> Self {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            let Some(end) = closing(after) else { break };
            parts.push(Part::Literal(before.to_owned()));
            parts.push(Part::Hole(after.get(..end).unwrap_or_default().to_owned()));
            rest = after.get(end + 1..).unwrap_or_default();
        }
        parts.push(Part::Literal(rest.to_owned()));
        Self::from_parts(parts)
    }

    /// The form in which the text stands in a document that will be linked: one with holes also says
    /// how it is shown, by which it is [looked up](Told::told).
    #[must_use]
    pub fn to_key(&self) -> Value {
        let mut value = self.to_value();
        if let Value::Object(object) = &mut value {
            object.insert(SHOWN.to_owned(), self.to_string().into());
        }
        value
    }

    /// The whole text, if it has no holes.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [] => Some(""),
            [Part::Literal(text)] => Some(text),
            _ => None,
        }
    }

    /// Its parts, literals and holes alternating as far as holes do not touch.
    #[must_use]
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Whether both are the same text, whatever fills the holes.
    #[must_use]
    pub fn same_as(&self, other: &Self) -> Truth {
        if self.parts == other.parts {
            return Truth::True;
        }
        if let (Some(left), Some(right)) = (self.as_str(), other.as_str()) {
            return Truth::from(left == right);
        }
        if ends_agree(self, other) { Truth::Unknown } else { Truth::False }
    }

    /// Whether the text begins with `prefix`.
    #[must_use]
    pub fn starts_with(&self, prefix: &str) -> Truth {
        match self.parts.first() {
            None => Truth::from(prefix.is_empty()),
            Some(Part::Hole(_)) => {
                if prefix.is_empty() {
                    Truth::True
                } else {
                    Truth::Unknown
                }
            }
            Some(Part::Literal(head)) if head.starts_with(prefix) => Truth::True,
            Some(Part::Literal(head)) if self.parts.len() > 1 && prefix.starts_with(head.as_str()) => Truth::Unknown,
            Some(Part::Literal(_)) => Truth::False,
        }
    }
}

/// Where the brace closes that is open at the beginning of a text.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' if depth == 0 => return Some(at),
            b'}' => depth -= 1,
            _ => {}
        }
    }
    None
}

/// The field of a text with holes under which it is looked up.
const SHOWN: &str = "$shown";

/// Gives every text with holes the form in which it is looked up by [`Told`].
pub fn show(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(show),
        Value::Object(object) => {
            if object.contains_key("$text") {
                if let Some(text) = Text::of(value) {
                    *value = text.to_key();
                }
            } else {
                for (key, value) in object {
                    let names = NAMING.iter().any(|end| key.ends_with(end));
                    if names {
                        match &mut *value {
                            Value::Array(items) => items.iter_mut().for_each(name),
                            _ => name(value),
                        }
                    }
                    show(value);
                }
            }
        }
        _ => {}
    }
}

/// The ends of the names of fields that hold the name of another thing, and never anything but a text.
const NAMING: [&str; 9] =
    ["Id", "Ids", "SecurityGroup", "SecurityGroups", "Role", "RoleArn", "RoleName", "Name", "applicationId"];

/// Makes a text of a value of which nothing is known but the address that it will have: whatever fills
/// it, it is the same wherever that address stands.
fn name(value: &mut Value) {
    let address = Unknown::of(value).filter(|unknown| unknown.unblock.is_none() && !unknown.why.contains(' '));
    if let Some(address) = address {
        *value = Text::hole(address.why).to_key();
    }
}

/// Values as keys: by which things are found and compared, holes and all.
///
/// Two texts with holes of the same names are the same text, so how they are shown identifies them.
pub trait Told {
    /// A string, or how a text with holes is shown; `None` of all else.
    fn told(&self) -> Option<&str>;

    /// Whether this is that text, holes and all.
    fn is(&self, text: &str) -> bool {
        self.told() == Some(text)
    }
}

impl Told for Value {
    fn told(&self) -> Option<&str> {
        self.as_str().or_else(|| self.get(SHOWN)?.as_str())
    }
}

/// Whether the literal beginnings and the literal ends of two texts could belong to one text.
fn ends_agree(left: &Text, right: &Text) -> bool {
    let head = |text: &Text| match text.parts.first() {
        Some(Part::Literal(head)) => head.clone(),
        _ => String::new(),
    };
    let tail = |text: &Text| match text.parts.last() {
        Some(Part::Literal(tail)) => tail.clone(),
        _ => String::new(),
    };
    let least = |text: &Text| -> usize {
        text.parts.iter().map(|part| if let Part::Literal(text) = part { text.len() } else { 0 }).sum()
    };
    let fits = |whole: &Text, other: &Text| whole.as_str().is_none_or(|text| text.len() >= least(other));
    let (lh, rh, lt, rt) = (head(left), head(right), tail(left), tail(right));
    (lh.starts_with(&rh) || rh.starts_with(&lh))
        && (lt.ends_with(&rt) || rt.ends_with(&lt))
        && fits(left, right)
        && fits(right, left)
}

impl fmt::Display for Text {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in &self.parts {
            match part {
                Part::Literal(text) => out.write_str(text)?,
                Part::Hole(name) => write!(out, "${{{name}}}")?,
            }
        }
        Ok(())
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self::literal(text)
    }
}

impl Serialize for Text {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_value().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        Self::of(&value).ok_or_else(|| serde::de::Error::custom("expected a text"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn text(parts: &[&str]) -> Text {
        Text::from_parts(parts.iter().map(|part| match part.strip_prefix('$') {
            Some(name) => Part::Hole(name.into()),
            None => Part::Literal((*part).into()),
        }))
    }

    #[test]
    fn kleene_tables() {
        use Truth::{False, True, Unknown};
        let table = [
            (True, True, True, True),
            (True, False, False, True),
            (True, Unknown, Unknown, True),
            (False, Unknown, False, Unknown),
            (Unknown, Unknown, Unknown, Unknown),
            (False, False, False, False),
        ];
        for (a, b, and, or) in table {
            assert_eq!((a.and(b), b.and(a), a.or(b), b.or(a)), (and, and, or, or));
            assert_eq!(!(a.and(b)), (!a).or(!b));
        }
    }

    #[test]
    fn texts_with_holes_compare_in_three_values() {
        let cases: &[(&[&str], &[&str], Truth)] = &[
            (&["a"], &["a"], Truth::True),
            (&["a"], &["b"], Truth::False),
            (&["arn:aws:iam::", "$acct", ":role/x"], &["arn:aws:iam::", "$acct", ":role/x"], Truth::True),
            (&["arn:aws:iam::", "$acct", ":role/x"], &["arn:aws:iam::", "$other", ":role/x"], Truth::Unknown),
            (&["arn:aws:iam::", "$acct", ":role/x"], &["arn:aws:iam::", "$acct", ":role/y"], Truth::False),
            (&["arn:aws:iam::", "$acct", ":role/x"], &["arn:aws:iam::1:role/x"], Truth::Unknown),
            (&["arn:aws:iam::", "$acct", ":role/x"], &["arn:aws-cn:iam::1:role/x"], Truth::False),
            (&["abc", "$h", "cba"], &["abcba"], Truth::False),
            (&["$h"], &["anything"], Truth::Unknown),
        ];
        for (left, right, expected) in cases {
            let (left, right) = (text(left), text(right));
            assert_eq!(left.same_as(&right), *expected, "{left} and {right}");
            assert_eq!(right.same_as(&left), *expected, "{right} and {left}");
        }
    }

    #[test]
    fn texts_with_holes_are_keys() {
        for shown in ["", "plain", "arn:${partition}:iam::${account}:role/x", "${a{b}c}", "$x", "a${b"] {
            let text = Text::shown(shown);
            assert_eq!(text.to_string(), shown);
            assert_eq!(text.to_key().told(), Some(shown));
            assert_eq!(Text::of(&text.to_key()), Some(text));
        }
        assert_eq!(Text::shown("a${b").as_str(), Some("a${b"));
        assert_eq!(Text::shown("${a{b}c}"), Text::hole("a{b}c"));
        assert!(json!({"$unknown": "x"}).told().is_none() && Text::hole("x").to_key().is("${x}"));
    }

    #[test]
    fn texts_survive_the_document() {
        for value in [json!("x"), json!({"$text": ["a", {"$unknown": "b"}]}), json!({"$text": [{"$unknown": "h"}]})] {
            assert_eq!(Text::of(&value).unwrap().to_value(), value);
        }
        assert_eq!(Text::of(&json!({"$unknown": "later"})), Some(Text::hole("later")));
        assert_eq!(Text::of(&json!(["no"])), None);
    }
}
