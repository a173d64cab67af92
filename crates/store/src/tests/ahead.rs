//! Writing ahead: what is written before the head is locked counts only if the head then is what was taken for granted.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::task::JoinHandle;

use super::samples::*;
use crate::testing::TestDatabase;
use crate::{Append, Appended, Store, StoreError, Trusted};

/// Enough pieces of evidence, from this number on, to count as many.
fn many(from: u64) -> Vec<Append> {
    let unit = |number| disclosed(at(number as i64), vec![entry(number, evidence("nightly", at(0)))]);
    (from..from + 300).map(unit).collect()
}

type Appending = JoinHandle<Vec<Result<Appended, StoreError>>>;

fn appending(store: &Store, units: Vec<Append>) -> Appending {
    let store = store.clone();
    tokio::spawn(async move { store.append_all(units).await })
}

/// The position of the first of some units that were all appended.
async fn first(task: Appending) -> u64 {
    let outcomes = task.await.unwrap();
    let seqs = outcomes.into_iter().map(|outcome| outcome.unwrap().entries[0].seq).collect::<Vec<_>>();
    assert_eq!(seqs, (seqs[0]..seqs[0] + seqs.len() as u64).collect::<Vec<_>>(), "side by side, in order");
    seqs[0]
}

/// A ledger in which a transaction holds the head and another came after it; the first goes on when the third ends.
async fn two_on_their_way(
    database: &TestDatabase,
    second: Vec<Append>,
) -> (Appending, Appending, sqlx::Transaction<'static, sqlx::Postgres>) {
    let store = database.store();
    store.append(disclosed(at(0), vec![entry(9_000, evidence("nightly", at(0)))])).await.unwrap();
    // Values are written last: one that is there already, as far as Postgres knows yet, holds the first up.
    let units = many(1);
    let digest = units[299].disclosures[0].disclosure.seal().unwrap().digest;
    let mut held = store.pool.begin().await.unwrap();
    sqlx::query("INSERT INTO exhibit.disclosures VALUES ($1, $2, $2, 'path', repeat('A', 22), 'value')")
        .bind(digest.0.as_slice())
        .bind(id(1).0)
        .execute(&mut *held)
        .await
        .unwrap();
    let before = appending(store, units);
    until(store, "wait_event_type = 'Lock' AND query LIKE '%append::disclosures%'").await;
    let behind = appending(store, second);
    // Either it waits for the head, or it has begun to write.
    until(
        store,
        "wait_event_type = 'Lock' AND query LIKE '%lock_head%' \
         OR state = 'idle in transaction' AND query LIKE '%projection::write%'",
    )
    .await;
    (before, behind, held)
}

/// Waits until one of the database's sessions is as `condition` says.
async fn until(store: &Store, condition: &'static str) {
    let question = format!(
        "SELECT EXISTS (SELECT FROM pg_stat_activity \
          WHERE datname = current_database() AND pid <> pg_backend_pid() AND ({condition}))"
    );
    for _ in 0..1500 {
        // Made of the texts above.
        let question = sqlx::AssertSqlSafe(question.as_str());
        if sqlx::query_scalar(question).fetch_one(&store.pool).await.unwrap() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("no session is as expected: {condition}");
}

async fn assert_sound(store: &Store, size: u64, went_well: u32) {
    assert_eq!(store.head().await.unwrap().size(), size);
    let report = store.fsck(&Trusted::default()).await.unwrap();
    assert!(report.is_clean(), "{:#?}", report.differences);
    assert_eq!(
        store.ahead.went_well.load(Ordering::Relaxed),
        went_well,
        "how often rows were written ahead and stayed"
    );
}

#[tokio::test]
async fn the_next_writes_its_rows_while_the_head_is_held() {
    let database = TestDatabase::new().await;
    let (before, behind, held) = two_on_their_way(&database, many(301)).await;
    held.rollback().await.unwrap();
    assert_eq!((first(before).await, first(behind).await), (1, 301));
    assert_sound(database.store(), 601, 1).await;
}

#[tokio::test]
async fn nothing_stays_of_what_was_written_behind_one_that_came_to_nothing() {
    let database = TestDatabase::new().await;
    let (before, behind, held) = two_on_their_way(&database, many(301)).await;
    before.abort();
    tokio::time::sleep(Duration::from_millis(100)).await;
    held.rollback().await.unwrap();
    assert_eq!(first(behind).await, 1);
    assert_sound(database.store(), 301, 0).await;
}

#[tokio::test]
async fn another_process_that_is_given_the_head_meanwhile_finds_its_places() {
    let database = TestDatabase::new().await;
    let (before, behind, held) = two_on_their_way(&database, many(301)).await;
    let other = Store::open(&database.service_url()).await.unwrap();
    let between = appending(&other, vec![Append::entries(at(1), vec![entry(5_000, promise("nightly"))])]);
    until(&other, "wait_event_type = 'Lock' AND query LIKE '%lock_head%'").await;
    held.rollback().await.unwrap();
    let mut firsts = [first(before).await, first(between).await, first(behind).await];
    firsts.sort_unstable();
    assert!(firsts == [1, 301, 302] || firsts == [1, 301, 601], "{firsts:?}");
    let went_well = database.store().ahead.went_well.load(Ordering::Relaxed);
    assert_sound(database.store(), 602, went_well).await;
}

#[tokio::test]
async fn entries_that_are_on_their_way_already_are_not_written_ahead() {
    let database = TestDatabase::new().await;
    let again = [many(290), many(1)].concat().into_iter().take(400).collect();
    let (before, behind, held) = two_on_their_way(&database, again).await;
    held.rollback().await.unwrap();
    assert_eq!(first(before).await, 1);
    let outcomes = behind.await.unwrap();
    let already = outcomes.iter().filter(|outcome| outcome.as_ref().is_ok_and(|appended| appended.already)).count();
    assert_eq!((outcomes.len(), already), (400, 111), "11 of the first sort and 100 of the second");
    assert_sound(database.store(), 590, 0).await;
}

#[tokio::test]
async fn what_takes_part_in_a_lease_or_a_slot_waits_for_the_head() {
    let database = TestDatabase::new().await;
    let mut second = many(301);
    second.push(Append::entries(at(1), vec![entry(7_000, closure("nightly", at(0)))]));
    let (before, behind, held) = two_on_their_way(&database, second).await;
    held.rollback().await.unwrap();
    assert_eq!((first(before).await, first(behind).await), (1, 301));
    assert_sound(database.store(), 602, 0).await;
}
