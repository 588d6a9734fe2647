//! Whose an output is that does not say so itself: its path names the role, the policy, the cluster.

use regex_lite::Regex;
use rustc_hash::FxHashMap;
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

/// Names, for looking up which of very many a path speaks of.
#[derive(Debug)]
pub(crate) struct Names<T> {
    things: FxHashMap<String, Vec<T>>,
}

/// The longest name that AWS gives anything that a path is searched for.
const LONGEST: usize = 128;

impl<T: Clone + PartialEq> Names<T> {
    pub(crate) fn new(names: impl IntoIterator<Item = (String, T)>) -> Self {
        let mut things: FxHashMap<String, Vec<T>> = FxHashMap::default();
        for (name, thing) in names {
            let holders = things.entry(name).or_default();
            if !holders.contains(&thing) {
                holders.push(thing);
            }
        }
        Self { things }
    }

    /// What has this name.
    pub(crate) fn get(&self, name: &str) -> &[T] {
        self.things.get(name).map_or(&[], Vec::as_slice)
    }

    /// What has the longest name in the path, and of these the last.
    pub(crate) fn in_path<'a>(&self, path: &'a str) -> Option<(&'a str, &[T])> {
        let mut best: Option<(&str, &[T])> = None;
        let mut free = true;
        for (start, letter) in path.char_indices() {
            let begins = std::mem::replace(&mut free, !letter.is_alphanumeric());
            if !begins {
                continue;
            }
            let rest = path.get(start..).unwrap_or_default();
            let mut ends = rest.char_indices().map(|(at, letter)| (at, letter.is_alphanumeric())).skip(1).peekable();
            loop {
                let end = match ends.next() {
                    Some((at, _)) if at > LONGEST => break,
                    Some((_, true)) => continue,
                    Some((at, false)) => at,
                    None => rest.len(),
                };
                let word = rest.get(..end).unwrap_or_default();
                if let Some(things) = self.things.get(word)
                    && best.is_none_or(|(known, _)| word.len() >= known.len())
                {
                    best = Some((word, things));
                }
                if end == rest.len() {
                    break;
                }
            }
        }
        best
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
        .rfind(|word| crate::arn::is_account(word))
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
        let index = Names::new(names.map(|(name, thing)| (name.to_owned(), thing)));
        for path in [
            "spark/pods.json",
            "export/spark-dev/pods.json",
            "pods-spark-dev",
            "sparkle/pods.json",
            "devops/pods_dev.json",
        ] {
            let found = index.in_path(path).map(|(_, things)| things[0]);
            assert_eq!(Ok(found), named(path, names), "{path}");
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
