//! Credentials, kept between requests, asked for anew before they end and when the store refuses them.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_s3::config::{Credentials, ProvideCredentials};
use aws_sdk_s3::error::BoxError;
use aws_smithy_async::time::{SystemTimeSource, TimeSource as _};
use exhibit_evidence::Timestamp;
use secrecy::ExposeSecret as _;
use tokio::sync::Mutex;

use super::settings::{CredentialSource, S3Credentials};

/// How long before they end credentials are exchanged for new ones: longer than a request takes, its retries included.
const EARLY: Duration = Duration::from_secs(300);

/// Hands the SDK what the source gave last.
#[derive(Clone, Debug)]
pub(super) struct Keeper {
    source: Arc<dyn CredentialSource>,
    kept: Arc<Mutex<Option<S3Credentials>>>,
}

/// Why there are none, in the words of their source, which holds no value.
#[derive(Debug)]
pub(super) struct NoCredentials(String);

impl fmt::Display for NoCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "there are no credentials: {}", self.0)
    }
}

impl std::error::Error for NoCredentials {}

impl Keeper {
    pub(super) fn new(source: Arc<dyn CredentialSource>) -> Self {
        Self { source, kept: Arc::default() }
    }

    /// Asks the source at the next request.
    pub(super) async fn forget(&self) {
        *self.kept.lock().await = None;
    }

    /// What is good at this time. New ones that can't be had yet are no reason to stop while the old ones still are.
    async fn good_at(&self, now: Timestamp) -> Result<S3Credentials, NoCredentials> {
        let mut kept = self.kept.lock().await;
        let ends_before = |kept: &S3Credentials, at: Timestamp| kept.expires_at.is_some_and(|ends| ends <= at);
        let early = chrono::TimeDelta::from_std(EARLY).map_or(now, |early| now.plus(early));
        if let Some(kept) = kept.as_ref().filter(|kept| !ends_before(kept, early)) {
            return Ok(kept.clone());
        }
        match (self.source.load().await, kept.as_ref()) {
            (Ok(new), _) => Ok(kept.insert(new).clone()),
            (Err(_), Some(old)) if !ends_before(old, now) => Ok(old.clone()),
            (Err(why), _) => Err(NoCredentials(why)),
        }
    }

    async fn now(&self) -> Result<Credentials, BoxError> {
        let now = Timestamp::new(SystemTimeSource::new().now().into());
        let credentials = self.good_at(now).await?;
        Ok(Credentials::new(
            credentials.access_key_id.expose_secret(),
            credentials.secret_access_key.expose_secret(),
            credentials.session_token.as_ref().map(|token| token.expose_secret().to_owned()),
            None,
            "exhibit",
        ))
    }
}

impl ProvideCredentials for Keeper {
    fn provide_credentials<'a>(&'a self) -> aws_credential_types::provider::future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        aws_credential_types::provider::future::ProvideCredentials::new(async {
            self.now().await.map_err(aws_credential_types::provider::error::CredentialsError::provider_error)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

    use super::super::settings::CredentialFuture;
    use super::*;

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_micros(minute * 60_000_000).expect("an instant")
    }

    /// Each key is good for an hour from when it was asked for; the third can't be had.
    #[derive(Debug, Default)]
    struct Hourly(AtomicI64);

    impl CredentialSource for Hourly {
        fn load(&self) -> CredentialFuture<'_> {
            let number = self.0.fetch_add(1, Relaxed);
            let secret = |what: &str| format!("{what}-{number}").into();
            Box::pin(std::future::ready(match number {
                2 => Err("the place did not answer".to_owned()),
                _ => Ok(S3Credentials {
                    access_key_id: secret("id"),
                    secret_access_key: secret("secret"),
                    session_token: None,
                    expires_at: Some(at(60 * (number + 1))),
                }),
            }))
        }
    }

    #[tokio::test]
    async fn temporary_credentials_are_exchanged_before_they_end() {
        let keeper = Keeper::new(Arc::new(Hourly::default()));
        let id = async |minute| -> String {
            let found = keeper.good_at(at(minute)).await;
            found.map_or_else(|why| why.to_string(), |found| found.access_key_id.expose_secret().to_owned())
        };
        assert_eq!([id(0).await, id(54).await], ["id-0"; 2], "kept");
        assert_eq!(id(55).await, "id-1", "five minutes early");
        assert_eq!(id(118).await, "id-1", "new ones can't be had, and the old ones are good");
        keeper.source.load().await.expect("the source goes on");
        assert_eq!(id(119).await, "id-4");
        keeper.forget().await;
        assert_eq!(id(119).await, "id-5", "asked again, as the store refused them");
    }

    #[tokio::test]
    async fn what_has_ended_is_not_used() {
        let keeper = Keeper::new(Arc::new(Hourly(AtomicI64::new(1))));
        keeper.good_at(at(0)).await.expect("good for two hours");
        let why = keeper.good_at(at(120)).await.expect_err("ended, and no others").to_string();
        assert!(why.contains("did not answer"), "{why}");
    }
}
