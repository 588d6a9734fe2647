//! The parts of an ARN that say whose a thing is.

use serde_json::Value;

/// The parts of an ARN.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Arn<'a> {
    pub(crate) partition: &'a str,
    pub(crate) service: &'a str,
    pub(crate) region: &'a str,
    pub(crate) account: &'a str,
    pub(crate) resource: &'a str,
}

/// The parts of a text that is an ARN.
pub(crate) fn parse(text: &str) -> Option<Arn<'_>> {
    let mut parts = text.splitn(6, ':');
    if parts.next()? != "arn" {
        return None;
    }
    let (partition, service, region, account) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    Some(Arn { partition, service, region, account, resource: parts.next()? })
}

/// The parts of the ARN in a field.
pub(crate) fn field<'a>(item: &'a Value, name: &str) -> Option<Arn<'a>> {
    parse(item.get(name)?.as_str()?)
}

/// Whether a text is an account id.
pub(crate) fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

impl Arn<'_> {
    /// The account, where it is one and not `aws`.
    pub(crate) fn owner(&self) -> Option<String> {
        is_account(self.account).then(|| self.account.to_owned())
    }

    /// Account and region, as coverage names them.
    pub(crate) fn place(&self) -> Option<String> {
        (is_account(self.account) && !self.region.is_empty()).then(|| format!("{}/{}", self.account, self.region))
    }

    /// The EKS cluster to which a node group, add-on, access entry, association or profile belongs.
    pub(crate) fn eks_cluster(&self) -> Option<String> {
        if self.service != "eks" {
            return None;
        }
        let (_, rest) = self.resource.split_once('/')?;
        let name = rest.split('/').next().filter(|name| !name.is_empty())?;
        Some(format!("arn:{}:eks:{}:{}:cluster/{name}", self.partition, self.region, self.account))
    }

    /// The virtual cluster or application of a job run or endpoint.
    pub(crate) fn parent(&self) -> Option<String> {
        let (head, _) = self.resource.split_once("/jobruns/").or_else(|| self.resource.split_once("/endpoints/"))?;
        Some(format!("arn:{}:{}:{}:{}:{head}", self.partition, self.service, self.region, self.account))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts() {
        let nodegroup = parse("arn:aws-cn:eks:cn-north-1:111122223333:nodegroup/spark/ng/1").unwrap();
        assert_eq!(nodegroup.eks_cluster().as_deref(), Some("arn:aws-cn:eks:cn-north-1:111122223333:cluster/spark"));
        assert_eq!(nodegroup.place().as_deref(), Some("111122223333/cn-north-1"));
        let run = parse("arn:aws:emr-containers:us-east-1:111122223333:/virtualclusters/v1/jobruns/j1").unwrap();
        assert_eq!(run.parent().as_deref(), Some("arn:aws:emr-containers:us-east-1:111122223333:/virtualclusters/v1"));
        assert_eq!(parse("arn:aws:iam::aws:policy/X").unwrap().owner(), None);
        assert_eq!(parse("urn:x"), None);
        assert_eq!(parse("arn:aws:iam"), None);
    }
}
