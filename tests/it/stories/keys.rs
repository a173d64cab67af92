//! The signing key is rotated: everything sealed before and after verifies from either end of the line of keys, and
//! nobody can slip in another key.
//!
//! DESIGN §8, 1 and §9, 11.

use exhibit_archive::Fault;
use exhibit_evidence::{Body, EntryId, deployment::Deployment, key::KeyRotation, report::Standing};
use exhibit_ledger::{
    bundle::{Trust, verify_bundle},
    checkpoint::{Checkpoint, SignedCheckpoint},
    keys::Rotation,
    note::Note,
};
use exhibit_pipeline::{StepError, World, checkpoint, declare, handovers, issue, rotate, run_due};
use exhibit_store::{Append, NewEntry, StoredCheckpoint};
use exhibit_tests::{Example, TestWorld};

const NOW: &str = "2026-09-25T08:00:00Z";

/// A world that has recorded something, signed by the key of [`TestWorld`] (seed 42).
async fn story() -> TestWorld {
    let story = TestWorld::new(NOW, &[Example::new("ci", "ci_secrets", "pass").scheduled("0 6 * * 1")]).await;
    story.run_at("2026-09-28T04:05:00Z").await;
    story
}

async fn key_entries(world: &World) -> usize {
    let size = world.store.head().await.expect("a head").size();
    let entries = world.store.entries(0..size).all().await.expect("entries");
    entries.iter().filter(|entry| matches!(entry.envelope().expect("an entry").body, Body::Key(_))).count()
}

async fn assert_clean_from(story: &TestWorld, seeds: &[u8], what: &str) {
    for seed in seeds {
        let report = story.fsck_from(TestWorld::key(*seed).verifier()).await;
        assert!(report.is_clean(), "{what}, pinned {seed}: {:#?}", report.differences);
        assert!(report.covered_outside > 0, "{what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_bundle_verifies_from_every_key_of_the_line() {
    let story = story().await;
    let period = story.period(NOW);
    let mut bundles = vec![issue(&story.world, &period, Standing::Interim).await.expect("issued").bundle];
    let mut world = story.with_key(42);
    for (next, reason) in [(1, "the yearly change"), (2, "the machine was replaced")] {
        let handed = rotate(&world, &TestWorld::key(next), reason).await.expect("rotated");
        assert_eq!(handed.rotation.size, story.size().await, "the checkpoint by both covers the rotation");
        let note = world.store.checkpoint(handed.rotation.size).await.expect("a checkpoint").note;
        let note = SignedCheckpoint::parse(note.as_bytes()).expect("a note");
        for key in [world.signer.verifier(), TestWorld::key(next).verifier()] {
            note.verify(world.origin(), [key]).expect("signed by both");
        }
        let retired = checkpoint(&world).await.expect_err("the retired key signs nothing more");
        assert!(matches!(retired, StepError::Retired { .. }), "{retired}");
        assert!(run_due(&world, &()).await.is_err(), "nor does anything run under it");
        world = story.with_key(next);
        declare(&world).await.expect("the ledger names the key already");
        assert_eq!(story.size().await, handed.rotation.size, "so nothing is declared anew");
        bundles.push(issue(&world, &period, Standing::Interim).await.expect("issued").bundle);
        checkpoint(&world).await.expect("signed");
    }

    let handed = handovers(&world.store).await.expect("rotations");
    let reasons: Vec<_> = handed.iter().map(|handover| handover.reason.as_str()).collect();
    assert_eq!(reasons, ["the yearly change", "the machine was replaced"]);
    let rotations: Vec<Rotation> = handed.into_iter().map(|handover| handover.rotation).collect();
    for (number, bundle) in (0..).zip(&bundles) {
        for (at, pinned) in (0..).zip([42, 1, 2]) {
            let keys = vec![TestWorld::key(pinned).verifier().clone()];
            // A bundle brings the rotations up to its own making; a key that came later needs the later ones.
            let alone = verify_bundle(&bundle[..], &Trust { keys: keys.clone(), ..Trust::default() }).expect("looked");
            assert_eq!(alone.is_clean(), at <= number, "bundle {number}, pinned {pinned}: {:#?}", alone.differences);
            let trust = Trust { keys, rotations: rotations.clone(), ..Trust::default() };
            let found = verify_bundle(&bundle[..], &trust).expect("looked");
            assert_eq!(found.differences, [], "bundle {number}, pinned {pinned}, with the rotations");
        }
    }
    assert_clean_from(&story, &[42, 1, 2], "after two rotations").await;
    assert!(!story.fsck_from(TestWorld::key(9).verifier()).await.is_clean(), "another key vouches for nothing");

    // The report tells it, and the close of the quarter goes on with the new key.
    let world_view = exhibit_pipeline::render_period(&world, &period).await.expect("a report");
    let keys = &world_view.view.signing_keys;
    assert_eq!(keys.len(), 3);
    assert_eq!(keys[2].key, TestWorld::key(2).verifier().to_string());
    assert_eq!(keys[2].key, world_view.view.cover.verifier_key);
    assert_eq!(keys[0].until_size, Some(keys[1].from_size));
    assert!(world_view.markdown.contains("the machine was replaced"));
    story.clock.set(exhibit_tests::at("2026-10-05T22:05:00Z"));
    let closed = run_due(&world, &()).await.expect("the run goes through");
    assert_eq!(closed.issued.len(), 1, "the quarter is closed");
    assert_clean_from(&story, &[42, 1, 2], "after the close").await;

    // A frozen period's report can be rendered anew by a key that came after it.
    rotate(&world, &TestWorld::key(3), "once more").await.expect("rotated");
    let anew = exhibit_pipeline::render_period(&story.with_key(3), &period).await.expect("a report");
    assert_eq!(anew.markdown, closed.issued[0].markdown);
    for pinned in [42, 1, 2, 3] {
        let trust = Trust { keys: vec![TestWorld::key(pinned).verifier().clone()], ..Trust::default() };
        assert_eq!(verify_bundle(&anew.bundle[..], &trust).expect("looked").differences, [], "pinned {pinned}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_survives_every_fault_at_every_verb() {
    let mut faults = 0;
    for fault in [Fault::NotDone, Fault::DoneButNotTold] {
        for verb in 0.. {
            let what = format!("{fault:?} at verb {verb} of the rotation");
            let story = story().await;
            story.vault.fail_after(verb, fault);
            let first = rotate(&story.world, &TestWorld::key(1), "the yearly change").await;
            let came = story.vault.has_failed();
            story.vault.forget();
            if came {
                faults += 1;
                assert!(first.is_err(), "{what}: a fault is told");
            }
            rotate(&story.world, &TestWorld::key(1), "the yearly change").await.expect("it may run again");
            assert_eq!(key_entries(&story.world).await, 1, "{what}");
            checkpoint(&story.with_key(1)).await.expect("the new key goes on");
            assert_clean_from(&story, &[42, 1], &what).await;
            if !came {
                break;
            }
        }
    }
    assert!(faults >= 4, "only {faults} verbs failed: a rotation keeps two checkpoints");
}

/// Killed right behind the entry: neither key goes on until both have signed.
#[tokio::test(flavor = "multi_thread")]
async fn an_entry_without_its_checkpoint_is_completed() {
    let story = story().await;
    let size = rotate(&story.world, &TestWorld::key(1), "why").await.expect("rotated").rotation.size;
    story.database.tamper(&format!("DELETE FROM checkpoints WHERE size = {size}")).await;
    std::fs::remove_file(story.world.outside.file(size)).expect("removed");
    let report = story.fsck().await;
    assert!(report.differences.iter().any(|found| found.expected.contains("both keys")), "{:#?}", report.differences);
    let early = checkpoint(&story.with_key(1)).await.expect_err("not complete");
    assert!(matches!(early, StepError::Unfinished { .. }), "{early}");
    let late = checkpoint(&story.world).await.expect_err("handed over");
    assert!(matches!(late, StepError::Retired { .. }), "{late}");
    rotate(&story.world, &TestWorld::key(1), "").await.expect("completed, by the same bytes as the archive kept");
    assert_clean_from(&story, &[42, 1], "completed").await;
    assert_eq!(key_entries(&story.world).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_cannot_follow_are_refused_and_change_nothing() {
    let story = story().await;
    rotate(&story.world, &TestWorld::key(1), "why").await.expect("rotated");
    let world = story.with_key(1);
    let size = story.size().await;
    let other = exhibit_ledger::note::SigningKey::from_seed("example.org/other", &[3; 32]).expect("a key");
    for (next, reason) in [
        (TestWorld::key(1), "it signs already"),
        (TestWorld::key(42), "it left"),
        (other, "another log's"),
        (TestWorld::key(2), "  "),
    ] {
        rotate(&world, &next, reason).await.expect_err(reason);
    }
    rotate(&story.with_key(9), &TestWorld::key(2), "a stranger").await.expect_err("not of this line");
    assert_eq!((story.size().await, key_entries(&world).await), (size, 1));
}

/// Somebody with the database but without the keys.
#[tokio::test(flavor = "multi_thread")]
async fn a_forged_rotation_is_named_and_followed_by_nobody() {
    for (seeds, said) in [(&[1][..], "not signed by both"), (&[42], "not signed by both"), (&[8, 1], "rotation")] {
        let story = story().await;
        let at = story.size().await;
        // Who signs with a key of his own must also name it as the one that leaves.
        let old = if seeds.len() == 2 { 8 } else { 42 };
        let (old, new) = (TestWorld::key(old), TestWorld::key(1));
        let good = Rotation::sign(story.world.origin(), at + 2, &old, &new).expect("a statement");
        let keys: Vec<_> = seeds.iter().map(|seed| TestWorld::key(*seed)).collect();
        let forged = Note::sign(good.text(), &keys.iter().collect::<Vec<_>>()).expect("a note");
        let statement = String::from_utf8(forged.to_bytes()).expect("text");
        forge(&story.world, new.verifier().to_string(), statement).await;
        let report = story.fsck().await;
        let named = report.differences.iter().any(|found| found.place == "entries" && found.to_string().contains(said));
        assert!(named, "{seeds:?}: {:#?}", report.differences);
        for seed in [42, 1] {
            checkpoint(&story.with_key(seed)).await.expect_err("nothing is signed behind a forged rotation");
        }
    }
}

async fn forge(world: &World, verifier_key: String, statement: String) {
    let last = world.store.entries_of_kind("deployment").await.expect("deployments").pop().expect("one");
    let Body::Deployment(deployment) = last.envelope().expect("an entry").body else { panic!("a deployment") };
    let deployment = Deployment { verifier_key, ..*deployment };
    let bodies: [Body; 2] = [deployment.into(), KeyRotation { statement, reason: "trust me".to_owned() }.into()];
    let id = |number: u8| EntryId::from_parts(world.now(), &[number; 10]);
    let entries = (1..).zip(bodies).map(|(number, body)| NewEntry { id: id(number), body }).collect();
    world.store.append(Append::entries(world.now(), entries)).await.expect("appended by hand");
}

/// A retired key that was kept, or stolen.
#[tokio::test(flavor = "multi_thread")]
async fn a_checkpoint_by_a_retired_key_is_named() {
    let story = story().await;
    rotate(&story.world, &TestWorld::key(1), "it leaked").await.expect("rotated");
    let world = story.with_key(1);
    issue(&world, &story.period(NOW), Standing::Interim).await.expect("issued");
    let (size, root) = {
        let head = world.store.head().await.expect("a head");
        (head.size(), head.root())
    };
    let stale =
        Checkpoint { origin: world.origin().to_owned(), size, root }.sign(&[&story.world.signer]).expect("signed");
    let note = String::from_utf8(stale.to_bytes()).expect("text");
    world.store.save_checkpoint(&StoredCheckpoint { size, root, note, signed_at: world.now() }).await.expect("kept");
    for pinned in [42, 1] {
        let report = story.fsck_from(TestWorld::key(pinned).verifier()).await;
        let named = |found: &exhibit_store::Difference| {
            found.row == format!("size {size}") && found.found.contains("may sign checkpoints from size 0 to")
        };
        assert!(report.differences.iter().any(named), "pinned {pinned}: {:#?}", report.differences);
    }
}
