//! Credentials, kept between requests and asked for anew when the store refuses them.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_s3::config::{Credentials, ProvideCredentials};
use aws_sdk_s3::error::BoxError;
use secrecy::ExposeSecret as _;

use super::settings::{CredentialSource, S3Credentials};

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
    pub(super) fn forget(&self) {
        *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn now(&self) -> Result<Credentials, BoxError> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let credentials = match &*kept {
            Some(credentials) => credentials,
            None => kept.insert(self.source.load().map_err(NoCredentials)?),
        };
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
        aws_credential_types::provider::future::ProvideCredentials::ready(
            self.now().map_err(aws_credential_types::provider::error::CredentialsError::provider_error),
        )
    }
}
