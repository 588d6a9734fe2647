//! Expressions: every one of them becomes a value, or the name of what is not known.
//!
//! What an expression refers to is followed to where it was written, so a value shows the place of
//! the literal, whatever way it took. What depends on something that is not known gets a name that
//! says how, so that the same expression over the same things has the same name.

use super::functions;
use super::source::{Attr, Expr};
use super::value::{Fields, Handle, Instance, Kind, Value, same, shortened};
use super::world::{Ctx, Expanded, World, bind};
use crate::read::code::{Form, Node};
use hcl_edit::Span;
use hcl_edit::expr::{
    BinaryOperator, Expression, ForExpr, FuncCall, ObjectKey, Traversal, TraversalOperator, UnaryOperator,
};
use std::collections::BTreeMap;
use std::rc::Rc;

impl World<'_> {
    /// What an attribute is.
    pub(super) fn attr(&self, attr: &Attr, ctx: &Ctx) -> Value {
        let ctx = ctx.of(attr);
        match &*attr.expr {
            Expr::Hcl(expression) => self.eval(expression, &ctx),
            Expr::Json(node) => self.eval_json(node, &ctx),
        }
    }

    /// What an expression is.
    pub(super) fn eval(&self, expression: &Expression, ctx: &Ctx) -> Value {
        if !self.step(1) {
            return Value::unknown("larger than what is read", None);
        }
        self.deeper(|| self.eval_here(expression, ctx))
            .unwrap_or_else(|| Value::unknown("nested deeper than what is read", None))
    }

    fn eval_here(&self, expression: &Expression, ctx: &Ctx) -> Value {
        let spot = ctx.spot(expression.span());
        match expression {
            Expression::Null(_) => Value { kind: Kind::Null, spot },
            Expression::Bool(truth) => Value::truth(*truth.value(), spot),
            Expression::Number(number) => match number.value().as_i64() {
                Some(whole) => Value { kind: Kind::Number(whole.into()), spot },
                None => Value::number(number.value().as_f64().unwrap_or_default(), spot),
            },
            Expression::String(text) => {
                let inner =
                    expression.span().map(|range| range.start + 1..range.end.saturating_sub(1).max(range.start));
                Value::pieces(self.literal(text.value(), inner, ctx, true), spot)
            }
            Expression::Array(items) => {
                let items = items.iter().map(|item| self.eval(item, ctx)).collect();
                Value::list(items, spot)
            }
            Expression::Object(object) => {
                let mut fields = Fields::default();
                for (key, value) in object {
                    let key = match key {
                        ObjectKey::Ident(name) => name.to_string(),
                        ObjectKey::Expression(key) => match key {
                            Expression::Variable(name) => name.to_string(),
                            key => {
                                let key = self.eval(key, ctx);
                                match key.as_text() {
                                    Some(text) => text.to_string(),
                                    None => continue,
                                }
                            }
                        },
                    };
                    fields.map.insert(key, self.eval(value.expr(), ctx).or_spot(ctx.spot(value.expr().span())));
                }
                Value { kind: Kind::Object(Rc::new(fields)), spot }
            }
            Expression::StringTemplate(template) => self.template_value(template, ctx, true, spot),
            Expression::HeredocTemplate(heredoc) => Value::pieces(self.template(&heredoc.template, ctx, false), spot),
            Expression::Parenthesis(inner) => self.eval(inner.inner(), ctx),
            Expression::Variable(name) => match ctx.bound(name.as_str()) {
                Some(value) => value.clone().or_spot(spot),
                None => Value::unknown(format!("{}{}", ctx.module.address, name.as_str()), spot),
            },
            Expression::Conditional(choice) => {
                let condition = self.eval(&choice.cond_expr, ctx);
                match condition.as_bool() {
                    Some(true) => self.eval(&choice.true_expr, ctx),
                    Some(false) => self.eval(&choice.false_expr, ctx),
                    None => {
                        let (yes, no) = (self.eval(&choice.true_expr, ctx), self.eval(&choice.false_expr, ctx));
                        if same(&yes, &no) == Some(true) {
                            return yes;
                        }
                        let why = format!("{} ? {} : {}", condition.shown(), yes.shown(), no.shown());
                        Value::unknown(shortened(why), spot)
                    }
                }
            }
            Expression::FuncCall(call) => self.call(call, ctx, spot),
            Expression::Traversal(traversal) => self.traverse(traversal, ctx).or_spot(spot),
            Expression::UnaryOp(operation) => {
                let value = self.eval(&operation.expr, ctx);
                match operation.operator.value() {
                    UnaryOperator::Not => match value.as_bool() {
                        Some(truth) => Value::truth(!truth, spot),
                        None => Value::unknown(shortened(format!("!{}", value.shown())), spot),
                    },
                    UnaryOperator::Neg => match value.as_number() {
                        Some(number) => Value::number(-number, spot),
                        None => Value::unknown(shortened(format!("-{}", value.shown())), spot),
                    },
                }
            }
            Expression::BinaryOp(operation) => {
                let left = self.eval(&operation.lhs_expr, ctx);
                let right = self.eval(&operation.rhs_expr, ctx);
                binary(*operation.operator.value(), &left, &right, spot)
            }
            Expression::ForExpr(each) => self.for_expression(each, ctx, spot),
        }
    }

    /// A value of the JSON syntax: its texts are templates.
    fn eval_json(&self, node: &Node, ctx: &Ctx) -> Value {
        if !self.step(1) {
            return Value::unknown("larger than what is read", None);
        }
        let whole = Value::of_node(&Node { form: Form::Null, at: node.at.clone() }, None);
        match &node.form {
            Form::Text(text) => {
                let text = text.to_string();
                if !text.contains("${") && !text.contains("%{") {
                    return Value::of_node(node, None);
                }
                let mut inner = ctx.clone();
                if let Some(spot) = whole.spot {
                    // Ranges inside the text hold only if nothing in it was escaped.
                    let exact = (spot.end - spot.start) as usize == text.len() + 2;
                    inner.origin.base = if exact { spot.start + 1 } else { spot.start };
                }
                match hcl_edit::parser::parse_template(&text) {
                    Ok(template) => self.template_value(&template, &inner, false, whole.spot),
                    Err(_) => Value::text(text, whole.spot),
                }
            }
            Form::List(items) => Value::list(items.iter().map(|item| self.eval_json(item, ctx)).collect(), whole.spot),
            Form::Object(fields) => {
                let map = fields.iter().map(|(name, node)| (name.clone(), self.eval_json(node, ctx))).collect();
                Value::object(map, whole.spot)
            }
            _ => Value::of_node(node, None),
        }
    }

    fn traverse(&self, traversal: &Traversal, ctx: &Ctx) -> Value {
        let operators: Vec<&TraversalOperator> = traversal.operators.iter().map(|operator| operator.value()).collect();
        let (value, taken) = match &traversal.expr {
            Expression::Variable(name) => match ctx.bound(name.as_str()) {
                Some(value) => (value.clone(), 0),
                None => self.root(name.as_str(), &operators, ctx),
            },
            other => (self.eval(other, ctx), 0),
        };
        self.follow(value, operators.get(taken..).unwrap_or_default(), ctx)
    }

    /// What a reference begins with, and how many of its steps that takes.
    fn root(&self, name: &str, operators: &[&TraversalOperator], ctx: &Ctx) -> (Value, usize) {
        let step = |at: usize| match operators.get(at) {
            Some(TraversalOperator::GetAttr(name)) => Some(name.as_str()),
            _ => None,
        };
        let module = &ctx.module;
        let unknown = |rest: &str| Value::unknown(format!("{}{name}{rest}", module.address), None);
        match (name, step(0)) {
            ("var", Some(of)) => (self.variable(module, of), 1),
            ("local", Some(of)) => (self.local(module, of), 1),
            ("module", Some(of)) => (self.instances_of(module, &format!("module.{of}")), 1),
            ("data", Some(kind)) => match step(1) {
                Some(of) => (self.instances_of(module, &format!("data.{kind}.{of}")), 2),
                None => (unknown(&format!(".{kind}")), 1),
            },
            ("path", Some("module")) => (Value::text(module.folder.path.to_string_lossy(), None), 1),
            ("path", Some("root")) => {
                let root = self.module(0).map(|root| root.folder.path.to_string_lossy().into_owned());
                (Value::text(root.unwrap_or_default(), None), 1)
            }
            ("path", Some("cwd")) => (self.working_folder(), 1),
            ("each" | "count" | "self" | "terraform" | "path", Some(of)) => (unknown(&format!(".{of}")), 1),
            (kind, Some(of)) => (self.instances_of(module, &format!("{kind}.{of}")), 1),
            (_, None) => (unknown(""), 0),
        }
    }

    /// Where Terraform runs: in the root, if that has a name.
    fn working_folder(&self) -> Value {
        match self.module(0).filter(|root| root.folder.path.file_name().is_some()) {
            Some(root) => Value::text(root.folder.path.to_string_lossy(), None),
            None => Value::unknown("path.cwd", None),
        }
    }

    /// The instances of a block, as an expression sees them: one, a list, or an object.
    fn instances_of(&self, module: &Rc<super::world::Module>, address: &str) -> Value {
        let is_there = match address.strip_prefix("module.") {
            Some(call) => module.folder.modules.contains_key(call),
            None => module.folder.resources.contains_key(address),
        };
        if !is_there {
            return Value::unknown(format!("{}{address}", module.address), None);
        }
        let handle = |instance: &Instance| {
            let handle = Handle { module: module.id, name: address.into(), instance: instance.clone() };
            Value::from(Kind::Handle(handle))
        };
        let expanded = self.expansion(module, address);
        if let [Expanded { instance: instance @ (Instance::One | Instance::Any), .. }] = expanded.as_slice() {
            return handle(instance);
        }
        let mut fields = Fields::default();
        let mut list = Vec::new();
        for one in expanded.iter() {
            match &one.instance {
                Instance::Index(_) | Instance::One => list.push(handle(&one.instance)),
                Instance::Key(key) => {
                    fields.map.insert(key.to_string(), handle(&one.instance));
                }
                Instance::Any => {
                    let why = format!("{}{address}[*]", module.address);
                    fields.more = Some(Rc::new(crate::known::Unknown { why, unblock: None }));
                }
            }
        }
        if list.is_empty() && (!fields.map.is_empty() || fields.more.is_some()) {
            Value::from(Kind::Object(Rc::new(fields)))
        } else {
            Value::list(list, None)
        }
    }

    /// The value after some steps of a reference.
    fn follow(&self, mut value: Value, operators: &[&TraversalOperator], ctx: &Ctx) -> Value {
        for (at, operator) in operators.iter().enumerate() {
            match operator {
                TraversalOperator::GetAttr(name) => value = self.attribute(&value, name.as_str()),
                TraversalOperator::Index(key) => {
                    let key = self.eval(key, ctx);
                    value = self.index(&value, &key);
                }
                TraversalOperator::LegacyIndex(number) => {
                    #[expect(clippy::cast_precision_loss, reason = "an index is small")]
                    let key = Value::number(*number.value() as f64, None);
                    value = self.index(&value, &key);
                }
                TraversalOperator::AttrSplat(_) | TraversalOperator::FullSplat(_) => {
                    let rest = operators.get(at + 1..).unwrap_or_default();
                    let attributes = match operator {
                        TraversalOperator::FullSplat(_) => rest.len(),
                        _ => rest.iter().take_while(|step| matches!(step, TraversalOperator::GetAttr(_))).count(),
                    };
                    let (each, after) = rest.split_at(attributes);
                    let splatted = self.splat(&value, each, ctx);
                    return self.follow(splatted, after, ctx);
                }
            }
        }
        value
    }

    fn splat(&self, value: &Value, each: &[&TraversalOperator], ctx: &Ctx) -> Value {
        let steps = |item: &Value| self.follow(item.clone(), each, ctx);
        let items = match &value.kind {
            Kind::Null => Vec::new(),
            Kind::List(items) => items
                .iter()
                .map(|item| match &item.kind {
                    Kind::More(more) => {
                        let inner = steps(&Value::unknown(format!("{}[*]", more.why), None));
                        more_of(&inner.shown())
                    }
                    _ => steps(item),
                })
                .collect(),
            Kind::Unknown(unknown) | Kind::More(unknown) => {
                return steps(&Value::unknown(format!("{}[*]", unknown.why), value.spot));
            }
            Kind::Object(fields) if fields.map.values().any(|item| matches!(item.kind, Kind::Handle(_))) => {
                fields.map.values().map(steps).collect()
            }
            _ => vec![steps(value)],
        };
        Value::list(items, value.spot)
    }

    /// An attribute of a value.
    pub(super) fn attribute(&self, value: &Value, name: &str) -> Value {
        match &value.kind {
            Kind::Object(fields) => match (fields.map.get(name), &fields.more) {
                (Some(value), _) => value.clone(),
                (None, Some(more)) => Value::unknown(format!("{}.{name}", more.why), value.spot),
                (None, None) => Value::fault(shortened(format!("{}.{name}", value.shown())), value.spot),
            },
            Kind::Handle(handle) => self.handle_attribute(handle, name),
            Kind::Unknown(unknown) | Kind::More(unknown) => {
                let mut next = Value::unknown(format!("{}.{name}", unknown.why), value.spot);
                if let Kind::Unknown(next) = &mut next.kind {
                    *next = Rc::new(crate::known::Unknown { unblock: unknown.unblock.clone(), ..(**next).clone() });
                }
                next
            }
            Kind::Fault(_) => value.clone(),
            Kind::List(items) => match (name.parse::<usize>(), items.as_slice()) {
                (Ok(number), _) => self.item(value, number),
                // Blocks were lists of one in the first version of the language.
                (Err(_), [only]) if matches!(only.kind, Kind::Object(_)) => self.attribute(only, name),
                _ => Value::fault(shortened(format!("{}.{name}", value.shown())), value.spot),
            },
            _ => Value::fault(shortened(format!("{}.{name}", value.shown())), value.spot),
        }
    }

    fn item(&self, list: &Value, number: usize) -> Value {
        let items = list.items();
        match items.get(number).or(items.last().filter(|last| matches!(last.kind, Kind::More(_)))) {
            Some(Value { kind: Kind::More(more), spot }) => Value::unknown(format!("{}[{number}]", more.why), *spot),
            Some(item) => item.clone(),
            None => Value::fault(shortened(format!("{}[{number}]", list.shown())), list.spot),
        }
    }

    /// An item of a value.
    pub(super) fn index(&self, value: &Value, key: &Value) -> Value {
        match &value.kind {
            Kind::List(items) => match key.as_number() {
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "it is a small whole number"
                )]
                Some(number) if (0.0..1e9).contains(&number) => self.item(value, number as usize),
                _ => match items.first() {
                    // Whichever of the same it is.
                    Some(first) if items.iter().all(|item| same(first, item) == Some(true)) => first.clone(),
                    _ => Value::unknown(shortened(format!("{}[{}]", value.shown(), key.shown())), value.spot),
                },
            },
            Kind::Object(_) => match key.as_string() {
                Some(key) => self.attribute(value, &key),
                None => match key.as_text().map(|text| text.to_string()) {
                    Some(name) if value.get(&name).is_some() => self.attribute(value, &name),
                    _ => Value::unknown(shortened(format!("{}[{}]", value.shown(), key.shown())), value.spot),
                },
            },
            Kind::Handle(handle) if matches!(handle.instance, Instance::Any | Instance::One) => match key.as_string() {
                Some(name) if handle.instance == Instance::One && name.parse::<usize>().is_err() => {
                    self.handle_attribute(handle, &name)
                }
                _ => value.clone(),
            },
            Kind::Handle(handle) => match key.as_string() {
                Some(name) => self.handle_attribute(handle, &name),
                None => Value::unknown(shortened(format!("{}[{}]", value.shown(), key.shown())), value.spot),
            },
            Kind::Unknown(unknown) | Kind::More(unknown) => match key.as_number() {
                Some(number) => Value::unknown(format!("{}[{number}]", unknown.why), value.spot),
                None => Value::unknown(shortened(format!("{}[{}]", unknown.why, key.shown())), value.spot),
            },
            Kind::Fault(_) => value.clone(),
            _ => Value::fault(shortened(format!("{}[{}]", value.shown(), key.shown())), value.spot),
        }
    }

    /// The items of a collection with their keys, and whether there may be more.
    pub(super) fn pairs(&self, value: &Value) -> (Vec<(Value, Value)>, Option<String>) {
        match &value.kind {
            Kind::List(items) => {
                let mut pairs = Vec::new();
                let mut more = None;
                for (index, item) in items.iter().enumerate() {
                    match &item.kind {
                        Kind::More(unknown) => more = Some(unknown.why.clone()),
                        #[expect(clippy::cast_precision_loss, reason = "a list is not that long")]
                        _ => pairs.push((Value::number(index as f64, None), item.clone())),
                    }
                }
                (pairs, more)
            }
            Kind::Object(fields) => {
                let pairs = fields.map.iter().map(|(key, item)| (Value::text(key.as_str(), item.spot), item.clone()));
                (pairs.collect(), fields.more.as_ref().map(|more| more.why.clone()))
            }
            Kind::Handle(Handle { instance: Instance::Any, .. }) => {
                (vec![(Value::unknown(format!("{} key", value.shown()), None), value.clone())], None)
            }
            Kind::Null => (Vec::new(), None),
            _ => (Vec::new(), Some(value.shown())),
        }
    }

    fn for_expression(&self, each: &ForExpr, ctx: &Ctx, spot: Option<super::value::Spot>) -> Value {
        let collection = self.eval(&each.intro.collection_expr, ctx);
        let (mut pairs, more) = self.pairs(&collection);
        if let Some(why) = &more {
            // What each of the others would be, by name.
            let why = shortened(why.clone());
            pairs.push((Value::unknown(format!("{why} key"), None), Value::unknown(format!("{why}[*]"), None)));
        }
        let last = pairs.len();
        let (mut list, mut fields, mut rest) = (Vec::new(), Fields::default(), None);
        let mut groups: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for (at, (key, item)) in pairs.into_iter().enumerate() {
            let symbolic = more.is_some() && at + 1 == last;
            let mut scope = ctx.scope.clone();
            if let Some(name) = &each.intro.key_var {
                scope = bind(&scope, name.as_str(), key);
            }
            let ctx = ctx.with(bind(&scope, each.intro.value_var.as_str(), item));
            let kept = each.cond.as_ref().map_or(Some(true), |condition| self.eval(&condition.expr, &ctx).as_bool());
            if kept == Some(false) {
                continue;
            }
            let value = self.eval(&each.value_expr, &ctx);
            if symbolic || kept.is_none() {
                let key = each.key_expr.as_ref().map(|key| self.eval(key, &ctx).shown() + " = ").unwrap_or_default();
                rest = Some(shortened(format!("for {key}{}", value.shown())));
                continue;
            }
            match &each.key_expr {
                None => list.push(value),
                Some(key) => {
                    let key = self.eval(key, &ctx);
                    let Some(key) = key.as_text().map(|text| text.to_string()) else { continue };
                    if each.grouping {
                        groups.entry(key).or_default().push(value);
                    } else {
                        fields.map.insert(key, value);
                    }
                }
            }
        }
        if each.key_expr.is_none() {
            list.extend(rest.map(|why| more_of(&why)));
            return Value::list(list, spot);
        }
        fields.map.extend(groups.into_iter().map(|(key, values)| (key, Value::list(values, None))));
        fields.more = rest.map(|why| Rc::new(crate::known::Unknown { why, unblock: None }));
        Value { kind: Kind::Object(Rc::new(fields)), spot }
    }

    fn call(&self, call: &FuncCall, ctx: &Ctx, spot: Option<super::value::Spot>) -> Value {
        let name = call.name.name.as_str();
        let mut arguments = call.args.iter();
        match name {
            "try" => {
                let mut last = Value::fault("try()", spot);
                for argument in arguments {
                    last = self.eval(argument, ctx);
                    if !matches!(last.kind, Kind::Fault(_)) {
                        return last;
                    }
                }
                return last;
            }
            "can" => {
                let value = arguments.next().map_or(Value::NULL, |argument| self.eval(argument, ctx));
                return match &value.kind {
                    Kind::Fault(_) => Value::truth(false, spot),
                    Kind::Unknown(_) => Value::unknown(shortened(format!("can({})", value.shown())), spot),
                    _ => Value::truth(true, spot),
                };
            }
            _ => {}
        }
        let mut values: Vec<Value> = arguments.map(|argument| self.eval(argument, ctx)).collect();
        if call.args.expand_final()
            && let Some(last) = values.pop()
        {
            match &last.kind {
                Kind::List(items) => values.extend(items.iter().cloned()),
                Kind::Null => {}
                _ => values.push(more_of(&last.shown())),
            }
        }
        if let Some(fault) = values.iter().find(|value| matches!(value.kind, Kind::Fault(_))) {
            return fault.clone();
        }
        let cost: usize = values.iter().map(|value| value.items().len()).sum();
        if !self.step(cost) {
            return Value::unknown("larger than what is read", spot);
        }
        functions::call(self, name, &values, ctx, spot)
    }
}

/// The end of a list that may have more items.
pub(super) fn more_of(why: &str) -> Value {
    Value::from(Kind::More(Rc::new(crate::known::Unknown { why: why.to_owned(), unblock: None })))
}

fn binary(operator: BinaryOperator, left: &Value, right: &Value, spot: Option<super::value::Spot>) -> Value {
    if let Some(fault) = [left, right].into_iter().find(|value| matches!(value.kind, Kind::Fault(_))) {
        return fault.clone();
    }
    let truth = match operator {
        BinaryOperator::Eq => same(left, right),
        BinaryOperator::NotEq => same(left, right).map(|same| !same),
        BinaryOperator::And => match (left.as_bool(), right.as_bool()) {
            (Some(false), _) | (_, Some(false)) => Some(false),
            (Some(true), Some(true)) => Some(true),
            _ => None,
        },
        BinaryOperator::Or => match (left.as_bool(), right.as_bool()) {
            (Some(true), _) | (_, Some(true)) => Some(true),
            (Some(false), Some(false)) => Some(false),
            _ => None,
        },
        _ => None,
    };
    if let Some(truth) = truth {
        return Value::truth(truth, spot);
    }
    if let (Some(one), Some(other)) = (left.as_number(), right.as_number()) {
        let number = match operator {
            BinaryOperator::Plus => Some(one + other),
            BinaryOperator::Minus => Some(one - other),
            BinaryOperator::Mul => Some(one * other),
            BinaryOperator::Div if other != 0.0 => Some(one / other),
            BinaryOperator::Mod if other != 0.0 => Some(one % other),
            _ => None,
        };
        if let Some(number) = number {
            return Value::number(number, spot);
        }
        let truth = match operator {
            BinaryOperator::Less => Some(one < other),
            BinaryOperator::LessEq => Some(one <= other),
            BinaryOperator::Greater => Some(one > other),
            BinaryOperator::GreaterEq => Some(one >= other),
            _ => None,
        };
        if let Some(truth) = truth {
            return Value::truth(truth, spot);
        }
    }
    // The one that decides is known, or neither does.
    if operator == BinaryOperator::And && left.as_bool() == Some(true) {
        return right.clone();
    }
    if operator == BinaryOperator::Or && left.as_bool() == Some(false) {
        return right.clone();
    }
    Value::unknown(shortened(format!("{} {} {}", left.shown(), operator.as_str(), right.shown())), spot)
}
