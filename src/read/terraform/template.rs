//! Templates: texts with interpolations and directives, each stretch with its place.

use super::source::Origin;
use super::value::{Kind, Part, Piece, Spot, Value};
use super::world::{Ctx, World, bind};
use hcl_edit::Span;
use hcl_edit::template::{Directive, Element, Strip, Template};
use std::ops::Range;

impl World<'_> {
    /// A text with templates in it; one that is nothing but an interpolation is what that is.
    pub(super) fn template_value(&self, template: &Template, ctx: &Ctx, quoted: bool, spot: Option<Spot>) -> Value {
        if let Some(Element::Interpolation(only)) = template.as_single_element() {
            return self.eval(&only.expr, ctx).or_spot(spot);
        }
        Value::pieces(self.template(template, ctx, quoted), spot)
    }

    /// The pieces of a template.
    pub(super) fn template(&self, template: &Template, ctx: &Ctx, quoted: bool) -> Vec<Piece> {
        let mut out = Vec::new();
        // Whether the stretch before was literal, and whether blanks at the beginning of the next one go.
        let (mut after_literal, mut strip) = (false, false);
        for element in template {
            match element {
                Element::Literal(text) => {
                    let mut pieces = self.literal(text.value(), element.span(), ctx, quoted);
                    if strip {
                        trim_start(&mut pieces);
                    }
                    out.extend(pieces);
                    (after_literal, strip) = (true, false);
                }
                Element::Interpolation(interpolation) => {
                    if after_literal && begins(interpolation.strip) {
                        trim_end(&mut out);
                    }
                    let value = self.eval(&interpolation.expr, ctx).or_spot(ctx.spot(element.span()));
                    if self.step(1) {
                        out.extend(splice(&value));
                    }
                    (after_literal, strip) = (false, ends(interpolation.strip));
                }
                Element::Directive(directive) => {
                    let (opening, closing) = match &**directive {
                        Directive::If(choice) => (choice.if_expr.strip, choice.endif_expr.strip),
                        Directive::For(each) => (each.for_expr.strip, each.endfor_expr.strip),
                    };
                    if after_literal && begins(opening) {
                        trim_end(&mut out);
                    }
                    out.extend(self.directive(directive, ctx, quoted));
                    (after_literal, strip) = (false, ends(closing));
                }
            }
        }
        out
    }

    fn directive(&self, directive: &Directive, ctx: &Ctx, quoted: bool) -> Vec<Piece> {
        let inner = |template: &Template, ctx: &Ctx, start: Strip, end: Strip| {
            let mut pieces = self.template(template, ctx, quoted);
            if ends(start) {
                trim_start(&mut pieces);
            }
            if begins(end) {
                trim_end(&mut pieces);
            }
            pieces
        };
        match directive {
            Directive::If(choice) => {
                let (opening, closing) = (choice.if_expr.strip, choice.endif_expr.strip);
                let condition = self.eval(&choice.if_expr.cond_expr, ctx);
                let otherwise = choice.else_expr.as_ref();
                let middle = otherwise.map_or(closing, |otherwise| otherwise.strip);
                let yes = || inner(&choice.if_expr.template, ctx, opening, middle);
                let no = || {
                    otherwise
                        .map(|otherwise| inner(&otherwise.template, ctx, otherwise.strip, closing))
                        .unwrap_or_default()
                };
                match condition.as_bool() {
                    Some(true) => yes(),
                    Some(false) => no(),
                    None => {
                        let (yes, no) = (Value::pieces(yes(), None), Value::pieces(no(), None));
                        let why = format!("{} ? {} : {}", condition.shown(), yes.shown(), no.shown());
                        let part = Part::Hole(super::value::shortened(why).into());
                        vec![Piece { part, spot: condition.spot }]
                    }
                }
            }
            Directive::For(each) => {
                let collection = self.eval(&each.for_expr.collection_expr, ctx);
                let (pairs, more) = self.pairs(&collection);
                let mut out = Vec::new();
                for (key, item) in pairs {
                    if !self.step(1) {
                        break;
                    }
                    let mut scope = ctx.scope.clone();
                    if let Some(name) = &each.for_expr.key_var {
                        scope = bind(&scope, name.as_str(), key);
                    }
                    let ctx = ctx.with(bind(&scope, each.for_expr.value_var.as_str(), item));
                    out.extend(inner(&each.for_expr.template, &ctx, each.for_expr.strip, each.endfor_expr.strip));
                }
                if let Some(why) = more {
                    let part = Part::Hole(super::value::shortened(format!("for {why}")).into());
                    out.push(Piece { part, spot: collection.spot });
                }
                out
            }
        }
    }

    /// A literal stretch, in pieces that stand letter by letter where they say.
    pub(super) fn literal(&self, text: &str, range: Option<Range<usize>>, ctx: &Ctx, quoted: bool) -> Vec<Piece> {
        let whole = ctx.spot(range.clone());
        let Some((spot, source)) =
            whole.filter(|_| ctx.origin.file.is_some()).and_then(|spot| Some((spot, self.loader.text_of(spot.file)?)))
        else {
            return vec![Piece { part: Part::Literal(text.into()), spot: whole }];
        };
        let raw = source.get(spot.start as usize..spot.end as usize).unwrap_or_default();
        aligned(text, raw, spot, quoted)
    }

    /// The text of a file with templates in it.
    pub(super) fn template_file(&self, file: u32, text: &str, ctx: &Ctx) -> Option<Vec<Piece>> {
        let template = hcl_edit::parser::parse_template(text).ok()?;
        let ctx = Ctx { origin: Origin { file: Some(file), base: 0 }, ..ctx.clone() };
        Some(self.template(&template, &ctx, false))
    }
}

/// What an interpolation puts into a text.
fn splice(value: &Value) -> Vec<Piece> {
    match &value.kind {
        Kind::Null => Vec::new(),
        _ => match value.as_pieces() {
            // Where the value was written tells more than where it was put in.
            Some(pieces) => {
                pieces.iter().cloned().map(|piece| Piece { spot: piece.spot.or(value.spot), ..piece }).collect()
            }
            None => vec![Piece { part: Part::Hole(value.shown().into()), spot: value.spot }],
        },
    }
}

fn begins(strip: Strip) -> bool {
    matches!(strip, Strip::Start | Strip::Both)
}

fn ends(strip: Strip) -> bool {
    matches!(strip, Strip::End | Strip::Both)
}

/// Takes blanks off the beginning, up to and with the first line break, as Terraform does: all of them.
fn trim_start(pieces: &mut Vec<Piece>) {
    while let Some(first) = pieces.first_mut() {
        let Part::Literal(text) = &first.part else { return };
        let kept = text.trim_start();
        if kept.len() == text.len() {
            return;
        }
        if kept.is_empty() {
            pieces.remove(0);
            continue;
        }
        let cut = u32::try_from(text.len() - kept.len()).unwrap_or(0);
        if let Some(spot) = first.spot.as_mut().filter(|spot| (spot.end - spot.start) as usize == text.len()) {
            spot.start += cut;
        }
        first.part = Part::Literal(kept.into());
        return;
    }
}

fn trim_end(pieces: &mut Vec<Piece>) {
    while let Some(last) = pieces.last_mut() {
        let Part::Literal(text) = &last.part else { return };
        let kept = text.trim_end();
        if kept.len() == text.len() {
            return;
        }
        if kept.is_empty() {
            pieces.pop();
            continue;
        }
        let cut = u32::try_from(text.len() - kept.len()).unwrap_or(0);
        if let Some(spot) = last.spot.as_mut().filter(|spot| (spot.end - spot.start) as usize == text.len()) {
            spot.end -= cut;
        }
        last.part = Part::Literal(kept.into());
        return;
    }
}

/// A text against what was written for it: escapes and removed indents separate the pieces.
pub(super) fn aligned(text: &str, raw: &str, spot: Spot, quoted: bool) -> Vec<Piece> {
    let offset = |at: usize| spot.start + u32::try_from(at).unwrap_or(0);
    if text == raw {
        return vec![Piece { part: Part::Literal(text.into()), spot: Some(spot) }];
    }
    let mut pieces = Vec::new();
    let (mut at, mut from) = (0, 0);
    // Where the piece under way begins, in the text and in what was written.
    let mut open = (0, 0);
    let flush = |open: (usize, usize), at: usize, pieces: &mut Vec<Piece>| {
        if at > open.0 {
            let part = Part::Literal(text.get(open.0..at).unwrap_or_default().into());
            let spot = Spot { start: offset(open.1), end: offset(open.1 + at - open.0), ..spot };
            pieces.push(Piece { part, spot: Some(spot) });
        }
    };
    while at < text.len() && from < raw.len() {
        let (Some(letter), Some(written)) =
            (text.get(at..).and_then(|rest| rest.chars().next()), raw.get(from..).and_then(|rest| rest.chars().next()))
        else {
            break;
        };
        if quoted && written == '\\' {
            flush(open, at, &mut pieces);
            let length = match raw.as_bytes().get(from + 1) {
                Some(b'u') => 6,
                Some(b'U') => 10,
                _ => 2,
            };
            let part = Part::Literal(text.get(at..at + letter.len_utf8()).unwrap_or_default().into());
            let end = (from + length).min(raw.len());
            pieces.push(Piece { part, spot: Some(Spot { start: offset(from), end: offset(end), ..spot }) });
            at += letter.len_utf8();
            from = end;
            open = (at, from);
        } else if letter == written {
            at += letter.len_utf8();
            from += written.len_utf8();
        } else {
            // An indent that was taken off, or the second letter of an escaped marker.
            flush(open, at, &mut pieces);
            from += written.len_utf8();
            open = (at, from);
        }
    }
    flush(open, at, &mut pieces);
    if at < text.len() {
        pieces.push(Piece { part: Part::Literal(text.get(at..).unwrap_or_default().into()), spot: Some(spot) });
    }
    pieces
}
