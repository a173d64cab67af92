//! Reading rows so that a malformed one names its table, column and key.

use std::fmt::Display;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use exhibit_evidence::Timestamp;
use serde::de::DeserializeOwned;
use sqlx::postgres::PgRow;
use sqlx::{Decode, Postgres, Row as _, Type};

use crate::StoreError;

/// One row of a table, with what is needed to complain about it.
pub(crate) struct Reader<'r> {
    row: &'r PgRow,
    table: &'static str,
    key: String,
}

impl<'r> Reader<'r> {
    pub(crate) fn new(row: &'r PgRow, table: &'static str, key: impl ToString) -> Self {
        Self { row, table, key: key.to_string() }
    }

    /// The column's value as Postgres and Rust agree on it.
    pub(crate) fn get<T>(&self, column: &'static str) -> Result<T, StoreError>
    where
        T: Decode<'r, Postgres> + Type<Postgres>,
    {
        self.row.try_get(column).map_err(|error| self.malformed(column, error))
    }

    /// The column's value as a 32-byte hash.
    pub(crate) fn hash(&self, column: &'static str) -> Result<[u8; 32], StoreError> {
        let bytes: &[u8] = self.get(column)?;
        bytes.try_into().map_err(|_| self.malformed(column, format!("{} bytes where 32 were expected", bytes.len())))
    }

    /// The column's value as an instant.
    pub(crate) fn instant(&self, column: &'static str) -> Result<Timestamp, StoreError> {
        Ok(Timestamp::new(self.get::<DateTime<Utc>>(column)?))
    }

    /// The column's value as an instant, or null.
    pub(crate) fn maybe_instant(&self, column: &'static str) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.get::<Option<DateTime<Utc>>>(column)?.map(Timestamp::new))
    }

    /// The column's text as whatever has one spelling: authored ids, words.
    pub(crate) fn authored<T>(&self, column: &'static str) -> Result<T, StoreError>
    where
        T: FromStr,
        T::Err: Display,
    {
        let text: &str = self.get(column)?;
        text.parse().map_err(|error| self.malformed(column, error))
    }

    /// The column's text as one of a vocabulary's words.
    pub(crate) fn word<T: DeserializeOwned>(&self, column: &'static str) -> Result<T, StoreError> {
        self.read_word(column, self.get(column)?)
    }

    /// This text of the column as one of a vocabulary's words.
    pub(crate) fn read_word<T: DeserializeOwned>(&self, column: &'static str, text: &str) -> Result<T, StoreError> {
        serde_json::from_value(text.into()).map_err(|error| self.malformed(column, error))
    }

    /// The column's value as a number that is never negative.
    pub(crate) fn count(&self, column: &'static str) -> Result<u64, StoreError> {
        let number: i64 = self.get(column)?;
        number.try_into().map_err(|_| self.malformed(column, format!("{number} is negative")))
    }

    pub(crate) fn malformed(&self, column: &'static str, why: impl ToString) -> StoreError {
        StoreError::Malformed { table: self.table, column, row: self.key.clone(), why: why.to_string() }
    }
}

/// A size or position as Postgres's bigint. The ledger ends long before 2^63.
pub(crate) fn bigint(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Exactly one row must have been touched.
pub(crate) fn exactly_one(tx: &'static str, rows: u64) -> Result<(), StoreError> {
    if rows == 1 { Ok(()) } else { Err(StoreError::RowCount { tx, rows }) }
}
