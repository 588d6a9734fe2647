//! An AWS that answers from recorded outputs of the AWS CLI, over HTTP, in the services' own protocols.
//!
//! It knows the calls that sparkcheck makes and no other, gives lists in pages, counts what it is
//! asked, and can be told to answer one operation wrongly.

mod state;
mod wire;

use serde_json::{Value, json};
pub(crate) use state::State;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use wire::{ec2, seconds, xml};

/// How one operation is answered wrongly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Denied,
    Throttled,
    Silent,
    Broken,
    Malformed,
    EmptyPageWithToken,
    TokenRepeats,
    /// The first page is answered, and no other.
    PageLost,
    Skewed,
    /// It is refused with a message that quotes secrets.
    Talkative,
}

/// What a talkative server says.
pub(crate) const SAID: &str = "cannot use AKIAZQ3DUB5HPLANTED1 with --password hunter25planted, \
    ghp_PLANTED07abcdefghijklmnopqrstuvwx or postgresql://me:p@ss/w0rd26planted@db/x";

pub(crate) const FAULTS: [Fault; 10] = [
    Fault::Denied,
    Fault::Throttled,
    Fault::Silent,
    Fault::Broken,
    Fault::Malformed,
    Fault::EmptyPageWithToken,
    Fault::TokenRepeats,
    Fault::PageLost,
    Fault::Skewed,
    Fault::Talkative,
];

/// The lists of which pages are made.
const LISTS: [&str; 25] = [
    "Quotas",
    "PolicyNames",
    "AttachedPolicies",
    "Parents",
    "Subnets",
    "RouteTables",
    "VpcEndpoints",
    "SecurityGroups",
    "clusters",
    "nodegroups",
    "addons",
    "accessEntries",
    "associatedAccessPolicies",
    "associations",
    "fargateProfileNames",
    "virtualClusters",
    "jobRuns",
    "applications",
    "Clusters",
    "InstanceProfiles",
    "RoleDetailList",
    "UserDetailList",
    "GroupDetailList",
    "Policies",
    "SecurityConfigurations",
];

/// How the server behaves, and what it saw.
#[derive(Debug, Default)]
struct Shared {
    state: State,
    page: usize,
    fault: Option<(String, Fault)>,
    refused: Option<&'static str>,
    seen: BTreeMap<(String, String), usize>,
    delay: Duration,
}

/// A running server; it ends with the process.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    pub(crate) url: String,
    shared: Arc<Mutex<Shared>>,
}

impl Server {
    pub(crate) fn start(state: State, page: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let shared = Arc::new(Mutex::new(Shared { state, page, ..Shared::default() }));
        let served = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&served);
                std::thread::spawn(move || {
                    let _ = serve(&stream, &shared);
                });
            }
        });
        Self { url, shared }
    }

    pub(crate) fn fail(&self, fault: Option<(&str, Fault)>) {
        self.shared.lock().unwrap().fault = fault.map(|(operation, fault)| (operation.to_owned(), fault));
    }

    /// Refuses an operation whatever else goes wrong.
    #[allow(dead_code, reason = "not for every test")]
    pub(crate) fn refuse(&self, operation: &'static str) {
        self.shared.lock().unwrap().refused = Some(operation);
    }

    /// Makes every answer take so long.
    #[allow(dead_code, reason = "for the bench")]
    pub(crate) fn slow(&self, delay: Duration) {
        self.shared.lock().unwrap().delay = delay;
    }

    /// How many calls were made since the last time.
    #[allow(dead_code, reason = "not for every test")]
    pub(crate) fn calls(&self) -> usize {
        self.shared.lock().unwrap().seen.values().sum()
    }

    /// What was asked how often since the last time.
    pub(crate) fn seen(&self) -> BTreeMap<(String, String), usize> {
        std::mem::take(&mut self.shared.lock().unwrap().seen)
    }
}

fn serve(stream: &TcpStream, shared: &Mutex<Shared>) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut out = stream;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let target = line.split(' ').nth(1).unwrap_or_default().to_owned();
        let (mut length, mut action) = (0, None);
        loop {
            let mut header = String::new();
            reader.read_line(&mut header)?;
            let Some((name, value)) = header.trim().split_once(':') else { break };
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = value.trim().parse().unwrap_or(0),
                "x-amz-target" => action = Some(value.trim().to_owned()),
                _ => {}
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let request = understood(&target, action.as_deref(), &String::from_utf8_lossy(&body));
        let (status, kind, text) = answer(&request, shared);
        let delay = shared.lock().unwrap().delay;
        std::thread::sleep(delay);
        let Some(text) = text else {
            std::thread::sleep(Duration::from_millis(400));
            return Ok(());
        };
        let head = format!(
            "HTTP/1.1 {status} X\r\nContent-Type: {}\r\n{kind}Content-Length: {}\r\n\r\n",
            if request.is_xml { "text/xml" } else { "application/json" },
            text.len()
        );
        out.write_all(head.as_bytes())?;
        out.write_all(text.as_bytes())?;
        out.flush()?;
    }
}

struct Request {
    operation: String,
    of: String,
    token: Option<String>,
    is_xml: bool,
}

fn unescaped(text: &str) -> String {
    percent_encoding::percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned()
}

/// What a request asks for, of what.
fn understood(target: &str, action: Option<&str>, body: &str) -> Request {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let in_form = |form: &str, key: &str| {
        form.split('&')
            .filter_map(|pair| pair.split_once('='))
            .find(|(name, _)| *name == key)
            .map(|(_, value)| unescaped(value))
    };
    if let Some(action) = action {
        let input: Value = serde_json::from_str(body).unwrap_or_default();
        let text = |key: &str| input[key].as_str().unwrap_or_default();
        if let Some(operation) = action.strip_prefix("AWSOrganizationsV20161128.") {
            let of = format!("{} {}{}{}", text("Filter"), text("TargetId"), text("ChildId"), text("PolicyId"));
            let token = input["NextToken"].as_str().map(str::to_owned);
            let operation = format!("organizations:{operation}");
            return Request { operation, of: of.trim().to_owned(), token, is_xml: false };
        }
        if let Some(operation) = action.strip_prefix("ServiceQuotasV20190624.") {
            let (operation, of) = (format!("service-quotas:{operation}"), text("ServiceCode").to_owned());
            return Request { operation, of, token: input["NextToken"].as_str().map(str::to_owned), is_xml: false };
        }
        let of = ["ClusterId", "Name"].iter().find_map(|key| input[*key].as_str()).unwrap_or_default().to_owned();
        let operation = format!("emr:{}", action.rsplit('.').next().unwrap_or_default());
        return Request { operation, of, token: input["Marker"].as_str().map(str::to_owned), is_xml: false };
    }
    if let Some(action) = in_form(body, "Action") {
        if in_form(body, "Version").as_deref() == Some("2016-11-15") {
            let (operation, token) = (format!("ec2:{action}"), in_form(body, "NextToken"));
            return Request { operation, of: String::new(), token, is_xml: true };
        }
        let service = if action == "GetCallerIdentity" { "sts" } else { "iam" };
        let provider = in_form(body, "OpenIDConnectProviderArn").unwrap_or_default();
        let provider = provider.split_once(":oidc-provider/").map(|(_, url)| url.to_owned());
        let named = ["RoleName", "PolicyName", "PolicyArn", "VersionId"].map(|key| in_form(body, key));
        let of = provider.into_iter().chain(named.into_iter().flatten()).collect::<Vec<_>>().join(" ");
        return Request { operation: format!("{service}:{action}"), of, token: in_form(body, "Marker"), is_xml: true };
    }
    let parts: Vec<String> = path.split('/').skip(1).map(unescaped).collect();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let two = |one: &str, other: &str| format!("{one} {other}");
    let (operation, of) = match parts.as_slice() {
        ["clusters"] => ("eks:ListClusters", String::new()),
        ["clusters", name] => ("eks:DescribeCluster", (*name).to_owned()),
        ["clusters", name, "node-groups"] => ("eks:ListNodegroups", (*name).to_owned()),
        ["clusters", name, "node-groups", item] => ("eks:DescribeNodegroup", two(name, item)),
        ["clusters", name, "addons"] => ("eks:ListAddons", (*name).to_owned()),
        ["clusters", name, "addons", item] => ("eks:DescribeAddon", two(name, item)),
        ["clusters", name, "access-entries"] => ("eks:ListAccessEntries", (*name).to_owned()),
        ["clusters", name, "access-entries", item] => ("eks:DescribeAccessEntry", two(name, item)),
        ["clusters", name, "access-entries", item, "access-policies"] => {
            ("eks:ListAssociatedAccessPolicies", two(name, item))
        }
        ["clusters", name, "pod-identity-associations"] => ("eks:ListPodIdentityAssociations", (*name).to_owned()),
        ["clusters", name, "pod-identity-associations", item] => {
            ("eks:DescribePodIdentityAssociation", two(name, item))
        }
        ["clusters", name, "fargate-profiles", item] => ("eks:DescribeFargateProfile", two(name, item)),
        ["clusters", name, "fargate-profiles"] => ("eks:ListFargateProfiles", (*name).to_owned()),
        ["virtualclusters"] => ("emr-containers:ListVirtualClusters", String::new()),
        ["virtualclusters", id, "jobruns"] => ("emr-containers:ListJobRuns", (*id).to_owned()),
        ["applications"] => ("emr-serverless:ListApplications", String::new()),
        ["applications", id] => ("emr-serverless:GetApplication", (*id).to_owned()),
        ["applications", id, "jobruns"] => ("emr-serverless:ListJobRuns", (*id).to_owned()),
        _ => ("unknown", path.to_owned()),
    };
    Request { operation: operation.to_owned(), of, token: in_form(query, "nextToken"), is_xml: false }
}

/// Status, further headers, and the text; no text means silence.
fn answer(request: &Request, shared: &Mutex<Shared>) -> (u16, String, Option<String>) {
    let mut shared = shared.lock().unwrap();
    let key = (request.operation.clone(), request.of.clone());
    *shared.seen.entry(key.clone()).or_default() += 1;
    let fault = shared.fault.as_ref().filter(|(operation, _)| *operation == request.operation).map(|(_, fault)| *fault);
    let fault = if shared.refused == Some(request.operation.as_str()) { Some(Fault::Denied) } else { fault };
    let action = format!("User: arn:aws:iam::111122223333:user/me is not authorized to perform: {}", request.operation);
    match fault {
        Some(Fault::Denied) => return refused(request, 403, "AccessDenied", &action),
        Some(Fault::Throttled) => return refused(request, 400, "Throttling", "Rate exceeded"),
        Some(Fault::Silent) => return (200, String::new(), None),
        Some(Fault::Talkative) => return refused(request, 400, "ValidationException", SAID),
        Some(Fault::Broken) => return (500, String::new(), Some("<html>oops".to_owned())),
        Some(Fault::Malformed) => return (200, String::new(), Some("{\"clusters\": [<oops".to_owned())),
        Some(Fault::PageLost) if request.token.is_some() => return refused(request, 500, "InternalFailure", "lost"),
        Some(Fault::Skewed) => {
            return refused(
                request,
                403,
                "RequestTimeTooSkewed",
                "The difference between the request time and the current time is too large.",
            );
        }
        _ => {}
    }
    let mut page = match shared.state.outputs.get(&key) {
        Some(output) => output.clone(),
        None => match request.operation.as_str() {
            "emr-containers:ListJobRuns" | "emr-serverless:ListJobRuns" => json!({"jobRuns": []}),
            "eks:ListAssociatedAccessPolicies" => json!({"associatedAccessPolicies": []}),
            "ec2:DescribeSubnets" => json!({"Subnets": []}),
            "ec2:DescribeRouteTables" => json!({"RouteTables": []}),
            "ec2:DescribeVpcEndpoints" => json!({"VpcEndpoints": []}),
            "ec2:DescribeSecurityGroups" => json!({"SecurityGroups": []}),
            "organizations:DescribeOrganization" => {
                return refused(request, 400, "AWSOrganizationsNotInUseException", "not a member");
            }
            "organizations:ListPoliciesForTarget" => json!({"Policies": []}),
            _ if request.is_xml => return refused(request, 404, "NoSuchEntity", "there is none"),
            _ => {
                return refused(request, 404, "ResourceNotFoundException", &format!("there is no {} {}", key.0, key.1));
            }
        },
    };
    let size = if fault == Some(Fault::PageLost) { 1 } else { shared.page };
    let begin: usize = request.token.as_deref().and_then(|token| token.strip_prefix("p-")?.parse().ok()).unwrap_or(0);
    let mut more = false;
    for list in LISTS {
        if let Some(Value::Array(items)) = page.get_mut(list) {
            more |= items.len() > begin + size;
            *items = match fault {
                Some(Fault::EmptyPageWithToken) => Vec::new(),
                _ => items.iter().skip(begin).take(size).cloned().collect(),
            };
        }
    }
    let token = match fault {
        Some(Fault::EmptyPageWithToken | Fault::TokenRepeats) => Some("again".to_owned()),
        _ => more.then(|| format!("p-{}", begin + size)),
    };
    let is_emr = request.operation.starts_with("emr:");
    let is_ec2 = request.operation.starts_with("ec2:");
    if let Some(token) = token {
        let key = match request.is_xml || is_emr {
            _ if is_ec2 => "nextToken",
            _ if request.operation.starts_with("organizations:") => "NextToken",
            _ if request.operation.starts_with("service-quotas:") => "NextToken",
            true => "Marker",
            false => "nextToken",
        };
        page[key] = token.into();
        if request.is_xml && !is_ec2 {
            page["IsTruncated"] = true.into();
        }
    } else if request.is_xml && !is_ec2 && LISTS.iter().any(|list| page.get(*list).is_some()) {
        page["IsTruncated"] = false.into();
    }
    if !request.is_xml {
        if !request.operation.starts_with("emr-containers:") {
            seconds(&mut page);
        }
        return (200, String::new(), Some(page.to_string()));
    }
    let name = request.operation.rsplit(':').next().unwrap_or_default();
    if is_ec2 {
        let mut text =
            format!("<{name}Response xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\"><requestId>r</requestId>");
        ec2(&page, &mut text);
        return (200, String::new(), Some(text + &format!("</{name}Response>")));
    }
    let mut text = format!("<{name}Response xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><{name}Result>");
    xml(&page, &mut text);
    text.push_str(&format!(
        "</{name}Result><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></{name}Response>"
    ));
    (200, String::new(), Some(text))
}

fn refused(request: &Request, status: u16, code: &str, message: &str) -> (u16, String, Option<String>) {
    if request.operation.starts_with("ec2:") {
        let code = if code == "AccessDenied" { "UnauthorizedOperation" } else { code };
        let text = format!(
            "<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors><RequestID>r</RequestID></Response>"
        );
        return (status, String::new(), Some(text));
    }
    if request.is_xml {
        let text = format!(
            "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error><RequestId>r</RequestId></ErrorResponse>"
        );
        return (status, String::new(), Some(text));
    }
    let code = if code.ends_with("Exception") { code.to_owned() } else { format!("{code}Exception") };
    let text = json!({"__type": code, "message": message}).to_string();
    (status, format!("x-amzn-errortype: {code}\r\n"), Some(text))
}
