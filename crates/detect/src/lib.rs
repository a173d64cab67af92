//! The detection engine: secrets and personal data in bytes. No I/O.
