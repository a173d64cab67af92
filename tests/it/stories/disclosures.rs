//! DESIGN §9, 4: names lie encrypted in the archive, each group under a key of its own, and an erased key erases them.

use exhibit_archive::Fault;
use exhibit_evidence::{
    Body, EntryId, GroupId,
    report::{Receipt, Standing},
};
use exhibit_ledger::bundle::{Trust, verify_bundle};
use exhibit_pipeline::{
    Person, Recovered, archive_pending, check_receipts, erase_disclosures, issue, perform_on_demand,
    recover_disclosures, replay_view,
};
use exhibit_tests::{Example, Needles, TestWorld, tables_that_hold};

const NAMES: [(&str, &str); 2] =
    [("body.provenance.principal", "test-principal"), ("body.provenance.host", "test-host")];

async fn story() -> (TestWorld, Example) {
    let example = Example::new("ci", "ci_secrets", "pass");
    let story = TestWorld::new("2026-08-10T00:00:00Z", std::slice::from_ref(&example)).await;
    story.run_at("2026-08-10T00:00:00Z").await;
    (story, example)
}

async fn look(story: &TestWorld, example: &Example) -> EntryId {
    perform_on_demand(&story.world, &example.job.id).await.expect("performed").evidence
}

/// The groups that are not erased, by field.
async fn group(story: &TestWorld, path: &str) -> GroupId {
    let groups = story.world.store.disclosure_groups().await.expect("groups");
    let open: Vec<_> = groups.iter().filter(|one| one.path == path && one.erased_at.is_none()).collect();
    assert_eq!(open.len(), 1, "one group for the one value of {path}");
    open[0].id
}

/// What the archive gives back, over all its objects.
async fn recovered(story: &TestWorld) -> Recovered {
    let mut all = Recovered::default();
    for receipt in receipts(story).await.iter().filter(|receipt| receipt.is_of_disclosures()) {
        let one = recover_disclosures(&story.world, receipt).await.expect("the archive answers");
        all.opened.extend(one.opened);
        all.erased.extend(one.erased);
        all.differences.extend(one.differences);
    }
    all
}

async fn receipts(story: &TestWorld) -> Vec<Receipt> {
    let entries = story.world.store.entries_of_kind("receipt").await.expect("receipts");
    let receipt = |body| match body {
        Body::Receipt(receipt) => *receipt,
        _ => panic!("a receipt"),
    };
    entries.iter().map(|entry| receipt(entry.envelope().expect("an entry").body)).collect()
}

fn officer(story: &TestWorld) -> Person {
    Person { name: "an officer".to_owned(), role: "officer".to_owned(), token: story.world.entry_id() }
}

async fn all_as_receipted(story: &TestWorld) {
    let checks = check_receipts(&story.world).await.expect("receipts");
    assert!(!checks.is_empty() && checks.iter().all(|check| check.difference.is_none()), "{checks:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_archived_opens_until_it_is_erased() {
    let (story, example) = story().await;
    let seen = [look(&story, &example).await, look(&story, &example).await];
    let period = story.period("2026-08-10T00:00:00Z");
    let issued = issue(&story.world, &period, Standing::Interim).await.expect("issued");
    archive_pending(&story.world).await.expect("archived");
    archive_pending(&story.world).await.expect("nothing left to do");
    assert_eq!(receipts(&story).await.len(), 2, "one of the bundle, one of the disclosures");

    // The originals come back, and their digests are those of the records.
    let before = recovered(&story).await;
    assert_eq!((before.erased.len(), before.differences.clone()), (0, Vec::new()));
    let mut opened: Vec<_> = before.opened.iter().map(|(entry, one)| (*entry, &*one.path, &*one.value)).collect();
    opened.sort_unstable();
    let mut expected: Vec<_> = seen.iter().flat_map(|entry| NAMES.map(|(path, value)| (*entry, path, value))).collect();
    expected.sort_unstable();
    assert_eq!(opened, expected);
    for (entry, one) in &before.opened {
        let body = story.world.store.entry(*entry).await.expect("an entry").envelope().expect("an entry").body;
        let sealed = one.seal().expect("no NUL");
        let held = body.disclosables().into_iter().any(|(path, held)| path == one.path && held == sealed);
        assert!(held, "{}", one.path);
    }

    // Erased: the same bytes lie there as before, and nobody opens them.
    let objects = story.vault.objects().await;
    let principal = group(&story, NAMES[0].0).await;
    let erased =
        erase_disclosures(&story.world, &officer(&story), principal, "request 117, article 17").await.expect("erased");
    assert_eq!(erased.erasure.digests, 2);
    let after = recovered(&story).await;
    assert_eq!(after.differences, Vec::<String>::new());
    assert_eq!((after.opened.len(), after.erased.len()), (2, 2));
    assert!(after.opened.iter().all(|(_, one)| one.path == NAMES[1].0));
    let kept = story.vault.objects().await;
    assert!(objects.iter().all(|object| kept.contains(object)), "nothing in the archive has changed");
    all_as_receipted(&story).await;
    story.assert_clean().await;

    // The report of before says the same, offline too; the next one tells of the erasure.
    let replayed = replay_view(&story.replica(), &period, Standing::Interim, issued.size).await.expect("a view");
    assert_eq!(replayed, issued.view);
    let trust = Trust { keys: vec![story.world.signer.verifier().clone()], ..Trust::default() };
    let verification = verify_bundle(issued.bundle.as_slice(), &trust).expect("a bundle");
    assert!(verification.is_clean(), "{:?}", verification.differences);
    let next = issue(&story.world, &period, Standing::Interim).await.expect("issued");
    assert!(next.markdown.contains("request 117, article 17"), "{}", next.markdown);
    let pseudonyms = |view: &exhibit_report::PeriodView| -> Vec<String> {
        view.evidence.iter().map(|one| one.principal.clone()).collect()
    };
    assert_eq!(pseudonyms(&next.view), pseudonyms(&issued.view), "an erased name keeps its pseudonym");
    let verification = verify_bundle(next.bundle.as_slice(), &trust).expect("a bundle");
    assert!(verification.is_clean(), "{:?}", verification.differences);

    // Seen again: a new group, and the next object begins where the last one ended.
    look(&story, &example).await;
    assert_ne!(group(&story, NAMES[0].0).await, principal);
    issue(&story.world, &period, Standing::Interim).await.expect("issued");
    archive_pending(&story.world).await.expect("archived");
    let again = recovered(&story).await;
    let opened = again.opened.iter().filter(|(_, one)| NAMES.iter().any(|(path, _)| *path == one.path)).count();
    assert_eq!((opened, again.erased.len(), again.differences.len()), (4, 2, 0));
    assert!(again.opened.iter().any(|(_, one)| one.value == "an officer"), "who erased is a name like others");
    let keys: Vec<String> =
        receipts(&story).await.into_iter().filter(Receipt::is_of_disclosures).map(|one| one.key).collect();
    let ends: Vec<&str> = keys.iter().map(|key| &key[29..45]).collect();
    assert!(keys[1..].iter().zip(&ends).all(|(key, end)| key[12..28] == **end), "{keys:?}");
    all_as_receipted(&story).await;
    story.assert_clean().await;
}

/// An erasure between a put that nobody was told of and the run after it: the same bytes again, so the archive takes them.
#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_between_put_and_receipt_leaves_nothing_undone() {
    let (story, example) = story().await;
    let period = story.period("2026-08-10T00:00:00Z");
    for verb in 0.. {
        assert!(verb < 20, "the put of the disclosures never failed");
        look(&story, &example).await;
        issue(&story.world, &period, Standing::Interim).await.expect("issued");
        story.vault.fail_after(verb, Fault::DoneButNotTold);
        let told = archive_pending(&story.world).await;
        let failed = story.vault.has_failed();
        story.vault.forget();
        let open = story.world.store.open_intents().await.expect("intents");
        let halfway = failed && told.is_err() && open.iter().any(|intent| intent.key.starts_with("disclosures/"));
        if halfway {
            let host = group(&story, NAMES[1].0).await;
            erase_disclosures(&story.world, &officer(&story), host, "request 118").await.expect("erased");
        }
        archive_pending(&story.world).await.expect("archived");
        assert_eq!(story.world.store.open_intents().await.expect("intents"), []);
        all_as_receipted(&story).await;
        if halfway {
            assert!(!recovered(&story).await.erased.is_empty());
            break;
        }
    }
    story.assert_clean().await;
}

/// Behind our back: what does not open, or is gone without an erasure on record, is told.
#[tokio::test(flavor = "multi_thread")]
async fn the_archive_check_opens_what_it_reads() {
    for (what, sql) in [
        ("another key", "UPDATE disclosure_keys SET key = decode(repeat('11', 32), 'hex')"),
        ("a lost key", "UPDATE disclosure_keys SET key = NULL, value = NULL, erased_at = now()"),
        ("another value", "UPDATE disclosures SET value = 'somebody-else'"),
    ] {
        let (story, example) = story().await;
        look(&story, &example).await;
        let period = story.period("2026-08-10T00:00:00Z");
        issue(&story.world, &period, Standing::Interim).await.expect("issued");
        archive_pending(&story.world).await.expect("archived");
        all_as_receipted(&story).await;
        story.database.tamper(sql).await;
        let checks = check_receipts(&story.world).await.expect("receipts");
        let named: Vec<_> = checks.iter().filter(|check| check.difference.is_some()).map(|check| &check.key).collect();
        assert!(named.len() == 1 && named[0].starts_with("disclosures/"), "{what}: {checks:?}");
    }
}

/// DESIGN §8, 11, for what the law erases: in no table, object of the archive, or file beside the data.
#[tokio::test(flavor = "multi_thread")]
async fn an_erased_name_is_nowhere() {
    let (story, example) = story().await;
    look(&story, &example).await;
    let period = story.period("2026-08-10T00:00:00Z");
    issue(&story.world, &period, Standing::Interim).await.expect("issued");
    archive_pending(&story.world).await.expect("archived");
    let needles = Needles::new(&NAMES.map(|(_, value)| value.to_owned()));
    assert!(
        !tables_that_hold(&story.database.superuser_url(), &needles).await.is_empty(),
        "until it is erased it is beside the ledger"
    );
    for (path, _) in NAMES {
        let group = group(&story, path).await;
        erase_disclosures(&story.world, &officer(&story), group, "request 119").await.expect("erased");
    }
    let issued = issue(&story.world, &period, Standing::Interim).await.expect("issued");
    archive_pending(&story.world).await.expect("archived");
    assert_eq!(tables_that_hold(&story.database.superuser_url(), &needles).await, Vec::<String>::new());
    let mut places = story.vault.objects().await;
    assert!(places.iter().any(|(key, _)| key.starts_with("disclosures/")));
    places.push(("the report".to_owned(), issued.markdown.into_bytes()));
    places.push(("the report's data".to_owned(), issued.json.into_bytes()));
    for file in story.world.outside.files().expect("files") {
        places.push((file.display().to_string(), std::fs::read(&file).expect("a file")));
    }
    for (place, bytes) in places {
        assert_eq!(needles.found_in(&bytes), Vec::<&str>::new(), "{place}");
    }
    story.assert_clean().await;
}
