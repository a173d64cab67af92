//! Requests: sent, waited for, repeated where that may help.

use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_s3::config::interceptors::BeforeDeserializationInterceptorContextRef;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{
    BehaviorVersion, ConfigBag, IdentityCache, Intercept, Region, RequestChecksumCalculation,
    ResponseChecksumValidation, RuntimeComponents, StalledStreamProtectionConfig,
};
use aws_sdk_s3::error::BoxError;
use aws_smithy_http_client::{Builder as HttpClient, tls};

use super::breaker::Breaker;
use super::credentials::Keeper;
use super::failure::Failure;
use super::settings::S3Settings;
use crate::VaultError;

/// The SDK's client, and our own manners on top: it repeats nothing by itself.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) s3: aws_sdk_s3::Client,
    /// One without credentials.
    pub(super) stranger: aws_sdk_s3::Client,
    pub(super) settings: S3Settings,
    keeper: Keeper,
    breaker: Breaker,
    last_answer: LastAnswer,
    chance: AtomicU64,
    /// Whether `If-None-Match` is still worth sending.
    pub(super) conditional: AtomicBool,
}

impl Client {
    pub(super) fn new(settings: S3Settings) -> Result<Self, VaultError> {
        settings.check()?;
        let keeper = Keeper::new(Arc::clone(&settings.credentials));
        let last_answer = LastAnswer::default();
        let trusted = match &settings.authorities {
            Some(pem) => tls::TrustStore::empty().with_pem_certificate(pem.clone()),
            None => tls::TrustStore::default(),
        };
        let trusting = tls::TlsContext::builder().with_trust_store(trusted).build();
        let trusting = trusting.map_err(|error| VaultError::Unfit {
            place: settings.place(),
            problem: format!("TLS can't be set up: {error}"),
        })?;
        let http = HttpClient::new()
            .tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::AwsLc))
            .tls_context(trusting)
            .build_https();
        let mut config = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .http_client(http)
            .region(Region::new(settings.region.clone()))
            // Kept and forgotten by `Keeper`, which learns when they are refused.
            .identity_cache(IdentityCache::no_cache())
            .retry_config(RetryConfig::disabled())
            .timeout_config(TimeoutConfig::builder().connect_timeout(Duration::from_secs(10)).build())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            // The checksums that we send are our own; trailers would come unsigned and not every server takes them.
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
            // A clock that is wrong must be seen: the times of evidence are wrong with it.
            .disable_clock_skew_correction(true)
            .interceptor(last_answer.clone());
        if let Some(endpoint) = &settings.endpoint {
            config = config.endpoint_url(endpoint).force_path_style(true);
        }
        let stranger = config.clone().allow_no_auth();
        let known = config.credentials_provider(keeper.clone());
        Ok(Self {
            s3: aws_sdk_s3::Client::from_conf(known.build()),
            stranger: aws_sdk_s3::Client::from_conf(stranger.build()),
            keeper,
            breaker: Breaker::new(settings.patience.open_after, settings.patience.open_for),
            last_answer,
            chance: AtomicU64::new(settings.patience.seed),
            conditional: AtomicBool::new(settings.conditional),
            settings,
        })
    }

    /// The full name of a key in the bucket.
    pub(super) fn full(&self, key: &str) -> String {
        format!("{}{key}", self.settings.prefix)
    }

    /// How a request is called in errors: what was asked of which object in which bucket.
    pub(super) fn what(&self, asked: &str, full_key: &str) -> String {
        format!("{asked} s3://{}/{full_key}", self.settings.bucket)
    }

    /// Sends a request that may be repeated, until there is an answer or patience ends.
    pub(super) async fn ask<T, F>(&self, what: &str, request: impl Fn() -> F) -> Result<Result<T, Failure>, VaultError>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        let mut tries = 0;
        loop {
            tries += 1;
            match self.send(what, &request).await? {
                Err(failure) if failure.passes() && tries < self.settings.patience.tries => self.wait(tries).await,
                answer => return Ok(answer),
            }
        }
    }

    /// Sends a request once; twice where the credentials have expired and there are others.
    pub(super) async fn send<T, F>(
        &self,
        what: &str,
        request: &impl Fn() -> F,
    ) -> Result<Result<T, Failure>, VaultError>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        let answer = self.attempt(what, request).await?;
        match answer {
            Err(failure) if failure.doubts_credentials() => {
                self.keeper.forget().await;
                self.attempt(what, request).await
            }
            answer => Ok(answer),
        }
    }

    async fn attempt<T, F>(&self, what: &str, request: &impl Fn() -> F) -> Result<Result<T, Failure>, VaultError>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        if let Err(wait) = self.breaker.admits() {
            return Err(VaultError::Paused { what: what.to_owned(), seconds: wait.as_secs().max(1) });
        }
        let limit = self.settings.patience.time_limit;
        let answer = match tokio::time::timeout(limit, request()).await {
            Ok(answer) => answer,
            Err(_) => Err(Failure::lost(format!("nothing within {} s", limit.as_secs_f32()))),
        };
        match &answer {
            Err(failure) if failure.passes() => self.breaker.failed(),
            _ => self.breaker.answered(),
        }
        Ok(answer)
    }

    /// Waits before the next try: a random part of a time that doubles.
    pub(super) async fn wait(&self, tries: u32) {
        let patience = &self.settings.patience;
        let doubled = patience.first_wait.saturating_mul(1 << (tries - 1).min(16));
        let longest = doubled.min(patience.longest_wait);
        let part = longest.mul_f64(f64::from(self.random() >> 16) / f64::from(u32::MAX >> 16));
        tokio::time::sleep(part.max(longest / 10)).await;
    }

    /// splitmix64, for waits alone.
    fn random(&self) -> u32 {
        let mut z = self.chance.fetch_add(0x9e37_79b9_7f4a_7c15, Relaxed).wrapping_add(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 32) as u32
    }

    /// The time that stood in the last answer, in whole seconds since 1970.
    pub(super) fn server_time(&self) -> Option<i64> {
        *self.last_answer.date.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Notes what the SDK does not hand out: the server's clock.
#[derive(Clone, Debug, Default)]
struct LastAnswer {
    date: Arc<Mutex<Option<i64>>>,
}

impl Intercept for LastAnswer {
    fn name(&self) -> &'static str {
        "LastAnswer"
    }

    fn read_after_transmit(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let date = context.response().headers().get("date");
        let seconds =
            date.and_then(|date| chrono::DateTime::parse_from_rfc2822(date).ok()).map(|date| date.timestamp());
        if seconds.is_some() {
            *self.date.lock().unwrap_or_else(PoisonError::into_inner) = seconds;
        }
        Ok(())
    }
}
