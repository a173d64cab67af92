//! Canaries by HTTP: a request that makes the application log a synthetic secret and a marker.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use zeroize::Zeroizing;

use super::settings::Call;
use crate::remote::{
    Client, HeaderName, HeaderValue, Limits, Method, Pace, Reference, RemoteError, Request, encoded,
};

/// Where the secret goes.
pub(super) const SECRET: &str = "{{secret}}";
/// Where the marker goes.
pub(super) const MARKER: &str = "{{marker}}";

/// Methods that a call may have.
pub(super) const METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];

/// Sends it. Any answer will do, a refusal most of all: whether the application logged anything, the marker shows.
///
/// # Errors
/// When no answer came.
pub(super) fn call(
    call: &Call,
    secret: &str,
    marker: &str,
    base: &Path,
    limit: Duration,
    pace: Arc<dyn Pace>,
) -> Result<(), RemoteError> {
    let authorities = call.authorities.as_ref().map(|path| {
        std::fs::read(base.join(path))
            .map_err(|_| RemoteError::Settings(format!("{}: the file can't be read", path.display())))
    });
    let limits = Limits {
        authorities: authorities.transpose()?,
        plain_http: call.plain_http,
        quiet: limit,
        whole: limit,
        ..Limits::default()
    };
    let client = Client::new(limits, pace, 0)?;
    let filled = |text: &str, written: &dyn Fn(&str) -> String| {
        Zeroizing::new(text.replace(SECRET, &written(secret)).replace(MARKER, &written(marker)))
    };
    let url = client.url(&filled(&call.url, &|value| encoded(value, false)))?;
    let method = Method::from_bytes(call.method.as_bytes())
        .map_err(|_| RemoteError::Settings(format!("expected a method: {}", METHODS.join(", "))))?;
    let mut request = Request::new("calling the application", method, url).once();
    if let Some(body) = &call.body {
        let is_json = call.media_type.contains("json");
        let body = filled(body, &|value| if is_json { in_json(value) } else { value.to_owned() });
        let unusable = |_| RemoteError::Settings("the media type can't stand in a header".to_owned());
        let media_type = HeaderValue::from_str(&call.media_type).map_err(unusable)?;
        request = request.body("application/json", Zeroizing::new(body.as_bytes().to_vec()));
        request = request.header(HeaderName::from_static("content-type"), media_type);
    }
    for (name, value) in &call.headers {
        let unusable = |_| RemoteError::Settings("a header's name can't stand in a request".to_owned());
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(unusable)?;
        let value = match Reference::try_from(value.clone()) {
            Ok(reference) => reference.resolve(base)?,
            Err(_) => secrecy::SecretString::from(filled(value, &str::to_owned).as_str()),
        };
        request = request.secret_header(name, "", &value)?;
    }
    match client.fetch(&request) {
        Ok(_) | Err(RemoteError::Status { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Between the quotes of JSON.
fn in_json(value: &str) -> String {
    let quoted = serde_json::Value::from(value).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::remote::RealPace;
    use crate::remote::fake::{FakeServer, Reply};

    fn send(server: &FakeServer, settings: &str, folder: &Path) -> Result<(), RemoteError> {
        let settings = settings.replace("SERVER", &server.url);
        let settings: Call = toml::from_str(&settings).expect("settings");
        let pace = Arc::new(RealPace::new());
        call(&settings, "k\"canary+4711", "exhibit-marker-1", folder, Duration::from_secs(5), pace)
    }

    #[test]
    fn secret_and_marker_go_where_the_template_says() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("token"), "of-the-test").expect("written");
        let server = FakeServer::plain(|_, _| Reply::status(401));
        let settings = "url = 'SERVER/login?trace={{marker}}&token={{secret}}'\n\
                        body = '{\"user\":\"{{marker}}\",\"password\":\"{{secret}}\"}'\n\
                        headers = { x-trace = 'a {{marker}}', authorization = 'file:token' }";
        send(&server, settings, folder.path()).expect("a refusal is an answer");
        let asked = &server.asked()[0];
        assert_eq!((asked.method.as_str(), server.asked().len()), ("POST", 1));
        assert_eq!(asked.target, "/login?trace=exhibit-marker-1&token=k%22canary%2B4711");
        assert_eq!(asked.body, br#"{"user":"exhibit-marker-1","password":"k\"canary+4711"}"#);
        assert_eq!(asked.header("x-trace"), Some("a exhibit-marker-1"));
        assert_eq!(asked.header("authorization"), Some("of-the-test"));
        assert_eq!(asked.header("content-type"), Some("application/json"));
    }

    #[test]
    fn no_answer_is_told_and_nothing_is_sent_twice() {
        let folder = tempfile::tempdir().expect("a folder");
        let server = FakeServer::plain(|_, _| Reply::Close);
        let settings = "url = 'SERVER/{{marker}}'\nmethod = 'GET'\nheaders = { x-secret = '{{secret}}' }";
        let error = send(&server, settings, folder.path()).expect_err("closed");
        assert!(error.code() == "unreachable" && !error.to_string().contains("canary"), "{error}");
        assert_eq!(server.asked().len(), 1);
        let missing = "url = 'SERVER/{{marker}}'\nheaders = { authorization = 'file:none', x-secret = '{{secret}}' }";
        assert_eq!(send(&server, missing, folder.path()).expect_err("none").code(), "no-credentials");
    }
}
