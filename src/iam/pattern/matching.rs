//! Whether a text matches a pattern: globs, globs by the parts of an ARN, and both over symbols.
//!
//! Nothing here backs up past the last star, and automata are run, not searched.

use super::Sym;
use crate::known::Truth;

pub(super) fn same_ignoring_case(left: &str, right: &str) -> bool {
    left.chars().flat_map(char::to_lowercase).eq(right.chars().flat_map(char::to_lowercase))
}

/// Whether a text matches a pattern of `*` and `?`.
#[must_use]
pub fn glob(pattern: &str, text: &str) -> bool {
    glob_bytes(pattern.as_bytes(), text.as_bytes(), false)
}

/// The same without regard to case.
pub(crate) fn glob_in_any_case(pattern: &str, text: &str) -> bool {
    glob_bytes(pattern.as_bytes(), text.as_bytes(), true)
}

/// The greedy method: after a star, only the latest star is ever tried again, one character further
/// on, which is enough because an earlier star can swallow nothing that the later one cannot.
pub(super) fn glob_bytes(pattern: &[u8], text: &[u8], ignore_case: bool) -> bool {
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
pub(super) fn arn_glob(pattern: &str, text: &str, short: bool) -> bool {
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

pub(super) fn stars_before_a_colon(pattern: &str) -> bool {
    is_arn_shaped(pattern) && pattern.contains("*:")
}

fn all_stars(pattern: &str) -> bool {
    !pattern.is_empty() && pattern.bytes().all(|byte| byte == b'*')
}

/// The same for symbols; `None` where either side is no ARN in a comparison of ARNs.
///
/// A hole between two colons is taken to hold no colon. A hole that stands for several parts, such
/// as a bucket's ARN before `/*`, is matched by itself.
pub(super) fn arn_truth(pattern: &[Sym<'_>], text: &[Sym<'_>], short: bool) -> Option<Truth> {
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
