//! Calls that failed: what the AWS command line and kubectl print instead of an answer.

use crate::arn::Arn;
use crate::estate::COLLECTIONS;
use regex_lite::Regex;
use std::sync::LazyLock;

/// A call that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// The collections that the call would have listed.
    pub(crate) collections: Vec<String>,
    /// What was asked for: an operation, or a resource of Kubernetes.
    pub(crate) call: String,
    /// What happened.
    pub(crate) why: String,
    /// What to do about it.
    pub(crate) unblock: String,
    /// An ARN in the text that says where.
    pub(crate) arn: Option<String>,
    /// The namespace that was asked about.
    pub(crate) namespace: Option<String>,
    /// How it failed.
    pub(crate) outcome: Outcome,
    /// The line on which it stands.
    pub(crate) line: usize,
}

/// How a call failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The permission was missing.
    Denied,
    /// It never got an answer.
    Failed,
    /// It was answered: there is no such thing.
    Absent,
}

/// Operations that list a collection under another name than the permission that the collection is known by.
const OPERATIONS: &[(&str, &[&str])] = &[
    ("GetAccountAuthorizationDetails", &["iam.roles", "iam.users", "iam.groups", "iam.policies"]),
    ("ListRoles", &["iam.roles"]),
    ("ListUsers", &["iam.users"]),
    ("ListGroups", &["iam.groups"]),
    ("ListPolicies", &["iam.policies"]),
    ("ListTargetsForPolicy", &["organizations.targets"]),
    ("ListParents", &["organizations.targets"]),
    ("DescribeOrganization", &["organizations.targets"]),
];

macro_rules! pattern {
    ($name:ident, $text:literal) => {
        static $name: LazyLock<Regex> = LazyLock::new(|| Regex::new($text).unwrap());
    };
}

pattern!(AWS_ERROR, r"An error occurred \((\w+)\) when calling the (\w+) operation(?: \([^)\n]{0,60}\))?: ?([^\n]*)");
pattern!(ACTION, r"not authorized to perform:? ([a-z0-9-]+:[A-Za-z]+)");
pattern!(RESOURCE_ARN, r"on resource: (arn:[^\s]+)");
pattern!(ANY_ARN, r"arn:aws[a-z-]*:[a-z0-9-]+:[a-z0-9-]*:\d{12}:[^\s]+");
pattern!(
    FORBIDDEN,
    r#"(\S+) is forbidden: User "[^"\n]*" cannot (\w+) resource "([^"\n]+)" in API group "([^"\n]*)"(?: in the namespace "([^"\n]+)")?"#
);
pattern!(NO_RESOURCE_TYPE, r#"the server doesn't have a resource type "([^"\n]+)""#);
pattern!(
    NO_ANSWER,
    r"(Could not connect to the endpoint URL[^\n]*|Unable to locate credentials[^\n]*|The config profile \([^)\n]*\) could not be found|Error loading SSO Token[^\n]*|The SSO session[^\n]*expired[^\n]*|Token has expired[^\n]*|Unable to connect to the server[^\n]*|You must be logged in to the server[^\n]*|The connection to the server [^\n]* was refused[^\n]*)"
);

/// Words of which each of the patterns above has at least one.
const SIGNS: [&str; 11] = [
    "An error occurred",
    "is forbidden",
    "doesn't have a resource type",
    "Could not connect",
    "Unable to ",
    "The config profile",
    "Error loading SSO Token",
    "The SSO session",
    "Token has expired",
    "You must be logged in",
    "The connection to the server",
];

/// The failed calls of which a text tells.
pub(crate) fn find(text: &str) -> Vec<Refusal> {
    let line = |at: usize| text.get(..at).unwrap_or_default().matches('\n').count() + 1;
    let mut found = Vec::new();
    // Nearly every text is no such message, and a search for words is cheap.
    if !SIGNS.iter().any(|sign| text.contains(sign)) {
        return found;
    }
    for captures in AWS_ERROR.captures_iter(text) {
        let part = |index: usize| captures.get(index).map_or("", |part| part.as_str());
        let at = captures.get(0).map_or(0, |whole| whole.start());
        let mut refusal = aws(part(1), part(2), part(3));
        refusal.line = line(at);
        found.push(refusal);
    }
    for captures in FORBIDDEN.captures_iter(text) {
        let part = |index: usize| captures.get(index).map_or("", |part| part.as_str());
        let (verb, resource, group) = (part(2), part(3), part(4));
        let namespace = captures.get(5).map(|namespace| namespace.as_str().to_owned());
        let full = if group.is_empty() { resource.to_owned() } else { format!("{resource}.{group}") };
        found.push(Refusal {
            collections: if verb == "list" { kubernetes_collections(resource) } else { Vec::new() },
            call: format!("{verb} {full}"),
            why: format!("the cluster refused to {verb} `{full}`"),
            unblock: format!(
                "grant `{verb}` on `{full}`{}",
                match &namespace {
                    Some(namespace) => format!(" in the namespace `{namespace}`"),
                    None => " in the whole cluster".to_owned(),
                }
            ),
            arn: None,
            namespace,
            outcome: Outcome::Denied,
            line: line(captures.get(0).map_or(0, |whole| whole.start())),
        });
    }
    for captures in NO_RESOURCE_TYPE.captures_iter(text) {
        let resource = captures.get(1).map_or("", |part| part.as_str());
        found.push(Refusal {
            collections: kubernetes_collections(resource.split('.').next().unwrap_or_default()),
            call: format!("list {resource}"),
            why: format!("the cluster has no resource `{resource}`"),
            unblock: String::new(),
            arn: None,
            namespace: None,
            outcome: Outcome::Absent,
            line: line(captures.get(0).map_or(0, |whole| whole.start())),
        });
    }
    for whole in NO_ANSWER.find_iter(text) {
        let words: String = whole.as_str().chars().take(200).collect();
        found.push(Refusal {
            collections: Vec::new(),
            call: "the command".to_owned(),
            why: format!("the command got no answer: {words}"),
            unblock: "sign in again, check the network, and export again".to_owned(),
            arn: None,
            namespace: None,
            outcome: Outcome::Failed,
            line: line(whole.start()),
        });
    }
    found
}

fn aws(code: &str, operation: &str, message: &str) -> Refusal {
    let action = ACTION.captures(message).and_then(|captures| captures.get(1)).map(|action| action.as_str().to_owned());
    let arns = || RESOURCE_ARN.captures_iter(message).filter_map(|captures| captures.get(1)).map(|arn| arn.as_str());
    let clean = |text: &str| text.trim_end_matches(['.', ',', ';']).to_owned();
    let resource = arns().next().filter(|text| Arn::parse(text).is_some_and(|arn| arn.owner().is_some())).map(clean);
    let arn = resource.or_else(|| ANY_ARN.find(message).map(|found| clean(found.as_str())));
    let denied = ["AccessDenied", "Unauthorized", "NotAuthorized", "Forbidden"].iter().any(|word| code.contains(word));
    let alone = code.contains("OrganizationsNotInUse");
    let absent = alone || ["NoSuchEntity", "NotFound", "NoSuch"].iter().any(|word| code.contains(word));
    let outcome = if denied {
        Outcome::Denied
    } else if absent {
        Outcome::Absent
    } else {
        Outcome::Failed
    };
    let service = action.as_deref().and_then(|action| action.split_once(':')).map(|(service, _)| service.to_owned());
    let collections =
        if absent && !alone { Vec::new() } else { aws_collections(operation, service.as_deref(), arn.as_deref()) };
    let permission =
        action.unwrap_or_else(|| match collections.first().and_then(|name| crate::estate::collection(name)) {
            Some(collection) => {
                let service = collection.action.split_once(':').map_or("", |(service, _)| service);
                format!("{service}:{operation}")
            }
            None => operation.to_owned(),
        });
    let short: String = message.chars().take(300).collect();
    Refusal {
        collections,
        call: operation.to_owned(),
        why: match outcome {
            Outcome::Denied => format!("the call `{operation}` was refused: {code}"),
            Outcome::Failed | Outcome::Absent => format!("the call `{operation}` failed: {code}: {short}"),
        },
        unblock: match outcome {
            Outcome::Denied => format!("grant `{permission}`"),
            _ if code.contains("Expired") => "sign in again and export again".to_owned(),
            _ if code.contains("Throttl") || code.contains("TooManyRequests") => {
                "export again later, or with fewer calls at a time".to_owned()
            }
            _ => format!("run the command of `{operation}` again"),
        },
        arn,
        namespace: None,
        outcome,
        line: 1,
    }
}

/// The collections that an operation lists.
fn aws_collections(operation: &str, service: Option<&str>, arn: Option<&str>) -> Vec<String> {
    if operation == "ListPolicies" && service == Some("organizations") {
        return vec!["organizations.policies".to_owned()];
    }
    if let Some((_, names)) = OPERATIONS.iter().find(|(name, _)| *name == operation) {
        return names.iter().map(|name| (*name).to_owned()).collect();
    }
    let services = [service, arn.and_then(Arn::parse).map(|arn| arn.service)];
    let listed: Vec<(&str, &str)> = COLLECTIONS
        .iter()
        .filter_map(|collection| {
            let (service, name) = collection.action.split_once(':')?;
            (name == operation).then_some((service, collection.name))
        })
        .collect();
    let matching = |wanted: &str| {
        listed.iter().filter(|(of, _)| *of == wanted).map(|(_, name)| (*name).to_owned()).collect::<Vec<_>>()
    };
    for wanted in services.into_iter().flatten() {
        let names = matching(wanted);
        if !names.is_empty() {
            return names;
        }
    }
    // Without a service in the text, an operation that only one service has is still clear.
    match listed.as_slice() {
        [(_, name)] => vec![(*name).to_owned()],
        _ => Vec::new(),
    }
}

/// The collections of a resource of Kubernetes.
fn kubernetes_collections(resource: &str) -> Vec<String> {
    COLLECTIONS
        .iter()
        .filter(|collection| {
            collection.name.starts_with("kubernetes.")
                && collection.action.strip_prefix("list ").and_then(|rest| rest.split('.').next()) == Some(resource)
        })
        .map(|collection| collection.name.to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_commands_print() {
        let cases = [
            (
                "\nAn error occurred (AccessDenied) when calling the ListOpenIDConnectProviders operation: User: arn:aws:sts::787587782916:assumed-role/Dev/me is not authorized to perform: iam:ListOpenIDConnectProviders on resource: arn:aws:iam::787587782916:oidc-provider/* because no identity-based policy allows it\n",
                vec!["iam.openIDConnectProviders"],
                "grant `iam:ListOpenIDConnectProviders`",
                Some("arn:aws:iam::787587782916:oidc-provider/*"),
                Outcome::Denied,
                2,
            ),
            (
                "An error occurred (AccessDeniedException) when calling the ListClusters operation: User: arn:aws:iam::111122223333:user/me is not authorized to perform: eks:ListClusters on resource: arn:aws:eks:us-east-1:111122223333:cluster/*",
                vec!["eks.clusters"],
                "grant `eks:ListClusters`",
                Some("arn:aws:eks:us-east-1:111122223333:cluster/*"),
                Outcome::Denied,
                1,
            ),
            (
                "Error from server (Forbidden): roles.rbac.authorization.k8s.io is forbidden: User \"me\" cannot list resource \"roles\" in API group \"rbac.authorization.k8s.io\" in the namespace \"spark\"",
                vec!["kubernetes.roles"],
                "grant `list` on `roles.rbac.authorization.k8s.io` in the namespace `spark`",
                None,
                Outcome::Denied,
                1,
            ),
            (
                "An error occurred (ExpiredToken) when calling the ListRoles operation: The security token included in the request is expired",
                vec!["iam.roles"],
                "sign in again and export again",
                None,
                Outcome::Failed,
                1,
            ),
            (
                "error: the server doesn't have a resource type \"sparkapplications\"",
                vec!["kubernetes.sparkApplications"],
                "",
                None,
                Outcome::Absent,
                1,
            ),
        ];
        for (text, collections, unblock, arn, outcome, line) in cases {
            let found = find(text);
            let [refusal] = found.as_slice() else { panic!("{text}: {found:?}") };
            assert_eq!(refusal.collections, collections, "{text}");
            assert_eq!((refusal.unblock.as_str(), refusal.arn.as_deref()), (unblock, arn), "{text}");
            assert_eq!((refusal.outcome, refusal.line), (outcome, line), "{text}");
        }
        assert_eq!(find("all is well"), []);
    }
}
