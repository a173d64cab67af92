//! Runs that somebody asked for: asked once, held by one, ended once.

use std::time::Duration;

use chrono::TimeDelta;
use exhibit_evidence::EntryId;
use uuid::Uuid;

use super::samples::*;
use crate::testing::TestDatabase;
use crate::{Append, Heard, NewRunRequest, NewSubmission, RunEnd, RunState, StoreError};

const MINUTE: TimeDelta = TimeDelta::minutes(1);

fn request(number: u8, key: Option<&str>) -> NewRunRequest {
    NewRunRequest {
        id: EntryId::from_parts(at(i64::from(number)), &[number; 10]),
        job: "nightly".parse().unwrap(),
        person: "Ada".to_owned(),
        credential: None,
        key: key.map(str::to_owned),
        reason: Some("the quarter ends".to_owned()),
        at: at(i64::from(number)),
    }
}

#[tokio::test]
async fn asking_again_under_the_same_key_is_the_same_request() {
    let database = TestDatabase::new().await;
    let store = database.store();
    let first = store.request_run(&request(1, Some("k"))).await.unwrap();
    assert!(!first.already);
    let again = store.request_run(&request(2, Some("k"))).await.unwrap();
    assert_eq!((again.id, again.already), (first.id, true));
    let other_job = NewRunRequest { job: "weekly".parse().unwrap(), ..request(3, Some("k")) };
    assert!(matches!(store.request_run(&other_job).await, Err(StoreError::KeyTaken { job }) if job == "nightly"));
    let other_person = NewRunRequest { person: "Grace".to_owned(), ..request(4, Some("k")) };
    assert!(!store.request_run(&other_person).await.unwrap().already);
    for number in [5, 6] {
        assert!(!store.request_run(&request(number, None)).await.unwrap().already, "without a key each is its own");
    }
    let listed = store.run_requests(None, 10).await.unwrap();
    assert_eq!((listed.len(), listed[0].reason.as_deref()), (4, Some("the quarter ends")));
    assert_eq!(store.run_requests(Some(listed[1].id), 10).await.unwrap(), listed[2..]);
}

#[tokio::test]
async fn a_request_is_held_by_one_and_ends_once() {
    let database = TestDatabase::new().await;
    let store = database.store();
    let (one, two) = (store.start_worker(1).await.unwrap(), store.start_worker(2).await.unwrap());
    let asked = store.request_run(&request(10, None)).await.unwrap().id;
    let token = Uuid::from_u128;
    assert_eq!(store.claim_run_request(1, token(1), at(9), MINUTE).await.unwrap(), None, "not before it was asked for");
    let lease = store.claim_run_request(one.key(), token(1), at(10), MINUTE).await.unwrap().unwrap();
    assert_eq!((lease.id, lease.attempts), (asked, 1));
    assert_eq!(store.claim_run_request(two.key(), token(2), at(11), MINUTE).await.unwrap(), None, "it is held");
    store.extend_run_request(&lease, at(90_000_000)).await.unwrap();
    assert_eq!(store.run_request(asked).await.unwrap().state, RunState::Running(at(90_000_000)));

    store.return_run_request(&lease, "no route", at(20)).await.unwrap();
    assert!(matches!(store.extend_run_request(&lease, at(30)).await, Err(StoreError::StaleRunLease(_))));
    assert_eq!(store.claim_run_request(two.key(), token(2), at(19), MINUTE).await.unwrap(), None, "it waits");
    // The second holder dies: its session's end frees the request at once.
    store.claim_run_request(two.key(), token(2), at(20), MINUTE).await.unwrap().unwrap();
    two.stop().await.unwrap();
    let lease = store.claim_run_request(one.key(), token(3), at(21), MINUTE).await.unwrap().unwrap();
    assert_eq!(lease.attempts, 3);
    store.finish_run_request(&lease, &RunEnd::Evidence(asked), at(22)).await.unwrap();
    let ended = store.run_request(asked).await.unwrap();
    assert_eq!(ended.state, RunState::Ended(RunEnd::Evidence(asked), at(22)));
    let again = store.finish_run_request(&lease, &RunEnd::Failed("x".to_owned()), at(23)).await;
    assert!(matches!(again, Err(StoreError::StaleRunLease(_))));
    assert_eq!(store.claim_run_request(one.key(), token(4), at(24), MINUTE).await.unwrap(), None, "it is done");
}

/// A key stands for one piece of evidence for ever; what was handed in is kept until it is sealed, and no longer.
#[tokio::test]
async fn what_is_handed_in_waits_like_a_request_and_its_content_goes() {
    let database = TestDatabase::new().await;
    let store = database.store();
    let piece = |number: u8, content: &str| NewSubmission {
        request: NewRunRequest { reason: None, ..request(number, Some("k")) },
        content: content.to_owned(),
    };
    // The same name for a run is another thing.
    store.request_run(&request(1, Some("k"))).await.unwrap();
    let first = store.submit(&piece(2, "{}")).await.unwrap();
    assert!(!first.already);
    let again = store.submit(&piece(3, "{}")).await.unwrap();
    assert_eq!((again.id, again.already), (first.id, true));
    let other = |error: StoreError| matches!(error, StoreError::OtherContent(id) if id == first.id.0);
    assert!(other(store.submit(&piece(4, "{ }")).await.unwrap_err()));
    let mut of_another_job = piece(5, "{}");
    of_another_job.request.job = "weekly".parse().unwrap();
    assert!(matches!(store.submit(&of_another_job).await, Err(StoreError::KeyTaken { .. })));

    let worker = store.start_worker(1).await.unwrap();
    let run = store.claim_run_request(worker.key(), Uuid::from_u128(1), at(10), MINUTE).await.unwrap().unwrap();
    assert!(!run.pushed);
    assert!(matches!(store.submitted(&run).await, Err(StoreError::NotFound { .. })));
    let lease = store.claim_run_request(worker.key(), Uuid::from_u128(2), at(10), MINUTE).await.unwrap().unwrap();
    assert_eq!((lease.id, lease.pushed, lease.reason.as_deref()), (first.id, true, None));
    assert_eq!(store.submitted(&lease).await.unwrap().as_deref(), Some("{}"));
    store.finish_run_request(&lease, &RunEnd::Evidence(lease.id), at(20)).await.unwrap();
    assert_eq!(store.submitted(&lease).await.unwrap(), None);
    assert!(store.submit(&piece(6, "{}")).await.unwrap().already, "the digest stays");
    assert!(other(store.submit(&piece(7, "[]")).await.unwrap_err()));
    assert_eq!(store.run_requests(None, 10).await.unwrap().len(), 2);
}

#[tokio::test]
async fn what_is_asked_for_and_what_is_appended_is_heard() {
    let database = TestDatabase::new().await;
    let store = database.store();
    let mut listener = store.listen().await.unwrap();
    store.request_run(&request(1, None)).await.unwrap();
    store.append(Append::entries(at(1), every_kind(1))).await.unwrap();
    let hear = async { [listener.hear().await.unwrap(), listener.hear().await.unwrap()] };
    let heard = tokio::time::timeout(Duration::from_secs(60), hear).await.expect("notices come");
    assert_eq!(heard, [Heard::RunRequested, Heard::Appended]);
}
