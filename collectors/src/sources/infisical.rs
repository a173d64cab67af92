//! Infisical: the secrets of a project's environment, by its REST API. Written from its documentation, and tried against
//! answers as it documents them; not against a live one.

use super::fields::{of_whole, shown};
use super::json::{self, Json};
use super::settings::{Kind, Problem};
use super::{
    Credential, Listing, Origin, Place, Reading, Root, SecretValue, Source, SourceError, Surroundings, Unread, Version,
    files, instant, service,
};
use crate::remote::{Answer, Client, HeaderName, Method, Reference, RemoteError, Request, Url};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use std::path::Path;
use zeroize::Zeroizing;

const AUTHORIZATION: HeaderName = HeaderName::from_static("authorization");

/// The table `infisical` of a source of credentials.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InfisicalSettings {
    /// Where it is: `https://HOST`.
    pub address: String,
    /// The project's id.
    pub project: String,
    /// The slug of the environment in it.
    pub slug: String,
    /// The folder; everything in it is read, at any depth.
    #[serde(default = "top")]
    pub path: String,
    /// Where the client id of universal auth is found.
    pub client_id: Option<Reference>,
    /// Where its client secret is found.
    pub client_secret: Option<Reference>,
    /// Where a service token is found, in place of universal auth.
    pub token: Option<Reference>,
    /// A file with the certificates of the authorities that its own may come from; without it, those that this machine
    /// trusts.
    pub authorities: Option<String>,
    /// Whether `http://` may be used beyond this machine.
    #[serde(default)]
    pub plain_http: bool,
}

fn top() -> String {
    "/".to_owned()
}

/// The secrets of an environment of a project.
struct Infisical {
    root: Root,
    environment: String,
    settings: InfisicalSettings,
}

impl Kind for InfisicalSettings {
    fn problem(&self) -> Option<Problem> {
        let universal = [&self.client_id, &self.client_secret].map(Option::is_some);
        if universal[0] != universal[1] || universal[0] == self.token.is_some() {
            return Some(("token", "expected either `client_id` and `client_secret`, or `token`"));
        }
        if self.project.is_empty() || self.slug.is_empty() {
            return Some(("project", "expected the project's id and the environment's slug"));
        }
        None
    }

    fn open<'a>(&self, around: &Surroundings<'a>, environment: &str) -> Box<dyn Source + 'a> {
        let (root, environment) = (around.root.clone(), environment.to_owned());
        Box::new(Infisical { root, environment, settings: self.clone() })
    }
}

impl Infisical {
    fn refused(&self, error: &RemoteError) -> SourceError {
        service::refused(&self.label(), error)
    }

    fn token(&self, client: &Client, base: &Url) -> Result<SecretString, RemoteError> {
        let folder = match &self.root {
            Root::Folder(folder) => folder.as_path(),
            Root::Memory(_) => Path::new("/"),
        };
        let settings = &self.settings;
        if let Some(token) = &settings.token {
            return token.resolve(folder);
        }
        let (Some(id), Some(secret)) = (&settings.client_id, &settings.client_secret) else {
            return Err(RemoteError::Settings("no way to log in is named".to_owned()));
        };
        let quoted = |reference: &Reference| {
            let value = reference.resolve(folder)?;
            Ok::<_, RemoteError>(Zeroizing::new(serde_json::Value::from(value.expose_secret()).to_string()))
        };
        let body = format!("{{\"clientId\":{},\"clientSecret\":{}}}", quoted(id)?.as_str(), quoted(secret)?.as_str());
        let url = at(base, &["api", "v1", "auth", "universal-auth", "login"]);
        let body = Zeroizing::new(body.into_bytes());
        let request = Request::new("logging in", Method::POST, url).once().body("application/json", body);
        let answer = client.fetch(&request)?;
        let text = files::decode("answer", &answer.body).ok();
        let read = text.and_then(|text| Json::read(&text).ok());
        let token = read.as_ref().and_then(|read| read.text_at(["accessToken"])).filter(|token| !token.is_empty());
        token.map(SecretString::from).ok_or_else(|| answer.not_understood("a token"))
    }

    /// The list of secrets, with or without their values.
    fn list(&self, values: bool) -> Result<(Answer, Zeroizing<String>), SourceError> {
        let settings = &self.settings;
        let told = |error: RemoteError| self.refused(&error);
        let client = service::client(&self.root, settings.authorities.as_deref(), settings.plain_http)?;
        let base = client.url(&settings.address).map_err(told)?;
        let token = self.token(&client, &base).map_err(told)?;
        let mut url = at(&base, &["api", "v3", "secrets", "raw"]);
        url.query_pairs_mut()
            .append_pair("workspaceId", &settings.project)
            .append_pair("environment", &settings.slug)
            .append_pair("secretPath", &settings.path)
            .append_pair("recursive", "true")
            .append_pair("include_imports", "false")
            .append_pair("viewSecretValue", if values { "true" } else { "false" });
        let request = Request::get("listing secrets", url).secret_header(AUTHORIZATION, "Bearer ", &token);
        let answer = request.and_then(|request| client.fetch(&request)).map_err(told)?;
        let text = files::decode("answer", &answer.body).map_err(|_| told(answer.not_understood("JSON")))?;
        Ok((answer, text))
    }
}

fn at(base: &Url, parts: &[&str]) -> Url {
    let mut url = base.clone();
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend(parts);
    }
    url
}

impl Source for Infisical {
    fn kind(&self) -> &'static str {
        "infisical"
    }

    fn environment(&self) -> &str {
        &self.environment
    }

    fn label(&self) -> String {
        format!("Infisical, environment {} at {}", self.settings.slug, self.settings.path)
    }

    fn counted_by(&self) -> &'static str {
        "the service's own list of secrets, asked for without values"
    }

    fn rights(&self) -> &'static str {
        "to list and read the secrets of the project's environment"
    }

    fn listing(&self) -> Result<Listing, SourceError> {
        let (answer, text) = self.list(false)?;
        let counted = json::count(&text, &["secrets"]).ok().flatten();
        counted.map(|names| Listing { names }).ok_or_else(|| self.refused(&answer.not_understood("a list of secrets")))
    }

    fn read(&self) -> Result<Reading, SourceError> {
        let (answer, text) = self.list(true)?;
        let malformed = || self.refused(&answer.not_understood("a list of secrets"));
        let read = Json::read(&text).map_err(|_| malformed())?;
        let Some(Json::List(secrets)) = read.get("secrets") else { return Err(malformed()) };
        let mut reading = Reading::default();
        reading.blind_spots.push("Secrets that Infisical imports from other folders are not followed.".to_owned());
        for secret in secrets {
            let key = secret.text_at(["secretKey"]).ok_or_else(malformed)?;
            let folder = secret.text_at(["secretPath"]).unwrap_or("/");
            let name = of_whole(&shown(key.split('/')));
            let path = shown(folder.split('/').filter(|part| !part.is_empty()));
            let place =
                Place::keyed(format!("infisical {}/{path}", shown([self.settings.slug.as_str()].into_iter())), &name);
            // Any change of the secret counts, of its comment too: nothing closer is told.
            let since = secret.text_at(["updatedAt"]).and_then(instant);
            let version = Version { id: secret.text_at(["version"]).map(str::to_owned), since, kept: None };
            let hidden = secret.text_at(["secretValueHidden"]) == Some("true");
            match secret.text_at(["secretValue"]).filter(|_| !hidden) {
                Some(value) => {
                    let value = SecretValue::new(value.as_bytes().to_vec());
                    let found = Credential::plain(&self.environment, name, value, place, Origin::Infisical);
                    reading.credentials.push(Credential { version: Some(version), ..found });
                }
                None => {
                    let unread = Unread::new(name, place, "not-permitted", "the service lists it, and hides its value");
                    reading.unread.push(Unread { version: Some(version), ..unread });
                }
            }
        }
        reading.examined = reading.credentials.len() as u64;
        Ok(reading)
    }
}

#[cfg(test)]
mod tests {
    use super::super::settings::{self, tests::FixedClock};
    use super::*;
    use crate::remote::fake::{FakeServer, Reply};

    fn with<T>(server: &FakeServer, further: &str, work: impl FnOnce(&dyn Source) -> T) -> T {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("s"), "canary-4711").expect("written");
        let text = format!(
            "[[c]]\nenvironment='staging'\ninfisical={{address='{}',project='p-1',slug='prod',{further}}}",
            server.url
        );
        let table: toml::Table = toml::from_str(&text).expect("TOML");
        let read = settings::read(&table["c"], "c").expect("valid");
        let root = Root::folder(folder.path());
        let source = read[0].open(&Surroundings { root: &root, clock: &FixedClock }).expect("opened");
        work(source.as_ref())
    }

    const TOKEN: &str = "token='file:s'";
    const UNIVERSAL: &str = "client_id='file:s',client_secret='file:s'";
    /// In the form of the API's documentation.
    const LIST: &str = r#"{"secrets":[
        {"id":"1","workspace":"p-1","environment":"prod","version":2,"type":"shared","secretKey":"A_KEY","secretValue":"canary-4711-a",
         "secretPath":"/","secretValueHidden":false,"createdAt":"2026-01-01T00:00:00.000Z","updatedAt":"2026-01-02T03:04:05.000Z"},
        {"id":"2","secretKey":"B_KEY","secretValue":"<hidden-by-infisical>","secretValueHidden":true,"secretPath":"/deep","version":1}],
        "imports":[]}"#;

    #[test]
    fn documented_answers_are_read_with_both_ways_in() {
        for further in [TOKEN, UNIVERSAL] {
            let server =
                FakeServer::plain(|asked, _| match asked.target.starts_with("/api/v1/auth/universal-auth/login") {
                    true => Reply::ok("{\"accessToken\":\"canary-4711\",\"expiresIn\":7200,\"tokenType\":\"Bearer\"}"),
                    false => Reply::ok(LIST),
                });
            with(&server, further, |source| {
                let reading = source.read().expect("read");
                assert_eq!((reading.examined, source.listing()), (1, Ok(Listing { names: 2 })));
                let (found, unread) = (&reading.credentials[0], &reading.unread[0]);
                assert_eq!((found.name.as_str(), found.value.text()), ("A_KEY", Some("canary-4711-a")));
                assert_eq!(found.version.as_ref().and_then(|version| version.since), instant("2026-01-02T03:04:05Z"));
                assert_eq!((unread.name.as_str(), unread.code), ("B_KEY", "not-permitted"));
            });
            let asked = server.asked();
            let lists: Vec<_> = asked.iter().filter(|asked| asked.method == "GET").collect();
            assert!(
                lists[0].target.contains("viewSecretValue=true") && lists[1].target.contains("viewSecretValue=false")
            );
            assert!(lists.iter().all(|asked| asked.header("authorization") == Some("Bearer canary-4711")));
            assert!(asked.iter().all(|asked| !asked.target.contains("4711")));
        }
    }

    #[test]
    fn what_goes_wrong_has_a_steady_code_and_shows_nothing() {
        type Answer = fn() -> Reply;
        let cases: [(&str, Answer); 4] = [
            ("denied", || Reply::status(401)),
            ("not-there", || Reply::status(404)),
            ("not-understood", || Reply::ok("canary-4711")),
            ("not-understood", || Reply::ok("{\"secrets\":\"canary-4711\"}")),
        ];
        for (code, answer) in cases {
            for further in [TOKEN, UNIVERSAL] {
                let server = FakeServer::plain(move |_, _| answer());
                with(&server, further, |source| {
                    let (read, listed) = (source.read().expect_err(code), source.listing().expect_err(code));
                    assert_eq!((read.code(), listed.code()), (code, code), "{read}");
                    assert!(!format!("{read} {read:?}").contains("4711"), "{read}");
                });
            }
        }
    }
}
