//! The IAM evaluator beside a naive one that was written without looking at it.
//!
//! Random requests and policies are decided twice. The naive evaluator knows two values only; for
//! keys that are not known it goes through every value of a small universe in which all literals and
//! patterns of the policies have texts that match, texts that do not, and neighbours. A definite
//! answer that some completion contradicts is unsound, and there must be none.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use serde_json::{Map, Value, json};
use sparkcheck::iam::cases::answer;
use std::collections::{BTreeMap, BTreeSet};

const OWN: &str = "111122223333";
const OTHER: &str = "444455556666";

// ---------------------------------------------------------------------------------------------
// The naive evaluator.

#[derive(Clone, Debug, PartialEq)]
enum Held {
    One(String),
    Many(Vec<String>),
}

type Keys = BTreeMap<String, Held>;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Answer {
    Allowed,
    Explicit,
    Implicit,
}

struct Asked<'a> {
    principal: &'a str,
    action: &'a str,
    resource: &'a str,
    same_account: bool,
    keys: Keys,
}

fn list(value: &Value) -> Vec<String> {
    match value {
        Value::Array(items) => items.iter().flat_map(list).collect(),
        Value::String(text) => vec![text.clone()],
        other => vec![other.to_string()],
    }
}

/// A pattern's character: one that stands for itself, or a wildcard.
#[derive(Clone, Copy, PartialEq)]
enum Mark {
    Is(char),
    Some,
    Any,
}

/// The text with its variables filled in; `None` where one has no value.
fn expand(text: &str, variables: bool, wild: bool, keys: &Keys) -> Option<Vec<Mark>> {
    let mut out = Vec::new();
    let mut rest: &str = text;
    while let Some(c) = rest.chars().next() {
        if variables && rest.starts_with("${") {
            let end = rest.find('}')?;
            let inside = &rest[2..end];
            rest = &rest[end + 1..];
            if ["*", "?", "$"].contains(&inside) {
                out.extend(inside.chars().map(Mark::Is));
                continue;
            }
            let (name, default) = match inside.split_once(", '") {
                Some((name, default)) => (name, Some(default.trim_end_matches('\''))),
                None => (inside, None),
            };
            let found = match keys.get(&name.to_lowercase()) {
                Some(Held::One(found)) => found.clone(),
                Some(Held::Many(_)) => unreachable!("no multivalued variables are made"),
                None => default?.to_owned(),
            };
            out.extend(found.chars().map(Mark::Is));
            continue;
        }
        out.push(match c {
            '*' if wild => Mark::Any,
            '?' if wild => Mark::Some,
            c => Mark::Is(c),
        });
        rest = &rest[c.len_utf8()..];
    }
    Some(out)
}

fn like(pattern: &[Mark], text: &[char]) -> bool {
    match (pattern.first(), text.first()) {
        (None, _) => text.is_empty(),
        (Some(Mark::Any), _) => like(&pattern[1..], text) || (!text.is_empty() && like(pattern, &text[1..])),
        (Some(Mark::Some), Some(_)) => like(&pattern[1..], &text[1..]),
        (Some(Mark::Is(wanted)), Some(found)) => wanted == found && like(&pattern[1..], &text[1..]),
        (Some(_), None) => false,
    }
}

fn chars(text: &str) -> Vec<char> {
    text.chars().collect()
}

fn arn_like(pattern: &[Mark], text: &str) -> bool {
    let parts: Vec<&[Mark]> = pattern.splitn(6, |mark| *mark == Mark::Is(':')).collect();
    let texts: Vec<&str> = text.splitn(6, ':').collect();
    parts.len() == 6 && texts.len() == 6 && parts.iter().zip(texts).all(|(part, text)| like(part, &chars(text)))
}

fn resource_covered(pattern: &str, asked: &Asked<'_>, variables: bool) -> bool {
    if pattern == "*" {
        return true;
    }
    // What is made here and is shorter than six parts ends in a star of its own.
    let padded = if pattern.matches(':').count() < 5 { pattern.trim_end_matches('*') } else { "" };
    if !padded.is_empty() {
        return asked.resource.starts_with(padded);
    }
    expand(pattern, variables, true, &asked.keys).is_some_and(|pattern| arn_like(&pattern, asked.resource))
}

fn action_covered(pattern: &str, action: &str) -> bool {
    let pattern = expand(&pattern.to_lowercase(), false, true, &Keys::new()).unwrap_or_default();
    like(&pattern, &chars(&action.to_lowercase()))
}

fn seconds(text: &str) -> i64 {
    text.parse().unwrap_or_else(|_| text.parse::<jiff::Timestamp>().map(|time| time.as_second()).unwrap_or(i64::MIN))
}

fn in_network(network: &str, address: &str) -> bool {
    let (base, bits) = network.split_once('/').unwrap_or((network, "32"));
    let number = |text: &str| text.parse::<std::net::Ipv4Addr>().ok().map(u32::from);
    let (Some(base), Some(address)) = (number(base), number(address)) else { return false };
    let bits: u32 = bits.parse().unwrap_or(32);
    bits == 0 || base >> (32 - bits) == address >> (32 - bits)
}

/// One value of the request against one of the policy, under an operator without its `Not`.
fn test(operator: &str, wanted: &str, found: &str, variables: bool, keys: &Keys) -> bool {
    let text = |wild: bool| expand(wanted, variables, wild, keys);
    let number = |text: &str| text.parse::<f64>().unwrap_or(f64::NAN);
    match operator {
        "StringEquals" => text(false).is_some_and(|wanted| like(&wanted, &chars(found))),
        "StringEqualsIgnoreCase" => {
            let lower = |mark: &Mark| match mark {
                Mark::Is(c) => Mark::Is(c.to_ascii_lowercase()),
                other => *other,
            };
            text(false).is_some_and(|wanted| {
                like(&wanted.iter().map(lower).collect::<Vec<_>>(), &chars(&found.to_ascii_lowercase()))
            })
        }
        "StringLike" => text(true).is_some_and(|wanted| like(&wanted, &chars(found))),
        "ArnLike" | "ArnEquals" => text(true).is_some_and(|wanted| arn_like(&wanted, found)),
        "NumericEquals" => number(found) == number(wanted),
        "NumericLessThan" => number(found) < number(wanted),
        "NumericLessThanEquals" => number(found) <= number(wanted),
        "NumericGreaterThan" => number(found) > number(wanted),
        "NumericGreaterThanEquals" => number(found) >= number(wanted),
        "DateLessThan" => seconds(found) < seconds(wanted),
        "DateGreaterThanEquals" => seconds(found) >= seconds(wanted),
        "Bool" => found.eq_ignore_ascii_case(wanted),
        "IpAddress" => in_network(wanted, found),
        _ => unreachable!("{operator}"),
    }
}

const NEGATED: [(&str, &str); 6] = [
    ("StringNotEquals", "StringEquals"),
    ("StringNotEqualsIgnoreCase", "StringEqualsIgnoreCase"),
    ("StringNotLike", "StringLike"),
    ("ArnNotLike", "ArnLike"),
    ("NumericNotEquals", "NumericEquals"),
    ("NotIpAddress", "IpAddress"),
];

fn condition_holds(operator: &str, key: &str, values: &Value, variables: bool, keys: &Keys) -> bool {
    let found = keys.get(&key.to_lowercase());
    let values = list(values);
    if operator == "Null" {
        return values.iter().any(|value| (value == "true") == found.is_none());
    }
    let (set, rest) = match operator.split_once(':') {
        Some((set, rest)) => (set, rest),
        None => ("", operator),
    };
    let (rest, if_exists) = match rest.strip_suffix("IfExists") {
        Some(rest) => (rest, true),
        None => (rest, false),
    };
    let positive = NEGATED.iter().find(|(negated, _)| *negated == rest).map(|(_, positive)| *positive);
    let one = |found: &str| {
        let any = values.iter().any(|wanted| test(positive.unwrap_or(rest), wanted, found, variables, keys));
        any != positive.is_some()
    };
    match (set, found) {
        ("ForAllValues", None) => true,
        ("ForAnyValue", None) => false,
        (_, None) => if_exists || positive.is_some(),
        (_, Some(Held::One(found))) => one(found),
        ("ForAllValues", Some(Held::Many(found))) => found.iter().all(|found| one(found)),
        ("ForAnyValue", Some(Held::Many(found))) => found.iter().any(|found| one(found)),
        (_, Some(Held::Many(_))) => unreachable!("a set operator is always made for multivalued keys"),
    }
}

/// How a principal of a statement means the caller: directly, by its role, by its account.
fn means(principal: &Value, caller: &str) -> [bool; 3] {
    let mut found = [principal == "*", false, false];
    let account = caller.split(':').nth(4).unwrap_or_default();
    for (kind, names) in principal.as_object().into_iter().flatten() {
        for name in list(names) {
            let is_account = name == account || name == format!("arn:aws:iam::{account}:root");
            match kind.as_str() {
                "AWS" if name == "*" => found[0] = true,
                "AWS" if is_account && !account.is_empty() && !caller.contains("oidc-provider") => found[2] = true,
                "AWS" if caller.contains(":assumed-role/") => {
                    let role = caller.split('/').nth(1).unwrap_or_default();
                    let role = format!("arn:aws:iam::{account}:role/jobs/{role}");
                    found[0] |= name == caller;
                    found[1] |= name == role;
                }
                "AWS" => found[0] |= name == caller && caller.contains(":user/"),
                "Service" => found[0] |= name == caller,
                "Federated" => found[0] |= name == caller,
                _ => unreachable!("{kind}"),
            }
        }
    }
    found
}

/// What a list of policies says: whether it allows (by way of principals), and whether it denies.
fn weigh(policies: &[Value], asked: &Asked<'_>, of_resource: bool, bounded: bool) -> ([bool; 3], bool) {
    let (mut allows, mut denies) = ([false; 3], false);
    for policy in policies {
        let variables = policy["Version"] == "2012-10-17";
        for statement in policy["Statement"].as_array().into_iter().flatten() {
            let mut by = [true, false, false];
            if of_resource {
                by = match statement.get("NotPrincipal") {
                    None => means(&statement["Principal"], asked.principal),
                    Some(spared) => {
                        let spared = means(spared, asked.principal);
                        let all = if asked.principal.contains(":assumed-role/") {
                            spared == [true; 3]
                        } else if asked.principal.contains(":user/") {
                            spared[0] && spared[2]
                        } else {
                            spared[0]
                        };
                        [bounded || !all, false, false]
                    }
                };
            }
            if by == [false; 3] {
                continue;
            }
            let any = |key: &str, covered: &dyn Fn(&str) -> bool| {
                statement.get(key).map(|entries| list(entries).iter().any(|entry| covered(entry)))
            };
            let action = |pattern: &str| action_covered(pattern, asked.action);
            let resource = |pattern: &str| resource_covered(pattern, asked, variables);
            let applies = any("Action", &action).unwrap_or(true)
                && !any("NotAction", &action).unwrap_or(false)
                && any("Resource", &resource).unwrap_or(true)
                && !any("NotResource", &resource).unwrap_or(false)
                && statement["Condition"].as_object().into_iter().flatten().all(|(operator, keys)| {
                    keys.as_object()
                        .into_iter()
                        .flatten()
                        .all(|(key, values)| condition_holds(operator, key, values, variables, &asked.keys))
                });
            if applies && statement["Effect"] == "Deny" {
                denies = true;
            } else if applies {
                allows = [allows[0] | by[0], allows[1] | by[1], allows[2] | by[2]];
            }
        }
    }
    (allows, denies)
}

fn naive(asked: &Asked<'_>, policies: &Value) -> Answer {
    let documents = |key: &str| match policies.get(key) {
        Some(Value::Array(documents)) => documents.clone(),
        Some(document) => vec![document.clone()],
        None => Vec::new(),
    };
    let levels = |key: &str| policies.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
    let linked = asked.principal.contains("/AWSServiceRoleFor");
    let has_account = asked.principal.contains(":user/") || asked.principal.contains(":assumed-role/");
    let bounded = policies.get("boundary").is_some();
    let (granted, mut denied) = weigh(&documents("resource"), asked, true, bounded);
    let service = asked.action.split(':').next().unwrap_or_default();
    if ["s3", "sts", "kms", "sqs"].contains(&service) && !linked {
        for level in levels("rcp") {
            denied |= weigh(level.as_array().map_or(&[][..], Vec::as_slice), asked, true, bounded).1;
        }
    }
    if !has_account {
        return match (denied, granted[0]) {
            (true, _) => Answer::Explicit,
            (false, true) => Answer::Allowed,
            (false, false) => Answer::Implicit,
        };
    }
    let mut gate = |documents: &[Value]| {
        let (allows, denies) = weigh(documents, asked, false, bounded);
        denied |= denies;
        allows[0]
    };
    let identity = gate(&documents("identity"));
    let boundary = !bounded || gate(&documents("boundary"));
    let session = policies.get("session").is_none() || gate(&documents("session"));
    let mut organization = true;
    if !linked {
        for level in levels("scp") {
            organization &= gate(level.as_array().map_or(&[][..], Vec::as_slice));
        }
    }
    if denied {
        return Answer::Explicit;
    }
    let capped = boundary && session;
    let identity = identity && capped;
    let named = granted[0] || (granted[1] && capped);
    let at_all = granted.contains(&true);
    let resource_rules = asked.action == "sts:AssumeRole" || asked.action == "kms:Decrypt";
    let open = match (asked.same_account, resource_rules) {
        (true, false) => identity || named,
        (true, true) => named || (at_all && identity),
        (false, _) => at_all && identity,
    };
    if open && organization { Answer::Allowed } else { Answer::Implicit }
}

// ---------------------------------------------------------------------------------------------
// Random cases.

struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        // splitmix64
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % sides as u64) as usize
    }

    fn one_in(&mut self, sides: usize) -> bool {
        self.roll(sides) == 0
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.roll(from.len())]
    }

    /// One or two of them, as a text or a list.
    fn few(&mut self, from: &[&str]) -> Value {
        if self.one_in(3) { json!([self.pick(from), self.pick(from)]) } else { json!(self.pick(from)) }
    }
}

/// A condition key: its name, the values that are tried for it, and what policies compare it with.
struct Key {
    name: &'static str,
    universe: &'static [&'static str],
    operators: &'static [&'static str],
    wanted: &'static [&'static str],
}

const TEXT: &[&str] = &[
    "StringEquals",
    "StringNotEquals",
    "StringLike",
    "StringNotLike",
    "StringEqualsIfExists",
    "StringNotEqualsIfExists",
    "StringLikeIfExists",
    "StringEqualsIgnoreCase",
    "StringNotEqualsIgnoreCase",
    "ForAnyValue:StringLike",
    "ForAllValues:StringEquals",
];
const MANY: &[&str] = &[
    "ForAllValues:StringEquals",
    "ForAnyValue:StringEquals",
    "ForAllValues:StringLike",
    "ForAnyValue:StringLike",
    "ForAllValues:StringNotEquals",
    "ForAnyValue:StringNotLike",
];
const NUMBER: &[&str] = &[
    "NumericEquals",
    "NumericNotEquals",
    "NumericLessThan",
    "NumericLessThanEquals",
    "NumericGreaterThan",
    "NumericGreaterThanEqualsIfExists",
];
const TEAMS: &[&str] =
    &["a", "A", "ab", "aab", "b", "B", "bb", "AB", "kim", "Kim", "z", "", "a*", "*b", "a*b", "b*", "B*", "?", "*"];
const TEAM_PATTERNS: &[&str] = &["a", "ab", "a*", "*b", "?", "A", "a*b", "${aws:username}", "b${*}", "*", "kim"];

const KEYS: &[Key] = &[
    Key { name: "aws:PrincipalTag/team", universe: TEAMS, operators: TEXT, wanted: TEAM_PATTERNS },
    Key { name: "aws:SourceVpc", universe: TEAMS, operators: TEXT, wanted: TEAM_PATTERNS },
    Key {
        name: "aws:username",
        universe: &["kim", "a", "z", "k*"],
        operators: &["StringEquals", "StringNotLike"],
        wanted: &["kim", "k*"],
    },
    Key { name: "aws:TagKeys", universe: &["a", "b", "dd", "?", "*"], operators: MANY, wanted: &["a", "b", "*", "?"] },
    Key {
        name: "s3:max-keys",
        universe: &["0", "4", "5", "5.0", "6", "10", "11"],
        operators: NUMBER,
        wanted: &["5", "10.0", "5.0"],
    },
    Key {
        name: "aws:CurrentTime",
        universe: &[
            "2026-01-01T00:00:00Z",
            "2026-01-01T01:00:00+01:00",
            "1767225599",
            "1767225601",
            "2027-01-01T00:00:00Z",
            "1798761599",
            "1798761601",
        ],
        operators: &["DateLessThan", "DateGreaterThanEquals"],
        wanted: &["2026-01-01T00:00:00Z", "1767225600", "2027-01-01T00:00:00Z"],
    },
    Key {
        name: "aws:SourceIp",
        universe: &["10.0.0.1", "10.0.0.255", "10.0.1.0", "192.168.1.1", "9.255.255.255", "2001:db8::1"],
        operators: &["IpAddress", "NotIpAddress", "IpAddressIfExists"],
        wanted: &["10.0.0.0/24", "10.0.0.1", "10.0.0.0/8"],
    },
    Key {
        name: "aws:SecureTransport",
        universe: &["true", "false"],
        operators: &["Bool", "BoolIfExists"],
        wanted: &["true", "false"],
    },
    Key {
        name: "aws:SourceArn",
        universe: &[
            "arn:aws:emr-containers:us-east-1:111122223333:/virtualclusters/v1",
            "arn:aws:emr-containers:us-east-1:111122223333:/virtualclusters/v2",
            "arn:aws:emr-containers:us-east-1:444455556666:/virtualclusters/v1",
            "arn:aws:s3:::lake",
            "arn:aws:sns:eu-west-1:1:t:arn:aws",
            "x",
        ],
        operators: &["ArnLike", "ArnEquals", "ArnNotLike", "StringLike"],
        wanted: &[
            "arn:aws:emr-containers:*:111122223333:/virtualclusters/*",
            "arn:aws:emr-containers:us-east-1:*:/virtualclusters/v1",
            "arn:aws:*:*:*:*",
            "arn:aws:s3:::lake",
        ],
    },
];

const ACTIONS: &[&str] = &[
    "s3:GetObject",
    "s3:*",
    "s3:Get*",
    "*",
    "S3:getobject",
    "kms:*",
    "sts:AssumeRole",
    "sqs:Send?essage",
    "emr-containers:*",
    "s3:List*",
    "sts:*",
];
const RESOURCES: &[&str] = &[
    "*",
    "arn:aws:s3:::lake/*",
    "arn:aws:s3:::lake/a/*",
    "arn:aws:s3:::lake/${aws:PrincipalTag/team}/*",
    "arn:aws:s3:::lake/${aws:PrincipalTag/team, 'a'}/?",
    "arn:aws:s3:*",
    "arn:aws:s3:::lake/a/${*}",
    "arn:aws:kms:*:111122223333:key/*",
    "arn:aws:iam::*:role/target",
    "arn:aws:sqs:us-east-1:*:jobs",
    "arn:aws:emr-containers:*:*:/virtualclusters/*",
];

fn condition(dice: &mut Dice, open: &[&'static str]) -> Value {
    let mut operators: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    for _ in 0..dice.pick(&[0, 0, 1, 1, 1, 2]) {
        let keys: Vec<&Key> = KEYS.iter().filter(|key| open.is_empty() || open.contains(&key.name)).collect();
        let key = if dice.one_in(2) { keys[dice.roll(keys.len())] } else { &KEYS[dice.roll(KEYS.len())] };
        let (operator, values) = if dice.one_in(6) {
            ("Null", json!(dice.pick(&["true", "false"])))
        } else {
            (dice.pick(key.operators), dice.few(key.wanted))
        };
        let name = if dice.one_in(5) { key.name.to_uppercase() } else { key.name.to_owned() };
        operators.entry(operator).or_default().insert(name, values);
    }
    json!(operators)
}

fn policy(dice: &mut Dice, of_resource: bool, trust: bool, deny_one_in: usize, open: &[&'static str]) -> Value {
    let count = 1 + dice.roll(2);
    let statements: Vec<Value> = (0..count)
        .map(|_| {
            let mut statement = json!({"Effect": if dice.one_in(deny_one_in) { "Deny" } else { "Allow" }});
            let likely = dice.one_in(2);
            statement[if dice.one_in(6) { "NotAction" } else { "Action" }] =
                if likely { json!("*") } else { dice.few(ACTIONS) };
            if !trust {
                let likely = dice.one_in(2);
                statement[if dice.one_in(6) { "NotResource" } else { "Resource" }] =
                    if likely { json!("*") } else { dice.few(RESOURCES) };
            }
            if of_resource {
                let principals = [
                    json!("*"),
                    json!({"AWS": "*"}),
                    json!({"AWS": OWN}),
                    json!({"AWS": format!("arn:aws:iam::{OWN}:root")}),
                    json!({"AWS": [OTHER, format!("arn:aws:iam::{OWN}:user/kim")]}),
                    json!({"AWS": format!("arn:aws:iam::{OWN}:role/jobs/etl")}),
                    json!({"AWS": format!("arn:aws:sts::{OWN}:assumed-role/etl/run")}),
                    json!({"Service": ["emr-serverless.amazonaws.com", "ec2.amazonaws.com"]}),
                    json!({"AWS": [OWN, format!("arn:aws:iam::{OWN}:role/jobs/etl"), format!("arn:aws:sts::{OWN}:assumed-role/etl/run")]}),
                    json!({"AWS": [format!("arn:aws:iam::{OWN}:root"), format!("arn:aws:iam::{OWN}:user/kim")]}),
                ];
                let denies = statement["Effect"] == "Deny";
                let not = denies && !trust && dice.one_in(4);
                // That everybody is spared makes no sense.
                let from = if not { 2 } else { 0 };
                let at = from + dice.roll(principals.len() - from);
                statement[if not { "NotPrincipal" } else { "Principal" }] = principals[at].clone();
            }
            let condition = condition(dice, open);
            if condition.as_object().is_some_and(|condition| !condition.is_empty()) {
                statement["Condition"] = condition;
            }
            statement
        })
        .collect();
    json!({"Version": if dice.one_in(12) { "2008-10-17" } else { "2012-10-17" }, "Statement": statements})
}

fn case(dice: &mut Dice) -> Value {
    let principal = dice.pick(&[
        "arn:aws:iam::111122223333:user/kim",
        "arn:aws:sts::111122223333:assumed-role/etl/run",
        "arn:aws:iam::111122223333:user/kim",
        "arn:aws:sts::111122223333:assumed-role/etl/run",
        "arn:aws:sts::111122223333:assumed-role/AWSServiceRoleForEMR/x",
        "emr-serverless.amazonaws.com",
    ]);
    let owner = if dice.one_in(4) { OTHER } else { OWN };
    let (action, resource) = dice.pick(&[
        ("s3:GetObject", "arn:aws:s3:::lake/a/k"),
        ("s3:GetObject", "arn:aws:s3:::lake/ab/x/y"),
        ("s3:ListBucket", "arn:aws:s3:::lake"),
        ("kms:Decrypt", "arn:aws:kms:us-east-1:OWNER:key/1"),
        ("sts:AssumeRole", "arn:aws:iam::OWNER:role/target"),
        ("sqs:SendMessage", "arn:aws:sqs:us-east-1:OWNER:jobs"),
        ("emr-containers:StartJobRun", "arn:aws:emr-containers:us-east-1:OWNER:/virtualclusters/v1"),
    ]);
    let trust = action == "sts:AssumeRole";
    let mut context = Map::new();
    let (mut unknown, mut present) = (Vec::new(), Vec::new());
    let mut open: Vec<&'static str> = Vec::new();
    let most = dice.pick(&[0, 1, 1, 2, 2]);
    for _ in 0..most {
        let name = KEYS[dice.roll(KEYS.len())].name;
        if !open.contains(&name) {
            open.push(name);
            if dice.one_in(3) { &mut present } else { &mut unknown }.push(name);
        }
    }
    for key in KEYS {
        if open.contains(&key.name) || dice.one_in(2) {
            continue;
        }
        // What a star in a value means, and what is no ARN, AWS does not say.
        let plain: Vec<&str> =
            key.universe.iter().copied().filter(|text| !text.contains(['*', '?']) && *text != "x").collect();
        let value = dice.pick(&plain);
        let value = if key.name == "aws:TagKeys" { json!([value, dice.pick(&plain)]) } else { json!(value) };
        context.insert(key.name.to_owned(), value);
    }
    let mut policies = Map::new();
    let mut identity = Vec::new();
    for _ in 0..dice.pick(&[0, 1, 1, 2]) {
        identity.push(policy(dice, false, false, 4, &open));
    }
    policies.insert("identity".into(), json!(identity));
    if dice.one_in(2) {
        policies.insert("resource".into(), policy(dice, true, trust, 4, &open));
    }
    if dice.one_in(5) {
        policies.insert("boundary".into(), policy(dice, false, false, 5, &open));
    }
    if dice.one_in(6) && !principal.contains(":user/") {
        policies.insert("session".into(), policy(dice, false, false, 5, &open));
    }
    if dice.one_in(5) {
        let mut levels = Vec::new();
        for _ in 0..1 + dice.roll(2) {
            levels.push(json!([policy(dice, false, false, 4, &open)]));
        }
        policies.insert("scp".into(), json!(levels));
    }
    if dice.one_in(8) {
        let mut refusing = policy(dice, true, false, 1, &open);
        for statement in refusing["Statement"].as_array_mut().into_iter().flatten() {
            statement["Principal"] = json!("*");
            statement.as_object_mut().map(|statement| statement.remove("NotPrincipal"));
        }
        policies.insert("rcp".into(), json!([[refusing]]));
    }
    json!({
        "request": {
            "principal": principal, "action": action, "resource": resource.replace("OWNER", owner),
            "resourceAccount": owner, "context": context, "unknown": unknown, "unknownPresent": present,
        },
        "policies": policies,
    })
}

// ---------------------------------------------------------------------------------------------
// Both beside each other.

/// Every completion of the unknown keys, as far as the universe goes.
fn completions(request: &Value) -> Vec<Keys> {
    let mut known = Keys::new();
    for (key, value) in request["context"].as_object().unwrap() {
        let value = match value {
            Value::Array(_) => Held::Many(list(value)),
            value => Held::One(value.as_str().unwrap().to_owned()),
        };
        known.insert(key.to_lowercase(), value);
    }
    let mut all = vec![known];
    for (member, may_be_absent) in [("unknown", true), ("unknownPresent", false)] {
        for name in list(&request[member]) {
            let key = KEYS.iter().find(|key| key.name == name).unwrap();
            let mut values: Vec<Option<Held>> = Vec::new();
            if may_be_absent {
                values.push(None);
            }
            if name == "aws:TagKeys" {
                for set in 1..1usize << key.universe.len() {
                    let members = key.universe.iter().enumerate().filter(|(at, _)| set >> at & 1 == 1);
                    values.push(Some(Held::Many(members.map(|(_, text)| (*text).to_owned()).collect())));
                }
            } else {
                values.extend(key.universe.iter().map(|text| Some(Held::One((*text).to_owned()))));
            }
            let mut longer = Vec::new();
            for keys in &all {
                for value in &values {
                    let mut keys = keys.clone();
                    keys.extend(value.clone().map(|value| (name.to_lowercase(), value)));
                    longer.push(keys);
                }
            }
            all = longer;
        }
    }
    all
}

/// Whether a key that is not known stands in several places, so that its tests depend on each other.
fn correlated(case: &Value) -> bool {
    let text = case["policies"].to_string().to_lowercase();
    let open = [list(&case["request"]["unknown"]), list(&case["request"]["unknownPresent"])].concat();
    open.iter().any(|key| text.matches(&key.to_lowercase()).count() > 1)
}

fn word(answer: Answer) -> (&'static str, &'static str) {
    match answer {
        Answer::Allowed => ("allowed", ""),
        Answer::Explicit => ("denied", "explicit"),
        Answer::Implicit => ("denied", "implicit"),
    }
}

#[test]
fn decisions_agree_with_those_of_a_naive_evaluator() {
    // `ORACLE_CASES=200000 ORACLE_FROM=1000000 cargo test --release --test oracle` looks further.
    let setting = |name: &str, default: u64| std::env::var(name).ok().and_then(|n| n.parse().ok()).unwrap_or(default);
    let (count, from) = (setting("ORACLE_CASES", 6000), setting("ORACLE_FROM", 0));
    let mut wrong = Vec::new();
    let (mut open, mut exact) = ([0usize; 2], [0usize; 2]);
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut inexact = Vec::new();
    for seed in from..from + count {
        let case = case(&mut Dice(seed));
        let request = &case["request"];
        let found: BTreeSet<Answer> = completions(request)
            .into_iter()
            .map(|keys| {
                let asked = Asked {
                    principal: request["principal"].as_str().unwrap(),
                    action: request["action"].as_str().unwrap(),
                    resource: request["resource"].as_str().unwrap(),
                    same_account: request["resourceAccount"] == OWN,
                    keys,
                };
                naive(&asked, &case["policies"])
            })
            .collect();
        let words: BTreeSet<&str> = found.iter().map(|answer| word(*answer).0).collect();
        let expected = if words.len() == 2 { "conditional" } else { *words.first().unwrap() };
        let got = answer(&case);
        let decision = got["decision"].as_str().unwrap();
        *seen
            .entry(format!("{expected} {}", list(&request["unknown"]).len() + list(&request["unknownPresent"]).len()))
            .or_default() += 1;
        if decision != "conditional" && decision != expected {
            wrong.push(format!("seed {seed}: {decision}, not {expected}: {case:#}"));
        }
        let unknown = !(list(&request["unknown"]).is_empty() && list(&request["unknownPresent"]).is_empty());
        if !unknown
            && (decision != expected || (decision == "denied" && got["kind"] != word(*found.first().unwrap()).1))
        {
            wrong.push(format!("seed {seed}: {got}, not {found:?}: {case:#}"));
        }
        if unknown {
            let class = usize::from(correlated(&case));
            open[class] += 1;
            exact[class] += usize::from(decision == expected);
            if decision != expected {
                inexact.push((class, seed));
            }
        }
    }
    let shown: Vec<&str> = wrong.iter().take(2).map(String::as_str).collect();
    assert!(wrong.is_empty(), "{} of {count} wrong:\n{}", wrong.len(), shown.join("\n"));
    for kind in ["allowed 0", "denied 0", "allowed 1", "conditional 1", "conditional 2"] {
        assert!(seen.get(kind).is_some_and(|seen| *seen > count as usize / 100), "{kind} is rare: {seen:?}");
    }
    assert!(exact[0] * 100 >= open[0] * 98, "{exact:?} of {open:?}; {inexact:?}");
    assert!(exact[1] * 100 >= open[1] * 80, "{exact:?} of {open:?}; {inexact:?}");
}

#[test]
fn a_denial_more_never_allows_and_account_numbers_mean_nothing() {
    for seed in 0..3000 {
        let dice = &mut Dice(seed);
        let mut case = case(dice);
        let before = answer(&case);
        let other = case.to_string().replace(OWN, "#").replace(OTHER, OWN).replace('#', OTHER);
        let there = answer(&serde_json::from_str(&other).unwrap());
        let same = |key: &str| before[key] == there[key];
        assert!(same("decision") && same("kind") && same("depends_on"), "seed {seed}: {before} {there}: {case:#}");
        case["policies"]["identity"].as_array_mut().unwrap().push(policy(dice, false, false, 1, &[]));
        let after = answer(&case);
        let allowed = |answer: &Value| answer["decision"] == "allowed";
        assert!(!allowed(&after) || before["decision"] != "denied", "seed {seed}: {case:#}");
    }
}
