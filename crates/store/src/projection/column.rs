//! How the values of a projection's columns are sent to Postgres (as arrays, one a column), and how Postgres sends them
//! (in the binary form of `COPY`, <https://www.postgresql.org/docs/current/sql-copy.html>, and of each type).

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

    /// Appends the value as `COPY` gives it.
    fn encode(&self, out: &mut Vec<u8>);
}

/// A value's bytes as `COPY` gives them: behind their length.
pub(crate) fn field(out: &mut Vec<u8>, bytes: &[u8]) {
    let length = i32::try_from(bytes.len()).expect("a value in Postgres has less than a gibibyte");
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(bytes);
}

/// An instant as Postgres gives it: microseconds since the year 2000.
pub(crate) fn since_2000(at: Timestamp) -> i64 {
    const UNIX: i64 = 946_684_800_000_000;
    at.micros() - UNIX
}

/// Types that are sent as they are, with the bytes that `COPY` gives for them.
macro_rules! as_they_are {
    ($($type:ty = $array:literal, $bytes:expr;)*) => {
        $(impl Column for $type {
            type Bound<'r> = $type;
            const ARRAY: &'static str = $array;

            fn bound(&self) -> $type {
                *self
            }

            fn encode(&self, out: &mut Vec<u8>) {
                let bytes: for<'v> fn(&'v $type) -> &'v [u8] = $bytes;
                field(out, bytes(self));
            }
        })*
    };
}

as_they_are! {
    Uuid = "uuid[]", |id| id.as_bytes();
    bool = "bool[]", |is| if *is { &[1] } else { &[0] };
    &'static str = "text[]", |word| word.as_bytes();
}

/// The same for numbers, whose bytes are made.
macro_rules! numbers {
    ($($type:ty = $array:literal,)*) => {
        $(impl Column for $type {
            type Bound<'r> = $type;
            const ARRAY: &'static str = $array;

            fn bound(&self) -> $type {
                *self
            }

            fn encode(&self, out: &mut Vec<u8>) {
                field(out, &self.to_be_bytes());
            }
        })*
    };
}

numbers! {
    i32 = "integer[]",
    i64 = "bigint[]",
}

/// The same for what may be missing.
macro_rules! or_null {
    ($($type:ty,)*) => {
        $(impl Column for Option<$type> {
            type Bound<'r> = Option<<$type as Column>::Bound<'r>>;
            const ARRAY: &'static str = <$type as Column>::ARRAY;

            fn bound(&self) -> Self::Bound<'_> {
                self.as_ref().map(Column::bound)
            }

            fn encode(&self, out: &mut Vec<u8>) {
                match self {
                    Some(value) => value.encode(out),
                    None => out.extend_from_slice(&(-1_i32).to_be_bytes()),
                }
            }
        })*
    };
}

or_null! { bool, i64, Uuid, String, Timestamp, }

impl Column for String {
    type Bound<'r> = &'r str;
    const ARRAY: &'static str = "text[]";

    fn bound(&self) -> &str {
        self
    }

    fn encode(&self, out: &mut Vec<u8>) {
        field(out, self.as_bytes());
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

    fn encode(&self, out: &mut Vec<u8>) {
        /// Postgres's number for the type `text`.
        const TEXT: i32 = 25;
        let length = |number: usize| i32::try_from(number).unwrap_or(i32::MAX);
        let mut array = Vec::new();
        // Dimensions, whether there are nulls, the elements' type; of each dimension its length and first index.
        array.extend([i32::from(!self.is_empty()), 0, TEXT].map(i32::to_be_bytes).as_flattened());
        if !self.is_empty() {
            array.extend([length(self.len()), 1].map(i32::to_be_bytes).as_flattened());
        }
        for text in self {
            field(&mut array, text.as_bytes());
        }
        field(out, &array);
    }
}

impl Column for Timestamp {
    type Bound<'r> = DateTime<Utc>;
    const ARRAY: &'static str = "timestamptz[]";

    fn bound(&self) -> DateTime<Utc> {
        self.utc()
    }

    fn encode(&self, out: &mut Vec<u8>) {
        since_2000(*self).encode(out);
    }
}

impl Column for Bytes {
    type Bound<'r> = &'r [u8];
    const ARRAY: &'static str = "bytea[]";

    fn bound(&self) -> &[u8] {
        &self.0
    }

    fn encode(&self, out: &mut Vec<u8>) {
        field(out, &self.0);
    }
}
