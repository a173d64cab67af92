//! The key under which tokens' hashes are kept: made at its first use, beside the data, for its owner's eyes only.

use std::{fs, path::PathBuf};

use anyhow::Context as _;
use exhibit_pipeline::{Random as _, SystemRandom};
use exhibit_web::token::TokenKey;
use zeroize::Zeroizing;

use crate::{config::Config, signing::write_once};

/// Where it lies. Every replica of a service needs the same.
pub(crate) fn token_key_path(config: &Config) -> PathBuf {
    config.deployment.data_dir.join("keys").join("token.key")
}

/// The deployment's key for tokens.
///
/// # Errors
/// When it can't be made or read, or is no key.
pub(crate) fn token_key(config: &Config) -> anyhow::Result<TokenKey> {
    let path = token_key_path(config);
    if !path.exists() {
        let mut bytes = Zeroizing::new([0; 32]);
        SystemRandom.fill(&mut *bytes);
        write_once(&path, &*bytes, 0o600)?;
    }
    let bytes = Zeroizing::new(fs::read(&path).with_context(|| format!("the key for tokens {}", path.display()))?);
    let bytes: [u8; 32] = bytes
        .as_slice()
        .try_into()
        .map_err(|_| anyhow::anyhow!("{} is no key for tokens: expected 32 bytes", path.display()))?;
    Ok(TokenKey::new(bytes))
}
