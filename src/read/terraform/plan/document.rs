//! The document that `terraform show -json` prints, as far as it is read, and the addresses in it.
//!
//! <https://developer.hashicorp.com/terraform/internals/json-format>

use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::BTreeMap;

#[derive(Deserialize)]
pub(super) struct Plan<'a> {
    #[serde(borrow)]
    pub(super) format_version: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) planned_values: Option<Values<'a>>,
    #[serde(borrow)]
    pub(super) values: Option<Values<'a>>,
    #[serde(borrow, default)]
    pub(super) resource_changes: Vec<Change<'a>>,
    #[serde(borrow)]
    pub(super) configuration: Option<Configuration<'a>>,
    #[serde(borrow, default)]
    pub(super) variables: BTreeMap<Cow<'a, str>, Variable<'a>>,
}

#[derive(Deserialize)]
pub(super) struct Variable<'a> {
    #[serde(borrow)]
    pub(super) value: Option<&'a RawValue>,
}

#[derive(Deserialize)]
pub(super) struct Values<'a> {
    #[serde(borrow)]
    pub(super) root_module: Option<Planned<'a>>,
}

#[derive(Deserialize)]
pub(super) struct Planned<'a> {
    #[serde(borrow, default)]
    pub(super) resources: Vec<Instance<'a>>,
    #[serde(borrow, default)]
    pub(super) child_modules: Vec<Planned<'a>>,
}

#[derive(Deserialize)]
pub(super) struct Instance<'a> {
    #[serde(borrow)]
    pub(super) address: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) mode: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "type")]
    pub(super) kind: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) values: Option<&'a RawValue>,
}

#[derive(Deserialize)]
pub(super) struct Change<'a> {
    #[serde(borrow)]
    pub(super) address: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) mode: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "type")]
    pub(super) kind: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) deposed: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) change: Option<After<'a>>,
}

#[derive(Deserialize)]
pub(super) struct After<'a> {
    #[serde(borrow, default)]
    pub(super) actions: Vec<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) before: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) after_unknown: Option<&'a RawValue>,
}

#[derive(Deserialize, Default)]
pub(super) struct Configuration<'a> {
    #[serde(borrow, default)]
    pub(super) provider_config: BTreeMap<Cow<'a, str>, Provider<'a>>,
    #[serde(borrow)]
    pub(super) root_module: Option<Module<'a>>,
}

#[derive(Deserialize)]
pub(super) struct Provider<'a> {
    #[serde(borrow)]
    pub(super) expressions: Option<&'a RawValue>,
}

#[derive(Deserialize, Default)]
pub(super) struct Module<'a> {
    #[serde(borrow, default)]
    pub(super) resources: Vec<Configured<'a>>,
    #[serde(borrow, default)]
    pub(super) module_calls: BTreeMap<Cow<'a, str>, ModuleCall<'a>>,
    #[serde(borrow, default)]
    pub(super) outputs: BTreeMap<Cow<'a, str>, Output<'a>>,
}

#[derive(Deserialize)]
pub(super) struct Configured<'a> {
    #[serde(borrow)]
    pub(super) address: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) expressions: Option<&'a RawValue>,
}

#[derive(Deserialize)]
pub(super) struct ModuleCall<'a> {
    #[serde(borrow)]
    pub(super) expressions: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) module: Option<Box<Module<'a>>>,
}

#[derive(Deserialize)]
pub(super) struct Output<'a> {
    #[serde(borrow)]
    pub(super) expression: Option<&'a RawValue>,
}

/// An address taken apart into its modules and the rest: `module.a["x.y"].` and `aws_iam_role.b`.
pub(super) fn split(address: &str) -> (&str, &str) {
    let mut from = 0;
    while let Some(rest) = address.get(from..).filter(|rest| rest.starts_with("module.")) {
        let end = call_end(rest);
        if end >= rest.len() {
            break;
        }
        from += end + 1;
    }
    address.split_at_checked(from).unwrap_or(("", address))
}

/// Where a call ends in an address that begins with it; keys may hold anything.
pub(super) fn call_end(text: &str) -> usize {
    let (mut quoted, mut escaped, mut dots) = (false, false, 0);
    for (at, letter) in text.char_indices() {
        match letter {
            '"' if !escaped => quoted = !quoted,
            '.' if !quoted => {
                dots += 1;
                if dots == 2 {
                    return at;
                }
            }
            _ => {}
        }
        escaped = letter == '\\' && !escaped;
    }
    text.len()
}

/// The calls in the beginning of an address, without `module.`.
pub(super) fn calls(module: &str) -> Vec<&str> {
    let mut calls = Vec::new();
    let mut rest = module;
    while let Some(inner) = rest.strip_prefix("module.") {
        let end = call_end(rest).saturating_sub(7);
        calls.push(inner.get(..end).unwrap_or(inner).trim_end_matches('.'));
        rest = inner.get(end + 1..).unwrap_or_default();
    }
    calls
}

pub(super) fn without_index(address: &str) -> String {
    address.split('[').next().unwrap_or(address).to_owned()
}
