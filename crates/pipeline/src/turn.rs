//! One at a time: what two processes must not do at once, beside each other's back.
//!
//! Slots are kept apart by their leases. Declaring, closing, issuing and archiving look first and then write, so that
//! two at once would freeze a period twice or issue two reports for one key of the archive, which then never gets the
//! second one.

use std::time::Duration;

use exhibit_store::{StoreError, Worker};

use crate::{StepError, World};

/// The lock's name in the database: the text `exhibit` as a number, which no random key of a worker meets.
const KEY: i64 = i64::from_be_bytes(*b"\0exhibit");
/// How often the lock is asked for, and how long to wait between: half an hour altogether.
const TRIES: u32 = 7_200;
const WAIT: Duration = Duration::from_millis(250);

/// The right to do what only one may do at a time. It ends with the value, and with the process.
pub(crate) struct Turn {
    /// A session of its own holds the lock.
    _session: Worker,
}

/// Waits until nobody else has it.
///
/// # Errors
/// When the database can't be used, or another process does not come to an end.
pub(crate) async fn take(world: &World) -> Result<Turn, StepError> {
    for _ in 0..TRIES {
        match world.store.start_worker(KEY).await {
            Ok(session) => return Ok(Turn { _session: session }),
            Err(StoreError::Unfit(_)) => tokio::time::sleep(WAIT).await,
            Err(error) => return Err(error.into()),
        }
    }
    Err(StepError::Task("another process has been closing, issuing or archiving for half an hour".to_owned()))
}
