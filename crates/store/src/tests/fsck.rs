//! Tampering as superuser, one case each, with what is claimed for it: fsck finds it and says where.

use exhibit_ledger::checkpoint::Checkpoint;
use exhibit_ledger::note::SigningKey;

use super::samples::*;
use crate::testing::TestDatabase;
use crate::{Append, FsckReport, OutsideCheckpoint, Store, StoredCheckpoint, Trusted};

const ORIGIN: &str = "example.test/log";

fn key() -> SigningKey {
    SigningKey::from_seed(ORIGIN, &[1; 32]).unwrap()
}

/// Signs the head, keeps the checkpoint in the database, and gives the copy for outside.
async fn checkpoint(store: &Store) -> OutsideCheckpoint {
    let head = store.head().await.unwrap();
    let signed = Checkpoint::of(ORIGIN, &head.frontier).sign(&[&key()]).unwrap();
    let note = signed.to_bytes();
    let stored = StoredCheckpoint {
        size: head.size(),
        root: head.root(),
        note: String::from_utf8(note.clone()).unwrap(),
        signed_at: at(100),
    };
    store.save_checkpoint(&stored).await.unwrap();
    assert_eq!(store.latest_checkpoint().await.unwrap().unwrap(), stored);
    OutsideCheckpoint { source: "checkpoints/latest".into(), note }
}

/// A ledger of 24 entries with a checkpoint over all, and one over the first 8.
async fn ledger(database: &TestDatabase) -> Trusted {
    let store = database.store();
    let mut checkpoints = Vec::new();
    for round in 0..3_u64 {
        let mut entries = every_kind(round * 8 + 1);
        // A slot closes once and a period freezes once: later rounds have other ones.
        if round > 0 {
            entries[4] = entry(round * 8 + 5, closure("nightly", at(round as i64)));
            entries[5] = entry(round * 8 + 6, promise("weekly"));
        }
        store.append(disclosed(at(10 + round as i64), entries)).await.unwrap();
        if round != 1 {
            checkpoints.push(checkpoint(store).await);
        }
    }
    Trusted { origin: ORIGIN.into(), keys: vec![key().verifier().clone()], checkpoints }
}

#[tokio::test]
async fn the_quick_look_knows_a_sound_ledger_and_no_other() {
    let database = TestDatabase::new().await;
    let trusted = ledger(&database).await;
    assert!(crate::fsck::is_quickly_sound(database.store(), &trusted).await.unwrap());
    // A row that no entry gives, one that is missing, and one that differs, each in a table of another shape.
    for change in [
        "INSERT INTO entry_ids VALUES (gen_random_uuid(), 1000)",
        "DELETE FROM assessment_subjects WHERE seq = 3",
        "UPDATE evidence SET environments = '{}' WHERE seq = 2",
        "UPDATE tree_nodes SET hash = sha256('') WHERE level = 0 AND idx = 5",
    ] {
        let database = TestDatabase::new().await;
        let trusted = self::ledger(&database).await;
        database.tamper(change).await;
        assert!(!crate::fsck::is_quickly_sound(database.store(), &trusted).await.unwrap(), "{change}");
    }
}

fn places(report: &FsckReport) -> Vec<String> {
    report.differences.iter().map(|d| format!("{}, {}", d.place, d.row)).collect()
}

/// Something that a superuser does, and what fsck must name.
struct Case {
    name: &'static str,
    sql: &'static str,
    named: &'static [&'static str],
}

const CASES: &[Case] = &[
    Case {
        name: "a record is changed",
        sql: "UPDATE entries SET record = replace(record, 'nightly', 'monthly') WHERE seq = 9",
        named: &[
            "entries, seq 9",
            "tree_nodes, leaf 9",
            "schedules, seq 9",
            "checkpoints/latest, checkpoint for size 24 (an entry of 8..24 is another)",
        ],
    },
    Case {
        name: "a record is changed, and its leaf with it",
        sql: "UPDATE entries SET record = replace(record, 'nightly', 'monthly') WHERE seq = 9; \
              UPDATE tree_nodes SET hash = sha256('\\x00'::bytea || convert_to((SELECT record FROM entries WHERE seq = 9), 'UTF8')) WHERE level = 0 AND idx = 9; \
              UPDATE schedules SET job = 'monthly' WHERE seq = 9",
        named: &["checkpoints/latest, checkpoint for size 24 (an entry of 8..24 is another)", "ledger_head, frontier"],
    },
    Case {
        name: "an entry is deleted in the middle",
        sql: "DELETE FROM entries WHERE seq = 12",
        named: &["entries, seq 12", "tree_nodes, leaf 12", "entry_ids, seq 12", "slots, seq 12"],
    },
    Case {
        name: "the tail is deleted, the head rewound, and every trace wiped",
        sql: "DELETE FROM entries WHERE seq >= 8; DELETE FROM tree_nodes WHERE idx >= 8; DELETE FROM entry_ids WHERE seq >= 8; \
              DELETE FROM checkpoints WHERE size > 8; \
              DELETE FROM schedules WHERE seq >= 8; DELETE FROM deployments WHERE seq >= 8; DELETE FROM evidence WHERE seq >= 8; \
              DELETE FROM assessments WHERE seq >= 8; DELETE FROM assessment_subjects WHERE seq >= 8; \
              DELETE FROM finding_observations WHERE seq >= 8; DELETE FROM slots WHERE seq >= 8; DELETE FROM reports WHERE seq >= 8; \
              DELETE FROM receipts WHERE seq >= 8; DELETE FROM findings; INSERT INTO findings SELECT * FROM fold_findings(0, 8); \
              UPDATE ledger_head SET size = 8, last_recorded_at = (SELECT recorded_at FROM entries WHERE seq = 7), \
                 frontier = ARRAY[(SELECT root FROM checkpoints WHERE size = 8)]",
        named: &["checkpoints/latest, checkpoint for size 24 (entries 8..24 are gone)"],
    },
    Case {
        name: "two entries change places",
        sql: "UPDATE entries SET seq = 100 WHERE seq = 3; UPDATE entries SET seq = 3 WHERE seq = 4; UPDATE entries SET seq = 4 WHERE seq = 100",
        named: &["entries, seq 3", "entries, seq 4", "tree_nodes, leaf 3", "entry_ids, seq 4"],
    },
    Case {
        name: "an entry is inserted at the end",
        sql: "INSERT INTO entries SELECT 24, kind, id, recorded_at, record FROM entries WHERE seq = 23",
        named: &[
            "entries, seq 24 to 24",
            "ledger_head, size",
            "tree_nodes, leaf 24",
            "entry_ids, seq 24",
            "receipts, seq 24",
        ],
    },
    Case {
        name: "an entry is inserted in the middle",
        sql: "UPDATE entries SET seq = seq + 1000 WHERE seq >= 20; UPDATE entries SET seq = seq - 999 WHERE seq >= 1000; \
              INSERT INTO entries SELECT 20, kind, id, recorded_at, record FROM entries WHERE seq = 1",
        named: &["entries, seq 20", "entries, seq 24 to 24", "tree_nodes, leaf 20", "ledger_head, size"],
    },
    Case {
        name: "a projection row is changed",
        sql: "UPDATE assessments SET verdict = 'pass' WHERE seq = 3",
        named: &["assessments, seq 3"],
    },
    Case { name: "a projection row is deleted", sql: "DELETE FROM slots WHERE seq = 4", named: &["slots, seq 4"] },
    Case {
        name: "a projection row is invented",
        sql: "INSERT INTO slots SELECT 'weekly', scheduled_for, 900, id, recorded_at, state, attempts FROM slots WHERE seq = 4",
        named: &["slots, seq 900"],
    },
    Case {
        name: "a finding's state is changed",
        sql: "UPDATE findings SET instances = 0",
        named: &["findings, fingerprint "],
    },
    Case {
        name: "a column that copies the record is changed",
        sql: "UPDATE entries SET recorded_at = 'infinity', kind = 'waiver' WHERE seq = 2",
        named: &["entries, seq 2, column kind", "entries, seq 2, column recorded_at"],
    },
    Case {
        name: "a leaf hash is changed",
        sql: "UPDATE tree_nodes SET hash = decode(repeat('11', 32), 'hex') WHERE idx = 7",
        named: &["tree_nodes, leaf 7"],
    },
    Case {
        name: "a stored checkpoint is replaced by an unsigned one",
        sql: "UPDATE checkpoints SET note = split_part(note, chr(8212), 1) WHERE size = 8",
        named: &["checkpoints, size 8"],
    },
    Case { name: "the head's row is deleted", sql: "DELETE FROM ledger_head", named: &["ledger_head, the only row"] },
    Case {
        name: "a kept artifact's bytes are changed",
        sql: "UPDATE artifacts SET deflated = deflated || '\\x00'::bytea, size = size - 1",
        named: &["artifacts, sha256:"],
    },
    Case {
        name: "a slot is hidden from the workers",
        sql: "INSERT INTO slot_claims VALUES ('nightly', '2026-11-23T12:00:00Z', now(), 0, now(), NULL, NULL, NULL, NULL, 4)",
        named: &["slot_claims, nightly at 2026-11-23T12:00:00+00:00"],
    },
    Case {
        name: "a disclosed value is changed",
        sql: "UPDATE disclosures SET value = 'somebody else'",
        named: &["disclosures, digest ", "disclosures, group "],
    },
    Case {
        name: "a disclosed value is deleted",
        sql: "DELETE FROM disclosures WHERE path = 'body.provenance.host'",
        named: &["disclosures, seq 2, body.provenance.host, digest ", "disclosures, seq 10, body.provenance.host, "],
    },
    Case {
        name: "a disclosed value is moved to another entry",
        sql: "UPDATE disclosures SET entry_id = (SELECT id FROM entries WHERE seq = 10) \
              WHERE entry_id = (SELECT id FROM entries WHERE seq = 2)",
        named: &["disclosures, seq 2, body.provenance.principal, digest ", "disclosures, digest "],
    },
    Case {
        name: "a group is erased behind the ledger's back",
        sql: "UPDATE disclosures SET salt = NULL, value = NULL, erased_at = now(); \
              UPDATE disclosure_keys SET key = NULL, value = NULL, erased_at = now()",
        named: &["disclosure_keys, group "],
    },
    Case {
        name: "values are erased, but their key is not",
        sql: "UPDATE disclosures SET salt = NULL, value = NULL, erased_at = now()",
        named: &["disclosures, group "],
    },
];

#[tokio::test]
async fn an_untouched_ledger_is_clean() {
    let database = TestDatabase::new().await;
    let trusted = ledger(&database).await;
    let report = database.store().fsck(&trusted).await.unwrap();
    assert!(report.is_clean(), "{:#?}", report.differences);
    assert_eq!((report.entries, report.outside_checkpoints, report.covered_outside), (24, 2, 24));
    assert_eq!(report.root, Some(database.store().head().await.unwrap().root()));
}

#[tokio::test]
async fn an_empty_ledger_is_clean() {
    let database = TestDatabase::new().await;
    let report = database.store().fsck(&Trusted::default()).await.unwrap();
    assert!(report.is_clean(), "{:#?}", report.differences);
    assert_eq!(report.entries, 0);
}

#[tokio::test]
async fn each_tampering_is_found_and_named() {
    // Each case waits mostly for Postgres: several at once.
    for some in CASES.chunks(6) {
        let mut running = tokio::task::JoinSet::new();
        some.iter().for_each(|case| drop(running.spawn(find(case))));
        running.join_all().await;
    }
}

async fn find(case: &'static Case) {
    let database = TestDatabase::new().await;
    let trusted = ledger(&database).await;
    // Beyond the last checkpoint nothing outside binds; artifacts and disclosures bind themselves.
    if case.sql.contains("artifacts") || case.sql.contains("disclosures") {
        let with_host = evidence("nightly", at(7));
        let unit = Append {
            artifacts: vec![crate::NewArtifact { media_type: "text/plain".into(), bytes: b"kept".to_vec().into() }],
            ..disclosed(at(20), vec![entry(80, with_host)])
        };
        database.store().append(unit).await.unwrap();
        let before = database.store().fsck(&trusted).await.unwrap();
        assert!(before.is_clean(), "{}: {:#?}", case.name, before.differences);
    }
    database.tamper(case.sql).await;
    let report = database.store().fsck(&trusted).await.unwrap();
    let places = places(&report);
    for named in case.named {
        let there = places.iter().any(|place| place.starts_with(named));
        assert!(there, "{}: {named} is not in {places:#?}", case.name);
    }
}

#[tokio::test]
async fn a_fence_that_is_down_is_found() {
    for (sql, named) in [
        ("ALTER TABLE exhibit.entries DISABLE TRIGGER append_only_rows", "trigger append_only_rows, on entries_000000"),
        (
            "ALTER TABLE exhibit.checkpoints ENABLE TRIGGER append_only_truncate",
            "trigger append_only_truncate, on checkpoints",
        ),
        (
            "DROP TRIGGER append_only_truncate ON exhibit.entries_000001",
            "trigger append_only_truncate, on entries_000001",
        ),
        (
            "DROP TRIGGER append_only_rows ON exhibit.checkpoints; CREATE TRIGGER append_only_rows BEFORE UPDATE OF root \
             OR DELETE ON exhibit.checkpoints FOR EACH ROW EXECUTE FUNCTION exhibit.refuse_change(); \
             ALTER TABLE exhibit.checkpoints ENABLE ALWAYS TRIGGER append_only_rows",
            "trigger append_only_rows, on checkpoints",
        ),
        (
            "CREATE TRIGGER mine BEFORE INSERT ON exhibit.tree_nodes FOR EACH ROW EXECUTE FUNCTION exhibit.refuse_change()",
            "trigger mine, on tree_nodes",
        ),
        (
            "CREATE RULE mine AS ON INSERT TO exhibit.checkpoints DO INSTEAD NOTHING",
            "checkpoints, what stands before it",
        ),
        (
            "CREATE OR REPLACE FUNCTION exhibit.refuse_change() RETURNS trigger LANGUAGE plpgsql \
             SET search_path = pg_catalog, pg_temp AS $$ BEGIN RETURN NEW; END $$",
            "function refuse_change, its text",
        ),
        (
            "CREATE OR REPLACE FUNCTION exhibit.refuse_rewind() RETURNS trigger LANGUAGE plpgsql \
             SET search_path = pg_catalog, pg_temp AS $$ BEGIN RETURN NEW; END $$",
            "function refuse_rewind, its text",
        ),
        ("ALTER FUNCTION exhibit.advance_head RESET search_path", "function advance_head, its properties"),
        ("ALTER FUNCTION exhibit.fold_findings SECURITY DEFINER", "function fold_findings, its properties"),
        ("ALTER FUNCTION exhibit.lock_head OWNER TO exhibit_service", "function lock_head, its owner"),
        ("DROP FUNCTION exhibit.empty_projections", "function empty_projections, in the schema"),
        (
            "CREATE FUNCTION exhibit.mine() RETURNS void LANGUAGE sql SECURITY DEFINER AS 'DELETE FROM exhibit.entries'",
            "function mine, in the schema",
        ),
        ("GRANT UPDATE ON exhibit.entries TO exhibit_service", "rights of the service, on entries"),
        ("GRANT DELETE ON exhibit.entries_000000 TO PUBLIC", "rights of the service, on entries_000000"),
        ("GRANT UPDATE (note) ON exhibit.checkpoints TO PUBLIC", "rights of the service, on checkpoints.note"),
        ("GRANT CREATE ON SCHEMA exhibit TO PUBLIC", "rights of the service, on the schema"),
        (
            "GRANT EXECUTE ON FUNCTION exhibit.grant_service_role(name) TO exhibit_service",
            "rights of the service, function grant_service_role",
        ),
        ("ALTER TABLE exhibit.tree_nodes OWNER TO exhibit_service", "tree_nodes, its owner"),
        ("ALTER TABLE exhibit.evidence DISABLE ROW LEVEL SECURITY", "evidence, who sees its rows"),
        ("ALTER TABLE exhibit.tree_nodes ENABLE ROW LEVEL SECURITY", "tree_nodes, who sees its rows"),
        ("ALTER TABLE exhibit.entries FORCE ROW LEVEL SECURITY", "entries, who sees its rows"),
        ("DROP POLICY exhibit_service ON exhibit.entries", "entries, who sees its rows"),
        ("CREATE POLICY mine ON exhibit.entries AS RESTRICTIVE USING (seq <> 3)", "entries, who sees its rows"),
        ("CREATE POLICY mine ON exhibit.slots USING (true)", "slots, who sees its rows"),
    ] {
        let database = TestDatabase::new().await;
        database.sql(&database.superuser_url(), sql).await.unwrap();
        let report = database.store().fsck(&Trusted::default()).await.unwrap();
        assert!(places(&report).contains(&named.to_owned()), "{sql}: {:#?}", report.differences);
    }
}

/// The test that the migrations are written so that fsck can read what they intend.
#[tokio::test]
async fn the_service_has_each_right_that_the_migrations_name() {
    let database = TestDatabase::new().await;
    assert_eq!(crate::fsck::rights_not_given(database.store()).await.unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn a_checkpoint_of_another_key_or_log_is_no_checkpoint() {
    let database = TestDatabase::new().await;
    let mut trusted = ledger(&database).await;
    trusted.keys = vec![SigningKey::from_seed(ORIGIN, &[2; 32]).unwrap().verifier().clone()];
    let report = database.store().fsck(&trusted).await.unwrap();
    assert_eq!(report.outside_checkpoints, 0);
    assert!(places(&report).contains(&"checkpoints/latest, the checkpoint".to_owned()), "{:#?}", report.differences);
}

#[tokio::test]
async fn rebuild_mends_projections_and_touches_nothing_else() {
    let database = TestDatabase::new().await;
    let trusted = ledger(&database).await;
    let store = database.store();
    database
        .tamper("DELETE FROM evidence; UPDATE findings SET instances = 9; UPDATE slots SET state = 'missed'; DELETE FROM assessment_subjects")
        .await;
    assert!(!store.fsck(&trusted).await.unwrap().is_clean());
    assert_eq!(store.rebuild().await.unwrap(), 24);
    let report = store.fsck(&trusted).await.unwrap();
    assert!(report.is_clean(), "{:#?}", report.differences);
    // The next append goes on where the last ended.
    let appended = store.append(Append::entries(at(90), vec![entry(90, promise("weekly"))])).await.unwrap();
    assert_eq!(appended.entries[0].seq, 24);
}

#[tokio::test]
async fn rebuild_mends_what_the_work_in_hand_says_of_the_ledger() {
    let database = TestDatabase::new().await;
    let trusted = ledger(&database).await;
    let store = database.store();
    // The ledger closed these two; the third is open.
    let slot = |micros| crate::Slot { job: "nightly".parse().unwrap(), scheduled_for: at(micros) };
    store.plan_slots(&[slot(0), slot(1), slot(7)], at(50)).await.unwrap();
    let intent = crate::ArchiveIntent { key: "k".into(), digest: digest("k"), size: 1, subject: "report:x".into() };
    store.record_intent(&intent, at(50)).await.unwrap();
    assert!(store.fsck(&trusted).await.unwrap().is_clean());
    let open = store.open_slots(at(100)).await.unwrap();

    database
        .tamper(
            "UPDATE slot_claims SET closed_seq = 12 WHERE closed_seq IS NULL; \
             UPDATE slot_claims SET closed_seq = NULL WHERE closed_seq = 4; \
             UPDATE archive_intents SET receipt_id = gen_random_uuid(), finished_at = now()",
        )
        .await;
    let found = places(&store.fsck(&trusted).await.unwrap());
    assert_eq!(found.iter().filter(|place| place.starts_with("slot_claims, ")).count(), 2, "{found:#?}");
    assert!(found.contains(&"archive_intents, k".to_owned()), "{found:#?}");
    store.rebuild().await.unwrap();
    let report = store.fsck(&trusted).await.unwrap();
    assert!(report.is_clean(), "{:#?}", report.differences);
    assert_eq!(store.open_slots(at(100)).await.unwrap(), open);
    assert_eq!(store.open_intents().await.unwrap(), [intent]);
}

#[tokio::test]
async fn rebuild_changes_nothing_where_an_entry_cannot_be_read() {
    let database = TestDatabase::new().await;
    ledger(&database).await;
    database.tamper("UPDATE entries SET record = '{}' WHERE seq = 20").await;
    assert!(database.store().rebuild().await.is_err());
    let slots: i64 =
        sqlx::query_scalar("SELECT count(*) FROM exhibit.slots").fetch_one(&database.store().pool).await.unwrap();
    assert_eq!(slots, 3);
}

#[tokio::test]
async fn tiles_of_many_entries_agree() {
    let database = TestDatabase::new().await;
    let store = database.store();
    let many = (0..700).map(|number| entry(number, promise("nightly"))).collect();
    store.append(Append::entries(at(1), many)).await.unwrap();
    let trusted = Trusted {
        origin: ORIGIN.into(),
        keys: vec![key().verifier().clone()],
        checkpoints: vec![checkpoint(store).await],
    };
    let report = store.fsck(&trusted).await.unwrap();
    assert!(report.is_clean(), "{:#?}", report.differences);
    let head = store.head().await.unwrap();
    let proof = store.inclusion_proof(600, 700).await.unwrap();
    let record = store.entry(id(600)).await.unwrap();
    let leaf = exhibit_ledger::tree::leaf_hash(record.text.as_bytes());
    exhibit_ledger::tree::verify_inclusion(&leaf, 600, 700, &proof, &head.root()).unwrap();
    let proof = store.consistency_proof(300, 700).await.unwrap();
    let old = store.root(300).await.unwrap();
    exhibit_ledger::tree::verify_consistency(300, &old, 700, &head.root(), &proof).unwrap();
    database.tamper("UPDATE tree_nodes SET hash = decode(repeat('11', 32), 'hex') WHERE level = 1 AND idx = 1").await;
    let report = store.fsck(&trusted).await.unwrap();
    assert_eq!(places(&report), ["tree_nodes, level 1, index 1"]);
}
