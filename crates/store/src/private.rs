//! The private cluster made ready for the store: its two roles, its schema.

use sqlx::{Connection as _, PgConnection};

use crate::cluster::Connection;
use crate::error::in_tx;
use crate::url::connect;
use crate::{DatabaseUrl, Store, StoreError};

/// Role that holds the schema in the private cluster.
pub const OWNER_ROLE: &str = "exhibit_owner";
/// Role that works with it.
pub const SERVICE_ROLE: &str = "exhibit_service";

impl Store {
    /// Opens the store in a private cluster: makes the roles, brings the schema up to date, and
    /// connects as the service role. Safe to run again, and by several processes at once.
    ///
    /// # Errors
    /// As [`Store::migrate`] and [`Store::open`].
    pub async fn open_private(connection: &Connection) -> Result<Self, StoreError> {
        let superuser = url(connection, connection.superuser, connection.database)?;
        let mut session = connect(&superuser.options()?).await?;
        make_roles(&mut session).await?;
        session.close().await.map_err(in_tx("open_private"))?;
        Self::migrate(&url(connection, OWNER_ROLE, connection.database)?, SERVICE_ROLE).await?;
        Self::open(&url(connection, SERVICE_ROLE, connection.database)?).await
    }
}

/// The connection string for a role and a database of a private cluster.
pub(crate) fn url(connection: &Connection, role: &str, database: &str) -> Result<DatabaseUrl, StoreError> {
    let folder = connection
        .socket_directory
        .to_str()
        .ok_or(StoreError::Url { why: "the socket's folder has a name that is not UTF-8" })?;
    let folder: String = folder.bytes().map(percent_encoded).collect();
    DatabaseUrl::new(format!("postgres://{role}@{folder}:{}/{database}", connection.port))
}

fn percent_encoded(byte: u8) -> String {
    if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") }
}

/// Makes the roles and gives the current database to the owner. One process at a time: the statements are one
/// transaction, which holds the lock to its end.
pub(crate) async fn make_roles(superuser: &mut PgConnection) -> Result<(), StoreError> {
    let done = sqlx::raw_sql(
        "/* make_roles */ \
         SELECT pg_advisory_xact_lock(hashtextextended('exhibit.make_roles', 0)); \
         DO $$ DECLARE wanted text; BEGIN \
           FOREACH wanted IN ARRAY ARRAY['exhibit_owner', 'exhibit_service'] LOOP \
             IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted) THEN \
               EXECUTE format('CREATE ROLE %I LOGIN', wanted); \
             END IF; \
           END LOOP; \
           IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'exhibit_service_reader') THEN \
             CREATE ROLE exhibit_service_reader NOLOGIN; \
           END IF; \
           IF NOT pg_has_role('exhibit_service', 'exhibit_service_reader', 'MEMBER') THEN \
             EXECUTE 'GRANT exhibit_service_reader TO exhibit_service' \
               || CASE WHEN current_setting('server_version_num')::int >= 160000 \
                       THEN ' WITH INHERIT FALSE, SET TRUE' ELSE '' END; \
           END IF; \
           EXECUTE format('ALTER DATABASE %I OWNER TO exhibit_owner', current_database()); \
         END $$",
    )
    .execute(superuser)
    .await;
    done.map(|_| ()).map_err(in_tx("make_roles"))
}
