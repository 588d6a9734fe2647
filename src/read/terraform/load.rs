//! Loading: the directories of the inputs, and the files that they name.
//!
//! Each file is read once, whatever uses it. Nothing is followed out of the folder that holds the
//! inputs, through a link or by `..`; sizes are bounded; nothing is fetched.
//!
//! Deliberately absent: what modules mean to each other.

use super::registry;
use super::source::{self, Block, Body, Folder, Mistake};
use crate::estate::Gap;
use crate::read::code::Code;
use crate::read::file::{self, Entry};
use serde_json::Value as Json;
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::path::{Component, Path, PathBuf};
use std::rc::Rc;

/// The largest file that `file` and `templatefile` read.
const TEXT_LIMIT: u64 = 2 << 20;
/// How much text is held at a time.
const TOTAL_LIMIT: usize = 256 << 20;
/// How many files of a module's directory outside of the inputs are read.
const FOLDER_FILES: usize = 500;

/// A file that was read.
#[derive(Debug)]
pub(super) struct Source {
    /// How it is shown.
    pub(super) shown: String,
    /// Its text.
    pub(super) text: Rc<str>,
}

/// What was loaded so far.
#[derive(Debug, Default)]
pub(super) struct Loader {
    /// The folder that nothing leaves.
    bounds: Option<PathBuf>,
    sources: RefCell<Vec<Source>>,
    texts: RefCell<HashMap<PathBuf, Option<u32>>>,
    folders: RefCell<BTreeMap<PathBuf, Rc<Folder>>>,
    interfaces: RefCell<HashMap<String, Option<Rc<Folder>>>>,
    installed: RefCell<HashMap<PathBuf, Rc<BTreeMap<String, String>>>>,
    total: RefCell<usize>,
    gaps: RefCell<Vec<Gap>>,
}

/// What a file is, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sort {
    Hcl,
    Json,
    Values,
    JsonValues,
}

fn sort(path: &Path) -> Option<Sort> {
    let name = path.file_name()?.to_str()?;
    let ends = |ends: &[&str]| ends.iter().any(|end| name.ends_with(end));
    if ends(&[".tfvars.json"]) {
        Some(Sort::JsonValues)
    } else if ends(&[".tf.json", ".tofu.json"]) {
        Some(Sort::Json)
    } else if ends(&[".tf", ".tofu"]) {
        Some(Sort::Hcl)
    } else if ends(&[".tfvars"]) {
        Some(Sort::Values)
    } else {
        None
    }
}

/// The path without `.` and `..`; `None` if it leads above its beginning.
pub(super) fn plain(path: &Path) -> Option<PathBuf> {
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => match plain.components().next_back() {
                Some(Component::Normal(_)) => {
                    plain.pop();
                }
                Some(Component::ParentDir) | None => plain.push(".."),
                Some(_) => return None,
            },
            other => plain.push(other),
        }
    }
    Some(plain)
}

impl Loader {
    /// The directories of the inputs.
    pub(super) fn of(entries: &[Entry]) -> Self {
        let loader = Self { bounds: bounds(entries), ..Self::default() };
        let mut by_folder: BTreeMap<PathBuf, Vec<(&Entry, Sort)>> = BTreeMap::new();
        for entry in entries {
            let (Some(sort), Some(parent)) = (sort(&entry.path), entry.path.parent()) else { continue };
            by_folder.entry(plain(parent).unwrap_or_default()).or_default().push((entry, sort));
        }
        for (path, mut files) in by_folder {
            files.sort_by(|(one, _), (other, _)| one.path.cmp(&other.path));
            let files: Vec<(PathBuf, String, Sort)> =
                files.into_iter().map(|(entry, sort)| (entry.path.clone(), entry.shown.clone(), sort)).collect();
            loader.folder_of(path, files);
        }
        loader
    }

    fn folder_of(&self, path: PathBuf, files: Vec<(PathBuf, String, Sort)>) -> Rc<Folder> {
        let mut folder = Folder { shown: shown(&path), path: path.clone(), ..Folder::default() };
        let mut values: Vec<(u8, Body)> = Vec::new();
        let mut overrides = Vec::new();
        let others = files.iter().filter(|(path, _, sort)| is_values(*sort) && precedence(path).is_none()).count();
        for (path, shown, sort) in files {
            let Some((number, text)) = self.text_within(&path, &shown, file::FILE_LIMIT) else { continue };
            let (body, mistakes) = match sort {
                Sort::Hcl | Sort::Values => source::hcl(&text, Some(number)),
                Sort::Json | Sort::JsonValues => match source::json(&text, number, sort == Sort::JsonValues) {
                    Ok(body) => (body, Vec::new()),
                    Err(mistake) => (Body::default(), vec![mistake]),
                },
            };
            self.mistakes(&shown, mistakes);
            if is_values(sort) {
                // A file of variables that has to be named counts where there is no choice.
                if let Some(precedence) = precedence(&path).or((others == 1).then_some(9)) {
                    values.push((precedence, body));
                    folder.files.push(number);
                }
            } else {
                folder.files.push(number);
                if is_override(&path) {
                    overrides.push(body);
                } else {
                    folder.add(body);
                }
            }
        }
        // They come last, in the order of their names.
        overrides.into_iter().for_each(|body| folder.lay_over(body));
        values.sort_by_key(|(precedence, _)| *precedence);
        for (_, body) in values {
            for attr in body.attrs {
                folder.values.insert(attr.name.clone(), attr);
            }
        }
        let folder = Rc::new(folder);
        self.folders.borrow_mut().insert(path, folder.clone());
        folder
    }

    fn mistakes(&self, shown: &str, mistakes: Vec<Mistake>) {
        self.gaps.borrow_mut().extend(mistakes.into_iter().map(|mistake| Gap {
            what: shown.to_owned(),
            scope: String::new(),
            why: format!("`{shown}` is not read from line {}: {}", mistake.line, mistake.message),
            unblock: Some("run `terraform validate`".to_owned()),
            place: Some(format!("{shown}:{}", mistake.line)),
        }));
    }

    /// The gaps of the files with these numbers.
    pub(super) fn gaps(&self, files: &std::collections::BTreeSet<u32>) -> Vec<Gap> {
        let sources = self.sources.borrow();
        let shown: Vec<&str> =
            files.iter().filter_map(|file| Some(sources.get(*file as usize)?.shown.as_str())).collect();
        self.gaps.borrow().iter().filter(|gap| shown.contains(&gap.what.as_str())).cloned().collect()
    }

    /// The gaps that none of these units of code tells of: files that could not be read, or of which nothing was left.
    pub(super) fn lost(&self, codes: &[Code]) -> Vec<Gap> {
        let told = |gap: &Gap| codes.iter().any(|code| code.gaps.contains(gap));
        self.gaps.borrow().iter().filter(|gap| !told(gap)).cloned().collect()
    }

    /// The directories that declare anything, by path.
    pub(super) fn folders(&self) -> Vec<Rc<Folder>> {
        self.folders.borrow().values().filter(|folder| !folder.is_empty()).cloned().collect()
    }

    /// The number of a file that is read elsewhere.
    pub(super) fn register(&self, shown: &str) -> u32 {
        let mut sources = self.sources.borrow_mut();
        sources.push(Source { shown: shown.to_owned(), text: "".into() });
        u32::try_from(sources.len() - 1).unwrap_or(u32::MAX)
    }

    /// The text of a file by its number.
    pub(super) fn text_of(&self, file: u32) -> Option<Rc<str>> {
        self.sources.borrow().get(file as usize).map(|source| source.text.clone())
    }

    /// How a file is shown.
    pub(super) fn shown(&self, file: u32) -> String {
        self.sources.borrow().get(file as usize).map(|source| source.shown.clone()).unwrap_or_default()
    }

    /// The text of a file that the code names, and its number; `None` if it is not there or leads out.
    pub(super) fn named(&self, path: &Path) -> Option<(u32, Rc<str>)> {
        let path = plain(path)?;
        if !self.inside(&path) {
            return None;
        }
        self.text_within(&path, &shown(&path), TEXT_LIMIT)
    }

    fn inside(&self, path: &Path) -> bool {
        match (&self.bounds, path.canonicalize()) {
            (Some(bounds), Ok(real)) => {
                real.starts_with(bounds) && path.symlink_metadata().is_ok_and(|metadata| !metadata.is_symlink())
            }
            _ => false,
        }
    }

    fn text_within(&self, path: &Path, shown: &str, limit: u64) -> Option<(u32, Rc<str>)> {
        if let Some(known) = self.texts.borrow().get(path) {
            let number = (*known)?;
            return Some((number, self.text_of(number)?));
        }
        let text = self.read(path, shown, limit);
        let number = text.map(|text| {
            let mut sources = self.sources.borrow_mut();
            sources.push(Source { shown: shown.to_owned(), text: text.into() });
            u32::try_from(sources.len() - 1).unwrap_or(u32::MAX)
        });
        self.texts.borrow_mut().insert(path.to_owned(), number);
        Some((number?, self.text_of(number?)?))
    }

    fn read(&self, path: &Path, shown: &str, limit: u64) -> Option<String> {
        let lost = |why: String| {
            self.gaps.borrow_mut().push(Gap {
                what: shown.to_owned(),
                scope: String::new(),
                why: format!("`{shown}` cannot be read: {why}"),
                unblock: None,
                place: Some(shown.to_owned()),
            });
            None
        };
        let metadata = std::fs::metadata(path).ok()?;
        if metadata.len() > limit || *self.total.borrow() > TOTAL_LIMIT {
            return lost(format!("it is larger than {} MiB", limit >> 20));
        }
        let bytes = match file::bytes(path) {
            Ok(bytes) => bytes,
            Err(unreadable) => return lost(unreadable.reason()),
        };
        *self.total.borrow_mut() += bytes.len();
        match file::text(&bytes) {
            Ok(text) => Some(text.to_owned()),
            Err(unreadable) => lost(unreadable.reason()),
        }
    }

    /// A directory, whether it is among the inputs or beside them.
    pub(super) fn folder(&self, path: &Path) -> Option<Rc<Folder>> {
        let path = plain(path)?;
        if let Some(folder) = self.folders.borrow().get(&path) {
            return Some(folder.clone());
        }
        if !self.inside(&path) {
            return None;
        }
        let mut files = Vec::new();
        for entry in std::fs::read_dir(&path).ok()?.flatten().take(FOLDER_FILES) {
            let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
            if let Some(sort) = sort(&entry.path()).filter(|sort| is_file && !is_values(*sort)) {
                files.push((entry.path(), shown(&entry.path()), sort));
            }
        }
        if files.is_empty() {
            return None;
        }
        files.sort_by(|one, other| one.0.cmp(&other.0));
        Some(self.folder_of(path, files))
    }

    /// The directory that a call names by a local path.
    pub(super) fn local(&self, from: &Folder, block: &Block) -> Option<Rc<Folder>> {
        let source = source::literal(block.body.attr("source")?)?;
        if !(source.starts_with("./") || source.starts_with("../")) {
            return None;
        }
        self.folder(&from.path.join(source))
    }

    /// What a call calls: a directory, or what stands for a module of the registry.
    pub(super) fn called(
        &self,
        from: &Folder,
        block: &Block,
        address: &str,
        interface: bool,
    ) -> Option<(Rc<Folder>, bool)> {
        if !interface && let Some(folder) = self.local(from, block) {
            return Some((folder, false));
        }
        let source = source::literal(block.body.attr("source")?)?;
        let version = block.body.attr("version").and_then(source::literal);
        let outside = || registry::beside(source, |name| block.body.attr(name).is_some());
        if let Some(text) = registry::interface(source, version).or_else(outside) {
            return Some((self.interface(&text)?, true));
        }
        self.installed(from, address).map(|folder| (folder, false))
    }

    fn interface(&self, text: &str) -> Option<Rc<Folder>> {
        if let Some(known) = self.interfaces.borrow().get(text) {
            return known.clone();
        }
        let (body, _) = source::hcl(text, None);
        let mut folder = Folder::default();
        folder.add(body);
        let folder = Some(Rc::new(folder));
        self.interfaces.borrow_mut().insert(text.to_owned(), folder.clone());
        folder
    }

    /// What `terraform init` put beside the root for a call, by its address.
    fn installed(&self, from: &Folder, address: &str) -> Option<Rc<Folder>> {
        let key: Vec<&str> = address
            .split('.')
            .filter(|part| !part.is_empty() && *part != "module")
            .map(|part| part.split('[').next().unwrap_or(part))
            .collect();
        let mut root = Some(from.path.as_path());
        while let Some(path) = root {
            let manifest = path.join(".terraform/modules/modules.json");
            if manifest.is_file() && self.inside(&manifest) {
                let known = self.installed.borrow().get(path).cloned();
                let list = known.unwrap_or_else(|| {
                    let list = Rc::new(self.manifest(&manifest));
                    self.installed.borrow_mut().insert(path.to_owned(), list.clone());
                    list
                });
                let folder = list.get(&key.join("."))?;
                return self.folder(&path.join(folder));
            }
            root = path.parent().filter(|path| self.bounds.as_deref().is_some_and(|bounds| within(path, bounds)));
        }
        None
    }

    fn manifest(&self, path: &Path) -> BTreeMap<String, String> {
        let text = self.named(path).map(|(_, text)| text);
        let json: Json = text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
        let modules = json["Modules"].as_array().into_iter().flatten();
        modules
            .filter_map(|module| Some((module["Key"].as_str()?.to_owned(), module["Dir"].as_str()?.to_owned())))
            .collect()
    }
}

fn within(path: &Path, bounds: &Path) -> bool {
    path.canonicalize().is_ok_and(|real| real.starts_with(bounds))
}

fn is_values(sort: Sort) -> bool {
    matches!(sort, Sort::Values | Sort::JsonValues)
}

/// Whether a file says something over the others.
fn is_override(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let stem = name.split('.').next().unwrap_or_default();
    stem == "override" || stem.ends_with("_override")
}

/// The place of a file of variables among those that are read without being named.
fn precedence(path: &Path) -> Option<u8> {
    let name = path.file_name()?.to_str()?;
    match name {
        "terraform.tfvars" => Some(1),
        "terraform.tfvars.json" => Some(2),
        name if name.ends_with(".auto.tfvars") || name.ends_with(".auto.tfvars.json") => Some(3),
        _ => None,
    }
}

fn shown(path: &Path) -> String {
    let shown = file::shown(path);
    if shown.is_empty() { ".".to_owned() } else { shown }
}

/// The folder that holds all of the inputs.
fn bounds(entries: &[Entry]) -> Option<PathBuf> {
    let mut common: Option<PathBuf> = None;
    for entry in entries {
        let Some(parent) = entry.path.parent() else { continue };
        let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
        let Ok(real) = parent.canonicalize() else { continue };
        common = Some(match common {
            None => real,
            Some(mut known) => {
                while !real.starts_with(&known) {
                    if !known.pop() {
                        break;
                    }
                }
                known
            }
        });
    }
    // The root of the system holds everything, and so bounds nothing.
    common.filter(|path| path.parent().is_some())
}
