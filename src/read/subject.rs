//! Whose an output is that does not say so itself: its path names the role, the policy, the cluster.

use regex::Regex;
use std::sync::LazyLock;

/// Whether `path` holds `name` as words of its own: `spark` is in `spark-pods.json`, not in `sparkle.json`.
pub(crate) fn mentions(path: &str, name: &str) -> bool {
    position(path, name).is_some()
}

fn position(path: &str, name: &str) -> Option<usize> {
    if name.is_empty() {
        return None;
    }
    let mut found = None;
    for (at, _) in path.match_indices(name) {
        let before = path.get(..at).and_then(|head| head.chars().next_back());
        let after = path.get(at + name.len()..).and_then(|tail| tail.chars().next());
        let edge = |neighbour: Option<char>| neighbour.is_none_or(|neighbour| !neighbour.is_alphanumeric());
        if edge(before) && edge(after) {
            found = Some(at);
        }
    }
    found
}

/// The one among `names` that the path speaks of: the longest, and of these the last. `Err` with the
/// number of candidates where the same name stands for several things.
pub(crate) fn named<'a, T: PartialEq>(
    path: &str,
    names: impl IntoIterator<Item = (&'a str, T)>,
) -> Result<Option<T>, usize> {
    let mut best: Option<(usize, usize)> = None;
    let mut holders: Vec<T> = Vec::new();
    for (name, thing) in names {
        let Some(at) = position(path, name) else { continue };
        let rank = (name.len(), at);
        if best.is_none_or(|best| rank > best) {
            best = Some(rank);
            holders.clear();
        }
        if best == Some(rank) && !holders.contains(&thing) {
            holders.push(thing);
        }
    }
    match holders.len() {
        0 | 1 => Ok(holders.pop()),
        several => Err(several),
    }
}

/// The region in a path.
pub(crate) fn region(path: &str) -> Option<String> {
    #[expect(clippy::unwrap_used, reason = "the pattern is constant and tested")]
    static REGION: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(
            r"\b(?:af|ap|ca|cn|eu|il|me|mx|sa|us)(?:-gov|-iso[a-z]?)?-(?:central|north|south|east|west|northeast|northwest|southeast|southwest)-\d\b",
        )
        .unwrap()
    });
    REGION.find_iter(path).last().map(|found| found.as_str().to_owned())
}

/// The account id in a path.
pub(crate) fn account(path: &str) -> Option<String> {
    path.split(|letter: char| !letter.is_ascii_alphanumeric())
        .rfind(|word| super::arn::is_account(word))
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_name_wins() {
        let names = [("spark", 1), ("spark-dev", 2), ("dev", 3)];
        for (path, expected) in [
            ("spark/pods.json", Some(1)),
            ("export/spark-dev/pods.json", Some(2)),
            ("pods-spark-dev.json", Some(2)),
            ("sparkle/pods.json", None),
            ("devops/pods_dev.json", Some(3)),
        ] {
            assert_eq!(named(path, names), Ok(expected), "{path}");
        }
        assert_eq!(named("spark/pods.json", [("spark", 1), ("spark", 2)]), Err(2));
        assert_eq!(named("spark/pods.json", [("spark", 1), ("spark", 1)]), Ok(Some(1)));
    }

    #[test]
    fn regions_and_accounts() {
        assert_eq!(region("111122223333/us-gov-west-1/x.json").as_deref(), Some("us-gov-west-1"));
        assert_eq!(region("status-east-1.json"), None);
        assert_eq!(account("a/111122223333-roles.json").as_deref(), Some("111122223333"));
        assert_eq!(account("a/1111222233334.json"), None);
    }
}
