//! The archive that is configured: a bucket with Object Lock, or the write-once directory.

use std::sync::Arc;

use anyhow::Context as _;
use exhibit_archive::{
    Aspect, Depth, Standing, Vault, WriteOnceDirectory,
    s3::{AwsSurroundings, CredentialFuture, CredentialSource, S3Credentials, S3Vault},
};
use exhibit_pipeline::{Random as _, SystemRandom, World};
use secrecy::SecretString;

use crate::{
    config::{BucketKeys, Config, SecretRef},
    output::{Hint as _, Words},
};

/// Opens the archive. A bucket is not asked yet.
///
/// # Errors
/// When the directory can't be used, or the bucket's settings can't be meant.
pub(crate) fn open(config: &Config) -> anyhow::Result<Arc<dyn Vault>> {
    if let Some(bucket) = &config.archive.s3 {
        let mut seed = [0; 8];
        SystemRandom.fill(&mut seed);
        let credentials: Arc<dyn CredentialSource> = match &bucket.keys {
            Some(keys) => Arc::new(Referenced(keys.clone())),
            None => Arc::new(AwsSurroundings::new(&bucket.region, bucket.profile.clone())),
        };
        let mut settings = bucket.settings(credentials, u64::from_le_bytes(seed));
        if let Some(file) = &bucket.ca_file {
            let pem =
                std::fs::read(file).with_context(|| format!("reading [archive.s3] ca_file {}", file.display()))?;
            settings.authorities = Some(pem);
        }
        return Ok(Arc::new(S3Vault::new(settings).context("opening the archive of [archive.s3]")?));
    }
    let directory = &config.archive.directory;
    let vault =
        WriteOnceDirectory::open(directory).with_context(|| format!("opening the archive {}", directory.display()))?;
    Ok(Arc::new(vault))
}

/// Looks at the bucket before anything is put into it. One that can keep nothing ends the program; what else is amiss is
/// said, and so is a bucket that does not answer: evidence is collected all the same, and archived when it does.
///
/// # Errors
/// When the bucket keeps no versions, or can't lock them.
pub(crate) async fn look(config: &Config, world: &World, words: &Words) -> anyhow::Result<()> {
    if config.archive.s3.is_none() {
        return Ok(());
    }
    let told = world.vault.describe();
    if !told.regulatory_worm {
        words.warn(&told.statement);
    }
    let observations = match world.vault.examine(world.now(), Depth::Asking).await {
        Ok(observations) => observations,
        Err(error) => {
            words.warn(format!("Nothing can be archived for now: {error}"));
            return Ok(());
        }
    };
    let broken = observations.iter().filter(|seen| seen.standing == Standing::Broken);
    let (fatal, other): (Vec<_>, Vec<_>) =
        broken.partition(|seen| matches!(seen.aspect, Aspect::Reach | Aspect::Versioning | Aspect::ObjectLock));
    if !fatal.is_empty() {
        let said: Vec<&str> = fatal.iter().map(|seen| seen.sentence.as_str()).collect();
        return Err(anyhow::anyhow!("{} can't be an archive. {}", told.place, said.join(" ")))
            .hint("exhibit doctor tells everything about the bucket");
    }
    for seen in other {
        words.warn(&seen.sentence);
    }
    Ok(())
}

/// Keys by reference, read when they are needed and again when the store refuses them.
#[derive(Debug)]
struct Referenced(BucketKeys);

impl CredentialSource for Referenced {
    fn load(&self) -> CredentialFuture<'_> {
        let resolved = |reference: &SecretRef| -> Result<SecretString, String> {
            reference.resolve().map(|resolved| resolved.value).map_err(|error| error.to_string())
        };
        let BucketKeys { id, secret, token } = &self.0;
        let read = || {
            Ok(S3Credentials {
                access_key_id: resolved(id)?,
                secret_access_key: resolved(secret)?,
                session_token: token.as_ref().map(resolved).transpose()?,
                expires_at: None,
            })
        };
        Box::pin(std::future::ready(read()))
    }
}
