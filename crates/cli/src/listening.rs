//! What `exhibit serve` listens on: the evidence API, and counters for Prometheus. Nothing, unless the configuration says so.

use std::{fs, net::SocketAddr, sync::Arc};

use anyhow::Context as _;
use exhibit_pipeline::World;
use exhibit_web::{Limits, Parts, Tls, metrics_router, router, serve};
use secrecy::ExposeSecret as _;
use tokio::{net::TcpListener, sync::watch, task::JoinSet};

use crate::{config::Config, token_key::token_key};

/// Sockets that are bound, and what is spoken on them.
pub(crate) struct Listening {
    api: Option<(TcpListener, Option<Tls>)>,
    metrics: Option<TcpListener>,
}

impl Listening {
    /// Binds what the configuration names.
    ///
    /// # Errors
    /// When an address can't be had, or certificate and key are not fit.
    pub(crate) async fn bind(config: &Config) -> anyhow::Result<Self> {
        let service = &config.service;
        let api = match service.listen {
            Some(address) => Some((bind(address, "listen").await?, tls(config)?)),
            None => None,
        };
        let metrics = match service.metrics_listen {
            Some(address) => Some(bind(address, "metrics_listen").await?),
            None => None,
        };
        Ok(Self { api, metrics })
    }

    /// Answers until `ending` is true.
    ///
    /// # Errors
    /// When the key for tokens can't be had.
    pub(crate) fn start(
        self,
        config: &Config,
        world: &World,
        ending: &watch::Receiver<bool>,
    ) -> anyhow::Result<JoinSet<()>> {
        let mut tasks = JoinSet::new();
        if self.api.is_none() && self.metrics.is_none() {
            return Ok(tasks);
        }
        let random = Arc::clone(&world.random);
        let service = exhibit_web::Service::new(Parts {
            store: world.store.clone(),
            clock: Arc::clone(&world.clock),
            entropy: Arc::new(move |bytes| random.fill(bytes)),
            catalog: world.catalog.clone(),
            pages: world
                .registry
                .iter()
                .map(|known| (known.manifest.id.to_string(), known.readme.to_owned()))
                .collect(),
            calendar: world.plan.deployment.calendar,
            token_key: token_key(config)?,
            limits: Limits::default(),
        });
        let metrics = self.metrics.map(|listener| (listener, None, metrics_router(service.clone()), "metrics"));
        let api = self.api.map(|(listener, tls)| (listener, tls, router(service), "evidence API"));
        for (listener, tls, router, what) in api.into_iter().chain(metrics) {
            let address = listener.local_addr().context("the listener's address")?;
            tracing::info!(%address, tls = tls.is_some(), "{what} listening");
            let mut ending = ending.clone();
            let shutdown = Box::pin(async move {
                // A sender that is gone is an end too.
                let _ = ending.wait_for(|ending| *ending).await;
            });
            tasks.spawn(async move {
                if let Err(error) = serve(listener, tls, router, shutdown).await {
                    tracing::error!(%error, "{what} listens no more");
                }
            });
        }
        Ok(tasks)
    }
}

async fn bind(address: SocketAddr, key: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("listening on {address} (`{key}` in [service])"))
}

fn tls(config: &Config) -> anyhow::Result<Option<Tls>> {
    let Some(tls) = &config.service.tls else { return Ok(None) };
    let place = tls.certificate.display();
    let chain = fs::read(&tls.certificate).with_context(|| format!("the certificate {place}"))?;
    let key = tls.key.resolve()?.value;
    let tls = Tls::from_pem(&chain, key.expose_secret().as_bytes());
    Ok(Some(tls.with_context(|| format!("the certificate {place} and its key"))?))
}
