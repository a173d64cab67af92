//! Bundles, and everything that may be done to one.

use std::collections::BTreeMap;
use std::io::{self, Read};

use exhibit_evidence::to_canonical;
use proptest::prelude::*;
use serde_json::json;

use super::manifest::note_text;
use super::spool::Spool;
use super::*;
use crate::checkpoint::{Checkpoint, SignedCheckpoint};
use crate::keys::Rotation;
use crate::note::{Note, SigningKey};
use crate::tiles::{parse_entries, write_entries};
use crate::tree::{Frontier, NodeMap, completed_nodes, leaf_hash};

const ORIGIN: &str = "example.org/log";

type Files = BTreeMap<String, Vec<u8>>;

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(ORIGIN, &[seed; 32]).unwrap()
}

fn trust(seed: u8) -> Trust {
    Trust { keys: vec![key(seed).verifier().clone()], ..Trust::default() }
}

/// The deployment, and after it records of a kind that only a later version knows.
fn record(seq: u64) -> Vec<u8> {
    match seq {
        0 => deployment(ORIGIN),
        _ => entry(seq, "later", json!({ "number": seq })),
    }
}

fn deployment(origin: &str) -> Vec<u8> {
    let body = json!({
        "origin": origin, "name": "Example", "time_zone": "UTC", "fiscal_year_start": 1,
        "grace_days": 5, "environments": [], "exhibit_version": "0.1.0", "archive": "none",
        "configuration": exhibit_evidence::Digest::of(b"").to_string(),
        "verifier_key": key(1).verifier().to_string(),
    });
    entry(0, "deployment", body)
}

fn entry(seq: u64, kind: &str, body: serde_json::Value) -> Vec<u8> {
    to_canonical(&json!({
        "v": 1,
        "kind": kind,
        "id": format!("01890000-0000-7000-8000-{seq:012x}"),
        "recorded_at": format!("2026-11-22T03:{:02}:{:02}.000000Z", seq / 60 % 60, seq % 60),
        "body": body,
    }))
    .unwrap()
}

fn frontier(records: &[Vec<u8>]) -> Frontier {
    let mut frontier = Frontier::new();
    frontier.append_all(records.iter().map(|r| leaf_hash(r)));
    frontier
}

fn checkpoint(records: &[Vec<u8>], keys: &[&SigningKey]) -> SignedCheckpoint {
    Checkpoint::of(ORIGIN, &frontier(records)).sign(keys).unwrap()
}

fn about() -> About {
    About {
        period: "2026-Q4".into(),
        report: "01890000-0000-7000-8000-00000000ffff".into(),
        renderer: "exhibit 0.1.0".into(),
    }
}

/// A writer over these records since `from`, not yet finished.
fn writer(records: &[Vec<u8>], from: u64, signer: &SigningKey) -> BundleWriter {
    let mut writer = writer_without_keys(records, from, signer);
    writer.keys([signer.verifier()], &[]).unwrap();
    writer
}

fn writer_without_keys(records: &[Vec<u8>], from: u64, signer: &SigningKey) -> BundleWriter {
    let leaves: Vec<_> = records.iter().map(|r| leaf_hash(r)).collect();
    let nodes: NodeMap = completed_nodes(&Frontier::new(), &leaves).into_iter().collect();
    let previous = (from > 0).then(|| checkpoint(&records[..from as usize], &[signer]));
    let signed = checkpoint(records, &[signer]);
    let mut writer = BundleWriter::new(about(), signed, previous.as_ref(), &nodes).unwrap();
    assert_eq!(writer.next_entry(), first_entry(from));
    for record in &records[first_entry(from) as usize..] {
        writer.push_record(record.clone()).unwrap();
    }
    writer.file("report.md", "# Report\n").unwrap();
    writer.file("template/report.md", "# {{ title }}\n").unwrap();
    writer.file("view.json", "{}").unwrap();
    writer.artifact(&b"a scanner's output"[..]).unwrap();
    writer
}

fn bundle(size: u64, from: u64) -> Vec<u8> {
    let records: Vec<_> = (0..size).map(record).collect();
    let mut out = Vec::new();
    writer(&records, from, &key(1)).finish(&key(1), &mut out).unwrap();
    out
}

/// The files, read by somebody else's tar.
fn unpack(bundle: &[u8]) -> Files {
    let mut archive = tar::Archive::new(bundle);
    archive
        .entries()
        .unwrap()
        .map(|file| {
            let mut file = file.unwrap();
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes).unwrap();
            (file.path().unwrap().to_str().unwrap().to_owned(), bytes)
        })
        .collect()
}

fn pack(files: &Files) -> Vec<u8> {
    let mut spool = Spool::new(io::Cursor::new(Vec::new()));
    for (path, bytes) in files {
        spool.put(path, bytes).unwrap();
    }
    let mut out = Vec::new();
    spool.write_archive(&mut out).unwrap();
    out
}

/// Makes the manifest true of the files, and signs it by this key.
fn seal(files: &mut Files, signer: &SigningKey) {
    let mut manifest = Manifest::parse(&files[MANIFEST]).unwrap();
    manifest.files = files
        .iter()
        .filter(|(path, _)| *path != MANIFEST && *path != MANIFEST_NOTE)
        .map(|(path, bytes)| (path.clone(), FileDigest::of(bytes)))
        .collect();
    let bytes = manifest.to_bytes().unwrap();
    let note = Note::sign(note_text(ORIGIN, &bytes), &[signer]).unwrap();
    files.insert(MANIFEST.into(), bytes);
    files.insert(MANIFEST_NOTE.into(), note.to_bytes());
}

fn verify(bundle: &[u8]) -> Verification {
    verify_bundle(bundle, &trust(1)).unwrap()
}

/// Places of all differences, as people see them.
fn places(bundle: &[u8]) -> Vec<String> {
    let found = verify(bundle).differences;
    found.iter().map(|d| d.place.to_string()).collect()
}

#[track_caller]
fn assert_found(bundle: &[u8], place: &str) {
    let found = verify(bundle);
    assert!(found.differences.iter().any(|d| d.place.to_string() == place), "nothing found at {place}: {found:#?}");
}

#[test]
fn a_bundle_proves_itself_at_every_kind_of_size() {
    for (size, from) in
        [(1, 0), (5, 2), (5, 5), (256, 0), (256, 256), (257, 256), (530, 300), (600, 255), (66_000, 65_600)]
    {
        let found = verify(&bundle(size, from));
        assert_eq!(found.differences, [], "{size} from {from}");
        let root = Proven::Root { size };
        let entries = Proven::Entries { from, until: size };
        assert!(found.proven.contains(&root) && found.proven.contains(&entries));
        let consistent = found.proven.contains(&Proven::Consistency { size: from });
        assert_eq!(consistent, from > 0);
        assert!(found.is_clean());
        assert_eq!(found.checkpoint.unwrap().size, size);
        assert_eq!(found.manifest.unwrap().from_size, from);
    }
}

#[test]
fn an_empty_log_has_an_empty_bundle() {
    let found = verify(&bundle(0, 0));
    assert_eq!(found.differences, []);
    assert!(found.proven.contains(&Proven::Root { size: 0 }));
}

#[test]
fn the_same_content_gives_the_same_bytes_and_repacking_changes_none() {
    let first = bundle(530, 300);
    assert!(first == bundle(530, 300));
    assert!(first == pack(&unpack(&first)));
    let paths: Vec<_> = unpack(&first).into_keys().collect();
    let artifact = exhibit_evidence::Digest::of(b"a scanner's output").hex();
    assert_eq!(
        paths,
        [
            &format!("artifacts/{artifact}"),
            "checkpoint",
            "checkpoint.previous",
            "keys",
            "manifest.json",
            "manifest.note",
            "report.md",
            "template/report.md",
            "tile/0/001",
            "tile/0/002.p/18",
            "tile/1/000.p/2",
            "tile/entries/001",
            "tile/entries/002.p/18",
            "view.json",
        ]
    );
}

#[test]
fn a_changed_byte_anywhere_in_a_file_is_found_there() {
    let good = unpack(&bundle(530, 300));
    for path in good.keys() {
        for at in [0, good[path].len() / 2, good[path].len() - 1] {
            let mut files = good.clone();
            files.get_mut(path).unwrap()[at] ^= 1;
            assert_found(&pack(&files), path);
        }
    }
}

#[test]
fn a_changed_byte_anywhere_in_the_archive_is_found() {
    let good = bundle(5, 2);
    // 37 and 512 have no common factor: every place of a header is met.
    for at in (0..good.len()).step_by(37).chain((0..512).step_by(5)) {
        let mut bad = good.clone();
        bad[at] ^= 1 << (at % 8);
        // Only a broken first header makes it no bundle at all.
        match verify_bundle(&bad[..], &trust(1)) {
            Ok(found) => assert!(!found.is_clean(), "byte {at}"),
            Err(e) => assert!(matches!(e, CannotLook::NotABundle) && at < 512, "byte {at}: {e}"),
        }
    }
}

#[test]
fn a_cut_or_longer_archive_is_found() {
    let good = bundle(5, 2);
    for end in (1..good.len()).step_by(101).chain([good.len() - 512, good.len() - 1]) {
        match verify_bundle(&good[..end], &trust(1)) {
            Ok(found) => assert!(!found.is_clean(), "cut at {end}"),
            Err(e) => assert!(matches!(e, CannotLook::NotABundle) && end < 512, "cut at {end}: {e}"),
        }
    }
    let longer = [&good[..], &[0; 512]].concat();
    assert_eq!(places(&longer), [format!("archive, byte {}", good.len() - 1024)]);
}

#[test]
fn a_dropped_added_or_repeated_file_is_found() {
    let good = unpack(&bundle(530, 300));
    for path in good.keys() {
        let mut files = good.clone();
        files.remove(path);
        assert_found(&pack(&files), path);
        if path.starts_with("tile/") || path.starts_with("checkpoint") {
            // Even when the log's own key signs the incomplete manifest.
            seal(&mut files, &key(1));
            assert!(!verify(&pack(&files)).is_clean(), "{path}");
        }
    }
    for path in ["added", "artifacts/added", "tile/2/000.p/1", "tile/0/000", "tile/entries/x", "keys.rotations"] {
        let mut files = good.clone();
        files.insert(path.into(), b"something".to_vec());
        assert_found(&pack(&files), path);
    }
    let one = pack(&BTreeMap::from([("view.json".to_owned(), b"{}".to_vec())]));
    let mut twice = pack(&good);
    twice.truncate(twice.len() - 1024);
    twice.extend(one);
    assert_found(&twice, "view.json");
}

#[test]
fn swapped_entries_are_named_whoever_signs_the_manifest() {
    let mut files = unpack(&bundle(530, 300));
    let path = "tile/entries/002.p/18";
    let mut records: Vec<_> = parse_entries(&files[path], 18).unwrap().iter().map(|r| r.to_vec()).collect();
    records.swap(3, 4);
    files.insert(path.into(), write_entries(&records).unwrap());
    seal(&mut files, &key(1));
    let found = places(&pack(&files));
    for expected in [format!("entry 515 ({path})"), format!("entry 516 ({path})"), "checkpoint".into()] {
        assert!(found.contains(&expected), "{expected}: {found:?}");
    }
}

#[test]
fn a_manifest_by_another_key_is_refused() {
    let mut files = unpack(&bundle(5, 2));
    files.insert("report.md".into(), b"# All is well\n".to_vec());
    seal(&mut files, &key(2));
    let found = verify(&pack(&files));
    assert_eq!(places(&pack(&files)), ["manifest.note"]);
    assert!(found.manifest.is_none());
    let claims_files = |p: &Proven| matches!(p, Proven::Files { .. } | Proven::Manifest { .. });
    assert!(!found.proven.iter().any(claims_files), "{found:#?}");
}

#[test]
fn a_bundle_by_another_key_proves_nothing_about_the_log() {
    let records: Vec<_> = (0..5).map(record).collect();
    let mut out = Vec::new();
    writer(&records, 2, &key(2)).finish(&key(2), &mut out).unwrap();
    let found = verify(&out);
    assert!(found.checkpoint.is_none());
    assert!(!found.proven.iter().any(|p| matches!(p, Proven::Root { .. } | Proven::Entries { .. })));
    for place in ["checkpoint", "checkpoint.previous", "manifest.note"] {
        assert_found(&out, place);
    }
    // The right key under another name is another log's key.
    let renamed = SigningKey::from_seed("example.org/other", &[2; 32]).unwrap();
    let trust = Trust { keys: vec![renamed.verifier().clone()], ..Trust::default() };
    assert!(!verify_bundle(&out[..], &trust).unwrap().is_clean());
}

#[test]
fn what_the_logs_own_key_signs_must_still_agree() {
    // Another artifact under the old name.
    let mut files = unpack(&bundle(5, 2));
    let path = files.keys().find(|p| p.starts_with(ARTIFACTS)).unwrap().clone();
    files.insert(path.clone(), b"another scanner's output".to_vec());
    seal(&mut files, &key(1));
    assert_eq!(places(&pack(&files)), [path]);

    // A manifest over another root than the checkpoint's.
    let mut files = unpack(&bundle(5, 2));
    let mut manifest = Manifest::parse(&files[MANIFEST]).unwrap();
    manifest.checkpoint.root.0[0] ^= 1;
    files.insert(MANIFEST.into(), manifest.to_bytes().unwrap());
    seal(&mut files, &key(1));
    assert_eq!(places(&pack(&files)), [MANIFEST]);

    // A hash above the leaves that the entries do not give.
    let mut files = unpack(&bundle(530, 300));
    files.get_mut("tile/1/000.p/2").unwrap()[63] ^= 1;
    seal(&mut files, &key(1));
    assert_eq!(places(&pack(&files)), ["tile/1/000.p/2, hash 1"]);

    // A path among the tiles that names none.
    let mut files = unpack(&bundle(5, 2));
    files.insert("tile/notes".into(), b"?".to_vec());
    seal(&mut files, &key(1));
    assert_eq!(places(&pack(&files)), ["tile/notes"]);
}

#[test]
fn what_is_missing_is_said_in_its_own_words() {
    let says = |files: &Files, place: &str, words: &str| {
        let found = verify(&pack(files)).differences;
        let hit = |d: &Difference| d.place.to_string() == place && d.to_string().contains(words);
        assert!(found.iter().any(hit), "{place}, {words}: {found:#?}");
    };
    // Entries in the middle are left out.
    let mut files = unpack(&bundle(530, 0));
    files.remove("tile/entries/001");
    says(&files, CHECKPOINT, "entry 256 does not follow");
    // The previous checkpoint is not where the entries begin.
    let mut files = unpack(&bundle(5, 2));
    let records: Vec<_> = (0..3).map(record).collect();
    files.insert(PREVIOUS.into(), checkpoint(&records, &[&key(1)]).to_bytes());
    seal(&mut files, &key(1));
    says(&files, PREVIOUS, "expected size 2, where the entries begin, found 3");
}

#[test]
fn only_a_manifest_of_this_version_is_read() {
    let good = Manifest::parse(&unpack(&bundle(5, 2))[MANIFEST]).unwrap();
    let refused = |change: &dyn Fn(&mut Manifest)| {
        let mut manifest = good.clone();
        change(&mut manifest);
        Manifest::parse(&manifest.to_bytes().unwrap()).unwrap_err()
    };
    assert!(matches!(refused(&|m| m.v = 2), ManifestError::Version(2)));
    let reversed = refused(&|m| m.from_size = 6);
    assert!(matches!(reversed, ManifestError::SizesReversed { from_size: 6, size: 5 }));
    let spaced = [good.to_bytes().unwrap(), b"\n".to_vec()].concat();
    let spaced = Manifest::parse(&spaced);
    assert!(matches!(spaced, Err(ManifestError::NotCanonical(_))));
    let upper = String::from_utf8(good.to_bytes().unwrap()).unwrap();
    let digest = hex::encode(good.files[CHECKPOINT].sha256);
    let upper = upper.replace(&digest, &digest.to_uppercase());
    assert!(matches!(Manifest::parse(upper.as_bytes()), Err(ManifestError::Shape(_))));
}

#[test]
fn a_log_is_signed_by_the_key_that_bears_its_name() {
    let other = SigningKey::from_seed("example.org/other", &[1; 32]).unwrap();
    let records: Vec<_> = (0..5).map(record).collect();
    let mut out = Vec::new();
    writer(&records, 2, &other).finish(&other, &mut out).unwrap();
    let keys = vec![other.verifier().clone()];
    let found = verify_bundle(&out[..], &Trust { keys, ..Trust::default() }).unwrap();
    assert!(found.checkpoint.is_none() && found.manifest.is_none(), "{found:#?}");
}

#[test]
fn a_note_of_one_purpose_is_no_note_of_another() {
    let mut files = unpack(&bundle(5, 2));
    let checkpoint = files[CHECKPOINT].clone();
    files.insert(MANIFEST_NOTE.into(), checkpoint);
    assert_found(&pack(&files), "manifest.note");
    let note = unpack(&bundle(5, 2))[MANIFEST_NOTE].clone();
    files.insert(CHECKPOINT.into(), note);
    assert_found(&pack(&files), "checkpoint");
}

#[test]
fn a_rewritten_past_is_found_even_when_the_log_signs_it() {
    let honest: Vec<_> = (0..5).map(record).collect();
    let mut rewritten = honest.clone();
    rewritten[0] = record(77);
    let mut files = unpack(&{
        let mut out = Vec::new();
        writer(&rewritten, 2, &key(1)).finish(&key(1), &mut out).unwrap();
        out
    });
    files.insert(PREVIOUS.into(), checkpoint(&honest[..2], &[&key(1)]).to_bytes());
    seal(&mut files, &key(1));
    let places = places(&pack(&files));
    assert!(places.contains(&PREVIOUS.to_owned()), "{places:?}");
}

#[test]
fn records_must_be_canonical_in_order_and_unique() {
    let spaced = [&record(3)[..], b" "].concat();
    let lying = entry(3, "deployment", json!({ "origin": "another" }));
    let elsewhere = Rotation::sign(ORIGIN, 3, &key(1), &key(2)).unwrap();
    let elsewhere = String::from_utf8(elsewhere.to_bytes()).unwrap();
    let cases = [
        (3, spaced, "canonical record"),
        (3, b"{}".to_vec(), "canonical record"),
        (3, entry(2, "later", json!({})), "id of its own"),
        (4, entry(0, "later", json!({ "late": true })), "recorded_at not before"),
        (3, lying, "entry of kind deployment"),
        (3, entry(3, "key", json!({ "reason": "why", "statement": "no" })), "rotation signed by both keys"),
        (3, entry(3, "key", json!({ "statement": "no" })), "entry of kind key"),
        (3, entry(3, "key", json!({ "reason": "why", "statement": elsewhere })), "in its place"),
    ];
    for (at, bad, expected) in cases {
        let mut records: Vec<_> = (0..5).map(record).collect();
        records[at as usize] = bad;
        let mut out = Vec::new();
        writer(&records, 0, &key(1)).finish(&key(1), &mut out).unwrap();
        let found = verify(&out);
        let place = format!("entry {at} (tile/entries/000.p/5)");
        let hit = |d: &Difference| d.place.to_string() == place && d.expected.contains(expected);
        assert!(found.differences.iter().any(hit), "{expected}: {found:#?}");
        assert!(!found.proven.iter().any(|p| matches!(p, Proven::Entries { .. })));
    }
}

/// An entry that cites an artifact.
fn assessment(seq: u64, artifact: &[u8]) -> Vec<u8> {
    let digest = |bytes: &[u8]| exhibit_evidence::Digest::of(bytes).to_string();
    let body = json!({
        "evidence": format!("01890000-0000-7000-8000-{:012x}", seq - 1),
        "job": "weekly", "observed_to": "2026-11-22T03:00:00.000000Z",
        "judge": { "id": "ci_secrets", "version": "0.1.0", "content": digest(b"code") },
        "policy": digest(b"policy"), "verdict": "fail", "finding_count": 900,
        "findings_artifact": digest(artifact),
        "judgement": {
            "check": "ci-secrets.plaintext-value",
            "subjects": [{
                "subject": { "environment": "production", "id": "repository" },
                "verdict": "fail", "reason": "900 values",
            }],
        },
    });
    entry(seq, "assessment", body)
}

#[test]
fn an_artifact_that_an_entry_since_the_previous_close_cites_must_be_there() {
    let cases: [(u64, u64, &[u8], bool); 4] = [
        (3, 0, b"a scanner's output", true),
        (3, 0, b"another output", false),
        (3, 3, b"another output", false),
        // It lies in the bundle that covers the entry.
        (3, 4, b"another output", true),
    ];
    for (at, from, artifact, there) in cases {
        let mut records: Vec<_> = (0..5).map(record).collect();
        records[at as usize] = assessment(at, artifact);
        let mut out = Vec::new();
        writer(&records, from, &key(1)).finish(&key(1), &mut out).unwrap();
        let found = verify(&out);
        let place = format!("artifacts/{}", exhibit_evidence::Digest::of(artifact).hex());
        let missing: Vec<_> = found.differences.iter().map(ToString::to_string).collect();
        let expected = format!("{place}: expected the artifact that entry {at} cites, found no such file");
        assert_eq!(missing, if there { vec![] } else { vec![expected] });
        assert_eq!(found.proven.iter().any(|p| matches!(p, Proven::Artifacts { .. })), there);
    }
}

#[test]
fn the_first_entry_is_the_deployment_of_this_log() {
    let look = |first| {
        let mut out = Vec::new();
        writer(&[first, record(1)], 0, &key(1)).finish(&key(1), &mut out).unwrap();
        places(&out)
    };
    let named = ["entry 0 (tile/entries/000.p/2)"];
    assert_eq!(look(deployment(ORIGIN)), [""; 0]);
    assert_eq!(look(entry(0, "later", json!({}))), named);
    assert_eq!(look(deployment("example.org/other")), named);
}

#[test]
fn rotations_are_followed_from_any_pinned_key() {
    let statement = Rotation::sign(ORIGIN, 4, &key(1), &key(2)).unwrap();
    let text = String::from_utf8(statement.to_bytes()).unwrap();
    let mut records: Vec<_> = (0..5).map(record).collect();
    records[3] = entry(3, "key", json!({ "reason": "why", "statement": text }));

    // The statement is among the entries.
    let mut inside = Vec::new();
    writer(&records, 0, &key(2)).finish(&key(2), &mut inside).unwrap();
    // It lies before them, and is brought along.
    let mut outside = writer_without_keys(&(0..5).map(record).collect::<Vec<_>>(), 0, &key(2));
    outside.keys([key(1).verifier(), key(2).verifier()], std::slice::from_ref(&statement)).unwrap();
    let mut brought = Vec::new();
    outside.finish(&key(2), &mut brought).unwrap();

    for bundle in [&inside, &brought] {
        for pinned in [1, 2] {
            let found = verify_bundle(&bundle[..], &trust(pinned)).unwrap();
            assert_eq!(found.differences, [], "pinned {pinned}");
            assert!(found.proven.contains(&Proven::Rotations { count: 1 }));
        }
        assert!(!verify_bundle(&bundle[..], &trust(3)).unwrap().is_clean());
    }
    // The retired key may sign nothing larger than where it left.
    let mut files = unpack(&brought);
    let retired = checkpoint(&(0..5).map(record).collect::<Vec<_>>(), &[&key(1)]);
    files.insert(CHECKPOINT.into(), retired.to_bytes());
    seal(&mut files, &key(1));
    for pinned in [1, 2] {
        let found = verify_bundle(&pack(&files)[..], &trust(pinned)).unwrap();
        assert!(found.checkpoint.is_none() && found.manifest.is_none(), "{found:#?}");
    }
}

#[test]
fn a_key_that_came_later_verifies_with_the_rotation_at_hand() {
    let old = bundle(3, 0);
    let rotation = Rotation::sign(ORIGIN, 4, &key(1), &key(2)).unwrap();
    let rotations = vec![Rotation::parse(&rotation.to_bytes()).unwrap()];
    let later = Trust { keys: vec![key(2).verifier().clone()], rotations, ..Trust::default() };
    assert_eq!(verify_bundle(&old[..], &later).unwrap().differences, []);
    assert!(!verify_bundle(&old[..], &trust(2)).unwrap().is_clean(), "without it, nothing leads there");

    // The later key may sign what lies around an old checkpoint, the retired key nothing around a later one.
    let mut files = unpack(&old);
    seal(&mut files, &key(2));
    assert_eq!(verify_bundle(&pack(&files)[..], &later).unwrap().differences, []);
    let mut files = unpack(&old);
    files.insert(CHECKPOINT.into(), checkpoint(&(0..3).map(record).collect::<Vec<_>>(), &[&key(2)]).to_bytes());
    seal(&mut files, &key(2));
    assert!(!verify_bundle(&pack(&files)[..], &later).unwrap().is_clean(), "a checkpoint from before its time");
}

#[test]
fn what_cannot_be_looked_at_is_said_apart() {
    struct Failing;
    impl Read for Failing {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("the disk is gone"))
        }
    }
    let good = bundle(5, 2);
    let none = Trust::default();
    assert!(matches!(verify_bundle(&good[..], &none), Err(CannotLook::NoKey)));
    assert!(matches!(verify_bundle(Failing, &trust(1)), Err(CannotLook::Read(_))));
    let broken = good[..700].chain(Failing);
    assert!(matches!(verify_bundle(broken, &trust(1)), Err(CannotLook::Read(_))));
    for garbage in [&b""[..], b"not a tar", &[b'x'; 4096], &good[512..1024]] {
        let looked = verify_bundle(garbage, &trust(1));
        assert!(matches!(looked, Err(CannotLook::NotABundle)), "{looked:?}");
    }
}

#[test]
fn a_header_that_claims_gigabytes_costs_nothing() {
    for path in ["manifest.json", "tile/entries/000", "report.md"] {
        let mut bytes = super::archive::header(path, super::archive::MAX_FILE_BYTES).unwrap().to_vec();
        bytes.extend([b'x'; 1000]);
        assert_found(&bytes, path);
    }
}

#[test]
fn a_manifest_that_claims_endless_tiles_is_answered_briefly() {
    let mut files = unpack(&bundle(5, 2));
    let mut manifest = Manifest::parse(&files[MANIFEST]).unwrap();
    manifest.checkpoint.size = 1 << 52;
    files.insert(MANIFEST.into(), manifest.to_bytes().unwrap());
    let found = verify(&pack(&files));
    assert!((1..100).contains(&found.differences.len()));
}

#[test]
fn control_characters_of_a_bundle_reach_no_terminal() {
    let records = vec![entry(0, "deployment", json!({ "x\u{1b}[31m": 1 }))];
    let mut out = Vec::new();
    writer(&records, 0, &key(1)).finish(&key(1), &mut out).unwrap();
    for difference in verify(&out).differences {
        assert!(!difference.to_string().contains('\u{1b}'), "{difference}");
    }
}

#[test]
fn the_writer_refuses_what_would_not_verify() {
    let records: Vec<_> = (0..5).map(record).collect();
    let fresh = || writer(&records, 2, &key(1));
    for path in ["", "/abs", "a//b", "../up", "manifest.json", "tile/0/000", "artifacts/x", "a b", "é"] {
        assert!(matches!(fresh().file(path, ""), Err(BundleError::Path(_))), "{path}");
    }
    assert!(matches!(fresh().file("report.md", "other"), Err(BundleError::Twice(_))));
    fresh().file("report.md", "# Report\n").unwrap();

    let mut longer = fresh();
    longer.push_record(record(5)).unwrap();
    let refused = longer.finish(&key(1), io::sink());
    assert!(matches!(refused, Err(BundleError::Records { expected: 5, found: 6 })));

    let signed = checkpoint(&records, &[&key(1)]);
    let mut wrong = BundleWriter::new(about(), signed, None, &NodeMap::new()).unwrap();
    (0..5).for_each(|i| wrong.push_record(record(i + 1)).unwrap());
    assert!(matches!(wrong.finish(&key(1), io::sink()), Err(BundleError::Root("checkpoint"))));

    let (small, large) = (checkpoint(&records[..2], &[&key(1)]), checkpoint(&records, &[&key(1)]));
    let reversed = BundleWriter::new(about(), small.clone(), Some(&large), &NodeMap::new());
    assert!(matches!(reversed, Err(BundleError::Previous { .. })));
    let mut other_past = BundleWriter::new(about(), large, Some(&small), &NodeMap::new()).unwrap();
    (7..9).for_each(|i| other_past.push_record(record(i)).unwrap());
    let refused = other_past.push_record(record(2));
    assert!(matches!(refused, Err(BundleError::Root("previous checkpoint"))));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_bytes_make_verification_panic(
        noise in prop::collection::vec(any::<u8>(), 0..2000),
        at in any::<prop::sample::Index>(),
        cut in any::<prop::sample::Index>(),
    ) {
        let _ = verify_bundle(&noise[..], &trust(1));
        let mut bytes = bundle(5, 2);
        let start = at.index(bytes.len());
        for (place, byte) in bytes[start..].iter_mut().zip(&noise) {
            *place = *byte;
        }
        bytes.truncate(cut.index(bytes.len()) + 1);
        let _ = verify_bundle(&bytes[..], &trust(1));
        let _ = Manifest::parse(&noise);
    }

    #[test]
    fn no_file_makes_verification_panic(
        noise in prop::collection::vec(any::<u8>(), 0..600),
        which in any::<prop::sample::Index>(),
    ) {
        let mut files = unpack(&bundle(5, 2));
        let path = files.keys().nth(which.index(files.len())).unwrap().clone();
        files.insert(path, noise);
        prop_assert!(!verify(&pack(&files)).is_clean());
    }
}
