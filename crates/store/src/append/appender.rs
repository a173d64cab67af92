//! Group commit: appends that arrive while one transaction runs share the next.

use tokio::sync::{mpsc, oneshot};

use super::{Append, Appended};
use crate::{Store, StoreError};

/// Units that share one transaction at most.
const GROUP: usize = 256;
/// Units that may wait; further ones make their callers wait.
const QUEUE: usize = 1024;

type Waiting = (Append, oneshot::Sender<Result<Appended, StoreError>>);

/// Gathers appends of many tasks into few transactions. Clones share one queue; the task behind it
/// ends when the last clone is dropped and all that waited is answered.
#[derive(Clone, Debug)]
pub struct Appender {
    queue: mpsc::Sender<Waiting>,
}

impl Appender {
    /// Starts the gathering task on the current tokio runtime.
    #[must_use]
    pub fn start(store: Store) -> Self {
        let (queue, waiting) = mpsc::channel(QUEUE);
        tokio::spawn(gather(store, waiting));
        Self { queue }
    }

    /// Appends as [`Store::append`] does, together with whatever else waits.
    ///
    /// # Errors
    /// As [`Store::append`]; [`StoreError::Group`] if the whole transaction failed.
    pub async fn append(&self, append: Append) -> Result<Appended, StoreError> {
        let (answer, answered) = oneshot::channel();
        self.queue.send((append, answer)).await.map_err(|_| StoreError::AppenderStopped)?;
        answered.await.map_err(|_| StoreError::AppenderStopped)?
    }
}

async fn gather(store: Store, mut waiting: mpsc::Receiver<Waiting>) {
    let mut group = Vec::new();
    while waiting.recv_many(&mut group, GROUP).await > 0 {
        let (units, answers): (Vec<_>, Vec<_>) = group.drain(..).unzip();
        let outcomes = store.append_all(units).await;
        for (answer, outcome) in answers.into_iter().zip(outcomes) {
            // A caller that no longer waits finds its entries by their ids.
            let _ = answer.send(outcome);
        }
    }
}
