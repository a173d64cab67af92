//! Who gives tokens for a registry: JSON Web Tokens as the Distribution project specifies them, signed with a key whose
//! certificate the registry has.

use std::{
    io::{self, BufRead as _, BufReader, Write as _},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    time::{Duration, UNIX_EPOCH},
};

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair},
};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use serde_json::json;

use super::{PASSWORD, USER};

/// Whom tokens are for.
pub(super) const SERVICE: &str = "registry of tests";
/// Who gives them.
pub(super) const ISSUER: &str = "tests";

/// A service that gives tokens to pull to who knows the password, until the process ends.
pub(crate) struct Tokens {
    /// Where it is.
    pub(super) address: String,
    /// The certificate of its key, PEM.
    pub(super) certificate: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Tokens {
    /// Starts one.
    pub(crate) fn start() -> Self {
        let key = rcgen::KeyPair::generate().expect("a key");
        let own = rcgen::CertificateParams::new(vec![ISSUER.to_owned()]).expect("parameters");
        let own = own.self_signed(&key).expect("a certificate");
        let signer = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &key.serialize_der()).expect("a key");
        let (der, certificate) = (STANDARD.encode(own.der()), own.pem());
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = format!("http://{}", listener.local_addr().expect("bound"));
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let heard = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let token = |scope: &str| signed(&signer, &der, scope);
                let _ = reply(&stream, &token, &heard);
            }
        });
        Self { address, certificate, asked }
    }

    /// What it was asked: path and query.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("no panic within").clone()
    }
}

fn reply(mut stream: &TcpStream, token: &dyn Fn(&str) -> String, heard: &Mutex<Vec<String>>) -> io::Result<()> {
    let mut lines = BufReader::new(stream).lines();
    let first = lines.next().transpose()?.unwrap_or_default();
    let asked = first.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut known = false;
    for line in lines {
        let line = line?;
        if line.is_empty() {
            break;
        }
        let pair = format!("Basic {}", STANDARD.encode(format!("{USER}:{PASSWORD}")));
        known |= line
            .split_once(": ")
            .is_some_and(|(name, value)| name.eq_ignore_ascii_case("authorization") && value == pair);
    }
    heard.lock().expect("no panic within").push(asked.clone());
    let (status, body) = match known {
        true => ("200 OK", json!({"token": token(&asked), "expires_in": 60}).to_string()),
        false => ("401 Unauthorized", json!({"details": "incorrect username or password"}).to_string()),
    };
    write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
}

/// A token for the repository that the query asks for, to pull.
fn signed(signer: &EcdsaKeyPair, certificate: &str, query: &str) -> String {
    let url = exhibit_collectors::remote::Url::parse(&format!("http://tests{query}")).expect("a URL");
    let scope = url.query_pairs().find(|(name, _)| name == "scope").map(|(_, value)| value.into_owned());
    let scope = scope.unwrap_or_default();
    let repository = scope.strip_prefix("repository:").and_then(|rest| rest.strip_suffix(":pull")).unwrap_or_default();
    // The registry holds the token against its own clock, which is what new files are dated by.
    let written = tempfile::tempfile().and_then(|file| file.metadata()?.modified()).expect("a file has a time");
    let now = written.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs();
    let header = json!({"typ": "JWT", "alg": "ES256", "x5c": [certificate]});
    let claims = json!({
        "iss": ISSUER, "sub": USER, "aud": SERVICE, "exp": now + 60, "nbf": now - 60, "iat": now, "jti": "1",
        "access": [{"type": "repository", "name": repository, "actions": ["pull"]}],
    });
    let part = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let text = format!("{}.{}", part(&header), part(&claims));
    let signature = signer.sign(&SystemRandom::new(), text.as_bytes()).expect("signed");
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
}
