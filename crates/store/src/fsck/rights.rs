//! Whether functions are what the migrations made them, and the service may do no more than it was given.
//!
//! Functions that run with their owner's rights are the only way in which the service moves the head and makes
//! partitions, and trigger functions are what refuses changes: another text in one of them would open the ledger.

use std::collections::BTreeSet;

use sqlx::{PgConnection, Row as _};

use super::FsckReport;
use super::intended::{self, Function, Grants};
use crate::StoreError;
use crate::error::in_tx;
use crate::store::migrations;

pub(super) async fn check(tx: &mut PgConnection, report: &mut FsckReport) -> Result<(), StoreError> {
    let texts: Vec<String> = migrations();
    let texts = || texts.iter().map(String::as_str);
    let functions = intended::functions(texts());
    let grants = intended::grants(texts(), &functions);
    definitions(tx, functions, &grants, report).await?;
    tables(tx, &grants, report).await?;
    columns(tx, &grants, report).await?;
    schema(tx, report).await
}

async fn definitions(
    tx: &mut PgConnection,
    mut intended: std::collections::BTreeMap<String, Function>,
    grants: &Grants,
    report: &mut FsckReport,
) -> Result<(), StoreError> {
    let rows = sqlx::query(
        "/* fsck::functions */ SELECT p.proname::text AS name, p.prosrc AS body, l.lanname::text AS language, \
                p.prosecdef AS definer, p.provolatile = 's' AS stable, coalesce(p.proconfig, '{}') AS settings, \
                p.proowner = n.nspowner AS owned, has_function_privilege(p.oid, 'EXECUTE') AS callable \
           FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_language l ON l.oid = p.prolang \
          WHERE n.nspname = 'exhibit' ORDER BY 1, p.oid",
    )
    .fetch_all(tx)
    .await
    .map_err(in_tx("fsck"))?;
    for row in &rows {
        let text = |column| row.try_get::<String, _>(column).map_err(in_tx("fsck"));
        let flag = |column| row.try_get::<bool, _>(column).map_err(in_tx("fsck"));
        let name = text("name")?;
        let place = format!("function {name}");
        let Some(expected) = intended.remove(&name) else {
            report.differs(&place, "in the schema", "none that no migration made", "one");
            continue;
        };
        let settings: Vec<String> = row.try_get("settings").map_err(in_tx("fsck"))?;
        let settings = settings.iter().filter_map(|one| one.split_once('='));
        let found = Function {
            body: text("body")?,
            language: text("language")?,
            definer: flag("definer")?,
            stable: flag("stable")?,
            settings: settings.map(|(name, value)| intended::setting(name, value)).collect(),
        };
        if found.body != expected.body {
            report.differs(&place, "its text", "the migrations' text", "another");
        }
        if (Function { body: String::new(), ..found.clone() }) != (Function { body: String::new(), ..expected.clone() })
        {
            report.differs(&place, "its properties", properties(&expected), properties(&found));
        }
        if !flag("owned")? {
            report.differs(&place, "its owner", "the schema's owner", "another role");
        }
        if flag("callable")? && !grants.functions.contains(&name) {
            report.differs("rights of the service", &place, "none", "EXECUTE");
        }
    }
    for name in intended.keys() {
        report.differs(&format!("function {name}"), "in the schema", "the migrations' function", "none");
    }
    Ok(())
}

fn properties(function: &Function) -> String {
    let Function { language, definer, stable, settings, .. } = function;
    let rights = if *definer { "its owner's rights" } else { "the caller's rights" };
    let settings = settings.iter().map(String::as_str).collect::<Vec<_>>().join("; ");
    let changes = if *stable { "stable" } else { "volatile" };
    format!("{language}, {rights}, {changes}, settings {settings:?}")
}

/// What the role may do in effect, by whatever way: granted to it, to everybody, to a role that it is in, as an owner.
async fn tables(tx: &mut PgConnection, grants: &Grants, report: &mut FsckReport) -> Result<(), StoreError> {
    let rows: Vec<(String, Vec<String>, bool)> = sqlx::query_as(
        "/* fsck::rights */ SELECT c.relname::text, array(SELECT p FROM unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', \
                    'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) p WHERE has_table_privilege(c.oid, p)), \
                c.relowner = n.nspowner \
           FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
          WHERE n.nspname = 'exhibit' AND c.relkind IN ('r', 'p', 'v', 'm', 'f') ORDER BY 1",
    )
    .fetch_all(tx)
    .await
    .map_err(in_tx("fsck"))?;
    let none = BTreeSet::new();
    for (table, found, owned) in rows {
        let given = grants.tables.get(&table).unwrap_or(&none);
        let more: Vec<&str> = found.iter().filter(|one| !given.contains(*one)).map(String::as_str).collect();
        if !more.is_empty() {
            report.differs(
                "rights of the service",
                format!("on {table}"),
                list(given),
                format!("{} too", more.join(", ")),
            );
        }
        if !owned {
            report.differs(&table, "its owner", "the schema's owner", "another role");
        }
    }
    Ok(())
}

fn list(given: &BTreeSet<String>) -> String {
    if given.is_empty() { "none".to_owned() } else { given.iter().map(String::as_str).collect::<Vec<_>>().join(", ") }
}

async fn columns(tx: &mut PgConnection, grants: &Grants, report: &mut FsckReport) -> Result<(), StoreError> {
    let rows: Vec<(String, String, String)> = sqlx::query_as(
        "/* fsck::column_rights */ SELECT c.relname::text, a.attname::text, x.privilege_type \
           FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid \
          CROSS JOIN LATERAL aclexplode(a.attacl) x \
          WHERE n.nspname = 'exhibit' AND (x.grantee = 0 OR pg_has_role(x.grantee, 'MEMBER')) ORDER BY 1, 2, 3",
    )
    .fetch_all(tx)
    .await
    .map_err(in_tx("fsck"))?;
    for (table, column, privilege) in rows {
        let whole = grants.tables.get(&table).is_some_and(|given| given.contains(&privilege));
        let row = format!("on {table}.{column}");
        let given = grants.columns.get(&(table, column)).is_some_and(|given| given.contains(&privilege));
        if !whole && !given {
            report.differs("rights of the service", row, "none of its own", privilege);
        }
    }
    Ok(())
}

/// The role may make nothing in the schema and is not its owner, and no rule or policy stands between a statement and
/// its table.
async fn schema(tx: &mut PgConnection, report: &mut FsckReport) -> Result<(), StoreError> {
    let (create, owner): (bool, bool) = sqlx::query_as(
        "/* fsck::schema_rights */ SELECT has_schema_privilege(oid, 'CREATE'), pg_has_role(nspowner, 'MEMBER') \
           FROM pg_namespace WHERE nspname = 'exhibit'",
    )
    .fetch_one(&mut *tx)
    .await
    .map_err(in_tx("fsck"))?;
    if create {
        report.differs("rights of the service", "on the schema", "USAGE", "CREATE too");
    }
    if owner {
        report.differs("rights of the service", "its membership", "not in the schema's owner", "in it");
    }
    let rewritten: Vec<(String, String)> = sqlx::query_as(
        "/* fsck::rules */ SELECT c.relname::text, 'the rule ' || r.rulename FROM pg_rewrite r \
           JOIN pg_class c ON c.oid = r.ev_class JOIN pg_namespace n ON n.oid = c.relnamespace \
          WHERE n.nspname = 'exhibit' AND c.relkind IN ('r', 'p') ORDER BY 1, 2",
    )
    .fetch_all(&mut *tx)
    .await
    .map_err(in_tx("fsck"))?;
    for (table, what) in rewritten {
        report.differs(&table, "what stands before it", "nothing", what);
    }
    policies(tx, report).await
}

/// Row-level security is on where the migrations say so, hides nothing from the service, and leaves others but the
/// reader nothing.
async fn policies(tx: &mut PgConnection, report: &mut FsckReport) -> Result<(), StoreError> {
    let wrong: Vec<(String, String)> = sqlx::query_as(
        "/* fsck::policies */ \
         WITH wanted AS (SELECT p.tab, md5(p.condition) AS mark FROM exhibit.reader_policies() p), \
              tables AS (SELECT c.oid, c.relname::text AS tab, c.relrowsecurity, c.relforcerowsecurity \
                           FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
                          WHERE n.nspname = 'exhibit' AND c.relkind IN ('r', 'p')), \
              policies AS (SELECT t.tab, p.*, pg_get_expr(p.polqual, p.polrelid) AS using, \
                                  pg_get_expr(p.polwithcheck, p.polrelid) AS checking \
                             FROM pg_policy p JOIN tables t ON t.oid = p.polrelid) \
         SELECT t.tab, 'row-level security is off' FROM tables t JOIN wanted w USING (tab) WHERE NOT t.relrowsecurity \
          UNION ALL SELECT t.tab, 'row-level security' FROM tables t \
           WHERE t.relforcerowsecurity OR t.relrowsecurity AND t.tab NOT IN (SELECT tab FROM wanted) \
          UNION ALL SELECT w.tab, 'no policy shows all rows to the service' FROM wanted w \
           WHERE NOT EXISTS (SELECT FROM policies p WHERE p.tab = w.tab AND p.polpermissive AND p.polcmd = '*' \
                    AND p.polname = current_user AND p.using = 'true' AND p.checking = 'true') \
          UNION ALL SELECT p.tab, 'the policy ' || p.polname FROM policies p \
           WHERE NOT p.polpermissive OR NOT EXISTS (SELECT FROM pg_roles o \
                 WHERE p.polroles = ARRAY[o.oid] AND o.rolname = p.polname AND CASE WHEN o.rolcanlogin \
                       THEN p.using = 'true' ELSE p.polcmd = 'r' AND p.polwithcheck IS NULL AND p.tab IN \
                            (SELECT w.tab FROM wanted w WHERE w.mark = obj_description(p.oid, 'pg_policy')) END) ORDER BY 1, 2",
    )
    .fetch_all(tx)
    .await
    .map_err(in_tx("fsck"))?;
    for (table, what) in wrong {
        report.differs(&table, "who sees its rows", "as the migrations say", what);
    }
    Ok(())
}

/// Rights that the migrations name and the service lacks: none, if the migrations are written so that they can be read.
#[cfg(test)]
pub(crate) async fn not_given(store: &crate::Store) -> Result<Vec<String>, StoreError> {
    let texts = migrations();
    let texts = || texts.iter().map(String::as_str);
    let grants = intended::grants(texts(), &intended::functions(texts()));
    let mut lacking = Vec::new();
    for (table, privileges) in &grants.tables {
        for privilege in privileges {
            let given: bool = sqlx::query_scalar("SELECT has_table_privilege('exhibit.' || $1, $2)")
                .bind(table)
                .bind(privilege)
                .fetch_one(&store.pool)
                .await
                .map_err(in_tx("fsck"))?;
            lacking.extend((!given).then(|| format!("{privilege} on {table}")));
        }
    }
    Ok(lacking)
}
