//! What a policy variable of an unknown key would have to be for its pattern to match.
//!
//! The text that a pattern is compared with is known, so whatever a variable in it stands for is a
//! stretch of that text. All stretches that fit between the neighbours of the variable are tried.
//!
//! Deliberately absent: patterns with holes or with variables of two unknown keys.

use super::super::MOST_WALKED;
use crate::iam::condition::Doubt;
use crate::iam::context::Context;
use crate::iam::language::{Language, Letter};
use crate::iam::pattern::{Reading, Sym, Template, compare_symbols, lower};
use crate::iam::policy::Effect;
use crate::known::Truth;
use std::collections::BTreeSet;

/// The values of `key` for which the template may match the text; `None` where they cannot be told.
pub(super) fn fillings(
    template: &Template,
    key: &str,
    text: &str,
    context: &Context<'_>,
    reading: Reading,
    effect: Effect,
) -> Option<Vec<Language>> {
    let symbols = template.symbols(context, reading);
    let other = |sym: &Sym<'_>| matches!(sym, Sym::Hole(_)) || matches!(sym, Sym::Key(name) if *name != key);
    if symbols.undocumented || symbols.syms.iter().any(other) {
        return None;
    }
    let is_key = |sym: &Sym<'_>| matches!(sym, Sym::Key(_));
    let at = symbols.syms.iter().position(is_key)?;
    if symbols.null == Truth::True {
        return Some(Vec::new());
    }
    let mut text: Vec<Sym<'_>> = text.chars().map(Sym::Char).collect();
    if reading == Reading::IgnoringCase {
        lower(&mut text);
    }
    let fits = |neighbour: Option<&Sym<'_>>, found: Option<&Sym<'_>>| match neighbour {
        None => found.is_none(),
        Some(Sym::Char(_)) => found == neighbour,
        Some(_) => true,
    };
    let (before, after) = (at.checked_sub(1).map(|at| &symbols.syms[at]), symbols.syms.get(at + 1));
    let starts = (0..=text.len()).filter(|start| fits(before, start.checked_sub(1).map(|at| &text[at])));
    let ends: Vec<usize> = (0..=text.len()).filter(|end| fits(after, text.get(*end))).collect();
    let mut budget = MOST_WALKED;
    let mut tried = BTreeSet::new();
    let mut found = Vec::new();
    for start in starts {
        for end in ends.iter().copied().filter(|end| *end >= start) {
            let stretch = &text[start..end];
            budget = budget.checked_sub((symbols.syms.len() + stretch.len()) * (text.len() + 1))?;
            let value: String =
                stretch.iter().filter_map(|sym| if let Sym::Char(c) = sym { Some(*c) } else { None }).collect();
            if !tried.insert(value.clone()) {
                continue;
            }
            let mut pattern = Vec::with_capacity(symbols.syms.len() + stretch.len());
            for sym in &symbols.syms {
                if is_key(sym) { pattern.extend_from_slice(stretch) } else { pattern.push(*sym) }
            }
            // A doubtful match is tried as well: its outcome will say that it is doubtful.
            if compare_symbols(&pattern, &text, reading, Doubt::new(effect, false)) != Truth::False {
                let folded = reading == Reading::IgnoringCase;
                let letter = |c| if folded { Letter::Folded(c) } else { Letter::Char(c) };
                found.push(Language { letters: value.chars().map(letter).collect(), lenient: false });
            }
        }
    }
    Some(found)
}
