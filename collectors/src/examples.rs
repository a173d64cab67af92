//! The example company: two environments with deliberate faults, which the collectors' cases hold and the demo shows.

use crate::cases::{CaseError, CaseSettings};

include!(concat!(env!("OUT_DIR"), "/examples.rs"));

/// A collector's part of the example company.
pub struct Example {
    /// The collector's id.
    pub collector: &'static str,
    /// The text of the case's `policy.toml`.
    pub policy: &'static str,
    /// The files of its input, by their path in it.
    pub files: &'static [(&'static str, &'static [u8])],
}

impl Example {
    /// Environments, source and policy of the case.
    ///
    /// # Errors
    /// When the case's `policy.toml` is not in order; the collector's own tests see to it that it is.
    pub fn settings(&self) -> Result<CaseSettings, CaseError> {
        CaseSettings::parse(self.policy, std::path::Path::new("policy.toml"))
    }
}

/// The example company's parts, by collector.
pub fn all() -> &'static [Example] {
    EXAMPLES
}
