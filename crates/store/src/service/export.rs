//! Long lists as a stream of bytes: what `COPY … TO STDOUT` gives, chunk by chunk, in little memory.

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use sqlx::PgConnection;
use sqlx::Postgres;
use sqlx::pool::PoolConnection;
use tokio::sync::mpsc;

use super::ask::Ask;
use super::evidence::EvidenceQuery;
use super::findings::FindingQuery;
use super::reading::{View, restrict};
use super::scope::Scope;
use crate::error::in_tx;
use crate::tx::SNAPSHOT;
use crate::{Store, StoreError};

/// A chunk is handed out when it has grown so long.
const CHUNK: usize = 64 * 1024;
/// Chunks that wait for a slow reader, at most.
const WAITING: usize = 4;

/// How a long list is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportFormat {
    /// One JSON object a line.
    Ndjson,
    /// Comma-separated with a line of names (RFC 4180, but lines end with LF).
    Csv,
}

/// A long list as chunks of bytes. Dropping it ends the statement behind it.
#[derive(Debug)]
pub struct Export {
    chunks: mpsc::Receiver<Result<Bytes, StoreError>>,
}

impl Export {
    /// The next chunk; none at the end. After an error there is nothing more, and what came before is not all.
    pub async fn next(&mut self) -> Option<Result<Bytes, StoreError>> {
        self.chunks.recv().await
    }
}

impl futures_core::Stream for Export {
    type Item = Result<Bytes, StoreError>;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        self.chunks.poll_recv(context)
    }
}

impl Store {
    /// Evidence that the question names and the scope may see, earliest first. NDJSON has one
    /// `{"record":…,"seq":…}` a line, the record being the exact bytes whose hash is the leaf; CSV has the columns
    /// of the list. `before`, `limit` and `records` of the question are not looked at.
    ///
    /// # Errors
    /// As [`Store::reading`]; what goes wrong later comes as the last chunk.
    pub async fn export_evidence(
        &self,
        scope: &Scope,
        query: &EvidenceQuery,
        format: ExportFormat,
    ) -> Result<Export, StoreError> {
        let (connection, view) = self.view(scope).await?;
        let mut ask = Ask::settings(match format {
            ExportFormat::Ndjson => {
                "/* export_evidence */ COPY (SELECT '{\"record\":' || e.record || ',\"seq\":' || e.seq || '}' \
                   FROM exhibit.evidence v JOIN exhibit.entries e ON e.seq = v.seq WHERE"
            }
            ExportFormat::Csv => {
                "/* export_evidence */ COPY (SELECT v.seq, v.id, exhibit.utc(v.recorded_at) AS recorded_at, v.job, \
                        v.collector, v.trigger, exhibit.utc(v.scheduled_for) AS scheduled_for, \
                        exhibit.utc(v.started_at) AS started_at, exhibit.utc(v.finished_at) AS finished_at, \
                        exhibit.utc(v.observed_from) AS observed_from, \
                        exhibit.utc(v.observed_to) AS observed_to, \
                        array_to_string(v.environments, ' ') AS environments, \
                        array_to_string(v.subjects, ' ') AS subjects, v.exist, v.examined, v.problems, \
                        v.self_test_passed, (SELECT string_agg(a.check_id || '=' || a.verdict, ' ' ORDER BY a.seq) \
                           FROM exhibit.assessments a WHERE a.evidence_id = v.id AND a.observed_to = v.observed_to) \
                          AS assessments FROM exhibit.evidence v WHERE"
            }
        });
        let as_of = view.as_of(query.as_of);
        EvidenceQuery { before: None, ..query.clone() }.conditions(&mut ask, as_of);
        view.within(&mut ask, " AND v.observed_to >= ", " AND v.observed_to < ");
        ask.push(" ORDER BY v.seq)");
        Ok(export(connection, ask, format))
    }

    /// Findings that the question names and the scope may see, by fingerprint, with the fields of the list.
    /// `after` and `limit` of the question are not looked at.
    ///
    /// # Errors
    /// As [`Store::reading`]; what goes wrong later comes as the last chunk.
    pub async fn export_findings(
        &self,
        scope: &Scope,
        query: &FindingQuery,
        format: ExportFormat,
    ) -> Result<Export, StoreError> {
        let (connection, view) = self.view(scope).await?;
        let mut ask = Ask::settings(match format {
            ExportFormat::Ndjson => "/* export_findings */ COPY (SELECT row_to_json(x) FROM (",
            ExportFormat::Csv => "/* export_findings */ COPY (SELECT x.* FROM (",
        });
        ask.push(
            "SELECT 'sha256:' || encode(f.fingerprint, 'hex') AS fingerprint, f.check_id AS check, f.condition, \
                f.environment, f.subject, f.severity, \
                CASE WHEN s.observed_to IS NULL OR (s.observed_to, s.seq) <= (f.last_observed_to, f.last_seq) \
                     THEN 'open' ELSE 'gone' END AS state, f.instances, f.most_instances, f.observations, \
                exhibit.utc(f.first_observed_to) AS first_observed_to, exhibit.utc(f.last_observed_to) AS last_observed_to, \
                exhibit.utc(s.observed_to) AS scope_judged_to, f.last_seq",
        );
        FindingQuery { after: None, ..query.clone() }.conditions(&mut ask, &view);
        ask.push(" ORDER BY f.fingerprint) x)");
        Ok(export(connection, ask, format))
    }

    /// A connection in a view of its own, as [`Store::reading`] has it, but one that can be thrown away.
    async fn view(&self, scope: &Scope) -> Result<(PoolConnection<Postgres>, View), StoreError> {
        let mut connection = self.pool.acquire().await.map_err(in_tx("export"))?;
        // Whatever happens from here on, no connection with an open transaction goes back to the pool.
        connection.close_on_drop();
        sqlx::raw_sql(SNAPSHOT).execute(&mut *connection).await.map_err(in_tx("export"))?;
        let size = restrict(&mut connection, scope).await?;
        Ok((connection, View { scope: scope.clone(), size }))
    }
}

fn export(mut connection: PoolConnection<Postgres>, mut ask: Ask, format: ExportFormat) -> Export {
    ask.push(match format {
        ExportFormat::Ndjson => " TO STDOUT",
        ExportFormat::Csv => " TO STDOUT WITH (FORMAT csv, HEADER)",
    });
    let (sender, chunks) = mpsc::channel(WAITING);
    // The task owns the connection; it ends when the statement does, or when nobody listens. The connection ends
    // with it: it may be in the middle of an answer.
    tokio::spawn(async move {
        if let Err(error) = copy(&mut connection, &ask, format, &sender).await {
            // Nobody listening is no loss.
            let _ = sender.send(Err(error)).await;
        }
    });
    Export { chunks }
}

/// Copies to the channel, until the end or until nobody listens any more.
async fn copy(
    connection: &mut PgConnection,
    ask: &Ask,
    format: ExportFormat,
    chunks: &mpsc::Sender<Result<Bytes, StoreError>>,
) -> Result<(), StoreError> {
    sqlx::query(
        "/* export::values */ SELECT set_config('exhibit.arg_' || n, v, true) \
           FROM unnest($1::text[]) WITH ORDINALITY AS x (v, n)",
    )
    .bind(&ask.values)
    .execute(&mut *connection)
    .await
    .map_err(in_tx("export"))?;
    let mut rows = connection.copy_out_raw(ask.text()).await.map_err(in_tx("export"))?;
    let mut chunk = BytesMut::with_capacity(CHUNK + CHUNK / 4);
    let mut gone = std::pin::pin!(chunks.closed());
    loop {
        let row = tokio::select! {
            biased;
            () = &mut gone => return Ok(()),
            row = rows.next() => row,
        };
        let Some(row) = row else { break };
        let row = row.map_err(in_tx("export"))?;
        match format {
            ExportFormat::Ndjson => unescape(&row, &mut chunk),
            ExportFormat::Csv => chunk.extend_from_slice(&row),
        }
        if chunk.len() >= CHUNK {
            let full = std::mem::replace(&mut chunk, BytesMut::with_capacity(CHUNK + CHUNK / 4));
            if chunks.send(Ok(full.freeze())).await.is_err() {
                return Ok(());
            }
        }
    }
    if !chunk.is_empty() {
        // Nobody listening is no loss.
        let _ = chunks.send(Ok(chunk.freeze())).await;
    }
    Ok(())
}

/// One line of `COPY`'s text format without its escapes. JSON holds no control characters, so a backslash only
/// ever stands for a backslash; the others are there for whatever else comes.
fn unescape(line: &[u8], out: &mut BytesMut) {
    let mut rest = line;
    while let Some(at) = memchr::memchr(b'\\', rest) {
        out.extend_from_slice(&rest[..at]);
        let escaped = rest.get(at + 1).copied().unwrap_or(b'\\');
        out.extend_from_slice(&[match escaped {
            b'b' => 8,
            b'f' => 12,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'v' => 11,
            other => other,
        }]);
        rest = rest.get(at + 2..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_of_copy_are_undone() {
        let cases: [(&[u8], &[u8]); 4] = [
            (b"plain\n", b"plain\n"),
            (br#"{"a":"x\\ny \\\\ \\\"z\\\""}"#, br#"{"a":"x\ny \\ \"z\""}"#),
            (b"tab\\tend\\n\n", b"tab\tend\n\n"),
            (b"\\\\", b"\\"),
        ];
        for (line, expected) in cases {
            let mut out = BytesMut::new();
            unescape(line, &mut out);
            assert_eq!(out.as_ref(), expected);
        }
    }
}
