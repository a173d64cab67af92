//! What a store promises.

use std::{fmt, future::Future, pin::Pin};

use exhibit_evidence::{Digest, Timestamp};

use crate::{Content, Depth, Held, ObjectKey, Observation, VaultError};

/// What a [`Vault`]'s verbs return.
///
/// A boxed future, because stores are chosen at run time (`dyn Vault`) and the
/// next one speaks HTTP. A store on local disk does its work at the first poll,
/// on the calling thread.
pub type VaultFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, VaultError>> + Send + 'a>>;

/// A store in which an object is put once and stays.
///
/// What is put has a digest and a size before its first byte leaves, because object locks are dependable only on puts
/// that say both; it need not lie in memory ([`Content`]), and what is read back is compared as it comes. A store holds
/// one part of an object in memory at most.
///
/// Every verb may be repeated. A caller that was not told the outcome asks again
/// and gets the same answer as if nothing had been lost.
pub trait Vault: Send + Sync + fmt::Debug {
    /// What kind of store this is, and what it does and does not prove.
    fn describe(&self) -> VaultDescription;

    /// Stores `content` under `key`, protected until at least `options.retain_until`.
    ///
    /// The same bytes again are success and never shorten the retention. Success
    /// means durable, not verified: that is what [`Self::read_back`] is for.
    ///
    /// # Errors
    ///
    /// [`VaultError::OtherBytes`] where the key holds other bytes, with nothing changed;
    /// [`VaultError::BadOptions`] where the content is not what it says of itself;
    /// any read-back condition where what is there is not as it should be.
    fn put<'a>(
        &'a self,
        key: &'a ObjectKey,
        content: &'a dyn Content,
        options: &'a PutOptions,
    ) -> VaultFuture<'a, PutOutcome>;

    /// [`Self::put`] of bytes that lie in memory.
    ///
    /// # Errors
    ///
    /// As [`Self::put`].
    fn put_once<'a>(
        &'a self,
        key: &'a ObjectKey,
        bytes: &'a [u8],
        options: &'a PutOptions,
    ) -> VaultFuture<'a, PutOutcome> {
        Box::pin(async move { self.put(key, &Held::new(bytes), options).await })
    }

    /// What the store itself says about a version, with the digest computed from
    /// the bytes as they are read back now.
    ///
    /// # Errors
    ///
    /// Removed, changed and unprotected objects are errors of their own.
    fn read_back<'a>(&'a self, key: &'a ObjectKey, version: &'a Version) -> VaultFuture<'a, ReadBack>;

    /// The bytes of a version.
    ///
    /// # Errors
    ///
    /// As [`Self::read_back`]; bytes that were changed are never handed out.
    fn get<'a>(&'a self, key: &'a ObjectKey, version: &'a Version) -> VaultFuture<'a, Vec<u8>>;

    /// Every object whose key begins with `prefix` (plain text, as in S3), by
    /// key, with those that are known but gone or have no record.
    ///
    /// # Errors
    ///
    /// Where the store cannot be listed completely.
    fn list<'a>(&'a self, prefix: &'a str) -> VaultFuture<'a, Vec<Listed>>;

    /// Makes the retention at least `until` and returns what then holds. A
    /// retention that is already longer stays: nothing here can shorten one.
    ///
    /// # Errors
    ///
    /// As [`Self::read_back`].
    fn retain_at_least<'a>(
        &'a self,
        key: &'a ObjectKey,
        version: &'a Version,
        until: Timestamp,
        at: Timestamp,
    ) -> VaultFuture<'a, Timestamp>;

    /// Puts a legal hold on a version, or takes it off, and returns whether one is on it then, as the
    /// store says. A hold has no end of its own and is independent of the retention: while either
    /// holds, nobody may remove the version. A hold that is on already is success.
    ///
    /// Who may release a hold is not decided here: a store knows one hold a version, a deployment knows cases.
    ///
    /// # Errors
    ///
    /// As [`Self::read_back`].
    fn set_legal_hold<'a>(
        &'a self,
        key: &'a ObjectKey,
        version: &'a Version,
        on: bool,
        at: Timestamp,
    ) -> VaultFuture<'a, bool>;

    /// Whether a legal hold is on a version, as the store says. Its bytes need not be read for that.
    ///
    /// # Errors
    ///
    /// As [`Self::read_back`], as far as it was looked at.
    fn legal_hold<'a>(&'a self, key: &'a ObjectKey, version: &'a Version) -> VaultFuture<'a, bool>;

    /// Looks at what surrounds the objects: whether the store itself still is what its promises need. What
    /// could not be found out is an observation too. `at` is the time by our own clock.
    ///
    /// # Errors
    ///
    /// Where the store can't be reached at all.
    fn examine(&self, at: Timestamp, depth: Depth) -> VaultFuture<'_, Vec<Observation>>;
}

/// The store's own name for one stored state of an object: a digest in a
/// write-once directory, a version id in S3.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(String);

impl Version {
    /// From the store's word, or from a receipt that quotes it.
    pub fn new(word: impl Into<String>) -> Self {
        Self(word.into())
    }

    /// As the store writes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How an object is to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PutOptions {
    /// When it is put.
    pub put_at: Timestamp,
    /// Until when nobody may remove it; later than `put_at`, before the year 10000.
    pub retain_until: Timestamp,
    /// What the bytes are, such as `text/html; charset=utf-8`; visible ASCII, at most 100 bytes.
    pub media_type: String,
}

impl PutOptions {
    /// Refuses what no store should be asked for.
    pub(crate) fn check(&self, key: &ObjectKey) -> Result<(), VaultError> {
        let refuse = |problem: String| Err(VaultError::BadOptions { key: key.clone(), problem });
        if self.retain_until <= self.put_at {
            return refuse(format!("retain-until {} is not later than the put at {}", self.retain_until, self.put_at));
        }
        if chrono::Datelike::year(&self.retain_until.utc()) > 9999 {
            return refuse(format!("retain-until {} is past the year 9999", self.retain_until));
        }
        let media_type = &self.media_type;
        let visible = media_type.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        if !visible || media_type.len() > 100 || !media_type.contains('/') {
            return refuse(format!("{media_type:?} is not a media type such as text/html"));
        }
        Ok(())
    }
}

/// Whether this put was the one that stored the object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Done {
    /// It was.
    Stored,
    /// The same bytes had been stored before, or by an interrupted put that this one completed.
    AlreadyThere,
}

/// What a put achieved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PutOutcome {
    /// The version to read back.
    pub version: Version,
    /// The digest of the bytes as they were sent.
    pub digest: Digest,
    /// Their number.
    pub size: u64,
    /// Whether this put stored them.
    pub done: Done,
    /// The store's name for the request that stored them, for its operator; none where it has none, or
    /// where this put found them there.
    pub request_id: Option<String>,
}

/// What the store says about one version, as read from it just now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadBack {
    /// The object.
    pub key: ObjectKey,
    /// The version that was read.
    pub version: Version,
    /// The digest, computed from the bytes as read back.
    pub digest: Digest,
    /// The number of bytes read back.
    pub size: u64,
    /// The kind of lock, in the store's own word.
    pub mode: String,
    /// Until when the store keeps it.
    pub retain_until: Timestamp,
    /// Whether a legal hold is on it.
    pub legal_hold: bool,
    /// When it was put.
    pub put_at: Timestamp,
    /// What the bytes are said to be.
    pub media_type: String,
    /// The SHA-256 that the store says it keeps beside the bytes; none where it keeps none. The word of the
    /// store only: `digest` is computed here.
    pub stored_checksum: Option<Digest>,
    /// The store's tag of the bytes; no digest that could be relied on.
    pub e_tag: Option<String>,
    /// The store's name for the request that answered this, for its operator.
    pub request_id: Option<String>,
    /// Whether a delete marker, or a later version with other bytes, hides this version from whoever names none.
    pub masked: bool,
}

/// One object in a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The object.
    pub key: ObjectKey,
    /// Its version; none where the record of it is missing or cannot be read.
    pub version: Option<Version>,
    /// Whether its bytes are there.
    pub present: bool,
    /// Whether a delete marker, or a later version whatever its bytes, hides it from whoever names no version.
    pub masked: bool,
    /// Further versions under this key: of a put that raced, or of somebody who wrote over it.
    pub others: Vec<Version>,
}

/// What kind of store this is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VaultDescription {
    /// Such as `write-once-directory`.
    pub kind: &'static str,
    /// Where it is, for people.
    pub place: String,
    /// Whether regulators accept stores of this kind as WORM.
    pub regulatory_worm: bool,
    /// What it proves and what it does not, in one sentence.
    pub statement: String,
}
