//! Puts reads and refusals on record before their answers leave.
//!
//! Requests that are answered at the same time share a statement, so that the log costs little; and an answer waits
//! until its line is written, so that nothing was read that is not on record.

use exhibit_store::{Store, service::Access};
use tokio::sync::{mpsc, oneshot};

/// Lines that share one statement at most.
const GROUP: usize = 256;
/// Lines that may wait.
const QUEUE: usize = 1024;

type Waiting = (Access, oneshot::Sender<bool>);

/// Writes the access log. The task behind it ends with the last sender, when all that waits is written.
#[derive(Clone, Debug)]
pub(crate) struct Recorder {
    queue: mpsc::Sender<Waiting>,
}

/// A line could not be written: the answer must not leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotRecorded;

impl Recorder {
    pub(crate) fn start(store: Store) -> Self {
        let (queue, waiting) = mpsc::channel(QUEUE);
        tokio::spawn(write(store, waiting));
        Self { queue }
    }

    /// Writes a line, and returns once it is kept.
    pub(crate) async fn record(&self, line: Access) -> Result<(), NotRecorded> {
        let (answer, answered) = oneshot::channel();
        self.queue.try_send((line, answer)).map_err(|_| NotRecorded)?;
        match answered.await {
            Ok(true) => Ok(()),
            Ok(false) | Err(_) => Err(NotRecorded),
        }
    }
}

async fn write(store: Store, mut waiting: mpsc::Receiver<Waiting>) {
    let mut writer = store.access_writer();
    let mut group = Vec::new();
    while waiting.recv_many(&mut group, GROUP).await > 0 {
        let (lines, answers): (Vec<_>, Vec<_>) = group.drain(..).unzip();
        let written = writer.write(&lines).await;
        if let Err(error) = &written {
            tracing::error!(%error, lines = lines.len(), "the access log could not be written");
        }
        for answer in answers {
            // Who asked may have gone away; the line stands all the same.
            let _ = answer.send(written.is_ok());
        }
    }
}
