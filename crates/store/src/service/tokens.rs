//! Tokens of persons. The token itself never arrives here, only its keyed hash.

use std::fmt;

use exhibit_evidence::Timestamp;
use serde::{Deserialize, Serialize};
use sqlx::postgres::PgRow;
use uuid::Uuid;

use crate::error::in_tx;
use crate::rows::{Reader, exactly_one};
use crate::tx::run_tx;
use crate::{Store, StoreError};

/// What a token lets its person do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Everything, tokens of others included.
    Administrator,
    /// Reads all, and asks for runs.
    Operator,
    /// Reads all, the access log included.
    Officer,
    /// Reads what lies within the token's scope.
    Auditor,
    /// Brings evidence in, and reads nothing.
    Ingest,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 5] = [Self::Administrator, Self::Operator, Self::Officer, Self::Auditor, Self::Ingest];

    /// The word that the database and the API use.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Administrator => "administrator",
            Self::Operator => "operator",
            Self::Officer => "officer",
            Self::Auditor => "auditor",
            Self::Ingest => "ingest",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl std::str::FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|role| role.word() == text)
            .ok_or_else(|| format!("{text:?} is no role: expected administrator, operator, officer, auditor or ingest"))
    }
}

/// HMAC-SHA-256 of a token under the deployment's token key. Debug shows nothing of it.
#[derive(Clone, Copy)]
pub struct KeyedHash(pub [u8; 32]);

impl fmt::Debug for KeyedHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyedHash([redacted])")
    }
}

/// What a token is limited to; none means all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TokenScope {
    /// Environments' ids.
    pub environments: Option<Vec<String>>,
    /// Periods' names, such as `2026-Q4`.
    pub periods: Option<Vec<String>>,
    /// Frameworks' ids.
    pub frameworks: Option<Vec<String>>,
    /// Why names that records hold as digests stay masked, 1 to 500 characters; none where they are shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub names_masked: Option<String>,
}

/// A token to be kept.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// Its id, a fresh UUIDv7.
    pub id: Uuid,
    /// Whose it is.
    pub person: String,
    /// What it lets them do.
    pub role: Role,
    /// First characters of its random part, 4 to 16; unique.
    pub lookup: String,
    /// Its last four characters.
    pub last4: String,
    /// Its keyed hash.
    pub hash: KeyedHash,
    /// What it is limited to.
    pub scope: TokenScope,
    /// From when it is refused.
    pub expires_at: Timestamp,
    /// Who makes it.
    pub created_by: String,
}

/// A token, without anything it could be guessed from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Token {
    /// Its id.
    pub id: Uuid,
    /// Whose it is.
    pub person: String,
    /// What it lets them do.
    pub role: Role,
    /// First characters of its random part.
    pub lookup: String,
    /// Its last four characters.
    pub last4: String,
    /// What it is limited to.
    pub scope: TokenScope,
    /// From when it is refused.
    pub expires_at: Timestamp,
    /// When it was made.
    pub created_at: Timestamp,
    /// Who made it.
    pub created_by: String,
    /// Its revocation, if it was revoked.
    pub revoked: Option<Revocation>,
    /// When it was last used, to the minute or so.
    pub last_used_at: Option<Timestamp>,
}

/// Why a token is no longer good.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Revocation {
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub by: String,
    /// Why.
    pub reason: String,
}

/// A token found by its lookup, with the hash to compare.
#[derive(Clone, Debug)]
pub struct FoundToken {
    /// The token.
    pub token: Token,
    /// What the shown token's keyed hash must equal.
    pub hash: KeyedHash,
}

const COLUMNS: &str = "id, person, role, lookup, last4, hash, environments, periods, frameworks, names_masked, expires_at, \
                       created_at, created_by, revoked_at, revoked_by, revoked_reason, last_used_at";

impl Store {
    /// Keeps a new token.
    ///
    /// # Errors
    /// If its id or lookup is taken, it has expired already, or the database cannot be used.
    pub async fn create_token(&self, token: &NewToken, now: Timestamp) -> Result<(), StoreError> {
        run_tx!(self, "create_token", |tx| {
            sqlx::query(
                "/* create_token */ INSERT INTO exhibit.tokens (id, person, role, lookup, last4, hash, environments, \
                    periods, frameworks, names_masked, expires_at, created_at, created_by) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
            )
            .bind(token.id)
            .bind(&token.person)
            .bind(token.role.word())
            .bind(&token.lookup)
            .bind(&token.last4)
            .bind(token.hash.0.as_slice())
            .bind(&token.scope.environments)
            .bind(&token.scope.periods)
            .bind(&token.scope.frameworks)
            .bind(&token.scope.names_masked)
            .bind(token.expires_at.utc())
            .bind(now.utc())
            .bind(&token.created_by)
            .execute(tx)
            .await
            .map_err(in_tx("create_token"))?;
            Ok(())
        })
    }

    /// All tokens, expired and revoked ones too, by person and time of making.
    ///
    /// # Errors
    /// If the database cannot be used or a row is malformed.
    pub async fn tokens(&self) -> Result<Vec<Token>, StoreError> {
        let rows = sqlx::query(sqlx::AssertSqlSafe(format!(
            "/* tokens */ SELECT {COLUMNS} FROM exhibit.tokens ORDER BY person, created_at, id"
        )))
        .fetch_all(&self.pool)
        .await
        .map_err(in_tx("tokens"))?;
        rows.iter().map(|row| Ok(read(row)?.token)).collect()
    }

    /// The token of this lookup, whatever became of it. Whether it is still good is the caller's to say.
    ///
    /// # Errors
    /// If the database cannot be used or the row is malformed.
    pub async fn find_token(&self, lookup: &str) -> Result<Option<FoundToken>, StoreError> {
        let row = sqlx::query(sqlx::AssertSqlSafe(format!(
            "/* find_token */ SELECT {COLUMNS} FROM exhibit.tokens WHERE lookup = $1"
        )))
        .bind(lookup)
        .fetch_optional(&self.pool)
        .await
        .map_err(in_tx("find_token"))?;
        row.as_ref().map(read).transpose()
    }

    /// Revokes a token. Revoking it again changes nothing: the first revocation stands.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if there is no such token.
    pub async fn revoke_token(&self, id: Uuid, by: &str, reason: &str, now: Timestamp) -> Result<(), StoreError> {
        run_tx!(self, "revoke_token", |tx| {
            let known = sqlx::query("/* revoke_token::find */ SELECT id FROM exhibit.tokens WHERE id = $1")
                .bind(id)
                .fetch_optional(&mut *tx)
                .await
                .map_err(in_tx("revoke_token"))?;
            if known.is_none() {
                return Err(StoreError::NotFound { what: "token", key: id.to_string() });
            }
            sqlx::query(
                "/* revoke_token */ UPDATE exhibit.tokens SET revoked_at = $2, revoked_by = $3, revoked_reason = $4 \
                  WHERE id = $1 AND revoked_at IS NULL",
            )
            .bind(id)
            .bind(now.utc())
            .bind(by)
            .bind(reason)
            .execute(tx)
            .await
            .map_err(in_tx("revoke_token"))?;
            Ok(())
        })
    }

    /// Notes that a token was used, at most once a minute: most calls write nothing.
    ///
    /// # Errors
    /// If there is no such token or the database cannot be used.
    pub async fn touch_token(&self, id: Uuid, now: Timestamp) -> Result<(), StoreError> {
        run_tx!(self, "touch_token", |tx| {
            let row = sqlx::query(
                "/* touch_token */ SELECT coalesce(last_used_at < $2 - interval '1 minute', true) AS due \
                   FROM exhibit.tokens WHERE id = $1",
            )
            .bind(id)
            .bind(now.utc())
            .fetch_optional(&mut *tx)
            .await
            .map_err(in_tx("touch_token"))?
            .ok_or_else(|| StoreError::NotFound { what: "token", key: id.to_string() })?;
            if Reader::new(&row, "tokens", id).get("due")? {
                let touched = sqlx::query(
                    "/* touch_token::write */ UPDATE exhibit.tokens \
                        SET last_used_at = greatest(last_used_at, $2) WHERE id = $1",
                )
                .bind(id)
                .bind(now.utc())
                .execute(tx)
                .await
                .map_err(in_tx("touch_token"))?;
                exactly_one("touch_token", touched.rows_affected())?;
            }
            Ok(())
        })
    }
}

pub(super) fn read(row: &PgRow) -> Result<FoundToken, StoreError> {
    let id: Uuid = Reader::new(row, "tokens", "").get("id")?;
    let reader = Reader::new(row, "tokens", id);
    let revoked = match reader.maybe_instant("revoked_at")? {
        None => None,
        Some(at) => Some(Revocation { at, by: reader.get("revoked_by")?, reason: reader.get("revoked_reason")? }),
    };
    Ok(FoundToken {
        hash: KeyedHash(reader.hash("hash")?),
        token: Token {
            id,
            person: reader.get("person")?,
            role: reader.authored("role")?,
            lookup: reader.get("lookup")?,
            last4: reader.get("last4")?,
            scope: TokenScope {
                environments: reader.get("environments")?,
                periods: reader.get("periods")?,
                frameworks: reader.get("frameworks")?,
                names_masked: reader.get("names_masked")?,
            },
            expires_at: reader.instant("expires_at")?,
            created_at: reader.instant("created_at")?,
            created_by: reader.get("created_by")?,
            revoked,
            last_used_at: reader.maybe_instant("last_used_at")?,
        },
    })
}
