//! What a collector may ask about what people attested. The pipeline supplies it; this crate knows no ledger.

use std::{collections::BTreeMap, io, path::Path};

use exhibit_evidence::{EntryId, EnvironmentId, Timestamp, attestation::Standing};
use serde::{Deserialize, Serialize};

use crate::cases::recorded;

/// Attestations by two persons, as the ledger tells of them.
pub trait AttestationSource: Send + Sync {
    /// What was attested of a key of an environment at a location, whatever became of it, in the order in which it was made;
    /// each as it stands at that instant.
    ///
    /// # Errors
    /// Why the ledger could not be read.
    fn of_key(
        &self,
        environment: &EnvironmentId,
        key: &str,
        location: &str,
        at: Timestamp,
    ) -> Result<Vec<AttestationFacts>, String>;
}

/// An attestation, as far as it says that and when something was attested; by whom stands in the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AttestationFacts {
    /// The entry that made it.
    pub attestation: EntryId,
    /// How it stands.
    pub standing: Standing,
    /// When the first person said it.
    pub made_at: Timestamp,
    /// When the second person confirmed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmed_at: Option<Timestamp>,
    /// When its quarter ends, and it with it.
    pub until: Timestamp,
}

/// Attestations that were written down, for cases: by `environment/key/location`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordedAttestations {
    attestations: BTreeMap<String, Vec<AttestationFacts>>,
    /// Why nothing can be read at all.
    #[serde(default)]
    unreachable: Option<String>,
}

impl RecordedAttestations {
    /// The file of a case's input that holds some.
    pub const FILE: &str = "attestations.json";

    /// Those in a case's input, if it has any.
    ///
    /// # Errors
    /// When the file can't be read, or holds none.
    pub fn of_case(input: &Path) -> io::Result<Option<Self>> {
        recorded(input, Self::FILE)
    }
}

impl AttestationSource for RecordedAttestations {
    fn of_key(
        &self,
        environment: &EnvironmentId,
        key: &str,
        location: &str,
        _at: Timestamp,
    ) -> Result<Vec<AttestationFacts>, String> {
        if let Some(why) = &self.unreachable {
            return Err(why.clone());
        }
        Ok(self.attestations.get(&format!("{environment}/{key}/{location}")).cloned().unwrap_or_default())
    }
}
