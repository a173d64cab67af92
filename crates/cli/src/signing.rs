//! The key that signs the log: read by reference, or made at the first start; and its public half, pinned.

use std::{
    fs,
    io::Write as _,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use exhibit_ledger::note::{SigningKey, VerifierKey};
use exhibit_pipeline::{Random as _, SystemRandom};
use secrecy::ExposeSecret as _;

use crate::{
    args::key_is_file,
    config::{Config, SecretRef, Signing},
    output::{Hint as _, Words},
};

/// The signing key of this deployment. Made, with the log's name, where there is none yet. Whether it is the one that the
/// ledger goes on with is for [`crate::succession::settle`] to say.
///
/// # Errors
/// When the key can't be read, or the configuration or the pinned key names another origin than the key.
pub(crate) fn signing_key(config: &Config, words: &Words) -> anyhow::Result<SigningKey> {
    let key = match &config.signing {
        Signing::Given(reference) => by_reference(reference, words)?,
        Signing::Generated(path) => {
            if !path.exists() {
                make(config, path)?;
            }
            read(path)?
        }
    };
    if let Some(origin) = &config.deployment.origin
        && origin != key.verifier().name()
    {
        let named = key.verifier().name();
        bail!("the configuration's origin is {origin}, but the signing key belongs to {named}");
    }
    pin(config, key.verifier())?;
    Ok(key)
}

/// The signing key that a reference leads to.
///
/// # Errors
/// When it leads nowhere, or to something else.
pub(crate) fn by_reference(reference: &SecretRef, words: &Words) -> anyhow::Result<SigningKey> {
    let resolved = reference.resolve()?;
    if let Some(warning) = &resolved.warning {
        words.warn(warning);
    }
    SigningKey::parse(resolved.value.expose_secret().trim())
        .with_context(|| format!("{reference} is no signing key in the form of a signed note"))
}

/// The signing key in a file of ours.
///
/// # Errors
/// When it can't be read, or is none.
pub(crate) fn read(path: &Path) -> anyhow::Result<SigningKey> {
    let text = zeroize::Zeroizing::new(
        fs::read_to_string(path).with_context(|| format!("the signing key {}", path.display()))?,
    );
    SigningKey::parse(text.trim())
        .with_context(|| format!("{} is no signing key in the form of a signed note", path.display()))
}

fn make(config: &Config, path: &Path) -> anyhow::Result<()> {
    if pinned_path(config).exists() {
        return Err(anyhow::anyhow!("the signing key {} is gone, but its public half is pinned", path.display()))
            .hint("restore the key from its backup: a new key would start another log");
    }
    let mut seed = zeroize::Zeroizing::new([0; 32]);
    SystemRandom.fill(&mut *seed);
    let origin = config.deployment.origin.clone().unwrap_or_else(|| {
        let mut random = [0; 6];
        SystemRandom.fill(&mut random);
        format!("exhibit.invalid/{}", random.map(|byte| format!("{byte:02x}")).concat())
    });
    let key = SigningKey::from_seed(&origin, &seed).context("the log's origin can't be the name of a key")?;
    write_once(path, key.to_secret_text().as_bytes(), 0o600)
}

/// The key that is to follow, in a file beside the one in use: made, unless it is there from a rotation that did not get
/// to its entry.
///
/// # Errors
/// When the file can't be written or read.
pub(crate) fn make_next(path: &Path, origin: &str) -> anyhow::Result<SigningKey> {
    let mut seed = zeroize::Zeroizing::new([0; 32]);
    SystemRandom.fill(&mut *seed);
    let key = SigningKey::from_seed(origin, &seed).context("the log's origin can't be the name of a key")?;
    write_once(path, key.to_secret_text().as_bytes(), 0o600)?;
    read(path)
}

/// Where the public half is pinned: what `verify` trusts when no key is named.
pub(crate) fn pinned_path(config: &Config) -> PathBuf {
    config.deployment.data_dir.join("keys").join("log.pub")
}

fn pin(config: &Config, key: &VerifierKey) -> anyhow::Result<()> {
    let path = pinned_path(config);
    if !path.exists() {
        write_once(&path, format!("{key}\n").as_bytes(), 0o644)?;
    }
    let pinned = pinned(config)?;
    if pinned.name() == key.name() { Ok(()) } else { Err(not_pinned(config)) }
}

/// The key that is pinned.
///
/// # Errors
/// When it can't be read.
pub(crate) fn pinned(config: &Config) -> anyhow::Result<VerifierKey> {
    let path = pinned_path(config);
    let text = fs::read_to_string(&path).with_context(|| format!("the pinned key {}", path.display()))?;
    VerifierKey::parse(text.trim()).with_context(|| format!("the pinned key {}", path.display()))
}

/// The signing key does not belong to the pinned one.
pub(crate) fn not_pinned(config: &Config) -> anyhow::Error {
    let why = anyhow::anyhow!("the signing key is not the one pinned in {}", pinned_path(config).display());
    Err::<(), _>(why).hint("use the key that this log began with, or the one it was rotated to").expect_err("an error")
}

/// Puts a public file in the place of what is there: whole, or not at all.
///
/// # Errors
/// When it can't be written.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let draft = path.with_extension("new");
    let _ = fs::remove_file(&draft);
    write_once(&draft, bytes, 0o644)?;
    fs::rename(&draft, path).and_then(|()| sync_folder(path)).with_context(|| format!("writing {}", path.display()))
}

/// Makes sure that what was renamed in a file's folder stays so.
///
/// # Errors
/// When the folder can't be opened.
pub(crate) fn sync_folder(path: &Path) -> std::io::Result<()> {
    fs::File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
}

/// Writes a file, whole or not at all, unless somebody else wrote it first: then theirs stays.
pub(crate) fn write_once(path: &Path, bytes: &[u8], mode: u32) -> anyhow::Result<()> {
    let said = || format!("writing {}", path.display());
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).with_context(said)?;
    // A draft of our own, so that two first starts at once can't write into each other's.
    let mut random = [0; 6];
    SystemRandom.fill(&mut random);
    let draft = path.with_extension(format!("{}.draft", random.map(|byte| format!("{byte:02x}")).concat()));
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(&draft).with_context(said)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    // A link, not a rename: whoever wrote the file first keeps it.
    let linked = written.and_then(|()| match fs::hard_link(&draft, path) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        linked => linked,
    });
    fs::remove_file(&draft).with_context(said)?;
    linked.and_then(|()| fs::File::open(folder)?.sync_all()).with_context(said)
}

/// The keys to verify with: the one that the caller names, or else the pinned one.
///
/// # Errors
/// When there is none, or it can't be read: verifying with a key from the bundle itself would prove nothing.
pub(crate) fn trusted_keys(named: Option<&str>, config: Option<&Config>) -> anyhow::Result<Vec<VerifierKey>> {
    let text = match (named, config) {
        (Some(named), _) => match key_is_file(named) {
            Some(file) => fs::read_to_string(file).with_context(|| format!("the key file {}", file.display()))?,
            None => named.to_owned(),
        },
        (None, Some(config)) => {
            let path = pinned_path(config);
            fs::read_to_string(&path)
                .with_context(|| format!("no key is pinned at {}", path.display()))
                .hint("name the log's public key with --key")?
        }
        (None, None) => {
            return Err(anyhow::anyhow!("no key to verify with"))
                .hint("name the log's public key with --key, or the deployment that pinned it with --dir or --config");
        }
    };
    let keys: Vec<VerifierKey> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .map(|line| VerifierKey::parse(line.trim()).context("no verifier key in the form name+hash+base64"))
        .collect::<anyhow::Result<_>>()?;
    if keys.is_empty() {
        bail!("the key file holds no key");
    }
    Ok(keys)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn the_first_to_write_a_key_keeps_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("keys").join("log.key");
        let drafts: Vec<_> = (0..8)
            .map(|number| {
                let path = path.clone();
                std::thread::spawn(move || write_once(&path, &[b'0' + number; 100], 0o600))
            })
            .collect();
        for draft in drafts {
            draft.join().expect("no panic").expect("written, by this one or another");
        }
        let kept = fs::read(&path).expect("a key");
        assert!(kept.len() == 100 && kept.iter().all(|byte| *byte == kept[0]), "one writer's bytes, whole: {kept:?}");
        assert_eq!(fs::metadata(&path).expect("a file").permissions().mode() & 0o777, 0o600);
        write_once(&path, b"another", 0o600).expect("no error");
        assert_eq!(fs::read(&path).expect("a key"), kept);
        assert_eq!(fs::read_dir(folder.path().join("keys")).expect("a folder").count(), 1, "no draft is left");
    }
}
