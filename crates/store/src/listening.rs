//! Hearing of what others did, sooner than by asking: LISTEN and NOTIFY on a connection of its own.
//!
//! A notice is a hint and nothing else. Whoever listens asks the tables at an interval too, so that a notice that was
//! lost with a connection costs time, never work.

use sqlx::postgres::{PgListener, PgPoolOptions};

use crate::append::CHANNEL;
use crate::error::in_tx;
use crate::{Store, StoreError};

/// The channel on which each request for a run is told.
pub(crate) const RUNS: &str = "exhibit_runs";

/// What was heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// The ledger grew.
    Appended,
    /// Somebody asked for a run.
    RunRequested,
    /// The connection was lost and is there again: something may have been missed.
    Reconnected,
}

/// A connection that listens.
#[derive(Debug)]
pub struct Listener {
    inside: PgListener,
}

impl Store {
    /// Starts to listen.
    ///
    /// # Errors
    /// If the database cannot be reached.
    pub async fn listen(&self) -> Result<Listener, StoreError> {
        let own = PgPoolOptions::new().max_connections(1).connect_lazy_with(self.connection_options());
        let mut inside = PgListener::connect_with(&own).await.map_err(in_tx("listen"))?;
        inside.ignore_pool_close_event(true);
        inside.listen_all([CHANNEL, RUNS]).await.map_err(in_tx("listen"))?;
        Ok(Listener { inside })
    }
}

impl Listener {
    /// Waits for the next notice.
    ///
    /// # Errors
    /// If the connection is lost and can't be had again.
    pub async fn hear(&mut self) -> Result<Heard, StoreError> {
        let notice = self.inside.try_recv().await.map_err(in_tx("hear"))?;
        Ok(match notice {
            None => Heard::Reconnected,
            Some(notice) if notice.channel() == RUNS => Heard::RunRequested,
            Some(_) => Heard::Appended,
        })
    }
}
