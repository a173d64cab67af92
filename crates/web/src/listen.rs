//! The listener: HTTP/1.1, over TLS where it is configured, patient with nobody.

use std::{
    future::Future,
    io,
    net::SocketAddr,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use axum::{Router, extract::ConnectInfo, http::Request};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::{GracefulConnection, GracefulShutdown, Watcher},
    service::TowerToHyperService,
};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::timeout,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{self, ServerConfig},
};
use tower::Layer as _;

/// Connections at once; more wait.
const MOST_CONNECTIONS: usize = 1_024;
/// How long a handshake, and the head of a request, may take.
const HEAD: Duration = Duration::from_secs(10);
/// How long answers that were begun may take once the end was asked for.
const FAREWELL: Duration = Duration::from_secs(8);

/// What TLS needs: a certificate chain and its key. Clones share it, so that a renewed certificate reaches a listener
/// that runs.
#[derive(Clone)]
pub struct Tls(Arc<RwLock<Arc<ServerConfig>>>);

/// Why nothing can be listened to.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Certificate or key are not fit.
    #[error("the certificate or its key is not fit for TLS: {0}")]
    Tls(#[from] rustls::Error),
    /// The text holds no certificate.
    #[error("it holds no certificate in PEM form")]
    NoCertificate,
    /// The text holds no private key.
    #[error("it holds no private key in PEM form")]
    NoKey,
    /// The socket can't be used.
    #[error("listening: {0}")]
    Io(#[from] io::Error),
}

impl Tls {
    /// TLS 1.2 and 1.3 with this chain (leaf first) and key.
    ///
    /// # Errors
    /// When the key does not belong to the certificate, or either is malformed.
    pub fn new(
        chain: Vec<rustls::pki_types::CertificateDer<'static>>,
        key: rustls::pki_types::PrivateKeyDer<'static>,
    ) -> Result<Self, ListenError> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, key)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self(Arc::new(RwLock::new(Arc::new(config)))))
    }

    /// Takes what `other` has: connections from now on get that certificate.
    pub fn renew(&self, other: &Self) {
        let renewed = other.current();
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = renewed;
    }

    fn current(&self) -> Arc<ServerConfig> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The same from PEM texts.
    ///
    /// # Errors
    /// As [`Tls::new`]; when a text holds no certificate or no key.
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, ListenError> {
        use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
        let chain: Vec<_> =
            CertificateDer::pem_slice_iter(chain).collect::<Result<_, _>>().map_err(|_| ListenError::NoCertificate)?;
        if chain.is_empty() {
            return Err(ListenError::NoCertificate);
        }
        Self::new(chain, PrivateKeyDer::from_pem_slice(key).map_err(|_| ListenError::NoKey)?)
    }
}

/// Marks a request that came over TLS of ours.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OverTls;

/// When to stop.
pub type Shutdown = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

/// Serves until `shutdown` ends; answers that were begun are finished within some seconds.
///
/// # Errors
/// When the socket fails for good.
pub async fn serve(
    listener: TcpListener,
    tls: Option<Tls>,
    router: Router,
    mut shutdown: Shutdown,
) -> Result<(), ListenError> {
    let graceful = GracefulShutdown::new();
    let room = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    loop {
        let place = tokio::select! {
            place = room.clone().acquire_owned() => place.expect("the semaphore is never closed"),
            () = &mut shutdown => break,
        };
        let (stream, peer) = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                // One connection that failed, or no file left to open: both pass.
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            },
            () = &mut shutdown => break,
        };
        let acceptor = tls.as_ref().map(|tls| TlsAcceptor::from(tls.current()));
        let (router, watcher) = (router.clone(), graceful.watcher());
        tokio::spawn(async move {
            let _place = place;
            converse(stream, peer, acceptor, router, watcher).await;
        });
    }
    drop(listener);
    if timeout(FAREWELL, graceful.shutdown()).await.is_err() {
        tracing::warn!("some answers were not finished in time");
    }
    Ok(())
}

/// One connection, to its end.
async fn converse(
    stream: TcpStream,
    peer: SocketAddr,
    acceptor: Option<TlsAcceptor>,
    router: Router,
    watcher: Watcher,
) {
    // Small answers leave at once.
    let _ = stream.set_nodelay(true);
    match acceptor {
        None => answer(stream, peer, None, router, watcher).await,
        Some(acceptor) => match timeout(HEAD, acceptor.accept(stream)).await {
            Ok(Ok(stream)) => answer(stream, peer, Some(OverTls), router, watcher).await,
            Ok(Err(error)) => tracing::debug!(%peer, %error, "no handshake"),
            Err(_) => tracing::debug!(%peer, "the handshake took too long"),
        },
    }
}

async fn answer(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    peer: SocketAddr,
    tls: Option<OverTls>,
    router: Router,
    watcher: Watcher,
) {
    let service = axum::Extension(ConnectInfo(peer)).layer(router);
    let service = tower::util::MapRequest::new(service, move |request: Request<hyper::body::Incoming>| {
        let mut request = request.map(axum::body::Body::new);
        if let Some(tls) = tls {
            request.extensions_mut().insert(tls);
        }
        request
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_headers(64)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
    if let Err(error) = watched(watcher, connection).await {
        tracing::debug!(%peer, %error, "a connection broke off");
    }
}

async fn watched<C: GracefulConnection>(watcher: Watcher, connection: C) -> Result<(), C::Error> {
    watcher.watch(connection).await
}
