//! What the service must not be able to do, tried on an object that is put for it.
//!
//! The object is locked in GOVERNANCE mode for a few minutes, and is the same one each time: its lock is made longer.
//! Whoever may bypass governance can remove it, which is what is tried; nothing else in the bucket is touched.

use aws_sdk_s3::types::{BucketVersioningStatus, ObjectLockConfiguration, VersioningConfiguration};
use bytes::Bytes;
use exhibit_evidence::{Digest, Timestamp};

use super::S3Vault;
use super::examining::Told;
use super::failure::{Class, Failure};
use super::objects::{Lock, Offer};
use super::settings::LockMode;
use crate::vault::Version;
use crate::{Standing, VaultError};

/// The object's name within the vault; no caller's key.
const NAME: &str = ".probe/rights";
const BYTES: &[u8] = b"Put by Exhibit to try whether its own rights are few enough. It may be removed at any time.\n";
/// How long it is locked, in seconds: longer than the tries take.
const LOCKED_FOR: i64 = 600;

/// Whether something was done that must be refused.
enum Tried {
    Refused,
    Done,
    Unclear(String),
}

impl Tried {
    fn of<T>(answer: Result<Result<T, Failure>, VaultError>) -> Self {
        match answer {
            Ok(Ok(_)) => Self::Done,
            Ok(Err(failure)) if failure.class == Class::Refused => Self::Refused,
            Ok(Err(failure)) => Self::Unclear(failure.to_string()),
            Err(error) => Self::Unclear(error.to_string()),
        }
    }
}

impl S3Vault {
    pub(super) async fn rights(&self, lock: &Told<ObjectLockConfiguration>) -> (Standing, String, String) {
        let unclear = |why: String| {
            let sentence = format!("Whether the service's own rights are too many could not be tried: {why}.");
            (Standing::Unknown, "not found out".to_owned(), sentence)
        };
        let probe = match self.probe().await {
            Ok(probe) => probe,
            Err(error) => return unclear(error.to_string()),
        };
        let mut too_many: Vec<&str> = Vec::new();
        match self.try_bypass(&probe).await {
            Tried::Refused => {}
            Tried::Done => too_many.push("remove a version before its time by bypassing governance"),
            Tried::Unclear(why) => return unclear(why),
        }
        if let Told::Yes(settings) = lock {
            match self.try_lock_settings(settings).await {
                Tried::Refused => {}
                Tried::Done => too_many.push("change the bucket's lock settings"),
                Tried::Unclear(why) => return unclear(why),
            }
        }
        // The lock holds against both of these; they are more than the service needs all the same.
        let mut needless: Vec<&str> = Vec::new();
        match self.try_versioning().await {
            Tried::Refused => {}
            Tried::Done => needless.push("set the bucket's versioning"),
            Tried::Unclear(why) => return unclear(why),
        }
        match self.try_mask().await {
            Tried::Refused => {}
            Tried::Done => needless.push("hide objects behind delete markers"),
            Tried::Unclear(why) => return unclear(why),
        }
        if !too_many.is_empty() {
            let list = too_many.join(", and ");
            let sentence = format!("The service's credentials may {list}: take these rights away from them.");
            return (Standing::Broken, format!("may {list}"), sentence);
        }
        if !needless.is_empty() {
            let list = needless.join(", and ");
            let sentence =
                format!("The service's credentials may {list}, which it never does: take these rights away too.");
            return (Standing::Weak, format!("may {list}"), sentence);
        }
        let sentence = "Bypassing governance, changing lock settings and versioning, and deleting were each refused.";
        (Standing::Holds, "few enough".to_owned(), sentence.to_owned())
    }

    /// The object, surely under a governance lock.
    async fn probe(&self) -> Result<Version, VaultError> {
        let full = self.client.full(NAME);
        let what = self.client.what("locking the probe", &full);
        let history = self.client.history(&full).await?;
        let now = self.client.server_time().and_then(|seconds| Timestamp::from_micros(seconds * 1_000_000));
        let Some(now) = now else {
            return Err(Failure::lost("the server does not tell its time").into_error(&what));
        };
        let until = now.plus(chrono::TimeDelta::seconds(LOCKED_FOR));
        let lock = Lock { mode: LockMode::Governance, until };
        let version = match history.versions.last() {
            Some(kept) => {
                self.client.set_lock(&full, &kept.version, lock).await?;
                kept.version.clone()
            }
            None => {
                let offer = Offer {
                    bytes: Bytes::from_static(BYTES),
                    digest: Digest::of(BYTES),
                    size: BYTES.len() as u64,
                    media_type: "text/plain",
                    put_at: now,
                    lock,
                };
                self.client.put(&full, &offer, false).await?.map_err(|failure| failure.into_error(&what))?.version
            }
        };
        // Without a lock, that it can be removed would say nothing.
        match self.client.lock(&full, &version).await? {
            Some(found) if found.keeps(&lock) && found.mode == LockMode::Governance => Ok(version),
            _ => Err(Failure::lost("the probe could not be locked").into_error(&what)),
        }
    }

    async fn try_bypass(&self, probe: &Version) -> Tried {
        let full = self.client.full(NAME);
        let request = || async {
            let request = self.client.s3.delete_object().bucket(&self.client.settings.bucket).key(&full);
            Ok(request.version_id(probe.as_str()).bypass_governance_retention(true).send().await?)
        };
        Tried::of(self.client.ask(&self.client.what("trying to remove", &full), request).await)
    }

    /// Sets what is set already.
    async fn try_lock_settings(&self, settings: &ObjectLockConfiguration) -> Tried {
        let request = || async {
            let request = self.client.s3.put_object_lock_configuration().bucket(&self.client.settings.bucket);
            Ok(request.object_lock_configuration(settings.clone()).send().await?)
        };
        Tried::of(self.client.ask(&self.client.what("trying to set the lock of", ""), request).await)
    }

    /// Sets what Object Lock needs, and what can't be unset while there is one.
    async fn try_versioning(&self) -> Tried {
        let on = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled).build();
        let request = || async {
            let request = self.client.s3.put_bucket_versioning().bucket(&self.client.settings.bucket);
            Ok(request.versioning_configuration(on.clone()).send().await?)
        };
        Tried::of(self.client.ask(&self.client.what("trying to set the versioning of", ""), request).await)
    }

    /// Puts a delete marker over the probe, and takes it away again where that is allowed.
    async fn try_mask(&self) -> Tried {
        let full = self.client.full(NAME);
        let what = self.client.what("trying to hide", &full);
        let request = || async {
            Ok(self.client.s3.delete_object().bucket(&self.client.settings.bucket).key(&full).send().await?)
        };
        let answer = self.client.ask(&what, request).await;
        if let Ok(Ok(answer)) = &answer
            && answer.delete_marker() == Some(true)
            && let Some(marker) = answer.version_id()
        {
            let request = || async {
                let request = self.client.s3.delete_object().bucket(&self.client.settings.bucket).key(&full);
                Ok(request.version_id(marker).send().await?)
            };
            // A marker that stays is over the probe alone.
            let _ = self.client.ask(&what, request).await;
        }
        Tried::of(answer)
    }
}
