//! Where in a JSON text the values of pointers stand.
//!
//! One pass over the text, which steps into nothing that no pointer leads into. The text was read
//! before; if it has changed since, the answer is a wrong place or none, never a panic.

use super::place::{Found, Trie};
use std::ops::Range;

/// Finds what the trie asks for. In a stream the first token of a pointer is the number of the document.
pub(crate) fn find(text: &str, trie: &Trie, stream: bool, found: &mut [Option<Found>]) {
    let mut scan = Scan { bytes: text.as_bytes(), text, at: 0, trie, found };
    if !stream {
        scan.value(Some(Trie::ROOT), None);
        return;
    }
    for number in 0.. {
        scan.blanks();
        if scan.peek().is_none() {
            break;
        }
        let before = scan.at;
        scan.value(trie.child(Trie::ROOT, &number.to_string()), None);
        if scan.at == before {
            break;
        }
    }
}

struct Scan<'a> {
    bytes: &'a [u8],
    text: &'a str,
    at: usize,
    trie: &'a Trie,
    found: &'a mut [Option<Found>],
}

impl Scan<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn blanks(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    /// Steps over a value, and into it where pointers lead there. The depth is that of the pointers.
    fn value(&mut self, node: Option<usize>, key: Option<Range<usize>>) {
        self.blanks();
        let start = self.at;
        let first = self.peek();
        match (node, first) {
            (Some(node), Some(b'{')) if self.trie.leads_on(node) => self.object(node),
            (Some(node), Some(b'[')) if self.trie.leads_on(node) => self.array(node),
            _ => self.skip(),
        }
        if let Some(slot) = node.and_then(|node| self.found.get_mut(node)) {
            let container = matches!(first, Some(b'{' | b'['));
            *slot = Some(Found { value: start..self.at, key, container });
        }
    }

    fn object(&mut self, node: usize) {
        self.at += 1;
        loop {
            self.blanks();
            match self.peek() {
                Some(b'"') => {}
                Some(b',') => {
                    self.at += 1;
                    continue;
                }
                Some(b'}') => {
                    self.at += 1;
                    return;
                }
                _ => return,
            }
            let start = self.at;
            self.string();
            let key = start..self.at;
            let raw = self.text.get(start + 1..self.at.saturating_sub(1)).unwrap_or_default();
            let child = if raw.contains('\\') {
                let decoded: Option<String> =
                    self.text.get(key.clone()).and_then(|text| serde_json::from_str(text).ok());
                decoded.and_then(|name| self.trie.child(node, &name))
            } else {
                self.trie.child(node, raw)
            };
            self.blanks();
            if self.peek() == Some(b':') {
                self.at += 1;
            }
            let before = self.at;
            self.value(child, Some(key));
            if self.at == before {
                return;
            }
        }
    }

    fn array(&mut self, node: usize) {
        self.at += 1;
        let mut number = 0;
        loop {
            self.blanks();
            match self.peek() {
                Some(b',') => {
                    self.at += 1;
                    continue;
                }
                Some(b']') => {
                    self.at += 1;
                    return;
                }
                None => return,
                _ => {}
            }
            let child = self.trie.element(node, number);
            number += 1;
            let before = self.at;
            self.value(child, None);
            if self.at == before {
                return;
            }
        }
    }

    fn string(&mut self) {
        self.at += 1;
        while let Some(byte) = self.peek() {
            self.at += 1;
            match byte {
                b'"' => return,
                b'\\' => self.at += 1,
                _ => {}
            }
        }
        self.at = self.at.min(self.bytes.len());
    }

    /// Steps over a value without looking into it.
    fn skip(&mut self) {
        let mut depth = 0usize;
        while let Some(byte) = self.peek() {
            match byte {
                b'"' => {
                    self.string();
                    if depth == 0 {
                        return;
                    }
                    continue;
                }
                b'{' | b'[' => depth += 1,
                b'}' | b']' => {
                    if depth <= 1 {
                        // A closing bracket that nothing opened belongs to whoever is around.
                        self.at += depth;
                        return;
                    }
                    depth -= 1;
                }
                b',' if depth == 0 => return,
                byte if depth == 0 && byte.is_ascii_whitespace() => return,
                _ => {}
            }
            self.at += 1;
        }
    }
}
