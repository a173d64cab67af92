//! Scanners as data: which arguments each takes, what its exit status means, how its version and the age of its database
//! are asked for, and in which form it says what it found.
//!
//! One TOML file a scanner, in `adapters/`; a team's own lies where a job's settings name it. What a scanner prints is
//! read elsewhere, by the form that its adapter names.

mod ages;
mod built_in;
mod fill;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod manifest;
mod places;
mod scan;
mod settings;
mod standing;
mod versions;

#[cfg(test)]
mod tests;

pub use ages::{Database, DatabaseSource};
pub use built_in::built_in;
pub use manifest::{Adapter, AdapterProblem, LooksAt, Mode, Parameter, ParameterKind, Proven, Statuses};
pub(crate) use scan::first_printed;
pub use scan::{Request, Said, Scan, ScanError, ScannerFacts, scan};
pub use settings::{ScannerSettings, named_in, own};
pub use standing::{Standing, all_in, standing};
