//! What roles may do, and what is written down about every column.

use std::collections::BTreeSet;

use sqlx::ConnectOptions as _;

use super::samples::*;
use crate::testing::TestDatabase;
use crate::{Append, LEDGER, NOT_PROJECTIONS, PROJECTIONS, Store};

/// Table, what is said of it, column, what is said of it, whether the table is a partition.
type Column = (String, Option<String>, String, Option<String>, bool);

const WORDS: [&str; 4] = ["[public] ", "[internal] ", "[personal] ", "[secret-fact] "];

#[tokio::test]
async fn the_ledger_cannot_be_changed_by_the_service_nor_by_its_owner_nor_by_a_superuser() {
    let database = TestDatabase::new().await;
    database.store().append(Append::entries(at(1), every_kind(1))).await.unwrap();
    let changes = [
        "UPDATE exhibit.entries SET kind = 'x'",
        "DELETE FROM exhibit.entries",
        "TRUNCATE exhibit.entries",
        "UPDATE exhibit.entries_000000 SET kind = 'x'",
        "DELETE FROM exhibit.entries_000000 WHERE seq = 3",
        "TRUNCATE exhibit.entries_000000",
        "UPDATE exhibit.entry_ids SET seq = seq + 100",
        "DELETE FROM exhibit.entry_ids",
        "TRUNCATE exhibit.entry_ids",
        "UPDATE exhibit.tree_nodes SET idx = idx + 100",
        "DELETE FROM exhibit.tree_nodes",
        "TRUNCATE exhibit.tree_nodes",
        "INSERT INTO exhibit.checkpoints VALUES (1, decode(repeat('00', 32), 'hex'), 'x', now()); UPDATE exhibit.checkpoints SET note = 'y'",
        "INSERT INTO exhibit.checkpoints VALUES (1, decode(repeat('00', 32), 'hex'), 'x', now()); DELETE FROM exhibit.checkpoints",
        "TRUNCATE exhibit.checkpoints",
        "UPDATE exhibit.ledger_head SET size = 3",
        "UPDATE exhibit.ledger_head SET size = 900",
        "DELETE FROM exhibit.ledger_head",
        "TRUNCATE exhibit.ledger_head",
    ];
    let roles = [
        ("service", database.service_url(), ["42501", "42501"]),
        ("owner", database.owner_url(), ["EX001", "EX001"]),
        ("superuser", database.superuser_url(), ["EX001", "EX001"]),
    ];
    for (name, role, codes) in roles {
        for change in changes {
            for how in ["origin", "replica"] {
                // Only a superuser may choose; for it, the triggers fire all the same.
                if how == "replica" && name != "superuser" {
                    continue;
                }
                let set = if how == "replica" { "SET session_replication_role = replica; " } else { "" };
                let refused = database.sql(&role, &format!("{set}{change}")).await;
                let code = refused.unwrap_err().into_database_error().unwrap().code().unwrap().into_owned();
                assert!(codes.contains(&code.as_str()), "{name}: {change}: {code}");
            }
        }
    }
    let head = database.store().head().await.unwrap();
    assert_eq!(head.size(), 8);
}

#[tokio::test]
async fn the_service_can_create_and_drop_nothing() {
    let database = TestDatabase::new().await;
    for statement in [
        "CREATE TABLE exhibit.x ()",
        "DROP TABLE exhibit.slots",
        "ALTER TABLE exhibit.entries DISABLE TRIGGER ALL",
        "TRUNCATE exhibit.slots",
        "DELETE FROM exhibit.disclosures",
        "DELETE FROM exhibit.artifacts",
        "SELECT exhibit.grant_service_role('exhibit_service')",
    ] {
        let refused = database.sql(&database.service_url(), statement).await.unwrap_err();
        let code = refused.into_database_error().unwrap().code().unwrap().into_owned();
        assert_eq!(code, "42501", "{statement}");
    }
}

#[tokio::test]
async fn every_table_and_column_says_what_it_is_and_for_whom() {
    let database = TestDatabase::new().await;
    // Partitions are made from their parents, comments included; a month's worth must exist.
    database.store().append(Append::entries(at(1), every_kind(1))).await.unwrap();
    let columns: Vec<Column> = sqlx::query_as(
        "SELECT c.relname::text, obj_description(c.oid, 'pg_class'), a.attname::text, \
                col_description(c.oid, a.attnum), c.relispartition \
           FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid \
          WHERE c.relnamespace = 'exhibit'::regnamespace AND c.relkind IN ('r', 'p') \
            AND a.attnum > 0 AND NOT a.attisdropped ORDER BY 1, 3",
    )
    .fetch_all(&database.store().pool)
    .await
    .unwrap();
    let mut tables = BTreeSet::new();
    for (table, about, column, comment, partition) in &columns {
        if *partition {
            continue;
        }
        tables.insert(table.as_str());
        assert!(about.as_deref().is_some_and(|about| about.len() > 10), "{table} has no comment");
        let comment = comment.as_deref().unwrap_or_default();
        assert!(
            WORDS.iter().any(|word| comment.starts_with(word) && comment.len() > word.len() + 5),
            "{table}.{column}: {comment:?}"
        );
    }
    // Every table is the ledger, a projection, or listed as neither: none is forgotten.
    let listed: BTreeSet<&str> =
        LEDGER.iter().chain(PROJECTIONS).chain(NOT_PROJECTIONS).copied().chain(["_sqlx_migrations"]).collect();
    assert_eq!(tables, listed);
    let classified = |word: &str| -> BTreeSet<String> {
        let of = |c: &&Column| !c.4 && c.3.as_deref().unwrap_or_default().starts_with(word);
        columns.iter().filter(of).map(|c| format!("{}.{}", c.0, c.2)).collect()
    };
    // The short lists are written down, so that nothing joins or leaves them unseen.
    let listed = |names: &[&str]| -> BTreeSet<String> { names.iter().map(|&name| name.to_owned()).collect() };
    assert_eq!(
        classified("[personal]"),
        listed(&[
            "access_log.person",
            "disclosure_keys.value",
            "disclosures.value",
            "run_requests.requested_by",
            "tokens.created_by",
            "tokens.person",
            "tokens.revoked_by",
        ])
    );
    assert_eq!(
        classified("[secret-fact]"),
        listed(&["disclosure_keys.key", "disclosures.salt", "sessions.hash", "tokens.hash"])
    );
}

#[tokio::test]
async fn migrating_again_changes_nothing_and_another_schema_is_refused() {
    let database = TestDatabase::new().await;
    Store::migrate(&database.owner_url(), crate::SERVICE_ROLE).await.unwrap();
    Store::open(&database.service_url()).await.unwrap();
    let newer = "INSERT INTO exhibit._sqlx_migrations (version, description, success, checksum, execution_time) \
                 VALUES (9999, 'later', true, '', 0)";
    database.sql(&database.owner_url(), newer).await.unwrap();
    assert!(Store::migrate(&database.owner_url(), crate::SERVICE_ROLE).await.is_err());
    let refused = Store::open(&database.service_url()).await.unwrap_err();
    assert!(refused.to_string().contains("newer"), "{refused}");
    let older = "DELETE FROM exhibit._sqlx_migrations WHERE version > 3";
    database.sql(&database.owner_url(), older).await.unwrap();
    let refused = Store::open(&database.service_url()).await.unwrap_err();
    assert!(refused.to_string().contains("older"), "{refused}");
}

#[tokio::test]
async fn many_processes_make_ready_at_once() {
    let database = TestDatabase::new().await;
    database.sql(&database.superuser_url(), "DROP SCHEMA exhibit CASCADE").await.unwrap();
    let mut ready = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let (superuser, owner) = (database.superuser_url(), database.owner_url());
        ready.spawn(async move {
            let mut session = superuser.options().unwrap().connect().await.unwrap();
            crate::private::make_roles(&mut session).await.unwrap();
            Store::migrate(&owner, crate::SERVICE_ROLE).await.unwrap();
        });
    }
    ready.join_all().await;
    let store = Store::open(&database.service_url()).await.unwrap();
    store.append(Append::entries(at(1), every_kind(1))).await.unwrap();
}

#[tokio::test]
async fn a_database_that_was_never_migrated_is_refused() {
    let database = TestDatabase::new().await;
    database.sql(&database.superuser_url(), "DROP SCHEMA exhibit CASCADE").await.unwrap();
    let refused = Store::open(&database.service_url()).await.unwrap_err();
    assert!(refused.to_string().contains("migrate it first"), "{refused}");
}

#[tokio::test]
async fn an_append_is_told_on_the_channel() {
    let database = TestDatabase::new().await;
    let mut listener = sqlx::postgres::PgListener::connect_with(&database.store().pool).await.unwrap();
    listener.listen(crate::append::CHANNEL).await.unwrap();
    database.store().append(Append::entries(at(1), every_kind(1))).await.unwrap();
    assert_eq!(listener.recv().await.unwrap().payload(), "8");
}
