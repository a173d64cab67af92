//! How AWS, or a server that speaks as it does, is reached: settings, and the connection that they make.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use exhibit_evidence::{Clock, Timestamp};
use serde::Deserialize;

use super::super::reference;
use super::super::{Answer, Client, Limits, Pace, RemoteError, Request, Stream, Url};
use super::{AwsKeys, AwsSigner, KeySource, Service, explain};

/// Where AWS is and with which keys it is asked, as settings say it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AwsAccess {
    /// The region that requests are signed for, such as `eu-central-1`.
    pub region: String,
    /// Scheme, host and port of a server that is not AWS's own.
    pub endpoint: Option<String>,
    /// A file with the certificates of the authorities that the server's own may come from, PEM.
    pub authorities: Option<PathBuf>,
    /// Whether `http://` may be used beyond this machine.
    #[serde(default)]
    pub plain_http: bool,
    /// Where the keys are found.
    #[serde(default)]
    pub keys: KeySource,
}

impl AwsAccess {
    /// What is wrong with these settings, if anything: key and expectation.
    #[must_use]
    pub fn problem(&self) -> Option<(&'static str, &'static str)> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if self.region.is_empty() || !self.region.bytes().all(plain) {
            return Some(("region", "expected a region such as `eu-central-1`"));
        }
        if self.endpoint.as_ref().is_some_and(|endpoint| !is_server(endpoint)) {
            return Some(("endpoint", "expected http:// or https:// with a host and a port, nothing else"));
        }
        self.keys.problem().map(|problem| ("keys", problem))
    }

    /// Loads the keys and makes a client. Relative paths start from `base`; `now` is the time at which it begins, and `seed` any
    /// number.
    ///
    /// # Errors
    /// When there are no keys, or the settings can't be used.
    pub fn connect(
        &self,
        base: &Path,
        limits: Limits,
        now: Timestamp,
        pace: Arc<dyn Pace>,
        seed: u64,
    ) -> Result<AwsConnection, RemoteError> {
        if let Some((key, problem)) = self.problem() {
            return Err(RemoteError::Settings(format!("{key}: {problem}")));
        }
        let authorities = self.authorities.as_ref().map(|path| {
            let unreadable = || RemoteError::Settings(format!("{}: the file can't be read", path.display()));
            reference::read(base, path).map(|text| text.as_bytes().to_vec()).ok_or_else(unreadable)
        });
        let limits = Limits { authorities: authorities.transpose()?, plain_http: self.plain_http, ..limits };
        let client = Client::new(limits, Arc::clone(&pace), seed)?;
        let endpoint = self.endpoint.as_ref().map(|endpoint| client.url(endpoint)).transpose()?;
        let clock = Ticking { begun: now, since: pace.elapsed(), pace };
        Ok(AwsConnection { client, keys: self.keys.load(base)?, region: self.region.clone(), endpoint, clock })
    }
}

/// Whether a text is scheme, host and port alone.
fn is_server(endpoint: &str) -> bool {
    let Ok(url) = Url::parse(endpoint) else { return false };
    let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    bare && matches!(url.scheme(), "http" | "https") && url.username().is_empty() && url.password().is_none()
}

/// A client with keys, for one region.
pub struct AwsConnection {
    client: Client,
    keys: AwsKeys,
    region: String,
    endpoint: Option<Url>,
    clock: Ticking,
}

/// Time that goes on from a given instant.
struct Ticking {
    begun: Timestamp,
    since: Duration,
    pace: Arc<dyn Pace>,
}

impl Clock for Ticking {
    fn now(&self) -> Timestamp {
        let passed = self.pace.elapsed().saturating_sub(self.since);
        let passed = i64::try_from(passed.as_micros()).unwrap_or(i64::MAX);
        Timestamp::from_micros(self.begun.micros().saturating_add(passed)).unwrap_or(self.begun)
    }
}

impl AwsConnection {
    /// The server that is asked: the configured one, or AWS's own for this service and, of S3, this bucket.
    ///
    /// # Errors
    /// When that makes no URL.
    pub fn server(&self, host: &str) -> Result<Url, RemoteError> {
        if let Some(endpoint) = &self.endpoint {
            return Ok(endpoint.clone());
        }
        let domain = if self.region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
        self.client.url(&format!("https://{host}.{}.{domain}/", self.region))
    }

    /// Whether a server that is not AWS's own is asked.
    #[must_use]
    pub fn elsewhere(&self) -> bool {
        self.endpoint.is_some()
    }

    /// Asks, signed, and reads the whole answer.
    ///
    /// # Errors
    /// As [`Client::fetch`].
    pub fn fetch(&self, service: Service, request: Request<'_>) -> Result<Answer, RemoteError> {
        let signer = self.signer(service);
        self.client.fetch(&reborrowed(request).signed_by(&signer).explained_by(explain))
    }

    /// Asks, signed, and leaves the body to be read.
    ///
    /// # Errors
    /// As [`Client::open`].
    pub fn open(&self, service: Service, request: Request<'_>) -> Result<Stream, RemoteError> {
        let signer = self.signer(service);
        self.client.open(&reborrowed(request).signed_by(&signer).explained_by(explain))
    }

    fn signer(&self, service: Service) -> AwsSigner<'_> {
        AwsSigner { keys: self.keys.clone(), region: self.region.clone(), service, clock: &self.clock }
    }
}

/// The same request for as long as the shorter of two things lives.
fn reborrowed<'short, 'long: 'short>(request: Request<'long>) -> Request<'short> {
    request
}

impl fmt::Debug for AwsConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwsConnection").field("region", &self.region).finish_non_exhaustive()
    }
}
