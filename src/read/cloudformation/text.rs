//! Texts with holes: put together, taken apart, named when only a deployment knows them.

use crate::known::{Part, Text};
use crate::read::code::{Form, Node};

/// The longest name of a hole that is made from what stands in a template.
const NAME: usize = 200;

/// What a hole may be filled with, which decides whether a text can be split around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// A name or an id: letters, digits and signs, but no colon, slash or space.
    Name,
    /// Names with slashes between them.
    Path,
    /// Anything.
    Any,
}

impl Class {
    /// Whether what fills the hole cannot hold the delimiter.
    fn excludes(self, delimiter: &str) -> bool {
        let in_name = |letter: char| letter.is_ascii_alphanumeric() || "_.+=,@-".contains(letter);
        match self {
            Self::Any => false,
            Self::Name => delimiter.chars().any(|letter| !in_name(letter)),
            Self::Path => delimiter.contains("//") || delimiter.chars().any(|letter| !in_name(letter) && letter != '/'),
        }
    }
}

/// A name for something that is not known, short enough to be shown. It has no slashes: in an ARN
/// they would look like those of a path.
pub(super) fn name(text: &str) -> String {
    let text = &text.replace("https://", "scheme").replace('/', "|");
    if text.len() <= NAME {
        return text.clone();
    }
    let mut end = NAME;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    // The same name stands for the same text, so what is cut off counts.
    let digest = text
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    format!("{}… ({digest:016x})", text.get(..end).unwrap_or_default())
}

/// A text as a node.
pub(super) fn node(text: Text) -> Node {
    Node::new(Form::Text(text))
}

/// A text of which nothing is known but a name.
pub(super) fn hole(of: &str) -> Node {
    node(Text::hole(name(of)))
}

/// Texts one after the other.
pub(super) fn join<'t>(texts: impl IntoIterator<Item = &'t Text>) -> Text {
    Text::from_parts(texts.into_iter().flat_map(|text| text.parts().iter().cloned()))
}

/// A text from literals, and holes in between.
pub(super) fn parts<const N: usize>(parts: [&Text; N]) -> Text {
    join(parts)
}

/// The pieces of a text between delimiters, as far as they are known; and what stands for the rest.
pub(super) fn split(text: &Text, delimiter: &str, class: impl Fn(&str) -> Class) -> (Vec<Text>, Option<String>) {
    let rest = || Some(name(&format!("{text} split at `{delimiter}`")));
    if delimiter.is_empty() {
        return (Vec::new(), rest());
    }
    let mut pieces = Vec::new();
    let mut current = Vec::new();
    for part in text.parts() {
        match part {
            Part::Literal(literal) => {
                let mut stretches = literal.split(delimiter);
                current.push(Part::Literal(stretches.next().unwrap_or_default().to_owned()));
                for stretch in stretches {
                    pieces.push(Text::from_parts(std::mem::take(&mut current)));
                    current.push(Part::Literal(stretch.to_owned()));
                }
            }
            Part::Hole(hole) if class(hole).excludes(delimiter) => current.push(part.clone()),
            Part::Hole(_) => return (pieces, rest()),
        }
    }
    pieces.push(Text::from_parts(current));
    (pieces, None)
}

/// What follows the last slash, as far as it is known.
pub(super) fn last_segment(text: &Text) -> Text {
    let mut kept = Vec::new();
    for part in text.parts().iter().rev() {
        match part {
            Part::Literal(literal) => {
                if let Some((_, last)) = literal.rsplit_once('/') {
                    kept.push(Part::Literal(last.to_owned()));
                    break;
                }
                kept.push(part.clone());
            }
            Part::Hole(_) => kept.push(part.clone()),
        }
    }
    kept.reverse();
    Text::from_parts(kept)
}

/// The text without `https://` at its beginning.
pub(super) fn without_scheme(text: &Text) -> Text {
    match text.parts().split_first() {
        Some((Part::Literal(first), rest)) => {
            let first = first.strip_prefix("https://").or_else(|| first.strip_prefix("http://")).unwrap_or(first);
            Text::from_parts(std::iter::once(Part::Literal(first.to_owned())).chain(rest.iter().cloned()))
        }
        Some((Part::Hole(_), _)) => Text::hole(name(&format!("{} without its scheme", text_of(text)))),
        None => text.clone(),
    }
}

/// A text in the name of a hole: one hole by its name, anything else as it is shown.
pub(super) fn text_of(text: &Text) -> String {
    match text.parts() {
        [Part::Hole(hole)] => hole.clone(),
        _ => text.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(parts: &[&str]) -> Text {
        Text::from_parts(parts.iter().map(|part| match part.strip_prefix('$') {
            Some(name) => Part::Hole(name.into()),
            None => Part::Literal((*part).into()),
        }))
    }

    #[test]
    fn splits_as_far_as_it_is_known() {
        let class = |hole: &str| match hole {
            "name" => Class::Name,
            "path" => Class::Path,
            _ => Class::Any,
        };
        for (whole, delimiter, pieces, rest) in [
            (&["a/b/c"][..], "/", "a|b|c", false),
            (&["a/", "$name", "/c"], "/", "a|${name}|c", false),
            (&["a-", "$name", "-c"], "-", "a", true),
            (&["https://", "$path"], "//", "https:|${path}", false),
            (&["x:oidc-provider/", "$path"], ":oidc-provider/", "x|${path}", false),
            (&["$path", "/x"], "/", "", true),
            (&["a:b:", "$any", ":c"], ":", "a|b", true),
            (&["a"], "", "", true),
            (&[], "/", "", false),
        ] {
            let (found, more) = split(&text(whole), delimiter, class);
            let found: Vec<String> = found.iter().map(Text::to_string).collect();
            assert_eq!((found.join("|").as_str(), more.is_some()), (pieces, rest), "{whole:?} at {delimiter}");
        }
    }

    #[test]
    fn segments_and_schemes() {
        assert_eq!(last_segment(&text(&["a/b/", "$x", "-c"])).to_string(), "${x}-c");
        assert_eq!(last_segment(&text(&["$x"])).to_string(), "${x}");
        assert_eq!(without_scheme(&text(&["https://", "$x"])), text(&["$x"]));
        assert_eq!(without_scheme(&text(&["$x"])).to_string(), "${x without its scheme}");
    }

    #[test]
    fn names_stay_short_and_apart() {
        let (one, other) = ("x".repeat(5000) + "1", "x".repeat(5000) + "2");
        assert!(name(&one).len() < 300);
        assert_ne!(name(&one), name(&other));
    }
}
