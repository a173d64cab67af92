//! What a report says of what people attested.

use exhibit_evidence::{EntryId, EnvironmentId, PeriodId, Timestamp};
use serde::{Deserialize, Serialize};

/// An attestation: what no program looked at, as two persons said it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AttestationView {
    /// The entry that made it.
    pub attestation: EntryId,
    /// Its place in the ledger.
    pub seq: u64,
    /// What kind of thing is stated: `key-custody`.
    pub about: String,
    /// The environment whose key it is.
    pub environment: EnvironmentId,
    /// The key's name.
    pub key: String,
    /// The place that holds it, as they said.
    pub location: String,
    /// The quarter that it holds for.
    pub period: PeriodId,
    /// When that ends.
    pub until: Timestamp,
    /// `in-force`, `pending`, `expired` or `withdrawn`, as of the report or of the period's end.
    pub standing: String,
    /// What the first person said: a pseudonym.
    pub statement: String,
    /// When it was made.
    pub made_at: Timestamp,
    /// By whom: a pseudonym.
    pub made_by: String,
    /// When a second person confirmed it.
    pub confirmed_at: Option<Timestamp>,
    /// Who: a pseudonym.
    pub confirmed_by: Option<String>,
    /// When it was taken back.
    pub withdrawn_at: Option<Timestamp>,
    /// By whom: a pseudonym.
    pub withdrawn_by: Option<String>,
    /// Why.
    pub withdrawn_because: Option<String>,
}
