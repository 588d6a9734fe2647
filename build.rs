//! Gathers the rule files: the folder is the list.
//!
//! Each file of `rules/` becomes a row of `rules.rs`, a table of JSON texts by the systems that they are about,
//! and its examples an entry of `examples.json`.
//! Whether a rule makes sense is the program's own tests' business; here it only has to be YAML,
//! and to be named like its file.

#[path = "src/read/yaml.rs"]
#[allow(dead_code, unreachable_pub, reason = "the program uses more of it")]
mod yaml;

use serde_json::{Map, Value};
use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=rules");
    println!("cargo::rerun-if-changed=src/read/yaml.rs");
    let mut files = Vec::new();
    gather(Path::new("rules"), &mut files)?;
    let (mut rules, mut examples) = (Map::new(), Map::new());
    for file in files {
        let text = fs::read_to_string(&file)?;
        let (mut documents, fault) = yaml::documents(&text);
        if let Some(fault) = fault {
            return Err(format!("{}:{}:{}: {}", file.display(), fault.line, fault.column, fault.message).into());
        }
        let Some(Value::Object(mut rule)) = documents.pop().filter(|_| documents.is_empty()) else {
            return Err(format!("{}: a rule file holds one rule", file.display()).into());
        };
        let stem = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if rule.get("id").and_then(Value::as_str) != Some(&stem) {
            return Err(format!("{}: the id of the rule is not `{stem}`", file.display()).into());
        }
        if let Some(proof) = rule.remove("examples") {
            examples.insert(stem.clone(), proof);
        }
        if rules.insert(stem.clone(), Value::Object(rule)).is_some() {
            return Err(format!("there are two rules `{stem}`").into());
        }
    }
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let row = |rule: &Value| -> Result<String, serde_json::Error> {
        Ok(format!("({:?}, {:?})", serde_json::to_string(&rule["systems"])?, serde_json::to_string(rule)?))
    };
    let rows = rules.values().map(row).collect::<Result<Vec<String>, _>>()?;
    fs::write(out.join("rules.rs"), format!("&[{}]", rows.join(",\n")))?;
    fs::write(out.join("examples.json"), serde_json::to_string(&examples)?)?;
    Ok(())
}

/// Every YAML file below a folder, in order.
fn gather(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), Box<dyn Error>> {
    let mut entries = fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
    entries.sort_by_key(fs::DirEntry::path);
    for entry in entries {
        let path = entry.path();
        if path.is_dir() {
            gather(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml") {
            files.push(path);
        }
    }
    Ok(())
}
