//! One snapshot, read under the restricted role.

use serde::Serialize;
use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, PgConnection, Postgres, Row as _, Transaction};

use super::ask::{Ask, array};
use super::scope::Scope;
use crate::error::in_tx;
use crate::tx::SNAPSHOT;
use crate::{Store, StoreError};

/// A page of a list, and where the next one begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Page<T, C = u64> {
    /// The rows.
    pub items: Vec<T>,
    /// What to ask for next; none at the end of the list.
    pub next: Option<C>,
}

/// One unchanging view of what a scope may see. Row-level security in Postgres holds the limits; with no
/// scope there would be no rows. Dropping it ends it.
#[derive(Debug)]
pub struct Reading {
    tx: Transaction<'static, Postgres>,
    pub(super) view: View,
    /// How Postgres answered each question, as `EXPLAIN` tells it, where a test wants to know.
    #[cfg(test)]
    pub(crate) plans: Option<Vec<String>>,
}

/// What can be seen: within which scope, and of how long a ledger.
#[derive(Debug)]
pub(super) struct View {
    pub(super) scope: Scope,
    pub(super) size: u64,
}

impl View {
    /// The size to look at: as of a checkpoint, but never beyond this view.
    pub(super) fn as_of(&self, wanted: Option<u64>) -> u64 {
        wanted.map_or(self.size, |wanted| wanted.min(self.size))
    }

    /// Limits a question to the time that the scope is limited to, so that only partitions within it are looked at.
    pub(super) fn within(&self, ask: &mut Ask, from: &'static str, to: &'static str) {
        if let Some((start, end)) = self.scope.bounds() {
            ask.maybe(from, Some(start), "timestamptz");
            ask.maybe(to, Some(end), "timestamptz");
        }
    }
}

impl Store {
    /// Opens a view of what the scope may see: one read-only snapshot under the restricted role.
    ///
    /// # Errors
    /// If the database cannot be used, or the service may not take the restricted role.
    pub async fn reading(&self, scope: &Scope) -> Result<Reading, StoreError> {
        let mut tx = self.pool.begin_with(SNAPSHOT).await.map_err(in_tx("reading"))?;
        let size = restrict(&mut tx, scope).await?;
        Ok(Reading {
            tx,
            view: View { scope: scope.clone(), size },
            #[cfg(test)]
            plans: None,
        })
    }

    /// Whether restricted reading is possible, and else what an administrator has to do.
    ///
    /// # Errors
    /// [`StoreError::Unfit`] that says which statements are missing.
    pub async fn check_reading(&self) -> Result<(), StoreError> {
        let row = sqlx::query(
            "/* check_reading */ SELECT exhibit.reader_is_ready(current_user) AS ready, \
                    quote_ident(exhibit.reader_of(current_user)) AS reader, quote_ident(current_user) AS service, \
                    current_setting('server_version_num')::int >= 160000 AS modern",
        )
        .fetch_one(&self.pool)
        .await
        .map_err(in_tx("check_reading"))?;
        let get = |name: &str| row.try_get::<String, _>(name).map_err(in_tx("check_reading"));
        if row.try_get("ready").map_err(in_tx("check_reading"))? {
            return Ok(());
        }
        let modern: bool = row.try_get("modern").map_err(in_tx("check_reading"))?;
        let (reader, service) = (get("reader")?, get("service")?);
        let with = if modern { " WITH INHERIT FALSE, SET TRUE" } else { "" };
        Err(StoreError::Unfit(format!(
            "the role under which the API reads is missing: as an administrator of the server run \
             `CREATE ROLE {reader} NOLOGIN; GRANT {reader} TO {service}{with};`, then migrate again"
        )))
    }
}

/// One round trip. The role is taken last: what stands before it is still done by the service.
///
/// Plans are made once for a connection, unless a question says otherwise: over many months, planning takes longer than
/// what is planned.
pub(super) const RESTRICT: &str = "/* restrict */ SELECT (SELECT size FROM exhibit.ledger_head), \
    set_config('exhibit.environments', $1, true), set_config('exhibit.collectors', $2, true), \
    set_config('exhibit.checks', $3, true), set_config('exhibit.periods', $4, true), \
    set_config('exhibit.observed', $5, true), set_config('exhibit.access', $6, true), \
    set_config('exhibit.requests', $7, true), set_config('exhibit.names', $8, true), set_config('exhibit.artifact_of', '', true), \
    set_config('plan_cache_mode', 'force_generic_plan', true), \
    set_config('role', exhibit.reader_of(current_user)::text, true)";

/// What a scope says, as the settings of a transaction.
pub(super) fn restriction(scope: &Scope) -> [String; 8] {
    let list = |words: &Option<Vec<String>>| words.as_ref().map_or_else(|| "*".to_owned(), |words| array(words));
    let periods = scope.periods.as_ref();
    let names = periods.map(|limits| limits.iter().map(|limit| limit.name.clone()).collect());
    let ranges = periods.map_or_else(
        || "*".to_owned(),
        |limits| {
            let ranges: Vec<String> = limits.iter().map(|limit| format!("[{},{})", limit.from, limit.to)).collect();
            format!("{{{}}}", ranges.join(","))
        },
    );
    let [access, requests] = [&scope.access, &scope.requests].map(|sight| sight.setting().to_owned());
    let [environments, collectors, checks] = [&scope.environments, &scope.collectors, &scope.checks].map(list);
    [environments, collectors, checks, list(&names), ranges, access, requests, scope.names.setting().to_owned()]
}

/// Names the scope for this transaction and takes the restricted role; tells the ledger's size.
pub(super) async fn restrict(tx: &mut PgConnection, scope: &Scope) -> Result<u64, StoreError> {
    let mut query = sqlx::query(RESTRICT);
    for setting in restriction(scope) {
        query = query.bind(setting);
    }
    let row = query.fetch_one(tx).await.map_err(in_tx("reading"))?;
    let size: i64 = row.try_get(0).map_err(in_tx("reading"))?;
    Ok(u64::try_from(size).unwrap_or(0))
}

impl Reading {
    /// The ledger's size in this view.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.view.size
    }

    /// Ends the view, so that its connection is free again at once.
    ///
    /// # Errors
    /// If the database cannot be used.
    pub async fn close(self) -> Result<(), StoreError> {
        self.tx.commit().await.map_err(in_tx("reading"))
    }

    pub(crate) fn connection(&mut self) -> &mut PgConnection {
        &mut self.tx
    }

    pub(super) async fn fetch(&mut self, tx: &'static str, ask: Ask) -> Result<Vec<PgRow>, StoreError> {
        if ask.by_value {
            // It stays so until the view ends: most views ask little.
            let plan = "/* reading::plan */ SELECT set_config('plan_cache_mode', 'force_custom_plan', true)";
            sqlx::query(plan).execute(&mut *self.tx).await.map_err(in_tx(tx))?;
        }
        #[cfg(test)]
        self.explain(&ask).await;
        // The text is put together from this crate's constants alone: see `Ask`.
        let mut query = sqlx::query(AssertSqlSafe(ask.text().to_owned()));
        for value in &ask.values {
            query = query.bind(value);
        }
        query.fetch_all(&mut *self.tx).await.map_err(in_tx(tx))
    }
}

#[cfg(test)]
impl Reading {
    async fn explain(&mut self, ask: &Ask) {
        let Some(plans) = &mut self.plans else { return };
        // Of a prepared statement the plan is told that is really used: one that knows no values.
        let values: Vec<String> = ask.values.iter().map(|value| format!("'{}'", value.replace('\'', "''"))).collect();
        let values = if values.is_empty() { String::new() } else { format!("({})", values.join(", ")) };
        let explain = "EXPLAIN (ANALYZE, BUFFERS, COSTS OFF, TIMING OFF, FORMAT JSON) EXECUTE explained";
        for text in [format!("PREPARE explained AS {}", ask.text()), format!("{explain}{values}")] {
            let rows = sqlx::raw_sql(AssertSqlSafe(text)).fetch_all(&mut *self.tx).await.expect("it can be explained");
            plans.extend(rows.first().map(|row| row.try_get_unchecked::<String, _>(0).expect("a plan is text")));
        }
        sqlx::raw_sql("DEALLOCATE explained").execute(&mut *self.tx).await.expect("it is forgotten");
    }
}

/// A page of at most `limit` rows out of one row more; the next begins at the last one's key.
pub(super) fn paged<T, C>(mut items: Vec<T>, limit: usize, key: impl Fn(&T) -> C) -> Result<Page<T, C>, StoreError> {
    let more = items.len() > limit;
    items.truncate(limit);
    let next = if more { items.last().map(key) } else { None };
    Ok(Page { items, next })
}
