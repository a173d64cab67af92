//! The rows of each projection, how they are written, and how they are compared.
//!
//! Rows are written as one array a column. Where rows are compared that differ, they travel as one JSON array a table,
//! which Postgres reads by column name: that keeps each table's shape in one place here, and compares values as
//! Postgres itself would store them.

use std::sync::LazyLock;

use serde::Serialize;
use serde_json::{Map, Value};
use sqlx::{AssertSqlSafe, PgConnection, Row as _};
use uuid::Uuid;

use exhibit_evidence::{Digest, Timestamp};

use super::column::Column;
use crate::StoreError;
use crate::error::in_tx;

/// Bytes as Postgres reads them from text.
#[derive(Debug, Clone)]
pub(crate) struct Bytes(pub(crate) [u8; 32]);

impl From<Digest> for Bytes {
    fn from(digest: Digest) -> Self {
        Self(digest.0)
    }
}

impl Serialize for Bytes {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("\\x{}", hex::encode(self.0)))
    }
}

/// A row that is not what the ledger says, or is not there, or should not be there.
pub(crate) struct Differing {
    pub(crate) table: &'static str,
    pub(crate) key: String,
    pub(crate) expected: Option<String>,
    pub(crate) found: Option<String>,
}

impl Differing {
    /// Expected and found, as far as they differ: whole rows would hide the difference.
    pub(crate) fn told(&self) -> (String, String) {
        let parse = |row: &Option<String>| -> Option<Map<String, Value>> { serde_json::from_str(row.as_deref()?).ok() };
        let (Some(mut expected), Some(mut found)) = (parse(&self.expected), parse(&self.found)) else {
            let told = |row: &Option<String>| row.clone().unwrap_or_else(|| "no row".to_owned());
            return (told(&self.expected), told(&self.found));
        };
        expected.retain(|column, value| {
            let same = found.get(column) == Some(value);
            if same {
                found.remove(column);
            }
            !same
        });
        (Value::Object(expected).to_string(), Value::Object(found).to_string())
    }
}

macro_rules! projections {
    ($($(#[$doc:meta])* $rows:ident: $row:ident = $table:literal joined by $join:literal {
        $($column:ident: $type:ty,)*
    })*) => {
        $($(#[$doc])* #[derive(Debug, Clone, Serialize)]
        pub(crate) struct $row { $(pub(crate) $column: $type,)* })*

        /// The rows of some entries, by table.
        #[derive(Debug, Default)]
        pub(crate) struct Rows { $(pub(crate) $rows: Vec<$row>,)* }

        impl Rows {
            pub(crate) fn extend(&mut self, more: Self) {
                $(self.$rows.extend(more.$rows);)*
            }
        }

        /// Writes rows into their tables.
        pub(crate) async fn write(tx: &mut PgConnection, rows: &Rows) -> Result<(), StoreError> {
            $(if !rows.$rows.is_empty() {
                static STATEMENT: LazyLock<String> = LazyLock::new(|| {
                    insert($table, &[$((stringify!($column), <$type as Column>::READ, <$type as Column>::ARRAY)),*])
                });
                let rows = &rows.$rows;
                // Made of the names and types below, and of nothing else.
                sqlx::query(AssertSqlSafe(STATEMENT.as_str()))
                    $(.bind(rows.iter().map(|row| row.$column.bound()).collect::<Vec<_>>()))*
                    .execute(&mut *tx)
                    .await
                    .map_err(in_tx("project"))?;
            })*
            Ok(())
        }

        /// Tables with the columns that their rows have, in the order in which [`encode`] tells them.
        pub(crate) const COLUMNS: &[(&str, &[&str])] = &[$(($table, &[$(stringify!($column)),*])),*];

        /// Tells each row, as `COPY` gives it, to `row`: which of [`COLUMNS`], and the bytes.
        pub(crate) fn encode(rows: &Rows, mut row: impl FnMut(&'static str, &[u8])) {
            let mut bytes = Vec::new();
            $(for each in &rows.$rows {
                bytes.clear();
                let columns = [$(stringify!($column)),*].len();
                bytes.extend(i16::try_from(columns).unwrap_or(i16::MAX).to_be_bytes());
                $(each.$column.encode(&mut bytes);)*
                row($table, &bytes);
            })*
        }

        /// Compares rows with what their tables hold for entries `from..to`.
        pub(crate) async fn compare(
            tx: &mut PgConnection,
            rows: &Rows,
            from: i64,
            to: i64,
        ) -> Result<Vec<Differing>, StoreError> {
            let mut differing = Vec::new();
            $(differing.extend(compare_table(tx, $table, concat!(
                "/* projection::compare */ \
                 SELECT to_jsonb(e)::text AS expected, to_jsonb(f)::text AS found, \
                        coalesce(e.seq, f.seq) AS seq \
                   FROM jsonb_populate_recordset(NULL::exhibit.", $table, ", $1::jsonb) e \
                   FULL JOIN (SELECT * FROM exhibit.", $table, " WHERE seq >= $2 AND seq < $3) f \
                     ON ", $join, " \
                  WHERE to_jsonb(e) IS DISTINCT FROM to_jsonb(f) ORDER BY 3"
            ), json(&rows.$rows)?, from, to).await?);)*
            Ok(differing)
        }
    };
}

projections! {
    /// Statements of the deployment.
    deployments: DeploymentRow = "deployments" joined by "e.seq = f.seq" {
        seq: i64, id: Uuid, recorded_at: Timestamp, origin: String,
    }
    /// Promises of schedules.
    schedules: ScheduleRow = "schedules" joined by "e.seq = f.seq" {
        seq: i64, id: Uuid, recorded_at: Timestamp, job: String, collector: String,
        schedule: Option<String>, time_zone: String, active_from: Timestamp,
        environments: Vec<String>,
    }
    /// Pieces of evidence.
    evidence: EvidenceRow = "evidence" joined by "e.seq = f.seq" {
        seq: i64, id: Uuid, recorded_at: Timestamp, job: String, collector: String,
        trigger: &'static str, scheduled_for: Option<Timestamp>, started_at: Timestamp,
        finished_at: Timestamp, observed_from: Timestamp, observed_to: Timestamp,
        environments: Vec<String>, subjects: Vec<String>, exist: Option<i64>, examined: i64,
        problems: i64, self_test_passed: Option<bool>,
    }
    /// Judgements.
    assessments: AssessmentRow = "assessments" joined by "e.seq = f.seq" {
        seq: i64, id: Uuid, recorded_at: Timestamp, evidence_id: Uuid, job: String,
        check_id: String, observed_to: Timestamp, judge_content: Bytes, verdict: &'static str,
        finding_count: i64,
    }
    /// Verdicts by subject.
    assessment_subjects: SubjectRow = "assessment_subjects"
        joined by "e.seq = f.seq AND e.ordinal = f.ordinal"
    {
        seq: i64, ordinal: i32, check_id: String, environment: String, subject: String,
        observed_to: Timestamp, verdict: &'static str, job: String,
    }
    /// Findings as observed.
    finding_observations: FindingRow = "finding_observations"
        joined by "e.seq = f.seq AND e.ordinal = f.ordinal"
    {
        seq: i64, ordinal: i32, fingerprint: Bytes, check_id: String, condition: String,
        environment: String, subject: String, severity: &'static str, instances: i64,
        observed_to: Timestamp,
    }
    /// How slots ended.
    slots: SlotRow = "slots" joined by "e.seq = f.seq" {
        job: String, scheduled_for: Timestamp, seq: i64, id: Uuid, recorded_at: Timestamp,
        state: &'static str, attempts: i64, started_at: Option<Timestamp>,
        finished_at: Option<Timestamp>, evidence_id: Option<Uuid>,
    }
    /// Frozen periods.
    periods: PeriodRow = "periods" joined by "e.seq = f.seq" {
        seq: i64, id: Uuid, recorded_at: Timestamp, period: String, starts_at: Timestamp,
        ends_at: Timestamp, from_size: i64,
    }
    /// Reports.
    reports: ReportRow = "reports" joined by "e.seq = f.seq" {
        seq: i64, id: Uuid, recorded_at: Timestamp, period: String, standing: &'static str,
        revision: i64, supersedes: Option<Uuid>, size: i64,
    }
    /// Receipts.
    receipts: ReceiptRow = "receipts" joined by "e.seq = f.seq" {
        seq: i64, id: Uuid, recorded_at: Timestamp, report_id: Option<Uuid>, store: String,
        key: String, version: String, digest: Bytes, retain_until: Timestamp, subject: &'static str,
    }
}

/// `INSERT INTO … SELECT unnest(…), …`, one array a column: its name, how it is read from the array, the array. Arrays
/// are unfolded side by side as rows are asked for; as a table, each would be written out as a whole before.
fn insert(table: &str, columns: &[(&str, &str, &str)]) -> String {
    let (mut names, mut values) = (Vec::new(), Vec::new());
    for (index, (name, read, array)) in columns.iter().enumerate() {
        names.push(format!("\"{name}\""));
        values.push(read.replace('@', &format!("unnest(${}::{array})", index + 1)));
    }
    let (names, values) = (names.join(", "), values.join(", "));
    format!("/* projection::write */ INSERT INTO exhibit.{table} ({names}) SELECT {values}")
}

fn json<T: Serialize>(rows: &[T]) -> Result<String, StoreError> {
    serde_json::to_string(rows)
        .map_err(|error| StoreError::Unfit(format!("projection rows cannot be written: {error}")))
}

async fn compare_table(
    tx: &mut PgConnection,
    table: &'static str,
    statement: &'static str,
    rows: String,
    from: i64,
    to: i64,
) -> Result<Vec<Differing>, StoreError> {
    let rows = sqlx::query(statement).bind(rows).bind(from).bind(to).fetch_all(tx).await.map_err(in_tx("compare"))?;
    rows.iter()
        .map(|row| {
            let seq: i64 = row.try_get("seq").map_err(in_tx("compare"))?;
            Ok(Differing {
                table,
                key: format!("seq {seq}"),
                expected: row.try_get("expected").map_err(in_tx("compare"))?,
                found: row.try_get("found").map_err(in_tx("compare"))?,
            })
        })
        .collect()
}
