//! The parts of an ARN.

/// `arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arn<'t> {
    /// `aws`, `aws-cn`, `aws-us-gov`.
    pub partition: &'t str,
    /// `iam`, `eks`.
    pub service: &'t str,
    /// Empty for services without regions.
    pub region: &'t str,
    /// Twelve digits; empty or `aws` for some resources.
    pub account: &'t str,
    /// Everything after the fifth colon.
    pub resource: &'t str,
}

impl<'t> Arn<'t> {
    /// The parts of `text`, if it has the form of an ARN.
    #[must_use]
    pub fn parse(text: &'t str) -> Option<Self> {
        let mut parts = text.splitn(6, ':');
        if parts.next()? != "arn" {
            return None;
        }
        let arn = Self {
            partition: parts.next()?,
            service: parts.next()?,
            region: parts.next()?,
            account: parts.next()?,
            resource: parts.next()?,
        };
        (!arn.partition.is_empty() && !arn.service.is_empty() && !arn.resource.is_empty()).then_some(arn)
    }

    /// The account and region as coverage names them.
    #[must_use]
    pub fn regional_scope(&self) -> String {
        format!("{}/{}", self.account, self.region)
    }
}

/// The name of the role or user in an IAM ARN, without its path.
#[must_use]
pub fn role_name(arn: &str) -> Option<&str> {
    let arn = Arn::parse(arn)?;
    let (kind, name) = arn.resource.split_once('/')?;
    let named = arn.service == "iam" && matches!(kind, "role" | "user");
    named.then(|| name.rsplit('/').next()).flatten().filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_and_names() {
        let arn = Arn::parse("arn:aws:emr-containers:us-east-1:787587782916:/virtualclusters/x").unwrap();
        assert_eq!((arn.region, arn.resource), ("us-east-1", "/virtualclusters/x"));
        assert_eq!(role_name("arn:aws:iam::1:role/a/b/Name"), Some("Name"));
        for broken in ["", "arn", "arn:aws:iam::1", "x:aws:iam::1:role/a", "arn::iam::1:role/a", "arn:aws:iam::1:"] {
            assert_eq!(Arn::parse(broken), None, "{broken}");
        }
        for other in ["arn:aws:iam::1:role/", "arn:aws:s3:::role/a", "arn:aws:iam::1:policy/a"] {
            assert_eq!(role_name(other), None, "{other}");
        }
    }
}
