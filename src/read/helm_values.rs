//! Helm values and configuration files of a Batch Processing Gateway that are not rendered yet.
//!
//! Values with placeholders, and configurations in which a key stands twice, which the gateway itself
//! accepts. What has neither is read as any other document. A chart's own templates are not read.
//!
//! Deliberately absent: values of other charts, which only their templates give a meaning.

use super::code::{Code, Declared};
use super::shape::{Content, Recognised};
use super::written::{self, Written};
use super::{kubernetes, placeholder};
use crate::estate::Syntax;

/// Reads a file of values; `None` if it is none, or has nothing that is to be filled in.
pub(crate) fn read(path: &str, text: &str) -> Option<Code> {
    if !text.contains("sparkClusters") || text.trim_start().starts_with('{') {
        return None;
    }
    let written = written::yaml_documents(text);
    if written.fault.is_some() && placeholder::is_program(text) {
        return None;
    }
    let plain = written.remarks.is_empty() && written.fault.is_none() && placeholder::scan(text).is_empty();
    if plain || written.documents.iter().any(|document| document["apiVersion"].is_string()) {
        return None;
    }
    let mut declared = Vec::new();
    for (number, document) in written.documents.iter().enumerate() {
        let mut found = Recognised::default();
        kubernetes::gateways(&mut document.clone(), &format!("/{number}"), &mut found);
        for piece in found.pieces {
            if let Content::Gateway { config, pointer, .. } = piece.content {
                let config = Written::root(&config, pointer).node();
                declared.push(Declared::Gateway { config });
            }
        }
    }
    if declared.is_empty() {
        return None;
    }
    declared.extend(written.remarks);
    Some(written::code("batch-processing-gateway", path, Syntax::Yaml, declared, written.fault))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn gateways(code: &Code) -> Vec<Value> {
        let all = code.declared.iter().filter_map(|one| match one {
            Declared::Gateway { config } => Some(config.clone().into_value(&mut String::new(), &mut |_, _| {})),
            _ => None,
        });
        all.collect()
    }

    #[test]
    fn what_is_to_be_filled_in_or_stands_twice() {
        let values =
            "plainConfig:\n  sparkClusters: [{id: a, weight: 1, masterUrl: \"${MASTER}\"}]\n  queues: [{name: dev}]\n";
        let code = read("values.yaml", values).unwrap();
        assert_eq!(gateways(&code).len(), 1);
        assert_eq!(gateways(&code)[0]["sparkClusters"][0]["masterUrl"]["$text"][0]["$unknown"], "MASTER");
        let twice = "sparkClusters: [{id: a}]\nqueues: []\ns3Folder: a\ns3Folder: b\n";
        let code = read("config.yaml", twice).unwrap();
        assert_eq!(code.declared.len(), 2);
        assert_eq!(gateways(&code)[0]["s3Folder"], "b");
    }

    #[test]
    fn what_is_plain_or_a_template_is_left() {
        for text in [
            "sparkClusters: [{id: a}]\nqueues: []\n",
            "image: sparkClusters\nx: ${Y}\n",
            "sparkClusters:\n{{- range .Values.x }}\n{{- end }}\n",
        ] {
            assert!(read("values.yaml", text).is_none(), "{text}");
        }
    }
}
