//! What the directory notes about an object, beside it.

use exhibit_evidence::{Digest, Timestamp};
use serde::{Deserialize, Serialize};

use super::KIND;
use super::files::{Files, Looked};
use crate::{ObjectKey, PutOptions, VaultError};

/// The version of this file's format.
const FORMAT: u32 = 1;

/// One record. A longer retention and a changed hold are further records; none is ever rewritten.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Record {
    v: u32,
    /// 1 for the put, then one more for each time the retention was made longer or a hold was placed or released.
    pub(super) number: u32,
    key: String,
    pub(super) digest: Digest,
    pub(super) size: u64,
    pub(super) media_type: String,
    pub(super) mode: String,
    pub(super) put_at: Timestamp,
    /// When this record was made.
    recorded_at: Timestamp,
    pub(super) retain_until: Timestamp,
    /// Whether a legal hold is on it. Written only where one is.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) legal_hold: bool,
}

impl Record {
    pub(super) fn first(key: &ObjectKey, digest: Digest, size: u64, options: &PutOptions) -> Self {
        Self {
            v: FORMAT,
            number: 1,
            key: key.to_string(),
            digest,
            size,
            media_type: options.media_type.clone(),
            mode: KIND.to_owned(),
            put_at: options.put_at,
            recorded_at: options.put_at,
            retain_until: options.retain_until,
            legal_hold: false,
        }
    }

    pub(super) fn extended(&self, until: Timestamp, at: Timestamp) -> Self {
        Self { number: self.number + 1, recorded_at: at, retain_until: until, ..self.clone() }
    }

    pub(super) fn held(&self, on: bool, at: Timestamp) -> Self {
        Self { number: self.number + 1, recorded_at: at, legal_hold: on, ..self.clone() }
    }

    /// The first record of an object, as it was noted before the object was put. None where the note
    /// was not finished: then nothing was put.
    pub(super) fn of_note(bytes: &[u8]) -> Option<(ObjectKey, Self)> {
        let record: Self = serde_json::from_slice(bytes).ok()?;
        let key = ObjectKey::parse(&record.key).ok()?;
        (record.v == FORMAT && record.number == 1).then_some((key, record))
    }

    pub(super) fn write(&self, files: &Files, key: &ObjectKey) -> Result<(), VaultError> {
        files.write_once(&files.record(key, self.number), &self.noted(key)?, key)
    }

    /// The record's bytes.
    pub(super) fn noted(&self, key: &ObjectKey) -> Result<Vec<u8>, VaultError> {
        self.to_bytes().map_err(|error| VaultError::RecordUnreadable { key: key.clone(), problem: error.to_string() })
    }

    pub(super) fn to_bytes(&self) -> serde_json::Result<Vec<u8>> {
        let mut bytes = serde_json::to_vec_pretty(self)?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// Reads record `number` of the object, the one after `before`.
    pub(super) fn read(bytes: &[u8], number: u32, before: Option<&Self>, key: &ObjectKey) -> Result<Self, String> {
        let record: Self = serde_json::from_slice(bytes).map_err(|error| format!("record {number}: {error}"))?;
        let continues = before.is_none_or(|before| {
            let extended = before.retain_until < record.retain_until
                && before.extended(record.retain_until, record.recorded_at) == record;
            extended
                || (before.legal_hold != record.legal_hold
                    && before.held(record.legal_hold, record.recorded_at) == record)
        });
        if record.v != FORMAT || record.number != number || record.key != key.as_str() || !continues {
            return Err(format!("record {number} does not continue the ones before it"));
        }
        Ok(record)
    }

    /// The last of an object's records, after checking that all of them speak of
    /// one object and that none shortens what an earlier one promised.
    pub(super) fn latest(files: &Files, key: &ObjectKey) -> Result<Option<Self>, VaultError> {
        let unreadable = |problem: String| VaultError::RecordUnreadable { key: key.clone(), problem };
        let mut latest: Option<Self> = None;
        loop {
            let number = latest.as_ref().map_or(1, |record| record.number + 1);
            let bytes = match files.look(&files.record(key, number), key)? {
                Looked::Kept(kept) => kept.bytes()?,
                Looked::Nothing | Looked::Folder => break,
            };
            latest = Some(Self::read(&bytes, number, latest.as_ref(), key).map_err(unreadable)?);
        }
        let found = files.records(key)?;
        let expected = latest.as_ref().map_or(0, |record| record.number);
        if found != expected as usize {
            return Err(unreadable(format!("{found} files, but records 1 to {expected}: one is missing or foreign")));
        }
        Ok(latest)
    }
}
