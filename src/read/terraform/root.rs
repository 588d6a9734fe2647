//! Root modules: which directories are one, and what each declares.

use super::load::Loader;
use super::lower::{self, Out, Resource};
use super::plan::usual;
use super::source::Folder;
use super::state;
use super::value::Value;
use super::world::{Module, World};
use crate::estate::{Gap, Syntax};
use crate::known::{Part, Text};
use crate::read::code::{At, Code, CodeFile, Declared, Form, Gone, Node, Where, default_of_a_network};
use crate::read::file::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;
use std::rc::Rc;

/// How many resources of a root are lowered.
const RESOURCES: usize = 100_000;

/// What the root modules among the files declare.
pub(super) fn read(files: &[Entry]) -> Vec<Code> {
    let loader = Loader::of(files);
    let roots = roots(&loader);
    let several = roots.len() > 1;
    let mut codes: Vec<Code> = Vec::new();
    for folder in roots {
        // Two roots mean different things by the same address.
        let address = if several { format!("{}:", folder.shown) } else { String::new() };
        codes.push(one(&loader, folder, &address));
    }
    let lost = loader.lost(&codes);
    if !lost.is_empty() {
        match codes.first_mut() {
            Some(code) => code.gaps.extend(lost),
            None => codes.push(Code { kind: "terraform", gaps: lost, ..Code::default() }),
        }
    }
    codes
}

/// The directories that nobody calls; of those that only call each other in a circle, the first.
fn roots(loader: &Loader) -> Vec<Rc<Folder>> {
    let folders = loader.folders();
    let calls: BTreeMap<PathBuf, BTreeSet<PathBuf>> = folders
        .iter()
        .map(|folder| {
            let called = folder.modules.values().filter_map(|block| loader.local(folder, block));
            (folder.path.clone(), called.map(|called| called.path.clone()).collect())
        })
        .collect();
    let called: BTreeSet<&PathBuf> =
        calls.iter().flat_map(|(caller, called)| called.iter().filter(move |path| *path != caller)).collect();
    let mut roots: BTreeSet<PathBuf> =
        folders.iter().map(|folder| folder.path.clone()).filter(|path| !called.contains(path)).collect();
    let mut reached: BTreeSet<PathBuf> = BTreeSet::new();
    let mut open: Vec<PathBuf> = roots.iter().cloned().collect();
    let mut rest = folders.iter().map(|folder| folder.path.clone());
    loop {
        while let Some(path) = open.pop() {
            if reached.insert(path.clone()) {
                open.extend(calls.get(&path).into_iter().flatten().cloned());
            }
        }
        match rest.find(|path| !reached.contains(path)) {
            Some(path) => {
                roots.insert(path.clone());
                open.push(path);
            }
            None => break,
        }
    }
    folders.into_iter().filter(|folder| roots.contains(&folder.path)).collect()
}

fn one(loader: &Loader, folder: Rc<Folder>, address: &str) -> Code {
    let world = World::of(loader, folder, address);
    let resources = resources(&world);
    let mut out = Out::default();
    let shown = |file: u32| loader.shown(file);
    for resource in &resources {
        lower::lower(resource, &mut out, &shown);
    }
    out.finish();
    let clusters: Vec<Text> = resources
        .iter()
        .filter(|one| one.kind == "aws_eks_cluster")
        .filter_map(|one| one.get("name").as_text())
        .collect();
    for declared in &mut out.declared {
        if let Declared::Item { cluster: Some(cluster), .. } = declared {
            *cluster = cluster_named(cluster, &clusters);
        }
    }
    let mut touched = world.touched.borrow().clone();
    let home = Rc::new(usual());
    let (gone, state) = state::destroyed(loader, &world, address, &home).unzip();
    touched.extend(state);
    let mine = world.module(0);
    for (name, block) in mine.iter().flat_map(|module| &module.folder.variables) {
        if let Some(attr) = block.body.attr("default")
            && let Some(text) = super::source::literal(attr)
        {
            let at = attr.spot.filter(|spot| touched.contains(&spot.file));
            let at = at.map(|spot| At { file: spot.file, span: Where::Bytes(spot.start, spot.end) });
            out.declared.extend(at.and_then(|at| default_of_a_network(name, text, Some(at))));
        }
    }
    let mut folders: BTreeMap<PathBuf, Rc<Folder>> = BTreeMap::new();
    let is_ours = !out.declared.is_empty();
    let modules = (0..).map_while(|at| world.module(at)).filter(|module| is_ours && !module.interface);
    folders.extend(modules.map(|module| (module.folder.path.clone(), module.folder.clone())));
    out.declared.extend(super::left::left(folders.values().map(|folder| &**folder), &touched));
    let mut gaps = world.take_gaps();
    gaps.extend(loader.gaps(&touched));
    gaps.extend(out.gaps);
    gaps.sort();
    gaps.dedup();
    finished("terraform", (out.declared, gone.unwrap_or_default()), gaps, touched, loader)
}

/// The resources of all module instances, those first that others need to know of.
pub(super) fn resources(world: &World<'_>) -> Vec<Resource> {
    let mut resources = Vec::new();
    let mut at = 0;
    // Calls add modules at the end while they are gone through.
    while let Some(module) = world.module(at) {
        at += 1;
        for name in module.folder.modules.keys() {
            for expanded in world.expansion(&module, &format!("module.{name}")).iter() {
                if world.child(&module, name, expanded).is_none() {
                    not_here(world, &module, name);
                }
            }
        }
        world.resources(&module, &mut resources);
        if resources.len() >= RESOURCES {
            world.gap(&module.folder.shown, "it has more resources than are read", None);
            break;
        }
    }
    resources.sort_by_key(|resource| lower::rank(&resource.kind));
    resources
}

/// The beginning of the hole that stands for the address of a cluster's API.
pub(super) const ENDPOINT: &str = "endpoint of cluster ";

/// The name of the cluster that a provider talks to, from the address that it talks to.
fn cluster_named(cluster: &Text, clusters: &[Text]) -> Text {
    let named = cluster.parts().iter().find_map(|part| match part {
        Part::Hole(hole) => hole.strip_prefix(ENDPOINT),
        Part::Literal(_) => None,
    });
    let Some(named) = named else { return cluster.clone() };
    clusters.iter().find(|text| text.to_string() == named).cloned().unwrap_or_else(|| Text::literal(named))
}

/// Says of a call whose code is not here that it was not read, if it might have told something.
fn not_here(world: &World<'_>, module: &Module, name: &str) {
    let source = module.folder.modules.get(name).and_then(|block| block.body.attr("source"));
    let source = source.and_then(super::source::literal).unwrap_or_default();
    let words = ["emr", "eks", "iam", "irsa", "spark", "karpenter"];
    let tells = words.iter().any(|word| source.contains(word) || name.to_ascii_lowercase().contains(word));
    if tells && !module.interface {
        let why = format!("module `{name}` from `{source}` is not here, and what it makes is not known");
        world.gap(
            &module.folder.shown,
            &why,
            Some("run `terraform init`, or give a plan: `terraform show -json PLAN`"),
        );
    }
}

impl World<'_> {
    /// The resources of a module instance that say something about a rollout.
    fn resources(&self, module: &Rc<Module>, out: &mut Vec<Resource>) {
        for (address, block) in &module.folder.resources {
            let kind = block.labels.first().map(String::as_str).unwrap_or_default();
            if block.kind != "resource" || !lower::wanted(kind) {
                continue;
            }
            for expanded in self.expansion(module, address).iter() {
                if out.len() >= RESOURCES {
                    return;
                }
                let ctx = self.ctx(module, expanded.scope.clone());
                out.push(Resource {
                    kind: kind.to_owned(),
                    address: format!("{}{address}{}", module.address, expanded.instance.suffix()),
                    body: self.resource(block, &ctx),
                    home: self.home(module, block, &ctx),
                    spot: block.spot.or(ctx.spot(None)),
                    cluster: self.cluster(module, kind, block),
                });
            }
        }
    }

    /// The cluster to which a Kubernetes provider talks.
    fn cluster(&self, module: &Rc<Module>, kind: &str, block: &super::source::Block) -> Option<Value> {
        let own = kind.split('_').next().filter(|own| ["kubernetes", "kubectl", "helm"].contains(own))?;
        let named = block.body.attr("provider").map(super::resolve::reference).unwrap_or_else(|| own.to_owned());
        self.provider_cluster(module, &named)
    }

    fn provider_cluster(&self, module: &Rc<Module>, name: &str) -> Option<Value> {
        let (kind, alias) = name.split_once('.').unwrap_or((name, ""));
        if let Some(caller) = &module.caller {
            let passed =
                caller.block.body.attr("providers").and_then(|attr| super::resolve::passed_provider(attr, name));
            let caller = self.module(caller.module)?;
            return self.provider_cluster(&caller, passed.as_deref().unwrap_or(name));
        }
        let provider = module.folder.providers.iter().find(|block| {
            let own = block.body.attr("alias").and_then(super::source::literal).unwrap_or_default();
            block.labels.first().is_some_and(|label| label == kind) && own == alias
        })?;
        let ctx = self.ctx(module, None);
        let mut body = self.body(provider, &ctx);
        if kind == "helm" {
            body = body.blocks("kubernetes").into_iter().next()?;
        }
        let from_command = body.blocks("exec").into_iter().find_map(|exec| {
            let arguments = exec.get("args")?.items().to_vec();
            let at = arguments.iter().position(|argument| argument.as_string().as_deref() == Some("--cluster-name"))?;
            arguments.get(at + 1).cloned()
        });
        from_command.or_else(|| body.get("host").cloned())
    }
}

/// The code with only the files that it is from, counted anew.
pub(super) fn finished(
    kind: &'static str,
    (mut declared, mut gone): (Vec<Declared>, Vec<Gone>),
    gaps: Vec<Gap>,
    touched: BTreeSet<u32>,
    loader: &Loader,
) -> Code {
    let numbers: HashMap<u32, u32> = touched.iter().zip(0_u32..).map(|(file, number)| (*file, number)).collect();
    for declared in declared.iter_mut().chain(gone.iter_mut().map(|gone| &mut gone.declared)) {
        match declared {
            Declared::Item { item, .. } => renumber(item, &numbers),
            Declared::Part { part, .. } => renumber(part, &numbers),
            Declared::Job { request, .. } => renumber(request, &numbers),
            Declared::Gateway { config } => renumber(config, &numbers),
        }
    }
    let files = touched.iter().map(|file| CodeFile { path: loader.shown(*file), syntax: Syntax::Json, held: None });
    Code { kind, files: files.collect(), declared, gone, gaps }
}

fn renumber(node: &mut Node, numbers: &HashMap<u32, u32>) {
    node.at = node.at.take().and_then(|at| Some(At { file: *numbers.get(&at.file)?, ..at }));
    match &mut node.form {
        Form::List(items) => items.iter_mut().for_each(|item| renumber(item, numbers)),
        Form::Object(fields) => fields.iter_mut().for_each(|(_, node)| renumber(node, numbers)),
        _ => {}
    }
}
