//! Words of a list, found anywhere in a text in one pass.
//!
//! Every text of an estate passes here, and nearly all hold none of the words. So three bytes at a time,
//! capitals as small letters, are looked up in a table that the compiler has built: starting the program
//! builds nothing. Only where three bytes are those with which a word begins is the word compared.

/// Words, and a table of how they begin.
pub(super) struct Words {
    /// Not zero where a word may begin with three bytes of this number.
    begins: [u8; 1 << BITS],
    words: &'static [&'static str],
}

/// The size of the table, as a power of two: small beside a cache, and nearly empty.
const BITS: u32 = 12;

impl Words {
    /// Words of three or more bytes of ASCII, in small letters.
    pub(super) const fn of(words: &'static [&'static str]) -> Self {
        let mut begins = [0; 1 << BITS];
        let mut at = 0;
        while at < words.len() {
            let word = words[at].as_bytes();
            assert!(word.len() >= 3, "a word has three bytes or more");
            begins[number((word[0] as u32) << 16 | (word[1] as u32) << 8 | word[2] as u32)] = 1;
            at += 1;
        }
        Self { begins, words }
    }

    /// Calls `tell` with the place and the number of each word in a text, whatever its letters' case, until it
    /// says that this is enough; whether it did.
    pub(super) fn any(&self, text: &[u8], mut tell: impl FnMut(usize, usize) -> bool) -> bool {
        let mut three = 0;
        for (end, byte) in text.iter().enumerate() {
            three = three << 8 | u32::from(*byte);
            if self.begins.get(number(three)).is_some_and(|begins| *begins != 0)
                && let Some(start) = end.checked_sub(2)
                && let Some(rest) = text.get(start..)
            {
                for (number, word) in self.words.iter().enumerate() {
                    if rest.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word.as_bytes()))
                        && tell(start, number)
                    {
                        return true;
                    }
                }
            }
        }
        false
    }

    /// Whether a text holds one of the words.
    pub(super) fn in_text(&self, text: &str) -> bool {
        self.any(text.as_bytes(), |_, _| true)
    }
}

/// Where three bytes stand in the table, the same for small letters and capitals.
const fn number(three: u32) -> usize {
    let folded = three & 0xff_ffff | 0x20_2020;
    (folded.wrapping_mul(0x9e37_79b1) >> (32 - BITS)) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    static SOME: Words = Words::of(&["pass", "pwd", "key=", "-u ", "$2a$", "sk-", "token"]);

    proptest! {
        #[test]
        fn finds_what_searching_one_by_one_finds(text in r"[paswdkeyTOKN=\-u $2é]{0,24}") {
            let mut found = Vec::new();
            SOME.any(text.as_bytes(), |at, word| {
                found.push((at, word));
                false
            });
            let lower = text.to_ascii_lowercase();
            let mut expected: Vec<(usize, usize)> = Vec::new();
            for (number, word) in SOME.words.iter().enumerate() {
                expected.extend((0..lower.len()).filter(|at| lower.as_bytes()[*at..].starts_with(word.as_bytes())).map(|at| (at, number)));
            }
            expected.sort_unstable();
            prop_assert_eq!(SOME.in_text(&text), !expected.is_empty());
            prop_assert_eq!(found, expected);
        }
    }
}
