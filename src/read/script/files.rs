//! The files that command lines name: those beside the script, and those that it writes itself.

use super::super::code::json;
use super::super::code::{At, CodeFile, Node};
use super::super::shell::Word;
use super::super::written::{self, Written};
use super::{Kind, Material, embedded};
use crate::estate::Syntax;
use crate::known::{Part, Text};
use crate::read::chart;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

/// What `file://` may mean in one script.
pub(super) struct Files<'m> {
    script: &'m Material,
    materials: &'m [Material],
    /// Files that the script writes, by their names.
    pub(super) written: RefCell<BTreeMap<String, Word>>,
    /// The files of the unit, the script being the first.
    pub(super) used: RefCell<Vec<CodeFile>>,
    /// The numbers of the materials that were used.
    pub(super) consumed: RefCell<BTreeSet<usize>>,
}

impl<'m> Files<'m> {
    pub(super) fn of(script: &'m Material, materials: &'m [Material]) -> Self {
        Self { script, materials, written: RefCell::default(), used: RefCell::default(), consumed: RefCell::default() }
    }

    /// The content of a file; unknown where nobody gave it.
    pub(super) fn node(&self, path: &Text, at: Option<At>) -> Node {
        let name = file_name(path);
        if let Some(word) = name.as_ref().and_then(|name| self.written.borrow().get(name).cloned()) {
            return match json::parse(&word.pieces) {
                Ok(node) => node.written(word.at()),
                Err(_) => Node::unknown(format!("what the script writes into `{path}`")).written(at),
            };
        }
        match self.material(path, |kind| kind == Kind::Request) {
            Some((number, material)) => {
                let Ok(json) = written::json_value(&material.text) else {
                    return Node::unknown(format!("`{path}` is no JSON")).written(at);
                };
                self.consumed.borrow_mut().insert(number);
                let file = self.number(&material.path, json.syntax);
                let root = Written { value: &json.value, pointer: json.root.to_owned(), file };
                root.node()
            }
            None => Node::unknown(format!("`{path}` was not given")).written(at),
        }
    }

    /// The number of a file in the unit.
    fn number(&self, path: &str, syntax: Syntax) -> u32 {
        let mut used = self.used.borrow_mut();
        let known = used.iter().position(|file| file.path == path);
        let number = known.unwrap_or_else(|| {
            used.push(CodeFile { path: path.to_owned(), syntax, held: None });
            used.len() - 1
        });
        number as u32
    }

    /// The values of a release in a file; `None` where they are not known.
    pub(super) fn values(&self, path: &Text) -> Option<Node> {
        let written = file_name(path).and_then(|name| self.written.borrow().get(&name).cloned());
        if let Some(word) = written {
            return self.in_here_document(&word);
        }
        let (number, material) = self.material(path, |kind| matches!(kind, Kind::Values { .. }))?;
        // Files of values have few names: the folder has to be the one that is meant.
        let shown = path.to_string();
        let meant = shown.rsplit('/').nth(1).filter(|folder| !folder.is_empty() && !folder.starts_with(['.', '$']));
        if meant.is_some() && meant != material.path.rsplit('/').nth(1) {
            return None;
        }
        self.consumed.borrow_mut().insert(number);
        chart::file::values(&material.text, self.number(&material.path, Syntax::Yaml))
    }

    /// The values of a release in a here-document of the script.
    pub(super) fn in_here_document(&self, body: &Word) -> Option<Node> {
        embedded::values(body, &self.script.text)
    }

    /// The number of the file that a script means by a path, where there is only one it can be.
    pub(super) fn material(&self, path: &Text, is_kind: fn(Kind) -> bool) -> Option<(usize, &'m Material)> {
        let name = file_name(path)?;
        let home = self.script.path.rsplit_once('/').map_or("", |(home, _)| home);
        let shared = |path: &str| path.split('/').zip(home.split('/')).take_while(|(one, other)| one == other).count();
        let mut best: Option<(usize, &Material, usize)> = None;
        let mut tied = false;
        for (number, material) in self.materials.iter().enumerate() {
            if !is_kind(material.kind) || material.path.rsplit('/').next() != Some(name.as_str()) {
                continue;
            }
            let near = shared(&material.path) * 2 + usize::from(path.to_string().ends_with(&tail(&material.path)));
            match best {
                Some((_, _, known)) if near < known => {}
                Some((_, _, known)) if near == known => tied = true,
                _ => {
                    best = Some((number, material, near));
                    tied = false;
                }
            }
        }
        best.filter(|_| !tied).map(|(number, material, _)| (number, material))
    }
}

/// The last two names of a path.
fn tail(path: &str) -> String {
    let names: Vec<&str> = path.rsplit('/').take(2).collect();
    names.into_iter().rev().collect::<Vec<_>>().join("/")
}

/// The name of a file, where its end is known.
pub(super) fn file_name(path: &Text) -> Option<String> {
    match path.parts().last()? {
        Part::Literal(end) if end.contains('/') || path.parts().len() == 1 => {
            end.rsplit('/').next().filter(|name| !name.is_empty()).map(str::to_owned)
        }
        _ => None,
    }
}
