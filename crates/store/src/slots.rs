//! Slots: planned once, claimed by one worker at a time, closed by an append.
//!
//! A lease is a value: slot, random token, expiry, attempts. A worker that lost its lease cannot
//! write, because every verb here and every closing append must name the token.

use chrono::{DateTime, TimeDelta, Utc};
use exhibit_evidence::{JobId, Timestamp};
use sqlx::postgres::PgRow;
use uuid::Uuid;

use crate::error::in_tx;
use crate::rows::{Reader, exactly_one};
use crate::tx::run_tx;
use crate::{Store, StoreError};

/// One occurrence that a job's schedule promises.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot {
    /// The job's authored id.
    pub job: JobId,
    /// When the schedule promises it (UTC).
    pub scheduled_for: Timestamp,
}

/// The right to perform a slot until it expires.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The slot.
    pub slot: Slot,
    /// What a closing append must name.
    pub token: Uuid,
    /// When the lease ends by itself.
    pub until: Timestamp,
    /// How often the slot was claimed, this time included.
    pub attempts: u32,
    /// When it was claimed for the first time.
    pub first_tried_at: Timestamp,
    /// Why the first attempt that said anything failed.
    pub first_error: Option<String>,
    /// Why the last attempt before this one failed.
    pub last_error: Option<String>,
}

/// A planned slot that has no closing entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenSlot {
    /// The slot.
    pub slot: Slot,
    /// How often it was claimed.
    pub attempts: u32,
    /// Not claimed before this instant.
    pub not_before: Timestamp,
    /// When the current lease ends by itself, if there is one.
    pub leased_until: Option<Timestamp>,
    /// Why the last attempt failed.
    pub last_error: Option<String>,
}

impl Store {
    /// Plans slots, each once, whoever plans it. Tells how many were new.
    ///
    /// # Errors
    /// If the database cannot be used.
    pub async fn plan_slots(&self, slots: &[Slot], now: Timestamp) -> Result<u64, StoreError> {
        let jobs: Vec<&str> = slots.iter().map(|slot| slot.job.as_str()).collect();
        let times: Vec<DateTime<Utc>> = slots.iter().map(|slot| slot.scheduled_for.utc()).collect();
        // A slot that the ledger closed already stays closed, even if its row here was lost.
        run_tx!(self, "plan_slots", |tx| {
            let done = sqlx::query(
                "/* plan_slots */ \
                 INSERT INTO exhibit.slot_claims (job, scheduled_for, planned_at, not_before, closed_seq) \
                 SELECT p.job, p.scheduled_for, $3, p.scheduled_for, s.seq \
                   FROM unnest($1::text[], $2::timestamptz[]) AS p (job, scheduled_for) \
                   LEFT JOIN exhibit.slots s ON s.job = p.job AND s.scheduled_for = p.scheduled_for \
                  ORDER BY p.job, p.scheduled_for \
                 ON CONFLICT (job, scheduled_for) DO NOTHING",
            )
            .bind(&jobs)
            .bind(&times)
            .bind(now.utc())
            .execute(tx)
            .await
            .map_err(in_tx("plan_slots"))?;
            Ok(done.rows_affected())
        })
    }

    /// Claims the earliest due slot that is open and free, for `worker` (see
    /// [`Store::start_worker`]), or tells that there is none. Free means: never leased, lease
    /// expired, or its holder's connection is gone.
    ///
    /// # Errors
    /// If the database cannot be used.
    pub async fn claim(
        &self,
        worker: i64,
        token: Uuid,
        now: Timestamp,
        lease: TimeDelta,
    ) -> Result<Option<Lease>, StoreError> {
        self.claim_where(worker, token, now, lease, None).await
    }

    /// Claims the earliest due slot of one job, as [`Store::claim`] does.
    ///
    /// # Errors
    /// If the database cannot be used.
    pub async fn claim_of_job(
        &self,
        worker: i64,
        token: Uuid,
        now: Timestamp,
        lease: TimeDelta,
        job: &JobId,
    ) -> Result<Option<Lease>, StoreError> {
        self.claim_where(worker, token, now, lease, Some(job)).await
    }

    /// Claims this slot for `worker`, also where it waits for a later instant; none where it is closed, held, or was never
    /// planned.
    ///
    /// # Errors
    /// If the database cannot be used.
    pub async fn claim_slot(
        &self,
        worker: i64,
        token: Uuid,
        now: Timestamp,
        lease: TimeDelta,
        slot: &Slot,
    ) -> Result<Option<Lease>, StoreError> {
        let until = now.plus(lease);
        run_tx!(self, "claim_slot", |tx| {
            let row = sqlx::query(
                "/* claim_slot */ \
                 WITH free AS ( \
                     SELECT c.job, c.scheduled_for FROM exhibit.slot_claims c \
                      WHERE c.job = $5 AND c.scheduled_for = $6 AND c.closed_seq IS NULL \
                        AND CASE WHEN c.lease_token IS NULL THEN true \
                                 WHEN c.lease_until <= $3 THEN true \
                                 ELSE pg_try_advisory_xact_lock(c.lease_worker) END \
                      FOR UPDATE SKIP LOCKED) \
                 UPDATE exhibit.slot_claims c \
                    SET lease_token = $2, lease_worker = $1, lease_until = $4, attempts = c.attempts + 1, \
                        first_tried_at = coalesce(c.first_tried_at, $3) \
                   FROM free WHERE c.job = free.job AND c.scheduled_for = free.scheduled_for \
                 RETURNING c.job, c.scheduled_for, c.attempts, c.first_tried_at, c.first_error, c.last_error",
            )
            .bind(worker)
            .bind(token)
            .bind(now.utc())
            .bind(until.utc())
            .bind(slot.job.as_str())
            .bind(slot.scheduled_for.utc())
            .fetch_optional(tx)
            .await
            .map_err(in_tx("claim_slot"))?;
            row.map(|row| leased(&row, token, until)).transpose()
        })
    }

    /// Whether the ledger holds this slot's end.
    ///
    /// # Errors
    /// If the database cannot be used.
    pub async fn is_closed(&self, slot: &Slot) -> Result<bool, StoreError> {
        sqlx::query_scalar(
            "/* is_closed */ SELECT EXISTS (SELECT FROM exhibit.slots WHERE job = $1 AND scheduled_for = $2)",
        )
        .bind(slot.job.as_str())
        .bind(slot.scheduled_for.utc())
        .fetch_one(&self.pool)
        .await
        .map_err(in_tx("is_closed"))
    }

    /// Gives a lease back as if the slot had never been tried; it waits until `not_before`, unless it is claimed by name.
    ///
    /// # Errors
    /// [`StoreError::StaleLease`] if the lease is no longer held.
    pub async fn set_aside(&self, lease: &Lease, not_before: Timestamp) -> Result<(), StoreError> {
        run_tx!(self, "set_aside", |tx| {
            let done = sqlx::query(
                "/* set_aside */ UPDATE exhibit.slot_claims \
                    SET lease_token = NULL, lease_worker = NULL, lease_until = NULL, attempts = attempts - 1, \
                        first_tried_at = CASE WHEN attempts > 1 THEN first_tried_at END, not_before = $4 \
                  WHERE job = $1 AND scheduled_for = $2 AND lease_token = $3 AND closed_seq IS NULL",
            )
            .bind(lease.slot.job.as_str())
            .bind(lease.slot.scheduled_for.utc())
            .bind(lease.token)
            .bind(not_before.utc())
            .execute(tx)
            .await
            .map_err(in_tx("set_aside"))?;
            held("set_aside", lease, done.rows_affected())
        })
    }

    async fn claim_where(
        &self,
        worker: i64,
        token: Uuid,
        now: Timestamp,
        lease: TimeDelta,
        job: Option<&JobId>,
    ) -> Result<Option<Lease>, StoreError> {
        let until = now.plus(lease);
        run_tx!(self, "claim", |tx| {
            // The CASE keeps the order of questions: a holder is asked for only where there is one.
            let row = sqlx::query(
                "/* claim */ \
                 WITH free AS ( \
                     SELECT c.job, c.scheduled_for FROM exhibit.slot_claims c \
                      WHERE c.closed_seq IS NULL AND c.scheduled_for <= $3 AND c.not_before <= $3 \
                        AND ($5::text IS NULL OR c.job = $5) \
                        AND CASE WHEN c.lease_token IS NULL THEN true \
                                 WHEN c.lease_until <= $3 THEN true \
                                 ELSE pg_try_advisory_xact_lock(c.lease_worker) END \
                      ORDER BY c.scheduled_for, c.job LIMIT 1 \
                      FOR UPDATE SKIP LOCKED) \
                 UPDATE exhibit.slot_claims c \
                    SET lease_token = $2, lease_worker = $1, lease_until = $4, attempts = c.attempts + 1, \
                        first_tried_at = coalesce(c.first_tried_at, $3) \
                   FROM free WHERE c.job = free.job AND c.scheduled_for = free.scheduled_for \
                 RETURNING c.job, c.scheduled_for, c.attempts, c.first_tried_at, c.first_error, c.last_error",
            )
            .bind(worker)
            .bind(token)
            .bind(now.utc())
            .bind(until.utc())
            .bind(job.map(JobId::as_str))
            .fetch_optional(tx)
            .await
            .map_err(in_tx("claim"))?;
            row.map(|row| leased(&row, token, until)).transpose()
        })
    }

    /// Gives a lease back without closing the slot: whoever comes next may take it at once.
    ///
    /// # Errors
    /// [`StoreError::StaleLease`] if the lease is no longer held.
    pub async fn release(&self, lease: &Lease) -> Result<(), StoreError> {
        run_tx!(self, "release", |tx| {
            let done = sqlx::query(
                "/* release */ UPDATE exhibit.slot_claims \
                    SET lease_token = NULL, lease_worker = NULL, lease_until = NULL \
                  WHERE job = $1 AND scheduled_for = $2 AND lease_token = $3 AND closed_seq IS NULL",
            )
            .bind(lease.slot.job.as_str())
            .bind(lease.slot.scheduled_for.utc())
            .bind(lease.token)
            .execute(tx)
            .await
            .map_err(in_tx("release"))?;
            held("release", lease, done.rows_affected())
        })
    }

    /// Moves the end of a lease that is still held, and tells the lease as it now is.
    ///
    /// # Errors
    /// [`StoreError::StaleLease`] if the lease is no longer held.
    pub async fn extend(&self, lease: &Lease, until: Timestamp) -> Result<Lease, StoreError> {
        run_tx!(self, "extend", |tx| {
            let done = sqlx::query(
                "/* extend */ UPDATE exhibit.slot_claims SET lease_until = $4 \
                  WHERE job = $1 AND scheduled_for = $2 AND lease_token = $3 AND closed_seq IS NULL",
            )
            .bind(lease.slot.job.as_str())
            .bind(lease.slot.scheduled_for.utc())
            .bind(lease.token)
            .bind(until.utc())
            .execute(tx)
            .await
            .map_err(in_tx("extend"))?;
            held("extend", lease, done.rows_affected())
        })?;
        Ok(Lease { until, ..lease.clone() })
    }

    /// Gives a lease back after a failed attempt; the slot waits until `not_before`.
    /// `why` must not carry a secret value.
    ///
    /// # Errors
    /// [`StoreError::StaleLease`] if the lease is no longer held.
    pub async fn fail_attempt(&self, lease: &Lease, why: &str, not_before: Timestamp) -> Result<(), StoreError> {
        run_tx!(self, "fail_attempt", |tx| {
            let done = sqlx::query(
                "/* fail_attempt */ UPDATE exhibit.slot_claims \
                    SET lease_token = NULL, lease_worker = NULL, lease_until = NULL, \
                        first_error = coalesce(first_error, $4), last_error = $4, not_before = $5 \
                  WHERE job = $1 AND scheduled_for = $2 AND lease_token = $3 AND closed_seq IS NULL",
            )
            .bind(lease.slot.job.as_str())
            .bind(lease.slot.scheduled_for.utc())
            .bind(lease.token)
            .bind(why)
            .bind(not_before.utc())
            .execute(tx)
            .await
            .map_err(in_tx("fail_attempt"))?;
            held("fail_attempt", lease, done.rows_affected())
        })
    }

    /// Takes back the slots of a job that were planned ahead, are neither tried nor leased, lie after `now` (up to
    /// `until`, where that is given) and are not among `promised`. Tells how many. What was promised derives from the ledger: this hides nothing.
    ///
    /// # Errors
    /// If the database cannot be used.
    pub async fn withdraw_slots(
        &self,
        job: &JobId,
        promised: &[Timestamp],
        now: Timestamp,
        until: Option<Timestamp>,
    ) -> Result<u64, StoreError> {
        let times: Vec<DateTime<Utc>> = promised.iter().map(|time| time.utc()).collect();
        run_tx!(self, "withdraw_slots", |tx| {
            let done = sqlx::query(
                "/* withdraw_slots */ DELETE FROM exhibit.slot_claims \
                  WHERE job = $1 AND scheduled_for > $2 AND attempts = 0 AND lease_token IS NULL \
                    AND closed_seq IS NULL AND scheduled_for <> ALL ($3) \
                    AND ($4::timestamptz IS NULL OR scheduled_for <= $4)",
            )
            .bind(job.as_str())
            .bind(now.utc())
            .bind(&times)
            .bind(until.map(|until| until.utc()))
            .execute(tx)
            .await
            .map_err(in_tx("withdraw_slots"))?;
            Ok(done.rows_affected())
        })
    }

    /// Takes back one slot that is held and that the ledger does not promise.
    ///
    /// # Errors
    /// [`StoreError::StaleLease`] if the lease is no longer held.
    pub async fn withdraw(&self, lease: &Lease) -> Result<(), StoreError> {
        run_tx!(self, "withdraw", |tx| {
            let done = sqlx::query(
                "/* withdraw */ DELETE FROM exhibit.slot_claims \
                  WHERE job = $1 AND scheduled_for = $2 AND lease_token = $3 AND closed_seq IS NULL",
            )
            .bind(lease.slot.job.as_str())
            .bind(lease.slot.scheduled_for.utc())
            .bind(lease.token)
            .execute(tx)
            .await
            .map_err(in_tx("withdraw"))?;
            held("withdraw", lease, done.rows_affected())
        })
    }

    /// When the next open slot that nobody holds may be claimed, if there is one.
    ///
    /// # Errors
    /// If the database cannot be used.
    pub async fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        let row = sqlx::query(
            "/* next_due */ SELECT min(greatest(scheduled_for, not_before)) AS due FROM exhibit.slot_claims \
              WHERE closed_seq IS NULL AND lease_token IS NULL",
        )
        .fetch_one(&self.pool)
        .await
        .map_err(in_tx("next_due"))?;
        Reader::new(&row, "slot_claims", "").maybe_instant("due")
    }

    /// Planned slots without a closing entry that were scheduled before `before`, earliest first.
    ///
    /// # Errors
    /// If the database cannot be used or a row is malformed.
    pub async fn open_slots(&self, before: Timestamp) -> Result<Vec<OpenSlot>, StoreError> {
        let rows = sqlx::query(
            "/* open_slots */ \
             SELECT job, scheduled_for, attempts, not_before, lease_until, last_error \
               FROM exhibit.slot_claims WHERE closed_seq IS NULL AND scheduled_for < $1 \
              ORDER BY scheduled_for, job",
        )
        .bind(before.utc())
        .fetch_all(&self.pool)
        .await
        .map_err(in_tx("open_slots"))?;
        rows.iter()
            .map(|row| {
                let reader = Reader::new(row, "slot_claims", "");
                Ok(OpenSlot {
                    slot: Slot { job: reader.authored("job")?, scheduled_for: reader.instant("scheduled_for")? },
                    attempts: attempts(&reader)?,
                    not_before: reader.instant("not_before")?,
                    leased_until: reader.maybe_instant("lease_until")?,
                    last_error: reader.get("last_error")?,
                })
            })
            .collect()
    }
}

fn leased(row: &PgRow, token: Uuid, until: Timestamp) -> Result<Lease, StoreError> {
    let reader = Reader::new(row, "slot_claims", token);
    Ok(Lease {
        slot: Slot { job: reader.authored("job")?, scheduled_for: reader.instant("scheduled_for")? },
        token,
        until,
        attempts: attempts(&reader)?,
        first_tried_at: reader.instant("first_tried_at")?,
        first_error: reader.get("first_error")?,
        last_error: reader.get("last_error")?,
    })
}

fn attempts(reader: &Reader<'_>) -> Result<u32, StoreError> {
    let attempts: i32 = reader.get("attempts")?;
    attempts.try_into().map_err(|_| reader.malformed("attempts", "it is negative"))
}

/// No row means that the lease is stale; more than one is a bug.
fn held(tx: &'static str, lease: &Lease, rows: u64) -> Result<(), StoreError> {
    if rows == 0 {
        return Err(stale(&lease.slot));
    }
    exactly_one(tx, rows)
}

pub(crate) fn stale(slot: &Slot) -> StoreError {
    StoreError::StaleLease { job: slot.job.to_string(), scheduled_for: slot.scheduled_for.to_string() }
}
