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

    /// Says that of the `count` items of a list the one at `index` was taken out, and those behind it moved up.
    pub fn take_out(&mut self, list: &str, index: usize, count: usize) {
        if !self.runs.contains_key(list)
            && let Some(origin) = self.find(list).filter(|origin| !origin.opaque)
        {
            self.add_run(list, 0, count, origin.source, &origin.pointer, 0);
        }
        if let Some(runs) = self.runs.remove(list) {
            let mut left = Vec::with_capacity(runs.len() + 1);
            for run in runs {
                let end = run.first + run.count;
                if index < run.first {
                    left.push(Run { first: run.first - 1, ..run });
                } else if index >= end {
                    left.push(run);
                } else {
                    let before = index - run.first;
                    let behind = Run {
                        first: index,
                        count: end - index - 1,
                        from: run.from + before + 1,
                        pointer: run.pointer.clone(),
                        source: run.source,
                    };
                    left.extend([Run { count: before, ..run }, behind].into_iter().filter(|run| run.count > 0));
                }
            }
            self.runs.insert(list.to_owned(), left);
        }
        let start = format!("{list}/");
        let moved: Vec<(String, usize)> = self
            .exact
            .range(start.clone()..)
            .map(|(pointer, _)| pointer)
            .take_while(|pointer| pointer.starts_with(&start))
            .filter_map(|pointer| {
                let at = pointer.get(start.len()..)?.split('/').next()?.parse::<usize>().ok()?;
                (at >= index).then(|| (pointer.clone(), at))
            })
            .collect();
        let taken: Vec<(String, usize, Option<Origin>)> = moved
            .into_iter()
            .map(|(pointer, at)| {
                let origin = self.exact.remove(&pointer);
                (pointer, at, origin)
            })
            .collect();
        for (pointer, at, origin) in taken {
            let (Some(origin), true) = (origin, at > index) else { continue };
            let rest = pointer.get(start.len() + at.to_string().len()..).unwrap_or_default();
            self.exact.insert(format!("{start}{}{rest}", at - 1), origin);
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
    fn what_is_taken_out_leaves_the_others_their_places() {
        let mut origins = Origins::default();
        origins.add("", Origin { source: 0, pointer: String::new(), opaque: false });
        origins.add("/iam/roles/2/Arn", Origin { source: 1, pointer: "/x".into(), opaque: false });
        origins.take_out("/iam/roles", 1, 4);
        let place = |pointer: &str| origins.find(pointer).map(|origin| (origin.source, origin.pointer));
        for (pointer, expected) in [
            ("/iam/roles/0/Path", (0, "/iam/roles/0/Path")),
            ("/iam/roles/1/Path", (0, "/iam/roles/2/Path")),
            ("/iam/roles/1/Arn", (1, "/x")),
            ("/iam/roles/2/Arn", (0, "/iam/roles/3/Arn")),
            ("/iam/users/1", (0, "/iam/users/1")),
        ] {
            assert_eq!(place(pointer), Some((expected.0, expected.1.to_owned())), "{pointer}");
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
