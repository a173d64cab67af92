//! Groups of disclosable values, and their erasure.

use exhibit_evidence::disclosure::PERSON;
use exhibit_evidence::{Actor, Body, Disclosure, GroupId};

use super::samples::*;
use crate::service::Scope;
use crate::testing::TestDatabase;
use crate::{DisclosureGroup, NewDisclosure, NewErasure, Store, StoreError, Trusted};

fn erasing(group: GroupId, entry: u64) -> NewErasure {
    let disclosure = Disclosure::new(&[9; 16], PERSON, "an officer");
    let person = disclosure.seal().unwrap();
    let by = Actor { person, role: "officer".into(), token: id(1_000) };
    let name = NewDisclosure { entry: id(entry), disclosure, fresh: super::samples::group(500_000 + entry) };
    NewErasure { group, entry: id(entry), reason: "request 117".into(), by, name, now: at(50) }
}

async fn group_of(store: &Store, path: &str) -> DisclosureGroup {
    let groups = store.disclosure_groups().await.unwrap();
    groups.into_iter().rev().find(|group| group.path == path).unwrap()
}

#[tokio::test]
async fn the_same_value_in_the_same_field_is_one_group() {
    let database = TestDatabase::new().await;
    let store = database.store();
    let unit = disclosed(at(1), vec![entry(1, evidence("nightly", at(0))), entry(2, evidence("nightly", at(0)))]);
    store.append(unit.clone()).await.unwrap();
    assert!(store.append(unit).await.unwrap().already, "the same again adds nothing");
    store.append(disclosed(at(2), vec![entry(3, evidence("nightly", at(0)))])).await.unwrap();
    let groups = store.disclosure_groups().await.unwrap();
    let told: Vec<_> = groups.iter().map(|one| (one.path.as_str(), one.value.as_deref(), one.digests)).collect();
    assert_eq!(
        told,
        [("body.provenance.host", Some("build-7"), 3), ("body.provenance.principal", Some("somebody"), 3)]
    );
    let keys = store.group_keys(&[groups[0].id, groups[1].id]).await.unwrap();
    assert_ne!(keys[&groups[0].id], keys[&groups[1].id]);
    assert!(!format!("{groups:?}{keys:?}").contains("build-7"), "what is logged names nobody");
    let within = store.disclosures_within(1..2).await.unwrap();
    assert_eq!(within, store.disclosures_of(&[id(2)]).await.unwrap());
    assert_eq!(within.len(), 2);
    assert!(store.fsck(&Trusted::default()).await.unwrap().is_clean());
}

#[tokio::test]
async fn an_erased_value_is_gone_and_its_entry_still_verifies() {
    let database = TestDatabase::new().await;
    let store = database.store();
    store.append(disclosed(at(1), vec![entry(1, evidence("nightly", at(0)))])).await.unwrap();
    let host = group_of(store, "body.provenance.host").await;
    let erased = store.erase_group(&erasing(host.id, 70)).await.unwrap();
    assert_eq!((erased.recorded.seq, erased.erasure.digests), (1, 1));
    let Body::Erasure(told) = store.entry(id(70)).await.unwrap().envelope().unwrap().body else { panic!("a kind") };
    assert_eq!(*told, erased.erasure);
    assert_eq!(store.erasures().await.unwrap()[0].erasure, erased.erasure);
    assert!(store.group_keys(&[host.id]).await.unwrap().is_empty());
    for one in store.disclosures_of(&[id(1)]).await.unwrap() {
        let is_host = one.path == "body.provenance.host";
        assert_eq!((one.disclosure.is_none(), one.erased_at), (is_host, is_host.then_some(at(50))), "{}", one.path);
    }
    // Whoever may see the record sees by whom and why, however little else.
    let narrow = Scope { environments: Some(vec!["production".into()]), ..Scope::whole() };
    let mut reading = store.reading(&narrow).await.unwrap();
    let piece = reading.evidence_piece(id(1), None).await.unwrap();
    reading.close().await.unwrap();
    for value in piece.disclosures {
        let told = (value.path == host.path).then(|| (id(70), erased.erasure.clone()));
        assert_eq!((value.value.is_none(), &value.erasure), (told.is_some(), &told), "{}", value.path);
    }
    // Nowhere in the tables is the value any more, and nothing that is signed has changed.
    let traces: i64 = sqlx::query_scalar(
        "SELECT (SELECT count(*) FROM exhibit.disclosures d WHERE d::text LIKE '%build-7%') \
              + (SELECT count(*) FROM exhibit.disclosure_keys k WHERE k::text LIKE '%build-7%') \
              + (SELECT count(*) FROM exhibit.entries e WHERE e::text LIKE '%build-7%') \
              + (SELECT count(*) FROM exhibit.evidence v WHERE v::text LIKE '%build-7%')",
    )
    .fetch_one(&store.pool)
    .await
    .unwrap();
    assert_eq!(traces, 0);
    let report = store.fsck(&Trusted::default()).await.unwrap();
    assert!(report.is_clean(), "{:#?}", report.differences);

    // Seen again, it is of another group, and nothing tells that it was the same.
    store.append(disclosed(at(60), vec![entry(2, evidence("nightly", at(0)))])).await.unwrap();
    let again = group_of(store, "body.provenance.host").await;
    assert_ne!(again.id, host.id);
    assert_eq!((again.value.as_deref(), again.digests), (Some("build-7"), 1));
    let report = store.fsck(&Trusted::default()).await.unwrap();
    assert!(report.is_clean(), "{:#?}", report.differences);
}

#[tokio::test]
async fn a_refused_erasure_erases_and_records_nothing() {
    let database = TestDatabase::new().await;
    let store = database.store();
    store.append(disclosed(at(1), vec![entry(1, evidence("nightly", at(0)))])).await.unwrap();
    let host = group_of(store, "body.provenance.host").await;
    let nobody = store.erase_group(&erasing(GroupId(id(99).0), 70)).await.unwrap_err();
    assert!(matches!(nobody, StoreError::NotFound { .. }), "{nobody}");
    let naming = NewErasure { reason: "Build-7 was sold".into(), ..erasing(host.id, 70) };
    let naming = store.erase_group(&naming).await.unwrap_err();
    assert!(matches!(naming, StoreError::Record { .. }) && !naming.to_string().contains("uild-7"), "{naming}");
    // The entry can't be recorded: its id is taken.
    let taken = store.erase_group(&erasing(host.id, 1)).await.unwrap_err();
    assert!(matches!(taken, StoreError::IdTaken(_)), "{taken}");
    assert_eq!(group_of(store, "body.provenance.host").await, host);
    assert_eq!(store.head().await.unwrap().size(), 1);

    store.erase_group(&erasing(host.id, 70)).await.unwrap();
    let twice = store.erase_group(&erasing(host.id, 71)).await.unwrap_err();
    assert!(twice.to_string().contains("erased already"), "{twice}");
    assert_eq!(store.head().await.unwrap().size(), 2);
    assert!(store.fsck(&Trusted::default()).await.unwrap().is_clean());
}

/// Behind the ledger's back, after an erasure that it tells of.
#[tokio::test]
async fn what_an_erasure_says_is_held_against_the_values() {
    for (what, sql, named) in [
        (
            "a key returns",
            "UPDATE disclosure_keys SET key = decode(repeat('11', 32), 'hex'), value = 'x', erased_at = NULL",
            "disclosure_keys",
        ),
        (
            "a value returns",
            "UPDATE disclosures SET salt = repeat('A', 22), value = 'x', erased_at = NULL",
            "disclosures",
        ),
        ("the group alone is gone", "DELETE FROM disclosure_keys", "disclosure_keys"),
        ("the group is gone", "DELETE FROM disclosures; DELETE FROM disclosure_keys", "disclosure_keys"),
    ] {
        let database = TestDatabase::new().await;
        let store = database.store();
        store.append(disclosed(at(1), vec![entry(1, evidence("nightly", at(0)))])).await.unwrap();
        let host = group_of(store, "body.provenance.host").await;
        store.erase_group(&erasing(host.id, 70)).await.unwrap();
        database.tamper(sql).await;
        let report = store.fsck(&Trusted::default()).await.unwrap();
        let row = format!("group {}", host.id);
        let told = report.differences.iter().any(|one| one.place == named && one.row == row);
        assert!(told, "{what}: {:#?}", report.differences);
    }
}
