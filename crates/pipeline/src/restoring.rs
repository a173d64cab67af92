//! From the archive alone back into an empty database: the ledger, its checkpoints, artifacts, reports.
//!
//! Nothing is believed but what the pinned key proves: each segment is verified before an entry of it is written, and the
//! tree over what was written is held against the segment's checkpoint. What the archive does not hold is told with
//! numbers: entries after the last segment, and names, whose keys lay in the database alone.

use std::collections::{BTreeMap, BTreeSet};

use exhibit_archive::{ObjectKey, Vault, Version};
use exhibit_evidence::{
    Body, Digest, EntryId, Envelope, GroupId, Record, Timestamp,
    erasure::Erasure,
    report::{ARTIFACTS, DISCLOSURES, ReportIssued, SEGMENTS},
};
use exhibit_ledger::{
    bundle::{Trust, read_files},
    checkpoint::SignedCheckpoint,
    keys::{KeyHistory, Rotation, parse_rotations},
    note::VerifierKey,
    segment::{self, Segment},
};
use exhibit_store::{
    Append, ArchiveIntent, LostDisclosure, NewArtifact, NewEntry, Store, StoredCheckpoint, UnnamedErasure,
};
use serde::Serialize;

use crate::{ARCHIVED, OutsideCheckpoints, Random, StepError, archiving::cites, disclosures::groups_of, ledger_reads};

/// Where a restoration reads from, and where it writes.
pub struct Restoration<'a> {
    /// The empty database.
    pub store: &'a Store,
    /// The archive.
    pub vault: &'a dyn Vault,
    /// Where checkpoints are kept beside the database.
    pub outside: &'a OutsideCheckpoints,
    /// The keys that are pinned: one is enough.
    pub keys: &'a [VerifierKey],
    /// Ids for groups of names that the archive does not name.
    pub random: &'a dyn Random,
    /// The current time.
    pub now: Timestamp,
}

/// What came back, and what did not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Restored {
    /// The log.
    pub origin: String,
    /// Entries, from the first on without a gap.
    pub entries: u64,
    /// Segments that they came from.
    pub segments: u64,
    /// Checkpoints that cover them.
    pub checkpoints: u64,
    /// Raw artifacts that they cite.
    pub artifacts: u64,
    /// Reports, with their forms and bundles.
    pub reports: u64,
    /// The size of the largest checkpoint in the archive, where it covers entries that no segment holds: these are lost.
    pub signed_beyond: Option<u64>,
    /// Digests whose names are lost, since their keys lay in the database that is gone.
    pub lost_names: u64,
    /// Digests whose names had been erased, as the ledger tells.
    pub erased_names: u64,
    /// Objects that ought to be in the archive and can't be used, each with the reason.
    pub missing: Vec<String>,
}

fn refused<T>(why: impl Into<String>) -> Result<T, StepError> {
    Err(StepError::Restore(why.into()))
}

/// Brings back what the archive holds.
///
/// # Errors
/// When the database is not empty, the archive can't be read, a segment is not proven by the pinned keys or does not
/// follow the one before it. What was written until then is what the segments before hold.
pub async fn restore(from: &Restoration<'_>) -> Result<Restored, StepError> {
    if !from.store.is_unused().await? {
        return refused("the database is not empty: nothing is written over what is there");
    }
    let mut restored = Restored::default();
    let segments = segments(from).await?;
    let rotations = rotations(&segments);
    let trust = Trust { keys: from.keys.to_vec(), rotations: rotations.clone(), ..Trust::default() };
    let mut names = Names::default();
    let mut reports = Vec::new();
    for (key, bytes) in &segments {
        let read = segment::read(bytes, &trust);
        let read = read.map_err(|error| StepError::Restore(format!("{key}: {error}")))?;
        if segment::range_of(key) != Some(read.range.clone()) {
            return refused(format!("{key}: it holds the entries {:?}", read.range));
        }
        if read.range.start != restored.entries {
            restored.missing.push(format!(
                "a segment from entry {} on: {key} begins at {}, and is not used",
                restored.entries, read.range.start
            ));
            break;
        }
        restored.origin.clone_from(&read.checkpoint.unverified().origin);
        append(from, key, &read, &mut restored, &mut names, &mut reports).await?;
    }
    if restored.entries == 0 {
        return refused(format!("the archive holds no segment of a ledger ({SEGMENTS}): nothing was restored"));
    }
    checkpoints(from, &rotations, &mut restored).await?;
    self::reports(from, &reports, &mut restored).await?;
    self::names(from, names, &mut restored).await?;
    intents(from).await?;
    Ok(restored)
}

/// The segments in the archive, by where they begin.
async fn segments(from: &Restoration<'_>) -> Result<Vec<(String, Vec<u8>)>, StepError> {
    let mut found = BTreeMap::new();
    for listed in from.vault.list(SEGMENTS).await? {
        let key = listed.key.to_string();
        let Some(range) = segment::range_of(&key) else { continue };
        let Some(version) = listed.version else {
            return refused(format!("{key}: the archive has no record of it"));
        };
        let bytes = from.vault.get(&listed.key, &version).await?;
        if let Some((other, _)) = found.insert(range.start, (key.clone(), bytes)) {
            return refused(format!("{key} and {other} begin at the same entry"));
        }
    }
    Ok(found.into_values().collect())
}

/// Every rotation that a segment tells of: each proves itself.
fn rotations(segments: &[(String, Vec<u8>)]) -> Vec<Rotation> {
    let mut all: Vec<Rotation> = Vec::new();
    for (_, bytes) in segments {
        let mut listed = Vec::new();
        // One that can't be read has none; that it can't be read is told where it is verified.
        let _unread = read_files(bytes.as_slice(), |path| path == "keys.rotations", |_, bytes| listed.push(bytes));
        for rotation in listed.iter().filter_map(|bytes| parse_rotations(bytes).ok()).flatten() {
            if !all.contains(&rotation) {
                all.push(rotation);
            }
        }
    }
    all
}

/// The digests that records hold, and the erasures that they tell of.
#[derive(Default)]
struct Names {
    digests: Vec<(EntryId, String, Digest)>,
    erased: BTreeMap<GroupId, Erasure>,
}

/// Writes a verified segment's entries, with the artifacts that they cite, and holds the tree against its checkpoint.
async fn append(
    from: &Restoration<'_>,
    key: &str,
    segment: &Segment,
    restored: &mut Restored,
    names: &mut Names,
    reports: &mut Vec<(EntryId, ReportIssued)>,
) -> Result<(), StepError> {
    let mut entries: Vec<Envelope> = Vec::with_capacity(segment.records.len());
    let mut cited = BTreeSet::new();
    for record in &segment.records {
        let (record, _) = Record::from_bytes(record.clone())?;
        let entry = record.read()?;
        cited.extend(cites(&entry.body));
        names
            .digests
            .extend(entry.body.disclosables().into_iter().map(|(path, held)| (entry.id, path.to_owned(), held.digest)));
        match &entry.body {
            Body::Erasure(erasure) => {
                names.erased.insert(erasure.group, (**erasure).clone());
            }
            Body::Report(report) => reports.push((entry.id, (**report).clone())),
            _ => {}
        }
        entries.push(entry);
    }
    for digest in cited {
        match artifact(from, digest).await? {
            Ok(()) => restored.artifacts += 1,
            Err(why) => restored.missing.push(format!("artifact {digest}: {why}")),
        }
    }
    // Entries of one instant are appended together, each run at its place: the records come out to the byte.
    let mut units: Vec<Append> = Vec::new();
    for (at, Envelope { id, recorded_at, body }) in (segment.range.start..).zip(entries) {
        let entry = NewEntry { id, body };
        match units.last_mut().filter(|unit| unit.now == recorded_at && unit.entries.len() < 500) {
            Some(unit) => unit.entries.push(entry),
            None => units.push(Append { at: Some(at), ..Append::entries(recorded_at, vec![entry]) }),
        }
    }
    for some in units.chunks(200) {
        for outcome in from.store.append_all(some.to_vec()).await {
            outcome?;
        }
    }
    let stated = segment.checkpoint.unverified();
    if from.store.root(segment.range.end).await? != stated.root {
        return refused(format!(
            "{key}: what was written has another root than its checkpoint: do not use this database"
        ));
    }
    restored.entries = segment.range.end;
    restored.segments += 1;
    Ok(())
}

/// Brings an artifact back; what hinders it is the inner error.
async fn artifact(from: &Restoration<'_>, digest: Digest) -> Result<Result<(), String>, StepError> {
    let (bytes, media_type) = match object(from, &format!("{ARTIFACTS}{}", digest.hex())).await? {
        Ok(found) => found,
        Err(why) => return Ok(Err(why)),
    };
    if Digest::of(&bytes) != digest {
        return Ok(Err(format!("its bytes are {}", Digest::of(&bytes))));
    }
    from.store.put_artifact(&NewArtifact { media_type, bytes: bytes.into() }, from.now).await?;
    Ok(Ok(()))
}

/// The one object under a key, with its media type; what is wrong with it is the inner error.
async fn object(from: &Restoration<'_>, key: &str) -> Result<Result<(Vec<u8>, String), String>, StepError> {
    let listed = from.vault.list(key).await?.into_iter().find(|listed| listed.key.as_str() == key);
    let Some((key, version)) = listed.and_then(|listed| Some((listed.key, listed.version?))) else {
        return Ok(Err("it is not in the archive".to_owned()));
    };
    let media_type = match from.vault.read_back(&key, &version).await {
        Ok(back) => back.media_type,
        Err(error) if error.is_difference() => return Ok(Err(error.to_string())),
        Err(error) => return Err(error.into()),
    };
    Ok(Ok((from.vault.get(&key, &version).await?, media_type)))
}

/// Brings back the checkpoints that cover what was restored, and keeps them outside too: the larger ones as well, so that
/// nothing goes on as if they had never been signed.
async fn checkpoints(from: &Restoration<'_>, rotations: &[Rotation], restored: &mut Restored) -> Result<(), StepError> {
    let mut lines = Vec::new();
    for key in from.keys {
        let line = KeyHistory::walk(&restored.origin, key, rotations);
        lines.push(line.map_err(|error| StepError::Keys { key: key.to_string(), why: error.to_string() })?);
    }
    for listed in from.vault.list(ARCHIVED).await? {
        let name = listed.key.to_string();
        let Some(version) = &listed.version else { continue };
        let note = from.vault.get(&listed.key, version).await?;
        let signed = SignedCheckpoint::parse(&note).ok();
        let believed = signed.as_ref().and_then(|signed| lines.iter().find_map(|line| line.verify(signed).ok()));
        let Some(checkpoint) = believed else {
            restored.missing.push(format!("{name}: no checkpoint by a key of this log"));
            continue;
        };
        let size = checkpoint.size;
        if size > restored.entries {
            from.outside.keep(size, &note, from.random)?;
            restored.signed_beyond = restored.signed_beyond.max(Some(size));
            continue;
        }
        if from.store.root(size).await? != checkpoint.root {
            return refused(format!("{name}: it was signed over another ledger than the segments hold"));
        }
        let signed_at = signed_at(from, &listed.key, version).await?;
        let text = String::from_utf8_lossy(&note).into_owned();
        let stored = StoredCheckpoint { size, root: checkpoint.root, note: text, signed_at };
        from.store.save_checkpoint(&stored).await?;
        from.outside.keep(size, &note, from.random)?;
        restored.checkpoints += 1;
    }
    Ok(())
}

/// What lies in the archive and has no receipt in what came back is intended again, with the very bytes that lie there: the
/// next run puts nothing twice, reads it back, and records the receipt.
async fn intents(from: &Restoration<'_>) -> Result<(), StepError> {
    let receipts = ledger_reads::receipts(from.store).await?;
    let receipted: BTreeSet<&str> = receipts.iter().map(|(_, receipt)| receipt.key.as_str()).collect();
    for folder in [SEGMENTS, ARTIFACTS, DISCLOSURES] {
        for listed in from.vault.list(folder).await? {
            let key = listed.key.to_string();
            if receipted.contains(key.as_str()) {
                continue;
            }
            let Ok((bytes, media_type)) = object(from, &key).await? else { continue };
            let artifact = NewArtifact { media_type, bytes: bytes.into() };
            let (digest, size) = (artifact.digest(), artifact.bytes.len() as u64);
            from.store.put_artifact(&artifact, from.now).await?;
            let subject = format!("restored:{}", folder.trim_end_matches('/'));
            from.store.record_intent(&ArchiveIntent { key, digest, size, subject }, from.now).await?;
        }
    }
    Ok(())
}

async fn signed_at(from: &Restoration<'_>, key: &ObjectKey, version: &Version) -> Result<Timestamp, StepError> {
    Ok(from.vault.read_back(key, version).await?.put_at)
}

/// Brings back reports: the bundle, and out of it the forms that are served.
async fn reports(
    from: &Restoration<'_>,
    reports: &[(EntryId, ReportIssued)],
    restored: &mut Restored,
) -> Result<(), StepError> {
    for (id, report) in reports {
        let key = report.bundle_key();
        let wanted = |digest: Digest| report.files.iter().any(|file| file.digest == digest);
        let bundle = match object(from, &key).await? {
            Ok((bytes, media_type)) if wanted(Digest::of(&bytes)) => NewArtifact { media_type, bytes: bytes.into() },
            Ok(_) => {
                restored.missing.push(format!("{key}: other bytes than report {id} names"));
                continue;
            }
            Err(why) => {
                restored.missing.push(format!("{key}, the bundle of report {id}: {why}"));
                continue;
            }
        };
        let mut forms = Vec::new();
        let form = |path: &str| matches!(path, "report.md" | "report.html" | "report.json");
        let read = read_files(bundle.bytes.as_slice(), form, |path, bytes| {
            let media_type = match path {
                "report.md" => "text/markdown; charset=utf-8",
                "report.html" => "text/html; charset=utf-8",
                _ => "application/json",
            };
            forms.push(NewArtifact { media_type: media_type.to_owned(), bytes: bytes.into() });
        });
        read.map_err(|error| StepError::Restore(format!("{key}: {error}")))?;
        for artifact in forms.into_iter().filter(|artifact| wanted(artifact.digest())).chain([bundle]) {
            from.store.put_artifact(&artifact, from.now).await?;
        }
        restored.reports += 1;
    }
    Ok(())
}

/// Notes every name's digest under its group, as the archive names it. The keys are gone; what the ledger erased stays
/// erased.
async fn names(from: &Restoration<'_>, names: Names, restored: &mut Restored) -> Result<(), StepError> {
    let mut groups: BTreeMap<Digest, GroupId> = BTreeMap::new();
    for listed in from.vault.list(DISCLOSURES).await? {
        let Some(version) = &listed.version else { continue };
        let bytes = from.vault.get(&listed.key, version).await?;
        match groups_of(&bytes) {
            Ok(found) => groups.extend(found),
            Err(why) => restored.missing.push(format!("{}: {why}", listed.key)),
        }
    }
    // What no object names yet belongs to one group for each field, made here.
    let mut own: BTreeMap<String, GroupId> = BTreeMap::new();
    let mut found: BTreeMap<GroupId, u64> = BTreeMap::new();
    let mut lost = Vec::with_capacity(names.digests.len());
    for (entry, path, digest) in names.digests {
        let group = match groups.get(&digest) {
            Some(group) => *group,
            None => *own.entry(path.clone()).or_insert_with(|| {
                let mut random = [0; 10];
                from.random.fill(&mut random);
                GroupId(EntryId::from_parts(from.now, &random).0)
            }),
        };
        let erased_at = names.erased.get(&group).map(|erasure| erasure.erased_at);
        *found.entry(group).or_insert(0) += 1;
        restored.lost_names += u64::from(erased_at.is_none());
        lost.push(LostDisclosure { digest, entry, path, group, erased_at });
    }
    // What was erased before it was archived stands in no object: how many they were, the erasure itself says.
    let mut unnamed = Vec::new();
    for (group, erasure) in names.erased {
        restored.erased_names += erasure.digests;
        let nowhere = erasure.digests.saturating_sub(found.get(&group).copied().unwrap_or(0));
        if nowhere > 0 {
            restored.lost_names = restored.lost_names.saturating_sub(nowhere);
            unnamed.push(UnnamedErasure { group, path: erasure.path, erased_at: erasure.erased_at });
        }
    }
    Ok(from.store.note_lost_disclosures(&lost, &unnamed, from.now).await?)
}
