//! What an S3 vault has to be told.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use exhibit_evidence::Timestamp;
use secrecy::SecretString;

use crate::VaultError;

/// The most that S3 takes in one part, in bytes: 5 GiB.
pub const MAX_PART_BYTES: u64 = 5 * 1024 * 1024 * 1024;

/// Who may take a lock off before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LockMode {
    /// Whoever has the right to bypass governance: for trying things out, or by decision of the deployment.
    Governance,
    /// Nobody, the account's root included.
    Compliance,
}

impl LockMode {
    /// As S3 writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Governance => "GOVERNANCE",
            Self::Compliance => "COMPLIANCE",
        }
    }

    /// Reads S3's word; none for a word that S3 does not have.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Governance, Self::Compliance].into_iter().find(|mode| mode.as_str() == word)
    }
}

impl fmt::Display for LockMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What the store is asked to encrypt objects with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Encryption {
    /// By the bucket's own setting.
    BucketDefault,
    /// SSE-S3: AES-256 with keys of the store.
    StoreKeys,
    /// SSE-KMS, with this key, or with the account's own where none is named.
    Kms(Option<String>),
}

impl Encryption {
    /// S3's word for what is asked for; none where nothing is.
    pub(super) fn as_asked(&self) -> Option<&'static str> {
        match self {
            Self::BucketDefault => None,
            Self::StoreKeys => Some("AES256"),
            Self::Kms(_) => Some("aws:kms"),
        }
    }
}

/// A key pair of an S3 account. Debug shows nothing of the secret parts, and they are wiped when dropped.
#[derive(Clone, Debug)]
pub struct S3Credentials {
    /// The access key's id; no secret, but not shown either.
    pub access_key_id: SecretString,
    /// The secret access key.
    pub secret_access_key: SecretString,
    /// The session token that temporary credentials have.
    pub session_token: Option<SecretString>,
    /// When they end, where they tell it.
    pub expires_at: Option<Timestamp>,
}

/// What a [`CredentialSource`] gives: credentials, or why there are none, without any value.
pub type CredentialFuture<'a> = Pin<Box<dyn Future<Output = Result<S3Credentials, String>> + Send + 'a>>;

/// Where credentials come from: asked at the first request, shortly before what it gave ends, and when the store refuses it.
pub trait CredentialSource: Send + Sync + fmt::Debug {
    /// The credentials as they are now.
    ///
    /// # Errors
    ///
    /// Why there are none, without any value.
    fn load(&self) -> CredentialFuture<'_>;
}

impl CredentialSource for S3Credentials {
    fn load(&self) -> CredentialFuture<'_> {
        Box::pin(std::future::ready(Ok(self.clone())))
    }
}

/// How often and how long a store that does not answer is asked again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// Tries a request, at least 1.
    pub tries: u32,
    /// The longest wait before the second try; doubled for each further one. The wait is a random part of it.
    pub first_wait: Duration,
    /// No wait is longer than this.
    pub longest_wait: Duration,
    /// How long one try may take, its body included.
    pub time_limit: Duration,
    /// After this many requests in a row without an answer, no more are sent for a while.
    pub open_after: u32,
    /// For this long.
    pub open_for: Duration,
    /// Where the random parts of waits start, so that replicas do not ask in step.
    pub seed: u64,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            tries: 5,
            first_wait: Duration::from_millis(200),
            longest_wait: Duration::from_secs(10),
            time_limit: Duration::from_secs(120),
            open_after: 10,
            open_for: Duration::from_secs(60),
            seed: 0,
        }
    }
}

/// What an S3 vault has to be told.
#[derive(Clone, Debug)]
pub struct S3Settings {
    /// The bucket.
    pub bucket: String,
    /// The region that requests are signed for, such as `eu-central-1`.
    pub region: String,
    /// The server's URL where it is not AWS: then buckets stand in the path, not in the host name.
    pub endpoint: Option<String>,
    /// The certificates of the authorities that the server's own may come from, PEM; those that the machine trusts where there
    /// are none. Who names some trusts no others.
    pub authorities: Option<Vec<u8>>,
    /// What every key begins with: empty, or parts that each end with `/`.
    pub prefix: String,
    /// The lock of what is put.
    pub mode: LockMode,
    /// What the store is asked to encrypt with.
    pub encryption: Encryption,
    /// Where the credentials come from.
    pub credentials: Arc<dyn CredentialSource>,
    /// Larger objects are split into parts of this size, each an object of its own, 1 to [`MAX_PART_BYTES`].
    pub single_part_limit: u64,
    /// Whether to send `If-None-Match: *`. Nothing relies on it; a server that refuses the header is asked without.
    pub conditional: bool,
    /// How many entries a page of a listing has, 1 to 1000.
    pub page: u16,
    /// How often and how long to ask again.
    pub patience: Patience,
}

impl S3Settings {
    /// The usual settings for this bucket: COMPLIANCE, 64 MiB a part.
    pub fn new(bucket: &str, region: &str, credentials: Arc<dyn CredentialSource>) -> Self {
        Self {
            bucket: bucket.to_owned(),
            region: region.to_owned(),
            endpoint: None,
            authorities: None,
            prefix: String::new(),
            mode: LockMode::Compliance,
            encryption: Encryption::BucketDefault,
            credentials,
            single_part_limit: 64 * 1024 * 1024,
            conditional: true,
            page: 1000,
            patience: Patience::default(),
        }
    }

    /// Where it is, for people.
    pub(super) fn place(&self) -> String {
        let server = self.endpoint.as_ref().map(|endpoint| format!(" at {endpoint}")).unwrap_or_default();
        format!("s3://{}/{}{server}", self.bucket, self.prefix)
    }

    /// Refuses what can't be meant. The credentials are not asked.
    ///
    /// # Errors
    ///
    /// [`VaultError::Unfit`], with what was expected.
    pub fn check(&self) -> Result<(), VaultError> {
        let refuse = |problem: String| Err(VaultError::Unfit { place: self.place(), problem });
        let bucket = &self.bucket;
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.';
        if !(3..=63).contains(&bucket.len()) || !bucket.bytes().all(plain) {
            return refuse(format!("{bucket:?} is not a bucket's name: 3 to 63 of a-z 0-9 . -"));
        }
        if self.region.is_empty() || !self.region.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
            return refuse(format!("{:?} is not a region such as eu-central-1", self.region));
        }
        let prefix = self.prefix.strip_suffix('/').unwrap_or(&self.prefix);
        if !self.prefix.is_empty() {
            match crate::ObjectKey::parse(prefix) {
                Ok(_) if prefix.len() <= 200 && self.prefix.ends_with('/') => {}
                Ok(_) => return refuse(format!("the prefix {prefix:?} must end with / and have at most 200 bytes")),
                Err(error) => return refuse(format!("the prefix can't begin a key: {error}")),
            }
        }
        if !(1..=MAX_PART_BYTES).contains(&self.single_part_limit) || self.patience.tries == 0 {
            return refuse("parts have 1 byte to 5 GiB, and each request at least one try".to_owned());
        }
        if let Some(problem) = self.authorities.as_deref().and_then(bad_authorities) {
            return refuse(format!("the file of certificate authorities {problem}"));
        }
        if let Some(endpoint) = &self.endpoint {
            let rest = endpoint.strip_prefix("https://").or_else(|| endpoint.strip_prefix("http://"));
            let host = rest.map(|rest| rest.trim_end_matches('/'));
            if host.is_none_or(|host| host.is_empty() || host.contains(['@', '/', '?', '#'])) {
                return refuse(
                    "the endpoint must be http:// or https:// with a host and a port, nothing else".to_owned(),
                );
            }
        }
        Ok(())
    }
}

/// What is wrong with a file of certificates: the TLS library would end the program over it.
fn bad_authorities(pem: &[u8]) -> Option<String> {
    use rustls::pki_types::{CertificateDer, pem::PemObject as _};
    let mut roots = rustls::RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let added = certificate.map_err(|_| ()).and_then(|certificate| roots.add(certificate).map_err(|_| ()));
        if added.is_err() {
            return Some("holds a certificate that can't be read".to_owned());
        }
    }
    roots.is_empty().then(|| "holds no certificate: expected PEM, -----BEGIN CERTIFICATE-----".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> S3Settings {
        let secret = |text: &str| SecretString::from(text.to_owned());
        S3Settings::new(
            "archive-1",
            "eu-central-1",
            Arc::new(S3Credentials {
                access_key_id: secret("canary-id-4711"),
                secret_access_key: secret("canary-secret-4711"),
                session_token: Some(secret("canary-session-4711")),
                expires_at: None,
            }),
        )
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        assert!(settings().check().is_ok());
        for (change, word) in [
            ((|s: &mut S3Settings| s.bucket = "A".to_owned()) as fn(&mut S3Settings), "bucket"),
            (|s| s.bucket = "ab/..".to_owned(), "bucket"),
            (|s| s.region = "eu central".to_owned(), "region"),
            (|s| s.prefix = "evidence".to_owned(), "must end with /"),
            (|s| s.prefix = ".parts/".to_owned(), "prefix"),
            (|s| s.prefix = "a//".to_owned(), "prefix"),
            (|s| s.single_part_limit = 0, "parts"),
            (|s| s.single_part_limit = MAX_PART_BYTES + 1, "parts"),
            (|s| s.authorities = Some(b"no certificate".to_vec()), "holds no certificate"),
            (
                |s| s.authorities = Some(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".to_vec()),
                "can't be read",
            ),
            (|s| s.endpoint = Some("s3.example.org".to_owned()), "endpoint"),
            (|s| s.endpoint = Some("https://user:canary@s3.example.org".to_owned()), "endpoint"),
            (|s| s.endpoint = Some("https://s3.example.org/bucket".to_owned()), "endpoint"),
        ] {
            let mut changed = settings();
            change(&mut changed);
            let error = changed.check().unwrap_err().to_string();
            assert!(error.contains(word), "{error}");
        }
    }

    #[test]
    fn debug_shows_no_credentials() {
        assert!(!format!("{:?}", settings()).contains("canary"));
    }
}
