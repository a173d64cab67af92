//! `exhibit archive flush` and `restore`: the ledger into the archive at once, and back out of it.

use exhibit_evidence::Clock as _;
use exhibit_pipeline::{Restoration, Restored, SystemClock, SystemRandom, archive_to_now, restore};
use exhibit_store::{OutsideCheckpoint, Trusted};
use serde::Serialize;

use crate::{
    args::{Place, Printed},
    deployment::{self, Deployment, Parts},
    output::{Exit, Out, Table, Words},
    signing::trusted_keys,
};

#[derive(Serialize)]
struct Flushed {
    entries_in_the_archive: u64,
}

/// Archives everything up to now.
pub(super) async fn flush(place: &Place, printed: &Printed, words: &Words, out: &mut Out) -> anyhow::Result<Exit> {
    let deployment = Deployment::open(place, words).await?;
    let covered = archive_to_now(&deployment.world).await;
    deployment.close().await?;
    let flushed = Flushed { entries_in_the_archive: covered? };
    out.data(printed.format, &flushed, |flushed| {
        let mut table = Table::new(["entries in the archive"]);
        table.row([flushed.entries_in_the_archive.to_string()]);
        table
    })?;
    words.say("The receipts of what was just archived are entries too: they go with a later segment.");
    Ok(Exit::Clean)
}

#[derive(Serialize)]
struct Outcome {
    #[serde(flatten)]
    restored: Restored,
    /// Entries that a checkpoint was signed over, and that no segment holds.
    lost_entries: u64,
    fsck_clean: bool,
    differences: Vec<String>,
}

/// Brings an empty database back from the archive.
pub(super) async fn bring_back(
    key: Option<&str>,
    place: &Place,
    printed: &Printed,
    words: &Words,
    out: &mut Out,
) -> anyhow::Result<Exit> {
    let config = deployment::load(place)?;
    let keys = trusted_keys(key, Some(&config))?;
    let parts = Parts::open(&config, words).await?;
    let from = Restoration {
        store: &parts.store,
        vault: parts.vault.as_ref(),
        outside: &parts.outside,
        keys: &keys,
        random: &SystemRandom,
        now: SystemClock.now(),
    };
    let outcome = async {
        let restored = restore(&from).await?;
        let notes = parts.outside.up_to(restored.entries)?;
        let checkpoints = notes
            .into_iter()
            .map(|note| OutsideCheckpoint { source: "the archive".to_owned(), note: note.into_bytes() })
            .collect();
        let trusted = Trusted { origin: restored.origin.clone(), keys: keys.clone(), checkpoints };
        let report = parts.store.fsck(&trusted).await?;
        anyhow::Ok((restored, report))
    }
    .await;
    parts.close().await?;
    let (restored, report) = outcome?;
    let outcome = Outcome {
        lost_entries: restored.signed_beyond.map_or(0, |size| size - restored.entries),
        fsck_clean: report.is_clean(),
        differences: report.differences.iter().map(ToString::to_string).collect(),
        restored,
    };
    out.data(printed.format, &outcome, table)?;
    said(&outcome, words);
    let whole = outcome.fsck_clean && outcome.lost_entries == 0 && outcome.restored.missing.is_empty();
    Ok(if whole { Exit::Clean } else { Exit::Differences })
}

fn table(outcome: &Outcome) -> Table {
    let Outcome { restored, lost_entries, .. } = outcome;
    let mut table = Table::new(["what", "how many"]).right([1]);
    let mut line = |what: &str, count: u64| {
        table.row([what.to_owned(), count.to_string()]);
    };
    line("entries", restored.entries);
    line("segments", restored.segments);
    line("checkpoints", restored.checkpoints);
    line("raw artifacts", restored.artifacts);
    line("reports", restored.reports);
    line("entries signed, but in no segment: lost", *lost_entries);
    line("names lost with their keys", restored.lost_names);
    line("names erased before, and erased still", restored.erased_names);
    line("objects missing", restored.missing.len() as u64);
    line("differences that fsck found", outcome.differences.len() as u64);
    table
}

fn said(outcome: &Outcome, words: &Words) {
    for missing in &outcome.restored.missing {
        words.warn(format!("missing: {missing}"));
    }
    for difference in &outcome.differences {
        words.warn(difference);
    }
    let lost = outcome.lost_entries;
    if lost > 0 {
        words.warn(format!(
            "{lost} entries were signed for after the last segment and are nowhere: this ledger can be read and verified, but \
             nothing is appended to it, or it would be a second history beside the one that was signed. Begin a new log, with \
             an origin of its own, and keep this one."
        ));
    } else {
        words.say("The archive holds everything that was signed for: this ledger goes on where it ended.");
    }
    if outcome.restored.lost_names > 0 {
        words.warn(format!(
            "{} names of people and hosts are lost: their keys lay in the database alone. Their digests and pseudonyms stay.",
            outcome.restored.lost_names
        ));
    }
    if outcome.restored.erased_names > 0 {
        words.say(format!("{} names had been erased, and stay so.", outcome.restored.erased_names));
    }
    words.say("Tokens, sessions, requests for runs and the access log lay in the database alone: make new tokens.");
}
