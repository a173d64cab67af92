//! The math of the log: hashes, proofs, checkpoints, bundles, their verification. No I/O.
//!
//! Everything here is a function of its arguments: no clock, no randomness, no file, no network.
//! Seeds arrive as arguments, and whatever must be read arrives as bytes, as [`std::io::Read`], or
//! through a small trait such as [`tree::NodeReader`].
//!
//! The formats are other people's, so that tools nobody here wrote can follow the log:
//! [RFC 6962](https://www.rfc-editor.org/rfc/rfc6962) for the tree and its proofs, and
//! [C2SP](https://c2sp.org) `signed-note`, `tlog-checkpoint` and `tlog-tiles` for what is published.

pub mod bundle;
pub mod checkpoint;
pub mod keys;
pub mod note;
pub mod segment;
pub mod tiles;
pub mod tree;

#[cfg(test)]
mod vectors;
