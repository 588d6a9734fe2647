//! Words of a shell: the commands of a script, with what is known of their arguments.
//!
//! Quotes, escapes, continued lines, here-documents and assignments mean what they mean to a shell, so
//! that `'{"name": "'"$NAME"'"}'` is one argument with one hole, or none where the script says what
//! `NAME` is. Each letter keeps its place in the file. What only a run would tell is a hole: the
//! output of a command, an argument, a variable of the environment, or one that is set on some paths
//! and not on others.
//!
//! Deliberately absent: running anything. Loops are walked through once, branches one after the other.

mod word;

pub(crate) use word::part_of;

use super::code::json::{Piece, PiecePart};
use super::code::{At, Where};
use super::placeholder;
use std::collections::BTreeMap;
use std::ops::Range;

/// The most letters that one value may have once variables stand for what they are.
const LONGEST: usize = 64 << 10;
/// The most pieces of one word.
const PIECES: usize = 4096;
/// How deep commands may stand inside of commands.
const DEPTH: usize = 8;
/// The most commands that are read of one file.
const COMMANDS: usize = 20_000;
/// How many pieces all words of a file may have together.
const ALL_PIECES: usize = 1_000_000;

/// One argument.
#[derive(Clone, Debug, Default)]
pub(crate) struct Word {
    /// What it is put together from.
    pub(crate) pieces: Vec<Piece>,
    /// Where it stands.
    pub(crate) span: Range<usize>,
}

/// One command.
#[derive(Clone, Debug, Default)]
pub(crate) struct Command {
    /// Its name and its arguments.
    pub(crate) words: Vec<Word>,
    /// What it is given as input by a here-document or a here-string.
    pub(crate) input: Option<Word>,
    /// The file that its output goes to.
    pub(crate) output: Option<Word>,
}

/// The value of a command's output, where it can be told: asked of the program that knows the commands.
pub(crate) type Outputs<'o> = &'o dyn Fn(&[Command]) -> Option<Vec<Piece>>;

/// Reads the commands in ranges of a file, one range after the other in one shell.
pub(crate) fn commands(text: &str, ranges: &[Range<usize>], outputs: Outputs<'_>) -> Vec<Command> {
    let mut shell =
        Shell { text, outputs, variables: BTreeMap::new(), commands: Vec::new(), pieces: 0, conditional: 0 };
    for range in ranges {
        shell.conditional = 0;
        shell.run(range.clone(), 0);
    }
    shell.commands
}

struct Shell<'t> {
    text: &'t str,
    outputs: Outputs<'t>,
    variables: BTreeMap<String, Vec<Piece>>,
    commands: Vec<Command>,
    pieces: usize,
    /// How many branches and loops are open.
    conditional: usize,
}

/// Where a reader is in the text.
struct Cursor {
    at: usize,
    end: usize,
    depth: usize,
    /// Here-documents whose bodies begin on the next line: delimiter, whether it was quoted, whether tabs go.
    awaited: Vec<(String, bool, bool)>,
    bodies: Vec<Word>,
}

/// What ends a word.
enum Next {
    Word(Word, bool),
    Operator(&'static str),
    Redirect(&'static str),
    End,
}

impl<'t> Shell<'t> {
    fn byte(&self, cursor: &Cursor, ahead: usize) -> Option<u8> {
        let at = cursor.at + ahead;
        if at < cursor.end { self.text.as_bytes().get(at).copied() } else { None }
    }

    fn rest(&self, cursor: &Cursor) -> &'t str {
        self.text.get(cursor.at..cursor.end).unwrap_or_default()
    }

    /// Reads all commands of a range; gives the numbers of those that were found.
    fn run(&mut self, range: Range<usize>, depth: usize) -> Range<usize> {
        let first = self.commands.len();
        let mut cursor = Cursor { at: range.start, end: range.end, depth, awaited: Vec::new(), bodies: Vec::new() };
        let mut command = Command::default();
        let mut chained = false;
        let mut header = false;
        while self.commands.len() < COMMANDS && self.pieces < ALL_PIECES {
            match self.next(&mut cursor, command.words.is_empty()) {
                Next::End => break,
                Next::Operator(operator) => {
                    if operator == "\n" {
                        self.heredocs(&mut cursor, &mut command);
                    }
                    self.finish(&mut command, chained);
                    header = false;
                    chained = matches!(operator, "&&" | "||");
                }
                Next::Redirect(kind) => self.redirect(kind, &mut cursor, &mut command),
                Next::Word(..) if header => {}
                Next::Word(word, quoted) => {
                    let plain = if quoted || !command.words.is_empty() { None } else { word.plain() };
                    match plain.as_deref() {
                        Some("if" | "case" | "for" | "while" | "until" | "select") => {
                            self.conditional += 1;
                            header = matches!(plain.as_deref(), Some("for" | "select" | "case"));
                            if matches!(plain.as_deref(), Some("for" | "select")) {
                                self.loop_variable(&mut cursor);
                            }
                        }
                        Some("fi" | "esac" | "done") => self.conditional = self.conditional.saturating_sub(1),
                        Some(
                            "then" | "elif" | "else" | "do" | "{" | "}" | "!" | "time" | "function" | "sudo" | "exec"
                            | "command" | "nohup" | "env" | "$",
                        ) => {}
                        _ => command.words.push(word),
                    }
                }
            }
        }
        self.heredocs(&mut cursor, &mut command);
        self.finish(&mut command, chained);
        first..self.commands.len()
    }

    fn loop_variable(&mut self, cursor: &mut Cursor) {
        if let Next::Word(word, _) = self.next(cursor, false)
            && let Some(name) = word.plain()
        {
            let hole = Piece { part: PiecePart::Hole(name.clone()), at: place(&word.span) };
            self.variables.insert(name, vec![hole]);
        }
    }

    /// Ends a command: assignments take effect, everything else is kept.
    fn finish(&mut self, command: &mut Command, chained: bool) {
        let mut command = std::mem::take(command);
        if command.words.is_empty() {
            return;
        }
        let declares = command
            .words
            .first()
            .and_then(Word::plain)
            .is_some_and(|name| matches!(name.as_str(), "export" | "local" | "readonly" | "declare" | "typeset"));
        if declares {
            command.words.remove(0);
            command.words.retain(|word| !word.begins("-"));
        }
        let mut assigned = 0;
        for word in &command.words {
            let Some((name, value)) = assignment(word) else { break };
            assigned += 1;
            // `X=1 command` sets it for the command alone.
            if assigned < command.words.len()
                && command.words.iter().any(|word| assignment(word).is_none())
                && !declares
            {
                continue;
            }
            self.assign(name, value, chained);
        }
        if declares {
            return;
        }
        command.words.drain(..assigned);
        if command.words.is_empty() {
            return;
        }
        if command.words.first().and_then(Word::plain).as_deref() == Some("read") {
            for word in command.words.iter().skip(1) {
                if let Some(name) = word.plain().filter(|name| is_name(name)) {
                    let hole = Piece { part: PiecePart::Hole(name.clone()), at: place(&word.span) };
                    self.variables.insert(name, vec![hole]);
                }
            }
        }
        self.commands.push(command);
    }

    fn assign(&mut self, name: String, value: Word, chained: bool) {
        let known = self.variables.get(&name);
        let opaque = |hole: String| Piece { part: PiecePart::Hole(hole), at: place(&value.span) };
        let pieces = if self.conditional > 0 || chained {
            // Nobody knows which of the ways was taken.
            vec![opaque(name.clone())]
        } else {
            match value.pieces.as_slice() {
                [Piece { part: PiecePart::Hole(hole), .. }] if hole.starts_with("$(") => {
                    let named = if known.is_none() {
                        placeholder::hole_name(&name).to_owned()
                    } else {
                        format!("{name} (byte {})", value.span.start)
                    };
                    vec![opaque(named)]
                }
                // Whoever reads the script writes in what is left empty.
                [] => vec![opaque(placeholder::hole_name(&name).to_owned())],
                pieces => pieces.to_vec(),
            }
        };
        self.variables.insert(name, pieces);
    }

    fn redirect(&mut self, kind: &'static str, cursor: &mut Cursor, command: &mut Command) {
        if matches!(kind, "<<" | "<<-") {
            self.blanks(cursor);
            let start = cursor.at;
            let raw = self.rest(cursor);
            let end =
                raw.find(|c: char| c.is_whitespace() || matches!(c, ';' | '|' | '&' | '>' | ')')).unwrap_or(raw.len());
            let raw = raw.get(..end).unwrap_or_default();
            cursor.at = start + end;
            let delimiter: String = raw.chars().filter(|c| !matches!(c, '\'' | '"' | '\\')).collect();
            if !delimiter.is_empty() {
                let quoted = delimiter.len() != raw.len();
                cursor.awaited.push((delimiter, quoted, kind == "<<-"));
            }
            return;
        }
        let Next::Word(word, _) = self.next(cursor, false) else { return };
        match kind {
            ">" | ">>" => command.output = Some(word),
            "<<<" => command.input = Some(word),
            _ => {}
        }
    }

    /// Reads the bodies of here-documents, which begin where the cursor is.
    fn heredocs(&mut self, cursor: &mut Cursor, command: &mut Command) {
        for (delimiter, quoted, tabs) in std::mem::take(&mut cursor.awaited) {
            let start = cursor.at;
            let mut end = start;
            let mut after = cursor.end;
            let body = self.rest(cursor);
            let mut offset = 0;
            for line in body.split_inclusive('\n') {
                let plain = line.trim_end_matches(['\n', '\r']);
                let plain = if tabs { plain.trim_start_matches('\t') } else { plain };
                // In documents and in YAML the whole is indented.
                if plain == delimiter || plain.trim() == delimiter {
                    after = start + offset + line.len();
                    break;
                }
                offset += line.len();
                end = start + offset;
            }
            let mut word = Word { pieces: Vec::new(), span: start..end };
            let mut inner = Cursor { at: start, end, depth: cursor.depth, awaited: Vec::new(), bodies: Vec::new() };
            self.text_until(&mut inner, &mut word, if quoted { Quote::Verbatim } else { Quote::Document });
            self.fill(&mut word);
            command.input = Some(word);
            cursor.at = after;
        }
        cursor.bodies.clear();
    }

    fn blanks(&self, cursor: &mut Cursor) {
        loop {
            match self.byte(cursor, 0) {
                Some(b' ' | b'\t' | b'\r') => cursor.at += 1,
                Some(b'\\') if self.byte(cursor, 1) == Some(b'\n') => cursor.at += 2,
                Some(b'\\') if self.byte(cursor, 1) == Some(b'\r') && self.byte(cursor, 2) == Some(b'\n') => {
                    cursor.at += 3;
                }
                _ => return,
            }
        }
    }

    /// The next word or operator.
    fn next(&mut self, cursor: &mut Cursor, begins: bool) -> Next {
        self.blanks(cursor);
        let Some(byte) = self.byte(cursor, 0) else { return Next::End };
        let two = (byte, self.byte(cursor, 1));
        let (operator, length) = match two {
            (b'\n', _) => ("\n", 1),
            (b'#', _) => {
                let rest = self.rest(cursor);
                cursor.at += rest.find('\n').unwrap_or(rest.len());
                return self.next_line(cursor);
            }
            (b'&', Some(b'&')) => ("&&", 2),
            (b'|', Some(b'|')) => ("||", 2),
            (b'&', Some(b'>')) => {
                cursor.at += 2;
                return Next::Redirect("&>");
            }
            (b';', _) => (";", 1),
            (b'&', _) => ("&", 1),
            (b'|', _) => ("|", 1),
            (b'(', _) => ("(", 1),
            (b')', _) => (")", 1),
            (b'<' | b'>', _) => {
                let angle = byte == b'<' && placeholder::angle(self.text, cursor.at).is_some();
                if !angle {
                    let rest = self.rest(cursor);
                    let kinds: [&'static str; 8] = ["<<<", "<<-", "<<", "<&", ">>", ">&", "<", ">"];
                    let kind = kinds.into_iter().find(|kind| rest.starts_with(kind)).unwrap_or("<");
                    cursor.at += kind.len();
                    return Next::Redirect(kind);
                }
                ("", 0)
            }
            // A prompt, as documents show it.
            (b'$', Some(b' ')) if begins => {
                cursor.at += 1;
                return self.next(cursor, false);
            }
            _ => ("", 0),
        };
        if length > 0 {
            cursor.at += length;
            return Next::Operator(operator);
        }
        let start = cursor.at;
        let mut word = Word::default();
        let quoted = matches!(byte, b'\'' | b'"');
        self.text_until(cursor, &mut word, Quote::None);
        if cursor.at == start {
            cursor.at += 1;
        }
        word.span = start..cursor.at;
        // The number before a redirection is no argument.
        if matches!(self.byte(cursor, 0), Some(b'<' | b'>'))
            && !quoted
            && word.plain().is_some_and(|text| text.len() == 1 && text.bytes().all(|byte| byte.is_ascii_digit()))
        {
            let Next::Redirect(_) = self.next(cursor, false) else { return Next::End };
            let _ = self.next(cursor, false);
            return self.next(cursor, begins);
        }
        self.fill(&mut word);
        self.pieces += word.pieces.len() + 1;
        Next::Word(word, quoted)
    }

    fn next_line(&self, cursor: &mut Cursor) -> Next {
        if self.byte(cursor, 0).is_none() {
            return Next::End;
        }
        cursor.at += 1;
        Next::Operator("\n")
    }

    /// Reads letters into a word up to what ends it.
    fn text_until(&mut self, cursor: &mut Cursor, word: &mut Word, quote: Quote) {
        while let Some(byte) = self.byte(cursor, 0) {
            if word.pieces.len() >= PIECES {
                word.pieces.truncate(1);
                if let Some(first) = word.pieces.first_mut() {
                    first.part = PiecePart::Hole("a text of too many parts".to_owned());
                }
                self.pieces = ALL_PIECES;
                return;
            }
            match (quote, byte) {
                (Quote::Verbatim, _) => self.letter(cursor, word),
                (Quote::Single, b'\'') | (Quote::Double, b'"') => {
                    cursor.at += 1;
                    return;
                }
                (Quote::Single, _) => self.letter(cursor, word),
                (Quote::None, b' ' | b'\t' | b'\n' | b'\r' | b';' | b'&' | b'|' | b'(' | b')' | b'>') => return,
                (Quote::None, b'<') => match placeholder::angle(self.text, cursor.at) {
                    Some(end) if end <= cursor.end => {
                        while cursor.at < end {
                            self.letter(cursor, word);
                        }
                    }
                    _ => return,
                },
                (Quote::None, b'\'') => {
                    cursor.at += 1;
                    self.text_until(cursor, word, Quote::Single);
                }
                (Quote::None, b'"') => {
                    cursor.at += 1;
                    self.text_until(cursor, word, Quote::Double);
                }
                (_, b'\\') => self.escape(cursor, word, quote),
                (_, b'$') => self.expand(cursor, word, quote),
                (_, b'`') => {
                    let start = cursor.at;
                    let rest = self.text.get(start + 1..cursor.end).unwrap_or_default();
                    let length = rest.find('`').unwrap_or(rest.len());
                    cursor.at = (start + length + 2).min(cursor.end);
                    self.substitute(start + 1..start + 1 + length, start..cursor.at, cursor.depth, word);
                }
                _ => self.letter(cursor, word),
            }
        }
    }

    /// Takes one letter as it is.
    fn letter(&self, cursor: &mut Cursor, word: &mut Word) {
        let Some(letter) = self.text.get(cursor.at..cursor.end).and_then(|rest| rest.chars().next()) else {
            cursor.at = cursor.end;
            return;
        };
        push(word, letter, cursor.at, cursor.at + letter.len_utf8());
        cursor.at += letter.len_utf8();
    }

    fn escape(&self, cursor: &mut Cursor, word: &mut Word, quote: Quote) {
        let start = cursor.at;
        let Some(next) = self.text.get(start + 1..cursor.end).and_then(|rest| rest.chars().next()) else {
            cursor.at = cursor.end;
            return;
        };
        let after = start + 1 + next.len_utf8();
        match next {
            '\n' => cursor.at = after,
            '\r' if self.text.get(after..).is_some_and(|rest| rest.starts_with('\n')) => cursor.at = after + 1,
            '$' | '`' | '\\' => {
                push(word, next, start, after);
                cursor.at = after;
            }
            '"' if quote != Quote::Document => {
                push(word, next, start, after);
                cursor.at = after;
            }
            _ if quote == Quote::None => {
                push(word, next, start, after);
                cursor.at = after;
            }
            _ => self.letter(cursor, word),
        }
    }

    /// What stands behind a dollar sign.
    fn expand(&mut self, cursor: &mut Cursor, word: &mut Word, quote: Quote) {
        let start = cursor.at;
        let rest = self.text.get(start + 1..cursor.end).unwrap_or_default();
        let hole = |name: &str, end: usize| Piece { part: PiecePart::Hole(name.to_owned()), at: place(&(start..end)) };
        match rest.bytes().next() {
            Some(b'(') if rest.starts_with("((") => {
                let length = rest.find("))").map_or(rest.len(), |end| end + 2);
                cursor.at = start + 1 + length;
                word.pieces.push(hole(&format!("a number at byte {start}"), cursor.at));
            }
            Some(b'(') => {
                let inner = start + 2;
                let length = closing(self.text.get(inner..cursor.end).unwrap_or_default());
                cursor.at = (inner + length + 1).min(cursor.end);
                self.substitute(inner..inner + length, start..cursor.at, cursor.depth, word);
            }
            Some(b'{') => {
                let inside = rest.get(1..).unwrap_or_default();
                let length = braces(inside);
                let inside = inside.get(..length).unwrap_or_default();
                cursor.at = (start + 2 + length + 1).min(cursor.end);
                let name: String = inside.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
                let plain = inside.len() == name.len();
                let set = self.variables.contains_key(&name);
                let or_default = inside.get(name.len()..).is_some_and(|rest| {
                    rest.starts_with(":-") || rest.starts_with('-') || rest.starts_with(":=") || rest.starts_with(":?")
                });
                if (plain || (or_default && set)) && is_name(&name) {
                    self.variable(&name, start..cursor.at, word);
                } else if or_default && is_name(&name) {
                    word.pieces.push(hole(placeholder::hole_name(&name), cursor.at));
                } else if let Some(default) = default_of_an_argument(inside) {
                    word.pieces.push(Piece { part: PiecePart::Literal(default), at: place(&(start..cursor.at)) });
                } else {
                    word.pieces.push(hole(&format!("${{{inside:.60}}} at byte {start}"), cursor.at));
                }
            }
            Some(b'\'') if quote == Quote::None => {
                cursor.at += 2;
                self.text_until(cursor, word, Quote::Single);
            }
            Some(first) if first.is_ascii_alphabetic() || first == b'_' => {
                let length = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(rest.len());
                cursor.at = start + 1 + length;
                let name = rest.get(..length).unwrap_or_default().to_owned();
                self.variable(&name, start..cursor.at, word);
            }
            Some(first) if first.is_ascii_digit() || matches!(first, b'@' | b'*' | b'#' | b'?' | b'!') => {
                cursor.at = start + 2;
                word.pieces.push(hole(&format!("${} at byte {start}", first as char), cursor.at));
            }
            _ => self.letter(cursor, word),
        }
    }

    fn variable(&mut self, name: &str, span: Range<usize>, word: &mut Word) {
        match self.variables.get(name) {
            Some(pieces)
                if length(&word.pieces) + length(pieces) <= LONGEST && pieces.len() + word.pieces.len() < PIECES =>
            {
                word.pieces.extend(pieces.iter().cloned());
                self.pieces += pieces.len();
            }
            _ => {
                let part = PiecePart::Hole(placeholder::hole_name(name).to_owned());
                word.pieces.push(Piece { part, at: place(&span) });
            }
        }
    }

    /// Reads a command inside of a word; what it prints is a hole, unless somebody knows better.
    fn substitute(&mut self, inner: Range<usize>, span: Range<usize>, depth: usize, word: &mut Word) {
        let found = if depth < DEPTH {
            let conditional = self.conditional;
            let found = self.run(inner.clone(), depth + 1);
            self.conditional = conditional;
            found
        } else {
            0..0
        };
        let known = self.commands.get(found).and_then(|commands| (self.outputs)(commands));
        match known {
            Some(pieces) => word.pieces.extend(
                pieces.into_iter().map(|piece| Piece { at: piece.at.or_else(|| place(&span)), part: piece.part }),
            ),
            None => {
                let inside = self.text.get(inner).unwrap_or_default();
                let words: Vec<&str> = inside.split_whitespace().take(12).collect();
                let name: String = words.join(" ").chars().take(60).collect();
                word.pieces.push(Piece { part: PiecePart::Hole(format!("$({name})")), at: place(&span) });
            }
        }
    }

    /// Makes holes of the placeholders that somebody has still to replace.
    fn fill(&self, word: &mut Word) {
        let any = word.pieces.iter().any(|piece| match &piece.part {
            PiecePart::Literal(literal) => !placeholder::scan(literal).is_empty(),
            _ => false,
        });
        if !any {
            return;
        }
        let mut pieces = Vec::new();
        for piece in &word.pieces {
            let PiecePart::Literal(literal) = &piece.part else {
                pieces.push(piece.clone());
                continue;
            };
            let mut done = 0;
            for found in placeholder::scan(literal) {
                if found.dialect == placeholder::Dialect::Shell {
                    continue;
                }
                pieces.extend(part_of(piece, done..found.start));
                let at = part_of(piece, found.start..found.end).and_then(|piece| piece.at);
                let name = placeholder::hole_name(found.name).to_owned();
                pieces.push(Piece { part: PiecePart::Hole(name), at });
                done = found.end;
            }
            pieces.extend(part_of(piece, done..literal.len()));
        }
        word.pieces = pieces;
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Quote {
    None,
    Single,
    Double,
    /// The body of a here-document in which variables are expanded.
    Document,
    /// One in which they are not.
    Verbatim,
}

fn place(span: &Range<usize>) -> Option<At> {
    let bytes = |at: usize| u32::try_from(at).ok();
    Some(At { file: 0, span: Where::Bytes(bytes(span.start)?, bytes(span.end)?) })
}

fn length(pieces: &[Piece]) -> usize {
    pieces.iter().map(|piece| if let PiecePart::Literal(text) = &piece.part { text.len() } else { 1 }).sum()
}

/// Adds a letter, to the piece before it where both stand side by side.
fn push(word: &mut Word, letter: char, start: usize, end: usize) {
    if let Some(Piece { part: PiecePart::Literal(text), at: Some(At { span: Where::Bytes(from, to), .. }) }) =
        word.pieces.last_mut()
        && *to as usize == start
        && text.len() == (*to - *from) as usize
        && end - start == letter.len_utf8()
    {
        text.push(letter);
        *to = u32::try_from(end).unwrap_or(*to);
        return;
    }
    word.pieces.push(Piece { part: PiecePart::Literal(letter.into()), at: place(&(start..end)) });
}

/// The name and the value of `NAME=value`.
fn assignment(word: &Word) -> Option<(String, Word)> {
    let PiecePart::Literal(first) = &word.pieces.first()?.part else { return None };
    let (name, _) = first.split_once('=')?;
    if !is_name(name) {
        return None;
    }
    let value = word.after(name.len() + 1);
    Some((name.to_owned(), value))
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Where the parenthesis closes that was opened before the text.
fn closing(text: &str) -> usize {
    let mut open = 1;
    let mut quote = None;
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate() {
        if escaped {
            escaped = false;
            continue;
        }
        match (quote, byte) {
            (Some(b'\''), b'\'') | (Some(b'"'), b'"') => quote = None,
            (Some(b'\''), _) => {}
            (_, b'\\') => escaped = true,
            (None, b'\'' | b'"') => quote = Some(byte),
            (None, b'(') => open += 1,
            (None, b')') => {
                open -= 1;
                if open == 0 {
                    return at;
                }
            }
            _ => {}
        }
    }
    text.len()
}

/// Where the brace closes that was opened before the text.
fn braces(text: &str) -> usize {
    let mut open = 1;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'{' => open += 1,
            b'}' => open -= 1,
            b'\n' => return at,
            _ => {}
        }
        if open == 0 {
            return at;
        }
    }
    text.len()
}

/// What `${1:-name}` stands for unless somebody calls the script with an argument.
fn default_of_an_argument(inside: &str) -> Option<String> {
    let (number, default) = inside.split_once(":-").or_else(|| inside.split_once('-'))?;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
    let is_argument = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    (is_argument && !default.is_empty() && default.chars().all(plain)).then(|| default.to_owned())
}

#[cfg(test)]
mod tests;
