//! The envelope of a ledger entry and its exact bytes.

use std::{fmt, str::FromStr};

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{
    Assessment, Attestation, CanonicalError, EntryId, Evidence, Timestamp, Waiver, canonical,
    deployment::Deployment,
    erasure::Erasure,
    hold::Hold,
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

            fn to_bytes(&self) -> Result<Vec<u8>, CanonicalError> {
                match self { $(Self::$variant(body) => to_canonical(body),)* }
            }

            fn from_text(kind: Kind, text: &str) -> Option<Self> {
                Some(match kind { $(Kind::$variant => Self::$variant(Box::new(canonical::read_exact(text)?)),)* })
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
    /// An act of a legal hold.
    Hold(Hold) = "hold",
    /// An act of an attestation by two persons.
    Attestation(Attestation) = "attestation",
    /// An act of a waiver.
    Waiver(Waiver) = "waiver",
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
#[derive(Deserialize)]
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
        if let Some(envelope) = read_exact(&self.0) {
            return Ok(envelope);
        }
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

/// What a record says, to whoever looks at many.
#[derive(Debug)]
pub struct Examined {
    /// What its envelope says.
    pub header: Header,
    /// The whole entry, or why its kind or body can't be read.
    pub envelope: Result<Envelope, RecordError>,
}

impl Record {
    /// Everything that [`Record::from_bytes`] and [`Record::read`] say of these bytes, in one go.
    ///
    /// # Errors
    /// Where [`Record::from_bytes`] fails.
    pub fn examine(bytes: &[u8]) -> Result<Examined, RecordError> {
        if let Some(envelope) = read_exact(bytes) {
            let header = Header {
                version: FORMAT_VERSION,
                kind: envelope.body.kind().word().to_owned(),
                id: envelope.id,
                recorded_at: envelope.recorded_at,
            };
            return Ok(Examined { header, envelope: Ok(envelope) });
        }
        let (record, header) = Self::from_bytes(bytes.to_vec())?;
        Ok(Examined { header, envelope: record.read() })
    }

    /// The same record, recorded at another time; None where the two times are not written in the same length, which
    /// they are from the year 0 to 9999.
    pub fn recorded_at(mut self, at: Timestamp) -> Option<Self> {
        let text = at.to_string();
        let end = self.0.len().checked_sub(AFTER_TIME.len())?;
        let start = end.checked_sub(text.len())?;
        if !self.0[..start].ends_with(BEFORE_TIME) {
            return None;
        }
        self.0[start..end].copy_from_slice(text.as_bytes());
        Some(self)
    }
}

/// What every record begins with.
const HEAD: &[u8] = b"{\"body\":";

/// What stands before the time.
const BEFORE_TIME: &[u8] = b",\"recorded_at\":\"";

/// What every record ends with, after the time.
const AFTER_TIME: &[u8] = b"\",\"v\":1}";

/// The entry in bytes that are a record of this version in every respect, which is shown by writing it again; None where
/// they may not be, and must be looked at more closely. The members that follow the body have one spelling and stand at
/// fixed distances from the end, so that the body is read once only.
fn read_exact(bytes: &[u8]) -> Option<Envelope> {
    if bytes.len() > MAX_RECORD {
        return None;
    }
    let text = std::str::from_utf8(bytes).ok()?;
    let rest = text.strip_prefix("{\"body\":")?.strip_suffix("\",\"v\":1}")?;
    // A text between quotes that hold none: the last ones.
    let (rest, recorded_at) = rest.rsplit_once('"')?;
    let (rest, kind) = rest.strip_suffix("\",\"recorded_at\":")?.rsplit_once('"')?;
    let (rest, id) = rest.strip_suffix("\",\"kind\":")?.rsplit_once('"')?;
    let body = rest.strip_suffix(",\"id\":")?;
    let (id, recorded_at, kind) = (id.parse().ok()?, recorded_at.parse().ok()?, kind.parse().ok()?);
    // Id, kind and time were read from their one spelling: what is left to compare is the body.
    Some(Envelope { id, recorded_at, body: Body::from_text(kind, body)? })
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
        Record::of(self.id, self.recorded_at, &self.body)
    }
}

impl Record {
    /// The record of an entry.
    ///
    /// # Errors
    /// As [`Envelope::to_record`].
    pub fn of(id: EntryId, recorded_at: Timestamp, body: &Body) -> Result<Self, RecordError> {
        let (kind, body) = (body.kind(), body.to_bytes()?);
        let mut bytes = Vec::with_capacity(HEAD.len() + body.len() + 160);
        bytes.extend_from_slice(HEAD);
        bytes.extend_from_slice(&body);
        // The members behind the body in their order; nothing in them needs an escape.
        let tail =
            format!(",\"id\":\"{id}\",\"kind\":\"{kind}\",\"recorded_at\":\"{recorded_at}\",\"v\":{FORMAT_VERSION}}}");
        bytes.extend_from_slice(tail.as_bytes());
        if bytes.len() > MAX_RECORD {
            return Err(RecordError::TooLong(bytes.len()));
        }
        Ok(Self(bytes))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A record of a kind with texts, numbers, lists and members that may be left out.
    fn record() -> Record {
        let body = crate::slot::SlotClosure {
            job: "nightly".parse().expect("an id"),
            scheduled_for: "2026-11-22T03:00:00.000000Z".parse().expect("an instant"),
            state: crate::slot::SlotState::Errored,
            attempts: 3,
            started_at: None,
            finished_at: Some("2026-11-22T03:00:07.000001Z".parse().expect("an instant")),
            evidence: None,
            reason: Some("said \"no\"\tand ended\u{1}; grüße".to_owned()),
        };
        let at = "2026-11-22T03:00:08.000000Z".parse().expect("an instant");
        let envelope = Envelope { id: EntryId::from_parts(at, &[7; 10]), recorded_at: at, body: body.into() };
        envelope.to_record().expect("a record")
    }

    /// What the slow way says, by a tree of values.
    fn slowly(bytes: &[u8]) -> Result<Envelope, RecordError> {
        let wire: Wire = serde_json::from_value(parse_canonical(bytes)?)?;
        let kind: Kind = wire.header()?.kind.parse()?;
        let envelope =
            Envelope { id: wire.id, recorded_at: wire.recorded_at, body: Body::from_value(kind, wire.body)? };
        if envelope.to_record()?.as_bytes() == bytes { Ok(envelope) } else { Err(RecordError::OtherForm(0)) }
    }

    #[test]
    fn a_record_may_be_given_another_time() {
        let at = "2031-01-01T00:00:00.000009Z".parse().expect("an instant");
        let moved = record().recorded_at(at).expect("times of the same length");
        let mut envelope = record().read().expect("an entry");
        envelope.recorded_at = at;
        assert_eq!(moved, envelope.to_record().expect("a record"));
        assert_eq!(record().recorded_at(Timestamp::from_micros(i64::MAX / 2).expect("an instant")), None);
    }

    proptest! {
        /// Bytes changed, dropped, repeated and put in: whatever the quick way takes, the slow one takes too, as the same;
        /// and nothing is refused that the slow one takes.
        #[test]
        fn quick_and_slow_agree(edits in prop::collection::vec((any::<prop::sample::Index>(), 0..4_u8, prop::sample::select(b"\"{}[],:0123456789abcnulltrue\\ -.\x01\xc3\x00".to_vec())), 0..3)) {
            let mut bytes = record().into_bytes();
            for (at, how, byte) in edits {
                let at = at.index(bytes.len());
                match how {
                    0 => bytes[at] = byte,
                    1 => bytes.insert(at, byte),
                    2 => { bytes.remove(at); }
                    _ => bytes.insert(at, bytes[at]),
                }
            }
            let slow = slowly(&bytes).ok();
            prop_assert_eq!(read_exact(&bytes).or_else(|| slow.clone()), slow.clone());
            prop_assert_eq!(Record::examine(&bytes).ok().and_then(|examined| examined.envelope.ok()), slow);
        }
    }
}
