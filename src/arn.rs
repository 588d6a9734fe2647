//! The parts of an ARN.

/// `arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE`, split at its first five colons.
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

    /// The account, where it is one and not `aws`.
    #[must_use]
    pub fn owner(&self) -> Option<String> {
        is_account(self.account).then(|| self.account.to_owned())
    }

    /// The account and region as coverage names them.
    #[must_use]
    pub fn regional_scope(&self) -> String {
        format!("{}/{}", self.account, self.region)
    }

    /// The same, where both are known.
    #[must_use]
    pub fn place(&self) -> Option<String> {
        (is_account(self.account) && !self.region.is_empty()).then(|| self.regional_scope())
    }

    /// The EKS cluster to which a node group, add-on, access entry, association or profile belongs.
    #[must_use]
    pub fn eks_cluster(&self) -> Option<String> {
        if self.service != "eks" {
            return None;
        }
        let (_, rest) = self.resource.split_once('/')?;
        let name = rest.split('/').next().filter(|name| !name.is_empty())?;
        Some(format!("arn:{}:eks:{}:{}:cluster/{name}", self.partition, self.region, self.account))
    }

    /// The virtual cluster or application of a job run or endpoint; the service of a quota that is an account's own.
    #[must_use]
    pub fn parent(&self) -> Option<String> {
        if self.service == "servicequotas" {
            let (code, _) = self.resource.split_once('/').filter(|_| is_account(self.account))?;
            return Some(format!("arn:{}:servicequotas:{}:{}:{code}", self.partition, self.region, self.account));
        }
        let (head, _) = self.resource.split_once("/jobruns/").or_else(|| self.resource.split_once("/endpoints/"))?;
        Some(format!("arn:{}:{}:{}:{}:{head}", self.partition, self.service, self.region, self.account))
    }
}

/// The partition in which a region is.
#[must_use]
pub fn partition_of(region: &str) -> &'static str {
    match region {
        region if region.starts_with("cn-") => "aws-cn",
        region if region.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    }
}

/// Whether a text is an account id.
#[must_use]
pub fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The name of the role or user in an IAM ARN, without its path.
#[must_use]
pub fn role_name(arn: &str) -> Option<&str> {
    let arn = Arn::parse(arn)?;
    let (kind, name) = arn.resource.split_once('/')?;
    let named = arn.service == "iam" && matches!(kind, "role" | "user");
    named.then(|| last_segment(name)).filter(|name| !name.is_empty())
}

/// What stands after the last slash; slashes in the name of a hole (`${examples/x:var.name}`) do not count.
#[must_use]
pub fn last_segment(text: &str) -> &str {
    let mut start = 0;
    let mut depth = 0_u32;
    let mut before = ' ';
    for (at, letter) in text.char_indices() {
        match letter {
            '{' if before == '$' || depth > 0 => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            '/' if depth == 0 => start = at + 1,
            _ => {}
        }
        before = letter;
    }
    text.get(start..).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_and_names() {
        let arn = Arn::parse("arn:aws:emr-containers:us-east-1:787587782916:/virtualclusters/x").unwrap();
        assert_eq!((arn.region, arn.resource), ("us-east-1", "/virtualclusters/x"));
        assert_eq!(role_name("arn:aws:iam::1:role/a/b/Name"), Some("Name"));
        assert_eq!(role_name("arn:aws:iam::1:role/a/${x/y:var.b}-c"), Some("${x/y:var.b}-c"));
        assert_eq!(role_name("arn:aws:iam::1:role/${x/y"), Some("${x/y"));
        for broken in ["", "arn", "arn:aws:iam::1", "x:aws:iam::1:role/a", "arn::iam::1:role/a", "arn:aws:iam::1:"] {
            assert_eq!(Arn::parse(broken), None, "{broken}");
        }
        for other in ["arn:aws:iam::1:role/", "arn:aws:s3:::role/a", "arn:aws:iam::1:policy/a"] {
            assert_eq!(role_name(other), None, "{other}");
        }
    }

    #[test]
    fn whose_a_thing_is() {
        let nodegroup = Arn::parse("arn:aws-cn:eks:cn-north-1:111122223333:nodegroup/spark/ng/1").unwrap();
        assert_eq!(nodegroup.eks_cluster().as_deref(), Some("arn:aws-cn:eks:cn-north-1:111122223333:cluster/spark"));
        assert_eq!(nodegroup.place().as_deref(), Some("111122223333/cn-north-1"));
        let run = Arn::parse("arn:aws:emr-containers:us-east-1:111122223333:/virtualclusters/v1/jobruns/j1").unwrap();
        assert_eq!(run.parent().as_deref(), Some("arn:aws:emr-containers:us-east-1:111122223333:/virtualclusters/v1"));
        let quota = Arn::parse("arn:aws:servicequotas:us-east-1:111122223333:ec2/L-1216C47A").unwrap();
        assert_eq!(quota.parent().as_deref(), Some("arn:aws:servicequotas:us-east-1:111122223333:ec2"));
        let default = Arn::parse("arn:aws:servicequotas:us-east-1::ec2/L-1216C47A").unwrap();
        assert_eq!(default.parent(), None);
        assert_eq!(Arn::parse("arn:aws:iam::aws:policy/X").unwrap().owner(), None);
    }
}
