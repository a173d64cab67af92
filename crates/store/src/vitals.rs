//! How the service is, for whoever watches over it: a few numbers, in one short view.

use std::time::Duration;

use exhibit_evidence::Timestamp;

use crate::error::in_tx;
use crate::rows::Reader;
use crate::tx::{SNAPSHOT, run_tx};
use crate::{Store, StoreError};

/// So many jobs are told one by one; the rest only by their number.
pub const MOST_JOBS: usize = 500;

/// How the ledger and the work at it are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vitals {
    /// The ledger's size, in entries.
    pub size: u64,
    /// When its last entry was recorded; none while it is empty.
    pub last_recorded_at: Option<Timestamp>,
    /// The last checkpoint: the size it covers, and when it was signed; none before the first.
    pub signed: Option<(u64, Timestamp)>,
    /// Objects that are to be in the archive and are not yet.
    pub open_intents: u64,
    /// Since when the first of them waits.
    pub oldest_intent_at: Option<Timestamp>,
    /// Reports without a receipt of their bundle.
    pub unarchived_reports: u64,
    /// Leases that are held now: of slots, and of runs that were asked for.
    pub leases: u64,
    /// Runs that were asked for and did not end.
    pub open_requests: u64,
    /// Each job that the ledger names, by its id; [`MOST_JOBS`] at most.
    pub jobs: Vec<JobVitals>,
    /// How many jobs there are beyond those.
    pub jobs_left_out: u64,
}

/// How one job stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobVitals {
    /// The job's authored id.
    pub job: String,
    /// Whether it has a schedule now; a retired job, and one on demand, have none.
    pub scheduled: bool,
    /// Slots that were planned and did not end, those ahead too.
    pub open: u64,
    /// Those of them whose time has come.
    pub due: u64,
    /// Those of them that would be late by the job's own word.
    pub overdue: u64,
    /// When the performance ended that gave its last evidence.
    pub performed_at: Option<Timestamp>,
}

/// Connections to the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolVitals {
    /// Open ones, idle ones among them.
    pub open: u32,
    /// Idle ones.
    pub idle: u32,
    /// How many there may be.
    pub most: u32,
}

impl Store {
    /// How the ledger and the work at it are, at `now`. Postgres gives each of the questions up after `patience`.
    ///
    /// # Errors
    /// If the database cannot be used, or does not answer in time.
    pub async fn vitals(&self, now: Timestamp, patience: Duration) -> Result<Vitals, StoreError> {
        let millis = patience.as_millis().max(1).to_string();
        run_tx!(self, "vitals", SNAPSHOT, |tx| {
            sqlx::query("/* vitals::patience */ SELECT set_config('statement_timeout', $1, true)")
                .bind(&millis)
                .execute(&mut *tx)
                .await
                .map_err(in_tx("vitals"))?;
            let row = sqlx::query(
                "/* vitals */ \
                 SELECT h.size, h.last_recorded_at, c.size AS signed_size, c.signed_at, i.intents, i.oldest_intent, \
                        (SELECT count(*) FROM exhibit.reports r WHERE NOT EXISTS ( \
                             SELECT 1 FROM exhibit.receipts e \
                              WHERE e.report_id = r.id AND starts_with(e.key, 'reports/'))) AS unarchived, \
                        (SELECT count(*) FROM exhibit.slot_claims s \
                          WHERE s.closed_seq IS NULL AND s.lease_until > $1) \
                        + (SELECT count(*) FROM exhibit.run_requests q \
                            WHERE q.finished_at IS NULL AND q.lease_until > $1) AS leases, \
                        (SELECT count(*) FROM exhibit.run_requests q WHERE q.finished_at IS NULL) AS requests, \
                        (SELECT count(DISTINCT p.job) FROM exhibit.schedules p) AS jobs \
                   FROM exhibit.ledger_head h \
                   LEFT JOIN (SELECT size, signed_at FROM exhibit.checkpoints ORDER BY size DESC LIMIT 1) c ON true \
                  CROSS JOIN (SELECT count(*) AS intents, min(intended_at) AS oldest_intent \
                                FROM exhibit.archive_intents WHERE finished_at IS NULL) i",
            )
            .bind(now.utc())
            .fetch_one(&mut *tx)
            .await
            .map_err(in_tx("vitals"))?;
            // A job's patience is what its last promise says in the ledger.
            let jobs = sqlx::query(
                "/* vitals::jobs */ \
                 WITH jobs AS ( \
                     SELECT DISTINCT ON (p.job) p.job, p.seq, p.schedule IS NOT NULL AS scheduled \
                       FROM exhibit.schedules p ORDER BY p.job, p.seq DESC LIMIT $2), \
                 patient AS ( \
                     SELECT j.job, j.scheduled, \
                            coalesce((e.record::jsonb #>> '{body,late_after_s}')::bigint, 0) AS late_after \
                       FROM jobs j JOIN exhibit.entries e ON e.seq = j.seq), \
                 waiting AS ( \
                     SELECT s.job, count(*) AS open, count(*) FILTER (WHERE s.scheduled_for <= $1) AS due, \
                            count(*) FILTER (WHERE s.scheduled_for + p.late_after * interval '1 second' < $1) AS overdue \
                       FROM exhibit.slot_claims s JOIN patient p ON p.job = s.job \
                      WHERE s.closed_seq IS NULL GROUP BY s.job) \
                 SELECT p.job, p.scheduled, coalesce(w.open, 0) AS open, coalesce(w.due, 0) AS due, \
                        coalesce(w.overdue, 0) AS overdue, l.finished_at AS performed_at \
                   FROM patient p LEFT JOIN waiting w ON w.job = p.job \
                   LEFT JOIN LATERAL (SELECT v.finished_at FROM exhibit.evidence v WHERE v.job = p.job \
                                       ORDER BY v.observed_to DESC LIMIT 1) l ON true \
                  ORDER BY p.job",
            )
            .bind(now.utc())
            .bind(i64::try_from(MOST_JOBS).unwrap_or(i64::MAX))
            .fetch_all(&mut *tx)
            .await
            .map_err(in_tx("vitals"))?;
            let jobs = jobs.iter().map(|row| {
                let reader = Reader::new(row, "schedules", "");
                Ok(JobVitals {
                    job: reader.get("job")?,
                    scheduled: reader.get("scheduled")?,
                    open: reader.count("open")?,
                    due: reader.count("due")?,
                    overdue: reader.count("overdue")?,
                    performed_at: reader.maybe_instant("performed_at")?,
                })
            });
            let jobs: Vec<JobVitals> = jobs.collect::<Result<_, StoreError>>()?;
            let reader = Reader::new(&row, "ledger_head", "the only one");
            let signed_at = reader.maybe_instant("signed_at")?;
            Ok(Vitals {
                size: reader.count("size")?,
                last_recorded_at: reader.maybe_instant("last_recorded_at")?,
                signed: signed_at.map(|at| Ok::<_, StoreError>((reader.count("signed_size")?, at))).transpose()?,
                open_intents: reader.count("intents")?,
                oldest_intent_at: reader.maybe_instant("oldest_intent")?,
                unarchived_reports: reader.count("unarchived")?,
                leases: reader.count("leases")?,
                open_requests: reader.count("requests")?,
                jobs_left_out: reader.count("jobs")?.saturating_sub(jobs.len() as u64),
                jobs,
            })
        })
    }

    /// Connections to the database, as this process holds them.
    #[must_use]
    pub fn pool_vitals(&self) -> PoolVitals {
        PoolVitals {
            open: self.pool.size(),
            idle: u32::try_from(self.pool.num_idle()).unwrap_or(u32::MAX),
            most: self.pool.options().get_max_connections(),
        }
    }
}
