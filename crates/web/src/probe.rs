//! Whether this service answers at an address, as whoever looks after it asks from outside.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{
    TlsConnector,
    rustls::{
        CertificateError, ClientConfig, DigitallySignedStruct, Error, SignatureScheme,
        client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature},
        pki_types::{CertificateDer, ServerName, UnixTime},
    },
};

/// How long to wait for an answer.
const PATIENCE: Duration = Duration::from_secs(3);
/// The most that is read of it.
const MOST: u64 = 4096;

/// What is at an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Probed {
    /// This service, with this certificate where one was named.
    Answers,
    /// Nobody listens.
    Nobody,
    /// Somebody who speaks TLS with another certificate.
    OtherCertificate,
    /// Somebody else, and what speaks for that.
    SomebodyElse(String),
}

/// Asks for the service's health at that address, over TLS where `certificate` is the one that it should show.
pub async fn probe(address: SocketAddr, certificate: Option<CertificateDer<'static>>) -> Probed {
    let here = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    match timeout(PATIENCE, ask(SocketAddr::new(here, address.port()), certificate)).await {
        Ok(Ok(())) => Probed::Answers,
        Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => Probed::Nobody,
        Ok(Err(error)) if is_other_certificate(&error) => Probed::OtherCertificate,
        Ok(Err(error)) => Probed::SomebodyElse(error.to_string()),
        Err(_) => Probed::SomebodyElse(format!("no answer within {} s", PATIENCE.as_secs())),
    }
}

async fn ask(address: SocketAddr, certificate: Option<CertificateDer<'static>>) -> io::Result<()> {
    let stream = TcpStream::connect(address).await?;
    let Some(certificate) = certificate else { return is_well(stream).await };
    let provider = Arc::new(aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Exactly { certificate, provider }))
        .with_no_client_auth();
    let name = ServerName::from(address.ip());
    is_well(TlsConnector::from(Arc::new(config)).connect(name, stream).await?).await
}

async fn is_well(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<()> {
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: exhibit\r\nConnection: close\r\n\r\n").await?;
    stream.flush().await?;
    let mut answer = Vec::new();
    // What comes after the first bytes, or breaks off after them, is of no account.
    let read = stream.take(MOST).read_to_end(&mut answer).await;
    if answer.is_empty() {
        read?;
    }
    let ours = answer.starts_with(b"HTTP/1.1 204 ")
        && String::from_utf8_lossy(&answer).to_ascii_lowercase().contains("\r\nx-request-id: ");
    if ours { Ok(()) } else { Err(io::Error::other("what it answers is not of this service")) }
}

fn is_other_certificate(error: &io::Error) -> bool {
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref::<Error>());
    cause == Some(&Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure))
}

/// Takes one certificate alone, whoever signed it: nothing secret is said to whoever shows it.
#[derive(Debug)]
struct Exactly {
    certificate: CertificateDer<'static>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Exactly {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if *end_entity == self.certificate {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure))
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
