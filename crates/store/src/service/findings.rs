//! Findings for the API: as they stand, and the history of one.

use exhibit_evidence::{Digest, EntryId, Fingerprint, Severity, Timestamp};
use serde::Serialize;
use serde_json::Value;
use sqlx::postgres::PgRow;

use super::ask::Ask;
use super::reading::{Page, Reading, View, paged};
use crate::StoreError;
use crate::rows::Reader;

/// Whether a finding is still there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FindingState {
    /// The job that noted it last has not found its scope without it since.
    Open,
    /// A later look of that job found its scope without it.
    Gone,
}

/// Which findings to list. What is none is not asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FindingQuery {
    /// By one of these checks.
    pub checks: Option<Vec<String>>,
    /// In this environment.
    pub environment: Option<String>,
    /// In this subject.
    pub subject: Option<String>,
    /// Of this kind.
    pub condition: Option<String>,
    /// Of one of these severities when last observed.
    pub severities: Option<Vec<Severity>>,
    /// In this state.
    pub state: Option<FindingState>,
    /// Observed at or after this instant at least once.
    pub observed_from: Option<Timestamp>,
    /// Observed before this instant; what came later is left out.
    pub observed_to: Option<Timestamp>,
    /// As the ledger stood at this size; none means now.
    pub as_of: Option<u64>,
    /// Findings after this one: pages go by fingerprint, which never changes.
    pub after: Option<Fingerprint>,
    /// At most so many; 0 means 100.
    pub limit: u32,
}

/// A finding as it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FindingRow {
    /// Its identity across runs and quarters.
    pub fingerprint: Fingerprint,
    /// The check that noted it last.
    pub check: String,
    /// Its kind.
    pub condition: String,
    /// The environment it is in.
    pub environment: String,
    /// The subject it is in.
    pub subject: String,
    /// How bad it was when last observed.
    pub severity: String,
    /// Whether it is still there.
    pub state: FindingState,
    /// How many instances were last observed.
    pub instances: u64,
    /// The most instances that were ever observed at once: fewer now is *partially remediated*.
    pub most_instances: u64,
    /// How often it was observed.
    pub observations: u64,
    /// When it was first observed.
    pub first_observed_to: Timestamp,
    /// When it was last observed.
    pub last_observed_to: Timestamp,
    /// When the job that noted it last judged its scope last with a verdict of pass or fail, then or since.
    pub scope_judged_to: Option<Timestamp>,
    /// Position of the assessment that noted it last.
    pub last_seq: u64,
}

/// One time that a finding was observed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Observed {
    /// Position of the assessment.
    pub seq: u64,
    /// The assessment; none where the scope may not see it whole.
    pub assessment: Option<EntryId>,
    /// The evidence that it judged; none where the scope may not see it whole.
    pub evidence: Option<EntryId>,
    /// Until when the evidence was true.
    pub observed_to: Timestamp,
    /// How bad it was.
    pub severity: String,
    /// How many instances there were.
    pub instances: u64,
}

/// A finding with its history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FindingHistory {
    /// As it stands.
    #[serde(flatten)]
    pub finding: FindingRow,
    /// Each time it was observed, earliest first.
    pub history: Vec<Observed>,
    /// What the last assessment that the scope may see whole says of it: place, detail, attributes.
    pub last: Option<Value>,
    /// What that assessment says of its kind: title, risk, recommendation.
    pub about: Option<Value>,
}

/// Findings folded from the observations that can be seen: for a limit in time, and for the past.
const FOLDED: &str = "SELECT o.fingerprint, \
        (array_agg(o.check_id    ORDER BY o.observed_to DESC, o.seq DESC, o.ordinal DESC))[1] AS check_id, \
        (array_agg(o.condition   ORDER BY o.observed_to DESC, o.seq DESC, o.ordinal DESC))[1] AS condition, \
        (array_agg(o.environment ORDER BY o.observed_to DESC, o.seq DESC, o.ordinal DESC))[1] AS environment, \
        (array_agg(o.subject     ORDER BY o.observed_to DESC, o.seq DESC, o.ordinal DESC))[1] AS subject, \
        (array_agg(o.severity    ORDER BY o.observed_to DESC, o.seq DESC, o.ordinal DESC))[1] AS severity, \
        (array_agg(o.instances   ORDER BY o.observed_to DESC, o.seq DESC, o.ordinal DESC))[1] AS instances, \
        max(o.instances) AS most_instances, count(*) AS observations, \
        min(o.observed_to) AS first_observed_to, max(o.observed_to) AS last_observed_to, \
        (array_agg(o.seq ORDER BY o.observed_to DESC, o.seq DESC))[1] AS last_seq \
   FROM exhibit.finding_observations o WHERE o.seq < ";

impl FindingQuery {
    /// The question's findings as `f`, with `s`, the last look at their scope.
    pub(super) fn conditions(&self, ask: &mut Ask, view: &View) {
        let as_of = view.as_of(self.as_of);
        let timed = self.observed_from.is_some() || self.observed_to.is_some() || view.scope.periods.is_some();
        ask.push(" FROM (");
        if timed || as_of < view.size {
            ask.push(FOLDED).value(as_of, "bigint");
            ask.any_of(" AND o.check_id", self.checks.as_deref());
            ask.maybe(" AND o.environment = ", self.environment.as_ref(), "text");
            ask.maybe(" AND o.subject = ", self.subject.as_ref(), "text");
            ask.maybe(" AND o.fingerprint > ", self.after.map(bytea), "bytea");
            ask.maybe(" AND o.observed_to >= ", self.observed_from, "timestamptz");
            ask.maybe(" AND o.observed_to < ", self.observed_to, "timestamptz");
            view.within(ask, " AND o.observed_to >= ", " AND o.observed_to < ");
            ask.push(" GROUP BY o.fingerprint");
        } else {
            ask.push("SELECT * FROM exhibit.findings");
        }
        // Only a verdict that looked says that a finding is gone: an error or nothing examined does not. Nor does the word of
        // another job, which may look at the same subject with another scanner.
        ask.push(
            ") f LEFT JOIN LATERAL (SELECT s.observed_to, s.seq FROM exhibit.assessment_subjects s \
                 WHERE s.check_id = f.check_id AND s.environment = f.environment AND s.subject = f.subject \
                   AND s.verdict IN ('pass', 'fail') AND s.observed_to >= f.last_observed_to \
                   AND s.job = (SELECT t.job FROM exhibit.assessment_subjects t \
                        WHERE t.seq = f.last_seq AND t.observed_to = f.last_observed_to LIMIT 1) \
                   AND s.seq < ",
        );
        ask.value(as_of, "bigint");
        ask.maybe(" AND s.observed_to < ", self.observed_to, "timestamptz");
        view.within(ask, " AND s.observed_to >= ", " AND s.observed_to < ");
        ask.push(" ORDER BY s.observed_to DESC, s.seq DESC LIMIT 1) s ON true WHERE true");
        ask.any_of(" AND f.check_id", self.checks.as_deref());
        ask.maybe(" AND f.environment = ", self.environment.as_ref(), "text");
        ask.maybe(" AND f.subject = ", self.subject.as_ref(), "text");
        ask.maybe(" AND f.condition = ", self.condition.as_ref(), "text");
        ask.any_of(" AND f.severity", self.severities.as_deref());
        ask.maybe(" AND f.fingerprint > ", self.after.map(bytea), "bytea");
        match self.state {
            Some(FindingState::Open) => {
                ask.push(" AND (s.observed_to IS NULL OR (s.observed_to, s.seq) <= (f.last_observed_to, f.last_seq))");
            }
            Some(FindingState::Gone) => {
                ask.push(" AND (s.observed_to, s.seq) > (f.last_observed_to, f.last_seq)");
            }
            None => {}
        }
    }
}

impl Reading {
    /// Findings that the question names and the scope may see, by fingerprint.
    ///
    /// # Errors
    /// If the database cannot be used or a row is malformed.
    pub async fn findings(&mut self, query: &FindingQuery) -> Result<Page<FindingRow, Fingerprint>, StoreError> {
        let mut ask = Ask::bound(
            "/* reading::findings */ SELECT f.*, s.observed_to AS scope_judged_to, \
                s.observed_to IS NULL OR (s.observed_to, s.seq) <= (f.last_observed_to, f.last_seq) AS open",
        );
        query.conditions(&mut ask, &self.view);
        let limit = ask.limit(" ORDER BY f.fingerprint", query.limit);
        let rows = self.fetch("reading::findings", ask).await?;
        paged(rows.iter().map(row).collect::<Result<_, _>>()?, limit, |row: &FindingRow| row.fingerprint)
    }

    /// One finding with its history.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if there is none, or the scope may not see it.
    pub async fn finding(&mut self, id: Fingerprint, as_of: Option<u64>) -> Result<FindingHistory, StoreError> {
        let as_of = self.view.as_of(as_of);
        let missing = || StoreError::NotFound { what: "finding", key: id.to_string() };
        let mut ask = Ask::bound(
            "/* reading::finding::history */ SELECT o.seq, a.id, a.evidence_id, o.observed_to, o.severity, o.instances, o.check_id, \
                    o.environment, o.subject FROM exhibit.finding_observations o \
               LEFT JOIN exhibit.assessments a ON a.seq = o.seq AND a.observed_to = o.observed_to \
              WHERE o.fingerprint = ",
        );
        ask.value(bytea(id), "bytea").push(" AND o.seq < ").value(as_of, "bigint");
        self.view.within(&mut ask, " AND o.observed_to >= ", " AND o.observed_to < ");
        ask.push(" ORDER BY o.observed_to, o.seq, o.ordinal");
        let rows = self.fetch("reading::finding", ask).await?;
        let newest = rows.last().ok_or_else(missing)?;
        let reader = Reader::new(newest, "finding_observations", id);
        // As the list would say it, asked for its scope alone.
        let query = FindingQuery {
            checks: Some(vec![reader.get("check_id")?]),
            environment: Some(reader.get("environment")?),
            subject: Some(reader.get("subject")?),
            as_of: Some(as_of),
            after: id.before(),
            limit: 1,
            ..FindingQuery::default()
        };
        let finding = self.findings(&query).await?.items.into_iter().find(|one| one.fingerprint == id);
        let finding = finding.ok_or_else(missing)?;
        let history = rows.iter().map(|row| observed(row, id)).collect::<Result<Vec<_>, _>>()?;
        let (last, about) = match history.iter().rev().find(|one| one.assessment.is_some()) {
            Some(seen) => self.told(seen.seq, id).await?,
            None => (None, None),
        };
        Ok(FindingHistory { finding, history, last, about })
    }

    /// What an assessment says of a finding and of its kind, as far as its record holds them itself.
    async fn told(&mut self, seq: u64, id: Fingerprint) -> Result<(Option<Value>, Option<Value>), StoreError> {
        let mut ask = Ask::bound("/* reading::finding::told */ SELECT record FROM exhibit.entries WHERE seq = ");
        ask.value(seq, "bigint");
        let rows = self.fetch("reading::finding", ask).await?;
        let Some(row) = rows.first() else { return Ok((None, None)) };
        let reader = Reader::new(row, "entries", format!("seq {seq}"));
        let text: &str = reader.get("record")?;
        let record: Value = serde_json::from_str(text).map_err(|error| reader.malformed("record", error))?;
        let judgement = &record["body"]["judgement"];
        let found = judgement["findings"].as_array().into_iter().flatten();
        let last = found.clone().find(|one| one["fingerprint"] == id.to_string().as_str()).cloned();
        let kind = last.as_ref().and_then(|one| one["condition"].as_str());
        let about = kind.and_then(|kind| judgement["conditions"].get(kind)).cloned();
        Ok((last, about))
    }
}

/// The fingerprint as Postgres reads bytes.
fn bytea(id: Fingerprint) -> String {
    format!("\\x{}", hex::encode(id.0.0))
}

/// The fingerprint just before another, to begin a page with that one.
trait Before: Sized {
    fn before(self) -> Option<Self>;
}

impl Before for Fingerprint {
    fn before(self) -> Option<Self> {
        let mut bytes = self.0.0;
        for byte in bytes.iter_mut().rev() {
            if *byte > 0 {
                *byte -= 1;
                return Some(Self(Digest(bytes)));
            }
            *byte = u8::MAX;
        }
        None
    }
}

fn row(row: &PgRow) -> Result<FindingRow, StoreError> {
    let fingerprint = Fingerprint(Digest(Reader::new(row, "findings", "").hash("fingerprint")?));
    let reader = Reader::new(row, "findings", fingerprint);
    Ok(FindingRow {
        fingerprint,
        check: reader.get("check_id")?,
        condition: reader.get("condition")?,
        environment: reader.get("environment")?,
        subject: reader.get("subject")?,
        severity: reader.get("severity")?,
        state: if reader.get("open")? { FindingState::Open } else { FindingState::Gone },
        instances: reader.count("instances")?,
        most_instances: reader.count("most_instances")?,
        observations: reader.count("observations")?,
        first_observed_to: reader.instant("first_observed_to")?,
        last_observed_to: reader.instant("last_observed_to")?,
        scope_judged_to: reader.maybe_instant("scope_judged_to")?,
        last_seq: reader.count("last_seq")?,
    })
}

fn observed(row: &PgRow, id: Fingerprint) -> Result<Observed, StoreError> {
    let reader = Reader::new(row, "finding_observations", id);
    Ok(Observed {
        seq: reader.count("seq")?,
        assessment: reader.get::<Option<uuid::Uuid>>("id")?.map(EntryId),
        evidence: reader.get::<Option<uuid::Uuid>>("evidence_id")?.map(EntryId),
        observed_to: reader.instant("observed_to")?,
        severity: reader.get("severity")?,
        instances: reader.count("instances")?,
    })
}
