//! Connections that are cut at any moment: nothing lost, nothing twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::samples::*;
use crate::testing::TestDatabase;
use crate::{Store, StoreError, Trusted};

/// Cuts every connection of the service, again and again, until told to stop. Tells how many were cut.
async fn cut(database: Arc<TestDatabase>, stop: Arc<AtomicBool>) -> i64 {
    let admin = Store::open(&database.superuser_url()).await.unwrap();
    let mut total = 0;
    // Uneven waits, long enough for some appends to come through between two cuts.
    let mut waits = (30..150).step_by(17).cycle();
    while !stop.load(Ordering::Relaxed) {
        let (cut,): (i64,) = sqlx::query_as(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
              WHERE datname = current_database() AND usename = 'exhibit_service'",
        )
        .fetch_one(&admin.pool)
        .await
        .unwrap();
        total += cut;
        tokio::time::sleep(Duration::from_millis(waits.next().unwrap_or(50))).await;
    }
    total
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn appends_through_cut_connections_are_recorded_once() {
    let database = Arc::new(TestDatabase::new().await);
    let stop = Arc::new(AtomicBool::new(false));
    let cutting = tokio::spawn(cut(Arc::clone(&database), Arc::clone(&stop)));
    let appender = database.store().clone();
    let mut tasks = tokio::task::JoinSet::new();
    for lane in 0..4_u64 {
        let appender = appender.clone();
        tasks.spawn(async move {
            for step in 0..15 {
                let number = (lane * 15 + step) * 2 + 1;
                let new = vec![entry(number, promise("nightly")), entry(number + 1, evidence("nightly", at(0)))];
                let unit = disclosed(at(step as i64), new);
                // Done or not done, nobody said: append again until somebody does.
                loop {
                    match appender.append(unit.clone()).await {
                        Ok(appended) => break assert_eq!(appended.entries.len(), 2),
                        Err(StoreError::Database { .. } | StoreError::Group(_) | StoreError::CommitterGone) => {}
                        Err(error) => panic!("{error}"),
                    }
                }
            }
        });
    }
    while tasks.join_next().await.transpose().unwrap().is_some() {}
    stop.store(true, Ordering::Relaxed);
    let cuts = cutting.await.unwrap();
    assert!(cuts > 0, "no connection was cut: nothing was tried");

    // The pool may hold connections that were cut; a new store looks.
    let store = Store::open(&database.service_url()).await.unwrap();
    let all = store.entries(0..store.head().await.unwrap().size()).all().await.unwrap();
    let mut ids: Vec<_> = all.iter().map(|entry| entry.envelope().unwrap().id).collect();
    ids.sort();
    assert_eq!(ids, (1..=120).map(id).collect::<Vec<_>>());
    let report = store.fsck(&Trusted::default()).await.unwrap();
    assert!(report.is_clean(), "{:#?}", report.differences);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fsck_sees_one_moment_while_others_append() {
    let database = TestDatabase::new().await;
    let store = database.store().clone();
    let appending = tokio::spawn(async move {
        for number in 0..40 {
            store.append(disclosed(at(1), every_kind_open(number * 8 + 1))).await.unwrap();
        }
    });
    let mut sizes = Vec::new();
    while !appending.is_finished() {
        let report = database.store().fsck(&Trusted::default()).await.unwrap();
        assert!(report.is_clean(), "{:#?}", report.differences);
        sizes.push(report.entries);
    }
    appending.await.unwrap();
    assert!(sizes.is_sorted() && sizes.len() > 1, "{sizes:?}");
}

/// Entries of the kinds that may come any number of times.
fn every_kind_open(first: u64) -> Vec<crate::NewEntry> {
    let mut entries = every_kind(first);
    entries.remove(5);
    entries[4] = entry(first + 4, closure("nightly", at(first as i64)));
    entries
}
