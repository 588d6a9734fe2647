//! The values of a release: layers of files and settings, later ones over earlier ones.
//!
//! <https://helm.sh/docs/chart_template_guide/values_files/>, <https://helm.sh/docs/intro/using_helm/#the-format-and-limitations-of---set>
//!
//! Deliberately absent: the chart's own defaults. What is not said is for those who know the chart.

use crate::known::{Part, Text};
use crate::read::code::{At, Form, Node};
use std::iter::Peekable;
use std::str::Chars;

/// How deep values may be nested.
const DEPTH: usize = 32;
/// How many items a list may get by its indices.
const ITEMS: usize = 256;
/// How many settings of one argument are read.
const SETTINGS: usize = 1000;
/// Letters that stand for the holes of a text while it is taken apart; nobody writes them.
const HOLES: std::ops::Range<u32> = 0xF0000..0xFFFFE;

/// All values of a release that are known.
#[derive(Clone, Debug)]
pub(crate) struct Values {
    /// What is said, an object.
    pub(crate) said: Node,
    /// Whether nothing else is said anywhere: what is missing is the chart's default.
    pub(crate) whole: bool,
}

/// What values say under a path.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Said<'n> {
    /// This.
    Told(&'n Node),
    /// Nothing, and the chart's default holds.
    Default,
    /// Nothing that is known.
    Unknown,
}

impl Default for Values {
    fn default() -> Self {
        Self { said: Node::new(Form::Object(Vec::new())), whole: true }
    }
}

impl Values {
    /// Lays a document over what was said before.
    pub(crate) fn lay(&mut self, over: Node) {
        match over.form {
            Form::Null => {}
            Form::Object(_) => self.said = laid(&self.said, over, 0),
            _ => self.forget(),
        }
    }

    /// Something is laid over that is not known: nothing that was said before is certain.
    pub(crate) fn forget(&mut self) {
        *self = Self { whole: false, ..Self::default() };
    }

    /// Takes the settings of one argument, `a.b=c,d={e,f}`. Settings that are texts in any case are `literal`.
    pub(crate) fn set(&mut self, settings: &Text, at: Option<&At>, literal: bool) {
        let mut holes = Vec::new();
        let mut plain = String::new();
        for part in settings.parts() {
            match part {
                Part::Literal(literal) => plain.push_str(literal),
                Part::Hole(name) => {
                    let letter =
                        HOLES.start + u32::try_from(holes.len()).unwrap_or(u32::MAX).min(HOLES.len() as u32 - 1);
                    plain.extend(char::from_u32(letter));
                    holes.push(name.clone());
                }
            }
        }
        let filled = |text: &str| -> Text {
            Text::from_parts(text.chars().map(|letter| {
                let hole = (letter as u32).checked_sub(HOLES.start).filter(|_| HOLES.contains(&(letter as u32)));
                match hole.and_then(|number| holes.get(number as usize)) {
                    Some(name) => Part::Hole(name.clone()),
                    None => Part::Literal(letter.to_string()),
                }
            }))
        };
        let node = |text: &str| scalar(filled(text), literal).written(at.cloned());
        for (path, value) in taken_apart(&plain) {
            let Some(path) = path else {
                self.forget();
                return;
            };
            let value = match value {
                Setting::One(text) => node(&text),
                Setting::List(items) => {
                    Node::new(Form::List(items.iter().map(|item| node(item)).collect())).written(at.cloned())
                }
            };
            put(&mut self.said, &path, value);
        }
    }

    /// Takes one setting whose value is known as it is.
    pub(crate) fn set_node(&mut self, path: &str, value: Node) {
        match steps(path) {
            Some(path) => put(&mut self.said, &path, value),
            None => self.forget(),
        }
    }

    /// What is said under a path of names.
    pub(crate) fn get(&self, path: &[&str]) -> Said<'_> {
        let mut node = &self.said;
        for name in path {
            match (&node.form, node.get(name)) {
                (_, Some(inner)) => node = inner,
                (Form::Unknown(_), None) => return Said::Unknown,
                (Form::Text(text), None) if text.as_str().is_none() => return Said::Unknown,
                _ if self.whole => return Said::Default,
                _ => return Said::Unknown,
            }
        }
        if matches!(node.form, Form::Unknown(_)) { Said::Unknown } else { Said::Told(node) }
    }
}

impl<'n> Said<'n> {
    /// Whether anything is said.
    pub(crate) fn is_told(self) -> bool {
        matches!(self, Self::Told(_))
    }

    /// What is said.
    pub(crate) fn value(self) -> Option<&'n Node> {
        if let Self::Told(node) = self { Some(node) } else { None }
    }

    /// The truth that is said, also where it is a text.
    pub(crate) fn truth(self) -> Option<bool> {
        match &self.value()?.form {
            Form::Bool(truth) => Some(*truth),
            Form::Text(text) => text.as_str()?.parse().ok(),
            _ => None,
        }
    }

    /// The truth that is said, or that of every version of the chart; unknown where something is said that is no truth.
    pub(crate) fn truth_or(self, default: bool) -> Option<bool> {
        if self.is_told() { self.truth() } else { Some(default) }
    }

    /// The text that is said, unless it is empty.
    pub(crate) fn name(self) -> Option<Node> {
        let node = self.value()?;
        let text = node.as_text()?;
        (text.as_str() != Some("")).then(|| Node::new(Form::Text(text)).written(node.at.clone()))
    }
}

/// A value of a setting.
enum Setting {
    One(String),
    List(Vec<String>),
}

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Name(String),
    Index(usize),
}

/// The settings of an argument: their paths, where those can be told, and their values.
fn taken_apart(text: &str) -> Vec<(Option<Vec<Step>>, Setting)> {
    let mut letters = text.chars().peekable();
    let mut found = Vec::new();
    while letters.peek().is_some() && found.len() < SETTINGS {
        let name = until(&mut letters, '=');
        // A comma too many says nothing.
        if letters.next().is_none() {
            break;
        }
        let value = if letters.peek() == Some(&'{') {
            letters.next();
            let mut items = Vec::new();
            loop {
                items.push(plain(&until(&mut letters, '}')));
                match letters.next() {
                    Some(',') => {}
                    _ => break,
                }
            }
            letters.next_if_eq(&',');
            items.retain(|item| !item.is_empty() || text.contains("\"\""));
            Setting::List(items)
        } else {
            let value = until(&mut letters, ',');
            letters.next();
            Setting::One(plain(&value))
        };
        found.push((steps(name.trim_start_matches(',')), value));
    }
    found
}

/// The letters before one that is not escaped; inside of a list, a comma ends an item, too.
fn until(letters: &mut Peekable<Chars<'_>>, end: char) -> String {
    let mut found = String::new();
    while let Some(&letter) = letters.peek() {
        if letter == end || (end == '}' && letter == ',') {
            break;
        }
        letters.next();
        found.push(letter);
        if letter == '\\' {
            found.extend(letters.next());
        }
    }
    found
}

/// A value without its escapes; what is a pair of quotes is nothing.
fn plain(text: &str) -> String {
    let mut plain = String::new();
    let mut letters = text.trim().chars();
    while let Some(letter) = letters.next() {
        if letter == '\\' { plain.extend(letters.next()) } else { plain.push(letter) }
    }
    if matches!(plain.as_str(), "\"\"" | "''") { String::new() } else { plain }
}

/// The steps of `a.b\.c.d[0]`; `None` of what cannot be told.
fn steps(path: &str) -> Option<Vec<Step>> {
    let mut steps = Vec::new();
    let mut letters = path.trim().chars().peekable();
    let mut name = String::new();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => name.extend(letters.next()),
            '.' => {
                if !name.is_empty() {
                    steps.push(Step::Name(std::mem::take(&mut name)));
                }
            }
            '[' => {
                if !name.is_empty() {
                    steps.push(Step::Name(std::mem::take(&mut name)));
                }
                let mut digits = String::new();
                for letter in letters.by_ref().take_while(|letter| *letter != ']') {
                    digits.push(letter);
                }
                steps.push(Step::Index(digits.parse().ok().filter(|index| *index < ITEMS)?));
            }
            letter if HOLES.contains(&(letter as u32)) => return None,
            letter => name.push(letter),
        }
    }
    if !name.is_empty() {
        steps.push(Step::Name(name));
    }
    (!steps.is_empty() && steps.len() <= DEPTH).then_some(steps)
}

/// Puts a value at the end of a path, which has at most [`DEPTH`] steps.
fn put(under: &mut Node, path: &[Step], value: Node) {
    let Some((step, rest)) = path.split_first() else {
        *under = value;
        return;
    };
    let place = value.at.clone();
    let empty = || Node::new(Form::Null).written(place.clone());
    match step {
        Step::Name(name) => {
            if !matches!(under.form, Form::Object(_)) {
                *under = Node::new(Form::Object(Vec::new())).written(place.clone());
            }
            let Form::Object(fields) = &mut under.form else { return };
            let at = fields.iter().position(|(key, _)| key == name).unwrap_or_else(|| {
                fields.push((name.clone(), empty()));
                fields.len() - 1
            });
            if let Some((_, inner)) = fields.get_mut(at) {
                put(inner, rest, value);
            }
        }
        Step::Index(index) => {
            if !matches!(under.form, Form::List(_)) {
                *under = Node::new(Form::List(Vec::new())).written(place.clone());
            }
            let Form::List(items) = &mut under.form else { return };
            while items.len() <= *index {
                items.push(empty());
            }
            if let Some(inner) = items.get_mut(*index) {
                put(inner, rest, value);
            }
        }
    }
}

/// A scalar as Helm takes it from a setting.
fn scalar(text: Text, literal: bool) -> Node {
    let Some(plain) = text.as_str().filter(|_| !literal) else { return Node::new(Form::Text(text)) };
    Node::new(match plain {
        "true" => Form::Bool(true),
        "false" => Form::Bool(false),
        "null" => Form::Null,
        number if !number.starts_with('0') || number == "0" => match number.parse::<i64>() {
            Ok(number) => Form::Number(number.into()),
            Err(_) => Form::Text(text),
        },
        _ => Form::Text(text),
    })
}

/// Values with others over them, name by name.
fn laid(under: &Node, over: Node, depth: usize) -> Node {
    let (Form::Object(known), true) = (&under.form, depth < DEPTH) else { return over };
    let Form::Object(own) = over.form else { return over };
    let mut fields = known.clone();
    for (name, value) in own {
        match fields.iter_mut().find(|(key, _)| *key == name) {
            Some((_, known)) => *known = laid(known, value, depth + 1),
            None => fields.push((name, value)),
        }
    }
    Node { form: Form::Object(fields), at: over.at.or_else(|| under.at.clone()) }
}
