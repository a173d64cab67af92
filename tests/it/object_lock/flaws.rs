//! What archives are known to get wrong, each with the story that fails where it is wrong.
//!
//! The eighth, a hold that one person alone releases, is the pipeline's: a store knows no persons. Here it is told on the bucket;
//! `stories::holds::one_person_never_releases_a_hold` tries every way around it.

use std::sync::Arc;

use exhibit_archive::{Done, PutOptions, Vault as _, Version, retention::retain_until, s3::LockMode};
use exhibit_evidence::{Digest, hold::HoldScope, report::Standing};
use exhibit_pipeline::{NewHold, Person, archive_pending, issue, perform_on_demand, place_hold, release_hold, run_due};
use exhibit_tests::{
    Example, TestWorld, at,
    s3::{Fault, FaultProxy, Step},
};

use super::{
    Bucket, PREFIX, SERVICE, archived, behind_proxy, key, listed, options, server, settings, until, vault, vault_of,
};

/// 1. Check, then put: between the two somebody else puts. The server here ignores `If-None-Match`.
#[tokio::test(flavor = "multi_thread")]
async fn check_then_put_race() {
    let (bucket, proxy, vault) = behind_proxy().await;
    // The same bytes: both are told the same version, and the later one counts for nothing.
    proxy.plan(Step::Put, Fault::RacedBy(b"same".to_vec()));
    let (put, back) = archived(&vault, "race/same", b"same").await.expect("archived");
    let found = listed(&vault, "race/same").await;
    assert_eq!((put.done, found.others.len()), (Done::AlreadyThere, 1), "the other was first");
    assert_eq!((found.version.as_ref(), back.version), (Some(&put.version), put.version.clone()));
    assert!(!back.masked, "whoever names no version is given the same bytes");
    // Other bytes: whoever came second is told, and told where its bytes lie.
    proxy.plan(Step::Put, Fault::RacedBy(b"theirs".to_vec()));
    let error = vault.put_once(&key("race/other"), b"ours", &options()).await.expect_err("the line stops");
    assert_eq!(error.code(), "archive.raced");
    let found = listed(&vault, "race/other").await;
    assert!(error.to_string().contains(found.others[0].as_str()), "{error}");
    assert!(proxy.heal());
    let theirs = vault.put_once(&key("race/other"), b"theirs", &options()).await.expect("theirs");
    assert_eq!((theirs.done, Some(theirs.version)), (Done::AlreadyThere, found.version));
    let ours = vault.put_once(&key("race/other"), b"ours", &options()).await.expect_err("never both");
    assert_eq!(ours.code(), "archive.other-bytes");
    drop(bucket);
}

/// 1, again: two put the same bytes in one moment, on a server that ignores the condition *and* lists versions in another
/// order. Each names a version of its own, and what each was told stays true.
#[tokio::test(flavor = "multi_thread")]
async fn check_then_put_race_of_two_who_see_another_order() {
    let (bucket, proxy, late) = behind_proxy().await;
    proxy.plan(Step::Put, Fault::RacedBy(b"same".to_vec()));
    proxy.plan_after(Step::Look, 0, usize::MAX, Fault::ReverseVersions);
    let (put, back) = archived(&late, "race/order", b"same").await.expect("archived");
    assert!(proxy.heal());
    let other = vault(&bucket);
    let early = archived(&other, "race/order", b"same").await.expect("archived").1;
    assert_ne!(early.version, put.version, "two versions: the case that can't be prevented there");
    for (vault, version) in [(&other, &early.version), (&other, &put.version), (&late, &put.version)] {
        let kept = vault.read_back(&key("race/order"), version).await.expect("read back");
        assert_eq!((kept.digest, kept.retain_until, &*kept.mode), (back.digest, options().retain_until, "COMPLIANCE"));
        assert!(!kept.masked, "neither hides the other, as both are the same bytes");
        let removed = format!("/{PREFIX}race/order?versionId={version}");
        assert_eq!(bucket.administer("DELETE", &removed, &[], b"").await.status(), 403, "both are locked");
    }
}

/// 1, again: eight replicas at once, on a server that heeds the condition.
#[tokio::test(flavor = "multi_thread")]
async fn check_then_put_race_of_many() {
    let bucket = Bucket::locked().await;
    let replicas: Vec<_> = (0..8).map(|_| Arc::new(vault(&bucket))).collect();
    let puts: Vec<_> = replicas
        .into_iter()
        .map(|vault| tokio::spawn(async move { archived(&vault, "race/many", b"the same").await.expect("archived").1 }))
        .collect();
    let mut versions: Vec<Version> = Vec::new();
    for put in puts {
        versions.push(put.await.expect("joined").version);
    }
    versions.dedup();
    let found = listed(&vault(&bucket), "race/many").await;
    assert_eq!((versions, found.others), (vec![found.version.expect("there")], vec![]), "one version, one record");
}

/// 2. The version's id is not kept: then somebody's later bytes are taken for the archived ones.
#[tokio::test(flavor = "multi_thread")]
async fn version_id_not_kept() {
    let (bucket, proxy, vault) = behind_proxy().await;
    let (put, _) = archived(&vault, "a", b"ours").await.expect("archived");
    let over = bucket.administer("PUT", &format!("/{PREFIX}a"), &[], b"somebody else's").await;
    assert_eq!(over.status(), 200, "a bucket with versions takes a second put: {}", over.text());
    assert_eq!(vault.get(&key("a"), &put.version).await.expect("still there"), b"ours");
    assert!(vault.read_back(&key("a"), &put.version).await.expect("read back").masked);
    let again = vault.put_once(&key("a"), b"ours", &options()).await.expect("the earliest is the object");
    assert_eq!((again.done, again.version), (Done::AlreadyThere, put.version));
    // A store that names no version has archived nothing.
    proxy.plan(Step::Put, Fault::DropAnswerHeaders(&["x-amz-version-id"]));
    let error = vault.put_once(&key("b"), b"1", &options()).await.expect_err("no version");
    assert_eq!(error.code(), "archive.unprotected", "{error}");
    // Nor has a bucket without versions, whether it refuses the lock or never hears of it.
    let plain = Bucket::plain().await;
    let proxy = FaultProxy::before(server().s3, SERVICE).await;
    let unfit = vault_of(settings(&plain, proxy.address()));
    let error = unfit.put_once(&key("a"), b"1", &options()).await.expect_err("no lock");
    assert_eq!(error.code(), "archive.unfit", "{error}");
    proxy.plan(Step::Put, Fault::DropLock);
    let error = unfit.put_once(&key("a"), b"1", &options()).await.expect_err("no version");
    assert_eq!(error.code(), "archive.unprotected", "{error}");
}

/// 3. The lock is never read back: the server says yes and keeps none, or a weaker one.
#[tokio::test(flavor = "multi_thread")]
async fn lock_never_read_back() {
    let (bucket, proxy, vault) = behind_proxy().await;
    let date = "2093-03-01T12:00:00Z";
    for (name, fault, found) in [
        ("dropped", Fault::DropLock, "no retention"),
        ("weaker", Fault::OtherLock("GOVERNANCE", date.to_owned()), "GOVERNANCE until 2093-03-01 12:00:00 UTC"),
        ("shorter", Fault::OtherLock("COMPLIANCE", "2093-03-01T11:59:59Z".to_owned()), "until 2093-03-01 11:59:59"),
    ] {
        proxy.plan(Step::Put, fault);
        let error = vault.put_once(&key(name), b"1", &options()).await.expect_err(name);
        assert_eq!(error.code(), "archive.unprotected", "{error}");
        let said = error.to_string();
        assert!(said.contains(found), "{said}");
        assert!(said.contains(&format!("s3://{}/{PREFIX}{name}", bucket.name)) && said.contains("request "), "{said}");
        if name == "weaker" {
            let error = vault.put_once(&key(name), b"1", &options()).await.expect_err("it may not bypass governance");
            assert!(error.code() == "archive.unprotected" && error.to_string().contains("has to set it"), "{error}");
            let version = listed(&vault, name).await.version.expect("there");
            let rest = format!("/{PREFIX}{name}?retention=&versionId={version}");
            let body =
                format!("<Retention><Mode>COMPLIANCE</Mode><RetainUntilDate>{date}</RetainUntilDate></Retention>");
            let bypass = [("x-amz-bypass-governance-retention", "true")];
            let set = bucket.administer("PUT", &rest, &bypass, body.as_bytes()).await;
            assert_eq!(set.status(), 200, "{}", set.text());
        }
        // Asked again, it locks what lies there, and only then is it archived.
        let (put, back) = archived(&vault, name, b"1").await.expect("archived");
        assert_eq!((put.done, back.mode.as_str(), back.retain_until), (Done::AlreadyThere, "COMPLIANCE", at(date)));
        assert_eq!(listed(&vault, name).await.others, [], "{name}: not put twice");
    }
    assert!(proxy.heal());
}

/// 3, again: what is configured as GOVERNANCE is GOVERNANCE, and says so.
#[tokio::test(flavor = "multi_thread")]
async fn governance_is_said_loudly() {
    let bucket = Bucket::locked().await;
    let mut settings = settings(&bucket, server().s3);
    settings.mode = LockMode::Governance;
    let weak = vault_of(settings);
    let told = weak.describe();
    assert!(!told.regulatory_worm && told.statement.contains("bypass governance"), "{}", told.statement);
    let (put, back) = archived(&weak, "a", b"1").await.expect("archived");
    assert_eq!(back.mode, "GOVERNANCE");
    let strong = vault(&bucket);
    assert!(strong.describe().regulatory_worm);
    let again = strong.put_once(&key("a"), b"1", &options()).await;
    let mode = weak.read_back(&key("a"), &put.version).await.expect("read back").mode;
    match again {
        Ok(again) => assert_eq!((again.version, mode.as_str()), (put.version, "COMPLIANCE"), "made stronger"),
        Err(error) => assert_eq!((error.code(), mode.as_str()), ("archive.unprotected", "GOVERNANCE"), "{error}"),
    }
}

/// 4. A side file without a lock: nothing that the vault puts lies there unlocked, parts and their lists included.
#[tokio::test(flavor = "multi_thread")]
async fn unlocked_side_file() {
    let bucket = Bucket::locked().await;
    let mut settings = settings(&bucket, server().s3);
    settings.single_part_limit = 1000;
    let vault = vault_of(settings);
    let large: Vec<u8> = (0..=255).cycle().take(3500).collect();
    for (name, bytes) in [("small", &b"1"[..]), ("folder/large", &large), ("empty", b"")] {
        let (put, back) = archived(&vault, name, bytes).await.expect("archived");
        assert_eq!((back.digest, back.size), (Digest::of(bytes), bytes.len() as u64));
        assert_eq!(vault.get(&key(name), &put.version).await.expect("bytes"), bytes);
    }
    let listing = bucket.administer("GET", "?versions&prefix=", &[], b"").await.text();
    let tagged = |tag: &str| -> Vec<String> {
        let tag = format!("<{tag}>");
        let parts = listing.split(&tag).skip(1);
        parts.map(|part| part.split('<').next().unwrap_or_default().to_owned()).collect()
    };
    let versions = tagged("VersionId");
    let keys: Vec<String> = tagged("Key");
    assert_eq!((keys.len(), versions.len()), (3 + 4, 3 + 4), "three objects, four parts: {listing}");
    for (key, version) in keys.iter().zip(versions) {
        let lock = bucket.administer("GET", &format!("/{key}?retention=&versionId={version}"), &[], b"").await;
        assert!(lock.text().contains("<Mode>COMPLIANCE</Mode>"), "{key} lies unlocked: {}", lock.text());
        let removed = bucket.administer("DELETE", &format!("/{key}?versionId={version}"), &[], b"").await;
        assert_eq!(removed.status(), 403, "{key} could be removed by the administrator");
    }
}

/// 5. A delete marker masks the object: it is told, and the version is still read.
#[tokio::test(flavor = "multi_thread")]
async fn delete_marker_masking() {
    let bucket = Bucket::locked().await;
    let vault = vault(&bucket);
    let (put, back) = archived(&vault, "reports/q4", b"report").await.expect("archived");
    assert!(!back.masked && !listed(&vault, "reports/q4").await.masked);
    let marked = bucket.administer("DELETE", &format!("/{PREFIX}reports/q4"), &[], b"").await;
    assert_eq!(marked.status(), 204);
    let found = listed(&vault, "reports/q4").await;
    assert_eq!((found.masked, found.present, found.version.as_ref()), (true, true, Some(&put.version)));
    let back = vault.read_back(&key("reports/q4"), &put.version).await.expect("the version is there");
    assert!(back.masked && back.digest == put.digest);
    assert_eq!(vault.get(&key("reports/q4"), &put.version).await.expect("bytes"), b"report");
    let again = vault.put_once(&key("reports/q4"), b"report", &options()).await.expect("not put again");
    assert_eq!((again.done, again.version), (Done::AlreadyThere, put.version));
}

/// 6. The date is cut to midnight, or to the second.
#[tokio::test(flavor = "multi_thread")]
async fn retain_until_cut_to_midnight() {
    let (_bucket, proxy, vault) = behind_proxy().await;
    for (name, asked) in [
        ("evening", at("2093-03-01T23:59:59Z")),
        ("fraction", at("2093-03-01T23:59:59.000001Z")),
        ("leap", at("2096-02-29T23:59:59.999999Z")),
    ] {
        let put = vault.put_once(&key(name), b"1", &until(asked)).await.expect("put");
        let kept = vault.read_back(&key(name), &put.version).await.expect("read back").retain_until;
        assert!(kept >= asked && kept.since(asked).num_seconds() < 1, "{name}: {asked} became {kept}");
    }
    proxy.plan(Step::Put, Fault::OtherLock("COMPLIANCE", "2093-03-01T00:00:00Z".to_owned()));
    let error = vault.put_once(&key("cut"), b"1", &until(at("2093-03-01T23:59:59Z"))).await.expect_err("cut short");
    assert_eq!(error.code(), "archive.unprotected", "{error}");
}

/// 7. Years of 365 days: seven of them end one or two days early.
#[tokio::test(flavor = "multi_thread")]
async fn years_of_365_days() {
    let bucket = Bucket::locked().await;
    let vault = vault(&bucket);
    for (name, put_at, no_earlier) in [
        ("ordinary", "2026-11-22T12:00:00Z", "2033-11-22T12:00:00Z"),
        ("leap-day", "2028-02-29T23:59:00Z", "2035-03-01T23:59:00Z"),
        ("new-year", "2026-12-31T23:59:59Z", "2033-12-31T23:59:59Z"),
    ] {
        let asked = PutOptions { put_at: at(put_at), ..until(retain_until(at(put_at), 7)) };
        let put = vault.put_once(&key(name), b"1", &asked).await.expect("put");
        let kept = vault.read_back(&key(name), &put.version).await.expect("read back").retain_until;
        assert!(kept >= at(no_earlier), "{name}: {kept}");
        assert!(kept.since(at(put_at)).num_days() > 7 * 365, "{name}: {kept}");
    }
}

/// 8. One person alone releases a hold, and what it kept can be removed.
#[tokio::test(flavor = "multi_thread")]
async fn one_person_hold_release() {
    let bucket = Bucket::locked().await;
    let example = Example::new("ci", "ci_secrets", "pass");
    let story = TestWorld::new("2026-08-10T00:00:00Z", std::slice::from_ref(&example)).await;
    let world = story.with_vault(Arc::new(vault(&bucket)));
    run_due(&world, &()).await.expect("the run goes through");
    perform_on_demand(&world, &example.job.id).await.expect("performed");
    issue(&world, &story.period("2026-08-10T00:00:00Z"), Standing::Interim).await.expect("issued");
    archive_pending(&world).await.expect("archived");
    let person = |name: &str| Person { name: name.to_owned(), role: "officer".to_owned(), token: world.entry_id() };
    let (ada, bob) = (person("Ada"), person("Bob"));
    let scope = HoldScope { keys: vec!["reports/".to_owned()], ..HoldScope::default() };
    let (matter, custodian, reason) = ("a matter".to_owned(), "Grace".to_owned(), "a letter".to_owned());
    let case = place_hold(&world, &ada, NewHold { matter, scope, custodian, reason }).await.expect("placed");
    archive_pending(&world).await.expect("set");
    let bundle = world.vault.list("reports/").await.expect("listed").remove(0);
    let version = bundle.version.expect("a version");
    let held = async || world.vault.legal_hold(&bundle.key, &version).await.expect("asked");
    assert!(held().await);
    release_hold(&world, &ada, case, "settled").await.expect("the first of two");
    release_hold(&world, &ada, case, "settled").await.expect_err("the same person again");
    archive_pending(&world).await.expect("nothing to lift");
    assert!(held().await, "one person lifts nothing");
    release_hold(&world, &bob, case, "settled").await.expect("a second one");
    archive_pending(&world).await.expect("lifted");
    assert!(!held().await);
}
