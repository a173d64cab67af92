//! The ledger itself in the archive: a segment for each finished UTC day, and the raw artifacts that its entries cite.
//!
//! The checkpoint that a segment ends with is an object of its own too, and has a receipt as well.
//!
//! A receipt is an entry too, so a segment ends with a day: its receipt lies in a later one. A day with nothing but
//! such receipts makes no segment of its own, or an idle ledger would archive its own receipts for ever.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

use chrono::{Days, NaiveTime, TimeDelta};
use exhibit_evidence::{
    Body, Digest, Timestamp,
    report::{ARTIFACTS, Archived},
};
use exhibit_ledger::{bundle::nodes_before, segment};
use exhibit_store::{ArchiveIntent, NewArtifact, Packed, Packing, StoredEntry};

use super::{Failed, GoOn, Object, archive, keep_intended};
use crate::{
    StepError, World, checkpointing,
    checkpointing::{checkpoint_at, checkpoint_key},
    keys, ledger_reads,
};

/// The most entries in one segment: a day that has more makes several.
const MOST_ENTRIES: u64 = 16_384;
/// The most bytes of records in one segment, for it is made in memory: of ordinary entries, more than a thousand. A day
/// that has more makes several.
const MOST_BYTES: u64 = 2 << 20;
/// How long after midnight a day counts as finished: who took the time before midnight may still be appending.
const SETTLED: TimeDelta = TimeDelta::minutes(10);
const MEDIA_TYPE: &str = "application/x-tar";

/// How far to go.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Until {
    /// To the end of the last finished day.
    Finished,
    /// To the ledger's end.
    Now,
}

/// Archives every day that is not archived yet, as long as `go_on` says so before each. Tells up to which entry there are
/// segments, archived or intended.
pub(super) async fn archive_days(
    world: &World,
    until: Until,
    go_on: GoOn<'_>,
    failed: &mut Failed,
) -> Result<u64, StepError> {
    let receipts = ledger_reads::receipts(&world.store).await?;
    let archived: BTreeSet<&str> = receipts.iter().map(|(_, receipt)| receipt.key.as_str()).collect();
    let intents = world.store.open_intents().await?;
    let intended = |from: u64| {
        intents.iter().find(|intent| segment::range_of(&intent.key).is_some_and(|range| range.start == from)).cloned()
    };
    for intent in intents.iter().filter(|intent| intent.key.starts_with(ARTIFACTS)) {
        if !archived.contains(intent.key.as_str()) {
            failed.note(archive_artifact(world, intent.clone()).await);
        }
    }
    let done: BTreeMap<u64, u64> =
        archived.iter().filter_map(|key| segment::range_of(key)).map(|range| (range.start, range.end)).collect();
    // What is archived now makes receipts: they are not for now.
    let head = world.store.head().await?.size();
    let mut from = 0;
    let mut ends = Vec::new();
    while go_on() {
        if let Some(end) = done.get(&from) {
            from = *end;
            ends.push(from);
            continue;
        }
        let range = match intended(from) {
            Some(intent) => {
                let range = segment::range_of(&intent.key).unwrap_or(from..from);
                failed.note(archive_segment(world, intent).await);
                range
            }
            None => {
                let Some((day, range)) = next(world, from, head, until).await? else { break };
                for intent in artifacts(world, &range, &archived).await? {
                    failed.note(archive_artifact(world, intent).await);
                }
                let packed = make(world, &day, &range).await?;
                let intent = keep_intended(world, segment::key(&day, &range), packed, format!("segment:{day}")).await?;
                failed.note(archive_segment(world, intent).await);
                range
            }
        };
        from = range.end;
        ends.push(from);
    }
    for size in ends {
        let key = checkpoint_key(size);
        if !archived.contains(key.as_str()) {
            let intent = intents.iter().find(|intent| intent.key == key).cloned();
            failed.note(archive_checkpoint(world, size, intent).await);
        }
    }
    Ok(from)
}

/// The checkpoint that closes a segment gets a receipt, so that attestation and holds look at it too: one for each segment, not
/// one for each time that something was signed.
async fn archive_checkpoint(world: &World, size: u64, intent: Option<ArchiveIntent>) -> Result<(), StepError> {
    let intent = match intent {
        Some(intent) => intent,
        None => {
            let bytes = checkpoint_at(world, size).await?.to_bytes();
            let note = NewArtifact { media_type: checkpointing::MEDIA_TYPE.to_owned(), bytes: bytes.into() };
            let subject = format!("checkpoint:{size}");
            keep_intended(world, checkpoint_key(size), Packed::new(&note), subject).await?
        }
    };
    archive(world, Object::intended(intent, Archived::Checkpoint, None, checkpointing::MEDIA_TYPE)).await
}

async fn archive_segment(world: &World, intent: ArchiveIntent) -> Result<(), StepError> {
    archive(world, Object::intended(intent, Archived::Segment, None, MEDIA_TYPE)).await
}

async fn archive_artifact(world: &World, intent: ArchiveIntent) -> Result<(), StepError> {
    let media_type = world.store.artifact_facts(intent.digest).await?.media_type;
    archive(world, Object::intended(intent, Archived::Artifact, None, &media_type)).await
}

/// The next segment: its day, and the positions of its entries. None while there is nothing that is finished and worth it.
async fn next(world: &World, from: u64, head: u64, until: Until) -> Result<Option<(String, Range<u64>)>, StepError> {
    let mut end = from;
    while end < head {
        let (day, midnight) = day_of(recorded_at(world, end).await?);
        let to = match until {
            Until::Now => head,
            Until::Finished if world.now() < midnight.plus(SETTLED) => return Ok(None),
            Until::Finished => world.store.size_at(midnight).await?,
        };
        let most = world.store.within_bytes(from..to.min(from + MOST_ENTRIES), MOST_BYTES).await?;
        let worthy = most < to || tells_more(world, end..to).await?;
        end = to.min(most);
        if worthy {
            return Ok(Some((day, from..signable(world, from, end).await?)));
        }
    }
    Ok(None)
}

/// The UTC day of an instant, and the midnight at which it ends.
fn day_of(at: Timestamp) -> (String, Timestamp) {
    let day = at.utc().date_naive();
    let next = day.checked_add_days(Days::new(1)).unwrap_or(day);
    (day.format("%Y-%m-%d").to_string(), Timestamp::new(next.and_time(NaiveTime::MIN).and_utc()))
}

async fn recorded_at(world: &World, seq: u64) -> Result<Timestamp, StepError> {
    let entry = world.store.entries(seq..seq + 1).all().await?.pop();
    let entry = entry.ok_or_else(|| StepError::Ledger(format!("there is no entry {seq}")))?;
    Ok(header(&entry)?.recorded_at)
}

fn header(entry: &StoredEntry) -> Result<exhibit_evidence::record::Header, StepError> {
    let (_, header) = exhibit_evidence::Record::from_bytes(entry.text.clone().into_bytes())?;
    Ok(header)
}

/// Whether any of these entries is more than the receipt of a segment, of its checkpoint or of an artifact.
async fn tells_more(world: &World, range: Range<u64>) -> Result<bool, StepError> {
    let mut entries = world.store.entries(range);
    loop {
        let batch = entries.next_batch().await?;
        if batch.is_empty() {
            return Ok(false);
        }
        for entry in batch {
            if header(&entry)?.kind != "receipt" {
                return Ok(true);
            }
            let own = matches!(&entry.envelope()?.body, Body::Receipt(receipt)
                if matches!(receipt.subject, Archived::Segment | Archived::Artifact | Archived::Checkpoint));
            if !own {
                return Ok(true);
            }
        }
    }
}

/// Where a segment that begins at `from` and is to end at `size` can end: there, where the key in use may sign that. Else,
/// because a retired key signs nothing that was left out before its rotation, at the last size that was signed before; where
/// there is none, at the first that the key in use may sign.
async fn signable(world: &World, from: u64, size: u64) -> Result<u64, StepError> {
    let (line, _) = keys::line(world).await?;
    let own = line.current().from_size;
    if size >= own {
        return Ok(size);
    }
    Ok(world.store.checkpoint_within(from + 1..=size).await?.unwrap_or(own))
}

/// The artifacts that entries in this range cite and that are not archived: the intent of each, recorded.
async fn artifacts(
    world: &World,
    range: &Range<u64>,
    archived: &BTreeSet<&str>,
) -> Result<Vec<ArchiveIntent>, StepError> {
    let mut cited = BTreeSet::new();
    let mut entries = world.store.entries(range.clone());
    loop {
        let batch = entries.next_batch().await?;
        if batch.is_empty() {
            break;
        }
        for entry in batch {
            if matches!(header(&entry)?.kind.as_str(), "evidence" | "assessment") {
                cited.extend(cites(&entry.envelope()?.body));
            }
        }
    }
    let mut intents = Vec::new();
    for digest in cited {
        let key = artifact_key(digest);
        if archived.contains(key.as_str()) {
            continue;
        }
        let size = world.store.artifact_facts(digest).await?.size;
        let intent = ArchiveIntent { key, digest, size, subject: "artifact".to_owned() };
        world.store.record_intent(&intent, world.now()).await?;
        intents.push(intent);
    }
    Ok(intents)
}

/// Where an artifact lies in the archive.
pub(crate) fn artifact_key(digest: Digest) -> String {
    format!("{ARTIFACTS}{}", digest.hex())
}

/// The artifacts that an entry cites.
pub(crate) fn cites(body: &Body) -> Vec<Digest> {
    match body {
        Body::Evidence(evidence) => {
            let artifacts = evidence.observation.artifacts.iter().map(|artifact| artifact.digest);
            artifacts.chain(evidence.observation.facts_artifact).collect()
        }
        Body::Assessment(assessment) => assessment.findings_artifact.into_iter().collect(),
        _ => Vec::new(),
    }
}

/// A segment, compressed as it is written.
async fn make(world: &World, day: &str, range: &Range<u64>) -> Result<Packed, StepError> {
    let signed = checkpoint_at(world, range.end).await?;
    let previous = if range.start > 0 { Some(checkpoint_at(world, range.start).await?) } else { None };
    let before = world.store.nodes(&nodes_before(range.start)).await?;
    let mut writer = segment::write(day, signed, previous.as_ref(), &before)?;
    let mut entries = world.store.entries(writer.next_entry()..range.end);
    loop {
        let batch = entries.next_batch().await?;
        if batch.is_empty() {
            break;
        }
        for entry in batch {
            writer.push_record(entry.text.into_bytes())?;
        }
    }
    let (line, handovers) = keys::line(world).await?;
    let statements: Vec<_> = handovers.into_iter().map(|handover| handover.statement).collect();
    writer.keys(line.windows().iter().map(|window| &window.key), &statements)?;
    let mut packing = Packing::new(MEDIA_TYPE);
    writer.finish(&world.signer, &mut packing)?;
    Ok(packing.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_ends_at_the_next_utc_midnight() {
        for (at, day, end) in [
            ("2026-11-22T00:00:00.000000Z", "2026-11-22", "2026-11-23T00:00:00.000000Z"),
            ("2026-12-31T23:59:59.999999Z", "2026-12-31", "2027-01-01T00:00:00.000000Z"),
            ("2028-02-28T12:00:00.000000Z", "2028-02-28", "2028-02-29T00:00:00.000000Z"),
        ] {
            let (found, midnight) = day_of(at.parse().expect("an instant"));
            assert_eq!((found.as_str(), midnight.to_string().as_str()), (day, end));
        }
    }
}
