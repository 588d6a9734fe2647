//! Conditions: which branch a template takes, as far as it decides that.

use super::super::text;
use super::{Asked, Memo, Scope, same, shown};
use crate::known::{Text, Truth};
use crate::read::code::{Form, Node};

impl Scope<'_, '_> {
    pub(super) fn if_then_else(&self, argument: &Node) -> Node {
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
    pub(in crate::read::cloudformation) fn condition(&self, name: &str) -> Truth {
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

    pub(super) fn truth(&self, node: &Node) -> Truth {
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

    pub(super) fn equals(&self, left: &Node, right: &Node) -> Truth {
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
    pub(super) fn not_allowed(&self, node: &Node, text: &Text) -> bool {
        let parameter = node.get("Ref").and_then(Node::as_str).and_then(|name| self.template().parameters.get(name));
        let allowed = parameter.and_then(|parameter| parameter.get("AllowedValues")).map(Node::items);
        let is_argument = self.stack.arguments.is_some();
        allowed.is_some_and(|allowed| {
            !is_argument
                && !allowed.is_empty()
                && allowed.iter().all(|one| one.as_text().is_some_and(|one| one.same_as(text) == Truth::False))
        })
    }
}
