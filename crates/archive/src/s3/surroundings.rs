//! Credentials where AWS's own tools look for theirs: environment, shared files, web identity, container, instance.

use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials as _;
use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_s3::config::Region;
use aws_smithy_http_client::{Builder as HttpClient, tls};
use exhibit_evidence::Timestamp;

use super::settings::{CredentialFuture, CredentialSource, S3Credentials};

/// Asks where AWS's own tools look, in their order: the variables `AWS_ACCESS_KEY_ID` and so on, the profile of the shared
/// configuration files (`AWS_PROFILE`), a web identity (`AWS_WEB_IDENTITY_TOKEN_FILE`), the container's endpoint
/// (`AWS_CONTAINER_CREDENTIALS_…`), the machine's own role (IMDSv2). Each time everything is read anew. Programs that a
/// profile names are not run, and neither is single sign-on asked: those are for people at a terminal.
#[derive(Clone, Debug)]
pub struct AwsSurroundings {
    region: String,
    profile: Option<String>,
}

impl AwsSurroundings {
    /// `region` is where identities are exchanged for credentials; of a `profile` that is named here nothing else is asked.
    pub fn new(region: &str, profile: Option<String>) -> Self {
        Self { region: region.to_owned(), profile }
    }

    async fn ask(&self) -> Result<Credentials, CredentialsError> {
        let region = Region::new(self.region.clone());
        let provider = tls::Provider::Rustls(tls::rustls_provider::CryptoMode::AwsLc);
        let config = ProviderConfig::without_region()
            .with_region(Some(region.clone()))
            .with_http_client(HttpClient::new().tls_provider(provider).build_https());
        match &self.profile {
            Some(name) => {
                let profile = ProfileFileCredentialsProvider::builder().configure(&config).profile_name(name);
                profile.build().provide_credentials().await
            }
            None => {
                let chain = DefaultCredentialsChain::builder().configure(config).region(region).build().await;
                chain.provide_credentials().await
            }
        }
    }

    /// In our own words: what a place answered may repeat what it was asked with.
    fn why(&self, error: &CredentialsError) -> String {
        let place = match &self.profile {
            Some(name) => format!("the profile {name:?} of the shared configuration files"),
            None => "environment, shared configuration files, web identity, container or instance".to_owned(),
        };
        match error {
            CredentialsError::CredentialsNotLoaded(_) => format!("{place}: nothing is there"),
            CredentialsError::ProviderTimedOut(_) => format!("{place}: no answer in time"),
            CredentialsError::InvalidConfiguration(_) => format!("{place}: what is there can't be meant"),
            CredentialsError::ProviderError(_) => format!("{place}: the place that should give them did not"),
            _ => format!("{place}: they can't be had"),
        }
    }
}

impl CredentialSource for AwsSurroundings {
    fn load(&self) -> CredentialFuture<'_> {
        Box::pin(async {
            let found = self.ask().await.map_err(|error| self.why(&error))?;
            Ok(S3Credentials {
                access_key_id: found.access_key_id().to_owned().into(),
                secret_access_key: found.secret_access_key().to_owned().into(),
                session_token: found.session_token().map(|token| token.to_owned().into()),
                expires_at: found.expiry().map(|ends| Timestamp::new(ends.into())),
            })
        })
    }
}
