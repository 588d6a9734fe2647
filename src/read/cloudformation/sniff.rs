//! Whether a text is a template, or says where the templates of a synthesised app are.
//!
//! Only keys at the outermost level count, so that a template inside something else is not taken
//! for one. Deliberately absent: any parsing. A broken template is a template.

/// How much of a text is looked at.
const LOOKED_AT: usize = 16 << 20;

/// Whether a text is a CloudFormation template, or the manifest or the list of assets of a CDK app.
pub(crate) fn is_template(text: &str) -> bool {
    let text = text.trim_start_matches('\u{feff}');
    let mut end = text.len().min(LOOKED_AT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let text = text.get(..end).unwrap_or_default();
    let mentions = |word: &str| text.contains(word);
    if !mentions("Resources") && !mentions("AWSTemplateFormatVersion") && !mentions("\"version\"") {
        return false;
    }
    if text.trim_start().starts_with('{') {
        let keys = keys(text);
        let has = |key: &str| keys.contains(&key);
        return has("AWSTemplateFormatVersion")
            || has("Resources") && names_a_type(text)
            || has("version") && has("artifacts") && mentions("aws:cloudformation:stack")
            || has("version") && has("files") && has("dockerImages");
    }
    // Templates of templates are rendered by whoever wrote them.
    if text.lines().any(|line| line.trim_start().starts_with("{%") || line.contains("{%-")) {
        return false;
    }
    let starts = |line: &str, key: &str| {
        let line = line.trim_start_matches(['"', '\'']);
        line.strip_prefix(key).is_some_and(|rest| rest.trim_start_matches(['"', '\'']).trim_start().starts_with(':'))
    };
    let has = |key: &str| text.lines().any(|line| starts(line, key));
    has("AWSTemplateFormatVersion") || has("Resources") && names_a_type(text)
}

/// Whether a manifest or a list of assets, and no template.
pub(super) fn is_manifest(text: &str) -> bool {
    let keys = keys(text);
    keys.contains(&"version")
        && (keys.contains(&"artifacts") || keys.contains(&"files"))
        && !keys.contains(&"Resources")
}

/// Whether a resource of a kind that CloudFormation knows is named.
fn names_a_type(text: &str) -> bool {
    let is_type = |(at, _): (usize, &str)| {
        let before = text.get(..at).unwrap_or_default().trim_end_matches(['"', '\'']).trim_end();
        let before = before.strip_suffix(':').map(|before| before.trim_end_matches(['"', '\'', ' ']));
        before.is_some_and(|before| before.ends_with("Type"))
    };
    ["AWS::", "Custom::", "Alexa::"].iter().any(|prefix| text.match_indices(prefix).any(is_type))
}

/// The keys of the object that a JSON text is, without parsing it.
fn keys(text: &str) -> Vec<&str> {
    let bytes = text.as_bytes();
    let (mut keys, mut depth, mut at) = (Vec::new(), 0_usize, 0);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            b'"' => {
                let start = at + 1;
                at = start;
                while let Some(byte) = bytes.get(at).filter(|byte| **byte != b'"') {
                    at += if *byte == b'\\' { 2 } else { 1 };
                }
                if depth == 1 {
                    let rest = text.get(at + 1..).unwrap_or_default();
                    if rest.trim_start().starts_with(':') {
                        keys.extend(text.get(start..at));
                    }
                }
            }
            _ => {}
        }
        at += 1;
    }
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_templates() {
        let long = format!("{{\"a\": \"{}", "x".repeat(1 << 20));
        for (text, expected) in [
            ("AWSTemplateFormatVersion: 2010-09-09\nResources: [", true),
            ("---\n'Resources':\n  A:\n    Type: AWS::S3::Bucket\n", true),
            ("Resources:\n  A: {Type: \"Custom::Thing\"}\n", true),
            ("{\"Resources\": {\"A\": {\"Type\": \"AWS::IAM::Role\"}}}", true),
            ("{\"Description\": \"Resources\", \"Resources\" : {\"A\": {\"Type\" : \"AWS::IAM::Role\"}}}", true),
            ("{\"version\": \"36\", \"artifacts\": {\"S\": {\"type\": \"aws:cloudformation:stack\"}}}", true),
            ("{\"version\": \"36\", \"files\": {}, \"dockerImages\": {}}", true),
            ("{\"inner\": {\"Resources\": {\"A\": {\"Type\": \"AWS::IAM::Role\"}}}}", false),
            ("kind: ConfigMap\ndata:\n  t: |\n    Resources:\n      A: {Type: AWS::S3::Bucket}\n", false),
            ("Resources:\n  cpu: 1\n", false),
            ("{\"Resources\": 1, \"Type\": \"other\"}", false),
            ("{% if x %}\nResources:\n  A: {Type: AWS::S3::Bucket}\n{% endif %}", false),
            (long.as_str(), false),
            ("{\"\\", false),
            ("", false),
        ] {
            assert_eq!(is_template(text), expected, "{text:.80}");
        }
    }
}
