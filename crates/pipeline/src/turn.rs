//! One at a time: what two processes must not do at once, beside each other's back.
//!
//! Slots are kept apart by their leases. Declaring, closing, issuing and archiving look first and then write, so that
//! two at once would freeze a period twice or issue two reports for one key of the archive, which then never gets the
//! second one.

use std::time::Duration;

use exhibit_store::Worker;

use crate::{StepError, World};

/// The lock's name in the database: the text `exhibit` as a number, which no random key of a worker meets.
const KEY: i64 = i64::from_be_bytes(*b"\0exhibit");
/// How long to wait for whoever has it.
const PATIENCE: Duration = Duration::from_secs(30 * 60);

/// The right to do what only one may do at a time. It ends with the value, and with the process.
pub(crate) struct Turn {
    /// A session of its own holds the lock: Postgres hands it on when the session ends, however it ends.
    _session: Worker,
}

/// Waits until nobody else has it. Who came first is first.
///
/// # Errors
/// When the database can't be used, or another process does not come to an end.
pub(crate) async fn take(world: &World) -> Result<Turn, StepError> {
    let session = world.store.wait_for_worker(KEY, PATIENCE).await?;
    session.map(|session| Turn { _session: session }).ok_or_else(|| {
        StepError::Task("another process has been closing, issuing or archiving for half an hour".to_owned())
    })
}
