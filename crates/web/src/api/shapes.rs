//! Shapes that several answers have.

use exhibit_store::service::{Page, RecordRow};
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

/// A page of a list, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Listed<T> {
    /// What is on it.
    pub(super) items: Vec<T>,
    /// What to pass as `before` for the next page; null on the last one.
    #[schema(required = true, example = json!(null))]
    pub(super) next: Option<u64>,
}

impl<T> Listed<T> {
    /// The page, each of its rows in its own shape.
    pub(super) fn of<R>(page: Page<R>, shape: impl Fn(R) -> T) -> Self {
        Self { items: page.items.into_iter().map(shape).collect(), next: page.next }
    }
}

/// An entry of the ledger, its record untouched.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Entry {
    /// Its position, from 0.
    #[schema(example = 412)]
    seq: u64,
    /// Its id.
    #[schema(format = "uuid", example = "01997a40-7c00-7000-8000-000000000412")]
    id: String,
    /// When it was recorded.
    #[schema(format = "date-time", example = "2026-10-08T04:00:02.000000Z")]
    recorded_at: String,
    /// Its kind.
    #[schema(example = "report")]
    kind: String,
    /// The record: SHA-256(0x00 ‖ these bytes) is its leaf in the tree.
    #[schema(value_type = Object)]
    record: Box<RawValue>,
}

impl From<RecordRow> for Entry {
    fn from(row: RecordRow) -> Self {
        let RecordRow { seq, id, recorded_at, kind, record } = row;
        Self { seq, id: id.to_string(), recorded_at: recorded_at.to_string(), kind, record }
    }
}
