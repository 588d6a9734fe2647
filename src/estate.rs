//! The estate: all that is known of the accounts and clusters.
//!
//! It is one JSON document in the field names that AWS and Kubernetes print, and beside it where
//! each part came from ([`Origins`]), how complete each collection is ([`Coverage`]) and what could
//! not be read ([`Gap`]). Typed views of the document live where they are used; nothing is held twice.
//!
//! Deliberately absent: any knowledge of how the document was read, and of what rules make of it.

mod collection;
mod coverage;
mod origin;
mod span;

pub use collection::{COLLECTIONS, Collection, Within, collection, identity};
pub use coverage::{Completeness, Coverage, Entry, unblock};
pub use origin::{Origin, Origins};
pub use span::{Excerpt, Span};

use crate::facts::instances::InstanceTypes;
use crate::known::{Told, Unknown};
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The version of the document's form that this program writes.
pub const FORMAT: u64 = 1;

/// A document, where it came from and how complete it is.
#[derive(Clone, Debug, Default)]
pub struct Estate {
    /// The document, as `DESIGN.md` draws it: `sts`, `iam`, `eks`, `emrContainers`, `emrServerless`,
    /// `emr`, `kubernetes`, `session`, `rollouts` and what others may add.
    pub document: Value,
    /// The file and place of each part.
    pub origins: Origins,
    /// How complete each collection is.
    pub coverage: Coverage,
    /// The inputs, in the order in which they were read; [`Origin::source`] counts in it.
    pub sources: Vec<Source>,
    /// What should have been seen and was not.
    pub gaps: Vec<Gap>,
    /// What was passed over because it is not for this program, by why.
    pub passed_over: Vec<PassedOver>,
    /// What infrastructure code declares: the positions in each list of the document, by its pointer.
    pub declared: BTreeMap<String, BTreeSet<usize>>,
    /// What a change that is laid over the rest takes away, and no longer stands in the document.
    pub gone: Vec<Gone>,
    /// The instance types that are known: those of the table, and those that the document shows, as soon as it is linked.
    pub instance_types: InstanceTypes,
}

/// Files that were passed over for the same reason.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct PassedOver {
    /// What they are: `chart templates that are not rendered`, `files of another trade`.
    pub what: String,
    /// How many there are.
    pub count: usize,
    /// The first few of them, where their names are known.
    pub paths: Vec<String>,
    /// What would make them read, where anything would.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unblock: Option<String>,
}

/// Something that a change destroys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gone {
    /// The pointer of the list in which it stood.
    pub list: String,
    /// What stood there.
    pub item: Value,
    /// What the change calls it: `aws_iam_role.jobs`.
    pub address: String,
    /// Whether the change makes it anew.
    pub replaced: bool,
    /// The source that says so, and the pointer in it.
    pub place: Option<(usize, String)>,
}

/// An input that was read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Source {
    /// Its path as it is shown, relative where it was given so; `-` for standard input.
    pub path: String,
    /// What it was read as: `list-roles`, `pods`, `session`, …
    pub kind: String,
    /// How its text is laid out.
    #[serde(skip)]
    pub syntax: Syntax,
    /// Its bytes, where they cannot be read again: standard input.
    #[serde(skip)]
    pub held: Option<Arc<[u8]>>,
}

/// How a source's text is laid out, which decides how a pointer in it becomes a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Syntax {
    /// JSON, also compressed.
    #[default]
    Json,
    /// Several JSON documents one after the other; pointers start with the number of the document.
    JsonStream,
    /// YAML; pointers start with the number of the document in the stream.
    Yaml,
    /// TOML.
    Toml,
    /// One `NAME=value` a line; pointers are `/NAME`.
    Variables,
    /// Text without inner places, such as an error message.
    Plain,
    /// No text at all: the answer to a call, and its path is the command that makes the same call.
    Answer,
}

/// Something that the run should have seen and did not.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Gap {
    /// The collection or file: `iam.openIDConnectProviders`, `pods.json`.
    pub what: String,
    /// The account, region or cluster, as far as it is known.
    pub scope: String,
    /// What happened.
    pub why: String,
    /// What would close the gap, as an instruction.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unblock: Option<String>,
    /// The file and line, where it is a file's fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
}

impl Estate {
    /// The values of a collection, such as `iam.roles`; for `kubernetes.…` use [`Estate::kubernetes`].
    #[must_use]
    pub fn items(&self, name: &str) -> &[Value] {
        let mut value = &self.document;
        for key in name.split('.') {
            match value.get(key) {
                Some(inner) => value = inner,
                None => return &[],
            }
        }
        value.as_array().map_or(&[], Vec::as_slice)
    }

    /// The objects of one cluster, and the pointer of their group.
    #[must_use]
    pub fn kubernetes(&self, cluster_arn: &str) -> Option<(&Value, String)> {
        let groups = self.items("kubernetes");
        let index = groups.iter().position(|group| group["cluster"].is(cluster_arn))?;
        Some((groups.get(index)?, format!("/kubernetes/{index}")))
    }

    /// Why the absence of something from a collection proves nothing, or `None` where the
    /// collection was listed completely.
    #[must_use]
    pub fn incomplete(&self, name: &str, at: &str, namespace: Option<&str>) -> Option<Unknown> {
        self.coverage.incomplete(name, at, namespace)
    }

    /// Puts coverage and gaps into the document, which is then complete in itself: a snapshot.
    #[must_use]
    pub fn to_snapshot(&self) -> Value {
        let mut document = self.document.clone();
        document["sparkcheck"] = json!({
            "format": FORMAT,
            "captured": self.document["sparkcheck"]["captured"],
            "coverage": self.coverage.entries(),
            "gaps": self.gaps,
        });
        document
    }
}
