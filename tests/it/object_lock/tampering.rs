//! Behind the server's back: whoever administers its disks knows no locks. What is done there is found by reading back.

use exhibit_archive::{Vault as _, s3::S3Vault};
use exhibit_tests::s3::{Fault, Step, ask_unsigned};

use super::{Bucket, PREFIX, archived, behind_proxy, key, listed, server, settings, vault, vault_of};

/// Removes a version at the file server under the S3 server.
async fn remove_from_disk(bucket: &Bucket, full: &str, version: &str) {
    let path = format!("/buckets/{}/{full}.versions/v_{version}", bucket.name);
    let removed = ask_unsigned(server().filer, "DELETE", &path).await;
    assert_eq!(removed.status(), 204, "{path}: {}", removed.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_version_removed_from_the_disk_is_found() {
    let bucket = Bucket::locked().await;
    let vault = vault(&bucket);
    let (put, _) = archived(&vault, "gone", b"1").await.expect("archived");
    remove_from_disk(&bucket, &format!("{PREFIX}gone"), put.version.as_str()).await;
    for error in [
        vault.read_back(&key("gone"), &put.version).await.map(drop).expect_err("gone"),
        vault.get(&key("gone"), &put.version).await.map(drop).expect_err("gone"),
    ] {
        assert!(error.is_difference(), "gone is a difference, not a store that does not answer: {error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_removed_from_the_disk_is_found() {
    let bucket = Bucket::locked().await;
    let mut settings = settings(&bucket, server().s3);
    settings.single_part_limit = 10;
    let vault = vault_of(settings);
    let (put, _) = archived(&vault, "large", b"0123456789-0123456789").await.expect("archived");
    let listing = bucket.administer("GET", "?versions&prefix=evidence%2F.parts%2F", &[], b"").await.text();
    let first = |tag: &str| listing.split(&format!("<{tag}>")).nth(1).and_then(|part| part.split('<').next());
    let (part, version) = (first("Key").expect("a part"), first("VersionId").expect("its version"));
    remove_from_disk(&bucket, part, version).await;
    let error = vault.read_back(&key("large"), &put.version).await.expect_err("a part is gone");
    assert!(error.is_difference() && error.to_string().contains("part 0"), "{error}");
    assert!(vault.get(&key("large"), &put.version).await.is_err(), "no half of it is handed out");
    assert!(listed(&vault, "large").await.present);
}

/// As on servers that keep ETag and lock beside the bytes, and the bytes somewhere else.
#[tokio::test(flavor = "multi_thread")]
async fn other_bytes_under_the_same_tag_and_lock_are_found() {
    let (_bucket, proxy, vault) = behind_proxy().await;
    let (put, before) = archived(&vault, "altered", b"1000 euros").await.expect("archived");
    let altered = |vault: S3Vault, times| {
        proxy.plan_after(Step::Bytes, 0, times, Fault::AlterBytes);
        vault
    };
    let vault = altered(vault, 2);
    for error in [
        vault.read_back(&key("altered"), &put.version).await.map(drop).expect_err("altered"),
        vault.get(&key("altered"), &put.version).await.map(drop).expect_err("altered"),
    ] {
        assert_eq!(error.code(), "archive.changed", "{error}");
    }
    assert!(proxy.heal());
    let after = vault.read_back(&key("altered"), &put.version).await.expect("as it was");
    assert_eq!((before.e_tag, before.retain_until, before.digest), (after.e_tag, after.retain_until, after.digest));
}
