//! How the values of a projection's columns are sent to Postgres: as arrays, one a column.

use chrono::{DateTime, Utc};
use exhibit_evidence::Timestamp;
use uuid::Uuid;

use super::tables::Bytes;

/// A type that columns have.
pub(crate) trait Column {
    /// What is sent for one row.
    type Bound<'r>
    where
        Self: 'r;

    /// The array that is sent, as Postgres calls it.
    const ARRAY: &'static str;

    /// The column's value, made of the array's element `@`.
    const READ: &'static str = "@";

    /// What is sent for this value.
    fn bound(&self) -> Self::Bound<'_>;
}

macro_rules! as_they_are {
    ($($type:ty = $array:literal,)*) => {
        $(impl Column for $type {
            type Bound<'r> = $type;
            const ARRAY: &'static str = $array;

            fn bound(&self) -> $type {
                *self
            }
        })*
    };
}

as_they_are! {
    bool = "bool[]",
    Option<bool> = "bool[]",
    i32 = "integer[]",
    i64 = "bigint[]",
    Option<i64> = "bigint[]",
    Uuid = "uuid[]",
    Option<Uuid> = "uuid[]",
    &'static str = "text[]",
}

impl Column for String {
    type Bound<'r> = &'r str;
    const ARRAY: &'static str = "text[]";

    fn bound(&self) -> &str {
        self
    }
}

impl Column for Option<String> {
    type Bound<'r> = Option<&'r str>;
    const ARRAY: &'static str = "text[]";

    fn bound(&self) -> Option<&str> {
        self.as_deref()
    }
}

/// Lists of authored ids, which hold no comma: Postgres has no arrays of lists of different lengths.
impl Column for Vec<String> {
    type Bound<'r> = String;
    const ARRAY: &'static str = "text[]";
    const READ: &'static str = "string_to_array(@, ',')";

    fn bound(&self) -> String {
        self.join(",")
    }
}

impl Column for Timestamp {
    type Bound<'r> = DateTime<Utc>;
    const ARRAY: &'static str = "timestamptz[]";

    fn bound(&self) -> DateTime<Utc> {
        self.utc()
    }
}

impl Column for Option<Timestamp> {
    type Bound<'r> = Option<DateTime<Utc>>;
    const ARRAY: &'static str = "timestamptz[]";

    fn bound(&self) -> Option<DateTime<Utc>> {
        self.map(Timestamp::utc)
    }
}

impl Column for Bytes {
    type Bound<'r> = &'r [u8];
    const ARRAY: &'static str = "bytea[]";

    fn bound(&self) -> &[u8] {
        &self.0
    }
}
