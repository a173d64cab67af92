//! Software packages: what they are called, which of them a lockfile pins, and which image or commit that was read from.

mod package;

pub use package::{Package, PackageError};
