//! Names: variables, locals, outputs, and the attributes of what is declared.
//!
//! A variable is what the caller gives, else what the files of variables say, else its default, else
//! a hole of its name. In a module that nobody calls here, a default of nothing is left to the caller. An attribute of a resource is what the code says of it, else what is known of
//! resources of its type, else a hole of its address.
//!
//! Deliberately absent: what a resource becomes. That is for `lower`.

use super::attribute;
use super::source::{Attr, Block, Body, Expr};
use super::value::{Fields, Handle, Instance, Kind, Value};
use super::world::{Ctx, Expanded, Home, INSTANCES, Module, Scope, World, bind};
use crate::known::Unknown;
use crate::read::code::{ACCOUNT, REGION};
use hcl_edit::expr::{Expression, ObjectKey, TraversalOperator};
use std::collections::BTreeMap;
use std::rc::Rc;

/// What stands in a resource for Terraform and not for the provider.
const META: [&str; 9] =
    ["count", "for_each", "provider", "depends_on", "lifecycle", "provisioner", "connection", "timeouts", "dynamic"];

impl World<'_> {
    /// The place of a module's own expressions.
    pub(super) fn ctx(&self, module: &Rc<Module>, scope: Scope) -> Ctx {
        Ctx { module: module.clone(), scope, origin: super::source::Origin::default() }
    }

    /// A variable of a module.
    pub(super) fn variable(&self, module: &Rc<Module>, name: &str) -> Value {
        self.once(module, &format!("var.{name}"), || {
            let hole = |unblock: bool| {
                let why = format!("{}var.{name}", module.address);
                let unblock = unblock.then(|| format!("give `{name}` a value in a `.tfvars` file"));
                Value::from(Kind::Unknown(Rc::new(Unknown { why, unblock })))
            };
            let block = module.folder.variables.get(name);
            let flag = |of: &str| {
                let attr = block.and_then(|block| block.body.attr(of))?;
                self.attr(attr, &self.ctx(module, None)).as_bool()
            };
            // What must not be shown is not read.
            if flag("sensitive") == Some(true) {
                return hole(false);
            }
            let given = match &module.caller {
                Some(caller) => caller.block.body.attr(name).and_then(|attr| {
                    let from = self.module(caller.module)?;
                    Some(self.attr(attr, &self.ctx(&from, caller.scope.clone())))
                }),
                None => module.folder.values.get(name).map(|attr| self.attr(attr, &self.ctx(module, None))),
            };
            let not_null = flag("nullable") == Some(false);
            let given = given.filter(|value| !(not_null && value.is_null()));
            let default = || {
                let attr = block.and_then(|block| block.body.attr("default"))?;
                Some(self.attr(attr, &self.ctx(module, None)))
            };
            let given_by_nobody = module.caller.is_none();
            let left_to_the_caller = |value: &Value| {
                given_by_nobody && module.folder.is_to_be_called() && (value.is_null() || value.is_empty())
            };
            let default = || default().filter(|value| !left_to_the_caller(value));
            let Some(mut value) = given.or_else(default) else { return hole(given_by_nobody) };
            if let Some(kind) = block.and_then(|block| block.body.attr("type"))
                && let Expr::Hcl(kind) = &*kind.expr
            {
                value = self.shaped(value, kind, &self.ctx(module, None), 0);
            }
            value
        })
    }

    /// A value with the attributes that its type has and it lacks.
    fn shaped(&self, value: Value, kind: &Expression, ctx: &Ctx, depth: usize) -> Value {
        let Expression::FuncCall(call) = kind else { return value };
        let mut arguments = call.args.iter();
        let (name, first) = (call.name.name.as_str(), arguments.next());
        let Some(inner) = first.filter(|_| depth < 20 && self.step(1)) else { return value };
        match (name, &value.kind) {
            ("optional", _) => self.shaped(value, inner, ctx, depth + 1),
            ("list" | "set", Kind::List(items)) => {
                let items = items.iter().map(|item| self.shaped(item.clone(), inner, ctx, depth + 1)).collect();
                Value::list(items, value.spot)
            }
            ("map", Kind::Object(fields)) => {
                let map = fields.map.iter();
                let map = map.map(|(key, item)| (key.clone(), self.shaped(item.clone(), inner, ctx, depth + 1)));
                let fields = Fields { map: map.collect(), more: fields.more.clone() };
                Value { kind: Kind::Object(Rc::new(fields)), spot: value.spot }
            }
            ("object", Kind::Object(fields)) => {
                let Expression::Object(types) = inner else { return value };
                let mut fields = (**fields).clone();
                for (key, kind) in types {
                    let ObjectKey::Ident(key) = key else { continue };
                    let key = key.as_str();
                    let default = match kind.expr() {
                        Expression::FuncCall(call) if call.name.name.as_str() == "optional" => call.args.iter().nth(1),
                        _ => None,
                    };
                    let given = fields.map.get(key).filter(|value| !value.is_null()).cloned();
                    if fields.more.is_some() && given.is_none() {
                        continue;
                    }
                    let given = given.or_else(|| Some(self.eval(default?, ctx))).unwrap_or(Value::NULL);
                    fields.map.insert(key.to_owned(), self.shaped(given, kind.expr(), ctx, depth + 1));
                }
                Value { kind: Kind::Object(Rc::new(fields)), spot: value.spot }
            }
            _ => value,
        }
    }

    /// A local of a module.
    pub(super) fn local(&self, module: &Rc<Module>, name: &str) -> Value {
        self.once(module, &format!("local.{name}"), || match module.folder.locals.get(name) {
            Some(attr) => self.attr(attr, &self.ctx(module, None)),
            None => Value::unknown(format!("{}local.{name}", module.address), None),
        })
    }

    /// An output of a module.
    fn output(&self, module: &Rc<Module>, name: &str) -> Value {
        self.once(module, &format!("output.{name}"), || {
            let attr = module.folder.outputs.get(name).and_then(|block| block.body.attr("value"));
            match attr {
                Some(attr) => self.attr(attr, &self.ctx(module, None)),
                None => Value::unknown(format!("{}{name}", module.address), None),
            }
        })
    }

    /// The instances of a block of a module: `aws_iam_role.x`, `data.x.y`, `module.z`.
    pub(super) fn expansion(&self, module: &Rc<Module>, address: &str) -> Rc<Vec<Expanded>> {
        if let Some(known) = module.expansions.borrow().get(address) {
            return known.clone();
        }
        // Whoever asks while it is being worked out sees one that stands for all.
        let symbol = Rc::new(vec![self.any(module, address, None)]);
        module.expansions.borrow_mut().insert(address.to_owned(), symbol);
        let block = match address.strip_prefix("module.") {
            Some(call) => module.folder.modules.get(call),
            None => module.folder.resources.get(address),
        };
        let expanded = block.map(|block| self.expand(module, address, block)).unwrap_or_default();
        let expanded = Rc::new(expanded);
        module.expansions.borrow_mut().insert(address.to_owned(), expanded.clone());
        expanded
    }

    fn any(&self, module: &Rc<Module>, address: &str, each: Option<&Value>) -> Expanded {
        let name = format!("{}{address}", module.address);
        let unknown = |of: &str| Value::unknown(format!("{name} {of}"), None);
        let value = match each.and_then(Value::why) {
            Some(why) => Value::unknown(format!("{why}[*]"), None),
            None => unknown("each.value"),
        };
        let each = [("key".to_owned(), unknown("each.key")), ("value".to_owned(), value)];
        let scope = bind(&None, "each", Value::object(each.into(), None));
        let count = [("index".to_owned(), unknown("count.index"))];
        let scope = bind(&scope, "count", Value::object(count.into(), None));
        Expanded { instance: Instance::Any, scope }
    }

    fn expand(&self, module: &Rc<Module>, address: &str, block: &Rc<Block>) -> Vec<Expanded> {
        let ctx = self.ctx(module, None);
        let too_many = |count: usize| {
            let shown = &module.folder.shown;
            let why = format!("`{}{address}` has {count} instances, and is read as one", module.address);
            self.gap(shown, &why, Some("give a plan: `terraform show -json PLAN`"));
            vec![self.any(module, address, None)]
        };
        if let Some(attr) = block.body.attr("count") {
            let count = self.attr(attr, &ctx);
            let number = count.as_number().or_else(|| count.as_bool().map(|one| if one { 1.0 } else { 0.0 }));
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it was compared before")]
            return match number {
                Some(number) if number <= 0.0 => Vec::new(),
                Some(number) if number > INSTANCES as f64 => too_many(number.min(1e15) as usize),
                Some(number) => {
                    let one = |index: usize| {
                        #[expect(clippy::cast_precision_loss, reason = "there are not that many")]
                        let value = Value::number(index as f64, None);
                        let scope = bind(&None, "count", Value::object([("index".to_owned(), value)].into(), None));
                        Expanded { instance: Instance::Index(index), scope }
                    };
                    (0..number as usize).map(one).collect()
                }
                None if count.is_null() => Vec::new(),
                None => vec![self.any(module, address, None)],
            };
        }
        if let Some(attr) = block.body.attr("for_each") {
            let each = self.attr(attr, &ctx);
            if each.is_null() {
                return Vec::new();
            }
            let is_list = matches!(each.kind, Kind::List(_));
            let (pairs, more) = self.pairs(&each);
            if pairs.len() > INSTANCES {
                return too_many(pairs.len());
            }
            let mut seen = std::collections::BTreeSet::new();
            let mut expanded = Vec::new();
            for (key, value) in pairs {
                let key = if is_list { value.clone() } else { key };
                let Some(name) = key.as_text().map(|text| text.to_string()) else { continue };
                if !seen.insert(name.clone()) {
                    continue;
                }
                let each = [("key".to_owned(), key), ("value".to_owned(), value)];
                let scope = bind(&None, "each", Value::object(each.into(), None));
                expanded.push(Expanded { instance: Instance::Key(name.into()), scope });
            }
            if more.is_some() {
                expanded.push(self.any(module, address, Some(&each)));
            }
            return expanded;
        }
        vec![Expanded { instance: Instance::One, scope: None }]
    }

    fn expanded(&self, module: &Rc<Module>, handle: &Handle) -> Option<Expanded> {
        let all = self.expansion(module, &handle.name);
        all.iter().find(|one| one.instance == handle.instance).cloned()
    }

    /// An attribute of an instance.
    pub(super) fn handle_attribute(&self, handle: &Handle, name: &str) -> Value {
        let Some(module) = self.module(handle.module) else { return Value::NULL };
        let address = format!("{}{}", handle.name, handle.instance.suffix());
        let hole = || Value::unknown(format!("{}{address}.{name}", module.address), None);
        let Some(expanded) = self.expanded(&module, handle) else { return hole() };
        if let Some(call) = handle.name.strip_prefix("module.") {
            return match self.child(&module, call, &expanded) {
                Some(child) if child.folder.outputs.contains_key(name) => self.output(&child, name),
                Some(child) if !child.interface => Value::fault(format!("{}{address}.{name}", module.address), None),
                _ => hole(),
            };
        }
        self.once(&module, &format!("{address}.{name}"), || {
            let Some(block) = module.folder.resources.get(&*handle.name) else { return hole() };
            let kind = block.labels.first().map(String::as_str).unwrap_or_default();
            let kind = if handle.name.starts_with("data.") { format!("data.{kind}") } else { kind.to_owned() };
            let ctx = self.ctx(&module, expanded.scope.clone());
            let configured = |name: &str| self.configured(&block.body, name, &ctx);
            let own = configured(name);
            if !own.is_null() {
                return open(own, &format!("{}{address}.{name}", module.address));
            }
            let known = match (kind.as_str(), name) {
                ("data.aws_iam_policy_document", "json" | "minified_json") => Some(self.policy_document(block, &ctx)),
                ("data.template_file", "rendered") => self.template_file_data(&configured, &ctx),
                _ => {
                    let home = self.home(&module, block, &ctx);
                    attribute::of(&kind, name, &format!("{}{address}", module.address), &configured, &home)
                }
            };
            known.unwrap_or_else(hole).or_spot(block.spot.or(ctx.spot(None)))
        })
    }

    /// The text of a `template_file`, with its variables put in.
    fn template_file_data(&self, configured: &dyn Fn(&str) -> Value, ctx: &Ctx) -> Option<Value> {
        let template = configured("template");
        let text = template.as_string()?;
        // A block in the first version of the language, a map since.
        let variables = configured("vars");
        let (pairs, _) = self.pairs(variables.items().first().unwrap_or(&variables));
        let mut scope = None;
        for (key, value) in pairs {
            scope = bind(&scope, &key.as_string()?, value);
        }
        let mut ctx = ctx.with(scope);
        let spot = template.as_pieces()?.first()?.spot.filter(|spot| (spot.end - spot.start) as usize == text.len());
        ctx.origin =
            super::source::Origin { file: spot.map(|spot| spot.file), base: spot.map_or(0, |spot| spot.start) };
        let parsed = hcl_edit::parser::parse_template(&text).ok()?;
        Some(Value::pieces(self.template(&parsed, &ctx, false), template.spot))
    }

    /// What the code says of an attribute, or of the blocks of that type; null if nothing.
    pub(super) fn configured(&self, body: &Body, name: &str, ctx: &Ctx) -> Value {
        let is_dynamic =
            |block: &&Rc<Block>| block.kind == "dynamic" && block.labels.first().is_some_and(|label| label == name);
        let written = body.attr(name).map(|attr| {
            let value = self.attr(attr, ctx);
            value.or_spot(ctx.of(attr).spot(None).or(attr.spot))
        });
        // In JSON, blocks are written as values.
        if let Some(written) = written {
            if body.blocks.iter().find(is_dynamic).is_none() {
                return written;
            }
            let mut items = if written.items().is_empty() { vec![written.clone()] } else { written.items().to_vec() };
            let mut more = None;
            for block in body.blocks.iter().filter(is_dynamic) {
                more = self.dynamic(block, name, ctx, &mut items).or(more);
            }
            items.extend(more.map(|why| super::eval::more_of(&why)));
            return Value::list(items, written.spot);
        }
        if body.blocks(name).next().is_none() && body.blocks.iter().find(is_dynamic).is_none() {
            return Value::NULL;
        }
        let mut items = Vec::new();
        let mut more = None;
        for block in &body.blocks {
            if block.kind == name {
                items.push(self.body(block, ctx));
            } else if is_dynamic(&block) {
                more = self.dynamic(block, name, ctx, &mut items).or(more);
            }
        }
        items.extend(more.map(|why| super::eval::more_of(&why)));
        let spot = items.first().and_then(|item| item.spot);
        Value::list(items, spot)
    }

    /// The blocks that a `dynamic` block makes; the name of what decides whether there are more.
    fn dynamic(&self, block: &Block, name: &str, ctx: &Ctx, out: &mut Vec<Value>) -> Option<String> {
        let each = self.attr(block.body.attr("for_each")?, ctx);
        let iterator = block.body.attr("iterator").and_then(|attr| match &*attr.expr {
            Expr::Hcl(Expression::Variable(name)) => Some(name.to_string()),
            Expr::Json(node) => node.as_str().map(str::to_owned),
            Expr::Hcl(_) => None,
        });
        let iterator = iterator.unwrap_or_else(|| name.to_owned());
        let content = block.body.blocks("content").next()?;
        let (pairs, more) = self.pairs(&each);
        for (key, value) in pairs {
            if !self.step(1) {
                break;
            }
            let bound = [("key".to_owned(), key), ("value".to_owned(), value)];
            let ctx = ctx.with(bind(&ctx.scope, &iterator, Value::object(bound.into(), None)));
            out.push(self.body(content, &ctx).or_spot(block.spot));
        }
        more
    }

    /// Everything that the code says in a block, as an object; its blocks are lists, as plans have them.
    pub(super) fn body(&self, block: &Block, ctx: &Ctx) -> Value {
        let mut names: BTreeMap<&str, ()> = BTreeMap::new();
        for attr in &block.body.attrs {
            names.insert(&attr.name, ());
        }
        for inner in &block.body.blocks {
            let name = if inner.kind == "dynamic" { inner.labels.first() } else { Some(&inner.kind) };
            names.extend(name.map(|name| (name.as_str(), ())));
        }
        let own = |name: &str| (name.to_owned(), self.configured(&block.body, name, ctx));
        let map = names.into_keys().map(own).filter(|(_, value)| !value.is_null()).collect();
        Value::object(map, block.spot.or(ctx.spot(None)))
    }

    /// Everything that the code says of a resource to its provider.
    pub(super) fn resource(&self, block: &Block, ctx: &Ctx) -> Value {
        let own = |body: &Body| Body {
            attrs: body.attrs.iter().filter(|attr| !META.contains(&attr.name.as_str())).cloned().collect(),
            blocks: body
                .blocks
                .iter()
                .filter(|block| block.kind == "dynamic" || !META.contains(&block.kind.as_str()))
                .cloned()
                .collect(),
        };
        let block =
            Block { kind: block.kind.clone(), labels: block.labels.clone(), body: own(&block.body), spot: block.spot };
        self.body(&block, ctx)
    }

    /// The account and the region of a resource.
    pub(super) fn home(&self, module: &Rc<Module>, block: &Block, ctx: &Ctx) -> Rc<Home> {
        let name = block.body.attr("provider").map_or_else(|| "aws".to_owned(), reference);
        let home = self.home_named(module, &name);
        let region = self.configured(&block.body, "region", ctx);
        // Since version 6 of the provider, a resource may be in a region of its own.
        if region.is_null() || block.labels.first().is_none_or(|kind| !kind.starts_with("aws_")) {
            return home;
        }
        let partition = partition(&region);
        Rc::new(Home { region, partition, ..(*home).clone() })
    }

    pub(super) fn home_named(&self, module: &Rc<Module>, name: &str) -> Rc<Home> {
        if let Some(known) = module.homes.borrow().get(name) {
            return known.clone();
        }
        let hole = |name: &str| Value::unknown(name, None);
        let alias = name.strip_prefix("aws").unwrap_or_default().trim_start_matches('.').to_owned();
        let unknown = |alias: String| {
            // What another provider talks to may be another account and another region.
            let suffix = if alias.is_empty() { String::new() } else { format!(" of provider {name}") };
            Home {
                account: hole(&format!("{ACCOUNT}{suffix}")),
                region: hole(&format!("{REGION}{suffix}")),
                partition: "aws".to_owned(),
                tags: Value::NULL,
                alias,
            }
        };
        module.homes.borrow_mut().insert(name.to_owned(), Rc::new(unknown(alias.clone())));
        let home = match &module.caller {
            Some(caller) => {
                let passed = caller.block.body.attr("providers").and_then(|attr| passed_provider(attr, name));
                self.module(caller.module).map(|caller| self.home_named(&caller, passed.as_deref().unwrap_or(name)))
            }
            None => {
                let is_it = |block: &&Rc<Block>| {
                    let own = block.body.attr("alias").and_then(super::source::literal).unwrap_or_default();
                    block.labels.first().is_some_and(|label| label == "aws") && own == alias
                };
                module.folder.providers.iter().find(is_it).map(|block| {
                    let ctx = self.ctx(module, None);
                    let mut home = unknown(alias.clone());
                    let region = self.configured(&block.body, "region", &ctx);
                    if let Some(known) = region.as_text().filter(|_| !region.is_null()) {
                        // Another region is another provider; the usual one keeps the usual hole.
                        if known.as_str().is_some() {
                            home.partition = partition(&region);
                            home.region = region;
                        }
                    }
                    let tags = self.configured(&block.body, "default_tags", &ctx);
                    home.tags = tags.items().first().and_then(|tags| tags.get("tags").cloned()).unwrap_or(Value::NULL);
                    if let Some(account) = self.account_of(&block.body, &ctx) {
                        home.account = account;
                    } else if block.body.blocks("assume_role").next().is_none() {
                        // Without another role it is the account of the credentials, as for the usual one.
                        home.account = hole(ACCOUNT);
                    }
                    Rc::new(home)
                })
            }
        };
        let home = home.unwrap_or_else(|| Rc::new(unknown(alias)));
        module.homes.borrow_mut().insert(name.to_owned(), home.clone());
        home
    }

    /// The account that a provider is bound to.
    fn account_of(&self, body: &Body, ctx: &Ctx) -> Option<Value> {
        let allowed = self.configured(body, "allowed_account_ids", ctx);
        if let [only] = allowed.items()
            && only.as_string().is_some()
        {
            return Some(only.clone());
        }
        let role = self.configured(body, "assume_role", ctx).items().first()?.get("role_arn")?.clone();
        let text = role.as_string()?;
        let account = text.split(':').nth(4).filter(|account| !account.is_empty())?;
        Some(Value::text(account, role.spot))
    }
}

/// The blocks of a resource have more attributes than the code gives them.
fn open(mut value: Value, name: &str) -> Value {
    let Kind::List(items) = &value.kind else { return value };
    if !items.iter().any(|item| matches!(item.kind, Kind::Object(_))) {
        return value;
    }
    let items = items.iter().enumerate().map(|(at, item)| match &item.kind {
        Kind::Object(fields) if fields.more.is_none() => {
            let why = format!("{name}[{at}]");
            let fields = Fields { map: fields.map.clone(), more: Some(Rc::new(Unknown { why, unblock: None })) };
            Value { kind: Kind::Object(Rc::new(fields)), spot: item.spot }
        }
        _ => item.clone(),
    });
    value.kind = Kind::List(Rc::new(items.collect()));
    value
}

fn partition(region: &Value) -> String {
    match region.as_string() {
        Some(region) if region.starts_with("cn-") => "aws-cn",
        Some(region) if region.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    }
    .to_owned()
}

/// A reference as it is written: `aws.west`.
pub(super) fn reference(attr: &Attr) -> String {
    match &*attr.expr {
        Expr::Hcl(expression) => written(expression).unwrap_or_else(|| "aws".to_owned()),
        Expr::Json(node) => node.as_str().unwrap_or("aws").to_owned(),
    }
}

fn written(expression: &Expression) -> Option<String> {
    match expression {
        Expression::Variable(name) => Some(name.to_string()),
        Expression::String(text) => Some(text.to_string()),
        Expression::Traversal(traversal) => {
            let mut text = written(&traversal.expr)?;
            for operator in &traversal.operators {
                let TraversalOperator::GetAttr(name) = operator.value() else { return None };
                text = format!("{text}.{}", name.as_str());
            }
            Some(text)
        }
        _ => None,
    }
}

/// Which provider of the caller a module uses under a name.
pub(super) fn passed_provider(attr: &Attr, name: &str) -> Option<String> {
    let Expr::Hcl(Expression::Object(object)) = &*attr.expr else { return None };
    object.iter().find_map(|(key, value)| {
        let key = match key {
            ObjectKey::Ident(name) => name.to_string(),
            ObjectKey::Expression(key) => written(key)?,
        };
        (key == name).then(|| written(value.expr()))?
    })
}
