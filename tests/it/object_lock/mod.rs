//! The archive on S3 with Object Lock, on a real server that enforces it, and through a proxy in which things go wrong.

mod conforms;
mod encrypted;
mod examined;
mod faults;
mod flaws;
mod manners;
mod quarter;
mod restored;
pub(crate) mod server;
mod tampering;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use exhibit_archive::{
    Listed, ObjectKey, PutOptions, PutOutcome, ReadBack, Vault as _, VaultError,
    s3::{Patience, S3Credentials, S3Settings, S3Vault},
};
use exhibit_evidence::Timestamp;
use exhibit_tests::{
    at,
    s3::{FaultProxy, KeyPair},
};

use self::server::{Bucket, SERVICE, server};

/// What every key begins with.
const PREFIX: &str = "evidence/";

fn credentials(keys: &KeyPair) -> S3Credentials {
    S3Credentials {
        access_key_id: keys.id.to_owned().into(),
        secret_access_key: keys.secret.to_owned().into(),
        session_token: None,
        expires_at: None,
    }
}

/// The settings of a deployment whose bucket this is, who waits little.
fn settings(bucket: &Bucket, at: SocketAddr) -> S3Settings {
    let patience = Patience {
        tries: 3,
        first_wait: Duration::from_millis(10),
        longest_wait: Duration::from_millis(40),
        time_limit: Duration::from_secs(10),
        open_after: 100,
        ..Patience::default()
    };
    S3Settings {
        endpoint: Some(format!("http://{at}")),
        prefix: PREFIX.to_owned(),
        patience,
        ..S3Settings::new(&bucket.name, "us-east-1", Arc::new(credentials(&SERVICE)))
    }
}

fn vault_of(settings: S3Settings) -> S3Vault {
    S3Vault::new(settings).expect("settings that can be meant")
}

/// A vault in the bucket with nothing between.
fn vault(bucket: &Bucket) -> S3Vault {
    vault_of(settings(bucket, server().s3))
}

/// A bucket, a proxy before it, and a vault behind the proxy.
async fn behind_proxy() -> (Bucket, FaultProxy, S3Vault) {
    let bucket = Bucket::locked().await;
    let proxy = FaultProxy::before(server().s3, SERVICE).await;
    let vault = vault_of(settings(&bucket, proxy.address()));
    (bucket, proxy, vault)
}

fn key(text: &str) -> ObjectKey {
    ObjectKey::parse(text).expect("a key")
}

/// Kept until then.
fn until(retain_until: Timestamp) -> PutOptions {
    PutOptions { put_at: at("2026-11-22T12:00:00Z"), retain_until, media_type: "text/plain".to_owned() }
}

/// Kept long enough for a test.
fn options() -> PutOptions {
    until(at("2093-03-01T12:00:00Z"))
}

/// Put and read back: what a receipt is made of.
async fn archived(vault: &S3Vault, name: &str, bytes: &[u8]) -> Result<(PutOutcome, ReadBack), VaultError> {
    let put = vault.put_once(&key(name), bytes, &options()).await?;
    let back = vault.read_back(&key(name), &put.version).await?;
    Ok((put, back))
}

/// What is listed under the key.
async fn listed(vault: &S3Vault, name: &str) -> Listed {
    let mut listed = vault.list(name).await.expect("listed");
    listed.retain(|listed| listed.key == key(name));
    listed.pop().expect("it is listed")
}
