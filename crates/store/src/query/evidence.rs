//! Evidence, by filter and by id.

use exhibit_evidence::{CheckId, CollectorId, EntryId, EnvironmentId, JobId, Timestamp};
use sqlx::postgres::PgRow;

use crate::entries::{StoredEntry, read_entry};
use crate::error::in_tx;
use crate::rows::{Reader, bigint};
use crate::{Store, StoreError};

/// Which pieces of evidence to list. What is none is not asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EvidenceFilter {
    /// Of this job.
    pub job: Option<JobId>,
    /// By this collector.
    pub collector: Option<CollectorId>,
    /// That looked at this environment.
    pub environment: Option<EnvironmentId>,
    /// That this check judged.
    pub check: Option<CheckId>,
    /// Observed at or after this instant (by `observed_to`).
    pub from: Option<Timestamp>,
    /// Observed before this instant (by `observed_to`).
    pub to: Option<Timestamp>,
    /// At positions before this one: pages go from the newest to the oldest.
    pub before_seq: Option<u64>,
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
    /// The job that asked for it.
    pub job: JobId,
    /// The collector that observed.
    pub collector: CollectorId,
    /// Subjects looked at, as `environment/subject`, sorted.
    pub subjects: Vec<String>,
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
    /// Checks and their verdicts, in the order of the ledger.
    pub verdicts: Vec<(String, String)>,
}

/// A piece of evidence with everything that was judged over it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JudgedEvidence {
    /// The evidence.
    pub evidence: StoredEntry,
    /// Its assessments, in the order of the ledger.
    pub assessments: Vec<StoredEntry>,
}

impl Store {
    /// Evidence that the filter names, newest position first.
    ///
    /// # Errors
    /// If the database cannot be used or a row is malformed.
    pub async fn evidence_list(&self, filter: &EvidenceFilter) -> Result<Vec<EvidenceSummary>, StoreError> {
        let rows = sqlx::query(
            "/* evidence_list */ \
             SELECT v.seq, v.id, v.job, v.collector, v.subjects, v.observed_to, v.scheduled_for, v.recorded_at, \
                    v.exist, v.examined, v.problems, \
                    coalesce(a.checks, '{}') AS checks, coalesce(a.verdicts, '{}') AS verdicts \
               FROM exhibit.evidence v \
               LEFT JOIN LATERAL (SELECT array_agg(a.check_id ORDER BY a.seq) AS checks, \
                                         array_agg(a.verdict ORDER BY a.seq) AS verdicts \
                                    FROM exhibit.assessments a \
                                   WHERE a.evidence_id = v.id AND a.observed_to = v.observed_to) a ON true \
              WHERE ($1::text IS NULL OR v.job = $1) \
                AND ($2::text IS NULL OR v.collector = $2) \
                AND ($3::text IS NULL OR $3 = ANY (v.environments)) \
                AND ($4::text IS NULL OR $4 = ANY (a.checks)) \
                AND ($5::timestamptz IS NULL OR v.observed_to >= $5) \
                AND ($6::timestamptz IS NULL OR v.observed_to < $6) \
                AND ($7::bigint IS NULL OR v.seq < $7) \
              ORDER BY v.seq DESC LIMIT $8",
        )
        .bind(filter.job.as_ref().map(JobId::as_str))
        .bind(filter.collector.as_ref().map(CollectorId::as_str))
        .bind(filter.environment.as_ref().map(EnvironmentId::as_str))
        .bind(filter.check.as_ref().map(CheckId::as_str))
        .bind(filter.from.map(Timestamp::utc))
        .bind(filter.to.map(Timestamp::utc))
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
        let row = sqlx::query(
            "/* evidence_show */ SELECT e.seq, e.record FROM exhibit.evidence v \
               JOIN exhibit.entries e ON e.seq = v.seq WHERE v.id = $1",
        )
        .bind(id.0)
        .fetch_optional(&self.pool)
        .await
        .map_err(in_tx("evidence_show"))?;
        let row = row.ok_or_else(|| StoreError::NotFound { what: "evidence", key: id.to_string() })?;
        let assessments = sqlx::query(
            "/* evidence_show::assessments */ SELECT e.seq, e.record FROM exhibit.assessments a \
               JOIN exhibit.entries e ON e.seq = a.seq WHERE a.evidence_id = $1 ORDER BY e.seq",
        )
        .bind(id.0)
        .fetch_all(&self.pool)
        .await
        .map_err(in_tx("evidence_show"))?;
        Ok(JudgedEvidence {
            evidence: read_entry(&row)?,
            assessments: assessments.iter().map(read_entry).collect::<Result<_, _>>()?,
        })
    }
}

fn summary(row: &PgRow) -> Result<EvidenceSummary, StoreError> {
    let seq = Reader::new(row, "evidence", "").count("seq")?;
    let reader = Reader::new(row, "evidence", format!("seq {seq}"));
    let exist: Option<i64> = reader.get("exist")?;
    let exist = exist.map(u64::try_from).transpose().map_err(|_| reader.malformed("exist", "it is negative"))?;
    let checks: Vec<String> = reader.get("checks")?;
    let verdicts: Vec<String> = reader.get("verdicts")?;
    Ok(EvidenceSummary {
        seq,
        id: EntryId(reader.get("id")?),
        job: reader.authored("job")?,
        collector: reader.authored("collector")?,
        subjects: reader.get("subjects")?,
        observed_to: reader.instant("observed_to")?,
        scheduled_for: reader.maybe_instant("scheduled_for")?,
        recorded_at: reader.instant("recorded_at")?,
        exist,
        examined: reader.count("examined")?,
        problems: reader.count("problems")?,
        verdicts: checks.into_iter().zip(verdicts).collect(),
    })
}
