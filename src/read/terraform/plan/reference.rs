//! What an expression of the configuration refers to, where the plan does not know its value.
//!
//! A plan lists the references of an expression and nothing else of it.

use super::super::attribute;
use super::super::value::Value;
use super::document::{Module, calls, split, without_index};
use super::{Reader, plain};
use serde_json::Value as Json;
use serde_json::value::RawValue;

/// How far references are followed.
const FOLLOWED: usize = 30;

impl Reader<'_, '_> {
    /// What an attribute that is not known refers to.
    pub(super) fn referred(&self, address: &str, name: &str) -> Option<Value> {
        let (module, _) = split(address);
        let expressions = self.expressions(address)?;
        let expression = &expressions[name];
        if expression.is_null() {
            return None;
        }
        // A document is put together from what it refers to, and is not the same.
        let document =
            name.contains("policy") && !name.contains("arn") || matches!(name, "data" | "manifest" | "yaml_body");
        let value = if document { None } else { self.expression(expression, module, 0) };
        Some(value.unwrap_or_else(|| Value::unknown(format!("{address}.{name}"), None)))
    }

    /// What the configuration says of a resource.
    fn expressions(&self, address: &str) -> Option<Json> {
        let (module, own) = split(address);
        let plain = without_index(own);
        let resource = self.configured(module)?.resources.iter().find(|resource| resource.address == plain)?;
        serde_json::from_str(resource.expressions?.get()).ok()
    }

    /// Whether the configuration is there and does not say this of a resource.
    pub(super) fn left_out(&self, address: &str, name: &str) -> bool {
        self.expressions(address).is_some_and(|expressions| expressions[name].is_null())
    }

    /// The configuration of a module, by the beginning of addresses in it.
    fn configured(&self, module: &str) -> Option<&Module<'_>> {
        let mut configured = self.root?;
        for call in calls(module) {
            configured = configured.module_calls.get(without_index(call).as_str())?.module.as_deref()?;
        }
        Some(configured)
    }

    pub(super) fn expression(&self, expression: &Json, module: &str, depth: usize) -> Option<Value> {
        if let Some(constant) = expression.get("constant_value") {
            return Some(plain(&constant.to_string()));
        }
        let references: Vec<&str> = expression["references"].as_array()?.iter().filter_map(Json::as_str).collect();
        self.reference(self.sole(&references, module)?, module, depth)
    }

    /// The one thing that an expression refers to. A plan does not say how an expression puts together what it refers
    /// to, so that of several it is none; but what is null or only a truth is no part of a text.
    fn sole<'r>(&self, references: &[&'r str], module: &str) -> Option<&'r str> {
        let inside = |one: &str, other: &str| other.strip_prefix(one).is_some_and(|rest| rest.starts_with(['.', '[']));
        // Beside each reference stand those to what is around it.
        let mut whole = references.iter().filter(|one| !references.iter().any(|other| inside(one, other)));
        let first = whole.next()?;
        let mut rest = whole.filter(|one| *one != first).peekable();
        if rest.peek().is_none() {
            return Some(first);
        }
        let says_nothing = |one: &str| {
            let name = one.strip_prefix("var.").filter(|_| module.is_empty());
            let value = name.and_then(|name| self.variables.get(name)).map(|variable| variable.value);
            value.is_some_and(|value| value.is_none_or(|raw| matches!(raw.get(), "null" | "true" | "false" | "\"\"")))
        };
        let mut telling = std::iter::once(first).chain(rest).filter(|one| !says_nothing(one));
        telling.next().filter(|_| telling.next().is_none()).copied()
    }

    /// What a reference in a module means.
    fn reference(&self, reference: &str, module: &str, depth: usize) -> Option<Value> {
        if depth > FOLLOWED {
            return None;
        }
        let parsed = |raw: &RawValue| serde_json::from_str::<Json>(raw.get()).ok();
        if let Some(name) = reference.strip_prefix("var.") {
            let name = name.split(['.', '[']).next().unwrap_or(name);
            if module.is_empty() {
                let value = self.variables.get(name)?.value?;
                return Some(plain(value.get()));
            }
            let (outer, call) = calls(module).pop().map(|call| (&module[..module.len() - call.len() - 8], call))?;
            let configured = self.configured(outer)?.module_calls.get(without_index(call).as_str())?;
            let expressions = parsed(configured.expressions?)?;
            return self.expression(&expressions[name], outer, depth + 1);
        }
        if let Some(rest) = reference.strip_prefix("module.") {
            let (call, output) = rest.split_once('.')?;
            let output = output.split(['.', '[']).next()?;
            let configured = self.configured(module)?.module_calls.get(without_index(call).as_str())?;
            let expression = parsed(configured.module.as_deref()?.outputs.get(output)?.expression?)?;
            return self.expression(&expression, &format!("{module}module.{call}."), depth + 1);
        }
        let parts: Vec<&str> = reference.splitn(if reference.starts_with("data.") { 4 } else { 3 }, '.').collect();
        let (attr, own) = parts.split_last().filter(|(_, own)| own.len() >= 2)?;
        let address = format!("{module}{}", own.join("."));
        let at = self
            .by_address
            .get(address.as_str())
            .or_else(|| self.by_address.get(format!("{address}[0]").as_str()))
            .copied();
        let Some(instance) = at.and_then(|at| self.instances.get(at)) else {
            return Some(Value::unknown(format!("{address}.{attr}"), None));
        };
        let values = instance.values.map(|raw| self.value(raw)).unwrap_or(Value::NULL);
        let kind =
            if reference.starts_with("data.") { format!("data.{}", instance.kind) } else { instance.kind.to_string() };
        let given = |name: &str| values.get(name).cloned().unwrap_or(Value::NULL);
        let (head, steps) = attr.split_at(attr.find(['.', '[']).unwrap_or(attr.len()));
        let own = Some(given(head)).filter(|own| !own.is_null());
        let known = own.or_else(|| attribute::of(&kind, head, &instance.address, &given, &self.home));
        let known = known.and_then(|known| stepped(&known, steps));
        Some(known.unwrap_or_else(|| Value::unknown(format!("{}.{attr}", instance.address), None)))
    }
}

/// What lies in a value at the steps of a reference, such as `[0].oidc[0].issuer`.
fn stepped(value: &Value, steps: &str) -> Option<Value> {
    let mut value = value.clone();
    for step in steps.split(['.', '[']).map(|step| step.trim_end_matches(']')).filter(|step| !step.is_empty()) {
        let inner = match step.parse::<usize>() {
            Ok(at) => value.items().get(at).cloned(),
            Err(_) => value.get(step.trim_matches('"')).cloned(),
        };
        value = inner.filter(|inner| !inner.is_null())?;
    }
    Some(value)
}
