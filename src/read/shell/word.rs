//! Words: what an argument is put together from, and where that was written.

use super::{Word, place};
use crate::known::{Part, Text};
use crate::read::code::json::{Piece, PiecePart};
use crate::read::code::{At, Form, Node, Where};
use std::ops::Range;

impl Word {
    /// The argument with its holes.
    pub(crate) fn text(&self) -> Text {
        Text::from_parts(self.pieces.iter().map(|piece| match &piece.part {
            PiecePart::Literal(literal) => Part::Literal(literal.clone()),
            PiecePart::Hole(name) => Part::Hole(name.clone()),
            PiecePart::Value(_) => Part::Hole("value".to_owned()),
        }))
    }

    /// The argument, where it is known.
    pub(crate) fn plain(&self) -> Option<String> {
        self.text().as_str().map(str::to_owned)
    }

    /// Whether it begins with these letters.
    pub(crate) fn begins(&self, with: &str) -> bool {
        match self.pieces.first().map(|piece| &piece.part) {
            Some(PiecePart::Literal(first)) => {
                first.starts_with(with) || (first.len() < with.len() && self.text().to_string().starts_with(with))
            }
            _ => false,
        }
    }

    /// Where what it says was written: where the variable got its value, if it is nothing else.
    pub(crate) fn at(&self) -> Option<At> {
        if let [only] = self.pieces.as_slice() {
            return only.at.clone();
        }
        // Of what is put together only that counts which stands here.
        let here = self.pieces.iter().filter_map(|piece| match &piece.at {
            Some(At { span: Where::Bytes(start, end), .. }) => Some((*start as usize, *end as usize)),
            _ => None,
        });
        let here = here.filter(|(start, end)| self.span.start <= *start && *end <= self.span.end);
        let range = here.reduce(|one, other| (one.0.min(other.0), one.1.max(other.1)));
        place(&range.map_or_else(|| self.span.clone(), |(start, end)| start..end))
    }

    /// The argument as a text.
    pub(crate) fn node(&self) -> Node {
        Node::new(Form::Text(self.text())).written(self.at())
    }

    /// The argument without its first letters.
    pub(crate) fn after(&self, letters: usize) -> Self {
        let mut left = letters;
        let mut pieces = Vec::new();
        for piece in &self.pieces {
            match &piece.part {
                PiecePart::Literal(literal) if left > 0 => {
                    let cut = left.min(literal.len());
                    left -= cut;
                    pieces.extend(part_of(piece, cut..literal.len()));
                }
                _ => pieces.push(piece.clone()),
            }
        }
        Self { pieces, span: self.span.clone() }
    }
}

/// A stretch of a literal piece; none of an empty one.
pub(crate) fn part_of(piece: &Piece, range: Range<usize>) -> Option<Piece> {
    let PiecePart::Literal(literal) = &piece.part else { return None };
    let text = literal.get(range.clone()).filter(|text| !text.is_empty())?;
    let at = match &piece.at {
        Some(At { file, span: Where::Bytes(start, end) }) if (end - start) as usize == literal.len() => {
            let span = Where::Bytes(start + range.start as u32, start + range.end as u32);
            Some(At { file: *file, span })
        }
        other => other.clone(),
    };
    Some(Piece { part: PiecePart::Literal(text.to_owned()), at })
}
