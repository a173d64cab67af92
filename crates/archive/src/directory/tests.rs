//! The directory under knife and hammer: killed at every step, tampered with in
//! every way that leaves a trace.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::sync::atomic::Ordering::SeqCst;

use exhibit_evidence::Digest;
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::conformance::{at, key, now, options};

const NAME: &str = "reports/2026-Q4/bundle.tar";

fn vault() -> (TempDir, WriteOnceDirectory) {
    let folder = tempfile::tempdir().unwrap();
    let vault = WriteOnceDirectory::open(folder.path().join("vault")).unwrap();
    (folder, vault)
}

fn at_rest(vault: &WriteOnceDirectory) -> bool {
    fs::read_dir(vault.root().join(".incoming")).unwrap().next().is_none()
}

fn code<T>(result: Result<T, VaultError>) -> &'static str {
    result.err().map_or("fine", |error| error.code())
}

/// Runs `verb` in a fresh vault, killed after 0, 1, 2 … steps, until it survives.
fn killed_at_every_step(
    verb: impl Fn(&WriteOnceDirectory) -> Result<(), VaultError>,
    check: impl Fn(usize, &WriteOnceDirectory),
) -> usize {
    for steps in 0.. {
        let (_folder, vault) = vault();
        vault.put(&key("other"), b"before", &options(2033)).unwrap();
        vault.put(&key("longer"), b"kept", &options(2033)).unwrap();
        vault.files.steps_left.store(steps, SeqCst);
        let survived = verb(&vault).is_ok();
        let reopened = WriteOnceDirectory::open(vault.root()).unwrap();
        assert!(at_rest(&reopened), "{steps} steps left something half-written");
        check(steps, &reopened);
        if survived {
            return steps;
        }
    }
    unreachable!()
}

#[test]
fn killed_at_any_step_a_put_is_completed_by_the_next() {
    let bytes = b"the whole of it";
    let steps = killed_at_every_step(
        |vault| vault.put(&key(NAME), bytes, &options(2033)).map(drop),
        |steps, vault| {
            // Whole or absent, whichever step it was.
            if let Ok(found) = fs::read(vault.object_path(&key(NAME))) {
                assert_eq!(found, bytes, "after {steps} steps");
                let back = now(vault.read_back(&key(NAME), &version_of(Digest::of(bytes)))).unwrap();
                assert_eq!(back.retain_until, at(2033), "after {steps} steps its record is there, without another put");
            }
            let put = vault.put(&key(NAME), bytes, &options(2033)).unwrap();
            let back = now(vault.read_back(&key(NAME), &put.version)).unwrap();
            assert_eq!((back.digest, back.retain_until), (Digest::of(bytes), at(2033)));
            assert_eq!(fs::symlink_metadata(vault.object_path(&key(NAME))).unwrap().nlink(), 1);
            assert_eq!(now(vault.list("")).unwrap().len(), 3);
        },
    );
    assert!(steps > 16, "only {steps} steps were tried");
}

#[test]
fn killed_at_any_step_other_bytes_never_mix_with_the_first() {
    killed_at_every_step(
        |vault| vault.put(&key(NAME), b"first", &options(2033)).map(drop),
        |steps, vault| match vault.put(&key(NAME), b"second", &options(2033)) {
            Ok(put) => assert_eq!(now(vault.get(&key(NAME), &put.version)).unwrap(), b"second"),
            Err(error) => {
                assert_eq!(error.code(), "archive.other-bytes", "after {steps} steps: {error}");
                assert_eq!(fs::read(vault.object_path(&key(NAME))).unwrap(), b"first");
            }
        },
    );
}

#[test]
fn killed_at_any_step_a_retention_is_the_old_or_the_new_one() {
    let version = version_of(Digest::of(b"kept"));
    killed_at_every_step(
        |vault| now(vault.retain_at_least(&key("longer"), &version, at(2040), at(2027))).map(drop),
        |steps, vault| {
            let until = now(vault.read_back(&key("longer"), &version)).unwrap().retain_until;
            assert!(until == at(2033) || until == at(2040), "{steps} steps: {until}");
            let holds = now(vault.retain_at_least(&key("longer"), &version, at(2040), at(2027)));
            assert_eq!(holds.unwrap(), at(2040));
        },
    );
}

#[test]
fn killed_at_any_step_a_hold_is_on_or_off() {
    let version = version_of(Digest::of(b"kept"));
    killed_at_every_step(
        |vault| now(vault.set_legal_hold(&key("longer"), &version, true, at(2027))).map(drop),
        |steps, vault| {
            now(vault.read_back(&key("longer"), &version)).unwrap();
            for on in [true, false] {
                let holds = now(vault.set_legal_hold(&key("longer"), &version, on, at(2027))).unwrap();
                let back = now(vault.read_back(&key("longer"), &version)).unwrap();
                assert_eq!((holds, back.legal_hold, back.retain_until), (on, on, at(2033)), "after {steps} steps");
            }
        },
    );
}

#[test]
fn leftovers_are_removed_without_touching_the_object_they_became() {
    let (_folder, vault) = vault();
    let put = vault.put(&key(NAME), b"bytes", &options(2033)).unwrap();
    // As after a kill between link and unlink, and one in the middle of a write.
    fs::hard_link(vault.object_path(&key(NAME)), vault.root().join(".incoming/part")).unwrap();
    fs::write(vault.root().join(".incoming/half"), b"by").unwrap();
    let vault = WriteOnceDirectory::open(vault.root()).unwrap();
    assert!(at_rest(&vault));
    assert_eq!(now(vault.get(&key(NAME), &put.version)).unwrap(), b"bytes");
}

#[test]
fn a_writer_at_work_is_left_alone() {
    let (_folder, vault) = vault();
    let writer = vault.files.lock().unwrap();
    fs::write(vault.root().join(".incoming/part"), b"by").unwrap();
    let _second = WriteOnceDirectory::open(vault.root()).unwrap();
    assert!(!at_rest(&vault), "another writer's file was removed");
    drop(writer);
    let _third = WriteOnceDirectory::open(vault.root()).unwrap();
    assert!(at_rest(&vault));
}

#[test]
fn a_name_that_exists_is_never_replaced_whoever_made_it() {
    let (_folder, vault) = vault();
    // As if another writer had paid no heed to the lock.
    fs::write(vault.object_path(&key("a")), b"first").unwrap();
    let error = vault.files.write_once(&vault.object_path(&key("a")), b"second", &key("a"));
    assert!(matches!(error, Err(VaultError::Io { action: "link", .. })), "{error:?}");
    assert_eq!(fs::read(vault.object_path(&key("a"))).unwrap(), b"first");
}

#[test]
fn objects_and_records_are_read_only() {
    let (_folder, vault) = vault();
    vault.put(&key(NAME), b"bytes", &options(2033)).unwrap();
    for path in [vault.object_path(&key(NAME)), vault.files.record(&key(NAME), 1)] {
        assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o444);
    }
}

/// Replaces a file as an intruder would who covers the mode.
fn replace(path: &Path, bytes: &[u8]) {
    fs::remove_file(path).unwrap();
    fs::write(path, bytes).unwrap();
    fs::set_permissions(path, PermissionsExt::from_mode(0o444)).unwrap();
}

fn edit_record(vault: &WriteOnceDirectory, number: u32, from: &str, to: &str) {
    let path = vault.files.record(&key(NAME), number);
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{from} is not in {text}");
    replace(&path, text.replace(from, to).as_bytes());
}

/// What was done, how, and what read-back says to it. The same put again must
/// say so as well, except where a record is missing: that it completes.
type Tampering = (&'static str, fn(&WriteOnceDirectory), &'static str);

const TAMPERINGS: [Tampering; 14] = [
    (
        "record replaced by a folder",
        |vault| {
            let path = vault.files.record(&key(NAME), 2);
            fs::remove_file(&path).unwrap();
            fs::create_dir(&path).unwrap();
        },
        "archive.record-unreadable",
    ),
    ("bytes changed", |vault| replace(&vault.object_path(&key(NAME)), b"Bytes"), "archive.changed"),
    ("bytes cut", |vault| replace(&vault.object_path(&key(NAME)), b"byte"), "archive.changed"),
    ("object removed", |vault| fs::remove_file(vault.object_path(&key(NAME))).unwrap(), "archive.object-missing"),
    ("its folder removed", |vault| fs::remove_dir_all(vault.root().join("reports")).unwrap(), "archive.object-missing"),
    (
        "object made writable",
        |vault| {
            fs::set_permissions(vault.object_path(&key(NAME)), PermissionsExt::from_mode(0o644)).unwrap();
        },
        "archive.unprotected",
    ),
    (
        "record made writable",
        |vault| {
            fs::set_permissions(vault.files.record(&key(NAME), 1), PermissionsExt::from_mode(0o464)).unwrap();
        },
        "archive.unprotected",
    ),
    (
        "object became a link",
        |vault| {
            let path = vault.object_path(&key(NAME));
            fs::rename(&path, vault.root().join("elsewhere")).unwrap();
            symlink(vault.root().join("elsewhere"), path).unwrap();
        },
        "archive.unprotected",
    ),
    (
        "both records removed",
        |vault| {
            fs::remove_dir_all(vault.root().join(".meta/reports")).unwrap();
        },
        "archive.record-missing",
    ),
    (
        "first record removed",
        |vault| {
            fs::remove_file(vault.files.record(&key(NAME), 1)).unwrap();
        },
        "archive.record-unreadable",
    ),
    ("record of another object", |vault| edit_record(vault, 1, "bundle", "bungle"), "archive.record-unreadable"),
    (
        "digest in one record changed",
        |vault| {
            edit_record(vault, 1, &Digest::of(b"bytes").hex(), &Digest::of(b"other").hex());
        },
        "archive.record-unreadable",
    ),
    ("retention shortened", |vault| edit_record(vault, 2, "2040-", "2030-"), "archive.record-unreadable"),
    (
        "record filled with rubbish",
        |vault| {
            replace(&vault.files.record(&key(NAME), 2), b"{}");
        },
        "archive.record-unreadable",
    ),
];

#[test]
fn every_tampering_has_its_name() {
    for (what, tamper, expected) in TAMPERINGS {
        let (_folder, vault) = vault();
        let put = vault.put(&key(NAME), b"bytes", &options(2033)).unwrap();
        vault.put(&key(NAME), b"bytes", &options(2040)).unwrap();
        tamper(&vault);
        assert_eq!(code(now(vault.read_back(&key(NAME), &put.version))), expected, "{what}: read back");
        assert_eq!(code(now(vault.get(&key(NAME), &put.version))), expected, "{what}: get");
        let again = code(vault.put(&key(NAME), b"bytes", &options(2040)));
        let completed = expected == "archive.record-missing";
        assert_eq!(again, if completed { "fine" } else { expected }, "{what}: put again");
        assert!(now(vault.list("reports")).unwrap().iter().any(|item| item.key == key(NAME)), "{what}: list");
    }
}

#[test]
fn writers_at_the_same_time_agree_on_one() {
    let (_folder, vault) = vault();
    let root = vault.root();
    let outcomes: Vec<_> = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..8_u8)
            .map(|n| {
                scope.spawn(move || {
                    let vault = WriteOnceDirectory::open(root).unwrap();
                    vault.put(&key(NAME), &[n % 2; 10_000], &options(2033)).map(|put| put.done)
                })
            })
            .collect();
        writers.into_iter().map(|writer| writer.join().unwrap()).collect()
    });
    let stored = outcomes.iter().filter(|outcome| matches!(outcome, Ok(Done::Stored))).count();
    let already = outcomes.iter().filter(|outcome| matches!(outcome, Ok(Done::AlreadyThere))).count();
    let refused = outcomes.iter().filter(|outcome| matches!(outcome, Err(VaultError::OtherBytes { .. }))).count();
    assert_eq!((stored, already, refused), (1, 3, 4), "{outcomes:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Puts, longer retentions and kills in any order: the directory agrees with
    /// a map, and nothing in it is ever lost, replaced or shortened.
    #[test]
    fn any_history_agrees_with_a_map(
        history in proptest::collection::vec((0..4_usize, 0..3_u8, 2027..2060_i32, 0..40_usize), 1..16),
    ) {
        let (_folder, vault) = vault();
        let names = ["a", "b/c", "b/d", "e/f/g"];
        let mut model = std::collections::BTreeMap::new();
        for (name, byte, until, steps) in history {
            let (name, bytes) = (names[name], [byte; 3]);
            vault.files.steps_left.store(steps, SeqCst);
            let result = vault.put(&key(name), &bytes, &options(until));
            vault.files.steps_left.store(usize::MAX, SeqCst);
            match (result, model.get_mut(name)) {
                (Ok(_), None) => { model.insert(name, (bytes, until)); }
                (Ok(_), Some((kept, longest))) => {
                    prop_assert_eq!(*kept, bytes);
                    *longest = until.max(*longest);
                }
                (Err(VaultError::OtherBytes { .. }), Some((kept, _))) => prop_assert_ne!(*kept, bytes),
                (Err(VaultError::Io { .. }), _) => {
                    // Killed: what is there now is whole, and what was promised before still holds.
                    let settled = vault.put(&key(name), &bytes, &options(until));
                    match model.get_mut(name) {
                        Some((kept, longest)) if *kept == bytes => { settled.unwrap(); *longest = until.max(*longest); }
                        Some(_) => { settled.unwrap_err(); }
                        None => { settled.unwrap(); model.insert(name, (bytes, until)); }
                    }
                }
                (other, known) => prop_assert!(false, "{other:?} with {known:?}"),
            }
            for (name, (bytes, until)) in &model {
                let version = version_of(Digest::of(bytes));
                let back = now(vault.read_back(&key(name), &version)).unwrap();
                prop_assert_eq!(back.retain_until, at(*until));
            }
        }
        prop_assert_eq!(now(vault.list("")).unwrap().len(), model.len());
        prop_assert!(at_rest(&WriteOnceDirectory::open(vault.root()).unwrap()));
    }
}
