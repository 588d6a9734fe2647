//! How the API server of a cluster is reached, and as whom.
//!
//! By what EKS says of the cluster, with a token that is a signed question to STS, as
//! `aws eks get-token` makes it; or by a kubeconfig, with whatever that names.

use super::failure::{Failure, Kind, innermost};
use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign};
use aws_sigv4::sign::v4;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use kube::config::{AuthInfo, Config, KubeConfigOptions, Kubeconfig};
use secrecy::SecretString;
use std::path::Path;
use std::time::{Duration, SystemTime};

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(10);

/// How long the signed question may be asked; the cluster takes a token somewhat longer.
const EXPIRES: Duration = Duration::from_secs(60);

/// The API server of one cluster.
#[derive(Clone, Debug)]
pub struct Access {
    /// The ARN of the cluster.
    pub cluster: String,
    config: Result<Config, Failure>,
}

/// A cluster as EKS describes it.
#[derive(Clone, Debug)]
pub struct Described<'a> {
    /// Its ARN.
    pub arn: &'a str,
    /// Its name.
    pub name: &'a str,
    /// Its region.
    pub region: &'a str,
    /// The URL of its API server.
    pub endpoint: &'a str,
    /// The certificate of the authority that signs the server's, base64 of PEM.
    pub certificate_authority: &'a str,
}

impl Access {
    /// Through what EKS says of the cluster, as whoever has these credentials.
    #[must_use]
    pub fn of_cluster(cluster: &Described<'_>, credentials: &Credentials, now: SystemTime) -> Self {
        let config = token(cluster, credentials, now)
            .map_err(|why| Failure::credentials(&why))
            .and_then(|token| direct(cluster.endpoint, cluster.certificate_authority, token));
        Self { cluster: cluster.arn.to_owned(), config }
    }

    /// With a token that is at hand.
    #[must_use]
    pub fn of_token(arn: &str, endpoint: &str, certificate_authority: &str, token: &str) -> Self {
        Self { cluster: arn.to_owned(), config: direct(endpoint, certificate_authority, token.to_owned().into()) }
    }

    /// For a cluster to which there is no way.
    #[must_use]
    pub fn none(arn: &str, why: &str, unblock: &str) -> Self {
        let failure = Failure::of(Kind::Unreachable, why.to_owned(), unblock.to_owned());
        Self { cluster: arn.to_owned(), config: Err(failure) }
    }

    /// Through a context of a kubeconfig (the current one without a name) of the file, or of those that
    /// `KUBECONFIG` names. The cluster is the one of `arn`, or what the kubeconfig says of it.
    ///
    /// # Errors
    /// If there is no such file or context, or nothing says which EKS cluster it is.
    pub async fn of_context(file: Option<&Path>, context: Option<&str>, arn: Option<&str>) -> Result<Self, Failure> {
        let broken = |error: kube::config::KubeconfigError| {
            let why = format!("the kubeconfig cannot be used: {}", innermost(&error));
            Failure::of(Kind::Unreachable, why, "write it with `aws eks update-kubeconfig --name NAME`".to_owned())
        };
        let kubeconfig = match file {
            Some(file) => Kubeconfig::read_from(file),
            None => Kubeconfig::read(),
        };
        let kubeconfig = kubeconfig.map_err(broken)?;
        let arn = arn.map(str::to_owned).or_else(|| cluster_of(&kubeconfig, context));
        let options = KubeConfigOptions { context: context.map(str::to_owned), ..KubeConfigOptions::default() };
        let config = Config::from_custom_kubeconfig(kubeconfig, &options).await.map_err(broken)?;
        let Some(cluster) = arn else {
            let why = "the kubeconfig does not say which EKS cluster it leads to".to_owned();
            return Err(Failure::of(Kind::Unreachable, why, "name the cluster by its ARN with `--cluster`".to_owned()));
        };
        Ok(Self { cluster, config: Ok(prudent(config)) })
    }

    /// The host of the API server, as it is shown.
    #[must_use]
    pub fn server(&self) -> String {
        let uri = self.config.as_ref().ok().and_then(|config| config.cluster_url.authority());
        uri.map_or_else(|| "unknown".to_owned(), |authority| authority.host().to_owned())
    }

    pub(super) fn client(&self) -> Result<kube::Client, Failure> {
        let config = self.config.clone()?;
        kube::Client::try_from(config).map_err(|error| match &error {
            kube::Error::Auth(error) => Failure::credentials(&innermost(error)),
            error => {
                let why = format!("the API server at `{}` cannot be reached: {}", self.server(), innermost(error));
                Failure::of(
                    Kind::Unreachable,
                    why,
                    "see that endpoint and certificate authority are the cluster's own".to_owned(),
                )
            }
        })
    }
}

/// What does not wait for ever, nor asks again on its own.
fn prudent(config: Config) -> Config {
    let mut config = config;
    config.connect_timeout = Some(CONNECT);
    config.default_retry = false;
    config
}

fn direct(endpoint: &str, certificate_authority: &str, token: SecretString) -> Result<Config, Failure> {
    let wrong = |why: String| Failure::of(Kind::Unreachable, why, "describe the cluster again".to_owned());
    let url: http::Uri = endpoint.parse().map_err(|_| wrong(format!("`{endpoint}` is no address of an API server")))?;
    // A token goes to nobody who does not prove to be the cluster.
    if url.scheme_str() != Some("https") {
        return Err(wrong(format!("`{endpoint}` is no address that begins with `https://`")));
    }
    let certificate = STANDARD.decode(certificate_authority.trim()).ok();
    let certificate = certificate.as_deref().and_then(|pem| pem_certificates(pem).filter(|found| !found.is_empty()));
    let Some(certificates) = certificate else {
        return Err(wrong("the certificate authority of the cluster cannot be read".to_owned()));
    };
    let mut config = Config::new(url);
    config.root_cert = Some(certificates);
    config.auth_info = AuthInfo { token: Some(token), ..AuthInfo::default() };
    Ok(prudent(config))
}

/// The certificates in a PEM text, decoded.
fn pem_certificates(pem: &[u8]) -> Option<Vec<Vec<u8>>> {
    let text = std::str::from_utf8(pem).ok()?;
    let mut found = Vec::new();
    for part in text.split("-----BEGIN CERTIFICATE-----").skip(1) {
        let body: String = part.split("-----END").next()?.split_whitespace().collect();
        found.push(STANDARD.decode(body).ok()?);
    }
    Some(found)
}

/// The ARN of the cluster to which a context leads: `aws eks update-kubeconfig` names it so.
fn cluster_of(kubeconfig: &Kubeconfig, context: Option<&str>) -> Option<String> {
    let name = context.or(kubeconfig.current_context.as_deref())?;
    let context = kubeconfig.contexts.iter().find(|named| named.name == name)?.context.as_ref()?;
    [context.cluster.as_str(), name].into_iter().find(|name| is_cluster(name)).map(str::to_owned)
}

fn is_cluster(text: &str) -> bool {
    crate::arn::Arn::parse(text).is_some_and(|arn| arn.service == "eks" && arn.resource.starts_with("cluster/"))
}

/// The token that EKS takes: a signed URL that asks STS who signed it, for this cluster alone.
pub(super) fn token(
    cluster: &Described<'_>,
    credentials: &Credentials,
    now: SystemTime,
) -> Result<SecretString, String> {
    let domain = if cluster.region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
    let url = format!("https://sts.{}.{domain}/?Action=GetCallerIdentity&Version=2011-06-15", cluster.region);
    let mut settings = SigningSettings::default();
    settings.signature_location = SignatureLocation::QueryParams;
    settings.expires_in = Some(EXPIRES);
    let identity = credentials.clone().into();
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(cluster.region)
        .name("sts")
        .time(now)
        .settings(settings)
        .build()
        .map_err(|error| error.to_string())?
        .into();
    let headers = [("x-k8s-aws-id", cluster.name)];
    let request = SignableRequest::new("GET", url.as_str(), headers.into_iter(), SignableBody::Bytes(&[]))
        .map_err(|error| innermost(&error))?;
    let (instructions, _) = sign(request, &parameters).map_err(|error| innermost(&error))?.into_parts();
    let mut signed = http::Request::builder().uri(url.as_str()).body(()).map_err(|error| error.to_string())?;
    instructions.apply_to_request_http1x(&mut signed);
    Ok(format!("k8s-aws-v1.{}", URL_SAFE_NO_PAD.encode(signed.uri().to_string())).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;

    const CLUSTER: Described<'static> = Described {
        arn: "arn:aws:eks:eu-west-1:111122223333:cluster/spark",
        name: "spark",
        region: "eu-west-1",
        endpoint: "https://localhost",
        certificate_authority: "",
    };

    /// Made by botocore's `RequestSigner.generate_presigned_url` as `aws eks get-token` calls it, with
    /// the same keys at the same second.
    #[test]
    fn the_token_is_the_one_of_the_aws_cli() {
        let credentials =
            Credentials::new("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", None, None, "test");
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600);
        let token = token(&CLUSTER, &credentials, now).unwrap();
        let url = URL_SAFE_NO_PAD.decode(token.expose_secret().strip_prefix("k8s-aws-v1.").unwrap()).unwrap();
        let url = String::from_utf8(url).unwrap();
        assert_eq!(url, BOTOCORE);
    }

    const BOTOCORE: &str = "https://sts.eu-west-1.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15\
        &X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F20260101%2Feu-west-1%2Fsts%2Faws4_request\
        &X-Amz-Date=20260101T000000Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host%3Bx-k8s-aws-id\
        &X-Amz-Signature=f4574ae102201c4d87bfa007e12d59ef987302db6a9a68a342445df9b8fbd5be";

    #[test]
    fn nobody_gets_a_token_who_cannot_prove_to_be_the_cluster() {
        for (endpoint, authority) in
            [("http://localhost", "x"), ("localhost:1", "x"), ("https://localhost", ""), ("https://localhost", "!")]
        {
            let access = Access::of_token(CLUSTER.arn, endpoint, authority, "secret");
            let failure = access.client().err().unwrap();
            assert_eq!(failure.kind, Kind::Unreachable);
            assert!(!format!("{access:?} {failure:?}").contains("secret"));
        }
    }
}
