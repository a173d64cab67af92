//! Asks a registry: who asks, where it leads, and what it refuses.

use std::cell::{Cell, RefCell};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use exhibit_evidence::Digest;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::PullError;
use super::challenge::{self, Challenge};
use super::manifest::{self, Document, LARGEST, Manifest, Platform};
use super::name::{Name, is_digest};
use super::settings::Registry;
use crate::packages::lockfile::shown;
use crate::remote::{
    Client, HeaderMap, HeaderName, HeaderValue, Limits, Method, Pace, Patience, RemoteError, Request, Said, Stream, Url,
};

/// How often a registry may lead elsewhere.
const REDIRECTS: usize = 3;
/// Statuses that lead elsewhere, or ask who is asking.
const LEADS_ON: &[u16] = &[301, 302, 303, 307, 308, 401];
/// How many indexes may lead to an image: one, and one within it.
const INDEXES: usize = 2;
/// Largest answer of who gives tokens, in bytes.
const TOKEN: u64 = 256 << 10;
/// What comes with a redirect or a challenge may be as large as this, in bytes, whatever was asked for.
const BESIDE: u64 = 64 << 10;
/// Words that registries have for failures (OCI Distribution specification, "Error Codes").
const WORDS: [&str; 12] = [
    "BLOB_UNKNOWN",
    "DENIED",
    "MANIFEST_INVALID",
    "MANIFEST_UNKNOWN",
    "NAME_INVALID",
    "NAME_UNKNOWN",
    "PAGINATION_NUMBER_INVALID",
    "RANGE_INVALID",
    "TOOMANYREQUESTS",
    "UNAUTHORIZED",
    "UNKNOWN",
    "UNSUPPORTED",
];

const ACCEPT: HeaderName = HeaderName::from_static("accept");
/// In which a registry tells a manifest's digest.
const DIGEST: &str = "docker-content-digest";
const RANGE: HeaderName = HeaderName::from_static("range");
const AUTHORIZATION: HeaderName = HeaderName::from_static("authorization");

/// An image that a reference led to.
pub(super) struct Found {
    /// What the reference led to: the digest of an image's manifest or of an index.
    pub(super) led_to: String,
    /// Digest of the image's own manifest.
    pub(super) digest: String,
    /// The bytes of that.
    pub(super) bytes: Zeroizing<Vec<u8>>,
    /// What they say.
    pub(super) manifest: Manifest,
    /// Which platform was taken of an index.
    pub(super) platform: Option<String>,
    /// The platform that the one image there is has to be for.
    pub(super) required: Option<Platform>,
}

/// What is asked for.
struct Wanted<'w> {
    what: &'static str,
    method: Method,
    /// The path, behind the registry's own address.
    path: &'w str,
    accept: &'w str,
    /// How many bytes may come.
    most: u64,
    /// From which byte on; 0 for all.
    from: u64,
    /// What errors call it.
    named: &'w dyn Fn() -> String,
}

/// A part of a blob that begins where it was asked to, or the whole of it.
pub(super) enum Part {
    /// From its first byte.
    Whole(Stream),
    /// From the byte that was asked for, up to its end.
    Rest(Stream),
    /// Something else than was asked for.
    Other,
}

/// One registry that is asked for one image.
pub(super) struct Asking<'n> {
    client: Client,
    name: &'n Name,
    /// What stands before `manifests/` and `blobs/`.
    base: Url,
    login: Option<(String, SecretString)>,
    /// What the registry took last: words before a secret, and the secret.
    authorization: RefCell<Option<(&'static str, SecretString)>>,
    signed_in: Cell<bool>,
    pace: Arc<dyn Pace>,
    until: Duration,
    minutes: u64,
}

#[derive(Deserialize)]
struct Token {
    token: Option<String>,
    access_token: Option<String>,
}

impl<'n> Asking<'n> {
    /// Gets ready; asks nothing yet.
    ///
    /// # Errors
    /// When the password or the authorities can't be had.
    pub(super) fn new(
        name: &'n Name,
        registry: &Registry,
        base: &Path,
        pace: Arc<dyn Pace>,
        patience: Patience,
    ) -> Result<Self, PullError> {
        let authorities = registry.authorities.as_ref().map(|path| {
            std::fs::read(base.join(path))
                .map_err(|_| RemoteError::Settings(format!("{}: the file can't be read", path.display())))
        });
        let whole = registry.within();
        let limits = Limits {
            authorities: authorities.transpose()?,
            plain_http: registry.plain_http,
            whole,
            most: LARGEST,
            patience,
            ..Limits::default()
        };
        let login =
            registry.login().map(|(user, password)| Ok::<_, PullError>((user.to_owned(), password.resolve(base)?)));
        // Waits of several processes must not fall together; nothing else depends on the number.
        let client = Client::new(limits, Arc::clone(&pace), u64::from(std::process::id()))?;
        let scheme = if registry.plain_http { "http" } else { "https" };
        let base = client.url(&format!("{scheme}://{}/v2/{}/", name.host, name.repository))?;
        let until = pace.elapsed() + whole;
        let login = login.transpose()?;
        let (authorization, signed_in) = (RefCell::default(), Cell::new(false));
        Ok(Self { client, name, base, login, authorization, signed_in, pace, until, minutes: whole.as_secs() / 60 })
    }

    /// Whether the password was used.
    pub(super) fn signed_in(&self) -> bool {
        self.signed_in.get()
    }

    /// The image that the reference leads to.
    pub(super) fn image(&self, platform: Option<&Platform>) -> Result<Found, PullError> {
        let usual = Platform::usual();
        let (led_to, mut bytes, mut document) = self.document(self.name.asked())?;
        let (mut digest, mut taken) = (led_to.clone(), None);
        for _ in 0..INDEXES {
            let Document::Index(index) = &document else { break };
            let (one, own) = manifest::choose(index, platform.unwrap_or(&usual))?;
            let named = one.digest.clone();
            (digest, bytes, document) = self.document(&named)?;
            taken = Some(own);
        }
        let Document::Image(manifest) = document else {
            return Err(PullError::Document(format!("an index within more than {INDEXES} others")));
        };
        // An index says itself which platform its image is for.
        let required = platform.filter(|_| taken.is_none()).cloned();
        Ok(Found { led_to, digest, bytes, manifest, platform: taken, required })
    }

    /// Whether this is a registry that lets us in, at all.
    pub(super) fn greet(&self) -> Result<(), PullError> {
        let named = || "anything".to_owned();
        let (what, method) = ("a registry", Method::GET);
        // Above what stands before the image's own path.
        let up = "../".repeat(self.name.repository.split('/').count());
        let wanted = Wanted { what, method, path: &up, accept: "*/*", most: BESIDE, from: 0, named: &named };
        match self.get(&wanted) {
            Err(PullError::NotThere { registry, .. }) => Err(PullError::NoRegistry { registry }),
            answer => answer.map(drop),
        }
    }

    /// What the reference leads to by now: its digest, as the registry says it, or as what it has comes to.
    pub(super) fn led_to(&self) -> Result<String, PullError> {
        let asked = self.name.asked();
        let (what, method, path) = ("the manifest", Method::HEAD, format!("manifests/{asked}"));
        let (accept, named) = (manifest::accepted(), || self.called(asked));
        let wanted = Wanted { what, method, path: &path, accept: &accept, most: LARGEST, from: 0, named: &named };
        let stream = self.get(&wanted)?;
        match header(&stream, DIGEST).filter(|told| is_digest(told)) {
            Some(told) => held_to(asked, &told).map(|()| told),
            None => self.document(asked).map(|(digest, _, _)| digest),
        }
    }

    /// What errors call a manifest.
    fn called(&self, asked: &str) -> String {
        let between = if is_digest(asked) { '@' } else { ':' };
        format!("{}{between}{asked}", self.name.repository)
    }

    /// A manifest or an index, by tag or digest, and its digest.
    fn document(&self, asked: &str) -> Result<(String, Zeroizing<Vec<u8>>, Document), PullError> {
        let (what, method, path) = ("the manifest", Method::GET, format!("manifests/{asked}"));
        let (accept, named) = (manifest::accepted(), || self.called(asked));
        let mut stream =
            self.get(&Wanted { what, method, path: &path, accept: &accept, most: LARGEST, from: 0, named: &named })?;
        let (media_type, told) = (header(&stream, "content-type"), header(&stream, DIGEST));
        let mut bytes = Zeroizing::new(Vec::new());
        std::io::Read::read_to_end(&mut stream, &mut bytes).map_err(|error| self.broken(&error))?;
        if bytes.len() as u64 > LARGEST {
            return Err(PullError::Document(format!("a document of more than {} MiB", LARGEST >> 20)));
        }
        let found = Digest::of(&bytes).to_string();
        held_to(asked, &found)?;
        held_to(told.as_deref().unwrap_or_default(), &found)?;
        let document = manifest::read(&bytes, media_type.as_deref())?;
        Ok((found, bytes, document))
    }

    /// A blob from this byte on, to be read; all of it where the registry has no part to give.
    pub(super) fn blob(
        &self,
        named: &dyn Fn() -> String,
        digest: &str,
        size: u64,
        from: u64,
    ) -> Result<Part, PullError> {
        let (what, method, path) = ("a blob", Method::GET, format!("blobs/{digest}"));
        // The whole may come whatever was asked for.
        let most = size.saturating_add(1);
        let stream = match self.get(&Wanted { what, method, path: &path, accept: "*/*", most, from, named }) {
            Err(PullError::Remote(error)) if from > 0 && error.status() == Some(416) => return Ok(Part::Other),
            stream => stream?,
        };
        Ok(match (stream.status, from) {
            (206, 0) => Part::Other,
            (206, _) => {
                let told = header(&stream, "content-range").unwrap_or_default();
                let rest = format!("bytes {from}-{}/", size.saturating_sub(1));
                let of = told.strip_prefix(&rest).is_some_and(|all| all == "*" || all == size.to_string());
                if of { Part::Rest(stream) } else { Part::Other }
            }
            _ => Part::Whole(stream),
        })
    }

    /// What ended the reading of an answer.
    pub(super) fn broken(&self, error: &std::io::Error) -> PullError {
        match Stream::cause(error) {
            Some(RemoteError::TooLong { .. }) => PullError::TooLong(self.minutes),
            Some(cause) => PullError::Remote(cause.clone()),
            None => PullError::folder(error),
        }
    }

    fn get(&self, wanted: &Wanted<'_>) -> Result<Stream, PullError> {
        let url = self.base.join(wanted.path).map_err(|_| PullError::Reference("expected a path".to_owned()))?;
        let follow = || self.follow(wanted, url.clone()).map_err(|error| self.told(error, wanted.named));
        let stream = follow()?;
        if stream.status != 401 {
            return Ok(stream);
        }
        // A token may be missing, or have expired meanwhile.
        self.authorise(&stream.headers, wanted.named)?;
        let stream = follow()?;
        if stream.status == 401 { Err(self.refused(401, wanted.named)) } else { Ok(stream) }
    }

    /// Asks, and follows where it leads.
    fn follow(&self, wanted: &Wanted<'_>, url: Url) -> Result<Stream, PullError> {
        let what = wanted.what;
        let not_followed = |why| PullError::Redirect { what, registry: self.name.host.clone(), why };
        let mut url = url;
        for _ in 0..=REDIRECTS {
            let own = self.is_own(&url);
            let accept = HeaderValue::from_str(wanted.accept)
                .map_err(|_| not_followed("the media types can't stand in a header"))?;
            let request =
                Request::new(what, wanted.method.clone(), url.clone()).header(ACCEPT, accept).accepting(LEADS_ON);
            let mut request = request.explained_by(explain).most(wanted.most.max(BESIDE)).within(self.left()?);
            if wanted.from > 0 {
                let range = HeaderValue::from_str(&format!("bytes={}-", wanted.from));
                request = request.header(RANGE, range.map_err(|_| not_followed("the range can't stand in a header"))?);
            }
            if let Some((words, secret)) = self.authorization.borrow().as_ref().filter(|_| own) {
                request = request.secret_header(AUTHORIZATION, words, secret)?;
            }
            let stream = self.client.open(&request)?;
            match stream.status {
                401 if !own => return Err(not_followed("where it leads asks who is asking")),
                300..=399 => {}
                _ => return Ok(stream),
            }
            let location = stream.headers.get("location").and_then(|value| value.to_str().ok());
            let location = location.ok_or_else(|| not_followed("it does not say where to"))?;
            url = self
                .allowed(&url, location)
                .ok_or_else(|| not_followed("expected an `https://` URL without a password"))?;
        }
        Err(not_followed("it leads on more than three times"))
    }

    /// Where a URL leads, if it may be asked: as safely as the registry itself.
    fn allowed(&self, from: &Url, to: &str) -> Option<Url> {
        let url = from.join(to).ok()?;
        let safe = url.scheme() == "https" || self.base.scheme() == "http";
        self.client.url(url.as_str()).ok().filter(|_| safe)
    }

    /// Whether this is the registry itself: nobody else gets what it is asked with.
    fn is_own(&self, url: &Url) -> bool {
        let place =
            |url: &Url| (url.scheme().to_owned(), url.host_str().map(str::to_owned), url.port_or_known_default());
        place(url) == place(&self.base)
    }

    /// Does what the registry asks for.
    fn authorise(&self, headers: &HeaderMap, named: &dyn Fn() -> String) -> Result<(), PullError> {
        let lines = headers.get_all("www-authenticate").iter().filter_map(|value| value.to_str().ok());
        let challenges: Vec<Challenge> = lines.flat_map(challenge::read).collect();
        let cannot = |why: &str| PullError::Challenge { registry: self.name.host.clone(), why: why.to_owned() };
        let bearer = challenges.iter().find_map(|one| match one {
            Challenge::Bearer { realm, service, scope } => Some((realm, service.as_deref(), scope.as_deref())),
            _ => None,
        });
        let authorization = if let Some((realm, service, scope)) = bearer {
            ("Bearer ", self.token(realm, service, scope, named)?)
        } else if challenges.contains(&Challenge::Basic) {
            let Some(pair) = self.pair() else { return Err(self.refused(401, named)) };
            ("Basic ", pair)
        } else {
            return Err(cannot("neither a token nor a password would do"));
        };
        self.signed_in.set(self.login.is_some());
        *self.authorization.borrow_mut() = Some(authorization);
        Ok(())
    }

    /// User and password, as RFC 7617 has them.
    fn pair(&self) -> Option<SecretString> {
        let (user, password) = self.login.as_ref()?;
        let pair = Zeroizing::new(format!("{user}:{}", password.expose_secret()));
        Some(SecretString::from(STANDARD.encode(pair.as_bytes())))
    }

    /// A token to pull this image, of whom the registry names.
    fn token(
        &self,
        realm: &str,
        service: Option<&str>,
        scope: Option<&str>,
        named: &dyn Fn() -> String,
    ) -> Result<SecretString, PullError> {
        let cannot = |why: &str| PullError::Challenge { registry: self.name.host.clone(), why: why.to_owned() };
        let absolute = Url::parse(realm).is_ok();
        let url = self.allowed(&self.base, realm).filter(|_| absolute);
        let mut url = url.ok_or_else(|| cannot("its tokens are not given out at an `https://` URL"))?;
        // No more than to pull, whatever it would have asked for.
        let own = format!("repository:{}:pull", self.name.repository);
        let pulls = |scope: &&str| scope.starts_with("repository:") && scope.ends_with(":pull") && !scope.contains(' ');
        let scope = scope.filter(pulls).unwrap_or(&own);
        url.query_pairs_mut().extend_pairs(service.map(|service| ("service", service))).append_pair("scope", scope);
        let request = Request::get("a token to pull", url).explained_by(explain).most(TOKEN).within(self.left()?);
        let request = match self.pair() {
            Some(pair) => request.secret_header(AUTHORIZATION, "Basic ", &pair)?,
            None => request,
        };
        let answer = self.client.fetch(&request).map_err(|error| match error.status() {
            Some(status @ (400 | 401 | 403)) => self.refused(status, named),
            _ => PullError::Remote(error),
        })?;
        let read: Token = answer.json("a token in JSON")?;
        let mut tokens = [read.token, read.access_token].into_iter().flatten().map(SecretString::from);
        let token = tokens.find(|token| !token.expose_secret().is_empty());
        token.ok_or_else(|| PullError::Remote(answer.not_understood("a token in JSON")))
    }

    /// What a failure means for an image.
    fn told(&self, error: PullError, named: &dyn Fn() -> String) -> PullError {
        let PullError::Remote(remote) = error else { return error };
        let own = match &remote {
            RemoteError::Status { place, .. } => self.base.as_str().starts_with(&format!("{place}/")),
            _ => false,
        };
        match remote.status().filter(|_| own) {
            Some(404) => PullError::NotThere { registry: self.name.host.clone(), what: named() },
            Some(403) => self.refused(403, named),
            _ => PullError::Remote(remote),
        }
    }

    fn refused(&self, status: u16, named: &dyn Fn() -> String) -> PullError {
        let how = match &self.login {
            Some(_) => "with the user and password that the settings name",
            None => "without a password, and the settings name none for this registry",
        };
        PullError::Refused { registry: self.name.host.clone(), what: named(), status, how }
    }

    /// How long it may still take.
    fn left(&self) -> Result<Duration, PullError> {
        let left = self.until.checked_sub(self.pace.elapsed()).filter(|left| !left.is_zero());
        left.ok_or(PullError::TooLong(self.minutes))
    }
}

/// A header's value, if it is text.
fn header(stream: &Stream, name: &str) -> Option<String> {
    stream.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

/// Refuses a manifest that has another digest than the one that names it, where it is named by one.
fn held_to(named: &str, found: &str) -> Result<(), PullError> {
    if !named.starts_with("sha256:") || named == found {
        return Ok(());
    }
    Err(PullError::Digest { what: "the manifest".to_owned(), named: shown(named), found: found.to_owned() })
}

/// A registry's own word for a failure.
fn explain(_status: u16, _headers: &HeaderMap, beginning: &[u8]) -> Option<Said> {
    #[derive(Deserialize)]
    struct Errors {
        errors: Vec<One>,
    }
    #[derive(Deserialize)]
    struct One {
        code: String,
    }
    let read: Errors = serde_json::from_slice(beginning).ok()?;
    let code = &read.errors.first()?.code;
    WORDS.iter().find(|word| *word == code).map(|word| Said { word, passing: false })
}
