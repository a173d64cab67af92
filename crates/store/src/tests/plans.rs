//! That the API's usual questions are answered from indexes, in a ledger of many months.
//!
//! Pages that Postgres touched are counted, not time: a question that reads a table from one end to the other touches
//! as many as the table has, however quick the machine is.

use exhibit_evidence::{Fingerprint, Severity, Verdict};
use serde_json::Value;
use sqlx::Row as _;

use super::samples::*;
use crate::service::*;
use crate::testing::TestDatabase;

/// Pieces of evidence a month.
const A_MONTH: usize = 2_000;
/// Months.
const MONTHS: usize = 24;

/// A ledger's projections and records of two years, made by Postgres itself.
async fn two_years() -> TestDatabase {
    let database = TestDatabase::new().await;
    let all = A_MONTH * MONTHS;
    let fill = format!(
        "SET search_path = exhibit, pg_catalog; \
         SELECT ensure_month_partitions(timestamptz '2025-01-01Z' + m * interval '1 month') \
           FROM generate_series(0, {MONTHS} - 1) m; \
         CREATE TEMP TABLE n AS SELECT 2 * i AS seq, i, ('00000000-0000-7000-8000-' || lpad(to_hex(2 * i), 12, '0'))::uuid AS id, \
                timestamptz '2025-01-02Z' + (i / {A_MONTH}) * interval '1 month' + (i % {A_MONTH}) * interval '1 minute' AS at, \
                CASE i % 50 WHEN 0 THEN 'rare_one' ELSE 'ci_secrets' END AS collector, \
                CASE i % 3 WHEN 0 THEN ARRAY['staging'] ELSE ARRAY['production'] END AS environments, \
                CASE i % 500 WHEN 7 THEN 'fail' ELSE 'pass' END AS verdict FROM generate_series(0, {all} - 1) i; \
         INSERT INTO entries SELECT seq, 'evidence', id, at, '{{\"body\":{{\"observation\":{{\"observed_to\":\"' || utc(at) || '\"}}}}}}' FROM n; \
         INSERT INTO entries SELECT seq + 1, 'assessment', md5(id::text)::uuid, at, '{{\"body\":{{\"observed_to\":\"' || utc(at) || '\"}}}}' FROM n; \
         INSERT INTO entry_ids SELECT id, seq FROM entries; \
         INSERT INTO evidence SELECT seq, id, at, 'job-' || i % 20, collector, 'scheduled', at, at, at, at, at, environments, \
                ARRAY[environments[1] || '/exhibit'], 1, 1, 0, true FROM n; \
         INSERT INTO assessments SELECT seq + 1, md5(id::text)::uuid, at, id, 'job-' || i % 20, \
                replace(collector, '_', '-') || '.check', at, sha256('x'), verdict, 0 FROM n; \
         INSERT INTO assessment_subjects SELECT seq + 1, 0, replace(collector, '_', '-') || '.check', environments[1], \
                'exhibit', at, verdict, 'job-' || i % 20 FROM n; \
         INSERT INTO finding_observations SELECT seq + 1, 0, sha256(convert_to((i % 900)::text, 'UTF8')), \
                replace(collector, '_', '-') || '.check', 'kind', environments[1], 'exhibit', \
                CASE i % 1000 WHEN 7 THEN 'critical' ELSE 'low' END, 1, at FROM n WHERE verdict = 'fail' OR i % 10 = 0; \
         INSERT INTO findings SELECT * FROM fold_findings(0, {all} * 2); \
         INSERT INTO schedules (seq, id, recorded_at, job, collector, schedule, time_zone, active_from, environments) \
                SELECT i, md5(i::text)::uuid, '2025-01-01Z', 'job-' || i, 'ci_secrets', '* * * * *', 'UTC', '2025-01-01Z', \
                ARRAY['production'] FROM generate_series(0, 19) i; \
         INSERT INTO slots SELECT 'job-' || i % 20, at, seq, id, at, CASE i % 100 WHEN 3 THEN 'missed' ELSE 'performed' END, \
                1, at, at, id FROM n; \
         UPDATE ledger_head SET size = {all} * 2, last_recorded_at = (SELECT max(at) FROM n); \
         ANALYZE entries; ANALYZE entry_ids; ANALYZE evidence; ANALYZE assessments; ANALYZE assessment_subjects; \
         ANALYZE finding_observations; ANALYZE findings; ANALYZE schedules; ANALYZE slots"
    );
    database.sql(&database.owner_url(), &fill).await.unwrap();
    database
}

/// Pages that the plan touched, of tables and indexes alike.
fn touched(plan: &str) -> u64 {
    let plan: Value = serde_json::from_str(plan).unwrap();
    let of = |name: &str| plan[0]["Plan"][name].as_u64().unwrap_or(0);
    of("Shared Hit Blocks") + of("Shared Read Blocks")
}

#[tokio::test]
async fn the_usual_questions_are_answered_from_indexes() {
    let database = two_years().await;
    let store = database.store();
    let pages: i64 =
        sqlx::query("SELECT sum(relpages)::bigint FROM pg_class WHERE relname LIKE 'evidence_2%' AND relkind = 'r'")
            .fetch_one(&store.pool)
            .await
            .unwrap()
            .get(0);
    let whole = pages.unsigned_abs();
    let words = |words: &[&str]| Some(words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>());
    let limited = Scope {
        environments: words(&["production"]),
        collectors: words(&["ci_secrets", "rare_one"]),
        checks: words(&["ci-secrets.check", "rare-one.check"]),
        ..Scope::whole()
    };
    let month = PeriodLimit {
        name: "2026-Q1".into(),
        from: "2026-02-01T00:00:00.000000Z".parse().unwrap(),
        to: "2026-03-01T00:00:00.000000Z".parse().unwrap(),
    };
    let timed = Scope { periods: Some(vec![month.clone()]), ..limited.clone() };
    let all = EvidenceQuery::default;
    let questions = [
        ("all", all()),
        ("of a rare collector", EvidenceQuery { collectors: words(&["rare_one"]), ..all() }),
        ("of an environment", EvidenceQuery { environment: Some("production".into()), ..all() }),
        ("of a job", EvidenceQuery { job: Some("job-3".into()), limit: 20, ..all() }),
        ("by a check", EvidenceQuery { checks: words(&["ci-secrets.check"]), ..all() }),
        (
            "observed in a month",
            EvidenceQuery { observed_from: Some(month.from), observed_to: Some(month.to), ..all() },
        ),
        ("recorded before", EvidenceQuery { recorded_to: Some(month.from), ..all() }),
        ("deep in the list", EvidenceQuery { before: Some(5_000), ..all() }),
        ("as of a size", EvidenceQuery { as_of: Some(9_000), ..all() }),
    ];
    let mut told = Vec::new();
    for (who, scope, bound) in [("whole", Scope::whole(), 1_000), ("limited", limited, 1_600), ("timed", timed, 1_600)]
    {
        let mut reading = store.reading(&scope).await.unwrap();
        for (what, question) in &questions {
            reading.plans = Some(Vec::new());
            let found = reading.evidence(question).await.unwrap().items.len();
            told.push((format!("{who}, {what}: {found}"), reading.plans.take().unwrap(), bound));
        }
        reading.plans = Some(Vec::new());
        let id = id_of(30_001);
        let piece = reading.evidence_piece(id, None).await;
        told.push((format!("{who}, one piece: {}", piece.is_ok()), reading.plans.take().unwrap(), 400));
        reading.plans = Some(Vec::new());
        let slots = reading.slots(&SlotQuery::default()).await.unwrap().items.len();
        told.push((format!("{who}, slots: {slots}"), reading.plans.take().unwrap(), bound));
    }
    // Rare things are looked for among what is rare, not among everything.
    let mut reading = store.reading(&Scope::whole()).await.unwrap();
    for (what, question) in [
        ("failed", EvidenceQuery { outcome: Some(Verdict::Fail), ..all() }),
        ("with a critical finding", EvidenceQuery { severities: Some(vec![Severity::Critical]), ..all() }),
    ] {
        reading.plans = Some(Vec::new());
        let found = reading.evidence(&question).await.unwrap().items.len();
        told.push((format!("whole, {what}: {found}"), reading.plans.take().unwrap(), 3_000));
    }
    reading.plans = Some(Vec::new());
    let listed = reading.findings(&FindingQuery { limit: 20, ..FindingQuery::default() }).await.unwrap();
    told.push((format!("findings: {}", listed.items.len()), reading.plans.take().unwrap(), 1_000));
    reading.plans = Some(Vec::new());
    let one: Fingerprint = listed.items[0].fingerprint;
    reading.finding(one, None).await.unwrap();
    told.push(("one finding".into(), reading.plans.take().unwrap(), 1_000));
    let wrong: Vec<String> = told
        .iter()
        .flat_map(|(what, plans, bound)| plans.iter().map(move |plan| (what, touched(plan), *bound, plan)))
        .filter(|(_, touched, bound, _)| touched > bound)
        .map(|(what, touched, bound, plan)| format!("{what}: {touched} pages, at most {bound}\n{}", short(plan)))
        .collect();
    let sums: Vec<String> = told
        .iter()
        .map(|(what, plans, _)| format!("{what}: {:?}", plans.iter().map(|p| touched(p)).collect::<Vec<_>>()))
        .collect();
    assert!(wrong.is_empty(), "evidence has {whole} pages\n{}\n\n{}", sums.join("\n"), wrong.join("\n"));
}

/// The nodes of a plan, to see what went wrong.
fn short(plan: &str) -> String {
    let lines = plan.lines().map(str::trim);
    let kept = lines.filter(|line| {
        ["\"Node Type\"", "\"Relation Name\"", "\"Index Name\"", "\"Actual Rows\"", "\"Actual Loops\""]
            .iter()
            .any(|word| line.starts_with(word))
    });
    kept.take(80).collect::<Vec<_>>().join(" ")
}

fn id_of(number: usize) -> exhibit_evidence::EntryId {
    format!("00000000-0000-7000-8000-{:012x}", 2 * number).parse().unwrap()
}

#[tokio::test]
async fn the_ledger_s_size_at_a_time_is_found_by_halving() {
    let database = TestDatabase::new().await;
    let store = database.store();
    for (number, micros) in [(1, 10), (2, 20), (3, 20), (4, 30)] {
        store
            .append(crate::Append::entries(
                at(micros),
                vec![entry(number, closure("nightly", at(micros + number as i64)))],
            ))
            .await
            .unwrap();
    }
    for (micros, expected) in [(0, 0), (10, 0), (11, 1), (20, 1), (21, 3), (30, 3), (31, 4)] {
        let found: i64 = sqlx::query_scalar("SELECT exhibit.size_at($1)")
            .bind(at(micros).utc())
            .fetch_one(&store.pool)
            .await
            .unwrap();
        assert_eq!(found, expected, "{micros}");
    }
}
