//! From an error message to the rules that would have told beforehand.
//!
//! Every rule lists the `symptoms` that users see afterwards. A log, a `stateDetails` or an event is
//! read once, and every symptom of every rule is looked for in that one pass, whatever the case of
//! letters, the white space or the quotes, and whether the text was escaped into JSON or not. A `…` in a
//! symptom stands for anything within a line.
//!
//! A match says where to look and not what is wrong: several rules may show the same symptom, and only
//! a check tells which of them fails.

use crate::report::look::{BOLD, FAINT, count};
use crate::report::{Look, visible};
use crate::rule::Rule;
use aho_corasick::{AhoCorasick, MatchKind};
use rustc_hash::FxHashMap;
use std::iter::Peekable;
use std::str::CharIndices;

/// A rule whose symptom stands in a text.
#[derive(Clone, Debug)]
pub struct Match<'r> {
    /// The rule.
    pub rule: &'r Rule,
    /// Its most telling symptom among those that were found, as the rule states it.
    pub symptom: String,
    /// The line on which the symptom starts, counted from 1.
    pub line: usize,
    /// What stands there.
    pub excerpt: String,
    /// How telling all its symptoms are together: the longer and the rarer, the more.
    pub score: u64,
}

/// Only the end of a longer text is read; that is where a log says why it ended.
const LIMIT: usize = 64 << 20;

/// Characters of an excerpt, and how many of them stand before the symptom.
const EXCERPT: (usize, usize) = (240, 60);

/// Shorter symptoms must end where a word ends.
const SHORT: usize = 6;

/// So many rules are shown in full.
const SHOWN: usize = 6;

/// The rules whose symptoms stand in the text, the most telling first.
#[must_use]
pub fn matches<'r>(text: &str, rules: &'r [Rule]) -> Vec<Match<'r>> {
    let (text, lines_before) = tail(text);
    let phrases: Vec<Phrase<'r>> = rules.iter().flat_map(phrases).collect();
    let plain = Plain::of(text);
    let mut best: FxHashMap<&str, Vec<(&Phrase<'r>, usize, u64)>> = FxHashMap::default();
    for (at, start) in occurrences(&plain, &phrases) {
        let Some(phrase) = phrases.get(at) else { continue };
        let mut sharing: Vec<&str> =
            phrases.iter().filter(|other| other.contains(phrase)).map(|other| other.rule.id.as_str()).collect();
        sharing.dedup();
        best.entry(&phrase.rule.id).or_default().push((
            phrase,
            start,
            phrase.letters as u64 * 100 / sharing.len().max(1) as u64,
        ));
    }
    let found: Vec<Match<'r>> = best
        .into_values()
        .filter_map(|mut seen| {
            seen.sort_by_key(|(_, start, weight)| (std::cmp::Reverse(*weight), *start));
            let (phrase, start, _) = *seen.first()?;
            // A symptom that is part of another one tells nothing more.
            let mut score = 0;
            for (at, (phrase, _, weight)) in seen.iter().enumerate() {
                if !seen.iter().take(at).any(|(other, ..)| other.contains(phrase)) {
                    score += weight;
                }
            }
            Some(Match {
                rule: phrase.rule,
                symptom: phrase.symptom.to_owned(),
                line: lines_before + plain.line(start),
                excerpt: excerpt(text, plain.origin(text, start)),
                score,
            })
        })
        .collect();
    // Among rules that show the same, the one that others explain is the more general, and comes first.
    let general = |one: &Match<'r>| {
        let ties = found.iter().filter(|other| other.score == one.score);
        ties.filter(|other| one.rule.explained_by.contains(&other.rule.id)).count()
    };
    let mut ranked: Vec<(usize, Match<'r>)> = found.iter().map(|one| (general(one), one.clone())).collect();
    ranked.sort_by(|(a_general, a), (b_general, b)| {
        (b.score, b_general, b.rule.severity)
            .cmp(&(a.score, a_general, a.rule.severity))
            .then_with(|| a.rule.id.cmp(&b.rule.id))
    });
    ranked.into_iter().map(|(_, found)| found).collect()
}

/// The end of a long text, and how many lines stand before it.
fn tail(text: &str) -> (&str, usize) {
    let mut from = text.len().saturating_sub(LIMIT);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    let (before, rest) = text.split_at(from);
    (rest, before.bytes().filter(|byte| *byte == b'\n').count())
}

/// A symptom, ready to be looked for.
struct Phrase<'r> {
    rule: &'r Rule,
    symptom: &'r str,
    /// What stands between the holes, in order.
    segments: Vec<String>,
    /// The same in one piece.
    whole: String,
    /// How many letters and digits they have.
    letters: usize,
}

impl Phrase<'_> {
    /// Whether whoever finds this phrase finds the other one with it.
    fn contains(&self, other: &Self) -> bool {
        in_order(&self.whole, &other.segments)
    }
}

fn phrases(rule: &Rule) -> impl Iterator<Item = Phrase<'_>> {
    rule.symptoms.iter().filter_map(move |symptom| {
        let segments: Vec<String> = symptom
            .replace("...", "…")
            .split('…')
            .map(|segment| Plain::of(segment).text.trim().to_owned())
            .filter(|segment| letters(segment) > 1)
            .collect();
        let letters = segments.iter().map(|segment| letters(segment)).sum();
        let whole = segments.join("\u{1}");
        (letters > 1).then_some(Phrase { rule, symptom, segments, whole, letters })
    })
}

fn letters(text: &str) -> usize {
    text.chars().filter(|character| character.is_alphanumeric()).count()
}

fn in_order(mut text: &str, segments: &[String]) -> bool {
    segments.iter().all(|segment| match text.find(segment.as_str()) {
        Some(at) => {
            text = text.get(at + segment.len()..).unwrap_or_default();
            true
        }
        None => false,
    })
}

/// Each phrase that stands in the text, with the place of its first occurrence.
fn occurrences(plain: &Plain, phrases: &[Phrase<'_>]) -> Vec<(usize, usize)> {
    // For each distinct segment, the phrases that have it, and as which of their segments.
    let mut numbers: FxHashMap<&str, usize> = FxHashMap::default();
    let mut patterns: Vec<&str> = Vec::new();
    let mut users: Vec<Vec<(usize, usize)>> = Vec::new();
    for (at, phrase) in phrases.iter().enumerate() {
        for (nth, segment) in phrase.segments.iter().enumerate() {
            let number = *numbers.entry(segment).or_insert_with(|| {
                patterns.push(segment);
                users.push(Vec::new());
                patterns.len() - 1
            });
            if let Some(users) = users.get_mut(number) {
                users.push((at, nth));
            }
        }
    }
    // It fails only for patterns of gigabytes, and rule files are smaller.
    let Ok(automaton) = AhoCorasick::builder().match_kind(MatchKind::Standard).build(&patterns) else {
        return Vec::new();
    };
    let mut progress: Vec<Progress> = vec![Progress::default(); phrases.len()];
    let mut found = Vec::new();
    let bytes = plain.text.as_bytes();
    let letter_at = |at: usize| bytes.get(at).is_some_and(|byte| byte.is_ascii_alphanumeric());
    for hit in automaton.find_overlapping_iter(&plain.text) {
        let (start, end) = (hit.start(), hit.end());
        for (at, nth) in users.get(hit.pattern().as_usize()).into_iter().flatten() {
            let (Some(phrase), Some(progress)) = (phrases.get(*at), progress.get_mut(*at)) else { continue };
            if progress.done || *nth > progress.next {
                continue;
            }
            let begins_a_word = !letter_at(start) || start == 0 || !letter_at(start - 1);
            let ends_a_word = phrase.letters > SHORT || !letter_at(end);
            let last = nth + 1 == phrase.segments.len();
            if (*nth == 0 && !begins_a_word) || (last && !ends_a_word) {
                continue;
            }
            let line = plain.line(start);
            if *nth == 0 && (progress.next == 0 || progress.line < line) {
                *progress = Progress { next: 1, start, end, line: plain.line(end - 1), done: false };
            } else if *nth == progress.next && *nth > 0 && start >= progress.end && line == progress.line {
                progress.next += 1;
                progress.end = end;
                progress.line = plain.line(end - 1);
            } else {
                continue;
            }
            if progress.next == phrase.segments.len() {
                progress.done = true;
                found.push((*at, progress.start));
            }
        }
    }
    found
}

/// How far into a phrase a line has come.
#[derive(Clone, Default)]
struct Progress {
    next: usize,
    start: usize,
    end: usize,
    line: usize,
    done: bool,
}

/// A text as it is compared: small letters, single spaces, one kind of quote, nothing escaped.
///
/// A line break is white space like any other, so that a message is found although it was folded.
struct Plain {
    text: String,
    /// Where each line starts in it.
    lines: Vec<usize>,
    /// Now and then, a place in it and the same place in the original.
    marks: Vec<(usize, usize)>,
}

/// Bytes between two marks.
const MARK_EVERY: usize = 256;

impl Plain {
    fn of(original: &str) -> Self {
        let mut plain = Self { text: String::with_capacity(original.len()), lines: vec![0], marks: vec![(0, 0)] };
        let mut gap = false;
        let mut characters = original.char_indices().peekable();
        while let Some((at, token)) = token(&mut characters) {
            match token {
                Token::Letter(letter) => {
                    if gap && !plain.text.is_empty() {
                        plain.text.push(' ');
                    }
                    gap = false;
                    if plain.marks.last().is_none_or(|(last, _)| last + MARK_EVERY <= plain.text.len()) {
                        plain.marks.push((plain.text.len(), at));
                    }
                    plain.text.push(letter);
                }
                Token::Space => gap = true,
                Token::Line => {
                    gap = true;
                    plain.lines.push(if plain.text.is_empty() { 0 } else { plain.text.len() + 1 });
                }
                Token::Nothing => {}
            }
        }
        plain
    }

    /// The number of the line, counted from 1, on which a place is.
    fn line(&self, at: usize) -> usize {
        self.lines.partition_point(|start| *start <= at)
    }

    /// The place in the original.
    fn origin(&self, original: &str, at: usize) -> usize {
        let mark = self.marks.partition_point(|(place, _)| *place <= at).saturating_sub(1);
        let Some((mut place, from)) = self.marks.get(mark).copied() else { return 0 };
        let mut gap = false;
        let mut characters = original.get(from..).unwrap_or_default().char_indices().peekable();
        while let Some((offset, token)) = token(&mut characters) {
            match token {
                Token::Letter(letter) => {
                    place += usize::from(gap && place > 0);
                    gap = false;
                    if place >= at {
                        return from + offset;
                    }
                    place += letter.len_utf8();
                }
                Token::Space | Token::Line => gap = true,
                Token::Nothing => {}
            }
        }
        original.len()
    }
}

enum Token {
    Letter(char),
    Space,
    Line,
    Nothing,
}

/// The next character as it is compared, with its place.
fn token(characters: &mut Peekable<CharIndices<'_>>) -> Option<(usize, Token)> {
    let (at, character) = characters.next()?;
    let token = match character {
        '\n' => Token::Line,
        '\\' => {
            while characters.next_if(|(_, next)| *next == '\\').is_some() {}
            if characters.next_if(|(_, next)| matches!(next, 'n' | 'r' | 't')).is_some() {
                Token::Space
            } else if characters.next_if(|(_, next)| *next == 'u').is_some() {
                let mut code = 0;
                for _ in 0..4 {
                    let Some(digit) = characters.peek().and_then(|(_, next)| next.to_digit(16)) else { break };
                    code = code * 16 + digit;
                    characters.next();
                }
                char::from_u32(code).map_or(Token::Nothing, compared)
            } else {
                Token::Nothing
            }
        }
        '\u{1b}' => {
            if characters.next_if(|(_, next)| *next == '[').is_some() {
                while characters.next_if(|(_, next)| matches!(next, '0'..='9' | ';' | '?')).is_some() {}
                characters.next_if(|(_, next)| next.is_ascii_alphabetic());
            }
            Token::Nothing
        }
        other => compared(other),
    };
    Some((at, token))
}

fn compared(character: char) -> Token {
    match character {
        '"' | '`' | '´' | '‘' | '’' | '“' | '”' => Token::Letter('\''),
        _ if character.is_ascii() && !character.is_ascii_whitespace() => Token::Letter(character.to_ascii_lowercase()),
        _ if character.is_whitespace() => Token::Space,
        _ => Token::Letter(character.to_lowercase().next().unwrap_or(character)),
    }
}

/// What stands around a place, on its line.
fn excerpt(text: &str, at: usize) -> String {
    let (most, lead) = EXCERPT;
    let before = text.get(..at).unwrap_or_default();
    let head: Vec<char> = before.chars().rev().take_while(|character| *character != '\n').take(lead + 1).collect();
    let cut = head.len() > lead;
    let mut excerpt: String = head.iter().take(lead).rev().collect();
    let after = text.get(at..).unwrap_or_default();
    let mut rest = after.chars().take_while(|character| *character != '\n');
    excerpt.extend(rest.by_ref().take(most - lead));
    let more = rest.next().is_some();
    format!("{}{}{}", if cut { "…" } else { "" }, excerpt.trim(), if more { "…" } else { "" })
}

/// The matches for a reader: each line with a symptom, the rules behind it, and what to do next.
#[must_use]
pub fn render(matches: &[Match<'_>], look: &Look) -> String {
    let mut out = String::new();
    let Some(best) = matches.first() else {
        look.wrap(&mut out, "", "", "no rule knows a symptom in this text; `sparkcheck rules` lists what is known");
        return out;
    };
    let likely = matches.iter().take(SHOWN).take_while(|found| look.verbose || found.score * 3 >= best.score).count();
    let (shown, rest) = matches.split_at_checked(likely).unwrap_or((matches, &[]));
    let mut last: Option<(usize, &str)> = None;
    for found in shown {
        if last != Some((found.line, found.excerpt.as_str())) {
            if last.is_some() {
                out.push('\n');
            }
            let line = format!("line {}:", found.line);
            look.wrap(&mut out, &format!("{} ", look.paint(FAINT, &line)), "  ", &visible(&found.excerpt));
            last = Some((found.line, found.excerpt.as_str()));
        }
        let id = visible(&found.rule.id);
        out.push('\n');
        look.wrap(&mut out, "  ", "    ", &format!("{}: {}", look.paint(BOLD, &id), visible(&found.rule.title)));
        look.wrap(&mut out, "    ", "    ", &visible(&first_sentence(&found.rule.why)));
        if let Some(fix) = found.rule.fixes.first() {
            let say = fix.say.sentence(&|_: &str| None);
            look.wrap(&mut out, &format!("    {}", look.either("→ ", "> ")), "      ", &visible(&say));
        }
        look.wrap(&mut out, "    ", "      ", &format!("sparkcheck explain {id}"));
    }
    if !rest.is_empty() {
        out.push('\n');
        let ids: Vec<String> = rest.iter().map(|found| visible(&found.rule.id)).collect();
        let lead = if rest.iter().all(|found| found.score == best.score) { "as likely" } else { "less likely" };
        look.wrap(&mut out, "", "  ", &format!("{lead}: {}", ids.join(", ")));
    }
    out.push('\n');
    let which = if matches.len() == 1 { "whether it is so" } else { "which of them it is" };
    let text = format!("{}; `sparkcheck EXPORT` tells {which}", count(matches.len(), "rule"));
    look.wrap(&mut out, "", "  ", &text);
    out
}

/// The first sentence of a text, on one line.
pub(crate) fn first_sentence(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let next = |at: usize| text.get(at + 2..).and_then(|rest| rest.chars().next());
    let ends = |at: &usize| next(*at).is_some_and(|next| !next.is_lowercase() && !next.is_ascii_digit());
    match text.match_indices(". ").map(|(at, _)| at).find(ends) {
        Some(end) => text.get(..=end).unwrap_or(&text).to_owned(),
        None => text,
    }
}
