//! Sends requests: with limits, again where that may help, and not at all while a server does not answer.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::blocking::Response;
use reqwest::header::HeaderMap;
use reqwest::{Certificate, Url, redirect};

use super::answer::Body;
use super::breaker::Breaker;
use super::{Answer, Pace, RemoteError, Request, Stream, Unsigned, waits};

/// Tries of a request that a server puts off and says until when.
const PUT_OFF: u32 = 8;

/// Bytes of an unsuccessful answer that are looked at for the server's own word.
const EXPLANATION: usize = 16 * 1024;

/// How long and how much a client takes.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Certificates of the authorities that a server's own may come from, PEM; without them, those that this machine trusts.
    /// Who names some trusts no others.
    pub authorities: Option<Vec<u8>>,
    /// Whether `http://` may be used beyond this machine.
    pub plain_http: bool,
    /// How long connecting may take.
    pub connect: Duration,
    /// How long nothing may come.
    pub quiet: Duration,
    /// How long one try may take, until the last byte of the answer.
    pub whole: Duration,
    /// How many bytes an answer may have.
    pub most: u64,
    /// How often and after which waits to ask again.
    pub patience: Patience,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            authorities: None,
            plain_http: false,
            connect: Duration::from_secs(10),
            quiet: Duration::from_secs(30),
            whole: Duration::from_secs(120),
            most: 16 * 1024 * 1024,
            patience: Patience::default(),
        }
    }
}

/// How often and after which waits a server is asked again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Tries of one request, at least 1. One that the server puts off (429) and says until when is tried up to eight times.
    pub tries: u32,
    /// The longest wait before the second try, doubled for each further one.
    pub first_wait: Duration,
    /// No wait is longer. A server that asks for a longer one is not asked again.
    pub longest_wait: Duration,
    /// After this many tries in a row without an answer no more are sent for a while.
    pub open_after: u32,
    /// For this long.
    pub open_for: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            tries: 4,
            first_wait: Duration::from_millis(250),
            longest_wait: Duration::from_secs(20),
            open_after: 8,
            open_for: Duration::from_secs(60),
        }
    }
}

/// A client of one server or service. Several threads may share it.
pub struct Client {
    http: reqwest::blocking::Client,
    limits: Limits,
    pace: Arc<dyn Pace>,
    breaker: Breaker,
    /// Until when the server asked for quiet: it asks whom it answered, and means all.
    quiet_until: Mutex<Duration>,
    /// Where the random parts of waits go on.
    random: AtomicU64,
}

/// Why one try gave nothing, and whether another may.
struct Failed {
    error: RemoteError,
    /// It may help to ask again.
    passing: bool,
    /// The server may have acted on it.
    arrived: bool,
    /// The wait that the server asks for.
    asked: Option<Duration>,
    /// It did not answer, or answered that it can't.
    unwell: bool,
}

impl Client {
    /// A client. `seed` is any number: the random parts of waits start there.
    ///
    /// # Errors
    /// When the authorities are not certificates, or TLS can't be set up on this machine.
    pub fn new(limits: Limits, pace: Arc<dyn Pace>, seed: u64) -> Result<Self, RemoteError> {
        let mut builder = reqwest::blocking::Client::builder()
            .redirect(redirect::Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .referer(false)
            .http1_only()
            .user_agent(concat!("exhibit/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(limits.connect)
            .timeout(limits.quiet);
        if let Some(pem) = &limits.authorities {
            let certificates = Certificate::from_pem_bundle(pem).unwrap_or_default();
            if certificates.is_empty() {
                let message = "the file of certificate authorities holds no certificate that can be read: expected PEM";
                return Err(RemoteError::Settings(message.to_owned()));
            }
            builder = builder.tls_certs_only(certificates);
        }
        let http = builder.build().map_err(|_| {
            RemoteError::Settings("TLS can't be set up with the certificate authorities that are named".to_owned())
        })?;
        let Patience { open_after, open_for, .. } = limits.patience;
        let breaker = Breaker::new(open_after, open_for);
        let (quiet_until, random) = (Mutex::default(), AtomicU64::new(seed));
        Ok(Self { http, limits, pace, breaker, quiet_until, random })
    }

    /// A URL that this client may ask: `https`, without a user's name in it, or `http` within this machine.
    ///
    /// # Errors
    /// When it is none; does not repeat it.
    pub fn url(&self, text: &str) -> Result<Url, RemoteError> {
        let refuse = |why: &str| Err(RemoteError::Settings(format!("not a URL that may be asked: {why}")));
        let Ok(url) = Url::parse(text) else { return refuse("expected https://HOST/…") };
        if url.host_str().is_none_or(str::is_empty) {
            return refuse("expected a host");
        }
        if !url.username().is_empty() || url.password().is_some() {
            return refuse("expected no user's name or password in it");
        }
        match url.scheme() {
            "https" => Ok(url),
            "http" if self.limits.plain_http || is_local(&url) => Ok(url),
            "http" => refuse("http:// goes over the network readable; say `plain_http = true` where that is meant"),
            _ => refuse("expected https://"),
        }
    }

    /// Asks, and reads the whole answer.
    ///
    /// # Errors
    /// When no answer came, or another one than success and what the request accepts.
    pub fn fetch(&self, request: &Request<'_>) -> Result<Answer, RemoteError> {
        self.again_and_again(request, &|| {
            let mut stream = self.once(request)?;
            let (what, place) = (request.what, request.place());
            let body = stream.body.rest().map_err(|error| cut(error, request))?;
            Ok(Answer { status: stream.status, headers: stream.headers, body, what, place })
        })
    }

    /// Asks, and leaves the body to be read. Once it began, nothing is tried again.
    ///
    /// # Errors
    /// As [`Client::fetch`].
    pub fn open(&self, request: &Request<'_>) -> Result<Stream, RemoteError> {
        self.again_and_again(request, &|| self.once(request))
    }

    fn again_and_again<T>(
        &self,
        request: &Request<'_>,
        try_once: &dyn Fn() -> Result<T, Failed>,
    ) -> Result<T, RemoteError> {
        let patience = self.limits.patience;
        if !self.breaker.admits(self.pace.elapsed()) {
            return Err(RemoteError::LeftAlone { what: request.what, place: request.place() });
        }
        let mut number = 1;
        loop {
            self.keep_quiet();
            let failed = match try_once() {
                Ok(answer) => {
                    self.breaker.answered();
                    return Ok(answer);
                }
                Err(failed) => failed,
            };
            if failed.unwell {
                self.breaker.failed(self.pace.elapsed());
            } else {
                self.breaker.answered();
            }
            let too_long = failed.asked.is_some_and(|asked| asked > patience.longest_wait);
            let meant_once = failed.arrived && !request.repeatable;
            let left_alone = !self.breaker.admits(self.pace.elapsed());
            let put_off = failed.asked.is_some() && failed.error.status() == Some(429);
            let tries = if put_off { patience.tries.max(PUT_OFF) } else { patience.tries };
            if let Some(asked) = failed.asked.filter(|_| !too_long) {
                let mut until = self.quiet_until.lock().unwrap_or_else(PoisonError::into_inner);
                *until = (*until).max(self.pace.elapsed() + asked);
            }
            if !failed.passing || number >= tries || too_long || meant_once || left_alone {
                return Err(failed.error);
            }
            number += 1;
            // Beside what the server asks for: it speaks in whole seconds, and all whom it put off come back after them.
            self.pace.sleep(failed.asked.unwrap_or_default() + self.wait(number));
        }
    }

    /// The wait before try number `number`.
    fn wait(&self, number: u32) -> Duration {
        let Patience { first_wait, longest_wait, .. } = self.limits.patience;
        waits::backoff(number, first_wait, longest_wait, self.random.fetch_add(1, Ordering::Relaxed))
    }

    /// Waits for as long as the server asked, whomever it asked.
    fn keep_quiet(&self) {
        let until = *self.quiet_until.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(left) = until.checked_sub(self.pace.elapsed()).filter(|left| !left.is_zero()) {
            self.pace.sleep(left + self.wait(2));
        }
    }

    fn once(&self, request: &Request<'_>) -> Result<Stream, Failed> {
        let begun = self.pace.elapsed();
        let mut headers = request.headers.clone();
        let body = request.body.as_ref().map(|body| body.as_slice());
        if let Some(signer) = request.signer {
            let unsigned =
                Unsigned { method: &request.method, url: &request.url, headers: &headers, body: body.unwrap_or(b"") };
            headers.extend(signer.sign(&unsigned).map_err(Failed::here)?);
        }
        let mut builder = self.http.request(request.method.clone(), request.url.clone()).headers(headers);
        if let Some(body) = body {
            builder = builder.body(body.to_vec());
        }
        let response = builder.send().map_err(|error| self.unsent(&error, request))?;
        let mut stream = self.begun(response, request, begun);
        let status = stream.status;
        if (200..300).contains(&status) || request.accepted.contains(&status) {
            let limit = stream.body.most;
            return match stream.length {
                Some(length) if length > limit => Err(Failed::answered(RemoteError::TooLarge {
                    what: request.what,
                    place: request.place(),
                    most: limit,
                })),
                _ => Ok(stream),
            };
        }
        let beginning = stream.body.beginning(EXPLANATION);
        let said = request.explain.and_then(|explain| explain(status, &stream.headers, &beginning));
        let word = said.map(|said| said.word);
        let asked = waits::asked_for(&stream.headers);
        let wait = asked.map(|wait| wait.as_secs());
        let error = RemoteError::Status { what: request.what, place: request.place(), status, said: word, wait };
        let passing = matches!(status, 429 | 500 | 502..=504) || said.is_some_and(|said| said.passing);
        Err(Failed { error, passing, arrived: status >= 500, asked, unwell: status >= 500 })
    }

    fn begun(&self, response: Response, request: &Request<'_>, begun: Duration) -> Stream {
        let headers: HeaderMap = response.headers().clone();
        let (status, length) = (response.status().as_u16(), response.content_length());
        let body = Body {
            response,
            what: request.what,
            place: request.place(),
            most: request.most.unwrap_or(self.limits.most),
            seen: 0,
            pace: Arc::clone(&self.pace),
            begun,
            within: request.within.unwrap_or(self.limits.whole),
        };
        Stream { status, headers, length, body }
    }

    /// Why no answer came. Of what reqwest says only the kind is looked at: it repeats URLs.
    fn unsent(&self, error: &reqwest::Error, request: &Request<'_>) -> Failed {
        let (what, place) = (request.what, request.place());
        let unwell = |error, arrived| Failed { error, passing: true, arrived, asked: None, unwell: true };
        if error.is_connect() && is_tls(error) {
            return Failed { passing: false, ..unwell(RemoteError::Untrusted { what, place }, false) };
        }
        if error.is_timeout() && !error.is_connect() {
            let seconds = self.limits.quiet.as_secs();
            return unwell(RemoteError::TooLong { what, place, seconds }, true);
        }
        if error.is_builder() {
            return Failed::here(RemoteError::Settings(format!("{what} at {place}: the request can't be sent")));
        }
        let (why, arrived) = match () {
            () if error.is_dns() => ("its name has no address", false),
            () if error.is_connect() => ("no connection", false),
            () => ("the connection broke before an answer came", true),
        };
        unwell(RemoteError::Unreachable { what, place, why }, arrived)
    }
}

impl Failed {
    /// Nothing was sent.
    fn here(error: RemoteError) -> Self {
        Self { error, passing: false, arrived: false, asked: None, unwell: false }
    }

    /// An answer came that is of no use.
    fn answered(error: RemoteError) -> Self {
        Self { arrived: true, ..Self::here(error) }
    }
}

/// A body that could not be read to its end: one that broke off may come whole another time.
fn cut(error: RemoteError, request: &Request<'_>) -> Failed {
    let broke = matches!(error, RemoteError::BrokenOff { .. });
    Failed { passing: broke && request.repeatable, unwell: broke, ..Failed::answered(error) }
}

/// Whether TLS is what failed: told by its library's words, which are not repeated.
fn is_tls(error: &reqwest::Error) -> bool {
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        let words = inner.to_string();
        if ["certificate", "fatal alert", "corrupt message", "HandshakeFailure"].iter().any(|word| words.contains(word))
        {
            return true;
        }
        cause = inner.source();
    }
    false
}

/// Whether a URL leads to this machine, by its host alone.
fn is_local(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}
