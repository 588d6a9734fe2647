//! The parameters of `spark-submit`.

use std::collections::BTreeMap;

/// What `spark-submit` understands of its parameters.
pub(crate) struct Submitted {
    pub(crate) conf: BTreeMap<String, String>,
    pub(in crate::capacity) properties_file: Option<String>,
    pub(in crate::capacity) unknown: Vec<String>,
}

/// The configuration that submit parameters make. An option of its own (`--driver-memory`) wins over `--conf`.
pub(crate) fn spark_submit_conf(parameters: &str) -> Submitted {
    let mut submitted = Submitted { conf: BTreeMap::new(), properties_file: None, unknown: Vec::new() };
    let mut options = BTreeMap::new();
    let words = words(parameters);
    let mut words = words.iter().peekable();
    while let Some(word) = words.next() {
        if !word.starts_with('-') {
            if word.contains("${") {
                submitted.unknown.push(format!("the submit parameters have `{word}`, which is not known"));
            }
            continue;
        }
        if ["--verbose", "-v", "--supervise", "--help", "-h", "--usage-error", "--version"].contains(&word.as_str()) {
            continue;
        }
        let (option, value) = match word.split_once('=') {
            Some((option, value)) if option.starts_with("--") => (option, value.to_owned()),
            _ => match words.next_if(|next| !next.starts_with("--")) {
                Some(value) => (word.as_str(), value.clone()),
                None => continue,
            },
        };
        let key = match option {
            "--conf" | "-c" => {
                if let Some((key, value)) = value.split_once('=') {
                    submitted.conf.insert(key.trim().to_owned(), value.to_owned());
                } else if value.contains("${") {
                    submitted.unknown.push(format!("the submit parameters have `{value}`, which is not known"));
                }
                continue;
            }
            "--properties-file" => {
                submitted.properties_file = Some(value);
                continue;
            }
            "--driver-memory" => "spark.driver.memory",
            "--driver-cores" => "spark.driver.cores",
            "--executor-memory" => "spark.executor.memory",
            "--executor-cores" => "spark.executor.cores",
            "--num-executors" => "spark.executor.instances",
            "--py-files" => "spark.submit.pyFiles",
            "--jars" => "spark.jars",
            "--files" => "spark.files",
            "--archives" => "spark.archives",
            _ => continue,
        };
        options.insert(key.to_owned(), value);
    }
    submitted.conf.extend(options);
    submitted
}

/// Splits parameters into words as a shell would: blanks part, quotes and backslashes hold together.
pub(super) fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '"' | '\'') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None | Some('"'), '\\') => word.get_or_insert_default().extend(chars.next()),
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}
