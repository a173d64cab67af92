//! One object of the bucket: its versions, their locks and their bytes.

use std::collections::BTreeMap;

use aws_sdk_s3::primitives::{ByteStream, DateTime};
use aws_sdk_s3::types::{
    ChecksumMode, ObjectLockLegalHold, ObjectLockLegalHoldStatus, ObjectLockRetention, ObjectLockRetentionMode,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use exhibit_evidence::{Digest, Digesting, Timestamp};

use super::client::Client;
use super::failure::{Class, Failure};
use super::settings::LockMode;
use crate::{ObjectKey, VaultError, Version};

/// The names of what a put notes beside the bytes. S3 sends them as `x-amz-meta-…`.
pub(super) const META_DIGEST: &str = "exhibit-sha256";
pub(super) const META_SIZE: &str = "exhibit-size";
pub(super) const META_PUT_AT: &str = "exhibit-put-at";

/// An object of the bucket: its full name, and the key that people know it by.
#[derive(Clone, Debug)]
pub(super) struct Object<'a> {
    pub(super) key: &'a ObjectKey,
    pub(super) full: String,
}

/// What lies, and lay, under one name.
#[derive(Clone, Debug, Default)]
pub(super) struct History {
    /// Versions that have bytes, the earliest first.
    pub(super) versions: Vec<Kept>,
    /// Whether a delete marker is on top.
    pub(super) marked: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Kept {
    pub(super) version: Version,
    latest: bool,
}

impl History {
    pub(super) fn first(&self) -> Option<&Version> {
        self.versions.first().map(|kept| &kept.version)
    }

    /// The version that whoever names none is given; none where a delete marker is on top.
    pub(super) fn on_top(&self) -> Option<&Version> {
        let top = self.versions.iter().find(|kept| kept.latest && !self.marked)?;
        Some(&top.version)
    }

    /// Whether this version is there; if so, whether it is hidden from whoever names none.
    pub(super) fn masks(&self, version: &Version) -> Option<bool> {
        let kept = self.versions.iter().find(|kept| kept.version == *version)?;
        Some(self.marked || !kept.latest)
    }
}

/// What a version says of itself.
#[derive(Clone, Debug)]
pub(super) struct Head {
    pub(super) media_type: String,
    pub(super) noted_digest: Option<Digest>,
    pub(super) put_at: Option<Timestamp>,
    pub(super) stored_checksum: Option<Digest>,
    pub(super) e_tag: Option<String>,
    pub(super) encryption: Option<String>,
    pub(super) request_id: Option<String>,
}

/// The lock on a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lock {
    pub(super) mode: LockMode,
    pub(super) until: Timestamp,
}

impl Lock {
    /// Whether it keeps at least as firmly, and as long, as the other.
    pub(super) fn keeps(&self, wanted: &Self) -> bool {
        self.mode >= wanted.mode && self.until >= wanted.until
    }
}

/// What is put: everything that goes with the bytes.
#[derive(Debug)]
pub(super) struct Offer<'a> {
    pub(super) bytes: bytes::Bytes,
    /// The digest that the object stands for: that of the whole where these bytes are a list of its parts.
    pub(super) digest: Digest,
    /// The size that it stands for.
    pub(super) size: u64,
    pub(super) media_type: &'a str,
    pub(super) put_at: Timestamp,
    pub(super) lock: Lock,
}

/// What the store answered to a put.
#[derive(Clone, Debug)]
pub(super) struct Stored {
    pub(super) version: Version,
    pub(super) request_id: Option<String>,
}

impl Client {
    /// What lies under every name that begins with this.
    pub(super) async fn histories(&self, prefix: &str) -> Result<BTreeMap<String, History>, VaultError> {
        self.pages(prefix, |_| true).await
    }

    /// What lies under this name.
    pub(super) async fn history(&self, full: &str) -> Result<History, VaultError> {
        let mut found = self.pages(full, |last| last == full).await?;
        Ok(found.remove(full).unwrap_or_default())
    }

    /// Whether anything lies in the folder.
    pub(super) async fn anything_in(&self, folder: &str) -> Result<bool, VaultError> {
        Ok(!self.pages(folder, |_| false).await?.is_empty())
    }

    /// Pages of a listing, as long as `go_on` says so of the last name on the page.
    async fn pages(&self, prefix: &str, go_on: impl Fn(&str) -> bool) -> Result<BTreeMap<String, History>, VaultError> {
        let what = self.what("listing", prefix);
        let mut found: BTreeMap<String, History> = BTreeMap::new();
        let mut marker: (Option<String>, Option<String>) = (None, None);
        loop {
            let page = self
                .ask(&what, || async {
                    let request = self.s3.list_object_versions().bucket(&self.settings.bucket).prefix(prefix);
                    let request = request.max_keys(i32::from(self.settings.page));
                    let request = request.set_key_marker(marker.0.clone()).set_version_id_marker(marker.1.clone());
                    Ok(request.send().await?)
                })
                .await?
                .map_err(|failure| failure.into_error(&what))?;
            let incomplete =
                || Failure::lost("the listing leaves out names or versions of what it lists").into_error(&what);
            for version in page.versions() {
                let (Some(key), Some(id)) = (version.key(), version.version_id()) else { return Err(incomplete()) };
                let kept = Kept { version: Version::new(id), latest: version.is_latest().unwrap_or(false) };
                found.entry(key.to_owned()).or_default().versions.push(kept);
            }
            for marker in page.delete_markers() {
                let Some(key) = marker.key() else { return Err(incomplete()) };
                let history = found.entry(key.to_owned()).or_default();
                history.marked |= marker.is_latest().unwrap_or(false);
            }
            let last = page.next_key_marker().map(str::to_owned);
            if !page.is_truncated().unwrap_or(false) || !last.as_deref().is_some_and(&go_on) {
                break;
            }
            let next = (last, page.next_version_id_marker().map(str::to_owned));
            if next == marker {
                return Err(Failure::lost("the listing does not come to an end").into_error(&what));
            }
            marker = next;
        }
        // S3 lists the latest version first.
        for history in found.values_mut() {
            history.versions.reverse();
        }
        Ok(found)
    }

    /// What the version says of itself; none where there is none.
    pub(super) async fn head(&self, full: &str, version: &Version) -> Result<Option<Head>, VaultError> {
        let what = self.what("asking about", full);
        let answer = self
            .ask(&what, || async {
                let request = self.s3.head_object().bucket(&self.settings.bucket).key(full);
                let request = request.version_id(version.as_str()).checksum_mode(ChecksumMode::Enabled);
                Ok(request.send().await?)
            })
            .await?;
        let head = match answer {
            Ok(head) => head,
            Err(failure) if failure.class == Class::Absent => return Ok(None),
            Err(failure) => return Err(failure.into_error(&what)),
        };
        use aws_sdk_s3::operation::RequestId as _;
        let noted = |name: &str| head.metadata().and_then(|noted| noted.get(name));
        Ok(Some(Head {
            media_type: head.content_type().unwrap_or_default().to_owned(),
            noted_digest: noted(META_DIGEST).and_then(|text| text.parse().ok()),
            put_at: noted(META_PUT_AT).and_then(|text| text.parse().ok()),
            stored_checksum: head.checksum_sha256().and_then(checksum),
            e_tag: head.e_tag().map(|tag| tag.trim_matches('"').to_owned()),
            encryption: head.server_side_encryption().map(|algorithm| algorithm.as_str().to_owned()),
            request_id: head.request_id().map(str::to_owned),
        }))
    }

    /// The bytes of a version; none where there is none.
    pub(super) async fn bytes(&self, full: &str, version: &Version) -> Result<Option<Vec<u8>>, VaultError> {
        let what = self.what("reading", full);
        let answer = self
            .ask(&what, || async {
                let request = self.s3.get_object().bucket(&self.settings.bucket).key(full);
                let answer = request.version_id(version.as_str()).send().await?;
                let length = answer.content_length();
                let bytes = answer.body.collect().await?.to_vec();
                match length {
                    Some(length) if length != i64::try_from(bytes.len()).unwrap_or(-1) => {
                        Err(Failure::lost(format!("{} of {length} bytes came", bytes.len())))
                    }
                    _ => Ok(bytes),
                }
            })
            .await?;
        match answer {
            Ok(bytes) => Ok(Some(bytes)),
            Err(failure) if failure.class == Class::Absent => Ok(None),
            Err(failure) => Err(failure.into_error(&what)),
        }
    }

    /// The digest of a version's bytes and their number, which are not kept in memory; none where there is none.
    pub(super) async fn digest(&self, full: &str, version: &Version) -> Result<Option<(Digest, u64)>, VaultError> {
        let what = self.what("reading", full);
        let answer = self
            .ask(&what, || async {
                let request = self.s3.get_object().bucket(&self.settings.bucket).key(full);
                let mut answer = request.version_id(version.as_str()).send().await?;
                let mut digesting = Digesting::default();
                while let Some(bytes) = answer.body.try_next().await? {
                    digesting.take(&bytes);
                }
                let (digest, size) = digesting.finish();
                match answer.content_length() {
                    Some(length) if u64::try_from(length) != Ok(size) => {
                        Err(Failure::lost(format!("{size} of {length} bytes came")))
                    }
                    _ => Ok((digest, size)),
                }
            })
            .await?;
        match answer {
            Ok(found) => Ok(Some(found)),
            Err(failure) if failure.class == Class::Absent => Ok(None),
            Err(failure) => Err(failure.into_error(&what)),
        }
    }

    /// The retention of a version; none where it has none. Servers word that in two ways, both of them 404.
    pub(super) async fn lock(&self, full: &str, version: &Version) -> Result<Option<Lock>, VaultError> {
        let what = self.what("asking for the retention of", full);
        let answer = self
            .ask(&what, || async {
                let request = self.s3.get_object_retention().bucket(&self.settings.bucket).key(full);
                Ok(request.version_id(version.as_str()).send().await?)
            })
            .await?;
        let retention = match answer {
            Ok(answer) => answer.retention,
            Err(failure) if failure.class == Class::Absent || failure.class == Class::NoLock => None,
            Err(failure) => return Err(failure.into_error(&what)),
        };
        let Some(retention) = retention else { return Ok(None) };
        let mode = retention.mode().and_then(|mode| LockMode::parse(mode.as_str()));
        Ok(mode.zip(retention.retain_until_date().and_then(timestamp)).map(|(mode, until)| Lock { mode, until }))
    }

    /// Sets a retention, which the store refuses where it would be a weaker one.
    pub(super) async fn set_lock(&self, full: &str, version: &Version, lock: Lock) -> Result<(), VaultError> {
        let what = self.what("setting the retention of", full);
        let retention = ObjectLockRetention::builder()
            .mode(ObjectLockRetentionMode::from(lock.mode.as_str()))
            .retain_until_date(date(lock.until))
            .build();
        self.ask(&what, || async {
            let request = self.s3.put_object_retention().bucket(&self.settings.bucket).key(full);
            Ok(request.version_id(version.as_str()).retention(retention.clone()).send().await?)
        })
        .await?
        .map(drop)
        .map_err(|failure| failure.into_error(&what))
    }

    /// Whether a legal hold is on a version.
    pub(super) async fn hold(&self, full: &str, version: &Version) -> Result<bool, VaultError> {
        let what = self.what("asking for a legal hold on", full);
        let answer = self
            .ask(&what, || async {
                let request = self.s3.get_object_legal_hold().bucket(&self.settings.bucket).key(full);
                Ok(request.version_id(version.as_str()).send().await?)
            })
            .await?;
        match answer {
            Ok(answer) => {
                Ok(answer.legal_hold().and_then(|hold| hold.status()) == Some(&ObjectLockLegalHoldStatus::On))
            }
            Err(failure) if failure.class == Class::Absent || failure.class == Class::NoLock => Ok(false),
            Err(failure) => Err(failure.into_error(&what)),
        }
    }

    /// Places or releases a legal hold.
    pub(super) async fn set_hold(&self, full: &str, version: &Version, on: bool) -> Result<(), VaultError> {
        let what = self.what(if on { "placing a legal hold on" } else { "releasing the legal hold on" }, full);
        let status = if on { ObjectLockLegalHoldStatus::On } else { ObjectLockLegalHoldStatus::Off };
        let hold = ObjectLockLegalHold::builder().status(status).build();
        self.ask(&what, || async {
            let request = self.s3.put_object_legal_hold().bucket(&self.settings.bucket).key(full);
            Ok(request.version_id(version.as_str()).legal_hold(hold.clone()).send().await?)
        })
        .await?
        .map(drop)
        .map_err(|failure| failure.into_error(&what))
    }

    /// Sends the bytes once, in one part, with everything that lets the server notice what got lost.
    pub(super) async fn put(
        &self,
        full: &str,
        offer: &Offer<'_>,
        conditional: bool,
    ) -> Result<Result<Stored, Failure>, VaultError> {
        use aws_sdk_s3::operation::RequestId as _;
        use aws_sdk_s3::types::{ObjectLockMode, ServerSideEncryption};
        use md5::Digest as _;

        use super::settings::Encryption;

        let what = self.what("putting", full);
        let md5 = BASE64.encode(md5::Md5::digest(&offer.bytes));
        let sha256 = BASE64.encode(Digest::of(&offer.bytes).0);
        let request = || async {
            let mut request = self
                .s3
                .put_object()
                .bucket(&self.settings.bucket)
                .key(full)
                .body(ByteStream::from(offer.bytes.clone()))
                .content_type(offer.media_type)
                .content_md5(&md5)
                .checksum_sha256(&sha256)
                .metadata(META_DIGEST, offer.digest.to_string())
                .metadata(META_SIZE, offer.size.to_string())
                .metadata(META_PUT_AT, offer.put_at.to_string())
                .object_lock_mode(ObjectLockMode::from(offer.lock.mode.as_str()))
                .object_lock_retain_until_date(date(offer.lock.until));
            if conditional {
                request = request.if_none_match("*");
            }
            request = match &self.settings.encryption {
                Encryption::BucketDefault => request,
                Encryption::StoreKeys => request.server_side_encryption(ServerSideEncryption::Aes256),
                Encryption::Kms(key) => {
                    request.server_side_encryption(ServerSideEncryption::AwsKms).set_ssekms_key_id(key.clone())
                }
            };
            let answer = request.send().await?;
            let request_id = answer.request_id().map(str::to_owned);
            // "null" is what a bucket without versions answers.
            let version = answer.version_id().filter(|id| *id != "null").unwrap_or_default();
            Ok(Stored { version: Version::new(version), request_id })
        };
        self.send(&what, &request).await
    }
}

/// Whole seconds, never fewer: a store may cut what is finer.
pub(super) fn whole_seconds(until: Timestamp) -> Timestamp {
    let seconds = until.micros().div_euclid(1_000_000) + i64::from(until.micros().rem_euclid(1_000_000) != 0);
    Timestamp::from_micros(seconds.saturating_mul(1_000_000)).unwrap_or(until)
}

fn date(until: Timestamp) -> DateTime {
    DateTime::from_secs(whole_seconds(until).micros().div_euclid(1_000_000))
}

pub(super) fn timestamp(date: &DateTime) -> Option<Timestamp> {
    let micros = date.secs().checked_mul(1_000_000)?.checked_add(i64::from(date.subsec_nanos() / 1000))?;
    Timestamp::from_micros(micros)
}

fn checksum(base64: &str) -> Option<Digest> {
    let bytes = BASE64.decode(base64).ok()?;
    Some(Digest(bytes.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_never_cut_short() {
        for (asked, kept) in [
            ("2033-03-01T23:59:59.000000Z", "2033-03-01T23:59:59.000000Z"),
            ("2033-03-01T23:59:59.000001Z", "2033-03-02T00:00:00.000000Z"),
            ("2032-02-29T23:59:59.999999Z", "2032-03-01T00:00:00.000000Z"),
            ("1969-12-31T23:59:59.500000Z", "1970-01-01T00:00:00.000000Z"),
        ] {
            let asked: Timestamp = asked.parse().unwrap();
            assert_eq!(whole_seconds(asked).to_string(), kept);
            assert_eq!(timestamp(&date(asked)), Some(kept.parse().unwrap()), "there and back");
        }
    }

    #[test]
    fn compliance_keeps_what_governance_asks_not_the_other_way() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let (early, late) = (at("2033-03-01T00:00:00.000000Z"), at("2034-03-01T00:00:00.000000Z"));
        let lock = |mode, until| Lock { mode, until };
        use LockMode::{Compliance, Governance};
        assert!(lock(Compliance, late).keeps(&lock(Governance, early)));
        assert!(lock(Compliance, late).keeps(&lock(Compliance, late)));
        assert!(!lock(Governance, late).keeps(&lock(Compliance, early)));
        assert!(!lock(Compliance, early).keeps(&lock(Compliance, late)));
    }
}
