//! Runs that somebody asked for: a row is inserted, a worker claims it, performs the job, and notes the end.
//!
//! Evidence that another system hands in waits in the same way: see `submissions`. Nothing here starts a process. The request's id is the id of the evidence that comes of it, so that a run whose
//! worker died between the append and the note is not recorded a second time.

use chrono::TimeDelta;
use exhibit_evidence::{EntryId, JobId, Timestamp};
use sqlx::PgConnection;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use crate::error::in_tx;
use crate::listening::RUNS;
use crate::rows::{Reader, exactly_one};
use crate::tx::run_tx;
use crate::{Store, StoreError, submissions};

/// A run that somebody asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRunRequest {
    /// Its id, and that of the evidence to come: a fresh UUIDv7.
    pub id: EntryId,
    /// The job's authored id.
    pub job: JobId,
    /// Who asks.
    pub person: String,
    /// Id of the access token that the person asks with, if it is one.
    pub credential: Option<Uuid>,
    /// What the person calls the request, 1 to 200 bytes: asking again under the same name is the same request.
    pub key: Option<String>,
    /// Why, as the person put it; must not carry a secret value.
    pub reason: Option<String>,
    /// When it is asked.
    pub at: Timestamp,
}

/// What came of asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Requested {
    /// The request: the new one, or the one that was there under the same key.
    pub id: EntryId,
    /// Whether it was there already.
    pub already: bool,
}

/// The right to perform a run that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunLease {
    /// The request, and the id that its evidence must have.
    pub id: EntryId,
    /// The job.
    pub job: JobId,
    /// What every verb about it must name.
    pub token: Uuid,
    /// How often it was claimed, this time included.
    pub attempts: u32,
    /// Why it was asked for.
    pub reason: Option<String>,
    /// Whether it brings its observation with it: see [`Store::submitted`].
    pub pushed: bool,
}

/// How a run that was asked for ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunEnd {
    /// It gave evidence.
    Evidence(EntryId),
    /// It gave none, and why; the text must not carry a secret value.
    Failed(String),
}

/// How far a request is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunState {
    /// Nobody performs it; it is claimed from that instant on.
    Waiting(Timestamp),
    /// Somebody performs it, until that instant at most.
    Running(Timestamp),
    /// It ended at that instant.
    Ended(RunEnd, Timestamp),
}

/// A request as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunRequest {
    /// Its id.
    pub id: EntryId,
    /// The job.
    pub job: JobId,
    /// Who asked.
    pub person: String,
    /// When it was asked.
    pub requested_at: Timestamp,
    /// Why, as the person put it.
    pub reason: Option<String>,
    /// Whether it is evidence that was handed in, and no run.
    pub pushed: bool,
    /// What the person calls it.
    pub key: Option<String>,
    /// How often it was claimed.
    pub attempts: u32,
    /// Why the last attempt failed, if it did.
    pub last_error: Option<String>,
    /// How far it is.
    pub state: RunState,
}

impl Store {
    /// Asks for a run, and wakes whoever listens. The same key of the same person again is the same request.
    ///
    /// # Errors
    /// [`StoreError::KeyTaken`] if the person used the key for another job; if the database cannot be used.
    pub async fn request_run(&self, new: &NewRunRequest) -> Result<Requested, StoreError> {
        run_tx!(self, "request_run", |tx| insert(tx, new, false).await)
    }

    /// Claims the earliest request that is due and free, for `worker` (see [`Store::start_worker`]), or tells that there
    /// is none. Free means: never leased, lease expired, or its holder's connection is gone.
    ///
    /// # Errors
    /// If the database cannot be used.
    pub async fn claim_run_request(
        &self,
        worker: i64,
        token: Uuid,
        now: Timestamp,
        lease: TimeDelta,
    ) -> Result<Option<RunLease>, StoreError> {
        self.claim_one_of(None, worker, token, now, lease).await
    }

    /// Claims this one request, if it is due and free.
    ///
    /// # Errors
    /// If the database cannot be used.
    pub async fn claim_this_run_request(
        &self,
        id: EntryId,
        worker: i64,
        token: Uuid,
        now: Timestamp,
        lease: TimeDelta,
    ) -> Result<Option<RunLease>, StoreError> {
        self.claim_one_of(Some(id), worker, token, now, lease).await
    }

    async fn claim_one_of(
        &self,
        id: Option<EntryId>,
        worker: i64,
        token: Uuid,
        now: Timestamp,
        lease: TimeDelta,
    ) -> Result<Option<RunLease>, StoreError> {
        run_tx!(self, "claim_run_request", |tx| {
            let row = sqlx::query(
                "/* claim_run_request */ \
                 WITH free AS ( \
                     SELECT r.id FROM exhibit.run_requests r \
                      WHERE r.finished_at IS NULL AND r.not_before <= $3 AND ($5::uuid IS NULL OR r.id = $5) \
                        AND CASE WHEN r.lease_token IS NULL THEN true \
                                 WHEN r.lease_until <= $3 THEN true \
                                 ELSE pg_try_advisory_xact_lock(r.lease_worker) END \
                      ORDER BY r.requested_at, r.id LIMIT 1 \
                      FOR UPDATE SKIP LOCKED) \
                 UPDATE exhibit.run_requests r \
                    SET lease_token = $2, lease_worker = $1, lease_until = $4, attempts = r.attempts + 1 \
                   FROM free WHERE r.id = free.id \
                 RETURNING r.id, r.job, r.attempts, r.reason, r.pushed",
            )
            .bind(worker)
            .bind(token)
            .bind(now.utc())
            .bind(now.plus(lease).utc())
            .bind(id.map(|id| id.0))
            .fetch_optional(tx)
            .await
            .map_err(in_tx("claim_run_request"))?;
            let Some(row) = row else { return Ok(None) };
            let reader = Reader::new(&row, "run_requests", token);
            Ok(Some(RunLease {
                id: EntryId(reader.get("id")?),
                job: reader.authored("job")?,
                token,
                attempts: attempts(&reader)?,
                reason: reader.get("reason")?,
                pushed: reader.get("pushed")?,
            }))
        })
    }

    /// Moves the end of a lease on a request that is still held.
    ///
    /// # Errors
    /// [`StoreError::StaleRunLease`] if it is no longer held.
    pub async fn extend_run_request(&self, lease: &RunLease, until: Timestamp) -> Result<(), StoreError> {
        run_tx!(self, "extend_run_request", |tx| {
            let done = sqlx::query(
                "/* extend_run_request */ UPDATE exhibit.run_requests SET lease_until = $3 \
                  WHERE id = $1 AND lease_token = $2 AND finished_at IS NULL",
            )
            .bind(lease.id.0)
            .bind(lease.token)
            .bind(until.utc())
            .execute(tx)
            .await
            .map_err(in_tx("extend_run_request"))?;
            held("extend_run_request", lease, done.rows_affected())
        })
    }

    /// Gives a request back after an attempt that failed; it waits until `not_before`. `why` must not carry a secret
    /// value.
    ///
    /// # Errors
    /// [`StoreError::StaleRunLease`] if it is no longer held.
    pub async fn return_run_request(
        &self,
        lease: &RunLease,
        why: &str,
        not_before: Timestamp,
    ) -> Result<(), StoreError> {
        run_tx!(self, "return_run_request", |tx| {
            let done = sqlx::query(
                "/* return_run_request */ UPDATE exhibit.run_requests \
                    SET lease_token = NULL, lease_worker = NULL, lease_until = NULL, last_error = $3, not_before = $4 \
                  WHERE id = $1 AND lease_token = $2 AND finished_at IS NULL",
            )
            .bind(lease.id.0)
            .bind(lease.token)
            .bind(why)
            .bind(not_before.utc())
            .execute(tx)
            .await
            .map_err(in_tx("return_run_request"))?;
            held("return_run_request", lease, done.rows_affected())
        })
    }

    /// Notes how a request ended.
    ///
    /// # Errors
    /// [`StoreError::StaleRunLease`] if it is no longer held.
    pub async fn finish_run_request(&self, lease: &RunLease, end: &RunEnd, at: Timestamp) -> Result<(), StoreError> {
        let (evidence, error) = match end {
            RunEnd::Evidence(id) => (Some(id.0), None),
            RunEnd::Failed(why) => (None, Some(why.as_str())),
        };
        run_tx!(self, "finish_run_request", |tx| {
            let done = sqlx::query(
                "/* finish_run_request */ UPDATE exhibit.run_requests \
                    SET lease_token = NULL, lease_worker = NULL, lease_until = NULL, \
                        evidence = $3, last_error = $4, finished_at = $5 \
                  WHERE id = $1 AND lease_token = $2 AND finished_at IS NULL",
            )
            .bind(lease.id.0)
            .bind(lease.token)
            .bind(evidence)
            .bind(error)
            .bind(at.utc())
            .execute(&mut *tx)
            .await
            .map_err(in_tx("finish_run_request"))?;
            held("finish_run_request", lease, done.rows_affected())?;
            if lease.pushed { submissions::empty(tx, lease.id).await } else { Ok(()) }
        })
    }

    /// A request as it stands.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if there is none of this id; if the database cannot be used or a row is malformed.
    pub async fn run_request(&self, id: EntryId) -> Result<RunRequest, StoreError> {
        let row = sqlx::query(
            "/* run_request */ SELECT id, job, requested_by, requested_at, reason, pushed, idempotency_key, not_before, attempts, \
                    lease_until, last_error, finished_at, evidence FROM exhibit.run_requests WHERE id = $1",
        )
        .bind(id.0)
        .fetch_optional(&self.pool)
        .await
        .map_err(in_tx("run_request"))?;
        let row = row.ok_or_else(|| StoreError::NotFound { what: "run request", key: id.to_string() })?;
        read(&row)
    }

    /// The latest requests that were made before `before` (all of them without it), newest first, at most `limit`.
    ///
    /// # Errors
    /// If the database cannot be used or a row is malformed.
    pub async fn run_requests(&self, before: Option<EntryId>, limit: u32) -> Result<Vec<RunRequest>, StoreError> {
        let rows = sqlx::query(
            "/* run_requests */ SELECT id, job, requested_by, requested_at, reason, pushed, idempotency_key, not_before, attempts, \
                    lease_until, last_error, finished_at, evidence FROM exhibit.run_requests \
              WHERE $1::uuid IS NULL OR id < $1 ORDER BY id DESC LIMIT $2",
        )
        .bind(before.map(|id| id.0))
        .bind(i64::from(limit))
        .fetch_all(&self.pool)
        .await
        .map_err(in_tx("run_requests"))?;
        rows.iter().map(read).collect()
    }
}

/// Inserts a request and tells whoever listens; the same key of the same person again is the same request.
pub(crate) async fn insert(tx: &mut PgConnection, new: &NewRunRequest, pushed: bool) -> Result<Requested, StoreError> {
    let row = sqlx::query(
        "/* request_run */ INSERT INTO exhibit.run_requests AS r \
                (id, job, requested_by, credential, idempotency_key, requested_at, not_before, reason, pushed) \
         VALUES ($1, $2, $3, $4, $5, $6, $6, $7, $8) \
         ON CONFLICT (requested_by, pushed, idempotency_key) DO UPDATE SET requested_by = r.requested_by \
         RETURNING r.id, r.job",
    )
    .bind(new.id.0)
    .bind(new.job.as_str())
    .bind(&new.person)
    .bind(new.credential)
    .bind(&new.key)
    .bind(new.at.utc())
    .bind(&new.reason)
    .bind(pushed)
    .fetch_one(&mut *tx)
    .await
    .map_err(in_tx("request_run"))?;
    let reader = Reader::new(&row, "run_requests", new.id.0);
    let (id, job) = (EntryId(reader.get("id")?), reader.authored::<JobId>("job")?);
    if job != new.job {
        return Err(StoreError::KeyTaken { job: job.to_string() });
    }
    sqlx::query("/* request_run::tell */ SELECT pg_notify($1, '')")
        .bind(RUNS)
        .execute(tx)
        .await
        .map_err(in_tx("request_run"))?;
    Ok(Requested { id, already: id != new.id })
}

pub(crate) fn read(row: &PgRow) -> Result<RunRequest, StoreError> {
    let id: Uuid = Reader::new(row, "run_requests", "").get("id")?;
    let reader = Reader::new(row, "run_requests", id);
    let last_error: Option<String> = reader.get("last_error")?;
    let state = match (reader.maybe_instant("finished_at")?, reader.maybe_instant("lease_until")?) {
        (Some(at), _) => {
            let end = match reader.get::<Option<Uuid>>("evidence")? {
                Some(evidence) => RunEnd::Evidence(EntryId(evidence)),
                None => RunEnd::Failed(last_error.clone().unwrap_or_default()),
            };
            RunState::Ended(end, at)
        }
        (None, Some(until)) => RunState::Running(until),
        (None, None) => RunState::Waiting(reader.instant("not_before")?),
    };
    Ok(RunRequest {
        id: EntryId(id),
        job: reader.authored("job")?,
        person: reader.get("requested_by")?,
        requested_at: reader.instant("requested_at")?,
        reason: reader.get("reason")?,
        pushed: reader.get("pushed")?,
        key: reader.get("idempotency_key")?,
        attempts: attempts(&reader)?,
        last_error,
        state,
    })
}

fn attempts(reader: &Reader<'_>) -> Result<u32, StoreError> {
    let attempts: i32 = reader.get("attempts")?;
    attempts.try_into().map_err(|_| reader.malformed("attempts", "it is negative"))
}

/// No row means that the lease is stale; more than one is a bug.
fn held(tx: &'static str, lease: &RunLease, rows: u64) -> Result<(), StoreError> {
    if rows == 0 {
        return Err(StoreError::StaleRunLease(lease.id.0));
    }
    exactly_one(tx, rows)
}
