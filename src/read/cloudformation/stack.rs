//! Stacks: templates with what they were handed, and all of them together.
//!
//! A root stack is a template that no other one nests. A nested stack has the arguments that its
//! parent gives it, evaluated in the parent. Exports belong to all.

use super::template::Template;
use super::text::Class;
use crate::known::Text;
use crate::read::code::{ACCOUNT, Node, PARTITION, REGION};
use rustc_hash::FxHashMap;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// How deep expressions may lead from one to the next.
const DEPTH: usize = 160;
/// How many stacks may be nested in one another.
const NESTED: usize = 16;
/// How many stacks there may be in all.
const STACKS: usize = 2_000;

/// All templates, and the stacks that they make.
pub(super) struct World<'t> {
    pub(super) templates: &'t [Template],
    pub(super) stacks: RefCell<Vec<Rc<Stack<'t>>>>,
    /// The stack and output of each export, by the text of its name.
    pub(super) exports: RefCell<BTreeMap<String, (usize, String)>>,
    /// Which template a nested stack is, by the number of the template that nests it and its logical name.
    pub(super) nested: BTreeMap<(usize, String), usize>,
    /// What several root templates declare under one name.
    pub(super) shared: RefCell<BTreeSet<String>>,
    /// What holes may be filled with.
    classes: RefCell<FxHashMap<String, Class>>,
    /// How much has been evaluated, and how much may be.
    spent: Cell<usize>,
    limit: usize,
    depth: Cell<usize>,
}

/// One use of a template.
pub(super) struct Stack<'t> {
    pub(super) number: usize,
    pub(super) template: &'t Template,
    /// The number of its template.
    pub(super) template_number: usize,
    /// What stands before the names of its holes, so that they are not taken for those of another stack.
    pub(super) prefix: String,
    /// What its parent hands it; `None` for a root.
    pub(super) arguments: Option<BTreeMap<String, Node>>,
    pub(super) home: Home,
    /// The templates around it, itself included.
    pub(super) around: Vec<usize>,
    pub(super) memo: RefCell<FxHashMap<Asked, Memo>>,
    /// Its nested stacks by logical name; `None` where there are too many.
    pub(super) children: RefCell<BTreeMap<String, Option<usize>>>,
}

/// What is evaluated once for each stack.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Asked {
    Condition(String),
    /// An attribute of a resource; what `Ref` gives without one.
    Attribute(String, Option<String>),
    Output(String),
}

/// What came of it.
#[derive(Clone, Debug)]
pub(super) enum Memo {
    /// It is being evaluated: whoever asks now asks in a circle.
    Busy,
    Truth(crate::known::Truth),
    Node(Node),
}

/// Where a stack will be.
#[derive(Clone, Debug)]
pub(super) struct Home {
    pub(super) account: Text,
    pub(super) region: Text,
    pub(super) partition: Text,
    /// The stack's own name, where it is known.
    pub(super) name: Option<String>,
}

impl Default for Home {
    fn default() -> Self {
        Self { account: Text::hole(ACCOUNT), region: Text::hole(REGION), partition: Text::hole(PARTITION), name: None }
    }
}

impl<'t> World<'t> {
    pub(super) fn of(templates: &'t [Template], nested: BTreeMap<(usize, String), usize>) -> Self {
        let size: usize = templates.iter().map(|template| template.text.len()).sum();
        let world = Self {
            templates,
            stacks: RefCell::default(),
            exports: RefCell::default(),
            nested,
            shared: RefCell::default(),
            classes: RefCell::default(),
            spent: Cell::new(0),
            limit: size.saturating_mul(16).saturating_add(16 << 20),
            depth: Cell::new(0),
        };
        for name in [ACCOUNT, REGION, PARTITION] {
            world.classify(name, Class::Name);
        }
        world
    }

    /// The root stacks: one for each template that is not nested in another, with where it will be.
    pub(super) fn add_roots(&self, homes: &BTreeMap<usize, Home>) -> Vec<Rc<Stack<'t>>> {
        let nested: BTreeSet<usize> = self.nested.values().copied().collect();
        // Templates that nest one another in a circle have no root; each of them is one then.
        let mut roots: Vec<usize> = (0..self.templates.len()).filter(|number| !nested.contains(number)).collect();
        let mut reached: BTreeSet<usize> = BTreeSet::new();
        let reach = |from: usize, reached: &mut BTreeSet<usize>| {
            let mut open = vec![from];
            while let Some(one) = open.pop() {
                if reached.insert(one) {
                    open.extend(self.nested.iter().filter(|((parent, _), _)| *parent == one).map(|(_, child)| *child));
                }
            }
        };
        roots.iter().for_each(|root| reach(*root, &mut reached));
        for number in 0..self.templates.len() {
            if !reached.contains(&number) {
                roots.push(number);
                reach(number, &mut reached);
            }
        }
        roots.sort_unstable();
        let mut names: BTreeMap<&str, usize> = BTreeMap::new();
        for template in roots.iter().filter_map(|root| self.templates.get(*root)) {
            let own: BTreeSet<&str> =
                template.parameters.keys().chain(template.numbers.keys()).map(String::as_str).collect();
            own.into_iter().for_each(|name| *names.entry(name).or_default() += 1);
        }
        let shared = names.into_iter().filter(|(_, count)| *count > 1).map(|(name, _)| name.to_owned());
        *self.shared.borrow_mut() = shared.collect();
        let stems: Vec<String> = roots.iter().map(|root| self.stem(*root)).collect();
        let stacks = roots.iter().zip(&stems).map(|(root, stem)| {
            let alone = stems.iter().filter(|other| *other == stem).count() == 1;
            let path = || self.templates.get(*root).map(|template| template.shown.clone()).unwrap_or_default();
            let prefix = match roots.len() > 1 {
                true if alone => format!("{stem}."),
                true => format!("{}.", path().replace('/', "|")),
                false => String::new(),
            };
            let home = homes.get(root).cloned().unwrap_or_default();
            self.add(*root, prefix, None, home, Vec::new())
        });
        stacks.flatten().collect()
    }

    fn stem(&self, template: usize) -> String {
        let path = self.templates.get(template).map(|template| template.shown.as_str()).unwrap_or_default();
        let file = path.rsplit('/').next().unwrap_or(path);
        file.split('.').next().unwrap_or(file).to_owned()
    }

    /// Adds a use of a template; `None` where there are too many, or it is inside itself.
    pub(super) fn add(
        &self,
        template: usize,
        prefix: String,
        arguments: Option<BTreeMap<String, Node>>,
        home: Home,
        mut around: Vec<usize>,
    ) -> Option<Rc<Stack<'t>>> {
        let number = self.stacks.borrow().len();
        if number >= STACKS || around.len() >= NESTED || around.contains(&template) {
            return None;
        }
        around.push(template);
        let stack = Rc::new(Stack {
            number,
            template: self.templates.get(template)?,
            template_number: template,
            prefix,
            arguments,
            home,
            around,
            memo: RefCell::default(),
            children: RefCell::default(),
        });
        self.stacks.borrow_mut().push(Rc::clone(&stack));
        Some(stack)
    }

    /// Says what a hole may be filled with.
    pub(super) fn classify(&self, hole: &str, class: Class) {
        self.classes.borrow_mut().insert(hole.to_owned(), class);
    }

    pub(super) fn class(&self, hole: &str) -> Class {
        self.classes.borrow().get(hole).copied().unwrap_or(Class::Any)
    }

    /// Counts what is evaluated; `false` when it is too much.
    pub(super) fn spend(&self, amount: usize) -> bool {
        self.spent.set(self.spent.get().saturating_add(amount));
        self.spent.get() <= self.limit
    }

    /// Whether more was asked for than may be evaluated.
    pub(super) fn is_spent(&self) -> bool {
        self.spent.get() > self.limit
    }

    /// Does something one level deeper, if that is not too deep.
    pub(super) fn deeper<T>(&self, work: impl FnOnce() -> T) -> Option<T> {
        if self.depth.get() >= DEPTH {
            return None;
        }
        self.depth.set(self.depth.get() + 1);
        let done = work();
        self.depth.set(self.depth.get() - 1);
        Some(done)
    }
}
