//! The head against what the walk over the entries found.

use chrono::DateTime;
use exhibit_evidence::Timestamp;
use sqlx::{PgConnection, Row as _};

use super::FsckReport;
use super::entries::Walk;
use crate::StoreError;
use crate::error::in_tx;
use crate::rows::bigint;

pub(super) async fn check(tx: &mut PgConnection, walk: &Walk, report: &mut FsckReport) -> Result<(), StoreError> {
    let row = sqlx::query(
        "/* fsck::head */ SELECT size, frontier, to_jsonb(last_recorded_at) #>> '{}' AS last_recorded_at \
           FROM exhibit.ledger_head",
    )
    .fetch_optional(tx)
    .await
    .map_err(in_tx("fsck"))?;
    let Some(row) = row else {
        report.differs("ledger_head", "the only row", "one", "none");
        return Ok(());
    };
    let size: i64 = row.try_get("size").map_err(in_tx("fsck"))?;
    if size != bigint(walk.end) {
        report.differs("ledger_head", "size", walk.end, size);
        if size < bigint(walk.end) {
            let beyond = format!("seq {size} to {}", walk.end - 1);
            report.differs("entries", beyond, "no entry beyond the head", "one");
        }
    }
    let peaks: Vec<Vec<u8>> = row.try_get("frontier").map_err(in_tx("fsck"))?;
    if peaks != walk.edge.peaks() {
        let words = |peaks: Vec<String>| {
            if peaks.is_empty() { "none".to_owned() } else { peaks.join(" ") }
        };
        report.differs(
            "ledger_head",
            "frontier",
            words(walk.edge.peaks().iter().map(hex::encode).collect()),
            words(peaks.iter().map(hex::encode).collect()),
        );
    }
    let last: Option<String> = row.try_get("last_recorded_at").map_err(in_tx("fsck"))?;
    let found =
        last.map(|text| DateTime::parse_from_rfc3339(&text).map_or(text, |at| Timestamp::new(at.to_utc()).to_string()));
    let expected = walk.last_recorded_at.map(|at| at.to_string());
    if expected != found {
        let none = || "none".to_owned();
        report.differs("ledger_head", "last_recorded_at", expected.unwrap_or_else(none), found.unwrap_or_else(none));
    }
    if walk.edge.size() != walk.end {
        report.differs("entries", "all", format!("{} entries", walk.end), walk.edge.size());
    }
    Ok(())
}
