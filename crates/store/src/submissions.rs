//! Evidence that another system hands in: a request that brings its observation with it.
//!
//! Nothing is sealed here. Whoever works claims the request like any other, judges what lies here, and appends it under
//! the request's own id; then the content goes, and its digest stays, so that the same key never stands for something else.

use exhibit_evidence::{Digest, EntryId, JobId, Timestamp};
use sqlx::PgConnection;

use crate::error::in_tx;
use crate::rows::{Reader, exactly_one};
use crate::run_requests::{Requested, insert};
use crate::tx::run_tx;
use crate::{NewRunRequest, RunLease, Store, StoreError};

/// A piece of evidence that is handed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSubmission {
    /// The request that it waits as. It must have a key.
    pub request: NewRunRequest,
    /// What was handed in, masked: no secret value may reach this point.
    pub content: String,
}

impl Store {
    /// Takes a piece of evidence in, and wakes whoever listens. The same key of the same person with the same content
    /// again is the same piece, also after it was sealed.
    ///
    /// # Errors
    /// [`StoreError::KeyTaken`] if the person used the key for another job, [`StoreError::OtherContent`] for other
    /// content; if the database cannot be used.
    pub async fn submit(&self, new: &NewSubmission) -> Result<Requested, StoreError> {
        let digest = Digest::of(new.content.as_bytes());
        run_tx!(self, "submit", |tx| {
            let requested = insert(tx, &new.request, true).await?;
            if requested.already {
                return same(tx, requested.id, digest).await.map(|()| requested);
            }
            let done =
                sqlx::query("/* submit */ INSERT INTO exhibit.submissions (id, digest, content) VALUES ($1, $2, $3)")
                    .bind(requested.id.0)
                    .bind(&digest.0[..])
                    .bind(&new.content)
                    .execute(tx)
                    .await
                    .map_err(in_tx("submit"))?;
            exactly_one("submit", done.rows_affected())?;
            Ok(requested)
        })
    }

    /// Whether something that was handed in for this job before that instant still waits to be sealed.
    ///
    /// # Errors
    /// If the database cannot be used.
    pub async fn awaits_sealing(&self, job: &JobId, before: Timestamp) -> Result<bool, StoreError> {
        sqlx::query_scalar(
            "/* awaits_sealing */ SELECT EXISTS (SELECT FROM exhibit.run_requests \
              WHERE finished_at IS NULL AND pushed AND job = $1 AND requested_at < $2)",
        )
        .bind(job.as_str())
        .bind(before.utc())
        .fetch_one(&self.pool)
        .await
        .map_err(in_tx("awaits_sealing"))
    }

    /// What was handed in with a request that is held; none once the request has ended.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if nothing was handed in with it; if the database cannot be used.
    pub async fn submitted(&self, lease: &RunLease) -> Result<Option<String>, StoreError> {
        let row = sqlx::query("/* submitted */ SELECT content FROM exhibit.submissions WHERE id = $1")
            .bind(lease.id.0)
            .fetch_optional(&self.pool)
            .await
            .map_err(in_tx("submitted"))?;
        let row = row.ok_or_else(|| StoreError::NotFound { what: "submission", key: lease.id.to_string() })?;
        Reader::new(&row, "submissions", lease.id.0).get("content")
    }
}

/// Refuses other content than what first came under the key.
async fn same(tx: &mut PgConnection, id: EntryId, digest: Digest) -> Result<(), StoreError> {
    let row = sqlx::query("/* submit::same */ SELECT digest FROM exhibit.submissions WHERE id = $1")
        .bind(id.0)
        .fetch_one(tx)
        .await
        .map_err(in_tx("submit"))?;
    let first = Digest(Reader::new(&row, "submissions", id.0).hash("digest")?);
    if first == digest { Ok(()) } else { Err(StoreError::OtherContent(id.0)) }
}

/// Takes the content out: it is sealed, or was refused for good.
pub(crate) async fn empty(tx: &mut PgConnection, id: EntryId) -> Result<(), StoreError> {
    let done = sqlx::query("/* submissions::empty */ UPDATE exhibit.submissions SET content = NULL WHERE id = $1")
        .bind(id.0)
        .execute(tx)
        .await
        .map_err(in_tx("finish_run_request"))?;
    exactly_one("finish_run_request", done.rows_affected())
}
