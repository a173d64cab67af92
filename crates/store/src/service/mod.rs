//! What the service needs beside the ledger: people's tokens, the access log, and reading within a scope.
//!
//! [`crate::Store::reading`] opens one snapshot under a role that sees only rows within the [`Scope`]:
//! the limits hold in Postgres, whatever a handler asks for.

mod access_log;
mod artifacts;
mod ask;
mod bulk;
mod evidence;
mod export;
mod findings;
mod proofs;
mod reading;
mod records;
mod requests;
mod scope;
mod sessions;
mod slots;
#[cfg(any(test, feature = "testing"))]
pub mod spelled;
mod tokens;

pub use access_log::{Access, AccessPage, AccessQuery, AccessRow, AccessWriter, Line};
pub use artifacts::ArtifactBytes;
pub use bulk::NotedBy;
pub use evidence::{DisclosedValue, EvidencePiece, EvidenceQuery, EvidenceRow, JudgedBy};
pub use export::{Export, ExportFormat};
pub use findings::{FindingHistory, FindingQuery, FindingRow, FindingState, Observed};
pub use reading::{Page, Reading};
pub use records::{Acts, RecordRow, RunRow, TimeQuery};
pub use scope::{AccessSight, NameSight, PeriodLimit, Scope};
pub use sessions::{FoundSession, SESSION_IDLE, SESSION_LONGEST};
pub use slots::{SlotQuery, SlotRow};
pub use tokens::{FoundToken, KeyedHash, NewToken, Revocation, Role, Token, TokenScope};
