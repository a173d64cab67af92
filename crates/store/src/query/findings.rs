//! Findings as they stand, and the history of one.

use std::collections::{BTreeMap, HashSet};

use exhibit_evidence::{
    Body, CheckId, ConditionId, Digest, EntryId, EnvironmentId, Finding, Fingerprint, JobId, SubjectId, Timestamp,
};
use sqlx::postgres::PgRow;

use crate::entries::read_entry;
use crate::error::in_tx;
use crate::projection::{moved_findings, read_findings};
use crate::rows::Reader;
use crate::{Store, StoreError};

/// Which findings to list. What is none is not asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FindingFilter {
    /// By this check.
    pub check: Option<CheckId>,
    /// In this environment.
    pub environment: Option<EnvironmentId>,
    /// This one alone.
    pub fingerprint: Option<Fingerprint>,
    /// Only findings that the last assessment of their scope still observed.
    pub only_still_observed: bool,
}

/// A finding as last observed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FindingSummary {
    /// Its identity.
    pub fingerprint: Fingerprint,
    /// The check that noted it last.
    pub check: CheckId,
    /// Its kind.
    pub condition: ConditionId,
    /// The environment it is in.
    pub environment: EnvironmentId,
    /// The subject it is in.
    pub subject: SubjectId,
    /// How bad it was when last observed.
    pub severity: String,
    /// How many instances were last observed.
    pub instances: u64,
    /// The most instances that were ever observed at once.
    pub most_instances: u64,
    /// How often it was observed.
    pub observations: u64,
    /// When it was first observed.
    pub first_observed_to: Timestamp,
    /// When it was last observed.
    pub last_observed_to: Timestamp,
    /// When the job that noted it last judged its scope last with a verdict of pass or fail, then or since.
    pub scope_judged_to: Option<Timestamp>,
    /// Whether that job has not since found its scope without it.
    pub still_observed: bool,
}

/// One time that a finding was observed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FindingObservation {
    /// Position of the assessment.
    pub seq: u64,
    /// The assessment.
    pub assessment: EntryId,
    /// Until when the evidence was true.
    pub observed_to: Timestamp,
    /// How bad it was.
    pub severity: String,
    /// How many instances there were.
    pub instances: u64,
}

/// A finding that is open, as the assessment that noted it last tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenFinding {
    /// The check that noted it.
    pub check: CheckId,
    /// All that was last said of it.
    pub finding: Finding,
    /// When it was first observed.
    pub first_observed_to: Timestamp,
    /// When it was last observed.
    pub last_observed_to: Timestamp,
}

/// A finding that was noted and is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClosedFinding {
    /// Its identity.
    pub fingerprint: Fingerprint,
    /// When it was first observed.
    pub first_observed_to: Timestamp,
    /// When it was last observed.
    pub last_observed_to: Timestamp,
}

/// A row about a finding, and which one it is about.
fn of_finding(row: &PgRow) -> Result<(Fingerprint, Reader<'_>), StoreError> {
    let fingerprint = Fingerprint(Digest(Reader::new(row, "findings", "").hash("fingerprint")?));
    Ok((fingerprint, Reader::new(row, "findings", fingerprint)))
}

impl Store {
    /// When those findings of one job were observed that something judged since has found gone, by fingerprint.
    ///
    /// # Errors
    /// If the database cannot be used, or a row is malformed.
    pub async fn closed_findings(&self, job: &JobId) -> Result<Vec<ClosedFinding>, StoreError> {
        let rows = self.noted_by(job).await?;
        let mut closed = Vec::new();
        for row in &rows {
            let (fingerprint, reader) = of_finding(row)?;
            if !reader.get::<bool>("open")? {
                let first_observed_to = reader.instant("first_observed_to")?;
                closed.push(ClosedFinding {
                    fingerprint,
                    first_observed_to,
                    last_observed_to: reader.instant("last_observed_to")?,
                });
            }
        }
        Ok(closed)
    }

    /// The findings that a job noted, and whether each is open: this job did not judge its subject since without it. What
    /// another job says of the same subject, by another scanner perhaps, neither closes what this one noted nor keeps it open.
    async fn noted_by(&self, job: &JobId) -> Result<Vec<PgRow>, StoreError> {
        sqlx::query(
            // Most findings were noted last by the only job that notes them. Others that this job may have noted before are
            // of the same collector, and about a subject of this job.
            "/* noted_findings */ \
             WITH own AS (SELECT array_agg(DISTINCT e.collector) AS collectors, array_agg(DISTINCT about) AS subjects \
                            FROM exhibit.evidence e, unnest(e.subjects) about WHERE e.job = $1) \
             SELECT f.fingerprint, f.first_observed_to, o.observed_to AS last_observed_to, o.seq AS last_seq, \
                    s.observed_to IS NULL OR (s.observed_to, s.seq) <= (o.observed_to, o.seq) AS open \
               FROM exhibit.findings f CROSS JOIN own \
               JOIN exhibit.assessments a ON a.seq = f.last_seq AND a.observed_to = f.last_observed_to \
               LEFT JOIN exhibit.evidence e ON e.id = a.evidence_id AND e.observed_to = a.observed_to \
               JOIN LATERAL (SELECT o.observed_to, o.seq FROM exhibit.finding_observations o \
                    JOIN exhibit.assessments b ON b.seq = o.seq AND b.observed_to = o.observed_to \
                    WHERE o.fingerprint = f.fingerprint AND b.job = $1 \
                    ORDER BY o.observed_to DESC, o.seq DESC LIMIT 1) o ON true \
               LEFT JOIN LATERAL (SELECT s.observed_to, s.seq FROM exhibit.assessment_subjects s \
                    WHERE s.check_id = f.check_id AND s.environment = f.environment AND s.subject = f.subject \
                      AND s.verdict IN ('pass', 'fail') AND s.job = $1 \
                    ORDER BY s.observed_to DESC, s.seq DESC LIMIT 1) s ON true \
              WHERE a.job = $1 \
                 OR (e.collector = ANY (own.collectors) AND f.environment || '/' || f.subject = ANY (own.subjects)) \
              ORDER BY f.fingerprint",
        )
        .bind(job.as_str())
        .fetch_all(&self.pool)
        .await
        .map_err(in_tx("noted_findings"))
    }

    /// The findings of one job that nothing judged since has found gone, by check and fingerprint, as last told.
    ///
    /// # Errors
    /// If the database cannot be used, a row or a record is malformed, or an artifact that holds findings is not kept.
    pub async fn open_findings(&self, job: &JobId) -> Result<Vec<OpenFinding>, StoreError> {
        let rows = self.noted_by(job).await?;
        let mut windows = BTreeMap::new();
        let mut assessments: BTreeMap<i64, HashSet<Fingerprint>> = BTreeMap::new();
        for row in &rows {
            let (fingerprint, reader) = of_finding(row)?;
            if !reader.get::<bool>("open")? {
                continue;
            }
            windows.insert(fingerprint, (reader.instant("first_observed_to")?, reader.instant("last_observed_to")?));
            assessments.entry(reader.get("last_seq")?).or_default().insert(fingerprint);
        }
        let mut open = Vec::with_capacity(rows.len());
        for (seq, wanted) in assessments {
            let (check, findings) = self.findings_told_at(seq).await?;
            for finding in findings.into_iter().filter(|finding| wanted.contains(&finding.fingerprint)) {
                let Some(&(first_observed_to, last_observed_to)) = windows.get(&finding.fingerprint) else { continue };
                open.push(OpenFinding { check: check.clone(), finding, first_observed_to, last_observed_to });
            }
        }
        open.sort_by(|a, b| (&a.check, a.finding.fingerprint).cmp(&(&b.check, b.finding.fingerprint)));
        open.dedup_by(|later, earlier| later.finding.fingerprint == earlier.finding.fingerprint);
        Ok(open)
    }

    /// The check and the findings of the assessment at this position, wherever they are kept.
    async fn findings_told_at(&self, seq: i64) -> Result<(CheckId, Vec<Finding>), StoreError> {
        let row = sqlx::query("/* open_findings */ SELECT seq, record FROM exhibit.entries WHERE seq = $1")
            .bind(seq)
            .fetch_one(&self.pool)
            .await
            .map_err(in_tx("open_findings"))?;
        let entry = read_entry(&row)?;
        let malformed =
            |why: String| StoreError::Malformed { table: "entries", column: "record", row: format!("seq {seq}"), why };
        let body = entry.envelope()?.body;
        let moved = moved_findings(&body);
        let Body::Assessment(assessment) = body else {
            return Err(malformed("expected an assessment".to_owned()));
        };
        let findings = match moved {
            Some(digest) => read_findings(&self.artifact(digest).await?.bytes)
                .map_err(|error| malformed(format!("its findings artifact {digest}: {error}")))?,
            None => assessment.judgement.findings,
        };
        Ok((assessment.judgement.check, findings))
    }

    /// Findings that the filter names, by check, environment, subject and fingerprint.
    ///
    /// # Errors
    /// If the database cannot be used or a row is malformed.
    pub async fn findings(&self, filter: &FindingFilter) -> Result<Vec<FindingSummary>, StoreError> {
        // Only a verdict that looked says that a finding is gone: an error or nothing examined does not. Nor does the word of
        // another job, which may look at the same subject with another scanner.
        let rows = sqlx::query(
            "/* findings */ \
             SELECT f.*, s.observed_to AS scope_judged_to, \
                    s.observed_to IS NULL OR (s.observed_to, s.seq) <= (f.last_observed_to, f.last_seq) AS still_observed \
               FROM exhibit.findings f \
               LEFT JOIN LATERAL (SELECT s.observed_to, s.seq FROM exhibit.assessment_subjects s \
                    WHERE s.check_id = f.check_id AND s.environment = f.environment AND s.subject = f.subject \
                      AND s.verdict IN ('pass', 'fail') AND s.observed_to >= f.last_observed_to \
                      AND s.job = (SELECT t.job FROM exhibit.assessment_subjects t \
                           WHERE t.seq = f.last_seq AND t.observed_to = f.last_observed_to LIMIT 1) \
                    ORDER BY s.observed_to DESC, s.seq DESC LIMIT 1) s ON true \
              WHERE ($1::text IS NULL OR f.check_id = $1) AND ($2::text IS NULL OR f.environment = $2) \
                AND (NOT $3 OR s.observed_to IS NULL \
                     OR (s.observed_to, s.seq) <= (f.last_observed_to, f.last_seq)) \
                AND ($4::bytea IS NULL OR f.fingerprint = $4) \
              ORDER BY f.check_id, f.environment, f.subject, f.fingerprint",
        )
        .bind(filter.check.as_ref().map(CheckId::as_str))
        .bind(filter.environment.as_ref().map(EnvironmentId::as_str))
        .bind(filter.only_still_observed)
        .bind(filter.fingerprint.map(|fingerprint| fingerprint.0.0.to_vec()))
        .fetch_all(&self.pool)
        .await
        .map_err(in_tx("findings"))?;
        rows.iter().map(summary).collect()
    }

    /// Each time that a finding was observed, earliest first; empty for one that never was.
    ///
    /// # Errors
    /// If the database cannot be used or a row is malformed.
    pub async fn finding_history(&self, fingerprint: Fingerprint) -> Result<Vec<FindingObservation>, StoreError> {
        let rows = sqlx::query(
            "/* finding_history */ SELECT o.seq, a.id, o.observed_to, o.severity, o.instances \
               FROM exhibit.finding_observations o \
               JOIN exhibit.assessments a ON a.seq = o.seq AND a.observed_to = o.observed_to \
              WHERE o.fingerprint = $1 ORDER BY o.observed_to, o.seq, o.ordinal",
        )
        .bind(fingerprint.0.0.as_slice())
        .fetch_all(&self.pool)
        .await
        .map_err(in_tx("finding_history"))?;
        rows.iter()
            .map(|row| {
                let reader = Reader::new(row, "finding_observations", fingerprint);
                Ok(FindingObservation {
                    seq: reader.count("seq")?,
                    assessment: EntryId(reader.get("id")?),
                    observed_to: reader.instant("observed_to")?,
                    severity: reader.get("severity")?,
                    instances: reader.count("instances")?,
                })
            })
            .collect()
    }
}

fn summary(row: &PgRow) -> Result<FindingSummary, StoreError> {
    let fingerprint = Fingerprint(Digest(Reader::new(row, "findings", "").hash("fingerprint")?));
    let reader = Reader::new(row, "findings", fingerprint);
    Ok(FindingSummary {
        fingerprint,
        check: reader.authored("check_id")?,
        condition: reader.authored("condition")?,
        environment: reader.authored("environment")?,
        subject: reader.authored("subject")?,
        severity: reader.get("severity")?,
        instances: reader.count("instances")?,
        most_instances: reader.count("most_instances")?,
        observations: reader.count("observations")?,
        first_observed_to: reader.instant("first_observed_to")?,
        last_observed_to: reader.instant("last_observed_to")?,
        scope_judged_to: reader.maybe_instant("scope_judged_to")?,
        still_observed: reader.get("still_observed")?,
    })
}
