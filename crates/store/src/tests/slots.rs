//! Slots and leases: planned once, held by one, closed once.

use chrono::TimeDelta;
use uuid::Uuid;

use super::samples::*;
use crate::testing::TestDatabase;
use crate::{Append, Slot, Store, StoreError};

fn slot(job: &str, micros: i64) -> Slot {
    Slot { job: job.parse().unwrap(), scheduled_for: at(micros) }
}

fn token(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

const MINUTE: TimeDelta = TimeDelta::minutes(1);

#[tokio::test]
async fn every_replica_plans_the_same_slots_once() {
    let database = TestDatabase::new().await;
    let other = Store::open(&database.service_url()).await.unwrap();
    let slots = [slot("nightly", 0), slot("nightly", 1), slot("weekly", 0)];
    let (ours, theirs) = tokio::join!(database.store().plan_slots(&slots, at(0)), other.plan_slots(&slots, at(0)));
    assert_eq!(ours.unwrap() + theirs.unwrap(), 3);
    assert_eq!(other.open_slots(at(1)).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_slot_is_not_claimed_before_its_time() {
    let database = TestDatabase::new().await;
    let store = database.store();
    let worker = store.start_worker(1).await.unwrap();
    store.plan_slots(&[slot("nightly", 10)], at(0)).await.unwrap();
    assert_eq!(store.claim(worker.key(), token(1), at(9), MINUTE).await.unwrap(), None);
    let lease = store.claim(worker.key(), token(1), at(10), MINUTE).await.unwrap().unwrap();
    assert_eq!((lease.slot, lease.attempts), (slot("nightly", 10), 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_slot_is_claimed_twice() {
    let database = TestDatabase::new().await;
    let store = database.store();
    let slots: Vec<Slot> = (0..20).map(|n| slot("nightly", n)).collect();
    store.plan_slots(&slots, at(0)).await.unwrap();
    let mut tasks = Vec::new();
    for key in 0..4_i64 {
        let store = store.clone();
        tasks.push(tokio::spawn(async move {
            let worker = store.start_worker(100 + key).await.unwrap();
            let mut taken = Vec::new();
            // Another claimer may hold the last free row for a moment: look again a few times.
            for attempt in 0..40 {
                let token = token(key as u128 * 1000 + attempt);
                taken.extend(store.claim(worker.key(), token, at(100), MINUTE).await.unwrap());
            }
            (worker, taken)
        }));
    }
    let mut taken = Vec::new();
    let mut workers = Vec::new();
    for task in tasks {
        let (worker, leases) = task.await.unwrap();
        workers.push(worker);
        taken.extend(leases.into_iter().map(|lease| lease.slot));
    }
    taken.sort();
    assert_eq!(taken, slots);
}

#[tokio::test]
async fn a_living_holder_keeps_its_lease_until_it_expires() {
    let database = TestDatabase::new().await;
    let store = database.store();
    let (holder, other) = (store.start_worker(1).await.unwrap(), store.start_worker(2).await.unwrap());
    store.plan_slots(&[slot("nightly", 0)], at(0)).await.unwrap();
    let held = store.claim(holder.key(), token(1), at(0), MINUTE).await.unwrap().unwrap();
    let early = at(0).plus(MINUTE - TimeDelta::microseconds(1));
    assert_eq!(store.claim(other.key(), token(2), early, MINUTE).await.unwrap(), None);
    let held = store.extend(&held, at(0).plus(MINUTE * 2)).await.unwrap();
    assert_eq!(store.claim(other.key(), token(2), at(0).plus(MINUTE), MINUTE).await.unwrap(), None);
    let taken = store.claim(other.key(), token(2), held.until, MINUTE).await.unwrap().unwrap();
    assert_eq!(taken.attempts, 2);
    // Who lost it can do nothing with it any more.
    assert!(matches!(store.extend(&held, at(9)).await, Err(StoreError::StaleLease { .. })));
    assert!(matches!(store.release(&held).await, Err(StoreError::StaleLease { .. })));
    assert!(matches!(store.fail_attempt(&held, "x", at(9)).await, Err(StoreError::StaleLease { .. })));
    let late = Append { lease: Some(held), ..Append::entries(at(9), vec![entry(1, closure("nightly", at(0)))]) };
    assert!(matches!(store.append(late).await, Err(StoreError::StaleLease { .. })));
    let good = Append { lease: Some(taken), ..Append::entries(at(9), vec![entry(2, closure("nightly", at(0)))]) };
    assert!(store.append(good).await.is_ok());
}

#[tokio::test]
async fn a_dead_holders_lease_is_taken_at_once() {
    let database = TestDatabase::new().await;
    let store = database.store();
    let (dying, next) = (store.start_worker(1).await.unwrap(), store.start_worker(2).await.unwrap());
    store.plan_slots(&[slot("nightly", 0)], at(0)).await.unwrap();
    store.claim(dying.key(), token(1), at(0), TimeDelta::days(1)).await.unwrap().unwrap();
    assert_eq!(store.claim(next.key(), token(2), at(1), MINUTE).await.unwrap(), None);
    // The connection goes as it does when the process is killed: without a word.
    drop(dying);
    let mut taken = None;
    while taken.is_none() {
        taken = store.claim(next.key(), token(2), at(1), MINUTE).await.unwrap();
    }
    assert_eq!(taken.unwrap().attempts, 2);
}

#[tokio::test]
async fn a_failed_attempt_waits_and_is_counted() {
    let database = TestDatabase::new().await;
    let store = database.store();
    let worker = store.start_worker(1).await.unwrap();
    store.plan_slots(&[slot("nightly", 0)], at(0)).await.unwrap();
    let lease = store.claim(worker.key(), token(1), at(0), MINUTE).await.unwrap().unwrap();
    store.fail_attempt(&lease, "the repository could not be reached", at(50)).await.unwrap();
    assert_eq!(store.claim(worker.key(), token(2), at(49), MINUTE).await.unwrap(), None);
    let open = store.open_slots(at(1)).await.unwrap();
    assert_eq!(open[0].last_error.as_deref(), Some("the repository could not be reached"));
    let lease = store.claim(worker.key(), token(2), at(50), MINUTE).await.unwrap().unwrap();
    assert_eq!(lease.attempts, 2);
    store.release(&lease).await.unwrap();
    assert!(store.claim(worker.key(), token(3), at(50), MINUTE).await.unwrap().is_some());
}

#[tokio::test]
async fn a_slot_is_closed_once_whoever_closes_it() {
    let database = TestDatabase::new().await;
    let store = database.store();
    let worker = store.start_worker(1).await.unwrap();
    store.plan_slots(&[slot("nightly", 0)], at(0)).await.unwrap();
    let lease = store.claim(worker.key(), token(1), at(0), MINUTE).await.unwrap().unwrap();
    // Closed without a lease, as what nobody performed is closed at the period's end.
    let missed = |number| Append::entries(at(5), vec![entry(number, closure("nightly", at(0)))]);
    store.append(missed(1)).await.unwrap();
    assert!(matches!(store.append(missed(2)).await, Err(StoreError::SlotClosed { .. })));
    let performed = Append { lease: Some(lease), ..missed(3) };
    assert!(matches!(store.append(performed).await, Err(StoreError::StaleLease { .. })));
    assert_eq!(store.claim(worker.key(), token(2), at(99), MINUTE).await.unwrap(), None);
    // In one group, the first wins.
    let outcomes = store
        .append_all(vec![
            Append::entries(at(6), vec![entry(4, closure("weekly", at(0)))]),
            Append::entries(at(6), vec![entry(5, closure("weekly", at(0)))]),
        ])
        .await;
    assert!(outcomes[0].is_ok());
    assert!(matches!(outcomes[1], Err(StoreError::SlotClosed { .. })));
}

#[tokio::test]
async fn a_lost_row_does_not_open_a_closed_slot_again() {
    let database = TestDatabase::new().await;
    let store = database.store();
    let worker = store.start_worker(1).await.unwrap();
    store.append(Append::entries(at(5), vec![entry(1, closure("nightly", at(0)))])).await.unwrap();
    database.sql(&database.superuser_url(), "DELETE FROM exhibit.slot_claims").await.unwrap();
    store.plan_slots(&[slot("nightly", 0)], at(6)).await.unwrap();
    assert_eq!(store.claim(worker.key(), token(1), at(99), MINUTE).await.unwrap(), None);
}

#[tokio::test]
async fn a_lease_without_its_closing_entry_is_refused() {
    let database = TestDatabase::new().await;
    let store = database.store();
    let worker = store.start_worker(1).await.unwrap();
    store.plan_slots(&[slot("nightly", 0)], at(0)).await.unwrap();
    let lease = store.claim(worker.key(), token(1), at(0), MINUTE).await.unwrap().unwrap();
    let unit = Append { lease: Some(lease), ..Append::entries(at(1), vec![entry(1, promise("nightly"))]) };
    assert!(matches!(store.append(unit).await, Err(StoreError::Record { .. })));
}

#[tokio::test]
async fn a_worker_key_is_held_by_one() {
    let database = TestDatabase::new().await;
    let mut worker = database.store().start_worker(5).await.unwrap();
    assert!(database.store().start_worker(5).await.is_err());
    worker.check().await.unwrap();
    worker.stop().await.unwrap();
}

#[tokio::test]
async fn what_was_planned_ahead_can_be_taken_back() {
    let database = TestDatabase::new().await;
    let store = database.store();
    let worker = store.start_worker(1).await.unwrap();
    let slots: Vec<Slot> = (1..=5).map(|n| slot("nightly", n * 10)).collect();
    store.plan_slots(&slots, at(0)).await.unwrap();
    store.plan_slots(&[slot("weekly", 40)], at(0)).await.unwrap();
    assert_eq!(store.next_due().await.unwrap(), Some(at(10)));
    store.claim(worker.key(), token(1), at(10), MINUTE).await.unwrap().unwrap();
    assert_eq!(store.next_due().await.unwrap(), Some(at(20)), "what is held waits for its holder");

    let job = "nightly".parse().unwrap();
    assert_eq!(store.withdraw_slots(&job, &[], at(25), Some(at(30))).await.unwrap(), 1, "30");
    assert_eq!(store.withdraw_slots(&job, &[at(40)], at(25), None).await.unwrap(), 1, "50");
    let left: Vec<_> = store.open_slots(at(100)).await.unwrap().into_iter().map(|open| open.slot).collect();
    assert_eq!(left, [slot("nightly", 10), slot("nightly", 20), slot("nightly", 40), slot("weekly", 40)]);
    let lease = store.claim(worker.key(), token(2), at(20), MINUTE).await.unwrap().unwrap();
    store.withdraw(&lease).await.unwrap();
    assert!(matches!(store.withdraw(&lease).await, Err(StoreError::StaleLease { .. })));
    assert_eq!(store.open_slots(at(100)).await.unwrap().len(), 3);
}

#[tokio::test]
async fn a_lease_tells_of_the_attempts_before_it() {
    let database = TestDatabase::new().await;
    let store = database.store();
    let worker = store.start_worker(1).await.unwrap();
    store.plan_slots(&[slot("nightly", 0)], at(0)).await.unwrap();
    for (number, why) in [(1, "no route"), (2, "refused"), (3, "timed out")] {
        let lease = store.claim(worker.key(), token(number), at(number as i64), MINUTE).await.unwrap().unwrap();
        assert_eq!(lease.first_tried_at, at(1));
        let before = match number {
            1 => (None, None),
            2 => (Some("no route"), Some("no route")),
            _ => (Some("no route"), Some("refused")),
        };
        assert_eq!((lease.first_error.as_deref(), lease.last_error.as_deref()), before);
        store.fail_attempt(&lease, why, at(0)).await.unwrap();
    }
}

#[tokio::test]
async fn a_turn_is_handed_on_in_the_order_of_asking_and_a_dead_holders_too() {
    let database = TestDatabase::new().await;
    let patience = std::time::Duration::from_secs(60);
    let first = database.store().wait_for_worker(7, patience).await.unwrap().expect("nobody has it");
    let denied = database.store().wait_for_worker(7, std::time::Duration::from_millis(1)).await.unwrap();
    assert!(denied.is_none(), "one at a time");
    let mut waiting = tokio::task::JoinSet::new();
    let order = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    for number in 1..=3_i64 {
        let (store, order) = (database.store().clone(), order.clone());
        waiting.spawn(async move {
            let turn = store.wait_for_worker(7, patience).await.unwrap().expect("its turn comes");
            order.lock().unwrap().push(number);
            drop(turn);
        });
        // The next one asks only once this one stands in line.
        loop {
            let in_line: i64 = sqlx::query_scalar(
                "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted \
                    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
            )
            .fetch_one(&database.store().pool)
            .await
            .unwrap();
            if in_line == number {
                break;
            }
        }
    }
    // Dropped, as a process that dies drops it: nothing says goodbye.
    drop(first);
    waiting.join_all().await;
    assert_eq!(*order.lock().unwrap(), [1, 2, 3]);
}
