//! Software packages: what they are called, which of them a lockfile pins, and which image or commit that was read from.

pub mod bill;
pub mod find;
pub mod image;
pub mod lockfile;
mod package;

pub use lockfile::{Format, LockError, Locked};
pub use package::{Package, PackageError};

use chrono::{DateTime, Datelike as _};
use exhibit_evidence::Timestamp;

/// An instant as RFC 3339 writes it; none where it is none, or lies where no clock stands.
pub(crate) fn instant(text: &str) -> Option<Timestamp> {
    let at = DateTime::parse_from_rfc3339(text).ok()?.to_utc();
    (1970..=9000).contains(&at.year()).then(|| Timestamp::new(at))
}
