//! Sessions of the reading room. A session's id never arrives here, only its keyed hash.

use chrono::TimeDelta;
use exhibit_evidence::Timestamp;
use uuid::Uuid;

use super::tokens::{FoundToken, KeyedHash, read};
use crate::error::in_tx;
use crate::rows::{Reader, exactly_one};
use crate::tx::run_tx;
use crate::{Store, StoreError};

/// For how long a session that nobody uses stays open.
pub const SESSION_IDLE: TimeDelta = TimeDelta::minutes(30);
/// For how long a session stays open at most.
pub const SESSION_LONGEST: TimeDelta = TimeDelta::hours(12);

/// A session, found by its hash.
#[derive(Clone, Debug)]
pub struct FoundSession {
    /// The token that was signed in with. Whether it is still good is the caller's to say.
    pub token: FoundToken,
    /// When the person signed in.
    pub opened_at: Timestamp,
    /// When the session was last used, to the minute or so.
    pub last_used_at: Timestamp,
}

impl FoundSession {
    /// Whether it is open at this time: used lately, and not too old. Its token may end it earlier.
    #[must_use]
    pub fn is_open(&self, now: Timestamp) -> bool {
        now.since(self.last_used_at) < SESSION_IDLE && now.since(self.opened_at) < SESSION_LONGEST
    }
}

impl Store {
    /// Keeps a new session, and forgets those that are too old to be open.
    ///
    /// # Errors
    /// If there is no such token or the database cannot be used.
    pub async fn open_session(&self, hash: KeyedHash, token: Uuid, now: Timestamp) -> Result<(), StoreError> {
        run_tx!(self, "open_session", |tx| {
            sqlx::query("/* open_session::forget */ DELETE FROM exhibit.sessions WHERE created_at < $1")
                .bind(now.plus(-SESSION_LONGEST).utc())
                .execute(&mut *tx)
                .await
                .map_err(in_tx("open_session"))?;
            sqlx::query(
                "/* open_session */ INSERT INTO exhibit.sessions (hash, token_id, created_at, last_used_at) \
                 VALUES ($1, $2, $3, $3)",
            )
            .bind(hash.0.as_slice())
            .bind(token)
            .bind(now.utc())
            .execute(tx)
            .await
            .map_err(in_tx("open_session"))?;
            Ok(())
        })
    }

    /// The session of this hash with its token, whatever became of them.
    ///
    /// # Errors
    /// If the database cannot be used or a row is malformed.
    pub async fn find_session(&self, hash: KeyedHash) -> Result<Option<FoundSession>, StoreError> {
        let row = sqlx::query(
            "/* find_session */ SELECT t.*, s.created_at AS opened_at, s.last_used_at AS session_used_at \
               FROM exhibit.sessions s JOIN exhibit.tokens t ON t.id = s.token_id WHERE s.hash = $1",
        )
        .bind(hash.0.as_slice())
        .fetch_optional(&self.pool)
        .await
        .map_err(in_tx("find_session"))?;
        let Some(row) = row else { return Ok(None) };
        let reader = Reader::new(&row, "sessions", "");
        Ok(Some(FoundSession {
            token: read(&row)?,
            opened_at: reader.instant("opened_at")?,
            last_used_at: reader.instant("session_used_at")?,
        }))
    }

    /// Notes that a session was used.
    ///
    /// # Errors
    /// If it is gone or the database cannot be used.
    pub async fn touch_session(&self, hash: KeyedHash, now: Timestamp) -> Result<(), StoreError> {
        run_tx!(self, "touch_session", |tx| {
            let touched = sqlx::query(
                "/* touch_session */ UPDATE exhibit.sessions SET last_used_at = greatest(last_used_at, $2) \
                  WHERE hash = $1",
            )
            .bind(hash.0.as_slice())
            .bind(now.utc())
            .execute(tx)
            .await
            .map_err(in_tx("touch_session"))?;
            exactly_one("touch_session", touched.rows_affected())
        })
    }

    /// Ends a session. One that is gone already stays gone.
    ///
    /// # Errors
    /// If the database cannot be used.
    pub async fn close_session(&self, hash: KeyedHash) -> Result<(), StoreError> {
        run_tx!(self, "close_session", |tx| {
            sqlx::query("/* close_session */ DELETE FROM exhibit.sessions WHERE hash = $1")
                .bind(hash.0.as_slice())
                .execute(tx)
                .await
                .map_err(in_tx("close_session"))?;
            Ok(())
        })
    }
}
