//! The whole way of a quarter's report into a bucket: intent, put, read-back, receipt in the ledger.

use std::sync::Arc;

use exhibit_archive::{ObjectKey, Vault as _, Version, retention::retain_until};
use exhibit_evidence::{Body, report::Receipt};
use exhibit_pipeline::{World, check_receipts, run_due};
use exhibit_tests::{
    Example, TestWorld, at,
    s3::{Fault, FaultProxy, Step},
};

use super::{Bucket, SERVICE, server, settings, vault, vault_of};

/// A quarter that is about to close, archived into this bucket through this proxy.
async fn about_to_close(bucket: &Bucket, proxy: &FaultProxy) -> (TestWorld, Arc<World>) {
    let story =
        TestWorld::new("2026-09-25T08:00:00Z", &[Example::new("ci", "ci_secrets", "pass").scheduled("0 6 * * 1")])
            .await;
    let world = story.with_vault(Arc::new(vault_of(settings(bucket, proxy.address()))));
    for now in ["2026-09-25T08:00:00Z", "2026-09-28T04:05:00Z"] {
        story.clock.set(at(now));
        run_due(&world, &()).await.expect("the run goes through");
    }
    (story, world)
}

async fn receipts(world: &World) -> Vec<Receipt> {
    let entries = world.store.entries_of_kind("receipt").await.expect("receipts");
    let bodies = entries.iter().map(|entry| entry.envelope().expect("a record").body);
    bodies.filter_map(|body| if let Body::Receipt(receipt) = body { Some(*receipt) } else { None }).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quarter_is_archived_whatever_goes_wrong_on_the_way() {
    for (what, step, fault, alarm) in [
        ("nothing", Step::Other, Fault::LoseRequest, None),
        ("the put is not heard", Step::Put, Fault::LoseReply, None),
        ("the put is lost", Step::Put, Fault::LoseRequest, None),
        ("the lock is dropped", Step::Put, Fault::DropLock, Some("no retention")),
        ("the read-back is altered", Step::Bytes, Fault::AlterBytes, Some("was changed")),
        ("it is denied", Step::Retention, Fault::Say(403, "AccessDenied"), Some("refused")),
    ] {
        let bucket = Bucket::locked().await;
        let proxy = FaultProxy::before(server().s3, SERVICE).await;
        let (story, world) = about_to_close(&bucket, &proxy).await;
        proxy.plan(step, fault);
        story.clock.set(at("2026-10-05T22:00:00Z"));
        let first = run_due(&world, &()).await;
        match alarm {
            None => drop(first.unwrap_or_else(|error| panic!("{what}: {error}"))),
            Some(said) => {
                let error = first.err().unwrap_or_else(|| panic!("{what}: it is told")).to_string();
                assert!(error.contains(said), "{what}: {error}");
                let held = check_receipts(&world).await.expect("receipts");
                assert!(held.iter().all(|check| check.difference.is_none()), "{what}: a receipt that is not so");
                story.clock.set(at("2026-10-05T22:10:00Z"));
                run_due(&world, &()).await.unwrap_or_else(|error| panic!("{what}: then it goes through: {error}"));
            }
        }
        let receipts = receipts(&world).await;
        assert!(receipts.len() >= 2, "{what}: {receipts:?}");
        for receipt in &receipts {
            assert_eq!((receipt.store.as_str(), receipt.mode.as_str()), ("s3-object-lock", "COMPLIANCE"), "{what}");
            assert!(
                receipt.regulatory_worm && receipt.retain_until >= retain_until(receipt.put_at, 7),
                "{what}: {receipt:?}"
            );
            let (key, version) = (ObjectKey::parse(&receipt.key).expect("a key"), Version::new(&receipt.version));
            let back = vault(&bucket).read_back(&key, &version).await.expect("it is in the bucket");
            assert_eq!((back.digest, back.masked), (receipt.digest, false), "{what}");
        }
        let listed = vault(&bucket).list("").await.expect("listed");
        assert!(listed.iter().all(|listed| listed.others.is_empty()), "{what}: nothing twice: {listed:?}");
        let mut keys: Vec<&str> = receipts.iter().map(|receipt| receipt.key.as_str()).collect();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), receipts.len(), "{what}: one record an object");
        let checks = check_receipts(&world).await.expect("receipts");
        assert!(checks.iter().all(|check| check.difference.is_none()), "{what}: {checks:?}");
        assert_eq!(world.store.open_intents().await.expect("intents"), [], "{what}");
        story.assert_clean().await;
    }
}
