//! A bundle as anybody might hand it over: any bytes; any files behind headers that fit; and an honest bundle with
//! some of its bytes changed. None of it panics, and none is clean that says anything else than the honest one.
#![no_main]

use std::sync::LazyLock;

use exhibit_ledger::bundle::{About, BundleWriter, Manifest, Trust, Verification, verify_bundle};
use exhibit_ledger::checkpoint::Checkpoint;
use exhibit_ledger::note::SigningKey;
use exhibit_ledger::tree::{Frontier, NodeMap, completed_nodes, leaf_hash};

const ORIGIN: &str = "example.org/log";

/// More than this is left out of a verification, and counted.
const MOST_TOLD: usize = 1_000;

static HONEST: LazyLock<(Vec<u8>, Manifest)> = LazyLock::new(honest);
static TRUST: LazyLock<Trust> = LazyLock::new(|| Trust { keys: vec![key().verifier().clone()], ..Trust::default() });

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((how, rest)) = bytes.split_first() else { return };
    let bundle = match how % 3 {
        0 => rest.to_vec(),
        1 => files(rest),
        _ => changed(rest),
    };
    let Ok(verified) = verify_bundle(&bundle[..], &TRUST) else { return };
    assert!(verified.differences.len() <= MOST_TOLD);
    if verified.is_clean() {
        says_what_the_honest_one_says(&verified);
    }
});

fn says_what_the_honest_one_says(verified: &Verification) {
    let manifest = verified.manifest.as_ref().expect("a clean bundle has a manifest");
    assert_eq!(manifest, &HONEST.1);
    let checkpoint = verified.checkpoint.as_ref().expect("a clean bundle has a checkpoint");
    assert_eq!((checkpoint.size, checkpoint.root), (manifest.checkpoint.size, manifest.checkpoint.root.0));
}

/// Files, each of one byte for its path, one for its length in units of 16 bytes, and its content.
fn files(mut rest: &[u8]) -> Vec<u8> {
    const PATHS: &[&str] = &[
        "artifacts/00",
        "checkpoint",
        "checkpoint.previous",
        "keys",
        "keys.rotations",
        "manifest.json",
        "manifest.note",
        "report.md",
        "tile/0/000.p/3",
        "tile/entries/000.p/3",
    ];
    let mut out = Vec::new();
    while let Some(([path, length], after)) = rest.split_first_chunk() {
        let (content, after) = after.split_at(after.len().min(usize::from(*length) * 16));
        let mut header = tar::Header::new_ustar();
        header.set_path(PATHS[usize::from(*path) % PATHS.len()]).expect("short");
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_entry_type(tar::EntryType::Regular);
        header.set_cksum();
        out.extend_from_slice(header.as_bytes());
        out.extend_from_slice(content);
        out.resize(out.len().next_multiple_of(512), 0);
        rest = after;
    }
    out.extend_from_slice(&[0; 1024]);
    out
}

/// The honest bundle with bytes set, cut out, or put in: four bytes for each change.
fn changed(rest: &[u8]) -> Vec<u8> {
    let mut bundle = HONEST.0.clone();
    for [what, high, low, byte] in rest.as_chunks::<4>().0.iter().take(16) {
        let at = usize::from(u16::from_be_bytes([*high, *low])) % bundle.len().max(1);
        match what % 4 {
            0 if at < bundle.len() => bundle[at] = *byte,
            1 if at < bundle.len() => bundle[at] ^= 1 << (byte % 8),
            2 => drop(bundle.drain(at..(at + usize::from(*byte)).min(bundle.len()))),
            _ => bundle.insert(at, *byte),
        }
    }
    bundle
}

fn key() -> SigningKey {
    SigningKey::from_seed(ORIGIN, &[1; 32]).expect("a name")
}

fn honest() -> (Vec<u8>, Manifest) {
    let records: Vec<String> = (0..3).map(record).collect();
    let leaves: Vec<_> = records.iter().map(|record| leaf_hash(record.as_bytes())).collect();
    let mut frontier = Frontier::new();
    frontier.append_all(leaves.iter().copied());
    let checkpoint = Checkpoint::of(ORIGIN, &frontier).sign(&[&key()]).expect("a plain origin");
    let nodes: NodeMap = completed_nodes(&Frontier::new(), &leaves).into_iter().collect();
    let about = About { period: "2026-Q4".into(), report: "r".into(), renderer: "exhibit".into() };
    let mut writer = BundleWriter::new(about, checkpoint, None, &nodes).expect("an honest bundle");
    for record in records {
        writer.push_record(record).expect("the next record");
    }
    writer.keys([key().verifier()], &[]).expect("one key");
    writer.file("report.md", "# Report\n").expect("a plain path");
    let mut bundle = Vec::new();
    let manifest = writer.finish(&key(), &mut bundle).expect("everything is there");
    let verified = verify_bundle(&bundle[..], &TRUST).expect("a bundle");
    assert!(verified.is_clean(), "{:?}", verified.differences);
    (bundle, manifest)
}

/// The deployment, and after it records of a kind that only a later version knows.
fn record(number: u64) -> String {
    let body = match number {
        0 => format!(
            r#"{{"archive":"none","configuration":"{}","environments":[],"exhibit_version":"0.1.0","fiscal_year_start":1,"grace_days":5,"name":"Example","origin":"{ORIGIN}","time_zone":"UTC","verifier_key":"{}"}}"#,
            exhibit_evidence::Digest::of(b""),
            key().verifier(),
        ),
        _ => format!(r#"{{"number":{number}}}"#),
    };
    let kind = if number == 0 { "deployment" } else { "later" };
    format!(
        r#"{{"body":{body},"id":"01890000-0000-7000-8000-{number:012x}","kind":"{kind}","recorded_at":"2026-11-22T03:00:0{number}.000000Z","v":1}}"#
    )
}
