//! The archive, held against its receipts on a schedule: what happens behind our back becomes evidence, and the next report
//! says so.

use exhibit_archive::{Aspect, Fault, InMemoryVault, ObjectKey, Observation, Standing};
use exhibit_evidence::{Verdict, report::Standing as Edition};
use exhibit_pipeline::{NewHold, Performed, Person, archive_pending, issue, perform_on_demand, place_hold};
use exhibit_tests::{Example, TestWorld, at};

const INTACT: &str = "worm-archive.objects-intact";
const PROTECTION: &str = "worm-archive.protection";
const SETTINGS: &str = "worm-archive.store-settings";

struct Story {
    world: TestWorld,
    attestation: Example,
}

impl Story {
    async fn new() -> Self {
        let (ci, attestation) =
            (Example::new("ci", "ci_secrets", "pass"), Example::new("archive", "worm_archive", "pass"));
        let world = TestWorld::new("2026-08-10T00:00:00Z", &[ci.clone(), attestation.clone()]).await;
        world.run_at("2026-08-10T00:00:00Z").await;
        perform_on_demand(&world.world, &ci.job.id).await.expect("performed");
        Self { world, attestation }
    }

    async fn archive(&self) {
        let period = self.world.period("2026-08-10T00:00:00Z");
        issue(&self.world.world, &period, Edition::Interim).await.expect("issued");
        archive_pending(&self.world.world).await.expect("archived");
        self.world.clock.set(at("2026-08-11T01:00:00Z"));
        archive_pending(&self.world.world).await.expect("the day is archived");
    }

    async fn attest(&self) -> Performed {
        perform_on_demand(&self.world.world, &self.attestation.job.id).await.expect("performed")
    }

    fn vault(&self) -> &InMemoryVault {
        self.world.vault.inside()
    }

    async fn key(&self, start: &str) -> ObjectKey {
        let key = self.world.vault.keys().await.into_iter().find(|key| key.starts_with(start));
        ObjectKey::parse(&key.expect("an object")).expect("a key")
    }
}

/// Verdict and findings by check.
fn said(performed: &Performed, check: &str) -> (Verdict, u64) {
    let found = performed.checks.iter().find(|(id, ..)| id == check);
    found.map(|(_, verdict, findings)| (*verdict, *findings)).expect("the check")
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_no_pass_and_no_answer_is_an_error() {
    let story = Story::new().await;
    let nothing = story.attest().await;
    assert_eq!(said(&nothing, INTACT), (Verdict::Vacuous, 0), "nothing is archived yet");
    story.archive().await;
    let good = story.attest().await;
    for check in [INTACT, PROTECTION, SETTINGS] {
        assert_eq!(said(&good, check), (Verdict::Pass, 0), "{check}");
    }
    // The first question of a run is about an object.
    story.world.vault.fail_after(0, Fault::NotDone);
    let unanswered = story.attest().await;
    assert!(story.world.vault.has_failed());
    assert_eq!((said(&unanswered, INTACT).0, said(&unanswered, PROTECTION).0), (Verdict::Error, Verdict::Error));
    story.world.assert_clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_tampering_is_found_and_stays_one_finding() {
    type Tamper = fn(&InMemoryVault, &ObjectKey) -> bool;
    let tampers: [(&str, &str, Tamper); 6] = [
        (INTACT, "worm-archive.removed", |vault, key| vault.tamper_remove(key)),
        (INTACT, "worm-archive.changed", |vault, key| vault.tamper_replace(key, b"other bytes")),
        (INTACT, "worm-archive.masked", |vault, key| vault.tamper_mask(key)),
        (PROTECTION, "worm-archive.unprotected", |vault, key| vault.tamper_unprotect(key)),
        (PROTECTION, "worm-archive.mode-changed", |vault, key| vault.tamper_mode(key, "weaker")),
        (PROTECTION, "worm-archive.retention-shortened", |vault, key| {
            vault.tamper_retention(key, at("2030-01-01T00:00:00Z"))
        }),
    ];
    for (check, condition, tamper) in tampers {
        let story = Story::new().await;
        story.archive().await;
        let key = story.key("segments/").await;
        assert!(tamper(story.vault(), &key), "{condition}");
        assert_eq!(said(&story.attest().await, check), (Verdict::Fail, 1), "{condition}");
        assert_eq!(said(&story.attest().await, check), (Verdict::Fail, 1), "{condition}, again");
        let view = story.world.view("2026-08-11T01:00:00Z").await;
        let attested = view.archive.attested.iter().find(|one| one.check.to_string() == check).expect("in the report");
        assert_eq!((attested.current.word(), attested.with_deviation), ("fail", 2), "{condition}");
        let groups: Vec<_> = view.deviations.iter().filter(|group| group.check.to_string() == check).collect();
        assert_eq!(groups.len(), 1, "{condition}: one kind of deviation");
        let findings = story.world.world.store.findings(&Default::default()).await.expect("findings");
        assert_eq!(findings.len(), 1, "{condition}: the same finding both times");
        story.world.assert_clean().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_hold_and_a_drifted_store_are_deviations() {
    let story = Story::new().await;
    story.archive().await;
    let world = &story.world.world;
    let ada = Person { name: "Ada".to_owned(), role: "officer".to_owned(), token: world.entry_id() };
    let scope = exhibit_evidence::hold::HoldScope { keys: vec!["reports/".to_owned()], ..Default::default() };
    let (matter, reason) = ("a matter".to_owned(), "a letter".to_owned());
    place_hold(world, &ada, NewHold { matter, scope, custodian: "Grace".to_owned(), reason }).await.expect("placed");
    let pending = story.attest().await;
    assert_eq!(said(&pending, PROTECTION).0, Verdict::Pass, "a hold that was never set is pending, not lost");
    archive_pending(world).await.expect("set");
    assert_eq!(said(&story.attest().await, PROTECTION).0, Verdict::Pass);
    let bundle = story.key("reports/").await;
    assert!(story.vault().tamper_legal_hold(&bundle, false));
    assert_eq!(said(&story.attest().await, PROTECTION), (Verdict::Fail, 1));
    // Set again, it is a deviation for one more attestation: nobody would hear of one that was mended in between.
    for _ in 0..2 {
        archive_pending(world).await.expect_err("the alarm");
        assert_eq!(said(&story.attest().await, PROTECTION), (Verdict::Fail, 1), "mended");
        assert_eq!(said(&story.attest().await, PROTECTION), (Verdict::Pass, 0));
        story.world.clock.set(story.world.world.now().plus(chrono::TimeDelta::minutes(1)));
        assert!(story.vault().tamper_legal_hold(&bundle, false));
    }
    assert!(story.vault().tamper_legal_hold(&bundle, true));

    let rule = "A rule removes kept versions after 30 days.";
    story.vault().tamper_surroundings(Observation::new(Aspect::Lifecycle, Standing::Broken, "30 days", rule));
    assert_eq!(said(&story.attest().await, SETTINGS), (Verdict::Fail, 1));
    story.vault().tamper_surroundings(Observation::new(Aspect::Lifecycle, Standing::Unknown, "?", "No answer."));
    assert_eq!(said(&story.attest().await, SETTINGS), (Verdict::Error, 0));
}
