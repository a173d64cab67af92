//! S3 with Object Lock.
//!
//! What is put goes out once, in one part, with the signature over its bytes, an MD5, a SHA-256 and its lock; then the
//! version that the store made is asked what it says of itself. Nothing is believed of the answer to the put alone:
//! servers exist that take a lock and drop it.
//!
//! A bucket with versions never refuses a second put, so that *one key, one byte string* is a rule of ours: **the
//! earliest version under a key is the object**. Whoever puts looks first, and looks again afterwards; of two who raced,
//! both find the same earliest version, and the one whose bytes are others is told. After a lost reply the look comes
//! first too, so that nothing is put twice because it was not heard.
//!
//! `If-None-Match` prevents the second version where the server knows it. Where it does not, *and* lists versions in
//! another order than they came to be seen, two who put the same bytes in the same moment may each name another version
//! of them: both locked, both right, and neither masks the other. Callers that share work by leases never do.

mod breaker;
mod client;
mod credentials;
mod examining;
mod failure;
mod objects;
mod parts;
mod probing;
mod putting;
mod reading;
mod settings;
mod surroundings;

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use exhibit_evidence::Timestamp;

use self::client::Client;
use self::objects::Object;
pub use self::settings::{
    CredentialFuture, CredentialSource, Encryption, LockMode, MAX_PART_BYTES, Patience, S3Credentials, S3Settings,
};
pub use self::surroundings::AwsSurroundings;
use crate::vault::{Listed, PutOptions, PutOutcome, ReadBack, Vault, VaultDescription, VaultFuture, Version};
use crate::{Content, Depth, ObjectKey, Observation, VaultError};

/// A bucket with Object Lock.
#[derive(Debug)]
pub struct S3Vault {
    client: Client,
    /// Folders that are known to hold objects, so that no object has their name.
    folders: Mutex<BTreeSet<String>>,
}

impl S3Vault {
    /// A vault with these settings. Nothing is asked of the store yet: [`Vault::examine`] does.
    ///
    /// # Errors
    ///
    /// Where the settings can't be meant.
    pub fn new(settings: S3Settings) -> Result<Self, VaultError> {
        Ok(Self { client: Client::new(settings)?, folders: Mutex::default() })
    }

    /// The lock that puts ask for.
    pub fn mode(&self) -> LockMode {
        self.client.settings.mode
    }

    fn object<'a>(&self, key: &'a ObjectKey) -> Object<'a> {
        Object { key, full: self.client.full(key.as_str()) }
    }

    /// The object that lies there as part `index`.
    fn part<'a>(&self, key: &'a ObjectKey, whole: exhibit_evidence::Digest, index: usize) -> Object<'a> {
        Object { key, full: self.client.full(&parts::Manifest::name(key, whole, index)) }
    }

    async fn listing(&self, prefix: &str) -> Result<Vec<Listed>, VaultError> {
        let own = self.client.full("");
        let histories = self.client.histories(&self.client.full(prefix)).await?;
        let listed = histories.into_iter().filter_map(|(full, history)| {
            // Parts, probes and what others put there are no objects of a caller's.
            let key = ObjectKey::parse(full.strip_prefix(&own)?).ok()?;
            let masked = history.first().map_or(history.marked, |first| history.masks(first).unwrap_or(true));
            let mut versions = history.versions.into_iter().map(|kept| kept.version);
            let version = versions.next();
            Some(Listed { key, present: version.is_some(), version, masked, others: versions.collect() })
        });
        Ok(listed.collect())
    }

    fn known_folder(&self, folder: &str) -> bool {
        self.folders.lock().unwrap_or_else(PoisonError::into_inner).contains(folder)
    }

    fn learn_folder(&self, folder: &str) {
        self.folders.lock().unwrap_or_else(PoisonError::into_inner).insert(folder.to_owned());
    }
}

impl Vault for S3Vault {
    fn describe(&self) -> VaultDescription {
        let compliance = self.mode() == LockMode::Compliance;
        let statement = if compliance {
            "S3 Object Lock in COMPLIANCE mode: until its date nobody can remove or change a version through S3, the \
             account's owner included; who administers the server's disks is not held by it, and found by reading back."
        } else {
            "S3 Object Lock in GOVERNANCE mode: whoever has the right to bypass governance can remove a version before \
             its date; regulators ask for COMPLIANCE."
        };
        VaultDescription {
            kind: "s3-object-lock",
            place: self.client.settings.place(),
            regulatory_worm: compliance,
            statement: statement.to_owned(),
        }
    }

    fn put<'a>(
        &'a self,
        key: &'a ObjectKey,
        content: &'a dyn Content,
        options: &'a PutOptions,
    ) -> VaultFuture<'a, PutOutcome> {
        Box::pin(self.put_object(key, content, options))
    }

    fn read_back<'a>(&'a self, key: &'a ObjectKey, version: &'a Version) -> VaultFuture<'a, ReadBack> {
        Box::pin(async move { Ok(self.inspect(key, version, false).await?.0) })
    }

    fn get<'a>(&'a self, key: &'a ObjectKey, version: &'a Version) -> VaultFuture<'a, Vec<u8>> {
        Box::pin(async move { Ok(self.inspect(key, version, true).await?.1) })
    }

    fn list<'a>(&'a self, prefix: &'a str) -> VaultFuture<'a, Vec<Listed>> {
        Box::pin(self.listing(prefix))
    }

    fn retain_at_least<'a>(
        &'a self,
        key: &'a ObjectKey,
        version: &'a Version,
        until: Timestamp,
        _at: Timestamp,
    ) -> VaultFuture<'a, Timestamp> {
        Box::pin(self.extend(key, version, until))
    }

    fn set_legal_hold<'a>(
        &'a self,
        key: &'a ObjectKey,
        version: &'a Version,
        on: bool,
        _at: Timestamp,
    ) -> VaultFuture<'a, bool> {
        Box::pin(self.hold(key, version, on))
    }

    fn legal_hold<'a>(&'a self, key: &'a ObjectKey, version: &'a Version) -> VaultFuture<'a, bool> {
        Box::pin(self.is_held(key, version))
    }

    fn examine(&self, at: Timestamp, depth: Depth) -> VaultFuture<'_, Vec<Observation>> {
        Box::pin(self.observe(at, depth))
    }
}
