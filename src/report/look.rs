//! How text is laid out for a reader.
//!
//! Whatever an input says passes through [`visible`] before a terminal sees it, and every line is
//! broken by [`Look::wrap`] or [`shell_lines`], so that nothing is wider than the reader's window
//! but a word that cannot be broken.

use anstyle::{AnsiColor, Style};
use std::fmt::Write;
use textwrap::{Options, WordSeparator, WordSplitter, WrapAlgorithm};

/// How a text is to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// The columns there are.
    pub width: usize,
    /// Whether colours may be used.
    pub colour: bool,
    /// Whether lines may be drawn with characters beyond ASCII.
    pub unicode: bool,
    /// Whether to say what is usually left out.
    pub verbose: bool,
}

/// A narrower window is treated as one of this width.
const NARROWEST: usize = 40;

pub(crate) const BOLD: Style = Style::new().bold();
pub(crate) const FAINT: Style = Style::new().dimmed();
pub(crate) const GOOD: Style = AnsiColor::Green.on_default().bold();
pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();
pub(crate) const DOUBTFUL: Style = AnsiColor::Yellow.on_default().bold();
pub(crate) const CALM: Style = AnsiColor::Cyan.on_default().bold();

impl Look {
    pub(crate) fn columns(self) -> usize {
        self.width.max(NARROWEST)
    }

    /// The text in a style, or as it is where there are no colours.
    pub(crate) fn paint(self, style: Style, text: &str) -> String {
        if self.colour && !text.is_empty() { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }

    /// `unicode` where it may be drawn, else `ascii`.
    pub(crate) fn either<'t>(self, unicode: &'t str, ascii: &'t str) -> &'t str {
        if self.unicode { unicode } else { ascii }
    }

    /// Writes a text that was made [`visible`], broken at spaces, every line but the first indented by `rest`.
    pub(crate) fn wrap(self, out: &mut String, first: &str, rest: &str, text: &str) {
        for line in fold(text, self.columns(), first, rest) {
            out.push_str(line.trim_end());
            out.push('\n');
        }
    }

    /// Writes a command so that it can be pasted: broken only where the shell allows it.
    pub(crate) fn command(self, out: &mut String, first: &str, indent: &str, command: &str) {
        let width = self.columns().saturating_sub(indent.len().max(display(first)));
        for (at, line) in shell_lines(command, width).into_iter().enumerate() {
            let _ = writeln!(out, "{}{line}", if at == 0 { first } else { indent });
        }
    }
}

/// Breaks a text at spaces into lines of at most `width` columns.
pub(crate) fn fold(text: &str, width: usize, first: &str, rest: &str) -> Vec<String> {
    let options = Options::new(width)
        .initial_indent(first)
        .subsequent_indent(rest)
        .break_words(false)
        .word_separator(WordSeparator::AsciiSpace)
        .word_splitter(WordSplitter::NoHyphenation)
        .wrap_algorithm(WrapAlgorithm::FirstFit);
    textwrap::wrap(text, options).into_iter().map(|line| line.into_owned()).collect()
}

/// The text on one line and harmless: characters that a terminal obeys, that turn the direction of
/// reading or that nobody sees are spelled out; a tab is four spaces.
#[must_use]
pub fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\t' => out.push_str("    "),
            _ if obeyed(character) => out.extend(character.escape_default()),
            _ => out.push(character),
        }
    }
    out
}

/// Whether a terminal or a reader is led astray by the character.
pub(crate) fn obeyed(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{180e}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// What stands between two words of a command.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Quote {
    None,
    Single,
    Double,
}

/// The lines of a command, none wider than `width` where a shell lets it be broken.
///
/// It is broken at spaces outside quotes, with the backslash that joins the lines again. A line
/// with a comment or a here-document is left as it is, because there the backslash would not join.
fn shell_lines(command: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for line in logical_lines(command) {
        let words = with_values(shell_words(&line), width.saturating_sub(4));
        if display(&line) <= width || words.iter().any(|word| word.starts_with('#') || word.contains("<<")) {
            lines.extend(line.split('\n').map(visible));
            continue;
        }
        let mut current = String::new();
        let mut indent = "";
        for (at, word) in words.iter().enumerate() {
            let word = word.split('\n').map(visible).collect::<Vec<_>>().join("\n");
            let first_line = word.split('\n').next().unwrap_or_default();
            let last = at + 1 == words.len();
            let room = width.saturating_sub(if last && !word.contains('\n') { 0 } else { 2 });
            let open = current.trim().is_empty();
            let ends = current.rsplit('\n').next().unwrap_or_default();
            // A break before a word that is too long by itself wins nothing but a lonely first word.
            let lonely = at == 1 && !first_line.contains(' ') && display(first_line) + 2 > room;
            if !open && !lonely && display(ends) + 1 + display(first_line) > room {
                lines.extend(format!("{current} \\").split('\n').map(str::to_owned));
                indent = "  ";
                current = format!("{indent}{word}");
            } else if open {
                current = format!("{indent}{word}");
            } else {
                current.push(' ');
                current.push_str(&word);
            }
        }
        lines.extend(current.split('\n').map(str::to_owned));
    }
    lines
}

/// A command's lines; what a quote or a backslash joins is one line.
fn logical_lines(command: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut quote = Quote::None;
    let mut characters = command.trim_end().chars().peekable();
    while let Some(character) = characters.next() {
        let Some(line) = lines.last_mut() else { break };
        match (quote, character) {
            (Quote::None, '\\') if characters.next_if_eq(&'\n').is_some() => {
                while characters.next_if_eq(&' ').is_some() {}
                if !line.ends_with(' ') {
                    line.push(' ');
                }
            }
            (Quote::None | Quote::Double, '\\') => {
                line.push('\\');
                line.extend(characters.next());
            }
            (Quote::None, '\n') => lines.push(String::new()),
            _ => {
                quote = turned(quote, character);
                line.push(character);
            }
        }
    }
    lines
}

/// The words of a line, as written.
fn shell_words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quote = Quote::None;
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        let Some(word) = words.last_mut() else { break };
        match (quote, character) {
            (Quote::None | Quote::Double, '\\') => {
                word.push('\\');
                word.extend(characters.next());
            }
            (Quote::None, ' ') => {
                if !word.is_empty() {
                    words.push(String::new());
                }
            }
            _ => {
                quote = turned(quote, character);
                word.push(character);
            }
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// The words, an option and its value together where both fit.
fn with_values(words: Vec<String>, width: usize) -> Vec<String> {
    let mut joined: Vec<String> = Vec::new();
    for word in words {
        match joined.last_mut() {
            Some(option)
                if option.starts_with("--")
                    && !option.contains([' ', '='])
                    && !word.starts_with('-')
                    && display(option) + 1 + display(&word) <= width =>
            {
                option.push(' ');
                option.push_str(&word);
            }
            _ => joined.push(word),
        }
    }
    joined
}

fn turned(quote: Quote, character: char) -> Quote {
    match (quote, character) {
        (Quote::None, '\'') => Quote::Single,
        (Quote::None, '"') => Quote::Double,
        (Quote::Single, '\'') | (Quote::Double, '"') => Quote::None,
        (other, _) => other,
    }
}

/// The text, or its beginning and a sign that there is more.
pub(crate) fn cut(text: &str, room: usize, look: &Look) -> String {
    let text = text.trim_end();
    if display(text) <= room {
        return text.to_owned();
    }
    let ellipsis = look.either("…", "...");
    let mut kept = String::new();
    let mut width = display(ellipsis);
    for character in text.chars() {
        width += display(character.encode_utf8(&mut [0; 4]));
        if width > room {
            break;
        }
        kept.push(character);
    }
    kept + ellipsis
}

/// The columns that a text takes.
pub(crate) fn display(text: &str) -> usize {
    textwrap::core::display_width(text)
}

/// `1 rollout`, `2 rollouts`.
pub(crate) fn count(number: usize, one: &str) -> String {
    format!("{number} {one}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_terminal_obeys_is_left() {
        for (text, expected) in [
            ("plain `näme` 漢字", "plain `näme` 漢字"),
            ("\u{1b}[31mred", "\\u{1b}[31mred"),
            ("\u{9b}31m", "\\u{9b}31m"),
            ("a\tb\r\nc\u{7f}", "a    b\\r\\nc\\u{7f}"),
            ("admin\u{202e}txt.exe", "admin\\u{202e}txt.exe"),
            ("zero\u{200b}width\u{feff}", "zero\\u{200b}width\\u{feff}"),
            ("\u{2066}isolate\u{2069}", "\\u{2066}isolate\\u{2069}"),
        ] {
            assert_eq!(visible(text), expected);
        }
    }

    #[test]
    fn commands_break_only_where_a_shell_joins_them_again() {
        for (command, width, expected) in [
            ("aws eks x", 80, vec!["aws eks x"]),
            ("aws eks describe-cluster --name x", 22, vec!["aws eks \\", "  describe-cluster \\", "  --name x"]),
            ("echo 'a long text in quotes' b", 12, vec!["echo \\", "  'a long text in quotes' \\", "  b"]),
            (r#"echo "a \" b" c\ d e"#, 10, vec!["echo \\", r#"  "a \" b" \"#, r"  c\ d e"]),
            ("aws --a b --c=d e --f", 14, vec!["aws --a b \\", "  --c=d e --f"]),
            ("one \\\n  two", 80, vec!["one two"]),
            ("one\ntwo", 80, vec!["one", "two"]),
            ("echo '{\n}' and some more", 20, vec!["echo '{", "}' and some more"]),
            ("echo one two three # and why", 10, vec!["echo one two three # and why"]),
            ("echo '\u{1b}[0m'", 80, vec!["echo '\\u{1b}[0m'"]),
        ] {
            assert_eq!(shell_lines(command, width), expected, "{command}");
        }
    }

    proptest::proptest! {
        #[test]
        fn a_broken_command_is_the_same_command(words in proptest::collection::vec("[a-z-]{1,9}|'[a-z ]{0,9}'|\"[a-z ']{0,9}\"", 1..12), width in 10usize..50) {
            let command = words.join(" ");
            let joined = shell_lines(&command, width).join("\n");
            proptest::prop_assert_eq!(shell_words(&logical_lines(&joined).join("\n")), shell_words(&command));
        }

        #[test]
        fn no_text_makes_the_layout_fail(command in ".{0,60}", width in 0usize..50) {
            for line in shell_lines(&command, width) {
                proptest::prop_assert!(!line.chars().any(obeyed));
            }
        }
    }
}
