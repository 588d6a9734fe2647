//! An API server that speaks the list protocol over TLS from recorded objects.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// What goes wrong with the lists of a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// 403 with a Status.
    Forbidden,
    /// 403 for all namespaces together, and not for each.
    ForbiddenTogether,
    /// 401.
    Unauthorized,
    /// 404, as for a kind that is not installed.
    NotInstalled,
    /// 404 from something that is no API server.
    NotFoundElsewhere,
    /// 410 for every page but the first, so many times.
    Gone(usize),
    /// 410 for every page, the first too.
    GoneForEver,
    /// 429, so many times.
    Throttled(usize),
    /// 500 for ever.
    Broken,
    /// 500 for ever, with a message that quotes secrets.
    Talkative,
    /// Nothing ever comes.
    Silent,
    /// No JSON.
    Malformed,
    /// JSON that is no list.
    NoList,
    /// A list with an item that has no name.
    Nameless,
    /// The connection ends in the middle of the body.
    CutOff,
    /// The first page is empty and has a token.
    EmptyPage,
    /// The token never changes.
    Circle,
    /// Every page is empty, and names itself as the next one.
    EmptyForEver,
    /// Every page is empty, and names another one.
    EmptyOnAndOn,
    /// The second page is refused.
    SecondRefused,
    /// The second page breaks for ever.
    SecondBroken,
}

/// The state of the server.
#[derive(Default)]
pub(crate) struct State {
    /// By resource: kind, API version and objects. What is not here is not installed.
    pub lists: BTreeMap<String, (String, String, Vec<Value>)>,
    pub fault: Option<(String, Fault)>,
    /// Groups that are installed beside those of the lists.
    pub groups: BTreeSet<String>,
    /// The cluster whose own tokens are taken, as `aws eks get-token` makes them, beside the planted one.
    pub takes_tokens_of: Option<String>,
    /// The path and query of each request.
    pub asked: Vec<String>,
    /// What was accepted for each.
    pub accepted: Vec<String>,
    failed: usize,
}

pub(crate) struct Server {
    pub endpoint: String,
    /// Base64 of the PEM of its authority, as EKS gives it.
    pub authority: String,
    pub state: Arc<Mutex<State>>,
    stopped: Arc<AtomicBool>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.endpoint.trim_start_matches("https://"));
    }
}

pub(crate) const TOKEN: &str = "k8s-aws-v1.planted-bearer-token";

impl Server {
    pub(crate) fn start(state: State) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let leaf = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![leaf.der().clone()], PrivateKeyDer::Pkcs8(key.serialize_der().into()))
            .unwrap();
        let config = Arc::new(config);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("https://{}", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(state));
        let stopped = Arc::new(AtomicBool::new(false));
        let (shared, ended) = (Arc::clone(&state), Arc::clone(&stopped));
        thread::spawn(move || {
            for stream in listener.incoming() {
                if ended.load(Ordering::SeqCst) {
                    break;
                }
                let (config, shared, ended) = (Arc::clone(&config), Arc::clone(&shared), Arc::clone(&ended));
                thread::spawn(move || {
                    let Ok(stream) = stream else { return };
                    stream.set_nodelay(true).unwrap();
                    let connection = ServerConnection::new(config).unwrap();
                    serve(StreamOwned::new(connection, stream), &shared, &ended);
                });
            }
        });
        Self { endpoint, authority: base64(issuer.pem().as_bytes()), state, stopped }
    }
}

/// Whether a token is a question to STS that was signed for this cluster.
fn is_token_of(cluster: &str, token: &str) -> bool {
    let Some(text) = token.strip_prefix("k8s-aws-v1.") else { return false };
    let digits = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let (mut bits, mut count, mut url) = (0u32, 0, String::new());
    for letter in text.bytes() {
        let Some(digit) = digits.iter().position(|digit| *digit == letter) else { return false };
        (bits, count) = ((bits << 6 | digit as u32) & 0xffff, count + 6);
        if count >= 8 {
            count -= 8;
            url.push(char::from((bits >> count) as u8));
        }
    }
    // The name itself is among what is signed, and never in the URL.
    !cluster.is_empty()
        && url.starts_with("https://sts.us-east-1.amazonaws.com/?Action=GetCallerIdentity&")
        && url.contains("X-Amz-SignedHeaders=host%3Bx-k8s-aws-id")
        && url.contains("X-Amz-Expires=60")
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let bits = chunk.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for digit in 0..4 {
            let letter = char::from(DIGITS[(bits >> (18 - 6 * digit) & 63) as usize]);
            out.push(if digit <= chunk.len() { letter } else { '=' });
        }
    }
    out
}

type Stream = StreamOwned<ServerConnection, TcpStream>;

fn serve(mut stream: Stream, state: &Mutex<State>, stopped: &AtomicBool) {
    let mut buffer = Vec::new();
    loop {
        let end = loop {
            if let Some(at) = buffer.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                break at + 4;
            }
            let mut bytes = [0; 4096];
            match stream.read(&mut bytes) {
                Ok(count) if count > 0 => buffer.extend_from_slice(&bytes[..count]),
                _ => return,
            }
        };
        let head = String::from_utf8(buffer.drain(..end).collect()).unwrap();
        let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
        assert!(head.starts_with("GET "), "only reads: {head}");
        let header = |name: &str| {
            head.lines().find_map(|line| {
                let (key, value) = line.split_once(':')?;
                key.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
            })
        };
        let mut locked = state.lock().unwrap();
        locked.asked.push(path.clone());
        locked.accepted.push(header("accept").unwrap_or_default());
        let bearer = header("authorization").unwrap_or_default();
        let known = match &locked.takes_tokens_of {
            Some(cluster) => is_token_of(cluster, bearer.strip_prefix("Bearer ").unwrap_or_default()),
            None => bearer == format!("Bearer {TOKEN}"),
        };
        let answer = if known {
            answer(&path, &header("accept").unwrap_or_default(), &mut locked)
        } else {
            status(401, "Unauthorized")
        };
        drop(locked);
        let Some((code, body, extra)) = answer else {
            // Nothing is said until nobody listens any more.
            while !stopped.load(Ordering::SeqCst) {
                thread::sleep(Duration::from_millis(10));
            }
            return;
        };
        let length = body.len() + if extra == "cut" { 1000 } else { 0 };
        let head = format!(
            "HTTP/1.1 {code} X\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n{}\r\n",
            if extra == "cut" { "" } else { extra }
        );
        let sent = stream.write_all((head + &body).as_bytes()).and_then(|()| stream.flush());
        if sent.is_err() || extra == "cut" {
            return;
        }
    }
}

type Answer = Option<(u16, String, &'static str)>;

fn status(code: u16, message: &str) -> Answer {
    let body = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "code": code});
    Some((code, body.to_string(), ""))
}

fn answer(path: &str, accept: &str, state: &mut State) -> Answer {
    if state.fault == Some(("*".to_owned(), Fault::Silent)) {
        return None;
    }
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let (group, rest) = match parts.as_slice() {
        ["api", "v1", rest @ ..] => ("", rest),
        ["apis", group] => {
            let versions: Vec<&str> = state
                .lists
                .values()
                .filter_map(|(_, version, _)| {
                    version.split_once('/').filter(|(of, _)| of == group).map(|(_, version)| version)
                })
                .collect();
            let beside = state.groups.contains(*group).then_some(&"v1");
            let Some(first) = versions.first().or(beside) else {
                return Some((404, "404 page not found\n".to_owned(), ""));
            };
            let body = json!({"kind": "APIGroup", "apiVersion": "v1", "name": group, "versions": [{"version": first}], "preferredVersion": {"version": first}});
            return Some((200, body.to_string(), ""));
        }
        ["apis", group, _, rest @ ..] => (*group, rest),
        _ => return status(404, "not here"),
    };
    let (resource, namespace) = match rest {
        ["namespaces", namespace, resource] => (*resource, Some(*namespace)),
        [resource] => (*resource, None),
        _ => return status(404, "not here"),
    };
    let parameter = |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
    let limit: usize = parameter("limit").map_or(usize::MAX, |text| text.parse().unwrap());
    let token = parameter("continue").unwrap_or("");
    // Whoever asks must give a token back as it was.
    let start: usize = match token {
        "" => 0,
        token => {
            token.strip_prefix("from%2F").unwrap_or_else(|| panic!("{token}")).trim_end_matches("%3D").parse().unwrap()
        }
    };
    let fault = state.fault.clone().filter(|(of, _)| of == resource || of == "*").map(|(_, fault)| fault);
    let forbidden = format!(
        "{resource} is forbidden: User \"me\" cannot list resource \"{resource}\" in API group \"{group}\" at the cluster scope"
    );
    match fault {
        Some(Fault::Forbidden) => return status(403, &forbidden),
        Some(Fault::ForbiddenTogether) if namespace.is_none() => return status(403, &forbidden),
        Some(Fault::Unauthorized) => return status(401, "Unauthorized"),
        Some(Fault::NotInstalled) => return status(404, "the server could not find the requested resource"),
        Some(Fault::NotFoundElsewhere) => return Some((404, "<html>not here</html>".to_owned(), "")),
        Some(Fault::Gone(times)) if start > 0 && state.failed < times => {
            state.failed += 1;
            return status(410, "The provided continue parameter is too old");
        }
        Some(Fault::GoneForEver) => return status(410, "The provided continue parameter is too old"),
        Some(Fault::Throttled(times)) if state.failed < times => {
            state.failed += 1;
            let (code, body, _) = status(429, "too many requests")?;
            return Some((code, body, "retry-after: 0\r\n"));
        }
        Some(Fault::Talkative) => {
            return status(500, "webhook with token ghp_PLANTED07abcdefghijklmnopqrstuvwx and password=hunter25planted failed");
        }
        Some(Fault::Broken) => return status(500, "etcdserver: leader changed"),
        Some(Fault::Silent) => return None,
        Some(Fault::Malformed) => return Some((200, "{\"kind\": \"PodList\", \"items\": [".to_owned(), "")),
        Some(Fault::NoList) => return Some((200, json!({"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "x"}}).to_string(), "")),
        Some(Fault::Nameless) => return Some((200, json!({"kind": "XList", "apiVersion": "v1", "metadata": {"resourceVersion": "1"}, "items": [{"metadata": {}}]}).to_string(), "")),
        Some(Fault::CutOff) => return Some((200, "{\"kind\": \"PodList\"".to_owned(), "cut")),
        Some(Fault::SecondRefused) if start > 0 => return status(403, &forbidden),
        Some(Fault::SecondBroken) if start > 0 => return status(500, "etcdserver: leader changed"),
        _ => {}
    }
    let Some((kind, version, objects)) = state.lists.get(resource) else {
        return status(404, "the server could not find the requested resource");
    };
    let of: Vec<&Value> = objects
        .iter()
        .filter(|object| namespace.is_none_or(|namespace| object["metadata"]["namespace"] == namespace))
        .collect();
    let empty = match fault {
        Some(Fault::EmptyPage) => start == 0 && token.is_empty(),
        Some(Fault::EmptyForEver | Fault::EmptyOnAndOn) => true,
        _ => false,
    };
    let count = if empty { 0 } else { limit };
    let end = start.saturating_add(count).min(of.len());
    let mut next =
        if end < of.len() || (count == 0 && !of.is_empty()) { format!("from/{end}=") } else { String::new() };
    match fault {
        Some(Fault::Circle | Fault::EmptyForEver) => next = "from/0=".to_owned(),
        Some(Fault::EmptyOnAndOn) => next = format!("from/{}=", start + 1),
        _ => {}
    }
    let partial = accept.starts_with("application/json;as=PartialObjectMetadataList");
    let items: Vec<Value> = of[start.min(end)..end]
        .iter()
        .map(|object| {
            if partial {
                return json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": object["metadata"]});
            }
            let mut object = (*object).clone();
            // Typed lists of the server's own kinds do not repeat kind and version.
            if !version.contains("spark") && !version.contains("karpenter") {
                object.as_object_mut().unwrap().retain(|key, _| key != "kind" && key != "apiVersion");
            }
            object
        })
        .collect();
    let (kind, version) = if partial {
        ("PartialObjectMetadataList", "meta.k8s.io/v1")
    } else {
        (&*format!("{kind}List"), version.as_str())
    };
    let body = json!({"kind": kind, "apiVersion": version, "metadata": {"resourceVersion": "4711", "continue": next}, "items": items});
    Some((200, body.to_string(), ""))
}
