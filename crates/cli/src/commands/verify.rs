//! `exhibit verify`: a bundle, offline, trusting nothing in it but the key that the caller names or has pinned.

use std::{
    fs::{self, File},
    io::BufReader,
};

use anyhow::Context as _;
use exhibit_ledger::bundle::{Trust, verify_bundle};
use exhibit_ledger::keys::{Rotation, parse_rotations};
use exhibit_ledger::note::VerifierKey;
use serde::Serialize;
use std::path::Path;

use super::rerender::{Again, rerender};
use crate::{
    args::VerifyArgs,
    config::Config,
    deployment,
    output::{Exit, Out, Table, Words, printable},
    signing::trusted_keys,
    succession::rotations_path,
};

/// What came of a verification, as data.
#[derive(Debug, Serialize)]
pub(crate) struct Verified {
    /// Whether nothing differs.
    pub(crate) verified: bool,
    /// What was proven.
    pub(crate) proven: Vec<String>,
    /// What was not looked at, and why: neither proven nor different.
    pub(crate) not_done: Vec<String>,
    /// What differs, each with its place.
    pub(crate) differences: Vec<String>,
}

pub(crate) fn run(args: &VerifyArgs, words: &Words, out: &mut Out) -> anyhow::Result<Exit> {
    let config = match &args.key {
        Some(_) if args.place.is_named() => Some(deployment::load(&args.place)?),
        Some(_) => None,
        None if args.place.is_named() || args.place.config_file().exists() => Some(deployment::load(&args.place)?),
        None => None,
    };
    let keys = trusted_keys(args.key.as_deref(), config.as_ref())?;
    let rotations = rotations(args.rotations.as_deref(), config.as_ref())?;
    let verified = verify(&args.bundle, &keys, rotations)?;
    out.data(args.printed.format, &verified, |verified| {
        let mut table = Table::new(["", "what"]);
        for proven in &verified.proven {
            table.row(["proven", proven.as_str()]);
        }
        for not_done in &verified.not_done {
            table.row(["not done", not_done.as_str()]);
        }
        for difference in &verified.differences {
            table.row(["differs", difference.as_str()]);
        }
        table
    })?;
    if verified.verified {
        words.say("The bundle holds.");
        Ok(Exit::Clean)
    } else {
        words.say(format!("The bundle does NOT hold: {} differences.", verified.differences.len()));
        Ok(Exit::Differences)
    }
}

/// The rotations that the caller names, or that the deployment publishes: each proves itself, so they need no trust.
fn rotations(named: Option<&Path>, config: Option<&Config>) -> anyhow::Result<Vec<Rotation>> {
    let path = match (named, config.map(rotations_path)) {
        (Some(named), _) => named.to_owned(),
        (None, Some(published)) if published.exists() => published,
        _ => return Ok(Vec::new()),
    };
    let bytes = fs::read(&path).with_context(|| format!("the rotations {}", path.display()))?;
    parse_rotations(&bytes).with_context(|| format!("the rotations {}", path.display()))
}

/// Verifies the bundle in this file; where nothing differs, its report is made again.
pub(crate) fn verify(path: &Path, keys: &[VerifierKey], rotations: Vec<Rotation>) -> anyhow::Result<Verified> {
    let said = || format!("the bundle {}", path.display());
    let mut file = File::open(path).with_context(said)?;
    let trust = Trust { keys: keys.to_vec(), rotations };
    let verification = verify_bundle(BufReader::new(&mut file), &trust).with_context(said)?;
    let again = match &verification.manifest {
        Some(manifest) if manifest.is_segment() => Again {
            not_done: vec!["a segment of the ledger holds no report, and its raw artifacts lie beside it".to_owned()],
            ..Again::default()
        },
        // The bundle's template is a program: it is run only when it is what the log's key sealed.
        Some(manifest) if verification.is_clean() => rerender(&mut file, manifest).with_context(said)?,
        _ => Again {
            not_done: vec!["the report was not rendered again: the bundle does not hold".to_owned()],
            ..Again::default()
        },
    };
    let printed = |text: &dyn std::fmt::Display| printable(&text.to_string()).to_string();
    let proven = verification.proven.iter().map(|proven| printed(proven)).chain(again.proven);
    let mut differences: Vec<String> = verification.differences.iter().map(|difference| printed(difference)).collect();
    differences.extend(again.differences);
    Ok(Verified { verified: differences.is_empty(), proven: proven.collect(), not_done: again.not_done, differences })
}
