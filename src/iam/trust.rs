//! Who gets in by a role's trust policy: the accounts that are wanted, and who else.
//!
//! A token of an EKS cluster names its service account as `system:serviceaccount:NAMESPACE:NAME`.
//! [`scope`] turns the tests of that subject into languages and walks them all at once, so that its
//! answer covers every service account that could exist. Denials are subtracted, statements are
//! joined, and every other way in is tried as a request with full identity permissions. Holes that
//! the wanted accounts share with the policy are unknown names, equal only to themselves.
//!
//! Deliberately absent: whether the identity provider exists, and what the role may do.

mod callers;
mod miss;
mod visitors;

pub use super::language::Walks;
pub use callers::{Caller, PodIdentity, ServiceTrust, Who, callers, pod_identity, service_decision, service_trust};

use super::condition::{Condition, Test, holds_with};
use super::context::{Context, Found};
use super::decide::{Because, action_matches};
use super::language::{self, Class, Language, Letter, Symbol};
use super::pattern::{Piece, Reading, Sym, glob, truth};
use super::policy::{Effect, Policy, PrincipalKind, Statement};
use crate::known::{Part, Text, Truth};
use miss::miss;
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use visitors::other_callers;

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
        /// The role's name as [`base36::encode`](super::base36::encode) writes it.
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
/// At most so many places of patterns are looked at.
const MOST_WALKED: usize = 1 << 24;

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
    scope_with(trust, wanted, &Walks::default())
}

/// The same, for many policies: what is found of a pattern is kept in `walks`.
#[must_use]
pub fn scope_with(trust: &Policy, wanted: &Wanted, walks: &Walks) -> Scope {
    let mut subjects = Subjects::new(wanted);
    let clauses: Vec<Clause<'_>> = trust.statements.iter().map(|statement| subjects.clause(statement)).collect();
    let walked = subjects.walk(&clauses, walks);
    let walked = walked.as_deref();
    let names: Vec<Vec<usize>> =
        subjects.names.iter().map(|name| language::matched(&subjects.languages, name)).collect();

    let in_namespace = |class: &&Class| subjects.wants(&class.matched) == Truth::True;
    let over_wanted = |audience: Audience| -> Vec<Truth> {
        if subjects.names.is_empty() {
            match walked {
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
    match walked {
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
    let left_out = match (walked, subjects.names.is_empty()) {
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
    numbers: FxHashMap<Language, usize>,
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
            numbers: FxHashMap::default(),
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
        if let Some(number) = self.numbers.get(&language) {
            return *number;
        }
        self.languages.push(language.clone());
        self.numbers.insert(language, self.languages.len() - 1);
        self.languages.len() - 1
    }

    /// Whether a subject that matches these languages is wanted or tolerated.
    fn wants(&self, matched: &[usize]) -> Truth {
        Truth::any(self.tolerated.iter().map(|value| value.matches(matched, false)))
    }

    fn walk(&self, clauses: &[Clause<'_>], walks: &Walks) -> Option<Arc<Vec<Class>>> {
        let allows =
            |clause: &Clause<'_>| clause.effect == Effect::Allow && clause.sts.or(clause.other) != Truth::False;
        if !clauses.iter().any(allows) {
            // Nobody gets in by a token; one text of each kind says so.
            let example = self.names.first().cloned().unwrap_or_default();
            let matched = self.tolerated.iter().map(|value| value.must).collect();
            return Some(Arc::new(vec![Class { matched, example }]));
        }
        let within = |test: &SubjectTest<'_>| {
            let wanted = |value: &SubjectValue| self.tolerated.iter().any(|wanted| wanted.must == value.must);
            !test.negated && test.values.iter().all(|value| !value.foreign && wanted(value))
        };
        let narrow = |clause: &Clause<'_>| !allows(clause) || clause.tests.iter().any(within);
        if !self.names.is_empty() && clauses.iter().all(|clause| clause.effect == Effect::Deny || narrow(clause)) {
            // Word for word what is wanted: no other text can get in, and the wanted are counted.
            return Some(Arc::default());
        }
        let atoms = self.atoms.len() as u16;
        let bound = |clause: &Clause<'_>| !allows(clause) || clause.tests.iter().any(|test| !test.negated);
        if !clauses.iter().all(bound) {
            return walks.service_accounts(&self.languages, atoms, MOST_WALKED);
        }
        // Who matches no pattern does not get in, so that patterns without common texts are walked apart.
        let groups = language::apart(&self.languages);
        if groups.len() == 1 {
            return walks.service_accounts(&self.languages, atoms, MOST_WALKED);
        }
        let wanted =
            |number: &usize| self.tolerated.iter().any(|value| value.must == *number || value.may == Some(*number));
        let mut found = Vec::new();
        for group in groups {
            if !self.names.is_empty() && group.iter().all(wanted) {
                continue;
            }
            if let [number] = group.as_slice()
                && let Some(example) = language::without_stars(&self.languages[*number])
            {
                found.push(Class { matched: group, example });
                continue;
            }
            let languages: Vec<Language> = group.iter().map(|number| self.languages[*number].clone()).collect();
            let of_group = walks.service_accounts(&languages, atoms, MOST_WALKED)?;
            found.extend(of_group.iter().filter(|class| !class.matched.is_empty()).map(|class| Class {
                matched: class.matched.iter().map(|number| group[*number]).collect(),
                example: class.example.clone(),
            }));
        }
        Some(Arc::new(found))
    }

    fn spell(&self, symbols: &[Symbol]) -> String {
        let mut text = String::new();
        for symbol in symbols {
            match symbol {
                Symbol::Char(c) => text.push(*c),
                Symbol::Stranger => text.push_str("any"),
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
    let account = match &wanted.accounts {
        Accounts::EmrOnEks { account, .. } => Some(account.as_str()),
        Accounts::Named(_) | Accounts::Namespace => None,
    };
    if let (Some(value), Some(issuer)) = (value.as_str(), wanted.issuer.as_str())
        && account != Some(None)
    {
        let head = value.strip_prefix("arn:").and_then(|rest| rest.strip_suffix(issuer));
        let head = head.and_then(|rest| rest.strip_suffix(":oidc-provider/"));
        return Truth::from(head.is_some_and(|head| match account.flatten() {
            Some(account) => head.strip_suffix(account).is_some_and(|head| head.ends_with(":iam::")),
            None => head.contains(":iam::"),
        }));
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
