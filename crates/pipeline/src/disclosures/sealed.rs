//! Encrypted disclosures as they lie in the archive: `FORMAT.md` §11. Pure: keys and nonces are arguments.
//!
//! It lives here and not in `ledger`, because no auditor needs it to verify anything: what is encrypted are the values
//! behind digests that stand in records already, and the keys never leave the database.

use std::ops::Range;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use exhibit_evidence::{CanonicalError, Digest, Disclosure, EntryId, GroupId, parse_canonical, to_canonical};
use exhibit_store::{Disclosed, GroupKey};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use zeroize::Zeroizing;

/// The version of the object's form.
const VERSION: u64 = 1;
/// What is encrypted is filled up to a multiple of this, so that its length tells little of the value's.
const BLOCK: usize = 128;

/// The first line: what the object covers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    v: u64,
    origin: String,
    from: u64,
    to: u64,
    count: u64,
}

/// A value, encrypted: one line for each.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Line {
    pub digest: Digest,
    pub entry: EntryId,
    pub group: GroupId,
    nonce: String,
    pub path: String,
    sealed: String,
}

/// An object, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SealedDisclosures {
    pub origin: String,
    pub range: Range<u64>,
    pub lines: Vec<Line>,
}

/// Why an object can't be made, read or opened. No variant holds a value.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum SealedError {
    #[error("line {0} is not what `FORMAT.md` says: {1}")]
    Line(usize, String),
    #[error("version {0}: this program knows version {VERSION}")]
    Version(u64),
    #[error("{expected} values are promised, {found} are there")]
    Count { expected: u64, found: usize },
    #[error("digest {0}: it could not be encrypted")]
    Seal(Digest),
    #[error("digest {0}: the key does not open it: another key, or other bytes")]
    Open(Digest),
    #[error("digest {0}: what is inside has another digest")]
    Inside(Digest),
}

/// A value with the key of its group and 12 random bytes.
pub(crate) struct ToSeal<'a> {
    pub disclosed: &'a Disclosed,
    pub disclosure: &'a Disclosure,
    pub key: &'a GroupKey,
    pub nonce: [u8; NONCE_LEN],
}

/// The bytes of an object over the entries in `range`.
///
/// # Errors
/// When a value has no canonical form or can't be encrypted.
pub(crate) fn seal(origin: &str, range: &Range<u64>, values: &[ToSeal<'_>]) -> Result<Vec<u8>, SealedError> {
    let count = values.len() as u64;
    let header = Header { v: VERSION, origin: origin.to_owned(), from: range.start, to: range.end, count };
    let mut object = Vec::new();
    push(&mut object, 1, &header)?;
    for (number, value) in (2..).zip(values) {
        let Disclosed { digest, entry, group, path, .. } = value.disclosed;
        let plain = value.disclosure.to_bytes().map_err(|error| SealedError::Line(number, error.to_string()))?;
        let mut bytes = Zeroizing::new(plain);
        let padded = bytes.len().next_multiple_of(BLOCK);
        bytes.resize(padded, 0);
        let aad = bound(origin, entry, group, path, digest).map_err(|e| SealedError::Line(number, e.to_string()))?;
        let key = cipher(value.key).ok_or(SealedError::Seal(*digest))?;
        key.seal_in_place_append_tag(Nonce::assume_unique_for_key(value.nonce), Aad::from(aad), &mut *bytes)
            .map_err(|_| SealedError::Seal(*digest))?;
        let line = Line {
            digest: *digest,
            entry: *entry,
            group: *group,
            nonce: BASE64_URL_SAFE_NO_PAD.encode(value.nonce),
            path: path.clone(),
            sealed: BASE64_URL_SAFE_NO_PAD.encode(&*bytes),
        };
        push(&mut object, number, &line)?;
    }
    Ok(object)
}

impl SealedDisclosures {
    /// Reads an object. Nothing is decrypted.
    ///
    /// # Errors
    /// When the bytes are no object of this version, to the byte.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, SealedError> {
        let body = bytes.strip_suffix(b"\n").ok_or_else(|| SealedError::Line(1, "no line ends here".to_owned()))?;
        let mut lines = (1..).zip(body.split(|byte| *byte == b'\n'));
        let (_, first) = lines.next().unwrap_or((1, b""));
        let header: Header = line(1, first)?;
        if header.v != VERSION {
            return Err(SealedError::Version(header.v));
        }
        let lines = lines.map(|(number, bytes)| line(number, bytes)).collect::<Result<Vec<Line>, _>>()?;
        if header.count != lines.len() as u64 {
            return Err(SealedError::Count { expected: header.count, found: lines.len() });
        }
        Ok(Self { origin: header.origin, range: header.from..header.to, lines })
    }

    /// Opens a line with the key of its group: the value whose digest stands in the record.
    ///
    /// # Errors
    /// When the key does not open it, or what is inside has another digest.
    pub(crate) fn open(&self, line: &Line, key: &GroupKey) -> Result<Disclosure, SealedError> {
        let Line { digest, entry, group, path, .. } = line;
        let failed = || SealedError::Open(*digest);
        let nonce = BASE64_URL_SAFE_NO_PAD.decode(&line.nonce).map_err(|_| failed())?;
        let nonce = <[u8; NONCE_LEN]>::try_from(nonce).map_err(|_| failed())?;
        let mut bytes = Zeroizing::new(BASE64_URL_SAFE_NO_PAD.decode(&line.sealed).map_err(|_| failed())?);
        let aad = bound(&self.origin, entry, group, path, digest).map_err(|_| failed())?;
        let opened = cipher(key)
            .ok_or_else(failed)?
            .open_in_place(Nonce::assume_unique_for_key(nonce), Aad::from(aad), &mut bytes)
            .map_err(|_| failed())?;
        // NUL is in no canonical JSON, so the filling ends where the value does.
        let end = opened.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        let plain = &opened[..end];
        let inside = || SealedError::Inside(*digest);
        if Digest::of(plain) != *digest {
            return Err(inside());
        }
        let (salt, inner, value): (String, String, String) = serde_json::from_slice(plain).map_err(|_| inside())?;
        if inner != *path {
            return Err(inside());
        }
        Ok(Disclosure { salt, path: inner, value })
    }
}

/// What the encryption binds a value to: another place, log or group does not open.
fn bound(
    origin: &str,
    entry: &EntryId,
    group: &GroupId,
    path: &str,
    digest: &Digest,
) -> Result<Vec<u8>, CanonicalError> {
    to_canonical(&(VERSION, origin, entry, group, path, digest))
}

fn cipher(key: &GroupKey) -> Option<LessSafeKey> {
    UnboundKey::new(&AES_256_GCM, key.bytes()).ok().map(LessSafeKey::new)
}

fn push(object: &mut Vec<u8>, number: usize, line: &impl Serialize) -> Result<(), SealedError> {
    let bytes = to_canonical(line).map_err(|error| SealedError::Line(number, error.to_string()))?;
    object.extend(bytes);
    object.push(b'\n');
    Ok(())
}

/// Reads a line, which must be in the one form that it is written in.
fn line<T: Serialize + DeserializeOwned>(number: usize, bytes: &[u8]) -> Result<T, SealedError> {
    let wrong = |why: String| SealedError::Line(number, why);
    let value = parse_canonical(bytes).map_err(|error| wrong(error.to_string()))?;
    let read: T = serde_json::from_value(value).map_err(|error| wrong(error.to_string()))?;
    let again = to_canonical(&read).map_err(|error| wrong(error.to_string()))?;
    if again == bytes { Ok(read) } else { Err(wrong("another form than the one that is written".to_owned())) }
}

#[cfg(test)]
mod tests {
    use exhibit_evidence::Timestamp;

    use super::*;

    const ORIGIN: &str = "example.org/log";

    fn value(text: &str) -> (Disclosed, Disclosure) {
        let disclosure = Disclosure::new(&[3; 16], "body.provenance.host", text);
        let entry = entry_of(&[1; 10]);
        let disclosed = Disclosed {
            entry,
            seq: 4,
            digest: disclosure.seal().expect("no NUL").digest,
            path: disclosure.path.clone(),
            group: GroupId(entry.0),
            disclosure: Some(disclosure.clone()),
            erased_at: None,
        };
        (disclosed, disclosure)
    }

    fn object(text: &str, key: &GroupKey) -> Vec<u8> {
        let (disclosed, disclosure) = value(text);
        let values = [ToSeal { disclosed: &disclosed, disclosure: &disclosure, key, nonce: [9; NONCE_LEN] }];
        seal(ORIGIN, &(3..8), &values).expect("sealed")
    }

    #[test]
    fn what_was_sealed_opens_with_its_key_alone() {
        let key = GroupKey::new([5; 32]);
        let bytes = object("build-7", &key);
        assert!(!String::from_utf8_lossy(&bytes).contains("build-7"));
        let read = SealedDisclosures::read(&bytes).expect("an object");
        assert_eq!((read.origin.as_str(), read.range.clone(), read.lines.len()), (ORIGIN, 3..8, 1));
        assert_eq!(read.open(&read.lines[0], &key), Ok(value("build-7").1));
        let digest = read.lines[0].digest;
        assert_eq!(read.open(&read.lines[0], &GroupKey::new([6; 32])), Err(SealedError::Open(digest)));
    }

    #[test]
    fn it_opens_in_its_own_place_alone() {
        type Move = fn(&mut SealedDisclosures);
        let moves: [(&str, Move); 6] = [
            ("another log", |read| read.origin = "example.org/other".to_owned()),
            ("another path", |read| read.lines[0].path = "body.provenance.principal".to_owned()),
            ("another digest", |read| read.lines[0].digest = Digest::of(b"other")),
            ("another group", |read| read.lines[0].group = GroupId(entry_of(&[2; 10]).0)),
            ("another entry", |read| read.lines[0].entry = entry_of(&[2; 10])),
            ("another nonce", |read| read.lines[0].nonce = BASE64_URL_SAFE_NO_PAD.encode([8; NONCE_LEN])),
        ];
        let key = GroupKey::new([5; 32]);
        for (what, change) in moves {
            let mut read = SealedDisclosures::read(&object("build-7", &key)).expect("an object");
            change(&mut read);
            assert!(matches!(read.open(&read.lines[0], &key), Err(SealedError::Open(_))), "{what}");
        }
    }

    fn entry_of(random: &[u8; 10]) -> EntryId {
        EntryId::from_parts(Timestamp::from_micros(0).expect("an instant"), random)
    }

    #[test]
    fn the_length_tells_little() {
        let key = GroupKey::new([5; 32]);
        assert_eq!(object("a", &key).len(), object("a-much-longer-name.of-a-host", &key).len());
    }

    #[test]
    fn other_bytes_are_refused() {
        let bytes = object("build-7", &GroupKey::new([5; 32]));
        let text = String::from_utf8(bytes).expect("text");
        for (what, other) in [
            ("nothing", String::new()),
            ("cut short", text[..text.len() - 1].to_owned()),
            ("a line less", format!("{}\n", text.lines().next().expect("a line"))),
            ("a line twice", format!("{text}{}\n", text.lines().last().expect("a line"))),
            ("a space", text.replacen(',', ", ", 1)),
            ("another version", text.replace("\"v\":1", "\"v\":2")),
            ("one member more", text.replace("\"v\":1", "\"v\":1,\"w\":1")),
        ] {
            assert!(SealedDisclosures::read(other.as_bytes()).is_err(), "{what}");
        }
    }
}
