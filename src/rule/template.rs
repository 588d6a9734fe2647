//! Sentences and commands with the user's own names in them.
//!
//! `{cluster.name}` is a path from the subject, `{rollout.region}` one from the rollout around it and
//! `{found.role}` a fact of the evidence; `{a|b|'text'}` takes the first that is known; `{{` and `}}`
//! are braces. Names come from inputs that others control, so in a command each is quoted for the shell.

use crate::known::{Part, Text};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A text with named holes; taken apart when it is filled, which most never are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    text: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Literal(String),
    Hole(Vec<Choice>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Choice {
    Name(String),
    Literal(String),
}

/// What fills the holes of a template.
pub trait Fill {
    /// The value of a name, with its own holes if it has any; `None` if nothing is known of it.
    fn fill(&self, name: &str) -> Option<Text>;
}

impl<F: Fn(&str) -> Option<Text>> Fill for F {
    fn fill(&self, name: &str) -> Option<Text> {
        self(name)
    }
}

/// A text for people: what code calls a hole, without the folder and the outer modules that make the name unique.
fn told(text: &str) -> String {
    let mut told = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let (before, tail) = rest.split_at(at + 2);
        told.push_str(before);
        let end = tail.find(['}', '{']).unwrap_or(tail.len());
        let (name, tail) = tail.split_at(end);
        // A name with names in it is left as it is.
        told.push_str(&if tail.starts_with('}') { brief(short_name(name)) } else { name.to_owned() });
        rest = tail;
    }
    told.push_str(rest);
    told
}

/// An expression by what it calls first: `title(…)`.
fn brief(name: &str) -> String {
    match name.split_once('(') {
        Some((called, _)) => format!("{called}(…)"),
        None => name.to_owned(),
    }
}

/// `examples/x:module.a.module.b.var.name` → `module.b.var.name`; `stack.AWS::StackName` → `AWS::StackName`.
fn short_name(name: &str) -> &str {
    if let Some(at) = name.find("AWS::") {
        let (scope, pseudo) = name.split_at(at);
        let plain = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.:/".contains(c));
        return if plain(scope) && plain(pseudo) { pseudo } else { name };
    }
    let inner = match name.split_once(':') {
        Some((scope, inner)) if !scope.contains(['(', ' ', '"']) && !inner.starts_with(':') => inner,
        _ => return name,
    };
    let begins = |at: &usize| at.checked_sub(1).is_none_or(|before| inner.as_bytes().get(before) == Some(&b'.'));
    let last = inner.match_indices("module.").map(|(at, _)| at).filter(begins).last();
    let (outer, short) = inner.split_at(last.unwrap_or(0));
    if outer.contains(['(', '"', ' ']) { inner } else { short }
}

impl Template {
    /// A template from its text, or what is wrong with it.
    pub fn new(text: impl Into<String>) -> Result<Self, String> {
        let template = Self { text: text.into() };
        template.parts().map(|_| ()).map(|()| template)
    }

    /// What is wrong with the template, if anything is.
    pub fn compile(&self) -> Result<(), String> {
        self.parts().map(|_| ())
    }

    fn parts(&self) -> Result<Vec<Piece>, String> {
        let text = &self.text;
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = text.as_str();
        while let Some(at) = rest.find(['{', '}']) {
            let (before, tail) = rest.split_at(at);
            literal.push_str(before);
            if let Some(tail) = tail.strip_prefix("{{") {
                literal.push('{');
                rest = tail;
            } else if let Some(tail) = tail.strip_prefix("}}") {
                literal.push('}');
                rest = tail;
            } else if let Some((name, tail)) = tail.strip_prefix('{').and_then(|tail| tail.split_once('}')) {
                let choices = name.split('|').map(choice).collect::<Result<Vec<_>, _>>()?;
                parts.push(Piece::Literal(std::mem::take(&mut literal)));
                parts.push(Piece::Hole(choices));
                rest = tail;
            } else {
                return Err(format!("a brace of `{text}` has no partner; write `{{{{` or `}}}}` for a brace"));
            }
        }
        literal.push_str(rest);
        parts.push(Piece::Literal(literal));
        parts.retain(|part| !matches!(part, Piece::Literal(text) if text.is_empty()));
        Ok(parts)
    }

    /// The parts; all of a text that is no template is literal.
    fn pieces(&self) -> Vec<Piece> {
        self.parts().unwrap_or_else(|_| vec![Piece::Literal(self.text.clone())])
    }

    /// The template as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The sentence; a name of which nothing is known stands as `<cluster.name>`.
    #[must_use]
    pub fn sentence(&self, names: &impl Fill) -> String {
        self.pieces()
            .iter()
            .map(|part| match part {
                Piece::Literal(text) => text.clone(),
                Piece::Hole(choices) => filled(choices, names)
                    .map_or_else(|| format!("<{}>", first_name(choices)), |text| told(&text.to_string())),
            })
            .collect()
    }

    /// The command; each name is one shell word, or the inside of the quotes in which it stands.
    #[must_use]
    pub fn command(&self, names: &impl Fill) -> String {
        let mut command = String::new();
        let mut quoted = false;
        for part in &self.pieces() {
            match part {
                Piece::Literal(text) => {
                    quoted ^= text.matches('\'').count() % 2 == 1;
                    command.push_str(text);
                }
                Piece::Hole(choices) => {
                    let value = filled(choices, names).map(|text| told(&text.to_string()));
                    let value = value.unwrap_or_else(|| format!("<{}>", first_name(choices)));
                    if quoted {
                        command.push_str(&value.replace('\'', r"'\''"));
                    } else if is_plain(&value) || continues_a_word(&command) && value.chars().all(is_plain_char) {
                        command.push_str(&value);
                    } else {
                        command.push('\'');
                        command.push_str(&value.replace('\'', r"'\''"));
                        command.push('\'');
                    }
                }
            }
        }
        command
    }

    /// The text, in which a name of which nothing is known stays a hole.
    #[must_use]
    pub fn with_holes(&self, names: &impl Fill) -> Text {
        Text::from_parts(self.pieces().iter().flat_map(|part| match part {
            Piece::Literal(text) => vec![Part::Literal(text.clone())],
            Piece::Hole(choices) => match filled(choices, names) {
                Some(text) => text.parts().to_vec(),
                None => vec![Part::Hole(first_name(choices).to_owned())],
            },
        }))
    }
}

fn choice(text: &str) -> Result<Choice, String> {
    let text = text.trim();
    if let Some(literal) = text.strip_prefix('\'').and_then(|text| text.strip_suffix('\'')) {
        return Ok(Choice::Literal(literal.to_owned()));
    }
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '[' | ']' | '*');
    if text.is_empty() || !text.chars().all(plain) {
        return Err(format!("`{{{text}}}` is no name; write names as in `{{cluster.name}}`"));
    }
    Ok(Choice::Name(text.to_owned()))
}

fn first_name(choices: &[Choice]) -> &str {
    choices
        .iter()
        .map(|choice| match choice {
            Choice::Name(text) | Choice::Literal(text) => text.as_str(),
        })
        .next()
        .unwrap_or_default()
}

fn filled(choices: &[Choice], names: &impl Fill) -> Option<Text> {
    choices.iter().find_map(|choice| match choice {
        Choice::Name(name) => names.fill(name),
        Choice::Literal(text) => Some(Text::literal(text.as_str())),
    })
}

fn is_plain_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_-./:@%+=,".contains(c)
}

/// Whether a shell reads the text as one word as it stands, and no option is made of it.
fn is_plain(text: &str) -> bool {
    !text.is_empty() && !text.starts_with('-') && text.chars().all(is_plain_char)
}

fn continues_a_word(command: &str) -> bool {
    command.chars().next_back().is_some_and(is_plain_char)
}

impl Serialize for Template {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Template {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self { text: String::deserialize(deserializer)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(name: &str) -> Option<Text> {
        match name {
            "cluster.name" => Some("live-1".into()),
            "evil" => Some("x'; rm -rf / #".into()),
            "flag" => Some("--profile=other".into()),
            "arn" => Some(Text::from_parts([Part::Literal("arn:aws:iam::".into()), Part::Hole("account".into())])),
            "ofCode" => Some(
                "${ex/a:module.e.module.sg.aws_sg.a.id}-x-${tmpl.AWS::StackName}${a:var.b} and ${for f(a/b:module.c)}"
                    .into(),
            ),
            _ => None,
        }
    }

    #[test]
    fn sentences_name_the_users_things() {
        for (template, expected) in [
            ("cluster `{cluster.name}` is gone", "cluster `live-1` is gone"),
            ("{nobody}", "<nobody>"),
            ("{nobody|cluster.name}", "live-1"),
            ("{nobody|'some'} {{x}}", "some {x}"),
            ("{arn}", "arn:aws:iam::${account}"),
            ("{ofCode}", "${module.sg.aws_sg.a.id}-x-${AWS::StackName}${var.b} and ${for f(…)}"),
        ] {
            assert_eq!(Template::new(template).unwrap().sentence(&names), expected);
        }
        for broken in ["{", "}", "{a", "{}", "{a b}", "{a;b}"] {
            assert!(Template::new(broken).is_err(), "{broken}");
        }
    }

    #[test]
    fn commands_quote_what_others_chose() {
        for (template, expected) in [
            ("aws --cluster {cluster.name}", "aws --cluster live-1"),
            ("aws --cluster {evil}", r"aws --cluster 'x'\''; rm -rf / #'"),
            ("aws --cluster {flag}", "aws --cluster '--profile=other'"),
            (r#"echo '{{"a": "{evil}"}}'"#, r#"echo '{"a": "x'\''; rm -rf / #"}'"#),
            ("arn:{cluster.name}/x", "arn:live-1/x"),
            ("arn:{evil}/x", r"arn:'x'\''; rm -rf / #'/x"),
        ] {
            assert_eq!(Template::new(template).unwrap().command(&names), expected);
        }
    }

    #[test]
    fn what_is_not_known_stays_a_hole() {
        let text = Template::new("arn:aws:eks:{region}:1:{cluster.name}").unwrap().with_holes(&names);
        assert_eq!(text.to_string(), "arn:aws:eks:${region}:1:live-1");
        assert_eq!(text.as_str(), None);
    }
}
