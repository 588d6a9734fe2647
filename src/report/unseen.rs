//! What was not seen, and what is taken for granted, for a person.
//!
//! Who may list nothing in a cluster gets a gap for each kind of objects, and all say the same: to a person they are
//! one, with one thing to do. Programs get all of them.

use super::look::{DOUBTFUL, visible};
use super::{Look, Report};
use crate::estate::Gap;
use std::collections::BTreeMap;
use std::fmt::Write;

/// So many gaps of one kind are said one by one.
const FEW: usize = 2;

/// What should have been seen and was not.
pub(super) fn gaps(out: &mut String, report: &Report<'_>, look: &Look) {
    if report.gaps.is_empty() {
        return;
    }
    out.push('\n');
    look.wrap(out, "", "", &format!("{}:", look.paint(DOUBTFUL, "not seen")));
    for gap in &folded(&report.gaps) {
        let in_file = gap.place.as_deref().filter(|place| place.starts_with(&gap.what));
        let mut text = visible(in_file.unwrap_or(&gap.what));
        if !gap.scope.is_empty() {
            let _ = write!(text, " of {}", visible(scope(&gap.scope)));
        }
        // A path is said once, where it stands best.
        let file = if in_file.is_some() { Some(gap.what.as_str()) } else { gap.place.as_deref() };
        let quoted = file.map(|file| format!("`{file}`"));
        let tail = quoted.as_deref().and_then(|quoted| gap.why.strip_prefix(quoted)?.strip_prefix(' '));
        let said = tail.is_none() && quoted.is_some_and(|quoted| gap.why.contains(&quoted));
        if let Some(place) = gap.place.as_deref().filter(|_| in_file.is_none() && !said) {
            let _ = write!(text, " ({})", visible(place));
        }
        let colon = if in_file.is_some() && tail.is_some() { "" } else { ":" };
        let _ = write!(text, "{colon} {}", visible(tail.unwrap_or(&gap.why)));
        look.wrap(out, "  ", "    ", &text);
        if let Some(unblock) = &gap.unblock {
            look.wrap(out, &format!("    {}", look.either("→ ", "> ")), "      ", &visible(unblock));
        }
    }
}

/// What nobody read, and the verdicts take for granted.
pub(super) fn assumed(out: &mut String, report: &Report<'_>, look: &Look) {
    if !report.assumed.is_empty() {
        out.push('\n');
    }
    for one in &report.assumed {
        let text = format!("taken for granted: {}; {} to settle it", visible(&one.what), visible(&one.unblock));
        look.wrap(out, "", "  ", &text);
    }
}

/// What a gap is of, without the parts of an ARN that the heading of the rollout says already.
fn scope(scope: &str) -> &str {
    let resource = scope.strip_prefix("arn:").and_then(|rest| rest.splitn(5, ':').nth(4));
    resource.map_or(scope, |resource| resource.trim_start_matches('/'))
}

/// The gaps with those put together that lie in one cluster, for one reason, and take one thing to close.
pub(super) fn folded(gaps: &[Gap]) -> Vec<Gap> {
    let mut alike: BTreeMap<Reason<'_>, Vec<&Gap>> = BTreeMap::new();
    for gap in gaps {
        if let Some(reason) = reason(gap) {
            alike.entry(reason).or_default().push(gap);
        }
    }
    alike.retain(|_, alike| alike.len() > FEW);
    let mut folded = Vec::new();
    for gap in gaps {
        match reason(gap).and_then(|reason| Some((alike.get(&reason)?, reason))) {
            None => folded.push(gap.clone()),
            // The first stands for all.
            Some((alike, reason)) if alike.first().is_some_and(|first| std::ptr::eq(*first, gap)) => {
                folded.push(together(alike, &reason));
            }
            Some(_) => {}
        }
    }
    folded
}

/// What gaps of kinds of objects have in common: the cluster, what happened, and what to do.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Reason<'g> {
    /// Listing is not granted; the rest of what to do, after the kind.
    Refused(&'g str, &'g str),
    Other(&'g str, &'g str, Option<&'g str>),
}

fn reason(gap: &Gap) -> Option<Reason<'_>> {
    if !gap.what.starts_with("kubernetes.") || gap.what.contains(',') {
        return None;
    }
    Some(match granted(gap) {
        Some((_, rest)) => Reason::Refused(&gap.scope, rest),
        None => Reason::Other(&gap.scope, &gap.why, gap.unblock.as_deref()),
    })
}

/// The resource on which `list` is to be granted, and what is said after it.
fn granted(gap: &Gap) -> Option<(&str, &str)> {
    gap.unblock.as_deref()?.strip_prefix("grant `list` on `")?.split_once('`')
}

fn together(alike: &[&Gap], reason: &Reason<'_>) -> Gap {
    let kinds: Vec<&str> = alike.iter().filter_map(|gap| gap.what.strip_prefix("kubernetes.")).collect();
    let (first, more) = (alike.first(), alike.len().saturating_sub(1));
    let place = first.and_then(|gap| gap.place.as_deref()).filter(|place| !place.starts_with("kubectl "));
    let (why, unblock) = match reason {
        Reason::Refused(_, rest) => {
            let who =
                first.and_then(|gap| user(&gap.why)).filter(|one| alike.iter().all(|gap| user(&gap.why) == Some(one)));
            let whom = who.map(|who| format!(" `{who}`")).unwrap_or_default();
            let resources: Vec<String> =
                alike.iter().filter_map(|gap| granted(gap)).map(|(resource, _)| format!("`{resource}`")).collect();
            let unblock = format!("grant `list` on {}{rest}", resources.join(", "));
            (format!("the cluster refuses{whom} to list them"), Some(unblock))
        }
        Reason::Other(_, why, unblock) => ((*why).to_owned(), unblock.map(str::to_owned)),
    };
    Gap {
        what: format!("kubernetes.{{{}}}", kinds.join(", ")),
        scope: first.map(|gap| gap.scope.clone()).unwrap_or_default(),
        why,
        unblock,
        place: place.map(|place| format!("{place} and {more} more")),
    }
}

/// Whom an API server refuses something, as it says it.
fn user(why: &str) -> Option<&str> {
    Some(why.split_once("User \"")?.1.split_once('"')?.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(kind: &str, resource: &str, cluster: &str) -> Gap {
        Gap {
            what: format!("kubernetes.{kind}"),
            scope: format!("arn:aws:eks:us-east-1:111122223333:cluster/{cluster}"),
            why: format!(
                "{resource} is forbidden: User \"ci\" cannot list resource \"{resource}\" at the cluster scope"
            ),
            unblock: Some(format!("grant `list` on `{resource}` in all namespaces; print the ClusterRole")),
            place: Some(format!("kubectl get {resource} -A -o json")),
        }
    }

    #[test]
    fn what_is_alike_is_said_once() {
        let lost = |kind: &str, why: &str| Gap { why: why.to_owned(), unblock: None, ..refused(kind, kind, "a") };
        let other = Gap { what: "iam.roles".to_owned(), ..refused("pods", "pods", "a") };
        let gaps = [
            refused("pods", "pods", "a"),
            other.clone(),
            refused("nodes", "nodes", "a"),
            refused("roles", "roles.rbac.authorization.k8s.io", "a"),
            refused("pods", "pods", "b"),
            refused("nodes", "nodes", "b"),
            lost("services", "it took too long"),
            lost("namespaces", "it took too long"),
            lost("ingresses", "it took too long"),
            lost("deployments", "it was cut off"),
        ];
        let folded = folded(&gaps);
        let names: Vec<&str> = folded.iter().map(|gap| gap.what.as_str()).collect();
        let expected = [
            "kubernetes.{pods, nodes, roles}",
            "iam.roles",
            "kubernetes.pods",
            "kubernetes.nodes",
            "kubernetes.{services, namespaces, ingresses}",
            "kubernetes.deployments",
        ];
        assert_eq!(names, expected);
        assert_eq!(folded[0].why, "the cluster refuses `ci` to list them");
        assert_eq!(
            folded[0].unblock.as_deref(),
            Some(
                "grant `list` on `pods`, `nodes`, `roles.rbac.authorization.k8s.io` in all namespaces; print the ClusterRole"
            )
        );
        assert_eq!((folded[4].why.as_str(), folded[4].unblock.as_deref()), ("it took too long", None));
        assert_eq!(folded[1], other);
        assert_eq!(super::folded(&gaps[4..6]), gaps[4..6], "two are said one by one");
    }
}
