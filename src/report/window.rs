//! A look at the source: the lines around a place, with what is to be seen there.
//!
//! miette draws it. What it draws is cut to the reader's window here beforehand, because it wraps
//! neither source lines nor labels, and it sees only the excerpt, because it reads a source from
//! its beginning.

use super::look::{cut, display, fold, visible};
use super::{Excerpt, Look, Place, Span};
use crate::rule::Severity;
use miette::{
    Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteError, MietteSpanContents, SourceCode,
    SourceSpan, SpanContents,
};
use std::fmt;
use std::ops::Range;

/// A span over more lines than this is shown by its first ones.
const MOST_LINES: usize = 6;

/// Columns that a label should have before the line is moved for its sake.
const LABEL_ROOM: usize = 36;

/// Columns that stay to the left of a span whose line was moved; what is not wider than the second stays whole.
const LEAD: (usize, usize) = (10, 20);

/// Draws the primary place and those of `others` that stand in the same excerpt; `None` where there
/// is nothing to draw. Also says which of the others were drawn.
pub(super) fn draw(
    primary: &Place,
    label: &str,
    others: &[Place],
    severity: Severity,
    look: &Look,
) -> Option<(String, Vec<usize>)> {
    let span = primary.span.as_ref()?;
    let (lines, range) = shown(&span.excerpt)?;
    let rows: Vec<&str> = lines.iter().map(|line| line.text).collect();
    let gutter = (span.excerpt.first_line + span.excerpt.text.matches('\n').count()).to_string().len() + 4;
    let single = range.start.0 == range.end.0;
    let room = look.columns().saturating_sub(if single { gutter } else { gutter + 4 });

    let mut wanted = vec![Mark { range, label: visible(label), other: None }];
    if single {
        for (at, other) in others.iter().enumerate() {
            wanted.extend(same_excerpt(primary, span, other, &lines).map(|range| Mark {
                range,
                label: visible(&other.note),
                other: Some(at),
            }));
        }
    }
    let mut page = lay_out(&rows, &wanted, room, look);
    if page.is_none() && wanted.len() > 1 {
        wanted.truncate(1);
        page = lay_out(&rows, &wanted, room, look);
    }
    let (text, marks, first_row) = page.unwrap_or_else(|| move_line(&rows, &wanted, room, look));
    let first_line = lines.get(first_row).map_or(1, |line| line.number);
    let window = Window {
        name: primary.path.as_deref().map(visible).unwrap_or_default(),
        text,
        first_line,
        line: span.line,
        column: span.column,
    };
    let mut labels = Vec::new();
    let mut beside = None;
    let mut others = Vec::new();
    for ((range, room), mark) in marks.iter().zip(&wanted) {
        let lines = fold(&mark.label, (*room).max(8), "", "");
        // A word that does not fit under the source, such as an ARN, gets a line of its own.
        let fits = lines.iter().all(|line| display(line) <= *room);
        let label = Some(lines.join("\n")).filter(|label| fits && !label.is_empty());
        let at = SourceSpan::new(range.start.into(), range.len());
        if mark.other.is_none() {
            beside = (!fits).then_some(&mark.label);
            labels.push(LabeledSpan::new_primary_with_span(label, at));
        } else if fits {
            labels.push(LabeledSpan::new_with_span(label, at));
            others.extend(mark.other);
        }
    }
    let mut drawn = render(&Sight { window, labels }, severity, look)?;
    if let Some(label) = beside {
        look.wrap(&mut drawn, "  ", "    ", &format!("because: {label}"));
    }
    Some((drawn, others))
}

/// What is to be seen at a stretch of rows and bytes.
struct Mark {
    range: Stretch,
    label: String,
    other: Option<usize>,
}

/// From one row and byte to another.
type Stretch = Range<(usize, usize)>;

/// One line of an excerpt.
struct Line<'t> {
    number: usize,
    text: &'t str,
}

/// The lines of an excerpt that are shown, and where the span is in them by row and byte.
fn shown(excerpt: &Excerpt) -> Option<(Vec<Line<'_>>, Stretch)> {
    let text = excerpt.text.as_str();
    let start = floor(text, excerpt.start);
    let end = floor(text, excerpt.end).max(start);
    let mut lines = Vec::new();
    let (mut at, mut from, mut to) = (0, None, None);
    for (row, line) in text.split('\n').enumerate() {
        let bare = line.strip_suffix('\r').unwrap_or(line);
        if (at..=at + line.len()).contains(&start) && from.is_none() {
            from = Some((row, (start - at).min(bare.len())));
        }
        if (at..=at + line.len()).contains(&end) && to.is_none() {
            to = Some((row, (end - at).min(bare.len())));
        }
        lines.push(Line { number: excerpt.first_line + row, text: bare });
        at += line.len() + 1;
    }
    let (from, mut to) = (from?, to?);
    let cut = to.0 - from.0 >= MOST_LINES;
    if cut {
        let row = from.0 + MOST_LINES - 1;
        to = (row, lines.get(row)?.text.trim_end().len());
    }
    if to.1 == 0 && to.0 > from.0 {
        let row = to.0 - 1;
        to = (row, lines.get(row)?.text.len());
    }
    lines.truncate(to.0 + if cut { 1 } else { 2 });
    let skipped = from.0.saturating_sub(1);
    lines.drain(..skipped);
    while lines.len() > to.0 - skipped + 1 && lines.last().is_some_and(|line| line.text.trim().is_empty()) {
        lines.pop();
    }
    let (from, to) = ((from.0 - skipped, from.1), (to.0 - skipped, to.1));
    let all_blank = lines.iter().all(|line| line.text.trim().is_empty());
    (!all_blank).then_some((lines, from..to))
}

fn floor(text: &str, mut at: usize) -> usize {
    at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// Where another place stands in the lines that are shown, if it does and nothing there overlaps.
fn same_excerpt(primary: &Place, span: &Span, other: &Place, lines: &[Line<'_>]) -> Option<Stretch> {
    let place = other.span.as_ref()?;
    if other.path != primary.path || other.note.is_empty() || place.line != place.end_line {
        return None;
    }
    let overlaps = place.line == span.line && place.column < span.end_column && span.column < place.end_column;
    let row = lines.iter().position(|line| line.number == place.line)?;
    let text = lines.get(row)?.text;
    let byte = |column: usize| text.char_indices().map(|(at, _)| at).chain([text.len()]).nth(column.checked_sub(1)?);
    let (start, end) = (byte(place.column)?, byte(place.end_column)?);
    let meant = place.excerpt.text.get(place.excerpt.start..place.excerpt.end)?;
    // A long line may have been cut differently, and then the columns do not lead there.
    (!overlaps && start < end && text.get(start..end)? == meant).then_some((row, start)..(row, end))
}

/// The text to draw, where the marks are in it with the columns for their labels, and its first row.
type Page = (String, Vec<(Range<usize>, usize)>, usize);

/// All rows, without the indent that they share; `None` where a mark or its label would not fit.
fn lay_out(rows: &[&str], marks: &[Mark], room: usize, look: &Look) -> Option<Page> {
    let indent = rows
        .iter()
        .filter(|row| !row.trim().is_empty())
        .map(|row| visible(row).len() - visible(row).trim_start_matches(' ').len())
        .min()
        .unwrap_or(0);
    let mut text = String::new();
    let mut starts = Vec::new();
    for row in rows {
        let row = visible(row);
        starts.push(text.len());
        text.push_str(&cut(row.get(indent..).unwrap_or_default(), room, look));
        text.push('\n');
    }
    let place = |(row, byte): (usize, usize)| -> Option<usize> {
        let line = rows.get(row)?;
        let column = visible(line.get(..byte)?).len().saturating_sub(indent);
        let start = *starts.get(row)?;
        let length = text.get(start..)?.find('\n')?;
        Some(floor(&text, start + column.min(length)))
    };
    let mut laid = Vec::new();
    for mark in marks {
        let (start, mut end) = (place(mark.range.start)?, place(mark.range.end)?);
        let single = mark.range.start.0 == mark.range.end.0;
        let line_start = *starts.get(mark.range.start.0)?;
        if start == end {
            end += text.get(start..)?.chars().next().filter(|next| *next != '\n')?.len_utf8();
        }
        let label_room = if single {
            let line = rows.get(mark.range.start.0)?;
            let whole = visible(line);
            if display(whole.get(indent..)?) > room && display(whole.get(indent..indent + end - line_start)?) + 2 > room
            {
                return None;
            }
            let middle = (display(text.get(line_start..start)?) + display(text.get(line_start..end)?)) / 2;
            let label_room = room.saturating_sub(middle + 4);
            if label_room < display(&mark.label).min(LABEL_ROOM) {
                return None;
            }
            label_room
        } else {
            room.saturating_sub(6)
        };
        laid.push((start..end, label_room));
    }
    Some((text, laid, 0))
}

/// Only the line of the first mark, moved to the left so that the mark and its label can be seen.
fn move_line(rows: &[&str], marks: &[Mark], room: usize, look: &Look) -> Page {
    let Some(mark) = marks.first() else { return (String::new(), Vec::new(), 0) };
    let (row, start_byte) = mark.range.start;
    let line = rows.get(row).copied().unwrap_or_default();
    let end_byte = if mark.range.end.0 == row { mark.range.end.1 } else { line.len() };
    let before = visible(line.get(..start_byte).unwrap_or_default());
    let marked = visible(line.get(start_byte..end_byte).unwrap_or_default());
    let after = visible(line.get(end_byte..).unwrap_or_default());
    let ellipsis = look.either("…", "...");
    let before = before.trim_start();
    let lead = if display(before) > LEAD.1.min(room / 3) {
        let mut kept = String::new();
        for character in before.chars().rev() {
            if display(&kept) >= LEAD.0 {
                break;
            }
            kept.insert(0, character);
        }
        format!("{ellipsis}{kept}")
    } else {
        before.to_owned()
    };
    // The label hangs from the middle of what is marked, so a shorter line leaves more room for it.
    let middle = room.saturating_sub(4 + display(&mark.label).min(LABEL_ROOM)).max(room / 3);
    let enough = (2 * middle).saturating_sub(display(&lead)).max(room / 2);
    let text = cut(&format!("{lead}{marked}{after}"), room.min(enough), look);
    let start = floor(&text, lead.len());
    let mut end = floor(&text, lead.len() + marked.len()).max(start);
    if start == end {
        end += text.get(start..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
    }
    let middle = (display(&lead) + display(text.get(..end).unwrap_or_default())) / 2;
    (format!("{text}\n"), vec![(start..end, room.saturating_sub(middle + 4))], row)
}

fn render(sight: &Sight, severity: Severity, look: &Look) -> Option<String> {
    let mut theme = match (look.unicode, look.colour) {
        (true, true) => GraphicalTheme::unicode(),
        (true, false) => GraphicalTheme::unicode_nocolor(),
        (false, true) => GraphicalTheme::ascii(),
        (false, false) => GraphicalTheme::none(),
    };
    let primary = match severity {
        Severity::Error => theme.styles.error,
        Severity::Warning => theme.styles.warning,
        Severity::Note => theme.styles.advice,
    };
    if look.colour {
        theme.styles.highlights = vec![primary];
    }
    let mut drawn = String::new();
    GraphicalReportHandler::new_themed(theme)
        .with_width(look.columns())
        .with_links(false)
        .without_syntax_highlighting()
        .render_report(&mut drawn, sight)
        .ok()?;
    // The first line is the message, which stands above already.
    let (_, window) = drawn.split_once('\n')?;
    let mut out = String::new();
    for line in window.lines() {
        out.push_str(line.trim_end());
        out.push('\n');
    }
    Some(out)
}

/// What miette is shown.
#[derive(Debug)]
struct Sight {
    window: Window,
    labels: Vec<LabeledSpan>,
}

/// The lines to draw; asked for one span, it tells the place of the primary one.
#[derive(Debug)]
struct Window {
    name: String,
    text: String,
    first_line: usize,
    line: usize,
    column: usize,
}

impl SourceCode for Window {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        before: usize,
        after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let (line, column) = if before == 0 && after == 0 { (self.line, self.column) } else { (self.first_line, 1) };
        if span.offset() + span.len() > self.text.len() {
            return Err(MietteError::OutOfBounds);
        }
        let data = self.text.as_bytes();
        let all = SourceSpan::new(0.into(), data.len());
        let (line, column) = (line.saturating_sub(1), column.saturating_sub(1));
        let lines = self.text.matches('\n').count();
        Ok(Box::new(if self.name.is_empty() {
            MietteSpanContents::new(data, all, line, column, lines)
        } else {
            MietteSpanContents::new_named(self.name.clone(), data, all, line, column, lines)
        }))
    }
}

impl fmt::Display for Sight {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}

impl std::error::Error for Sight {}

impl Diagnostic for Sight {
    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&self.window)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(self.labels.iter().cloned()))
    }
}
