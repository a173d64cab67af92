//! The store itself: its pool, its opening, and the one way to run a transaction.

use std::cmp::Ordering;
use std::sync::Arc;
use std::time::Duration;

use exhibit_evidence::Timestamp;
use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{Connection as _, Executor as _, PgConnection, PgPool, Row as _};

use crate::append::{Ahead, Gathering};
use crate::error::in_tx;
use crate::partitions::Partitions;
use crate::url::connect;
use crate::{DatabaseUrl, StoreError};

/// Connections a pool holds at most.
const MAX_CONNECTIONS: u32 = 10;
/// For how long an idle connection is believed to be one.
pub(crate) const UNQUESTIONED: Duration = Duration::from_secs(1);
/// How long a verb waits for a connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(30);

/// The evidence store in Postgres. Clones share one pool of connections.
///
/// Each public function is one verb in one named transaction; times and ids are arguments.
#[derive(Clone, Debug)]
pub struct Store {
    pub(crate) pool: PgPool,
    pub(crate) partitions: Arc<Partitions>,
    pub(crate) gathering: Arc<Gathering>,
    pub(crate) ahead: Arc<Ahead>,
    options: PgConnectOptionsCell,
}

/// Connection options, kept for workers' own connections. Debug shows nothing of them.
#[derive(Clone)]
struct PgConnectOptionsCell(PgConnectOptions);

impl std::fmt::Debug for PgConnectOptionsCell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[redacted]")
    }
}

impl Store {
    /// Brings the schema up to date and gives `service_role` its rights. Run as the schema's
    /// owner; safe to run again, and by several processes at once.
    ///
    /// # Errors
    /// If the database cannot be reached or used, a migration fails, the schema is newer than
    /// this program, or the service role does not exist.
    pub async fn migrate(owner: &DatabaseUrl, service_role: &str) -> Result<(), StoreError> {
        let mut connection = connect(&owner.options()?).await?;
        check_server(&mut connection).await?;
        migrator().run_direct(None, &mut connection, false).await?;
        // One at a time: Postgres cannot change the rights of one table in two sessions at once.
        sqlx::query("/* migrate::lock */ SELECT pg_advisory_lock(hashtextextended('exhibit.rights', 0))")
            .execute(&mut connection)
            .await
            .map_err(in_tx("migrate"))?;
        sqlx::query("/* migrate */ SELECT exhibit.grant_service_role($1)")
            .bind(service_role)
            .execute(&mut connection)
            .await
            .map_err(in_tx("migrate"))?;
        connection.close().await.map_err(in_tx("migrate"))
    }

    /// Opens the store as the service role.
    ///
    /// # Errors
    /// If the database cannot be reached, is not Postgres 15 to 18 in UTF-8, or was never migrated.
    pub async fn open(service: &DatabaseUrl) -> Result<Self, StoreError> {
        let options = service.options()?;
        // A pool only says that it waited in vain; a connection of our own says why.
        let first = connect(&options).await?;
        first.close().await.map_err(in_tx("open"))?;
        let pool = PgPoolOptions::new()
            .max_connections(MAX_CONNECTIONS)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            // Compiling a statement takes longer than any of ours runs.
            .after_connect(|connection, _| {
                Box::pin(async move {
                    connection.execute("/* open::connection */ SET jit = off").await?;
                    Ok(())
                })
            })
            // A connection that was used a moment ago is not asked first whether it still is one.
            .test_before_acquire(false)
            .before_acquire(|connection, lately| {
                Box::pin(async move {
                    if lately.idle_for > UNQUESTIONED {
                        connection.ping().await?;
                    }
                    Ok(true)
                })
            })
            .connect_with(options.clone())
            .await
            .map_err(in_tx("open"))?;
        let mut connection = pool.acquire().await.map_err(in_tx("open"))?;
        check_server(&mut connection).await?;
        check_schema(&mut connection).await?;
        drop(connection);
        Ok(Self {
            pool,
            partitions: Arc::default(),
            gathering: Arc::default(),
            ahead: Arc::default(),
            options: PgConnectOptionsCell(options),
        })
    }

    /// What the database's clock says now.
    ///
    /// # Errors
    /// If the database cannot be used.
    pub async fn server_time(&self) -> Result<Timestamp, StoreError> {
        let now = sqlx::query_scalar("/* server_time */ SELECT clock_timestamp()").fetch_one(&self.pool).await;
        now.map(Timestamp::new).map_err(in_tx("server_time"))
    }

    /// Closes all connections and waits until they are closed.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    /// A connection of one's own, outside the pool.
    pub(crate) async fn own_connection(&self) -> Result<PgConnection, StoreError> {
        connect(&self.options.0).await
    }

    /// How to connect, for connections outside the pool.
    pub(crate) fn connection_options(&self) -> PgConnectOptions {
        self.options.0.clone()
    }
}

/// The migrations that are built in.
fn migrator() -> Migrator {
    let mut migrator = sqlx::migrate!("../../migrations");
    migrator.create_schema("exhibit");
    migrator.dangerous_set_table_name("exhibit._sqlx_migrations");
    migrator
}

/// The version of the schema that this program was built for.
pub(crate) fn newest_migration() -> i64 {
    migrator().iter().map(|migration| migration.version).max().unwrap_or(0)
}

/// The texts of the migrations that are built in, in their order.
pub(crate) fn migrations() -> Vec<String> {
    migrator().iter().map(|migration| migration.sql.as_str().to_owned()).collect()
}

/// The schema must be the one that this program was built for: neither older nor newer.
async fn check_schema(connection: &mut PgConnection) -> Result<(), StoreError> {
    let there: bool =
        sqlx::query_scalar("/* check_schema */ SELECT to_regprocedure('exhibit.schema_version()') IS NOT NULL")
            .fetch_one(&mut *connection)
            .await
            .map_err(in_tx("check_schema"))?;
    if !there {
        return Err(StoreError::Unfit("it has no schema of this program yet: migrate it first".into()));
    }
    let found: i64 = sqlx::query_scalar("/* check_schema::version */ SELECT exhibit.schema_version()")
        .fetch_one(connection)
        .await
        .map_err(in_tx("check_schema"))?;
    let expected = newest_migration();
    match found.cmp(&expected) {
        Ordering::Less => {
            Err(StoreError::Unfit(format!("its schema is at {found}, older than {expected}: migrate it first")))
        }
        Ordering::Equal => Ok(()),
        Ordering::Greater => Err(StoreError::Unfit(format!(
            "its schema is at {found}, newer than {expected}, which this program knows: use a newer program"
        ))),
    }
}

/// Postgres 15 to 18, UTF-8: nothing else was tried.
async fn check_server(connection: &mut PgConnection) -> Result<(), StoreError> {
    let row = sqlx::query(
        "/* check_server */ SELECT current_setting('server_version_num')::int AS version, \
         current_setting('server_encoding') AS encoding",
    )
    .fetch_one(connection)
    .await
    .map_err(in_tx("check_server"))?;
    let version: i32 = row.try_get("version").map_err(in_tx("check_server"))?;
    let encoding: String = row.try_get("encoding").map_err(in_tx("check_server"))?;
    let major = version / 10_000;
    if !(15..=18).contains(&major) {
        return Err(StoreError::Unfit(format!("Postgres {major}; 15 to 18 are supported")));
    }
    if encoding != "UTF8" {
        return Err(StoreError::Unfit(format!("encoding {encoding}; UTF8 is needed")));
    }
    Ok(())
}
