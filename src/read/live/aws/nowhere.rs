//! A host that does not exist is not asked again.
//!
//! A region that is misspelt has no host, and no waiting brings it about; a name server that is busy may
//! answer the next time.

use aws_smithy_runtime_api::client::interceptors::context::InterceptorContext;
use aws_smithy_runtime_api::client::retries::classifiers::{ClassifyRetry, RetryAction, RetryClassifierPriority};
use aws_smithy_types::error::display::DisplayErrorContext;

/// Forbids repetitions of what was asked of nobody.
#[derive(Debug)]
pub(super) struct Nowhere;

impl ClassifyRetry for Nowhere {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let error = context.output_or_error().and_then(Result::err).and_then(|error| error.as_connector_error());
        match error {
            Some(error) if says_so(&DisplayErrorContext(error).to_string()) => RetryAction::RetryForbidden,
            _ => RetryAction::NoActionIndicated,
        }
    }

    fn name(&self) -> &'static str {
        "Nowhere"
    }

    fn priority(&self) -> RetryClassifierPriority {
        RetryClassifierPriority::run_after(RetryClassifierPriority::transient_error_classifier())
    }
}

/// What systems say of a name that no host has: Linux, macOS, Windows.
fn says_so(error: &str) -> bool {
    ["Name or service not known", "nodename nor servname provided", "No such host is known"]
        .iter()
        .any(|words| error.contains(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_name_server_is_asked_again() {
        assert!(says_so("dns error: failed to lookup address information: Name or service not known"));
        assert!(!says_so("dns error: failed to lookup address information: Temporary failure in name resolution"));
    }
}
