//! `exhibit key`: the keys that signed the log, and the step to the next.

use std::env;

use anyhow::Context as _;
use exhibit_ledger::note::{SigningKey, VerifierKey};
use exhibit_pipeline::{Handover, World, handovers, line_of, rotate};
use serde::Serialize;

use crate::{
    args::{KeyArgs, KeyCommand},
    config::{SecretRef, Signing},
    deployment::{self, Deployment},
    output::{Exit, Hint as _, Out, Table, Words},
    signing::{by_reference, make_next, pinned_path},
    succession::{adopt, next_path, publish, rotations_path},
};

/// The keys of a log, as data.
#[derive(Serialize)]
struct Keys {
    origin: String,
    /// Oldest first; the last is in use.
    keys: Vec<Key>,
    /// Where the public key in use is pinned.
    pinned_in: String,
    /// Where the statements of all rotations are; none where there was no rotation.
    rotations_in: Option<String>,
}

#[derive(Serialize)]
struct Key {
    key: String,
    from_size: u64,
    until_size: Option<u64>,
    /// When the rotation to this key was recorded; none for the first.
    since: Option<String>,
    /// Why it came; none for the first.
    reason: Option<String>,
}

pub(crate) async fn run(args: &KeyArgs, words: &Words, out: &mut Out) -> anyhow::Result<Exit> {
    let (deployment, keys, printed) = match &args.command {
        KeyCommand::Show { place, printed } => {
            let deployment = Deployment::open(place, words).await?;
            let keys = keys(&deployment).await;
            (deployment, keys, printed)
        }
        KeyCommand::Rotate { reason, new_key, place, printed } => {
            let config = deployment::load(place)?;
            let given = given(&config.signing, new_key.as_deref(), words)?;
            let mut deployment = Deployment::to_examine(config, words).await?;
            let rotated = hand_over(&mut deployment, given, reason, words).await;
            let keys = match rotated {
                Ok(()) => keys(&deployment).await,
                Err(error) => Err(error),
            };
            if keys.is_ok() {
                tell(&deployment, new_key.as_deref(), words);
            }
            (deployment, keys, printed)
        }
    };
    deployment.close().await?;
    out.data(printed.format, &keys?, table)?;
    Ok(Exit::Clean)
}

/// The key that the caller names to follow a configured one.
fn given(signing: &Signing, new_key: Option<&str>, words: &Words) -> anyhow::Result<Option<SigningKey>> {
    match (signing, new_key) {
        (Signing::Generated(_), None) => Ok(None),
        (Signing::Generated(_), Some(_)) => {
            Err(anyhow::anyhow!("this deployment's key is generated, and so is the next"))
                .hint("leave --new-key out; or name a key in the table [signing] of the configuration first")
        }
        (Signing::Given(_), None) => {
            Err(anyhow::anyhow!("the configuration names the signing key: the next one must be named too"))
                .hint("name it with --new-key env:NAME or --new-key file:PATH")
        }
        (Signing::Given(_), Some(reference)) => {
            let here = env::current_dir().context("the current folder")?;
            let reference = SecretRef::parse(reference, &here).map_err(|why| anyhow::anyhow!("--new-key: {why}"))?;
            by_reference(&reference, words).map(Some)
        }
    }
}

async fn hand_over(
    deployment: &mut Deployment,
    given: Option<SigningKey>,
    reason: &str,
    words: &Words,
) -> anyhow::Result<()> {
    let again = given.as_ref().map(|key| SigningKey::parse(&key.to_secret_text())).transpose()?;
    if deployment.settle(again, words).await?.is_some() {
        return Ok(());
    }
    let next = match (&deployment.config.signing, given) {
        (Signing::Generated(path), _) => make_next(&next_path(path), deployment.world.origin())?,
        (_, Some(given)) => given,
        (_, None) => anyhow::bail!("no key to rotate to"),
    };
    rotate(&deployment.world, &next, reason).await?;
    let known = handovers(&deployment.world.store).await?;
    let config = deployment.config.clone();
    let world = deployment.world_mut()?;
    adopt(&config, world, next)?;
    publish(&config, world, &known)
}

fn tell(deployment: &Deployment, new_key: Option<&str>, words: &Words) {
    let config = &deployment.config;
    words.say(format!("The signing key is now {}.", deployment.world.signer.verifier()));
    if let (Some(reference), Signing::Given(_)) = (new_key, &config.signing) {
        words.say(format!(
            "The configuration must name it from now on: key = \"{reference}\" in the table [signing]. Until then nothing starts; a service that runs reads it again at SIGHUP."
        ));
    }
    words.say(format!(
        "Give {} and {} to whoever verifies: old bundles verify with both.",
        pinned_path(config).display(),
        rotations_path(config).display()
    ));
}

async fn keys(deployment: &Deployment) -> anyhow::Result<Keys> {
    let world: &World = &deployment.world;
    let known = handovers(&world.store).await?;
    let line = line_of(world.signer.verifier(), &known)?;
    let came = |key: &VerifierKey| known.iter().find(|handover: &&Handover| handover.rotation.new == *key);
    Ok(Keys {
        origin: world.origin().to_owned(),
        keys: line
            .windows()
            .iter()
            .map(|window| Key {
                key: window.key.to_string(),
                from_size: window.from_size,
                until_size: window.until_size,
                since: came(&window.key).map(|handover| handover.recorded_at.to_string()),
                reason: came(&window.key).map(|handover| handover.reason.clone()),
            })
            .collect(),
        pinned_in: pinned_path(&deployment.config).display().to_string(),
        rotations_in: (!known.is_empty()).then(|| rotations_path(&deployment.config).display().to_string()),
    })
}

fn table(keys: &Keys) -> Table {
    let mut table = Table::new(["key", "signs from size", "to size", "since", "reason"]).right([1, 2]);
    for key in &keys.keys {
        table.row([
            key.key.clone(),
            key.from_size.to_string(),
            key.until_size.map(|size| size.to_string()).unwrap_or_default(),
            key.since.clone().unwrap_or_default(),
            key.reason.clone().unwrap_or_default(),
        ]);
    }
    table
}
