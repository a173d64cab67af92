//! What `exhibit serve` listens on: the evidence API, and counters for Prometheus. Nothing, unless the configuration says so.

use std::{collections::BTreeMap, fs, net::SocketAddr, sync::Arc};

use anyhow::Context as _;
use exhibit_pipeline::{Service, World};
use exhibit_web::{Limits, ListenError, Parts, Tls, metrics_router, router, serve};
use secrecy::ExposeSecret as _;
use tokio::{net::TcpListener, sync::watch, task::JoinSet};

use crate::{config::Config, intake::Walls, token_key::token_key};

/// Sockets that are bound, and what is spoken on them.
pub(crate) struct Listening {
    api: Option<(TcpListener, Option<Tls>)>,
    metrics: Option<TcpListener>,
}

/// What answers.
pub(crate) struct Answering {
    /// Ends with the last answer.
    pub(crate) tasks: JoinSet<()>,
    service: Option<exhibit_web::Service>,
    tls: Option<Tls>,
}

impl Answering {
    /// The listener's certificate as it lies there now, where it speaks TLS.
    ///
    /// # Errors
    /// When certificate and key are not fit.
    pub(crate) fn renewed(&self, config: &Config) -> anyhow::Result<Option<Tls>> {
        if self.tls.is_some() { tls(config) } else { Ok(None) }
    }

    /// Goes over to what a changed configuration says, and to a renewed certificate.
    pub(crate) fn adopt(&self, world: &World, renewed: Option<&Tls>) {
        if let Some(service) = &self.service {
            service.adopt(world.catalog.clone(), pages(world), world.plan.deployment.calendar);
        }
        if let (Some(tls), Some(renewed)) = (&self.tls, renewed) {
            tls.renew(renewed);
        }
    }
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
        working: &Arc<Service>,
        ending: &watch::Receiver<bool>,
    ) -> anyhow::Result<Answering> {
        let mut tasks = JoinSet::new();
        if self.api.is_none() && self.metrics.is_none() {
            return Ok(Answering { tasks, service: None, tls: None });
        }
        let world = working.world();
        let random = Arc::clone(&world.random);
        let service = exhibit_web::Service::new(Parts {
            store: world.store.clone(),
            clock: Arc::clone(&world.clock),
            entropy: Arc::new(move |bytes| random.fill(bytes)),
            catalog: world.catalog.clone(),
            pages: pages(&world),
            calendar: world.plan.deployment.calendar,
            token_key: token_key(config)?,
            intake: Arc::new(Walls(Arc::clone(working))),
            limits: Limits::default(),
        });
        let speaks = self.api.as_ref().and_then(|(_, tls)| tls.clone());
        let metrics = self.metrics.map(|listener| (listener, None, metrics_router(service.clone()), "metrics"));
        let api = self.api.map(|(listener, tls)| (listener, tls, router(service.clone()), "evidence API"));
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
        Ok(Answering { tasks, service: Some(service), tls: speaks })
    }
}

/// The collectors' pages, Markdown, by the collector's id.
fn pages(world: &World) -> BTreeMap<String, String> {
    world.registry.iter().map(|known| (known.manifest.id.to_string(), known.readme.to_owned())).collect()
}

async fn bind(address: SocketAddr, key: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("listening on {address} (`{key}` in [service])"))
}

/// Certificate and key of the listener, if it speaks TLS.
///
/// # Errors
/// When they are not fit, or do not belong together.
pub(crate) fn tls(config: &Config) -> anyhow::Result<Option<Tls>> {
    let Some(tls) = &config.service.tls else { return Ok(None) };
    let certificate = format!("`tls_certificate` in [service], {}", tls.certificate.display());
    let key_named = format!("`tls_key` in [service], {}", tls.key);
    let chain = fs::read(&tls.certificate).with_context(|| certificate.clone())?;
    let key = tls.key.resolve().with_context(|| key_named.clone())?.value;
    let fit = Tls::from_pem(&chain, key.expose_secret().as_bytes());
    let which = match &fit {
        Err(ListenError::NoCertificate) => certificate,
        Err(ListenError::NoKey) => key_named,
        _ => format!("{certificate}, and {key_named}"),
    };
    fit.context(which).map(Some)
}
