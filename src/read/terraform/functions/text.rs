//! Functions over texts.

use super::Call;
use crate::read::terraform::attribute::lacks;
use crate::read::terraform::value::{Kind, Part, Piece, Value, shortened};
use base64_text::encode;
use regex_lite::{Regex, RegexBuilder};

/// The longest text that is searched or put together.
const TEXT_LIMIT: usize = 4 << 20;
/// The largest program that a regular expression may become.
const REGEX_LIMIT: usize = 1 << 20;

/// What a call gives; `None` if it is another function or cannot tell.
pub(super) fn call(call: &Call<'_, '_>, name: &str) -> Option<Value> {
    let first = call.argument(0);
    let known = |text: String| Some(Value::text(text, first.spot.or(call.spot)));
    match name {
        "lower" => mapped(first, "lower", str::to_lowercase),
        "upper" => mapped(first, "upper", str::to_uppercase),
        "title" => known(titled(&call.string(0)?)),
        "strrev" => known(call.string(0)?.chars().rev().collect()),
        "trimspace" => trimmed(first, &|letter: char| letter.is_whitespace(), true, true),
        "chomp" => trimmed(first, &|letter: char| letter == '\n' || letter == '\r', false, true),
        "trim" => {
            let set = call.string(1)?;
            trimmed(first, &|letter: char| set.contains(letter), true, true)
        }
        "trimprefix" => without_end(first, &call.string(1)?, true),
        "trimsuffix" => without_end(first, &call.string(1)?, false),
        "startswith" | "endswith" => {
            let end = call.string(1)?;
            let pieces = first.as_pieces()?;
            let piece = if name == "startswith" { pieces.first() } else { pieces.last() };
            match piece.map(|piece| &piece.part) {
                Some(Part::Literal(text)) => {
                    let has = if name == "startswith" { text.starts_with(&end) } else { text.ends_with(&end) };
                    let decided = has || pieces.len() == 1 || text.len() >= end.len();
                    decided.then(|| Value::truth(has, call.spot))
                }
                _ => call.string(0).map(|text| {
                    Value::truth(if name == "startswith" { text.starts_with(&end) } else { text.ends_with(&end) }, None)
                }),
            }
        }
        "strcontains" => Some(Value::truth(call.string(0)?.contains(&call.string(1)?), call.spot)),
        "replace" => replace(call),
        "regex" | "regexall" => regex(call, name == "regexall"),
        "split" => split(call),
        "join" => join(call),
        "format" => format(first, call.arguments.get(1..).unwrap_or_default()),
        "formatlist" => formatlist(call),
        "substr" => {
            let (offset, length) = (call.number(1)?, call.number(2)?);
            substr(first, offset, length)
        }
        "indent" => {
            let blanks = format!("\n{}", " ".repeat(call.whole(0)?.min(1000)));
            let text = call.argument(1);
            let pieces = text.as_pieces()?;
            let pieces = pieces.iter().map(|piece| match &piece.part {
                Part::Literal(text) if text.contains('\n') => {
                    Piece { part: Part::Literal(text.replace('\n', &blanks).into()), spot: piece.spot }
                }
                _ => piece.clone(),
            });
            Some(Value::pieces(pieces.collect(), text.spot))
        }
        "base64encode" => known(encode(call.string(0)?.as_bytes())),
        "base64decode" => known(String::from_utf8(base64_text::decode(&call.string(0)?)?).ok()?),
        "urlencode" => {
            let text = call.string(0)?;
            known(percent_encoding::utf8_percent_encode(&text, percent_encoding::NON_ALPHANUMERIC).to_string())
        }
        _ => None,
    }
}

/// A function over each stretch of a text; holes get the function's name.
fn mapped(value: &Value, name: &str, map: impl Fn(&str) -> String) -> Option<Value> {
    let pieces = value.as_pieces()?;
    let pieces = pieces.iter().map(|piece| match &piece.part {
        Part::Literal(text) => Some(Piece { part: Part::Literal(map(text).into()), spot: piece.spot }),
        Part::Hole(hole) => {
            Some(Piece { part: Part::Hole(shortened(format!("{name}({hole})")).into()), spot: piece.spot })
        }
        Part::Json(_) => None,
    });
    Some(Value::pieces(pieces.collect::<Option<_>>()?, value.spot))
}

fn titled(text: &str) -> String {
    let mut start = true;
    let each = text.chars().flat_map(|letter| {
        let up = start;
        start = letter.is_whitespace() || letter == '-' || letter == '_';
        if up { letter.to_uppercase().collect::<Vec<_>>() } else { vec![letter] }
    });
    each.collect()
}

/// A text without some letters at its ends. What a hole at an end begins with is taken as meant.
fn trimmed(value: &Value, cut: &dyn Fn(char) -> bool, start: bool, end: bool) -> Option<Value> {
    let mut pieces = value.as_pieces()?.to_vec();
    if let Some(piece) = pieces.first_mut().filter(|_| start) {
        shorten(piece, |text| text.len() - text.trim_start_matches(cut).len(), |_| 0);
    }
    if let Some(piece) = pieces.last_mut().filter(|_| end) {
        shorten(piece, |_| 0, |text| text.len() - text.trim_end_matches(cut).len());
    }
    Some(Value::pieces(pieces, value.spot))
}

/// Takes bytes off both ends of a literal piece.
fn shorten(piece: &mut Piece, start: impl Fn(&str) -> usize, end: impl Fn(&str) -> usize) {
    let Part::Literal(text) = &piece.part else { return };
    let from = start(text);
    let rest = text.get(from..).unwrap_or_default();
    let to = rest.len() - end(rest);
    let exact = |spot: &super::super::value::Spot| (spot.end - spot.start) as usize == text.len();
    if let Some(spot) = piece.spot.filter(exact) {
        let offset = |at: usize| u32::try_from(at).unwrap_or(0);
        piece.spot = Some(super::super::value::Spot {
            end: spot.start + offset(from + to),
            start: spot.start + offset(from),
            ..spot
        });
    }
    piece.part = Part::Literal(rest.get(..to).unwrap_or_default().into());
}

fn without_end(value: &Value, end: &str, start: bool) -> Option<Value> {
    let mut pieces = value.as_pieces()?.to_vec();
    let piece = if start { pieces.first_mut() } else { pieces.last_mut() };
    match piece {
        None => return Some(value.clone()),
        Some(Piece { part: Part::Hole(hole), .. }) if !lacks(hole, end) => return None,
        Some(piece) => {
            let Part::Literal(text) = &piece.part else { return Some(value.clone()) };
            let has = if start { text.starts_with(end) } else { text.ends_with(end) };
            let cut = if has { end.len() } else { 0 };
            if start { shorten(piece, |_| cut, |_| 0) } else { shorten(piece, |_| 0, |_| cut) }
        }
    }
    Some(Value::pieces(pieces, value.spot))
}

/// A text in which a letter of private use stands for each hole.
struct Rendered {
    text: String,
    holes: Vec<Piece>,
}

const HOLES: u32 = 0xf_0000;

impl Rendered {
    fn of(value: &Value) -> Option<Self> {
        let (mut text, mut holes) = (String::new(), Vec::new());
        for piece in &*value.as_pieces()? {
            match &piece.part {
                Part::Literal(literal) => text.push_str(literal),
                Part::Hole(_) => {
                    text.push(char::from_u32(HOLES + u32::try_from(holes.len()).ok()?)?);
                    holes.push(piece.clone());
                }
                Part::Json(_) => return Self::of(&Value::of_text(&value.as_text()?, value.spot)),
            }
        }
        (text.len() <= TEXT_LIMIT && holes.len() < 1000).then_some(Self { text, holes })
    }

    /// A part of the text with its holes.
    fn back(&self, text: &str, value: &Value) -> Value {
        let mut pieces = Vec::new();
        let mut literal = String::new();
        for letter in text.chars() {
            let hole = u32::from(letter).checked_sub(HOLES).and_then(|at| self.holes.get(at as usize));
            match hole {
                None => literal.push(letter),
                Some(hole) => {
                    if !literal.is_empty() {
                        pieces
                            .push(Piece { part: Part::Literal(std::mem::take(&mut literal).into()), spot: value.spot });
                    }
                    pieces.push(hole.clone());
                }
            }
        }
        if !literal.is_empty() {
            pieces.push(Piece { part: Part::Literal(literal.into()), spot: value.spot });
        }
        if let [Piece { part: Part::Hole(name), .. }] = pieces.as_slice() {
            return Value::unknown(&**name, value.spot);
        }
        Value::pieces(pieces, value.spot)
    }

    /// Whether what fills the holes surely lacks a text.
    fn holes_lack(&self, text: &str) -> bool {
        self.holes.iter().all(|hole| matches!(&hole.part, Part::Hole(name) if lacks(name, text)))
    }
}

fn compiled(pattern: &str) -> Option<Regex> {
    // Names of groups are written as RE2 does.
    RegexBuilder::new(pattern).size_limit(REGEX_LIMIT).nest_limit(50).build().ok()
}

/// Whether a pattern says of single letters which they are, so that a hole could match as well as not.
fn looks_inside(pattern: &str) -> bool {
    pattern.contains('[') || pattern.contains('\\')
}

fn replace(call: &Call<'_, '_>) -> Option<Value> {
    let (value, search, by) = (call.argument(0), call.string(1)?, call.string(2)?);
    let rendered = Rendered::of(value)?;
    if !call.world.step(rendered.text.len() / 64) {
        return None;
    }
    let pattern = search.strip_prefix('/').and_then(|rest| rest.strip_suffix('/')).filter(|_| search.len() > 1);
    let replaced = match pattern {
        Some(pattern) => {
            let regex = compiled(pattern)?;
            if !rendered.holes.is_empty() && (looks_inside(pattern) || !regex.is_match(&rendered.text)) {
                return None;
            }
            regex.replace_all(&rendered.text, by.as_str()).into_owned()
        }
        None if search.is_empty() => return None,
        None => {
            if !rendered.holes_lack(&search) {
                // A stretch in which it stands is replaced; what a hole holds is not known.
                let (start, only) = (rendered.text.find(&search), rendered.text.matches(&search).count());
                if !(only > 0 && start == Some(0) && search.contains("://")) {
                    return None;
                }
            }
            if rendered.text.matches(&search).count().saturating_mul(by.len()) > TEXT_LIMIT {
                return None;
            }
            rendered.text.replace(&search, &by)
        }
    };
    if replaced.len() > TEXT_LIMIT {
        return None;
    }
    if replaced == rendered.text {
        return Some(value.clone());
    }
    Some(rendered.back(&replaced, value))
}

fn regex(call: &Call<'_, '_>, all: bool) -> Option<Value> {
    let (pattern, value) = (call.string(0)?, call.argument(1));
    let rendered = Rendered::of(value)?;
    if !call.world.step(rendered.text.len() / 64) {
        return None;
    }
    let regex = compiled(&pattern)?;
    if !rendered.holes.is_empty() && (looks_inside(&pattern) || !regex.is_match(&rendered.text)) {
        return None;
    }
    let names: Vec<Option<&str>> = regex.capture_names().collect();
    let found = |captures: &regex_lite::Captures<'_>| {
        let group = |at: usize| match captures.get(at) {
            Some(found) => rendered.back(found.as_str(), value),
            None => Value::NULL,
        };
        if names.iter().any(Option::is_some) {
            let map = names.iter().enumerate().filter_map(|(at, name)| Some(((*name)?.to_owned(), group(at))));
            Value::object(map.collect(), value.spot)
        } else if names.len() > 1 {
            Value::list((1..names.len()).map(group).collect(), value.spot)
        } else {
            group(0)
        }
    };
    let mut matches = regex.captures_iter(&rendered.text).take(10_000).map(|captures| found(&captures));
    if all {
        return Some(Value::list(matches.collect(), value.spot));
    }
    Some(matches.next().unwrap_or_else(|| Value::fault(format!("regex({pattern:?})"), call.spot)))
}

fn split(call: &Call<'_, '_>) -> Option<Value> {
    let (separator, value) = (call.string(0)?, call.argument(1));
    let rendered = Rendered::of(value)?;
    if !call.world.step(rendered.text.len() / 8) {
        return None;
    }
    if rendered.holes_lack(&separator) || rendered.holes.is_empty() {
        if separator.is_empty() || rendered.text.is_empty() {
            return Some(Value::list(vec![value.clone()], value.spot));
        }
        let parts = rendered.text.split(&separator).map(|part| rendered.back(part, value));
        return Some(Value::list(parts.collect(), value.spot));
    }
    // What stands before the first hole is as it is; how the rest falls apart is not known.
    let before = rendered.text.split(|letter: char| u32::from(letter) >= HOLES).next().unwrap_or_default();
    let mut parts: Vec<Value> = before.split(&separator).map(|part| rendered.back(part, value)).collect();
    parts.pop();
    let why = shortened(format!("split({separator:?}, {})", value.shown()));
    parts.push(super::super::eval::more_of(&why));
    Some(Value::list(parts, value.spot))
}

fn join(call: &Call<'_, '_>) -> Option<Value> {
    let separator = call.argument(0).as_pieces()?;
    let mut items: Vec<Value> = Vec::new();
    for list in call.arguments.iter().skip(1) {
        match &list.kind {
            Kind::List(inner) => items.extend(inner.iter().cloned()),
            Kind::Null => {}
            _ => items.push(list.clone()),
        }
    }
    let mut pieces: Vec<Piece> = Vec::new();
    let mut length = 0;
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            pieces.extend(separator.iter().cloned());
        }
        let part = item.as_pieces();
        let shown = || std::rc::Rc::from([Piece { part: Part::Hole(item.shown().into()), spot: item.spot }]);
        let part = part.unwrap_or_else(shown);
        length +=
            part.iter().map(|piece| if let Part::Literal(text) = &piece.part { text.len() } else { 1 }).sum::<usize>();
        if length > TEXT_LIMIT {
            return None;
        }
        pieces.extend(part.iter().cloned());
    }
    let spot = items.first().and_then(|item| item.spot);
    // The one text is what it is.
    if let [only] = items.as_slice() {
        return Some(only.clone());
    }
    Some(Value::pieces(pieces, spot))
}

/// `format`: the verbs that configurations use.
fn format(pattern: &Value, arguments: &[Value]) -> Option<Value> {
    let pieces = pattern.as_pieces()?;
    let mut out: Vec<Piece> = Vec::new();
    let mut next = arguments.iter();
    for piece in &*pieces {
        let Part::Literal(text) = &piece.part else {
            out.push(piece.clone());
            continue;
        };
        let mut rest: &str = text;
        while let Some((before, after)) = rest.split_once('%') {
            let say = |text: &str| Piece { part: Part::Literal(text.into()), spot: piece.spot };
            out.push(say(before));
            let end = after.find(|letter: char| letter.is_ascii_alphabetic() || letter == '%')?;
            let (flags, verb) = (after.get(..end)?, after.get(end..=end)?);
            rest = after.get(end + 1..)?;
            if verb == "%" {
                out.push(say("%"));
                continue;
            }
            if flags.contains('[') || flags.contains('*') {
                return None;
            }
            let value = next.next()?;
            let width: usize = flags.trim_start_matches(['0', '-', '+', ' ', '#']).parse().unwrap_or(0);
            match (verb, value.as_pieces()) {
                ("s" | "v", Some(pieces)) if flags.is_empty() => out.extend(pieces.iter().cloned()),
                ("q", Some(_)) => out.push(say(&format!("{:?}", value.as_string()?))),
                ("d", Some(pieces)) if flags.is_empty() && value.as_number().is_none() => {
                    out.extend(pieces.iter().cloned())
                }
                ("d", _) => {
                    let number = value.as_number()?.trunc();
                    let text = format!("{number}");
                    let fill = if flags.starts_with('0') { '0' } else { ' ' };
                    let missing = width.min(1000).saturating_sub(text.len());
                    out.push(say(&format!("{}{text}", fill.to_string().repeat(missing))));
                }
                ("s" | "v", Some(_)) => {
                    let text = value.as_string()?;
                    let missing = " ".repeat(width.min(1000).saturating_sub(text.chars().count()));
                    let text =
                        if flags.starts_with('-') { format!("{text}{missing}") } else { format!("{missing}{text}") };
                    out.push(say(&text));
                }
                ("t", _) => out.push(say(if value.as_bool()? { "true" } else { "false" })),
                ("f", _) if flags.is_empty() => out.push(say(&format!("{:.6}", value.as_number()?))),
                _ => return None,
            }
        }
        out.push(Piece { part: Part::Literal(rest.into()), spot: piece.spot });
    }
    Some(Value::pieces(out, pattern.spot))
}

fn formatlist(call: &Call<'_, '_>) -> Option<Value> {
    let arguments = call.arguments.get(1..)?;
    let longest = arguments.iter().map(|argument| argument.items().len()).max()?;
    if !call.world.step(longest.saturating_mul(arguments.len())) {
        return None;
    }
    let mut out = Vec::new();
    for at in 0..longest {
        let mut row = Vec::new();
        for argument in arguments {
            match &argument.kind {
                Kind::List(items) => row.push(items.get(at)?.clone()),
                Kind::Unknown(_) => return None,
                _ => row.push(argument.clone()),
            }
        }
        if let Some(more) = row.iter().find(|value| matches!(value.kind, Kind::More(_))) {
            out.push(more.clone());
            break;
        }
        out.push(format(call.argument(0), &row)?);
    }
    Some(Value::list(out, call.spot))
}

fn substr(value: &Value, offset: f64, length: f64) -> Option<Value> {
    #[expect(clippy::cast_possible_truncation, reason = "a text is not that long")]
    let (offset, length) = (offset as i64, length as i64);
    let text = match value.as_string() {
        Some(text) => text,
        None => {
            // The beginning may be known, where the rest is not.
            let pieces = value.as_pieces()?;
            let Part::Literal(start) = &pieces.first()?.part else { return None };
            let needed = usize::try_from(offset.checked_add(length)?).ok().filter(|_| offset >= 0 && length >= 0)?;
            (start.chars().count() >= needed).then(|| start.to_string())?
        }
    };
    let letters: Vec<char> = text.chars().collect();
    let count = i64::try_from(letters.len()).ok()?;
    let start = if offset < 0 { (count + offset).max(0) } else { offset.min(count) };
    let end = if length < 0 { count } else { start.saturating_add(length).min(count) };
    let part: String = letters.get(usize::try_from(start).ok()?..usize::try_from(end).ok()?)?.iter().collect();
    Some(Value::text(part, value.spot))
}

/// Base64, as texts are encoded with it here.
mod base64_text {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    pub(super) fn encode(bytes: &[u8]) -> String {
        let mut out = String::with_capacity(bytes.len() / 3 * 4 + 4);
        for group in bytes.chunks(3) {
            let all = group.iter().fold(0_u32, |all, byte| all << 8 | u32::from(*byte)) << (8 * (3 - group.len()));
            for at in 0..4 {
                let index = (all >> (18 - 6 * at)) & 63;
                let letter = LETTERS.get(index as usize).copied().unwrap_or(b'=');
                out.push(if at <= group.len() { char::from(letter) } else { '=' });
            }
        }
        out
    }

    pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
        let mut out = Vec::with_capacity(text.len() / 4 * 3);
        let (mut all, mut bits) = (0_u32, 0);
        for byte in text.bytes().filter(|byte| *byte != b'=' && !byte.is_ascii_whitespace()) {
            let value = LETTERS.iter().position(|letter| *letter == byte)?;
            all = all << 6 | u32::try_from(value).ok()?;
            bits += 6;
            if bits >= 8 {
                bits -= 8;
                out.push(u8::try_from(all >> bits & 0xff).ok()?);
            }
        }
        Some(out)
    }
}
