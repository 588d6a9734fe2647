//! Documents of YAML in texts of the code.
//!
//! What fills the holes of such a text is not known when it is read, and each value keeps the place at which it was
//! written, also in an indented heredoc.
//!
//! Deliberately absent: what the documents mean.

use super::super::value::{Kind, Part, Spot, Value, text_of};
use crate::known;
use crate::read::{place, yaml};
use std::collections::HashMap;

/// The documents that a text in YAML spells; its holes stand where they stood.
pub(in crate::read::terraform) fn from_yaml(value: &Value) -> Option<Vec<Value>> {
    if let Kind::Json(value) = &value.kind {
        return Some(vec![(**value).clone()]);
    }
    let pieces = value.as_pieces()?;
    let mut holes: Vec<String> = Vec::new();
    let mut rendered = String::new();
    let mut stretches: Vec<(usize, Option<Spot>)> = Vec::new();
    for piece in pieces.iter() {
        stretches.push((rendered.len(), piece.spot));
        match &piece.part {
            Part::Literal(text) => rendered.push_str(text),
            Part::Hole(name) => {
                rendered.push_str(&format!("\u{f8ff}{}\u{f8fe}", holes.len()));
                holes.push(name.to_string());
            }
            Part::Json(_) => rendered.push_str(&text_of(std::slice::from_ref(piece)).to_string()),
        }
    }
    let (documents, fault) = yaml::documents(&rendered);
    if fault.is_some() {
        return None;
    }
    let mut pointers = Vec::new();
    for (number, document) in documents.iter().enumerate() {
        pointers_of(document, &format!("/{number}"), &mut pointers);
    }
    let few = pointers.len() <= PLACED && rendered.len() <= PLACED_IN;
    let places = if few { place::yaml_bytes(&rendered, &pointers) } else { Vec::new() };
    let spots = pointers.iter().zip(places);
    let spots: HashMap<&str, Spot> = spots
        .filter_map(|(pointer, bytes)| Some((pointer.as_str(), spot_of(bytes?, &stretches, rendered.len())?)))
        .collect();
    let read = Reading { holes: &holes, spots: &spots, spot: value.spot };
    Some(documents.iter().enumerate().map(|(number, document)| read.filled(document, &format!("/{number}"))).collect())
}

/// How many values of a text are placed one by one, and in a text of how many bytes.
const PLACED: usize = 20_000;
const PLACED_IN: usize = 1 << 20;

/// Adds the pointers of everything in a document.
fn pointers_of(value: &serde_json::Value, at: &str, out: &mut Vec<String>) {
    if out.len() > PLACED {
        return;
    }
    out.push(at.to_owned());
    match value {
        serde_json::Value::Array(items) => {
            for (number, item) in items.iter().enumerate() {
                pointers_of(item, &format!("{at}/{number}"), out);
            }
        }
        serde_json::Value::Object(map) => {
            for (key, item) in map {
                pointers_of(item, &format!("{at}/{}", crate::path::escape(key)), out);
            }
        }
        _ => {}
    }
}

/// Where some bytes of a text that was put together were written.
fn spot_of(bytes: std::ops::Range<usize>, stretches: &[(usize, Option<Spot>)], length: usize) -> Option<Spot> {
    let at = stretches.partition_point(|(start, _)| *start <= bytes.start).checked_sub(1)?;
    let (start, spot) = *stretches.get(at)?;
    let spot = spot?;
    let end = stretches.get(at + 1).map_or(length, |(start, _)| *start);
    // What was unescaped or indented otherwise is not as long as it was written.
    if (spot.end - spot.start) as usize != end - start {
        return Some(spot);
    }
    let offset = |byte: usize| Some(spot.start + u32::try_from(byte - start).ok()?);
    Some(Spot { file: spot.file, start: offset(bytes.start)?, end: offset(bytes.end.min(end))? })
}

/// What is put back into a document: its holes and the places of its values.
struct Reading<'r> {
    holes: &'r [String],
    spots: &'r HashMap<&'r str, Spot>,
    spot: Option<Spot>,
}

impl Reading<'_> {
    /// A document with its holes put back.
    fn filled(&self, value: &serde_json::Value, at: &str) -> Value {
        let spot = self.spots.get(at).copied().or(self.spot);
        match value {
            serde_json::Value::Null => Value { kind: Kind::Null, spot },
            serde_json::Value::Bool(truth) => Value::truth(*truth, spot),
            serde_json::Value::Number(number) => Value { kind: Kind::Number(number.clone()), spot },
            serde_json::Value::String(text) => {
                let text = self.text_of(text);
                match text.parts() {
                    [known::Part::Hole(name)] => Value::unknown(name.clone(), spot),
                    _ => Value::of_text(&text, spot),
                }
            }
            serde_json::Value::Array(items) => {
                let items = items.iter().enumerate();
                Value::list(items.map(|(number, item)| self.filled(item, &format!("{at}/{number}"))).collect(), spot)
            }
            serde_json::Value::Object(map) => {
                let fields = map.iter().map(|(key, item)| {
                    let inside = format!("{at}/{}", crate::path::escape(key));
                    (self.text_of(key).to_string(), self.filled(item, &inside))
                });
                Value::object(fields.collect(), spot)
            }
        }
    }

    fn text_of(&self, text: &str) -> known::Text {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('\u{f8ff}') {
            let Some((number, after)) = after.split_once('\u{f8fe}') else { break };
            parts.push(known::Part::Literal(before.to_owned()));
            let name = number.parse::<usize>().ok().and_then(|number| self.holes.get(number)).cloned();
            parts.push(known::Part::Hole(name.unwrap_or_default()));
            rest = after;
        }
        parts.push(known::Part::Literal(rest.to_owned()));
        known::Text::from_parts(parts)
    }
}
