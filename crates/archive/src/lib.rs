//! WORM: write-once stores, read back after every put.
//!
//! A store is a [`Vault`]: an object goes in once under its key and stays until
//! its retain-until date; what a receipt says is what [`Vault::read_back`] read
//! from the store, never what was sent to it. [`WriteOnceDirectory`] is the
//! embedded store, tamper-evident and not regulatory WORM, and says so.
//! [`InMemoryVault`] is for tests and fails on request.

#[cfg(any(test, feature = "testing"))]
pub mod conformance;
mod content;
mod directory;
mod error;
mod in_memory;
mod key;
mod observation;
pub mod retention;
#[cfg(feature = "s3")]
pub mod s3;
mod vault;

pub use content::{Chunks, Content, Held};
pub use directory::WriteOnceDirectory;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub use directory::fuzzing;
pub use error::VaultError;
pub use in_memory::{Fault, InMemoryVault};
pub use key::{BadKey, MAX_KEY_BYTES, MAX_SEGMENT_BYTES, ObjectKey};
pub use observation::{Aspect, Depth, Observation, Standing};
pub use vault::{Done, Listed, PutOptions, PutOutcome, ReadBack, Vault, VaultDescription, VaultFuture, Version};
