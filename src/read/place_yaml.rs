//! Where in a YAML text the values of pointers stand.
//!
//! What comes in by an alias or a merge key stands elsewhere; its place is the nearest part around
//! it that stands where the pointer says.

use super::place::{Found, Lines, Trie};
use super::yaml::DEPTH;
use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Span};
use std::ops::Range;

/// Finds what the trie asks for; the first token of a pointer is the number of the document.
pub(crate) fn find(text: &str, lines: &Lines<'_>, trie: &Trie, found: &mut [Option<Found>]) {
    let mut open: Vec<Open> = Vec::new();
    let mut document = 0;
    let offset = |marker: &Marker| lines.offset(marker.line().saturating_sub(1), marker.col());
    let range = |span: &Span| offset(&span.start)..offset(&span.end).max(offset(&span.start));
    // Placeholders are read as they were when the values were.
    let aside = super::placeholder::set_aside(text);
    for event in Parser::new_from_str(&aside) {
        let Ok((event, span)) = event else { return };
        match event {
            Event::DocumentEnd => document += 1,
            Event::Scalar(content, style, ..) => {
                if let Some(Open { list: false, key: key @ None, node, .. }) = open.last_mut() {
                    let plain = super::placeholder::restore(&content);
                    let child = node.and_then(|node| {
                        trie.child(node, &plain).or_else(|| trie.child(node, &super::written::key_text(&plain)))
                    });
                    *key = Some((child, range(&span)));
                    continue;
                }
                let (node, key) = next(&mut open, trie, document);
                let mut value = range(&span);
                if matches!(style, ScalarStyle::Literal | ScalarStyle::Folded) {
                    value.end = value.start.max(text.get(..value.end).map_or(value.end, |head| head.trim_end().len()));
                }
                record(found, node, Found { value, key, container: false });
            }
            Event::Alias(_) => {
                let (node, key) = next(&mut open, trie, document);
                record(found, node, Found { value: range(&span), key, container: false });
            }
            Event::SequenceStart(..) | Event::MappingStart(..) => {
                if open.len() >= DEPTH {
                    return;
                }
                let (node, place) = next(&mut open, trie, document);
                record(found, node, Found { value: range(&span), key: place, container: true });
                let list = matches!(event, Event::SequenceStart(..));
                open.push(Open { list, node, key: None, number: 0 });
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let closed = open.pop().and_then(|closed| found.get_mut(closed.node?)?.as_mut());
                if let Some(closed) = closed {
                    closed.value.end = closed.value.end.max(offset(&span.end));
                }
            }
            _ => {}
        }
    }
}

/// A collection that the parser is in.
struct Open {
    list: bool,
    node: Option<usize>,
    /// The key whose value comes next, in a mapping.
    key: Option<(Option<usize>, Range<usize>)>,
    /// The number of the element that comes next, in a list.
    number: usize,
}

/// The node of the value that begins, and the place of its key.
fn next(open: &mut [Open], trie: &Trie, document: usize) -> (Option<usize>, Option<Range<usize>>) {
    match open.last_mut() {
        None => (trie.element(Trie::ROOT, document), None),
        Some(Open { list: true, node, number, .. }) => {
            let child = node.and_then(|node| trie.element(node, *number));
            *number += 1;
            (child, None)
        }
        Some(Open { key, .. }) => match key.take() {
            Some((child, range)) => (child, Some(range)),
            None => (None, None),
        },
    }
}

fn record(found: &mut [Option<Found>], node: Option<usize>, place: Found) {
    if let Some(slot) = node.and_then(|node| found.get_mut(node)) {
        *slot = Some(place);
    }
}
