//! Evaluation: a value as far as the template decides it.
//!
//! Whatever stands in a template becomes a value, a text with holes, or an unknown with a name; the
//! same expression always gets the same name, so that two uses of it are equal. What is removed by
//! `AWS::NoValue` is null. A condition that the template leaves open is unknown, and what depends
//! on it is known only where both branches agree.

mod condition;
mod texts;
mod values;

pub(super) use texts::{Piece, substitutions};
pub(super) use values::{same, shown, text_or, weight};

use super::stack::{Asked, Memo, Stack, World};
use super::template::Template;
use super::text::{self, Class};
use crate::known::{Part, Text, Truth};
use crate::read::code::{Form, Node, PARTITION};
use std::collections::BTreeMap;
use std::rc::Rc;
use values::{NODE, size};

/// A stack among all stacks: where expressions are evaluated.
#[derive(Clone)]
pub(super) struct Scope<'w, 't> {
    pub(super) world: &'w World<'t>,
    pub(super) stack: Rc<Stack<'t>>,
}

/// The variables of a `Fn::Sub` or of a loop.
pub(super) type Variables = BTreeMap<String, Node>;

impl<'w, 't> Scope<'w, 't> {
    pub(super) fn template(&self) -> &'t Template {
        self.stack.template
    }

    /// A hole of this stack. Where only this template declares the name, it says enough.
    pub(super) fn hole(&self, name: &str) -> String {
        let first = name.split('.').next().unwrap_or(name);
        let template = self.template();
        let own = template.parameters.contains_key(first) || template.numbers.contains_key(first);
        if own && self.stack.arguments.is_none() && !self.world.shared.borrow().contains(first) {
            return name.to_owned();
        }
        format!("{}{name}", self.stack.prefix)
    }

    /// A value that is not known, by a name of this stack.
    pub(super) fn unknown(&self, name: &str) -> Node {
        Node::unknown(self.hole(&text::name(name)))
    }

    /// The value of an expression; null where there is none.
    pub(super) fn evaluate(&self, node: &Node) -> Node {
        let size = if let Form::Text(text) = &node.form { weight(text) } else { 0 };
        if !self.world.spend(size + NODE) {
            return Node::unknown("more than is evaluated").written(node.at.clone());
        }
        let value = self.world.deeper(|| match &node.form {
            Form::Object(fields) => match fields.as_slice() {
                [(key, argument)] if is_intrinsic(key) => self.intrinsic(key, argument, node),
                _ => self.object(fields),
            },
            Form::List(items) => self.list(items),
            Form::Text(text) => dynamic(text),
            _ => node.clone(),
        });
        let value = value.unwrap_or_else(|| Node::unknown("nested too deep to be evaluated"));
        // What a parameter or a mapping says was written there.
        Node { at: value.at.or_else(|| node.at.clone()), form: value.form }
    }

    fn object(&self, fields: &[(String, Node)]) -> Node {
        let mut evaluated: Vec<(String, Node)> = Vec::with_capacity(fields.len());
        for (key, node) in fields {
            if key.starts_with("Fn::ForEach::") {
                // Loops are unrolled when a template is read; this one is over what is not known.
                evaluated.push((key.clone(), self.unknown(&format!("what `{key}` makes"))));
            } else if key == "Fn::Transform" {
                evaluated.push(("Fn::Transform".to_owned(), self.unknown("what a macro makes")));
            } else {
                evaluated.push((key.clone(), self.evaluate(node)));
            }
        }
        Node::new(Form::Object(evaluated))
    }

    fn list(&self, items: &[Node]) -> Node {
        let mut evaluated = Vec::with_capacity(items.len());
        let mut perhaps = Vec::new();
        for item in items {
            let value = self.evaluate(item);
            match value.form {
                Form::Null => {}
                // What may not be there at all comes last, as more that there may be.
                Form::Unknown(_) if self.may_be_absent(item) => perhaps.push(value),
                _ => evaluated.push(value),
            }
        }
        evaluated.extend(perhaps);
        Node::new(Form::List(evaluated))
    }

    /// Whether an item is a condition of which a branch is nothing.
    fn may_be_absent(&self, item: &Node) -> bool {
        let branches = item.get("Fn::If").map(Node::items).unwrap_or_default();
        branches.iter().skip(1).any(|branch| branch.get("Ref").and_then(Node::as_str) == Some("AWS::NoValue"))
    }

    fn intrinsic(&self, key: &str, argument: &Node, node: &Node) -> Node {
        match key {
            "Ref" => match self.name_in(argument) {
                Some(name) => self.reference(&name),
                None => self.unknown("Ref of what is not known"),
            },
            "Fn::GetAtt" => self.get_att(argument),
            "Fn::Sub" => self.sub(argument),
            "Fn::Join" => self.join(argument),
            "Fn::Select" => self.select(argument),
            "Fn::Split" => self.split(argument),
            "Fn::FindInMap" => self.find_in_map(argument),
            "Fn::If" => self.if_then_else(argument),
            "Fn::ImportValue" => self.import(argument),
            "Fn::Length" => self.length(argument),
            "Fn::ToJsonString" => {
                let value = self.evaluate(argument);
                let json = super::json_text::print(&value);
                self.world.spend(weight(&json));
                text::node(json)
            }
            "Fn::Base64" | "Fn::Cidr" | "Fn::GetAZs" => {
                let value = self.evaluate(argument);
                let what = match key {
                    "Fn::Base64" => "base64 of",
                    "Fn::Cidr" => "CIDR blocks of",
                    _ => "availability zones of",
                };
                let shown = if value.as_str() == Some("") { self.stack.home.region.to_string() } else { shown(&value) };
                Node::unknown(text::name(&format!("{what} {shown}")))
            }
            "Fn::Equals" | "Fn::And" | "Fn::Or" | "Fn::Not" => match self.truth(node) {
                Truth::True => Node::new(Form::Bool(true)),
                Truth::False => Node::new(Form::Bool(false)),
                Truth::Unknown => self.unknown("an undecided condition"),
            },
            _ => {
                let name = argument.get("Name").and_then(Node::as_str).unwrap_or("?");
                self.unknown(&format!("what macro `{name}` makes"))
            }
        }
    }

    /// A name that an intrinsic takes; only language extensions compute it.
    fn name_in(&self, argument: &Node) -> Option<String> {
        match argument.as_str() {
            Some(name) => Some(name.to_owned()),
            None => self.evaluate(argument).as_str().map(str::to_owned),
        }
    }

    /// What `Ref` gives.
    pub(super) fn reference(&self, name: &str) -> Node {
        let home = &self.stack.home;
        match name {
            "AWS::NoValue" => return Node::new(Form::Null),
            "AWS::AccountId" => return text::node(home.account.clone()),
            "AWS::Region" => return text::node(home.region.clone()),
            "AWS::Partition" => return text::node(home.partition.clone()),
            "AWS::URLSuffix" => {
                let is_china =
                    home.region.starts_with("cn-") == Truth::True || home.partition.as_str() == Some("aws-cn");
                return Node::text(if is_china { "amazonaws.com.cn" } else { "amazonaws.com" });
            }
            "AWS::StackName" => {
                return match &home.name {
                    Some(name) => Node::text(name.clone()),
                    None => self.named(name, Class::Name),
                };
            }
            "AWS::StackId" => {
                let id = self.named("AWS::StackId", Class::Name);
                let name = self.reference("AWS::StackName");
                return self.arn("cloudformation", true, &["stack/".into(), text_or(&name), "/".into(), text_or(&id)]);
            }
            "AWS::NotificationARNs" => return self.unknown(name),
            _ => {}
        }
        if let Some(parameter) = self.template().parameters.get(name) {
            return self.parameter(name, parameter);
        }
        self.attribute(name, None)
    }

    /// A hole of this stack, and what it may be filled with.
    pub(super) fn named(&self, name: &str, class: Class) -> Node {
        let hole = self.hole(name);
        self.world.classify(&hole, class);
        text::node(Text::hole(hole))
    }

    /// An ARN of the stack's account.
    pub(super) fn arn(&self, service: &str, regional: bool, resource: &[Text]) -> Node {
        let home = &self.stack.home;
        let region = if regional { home.region.clone() } else { Text::default() };
        let head: [Text; 7] = [
            "arn:".into(),
            home.partition.clone(),
            format!(":{service}:").as_str().into(),
            region,
            ":".into(),
            home.account.clone(),
            ":".into(),
        ];
        let arn = text::join(head.iter().chain(resource));
        self.world.spend(weight(&arn));
        text::node(arn)
    }

    fn parameter(&self, name: &str, parameter: &Node) -> Node {
        let kind = parameter.get("Type").and_then(Node::as_str).unwrap_or("String");
        let is_list = kind.contains("List<") || kind == "CommaDelimitedList";
        if let Some(argument) = self.stack.arguments.as_ref().and_then(|arguments| arguments.get(name)) {
            self.world.spend(size(argument));
            return if is_list { self.as_list(argument) } else { argument.clone() };
        }
        let hidden = parameter.get("NoEcho").is_some_and(|hidden| {
            matches!(hidden.form, Form::Bool(true)) || hidden.as_str().is_some_and(|it| it.eq_ignore_ascii_case("true"))
        });
        let only = parameter.get("AllowedValues").map(Node::items).filter(|allowed| allowed.len() == 1);
        let value = parameter.get("Default").or_else(|| only.and_then(<[Node]>::first));
        let Some(value) = value.filter(|_| !hidden) else {
            let hole = self.named(name, Class::Any);
            // A list or a number is no text.
            return if is_list || kind == "Number" { Node::unknown(self.hole(name)) } else { hole };
        };
        if kind.starts_with("AWS::SSM::Parameter::Value<") {
            let key = value.as_text().map(|text| text.to_string()).unwrap_or_default();
            return text::hole(&format!("resolve:ssm:{key}")).written(value.at.clone());
        }
        self.world.spend(value.as_text().map_or(1, |text| weight(&text)));
        if is_list {
            return self.as_list(value);
        }
        match (&value.form, kind) {
            (Form::Number(_), "Number") => value.clone(),
            (Form::Text(text), _) => Node { form: dynamic(text).form, at: value.at.clone() },
            _ => match value.as_text() {
                Some(text) => text::node(text).written(value.at.clone()),
                None => value.clone(),
            },
        }
    }

    /// A text with commas as a list.
    fn as_list(&self, value: &Node) -> Node {
        let Form::Text(text) = &value.form else { return value.clone() };
        if let [Part::Hole(hole)] = text.parts() {
            return Node::unknown(hole.clone()).written(value.at.clone());
        }
        let (pieces, rest) = text::split(text, ",", |hole| self.world.class(hole));
        let trimmed = |piece: &Text| match piece.as_str() {
            Some(piece) => Text::literal(piece.trim()),
            None => piece.clone(),
        };
        let mut items: Vec<Node> =
            pieces.iter().map(|piece| text::node(trimmed(piece)).written(value.at.clone())).collect();
        items.extend(rest.map(|rest| Node::unknown(rest).written(value.at.clone())));
        Node { form: Form::List(items), at: value.at.clone() }
    }

    fn get_att(&self, argument: &Node) -> Node {
        let (name, attribute) = match &argument.form {
            Form::List(items) => {
                let mut names = items.iter().map(|item| self.name_in(item));
                let Some(Some(first)) = names.next() else { return self.unknown("GetAtt of what is not known") };
                let rest: Option<Vec<String>> = names.collect();
                let Some(rest) = rest else { return self.unknown(&format!("{first}.?")) };
                (first, rest.join("."))
            }
            _ => match self.name_in(argument).as_deref().and_then(|name| name.split_once('.')) {
                Some((name, attribute)) => (name.to_owned(), attribute.to_owned()),
                None => return self.unknown("GetAtt of what is not known"),
            },
        };
        self.attribute(&name, Some(&attribute))
    }

    /// What a resource is called by others: an attribute, or what `Ref` gives.
    pub(super) fn attribute(&self, name: &str, attribute: Option<&str>) -> Node {
        let asked = Asked::Attribute(name.to_owned(), attribute.map(str::to_owned));
        let shown = || match attribute {
            Some(attribute) => format!("{name}.{attribute}"),
            None => name.to_owned(),
        };
        match self.stack.memo.borrow().get(&asked) {
            Some(Memo::Node(node)) => {
                self.world.spend(size(node));
                return node.clone();
            }
            Some(_) => return self.unknown(&shown()),
            None => {}
        }
        self.stack.memo.borrow_mut().insert(asked.clone(), Memo::Busy);
        let mut value = match self.template().resource(name) {
            Some(resource) => super::identity::of(self, name, resource, attribute),
            None => super::identity::implied(self, name, attribute).unwrap_or_else(|| self.named(&shown(), Class::Any)),
        };
        // Whoever refers to a thing is where the reference stands.
        value.at = None;
        self.stack.memo.borrow_mut().insert(asked, Memo::Node(value.clone()));
        value
    }

    fn find_in_map(&self, argument: &Node) -> Node {
        let items = argument.items();
        let [map, first, second, ..] = items else { return self.unknown("FindInMap of what is not known") };
        let [map, first, second] = [map, first, second].map(|key| self.evaluate(key));
        let default = items.get(3).and_then(|options| options.get("DefaultValue"));
        let name = || format!("{}.{}.{}", shown(&map), shown(&first), shown(&second));
        let Some(entries) = map.as_str().and_then(|map| self.template().mappings.get(map)) else {
            return default.map_or_else(|| self.unknown(&name()), |default| self.evaluate(default));
        };
        let key = |node: &Node| node.as_text().and_then(|text| text.as_str().map(str::to_owned));
        let (one, two) = (key(&first), key(&second));
        let copy = |node: &Node| {
            self.world.spend(size(node));
            node.clone()
        };
        // A template that asks for the partition means `aws` until something says otherwise.
        let is_partition = first.as_text().is_some_and(|text| text == Text::hole(PARTITION));
        let one = one.or_else(|| is_partition.then(|| "aws".to_owned()));
        match (one, two) {
            (Some(one), Some(two)) => match entries.get(&one).and_then(|entry| entry.get(&two)) {
                Some(value) => copy(value),
                None => default.map_or_else(|| self.unknown(&name()), |default| self.evaluate(default)),
            },
            (one, Some(two)) => {
                let Form::Object(all) = &entries.form else { return self.unknown(&name()) };
                let all = all.iter().filter(|(key, _)| one.as_ref().is_none_or(|one| one == key));
                let mut values = all.filter_map(|(_, entry)| entry.get(&two));
                match values.next() {
                    Some(value) if values.all(|other| same(value, other)) => copy(value),
                    _ => self.unknown(&name()),
                }
            }
            _ => self.unknown(&name()),
        }
    }

    fn import(&self, argument: &Node) -> Node {
        let name = self.evaluate(argument).as_text().unwrap_or_default();
        let found = self.world.exports.borrow().get(&name.to_string()).cloned();
        if let Some((stack, output)) = found
            && let Some(stack) = self.world.stacks.borrow().get(stack).cloned()
        {
            return Scope { world: self.world, stack }.output(&output);
        }
        text::hole(&format!("import {}", text::text_of(&name)))
    }

    /// The value of an output of this stack.
    pub(super) fn output(&self, name: &str) -> Node {
        let asked = Asked::Output(name.to_owned());
        match self.stack.memo.borrow().get(&asked) {
            Some(Memo::Node(node)) => {
                self.world.spend(size(node));
                return node.clone();
            }
            Some(_) => return self.unknown(name),
            None => {}
        }
        let Some(value) = self.template().outputs.get(name).and_then(|output| output.get("Value")) else {
            return self.unknown(&format!("output {name}"));
        };
        self.stack.memo.borrow_mut().insert(asked.clone(), Memo::Busy);
        let value = self.evaluate(value);
        self.stack.memo.borrow_mut().insert(asked, Memo::Node(value.clone()));
        value
    }

    fn length(&self, argument: &Node) -> Node {
        let list = self.evaluate(argument);
        match &list.form {
            Form::List(items) if items.iter().all(|item| !matches!(item.form, Form::Unknown(_))) => {
                Node::new(Form::Number(items.len().into()))
            }
            _ => self.unknown(&format!("length of {}", shown(&list))),
        }
    }
}

impl<'w, 't> Scope<'w, 't> {
    /// The nested stack of a resource.
    pub(super) fn child(&self, name: &str) -> Option<Self> {
        let number = self.child_number(name)?;
        let stack = self.world.stacks.borrow().get(number).cloned()?;
        Some(Scope { world: self.world, stack })
    }

    fn child_number(&self, name: &str) -> Option<usize> {
        if let Some(known) = self.stack.children.borrow().get(name) {
            return *known;
        }
        let template = *self.world.nested.get(&(self.stack.template_number, name.to_owned()))?;
        // While the arguments are evaluated, the stack is not there.
        self.stack.children.borrow_mut().insert(name.to_owned(), None);
        let resource = self.template().resource(name)?;
        let mut arguments = BTreeMap::new();
        for (key, node) in resource.properties.get("Parameters").cloned().into_iter().flat_map(super::template::fields)
        {
            arguments.insert(key, self.evaluate(&node));
        }
        let mut home = self.stack.home.clone();
        home.name = None;
        let prefix = self.hole(&format!("{name}."));
        let around = self.stack.around.clone();
        let added = self.world.add(template, prefix, Some(arguments), home, around).map(|stack| stack.number);
        self.stack.children.borrow_mut().insert(name.to_owned(), added);
        added
    }
}

/// Whether an object with only this key is a function.
pub(super) fn is_intrinsic(key: &str) -> bool {
    matches!(
        key,
        "Ref"
            | "Fn::GetAtt"
            | "Fn::Sub"
            | "Fn::Join"
            | "Fn::Select"
            | "Fn::Split"
            | "Fn::FindInMap"
            | "Fn::If"
            | "Fn::ImportValue"
            | "Fn::Length"
            | "Fn::ToJsonString"
            | "Fn::Base64"
            | "Fn::Cidr"
            | "Fn::GetAZs"
            | "Fn::Transform"
            | "Fn::Equals"
            | "Fn::And"
            | "Fn::Or"
            | "Fn::Not"
    )
}

/// A text in which references to SSM parameters and secrets are holes.
fn dynamic(text: &Text) -> Node {
    let is_dynamic = |part: &Part| matches!(part, Part::Literal(literal) if literal.contains("{{resolve:"));
    if !text.parts().iter().any(is_dynamic) {
        return text::node(text.clone());
    }
    let mut parts = Vec::new();
    for part in text.parts() {
        let Part::Literal(literal) = part else {
            parts.push(part.clone());
            continue;
        };
        let mut rest = literal.as_str();
        while let Some((before, from)) = rest.split_once("{{resolve:") {
            parts.push(Part::Literal(before.to_owned()));
            let Some((reference, after)) = from.split_once("}}") else {
                // Its end is a hole away.
                parts.push(Part::Hole(text::name(&format!("resolve:{from}"))));
                rest = "";
                break;
            };
            parts.push(Part::Hole(text::name(&format!("resolve:{reference}"))));
            rest = after;
        }
        parts.push(Part::Literal(rest.to_owned()));
    }
    text::node(Text::from_parts(parts))
}
