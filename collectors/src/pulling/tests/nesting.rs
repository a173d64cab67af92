//! Indexes within indexes.

use super::*;

/// An index whose one image for linux/amd64 is what lies behind this digest; others beside it.
fn index(of: &str, size: usize, media_type: &str) -> Vec<u8> {
    serde_json::json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [
        {"mediaType": media_type, "digest": of, "size": size, "platform": {"os": "linux", "architecture": "amd64"}},
        {"mediaType": OCI, "digest": format!("sha256:{}", "0".repeat(64)), "size": 1, "platform": {"os": "linux", "architecture": "s390x"}},
    ]})
    .to_string()
    .into_bytes()
}

/// The image, within so many indexes: each by its digest, the outermost last.
fn within(kept: &Kept, depth: usize) -> Vec<(String, Vec<u8>)> {
    let mut all = vec![(Digest::of(&kept.index()).to_string(), kept.index())];
    while all.len() < depth {
        let (digest, bytes) = &all[all.len() - 1];
        let outer = index(digest, bytes.len(), INDEX);
        all.push((Digest::of(&outer).to_string(), outer));
    }
    all
}

fn registry(kept: &Kept, all: &[(String, Vec<u8>)]) -> FakeRegistry {
    let all = all.to_vec();
    FakeRegistry::new(kept, move |asked, _| {
        let what = asked.target.strip_prefix("/v2/shop/web/manifests/")?;
        let found = if what == "nested" { all.last() } else { all.iter().find(|(digest, _)| digest == what) };
        let typed = vec![("Content-Type", INDEX.to_owned())];
        found.map(|(_, bytes)| Reply::Answer(200, typed, bytes.clone()))
    })
}

#[test]
fn an_index_within_an_index_is_looked_into_and_no_deeper_one() {
    let kept = Kept::new();
    for depth in 1..=2 {
        let all = within(&kept, depth);
        for platform in [None, Some("linux/amd64")] {
            let pulled = registry(&kept, &all).pull(":nested", platform, "").expect("pulled");
            assert_eq!(pulled.facts.digest, all[depth - 1].0);
            assert_eq!(
                (pulled.facts.manifest, pulled.facts.platform.as_deref()),
                (kept.manifest.clone(), Some("linux/amd64"))
            );
        }
    }
    for depth in [3, 7] {
        let all = within(&kept, depth);
        let registry = registry(&kept, &all);
        let why = registry.pull(":nested", None, "").map(|_| "pulled").expect_err("too deep");
        assert!(why.contains("an index within more than 2 others"), "{why}");
        assert_eq!(registry.paths().len(), 3, "{depth}: no more than that is asked for");
    }
}

#[test]
fn an_inner_index_is_held_to_its_digest_and_has_to_have_the_platform() {
    let kept = Kept::new();
    let mut all = within(&kept, 2);
    all[0].1.push(b' ');
    let why = registry(&kept, &all).pull(":nested", None, "").map(|_| "pulled").expect_err("changed");
    assert!(why.contains("the manifest has the digest"), "{why}");

    // The outer one says that it has it for linux/amd64, and the inner one has it for another.
    let inner = String::from_utf8(kept.index()).expect("text").replace("amd64", "riscv64").into_bytes();
    let digest = Digest::of(&inner).to_string();
    let outer = index(&digest, inner.len(), INDEX);
    let all = [(digest, inner), (Digest::of(&outer).to_string(), outer)];
    let why = registry(&kept, &all).pull(":nested", None, "").map(|_| "pulled").expect_err("another platform");
    assert!(why.contains("no image for linux/amd64: there are linux/arm64/v8, linux/riscv64"), "{why}");
}

#[test]
fn a_digest_of_another_kind_is_told_by_its_name() {
    let kept = Kept::new();
    let other = format!("sha512:{}", "a".repeat(128));
    let outer = index(&other, 7, OCI);
    let all = [(Digest::of(&outer).to_string(), outer)];
    let registry = registry(&kept, &all);
    let why = registry.pull(":nested", None, "").map(|_| "pulled").expect_err("another kind");
    assert!(why.contains("the platform's image is named by a digest of SHA-512, which is not supported"), "{why}");
    let of_none = registry.pull(&format!("@{other}"), None, "").map(|_| "pulled").expect_err("another kind");
    assert!(of_none.contains("digests of SHA-512, and other ones, are not supported"), "{of_none}");
}
