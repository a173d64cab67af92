//! What one request may see.

use exhibit_evidence::Timestamp;

/// A period by name, as a half-open range of instants.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PeriodLimit {
    /// Its name, such as `2026-Q4`.
    pub name: String,
    /// The first instant within.
    pub from: Timestamp,
    /// The first instant after.
    pub to: Timestamp,
}

/// Whose lines of a list may be seen.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum AccessSight {
    /// Everybody's.
    All,
    /// This person's.
    Own(String),
    /// Nobody's.
    None,
}

/// Whether values are seen that records hold as salted digests: people's names, hosts, excerpts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NameSight {
    /// They are.
    Seen,
    /// They stay masked; that they are there is seen.
    Masked,
}

/// What one request may see. In each respect none means all, and an empty list means nothing.
///
/// A row that is about several environments is seen only by those who may see all of them; one that is
/// about none, by those who are not limited to environments. Reports are about everything: they are seen
/// by those who are limited to periods at most.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Scope {
    /// Environments' ids.
    pub environments: Option<Vec<String>>,
    /// Collectors' ids, as the frameworks need them.
    pub collectors: Option<Vec<String>>,
    /// Checks' ids, as the frameworks need them.
    pub checks: Option<Vec<String>>,
    /// Periods: of evidence by its `observed_to`, of slots by their `scheduled_for`.
    pub periods: Option<Vec<PeriodLimit>>,
    /// Lines of the access log.
    pub access: AccessSight,
    /// Requests for runs, and pieces of evidence that were handed in.
    pub requests: AccessSight,
    /// Values that records hold as digests only.
    pub names: NameSight,
}

impl NameSight {
    /// As a setting of a transaction's scope names it: what is not set is not seen.
    pub(crate) fn setting(self) -> &'static str {
        match self {
            Self::Seen => "*",
            Self::Masked => "",
        }
    }
}

impl AccessSight {
    /// As a setting of a transaction's scope names it.
    pub(crate) fn setting(&self) -> &str {
        match self {
            Self::All => "*",
            Self::Own(person) => person,
            Self::None => "",
        }
    }
}

impl Scope {
    /// Everything.
    #[must_use]
    pub fn whole() -> Self {
        Self {
            environments: None,
            collectors: None,
            checks: None,
            periods: None,
            access: AccessSight::All,
            requests: AccessSight::All,
            names: NameSight::Seen,
        }
    }

    /// Nothing.
    #[must_use]
    pub fn nothing() -> Self {
        Self {
            environments: Some(Vec::new()),
            collectors: Some(Vec::new()),
            checks: Some(Vec::new()),
            periods: Some(Vec::new()),
            access: AccessSight::None,
            requests: AccessSight::None,
            names: NameSight::Masked,
        }
    }

    /// Whether it is limited in no respect but the access log, requests and names.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.environments.is_none() && self.collectors.is_none() && self.checks.is_none() && self.periods.is_none()
    }

    /// The earliest and latest instants of its periods, where it is limited to some.
    pub(crate) fn bounds(&self) -> Option<(Timestamp, Timestamp)> {
        let periods = self.periods.as_ref()?;
        let from = periods.iter().map(|period| period.from).min()?;
        let to = periods.iter().map(|period| period.to).max()?;
        Some((from, to))
    }
}
