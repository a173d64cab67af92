//! The math of the log: hashes, proofs, checkpoints, bundles, their verification. No I/O.
