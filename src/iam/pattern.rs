//! Patterns of policies: wildcards, variables, holes, and whether a text matches them.
//!
//! A [`Template`] is a text of a policy, taken apart once. What its `*` means is up to the element
//! that uses it, so the same template serves `StringEquals` and `StringLike`. Plain texts are
//! compared without allocating, by the greedy method that never backs up past the last star. As soon
//! as a hole, a variable or an escape is involved, both sides become symbols, and two simulations
//! tell whether every filling of the holes matches and whether any does.
//!
//! Deliberately absent: regular expressions, and any method that backtracks.

mod matching;

pub use matching::glob;
pub(crate) use matching::{glob_in_any_case, is_arn_shaped, truth};

use super::condition::Doubt;
use super::context::{Context, Found};
use crate::known::{Part, Text, Truth};
use matching::{arn_glob, arn_truth, glob_bytes, same_ignoring_case, stars_before_a_colon};

/// A text of a policy, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    pub(crate) pieces: Vec<Piece>,
}

/// A stretch of a [`Template`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// Characters, of which `*` and `?` may be wildcards.
    Text(String),
    /// A character that stands for itself: `${*}`, `${?}`, `${$}`.
    Escaped(char),
    /// A policy variable, its key in lowercase.
    Variable { key: String, default: Option<String> },
    /// A part that is not known yet.
    Hole(String),
}

/// How a template is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    /// Every character stands for itself.
    Literal,
    /// Likewise, without regard to case.
    IgnoringCase,
    /// `*` and `?` are wildcards.
    Glob,
    /// Wildcards within each of the six parts of an ARN.
    Arn,
    /// Likewise, and a short pattern that ends in `*` covers all that follows, `*` alone everything.
    Resource,
}

/// A symbol of a pattern or of a text that is matched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sym<'a> {
    Char(char),
    /// `?`
    One,
    /// `*`
    Star,
    /// A hole: the same text wherever its name stands.
    Hole(&'a str),
    /// The value of a key that is not known.
    Key(&'a str),
}

/// What is compared with a template.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Subject<'a> {
    Text(&'a Text),
    /// The unknown value of this key.
    Key(&'a str),
}

/// Longer texts than AWS accepts are not compared: the product of a pattern's and a text's length.
const MOST_COMPARED: usize = 1 << 26;

impl Template {
    /// Takes a text apart. Variables are looked for only where `variables` says that the policy has
    /// them; what is wrong with them is told beside.
    #[must_use]
    pub fn of(text: &Text, variables: bool) -> (Self, Option<String>) {
        let mut pieces = Vec::new();
        let mut fault = None;
        for part in text.parts() {
            match part {
                Part::Hole(name) => pieces.push(Piece::Hole(name.clone())),
                Part::Literal(text) if variables && text.contains("${") => {
                    fault = fault.or(take_apart(text, &mut pieces));
                }
                Part::Literal(text) => pieces.push(Piece::Text(text.clone())),
            }
        }
        (Self { pieces }, fault)
    }

    /// The whole text, where it has neither variables nor holes nor escapes.
    #[must_use]
    pub fn plain(&self) -> Option<&str> {
        match self.pieces.as_slice() {
            [] => Some(""),
            [Piece::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// The lowercase keys of its variables.
    pub fn variables(&self) -> impl Iterator<Item = &str> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Variable { key, .. } => Some(key.as_str()),
            _ => None,
        })
    }

    /// The names of its holes.
    pub fn holes(&self) -> impl Iterator<Item = &str> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Hole(name) => Some(name.as_str()),
            _ => None,
        })
    }

    /// The template's symbols with the variables filled in from the request.
    pub(crate) fn symbols<'a>(&'a self, context: &Context<'a>, reading: Reading) -> Symbols<'a> {
        let globs = matches!(reading, Reading::Glob | Reading::Arn | Reading::Resource);
        let mut out = Symbols { syms: Vec::new(), null: Truth::False, undocumented: false, live_star: false };
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => out.syms.extend(text.chars().map(|c| match c {
                    '*' if globs => Sym::Star,
                    '?' if globs => Sym::One,
                    c => Sym::Char(c),
                })),
                Piece::Escaped(c) => out.syms.push(Sym::Char(*c)),
                Piece::Hole(name) => out.syms.push(Sym::Hole(name)),
                Piece::Variable { key, default } => match (context.find(key), default) {
                    (Found::One(text), _) => {
                        let from = out.syms.len();
                        push_text(text, &mut out.syms);
                        out.live_star |=
                            globs && out.syms[from..].iter().any(|sym| matches!(sym, Sym::Char('*' | '?')));
                    }
                    (Found::Absent, Some(default)) => {
                        out.live_star |= globs && default.contains(['*', '?']);
                        out.syms.extend(default.chars().map(Sym::Char));
                    }
                    (Found::Absent, None) => out.null = Truth::True,
                    // What a multivalued key would stand for is not documented.
                    (Found::Many(_), _) => out.undocumented = true,
                    (Found::Unknown { present }, default) => {
                        if !present && default.is_none() {
                            out.null = out.null.or(Truth::Unknown);
                        }
                        out.syms.push(Sym::Key(key));
                    }
                },
            }
        }
        if reading == Reading::IgnoringCase {
            lower(&mut out.syms);
        }
        out
    }
}

/// Symbols of a template in one request.
#[derive(Clone, Debug)]
pub(crate) struct Symbols<'a> {
    pub(crate) syms: Vec<Sym<'a>>,
    /// Whether a variable in it has no value.
    pub(crate) null: Truth,
    /// Something in it has no documented meaning.
    pub(crate) undocumented: bool,
    /// A `*` or `?` came in through a variable or its default.
    live_star: bool,
}

/// Finds the variables and escapes of a text of a policy that has them.
fn take_apart(text: &str, pieces: &mut Vec<Piece>) -> Option<String> {
    let mut fault = None;
    let mut rest = text;
    let mut literal = String::new();
    while let Some(start) = rest.find("${") {
        let Some(length) = rest[start..].find('}') else { break };
        let inside = &rest[start + 2..start + length];
        literal.push_str(&rest[..start]);
        let piece = match inside {
            "*" => Some(Piece::Escaped('*')),
            "?" => Some(Piece::Escaped('?')),
            "$" => Some(Piece::Escaped('$')),
            _ => variable(inside),
        };
        if let Some(piece) = piece {
            if !literal.is_empty() {
                pieces.push(Piece::Text(std::mem::take(&mut literal)));
            }
            pieces.push(piece);
        } else {
            fault = Some(format!("`${{{inside}}}` is no policy variable"));
            literal.push_str(&rest[start..=start + length]);
        }
        rest = &rest[start + length + 1..];
    }
    if rest.contains("${") {
        fault = Some("a `${` has no `}`".to_owned());
    }
    literal.push_str(rest);
    if !literal.is_empty() {
        pieces.push(Piece::Text(literal));
    }
    fault
}

/// `key` or `key, 'default'`.
fn variable(inside: &str) -> Option<Piece> {
    let (key, default) = match inside.split_once(',') {
        None => (inside, None),
        Some((key, default)) => (key, Some(default.trim().strip_prefix('\'')?.strip_suffix('\'')?.to_owned())),
    };
    let key = key.trim();
    (!key.is_empty() && !key.contains(['$', '{', '*', '?', '\'']))
        .then(|| Piece::Variable { key: key.to_ascii_lowercase(), default })
}

fn push_text<'a>(text: &'a Text, syms: &mut Vec<Sym<'a>>) {
    for part in text.parts() {
        match part {
            Part::Literal(text) => syms.extend(text.chars().map(Sym::Char)),
            Part::Hole(name) => syms.push(Sym::Hole(name)),
        }
    }
}

pub(crate) fn lower(syms: &mut [Sym<'_>]) {
    for sym in syms {
        if let Sym::Char(c) = sym {
            *c = c.to_lowercase().next().unwrap_or(*c);
        }
    }
}

/// Whether the subject matches the template as the element reads it.
pub(crate) fn compare(
    template: &Template,
    subject: Subject<'_>,
    context: &Context<'_>,
    reading: Reading,
    doubt: Doubt,
) -> Truth {
    if let (Some(pattern), Subject::Text(text)) = (template.plain(), subject)
        && let Some(text) = text.as_str()
    {
        if pattern.len().saturating_mul(text.len()) > MOST_COMPARED && pattern.contains('*') {
            return Truth::Unknown;
        }
        return match reading {
            Reading::Literal => Truth::from(pattern == text),
            Reading::IgnoringCase => Truth::from(same_ignoring_case(pattern, text)),
            Reading::Glob => Truth::from(glob(pattern, text)),
            Reading::Arn if !is_arn_shaped(pattern) || !is_arn_shaped(text) => doubt.about_type(glob(pattern, text)),
            Reading::Arn => Truth::from(arn_glob(pattern, text, false)),
            Reading::Resource if arn_glob(pattern, text, true) => Truth::True,
            // That a star may run over the colons after it is documented for the end of a pattern only.
            Reading::Resource if stars_before_a_colon(pattern) && glob(pattern, text) => Truth::Unknown,
            Reading::Resource => Truth::False,
        };
    }
    let filled = template.symbols(context, reading);
    if filled.undocumented {
        return Truth::Unknown;
    }
    if filled.null == Truth::True {
        return Truth::False;
    }
    let mut text = Vec::new();
    match subject {
        Subject::Text(subject) => push_text(subject, &mut text),
        Subject::Key(key) => text.push(Sym::Key(key)),
    }
    if reading == Reading::IgnoringCase {
        lower(&mut text);
    }
    if filled.syms.len().saturating_mul(text.len()) > MOST_COMPARED {
        return Truth::Unknown;
    }
    let against = |pattern: &[Sym<'_>]| compare_symbols(pattern, &text, reading, doubt);
    let mut matched = against(&filled.syms);
    if filled.live_star && matched != Truth::True {
        // A star that comes in through a variable is taken for a character, which AWS does not say.
        let mut starred = filled.syms.clone();
        for sym in &mut starred {
            match sym {
                Sym::Char('*') => *sym = Sym::Star,
                Sym::Char('?') => *sym = Sym::One,
                _ => {}
            }
        }
        if against(&starred) != matched {
            matched = doubt.about(matched);
        }
    }
    if filled.null == Truth::Unknown { matched.and(Truth::Unknown) } else { matched }
}

/// The same for symbols, case already folded where it does not count.
pub(crate) fn compare_symbols(pattern: &[Sym<'_>], text: &[Sym<'_>], reading: Reading, doubt: Doubt) -> Truth {
    match reading {
        Reading::Arn => {
            arn_truth(pattern, text, false).unwrap_or_else(|| doubt.about_type(truth(pattern, text) != Truth::False))
        }
        Reading::Resource => match arn_truth(pattern, text, true).unwrap_or(Truth::False) {
            Truth::False
                if pattern.windows(2).any(|pair| pair == [Sym::Star, Sym::Char(':')])
                    && truth(pattern, text) == Truth::True =>
            {
                Truth::Unknown
            }
            matched => matched,
        },
        _ => truth(pattern, text),
    }
}

/// Whether a name matches a pattern without regard to case, as actions do.
pub(crate) fn compare_action(template: &Template, action: &str) -> Truth {
    if let Some(pattern) = template.plain() {
        return Truth::from(glob_bytes(pattern.as_bytes(), action.as_bytes(), true));
    }
    let mut pattern = template.symbols(&Context::default(), Reading::Glob).syms;
    lower(&mut pattern);
    let mut action: Vec<Sym<'_>> = action.chars().map(Sym::Char).collect();
    lower(&mut action);
    truth(&pattern, &action)
}

/// Whether every action that the narrower pattern matches is one of the wider pattern's.
pub(crate) fn includes_action(wide: &Template, narrow: &Template) -> bool {
    let (Some(wide), Some(narrow)) = (wide.plain(), narrow.plain()) else { return false };
    // Against a `*` of the narrower one only a `*` stands, and against a `?` either.
    let narrow: Vec<Sym<'_>> = wild(&narrow.to_ascii_lowercase());
    truth(&wild(&wide.to_ascii_lowercase()), &narrow) == Truth::True
}

/// Whether every resource that the narrower pattern matches is one of the wider pattern's. Variables and
/// holes are matched by stars, and by themselves.
pub(crate) fn includes_resource(wide: &Template, narrow: &Template) -> bool {
    let symbols = |template: &Template| -> Option<Vec<Sym<'static>>> { template.plain().map(wild) };
    let (Some(wide), Some(narrow)) = (symbols(wide), symbols(narrow)) else { return false };
    arn_truth(&wide, &narrow, true) == Some(Truth::True)
}

fn wild(text: &str) -> Vec<Sym<'static>> {
    text.chars()
        .map(|c| match c {
            '*' => Sym::Star,
            '?' => Sym::One,
            c => Sym::Char(c),
        })
        .collect()
}
