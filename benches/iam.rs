//! IAM decisions and trust scopes, beside parsing the same policies.
//!
//! `parse` is `serde_json::from_str::<Value>` of the policies alone; the other figures are multiples of
//! it. Each is the best of several runs.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a bench, like a test, has nobody to report to")]

use serde_json::{Value, json};
use sparkcheck::iam::cases::{policies_of, request_of, wanted_of};
use sparkcheck::iam::trust::{Walks, scope_with};
use sparkcheck::iam::{Policies, Policy, Request, base36, decide};
use std::hint::black_box;
use std::time::{Duration, Instant};

fn main() {
    // `cargo test --benches` only wants to see that it starts.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    println!("                       count   parse ms   read   decide   decisions/s");
    decisions("known keys", include_str!("../tests/iam/decisions.jsonl"));
    decisions("unknown keys", include_str!("../tests/iam/unknowns.jsonl"));
    trusts(100_000);
}

fn best<T>(runs: usize, mut run: impl FnMut() -> T) -> Duration {
    (0..runs)
        .map(|_| {
            let start = Instant::now();
            black_box(run());
            start.elapsed()
        })
        .min()
        .unwrap_or_default()
}

fn decisions(name: &str, rows: &str) {
    const TIMES: usize = 200;
    let cases: Vec<Value> = rows
        .lines()
        .map(|row| serde_json::from_str::<Value>(row).unwrap())
        .filter(|case| case["request"].is_object())
        .collect();
    let texts: Vec<String> = cases.iter().map(|case| case["policies"].to_string()).collect();
    let values: Vec<Value> = texts.iter().map(|text| serde_json::from_str(text).unwrap()).collect();
    let asked: Vec<(Request, Policies)> = cases
        .iter()
        .zip(&values)
        .filter_map(|(case, policies)| Some((request_of(&case["request"]).ok()?, policies_of(policies))))
        .collect();
    let parse = best(5, || {
        for text in texts.iter().cycle().take(texts.len() * TIMES) {
            black_box(serde_json::from_str::<Value>(text).unwrap());
        }
    });
    let read = best(5, || {
        for value in values.iter().cycle().take(values.len() * TIMES) {
            black_box(policies_of(value));
        }
    });
    let decided = best(5, || {
        for (request, policies) in asked.iter().cycle().take(asked.len() * TIMES) {
            black_box(decide(request, policies));
        }
    });
    line(name, asked.len() * TIMES, parse, read, decided);
}

/// As many roles as a large organization has, of which each trusts something else; and then those of each
/// kind by themselves.
fn trusts(count: usize) {
    let issuer = "oidc.eks.us-east-1.amazonaws.com/id/EXAMPLED539D4633E53DE1B71EXAMPLE";
    let federated = format!("arn:aws:iam::111122223333:oidc-provider/{issuer}");
    let suffix = base36::encode("JobRole");
    let of_kind = |kinds: &[usize]| -> Vec<String> {
        (0..count).filter(|number| kinds.contains(&(number % KINDS.len()))).map(|number| {
            let like = |subject: String| json!({"StringLike": {format!("{issuer}:sub"): subject}});
            let web = |condition: Value| json!({"Effect": "Allow", "Principal": {"Federated": federated}, "Action": "sts:AssumeRoleWithWebIdentity", "Condition": condition});
            let statement = match number % 5 {
                0 => json!({"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}),
                1 => json!({"Effect": "Allow", "Principal": {"AWS": format!("arn:aws:iam::{number:012}:root")}, "Action": "sts:AssumeRole"}),
                2 => web(like(format!("system:serviceaccount:team-{number}:emr-containers-sa-*-*-111122223333-{suffix}"))),
                3 => web(like(format!("system:serviceaccount:emr-prod:emr-containers-sa-*-*-111122223333-{}", base36::encode(&format!("Role{number}"))))),
                _ => web(like("system:serviceaccount:emr-*:*".to_owned())),
            };
            json!({"Version": "2012-10-17", "Statement": [statement]}).to_string()
        })
        .collect()
    };
    let wanted = json!({"kind": "emr-on-eks", "issuer": issuer, "namespace": "emr-prod", "account": "111122223333", "roleBase36": suffix});
    let wanted = wanted_of(&wanted).unwrap();
    let all = [0, 1, 2, 3, 4];
    for (name, kinds) in std::iter::once(("trust scopes", &all[..])).chain(KINDS.into_iter().zip(all.chunks(1))) {
        let texts = of_kind(kinds);
        let parse =
            best(3, || texts.iter().map(|text| serde_json::from_str::<Value>(text).unwrap()).collect::<Vec<_>>());
        let values: Vec<Value> = texts.iter().map(|text| serde_json::from_str(text).unwrap()).collect();
        let read = best(3, || values.iter().map(Policy::of).collect::<Vec<_>>());
        let policies: Vec<Policy> = values.iter().map(Policy::of).collect();
        let scanned = best(3, || {
            let walks = Walks::default();
            policies.iter().map(|policy| scope_with(policy, &wanted, &walks).verdict).collect::<Vec<_>>()
        });
        line(name, texts.len(), parse, read, scanned);
    }
}

const KINDS: [&str; 5] = [" of services", " of accounts", " of namespaces", " of other roles", " of wide patterns"];

fn line(name: &str, count: usize, parse: Duration, read: Duration, decided: Duration) {
    let ratio = |time: Duration| time.as_secs_f64() / parse.as_secs_f64();
    let rate = count as f64 / decided.as_secs_f64();
    println!(
        "{name:<20} {count:>8} {:>10.1} {:>6.2} {:>8.2} {rate:>13.0}",
        parse.as_secs_f64() * 1e3,
        ratio(read),
        ratio(decided)
    );
}
