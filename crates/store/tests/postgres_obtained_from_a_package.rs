//! Where a machine has no Postgres, one is obtained. Needs a package client and its index; where neither is, this fails.

#![allow(clippy::unwrap_used, reason = "a test and its helpers fail by panicking")]

use std::{fs, os::unix::fs::PermissionsExt};

use exhibit_store::cluster::{self, ClusterOptions, Left, OBTAINED_VERSION, SearchPath};
use sqlx::{Connection as _, PgConnection, postgres::PgConnectOptions};

#[tokio::test]
async fn a_machine_whose_postgres_is_hidden_obtains_one_and_runs_it() {
    let root = tempfile::Builder::new().permissions(fs::Permissions::from_mode(0o711)).tempdir().unwrap();
    let mut options = ClusterOptions::new(root.path().join("data"));
    options.search = SearchPath { hide_system: true, ..SearchPath::default() };
    options.durable = false;
    let running = cluster::start(options.clone()).await.unwrap();
    let connection = running.connection();
    let how = PgConnectOptions::new_without_pgpass()
        .host(connection.socket_directory.to_str().unwrap())
        .port(connection.port)
        .username(connection.superuser)
        .database(connection.database);
    let mut session = PgConnection::connect_with(&how).await.unwrap();
    let version: String = sqlx::query_scalar("SHOW server_version").fetch_one(&mut session).await.unwrap();
    assert_eq!(version, OBTAINED_VERSION);
    session.close().await.unwrap();
    assert_eq!(running.release().await.unwrap(), Left::Stopped);

    // It is kept: the second start needs no client and no network, and adds nothing.
    let folder = root.path().join("data/postgres-bin");
    let mut left: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, [OBTAINED_VERSION, "lock"]);
    let made = fs::metadata(folder.join(OBTAINED_VERSION)).unwrap().modified().unwrap();
    drop(cluster::start(options).await.unwrap());
    assert_eq!(fs::metadata(folder.join(OBTAINED_VERSION)).unwrap().modified().unwrap(), made);
}
