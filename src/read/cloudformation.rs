//! CloudFormation templates, and what the CDK synthesises.
//!
//! A template is evaluated as far as its own text says what it will be: what only a deployment
//! decides stays a hole with a name, and never an error. What its resources become is put into the
//! shapes that the services print. Nested stacks are evaluated with what their parent hands them,
//! exports with the template that exports them.
//!
//! Deliberately absent: what other people's code would do. Macros and custom resources are named
//! and not run.

#![allow(dead_code, reason = "called by what dispatches the front ends")]

mod evaluate;
mod identity;
mod json_text;
mod loops;
mod lower;
mod nesting;
mod sniff;
mod stack;
mod template;
mod text;

#[allow(unused_imports, reason = "called by what dispatches the front ends")]
pub(crate) use sniff::is_template;

use super::code::{At, Code, CodeFile, Declared, Form, Node, default_of_a_bucket, default_of_a_network};
use super::file::Entry;
use super::placeholder;
use crate::estate::{Gap, Syntax};
use crate::known::Text;
use evaluate::Scope;
use lower::Lowered;
use stack::World;
use std::collections::BTreeMap;
use std::sync::Arc;
use template::Template;

/// Reads all templates among the files, each with the stacks that are nested in it.
pub(crate) fn read(files: &[(Entry, Arc<str>)]) -> Vec<Code> {
    let (manifests, templates): (Vec<_>, Vec<_>) =
        files.iter().filter(|(_, text)| is_template(text)).partition(|(_, text)| sniff::is_manifest(text));
    let number = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    let templates: Vec<Template> =
        templates.iter().enumerate().map(|(at, (entry, text))| Template::read(entry, text, number(at))).collect();
    let assembly = nesting::Assembly::of(&manifests);
    let world = World::of(&templates, assembly.nested(&templates));
    let roots = world.add_roots(&assembly.homes(&templates));
    find_exports(&world);
    let codes = roots.into_iter().map(|stack| {
        let scope = Scope { world: &world, stack };
        let mut lowered = Lowered::default();
        lowered.stack(&scope);
        lowered.finish();
        code(&world, &scope, lowered)
    });
    codes.collect()
}

/// Evaluates the names of all exports, with those of nested stacks.
fn find_exports(world: &World<'_>) {
    let mut at = 0;
    loop {
        // Nested stacks come to the list while it is gone through.
        let Some(stack) = world.stacks.borrow().get(at).cloned() else { break };
        at += 1;
        let scope = Scope { world, stack };
        for (name, resource) in &scope.template().resources {
            if resource.kind == "AWS::CloudFormation::Stack" {
                scope.child(name);
            }
        }
        for (output, node) in &scope.template().outputs {
            let Some(name) = node.get("Export").and_then(|export| export.get("Name")) else { continue };
            if let Some(name) = scope.evaluate(name).as_text() {
                let found = (scope.stack.number, output.clone());
                world.exports.borrow_mut().entry(name.to_string()).or_insert(found);
            }
        }
    }
}

/// What one root stack declares, with the files that it comes from.
fn code(world: &World<'_>, scope: &Scope<'_, '_>, lowered: Lowered) -> Code {
    let mut files = Files { world, numbers: BTreeMap::new(), files: Vec::new() };
    let mut gaps = lowered.gaps;
    // The stack's own file is first, then those of the stacks in it.
    let own: Vec<_> =
        world.stacks.borrow().iter().filter(|stack| within(world, stack.number, scope.stack.number)).cloned().collect();
    for stack in own {
        if !files.numbers.contains_key(&stack.template.file) {
            gaps.extend(stack.template.gaps.iter().cloned());
        }
        files.number(stack.template.file);
    }
    if world.is_spent() {
        let shown = &scope.template().shown;
        gaps.push(Gap {
            what: shown.clone(),
            scope: String::new(),
            why: "the templates expand to more than is evaluated".to_owned(),
            unblock: Some("check fewer templates at a time".to_owned()),
            place: Some(shown.clone()),
        });
    }
    let mut declared = lowered.declared;
    for (name, parameter) in &scope.template().parameters {
        if let Some(default) = parameter.get("Default")
            && let Some(text) = default.as_str()
        {
            declared.extend(default_of_a_network(name, text, default.at.clone()));
            declared.extend(left_in_default(text, default.at.clone()));
            if !declared.is_empty() {
                declared.extend(default_of_a_bucket(name, text, default.at.clone()));
            }
        }
    }
    for one in &mut declared {
        let (Declared::Item { item: node, .. }
        | Declared::Part { part: node, .. }
        | Declared::Job { request: node, .. }
        | Declared::Gateway { config: node }) = one;
        files.renumber(node);
    }
    let kind = if scope.template().is_cdk() { "cdk" } else { "cloudformation" };
    Code { kind, files: files.files, declared, gaps, ..Code::default() }
}

/// What is still to be filled in of a parameter's default, `s3://YOUR_BUCKET/jobs`.
fn left_in_default(text: &str, at: Option<At>) -> Vec<Declared> {
    let found = placeholder::scan(text).into_iter().filter(|one| one.dialect == placeholder::Dialect::Hand);
    let node = |raw: &str| Node { form: Form::Text(Text::literal(raw)), at: at.clone() };
    let item = |raw: &str| {
        let places = Node { form: Form::List(vec![node(raw)]), at: at.clone() };
        let fields = vec![("text".to_owned(), node(raw)), ("places".to_owned(), places)];
        Declared::Item {
            collection: "files.placeholders",
            cluster: None,
            item: Node { form: Form::Object(fields), at: at.clone() },
        }
    };
    found.filter_map(|one| text.get(one.start..one.end)).map(item).collect()
}

/// Whether a stack is another one, or is nested in it.
fn within(world: &World<'_>, number: usize, outer: usize) -> bool {
    if number == outer {
        return true;
    }
    let stacks = world.stacks.borrow();
    let children =
        stacks.get(outer).map(|stack| stack.children.borrow().values().flatten().copied().collect::<Vec<_>>());
    drop(stacks);
    // A nested stack is always younger than the one around it.
    children.into_iter().flatten().any(|child| child > outer && within(world, number, child))
}

/// The files of one unit of code, in the order in which they are met.
struct Files<'w, 't> {
    world: &'w World<'t>,
    numbers: BTreeMap<u32, u32>,
    files: Vec<CodeFile>,
}

impl Files<'_, '_> {
    fn number(&mut self, file: u32) -> u32 {
        if let Some(number) = self.numbers.get(&file) {
            return *number;
        }
        let number = u32::try_from(self.files.len()).unwrap_or(u32::MAX);
        let template = self.world.templates.iter().find(|template| template.file == file);
        let is_json = template.is_some_and(|template| template.text.trim_start().starts_with('{'));
        self.files.push(CodeFile {
            path: template.map(|template| template.shown.clone()).unwrap_or_default(),
            syntax: if is_json { Syntax::Json } else { Syntax::Yaml },
            held: None,
        });
        self.numbers.insert(file, number);
        number
    }

    fn renumber(&mut self, node: &mut Node) {
        if let Some(At { file, .. }) = &mut node.at {
            *file = self.number(*file);
        }
        match &mut node.form {
            Form::List(items) => items.iter_mut().for_each(|item| self.renumber(item)),
            Form::Object(fields) => fields.iter_mut().for_each(|(_, node)| self.renumber(node)),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
