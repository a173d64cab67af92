//! Asking a service, with nothing between the test and the socket.

use std::{
    io::{self, Read, Write},
    net::TcpStream,
    sync::Arc,
    time::Duration,
};

use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, ServerName, pem::PemObject as _},
};

/// The name that services of the tests have.
pub(super) const NAME: &str = "localhost";

/// Asks over plain HTTP, and gives back the answer's status and body.
#[track_caller]
pub(super) fn plainly(address: &str, method: &str, path: &str, token: Option<&str>, body: &str) -> (u16, String) {
    let answer = converse(connect(address).expect("somebody listens"), method, path, token, &[], body);
    answer.expect("an answer")
}

/// Hands something in under a name, over plain HTTP, and gives back the answer's status and body.
#[track_caller]
pub(super) fn handing_in(address: &str, path: &str, token: &str, key: &str, body: &str) -> (u16, String) {
    let stream = connect(address).expect("somebody listens");
    converse(stream, "POST", path, Some(token), &[("Idempotency-Key", key)], body).expect("an answer")
}

/// Asks over TLS, of a service whose certificate an authority signed that is given in PEM form.
///
/// # Errors
/// When the service is not who it should be, or breaks off.
pub(super) fn over_tls(
    address: &str,
    authority: &str,
    name: &str,
    path: &str,
    token: &str,
) -> io::Result<(u16, String)> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority.as_bytes()).expect("PEM")).expect("a certificate");
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(name.to_owned()).expect("a name");
    let client = ClientConnection::new(Arc::new(config), name).expect("a client");
    converse(StreamOwned::new(client, connect(address)?), "GET", path, Some(token), &[], "")
}

fn connect(address: &str) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    Ok(stream)
}

fn converse(
    mut stream: impl Read + Write,
    method: &str,
    path: &str,
    token: Option<&str>,
    headers: &[(&str, &str)],
    body: &str,
) -> io::Result<(u16, String)> {
    let authorization = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
    let kind = if body.is_empty() { "" } else { "Content-Type: application/json\r\n" };
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: {NAME}\r\n{authorization}{headers}{kind}Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )?;
    stream.flush()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let status = answer.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.split(' ').next()?.parse().ok());
    let status = status.ok_or_else(|| io::Error::other(format!("no HTTP: {answer:?}")))?;
    Ok((status, answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default()))
}
