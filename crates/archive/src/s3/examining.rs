//! Is the bucket what the promises need? One observation an aspect, and one sentence each on what is missing.

use std::future::Future;

use aws_sdk_s3::types::{
    BucketVersioningStatus, ExpirationStatus, LifecycleRule, ObjectLockConfiguration, ObjectLockEnabled,
    ServerSideEncryption,
};
use exhibit_evidence::Timestamp;

use super::S3Vault;
use super::failure::{Class, Failure};
use super::settings::{Encryption, LockMode};
use crate::{Aspect, Depth, Observation, Standing, VaultError};

/// A question about the bucket, answered or not.
pub(super) enum Told<T> {
    Yes(T),
    /// There is no such setting in this bucket.
    None,
    /// The server knows no such setting at all.
    Unknown,
    /// Could not be found out, and why.
    Unheard(String),
}

/// What stands between an aspect and its sentence.
type Found = (Standing, String, String);

fn found(standing: Standing, value: impl Into<String>, sentence: impl Into<String>) -> Found {
    (standing, value.into(), sentence.into())
}

fn unheard(asked: &str, right: &str, why: &str) -> Found {
    found(
        Standing::Unknown,
        "not found out",
        format!("{asked} could not be found out: {why}; the right {right} is needed."),
    )
}

impl S3Vault {
    pub(super) async fn observe(&self, at: Timestamp, depth: Depth) -> Result<Vec<Observation>, VaultError> {
        let (reach, insecure) = match self.reach().await? {
            Ok(reach) => (reach, None),
            Err(why) => {
                let place = self.client.settings.place();
                let sentence = format!("The server at {place} was not asked, as there is no secure way to it.");
                (found(Standing::Unknown, "not asked", sentence), Some(why))
            }
        };
        let reached = reach.0 == Standing::Holds;
        let mut observations = vec![(Aspect::Reach, reach)];
        // The clock is told by any answer; before further requests, so that it is compared with the time of asking.
        let clock = self.clock(at);
        let lock =
            if reached { self.lock_settings().await } else { Told::Unheard("the bucket is out of reach".to_owned()) };
        for aspect in Aspect::ALL.into_iter().skip(1) {
            let found = match aspect {
                Aspect::Tls => insecure.clone().unwrap_or_else(|| tls(self.client.settings.endpoint.as_deref())),
                Aspect::Clock => clock.clone(),
                _ if !reached => {
                    found(Standing::Unknown, "not asked", "The bucket is out of reach, so that nothing else was asked.")
                }
                Aspect::Reach => continue,
                Aspect::Versioning => self.versioning().await,
                Aspect::ObjectLock => object_lock(&lock),
                Aspect::DefaultRetention => default_retention(&lock, self.mode()),
                Aspect::Lifecycle => self.lifecycle().await,
                Aspect::PublicAccess => self.public_access().await,
                Aspect::Encryption => self.encryption().await,
                Aspect::Rights => match depth {
                    Depth::Probing => self.rights(&lock).await,
                    Depth::Asking => found(
                        Standing::Unknown,
                        "not tried",
                        "Whether the service's own rights are too many was not tried: that takes an object put for it.",
                    ),
                },
            };
            observations.push((aspect, found));
        }
        let observation = |(aspect, (standing, value, sentence))| Observation { aspect, standing, value, sentence };
        Ok(observations.into_iter().map(observation).collect())
    }

    /// Asks about the bucket.
    pub(super) async fn told<T, F>(&self, asked: &str, request: impl Fn() -> F) -> Told<T>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        match self.client.ask(&self.client.what(asked, ""), request).await {
            Ok(Ok(answer)) => Told::Yes(answer),
            Ok(Err(failure)) => match failure.class {
                Class::Absent => Told::None,
                Class::Unknown => Told::Unknown,
                _ => Told::Unheard(failure.to_string()),
            },
            Err(error) => Told::Unheard(error.to_string()),
        }
    }

    /// Where the store gives no answer at all, that is an error and no observation; where it could not be asked in secret, the
    /// inner error says why.
    async fn reach(&self) -> Result<Result<Found, Found>, VaultError> {
        let settings = &self.client.settings;
        let what = self.client.what("asking for", "");
        let answer = self
            .client
            .ask(&what, || async { Ok(self.client.s3.head_bucket().bucket(&settings.bucket).send().await?) })
            .await?;
        let place = settings.place();
        Ok(Ok(match answer {
            Ok(_) => found(Standing::Holds, place, "The bucket is there and answers."),
            Err(failure) if failure.class == Class::Insecure => {
                return Ok(Err(found(
                    Standing::Broken,
                    "not trusted",
                    format!(
                        "The server's certificate is none to trust ({failure}): where its authority is one of your own, name the \
                         authority's certificate in `[archive.s3] ca_file`."
                    ),
                )));
            }
            Err(failure) if failure.passes() || failure.class == Class::Skew => return Err(failure.into_error(&what)),
            Err(failure) if failure.class == Class::Absent => {
                found(Standing::Broken, "absent", format!("There is no bucket {:?} at {place}.", settings.bucket))
            }
            Err(failure) => found(
                Standing::Broken,
                "refused",
                format!("The bucket {:?} may not be used: {failure}.", settings.bucket),
            ),
        }))
    }

    fn clock(&self, at: Timestamp) -> Found {
        let Some(theirs) = self.client.server_time() else {
            return found(Standing::Unknown, "not told", "The server does not tell its time.");
        };
        let apart = (at.micros().div_euclid(1_000_000) - theirs).abs();
        match apart {
            0..=60 => {
                found(Standing::Holds, "within a minute", "The server's clock and ours are less than a minute apart.")
            }
            61..=300 => found(
                Standing::Weak,
                "some minutes apart",
                "The server's clock and ours are some minutes apart: set this machine's clock right.",
            ),
            _ => found(
                Standing::Broken,
                "far apart",
                "The server's clock and ours are more than five minutes apart: retentions and the times of evidence \
                 can't both be right.",
            ),
        }
    }

    async fn versioning(&self) -> Found {
        let bucket = &self.client.settings.bucket;
        let told = self
            .told("asking for the versioning of", || async {
                Ok(self.client.s3.get_bucket_versioning().bucket(bucket).send().await?)
            })
            .await;
        match told {
            Told::Yes(answer) => match answer.status() {
                Some(BucketVersioningStatus::Enabled) => found(Standing::Holds, "on", "Every put makes a version."),
                Some(_) => {
                    found(Standing::Broken, "suspended", "Versioning is suspended: switch it on for the bucket.")
                }
                None => found(Standing::Broken, "off", "Versioning is off: make a new bucket with Object Lock."),
            },
            Told::None | Told::Unknown => found(Standing::Broken, "off", "The server keeps no versions."),
            Told::Unheard(why) => unheard("Whether versions are kept", "s3:GetBucketVersioning", &why),
        }
    }

    pub(super) async fn lock_settings(&self) -> Told<ObjectLockConfiguration> {
        let bucket = &self.client.settings.bucket;
        let told = self
            .told("asking for the Object Lock of", || async {
                Ok(self.client.s3.get_object_lock_configuration().bucket(bucket).send().await?)
            })
            .await;
        match told {
            Told::Yes(answer) => answer.object_lock_configuration.map_or(Told::None, Told::Yes),
            Told::None => Told::None,
            Told::Unknown => Told::Unknown,
            Told::Unheard(why) => Told::Unheard(why),
        }
    }

    async fn lifecycle(&self) -> Found {
        let bucket = &self.client.settings.bucket;
        let told = self
            .told("asking for the lifecycle of", || async {
                Ok(self.client.s3.get_bucket_lifecycle_configuration().bucket(bucket).send().await?)
            })
            .await;
        match told {
            Told::Yes(answer) => judge_lifecycle(answer.rules(), &self.client.settings.prefix),
            Told::None | Told::Unknown => found(Standing::Holds, "no rules", "No rule removes anything by itself."),
            Told::Unheard(why) => unheard("Whether rules remove versions", "s3:GetLifecycleConfiguration", &why),
        }
    }

    async fn public_access(&self) -> Found {
        let bucket = &self.client.settings.bucket;
        let block = self
            .told("asking for the public access block of", || async {
                Ok(self.client.s3.get_public_access_block().bucket(bucket).send().await?)
            })
            .await;
        if let Told::Yes(answer) = &block
            && answer.public_access_block_configuration().is_some_and(|block| {
                [
                    block.block_public_acls(),
                    block.ignore_public_acls(),
                    block.block_public_policy(),
                    block.restrict_public_buckets(),
                ]
                .iter()
                .all(|on| *on == Some(true))
            })
        {
            return found(Standing::Holds, "all blocked", "All public access is blocked.");
        }
        match self.stranger().await {
            Some(true) => {
                return found(
                    Standing::Broken,
                    "public",
                    "A stranger without credentials may list the bucket: block public access.",
                );
            }
            None => {
                return unheard(
                    "Whether strangers may read the bucket",
                    "s3:GetBucketPublicAccessBlock",
                    "nobody answered",
                );
            }
            Some(false) => {}
        }
        let policy = self
            .told("asking for the policy of", || async {
                Ok(self.client.s3.get_bucket_policy_status().bucket(bucket).send().await?)
            })
            .await;
        if let Told::Yes(answer) = policy
            && answer.policy_status().and_then(|status| status.is_public()) == Some(true)
        {
            return found(Standing::Broken, "public policy", "The bucket's policy makes it public.");
        }
        match block {
            Told::Unknown => found(
                Standing::Holds,
                "strangers refused",
                "A stranger without credentials is refused; this server knows no block of public access.",
            ),
            Told::Yes(_) | Told::None => found(
                Standing::Weak,
                "not blocked",
                "Nothing is public now, but nothing would keep it so: switch on all four parts of Block Public Access.",
            ),
            Told::Unheard(why) => unheard("Whether public access is blocked", "s3:GetBucketPublicAccessBlock", &why),
        }
    }

    /// Whether a stranger may list the bucket; none where nobody answers.
    async fn stranger(&self) -> Option<bool> {
        let bucket = &self.client.settings.bucket;
        let told = self
            .told("listing as a stranger", || async {
                Ok(self.client.stranger.list_objects_v2().bucket(bucket).max_keys(1).send().await?)
            })
            .await;
        match told {
            Told::Yes(_) => Some(true),
            Told::None | Told::Unknown => Some(false),
            Told::Unheard(why) => (!why.contains("no answer")).then_some(false),
        }
    }

    async fn encryption(&self) -> Found {
        let settings = &self.client.settings;
        let told = self
            .told("asking for the encryption of", || async {
                Ok(self.client.s3.get_bucket_encryption().bucket(&settings.bucket).send().await?)
            })
            .await;
        let default = match &told {
            Told::Yes(answer) => answer
                .server_side_encryption_configuration()
                .and_then(|configuration| configuration.rules().first())
                .and_then(|rule| rule.apply_server_side_encryption_by_default())
                .map(|default| default.sse_algorithm().as_str().to_owned()),
            _ => None,
        };
        match (&settings.encryption, default, told) {
            (Encryption::Kms(_), default, _) => found(
                Standing::Holds,
                format!("SSE-KMS by each put, bucket: {}", default.as_deref().unwrap_or("none")),
                "Each put asks for SSE-KMS, and is an error where the store does not say that it did so.",
            ),
            (Encryption::StoreKeys, default, _) => found(
                Standing::Holds,
                format!("SSE-S3 by each put, bucket: {}", default.as_deref().unwrap_or("none")),
                "Each put asks for SSE-S3, and is an error where the store does not say that it did so.",
            ),
            (Encryption::BucketDefault, Some(default), _) => {
                let kms = default == ServerSideEncryption::AwsKms.as_str();
                let keys = if kms { "a key of KMS" } else { "keys of the store" };
                found(Standing::Holds, default, format!("What lies in the bucket is encrypted with {keys}."))
            }
            (Encryption::BucketDefault, None, Told::Unheard(why)) => {
                unheard("Whether the bucket encrypts", "s3:GetEncryptionConfiguration", &why)
            }
            (Encryption::BucketDefault, None, _) => found(
                Standing::Weak,
                "none",
                "The bucket does not encrypt by itself, and `[archive.s3] encryption` does not ask it to.",
            ),
        }
    }
}

/// What the endpoint's own address says of the way there.
fn tls(endpoint: Option<&str>) -> Found {
    let Some(host) = endpoint.and_then(|endpoint| endpoint.strip_prefix("http://")) else {
        return found(Standing::Holds, "https", "Requests go over TLS.");
    };
    let local = ["127.", "localhost", "[::1]"].iter().any(|start| host.starts_with(start));
    if local {
        found(Standing::Weak, "http, this machine", "Requests go without TLS, but do not leave this machine.")
    } else {
        found(
            Standing::Broken,
            "http",
            "Requests leave this machine without TLS: give an endpoint that begins with https://.",
        )
    }
}

fn object_lock(lock: &Told<ObjectLockConfiguration>) -> Found {
    match lock {
        Told::Yes(lock) if lock.object_lock_enabled() == Some(&ObjectLockEnabled::Enabled) => {
            found(Standing::Holds, "on", "Versions can be locked.")
        }
        Told::Yes(_) | Told::None => found(
            Standing::Broken,
            "off",
            "The bucket has no Object Lock: make a new one with it, for what is put into this one is not kept.",
        ),
        Told::Unknown => found(Standing::Broken, "unknown to the server", "The server knows no Object Lock."),
        Told::Unheard(why) => unheard("Whether versions can be locked", "s3:GetBucketObjectLockConfiguration", why),
    }
}

fn default_retention(lock: &Told<ObjectLockConfiguration>, wanted: LockMode) -> Found {
    let rule = match lock {
        Told::Yes(lock) => lock.rule().and_then(|rule| rule.default_retention()),
        Told::None | Told::Unknown => None,
        Told::Unheard(why) => {
            return unheard("How long versions are kept by default", "s3:GetBucketObjectLockConfiguration", why);
        }
    };
    let Some(rule) = rule else {
        return found(
            Standing::Weak,
            "none",
            "The bucket has no default retention: each put brings its own, and one that lost it on the way would not \
             be kept at all.",
        );
    };
    let mode = rule.mode().map_or("no mode", |mode| mode.as_str());
    let length = match (rule.years(), rule.days()) {
        (Some(years), _) => format!("{years} years"),
        (None, Some(days)) => format!("{days} days"),
        (None, None) => "no time".to_owned(),
    };
    let value = format!("{mode}, {length}");
    if LockMode::parse(mode).is_some_and(|mode| mode >= wanted) {
        found(
            Standing::Holds,
            value,
            format!("A version that says nothing itself is kept in {mode} mode for {length}."),
        )
    } else {
        let sentence = format!(
            "A version that says nothing itself is kept in {mode} mode for {length}, where {wanted} is configured."
        );
        found(Standing::Weak, value, sentence)
    }
}

/// What the rules do to objects under our prefix.
fn judge_lifecycle(rules: &[LifecycleRule], prefix: &str) -> Found {
    #[expect(deprecated, reason = "servers still answer with the rule's own prefix")]
    let of = |rule: &LifecycleRule| {
        let filter = rule.filter();
        let filtered = filter.and_then(|filter| filter.prefix().or_else(|| filter.and().and_then(|and| and.prefix())));
        filtered.or(rule.prefix()).unwrap_or_default().to_owned()
    };
    let concerns = |rule: &&LifecycleRule| {
        let own = of(rule);
        rule.status() == &ExpirationStatus::Enabled && (own.starts_with(prefix) || prefix.starts_with(&own))
    };
    let mut removes = Vec::new();
    let mut masks = Vec::new();
    for (index, rule) in rules.iter().enumerate().filter(|(_, rule)| concerns(rule)) {
        let name = rule.id().map_or_else(|| format!("number {}", index + 1), |id| format!("{id:?}"));
        if rule.noncurrent_version_expiration().is_some() {
            removes.push(name.clone());
        }
        if rule.expiration().is_some_and(|expiration| expiration.days().is_some() || expiration.date().is_some()) {
            masks.push(name);
        }
    }
    if !removes.is_empty() {
        let rules = removes.join(", ");
        return found(
            Standing::Broken,
            format!("removes versions: {rules}"),
            format!(
                "The lifecycle rule {rules} removes versions once their retention is over, legal cases or not: take it away."
            ),
        );
    }
    if !masks.is_empty() {
        let rules = masks.join(", ");
        return found(
            Standing::Broken,
            format!("masks objects: {rules}"),
            format!("The lifecycle rule {rules} puts delete markers over archived objects: take it away."),
        );
    }
    found(
        Standing::Holds,
        format!("{} rules, none removes", rules.len()),
        "No rule removes anything under the prefix by itself.",
    )
}

#[cfg(test)]
mod tests {
    use aws_sdk_s3::types::{
        AbortIncompleteMultipartUpload, LifecycleExpiration, LifecycleRuleFilter, NoncurrentVersionExpiration,
    };

    use super::*;

    #[test]
    fn rules_that_remove_or_mask_what_is_kept() {
        let rule = |prefix: &str| {
            LifecycleRule::builder()
                .id("r")
                .status(ExpirationStatus::Enabled)
                .filter(LifecycleRuleFilter::builder().prefix(prefix).build())
        };
        let versions = NoncurrentVersionExpiration::builder().noncurrent_days(1).build();
        let objects = LifecycleExpiration::builder().days(1).build();
        let marker = LifecycleExpiration::builder().expired_object_delete_marker(true).build();
        let uploads = AbortIncompleteMultipartUpload::builder().days_after_initiation(1).build();
        for (rule, expected) in [
            (rule("").noncurrent_version_expiration(versions.clone()), Standing::Broken),
            (rule("evidence/reports/").noncurrent_version_expiration(versions.clone()), Standing::Broken),
            (rule("evi").expiration(objects.clone()), Standing::Broken),
            (rule("other/").expiration(objects.clone()), Standing::Holds),
            (rule("").expiration(marker), Standing::Holds),
            (rule("").abort_incomplete_multipart_upload(uploads), Standing::Holds),
            (rule("").status(ExpirationStatus::Disabled).expiration(objects), Standing::Holds),
        ] {
            let rule = rule.build().unwrap();
            assert_eq!(judge_lifecycle(std::slice::from_ref(&rule), "evidence/").0, expected, "{rule:?}");
        }
    }
}
