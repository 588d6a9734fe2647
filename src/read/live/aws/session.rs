//! As whom AWS is asked: profiles, and roles assumed with them.

use super::body::Body;
use super::failure::Failure;
use super::run::{Answer, Asked};
use super::send::Clients;
use super::{LiveError, Options, gap};
use crate::arn::Arn;
use crate::estate::Gap;
use crate::read::live::calls::{CALLS, Service};
use aws_config::retry::RetryConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_config::timeout::TimeoutConfig;
use aws_config::{AppName, BehaviorVersion, Region, SdkConfig};
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_http_client::{Builder, Connector};
use std::collections::BTreeSet;
use tokio::time::Instant;

/// Credentials in an account.
#[derive(Clone, Debug)]
pub(super) struct Session {
    pub(super) config: SdkConfig,
    /// How commands say as whom they are run: ` --profile dev`, or nothing.
    pub(super) suffix: String,
    pub(super) account: String,
    /// The region that it has by itself.
    pub(super) region: Option<String>,
}

/// A region of an account in which calls are made.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) session: usize,
    pub(super) region: String,
}

/// The sessions, who they are, and which could not begin.
pub(super) async fn begin(
    options: &Options,
    deadline: Instant,
) -> Result<(Vec<Session>, Vec<Answer>, Vec<Gap>), LiveError> {
    let Some(call) = CALLS.iter().find(|call| call.service == Service::Sts) else { return Err(LiveError::NoRegion) };
    let (mut sessions, mut identities, mut lost) = (Vec::new(), Vec::new(), Vec::new());
    let configs = configs(options).await;
    let alone = configs.len() == 1;
    for (config, suffix, name) in configs {
        let region = config.region().map(|region| region.as_ref().to_owned());
        let of_target = options.targets.iter().find_map(|target| Some(Arn::parse(target.text())?.region.to_owned()));
        let home = region.clone().or_else(|| options.regions.first().cloned()).or(of_target);
        let home = home.unwrap_or_else(|| "us-east-1".to_owned());
        let clients = Clients::of(&config, &home);
        let mut asked =
            Asked { call, session: sessions.len(), account: String::new(), region: home, inside: None, item: None };
        let body = Body::default();
        let answered = tokio::time::timeout_at(deadline, clients.send(call, "", "", None, &body)).await;
        let answered = answered.unwrap_or_else(|_| Err(Failure::late()));
        let document = answered.and_then(|()| body.document(Service::Sts).map_err(|why| Failure::unreadable(&why)));
        let account = document.as_ref().ok().and_then(|identity| identity.get("Account")?.as_str().map(str::to_owned));
        let account = account.filter(|account| crate::arn::is_account(account));
        // Who one is may be the only thing that cannot be asked.
        let of_target = || {
            let named = options.targets.iter().filter_map(|target| Arn::parse(target.text()));
            let accounts: BTreeSet<&str> = named.map(|arn| arn.account).collect();
            let credentials = document.as_ref().is_err_and(|failure| failure.credentials);
            accounts.first().filter(|_| accounts.len() == 1 && alone && !credentials).map(|one| (*one).to_owned())
        };
        let failure = match &document {
            Err(failure) => Some(failure.clone()),
            Ok(_) if account.is_none() => Some(Failure::unreadable("it names no account")),
            Ok(_) => None,
        };
        if let Some(failure) = &failure {
            lost.push(gap("sts.callerIdentity", "", format!("{name}: {}", failure.why(call)), failure.unblock(call)));
        }
        let Some(account) = account.or_else(of_target) else { continue };
        asked.account.clone_from(&account);
        if let (Ok(document), None) = (document, failure) {
            identities.push(Answer { asked, document: Some(document), failure: None, pages: 1 });
        }
        sessions.push(Session { config, suffix, account, region });
    }
    if sessions.is_empty() {
        let (why, unblock) = match lost.first() {
            Some(gap) => (gap.why.clone(), gap.unblock.clone().unwrap_or_default()),
            None => ("there are no credentials".to_owned(), "sign in, or name a profile with `--profile`".to_owned()),
        };
        return Err(LiveError::NoAccess { why, unblock });
    }
    Ok((sessions, identities, lost))
}

/// The configurations with what commands and people call them.
async fn configs(options: &Options) -> Vec<(SdkConfig, String, String)> {
    if let Some(base) = &options.base {
        return vec![(base.clone(), String::new(), "the given credentials".to_owned())];
    }
    let mut configs = Vec::new();
    let mut profiles: Vec<Option<&String>> = options.profiles.iter().map(Some).collect();
    if profiles.is_empty() {
        profiles.push(None);
    }
    for (at, profile) in profiles.into_iter().enumerate() {
        let config = load(options, profile.map(String::as_str)).await;
        let suffix = profile.map_or_else(String::new, |profile| format!(" --profile {profile}"));
        let name =
            profile.map_or_else(|| "the default credentials".to_owned(), |profile| format!("profile `{profile}`"));
        if at > 0 || options.roles.is_empty() {
            configs.push((config, suffix, name));
            continue;
        }
        for role in &options.roles {
            let provider = AssumeRoleProvider::builder(role).session_name("sparkcheck").configure(&config);
            let provider = match config.region() {
                Some(_) => provider,
                None => provider.region(Region::new("us-east-1")),
            };
            let assumed = config.clone().into_builder();
            let assumed = assumed.credentials_provider(SharedCredentialsProvider::new(provider.build().await)).build();
            configs.push((assumed, format!(" (as {role})"), format!("role `{role}`")));
        }
    }
    configs
}

async fn load(options: &Options, profile: Option<&str>) -> SdkConfig {
    let retry =
        RetryConfig::adaptive().with_max_attempts(options.attempts.max(1)).with_initial_backoff(options.backoff);
    let patience = TimeoutConfig::builder()
        .connect_timeout(options.attempt.min(std::time::Duration::from_secs(5)))
        .operation_attempt_timeout(options.attempt)
        .build();
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .http_client(client())
        .retry_config(retry)
        .timeout_config(patience);
    if let Ok(name) = AppName::new(concat!("sparkcheck-", env!("CARGO_PKG_VERSION"))) {
        loader = loader.app_name(name);
    }
    if let Some(profile) = profile {
        loader = loader.profile_name(profile);
    }
    if let Some(region) = options.regions.first() {
        loader = loader.region(Region::new(region.clone()));
    }
    loader.load().await
}

/// HTTPS, through the proxy that the environment names.
fn client() -> aws_smithy_runtime_api::client::http::SharedHttpClient {
    Builder::new().build_with_connector_fn(|settings, components| {
        let mut connector = Connector::builder().proxy_config(ProxyConfig::from_env());
        connector.set_connector_settings(settings.cloned());
        if let Some(components) = components {
            connector.set_sleep_impl(components.sleep_impl());
        }
        connector.tls_provider(Provider::Rustls(CryptoMode::Ring)).build()
    })
}

/// Where calls are made: the regions of what is named, or else of every session.
pub(super) fn places(options: &Options, sessions: &[Session]) -> Result<Vec<Place>, LiveError> {
    let mut places = BTreeSet::new();
    let mut anywhere = options.targets.is_empty();
    for target in &options.targets {
        match Arn::parse(target.text()) {
            Some(arn) => {
                let of = sessions.iter().enumerate().filter(|(_, session)| session.account == arn.account).take(1);
                places.extend(of.map(|(session, _)| Place { session, region: arn.region.to_owned() }));
            }
            None => anywhere = true,
        }
    }
    if anywhere {
        let mut accounts = BTreeSet::new();
        for (number, session) in sessions.iter().enumerate() {
            if !accounts.insert(&session.account) && options.regions.is_empty() {
                continue;
            }
            let own = session.region.iter().filter(|_| options.regions.is_empty());
            places.extend(
                options.regions.iter().chain(own).map(|region| Place { session: number, region: region.clone() }),
            );
        }
        if places.is_empty() {
            return Err(LiveError::NoRegion);
        }
    }
    // Two sessions of one account would ask the same twice.
    let mut seen = BTreeSet::new();
    places.retain(|place| {
        let account = sessions.get(place.session).map(|session| session.account.clone());
        seen.insert((account, place.region.clone()))
    });
    Ok(places.into_iter().collect())
}
