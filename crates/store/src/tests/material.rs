//! Artifacts, intents, checkpoints.

use std::io::Write as _;

use super::samples::*;
use crate::testing::TestDatabase;
use crate::{Append, ArchiveIntent, NewArtifact, Packing, StoreError, StoredCheckpoint};

#[tokio::test]
async fn an_artifact_is_kept_once_and_checked_on_reading() {
    let database = TestDatabase::new().await;
    let store = database.store();
    let artifact = NewArtifact { media_type: "text/plain".into(), bytes: b"scanner output\n".repeat(5000).into() };
    let digest = store.put_artifact(&artifact, at(0)).await.unwrap();
    assert_eq!(store.put_artifact(&artifact, at(9)).await.unwrap(), digest);
    let kept = store.artifact(digest).await.unwrap();
    assert_eq!((kept.media_type, kept.bytes.into()), (artifact.media_type, artifact.bytes));
    let (count, bytes): (i64, i64) = sqlx::query_as("SELECT count(*), sum(length(deflated)) FROM exhibit.artifacts")
        .fetch_one(&store.pool)
        .await
        .unwrap();
    assert_eq!(count, 1);
    assert!(bytes < 5000, "{bytes}");
    let other = exhibit_evidence::Digest::of(b"other");
    assert!(matches!(store.artifact(other).await, Err(StoreError::NotFound { .. })));
    database.sql(&database.superuser_url(), "UPDATE exhibit.artifacts SET size = 3").await.unwrap();
    assert!(matches!(store.artifact(digest).await, Err(StoreError::Artifact { .. })));
}

#[tokio::test]
async fn an_artifact_is_packed_and_read_in_pieces() {
    let database = TestDatabase::new().await;
    let store = database.store();
    // The first can be compressed a thousandfold, the second not at all: neither comes in one piece.
    let mut state = 1_u64;
    let noise = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 56) as u8
    });
    for bytes in [b"scanner output\n".repeat(50_000), noise.take(400_000).collect(), Vec::new()] {
        let mut packing = Packing::new("text/plain");
        bytes.chunks(70_000).for_each(|chunk| packing.write_all(chunk).unwrap());
        let packed = packing.finish();
        store.keep_artifact(&packed, at(0)).await.unwrap();
        assert_eq!((packed.digest(), packed.size()), (exhibit_evidence::Digest::of(&bytes), bytes.len() as u64));
        let facts = store.artifact_facts(packed.digest()).await.unwrap();
        assert_eq!((facts.media_type.as_str(), facts.size), ("text/plain", packed.size()));
        assert_eq!(store.artifact(packed.digest()).await.unwrap().bytes, bytes);
        let (mut chunks, mut read) = (store.artifact_chunks(packed.digest()), Vec::new());
        while let Some(chunk) = chunks.next().await.unwrap() {
            assert!(chunk.len() <= 128 * 1024);
            read.extend_from_slice(&chunk);
        }
        assert_eq!(read, bytes);
    }
    let cut = "UPDATE exhibit.artifacts SET deflated = substring(deflated FROM 1 FOR length(deflated) - 6)";
    database.sql(&database.superuser_url(), cut).await.unwrap();
    let digest = exhibit_evidence::Digest::of(&b"scanner output\n".repeat(50_000));
    let mut chunks = store.artifact_chunks(digest);
    let broken = loop {
        match chunks.next().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("it did not end early"),
            Err(error) => break error,
        }
    };
    assert!(matches!(broken, StoreError::Artifact { .. }), "{broken}");
    let other = store.artifact_chunks(exhibit_evidence::Digest::of(b"other")).next().await;
    assert!(matches!(other, Err(StoreError::NotFound { .. })));
}

#[tokio::test]
async fn an_intent_is_open_until_its_receipt_is_recorded() {
    let database = TestDatabase::new().await;
    let store = database.store();
    let intent = ArchiveIntent {
        key: "reports/2026-Q4/1.tar".into(),
        digest: digest("bundle"),
        size: 6,
        subject: "report:1".into(),
    };
    store.record_intent(&intent, at(0)).await.unwrap();
    store.record_intent(&intent, at(1)).await.unwrap();
    let other = ArchiveIntent { digest: digest("other bytes"), ..intent.clone() };
    assert!(matches!(store.record_intent(&other, at(1)).await, Err(StoreError::Artifact { .. })));
    assert_eq!(store.open_intents().await.unwrap(), std::slice::from_ref(&intent));
    store.finish_intent(&intent.key, id(1), at(2)).await.unwrap();
    store.finish_intent(&intent.key, id(1), at(3)).await.unwrap();
    assert!(store.open_intents().await.unwrap().is_empty());
    assert!(store.finish_intent(&intent.key, id(2), at(3)).await.is_err());
    assert!(store.finish_intent("no such key", id(1), at(3)).await.is_err());
}

#[tokio::test]
async fn a_checkpoint_must_fit_the_ledger() {
    let database = TestDatabase::new().await;
    let store = database.store();
    assert_eq!(store.latest_checkpoint().await.unwrap(), None);
    store.append(Append::entries(at(1), every_kind(1))).await.unwrap();
    let head = store.head().await.unwrap();
    let good = StoredCheckpoint { size: 8, root: head.root(), note: "note".into(), signed_at: at(2) };
    let longer = StoredCheckpoint { size: 9, ..good.clone() };
    let another = StoredCheckpoint { root: [7; 32], ..good.clone() };
    assert!(matches!(store.save_checkpoint(&longer).await, Err(StoreError::Checkpoint { .. })));
    assert!(matches!(store.save_checkpoint(&another).await, Err(StoreError::Checkpoint { .. })));
    store.save_checkpoint(&good).await.unwrap();
    let again = StoredCheckpoint { note: "signed again".into(), ..good.clone() };
    store.save_checkpoint(&again).await.unwrap();
    assert_eq!(store.checkpoint(8).await.unwrap(), good);
}
