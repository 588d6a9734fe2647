//! Which texts several patterns match together: the product of their automata.
//!
//! [`classes`] walks all texts of a [`Form`] at once and tells every combination of patterns that
//! some text matches, with the shortest such text. From that follow intersection, inclusion and
//! emptiness of any Boolean combination of patterns, exactly and without trying samples. The walk
//! keeps, of each pattern, only what lies at or after its last live star, so that patterns without
//! `?` cost no more states than they have characters.
//!
//! Deliberately absent: the longest lengths of Kubernetes names.

use rustc_hash::FxHashMap;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

/// A symbol of a pattern whose language is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Letter {
    Char(char),
    /// A lowercase character that matches either case.
    Folded(char),
    /// `?`
    One,
    /// `?` that is no colon
    OneInPart,
    /// `*`
    Star,
    /// `*` that holds no colon
    StarInPart,
    /// A hole that also stands in the texts: an unknown name without colons.
    Atom(u16),
    /// Anything or nothing: a hole, where it is asked what could match.
    Whatever,
    /// A hole, where it is asked what must match.
    Never,
}

/// A pattern, and how its holes are read.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Language {
    pub(crate) letters: Vec<Letter>,
    /// An atom may turn out to be whatever helps, rather than itself only.
    pub(crate) lenient: bool,
}

/// The texts that are walked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// All texts.
    Any,
    /// `system:serviceaccount:NAMESPACE:NAME`, with names that Kubernetes accepts.
    ServiceAccount,
}

/// A symbol of a text that is walked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Symbol {
    Char(char),
    Atom(u16),
    /// A name that is none of the atoms, whatever they turn out to be: only stars match it.
    Stranger,
}

/// A set of patterns that some text matches while it matches no other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Class {
    /// The numbers of the patterns, ascending.
    pub(crate) matched: Vec<usize>,
    /// The shortest such text.
    pub(crate) example: Vec<Symbol>,
}

const PREFIX: &str = "system:serviceaccount:";
/// States of [`Form::ServiceAccount`] after its prefix.
const NAMESPACE_START: u8 = 22;
const NAMESPACE: u8 = 23;
const NAMESPACE_DASH: u8 = 24;
const NAME_START: u8 = 25;
const NAME: u8 = 26;
const NAME_DASH: u8 = 27;

impl Form {
    fn step(self, state: u8, symbol: Symbol) -> Option<u8> {
        if self == Self::Any {
            return Some(0);
        }
        let alphanumeric = match symbol {
            Symbol::Atom(_) | Symbol::Stranger => state >= NAMESPACE_START,
            Symbol::Char(c) => c.is_ascii_lowercase() || c.is_ascii_digit(),
        };
        match (state, symbol) {
            (..NAMESPACE_START, Symbol::Char(c)) if PREFIX.as_bytes()[state as usize] == c as u8 => Some(state + 1),
            (NAMESPACE_START..=NAMESPACE_DASH, _) if alphanumeric => Some(NAMESPACE),
            (NAMESPACE | NAMESPACE_DASH, Symbol::Char('-')) => Some(NAMESPACE_DASH),
            (NAMESPACE, Symbol::Char(':')) => Some(NAME_START),
            (NAME_START..=NAME_DASH, _) if alphanumeric => Some(NAME),
            (NAME | NAME_DASH, Symbol::Char('-')) => Some(NAME_DASH),
            (NAME, Symbol::Char('.')) => Some(NAME_START),
            _ => None,
        }
    }

    fn accepts(self, state: u8) -> bool {
        self == Self::Any || state == NAME
    }

    /// Characters that must be tried beside those that the patterns name.
    fn characters(self, state: u8) -> &'static [char] {
        match (self, state) {
            (Self::Any, _) => &[':'],
            (_, NAMESPACE | NAMESPACE_DASH) => &['-', ':'],
            (_, NAME | NAME_DASH) => &['-', '.'],
            _ => &[],
        }
    }
}

/// Every combination of patterns that a text of the form matches. `None` where more than `budget`
/// places of patterns would have to be looked at.
pub(crate) fn classes(form: Form, languages: &[Language], atoms: u16, budget: usize) -> Option<Vec<Class>> {
    let mut budget = budget;
    let patterns = Patterns::new(languages);
    let mut numbers: FxHashMap<(u8, Vec<u32>), usize> = FxHashMap::default();
    let mut states: Vec<(u8, Vec<u32>)> = Vec::new();
    let mut from: Vec<Option<(usize, Symbol)>> = Vec::new();
    let mut found: BTreeMap<Vec<usize>, usize> = BTreeMap::new();
    let start = (0, patterns.start());
    numbers.insert(start.clone(), 0);
    states.push(start);
    from.push(None);
    let mut at = 0;
    while at < states.len() {
        let (form_state, live) = states[at].clone();
        if form.accepts(form_state) {
            found.entry(patterns.matched(&live)).or_insert(at);
        }
        for symbol in patterns.symbols(form, form_state, &live, atoms) {
            let Some(form_state) = form.step(form_state, symbol) else { continue };
            budget = budget.checked_sub(live.len() + 1)?;
            let key = (form_state, patterns.step(&live, symbol));
            if !numbers.contains_key(&key) {
                numbers.insert(key.clone(), states.len());
                states.push(key);
                from.push(Some((at, symbol)));
            }
        }
        at += 1;
    }
    let example = |mut at: usize| {
        let mut text = Vec::new();
        while let Some((before, symbol)) = from[at] {
            text.push(symbol);
            at = before;
        }
        text.reverse();
        text
    };
    Some(found.into_iter().map(|(matched, at)| Class { matched, example: example(at) }).collect())
}

/// What walks found, kept for other policies with the same patterns: of a thousand roles, many trust by
/// the same words.
#[derive(Debug, Default)]
pub struct Walks(Mutex<FxHashMap<Walked, Found>>);

/// The patterns of a walk, and the number of atoms.
type Walked = (Vec<Language>, u16);
type Found = Option<Arc<Vec<Class>>>;

/// No more walks than this are kept.
const MOST_KEPT: usize = 1024;

impl Walks {
    /// The classes of service accounts, as [`classes`] tells them.
    pub(crate) fn service_accounts(&self, languages: &[Language], atoms: u16, budget: usize) -> Found {
        let question = (languages.to_vec(), atoms);
        if let Some(found) = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&question) {
            return found.clone();
        }
        let found = classes(Form::ServiceAccount, languages, atoms, budget).map(Arc::new);
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < MOST_KEPT {
            kept.insert(question, found.clone());
        }
        found
    }
}

/// The patterns in groups, so that no text matches patterns of two groups, as far as their first and
/// last letters tell.
pub(crate) fn apart(languages: &[Language]) -> Vec<Vec<usize>> {
    /// More are not compared with each other.
    const MOST_COMPARED: usize = 64;
    if languages.len() > MOST_COMPARED {
        return vec![(0..languages.len()).collect()];
    }
    let mut group: Vec<usize> = (0..languages.len()).collect();
    for (a, one) in languages.iter().enumerate() {
        for (b, other) in languages.iter().enumerate().skip(a + 1) {
            if group[a] != group[b] && !disjoint(&one.letters, &other.letters) {
                let (keep, drop) = (group[a], group[b]);
                group.iter_mut().filter(|number| **number == drop).for_each(|number| *number = keep);
            }
        }
    }
    let mut groups: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (at, number) in group.into_iter().enumerate() {
        groups.entry(number).or_default().push(at);
    }
    groups.into_values().collect()
}

/// Whether two patterns begin or end with different characters.
fn disjoint(one: &[Letter], other: &[Letter]) -> bool {
    // Up to the first letter that is no character of its own.
    let differ = |pair: (&Letter, &Letter)| match pair {
        (Letter::Char(a), Letter::Char(b)) => Some(a != b),
        _ => None,
    };
    let first = one.iter().zip(other).map_while(differ).any(|differ| differ);
    first || one.iter().rev().zip(other.iter().rev()).map_while(differ).any(|differ| differ)
}

/// The shortest service account that a pattern matches, where its stars may be left out of it.
pub(crate) fn without_stars(language: &Language) -> Option<Vec<Symbol>> {
    let mut state = 0;
    let mut text = Vec::with_capacity(language.letters.len());
    for letter in &language.letters {
        match letter {
            Letter::Star => {}
            Letter::Char(c) => {
                state = Form::ServiceAccount.step(state, Symbol::Char(*c))?;
                text.push(Symbol::Char(*c));
            }
            _ => return None,
        }
    }
    Form::ServiceAccount.accepts(state).then_some(text)
}

/// The numbers of the patterns that one text matches.
pub(crate) fn matched(languages: &[Language], text: &[Symbol]) -> Vec<usize> {
    (0..languages.len()).filter(|number| languages[*number].matches(text)).collect()
}

impl Language {
    fn matches(&self, text: &[Symbol]) -> bool {
        let simple = |letter: &Letter| matches!(letter, Letter::Char(_) | Letter::One | Letter::Star);
        if !self.letters.iter().all(simple) {
            let alone = std::slice::from_ref(self);
            let patterns = Patterns::new(alone);
            let live = text.iter().fold(patterns.start(), |live, symbol| patterns.step(&live, *symbol));
            return !patterns.matched(&live).is_empty();
        }
        // Only the latest star is ever tried again, as in `pattern::glob`.
        let (mut p, mut t) = (0, 0);
        let mut star: Option<(usize, usize)> = None;
        while let Some(found) = text.get(t) {
            match (self.letters.get(p), found) {
                (Some(Letter::Star), _) => {
                    p += 1;
                    star = Some((p, t));
                }
                (Some(Letter::Char(c)), Symbol::Char(found)) if c == found => (p, t) = (p + 1, t + 1),
                (Some(Letter::One), Symbol::Char(_)) => (p, t) = (p + 1, t + 1),
                _ => {
                    let Some((after, from)) = star else { return false };
                    star = Some((after, from + 1));
                    (p, t) = (after, from + 1);
                }
            }
        }
        self.letters[p..].iter().all(|letter| *letter == Letter::Star)
    }
}

/// The patterns laid end to end, each with one place more than it has letters.
struct Patterns<'a> {
    languages: &'a [Language],
    /// The place where each pattern begins.
    begins: Vec<u32>,
    /// The pattern of each place.
    owner: Vec<u32>,
}

impl<'a> Patterns<'a> {
    fn new(languages: &'a [Language]) -> Self {
        let mut begins = Vec::new();
        let mut owner = Vec::new();
        for (number, language) in languages.iter().enumerate() {
            begins.push(owner.len() as u32);
            owner.extend(std::iter::repeat_n(number as u32, language.letters.len() + 1));
        }
        Self { languages, begins, owner }
    }

    fn letter(&self, place: u32) -> Option<Letter> {
        let owner = self.owner[place as usize] as usize;
        self.languages[owner].letters.get((place - self.begins[owner]) as usize).copied()
    }

    fn lenient(&self, place: u32) -> bool {
        self.languages[self.owner[place as usize] as usize].lenient
    }

    fn start(&self) -> Vec<u32> {
        let mut live = self.begins.clone();
        self.close(&mut live);
        live
    }

    /// Adds the places that are reached without reading, and drops what a later star makes idle.
    fn close(&self, live: &mut Vec<u32>) {
        let mut at = 0;
        while at < live.len() {
            let place = live[at];
            let empty = match self.letter(place) {
                Some(Letter::Star | Letter::StarInPart | Letter::Whatever) => true,
                Some(Letter::Atom(_)) => self.lenient(place),
                _ => false,
            };
            if empty {
                live.push(place + 1);
            }
            at += 1;
        }
        live.sort_unstable();
        live.dedup();
        let mut last_star: Option<u32> = None;
        let mut keep = vec![true; live.len()];
        for at in (0..live.len()).rev() {
            let place = live[at];
            if last_star.is_some_and(|star| self.owner[star as usize] == self.owner[place as usize]) {
                keep[at] = false;
            } else if matches!(self.letter(place), Some(Letter::Star | Letter::Whatever)) {
                last_star = Some(place);
            }
        }
        let mut kept = keep.iter();
        live.retain(|_| *kept.next().unwrap_or(&true));
    }

    fn step(&self, live: &[u32], symbol: Symbol) -> Vec<u32> {
        let mut next = Vec::with_capacity(live.len());
        for place in live {
            let Some(letter) = self.letter(*place) else { continue };
            let colon = symbol == Symbol::Char(':');
            let (stays, goes) = match (letter, symbol) {
                (Letter::Star | Letter::Whatever, _) => (true, false),
                (Letter::StarInPart, _) => (!colon, false),
                (Letter::One, Symbol::Char(_)) => (false, true),
                (Letter::OneInPart, Symbol::Char(_)) => (false, !colon),
                (Letter::Char(c), Symbol::Char(found)) => (false, c == found),
                (Letter::Folded(c), Symbol::Char(found)) => (false, found.to_lowercase().eq(std::iter::once(c))),
                (Letter::Atom(atom), Symbol::Atom(found)) => (false, atom == found),
                (Letter::Atom(_), Symbol::Char(_)) => (self.lenient(*place) && !colon, false),
                _ => (false, false),
            };
            if stays {
                next.push(*place);
            }
            if goes {
                next.push(*place + 1);
            }
            if matches!(symbol, Symbol::Atom(_)) && self.lenient(*place) {
                // The atom may be any name: every place up to the next colon can be reached.
                let mut place = *place;
                next.push(place);
                while self.letter(place).is_some_and(|letter| !matches!(letter, Letter::Char(':') | Letter::Never)) {
                    place += 1;
                    next.push(place);
                }
            }
        }
        self.close(&mut next);
        next
    }

    fn matched(&self, live: &[u32]) -> Vec<usize> {
        live.iter()
            .filter(|place| self.letter(**place).is_none())
            .map(|place| self.owner[*place as usize] as usize)
            .collect()
    }

    /// The symbols that lead to different states: what the live places name, and one that none names.
    fn symbols(&self, form: Form, state: u8, live: &[u32], atoms: u16) -> Vec<Symbol> {
        if form == Form::ServiceAccount && state < NAMESPACE_START {
            return vec![Symbol::Char(char::from(PREFIX.as_bytes()[state as usize]))];
        }
        let mut characters: BTreeSet<char> = form.characters(state).iter().copied().collect();
        for place in live {
            match self.letter(*place) {
                Some(Letter::Char(c)) => drop(characters.insert(c)),
                Some(Letter::Folded(c)) => {
                    characters.insert(c);
                    characters.extend(c.to_uppercase().next());
                }
                _ => {}
            }
        }
        let fresh = ('a'..='z').rev().chain('0'..='9').chain('\u{e000}'..='\u{f8ff}').find(|c| !characters.contains(c));
        characters.extend(fresh);
        let strangers = (atoms > 0).then_some(Symbol::Stranger);
        characters.into_iter().map(Symbol::Char).chain((0..atoms).map(Symbol::Atom)).chain(strangers).collect()
    }
}
