//! Where each part of the document came from.
//!
//! A list that moves into the document as a whole leaves one [run](Origins::add_run) behind, whatever
//! its length; a part put together from several files leaves one entry for each. Linked parts are
//! *aliases*: `/rollouts/0/cluster` is `/eks/clusters/3`, and its place is the place of that.

use std::collections::BTreeMap;

/// A place in a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The number of the source.
    pub source: usize,
    /// The JSON pointer in it.
    pub pointer: String,
    /// The part was written as one text (a policy inside a string), so nothing below it has a place of its own.
    pub opaque: bool,
}

/// The origins of all parts of a document.
#[derive(Clone, Debug, Default)]
pub struct Origins {
    exact: BTreeMap<String, Origin>,
    runs: BTreeMap<String, Vec<Run>>,
    aliases: BTreeMap<String, String>,
}

/// Items `first..first + count` of a list are items `from..` of a list in a source.
#[derive(Clone, Debug)]
struct Run {
    first: usize,
    count: usize,
    source: usize,
    pointer: String,
    from: usize,
}

impl Origins {
    /// Says that the part at `pointer`, and what is below it, came from `origin`.
    pub fn add(&mut self, pointer: impl Into<String>, origin: Origin) {
        self.exact.insert(pointer.into(), origin);
    }

    /// Says that `count` items of the list at `collection`, from `first` on, are the items of the
    /// list at `pointer` of the source, from `from` on.
    pub fn add_run(&mut self, collection: &str, first: usize, count: usize, source: usize, pointer: &str, from: usize) {
        let runs = self.runs.entry(collection.to_owned()).or_default();
        match runs.last_mut() {
            Some(last)
                if last.source == source
                    && last.pointer == pointer
                    && last.first + last.count == first
                    && last.from + last.count == from =>
            {
                last.count += count;
            }
            _ => runs.push(Run { first, count, source, pointer: pointer.to_owned(), from }),
        }
    }

    /// Says that what was put together at `from` went to `to`: what has a place of its own there keeps it.
    pub fn move_below(&mut self, from: &str, to: &str) {
        let below =
            |pointer: &str| pointer.strip_prefix(from).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        let moved: Vec<String> = self
            .exact
            .range(from.to_owned()..)
            .map(|(pointer, _)| pointer)
            .take_while(|pointer| pointer.starts_with(from))
            .filter(|pointer| below(pointer))
            .cloned()
            .collect();
        for pointer in moved {
            if let Some(origin) = self.exact.remove(&pointer) {
                self.exact.insert(format!("{to}{}", pointer.get(from.len()..).unwrap_or_default()), origin);
            }
        }
    }

    /// Says that what stands at `pointer` is the same thing as what stands at `target`.
    pub fn alias(&mut self, pointer: impl Into<String>, target: impl Into<String>) {
        self.aliases.insert(pointer.into(), target.into());
    }

    /// The pointer of the thing itself, with aliases followed.
    #[must_use]
    pub fn resolve(&self, pointer: &str) -> String {
        let mut pointer = pointer.to_owned();
        for _ in 0..8 {
            let Some((prefix, target)) =
                prefixes(&pointer).find_map(|prefix| Some((prefix.len(), self.aliases.get(prefix)?)))
            else {
                break;
            };
            pointer = format!("{target}{}", pointer.get(prefix..).unwrap_or_default());
        }
        pointer
    }

    /// The source and the pointer in it of the part at `pointer`; of the nearest part around it
    /// that has a place, where it has none itself.
    #[must_use]
    pub fn find(&self, pointer: &str) -> Option<Origin> {
        let pointer = self.resolve(pointer);
        for prefix in prefixes(&pointer) {
            let below = pointer.get(prefix.len()..).unwrap_or_default();
            if let Some(origin) = self.exact.get(prefix) {
                let mut origin = origin.clone();
                if !origin.opaque {
                    origin.pointer.push_str(below);
                }
                return Some(origin);
            }
            let Some((list, index)) = prefix.rsplit_once('/') else { continue };
            let Some(run) = self.runs.get(list).and_then(|runs| run_with(runs, index.parse().ok()?)) else { continue };
            let index = index.parse::<usize>().ok()? - run.first + run.from;
            return Some(Origin {
                source: run.source,
                pointer: format!("{}/{index}{below}", run.pointer),
                opaque: false,
            });
        }
        None
    }
}

fn run_with(runs: &[Run], index: usize) -> Option<&Run> {
    let after = runs.partition_point(|run| run.first <= index);
    runs.get(after.checked_sub(1)?).filter(|run| index < run.first + run.count)
}

/// The pointer itself and every pointer around it, the longest first.
fn prefixes(pointer: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(pointer), |pointer| Some(pointer.rsplit_once('/')?.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_nearest_place() {
        let mut origins = Origins::default();
        origins.add_run("/iam/roles", 0, 3, 0, "/RoleDetailList", 0);
        origins.add_run("/iam/roles", 3, 2, 1, "/Roles", 4);
        origins.add("/iam/roles/1/Policy", Origin { source: 2, pointer: "/PolicyDocument".into(), opaque: true });
        origins.alias("/rollouts/0/executionRole", "/iam/roles/1");
        let place = |pointer: &str| origins.find(pointer).map(|origin| (origin.source, origin.pointer));
        for (pointer, expected) in [
            ("/iam/roles/2/Arn", Some((0, "/RoleDetailList/2/Arn"))),
            ("/iam/roles/4", Some((1, "/Roles/5"))),
            ("/iam/roles/5", None),
            ("/iam/roles/1/Policy/Statement/0", Some((2, "/PolicyDocument"))),
            ("/rollouts/0/executionRole/Policy", Some((2, "/PolicyDocument"))),
            ("/rollouts/0/executionRole/Arn", Some((0, "/RoleDetailList/1/Arn"))),
            ("/eks", None),
        ] {
            assert_eq!(place(pointer), expected.map(|(source, text)| (source, text.to_owned())), "{pointer}");
        }
    }

    #[test]
    fn aliases_in_a_circle_end() {
        let mut origins = Origins::default();
        origins.alias("/a", "/b");
        origins.alias("/b", "/a");
        assert_eq!(origins.find("/a/x"), None);
    }
}
