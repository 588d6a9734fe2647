//! Who gets in by a role's trust policy: the accounts that are wanted, and who else.
//!
//! A token of an EKS cluster names its service account as `system:serviceaccount:NAMESPACE:NAME`.
//! [`scope`] turns the tests of that subject into languages and walks them all at once, so that its
//! answer covers every service account that could exist. Denials are subtracted, statements are
//! joined, and every other way in is tried as a request with full identity permissions. Holes that
//! the wanted accounts share with the policy are unknown names, equal only to themselves.
//!
//! Deliberately absent: whether the identity provider exists, and what the role may do.

use super::arn::{Arn, is_account};
use super::base36;
use super::condition::{Condition, Test, holds_with};
use super::context::{Context, ContextValue, Found};
use super::decide::{Because, Gathered, Named, Outcome, Policies, Request, action_matches, decide};
use super::language::{self, Class, Form, Language, Letter, Symbol};
use super::pattern::{Reading, Sym, glob, truth};
use super::policy::{Effect, Policy, Principal, PrincipalKind, Statement, holes, is_unique_id};
use super::principal::is_service;
use crate::known::{Part, Text, Truth};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The service accounts that a role is meant for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The cluster's OIDC issuer: host and path, without `https://`.
    pub issuer: Text,
    /// The Kubernetes namespace.
    pub namespace: Text,
    /// Which of its accounts.
    pub accounts: Accounts,
    /// The ARN of the issuer's IAM provider, where it is known.
    pub provider_arn: Option<Text>,
}

/// Which service accounts of a namespace are wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Accounts {
    /// Those that EMR on EKS makes for a role: client, driver and executor.
    EmrOnEks {
        /// The account id in their names.
        account: Text,
        /// The role's name as [`base36::encode`] writes it.
        role_base36: Text,
    },
    /// These.
    Named(Vec<String>),
    /// All of them.
    Namespace,
}

/// How those who get in compare with those who are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The wanted accounts and nobody else.
    Exact,
    /// The wanted accounts, and others.
    TooBroad,
    /// Some of the wanted accounts and nobody else.
    TooNarrow,
    /// Not all of the wanted accounts, and others.
    Mismatch,
    /// Nobody.
    None,
    /// It cannot be told from what is known.
    Unknown,
}

/// Who gets in by a trust policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// The comparison in one word.
    pub verdict: Verdict,
    /// Whether all wanted accounts get in.
    pub admitted: Truth,
    /// Whether anybody else gets in.
    pub others: Truth,
    /// Who else gets in or may get in, sorted.
    pub extra: Vec<String>,
    /// A subject that gets in and is not wanted, where it is a service account of the cluster.
    pub example: Option<String>,
    /// No wanted account gets in with a token for another audience than `sts.amazonaws.com`.
    pub audience_pinned: bool,
    /// Why a wanted account does not get in, where it certainly does not.
    pub miss: Option<TrustMiss>,
    /// The statements that let the wanted accounts in or keep them out.
    pub because: Vec<Because>,
}

/// Why the wanted accounts do not get in: what is wrong in the statement that comes closest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustMiss {
    /// What is wrong.
    pub kind: MissKind,
    /// Where: a JSON pointer inside the document to the smallest element that is wrong.
    pub pointer: String,
    /// What is wrong, lowercase and without a period.
    pub what: String,
    /// What was found instead: `role`, `suffix`, `issuer`, `namespace`, `account`, `partition`,
    /// `service`, `audience`.
    pub facts: BTreeMap<String, String>,
}

/// What keeps wanted accounts out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MissKind {
    /// No statement is about service accounts.
    NoStatement,
    /// The suffix in the subject was made for another role's name.
    OtherRole,
    /// A pattern stands under an operator that takes `*` for a character.
    LiteralWildcard,
    /// The provider or the condition key is another cluster's.
    OtherIssuer,
    /// The subject is of another namespace.
    OtherNamespace,
    /// The account id in the subject or the provider is another one.
    OtherAccount,
    /// The provider is of another partition.
    OtherPartition,
    /// `:aud` is tested where `:sub` is meant.
    AudienceAsSubject,
    /// Only AWS services are let in.
    ServiceOnly,
    /// A service stands under `Federated`.
    FederatedService,
    /// The audience is another one than `sts.amazonaws.com`.
    WrongAudience,
    /// The action is not `sts:AssumeRoleWithWebIdentity`.
    Action,
    /// A statement denies what another allows.
    Denied,
    /// AWS refuses the statement.
    Malformed,
    /// Another test fails.
    Other,
}

const WEB_IDENTITY: &str = "sts:AssumeRoleWithWebIdentity";
const AUDIENCE: &str = "sts.amazonaws.com";
/// An audience that no policy names.
const OTHER_AUDIENCE: &str = "another-audience.invalid";
const SUBJECT: &str = "system:serviceaccount:";
/// At most so many states are walked.
const MOST_STATES: usize = 60_000;
/// Accounts and names that stand for any other.
const ANY_ACCOUNT: &str = "999900009999";
const ANY_SERVICE: &str = "any-service.amazonaws.com";
const ANY_ISSUER: &str = "any-issuer.example.com";

/// Keys that a call with a web identity token carries, with values that a policy's reader cannot know.
const TOKEN_CALL_KEYS: [&str; 12] = [
    "aws:sourceip",
    "aws:sourcevpc",
    "aws:sourcevpce",
    "aws:vpcsourceip",
    "aws:sourcevpcarn",
    "aws:useragent",
    "aws:currenttime",
    "aws:epochtime",
    "aws:securetransport",
    "aws:requestedregion",
    "aws:federatedprovider",
    "sts:rolesessionname",
];

/// Compares those whom a trust policy lets in with those who are wanted.
#[must_use]
pub fn scope(trust: &Policy, wanted: &Wanted) -> Scope {
    let mut subjects = Subjects::new(wanted);
    let clauses: Vec<Clause<'_>> = trust.statements.iter().map(|statement| subjects.clause(statement)).collect();
    let walked = subjects.walk(&clauses);
    let names: Vec<Vec<usize>> =
        subjects.names.iter().map(|name| language::matched(&subjects.languages, name)).collect();

    let in_namespace = |class: &&Class| subjects.wants(&class.matched) == Truth::True;
    let over_wanted = |audience: Audience| -> Vec<Truth> {
        if subjects.names.is_empty() {
            match &walked {
                Some(classes) => classes
                    .iter()
                    .filter(in_namespace)
                    .map(|class| admitted(&clauses, &class.matched, audience, Asked::Wanted))
                    .collect(),
                None => vec![Truth::Unknown],
            }
        } else {
            names.iter().map(|matched| admitted(&clauses, matched, audience, Asked::Wanted)).collect()
        }
    };
    let each = over_wanted(Audience::Sts);
    let (all, any) = (Truth::all(each.iter().copied()), Truth::any(each.iter().copied()));
    let audience_pinned = Truth::any(over_wanted(Audience::Other)) == Truth::False;

    let mut others = Truth::False;
    let mut extra = BTreeSet::new();
    let mut example: Option<(usize, String)> = None;
    match &walked {
        Some(classes) => {
            for class in classes {
                let gets_in = admitted(&clauses, &class.matched, Audience::Sts, Asked::Others)
                    .and(!subjects.wants(&class.matched));
                others = others.or(gets_in);
                if gets_in != Truth::False {
                    describe(&clauses, &class.matched, &mut extra);
                    let shorter = example.as_ref().is_none_or(|(length, _)| class.example.len() < *length);
                    if shorter && gets_in == Truth::True {
                        example = Some((class.example.len(), subjects.spell(&class.example)));
                    }
                }
            }
        }
        None => others = Truth::Unknown,
    }
    others = others.or(other_callers(trust, wanted, &mut extra));

    let verdict = match (all, others) {
        (Truth::True, Truth::False) => Verdict::Exact,
        (Truth::True, Truth::True) => Verdict::TooBroad,
        (Truth::False, Truth::True) => Verdict::Mismatch,
        (Truth::False, Truth::False) => match any {
            Truth::True => Verdict::TooNarrow,
            Truth::False => Verdict::None,
            Truth::Unknown => Verdict::Unknown,
        },
        _ => Verdict::Unknown,
    };
    let left_out = match (&walked, subjects.names.is_empty()) {
        (_, false) => {
            names.iter().zip(&each).find(|(_, truth)| **truth == Truth::False).map(|(matched, _)| matched.clone())
        }
        (Some(classes), true) => classes
            .iter()
            .filter(in_namespace)
            .find(|class| admitted(&clauses, &class.matched, Audience::Sts, Asked::Wanted) == Truth::False)
            .map(|class| class.matched.clone()),
        (None, true) => None,
    };
    let miss = left_out.as_ref().filter(|_| all == Truth::False).map(|matched| miss(trust, wanted, &clauses, matched));
    let deciding = names.first().or(left_out.as_ref()).cloned().unwrap_or_default();
    let because = clauses
        .iter()
        .filter(|clause| clause.holds(&deciding, Audience::Sts, Asked::Wanted) != Truth::False)
        .map(|clause| clause.because())
        .collect();
    Scope {
        verdict,
        admitted: all,
        others,
        extra: extra.into_iter().collect(),
        example: example.map(|(_, text)| text),
        audience_pinned,
        miss,
        because,
    }
}

/// Which audience a token has.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Audience {
    Sts,
    Other,
}

/// For whom an admission is asked.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    /// For a wanted account: a hole in the policy may be whatever it will be.
    Wanted,
    /// For any other: a text that fills the holes is covered by the text that names them.
    Others,
}

/// A statement as it looks to a token of the wanted issuer: a constant and tests of the subject.
struct Clause<'a> {
    statement: &'a Statement,
    effect: Effect,
    /// What must hold beside the subject, for each audience.
    sts: Truth,
    other: Truth,
    tests: Vec<SubjectTest<'a>>,
}

struct SubjectTest<'a> {
    condition: &'a Condition,
    negated: bool,
    values: Vec<SubjectValue>,
}

/// The languages of a value, by number: what it must match and, with holes, what it may.
struct SubjectValue {
    must: usize,
    may: Option<usize>,
    /// It has a hole that the wanted accounts do not share.
    foreign: bool,
}

impl SubjectValue {
    fn matches(&self, matched: &[usize], by_name: bool) -> Truth {
        let has = |number| matched.binary_search(&number).is_ok();
        match self.may {
            _ if has(self.must) => Truth::True,
            Some(may) if (self.foreign || !by_name) && has(may) => Truth::Unknown,
            _ => Truth::False,
        }
    }
}

impl Clause<'_> {
    fn holds(&self, matched: &[usize], audience: Audience, asked: Asked) -> Truth {
        let constant = if audience == Audience::Sts { self.sts } else { self.other };
        let mut by_name = asked == Asked::Others && self.effect == Effect::Allow;
        let mut holds = constant;
        for test in &self.tests {
            if holds == Truth::False {
                break;
            }
            let any = Truth::any(test.values.iter().map(|value| value.matches(matched, by_name && !test.negated)));
            // Whatever gets in matches one pattern by its names; the same names need not match the next.
            by_name &= test.negated;
            holds = holds.and(if test.negated { !any } else { any });
        }
        holds
    }

    fn because(&self) -> Because {
        Because {
            policy: "trust policy".to_owned(),
            statement: self.statement.index,
            sid: self.statement.sid.clone(),
            pointer: self.statement.pointer.clone(),
            effect: self.effect,
        }
    }
}

fn admitted(clauses: &[Clause<'_>], matched: &[usize], audience: Audience, asked: Asked) -> Truth {
    let any = |effect| {
        let of_effect = clauses.iter().filter(|clause| clause.effect == effect);
        Truth::any(of_effect.map(|clause| clause.holds(matched, audience, asked)))
    };
    any(Effect::Allow).and(!any(Effect::Deny))
}

/// The languages of a policy's subject tests and of the wanted accounts.
struct Subjects<'a> {
    wanted: &'a Wanted,
    /// Names of holes that the wanted accounts have.
    atoms: Vec<String>,
    languages: Vec<Language>,
    /// What is wanted, and what does no harm: EMR's other accounts for the very same role.
    tolerated: Vec<SubjectValue>,
    /// The wanted subjects, where they can be counted.
    names: Vec<Vec<Symbol>>,
    subject_key: String,
    audience_key: String,
}

impl<'a> Subjects<'a> {
    fn new(wanted: &'a Wanted) -> Self {
        let key = |claim: &str| format!("{}:{claim}", wanted.issuer).to_ascii_lowercase();
        let mut subjects = Self {
            wanted,
            atoms: Vec::new(),
            languages: Vec::new(),
            tolerated: Vec::new(),
            names: Vec::new(),
            subject_key: key("sub"),
            audience_key: key("aud"),
        };
        let literal = |text: &str| Part::Literal(text.to_owned());
        let head: Vec<Part> =
            std::iter::once(literal(SUBJECT)).chain(wanted.namespace.parts().iter().cloned()).collect();
        let subject =
            |name: Vec<Part>| -> Vec<Part> { head.iter().cloned().chain([literal(":")]).chain(name).collect() };
        let (patterns, names) = match &wanted.accounts {
            Accounts::Namespace => (vec![subject(vec![literal("*")])], Vec::new()),
            Accounts::Named(names) => {
                let all: Vec<Vec<Part>> = names.iter().map(|name| subject(vec![literal(name)])).collect();
                (all.clone(), all)
            }
            Accounts::EmrOnEks { account, role_base36 } => {
                let name = |component: &str| {
                    let start = [literal(&format!("emr-containers-sa-{component}-"))];
                    let account = account.parts().iter().cloned();
                    subject(
                        start
                            .into_iter()
                            .chain(account)
                            .chain([literal("-")])
                            .chain(role_base36.parts().iter().cloned())
                            .collect(),
                    )
                };
                (vec![name("*-*")], ["spark-client", "spark-driver", "spark-executor"].map(name).to_vec())
            }
        };
        for pattern in patterns {
            let letters = subjects.letters_of_wanted(&pattern);
            let value = subjects.add(letters, false);
            subjects.tolerated.push(value);
        }
        for name in names {
            let symbols = subjects.symbols(&name);
            subjects.names.push(symbols);
        }
        subjects
    }

    fn atom(&mut self, name: &str) -> u16 {
        let at = self.atoms.iter().position(|known| known == name).unwrap_or_else(|| {
            self.atoms.push(name.to_owned());
            self.atoms.len() - 1
        });
        at as u16
    }

    fn letters_of_wanted(&mut self, parts: &[Part]) -> Vec<Letter> {
        let mut letters = Vec::new();
        for part in parts {
            match part {
                // Only our own star stands among the literals: Kubernetes names hold none.
                Part::Literal(text) => {
                    letters.extend(text.chars().map(|c| if c == '*' { Letter::Star } else { Letter::Char(c) }))
                }
                Part::Hole(name) => letters.push(Letter::Atom(self.atom(name))),
            }
        }
        letters
    }

    fn symbols(&mut self, parts: &[Part]) -> Vec<Symbol> {
        let mut symbols = Vec::new();
        for part in parts {
            match part {
                Part::Literal(text) => symbols.extend(text.chars().map(Symbol::Char)),
                Part::Hole(name) => symbols.push(Symbol::Atom(self.atom(name))),
            }
        }
        symbols
    }

    /// Adds a value's languages; `foreign` tells that letters which are [`Letter::Whatever`] are holes.
    fn add(&mut self, letters: Vec<Letter>, foreign: bool) -> SubjectValue {
        let open = foreign || letters.iter().any(|letter| matches!(letter, Letter::Atom(_)));
        let may = open.then(|| self.number(Language { letters: letters.clone(), lenient: true }));
        let close = |letter| if letter == Letter::Whatever { Letter::Never } else { letter };
        let must = self.number(Language { letters: letters.into_iter().map(close).collect(), lenient: false });
        SubjectValue { must, may, foreign }
    }

    fn number(&mut self, language: Language) -> usize {
        self.languages.iter().position(|known| *known == language).unwrap_or_else(|| {
            self.languages.push(language);
            self.languages.len() - 1
        })
    }

    /// Whether a subject that matches these languages is wanted or tolerated.
    fn wants(&self, matched: &[usize]) -> Truth {
        Truth::any(self.tolerated.iter().map(|value| value.matches(matched, false)))
    }

    fn walk(&self, clauses: &[Clause<'_>]) -> Option<Vec<Class>> {
        let allows =
            |clause: &Clause<'_>| clause.effect == Effect::Allow && clause.sts.or(clause.other) != Truth::False;
        if !clauses.iter().any(allows) {
            // Nobody gets in by a token; one text of each kind says so.
            let example = self.names.first().cloned().unwrap_or_default();
            let matched = self.tolerated.iter().map(|value| value.must).collect();
            return Some(vec![Class { matched, example }]);
        }
        language::classes(Form::ServiceAccount, &self.languages, self.atoms.len() as u16, MOST_STATES)
    }

    fn spell(&self, symbols: &[Symbol]) -> String {
        let mut text = String::new();
        for symbol in symbols {
            match symbol {
                Symbol::Char(c) => text.push(*c),
                Symbol::Atom(atom) => {
                    text.push_str("${");
                    text.push_str(self.atoms.get(*atom as usize).map_or("", String::as_str));
                    text.push('}');
                }
            }
        }
        text
    }

    /// A statement as it looks to a token of the wanted issuer.
    fn clause(&mut self, statement: &'a Statement) -> Clause<'a> {
        let effect = statement.effect.unwrap_or(Effect::Deny);
        let mut clause = Clause { statement, effect, sts: Truth::False, other: Truth::False, tests: Vec::new() };
        if statement.unknown.is_some() {
            // It may allow as well as deny; as a denial that is not known it leaves the wanted in doubt.
            (clause.sts, clause.other) = (Truth::Unknown, Truth::Unknown);
            return clause;
        }
        let mut fixed = provider_matches(statement, self.wanted).and(action_matches(statement, WEB_IDENTITY));
        if statement.effect.is_none() {
            fixed = fixed.and(Truth::Unknown);
        }
        if malformed(statement) {
            fixed = if effect == Effect::Deny { fixed.and(Truth::Unknown) } else { Truth::False };
        }
        (clause.sts, clause.other) = (fixed, fixed);
        let unknown: BTreeSet<String> = TOKEN_CALL_KEYS.iter().map(|key| (*key).to_owned()).collect();
        let none = BTreeMap::new();
        let context = Context::new(&none, &unknown, &BTreeSet::new(), false);
        for condition in &statement.conditions {
            if fixed == Truth::False {
                break;
            }
            if condition.lowered == self.subject_key {
                if let Some(test) = self.test(condition, &context) {
                    clause.tests.push(test);
                    continue;
                }
                let any = Text::literal("system:serviceaccount:any:any");
                let found = if condition.operator.is_some_and(|operator| operator.test == Test::Null) {
                    Found::Unknown { present: true }
                } else {
                    Found::One(&any)
                };
                let truth = holds_with(condition, found, &context, effect);
                clause.sts = clause.sts.and(truth);
                clause.other = clause.other.and(truth);
                continue;
            }
            for (audience, constant) in [(AUDIENCE, &mut clause.sts), (OTHER_AUDIENCE, &mut clause.other)] {
                let audience = Text::literal(audience);
                let found = if condition.lowered == self.audience_key {
                    Found::One(&audience)
                } else if condition.key.as_str().is_none() && self.could_be_ours(&condition.key) {
                    *constant = constant.and(Truth::Unknown);
                    continue;
                } else {
                    context.find(&condition.lowered)
                };
                *constant = constant.and(holds_with(condition, found, &context, effect));
            }
        }
        clause
    }

    /// Whether a key with holes may turn out to be the subject or the audience of the wanted issuer.
    fn could_be_ours(&self, key: &Text) -> bool {
        let claim = |name: &str| {
            let tail = [Part::Literal(format!(":{name}"))];
            Text::from_parts(self.wanted.issuer.parts().iter().cloned().chain(tail))
        };
        ["sub", "aud"].iter().any(|name| claim(name).same_as(key) != Truth::False)
    }

    /// A test of the subject as languages; `None` where the operator does not compare texts.
    fn test(&mut self, condition: &'a Condition, context: &Context<'_>) -> Option<SubjectTest<'a>> {
        let operator = condition.operator?;
        let reading = match operator.test {
            Test::StringEquals => Reading::Literal,
            Test::StringEqualsIgnoreCase => Reading::IgnoringCase,
            Test::StringLike => Reading::Glob,
            _ => return None,
        };
        let values = condition
            .values
            .iter()
            .map(|value| {
                let symbols = value.symbols(context, reading);
                let mut foreign = symbols.undocumented || symbols.null == Truth::Unknown;
                let mut letters: Vec<Letter> = symbols
                    .syms
                    .iter()
                    .map(|sym| match sym {
                        Sym::Char(c) => Letter::Char(*c),
                        Sym::One => Letter::One,
                        Sym::Star => Letter::Star,
                        Sym::Hole(name) if self.atoms.iter().any(|atom| atom == name) => Letter::Atom(self.atom(name)),
                        Sym::Hole(_) | Sym::Key(_) => {
                            foreign = true;
                            Letter::Whatever
                        }
                    })
                    .collect();
                if symbols.undocumented {
                    letters = vec![Letter::Whatever];
                } else if symbols.null == Truth::True {
                    letters = vec![Letter::Never];
                }
                self.add(letters, foreign)
            })
            .collect();
        Some(SubjectTest { condition, negated: operator.negated, values })
    }
}

/// Whether a trust policy with such a statement is refused by AWS.
fn malformed(statement: &Statement) -> bool {
    let resources = statement.resources.is_some() || statement.not_resources.is_some();
    statement.malformed || resources || statement.not_principals.is_some() || statement.principals.is_none()
}

/// Whether the statement's principals mean tokens of the wanted issuer.
fn provider_matches(statement: &Statement, wanted: &Wanted) -> Truth {
    let principals = statement.principals.iter().flatten();
    Truth::any(principals.map(|principal| match principal.kind {
        PrincipalKind::Anyone => Truth::True,
        PrincipalKind::Unknown => Truth::Unknown,
        PrincipalKind::Federated => is_provider(&principal.value, wanted),
        PrincipalKind::Aws | PrincipalKind::Service | PrincipalKind::CanonicalUser => Truth::False,
    }))
}

/// Whether a federated principal is the wanted issuer's provider.
fn is_provider(value: &Text, wanted: &Wanted) -> Truth {
    if value.as_str() == Some("*") {
        return Truth::Unknown;
    }
    if let Some(arn) = &wanted.provider_arn {
        return value.same_as(arn);
    }
    fn push<'s>(syms: &mut Vec<Sym<'s>>, text: &'s Text) {
        for part in text.parts() {
            match part {
                Part::Literal(text) => syms.extend(text.chars().map(Sym::Char)),
                Part::Hole(name) => syms.push(Sym::Hole(name)),
            }
        }
    }
    let mut pattern: Vec<Sym<'_>> = "arn:".chars().map(Sym::Char).collect();
    pattern.push(Sym::Star);
    pattern.extend(":iam::".chars().map(Sym::Char));
    match &wanted.accounts {
        Accounts::EmrOnEks { account, .. } => push(&mut pattern, account),
        Accounts::Named(_) | Accounts::Namespace => pattern.push(Sym::Star),
    }
    pattern.extend(":oidc-provider/".chars().map(Sym::Char));
    push(&mut pattern, &wanted.issuer);
    let mut found = Vec::new();
    push(&mut found, value);
    truth(&pattern, &found)
}

/// Says whom the statements let in that match these languages.
fn describe(clauses: &[Clause<'_>], matched: &[usize], extra: &mut BTreeSet<String>) {
    for clause in clauses.iter().filter(|clause| clause.effect == Effect::Allow) {
        if clause.holds(matched, Audience::Sts, Asked::Others) == Truth::False {
            continue;
        }
        let Some(test) = clause.tests.iter().find(|test| !test.negated) else {
            extra.insert("every service account of the cluster".to_owned());
            continue;
        };
        for (at, value) in test.values.iter().enumerate() {
            if value.matches(matched, true) != Truth::False {
                extra.insert(described(&value_text(test.condition, at)));
            }
        }
    }
}

/// A value of a condition as the document writes it, holes as `${name}`.
fn value_text(condition: &Condition, at: usize) -> String {
    use super::pattern::Piece;
    let pieces = condition.values.get(at).map(|value| value.pieces.as_slice()).unwrap_or_default();
    pieces
        .iter()
        .map(|piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Escaped(c) => c.to_string(),
            Piece::Variable { key, .. } => format!("${{{key}}}"),
            Piece::Hole(name) => format!("${{{name}}}"),
        })
        .collect()
}

/// The service accounts of a subject pattern, in words.
fn described(pattern: &str) -> String {
    let all = "every service account of the cluster".to_owned();
    let Some((namespace, name)) = pattern.strip_prefix(SUBJECT).and_then(|rest| rest.split_once(':')) else {
        let whole = glob(pattern, "system:serviceaccount:x:y") && glob(pattern, "system:serviceaccount:yy:xx");
        return if whole { all } else { format!("service accounts like `{pattern}`") };
    };
    let wild = |text: &str| text.contains(['*', '?']);
    let of = match namespace {
        "*" => "of every namespace".to_owned(),
        namespace if wild(namespace) => format!("of namespaces like `{namespace}`"),
        namespace => format!("of namespace `{namespace}`"),
    };
    match name {
        "*" if namespace == "*" => all,
        "*" => format!("every service account {of}"),
        name if wild(name) => format!("service accounts like `{name}` {of}"),
        name if wild(namespace) => format!("service account `{name}` {of}"),
        name => format!("service account `{namespace}/{name}`"),
    }
}

/// Whether anybody gets in who does not come with a token of the wanted issuer.
fn other_callers(trust: &Policy, wanted: &Wanted, extra: &mut BTreeSet<String>) -> Truth {
    let mut others = Truth::False;
    let entrance = Entrance::new(trust, own_account(wanted));
    for statement in trust.statements.iter().filter(|statement| statement.effect != Some(Effect::Deny)) {
        if statement.unknown.is_some() {
            others = others.or(Truth::Unknown);
            continue;
        }
        if malformed(statement) {
            continue;
        }
        for principal in statement.principals.iter().flatten() {
            if principal.kind == PrincipalKind::Federated {
                match is_provider(&principal.value, wanted) {
                    Truth::True => continue,
                    // It may be another provider, whose tokens nothing here keeps out.
                    Truth::Unknown => {
                        others = others.or(Truth::Unknown);
                        continue;
                    }
                    Truth::False => {}
                }
            }
            for visitor in entrance.visitors(principal) {
                let gets_in = entrance.admits(&visitor);
                others = others.or(gets_in);
                if gets_in != Truth::False {
                    extra.insert(visitor.label);
                }
            }
        }
    }
    others
}

/// The account of the role, as far as what is wanted tells it.
fn own_account(wanted: &Wanted) -> Option<String> {
    let by_provider = || Arn::of(wanted.provider_arn.as_ref()?.as_str()?).map(|arn| arn.account.to_owned());
    match &wanted.accounts {
        Accounts::EmrOnEks { account, .. } => account.as_str().map(str::to_owned).or_else(by_provider),
        Accounts::Named(_) | Accounts::Namespace => by_provider(),
    }
}

/// A role's trust policy, for trying callers with full identity permissions on it.
struct Entrance {
    policies: Policies,
    keys: BTreeSet<String>,
    account: Option<String>,
    fillings: BTreeMap<String, String>,
}

/// Somebody who tries to assume the role.
struct Visitor {
    label: String,
    name: String,
    action: &'static str,
    /// The issuer whose claims the caller brings.
    issuer: Option<String>,
    context: BTreeMap<String, ContextValue>,
}

impl Entrance {
    fn new(trust: &Policy, account: Option<String>) -> Self {
        // Principals with holes are callers too: each hole is filled with an account of its own, the
        // same in every statement.
        let mut trust = trust.clone();
        let mut fillings: BTreeMap<String, String> = BTreeMap::new();
        for statement in &mut trust.statements {
            for principal in statement.principals.iter_mut().chain(&mut statement.not_principals).flatten() {
                for name in holes(&principal.value) {
                    let next = format!("9{:011}", fillings.len());
                    fillings.entry(name.to_owned()).or_insert(next);
                }
                principal.value = Text::literal(fill(&principal.value, &fillings));
            }
        }
        let keys = trust.keys().map(str::to_owned).collect();
        let everything = serde_json::json!({
            "Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}
        });
        let named = |policy| Named { name: "trust policy".to_owned(), policy: Arc::new(policy) };
        let policies = Policies {
            identity: Gathered::from(vec![named(Policy::of(&everything))]),
            resource: Some(named(trust)),
            ..Policies::default()
        };
        Self { policies, keys, account, fillings }
    }

    /// Those for whom a principal stands: one for each kind that it lets in.
    fn visitors(&self, principal: &Principal) -> Vec<Visitor> {
        let own = self.account.as_deref().unwrap_or("000000000000");
        let shown = principal.value.to_string();
        let text = fill(&principal.value, &self.fillings);
        let aws = |label: String, name: String| Visitor {
            label,
            name,
            action: "sts:AssumeRole",
            issuer: None,
            context: BTreeMap::new(),
        };
        let token = |label: String, name: String, issuer: &str| Visitor {
            label,
            name,
            action: WEB_IDENTITY,
            issuer: Some(issuer.to_ascii_lowercase()),
            context: BTreeMap::new(),
        };
        let saml = |label: String, name: String| Visitor {
            action: "sts:AssumeRoleWithSAML",
            issuer: Some("saml".to_owned()),
            ..aws(label, name)
        };
        match principal.kind {
            PrincipalKind::Anyone => vec![
                aws("everyone in any AWS account".to_owned(), format!("arn:aws:iam::{ANY_ACCOUNT}:user/anyone")),
                aws("everyone in the role's own account".to_owned(), format!("arn:aws:iam::{own}:user/anyone")),
                aws("every AWS service".to_owned(), ANY_SERVICE.to_owned()),
                token(
                    "tokens of every other OIDC provider of the account".to_owned(),
                    format!("arn:aws:iam::{own}:oidc-provider/{ANY_ISSUER}"),
                    ANY_ISSUER,
                ),
                saml(
                    "users of every SAML provider of the account".to_owned(),
                    format!("arn:aws:iam::{own}:saml-provider/any"),
                ),
            ],
            PrincipalKind::Service => vec![aws(format!("service `{shown}`"), text)],
            PrincipalKind::Federated => match Arn::of(&text) {
                // A provider of another account is nobody here.
                Some(arn)
                    if self.account.as_deref().is_some_and(|own| {
                        is_account(arn.account) && own != arn.account && self.fillings.is_empty()
                    }) =>
                {
                    Vec::new()
                }
                Some(arn) => match arn.resource.split_once('/') {
                    Some(("oidc-provider", issuer)) => vec![token(
                        format!(
                            "tokens of `{}`",
                            shown.split_once("oidc-provider/").map_or(issuer, |(_, issuer)| issuer)
                        ),
                        text.clone(),
                        issuer,
                    )],
                    Some(("saml-provider", _)) => vec![saml(format!("users of `{shown}`"), text.clone())],
                    _ => Vec::new(),
                },
                None if is_service(&text) => Vec::new(),
                None => vec![token(format!("tokens of `{shown}`"), text.clone(), &text)],
            },
            PrincipalKind::Aws => {
                if is_account(&text) {
                    return vec![aws(format!("account `{shown}`"), format!("arn:aws:iam::{text}:user/anyone"))];
                }
                let Some(arn) = Arn::of(&text) else { return Vec::new() };
                let head = format!("arn:{}", arn.partition);
                if arn.resource == "root" {
                    let label = shown.rsplit("::").next().and_then(|rest| rest.strip_suffix(":root")).unwrap_or(&shown);
                    return vec![aws(format!("account `{label}`"), format!("{head}:iam::{}:user/anyone", arn.account))];
                }
                let name = match arn.resource.strip_prefix("role/").and_then(|path| path.rsplit('/').next()) {
                    Some(role) => format!("{head}:sts::{}:assumed-role/{role}/anyone", arn.account),
                    None => text.clone(),
                };
                let mut visitor = aws(format!("`{shown}`"), name);
                if arn.service == "iam" {
                    visitor
                        .context
                        .insert("aws:PrincipalArn".to_owned(), ContextValue::One(Text::literal(text.clone())));
                }
                let account = Text::literal(arn.account);
                visitor.context.insert("aws:PrincipalAccount".to_owned(), ContextValue::One(account));
                vec![visitor]
            }
            PrincipalKind::CanonicalUser | PrincipalKind::Unknown => Vec::new(),
        }
    }

    /// Whether the visitor can get in, whatever else its request says.
    fn admits(&self, visitor: &Visitor) -> Truth {
        let own = self.account.as_deref().unwrap_or("000000000000");
        let service = is_service(&visitor.name);
        let mut request = Request {
            principal: visitor.name.clone(),
            action: visitor.action.to_owned(),
            resource: Text::literal(format!("arn:aws:iam::{own}:role/role")),
            resource_account: Some(own.to_owned()),
            context: visitor.context.clone(),
            ..Request::default()
        };
        let is_service = ContextValue::One(Text::literal(service.to_string()));
        request.context.insert("aws:PrincipalIsAWSService".to_owned(), is_service);
        for key in &self.keys {
            if request.context.keys().any(|known| known.eq_ignore_ascii_case(key)) {
                continue;
            }
            match claim_of(key) {
                Some((issuer, claim)) => {
                    if visitor.issuer.as_deref() == Some(issuer) {
                        let present = matches!(claim, "sub" | "aud");
                        if present { &mut request.unknown_present } else { &mut request.unknown }.insert(key.clone());
                    }
                }
                None if visitor.issuer.is_some() => {
                    if TOKEN_CALL_KEYS.contains(&key.as_str()) || visitor.issuer.as_deref() == Some("saml") {
                        request.unknown.insert(key.clone());
                    }
                }
                // Only services tell for whom they act.
                None if !service
                    && key.starts_with("aws:source")
                    && matches!(&key[10..], "arn" | "account" | "orgid" | "orgpaths") => {}
                None => drop(request.unknown.insert(key.clone())),
            }
        }
        decide(&request, &self.policies).possible
    }
}

/// The issuer and the claim of a condition key that a token brings.
fn claim_of(key: &str) -> Option<(&str, &str)> {
    let (issuer, claim) = key.rsplit_once(':')?;
    (issuer == "saml" || issuer.contains('.') || issuer.contains("${")).then_some((issuer, claim))
}

fn fill(text: &Text, fillings: &BTreeMap<String, String>) -> String {
    text.parts()
        .iter()
        .map(|part| match part {
            Part::Literal(text) => text.as_str(),
            Part::Hole(name) => fillings.get(name).map_or("", String::as_str),
        })
        .collect()
}

/// What is wrong in the statement that comes closest to letting a wanted account in.
fn miss(trust: &Policy, wanted: &Wanted, clauses: &[Clause<'_>], matched: &[usize]) -> TrustMiss {
    let holds = |clause: &&Clause<'_>, effect| {
        clause.effect == effect && clause.holds(matched, Audience::Sts, Asked::Wanted) == Truth::True
    };
    if clauses.iter().any(|clause| holds(&clause, Effect::Allow))
        && let Some(denial) = clauses.iter().find(|clause| holds(clause, Effect::Deny))
    {
        let pointer = denial.statement.pointer.clone();
        return TrustMiss::new(MissKind::Denied, pointer, "this statement denies what another allows".to_owned());
    }
    let allows = clauses.iter().filter(|clause| clause.effect == Effect::Allow);
    let found = allows.map(|clause| closest(trust, wanted, clause));
    // The first of the closest: several statements may be as wrong.
    let best = found.reduce(|best, next| if next.0 > best.0 { next } else { best });
    match best {
        Some((closeness, miss)) if closeness > 0 => miss,
        _ => {
            let what = "no statement lets the cluster's service accounts in".to_owned();
            TrustMiss::new(MissKind::NoStatement, "/Statement".to_owned(), what)
        }
    }
}

impl TrustMiss {
    fn new(kind: MissKind, pointer: String, what: String) -> Self {
        Self { kind, pointer, what, facts: BTreeMap::new() }
    }

    fn with(mut self, fact: &str, value: impl Into<String>) -> Self {
        self.facts.insert(fact.to_owned(), value.into());
        self
    }
}

/// How close a statement comes, and what is wrong in it.
fn closest(trust: &Policy, wanted: &Wanted, clause: &Clause<'_>) -> (u32, TrustMiss) {
    let statement = clause.statement;
    let principals = || statement.principals.iter().flatten();
    let federated: Vec<&Principal> =
        principals().filter(|principal| principal.kind == PrincipalKind::Federated).collect();
    for principal in &federated {
        if let Some(service) = principal.value.as_str().filter(|text| is_service(text)) {
            let what = format!("the service `{service}` stands under `Federated`");
            return (
                20,
                TrustMiss::new(MissKind::FederatedService, principal.pointer.clone(), what).with("service", service),
            );
        }
    }
    if malformed(statement) {
        let within = |pointer: &str| {
            pointer.strip_prefix(&statement.pointer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let fault = trust.faults.iter().find(|fault| within(&fault.pointer));
        let (pointer, what) = match fault.filter(|_| statement.malformed) {
            Some(fault) => (fault.pointer.clone(), fault.what.clone()),
            None if statement.not_principals.is_some() => {
                (format!("{}/NotPrincipal", statement.pointer), "a trust policy has no `NotPrincipal`".to_owned())
            }
            None if statement.principals.is_none() => {
                (statement.pointer.clone(), "a statement of a trust policy needs a `Principal`".to_owned())
            }
            None => {
                let name = if statement.resources.is_some() { "Resource" } else { "NotResource" };
                (format!("{}/{name}", statement.pointer), format!("a trust policy has no `{name}`"))
            }
        };
        return (10, TrustMiss::new(MissKind::Malformed, pointer, what));
    }
    let anyone = principals().any(|principal| matches!(principal.kind, PrincipalKind::Anyone | PrincipalKind::Unknown));
    if federated.is_empty() && !anyone {
        let service = principals().find(|principal| principal.kind == PrincipalKind::Service);
        return match service {
            Some(principal) => {
                let what = format!("only the service `{}` is let in", principal.value);
                let miss = TrustMiss::new(MissKind::ServiceOnly, principal.pointer.clone(), what);
                (5, miss.with("service", principal.value.to_string()))
            }
            None => (0, TrustMiss::new(MissKind::NoStatement, statement.pointer.clone(), String::new())),
        };
    }
    if !anyone && let Some(miss) = wrong_provider(&federated, wanted) {
        return miss;
    }
    if action_matches(statement, WEB_IDENTITY) == Truth::False {
        let element = if statement.actions.is_some() { "Action" } else { "NotAction" };
        let what = format!("a token assumes a role by `{WEB_IDENTITY}`, which this statement does not allow");
        return (50, TrustMiss::new(MissKind::Action, format!("{}/{element}", statement.pointer), what));
    }
    let found = statement.conditions.iter().filter_map(|condition| wrong_condition(condition, wanted));
    found.max_by_key(|(closeness, _)| *closeness).unwrap_or_else(|| {
        (
            40,
            TrustMiss::new(
                MissKind::Other,
                statement.pointer.clone(),
                "the statement's conditions do not hold".to_owned(),
            ),
        )
    })
}

/// What is wrong with federated principals of which none is the wanted provider.
fn wrong_provider(federated: &[&Principal], wanted: &Wanted) -> Option<(u32, TrustMiss)> {
    if federated.iter().any(|principal| is_provider(&principal.value, wanted) != Truth::False) {
        return None;
    }
    let principal = federated.first()?;
    let miss = |kind, what| TrustMiss::new(kind, principal.pointer.clone(), what);
    let Some(arn) = principal.value.as_str().and_then(Arn::of) else {
        return Some((
            30,
            miss(MissKind::OtherIssuer, format!("`{}` is not the cluster's provider", principal.value))
                .with("issuer", principal.value.to_string()),
        ));
    };
    let issuer = arn.resource.strip_prefix("oidc-provider/").unwrap_or(arn.resource);
    if Text::literal(issuer).same_as(&wanted.issuer) == Truth::False {
        return Some((
            30,
            miss(MissKind::OtherIssuer, format!("the provider is of the issuer `{issuer}`")).with("issuer", issuer),
        ));
    }
    let expected = wanted.provider_arn.as_ref().and_then(Text::as_str).and_then(Arn::of);
    if let Some(expected) = expected.filter(|expected| expected.partition != arn.partition) {
        let what = format!(
            "the provider is of the partition `{}`, the cluster's is of `{}`",
            arn.partition, expected.partition
        );
        return Some((60, miss(MissKind::OtherPartition, what).with("partition", arn.partition)));
    }
    let what = format!("the provider is of the account `{}`", arn.account);
    Some((60, miss(MissKind::OtherAccount, what).with("account", arn.account)))
}

/// What is wrong with a condition, as far as it keeps a wanted account out.
fn wrong_condition(condition: &Condition, wanted: &Wanted) -> Option<(u32, TrustMiss)> {
    let operator = condition.operator?;
    let key = condition.key.to_string();
    let (issuer, claim) = key.rsplit_once(':').unwrap_or(("", &key));
    let ours = issuer.eq_ignore_ascii_case(&wanted.issuer.to_string());
    let about_token = claim.eq_ignore_ascii_case("sub") || claim.eq_ignore_ascii_case("aud");
    if about_token && !ours {
        if operator.negated || operator.if_exists {
            return None;
        }
        let miss = TrustMiss::new(
            MissKind::OtherIssuer,
            condition.pointer.clone(),
            format!("the key is of the issuer `{issuer}`"),
        );
        return Some((65, miss.with("issuer", issuer)));
    }
    let subjects = wanted_subjects(wanted);
    if about_token && claim.eq_ignore_ascii_case("aud") {
        let values: Vec<String> = (0..condition.values.len()).map(|at| value_text(condition, at)).collect();
        let fits =
            |value: &String| if operator.test == Test::StringLike { glob(value, AUDIENCE) } else { value == AUDIENCE };
        if values.iter().any(fits) != operator.negated {
            return None;
        }
        if let Some(at) = values.iter().position(|value| value.starts_with("system:serviceaccount")) {
            let what = "the audience is compared with a service account, which is the subject".to_owned();
            return Some((70, TrustMiss::new(MissKind::AudienceAsSubject, condition.pointer_of(at), what)));
        }
        let found = values.first().cloned().unwrap_or_default();
        let what = format!("the audience of the tokens is `{AUDIENCE}`, not `{found}`");
        return Some((
            80,
            TrustMiss::new(MissKind::WrongAudience, condition.pointer_of(0), what).with("audience", found),
        ));
    }
    if !about_token {
        return None;
    }
    if operator.negated {
        let hit = (0..condition.values.len()).find(|at| {
            let value = value_text(condition, *at);
            subjects.iter().any(|subject| glob(&value, subject))
        })?;
        let what = format!("the subject must not be `{}`", value_text(condition, hit));
        return Some((105, TrustMiss::new(MissKind::Other, condition.pointer_of(hit), what)));
    }
    let wild = operator.test == Test::StringLike;
    let values = (0..condition.values.len())
        .map(|at| wrong_subject(&value_text(condition, at), condition.pointer_of(at), wild, wanted, &subjects));
    values.reduce(|best, next| if next.0 > best.0 { next } else { best })
}

/// Subjects that are wanted, one at least, holes as `${name}`.
fn wanted_subjects(wanted: &Wanted) -> Vec<String> {
    let head = format!("{SUBJECT}{}:", wanted.namespace);
    match &wanted.accounts {
        Accounts::EmrOnEks { account, role_base36 } => ["client", "driver", "executor"]
            .iter()
            .map(|component| format!("{head}emr-containers-sa-spark-{component}-{account}-{role_base36}"))
            .collect(),
        Accounts::Named(names) => names.iter().map(|name| format!("{head}{name}")).collect(),
        Accounts::Namespace => vec![format!("{head}any")],
    }
}

/// What is wrong with a subject that is compared with the wanted ones.
fn wrong_subject(value: &str, pointer: String, wild: bool, wanted: &Wanted, subjects: &[String]) -> (u32, TrustMiss) {
    let miss = |kind, what: String| TrustMiss::new(kind, pointer.clone(), what);
    let fits = |pattern: &str, text: &str| glob(pattern, text);
    if !wild && value.contains(['*', '?']) && subjects.iter().any(|subject| fits(value, subject)) {
        let what = format!("`StringEquals` takes the `*` in `{value}` for a character");
        return (200, miss(MissKind::LiteralWildcard, what));
    }
    let other = || format!("the subject is not `{value}`");
    let Some((namespace, name)) = value.strip_prefix(SUBJECT).and_then(|rest| rest.split_once(':')) else {
        return (105, miss(MissKind::Other, other()));
    };
    let in_namespace = fits(namespace, &wanted.namespace.to_string());
    let (closeness, found) = match &wanted.accounts {
        Accounts::EmrOnEks { account, role_base36 } => {
            let (account, suffix) = (account.to_string(), role_base36.to_string());
            wrong_emr_name(name, &account, &suffix, &miss)
        }
        Accounts::Named(_) | Accounts::Namespace => {
            let known = subjects.iter().any(|subject| fits(name, subject.rsplit(':').next().unwrap_or_default()));
            (if known { 9 } else { 5 }, (!known).then(|| miss(MissKind::Other, other())))
        }
    };
    if !in_namespace {
        let what = format!("the subject is of the namespace `{namespace}`, not `{}`", wanted.namespace);
        return (110 + closeness, miss(MissKind::OtherNamespace, what).with("namespace", namespace));
    }
    (150 + closeness, found.unwrap_or_else(|| miss(MissKind::Other, other())))
}

/// What is wrong with the account's name in a subject, where EMR's accounts are wanted.
fn wrong_emr_name(
    name: &str,
    account: &str,
    suffix: &str,
    miss: &dyn Fn(MissKind, String) -> TrustMiss,
) -> (u32, Option<TrustMiss>) {
    let mut from_end = name.rsplitn(3, '-');
    let (found_suffix, found_account) = (from_end.next().unwrap_or_default(), from_end.next().unwrap_or_default());
    let of_emr = name.starts_with("emr-containers-sa-");
    let same_account = glob(found_account, account);
    if glob(found_suffix, suffix) {
        if same_account || !of_emr {
            return (9, None);
        }
        let what = format!("the account id in the subject is `{found_account}`, not `{account}`");
        return (7, Some(miss(MissKind::OtherAccount, what).with("account", found_account)));
    }
    if !of_emr {
        return (3, Some(miss(MissKind::Other, format!("`{name}` is no service account of EMR"))));
    }
    let closeness = if same_account { 8 } else { 4 };
    let shown =
        |role: &String| role.chars().all(|c| c.is_ascii_graphic() || c.is_ascii_whitespace()) && !role.is_empty();
    let found = match base36::decode(found_suffix).filter(shown) {
        Some(role) if role != role.trim_end() => {
            let what =
                format!("the suffix `{found_suffix}` was made for `{}` with white space after it", role.trim_end());
            miss(MissKind::OtherRole, what).with("role", role)
        }
        Some(role) => miss(MissKind::OtherRole, format!("the suffix `{found_suffix}` was made for the role `{role}`"))
            .with("role", role),
        None => miss(MissKind::OtherRole, format!("the suffix `{found_suffix}` is not that of this role")),
    };
    (closeness, Some(found.with("suffix", found_suffix)))
}

/// Whether EKS Pod Identity can use a role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodIdentity {
    /// Whether `pods.eks.amazonaws.com` may `sts:AssumeRole`.
    pub assume: Truth,
    /// Whether it may `sts:TagSession`, without which every association fails.
    pub tag: Truth,
    /// The statements that decided.
    pub because: Vec<Because>,
    /// What is wrong, where one of the two is refused: a JSON pointer inside the document, and what.
    pub miss: Option<(String, String)>,
}

/// Whether `pods.eks.amazonaws.com` may assume a role and tag its session, with these condition keys;
/// keys that are not given are unknown.
/// <https://docs.aws.amazon.com/eks/latest/userguide/pod-id-role.html>
#[must_use]
pub fn pod_identity(trust: &Policy, context: &BTreeMap<String, ContextValue>) -> PodIdentity {
    let ask = |action: &str| service_decision(trust, "pods.eks.amazonaws.com", action, context);
    let (assume, tag) = (ask("sts:AssumeRole"), ask("sts:TagSession"));
    let refused = [&assume, &tag].into_iter().find(|decision| matches!(decision.outcome, Outcome::Denied(_)));
    let miss = refused.map(refusal);
    let mut because: Vec<Because> = assume.because.iter().chain(&tag.because).cloned().collect();
    because.sort();
    because.dedup();
    PodIdentity { assume: truth_of(assume.outcome), tag: truth_of(tag.outcome), because, miss }
}

/// Whether an AWS service can assume a role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceTrust {
    /// Whether some request of the service gets in.
    pub admitted: Truth,
    /// Whether only requests for certain accounts or resources get in, by `aws:SourceAccount`,
    /// `aws:SourceArn` or their organisation's kin.
    pub scoped: Truth,
    /// The statements that decided.
    pub because: Vec<Because>,
    /// What is wrong, where the service is refused: a JSON pointer inside the document, and what.
    pub miss: Option<(String, String)>,
}

/// Whether a service may assume a role, and whether only on behalf of certain accounts.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html>
#[must_use]
pub fn service_trust(trust: &Policy, service: &str) -> ServiceTrust {
    let decision = service_decision(trust, service, "sts:AssumeRole", &BTreeMap::new());
    let one = |text: &str| ContextValue::One(Text::literal(text));
    let stranger = BTreeMap::from([
        ("aws:SourceAccount".to_owned(), one(ANY_ACCOUNT)),
        ("aws:SourceArn".to_owned(), one(&format!("arn:aws:any:any-region-1:{ANY_ACCOUNT}:any"))),
        ("aws:SourceOrgID".to_owned(), one("o-9999999999")),
        ("aws:SourceOrgPaths".to_owned(), ContextValue::Many(vec![Text::literal("o-9999999999/r-9999/")])),
    ]);
    let scoped = !service_decision(trust, service, "sts:AssumeRole", &stranger).possible;
    let miss = matches!(decision.outcome, Outcome::Denied(_)).then(|| refusal(&decision));
    ServiceTrust { admitted: decision.possible, scoped, because: decision.because, miss }
}

/// Whether a service may do something to a role by its trust policy: `sts:AssumeRole`, `sts:TagSession`.
/// Keys that are not given are unknown.
#[must_use]
pub fn service_decision(
    trust: &Policy,
    service: &str,
    action: &str,
    context: &BTreeMap<String, ContextValue>,
) -> super::decide::Decision {
    let mut request = Request {
        principal: service.to_owned(),
        action: action.to_owned(),
        resource: "arn:aws:iam::000000000000:role/role".into(),
        resource_account: Some("000000000000".to_owned()),
        context: context.clone(),
        ..Request::default()
    };
    let given = |key: &str| context.keys().any(|known| known.eq_ignore_ascii_case(key));
    request.context.insert("aws:PrincipalIsAWSService".to_owned(), ContextValue::One("true".into()));
    request.unknown = trust
        .keys()
        .filter(|key| claim_of(key).is_none() && !given(key) && *key != "aws:principalisawsservice")
        .map(str::to_owned)
        .collect();
    let resource = Some(Named { name: "trust policy".to_owned(), policy: Arc::new(trust.clone()) });
    decide(&request, &Policies { resource, ..Policies::default() })
}

fn truth_of(outcome: Outcome) -> Truth {
    match outcome {
        Outcome::Allowed => Truth::True,
        Outcome::Denied(_) => Truth::False,
        Outcome::Conditional => Truth::Unknown,
    }
}

fn refusal(decision: &super::decide::Decision) -> (String, String) {
    match (&decision.nearest_miss, decision.because.first()) {
        (Some(miss), _) => (miss.pointer.clone(), miss.what.clone()),
        (None, Some(because)) => (because.pointer.clone(), "this statement denies it".to_owned()),
        (None, None) => (String::new(), "nothing allows it".to_owned()),
    }
}

/// Somebody whom a trust policy names and lets in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// What it is.
    pub who: Who,
    /// As the document names it.
    pub name: Text,
    /// The statement's number, from 0.
    pub statement: usize,
    /// Where it stands: a JSON pointer inside the document.
    pub pointer: String,
    /// A condition of the statement narrows it.
    pub narrowed: bool,
}

/// What a principal of a trust policy is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Who {
    /// Everyone there is.
    Anyone,
    /// All that the role's own account lets.
    OwnAccount,
    /// All that another account lets.
    ForeignAccount,
    /// A user, role or session of the role's own account.
    OwnPrincipal,
    /// A user, role or session of another account.
    ForeignPrincipal,
    /// An AWS service.
    Service,
    /// Tokens of an identity provider.
    Federated,
    /// Nobody any more: the principal was deleted and its unique id is left.
    Deleted,
    /// It cannot be told.
    Unknown,
}

/// Who may assume a role at all, statement by statement. Whoever a denial keeps out for certain is
/// left out.
#[must_use]
pub fn callers(trust: &Policy, own_account: &str) -> Vec<Caller> {
    let entrance = Entrance::new(trust, Some(own_account.to_owned()));
    let mut callers = Vec::new();
    for statement in trust.statements.iter().filter(|statement| statement.effect == Some(Effect::Allow)) {
        if malformed(statement) {
            continue;
        }
        for principal in statement.principals.iter().flatten() {
            let who = who(principal, own_account);
            let visitors = entrance.visitors(principal);
            let kept_out =
                !visitors.is_empty() && visitors.iter().all(|visitor| entrance.admits(visitor) == Truth::False);
            if kept_out {
                continue;
            }
            callers.push(Caller {
                who,
                name: principal.value.clone(),
                statement: statement.index,
                pointer: principal.pointer.clone(),
                narrowed: !statement.conditions.is_empty(),
            });
        }
    }
    callers
}

fn who(principal: &Principal, own_account: &str) -> Who {
    let of_account = |account: &str, own, foreign| match account {
        account if account == own_account => own,
        account if is_account(account) => foreign,
        _ => Who::Unknown,
    };
    match (principal.kind, principal.value.as_str()) {
        (PrincipalKind::Anyone, _) => Who::Anyone,
        (PrincipalKind::Service, _) => Who::Service,
        (PrincipalKind::Federated, _) => Who::Federated,
        (PrincipalKind::Aws, Some(text)) if is_unique_id(text) => Who::Deleted,
        (PrincipalKind::Aws, Some(text)) if is_account(text) => of_account(text, Who::OwnAccount, Who::ForeignAccount),
        (PrincipalKind::Aws, Some(text)) => match Arn::of(text) {
            Some(arn) if arn.resource == "root" => of_account(arn.account, Who::OwnAccount, Who::ForeignAccount),
            Some(arn) => of_account(arn.account, Who::OwnPrincipal, Who::ForeignPrincipal),
            None => Who::Unknown,
        },
        (PrincipalKind::Aws | PrincipalKind::CanonicalUser | PrincipalKind::Unknown, _) => Who::Unknown,
    }
}
