//! The envelope of a ledger entry and its exact bytes.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{
    Assessment, CanonicalError, EntryId, Evidence, Timestamp,
    deployment::Deployment,
    erasure::Erasure,
    key::KeyRotation,
    parse_canonical,
    report::{PeriodFreeze, Receipt, ReportIssued},
    slot::{SchedulePromise, SlotClosure},
    to_canonical,
};

/// The version of the envelope and of all bodies in it.
pub const FORMAT_VERSION: u64 = 1;

/// The longest record in bytes: tlog-tiles entry bundles have 16-bit lengths.
pub const MAX_RECORD: usize = 65_535;

macro_rules! kinds {
    ($($(#[$doc:meta])* $variant:ident($body:ty) = $word:literal,)*) => {
        /// The kinds of entry that this version writes.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Kind { $($(#[$doc])* $variant,)* }

        impl Kind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The word that records use.
            pub fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }

        /// The body of an entry, by kind.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Body { $($(#[$doc])* $variant(Box<$body>),)* }

        impl Body {
            /// The kind of this body.
            pub fn kind(&self) -> Kind {
                match self { $(Self::$variant(_) => Kind::$variant,)* }
            }

            fn to_value(&self) -> Result<Value, serde_json::Error> {
                match self { $(Self::$variant(body) => serde_json::to_value(body),)* }
            }

            fn from_value(kind: Kind, value: Value) -> Result<Self, serde_json::Error> {
                fn read<T: DeserializeOwned>(value: Value) -> Result<T, serde_json::Error> {
                    serde_json::from_value(value)
                }
                Ok(match kind { $(Kind::$variant => Self::$variant(Box::new(read::<$body>(value)?)),)* })
            }
        }

        $(impl From<$body> for Body {
            fn from(body: $body) -> Self {
                Self::$variant(Box::new(body))
            }
        })*
    };
}

kinds! {
    /// What the deployment says of itself; always the first entry.
    Deployment(Deployment) = "deployment",
    /// A job's promise, its change or its end.
    Schedule(SchedulePromise) = "schedule",
    /// What was observed.
    Evidence(Evidence) = "evidence",
    /// A check's judgement over one piece of evidence.
    Assessment(Assessment) = "assessment",
    /// How a slot ended.
    Slot(SlotClosure) = "slot",
    /// A period takes no more evidence.
    Period(PeriodFreeze) = "period",
    /// A report was rendered.
    Report(ReportIssued) = "report",
    /// An object is in WORM storage, as read back from it.
    Receipt(Receipt) = "receipt",
    /// Disclosable values were erased.
    Erasure(Erasure) = "erasure",
    /// The log's signing key hands over to the next.
    Key(KeyRotation) = "key",
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// A word that names no kind of entry known to this version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no kind of entry that this version knows: {0:?}")]
pub struct UnknownKind(String);

impl FromStr for Kind {
    type Err = UnknownKind;

    fn from_str(word: &str) -> Result<Self, UnknownKind> {
        Self::ALL
            .iter()
            .copied()
            .find(|kind| kind.word() == word)
            .ok_or_else(|| UnknownKind(word.chars().take(40).collect()))
    }
}

/// A ledger entry before it is bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct Envelope {
    /// Its id.
    pub id: EntryId,
    /// When it was recorded: never before the entry before it.
    pub recorded_at: Timestamp,
    /// What it says.
    pub body: Body,
}

/// The envelope as it lies in the record: exactly these five members.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    v: u64,
    kind: String,
    id: EntryId,
    recorded_at: Timestamp,
    body: Value,
}

/// What a reader that knows no body can tell from a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// The format version.
    pub version: u64,
    /// The kind, as written: perhaps one that a later version added.
    pub kind: String,
    /// The id.
    pub id: EntryId,
    /// When it was recorded.
    pub recorded_at: Timestamp,
}

/// Why bytes are not a record, or an entry can't become one.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// Not canonical JSON.
    #[error(transparent)]
    Canonical(#[from] CanonicalError),
    /// JSON of another shape than an envelope of this version.
    #[error("not an entry of this format: {0}")]
    Shape(#[from] serde_json::Error),
    /// A format version that this program does not know.
    #[error("format version {0}: this program knows version {FORMAT_VERSION}")]
    Version(u64),
    /// A kind that this program does not know.
    #[error(transparent)]
    Kind(#[from] UnknownKind),
    /// A spelling that nobody writes, such as a member that is there and null, or a list in the place of an object: two
    /// records would say the same.
    #[error("an entry, but not in the one form that it is written in: first difference at byte {0}")]
    OtherForm(usize),
    /// Longer than a record may be: move lists to artifacts.
    #[error("the record has {0} bytes; at most {MAX_RECORD} fit")]
    TooLong(usize),
}

/// The exact bytes of an entry: what is stored, hashed and signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record(Vec<u8>);

impl Record {
    /// The bytes, UTF-8.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("canonical JSON is UTF-8: checked where a record is made")
    }

    /// The bytes, owned.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// Takes bytes that must be a record already: canonical, not too long, an envelope of a known version.
    ///
    /// # Errors
    /// When they are not: see [`RecordError`].
    pub fn from_bytes(bytes: Vec<u8>) -> Result<(Self, Header), RecordError> {
        if bytes.len() > MAX_RECORD {
            return Err(RecordError::TooLong(bytes.len()));
        }
        let wire: Wire = serde_json::from_value(parse_canonical(&bytes)?)?;
        let header = wire.header()?;
        Ok((Self(bytes), header))
    }

    /// The entry in these bytes. [`Envelope::to_record`] makes the same bytes of it.
    ///
    /// # Errors
    /// When kind or body are not of this version, or written in another form than the one of this version.
    pub fn read(&self) -> Result<Envelope, RecordError> {
        let wire: Wire = serde_json::from_slice(&self.0)?;
        let kind: Kind = wire.header()?.kind.parse()?;
        let envelope =
            Envelope { id: wire.id, recorded_at: wire.recorded_at, body: Body::from_value(kind, wire.body)? };
        let again = envelope.to_record()?;
        if again == *self {
            return Ok(envelope);
        }
        let same = again.0.iter().zip(&self.0).take_while(|(a, b)| a == b).count();
        Err(RecordError::OtherForm(same))
    }
}

impl Wire {
    fn header(&self) -> Result<Header, RecordError> {
        if self.v != FORMAT_VERSION {
            return Err(RecordError::Version(self.v));
        }
        Ok(Header { version: self.v, kind: self.kind.clone(), id: self.id, recorded_at: self.recorded_at })
    }
}

impl Envelope {
    /// The bytes of this entry.
    ///
    /// # Errors
    /// When the body has no canonical form or is too long: see [`RecordError`].
    pub fn to_record(&self) -> Result<Record, RecordError> {
        let wire = Wire {
            v: FORMAT_VERSION,
            kind: self.body.kind().word().to_owned(),
            id: self.id,
            recorded_at: self.recorded_at,
            body: self.body.to_value()?,
        };
        let bytes = to_canonical(&wire)?;
        if bytes.len() > MAX_RECORD {
            return Err(RecordError::TooLong(bytes.len()));
        }
        Ok(Record(bytes))
    }
}
