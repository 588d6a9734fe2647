//! sparkcheck: will this Spark rollout run, and is it safe?
//!
//! A compiler whose source language is infrastructure. Front ends lower every input to one model, a
//! linker resolves the references in it, rules check it, back ends print what they found:
//!
//! ```text
//! live AWS + Kubernetes ─┐
//! exported state, snapshot ─ read ─▶ Estate ─ link ─▶ Linked ─ check ─▶ Judgements ─ settle ─▶ Report ─ render ─▶ human │ json │ sarif
//! code: Terraform, CFN, … ─┘
//! ```
//!
//! Live answers take the form of exports, and code takes the form of both with holes in its texts
//! (`read::code`), so that everything after reading is the same for all of them.
//!
//! # Invariants
//!
//! - Only [`read`] and `main` touch the network, the disk or the clock. [`link`], [`check`], [`settle`] and the
//!   renderers of [`report`] are pure.
//! - Checking cannot fail. Imperfect input is data: a reader returns what it understood and the
//!   problems that it met, as [gaps](estate::Gap).
//! - Unknown is an answer. It is never a pass and never a failure, and it says what would settle it.
//! - An absence is a finding only where the source says that it listed everything: [`estate::Coverage`].
//! - A rule may look at the whole estate and reports only about its subject.
//! - [`iam`] and [`capacity`] know nothing of rules. Rules know nothing of where an estate came from.
//! - No file lists the rules: the folder `rules/` is the list.
//! - Output is a function of input: the same bytes, on any number of threads.
//!
//! # Where this differs from the first design
//!
//! - A rule has `when` beside `select`. A JSONPath filter cannot say "unknown", so a subject whose
//!   deciding attribute is unknown would silently be left out; `when` is judged in three values.
//!   `select` meets only rollouts of the rule's own systems.
//! - The examples of a rule are *changes* to a named fixture, made by the same [`rule::Change`] as
//!   the patches of fixes. A near miss is then visible as the one line in which it differs.
//! - The trust rules share one question, [`rule::Assertion::Trusts`], and divide among them the ways
//!   of missing the target; so each fault is one finding, with the words and the fix that fit it.
//! - Rollouts are declared, or else inferred: a declaration says what to check, all of it.
//! - Built-in rules are compiled to JSON when the program is built: starting it parses no YAML.
//! - What code declares for no rollout is judged as a *fragment* (`link::fragment`): a rollout of which
//!   nothing else is known, and whose open questions nobody asks.
//! - A live run is planned from one table of calls (`read::live`), from which the reading,
//!   `--explain-calls` and `permissions` all follow, so that they cannot drift apart.
//! - EC2, Organizations and Service Quotas are read live without their SDK crates: of each a handful of calls is
//!   needed, EC2's crate alone takes longer to build than all of sparkcheck, and what stands below every such
//!   crate signs, repeats and times calls as well (`read::live::aws`).

pub mod known;

pub mod arn;

pub mod system;

pub mod path;

pub mod estate;

pub mod redact;

pub mod read;

pub mod snapshot;

pub mod diff;

pub mod facts;

pub mod link;

pub mod iam;

pub mod capacity;

pub mod rule;

pub mod check;

pub mod report;

pub mod settle;

pub mod change;

pub mod proof;

pub mod why;

pub mod simulate;

pub mod fit;

pub mod schema;

pub mod cli;

use link::Linked;
use report::{Place, Report};
use rule::Rule;

/// Checks a linked estate by the rules, and says where each finding stands.
#[must_use]
pub fn examine<'r>(linked: &Linked, rules: &'r [Rule]) -> Report<'r> {
    let judgements = check::check(rules, linked);
    let mut report = settle::settle(rules, &judgements, linked);
    let places: Vec<&mut Place> = report.findings.iter_mut().flat_map(|finding| &mut finding.places).collect();
    let nowhere = (usize::MAX, String::new());
    let wanted: Vec<(usize, String)> =
        places.iter().map(|place| place.source.clone().unwrap_or_else(|| nowhere.clone())).collect();
    for (place, span) in places.into_iter().zip(read::locate(&linked.estate.sources, &wanted)) {
        place.span = span;
    }
    // A thing and its name are two parts of the document that are shown at one place of the file.
    for finding in &mut report.findings {
        let mut seen = std::collections::HashSet::new();
        finding.places.retain(|place| match (&place.path, &place.span) {
            (Some(path), Some(span)) => seen.insert((path.clone(), span.line, span.column)),
            _ => true,
        });
    }
    report
}
