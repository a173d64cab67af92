//! How far a request is, as far as the scope may see it.

use exhibit_evidence::EntryId;

use super::ask::Ask;
use super::reading::Reading;
use crate::run_requests::read;
use crate::{RunRequest, StoreError};

impl Reading {
    /// A request for a run, or a piece of evidence that was handed in, as it stands.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if there is none, or the scope may not see it: nobody learns which.
    pub async fn request(&mut self, id: EntryId) -> Result<RunRequest, StoreError> {
        let mut ask = Ask::bound(
            "/* reading::request */ SELECT id, job, requested_by, requested_at, reason, pushed, idempotency_key, not_before, attempts, \
                    lease_until, last_error, finished_at, evidence FROM exhibit.run_requests WHERE id = ",
        );
        ask.value(id, "uuid");
        let rows = self.fetch("reading::request", ask).await?;
        rows.first().map_or_else(|| Err(StoreError::NotFound { what: "request", key: id.to_string() }), read)
    }
}
