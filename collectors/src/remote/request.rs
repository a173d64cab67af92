//! What is asked of a server.

use std::fmt;
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Url};
use secrecy::{ExposeSecret as _, SecretString};
use zeroize::Zeroizing;

use super::RemoteError;

/// What a server's own word for a failure means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Said {
    /// The word, of a list that the caller knows: nothing that the server wrote.
    pub word: &'static str,
    /// Whether asking again may help.
    pub passing: bool,
}

/// Reads a server's own word out of the first bytes of an answer that is no success.
pub type Explain = fn(u16, &HeaderMap, &[u8]) -> Option<Said>;

/// A request as it stands before it is signed.
pub struct Unsigned<'a> {
    /// The method.
    pub method: &'a Method,
    /// The whole URL.
    pub url: &'a Url,
    /// Its headers so far.
    pub headers: &'a HeaderMap,
    /// Its body.
    pub body: &'a [u8],
}

/// Who signs requests: each try anew, because signatures hold the time.
pub trait Sign: Sync {
    /// The headers that the signature adds.
    ///
    /// # Errors
    /// When there are no credentials, or the request can't be signed.
    fn sign(&self, request: &Unsigned<'_>) -> Result<HeaderMap, RemoteError>;
}

/// A request. Its `Debug` shows what is asked for and of whom, nothing else.
pub struct Request<'a> {
    pub(super) what: &'static str,
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: Option<Zeroizing<Vec<u8>>>,
    pub(super) accepted: &'static [u16],
    pub(super) repeatable: bool,
    pub(super) explain: Option<Explain>,
    pub(super) signer: Option<&'a dyn Sign>,
    pub(super) most: Option<u64>,
    pub(super) within: Option<Duration>,
}

impl<'a> Request<'a> {
    /// Asks by GET. `what` says for what, as the beginning of a sentence: `listing the bucket`.
    #[must_use]
    pub fn get(what: &'static str, url: Url) -> Self {
        Self::new(what, Method::GET, url)
    }

    /// Asks by any method. It may be sent several times unless [`Request::once`] says otherwise.
    #[must_use]
    pub fn new(what: &'static str, method: Method, url: Url) -> Self {
        Self {
            what,
            method,
            url,
            headers: HeaderMap::new(),
            body: None,
            accepted: &[],
            repeatable: true,
            explain: None,
            signer: None,
            most: None,
            within: None,
        }
    }

    /// With this header, whose value is no secret.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// With a header whose value is secret, behind words that are not, such as `Bearer `.
    ///
    /// # Errors
    /// When the secret holds something that no header can hold.
    pub fn secret_header(mut self, name: HeaderName, words: &str, secret: &SecretString) -> Result<Self, RemoteError> {
        let text = Zeroizing::new(format!("{words}{}", secret.expose_secret()));
        let mut value = HeaderValue::from_str(&text)
            .map_err(|_| RemoteError::Settings(format!("the secret for the header {name} can't stand in a header")))?;
        value.set_sensitive(true);
        self.headers.insert(name, value);
        Ok(self)
    }

    /// With this body and its media type.
    #[must_use]
    pub fn body(mut self, media_type: &'static str, bytes: Zeroizing<Vec<u8>>) -> Self {
        self.headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
        self.body = Some(bytes);
        self
    }

    /// Statuses beside success that are answers too, not errors: 404 where a thing may be absent, say.
    #[must_use]
    pub fn accepting(mut self, statuses: &'static [u16]) -> Self {
        self.accepted = statuses;
        self
    }

    /// Never sent again once it may have arrived: it changes something.
    #[must_use]
    pub fn once(mut self) -> Self {
        self.repeatable = false;
        self
    }

    /// Who understands the server's own words for failures.
    #[must_use]
    pub fn explained_by(mut self, explain: Explain) -> Self {
        self.explain = Some(explain);
        self
    }

    /// Who signs it.
    #[must_use]
    pub fn signed_by(mut self, signer: &'a dyn Sign) -> Self {
        self.signer = Some(signer);
        self
    }

    /// How many bytes the answer may have, instead of the client's limit.
    #[must_use]
    pub fn most(mut self, bytes: u64) -> Self {
        self.most = Some(bytes);
        self
    }

    /// How long one try may take until the answer's last byte, instead of the client's limit.
    #[must_use]
    pub fn within(mut self, limit: Duration) -> Self {
        self.within = Some(limit);
        self
    }

    /// Scheme, host and port: all of the URL that is ever told.
    pub(super) fn place(&self) -> String {
        let port = self.url.port().map(|port| format!(":{port}")).unwrap_or_default();
        format!("{}://{}{port}", self.url.scheme(), self.url.host_str().unwrap_or("?"))
    }
}

impl fmt::Debug for Request<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request").field("what", &self.what).field("place", &self.place()).finish_non_exhaustive()
    }
}

/// Percent-encoded for a URL: all but letters, digits and `-._~`; of a path its slashes stay too.
pub(crate) fn encoded(text: &str, path: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            b'/' if path => out.push('/'),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}
