//! What a database says of itself, for who looks whether a deployment is well. Nothing here changes anything.

use exhibit_evidence::Timestamp;

use crate::cluster::Connection;
use crate::error::in_tx;
use crate::fsck::{self, Difference};
use crate::private;
use crate::rows::Reader;
use crate::store::newest_migration;
use crate::tx::run_tx;
use crate::url::connect;
use crate::{DatabaseUrl, SERVICE_ROLE, Store, StoreError};

/// A database as the service's role sees it, whether or not the store could work with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// Major version of the server.
    pub major: u32,
    /// The database's encoding, such as `UTF8`.
    pub encoding: String,
    /// The database's collation, such as `C`.
    pub collation: String,
    /// Version of the schema; none where it was never migrated.
    pub schema: Option<i64>,
    /// Version of the schema that this program was built for.
    pub expected_schema: i64,
    /// The role that asked.
    pub role: String,
    /// What the role may do that the service must not: in words, such as `it is a superuser`.
    pub too_much: Vec<String>,
    /// Whether it only reads: a standby, or switched to read-only.
    pub read_only: bool,
    /// The server's clock.
    pub time: Timestamp,
}

impl DatabaseUrl {
    /// The service's role in a private cluster.
    ///
    /// # Errors
    /// [`StoreError::Url`] if the socket's folder has a name that is not UTF-8.
    pub fn private(connection: &Connection) -> Result<Self, StoreError> {
        private::url(connection, SERVICE_ROLE, connection.database)
    }
}

impl Condition {
    /// Asks the database.
    ///
    /// # Errors
    /// If no session can be had, or it can't be asked.
    pub async fn of(service: &DatabaseUrl) -> Result<Self, StoreError> {
        let mut session = connect(&service.options()?).await?;
        let row = sqlx::query(
            "/* condition */ SELECT current_setting('server_version_num')::int AS version, \
                    current_setting('server_encoding') AS encoding, d.datcollate::text AS collation, \
                    pg_is_in_recovery() OR current_setting('default_transaction_read_only') = 'on' AS read_only, \
                    clock_timestamp() AS time, r.rolname::text AS role, r.rolsuper, r.rolcreaterole, r.rolbypassrls, \
                    r.rolreplication, coalesce((SELECT pg_has_role(r.oid, n.nspowner, 'MEMBER') FROM pg_namespace n \
                             WHERE n.nspname = 'exhibit'), false) AS owns, \
                    to_regprocedure('exhibit.schema_version()') IS NOT NULL AS migrated \
               FROM pg_database d, pg_roles r WHERE d.datname = current_database() AND r.rolname = current_user",
        )
        .fetch_one(&mut session)
        .await
        .map_err(in_tx("condition"))?;
        let reader = Reader::new(&row, "pg_database", "the current one");
        let version: i32 = reader.get("version")?;
        let schema = if reader.get("migrated")? {
            let found = sqlx::query_scalar("/* condition::schema */ SELECT exhibit.schema_version()");
            Some(found.fetch_one(&mut session).await.map_err(in_tx("condition"))?)
        } else {
            None
        };
        let mut too_much = Vec::new();
        for (column, words) in [
            ("rolsuper", "it is a superuser"),
            ("rolcreaterole", "it may make roles"),
            ("rolbypassrls", "row-level security does not hold it"),
            ("rolreplication", "it may replicate the whole server"),
            ("owns", "it owns the schema"),
        ] {
            if reader.get::<bool>(column)? {
                too_much.push(words.to_owned());
            }
        }
        Ok(Self {
            major: u32::try_from(version / 10_000).unwrap_or(0),
            encoding: reader.get("encoding")?,
            collation: reader.get("collation")?,
            schema,
            expected_schema: newest_migration(),
            role: reader.get("role")?,
            too_much,
            read_only: reader.get("read_only")?,
            time: reader.instant("time")?,
        })
    }
}

impl Store {
    /// Whether triggers, functions and rights are what the migrations made them: the part of `fsck` that reads no entry.
    ///
    /// # Errors
    /// If the database cannot be used.
    pub async fn fences(&self) -> Result<Vec<Difference>, StoreError> {
        run_tx!(self, "fences", crate::tx::SNAPSHOT, |tx| fsck::fences(tx).await)
    }

    /// Keys of objects that were to be archived before that instant and have no receipt yet, oldest first.
    ///
    /// # Errors
    /// If the database cannot be used.
    pub async fn intents_since(&self, before: Timestamp) -> Result<Vec<String>, StoreError> {
        sqlx::query_scalar(
            "/* intents_since */ SELECT key FROM exhibit.archive_intents \
              WHERE finished_at IS NULL AND intended_at < $1 ORDER BY intended_at, key",
        )
        .bind(before.utc())
        .fetch_all(&self.pool)
        .await
        .map_err(in_tx("intents_since"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TestDatabase;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_database_tells_what_it_is() {
        let database = TestDatabase::new().await;
        let found = Condition::of(&database.service_url()).await.unwrap();
        assert!((15..=18).contains(&found.major));
        assert_eq!((found.encoding.as_str(), found.collation.as_str()), ("UTF8", "C"));
        assert_eq!(found.schema, Some(found.expected_schema));
        assert_eq!((found.role.as_str(), found.read_only), (SERVICE_ROLE, false));
        assert_eq!(found.too_much, Vec::<String>::new());
        let owner = Condition::of(&database.owner_url()).await.unwrap();
        assert_eq!(owner.too_much, ["it owns the schema"]);
        let superuser = Condition::of(&database.superuser_url()).await.unwrap();
        assert!(superuser.too_much.contains(&"it is a superuser".to_owned()));
        assert_eq!(database.store().fences().await.unwrap(), []);
        let off = "ALTER TABLE exhibit.entry_ids DISABLE TRIGGER append_only_truncate";
        database.sql(&database.superuser_url(), off).await.unwrap();
        assert_eq!(database.store().fences().await.unwrap().len(), 1);
    }
}
