//! `sparkcheck.toml`: what is going to be rolled out.

use super::ReadError;
use miette::{NamedSource, SourceSpan};
use serde_json::{Map, Value};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The rollouts that a file declares.
#[derive(Debug)]
pub(crate) struct Declarations {
    /// The file's path as it is shown.
    pub(crate) path: String,
    /// One object a rollout, with its keys as written.
    pub(crate) rollouts: Vec<Value>,
    /// The files that the rollouts name.
    pub(crate) files: Vec<Named>,
}

/// A file that a rollout names.
#[derive(Debug)]
pub(crate) struct Named {
    /// The number of the rollout.
    pub(crate) rollout: usize,
    /// `jobs` or `config`.
    pub(crate) key: &'static str,
    /// The path as written.
    pub(crate) path: String,
    /// Where it is written.
    pub(crate) span: SourceSpan,
}

/// The keys of a rollout.
const KEYS: &[&str] = &[
    "name",
    "system",
    "cluster",
    "namespace",
    "submitter",
    "execution-role",
    "release-label",
    "virtual-cluster",
    "credentials",
    "jobs",
    "concurrent",
    "together",
    "application",
    "service-role",
    "instance-profile",
    "gateway-namespace",
    "operator-namespace",
    "service-account",
    "config",
    "region",
    "account",
];
const SYSTEMS: &[&str] = &["emr-on-eks", "emr-serverless", "emr-on-ec2", "spark-operator", "batch-processing-gateway"];
const CREDENTIALS: &[&str] = &["irsa", "pod-identity"];

/// A mistake at a place in the file.
pub(crate) fn mistake(
    path: &str,
    text: &str,
    span: impl Into<SourceSpan>,
    message: String,
    label: &str,
    help: Option<String>,
) -> ReadError {
    ReadError::Declaration(Box::new(super::DeclarationError {
        message,
        text: NamedSource::new(path, text.to_owned()),
        span: span.into(),
        label: label.to_owned(),
        help,
    }))
}

/// Reads the declarations in a text.
pub(crate) fn parse(path: &str, text: &str) -> Result<Declarations, ReadError> {
    let table = DeTable::parse(text).map_err(|error| {
        let message = format!("`{path}` is not TOML: {}", error.message());
        mistake(path, text, error.span().unwrap_or(0..0), message, "here", None)
    })?;
    let mut declarations = Declarations { path: path.to_owned(), rollouts: Vec::new(), files: Vec::new() };
    for (key, value) in table.get_ref() {
        if key.get_ref() != "rollout" {
            let help = "rollouts are declared in `[[rollout]]` tables".to_owned();
            let message = format!("`{}` is not a key of `{path}`", key.get_ref());
            return Err(mistake(path, text, key.span(), message, "not known", Some(help)));
        }
        let DeValue::Array(rollouts) = value.get_ref() else {
            let help = "write `[[rollout]]`, with two brackets".to_owned();
            let message = "`rollout` is not a list of tables".to_owned();
            return Err(mistake(path, text, key.span(), message, "this is one table", Some(help)));
        };
        for rollout in rollouts.iter() {
            let DeValue::Table(table) = rollout.get_ref() else {
                let message = "a rollout is not a table".to_owned();
                return Err(mistake(path, text, rollout.span(), message, "this one", None));
            };
            let number = declarations.rollouts.len();
            let rollout = rollout_of(path, text, table, number, &mut declarations.files)?;
            declarations.rollouts.push(rollout);
        }
    }
    Ok(declarations)
}

fn rollout_of(
    path: &str,
    text: &str,
    table: &DeTable<'_>,
    number: usize,
    files: &mut Vec<Named>,
) -> Result<Value, ReadError> {
    let mut rollout = Map::new();
    for (key, value) in table {
        let name = key.get_ref().as_ref();
        if !KEYS.contains(&name) {
            let help = match nearest(name, KEYS) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("the keys are {}", listed(KEYS)),
            };
            let message = format!("`{name}` is not a key of a rollout");
            return Err(mistake(path, text, key.span(), message, "not known", Some(help)));
        }
        let converted = if name == "jobs" {
            let DeValue::Array(jobs) = value.get_ref() else {
                let message = "`jobs` is not a list".to_owned();
                let help = Some("write `jobs = [\"job-run.json\"]`".to_owned());
                return Err(mistake(path, text, value.span(), message, "this", help));
            };
            let mut paths = Vec::new();
            for job in jobs.iter() {
                let job_path = string(path, text, "jobs", job)?;
                files.push(Named { rollout: number, key: "jobs", path: job_path.clone(), span: job.span().into() });
                paths.push(Value::String(job_path));
            }
            Value::Array(paths)
        } else if name == "together" {
            let DeValue::Boolean(together) = value.get_ref() else {
                let message = "`together` is neither `true` nor `false`".to_owned();
                let help = Some("write `together = true`, for all jobs of the rollout at once".to_owned());
                return Err(mistake(path, text, value.span(), message, "this", help));
            };
            Value::Bool(*together)
        } else if name == "concurrent" {
            let number = match value.get_ref() {
                DeValue::Integer(number) => number.as_str().parse::<u64>().ok().filter(|number| *number > 0),
                _ => None,
            };
            let Some(number) = number else {
                let message = "`concurrent` is not a number of jobs".to_owned();
                let help = Some("write `concurrent = 4`, for four jobs at once".to_owned());
                return Err(mistake(path, text, value.span(), message, "this", help));
            };
            number.into()
        } else {
            let written = string(path, text, name, value)?;
            for (of, words) in [("system", SYSTEMS), ("credentials", CREDENTIALS)] {
                if name == of && !words.contains(&written.as_str()) {
                    let help = match nearest(&written, words) {
                        Some(near) => format!("did you mean `{near}`?"),
                        None => format!("it is one of {}", listed(words)),
                    };
                    let message = format!("`{written}` is not a value of `{name}`");
                    return Err(mistake(path, text, value.span(), message, "not known", Some(help)));
                }
            }
            if name == "config" {
                files.push(Named { rollout: number, key: "config", path: written.clone(), span: value.span().into() });
            }
            Value::String(written)
        };
        rollout.insert(name.to_owned(), converted);
    }
    Ok(Value::Object(rollout))
}

fn string(path: &str, text: &str, key: &str, value: &Spanned<DeValue<'_>>) -> Result<String, ReadError> {
    match value.get_ref() {
        DeValue::String(written) => Ok(written.clone().into_owned()),
        _ => {
            let message = format!("`{key}` is not a text");
            Err(mistake(path, text, value.span(), message, "this", Some("put it into quotes".to_owned())))
        }
    }
}

fn listed(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

/// The word that was probably meant.
fn nearest<'a>(written: &str, words: &[&'a str]) -> Option<&'a str> {
    let written = written.replace('_', "-").to_lowercase();
    let distance = |word: &str| {
        let mut row: Vec<usize> = (0..=word.len()).collect();
        for (line, left) in written.chars().take(64).enumerate() {
            let mut corner = line;
            if let Some(first) = row.first_mut() {
                *first = line + 1;
            }
            let mut before = line + 1;
            for (cell, right) in row.iter_mut().skip(1).zip(word.chars()) {
                let next = (corner + usize::from(left != right)).min(before + 1).min(*cell + 1);
                corner = std::mem::replace(cell, next);
                before = next;
            }
        }
        row.last().copied().unwrap_or(usize::MAX)
    };
    words
        .iter()
        .map(|word| (distance(word), *word))
        .min()
        .filter(|(far, word)| *far <= word.len() / 3)
        .map(|(_, word)| word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn reads_rollouts() {
        let text = "[[rollout]]\nname = \"a\"\nsystem = \"emr-on-eks\"\njobs = [\"x.json\", \"y.json\"]\n[[rollout]]\nname = \"b\"\n";
        let declarations = parse("sparkcheck.toml", text).unwrap();
        assert_eq!(
            declarations.rollouts,
            [json!({"name": "a", "system": "emr-on-eks", "jobs": ["x.json", "y.json"]}), json!({"name": "b"})]
        );
        assert_eq!(declarations.files.len(), 2);
    }

    #[test]
    fn mistakes_have_a_place_and_a_word_of_help() {
        for (text, message, at, help) in [
            (
                "[[rollout]]\nexecution_role = \"x\"",
                "`execution_role` is not a key of a rollout",
                "execution_role",
                Some("did you mean `execution-role`?"),
            ),
            (
                "[[rollout]]\nsystem = \"emr-eks\"",
                "`emr-eks` is not a value of `system`",
                "\"emr-eks\"",
                Some("did you mean `emr-on-eks`?"),
            ),
            ("[[rollout]]\naccount = 1", "`account` is not a text", "1", Some("put it into quotes")),
            (
                "[rollout]\nname = \"x\"",
                "`rollout` is not a list of tables",
                "rollout",
                Some("write `[[rollout]]`, with two brackets"),
            ),
            (
                "[[rollouts]]",
                "`rollouts` is not a key of `sparkcheck.toml`",
                "rollouts",
                Some("rollouts are declared in `[[rollout]]` tables"),
            ),
        ] {
            let ReadError::Declaration(error) = parse("sparkcheck.toml", text).unwrap_err() else { panic!("{text}") };
            assert_eq!((error.message.as_str(), error.help.as_deref()), (message, help));
            let span = error.span.offset()..error.span.offset() + error.span.len();
            assert_eq!(&text[span], at, "{text}");
        }
        assert!(matches!(parse("sparkcheck.toml", "[[rollout"), Err(ReadError::Declaration(_))));
    }
}
