//! What a run says, as people and programs read it.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

#[path = "report/sample.rs"]
mod sample;

use serde_json::json;
use sparkcheck::report::{Look, explain, html, human, json, markdown};
use sparkcheck::rule::Rule;
use sparkcheck::why;

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
fn places_in_one_excerpt_are_drawn_together() {
    let policy = "Statement:\n  - Effect: Allow\n    Condition:\n      StringEquals:\n        sub: system:serviceaccount:team-a:*\n";
    let mut report = sample::one_cause();
    report.findings.truncate(1);
    report.findings[0].because = "no account has an asterisk in its name".into();
    report.findings[0].places = vec![
        sample::place("role.yaml", "/a", policy, "system:serviceaccount:team-a:*", ""),
        sample::place("role.yaml", "/b", policy, "StringEquals", "compares whole texts"),
        sample::place("role.yaml", "/c", policy, "Allow", "too far up to be drawn"),
    ];
    insta::assert_snapshot!("human-two-labels", settled(&human::render(&report, &look(80))));
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
fn markdown() {
    for (name, report) in sample::all() {
        insta::assert_snapshot!(format!("markdown-{name}"), settled(&markdown::render(&report)));
    }
}

#[test]
fn html() {
    insta::assert_snapshot!("html-many", settled(&html::render(&sample::many())));
    for (name, report) in sample::all() {
        let page = html::render(&report);
        for reaching_out in ["src=", "href=", "<script", "@import", "url("] {
            assert!(!page.contains(reaching_out), "{name}: {reaching_out}");
        }
    }
}

/// Names that would be markup, links, mentions or another line.
const HOSTILE: [&str; 9] = [
    "<script>alert(1)</script>",
    "</code></pre><img src=x onerror=alert(1)>",
    "`` ` ``` ![x](https://example.com/x.png)",
    "[x](javascript:alert(1)) | a | b |",
    "@everyone #1 https://example.com www.example.com",
    "line\n## GO\n```\n~~~",
    "\u{1b}[2J\u{202e}og",
    "\"><svg onload=alert(1)>&lt;",
    "**GO** __x__ $x$ &amp; \\`",
];

#[test]
fn no_name_becomes_markup() {
    use pulldown_cmark::{Event, Options, Parser, Tag};
    for name in HOSTILE {
        for around in ["", "`"] {
            let said = format!("{around}{name}{around}");
            let mut report = sample::many();
            for finding in &mut report.findings {
                (finding.message, finding.because) = (format!("role {said} and `x`{said}"), said.clone());
                finding.unblock = vec![said.clone()];
                for place in &mut finding.places {
                    (place.note, place.path, place.span) = (said.clone(), Some(name.into()), None);
                }
                for fix in &mut finding.fixes {
                    (fix.say, fix.run) = (said.clone(), Some(name.into()));
                }
            }
            for rollout in &mut report.rollouts {
                (rollout.name, rollout.region) = (name.into(), Some(name.into()));
            }
            for finding in &mut report.findings {
                finding.rollout = Some(name.into());
            }
            let page = html::render(&report);
            for tag in page.split('<').skip(1) {
                let word: String =
                    tag.trim_start_matches('/').chars().take_while(char::is_ascii_alphanumeric).collect();
                let known = [
                    "html", "meta", "title", "style", "h1", "h2", "h3", "p", "table", "tr", "td", "b", "small", "code",
                    "pre", "article", "ul", "li", "details", "summary",
                ];
                assert!(known.contains(&word.as_str()) || tag.starts_with("!doctype"), "{name}: <{tag}");
                assert!(!tag.contains("onerror=alert(1)>") && !tag.contains("onload=alert(1)>"), "{name}: <{tag}");
            }
            let text = markdown::render(&report);
            let (mut rows, mut headings) = (0, 0);
            for event in Parser::new_ext(&text, Options::all()) {
                match event {
                    Event::Start(Tag::Link { .. } | Tag::Image { .. } | Tag::Emphasis) => {
                        panic!("{name}: {event:?}\n{text}")
                    }
                    Event::Html(html) | Event::InlineHtml(html) => {
                        let ours = ["<!-- -->", "<details>", "<summary>", "</summary>", "</details>"];
                        let rest = ours.iter().fold(html.to_string(), |rest, ours| rest.replace(ours, ""));
                        assert!(!rest.contains('<'), "{name}: {html}\n{text}");
                    }
                    Event::Start(Tag::TableRow) => rows += 1,
                    Event::Start(Tag::Heading { .. }) => headings += 1,
                    _ => {}
                }
            }
            assert_eq!(rows, report.rollouts.len(), "{name}: {text}");
            assert!(headings <= 1 + report.rollouts.len() + 1 + report.findings.len(), "{name}: {text}");
            for text in [text, page] {
                let led_astray = |c: char| c.is_control() && c != '\n' || c == '\u{202e}';
                assert!(!text.chars().any(led_astray), "{text:?}");
            }
        }
    }
}

#[test]
fn json() {
    for (name, report) in sample::all() {
        insta::assert_snapshot!(format!("json-{name}"), settled(&json::render(&report)));
    }
}

#[test]
fn every_report_keeps_the_schema() {
    let schema = serde_json::from_str(sparkcheck::schema::named("report").unwrap()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for (name, report) in sample::all() {
        let report: serde_json::Value = serde_json::from_str(&json::render(&report)).unwrap();
        let mistakes: Vec<String> = validator.iter_errors(&report).map(|error| error.to_string()).collect();
        assert_eq!(mistakes, Vec::<String>::new(), "{name}");
    }
    let good: serde_json::Value = serde_json::from_str(&json::render(&sample::many())).unwrap();
    for (at, field, value) in [
        ("", "more", json!(1)),
        ("/findings/0", "verdict", json!("pass")),
        ("/findings/0", "detail", json!("x")),
        ("/findings/0/places/0", "path", serde_json::Value::Null),
        ("/findings/0/places/1", "line", json!(3)),
        ("/summary", "error", json!(-1)),
        ("/gaps/0", "reason", json!("x")),
    ] {
        let mut broken = good.clone();
        broken.pointer_mut(at).unwrap()[field] = value;
        assert!(!validator.is_valid(&broken), "{at}/{field} passed");
    }
}

#[test]
fn explain() {
    let rule = sample::oidc_provider_missing();
    insta::assert_snapshot!("explain", explain::render(rule, &look(80)));
    let many = sample::many();
    insta::assert_snapshot!("rules", explain::list(&many.rules, &look(80)));
    insta::assert_snapshot!("rules-120", explain::list(&many.rules, &look(120)));
}

/// Rules with the symptoms that a few failure modes show.
fn symptoms() -> Vec<Rule> {
    let rules: [(&str, &[&str]); 8] = [
        (
            "oidc-provider-missing",
            &["InvalidIdentityToken: No OpenIDConnect provider found in your account for https://…"],
        ),
        (
            "trust-misses-namespace",
            &["AccessDenied … AssumeRoleWithWebIdentity: Not authorized to perform sts:AssumeRoleWithWebIdentity"],
        ),
        (
            "trust-compares-literally",
            &[
                "AccessDenied … AssumeRoleWithWebIdentity: Not authorized to perform sts:AssumeRoleWithWebIdentity",
                "AccessDenied",
            ],
        ),
        ("submitter-cannot-start", &["AccessDeniedException … not authorized to perform: emr-containers:StartJobRun"]),
        (
            "role-lacks-pvc-verbs",
            &[
                "persistentvolumeclaims is forbidden: User \"system:serviceaccount:…:emr-containers-sa-spark-client-…\" cannot create resource \"persistentvolumeclaims\"",
            ],
        ),
        ("pods-do-not-fit", &["Insufficient cpu", "0/… nodes are available"]),
        ("namespace-taken", &["A virtual cluster already exists in the given namespace"]),
        ("nothing-to-see", &["…", "'"]),
    ];
    let rule = |(id, symptoms): &(&str, &[&str])| {
        sample::rule(json!({
            "id": id, "title": format!("the title of {id}"), "symptoms": symptoms,
            "why": "The job will fail, e.g. at once. And more.",
            "fixes": [{"say": "Mend cluster `{cluster.name}`"}]
        }))
        .clone()
    };
    rules.iter().map(rule).collect()
}

#[test]
fn a_symptom_leads_to_its_rules() {
    let rules = symptoms();
    for (text, expected) in [
        (
            "26/02/24 20:41:07 ERROR SparkContext\ncom.amazonaws.services.securitytoken.model.InvalidIdentityTokenException: x\nError: InvalidIdentityToken: No OpenIDConnect provider found in your account for https://oidc.eks.us-east-1.amazonaws.com/id/ABC\n",
            &[("oidc-provider-missing", 3)][..],
        ),
        (
            "{\"stateDetails\": \"An error occurred (AccessDenied) when calling the AssumeRoleWithWebIdentity operation:\"}\nAn error occurred (AccessDenied) when calling AssumeRoleWithWebIdentity: Not  authorized\tto perform sts:AssumeRoleWithWebIdentity",
            &[("trust-compares-literally", 2), ("trust-misses-namespace", 2)],
        ),
        ("An error occurred (AccessDenied) when calling GetObject", &[("trust-compares-literally", 1)]),
        (
            r#"{"log":"io.fabric8: persistentvolumeclaims is forbidden: User \"system:serviceaccount:emr:emr-containers-sa-spark-client-787587782916-abc\" cannot create resource \"persistentvolumeclaims\" in API group\n\tat x"}"#,
            &[("role-lacks-pvc-verbs", 1)],
        ),
        (
            r#"{"log":"{\\\"message\\\": \\\"persistentvolumeclaims is forbidden: User \\\\\\\"system:serviceaccount:emr:emr-containers-sa-spark-client-1\u0022 CANNOT create resource 'persistentvolumeclaims'"}"#,
            &[("role-lacks-pvc-verbs", 1)],
        ),
        (
            "\n\n  Warning  FailedScheduling  0/3 nodes are available: 3 Insufficient cpu.\r\n",
            &[("pods-do-not-fit", 3)],
        ),
        (
            "the text was folded: a virtual cluster already\n    exists in the given namespace",
            &[("namespace-taken", 1)],
        ),
        ("\u{1b}[31ma virtual cluster \u{1b}[0;1malready exists in the given namespace", &[("namespace-taken", 1)]),
        (
            "AccessDenied on one line\nAssumeRoleWithWebIdentity: Not authorized to perform sts:AssumeRoleWithWebIdentity on another",
            &[("trust-compares-literally", 1)],
        ),
        ("SomeAccessDenied is no word of its own", &[]),
        ("nothing of interest, … or ' here", &[]),
        ("", &[]),
    ] {
        let found = why::matches(text, &rules);
        let mut ids: Vec<(&str, usize)> = found.iter().map(|found| (found.rule.id.as_str(), found.line)).collect();
        ids.sort_unstable();
        assert_eq!(ids, expected, "{text}");
    }
}

#[test]
fn the_most_telling_symptom_comes_first() {
    let rules = symptoms();
    let text = "AccessDenied\nInsufficient cpu\n0/3 nodes are available\nAccessDeniedException: User x is not authorized to perform: emr-containers:StartJobRun on resource y";
    let found = why::matches(text, &rules);
    let ids: Vec<&str> = found.iter().map(|found| found.rule.id.as_str()).collect();
    assert_eq!(ids, ["submitter-cannot-start", "pods-do-not-fit", "trust-compares-literally"]);
    assert!(found[1].excerpt.starts_with("0/3 nodes"), "{}", found[1].excerpt);
    assert!(found[0].score > 10 * found[2].score, "a generic word says little");
    insta::assert_snapshot!("why", why::render(&found, &look(80)));
    insta::assert_snapshot!("why-nothing", why::render(&[], &look(80)));
}

#[test]
fn long_and_hostile_logs_are_read_in_linear_time() {
    let rules = symptoms();
    let hit = "Insufficient cpu";
    for (filler, lines) in [
        ("AccessDenied ", 0),
        ("\\\\\\\"\\u", 0),
        ("AssumeRoleWithWebIdentity\n", 100_000),
        ("\n", 100_000),
        ("a\u{301}漢 ", 0),
    ] {
        let text = format!("{}{hit}", filler.repeat(100_000));
        let found = why::matches(&text, &rules);
        let found = found.iter().find(|found| found.rule.id == "pods-do-not-fit").expect(filler);
        assert_eq!(found.line, lines + 1);
        assert!(found.excerpt.ends_with(hit) && found.excerpt.chars().count() <= 245, "{}", found.excerpt);
    }
}

#[test]
fn what_a_log_says_is_harmless_when_shown() {
    let text = format!("\u{1b}]0;owned\u{7}Insufficient cpu\u{202e}{}", "\u{9b}".repeat(9));
    let shown = why::render(&why::matches(&text, &symptoms()), &look(80));
    assert!(
        shown.contains("Insufficient") && !shown.chars().any(|c| c.is_control() && c != '\n' || c == '\u{202e}'),
        "{shown:?}"
    );
}

/// Lines as users quote them, and a rule that must be among the best matches.
#[test]
fn known_errors_lead_to_the_built_in_rules() {
    let rules = sparkcheck::rule::builtin();
    for (text, rule) in [
        (
            "botocore.errorfactory.InvalidIdentityTokenException: An error occurred (InvalidIdentityToken) when calling the AssumeRoleWithWebIdentity operation: No OpenIDConnect provider found in your account for https://oidc.eks.us-east-1.amazonaws.com/id/5C0D",
            "oidc-provider-missing",
        ),
        (
            "WebIdentityErr: failed to retrieve credentials\ncaused by: AccessDenied: Not authorized to perform sts:AssumeRoleWithWebIdentity\n\tstatus code: 403",
            "trust-policy-lacks-namespace",
        ),
        (
            "An error occurred (ValidationException) when calling the CreateVirtualCluster operation: A virtual cluster already exists in the given namespace",
            "namespace-taken",
        ),
        ("0/2 nodes are available: 2 Insufficient cpu. preemption: 0/2 nodes are available", "nodes-too-small"),
        (
            "{\"message\":\"An error occurred (AccessDeniedException) when calling the StartJobRun operation: User: arn:aws:sts::1:assumed-role/x/y is not authorized to perform: emr-containers:StartJobRun on resource: arn\"}",
            "submitter-cannot-start-job-runs",
        ),
    ] {
        let found = why::matches(text, &rules);
        let best = found.first().map_or(0, |best| best.score);
        let near: Vec<&str> =
            found.iter().filter(|found| found.score * 3 >= best).map(|found| found.rule.id.as_str()).collect();
        assert!(near.contains(&rule), "{rule} is not among {near:?} for {text}");
    }
}

proptest::proptest! {
    #[test]
    fn no_excerpt_makes_the_renderer_fail(
        text in "([a-z\"{}: \t\r\n\u{301}漢\u{1b}]{0,120}|[ -~\n]{0,300})",
        (start, end) in (0usize..320, 0usize..320),
        (first_line, line, column) in (0usize..20, 0usize..20, 0usize..400),
        width in 0usize..130,
        because in "[ -~漢\u{202e}]{0,90}",
    ) {
        use sparkcheck::report::{Excerpt, Span};
        let mut report = sample::one_cause();
        let span = Span { line, column, end_line: line, end_column: column + 3, excerpt: Excerpt { first_line, text, start, end } };
        report.findings[0].because = because;
        for place in &mut report.findings[0].places {
            place.path = Some("a.json".into());
            place.span = Some(span.clone());
            place.note = "note".into();
        }
        for unicode in [true, false] {
            let text = human::render(&report, &Look { unicode, ..look(width) });
            proptest::prop_assert!(text.contains("oidc-provider-missing"));
            proptest::prop_assert!(!text.chars().any(|c| c.is_control() && c != '\n'));
        }
        let sarif = sparkcheck::report::sarif::render(&report, &sparkcheck::report::sarif::SarifOptions::default());
        let log: serde_json::Value = serde_json::from_str(&sarif).unwrap();
        proptest::prop_assert!(log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["region"]["startLine"].as_u64() >= Some(1));
    }

    #[test]
    fn no_log_makes_the_search_fail(text in "([a-z \\\\\"u0-9\n\u{1b}\\[…漢]{0,200}|.{0,100})") {
        let rules = symptoms();
        let lines = text.matches('\n').count() + 1;
        for found in why::matches(&format!("{text} Insufficient cpu"), &rules) {
            proptest::prop_assert!((1..=lines).contains(&found.line));
        }
    }
}
