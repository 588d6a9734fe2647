//! The answers: for reading, for programs, as Markdown and as a page.

use super::{Answer, MOST_EXECUTORS, Weighed, write_to};
use crate::capacity::Outcome;
use crate::capacity::picture::{Measure, escaped};
use crate::check::semantic::capacity::MOST_CONCURRENT;
use crate::report::html::{STYLE, text as sentence};
use crate::report::look::Look;
use crate::report::markdown::text as marked;
use crate::report::visible;
use serde_json::{Value, json};

/// The answers for reading.
#[must_use]
pub fn human(answers: &[Answer], look: &Look) -> String {
    use crate::report::look::{BAD, BOLD, DOUBTFUL, FAINT, GOOD};
    let mut text = String::new();
    for (at, answer) in answers.iter().enumerate() {
        if at > 0 {
            text.push('\n');
        }
        write_to(&mut text, format_args!("{}\n", look.paint(BOLD, &visible(&heading(answer)))));
        let weighed = match &answer.result {
            Ok(weighed) => weighed,
            Err(why) => {
                look.wrap(&mut text, &look.paint(DOUBTFUL, "unknown: "), "  ", &visible(why));
                text.push('\n');
                continue;
            }
        };
        let outcome = weighed.outcome();
        let style = match outcome {
            Outcome::Fits => GOOD,
            Outcome::Short => BAD,
            Outcome::FitsIfPackedWell | Outcome::Unknown => DOUBTFUL,
        };
        let mut answer = String::new();
        look.wrap(&mut answer, "", "  ", &format!("{outcome}: {}", visible(&weighed.because())));
        let plain = format!("{outcome}:");
        text.push_str(&answer.replacen(&plain, &look.paint(style, &plain), 1));
        text.push('\n');
        for (role, count, cpu, memory, sum) in weighed.kinds() {
            let cpu = if cpu == 0 { String::new() } else { format!("{cpu}m cpu, ") };
            write_to(&mut text, format_args!("  {role} × {count}: {cpu}{memory} MiB\n"));
            if look.verbose {
                look.wrap(&mut text, "    ", "    ", &look.paint(FAINT, &visible(sum)));
            }
        }
        text.push('\n');
        for line in weighed.picture().text(look.columns(), look.unicode).lines() {
            write_to(&mut text, format_args!("  {line}\n"));
        }
        text.push('\n');
        for line in bounds_told(weighed) {
            look.wrap(&mut text, "  ", "  ", &line);
        }
        if !weighed.remedies.is_empty() {
            text.push_str("  each of these alone helps:\n");
            for remedy in &weighed.remedies {
                look.wrap(&mut text, "    - ", "      ", &visible(&remedy.say));
            }
        }
    }
    text
}

fn heading(answer: &Answer) -> String {
    let mut heading = format!("{} · {}", answer.rollout, answer.job);
    if answer.concurrent > 1 {
        write_to(&mut heading, format_args!(" × {}", answer.concurrent));
    }
    if !answer.assumed.is_empty() {
        write_to(&mut heading, format_args!(" · as if there were {}", answer.assumed.join(", ")));
    }
    heading
}

/// How far it goes.
fn bounds_told(weighed: &Weighed) -> Vec<String> {
    if weighed.fit.outcome == Outcome::Unknown {
        return Vec::new();
    }
    let most = |number: Option<u32>, most: u32, is_open: bool, one: &str, many: &str| match number {
        None if is_open => format!("whether one {one} fits is not known"),
        Some(1) if is_open => format!("one {one} fits; whether more do is not known"),
        Some(number) if is_open => format!("{number} {many} fit; whether more do is not known"),
        None => format!("not one {one} fits"),
        Some(1) => format!("no more than one {one} fits"),
        Some(number) if number == most => format!("{number} {many} or more fit"),
        Some(number) => format!("at most {number} {many} fit"),
    };
    vec![
        most(weighed.most_executors, MOST_EXECUTORS, weighed.open.0, "executor of each job", "executors of each job"),
        most(weighed.most_concurrent, MOST_CONCURRENT, weighed.open.1, "such job at once", "such jobs at once"),
    ]
}

/// The answers for programs.
#[must_use]
pub fn to_value(answers: &[Answer]) -> Value {
    let list: Vec<Value> = answers.iter().map(value_of).collect();
    json!({"tool": {"name": "sparkcheck", "version": env!("CARGO_PKG_VERSION")}, "format": 1, "answers": list})
}

fn value_of(answer: &Answer) -> Value {
    let mut value = json!({
        "rollout": answer.rollout, "job": answer.job, "concurrent": answer.concurrent, "assumed": answer.assumed,
    });
    let weighed = match &answer.result {
        Ok(weighed) => weighed,
        Err(why) => {
            value["outcome"] = "unknown".into();
            value["because"] = why.as_str().into();
            return value;
        }
    };
    let name = |outcome: Outcome| outcome.to_string().replace(' ', "-");
    value["outcome"] = name(weighed.outcome()).into();
    value["because"] = weighed.because().into();
    if let Some(short) = &weighed.fit.short {
        value["short"] = json!({
            "pod": short.role, "cpuMilli": short.cpu_milli, "memoryMib": short.memory_mib, "binding": short.binding,
            "bestNode": short.best_node, "bestCpuMilli": short.best_cpu_free_milli,
            "bestMemoryMib": short.best_memory_free_mib,
        });
    }
    let kinds = weighed.kinds().into_iter().map(|(role, count, cpu, memory, sum)| {
        json!({"pod": role, "count": count, "cpuMilli": cpu, "memoryMib": memory, "sum": sum})
    });
    value["pods"] = kinds.collect();
    let bars = weighed.picture().bars;
    let measure = |it: Measure| json!({"of": it.of, "taken": it.taken, "added": it.added});
    let nodes = bars.into_iter().map(|bar| {
        json!({
            "name": bar.name, "instanceType": bar.instance_type, "takesPods": bar.open, "toBeAdded": bar.new,
            "pods": bar.pods, "cpuMilli": measure(bar.cpu), "memoryMib": measure(bar.memory),
        })
    });
    value["nodes"] = nodes.collect();
    let added = weighed.fit.added.iter();
    let added = added.map(|it| json!({"by": it.pool, "instanceType": it.instance_type, "nodes": it.nodes}));
    value["nodesAdded"] = added.collect();
    let ended = weighed.fit.evicts.iter().map(|(namespace, name)| json!({"namespace": namespace, "name": name}));
    value["podsEnded"] = ended.collect();
    value["mostExecutors"] = weighed.most_executors.into();
    value["mostConcurrent"] = weighed.most_concurrent.into();
    let remedies = weighed.remedies.iter();
    value["remedies"] = remedies.map(|it| json!({"say": it.say, "outcome": name(it.outcome)})).collect();
    value
}

/// The answers as Markdown, where the picture is text: pages that show Markdown leave SVG out.
#[must_use]
pub fn markdown(answers: &[Answer]) -> String {
    let mut text = String::new();
    for answer in answers {
        write_to(&mut text, format_args!("## {}\n\n", marked(&heading(answer))));
        match &answer.result {
            Err(why) => write_to(&mut text, format_args!("**unknown**: {}\n\n", marked(why))),
            Ok(weighed) => {
                write_to(&mut text, format_args!("**{}**: {}\n\n", weighed.outcome(), marked(&weighed.because())));
                write_to(&mut text, format_args!("| {} | number | cpu | memory |\n", weighed.of));
                text.push_str("| --- | --- | --- | --- |\n");
                for (role, count, cpu, memory, _) in weighed.kinds() {
                    let cpu = cpu_told(cpu);
                    write_to(&mut text, format_args!("| {role} | {count} | {cpu} | {memory} MiB |\n"));
                }
                let drawn = weighed.picture().text(90, true).replace('`', "'");
                write_to(&mut text, format_args!("\n```text\n{drawn}```\n\n"));
                for line in bounds_told(weighed) {
                    write_to(&mut text, format_args!("- {line}\n"));
                }
                for remedy in &weighed.remedies {
                    write_to(&mut text, format_args!("- helps: {}\n", marked(&remedy.say)));
                }
                text.push('\n');
            }
        }
    }
    text
}

/// CPU where it is counted.
fn cpu_told(cpu_milli: u64) -> String {
    if cpu_milli == 0 { "–".to_owned() } else { format!("{cpu_milli}m") }
}

/// The answers as a page, with the picture as SVG.
#[must_use]
pub fn html(answers: &[Answer]) -> String {
    let mut text = String::from("<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n");
    text.push_str("<meta name=\"viewport\" content=\"width=device-width\">\n<title>sparkcheck fit</title>\n");
    write_to(&mut text, format_args!("<style>{STYLE}</style>\n<h1>sparkcheck fit</h1>\n"));
    for answer in answers {
        write_to(&mut text, format_args!("<h2>{}</h2>\n", escaped(&heading(answer))));
        match &answer.result {
            Err(why) => write_to(&mut text, format_args!("<p><b>unknown</b>: {}</p>\n", escaped(why))),
            Ok(weighed) => {
                let because = sentence(&weighed.because());
                write_to(&mut text, format_args!("<p><b>{}</b>: {because}</p>\n<table>\n", weighed.outcome()));
                let head = format_args!("<tr><th>{}</th><th>number</th><th>cpu</th><th>memory</th></tr>\n", weighed.of);
                write_to(&mut text, head);
                for (role, count, cpu, memory, sum) in weighed.kinds() {
                    let sum = escaped(sum);
                    write_to(&mut text, format_args!("<tr title=\"{sum}\"><td>{role}</td><td>{count}</td>"));
                    write_to(&mut text, format_args!("<td>{}</td><td>{memory} MiB</td></tr>\n", cpu_told(cpu)));
                }
                write_to(&mut text, format_args!("</table>\n{}<ul>\n", weighed.picture().svg()));
                for line in bounds_told(weighed) {
                    write_to(&mut text, format_args!("<li>{line}</li>\n"));
                }
                for remedy in &weighed.remedies {
                    write_to(&mut text, format_args!("<li>helps: {}</li>\n", sentence(&remedy.say)));
                }
                text.push_str("</ul>\n");
            }
        }
    }
    text.push_str("</html>\n");
    text
}
