//! Tests of the front end for Terraform.

use super::*;
use crate::read::code::{At, Declared, Where};
use serde_json::{Value, json};

/// What is declared, as JSON, with the places in it.
fn dump(code: Code) -> Vec<(String, Value, Vec<(String, String)>)> {
    let files: Vec<String> = code.files.iter().map(|file| file.path.clone()).collect();
    let mut out = Vec::new();
    for declared in code.declared {
        let mut places = Vec::new();
        let mut place = |pointer: &str, at: &At| {
            places.push((pointer.to_owned(), format!("{}{}", files[at.file as usize], at.span.pointer())));
        };
        let (name, node) = match declared {
            Declared::Item { collection, cluster, item } => {
                (format!("{collection}{}", cluster.map(|c| format!(" in {c}")).unwrap_or_default()), item)
            }
            Declared::Part { collection, of, field, part, .. } => (format!("{collection} {of} {field}"), part),
            Declared::Job { kind, request } => (format!("job {kind}"), request),
            Declared::Gateway { config } => ("gateway".to_owned(), config),
        };
        let value = node.into_value(&mut String::new(), &mut place);
        out.push((name, value, places));
    }
    out
}

#[test]
#[ignore = "prints"]
fn show() {
    let Ok(folder) = std::env::var("TF_SHOW") else { return };
    let entries: Vec<Entry> = walkdir(&folder);
    let now = std::time::Instant::now();
    for code in read(&entries) {
        println!("=== {} files {:?}", code.kind, code.files.iter().map(|f| &f.path).collect::<Vec<_>>());
        for gap in &code.gaps {
            println!("GAP {}", gap.why);
        }
        for (name, value, _) in dump(code) {
            println!("{name}\n    {value}");
        }
    }
    println!("{:?}", now.elapsed());
}

fn walkdir(folder: &str) -> Vec<Entry> {
    let mut entries = Vec::new();
    for entry in ignore::WalkBuilder::new(folder).standard_filters(false).build().flatten() {
        if entry.file_type().is_some_and(|kind| kind.is_file()) {
            let path = entry.into_path();
            entries.push(Entry { shown: path.to_string_lossy().into_owned(), path, named: false });
        }
    }
    entries
}
