//! The vocabulary of Exhibit: evidence, assessments, findings, outcomes, periods, schedules, ids and canonical bytes.
//!
//! Nothing in here touches the world: no clock, no randomness, no file, no network. The same input gives the same bytes,
//! on every machine and for ever; `FORMAT.md` beside this crate writes down what those bytes are.

pub mod actor;
pub mod assessment;
pub mod attestation;
pub mod canonical;
pub mod catalog;
pub mod deployment;
pub mod digest;
pub mod disclosure;
pub mod erasure;
pub mod finding;
pub mod hold;
pub mod ids;
pub mod key;
pub mod letters;
pub mod observation;
pub mod outcome;
pub mod period;
pub mod record;
pub mod report;
#[cfg(any(test, feature = "samples"))]
pub mod samples;
pub mod schedule;
pub mod slot;
pub mod standing;
mod text;
pub mod time;
pub mod waiver;

pub use actor::Actor;
pub use assessment::{Assessment, SubjectOutcome};
pub use attestation::Attestation;
pub use canonical::{CanonicalError, parse_canonical, to_canonical};
pub use digest::{Digest, Digesting};
pub use disclosure::{Disclosable, Disclosure};
pub use finding::{Condition, Finding, Fingerprint, Place, Severity};
pub use hold::Hold;
pub use ids::{CheckId, CollectorId, ConditionId, EntryId, EnvironmentId, GroupId, JobId, SubjectId};
pub use observation::{Evidence, Observation, Population};
pub use outcome::{Outcome, Verdict};
pub use period::{FiscalCalendar, Period, PeriodId};
pub use record::{Body, Envelope, Examined, Kind, Record};
pub use time::{Clock, Timestamp};
pub use waiver::Waiver;

#[cfg(test)]
mod vectors;
