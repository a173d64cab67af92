//! How the vault asks: what it sends, what it does about credentials that expire, and when it stops asking.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use exhibit_archive::{
    Vault as _,
    s3::{CredentialFuture, CredentialSource},
};
use exhibit_tests::s3::{Fault, FaultProxy, KeyPair, Step};

use super::{Bucket, SERVICE, archived, behind_proxy, credentials, key, listed, options, server, settings, vault_of};

#[tokio::test(flavor = "multi_thread")]
async fn a_put_is_one_signed_part_with_its_checksums_and_its_lock() {
    let (_bucket, proxy, vault) = behind_proxy().await;
    let large = vec![7; 3 * 1024 * 1024];
    archived(&vault, "a", &large).await.expect("archived");
    let seen = proxy.seen();
    let puts: Vec<_> = seen.iter().filter(|seen| seen.step == Step::Put).collect();
    assert_eq!(puts.len(), 1, "one part");
    let put = &puts[0].request;
    let header = |name: &str| put.get(name).unwrap_or_else(|| panic!("{name} is sent: {put:?}")).to_owned();
    assert_eq!(header("x-amz-content-sha256"), exhibit_evidence::Digest::of(&large).hex(), "the bytes are signed");
    assert_eq!(header("content-length"), large.len().to_string(), "not in chunks");
    assert_eq!((header("if-none-match").as_str(), header("content-type").as_str()), ("*", "text/plain"));
    assert_eq!(header("x-amz-object-lock-mode"), "COMPLIANCE");
    assert_eq!(header("x-amz-object-lock-retain-until-date"), "2093-03-01T12:00:00Z");
    assert!(header("content-md5").len() == 24 && header("x-amz-checksum-sha256").len() == 44);
    assert!(put.get("x-amz-trailer").is_none() && put.get("transfer-encoding").is_none(), "{put:?}");
    let signed = header("authorization");
    for name in
        ["x-amz-object-lock-mode", "x-amz-object-lock-retain-until-date", "x-amz-checksum-sha256", "content-md5"]
    {
        assert!(signed.contains(name), "{name} is signed: {signed}");
    }
    assert_eq!(header("x-amz-meta-exhibit-sha256"), exhibit_evidence::Digest::of(&large).to_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_knows_no_condition_is_asked_without() {
    let (_bucket, proxy, vault) = behind_proxy().await;
    proxy.plan(Step::Put, Fault::Say(501, "NotImplemented"));
    archived(&vault, "a", b"1").await.expect("archived");
    archived(&vault, "b", b"1").await.expect("archived");
    let conditions: Vec<bool> = proxy
        .seen()
        .iter()
        .filter(|seen| seen.step == Step::Put)
        .map(|seen| seen.request.get("if-none-match").is_some())
        .collect();
    assert_eq!(conditions, [true, false, false]);
}

/// Gives keys that are no longer good, and then good ones.
#[derive(Debug)]
struct Rotating {
    asked: AtomicUsize,
    good_from: usize,
}

impl CredentialSource for Rotating {
    fn load(&self) -> CredentialFuture<'_> {
        let old = KeyPair { id: "exhibit-test-expired", secret: "fake-expired-secret" };
        let good = self.asked.fetch_add(1, Relaxed) >= self.good_from;
        Box::pin(std::future::ready(Ok(credentials(if good { &SERVICE } else { &old }))))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_that_are_no_longer_good_are_loaded_again_once() {
    let bucket = Bucket::locked().await;
    let with = |good_from| {
        let source = Arc::new(Rotating { asked: AtomicUsize::new(0), good_from });
        let mut settings = settings(&bucket, server().s3);
        settings.credentials = Arc::clone(&source) as _;
        (source, vault_of(settings))
    };
    let (source, vault) = with(1);
    archived(&vault, "a", b"1").await.expect("with the new ones");
    assert_eq!(source.asked.load(Relaxed), 2, "kept as long as they are good");
    let (source, vault) = with(usize::MAX);
    let error = vault.put_once(&key("b"), b"1", &options()).await.expect_err("none are good");
    assert_eq!((error.code(), source.asked.load(Relaxed)), ("archive.refused", 2), "{error}");
    let said = format!("{error} {error:?} {vault:?}");
    assert!(!said.contains("fake-") && !said.contains("exhibit-test-expired"), "{said}");
}

/// No source at all: the error says so in the source's words.
#[derive(Debug)]
struct Nowhere;

impl CredentialSource for Nowhere {
    fn load(&self) -> CredentialFuture<'_> {
        Box::pin(std::future::ready(Err("the environment variable ARCHIVE_KEY is not set".to_owned())))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_that_are_not_there_are_said_to_be_missing() {
    let bucket = Bucket::locked().await;
    let mut settings = settings(&bucket, server().s3);
    settings.credentials = Arc::new(Nowhere);
    let error = vault_of(settings).list("").await.expect_err("no credentials");
    assert!(error.to_string().contains("ARCHIVE_KEY is not set"), "{error}");
    assert_eq!(error.code(), "archive.refused");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_does_not_answer_is_left_alone_for_a_while() {
    let bucket = Bucket::locked().await;
    let proxy = FaultProxy::before(server().s3, SERVICE).await;
    let mut settings = settings(&bucket, proxy.address());
    settings.patience.open_after = 4;
    settings.patience.open_for = Duration::from_secs(3600);
    let vault = vault_of(settings);
    proxy.plan_after(Step::Look, 0, usize::MAX, Fault::LoseRequest);
    let first = vault.list("").await.expect_err("three tries");
    assert_eq!((first.code(), proxy.seen().len()), ("archive.unavailable", 3));
    let second = vault.list("").await.expect_err("one more");
    assert_eq!((second.code(), proxy.seen().len()), ("archive.paused", 1));
    assert!(proxy.heal());
    let third = vault.list("").await.expect_err("not asked");
    assert_eq!((third.code(), proxy.seen().len()), ("archive.paused", 0), "nothing is sent");
    assert!(third.to_string().contains("s "), "it says for how long: {third}");
    assert!(!third.is_difference());
}

/// A large object: what is lost between its parts is found again, and put once.
#[tokio::test(flavor = "multi_thread")]
async fn parts_survive_what_is_lost_between_them() {
    let bucket = Bucket::locked().await;
    let bytes: Vec<u8> = (0..=255).cycle().take(5000).collect();
    for (number, fault) in
        [Fault::LoseRequest, Fault::LoseReply, Fault::CutRequest, Fault::DoAndSay(500, "InternalError")]
            .into_iter()
            .enumerate()
    {
        for put in 0..6 {
            let proxy = FaultProxy::before(server().s3, SERVICE).await;
            let mut settings = settings(&bucket, proxy.address());
            settings.single_part_limit = 1000;
            settings.patience.tries = 1;
            let vault = vault_of(settings);
            let name = format!("large/{number}-{put}");
            proxy.plan_after(Step::Put, put, 1, fault.clone());
            // With one try, a put that was not done is an error; one that was is found by the look that follows.
            let first = archived(&vault, &name, &bytes).await;
            assert!(proxy.heal(), "{name}: five parts and their list");
            let (put, back) = archived(&vault, &name, &bytes).await.expect("then it goes through");
            assert_eq!(vault.get(&key(&name), &put.version).await.expect("joined"), bytes, "{name}");
            if let Ok((_, first)) = first {
                assert_eq!(first.version, back.version, "{name}");
            }
            assert_eq!(listed(&vault, &name).await.others, [], "{name}");
        }
    }
    let listing = bucket.administer("GET", "?versions&max-keys=1000", &[], b"").await.text();
    assert_eq!(listing.matches("<VersionId>").count(), 4 * 6 * 6, "every part and every list once");
}
