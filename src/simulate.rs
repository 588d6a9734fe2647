//! May this principal do this? Questions that somebody asks by hand, and answers as short proofs.
//!
//! The policies come from an estate or from files; [`prove`] puts the question to [`crate::iam`] and
//! finds the lines of the statements that decided. What was taken for granted stands in the proof:
//! the keys that the policies test and the question does not mention, and the kinds of policies that
//! nobody showed.
//!
//! Deliberately absent: decisions. They are [`iam::decide()`]'s.

use crate::arn::Arn;
use crate::estate::{Origin, Source};
use crate::iam::principal::Caller;
use crate::iam::{
    self, ContextValue, Decision, Effect, Gathered, Kind, Named, Outcome, Policies, Policy, Request, decide,
};
use crate::known::{Text, Truth, Unknown};
use crate::link::{Found, Linked, policies, resource_policy};
use crate::read::{self, Lines, PolicyFile};
use crate::report::look::{BAD, BOLD, DOUBTFUL, GOOD, Look, visible};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

/// Answers to a file of cases, one JSON object for each line that is not blank.
#[derive(Debug)]
pub struct Answers {
    lines: Lines,
}

impl Answers {
    /// The answers to the cases of a file, `-` for standard input.
    ///
    /// # Errors
    /// If the file cannot be opened.
    pub fn of(path: &Path) -> Result<Self, read::ReadError> {
        Ok(Self { lines: Lines::open(path)? })
    }
}

impl Iterator for Answers {
    type Item = Value;

    fn next(&mut self) -> Option<Value> {
        let (number, case) = self.lines.next()?;
        let mut answer = match case {
            Ok(case) => iam::cases::answer(&case),
            Err(fault) => json!({"id": null, "error": fault}),
        };
        if let Some(error) = answer.get_mut("error") {
            let what = error.as_str().unwrap_or_default();
            *error = format!("line {number}: {what}").into();
        }
        Some(answer)
    }
}

/// What is asked.
#[derive(Clone, Debug, Default)]
pub struct Question {
    /// The ARN or the name of who asks.
    pub principal: String,
    /// What is asked, each by itself.
    pub actions: Vec<String>,
    /// On what.
    pub resource: String,
    /// The account that owns it, where the ARN does not tell.
    pub resource_account: Option<String>,
    /// The condition keys of the request.
    pub context: BTreeMap<String, ContextValue>,
    /// Keys whose presence and value are not known; `*` stands for all that are not given.
    pub unknown: BTreeSet<String>,
}

impl Question {
    /// Gives a key a value, and one more where it has one.
    pub fn give(&mut self, key: &str, value: &str) {
        let found = self.context.remove(key);
        let value = Text::literal(value);
        let many = match found {
            None => ContextValue::One(value),
            Some(ContextValue::One(first)) => ContextValue::Many(vec![first, value]),
            Some(ContextValue::Many(mut all)) => {
                all.push(value);
                ContextValue::Many(all)
            }
        };
        self.context.insert(key.to_owned(), many);
    }
}

/// The policies that apply to a question, and where they stand.
#[derive(Debug, Default)]
pub struct Held {
    policies: Policies,
    places: BTreeMap<String, Origin>,
    sources: Vec<Source>,
    /// The ARN of the principal itself, where a session was asked for.
    principal_arn: Option<String>,
    unseen: Vec<String>,
}

/// The kinds of policies that can be given as files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Of the principal.
    Identity,
    /// Of the resource.
    Resource,
    /// The permissions boundary.
    Boundary,
    /// Of the session.
    Session,
    /// Service control policies: one level for each file, root first.
    Scp,
}

/// Services whose resources have policies of their own, and the command that shows one.
const HAVE_RESOURCE_POLICIES: [(&str, &str); 12] = [
    ("s3", "aws s3api get-bucket-policy"),
    ("kms", "aws kms get-key-policy"),
    ("sqs", "aws sqs get-queue-attributes"),
    ("sns", "aws sns get-topic-attributes"),
    ("secretsmanager", "aws secretsmanager get-resource-policy"),
    ("ecr", "aws ecr get-repository-policy"),
    ("lambda", "aws lambda get-policy"),
    ("glue", "aws glue get-resource-policy"),
    ("logs", "aws logs describe-resource-policies"),
    ("events", "aws events describe-event-bus"),
    ("dynamodb", "aws dynamodb get-resource-policy"),
    ("kinesis", "aws kinesis get-resource-policy"),
];

impl Held {
    /// The policies that an estate holds for the question. `Err` says that there is no such principal.
    ///
    /// # Errors
    /// If the estate listed all principals and this is none of them.
    pub fn of(linked: &Linked, question: &Question) -> Result<Self, String> {
        let mut held = Self { sources: linked.estate.sources.clone(), ..Self::default() };
        let estate = &linked.estate;
        if Caller::of(&question.principal, "").has_identity() {
            match linked.index.principal(estate, &question.principal) {
                Found::At(principal, pointer) => {
                    let collected = policies::collect(linked, principal, &pointer);
                    held.policies = collected.policies;
                    held.principal_arn = principal["Arn"].as_str().map(str::to_owned);
                    for (name, pointer) in collected.pointers {
                        held.places.extend(estate.origins.find(&pointer).map(|origin| (name, origin)));
                    }
                }
                Found::Nothing => return Err(question.principal.clone()),
                Found::Unknown(unknown) => {
                    let missing = format!("the policies of `{}`: {}", question.principal, unknown.why);
                    held.policies.identity.missing.push(missing);
                }
            }
            if held.policies.scp.is_none() {
                held.unseen.push("service control policies".to_owned());
            }
        }
        held.resource_of(linked, question);
        Ok(held)
    }

    fn resource_of(&mut self, linked: &Linked, question: &Question) {
        let Some(arn) = Arn::parse(&question.resource) else { return };
        let asked = |service: &str| {
            question
                .actions
                .iter()
                .any(|action| action.split(':').next().unwrap_or_default().eq_ignore_ascii_case(service))
        };
        if asked("sts") && arn.service == "iam" && arn.resource.starts_with("role/") {
            let name = "the role's trust policy";
            let Found::At(role, pointer) = linked.index.principal(&linked.estate, &question.resource) else {
                self.policies.resource_missing = Some(name.to_owned());
                return;
            };
            let document = &role["AssumeRolePolicyDocument"];
            if document.is_null() || Unknown::of(document).is_some() {
                self.policies.resource_missing = Some(name.to_owned());
                return;
            }
            self.policies.resource = Some(Named { name: name.to_owned(), policy: Arc::new(Policy::of(document)) });
            let origin = linked.estate.origins.find(&format!("{pointer}/AssumeRolePolicyDocument"));
            self.places.extend(origin.map(|origin| (name.to_owned(), origin)));
        } else if let Some((_, command)) =
            HAVE_RESOURCE_POLICIES.iter().find(|(service, _)| *service == arn.service && asked(service))
        {
            let own = Arn::parse(&question.principal).map(|arn| arn.account.to_owned()).unwrap_or_default();
            let resource = Text::literal(question.resource.as_str());
            let shown = resource_policy::resource(linked, &resource, &own).and_then(|found| found.policy);
            let Some((named, pointer)) = shown else {
                self.policies.resource_missing = Some(format!("the resource's own policy (`{command}`)"));
                return;
            };
            self.places.extend(linked.estate.origins.find(&pointer).map(|origin| (named.name.clone(), origin)));
            self.policies.resource = Some(named);
        }
    }

    /// Says that the resource has no policy of its own.
    pub fn without_resource_policy(&mut self) {
        self.policies.resource_missing = None;
    }

    /// Adds the policies of a file.
    pub fn add(&mut self, role: Role, file: PolicyFile) {
        let source = self.sources.len();
        let mut named = Vec::new();
        let many = file.documents.len() > 1;
        for (at, (document, origin)) in file.documents.into_iter().enumerate() {
            let name = if many { format!("{}[{at}]", file.source.path) } else { file.source.path.clone() };
            self.places.insert(name.clone(), Origin { source, ..origin });
            named.push(Named { name, policy: Arc::new(Policy::of(&document)) });
        }
        self.sources.push(file.source);
        match role {
            Role::Identity => self.policies.identity.policies.extend(named),
            Role::Boundary => self.policies.boundary.get_or_insert_default().policies.extend(named),
            Role::Session => self.policies.session.get_or_insert_default().policies.extend(named),
            Role::Scp => {
                self.unseen.clear();
                self.policies.scp.get_or_insert_default().push(Gathered::from(named));
            }
            Role::Resource => {
                // Several documents of one resource are read as one.
                let mut joined = Policy::default();
                let name = named.first().map(|first| first.name.clone()).unwrap_or_default();
                for Named { policy, .. } in named {
                    joined.statements.extend(policy.statements.iter().cloned());
                    joined.faults.extend(policy.faults.iter().cloned());
                }
                self.policies.resource_missing = None;
                self.policies.resource = Some(Named { name, policy: Arc::new(joined) });
            }
        }
    }

    /// All policies, each with its name.
    fn all(&self) -> impl Iterator<Item = &Named> {
        let policies = &self.policies;
        let levels = policies.scp.iter().chain(&policies.rcp).flatten();
        let gathered = std::iter::once(&policies.identity).chain(&policies.boundary).chain(&policies.session);
        gathered.chain(levels).flat_map(|gathered| &gathered.policies).chain(&policies.resource)
    }

    fn origin(&self, policy: &str, inside: &str) -> Option<(usize, String)> {
        let origin = self.places.get(policy)?;
        let inside = if origin.opaque { "" } else { inside };
        Some((origin.source, format!("{}{inside}", origin.pointer)))
    }
}

/// The answer to one action of a question.
#[derive(Debug)]
pub struct Proof {
    /// What was asked.
    pub request: Request,
    /// The answer with its reasons.
    pub decision: Decision,
    /// The places of [`Decision::because`] in its order, and then of the nearest miss.
    places: Vec<Option<(String, usize, usize)>>,
    /// The keys that the policies test for this action and that were taken as absent.
    absent: Vec<String>,
    /// Kinds of policies that nobody showed and that were taken not to exist.
    unseen: Vec<String>,
    /// What AWS would refuse in the policies: where and what.
    faults: Vec<String>,
}

/// Answers a question, each action by itself.
#[must_use]
pub fn prove(question: &Question, held: &Held) -> Vec<Proof> {
    question.actions.iter().map(|action| prove_one(question, action, held)).collect()
}

fn prove_one(question: &Question, action: &str, held: &Held) -> Proof {
    let arn = Arn::parse(&question.resource);
    let principal = Arn::parse(&question.principal);
    let owner = question.resource_account.clone().or_else(|| arn.and_then(|arn| arn.owner()));
    let mut request = Request {
        principal: question.principal.clone(),
        action: action.to_owned(),
        resource: Text::literal(question.resource.as_str()),
        // Most ARNs without an account are of one's own; whose bucket it is can be said.
        resource_account: owner.or_else(|| principal.and_then(|arn| arn.owner())),
        context: question.context.clone(),
        unknown: question.unknown.iter().filter(|key| *key != "*").cloned().collect(),
        unknown_present: BTreeSet::new(),
        open: question.unknown.contains("*"),
    };
    let named =
        |key: &str| question.context.keys().chain(&question.unknown).any(|given| given.eq_ignore_ascii_case(key));
    if let Some(arn) = principal.filter(|_| Caller::of(&question.principal, action).has_identity()) {
        if !named("aws:PrincipalArn") {
            let own = (arn.service == "iam").then(|| question.principal.clone());
            match held.principal_arn.clone().or(own) {
                Some(arn) => {
                    drop(request.context.insert("aws:PrincipalArn".into(), ContextValue::One(Text::literal(arn))))
                }
                // The path of the role behind a session is not in the session's ARN.
                None => drop(request.unknown_present.insert("aws:PrincipalArn".into())),
            }
        }
        if !named("aws:PrincipalAccount") {
            request.context.insert("aws:PrincipalAccount".into(), ContextValue::One(arn.account.into()));
        }
    }
    let mut policies = held.policies.clone();
    let service = action.split(':').next().unwrap_or_default();
    if arn.is_some_and(|arn| !service.eq_ignore_ascii_case(arn.service) && !service.eq_ignore_ascii_case("sts")) {
        // The action is of another service, so the policy that was not read says nothing of it.
        policies.resource_missing = None;
    }
    let decision = decide(&request, &policies);
    let because = decision.because.iter().map(|because| held.origin(&because.policy, &because.pointer));
    let miss = decision.nearest_miss.iter().map(|miss| held.origin(&miss.policy, &miss.pointer));
    let wanted: Vec<(usize, String)> =
        because.chain(miss).map(|found| found.unwrap_or((usize::MAX, String::new()))).collect();
    let places = read::locate(&held.sources, &wanted)
        .into_iter()
        .zip(&wanted)
        .map(|(span, (source, _))| {
            let span = span?;
            Some((held.sources.get(*source)?.path.clone(), span.line, span.column))
        })
        .collect();
    let known = |key: &str| {
        let given = request.context.keys().chain(&request.unknown).chain(&request.unknown_present);
        given.into_iter().any(|given| given.eq_ignore_ascii_case(key))
    };
    // In lowercase, and as the policies spell it.
    let mut absent: BTreeMap<String, String> = BTreeMap::new();
    let mut faults = BTreeSet::new();
    for Named { name, policy } in held.all() {
        for statement in policy.statements.iter().filter(|statement| statement.covers(action) != Truth::False) {
            for key in statement.keys().filter(|key| !known(key)) {
                let tested = statement.conditions.iter().find(|condition| condition.lowered == key);
                let spelled = tested.map_or_else(|| key.to_owned(), |condition| condition.key.to_string());
                absent.entry(key.to_owned()).or_insert(spelled);
            }
        }
        faults.extend(policy.faults.iter().map(|fault| format!("`{name}` at `{}`: {}", fault.pointer, fault.what)));
    }
    if request.open {
        absent.clear();
    }
    Proof {
        request,
        decision,
        places,
        absent: absent.into_values().collect(),
        unseen: held.unseen.clone(),
        faults: faults.into_iter().collect(),
    }
}

/// 1 where something is denied, else 3 where something is conditional, else 0.
#[must_use]
pub fn exit_code(proofs: &[Proof]) -> u8 {
    let any = |wanted: fn(Outcome) -> bool| proofs.iter().any(|proof| wanted(proof.decision.outcome));
    if any(|outcome| matches!(outcome, Outcome::Denied(_))) {
        1
    } else if any(|outcome| outcome == Outcome::Conditional) {
        3
    } else {
        0
    }
}

impl Proof {
    /// The proof as one object: what a case is answered with, and places.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let mut fields = Map::new();
        fields.insert("id".to_owned(), Value::Null);
        fields.insert("principal".to_owned(), self.request.principal.clone().into());
        fields.insert("action".to_owned(), self.request.action.clone().into());
        fields.insert("resource".to_owned(), self.request.resource.to_string().into());
        fields.extend(iam::cases::decision_to_value(&self.decision));
        let put = |shown: &mut Value, place: Option<&Option<(String, usize, usize)>>| {
            if let Some(Some((path, line, column))) = place {
                shown["path"] = path.clone().into();
                shown["line"] = (*line).into();
                shown["column"] = (*column).into();
            }
        };
        for (at, shown) in fields.get_mut("because").and_then(Value::as_array_mut).into_iter().flatten().enumerate() {
            put(shown, self.places.get(at));
        }
        if let Some(shown) = fields.get_mut("nearest_miss") {
            put(shown, self.places.get(self.decision.because.len()));
        }
        for (key, list) in [("absent", &self.absent), ("unseen", &self.unseen), ("faults", &self.faults)] {
            if !list.is_empty() {
                fields.insert(key.to_owned(), list.clone().into());
            }
        }
        Value::Object(fields)
    }
}

/// The proofs for a reader.
#[must_use]
pub fn render(proofs: &[Proof], look: &Look) -> String {
    let mut out = String::new();
    for proof in proofs {
        if !out.is_empty() {
            out.push('\n');
        }
        render_one(proof, look, &mut out);
    }
    out
}

fn render_one(proof: &Proof, look: &Look, out: &mut String) {
    let Proof { request, decision, .. } = proof;
    let (style, word) = match decision.outcome {
        Outcome::Allowed => (GOOD, "ALLOWED"),
        Outcome::Denied(_) => (BAD, "DENIED"),
        Outcome::Conditional => (DOUBTFUL, "CONDITIONAL"),
    };
    out.push_str(&format!("{}  {}\n", look.paint(style, word), look.paint(BOLD, &visible(&request.action))));
    let mut say = |label: &str, text: &str| {
        look.wrap(out, &format!("  {label:<10} "), "             ", &visible(text));
    };
    say("who", &request.principal);
    say("on", &request.resource.to_string());
    let at = |number: usize| match proof.places.get(number) {
        Some(Some((path, line, column))) => Some(format!("{path}:{line}:{column}")),
        _ => None,
    };
    let shown = |effect: Effect, outcome: Outcome| match (effect, outcome) {
        (Effect::Allow, Outcome::Conditional) => "may allow it",
        (Effect::Deny, Outcome::Conditional) => "may deny it",
        (Effect::Allow, _) => "allows it",
        (Effect::Deny, _) => "denies it",
    };
    for (number, because) in decision.because.iter().enumerate() {
        let label = if number == 0 { "because" } else { "and" };
        let statement = statement(because.sid.as_deref(), because.statement, &because.policy);
        say(label, &format!("{statement} {}", shown(because.effect, decision.outcome)));
        if let Some(place) = at(number) {
            say("", &place);
        }
    }
    if decision.because.is_empty() {
        match decision.outcome {
            Outcome::Denied(Kind::Implicit) => say("because", "no statement allows it"),
            Outcome::Denied(Kind::Explicit) => say("because", "a policy denies it"),
            Outcome::Allowed => say("because", "no policy can refuse this call"),
            Outcome::Conditional if !decision.missing.is_empty() => {
                say("because", "no statement that was read allows it")
            }
            Outcome::Conditional => {}
        }
    }
    if let Some(miss) = &decision.nearest_miss {
        let whose = match miss.statement {
            Some(number) => {
                format!("{} would, but {}", statement(miss.sid.as_deref(), number, &miss.policy), miss.what)
            }
            None => format!("{}: {}", miss.policy, miss.what),
        };
        say("nearest", &whose);
        if let Some(place) = at(decision.because.len()).filter(|_| miss.statement.is_some()) {
            say("", &place);
        }
    }
    let quoted = |keys: &[String]| keys.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ");
    if !decision.depends_on.is_empty() {
        say("depends on", &quoted(&decision.depends_on));
    }
    for missing in &decision.missing {
        say("not read", missing);
    }
    if decision.outcome == Outcome::Conditional && decision.depends_on.is_empty() && decision.missing.is_empty() {
        say("depends on", "what AWS does not document");
    }
    let absent = (!proof.absent.is_empty()).then(|| format!("the request has no {}", quoted(&proof.absent)));
    let unseen = proof.unseen.iter().map(|unseen| format!("there are no {unseen}"));
    for (number, assumed) in absent.into_iter().chain(unseen).enumerate() {
        say(if number == 0 { "assumed" } else { "" }, &assumed);
    }
    for fault in &proof.faults {
        say("fault", fault);
    }
}

fn statement(sid: Option<&str>, number: usize, policy: &str) -> String {
    match sid {
        Some(sid) => format!("statement `{sid}` of {policy}"),
        None => format!("statement {} of {policy}", number + 1),
    }
}
