//! Whether the fences stand: each append-only table has its triggers, enabled for everybody.

use std::collections::BTreeMap;

use sqlx::{PgConnection, Row as _};

use super::FsckReport;
use crate::StoreError;
use crate::error::in_tx;

const TRIGGERS: [(&str, &str); 2] = [("append_only_rows", "refuse_change"), ("append_only_truncate", "refuse_change")];

pub(super) async fn check(tx: &mut PgConnection, report: &mut FsckReport) -> Result<(), StoreError> {
    let tables: Vec<String> = sqlx::query_scalar(
        "/* fsck::fenced_tables */ \
         SELECT c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
           LEFT JOIN pg_inherits i ON i.inhrelid = c.oid \
          WHERE n.nspname = 'exhibit' AND c.relkind IN ('r', 'p') \
            AND (c.relname IN ('ledger_head', 'entries', 'entry_ids', 'tree_nodes', 'checkpoints') \
                 OR i.inhparent = 'exhibit.entries'::regclass) \
          ORDER BY 1",
    )
    .fetch_all(&mut *tx)
    .await
    .map_err(in_tx("fsck"))?;
    let rows = sqlx::query(
        "/* fsck::fences */ SELECT c.relname::text AS tbl, t.tgname::text AS trg, t.tgenabled::text AS enabled, \
                p.proname::text AS calls, t.tgtype::int AS kind, n.nspname::text AS schema \
           FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
           JOIN pg_proc p ON p.oid = t.tgfoid \
          WHERE n.nspname = 'exhibit' AND t.tgqual IS NULL AND t.tgattr = ''::int2vector AND NOT t.tgisinternal",
    )
    .fetch_all(tx)
    .await
    .map_err(in_tx("fsck"))?;
    let mut standing = BTreeMap::new();
    for row in &rows {
        let text = |column| row.try_get::<String, _>(column).map_err(in_tx("fsck"));
        let kind: i32 = row.try_get("kind").map_err(in_tx("fsck"))?;
        standing.insert((text("tbl")?, text("trg")?), (text("enabled")?, text("calls")?, kind));
    }
    for table in tables {
        for (trigger, function) in TRIGGERS {
            let function = if (table.as_str(), trigger) == ("ledger_head", "append_only_rows") {
                "refuse_rewind"
            } else {
                function
            };
            let place = format!("trigger {trigger}");
            let on = format!("on {table}");
            match standing.get(&(table.clone(), trigger.to_owned())) {
                None => report.differs(&place, on, "a trigger", "none"),
                Some((enabled, _, _)) if enabled != "A" => {
                    report.differs(&place, on, "enabled always", how(enabled));
                }
                Some((_, calls, _)) if calls != function => report.differs(&place, on, function, calls),
                Some((_, _, kind)) if *kind & covers(trigger) != covers(trigger) => {
                    report.differs(&place, on, "a trigger before every change", "one that lets some through");
                }
                Some(_) => {}
            }
        }
        // A trigger of somebody else's could change rows on their way in.
        let others = standing.keys().filter(|(on, name)| *on == table && TRIGGERS.iter().all(|(own, _)| own != name));
        for (_, name) in others {
            report.differs(&format!("trigger {name}"), format!("on {table}"), "none that no migration made", "one");
        }
    }
    Ok(())
}

/// Bits of `pg_trigger.tgtype`: BEFORE, and ROW with DELETE and UPDATE, or TRUNCATE.
fn covers(trigger: &str) -> i32 {
    const ROW: i32 = 1;
    const BEFORE: i32 = 1 << 1;
    const DELETE: i32 = 1 << 3;
    const UPDATE: i32 = 1 << 4;
    const TRUNCATE: i32 = 1 << 5;
    if trigger == "append_only_rows" { BEFORE | ROW | DELETE | UPDATE } else { BEFORE | TRUNCATE }
}

fn how(enabled: &str) -> &'static str {
    match enabled {
        "D" => "disabled",
        "O" => "enabled, but not in a replica's session",
        "R" => "enabled in a replica's session only",
        _ => "in an unknown state",
    }
}
