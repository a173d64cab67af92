//! The log as others read it: checkpoint, tiles, proofs, checked by the ledger's own verification alone.

use exhibit_evidence::Digest;
use exhibit_ledger::{
    checkpoint::SignedCheckpoint,
    tiles::{parse_entries, parse_hashes},
    tree::{leaf_hash, root_of, verify_consistency, verify_inclusion},
};
use exhibit_store::service::{Role, TokenScope};
use exhibit_tests::Api;
use serde_json::Value;

use super::closed;

fn digest(value: &Value) -> [u8; 32] {
    value.as_str().and_then(|text| text.parse::<Digest>().ok()).expect("a digest").0
}

fn digests(value: &Value) -> Vec<[u8; 32]> {
    value.as_array().expect("a list").iter().map(digest).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_holds_the_key_can_follow_the_log_from_outside() {
    let (story, _) = closed().await;
    let api = Api::new(&story);
    let (_, token) = api.token(&story, "ada", Role::Auditor, TokenScope::default()).await;
    let get = |path: String| {
        let (api, token) = (&api, &token);
        async move { api.get(&format!("/api/v1/ledger/{path}"), token).await }
    };

    let note = get("checkpoint".to_owned()).await;
    assert_eq!(note.header("content-type"), "text/plain; charset=utf-8");
    let signed = SignedCheckpoint::parse(&note.body).expect("a signed checkpoint");
    let key = story.world.signer.verifier();
    let checkpoint = signed.verify(key.name(), [key]).expect("signed by the log's key");
    let size = checkpoint.size;
    assert!((2..256).contains(&size), "{size}");

    let width = u16::try_from(size).expect("one tile");
    let tile = get(format!("tile/0/000.p/{width}")).await;
    let leaves = parse_hashes(&tile.body, width).expect("a hash tile");
    assert_eq!(root_of(&leaves), checkpoint.root);
    let bundle = get(format!("tile/entries/000.p/{width}")).await;
    let records = parse_entries(&bundle.body, width).expect("an entry bundle");
    let hashed: Vec<_> = records.iter().map(|record| leaf_hash(record)).collect();
    assert_eq!(hashed, leaves);
    let narrower = get("tile/0/000.p/1".to_owned()).await;
    assert_eq!(narrower.body, leaves[0]);

    for seq in [0, 1, size - 1] {
        let told = get(format!("proof/inclusion?seq={seq}")).await.json();
        assert_eq!((told["seq"].as_u64(), told["size"].as_u64()), (Some(seq), Some(size)));
        assert_eq!(digest(&told["root"]), checkpoint.root);
        let index = usize::try_from(seq).expect("small");
        assert_eq!(digest(&told["leaf"]), leaves[index]);
        verify_inclusion(&leaves[index], seq, size, &digests(&told["proof"]), &checkpoint.root).expect("proven");
    }
    let told = get("proof/consistency?from=2".to_owned()).await.json();
    let (old, new) = (digest(&told["from_root"]), digest(&told["to_root"]));
    assert_eq!((old, new), (root_of(&leaves[..2]), checkpoint.root));
    verify_consistency(2, &old, size, &new, &digests(&told["proof"])).expect("proven");

    for (path, status) in [
        (format!("tile/0/000.p/{}", size + 1), 404),
        ("tile/0/000".to_owned(), 404),
        ("tile/1/000".to_owned(), 404),
        ("tile/0/x001/000".to_owned(), 404),
        ("tile/0/0".to_owned(), 404),
        ("tile/9/000".to_owned(), 404),
        (format!("proof/inclusion?seq={size}"), 404),
        (format!("proof/inclusion?seq=0&size={}", size + 1_000), 404),
        ("proof/inclusion".to_owned(), 400),
        ("proof/consistency?from=3&to=2".to_owned(), 404),
        ("proof/consistency?from=18446744073709551615".to_owned(), 404),
    ] {
        let answered = get(path.clone()).await;
        assert_eq!(answered.status, status, "{path}: {}", String::from_utf8_lossy(&answered.body));
    }
}
