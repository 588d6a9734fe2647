//! What a rule may assert.
//!
//! Attribute kinds compare values and are the same for every rule; each says what an absence
//! means, because AWS leaves out what is default, and without being told an absence is unknown.
//! Semantic kinds are questions of the domain, put to [`crate::iam`] and [`crate::capacity`].

use super::template::Template;
use crate::capacity::{Binding, Role as PodRole};
use crate::iam::trust::MissKind;
use crate::path::Path;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// Something that holds of a subject, does not, or cannot be told.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Assertion {
    /// Every one of these holds (Kleene's *and*).
    All(Vec<Assertion>),
    /// At least one of these holds (Kleene's *or*).
    Any(Vec<Assertion>),
    /// There is such a value.
    Present {
        /// Where to look.
        value: Path,
    },
    /// There is no such value.
    Absent {
        /// Where to look.
        value: Path,
    },
    /// Every such value is this one.
    Equals {
        /// Where to look.
        value: Path,
        /// The value, or the path of it.
        to: Operand,
        /// What it means if there is none.
        #[serde(default)]
        when_absent: Absence,
    },
    /// No such value is this one.
    Differs {
        /// Where to look.
        value: Path,
        /// The value, or the path of it.
        from: Operand,
        /// What it means if there is none.
        #[serde(default)]
        when_absent: Absence,
    },
    /// Every such value is one of these.
    OneOf {
        /// Where to look.
        value: Path,
        /// The values.
        of: Vec<Value>,
        /// What it means if there is none.
        #[serde(default)]
        when_absent: Absence,
    },
    /// No such value is one of these.
    NoneOf {
        /// Where to look.
        value: Path,
        /// The values.
        of: Vec<Value>,
        /// What it means if there is none.
        #[serde(default)]
        when_absent: Absence,
    },
    /// Every such text matches the regular expression as a whole.
    Matches {
        /// Where to look.
        value: Path,
        /// The expression; it is anchored at both ends.
        pattern: String,
        /// What it means if there is none.
        #[serde(default)]
        when_absent: Absence,
    },
    /// No such text matches the regular expression as a whole.
    MatchesNot {
        /// Where to look.
        value: Path,
        /// The expression; it is anchored at both ends.
        pattern: String,
        /// What it means if there is none.
        #[serde(default)]
        when_absent: Absence,
    },
    /// Every such number is at least this.
    AtLeast {
        /// Where to look.
        value: Path,
        /// The least number, or the path of it.
        bound: Operand,
        /// What it means if there is none.
        #[serde(default)]
        when_absent: Absence,
    },
    /// Every such number is at most this.
    AtMost {
        /// Where to look.
        value: Path,
        /// The greatest number, or the path of it.
        bound: Operand,
        /// What it means if there is none.
        #[serde(default)]
        when_absent: Absence,
    },
    /// Every such date (`YYYY-MM-DD`) lies after this one.
    LaterThan {
        /// Where to look.
        value: Path,
        /// The date, or the path of it.
        than: Operand,
        /// What it means if there is none.
        #[serde(default)]
        when_absent: Absence,
    },
    /// Every one of the first values is among the second ones. Of a collection of the estate,
    /// an absence counts only where the collection was listed completely.
    Listed {
        /// The values that are wanted.
        value: Operand,
        /// Where they must stand.
        r#in: Path,
    },
    /// No such text is one that documentation writes in place of a real one (`111111111111`,
    /// `<ACCOUNT_ID>`, `sha256:placeholder`).
    FilledIn {
        /// Where to look; objects and lists are searched to their leaves.
        value: Path,
        /// What it means if there is none.
        #[serde(default)]
        when_absent: Absence,
    },
    /// These Kubernetes RBAC rules permit all of those.
    Permits {
        /// The rules of a Role or ClusterRole.
        rules: Path,
        /// What must be permitted.
        to: Vec<Permission>,
    },
    /// IAM lets this principal do all of these.
    Allows(Box<Question>),
    /// IAM lets this principal do these only under a condition on one of these keys.
    Limits {
        /// What is asked.
        #[serde(flatten)]
        question: Box<Question>,
        /// The condition keys, of which every value is tried. The first is in every request.
        by: Vec<String>,
    },
    /// IAM keeps this principal from doing any of these.
    Withholds(Box<Question>),
    /// Every action that the policies of these principals name exists, as far as its service is known.
    NamesActions {
        /// The roles and users; those that are not there are left out.
        principals: Vec<Path>,
    },
    /// Every statement that allows something lets some request through.
    GrantsSomething {
        /// The roles and users; those that are not there are left out.
        principals: Vec<Path>,
    },
    /// Of every statement that allows something, the denials in force leave something.
    OutlivesDenials {
        /// The roles and users; those that are not there are left out.
        principals: Vec<Path>,
    },
    /// AWS accepts the policies of these principals as they stand, and they do what they seem to say.
    WellFormed {
        /// The roles and users; those that are not there are left out.
        principals: Vec<Path>,
    },
    /// This role may be assumed by all of these.
    Trusts(Trusted),
    /// This role may be assumed by these and by nobody else.
    TrustsOnly(Trusted),
    /// The service that this role trusts is held to one account or resource by a condition.
    TrustScoped {
        /// The role.
        role: Path,
        /// The service principal.
        service: String,
    },
    /// Callers of these kinds may not assume this role.
    KeepsOut {
        /// The role.
        role: Path,
        /// The kinds.
        callers: Vec<Outsider>,
    },
    /// The pods of these jobs get nodes.
    Fits(Gang),
    /// The pods of these jobs stay within the ResourceQuotas and LimitRanges of their namespace.
    WithinQuota {
        /// The job requests.
        jobs: Path,
        /// The ARN of the cluster.
        cluster: Path,
        /// The namespace.
        namespace: Path,
    },
    /// Pods of these kinds cannot come onto Spot nodes.
    KeepsOffSpot {
        /// The job requests.
        jobs: Path,
        /// The ARN of the cluster.
        cluster: Path,
        /// The kinds.
        roles: Vec<PodRole>,
    },
    /// Images that name an architecture meet no node of another one.
    ArchitectureMatches {
        /// The job requests.
        jobs: Path,
        /// The ARN of the cluster.
        cluster: Path,
    },
}

/// The pods of some jobs, and what of their want of nodes counts.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Gang {
    /// The job requests.
    pub jobs: Path,
    /// The ARN of the cluster.
    pub cluster: Path,
    /// Only these kinds of pods count; all, where none are named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<PodRole>,
    /// Only these wants count; another rule has the others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub short_of: Vec<Binding>,
    /// These wants do not count; other rules have them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub except: Vec<Binding>,
    /// It is not enough that they fit if the scheduler packs well; a shortage is another rule's.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub surely: bool,
    /// It is not enough that they fit if pods of a lower priority are ended for them; a shortage is another rule's.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub sparing: bool,
}

/// What the absence of a value means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Absence {
    /// It cannot be told.
    #[default]
    Unknown,
    /// It is as good as right: what AWS does by default.
    Pass,
    /// It is wrong.
    Fail,
}

/// A value, or where to find it: a text that starts with `$` is a path.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum Operand {
    /// The values at a path.
    At(Path),
    /// The value itself.
    Is(Value),
}

impl<'de> Deserialize<'de> for Operand {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match Value::deserialize(deserializer)? {
            Value::String(text) if text.starts_with('$') => {
                Self::At(Path::new(text).map_err(serde::de::Error::custom)?)
            }
            value => Self::Is(value),
        })
    }
}

/// What a rule of Kubernetes RBAC must permit.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Permission {
    /// API groups, `""` for the core one; each must be permitted.
    pub api_groups: Vec<String>,
    /// Resources; each must be permitted.
    pub resources: Vec<String>,
    /// Verbs; each must be permitted.
    pub verbs: Vec<String>,
}

/// May this principal do this?
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// The role or user.
    pub principal: Path,
    /// The actions; all of them are asked.
    pub actions: Vec<String>,
    /// The resource; what is not known of it stays a hole.
    pub resource: Template,
    /// Condition keys that the service sends, with their values.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub context: BTreeMap<String, Template>,
    /// Only what these policies say, as if the others allowed everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only: Option<Gate>,
}

/// Those of the policies that must let a request through of which alone something is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Gate {
    /// The organization's control policies.
    Organization,
    /// The policy of the bucket or the key.
    Resource,
    /// The principal's own, whosever the resource is.
    Principal,
}

/// Who must be able to assume a role.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Trusted {
    /// The role.
    pub role: Path,
    /// A service principal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// The actions that the service needs; `sts:AssumeRole` if none are named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub actions: Vec<String>,
    /// Kubernetes service accounts by web identity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_accounts: Option<Accounts>,
    /// Services that may get in beside those that are wanted, for `trusts_only`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub expected: Vec<String>,
    /// Only this way of missing the target counts; another rule has the others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub miss: Option<MissKind>,
    /// These ways of missing the target do not count; other rules have them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub except: Vec<MissKind>,
}

/// Kubernetes service accounts of one namespace of one cluster.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Accounts {
    /// The cluster's OIDC issuer, without scheme.
    pub issuer: Path,
    /// The namespace.
    pub namespace: Path,
    /// Their names; without it, those that EMR on EKS makes for the role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub names: Option<Path>,
}

/// A kind of caller that a role should keep out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outsider {
    /// Everybody, in any account.
    Anyone,
    /// Every principal of its own account that has the permission.
    OwnAccount,
    /// Another account.
    OtherAccount,
}
