//! Rules × estate → verdicts.
//!
//! Each rule selects its subjects and is judged on each, on all cores; the result is in the order of
//! rules and subjects, whatever thread came first. Checking cannot fail: what is not known makes a
//! verdict unknown, and says what would settle it.
//!
//! Deliberately absent: severities, suppressions and the order in which findings are shown. Those
//! are settled afterwards.

mod judge;
pub(crate) mod semantic;
mod subject;

pub(crate) use judge::anchored;
pub use judge::judge;
pub use subject::Subject;

use crate::capacity::Demand;
use crate::capacity::picture::Picture;
use crate::iam::Scope;
use crate::known::Unknown;
use crate::link::Linked;
use crate::link::policies::Collected;
use crate::path::Path;
use crate::rule::Rule;
use rayon::prelude::*;
use rustc_hash::FxHashMap;
use semantic::capacity::{Asked, Cluster};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock};

/// The verdict of a rule on one subject, with what it rests on.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// It holds.
    Pass,
    /// It does not hold, for this reason.
    Fail(Evidence),
    /// It cannot be told, for this reason.
    Unknown(Evidence),
}

/// What a verdict rests on.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Evidence {
    /// The reason in a few words, lowercase and without a period.
    pub because: String,
    /// Facts that messages and fixes may name, as `{found.…}`.
    pub facts: BTreeMap<String, String>,
    /// Where to look, the most telling place first.
    pub spots: Vec<Spot>,
    /// What would settle it, as instructions.
    pub unblock: Vec<String>,
    /// The nodes with what the job adds to them.
    pub picture: Option<Box<Picture>>,
}

/// A place in the estate's document, and what is to be seen there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spot {
    /// The JSON pointer.
    pub pointer: String,
    /// What is to be seen there, where it needs to be said.
    pub note: String,
}

/// A verdict with its rule and subject.
#[derive(Debug)]
pub struct Judgement<'r, 'e> {
    /// The rule.
    pub rule: &'r Rule,
    /// The subject.
    pub subject: Subject<'e>,
    /// The verdict.
    pub verdict: Verdict,
}

/// What is asked of one linked estate, and what was answered already.
#[derive(Debug)]
pub struct Inquiry<'e> {
    /// The estate.
    pub linked: &'e Linked,
    /// Whom a trust policy admits, by the role's place and who is wanted: a dozen rules ask the same.
    scopes: Memo<Scope>,
    /// The policies of a principal, by its place.
    policies: Memo<Collected>,
    /// The nodes of a cluster, by its ARN.
    clusters: Memo<Result<Arc<Cluster>, Unknown>>,
    /// Whether pods fit, by cluster and pods.
    asked: Memo<Asked>,
}

/// Answers by question, shared between threads.
type Memo<T> = Mutex<FxHashMap<String, Arc<OnceLock<Arc<T>>>>>;

/// The answer to a question; `ask` is called where it was not asked before, once on all threads.
fn remember<T>(memo: &Memo<T>, question: String, ask: impl FnOnce() -> T) -> Arc<T> {
    let cell = match memo.lock() {
        Ok(mut memo) => Arc::clone(memo.entry(question).or_default()),
        Err(_) => Arc::default(),
    };
    Arc::clone(cell.get_or_init(|| Arc::new(ask())))
}

impl<'e> Inquiry<'e> {
    /// An inquiry that has answered nothing yet.
    #[must_use]
    pub fn new(linked: &'e Linked) -> Self {
        Self {
            linked,
            scopes: Mutex::default(),
            policies: Mutex::default(),
            clusters: Mutex::default(),
            asked: Mutex::default(),
        }
    }

    fn scope(&self, question: String, ask: impl FnOnce() -> Scope) -> Arc<Scope> {
        remember(&self.scopes, question, ask)
    }

    fn cluster(&self, arn: &str) -> Arc<Result<Arc<Cluster>, Unknown>> {
        remember(&self.clusters, arn.to_owned(), || semantic::capacity::cluster(self.linked, arn).map(Arc::new))
    }

    fn asked(&self, arn: &str, demand: &[Demand], ask: impl FnOnce() -> Asked) -> Arc<Asked> {
        remember(&self.asked, format!("{arn} {demand:?}"), ask)
    }

    fn policies(&self, principal_at: &str, collect: impl FnOnce() -> Collected) -> Arc<Collected> {
        remember(&self.policies, principal_at.to_owned(), collect)
    }
}

/// With fewer pairs of rule and subject than this, starting threads costs more than it saves.
const WORTH_THREADS: usize = 512;

/// Judges every rule on every subject that it selects. Subjects of which a rule does not speak are left out.
#[must_use]
pub fn check<'r, 'e>(rules: &'r [Rule], linked: &'e Linked) -> Vec<Judgement<'r, 'e>> {
    let inquiry = Inquiry::new(linked);
    let mut selected: FxHashMap<&str, Vec<Subject<'e>>> = FxHashMap::default();
    let mut pairs = Vec::new();
    let present = linked.systems();
    for rule in rules {
        if !present.iter().any(|system| rule.systems.contains(system)) && selects_rollouts(&rule.select) {
            continue;
        }
        let subjects = selected.entry(rule.select.as_str()).or_insert_with(|| subject::select(linked, &rule.select));
        let about =
            subjects.iter().filter(|subject| subject.system().is_none_or(|system| rule.systems.contains(&system)));
        pairs.extend(about.map(|subject| (rule, subject.clone())));
    }
    let verdict = |(rule, subject): (&'r Rule, Subject<'e>)| {
        let verdict = judge_rule(rule, &subject, &inquiry)?;
        Some(Judgement { rule, subject, verdict })
    };
    if pairs.len() < WORTH_THREADS {
        pairs.into_iter().filter_map(verdict).collect()
    } else {
        pairs.into_par_iter().filter_map(verdict).collect()
    }
}

fn selects_rollouts(select: &Path) -> bool {
    select.leading_names().first() == Some(&"rollouts")
}

/// The verdict of a rule on a subject: *if* what it speaks of is the case, *then* what it asserts.
/// `None` where it does not speak of the subject.
fn judge_rule(rule: &Rule, subject: &Subject<'_>, inquiry: &Inquiry<'_>) -> Option<Verdict> {
    let unsure = match rule.when.as_ref().map(|when| judge(when, subject, inquiry)) {
        None | Some(Verdict::Pass) => None,
        Some(Verdict::Fail(_)) => return None,
        Some(Verdict::Unknown(evidence)) => Some(evidence),
    };
    Some(match (judge(&rule.assert, subject, inquiry), unsure) {
        (verdict, None) => verdict,
        (Verdict::Pass, Some(_)) => Verdict::Pass,
        (Verdict::Fail(mut evidence) | Verdict::Unknown(mut evidence), Some(unsure)) => {
            evidence.unblock = unsure.unblock;
            evidence.because = unsure.because;
            Verdict::Unknown(evidence)
        }
    })
}

impl Evidence {
    /// Evidence that something is not known.
    #[must_use]
    pub fn unknown(pointer: impl Into<String>, unknown: Unknown) -> Self {
        Self {
            because: unknown.why,
            spots: vec![Spot { pointer: pointer.into(), note: String::new() }],
            unblock: unknown.unblock.into_iter().collect(),
            ..Self::default()
        }
    }

    /// Evidence about one place.
    #[must_use]
    pub fn at(pointer: impl Into<String>, because: impl Into<String>) -> Self {
        Self {
            because: because.into(),
            spots: vec![Spot { pointer: pointer.into(), note: String::new() }],
            ..Self::default()
        }
    }

    /// Adds a fact.
    #[must_use]
    pub fn fact(mut self, name: &str, value: impl Into<String>) -> Self {
        self.facts.insert(name.to_owned(), value.into());
        self
    }

    /// All of it together, the first leading.
    fn join(all: Vec<Self>) -> Self {
        let mut all = all.into_iter();
        let mut joined = all.next().unwrap_or_default();
        for other in all {
            if !other.because.is_empty() && !joined.because.contains(&other.because) {
                joined.because = format!("{}; {}", joined.because, other.because);
            }
            for (name, value) in other.facts {
                joined.facts.entry(name).or_insert(value);
            }
            for spot in other.spots {
                if !joined.spots.iter().any(|known| known.pointer == spot.pointer) {
                    joined.spots.push(spot);
                }
            }
            for step in other.unblock {
                if !joined.unblock.contains(&step) {
                    joined.unblock.push(step);
                }
            }
        }
        joined
    }
}

impl Verdict {
    /// Kleene's *and*: a failure decides, then an unknown.
    fn all(verdicts: impl IntoIterator<Item = Self>) -> Self {
        let (mut failed, mut unknown) = (Vec::new(), Vec::new());
        for verdict in verdicts {
            match verdict {
                Self::Pass => {}
                Self::Fail(evidence) => failed.push(evidence),
                Self::Unknown(evidence) => unknown.push(evidence),
            }
        }
        if !failed.is_empty() {
            Self::Fail(Evidence::join(failed))
        } else if !unknown.is_empty() {
            Self::Unknown(Evidence::join(unknown))
        } else {
            Self::Pass
        }
    }

    /// Kleene's *or*: a pass decides, then an unknown.
    fn any(verdicts: impl IntoIterator<Item = Self>) -> Self {
        let (mut failed, mut unknown) = (Vec::new(), Vec::new());
        for verdict in verdicts {
            match verdict {
                Self::Pass => return Self::Pass,
                Self::Fail(evidence) => failed.push(evidence),
                Self::Unknown(evidence) => unknown.push(evidence),
            }
        }
        if unknown.is_empty() { Self::Fail(Evidence::join(failed)) } else { Self::Unknown(Evidence::join(unknown)) }
    }
}

/// The values that something selects from a subject, with full pointers.
pub(crate) struct Selected<'e> {
    pub(crate) found: Vec<(&'e Value, String)>,
    pub(crate) blocked: Vec<(String, Unknown)>,
    pub(crate) nearest: String,
}

/// The evidence of the unknowns that were met, if any were.
fn blocked(selected: &Selected<'_>) -> Option<Evidence> {
    let all: Vec<Evidence> =
        selected.blocked.iter().map(|(pointer, unknown)| Evidence::unknown(pointer.clone(), unknown.clone())).collect();
    (!all.is_empty()).then(|| Evidence::join(all))
}
