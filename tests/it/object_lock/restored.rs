//! The database is gone, and the bucket alone gives the ledger back.

use std::sync::Arc;

use exhibit_evidence::{GroupId, report::Standing};
use exhibit_pipeline::{
    OutsideCheckpoints, Person, Restoration, SystemRandom, World, archive_pending, archive_to_now, check_receipts,
    erase_disclosures, issue, perform_on_demand, restore, run_due, unarchived,
};
use exhibit_store::{OutsideCheckpoint, Trusted, testing::TestDatabase};
use exhibit_tests::{Example, TestWorld};

use super::{Bucket, vault};

const PRINCIPAL: &str = "body.provenance.principal";
const HOST: &str = "body.provenance.host";

/// Erases the one value of this field that is not erased yet.
async fn erase(world: &World, path: &str) {
    let groups = world.store.disclosure_groups().await.expect("groups");
    let open: Vec<GroupId> =
        groups.iter().filter(|one| one.path == path && one.erased_at.is_none()).map(|one| one.id).collect();
    let officer = Person { name: "an officer".to_owned(), role: "officer".to_owned(), token: world.entry_id() };
    assert_eq!(open.len(), 1, "{path}");
    erase_disclosures(world, &officer, open[0], "request 117").await.expect("erased");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bucket_alone_gives_the_ledger_back_and_says_which_names_are_gone() {
    let bucket = Bucket::locked().await;
    let example = Example::new("ci", "ci_secrets", "pass");
    let story = TestWorld::new("2026-08-10T00:00:00Z", std::slice::from_ref(&example)).await;
    let world = story.with_vault(Arc::new(vault(&bucket)));
    run_due(&world, &()).await.expect("the run goes through");
    perform_on_demand(&world, &example.job.id).await.expect("performed");
    // One name is erased before anything of it was archived, one afterwards, and one never.
    erase(&world, PRINCIPAL).await;
    perform_on_demand(&world, &example.job.id).await.expect("performed");
    issue(&world, &story.period("2026-08-10T00:00:00Z"), Standing::Interim).await.expect("issued");
    archive_pending(&world).await.expect("archived");
    erase(&world, HOST).await;
    archive_to_now(&world).await.expect("archived");
    let size = story.size().await;
    let covered = archive_to_now(&world).await.expect("nothing but receipts is left");

    let empty = TestDatabase::new().await;
    let folder = tempfile::tempdir().expect("a folder");
    let outside = OutsideCheckpoints::new(folder.path());
    let bucket_alone = vault(&bucket);
    let from = Restoration {
        store: empty.store(),
        vault: &bucket_alone,
        outside: &outside,
        keys: &[world.signer.verifier().clone()],
        random: &SystemRandom,
        now: story.world.now(),
    };
    let restored = restore(&from).await.expect("restored");
    assert_eq!((restored.missing.clone(), restored.signed_beyond), (Vec::<String>::new(), None), "{restored:?}");
    assert!(restored.entries == covered && covered <= size && restored.reports == 1, "{restored:?}");
    // Of six names three are erased still, by the ledger's word alone; of the others no key is left.
    assert_eq!((restored.erased_names, restored.lost_names), (3, 3), "{restored:?}");

    let notes = outside.all().expect("checkpoints came back");
    let trusted = Trusted {
        origin: world.origin().to_owned(),
        keys: vec![world.signer.verifier().clone()],
        checkpoints: notes
            .into_iter()
            .map(|note| OutsideCheckpoint { source: "the bucket".to_owned(), note: note.into_bytes() })
            .collect(),
    };
    let looked = empty.store().fsck(&trusted).await.expect("it can look");
    assert!(looked.is_clean() && looked.covered_outside == covered, "{looked:?}");
    assert_eq!(looked.lost_names, 3);

    // It goes on: what lies there without a receipt gets one, and nothing is put twice.
    let mut after = story.with_vault(Arc::new(vault(&bucket)));
    let changed = Arc::get_mut(&mut after).expect("just made");
    (changed.store, changed.outside) = (empty.store().clone(), outside);
    archive_pending(&after).await.expect("archived");
    assert_eq!(unarchived(&after).await.expect("asked"), []);
    let checks = check_receipts(&after).await.expect("receipts");
    assert!(checks.len() >= 3 && checks.iter().all(|check| check.difference.is_none()), "{checks:?}");
    let names: Vec<(u64, u64)> = checks
        .iter()
        .filter(|check| check.key.starts_with("disclosures/"))
        .map(|check| (check.erased_names, check.lost_names))
        .collect();
    assert_eq!(names, [(2, 2)], "an object of disclosures is as its receipt says, and nobody opens it");
    let listed = exhibit_archive::Vault::list(&bucket_alone, "").await.expect("listed");
    assert!(listed.iter().all(|listed| listed.others.is_empty() && !listed.masked), "{listed:?}");
}
