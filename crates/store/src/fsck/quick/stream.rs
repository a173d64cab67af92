//! Rows as `COPY … TO STDOUT (FORMAT binary)` gives them, a batch at a time.

use bytes::Bytes;
use futures_core::stream::BoxStream;
use futures_util::StreamExt as _;
use sqlx::PgConnection;

use crate::StoreError;
use crate::error::in_tx;

/// Rows in a batch, at most.
const ROWS: usize = 2048;
/// A batch ends when it has so many bytes.
const BYTES: usize = 4 << 20;

/// What every such stream begins with: signature, flags, and the length of an extension that there is none of.
const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";

/// The rows of one statement.
pub(super) struct Rows<'c> {
    messages: BoxStream<'c, Result<Bytes, sqlx::Error>>,
    begun: bool,
}

impl<'c> Rows<'c> {
    /// Begins to read what a statement gives.
    pub(super) async fn of(connection: &'c mut PgConnection, statement: &str) -> Result<Self, StoreError> {
        let messages = connection.copy_out_raw(statement).await.map_err(in_tx("fsck"))?;
        Ok(Self { messages, begun: false })
    }

    /// The next rows, each with the number of its fields before it; none at the end.
    pub(super) async fn next_batch(&mut self) -> Result<Vec<Bytes>, StoreError> {
        let (mut batch, mut bytes) = (Vec::new(), 0);
        while batch.len() < ROWS && bytes < BYTES {
            let Some(message) = self.messages.next().await else {
                break;
            };
            // Postgres sends each row in a message of its own, the first behind the header.
            let mut row = message.map_err(in_tx("fsck"))?;
            if !std::mem::replace(&mut self.begun, true) {
                row = match row.starts_with(HEADER) {
                    true => row.slice(HEADER.len()..),
                    false => return Err(StoreError::Unfit("it sends rows in a form that is not known".into())),
                };
            }
            if row.is_empty() || row[..] == (-1_i16).to_be_bytes() {
                continue;
            }
            bytes += row.len();
            batch.push(row);
        }
        Ok(batch)
    }
}

/// The fields of a row, where it has so many; none stands for null.
pub(super) fn fields<const N: usize>(row: &[u8]) -> Option<[Option<&[u8]>; N]> {
    let (count, mut rest) = row.split_first_chunk::<2>()?;
    if usize::try_from(i16::from_be_bytes(*count)) != Ok(N) {
        return None;
    }
    let mut fields = [None; N];
    for field in &mut fields {
        let (length, tail) = rest.split_first_chunk::<4>()?;
        rest = tail;
        if let Ok(length) = usize::try_from(i32::from_be_bytes(*length)) {
            let (value, tail) = rest.split_at_checked(length)?;
            (*field, rest) = (Some(value), tail);
        }
    }
    rest.is_empty().then_some(fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_taken_apart() {
        let row = b"\0\x03\0\0\0\x01a\xff\xff\xff\xff\0\0\0\0";
        assert_eq!(fields::<3>(row), Some([Some(&b"a"[..]), None, Some(&b""[..])]));
        assert_eq!(fields::<2>(row), None);
        assert_eq!(fields::<3>(&row[..row.len() - 1]), None);
        assert_eq!(fields::<3>(&[&row[..], b"x"].concat()), None);
    }
}
