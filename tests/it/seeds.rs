//! The corpora that the fuzz targets found, replayed by the targets themselves: `seeds/TARGET` beside `fuzz_targets`.
//!
//! A target is a program of its own; here its file is a module, and this crate stands for the one that makes a program of it.

use std::{fs, path::Path};

/// Stands for `libfuzzer_sys::fuzz_target!`: what a target does with its bytes, as a function.
#[macro_export]
macro_rules! fuzz_target {
    (|$input:ident: $type:ty| $body:expr) => {
        pub(super) fn replay(bytes: &[u8]) {
            let given: Result<$type, _> =
                arbitrary::Arbitrary::arbitrary_take_rest(arbitrary::Unstructured::new(bytes));
            if let Ok($input) = given {
                let () = $body;
            }
        }
    };
}

/// The targets of each room.
macro_rules! targets {
    ($($room:literal: $($target:ident at $file:literal),+;)+) => {
        $($(
            #[allow(unused_attributes, reason = "only a program of its own has no main")]
            #[path = $file]
            mod $target;
        )+)+

        const TARGETS: &[(&str, &str, fn(&[u8]))] = &[$($(($room, stringify!($target), $target::replay)),+),+];
    };
}

targets! {
    "collectors":
        adapters at "../../collectors/fuzz/fuzz_targets/adapters.rs",
        answers at "../../collectors/fuzz/fuzz_targets/answers.rs",
        aws_keys at "../../collectors/fuzz/fuzz_targets/aws_keys.rs",
        bills at "../../collectors/fuzz/fuzz_targets/bills.rs",
        ci at "../../collectors/fuzz/fuzz_targets/ci.rs",
        command at "../../collectors/fuzz/fuzz_targets/command.rs",
        compose at "../../collectors/fuzz/fuzz_targets/compose.rs",
        connections at "../../collectors/fuzz/fuzz_targets/connections.rs",
        dotenv at "../../collectors/fuzz/fuzz_targets/dotenv.rs",
        exploited at "../../collectors/fuzz/fuzz_targets/exploited.rs",
        images at "../../collectors/fuzz/fuzz_targets/images.rs",
        interpolate at "../../collectors/fuzz/fuzz_targets/interpolate.rs",
        journal at "../../collectors/fuzz/fuzz_targets/journal.rs",
        kubectl at "../../collectors/fuzz/fuzz_targets/kubectl.rs",
        kubernetes at "../../collectors/fuzz/fuzz_targets/kubernetes.rs",
        lockfiles at "../../collectors/fuzz/fuzz_targets/lockfiles.rs",
        packed at "../../collectors/fuzz/fuzz_targets/packed.rs",
        references at "../../collectors/fuzz/fuzz_targets/references.rs",
        registry at "../../collectors/fuzz/fuzz_targets/registry.rs",
        restic at "../../collectors/fuzz/fuzz_targets/restic.rs",
        results at "../../collectors/fuzz/fuzz_targets/results.rs",
        scanner_answers at "../../collectors/fuzz/fuzz_targets/scanner_answers.rs",
        settings at "../../collectors/fuzz/fuzz_targets/settings.rs",
        statements at "../../collectors/fuzz/fuzz_targets/statements.rs",
        systemd at "../../collectors/fuzz/fuzz_targets/systemd.rs",
        wrangler at "../../collectors/fuzz/fuzz_targets/wrangler.rs";
    "crates/archive":
        object_key at "../../crates/archive/fuzz/fuzz_targets/object_key.rs",
        object_record at "../../crates/archive/fuzz/fuzz_targets/object_record.rs";
    "crates/detect":
        rules at "../../crates/detect/fuzz/fuzz_targets/rules.rs",
        scan_and_mask at "../../crates/detect/fuzz/fuzz_targets/scan_and_mask.rs",
        stream at "../../crates/detect/fuzz/fuzz_targets/stream.rs";
    "crates/evidence":
        canonical at "../../crates/evidence/fuzz/fuzz_targets/canonical.rs",
        record at "../../crates/evidence/fuzz/fuzz_targets/record.rs",
        schedule at "../../crates/evidence/fuzz/fuzz_targets/schedule.rs",
        texts at "../../crates/evidence/fuzz/fuzz_targets/texts.rs";
    "crates/ledger":
        bundle at "../../crates/ledger/fuzz/fuzz_targets/bundle.rs",
        checkpoint at "../../crates/ledger/fuzz/fuzz_targets/checkpoint.rs",
        keys at "../../crates/ledger/fuzz/fuzz_targets/keys.rs",
        note at "../../crates/ledger/fuzz/fuzz_targets/note.rs",
        tiles at "../../crates/ledger/fuzz/fuzz_targets/tiles.rs";
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the repository")
}

#[test]
fn every_seed_holds() {
    for (room, target, replay) in TARGETS {
        let folder = root().join(room).join("fuzz/seeds").join(target);
        let seeds = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let mut count = 0;
        for seed in seeds {
            let seed = seed.expect("an entry").path();
            let bytes = fs::read(&seed).expect("readable");
            if std::panic::catch_unwind(|| replay(&bytes)).is_err() {
                panic!("{} does not hold", seed.display());
            }
            count += 1;
        }
        assert!(count >= 8, "{room} {target}: {count} seeds");
    }
}

/// Nobody forgets one: each target is replayed here, and built by cargo-fuzz.
#[test]
fn every_target_is_replayed() {
    let mut rooms: Vec<&str> = TARGETS.iter().map(|(room, _, _)| *room).collect();
    rooms.dedup();
    for room in rooms {
        let fuzz = root().join(room).join("fuzz");
        let manifest = fs::read_to_string(fuzz.join("Cargo.toml")).expect("a manifest");
        let mut there: Vec<String> = fs::read_dir(fuzz.join("fuzz_targets"))
            .expect("targets")
            .map(|entry| entry.expect("an entry").path().file_stem().expect("a name").to_string_lossy().into_owned())
            .collect();
        there.sort();
        let here: Vec<&str> = TARGETS.iter().filter(|(of, _, _)| *of == room).map(|(_, target, _)| *target).collect();
        assert_eq!(there, here, "{room}");
        for target in here {
            assert!(manifest.contains(&format!("name = \"{target}\"")), "{room} {target}");
        }
    }
}
