//! Fixtures and stories: small named estates.
//!
//! A folder of `fixtures/` is an export as it stands. A story is such a folder, or another story,
//! with a few edits to its files; it is made under `target/` when a test asks for it.

use serde::Deserialize;
use serde_json::Value;
use sparkcheck::read::yaml;
use sparkcheck::rule::{Change, apply};
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

/// The day on which all tests check.
pub(crate) const TODAY: &str = "2026-11-20";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Story {
    of: String,
    #[expect(dead_code, reason = "for the reader of the story")]
    story: String,
    change: Vec<Edit>,
}

#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum Edit {
    Delete {
        file: String,
        #[serde(rename = "delete-file")]
        _delete: bool,
    },
    Add {
        file: String,
        #[serde(rename = "add-file")]
        content: Value,
    },
    Line {
        file: String,
        #[serde(rename = "replace-line")]
        prefix: String,
        with: Option<String>,
    },
    Lines {
        file: String,
        #[serde(rename = "add-lines")]
        lines: String,
    },
    Text {
        file: String,
        replace: String,
        with: String,
    },
    Content {
        file: String,
        #[serde(flatten)]
        change: Change,
    },
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

/// The names of all folders and stories.
pub(crate) fn names() -> Vec<String> {
    let mut names = Vec::new();
    for entry in fs::read_dir(fixtures()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && name != "stories" && name != "code" {
            names.push(name);
        }
    }
    names.extend(stories());
    names.sort();
    names
}

/// The names of all stories.
pub(crate) fn stories() -> Vec<String> {
    let files = fs::read_dir(fixtures().join("stories")).unwrap();
    let mut names: Vec<String> =
        files.map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// The folder of a fixture or story, made if need be.
pub(crate) fn folder(name: &str) -> PathBuf {
    let plain = fixtures().join(name);
    if plain.is_dir() {
        return plain;
    }
    let file = fixtures().join("stories").join(format!("{name}.yaml"));
    let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("no fixture or story `{name}`: {error}"));
    let (mut documents, fault) = yaml::documents(&text);
    assert!(fault.is_none(), "{name}: {fault:?}");
    let story: Story = serde_json::from_value(documents.remove(0)).unwrap_or_else(|error| panic!("{name}: {error}"));
    let target = tempfile::Builder::new().prefix(name).tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap().keep();
    copy(&folder(&story.of), &target);
    for edit in story.change {
        make(&target, edit, name);
    }
    // A folder is named by what is in it and never changed, so tests that run side by side may share it.
    let mut content = DefaultHasher::new();
    hash(&target, &mut content);
    let place =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join("stories").join(format!("{name}-{:016x}", content.finish()));
    fs::create_dir_all(place.parent().unwrap()).unwrap();
    if place.is_dir() || fs::rename(&target, &place).is_err() {
        fs::remove_dir_all(&target).unwrap();
    }
    place
}

fn hash(folder: &Path, content: &mut DefaultHasher) {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        path.file_name().hash(content);
        if path.is_dir() { hash(&path, content) } else { fs::read(&path).unwrap().hash(content) }
    }
}

/// Copies a folder with all that is in it.
pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let place = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &place);
        } else {
            fs::copy(&path, &place).unwrap();
        }
    }
}

/// Makes one edit to the files of a folder.
pub(crate) fn make(folder: &Path, edit: Edit, story: &str) {
    match edit {
        Edit::Delete { file, .. } => fs::remove_file(folder.join(file)).unwrap(),
        Edit::Add { file, content } => {
            let text = content.as_str().map_or_else(|| format!("{content:#}"), str::to_owned);
            fs::create_dir_all(folder.join(&file).parent().unwrap()).unwrap();
            fs::write(folder.join(file), text).unwrap();
        }
        Edit::Line { file, prefix, with } => {
            let text = fs::read_to_string(folder.join(&file)).unwrap();
            let mut hit = false;
            let mut lines = Vec::new();
            for line in text.lines() {
                if line.starts_with(&prefix) {
                    hit = true;
                    lines.extend(with.clone());
                } else {
                    lines.push(line.to_owned());
                }
            }
            assert!(hit, "{story}: no line of {file} begins with `{prefix}`");
            fs::write(folder.join(file), lines.join("\n") + "\n").unwrap();
        }
        Edit::Lines { file, lines } => {
            let text = fs::read_to_string(folder.join(&file)).unwrap();
            fs::write(folder.join(file), text + "\n" + &lines).unwrap();
        }
        Edit::Text { file, replace, with } => {
            let text = fs::read_to_string(folder.join(&file)).unwrap();
            assert!(text.contains(&replace), "{story}: {file} has no `{replace}`");
            fs::write(folder.join(file), text.replace(&replace, &with)).unwrap();
        }
        Edit::Content { file, change } => {
            let text = fs::read_to_string(folder.join(&file)).unwrap();
            let mut document: Value =
                serde_json::from_str(&text).unwrap_or_else(|_| yaml::documents(&text).0.remove(0));
            apply(&mut document, &[change]).unwrap_or_else(|error| panic!("{story}: {file}: {error}"));
            fs::write(folder.join(file), format!("{document:#}")).unwrap();
        }
    }
}
