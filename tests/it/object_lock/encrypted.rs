//! Encryption by keys of a KMS: asked for, and read back.

use exhibit_archive::{
    Aspect, Depth, Standing, Vault as _,
    s3::{Encryption, S3Vault},
};
use exhibit_tests::s3::{Fault, FaultProxy, Step, real_time};

use super::{Bucket, SERVICE, archived, key, listed, options, server, settings, vault_of};

const KEY: &str = "exhibit-evidence";

fn with_kms(bucket: &Bucket, at: std::net::SocketAddr) -> S3Vault {
    let mut settings = settings(bucket, at);
    settings.encryption = Encryption::Kms(Some(KEY.to_owned()));
    vault_of(settings)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_put_is_encrypted_by_the_key_that_was_named_and_says_so() {
    let bucket = Bucket::locked().await;
    let proxy = FaultProxy::before(server().s3, SERVICE).await;
    let vault = with_kms(&bucket, proxy.address());
    let (put, back) = archived(&vault, "a", b"evidence").await.expect("archived");
    assert_eq!(back.digest, put.digest);
    assert_eq!(vault.get(&key("a"), &put.version).await.expect("bytes"), b"evidence");
    let seen = proxy.seen();
    let sent = seen.iter().find(|seen| seen.step == Step::Put).expect("a put");
    assert_eq!(sent.request.get("x-amz-server-side-encryption"), Some("aws:kms"));
    assert_eq!(sent.request.get("x-amz-server-side-encryption-aws-kms-key-id"), Some(KEY));
    let head = bucket.administer("HEAD", &format!("/{}a?versionId={}", super::PREFIX, put.version), &[], b"").await;
    assert_eq!(head.get("x-amz-server-side-encryption"), Some("aws:kms"), "{head:?}");
    let examined = vault.examine(real_time(), Depth::Asking).await.expect("asked");
    let encryption = examined.iter().find(|seen| seen.aspect == Aspect::Encryption).expect("every aspect");
    assert_eq!(encryption.standing, Standing::Holds, "{encryption:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_does_not_say_that_it_encrypted_has_not_archived() {
    let bucket = Bucket::locked().await;
    let proxy = FaultProxy::before(server().s3, SERVICE).await;
    let vault = with_kms(&bucket, proxy.address());
    proxy.plan(Step::Head, Fault::DropAnswerHeaders(&["x-amz-server-side-encryption"]));
    let error = vault.put_once(&key("silent"), b"1", &options()).await.expect_err("it does not say so");
    assert!(error.code() == "archive.unprotected" && error.to_string().contains("aws:kms"), "{error}");
    assert!(proxy.heal());
    assert!(listed(&vault, "silent").await.present, "locked it is: nobody can take it away again");
}
