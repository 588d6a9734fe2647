//! Evaluation: a value as far as the template decides it.
//!
//! Whatever stands in a template becomes a value, a text with holes, or an unknown with a name; the
//! same expression always gets the same name, so that two uses of it are equal. What is removed by
//! `AWS::NoValue` is null. A condition that the template leaves open is unknown, and what depends
//! on it is known only where both branches agree.

use super::stack::{Asked, Memo, Stack, World};
use super::template::Template;
use super::text::{self, Class};
use crate::known::{Part, Text, Truth, Unknown};
use crate::read::code::{Form, Node, PARTITION};
use std::collections::BTreeMap;
use std::rc::Rc;

/// What a value costs beside its text.
const NODE: usize = 16;

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

    fn sub(&self, argument: &Node) -> Node {
        let (template, variables) = match &argument.form {
            Form::List(items) => match items.as_slice() {
                [template, map, ..] => {
                    let variables = super::template::fields(map.clone());
                    (template, variables.map(|(name, node)| (name, self.evaluate(&node))).collect())
                }
                [template] => (template, Variables::new()),
                [] => return self.unknown("Sub of nothing"),
            },
            _ => (argument, Variables::new()),
        };
        let Some(text) = template.as_str() else { return self.unknown("Sub of what is not known") };
        let pieces = substitutions(text).into_iter().map(|piece| match piece {
            Piece::Literal(literal) => Text::literal(literal),
            Piece::Name(name) => {
                let value = self.substitute(name, &variables);
                self.text_of(&value)
            }
        });
        let mut parts = Vec::new();
        for piece in pieces {
            if !self.world.spend(weight(&piece)) {
                return Node::unknown("more than is evaluated");
            }
            parts.extend(piece.parts().iter().cloned());
        }
        Node { form: dynamic(&Text::from_parts(parts)).form, at: template.at.clone() }
    }

    /// What a name in a `Fn::Sub` stands for.
    pub(super) fn substitute(&self, name: &str, variables: &Variables) -> Node {
        match (variables.get(name), name.split_once('.')) {
            (Some(value), _) => value.clone(),
            (None, Some((resource, attribute))) => self.attribute(resource, Some(attribute)),
            (None, None) => self.reference(name),
        }
    }

    /// A value as text; a hole where it is none.
    pub(super) fn text_of(&self, value: &Node) -> Text {
        match (&value.form, value.as_text()) {
            (_, Some(text)) => text,
            (Form::Null, None) => Text::default(),
            // A list of texts in a text is joined with commas.
            (Form::List(items), None) if items.iter().all(|item| item.as_text().is_some()) => {
                let mut parts = Vec::new();
                for (number, item) in items.iter().enumerate() {
                    if number > 0 {
                        parts.push(Part::Literal(",".into()));
                    }
                    parts.extend(item.as_text().iter().flat_map(|text| text.parts().iter().cloned()));
                }
                Text::from_parts(parts)
            }
            _ => Text::hole(self.hole(&text::name(&shown(value)))),
        }
    }

    fn join(&self, argument: &Node) -> Node {
        let [delimiter, list] = argument.items() else { return self.unknown("Join of what is not known") };
        let delimiter = self.evaluate(delimiter).as_text().unwrap_or_default();
        let list = self.evaluate(list);
        let items = match &list.form {
            Form::List(items) => items,
            Form::Unknown(unknown) => {
                return text::hole(&format!("{} joined with `{delimiter}`", unknown.why));
            }
            _ => std::slice::from_ref(&list),
        };
        let mut parts: Vec<Part> = Vec::new();
        for (number, item) in items.iter().enumerate() {
            let item = self.text_of(item);
            if !self.world.spend(weight(&item) + weight(&delimiter)) {
                return Node::unknown("more than is evaluated");
            }
            if number > 0 {
                parts.extend(delimiter.parts().iter().cloned());
            }
            parts.extend(item.parts().iter().cloned());
        }
        dynamic(&Text::from_parts(parts))
    }

    fn select(&self, argument: &Node) -> Node {
        let [index, list] = argument.items() else { return self.unknown("Select of what is not known") };
        let index = self.evaluate(index);
        let list = self.evaluate(list);
        let number: Option<usize> = index.as_text().as_ref().and_then(Text::as_str).and_then(|text| text.parse().ok());
        match (&list.form, number) {
            (Form::List(items), Some(number)) => {
                // What stands for the rest of a list is at its end.
                let rest = items.last().and_then(|last| match &last.form {
                    Form::Unknown(unknown) if unknown.why.contains(" split at `") => Some(&unknown.why),
                    _ => None,
                });
                match (items.get(number), rest) {
                    (Some(item), None) => item.clone(),
                    (Some(item), Some(_)) if number + 1 < items.len() => item.clone(),
                    (_, Some(rest)) => self.after(rest, number),
                    (None, None) => self.unknown(&format!("item {number} of a list of {}", items.len())),
                }
            }
            (Form::Unknown(unknown), Some(number)) => text::hole(&format!("{}[{number}]", unknown.why)),
            _ => self.unknown(&format!("item {} of {}", shown(&index), shown(&list))),
        }
    }

    /// What a list that is known in part has where it is not known.
    fn after(&self, rest: &str, number: usize) -> Node {
        // An address without its scheme is the same, however it was taken off.
        for scheme in ["||", "scheme", ":||"] {
            if let Some(whole) = rest.strip_suffix(&format!(" split at `{scheme}`"))
                && number == 1
                && let Some(hole) = whole.strip_prefix("${").and_then(|hole| hole.strip_suffix('}'))
                && !hole.contains("${")
            {
                return text::hole(&format!("{hole} without its scheme"));
            }
        }
        text::hole(&format!("{rest}[{number}]"))
    }

    fn split(&self, argument: &Node) -> Node {
        let [delimiter, whole] = argument.items() else { return self.unknown("Split of what is not known") };
        let (delimiter, whole) = (self.evaluate(delimiter), self.evaluate(whole));
        let (Some(delimiter), Some(whole)) = (delimiter.as_str(), whole.as_text()) else {
            return self.unknown("Split of what is not known");
        };
        let (pieces, rest) = text::split(&whole, delimiter, |hole| self.world.class(hole));
        self.world.spend(pieces.len());
        let mut items: Vec<Node> = pieces.into_iter().map(text::node).collect();
        items.extend(rest.map(Node::unknown));
        Node::new(Form::List(items))
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

    fn if_then_else(&self, argument: &Node) -> Node {
        let [condition, yes, no] = argument.items() else { return self.unknown("If of what is not known") };
        let truth = match condition.as_str() {
            Some(name) => self.condition(name),
            None => self.truth(condition),
        };
        match truth {
            Truth::True => self.evaluate(yes),
            Truth::False => self.evaluate(no),
            Truth::Unknown => {
                let (yes, no) = (self.evaluate(yes), self.evaluate(no));
                if same(&yes, &no) {
                    return yes;
                }
                let condition = condition.as_str().unwrap_or("?");
                let are_texts = [&yes, &no].iter().all(|one| matches!(one.form, Form::Text(_)));
                let either = match (&yes.form, &no.form) {
                    (_, Form::Null) => format!("{} if `{condition}`", shown(&yes)),
                    (Form::Null, _) => format!("{} unless `{condition}`", shown(&no)),
                    _ => format!("{} if `{condition}`, else {}", shown(&yes), shown(&no)),
                };
                if are_texts { text::hole(&self.hole(&either)) } else { self.unknown(&either) }
            }
        }
    }

    /// Whether a condition of the template holds.
    pub(super) fn condition(&self, name: &str) -> Truth {
        let asked = Asked::Condition(name.to_owned());
        match self.stack.memo.borrow().get(&asked) {
            Some(Memo::Truth(truth)) => return *truth,
            Some(_) => return Truth::Unknown,
            None => {}
        }
        let Some(condition) = self.template().conditions.get(name) else { return Truth::Unknown };
        self.stack.memo.borrow_mut().insert(asked.clone(), Memo::Busy);
        let truth = self.world.deeper(|| self.truth(condition)).unwrap_or(Truth::Unknown);
        self.stack.memo.borrow_mut().insert(asked, Memo::Truth(truth));
        truth
    }

    fn truth(&self, node: &Node) -> Truth {
        let Form::Object(fields) = &node.form else {
            return match node.as_text().as_ref().and_then(Text::as_str) {
                Some("true") => Truth::True,
                Some("false") => Truth::False,
                _ => Truth::Unknown,
            };
        };
        let [(key, argument)] = fields.as_slice() else { return Truth::Unknown };
        if !self.world.spend(1) {
            return Truth::Unknown;
        }
        let all =
            || argument.items().iter().map(|item| self.world.deeper(|| self.truth(item)).unwrap_or(Truth::Unknown));
        match key.as_str() {
            "Condition" => argument.as_str().map_or(Truth::Unknown, |name| self.condition(name)),
            "Fn::And" => Truth::all(all()),
            "Fn::Or" => Truth::any(all()),
            "Fn::Not" => !argument.items().first().map_or(Truth::Unknown, |_| Truth::any(all())),
            "Fn::Equals" => match argument.items() {
                [left, right] => self.equals(left, right),
                _ => Truth::Unknown,
            },
            _ => Truth::Unknown,
        }
    }

    fn equals(&self, left: &Node, right: &Node) -> Truth {
        let (one, other) = (self.evaluate(left), self.evaluate(right));
        let (Some(a), Some(b)) = (one.as_text(), other.as_text()) else {
            return if same(&one, &other) { Truth::True } else { Truth::Unknown };
        };
        match a.same_as(&b) {
            // A parameter without a default is one of the values that are allowed.
            Truth::Unknown if self.not_allowed(left, &b) || self.not_allowed(right, &a) => Truth::False,
            truth => truth,
        }
    }

    /// Whether a parameter cannot be that text.
    fn not_allowed(&self, node: &Node, text: &Text) -> bool {
        let parameter = node.get("Ref").and_then(Node::as_str).and_then(|name| self.template().parameters.get(name));
        let allowed = parameter.and_then(|parameter| parameter.get("AllowedValues")).map(Node::items);
        let is_argument = self.stack.arguments.is_some();
        allowed.is_some_and(|allowed| {
            !is_argument
                && !allowed.is_empty()
                && allowed.iter().all(|one| one.as_text().is_some_and(|one| one.same_as(text) == Truth::False))
        })
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

/// A stretch of the text of a `Fn::Sub`.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece<'t> {
    Literal(&'t str),
    Name(&'t str),
}

/// The stretches of the text of a `Fn::Sub`; `${!x}` is the literal `${x}`.
pub(super) fn substitutions(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    let is_name = |letter: char| {
        letter.is_ascii_alphanumeric() || matches!(letter, ':' | '.' | '_' | '-' | ' ' | '&' | '{' | '}')
    };
    while let Some(at) = rest.find("${") {
        let (before, from) = rest.split_at(at);
        let inside = from.get(2..).unwrap_or_default();
        let Some(end) = inside.find('}') else { break };
        let (name, after) = (inside.get(..end).unwrap_or_default(), inside.get(end + 1..).unwrap_or_default());
        pieces.push(Piece::Literal(before));
        match name.strip_prefix('!') {
            Some(_) => {
                pieces.push(Piece::Literal("${"));
                pieces.push(Piece::Literal(from.get(3..end + 3).unwrap_or_default()));
            }
            None if !name.trim().is_empty() && name.chars().all(is_name) => pieces.push(Piece::Name(name.trim())),
            None => pieces.push(Piece::Literal(from.get(..end + 3).unwrap_or_default())),
        }
        rest = after;
    }
    pieces.push(Piece::Literal(rest));
    pieces
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

/// How much a text weighs.
pub(super) fn weight(text: &Text) -> usize {
    let of = |part: &Part| match part {
        Part::Literal(text) | Part::Hole(text) => text.len() + 8,
    };
    text.parts().iter().map(of).sum::<usize>() + 1
}

/// How much a value weighs.
fn size(node: &Node) -> usize {
    match &node.form {
        Form::List(items) => items.iter().map(size).sum::<usize>() + NODE,
        Form::Object(fields) => fields.iter().map(|(key, node)| key.len() + size(node)).sum::<usize>() + NODE,
        Form::Text(text) => weight(text) + NODE,
        _ => NODE,
    }
}

/// A text, or what stands for it.
pub(super) fn text_or(node: &Node) -> Text {
    node.as_text().unwrap_or_else(|| Text::hole("?"))
}

/// A value in the name of a hole.
pub(super) fn shown(node: &Node) -> String {
    fn write(node: &Node, out: &mut String) {
        if out.len() > 2_000 {
            return;
        }
        match &node.form {
            Form::Null => out.push_str("nothing"),
            Form::List(items) => {
                out.push('[');
                for (number, item) in items.iter().enumerate() {
                    if number > 0 {
                        out.push_str(", ");
                    }
                    write(item, out);
                }
                out.push(']');
            }
            Form::Object(fields) => {
                out.push('{');
                for (number, (key, node)) in fields.iter().enumerate() {
                    if number > 0 {
                        out.push_str(", ");
                    }
                    out.push_str(key);
                    out.push_str(": ");
                    write(node, out);
                }
                out.push('}');
            }
            _ => out.push_str(&node.as_text().map(|text| text::text_of(&text)).unwrap_or_default()),
        }
    }
    let mut out = String::new();
    write(node, &mut out);
    out
}

/// Whether two values are the same, wherever they were written.
pub(super) fn same(one: &Node, other: &Node) -> bool {
    match (&one.form, &other.form) {
        (Form::List(a), Form::List(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Form::Object(a), Form::Object(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|((ka, a), (kb, b))| ka == kb && same(a, b))
        }
        (Form::Null, Form::Null) => true,
        (Form::Null | Form::List(_) | Form::Object(_), _) | (_, Form::Null | Form::List(_) | Form::Object(_)) => false,
        (Form::Unknown(Unknown { why: a, .. }), Form::Unknown(Unknown { why: b, .. })) => a == b,
        _ => one.as_text() == other.as_text(),
    }
}
