//! Evidence for the API: pages that stay stable while the ledger grows, and one piece with all that belongs to it.

use exhibit_evidence::erasure::Erasure;
use exhibit_evidence::{Body, Digest, EntryId, Record, Severity, Timestamp, Verdict};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sqlx::postgres::PgRow;

use super::ask::Ask;
use super::reading::{Page, Reading, View, paged};
use super::records::{RecordRow, record};
use crate::StoreError;
use crate::rows::Reader;

/// Which evidence to list. What is none is not asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EvidenceQuery {
    /// Of this job.
    pub job: Option<String>,
    /// By one of these collectors.
    pub collectors: Option<Vec<String>>,
    /// Judged by one of these checks; the outcome and the severities are then those of these checks alone.
    pub checks: Option<Vec<String>>,
    /// That looked at this environment.
    pub environment: Option<String>,
    /// With this verdict of a check.
    pub outcome: Option<Verdict>,
    /// With a finding of one of these severities.
    pub severities: Option<Vec<Severity>>,
    /// Observed at or after this instant (by `observed_to`).
    pub observed_from: Option<Timestamp>,
    /// Observed before this instant (by `observed_to`).
    pub observed_to: Option<Timestamp>,
    /// Recorded at or after this instant.
    pub recorded_from: Option<Timestamp>,
    /// Recorded before this instant.
    pub recorded_to: Option<Timestamp>,
    /// As the ledger stood at this size; none means now.
    pub as_of: Option<u64>,
    /// Positions before this one: pages go from the newest to the oldest, so growth moves none of them.
    pub before: Option<u64>,
    /// At most so many; 0 means 100.
    pub limit: u32,
    /// With the exact records.
    pub records: bool,
}

/// A piece of evidence in a list.
#[derive(Clone, Debug, Serialize)]
pub struct EvidenceRow {
    /// Its position in the ledger.
    pub seq: u64,
    /// Its id.
    pub id: EntryId,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// The job that asked for it.
    pub job: String,
    /// The collector that observed.
    pub collector: String,
    /// `scheduled`, `catch-up`, `on-demand` or `pushed`.
    pub trigger: String,
    /// The slot it fills; none on demand.
    pub scheduled_for: Option<Timestamp>,
    /// When the performance began.
    pub started_at: Timestamp,
    /// When the performance ended.
    pub finished_at: Timestamp,
    /// From when it was true.
    pub observed_from: Timestamp,
    /// Until when it was true.
    pub observed_to: Timestamp,
    /// Environments looked at, sorted.
    pub environments: Vec<String>,
    /// Subjects looked at, as `environment/subject`, sorted.
    pub subjects: Vec<String>,
    /// How many items exist by the source's own count; none where it was not known for all.
    pub exist: Option<u64>,
    /// How many were examined.
    pub examined: u64,
    /// How many things could not be found out.
    pub problems: u64,
    /// Whether the collector's self-test passed; none where none was run, because the evidence was pushed.
    pub self_test_passed: Option<bool>,
    /// What checks made of it, in the order of the ledger.
    pub assessments: Vec<JudgedBy>,
    /// The exact record, where it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub record: Option<Box<RawValue>>,
}

/// A check's word on a piece of evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct JudgedBy {
    /// The assessment.
    pub id: EntryId,
    /// The check.
    pub check: String,
    /// Its verdict.
    pub verdict: String,
    /// How many findings it noted.
    pub findings: u64,
}

/// A value that stands in a record as a salted digest only.
#[derive(Clone, Debug, Serialize)]
pub struct DisclosedValue {
    /// The entry that carries the digest.
    pub entry: EntryId,
    /// What stands in the record.
    pub digest: Digest,
    /// Where it stands in the record.
    pub path: String,
    /// The value; none once it is erased.
    pub value: Option<String>,
    /// When it was erased, if it was.
    pub erased_at: Option<Timestamp>,
    /// The entry that tells of the erasure, with what it says; none if it was not erased, or if no entry tells of it,
    /// which `fsck` finds.
    pub erasure: Option<(EntryId, Erasure)>,
}

/// One piece of evidence, with what belongs to it.
#[derive(Clone, Debug, Serialize)]
pub struct EvidencePiece {
    /// The evidence.
    #[serde(flatten)]
    pub entry: RecordRow,
    /// What checks made of it, in the order of the ledger.
    pub assessments: Vec<RecordRow>,
    /// Values that stand in these records as digests, as far as they are not erased.
    pub disclosures: Vec<DisclosedValue>,
}

impl EvidenceQuery {
    /// The conditions on `exhibit.evidence v`.
    pub(super) fn conditions(&self, ask: &mut Ask, as_of: u64) {
        ask.push(" v.seq < ").value(as_of, "bigint");
        ask.maybe(" AND v.seq < ", self.before, "bigint");
        ask.maybe(" AND v.job = ", self.job.as_ref(), "text");
        // One collector is the usual question, and its index gives the order too.
        match self.collectors.as_deref() {
            Some([one]) => ask.maybe(" AND v.collector = ", Some(one), "text"),
            many => ask.any_of(" AND v.collector", many),
        }
        if let Some(environment) = &self.environment {
            ask.push(" AND ").value(environment, "text").push(" = ANY (v.environments)");
        }
        ask.maybe(" AND v.observed_to >= ", self.observed_from, "timestamptz");
        ask.maybe(" AND v.observed_to < ", self.observed_to, "timestamptz");
        // recorded_at never goes back, so a time is a position.
        if let Some(from) = self.recorded_from {
            ask.push(" AND v.seq >= (SELECT exhibit.size_at(").value(from, "timestamptz").push("))");
        }
        if let Some(to) = self.recorded_to {
            ask.push(" AND v.seq < (SELECT exhibit.size_at(").value(to, "timestamptz").push("))");
        }
        if self.checks.is_some() || self.outcome.is_some() || self.severities.is_some() {
            ask.plan_by_value();
            ask.push(
                " AND EXISTS (SELECT FROM exhibit.assessments a \
                   WHERE a.evidence_id = v.id AND a.observed_to = v.observed_to AND a.seq < ",
            );
            ask.value(as_of, "bigint");
            ask.any_of(" AND a.check_id", self.checks.as_deref());
            ask.maybe(" AND a.verdict = ", self.outcome.map(Verdict::word), "text");
            if let Some(severities) = &self.severities {
                ask.push(
                    " AND EXISTS (SELECT FROM exhibit.finding_observations o \
                       WHERE o.seq = a.seq AND o.observed_to = a.observed_to",
                );
                ask.any_of(" AND o.severity", Some(severities));
                ask.push(")");
            }
            ask.push(")");
        }
    }
}

/// The question for a page of evidence, and how many rows a page holds.
pub(crate) fn page(query: &EvidenceQuery, view: &View) -> (Ask, usize) {
    let as_of = view.as_of(query.as_of);
    let mut ask = Ask::bound(if query.records {
        "/* reading::evidence */ SELECT v.*, a.*, e.record FROM (SELECT * FROM exhibit.evidence v WHERE"
    } else {
        "/* reading::evidence */ SELECT v.*, a.* FROM (SELECT * FROM exhibit.evidence v WHERE"
    });
    query.conditions(&mut ask, as_of);
    view.within(&mut ask, " AND v.observed_to >= ", " AND v.observed_to < ");
    let limit = ask.limit(" ORDER BY v.seq DESC", query.limit);
    ask.push(
        ") v LEFT JOIN LATERAL (SELECT array_agg(a.id ORDER BY a.seq) AS ids, \
                array_agg(a.check_id ORDER BY a.seq) AS checks, array_agg(a.verdict ORDER BY a.seq) AS verdicts, \
                array_agg(a.finding_count ORDER BY a.seq) AS counts FROM exhibit.assessments a \
               WHERE a.evidence_id = v.id AND a.observed_to = v.observed_to AND a.seq < ",
    );
    ask.value(as_of, "bigint").push(") a ON true");
    if query.records {
        ask.push(" JOIN exhibit.entries e ON e.seq = v.seq");
    }
    ask.push(" ORDER BY v.seq DESC");
    (ask, limit)
}

/// The question for one piece of evidence.
pub(crate) fn piece(id: EntryId, as_of: u64) -> Ask {
    let mut ask = Ask::bound(
        "/* reading::piece */ SELECT e.seq, e.id, e.recorded_at, e.kind, e.record FROM exhibit.entry_ids i \
           JOIN exhibit.entries e ON e.seq = i.seq WHERE e.kind = 'evidence' AND i.id = ",
    );
    ask.value(id, "uuid").push(" AND i.seq < ").value(as_of, "bigint");
    ask
}

/// The question for the assessments of a piece of evidence, which bear its time: it leads to the one partition. They
/// come in no order: one that is asked for would lead through the whole month.
pub(crate) fn assessments_of(id: EntryId, observed_to: Timestamp, as_of: u64) -> Ask {
    let mut ask = Ask::bound(
        "/* reading::piece::assessments */ SELECT e.seq, e.id, e.recorded_at, e.kind, e.record \
           FROM exhibit.assessments a JOIN exhibit.entries e ON e.seq = a.seq WHERE a.evidence_id = ",
    );
    ask.value(id, "uuid").push(" AND a.observed_to = ").value(observed_to, "timestamptz");
    ask.push(" AND a.seq < ").value(as_of, "bigint");
    ask
}

/// The question for the values that these entries hold as digests.
pub(crate) fn disclosures_of(ids: &[EntryId]) -> Ask {
    let mut ask = Ask::bound(
        "/* reading::piece::disclosures */ SELECT d.digest, d.entry_id, d.path, d.erased_at, \
                CASE WHEN current_setting('exhibit.names', true) = '*' THEN d.value END AS value, \
                CASE WHEN d.erased_at IS NOT NULL THEN exhibit.erasure_of(d.digest) END AS erasure \
           FROM exhibit.disclosures d WHERE d.entry_id",
    );
    ask.push(" = ANY (").value(super::ask::array(ids), "uuid[]").push(") ORDER BY d.entry_id, d.path, d.digest");
    ask
}

impl Reading {
    /// Evidence that the question names and the scope may see, newest first.
    ///
    /// # Errors
    /// If the database cannot be used or a row is malformed.
    pub async fn evidence(&mut self, query: &EvidenceQuery) -> Result<Page<EvidenceRow>, StoreError> {
        let (ask, limit) = page(query, &self.view);
        let rows = self.fetch("reading::evidence", ask).await?;
        let items = rows.iter().map(|row| listed(row, query.records)).collect::<Result<_, _>>()?;
        paged(items, limit, |row: &EvidenceRow| row.seq)
    }

    /// One piece of evidence with its assessments and values, as the ledger stood at this size; none means now.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if there is none, or the scope may not see it: nobody learns which.
    pub async fn evidence_piece(&mut self, id: EntryId, as_of: Option<u64>) -> Result<EvidencePiece, StoreError> {
        let as_of = self.view.as_of(as_of);
        let rows = self.fetch("reading::piece", piece(id, as_of)).await?;
        let entry = rows.first().ok_or_else(|| StoreError::NotFound { what: "evidence", key: id.to_string() })?;
        let entry = record(entry)?;
        let assessments = self.fetch("reading::piece", assessments_of(id, observed_to(&entry)?, as_of)).await?;
        let mut assessments = assessments.iter().map(record).collect::<Result<Vec<_>, _>>()?;
        assessments.sort_by_key(|one| one.seq);
        let mut ids = vec![entry.id];
        ids.extend(assessments.iter().map(|one| one.id));
        let values = self.fetch("reading::piece", disclosures_of(&ids)).await?;
        let disclosures = values.iter().map(disclosed).collect::<Result<_, _>>()?;
        Ok(EvidencePiece { entry, assessments, disclosures })
    }
}

/// Until when the evidence of this entry was true.
fn observed_to(entry: &RecordRow) -> Result<Timestamp, StoreError> {
    #[derive(Deserialize)]
    struct Record {
        body: Body,
    }
    #[derive(Deserialize)]
    struct Body {
        observation: Observation,
    }
    #[derive(Deserialize)]
    struct Observation {
        observed_to: Timestamp,
    }
    let record: Result<Record, _> = serde_json::from_str(entry.record.get());
    record.map(|record| record.body.observation.observed_to).map_err(|error| StoreError::Malformed {
        table: "entries",
        column: "record",
        row: format!("seq {}", entry.seq),
        why: error.to_string(),
    })
}

fn disclosed(row: &PgRow) -> Result<DisclosedValue, StoreError> {
    let digest = Digest(Reader::new(row, "disclosures", "").hash("digest")?);
    let reader = Reader::new(row, "disclosures", digest);
    Ok(DisclosedValue {
        entry: EntryId(reader.get("entry_id")?),
        digest,
        path: reader.get("path")?,
        value: reader.get("value")?,
        erased_at: reader.maybe_instant("erased_at")?,
        erasure: reader.get::<Option<String>>("erasure")?.map(|record| erasure(&record, digest)).transpose()?,
    })
}

/// What the record of an erasure says.
fn erasure(record: &str, of: Digest) -> Result<(EntryId, Erasure), StoreError> {
    let malformed =
        |why: String| StoreError::Malformed { table: "entries", column: "record", row: of.to_string(), why };
    let read = Record::examine(record.as_bytes()).and_then(|examined| examined.envelope);
    match read.map(|envelope| (envelope.id, envelope.body)) {
        Ok((id, Body::Erasure(erasure))) => Ok((id, *erasure)),
        Ok((id, body)) => Err(malformed(format!("entry {id} is of kind {}", body.kind()))),
        Err(error) => Err(malformed(error.to_string())),
    }
}

fn listed(row: &PgRow, with_record: bool) -> Result<EvidenceRow, StoreError> {
    let seq = Reader::new(row, "evidence", "").count("seq")?;
    let reader = Reader::new(row, "evidence", format!("seq {seq}"));
    let exist: Option<i64> = reader.get("exist")?;
    let ids: Option<Vec<uuid::Uuid>> = reader.get("ids")?;
    let checks: Option<Vec<String>> = reader.get("checks")?;
    let verdicts: Option<Vec<String>> = reader.get("verdicts")?;
    let counts: Option<Vec<i64>> = reader.get("counts")?;
    let judged = ids.unwrap_or_default().into_iter().zip(checks.unwrap_or_default());
    let words = verdicts.unwrap_or_default().into_iter().zip(counts.unwrap_or_default());
    let assessments = judged.zip(words).map(|((id, check), (verdict, findings))| JudgedBy {
        id: EntryId(id),
        check,
        verdict,
        findings: findings.unsigned_abs(),
    });
    Ok(EvidenceRow {
        seq,
        id: EntryId(reader.get("id")?),
        recorded_at: reader.instant("recorded_at")?,
        job: reader.get("job")?,
        collector: reader.get("collector")?,
        trigger: reader.get("trigger")?,
        scheduled_for: reader.maybe_instant("scheduled_for")?,
        started_at: reader.instant("started_at")?,
        finished_at: reader.instant("finished_at")?,
        observed_from: reader.instant("observed_from")?,
        observed_to: reader.instant("observed_to")?,
        environments: reader.get("environments")?,
        subjects: reader.get("subjects")?,
        exist: exist.map(u64::try_from).transpose().map_err(|_| reader.malformed("exist", "it is negative"))?,
        examined: reader.count("examined")?,
        problems: reader.count("problems")?,
        self_test_passed: reader.get("self_test_passed")?,
        assessments: assessments.collect(),
        record: if with_record { Some(raw(&reader)?) } else { None },
    })
}

/// The record's exact text as JSON, for those to whom it is passed on untouched.
pub(super) fn raw(reader: &Reader<'_>) -> Result<Box<RawValue>, StoreError> {
    RawValue::from_string(reader.get("record")?).map_err(|error| reader.malformed("record", error))
}
