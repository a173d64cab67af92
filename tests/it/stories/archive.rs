//! The archive fails in both ways there are, *not done* and *done but not told*, at every step of a quarter's close.
//!
//! DESIGN §8, 3 and §7: no receipt that is not so, the next run completes, nothing is there twice.

use exhibit_archive::{Fault, ObjectKey};
use exhibit_evidence::{Body, report::Standing};
use exhibit_pipeline::{archive_pending, check_receipts, issue};
use exhibit_tests::{Example, TestWorld};

/// The receipts of what was archived with reports.
async fn receipts(story: &TestWorld) -> Vec<String> {
    let entries = story.world.store.entries_of_kind("receipt").await.expect("receipts");
    let bodies = entries.iter().map(|entry| entry.envelope().expect("an entry").body);
    let of_reports = bodies.filter_map(|body| match body {
        Body::Receipt(receipt) => receipt.report.is_some().then_some(receipt.key),
        _ => None,
    });
    of_reports.collect()
}

async fn quarter_about_to_close() -> TestWorld {
    let story =
        TestWorld::new("2026-09-25T08:00:00Z", &[Example::new("ci", "ci_secrets", "pass").scheduled("0 6 * * 1")])
            .await;
    story.run_at("2026-09-25T08:00:00Z").await;
    story.run_at("2026-09-28T04:05:00Z").await;
    story
}

/// The state that a close must end in, whatever happened on the way.
async fn assert_closed_once(story: &TestWorld, what: &str) {
    let reports = story.world.store.entries_of_kind("report").await.expect("reports");
    let receipts = receipts(story).await;
    let freezes = story.world.store.entries_of_kind("period").await.expect("freezes");
    assert_eq!((freezes.len(), reports.len(), receipts.len()), (1, 1, 2), "{what}");
    let bundles = story.vault.keys().await.into_iter().filter(|key| key.starts_with("reports/")).count();
    assert_eq!(bundles, 1, "{what}");
    let disclosures = story.vault.keys().await.into_iter().filter(|key| key.starts_with("disclosures/")).count();
    assert_eq!(disclosures, 1, "{what}");
    let checks = check_receipts(&story.world).await.expect("receipts");
    assert!(checks.iter().all(|check| check.difference.is_none()), "{what}: {checks:?}");
    assert_eq!(story.world.store.open_intents().await.expect("intents"), [], "{what}");
    story.assert_clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_close_survives_every_fault_at_every_verb() {
    let mut faults = 0;
    for fault in [Fault::NotDone, Fault::DoneButNotTold] {
        for verb in 0.. {
            let what = format!("{fault:?} at verb {verb} of the close");
            let story = quarter_about_to_close().await;
            story.vault.fail_after(verb, fault);
            story.clock.set(exhibit_tests::at("2026-10-05T22:00:00Z"));
            let first = story.try_run().await;
            let came = story.vault.has_failed();
            story.vault.forget();
            if came {
                faults += 1;
                assert!(first.is_err(), "{what}: a fault is told");
                for kept in check_receipts(&story.world).await.expect("receipts") {
                    assert_eq!(kept.difference, None, "{what}: a receipt that is not so");
                }
                story.run_at("2026-10-05T22:10:00Z").await;
            }
            assert_closed_once(&story, &what).await;
            if !came {
                break;
            }
        }
    }
    assert!(faults >= 8, "only {faults} verbs failed: a close has at least four");
}

/// The store took the object, but not its protection: that is no archive, however often it is asked.
#[tokio::test(flavor = "multi_thread")]
async fn protection_that_got_lost_is_never_a_receipt() {
    let story = quarter_about_to_close().await;
    let period = story.period("2026-09-28T04:05:00Z");
    issue(&story.world, &period, Standing::Interim).await.expect("issued");
    story.vault.fail_after(0, Fault::ProtectionDropped);
    for _ in 0..2 {
        let refused = archive_pending(&story.world).await.expect_err("not archived");
        assert!(refused.to_string().contains("reports/"), "it says which object: {refused}");
        assert!(receipts(&story).await.iter().all(|key| !key.starts_with("reports/")));
    }
    let open = story.world.store.open_intents().await.expect("intents");
    assert!(open.len() == 1 && open[0].key.starts_with("reports/"), "what was meant stays on record: {open:?}");
}

/// What happens in the archive behind our back is found by asking it again.
#[tokio::test(flavor = "multi_thread")]
async fn receipts_are_held_against_the_archive() {
    type Tamper = fn(&exhibit_archive::InMemoryVault, &ObjectKey) -> bool;
    let tampers: [(&str, Tamper); 3] = [
        ("replaced", |vault, key| vault.tamper_replace(key, b"other bytes")),
        ("removed", |vault, key| vault.tamper_remove(key)),
        ("unprotected", |vault, key| vault.tamper_unprotect(key)),
    ];
    let story = quarter_about_to_close().await;
    story.run_at("2026-10-05T22:00:00Z").await;
    for (what, tamper) in tampers {
        let checks = check_receipts(&story.world).await.expect("receipts");
        let key = ObjectKey::parse(&checks[0].key).expect("a key");
        assert!(tamper(story.vault.inside(), &key), "{what}");
        let checks = check_receipts(&story.world).await.expect("receipts");
        assert!(checks[0].difference.is_some(), "{what}: not found");
    }
}
