//! Grafana Loki: the lines that a query selects within a window, asked for page by page (`query_range`), and counted by Loki itself
//! (`count_over_time` over the same window).
//!
//! Pages go forward in time. Whatever stands at the last nanosecond of a full page may be a part, and is asked for again.

mod answers;
#[cfg(test)]
mod tests;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::paged::{Bounds, Entries, bad_hours, left};
use super::{Counted, Left, Listing, LogError, LogSource, Passed, Piece, Sink};
use crate::remote::{Client, HeaderName, HeaderValue, Limits, Reference, RemoteError, Request, Url, encoded};

/// The name of the one document.
const NAME: &str = "loki";
/// Lines of a page: what Loki gives at most unless it is told otherwise.
const PAGE: usize = 5_000;
/// Bytes of a page; one that has more is asked for in halves.
const PAGE_BYTES: u64 = 64 * 1024 * 1024;

/// Where a Loki is and what is asked of it, as settings say it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LokiSettings {
    /// Where it is: what stands before `/loki/api/v1/`.
    pub url: String,
    /// Which lines: a log query, `{app="api"}`.
    pub query: String,
    /// How many hours back.
    #[serde(default = "a_day")]
    pub hours: u32,
    /// The tenant, where it has several (`X-Scope-OrgID`).
    pub tenant: Option<String>,
    /// Who asks, by name and password.
    pub username: Option<String>,
    /// Where the password is found.
    pub password: Option<Reference>,
    /// Where a token is found, instead of a password.
    pub token: Option<Reference>,
    /// A file with the certificates of the authorities that the server's own may come from, PEM.
    pub authorities: Option<PathBuf>,
    /// Whether `http://` may be used beyond this machine.
    #[serde(default)]
    pub plain_http: bool,
}

fn a_day() -> u32 {
    24
}

impl LokiSettings {
    /// What is wrong with these settings, if anything: key and expectation.
    #[must_use]
    pub fn problem(&self) -> Option<(&'static str, &'static str)> {
        if !self.query.starts_with('{') {
            return Some(("query", "expected a log query such as `{app=\"api\"}`"));
        }
        if self.username.is_some() != self.password.is_some() || (self.password.is_some() && self.token.is_some()) {
            return Some(("username", "expected a username with a password, or a token, or none of them"));
        }
        let is_url = Url::parse(&self.url).is_ok_and(|url| url.query().is_none() && url.password().is_none());
        if !is_url || !self.url.starts_with("http") {
            return Some(("url", "expected https://HOST, and a path where it has one"));
        }
        bad_hours(self.hours)
    }

    fn connect(&self, base: &Path, bounds: &Bounds) -> Result<Asking, RemoteError> {
        let authorities = self.authorities.as_ref().map(|path| {
            std::fs::read(base.join(path))
                .map_err(|_| RemoteError::Settings(format!("{}: the file can't be read", path.display())))
        });
        let limits = Limits {
            authorities: authorities.transpose()?,
            plain_http: self.plain_http,
            most: PAGE_BYTES,
            ..Limits::default()
        };
        let client = Client::new(limits, Arc::clone(&bounds.pace), bounds.seed)?;
        let server = client.url(&format!("{}/loki/api/v1/", self.url.trim_end_matches('/')))?;
        let authorization = match (&self.username, &self.password, &self.token) {
            (Some(name), Some(password), _) => {
                let pair = Zeroizing::new(format!("{name}:{}", password.resolve(base)?.expose_secret()));
                Some(SecretString::from(format!("Basic {}", STANDARD.encode(pair.as_bytes()))))
            }
            (_, _, Some(token)) => Some(SecretString::from(format!("Bearer {}", token.resolve(base)?.expose_secret()))),
            _ => None,
        };
        Ok(Asking { client, server, settings: self.clone(), authorization })
    }
}

/// Lines of a Loki.
pub struct Loki {
    settings: LokiSettings,
    base: PathBuf,
    bounds: Bounds,
    connected: OnceLock<Arc<Asking>>,
}

impl Loki {
    /// The lines that the settings' query selects. Relative paths start from `base`.
    #[must_use]
    pub fn new(settings: LokiSettings, base: PathBuf, bounds: Bounds) -> Self {
        Self { settings, base, bounds, connected: OnceLock::new() }
    }
}

impl LogSource for Loki {
    fn kind(&self) -> &'static str {
        "loki"
    }

    fn label(&self) -> String {
        let hours = self.settings.hours;
        format!("{} of the last {hours} h at {}", self.settings.query, self.settings.url)
    }

    fn counted_by(&self) -> &'static str {
        "count_over_time of the same query and window, before reading, and after it where lines came in meanwhile"
    }

    fn unit(&self) -> &'static str {
        "log entry"
    }

    fn list(&self) -> Result<Listing, LogError> {
        let asking = match self.connected.get() {
            Some(asking) => asking,
            None => {
                let new = Arc::new(self.settings.connect(&self.base, &self.bounds)?);
                self.connected.get_or_init(|| new)
            }
        };
        let (from, to) = self.bounds.window(self.settings.hours);
        let (asking, bounds) = (Arc::clone(asking), self.bounds.clone());
        let piece = LokiPiece { asking, bounds, from, to, counted: 0 };
        Ok(Listing { pieces: vec![Box::new(piece)], left: Vec::new() })
    }
}

/// Who asks, and where.
struct Asking {
    client: Client,
    server: Url,
    settings: LokiSettings,
    authorization: Option<SecretString>,
}

impl Asking {
    fn ask(&self, what: &'static str, path: &str) -> Result<crate::remote::Answer, RemoteError> {
        let url = self.client.url(&format!("{}{path}", self.server))?;
        let mut request = Request::get(what, url);
        if let Some(authorization) = &self.authorization {
            request = request.secret_header(HeaderName::from_static("authorization"), "", authorization)?;
        }
        if let Some(tenant) = &self.settings.tenant {
            let tenant = HeaderValue::from_str(tenant)
                .map_err(|_| RemoteError::Settings("the tenant's name can't stand in a header".to_owned()))?;
            request = request.header(HeaderName::from_static("x-scope-orgid"), tenant);
        }
        self.client.fetch(&request)
    }

    /// How many lines there are from `from` on and before `to`, by Loki's own count.
    fn count(&self, from: i128, to: i128) -> Result<u64, RemoteError> {
        // A range is open at its beginning and closed at its end: a nanosecond earlier it is what query_range looks at.
        let query = format!("sum(count_over_time({}[{}s]))", self.settings.query, (to - from) / 1_000_000_000);
        let answer = self.ask("counting lines", &format!("query?query={}&time={}", encoded(&query, false), to - 1))?;
        answers::count(&answer)
    }

    fn page(&self, from: i128, to: i128, limit: usize) -> Result<Vec<answers::Line>, RemoteError> {
        let query = encoded(&self.settings.query, false);
        let path = format!("query_range?query={query}&start={from}&end={to}&limit={limit}&direction=forward");
        answers::lines(&self.ask("reading lines", &path)?, from, to)
    }
}

impl fmt::Debug for Asking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Asking").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// The window, as it was when it was listed.
struct LokiPiece {
    asking: Arc<Asking>,
    bounds: Bounds,
    from: i128,
    to: i128,
    counted: u64,
}

impl LokiPiece {
    fn pages(&self, entries: &mut Entries<'_>) -> Result<(), Left> {
        let (mut from, mut limit) = (self.from, PAGE);
        loop {
            entries.may_go_on()?;
            let page = match self.asking.page(from, self.to, limit) {
                Err(RemoteError::TooLarge { .. }) if limit > 1 => {
                    limit /= 2;
                    continue;
                }
                page => page.map_err(|error| left(NAME, &error))?,
            };
            let is_full = page.len() >= limit;
            // Others at the last instant of a full page may be on the next.
            let next = page.last().map(|line| line.at).filter(|_| is_full);
            if next == Some(from) && page.first().is_some_and(|line| line.at == from) {
                let reason = format!("more than {limit} lines stand at one nanosecond, which no page can hold");
                return Err(Left::new("page-too-small", NAME, reason));
            }
            for line in page.iter().filter(|line| next.is_none_or(|next| line.at < next)) {
                entries.entry(&line.place, &[&line.text, &line.beside])?;
            }
            let Some(next) = next else { return Ok(()) };
            from = next;
        }
    }
}

impl Piece for LokiPiece {
    fn identity(&self) -> String {
        NAME.to_owned()
    }

    fn name(&self) -> &str {
        NAME
    }

    fn count(&mut self) -> Result<Option<Counted>, Left> {
        self.counted = self.asking.count(self.from, self.to).map_err(|error| left(NAME, &error))?;
        // What is told is what stands when all is read.
        Ok(Some(Counted { lines: None, bytes: None }))
    }

    fn read(&mut self, sink: &mut dyn Sink) -> Result<Passed, Left> {
        let mut entries = Entries::begin(NAME, sink, &self.bounds);
        let done = self.pages(&mut entries);
        let mut passed = entries.end();
        done?;
        if passed.lines != self.counted {
            let after = self.asking.count(self.from, self.to).map_err(|error| left(NAME, &error))?;
            if !(self.counted..=after).contains(&passed.lines) {
                passed.lines = after;
            }
        }
        Ok(passed)
    }
}
