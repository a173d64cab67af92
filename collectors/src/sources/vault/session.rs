//! A token's time with a vault: logging in, listing, reading, and giving back what was got by logging in.

use super::super::json::Json;
use super::super::{Source as _, SourceError, files, service};
use super::policies::Policies;
use super::{AppRole, Vault, segments};
use crate::remote::{
    Answer, Client, HeaderMap, HeaderName, HeaderValue, Method, Reference, RemoteError, Request, Said, Url,
};
use secrecy::{ExposeSecret as _, SecretString};
use std::path::Path;
use zeroize::Zeroizing;

const TOKEN: HeaderName = HeaderName::from_static("x-vault-token");
const NAMESPACE: HeaderName = HeaderName::from_static("x-vault-namespace");
/// Agents and proxies before a vault may ask for it, against requests that a browser was tricked into.
const MEANT: HeaderName = HeaderName::from_static("x-vault-request");

/// The server's words, what is told of them, and whether asking again may help.
const WORDS: &[(&str, &str, bool)] = &[
    ("is sealed", SEALED, false),
    ("not initialized", "it is not initialised", false),
    ("permission denied", "permission denied", false),
    ("invalid token", "the token is not valid", false),
    ("bad token", "the token is not valid", false),
    ("missing client token", "the token is missing", false),
    ("invalid role", "the role or its secret id is not valid", false),
    ("invalid secret id", "the role or its secret id is not valid", false),
    ("no handler for route", UNMOUNTED, false),
    ("unsupported path", UNMOUNTED, false),
    ("namespace not found", "there is no such namespace", false),
    ("no namespace", "there is no such namespace", false),
    ("rate limit", "its rate limit is used up", true),
    ("no active", "no node is active", true),
    ("local node not active", "no node is active", true),
];

const SEALED: &str = "it is sealed";
const UNMOUNTED: &str = "nothing is mounted there";

/// The server's own word, out of `{"errors": […]}`.
fn explain(_status: u16, _headers: &HeaderMap, beginning: &[u8]) -> Option<Said> {
    let text = String::from_utf8_lossy(beginning).to_lowercase();
    WORDS.iter().find(|(word, _, _)| text.contains(word)).map(|(_, word, passing)| Said { word, passing: *passing })
}

/// A token and where it is valid.
pub(super) struct Session<'v> {
    vault: &'v Vault,
    client: Client,
    base: Url,
    namespace: Option<HeaderValue>,
    token: SecretString,
    /// Whether it was got by logging in, so that it is to be given back.
    borrowed: bool,
}

/// What became of asking for one secret.
pub(super) enum Got {
    /// The answer.
    There(Json),
    /// There is no value: it was deleted. What is known of it.
    Gone(Json),
    /// The token may not read it.
    Denied,
}

impl<'v> Session<'v> {
    pub(super) fn begin(vault: &'v Vault) -> Result<Self, SourceError> {
        let settings = &vault.settings;
        let told = |error: RemoteError| refused(vault, &error);
        let client = service::client(&vault.root, settings.authorities.as_deref(), settings.plain_http)?;
        let base = client.url(&settings.address).map_err(told)?;
        let namespace = settings.namespace.as_ref().map(|name| HeaderValue::from_str(name)).transpose();
        let unfit = |_| told(RemoteError::Settings("the namespace can't stand in a header".to_owned()));
        let namespace = namespace.map_err(unfit)?;
        let token = SecretString::from("");
        let mut session = Self { vault, client, base, namespace, token, borrowed: false };
        match (&settings.token, &settings.approle) {
            (Some(token), _) => session.token = token.resolve(session.folder()).map_err(told)?,
            (None, Some(role)) => session.log_in(role).map_err(told)?,
            (None, None) => return Err(told(RemoteError::Settings("neither a token nor a role is named".to_owned()))),
        }
        Ok(session)
    }

    /// Where relative paths of references start.
    fn folder(&self) -> &'v Path {
        match &self.vault.root {
            super::Root::Folder(folder) => folder,
            super::Root::Memory(_) => Path::new("/"),
        }
    }

    fn log_in(&mut self, role: &AppRole) -> Result<(), RemoteError> {
        let role_id = match Reference::try_from(role.role_id.clone()) {
            Ok(reference) => reference.resolve(self.folder())?,
            Err(_) => SecretString::from(role.role_id.as_str()),
        };
        let secret_id = role.secret_id.as_ref().map(|reference| reference.resolve(self.folder())).transpose()?;
        let quoted = |text: &SecretString| Zeroizing::new(serde_json::Value::from(text.expose_secret()).to_string());
        let mut body = Zeroizing::new(format!("{{\"role_id\":{}", quoted(&role_id).as_str()));
        if let Some(secret_id) = secret_id {
            body = Zeroizing::new(format!("{},\"secret_id\":{}", body.as_str(), quoted(&secret_id).as_str()));
        }
        let body = Zeroizing::new(format!("{}}}", body.as_str()).into_bytes());
        let url = self.url(["auth"].into_iter().chain(segments(&role.mount)).chain(["login"]));
        // A secret id may be good for one use.
        let request = Request::new("logging in to the vault as a role", Method::POST, url).once();
        let answer = self.client.fetch(&self.dressed(request)?.body("application/json", body))?;
        let expected = "a token";
        let read = read(&answer).ok_or_else(|| answer.not_understood(expected))?;
        let token = read.text_at(["auth", "client_token"]).filter(|token| !token.is_empty());
        self.token = SecretString::from(token.ok_or_else(|| answer.not_understood(expected))?);
        self.borrowed = true;
        Ok(())
    }

    /// Whether the engine is of the version that the settings say: one that is asked as the other looks empty.
    pub(super) fn check_mount(&self) -> Result<(), SourceError> {
        let mount = segments(&self.vault.settings.mount);
        let url = self.url(["sys", "internal", "ui", "mounts"].into_iter().chain(mount));
        // Who may not know it is told so where it matters: at the list.
        let answer = self.fetch("asking what is mounted", url, &[403, 404])?;
        if answer.status != 200 {
            return Ok(());
        }
        let wrong = |reason: String| Err(SourceError::refused(self.vault.label(), "remote-settings", reason));
        let Some(read) = read(&answer) else { return Ok(()) };
        match (read.text_at(["data", "type"]), read.text_at(["data", "options", "version"])) {
            (Some("kv" | "generic"), version) => {
                let version = version.unwrap_or("1");
                if version == self.vault.settings.kv.to_string() {
                    return Ok(());
                }
                let known = if version == "2" { "2" } else { "1" };
                wrong(format!("the mount is of KV version {known}, not {}", self.vault.settings.kv))
            }
            (Some(_), _) => wrong("what is mounted there is no KV engine".to_owned()),
            (None, _) => Ok(()),
        }
    }

    /// The names in a folder, folders with a `/` behind them; none where there is no such folder.
    pub(super) fn list(&self, folder: &[String]) -> Result<Option<Vec<String>>, SourceError> {
        let mut url = self.url(self.path("metadata", folder));
        url.set_query(Some("list=true"));
        let answer = self.fetch("listing secrets", url, &[404])?;
        let read = read(&answer).ok_or_else(|| self.told(&answer.not_understood("a list of names")))?;
        if answer.status == 404 {
            // An empty folder is a 404 without a word.
            if read.get("errors").is_some_and(|errors| errors.items().is_empty()) {
                return Ok(None);
            }
            return Err(SourceError::refused(self.vault.label(), "not-there", UNMOUNTED));
        }
        let names =
            read.at(["data", "keys"]).map(|names| names.items().iter().map(|name| name.text().map(str::to_owned)));
        let names = names.and_then(|names| names.collect::<Option<Vec<_>>>());
        names.map(Some).ok_or_else(|| self.told(&answer.not_understood("a list of names")))
    }

    /// One secret with all its fields.
    pub(super) fn secret(&self, path: &[String]) -> Result<Got, SourceError> {
        let url = self.url(self.path("data", path));
        let answer = self.fetch("reading a secret", url, &[403, 404])?;
        if answer.status == 403 {
            return Ok(Got::Denied);
        }
        let read = read(&answer).ok_or_else(|| self.told(&answer.not_understood("a secret")))?;
        Ok(if answer.status == 404 { Got::Gone(read) } else { Got::There(read) })
    }

    /// What is known about a secret whose value may not be read; none where that may not be known either.
    pub(super) fn metadata(&self, path: &[String]) -> Result<Option<Json>, SourceError> {
        if self.vault.settings.kv == 1 {
            return Ok(None);
        }
        let url = self.url(self.path("metadata", path));
        let answer = self.fetch("reading a secret's metadata", url, &[403, 404])?;
        Ok(if answer.status == 200 { read(&answer) } else { None })
    }

    /// Every policy of the vault, by name.
    pub(super) fn policies(&self) -> Result<Policies, SourceError> {
        let place = ["sys", "policies", "acl"];
        let mut url = self.url(place);
        url.set_query(Some("list=true"));
        let answer = self.fetch("listing policies", url, &[])?;
        let names = read(&answer).and_then(|read| {
            let names = read.at(["data", "keys"])?.items().iter().map(|name| name.text().map(str::to_owned));
            names.collect::<Option<Vec<String>>>()
        });
        let names = names.ok_or_else(|| self.told(&answer.not_understood("a list of names")))?;
        let texts = service::each(&names, self.vault.settings.at_once, &|name: &String| {
            let url = self.url(place.into_iter().chain([name.as_str()]));
            // One that was removed meanwhile grants nothing.
            let answer = self.fetch("reading a policy", url, &[404])?;
            if answer.status == 404 {
                return Ok(None);
            }
            let text = read(&answer).and_then(|read| read.text_at(["data", "policy"]).map(str::to_owned));
            text.map(Some).ok_or_else(|| self.told(&answer.not_understood("a policy")))
        })?;
        let mut policies = Policies::default();
        for (name, text) in names.iter().zip(texts) {
            if let Some(text) = text {
                policies.add(name, &text);
            }
        }
        Ok(policies)
    }

    /// The whole path of a secret, as policies name it.
    pub(super) fn whole(&self, path: &[String]) -> String {
        self.path("data", path).join("/")
    }

    /// Whether the token is still valid: one that ran out meanwhile is denied everything.
    pub(super) fn still_valid(&self) -> Result<(), SourceError> {
        let url = self.url(["auth", "token", "lookup-self"]);
        self.fetch("asking whether the token is still valid", url, &[]).map(|_| ())
    }

    fn path<'p>(&'p self, kind: &'p str, path: &'p [String]) -> Vec<&'p str> {
        let mut parts: Vec<&str> = segments(&self.vault.settings.mount).collect();
        if self.vault.settings.kv == 2 {
            parts.push(kind);
        }
        parts.extend(path.iter().map(String::as_str));
        parts
    }

    fn url<'p>(&self, parts: impl IntoIterator<Item = &'p str>) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().push("v1").extend(parts);
        }
        url
    }

    fn dressed<'r>(&self, request: Request<'r>) -> Result<Request<'r>, RemoteError> {
        let mut request = request.header(MEANT, HeaderValue::from_static("true")).explained_by(explain);
        if let Some(namespace) = &self.namespace {
            request = request.header(NAMESPACE, namespace.clone());
        }
        if self.token.expose_secret().is_empty() {
            return Ok(request);
        }
        request.secret_header(TOKEN, "", &self.token)
    }

    /// Asks for `url`, with statuses that are answers too.
    fn fetch(&self, what: &'static str, url: Url, accepted: &'static [u16]) -> Result<Answer, SourceError> {
        let request = self.dressed(Request::get(what, url).accepting(accepted)).map_err(|error| self.told(&error))?;
        self.client.fetch(&request).map_err(|error| self.told(&error))
    }

    fn told(&self, error: &RemoteError) -> SourceError {
        refused(self.vault, error)
    }
}

impl Drop for Session<'_> {
    fn drop(&mut self) {
        if self.borrowed {
            let url = self.url(["auth", "token", "revoke-self"]);
            let request = self.dressed(Request::new("revoking the token", Method::POST, url));
            // It runs out by itself where this fails.
            let _ = request.and_then(|request| self.client.fetch(&request));
        }
    }
}

fn read(answer: &Answer) -> Option<Json> {
    let text = files::decode("answer", &answer.body).ok()?;
    Json::read(&text).ok()
}

/// The error for a vault: a sealed one has a code of its own.
fn refused(vault: &Vault, error: &RemoteError) -> SourceError {
    match error {
        RemoteError::Status { said: Some(SEALED), .. } => {
            SourceError::refused(vault.label(), "sealed", error.to_string())
        }
        _ => service::refused(&vault.label(), error),
    }
}
