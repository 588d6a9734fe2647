//! Why a list could not be read, and what to do about it.

use crate::estate::Collection;
use std::error::Error;

/// What went wrong with a request, in words for the user.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Failure {
    /// Of what kind it is.
    pub(super) kind: Kind,
    /// What happened.
    pub why: String,
    /// What would mend it.
    pub unblock: String,
}

/// Kinds of failures, by what follows from them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// Nobody answers, or somebody whom we do not believe.
    Unreachable,
    /// The server does not know who asks.
    Unknown,
    /// The server knows, and does not permit it.
    Denied,
    /// An answer, or a part of it, did not come or cannot be read.
    Lost,
}

impl Kind {
    /// Whether it keeps everything in the cluster from being read.
    pub(super) fn is_common(self) -> bool {
        matches!(self, Self::Unreachable | Self::Unknown)
    }
}

impl Failure {
    pub(super) fn of(kind: Kind, why: String, unblock: String) -> Self {
        Self { kind, why, unblock }
    }

    /// The failure of a list: what is not permitted is named.
    pub(super) fn about(self, collection: &Collection) -> Self {
        if self.kind != Kind::Denied {
            return self;
        }
        let action = collection.action.strip_prefix("list ").unwrap_or(collection.action);
        let unblock =
            format!("grant `list` on `{action}` in all namespaces; `sparkcheck permissions` prints the ClusterRole");
        Self { unblock, ..self }
    }

    /// A server with which nothing could be exchanged.
    pub(super) fn unreachable(server: &str, why: &str) -> Self {
        let unblock = "run it where the cluster's endpoint can be reached, such as inside its VPC or over a VPN, \
                       or add what `kubectl get … -o json` prints there to the inputs";
        Self::of(
            Kind::Unreachable,
            format!("the API server at `{server}` cannot be reached: {why}"),
            unblock.to_owned(),
        )
    }

    /// Credentials that could not be had.
    pub(super) fn credentials(why: &str) -> Self {
        let unblock = "sign in again, and see that the kubeconfig's command works by itself".to_owned();
        Self::of(Kind::Unknown, format!("there are no credentials for the cluster: {why}"), unblock)
    }

    /// A 401.
    pub(super) fn unauthenticated() -> Self {
        let unblock = "sign in again; if that does not help, give this identity an access entry: \
                       `aws eks create-access-entry --cluster-name NAME --principal-arn ARN`";
        Self::of(
            Kind::Unknown,
            "the cluster does not accept the token (401 Unauthorized)".to_owned(),
            unblock.to_owned(),
        )
    }

    /// What the client says of a request that got no answer.
    pub(super) fn of_client(server: &str, error: &kube::Error) -> Self {
        match error {
            kube::Error::Auth(error) => Self::credentials(&innermost(error)),
            error => Self::unreachable(server, &innermost(error)),
        }
    }
}

/// What is at the bottom of an error, which is what happened.
pub(in crate::read::live) fn innermost(error: &(dyn Error + 'static)) -> String {
    let mut innermost = error;
    for _ in 0..16 {
        match innermost.source() {
            Some(source) => innermost = source,
            None => break,
        }
    }
    // Messages of the system end in what only it understands.
    let text = innermost.to_string();
    let text = text.split(" (os error").next().unwrap_or_default().to_owned();
    text.trim_end_matches('.').to_owned()
}
