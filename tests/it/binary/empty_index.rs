//! PyPI as a company's own mirror is: reached by a proxy, and without an answer to what pip-audit asks.

use std::{
    io::{self, BufRead as _, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::Arc,
};

use rustls::{
    ServerConfig, ServerConnection, StreamOwned,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};

use crate::certificates::certificates_of;

/// The proxy's address, and the authority that vouches for what is behind it, PEM. It serves until the process ends.
pub(super) fn serve() -> (String, String) {
    let (authority, own, key) = certificates_of("pypi.org");
    let own = CertificateDer::from_pem_slice(own.as_bytes()).expect("a certificate");
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).expect("a key");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![own], key)
        .expect("a configuration that works");
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("bound"));
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let config = Arc::clone(&config);
            std::thread::spawn(move || tunnel(stream, config));
        }
    });
    (address, authority)
}

fn tunnel(mut stream: TcpStream, config: Arc<ServerConfig>) -> io::Result<()> {
    let asked = head(&mut stream)?;
    assert!(asked.starts_with("CONNECT pypi.org:443 "), "{asked}");
    stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
    let mut tls = StreamOwned::new(ServerConnection::new(config).map_err(io::Error::other)?, stream);
    head(&mut tls)?;
    tls.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")?;
    tls.conn.send_close_notify();
    tls.flush()
}

/// What stands before the empty line, and not a byte more is read: what follows a proxy's head is another's.
fn head(stream: &mut impl Read) -> io::Result<String> {
    let mut reader = BufReader::with_capacity(1, stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head)? > 0 {}
    Ok(head)
}
