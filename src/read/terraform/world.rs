//! The world of one evaluation: files, module instances, and what has been worked out already.
//!
//! Everything is worked out when it is asked for, once, and never while it is being worked out: a
//! circle ends in a name. Steps, depth, instances and files are counted, so that what expands
//! without end ends as a gap.
//!
//! Deliberately absent: the language itself, which is in `eval`.

use super::load::Loader;
use super::source::{Attr, Block, Folder, Origin};
use super::value::{Instance, Spot, Value};
use crate::estate::Gap;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

/// How many steps an evaluation may take.
pub(super) const STEPS: u64 = 5_000_000;
/// How deep evaluation may go, references followed.
pub(super) const DEPTH: usize = 1_500;
/// How many instances `count` and `for_each` may give one block.
pub(super) const INSTANCES: usize = 10_000;
/// How many module instances there may be.
const MODULES: usize = 2_000;
/// How deep modules may call modules.
const NESTING: usize = 20;

/// The account, the region and the partition to which a provider talks.
#[derive(Clone, Debug)]
pub(super) struct Home {
    /// Twelve digits, or the hole that stands for them.
    pub(super) account: Value,
    /// The region, or the hole that stands for it.
    pub(super) region: Value,
    /// The partition; `aws` where nothing says otherwise.
    pub(super) partition: String,
    /// The tags that it gives to everything; null if none.
    pub(super) tags: Value,
    /// What tells this provider from the others of the change: nothing, for the usual one.
    pub(super) alias: String,
}

/// An instance of a module.
#[derive(Debug)]
pub(super) struct Module {
    /// Its number.
    pub(super) id: usize,
    /// What stands before every name in it: nothing in a root, `module.eks.` below.
    pub(super) address: String,
    /// What it declares.
    pub(super) folder: Rc<Folder>,
    /// Who called it.
    pub(super) caller: Option<Caller>,
    /// It comes with this program, in place of a module of the registry.
    pub(super) interface: bool,
    pub(super) known: RefCell<HashMap<String, Slot>>,
    pub(super) expansions: RefCell<HashMap<String, Rc<Vec<Expanded>>>>,
    pub(super) children: RefCell<HashMap<(String, Instance), Option<usize>>>,
    pub(super) homes: RefCell<HashMap<String, Rc<Home>>>,
}

/// Who called a module.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    /// The number of the calling module instance.
    pub(super) module: usize,
    /// The call.
    pub(super) block: Rc<Block>,
    /// What is bound there.
    pub(super) scope: Scope,
    /// Where a value of a module of the registry is shown: at its call.
    pub(super) spot: Option<Spot>,
}

/// One of the instances of a block, and what is bound in it.
#[derive(Clone, Debug)]
pub(super) struct Expanded {
    pub(super) instance: Instance,
    pub(super) scope: Scope,
}

/// What has been worked out of a name.
#[derive(Debug)]
pub(super) enum Slot {
    /// It is being worked out.
    Busy,
    /// It is this.
    Done(Value),
}

/// Names that are bound here, innermost first.
pub(super) type Scope = Option<Rc<Binding>>;

/// A name that is bound.
#[derive(Debug)]
pub(super) struct Binding {
    pub(super) name: String,
    pub(super) value: Value,
    pub(super) outer: Scope,
}

/// Binds a name inside a scope.
pub(super) fn bind(scope: &Scope, name: &str, value: Value) -> Scope {
    Some(Rc::new(Binding { name: name.to_owned(), value, outer: scope.clone() }))
}

/// Where an expression stands: its module, what is bound, and from where its ranges count.
#[derive(Clone, Debug)]
pub(super) struct Ctx {
    pub(super) module: Rc<Module>,
    pub(super) scope: Scope,
    pub(super) origin: Origin,
}

impl Ctx {
    /// What a name is bound to.
    pub(super) fn bound(&self, name: &str) -> Option<&Value> {
        let mut scope = self.scope.as_ref();
        while let Some(binding) = scope {
            if binding.name == name {
                return Some(&binding.value);
            }
            scope = binding.outer.as_ref();
        }
        None
    }

    /// The place of a range; in a module of the registry, the place of its call.
    pub(super) fn spot(&self, range: Option<std::ops::Range<usize>>) -> Option<Spot> {
        match self.origin.file {
            Some(_) => self.origin.spot(range),
            None => self.module.caller.as_ref().and_then(|caller| caller.spot),
        }
    }

    /// The same place, with the ranges of an attribute.
    pub(super) fn of(&self, attr: &Attr) -> Self {
        Self { origin: attr.origin, ..self.clone() }
    }

    /// The same place, with other names bound.
    pub(super) fn with(&self, scope: Scope) -> Self {
        Self { scope, ..self.clone() }
    }
}

/// One evaluation.
#[derive(Debug)]
pub(super) struct World<'l> {
    pub(super) loader: &'l Loader,
    pub(super) modules: RefCell<Vec<Rc<Module>>>,
    steps: Cell<u64>,
    depth: Cell<usize>,
    gaps: RefCell<BTreeMap<(String, String), Gap>>,
    /// The numbers of the files that were looked at.
    pub(super) touched: RefCell<std::collections::BTreeSet<u32>>,
}

impl<'l> World<'l> {
    /// A world in which only a root module stands.
    pub(super) fn of(loader: &'l Loader, folder: Rc<Folder>, address: &str) -> Self {
        let world = Self {
            loader,
            modules: RefCell::default(),
            steps: Cell::new(0),
            depth: Cell::new(0),
            gaps: RefCell::default(),
            touched: RefCell::default(),
        };
        world.add(folder, address.to_owned(), None, false);
        world
    }

    fn add(&self, folder: Rc<Folder>, address: String, caller: Option<Caller>, interface: bool) -> usize {
        self.touched.borrow_mut().extend(folder.files.iter().copied());
        let mut modules = self.modules.borrow_mut();
        let id = modules.len();
        modules.push(Rc::new(Module {
            id,
            address,
            folder,
            caller,
            interface,
            known: RefCell::default(),
            expansions: RefCell::default(),
            children: RefCell::default(),
            homes: RefCell::default(),
        }));
        id
    }

    /// Gives a variable of the root module a value.
    pub(super) fn set_variable(&self, name: &str, value: Value) {
        if let Some(root) = self.module(0) {
            root.known.borrow_mut().insert(format!("var.{name}"), Slot::Done(value));
        }
    }

    /// A module instance by its number.
    pub(super) fn module(&self, id: usize) -> Option<Rc<Module>> {
        self.modules.borrow().get(id).cloned()
    }

    /// One more step; false when there are none left.
    pub(super) fn step(&self, cost: usize) -> bool {
        let steps = self.steps.get().saturating_add(cost as u64);
        self.steps.set(steps);
        if steps <= STEPS {
            return true;
        }
        let path = self.module(0).map(|root| root.folder.shown.clone()).unwrap_or_default();
        self.gap(&path, "it expands to more than what is read", Some("give a plan: `terraform show -json PLAN`"));
        false
    }

    /// Goes one level deeper; `None` when that is too deep.
    pub(super) fn deeper<T>(&self, inner: impl FnOnce() -> T) -> Option<T> {
        let depth = self.depth.get();
        if depth >= DEPTH {
            return None;
        }
        self.depth.set(depth + 1);
        let result = inner();
        self.depth.set(depth);
        Some(result)
    }

    /// Notes what could not be read; the same once.
    pub(super) fn gap(&self, path: &str, why: &str, unblock: Option<&str>) {
        let gap = Gap {
            what: path.to_owned(),
            scope: String::new(),
            why: format!("`{path}`: {why}"),
            unblock: unblock.map(str::to_owned),
            place: Some(path.to_owned()),
        };
        self.gaps.borrow_mut().entry((path.to_owned(), why.to_owned())).or_insert(gap);
    }

    /// The gaps that were noted, in order.
    pub(super) fn take_gaps(&self) -> Vec<Gap> {
        std::mem::take(&mut *self.gaps.borrow_mut()).into_values().collect()
    }

    /// What a name in a module is, worked out once.
    pub(super) fn once(&self, module: &Module, key: &str, work: impl FnOnce() -> Value) -> Value {
        if let Some(slot) = module.known.borrow().get(key) {
            return match slot {
                Slot::Done(value) => value.clone(),
                Slot::Busy => Value::unknown(format!("{}{key}", module.address), None),
            };
        }
        module.known.borrow_mut().insert(key.to_owned(), Slot::Busy);
        let value = self.deeper(work).unwrap_or_else(|| Value::unknown(format!("{}{key}", module.address), None));
        module.known.borrow_mut().insert(key.to_owned(), Slot::Done(value.clone()));
        value
    }

    /// The module instance that a call makes; `None` if its code is not here.
    pub(super) fn child(&self, module: &Rc<Module>, name: &str, expanded: &Expanded) -> Option<Rc<Module>> {
        let key = (name.to_owned(), expanded.instance.clone());
        if let Some(known) = module.children.borrow().get(&key) {
            return self.module((*known)?);
        }
        // A call that is looked for while it is being made is not there yet.
        module.children.borrow_mut().insert(key.clone(), None);
        let child = self.make(module, name, expanded);
        module.children.borrow_mut().insert(key, child);
        self.module(child?)
    }

    fn make(&self, module: &Rc<Module>, name: &str, expanded: &Expanded) -> Option<usize> {
        let block = module.folder.modules.get(name)?.clone();
        let address = format!("{}module.{name}{}.", module.address, expanded.instance.suffix());
        let (folder, interface) = self.loader.called(&module.folder, &block, &address, module.interface)?;
        let shown = module.folder.shown.clone();
        let mut ancestors = Some(module.clone());
        let mut nesting = 0;
        while let Some(ancestor) = ancestors {
            if Rc::ptr_eq(&ancestor.folder, &folder) {
                self.gap(&shown, &format!("module `{name}` calls itself"), None);
                return None;
            }
            nesting += 1;
            ancestors = ancestor.caller.as_ref().and_then(|caller| self.module(caller.module));
        }
        if nesting > NESTING || self.modules.borrow().len() >= MODULES {
            self.gap(&shown, "its modules call modules further than what is followed", None);
            return None;
        }
        let spot = if module.interface { module.caller.as_ref().and_then(|caller| caller.spot) } else { block.spot };
        let caller = Caller { module: module.id, block, scope: expanded.scope.clone(), spot };
        Some(self.add(folder, address, Some(caller), interface))
    }
}
