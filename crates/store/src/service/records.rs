//! Records passed on as they are: runs, promises, periods, reports, receipts, acts of people.

use exhibit_evidence::{EntryId, Timestamp};
use serde::Serialize;
use serde_json::value::RawValue;
use sqlx::postgres::PgRow;

use super::ask::Ask;
use super::evidence::raw;
use super::reading::{Page, Reading, paged};
use crate::StoreError;
use crate::rows::Reader;

/// An entry of the ledger, its record untouched.
#[derive(Clone, Debug, Serialize)]
pub struct RecordRow {
    /// Its position.
    pub seq: u64,
    /// Its id.
    pub id: EntryId,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// Its kind.
    pub kind: String,
    /// The exact record: the bytes whose hash is the leaf.
    pub record: Box<RawValue>,
}

/// What is asked of a list that goes by time. What is none is not asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TimeQuery {
    /// Of this job.
    pub job: Option<String>,
    /// In one of these states.
    pub states: Option<Vec<String>>,
    /// At or after this instant.
    pub from: Option<Timestamp>,
    /// Before this instant.
    pub to: Option<Timestamp>,
    /// As the ledger stood at this size; none means now.
    pub as_of: Option<u64>,
    /// Positions before this one: pages go from the newest to the oldest.
    pub before: Option<u64>,
    /// At most so many; 0 means 100.
    pub limit: u32,
}

/// One performance that gave evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RunRow {
    /// Position of its evidence.
    pub seq: u64,
    /// Its evidence.
    pub evidence: EntryId,
    /// The job.
    pub job: String,
    /// The collector.
    pub collector: String,
    /// `scheduled`, `catch-up`, `on-demand` or `pushed`.
    pub trigger: String,
    /// The slot it filled; none on demand.
    pub scheduled_for: Option<Timestamp>,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub finished_at: Timestamp,
    /// How many things could not be found out.
    pub problems: u64,
    /// Whether the collector's self-test passed; none where none was run, because the evidence was pushed.
    pub self_test_passed: Option<bool>,
}

/// Lists of records by kind: the table that the scope is held on, and the column to filter by, if any.
struct Listed {
    start: &'static str,
    filter: &'static str,
    kind: &'static str,
}

/// What people did, each in two hands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acts {
    /// Of legal holds: each placed, asked to be released, released, or found to be lost.
    Holds,
    /// Of attestations by two persons: each stated, confirmed or withdrawn.
    Attestations,
    /// Of waivers: each asked for, approved or withdrawn.
    Waivers,
}

/// The entries of one of the few kinds. It stands in the text, so that the index over them serves.
macro_rules! of_kind {
    ($name:literal, $kind:literal) => {
        Listed {
            start: concat!(
                "/* reading::",
                $name,
                " */ SELECT e.seq, e.id, e.recorded_at, e.kind, e.record FROM (SELECT seq FROM exhibit.entries WHERE kind = '",
                $kind,
                "') l"
            ),
            filter: "",
            kind: $kind,
        }
    };
}

impl Acts {
    fn listed(self) -> Listed {
        match self {
            Self::Holds => of_kind!("holds", "hold"),
            Self::Attestations => of_kind!("attestations", "attestation"),
            Self::Waivers => of_kind!("waivers", "waiver"),
        }
    }
}

impl Reading {
    /// Performances that gave evidence, newest first; `from` and `to` are of their beginning.
    ///
    /// # Errors
    /// If the database cannot be used or a row is malformed.
    pub async fn runs(&mut self, query: &TimeQuery) -> Result<Page<RunRow>, StoreError> {
        let mut ask = Ask::bound(
            "/* reading::runs */ SELECT v.seq, v.id, v.job, v.collector, v.trigger, v.scheduled_for, v.started_at, \
                    v.finished_at, v.problems, v.self_test_passed FROM exhibit.evidence v WHERE v.seq < ",
        );
        ask.value(self.view.as_of(query.as_of), "bigint");
        ask.maybe(" AND v.seq < ", query.before, "bigint");
        ask.maybe(" AND v.job = ", query.job.as_ref(), "text");
        ask.any_of(" AND v.trigger", query.states.as_deref());
        ask.maybe(" AND v.started_at >= ", query.from, "timestamptz");
        ask.maybe(" AND v.started_at < ", query.to, "timestamptz");
        self.view.within(&mut ask, " AND v.observed_to >= ", " AND v.observed_to < ");
        let limit = ask.limit(" ORDER BY v.seq DESC", query.limit);
        let rows = self.fetch("reading::runs", ask).await?;
        paged(rows.iter().map(run).collect::<Result<_, _>>()?, limit, |row: &RunRow| row.seq)
    }

    /// Promises of schedules, each change of each job, earliest first: what is expected derives from them.
    ///
    /// # Errors
    /// If the database cannot be used or a row is malformed.
    pub async fn promises(&mut self, as_of: Option<u64>) -> Result<Vec<RecordRow>, StoreError> {
        let mut ask = Ask::bound(
            "/* reading::promises */ SELECT e.seq, e.id, e.recorded_at, e.kind, e.record FROM exhibit.schedules s \
               JOIN exhibit.entries e ON e.seq = s.seq WHERE s.seq < ",
        );
        ask.value(self.view.as_of(as_of), "bigint").push(" ORDER BY s.seq");
        self.fetch("reading::promises", ask).await?.iter().map(record).collect()
    }

    /// Frozen periods, newest first, as `{seq, id, recorded_at, kind, record}`.
    ///
    /// # Errors
    /// If the database cannot be used or a row is malformed.
    pub async fn periods(&mut self, before: Option<u64>, limit: u32) -> Result<Page<RecordRow>, StoreError> {
        let listed = Listed {
            start: "/* reading::periods */ SELECT e.seq, e.id, e.recorded_at, e.kind, e.record FROM exhibit.periods l",
            filter: " AND l.period = ",
            kind: "period",
        };
        self.records(listed, None, None, before, limit).await
    }

    /// Reports, newest first; of one period where it is named.
    ///
    /// # Errors
    /// If the database cannot be used or a row is malformed.
    pub async fn reports(
        &mut self,
        period: Option<&str>,
        as_of: Option<u64>,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Page<RecordRow>, StoreError> {
        let listed = Listed {
            start: "/* reading::reports */ SELECT e.seq, e.id, e.recorded_at, e.kind, e.record FROM exhibit.reports l",
            filter: " AND l.period = ",
            kind: "report",
        };
        self.records(listed, period.map(str::to_owned), as_of, before, limit).await
    }

    /// Acts of people, newest first. They are about the whole deployment: a scope that is limited sees none.
    ///
    /// # Errors
    /// If the database cannot be used or a row is malformed.
    pub async fn acts(
        &mut self,
        acts: Acts,
        as_of: Option<u64>,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Page<RecordRow>, StoreError> {
        self.records(acts.listed(), None, as_of, before, limit).await
    }

    /// Receipts of the archive, newest first; of one report where it is named.
    ///
    /// # Errors
    /// If the database cannot be used or a row is malformed.
    pub async fn receipts(
        &mut self,
        report: Option<EntryId>,
        as_of: Option<u64>,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Page<RecordRow>, StoreError> {
        let listed = Listed {
            start: "/* reading::receipts */ SELECT e.seq, e.id, e.recorded_at, e.kind, e.record FROM exhibit.receipts l",
            filter: " AND l.report_id::text = ",
            kind: "receipt",
        };
        self.records(listed, report.map(|id| id.to_string()), as_of, before, limit).await
    }

    /// One entry of a kind that is passed on whole.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if there is none, or the scope may not see it.
    pub async fn entry(&mut self, kind: &'static str, id: EntryId) -> Result<RecordRow, StoreError> {
        let mut ask = Ask::bound(
            "/* reading::entry */ SELECT e.seq, e.id, e.recorded_at, e.kind, e.record FROM exhibit.entry_ids i \
               JOIN exhibit.entries e ON e.seq = i.seq WHERE i.id = ",
        );
        ask.value(id, "uuid").push(" AND e.kind = ").value(kind, "text");
        let rows = self.fetch("reading::entry", ask).await?;
        rows.first().map_or_else(|| Err(StoreError::NotFound { what: kind, key: id.to_string() }), record)
    }

    async fn records(
        &mut self,
        listed: Listed,
        filter: Option<String>,
        as_of: Option<u64>,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Page<RecordRow>, StoreError> {
        let mut ask = Ask::bound(listed.start);
        ask.push(" JOIN exhibit.entries e ON e.seq = l.seq WHERE l.seq < ").value(self.view.as_of(as_of), "bigint");
        ask.maybe(" AND l.seq < ", before, "bigint");
        ask.maybe(listed.filter, filter, "text");
        ask.push(" AND e.kind = ").value(listed.kind, "text");
        let limit = ask.limit(" ORDER BY l.seq DESC", limit);
        let rows = self.fetch("reading::records", ask).await?;
        paged(rows.iter().map(record).collect::<Result<_, _>>()?, limit, |row: &RecordRow| row.seq)
    }
}

pub(super) fn record(row: &PgRow) -> Result<RecordRow, StoreError> {
    let seq = Reader::new(row, "entries", "").count("seq")?;
    let reader = Reader::new(row, "entries", format!("seq {seq}"));
    Ok(RecordRow {
        seq,
        id: EntryId(reader.get("id")?),
        recorded_at: reader.instant("recorded_at")?,
        kind: reader.get("kind")?,
        record: raw(&reader)?,
    })
}

fn run(row: &PgRow) -> Result<RunRow, StoreError> {
    let seq = Reader::new(row, "evidence", "").count("seq")?;
    let reader = Reader::new(row, "evidence", format!("seq {seq}"));
    Ok(RunRow {
        seq,
        evidence: EntryId(reader.get("id")?),
        job: reader.get("job")?,
        collector: reader.get("collector")?,
        trigger: reader.get("trigger")?,
        scheduled_for: reader.maybe_instant("scheduled_for")?,
        started_at: reader.instant("started_at")?,
        finished_at: reader.instant("finished_at")?,
        problems: reader.count("problems")?,
        self_test_passed: reader.get("self_test_passed")?,
    })
}
