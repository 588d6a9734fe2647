//! Files of Terraform: their blocks and attributes, in HCL and in JSON, and the directories that they make up.
//!
//! A file that does not parse as a whole is taken apart at its top-level blocks, so that one mistake
//! costs one block. Both syntaxes become the same blocks; what is an expression in JSON is a text
//! with templates in it.
//!
//! Deliberately absent: what a name means. Here a block is a type, labels and a body.

use super::value::Spot;
use crate::read::code::json::{self, Piece, PiecePart};
use crate::read::code::{At, Form, Node, Where};
use hcl_edit::Span;
use hcl_edit::expr::Expression;
use hcl_edit::structure::{Body as HclBody, Structure};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::rc::Rc;

/// The largest file of HCL that is read.
pub(super) const FILE_LIMIT: usize = 16 << 20;

/// Where the ranges of an expression count from.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Origin {
    /// The number of the file; none, for what comes with this program.
    pub(super) file: Option<u32>,
    /// The byte from which its ranges count.
    pub(super) base: u32,
}

impl Origin {
    /// The place of a range.
    pub(super) fn spot(self, range: Option<std::ops::Range<usize>>) -> Option<Spot> {
        let (file, range) = (self.file?, range?);
        let offset = |at: usize| u32::try_from(at).ok()?.checked_add(self.base);
        Some(Spot { file, start: offset(range.start)?, end: offset(range.end)? })
    }
}

/// An expression that was not evaluated yet.
#[derive(Debug)]
pub(super) enum Expr {
    /// In HCL.
    Hcl(Expression),
    /// In JSON, where texts are templates.
    Json(Node),
}

/// An attribute of a body.
#[derive(Clone, Debug)]
pub(super) struct Attr {
    /// Its name.
    pub(super) name: String,
    /// Its value.
    pub(super) expr: Rc<Expr>,
    /// Where its ranges count from.
    pub(super) origin: Origin,
    /// Where its name stands.
    pub(super) spot: Option<Spot>,
}

/// A block.
#[derive(Debug)]
pub(super) struct Block {
    /// Its type: `resource`.
    pub(super) kind: String,
    /// Its labels: `aws_iam_role`, `this`.
    pub(super) labels: Vec<String>,
    /// What it holds.
    pub(super) body: Body,
    /// Where its type and labels stand.
    pub(super) spot: Option<Spot>,
}

/// What a block holds.
#[derive(Debug, Default)]
pub(super) struct Body {
    /// Its attributes.
    pub(super) attrs: Vec<Attr>,
    /// Its blocks.
    pub(super) blocks: Vec<Rc<Block>>,
}

impl Body {
    /// The attribute of that name.
    pub(super) fn attr(&self, name: &str) -> Option<&Attr> {
        self.attrs.iter().find(|attr| attr.name == name)
    }

    /// The blocks of that type.
    pub(super) fn blocks<'b>(&'b self, kind: &'b str) -> impl Iterator<Item = &'b Rc<Block>> {
        self.blocks.iter().filter(move |block| block.kind == kind)
    }
}

/// What is wrong in a file, and where.
#[derive(Debug)]
pub(super) struct Mistake {
    /// What, lowercase and without a period.
    pub(super) message: String,
    /// The line, from 1.
    pub(super) line: usize,
}

/// The blocks of a file in HCL, and its attributes, as files of variables have them.
pub(super) fn hcl(text: &str, file: Option<u32>) -> (Body, Vec<Mistake>) {
    let mut body = Body::default();
    if text.len() > FILE_LIMIT {
        let message =
            format!("it has {} MiB; files of Terraform above {} are not read", text.len() >> 20, FILE_LIMIT >> 20);
        return (body, vec![Mistake { message, line: 1 }]);
    }
    match hcl_edit::parser::parse_body(text) {
        Ok(parsed) => {
            add(&mut body, parsed, Origin { file, base: 0 });
            (body, Vec::new())
        }
        Err(_) => {
            let mut mistakes = Vec::new();
            for (start, end) in chunks(text) {
                let chunk = text.get(start..end).unwrap_or_default();
                match hcl_edit::parser::parse_body(chunk) {
                    Ok(parsed) => add(&mut body, parsed, Origin { file, base: u32::try_from(start).unwrap_or(0) }),
                    Err(error) => {
                        let before = text.get(..start).unwrap_or_default().matches('\n').count();
                        let message = error.message().lines().next().unwrap_or("it is not HCL").to_owned();
                        mistakes.push(Mistake { message, line: before + error.location().line() });
                    }
                }
            }
            (body, mistakes)
        }
    }
}

fn add(body: &mut Body, parsed: HclBody, origin: Origin) {
    for structure in parsed {
        match structure {
            Structure::Attribute(attribute) => {
                let spot = origin.spot(attribute.key.span());
                let name = attribute.key.to_string();
                body.attrs.push(Attr { name, expr: Rc::new(Expr::Hcl(attribute.value)), origin, spot });
            }
            Structure::Block(block) => {
                let start = block.ident.span();
                let end = block.labels.last().map_or_else(|| start.clone(), Span::span);
                let range = start.zip(end).map(|(start, end)| start.start..end.end);
                let mut inner = Body::default();
                add(&mut inner, block.body, origin);
                body.blocks.push(Rc::new(Block {
                    kind: block.ident.to_string(),
                    labels: block.labels.iter().map(|label| label.as_str().to_owned()).collect(),
                    body: inner,
                    spot: origin.spot(range),
                }));
            }
        }
    }
}

/// The stretches of a text that each hold one top-level block or attribute, as far as braces tell.
fn chunks(text: &str) -> Vec<(usize, usize)> {
    let bytes = text.as_bytes();
    let (mut found, mut start, mut depth, mut at) = (Vec::new(), 0, 0_i32, 0);
    let mut heredoc: Option<&str> = None;
    while at < bytes.len() {
        let line_end = text.get(at..).and_then(|rest| rest.find('\n')).map_or(bytes.len(), |end| at + end + 1);
        let line = text.get(at..line_end).unwrap_or_default();
        if let Some(end) = heredoc {
            if line.trim() == end {
                heredoc = None;
            }
        } else {
            // A line that begins in the first column begins something new, whatever was left open before it.
            let begins = line.starts_with(|letter: char| letter.is_ascii_alphabetic());
            if begins && at > start && (depth <= 0 || line.trim_end().ends_with('{')) {
                found.push((start, at));
                start = at;
                depth = 0;
            }
            depth += balance(line);
            if let Some((_, rest)) = line.split_once("<<") {
                let word = rest.trim_start_matches('-').trim();
                if !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
                    heredoc = Some(word);
                }
            }
        }
        at = line_end;
    }
    found.push((start, bytes.len()));
    found.retain(|(start, end)| !text.get(*start..*end).unwrap_or_default().trim().is_empty());
    found
}

/// How many braces a line leaves open, outside of strings and comments.
fn balance(line: &str) -> i32 {
    let (mut open, mut quoted, mut escaped, mut last) = (0, false, false, ' ');
    for letter in line.chars() {
        if quoted {
            quoted = escaped || letter != '"';
            escaped = !escaped && letter == '\\';
        } else {
            match letter {
                '"' => quoted = true,
                '#' => return open,
                '/' if last == '/' => return open,
                '{' => open += 1,
                '}' => open -= 1,
                _ => {}
            }
        }
        last = letter;
    }
    open
}

/// How many labels the top-level blocks have in JSON.
const LABELS: [(&str, usize); 12] = [
    ("resource", 2),
    ("data", 2),
    ("ephemeral", 2),
    ("module", 1),
    ("variable", 1),
    ("output", 1),
    ("provider", 1),
    ("locals", 0),
    ("terraform", 0),
    ("moved", 0),
    ("import", 0),
    ("check", 1),
];

/// The blocks of a file in JSON; the attributes of one of variables.
pub(super) fn json(text: &str, file: u32, variables: bool) -> Result<Body, Mistake> {
    let line_of = |at: Option<At>| match at.map(|at| at.span) {
        Some(Where::Bytes(start, _)) => text.get(..start as usize).unwrap_or_default().matches('\n').count() + 1,
        _ => 1,
    };
    let end = u32::try_from(text.len()).unwrap_or(u32::MAX);
    let pieces =
        [Piece { part: PiecePart::Literal(text.to_owned()), at: Some(At { file, span: Where::Bytes(0, end) }) }];
    let node = json::parse(&pieces).map_err(|fault| Mistake { message: fault.message, line: line_of(fault.at) })?;
    let mut body = Body::default();
    let Form::Object(fields) = node.form else {
        return Err(Mistake { message: "it is no object".to_owned(), line: 1 });
    };
    let origin = Origin { file: Some(file), base: 0 };
    for (name, node) in fields {
        if variables {
            let spot = spot_of(&node);
            body.attrs.push(Attr { name, expr: Rc::new(Expr::Json(node)), origin, spot });
        } else if let Some((_, labels)) = LABELS.iter().find(|(kind, _)| *kind == name) {
            blocks_of(&name, node, *labels, &[], origin, &mut body.blocks);
        }
    }
    Ok(body)
}

fn spot_of(node: &Node) -> Option<Spot> {
    match node.at {
        Some(At { file, span: Where::Bytes(start, end) }) => Some(Spot { file, start, end }),
        _ => None,
    }
}

fn blocks_of(kind: &str, node: Node, labels: usize, known: &[String], origin: Origin, out: &mut Vec<Rc<Block>>) {
    let spot = spot_of(&node).map(|spot| Spot { end: spot.start + 1, ..spot });
    match node.form {
        // Several blocks of the same labels stand in a list.
        Form::List(items) => {
            for item in items {
                blocks_of(kind, item, labels, known, origin, out);
            }
        }
        Form::Object(fields) if known.len() < labels => {
            for (label, node) in fields {
                let known = [known, &[label]].concat();
                blocks_of(kind, node, labels, &known, origin, out);
            }
        }
        Form::Object(fields) => {
            let mut body = Body::default();
            for (name, node) in fields {
                // Of blocks that are made, the content is a block; all other blocks are read as values.
                match (name.as_str(), kind) {
                    ("dynamic", _) => blocks_of("dynamic", node, 1, &[], origin, &mut body.blocks),
                    ("content", "dynamic") => blocks_of("content", node, 0, &[], origin, &mut body.blocks),
                    _ => {
                        let spot = spot_of(&node);
                        body.attrs.push(Attr { name, spot, expr: Rc::new(Expr::Json(node)), origin });
                    }
                }
            }
            out.push(Rc::new(Block { kind: kind.to_owned(), labels: known.to_vec(), body, spot }));
        }
        _ => {}
    }
}

/// A directory of Terraform: everything that its files declare, by name.
#[derive(Debug, Default)]
pub(super) struct Folder {
    /// Where it is.
    pub(super) path: PathBuf,
    /// How it is shown.
    pub(super) shown: String,
    /// The numbers of its files.
    pub(super) files: Vec<u32>,
    /// `variable` blocks.
    pub(super) variables: BTreeMap<String, Rc<Block>>,
    /// Attributes of `locals` blocks.
    pub(super) locals: BTreeMap<String, Attr>,
    /// `resource` and `data` blocks by address: `aws_iam_role.x`, `data.aws_region.y`.
    pub(super) resources: BTreeMap<String, Rc<Block>>,
    /// `module` blocks.
    pub(super) modules: BTreeMap<String, Rc<Block>>,
    /// `output` blocks.
    pub(super) outputs: BTreeMap<String, Rc<Block>>,
    /// `provider` blocks.
    pub(super) providers: Vec<Rc<Block>>,
    /// `moved` and `removed` blocks.
    pub(super) moves: Vec<Rc<Block>>,
    /// What its files of variables say, those with precedence first.
    pub(super) values: BTreeMap<String, Attr>,
    /// It says where its state is kept.
    pub(super) keeps_state: bool,
}

impl Folder {
    /// Adds what a file declares; what is declared already stays.
    pub(super) fn add(&mut self, body: Body) {
        for block in body.blocks {
            let label = |at: usize| block.labels.get(at).cloned().unwrap_or_default();
            match block.kind.as_str() {
                "variable" => {
                    self.variables.entry(label(0)).or_insert(block);
                }
                "locals" => {
                    for attr in &block.body.attrs {
                        self.locals.entry(attr.name.clone()).or_insert_with(|| attr.clone());
                    }
                }
                "resource" if block.labels.len() == 2 => {
                    self.resources.entry(format!("{}.{}", label(0), label(1))).or_insert(block);
                }
                "data" if block.labels.len() == 2 => {
                    self.resources.entry(format!("data.{}.{}", label(0), label(1))).or_insert(block);
                }
                "module" => {
                    self.modules.entry(label(0)).or_insert(block);
                }
                "output" => {
                    self.outputs.entry(label(0)).or_insert(block);
                }
                "provider" => self.providers.push(block),
                "moved" | "removed" => self.moves.push(block),
                "terraform" => {
                    self.keeps_state |= block.body.blocks.iter().any(|one| ["backend", "cloud"].contains(&&*one.kind));
                }
                _ => {}
            }
        }
    }

    /// Lays over what is declared what a file of overrides says: attributes take the place of those of their name,
    /// blocks of those of their type. <https://developer.hashicorp.com/terraform/language/files/override>
    pub(super) fn lay_over(&mut self, body: Body) {
        for block in body.blocks {
            let label = |at: usize| block.labels.get(at).cloned().unwrap_or_default();
            let known = match block.kind.as_str() {
                "variable" => self.variables.get_mut(&label(0)),
                "resource" => self.resources.get_mut(&format!("{}.{}", label(0), label(1))),
                "data" => self.resources.get_mut(&format!("data.{}.{}", label(0), label(1))),
                "module" => self.modules.get_mut(&label(0)),
                "output" => self.outputs.get_mut(&label(0)),
                "provider" => {
                    let alias = |block: &Block| block.body.attr("alias").and_then(literal).map(str::to_owned);
                    let same = |other: &&mut Rc<Block>| other.labels == block.labels && alias(other) == alias(&block);
                    self.providers.iter_mut().find(same)
                }
                "locals" => {
                    for attr in &block.body.attrs {
                        self.locals.insert(attr.name.clone(), attr.clone());
                    }
                    continue;
                }
                _ => continue,
            };
            match known {
                Some(known) => *known = Rc::new(merged(known, &block)),
                // Terraform refuses what overrides nothing; here it is declared all the same.
                None => self.add(Body { attrs: Vec::new(), blocks: vec![block] }),
            }
        }
    }

    /// Whether it is there to be called: nothing in it says where it is applied, or with what.
    pub(super) fn is_to_be_called(&self) -> bool {
        self.providers.is_empty() && self.values.is_empty() && !self.keeps_state
    }

    /// Whether it declares anything.
    pub(super) fn is_empty(&self) -> bool {
        self.resources.is_empty() && self.modules.is_empty()
    }
}

/// A block with what another one says in its place.
fn merged(known: &Block, over: &Block) -> Block {
    let is_over = |name: &str, kinds: &Body| {
        kinds.attrs.iter().any(|attr| attr.name == name) || kinds.blocks.iter().any(|block| made(block) == name)
    };
    let mut attrs: Vec<Attr> = over.body.attrs.clone();
    attrs.extend(known.body.attrs.iter().filter(|attr| !is_over(&attr.name, &over.body)).cloned());
    let mut blocks: Vec<Rc<Block>> = over.body.blocks.clone();
    blocks.extend(known.body.blocks.iter().filter(|block| !is_over(made(block), &over.body)).cloned());
    Block { kind: known.kind.clone(), labels: known.labels.clone(), body: Body { attrs, blocks }, spot: known.spot }
}

/// The type of a block, or of those that it makes.
fn made(block: &Block) -> &str {
    match block.labels.first() {
        Some(label) if block.kind == "dynamic" => label,
        _ => &block.kind,
    }
}

/// The literal text of an attribute, where it is one.
pub(super) fn literal(attr: &Attr) -> Option<&str> {
    match &*attr.expr {
        Expr::Hcl(Expression::String(text)) => Some(text.value()),
        Expr::Json(node) => node.as_str(),
        Expr::Hcl(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistake_costs_one_block() {
        let text = "locals {\n  a = 1\n}\n\nresource \"x\" \"broken\" {\n  a = = 2\n}\n\nresource \"x\" \"kept\" {\n  p = <<EOF\n{ \"not\": closed\nEOF\n}\n";
        let (body, mistakes) = hcl(text, Some(0));
        let names: Vec<String> = body.blocks.iter().map(|block| block.labels.join(".")).collect();
        assert_eq!(names, ["", "x.kept"]);
        assert_eq!(mistakes.iter().map(|mistake| mistake.line).collect::<Vec<_>>(), [6]);
        let kept = body.blocks.last().unwrap().spot.unwrap();
        assert_eq!(&text[kept.start as usize..kept.end as usize], "resource \"x\" \"kept\"");
    }

    #[test]
    fn json_has_the_same_blocks() {
        let text = r#"{"resource": {"aws_iam_role": {"a": {"name": "x"}, "b": [{"name": "y"}]}}, "locals": {"z": 1}}"#;
        let mut folder = Folder::default();
        folder.add(json(text, 0, false).unwrap());
        assert_eq!(folder.resources.keys().collect::<Vec<_>>(), ["aws_iam_role.a", "aws_iam_role.b"]);
        assert_eq!(folder.locals.keys().collect::<Vec<_>>(), ["z"]);
    }
}
