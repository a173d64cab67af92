//! A fake server on this machine for tests: it answers what a test tells it to, and remembers what it was asked.

use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

#[cfg(test)]
use rustls::pki_types::{PrivateKeyDer, pem::PemObject as _};

/// A request as it came.
#[derive(Debug, Clone, Default)]
pub(crate) struct Asked {
    pub(crate) method: String,
    /// Path and query.
    pub(crate) target: String,
    /// Names in small letters.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// What it does with a request.
pub(crate) enum Reply {
    /// Answers: status, further headers, body.
    Answer(u16, Vec<(&'static str, String)>, Vec<u8>),
    /// Sends these very bytes and closes.
    Raw(Vec<u8>),
    /// Says nothing, and stays.
    Hang,
    /// Closes at once.
    Close,
}

impl Reply {
    pub(crate) fn ok(body: impl Into<Vec<u8>>) -> Self {
        Self::Answer(200, Vec::new(), body.into())
    }

    pub(crate) fn status(status: u16) -> Self {
        Self::Answer(status, Vec::new(), Vec::new())
    }

    fn bytes(self) -> Option<Vec<u8>> {
        match self {
            Self::Raw(bytes) => Some(bytes),
            Self::Hang | Self::Close => None,
            Self::Answer(status, headers, body) => {
                let mut bytes =
                    format!("HTTP/1.1 {status} x\r\nconnection: close\r\ncontent-length: {}\r\n", body.len());
                for (name, value) in headers {
                    bytes.push_str(&format!("{name}: {value}\r\n"));
                }
                Some([bytes.as_bytes(), b"\r\n", &body].concat())
            }
        }
    }
}

type Answers = dyn Fn(&Asked, usize) -> Reply + Send + Sync;

/// The server; gone when dropped.
pub(crate) struct FakeServer {
    /// `http://127.0.0.1:PORT` or `https://…`.
    pub(crate) url: String,
    /// The authority behind its certificate, PEM; none without TLS.
    pub(crate) authority: Option<Vec<u8>>,
    asked: Arc<Mutex<Vec<Asked>>>,
    over: Arc<AtomicBool>,
    accepting: Option<JoinHandle<()>>,
}

impl FakeServer {
    /// One without TLS. `answers` gets each request and how many came before.
    pub(crate) fn plain(answers: impl Fn(&Asked, usize) -> Reply + Send + Sync + 'static) -> Self {
        Self::start(None, Arc::new(answers))
    }

    /// One whose certificate is from an authority of its own.
    #[cfg(test)]
    pub(crate) fn tls(answers: impl Fn(&Asked, usize) -> Reply + Send + Sync + 'static) -> Self {
        Self::start(Some(certificate()), Arc::new(answers))
    }

    /// Everything that it was asked.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().expect("no test panicked within").clone()
    }

    fn start(tls: Option<(Arc<rustls::ServerConfig>, Vec<u8>)>, answers: Arc<Answers>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let scheme = if tls.is_some() { "https" } else { "http" };
        let url = format!("{scheme}://{}", listener.local_addr().expect("an address"));
        let (asked, over) = (Arc::<Mutex<Vec<Asked>>>::default(), Arc::<AtomicBool>::default());
        let (config, authority) = tls.unzip();
        let (heard, ended) = (Arc::clone(&asked), Arc::clone(&over));
        let accepting = std::thread::spawn(move || {
            for connection in listener.incoming() {
                if ended.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(connection) = connection else { continue };
                let (config, answers) = (config.clone(), Arc::clone(&answers));
                let (heard, ended) = (Arc::clone(&heard), Arc::clone(&ended));
                std::thread::spawn(move || serve(connection, config, &*answers, &heard, &ended));
            }
        });
        Self { url, authority, asked, over, accepting: Some(accepting) }
    }
}

impl Drop for FakeServer {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        let address = self.url.rsplit('/').next().unwrap_or_default();
        let _ = TcpStream::connect(address);
        let _ = self.accepting.take().map(JoinHandle::join);
    }
}

fn serve(
    connection: TcpStream,
    tls: Option<Arc<rustls::ServerConfig>>,
    answers: &Answers,
    heard: &Mutex<Vec<Asked>>,
    over: &AtomicBool,
) {
    let Some(config) = tls else { return converse(connection, answers, heard, over) };
    let tls = rustls::ServerConnection::new(config).expect("a configuration that works");
    converse(rustls::StreamOwned::new(tls, connection), answers, heard, over);
}

fn converse(connection: impl Read + Write, answers: &Answers, heard: &Mutex<Vec<Asked>>, over: &AtomicBool) {
    let mut reader = BufReader::new(connection);
    let Some(request) = read(&mut reader) else { return };
    let before = {
        let mut heard = heard.lock().expect("no test panicked within");
        heard.push(request.clone());
        heard.len() - 1
    };
    let reply = answers(&request, before);
    if matches!(reply, Reply::Hang) {
        while !over.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(10));
        }
    }
    if let Some(bytes) = reply.bytes() {
        let connection = reader.get_mut();
        // Who asked may have gone: that is what some tests are about.
        let _ = connection.write_all(&bytes).and_then(|()| connection.flush());
    }
}

fn read(reader: &mut BufReader<impl Read>) -> Option<Asked> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|count| *count > 0)?;
    let mut words = line.split(' ');
    let mut asked = Asked { method: words.next()?.to_owned(), target: words.next()?.to_owned(), ..Asked::default() };
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        asked.headers.push((name.to_ascii_lowercase(), value.to_owned()));
    }
    let length = asked.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    asked.body.resize(length, 0);
    reader.read_exact(&mut asked.body).ok()?;
    Some(asked)
}

#[cfg(test)]
fn certificate() -> (Arc<rustls::ServerConfig>, Vec<u8>) {
    let mut authority = rcgen::CertificateParams::new(Vec::new()).expect("parameters");
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority_key = rcgen::KeyPair::generate().expect("a key");
    let pem = authority.self_signed(&authority_key).expect("signed").pem();
    let key = rcgen::KeyPair::generate().expect("a key");
    let own = rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect("parameters");
    let own = own.signed_by(&key, &rcgen::Issuer::new(authority, authority_key)).expect("signed");
    let secret = PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).expect("a key");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![own.der().clone()], secret)
        .expect("a configuration");
    (Arc::new(config), pem.into_bytes())
}
