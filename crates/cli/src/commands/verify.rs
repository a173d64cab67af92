//! `exhibit verify`: a bundle, offline, trusting nothing in it but the key that the caller names or has pinned.

use std::{fs::File, io::BufReader};

use anyhow::Context as _;
use exhibit_ledger::bundle::{Trust, Verification, verify_bundle};
use exhibit_ledger::note::VerifierKey;
use serde::Serialize;
use std::path::Path;

use crate::{
    args::VerifyArgs,
    deployment,
    output::{Exit, Out, Table, Words, printable},
    signing::trusted_keys,
};

/// What came of a verification, as data.
#[derive(Debug, Serialize)]
pub(crate) struct Verified {
    /// Whether nothing differs.
    pub(crate) verified: bool,
    /// What was proven.
    pub(crate) proven: Vec<String>,
    /// What differs, each with its place.
    pub(crate) differences: Vec<String>,
}

pub(crate) fn run(args: &VerifyArgs, words: &Words, out: &mut Out) -> anyhow::Result<Exit> {
    let config = match &args.key {
        Some(_) => None,
        None if args.place.is_named() || args.place.config_file().exists() => Some(deployment::load(&args.place)?),
        None => None,
    };
    let keys = trusted_keys(args.key.as_deref(), config.as_ref())?;
    let verified = verify(&args.bundle, &keys)?;
    out.data(args.printed.format, &verified, |verified| {
        let mut table = Table::new(["", "what"]);
        for proven in &verified.proven {
            table.row(["proven", proven.as_str()]);
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

/// Verifies the bundle in this file.
pub(crate) fn verify(path: &Path, keys: &[VerifierKey]) -> anyhow::Result<Verified> {
    let file = File::open(path).with_context(|| format!("the bundle {}", path.display()))?;
    let trust = Trust { keys: keys.to_vec() };
    let verification: Verification =
        verify_bundle(BufReader::new(file), &trust).with_context(|| format!("the bundle {}", path.display()))?;
    let differences: Vec<String> =
        verification.differences.iter().map(|difference| printable(&difference.to_string()).to_string()).collect();
    Ok(Verified {
        verified: differences.is_empty(),
        proven: verification.proven.iter().map(ToString::to_string).collect(),
        differences,
    })
}
