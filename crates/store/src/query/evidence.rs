//! Evidence, by filter and by id: one query answers for lists, exports and one piece alike.

use std::collections::BTreeMap;

use exhibit_evidence::observation::Trigger;
use exhibit_evidence::{CheckId, CollectorId, Digest, EntryId, EnvironmentId, JobId, Outcome, Timestamp, Verdict};
use sqlx::postgres::PgRow;
use uuid::Uuid;

use crate::entries::{StoredEntry, read_entry};
use crate::error::in_tx;
use crate::rows::{Reader, bigint};
use crate::{Store, StoreError};

/// Which pieces of evidence to list. What is empty or none is not asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EvidenceFilter {
    /// Only this piece.
    pub id: Option<EntryId>,
    /// Of one of these jobs.
    pub jobs: Vec<JobId>,
    /// By one of these collectors.
    pub collectors: Vec<CollectorId>,
    /// That looked at one of these environments.
    pub environments: Vec<EnvironmentId>,
    /// That this check judged when it was recorded.
    pub check: Option<CheckId>,
    /// With one of these outcomes.
    pub outcomes: Vec<Outcome>,
    /// Observed at or after this instant (by `observed_to`).
    pub from: Option<Timestamp>,
    /// Observed before this instant (by `observed_to`).
    pub to: Option<Timestamp>,
    /// At this position or after it.
    pub from_seq: Option<u64>,
    /// At positions before this one: pages that go from the newest to the oldest move this.
    pub before_seq: Option<u64>,
    /// Whether the oldest position comes first; else the newest does.
    pub oldest_first: bool,
    /// At most so many; 0 means 100.
    pub limit: u32,
}

/// A piece of evidence in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvidenceSummary {
    /// Its position.
    pub seq: u64,
    /// Its id.
    pub id: EntryId,
    /// SHA-256 of its record.
    pub digest: Digest,
    /// The job that asked for it.
    pub job: JobId,
    /// The collector that observed.
    pub collector: CollectorId,
    /// Why the run took place.
    pub trigger: Trigger,
    /// Environments looked at, sorted.
    pub environments: Vec<String>,
    /// Subjects looked at, as `environment/subject`, sorted.
    pub subjects: Vec<String>,
    /// From when it was true.
    pub observed_from: Timestamp,
    /// Until when it was true.
    pub observed_to: Timestamp,
    /// The slot it fills; none on demand.
    pub scheduled_for: Option<Timestamp>,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// How many items exist by the source's own count; none where it was not known for all.
    pub exist: Option<u64>,
    /// How many were examined.
    pub examined: u64,
    /// How many things could not be found out.
    pub problems: u64,
    /// What it came to: its original verdicts, rolled up.
    pub outcome: Outcome,
    /// How many findings the original judgements noted.
    pub findings: u64,
    /// What was judged of it when it was recorded, in the order of the ledger.
    pub originals: Vec<Judged>,
    /// What other rules, or the same ones again, said of it later. Never part of the outcome.
    pub replays: Vec<Judged>,
}

/// What one assessment says, in short.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// Its position.
    pub seq: u64,
    /// The check.
    pub check: CheckId,
    /// The worst verdict over its subjects.
    pub verdict: Verdict,
    /// How many findings there are.
    pub findings: u64,
    /// Digest of the code and rules that judged.
    pub judge: Digest,
}

/// A piece of evidence with everything that was judged over it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JudgedEvidence {
    /// As it stands in lists.
    pub summary: EvidenceSummary,
    /// The evidence.
    pub evidence: StoredEntry,
    /// Its original assessments, in the order of the ledger.
    pub assessments: Vec<StoredEntry>,
    /// Replays of its judgement, in the order of the ledger: never to be shown as the original.
    pub replays: Vec<StoredEntry>,
}

// An assessment is the original if the judge is what the evidence itself names as its collector, and it is the first of
// its check: everything else is a replay.
// Times and positions limit the list without an OR: so a plan that was made once for all values begins a page where it
// begins, and not at the ledger's first entry.
macro_rules! listing {
    ($order:literal) => {
        concat!(
            "/* evidence_list */ \
             SELECT v.seq, v.id, v.job, v.collector, v.trigger, v.environments, v.subjects, v.observed_from, \
                    v.observed_to, v.scheduled_for, v.recorded_at, v.exist, v.examined, v.problems, r.digest, \
                    coalesce(a.checks, '{}') AS checks, coalesce(a.verdicts, '{}') AS verdicts, \
                    coalesce(a.findings, '{}') AS findings, coalesce(a.judges, '{}') AS judges, \
                    coalesce(a.seqs, '{}') AS seqs, coalesce(a.original, '{}') AS original \
               FROM exhibit.evidence v \
               CROSS JOIN LATERAL (SELECT sha256(convert_to(e.record, 'UTF8')) AS digest, \
                        decode(substr(e.record::jsonb #>> '{body,collector,content}', 8), 'hex') AS content \
                    FROM exhibit.entries e WHERE e.seq = v.seq) r \
               LEFT JOIN LATERAL (SELECT array_agg(a.check_id ORDER BY a.seq) AS checks, \
                        array_agg(a.verdict ORDER BY a.seq) AS verdicts, \
                        array_agg(a.finding_count ORDER BY a.seq) AS findings, \
                        array_agg(a.judge_content ORDER BY a.seq) AS judges, \
                        array_agg(a.seq ORDER BY a.seq) AS seqs, \
                        array_agg(a.original ORDER BY a.seq) AS original, \
                        array_agg(a.check_id) FILTER (WHERE a.original) AS judged_by, \
                        min(array_position($7::text[], a.verdict)) FILTER (WHERE a.original) AS worst \
                    FROM (SELECT a.*, a.judge_content = r.content AND row_number() \
                                 OVER (PARTITION BY a.check_id, a.judge_content ORDER BY a.seq) = 1 AS original \
                            FROM exhibit.assessments a \
                           WHERE a.evidence_id = v.id AND a.observed_to = v.observed_to) a) a ON true \
              WHERE ($1::uuid IS NULL OR v.id = $1) \
                AND ($2::text[] = '{}' OR v.job = ANY ($2)) \
                AND ($3::text[] = '{}' OR v.collector = ANY ($3)) \
                AND ($4::text[] = '{}' OR v.environments && $4) \
                AND ($5::text IS NULL OR $5 = ANY (a.judged_by)) \
                AND ($6::text[] = '{}' OR coalesce(($7::text[])[a.worst], 'missing') = ANY ($6)) \
                AND v.observed_to >= coalesce($8::timestamptz, '-infinity') \
                AND v.observed_to < coalesce($9::timestamptz, 'infinity') \
                AND v.seq >= coalesce($10::bigint, 0) \
                AND v.seq < coalesce($11::bigint, 9223372036854775807) \
              ORDER BY v.seq ",
            $order,
            " LIMIT $12"
        )
    };
}

impl Store {
    /// Evidence that the filter names, by position, newest first unless it asks for the oldest. A page is followed by
    /// the one that begins after its last position (`from_seq`), or ends before it (`before_seq`).
    ///
    /// # Errors
    /// If the database cannot be used or a row is malformed.
    pub async fn evidence_list(&self, filter: &EvidenceFilter) -> Result<Vec<EvidenceSummary>, StoreError> {
        let listing = if filter.oldest_first { listing!("ASC") } else { listing!("DESC") };
        let words = |outcomes: &[Outcome]| outcomes.iter().map(|outcome| outcome.word()).collect::<Vec<_>>();
        let rows = sqlx::query(listing)
            .bind(filter.id.map(|id| id.0))
            .bind(filter.jobs.iter().map(JobId::as_str).collect::<Vec<_>>())
            .bind(filter.collectors.iter().map(CollectorId::as_str).collect::<Vec<_>>())
            .bind(filter.environments.iter().map(EnvironmentId::as_str).collect::<Vec<_>>())
            .bind(filter.check.as_ref().map(CheckId::as_str))
            .bind(words(&filter.outcomes))
            .bind(words(&Outcome::ALL))
            .bind(filter.from.map(Timestamp::utc))
            .bind(filter.to.map(Timestamp::utc))
            .bind(filter.from_seq.map(bigint))
            .bind(filter.before_seq.map(bigint))
            .bind(i64::from(if filter.limit == 0 { 100 } else { filter.limit }))
            .fetch_all(&self.pool)
            .await
            .map_err(in_tx("evidence_list"))?;
        rows.iter().map(summary).collect()
    }

    /// One piece of evidence with its assessments.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if there is no evidence of this id.
    pub async fn evidence_show(&self, id: EntryId) -> Result<JudgedEvidence, StoreError> {
        let not_found = || StoreError::NotFound { what: "evidence", key: id.to_string() };
        let filter = EvidenceFilter { id: Some(id), limit: 1, ..EvidenceFilter::default() };
        let summary = self.evidence_list(&filter).await?.pop().ok_or_else(not_found)?;
        let judged = summary.originals.iter().chain(&summary.replays);
        let seqs: Vec<i64> = judged.map(|judged| bigint(judged.seq)).chain([bigint(summary.seq)]).collect();
        let rows = sqlx::query("/* evidence_show */ SELECT seq, record FROM exhibit.entries WHERE seq = ANY ($1)")
            .bind(seqs)
            .fetch_all(&self.pool)
            .await
            .map_err(in_tx("evidence_show"))?;
        let read = rows.iter().map(|row| read_entry(row).map(|entry| (entry.seq, entry)));
        let mut entries = read.collect::<Result<BTreeMap<_, _>, _>>()?;
        let mut all = |judged: &[Judged]| -> Vec<_> { judged.iter().filter_map(|j| entries.remove(&j.seq)).collect() };
        let (assessments, replays) = (all(&summary.originals), all(&summary.replays));
        let evidence = entries.remove(&summary.seq).ok_or_else(not_found)?;
        Ok(JudgedEvidence { evidence, assessments, replays, summary })
    }

    /// The first piece of evidence whose record has this digest anywhere in it, as a cited artifact or in its words. Looks through
    /// the records one after the other: for the answer that something is not there.
    ///
    /// # Errors
    /// If the database cannot be used or a row is malformed.
    pub async fn evidence_naming(&self, digest: Digest) -> Result<Option<StoredEntry>, StoreError> {
        let row = sqlx::query(
            "/* evidence_naming */ SELECT seq, record FROM exhibit.entries \
              WHERE kind = 'evidence' AND strpos(record, $1) > 0 ORDER BY seq LIMIT 1",
        )
        .bind(hex::encode(digest.0))
        .fetch_optional(&self.pool)
        .await
        .map_err(in_tx("evidence_naming"))?;
        row.as_ref().map(read_entry).transpose()
    }
}

fn summary(row: &PgRow) -> Result<EvidenceSummary, StoreError> {
    let seq = Reader::new(row, "evidence", "").count("seq")?;
    let reader = Reader::new(row, "evidence", format!("seq {seq}"));
    let exist: Option<i64> = reader.get("exist")?;
    let exist = exist.map(u64::try_from).transpose().map_err(|_| reader.malformed("exist", "it is negative"))?;
    let (originals, replays) = judged(&reader)?;
    Ok(EvidenceSummary {
        seq,
        id: EntryId(reader.get::<Uuid>("id")?),
        digest: Digest(reader.hash("digest")?),
        job: reader.authored("job")?,
        collector: reader.authored("collector")?,
        trigger: reader.word("trigger")?,
        environments: reader.get("environments")?,
        subjects: reader.get("subjects")?,
        observed_from: reader.instant("observed_from")?,
        observed_to: reader.instant("observed_to")?,
        scheduled_for: reader.maybe_instant("scheduled_for")?,
        recorded_at: reader.instant("recorded_at")?,
        exist,
        examined: reader.count("examined")?,
        problems: reader.count("problems")?,
        outcome: Outcome::roll_up(originals.iter().map(|judged| Outcome::from(judged.verdict))),
        findings: originals.iter().map(|judged| judged.findings).sum(),
        originals,
        replays,
    })
}

/// The original judgements, and the replays.
fn judged(reader: &Reader<'_>) -> Result<(Vec<Judged>, Vec<Judged>), StoreError> {
    let checks: Vec<String> = reader.get("checks")?;
    let verdicts: Vec<String> = reader.get("verdicts")?;
    let findings: Vec<i64> = reader.get("findings")?;
    let judges: Vec<Vec<u8>> = reader.get("judges")?;
    let seqs: Vec<i64> = reader.get("seqs")?;
    let original: Vec<bool> = reader.get("original")?;
    let (mut originals, mut replays) = (Vec::new(), Vec::new());
    for ((((check, verdict), findings), judge), (seq, original)) in
        checks.iter().zip(&verdicts).zip(&findings).zip(judges).zip(seqs.iter().zip(original))
    {
        let count = |column, number: &i64| u64::try_from(*number).map_err(|error| reader.malformed(column, error));
        let judged = Judged {
            seq: count("seqs", seq)?,
            check: check.parse().map_err(|error| reader.malformed("checks", error))?,
            verdict: reader.read_word("verdicts", verdict)?,
            findings: count("findings", findings)?,
            judge: Digest(judge.try_into().map_err(|_| reader.malformed("judges", "32 bytes were expected"))?),
        };
        if original { originals.push(judged) } else { replays.push(judged) }
    }
    Ok((originals, replays))
}
