//! Erasing a group of disclosable values by law: key, salts, values, and the entry that tells of it, in one transaction.

use exhibit_evidence::disclosure::PRINCIPAL;
use exhibit_evidence::erasure::Erasure;
use exhibit_evidence::{Actor, EntryId, GroupId, Timestamp};
use sqlx::PgConnection;

use crate::append::append_within;
use crate::error::in_tx;
use crate::rows::{Reader, exactly_one};
use crate::tx::run_tx;
use crate::{Append, NewDisclosure, NewEntry, Recorded, Store, StoreError};

/// A group that is to be erased.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewErasure {
    /// The group.
    pub group: GroupId,
    /// The id of the entry that tells of it.
    pub entry: EntryId,
    /// Why. It stays in the ledger for ever.
    pub reason: String,
    /// Who erases: the name's digest is that of `name`.
    pub by: Actor,
    /// Their name: a disclosable value of that entry.
    pub name: NewDisclosure,
    /// The current time.
    pub now: Timestamp,
}

/// What was erased.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Erased {
    /// The entry that tells of it.
    pub recorded: Recorded,
    /// What the entry says.
    pub erasure: Erasure,
}

impl Store {
    /// Erases a group for good: its key, so that what lies in WORM cannot be read, and its salts and values here. The
    /// digests stay, and so does all that is signed. The ledger tells of it in the same transaction.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if there is no such group; [`StoreError::Record`] if it was erased before, or if the
    /// reason names the value, which would then stay in the ledger.
    pub async fn erase_group(&self, new: &NewErasure) -> Result<Erased, StoreError> {
        run_tx!(self, "erase_group", |tx| erase(self, tx, new).await)
    }
}

async fn erase(store: &Store, tx: &mut PgConnection, new: &NewErasure) -> Result<Erased, StoreError> {
    let refused = |why: String| StoreError::Record { id: new.entry.0, why };
    // Whoever appends to the group holds this lock too: nothing joins it from here on.
    sqlx::query("/* erase_group::lock_head */ SELECT size FROM exhibit.lock_head()")
        .fetch_one(&mut *tx)
        .await
        .map_err(in_tx("erase_group"))?;
    let row = sqlx::query(
        "/* erase_group::group */ SELECT path, value, erased_at FROM exhibit.disclosure_keys WHERE group_id = $1",
    )
    .bind(new.group.0)
    .fetch_optional(&mut *tx)
    .await
    .map_err(in_tx("erase_group"))?;
    let Some(row) = row else {
        return Err(StoreError::NotFound { what: "group of disclosures", key: new.group.to_string() });
    };
    let reader = Reader::new(&row, "disclosure_keys", new.group);
    let (path, value): (String, Option<String>) = (reader.get("path")?, reader.get("value")?);
    let Some(value) = value else {
        let when = reader.maybe_instant("erased_at")?.map(|at| at.human()).unwrap_or_default();
        return Err(refused(format!("group {} was erased already, {when}", new.group)));
    };
    if names(&new.reason, &value) {
        return Err(refused("the reason names the value that is to be erased, and would stay for ever".to_owned()));
    }
    let values = sqlx::query(
        "/* erase_group::values */ UPDATE exhibit.disclosures \
            SET salt = NULL, value = NULL, erased_at = $2 WHERE group_id = $1 AND erased_at IS NULL",
    )
    .bind(new.group.0)
    .bind(new.now.utc())
    .execute(&mut *tx)
    .await
    .map_err(in_tx("erase_group"))?;
    let key = sqlx::query(
        "/* erase_group::key */ UPDATE exhibit.disclosure_keys \
            SET key = NULL, value = NULL, erased_at = $2 WHERE group_id = $1 AND erased_at IS NULL",
    )
    .bind(new.group.0)
    .bind(new.now.utc())
    .execute(&mut *tx)
    .await
    .map_err(in_tx("erase_group"))?;
    exactly_one("erase_group", key.rows_affected())?;
    if path == PRINCIPAL {
        // The one other place that names people: there the name becomes one that says nothing.
        sqlx::query(
            "/* erase_group::requests */ UPDATE exhibit.run_requests SET requested_by = $2 WHERE requested_by = $1",
        )
        .bind(&value)
        .bind(format!("erased-{}", new.group))
        .execute(&mut *tx)
        .await
        .map_err(in_tx("erase_group"))?;
    }
    let erasure = Erasure {
        group: new.group,
        path,
        digests: values.rows_affected(),
        reason: new.reason.clone(),
        by: new.by.clone(),
        erased_at: new.now,
    };
    let entry = NewEntry { id: new.entry, body: erasure.clone().into() };
    let append = Append { disclosures: vec![new.name.clone()], ..Append::entries(new.now, vec![entry]) };
    let appended = append_within(store, tx, &append).await?;
    let recorded = *appended.entries.first().ok_or(StoreError::RowCount { tx: "erase_group", rows: 0 })?;
    Ok(Erased { recorded, erasure })
}

/// Whether a text names a value: as a word of its own, in whatever case.
fn names(text: &str, value: &str) -> bool {
    let (text, value) = (text.to_lowercase(), value.to_lowercase());
    let beside = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    !value.is_empty()
        && text
            .match_indices(&value)
            .any(|(at, _)| !beside(text[..at].chars().next_back()) && !beside(text[at + value.len()..].chars().next()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_must_not_name_the_value() {
        for (reason, value, expected) in [
            ("asked for by Zoë herself", "zoë", true),
            ("build-7 was sold", "build-7", true),
            ("host build-71 stays", "build-7", false),
            ("request 117, article 17", "root", false),
            ("anything", "", false),
        ] {
            assert_eq!(names(reason, value), expected, "{reason}: {value}");
        }
    }
}
