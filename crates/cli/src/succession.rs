//! From one signing key to the next: which key file the ledger's history says is in use, and what is published of the
//! keys that were.
//!
//! A rotation writes the next key beside the one in use, then the ledger's entry, then the checkpoint by both; only then
//! the file takes its place, and the pin follows. Whatever was interrupted is finished at the next start, because
//! the ledger says how far it got.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use exhibit_ledger::{keys::write_rotations, note::SigningKey};
use exhibit_pipeline::{Handover, StepError, World, handovers, line_of, rotate};

use crate::{
    config::{Config, Signing},
    output::{Hint as _, Words},
    signing::{not_pinned, pinned, pinned_path, read, replace, sync_folder},
};

/// Where the statements of every rotation lie: public, and what a later key needs to verify an earlier bundle.
pub(crate) fn rotations_path(config: &Config) -> PathBuf {
    pinned_path(config).with_file_name("log.rotations")
}

/// Where a generated key waits for its rotation.
pub(crate) fn next_path(key: &Path) -> PathBuf {
    key.with_extension("key.next")
}

/// Makes sure that the world signs with the key that the ledger goes on with, and that this key is pinned. A
/// rotation to `next` (or to the generated key that waits) that was interrupted is finished; it is given back then.
///
/// # Errors
/// When the signing key is not the ledger's, or not of the line that the pinned key belongs to.
pub(crate) async fn settle(
    config: &Config,
    world: &mut World,
    next: Option<SigningKey>,
    words: &Words,
) -> anyhow::Result<Option<Handover>> {
    let mut known = handovers(&world.store).await?;
    let next = match (&config.signing, next) {
        (Signing::Generated(path), _) if next_path(path).exists() => Some(read(&next_path(path))?),
        (_, next) => next,
    };
    let mut finished = None;
    let last = known.last().map(|last| (&last.rotation.old, &last.rotation.new));
    if let Some(next) = next.filter(|next| last == Some((world.signer.verifier(), next.verifier()))) {
        finished = Some(rotate(world, &next, "").await?);
        adopt(config, world, next)?;
        words.warn("A rotation of the signing key had been interrupted: it is finished now.");
        known = handovers(&world.store).await?;
    }
    let line = line_of(world.signer.verifier(), &known)?;
    let pin = pinned(config)?;
    if !line.windows().iter().any(|window| window.key == pin) {
        return Err(not_pinned(config));
    }
    if line.current().key != *world.signer.verifier() {
        let retired =
            StepError::Retired { key: world.signer.verifier().to_string(), current: line.current().key.to_string() };
        return Err(anyhow::Error::new(retired)).hint(match &config.signing {
            Signing::Given(_) => {
                "name the key in use as `key` in the table [signing]; the retired one signs nothing more"
            }
            Signing::Generated(_) => "restore the key in use from its backup: keys/log.key is an earlier one",
        });
    }
    publish(config, world, &known)?;
    Ok(finished)
}

/// Takes the next key into use: its file takes the place of the retired one, of which only the public half is kept.
///
/// # Errors
/// When the file can't be put there.
pub(crate) fn adopt(config: &Config, world: &mut World, next: SigningKey) -> anyhow::Result<()> {
    if let Signing::Generated(path) = &config.signing {
        let renamed = fs::rename(next_path(path), path);
        // A service that runs notices a rotation too, and may have been quicker.
        let done = |error: &std::io::Error| {
            let found = || read(path).is_ok_and(|found| found.verifier() == next.verifier());
            error.kind() == std::io::ErrorKind::NotFound && found()
        };
        match renamed {
            Err(error) if done(&error) => Ok(()),
            renamed => renamed,
        }
        .and_then(|()| sync_folder(path))
        .with_context(|| format!("taking the next key into use as {}", path.display()))?;
    }
    world.signer = next;
    Ok(())
}

/// Writes the public halves: the statements of all rotations, and the key in use as the pinned one.
///
/// # Errors
/// When a file can't be written.
pub(crate) fn publish(config: &Config, world: &World, known: &[Handover]) -> anyhow::Result<()> {
    if !known.is_empty() {
        let statements: Vec<_> = known.iter().map(|handover| handover.statement.clone()).collect();
        let bytes = write_rotations(&statements)?;
        let path = rotations_path(config);
        if fs::read(&path).ok().as_deref() != Some(&bytes) {
            replace(&path, &bytes)?;
        }
    }
    let current = world.signer.verifier();
    if pinned(config)? != *current {
        replace(&pinned_path(config), format!("{current}\n").as_bytes())?;
    }
    Ok(())
}
