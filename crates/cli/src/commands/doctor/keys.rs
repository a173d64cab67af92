//! The signing key, the pinned key, and the checkpoints that lie outside the database.

use std::fs;

use exhibit_ledger::{
    checkpoint::SignedCheckpoint,
    keys::KeyHistory,
    note::{SigningKey, VerifierKey},
};
use exhibit_pipeline::{ARCHIVED, OutsideCheckpoints, handovers, line_of};
use exhibit_store::Store;
use secrecy::ExposeSecret as _;

use super::{
    bucket,
    item::{Findings, Item},
};
use crate::{
    config::{Config, Signing},
    signing, vault,
};

static PRESENT: Item = Item {
    code: "key.present",
    good: "the signing key can be read",
    remedy: "restore the key from its backup: a new key would start another log",
};
static PIN: Item = Item {
    code: "key.pin",
    good: "the pinned key belongs to the same log as the signing key",
    remedy: "compare data_dir/keys/log.pub with a copy that auditors hold, and put the right one there",
};
static LEDGER: Item = Item {
    code: "key.ledger",
    good: "the signing key is the one that the ledger goes on with, in one line with the pinned one",
    remedy: "use the key in use (exhibit key show); what a retired or foreign key signs, nobody accepts",
};
static OUTSIDE: Item = Item {
    code: "checkpoints.outside",
    good: "the last checkpoint outside the database agrees with the ledger",
    remedy: "exhibit fsck names what differs; if the database was restored from an old copy, restore a newer one",
};
static BOUND: Item = Item {
    code: "checkpoints.current",
    good: "the whole ledger is covered by a checkpoint outside the database",
    remedy: "exhibit run signs one; until then what is not covered is bound by nothing",
};
static ARCHIVED_TOO: Item = Item {
    code: "checkpoints.archived",
    good: "the archive keeps the last checkpoint too",
    remedy: "exhibit fsck names what differs between data folder and archive",
};

pub(super) static ITEMS: [&Item; 6] = [&PRESENT, &PIN, &LEDGER, &OUTSIDE, &BOUND, &ARCHIVED_TOO];

/// The public half of the signing key, if it can be read and the pin belongs to the same log.
pub(super) fn look(config: &Config, findings: &mut Findings) -> Option<VerifierKey> {
    let key = match key(config) {
        Ok(key) => key,
        Err(why) => {
            findings.fail(&PRESENT, why);
            return None;
        }
    };
    let own = key.verifier().clone();
    findings.ok(&PRESENT, own.to_string());
    match signing::pinned(config) {
        Ok(pin) if pin.name() == own.name() => findings.ok(&PIN, pin.to_string()),
        Ok(pin) => findings
            .fail(&PIN, format!("the pinned key is of the log {}, the signing key of {}", pin.name(), own.name())),
        Err(error) => findings.fail(&PIN, format!("{error:#}")),
    }
    Some(own)
}

fn key(config: &Config) -> Result<SigningKey, String> {
    match &config.signing {
        Signing::Given(reference) => {
            let resolved = reference.resolve().map_err(|error| error.to_string())?;
            SigningKey::parse(resolved.value.expose_secret().trim())
                .map_err(|_| format!("{reference} is no signing key in the form of a signed note"))
        }
        Signing::Generated(path) => signing::read(path).map_err(|error| format!("{error:#}")),
    }
}

/// Holds key and checkpoints against the ledger.
pub(super) async fn hold(config: &Config, key: Option<&VerifierKey>, store: &Store, findings: &mut Findings) {
    let Ok(pin) = signing::pinned(config) else {
        return findings.complete(&[&LEDGER, &OUTSIDE, &BOUND, &ARCHIVED_TOO], "no key is pinned to hold it against");
    };
    let known = match handovers(store).await {
        Ok(known) => known,
        Err(error) => return findings.complete(&[&LEDGER, &OUTSIDE, &BOUND, &ARCHIVED_TOO], &error.to_string()),
    };
    let line = match line_of(&pin, &known) {
        Ok(line) => line,
        Err(error) => {
            findings.fail(&LEDGER, error.to_string());
            return findings.complete(
                &[&OUTSIDE, &BOUND, &ARCHIVED_TOO],
                "without the line of keys no checkpoint can be verified",
            );
        }
    };
    let current = line.current().key.clone();
    match key {
        None => findings.unknown(&LEDGER, "there is no signing key to compare"),
        Some(own) if *own == current => findings.ok(&LEDGER, current.to_string()),
        Some(_) => findings.fail(&LEDGER, format!("the ledger goes on with {current}")),
    }
    checkpoints(config, &line, store, findings).await;
}

async fn checkpoints(config: &Config, line: &KeyHistory, store: &Store, findings: &mut Findings) {
    let head = match store.head().await {
        Ok(head) => head,
        Err(error) => return findings.complete(&[&OUTSIDE, &BOUND, &ARCHIVED_TOO], &error.to_string()),
    };
    let outside = OutsideCheckpoints::new(config.deployment.data_dir.join("checkpoints"));
    let last = match outside.files() {
        Ok(mut files) => files.pop(),
        Err(error) => return findings.complete(&[&OUTSIDE, &BOUND, &ARCHIVED_TOO], &error.to_string()),
    };
    let Some(path) = last else {
        let why = format!("there is none in {}", outside.folder().display());
        if head.size() == 0 {
            findings.warn(&OUTSIDE, format!("{why}: nothing was recorded yet"));
        } else {
            findings.fail(&OUTSIDE, why);
        }
        return findings.complete(&[&BOUND, &ARCHIVED_TOO], "there is no checkpoint outside the database");
    };
    let place = path.display().to_string();
    let note = match fs::read(&path) {
        Ok(note) => note,
        Err(error) => return findings.complete(&[&OUTSIDE, &BOUND, &ARCHIVED_TOO], &format!("{place}: {error}")),
    };
    let parsed = SignedCheckpoint::parse(&note).map_err(|error| error.to_string());
    let signed = parsed.and_then(|signed| line.verify(&signed).cloned().map_err(|error| error.to_string()));
    match signed {
        Err(why) => findings.fail(&OUTSIDE, format!("{place}: {why}")),
        Ok(signed) if signed.size > head.size() => {
            findings.fail(&OUTSIDE, format!("{place} covers {} entries, the ledger has {}", signed.size, head.size()));
        }
        Ok(signed) => {
            match store.root(signed.size).await {
                Ok(root) if root == signed.root => {
                    findings.ok(&OUTSIDE, format!("{place} covers {} entries", signed.size))
                }
                Ok(_) => {
                    findings.fail(&OUTSIDE, format!("{place}: the ledger's root at {} entries is another", signed.size))
                }
                Err(error) => findings.unknown(&OUTSIDE, error.to_string()),
            }
            match head.size() - signed.size {
                0 => findings.ok(&BOUND, format!("all {} entries", head.size())),
                more => findings.warn(&BOUND, format!("{more} entries are beyond it")),
            }
        }
    }
    let name = path.file_name().unwrap_or_default();
    archived_too(config, &name.to_string_lossy(), &note, &place, findings).await;
    findings.complete(&[&BOUND], "the last checkpoint outside the database does not hold");
}

/// Whether the archive, whichever it is, keeps the same checkpoint.
async fn archived_too(config: &Config, name: &str, note: &[u8], place: &str, findings: &mut Findings) {
    if config.archive.s3.is_none() {
        let archived = config.archive.directory.join(ARCHIVED).join(name);
        return match fs::read(&archived) {
            Ok(kept) if kept == note => findings.ok(&ARCHIVED_TOO, archived.display().to_string()),
            Ok(_) => findings.fail(&ARCHIVED_TOO, format!("{} has other bytes than {place}", archived.display())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                findings.fail(&ARCHIVED_TOO, format!("{} is not there", archived.display()));
            }
            Err(error) => findings.unknown(&ARCHIVED_TOO, format!("{}: {error}", archived.display())),
        };
    }
    let vault = match vault::open(config) {
        Ok(vault) => vault,
        Err(error) => return findings.unknown(&ARCHIVED_TOO, format!("{error:#}")),
    };
    let key = format!("{ARCHIVED}{name}");
    match bucket::kept(&vault, &key).await {
        Ok(Some(kept)) if kept == note => findings.ok(&ARCHIVED_TOO, format!("{key} in {}", vault.describe().place)),
        Ok(Some(_)) => findings.fail(&ARCHIVED_TOO, format!("{key} in the archive has other bytes than {place}")),
        Ok(None) => findings.fail(&ARCHIVED_TOO, format!("{key} is not in {}", vault.describe().place)),
        Err(error) if error.is_difference() => findings.fail(&ARCHIVED_TOO, error.to_string()),
        Err(error) => findings.unknown(&ARCHIVED_TOO, error.to_string()),
    }
}
