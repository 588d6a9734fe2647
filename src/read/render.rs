//! Charts and kustomizations, rendered by the user's own tools before they are read. Only where that is asked for.
//!
//! `kustomize build`, or `kubectl kustomize`, and `helm template` say what a folder comes to; their output is read as
//! manifests, at the place of the template or of the kustomization. What was rendered is not read once more as it
//! stands. Time and output are bounded; a tool that fails leaves a gap, and the files are read as they stand.
//!
//! Deliberately absent: values that only a pipeline knows. A chart is rendered with its own.

use super::code::{At, Code, CodeFile, Declared, Form, Node, Where};
use super::file::Entry;
use super::{ReadError, file, helm_values, manifest, yaml};
use crate::estate::{Gap, Syntax};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{ErrorKind, Read as _};
use std::path::{Component, Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How long one rendering may take.
const TIME: Duration = Duration::from_secs(60);
/// The most that one rendering may print.
const OUTPUT: u64 = 64 << 20;
/// The most folders that are rendered.
const FOLDERS: usize = 200;

/// What came of rendering.
#[derive(Default)]
pub(super) struct Rendered {
    pub(super) codes: Vec<Code>,
    pub(super) gaps: Vec<Gap>,
}

/// Renders what is to be rendered among the files, and takes away those that were.
pub(super) fn render(entries: &mut Vec<Entry>) -> Result<Rendered, ReadError> {
    let mut rendered = Rendered::default();
    let mut taken: BTreeSet<PathBuf> = BTreeSet::new();
    let jobs: Vec<Job> = charts(entries).into_iter().chain(kustomizations(entries)).collect();
    for job in jobs.into_iter().take(FOLDERS) {
        let output = match job.run()? {
            Ok(output) => output,
            Err(why) => {
                rendered.gaps.push(job.gap(&why));
                continue;
            }
        };
        let files: Vec<&Entry> = entries.iter().filter(|entry| job.holds(&plain(&entry.path))).collect();
        rendered.codes.extend(job.read(&output, &files));
        taken.extend(files.iter().map(|entry| entry.path.clone()));
    }
    entries.retain(|entry| !taken.contains(&entry.path));
    Ok(rendered)
}

/// A folder that is rendered.
struct Job {
    /// Its `Chart.yaml` or `kustomization.yaml`.
    head: Entry,
    folder: PathBuf,
    /// The files that a kustomization is built from; a chart is all of its folder.
    files: Option<BTreeSet<PathBuf>>,
}

impl Job {
    fn holds(&self, path: &Path) -> bool {
        match &self.files {
            Some(files) => files.contains(path),
            None => path.starts_with(&self.folder),
        }
    }

    fn is_chart(&self) -> bool {
        self.files.is_none()
    }

    /// What the tool prints, or why it failed.
    fn run(&self) -> Result<Result<String, String>, ReadError> {
        // A folder is no option, whatever it is called.
        let is_plain = self.folder.is_absolute() || !self.folder.to_string_lossy().starts_with('-');
        let folder = match self.folder.as_os_str().is_empty() {
            true => PathBuf::from("."),
            false if is_plain => self.folder.clone(),
            false => Path::new(".").join(&self.folder),
        };
        let tools: &[(&str, &[&str])] = match self.is_chart() {
            true => &[("helm", &["template", "release"])],
            false => &[("kustomize", &["build"]), ("kubectl", &["kustomize"])],
        };
        for (tool, arguments) in tools {
            match output(Command::new(tool).args(*arguments).arg(&folder)) {
                Ok(output) => return Ok(output),
                Err(failure) if failure.kind() == ErrorKind::NotFound => {}
                Err(failure) => return Ok(Err(format!("`{tool}` cannot be run: {failure}"))),
            }
        }
        Err(ReadError::NoRenderer {
            path: self.head.shown.clone(),
            help: match self.is_chart() {
                true => "install Helm, so that `helm` is on the path: https://helm.sh/docs/intro/install/".to_owned(),
                false => "install Kustomize or kubectl, so that `kustomize` or `kubectl` is on the path: \
                          https://kubectl.docs.kubernetes.io/installation/kustomize/"
                    .to_owned(),
            },
        })
    }

    fn gap(&self, why: &str) -> Gap {
        let shown = &self.head.shown;
        Gap {
            what: shown.clone(),
            scope: String::new(),
            why: format!("`{shown}` cannot be rendered: {why}"),
            unblock: Some("mend it, or leave `--render` away and give what the tool prints".to_owned()),
            place: Some(shown.clone()),
        }
    }

    /// Reads what the tool has printed. Everything in it is from its template, or from the kustomization.
    fn read(&self, output: &str, files: &[&Entry]) -> Option<Code> {
        let kind = if self.is_chart() { "helm chart" } else { "kustomization" };
        let mut code = Code { kind, ..Code::default() };
        let mut numbers: BTreeMap<String, u32> = BTreeMap::new();
        let mut number = |path: &str, files: &mut Vec<CodeFile>| {
            *numbers.entry(path.to_owned()).or_insert_with(|| {
                files.push(CodeFile { path: path.to_owned(), syntax: Syntax::Plain, held: None });
                (files.len() - 1) as u32
            })
        };
        number(&self.head.shown, &mut code.files);
        for text in documents(output) {
            let source = self.source(text).unwrap_or_else(|| self.head.shown.clone());
            let Some(inner) = manifest::read(&source, text).or_else(|| helm_values::read(&source, text)) else {
                continue;
            };
            code.gaps.extend(inner.gaps);
            let at = At { file: number(&source, &mut code.files), span: Where::Bytes(0, 0) };
            for mut declared in inner.declared {
                // Repeated keys and placeholders are the templates' own matter.
                if matches!(&declared, Declared::Item { collection, .. } if collection.starts_with("files.")) {
                    continue;
                }
                match &mut declared {
                    Declared::Item { item: node, .. }
                    | Declared::Part { part: node, .. }
                    | Declared::Job { request: node, .. }
                    | Declared::Gateway { config: node } => place(node, &at),
                }
                code.declared.push(declared);
            }
        }
        for entry in files {
            number(&entry.shown, &mut code.files);
        }
        Some(code)
    }

    /// The template from which Helm says that a document is.
    fn source(&self, text: &str) -> Option<String> {
        let line = text.lines().find_map(|line| line.strip_prefix("# Source: ")).filter(|_| self.is_chart())?;
        let (_, inside) = line.trim().split_once('/')?;
        let path = self.folder.join(inside);
        let is_inside = !Path::new(inside).components().any(|part| !matches!(part, Component::Normal(_)));
        (is_inside && path.is_file()).then(|| file::shown(&path))
    }
}

/// One place for all that has none of its own.
fn place(node: &mut Node, at: &At) {
    node.at = Some(at.clone());
    match &mut node.form {
        Form::List(items) => items.iter_mut().for_each(strip),
        Form::Object(fields) => fields.iter_mut().for_each(|(_, value)| strip(value)),
        _ => {}
    }
}

fn strip(node: &mut Node) {
    node.at = None;
    match &mut node.form {
        Form::List(items) => items.iter_mut().for_each(strip),
        Form::Object(fields) => fields.iter_mut().for_each(|(_, value)| strip(value)),
        _ => {}
    }
}

/// The documents of a stream, each as it stands.
fn documents(output: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let (mut start, mut at) = (0, 0);
    for line in output.split_inclusive('\n') {
        if line.trim_end() == "---" {
            found.extend(output.get(start..at));
            start = at + line.len();
        }
        at += line.len();
    }
    found.extend(output.get(start..));
    found
}

/// The charts among the files that are in no other one; what is only a library renders nothing.
fn charts(entries: &[Entry]) -> Vec<Job> {
    let heads: Vec<(&Entry, PathBuf)> = entries
        .iter()
        .filter(|entry| entry.path.file_name().is_some_and(|name| name == "Chart.yaml"))
        .map(|entry| (entry, home(&entry.path)))
        .collect();
    let is_library = |entry: &Entry| {
        let document = document(&entry.path);
        document["type"] == "library"
    };
    let inner = |folder: &Path| heads.iter().any(|(_, other)| folder != other && folder.starts_with(other));
    let own = heads.iter().filter(|(entry, folder)| !inner(folder) && !is_library(entry));
    own.map(|(entry, folder)| Job { head: (*entry).clone(), folder: folder.clone(), files: None }).collect()
}

const KUSTOMIZATIONS: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// The kustomizations among the files from which no other one is built.
fn kustomizations(entries: &[Entry]) -> Vec<Job> {
    let known: BTreeSet<PathBuf> = entries.iter().map(|entry| plain(&entry.path)).collect();
    let heads: BTreeMap<PathBuf, &Entry> = entries
        .iter()
        .filter(|entry| entry.path.file_name().is_some_and(|name| KUSTOMIZATIONS.iter().any(|own| name == *own)))
        .map(|entry| (home(&entry.path), entry))
        .collect();
    let mut used: BTreeSet<PathBuf> = BTreeSet::new();
    let mut jobs = Vec::new();
    for (folder, head) in &heads {
        let mut files = BTreeSet::new();
        let mut folders = BTreeSet::new();
        parts(folder, &heads, &known, &mut folders, &mut files);
        folders.remove(folder);
        used.extend(folders);
        jobs.push(Job { head: (*head).clone(), folder: folder.clone(), files: Some(files) });
    }
    jobs.retain(|job| !used.contains(&job.folder));
    jobs
}

/// The files and folders from which a kustomization is built.
fn parts(
    folder: &Path,
    heads: &BTreeMap<PathBuf, &Entry>,
    known: &BTreeSet<PathBuf>,
    folders: &mut BTreeSet<PathBuf>,
    files: &mut BTreeSet<PathBuf>,
) {
    let Some(head) = heads.get(folder).filter(|_| folders.insert(folder.to_path_buf())) else { return };
    files.insert(plain(&head.path));
    let document = document(&head.path);
    let mut named: Vec<&str> = Vec::new();
    for key in ["resources", "bases", "components", "crds", "patchesStrategicMerge", "transformers", "generators"] {
        named.extend(document[key].as_array().into_iter().flatten().filter_map(Value::as_str));
    }
    for key in ["patches", "patchesJson6902"] {
        named.extend(document[key].as_array().into_iter().flatten().filter_map(|patch| patch["path"].as_str()));
    }
    for name in named.into_iter().filter(|name| !name.contains("://") && !name.contains('\n')) {
        let target = plain(&folder.join(name));
        if heads.contains_key(&target) {
            parts(&target, heads, known, folders, files);
        } else if known.contains(&target) {
            files.insert(target);
        }
    }
}

fn document(path: &Path) -> Value {
    let bytes = file::bytes(path).unwrap_or_default();
    let text = file::text(&bytes).unwrap_or_default();
    yaml::documents(text).0.into_iter().next().unwrap_or_default()
}

fn home(path: &Path) -> PathBuf {
    plain(path.parent().unwrap_or(Path::new("")))
}

/// A path without `.` and, where that can be told, without `..`.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if matches!(plain.components().next_back(), Some(Component::Normal(_))) => {
                plain.pop();
            }
            part => plain.push(part),
        }
    }
    plain
}

/// Runs a command within its bounds: what it prints, or why it failed.
fn output(command: &mut Command) -> std::io::Result<Result<String, String>> {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let collect = |stream: Option<Box<dyn std::io::Read + Send>>, most: u64| {
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            if let Some(mut stream) = stream {
                let _ = stream.by_ref().take(most + 1).read_to_end(&mut bytes);
                // The rest is drained, so that the tool ends by itself.
                let _ = std::io::copy(&mut stream, &mut std::io::sink());
            }
            bytes
        })
    };
    let printed = collect(child.stdout.take().map(|stream| Box::new(stream) as Box<_>), OUTPUT);
    let told = collect(child.stderr.take().map(|stream| Box::new(stream) as Box<_>), 64 << 10);
    let began = Instant::now();
    let status = loop {
        match child.try_wait()? {
            Some(status) => break status,
            None if began.elapsed() > TIME => {
                let _ = child.kill();
                let _ = child.wait();
                return Ok(Err(format!("it took more than {} seconds", TIME.as_secs())));
            }
            None => std::thread::sleep(Duration::from_millis(10)),
        }
    };
    let printed = printed.join().unwrap_or_default();
    let told = told.join().unwrap_or_default();
    if !status.success() {
        let told = String::from_utf8_lossy(&told);
        let last = told.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or("no word why");
        let last: String = last.chars().take(300).collect();
        return Ok(Err(last));
    }
    if printed.len() as u64 > OUTPUT {
        return Ok(Err(format!("it prints more than {} MiB", OUTPUT >> 20)));
    }
    Ok(String::from_utf8(printed).map_err(|_| "what it prints is no UTF-8".to_owned()))
}
