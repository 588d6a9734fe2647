//! What a run says, as people and programs read it.

#[path = "report/sample.rs"]
mod sample;

use sparkcheck::report::{Look, human, json};

fn look(width: usize) -> Look {
    Look { width, colour: false, unicode: true, verbose: false }
}

/// The text without the version, which changes with every release.
fn settled(text: &str) -> String {
    text.replace(env!("CARGO_PKG_VERSION"), "[version]")
}

#[test]
fn human() {
    for (name, report) in sample::all() {
        insta::assert_snapshot!(format!("human-{name}-80"), settled(&human::render(&report, &look(80))));
    }
    let many = sample::many();
    insta::assert_snapshot!("human-many-120", settled(&human::render(&many, &look(120))));
    let verbose = Look { verbose: true, unicode: false, ..look(80) };
    insta::assert_snapshot!("human-many-verbose-ascii", settled(&human::render(&many, &verbose)));
    let colour = Look { colour: true, ..look(80) };
    insta::assert_snapshot!(
        "human-one-cause-colour",
        human_colours(&settled(&human::render(&sample::one_cause(), &colour)))
    );
}

fn human_colours(text: &str) -> String {
    text.replace('\u{1b}', "␛")
}

#[test]
fn nothing_is_wider_than_the_window() {
    for (name, report) in sample::all() {
        for width in [40, 60, 80, 100, 120, 200] {
            for (unicode, verbose) in [(true, false), (false, true)] {
                let text = human::render(&report, &Look { unicode, verbose, ..look(width) });
                for line in text.lines() {
                    let columns = textwrap::core::display_width(line);
                    let lead = ["at ", "fix: ", "or: ", "→ ", "> "]
                        .iter()
                        .find_map(|lead| line.trim_start().strip_prefix(lead));
                    let rest = lead.unwrap_or(line.trim_start()).trim_end_matches(" \\");
                    let one_word = !rest.contains(' ')
                        || rest.contains('\'')
                        || rest.starts_with("╭─[")
                        || rest.starts_with(",-[");
                    assert!(columns <= width || one_word, "{name} at {width}: {columns} columns: {line}");
                }
            }
        }
    }
}

#[test]
fn no_input_reaches_the_terminal_unseen() {
    for width in [40, 80, 120] {
        let report = sample::hostile();
        for verbose in [false, true] {
            let text = human::render(&report, &Look { verbose, ..look(width) });
            let led_astray = |c: char| {
                c.is_control() && c != '\n'
                    || ('\u{202a}'..='\u{202e}').contains(&c)
                    || ('\u{2066}'..='\u{2069}').contains(&c)
                    || c == '\u{200b}'
            };
            assert!(!text.chars().any(led_astray), "{text:?}");
            assert!(!text.lines().any(|line| line.trim_end() == "GO" || line.starts_with("GO all")), "{text}");
            assert!(text.contains("\\u{1b}"), "the escape is spelled out");
        }
        let json = json::render(&report);
        assert!(!json.chars().any(|c| c.is_control() && c != '\n' || c == '\u{202e}'), "{json:?}");
        let value: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(value["findings"][0]["because"], report.findings[0].because.as_str());
    }
}

#[test]
fn json() {
    for (name, report) in sample::all() {
        insta::assert_snapshot!(format!("json-{name}"), settled(&json::render(&report)));
    }
}
