//! Group commit: appends that arrive while one transaction runs share the next.
//!
//! There is no task behind it. Whoever's turn it is commits for all that wait, and hands out what came of it; who waited
//! finds the answer when its own turn comes.

use std::sync::{Mutex, PoisonError};

use tokio::sync::oneshot::{self, error::TryRecvError};

use super::{Append, Appended};
use crate::{Store, StoreError};

/// Units that share one transaction at most.
const GROUP: usize = 256;

type Outcome = Result<Appended, StoreError>;

/// What waits for a transaction.
#[derive(Debug, Default)]
pub(crate) struct Gathering {
    waiting: Mutex<Vec<(Append, oneshot::Sender<Outcome>)>>,
    /// Held by whoever commits. Others stand in line for it, first come, first served.
    turn: tokio::sync::Mutex<()>,
}

impl Gathering {
    fn join(&self, unit: Append) -> oneshot::Receiver<Outcome> {
        let (answer, answered) = oneshot::channel();
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).push((unit, answer));
        answered
    }

    /// The next group, in the order of arrival, without those whose callers went away.
    fn next(&self) -> (Vec<Append>, Vec<oneshot::Sender<Outcome>>) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.retain(|(_, answer)| !answer.is_closed());
        let size = waiting.len().min(GROUP);
        waiting.drain(..size).unzip()
    }
}

impl Store {
    /// Appends entries that belong together, in one transaction with whatever else of this process waits.
    ///
    /// # Errors
    /// [`StoreError::IdTaken`], [`StoreError::StaleLease`], [`StoreError::SlotClosed`], [`StoreError::OtherPlace`],
    /// [`StoreError::Record`] if this append is refused, which touches no other; [`StoreError::Database`] or
    /// [`StoreError::Group`] if it may or may not have been recorded: append again, the same ids are recorded once.
    pub async fn append(&self, unit: Append) -> Result<Appended, StoreError> {
        let mut answered = self.gathering.join(unit);
        let _turn = self.gathering.turn.lock().await;
        loop {
            match answered.try_recv() {
                Ok(outcome) => return outcome,
                Err(TryRecvError::Closed) => return Err(StoreError::CommitterGone),
                Err(TryRecvError::Empty) => {}
            }
            let (units, answers) = self.gathering.next();
            let outcomes = self.append_all(units).await;
            for (answer, outcome) in answers.into_iter().zip(outcomes) {
                // A caller that no longer waits finds its entries by their ids.
                let _ = answer.send(outcome);
            }
        }
    }
}
