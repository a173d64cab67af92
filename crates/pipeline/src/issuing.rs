//! From a checkpoint to a report: fold, view, render, bundle, entry.

use std::collections::BTreeSet;

use exhibit_evidence::{
    Body, Digest, EntryId, Envelope, Finding, Period, Timestamp,
    report::{ReportFile, ReportIssued, Standing},
};
use exhibit_ledger::bundle::{About, BundleWriter, nodes_before};
use exhibit_report::{Edition, Fold, PeriodView, render, renderer};
use exhibit_store::{Append, ArchiveIntent, NewArtifact, NewEntry, StoredEntry};

use crate::{StepError, World, calendar, checkpoint, checkpointing::checkpoint_at, keys, ledger_reads, turn};

/// A report that was rendered.
#[derive(Clone, Debug)]
pub struct Issued {
    /// Its entry.
    pub id: EntryId,
    /// The period's name.
    pub period: String,
    /// Whether the period was still open.
    pub standing: Standing,
    /// Counted from 1 within period and standing.
    pub revision: u64,
    /// What it says, as data.
    pub view: PeriodView,
    /// The checkpoint it speaks of.
    pub size: u64,
    /// The Markdown form.
    pub markdown: String,
    /// The HTML form.
    pub html: String,
    /// The JSON form.
    pub json: String,
    /// The bundle.
    pub bundle: Vec<u8>,
}

/// Renders the period's report from the latest checkpoint without issuing it: nothing is written.
///
/// # Errors
/// When the ledger can't be read, or the report can't be rendered.
pub async fn render_period(world: &World, period: &Period) -> Result<Issued, StepError> {
    let period = &calendar::period(world, period.id).await?;
    let frozen = ledger_reads::frozen(&world.store).await?;
    let (standing, size) = match frozen.get(&period.id) {
        Some(frozen) => (Standing::Final, frozen.seq + 1),
        None => (Standing::Interim, checkpoint(world).await?.unverified().size),
    };
    // The same report that was issued, where it was: a second rendering gives the same bytes.
    let issued = ledger_reads::reports(&world.store).await?;
    let same = issued.iter().find(|kept| {
        kept.report.period.id == period.id && kept.report.standing == standing && kept.report.size == size
    });
    let id = same.map_or_else(|| world.entry_id(), |kept| kept.id);
    make(world, period, standing, size, id).await
}

/// The view of a period as of a ledger size: what a report of it says, as data.
///
/// # Errors
/// When the ledger can't be read.
pub async fn replay_view(
    world: &World,
    period: &Period,
    standing: Standing,
    size: u64,
) -> Result<PeriodView, StepError> {
    let root = Digest(world.store.root(size).await?);
    let history = history(world, period, standing, size).await?;
    let fold = fold(world, period, size, &mut |_, _| Ok(())).await?;
    Ok(fold.view(&Edition { size, root, standing, revision: history.revision, supersedes: history.supersedes })?)
}

/// Renders the period's report, and records that it was issued, with everything needed to archive it.
///
/// # Errors
/// When the ledger can't be read or written, or the report can't be rendered.
pub async fn issue(world: &World, period: &Period, standing: Standing) -> Result<Issued, StepError> {
    let _turn = turn::take(world).await?;
    issue_in_turn(world, &calendar::period(world, period.id).await?, standing).await
}

/// The same, for who has the turn already.
pub(crate) async fn issue_in_turn(world: &World, period: &Period, standing: Standing) -> Result<Issued, StepError> {
    let size = match standing {
        Standing::Interim => checkpoint(world).await?.unverified().size,
        Standing::Final => {
            let frozen = ledger_reads::frozen(&world.store).await?;
            let frozen = frozen.get(&period.id);
            frozen.ok_or_else(|| StepError::Ledger(format!("period {} is not frozen", period.id)))?.seq + 1
        }
    };
    let issued = make(world, period, standing, size, world.entry_id()).await?;
    record(world, period, &issued).await?;
    Ok(issued)
}

async fn record(world: &World, period: &Period, issued: &Issued) -> Result<(), StepError> {
    let files: [(&str, &str, &[u8]); 4] = [
        ("md", "text/markdown; charset=utf-8", issued.markdown.as_bytes()),
        ("html", "text/html; charset=utf-8", issued.html.as_bytes()),
        ("json", "application/json", issued.json.as_bytes()),
        ("bundle", "application/x-tar", &issued.bundle),
    ];
    let report = ReportIssued {
        period: period.clone(),
        standing: issued.standing,
        revision: issued.revision,
        supersedes: issued.view.cover.supersedes,
        size: issued.size,
        root: issued.view.cover.root,
        from_size: from_size(world, period).await?,
        renderer: renderer(),
        template: world.templates.digest(),
        files: files
            .iter()
            .map(|(name, _, bytes)| ReportFile {
                name: (*name).to_owned(),
                digest: Digest::of(bytes),
                size: bytes.len() as u64,
            })
            .collect(),
    };
    let intent = ArchiveIntent {
        key: report.bundle_key(),
        digest: Digest::of(&issued.bundle),
        size: issued.bundle.len() as u64,
        subject: format!("report:{}", issued.id),
    };
    let artifacts = files
        .iter()
        .map(|(_, media_type, bytes)| NewArtifact {
            media_type: (*media_type).to_owned(),
            bytes: bytes.to_vec().into(),
        })
        .collect();
    let now = world.now();
    let entry = NewEntry { id: issued.id, body: report.into() };
    world.store.append(Append { artifacts, ..Append::entries(now, vec![entry]) }).await?;
    world.store.record_intent(&intent, now).await?;
    Ok(())
}

/// Where this report stands among those issued before it.
struct History {
    revision: u64,
    supersedes: Option<EntryId>,
}

async fn history(world: &World, period: &Period, standing: Standing, size: u64) -> Result<History, StepError> {
    let reports = ledger_reads::reports(&world.store).await?;
    let before: Vec<_> =
        reports.iter().filter(|kept| kept.report.period.id == period.id && kept.report.size < size).collect();
    Ok(History {
        revision: before.iter().filter(|kept| kept.report.standing == standing).count() as u64 + 1,
        supersedes: before.last().map(|kept| kept.id),
    })
}

/// The ledger size of the freeze before this period, from which its bundle holds every entry.
async fn from_size(world: &World, period: &Period) -> Result<u64, StepError> {
    let frozen = ledger_reads::frozen(&world.store).await?;
    let before = frozen.values().filter(|frozen| frozen.freeze.period.end <= period.start);
    Ok(before.map(|frozen| frozen.seq + 1).max().unwrap_or(0))
}

async fn make(world: &World, period: &Period, standing: Standing, size: u64, id: EntryId) -> Result<Issued, StepError> {
    let signed = checkpoint_at(world, size).await?;
    let from = from_size(world, period).await?;
    let previous = if from > 0 { Some(checkpoint_at(world, from).await?) } else { None };
    let history = history(world, period, standing, size).await?;
    let before = world.store.nodes(&nodes_before(from)).await?;
    let about = About { period: period.id.to_string(), report: id.to_string(), renderer: renderer() };
    let mut bundle = BundleWriter::new(about, signed.clone(), previous.as_ref(), &before)?;

    let first = bundle.next_entry();
    let mut cited: BTreeSet<Digest> = BTreeSet::new();
    let fold = fold(world, period, size, &mut |entry, envelope| {
        if entry.seq >= first {
            bundle.push_record(entry.text.as_bytes())?;
        }
        if entry.seq >= from {
            cite(envelope, &mut cited);
        }
        Ok(())
    })
    .await?;
    for digest in cited {
        bundle.artifact(world.store.artifact(digest).await?.bytes.as_slice())?;
    }

    let edition = Edition {
        size,
        root: Digest(signed.unverified().root),
        standing,
        revision: history.revision,
        supersedes: history.supersedes,
    };
    let view = fold.view(&edition)?;
    let rendered = render(&view, &world.templates)?;
    bundle.file("report.md", rendered.markdown.as_bytes())?;
    bundle.file("report.html", rendered.html.as_bytes())?;
    bundle.file("report.json", rendered.json.as_bytes())?;
    for (name, bytes) in world.templates.files() {
        bundle.file(&format!("template/{name}"), bytes)?;
    }
    let (line, handovers) = keys::line(world).await?;
    let statements: Vec<_> = handovers.into_iter().map(|handover| handover.statement).collect();
    bundle.keys(line.windows().iter().map(|window| &window.key), &statements)?;
    let mut bytes = Vec::new();
    bundle.finish(&world.signer, &mut bytes)?;
    Ok(Issued {
        id,
        period: period.id.to_string(),
        standing,
        revision: edition.revision,
        view,
        size,
        markdown: rendered.markdown,
        html: rendered.html,
        json: rendered.json,
        bundle: bytes,
    })
}

/// What is done with each entry, beside folding it.
type EachEntry<'a> = dyn FnMut(&StoredEntry, Option<&Envelope>) -> Result<(), StepError> + Send + 'a;

async fn fold(world: &World, period: &Period, size: u64, each: &mut EachEntry<'_>) -> Result<Fold, StepError> {
    let mut fold = Fold::new(period.clone(), world.catalog.clone());
    let mut entries = world.store.entries(0..size);
    loop {
        let batch = entries.next_batch().await?;
        if batch.is_empty() {
            return Ok(fold);
        }
        for entry in batch {
            match entry.examined()? {
                Ok(envelope) => {
                    each(&entry, Some(&envelope))?;
                    let findings = findings(world, &envelope).await?;
                    fold.add(&envelope, Digest::of(entry.text.as_bytes()), findings.as_deref());
                }
                // A kind that a later version added: counted, and that it was not read is said in the report.
                Err(exhibit_evidence::record::RecordError::Kind(_)) => {
                    each(&entry, None)?;
                    fold.add_unreadable(recorded_at(&entry)?);
                }
                Err(error) => return Err(StepError::Ledger(format!("entry {}: {error}", entry.seq))),
            }
        }
    }
}

fn recorded_at(entry: &StoredEntry) -> Result<Timestamp, StepError> {
    let (_, header) = exhibit_evidence::Record::from_bytes(entry.text.clone().into_bytes())?;
    Ok(header.recorded_at)
}

/// The findings of an assessment whose list was moved to an artifact.
async fn findings(world: &World, envelope: &Envelope) -> Result<Option<Vec<Finding>>, StepError> {
    let Body::Assessment(assessment) = &envelope.body else { return Ok(None) };
    let Some(digest) = assessment.findings_artifact else { return Ok(None) };
    let bytes = world.store.artifact(digest).await?.bytes;
    let findings = serde_json::from_slice(&bytes)
        .map_err(|error| StepError::Ledger(format!("the findings in artifact {digest}: {error}")))?;
    Ok(Some(findings))
}

fn cite(envelope: Option<&Envelope>, cited: &mut BTreeSet<Digest>) {
    match envelope.map(|envelope| &envelope.body) {
        Some(Body::Evidence(evidence)) => {
            cited.extend(evidence.observation.artifacts.iter().map(|artifact| artifact.digest));
        }
        Some(Body::Assessment(assessment)) => cited.extend(assessment.findings_artifact),
        _ => {}
    }
}
