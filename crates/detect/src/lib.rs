//! The detection engine: secrets in bytes. Bytes in, matches out.
//!
//! No I/O, no clock, no randomness: the same rules and the same bytes give the same matches,
//! in the same order, on every machine.
//!
//! - [`Rule`]: what one kind of secret looks like, as data (`rules/*.toml`) with examples.
//! - [`Engine`]: many rules compiled together; [`Engine::scan`] finds them in bytes.
//! - [`Search`]: the same over streams of any length and encoding, by [`Scanner`], or over parts on several threads.
//! - [`facts`]: what may be said about a value without saying the value.
//! - [`shape`]: the masked shape of a value, the only rendering of it that may be stored.
//! - [`masking`]: rewrites bytes so that no found or known secret stays in them.
//! - [`sensitive_key`]: does a name promise a secret?

mod alphabet;
mod anatomy;
mod check;
mod checksum;
mod common;
mod encoded;
mod engine;
mod entropy;
pub mod facts;
mod fingerprint;
mod forms;
pub mod fuzzing;
mod generic;
mod known;
#[cfg(test)]
mod made;
pub mod masking;
mod matches;
mod pack;
mod passwords;
mod personal;
mod place;
mod placeholder;
mod prefilter;
#[cfg(test)]
mod properties;
mod rule;
mod rule_file;
mod scanner;
mod search;
mod sensitive;
pub mod shape;
mod structure;
mod text;
mod trace;
mod validate;

pub use alphabet::Alphabet;
pub use check::Check;
pub use encoded::Encoded;
pub use engine::{Engine, RulesError};
pub use fingerprint::{Fingerprint, RunKey};
pub use generic::{families, secret_under};
pub use known::{Known, NotSearched, SHORTEST_SEARCHED};
pub use masking::{Masked, MaskedHit, mask, mask_owned};
pub use matches::{Confidence, Match};
pub use personal::Personal;
pub use place::{Examined, Place};
pub use rule::{Rule, Severity};
pub use rule_file::RuleFileError;
pub use scanner::{Scanner, Summary};
pub use search::{Cancelled, Hit, Options, PART, REACH, Search};
pub use sensitive::{Sensitivity, sensitive_key};
pub use text::{Encoding, Nature, SNIFFED};
pub use trace::{Copied, Trace};
pub use validate::{RuleProblem, validate, validate_beside, validate_own};
