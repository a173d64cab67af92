//! Two demos, then each tampering that DESIGN speaks of, one at a time: it is found, and the place is named.
//!
//! The hand in the database is the private cluster's superuser, with the triggers off; the hand on the files may write
//! everything in the demo's folder. Each case starts from the same untouched ledger and files.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use exhibit_ledger::tree::{Frontier, leaf_hash};
use exhibit_store::{
    OWNER_ROLE, Store,
    cluster::{self, ClusterOptions, Connection, DATABASE},
    testing::{sql, superuser_url, tampering},
};
use serde_json::Value;

use super::{Place, json, output};

/// The demo looks at the repository it is started in: this one.
const REPOSITORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
/// The untouched ledger, from which each case gets a copy.
const PRISTINE: &str = "pristine";
/// The folders of files that a case may change.
const FOLDERS: [&str; 3] = ["archive", "checkpoints", "keys"];

/// What there is to tamper with.
struct Demo {
    look: PathBuf,
    /// The records, in order.
    records: Vec<String>,
    /// The last report's archived bundle.
    bundle: PathBuf,
}

impl Demo {
    fn size(&self) -> usize {
        self.records.len()
    }

    /// A position in the middle.
    fn middle(&self) -> usize {
        self.size() / 2
    }

    /// The position that the tail is cut off at: below the last checkpoint's size.
    fn cut(&self) -> usize {
        self.size() - 3
    }

    /// What the head has to hold for the ledger's first entries, as SQL.
    fn frontier(&self, size: usize) -> String {
        let mut frontier = Frontier::new();
        for record in &self.records[..size] {
            frontier.append(leaf_hash(record.as_bytes()));
        }
        let peaks: Vec<String> = frontier.peaks().iter().map(|hash| format!("'\\x{}'::bytea", hex(hash))).collect();
        format!("ARRAY[{}]::bytea[]", peaks.join(", "))
    }

    /// Cuts the tail off, and everything in the database that could betray it.
    fn rewind(&self, size: usize) -> String {
        let tables: String = ["deployments", "schedules", "evidence", "assessments", "slots", "periods", "reports"]
            .iter()
            .chain(&["receipts", "finding_observations", "assessment_subjects", "entry_ids", "entries"])
            .map(|table| format!("DELETE FROM {table} WHERE seq >= {size}; "))
            .collect();
        let frontier = self.frontier(size);
        format!(
            "{tables} DELETE FROM tree_nodes WHERE idx >= {size}; DELETE FROM checkpoints WHERE size > {size}; \
             UPDATE ledger_head SET size = {size}, frontier = {frontier}, \
                    last_recorded_at = (SELECT recorded_at FROM entries WHERE seq = {size} - 1)"
        )
    }

    fn outside(&self) -> PathBuf {
        self.look.join("checkpoints")
    }

    /// The files of checkpoints outside Postgres, by size.
    fn notes(&self) -> Vec<PathBuf> {
        let mut notes: Vec<PathBuf> =
            fs::read_dir(self.outside()).expect("a folder").map(|note| note.expect("a file").path()).collect();
        notes.sort();
        notes
    }

    /// The archive's record of the last report's bundle.
    fn record_of_bundle(&self) -> PathBuf {
        let archive = self.look.join("archive");
        let key = self.bundle.strip_prefix(&archive).expect("the bundle lies in the archive");
        archive.join(".meta").join(key).join(".1.json")
    }
}

/// One tampering, and what is said of it.
struct Case {
    name: &'static str,
    tamper: Tampering,
    /// The commands that must find it, each with its exit code.
    commands: &'static [(&'static [&'static str], i32)],
    /// What each of them must name.
    says: fn(&Demo) -> Vec<String>,
}

enum Tampering {
    /// As the superuser, with the triggers off.
    Ledger(fn(&Demo) -> String),
    /// As the superuser, with the triggers on.
    Schema(&'static str),
    /// On the files.
    Files(fn(&Demo)),
    /// Both.
    Both(fn(&Demo) -> String, fn(&Demo)),
}

const FSCK: &[(&[&str], i32)] = &[(&["fsck"], 1)];
const EVERYTHING_REFUSES: &[(&[&str], i32)] = &[(&["fsck"], 2), (&["run"], 2), (&["archive", "check"], 2)];
const ARCHIVE: &[(&[&str], i32)] = &[(&["archive", "check"], 1)];

fn cases() -> Vec<Case> {
    use Tampering::{Both, Files, Ledger, Schema};
    vec![
        Case {
            name: "a record is changed",
            tamper: Ledger(|_| {
                "UPDATE entries SET record = replace(record, 'Harbour Lane', 'Harbour Line') WHERE seq = 0".to_owned()
            }),
            commands: FSCK,
            says: |_| vec!["entries".to_owned(), "seq 0".to_owned()],
        },
        Case {
            name: "a record is changed, and its leaf is made to fit",
            tamper: Ledger(|_| {
                "UPDATE entries SET record = replace(record, 'Harbour Lane', 'Harbour Line') WHERE seq = 0; \
                 UPDATE tree_nodes SET hash = (SELECT sha256('\\x00'::bytea || convert_to(record, 'UTF8')) \
                                                 FROM entries WHERE seq = 0) WHERE level = 0 AND idx = 0"
                    .to_owned()
            }),
            commands: FSCK,
            says: |demo| vec!["ledger_head".to_owned(), demo.notes()[0].display().to_string()],
        },
        Case {
            name: "a record that says of a failure that it passed",
            tamper: Ledger(|_| {
                "UPDATE entries SET record = replace(record, '\"verdict\":\"fail\"', '\"verdict\":\"pass\"') \
                  WHERE seq = (SELECT min(seq) FROM entries WHERE record LIKE '%\"verdict\":\"fail\"%')"
                    .to_owned()
            }),
            commands: FSCK,
            says: |demo| {
                let failed = demo.records.iter().position(|record| record.contains("\"verdict\":\"fail\""));
                vec![format!("seq {}", failed.expect("something fails"))]
            },
        },
        Case {
            name: "an entry in the middle is deleted",
            tamper: Ledger(|demo| format!("DELETE FROM entries WHERE seq = {}", demo.middle())),
            commands: FSCK,
            says: |demo| vec!["entries".to_owned(), format!("seq {}", demo.middle())],
        },
        Case {
            name: "the tail is deleted and the head rewound",
            tamper: Ledger(|demo| demo.rewind(demo.cut())),
            commands: FSCK,
            says: |demo| {
                let gone = format!("entries {}..{} are gone", demo.cut(), demo.size());
                vec![gone, demo.notes().pop().expect("a checkpoint").display().to_string()]
            },
        },
        Case {
            name: "the tail is deleted, the head rewound, and a run would go on from there",
            tamper: Ledger(|demo| demo.rewind(demo.cut())),
            commands: &[(&["run"], 2), (&["report", "render", "--period", "2026-Q4", "--out", "nowhere"], 2)],
            says: |demo| vec![demo.notes().pop().expect("a checkpoint").display().to_string()],
        },
        Case {
            name: "the tail is deleted, the head rewound, and the checkpoints beside the data deleted",
            tamper: Both(
                |demo| demo.rewind(demo.cut()),
                |demo| demo.notes().iter().for_each(|note| fs::remove_file(note).expect("removed")),
            ),
            commands: FSCK,
            says: |demo| {
                let gone = format!("entries {}..{} are gone", demo.cut(), demo.size());
                vec![gone, format!("archive: checkpoints/{:016}.note", demo.size())]
            },
        },
        Case {
            name: "two entries are exchanged",
            tamper: Ledger(|demo| {
                let (one, other) = (demo.middle(), demo.middle() + 1);
                format!(
                    "UPDATE entries SET seq = 900000 WHERE seq = {one}; \
                     UPDATE entries SET seq = {one} WHERE seq = {other}; \
                     UPDATE entries SET seq = {other} WHERE seq = 900000"
                )
            }),
            commands: FSCK,
            says: |demo| vec![format!("seq {}", demo.middle()), format!("seq {}", demo.middle() + 1)],
        },
        Case {
            name: "an entry is inserted",
            tamper: Ledger(|demo| {
                let at = demo.middle();
                format!(
                    "UPDATE entries SET seq = seq + 500000 WHERE seq >= {at}; \
                     INSERT INTO entries SELECT {at}, kind, gen_random_uuid(), recorded_at, record \
                       FROM entries WHERE seq = {at} - 1; \
                     UPDATE entries SET seq = seq - 499999 WHERE seq >= 500000"
                )
            }),
            commands: FSCK,
            says: |demo| vec![format!("seq {}", demo.middle()), format!("leaf {}", demo.size())],
        },
        Case {
            name: "an entry is appended without the program",
            tamper: Ledger(|demo| {
                let size = demo.size();
                format!(
                    "INSERT INTO entries SELECT {size}, kind, gen_random_uuid(), recorded_at, record \
                       FROM entries WHERE seq = {size} - 1"
                )
            }),
            commands: FSCK,
            says: |demo| vec![format!("seq {}", demo.size())],
        },
        Case {
            name: "a row of a projection is changed",
            tamper: Ledger(|_| "UPDATE findings SET severity = 'info' WHERE severity <> 'info'".to_owned()),
            commands: FSCK,
            says: |_| vec!["findings".to_owned(), "severity".to_owned()],
        },
        Case {
            name: "a row of a projection is deleted",
            tamper: Ledger(|_| "DELETE FROM receipts".to_owned()),
            commands: FSCK,
            says: |demo| {
                let receipt = demo.records.iter().position(|record| record.contains("\"kind\":\"receipt\""));
                vec!["receipts".to_owned(), receipt.expect("a receipt").to_string()]
            },
        },
        Case {
            name: "a trigger is dropped",
            tamper: Schema("DROP TRIGGER append_only_rows ON exhibit.tree_nodes"),
            commands: FSCK,
            says: |_| vec!["append_only_rows".to_owned(), "tree_nodes".to_owned()],
        },
        Case {
            name: "a trigger is left switched off",
            tamper: Schema("ALTER TABLE exhibit.entries DISABLE TRIGGER append_only_truncate"),
            commands: FSCK,
            says: |_| vec!["append_only_truncate".to_owned(), "entries".to_owned(), "disabled".to_owned()],
        },
        Case {
            name: "the function that refuses changes lets them through",
            tamper: Schema(
                "CREATE OR REPLACE FUNCTION exhibit.refuse_change() RETURNS trigger LANGUAGE plpgsql \
                 SET search_path = pg_catalog, pg_temp AS $$ BEGIN RETURN NEW; END $$",
            ),
            commands: FSCK,
            says: |_| vec!["function refuse_change".to_owned(), "its text".to_owned()],
        },
        Case {
            name: "a function with its owner's rights looks for names where anybody may put them",
            tamper: Schema("ALTER FUNCTION exhibit.advance_head SET search_path = public"),
            commands: FSCK,
            says: |_| vec!["function advance_head".to_owned(), "search_path=public".to_owned()],
        },
        Case {
            name: "the service is given the right to change records",
            tamper: Schema("GRANT UPDATE, DELETE ON exhibit.entries TO exhibit_service"),
            commands: FSCK,
            says: |_| vec!["rights of the service".to_owned(), "on entries".to_owned(), "UPDATE, DELETE".to_owned()],
        },
        Case {
            name: "all rows of the ledger are deleted",
            tamper: Ledger(|_| {
                "TRUNCATE entries, entry_ids, tree_nodes, checkpoints; \
                 UPDATE ledger_head SET size = 0, frontier = '{}', last_recorded_at = NULL"
                    .to_owned()
            }),
            commands: EVERYTHING_REFUSES,
            says: |demo| vec!["the ledger is empty".to_owned(), demo.outside().display().to_string()],
        },
        Case {
            name: "all rows of the ledger and the checkpoints beside the data are deleted",
            tamper: Both(
                |_| {
                    "TRUNCATE entries, entry_ids, tree_nodes, checkpoints; \
                     UPDATE ledger_head SET size = 0, frontier = '{}', last_recorded_at = NULL"
                        .to_owned()
                },
                |demo| fs::remove_dir_all(demo.outside()).expect("removed"),
            ),
            commands: EVERYTHING_REFUSES,
            says: |_| vec!["the ledger is empty".to_owned(), "archive".to_owned()],
        },
        Case {
            name: "two checkpoints beside the data are exchanged",
            tamper: Files(|demo| {
                let notes = demo.notes();
                let (one, other) = (fs::read(&notes[0]).expect("read"), fs::read(&notes[1]).expect("read"));
                fs::write(&notes[0], other).expect("written");
                fs::write(&notes[1], one).expect("written");
            }),
            commands: FSCK,
            says: |demo| demo.notes()[..2].iter().map(|note| note.display().to_string()).collect(),
        },
        Case {
            name: "a checkpoint beside the data is no text any more",
            tamper: Files(|demo| fs::write(&demo.notes()[0], [0xff, 0xfe, 0x00]).expect("written")),
            commands: FSCK,
            says: |demo| vec![demo.notes()[0].display().to_string()],
        },
        Case {
            name: "a checkpoint beside the data is deleted",
            tamper: Files(|demo| fs::remove_file(demo.notes().pop().expect("a checkpoint")).expect("removed")),
            commands: FSCK,
            says: |demo| vec![demo.outside().join(format!("{:016}.note", demo.size())).display().to_string()],
        },
        Case {
            name: "the signing key is replaced",
            tamper: Files(|demo| {
                let other = exhibit_ledger::note::SigningKey::from_seed("other.invalid/log", &[7; 32]).expect("a key");
                fs::write(demo.look.join("keys/log.key"), other.to_secret_text().as_bytes()).expect("written");
            }),
            commands: EVERYTHING_REFUSES,
            says: |demo| vec![demo.look.join("keys/log.pub").display().to_string()],
        },
        Case {
            name: "the signing key and its pinned half are replaced",
            tamper: Files(|demo| {
                let other = exhibit_ledger::note::SigningKey::from_seed("other.invalid/log", &[7; 32]).expect("a key");
                fs::write(demo.look.join("keys/log.key"), other.to_secret_text().as_bytes()).expect("written");
                fs::write(demo.look.join("keys/log.pub"), format!("{}\n", other.verifier())).expect("written");
            }),
            commands: &[(&["fsck"], 1), (&["verify", "BUNDLE"], 1)],
            says: |_| vec!["key".to_owned()],
        },
        Case {
            name: "a byte of the archived bundle is changed",
            tamper: Files(|demo| {
                let mut bytes = fs::read(&demo.bundle).expect("read");
                let at = bytes.len() / 2;
                let at = at + bytes[at..].iter().position(u8::is_ascii_alphabetic).expect("text");
                bytes[at] ^= 1;
                fs::set_permissions(&demo.bundle, fs::Permissions::from_mode(0o644)).expect("ours");
                fs::write(&demo.bundle, bytes).expect("written");
                fs::set_permissions(&demo.bundle, fs::Permissions::from_mode(0o444)).expect("ours");
            }),
            commands: &[(&["archive", "check"], 1), (&["verify", "BUNDLE"], 1)],
            says: |_| vec!["sha256".to_owned()],
        },
        Case {
            name: "the archived bundle is deleted",
            tamper: Files(|demo| fs::remove_file(&demo.bundle).expect("removed")),
            commands: &[(&["archive", "check"], 1), (&["verify", "BUNDLE"], 2)],
            says: |_| vec!["bundle.tar".to_owned()],
        },
        Case {
            name: "the archive's record of the bundle is deleted",
            tamper: Files(|demo| fs::remove_file(demo.record_of_bundle()).expect("removed")),
            commands: ARCHIVE,
            says: |_| vec!["bundle.tar".to_owned(), "record".to_owned()],
        },
        Case {
            name: "the archive is to keep the bundle for a shorter time",
            tamper: Files(|demo| {
                let path = demo.record_of_bundle();
                let mut record: Value = serde_json::from_slice(&fs::read(&path).expect("read")).expect("JSON");
                record["retain_until"] = "2027-01-01T00:00:00.000000Z".into();
                fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("ours");
                fs::write(&path, record.to_string()).expect("written");
                fs::set_permissions(&path, fs::Permissions::from_mode(0o444)).expect("ours");
            }),
            commands: ARCHIVE,
            says: |_| vec!["bundle.tar".to_owned(), "Kept until 2027-01-01".to_owned()],
        },
    ]
}

#[test]
fn each_tampering_is_found_and_its_place_is_named() {
    let place = Place::new();
    let look = place.join("look");
    let dir = look.to_str().expect("UTF-8").to_owned();
    let repository = Path::new(REPOSITORY);
    json(0, repository, &["demo", "--dir", &dir, "--format", "json"]);
    let made = json(0, repository, &["demo", "--dir", &dir, "--format", "json"]);
    let bundle = PathBuf::from(made["report"]["bundle"].as_str().expect("a path"));

    // Held to the end, so that each command finds the server running.
    let elsewhere = fs::read_to_string(look.join("postgres-is-in"));
    let folder = elsewhere.map_or_else(|_| look.join("postgres"), |text| PathBuf::from(text.trim_end()));
    let cluster = cluster::start_blocking(&ClusterOptions::new(folder)).expect("the demo's Postgres starts");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let records = runtime.block_on(records(cluster.connection()));
    assert_eq!(Some(records.len() as u64), made["ledger"]["size"].as_u64());
    let demo = Demo { look: look.clone(), records, bundle };
    let hand = |database: &str, statements: &str| {
        let url = superuser_url(cluster.connection(), database);
        runtime.block_on(sql(&url, statements)).unwrap_or_else(|error| panic!("{statements}: {error}"));
    };
    hand("postgres", &format!("ALTER DATABASE {DATABASE} RENAME TO {PRISTINE}"));
    let kept = place.join("kept");
    FOLDERS.iter().for_each(|folder| copy(&look.join(folder), &kept.join(folder)));

    let mut missed = Vec::new();
    for case in cases() {
        hand("postgres", &format!("CREATE DATABASE {DATABASE} TEMPLATE {PRISTINE} OWNER {OWNER_ROLE}"));
        let expected = (case.says)(&demo);
        match case.tamper {
            Tampering::Ledger(statements) => hand(DATABASE, &tampering(&statements(&demo))),
            Tampering::Schema(statements) => hand(DATABASE, statements),
            Tampering::Files(change) => change(&demo),
            Tampering::Both(statements, change) => {
                hand(DATABASE, &tampering(&statements(&demo)));
                change(&demo);
            }
        }
        for (command, code) in case.commands {
            let arguments: Vec<&str> = command
                .iter()
                .map(|word| if *word == "BUNDLE" { demo.bundle.to_str().expect("UTF-8") } else { word })
                .chain(["--dir", &dir])
                .collect();
            let told = output(place.path(), &arguments);
            let said = String::from_utf8_lossy(&[told.stdout, told.stderr].concat()).into_owned();
            if told.status.code() != Some(*code) {
                missed.push(format!("{}: {command:?} ended with {:?}, not {code}:\n{said}", case.name, told.status));
            }
            let unnamed: Vec<&String> = expected.iter().filter(|place| !said.contains(place.as_str())).collect();
            if !unnamed.is_empty() {
                missed.push(format!("{}: {command:?} does not name {unnamed:?}:\n{said}", case.name));
            }
        }
        hand("postgres", &format!("DROP DATABASE {DATABASE} WITH (FORCE)"));
        for folder in FOLDERS {
            let _ = fs::remove_dir_all(look.join(folder));
            copy(&kept.join(folder), &look.join(folder));
        }
    }
    // Untouched again, it is clean: each case was found for what was done in it.
    hand("postgres", &format!("ALTER DATABASE {PRISTINE} RENAME TO {DATABASE}"));
    for command in [&["fsck"][..], &["archive", "check"], &["verify", demo.bundle.to_str().expect("UTF-8")]] {
        super::ends_with(0, place.path(), &[command, &["--dir", &dir]].concat());
    }
    cluster.release_blocking().expect("the server stops");
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

async fn records(connection: &Connection) -> Vec<String> {
    let store = Store::open_private(connection).await.expect("the ledger opens");
    let size = store.head().await.expect("a head").size();
    let entries = store.entries(0..size).all().await.expect("entries");
    store.close().await;
    entries.into_iter().map(|entry| entry.text).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    fs::set_permissions(to, fs::metadata(from).expect("it is there").permissions()).expect("ours");
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("a kind").is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), &target).expect("copied");
        }
    }
}
