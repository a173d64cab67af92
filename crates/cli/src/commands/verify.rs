//! `exhibit verify`: a bundle, offline, trusting nothing in it but the key that the caller names or has pinned.

use std::{
    fs::{self, File},
    path::Path,
};

use anyhow::Context as _;
use exhibit_ledger::bundle::Trust;
use exhibit_ledger::keys::{Rotation, parse_rotations};
use exhibit_verify::{Outcome, read_checkpoint, verify_file};

use super::rerender::{Again, rerender};
use crate::{
    args::VerifyArgs,
    config::Config,
    deployment,
    output::{Exit, Out, Table, Words},
    signing::trusted_keys,
    succession::rotations_path,
};

pub(crate) fn run(args: &VerifyArgs, words: &Words, out: &mut Out) -> anyhow::Result<Exit> {
    let config = match &args.key {
        Some(_) if args.place.is_named() => Some(deployment::load(&args.place)?),
        Some(_) => None,
        None if args.place.is_named() || args.place.config_file().exists() => Some(deployment::load(&args.place)?),
        None => None,
    };
    let keys = trusted_keys(args.key.as_deref(), config.as_ref())?;
    let rotations = rotations(args.rotations.as_deref(), config.as_ref())?;
    let checkpoints = args.checkpoint.iter().map(|path| read_checkpoint(path)).collect::<Result<_, _>>()?;
    let verified = verify(&args.bundle, &Trust { keys, rotations, checkpoints }, args.re_render)?;
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
        words.say("It holds.");
        Ok(Exit::Clean)
    } else {
        words.say(format!("It does NOT hold: {} differences.", verified.differences.len()));
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

/// Verifies the bundle in this file, or everything in this archive; if asked, and where nothing differs, a bundle's report
/// is made again.
pub(crate) fn verify(path: &Path, trust: &Trust, re_render: bool) -> anyhow::Result<Outcome> {
    let said = || format!("the bundle {}", path.display());
    if path.is_dir() {
        let mut outcome = exhibit_verify::verify(path, trust)?;
        outcome.not_done.push(match re_render {
            true => "no report was rendered again: that is done with one bundle at a time".to_owned(),
            false => NOT_ASKED_FOR.to_owned(),
        });
        return Ok(outcome);
    }
    let mut file = File::open(path).with_context(said)?;
    let (mut outcome, manifest) = verify_file(path, &mut file, trust)?;
    let again = match &manifest {
        // The library has said already that it holds none.
        Some(manifest) if manifest.is_segment() => Again::default(),
        // The bundle's template is a program: it is run only when it is what the log's key sealed.
        Some(manifest) if re_render && outcome.verified => rerender(&mut file, manifest).with_context(said)?,
        _ => Again {
            not_done: vec![match re_render {
                true => "the report was not rendered again: the bundle does not hold".to_owned(),
                false => NOT_ASKED_FOR.to_owned(),
            }],
            ..Again::default()
        },
    };
    outcome.proven.extend(again.proven);
    outcome.not_done.extend(again.not_done);
    outcome.differences.extend(again.differences);
    outcome.verified = outcome.differences.is_empty();
    Ok(outcome)
}

const NOT_ASKED_FOR: &str = "no report was rendered again: --re-render does that";
