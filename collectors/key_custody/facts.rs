//! What is kept of a look at where keys are: which place answered as which, and nothing that another run could use.

use exhibit_evidence::{Timestamp, observation::Subject};
use serde::{Deserialize, Serialize};

use super::proof::{Form, Shape};
use crate::attested::AttestationFacts;

/// The version of this shape.
pub(super) const FORMAT: u64 = 1;

/// The facts of one run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Facts {
    pub(super) format: u64,
    pub(super) keys: Vec<KeyFacts>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) snapshots: Vec<SnapshotFacts>,
}

/// One key of one environment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KeyFacts {
    pub(super) subject: Subject,
    /// What it is called where it is configured.
    pub(super) name: String,
    /// What each place was asked in this run. It is no secret; the answers are not kept.
    pub(super) challenge: String,
    /// What it has to look like.
    pub(super) shape: Shape,
    /// The place whose answer counts as the current key's; none if no service answered.
    pub(super) reference: Option<String>,
    /// The services that run with it.
    pub(super) running: Vec<PlaceFacts>,
    /// Where copies of it are kept.
    pub(super) copies: Vec<PlaceFacts>,
    /// Keys before it, under which there still is data.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) older: Vec<OlderFacts>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) drills: Vec<DrillFacts>,
}

/// How a place answered, beside the current key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Answer {
    /// With the current key.
    Match,
    /// With another one.
    Differs,
    /// It holds none.
    Absent,
    /// It could not be found out.
    Unreadable,
    /// Nobody asked it: two persons attest that it holds the current key.
    Attested,
    /// Nobody asked it, and what two persons attest of it is not in force.
    NotAttested,
}

/// One place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PlaceFacts {
    /// Its authored name.
    pub(super) name: String,
    /// `dotenv`, `vault`, `file`, `restic`, `challenge`, …
    pub(super) kind: String,
    /// What was looked at, as configured.
    pub(super) label: String,
    /// What one failure would take with it: places of one site are not independent.
    pub(super) site: String,
    pub(super) answer: Answer,
    /// A steady code for what is absent, unreadable or not attested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) code: Option<String>,
    /// The same in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) why: Option<String>,
    /// Whether what lies there looks as it has to; none where the key did not come out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) form: Option<Form>,
    /// The older version whose key it holds in place of the current one, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) older: Option<String>,
    /// When this copy was made, where it is a backup.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) taken: Option<Timestamp>,
    /// Since when it holds this very key, where it tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) since: Option<Timestamp>,
    /// Who may read it there, where it tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) readers: Option<Vec<String>>,
    /// Whether what it protects lies beside it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) nearby: Option<Nearby>,
    /// What was attested of it, where only people look at it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) attested: Option<AttestationFacts>,
}

/// Whether data that a key protects lies beside a copy of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Nearby {
    pub(super) standing: Standing,
    /// What was looked at and what was there, in one sentence.
    pub(super) detail: String,
}

/// See [`Nearby`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Standing {
    /// It lies elsewhere.
    Apart,
    /// It lies beside it.
    Beside,
    /// That could not be found out.
    Unknown,
}

/// A key that was replaced.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OlderFacts {
    /// Its authored name.
    pub(super) version: String,
    /// Until when there is data under it, as the settings say; none where that has no end yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) needed_until: Option<Timestamp>,
    /// Where it is kept. Here `match` is the answer of the first of these places that answered, so that they are held
    /// against one another.
    pub(super) copies: Vec<PlaceFacts>,
    /// The places that answered with the current key instead.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) current: Vec<String>,
}

/// What a copy of a key did with a text that was encrypted when the key was current.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DrillFacts {
    /// Its authored name.
    pub(super) name: String,
    /// `aes-256-gcm`, `fernet`, `age`, `command`.
    pub(super) method: String,
    /// The encrypted text, as configured.
    pub(super) canary: String,
    /// When the encrypted text was written, and with which key, where the note beside it says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) written: Option<WrittenFacts>,
    /// The copy that was fetched.
    pub(super) copy: String,
    pub(super) result: Opening,
    /// Why, where it did not open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) why: Option<String>,
}

/// What the note beside an encrypted text says of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenFacts {
    /// When it was encrypted.
    pub(super) at: Timestamp,
    /// The services that ran with its key then.
    pub(super) current_for: Vec<String>,
}

/// How a drill ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Opening {
    /// The expected text came out.
    Opened,
    /// It can't be decrypted with that copy.
    Refused,
    /// Another text came out.
    OtherText,
    /// The copy is not there.
    Absent,
    /// It could not be tried.
    NotTried,
}

/// A vault's own backup.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SnapshotFacts {
    pub(super) subject: Subject,
    /// What was looked for, as configured.
    pub(super) label: String,
    pub(super) found: SnapshotFound,
    /// When it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) taken: Option<Timestamp>,
    /// Why it is not as it should be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) why: Option<String>,
    /// The keys that were looked up in the restored vault, beside the services that run with them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) held: Vec<PlaceFacts>,
}

/// How far a vault's backup came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum SnapshotFound {
    /// There is none.
    Absent,
    /// It could not be looked at, or no scratch vault could be had.
    NotTried,
    /// A scratch vault refused it.
    Refused,
    /// A scratch vault took it and came up with what it holds.
    Restored,
}
