//! Tokens, the access log, and reading within a scope.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::Row as _;
use uuid::Uuid;

use super::samples::*;
use crate::service::*;
use crate::testing::TestDatabase;
use crate::{
    Append, LEDGER, NOT_PROJECTIONS, NewArtifact, NewEntry, NewRunRequest, NewSubmission, PROJECTIONS, Store,
    StoreError,
};

const CHECK: &str = "ci-secrets.plaintext-value";
const OTHER_CHECK: &str = "other-thing.looks-right";

/// Evidence of a job in some environments, with an assessment that notes one finding in the first of them.
fn looked(number: u64, job: &str, micros: i64, environments: &[&str], collector: &str) -> Vec<NewEntry> {
    let mut seen = evidence(job, at(micros));
    seen.collector.id = collector.parse().unwrap();
    let subjects = environments.iter().map(|environment| {
        let mut one = subject("exhibit");
        one.environment = environment.parse().unwrap();
        one
    });
    seen.observation.subjects = subjects.collect();
    seen.observation.population[0].subject = seen.observation.subjects[0].clone();
    seen.observation.artifacts = vec![exhibit_evidence::observation::ArtifactRef {
        name: "output".into(),
        media_type: "text/plain".into(),
        digest: artifact(number).digest(),
        size: 1,
        masked: 0,
    }];
    let mut noted = finding(job, 1);
    noted.environment = environments[0].parse().unwrap();
    let check = if collector == "other_thing" { OTHER_CHECK } else { CHECK };
    let check = check.parse().unwrap();
    noted.fingerprint = exhibit_evidence::Fingerprint::of(&check, &noted.environment, &noted.subject, &[job]).unwrap();
    let mut judged = assessment(id(number), job, at(micros), vec![noted]);
    judged.judgement.check = check;
    judged.judgement.subjects[0].subject = seen.observation.subjects[0].clone();
    vec![entry(number, seen), entry(number + 1, judged)]
}

fn artifact(number: u64) -> NewArtifact {
    NewArtifact { media_type: "text/plain".into(), bytes: format!("output {number}").into_bytes().into() }
}

/// Four looks: at production, later at staging, later at both, and by another collector at production.
async fn filled() -> TestDatabase {
    let database = TestDatabase::new().await;
    let store = database.store();
    let mut weekly = promise("weekly");
    weekly.environments = vec!["staging".parse().unwrap()];
    let mut both = promise("both");
    both.environments = vec!["production".parse().unwrap(), "staging".parse().unwrap()];
    let mut other = promise("other");
    other.collector = "other_thing".parse().unwrap();
    let mut entries =
        vec![entry(1, deployment()), entry(2, promise("nightly")), entry(3, weekly), entry(4, both), entry(5, other)];
    entries.extend(looked(10, "nightly", 0, &["production"], "ci_secrets"));
    entries.extend(looked(20, "weekly", 1_000, &["staging"], "ci_secrets"));
    entries.extend(looked(30, "both", 2_000, &["production", "staging"], "ci_secrets"));
    entries.extend(looked(40, "other", 3_000, &["production"], "other_thing"));
    for (number, (job, micros)) in (50..).zip([("nightly", 0), ("weekly", 1_000), ("both", 2_000), ("other", 3_000)]) {
        entries.push(entry(number, closure(job, at(micros))));
    }
    entries.extend([entry(60, freeze()), entry(61, report()), entry(62, receipt(id(61)))]);
    let unit = Append { artifacts: [10, 20, 30, 40].map(artifact).into(), ..disclosed(at(9_000), entries) };
    store.append(unit).await.unwrap();
    store.log_access(&[access("jane", None), access("ada", Some("expired"))]).await.unwrap();
    for (number, person) in [(80, "jane"), (81, "ada")] {
        store.request_run(&asked(number, person)).await.unwrap();
    }
    let handed_in = NewRunRequest { key: Some("k".into()), ..asked(82, "jane") };
    store.submit(&NewSubmission { request: handed_in, content: "{}".into() }).await.unwrap();
    database
}

fn asked(number: u64, person: &str) -> NewRunRequest {
    NewRunRequest {
        id: id(number),
        job: "nightly".parse().unwrap(),
        person: person.into(),
        credential: None,
        key: None,
        reason: None,
        at: at(9_000),
    }
}

fn access(person: &str, refusal: Option<&str>) -> Access {
    Access {
        at: at(5),
        request_id: Uuid::from_u128(7),
        token_id: Some(Uuid::from_u128(8)),
        person: Some(person.into()),
        role: Some("auditor".into()),
        method: "GET".into(),
        route: "/api/v1/evidence".into(),
        scope: "{}".into(),
        query: "collector=ci_secrets".into(),
        status: if refusal.is_some() { 401 } else { 200 },
        row_count: Some(3),
        refusal: refusal.map(str::to_owned),
    }
}

fn words(words: &[&str]) -> Option<Vec<String>> {
    Some(words.iter().map(|&word| word.to_owned()).collect())
}

fn period(name: &str, from: i64, to: i64) -> PeriodLimit {
    PeriodLimit { name: name.into(), from: at(from), to: at(to) }
}

/// Scopes by name.
fn scopes() -> BTreeMap<&'static str, Scope> {
    let whole = Scope { access: AccessSight::None, requests: AccessSight::None, ..Scope::whole() };
    BTreeMap::from([
        ("whole", Scope::whole()),
        ("nothing", Scope::nothing()),
        ("production", Scope { environments: words(&["production"]), ..whole.clone() }),
        ("staging", Scope { environments: words(&["staging"]), ..whole.clone() }),
        ("both", Scope { environments: words(&["production", "staging"]), ..whole.clone() }),
        ("other", Scope { collectors: words(&["other_thing"]), checks: words(&[OTHER_CHECK]), ..whole.clone() }),
        ("early", Scope { periods: Some(vec![period("2026-Q4", 0, 1_500)]), ..whole.clone() }),
        ("gap", Scope { periods: Some(vec![period("a", 0, 1), period("b", 2_500, 4_000)]), ..whole.clone() }),
        (
            "ada",
            Scope {
                access: AccessSight::Own("ada".into()),
                requests: AccessSight::Own("ada".into()),
                ..Scope::nothing()
            },
        ),
    ])
}

/// What each scope sees of each table that row-level security is on.
const SEEN: [(&str, [usize; 9]); 16] = [
    // whole, nothing, production, staging, both, other, early, gap, ada
    ("evidence", [4, 0, 2, 1, 4, 1, 2, 2, 0]),
    ("assessments", [4, 0, 2, 1, 4, 1, 2, 2, 0]),
    // A finding is about one environment, whatever else was looked at with it.
    ("assessment_subjects", [4, 0, 3, 1, 4, 1, 2, 2, 0]),
    ("finding_observations", [4, 0, 3, 1, 4, 1, 2, 2, 0]),
    // Rows that tell of all time are not for those who are limited in time.
    ("findings", [4, 0, 3, 1, 4, 1, 0, 0, 0]),
    ("schedules", [4, 0, 2, 1, 4, 1, 4, 4, 0]),
    ("slots", [4, 0, 2, 1, 4, 1, 2, 2, 0]),
    ("periods", [1, 0, 1, 1, 1, 1, 1, 0, 0]),
    // Reports are about everything.
    ("reports", [1, 0, 0, 0, 0, 0, 1, 0, 0]),
    ("receipts", [1, 0, 0, 0, 0, 0, 1, 0, 0]),
    ("deployments", [1, 0, 0, 0, 0, 0, 0, 0, 0]),
    // 20 entries; else evidence, assessments, promises, slots, the period, and perhaps the report and its receipt.
    ("entries", [20, 0, 9, 5, 17, 5, 13, 10, 0]),
    ("disclosures", [8, 0, 4, 2, 8, 2, 4, 4, 0]),
    // Nobody limited reads an artifact but through an entry.
    ("artifacts", [4, 0, 0, 0, 0, 0, 0, 0, 0]),
    ("access_log", [2, 0, 0, 0, 0, 0, 0, 0, 1]),
    // Whoever may not see all requests sees their own.
    ("run_requests", [3, 0, 0, 0, 0, 0, 0, 0, 1]),
];
const ORDER: [&str; 9] = ["whole", "nothing", "production", "staging", "both", "other", "early", "gap", "ada"];

/// Positions and hashes, which proofs need whole.
const PUBLIC: [&str; 4] = ["ledger_head", "entry_ids", "tree_nodes", "checkpoints"];
/// What no reader sees at all.
const CLOSED: [&str; 7] =
    ["slot_claims", "submissions", "archive_intents", "disclosure_keys", "tokens", "sessions", "_sqlx_migrations"];

#[tokio::test]
async fn each_scope_sees_its_rows_of_each_table_and_no_others() {
    let database = filled().await;
    let scopes = scopes();
    let mut wrong = Vec::new();
    for (column, name) in ORDER.iter().enumerate() {
        let mut reading = database.store().reading(&scopes[name]).await.unwrap();
        assert_eq!(reading.size(), 20);
        for (table, seen) in SEEN {
            let rows = count(&mut reading, table).await.unwrap();
            if rows != seen[column] {
                wrong.push(format!("{table} as {name}: {rows}, expected {}", seen[column]));
            }
        }
        for table in PUBLIC {
            count(&mut reading, table).await.unwrap();
        }
        reading.close().await.unwrap();
        for table in CLOSED {
            let mut reading = database.store().reading(&scopes[name]).await.unwrap();
            assert!(count(&mut reading, table).await.is_err(), "{table} is open to {name}");
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

async fn count(reading: &mut Reading, table: &str) -> Result<usize, sqlx::Error> {
    // One column that all may see: of disclosures, salts are not to be read.
    let column = if table == "disclosures" { "digest" } else { "*" };
    let sql = format!("SELECT count(*) FROM (SELECT {column} FROM exhibit.{table}) x");
    let row = sqlx::query(sqlx::AssertSqlSafe(sql)).fetch_one(reading.connection()).await?;
    Ok(usize::try_from(row.get::<i64, _>(0)).unwrap())
}

#[tokio::test]
async fn every_table_has_a_line_above() {
    let told: BTreeSet<&str> = SEEN.iter().map(|(table, _)| *table).chain(PUBLIC).chain(CLOSED).collect();
    let there: BTreeSet<&str> =
        LEDGER.iter().chain(PROJECTIONS).chain(NOT_PROJECTIONS).copied().chain(["_sqlx_migrations"]).collect();
    assert_eq!(told, there, "say in SEEN, PUBLIC or CLOSED who sees the table, and give it a policy");
    let database = TestDatabase::new().await;
    let secured: Vec<String> = sqlx::query_scalar(
        "SELECT c.relname::text FROM pg_class c WHERE c.relnamespace = 'exhibit'::regnamespace \
            AND c.relrowsecurity AND NOT c.relispartition ORDER BY 1",
    )
    .fetch_all(&database.store().pool)
    .await
    .unwrap();
    let expected: BTreeSet<&str> = SEEN.iter().map(|(table, _)| *table).collect();
    assert_eq!(secured.iter().map(String::as_str).collect::<BTreeSet<_>>(), expected);
}

#[tokio::test]
async fn without_a_scope_there_are_no_rows_and_nothing_can_be_written() {
    let database = filled().await;
    let service = database.service_url();
    for (table, _) in SEEN {
        let column = if table == "disclosures" { "digest" } else { "*" };
        let none = format!(
            "SET ROLE exhibit_service_reader; \
             DO $$ BEGIN IF EXISTS (SELECT {column} FROM exhibit.{table}) THEN RAISE 'rows are seen'; END IF; END $$"
        );
        database.sql(&service, &none).await.unwrap_or_else(|error| panic!("{table}: {error}"));
    }
    for table in SEEN.iter().map(|(table, _)| *table).chain(PUBLIC).chain(CLOSED) {
        for change in ["DELETE FROM", "TRUNCATE", "INSERT INTO"] {
            let values = if change == "INSERT INTO" { " DEFAULT VALUES" } else { "" };
            let statement = format!("SET ROLE exhibit_service_reader; {change} exhibit.{table}{values}");
            let refused = database.sql(&service, &statement).await.unwrap_err();
            let code = refused.into_database_error().unwrap().code().unwrap().into_owned();
            assert_eq!(code, "42501", "{statement}");
        }
    }
    // The reader's own partitions are no way round its policies.
    let partition = "SET ROLE exhibit_service_reader; SELECT FROM exhibit.entries_000000";
    assert!(database.sql(&service, partition).await.is_err());
}

#[tokio::test]
async fn the_scope_ends_with_the_view() {
    let database = filled().await;
    let mut reading = database.store().reading(&Scope::whole()).await.unwrap();
    assert_eq!(count(&mut reading, "evidence").await.unwrap(), 4);
    drop(reading);
    // The same connection, used by the service again: neither role nor scope are left.
    let row = sqlx::query("SELECT current_user::text, coalesce(current_setting('exhibit.environments', true), '')")
        .fetch_one(&database.store().pool)
        .await
        .unwrap();
    assert_eq!((row.get::<String, _>(0).as_str(), row.get::<String, _>(1).as_str()), ("exhibit_service", ""));
    database.store().rebuild().await.unwrap();
    let report = database.store().fsck(&crate::Trusted::default()).await.unwrap();
    assert!(report.is_clean(), "{report:?}");
    database
        .store()
        .append(Append::entries(at(9_999), looked(70, "nightly", 5_000, &["production"], "ci_secrets")))
        .await
        .unwrap();
}

#[tokio::test]
async fn evidence_is_found_by_each_filter() {
    let database = filled().await;
    let mut reading = database.store().reading(&Scope::whole()).await.unwrap();
    let all = EvidenceQuery::default;
    let severe = |severity| Some(vec![severity]);
    let cases: Vec<(EvidenceQuery, &[u64])> = vec![
        (all(), &[11, 9, 7, 5]),
        (EvidenceQuery { collectors: words(&["other_thing"]), ..all() }, &[11]),
        (EvidenceQuery { collectors: words(&["other_thing", "ci_secrets"]), limit: 2, ..all() }, &[11, 9]),
        (EvidenceQuery { collectors: words(&[]), ..all() }, &[]),
        (EvidenceQuery { job: Some("weekly".into()), ..all() }, &[7]),
        (EvidenceQuery { checks: words(&[CHECK]), ..all() }, &[9, 7, 5]),
        (EvidenceQuery { environment: Some("staging".into()), ..all() }, &[9, 7]),
        (EvidenceQuery { outcome: Some(exhibit_evidence::Verdict::Pass), ..all() }, &[]),
        (
            EvidenceQuery { outcome: Some(exhibit_evidence::Verdict::Fail), checks: words(&[OTHER_CHECK]), ..all() },
            &[11],
        ),
        (EvidenceQuery { severities: severe(exhibit_evidence::Severity::High), before: Some(9), ..all() }, &[7, 5]),
        (EvidenceQuery { severities: severe(exhibit_evidence::Severity::Low), ..all() }, &[]),
        (EvidenceQuery { observed_from: Some(at(1_000)), observed_to: Some(at(3_000)), ..all() }, &[9, 7]),
        (EvidenceQuery { recorded_to: Some(at(9_000)), ..all() }, &[]),
        (EvidenceQuery { recorded_from: Some(at(9_000)), as_of: Some(8), ..all() }, &[7, 5]),
        (EvidenceQuery { job: Some("it's {\"odd\",\\}".into()), ..all() }, &[]),
    ];
    for (query, expected) in cases {
        let page = reading.evidence(&query).await.unwrap();
        assert_eq!(page.items.iter().map(|one| one.seq).collect::<Vec<_>>(), expected, "{query:?}");
        let export = database.store().export_evidence(&Scope::whole(), &query, ExportFormat::Ndjson).await.unwrap();
        let mut lines: Vec<u64> = text(export)
            .await
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["seq"].as_u64().unwrap())
            .collect();
        lines.reverse();
        if query.before.is_none() && query.limit == 0 {
            assert_eq!(lines, expected, "{query:?}");
        }
    }
    let page = reading.evidence(&EvidenceQuery { records: true, limit: 1, ..all() }).await.unwrap();
    let one = &page.items[0];
    assert_eq!((one.assessments[0].check.as_str(), one.assessments[0].findings), (OTHER_CHECK, 1));
    let stored = database.store().entry(id(40)).await.unwrap();
    assert_eq!(one.record.as_ref().unwrap().get(), stored.text);
    assert_eq!(page.next, Some(11));
}

async fn text(mut export: Export) -> String {
    let mut all = Vec::new();
    while let Some(chunk) = export.next().await {
        all.extend_from_slice(&chunk.unwrap());
    }
    String::from_utf8(all).unwrap()
}

#[tokio::test]
async fn a_piece_comes_with_what_belongs_to_it_and_an_artifact_through_what_cites_it() {
    let database = filled().await;
    let store = database.store();
    let mut reading = store.reading(&scopes()["staging"]).await.unwrap();
    let piece = reading.evidence_piece(id(20), None).await.unwrap();
    assert_eq!(piece.entry.record.get(), store.entry(id(20)).await.unwrap().text);
    assert_eq!(piece.assessments[0].id, id(21));
    assert_eq!(piece.disclosures.len(), 2);
    assert!(piece.disclosures.iter().all(|value| value.entry == id(20) && value.value.is_some()));
    assert!(matches!(reading.evidence_piece(id(10), None).await, Err(StoreError::NotFound { .. })));
    assert!(matches!(reading.evidence_piece(id(20), Some(7)).await, Err(StoreError::NotFound { .. })));
    let found = reading.artifact(id(20), artifact(20).digest()).await.unwrap();
    assert_eq!(found.bytes, *artifact(20).bytes);
    // Neither through an entry out of sight, nor through one that does not cite it.
    for (through, of) in [(10, 10), (20, 10), (30, 20)] {
        let refused = reading.artifact(id(through), artifact(of).digest()).await;
        assert!(matches!(refused, Err(StoreError::NotFound { .. })), "{through} {of}");
    }
}

#[tokio::test]
async fn pages_stay_stable_while_the_ledger_grows() {
    let database = filled().await;
    let store = database.store();
    let mut seen = Vec::new();
    let mut query = EvidenceQuery { limit: 1, ..EvidenceQuery::default() };
    let mut number = 100;
    loop {
        let mut reading = store.reading(&Scope::whole()).await.unwrap();
        query.as_of = query.as_of.or(Some(reading.size()));
        let page = reading.evidence(&query).await.unwrap();
        seen.extend(page.items.iter().map(|one| one.seq));
        store
            .append(Append::entries(at(9_999), looked(number, "nightly", -5, &["production"], "ci_secrets")))
            .await
            .unwrap();
        number += 2;
        match page.next {
            Some(next) => query.before = Some(next),
            None => break,
        }
    }
    assert_eq!(seen, [11, 9, 7, 5]);
    let mut reading = store.reading(&Scope::whole()).await.unwrap();
    let past = FindingQuery { as_of: Some(20), limit: 3, ..FindingQuery::default() };
    let first = reading.findings(&past).await.unwrap();
    let second = reading.findings(&FindingQuery { after: first.next, ..past }).await.unwrap();
    assert_eq!((first.items.len(), second.items.len(), second.next), (3, 1, None));
    let all = first.items.iter().chain(&second.items);
    assert!(all.clone().all(|finding| finding.observations == 1));
    let now = reading.findings(&FindingQuery::default()).await.unwrap();
    assert_eq!(now.items.len(), 4);
    assert!(now.items.iter().any(|finding| finding.observations > 1));
}

#[tokio::test]
async fn a_finding_tells_its_history_within_the_scope() {
    let database = filled().await;
    let store = database.store();
    // Clean looks at production's subject, later: what each job noted there is gone, and nothing by another job's look.
    let clean = async |number: u64, job: &str| {
        let judged = entry(number, assessment(id(900), job, at(8_000), Vec::new()));
        store.append(Append::entries(at(9_999), vec![judged])).await.unwrap();
    };
    clean(90, "nightly").await;
    let mut reading = store.reading(&Scope::whole()).await.unwrap();
    let open = FindingQuery { state: Some(FindingState::Open), ..FindingQuery::default() };
    assert_eq!(reading.findings(&open).await.unwrap().items.len(), 3);
    clean(91, "both").await;
    let mut reading = store.reading(&Scope::whole()).await.unwrap();
    let open = FindingQuery { state: Some(FindingState::Open), ..FindingQuery::default() };
    let gone = FindingQuery { state: Some(FindingState::Gone), ..FindingQuery::default() };
    assert_eq!(reading.findings(&open).await.unwrap().items.len(), 2);
    let gone = reading.findings(&gone).await.unwrap().items;
    assert_eq!(gone.len(), 2);
    let of_both = exhibit_evidence::Fingerprint::of(
        &CHECK.parse().unwrap(),
        &"production".parse().unwrap(),
        &"exhibit".parse().unwrap(),
        &["both"],
    );
    let of_both = of_both.unwrap();
    let told = reading.finding(of_both, None).await.unwrap();
    assert_eq!(told.history.len(), 1);
    assert!(gone.contains(&told.finding), "{told:?}");
    assert_eq!(told.last.unwrap()["fingerprint"], of_both.to_string().as_str());
    // As the ledger stood before, and within an earlier time, it was still there.
    let before = reading.finding(of_both, Some(20)).await.unwrap();
    assert_eq!(before.finding.state, FindingState::Open);
    let mut limited = store.reading(&scopes()["early"]).await.unwrap();
    let seen = limited.findings(&FindingQuery::default()).await.unwrap().items;
    assert_eq!(seen.len(), 2);
    assert!(seen.iter().all(|finding| finding.state == FindingState::Open));
    let mut other = store.reading(&scopes()["other"]).await.unwrap();
    assert!(matches!(other.finding(of_both, None).await, Err(StoreError::NotFound { .. })));
    // Seen of a look at two environments: that there is a finding, but not the whole assessment.
    let mut production = store.reading(&scopes()["production"]).await.unwrap();
    let told = production.finding(of_both, None).await.unwrap();
    assert_eq!((told.history[0].assessment, told.last), (None, None));
    let export = store.export_findings(&Scope::whole(), &FindingQuery::default(), ExportFormat::Ndjson).await.unwrap();
    let all = text(export).await;
    assert_eq!(all.lines().count(), 4);
    let line: serde_json::Value = serde_json::from_str(all.lines().next().unwrap()).unwrap();
    let listed = reading.findings(&FindingQuery { limit: 1, ..FindingQuery::default() }).await.unwrap();
    assert_eq!(line, serde_json::to_value(&listed.items[0]).unwrap());
}

#[tokio::test]
async fn long_lists_are_the_records_themselves_and_can_be_left() {
    let database = filled().await;
    let store = database.store();
    let scope = &scopes()["production"];
    let ndjson = store.export_evidence(scope, &EvidenceQuery::default(), ExportFormat::Ndjson).await.unwrap();
    let records = [10, 40];
    let mut expected = String::new();
    for number in records {
        let stored = store.entry(id(number)).await.unwrap();
        expected += &format!("{{\"record\":{},\"seq\":{}}}\n", stored.text, stored.seq);
    }
    assert_eq!(text(ndjson).await, expected);
    let csv = text(store.export_evidence(scope, &EvidenceQuery::default(), ExportFormat::Csv).await.unwrap()).await;
    assert_eq!(csv.lines().count(), 3);
    assert!(csv.lines().nth(1).unwrap().contains(&format!("{CHECK}=fail")), "{csv}");
    assert!(csv.starts_with("seq,id,recorded_at,job,"), "{csv}");
    // More of them left in the middle than the pool has connections.
    for _ in 0..12 {
        drop(store.export_evidence(scope, &EvidenceQuery::default(), ExportFormat::Ndjson).await.unwrap());
    }
    let csv = store.export_findings(scope, &FindingQuery::default(), ExportFormat::Csv).await.unwrap();
    assert_eq!(text(csv).await.lines().count(), 4);
}

#[tokio::test]
async fn other_lists_keep_to_the_scope_too() {
    let database = filled().await;
    let store = database.store();
    let mut reading = store.reading(&scopes()["staging"]).await.unwrap();
    let all = TimeQuery::default();
    let slots = SlotQuery::default();
    assert_eq!(reading.slots(&slots).await.unwrap().items[0].job.as_str(), "weekly");
    assert_eq!(reading.runs(&all).await.unwrap().items.len(), 1);
    assert_eq!(reading.promises(None).await.unwrap().len(), 1);
    assert!(reading.reports(None, None, None, 0).await.unwrap().items.is_empty());
    let mut reading = store.reading(&Scope::whole()).await.unwrap();
    let late = SlotQuery { states: words(&["late"]), ..SlotQuery::default() };
    assert!(reading.slots(&late).await.unwrap().items.is_empty());
    let every = reading.slots(&slots).await.unwrap();
    assert!(every.items.is_sorted_by_key(|row| std::cmp::Reverse((row.scheduled_for, row.job.clone()))));
    let first = reading.slots(&SlotQuery { limit: 3, ..SlotQuery::default() }).await.unwrap();
    let rest = reading.slots(&SlotQuery { before: first.next.clone(), ..SlotQuery::default() }).await.unwrap();
    assert_eq!((first.items.len(), rest.next), (3, None));
    assert_eq!([first.items, rest.items].concat(), every.items);
    assert_eq!(reading.runs(&TimeQuery { job: Some("both".into()), ..all }).await.unwrap().items.len(), 1);
    assert_eq!(reading.promises(None).await.unwrap().len(), 4);
    assert_eq!(reading.periods(None, 0).await.unwrap().items[0].kind, "period");
    let reports = reading.reports(Some("2026-Q4"), None, None, 0).await.unwrap();
    assert_eq!(reports.items[0].id, id(61));
    assert!(reading.reports(Some("2026-Q1"), None, None, 0).await.unwrap().items.is_empty());
    assert_eq!(reading.receipts(Some(id(61)), None, None, 0).await.unwrap().items[0].id, id(62));
    assert_eq!(reading.entry("report", id(61)).await.unwrap().seq, 18);
    assert!(matches!(reading.entry("report", id(62)).await, Err(StoreError::NotFound { .. })));
}

#[tokio::test]
async fn a_token_is_made_found_used_and_revoked() {
    let database = TestDatabase::new().await;
    let store = database.store();
    let new = NewToken {
        id: Uuid::from_u128(1),
        person: "Jane Doe".into(),
        role: Role::Auditor,
        lookup: "abcd1234".into(),
        last4: "wxyz".into(),
        hash: KeyedHash([7; 32]),
        scope: TokenScope { environments: words(&["production"]), ..TokenScope::default() },
        expires_at: at(1_000_000_000),
        created_by: "root".into(),
    };
    assert!(!format!("{new:?}").contains("7, 7"));
    store.create_token(&new, at(0)).await.unwrap();
    assert!(store.create_token(&NewToken { id: Uuid::from_u128(2), ..new.clone() }, at(0)).await.is_err());
    let expired = NewToken { id: Uuid::from_u128(2), lookup: "other".into(), expires_at: at(0), ..new.clone() };
    assert!(store.create_token(&expired, at(0)).await.is_err());
    assert!(store.find_token("nobody").await.unwrap().is_none());
    let found = store.find_token("abcd1234").await.unwrap().unwrap();
    assert_eq!((found.hash.0, &found.token.scope), ([7; 32], &new.scope));
    assert_eq!(found.token.last_used_at, None);
    for (now, then) in [(5, 5), (59_000_000, 5), (61_000_000, 61_000_000), (4, 61_000_000)] {
        store.touch_token(new.id, at(now)).await.unwrap();
        assert_eq!(store.tokens().await.unwrap()[0].last_used_at, Some(at(then)));
    }
    assert!(store.touch_token(Uuid::from_u128(9), at(0)).await.is_err());
    store.revoke_token(new.id, "root", "left the company", at(9)).await.unwrap();
    store.revoke_token(new.id, "somebody", "again", at(99)).await.unwrap();
    let revoked = store.tokens().await.unwrap()[0].revoked.clone().unwrap();
    assert_eq!((revoked.at, revoked.by.as_str()), (at(9), "root"));
    assert!(matches!(store.revoke_token(Uuid::from_u128(9), "x", "y", at(0)).await, Err(StoreError::NotFound { .. })));
    // What a token opens never changes, and no revocation is taken back, whoever asks.
    for (role, change, code) in [
        (database.service_url(), "UPDATE exhibit.tokens SET role = 'administrator'", "42501"),
        (database.service_url(), "UPDATE exhibit.tokens SET environments = NULL", "42501"),
        (database.service_url(), "DELETE FROM exhibit.tokens", "42501"),
        (
            database.service_url(),
            "UPDATE exhibit.tokens SET revoked_at = NULL, revoked_by = NULL, revoked_reason = NULL",
            "EX001",
        ),
        (database.superuser_url(), "DELETE FROM exhibit.tokens", "EX001"),
        (database.superuser_url(), "TRUNCATE exhibit.tokens", "EX001"),
    ] {
        let refused = database.sql(&role, change).await.unwrap_err();
        assert_eq!(refused.into_database_error().unwrap().code().unwrap(), code, "{change}");
    }
}

#[tokio::test]
async fn the_access_log_is_appended_to_and_read_in_pages() {
    let database = TestDatabase::new().await;
    let store = database.store();
    store.log_access(&[]).await.unwrap();
    let nobody =
        Access { token_id: None, person: None, role: None, query: "a\0b".into(), ..access("", Some("no token")) };
    store.log_access(&[access("jane", None), access("ada", Some("expired")), nobody]).await.unwrap();
    let impossible = Access { status: 7, ..access("jane", None) };
    assert!(store.log_access(&[access("jane", None), impossible]).await.is_err());
    let mut reading = store.reading(&Scope::whole()).await.unwrap();
    let all = reading.access_log(&AccessQuery::default()).await.unwrap();
    assert_eq!(all.items.len(), 3, "all or none is written");
    assert_eq!((all.items[0].access.query.as_str(), &all.items[1].access), ("ab", &access("ada", Some("expired"))));
    let page = reading.access_log(&AccessQuery { limit: 2, ..AccessQuery::default() }).await.unwrap();
    let rest = reading.access_log(&AccessQuery { before: page.next, ..AccessQuery::default() }).await.unwrap();
    assert_eq!(rest.items[0].access, access("jane", None));
    for (query, expected) in [
        (AccessQuery { person: Some("jane".into()), ..AccessQuery::default() }, 1),
        (AccessQuery { refused: Some(true), ..AccessQuery::default() }, 2),
        (AccessQuery { refused: Some(false), ..AccessQuery::default() }, 1),
        (AccessQuery { from: Some(at(6)), ..AccessQuery::default() }, 0),
        (AccessQuery { to: Some(at(5)), ..AccessQuery::default() }, 0),
        (AccessQuery { route: Some("/x".into()), ..AccessQuery::default() }, 0),
    ] {
        assert_eq!(reading.access_log(&query).await.unwrap().items.len(), expected, "{query:?}");
    }
    reading.close().await.unwrap();
    for role in [database.service_url(), database.owner_url(), database.superuser_url()] {
        for change in [
            "UPDATE exhibit.access_log SET person = 'x'",
            "DELETE FROM exhibit.access_log",
            "TRUNCATE exhibit.access_log",
        ] {
            let refused = database.sql(&role, change).await.unwrap_err();
            let code = refused.into_database_error().unwrap().code().unwrap().into_owned();
            assert!(["42501", "EX001"].contains(&code.as_str()), "{change}: {code}");
        }
    }
}

#[tokio::test]
async fn a_service_without_its_reader_is_told_what_to_create() {
    let database = TestDatabase::new().await;
    database.store().check_reading().await.unwrap();
    let lonely = format!("lonely_{}", std::process::id());
    let superuser = database.superuser_url();
    database.sql(&superuser, &format!("CREATE ROLE {lonely} LOGIN")).await.unwrap();
    // The owner may not make roles, as on many a managed server.
    Store::migrate(&database.owner_url(), &lonely).await.unwrap();
    let url = database.url(&lonely);
    let store = Store::open(&url).await.unwrap();
    let told = store.check_reading().await.unwrap_err().to_string();
    assert!(
        told.contains(&format!("CREATE ROLE {lonely}_reader NOLOGIN; GRANT {lonely}_reader TO {lonely}")),
        "{told}"
    );
    assert!(store.reading(&Scope::whole()).await.is_err());
    let statements = told.split('`').nth(1).unwrap();
    database.sql(&superuser, statements).await.unwrap();
    Store::migrate(&database.owner_url(), &lonely).await.unwrap();
    store.check_reading().await.unwrap();
    assert_eq!(store.reading(&Scope::whole()).await.unwrap().size(), 0);
    store.close().await;
    let away = format!("DROP OWNED BY {lonely}, {lonely}_reader; DROP ROLE {lonely}, {lonely}_reader");
    database.sql(&superuser, &away).await.unwrap();
}
