//! Software packages: what they are called, which of them a lockfile pins, and which image or commit that was read from.

pub mod find;
pub mod image;
pub mod lockfile;
mod package;

pub use lockfile::{Format, LockError, Locked};
pub use package::{Package, PackageError};
