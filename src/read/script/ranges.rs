//! Where in a file command lines stand.

use std::borrow::Cow;
use std::ops::Range;

/// The ranges of a file that a shell would read, by what kind of file it is.
pub(super) fn of(path: &str, text: &str) -> Vec<Range<usize>> {
    let name = path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase();
    let ends = |ends: &[&str]| ends.iter().any(|end| name.ends_with(end));
    if ends(&[".sh", ".bash", ".zsh"]) || (!name.contains('.') && text.starts_with("#!") && shebang(text)) {
        return std::iter::once(0..text.len()).collect();
    }
    if ends(&[".md", ".markdown"]) {
        return fenced(text);
    }
    if name == "makefile" || ends(&[".mk"]) {
        return lines(text, |line| line.starts_with('\t'), |line| line.trim_start_matches(['\t', '@', '-', ' ']));
    }
    if ends(&[".yml", ".yaml"]) && !text.contains("apiVersion:") {
        return steps(text);
    }
    Vec::new()
}

/// The text with lines continued as a shell continues them, letter for letter: those of PowerShell, and those whose
/// backslash was escaped for Markdown.
pub(super) fn as_shell<'t>(path: &str, text: &'t str) -> Cow<'t, str> {
    let name = path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase();
    if !(name.ends_with(".md") || name.ends_with(".markdown")) {
        return Cow::Borrowed(text);
    }
    let mut shell = Cow::Borrowed(text);
    if text.contains("powershell") {
        shell = Cow::Owned(text.replace(" `\n", " \\\n").replace(" `\r\n", " \\\r\n"));
    }
    if shell.contains(" \\\\\n") {
        shell = Cow::Owned(shell.replace(" \\\\\n", "  \\\n"));
    }
    shell
}

fn shebang(text: &str) -> bool {
    text.lines().next().is_some_and(|line| line.ends_with("sh") || line.contains("sh "))
}

/// The fenced blocks of Markdown that hold command lines.
fn fenced(text: &str) -> Vec<Range<usize>> {
    let mut ranges = Vec::new();
    let mut open: Option<(usize, &str, bool)> = None;
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let trimmed = line.trim();
        let fence = if trimmed.starts_with("```") {
            Some("```")
        } else if trimmed.starts_with("~~~") {
            Some("~~~")
        } else {
            None
        };
        match (open, fence) {
            (None, Some(fence)) => {
                let language = trimmed.trim_start_matches(['`', '~']).trim().to_ascii_lowercase();
                let language = language.split([' ', '{', ',']).next().unwrap_or_default().to_owned();
                let shell = matches!(
                    language.as_str(),
                    "" | "sh" | "bash" | "shell" | "zsh" | "console" | "shell-session" | "text" | "powershell" | "pwsh"
                );
                open = Some((at + line.len(), fence, shell));
            }
            (Some((start, of, shell)), Some(fence)) if fence == of => {
                let block = text.get(start..at).unwrap_or_default();
                if shell
                    && ["aws ", "eksctl ", "kubectl ", "curl ", "sparkpilot ", "helm ", "export ", "="]
                        .iter()
                        .any(|word| block.contains(word))
                {
                    ranges.push(start..at);
                }
                open = None;
            }
            _ => {}
        }
        at += line.len();
    }
    ranges
}

/// Lines that are commands, without what stands before the command; lines that are continued belong together.
fn lines(text: &str, is_one: impl Fn(&str) -> bool, strip: impl Fn(&str) -> &str) -> Vec<Range<usize>> {
    let mut ranges: Vec<Range<usize>> = Vec::new();
    let mut at = 0;
    let mut continued = false;
    for line in text.split_inclusive('\n') {
        let end = at + line.len();
        if continued {
            if let Some(last) = ranges.last_mut() {
                last.end = end;
            }
        } else if is_one(line) {
            let start = at + (line.len() - strip(line).len());
            ranges.push(start..end);
        }
        continued = (continued || is_one(line)) && line.trim_end().ends_with('\\');
        at = end;
    }
    ranges
}

/// The steps of a CI file: what stands behind `run:`, `- |` below `script:` and the like.
fn steps(text: &str) -> Vec<Range<usize>> {
    const KEYS: [&str; 8] =
        ["run:", "script:", "commands:", "before_script:", "after_script:", "inlineScript:", "command:", "bash:"];
    if !KEYS.iter().any(|key| text.contains(key)) {
        return Vec::new();
    }
    let mut ranges: Vec<Range<usize>> = Vec::new();
    // The indentation below which a block is, where one is open.
    let mut block: Option<usize> = None;
    let mut under: Option<usize> = None;
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let end = at + line.len();
        let trimmed = line.trim();
        let indent = line.len() - line.trim_start_matches(' ').len();
        if let Some(of) = block {
            if trimmed.is_empty() || indent > of {
                if let Some(last) = ranges.last_mut() {
                    last.end = end;
                }
                at = end;
                continue;
            }
            block = None;
        }
        if under.is_some_and(|of| indent < of || (indent == of && !trimmed.starts_with('-'))) && !trimmed.is_empty() {
            under = None;
        }
        let entry = trimmed.strip_prefix("- ").map_or(trimmed, str::trim_start);
        let key = KEYS.iter().find(|key| entry.starts_with(**key));
        let value = match key {
            Some(key) => Some(entry.get(key.len()..).unwrap_or_default().trim()),
            None if under.is_some() && trimmed.starts_with("- ") => Some(entry),
            None => None,
        };
        if let Some(value) = value {
            if value.is_empty() {
                under = Some(indent);
            } else if value.starts_with(['|', '>']) {
                block = Some(indent);
                ranges.push(end..end);
            } else if let Some(start) = line.find(value) {
                ranges.push(at + start..end);
            }
        }
        at = end;
    }
    ranges.retain(|range| range.start < range.end);
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_go_on_as_a_shell_has_them() {
        for (path, text, expected) in [
            ("a.md", "aws x \\\\\n  --name y\n", "aws x  \\\n  --name y\n"),
            ("a.md", "aws x \\\n  --name y\n", "aws x \\\n  --name y\n"),
            ("a.sh", "aws x \\\\\n", "aws x \\\\\n"),
            ("a.md", "```powershell\naws x `\n", "```powershell\naws x \\\n"),
        ] {
            let shell = as_shell(path, text);
            assert_eq!(shell, expected, "{path} {text}");
            assert_eq!(shell.len(), text.len());
        }
    }
}
