//! `exhibit fsck`: everything recomputed from the stored bytes, and held against what is derived from them.

use std::{collections::BTreeSet, fs, path::Path};

use anyhow::Context as _;
use exhibit_ledger::checkpoint::SignedCheckpoint;
use exhibit_pipeline::{World, archived_checkpoints};
use exhibit_store::{FsckReport, OutsideCheckpoint, Trusted};
use serde::Serialize;

use crate::{
    args::FsckArgs,
    deployment::{self, Deployment},
    output::{Exit, Out, Table, Words},
    signing::trusted_keys,
};

#[derive(Serialize)]
struct Checked {
    clean: bool,
    entries: u64,
    root: Option<String>,
    outside_checkpoints: u64,
    covered_by_outside_checkpoints: u64,
    names_lost_in_a_restoration: u64,
    differences: Vec<Difference>,
    further_differences: u64,
}

#[derive(Serialize)]
struct Difference {
    place: String,
    row: String,
    expected: String,
    found: String,
}

pub(crate) async fn run(args: &FsckArgs, words: &Words, out: &mut Out) -> anyhow::Result<Exit> {
    let config = deployment::load(&args.place)?;
    // The pinned key, not the signing key: whoever exchanges the key must be found too.
    let keys = trusted_keys(None, Some(&config))?;
    let mut deployment = Deployment::to_examine(config, words).await?;
    // Whatever is wrong with the keys is a difference to be named, not a reason not to look.
    let settled = deployment.settle(None, words).await;
    let checked = check(&deployment, keys).await;
    deployment.close().await?;
    let report = checked?;
    match settled {
        Err(error) if report.is_clean() => return Err(error),
        Err(error) => words.warn(format!("{error:#}")),
        Ok(_) => {}
    }
    let checked = Checked {
        clean: report.is_clean(),
        entries: report.entries,
        root: report.root.map(|root| exhibit_evidence::Digest(root).to_string()),
        outside_checkpoints: report.outside_checkpoints,
        covered_by_outside_checkpoints: report.covered_outside,
        names_lost_in_a_restoration: report.lost_names,
        differences: report
            .differences
            .iter()
            .map(|difference| Difference {
                place: difference.place.clone(),
                row: difference.row.clone(),
                expected: difference.expected.clone(),
                found: difference.found.clone(),
            })
            .collect(),
        further_differences: report.more,
    };
    out.data(args.printed.format, &checked, table)?;
    words.say(match (checked.clean, checked.covered_by_outside_checkpoints) {
        (true, 0) => format!("{} entries agree with everything derived from them. No checkpoint outside of Postgres covers them.", checked.entries),
        (true, covered) => format!(
            "{} entries agree with everything derived from them; the first {covered} are covered by checkpoints kept outside of Postgres.",
            checked.entries
        ),
        (false, _) => format!(
            "{} differences were found.",
            checked.differences.len() as u64 + checked.further_differences
        ),
    });
    Ok(if checked.clean { Exit::Clean } else { Exit::Differences })
}

async fn check(deployment: &Deployment, keys: Vec<exhibit_ledger::note::VerifierKey>) -> anyhow::Result<FsckReport> {
    let world = &deployment.world;
    let (checkpoints, misplaced) = outside(world).await?;
    let trusted = Trusted { origin: world.origin().to_owned(), keys, checkpoints };
    let mut report = world.store.fsck(&trusted).await?;
    report.differences.extend(misplaced);
    Ok(report)
}

/// The checkpoints beside the data and in the archive, each with its place; and what is wrong with the places.
async fn outside(world: &World) -> anyhow::Result<(Vec<OutsideCheckpoint>, Vec<exhibit_store::Difference>)> {
    let mut checkpoints = Vec::new();
    let mut differences = Vec::new();
    let mut differs = |place: &str, expected: String, found: String| {
        let (place, row) = (place.to_owned(), "the checkpoint".to_owned());
        differences.push(exhibit_store::Difference { place, row, expected, found });
    };
    let mut beside = BTreeSet::new();
    for path in world.outside.files()? {
        let note = fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
        let source = path.display().to_string();
        if let Some(size) = size_of(&note)
            && path != world.outside.file(size)
        {
            differs(&source, "the size that the file's name says".to_owned(), size.to_string());
        }
        beside.extend(path.file_name().map(ToOwned::to_owned));
        checkpoints.push(OutsideCheckpoint { source, note });
    }
    for archived in archived_checkpoints(world).await? {
        let source = format!("archive: {}", archived.key);
        if let Some(name) = Path::new(&archived.key).file_name()
            && !beside.contains(name)
        {
            let place = world.outside.folder().join(name).display().to_string();
            differs(&place, "the file, as the archive keeps it too".to_owned(), "none".to_owned());
        }
        match archived.note {
            Ok(note) => checkpoints.push(OutsideCheckpoint { source, note }),
            Err(why) => differs(&source, "the object".to_owned(), why),
        }
    }
    Ok((checkpoints, differences))
}

fn size_of(note: &[u8]) -> Option<u64> {
    SignedCheckpoint::parse(note).ok().map(|signed| signed.unverified().size)
}

fn table(checked: &Checked) -> Table {
    if checked.differences.is_empty() {
        return Table::facts([
            ("entries", checked.entries.to_string()),
            ("root", checked.root.clone().unwrap_or_default()),
            ("outside checkpoints", checked.outside_checkpoints.to_string()),
            ("entries they cover", checked.covered_by_outside_checkpoints.to_string()),
        ]);
    }
    let mut table = Table::new(["where", "row", "expected", "found"]);
    for difference in &checked.differences {
        table.row([
            difference.place.clone(),
            difference.row.clone(),
            difference.expected.clone(),
            difference.found.clone(),
        ]);
    }
    table
}
