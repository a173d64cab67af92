//! What the doctor and the attestation learn of a bucket.

use std::sync::Arc;

use exhibit_archive::{
    Aspect, Depth, Observation, Standing, Vault as _,
    s3::{S3Settings, S3Vault},
};
use exhibit_tests::s3::{KeyPair, real_time};

use super::{
    Bucket, archived, credentials,
    server::{ADMINISTRATOR, server},
    settings, vault, vault_of,
};
use crate::certificates::certificates;

fn with(bucket: &Bucket, keys: &KeyPair, change: impl Fn(&mut S3Settings)) -> S3Vault {
    let mut settings = settings(bucket, server().s3);
    settings.credentials = Arc::new(credentials(keys));
    change(&mut settings);
    vault_of(settings)
}

async fn seen(vault: &S3Vault, depth: Depth) -> Vec<Observation> {
    vault.examine(real_time(), depth).await.expect("it can be asked")
}

fn standing(seen: &[Observation], aspect: Aspect) -> (Standing, &str) {
    let found = seen.iter().find(|seen| seen.aspect == aspect).expect("every aspect");
    (found.standing, &found.value)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_as_it_should_be() {
    let bucket = Bucket::locked().await;
    let body = b"<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule><DefaultRetention>\
                 <Mode>COMPLIANCE</Mode><Years>7</Years></DefaultRetention></Rule></ObjectLockConfiguration>";
    let set = bucket.administer("PUT", "?object-lock=", &[], body).await;
    assert_eq!(set.status(), 200, "{}", set.text());
    let told = seen(&with(&bucket, &ADMINISTRATOR, |_| {}), Depth::Asking).await;
    for (aspect, expected) in [
        (Aspect::Versioning, (Standing::Holds, "on")),
        (Aspect::ObjectLock, (Standing::Holds, "on")),
        (Aspect::DefaultRetention, (Standing::Holds, "COMPLIANCE, 7 years")),
        (Aspect::Lifecycle, (Standing::Holds, "no rules")),
        (Aspect::PublicAccess, (Standing::Holds, "strangers refused")),
        (Aspect::Tls, (Standing::Weak, "http, this machine")),
        (Aspect::Clock, (Standing::Holds, "within a minute")),
        (Aspect::Rights, (Standing::Unknown, "not tried")),
    ] {
        assert_eq!(standing(&told, aspect), expected, "{aspect}: {told:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_is_said_in_a_sentence_each() {
    let plain = Bucket::plain().await;
    let told = seen(&with(&plain, &ADMINISTRATOR, |_| {}), Depth::Asking).await;
    for (aspect, value) in [(Aspect::Versioning, "off"), (Aspect::ObjectLock, "off")] {
        assert_eq!(standing(&told, aspect), (Standing::Broken, value), "{told:#?}");
    }
    let locked = Bucket::locked().await;
    let rule = b"<LifecycleConfiguration><Rule><ID>tidy</ID><Status>Enabled</Status><Filter><Prefix></Prefix></Filter>\
                 <Expiration><Days>30</Days></Expiration></Rule></LifecycleConfiguration>";
    let set = locked.administer("PUT", "?lifecycle=", &[], rule).await;
    assert_eq!(set.status(), 200, "{}", set.text());
    let vault = with(&locked, &ADMINISTRATOR, |_| {});
    let told = seen(&vault, Depth::Asking).await;
    assert_eq!(standing(&told, Aspect::Lifecycle), (Standing::Broken, "masks objects: \"tidy\""), "{told:#?}");
    assert_eq!(standing(&told, Aspect::DefaultRetention), (Standing::Weak, "none"));
    let off = vault.examine(real_time().plus(chrono::TimeDelta::hours(1)), Depth::Asking).await.expect("asked");
    assert_eq!(standing(&off, Aspect::Clock), (Standing::Broken, "far apart"));
    let elsewhere = with(&locked, &ADMINISTRATOR, |settings| settings.bucket = "exhibit-test-nowhere".to_owned());
    let told = seen(&elsewhere, Depth::Asking).await;
    assert_eq!(standing(&told, Aspect::Reach), (Standing::Broken, "absent"), "{told:#?}");
    assert!(told.iter().all(|seen| seen.standing != Standing::Holds || seen.aspect == Aspect::Clock), "{told:#?}");
    let nobody = with(&locked, &ADMINISTRATOR, |settings| settings.endpoint = Some("http://127.0.0.1:9".to_owned()));
    let error = nobody.examine(real_time(), Depth::Asking).await.expect_err("nobody answers");
    assert_eq!(error.code(), "archive.unavailable", "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn rights_that_are_too_many_are_found_by_trying() {
    let bucket = Bucket::locked().await;
    let service = vault(&bucket);
    archived(&service, "kept", b"1").await.expect("archived");
    for _ in 0..2 {
        let told = seen(&service, Depth::Probing).await;
        // This server's right to write holds them.
        let needless = "may set the bucket's versioning, and hide objects behind delete markers";
        assert_eq!(standing(&told, Aspect::Rights), (Standing::Weak, needless), "{told:#?}");
    }
    let administrator = with(&bucket, &ADMINISTRATOR, |_| {});
    let told = seen(&administrator, Depth::Probing).await;
    let (standing, value) = standing(&told, Aspect::Rights);
    assert_eq!(standing, Standing::Broken, "{told:#?}");
    assert!(value.contains("bypassing governance") && value.contains("lock settings"), "{value}");
    let listed = service.list("").await.expect("listed");
    assert_eq!(listed.len(), 1, "the probe is no object of a caller's: {listed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_is_trusted_by_its_own_authority_alone() {
    let bucket = Bucket::locked().await;
    let over_tls = |authority: Option<String>| {
        with(&bucket, &ADMINISTRATOR, |settings| {
            settings.endpoint = Some(format!("https://{}", server().tls));
            settings.authorities = authority.clone().map(String::into_bytes);
        })
    };
    let told = seen(&over_tls(Some(server().authority.clone())), Depth::Asking).await;
    assert_eq!(standing(&told, Aspect::Tls), (Standing::Holds, "https"), "{told:#?}");
    assert_eq!(standing(&told, Aspect::ObjectLock), (Standing::Holds, "on"), "{told:#?}");
    // Neither by those that the machine trusts, nor by another of our own.
    for authority in [None, Some(certificates().0)] {
        let vault = over_tls(authority);
        let told = seen(&vault, Depth::Asking).await;
        assert_eq!(standing(&told, Aspect::Tls), (Standing::Broken, "not trusted"), "{told:#?}");
        assert_eq!(standing(&told, Aspect::Reach).0, Standing::Unknown, "{told:#?}");
        let said = &told.iter().find(|seen| seen.aspect == Aspect::Tls).expect("every aspect").sentence;
        assert!(said.contains("ca_file") && said.contains("invalid peer certificate"), "{said}");
        let error = archived(&vault, "a", b"1").await.expect_err("nothing is sent");
        assert_eq!(error.code(), "archive.unavailable", "{error}");
    }
}
