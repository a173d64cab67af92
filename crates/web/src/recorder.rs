//! Puts reads and refusals on record before their answers leave.
//!
//! Requests that are answered at the same time share a statement, so that the log costs little; and an answer waits
//! until its line is written, so that nothing was read that is not on record.

use exhibit_store::{
    Store,
    service::{Access, Line},
};
use tokio::sync::{mpsc, oneshot};

/// Lines that share one statement at most.
const GROUP: usize = 256;
/// Lines that may wait.
const QUEUE: usize = 1024;

/// A line, whether an answer waits for it, and who wants to know what came of it.
type Waiting = (Access, bool, oneshot::Sender<Result<(), NotRecorded>>);

/// Writes the access log. The task behind it ends with the last sender, when all that waits is written.
#[derive(Clone, Debug)]
pub(crate) struct Recorder {
    queue: mpsc::Sender<Waiting>,
}

/// Why an answer must not leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotRecorded {
    /// Its line could not be written.
    Failed,
    /// The token was revoked before; the line says so.
    Revoked,
}

impl Recorder {
    pub(crate) fn start(store: Store) -> Self {
        let (queue, waiting) = mpsc::channel(QUEUE);
        tokio::spawn(write(store, waiting));
        Self { queue }
    }

    /// Writes the line of an answer, and returns once it is kept. The same statement looks whether the token is still
    /// good, so that a revocation counts at once, however long tokens are remembered.
    pub(crate) async fn record(&self, line: Access) -> Result<(), NotRecorded> {
        self.write(line, true).await
    }

    /// Writes a line about an answer that has left.
    pub(crate) async fn note(&self, line: Access) -> Result<(), NotRecorded> {
        self.write(line, false).await
    }

    async fn write(&self, line: Access, answers: bool) -> Result<(), NotRecorded> {
        let (answer, answered) = oneshot::channel();
        self.queue.try_send((line, answers, answer)).map_err(|_| NotRecorded::Failed)?;
        answered.await.unwrap_or(Err(NotRecorded::Failed))
    }
}

async fn write(store: Store, mut waiting: mpsc::Receiver<Waiting>) {
    let mut writer = store.access_writer();
    let mut group = Vec::new();
    while waiting.recv_many(&mut group, GROUP).await > 0 {
        let lines: Vec<_> = group.iter().map(|(access, answers, _)| Line { access, answers: *answers }).collect();
        let written = writer.write(&lines).await;
        if let Err(error) = &written {
            tracing::error!(%error, lines = lines.len(), "the access log could not be written");
        }
        for (access, _, answer) in group.drain(..) {
            let outcome = match &written {
                Err(_) => Err(NotRecorded::Failed),
                Ok(revoked) if revoked.contains(&access.request_id) => Err(NotRecorded::Revoked),
                Ok(_) => Ok(()),
            };
            // Who asked may have gone away; the line stands all the same.
            let _ = answer.send(outcome);
        }
    }
}
