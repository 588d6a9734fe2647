//! A file of one JSON value a line, read as it is asked for.
//!
//! A line that cannot be read is told by its number and does not keep the next from being read.
//! Deliberately absent: what the values mean.

use super::{ReadError, file, json};
use serde_json::Value;
use std::fmt;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

/// The longest line that is read.
const LONGEST: u64 = 64 << 20;

/// The lines of a file or of standard input.
pub struct Lines {
    reader: Box<dyn BufRead>,
    number: usize,
    ended: bool,
}

impl fmt::Debug for Lines {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Lines").field("number", &self.number).finish_non_exhaustive()
    }
}

/// One line: its number from 1, and the value on it or what is wrong with it.
pub type Line = (usize, Result<Value, String>);

impl Lines {
    /// The lines of a file, `-` for standard input.
    ///
    /// # Errors
    /// If it cannot be opened.
    pub fn open(path: &Path) -> Result<Self, ReadError> {
        if path.as_os_str() == "-" {
            return Ok(Self::of(BufReader::new(std::io::stdin())));
        }
        let error = |reason: String| ReadError::Path { path: file::shown(path), reason };
        if path.is_dir() {
            return Err(error("it is a folder".to_owned()));
        }
        let opened = std::fs::File::open(path).map_err(|failure| error(failure.to_string()))?;
        Ok(Self::of(BufReader::new(opened)))
    }

    /// The lines of anything that can be read.
    #[must_use]
    pub fn of(reader: impl BufRead + 'static) -> Self {
        Self { reader: Box::new(reader), number: 0, ended: false }
    }

    fn line(&mut self) -> Option<Result<Vec<u8>, String>> {
        let mut bytes = Vec::new();
        let read = self.reader.by_ref().take(LONGEST + 1).read_until(b'\n', &mut bytes);
        match read {
            Ok(0) => None,
            Ok(_) if bytes.len() as u64 > LONGEST && !bytes.ends_with(b"\n") => {
                if self.skip().is_err() {
                    self.ended = true;
                }
                Some(Err(format!("it is longer than {} MiB", LONGEST >> 20)))
            }
            Ok(_) => Some(Ok(bytes)),
            Err(failure) => {
                self.ended = true;
                Some(Err(failure.to_string()))
            }
        }
    }

    /// Leaves out the rest of the line.
    fn skip(&mut self) -> std::io::Result<()> {
        loop {
            let buffer = self.reader.fill_buf()?;
            let (read, done) = match buffer.iter().position(|byte| *byte == b'\n') {
                Some(at) => (at + 1, true),
                None => (buffer.len(), buffer.is_empty()),
            };
            self.reader.consume(read);
            if done {
                return Ok(());
            }
        }
    }
}

impl Iterator for Lines {
    type Item = Line;

    fn next(&mut self) -> Option<Line> {
        while !self.ended {
            let line = self.line()?;
            self.number += 1;
            let value = line.and_then(|bytes| {
                let text = file::text(&bytes).map_err(|unreadable| unreadable.reason())?;
                if text.trim().is_empty() {
                    return Ok(None);
                }
                let value =
                    json::document(text).map_err(|fault| format!("{} (column {})", fault.message, fault.column));
                value.map(Some)
            });
            match value.transpose() {
                None => {}
                Some(value) => return Some((self.number, value)),
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_broken_line_does_not_end_it() {
        let deep = "[".repeat(10_000);
        let text = format!("\u{feff}{{\"a\": 1}}\r\n\n{{\"a\": \n{deep}\n{{\"a\": 1, \"a\": 2}}\n 7");
        let bytes: Vec<u8> = text.bytes().chain(*b"\n\xff\n\"last\"").collect();
        let lines: Vec<Line> = Lines::of(std::io::Cursor::new(bytes)).collect();
        let numbers: Vec<usize> = lines.iter().map(|(number, _)| *number).collect();
        assert_eq!(numbers, [1, 3, 4, 5, 6, 7, 8]);
        let values: Vec<Option<&Value>> = lines.iter().map(|(_, value)| value.as_ref().ok()).collect();
        let (first, number, last) = (json!({"a": 1}), json!(7), json!("last"));
        assert_eq!(values, [Some(&first), None, None, None, Some(&number), None, Some(&last)]);
    }
}
