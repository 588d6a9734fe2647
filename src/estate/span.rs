//! Stretches of a source's text.

/// A stretch of a text, counted from 1; columns are characters, and the end is exclusive.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// The first line.
    pub line: usize,
    /// The column of the first character.
    pub column: usize,
    /// The last line.
    pub end_line: usize,
    /// The column after the last character.
    pub end_column: usize,
    /// The lines around, to be shown.
    pub excerpt: Excerpt,
}

/// A few lines of a source around a span.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Excerpt {
    /// The number of the first line.
    pub first_line: usize,
    /// The text, whole lines, very long ones cut.
    pub text: String,
    /// Where the span starts in the text, in bytes.
    pub start: usize,
    /// Where the span ends in the text, in bytes.
    pub end: usize,
}
