//! A trust policy as it looks to the tokens of one issuer: tests of the subject, as languages.
//!
//! Each statement becomes a constant, which tells whether all but the subject fits, and tests of the
//! subject, whose values are numbers of [languages](crate::iam::language). Walking the languages
//! gives the classes of subjects that the policy can tell apart.

use super::provider::{malformed, provider_matches};
use super::{AUDIENCE, Accounts, SUBJECT, TOKEN_CALL_KEYS, WEB_IDENTITY, Wanted};
use crate::iam::condition::{Condition, Test, holds_with};
use crate::iam::context::{Context, Found};
use crate::iam::decide::Because;
use crate::iam::language::{self, Class, Language, Letter, Symbol, Walks};
use crate::iam::pattern::{Reading, Sym};
use crate::iam::policy::{Effect, Statement};
use crate::known::{Part, Text, Truth};
use rustc_hash::FxHashMap;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// An audience that no policy names.
const OTHER_AUDIENCE: &str = "another-audience.invalid";

/// At most so many places of patterns are looked at.
const MOST_WALKED: usize = 1 << 24;

/// Which audience a token has.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Audience {
    Sts,
    Other,
}

/// For whom an admission is asked.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    /// For a wanted account: a hole in the policy may be whatever it will be.
    Wanted,
    /// For any other: a text that fills the holes is covered by the text that names them.
    Others,
}

/// A statement as it looks to a token of the wanted issuer: a constant and tests of the subject.
pub(super) struct Clause<'a> {
    pub(super) statement: &'a Statement,
    pub(super) effect: Effect,
    /// What must hold beside the subject, for each audience.
    pub(super) sts: Truth,
    pub(super) other: Truth,
    pub(super) tests: Vec<SubjectTest<'a>>,
}

pub(super) struct SubjectTest<'a> {
    pub(super) condition: &'a Condition,
    pub(super) negated: bool,
    pub(super) values: Vec<SubjectValue>,
}

/// The languages of a value, by number: what it must match and, with holes, what it may.
pub(super) struct SubjectValue {
    pub(super) must: usize,
    pub(super) may: Option<usize>,
    /// It has a hole that the wanted accounts do not share.
    pub(super) foreign: bool,
}

impl SubjectValue {
    pub(super) fn matches(&self, matched: &[usize], by_name: bool) -> Truth {
        let has = |number| matched.binary_search(&number).is_ok();
        match self.may {
            _ if has(self.must) => Truth::True,
            Some(may) if (self.foreign || !by_name) && has(may) => Truth::Unknown,
            _ => Truth::False,
        }
    }
}

impl Clause<'_> {
    pub(super) fn holds(&self, matched: &[usize], audience: Audience, asked: Asked) -> Truth {
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

    pub(super) fn because(&self) -> Because {
        Because {
            policy: "trust policy".to_owned(),
            statement: self.statement.index,
            sid: self.statement.sid.clone(),
            pointer: self.statement.pointer.clone(),
            effect: self.effect,
        }
    }
}

pub(super) fn admitted(clauses: &[Clause<'_>], matched: &[usize], audience: Audience, asked: Asked) -> Truth {
    let any = |effect| {
        let of_effect = clauses.iter().filter(|clause| clause.effect == effect);
        Truth::any(of_effect.map(|clause| clause.holds(matched, audience, asked)))
    };
    any(Effect::Allow).and(!any(Effect::Deny))
}

/// The languages of a policy's subject tests and of the wanted accounts.
pub(super) struct Subjects<'a> {
    pub(super) wanted: &'a Wanted,
    /// Names of holes that the wanted accounts have.
    pub(super) atoms: Vec<String>,
    pub(super) languages: Vec<Language>,
    pub(super) numbers: FxHashMap<Language, usize>,
    /// What is wanted, and what does no harm: EMR's other accounts for the very same role.
    pub(super) tolerated: Vec<SubjectValue>,
    /// The wanted subjects, where they can be counted.
    pub(super) names: Vec<Vec<Symbol>>,
    pub(super) subject_key: String,
    pub(super) audience_key: String,
}

impl<'a> Subjects<'a> {
    pub(super) fn new(wanted: &'a Wanted) -> Self {
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
    pub(super) fn wants(&self, matched: &[usize]) -> Truth {
        Truth::any(self.tolerated.iter().map(|value| value.matches(matched, false)))
    }

    pub(super) fn walk(&self, clauses: &[Clause<'_>], walks: &Walks) -> Option<Arc<Vec<Class>>> {
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

    pub(super) fn spell(&self, symbols: &[Symbol]) -> String {
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
    pub(super) fn clause(&mut self, statement: &'a Statement) -> Clause<'a> {
        let effect = statement.effect.unwrap_or(Effect::Deny);
        let mut clause = Clause { statement, effect, sts: Truth::False, other: Truth::False, tests: Vec::new() };
        if statement.unknown.is_some() {
            // It may allow as well as deny; as a denial that is not known it leaves the wanted in doubt.
            (clause.sts, clause.other) = (Truth::Unknown, Truth::Unknown);
            return clause;
        }
        let mut fixed = provider_matches(statement, self.wanted).and(statement.covers(WEB_IDENTITY));
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
