//! A digest of what the configuration means: the same on every machine, whatever its layout and comments.

use exhibit_archive::s3::Encryption;
use exhibit_evidence::{Digest, to_canonical};
use serde_json::{Value, json};

use super::model::{Config, Signing};

impl Config {
    /// SHA-256 of [`Config::effective`] in canonical form.
    pub(crate) fn digest(&self) -> Digest {
        let canonical = to_canonical(&self.effective());
        Digest::of(&canonical.expect("the reader admits only what canonical JSON can carry"))
    }

    /// What the configuration means, as [`Config::digest`] covers it: defaults written out, paths relative to
    /// the file where they lie below it, secrets as the references that they are.
    pub(crate) fn effective(&self) -> Value {
        let deployment = &self.deployment;
        let path = |path| self.relative(path).display().to_string();
        let mut jobs: Vec<_> = self.jobs.iter().collect();
        jobs.sort_by(|a, b| a.id.cmp(&b.id));
        let mut all = json!({
            "deployment": {
                "name": deployment.name,
                "origin": deployment.origin,
                "time_zone": deployment.time_zone.name(),
                "fiscal_year_start": deployment.fiscal_year_start,
                "grace_days": deployment.grace_days,
                "data_dir": path(&deployment.data_dir),
            },
            "database": self.database.as_ref().map(|database| json!({
                "url": self.reference(&database.url),
                "owner_url": database.owner_url.as_ref().map(|owner| self.reference(owner)),
            })),
            "archive": self.archive_means(),
            "signing": match &self.signing {
                Signing::Given(reference) => json!({ "key": self.reference(reference) }),
                Signing::Generated(file) => json!({ "generated": path(file) }),
            },
            "service": {
                "workers": self.service.workers,
                "time_limit_seconds": self.service.time_limit.num_seconds(),
                "receipts_every_seconds": self.service.receipts_every.num_seconds(),
                "listen": self.service.listen,
                "behind_proxy": self.service.behind_proxy,
                "metrics_listen": self.service.metrics_listen,
                "tls": self.service.tls.as_ref().map(|tls| json!({
                    "certificate": path(&tls.certificate),
                    "key": self.reference(&tls.key),
                })),
            },
            "environments": self.environments,
            "jobs": jobs.iter().map(|job| json!({
                "id": job.id,
                "collector": job.collector,
                "pushed": job.pushed,
                "schedule": job.schedule.text(),
                "environments": job.environments,
                "fresh_for_seconds": job.fresh_for.num_seconds(),
                "late_after_seconds": job.late_after.num_seconds(),
                "source": job.settings.source,
                "policy": job.settings.policy,
            })).collect::<Vec<_>>(),
        });
        // Where there are none, the configuration is the same as before there could be any.
        if !self.rules.is_empty() {
            all["detection"] = json!({ "rules": self.rules.iter().map(|file| path(file)).collect::<Vec<_>>() });
        }
        all
    }

    /// Without a bucket as it was before there were any, so that no deployment's configuration seems changed.
    fn archive_means(&self) -> Value {
        let mut archive = json!({
            "directory": self.relative(&self.archive.directory).display().to_string(),
            "retention": self.archive.retention.sentence(),
        });
        if let Some(bucket) = &self.archive.s3 {
            archive["s3"] = json!({
                "bucket": bucket.name,
                "region": bucket.region,
                "endpoint": bucket.endpoint,
                "prefix": bucket.prefix,
                "mode": bucket.mode.as_str(),
                "encryption": match &bucket.encryption {
                    Encryption::BucketDefault => json!("bucket"),
                    Encryption::StoreKeys => json!("SSE-S3"),
                    Encryption::Kms(key) => json!({ "SSE-KMS": key }),
                },
                "keys": bucket.keys.as_ref().map(|keys| json!({
                    "access_key_id": self.reference(&keys.id),
                    "secret_access_key": self.reference(&keys.secret),
                    "session_token": keys.token.as_ref().map(|token| self.reference(token)),
                })),
                "part_mib": bucket.part_mib,
            });
            // Where they are not set, the configuration is the same as before there were any.
            if let Some(profile) = &bucket.profile {
                archive["s3"]["profile"] = json!(profile);
            }
            if let Some(file) = &bucket.ca_file {
                archive["s3"]["ca_file"] = json!(self.relative(file).display().to_string());
            }
        }
        archive
    }

    fn reference(&self, reference: &super::SecretRef) -> String {
        match reference {
            super::SecretRef::Env(name) => format!("env:{name}"),
            super::SecretRef::File(path) => format!("file:{}", self.relative(path).display()),
        }
    }
}
