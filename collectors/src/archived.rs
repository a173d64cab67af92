//! What a collector may ask about Exhibit's own archive. The pipeline supplies it; this crate knows no store and no ledger.

use std::{collections::BTreeMap, io, path::Path};

use exhibit_evidence::{Digest, Timestamp};
use serde::{Deserialize, Serialize};

use crate::cases::recorded;

/// Exhibit's own archive: the ledger's receipts, and what the store says now.
pub trait ArchiveSource: Send + Sync {
    /// What kind of store it is.
    fn store(&self) -> StoreFacts;

    /// How many object versions have a receipt, counted by another way than [`Self::receipts`] lists them.
    ///
    /// # Errors
    /// Why that could not be found out.
    fn count(&self) -> Result<u64, String>;

    /// The latest receipt of each object version, by key.
    ///
    /// # Errors
    /// Why the ledger could not be read.
    fn receipts(&self) -> Result<Vec<ReceiptFacts>, String>;

    /// What the store says of a version now, read back from it.
    ///
    /// # Errors
    /// Why it gave no answer. That an object is not as it should be is an answer.
    fn look(&self, receipt: &ReceiptFacts) -> Result<Seen, String>;

    /// What surrounds the objects: whether the store still is what its promises need.
    ///
    /// # Errors
    /// Why it gave no answer.
    fn surroundings(&self) -> Result<Vec<Surrounding>, String>;
}

/// What kind of store it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoreFacts {
    /// Such as `write-once-directory`.
    pub kind: String,
    /// Whether regulators accept such a store as WORM.
    pub regulatory_worm: bool,
}

/// A receipt, as far as it says how the object was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReceiptFacts {
    /// The object's key.
    pub key: String,
    /// The version.
    pub version: String,
    /// What the object is: `report`, `segment`, …
    pub subject: String,
    /// The digest of its bytes.
    pub digest: Digest,
    /// Their number.
    pub size: u64,
    /// The lock's mode, in the store's own word.
    pub mode: String,
    /// Until when it is kept.
    pub retain_until: Timestamp,
    /// Whether an open case holds it, as the archive said when the hold was set.
    pub held: bool,
    /// When that hold was found gone and set again, if it was since the last attestation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold_set_again: Option<Timestamp>,
}

/// What the store says of a version now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Seen {
    /// It was read back.
    There {
        /// The digest of the bytes as read back.
        digest: Digest,
        /// Their number.
        size: u64,
        /// The lock's mode.
        mode: String,
        /// Until when it is kept.
        retain_until: Timestamp,
        /// Whether a legal hold is on it.
        legal_hold: bool,
        /// Whether a delete marker or a later version hides it.
        masked: bool,
    },
    /// The store says that it is not as it should be, and hands out nothing.
    Wrong {
        /// The condition's steady code, such as `archive.object-missing`.
        code: String,
        /// The condition in one sentence.
        message: String,
    },
}

/// One thing around the objects.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Surrounding {
    /// What it is about, by a steady name such as `lifecycle`.
    pub aspect: String,
    /// `holds`, `not-applicable`, `weak`, `unknown` or `broken`.
    pub standing: String,
    /// What was found, short: equal as long as nothing drifts.
    pub value: String,
    /// One sentence for people.
    pub sentence: String,
}

/// An archive that was written down, for cases and self-tests.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordedArchive {
    store: StoreFacts,
    /// Where another number is counted than listed.
    #[serde(default)]
    count: Option<u64>,
    receipts: Vec<ReceiptFacts>,
    /// What the store says, by key; an object that is not here is as its receipt says, a text is why there is no answer.
    #[serde(default)]
    seen: BTreeMap<String, Answer>,
    surroundings: Vec<Surrounding>,
    /// Why nothing can be read at all.
    #[serde(default)]
    unreachable: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
enum Answer {
    Seen(Seen),
    None(String),
}

impl RecordedArchive {
    /// The file of a case's input that holds one.
    pub const FILE: &str = "archive.json";

    /// Reads one.
    ///
    /// # Errors
    /// When the text is none.
    pub fn parse(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// The one in a case's input, if there is one.
    ///
    /// # Errors
    /// When the file can't be read, or holds none.
    pub fn of_case(input: &Path) -> io::Result<Option<Self>> {
        recorded(input, Self::FILE)
    }
}

impl ArchiveSource for RecordedArchive {
    fn store(&self) -> StoreFacts {
        self.store.clone()
    }

    fn count(&self) -> Result<u64, String> {
        Ok(self.count.unwrap_or(self.receipts.len() as u64))
    }

    fn receipts(&self) -> Result<Vec<ReceiptFacts>, String> {
        self.unreachable.clone().map_or_else(|| Ok(self.receipts.clone()), Err)
    }

    fn look(&self, receipt: &ReceiptFacts) -> Result<Seen, String> {
        match self.seen.get(&receipt.key) {
            Some(Answer::Seen(seen)) => Ok(seen.clone()),
            Some(Answer::None(why)) => Err(why.clone()),
            None => Ok(Seen::There {
                digest: receipt.digest,
                size: receipt.size,
                mode: receipt.mode.clone(),
                retain_until: receipt.retain_until,
                legal_hold: receipt.held,
                masked: false,
            }),
        }
    }

    fn surroundings(&self) -> Result<Vec<Surrounding>, String> {
        self.unreachable.clone().map_or_else(|| Ok(self.surroundings.clone()), Err)
    }
}
