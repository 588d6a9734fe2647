//! A call that failed: what happened, and what would settle it.

use super::super::calls::{Call, Of, Service};
use crate::read::refusal::Outcome;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::display::DisplayErrorContext;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use std::error::Error;

/// A failed call.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    pub(super) outcome: Outcome,
    /// What happened, said after the name of the call.
    pub(super) why: String,
    /// What would settle it; for a refusal the permission is granted instead.
    pub(super) unblock: String,
    /// Whether it lies in the credentials, so that no other call would do better.
    pub(super) credentials: bool,
}

impl Failure {
    /// It was not answered as this service answers.
    pub(super) fn unreadable(why: &str) -> Self {
        Self::failed(format!("its answer cannot be read: {why}"), "run again; check what stands between here and AWS")
    }

    /// The time of the whole run was up.
    pub(super) fn late() -> Self {
        Self::failed("the time of the run was up".to_owned(), "raise `--timeout`, or name fewer clusters")
    }

    pub(super) fn failed(why: String, unblock: &str) -> Self {
        Self { outcome: Outcome::Failed, why, unblock: unblock.to_owned(), credentials: false }
    }

    /// What the SDK says of a call.
    pub(super) fn of<E>(error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        match error {
            SdkError::ServiceError(refused) => {
                let status = refused.raw().status().as_u16();
                let code = refused.err().code().unwrap_or_default();
                Self::said(code, refused.err().message().unwrap_or_default(), status)
            }
            SdkError::TimeoutError(_) => {
                Self::failed("it was not answered in time".to_owned(), "check the network, and run again")
            }
            SdkError::DispatchFailure(_) => {
                let why =
                    format!("the service cannot be reached: {}", shortened(&DisplayErrorContext(error).to_string()));
                if credential_trouble(&why) {
                    return Self::without_credentials(&why);
                }
                Self::failed(why, "check `--region`, the network and its proxies, and run again")
            }
            SdkError::ResponseError(_) => Self::unreadable("it is not what the service writes"),
            other => {
                let why = shortened(&DisplayErrorContext(other).to_string());
                if credential_trouble(&why) {
                    return Self::without_credentials(&why);
                }
                Self::failed(format!("the call cannot be made: {why}"), "run again")
            }
        }
    }

    fn without_credentials(why: &str) -> Self {
        let unblock = "sign in, or name a profile that has credentials with `--profile`";
        Self { credentials: true, ..Self::failed(format!("there are no credentials for it: {why}"), unblock) }
    }

    /// What the service says.
    fn said(code: &str, message: &str, status: u16) -> Self {
        let has = |words: &[&str]| words.iter().any(|word| code.contains(word));
        let named = if code.is_empty() { format!("status {status}") } else { code.to_owned() };
        let denied = has(&["AccessDenied", "UnauthorizedOperation", "NotAuthorized", "Forbidden"]);
        if denied || (code.is_empty() && status == 403) {
            return Self {
                outcome: Outcome::Denied,
                why: format!("it was refused: {named}"),
                unblock: String::new(),
                credentials: false,
            };
        }
        if has(&["NoSuchEntity", "NotFound", "NoSuch", "OrganizationsNotInUse"]) {
            return Self { outcome: Outcome::Absent, ..Self::failed(format!("there is no such thing: {named}"), "") };
        }
        let message = shortened(message);
        let why = if message.is_empty() { named } else { format!("{named}: {message}") };
        if has(&["Expired", "InvalidClientTokenId", "UnrecognizedClient", "InvalidToken", "AuthFailure"]) {
            let unblock = "sign in again; if the region is new to the account, enable it";
            return Self {
                credentials: true,
                ..Self::failed(format!("the credentials were not accepted: {why}"), unblock)
            };
        }
        if has(&["Skewed", "NotYetValid"]) || (has(&["Signature"]) && message.contains("current")) {
            return Self::failed(format!("the clocks disagree: {why}"), "set the clock of this machine, and run again");
        }
        if has(&["Throttl", "TooManyRequests", "RequestLimitExceeded", "SlowDown"]) || status == 429 {
            let unblock = "run again later, or name fewer clusters";
            return Self::failed(format!("the service kept throttling it: {why}"), unblock);
        }
        Self::failed(format!("it failed: {why}"), "run again")
    }

    /// What happened, with the name of the call.
    pub(super) fn why(&self, call: &Call) -> String {
        format!("the call `{}` was made and {}", call.operation, self.why)
    }

    /// What would settle it.
    pub(super) fn unblock(&self, call: &Call) -> String {
        match self.outcome {
            // A member may be granted it and still not be let.
            Outcome::Denied if call.service == Service::Organizations && call.of != Of::Account => format!(
                "add a `--profile` of the organization's management account that may `{}`, or `--without-organization`",
                call.action
            ),
            Outcome::Denied => format!("grant `{}`", call.action),
            _ => self.unblock.clone(),
        }
    }
}

fn credential_trouble(why: &str) -> bool {
    ["credential", "Credential", "sso", "SSO", "token has expired"].iter().any(|word| why.contains(word))
}

/// One line of at most 300 characters, without what looks secret: services quote what they were given.
fn shortened(text: &str) -> String {
    let text = crate::redact::text(text);
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    line.chars().take(300).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_services_say() {
        for (code, status, outcome, words) in [
            ("AccessDeniedException", 403, Outcome::Denied, "refused"),
            ("AccessDenied", 403, Outcome::Denied, "refused"),
            ("", 403, Outcome::Denied, "refused"),
            ("ResourceNotFoundException", 404, Outcome::Absent, "no such thing"),
            ("NoSuchEntity", 404, Outcome::Absent, "no such thing"),
            ("ThrottlingException", 400, Outcome::Failed, "throttling"),
            ("TooManyRequestsException", 429, Outcome::Failed, "throttling"),
            ("ExpiredToken", 403, Outcome::Failed, "credentials"),
            ("RequestTimeTooSkewed", 403, Outcome::Failed, "clocks"),
            ("InternalFailure", 500, Outcome::Failed, "it failed"),
            ("", 500, Outcome::Failed, "status 500"),
        ] {
            let failure = Failure::said(code, "", status);
            assert_eq!(failure.outcome, outcome, "{code}");
            assert!(failure.why.contains(words), "{code}: {}", failure.why);
        }
        let late = Failure::said("SignatureDoesNotMatch", "Signature expired: 1 is now earlier than 2 (current)", 403);
        assert!(late.why.contains("clocks"), "{}", late.why);
    }
}
