//! A database of its own for each test, in one private cluster that test processes share.
//!
//! The cluster is started by the first test and stopped after the last; its folder stays, so that
//! the next run starts quickly. Each test gets a copy of a migrated template, and takes it away
//! again when it ends. Everything here panics with the reason: there is no test without a database.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection};

use crate::cluster::{self, ClusterOptions, Connection, RunningCluster};
use crate::private::{self, OWNER_ROLE, SERVICE_ROLE};
use crate::{DatabaseUrl, Store};

/// Names another folder for the tests' cluster than `exhibit-test-postgres-<user id>` in the temporary folder.
pub const FOLDER_VARIABLE: &str = "EXHIBIT_TEST_POSTGRES";

/// A migrated database that goes away when the value is dropped.
#[derive(Debug)]
pub struct TestDatabase {
    name: String,
    store: Store,
    cluster: Option<Arc<RunningCluster>>,
}

static CLUSTER: Mutex<Weak<RunningCluster>> = Mutex::new(Weak::new());
static COUNTER: AtomicU32 = AtomicU32::new(0);

/// The cluster that this process's tests share.
fn shared_cluster() -> Arc<RunningCluster> {
    let mut shared = CLUSTER.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(cluster) = shared.upgrade() {
        return cluster;
    }
    // Users of one machine have a cluster each: nobody may touch another's.
    let own = || std::env::temp_dir().join(format!("exhibit-test-postgres-{}", nix::unistd::geteuid()));
    let folder = std::env::var_os(FOLDER_VARIABLE).map_or_else(own, PathBuf::from);
    let options = ClusterOptions { durable: false, ..ClusterOptions::new(folder) };
    let cluster = Arc::new(cluster::start_blocking(&options).expect("the tests' Postgres starts"));
    *shared = Arc::downgrade(&cluster);
    cluster
}

impl TestDatabase {
    /// A fresh, migrated, empty database.
    ///
    /// # Panics
    /// If there is no Postgres, or it cannot be used.
    pub async fn new() -> Self {
        let cluster = tokio::task::spawn_blocking(shared_cluster).await.expect("the cluster's task ends");
        let template = template(&cluster).await;
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        let name = format!("t_{}_{number}", std::process::id());
        let mut session = session(&cluster, "postgres").await;
        run(&mut session, format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await;
        run(&mut session, format!("CREATE DATABASE {name} TEMPLATE {template} OWNER {OWNER_ROLE}")).await;
        let service = private::url(cluster.connection(), SERVICE_ROLE, &name).expect("a URL");
        let store = Store::open(&service).await.expect("the test's database opens");
        Self { name, store, cluster: Some(cluster) }
    }

    /// The store, connected as the service role.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// A connection string as the service role.
    #[must_use]
    pub fn service_url(&self) -> DatabaseUrl {
        self.url(SERVICE_ROLE)
    }

    /// A connection string as the schema's owner.
    #[must_use]
    pub fn owner_url(&self) -> DatabaseUrl {
        self.url(OWNER_ROLE)
    }

    /// A connection string as a superuser.
    #[must_use]
    pub fn superuser_url(&self) -> DatabaseUrl {
        self.url(cluster::SUPERUSER)
    }

    pub(crate) fn url(&self, role: &str) -> DatabaseUrl {
        let cluster = self.cluster.as_ref().expect("it is there until the drop");
        private::url(cluster.connection(), role, &self.name).expect("a URL")
    }

    /// Runs any SQL as the given role.
    ///
    /// # Errors
    /// What Postgres says.
    pub async fn sql(&self, role: &DatabaseUrl, statements: &str) -> Result<(), sqlx::Error> {
        sql(role, statements).await
    }

    /// Does what an attacker with superuser rights would: see [`tampering`].
    ///
    /// # Panics
    /// If Postgres refuses it.
    pub async fn tamper(&self, statements: &str) {
        self.sql(&self.superuser_url(), &tampering(statements)).await.expect("a superuser may do this");
    }
}

/// Runs any SQL as the role that the connection string names.
///
/// # Errors
/// What Postgres says.
pub async fn sql(role: &DatabaseUrl, statements: &str) -> Result<(), sqlx::Error> {
    let mut session = role.options().expect("a URL").connect().await?;
    let done = sqlx::raw_sql(AssertSqlSafe(statements.to_owned())).execute(&mut session).await;
    session.close().await?;
    done.map(|_| ())
}

/// A superuser's connection string for a database of a private cluster, as an attacker would have it.
///
/// # Panics
/// If the socket's folder has a name that is not UTF-8.
#[must_use]
pub fn superuser_url(connection: &Connection, database: &str) -> DatabaseUrl {
    private::url(connection, cluster::SUPERUSER, database).expect("a URL")
}

/// The service role's connection string for a database of a private cluster.
///
/// # Panics
/// If the socket's folder has a name that is not UTF-8.
#[must_use]
pub fn service_url(connection: &Connection, database: &str) -> DatabaseUrl {
    private::url(connection, SERVICE_ROLE, database).expect("a URL")
}

/// A session as the role that the connection string names.
///
/// # Errors
/// What Postgres says.
pub async fn connection(role: &DatabaseUrl) -> Result<PgConnection, sqlx::Error> {
    role.options().expect("a URL").connect().await
}

/// What an attacker with superuser rights would run: switches the triggers off, runs the statements, switches the
/// triggers on again as they were.
#[must_use]
pub fn tampering(statements: &str) -> String {
    let off_and_on = |how: &str, one: &str| {
        format!(
            "DO $$ DECLARE t regclass; BEGIN FOR t IN SELECT DISTINCT tgrelid::regclass FROM pg_trigger \
               WHERE tgname IN ('append_only_rows', 'append_only_truncate') LOOP \
               EXECUTE format('ALTER TABLE %s {how} TRIGGER {one}', t); END LOOP; END $$;"
        )
    };
    let off = off_and_on("DISABLE", "ALL");
    let rows = off_and_on("ENABLE ALWAYS", "append_only_rows");
    let truncate = off_and_on("ENABLE ALWAYS", "append_only_truncate");
    format!("BEGIN; SET search_path = exhibit; {off} {statements}; {rows} {truncate} COMMIT;")
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let (name, store, cluster) = (self.name.clone(), self.store.clone(), self.cluster.take());
        // Dropping happens within a runtime that cannot be waited in: a thread has its own.
        let work = move || {
            let Some(cluster) = cluster else { return };
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async {
                let mut session = session(&cluster, "postgres").await;
                run(&mut session, format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await;
            });
            drop((store, cluster));
        };
        let ended = std::thread::spawn(work).join();
        if ended.is_err() && !std::thread::panicking() {
            panic!("the test's database {} was not taken away", self.name);
        }
    }
}

/// A migrated database to copy, made once for each version of the schema.
async fn template(cluster: &RunningCluster) -> String {
    let migrator = sqlx::migrate!("../../migrations");
    let checksums: Vec<u8> = migrator.iter().flat_map(|migration| migration.checksum.iter().copied()).collect();
    // Of any number of migrations: Postgres cuts a name after 63 bytes.
    let version = hex::encode(&exhibit_evidence::Digest::of(&checksums).0[..8]);
    let name = format!("template_{version}");
    let mut lock = session(cluster, "postgres").await;
    run(&mut lock, "SELECT pg_advisory_lock(hashtextextended('exhibit.template', 0))".to_owned()).await;
    let there: bool = sqlx::query_scalar("/* template */ SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)")
        .bind(&name)
        .fetch_one(&mut lock)
        .await
        .expect("databases can be listed");
    if !there {
        run(&mut lock, "DROP DATABASE IF EXISTS unfinished_template WITH (FORCE)".to_owned()).await;
        run(&mut lock, "CREATE DATABASE unfinished_template".to_owned()).await;
        let mut inside = session(cluster, "unfinished_template").await;
        private::make_roles(&mut inside).await.expect("roles are made");
        inside.close().await.expect("the session ends");
        let owner = private::url(cluster.connection(), OWNER_ROLE, "unfinished_template").expect("a URL");
        Store::migrate(&owner, SERVICE_ROLE).await.expect("the schema is made");
        run(&mut lock, format!("ALTER DATABASE unfinished_template RENAME TO {name}")).await;
    }
    lock.close().await.expect("the session ends");
    name
}

async fn session(cluster: &RunningCluster, database: &str) -> PgConnection {
    let url = private::url(cluster.connection(), cluster::SUPERUSER, database).expect("a URL");
    url.options().expect("a URL").connect().await.expect("a superuser can connect")
}

async fn run(session: &mut PgConnection, statement: String) {
    let done = sqlx::raw_sql(AssertSqlSafe(statement)).execute(session).await;
    done.expect("the statement runs");
}
