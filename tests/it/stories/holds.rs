//! Legal holds: placed by one person, released by two, set on what lies in the archive and on what comes later.
//!
//! One of the flaws of others: one person alone releases a hold.

use exhibit_archive::{Fault, InMemoryVault, ObjectKey, Vault as _, Version};
use exhibit_evidence::{
    EntryId,
    hold::HoldScope,
    report::{Archived, Standing},
};
use exhibit_pipeline::{
    HoldState, NewHold, Person, Released, archive_pending, check_receipts, checkpoint, holds, issue, perform_on_demand,
    place_hold, release_hold,
};
use exhibit_tests::{Example, TestWorld};

async fn story() -> (TestWorld, Example) {
    let example = Example::new("ci", "ci_secrets", "pass");
    let story = TestWorld::new("2026-08-10T00:00:00Z", std::slice::from_ref(&example)).await;
    story.run_at("2026-08-10T00:00:00Z").await;
    perform_on_demand(&story.world, &example.job.id).await.expect("performed");
    (story, example)
}

async fn archive_a_report(story: &TestWorld, at: &str) {
    story.clock.set(exhibit_tests::at(at));
    checkpoint(&story.world).await.expect("signed");
    issue(&story.world, &story.period(at), Standing::Interim).await.expect("issued");
    archive_pending(&story.world).await.expect("archived");
}

/// A person by a token of their own.
fn person(story: &TestWorld, name: &str, role: &str) -> Person {
    Person { name: name.to_owned(), role: role.to_owned(), token: story.world.entry_id() }
}

fn about(scope: HoldScope) -> NewHold {
    NewHold {
        matter: "Example v. Example".to_owned(),
        scope,
        custodian: "Grace Hopper".to_owned(),
        reason: "letter of the court".to_owned(),
    }
}

fn keys(start: &str) -> HoldScope {
    HoldScope { keys: vec![start.to_owned()], ..HoldScope::default() }
}

async fn state(story: &TestWorld, case: EntryId) -> HoldState {
    let all = holds(&story.world).await.expect("holds");
    all.into_iter().find(|state| state.case.id == case).expect("the case")
}

/// The keys that the archive itself says are held.
async fn held(vault: &InMemoryVault) -> Vec<String> {
    let mut held = Vec::new();
    for listed in vault.list("").await.expect("a list") {
        let version = listed.version.expect("a version");
        if vault.read_back(&listed.key, &version).await.expect("read back").legal_hold {
            held.push(listed.key.to_string());
        }
    }
    held
}

async fn entries(story: &TestWorld) -> usize {
    story.world.store.entries_of_kind("hold").await.expect("holds").len()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_person_never_releases_a_hold() {
    let (story, _) = story().await;
    archive_a_report(&story, "2026-08-10T01:00:00Z").await;
    let (ada, bob) = (person(&story, "Ada", "officer"), person(&story, "Bob", "administrator"));
    for role in ["auditor", "operator", "ingest"] {
        let refused = place_hold(&story.world, &person(&story, "Eve", role), about(keys(""))).await;
        assert!(refused.expect_err("may not").to_string().contains(role));
    }
    assert!(place_hold(&story.world, &ada, about(HoldScope::default())).await.is_err(), "about nothing");
    let case = place_hold(&story.world, &ada, about(keys("reports/"))).await.expect("placed");
    archive_pending(&story.world).await.expect("set");
    let before = held(story.vault.inside()).await;
    assert!(before.len() == 1 && before[0].starts_with("reports/"), "{before:?}");

    let approved = release_hold(&story.world, &ada, case, "settled").await.expect("approved");
    assert!(matches!(approved, Released::Approved(_)));
    // The same person again: by the same token, by another one, under another spelling.
    let count = entries(&story).await;
    for again in [ada.clone(), person(&story, "Ada", "officer"), person(&story, " ada ", "administrator")] {
        let refused = release_hold(&story.world, &again, case, "settled").await.expect_err("one person");
        assert!(refused.to_string().contains("a second, different person"), "{refused}");
    }
    // Somebody else by her token.
    let lent = Person { name: "Bob".to_owned(), ..ada };
    release_hold(&story.world, &lent, case, "settled").await.expect_err("her token");
    let auditor = person(&story, "Bob", "auditor");
    release_hold(&story.world, &auditor, case, "settled").await.expect_err("an auditor");
    assert_eq!(entries(&story).await, count, "what was refused is not recorded");
    archive_pending(&story.world).await.expect("nothing to do");
    assert_eq!(held(story.vault.inside()).await, before, "one approval lifts nothing");
    assert!(state(&story, case).await.case.is_open());

    let ended = release_hold(&story.world, &bob, case, "settled").await.expect("released");
    assert!(matches!(ended, Released::Ended(_)));
    release_hold(&story.world, &bob, case, "settled").await.expect_err("it is over");
    archive_pending(&story.world).await.expect("lifted");
    assert_eq!(held(story.vault.inside()).await, [""; 0]);
    let over = state(&story, case).await;
    assert!(!over.case.is_open() && over.case.objects.is_empty() && over.pending.is_empty());
    let names: Vec<&str> = over.people.iter().map(|(_, name)| name.as_str()).collect();
    assert_eq!((names, over.custodian.as_deref()), (vec!["Ada", "Ada", "Bob"], Some("Grace Hopper")));
    story.assert_clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_later_is_held_too_and_the_last_case_lifts() {
    let (story, example) = story().await;
    archive_a_report(&story, "2026-08-10T01:00:00Z").await;
    let (ada, bob) = (person(&story, "Ada", "officer"), person(&story, "Bob", "officer"));
    let period = story.period("2026-08-10T00:00:00Z").id;
    let by_period = HoldScope { periods: vec![period], ..HoldScope::default() };
    let first = place_hold(&story.world, &ada, about(by_period)).await.expect("placed");
    let environment = example.environments[0].id.clone();
    let by_environment = HoldScope { environments: vec![environment], ..HoldScope::default() };
    let second = place_hold(&story.world, &bob, about(by_environment)).await.expect("placed");
    let elsewhere = place_hold(&story.world, &bob, about(keys("nowhere/"))).await.expect("placed");
    assert_eq!(state(&story, first).await.pending.len(), 2, "nothing counts before the archive says so");
    archive_pending(&story.world).await.expect("set");
    for case in [first, second] {
        let state = state(&story, case).await;
        assert_eq!((state.case.objects.len(), state.pending.len()), (2, 0), "the bundle and the disclosures");
    }

    // The next day's segment and the next report come while the cases are open.
    perform_on_demand(&story.world, &example.job.id).await.expect("performed");
    archive_a_report(&story, "2026-08-11T01:00:00Z").await;
    let now = held(story.vault.inside()).await;
    for start in ["reports/", "disclosures/", "segments/2026-08-10/"] {
        assert!(now.iter().any(|key| key.starts_with(start)), "{start} in {now:?}");
    }
    let checkpoints = now.iter().filter(|key| key.starts_with("checkpoints/")).count();
    assert_eq!(checkpoints, 1, "the one that closes the segment, of those that were signed: {now:?}");
    assert_eq!(state(&story, elsewhere).await.case.objects.len(), 0);

    for person in [&ada, &bob] {
        release_hold(&story.world, person, first, "settled").await.expect("said");
    }
    archive_pending(&story.world).await.expect("nothing to lift");
    assert_eq!(held(story.vault.inside()).await, now, "the second case is about the same");
    for person in [&bob, &ada] {
        release_hold(&story.world, person, second, "settled").await.expect("said");
    }
    archive_pending(&story.world).await.expect("lifted");
    assert_eq!(held(story.vault.inside()).await, [""; 0]);
    let count = entries(&story).await;
    archive_pending(&story.world).await.expect("nothing left to do");
    assert_eq!(entries(&story).await, count);
    story.assert_clean().await;

    let view = story.view("2026-08-11T01:00:00Z").await;
    assert_eq!(view.archive.holds.len(), 3);
    assert_eq!(view.archive.holds.iter().filter(|hold| hold.released_at.is_some()).count(), 2);
    assert!(view.archive.holds.iter().all(|hold| !hold.custodian.contains("Grace")), "pseudonyms alone");
}

/// A hold counts when the archive says so: not when it failed, and not when it was only asked for.
#[tokio::test(flavor = "multi_thread")]
async fn a_hold_survives_every_fault_and_counts_only_as_read_back() {
    for fault in [Fault::NotDone, Fault::DoneButNotTold] {
        for verb in 0.. {
            let (story, _) = story().await;
            archive_a_report(&story, "2026-08-10T01:00:00Z").await;
            let ada = person(&story, "Ada", "officer");
            let case = place_hold(&story.world, &ada, about(keys(""))).await.expect("placed");
            story.vault.fail_after(verb, fault);
            let first = archive_pending(&story.world).await;
            let came = story.vault.has_failed();
            story.vault.forget();
            assert_eq!(first.is_err(), came, "{fault:?} at verb {verb}");
            let state = state(&story, case).await;
            let says = held(story.vault.inside()).await;
            assert!(state.case.objects.iter().all(|object| says.contains(&object.key)), "{fault:?} at verb {verb}");
            assert_eq!(state.pending.is_empty(), !came, "what was not confirmed is pending");
            if !came {
                break;
            }
            assert_eq!(state.case.objects.len(), 1, "one that fails blocks no other");
            archive_pending(&story.world).await.expect("the next run completes");
            let state = self::state(&story, case).await;
            assert_eq!((state.case.objects.len(), state.pending.len()), (2, 0));
        }
    }
}

/// A hold that somebody took off behind our back, and a longer class that was asked for since.
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_hold_is_found_and_a_longer_class_reaches_what_is_kept() {
    let (story, _) = story().await;
    archive_a_report(&story, "2026-08-10T01:00:00Z").await;
    let ada = person(&story, "Ada", "officer");
    place_hold(&story.world, &ada, about(keys("reports/"))).await.expect("placed");
    archive_pending(&story.world).await.expect("set");
    let bundle = held(story.vault.inside()).await.remove(0);
    let key = ObjectKey::parse(&bundle).expect("a key");
    assert!(story.vault.inside().tamper_legal_hold(&key, false));
    let lost: Vec<_> = check_receipts(&story.world)
        .await
        .expect("checks")
        .into_iter()
        .filter(|one| one.difference.is_some())
        .collect();
    assert!(lost.len() == 1 && lost[0].key == bundle && lost[0].hold_lost, "{lost:?}");
    let (count, before) = (entries(&story).await, story.view("2026-08-10T01:00:00Z").await);
    let alarm = archive_pending(&story.world).await.expect_err("never silently").to_string();
    assert!(alarm.contains(&bundle) && alarm.contains("set again"), "{alarm}");
    assert_eq!(held(story.vault.inside()).await, [bundle.as_str()], "it is on again");
    assert_eq!(entries(&story).await, count + 1, "the ledger tells of it");
    archive_pending(&story.world).await.expect("once");
    assert_eq!(entries(&story).await, count + 1);
    let after = story.view("2026-08-10T01:00:00Z").await;
    let told: Vec<&str> = after.changes[before.changes.len()..].iter().map(|change| change.what.as_str()).collect();
    assert!(told.len() == 1 && told[0].contains("was found without legal hold"), "{told:?}");

    let until = async || {
        let checks = check_receipts(&story.world).await.expect("checks");
        assert!(checks.iter().all(|check| check.difference.is_none()), "{checks:?}");
        let check = checks.iter().find(|check| check.key == bundle).expect("the bundle");
        let version = Version::new(check.version.clone());
        story.vault.inside().read_back(&key, &version).await.expect("read back").retain_until
    };
    let seven = until().await;
    let with = |class: exhibit_pipeline::RetentionClass| {
        story.with_plan(|plan| plan.retention = exhibit_pipeline::Retention::new(class))
    };
    archive_pending(&with(exhibit_pipeline::RetentionClass::years(3))).await.expect("shorter");
    assert_eq!(until().await, seven, "what is kept stays");
    archive_pending(&with(exhibit_pipeline::RetentionClass::years(10))).await.expect("longer");
    let ten = until().await;
    assert!(ten > seven, "{ten}");
    archive_pending(&story.world).await.expect("back to seven");
    assert_eq!(until().await, ten);
    let view = story.view("2026-08-10T01:00:00Z").await;
    let reports = view.archive.objects.iter().find(|kind| kind.kind == Archived::Report.word()).expect("reports");
    assert_eq!((reports.objects, reports.classes.clone()), (1, vec!["10-years".to_owned()]));
    story.assert_clean().await;
}
