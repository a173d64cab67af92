//! Records by their positions, as far as the scope may see them.

use std::ops::Range;

use super::ask::Ask;
use super::reading::Reading;
use crate::StoreError;
use crate::entries::{StoredEntry, read_entry};

impl Reading {
    /// The entries at these positions that the scope may see, in order. For ranges that fit into memory.
    ///
    /// # Errors
    /// If the database cannot be used or a row is malformed.
    pub async fn entries(&mut self, range: Range<u64>) -> Result<Vec<StoredEntry>, StoreError> {
        let mut ask =
            Ask::bound("/* reading::entries */ SELECT e.seq, e.record FROM exhibit.entries e WHERE e.seq >= ");
        ask.value(range.start, "bigint").push(" AND e.seq < ").value(range.end, "bigint").push(" ORDER BY e.seq");
        self.fetch("reading::entries", ask).await?.iter().map(read_entry).collect()
    }
}
