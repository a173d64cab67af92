//! A worker's sign of life: a session advisory lock on a connection of its own.
//!
//! The lock ends with the connection, and the connection with the process. So after `kill -9`
//! the next claim sees at once that the holder is dead, without waiting for its leases to expire.

use std::time::Duration;

use sqlx::{Connection as _, PgConnection};

use crate::error::in_tx;
use crate::{Store, StoreError};

/// A worker that can hold leases for as long as this value lives.
#[derive(Debug)]
pub struct Worker {
    key: i64,
    connection: PgConnection,
}

impl Store {
    /// Starts a worker under a random key of its own.
    ///
    /// # Errors
    /// If the database cannot be reached, or another session holds the key.
    pub async fn start_worker(&self, key: i64) -> Result<Worker, StoreError> {
        let mut connection = self.own_connection().await?;
        let locked: bool = sqlx::query_scalar("/* start_worker */ SELECT pg_try_advisory_lock($1)")
            .bind(key)
            .fetch_one(&mut connection)
            .await
            .map_err(in_tx("start_worker"))?;
        if !locked {
            return Err(StoreError::Unfit(format!("worker key {key} is in use")));
        }
        Ok(Worker { key, connection })
    }

    /// Starts a worker under a key that several may want, as soon as nobody else holds it: who waits longest is next.
    /// None if somebody still held it after `patience`.
    ///
    /// # Errors
    /// If the database cannot be used.
    pub async fn wait_for_worker(&self, key: i64, patience: Duration) -> Result<Option<Worker>, StoreError> {
        let mut connection = self.own_connection().await?;
        // Who waits in Postgres is woken when the lock is let go of, and at no other time. A waiter that died is noticed
        // while it waits, so that it never gets the lock.
        sqlx::query(
            "/* wait_for_worker::patience */ SELECT set_config('lock_timeout', $1, false), \
                    set_config('client_connection_check_interval', '1s', false)",
        )
        .bind(patience.as_millis().clamp(1, 2_147_483_647).to_string())
        .execute(&mut connection)
        .await
        .map_err(in_tx("wait_for_worker"))?;
        let locked =
            sqlx::query("/* wait_for_worker */ SELECT pg_advisory_lock($1)").bind(key).execute(&mut connection).await;
        match locked.map_err(in_tx("wait_for_worker")) {
            Ok(_) => Ok(Some(Worker { key, connection })),
            Err(error) if error.is_lock_timeout() => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl Worker {
    /// The key to claim with.
    #[must_use]
    pub fn key(&self) -> i64 {
        self.key
    }

    /// Asks whether the sign of life is still there. A worker that lost it may lose its leases
    /// at any moment and should stop.
    ///
    /// # Errors
    /// If the connection is gone.
    pub async fn check(&mut self) -> Result<(), StoreError> {
        self.connection.ping().await.map_err(in_tx("worker_check"))
    }

    /// Ends the worker: what it still holds is free at once.
    ///
    /// # Errors
    /// If the connection was gone already.
    pub async fn stop(mut self) -> Result<(), StoreError> {
        // The server notices a closed connection in its own time: unlocking is heard before this returns.
        sqlx::query("/* worker_stop */ SELECT pg_advisory_unlock($1)")
            .bind(self.key)
            .execute(&mut self.connection)
            .await
            .map_err(in_tx("worker_stop"))?;
        self.connection.close().await.map_err(in_tx("worker_stop"))
    }
}
