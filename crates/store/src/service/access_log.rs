//! The access log: every read and every refusal, before the answer leaves.

use std::collections::BTreeSet;
use std::time::Instant;

use exhibit_evidence::Timestamp;
use serde::Serialize;
use sqlx::postgres::PgRow;
use sqlx::{Connection as _, PgConnection, PgExecutor};
use uuid::Uuid;

use super::ask::Ask;
use super::reading::{Page, Reading, paged};
use crate::error::in_tx;
use crate::rows::Reader;
use crate::store::UNQUESTIONED;
use crate::{Store, StoreError};

/// One line of the access log, to be written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Access {
    /// When the request was answered.
    pub at: Timestamp,
    /// The request, as its answer names it too.
    pub request_id: Uuid,
    /// The token that was shown; none where none was known.
    pub token_id: Option<Uuid>,
    /// Whose token it was.
    pub person: Option<String>,
    /// The token's role.
    pub role: Option<String>,
    /// Method of the request.
    pub method: String,
    /// The route's template, such as `/api/v1/evidence/{id}`.
    pub route: String,
    /// What the token was limited to, as JSON.
    pub scope: String,
    /// What was asked, in canonical form; never a token.
    pub query: String,
    /// Status of the answer, 100 to 599.
    pub status: u16,
    /// How many rows were given; none where that was not known when it was written.
    pub row_count: Option<u64>,
    /// Why it was refused, if it was.
    pub refusal: Option<String>,
}

/// A line, and what hangs on it.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Line<'a> {
    /// The line.
    #[serde(flatten)]
    pub access: &'a Access,
    /// Whether the request's answer waits for it.
    pub answers: bool,
}

/// One line of the access log as it was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AccessRow {
    /// Order of writing; may have gaps.
    pub seq: u64,
    /// The line.
    #[serde(flatten)]
    pub access: Access,
}

/// A page of the access log, newest first.
pub type AccessPage = Page<AccessRow>;

/// Which lines of the access log to list. What is none is not asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccessQuery {
    /// Of this person.
    pub person: Option<String>,
    /// Of this route's template.
    pub route: Option<String>,
    /// Only refusals, or only what was answered.
    pub refused: Option<bool>,
    /// Answered at or after this instant.
    pub from: Option<Timestamp>,
    /// Answered before this instant.
    pub to: Option<Timestamp>,
    /// Lines before this one.
    pub before: Option<u64>,
    /// At most so many; 0 means 100.
    pub limit: u32,
}

impl Store {
    /// Writes lines into the access log as they are, all or none, in one statement.
    ///
    /// # Errors
    /// If the database cannot be used: then nothing was written.
    pub async fn log_access(&self, lines: &[Access]) -> Result<(), StoreError> {
        let lines: Vec<Line<'_>> = lines.iter().map(|access| Line { access, answers: false }).collect();
        insert(&self.pool, &lines).await.map(drop)
    }

    /// A writer of the access log. It connects when it first writes.
    #[must_use]
    pub fn access_writer(&self) -> AccessWriter {
        AccessWriter { store: self.clone(), open: None }
    }
}

/// Writes the access log over a connection of its own, so that no line waits behind those who read.
#[derive(Debug)]
pub struct AccessWriter {
    store: Store,
    open: Option<(PgConnection, Instant)>,
}

impl AccessWriter {
    /// Writes lines, all or none, in one statement, and tells which requests are to be refused all the same: those whose
    /// answers wait for their lines, and whose token turns out to be revoked. Their lines say so, and of no row.
    ///
    /// # Errors
    /// If the database cannot be used: no answer may leave. The next call connects anew.
    pub async fn write(&mut self, lines: &[Line<'_>]) -> Result<BTreeSet<Uuid>, StoreError> {
        let mut connection = self.connection().await?;
        let revoked = insert(&mut connection, lines).await?;
        self.open = Some((connection, Instant::now()));
        Ok(revoked)
    }

    /// The connection, taken out: whoever does not bring it back unharmed lets it end.
    async fn connection(&mut self) -> Result<PgConnection, StoreError> {
        if let Some((mut connection, used)) = self.open.take()
            && (used.elapsed() < UNQUESTIONED || connection.ping().await.is_ok())
        {
            return Ok(connection);
        }
        self.store.own_connection().await
    }
}

async fn insert(executor: impl PgExecutor<'_>, lines: &[Line<'_>]) -> Result<BTreeSet<Uuid>, StoreError> {
    if lines.is_empty() {
        return Ok(BTreeSet::new());
    }
    let json = serde_json::to_string(lines)
        .map_err(|error| StoreError::Database { tx: "log_access", source: sqlx::Error::Encode(error.into()) })?;
    // Postgres has no NUL in text; a request line that was one is written without it.
    let json = json.replace("\\u0000", "");
    let rows = sqlx::query(
        "/* log_access */ WITH lines AS MATERIALIZED ( \
           SELECT line.*, line.answers AND t.revoked_at IS NOT NULL AS revoked \
             FROM json_to_recordset($1::json) AS line (at timestamptz, request_id uuid, token_id uuid, person text, \
                  role text, method text, route text, scope text, query text, status smallint, row_count bigint, \
                  refusal text, answers boolean) \
             LEFT JOIN exhibit.tokens t ON t.id = line.token_id), \
         written AS ( \
           INSERT INTO exhibit.access_log (at, request_id, token_id, person, role, method, route, scope, query, \
                  status, row_count, refusal) \
           SELECT at, request_id, token_id, person, role, method, route, scope, query, \
                  CASE WHEN revoked THEN 401 ELSE status END, CASE WHEN NOT revoked THEN row_count END, \
                  CASE WHEN revoked THEN 'unauthenticated: the token was revoked' ELSE refusal END FROM lines) \
         SELECT request_id FROM lines WHERE revoked",
    )
    .bind(json)
    .fetch_all(executor)
    .await
    .map_err(in_tx("log_access"))?;
    rows.iter().map(|row| Reader::new(row, "access_log", "").get("request_id")).collect()
}

impl Reading {
    /// Lines of the access log that the scope may see, newest first.
    ///
    /// # Errors
    /// If the database cannot be used or a row is malformed.
    pub async fn access_log(&mut self, query: &AccessQuery) -> Result<AccessPage, StoreError> {
        let mut ask = Ask::bound(
            "/* access_log */ SELECT seq, at, request_id, token_id, person, role, method, route, scope, query, \
             status, row_count, refusal FROM exhibit.access_log WHERE true",
        );
        ask.maybe(" AND person = ", query.person.as_ref(), "text");
        ask.maybe(" AND route = ", query.route.as_ref(), "text");
        if let Some(refused) = query.refused {
            ask.push(if refused { " AND refusal IS NOT NULL" } else { " AND refusal IS NULL" });
        }
        ask.maybe(" AND at >= ", query.from, "timestamptz");
        ask.maybe(" AND at < ", query.to, "timestamptz");
        ask.maybe(" AND seq < ", query.before, "bigint");
        let limit = ask.limit(" ORDER BY seq DESC", query.limit);
        let rows = self.fetch("access_log", ask).await?;
        paged(rows.iter().map(line).collect::<Result<_, _>>()?, limit, |line| line.seq)
    }
}

fn line(row: &PgRow) -> Result<AccessRow, StoreError> {
    let seq = Reader::new(row, "access_log", "").count("seq")?;
    let reader = Reader::new(row, "access_log", seq);
    let status: i16 = reader.get("status")?;
    let count: Option<i64> = reader.get("row_count")?;
    Ok(AccessRow {
        seq,
        access: Access {
            at: reader.instant("at")?,
            request_id: reader.get("request_id")?,
            token_id: reader.get("token_id")?,
            person: reader.get("person")?,
            role: reader.get("role")?,
            method: reader.get("method")?,
            route: reader.get("route")?,
            scope: reader.get("scope")?,
            query: reader.get("query")?,
            status: u16::try_from(status).map_err(|error| reader.malformed("status", error))?,
            row_count: count.map(u64::try_from).transpose().map_err(|error| reader.malformed("row_count", error))?,
            refusal: reader.get("refusal")?,
        },
    })
}
