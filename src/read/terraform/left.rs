//! What is left to be filled in by hand, in the directories of a root.
//!
//! Examples are handed on with `vpc-xxxxxxxx`, `<ACCOUNT_ID>` or `your-bucket` where a value belongs.
//! Looked at are texts that stand alone: values in files of variables, defaults, locals, and what
//! blocks say.
//!
//! Deliberately absent: texts that are put together, and those that only people read.

use super::source::{Attr, Block, Expr, Folder, Origin};
use super::value::Spot;
use crate::known::Text;
use crate::read::code::{At, Declared, Form, Node, Where};
use crate::read::placeholder::{self, Dialect};
use hcl_edit::Span;
use hcl_edit::expr::Expression;
use std::collections::{BTreeMap, BTreeSet};

/// How many different placeholders are told, and how many places of each.
const TOLD: (usize, usize) = (50, 5);
/// How deep values are looked into.
const DEPTH: usize = 20;
/// Longer texts are documents, and not values.
const LONGEST: usize = 400;
/// Attributes that only people read.
const FOR_PEOPLE: [&str; 4] = ["description", "error_message", "comment", "source"];

/// What these directories leave to be filled in, in the files that are looked at.
pub(super) fn left<'f>(folders: impl Iterator<Item = &'f Folder>, files: &BTreeSet<u32>) -> Vec<Declared> {
    let mut left = Left { files, found: BTreeMap::new() };
    for folder in folders {
        folder.values.values().chain(folder.locals.values()).for_each(|attr| left.attr(attr));
        let blocks = folder.resources.values().chain(folder.modules.values());
        blocks.for_each(|block| left.block(block, 0));
        folder.variables.values().filter_map(|block| block.body.attr("default")).for_each(|attr| left.attr(attr));
    }
    left.found.into_iter().map(|(text, spots)| told(&text, &spots)).collect()
}

fn told(text: &str, spots: &[Spot]) -> Declared {
    let node = |spot: &Spot| Node {
        form: Form::Text(Text::literal(text)),
        at: Some(At { file: spot.file, span: Where::Bytes(spot.start, spot.end) }),
    };
    let places = Node { form: Form::List(spots.iter().map(node).collect()), at: None };
    let first = spots.first().map(node).unwrap_or(Node { form: Form::Text(Text::literal(text)), at: None });
    let at = first.at.clone();
    let item = Node { form: Form::Object(vec![("text".into(), first), ("places".into(), places)]), at };
    Declared::Item { collection: "files.placeholders", cluster: None, item }
}

struct Left<'f> {
    files: &'f BTreeSet<u32>,
    found: BTreeMap<String, Vec<Spot>>,
}

impl Left<'_> {
    fn block(&mut self, block: &Block, depth: usize) {
        if depth < DEPTH {
            block.body.attrs.iter().for_each(|attr| self.attr(attr));
            block.body.blocks.iter().for_each(|inner| self.block(inner, depth + 1));
        }
    }

    fn attr(&mut self, attr: &Attr) {
        if !FOR_PEOPLE.contains(&attr.name.as_str())
            && let Expr::Hcl(expression) = &*attr.expr
        {
            self.expression(expression, attr.origin, 0);
        }
    }

    fn expression(&mut self, expression: &Expression, origin: Origin, depth: usize) {
        match expression {
            _ if depth > DEPTH => {}
            Expression::String(text) => self.text(text.value(), origin.spot(text.span())),
            Expression::Array(items) => items.iter().for_each(|item| self.expression(item, origin, depth + 1)),
            Expression::Object(fields) => {
                fields.iter().for_each(|(_, value)| self.expression(value.expr(), origin, depth + 1));
            }
            _ => {}
        }
    }

    fn text(&mut self, text: &str, spot: Option<Spot>) {
        let Some(spot) = spot.filter(|spot| text.len() <= LONGEST && self.files.contains(&spot.file)) else { return };
        if shows_the_form_of_an_id(text) {
            return self.tell(text, spot);
        }
        let by_hand = placeholder::scan(text).into_iter().filter(|one| one.dialect == Dialect::Hand);
        // `bring-your-own-license` goes on what stands before it.
        let free = by_hand.filter(|one| !text.get(..one.start).is_some_and(|before| before.ends_with('-')));
        for one in free {
            self.tell(text.get(one.start..one.end).unwrap_or_default(), spot);
        }
    }

    fn tell(&mut self, raw: &str, spot: Spot) {
        if self.found.len() >= TOLD.0 && !self.found.contains_key(raw) {
            return;
        }
        let spots = self.found.entry(raw.to_owned()).or_default();
        if spots.len() < TOLD.1 {
            spots.push(spot);
        }
    }
}

/// `vpc-xxxxxxxx`, `subnet-aaaaaaaaaaaaaaaaa`: an id in which one letter stands for all.
fn shows_the_form_of_an_id(text: &str) -> bool {
    let digits = ["subnet-", "vpc-", "sg-", "igw-", "rtb-", "ami-"].iter().find_map(|kind| text.strip_prefix(kind));
    digits.is_some_and(|digits| {
        let mut letters = digits.chars();
        let first = letters.next();
        digits.len() >= 8 && first.is_some_and(|c| c.is_ascii_alphabetic()) && letters.all(|c| Some(c) == first)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_that_only_shows_its_form() {
        for (text, shows) in [
            ("vpc-xxxxxxxxxxxxxxxxx", true),
            ("subnet-aaaaaaaa", true),
            ("sg-0a1b2c3d4e5f60718", false),
            ("subnet-00000000", false),
            ("vpc-main", false),
            ("sg-", false),
        ] {
            assert_eq!(shows_the_form_of_an_id(text), shows, "{text}");
        }
    }
}
