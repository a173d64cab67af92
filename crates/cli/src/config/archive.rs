//! `[archive]`: the directory, or the bucket, in which reports are kept for good.

use std::path::Path;
use std::sync::Arc;

use exhibit_archive::s3::{CredentialFuture, CredentialSource, Encryption, LockMode, S3Settings};

use super::diagnostic::Diagnostic;
use super::model::{Archive, Bucket, BucketKeys};
use super::reader::{Reader, Section};
use super::retention;
use super::schema::{line, path, secret};

/// Reads the table; what is not there is as it would be without it. Problems are noted.
pub(super) fn read(reader: &mut Reader, root: &Section<'_>, base: &Path, data_dir: &Path) -> Archive {
    let section = reader.table(root, "archive", "[archive]");
    let directory = section.as_ref().and_then(|section| path(reader, section, "directory"));
    let retention = retention::read(reader, section.as_ref());
    let s3 = section.as_ref().and_then(|section| {
        let own = reader.table(section, "s3", "[archive.s3]")?;
        bucket(reader, &own, base)
    });
    Archive { directory: directory.map_or_else(|| data_dir.join("archive"), |given| base.join(given)), retention, s3 }
}

fn bucket(reader: &mut Reader, section: &Section<'_>, base: &Path) -> Option<Bucket> {
    let name = line(reader, section, "bucket");
    let region = line(reader, section, "region");
    let endpoint = line(reader, section, "endpoint");
    let prefix = line(reader, section, "prefix");
    let mode = reader.word(section, "mode").and_then(LockMode::parse);
    let encryption = reader.word(section, "encryption");
    let kms_key = line(reader, section, "kms_key");
    let part_mib = reader.number(section, "part_mib");
    let ca_file = path(reader, section, "ca_file").map(|given| base.join(given));
    let profile = line(reader, section, "profile");
    let keys = keys(reader, section, base);
    let refuse = |reader: &mut Reader, key: &str, label: &str| {
        let place = section.raw(key).map_or(0..0, |found| found.span());
        let title = format!("`{key}` in [archive.s3] does not fit");
        reader.refuse(Diagnostic::new("config.bad-archive", place, title).label(label));
    };
    if kms_key.is_some() && encryption != Some("SSE-KMS") {
        refuse(reader, "kms_key", "expected `encryption = \"SSE-KMS\"` beside it");
    }
    if profile.is_some() && keys.is_some() {
        refuse(reader, "profile", "expected no `access_key_id` beside it: a profile has keys of its own");
    }
    if ca_file.is_some() && !endpoint.as_ref().is_some_and(|endpoint| endpoint.starts_with("https://")) {
        refuse(reader, "ca_file", "expected an `endpoint` beside it that begins with https://");
    }
    let bucket = Bucket {
        name: name?,
        region: region?,
        endpoint,
        prefix: prefix.unwrap_or_default(),
        mode: mode.unwrap_or(LockMode::Compliance),
        encryption: match encryption {
            Some("SSE-S3") => Encryption::StoreKeys,
            Some("SSE-KMS") => Encryption::Kms(kms_key),
            _ => Encryption::BucketDefault,
        },
        ca_file,
        keys,
        profile,
        part_mib: part_mib.unwrap_or(64),
    };
    // The archive knows what it can't use. The credentials have no say in it.
    if let Err(error) = bucket.settings(Arc::new(Nobody), 0).check() {
        refuse(reader, "bucket", &error.to_string());
    }
    Some(bucket)
}

/// The references to the keys: both, or none.
fn keys(reader: &mut Reader, section: &Section<'_>, base: &Path) -> Option<BucketKeys> {
    let mut found = |key| secret(reader, section, key, base).map(|(reference, _)| reference);
    let (id, secret, token) = (found("access_key_id"), found("secret_access_key"), found("session_token"));
    for (given, other) in [
        ("access_key_id", "secret_access_key"),
        ("secret_access_key", "access_key_id"),
        ("session_token", "access_key_id"),
    ] {
        if let (Some(place), None) = (section.raw(given), section.raw(other)) {
            let title = format!("[archive.s3] has `{given}`, but no `{other}`");
            let label = format!("expected `{other}` beside it");
            reader.refuse(Diagnostic::new("config.bad-archive", place.span(), title).label(label));
        }
    }
    Some(BucketKeys { id: id?, secret: secret?, token })
}

/// Nobody's credentials, for looking at settings alone.
#[derive(Debug)]
struct Nobody;

impl CredentialSource for Nobody {
    fn load(&self) -> CredentialFuture<'_> {
        Box::pin(std::future::ready(Err("nobody asks".to_owned())))
    }
}

impl Bucket {
    /// What the archive has to be told.
    pub(crate) fn settings(&self, credentials: Arc<dyn CredentialSource>, seed: u64) -> S3Settings {
        let mut settings = S3Settings::new(&self.name, &self.region, credentials);
        settings.endpoint.clone_from(&self.endpoint);
        settings.prefix.clone_from(&self.prefix);
        settings.mode = self.mode;
        settings.encryption.clone_from(&self.encryption);
        settings.single_part_limit = u64::from(self.part_mib) << 20;
        settings.patience.seed = seed;
        settings
    }
}
