//! The parts of an Amazon Resource Name.

/// `arn:partition:service:region:account:resource`, split at its first five colons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Arn<'a> {
    pub(crate) partition: &'a str,
    pub(crate) service: &'a str,
    pub(crate) account: &'a str,
    pub(crate) resource: &'a str,
}

impl<'a> Arn<'a> {
    /// The parts of `text`, if it is an ARN.
    pub(crate) fn of(text: &'a str) -> Option<Self> {
        let mut parts = text.splitn(6, ':');
        if parts.next()? != "arn" {
            return None;
        }
        let (partition, service, _region) = (parts.next()?, parts.next()?, parts.next()?);
        Some(Self { partition, service, account: parts.next()?, resource: parts.next()? })
    }
}

/// Whether a text is an account id.
pub(crate) fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}
