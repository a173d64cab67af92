//! The findings' current state: what their observations say, folded.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::tables::FindingRow;
use crate::StoreError;
use crate::error::in_tx;
use crate::rows::bigint;

/// What is merged into the findings: rows of the table, however they came about.
macro_rules! merge {
    ($name:literal, $rows:literal) => {
        concat!(
            "/* ",
            $name,
            " */ INSERT INTO exhibit.findings AS f ",
            $rows,
            " ON CONFLICT (fingerprint) DO UPDATE SET \
                (check_id, condition, environment, subject, severity, instances, last_observed_to, last_seq) = \
                    (SELECT n.check_id, n.condition, n.environment, n.subject, n.severity, n.instances, \
                            n.last_observed_to, n.last_seq \
                       FROM (VALUES \
                          (f.check_id, f.condition, f.environment, f.subject, f.severity, f.instances, \
                           f.last_observed_to, f.last_seq), \
                          (EXCLUDED.check_id, EXCLUDED.condition, EXCLUDED.environment, EXCLUDED.subject, \
                           EXCLUDED.severity, EXCLUDED.instances, EXCLUDED.last_observed_to, EXCLUDED.last_seq) \
                       ) AS n (check_id, condition, environment, subject, severity, instances, \
                               last_observed_to, last_seq) \
                      ORDER BY n.last_observed_to DESC, n.last_seq DESC LIMIT 1), \
                (first_observed_to, first_seq) = \
                    (SELECT n.first_observed_to, n.first_seq \
                       FROM (VALUES (f.first_observed_to, f.first_seq), \
                                    (EXCLUDED.first_observed_to, EXCLUDED.first_seq) \
                       ) AS n (first_observed_to, first_seq) \
                      ORDER BY n.first_observed_to, n.first_seq LIMIT 1), \
                most_instances = greatest(f.most_instances, EXCLUDED.most_instances), \
                observations = f.observations + EXCLUDED.observations"
        )
    };
}

/// Folds the observations of entries `from..to`, as Postgres holds them, into the findings' current state.
pub(crate) async fn merge_findings(tx: &mut PgConnection, from: u64, to: u64) -> Result<(), StoreError> {
    sqlx::query(merge!("merge_findings", "SELECT * FROM exhibit.fold_findings($1, $2)"))
        .bind(bigint(from))
        .bind(bigint(to))
        .execute(tx)
        .await
        .map_err(in_tx("merge_findings"))?;
    Ok(())
}

/// A finding as some observations alone show it: what `exhibit.fold_findings` says of them.
pub(crate) struct Folded<'r> {
    first: &'r FindingRow,
    last: &'r FindingRow,
    most_instances: i64,
    observations: i64,
}

/// Folds observations that are to be recorded now, one for each fingerprint: Postgres need not read again what it was
/// just told.
pub(crate) fn fold(rows: &[FindingRow]) -> Vec<Folded<'_>> {
    let mut by_fingerprint: BTreeMap<&[u8; 32], Folded<'_>> = BTreeMap::new();
    let order = |row: &FindingRow| (row.observed_to, row.seq, row.ordinal);
    for row in rows {
        let folded = by_fingerprint.entry(&row.fingerprint.0).or_insert(Folded {
            first: row,
            last: row,
            most_instances: row.instances,
            observations: 0,
        });
        if order(row) < order(folded.first) {
            folded.first = row;
        }
        if order(row) > order(folded.last) {
            folded.last = row;
        }
        folded.most_instances = folded.most_instances.max(row.instances);
        folded.observations += 1;
    }
    by_fingerprint.into_values().collect()
}

/// Merges what was folded into the findings' current state.
pub(crate) async fn merge_folded(tx: &mut PgConnection, folded: &[Folded<'_>]) -> Result<(), StoreError> {
    if folded.is_empty() {
        return Ok(());
    }
    let texts = |of: fn(&FindingRow) -> &str| folded.iter().map(|one| of(one.last)).collect::<Vec<_>>();
    let numbers = |of: fn(&Folded<'_>) -> i64| folded.iter().map(of).collect::<Vec<_>>();
    let times = |of: for<'f> fn(&Folded<'f>) -> &'f FindingRow| -> Vec<DateTime<Utc>> {
        folded.iter().map(|one| of(one).observed_to.utc()).collect()
    };
    sqlx::query(merge!(
        "merge_folded",
        "(fingerprint, check_id, condition, environment, subject, severity, instances, most_instances, observations, \
          first_observed_to, first_seq, last_observed_to, last_seq) \
         SELECT unnest($1::bytea[]), unnest($2::text[]), unnest($3::text[]), unnest($4::text[]), unnest($5::text[]), \
                unnest($6::text[]), unnest($7::bigint[]), unnest($8::bigint[]), unnest($9::bigint[]), \
                unnest($10::timestamptz[]), unnest($11::bigint[]), unnest($12::timestamptz[]), unnest($13::bigint[])"
    ))
    .bind(folded.iter().map(|one| one.last.fingerprint.0.as_slice()).collect::<Vec<_>>())
    .bind(texts(|row| &row.check_id))
    .bind(texts(|row| &row.condition))
    .bind(texts(|row| &row.environment))
    .bind(texts(|row| &row.subject))
    .bind(texts(|row| row.severity))
    .bind(numbers(|one| one.last.instances))
    .bind(numbers(|one| one.most_instances))
    .bind(numbers(|one| one.observations))
    .bind(times(|one| one.first))
    .bind(numbers(|one| one.first.seq))
    .bind(times(|one| one.last))
    .bind(numbers(|one| one.last.seq))
    .execute(tx)
    .await
    .map_err(in_tx("merge_findings"))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::tables::Bytes;
    use super::*;

    #[test]
    fn the_latest_observation_speaks_for_a_finding_in_whatever_order_they_come() {
        let row = |fingerprint: u8, micros: i64, seq, ordinal, instances| FindingRow {
            seq,
            ordinal,
            fingerprint: Bytes([fingerprint; 32]),
            check_id: format!("check-{seq}-{ordinal}"),
            condition: String::new(),
            environment: String::new(),
            subject: String::new(),
            severity: "high",
            instances,
            observed_to: exhibit_evidence::Timestamp::from_micros(micros).unwrap(),
        };
        let rows =
            [row(2, 50, 7, 0, 1), row(1, 20, 4, 1, 9), row(2, 30, 8, 0, 5), row(1, 20, 4, 0, 2), row(2, 50, 6, 3, 4)];
        let folded = fold(&rows).into_iter().map(|one| {
            let (first, last) = ((one.first.seq, one.first.ordinal), (one.last.seq, one.last.ordinal));
            (one.last.fingerprint.0[0], first, last, one.last.instances, one.most_instances, one.observations)
        });
        assert_eq!(
            folded.collect::<Vec<_>>(),
            [(1, (4, 0), (4, 1), 9, 9, 2), (2, (8, 0), (7, 0), 1, 5, 3)],
            "fingerprint, first, last, its instances, most instances, observations"
        );
    }
}
