//! Another evaluator on the same cases: agreement and time.
//!
//! usage, from the repository's root:
//!     cargo run --release --manifest-path benches/peer-iam-rs/Cargo.toml --target-dir target/peer-iam-rs -- BINARY CASES.jsonl …
//!
//! `iam-rs` takes one list of policies, in which every statement counts alike, and decides in two
//! values. So only those cases are put to it that such a list can express: known keys, identity policies
//! or a resource policy, not both, and no boundary, session policy, SCP or RCP. The others are counted.

use iam_rs::{Arn, Context, ContextValue, Decision, IAMPolicy, IAMRequest, PolicyEvaluator, Principal, PrincipalId};
use serde_json::Value;
use std::collections::HashMap;
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let binary = arguments.next().ok_or("usage: peer-iam-rs BINARY CASES.jsonl …")?;
    let mut cases = Vec::new();
    for file in arguments {
        for line in std::fs::read_to_string(&file)?.lines().filter(|line| !line.trim().is_empty()) {
            cases.push(serde_json::from_str::<Value>(line)?);
        }
    }
    let all = cases.len();
    cases.retain(|case| case["request"].is_object() && expected(case).is_some());
    let asked = cases.len();
    cases.retain(is_expressible);
    println!("{} of {asked} requests can be put to iam-rs 0.8.0 ({} other cases)", cases.len(), all - asked);

    let (mut right, mut refused, mut wrong) = (0, 0, Vec::new());
    let mut theirs = Duration::ZERO;
    for case in &cases {
        let policies: Vec<String> = policies(case).map(Value::to_string).collect();
        let start = Instant::now();
        let decision = decide(&case["request"], &policies);
        theirs += start.elapsed();
        match decision {
            Err(_) => refused += 1,
            Ok(allowed) if allowed == (expected(case) == Some("allowed")) => right += 1,
            Ok(allowed) => wrong.push(format!("{}: {}", case["id"], if allowed { "allowed" } else { "denied" })),
        }
    }
    println!("iam-rs: right {right}, refused {refused}, wrong {}; {:.2} ms with reading", wrong.len(), ms(theirs));
    for line in wrong.iter().take(20) {
        println!("  {line}");
    }

    let input: String = cases.iter().map(|case| format!("{case}\n")).collect();
    let start = Instant::now();
    let mut child = Command::new(&binary)
        .args(["simulate", "--cases", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut stdin = child.stdin.take().ok_or("no standard input")?;
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output()?;
    writer.join().map_err(|_| "the writer stopped")??;
    let ours = start.elapsed();
    let answers = String::from_utf8(output.stdout)?;
    let answers = answers.lines().map(serde_json::from_str::<Value>).collect::<Result<Vec<_>, _>>()?;
    let agree = cases.iter().zip(&answers).filter(|(case, answer)| expected(case) == answer["decision"].as_str());
    println!("sparkcheck: right {}; {:.2} ms with starting and reading", agree.count(), ms(ours));
    Ok(())
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn expected(case: &Value) -> Option<&str> {
    let expect = case.get("expected").or_else(|| case.get("expect"))?;
    expect["decision"].as_str()
}

/// The policies of a case that has one kind of them only.
fn policies(case: &Value) -> impl Iterator<Item = &Value> {
    let given = &case["policies"];
    given["identity"]
        .as_array()
        .into_iter()
        .flatten()
        .chain(Some(&given["resource"]).filter(|policy| !policy.is_null()))
}

fn is_expressible(case: &Value) -> bool {
    let (request, policies) = (&case["request"], &case["policies"]);
    let none = |value: &Value| value.is_null() || value.as_array().is_some_and(Vec::is_empty);
    let unknown = !none(&request["unknown"]) || !none(&request["unknownPresent"]);
    let layers = ["boundary", "session", "scp", "rcp"].iter().any(|kind| !policies[kind].is_null());
    !unknown && !layers && (none(&policies["identity"]) || policies["resource"].is_null())
}

/// Whether iam-rs allows the request.
fn decide(request: &Value, policies: &[String]) -> Result<bool, Box<dyn std::error::Error>> {
    let policies = policies.iter().map(|policy| IAMPolicy::from_json(policy)).collect::<Result<Vec<_>, _>>()?;
    let text = |key: &str| request[key].as_str().ok_or_else(|| format!("no `{key}`"));
    let name = text("principal")?;
    let id = PrincipalId::String(name.to_owned());
    let principal = match name {
        _ if name.contains(":oidc-provider/") || name.contains(":saml-provider/") => Principal::Federated(id),
        _ if name.starts_with("arn:") => Principal::Aws(id),
        _ => Principal::Service(id),
    };
    let mut keys = HashMap::new();
    for (key, value) in request["context"].as_object().into_iter().flatten() {
        let value = match value {
            Value::Array(values) => {
                ContextValue::StringList(values.iter().filter_map(Value::as_str).map(str::to_owned).collect())
            }
            Value::String(text) if text.eq_ignore_ascii_case("true") => ContextValue::Boolean(true),
            Value::String(text) if text.eq_ignore_ascii_case("false") => ContextValue::Boolean(false),
            value => ContextValue::String(value.as_str().map_or_else(|| value.to_string(), str::to_owned)),
        };
        keys.insert(key.clone(), value);
    }
    // A resource `*` is no ARN; the parts of one stand for it.
    let resource = match text("resource")? {
        "*" => Arn::parse("arn:*:*:*:*:*")?,
        resource => Arn::parse(resource)?,
    };
    let request = IAMRequest::new_with_context(principal, text("action")?, resource, Context::with_data(keys));
    let result = PolicyEvaluator::with_policies(policies).evaluate(&request)?;
    Ok(result.decision == Decision::Allow)
}
