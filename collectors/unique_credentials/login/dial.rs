//! Connections to servers, with a time limit over all that is said on them.

use super::facts::Answer;
use super::settings::{Server, System};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Something that a login is tried over.
pub(in super::super) trait Wire: Read + Write {}

impl<T: Read + Write> Wire for T {}

/// How servers are reached: the network, or a script in the collector's test of itself.
pub(in super::super) trait Dial {
    /// A connection, encrypted where the settings ask for it.
    ///
    /// # Errors
    /// Why there is none.
    fn dial(&self, server: &Server, time_limit: Duration) -> Result<Box<dyn Wire>, Answer>;

    /// Waits between two attempts.
    fn rest(&self, pause: Duration);
}

/// The network.
pub(in super::super) struct Network {
    /// The folder that certificate files are relative to.
    pub(in super::super) base: PathBuf,
}

/// What asks Postgres for TLS.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];

impl Dial for Network {
    fn dial(&self, server: &Server, time_limit: Duration) -> Result<Box<dyn Wire>, Answer> {
        let deadline = Instant::now() + time_limit;
        if server.is_socket() {
            let socket = UnixStream::connect(&server.address).map_err(|error| Answer::of_io(&error))?;
            return Ok(Box::new(Timed { inner: socket, deadline }));
        }
        let (host, port) = server.host_and_port().ok_or_else(|| Answer::unreachable("no-address"))?;
        let socket = connect(host, port, deadline)?;
        let mut socket = Timed { inner: socket, deadline };
        if !server.tls {
            return Ok(Box::new(socket));
        }
        let configuration = self.configuration(server)?;
        if server.system == System::Postgres {
            let mut offered = [0];
            let asked = socket.write_all(&SSL_REQUEST).and_then(|()| socket.read_exact(&mut offered));
            asked.map_err(|error| Answer::of_io(&error))?;
            if offered != *b"S" {
                return Err(Answer::unreachable("tls-not-offered"));
            }
        }
        let name = server.server_name.as_deref().unwrap_or(host).to_owned();
        let name = ServerName::try_from(name).map_err(|_| Answer::unreachable("tls-no-server-name"))?;
        let client = ClientConnection::new(Arc::new(configuration), name);
        let mut client = client.map_err(|_| Answer::unreachable("tls-failed"))?;
        // Here, so that a certificate that is not accepted is told from a server that hangs up.
        while client.is_handshaking() {
            client.complete_io(&mut socket).map_err(|error| match error.kind() {
                ErrorKind::InvalidData => Answer::unreachable("tls-failed"),
                _ => Answer::of_io(&error),
            })?;
        }
        Ok(Box::new(StreamOwned::new(client, socket)))
    }

    fn rest(&self, pause: Duration) {
        std::thread::sleep(pause);
    }
}

impl Network {
    fn configuration(&self, server: &Server) -> Result<ClientConfig, Answer> {
        let unread = || Answer::unreachable("tls-authorities-unreadable");
        let file = self.base.join(server.ca.as_deref().unwrap_or_default());
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_file_iter(file).map_err(|_| unread())? {
            roots.add(certificate.map_err(|_| unread())?).map_err(|_| unread())?;
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let versions = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let versions = versions.map_err(|_| Answer::unreachable("tls-failed"))?;
        Ok(versions.with_root_certificates(roots).with_no_client_auth())
    }
}

fn connect(host: &str, port: u16, deadline: Instant) -> Result<TcpStream, Answer> {
    let addresses = (host, port).to_socket_addrs().map_err(|_| Answer::unreachable("name-not-found"))?;
    let mut last = Answer::unreachable("name-not-found");
    for address in addresses {
        let connected = remaining(deadline).and_then(|left| TcpStream::connect_timeout(&address, left));
        match connected {
            Ok(socket) => return Ok(socket),
            Err(error) => last = Answer::of_io(&error),
        }
    }
    Err(last)
}

fn remaining(deadline: Instant) -> io::Result<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(ErrorKind::TimedOut.into()) } else { Ok(left) }
}

/// A socket whose every read and write ends by one deadline.
struct Timed<S> {
    inner: S,
    deadline: Instant,
}

trait Socket: Read + Write {
    fn limit(&self, left: Duration) -> io::Result<()>;
}

impl Socket for TcpStream {
    fn limit(&self, left: Duration) -> io::Result<()> {
        self.set_read_timeout(Some(left)).and_then(|()| self.set_write_timeout(Some(left)))
    }
}

impl Socket for UnixStream {
    fn limit(&self, left: Duration) -> io::Result<()> {
        self.set_read_timeout(Some(left)).and_then(|()| self.set_write_timeout(Some(left)))
    }
}

impl<S: Socket> Read for Timed<S> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.inner.limit(remaining(self.deadline)?)?;
        self.inner.read(into)
    }
}

impl<S: Socket> Write for Timed<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.inner.limit(remaining(self.deadline)?)?;
        self.inner.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
