//! Appending: gap-free, together or not at all, once.

use exhibit_ledger::tree::{leaf_hash, root_of};
use uuid::Uuid;

use super::samples::*;
use crate::testing::TestDatabase;
use crate::{Append, Lease, NewArtifact, Slot, Store, StoreError};

async fn records(store: &Store) -> Vec<Vec<u8>> {
    let size = store.head().await.unwrap().size();
    let all = store.entries(0..size).all().await.unwrap();
    all.into_iter().map(|entry| entry.text.into_bytes()).collect()
}

#[tokio::test]
async fn every_kind_of_entry_is_stored_as_the_bytes_that_were_hashed() {
    let database = TestDatabase::new().await;
    let store = database.store();
    let appended = store.append(Append::entries(at(10), every_kind(1))).await.unwrap();
    assert_eq!(appended.entries.iter().map(|entry| entry.seq).collect::<Vec<_>>(), (0..8).collect::<Vec<_>>());
    let head = store.head().await.unwrap();
    let leaves: Vec<_> = records(store).await.iter().map(|record| leaf_hash(record)).collect();
    assert_eq!(head.root(), root_of(&leaves));
    assert_eq!(head.last_recorded_at, Some(at(10)));
    assert_eq!(store.root(5).await.unwrap(), root_of(&leaves[..5]));
    for expected in every_kind(1) {
        let envelope = store.entry(expected.id).await.unwrap().envelope().unwrap();
        assert_eq!(envelope.body, expected.body);
        assert_eq!(envelope.recorded_at, at(10));
    }
}

#[tokio::test]
async fn recorded_at_never_goes_back() {
    let database = TestDatabase::new().await;
    let store = database.store();
    for (number, now, expected) in [(1, 5, 5), (2, 3, 5), (3, 9, 9)] {
        let unit = Append::entries(at(now), vec![entry(number, promise("nightly"))]);
        assert_eq!(store.append(unit).await.unwrap().entries[0].recorded_at, at(expected));
    }
    assert_eq!(store.size_at(at(5)).await.unwrap(), 0);
    assert_eq!(store.size_at(at(6)).await.unwrap(), 2);
    assert_eq!(store.size_at(at(100)).await.unwrap(), 3);
}

#[tokio::test]
async fn the_same_again_adds_nothing_and_other_content_is_refused() {
    let database = TestDatabase::new().await;
    let store = database.store();
    let unit = Append::entries(at(1), every_kind(1));
    let first = store.append(unit.clone()).await.unwrap();
    let again = store.append(Append { now: at(50), ..unit }).await.unwrap();
    assert_eq!((first.already, again.already), (false, true));
    assert_eq!(first.entries, again.entries);
    assert_eq!(store.head().await.unwrap().size(), 8);
    let other = Append::entries(at(60), vec![entry(2, promise("weekly"))]);
    assert!(matches!(store.append(other).await, Err(StoreError::IdTaken(taken)) if taken == id(2).0));
    let partly = Append::entries(at(60), vec![entry(2, promise("nightly")), entry(70, promise("weekly"))]);
    assert!(matches!(store.append(partly).await, Err(StoreError::IdTaken(_))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_appenders_leave_no_gap() {
    let database = TestDatabase::new().await;
    // Two stores, as two processes would have; what comes to one at the same time shares its transactions.
    let other = Store::open(&database.service_url()).await.unwrap();
    let stores = [database.store().clone(), other.clone()];
    let mut tasks = Vec::new();
    for number in 0..120_u64 {
        let store = stores[(number % 2) as usize].clone();
        tasks.push(tokio::spawn(async move {
            let new = vec![entry(number * 2, promise("nightly")), entry(number * 2 + 1, promise("weekly"))];
            let unit = Append::entries(at(number as i64), new);
            store.append(unit).await.unwrap().entries
        }));
    }
    let mut seqs = Vec::new();
    for task in tasks {
        let entries = task.await.unwrap();
        assert_eq!(entries[0].seq + 1, entries[1].seq, "a unit stays together");
        seqs.extend(entries.iter().map(|entry| entry.seq));
    }
    seqs.sort_unstable();
    assert_eq!(seqs, (0..240).collect::<Vec<_>>());
    let leaves: Vec<_> = records(&other).await.iter().map(|record| leaf_hash(record)).collect();
    assert_eq!(other.head().await.unwrap().root(), root_of(&leaves));
}

/// Holds the head in a session of its own, until the value is dropped.
async fn hold_the_head(store: &Store) -> sqlx::Transaction<'static, sqlx::Postgres> {
    let mut held = store.pool.begin().await.unwrap();
    sqlx::query("SELECT exhibit.lock_head()").execute(&mut *held).await.unwrap();
    held
}

#[tokio::test]
async fn what_comes_while_a_commit_runs_shares_the_next() {
    let database = TestDatabase::new().await;
    let store = database.store();
    let held = hold_the_head(store).await;
    let unit = |number| Append::entries(at(number as i64), vec![entry(number, promise("nightly"))]);
    let tasks: Vec<_> = (1..=60)
        .map(|number| {
            let (store, unit) = (store.clone(), unit(number));
            tokio::spawn(async move { store.append(unit).await.unwrap().entries[0].seq })
        })
        .collect();
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    drop(held);
    let mut seqs = Vec::new();
    for task in tasks {
        seqs.push(task.await.unwrap());
    }
    seqs.sort_unstable();
    assert_eq!(seqs, (0..60).collect::<Vec<_>>());
    let transactions: i64 = sqlx::query_scalar("SELECT count(DISTINCT xmin::text) FROM exhibit.entries")
        .fetch_one(&store.pool)
        .await
        .unwrap();
    assert!(transactions <= 3, "60 appends took {transactions} transactions");
}

#[tokio::test]
async fn an_append_whose_committer_gave_up_is_recorded_once_when_asked_again() {
    let database = TestDatabase::new().await;
    let store = database.store();
    let unit = |number| Append::entries(at(number as i64), vec![entry(number, promise("nightly"))]);
    let held = hold_the_head(store).await;
    let commit = |number: u64| {
        let (store, unit) = (store.clone(), unit(number));
        tokio::spawn(async move { store.append(unit).await })
    };
    let wait = || tokio::time::sleep(std::time::Duration::from_millis(200));
    // The first commits alone and is given up; the second commits for the third too, and is given up as well.
    let first = commit(1);
    wait().await;
    let (second, third) = (commit(2), commit(3));
    wait().await;
    first.abort();
    wait().await;
    second.abort();
    let answer = third.await.unwrap();
    assert!(matches!(answer, Err(StoreError::CommitterGone)), "{answer:?}");
    drop(held);
    for number in 1..=3 {
        store.append(unit(number)).await.unwrap();
    }
    assert_eq!(store.head().await.unwrap().size(), 3);
    assert!(store.fsck(&crate::Trusted::default()).await.unwrap().is_clean());
}

#[tokio::test]
async fn a_stale_lease_in_a_group_drops_its_own_unit_only() {
    let database = TestDatabase::new().await;
    let store = database.store();
    let slot = Slot { job: "nightly".parse().unwrap(), scheduled_for: at(0) };
    let stale = Lease {
        slot: slot.clone(),
        token: Uuid::from_u128(7),
        until: at(100),
        attempts: 1,
        first_tried_at: at(0),
        first_error: None,
        last_error: None,
    };
    let closing = Append { lease: Some(stale), ..Append::entries(at(1), vec![entry(2, closure("nightly", at(0)))]) };
    let group = vec![
        Append::entries(at(1), vec![entry(1, promise("nightly"))]),
        closing,
        Append::entries(at(1), vec![entry(3, promise("weekly"))]),
    ];
    let outcomes = store.append_all(group).await;
    assert_eq!(outcomes[0].as_ref().unwrap().entries[0].seq, 0);
    assert!(matches!(outcomes[1], Err(StoreError::StaleLease { .. })), "{:?}", outcomes[1]);
    assert_eq!(outcomes[2].as_ref().unwrap().entries[0].seq, 1);
    assert!(matches!(store.entry(id(2)).await, Err(StoreError::NotFound { .. })));
}

#[tokio::test]
async fn what_postgres_refuses_drops_its_own_unit_only() {
    let database = TestDatabase::new().await;
    let store = database.store();
    // The same period frozen twice hits a unique key within the transaction.
    let group = vec![
        Append::entries(at(1), vec![entry(1, freeze())]),
        Append::entries(at(1), vec![entry(2, freeze())]),
        Append::entries(at(1), vec![entry(3, promise("weekly"))]),
    ];
    let outcomes = store.append_all(group).await;
    assert!(outcomes[0].is_ok() && outcomes[2].is_ok(), "{outcomes:?}");
    assert!(matches!(outcomes[1], Err(StoreError::Database { .. })), "{:?}", outcomes[1]);
    assert_eq!(store.head().await.unwrap().size(), 2);
}

#[tokio::test]
async fn a_record_that_is_too_long_is_refused_before_anything_is_written() {
    let database = TestDatabase::new().await;
    let store = database.store();
    let mut long = promise("nightly");
    long.time_zone = "x".repeat(70_000);
    let outcomes = store
        .append_all(vec![
            Append::entries(at(1), vec![entry(1, promise("nightly")), entry(2, long)]),
            Append::entries(at(1), vec![entry(3, promise("nightly"))]),
        ])
        .await;
    assert!(matches!(&outcomes[0], Err(StoreError::Record { .. })), "{:?}", outcomes[0]);
    assert_eq!(outcomes[1].as_ref().unwrap().entries[0].seq, 0);
}

#[tokio::test]
async fn a_transaction_that_loses_its_connection_leaves_nothing() {
    let database = TestDatabase::new().await;
    let store = database.store();
    store.append(Append::entries(at(1), vec![entry(1, promise("nightly"))])).await.unwrap();
    // Everything an append writes, short of the commit, and then the connection is gone.
    let mut session = store.own_connection().await.unwrap();
    let begun = "BEGIN; SELECT * FROM exhibit.lock_head(); \
        INSERT INTO exhibit.entries VALUES (1, 'schedule', '0194a0c0-0000-7000-8000-000000000001', now(), '{}'); \
        INSERT INTO exhibit.tree_nodes VALUES (0, 1, decode(repeat('00', 32), 'hex')); \
        SELECT exhibit.advance_head(1, 2, ARRAY[decode(repeat('00', 32), 'hex')], '2027-01-01Z')";
    sqlx::raw_sql(begun).execute(&mut session).await.unwrap();
    drop(session);
    // The next append waits for the lock, takes the very place, and finds nothing in its way.
    let appended = store.append(Append::entries(at(2), vec![entry(2, promise("weekly"))])).await.unwrap();
    assert_eq!(appended.entries[0].seq, 1);
    assert_eq!(store.head().await.unwrap().last_recorded_at, Some(at(2)));
}

#[tokio::test]
async fn findings_in_an_artifact_count_as_if_they_stood_in_the_record() {
    let database = TestDatabase::new().await;
    let store = database.store();
    let findings = vec![finding("a", 1), finding("b", 4)];
    let artifact = NewArtifact {
        media_type: "application/json".into(),
        bytes: exhibit_evidence::to_canonical(&findings).unwrap().into(),
    };
    let mut moved = assessment(id(1), "nightly", at(0), findings.clone());
    moved.judgement.findings = Vec::new();
    moved.findings_artifact = Some(artifact.digest());
    let missing = Append::entries(at(1), vec![entry(2, moved.clone())]);
    assert!(matches!(store.append(missing.clone()).await, Err(StoreError::Record { .. })));
    let digest = artifact.digest();
    let complete = Append { artifacts: vec![artifact.clone()], ..missing };
    store.append(complete).await.unwrap();
    assert_eq!(store.artifact(digest).await.unwrap().bytes, *artifact.bytes);
    let count: i64 = sqlx::query_scalar("SELECT count(*) FROM exhibit.findings").fetch_one(&store.pool).await.unwrap();
    assert_eq!(count, 2);
}

#[test]
fn verbs_can_be_run_on_any_thread() {
    fn is_send(_: impl Send) {}
    fn check(store: &Store, unit: Append, lease: &Lease) {
        is_send(store.append(unit));
        is_send(store.claim(1, Uuid::nil(), at(0), chrono::TimeDelta::seconds(1)));
        is_send(store.release(lease));
        is_send(store.head());
    }
    let _ = check;
}

#[tokio::test]
async fn evidence_of_any_month_has_a_place() {
    let database = TestDatabase::new().await;
    let store = database.store();
    let instants = [
        "1970-01-01T00:00:00.000000Z",
        "1999-12-31T23:59:59.999999Z",
        "2000-01-01T00:00:00.000000Z",
        "2026-02-28T23:59:59.999999Z",
        "2026-03-01T00:00:00.000000Z",
        "2199-12-31T23:59:59.999999Z",
        "2200-01-01T00:00:00.000000Z",
        "9999-12-31T23:59:59.999999Z",
    ];
    let entries = (1..).zip(instants).map(|(n, at)| entry(n, evidence("nightly", at.parse().unwrap()))).collect();
    store.append(disclosed(at(1), entries)).await.unwrap();
    let placed: Vec<String> = sqlx::query_scalar("SELECT tableoid::regclass::text FROM exhibit.evidence ORDER BY seq")
        .fetch_all(&store.pool)
        .await
        .unwrap();
    let expected = ["other", "other", "200001", "202602", "202603", "219912", "other", "other"];
    let expected: Vec<String> = expected.iter().map(|part| format!("exhibit.evidence_{part}")).collect();
    assert_eq!(placed, expected);
    assert!(store.fsck(&crate::Trusted::default()).await.unwrap().is_clean());
    store.rebuild().await.unwrap();
    assert!(store.fsck(&crate::Trusted::default()).await.unwrap().is_clean());
}

#[tokio::test]
async fn entries_go_on_in_the_next_partition() {
    let database = TestDatabase::new().await;
    // A ledger of almost a million entries, as far as the head says: only positions matter here.
    let nearly = "UPDATE ledger_head SET size = 1999999, last_recorded_at = '2026-11-22T00:00:00Z', \
        frontier = array_fill(decode(repeat('11', 32), 'hex'), ARRAY[length(replace(1999999::bit(64)::text, '0', ''))])";
    database.tamper(nearly).await;
    let store = database.store();
    let entries = (1..=3).map(|n| entry(n, promise("nightly"))).collect();
    store.append(Append::entries(at(1), entries)).await.unwrap();
    let placed: Vec<String> = sqlx::query_scalar("SELECT tableoid::regclass::text FROM exhibit.entries ORDER BY seq")
        .fetch_all(&store.pool)
        .await
        .unwrap();
    assert_eq!(placed, ["exhibit.entries_000001", "exhibit.entries_000002", "exhibit.entries_000002"]);
    // What is made ahead is fenced like the rest.
    let report = store.fsck(&crate::Trusted::default()).await.unwrap();
    assert!(report.differences.iter().all(|difference| !difference.place.starts_with("trigger")));
    for change in ["TRUNCATE exhibit.entries_000002", "DELETE FROM exhibit.entries_000002"] {
        let refused = database.sql(&database.owner_url(), change).await.unwrap_err();
        assert_eq!(refused.into_database_error().unwrap().code().unwrap(), "EX001", "{change}");
    }
}

#[tokio::test]
async fn many_sessions_make_a_months_partitions_at_once() {
    let database = TestDatabase::new().await;
    let mut stores = Vec::new();
    for _ in 0..6 {
        stores.push(crate::Store::open(&database.service_url()).await.unwrap());
    }
    for month in 0..4_i64 {
        let observed = at(month * 32 * 86_400_000_000);
        let mut appending = tokio::task::JoinSet::new();
        for (number, store) in (1..).zip(&stores) {
            let entry = entry(month as u64 * 100 + number, evidence("nightly", observed));
            let store = store.clone();
            appending.spawn(async move { store.append(Append::entries(at(1), vec![entry])).await });
        }
        appending.join_all().await.into_iter().for_each(|appended| drop(appended.unwrap()));
    }
    for store in &stores {
        store.close().await;
    }
}
