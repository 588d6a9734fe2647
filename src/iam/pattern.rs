//! Patterns of policies: wildcards, variables, holes, and whether a text matches them.
//!
//! A [`Template`] is a text of a policy, taken apart once. What its `*` means is up to the element
//! that uses it, so the same template serves `StringEquals` and `StringLike`. Plain texts are
//! compared without allocating, by the greedy method that never backs up past the last star. As soon
//! as a hole, a variable or an escape is involved, both sides become symbols, and two simulations
//! tell whether every filling of the holes matches and whether any does.
//!
//! Deliberately absent: regular expressions, and any method that backtracks.

use super::condition::Doubt;
use super::context::{Context, Found};
use crate::known::{Part, Text, Truth};

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

fn same_ignoring_case(left: &str, right: &str) -> bool {
    left.chars().flat_map(char::to_lowercase).eq(right.chars().flat_map(char::to_lowercase))
}

/// Whether a text matches a pattern of `*` and `?`.
#[must_use]
pub fn glob(pattern: &str, text: &str) -> bool {
    glob_bytes(pattern.as_bytes(), text.as_bytes(), false)
}

/// The greedy method: after a star, only the latest star is ever tried again, one character further
/// on, which is enough because an earlier star can swallow nothing that the later one cannot.
fn glob_bytes(pattern: &[u8], text: &[u8], ignore_case: bool) -> bool {
    let same = |a: u8, b: u8| a == b || (ignore_case && a.eq_ignore_ascii_case(&b));
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        if p < pattern.len() && pattern[p] == b'*' {
            star = Some((p + 1, t));
            p += 1;
        } else if p < pattern.len() && pattern[p] == b'?' {
            t += character(text, t);
            p += 1;
        } else if p < pattern.len() && same(pattern[p], text[t]) {
            t += 1;
            p += 1;
        } else if let Some((after, from)) = star {
            let from = from + character(text, from);
            star = Some((after, from));
            (p, t) = (after, from);
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

/// The number of bytes of the character at `at`.
fn character(text: &[u8], at: usize) -> usize {
    1 + text[at + 1..].iter().take_while(|byte| **byte & 0xc0 == 0x80).count()
}

/// Whether a text has the six parts of an ARN.
pub(crate) fn is_arn_shaped(text: &str) -> bool {
    text.bytes().filter(|byte| *byte == b':').take(5).count() == 5
}

/// Whether an ARN matches a pattern part by part.
fn arn_glob(pattern: &str, text: &str, short: bool) -> bool {
    if short && all_stars(pattern) {
        return true;
    }
    let mut patterns = pattern.splitn(6, ':');
    let mut texts = text.splitn(6, ':');
    if !is_arn_shaped(text) {
        return false;
    }
    if is_arn_shaped(pattern) {
        return patterns.zip(texts).all(|(pattern, text)| glob(pattern, text));
    }
    if !short {
        return false;
    }
    if !pattern.ends_with('*') {
        // Reported as a fault; whether a star in the middle runs over colons is not documented, and
        // whoever asks knows that the pattern is doubtful.
        return glob(pattern, text);
    }
    let mut rest = text;
    while let Some(part) = patterns.next() {
        if patterns.clone().next().is_none() {
            return glob(part, rest);
        }
        let Some(found) = texts.next() else { return false };
        if !glob(part, found) {
            return false;
        }
        rest = rest.get(found.len() + 1..).unwrap_or_default();
    }
    false
}

fn stars_before_a_colon(pattern: &str) -> bool {
    is_arn_shaped(pattern) && pattern.contains("*:")
}

fn all_stars(pattern: &str) -> bool {
    !pattern.is_empty() && pattern.bytes().all(|byte| byte == b'*')
}

/// The same for symbols; `None` where either side is no ARN in a comparison of ARNs.
///
/// A hole between two colons is taken to hold no colon. A hole that stands for several parts, such
/// as a bucket's ARN before `/*`, is matched by itself.
fn arn_truth(pattern: &[Sym<'_>], text: &[Sym<'_>], short: bool) -> Option<Truth> {
    if short && !pattern.is_empty() && pattern.iter().all(|sym| *sym == Sym::Star) {
        return Some(Truth::True);
    }
    let (patterns, texts) = (parts(pattern), parts(text));
    if patterns.len() == 6 && texts.len() == 6 {
        return Some(Truth::all(patterns.iter().zip(&texts).map(|(pattern, text)| truth(pattern, text))));
    }
    let holed = |syms: &[Sym<'_>]| syms.iter().any(|sym| matches!(sym, Sym::Hole(_) | Sym::Key(_)));
    if (texts.len() < 6 && !holed(text)) || (patterns.len() < 6 && !short && !holed(pattern)) {
        return if short { Some(Truth::False) } else { None };
    }
    if texts.len() == 6 && !holed(pattern) {
        if pattern.last() != Some(&Sym::Star) {
            return Some(truth(pattern, text));
        }
        let last = patterns.len() - 1;
        let rest = &text[text.len() + 1 - texts[last..].iter().map(|part| part.len() + 1).sum::<usize>()..];
        let before = patterns[..last].iter().zip(&texts).map(|(pattern, text)| truth(pattern, text));
        return Some(Truth::all(before).and(truth(patterns[last], rest)));
    }
    let same = pattern.iter().zip(text).take_while(|(a, b)| a == b && !matches!(a, Sym::Star | Sym::One)).count();
    let (rest, found) = (&pattern[same..], &text[same..]);
    if holed(&pattern[..same]) && !holed(found) && !found.contains(&Sym::Char(':')) && truth(rest, found) == Truth::True
    {
        return Some(Truth::True);
    }
    Some(truth(pattern, text).and(Truth::Unknown))
}

/// The stretches between the first five colons.
fn parts<'s, 'a>(syms: &'s [Sym<'a>]) -> Vec<&'s [Sym<'a>]> {
    syms.splitn(6, |sym| *sym == Sym::Char(':')).collect()
}

/// Whether the text matches the pattern for every filling of their holes, for none, or for some.
pub(crate) fn truth(pattern: &[Sym<'_>], text: &[Sym<'_>]) -> Truth {
    if simulate(pattern, text, true) {
        Truth::True
    } else if simulate(pattern, text, false) {
        Truth::Unknown
    } else {
        Truth::False
    }
}

/// Runs the pattern as an automaton over the text. With `every`, a hole matches only itself and what
/// swallows anything; without, a hole may be whatever helps.
fn simulate(pattern: &[Sym<'_>], text: &[Sym<'_>], every: bool) -> bool {
    let end = pattern.len();
    let loops = |sym: &Sym<'_>| match sym {
        Sym::Star => true,
        Sym::Hole(_) | Sym::Key(_) => !every,
        Sym::Char(_) | Sym::One => false,
    };
    let close = |live: &mut Vec<bool>| {
        for at in 0..end {
            if live[at] && loops(&pattern[at]) {
                live[at + 1] = true;
            }
        }
    };
    let mut live = vec![false; end + 1];
    live[0] = true;
    close(&mut live);
    let mut next = vec![false; end + 1];
    for found in text {
        next.fill(false);
        match found {
            Sym::Hole(_) | Sym::Key(_) if !every => {
                // A hole may be any text, so everything from the first live place on can be reached.
                let first = live.iter().position(|live| *live).unwrap_or(end + 1);
                next.iter_mut().skip(first).for_each(|live| *live = true);
            }
            _ => {
                for at in (0..end).filter(|at| live[*at]) {
                    let sym = &pattern[at];
                    if loops(sym) {
                        next[at] = true;
                    } else if sym == found || (*sym == Sym::One && matches!(found, Sym::Char(_))) {
                        next[at + 1] = true;
                    }
                }
            }
        }
        close(&mut next);
        std::mem::swap(&mut live, &mut next);
        if !live.contains(&true) {
            return false;
        }
    }
    live[end]
}
